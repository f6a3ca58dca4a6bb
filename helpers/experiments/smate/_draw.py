"""Images of a draw: CIFAR-10 or scikit-learn's digits, one class cut to a share (section 5.1)."""

import functools
import warnings
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

from ... import data
from ...checks import require_known
from ...data import make_imbalanced
from ...evaluation import Part

#: Names of the stored tables' data sets: the minority class and its share of the others.
#: `PAPERS` is the one of section 5.3.1; the others ask when transfer helps.
DATASETS = {
    "cifar10-truck-10": ("truck", 0.1),
    "cifar10-truck-2": ("truck", 0.02),
    "cifar10-cat-10": ("cat", 0.1),
    "cifar10-frog-10": ("frog", 0.1),
    "digits-9-10": ("9", 0.1),
}
PAPERS = "cifar10-truck-10"

#: What a profile trains. The paper has the whole of CIFAR-10, its notebook 100 epochs, and
#: neither a length for its GANs: Brownlee's 200 epochs are taken for the majority, and as
#: many for the minority. `n_steps` of the classifier are that many passes over the balanced
#: set.
SETTINGS = {
    "paper": {
        "per_class": 5000,
        "epochs": 100,
        "samme": (50, 30),
        "gan": {"pretrain_epochs": 200, "epochs": 200},
        "deep_smote": {},
    },
    # 5,000 of a class and 500 trucks, as in the paper. A minority's GAN ends when the
    # discriminator has spotted 40 to 60 % of its images in three windows of 100 updates in
    # turn, the report's sign of convergence being 50 %, or at the cap of `epochs`.
    "counts": {
        "per_class": 5000,
        "epochs": 20,
        "lr": 1e-3,
        "gan": {
            "pretrain_epochs": 30,
            "epochs": 60,
            "width": 0.5,
            "early_stopping": True,
        },
    },
    "tenth": {
        "per_class": 500,
        "epochs": 30,
        "samme": (10, 10),
        "gan": {"pretrain_epochs": 60, "epochs": 30, "width": 0.5},
        "deep_smote": {"width": 0.5, "n_steps": 400},
    },
    "smoke": {
        "per_class": 60,
        "epochs": 1,
        "samme": (2, 1),
        "gan": {"pretrain_epochs": 1, "epochs": 1, "width": 0.05},
        "deep_smote": {"width": 0.05, "n_steps": 2},
    },
}


class Draw(NamedTuple):
    """An imbalanced training set, the balanced one it was cut from, and the test."""

    X: np.ndarray
    y: np.ndarray
    X_full: np.ndarray
    y_full: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    minority: int
    names: list
    provenance: str
    rows: np.ndarray  #: numbers of the images of X in the data set, as of the others
    rows_full: np.ndarray
    rows_test: np.ndarray

    def parts(self):
        """Images to train on, those that they were cut from, and those to test on."""
        return (
            Part(self.X, self.y, self.rows),
            Part(self.X_full, self.y_full, self.rows_full),
            Part(self.X_test, self.y_test, self.rows_test),
        )


@functools.lru_cache(maxsize=1)
def images(name):
    """Load CIFAR-10, or the digits of scikit-learn, once for all cells."""
    return data.load_digits_images() if name == "digits" else data.load_cifar10()


def available(dataset):
    """The name itself, or "digits-9-10" where CIFAR-10 can be neither found nor fetched."""
    require_known("data set", dataset, DATASETS)
    try:
        images(dataset.split("-")[0])
    except data.DataNotAvailable as error:
        warnings.warn(f"{error} The digits of scikit-learn stand in.", stacklevel=2)
        return "digits-9-10"
    return dataset


def draw(dataset, seed, profile):
    """Cut one class to a share of the others (section 5.1).

    The official training and test images stay apart. Training sets of one seed have the
    same majority images, whatever the minority's share.

    Parameters
    ----------
    dataset : str
        One of `DATASETS`.
    seed : int
        Of the draw.
    profile : str

    Returns
    -------
    Draw
        Images uint8, shape (n, C, H, W).
    """
    minority, share = DATASETS[dataset]
    bunch = images(dataset.split("-")[0])
    names = [str(name) for name in bunch.target_names]
    y, minority = bunch.target, names.index(minority)
    if "partition" in bunch:
        learnt = np.flatnonzero(bunch.partition == "train")
        tested = np.flatnonzero(bunch.partition == "test")
    else:
        learnt, tested = train_test_split(
            np.arange(len(y)), test_size=0.3, stratify=y, random_state=seed
        )
    n = min(SETTINGS[profile]["per_class"], *np.bincount(y[learnt]))
    full = np.full(len(names), n)
    few = np.where(np.arange(len(names)) == minority, round(share * n), full)
    # Of one seed, the smaller draw is a part of the larger one.
    rows = [
        make_imbalanced(learnt, y[learnt], [*counts], seed)[0] for counts in (few, full)
    ]
    return taken(bunch, (*rows, tested), minority, names)


def taken(bunch, rows, minority, names):
    """The draw of these row numbers: cut, full and tested images."""
    sets = [some[r] for r in rows for some in (bunch.data, bunch.target)]
    return Draw(*sets, minority, names, bunch.provenance, *rows)


def halved(drawn):
    """The same draw with images of half the sides, each pixel the mean of four."""

    def smaller(images):
        n, channels, height, width = images.shape
        fours = images.reshape(n, channels, height // 2, 2, width // 2, 2)
        return np.rint(fours.mean(axis=(3, 5))).astype(images.dtype)

    names = ("X", "X_full", "X_test")
    return drawn._replace(**{name: smaller(getattr(drawn, name)) for name in names})
