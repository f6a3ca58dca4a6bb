"""Which learning rate, how many steps: chosen once, on images that no table tests.

The classifier's training is no part of the paper, so that it must be chosen, and a choice
by test scores would be one more fit to the test.
"""

import functools
import time

import numpy as np
from sklearn.model_selection import StratifiedKFold

from ...classifiers import ResNet18Classifier
from ...data import deepsmote_counts, make_imbalanced
from ...runs import Cell, computed_on
from ._table_1 import CHAPTER, N_FOLDS, learning, pool, resample, scores

PILOT_PROTOCOL = "pilot-1"
#: The paper's smallest and largest problem of those that are cut into folds.
PILOTED = ("mnist", "cifar10")
PILOT_ARMS = ("nothing", "smote")
RATES = (0.01, 0.03, 0.1)
LENGTHS = (300, 600, 1200)
#: Its share of the table's counts, and images of each class to judge by.
PILOT_SCALE, N_JUDGED = 0.4, 200


def pilot_cells(profile):
    """Shorter trainings first; then the stem that keeps the pixels."""
    if profile != "pilot":
        return []
    methods = [f"{a} {r:g} {n}" for n in LENGTHS for r in RATES for a in PILOT_ARMS]
    return [
        Cell(CHAPTER, profile, name, method, 0, 0, PILOT_PROTOCOL)
        for method in methods
        for name in PILOTED
    ]


@functools.lru_cache(maxsize=2)
def pilot_rows(name):
    """Row numbers to learn from and to judge by, in no test of a table of three draws.

    They lie in the two folds that are not among those tests. The counts go to the classes
    in reverse, so that the table's most frequent class, of which it needs nearly all,
    gives fewest here.

    Returns
    -------
    learnt, judged : arrays of int
    """
    y = pool(name).target
    cut = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    folds = [kept for _, kept in cut.split(np.zeros(len(y)), y)]
    rows = np.sort(np.concatenate(folds[3:]))
    counts = np.array(deepsmote_counts(name, PILOT_SCALE).train[::-1])
    learnt, _ = make_imbalanced(rows, y[rows], counts.tolist(), 0)
    both, _ = make_imbalanced(rows, y[rows], (counts + N_JUDGED).tolist(), 0)
    return learnt, np.setdiff1d(both, learnt)


def run_pilot(cell):
    """One row: the course of one training, and its scores on the images to judge by."""
    arm, rate, length = cell.method.split()
    images, (learnt, judged) = pool(cell.dataset), pilot_rows(cell.dataset)
    X, y = images.data[learnt], images.target[learnt]
    X_all, y_all, _ = resample(arm, X, y, cell.profile, cell.seed)
    started = time.perf_counter()
    model = ResNet18Classifier(
        lr=float(rate),
        n_steps=int(length),
        precision="float32",
        random_state=cell.seed,
    ).fit(X_all, y_all)
    seconds = time.perf_counter() - started
    p = model.predict_proba(images.data[judged])
    return {
        "provenance": images.provenance,
        "n_train": len(y),
        "n_balanced_test": len(judged),
        "n_synthetic": len(y_all) - len(y),
        "sampler_seconds": np.nan,
        "classifier_seconds": seconds,
        **computed_on("float32"),
        **scores("balanced_", images.target[judged], p),
        **learning(model, X, y),
        "loss_course": course(model.history_["loss"]),
    }


def course(values, n=30):
    """Means over `n` equal stretches of a training, as one string of a row."""
    parts = np.array_split(np.asarray(values), min(n, len(values)))
    return " ".join(f"{part.mean():.4f}" for part in parts)
