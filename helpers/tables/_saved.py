"""A fitted codec in plain values, which a file may hold without running code, and back."""

import numpy as np
import pandas as pd

from ..containers import dtype_from, dtype_to
from ._columns import Category, Constant, Date, LeftOut, Number, Scale

#: What a codec is made of.
PARTS = {c.__name__: c for c in (Category, Constant, Date, LeftOut, Number, Scale)}
#: Holes that are no float.
HOLES = {"NA": pd.NA, "NaT": pd.NaT}


def packed(value):
    """A value in text, numbers, lists and tuples, the first of which says what it is.

    Raises
    ------
    TypeError
        It cannot be said so.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, tuple | list | dict):
        items = [*value.items()] if isinstance(value, dict) else value
        return type(value).__name__, [packed(item) for item in items]
    for name, hole in HOLES.items():
        if value is hole:
            return "hole", name
    if isinstance(value, np.dtype | pd.api.extensions.ExtensionDtype):
        return "dtype", _dtype_packed(value)
    if isinstance(value, np.generic):
        return "number", str(value.dtype), value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return "array", str(value.dtype), value.tolist()
    if isinstance(value, pd.Series | pd.Index | pd.api.extensions.ExtensionArray):
        return "values", type(value).__name__, *_values_packed(value)
    if isinstance(value, np.ndarray):  # of objects
        return "values", "ndarray", *_values_packed(value)
    if type(value).__name__ in PARTS:
        return "part", type(value).__name__, packed(vars(value))
    if hasattr(value, "utcoffset"):  # a time zone
        return "zone", str(pd.DatetimeTZDtype(tz=value))
    raise TypeError(f"a {type(value).__name__}")


def unpacked(state):
    """The value that `packed` was given."""
    if not isinstance(state, tuple):
        return state
    form, *rest = state
    if form in ("tuple", "list", "dict"):
        items = [unpacked(item) for item in rest[0]]
        return {"tuple": tuple, "list": list, "dict": dict}[form](items)
    if form == "hole":
        return HOLES[rest[0]]
    if form == "dtype":
        return _dtype_unpacked(rest[0])
    if form == "number":
        return np.dtype(rest[0]).type(rest[1])
    if form == "array":
        return np.array(rest[1], dtype=rest[0])
    if form == "values":
        return _values_unpacked(*rest)
    if form == "zone":
        return pd.api.types.pandas_dtype(rest[0]).tz
    part = PARTS[rest[0]].__new__(PARTS[rest[0]])
    vars(part).update(unpacked(rest[1]))
    return part


def _dtype_packed(dtype):
    if isinstance(dtype, pd.CategoricalDtype):
        return "category", packed(dtype.categories), dtype.ordered
    if isinstance(dtype, pd.SparseDtype):
        return "Sparse", str(dtype.subtype), packed(dtype.fill_value)
    name = dtype_to(dtype)
    dtype_from(name)  # a TypeError where it has no name
    return name


def _dtype_unpacked(state):
    if state[0] == "category":
        return pd.CategoricalDtype(unpacked(state[1]), state[2])
    if state[0] == "Sparse":
        return pd.SparseDtype(np.dtype(state[1]), unpacked(state[2]))
    return dtype_from(state)


def _values_packed(values):
    """Dtype and values: instants as whole numbers, others as objects."""
    series = pd.Series(values)
    dtype = packed(series.dtype)
    if getattr(series.dtype, "kind", "") in "mM" and hasattr(series.array, "asi8"):
        return dtype, series.array.asi8.tolist()
    return dtype, [packed(value) for value in series.astype(object)]


def _values_unpacked(form, dtype, values):
    dtype = unpacked(dtype)
    if getattr(dtype, "kind", "") in "mM" and not isinstance(dtype, pd.ArrowDtype):
        unit = getattr(dtype, "unit", None) or np.datetime_data(dtype)[0]
        instants = np.array(values, np.int64).view(f"{dtype.kind}8[{unit}]")
        series = pd.Series(instants)
        if isinstance(dtype, pd.DatetimeTZDtype):
            series = series.dt.tz_localize("UTC").dt.tz_convert(dtype.tz)
    else:
        series = pd.Series([unpacked(value) for value in values], dtype=dtype)
    if form == "Series":
        return series
    if form.endswith("Index"):
        return pd.Index(series, dtype=dtype)
    return series.to_numpy() if form == "ndarray" else series.array
