"""What becomes of the scores when the imbalance grows? The journal version's Figure 8."""

import time

import numpy as np

from ...data import make_imbalanced
from ...evaluation import Resampled, part
from ...plotting import printed
from ...store import Cell
from .. import that_learnt
from ._table_1 import CHAPTER, N_DRAWS, classifier, fit_on, parts, pool, resample

RATIO_PROTOCOL, COUNTS_RATIO = "ratio-1", "ratio-2"
#: Images of the largest class over those of the smallest, from end to end of the figure.
RATIOS = [20, 400, 100, 50, 200]
RATIO_ARMS = [
    "dummy",
    "nothing",
    "random_oversampling_augmented",
    "logit_adjustment",
    "smote",
    "deep_smote_no_penalty",
    "deep_smote",
]
#: Those of "counts", none with a network.
CHEAP_ARMS = [
    "nothing",
    "random_oversampling",
    "random_oversampling_augmented",
    "logit_adjustment",
    "smote",
]
#: Images of the largest class. The smallest has two at a ratio of 400 in "tenth": with the
#: 400 of Table 1 it would have one, and nothing can be put between one image and itself.
LARGEST = {"tenth": 800, "counts": 4000, "paper": 4000, "smoke": 60}
N_TEST = 1000  # of each class


def ratio_counts(ratio, profile):
    """Images of each of ten classes, each a constant share of the one before, the rarest at least two."""
    shares = float(ratio) ** (-np.arange(10) / 9)
    return np.maximum(np.rint(LARGEST[profile] * shares), 2).astype(int)


def ratio_draw(cell):
    """A training set of the ratio in the cell's name, and a balanced test.

    Returns
    -------
    train, test : Part
    """
    name, ratio = cell.dataset.rsplit("-ratio-", 1)
    images = pool(name)
    learnt, kept = parts(name, cell.seed, cell.fold, cell.profile)
    n_test = min(N_TEST, np.bincount(images.target[kept]).min())
    counts = ratio_counts(int(ratio), cell.profile), np.full(10, n_test)
    drawn, random_state = [], 1000 * cell.seed + cell.fold
    for rows, n in zip((learnt, kept), counts, strict=True):
        rows, _ = make_imbalanced(rows, images.target[rows], [*n], random_state)
        drawn.append(part(images.data, images.target, rows))
    return drawn


def ratio_cells(profile):
    """The ends of the figure first."""
    if profile == "pilot":
        return []
    draws, arms, protocol = 1, RATIO_ARMS, RATIO_PROTOCOL
    if profile == "counts":
        draws, arms, protocol = N_DRAWS, CHEAP_ARMS, COUNTS_RATIO
    name = "digits_images" if profile == "smoke" else "fashion_mnist"
    ratios = RATIOS[:1] if profile == "smoke" else RATIOS
    return [
        Cell(CHAPTER, profile, f"{name}-ratio-{ratio}", method, 0, fold, protocol)
        for fold in range(draws)
        for ratio in ratios
        for method in arms
    ]


def run_ratio(cell):
    """One row: scores on a balanced test."""
    train, test = ratio_draw(cell)
    name = cell.dataset.rsplit("-ratio-", 1)[0]
    random_state = 1000 * cell.seed + cell.fold
    started = time.perf_counter()
    X, y, extra = resample(cell.method, train.X, train.y, cell.profile, random_state)
    made = Resampled(X, y, time.perf_counter() - started)
    model = classifier(cell.method, name, cell.profile, random_state)
    row, _ = fit_on(made, train, {"balanced": test}, model)
    return {"provenance": pool(name).provenance, **row, **extra}


# ---------------------------------------------------------------- stored ratios


def by_ratio(stored, seed=0):
    """The rows of the figure that learnt, but for the dummy's.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol.
    seed : int
        Of the draw.

    Returns
    -------
    DataFrame
        With ``ratio`` and ``error``, the standard error of the mean recall from the size
        of the test alone.

    Raises
    ------
    ValueError
        No ratio is stored.
    """
    rows = that_learnt(stored[stored["protocol"] == RATIO_PROTOCOL])
    rows = rows[(rows["method"] != "dummy") & (rows["seed"] == seed)]
    if rows.empty:
        raise ValueError(
            f"No ratio of profile {[*stored['profile'].unique()]} and seed={seed} is "
            "stored; compute them with `python -m helpers run deep_smote`."
        )
    recalls = rows[[f"balanced_recall_{c}" for c in range(10)]]
    variance = (recalls * (1 - recalls)).sum(axis=1) / (rows["n_balanced_test"] / 10)
    ratio = rows["dataset"].str.rsplit("-", n=1).str[1].astype(int)
    return rows.assign(ratio=ratio, error=np.sqrt(variance) / 10)


def ratio_table(rows):
    """Mean recall on the balanced test in per cent, arm by ratio; of rows of `by_ratio`."""
    table = 100 * rows.pivot_table("balanced_acsa", "method", "ratio")
    return table.loc[[arm for arm in RATIO_ARMS if arm in table.index]]


def falls(table):
    """What each arm loses from the least ratio to the largest, and the largest rise.

    Parameters
    ----------
    table : DataFrame
        What `ratio_table` returns.

    Returns
    -------
    Series
        Points, the least loss first.
    float
        The most that one arm gains from a ratio to the next, which is luck.
    """
    lost = (table.iloc[:, 0] - table.iloc[:, -1]).sort_values()
    return lost, float(table.diff(axis=1).max().max())


def falls_told(table) -> str:
    """`falls` in a sentence."""
    lost, rise = falls(table)
    return (
        f"From {table.columns[0]} to {table.columns[-1]} the arms lose {lost.min():.0f} "
        f"({printed(lost.index[0])}) to {lost.max():.0f} points "
        f"({printed(lost.index[-1])}); from a ratio to the next one arm rises by up to "
        f"{rise:.0f}."
    )
