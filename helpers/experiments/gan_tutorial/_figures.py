"""Maps of patients, densities moment by moment, and differences from doing nothing."""

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from sklearn.manifold import TSNE
from sklearn.preprocessing import MinMaxScaler

from ...display import printed_name, told_apart
from ...plotting import COLOURS, differences, embedding, marginals
from ._pipeline import among_benign


def _map(X, y, new, circled, names, seed, ax, title=""):
    """t-SNE of the scaled rows, with a green circle round some."""
    scaled = MinMaxScaler().fit_transform(X)
    points = TSNE(n_components=2, random_state=seed).fit_transform(scaled)
    embedding(points, y, new, names, ax, title)
    style = {"facecolors": "none", "edgecolors": COLOURS["green"], "linewidths": 1.5}
    ax.scatter(*points[circled].T, s=150, zorder=4, label="nearest are benign", **style)


def draw_patients(X, y, names, seed):
    """Draw all patients, with a circle round each malignant one among benign ones.

    Parameters
    ----------
    X, y : arrays
        All rows; 1 is malignant.
    names : sequence of two str
        Of the classes.
    seed : int
        Of t-SNE.

    Returns
    -------
    array of bool, shape (n,)
        Which patients are circled.
    """
    scaled = MinMaxScaler().fit_transform(X)
    circled = among_benign(scaled, scaled, y) & (y == 1)
    _, ax = plt.subplots(figsize=(6, 4.2))
    _map(X, y, np.zeros(len(y), dtype=bool), circled, names, seed, ax)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return circled


def draw_maps(augmented, X, y, names, seed):
    """Draw the training rows after several augmentations, generated ones as squares.

    A circle is round each generated row whose nearest real patients are mostly benign.

    Parameters
    ----------
    augmented : dict of str to (X, y)
        By title: the training rows, and after them the generated ones; four or fewer.
    X, y : arrays
        The training rows alone.
    names : sequence of two str
    seed : int
        Of t-SNE.

    Returns
    -------
    DataFrame
        ``generated`` and ``circled`` rows, by title.
    """
    counts = {}
    figure, axes = plt.subplots(2, 2, figsize=(9, 7))
    for ax in axes.flat[len(augmented) :]:
        ax.set_axis_off()
    used = axes.flat[: len(augmented)]
    for ax, (title, (X_all, y_all)) in zip(used, augmented.items(), strict=True):
        new = np.arange(len(y_all)) >= len(y)  # original rows always come first
        circled = new & among_benign(X_all, X, y)
        _map(X_all, y_all, new, circled, names, seed, ax, title)
        counts[title] = {"generated": new.sum(), "circled": circled.sum()}
    handles = axes[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="outside lower center", ncols=4)
    return pd.DataFrame(counts).T


def draw_moments(real, seen, columns, n_epochs):
    """Draw generated rows as densities, moment by moment, for `helpers.display.frames`.

    Parameters
    ----------
    real : array of shape (n, d)
    seen : dict of int to array of shape (m, d)
        What was generated after so many epochs.
    columns : dict of str to int
        Columns to draw, by name.
    n_epochs : int
        Of a whole training.

    Yields
    ------
    str, Figure
        What a moment is called, and a panel for each column.
    """
    for epoch, rows in seen.items():
        figure, axes = plt.subplots(1, len(columns), figsize=(6.8, 2.2), dpi=100)
        marginals({"real": real, "generated": rows}, columns, axes)
        for ax in axes:
            ax.set_xlim(-0.05, 1.05)
        axes[0].legend(frameon=False, fontsize=8)
        yield f"after {epoch:,} of {n_epochs:,} epochs", figure


def draw_differences(tests):
    """Draw differences from doing nothing, a panel a metric.

    Parameters
    ----------
    tests : dict of str to DataFrame
        What `helpers.evaluation.compare` found, by metric.

    Returns
    -------
    list of str
        The arms that are told from doing nothing, by each metric.
    """
    figure, axes = plt.subplots(1, 4, figsize=(11, 3.2), sharey=True)
    differences({name.replace("_", " "): t for name, t in tests.items()}, axes)
    figure.supxlabel(
        "difference from doing nothing, with 95 % intervals, not corrected"
    )
    return [f"{printed_name(m)}: {told_apart(found)}" for m, found in tests.items()]
