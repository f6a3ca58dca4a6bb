"""Scores of an arm on one split, all from one fit, also with weights of rows."""

import threading
import time

import numpy as np

from ._classifier import ResampledClassifier
from ._offsets import logs

#: What scores are for: the need, its metric, and whether more of it is better.
NEEDS = {
    "ranking": "average_precision",
    "decisions": "mean_recall",
    "probabilities": "log_loss",
}


class OutOfTime(Exception):
    """The time budget is spent before this fit began."""


class _Shared(threading.local):
    """Codes of the rows that arms of one split share, by table and numbers of the rows."""

    def __init__(self):
        self.fitted, self.table, self.codes = None, (None, None), {}


_SHARED = _Shared()


class Scored(ResampledClassifier):
    """An arm in an evaluation.

    ``X.attrs`` says of which table the rows are (``table``), what the class numbers in `y`
    stand for (``classes``), and after which time no fit begins (``until``). Arms of one
    split take over each other's codes of their rows, and an arm remembers what it has said
    of the rows it was asked for last.
    """

    def fit(self, X, y):
        if time.time() > X.attrs.get("until", np.inf):
            raise OutOfTime("time_budget is spent")
        self._last = None, None, None
        self._names = X.attrs["classes"]
        return super().fit(X, y)

    def _labels(self):
        return np.asarray(self._names)[self.classes_]

    def _raw(self, X):
        if self._last[0] is not X:
            raw = super()._raw(X)
            self._last = X, raw, self._corrected(raw)
        return self._last[1]

    def predict_proba(self, X):
        self._raw(X)
        return self._last[2]

    def _coded(self, frame):
        key = self._key(frame)
        if _SHARED.fitted != key:
            _SHARED.table = super()._coded(frame)
            _SHARED.fitted, _SHARED.codes = key, {}
        table, codes = _SHARED.table
        return table, codes.copy()  # some classifiers work in place

    def _codes(self, frame):
        if self._table is not _SHARED.table[0]:
            return super()._codes(frame)
        key = self._key(frame)
        if key not in _SHARED.codes:
            _SHARED.codes[key] = super()._codes(frame)
        return _SHARED.codes[key].copy()

    def _key(self, frame):
        return frame.attrs["table"], frame.index.to_numpy().tobytes()


def no_metrics(*_):
    """For `evaluate`: the metrics are those of `Scorer`."""
    return {}


class Scorer:
    """What is measured of a fitted arm on a test part.

    Parameters
    ----------
    n_classes : int
    positive : int or None
        Class whose ranking counts, of two; all of several.
    costs : array of shape (K, K) or None
    """

    def __init__(self, n_classes, positive, costs):
        self.n_classes, self.positive, self.costs = n_classes, positive, costs

    def __call__(self, arm, X, y):
        y = np.asarray(y)
        raw, p = arm._raw(X), arm.predict_proba(X)
        log_p = logs(p)
        decided = arm._decided(p)
        one = np.ones((1, len(y)))
        loss, decisions = log_loss(p, y, one)[0], decision_metric(self.costs)
        return {
            "average_precision": average_precision(p, y, one, self.positive)[0],
            decisions: decision_score(decided, y, one, costs=self.costs)[0],
            f"{decisions}_untuned": decision_score(
                p.argmax(axis=1), y, one, costs=self.costs
            )[0],
            "log_loss": loss,
            "log_loss_uncorrected": log_loss(raw, y, one)[0],
            "log_loss_recalibrated": recalibrated(log_p, y),
            "offset": arm.offsets_[-1],
            "n_new": arm.n_new_,
            "seconds_of_sampler": arm.seconds_["sampler"],
        }


def decision_metric(costs):
    return "mean_recall" if costs is None else "cost"


def average_precision(p, y, weights, positive=None):
    """Average precision for many weightings of the same rows at once.

    Parameters
    ----------
    p : array of shape (n, K)
    y : array of int, shape (n,)
    weights : array of shape (B, n)
    positive : int, optional
        The class ranked; by default the mean over all, each against the rest.

    Returns
    -------
    ndarray of shape (B,)
        NaN where a class has no weight.
    """
    classes = range(p.shape[1]) if positive is None else [positive]
    return np.mean([_one_against_rest(p[:, k], y == k, weights) for k in classes], 0)


def _one_against_rest(score, true, weights):
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    weights, true = weights[:, order], true[order]
    hits = np.cumsum(weights * true, axis=1)[:, last]
    called = np.cumsum(weights, axis=1)[:, last]
    new = np.diff(hits, prepend=0, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(called > 0, hits / called, 0)
        return (new * precision).sum(axis=1) / hits[:, -1]


def decision_score(decided, y, weights, *, costs=None):
    """Mean recall, or cost per row, for many weightings at once; shape (B,)."""
    if costs is not None:
        return weights @ np.asarray(costs)[y, decided] / weights.sum(axis=1)
    recalls = []
    for k in np.unique(y):
        of_class = weights[:, y == k]
        with np.errstate(invalid="ignore", divide="ignore"):
            recalls.append(of_class @ (decided[y == k] == k) / of_class.sum(axis=1))
    return np.mean(recalls, axis=0)


def log_loss(p, y, weights):
    """Log loss for many weightings at once; shape (B,)."""
    return -(weights @ logs(p)[np.arange(len(y)), y]) / weights.sum(axis=1)


def recalibrated(log_p, y, steps=25, ridge=1e-3):
    """The log loss that is left when probabilities are recalibrated on these very rows.

    An offset per class and one slope for all, by Newton's method: what is left is due to
    how well rows are ranked, and what was gained to their calibration.
    """
    n, n_classes = log_p.shape
    hot = np.eye(n_classes)[y]
    # Features of class k: the slope's, and an offset's for all classes but the first.
    design = np.zeros((n, n_classes, n_classes))
    design[:, :, 0] = log_p
    for k in range(1, n_classes):
        design[:, k, k] = 1
    theta = np.zeros(n_classes)
    theta[0] = 1
    start = theta.copy()

    def loss(theta):
        z = design @ theta
        z -= z.max(axis=1, keepdims=True)
        q = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -(hot * q).sum() / n, np.exp(q)

    value, q = loss(theta)
    penalised = value
    for _ in range(steps):
        gradient = np.einsum("nk,nkd->d", q - hot, design) / n + ridge * (theta - start)
        mean = np.einsum("nk,nkj->nj", q, design)
        hessian = np.einsum("nk,nkd,nke->de", q, design, design) - mean.T @ mean
        hessian = hessian / n + ridge * np.eye(n_classes)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-4:
            new, more = loss(theta - size * step)
            distance = theta - size * step - start
            total = new + ridge / 2 * distance @ distance
            if total < penalised:
                break
            size /= 2
        else:
            break
        done = penalised - total < 1e-9
        theta, value, q, penalised = theta - size * step, new, more, total
        if done:
            break
    return float(value)
