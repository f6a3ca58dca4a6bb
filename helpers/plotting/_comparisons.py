"""Figures of two ways of doing the same: pairs, curves side by side, an interval and what came."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from ._figures import COLOURS, paired_differences, reliability


def pairs(table: pd.DataFrame, ax: Axes) -> Axes:
    """Two numbers a line, a circle and a diamond, and the way from one to the other.

    Parameters
    ----------
    table : DataFrame with two columns
        Their names are those of a legend above the figure; the first row is on top.
    """
    rows = -np.arange(len(table))
    for height, (_, values) in zip(rows, table.iterrows(), strict=True):
        ax.plot(values, [height] * 2, color=COLOURS["grey"], linewidth=1)
        for value, mark, colour in zip(values, "oD", ("blue", "orange"), strict=True):
            ax.plot(value, height, mark, color=COLOURS[colour])
    ax.set(yticks=rows)
    ax.set_yticklabels(table.index)
    marks = [line for line in ax.lines if line.get_linestyle() == "None"][:2]
    options = {"loc": "outside upper center", "ncols": 2, "frameon": False}
    ax.figure.legend(marks, [*table.columns], **options)
    return ax


def reliabilities(y_true, risks: dict[str, dict[str, np.ndarray]], n_bins=10):
    """A panel of `reliability` for each classifier, and one legend for all.

    Parameters
    ----------
    y_true : array of int, shape (n,)
        One per row.
    risks : dict of str to dict of str to array of shape (n, repeats)
        By classifier and by what was done before, predicted probabilities.
    n_bins : int

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        Classifiers with other arms than the first: one legend could not tell them.
    """
    first, names = next((name, [*arms]) for name, arms in risks.items())
    for name, arms in risks.items():
        if {*arms} != {*names}:
            raise ValueError(
                f"{name!r} has the arms {[*arms]}, {first!r} has {names}; give all the "
                "same, or draw a figure of each."
            )
    figure, axes = plt.subplots(
        2,
        len(risks),
        figsize=(4.5 * len(risks), 5.4),
        height_ratios=[3, 1],
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for column, (name, arms) in zip(axes.T, risks.items(), strict=True):
        outcome = np.repeat(y_true, next(iter(arms.values())).shape[1])
        reliability(outcome, {k: arms[k].ravel() for k in names}, column, n_bins)
        column[0].set_title(f"{name}: {column[0].get_title()}", fontsize=10)
    for ax in axes.flat:
        ax.label_outer()
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def paired_panels(found: dict, xlabel: str, size=(4.5, 2.8), fontsize=11, **options):
    """A panel of `paired_differences` for each metric or classifier, side by side.

    Parameters
    ----------
    found : dict of str to (splits, table)
        By title, as `paired_differences` takes them. A method that one has and another
        not has a line in both.
    xlabel : str
        Below all panels.
    size : (float, float)
        Width and height of a panel in inches.
    fontsize : float or str
        Of `xlabel`.
    options
        Of ``plt.subplots``, such as ``sharex``.

    Returns
    -------
    Figure
    """
    whole = (size[0] * len(found), size[1])
    figure, axes = plt.subplots(
        1, len(found), figsize=whole, sharey=True, squeeze=False, **options
    )
    methods = dict.fromkeys(m for _, table in found.values() for m in table.index)
    for ax, (title, (splits, table)) in zip(axes.flat, found.items(), strict=True):
        splits, table = splits.reindex(columns=[*methods]), table.reindex([*methods])
        paired_differences(splits, table, ax, title)
    figure.supxlabel(xlabel, fontsize=fontsize)
    return figure


def intervals_beside(
    intervals: pd.DataFrame, values, ax: Axes, title="", beside="others"
):
    """Intervals of one study as bars, and above them what other studies found, as diamonds.

    Parameters
    ----------
    intervals : DataFrame
        ``low`` and ``high``, a bar a row, the first at the bottom; the index names them.
    values : array of shape (n,)
    beside : str
        Name of the diamonds.
    """
    n = len(intervals)
    for height, (low, high) in enumerate(
        zip(intervals["low"], intervals["high"], strict=True)
    ):
        ax.plot([low, high], [height] * 2, "|-", color=COLOURS["blue"], ms=12)
    ax.plot(values, np.full(len(values), n), "D", color=COLOURS["orange"], alpha=0.7)
    ax.axvline(0, color=COLOURS["grey"], linewidth=1)
    ax.set(yticks=range(n + 1), ylim=(-0.5, n + 0.5), title=title)
    ax.set_yticklabels([*intervals.index, beside])
    return ax
