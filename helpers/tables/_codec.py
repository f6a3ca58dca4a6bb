"""A frame of any columns as a matrix in [0, 1], and back."""

import numbers
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_array,
    check_is_fitted,
)

from ..checks import labels_of
from ._columns import Category, Constant, Date, LeftOut, Number
from ._kinds import KINDS, find_kind, is_form
from ._saved import packed, unpacked


def as_frame(X):
    """Any table as a frame whose columns have one name each."""
    if not isinstance(X, pd.DataFrame):
        if hasattr(X, "to_pandas"):
            raise ValueError(
                f"X is a {type(X).__module__.partition('.')[0]} {type(X).__name__}; pass "
                "X.to_pandas()."
            )
        if sparse.issparse(X):
            raise ValueError(
                "X is a sparse matrix; pass X.toarray(), or "
                "pd.DataFrame.sparse.from_spmatrix(X)."
            )
        if np.asarray(X).ndim != 2:
            raise ValueError(
                f"Expected 2D array, got {np.asarray(X).ndim}D array instead. Reshape your data, "
                "one row a sample, one column a feature: X.reshape(-1, 1) makes one column."
            )
        # Rows as they are: numpy would make text of the numbers beside a text.
        X = [*X] if isinstance(X, list | tuple) else np.asarray(X)
        if not getattr(getattr(X, "dtype", None), "isnative", True):
            X = X.astype(X.dtype.newbyteorder("="))  # pandas takes no others
        X = pd.DataFrame(X)
    if not X.columns.is_unique:
        twice = [*X.columns[X.columns.duplicated()].unique()]
        raise ValueError(
            f"Several columns are called {twice[0]!r}; give each a name of its own, as "
            "with X.set_axis([...], axis='columns')."
        )
    if not X.shape[1]:
        raise ValueError(
            f"X has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required."
        )
    return X


def _refuse_kinds(said, frame):
    if unknown := [name for name in said if name not in frame.columns]:
        raise ValueError(
            f"kinds names {unknown[0]!r}; the columns are {[*frame.columns]}."
        )
    if odd := [k for k in said.values() if k not in KINDS and not is_form(k)]:
        raise ValueError(
            f"kinds says {odd[0]!r}; it can be any of {', '.join(KINDS)}, or how dates are "
            "written, such as '%d/%m/%Y'."
        )
    for name, form in said.items():
        _refuse_form(name, form)


def _refuse_form(name, form):
    """Refuse what does not say how dates are written."""
    if not is_form(form):
        return
    try:
        pd.to_datetime(pd.Series(["2024"]), format=form)
    except ValueError as error:  # or only this one is not written so
        if "directive" in str(error) or "stray" in str(error):
            raise ValueError(
                f"kinds says {form!r} of column {name!r}, and that is no form of dates "
                f"({error}); such forms are %d.%m.%Y or %Y-%m-%d %H:%M."
            ) from None


def _class_numbers(y, frame):
    if y is None:
        return None
    check_consistent_length(frame, y)
    return np.unique(labels_of(y, one_hot=True), return_inverse=True)[1]


class Part(NamedTuple):
    """Columns of the matrix that belong together, and the column of the frame they code.

    Attributes
    ----------
    name
        The frame's column.
    kind : {"number", "date", "category", "missing"}
        "number" and "date" are one column, "category" is a block of which one column is
        1 and the others 0, "missing" is one column, 1 where the number or date before it
        is missing.
    columns : list of int
        Columns of the matrix.
    """

    name: Any
    kind: str
    columns: list


class TableCodec(TransformerMixin, BaseEstimator):
    """Turn a table of numbers, categories, dates and holes into numbers in [0, 1], and back.

    `transform` gives a float64 matrix that any sampler takes; `inverse_transform` makes
    of any matrix of that width a frame with the columns and the types of the one that
    was fitted, in which every row is possible: one level a category, a level that was
    seen; numbers within the range that was seen and with no more decimals; dates on the
    calendar's step.

    Parameters
    ----------
    numbers : {"quantile", "minmax", "robust"}, default="quantile"
        How numbers and dates come to lie in [0, 1]: by their rank, so that no outlier
        presses the others together, or by their distance from the smallest. "robust" is
        by distance too, but outliers count as the farthest value that is none, so that no
        new row comes near them.
    kinds : dict, optional
        Column name to "number", "category", "date" or "leave_out", where the kind that
        is found (see Notes) is not the right one; or to how dates are written as text,
        such as "%d/%m/%Y", where that can be read in two ways.
    min_frequency : int or float in [0, 1), default=0
        Levels in fewer rows (or in a smaller share of them) share one code, from which
        they are drawn again by their shares. 0: every level has its own.
    max_levels : int, default=100
        Levels of a category that have a code; where there are more, the rarest share one.
    unknown : {"error", "replace"}, default="error"
        What `transform` does with a level, or a hole in a column, that `fit` has not seen.
        "replace" takes a level for one of those that share a code, for a hole, or for the
        most frequent level, whichever of these there is first; a hole for the median or
        the most frequent level.
    random_state : int, RandomState or None, default=None
        Draws the levels that share a code. None draws others at every call.

    Attributes
    ----------
    kinds_ : dict
        Column name to its kind: "number", "category", "date", "constant" or "leave_out".
    left_out_ : dict
        Name of each column that is left out to the reason.
    columns_ : list of Part
        What the matrix holds, from left to right.
    groups_ : list of list of int
        The columns of each of these parts, as ``GANSMOTE(feature_groups=...)`` takes
        them: every column is in exactly one group.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Raises
    ------
    ValueError
        Names of columns that repeat; values of several types in one column; infinity;
        columns that `kinds` does not fit; at `transform`, levels or holes in a column
        that had none when the codec was fitted.

    Notes
    -----
    The kind of a column is found by these rules, of which the first that holds counts.

    - One value in all rows, or none in any: **constant**, whatever `kinds` says of it;
      new rows repeat it.
    - The type of dates, times and durations; text that is written as a date in one way
      only, such as ``2026-11-29`` or ``29.11.2026``: **date**.
    - Truth values, of which there are two: **category**.
    - Whole numbers whose column is called an id, unless they are few and repeat
      (category); whole numbers of which no two are alike though chance would have let
      some meet (more than ten pairs of rows for each number between the smallest and the
      largest); text of which no two are alike (more than 20, or called an id):
      an id, **leave_out**.
    - Other numbers: **number**, however few the values.
    - Text with more than 20 values, that are more than half of the rows: free text,
      **leave_out**. Values that cannot be compared, such as lists: leave_out.
    - Everything else: **category**.

    A column that is left out is missing in new rows. Drop it before a classifier: it would
    tell new rows from old ones. Its type must have a missing value: int64 becomes pandas'
    Int64.

    What ``inverse_transform(transform(X))`` gives back: the very values of columns that are
    not left out, if they were seen by `fit` and no levels share a code; with "minmax",
    two numbers that differ by less than 1e-16 of the range may become one, and with
    "robust" an outlier comes back as the nearest value that is none. Numbers
    between those seen come back up to rounding, numbers outside as the nearest seen.

    An outlier, to "robust", lies ten times farther from the values of its class than they
    span, all but the 1 % at either end (one value at least). Classes of less than ten
    rows have none; without `y` all rows are one class.

    Examples
    --------
    >>> import pandas as pd
    >>> from helpers import TableCodec
    >>> X = pd.DataFrame(
    ...     {"age": [31, None, 58], "job": ["clerk", "cook", None], "smokes": [True, False, True]}
    ... )
    >>> codec = TableCodec().fit(X)
    >>> Z = codec.transform(X)
    >>> Z.shape, codec.groups_
    ((3, 7), [[0], [1], [2, 3, 4], [5, 6]])
    >>> codec.inverse_transform(Z).equals(X)
    True
    >>> codec.summary()[["kind", "seen", "codes"]]
                kind                   seen  codes
    age       number        31 to 58, whole      2
    job     category  2 levels: clerk, cook      3
    smokes  category  2 levels: False, True      2
    """

    _parameter_constraints: dict = {
        "numbers": [StrOptions({"quantile", "minmax", "robust"})],
        "kinds": [dict, None],
        "min_frequency": [
            Interval(numbers.Integral, 1, None, closed="left"),
            Interval(numbers.Real, 0, 1, closed="left"),
        ],
        "max_levels": [Interval(numbers.Integral, 2, None, closed="left")],
        "unknown": [StrOptions({"error", "replace"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        numbers="quantile",
        kinds=None,
        min_frequency=0,
        max_levels=100,
        unknown="error",
        random_state=None,
    ):
        self.numbers = numbers
        self.kinds = kinds
        self.min_frequency = min_frequency
        self.max_levels = max_levels
        self.unknown = unknown
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None):
        """Learn the kinds of the columns of `X`, and what is seen in each.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
        y : array-like of shape (n,), optional
            Class labels, of which ``numbers="robust"`` alone takes notice.

        Returns
        -------
        self
        """
        frame = as_frame(X)
        if len(frame) < 2:
            raise ValueError(
                f"Found array with {len(frame)} sample(s) (shape={frame.shape}); a codec "
                "learns from 2 or more."
            )
        _check_feature_names(self, X, reset=True)
        _check_n_features(self, frame, reset=True)
        self._names, said = frame.columns, self.kinds or {}
        _refuse_kinds(said, frame)
        classes = _class_numbers(y, frame) if self.numbers == "robust" else None
        self._columns = [
            self._column(series, name, said.get(name), classes)
            for name, series in frame.items()
        ]
        if not any(column.width for column in self._columns):
            why = "; ".join(
                f"{column.name!r}: {column.why}" for column in self._columns
            )
            raise ValueError(
                f"No column is left of which new values could be made ({why}). Say what "
                "they are, such as kinds={'age': 'number'}."
            )
        self._lay_out()
        return self

    def _lay_out(self):
        """What follows from the columns."""
        self.kinds_ = {column.name: column.kind for column in self._columns}
        self.left_out_ = {
            column.name: column.why
            for column in self._columns
            if column.kind == "leave_out"
        }
        self.columns_, self._stripes, at = [], [], 0
        for column in self._columns:
            self._stripes.append(slice(at, at + column.width))
            for kind, width in column.parts:
                self.columns_.append(Part(column.name, kind, [*range(at, at + width)]))
                at += width
        self.groups_ = [part.columns for part in self.columns_]

    def kinds_to_tell(self):
        """What to tell another codec as `kinds`, so that it takes columns for the same.

        It may be fitted on rows that say less: of which dates can be read in two ways, say,
        or whole numbers look like an id.

        Returns
        -------
        dict
            As `kinds`, with the form of dates that are text; constants are left out.
        """
        check_is_fitted(self)
        return {
            column.name: column.form
            if is_form(getattr(column, "form", None))
            else column.kind
            for column in self._columns
            if column.kind != "constant"
        }

    def state(self):
        """Plain values from which `from_state` makes the fitted codec again.

        Returns
        -------
        tuple
            Of text, numbers, lists and tuples, which a file may hold without running code.

        Raises
        ------
        ValueError
            A column whose name, type or values cannot be said so.
        """
        check_is_fitted(self)
        columns = []
        for column in self._columns:
            try:
                columns.append(packed(column))
            except TypeError as error:
                raise ValueError(
                    f"Column {column.name!r} has {error}, which load() could not read; "
                    f"make it text, X.astype({{{column.name!r}: str}})."
                ) from error
        parameters = self.get_params()
        if isinstance(parameters["random_state"], np.random.RandomState):
            parameters["random_state"] = None
        names = packed([*getattr(self, "feature_names_in_", ())])
        return packed(parameters), packed([*self._names]), names, columns

    @classmethod
    def from_state(cls, state):
        """The codec whose `state` it is."""
        parameters, names, named, columns = state
        self = cls(**unpacked(parameters))
        self._names = pd.Index(unpacked(names))
        self._columns = [unpacked(column) for column in columns]
        self.n_features_in_ = len(columns)
        if named := unpacked(named):
            self.feature_names_in_ = np.array(named, dtype=object)
        self._lay_out()
        return self

    def _column(self, series, name, said, classes):
        kind, why = find_kind(series, name, said)
        if kind == "category":
            return Category(series, name, why, self.min_frequency, self.max_levels)
        if kind in ("number", "date"):
            how = name, why, self.numbers, classes
            if kind == "number":
                return Number(series, *how)
            return Date(series, *how, form=said if is_form(said) else None)
        return (Constant if kind == "constant" else LeftOut)(series, name, why)

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
            Columns as fitted.

        Returns
        -------
        ndarray of float64, shape (n, n_codes)
            In [0, 1].
        """
        check_is_fitted(self)
        frame = as_frame(X)
        _check_feature_names(self, X, reset=False)
        _check_n_features(self, frame, reset=False)
        Z = np.zeros((len(frame), self._stripes[-1].stop))
        for i, (column, stripe) in enumerate(self._coded()):
            column.encode(frame.iloc[:, i], Z[:, stripe], self.unknown == "replace")
        return Z

    def inverse_transform(self, X):
        """Decode rows.

        Parameters
        ----------
        X : array-like of shape (n, n_codes)
            Finite numbers; below 0 counts as 0, above 1 as 1.

        Returns
        -------
        DataFrame of n rows
            Columns and types as fitted; of columns that are left out, all is missing.
        """
        check_is_fitted(self)
        Z = check_array(X, dtype=np.float64, ensure_min_samples=0)
        if Z.shape[1] != self._stripes[-1].stop:
            raise ValueError(
                f"X has {Z.shape[1]} columns, and this codec's matrix {self._stripes[-1].stop}."
            )
        return self._decode(Z, self.random_state)

    def _decode(self, Z, random_state):
        # numpy's global generator, scikit-learn's for None, is left alone.
        fresh = random_state is None
        rng = np.random.RandomState() if fresh else check_random_state(random_state)
        decoded = {
            i: column.decode(Z[:, stripe], rng)
            for i, (column, stripe) in enumerate(self._coded())
        }
        frame = pd.DataFrame(decoded, index=pd.RangeIndex(len(Z)))
        return frame.set_axis(self._names, axis="columns")

    def _coded(self):
        return zip(self._columns, self._stripes, strict=True)

    def get_feature_names_out(self, input_features=None):
        """Names of the matrix's columns, such as ``age``, ``age (missing)``, ``job=clerk``.

        Parameters
        ----------
        input_features : ignored

        Returns
        -------
        ndarray of str
        """
        check_is_fitted(self)
        names = [label for column in self._columns for label in column.labels()]
        return np.array(names, dtype=object)

    def summary(self):
        """What was found in each column of the table.

        Returns
        -------
        DataFrame, one row per column
            ``kind``, ``why``, ``missing`` (share of rows), ``seen``, ``codes`` (columns
            of the matrix).
        """
        check_is_fitted(self)
        rows = [
            (column.kind, column.why, column.share_missing, column.seen(), column.width)
            for column in self._columns
        ]
        names = ["kind", "why", "missing", "seen", "codes"]
        return pd.DataFrame(rows, columns=names, index=self._names)

    def outliers(self, X, y=None):
        """Columns that hold outliers, in the sense of ``numbers="robust"``.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
            The table that was fitted.
        y : array-like of shape (n,), optional
            Class labels.

        Returns
        -------
        dict
            Column name to the number of the first row with one.
        """
        check_is_fitted(self)
        found, frame = {}, as_frame(X)
        classes = _class_numbers(y, frame)
        for i, (column, _) in enumerate(self._coded()):
            if column.kind in ("number", "date"):
                far = column.far(frame.iloc[:, i], classes)
                if far.any():
                    found[column.name] = int(far.argmax())
        return found

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags
