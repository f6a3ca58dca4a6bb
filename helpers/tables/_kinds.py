"""Which kind of column a column is: the rules, each with the reason it gives."""

import re

import numpy as np
import pandas as pd

#: What a caller may say of a column.
KINDS = "number", "category", "date", "leave_out"
#: Up to so many different values, text is never taken for free text.
FEW = 20
#: Forms in which dates are found in text. What fits two of them is not guessed.
DATE_FORMS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y",
    "%m/%d/%Y %H:%M",
)
_NAMED_ID = re.compile(r"(?i:(^|[\W_])(id|uuid|guid)([\W_]|$))|[a-z]I[dD]$")
#: What `pandas.api.types.infer_dtype` says of objects, to what they are here.
_OBJECTS = {
    "boolean": "text",
    "bytes": "text",
    "categorical": "text",
    "interval": "text",
    "period": "text",
    "string": "text",
    "time": "text",
    "floating": "number",
    "integer": "number",
    "mixed-integer-float": "number",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
    "timedelta": "date",
    "timedelta64": "date",
}


def is_form(said):
    """Whether a kind is told by how its dates are written."""
    return isinstance(said, str) and "%" in said


def find_kind(series, name, said):
    """The kind of a column and why, as `TableCodec` documents it."""
    if isinstance(series.dtype, pd.ArrowDtype) and "dictionary" in str(series.dtype):
        raise ValueError(
            f"Column {name!r} is of type {series.dtype}, which pandas hardly knows; make "
            f"it X[{name!r}].astype('category')."
        )
    known = series[series.notna()]
    if not len(known):
        return "constant", "no value at all"
    if said == "leave_out":
        return said, "as told"
    try:
        n_values = known.nunique()
    except (TypeError, NotImplementedError):
        held = type(known.iloc[0]).__name__
        return "leave_out", f"holds values of type {held}"
    if n_values == 1 and len(known) == len(series):
        return "constant", "one value"
    if said is not None:
        return "date" if is_form(said) else said, "as told"
    looks = looks_like(series, name)
    if looks == "date":
        return "date", "dates or times"
    if looks == "number":
        return _number_or_id(known, n_values, name)
    if looks == "text" and not _is_bool(known):
        if date_form(known):
            return "date", "text that reads as dates"
        if n_values == len(known) and (n_values > FEW or _NAMED_ID.search(str(name))):
            return "leave_out", _numbers_in(known) or "an id: no two alike"
        if n_values > max(FEW, len(known) / 2):
            free = f"free text: {n_values:,} different among {len(known):,}"
            return "leave_out", _numbers_in(known) or free
    return "category", "levels"


def _numbers_in(known):
    """What to say of numbers that pandas read as text, for a blank or a word among them."""
    texts = known.astype(object)
    read = pd.to_numeric(texts, errors="coerce").notna().mean()
    if read == 1 and texts.map(str).str.match("0[0-9]").any():
        n = known.nunique()
        return f"codes of digits, such as 01: {n:,} different among {len(known):,}"
    if read > 0.5:
        return f"text, but {read:.0%} are numbers: pd.to_numeric(..., errors='coerce')"
    return None


def _number_or_id(known, n_values, name):
    values = numbers_of(known)
    if np.isfinite(values).all() and (values == np.rint(values)).all():
        n, span = len(known), int(values.max()) - int(values.min())
        if _NAMED_ID.search(str(name)):
            few = n_values <= min(FEW, n - 1)
            return ("category" if few else "leave_out"), "an id, by its name"
        # So many draws from so narrow a range would have met by chance.
        if n_values == n and n * (n - 1) // 2 > 10 * span:
            return "leave_out", "an id: whole numbers, no two alike"
    return "number", "numbers"


def looks_like(series, name):
    """Whether a column is a "number", "date" or "text": by dtype, or else its values."""
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, pd.SparseDtype):
        kind = dtype.subtype.kind
    if isinstance(dtype, pd.CategoricalDtype | pd.IntervalDtype) or kind == "b":
        return "text"
    if isinstance(dtype, pd.PeriodDtype | pd.DatetimeTZDtype) or kind in "mM":
        return "date"
    if pd.api.types.is_numeric_dtype(dtype) and kind != "c":
        return "number"
    if isinstance(dtype, pd.StringDtype):
        return "text"
    held = pd.api.types.infer_dtype(series.astype(object), skipna=True)
    if held == "complex":
        raise ValueError(
            f"Complex data not supported, as in column {name!r}; give the two parts "
            "columns of their own."
        )
    if held not in _OBJECTS:
        raise ValueError(_what_is_mixed(series, name))
    return _OBJECTS[held]


def _what_is_mixed(series, name):
    types = series[series.notna()].map(type)
    first = types.drop_duplicates()
    if len(first) == 1:
        return (
            f"Column {name!r} holds values of type {first.iloc[0].__name__}; make them "
            f"numbers, X[{name!r}].astype(float), or leave the column out, "
            f"kinds={{{name!r}: 'leave_out'}}."
        )
    rare = types.value_counts().index[-1]
    odd = series[types.index[types == rare]].iloc[0]
    names = " and ".join(sorted(t.__name__ for t in first))
    return (
        f"Column {name!r} mixes values of {names}, such as {odd!r}. Make them one kind: "
        f"pd.to_numeric(X[{name!r}], errors='coerce') makes what is no number missing, "
        f"X[{name!r}].astype(str) makes all of it text; or say what it is, "
        f"kinds={{{name!r}: 'category'}}."
    )


def _is_bool(known):
    return known.dtype == bool or pd.api.types.infer_dtype(known) == "boolean"


def numbers_of(known):
    """Values without holes as an array of numpy's own numbers.

    Raises
    ------
    ValueError, TypeError
        They are no numbers.
    """
    dtype = known.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iuf":
        return known.to_numpy()
    if isinstance(dtype, pd.SparseDtype):
        return np.asarray(known, dtype.subtype)
    if pd.api.types.is_numeric_dtype(dtype):  # pandas' own, with or without pyarrow
        own = getattr(dtype, "numpy_dtype", dtype)
        return known.to_numpy(dtype=own if own.kind in "iuf" else np.float64)
    known = known.infer_objects()
    if known.dtype.kind in "mM":  # which pandas would count
        raise ValueError("dates are no numbers")
    values = pd.to_numeric(known).to_numpy()
    if values.dtype.kind not in "iuf":
        raise ValueError(
            f"Column {known.name!r} holds {known.iloc[0]!r} and its like, which no 64 bits "
            f"hold; make them floats, X[{known.name!r}].astype(float)."
        )
    return values


def date_form(known):
    """The one of `DATE_FORMS` in which all texts are written, or None."""
    texts = pd.Series(known.unique()).astype(object)
    if not isinstance(texts[0], str) or not any(map(str.isdigit, texts[0])):
        return None
    texts = texts.map(str)  # numpy's own str, too
    # Most columns are told by their first value.
    forms = [form for form in DATE_FORMS if are_written(texts.iloc[:1], form).all()]
    forms = [form for form in forms if are_written(texts, form).all()]
    return forms[0] if len(forms) == 1 else None


def odd_date(known, form=None):
    """A value that keeps a column from being read as dates: not as most others are written."""
    texts = pd.Series(known.unique()).astype(object).map(str)
    forms = DATE_FORMS if form is None else (form,)
    written = max((are_written(texts, form) for form in forms), key=np.sum)
    return (texts if written.all() else texts[~written]).iloc[0]


def are_written(texts, form):
    read = pd.to_datetime(texts, format=form, errors="coerce")
    return (read.notna() & (read.dt.strftime(form) == texts)).to_numpy()
