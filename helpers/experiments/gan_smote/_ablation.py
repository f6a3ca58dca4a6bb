"""One trick less: what becomes of the rows of GAN-SMOTE, fold by fold."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt

from ...evaluation import Claim, Difference, judge, summarise
from ...plotting import COLOURS
from ._rows import NAMES, TRICKS, rows_of

#: What generated rows are judged by; `judge_samples` defines each.
QUALITIES = ["valid", "copies", "distinct", "coverage", "spread"]
#: The samplers whose rows are judged beside one another.
SAMPLERS = [
    "gan_smote",
    "gan_smote_group_argmax",
    "gan_smote_authors_code",
    "gan",
    "smote",
    "smoten",
    "random_oversampling",
]
#: Training and test rows of a fold.
SIZES = {"n_train": 126, "n_test": 14}
_RIGHT = "right answers of a fold"


def _generated(stored):
    return rows_of(stored, "samples", methods=["gan_smote", *TRICKS])


def _scored(stored, seed):
    rows = rows_of(stored, "folds", "network", ["gan_smote", *TRICKS])
    return rows[rows["seed"] == seed]


def ablation(stored, seed):
    """Qualities of the rows, and the accuracy of the paper's network with them.

    Parameters
    ----------
    stored : DataFrame
    seed : int
        The repeat of ten folds whose accuracy is shown.

    Returns
    -------
    DataFrame of str
        An arm a row, the full method first; ± is over folds.
    """
    found = summarise(_generated(stored), QUALITIES, digits=2).drop(columns="n")
    right = summarise(_scored(stored, seed), ["accuracy"], digits=2)
    return found.join(right).reindex(["gan_smote", *TRICKS]).dropna(how="all")


def judged_rows(stored):
    """Qualities of the rows of every sampler, without taking anything away; a row a fold.

    Returns
    -------
    DataFrame
        `QUALITIES` and ``ones``, the ones of a row, by ``method`` in the order of the page.
    """
    rows = rows_of(stored, "samples", methods=SAMPLERS)
    return rows[["method", "fold", *QUALITIES, "ones"]]


def changes(stored, quality):
    """Differences of one quality from the full method: a row per fold, a column per trick.

    Parameters
    ----------
    stored : DataFrame
    quality : str
        One of `QUALITIES`.
    """
    return _changes(_generated(stored), quality)


def _changes(rows, column):
    wide = rows.pivot(index="fold", columns="method", values=column)
    return wide.sub(wide["gan_smote"], axis=0).reindex(columns=[*TRICKS])


def mean_changes(stored, seed):
    """Mean and standard deviation over folds of every change, by trick.

    Returns
    -------
    DataFrame
        Columns are (quality, "mean" or "std"), and of the repeat `seed` the right answers
        of a fold.
    """
    rows = _scored(stored, seed)
    rows = rows.assign(right=rows["accuracy"] * rows["n_test"])
    found = {quality: changes(stored, quality) for quality in QUALITIES}
    found[_RIGHT] = _changes(rows, "right")
    return pd.concat({k: v.agg(["mean", "std"]).T for k, v in found.items()}, axis=1)


def judged_changes(stored, alpha=0.05):
    """All changes of the rows as one family: are they more than the folds' variation?

    By the corrected resampled t-test, since folds share training rows.

    Returns
    -------
    DataFrame
        What `helpers.evaluation.judge` returns, indexed by trick and quality.
    """
    gaps = {quality: changes(stored, quality) for quality in QUALITIES}
    claims = {
        (arm, quality): Claim("", Difference.of(gaps[quality][arm].dropna(), **SIZES))
        for arm in TRICKS
        for quality in QUALITIES
    }
    found = judge([*claims.values()], "changes of rows", alpha=alpha)
    return found.set_axis(pd.MultiIndex.from_tuples(claims))


def told_changes(judged, alpha=0.05):
    """The changes that are told from none, in words.

    Parameters
    ----------
    judged : DataFrame
        What `judged_changes` returned.

    Returns
    -------
    list of str
    """
    told = judged[judged["p_holm"] < alpha]["difference"]
    return [f"{q} with {NAMES[arm]} ({gap:+.2f})" for (arm, q), gap in told.items()]


def changes_table(change, judged, alpha=0.05):
    """Mean ± sd of every change as text, with a star where it is told from none.

    Parameters
    ----------
    change : DataFrame
        What `mean_changes` returned.
    judged : DataFrame
        What `judged_changes` returned.
    """
    star = judged["p_holm"] < alpha
    texts = {
        quality: [
            f"{mean:+.2f} ± {sd:.2f}" + " *" * bool(star.get((arm, quality), False))
            for arm, mean, sd in change[quality].itertuples()
        ]
        for quality in [*QUALITIES, _RIGHT]
    }
    return pd.DataFrame(texts, change.index)


def collapsed(stored, least_spread):
    """How many sets of generated rows vary less than a share of the real ones, of how many.

    Parameters
    ----------
    stored : DataFrame
    least_spread : float
        Below it the mean spread of a fold's four classes counts as collapsed.
    """
    spread = _generated(stored)["spread"]
    return int((spread < least_spread).sum()), len(spread)


def draw_changes(change):
    """Draw four qualities' changes, a panel each, and say which is the largest of each.

    Parameters
    ----------
    change : DataFrame
        What `mean_changes` returned.

    Returns
    -------
    str
        The alternative text of the figure.
    """
    figure, axes = plt.subplots(1, 4, figsize=(9, 3), sharey=True)
    largest = []
    heights = np.arange(len(change))[::-1]
    for ax, quality in zip(axes, QUALITIES[:4], strict=True):
        mean, sd = change[quality]["mean"], change[quality]["std"]
        ax.axvline(0, color=COLOURS["grey"], linewidth=1)
        ax.errorbar(mean, heights, xerr=sd, fmt="o", color=COLOURS["blue"])
        most = mean.abs().idxmax()
        largest.append(f"{quality} {mean[most]:+.2f} for {NAMES[most]}")
        ax.set(title=quality, yticks=heights)
    axes[0].set_yticklabels([NAMES[name] for name in change.index])
    figure.supxlabel("change from the full method; bars are sd over folds", fontsize=11)
    return (
        "Change of qualities when a trick is taken away; the largest: "
        f"{', '.join(largest)}"
    )
