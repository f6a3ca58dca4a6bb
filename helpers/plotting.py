"""The few figures that chapters share.

White background also on a dark page, Okabe and Ito's colours, which readers with any
colour vision can tell apart, and a marker per kind of point besides.
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from sklearn.calibration import calibration_curve

COLOURS = {
    "grey": "#7F7F7F",
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "yellow": "#E69F00",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "black": "#000000",
}

#: Give it to ``plt.rcParams.update`` or ``plt.rc_context``.
STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": plt.cycler(color=[*COLOURS.values()][1:]),
}

_KINDS = {  # class number, generated or not: marker, colour, z-order
    (0, False): ("o", COLOURS["sky"], 1),
    (1, False): ("^", COLOURS["orange"], 2),
    (1, True): ("s", COLOURS["black"], 3),
}


def embedding(points, y, synthetic, names, ax: Axes, title="") -> Axes:
    """Scatter a two-dimensional map: both classes, and generated points as squares.

    Parameters
    ----------
    points : array of shape (n, 2)
        What t-SNE or PCA made of the rows.
    y : array of int, shape (n,)
        0 or 1.
    synthetic : array of bool, shape (n,)
        True where the row was generated.
    names : sequence of two str
        Class names.
    """
    for (number, generated), (marker, colour, order) in _KINDS.items():
        chosen = (y == number) & (synthetic == generated)
        if chosen.any():
            ax.scatter(
                *points[chosen].T,
                s=22,
                marker=marker,
                facecolors="none" if generated else colour,
                edgecolors=colour,
                linewidths=0.9 if generated else 0,
                alpha=0.9 if generated else 0.7,
                zorder=order,
                label=f"{names[number]}, generated" if generated else names[number],
            )
    ax.set(title=title, xticks=[], yticks=[])
    return ax


def marginals(samples: dict[str, np.ndarray], columns: dict[str, int], axes) -> None:
    """Densities of single columns, one line per sample; the first is drawn filled.

    Parameters
    ----------
    samples : dict of str to array of shape (n, d)
        Real rows first, then generated ones.
    columns : dict of str to int
        Column names and numbers, one per axis.
    axes : sequence of Axes
    """
    styles = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]
    for ax, (name, column) in zip(axes, columns.items(), strict=True):
        for i, (label, rows) in enumerate(samples.items()):
            sns.kdeplot(
                x=rows[:, column],
                ax=ax,
                label=label,
                cut=0,
                color=[*COLOURS.values()][i],
                fill=i == 0,
                alpha=0.35 if i == 0 else 1,
                linestyle=styles[i % len(styles)],
                linewidth=1.8,
                warn_singular=False,
            )
        ax.set(xlabel=name, ylabel="", yticks=[])
    axes[0].set_ylabel("density")


def differences(tables: dict[str, pd.DataFrame], axes) -> None:
    """Differences from a reference with their intervals, a panel per metric.

    Parameters
    ----------
    tables : dict of str to DataFrame
        Title to table of `helpers.evaluation.compare`, rows in the same order.
    axes : sequence of Axes
    """
    for ax, (title, table) in zip(axes, tables.items(), strict=True):
        rows = np.arange(len(table))[::-1]
        clear = (table["p_holm"] < 0.05).to_numpy()
        ax.axvline(0, color=COLOURS["grey"], linewidth=1)
        for kind, colour, face in ((clear, "orange", True), (~clear, "blue", False)):
            part = table[kind]
            ax.errorbar(
                part["difference"],
                rows[kind],
                xerr=[
                    part["difference"] - part["low"],
                    part["high"] - part["difference"],
                ],
                fmt="D" if face else "o",
                color=COLOURS[colour],
                markerfacecolor=COLOURS[colour] if face else "white",
                capsize=3,
            )
        ax.set(title=title, yticks=rows, ylim=(-0.6, len(table) - 0.4))
        ax.set_yticklabels([name.replace("_", " ") for name in table.index])


def paired_differences(splits, table: pd.DataFrame, ax: Axes, title="") -> Axes:
    """A dot for every split's difference under the mean and its corrected interval.

    The dots show how far one split can lie from the mean; the interval, how far the mean
    of other patients might.

    Parameters
    ----------
    splits : DataFrame
        What `helpers.evaluation.paired` returns: a row per split, a column per method.
    table : DataFrame
        What `helpers.evaluation.compare` returns for the same rows.
    """
    for row, name in zip(np.arange(len(table))[::-1], table.index, strict=True):
        values = splits[name].dropna().to_numpy()
        # Steps of the golden section never fall on the same height, and need no seed.
        heights = row + (np.arange(len(values)) * 0.618 % 1 - 0.5) * 0.5
        ax.scatter(
            values, heights, s=10, color=COLOURS["grey"], alpha=0.5, linewidths=0
        )
    differences({title: table}, [ax])
    return ax


def reliability(y_true, probabilities: dict[str, np.ndarray], axes, n_bins=10) -> None:
    """Reliability curves above histograms of the predicted probabilities.

    Points are means of bins that hold about equally many predictions, so that each rests
    on as many rows. On the dashed diagonal what is said is what happens; below it, risks are
    overstated.

    Parameters
    ----------
    y_true : array of bool or int, shape (n,)
        Whether the event came; several rounds of predictions may be stacked.
    probabilities : dict of str to array of shape (n,)
        Name to predicted probability of the event, up to six.
    axes : two Axes
        Curves on the first, a histogram of the predictions on the second.
    n_bins : int
        Bins of the curves; the histogram has 20 of equal width.

    Raises
    ------
    ValueError
        More methods than lines that can be told apart.
    """
    if len(probabilities) > 6:
        raise ValueError(
            f"{len(probabilities)} methods in one figure; nobody can tell more than 6 "
            "lines apart. Draw two figures."
        )
    curves, counts = axes
    y_true = np.asarray(y_true).astype(int)
    curves.plot([0, 1], [0, 1], color=COLOURS["grey"], linestyle=(0, (4, 3)), lw=1)
    markers = "oD^sXv"
    lines = ["-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1))]
    colours = [*COLOURS.values()][1:]
    for i, (name, p) in enumerate(probabilities.items()):
        observed, predicted = calibration_curve(
            y_true, p, n_bins=n_bins, strategy="quantile"
        )
        style = {"color": colours[i], "linestyle": lines[i], "linewidth": 1.8}
        curves.plot(predicted, observed, marker=markers[i], ms=6, label=name, **style)
        counts.hist(p, bins=np.linspace(0, 1, 21), histtype="step", **style)
    curves.set(xlim=(0, 1), ylim=(0, 1), ylabel="observed share")
    curves.set_title(f"n = {len(y_true):,} predictions, {y_true.sum():,} events")
    counts.set(xlim=(0, 1), xlabel="predicted probability", ylabel="predictions")


def ladder(rungs: pd.DataFrame, ax: Axes) -> Axes:
    """What each arm gains, with its threshold left alone and with it tuned.

    Parameters
    ----------
    rungs : DataFrame, one row per arm, the simplest first
        ``plain`` and ``tuned``: gains over doing nothing with its threshold left alone.
    """
    rows = np.arange(len(rungs))[::-1]
    ax.axvline(0, color=COLOURS["grey"], linewidth=1)
    ax.hlines(rows, rungs["plain"], rungs["tuned"], color=COLOURS["grey"], linewidth=1)
    kinds = (("plain", "left at one half", "s"), ("tuned", "tuned", "o"))
    for (column, told, marker), colour in zip(kinds, ("yellow", "blue"), strict=True):
        label = f"threshold {told}"
        ax.scatter(
            rungs[column],
            rows,
            marker=marker,
            color=COLOURS[colour],
            label=label,
            zorder=3,
        )
    ax.set(yticks=rows, ylim=(-0.6, len(rungs) - 0.4))
    ax.set_yticklabels([str(name).replace("_", " ") for name in rungs.index])
    ax.set_xlabel("median gain in mean recall")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    return ax


def critical_difference(test, ax: Axes) -> Axes:
    """Average ranks on a line, best on the left; bars link what cannot be told apart.

    Where Friedman's test finds no difference at all, one bar links all methods, whatever
    the pairs say.

    Parameters
    ----------
    test : helpers.evaluation.Friedman
        What `helpers.evaluation.friedman_nemenyi` returns.
    """
    from scikit_posthocs import critical_difference_diagram

    # One bar per group that is not significant, so all of 1 links all.
    pairs = test.p_pairs if test.p < test.alpha else test.p_pairs * 0 + 1
    ranks = test.ranks.rename(lambda name: str(name).replace("_", " "))
    drawn = critical_difference_diagram(
        ranks,
        pairs.set_axis(ranks.index).set_axis(ranks.index, axis=1),
        alpha=test.alpha,
        ax=ax,
        label_fmt_left="{label}  {rank:.2f} ",
        label_fmt_right=" {rank:.2f}  {label}",
        elbow_props={"color": COLOURS["grey"], "linewidth": 1, "clip_on": False},
        marker_props={"color": COLOURS["blue"], "s": 36, "clip_on": False},
        crossbar_props={"color": COLOURS["orange"], "linewidth": 4},
        text_h_margin=0.05 * (len(ranks) - 1),
    )
    for label in drawn["labels"]:
        label.set_color(COLOURS["black"])  # else that of its line, too pale to read
    low, high = 1, len(ranks)
    width = min(test.critical_difference, high - low)
    beyond = ", longer than the line" if width < test.critical_difference else ""
    ax.plot([low, low + width], [1.6, 1.6], color=COLOURS["black"], marker="|", lw=1.5)
    ax.annotate(
        f"critical difference {test.critical_difference:.2f}{beyond}",
        (low, 1.6),
        (0, 5),
        textcoords="offset points",
    )
    bottom = min(text.get_position()[1] for text in drawn["labels"])
    ax.set(xlim=(low, high), xticks=range(low, high + 1), ylim=(bottom - 0.6, 2.6))
    ax.spines["top"].set_visible(True)
    p = f"= {test.p:.3f}" if test.p >= 0.001 else "< 0.001"
    ax.set_title(f"{test.n} data sets, Friedman's p {p}", pad=12)
    return ax


def image_grid(rows: dict[str, np.ndarray], ax: Axes, columns=(), title="") -> Axes:
    """Images in named rows, as many in each.

    Parameters
    ----------
    rows : dict of str to array of shape (n, C, H, W)
        Values in [0, 255]; C is 1 or 3.
    columns : sequence of n str
        What stands above the columns.
    """
    from torch import as_tensor
    from torchvision.utils import make_grid

    images = np.concatenate([*rows.values()])
    n, (height, width) = len(images) // len(rows), images.shape[2:]
    gap = 2
    grid = make_grid(as_tensor(images), n, padding=gap, pad_value=255)
    ax.imshow(grid.permute(1, 2, 0).numpy().astype("uint8"), interpolation="nearest")
    ax.set_yticks(gap + height / 2 + np.arange(len(rows)) * (height + gap), [*rows])
    ax.set_xticks(gap + width / 2 + np.arange(len(columns)) * (width + gap), [*columns])
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.spines[:].set_visible(False)
    ax.set_title(title)
    return ax
