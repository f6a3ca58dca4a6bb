"""Six generators in two dimensions, bad in known ways: what do the measures see of them?"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.datasets import make_moons

from ...plotting import COLOURS, legend_below, panels
from ...quality import MEASURES, image_quality


class Toys(NamedTuple):
    """Points of one moon, and what six generators make of it."""

    real: np.ndarray  #: of shape (n, 2), held out
    train: np.ndarray  #: a quarter as many
    generated: dict  #: name to array of shape (n, 2)


def toy_generators(n_points, random_state) -> Toys:
    """One moon, and generators that are bad, each in its own way, or not at all.

    Parameters
    ----------
    n_points : int
        Real points, and points of each generator; a quarter as many to train on.
    random_state : numpy.random.Generator
        Moved on.
    """

    def moon(n):
        seed = int(random_state.integers(2**31))
        return make_moons((n, 0), noise=0.08, random_state=seed)[0]

    real, train = moon(n_points), moon(n_points // 4)
    again = random_state.integers(len(train), size=n_points)
    noise = random_state.normal(size=(n_points, 2))
    generated = {
        "other real points": moon(n_points),
        "copies": train[again],
        "a heap": real.mean(axis=0) + 0.1 * noise,
        "too much noise": moon(n_points) + 0.35 * noise,
        "one half": np.array([p for p in moon(4 * n_points) if p[0] > 0][:n_points]),
        "a line": np.c_[np.linspace(-1, 1, n_points), 0.35 + 0.02 * noise[:, 1]],
    }
    return Toys(real, train, generated)


def draw_toys(toys):
    """A panel per generator, its points beside the same real ones."""
    figure, axes = panels(toys.generated, size=(3.2, 1.9), sharex=True, sharey=True)
    square = {"marker": "s", "facecolors": "none", "edgecolors": "black"}
    for name, ax in axes.items():
        ax.scatter(*toys.real.T, s=12, c=COLOURS["sky"], label="real")
        ax.scatter(*toys.generated[name].T, s=12, **square, label="generated")
        ax.set(xticks=[], yticks=[])
    legend_below(figure)
    plt.show()


def toys_measured(toys) -> pd.DataFrame:
    """The measures of every generator, with ``nearest`` over that of real points."""
    found = {}
    for name, points in toys.generated.items():
        one = image_quality(toys.real, points, train=toys.train)
        nearest = one["nearest"] / one["nearest_real"]
        found[name] = {**one[[*MEASURES]], "nearest": nearest, "copies": one["copies"]}
    return pd.DataFrame(found).T
