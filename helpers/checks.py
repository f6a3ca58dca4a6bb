"""What is refused alike in many places, before anything is computed."""

import difflib
import math
import numbers
import operator
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.utils._param_validation import Interval, Options
from sklearn.utils.multiclass import check_classification_targets

from .containers import refuse_other_frames

POSITIVE_INT = Interval(numbers.Integral, 1, None, closed="left")
REAL = Interval(numbers.Real, None, None, closed="neither")
POSITIVE_REAL = Interval(numbers.Real, 0, None, closed="neither")
#: Of batches, since batch normalisation of a single row is undefined.
AT_LEAST_TWO = Interval(numbers.Integral, 2, None, closed="left")
#: Adam's betas, dropout and other shares that leave something.
SHARE = Interval(numbers.Real, 0, 1, closed="left")


class OneHotWarning(UserWarning):
    """Columns are a category, and a sampler takes them for numbers."""


class SequenceOf(Options):  # scikit-learn takes no constraint of another descent
    """For ``_parameter_constraints``: a tuple or list whose values meet a constraint.

    Parameters
    ----------
    each : constraint of scikit-learn
    length : int, optional
        How many values; any number by default.
    """

    def __init__(self, each, length=None):
        super().__init__(tuple, set())
        self.each, self.length = each, length

    def is_satisfied_by(self, val):
        return (
            isinstance(val, tuple | list)
            and self.length in (None, len(val))
            and all(map(self.each.is_satisfied_by, val))
        )

    def __str__(self):
        number = "" if self.length is None else f" of {self.length} values"
        return f"a tuple or list{number}, each {self.each}"


def refuse_other_shape(X, image_shape):
    """Refuse an `image_shape`, meant for flat rows, that images contradict."""
    shape = X.shape[1:] if X.ndim == 4 else (1, *X.shape[1:])
    if X.ndim > 2 and tuple(image_shape) != shape:
        raise ValueError(
            f"image_shape={tuple(image_shape)}, but X has images of shape {shape}; leave "
            "image_shape out, which says what a flat row holds."
        )


def refuse_channels_last(X, image_shape=None):
    """Refuse images (n, H, W, C): they would pass for narrow ones of many channels.

    Where `image_shape` says that the first axis counts channels, it does.
    """
    if X.ndim != 4 or (image_shape and tuple(image_shape) == X.shape[1:]):
        return
    first, second, last = X.shape[1:]
    if first in (1, 3):
        return
    if last in (1, 3) or last < min(first, second) or first == second != last:
        raise ValueError(
            f"X has shape {X.shape}, which looks like images with the channels last; "
            "pass X.transpose(0, 3, 1, 2), of shape (n, C, H, W), after np.stack(X) of a "
            f"list; or say image_shape={X.shape[1:]} if these are (C, H, W)."
        )


#: Values of a sparse X that is made dense, of which there are several copies: 1 GB.
MAX_DENSE = 2**25


def refuse_large_sparse(X):
    """Refuse sparse tables that would not fit into memory as the dense ones they become."""
    is_sparse = sparse.issparse(X) or (isinstance(X, pd.DataFrame) and _all_sparse(X))
    if is_sparse and math.prod(X.shape) > MAX_DENSE:
        raise ValueError(
            f"X is sparse, of shape {X.shape}, and would be made dense; so would new rows, "
            "of whose values few are zero. Reduce its columns first: "
            "sklearn.decomposition.TruncatedSVD(100).fit_transform(X)."
        )


def _all_sparse(frame):
    return all(isinstance(dtype, pd.SparseDtype) for dtype in frame.dtypes)


def labels_of(y, one_hot=False):
    """The class labels in `y`, one per row, as an array that numpy can sort.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, 1)
        List, array, Series, one-column DataFrame, tensor; text, whole numbers or truth
        values, also as Python objects, categoricals or in pandas' own types.
    one_hot : bool
        Take shape (n, K) with a single one in each row as well; the labels are the
        column numbers then, and a column without a one is a class without rows.

    Returns
    -------
    labels : ndarray of shape (n,)

    Raises
    ------
    ValueError
        Labels that are missing, of different kinds, with fractions, dates or other
        objects; several columns.

    Examples
    --------
    >>> labels_of(pd.Series([2, 1], dtype=object))
    array([2, 1])
    """
    refuse_other_frames(y, "y")
    if hasattr(y, "detach"):  # a tensor, without importing torch
        y = y.detach().cpu()
    elif sparse.issparse(y):
        y = y.toarray()
    # A list as it is: numpy would make text of a NaN among texts.
    typed = hasattr(y, "dtype") or hasattr(y, "dtypes")
    values = np.asarray(y) if typed else np.asarray(y, dtype=object)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 2:
        return _positions(values, one_hot)
    if values.ndim != 1:
        raise ValueError(f"y has shape {values.shape}; give one label per row.")
    if len(rows := np.flatnonzero(pd.isna(values))):
        raise ValueError(
            f"y has {len(rows)} missing label(s), the first in row {rows[0]}; leave such "
            "rows out: known = ~pd.isna(y); X[known], y[known]."
        )
    try:
        np.unique(values)
    except TypeError as error:
        raise ValueError(
            f"y has labels of different kinds, {' and '.join(_kinds(values))}; make them "
            "one: np.array(y, dtype=str)."
        ) from error
    own = values
    if values.dtype.kind in "OT" and len(values):  # numpy's own type for what they are
        own = np.array(values.tolist())
    if own.dtype.kind in "OSMmVc" or own.ndim != 1:
        raise ValueError(
            f"y has labels of type {', '.join(_kinds(values))}; classes are named by text, "
            "whole numbers or truth values, so make them text: "
            "[str(label) for label in y]."
        )
    check_classification_targets(own)
    return own


def _kinds(values):
    if values.dtype != object:
        return [str(values.dtype)]
    return sorted({type(value).__name__ for value in values})


def _positions(values, one_hot):
    """The column of the one in each row."""
    ones = values == 1
    if not (ones | (values == 0)).all() or (ones.sum(axis=1) > 1).any():
        raise ValueError(
            f"y has shape {values.shape}; give one label per row, or a single one in each "
            "row of zeros. Multilabel and multioutput targets are not supported."
        )
    if not one_hot:
        raise ValueError(
            f"y is one-hot, of shape {values.shape}; give one label per row: "
            "np.asarray(y).argmax(axis=1)."
        )
    if len(rows := np.flatnonzero(~ones.any(axis=1))):
        raise ValueError(
            f"Row {rows[0]} of the one-hot y has no class, as {len(rows)} of "
            f"{len(values)}; leave such rows out."
        )
    return ones.argmax(axis=1)


def checked_groups(groups, n_features):
    """The columns of each one-hot block, as lists of int.

    Parameters
    ----------
    groups : sequence of sequences of int, or None
        The parameter ``feature_groups`` of a sampler.
    n_features : int

    Raises
    ------
    ValueError
        No lists of column numbers, an empty or a doubled one, numbers of no column.
    """
    try:
        groups = [[operator.index(c) for c in group] for group in groups or ()]
    except TypeError as error:
        raise ValueError(
            f"feature_groups must be lists of column numbers ({error}); columns may share "
            "a name, so names will not do."
        ) from error
    if [] in groups:
        raise ValueError(
            f"Group {groups.index([])} of feature_groups is empty; leave it out."
        )
    listed = Counter(column for group in groups for column in group)
    if doubled := sorted(column for column, n in listed.items() if n > 1):
        raise ValueError(
            f"feature_groups overlap: column(s) {doubled} are listed more than once."
        )
    if unknown := sorted({*listed} - {*range(n_features)}):
        raise ValueError(
            f"feature_groups name column(s) {unknown}; X has columns 0 to {n_features - 1}."
        )
    return groups


def counts_asked_for(strategy, labels):
    """What a `sampling_strategy` says, with whole numbers of rows in place of counts.

    Parameters
    ----------
    strategy : float, str, dict or callable
        As in imbalanced-learn.
    labels : ndarray of shape (n,)
        What a function is called with.

    Raises
    ------
    ValueError
        A function that returns no dictionary, a number of rows with fractions.
    """
    given = "sampling_strategy"
    if callable(strategy):
        strategy, given = strategy(labels), "the function sampling_strategy returned"
        if not isinstance(strategy, Mapping):
            raise ValueError(
                f"{given} {strategy!r}; let it return a dictionary of class label to "
                "number of rows."
            )
    if not isinstance(strategy, Mapping):
        return strategy
    counts = dict(strategy)
    for label, n in counts.items():
        if not REAL.is_satisfied_by(n) or n != int(n):
            raise ValueError(
                f"{given} {dict(strategy)!r}, but {n!r}, for class {label!r}, is no whole "
                "number of rows."
            )
    return {label: int(n) for label, n in counts.items()}


def require_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is not among the known ones, with the nearest that is."""
    known = list(known)
    if name not in known:
        plain = {other.casefold(): other for other in known}
        near = difflib.get_close_matches(name.casefold(), plain, n=1, cutoff=0)
        hint = f" Did you mean {plain[near[0]]!r}?" if near else ""
        raise ValueError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known)}.")


def require_range(**parameters) -> None:
    """Refuse parameters out of their range, and what is no number.

    Parameters
    ----------
    **parameters : (value, low, high)
        By name. Both ends are allowed; where `low` is a whole number, only such are.

    Raises
    ------
    ValueError
        With the name, the value seen and the range.

    Examples
    --------
    >>> from helpers.checks import require_range
    >>> require_range(n_folds=(5, 2, 10), width=(0.5, 0.01, 2.0))
    >>> require_range(n_folds=(1, 2, 10))
    Traceback (most recent call last):
    ...
    ValueError: n_folds=1: it is a whole number from 2 to 10.
    """
    for name, (value, low, high) in parameters.items():
        whole = isinstance(low, int)
        kind = numbers.Integral if whole else numbers.Real
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits or not low <= value <= high:
            kind = "whole number" if whole else "number"
            raise ValueError(f"{name}={value!r}: it is a {kind} from {low} to {high}.")
