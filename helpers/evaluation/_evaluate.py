"""`evaluate`: arms compared over splits of any data set, every run by `fit_and_score`."""

import traceback
import warnings
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor

import joblib
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.metrics import check_scoring
from sklearn.model_selection import RepeatedStratifiedKFold, check_cv
from sklearn.utils import _safe_indexing, check_consistent_length
from sklearn.utils.parallel import Parallel, delayed

from ..checks import labels_of
from ..progress import Progress
from ._kept import Kept
from ._metrics import score
from ._runs import fit_and_score, part, refuse_shared_rows, refuse_without_probabilities


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
        Name to what is compared. Put in a dummy and a ``None`` of its own. Both see class
        numbers, 0 to K - 1 in the order of the labels.
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
        loses at most the splits in flight. Rows of other data, splits, metrics or arms are
        refused, and what cannot be told from others, such as a lambda in `metrics`.
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
        rows or groups, an arm without ``predict_proba`` or with settings for labels that
        it does not see, a store of something else.
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
    if sparse.issparse(X) and X.format not in ("csr", "csc"):
        X = X.tocsr()  # others have no rows to take
    _refuse_arms(arms, scoring)
    # Where the data say what the numbers stand for, their estimators know the labels.
    if "classes" not in getattr(X, "attrs", ()):
        _refuse_labels(arms, labels)
    if cv is None:
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)
    splits = _splits(cv, X, numbers, groups, classes)

    task = {"X": X, "y": numbers, "classes": classes}
    task |= {"metrics": metrics, "scoring": scoring}
    kept = None
    if store is not None:
        kept = Kept(store, arms, splits, return_predictions, **task)
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


def _refuse_labels(arms, labels):
    """Refuse settings by label, where a class has another number than its label."""
    if labels.tolist() == [*range(len(labels))]:
        return
    for name, arm in arms.items():
        for inner in arm:
            told = inner.get_params() if hasattr(inner, "get_params") else {}
            for key, value in told.items():
                by_label = key.endswith(("sampling_strategy", "class_weight"))
                if by_label and isinstance(value, Mapping | list | tuple):
                    raise ValueError(
                        f"{key}={value} of arm {name!r} is by label, and arms see class "
                        f"numbers, 0 to {len(labels) - 1} for {labels.tolist()}; give it, "
                        "and y, by these numbers."
                    )


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
    # Those of scikit-learn, whose configuration workers have, too.
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    computed = parallel(
        delayed(_outcomes)(
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
