"""Which setting of `GANOverSampler` trains in the time there is: chosen once, elsewhere.

The rule, written before any row: on two tables outside the plan, pima (numbers) and german
(both kinds), a setting learns from half of the rare rows for `SECONDS` and makes as many as
the other half has. The setting whose rows a random forest tells least from that other half
(`helpers.quality.detection_score`, mean over tables and draws) is taken; within .02 of
it, the one that stands first in `CANDIDATES`, which begins with the paper's own. No
classifier and no score of the plan is looked at.
"""

import time

import numpy as np
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from ...data import load_keel
from ...over_sampling import GANOverSampler
from ...provenance import hardware
from ...quality import detection_score
from ...store import Cell
from ...tables import TabularOverSampler
from ._arms import SECONDS, SMALL

CHAPTER, PROTOCOL = "many_tables", "pilot-1"
PILOT_TABLES = ("pima", "german")
#: Within so much of the least detection, the first counts.
MARGIN = 0.02
#: Arguments by the name of the setting.
CANDIDATES = {
    "paper": {},
    "paper, lr 1e-3": {"lr": 1e-3},
    "small, lr 1e-3": {"lr": 1e-3, **SMALL},
    "small, lr 1e-3, betas .5": {"lr": 1e-3, "betas": (0.5, 0.9), **SMALL},
}


def pilot_cells(profile):
    """Every setting on every table, two draws of the halves."""
    if profile != "pilot":
        return []
    return [
        Cell(CHAPTER, profile, table, f"gan {setting}", seed, 0, PROTOCOL)
        for seed in range(2)
        for table in PILOT_TABLES
        for setting in CANDIDATES
    ]


@threadpool_limits.wrap(limits=1)
def run_pilot(cell):
    """How well a forest tells a setting's rows from rare rows that it has not seen."""
    table = load_keel(cell.dataset)
    rare = np.flatnonzero(table.target == 1)
    common = np.flatnonzero(table.target == 0)
    seen, unseen = train_test_split(rare, train_size=0.5, random_state=cell.seed)
    rows = np.concatenate([common, seen])
    told = CANDIDATES[cell.method.removeprefix("gan ")]
    n = updates(told)
    gan = GANOverSampler(
        epochs=max(1, n // -(-len(seen) // 32)),
        device="cpu",
        precision="float32",
        random_state=cell.seed,
        sampling_strategy={1: len(seen) + len(unseen)},
        **told,
    )
    sampler = TabularOverSampler(gan)
    started, cpu = time.perf_counter(), time.process_time()
    X, _ = sampler.fit_resample(table.data.iloc[rows], table.target[rows])
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    made = X[sampler.synthetic_mask_]
    return {
        "provenance": table.provenance,
        "n_train": len(rows),
        "n_synthetic": len(made),
        "sampler_seconds": round(seconds, 3),
        "sampler_cpu_seconds": round(cpu, 3),
        "classifier_seconds": 0.0,
        "updates": n,
        "detection": detection_score(
            table.data.iloc[unseen], made, random_state=cell.seed
        ),
        "device": hardware(),
        "precision": "float32",
    }


def updates(told):
    """How many updates of a setting fit into `SECONDS`: of small networks three times as many."""
    return SECONDS * (160 if "generator_layers" in told else 50)


def chosen(rows):
    """The setting that the rule takes, from the rows of the pilot."""
    found = rows.groupby("method")["detection"].mean()
    names = [f"gan {name}" for name in CANDIDATES if f"gan {name}" in found]
    near = [name for name in names if found[name] <= found.min() + MARGIN]
    return near[0].removeprefix("gan ")
