"""Images judged in the space of one fixed network that no sampler has made.

Two chapters judge so: the network learns real images only, once for all arms, and equally
many images of every arm stand against equally many held-out ones.
"""

import contextlib
import hashlib
import os

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .. import devices
from ..augmentation import shift_and_flip
from ..classifiers import ResNet18Classifier
from ..data import data_root, make_imbalanced
from ._images import image_quality_by_class
from ._rows import synthetic_only_score

#: Measures of `image_quality` that pages show, and as they print them.
MEASURES = {
    "frechet": "Fréchet",
    "precision": "precision",
    "recall": "recall",
    "density": "density",
    "coverage": "coverage",
}
#: The same in the space of the fixed network; what else it tells of images.
SEEN = [f"feature_{measure}" for measure in MEASURES]
TAUGHT = ["recognised", "synthetic_only", "nearest"]
#: Printed names of what a stored row of `measured` has, for `helpers.display.table`.
PRINTED = {
    **MEASURES,
    **{f"feature_{measure}": name for measure, name in MEASURES.items()},
    "synthetic_only": "synthetic only",
    "pixel_density": "density, between pixels",
    "pixel_coverage": "coverage, between pixels",
}


def feature_network(name, X, y, *, stem, n_steps, random_state=0):
    """The ResNet-18 in whose last layer images are compared, trained on real images only.

    Its checkpoint lies with the cached data: one training serves all arms. Where that
    folder cannot be written, every process trains its own.

    Parameters
    ----------
    name : str
        Of the file: what sets these images and this training apart.
    X, y : arrays of shape (n, C, H, W), (n,)
    stem, n_steps, random_state
        As in `ResNet18Classifier`.

    Returns
    -------
    ResNet18Classifier
        Fitted.
    """
    device = devices.resolve_device("auto")
    name = f"{name}-{random_state}" if random_state else name
    file = data_root() / "networks" / f"{name}-{device.type}-float32.pt"
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() and not os.access(file.parent, os.W_OK):
        file = None
    network = ResNet18Classifier(
        stem=stem,
        n_steps=n_steps,
        lr=0.03,  # with the default and augmentation, 400 steps reach 66 % on Fashion-MNIST
        precision="float32",
        checkpoint=file,
        random_state=random_state,
    )
    return network.fit(X, y)


def fingerprint(network):
    """A short name of a fitted network's weights, which tells it from any other."""
    weights = network.network_.state_dict().values()
    digest = hashlib.sha256(b"".join(w.cpu().numpy().tobytes() for w in weights))
    return f"network {digest.hexdigest()[:10]}"


def of_one_network(rows):
    """Stored rows that one network judged, of each data set, and those that another did.

    Networks of one recipe differ where machines or seeds do, and so do distances between
    their features: what one says stands beside what the other says in no table.

    Parameters
    ----------
    rows : DataFrame
        What `measured` gave, with ``dataset``, ``device`` and, in newer rows, ``network``,
        a `fingerprint`. Older ones are told apart by their device.

    Returns
    -------
    kept, others : DataFrame
        Those of the network that judged most, and the rest.
    """
    judges = rows["device"].astype(str)
    if "network" in rows:
        judges = rows["network"].fillna(judges)
    most = judges.groupby(rows["dataset"]).transform(lambda own: own.mode().iloc[0])
    return rows[judges == most], rows[judges != most]


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


def altered(images, outside, flip, seed):
    """Images as a classifier with `augment` sees them.

    Parameters
    ----------
    images : array of shape (n, C, H, W)
    outside : array that broadcasts to the images
        What comes in from outside where they are shifted: the training mean of each channel
        in `ResNet18Classifier`, the lowest value in `KerasCNNClassifier`.
    flip : bool
    seed : int
    """
    generator = torch.Generator().manual_seed(seed)
    moved = shift_and_flip(torch.as_tensor(images - outside), generator, flip)
    return np.rint(moved.numpy() + outside).clip(0, 255).astype(images.dtype)


def measured(real, made, train, network):
    """All measures of synthetic images, means over the classes that were filled.

    ``feature_X`` is the measure X of `image_quality` on the features of the fixed network,
    ``pixel_X`` the same between pixels, ``feature_X_classes`` its values by class;
    ``recognised`` the share of images that the fixed network puts into their class;
    ``synthetic_only`` the mean recall of these classes by a logistic regression on the
    network's features that learnt them from synthetic images, and the others from real
    ones.

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
        What `measured` gave, with what else a stored row has.
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


def with_nearest(rows):
    """Stored rows with ``nearest``, a distance over that of held-out images, and ``copies``.

    Parameters
    ----------
    rows : DataFrame
        What `measured` gave, with what else a stored row has.

    Returns
    -------
    DataFrame
        ``nearest`` is the median distance of the generated images to their nearest training
        image over that of the held-out ones, in the fixed network's eyes.
    """
    nearest = rows["feature_nearest"] / rows["feature_nearest_real"]
    return rows.assign(nearest=nearest, copies=rows["feature_copies"])
