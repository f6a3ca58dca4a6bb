"""Metrics by name, for labels, ranks and probabilities of one set of predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from imblearn.metrics import geometric_mean_score
from sklearn import metrics
from sklearn.linear_model import LogisticRegression


def calibration_slope(y_true, probability) -> float:
    """Slope of a logistic regression of the outcome on the predicted log-odds.

    1 is calibrated, below 1 overconfident, above 1 too cautious. NaN where the classes
    are separated, but for ties at the border, since the slope is then infinite, where all
    predictions are equal and where one class is missing.

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
    yes, no = p[y_true], p[~y_true]
    if not (len(yes) and len(no)) or np.ptp(odds) == 0:
        return np.nan
    if yes.min() >= no.max() or yes.max() <= no.min():
        return np.nan
    # lbfgs stops where the gradient is small, which it is all along for a rare class.
    exact = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    return float(exact.fit(odds, y_true).coef_[0, 0])


def gmean_macro(y_true, y_pred, n_classes: int) -> float:
    """Root of macro recall times macro specificity.

    Computed here, since imbalanced-learn's ``geometric_mean_score(average="macro")`` may
    become the mean of one G-mean per class (its issue 1096), which is another number.

    Parameters
    ----------
    y_true, y_pred : arrays of int, shape (n,)
        Class numbers, 0 to `n_classes` - 1.
    n_classes : int

    Returns
    -------
    float
        In [0, 1]. A class without rows in `y_true` has no recall, one that has them all no
        specificity; means leave those out.

    Examples
    --------
    Recalls 1, 0.5 and 0, specificities 0.5, 0.75 and 1:

    >>> y_true, y_pred = [0, 0, 1, 1, 1, 1, 2, 2], [0, 0, 1, 1, 0, 0, 0, 1]
    >>> round(gmean_macro(y_true, y_pred, 3), 3)
    0.612
    """
    y_true, y_pred = np.asarray(y_true, dtype=int), np.asarray(y_pred, dtype=int)
    n = np.bincount(y_true, minlength=n_classes)
    called = np.bincount(y_pred, minlength=n_classes)
    right = np.bincount(y_true[y_true == y_pred], minlength=n_classes)
    others = len(y_true) - n
    left_alone = others - (called - right)
    recall = right[n > 0] / n[n > 0]
    specificity = left_alone[others > 0] / others[others > 0]
    return float(np.sqrt(recall.mean() * specificity.mean()))


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
        ``precision_macro, f1_macro``; ``acsa``, the mean recall; ``gmean_macro``, see
        `gmean_macro`; ``gmean_product``, the geometric mean of
        the recalls; ``roc_auc`` and ``pr_auc`` from the probabilities (several classes:
        mean of one against the rest); ``auc_of_labels``, the area under the curve of the
        hard predictions, which some papers print as AUC; ``brier`` (mean square error of
        the positive class's probability; several classes: summed over them),
        ``log_loss``, ``calibration_slope`` (two classes only).

        A class without rows in `y_true` has no recall and no F1, and no precision unless
        rows were called it: NaN, and means over classes leave it out, as scikit-learn's
        balanced accuracy does.

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
    precision, recall, f1, n = metrics.precision_recall_fscore_support(
        y_true, y_pred, labels=numbers, zero_division=0
    )
    there = n > 0
    recall[~there] = f1[~there] = np.nan
    precision[~there & ~np.isin(numbers, y_pred)] = np.nan
    row = {"accuracy": metrics.accuracy_score(y_true, y_pred)}
    per_class = {"precision": precision, "recall": recall, "f1": f1}
    for name, values in per_class.items():
        row |= {f"{name}_{c}": v for c, v in zip(classes, values, strict=True)}
    row["precision_macro"], row["f1_macro"] = precision[there].mean(), f1[there].mean()
    row["acsa"] = recall[there].mean()
    row["gmean_macro"] = gmean_macro(y_true, y_pred, len(classes))
    row["gmean_product"] = geometric_mean_score(y_true, y_pred, labels=numbers[there])

    one_hot = y_true[:, None] == numbers
    two = len(classes) == 2
    y_hot, p = (one_hot[:, 1], probabilities[:, 1]) if two else (one_hot, probabilities)
    ranked = there.sum() > 1  # a curve needs rows of a class, and others
    if two:
        row["auc_of_labels"] = (
            metrics.roc_auc_score(y_hot, y_pred) if ranked else np.nan
        )
        row["calibration_slope"] = calibration_slope(y_hot, p)
    curves = (y_hot, p) if two else (y_hot[:, there], p[:, there])
    row["roc_auc"] = metrics.roc_auc_score(*curves) if ranked else np.nan
    row["pr_auc"] = metrics.average_precision_score(*curves) if ranked else np.nan
    row["brier"] = np.square(y_hot - p).reshape(len(y_true), -1).sum(axis=1).mean()
    row["log_loss"] = metrics.log_loss(y_true, probabilities, labels=numbers)
    return {name: float(value) for name, value in row.items()}


def score_repeats(y_true, repeats: Mapping, classes: Sequence) -> pd.DataFrame:
    """Every metric of the book for repeated predictions of two classes, a row a repeat.

    Parameters
    ----------
    y_true : array of int, shape (n,)
        0 or 1.
    repeats : mapping of str to array of shape (n, R)
        By method, the probability of class 1, a column a repeat.
    classes : sequence of two str

    Returns
    -------
    DataFrame
        ``method``, ``mean_risk`` (the mean of the probabilities), and what `score` returns.

    Examples
    --------
    >>> rows = score_repeats([0, 0, 1], {"dummy": np.full((3, 2), 1 / 3)}, ["well", "ill"])
    >>> rows[["method", "accuracy"]].round(2).values.tolist()
    [['dummy', 0.67], ['dummy', 0.67]]
    """
    return pd.DataFrame(
        {
            "method": method,
            "mean_risk": float(p.mean()),
            **score(y_true, np.column_stack([1 - p, p]), classes),
        }
        for method, columns in repeats.items()
        for p in np.asarray(columns).T
    )


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
