"""Is a difference more than chance? Over data sets."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from ._statistics import holm

#: Differences up to which all signs are counted.
EXACT = 50


class Friedman(NamedTuple):
    """What `friedman_nemenyi` found; `helpers.plotting.critical_difference` draws it."""

    ranks: pd.Series  #: average rank of each method, 1 is best, best first
    statistic: float  #: Friedman's chi-squared, corrected for ties
    p: float  #: of no difference between any of the methods
    p_pairs: pd.DataFrame  #: Nemenyi's p for each pair of methods
    critical_difference: float  #: average ranks further apart than this differ
    n: int  #: data sets
    alpha: float  #: level of `critical_difference`


def nemenyi_gap(n_methods: int, n_sets: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference: average ranks further apart than this differ.

    Parameters
    ----------
    n_methods, n_sets : int
        Methods that are ranked, and data sets that they are ranked on.
    alpha : float in (0, 1)

    Examples
    --------
    >>> round(nemenyi_gap(5, 5), 2)
    2.73
    """
    quantile = stats.studentized_range.isf(alpha, n_methods, np.inf) / np.sqrt(2)
    return float(quantile * np.sqrt(n_methods * (n_methods + 1) / (6 * n_sets)))


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
    apart = nemenyi_gap(k, n, alpha)
    pairs = posthoc_nemenyi_friedman(losses).loc[ranks.index, ranks.index]
    return Friedman(ranks, statistic, p, pairs, apart, n, alpha)


def compare_sets(gains: pd.DataFrame, *, alpha=0.05, power=0.8):
    """Test gains of several methods over data sets, by Wilcoxon's signed ranks.

    For **several data sets** only, one row each: as of `friedman_nemenyi`, folds and
    seeds are averaged first. The test [1]_ takes the sizes of gains by their order, so that
    one table on which everything differs does not decide; gains of zero count half for
    either side.

    Parameters
    ----------
    gains : DataFrame of shape (data sets, methods)
        Of each method over one that all are compared with; above 0 is better. NaN where a
        method has no score.
    alpha, power : float in (0, 1)
        Of ``tellable``; without a power, which takes most of the time, there is none.

    Returns
    -------
    table : DataFrame, one row per method
        ``median, mean`` gain; ``better, worse`` (data sets); ``p``, two-sided, exact of
        up to 50 gains, with ties and zeros, too; ``p_least``, what it would be if all
        gains that are not zero had one sign, so that a test that could not have told
        anything is seen; ``p_holm``; ``n``; ``tellable``, about the smallest gain, the
        same on all data sets beside the spread that was seen, that this test tells at
        Bonferroni's level, by the bootstrap; NaN where it tells none. A method with fewer
        than two gains has no p.

    References
    ----------
    .. [1] Demsar, "Statistical comparisons of classifiers over multiple data sets",
       Journal of Machine Learning Research 7, 2006, section 3.1.3.

    Examples
    --------
    >>> gains = pd.DataFrame({"smote": [0.03, 0.02, 0.05, -0.01, 0.04, 0.06, 0.07, 0.08]})
    >>> table = compare_sets(gains)
    >>> table.loc["smote", ["better", "worse", "n"]].to_list()
    [7, 1, 8]
    >>> print(round(table["p"].iloc[0], 3))
    0.016
    """
    # Means of equal scores may differ in their last digit.
    gains = gains.astype(float).round(12)
    rows = {}
    for method, found in gains.items():
        found = found.dropna()
        p, least = signed_ranks(np.stack([found, found.abs()]))
        better, worse = int((found > 0).sum()), int((found < 0).sum())
        told = (found.median(), found.mean(), better, worse, p, least, len(found))
        rows[method] = told
    columns = ["median", "mean", "better", "worse", "p", "p_least", "n"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.insert(5, "p_holm", holm(table["p"]))
    if power is not None:
        level = alpha / max(1, table["p"].count())
        table["tellable"] = [
            _tellable(gains[method].dropna().to_numpy(), level, power)
            for method in table.index
        ]
    return table


def signed_ranks(gains):
    """p of Wilcoxon's signed-rank test, two-sided, exact with ties and zeros, too.

    scipy's is a normal approximation where more than 13 differences have a tie or a zero.
    Ranks are those of all absolute differences; zeros count half to either side, whatever
    their signs, so that all signs of the others are counted.

    Parameters
    ----------
    gains : array of shape (n_tests, n)

    Returns
    -------
    ndarray of shape (n_tests,)
        1 where all are zero, NaN for less than two; beyond `EXACT` differences scipy's
        approximation.
    """
    gains = np.asarray(gains, dtype=float)
    n_tests, n = gains.shape
    if n < 2:
        return np.full(n_tests, np.nan)
    if n > EXACT:
        with np.errstate(invalid="ignore"):  # all zero, which has no variance
            found = stats.wilcoxon(gains, zero_method="zsplit", axis=1).pvalue
        return np.where(gains.any(axis=1), found, 1.0)
    # Twice the ranks, which are whole then; 0 of what no sign can move.
    ranks = np.rint(2 * stats.rankdata(np.abs(gains), axis=1)).astype(int)
    ranks[gains == 0] = 0
    # How many of all sets of signs have this sum of positive ranks.
    ways = np.zeros((n_tests, n * (n + 1) + 1))
    ways[:, 0] = 1
    sums = np.arange(ways.shape[1])
    for k in range(n):
        before = sums - ranks[:, [k]]
        more = np.take_along_axis(ways, np.maximum(before, 0), axis=1)
        ways = (ways + np.where(before >= 0, more, 0)) / 2
    positive = np.where(gains > 0, ranks, 0).sum(axis=1)
    least = np.minimum(positive, ranks.sum(axis=1) - positive)
    tail = np.take_along_axis(ways.cumsum(axis=1), least[:, None], axis=1)[:, 0]
    return np.minimum(2 * tail, 1.0)


def _tellable(gains, level, power, n_boot=400):
    """The smallest shift of gains from no gain that signed ranks tell, by the bootstrap."""
    if len(gains) < 2 or not np.ptp(gains):
        return np.nan
    # No gain: taken to what the test estimates, the median of all means of two.
    i, j = np.triu_indices(len(gains))
    spread = gains - np.median((gains[i] + gains[j]) / 2)
    draws = np.random.default_rng(0).choice(spread, (n_boot, len(gains)))

    def lacking(shift):
        return power - (signed_ranks(draws + shift) < level).mean()

    most = 2 * np.ptp(gains)
    if lacking(most) > 0:  # all of one sign, and still not told
        return np.nan
    return float(optimize.brentq(lacking, 0, most, xtol=most / 2**10))
