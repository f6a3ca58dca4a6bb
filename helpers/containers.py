"""What X may be: its rows as numbers, and numbers as rows like its own.

The rows that were given are never computed on. They stand in front of the new ones as they
are, and only the new ones are made of numbers: whole numbers, text of digits, decimals and
the types of pandas and Arrow are again what they were.
"""

import math
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
from scipy import sparse


def opened(X, cure):
    """What X is, without its rows, and its rows as numbers.

    Parameters
    ----------
    X : DataFrame, array, sparse matrix, tensor, or list of rows or images
    cure : str
        What to do with what are no numbers, at the end of the error message.

    Returns
    -------
    kind : Array, Frame, Objects, Listed, Sparse or Tensor
    numbers : ndarray, or csr or csc matrix

    Raises
    ------
    ValueError
        Categories, text, dates; a frame of another library.

    Examples
    --------
    >>> kind, numbers = opened(pd.DataFrame({"id": ["007", "012"], "x": [1.5, 2.5]}), "")
    >>> numbers.tolist()
    [[7.0, 1.5], [12.0, 2.5]]
    >>> kind.like(np.array([[9.0, 2.0]])).to_dict("list")
    {'id': ['009'], 'x': [2.0]}
    """
    if isinstance(X, pd.DataFrame):
        return Frame.opened(X, cure)
    if sparse.issparse(X):
        kind = Sparse(X.format, isinstance(X, sparse.sparray))
        return kind, X if X.format in ("csr", "csc") else X.tocsr()
    if hasattr(X, "detach"):  # a tensor, without importing torch
        return Tensor(str(X.dtype).removeprefix("torch."), X.device), numpy_of(X)
    refuse_other_frames(X, "X")
    if isinstance(X, list | tuple) and len(X):
        return Listed.opened(X, cure)
    numbers = np.asarray(X)
    if numbers.dtype == object and numbers.ndim > 1:
        return Objects.opened(numbers, cure)
    if numbers.dtype.kind not in "biufcO":
        raise ValueError(f"X is an array of {numbers.dtype}, not of numbers; {cure}")
    dtype = numbers.dtype
    return Array(str(dtype)), numbers.astype(dtype.newbyteorder("="), copy=False)


def take(values, rows):
    """Rows of X or of y by their numbers, in the type they have."""
    if hasattr(values, "iloc"):
        return values.iloc[rows].reset_index(drop=True)
    if sparse.issparse(values):
        return values.tocsr()[rows].asformat(values.format)
    if hasattr(values, "shape"):
        return values[rows]
    return (tuple if isinstance(values, tuple) else list)(values[row] for row in rows)


def numpy_of(tensor):
    """A tensor as an array; bfloat16, which numpy has not, as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if "bfloat16" in str(tensor.dtype) else tensor).numpy()


def refuse_other_frames(values, name):
    """Refuse frames and columns of other libraries, naming the way to pandas."""
    if hasattr(values, "to_pandas"):
        library = type(values).__module__.partition(".")[0]
        kind = f"{library}.{type(values).__name__}"
        raise ValueError(f"{name} is a {kind}; pass {name}.to_pandas().")


def kind_from(state):
    """What `state` of a kind stands for, as a file has it."""
    names = {c.__name__: c for c in (Array, Frame, Objects, Listed, Sparse, Tensor)}
    name, *rest = state
    return names[name].from_state(*rest)


class Array:
    """Arrays of numbers, and what numpy makes one of."""

    def __init__(self, dtype):
        self.dtype = dtype

    @classmethod
    def from_state(cls, *state):
        return cls(*state)

    def state(self):
        """Plain values from which `kind_from` makes it again."""
        return (type(self).__name__, *vars(self).values())

    def whole(self, numbers):
        """Which columns hold whole numbers, or whether all values do."""
        return np.array([numbers.dtype.kind in "iub"])

    def named(self, column):
        """How a message names a column."""
        return str(column)

    def refuse_nan(self, numbers, cure):
        """Refuse values that are missing, and say where."""
        values = numbers.data if sparse.issparse(numbers) else numbers
        if values.dtype.kind != "f" or not (missing := np.isnan(values)).any():
            return
        where = ""
        if missing.ndim == 2:
            column = int(missing.any(axis=0).argmax())
            where = f", {missing[:, column].sum()} in column {self.named(column)}"
        raise ValueError(f"X contains NaN, {missing.sum()} in all{where}; {cure}")

    def drawn_by(self, generator):
        """Say which generator is to draw what numbers leave open."""

    def like(self, numbers):
        """Rows like those of X; numbers as those that `opened` returned."""
        return numbers.astype(self.dtype, copy=False)

    def joined(self, X, numbers):
        """The rows of X as they are, and behind them rows like them."""
        X = np.asarray(X)
        # numpy would put other byte orders into its own.
        return np.concatenate([X, self.like(numbers)]).astype(X.dtype, copy=False)

    def replaced(self, X, rows, numbers):
        """X with other rows at the places where `rows` is true."""
        order = np.arange(len(rows))
        order[rows] = len(rows) + np.arange(rows.sum())
        return take(self.joined(X, numbers), order)


class Sparse(Array):
    """Sparse matrices and arrays of scipy."""

    def __init__(self, format, array):
        self.format, self.array = format, array

    def like(self, numbers):
        kind = sparse.csr_array if self.array else sparse.csr_matrix
        return kind(numbers).asformat(self.format)

    def joined(self, X, numbers):
        new = self.like(numbers)
        full, was = new.nnz / max(1, math.prod(new.shape)), X.nnz / math.prod(X.shape)
        if full > 10 * was:
            warnings.warn(
                f"X is sparse, {was:.2%} of its values are not zero, and {full:.2%} of the "
                "new rows' are not. Reduce its columns first: "
                "sklearn.decomposition.TruncatedSVD(100).fit_transform(X).",
                stacklevel=2,
            )
        return sparse.vstack([X, new], format=self.format)


class Tensor(Array):
    """Tensors of torch, on the device that they came from."""

    def __init__(self, dtype, device="cpu"):
        self.dtype, self.device = dtype, device

    def state(self):
        return "Tensor", self.dtype  # the device may not be there

    def like(self, numbers):
        import torch

        dtype = getattr(torch, self.dtype)
        return torch.as_tensor(numbers, dtype=dtype, device=self.device)

    def joined(self, X, numbers):
        import torch

        return torch.cat([X.detach(), self.like(numbers)])


class Frame(Array):
    """DataFrames of pandas, each column of its own type."""

    def __init__(self, names, columns, empty=None):
        self.names, self.columns, self.empty = names, columns, empty

    @classmethod
    def opened(cls, frame, cure):
        pairs = [_opened(frame.iloc[:, i], name, cure) for i, name in enumerate(frame)]
        plain = pd.DataFrame({i: values for i, (_, values) in enumerate(pairs)})
        numbers = np.empty((len(frame), 0))
        if pairs:
            numbers = plain.to_numpy(np.result_type(*plain.dtypes))
        # A subclass is known by what pandas makes of a part of it.
        empty = None if type(frame) is pd.DataFrame else frame.iloc[:0]
        return cls(frame.columns, [column for column, _ in pairs], empty), numbers

    @classmethod
    def from_state(cls, names, columns):
        return cls(names, [Column.from_state(*column) for column in columns])

    def state(self):
        odd = [name for name in self.names if not readable(name)]
        if odd:
            raise ValueError(
                f"The column name {odd[0]!r} is a {type(odd[0]).__name__}, which load() "
                "could not read; fit on a frame with names of text or numbers, "
                "X.rename(columns=str)."
            )
        columns = [
            column.state(name)
            for name, column in zip(self.names, self.columns, strict=True)
        ]
        return "Frame", [*self.names], columns

    def whole(self, numbers):
        return np.array([column.whole for column in self.columns])

    def named(self, column):
        return repr(self.names[column])

    def like(self, numbers):
        pairs = zip(self.columns, numbers.T, strict=True)
        frame = pd.DataFrame({i: c.like(values) for i, (c, values) in enumerate(pairs)})
        frame = frame.set_axis(self.names, axis="columns")
        if self.empty is None:
            return frame
        return pd.concat([self.empty, frame], ignore_index=True)

    def joined(self, X, numbers):
        return pd.concat([X, self.like(numbers)], ignore_index=True)


class Objects(Array):
    """Arrays of Python objects, which are numbers; tables column by column."""

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def opened(cls, X, cure):
        if X.ndim == 2:
            inner, numbers = Frame.opened(pd.DataFrame(X), cure)
        else:
            inner, numbers = opened(np.array(X.tolist()), cure)
        return cls(inner), numbers

    @classmethod
    def from_state(cls, inner):
        return cls(kind_from(inner))

    def state(self):
        return "Objects", self.inner.state()

    def whole(self, numbers):
        return self.inner.whole(numbers)

    def like(self, numbers):
        rows = self.inner.like(numbers).astype(object)
        return rows.to_numpy() if isinstance(rows, pd.DataFrame) else rows


class Listed(Objects):
    """Lists of rows, or of images: arrays, tensors, images of Pillow."""

    def __init__(self, inner, item):
        self.inner, self.item = inner, item

    @classmethod
    def opened(cls, X, cure):
        rows = isinstance(X[0], list | tuple)
        item = type(X[0]).__name__ if rows else "array"
        if hasattr(X[0], "detach"):
            item, X = "tensor", [*map(numpy_of, X)]
        elif hasattr(X[0], "getbands"):  # an image of Pillow
            item, X = "image", [*map(np.asarray, X)]
        if rows and np.ndim(X) == 2:
            inner, numbers = Frame.opened(pd.DataFrame(X), cure)
        else:
            inner, numbers = opened(np.asarray(X), cure)
        return cls(inner, item), numbers

    @classmethod
    def from_state(cls, inner, item):
        return cls(kind_from(inner), item)

    def state(self):
        return "Listed", self.inner.state(), self.item

    def like(self, numbers):
        if self.item in ("list", "tuple"):
            rows = super().like(numbers).tolist()
            return rows if self.item == "list" else [*map(tuple, rows)]
        if self.item == "array":
            return [*numbers]
        if self.item == "tensor":
            import torch

            return [*torch.as_tensor(numbers)]
        from PIL import Image

        return [Image.fromarray(image) for image in numbers]

    def joined(self, X, numbers):
        return type(X)([*X, *self.like(numbers)])


# ------------------------------------------------------------------ columns


class Column:
    """How numbers become values of a column.

    Parameters
    ----------
    dtype : dtype of pandas
    plain : str
        numpy's name of the type of its numbers.
    written : {"as numbers", "as objects", "as text", "as decimals"}
    places, width : int
        Digits after the point of decimals and text; length of text, with leading zeros.
    bounds : (low, high) or None
        Of whole numbers that no float64 can hold.
    """

    def __init__(
        self, dtype, plain, written="as numbers", places=0, width=0, bounds=None
    ):
        self.dtype, self.plain, self.written = dtype, plain, written
        self.places, self.width, self.bounds = places, width, bounds

    @classmethod
    def from_state(cls, dtype, *rest):
        return cls(dtype_from(dtype), *rest)

    @staticmethod
    def known_by(dtype):
        """The state of a column of which no more is known than the name of its dtype."""
        own = dtype_from(dtype)
        own = getattr(own, "numpy_dtype", getattr(own, "subtype", own))
        whole = getattr(own, "kind", "") in "iub"
        written = "as numbers" if pd.api.types.is_numeric_dtype(own) else "as objects"
        return dtype, str(own) if whole else "float64", written

    def state(self, name):
        dtype, *rest = vars(self).values()
        dtype = dtype_to(dtype)
        try:
            dtype_from(dtype)
        except (TypeError, NotImplementedError) as error:
            raise ValueError(
                f"Column {name!r} is of type {dtype}, which load() could not read; fit on "
                f"X.astype({{{name!r}: float}})."
            ) from error
        return dtype, *rest

    @property
    def whole(self):
        """Whether its values are whole numbers or truth values."""
        return np.dtype(self.plain).kind in "iub" or self.bounds is not None

    def like(self, numbers):
        if self.bounds is not None:
            low, high = self.bounds
            # Numbers of Python, which have all digits.
            exact = [min(max(int(number), low), high) for number in numbers.tolist()]
            numbers = np.array(exact, dtype=object)
        elif self.whole:
            numbers = numbers.astype(self.plain)
        if self.written == "as objects":
            numbers = numbers.astype(object)
        elif self.written != "as numbers":
            numbers = pd.Series([*map(self._text, numbers.tolist())], dtype=object)
            if self.written == "as decimals":
                numbers = numbers.map(Decimal)
        return pd.Series(numbers).astype(self.dtype)

    def _text(self, number):
        text = str(number) if self.whole else f"{number:.{self.places}f}"
        return text.zfill(self.width)


#: What pandas finds in a column of objects or text, to how its values are written.
WRITTEN = {
    "string": "as text",
    "decimal": "as decimals",
    **dict.fromkeys(
        ("integer", "floating", "boolean", "mixed-integer-float"), "as objects"
    ),
    **dict.fromkeys(("mixed-integer", "mixed", "empty"), "as objects"),
}
#: Above it float64 has not every whole number.
EXACT = 2**53


def _opened(series, name, cure):
    """The `Column` that a series is, and its numbers as an array."""
    dtype, kind = series.dtype, None
    if isinstance(dtype, pd.CategoricalDtype):
        kind = "categorical"
    elif getattr(dtype, "kind", "") in "mM":
        kind = "of dates or times"
    elif pd.api.types.is_numeric_dtype(dtype):
        written, numbers = "as numbers", _plain(series)
    elif (found := pd.api.types.infer_dtype(series, skipna=True)) not in WRITTEN:
        kind = "not of numbers"
    else:
        try:
            written, numbers = WRITTEN[found], _plain(pd.to_numeric(series))
        except (ValueError, TypeError):
            kind = "not of numbers"
    if kind is not None:
        raise ValueError(
            f"Column {name!r} is {kind}, and new values can be made of numbers only; {cure}"
        )
    places = width = 0
    if written in ("as text", "as decimals"):
        there = series[pd.notna(numbers)]
        digits = [Decimal(value).as_tuple().exponent for value in there]
        places = max([0, *(-n for n in digits if isinstance(n, int))])
        widths = {*there.str.len()} if written == "as text" else ()
        width = widths.pop() if len(widths) == 1 else 0
    bounds, more = None, numbers.dtype == object and written == "as objects"
    if (more or numbers.dtype.kind in "iu") and len(numbers):  # more than 64 bits
        low, high = int(numbers.min()), int(numbers.max())
        bounds = (low, high) if max(-low, high) > EXACT else None
    if numbers.dtype == object:
        numbers = numbers.astype(np.float64)
    column = Column(dtype, numbers.dtype.name, written, places, width, bounds)
    return column, numbers


def _plain(series):
    """The numbers of a series of any numeric type, NaN for what is missing."""
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()
    if series.isna().any():
        return series.to_numpy(np.float64, na_value=np.nan)
    own = getattr(series.dtype, "numpy_dtype", None)
    return series.to_numpy(own or series.dtype.subtype)


def dtype_to(dtype):
    """The name of a dtype; in parts, where pandas would read another one from it."""
    if isinstance(dtype, pd.SparseDtype):
        fill = dtype.fill_value
        return "Sparse", str(dtype.subtype), getattr(fill, "item", lambda: fill)()
    if isinstance(dtype, pd.StringDtype):
        missing = "nan" if dtype.na_value is np.nan else "NA"
        return "string", dtype.storage, missing
    if isinstance(dtype, pd.ArrowDtype):  # of text, of decimals, of lists
        import pyarrow as pa

        schema = pa.schema([("column", dtype.pyarrow_dtype)])
        return "arrow", schema.serialize().to_pybytes().hex(), ""
    return str(dtype)


def dtype_from(name):
    """The dtype that `dtype_to` was given."""
    if isinstance(name, str):
        return pd.api.types.pandas_dtype(name)
    form, first, second = name
    if form == "string":
        return pd.StringDtype(first, na_value=np.nan if second == "nan" else pd.NA)
    if form == "arrow":
        import pyarrow as pa

        buffer = pa.py_buffer(bytes.fromhex(first))
        return pd.ArrowDtype(pa.ipc.read_schema(buffer).types[0])
    return pd.SparseDtype(np.dtype(first), second)


def readable(value):
    """Whether a file that is read without running code may hold the value."""
    if type(value) is dict:
        return all(map(readable, value.items()))
    if type(value) in (list, tuple):
        return all(map(readable, value))
    value = value.item() if isinstance(value, np.generic) else value
    return value is None or type(value) in (str, int, float, bool)
