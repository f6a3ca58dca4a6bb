"""The rule, fixed beforehand: nothing, unless an arm is shown to gain."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from ..evaluation import Difference

#: Most that an arm's log loss may be above that of nothing.
WORSE = 0.02
POWER = 0.8


class Rule(NamedTuple):
    """What the rule was told before any score was seen."""

    alpha: float
    min_gain: float
    n_train: int  #: rows of a split, for the correction of the t-test
    n_test: int
    forward: bool = False  #: splits forward in time: a gain in each, and no test
    #: Groups that are never parted, whose number bounds what is known.
    n_groups: int | None = None

    def p(self, gains):
        """Two-sided p of no gain; forward in time, below alpha where each one gains."""
        gains = np.asarray(gains, dtype=float)
        if self.forward:
            # Of m arms, each gains by chance in all of n splits once in 2 ** n.
            return 0.5 ** len(gains) if (gains > 0).all() else 1.0
        return self.difference(gains).p()

    def difference(self, gains):
        found = Difference.of(gains, self.n_train, self.n_test)
        if self.n_groups is not None:
            # Repeats deal out the same few groups again, and bring no new ones.
            found = found._replace(df=min(found.df, self.n_groups - 1))
        return found

    def detectable(self, gains, m):
        """The smallest true gain that would be found, of m arms, at power .8."""
        d = self.difference(gains)
        if self.forward or not d.error > 0:
            return np.nan if self.forward else max(d.error, self.min_gain)
        return _shown(d.error, d.df, m, self.alpha, self.min_gain)


def tellable(counts, n, m, alpha, min_gain, folds, n_groups=None):
    """About the smallest gain that will be told, before there is any score.

    Two arms that decide a fifth of the rows of each class of a test part otherwise have mean
    recalls whose difference has that variance over its rows. Rare classes make most of it.
    (On the made tables of the book's error rates, the spread of decisions that was seen is
    that of a fifth; of networks, more; of rankings, often much less.)

    Parameters
    ----------
    counts : array of int
        Rows of each class.
    n : int
        Splits.
    m : int
        Arms.
    alpha, min_gain : float
    folds : float
        Rows of the table in those of a test part.
    n_groups : int, optional
        Of which there are no more degrees of freedom than these less one, as in the test.

    Returns
    -------
    float
    """
    tested = np.maximum(np.asarray(counts) / folds, 1)
    variance = 0.2 * (1 / tested).sum() / len(tested) ** 2
    error = np.sqrt(variance * (1 / n + 1 / (folds - 1)))
    return _shown(error, min(n, n_groups or n) - 1, m, alpha, min_gain)


def _shown(error, df, m, alpha, min_gain):
    """A true gain that is found, of m arms, at power .8."""
    shown = Difference(0.0, error, df, df + 1).detectable(alpha / m, POWER)
    return float(max(shown, min_gain + error * stats.t.ppf(POWER, df)))


def choose(gains, losses, rule):
    """Walk from simple to complex, and stay where no gain is shown.

    Parameters
    ----------
    gains : array of shape (J, m)
        Of every arm over nothing, from simple to complex; more is better.
    losses : array of shape (m,)
        Log loss of each arm over that of nothing, prior-corrected: 1 is the same.
    rule : Rule

    Returns
    -------
    chosen : int
        Column of `gains`; -1 is nothing.
    p : ndarray of shape (m,)
    p_holm : ndarray of shape (m,)
    eligible : ndarray of bool, shape (m,)
    """
    gains = np.asarray(gains, dtype=float)
    p = np.array([rule.p(column) for column in gains.T])
    p_holm = np.minimum(1, p * len(p)) if rule.forward else _holm(p)
    eligible = (p_holm < rule.alpha) & (gains.mean(axis=0) >= rule.min_gain)
    eligible &= np.asarray(losses) <= 1 + WORSE
    chosen = -1
    for arm in np.flatnonzero(eligible):
        if chosen >= 0:
            more = gains[:, arm] - gains[:, chosen]
            if more.mean() < rule.min_gain or rule.p(more) >= rule.alpha:
                continue
        chosen = int(arm)
    return chosen, p, p_holm, eligible


def _holm(p):
    """As `helpers.evaluation.holm`, for the thousands of times that a bootstrap asks."""
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(steps, 1)
    return corrected


def forward_splits(m, alpha, fewest):
    """Splits in each of which one of m arms without a gain rarely gains by chance."""
    return max(fewest, int(np.floor(np.log2(m / alpha))) + 1)
