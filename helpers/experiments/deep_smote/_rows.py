"""The rows of Table 1: which there are, and one of them."""

import pandas as pd

from ...evaluation import Resampled
from ...store import Cell
from .. import that_learnt
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
    fit_on,
    pool,
    published,
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
    train, imbalanced, balanced = draw(name, cell.seed, cell.fold, profile)
    random_state = 1000 * cell.seed + cell.fold
    X, y, extra, seconds = resampled(method, train.X, train.y, profile, random_state)
    row, _ = fit_on(
        Resampled(X, y, seconds),
        train,
        {"": imbalanced, "balanced": balanced},
        classifier(method, name, profile, random_state),
    )
    return {"provenance": pool(name).provenance, **row, **extra}


def beside_paper(rows, test="imbalanced"):
    """Table 1's ACSA as it came out: our mean and spread over draws beside the paper's number.

    Parameters
    ----------
    rows : DataFrame
        Stored rows of one profile.
    test : {"imbalanced", "balanced"}
        The seed paper's test or the journal's.

    Returns
    -------
    DataFrame
        Indexed by data set and arm, in their order: ``mean``, ``sd`` (NaN of one draw) and
        ``n`` of the draws whose classifier learnt, ``not_learnt``, the number of the
        others, and ``paper``, which every reading of DeepSMOTE shares. Arms without a row
        are left out.
    """
    rows = rows[rows["protocol"].isin([PROTOCOL, COUNTS_PROTOCOL])]
    column = "acsa" if test == "imbalanced" else "balanced_acsa"
    arms = ["dataset", "method"]
    kept = that_learnt(rows).groupby(arms)[column]
    table = pd.DataFrame({"mean": kept.mean(), "sd": kept.std(), "n": kept.size()})
    all_draws = rows.groupby(arms).size()
    table = table.reindex(all_draws.index)
    table["n"] = table["n"].fillna(0).astype(int)
    table["not_learnt"] = all_draws - table["n"]
    paper = published()[test].xs("acsa", axis=1, level=1)
    table["paper"] = [
        paper.loc[row, name]
        if (row := printed(method)) in paper.index
        else float("nan")
        for name, method in table.index
    ]
    order = [(n, m) for n in LOADERS for m in [*ARMS, "nothing_augmented"]]
    return table.reindex([key for key in order if key in table.index])


def printed(method):
    """The row of the paper's table that an arm is compared with."""
    return "deep_smote" if method in READINGS else method
