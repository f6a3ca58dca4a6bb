"""The paper's Figure 6: the arms, by `resample` and `classifier`, and their rows.

Every arm of a draw starts from the same images, is tested on the same images and is given
the same number of optimiser steps.
"""

import time

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import AdaBoostClassifier
from sklearn.metrics import balanced_accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split

from ...classifiers import KerasCNNClassifier
from ...evaluation import Resampled, fit_and_score, score
from ...provenance import computed_on
from ...store import Cell
from .. import _kept_images as kept
from .. import _own, learning
from .._weighted import ClassWeighted
from ._draw import DATASETS, PAPERS, SETTINGS, draw
from ._generated import balanced, batches, generated

CHAPTER = "smate"
PROFILES = ("tenth", "counts", "paper", "smoke", "pilot")
#: Counted up when rows would no longer be comparable; the chapter shows one version.
PROTOCOL, COUNTS_PROTOCOL = "keras-cnn-1", "keras-cnn-2"

SMATES = ["smate_scratch", "smate_scale_bug", "smate", "smate_penalty", "smate_longer"]
#: Figure 6 and what it leaves out.
ARMS = [
    "dummy",
    "nothing",
    "full",
    "random_oversampling",
    *SMATES,
    "random_oversampling_augmented",
    "class_weight",
    "smote",
    "adasyn",
    "logit_adjustment",
    "random_undersampling",
    "threshold",
    "mixup",
    "deep_smote",
    "samme",
]
#: Arms of "counts" with three draws, with one, and the GANs among both.
THREE_DRAWS = ["nothing", "random_oversampling", "smote", "smate_scratch", "smate"]
ONE_DRAW = [
    "dummy",
    "full",
    "random_oversampling_augmented",
    "class_weight",
    "threshold",
    "logit_adjustment",
    "adasyn",
    "random_undersampling",
    "smate_penalty",
    "nothing_longer",
]
#: Passes of "nothing_longer", the notebook's, to say what the fewer of "counts" cost.
LONGER = 100
#: The arms that are run for the other data sets.
TRANSFER_ARMS = ["nothing", "random_oversampling_augmented", "smate_scratch", "smate"]


# ---------------------------------------------------------------- arms


def smote(X, y, sampler):
    """Interpolate between pixels with one of imbalanced-learn's samplers."""
    flat, y = sampler.fit_resample(X.reshape(len(X), -1).astype(np.float32), y)
    new = np.rint(flat[len(X) :]).reshape(-1, *X.shape[1:]).astype(X.dtype)
    return np.concatenate([X, new]), y


def resample(method, dataset, seed, profile):
    """Training set of an arm.

    Returns
    -------
    X, y : arrays
        The original rows first, where they stay.
    extra : dict
        What the training of a sampler says of itself, for the row.
    seconds : float
    """
    drawn = draw(dataset, seed, profile)
    X, y, few = drawn.X, drawn.y, (drawn.y == drawn.minority).sum()
    started, extra = time.perf_counter(), {}
    if method == "full":
        return drawn.X_full, drawn.y_full, extra, 0.0
    if method in SMATES:
        bug = method == "smate_scale_bug"
        name = "smate_scratch" if bug else method
        new, extra, seconds = generated(name, dataset, seed, profile)
        if bug:  # images from 0 to 1 among those from 0 to 255, here of two levels
            new = np.rint(new / 255).astype(new.dtype)
        if seed == 0:
            extra = {**extra, "picture": kept.picture(new)}
        filled = np.full(len(new), drawn.minority)
        return np.concatenate([X, new]), np.concatenate([y, filled]), extra, seconds
    if _own.is_own(method):
        X, y = _own.with_images(method, X, y, seed)
    elif method == "deep_smote":
        return balanced(dataset, seed, profile)
    elif method == "smote":
        neighbours = min(5, few - 1)
        X, y = smote(X, y, SMOTE(k_neighbors=neighbours, random_state=seed))
    elif method == "adasyn":
        neighbours = min(5, few - 1)
        X, y = smote(X, y, ADASYN(n_neighbors=neighbours, random_state=seed))
    elif method.startswith("random_"):
        under = method == "random_undersampling"
        sampler = (RandomUnderSampler if under else RandomOverSampler)(
            random_state=seed
        )
        rows, y = sampler.fit_resample(np.arange(len(y))[:, None], y)
        X = X[rows[:, 0]]
    return X, y, extra, time.perf_counter() - started


def classifier(method, dataset, seed, profile):
    """The CNN of the paper's code, or the dummy that always answers the same.

    All train for the same number of steps; the authors' epochs gave undersampled data a
    tenth of them.
    """
    if method == "dummy":
        return DummyClassifier(strategy="prior")
    settings, drawn = SETTINGS[profile], draw(dataset, seed, profile)
    per_pass = batches(len(drawn.y_full), 256)
    common = {"random_state": seed}
    recipe = {"lr": settings.get("lr", 1e-4), "precision": "float32"}
    if method == "samme":
        members, passes = settings["samme"]
        member = KerasCNNClassifier(n_steps=passes * per_pass, **recipe)
        return AdaBoostClassifier(member, n_estimators=members, **common)
    flip = "crop" if dataset.startswith("digits") else "crop+flip"
    passes = LONGER if method == "nothing_longer" else settings["epochs"]
    network = KerasCNNClassifier(
        n_steps=passes * per_pass,
        augment=flip if method == "random_oversampling_augmented" else None,
        mixup=0.2 if method == "mixup" else 0.0,
        logit_adjustment=1.0 if method == "logit_adjustment" else 0.0,
        **recipe,
        **common,
    )
    if method == "class_weight":
        return ClassWeighted(network)
    if method == "threshold":
        return MinorityThreshold(network, drawn.minority, seed)
    return network


class MinorityThreshold(ClassifierMixin, BaseEstimator):
    """A classifier that calls rows minority from a probability found on held-out rows.

    It learns from four fifths of the rows. Of the probabilities that it then gives to the
    others, the threshold is the one of the highest mean recall.

    Parameters
    ----------
    classifier : scikit-learn classifier
        Cloned, not changed.
    minority : int
        The class.
    random_state : int
        Of the division.

    Attributes
    ----------
    model_ : classifier
        Fitted; its own answers know no threshold.
    threshold_ : float
    """

    def __init__(self, classifier, minority, random_state=0):
        self.classifier = classifier
        self.minority = minority
        self.random_state = random_state

    def fit(self, X, y):
        X, X_held, y, y_held = train_test_split(
            X, y, test_size=0.2, stratify=y, random_state=self.random_state
        )
        self.model_ = clone(self.classifier).fit(X, y)
        self.classes_ = self.model_.classes_
        level = minority_threshold(self.model_, X_held, y_held, self.minority)
        self.threshold_ = float(level)
        return self

    def predict_proba(self, X):
        return self.model_.predict_proba(X)

    def predict(self, X):
        return decide(self.predict_proba(X), self.minority, self.threshold_)


def minority_threshold(model, X, y, minority):
    """The probability from which an image is called minority, by mean recall on (X, y)."""
    p = model.predict_proba(X)
    return max(
        np.unique(p[:, minority]),
        key=lambda level: balanced_accuracy_score(y, decide(p, minority, level)),
    )


def decide(p, minority, level):
    """Minority from a probability of `level`, else the most probable of the others."""
    others = p.copy()
    others[:, minority] = -1
    return np.where(p[:, minority] >= level, minority, others.argmax(axis=1))


# ---------------------------------------------------------------- cells


def figure_cells(profile):
    """The paper's experiment, then transfers to other minorities; "counts" has the first."""
    protocol = PROTOCOL
    if profile == "smoke":
        plan = [("digits-9-10", 0, ARMS)]
    elif profile == "counts":
        plan, protocol = counts_plan(), COUNTS_PROTOCOL
    elif profile == "pilot":
        plan = []
    else:
        plan = [(PAPERS, seed, ARMS) for seed in range(3)]
        others = [name for name in DATASETS if "cifar10" in name and name != PAPERS]
        plan[1:1] = [(dataset, 0, TRANSFER_ARMS) for dataset in others]
    return [
        Cell(CHAPTER, profile, dataset, method, seed, 0, protocol)
        for dataset, seed, arms in plan
        for method in arms
    ]


def counts_plan():
    """Classifiers first, then what needs a GAN, then the long training."""
    arms = [*THREE_DRAWS, *ONE_DRAW]
    gans = [method for method in arms if method in SMATES]
    last = "nothing_longer"
    plain = [method for method in arms if method not in (*gans, last)]
    plan = [(PAPERS, 0, plain)]
    plan += [(PAPERS, s, [m for m in plain if m in THREE_DRAWS]) for s in (1, 2)]
    plan += [(PAPERS, 0, gans)]
    plan += [(PAPERS, s, [m for m in gans if m in THREE_DRAWS]) for s in (1, 2)]
    return [*plan, (PAPERS, 0, [last])]


def run_figure(cell):
    """Compute one row."""
    dataset, method, seed, profile = cell.dataset, cell.method, cell.seed, cell.profile
    drawn = draw(dataset, seed, profile)
    train, full, _ = drawn.parts()
    X, y, extra, seconds = resample(method, dataset, seed, profile)
    row, model = fit_on(
        drawn,
        full if method == "full" else train,
        Resampled(X, y, seconds),
        classifier(method, dataset, seed, profile),
        predict=method == "threshold",
    )
    row["n_train"] = len(train.y)  # "full" is what a row of this draw is held against
    row["n_minority"] = int((train.y == drawn.minority).sum())
    row["n_synthetic"] = max(row["n_synthetic"], 0)  # some take images away
    if method == "threshold":
        extra = {"threshold": model.threshold_}
    return row | extra


def fit_on(drawn, train, made, model, predict=False):
    """Train a classifier and test it on a draw's test: the row, and the classifier.

    Parameters
    ----------
    drawn : Draw
    train : Part
        Of the draw, as it is.
    made : Resampled
        What a sampler made of it.
    model : classifier
    predict : bool
        As in `helpers.evaluation.fit_and_score`.
    """

    def metrics(y, p, classes, y_pred):
        return measures(drawn, p, y_pred)

    test = drawn.parts()[2]
    run = fit_and_score(
        model, made, train, test, drawn.names, metrics=metrics, predict=predict
    )
    fitted = getattr(run.classifier, "model_", run.classifier)
    told = {**computed_on("float32"), **learning(fitted, train.X, train.y)}
    return {"provenance": drawn.provenance, **run.row, **told}, run.classifier


def measures(drawn, p, y_pred):
    """Scores of one test, the minority's own, and all pairs of truth and answer."""
    row = score(drawn.y_test, p, drawn.names, y_pred)
    name = drawn.names[drawn.minority]
    kept = ["accuracy", "acsa", "gmean_macro", "f1_macro", "log_loss"]
    pairs = confusion_matrix(drawn.y_test, y_pred, labels=range(len(drawn.names)))
    return {
        **{metric: row[metric] for metric in kept},
        **{f"{m}_minority": row[f"{m}_{name}"] for m in ("recall", "precision", "f1")},
        "confusion": " ".join(map(str, pairs.ravel())),
    }


def confusion(text):
    """The table of truth (rows) against answer (columns) that a row keeps as text."""
    numbers = np.array(text.split(), dtype=int)
    side = round(len(numbers) ** 0.5)
    return numbers.reshape(side, side)
