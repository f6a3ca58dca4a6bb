"""What is refused alike in many places, before anything is computed."""

import difflib
import numbers
from collections.abc import Iterable

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, Options

POSITIVE_INT = Interval(numbers.Integral, 1, None, closed="left")
REAL = Interval(numbers.Real, None, None, closed="neither")
POSITIVE_REAL = Interval(numbers.Real, 0, None, closed="neither")
#: Of batches, since batch normalisation of a single row is undefined.
AT_LEAST_TWO = Interval(numbers.Integral, 2, None, closed="left")
#: Adam's betas, dropout and other shares that leave something.
SHARE = Interval(numbers.Real, 0, 1, closed="left")


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


def refuse_channels_last(X):
    """Refuse images (n, H, W, C): they would pass for narrow ones of many channels."""
    if X.ndim == 4 and X.shape[-1] in (1, 3) and X.shape[1] not in (1, 3):
        raise ValueError(
            f"X has shape {X.shape}, which looks like images with the channels last; "
            "pass X.transpose(0, 3, 1, 2), of shape (n, C, H, W)."
        )


def refuse_labels(y):
    """Refuse labels that are missing, or of kinds that cannot be sorted together."""
    # A list as it is: numpy would make text of a NaN among texts.
    values = np.asarray(y) if hasattr(y, "dtype") else np.asarray(y, dtype=object)
    if values.ndim != 1:  # for others to judge: one column a class, or no labels at all
        return
    if len(rows := np.flatnonzero(pd.isna(values))):
        raise ValueError(
            f"y has {len(rows)} missing label(s), the first in row {rows[0]}; leave such "
            "rows out: known = ~pd.isna(y); X[known], y[known]."
        )
    try:
        np.unique(values)
    except TypeError as error:
        kinds = " and ".join(sorted({type(value).__name__ for value in values}))
        raise ValueError(
            f"y has labels of different kinds, {kinds}; make them one: "
            "np.array(y, dtype=str)."
        ) from error


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
