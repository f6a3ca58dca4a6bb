"""The one path of a score: resample and fit on the training part, score on untouched rows."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from ._metrics import score


class Part(NamedTuple):
    """Rows to train on, or to test on."""

    X: Any  #: array, DataFrame, sparse matrix or list of shape (n, ...)
    y: Any  #: class numbers, shape (n,)
    rows: Any = None  #: the numbers of the rows in the data they were drawn from


class Predictions(NamedTuple):
    """What a classifier said of a test part."""

    probabilities: np.ndarray  #: shape (n, K)
    labels: np.ndarray  #: class numbers, shape (n,)


class Run(NamedTuple):
    """What `fit_and_score` found."""

    row: dict  #: metrics, sizes, seconds
    predictions: dict[str, Predictions]  #: by the name of the test part
    sampler: Any  #: fitted, or None
    classifier: Any  #: fitted


class Resampled(NamedTuple):
    """A training part that was resampled before: one fit serves many classifiers."""

    X: Any
    y: Any
    seconds: float  #: that it took
    sampler: Any = None  #: fitted


def resample(sampler, train: Part) -> Resampled:
    """Fit a clone of the sampler to the training part, by the clock; None does nothing."""
    if sampler is None:
        return Resampled(train.X, train.y, 0.0)
    sampler = clone(sampler)
    started = perf_counter()
    X, y = sampler.fit_resample(train.X, train.y)
    return Resampled(X, y, perf_counter() - started, sampler)


def part(X, y, rows) -> Part:
    """The rows of these numbers, as a part to train or to test on.

    Parameters
    ----------
    X : array, DataFrame, sparse matrix or list of shape (n, ...)
    y : array or Series of int, shape (n,)
    rows : array of int
    """
    return Part(_safe_indexing(X, rows), _safe_indexing(y, rows), rows)


def fit_and_score(
    classifier,
    sampler,
    train: Part,
    test: Part | Mapping[str, Part],
    classes: Sequence[str],
    *,
    metrics: Callable = score,
    scoring=None,
    predict: bool = True,
) -> Run:
    """Resample the training part, fit on it, score on untouched test parts.

    Parameters
    ----------
    classifier : scikit-learn classifier with ``predict_proba``
        Cloned, not changed. Sees 0 to K - 1 in `y`.
    sampler : imbalanced-learn sampler, Resampled or None
        Cloned; sees the training part and nothing else. What `resample` made of that part
        is taken as it is. None resamples nothing.
    train : Part
        `part` takes it out of larger data by row numbers; ``Part(X, y)`` is one that was
        drawn already.
    test : Part, or dict of str to Part
        Several test parts by name. A name goes in front of the metrics, ``balanced_acsa``,
        and into ``n_balanced_test``; the empty one adds nothing.
    classes : sequence of str
        Class names.
    metrics : callable
        Called as `score` is, and instead of it: ``(y_true, probabilities, classes,
        y_pred)``, returns a dict of names and numbers.
    scoring : str, callable, list or dict, optional
        Further metrics, as scikit-learn's ``cross_validate`` takes them. Scorers see class
        numbers.
    predict : bool
        False takes the most probable class instead of what ``predict`` says, which spares
        large networks a pass. Leave it where a threshold was tuned.

    Returns
    -------
    Run
        Its row has the metrics, ``n_train, n_test, n_synthetic, sampler_seconds,
        classifier_seconds``. A class that the training part lacks has the probability 0.

    Raises
    ------
    ValueError
        Row numbers in both parts; a classifier without ``predict_proba``.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.naive_bayes import GaussianNB
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> train, test = np.arange(300), np.arange(300, 569)
    >>> names = ["malignant", "benign"]
    >>> run = fit_and_score(GaussianNB(), None, part(X, y, train), part(X, y, test), names)
    >>> round(run.row["acsa"], 2), run.predictions[""].probabilities.shape
    (0.96, (269, 2))
    """
    tests = test if isinstance(test, Mapping) else {"": test}
    for one in tests.values():
        refuse_shared_rows(train.rows, one.rows)
    refuse_without_probabilities(classifier)
    made = sampler if isinstance(sampler, Resampled) else resample(sampler, train)
    started = perf_counter()
    classifier = clone(classifier).fit(made.X, made.y)
    fitted = perf_counter()
    scorer = None if scoring is None else check_scoring(classifier, scoring)
    row, predictions = {}, {}
    for name, (X_test, y_test, _) in tests.items():
        prefix = name and f"{name}_"
        p = _in_columns(classifier, X_test, len(classes))
        labels = np.ravel(classifier.predict(X_test)) if predict else p.argmax(axis=1)
        predictions[name] = Predictions(p, labels)
        found = metrics(y_test, p, classes, labels)
        if scorer is not None:
            more = scorer(classifier, X_test, y_test)
            one = scoring if isinstance(scoring, str) else "score"
            found |= more if isinstance(more, dict) else {one: float(more)}
        row |= {prefix + metric: value for metric, value in found.items()}
        row[f"n_{prefix}test"] = len(y_test)
    row |= {
        "n_train": len(train.y),
        "n_synthetic": len(made.y) - len(train.y),
        "sampler_seconds": made.seconds,
        "classifier_seconds": fitted - started,
    }
    return Run(row, predictions, made.sampler, classifier)


def refuse_shared_rows(train, test) -> None:
    """Refuse parts that have a row in common, where both say which rows they are."""
    if train is None or test is None:
        return
    if len(shared := np.intersect1d(train, test)):
        raise ValueError(
            f"{len(shared)} rows are in train and in test (first: {shared[0]}); a score on "
            "rows seen in training says nothing. Split again."
        )


def refuse_without_probabilities(classifier) -> None:
    """Refuse a classifier that has only labels to give."""
    if not hasattr(classifier, "predict_proba"):
        name = type(classifier).__name__
        raise ValueError(
            f"{name} has no predict_proba, and most metrics are about probabilities; wrap "
            f"it: sklearn.calibration.CalibratedClassifierCV({name}(...))."
        )


def _in_columns(classifier, X, n_classes):
    """Probabilities with a column per class, zero for those it was not trained on."""
    p = classifier.predict_proba(X)
    if p.shape[1] == n_classes:
        return p
    whole = np.zeros((len(p), n_classes))
    whole[:, np.asarray(classifier.classes_, dtype=int)] = p
    return whole
