"""Many tables: which method, when? Sixteen sources, twenty arms, three classifiers.

The primary question was fixed before any row was seen: average precision with boosting,
each arm against nothing, Wilcoxon's test over sources with Holm's correction. Everything
else is exploratory.
"""

import itertools

from ...store import Cell, beside
from ._answer import HOLES, WITH_CATEGORIES, answer, glance, sentence, state
from ._arms import CHEAP, CLASSIFIERS, DEEP, OFTEN_ARMS, SECONDS, TEN, UPDATES
from ._figures import (
    draw_gain_and_tables,
    draw_gains,
    draw_often,
    draw_parts,
    gain_and_tables,
)
from ._pilot import pilot_cells, run_pilot
from ._ranks import (
    PRIMARY,
    against,
    coverage,
    diagram,
    failures,
    gains,
    of_plan,
    often,
    primary,
    ranked,
    split_gains,
)
from ._rule import LADDER, chosen, ladder, left_out
from ._run import run_fit
from ._tables import (
    FAMILIES,
    LARGEST,
    N_FOLDS,
    OFTEN,
    SEVERAL,
    SPLITS,
    TABLES,
    in_ranks,
    load,
    parts,
    twins,
)

CHAPTER = "many_tables"
PROFILES = ("paper", "pilot", "smoke")
PROTOCOL = "quarter-held-1"
N_REPEATS = 2


def cells(profile):
    """The fits of a profile, breadth first: half a table is then a fair one.

    A fold of all tables and arms before the next fold, the arms without a network before
    the others; the panel of several classes after each repeat; what is split often last.
    """
    if profile == "pilot":
        return pilot_cells(profile)
    if profile == "smoke":
        plan = [(t, m, 0, 0) for m in ("nothing", "smote", "gan") for t in TABLES[:3]]
    else:
        plan = []
        for seed in range(N_REPEATS):
            for panel in (TABLES, SEVERAL):
                # The largest takes as long as all others: last in its fold.
                groups = [t for t in panel if t != LARGEST], [LARGEST]
                for fold, tables in itertools.product(range(N_FOLDS), groups):
                    tables = [t for t in tables if t in panel]
                    for arms in (CHEAP, DEEP):
                        plan += [(t, m, seed, fold) for m in arms for t in tables]
        plan += [(OFTEN, m, seed, 0) for seed in range(SPLITS) for m in OFTEN_ARMS]
    return [Cell(CHAPTER, profile, *key, PROTOCOL) for key in plan]


def run(cell):
    """The rows of a cell: see `run_fit` and, of the profile "pilot", `run_pilot`."""
    return run_pilot(cell) if cell.profile == "pilot" else run_fit(cell)


def kept(profile="paper"):
    """Probabilities of test rows that lie beside the stored rows, by run and classifier.

    Parameters
    ----------
    profile : str

    Returns
    -------
    dict
        As of `helpers.store.read_arrays`: one column a class but the first, rows in the
        order of the split's test rows. Empty where none are here.
    """
    return beside(CHAPTER, profile, "probabilities")
