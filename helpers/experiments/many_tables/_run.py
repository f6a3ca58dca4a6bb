"""One cell: a sampler fitted once, every classifier, plain and with tuned decisions."""

import time
import warnings

import numpy as np
from threadpoolctl import threadpool_limits

from ...evaluation import (
    Resampled,
    correct_prior,
    fit_and_score,
    part,
    resample,
    score,
)
from ...provenance import hardware
from ...selection import best_offsets, logs, utilities
from ._arms import FEW_ROWS, SLOW, classifiers, sampler
from ._tables import load, parts

#: What is stored of the probabilities, and of the decisions.
OF_PROBABILITIES = ("pr_auc", "roc_auc", "brier", "log_loss", "calibration_slope")
OF_DECISIONS = ("acsa", "f1_macro", "recall_rare", "precision_rare")


# A few thousand rows gain nothing from threads.
@threadpool_limits.wrap(limits=1)
def run_fit(cell, own=None):
    """The rows of one sampler fit on one split, one for each classifier.

    Parameters
    ----------
    cell : Cell
    own : sampler, optional
        In place of the one that the cell's method names.

    Returns
    -------
    list of dict
        Metrics of `helpers.evaluation.score` at plain decisions (the most probable
        class); ``tuned_...`` of decisions that have the largest mean recall on rows held
        back, ``offsets`` being added to the logarithms of the probabilities;
        ``corrected_...`` of the probabilities turned back to the shares of the training
        part. ``error`` says what failed, or why nothing was run. ``probabilities`` is an
        array, half-precision, one column a class but the first.
    """
    table = load(cell.dataset)
    X, y = table.data, table.target
    learn, held, test = parts(cell.dataset, y, cell.seed, cell.fold)
    about = {
        "provenance": table.provenance,
        "device": hardware(),
        "precision": "float32",
    }
    models = classifiers(cell.method, cell.seed)
    rows = []
    train = part(X, y, learn)
    try:
        if why := not_run(cell.method, len(y)):
            raise NotRun(why)
        made, told = by_the_clock(cell.method, own, train, cell.seed)
    except Exception as error:  # a row like any other
        made, told = None, {"error": in_words(error)}
    for name, model in models.items():
        row = {"classifier": name, "n_train": len(learn), "n_test": len(test), **told}
        if made is not None:
            try:
                others = part(X, y, held), part(X, y, test)
                weighted = cell.method == "class_weight"
                row |= judged(model, made, train, *others, weighted)
            except Exception as error:
                row["error"] = in_words(error)
        rows.append({**about, **row})
    return rows


class NotRun(Exception):
    """The plan leaves a run out."""


def not_run(method, n):
    """Why an arm is left out of a table of `n` rows; empty where it is not."""
    if method in SLOW and n > FEW_ROWS:
        return f"{n} rows, and its time grows with their square; run up to {FEW_ROWS}"
    return ""


def in_words(error):
    """An error as the text of a row."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def by_the_clock(method, own, train, seed):
    """The resampled part, and what is told of the fit."""
    if own is None:
        own = sampler(method, train.y, seed)
    cpu = time.process_time()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        made = resample(own, train)
    told = {"sampler_cpu_seconds": round(time.process_time() - cpu, 3), "error": ""}
    heard = [str(w.message) for w in said if w.category is UserWarning]
    return made, told | {"warned": " ".join(heard[0].split())[:100] if heard else ""}


def judged(model, made, train, held, test, weighted=False):
    """Every metric of one classifier.

    Parameters
    ----------
    model : classifier of frames
    made : Resampled
    train, held, test : Part
        What `made` was made of; rows to tune decisions on; rows to judge by.
    weighted : bool
        Whether the classifier gives every class the same weight.

    Returns
    -------
    dict
    """
    n_classes = 1 + int(max(train.y.max(), test.y.max()))
    names = ["common", *(f"class_{k}" for k in range(1, n_classes - 1)), "rare"]
    with warnings.catch_warnings():
        # Levels that a training part lacks; iterations of the logistic regression.
        warnings.simplefilter("ignore")
        fitted = fit_and_score(
            model,
            Resampled(made.X, made.y, made.seconds),
            train,
            {"": test, "held": held},
            names,
            metrics=lambda *_: {},
        )
    p, p_held = (fitted.predictions[k].probabilities for k in ("", "held"))
    shares = np.bincount(train.y, minlength=n_classes) / len(train.y)
    offsets = best_offsets(logs(p_held), held.y, utilities(shares), -np.log(shares))
    tuned = (logs(p) + offsets).argmax(axis=1)
    learned = np.bincount(made.y, minlength=n_classes)
    if weighted:
        learned = np.ones(n_classes)
    plain = score(test.y, p, names)
    row = {
        name: plain[name]
        for name in (*OF_PROBABILITIES, *OF_DECISIONS)
        if name in plain
    }
    for name, value in score(test.y, p, names, tuned).items():
        if name in OF_DECISIONS:
            row[f"tuned_{name}"] = value
    corrected = score(test.y, correct_prior(p, learned, shares), names)
    for name in ("brier", "log_loss", "calibration_slope"):
        if name in corrected:  # several classes have no slope
            row[f"corrected_{name}"] = corrected[name]
    row = {name: round(float(value), 6) for name, value in row.items()}
    row["offsets"] = " ".join(f"{o:.6g}" for o in offsets[1:])
    for name in ("n_synthetic", "sampler_seconds", "classifier_seconds"):
        value = fitted.row[name]
        row[name] = round(value, 3)
    row["probabilities"] = p[:, 1:].astype(np.float16)
    return row
