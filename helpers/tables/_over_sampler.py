"""Any over-sampler on any frame: encode, resample, decode the new rows only."""

import numbers
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
from imblearn.over_sampling import SMOTE, SMOTEN, SMOTENC, BorderlineSMOTE
from imblearn.over_sampling.base import BaseOverSampler
from imblearn.utils import check_sampling_strategy
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils import check_consistent_length
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    _check_n_features,
    check_is_fitted,
)

from .. import containers
from ..checks import OneHotWarning, counts_asked_for, labels_of
from ._codec import TableCodec, as_frame

#: Neighbours between which SMOTE chooses, where the class has so many.
NEIGHBOURS = 5


class TabularOverSampler(BaseOverSampler):
    """Over-sample a table of any columns with any sampler of numbers.

    A `TableCodec` turns the table into numbers in [0, 1]; the sampler adds rows to them;
    the new rows, and only these, are turned back. Original rows come first and
    untouched, to the last bit, with their index; every new row is a possible one.

    Parameters
    ----------
    sampler : sampler or "smote"
        One of this package, of imbalanced-learn, or any other whose ``fit_resample`` puts
        new rows behind the original ones. "smote" is SMOTE, SMOTENC or SMOTEN, as the
        table holds numbers, both or categories (a hole is one), with as many
        neighbours as the smallest class that is filled allows, at most 5.
    codec : TableCodec, optional
        What is to differ from its defaults.
    sampling_strategy : float, str, dict or callable, optional
        Replaces that of `sampler`; as in imbalanced-learn. None: its own.
    random_state : int or RandomState, optional
        Replaces that of `sampler`. None: its own, which decides everything.

    Attributes
    ----------
    sampler_, codec_
        Fitted copies of both; ``codec_.summary()`` shows what was taken for what.
    sampling_strategy_ : dict
        Class label to number of rows generated for it.
    synthetic_mask_ : ndarray of bool, one per returned row
        True where the row was generated.
    n_features_in_, feature_names_in_
        As everywhere in scikit-learn.

    Raises
    ------
    ValueError
        What `TableCodec` and the sampler refuse; the target among the columns of X; a
        class of one row, by "smote"; a sampler that removes or edits original rows.

    See Also
    --------
    TableCodec : what is made of each kind of column.

    Notes
    -----
    Samplers that know which columns belong together are told: ``feature_groups``, where it
    is None, becomes the codec's blocks. `GANSMOTE` also gets ``decode="group_argmax"``
    and, where the table has numbers or dates, ``binarize="median"``. SMOTENC and SMOTEN get categories as codes, and the first of
    them its ``categorical_features``.

    The index of original rows is kept. New rows go on from the highest whole number of it,
    as imbalanced-learn numbers rows; labels of other kinds are missing in new rows.
    A column that the codec leaves out, such as an id, is missing in new rows; where its
    type has no missing value, it becomes pandas' own: int64 Int64.

    Examples
    --------
    >>> import pandas as pd
    >>> from helpers import TabularOverSampler
    >>> X = pd.DataFrame({"job": [*"aabbab"], "age": [31, 40, None, 58, 35, 61]})
    >>> y = pd.Series([0, 0, 0, 0, 1, 1], name="left")
    >>> X_new, y_new = TabularOverSampler("smote", random_state=0).fit_resample(X, y)
    >>> X_new.tail(3)
      job   age
    5   b  61.0
    6   b  58.0
    7   a  43.0
    """

    _parameter_constraints: dict = {
        "sampler": [HasMethods(["fit_resample", "get_params"]), StrOptions({"smote"})],
        "codec": [TableCodec, None],
        "sampling_strategy": [
            *BaseOverSampler._parameter_constraints["sampling_strategy"],
            None,
        ],
        "random_state": ["random_state"],
    }

    def __init__(
        self, sampler, codec=None, *, sampling_strategy=None, random_state=None
    ):
        self.sampler = sampler
        self.codec = codec
        self.sampling_strategy = sampling_strategy
        self.random_state = random_state

    def fit(self, X, y):
        """`fit_resample` without its result."""
        self.fit_resample(X, y)
        return self

    def fit_resample(self, X, y):
        """Return ``(X, y)`` together with the rows that the sampler adds.

        Parameters
        ----------
        X : DataFrame, array or list of shape (n, n_features)
        y : array-like of shape (n,) or (n, 1), or one-hot (n, n_classes)
            Class labels: text, whole numbers or truth values. `sampler` sees the labels
            themselves, of one-hot classes the numbers of their columns.

        Returns
        -------
        X_resampled, y_resampled
            Of the types and dtypes of the input, the original rows first.
        """
        try:
            return self._balanced(X, y)
        except BaseException:
            # Nothing is left of the fit before, or of half of this one.
            for name in [name for name in vars(self) if name.endswith("_")]:
                delattr(self, name)
            raise

    def _balanced(self, X, y):
        self._validate_params()
        frame, labels = as_frame(X), labels_of(y, one_hot=True)
        check_consistent_length(frame, labels)
        _check_feature_names(self, X, reset=True)
        _check_n_features(self, frame, reset=True)
        _refuse_target(frame, labels)
        self.codec_ = self._codec()
        Z = self.codec_.fit(frame, labels).transform(frame)
        self._refuse_no_holes(X)

        self.sampler_ = self._sampler(labels)
        self._warn_of_outliers(frame, labels)
        coded = isinstance(self.sampler_, SMOTENC | SMOTEN)
        Z_in = self._as_codes(Z) if coded else Z
        with config_context(transform_output="default"), warnings.catch_warnings():
            # Encoders inside samplers; and blocks are decoded to one level here.
            warnings.simplefilter("ignore", OneHotWarning)
            Z_out, labels_out = self.sampler_.fit_resample(Z_in, labels)
        n = len(frame)
        self._refuse_other_rows(Z_in, np.asarray(Z_out))
        self.sampling_strategy_ = getattr(self.sampler_, "sampling_strategy_", None)
        self.synthetic_mask_ = np.arange(len(Z_out)) >= n

        new = np.asarray(Z_out[n:], np.float64)
        new = self.codec_.inverse_transform(self._as_blocks(new) if coded else new)
        y_out = containers.take(y, _first_rows(labels, np.asarray(labels_out)[n:]))
        return self._joined(X, frame, new, y_out)

    def sample(self, label, n, random_state=None):
        """Generate more rows of one class, where `sampler` has a method `sample`.

        Parameters
        ----------
        label : class label
        n : int
        random_state : int, RandomState or None
            None draws other rows at every call.

        Returns
        -------
        DataFrame of n rows

        Raises
        ------
        AttributeError
            `sampler` generates rows in ``fit_resample`` only.
        """
        check_is_fitted(self, "sampler_")
        Z = self.sampler_.sample(label, n, random_state=random_state)
        return self.codec_._decode(Z, random_state)

    # ------------------------------------------------------------------ parts

    def _seed(self):
        if self.random_state is None:
            return getattr(self.sampler, "random_state", None)
        return self.random_state

    def _codec(self):
        codec = TableCodec() if self.codec is None else clone(self.codec)
        if codec.random_state is None:
            codec.set_params(random_state=self._seed())
        return codec.set_output(transform="default")

    def _sampler(self, y):
        """The sampler that is fitted, told about the columns."""
        if self.sampler == "smote":
            return self._smote(y)
        sampler = clone(self.sampler)
        parameters = sampler.get_params(deep=False)
        kinds = self._kinds()
        told = {}
        strategy = self.sampling_strategy
        if strategy is None:
            strategy = parameters.get("sampling_strategy")
        if strategy is not None:
            told["sampling_strategy"] = counts_asked_for(strategy, y)
        if "random_state" in parameters:
            told["random_state"] = self._seed()  # a RandomState, rather than its copy
        # By parameters rather than by class, whose import would bring torch with it.
        if parameters.get("feature_groups", ()) is None:
            groups = self.codec_.groups_
            if "decode" in parameters:  # GANSMOTE, which wants every column in a group
                told["decode"] = "group_argmax"
            else:
                groups = [group for group in groups if len(group) > 1]
            told["feature_groups"] = groups
        if parameters.get("binarize", ()) is None and {"number", "date"} & {*kinds}:
            told["binarize"] = "median"
        if isinstance(sampler, SMOTENC):
            told["categorical_features"] = self._are_categories()
        sampler.set_params(**told)
        if isinstance(sampler, SMOTE | BorderlineSMOTE):
            self._refuse_few_rows(sampler, y)
        return sampler

    def _smote(self, y):
        strategy = self.sampling_strategy
        strategy = counts_asked_for("auto" if strategy is None else strategy, y)
        rows, label = self._rarest(strategy, y)
        if rows < 2:
            raise ValueError(
                f"Class {label!r} is to be filled but has 1 row, and SMOTE makes rows "
                "between two. Collect more, leave the class out of sampling_strategy, or "
                "repeat the row with imbalanced-learn's RandomOverSampler."
            )
        kinds = self._are_categories()
        own = {"categorical_features": kinds} if 0 < sum(kinds) < len(kinds) else {}
        made = SMOTENC if own else SMOTEN if any(kinds) else SMOTE
        return made(
            sampling_strategy=strategy,
            random_state=self.random_state,
            k_neighbors=int(min(NEIGHBOURS, rows - 1)),
            **own,
        )

    def _refuse_few_rows(self, sampler, y):
        rows, label = self._rarest(sampler.sampling_strategy, y)
        k = sampler.k_neighbors
        if isinstance(k, numbers.Integral) and rows <= k:
            raise ValueError(
                f"Class {label!r} is to be filled but has {rows} row(s); "
                f"{type(sampler).__name__} with k_neighbors={k} needs {k + 1}. Take fewer "
                "neighbours, or 'smote', which does so."
            )

    def _rarest(self, strategy, y):
        """Rows and label of the smallest class that is to be filled."""
        filled = check_sampling_strategy(strategy, y, "over-sampling")
        counts = dict(zip(*np.unique(y, return_counts=True), strict=True))
        few = [(counts[label], str(label), label) for label, n in filled.items() if n]
        rows, _, label = min(few, default=(np.inf, "", ""))
        return rows, np.asarray(label).item()  # as the caller writes it

    def _kinds(self):
        return [part.kind for part in self.codec_.columns_]

    def _are_categories(self):
        return [kind in ("category", "missing") for kind in self._kinds()]

    def _as_codes(self, Z):
        """One column for each part: blocks as the number of their level."""
        columns = [
            Z[:, part.columns].argmax(axis=1)
            if len(part.columns) > 1
            else Z[:, part.columns[0]]
            for part in self.codec_.columns_
        ]
        return np.column_stack(columns).astype(np.float64)

    def _as_blocks(self, codes):
        """The way back from `_as_codes`."""
        blocks = [
            codes[:, [i]] == np.arange(len(part.columns))
            if len(part.columns) > 1
            else codes[:, [i]]
            for i, part in enumerate(self.codec_.columns_)
        ]
        return np.hstack(blocks).astype(np.float64)

    def _refuse_no_holes(self, X):
        """Some arrays cannot hold the holes of a column that is left out."""
        left_out = self.codec_.left_out_
        if left_out and isinstance(X, np.ndarray) and X.dtype.kind in "iubSU":
            name, why = next(iter(left_out.items()))
            raise ValueError(
                f"Column {name!r} is left out ({why}), and an array of {X.dtype} has no "
                "missing values for its new rows. Drop the column, pass a DataFrame, or "
                f"codec=TableCodec(kinds={{{name!r}: 'number'}})."
            )

    def _warn_of_outliers(self, frame, labels):
        """Of samplers that do not only draw between rows; these are imbalanced-learn's."""
        known = type(self.sampler_).__module__.startswith("imblearn.")
        if known or self.codec_.numbers == "robust":
            return
        if found := self.codec_.outliers(frame, labels):
            (name, row), *others = found.items()
            more = f", and {len(others)} more column(s)," if others else ""
            warnings.warn(
                f"Column {name!r}{more} has outliers, such as "
                f"{frame[name].iloc[row]} in row {row}, and new rows may lie anywhere between "
                "them and the others. codec=TableCodec(numbers='robust') keeps new rows away "
                "from them; or remove or clip such values.",
                stacklevel=3,
            )

    def _refuse_other_rows(self, before, after):
        kept = after[: len(before)]
        same = np.array_equal(kept, before)
        # Others may think in float32.
        if not same and kept.shape == before.shape:
            same = np.allclose(kept, before, rtol=0, atol=1e-6)
        if not same:
            name = type(self.sampler_).__name__
            raise ValueError(
                f"{name} removes or edits original rows, which stay untouched here; take "
                "a sampler that puts new rows behind them, or set it to do so."
            )

    def _joined(self, X, frame, new, y_out):
        """New rows behind the original ones, in the types that came in."""
        new.index = labels_after(frame.index, len(new))
        if isinstance(X, list | tuple):
            return [*X, *new.astype(object).to_numpy().tolist()], y_out
        if not isinstance(X, pd.DataFrame):
            X = np.asarray(X)
            return np.concatenate([X, new.to_numpy(dtype=X.dtype)]), y_out
        others = {
            name: dtype
            for name, dtype in new.dtypes.items()
            if dtype != frame[name].dtype
        }
        joined = pd.concat([frame.astype(others), new])
        if isinstance(y_out, pd.Series | pd.DataFrame):
            y_out = y_out.set_axis(joined.index)
        return joined, y_out

    def _fit_resample(self, X, y):  # asked for by the base class
        raise NotImplementedError

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def labels_after(index, n):
    """Labels of `n` new rows behind an index."""
    if isinstance(index, pd.RangeIndex):
        start = index.start + len(index) * index.step
        return pd.RangeIndex(start, start + n * index.step, index.step, name=index.name)
    if pd.api.types.is_integer_dtype(index.dtype):
        # In Python's numbers: one more than the largest of an int8 is its smallest.
        start = int(index.max()) + 1
        if start + n <= 2**63:
            return pd.RangeIndex(start, start + n, name=index.name)
        return pd.Index([*range(start, start + n)], dtype=object, name=index.name)
    if isinstance(index, pd.MultiIndex):
        codes = np.full((index.nlevels, n), -1)
        return pd.MultiIndex(levels=index.levels, codes=codes, names=index.names)
    if index.dtype == bool:
        index = index.astype(object)
    return index.take(np.full(n, -1), allow_fill=True, fill_value=np.nan)


def _first_rows(labels, new):
    """All rows by number, and for each new label the first row that has it."""
    classes, first = np.unique(labels, return_index=True)
    rows = first[np.searchsorted(classes, new)]
    return np.concatenate([np.arange(len(labels)), rows])


def _refuse_target(frame, y):
    """A column that repeats the target in every row would be made up anew."""
    labels = np.asarray(y, dtype=object)
    for name, column in frame.items():
        same = False
        with suppress(TypeError, ValueError):  # holes, or values without an order
            same = bool(len(labels) and (column.to_numpy(object) == labels).all())
        if same:
            raise ValueError(
                f"Column {name!r} of X is the target, row by row; "
                f"X.drop(columns={name!r})."
            )
