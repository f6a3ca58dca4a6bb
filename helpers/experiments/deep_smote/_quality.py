"""Are the images good? Measures of `helpers.quality` in a space that no sampler has made.

The images of an arm are those that its row of Table 1 trained on: same draw, same seed.
"""

import contextlib
import functools
import os
import time

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ... import devices
from ...augmentation import shift_and_flip
from ...classifiers import ResNet18Classifier
from ...data import data_root, make_imbalanced
from ...provenance import computed_on
from ...quality import image_quality_by_class, synthetic_only_score
from ...store import Cell
from ._kept import resampled
from ._table_1 import (
    AUGMENT,
    CHAPTER,
    LOADERS,
    PENALTIES,
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


def feature_network(name, X, y, profile):
    """The ResNet-18 in whose last layer images are compared, trained on real images only.

    Its checkpoint lies with the cached data: one training serves all arms. Where that
    folder cannot be written, every process trains its own.

    Parameters
    ----------
    name : str
        Of the file: one of `LOADERS`, and after a hyphen what sets these images apart.
    X, y : arrays of shape (n, C, H, W), (n,)
    profile : str

    Returns
    -------
    ResNet18Classifier
        Fitted.
    """
    device = devices.resolve_device("auto")
    file = data_root() / "networks" / f"{name}-{profile}-{device.type}-float32.pt"
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() and not os.access(file.parent, os.W_OK):
        file = None
    network = ResNet18Classifier(
        stem=SETTINGS[profile]["stem"],
        n_steps=FEATURE_STEPS[profile],
        lr=0.03,  # with the default and augmentation, 400 steps reach 66 % on Fashion-MNIST
        precision="float32",
        checkpoint=file,
        random_state=0,
    )
    return network.fit(X, y)


@functools.lru_cache(maxsize=1)
def fixed_network(name, profile):
    """A data set's `feature_network`: it learns what the first draw does not test on."""
    images, (learnt, _) = pool(name), parts(name, 0, 0, profile)
    return feature_network(name, images.data[learnt], images.target[learnt], profile)


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


def halves(rows, labels, n):
    """Two random sets of `n` rows of every class, without a row in common.

    Shuffled, since the pool has official training images before official test images.

    Parameters
    ----------
    rows : array of int, shape (m,)
    labels : array of int, shape (m,)
        Classes of these rows, at least 2 n of each.
    n : int

    Returns
    -------
    one, other : arrays of int, shape (n * classes,)
        Sorted by class.
    """
    rows, labels = at_most(2 * n, rows, labels)
    rows = rows[np.argsort(labels, kind="stable")].reshape(-1, 2 * n)
    rows = np.random.default_rng(0).permuted(rows, axis=1)
    return rows[:, :n].ravel(), rows[:, n:].ravel()


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
    """One row: measures of an arm's images, means over the classes that were filled.

    ``feature_X`` is the measure X of `image_quality` on the features of the fixed network,
    ``pixel_X`` the same between pixels, ``feature_X_classes`` its values by class;
    ``recognised`` the share of images that the fixed network puts into their class;
    ``synthetic_only`` the mean recall of these classes by a logistic regression on the
    network's features that learnt them from synthetic images, and the others from real
    ones.
    """
    name, method, profile = cell.dataset, cell.method, cell.profile
    (X, y), *_ = draw(name, cell.seed, cell.fold, profile)
    started = time.perf_counter()
    network = fixed_network(name, profile)
    trained = time.perf_counter() - started
    real, others, n = compared(name, y, profile)
    row = {
        "provenance": pool(name).provenance,
        "n_train": len(y),
        "n_test": len(real[1]),
        **computed_on("float32"),
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
    return row | measured(real, made, (X, y), network)


def generated(method, X, y, cell):
    """New images of an arm with their labels, and seconds; those of Table 1's training.

    Copies are altered as the arm's classifier does.
    """
    seed = 1000 * cell.seed + cell.fold
    X_all, y_all, _, seconds = resampled(method, X, y, cell.profile, seed)
    images, labels = X_all[len(y) :], y_all[len(y) :]
    if method.endswith("augmented"):
        flip = AUGMENT.get(cell.dataset, "crop") == "crop+flip"
        images = altered(images, X, flip, seed)
    return (images, labels), seconds


def altered(images, X, flip, seed):
    """Images as a classifier with `augment` sees them: the training mean from outside."""
    mean = X.mean(axis=(0, 2, 3), keepdims=True)
    generator = torch.Generator().manual_seed(seed)
    moved = shift_and_flip(torch.as_tensor(images - mean), generator, flip)
    return np.rint(moved.numpy() + mean).clip(0, 255).astype(X.dtype)


def at_most(n, images, labels):
    """At most `n` images of every class, drawn at random.

    Not the first ones: `MC_CCR` and `MC_RBO` give their images in the order of those they
    start from, so that the first would come from few of them.

    Parameters
    ----------
    n : int
    images : array of shape (m, ...)
        Images, or their row numbers.
    labels : array of int, shape (m,)

    Returns
    -------
    images, labels : arrays
        In the order given.
    """
    counts = np.bincount(labels)
    wanted = {c: min(n, int(counts[c])) for c in np.flatnonzero(counts).tolist()}
    return make_imbalanced(images, labels, wanted, random_state=0)


def measured(real, made, train, network):
    """All measures of synthetic images, see `run_quality`.

    Parameters
    ----------
    real, made, train : (X, y) each
        Held-out images of every class, as many synthetic ones of each class that was
        filled, and what the sampler was fitted on.
    network : ResNet18Classifier
        Fitted, its classes 0, 1, ..., K - 1.

    Returns
    -------
    dict
        Numbers, and the values by class as text, in the order of ``classes``.
    """
    seen = image_quality_by_class(real, made, train, network.features)
    pixels = image_quality_by_class(real, made).drop(columns="repeats")
    table = seen.add_prefix("feature_").join(pixels.add_prefix("pixel_"))
    table["recognised"] = [
        (network.predict(made[0][made[1] == c]) == c).mean() for c in table.index
    ]
    row = {measure: float(values.mean()) for measure, values in table.items()}
    row |= {
        f"{measure}_classes": " ".join(f"{value:.4g}" for value in table[measure])
        for measure in table
    }
    row["classes"] = " ".join(map(str, table.index))
    # Classes that are not filled stay real, with as many images.
    n = np.bincount(made[1]).max()
    rest = ~np.isin(train[1], table.index)
    kept = at_most(n, train[0][rest], train[1][rest])
    images, labels = (np.concatenate(pair) for pair in zip(kept, made, strict=True))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    scores = synthetic_only_score(
        model,
        network.features(images),
        labels,
        np.arange(len(labels)) >= len(kept[1]),
        network.features(real[0]),
        real[1],
    )
    recalls = [scores[f"recall_{c}"] for c in table.index]
    return {**row, "synthetic_only": float(np.mean(recalls))}


def by_class(rows, measure):
    """A measure by class, from stored rows.

    Parameters
    ----------
    rows : DataFrame
        Of `QUALITY_PROTOCOL`, without the network's own.
    measure : str
        Such as ``"feature_coverage"``.

    Returns
    -------
    DataFrame
        Indexed as `rows`, one column per class; NaN where a class was not filled.
    """
    return pd.DataFrame(
        [
            dict(zip(classes.split(), map(float, values.split()), strict=True))
            for classes, values in zip(
                rows["classes"].astype(str),
                rows[f"{measure}_classes"].astype(str),
                strict=True,
            )
        ],
        index=rows.index,
    )
