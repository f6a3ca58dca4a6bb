"""Figures of the pages: the table of rocks, the method's schedules, trainings, differences."""

import numpy as np
import torch
from matplotlib import pyplot as plt
from sklearn.decomposition import PCA

from ...evaluation import paired
from ...plotting import COLOURS, paired_panels
from ._rows import ARMS, CLASSIFIERS, rows_of


def draw_against_nothing(stored, tests):
    """Draw accuracies minus that of doing nothing, a dot per fold, a panel a classifier.

    Parameters
    ----------
    stored : DataFrame
    tests : dict of str to DataFrame
        What `against_nothing` found, by classifier.
    """
    found = {
        name: (
            paired(rows_of(stored, "folds", key, ARMS), "accuracy", "nothing"),
            tests[key],
        )
        for key, name in CLASSIFIERS.items()
    }
    paired_panels(
        found,
        "accuracy minus that of doing nothing; dots are folds, bars 95 % intervals, not "
        "corrected",
        size=(11 / 3, 3.8),
        fontsize="large",
        sharex=True,
    )


def draw_table(X, y, names, groups):
    """Draw a table of zeros and ones: a line a row, sorted by class, and a dot per one.

    Parameters
    ----------
    X : array of 0 and 1, shape (n, d)
    y : array of int, shape (n,)
    names : list of str
        Of the classes.
    groups : list of list of int
        Columns of each character, which lines part.
    """
    order = np.lexsort((X @ 2.0 ** -np.arange(X.shape[1]), y))
    counts = np.bincount(y)
    _, ax = plt.subplots(figsize=(9, 4.6))
    _rows(X[order], ax)
    for edge in np.cumsum([len(group) for group in groups])[:-1]:
        ax.axvline(edge - 0.5, color=COLOURS["blue"], linewidth=1)
    for edge in np.cumsum(counts)[:-1]:
        ax.axhline(edge - 0.5, color=COLOURS["orange"], linewidth=1)
    middle = np.cumsum(counts) - counts / 2
    ax.set(
        yticks=middle,
        yticklabels=names,
        xlabel="column; blue lines part the characters",
    )


def _rows(X, ax):
    ax.imshow(X, aspect="auto", cmap="Greys", interpolation="nearest")


def draw_flips(gans, X, name, seed, epochs=(0, 20_000, 37_000)):
    """Draw the rows of a class as they are, and as the discriminator sees them later on.

    Parameters
    ----------
    gans : StackedGANs
        Of that class; its epoch is set.
    X : array of 0 and 1, shape (n, d)
    name : str
        Of the class.
    seed : int
        Decides the blur and the flips, by one uniform number per bit.
    epochs : sequence of int
    """
    numbers = torch.rand(1, *X.shape, generator=torch.Generator().manual_seed(seed))
    n = len(epochs) + 1
    _, axes = plt.subplots(1, n, figsize=(2.75 * n, 3), sharey=True)
    _rows(X, axes[0])
    axes[0].set(title=f"real: {name}", ylabel="sample", xlabel="column")
    for ax, epoch in zip(axes[1:], epochs, strict=True):
        gans.epoch = epoch
        _rows(gans.blur_and_flip(numbers)[0], ax)
        ax.set(title=f"seen at epoch {epoch:,}", xlabel="column")


def draw_schedules(gans, n_epochs=40_000):
    """Draw the share of flipped bits and the learning rate over the epochs of a training.

    Parameters
    ----------
    gans : StackedGANs
    n_epochs : int
        Of the learning rate an eighth is shown, to see its saw.
    """
    epochs = np.arange(0, n_epochs, 20)
    _, axes = plt.subplots(1, 2, figsize=(9, 2.8))
    axes[0].plot(epochs, [gans.flip_rate(e) for e in epochs], color=COLOURS["blue"])
    axes[0].set(xlabel="epoch", ylabel="share of bits flipped", ylim=(0, None))
    axes[1].plot(epochs, [gans.learning_rate(e) for e in epochs], color=COLOURS["blue"])
    axes[1].set(xlabel="epoch", ylabel="learning rate", xlim=(0, n_epochs / 8))
    axes[1].set(ylim=(0, None))


def draw_course(course):
    """Draw trainings: accuracies of the discriminator above, mean distances below.

    Parameters
    ----------
    course : DataFrame
        ``variant``, ``epoch``, ``accuracy_real``, ``accuracy_fake`` and ``l1_real``,
        ``l1_fake``, ``l1_between``; moving means of ten records are drawn.
    """
    variants = course.groupby("variant", sort=False)
    n = len(variants)
    whole = (11 / 3 * n, 5.4)
    _, axes = plt.subplots(
        2, n, figsize=whole, sharex=True, sharey="row", squeeze=False
    )
    for column, (name, curve) in zip(axes.T, variants, strict=True):
        curve = curve.set_index("epoch").drop(columns="variant").rolling(10, 1).mean()
        for key, style in {"real": "-", "fake": "--"}.items():
            column[0].plot(curve[f"accuracy_{key}"], style, label=f"on {key} rows")
        for key, style in {"real": "-", "fake": "--", "between": ":"}.items():
            column[1].plot(curve[f"l1_{key}"], style, label=f"{key}")
        column[0].set(title=name, ylim=(-0.02, 1.02))
        column[1].set(xlabel="epoch", ylim=(0, None))
    axes[0, 0].set_ylabel("discriminator's accuracy")
    axes[1, 0].set_ylabel("mean distance")
    for ax in axes[:, 0]:
        ax.legend(frameon=False, fontsize=9)


def draw_moments(X, pictures, n_epochs, seed):
    """Draw real and generated rows in a plane, moment by moment, for `helpers.display.frames`.

    Parameters
    ----------
    X : array of 0 and 1, shape (n, d)
        The real rows, whose first two principal components make the plane.
    pictures : dict of (variant, epoch) to array of shape (m, d)
        Generated rows; they are rounded to bits.
    n_epochs : int
        Of a whole training.
    seed : int

    Yields
    ------
    str, Figure
        What a moment is called, and a panel for each variant.
    """
    plane = PCA(2, random_state=seed).fit(X)
    spots = plane.transform(X)
    made = {key: plane.transform(rows.round()) for key, rows in pictures.items()}
    reach = np.concatenate([spots, *made.values()])
    low, high = reach.min(axis=0) - 0.2, reach.max(axis=0) + 0.2
    squares = {"marker": "s", "facecolors": "none", "edgecolors": COLOURS["black"]}
    variants = [*dict.fromkeys(variant for variant, _ in pictures)]
    for epoch in sorted({epoch for _, epoch in pictures}):
        figure, axes = plt.subplots(1, len(variants), figsize=(6.8, 2.5), dpi=100)
        for ax, name in zip(axes, variants, strict=True):
            ax.scatter(*spots.T, s=22, color=COLOURS["sky"])
            ax.scatter(*made[name, epoch].T, s=24, linewidths=0.8, **squares)
            limits = {"xlim": (low[0], high[0]), "ylim": (low[1], high[1])}
            ax.set(xticks=[], yticks=[], **limits)
            ax.set_title(name, fontsize=10)
        yield f"epoch {epoch:,} of {n_epochs:,}", figure
