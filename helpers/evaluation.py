"""Honest numbers: metrics by name, runs without leakage, statistics.

`evaluate` compares arms over splits of any data set; in it a sampler is handed the
training part and nothing else.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import joblib
import numpy as np
import pandas as pd
from imblearn.metrics import geometric_mean_score
from scipy import stats
from sklearn import metrics
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.utils import _safe_indexing

from .checks import refuse_labels

# ------------------------------------------------------------------------- metrics


def calibration_slope(y_true, probability) -> float:
    """Slope of a logistic regression of the outcome on the predicted log-odds.

    1 is calibrated, below 1 overconfident, above 1 too cautious. NaN where the classes
    are separated perfectly, since the slope is then infinite, where all predictions are
    equal and where one class is missing.

    Parameters
    ----------
    y_true : array of bool, shape (n,)
    probability : array of shape (n,), in [0, 1]

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> p = rng.uniform(size=20_000)
    >>> bool(abs(calibration_slope(rng.uniform(size=20_000) < p, p) - 1) < 0.05)
    True
    """
    y_true, probability = np.asarray(y_true, dtype=bool), np.asarray(probability)
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    odds = np.log(p / (1 - p))[:, None]
    yes, no = probability[y_true], probability[~y_true]
    if not (len(yes) and len(no)) or np.ptp(odds) == 0:
        return np.nan
    if yes.min() > no.max() or yes.max() < no.min():
        return np.nan
    return float(LogisticRegression(C=np.inf).fit(odds, y_true).coef_[0, 0])


def score(y_true, probabilities, classes: Sequence, y_pred=None) -> dict[str, float]:
    """Every metric of the book for one set of predictions.

    Parameters
    ----------
    y_true : array of int, shape (n,)
        Class numbers, 0 to K - 1. With two classes, 1 is the positive one.
    probabilities : array of shape (n, K)
        Predicted, rows sum to 1.
    classes : sequence of K str
        Names, which end the names of the metrics per class.
    y_pred : array of int, optional
        Predicted class numbers, where they are not simply the most probable ones (a tuned
        threshold).

    Returns
    -------
    dict
        ``accuracy``; ``precision_<class>, recall_<class>, f1_<class>``;
        ``precision_macro, f1_macro``; ``acsa``, the mean recall; ``gmean_macro``, the root
        of macro recall times macro specificity; ``gmean_product``, the geometric mean of
        the recalls; ``roc_auc`` and ``pr_auc`` from the probabilities (several classes:
        mean of one against the rest); ``auc_of_labels``, the area under the curve of the
        hard predictions, which some papers print as AUC; ``brier`` (mean square error of
        the positive class's probability; several classes: summed over them),
        ``log_loss``, ``calibration_slope`` (two classes only).

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3]])
    >>> row = score(np.array([0, 0, 1, 1]), p, ["well", "ill"])
    >>> row["recall_ill"], row["acsa"], row["roc_auc"]
    (0.5, 0.75, 0.75)
    """
    y_true, probabilities = np.asarray(y_true), np.asarray(probabilities)
    numbers = np.arange(len(classes))
    if y_pred is None:
        y_pred = probabilities.argmax(axis=1)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=numbers, zero_division=0
    )
    row = {"accuracy": metrics.accuracy_score(y_true, y_pred)}
    per_class = {"precision": precision, "recall": recall, "f1": f1}
    for name, values in per_class.items():
        row |= {f"{name}_{c}": v for c, v in zip(classes, values, strict=True)}
    row["precision_macro"], row["f1_macro"] = precision.mean(), f1.mean()
    row["acsa"] = recall.mean()
    row["gmean_macro"] = geometric_mean_score(
        y_true, y_pred, labels=numbers, average="macro"
    )
    row["gmean_product"] = geometric_mean_score(y_true, y_pred, labels=numbers)

    one_hot = y_true[:, None] == numbers
    y_hot, p = one_hot, probabilities
    if len(classes) == 2:
        y_hot, p = one_hot[:, 1], probabilities[:, 1]
        row["auc_of_labels"] = metrics.roc_auc_score(y_hot, y_pred)
        row["calibration_slope"] = calibration_slope(y_hot, p)
    row["roc_auc"] = metrics.roc_auc_score(y_hot, p)
    row["pr_auc"] = metrics.average_precision_score(y_hot, p)
    row["brier"] = np.square(y_hot - p).reshape(len(y_true), -1).sum(axis=1).mean()
    row["log_loss"] = metrics.log_loss(y_true, probabilities, labels=numbers)
    return {name: float(value) for name, value in row.items()}


def correct_prior(probabilities, trained, true):
    """Turn probabilities learned on resampled rows back to the shares out there.

    Each class's probability is multiplied by its true share over its share in training,
    and rows are made to sum to 1 again [1]_. Exact where resampling changed nothing but
    the shares and the classifier is calibrated on what it saw; it mends no overfitting.
    Rows keep their order within a two-class problem, so that ROC-AUC stays as it is.

    Parameters
    ----------
    probabilities : array of shape (n, K)
        Predicted by a classifier that was fitted on resampled rows.
    trained, true : array-like of shape (K,)
        Shares, or counts, of the classes among the rows it was fitted on, and where it
        will be used.

    Returns
    -------
    probabilities : ndarray of shape (n, K)

    Raises
    ------
    ValueError
        Not one share per class, a class that was not trained on, or a row that is
        certain of classes which do not occur out there.

    References
    ----------
    .. [1] Saerens, Latinne and Decaestecker, "Adjusting the outputs of a classifier to
       new a priori probabilities", Neural Computation 14, 2002, section 2.

    Examples
    --------
    Even chances from balanced training mean the true share:

    >>> correct_prior([[0.5, 0.5]], trained=[1, 1], true=[90, 10])
    array([[0.9, 0.1]])
    """
    probabilities = np.asarray(probabilities, dtype=float)
    trained, true = np.asarray(trained, dtype=float), np.asarray(true, dtype=float)
    if not trained.shape == true.shape == probabilities.shape[1:]:
        raise ValueError(
            f"{trained.size} trained and {true.size} true shares for "
            f"{probabilities.shape[-1]} columns of probabilities; give one per class."
        )
    if (trained <= 0).any():
        raise ValueError(
            f"trained={trained.tolist()}: a class without training rows has no "
            "probability to correct. Leave it out, or train on it."
        )
    weighed = probabilities * true / trained
    totals = weighed.sum(axis=1, keepdims=True)
    if len(lost := np.flatnonzero(totals == 0)):
        raise ValueError(
            f"Row {lost[0]} of probabilities, {probabilities[lost[0]].tolist()}, leaves "
            f"nothing to the classes that occur by true={true.tolist()}; leave the row out, "
            "or give every class that may occur a share above 0."
        )
    return weighed / totals


# ---------------------------------------------------------------------- one honest run


def fit_and_score(classifier, sampler, X, y, train, test, classes):
    """Resample the training part, fit on it, score on the untouched test part.

    Parameters
    ----------
    classifier : scikit-learn classifier with ``predict_proba``
        Cloned, not changed. Sees 0 to K - 1 in `y`.
    sampler : imbalanced-learn sampler or None
        Cloned; sees ``X[train], y[train]`` and nothing else. None resamples nothing.
    X, y : arrays, DataFrame and Series, sparse matrix or lists
        All the data; `y` holds class numbers.
    train, test : arrays of int
        Row numbers, which may not overlap.
    classes : sequence of str
        Class names.

    Returns
    -------
    row : dict
        The metrics of `score`, ``n_train, n_test, n_synthetic, sampler_seconds,
        classifier_seconds``.

    Raises
    ------
    ValueError
        A row is in both parts.
    """
    if len(shared := np.intersect1d(train, test)):
        raise ValueError(
            f"{len(shared)} rows are in train and in test (first: {shared[0]}); a score on "
            "rows seen in training says nothing. Split again."
        )
    X_train, y_train = _safe_indexing(X, train), _safe_indexing(y, train)
    X_test, y_test = _safe_indexing(X, test), _safe_indexing(y, test)
    started = time.perf_counter()
    if sampler is not None:
        X_train, y_train = clone(sampler).fit_resample(X_train, y_train)
    sampled = time.perf_counter()
    classifier = clone(classifier).fit(X_train, y_train)
    fitted = time.perf_counter()
    return {
        **score(
            y_test,
            classifier.predict_proba(X_test),
            classes,
            # Only a tuned threshold's labels differ from the most probable ones.
            y_pred=classifier.predict(X_test),
        ),
        "n_train": len(train),
        "n_test": len(test),
        "n_synthetic": len(y_train) - len(train),
        "sampler_seconds": sampled - started,
        "classifier_seconds": fitted - sampled,
    }


def evaluate(arms, X, y, cv=None, classes=None, n_jobs=None):
    """Score samplers and classifiers over repeated splits of one data set.

    Parameters
    ----------
    arms : dict of str to (sampler or None, classifier)
        Name to what is compared. Put in a dummy and a ``None`` of its own.
    X : array, DataFrame, sparse matrix or list of shape (n, ...)
    y : array-like of shape (n,)
        Class labels of any kind; sorted, the second of two is the positive one.
    cv : scikit-learn splitter, optional
        ``RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)`` by default;
        `StratifiedShuffleSplit` draws random splits.
    classes : sequence of str, optional
        Names for the metrics; the labels by default.
    n_jobs : int, optional
        Processes, as in joblib.

    Returns
    -------
    rows : DataFrame
        One row per arm and split: ``method, seed`` (0), ``fold`` (the split's number) and
        what `fit_and_score` returns. `summarise` and `compare` take it as it is.

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
    if cv is None:
        cv = RepeatedStratifiedKFold(n_splits=5, n_repeats=10, random_state=0)
    refuse_labels(y)
    labels, y = np.unique(y, return_inverse=True)
    classes = [str(c) for c in labels] if classes is None else classes
    plan = [
        (name, fold, arm, parts)
        for fold, parts in enumerate(cv.split(np.zeros(len(y)), y))
        for name, arm in arms.items()
    ]
    rows = joblib.Parallel(n_jobs=n_jobs)(
        joblib.delayed(fit_and_score)(classifier, sampler, X, y, *parts, classes)
        for _, _, (sampler, classifier), parts in plan
    )
    return pd.DataFrame(
        {"method": name, "seed": 0, "fold": fold, **row}
        for (name, fold, *_), row in zip(plan, rows, strict=True)
    )


# ------------------------------------------------------------------------- statistics


def corrected_resampled_ttest(differences, n_train: int, n_test: int):
    """Nadeau and Bengio's t-test for differences over repeated splits of one data set.

    Splits share rows, so their differences vary less than independent ones would; the
    variance is therefore multiplied by ``1/J + n_test/n_train`` and not by ``1/J`` [1]_.

    Parameters
    ----------
    differences : array of shape (J,)
        One difference of scores per split.
    n_train, n_test : int
        Rows trained and tested on in each split.

    Returns
    -------
    mean, p_value, low, high : float
        Mean difference, two-sided p, 95 % confidence interval. p is 1 where all the
        differences are zero.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine Learning
       52, 2003, section 3.

    Examples
    --------
    >>> mean, p, low, high = corrected_resampled_ttest([1, 2, 3, 2, 2], 80, 20)
    >>> mean, round(p, 4)
    (2.0, 0.0135)
    """
    differences = np.asarray(differences, dtype=float)
    n = len(differences)
    if n < 2:
        raise ValueError(
            f"{n} split(s) have no spread to test against; give 2 or more."
        )
    mean, variance = differences.mean(), differences.var(ddof=1)
    error = np.sqrt(variance * (1 / n + n_test / n_train))
    half = error * stats.t.ppf(0.975, n - 1)
    if error == 0:
        return float(mean), float(mean == 0), float(mean), float(mean)
    p_value = 2 * stats.t.sf(abs(mean) / error, n - 1)
    return float(mean), float(p_value), float(mean - half), float(mean + half)


def paired(results: pd.DataFrame, metric: str, reference: str):
    """Differences of every method from one, split by split.

    Parameters
    ----------
    results : DataFrame
        Rows of one data set and one protocol, as `evaluate` or `load_results` gives them.
    metric : str
        Column to compare.
    reference : str
        Method that the others are compared with.

    Returns
    -------
    differences : DataFrame, one row per seed and fold, one column per other method
        NaN where one of the two has no value.
    """
    wide = results.pivot(index=["seed", "fold"], columns="method", values=metric)
    return wide.drop(columns=reference).sub(wide[reference], axis=0)


def compare(results: pd.DataFrame, metric: str, reference: str, n_test=None):
    """Test every method against one, split by split, with Holm's correction.

    Parameters
    ----------
    results, metric, reference
        As in `paired`.
    n_test : int, optional
        Rows tested on in each split; by default what the column ``n_test`` says.

    Returns
    -------
    table : DataFrame, one row per other method
        ``difference, low, high`` (95 %, not corrected for many tests), ``p``, ``p_holm``,
        ``n`` (splits that both have). NaN for a method with fewer than two of them.
    """
    from statsmodels.stats.multitest import multipletests

    n_train = int(results["n_train"].iloc[0])
    n_test = int(results["n_test"].iloc[0]) if n_test is None else n_test
    rows = {}
    for method, values in paired(results, metric, reference).items():
        known = values.dropna()
        mean, p, low, high = known.mean(), np.nan, np.nan, np.nan
        if len(known) > 1:
            mean, p, low, high = corrected_resampled_ttest(known, n_train, n_test)
        rows[method] = mean, low, high, p, len(known)
    columns = ["difference", "low", "high", "p", "n"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    tested = table["p"].dropna()
    holm = multipletests(tested, method="holm")[1] if len(tested) else []
    table.insert(4, "p_holm", pd.Series(holm, tested.index, dtype=float))
    return table


def prediction_interval(values):
    """Where one more run would lie, in 95 of 100 cases, by Student's t.

    A published number is one run; it agrees with ours if it lies inside. Two standard
    deviations of few runs are too narrow: of three, 23 of 100 further runs lie outside.

    Parameters
    ----------
    values : array of shape (n,)
        One per repeat.

    Returns
    -------
    low, high : float
        NaN for a single value.

    Examples
    --------
    >>> low, high = prediction_interval([0.68, 0.70, 0.72])
    >>> round(low, 2), round(high, 2)
    (0.6, 0.8)
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return np.nan, np.nan
    half = stats.t.ppf(0.975, n - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / n)
    return float(values.mean() - half), float(values.mean() + half)


class Friedman(NamedTuple):
    """What `friedman_nemenyi` found; `helpers.plotting.critical_difference` draws it."""

    ranks: pd.Series  #: average rank of each method, 1 is best, best first
    statistic: float  #: Friedman's chi-squared, corrected for ties
    p: float  #: of no difference between any of the methods
    p_pairs: pd.DataFrame  #: Nemenyi's p for each pair of methods
    critical_difference: float  #: average ranks further apart than this differ
    n: int  #: data sets
    alpha: float  #: level of `critical_difference`


def friedman_nemenyi(scores: pd.DataFrame, *, higher_is_better=True, alpha=0.05):
    """Compare methods over several data sets by their ranks.

    Friedman's test asks whether any method differs; Nemenyi's, which method from which,
    corrected for all pairs [1]_. Look at the pairs only where Friedman's p is small.

    For **several data sets** only, one row each. Folds, repeats and seeds of one data set
    share rows and are no independent trials: average them first, and compare methods on
    a single data set by `compare`. Even then five sets separate little: five methods
    differ at the 5 % level only where their average ranks, which go from 1 to 5, are 2.73
    apart, and three methods over two sets never do.

    Parameters
    ----------
    scores : DataFrame of shape (data sets, methods)
        A metric's mean over folds and seeds; data set names as index.
    higher_is_better : bool
        False for ``brier``, ``log_loss`` and other losses.
    alpha : float in (0, 1)
        Level of the critical difference.

    Returns
    -------
    Friedman

    Raises
    ------
    ValueError
        Fewer than 3 methods or 2 data sets, a name twice, a missing score.

    References
    ----------
    .. [1] Demsar, "Statistical comparisons of classifiers over multiple data sets",
       Journal of Machine Learning Research 7, 2006, section 3.2.2.

    Examples
    --------
    >>> scores = pd.DataFrame(
    ...     {"nothing": [0.7, 0.8, 0.6], "smote": [0.8, 0.9, 0.7], "gan": [0.9, 0.7, 0.5]},
    ...     index=["bcw", "wine", "digits"],
    ... )
    >>> found = friedman_nemenyi(scores)
    >>> found.ranks.round(2).to_dict()
    {'smote': 1.33, 'nothing': 2.33, 'gan': 2.33}
    >>> round(found.p, 2), round(found.critical_difference, 2)
    (0.37, 1.91)
    """
    from scikit_posthocs import posthoc_nemenyi_friedman

    n, k = scores.shape
    if k < 3 or n < 2:
        raise ValueError(
            f"{k} method(s) on {n} data set(s): ranks need 3 methods and 2 data sets or "
            "more. Two methods: Wilcoxon's test; one data set: `compare`."
        )
    for names, what in ((scores.index, "data set"), (scores.columns, "method")):
        if len(twice := names[names.duplicated()]):
            raise ValueError(
                f"The {what} {twice[0]!r} appears more than once; average folds and "
                "seeds first, they are not independent."
            )
    if scores.isna().any(axis=None):
        row, column = np.argwhere(scores.isna())[0]
        raise ValueError(
            f"No score of {scores.columns[column]!r} on {scores.index[row]!r}; compute it, "
            "or leave the method or the data set out."
        )
    # Means of equal scores may differ in their last digit, and ranks would tell.
    losses = scores.astype(float).round(12) * (-1 if higher_is_better else 1)
    ranks = losses.rank(axis=1).mean().sort_values(kind="stable")
    if (losses.nunique(axis=1) == 1).all():
        statistic, p = 0.0, 1.0  # scipy divides by zero
    else:
        statistic, p = map(float, stats.friedmanchisquare(*losses.to_numpy().T))
    quantile = stats.studentized_range.isf(alpha, k, np.inf) / np.sqrt(2)
    apart = float(quantile * np.sqrt(k * (k + 1) / (6 * n)))
    pairs = posthoc_nemenyi_friedman(losses).loc[ranks.index, ranks.index]
    return Friedman(ranks, statistic, p, pairs, apart, n, alpha)


def summarise(results: pd.DataFrame, columns: Sequence[str], by="method", digits=3):
    """Mean and standard deviation per method, as text, with n.

    Examples
    --------
    >>> rows = pd.DataFrame({"method": ["a", "a", "b"], "acsa": [0.5, 0.7, 0.8]})
    >>> print(summarise(rows, ["acsa"]))  # doctest: +NORMALIZE_WHITESPACE
                     acsa  n
    method
    a       0.600 ± 0.141  2
    b               0.800  1
    """
    groups = results.groupby(by, sort=False)

    def text(values):
        spread = f" ± {values.std():.{digits}f}" if len(values) > 1 else ""
        return f"{values.mean():.{digits}f}{spread}"

    table = groups[list(columns)].agg(text)
    table["n"] = groups.size()
    return table
