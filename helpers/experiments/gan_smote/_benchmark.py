"""The runs of the petrography chapters.

The paper's benchmark (section 2.4) is `folds`, `resampled` and `PaperNetwork`; `cells` says
which runs the stored table has. The GANs of all folds of a repeat train in one stack, so
cells of one repeat follow one another and share it.
"""

import functools
import time
import warnings

import numpy as np
from imblearn.over_sampling import SMOTE, SMOTEN, RandomOverSampler
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import (
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from threadpoolctl import threadpool_limits

from ...checks import OneHotWarning
from ...data import load_mnist, load_petrography
from ...evaluation import (
    Claim,
    Resampled,
    fit_and_score,
    judge,
    mean_differences,
    part,
    resample,
)
from ...over_sampling import GANSMOTE, GANOverSampler, fit_stacked
from ...provenance import hardware
from ...store import Cell
from .. import _own
from .._paper_network import PaperNetwork, best_epoch

CHAPTER = "gan_smote"
PROFILES = ("paper", "smoke")
N_FOLDS = 10
#: Rows drawn per class and fold to judge the samples themselves.
N_SAMPLES = 100

#: The sampler's settings by the name of the arm; section 2 of the paper has the tricks.
VARIANTS = {
    "gan_smote": {},
    "gan_smote_authors_code": GANSMOTE._presets["authors_code"],
    "gan_smote_no_blur": {"blur": 0.0},
    "gan_smote_no_flips": {"flip_rate": 0.0},
    "gan_smote_no_restarts": {"restart_factor": 1.0},
    "gan_smote_no_l1": {"minibatch_l1": None},
    "gan_smote_no_dropout": {"dropout": 0.0},
}
#: Arms that share a training and differ in how outputs become bits.
DECODED = {"gan_smote_group_argmax": ("gan_smote", "group_argmax")}

SIMPLE = ["dummy", "nothing", "class_weight", "random_oversampling", "smote", "smoten"]
ABLATION = [name for name in VARIANTS if "_no_" in name]


# ---------------------------------------------------------------- data and folds


def duplicate_groups(X):
    """Number rows so that equal rows, and only they, have the same number."""
    return np.unique(X, axis=0, return_inverse=True)[1].ravel()


def folds(X, y, split, seed):
    """Row numbers (train, test) of the ten folds of a repeat.

    Parameters
    ----------
    X, y : arrays
    split : {"folds", "random", "grouped", "shuffled", "enlarged2", "enlarged4"}
        "folds": random and stratified. "random": without regard to the classes, as section
        2.4 may also be read, which has "each random fold". "grouped": rows with the same
        features stay together. "shuffled": groups of the same sizes and classes, but of
        any rows, which shows what the uneven folds of "grouped" do by themselves.
        "enlarged...": as "folds", with the training part cut to as many rows of each class
        as the smallest has.
    seed : int

    Returns
    -------
    list of (train, test)
    """
    cut = {"n_splits": N_FOLDS, "shuffle": True, "random_state": seed}
    if split in ("grouped", "shuffled"):
        groups = duplicate_groups(X)
        if split == "shuffled":
            rng = np.random.default_rng(seed)
            for c in np.unique(y):
                groups[y == c] = rng.permutation(groups[y == c])
        parts = StratifiedGroupKFold(**cut).split(X, y, groups)
    else:
        kind = KFold if split == "random" else StratifiedKFold
        parts = kind(**cut).split(X, y)
    if not split.startswith("enlarged"):
        return [*parts]
    thinned, rng = [], np.random.default_rng(seed)
    for train, test in parts:
        n = np.bincount(y[train]).min()
        kept = [
            rng.choice(train[y[train] == c], n, replace=False) for c in np.unique(y)
        ]
        thinned.append((np.sort(np.concatenate(kept)), test))
    return thinned


def wanted(y, split):
    """Rows to add per class: up to the largest (section 2.4), or to a multiple."""
    counts = np.bincount(y)
    goal = counts.max()
    if split.startswith("enlarged"):
        goal *= int(split.removeprefix("enlarged"))
    return {c: int(goal - n) for c, n in enumerate(counts)}


# ---------------------------------------------------------------- arms


def settings(profile):
    """Length of the GANs' training: the paper's, or a trial's."""
    if profile == "paper":
        return {}
    return {"epochs": 60, "flip_epochs": 50, "restart_every": 20}


@functools.lru_cache(maxsize=2)
def trained(variant, split, seed, profile):
    """The GANs of all classes and folds of a repeat, trained in one stack.

    Returns
    -------
    samplers : list of fitted GANSMOTE, one per fold
    seconds : float
        Of training, per fold.
    """
    data = load_petrography()
    parts = folds(data.data, data.target, split, seed)
    samplers, datasets = [], []
    for fold, (train, _) in enumerate(parts):
        y = data.target[train]
        samplers.append(
            GANSMOTE(
                # One row is asked for, so that every class gets its GAN.
                sampling_strategy={c: n + 1 for c, n in enumerate(np.bincount(y))},
                feature_groups=data.feature_groups,
                value_range=(0, 1),
                random_state=1000 * seed + fold,
                device="cpu",
                **VARIANTS[variant] | settings(profile),
            )
        )
        datasets.append((data.data[train], y))
    started = time.perf_counter()
    fit_stacked(samplers, datasets)
    return samplers, (time.perf_counter() - started) / len(parts)


def classical(method, strategy, random_state):
    """An oversampler that is not GAN-SMOTE, by its name in the tables."""
    if _own.is_own(method):
        return _own.sampler(method, random_state, strategy)
    common = {"sampling_strategy": strategy, "random_state": random_state}
    return {
        "random_oversampling": lambda: RandomOverSampler(**common),
        "smote": lambda: SMOTE(**common),
        "smoten": lambda: SMOTEN(**common),
        "gan": lambda: GANOverSampler(epochs=100, device="cpu", **common),
    }[method]()


def whole(method, X):
    """Bits as the arm's sampler wants them.

    GANOverSampler rounds where its columns are whole numbers; SMOTE would cut.
    """
    return X.astype(int) if method == "gan" else X


def new_rows(method, X, y, n, *, split, seed, fold, profile="paper"):
    """Rows that an arm adds to a training part, and the seconds it took.

    Parameters
    ----------
    method : str
    X, y : arrays
        The training part of a fold.
    n : dict of int to int
        Rows wanted per class.

    Returns
    -------
    X_new, y_new : arrays
    seconds : float
    """
    random_state = 1000 * seed + fold
    y_new = np.repeat([*n], [*n.values()])
    started = time.perf_counter()
    if method in ("dummy", "nothing", "class_weight"):
        X_new, y_new = X[:0], y[:0]
    elif method == "noise":  # the smallest change there is: single bits
        rng = np.random.default_rng(random_state)
        rows = [rng.choice(X[y == c], k) for c, k in n.items()]
        X_new = np.concatenate(rows)
        X_new = np.abs(X_new - (rng.random(X_new.shape) < 0.02))
    elif method.startswith("gan_smote") and not _own.is_own(method):
        variant, decode = DECODED.get(method, (method, "round"))
        # Twice and four times the rows come from the same GANs.
        thinned = split.startswith("enlarged")
        split = "enlarged2" if thinned else split
        samplers, seconds = trained(variant, split, seed, profile)
        sampler = samplers[fold].set_params(decode=decode)
        rows = [sampler.sample(c, k, random_state) for c, k in n.items() if k]
        return np.concatenate([X[:0], *rows]), y_new, seconds
    else:
        strategy = {c: int((y == c).sum()) + k for c, k in n.items()}
        sampler = classical(method, strategy, random_state)
        with warnings.catch_warnings():  # how many rows are valid is what is asked here
            warnings.simplefilter("ignore", OneHotWarning)
            X_new, y_new = sampler.fit_resample(whole(method, X), y)
        X_new, y_new = X_new[len(X) :].astype(float), y_new[len(X) :]
    return X_new, y_new, time.perf_counter() - started


# ---------------------------------------------------------------- classifiers


def classifier(name, method, n_real):
    """A classifier by its name in the tables, for an arm of `n_real` real rows."""
    if method == "dummy":
        return DummyClassifier(strategy="prior")
    weights = "balanced" if method == "class_weight" else None
    return {
        "network": PaperNetwork(n_real, class_weight=weights),
        "logistic": LogisticRegression(max_iter=2000, class_weight=weights),
        "forest": RandomForestClassifier(random_state=0, class_weight=weights),
    }[name]


# ---------------------------------------------------------------- the samples themselves


def judge_samples(X_real, X_new, groups):
    """How generated rows of one class relate to its real ones.

    Parameters
    ----------
    X_real, X_new : arrays of 0 and 1, shapes (n, d) and (m, d)
    groups : list of lists of int
        Columns of each attribute.

    Returns
    -------
    dict of str to float
        ``valid``: share of rows with at most one value per attribute. ``copies``: share
        equal to a real row. ``distinct``: share of distinct rows. ``coverage``: share of
        real rows with a generated row no further than their fifth nearest real one.
        ``spread``: mean Manhattan distance between generated rows over that between real
        ones; near 0 is collapse. ``ones``: mean number of ones in a row.
    """
    per_group = np.stack([X_new[:, group].sum(axis=1) for group in groups], axis=1)
    across = pairwise_distances(X_real, X_new, "manhattan")
    within = pairwise_distances(X_real, metric="manhattan")
    made = pairwise_distances(X_new, metric="manhattan")
    radius = np.sort(within, axis=1)[:, min(5, len(X_real) - 1)]
    n, m = len(X_real), len(X_new)
    return {
        "valid": float((per_group <= 1).all(axis=1).mean()),
        "copies": float((across == 0).any(axis=0).mean()),
        "distinct": len(np.unique(X_new, axis=0)) / m,
        "coverage": float((across.min(axis=1) <= radius).mean()),
        "spread": float((made.sum() / (m * (m - 1))) / (within.sum() / (n * (n - 1)))),
        "ones": float(X_new.sum(axis=1).mean()),
    }


# ---------------------------------------------------------------- cells


def cells(profile):
    """The runs of a profile, repeat by repeat, so that half a table is a fair one."""
    n_repeats, n_grouped, n_few = {"paper": (10, 3, 3), "smoke": (1, 1, 1)}[profile]
    arms = [*SIMPLE, "gan", "gan_smote", "gan_smote_group_argmax"]
    few = ["gan_smote_authors_code"]
    enlarged = [
        "dummy",
        "nothing",
        "random_oversampling",
        "noise",
        "smote",
        "gan_smote",
    ]
    sampled = ["random_oversampling", "smoten", "smote", "gan", "gan_smote"]
    sampled += ["gan_smote_group_argmax", *few]
    if profile == "smoke":
        arms, sampled = (
            ["dummy", "nothing", "smote", "gan_smote"],
            ["smote", "gan_smote"],
        )
        enlarged = enlarged[-1:]
    plan = [("folds", [*arms, *few], 0), ("samples", sampled, 0)]
    if profile == "paper":  # one variant after the other, since each is a training
        plan += [
            (split, [name], 0) for name in ABLATION for split in ("samples", "folds")
        ]
    plan += [("grouped", [*arms, *few], 0)]
    plan += [("folds", [*arms, *few], seed) for seed in range(1, n_few)]
    plan += [("enlarged2", enlarged, 0), ("enlarged4", enlarged, 0)]
    plan += [("grouped", [*arms, *few], seed) for seed in range(1, n_grouped)]
    plan += [("folds", arms, seed) for seed in range(n_few, n_repeats)]
    if profile == "paper":  # the arms of Table 1, the slow one last
        for methods in (["nothing", "random_oversampling", "smote"], ["gan_smote"]):
            plan += [("random", methods, seed) for seed in range(n_repeats)]
    named = {"samples": ("none",), "random": ("network",)}
    return [
        Cell(CHAPTER, profile, "petrography", method, seed, fold, f"{split}-{name}-1")
        for split, methods, seed in plan
        for method in methods
        for fold in range(N_FOLDS)
        for name in named.get(split, ("network", "logistic", "forest"))
    ] + digit_cells(profile)


@functools.lru_cache(maxsize=1)  # the classifiers of a fold follow one another
def resampled(method, split, seed, fold, profile):
    """Both parts of a fold, and what an arm makes of the training part.

    Returns
    -------
    train, test : Part
    made : Resampled
        The rows of the training part first.
    """
    data = load_petrography()
    X, y = data.data, data.target
    where = {"seed": seed, "fold": fold, "profile": profile}
    where["split"] = "folds" if split == "samples" else split
    train, test = (part(X, y, r) for r in folds(X, y, where["split"], seed)[fold])
    if split == "samples":
        n = dict.fromkeys(range(len(data.target_names)), N_SAMPLES)
    else:
        n = wanted(train.y, split)
    X_new, y_new, seconds = new_rows(method, train.X, train.y, n, **where)
    both = np.concatenate([train.X, X_new]), np.concatenate([train.y, y_new])
    return train, test, Resampled(*both, seconds)


# Rows are few: threads would only wait for one another.
@threadpool_limits.wrap(limits=1)
def run(cell):
    """Compute one row."""
    if cell.dataset == "mnist_bits":
        return run_digits(cell)
    data = load_petrography()
    split, name, _ = cell.protocol.split("-")
    train, test, made = resampled(
        cell.method, split, cell.seed, cell.fold, cell.profile
    )
    n = len(train.y)
    row = {"provenance": data.provenance, "device": hardware(), "precision": "float32"}
    if split == "samples":
        row |= {"n_train": n, "n_test": len(test.y), "n_synthetic": len(made.y) - n}
        row |= {"sampler_seconds": made.seconds, "classifier_seconds": np.nan}
        X_new, y_new = np.rint(made.X[n:]), made.y[n:]  # SMOTE's are fractions
        judged = [
            judge_samples(train.X[train.y == c], X_new[y_new == c], data.feature_groups)
            for c in range(len(data.target_names))
        ]
        return row | {k: float(np.mean([j[k] for j in judged])) for k in judged[0]}
    model = classifier(name, cell.method, n)
    found = fit_and_score(model, made, train, test, [*data.target_names], predict=False)
    if isinstance(model, PaperNetwork):
        row |= best_epoch(found.classifier, test.X, test.y)
    return row | found.row


# ------------------------------------------------- section 4's "much higher dimensional"


#: Two digits are rare; 784 pixels are cut at one half.
DIGITS = {"common": 500, "rare": 30, "test": 300, "rare_digits": (4, 9)}


def digit_cells(profile):
    """MNIST as rows of 784 bits, two digits rare: the paper's first wish (section 4)."""
    arms = ["dummy", "nothing", "class_weight", "random_oversampling", "smote"]
    arms += ["smoten", "gan", "gan_smote"]
    return [
        Cell(CHAPTER, profile, "mnist_bits", method, seed, 0, f"rare-{name}-1")
        for seed in range(3 if profile == "paper" else 0)
        for method in arms
        for name in ("logistic", "forest")
    ]


@functools.lru_cache(maxsize=1)
def digits(seed):
    """Draw training and test rows of bits: two `Part`."""
    mnist = load_mnist()
    bits = (mnist.data.reshape(len(mnist.data), -1) > 127).astype(float)
    rng, train, test = np.random.default_rng(seed), [], []
    for digit in range(10):
        rows = rng.permutation(np.flatnonzero(mnist.target == digit))
        n = DIGITS["rare" if digit in DIGITS["rare_digits"] else "common"]
        train.append(rows[:n])
        test.append(rows[n : n + DIGITS["test"]])
    return [part(bits, mnist.target, np.concatenate(rows)) for rows in (train, test)]


@functools.lru_cache(maxsize=1)
def enlarged_digits(method, seed):
    """What an arm makes of the training rows."""
    train, _ = digits(seed)
    sampler = None
    if method == "gan_smote":
        sampler = GANSMOTE(value_range=(0, 1), random_state=seed, device="cpu")
    elif method not in ("dummy", "nothing", "class_weight"):
        sampler = classical(method, "auto", seed)
    return resample(sampler, train._replace(X=whole(method, train.X)))


def run_digits(cell):
    """One row of the experiment with digits; recall of both rare digits is what counts."""
    train, test = digits(cell.seed)
    made = enlarged_digits(cell.method, cell.seed)
    model = classifier(cell.protocol.split("-")[1], cell.method, len(train.y))
    names = [str(digit) for digit in range(10)]
    row = fit_and_score(model, made, train, test, names, predict=False).row
    rare = [row[f"recall_{digit}"] for digit in DIGITS["rare_digits"]]
    return {
        "provenance": load_mnist().provenance,
        **row,
        "recall_rare": float(np.mean(rare)),
        "device": hardware(),
        "precision": "float32",
    }


def glance(rows):
    """One sentence for the first page of the book, from the stored rows."""
    rows = rows[rows["protocol"] == "folds-network-1"]
    rows = rows[rows["method"].isin(["nothing", "gan_smote"])]
    gain = mean_differences(rows, "accuracy", "nothing")["gan_smote"]
    found = judge([Claim("GAN-SMOTE raises accuracy", gain)], "first page").iloc[0]
    without = rows.loc[rows["method"] == "nothing", "accuracy"].mean()
    return (
        f"{found['verdict'].capitalize()}: accuracy {without:.3f} without, "
        f"{found['difference']:+.3f} with GAN-SMOTE (early stopping on a validation part; "
        f"asked alone: 95 % interval {found['low']:+.3f} to {found['high']:+.3f}, {found['n']:.0f} folds, "
        f"which could tell {found['tellable']:.3f}). The paper: 0.686 and +0.007, one sample "
        "of 140, it seems at the best epoch of each test fold"
    )
