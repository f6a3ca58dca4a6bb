"""The rate of the classifier: chosen once, without the test.

The table trains on all official training images, so that the pilot cannot be apart from
these, but it is from the official test, of which it sees nothing.
"""

import time

import numpy as np

from ...classifiers import KerasCNNClassifier
from ...data import make_imbalanced
from ...provenance import computed_on
from ...store import Cell
from .. import learning, stretch_means
from ._figure_6 import CHAPTER, DATASETS, PAPERS, batches, images, measures
from ._figure_6 import Draw as Drawn

PILOT_PROTOCOL = "pilot-1"
#: Of each class, to judge by.
N_JUDGED = 500
RATES = (1e-4, 3e-4, 1e-3)
#: Passes over the balanced set: few to choose a rate, all to see what it reaches.
FEW, ALL = 5, 20


def pilot_cells(profile):
    """The full set with each rate, then both ends of the table at full length."""
    if profile != "pilot":
        return []
    methods = [f"full {rate:g} {FEW}" for rate in RATES]
    methods += [f"{arm} {RATES[-1]:g} {ALL}" for arm in ("full", "nothing")]
    return [
        Cell(CHAPTER, profile, PAPERS, method, 0, 0, PILOT_PROTOCOL)
        for method in methods
    ]


def pilot_draw(dataset):
    """Official training images, cut into those to learn from and those to judge by.

    Returns
    -------
    Draw
        Its test are the images to judge by.
    """
    name, share = DATASETS[dataset]
    bunch = images(dataset.split("-")[0])
    names = [str(n) for n in bunch.target_names]
    y, minority = bunch.target, names.index(name)
    rows = np.flatnonzero(bunch.partition == "train")
    judged, _ = make_imbalanced(rows, y[rows], [N_JUDGED] * len(names), 0)
    learnt = np.setdiff1d(rows, judged)
    few = {minority: round(share * (y[learnt] == minority).sum())}
    cut, _ = make_imbalanced(learnt, y[learnt], few, 0)
    sets = [part for r in (cut, learnt, judged) for part in (bunch.data[r], y[r])]
    return Drawn(*sets, minority, names, bunch.provenance)


def run_pilot(cell):
    """One row: the course of one training, and its scores on the images to judge by."""
    arm, rate, passes = cell.method.split()
    drawn = pilot_draw(cell.dataset)
    X, y = (drawn.X_full, drawn.y_full) if arm == "full" else (drawn.X, drawn.y)
    started = time.perf_counter()
    model = KerasCNNClassifier(
        lr=float(rate),
        n_steps=int(passes) * batches(len(drawn.y_full), 256),
        precision="float32",
        random_state=cell.seed,
    ).fit(X, y)
    seconds = time.perf_counter() - started
    p = model.predict_proba(drawn.X_test)
    return {
        "provenance": drawn.provenance,
        "n_train": len(y),
        "n_test": len(drawn.y_test),
        "n_synthetic": 0,
        "sampler_seconds": np.nan,
        "classifier_seconds": seconds,
        **computed_on("float32"),
        **measures(drawn, p, p.argmax(axis=1)),
        **learning(model, X, y),
        "loss_course": stretch_means(model.history_["loss"], digits=4),
    }
