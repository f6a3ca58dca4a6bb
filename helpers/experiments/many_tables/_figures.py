"""What the chapter draws of its rows; each returns the words of its alternative text."""

import numpy as np
from matplotlib import pyplot as plt

from ...display import told_apart
from ...plotting import COLOURS, differences, printed
from ._ranks import gains, ranked


def draw_gains(table, arms) -> str:
    """A dot per table and arm, sorted, and a line at the median of the arm.

    Parameters
    ----------
    table : DataFrame
        Gains in average precision, as `gains` returns them: a column per arm.
    arms : sequence of str
        From the top to the bottom.

    Returns
    -------
    said : str
        The two best medians and the last.
    """
    arms = [*arms]
    _, ax = plt.subplots(figsize=(8, 0.6 + 0.32 * len(arms)))
    for height, arm in enumerate(reversed(arms)):
        values = table[arm].dropna().sort_values()
        steps = height + np.linspace(-0.3, 0.3, len(values))
        ax.scatter(values, steps, s=12, color=COLOURS["grey"])
        ends = height - 0.38, height + 0.38
        ax.plot([values.median()] * 2, ends, color=COLOURS["blue"])
    ax.axvline(0, color=COLOURS["black"], linewidth=1)
    ax.set_yticks(range(len(arms)), [printed(a) for a in reversed(arms)])
    ax.set_xlabel("gain in average precision over doing nothing, boosting")
    middle = table[arms].median().sort_values()
    shown = (*middle.index[:-3:-1], *middle.index[:1])
    told = ", ".join(f"{printed(a)} {middle[a]:+.4f}" for a in shown)
    return (
        f"Gains of {len(arms)} arms, a dot per table; medians, the two best and the last: "
        f"{told}"
    )


def draw_parts(pieces) -> str:
    """The two parts of each arm's gains: in mean recall, and beside it in log loss.

    Parameters
    ----------
    pieces : DataFrame
        A row per arm, from the top to the bottom, with the columns of `split_gains`.

    Returns
    -------
    said : str
        The largest gain by ranking and the largest by a threshold.
    """
    size = 9, 0.8 + 0.3 * len(pieces)
    _, axes = plt.subplots(1, 2, figsize=size, sharey=True)
    heights = np.arange(len(pieces))[::-1]
    panels = (("ranking", "threshold"), ("rest", "calibration"))
    for ax, parts in zip(axes, panels, strict=True):
        for part, up, colour in zip(
            parts, (0.18, -0.18), ("blue", "yellow"), strict=True
        ):
            colour = COLOURS[colour]
            ax.barh(heights + up, pieces[part], 0.34, color=colour, label=part)
        ax.axvline(0, color=COLOURS["black"], linewidth=1)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
    axes[0].set_yticks(heights, [printed(a) for a in pieces.index])
    axes[0].set_xlabel("median gain in mean recall")
    axes[1].set_xlabel("median fall of the log loss")
    largest = [pieces[c].dropna().nlargest(1) for c in ("ranking", "threshold")]
    told = [f"{printed(a)} {v:+.3f}" for part in largest for a, v in part.items()]
    return (
        "Two parts of each arm's gain; the largest by ranking and by threshold: "
        + ", ".join(told)
    )


def draw_often(tests) -> str:
    """Differences from doing nothing on the table that is split often, a panel a metric.

    Parameters
    ----------
    tests : dict of str to DataFrame
        As `often` returns them.

    Returns
    -------
    said : str
        The arms that are told from doing nothing, by each metric.
    """
    figure, axes = plt.subplots(1, len(tests), figsize=(11, 3.1), sharey=True)
    differences(tests, axes)
    figure.supxlabel(
        "difference from doing nothing, with 95 % intervals, not corrected"
    )
    told = "; ".join(f"{name}: {told_apart(found)}" for name, found in tests.items())
    return (
        f"Differences from doing nothing in {len(tests)} metrics; told after Holm's "
        f"correction: {told}"
    )


def gain_and_tables(rows, listed):
    """What SMOTE gains on each source, beside what is known of its table.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    listed : DataFrame
        Of `helpers.data.list_keel`, by table.

    Returns
    -------
    DataFrame
        `listed` of the sources that have a ``gain``, in mean recall with both thresholds
        tuned, and ``hardness``, the average precision of doing nothing.
    """
    part = ranked(rows)
    tuned = gains(part, "tuned_acsa", "boosting")
    base = part[(part["method"] == "nothing") & (part["classifier"] == "boosting")]
    hardness = base.groupby("dataset")["pr_auc"].mean()
    facts = listed.assign(hardness=hardness, gain=tuned.get("smote"))
    return facts.dropna(subset=["gain"])


def draw_gain_and_tables(facts, n_named=3) -> str:
    """The gain of SMOTE against share, rows and hardness of a table, a mark per source.

    Parameters
    ----------
    facts : DataFrame
        As `gain_and_tables` returns it.
    n_named : int
        Sources of the largest gains and losses that are named in the picture.

    Returns
    -------
    said : str
    """
    extreme = facts["gain"].abs().nlargest(n_named).index
    mixed = facts["categories"] > 0
    kinds = {"with categories": (mixed, "s"), "numbers only": (~mixed, "o")}
    ticks = {"share": [0.02, 0.05, 0.1], "rows": [500, 2000, 8000]}
    _, axes = plt.subplots(1, 3, figsize=(10, 3.4), sharey=True)
    for ax, column in zip(axes, ["share", "rows", "hardness"], strict=True):
        for label, (kind, marker) in kinds.items():
            points = facts[column][kind], facts["gain"][kind]
            ax.scatter(*points, marker=marker, label=label)
        for name in extreme:
            at = facts.loc[name, [column, "gain"]]
            ax.annotate(name[:10], at, (3, 3), textcoords="offset points", fontsize=7)
        ax.axhline(0, color=COLOURS["grey"], linewidth=1)
        if marks := ticks.get(column):
            ax.set(xscale="log")
            ax.set_xticks(marks, marks)
            ax.set_xticks([], minor=True)
        ax.set_xlabel(column)
    axes[0].set_ylabel("gain of SMOTE, tuned")
    axes[0].legend(fontsize=8)
    gain = facts["gain"]
    return (
        f"Gain of SMOTE, both thresholds tuned, against three properties of {len(facts)} "
        f"sources: {(gain > 0).sum()} are above zero; it goes from {gain.min():+.3f} to "
        f"{gain.max():+.3f}"
    )
