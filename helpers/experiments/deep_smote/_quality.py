"""Are the images good? Measures of `helpers.quality` in a space that no sampler has made.

The images of an arm are those that its row of Table 1 trained on: same draw, same seed.
"""

import functools
import time

import numpy as np

from ...provenance import computed_on
from ...quality import (
    altered,
    at_most,
    feature_network,
    fingerprint,
    halves,
    measured,
)
from ...store import Cell
from .._kept_images import picture
from ._kept import resampled
from ._table_1 import (
    AUGMENT,
    AUGMENTED,
    CHAPTER,
    LOADERS,
    PENALTIES,
    RESTRICTED,
    RIVALS,
    SETTINGS,
    draw,
    parts,
    pool,
)

QUALITY_PROTOCOL, COUNTS_QUALITY = "quality-2", "quality-3"
#: The network itself; other held-out images in place of synthetic ones, the ceiling; arms.
QUALITY_ARMS = [
    "feature_network",
    "real",
    "random_oversampling",
    "random_oversampling_augmented",
    "smote",
    *RIVALS,
    *PENALTIES,
]
FEATURE_STEPS = {"tenth": 400, "counts": 1200, "paper": 6000, "smoke": 4}
#: Images of a class that are compared with as many held-out ones. All measures depend on
#: it, so that every arm of a data set has the same.
N_COMPARED = 200


@functools.lru_cache(maxsize=1)
def fixed_network(name, profile):
    """A data set's `feature_network`: it learns what the first draw does not test on."""
    images, (learnt, _) = pool(name), parts(name, 0, 0, profile)
    return feature_network(
        f"{name}-{profile}",
        images.data[learnt],
        images.target[learnt],
        stem=SETTINGS[profile]["stem"],
        n_steps=FEATURE_STEPS[profile],
    )


def compared(name, y, profile):
    """Two sets of held-out images with equally many of each class, and how many.

    Parameters
    ----------
    name, profile : str
    y : array
        Labels of the training set; no more images are compared than a sampler makes of
        any class.

    Returns
    -------
    real, others : (X, y) each
        Halves of one random draw, without an image in common.
    n : int
        Images per class.
    """
    images, (_, kept) = pool(name), parts(name, 0, 0, profile)
    labels, counts = images.target[kept], np.sort(np.bincount(y))
    n = min(N_COMPARED, counts[-1] - counts[-2], np.bincount(labels).min() // 2)
    sets = (
        (images.data[rows], images.target[rows]) for rows in halves(kept, labels, n)
    )
    return *sets, int(n)


def quality_cells(profile):
    """Every method that makes images, on the first draw of every data set."""
    digits = "digits_images"
    names = [digits] if profile == "smoke" else [n for n in LOADERS if n != digits]
    plan = [(name, method) for name in names for method in QUALITY_ARMS]
    protocol = QUALITY_PROTOCOL
    if profile == "counts":
        protocol, rivals = COUNTS_QUALITY, ("bagan", "gamo")
        main = ("mnist", "cifar10")  # Table 1 has these rivals on them alone, and last
        plan = [(n, m) for n, m in plan if m not in rivals]
        plan += [(name, method) for name in main for method in rivals]
    return [
        Cell(CHAPTER, profile, name, method, 0, 0, protocol)
        for name, method in plan
        if profile != "pilot"
    ]


def run_quality(cell):
    """One row: what `measured` says of an arm's images."""
    name, method, profile = cell.dataset, cell.method, cell.profile
    X, y, _ = draw(name, cell.seed, cell.fold, profile)[0]
    started = time.perf_counter()
    network = fixed_network(name, profile)
    trained = time.perf_counter() - started
    real, others, n = compared(name, y, profile)
    row = {
        "provenance": pool(name).provenance,
        "n_train": len(y),
        "n_test": len(real[1]),
        **computed_on("float32"),
        "network": fingerprint(network),
    }
    if method == "feature_network":
        X_held, y_held = (
            np.concatenate(pair) for pair in zip(real, others, strict=True)
        )
        accuracy = float((network.predict(X_held) == y_held).mean())
        own = {"sampler_seconds": np.nan, "classifier_seconds": trained}
        return {**row, "accuracy": accuracy, **own}
    made, seconds = (others, 0.0) if method == "real" else generated(method, X, y, cell)
    row |= {
        "n_synthetic": 0 if method == "real" else len(made[1]),
        "sampler_seconds": seconds,
        "classifier_seconds": np.nan,
    }
    filled = made[1] != np.bincount(y).argmax()
    made = at_most(n, made[0][filled], made[1][filled])
    if cell.protocol == COUNTS_QUALITY and name not in RESTRICTED:
        row["picture"] = picture(one_of_each(*made))
    return row | measured(real, made, (X, y), network)


def one_of_each(images, labels):
    """The first image of each class, in their order: a row of the paper's Figure 1."""
    return images[np.unique(labels, return_index=True)[1]]


def generated(method, X, y, cell):
    """New images of an arm with their labels, and seconds; those of Table 1's training.

    Copies are altered as the arm's classifier does.
    """
    seed = 1000 * cell.seed + cell.fold
    X_all, y_all, _, seconds = resampled(method, X, y, cell.profile, seed)
    images, labels = X_all[len(y) :], y_all[len(y) :]
    if method in AUGMENTED:
        flip = AUGMENT.get(cell.dataset, "crop") == "crop+flip"
        images = altered(images, X.mean(axis=(0, 2, 3), keepdims=True), flip, seed)
    return (images, labels), seconds
