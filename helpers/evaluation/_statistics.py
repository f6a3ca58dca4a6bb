"""Is a difference more than chance? Over splits of one data set."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, special, stats

from ..checks import require_known


class Difference(NamedTuple):
    """A mean difference, and what it takes to test it by Student's t."""

    mean: float
    error: float  #: its standard error; NaN for a single difference
    df: float  #: degrees of freedom of that error
    n: int  #: differences that it is the mean of

    @classmethod
    def of(cls, differences, n_train: int = 1, n_test: int = 0):
        """Take it from differences of scores, one per split.

        Splits of one data set share rows, so their differences vary less than independent
        ones would; the variance is therefore multiplied by ``1/J + n_test/n_train`` and
        not by ``1/J`` [1]_. Independent differences, of draws or of single test images,
        leave both sizes out.

        Parameters
        ----------
        differences : array of shape (J,)
        n_train, n_test : int
            Rows trained and tested on in each split.

        References
        ----------
        .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine
           Learning 52, 2003, section 3.
        """
        # Equal differences must not differ by what rounding leaves of them.
        differences = np.asarray(differences, dtype=float).round(12)
        n = len(differences)
        if n < 2:
            mean = float(differences[0]) if n else np.nan
            return cls(mean, np.nan, np.nan, n)
        variance = differences.var(ddof=1) if np.ptp(differences) else 0.0
        error = np.sqrt(variance * (1 / n + n_test / n_train))
        return cls(float(differences.mean()), float(error), n - 1, n)

    def p(self, zero: float = 0.0) -> float:
        """Two-sided p of a true difference of `zero`; 1 where there is no difference.

        Where all differences are equal, that of the sign test: two of them are no proof.
        """
        if self.error == 0:
            return 1.0 if self.mean == zero else 2.0 ** (1 - self.n)
        return float(2 * stats.t.sf(abs(self.mean - zero) / self.error, self.df))

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Confidence interval."""
        if self.error == 0:
            return self.mean, self.mean
        half = float(self.error * stats.t.ppf((1 + level) / 2, self.df))
        return self.mean - half, self.mean + half

    def detectable(self, alpha: float = 0.05, power: float = 0.8) -> float:
        """The smallest true difference that such a test tells from zero.

        Parameters
        ----------
        alpha : float
            Level of the two-sided test; of m claims, alpha / m is on the safe side.
        power : float
            How often it would be told.

        Returns
        -------
        float
            In the unit of the differences, above 0; NaN for a single difference, and
            where all are equal. Takes the spread that was seen for the true one.

        Examples
        --------
        Ten pairs can show a difference of one standard deviation, not less:

        >>> ten = Difference(mean=0.1, error=1 / 10**0.5, df=9, n=10)
        >>> round(ten.detectable(), 3)
        0.996
        """
        if not self.error > 0:
            return np.nan
        critical = stats.t.ppf(1 - alpha / 2, self.df)
        # scipy's non-central t gives NaN at strict levels with few degrees of freedom, so
        # the power is summed up here over the normal part of the statistic.
        z = np.linspace(-9, 9, 4001)
        weights = stats.norm.pdf(z) * (z[1] - z[0])

        def lacking(shift):  # the other tail adds nothing at such powers
            spread = np.maximum(z + shift, 0) / critical
            return (
                weights @ special.gammainc(self.df / 2, self.df / 2 * spread**2) - power
            )

        enough = 2 * critical + 10
        while lacking(enough) < 0:  # of high powers with few degrees of freedom
            enough *= 2
        return float(self.error * optimize.brentq(lacking, 0, enough))


def corrected_resampled_ttest(differences, n_train: int, n_test: int):
    """Nadeau and Bengio's t-test for differences over repeated splits of one data set.

    Parameters
    ----------
    differences : array of shape (J,)
        One difference of scores per split.
    n_train, n_test : int
        Rows trained and tested on in each split; see `Difference.of`.

    Returns
    -------
    mean, p_value, low, high : float
        Mean difference, two-sided p, 95 % confidence interval. p is 1 where all the
        differences are zero.

    Examples
    --------
    >>> mean, p, low, high = corrected_resampled_ttest([1, 2, 3, 2, 2], 80, 20)
    >>> mean, round(p, 4)
    (2.0, 0.0135)
    """
    found = Difference.of(differences, n_train, n_test)
    if found.n < 2:
        raise ValueError(
            f"{found.n} split(s) have no spread to test against; give 2 or more."
        )
    return found.mean, found.p(), *found.interval()


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
    if reference not in (known := [*results["method"].unique()]):
        raise ValueError(f"No rows of the reference {reference!r}, only of {known}.")
    require_known("metric", metric, [*results.columns])
    key = ["method", "seed", "fold"]
    if results.duplicated(key).any():
        raise ValueError(
            "A method has several rows of one split; give those of one data set, protocol "
            "and classifier."
        )
    wide = results.pivot(index=["seed", "fold"], columns="method", values=metric)
    return wide.drop(columns=reference).sub(wide[reference], axis=0)


def mean_differences(results: pd.DataFrame, metric: str, reference: str, n_test=None):
    """The mean difference of every method from one, ready to be tested.

    Parameters
    ----------
    results, metric, reference
        As in `paired`.
    n_test : int, optional
        Rows tested on in each split; by default the mean of the column ``n_test``.

    Returns
    -------
    dict of str to Difference
        Of the splits that both have.
    """
    if n_test is None and "n_test" not in results:
        raise ValueError(
            "The rows do not say how many rows were tested on; give n_test."
        )
    # Folds of groups differ in size: the correction takes their mean.
    n_train = float(results["n_train"].mean())
    n_test = float(results["n_test"].mean()) if n_test is None else n_test
    return {
        method: Difference.of(values.dropna(), n_train, n_test)
        for method, values in paired(results, metric, reference).items()
    }


def compare(results: pd.DataFrame, metric: str, reference: str, n_test=None):
    """Test every method against one, split by split, with Holm's correction.

    Parameters
    ----------
    results, metric, reference, n_test
        As in `mean_differences`.

    Returns
    -------
    table : DataFrame, one row per other method
        ``difference, low, high`` (95 %, not corrected for many tests), ``p``, ``p_holm``,
        ``n`` (splits that both have). NaN for a method with fewer than two of them.
        `judge` says what follows for a claim.
    """
    found = mean_differences(results, metric, reference, n_test)
    rows = {method: (d.mean, *d.interval(), d.p(), d.n) for method, d in found.items()}
    columns = ["difference", "low", "high", "p", "n"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table.insert(4, "p_holm", holm(table["p"]))
    return table


def holm(p: pd.Series) -> pd.Series:
    """Holm's p-values of one family; what was not tested is not counted."""
    # Not by statsmodels, which collects the garbage of the whole process at each call.
    tested = p.dropna().astype(float).to_numpy()
    order = tested.argsort(kind="stable")
    steps = tested[order] * np.arange(len(tested), 0, -1)
    corrected = np.empty(len(tested))
    corrected[order] = np.maximum.accumulate(steps).clip(max=1)
    return pd.Series(corrected, p.dropna().index, dtype=float).reindex(p.index)


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


def summarise(results: pd.DataFrame, columns, by="method", digits=3):
    """Mean and standard deviation per method, as text, with n.

    Parameters
    ----------
    results : DataFrame
        Rows of `evaluate` or `load_results`; those with an ``error`` are not counted.
    columns : str or sequence of str
    by : str or list of str
        What a row of the table is.
    digits : int

    Returns
    -------
    table : DataFrame of str
        ``n`` counts runs. A metric that a run lacks is left out of its mean.

    Examples
    --------
    >>> rows = pd.DataFrame({"method": ["a", "a", "b"], "acsa": [0.5, 0.7, 0.8]})
    >>> print(summarise(rows, ["acsa"]))  # doctest: +NORMALIZE_WHITESPACE
                     acsa  n
    method
    a       0.600 ± 0.141  2
    b               0.800  1
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    groups = results.groupby(by, sort=False)

    def text(values):
        values = values.dropna()
        spread = f" ± {values.std():.{digits}f}" if len(values) > 1 else ""
        return f"{values.mean():.{digits}f}{spread}"

    table = groups[columns].agg(text)
    table["n"] = (
        groups["error"].agg(lambda e: e.fillna("").eq("").sum())
        if "error" in results
        else groups.size()
    )
    return table
