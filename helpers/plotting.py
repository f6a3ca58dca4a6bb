"""The few figures that chapters share.

White background also on a dark page, Okabe and Ito's colours, which readers with any
colour vision can tell apart, and a marker per kind of point besides.
"""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

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
