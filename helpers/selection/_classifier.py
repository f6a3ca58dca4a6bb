"""A classifier of any table that is coded, balanced and tuned inside its own `fit`."""

import time
from contextlib import suppress

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import (
    _check_feature_names,
    check_is_fitted,
)

from ..checks import labels_of, require_known
from ..evaluation import correct_prior
from ..tables import TableCodec, as_frame
from ._checks import (
    checked_costs,
    refuse_columns,
    refuse_lengths,
    refuse_two_orders,
)
from ._offsets import best_offsets, decided, logs, true_offsets, utilities
from ._splits import in_time, tuning_rows
from ._weighing import balances_itself, weighs_labels, weight_parameter


def classifiers():
    """Name to classifier, for matrices in [0, 1]."""
    # Without early stopping: scikit-learn's begins at 10,000 rows, which samplers reach
    # sooner, and holds back copies of rows that are trained on.
    boosting = HistGradientBoostingClassifier(early_stopping=False, random_state=0)
    return {
        "boosting": boosting,
        "dummy": DummyClassifier(strategy="prior"),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    }


def named_classifier(classifier):
    """The classifier of this name; "logistic" for None; anything else as it is."""
    if classifier is None:
        classifier = "logistic"
    if isinstance(classifier, str):
        require_known("classifier", classifier, classifiers())
        return classifiers()[classifier]
    return classifier


def repeated_rows(sampler):
    """Numbers of the rows that a fitted sampler repeats or keeps as they are, or None.

    `RandomOverSampler` says so of rows that it moves, too.
    """
    if getattr(sampler, "shrinkage_", None) is not None:
        return None
    return getattr(sampler, "sample_indices_", None)


class ResampledClassifier(ClassifierMixin, BaseEstimator):
    """Any classifier on any table, with all that balancing needs inside of `fit`.

    `fit` codes the table by a `TableCodec`, resamples its training rows, fits the
    classifier, corrects its probabilities for the shares that resampling changed, and
    tunes its decisions on rows that neither sampler nor classifier has seen. Nothing of it
    sees a row to predict, so that cross-validation of this estimator is honest.

    Parameters
    ----------
    sampler : sampler, optional
        ``fit_resample`` takes and returns frames, as that of `TabularOverSampler`. None
        resamples nothing.
    classifier : {"logistic", "boosting", "dummy"} or scikit-learn classifier, optional
        With ``predict_proba``; sees the codec's matrix, in [0, 1], and class numbers, or
        the labels where a ``class_weight`` is by label. None is "logistic".
    weights : {"balanced", None}
        "balanced" gives every class the same weight in the training of the classifier.
    tune : bool, default=False
        Whether decisions are tuned: on a quarter of the rows, stratified (by groups, or the
        latest quarter, where `groups` or `times` say so), while the rest is learned from.
        An offset per class is added to the logarithm of its probability; with two classes,
        that is a threshold. With `costs` and more classes, the decision of least expected
        cost is taken by the probabilities that these make.
    costs : array-like of shape (K, K), optional
        What it costs to take a row of one class (row of the array) for another (column),
        classes in sorted order. Decisions are tuned for the least cost. None: for the
        largest mean recall.
    refit : bool, default=True
        Whether, after tuning, sampler and classifier are fitted again on all rows; the
        offsets stay.
    kinds : dict, optional
        Column to kind, as in `TableCodec`.
    groups, times : column of X, optional
        Says which rows belong together, or their order in time; not learned from.
    random_state : int, optional
        Draws the quarter.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
    offsets_ : ndarray of shape (K,)
        Added to the logarithms of the probabilities; 0 where nothing is tuned.
    threshold_ : float
        Of two classes, the probability from which on a row is taken for the second.
    sampler_, classifier_
        Fitted copies.
    """

    _value = None  # of what was pickled before there was one
    _parameter_constraints = {
        "sampler": [HasMethods("fit_resample"), None],
        "classifier": [str, HasMethods("fit"), None],
        "weights": [StrOptions({"balanced"}), None],
        "tune": ["boolean"],
        "costs": ["array-like", None],
        "refit": ["boolean"],
        "kinds": [dict, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        sampler=None,
        classifier=None,
        *,
        weights=None,
        tune=False,
        costs=None,
        refit=True,
        kinds=None,
        groups=None,
        times=None,
        random_state=None,
    ):
        self.sampler = sampler
        self.classifier = classifier
        self.weights = weights
        self.tune = tune
        self.costs = costs
        self.refit = refit
        self.kinds = kinds
        self.groups = groups
        self.times = times
        self.random_state = random_state

    def fit(self, X, y):
        """Learn from a table.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)
        y : array-like of shape (n,)

        Returns
        -------
        self

        Raises
        ------
        ValueError
            What codec, sampler and classifier refuse; rows that cannot be cut into
            quarters with all classes in each part.
        """
        try:
            return self._fit(X, y)
        except BaseException:
            # Nothing is left that would answer for the fit before, or for half of one.
            for name in [name for name in vars(self) if name.endswith("_")]:
                delattr(self, name)
            raise

    def _fit(self, X, y):
        self._validate_params()
        refuse_two_orders(self)
        y, frame = labels_of(y), as_frame(X)
        refuse_lengths(frame, y)
        refuse_columns(self, frame, holes=not self.tune)
        self._columns, self.n_features_in_ = frame.columns, frame.shape[1]
        _check_feature_names(self, X, reset=True)
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"y has the class {self.classes_.tolist()} only; there is nothing to tell."
            )
        if self.costs is not None and not self.tune:
            raise ValueError("costs are what decisions are tuned for; say tune=True.")
        costs = checked_costs(self.costs, self._labels())
        self.seconds_ = {"sampler": 0.0}
        columns = [c for c in (self.groups, self.times) if c is not None]
        features = frame.drop(columns=columns) if columns else frame
        told = dict(self.kinds or {})
        asides = {c: told.pop(c, None) for c in columns}
        self._told = told or None
        self.offsets_, self._value = np.zeros(len(self.classes_)), None
        if not self.tune:
            self._learn(features, numbers)
        else:
            groups = None if self.groups is None else frame[self.groups]
            times = None
            if self.times is not None:
                times = pd.Series(in_time(frame[self.times], asides[self.times]))
            learn, held = tuning_rows(numbers, groups, times, self.random_state)
            self._learn(features.iloc[learn], numbers[learn])
            said = self._corrected(self._said(features.iloc[held]))
            # A quarter by groups or by time may have other shares than the whole.
            even = groups is None and times is None
            counts = np.bincount(numbers if even else numbers[held])
            shares = counts / counts.sum()
            value = utilities(shares, costs)
            centre = -np.log(shares) if costs is None else true_offsets(value)
            self._value = None if costs is None or len(value) == 2 else value
            self.offsets_ = best_offsets(
                logs(said),
                numbers[held],
                value,
                centre,
                expected=self._value is not None,
            )
            if self.refit:
                self._learn(features, numbers)
        return self

    def _learn(self, frame, numbers):
        """Resample, code and fit; what was trained on is remembered for `_corrected`."""
        labels, n_classes = self._labels(), len(self.classes_)
        self.true_ = np.bincount(numbers, minlength=n_classes)
        self._table, Z = self._coded(frame)
        y, self.sampler_ = numbers, None
        if self.sampler is not None:
            started = time.perf_counter()
            self.sampler_ = clone(self.sampler)
            more, y = self.sampler_.fit_resample(frame, labels[numbers])
            y = np.searchsorted(labels, np.asarray(y))
            self.seconds_["sampler"] += time.perf_counter() - started
            # Rows that are only repeated or left out are coded already.
            rows = repeated_rows(self.sampler_)
            Z = self._table.transform(more) if rows is None else Z[rows]
        self.n_new_ = len(y) - len(numbers)
        self.trained_ = np.bincount(y, minlength=n_classes)
        classifier, told = clone(named_classifier(self.classifier)), {}
        if self.weights == "balanced":
            name = weight_parameter(classifier)
            if name is None:
                raise ValueError(
                    f"{type(classifier).__name__}.fit takes no sample_weight, so that "
                    "weights='balanced' cannot reach it; leave weights out."
                )
            told[name] = (len(y) / (n_classes * self.trained_))[y]
            self.trained_ = np.ones(n_classes)
        # Some classifiers take class numbers only.
        seen = labels[y] if weighs_labels(classifier) else y
        # Under it weights reach those classifiers only that were told to ask for them.
        routing = {"enable_metadata_routing": False} if told else {}
        with config_context(**routing):
            self.classifier_ = classifier.fit(Z, seen, **told)
        if not hasattr(self.classifier_, "predict_proba"):  # some have it once fitted
            raise ValueError(
                f"{type(classifier).__name__} has no predict_proba; give a classifier that "
                "has, such as CalibratedClassifierCV around it."
            )
        # By the rows that it saw, maybe only in what a search has found best.
        if balances_itself(getattr(self.classifier_, "best_estimator_", classifier)):
            self.trained_ = np.ones(n_classes)

    def _labels(self):
        """The labels themselves, in the order of ``classes_``."""
        return self.classes_

    def _coded(self, frame):
        """A codec that has learned from these rows, and their codes."""
        table = _Coded(self._told)
        return table, table.fit_transform(frame)

    def _codes(self, frame):
        return self._table.transform(frame)

    def _said(self, frame):
        """What the classifier says, before any correction."""
        return self.classifier_.predict_proba(self._codes(frame))

    def _corrected(self, said):
        if np.array_equal(self.trained_, self.true_):
            return said
        return correct_prior(said, self.trained_, self.true_)

    def _raw(self, X):
        """`_said` of rows as they come in."""
        check_is_fitted(self)
        frame = as_frame(X)
        columns = [c for c in (self.groups, self.times) if c is not None]
        # Nothing is learned from these, so that new rows need not have them.
        wanted = self._columns.drop(columns)
        named = isinstance(X, pd.DataFrame) and hasattr(self, "feature_names_in_")
        if named and all(isinstance(name, str) for name in frame):
            if lacking := [name for name in wanted if name not in frame]:
                raise ValueError(f"X lacks columns that `fit` had: {lacking[:5]}.")
        else:  # by their places, where rows or those of `fit` have no names
            by_place = {len(names): names for names in (self._columns, wanted)}
            if frame.shape[1] not in by_place:
                raise ValueError(
                    f"X has {frame.shape[1]} features, but {type(self).__name__} is "
                    f"expecting {len(wanted)} features as input."
                )
            frame = frame.set_axis(by_place[frame.shape[1]], axis=1)
        return self._said(frame[wanted])

    def predict_proba(self, X):
        """Probabilities of the classes, corrected for what resampling did to the shares.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n, K)
        """
        return self._corrected(self._raw(X))

    def predict(self, X):
        """The most probable classes, or the tuned decisions.

        Parameters
        ----------
        X : DataFrame, or array-like of shape (n, n_features)

        Returns
        -------
        ndarray of shape (n,)
        """
        decided_ = self._decided(
            self.predict_proba(X)
        )  # which refuses what is not fitted
        return self.classes_[decided_]

    def _decided(self, p):
        return decided(logs(p), self.offsets_, self._value)

    @property
    def threshold_(self):
        """Of two classes, the probability from which on a row is taken for the second."""
        check_is_fitted(self, "offsets_")
        if len(self.classes_) != 2:
            raise AttributeError("Several classes have offsets_, and no threshold.")
        return float(1 / (1 + np.exp(self.offsets_[1] - self.offsets_[0])))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


class _Coded:
    """A `TableCodec` for rows that hold what no training row did.

    Levels that were never seen become missing, where some are, or else the most frequent
    level; holes where there were none, the middle number or date, or the most frequent
    level. A level that was seen, but
    for its type, is refused: of codes that come as numbers and were texts, all rows would
    pass for the most frequent one.
    """

    def __init__(self, kinds):
        codec = TableCodec(numbers="minmax", kinds=kinds)
        self.codec = codec.set_output(transform="default")  # whatever the session has

    def fit(self, frame):
        self.codec.fit(frame)
        self._remember(frame)
        return self

    def fit_transform(self, frame):
        self.fit(frame)
        return self.codec.transform(frame)

    def _remember(self, frame):
        self.seen, self.fill = {}, {}
        for name, kind in self.codec.kinds_.items():
            if kind in ("constant", "leave_out"):
                continue
            column = frame[name]
            known = column[column.notna()]
            if kind == "category":
                self.seen[name] = known.unique()
            self.fill[name] = None if len(known) < len(column) else column.iloc[0]
            if self.fill[name] is not None:
                often = known.mode().iloc[0]
                self.fill[name] = often if kind == "category" else _middle(known)

    def transform(self, frame):
        replaced = {}
        for name, fill in self.fill.items():
            column = frame[name]
            odd = column.isna() if fill is not None else None
            if name in self.seen:
                new = ~column.isin(self.seen[name]) & column.notna()
                if new.any():
                    _refuse_other_types(name, column[new], self.seen[name])
                odd = new if odd is None else new | odd
            if odd is not None and odd.any():
                if isinstance(column.dtype, pd.CategoricalDtype) and fill is not None:
                    column = column.astype(column.dtype.categories.dtype)
                replaced[name] = column.where(~odd, fill)
        if replaced:
            frame = frame.copy(deep=False)
            for name, column in replaced.items():  # names of an array's are numbers
                frame[name] = column
        return self.codec.transform(frame)


def _middle(known):
    """The value in the middle of a column of numbers, or of dates as they are written."""
    order = known
    if known.dtype.kind not in "iufmM":
        read = pd.to_numeric(known.astype(object), errors="coerce")
        order = known if read.isna().any() else read
    places = np.argsort(order.to_numpy(), kind="stable")
    return known.iloc[places[(len(known) - 1) // 2]]


def _refuse_other_types(name, column, seen):
    """Levels that were never seen, and would have been if they were read as before."""
    known = {_as_read(value): value for value in seen}
    for value in column.unique():
        other = known.get(_as_read(value), value)
        if isinstance(value, str) != isinstance(other, str):
            raise ValueError(
                f"Column {name!r} holds {value!r}, where the rows it was fitted on have "
                f"{other!r}; read both alike, as helpers.balancing.read_table or dtype=str "
                "does."
            )


def _as_read(value):
    """What 1, 1.0, "1" and "01" have in common, and True and "True"."""
    text = str(value).strip()
    with suppress(ValueError):
        return float(text)
    return text.casefold()
