"""The one path of a score: resample and fit on the training part, score on untouched rows.

`fit_and_score` walks it once. `evaluate` compares arms over splits of any data set.
"""

import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv
from sklearn.utils import _safe_indexing, check_consistent_length

from .. import store as stored
from ..checks import labels_of
from ..files import write_atomically
from ..progress import Progress
from ..provenance import environment
from ._metrics import score

#: What a store says instead of a chapter's name.
CHAPTER = "evaluate"


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


# ---------------------------------------------------------------- many of them


def evaluate(
    arms,
    X,
    y,
    cv=None,
    classes=None,
    n_jobs=None,
    *,
    groups=None,
    metrics=score,
    scoring=None,
    store=None,
    return_predictions=False,
    verbose=False,
):
    """Score samplers and classifiers over repeated splits of one data set.

    An arm that fails in a split leaves a row that says so, and the others stay.

    Parameters
    ----------
    arms : dict of str to (sampler or None, classifier)
        Name to what is compared. Put in a dummy and a ``None`` of its own.
    X : array, DataFrame, sparse matrix or list of shape (n, ...)
    y : array-like of shape (n,) or (n, 1)
        Class labels of any kind; sorted, the second of two is the positive one.
    cv : int, scikit-learn splitter or iterable of (train, test), optional
        ``RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)`` by default;
        `StratifiedShuffleSplit` draws random splits.
    classes : sequence of str, optional
        Names for the metrics; the labels by default.
    n_jobs : int, optional
        Processes, as in joblib; they share out the splits.
    groups : array-like of shape (n,), optional
        Rows of a group must not be parted: give a `cv` that keeps them together, such as
        ``StratifiedGroupKFold``.
    metrics, scoring
        As in `fit_and_score`: instead of the metrics of `score`, and beside them.
    store : path-like, optional
        CSV file that rows are added to as they come. Killed, the same call goes on: it
        loses at most the splits in flight. Rows of other data, splits or arms are refused.
    return_predictions : bool
        Also return what each arm said of each test row. With a `store`, they are kept in
        a folder beside it.
    verbose : bool
        Show progress.

    Returns
    -------
    rows : DataFrame
        One row per arm and split: ``method, seed`` (0), ``fold`` (the split's number),
        what `fit_and_score` returns, and ``error``, empty where all went well. `summarise`
        and `compare` take it as it is.
    predictions : DataFrame, if `return_predictions`
        ``method, fold, row`` (its number in `X`), ``true, predicted`` (labels), and
        ``p_<class>``.

    Raises
    ------
    ValueError
        Before anything is trained: labels missing or of one class only, parts that share
        rows or groups, an arm without ``predict_proba``, a store of something else.
    RuntimeError
        Every arm failed in every split.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.dummy import DummyClassifier
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.model_selection import StratifiedKFold
    >>> from sklearn.naive_bayes import GaussianNB
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> arms = {
    ...     "dummy": (None, DummyClassifier()),
    ...     "nothing": (None, GaussianNB()),
    ...     "smote": (SMOTE(random_state=0), GaussianNB()),
    ... }
    >>> rows = evaluate(arms, X, y, cv=StratifiedKFold(3))
    >>> [*rows.groupby("method", sort=False)["acsa"].mean().round(2)]
    [0.5, 0.93, 0.93]
    """
    labels, numbers = _class_numbers(y)
    classes = [str(c) for c in labels] if classes is None else list(classes)
    if len(classes) != len(labels):
        raise ValueError(
            f"{len(classes)} names in classes={classes} for {len(labels)} labels; give one "
            f"for each of {labels.tolist()}."
        )
    check_consistent_length(X, numbers)
    _refuse_arms(arms, scoring)
    if cv is None:
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)
    splits = _splits(cv, X, numbers, groups, classes)

    task = {"X": X, "y": numbers, "classes": classes}
    task |= {"metrics": metrics, "scoring": scoring}
    kept = None
    if store is not None:
        kept = _Kept(store, arms, splits, return_predictions, **task)
    found = {} if kept is None else kept.read()
    missing = [
        (fold, name)
        for fold in range(len(splits))
        for name in arms
        if (fold, name) not in found
    ]
    failures = []
    with Progress(total=len(missing), unit="run", disable=not verbose) as bar:
        for fold, name, outcome, failure in _computed(
            missing, arms, splits, n_jobs, return_predictions, task
        ):
            found[fold, name] = outcome
            if failure:
                failures.append((fold, name, failure))
            elif kept is not None:
                kept.append(fold, name, outcome)
            bar.update()
    _tell(failures, len(splits) * len(arms))

    ordered = [(f, n, *found[f, n]) for f in range(len(splits)) for n in arms]
    columns = dict.fromkeys(
        c for *_, row, _ in ordered if not row["error"] for c in row
    )
    rows = pd.DataFrame(
        [{"method": n, "seed": 0, "fold": f, **row} for f, n, row, _ in ordered],
        columns=["method", "seed", "fold", *columns],
    )
    if not return_predictions:
        return rows
    frames = [
        _predictions_frame(n, f, splits[f][1], said, labels, numbers, classes)
        for f, n, _, said in ordered
        if said is not None
    ]
    return rows, pd.concat(frames, ignore_index=True)


def _class_numbers(y):
    """The sorted labels, and every row's number among them."""
    labels, numbers = np.unique(labels_of(y), return_inverse=True)
    if len(labels) < 2:
        raise ValueError(
            f"y has the class {labels.tolist()} only; a comparison needs two or more."
        )
    return labels, numbers


def _refuse_arms(arms, scoring):
    """Refuse what would fail after the first sampler has been trained."""
    if not arms:
        raise ValueError("arms is empty; give a dict of name to (sampler, classifier).")
    for name, arm in arms.items():
        try:
            sampler, classifier = arm
        except (TypeError, ValueError):
            raise ValueError(
                f"The arm {name!r} is {arm!r}; give (sampler or None, classifier)."
            ) from None
        if sampler is not None and not hasattr(sampler, "fit_resample"):
            raise ValueError(
                f"The sampler of arm {name!r}, {sampler!r}, has no fit_resample; give one "
                "of imbalanced-learn's kind, or None."
            )
        try:
            refuse_without_probabilities(classifier)
        except ValueError as error:
            raise ValueError(f"Arm {name!r}: {error}") from None
        if scoring is not None:
            check_scoring(classifier, scoring)


def _splits(cv, X, y, groups, classes):
    """Row numbers of every split, checked."""
    splits = []
    for fold, parts in enumerate(check_cv(cv, y, classifier=True).split(X, y, groups)):
        train, test = (np.asarray(part) for part in parts)
        if train.dtype == bool:
            train, test = np.flatnonzero(train), np.flatnonzero(test)
        try:
            refuse_shared_rows(train, test)
        except ValueError as error:
            raise ValueError(f"Split {fold}: {error}") from None
        if not (len(train) and len(test)):
            raise ValueError(
                f"Split {fold} has {len(train)} rows to train on and {len(test)} to test "
                "on; give both some."
            )
        if groups is not None:
            taken = _safe_indexing(groups, train), _safe_indexing(groups, test)
            if len(shared := np.intersect1d(*taken)):
                raise ValueError(
                    f"Split {fold} has rows of {len(shared)} groups in train and in test "
                    f"(first: {shared[0]!r}); give a cv that keeps them together: "
                    "StratifiedGroupKFold(5, shuffle=True, random_state=0)."
                )
        splits.append((train, test))
    if not splits:
        raise ValueError(f"cv={cv!r} gives no split.")
    for i, place in enumerate(("training", "test")):
        counts = [np.bincount(y[parts[i]], minlength=len(classes)) for parts in splits]
        lacking = np.asarray(counts) == 0
        for c in np.flatnonzero(lacking.any(axis=0)):
            warnings.warn(
                f"The {place} part of {lacking[:, c].sum()} of {len(splits)} splits has no "
                f"row of class {classes[c]!r}.",
                stacklevel=3,
            )
    return splits


def _computed(missing, arms, splits, n_jobs, keep, task):
    """Yield fold, name, (row, predictions) and what went wrong, as they come."""
    # A process takes all arms of a split at once: loky measures a process after its first
    # task and ends it for a leak where later ones take 300 MB more, as importing torch
    # does. One at a time where there are no other processes, so that none is lost.
    alone = joblib.effective_n_jobs(n_jobs) == 1
    batches = {}
    for fold, name in missing:
        batches.setdefault((fold, name) if alone else fold, []).append((fold, name))
    parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    computed = parallel(
        joblib.delayed(_outcomes)(
            [(fold, name, arms[name]) for fold, name in batch],
            splits[batch[0][0]],
            keep,
            **task,
        )
        for batch in batches.values()
    )
    waiting = dict.fromkeys(missing)
    try:
        for batch in computed:
            for fold, name, *outcome in batch:
                del waiting[fold, name]
                yield fold, name, *outcome
    except BrokenExecutor as error:  # a process died, of too little memory perhaps
        for fold, name in waiting:
            yield fold, name, *_failed(error, splits[fold])
    finally:
        with warnings.catch_warnings():
            # What joblib has to say about results that Ctrl-C wastes.
            warnings.simplefilter("ignore")
            computed.close()


def _outcomes(batch, rows, keep, X, y, classes, metrics, scoring):
    """Every arm of a batch on one split, whatever becomes of the others."""
    found = []
    train, test = rows
    for fold, name, (sampler, classifier) in batch:
        try:
            run = fit_and_score(
                classifier,
                sampler,
                part(X, y, train),
                part(X, y, test),
                classes,
                metrics=metrics,
                scoring=scoring,
            )
            said = run.predictions[""] if keep else None
            outcome = ({**run.row, "error": ""}, said), None
        except Exception as error:
            outcome = _failed(error, rows)
        found.append((fold, name, *outcome))
    return found


def _failed(error, rows):
    row = {"n_test": len(rows[1]), "n_train": len(rows[0])}
    row["error"] = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return (row, None), (row["error"], "".join(traceback.format_exception(error)))


def _tell(failures, n):
    """Warn of arms that failed; all of them are an error."""
    if not failures:
        return
    fold, name, (text, trace) = failures[0]
    told = (
        f"{len(failures)} of {n} runs failed. First: {name!r} in split {fold}: {text}"
    )
    if len(failures) == n:
        error = RuntimeError(told)
        error.add_note(trace)
        raise error
    warnings.warn(f"{told}. The column `error` says which.", stacklevel=3)


def _predictions_frame(name, fold, rows, said, labels, y, classes):
    frame = {
        "method": name,
        "fold": fold,
        "row": rows,
        "true": labels[y[rows]],
        "predicted": labels[said.labels],
    }
    p = zip(classes, said.probabilities.T, strict=True)
    return pd.DataFrame(frame | {f"p_{c}": values for c, values in p})


# ---------------------------------------------------------------- kept between calls


class _Kept:
    """The rows of one call in a store, told from those of any other call."""

    def __init__(self, path, arms, splits, with_predictions, *, X, y, **task):
        stored.require_writable(path)
        self.path, self.with_predictions = stored.place(path), with_predictions
        metrics, scoring = task.pop("metrics"), task.pop("scoring")
        if isinstance(scoring, Mapping | Sequence) and not isinstance(scoring, str):
            scoring = [*scoring]
        names = _name(metrics), _name(scoring)
        self.data = joblib.hash([_digest(X), y, splits, names, task])
        self.arms = {name: _digest_of_arm(name, arm) for name, arm in arms.items()}
        self.folder = self.path.with_name(self.path.name + ".predictions")
        self.started = datetime.now(UTC).isoformat(timespec="seconds")

    def read(self):
        """What is there already: (fold, name) to (row, predictions)."""
        if not self.path.exists():
            return {}
        rows = stored.read(self.path)
        if (rows["chapter"] != CHAPTER).any():
            raise ValueError(
                f"{self.path} has rows of the chapter {rows['chapter'].iloc[0]!r}; give "
                "evaluate a store of its own."
            )
        if (rows["dataset"] != self.data).any():
            raise ValueError(
                f"{self.path} has rows of other data, splits, classes or metrics; name "
                "another store, or give the data and the random_state of cv that it was "
                "begun with."
            )
        found = {}
        for row in rows.to_dict("records"):
            name, fold = row["method"], row["fold"]
            if name not in self.arms:
                continue
            if row["protocol"] != self.arms[name]:
                raise ValueError(
                    f"{self.path} has rows of another arm {name!r}, or of other versions "
                    "of its libraries; give the arm another name, or name another store."
                )
            said = self._said(name, fold) if self.with_predictions else None
            if self.with_predictions and said is None:
                continue
            own = {*stored.Cell._fields, *environment(), "started"}
            values = {k: v for k, v in row.items() if k not in own}
            found[fold, name] = ({**values, "error": ""}, said)
        return found

    def append(self, fold, name, outcome):
        row, said = outcome
        if said is not None:  # first, so that a row never lacks them
            self.folder.mkdir(parents=True, exist_ok=True)
            write_atomically(lambda aside: _save(aside, said), self._file(name, fold))
        cell = stored.Cell(CHAPTER, "-", self.data, name, 0, fold, self.arms[name])
        row = {k: v for k, v in row.items() if k != "error"}
        told = {**environment(), "started": self.started}
        stored.append(self.path, {**cell._asdict(), **row, **told})

    def _file(self, name, fold):
        return self.folder / f"{joblib.hash((self.data, self.arms[name]))}-{fold}.npz"

    def _said(self, name, fold):
        file = self._file(name, fold)
        if not file.exists():
            return None
        try:
            with np.load(file, allow_pickle=False) as arrays:
                return Predictions(arrays["probabilities"], arrays["labels"])
        except Exception as error:
            raise ValueError(
                f"{file} cannot be read ({type(error).__name__}: {error}); delete it, and "
                "the same call computes it anew."
            ) from error


def _name(function):
    """Text, lists and None as they are; what is called, by its name."""
    if callable(function):
        return getattr(function, "__qualname__", type(function).__qualname__)
    return function


def _save(aside, said):
    with open(aside, "wb") as file:  # savez would put its own ending to a name
        np.savez_compressed(file, **said._asdict())


def _digest(X):
    """A text that is the same for the same data."""
    if isinstance(X, pd.DataFrame | pd.Series):
        try:
            values = pd.util.hash_pandas_object(X).to_numpy()
            kinds = X.dtypes.astype(str).to_list() if X.ndim == 2 else [str(X.dtype)]
            names = [str(c) for c in X.columns] if X.ndim == 2 else []
            return joblib.hash([values, kinds, names])
        except TypeError:  # values that have no hash of their own
            pass
    if sparse.issparse(X):
        X = X.tocoo()
        X = [X.shape, X.row, X.col, X.data]
    return joblib.hash(X)


def _digest_of_arm(name, arm):
    try:
        return joblib.hash([None if part is None else clone(part) for part in arm])
    except Exception as error:
        raise ValueError(
            f"The arm {name!r} cannot be told from others ({error}), so its rows cannot be "
            "stored; define its functions in a module, or leave store out."
        ) from error
