"""The runs of the image chapter: `book/deep_smote.ipynb`.

`cells` says which runs the stored tables have. The module `_table_1` holds the paper's
experiment, `_cost` what a method costs, `_quality` how good its images are and `_ratio`
how much imbalance it bears.
"""

from ._cost import COST_PROTOCOL, cost_cells, run_cost
from ._pilot import PILOT_PROTOCOL, pilot_cells, run_pilot
from ._quality import (
    QUALITY_ARMS,
    QUALITY_PROTOCOL,
    altered,
    at_most,
    by_class,
    feature_network,
    halves,
    measured,
    quality_cells,
    run_quality,
)
from ._ratio import RATIO_ARMS, RATIO_PROTOCOL, ratio_cells, ratio_counts, run_ratio
from ._table_1 import (
    ARMS,
    CHAPTER,
    LOADERS,
    METRICS,
    PENALTIES,
    PROFILES,
    PROTOCOL,
    RESTRICTED,
    RIVALS,
    SIMPLE,
    available,
    classifier,
    counts_of,
    draw,
    parts,
    pool,
    published,
    resample,
    run_table,
    sampler,
    scores,
    smote,
    table_cells,
)

__all__ = [
    "ARMS",
    "CHAPTER",
    "COST_PROTOCOL",
    "HEADLINE",
    "LOADERS",
    "METRICS",
    "PENALTIES",
    "PROFILES",
    "PROTOCOL",
    "QUALITY_ARMS",
    "QUALITY_PROTOCOL",
    "RATIO_ARMS",
    "RATIO_PROTOCOL",
    "RESTRICTED",
    "RIVALS",
    "SIMPLE",
    "altered",
    "at_most",
    "available",
    "by_class",
    "cells",
    "classifier",
    "counts_of",
    "draw",
    "feature_network",
    "glance",
    "halves",
    "measured",
    "parts",
    "pool",
    "published",
    "ratio_counts",
    "resample",
    "run",
    "sampler",
    "scores",
    "smote",
]

#: What the pages compare profiles by.
HEADLINE = "balanced_acsa"
RUNS = {
    PROTOCOL: run_table,
    COST_PROTOCOL: run_cost,
    QUALITY_PROTOCOL: run_quality,
    RATIO_PROTOCOL: run_ratio,
    PILOT_PROTOCOL: run_pilot,
}


def cells(profile):
    """The runs of a profile, Table 1 first."""
    parts = table_cells, quality_cells, ratio_cells, cost_cells, pilot_cells
    return [cell for part in parts for cell in part(profile)]


def run(cell):
    """Compute one row."""
    return RUNS[cell.protocol](cell)


def glance(rows):
    """One sentence for the first page of the book, from the stored rows."""
    rows = rows[rows["protocol"] == PROTOCOL]
    names = {
        "nothing": "without",
        "random_oversampling": "with copies",
        "random_oversampling_augmented": "with augmented copies",
        "smote": "with SMOTE",
        "deep_smote_no_penalty": "with DeepSMOTE without its penalty",
        "deep_smote": "with the paper's DeepSMOTE",
    }
    means = rows[rows["method"].isin(names)].groupby(["dataset", "method"])
    table = means["balanced_acsa"].mean().unstack().dropna()
    found = [f"{table[m].mean():.3f} {text}" for m, text in names.items()]
    plain, augmented = (
        (table["deep_smote"] > table[copies]).sum() for copies in [*names][1:3]
    )
    rows = rows[rows["dataset"].isin(table.index)]
    draws = int(rows.groupby("dataset")["fold"].nunique().min())
    return (
        f"On {plain} of {len(table)} data sets more than copies, on {augmented} more than "
        f"augmented ones (a tenth of the images, {draws} draw{'s'[: draws > 1]} of "
        f"each set). Mean recall on balanced tests: {', '.join(found)}"
    )
