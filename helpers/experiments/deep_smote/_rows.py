"""The rows of Table 1: which there are, and one of them."""

import time

from sklearn.utils.class_weight import compute_sample_weight

from ...provenance import computed_on
from ...store import Cell
from .. import learning
from ._kept import resampled
from ._table_1 import (
    ARMS,
    CHAPTER,
    COUNTS_PROTOCOL,
    LOADERS,
    N_DRAWS,
    N_FOLDS,
    NETWORK_FREE,
    PROTOCOL,
    READINGS,
    classifier,
    draw,
    pool,
    scores,
)


def table_cells(profile):
    """The runs of a profile, in an order that leaves a whole story wherever it stops."""
    names = [name for name in LOADERS if name != "digits_images"]
    if profile == "counts":
        return counts_cells(names)
    plan = {
        "smoke": [("digits_images", 0)],
        "tenth": [(name, 0) for name in names]
        + [(name, fold) for fold in (1, 2) for name in ("mnist", "cifar10")],
        "paper": [(name, fold) for fold in range(N_FOLDS) for name in names],
    }.get(profile, [])
    return [
        Cell(CHAPTER, profile, name, method, 0, fold, PROTOCOL)
        for name, fold in plan
        for method in ARMS
    ]


def counts_cells(names):
    """Three draws of all arms without a network, then DeepSMOTE, then the costly rivals."""
    main = ["mnist", "cifar10"]
    others = [name for name in names if name not in main]
    plan = [(n, d, m) for d in range(N_DRAWS) for n in main for m in NETWORK_FREE]
    plan += [(n, d, m) for d in range(N_DRAWS) for n in main for m in READINGS]
    for name in others:
        plan += [(name, d, m) for d in range(N_DRAWS) for m in NETWORK_FREE]
        plan += [(name, 0, m) for m in READINGS]
    plan += [(name, 0, "deep_smote") for name in names]
    plan += [(name, 0, m) for m in ("bagan", "gamo") for name in main]
    return [
        Cell(CHAPTER, "counts", name, method, 0, fold, COUNTS_PROTOCOL)
        for name, fold, method in plan
    ]


def run_table(cell):
    """Compute one row."""
    name, method, profile = cell.dataset, cell.method, cell.profile
    (X, y), *tests = draw(name, cell.seed, cell.fold, profile)
    random_state = 1000 * cell.seed + cell.fold
    X_all, y_all, extra, seconds = resampled(method, X, y, profile, random_state)
    started = time.perf_counter()
    model = classifier(method, name, profile, random_state)
    if method == "class_weight":
        model.fit(X_all, y_all, compute_sample_weight("balanced", y_all))
    else:
        model.fit(X_all, y_all)
    fitted = time.perf_counter()
    row = {
        "provenance": pool(name).provenance,
        "n_train": len(y),
        "n_test": len(tests[0][1]),
        "n_balanced_test": len(tests[1][1]),
        "n_synthetic": len(y_all) - len(y),
        "sampler_seconds": seconds,
        "classifier_seconds": fitted - started,
        **computed_on("float32"),
        **learning(model, X, y),
    }
    for prefix, (X_test, y_test) in zip(("", "balanced_"), tests, strict=True):
        row |= scores(prefix, y_test, model.predict_proba(X_test))
    return row | extra
