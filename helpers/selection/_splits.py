"""How the rows are split: in folds, by groups, or forward in time."""

from contextlib import suppress
from itertools import pairwise
from numbers import Integral

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils import check_random_state

from ..tables import TableCodec

FOLDS = 5
#: Fewest and most splits of a plan, and how many where no time is given: the correction
#: of the t-test leaves 50 a standard error that is 3.5 % smaller.
FEWEST, MOST, USUAL = 10, 50, 25
#: Fewest splits forward in time.
FORWARD = 5
#: Folds of the training part, of which one tunes and the others are learned from.
QUARTERS = 4
#: Draws of folds by groups for each repeat that is wanted, and of groups to set apart.
TRIES, APART = 20, 20
#: How far the share of a class may be from that asked for, where groups are set apart.
CLOSE = 0.05


def time_kind(column, said=None):
    """What to tell a codec of a column of times, whatever rows of it are seen.

    Parameters
    ----------
    column : Series
    said : str, optional
        What the caller says of it.

    Returns
    -------
    str
        "number", "date", or how dates are written.

    Raises
    ------
    ValueError
        Neither numbers nor dates that can be read in one way only.
    """
    if said in ("number", "date") or "%" in (said or ""):
        return said
    if column.nunique() < 2 or pd.api.types.is_numeric_dtype(column):
        return "number"
    for kind in ("date", "number"):
        with suppress(ValueError):
            table = _alone(column)
            codec = TableCodec(kinds=dict.fromkeys(table, kind)).fit(table)
            return codec.kinds_to_tell()[table.columns[0]]
    raise ValueError(
        f"times={column.name!r} holds {column.iloc[0]!r}: no numbers, and no dates that "
        "can be read in one way only. Write them as 2024-12-31, or number them in the "
        "order of time."
    )


def in_time(column, said=None):
    """Numbers in the order of a column of dates or numbers.

    Parameters
    ----------
    column : Series
    said : str, optional
        What `time_kind` said of all rows, where these are some of them.

    Returns
    -------
    ndarray of shape (n,)
        In [0, 1], the earliest row at 0.

    Raises
    ------
    ValueError
        Neither numbers nor dates that can be read in one way only.
    """
    if column.nunique() < 2:
        return np.zeros(len(column))
    table = _alone(column)
    kinds = dict.fromkeys(table, said or time_kind(column))
    codec = TableCodec(numbers="minmax", kinds=kinds).set_output(transform="default")
    return codec.fit_transform(table)[:, 0]


def _alone(column):
    """A table of one column; dates are not looked for among levels of a categorical."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    return column.to_frame("times" if column.name is None else column.name)


def make_splits(y, n, seed, cv=None, groups=None, times=None):
    """Row numbers to train and to test on, repeat by repeat.

    Parameters
    ----------
    y : array of int, shape (n_rows,)
    n : int
        Splits: repeats of `FOLDS` folds, or blocks forward in time.
    seed : int
    cv : int, splitter or iterable of (train, test), optional
        Instead: folds of each repeat, or all of the splits.
    groups, times : Series, optional

    Returns
    -------
    list of (train, test)
    """
    rows = np.zeros((len(y), 1))
    if times is not None:
        return forward(in_time(times), n)
    folds = cv if isinstance(cv, Integral) else FOLDS
    if groups is not None:
        return by_group(y, groups, folds, -(-n // folds), seed)
    if hasattr(cv, "__next__"):
        raise ValueError(
            "cv is an iterator, which one call uses up; give its splits as a list."
        )
    if cv is None or isinstance(cv, Integral):
        cv = RepeatedStratifiedKFold(
            n_splits=folds, n_repeats=max(1, -(-n // folds)), random_state=seed
        )
    found = check_cv(cv, y, classifier=True).split(rows, y)
    found = [tuple(_numbers(part) for part in parts) for parts in found]
    if len(found) < 2:
        raise ValueError(
            f"cv gives {len(found)} split(s), and gains are told from several; give more."
        )
    return found


def by_group(y, groups, folds, n_repeats, seed):
    """Repeats of folds that keep groups whole, no two of them alike.

    scikit-learn's `StratifiedGroupKFold` deals groups out in the order of their spread
    over the classes and shuffles equal ones only: where groups differ in size, all of its
    repeats are the same folds, and a test that counts them all is far too sure. Here the
    order is random, and each group goes to the fold that has least of its classes.

    Returns
    -------
    list of (train, test)
        Of fewer repeats than asked for where groups are too few for more.
    """
    codes, names = pd.factorize(groups)
    counts = np.zeros((len(names), y.max() + 1))
    np.add.at(counts, (codes, y), 1)
    if len(names) < folds:
        raise ValueError(
            f"There are {len(names)} groups, and {folds} folds need as many; give cv fewer "
            "folds."
        )
    rng = np.random.default_rng(seed)
    found, seen, lacking = [], set(), None
    for _ in range(TRIES * n_repeats):
        fold_of = _dealt(counts, folds, rng)
        if (same := tuple(fold_of)) in seen:
            continue
        seen.add(same)
        cut = fold_of[codes]
        parts = [
            (np.flatnonzero(cut != f), np.flatnonzero(cut == f)) for f in range(folds)
        ]
        if any(
            np.bincount(y[test], minlength=counts.shape[1]).min() < 1
            for _, test in parts
        ):
            lacking = lacking or parts
            continue
        found += parts
        if len(found) == folds * n_repeats:
            break
    # Where no draw has every class in every fold, whoever checks them says so.
    return found or lacking


def groups_apart(y, groups, share, seed):
    """Rows of whole groups that are a share of all, as near as may be in every class.

    Of up to `APART` random orders of the groups, each cut where it comes nearest, the first
    that is within `CLOSE` of it, else the best: so that which groups they are is left to
    chance, as far as their sizes let it.

    Parameters
    ----------
    y : array of shape (n,)
    groups : Series of shape (n,)
        Of two values or more.
    share : float in (0, 1)
    seed : int, RandomState or None

    Returns
    -------
    array of int
        Sorted. A class that no cut leaves on both sides is missing on one.
    """
    # What is missing is a group of its own.
    codes, names = pd.factorize(groups, use_na_sentinel=False)
    labels = pd.factorize(y)[0]
    counts = np.zeros((len(names), labels.max() + 1))
    np.add.at(counts, (codes, labels), 1)
    shares, rng = counts / counts.sum(axis=0), check_random_state(seed)
    best, least = None, np.inf
    for _ in range(APART):
        order = rng.permutation(len(names))
        held = shares[order].cumsum(axis=0)[:-1]
        # A class on one side alone is worse than any distance.
        lacks = ((held < 1e-9) | (held > 1 - 1e-9)).any(axis=1)
        off = np.abs(held - share)
        # Of cuts that are as far off in a class of few groups, the nearest in the others.
        far = off.max(axis=1) + lacks + 1e-3 * off.mean(axis=1)
        if far.min() < least:
            least, best = far.min(), order[: far.argmin() + 1]
        if least <= CLOSE:
            break
    return np.flatnonzero(np.isin(codes, best))


def _dealt(counts, folds, rng):
    """The fold of each group, numbered in the order of their first groups."""
    shares = counts / counts.sum(axis=0)
    held, fold_of = np.zeros((folds, counts.shape[1])), np.empty(len(counts), dtype=int)
    for group in rng.permutation(len(counts)):
        # The sum of squares of the folds' shares grows least there; an empty fold is first.
        grows = held @ shares[group]
        fold = np.lexsort([held.sum(axis=1), grows])[0]
        fold_of[group] = fold
        held[fold] += shares[group]
    return pd.factorize(fold_of)[0]


def _numbers(part):
    """Numbers of rows, of a mask too."""
    part = np.asarray(part)
    return np.flatnonzero(part) if part.dtype == bool else part


def forward(instants, n):
    """Train on all that came before a block of time, test on the block, `n` times.

    Rows of one instant stay together. Blocks hold about as many rows each.

    Parameters
    ----------
    instants : ndarray of shape (n_rows,)
        Numbers in the order of time, of `in_time`.
    n : int
        Blocks that are tested on.

    Returns
    -------
    list of (train, test)
        Row numbers.

    Raises
    ------
    ValueError
        Fewer than 2 (n + 1) different instants.
    """
    values, first = np.unique(np.sort(instants), return_index=True)
    if len(values) < 2 * (n + 1):
        raise ValueError(
            f"times has {len(values)} different values, and {n} splits forward in time "
            f"need {2 * (n + 1)}; give a finer time."
        )
    cuts = np.searchsorted(first, len(instants) * np.arange(1, n + 1) / (n + 1))
    edges = [*values[np.clip(cuts, 1, len(values) - 1)], np.inf]
    return [
        (
            np.flatnonzero(instants < low),
            np.flatnonzero((instants >= low) & (instants < high)),
        )
        for low, high in pairwise(edges)
    ]


def refuse_splits(splits, y, classes, by):
    """Every part needs every class, with enough rows to learn from and to tune on."""
    cure = {
        "groups": "merge small groups, or give cv fewer folds",
        "times": "give more rows of it early in time",
    }.get(by, "collect more, merge classes, or give cv fewer folds")
    for fold, parts in enumerate(splits):
        for rows, fewest, what in zip(parts, (4, 1), ("train", "test"), strict=True):
            n = np.bincount(y[rows], minlength=len(classes))
            if n.min() < fewest:
                raise ValueError(
                    f"Split {fold} has {n.min()} row(s) of class {classes[n.argmin()]} to "
                    f"{what} on, and {fewest} are needed; {cure}."
                )


def tuning_rows(y, groups=None, times=None, seed=None):
    """Rows to learn from and rows to tune on, three to one, with all classes in both.

    Parameters
    ----------
    y : array of int, shape (n,)
    groups, times : Series of shape (n,), optional
        Groups stay together; rows to tune on come after the others in time.
    seed : int, optional

    Returns
    -------
    learn, held : arrays of int

    Raises
    ------
    ValueError
        There are no such parts.
    """
    all_of_them = len(np.unique(y))
    if times is not None:
        order = in_time(times)
        held = order >= np.quantile(order, 1 - 1 / QUARTERS)
        parts = [(np.flatnonzero(~held), np.flatnonzero(held))]
    else:
        n = np.bincount(y).min()
        if n < QUARTERS:
            raise ValueError(
                f"The rarest class has {n} rows to learn from and to tune on; tuning needs "
                f"{QUARTERS}. Collect more, or leave the class out."
            )
        if groups is None:
            cut = StratifiedKFold(QUARTERS, shuffle=True, random_state=seed)
            parts = cut.split(np.zeros((len(y), 1)), y)
        elif groups.nunique(dropna=False) < 2:
            parts = []
        else:
            held = groups_apart(y, groups, 1 / QUARTERS, seed)
            parts = [(np.setdiff1d(np.arange(len(y)), held), held)]
    for learn, held in parts:
        if all(len(np.unique(y[rows])) == all_of_them for rows in (learn, held)):
            return learn, held
    by = "groups" if groups is not None else "times"
    raise ValueError(
        f"No quarter of the training rows that {by} allows leaves all classes in both "
        "parts, so that decisions cannot be tuned; make the groups smaller, or give more "
        "rows of the rarest class."
    )
