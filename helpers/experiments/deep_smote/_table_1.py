"""The paper's Table 1: `draw`, `resample` and `classifier` are its section 4.

Every arm of a draw is trained on the same images, tested on the same images and given the
same number of optimiser steps, all in float32.
"""

import functools
import itertools
import warnings

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import StratifiedKFold

from ... import data
from ...checks import require_known
from ...classifiers import ResNet18Classifier
from ...data import ClassCounts, deepsmote_counts, make_imbalanced
from ...evaluation import fit_and_score, part, score
from ...over_sampling import AMDO, BAGAN, GAMO, MC_CCR, MC_RBO, DeepSMOTE
from ...provenance import computed_on
from .. import _own, learning, stretch_means
from .._weighted import ClassWeighted

CHAPTER = "deep_smote"
PROFILES = ("tenth", "counts", "paper", "smoke", "pilot")
#: Counted up when rows would no longer be comparable; the chapter shows one version.
PROTOCOL, COUNTS_PROTOCOL = "resnet18-1", "resnet18-2"
#: The data sets, in the order of the paper's Table 1, and their loaders.
LOADERS = {
    "mnist": data.load_mnist,
    "fashion_mnist": data.load_fashion_mnist,
    "cifar10": data.load_cifar10,
    "svhn": data.load_svhn,
    "celeba": data.load_celeba,
    "digits_images": data.load_digits_images,
}
N_FOLDS = 5
#: Draws of "counts": the first folds.
N_DRAWS = 3
#: Digits are not mirrored.
AUGMENT = dict.fromkeys(["fashion_mnist", "cifar10", "celeba"], "crop+flip")

#: Arms that the published table leaves out, and SMOTE.
SIMPLE = [
    "dummy",
    "nothing",
    "class_weight",
    "random_oversampling",
    "random_oversampling_augmented",
    "mixup",
    "logit_adjustment",
    "smote",
]
#: DeepSMOTE by what its penalty does; the first is the paper's.
PENALTIES = {
    "deep_smote": "paper",
    "deep_smote_authors_code": "authors_code",
    "deep_smote_no_penalty": "none",
}
#: The paper's other oversamplers. MC-CCR moves majority images away, as published.
RIVALS = {
    "amdo": AMDO,
    "mc_ccr": functools.partial(MC_CCR, cleaning="translate"),
    "mc_rbo": MC_RBO,
    "bagan": BAGAN,
    "gamo": GAMO,
}
ARMS = [*SIMPLE, *RIVALS, *PENALTIES]
#: Arms whose images come from no network, three draws of each in "counts", augmentation
#: without oversampling among them; the readings of DeepSMOTE that can work
#: (`literal_optimum` says why the other cannot).
NETWORK_FREE = [
    *SIMPLE[:5],
    "nothing_augmented",
    *SIMPLE[5:],
    "amdo",
    "mc_ccr",
    "mc_rbo",
]
READINGS = ["deep_smote_authors_code", "deep_smote_no_penalty"]
COPIED = ("random_oversampling", "random_oversampling_augmented")
AUGMENTED = ("nothing_augmented", "random_oversampling_augmented")
NETWORKS = [*PENALTIES, "bagan", "gamo"]

#: What a profile trains. "tenth" divides the training counts by ten and fits a laptop;
#: "paper" has its counts and its sampler, and a classifier that learns some 20 epochs of
#: a balanced set. The paper says nothing of its classifier's training.
SETTINGS = {
    "paper": {"scale": 1, "n_steps": 6000, "stem": "cifar"},
    "counts": {
        "scale": 1,
        "n_steps": 600,
        "lr": 0.03,
        "stem": "imagenet",
        # Half the channels, and the least of the journal's 50 to 350 epochs at most (the
        # authors' code has 200), fewer where the loss has reached its plateau.
        "deep_smote": {"width": 0.5, "epochs": 50, "min_epochs": 10},
        # The papers' rates; what 30 epochs in each phase reach, the rows' curves show.
        "bagan": {"width": 0.5, "autoencoder_epochs": 30, "epochs": 30},
        "gamo": {"width": 0.5, "autoencoder_epochs": 30, "epochs": 30},
    },
    "tenth": {
        "scale": 1 / 10,
        "n_steps": 200,
        "stem": "imagenet",
        "deep_smote": {"width": 0.5, "n_steps": 400},
        # So few updates need longer ones than the papers' 5e-5 and 2e-4.
        "bagan": {"width": 0.5, "autoencoder_steps": 200, "n_steps": 200, "lr": 1e-3},
        "gamo": {"width": 0.5, "autoencoder_steps": 400, "n_steps": 400, "lr": 1e-3},
    },
    "smoke": {
        "scale": 1 / 40,
        "n_steps": 4,
        "stem": "imagenet",
        "deep_smote": {"width": 0.05, "n_steps": 4},
        "bagan": {"width": 0.05, "autoencoder_steps": 2, "n_steps": 2},
        "gamo": {"width": 0.05, "autoencoder_steps": 2, "n_steps": 2},
    },
}
#: Of SVHN a part with a fifth of the published counts will do.
SVHN_PART = 1 / 5
#: Their terms do not allow to publish images, real or generated.
RESTRICTED = ("svhn", "celeba")

METRICS = ("acsa", "gmean_macro", "f1_macro")
#: Table 1, in percent: ACSA, GM and F1 of MNIST, FMNIST, CIFAR, SVHN and CELEBA.
TABLE_1 = {
    "smote": "81.48 83.99 82.44 67.94 74.84 67.12 28.02 50.08 29.58 "
    "70.18 76.33 71.80 60.29 70.48 60.03",
    "amdo": "84.29 88.73 84.88 74.90 80.89 75.39 31.19 53.99 32.44 "
    "71.94 78.52 73.06 63.54 72.86 62.94",
    "mc_ccr": "86.19 92.04 86.46 78.58 86.17 79.03 32.83 56.68 33.91 "
    "72.01 80.94 74.26 65.23 77.14 64.88",
    "mc_rbo": "87.25 94.46 88.69 80.06 88.02 80.14 33.01 59.15 35.83 "
    "74.20 82.97 74.91 67.11 80.52 65.37",
    "bagan": "92.56 96.11 93.85 82.50 90.51 82.96 42.41 64.12 43.01 "
    "75.81 86.44 77.02 68.62 80.84 68.33",
    "gamo": "95.45 97.61 95.11 83.05 90.76 83.00 44.72 65.72 45.93 "
    "75.07 86.00 76.68 66.06 79.11 64.85",
    "deep_smote": "96.16 98.11 96.44 84.88 91.63 83.79 45.26 66.13 44.86 "
    "79.59 88.67 80.71 72.40 82.91 66.99",
}
#: The journal version's Table III, the same on balanced tests.
JOURNAL_TABLE_3 = {
    "deep_smote": "96.09 97.80 96.03 83.63 90.61 83.27 45.38 65.30 43.35 "
    "80.94 87.39 78.73 69.88 80.38 69.19",
}


def published():
    """What the paper printed, as shares: method x (test, data set, metric).

    Returns
    -------
    DataFrame
        The test is "imbalanced" (Table 1) or "balanced" (the journal's Table III).
    """
    names = [*LOADERS][:5]
    tables = {"imbalanced": TABLE_1, "balanced": JOURNAL_TABLE_3}
    columns = pd.MultiIndex.from_product([tables, names, METRICS])
    cells = {
        (test, *column): {
            method: float(numbers.split()[i]) / 100 for method, numbers in table.items()
        }
        for test, table in tables.items()
        for i, column in enumerate(itertools.product(names, METRICS))
    }
    return pd.DataFrame(cells, index=[*TABLE_1], columns=columns)


# ---------------------------------------------------------------- data


def scales(name, n, profile):
    """Return the factors of the training and of the test counts.

    Tests are whole where the data allow it, since ten images of a class say little
    enough. The digits that stand in for MNIST and the part of SVHN are smaller sets.
    """
    scale = SETTINGS[profile]["scale"]
    if name == "digits_images":
        return min(scale, 1 / 40), 1 / 40
    if name == "svhn" and n < 50_000:
        return min(scale, SVHN_PART), SVHN_PART
    return scale, 1


@functools.lru_cache(maxsize=1)
def pool(name):
    """Load a data set once for all of its cells."""
    return LOADERS[name]()


def available(name):
    """The name itself, or "digits_images" where that set can be neither found nor fetched."""
    require_known("data set", name, LOADERS)
    try:
        pool(name)
    except data.DataNotAvailable as error:
        warnings.warn(f"{error} The digits of scikit-learn stand in.", stacklevel=2)
        return "digits_images"
    return name


def training_counts(name, scale):
    """Images per class to train on; the digits would have one of some at a fortieth."""
    counts = deepsmote_counts(name, scale).train
    return tuple(max(n, 3) for n in counts) if name == "digits_images" else counts


def counts_of(name, n_train, n_test):
    """Class counts of a stored row's training set and its tests, from their sizes."""
    scales = 1, SVHN_PART, 1 / 10, 1 / 40
    train = next(n for s in scales if sum(n := training_counts(name, s)) == n_train)
    tests = next(
        n for s in scales if sum((n := deepsmote_counts(name, s)).test) == n_test
    )
    return ClassCounts(train, tests.test, tests.balanced)


def parts(name, seed, fold, profile="tenth"):
    """Row numbers of a data set's images to learn from, and of those to test on.

    The official training and test images are pooled and cut into five folds, of which one
    is for tests. CelebA's training and test images stay apart as they were published. In
    "counts" nothing is learnt from the images of the pilot.
    """
    if name == "celeba":
        partition = pool(name).partition
        return [np.flatnonzero(partition == part) for part in ("train", "test")]
    learnt, kept = folds(name, seed)[fold]
    if profile == "counts" and name in PILOTED:
        learnt = np.setdiff1d(learnt, np.concatenate(pilot_rows(name)))
    return learnt, kept


def folds(name, seed):
    """Five pairs of row numbers, to learn from and to test on."""
    y = pool(name).target
    cut = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    return [*cut.split(np.zeros(len(y)), y)]


#: Data sets on which rate and length of the classifier's training were chosen; the share
#: of the table's counts that it had there, and images of each class to judge by.
PILOTED = ("mnist", "cifar10")
PILOT_SCALE, N_JUDGED = 0.4, 200


@functools.lru_cache(maxsize=len(PILOTED))
def pilot_rows(name):
    """Row numbers to learn from and to judge by in the pilot, in no draw of "counts".

    They lie in the two folds that none of its tests are from. Counts go to the classes in
    reverse, so that the table's most frequent class, of which it needs nearly all images,
    gives fewest here.

    Returns
    -------
    learnt, judged : arrays of int
    """
    y = pool(name).target
    rows = np.sort(np.concatenate([kept for _, kept in folds(name, 0)[N_DRAWS:]]))
    counts = np.array(deepsmote_counts(name, PILOT_SCALE).train[::-1])
    learnt, _ = make_imbalanced(rows, y[rows], counts.tolist(), 0)
    both, _ = make_imbalanced(rows, y[rows], (counts + N_JUDGED).tolist(), 0)
    return learnt, np.setdiff1d(both, learnt)


def draw(name, seed, fold, profile):
    """Draw one imbalanced training set and its two test sets (section 4).

    The class counts are drawn from one of the `parts`, both tests from the other.

    Parameters
    ----------
    name : str
        One of `LOADERS`.
    seed, fold : int
        Repeat, and fold of that repeat.
    profile : str

    Returns
    -------
    train, imbalanced, balanced : Part
        `imbalanced` has the class proportions of the training set and is the test of the
        seed paper's Table 1; `balanced` is the journal version's other one.
    """
    images = pool(name)
    y = images.target
    learnt, kept = parts(name, seed, fold, profile)
    scale, test_scale = scales(name, len(y), profile)
    train = training_counts(name, scale)
    tests = deepsmote_counts(name, test_scale)
    random_state = 1000 * seed + fold
    drawn = []
    for rows, n in ((learnt, train), (kept, tests.test), (kept, tests.balanced)):
        if name == "celeba" and profile == "counts":
            rows = apart(rows, y[rows], n, seed, fold)
        else:
            rows, _ = make_imbalanced(rows, y[rows], [*n], random_state)
        drawn.append(part(images.data, y, rows))
    return drawn


def apart(rows, labels, counts, seed, fold):
    """Rows of every class for a draw, as few as can be of those of the other draws.

    A class is shuffled once and laid in a circle, and each draw starts a third of the way
    on: up to a third of its images, draws have none in common. CelebA has 767 training
    images of its rarest class, of which a draw takes 160, and 300 more of its most
    frequent one than a draw takes.
    """
    random, kept = np.random.default_rng(seed), []
    for c, n in enumerate(counts):
        circle = random.permutation(rows[labels == c])
        kept.append(np.roll(circle, -(fold * len(circle) // N_DRAWS))[:n])
    return np.sort(np.concatenate(kept))


# ---------------------------------------------------------------- arms


def sampler(method, profile, random_state):
    """The sampler of an arm that is one of ours."""
    settings = SETTINGS[profile]
    common = {"value_range": (0, 255), "random_state": random_state}
    if method in NETWORKS:
        common["precision"] = "float32"
    if method in PENALTIES:
        settings = settings.get("deep_smote", {})
        return DeepSMOTE(penalty=PENALTIES[method], **common, **settings)
    return RIVALS[method](**common, **settings.get(method, {}))


def smote(X, y, random_state):
    """SMOTE between pixels, with fewer neighbours where a class has not so many rows."""
    flat, counts = X.reshape(len(X), -1).astype(np.float32), np.bincount(y)
    images, labels = [X], [y]
    for c in np.flatnonzero(counts < counts.max()):
        sampler = SMOTE(
            sampling_strategy={c: counts.max()},
            k_neighbors=min(5, counts[c] - 1),
            random_state=random_state,
        )
        X_all, y_all = sampler.fit_resample(flat, y)
        new = X_all[len(X) :].reshape(-1, *X.shape[1:])
        images.append(np.rint(new).astype(X.dtype))
        labels.append(y_all[len(y) :])
    return np.concatenate(images), np.concatenate(labels)


def resample(method, X, y, profile, random_state, checkpoint=None):
    """Balance a training set.

    Parameters
    ----------
    method, X, y, profile, random_state
        As elsewhere.
    checkpoint : path-like, optional
        File that the training of a network goes on from and writes to.

    Returns
    -------
    X, y : arrays
        The original rows first.
    extra : dict
        What the training says of itself, for the row.
    """
    if _own.is_own(method):
        return *_own.with_images(method, X, y, random_state), {}
    if method in RIVALS or method in PENALTIES:
        fitted = sampler(method, profile, random_state)
        if checkpoint is not None:
            fitted.set_params(checkpoint=checkpoint)
        X, y = fitted.fit_resample(X, y)
        return X, y, told(fitted)
    if method == "smote":
        return *smote(X, y, random_state), {}
    if method in COPIED:
        rows, y = RandomOverSampler(random_state=random_state).fit_resample(
            np.arange(len(y))[:, None], y
        )
        return X[rows[:, 0]], y, {}
    return X, y, {}


def told(fitted):
    """What an autoencoder's training says of itself, over its last 20 updates."""
    history = fitted.history_
    if "reconstruction_loss" in history:
        last = history.tail(20)
        return {
            "sampler_steps": len(history),
            "reconstruction_loss": float(last["reconstruction_loss"].mean()),
            "penalty_loss": float(last["penalty"].mean()),
            "reconstruction_course": stretch_means(
                history["reconstruction_loss"], digits=4
            ),
            "penalty_course": stretch_means(history["penalty"], digits=4),
        }
    if "player" in history:  # BAGAN and GAMO: one row per player
        losses = {p: own["loss"] for p, own in history.groupby("player")}
        last = losses["autoencoder"].tail(20)
        return {
            "sampler_steps": int(history["step"].iloc[-1]),
            "reconstruction_loss": float(last.mean()),
            **{
                f"{player}_course": stretch_means(loss, digits=4)
                for player, loss in losses.items()
            },
        }
    return {}


def classifier(method, name, profile, random_state):
    """The ResNet-18 of section 4, or the dummy that always answers the same."""
    if method == "dummy":
        return DummyClassifier(strategy="prior")
    settings = SETTINGS[profile]
    network = ResNet18Classifier(
        stem=settings["stem"],
        n_steps=settings["n_steps"],
        lr=settings.get("lr", 0.1),
        precision="float32",
        augment=AUGMENT.get(name, "crop") if method in AUGMENTED else None,
        mixup=0.2 if method == "mixup" else 0.0,
        logit_adjustment=1.0 if method == "logit_adjustment" else 0.0,
        random_state=random_state,
    )
    return ClassWeighted(network) if method == "class_weight" else network


def scores(y, probabilities, classes=None, y_pred=None):
    """Section 4's metrics and a few beside them, as `helpers.evaluation.score` is called.

    Classes go by their numbers, whatever their names.
    """
    classes = [str(c) for c in range(probabilities.shape[1])]
    kept = ["accuracy", "acsa", "gmean_macro", "gmean_product", "f1_macro", "log_loss"]
    kept += [f"recall_{c}" for c in classes]
    row = score(y, probabilities, classes, y_pred)
    return {metric: row[metric] for metric in kept}


def fit_on(made, train, tests, model):
    """Train an arm's classifier and test it: the row, but for what a sampler says.

    Parameters
    ----------
    made : Resampled
        What the arm's sampler made of the training part.
    train : Part
    tests : dict of str to Part
        By the prefix of their columns.
    model : classifier

    Returns
    -------
    row : dict
    fitted : classifier
        The network itself, where it is wrapped.
    """
    names = [str(c) for c in np.unique(train.y)]
    run = fit_and_score(model, made, train, tests, names, metrics=scores, predict=False)
    fitted = getattr(run.classifier, "model_", run.classifier)
    row = {**run.row, **computed_on("float32")}
    return row | learning(fitted, train.X, train.y), fitted
