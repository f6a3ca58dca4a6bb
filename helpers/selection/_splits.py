"""How the rows are split: in folds, by groups, or forward in time."""

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pandas as pd
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    check_cv,
)

from ..tables import TableCodec

FOLDS = 5
#: Fewest and most splits of a plan, and how many where no time is given: the correction
#: of the t-test leaves 50 a standard error that is 3.5 % smaller.
FEWEST, MOST, USUAL = 10, 50, 25
#: Fewest splits forward in time.
FORWARD = 5


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
    """
    if column.nunique() < 2:
        return np.zeros(len(column))
    table = _alone(column)
    kinds = dict.fromkeys(table, said or time_kind(column))
    return TableCodec(numbers="minmax", kinds=kinds).fit_transform(table)[:, 0]


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
    folds = cv if isinstance(cv, int) else FOLDS
    if groups is not None:
        found = []
        for repeat in range(-(-n // folds)):
            cut = StratifiedGroupKFold(folds, shuffle=True, random_state=seed + repeat)
            found += cut.split(rows, y, groups)
        return found
    if hasattr(cv, "__next__"):
        raise ValueError(
            "cv is an iterator, which one call uses up; give its splits as a list."
        )
    if cv is None or isinstance(cv, int):
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


def _numbers(part):
    """Numbers of rows, of a mask too."""
    part = np.asarray(part)
    return np.flatnonzero(part) if part.dtype == bool else part


def forward(instants, n):
    """Train on all that came before a block of time, test on the block, `n` times.

    Rows of one instant stay together. Blocks hold about as many rows each.
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
