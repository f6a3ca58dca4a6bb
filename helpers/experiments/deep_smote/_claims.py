"""What the paper says of its methods, and what we add: each claim with its difference.

The method of a claim is DeepSMOTE by its authors' code, the reading that the printed numbers
may come from; `literal_optimum` says why the text's cannot be it.
"""

import numpy as np
import pandas as pd

from ...evaluation import Claim, Difference, judge, mean_differences, place
from ._table_1 import (
    ARMS,
    LOADERS,
    METRICS,
    SETTINGS,
    counts_of,
    published,
)

READING = "deep_smote_authors_code"
#: Of the paper's table; ours of AMDO has the step of its forerunner, and no more.
PAPERS_RIVALS = {
    "amdo": "MDO, for AMDO",
    "mc_ccr": "MC-CCR",
    "mc_rbo": "MC-RBO",
    "bagan": "BAGAN",
    "gamo": "GAMO",
}
#: Claim by the arms that it compares, the better first, and the test it is about.
CLAIMS = {
    "it beats SMOTE (paper: all five)": (READING, "smote", ""),
    **{
        f"it beats {name} (paper: all five)": (READING, rival, "")
        for rival, name in PAPERS_RIVALS.items()
    },
    "it beats SMOTE, balanced test": (READING, "smote", "balanced_"),
    "it beats doing nothing (not in the paper)": (READING, "nothing", "balanced_"),
    "it beats augmented copies (not in the paper)": (
        READING,
        "random_oversampling_augmented",
        "balanced_",
    ),
    "it beats logit adjustment (not in the paper)": (
        READING,
        "logit_adjustment",
        "balanced_",
    ),
    "the penalty of the code helps": (READING, "deep_smote_no_penalty", "balanced_"),
    "the penalty of the text helps": (
        "deep_smote",
        "deep_smote_no_penalty",
        "balanced_",
    ),
}


def against_nothing(rows):
    """Claims that each arm of some rows is better than doing nothing, for `judged`.

    Returns
    -------
    dict of str to (arm, "nothing", "balanced_")
        By the arm; the dummy makes no claim.
    """
    there, idle = {*rows["method"]}, ("nothing", "dummy")
    arms = [arm for arm in [*ARMS, "nothing_augmented"] if arm in there]
    return {arm: (arm, "nothing", "balanced_") for arm in arms if arm not in idle}


def n_images(row, prefix):
    """Test images of each class, from a stored row's sizes."""
    n_test = row.get("n_test")
    counts = counts_of(row["dataset"], row["n_train"], n_test)
    return np.array(counts.balanced if prefix else counts.test)


def recall_error(recalls, n_images):
    """Standard error of a mean recall that other test images would have turned out with.

    Each image is found with its class's probability, independently of the others. Classes
    of which all or none are found vary, too: each counts one found and one missed more.

    Parameters
    ----------
    recalls, n_images : arrays of shape (K,)

    Examples
    --------
    >>> round(recall_error([0.5, 0.5], [100, 100]), 4)
    0.0354
    """
    recalls, n = np.asarray(recalls, dtype=float), np.asarray(n_images)
    p = (recalls * n + 1) / (n + 2)
    return float(np.sqrt((p * (1 - p) / n).sum()) / len(n))


def row_error(row, prefix="") -> float:
    """Standard error of a stored row's mean recall by its test images alone.

    Parameters
    ----------
    row : Series
    prefix : {"", "balanced_"}
        Of the imbalanced test's columns, or of the balanced one's.
    """
    n = n_images(row, prefix)
    return recall_error(row[[f"{prefix}recall_{c}" for c in range(len(n))]], n)


def gains(rows) -> pd.DataFrame:
    """What each arm gains over doing nothing on the balanced test, in points, by data set.

    Parameters
    ----------
    rows : DataFrame
        Rows of one profile's table that learnt.

    Returns
    -------
    DataFrame
        ``dataset, method, gain`` in the mean over draws, and ``gain_bar``, half a 95 %
        interval from the size of the test, as if both arms had been tested on images of
        their own. Neither another draw nor another seed is in it. The dummy is left out.
    """
    found = []
    for name, own in rows.groupby("dataset"):
        for arm in dict.fromkeys(own["method"]):
            one = over_images(own, "balanced_", arm, "nothing")
            if arm not in ("nothing", "dummy") and one.n:
                bars = 100 * one.mean, 196 * one.error
                found.append((name, arm, *bars))
    return pd.DataFrame(found, columns=["dataset", "method", "gain", "gain_bar"])


def agreement(points, measures, least=5) -> pd.DataFrame:
    """Spearman's rank correlation of measures of images with the gain, over the arms.

    Parameters
    ----------
    points : DataFrame
        ``dataset``, ``gain`` and the measures, one row an arm and data set.
    measures : list of str
    least : int
        Arms that a data set needs.

    Returns
    -------
    DataFrame of shape (measures, data sets)
    """
    found = {
        name: rows[[*measures, "gain"]].rank().corr()["gain"][measures]
        for name, rows in points.groupby("dataset")
        if len(rows) >= least
    }
    return pd.DataFrame(found, index=measures)


def by_chance(points, measures, least=5, random_state=None, n=1000) -> float:
    """How often the nearest of all measures comes as near, were gains dealt at random.

    Arms are exchanged and not their gains on single sets: one that leads on a set is likely
    to lead on the next, so that sets are no independent repeats.

    Parameters
    ----------
    points, measures, least
        As of `agreement`; ``method`` names the arms.
    random_state : int, optional
    n : int
        Deals of the gains among the arms, the same on all data sets.

    Returns
    -------
    float
        Share of deals whose largest mean correlation over the data sets is at least the
        one that was found.
    """
    rng = np.random.default_rng(random_state)
    arms = {arm: i for i, arm in enumerate(points["method"].unique())}
    keys = rng.random((n + 1, len(arms)))
    keys[0] = np.arange(len(arms))  # first as they are
    means = []
    for _, rows in points.groupby("dataset"):
        if len(rows) < least:
            continue
        ranks = rows[[*measures, "gain"]].rank()
        ranks = ((ranks - ranks.mean()) / ranks.std(ddof=0)).fillna(0).to_numpy()
        own = rows["method"].map(arms).to_numpy()
        order = np.argsort(keys[:, np.sort(own)], axis=1)
        ranks = ranks[np.argsort(own)]
        means.append(ranks[order, -1] @ ranks[:, :-1] / len(rows))
    largest = np.mean(means, axis=0).max(axis=1)
    return float((largest >= largest[0] - 1e-12).mean())


def over_images(rows, prefix, arm, reference) -> Difference:
    """The difference of two trainings in mean recall, to be tested over test images.

    It is about these two networks: another draw or another seed are not in it. As if each
    had been tested on images of its own, which is cautious.

    Parameters
    ----------
    rows : DataFrame
        Of one data set and protocol.
    prefix : {"", "balanced_"}
        Of the imbalanced test's columns, or of the balanced one's.
    arm, reference : str

    Returns
    -------
    Difference
        The mean over draws, whose tests have no image in common, but of CelebA, whose
        draws share one. Its `n` are test images.
    """
    own = rows.set_index(["method", "fold"], drop=False)
    means, errors, n = [], [], [0]
    for fold in sorted({*rows["fold"]}):
        if not {(arm, fold), (reference, fold)} <= {*own.index}:
            continue
        pair = [own.loc[(name, fold)] for name in (arm, reference)]
        n = n_images(pair[0], prefix)
        recalls = [
            row[[f"{prefix}recall_{c}" for c in range(len(n))]].to_numpy(dtype=float)
            for row in pair
        ]
        means.append(recalls[0].mean() - recalls[1].mean())
        errors.append(np.hypot(*(recall_error(r, n) for r in recalls)))
    if not means:
        return Difference.of([])
    tests = 1 if own["dataset"].iloc[0] == "celeba" else len(means)
    total = tests * int(np.sum(n))
    error = float(np.sqrt(np.mean(np.square(errors)) / tests))
    return Difference(float(np.mean(means)), error, total - 1, total)


def over_draws(rows, prefix, arm, reference) -> Difference:
    """The difference of two methods in mean recall, to be tested over draws.

    Draws are folds of a cross-validation in five: a test part has a fourth of the images
    that training may draw from, which the corrected test allows for. Not so of CelebA, whose
    test is the official one in each draw: there is no test over draws, and the error is NaN.
    """
    both = rows[rows["method"].isin([arm, reference])]
    if both["method"].nunique() < 2:
        return Difference.of([])
    n_test = both["n_train"].iloc[0] / 4
    found = mean_differences(both, f"{prefix}acsa", reference, n_test=n_test)[arm]
    fixed = (both["dataset"] == "celeba").any()
    return found._replace(error=np.nan) if fixed else found


def judged(rows, over, claims=CLAIMS, planned=0):
    """Claims on every data set that has the arms: one family.

    Parameters
    ----------
    rows : DataFrame
        Rows of one profile's table that learnt.
    over : {"draws", "images"}
        A method is judged over draws; of a single training, the network over test images.
    claims : dict of str to (better arm, worse arm, prefix)
    planned : int
        As in `judge`.

    Returns
    -------
    DataFrame
        What `judge` returns, indexed by claim and data set.
    """
    difference = {"draws": over_draws, "images": over_images}[over]
    found = {
        (text, name): Claim("", one)
        for text, (better, worse, prefix) in claims.items()
        for name in LOADERS
        if (own := rows[rows["dataset"] == name]).size
        and (one := difference(own, prefix, better, worse)).n
    }
    family = {"draws": "methods, over draws", "images": "networks, over test images"}
    table = judge([*found.values()], family[over], planned=planned)
    names = [table.index.name, "data"]
    if not found:
        return table
    return table.set_axis(pd.MultiIndex.from_tuples(found, names=names))


def in_cells(judged):
    """A judged family as one cell of text per claim and data set: points and verdict."""
    if judged.empty:
        return pd.DataFrame()
    text = (100 * judged["difference"]).map("{:+.1f} ".format) + judged["verdict"]
    table = text.unstack()
    order = [name for name in LOADERS if name in table]
    return table.reindex(judged.index.unique(0))[order].fillna("")


def placed(rows):
    """The printed rows of SMOTE and DeepSMOTE beside ours, by data set, method, metric.

    On a part of the images nothing is comparable, nor is DeepSMOTE at a part of its width,
    nor GM, of which some cells fit no definition (`impossible_gmeans`). A number is printed
    to show that DeepSMOTE is ahead of SMOTE, so that their distance is the effect.
    """
    paper = published()["imbalanced"]
    found = {}
    for name in [n for n in LOADERS if n in {*rows["dataset"]}]:
        own = rows[rows["dataset"] == name]
        settings = SETTINGS[own["profile"].iloc[0]]
        whole = settings["scale"] == 1 and name != "svhn"
        width = settings.get("deep_smote", {}).get("width", 1)
        for printed, arm in (("smote", "smote"), ("deep_smote", READING)):
            values = own[own["method"] == arm]
            alike = whole and (arm == "smote" or width == 1)
            for metric in METRICS if len(values) else ():
                numbers = paper[name, metric]
                found[name, arm, metric] = place(
                    numbers[printed],
                    values[metric],
                    effect=numbers["deep_smote"] - numbers["smote"],
                    half_unit=0.00005,
                    bounds=(0, 1),
                    comparable=alike and metric != "gmean_macro",
                )
    return found
