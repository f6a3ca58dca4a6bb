"""Generators of points in two dimensions, bad in known ways: what do the measures see?"""

import pandas as pd

from ...plotting import COLOURS, legend_below, panels
from ...quality import MEASURES, image_quality


def draw_toys(real, generators) -> None:
    """A panel per generator, its points beside the same real ones.

    Parameters
    ----------
    real : array of shape (n, 2)
    generators : dict of str to array of shape (m, 2)
    """
    figure, axes = panels(generators, size=(3.2, 1.9), sharex=True, sharey=True)
    square = {"marker": "s", "facecolors": "none", "edgecolors": "black"}
    for name, ax in axes.items():
        ax.scatter(*real.T, s=12, c=COLOURS["sky"], label="real")
        ax.scatter(*generators[name].T, s=12, **square, label="generated")
        ax.set(xticks=[], yticks=[])
    legend_below(figure)


def toys_measured(real, generators, train) -> pd.DataFrame:
    """The measures of every generator's points, one row each.

    Parameters
    ----------
    real, generators
        As of `draw_toys`.
    train : array of shape (l, 2)
        What the generators have learnt from.

    Returns
    -------
    DataFrame
        `MEASURES` of `helpers.quality`; ``nearest``, the distance to the nearest training
        point over that of real points; ``copies``.
    """
    found = {}
    for name, points in generators.items():
        one = image_quality(real, points, train=train)
        nearest = one["nearest"] / one["nearest_real"]
        found[name] = {**one[[*MEASURES]], "nearest": nearest, "copies": one["copies"]}
    return pd.DataFrame(found).T
