"""One language of verdicts: is a claim so, and does a printed number agree with ours?

A claim is *yes* or *no* where Holm's p within its stated family is below the level, else
*cannot be told*. A printed number lies *inside* or *outside* the interval where one more
run of ours would lie, or the interval is *too loose to say*.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from ._statistics import Difference, holm, prediction_interval

YES, NO, OPEN = "yes", "no", "cannot be told"
INSIDE, OUTSIDE = "inside", "outside"
LOOSE, APART = "too loose to say", "not comparable"


class Claim(NamedTuple):
    """What is said of a difference, before it is looked at."""

    text: str
    difference: Difference
    says: str = "more"  #: more, less, or same
    margin: float | None = None  #: of "same": differences up to it count as none


def judge(
    claims: Sequence[Claim], family: str, *, alpha=0.05, power=0.8, planned: int = 0
):
    """Say of each claim whether it holds, with a family-wise error of `alpha`.

    "More" and "less" are tested two-sided: *yes* or *no* by the sign. "Same" is tested
    against its margin from both sides: *yes* where the difference is shown to lie within
    (two one-sided tests), *no* where it is shown to lie beyond. Only one of the two can
    be an error, so the smaller p of both stands for the claim in Holm's procedure.

    Parameters
    ----------
    claims : sequence of Claim
        All of the family, also those that will not be told.
    family : str
        What is judged together, in words.
    alpha : float in (0, 1)
        Chance of one or more wrong answers in the family.
    power : float in (0, 1)
        How often `tellable` would be told.
    planned : int
        Claims of the whole plan, where results are still coming: the family is as large
        from the beginning, or it would depend on when it is looked at.

    Returns
    -------
    table : DataFrame, one row per claim
        ``difference, low, high`` (Bonferroni's interval within the family), ``p, p_holm,
        n``, ``tellable``: the smallest difference that could have been told, at Bonferroni's
        level; of "same" the smallest margin that could have been confirmed, were there no
        difference; and ``verdict``. The index is named after the family and its size. A
        claim with a single difference is not tested and not counted.

    Raises
    ------
    ValueError
        "same" without a margin above 0, a margin for another claim, an unknown word.

    Examples
    --------
    >>> gain = Difference.of([0.04, 0.05, 0.03, 0.04, 0.05], n_train=80, n_test=20)
    >>> noise = Difference.of([0.04, -0.05, 0.03, -0.04, 0.01], n_train=80, n_test=20)
    >>> claims = [Claim("helps", gain), Claim("is the same", noise, "same", 0.01)]
    >>> table = judge(claims, "recall against nothing")
    >>> table["verdict"].to_dict()
    {'helps': 'yes', 'is the same': 'cannot be told'}
    >>> table.index.name
    'recall against nothing (2 claims)'
    """
    for claim in claims:
        _refuse_claim(claim)
    found = [_ps(claim) for claim in claims]
    p = pd.Series([np.nan if None in two else min(two) for two in found], dtype=float)
    m = max(1, p.count(), planned)
    to_come = pd.Series(1.0, range(len(p), len(p) + m - p.count()))
    rows = []
    for claim, (so, not_so), raw, corrected in zip(
        claims, found, p, holm(pd.concat([p, to_come]))[: len(p)], strict=True
    ):
        d, verdict = claim.difference, OPEN
        if corrected < alpha:
            verdict = YES if so < not_so else NO
        low, high = d.interval(1 - alpha / m)
        told = _confirmable if claim.says == "same" else Difference.detectable
        tellable = told(d, alpha / m, power)
        rows.append((d.mean, low, high, raw, corrected, d.n, tellable, verdict))
    size = max(len(claims), planned)
    several = f"{size} claim{'s'[: size != 1]}"
    index = pd.Index([claim.text for claim in claims], name=f"{family} ({several})")
    columns = ["difference", "low", "high", "p", "p_holm", "n", "tellable", "verdict"]
    return pd.DataFrame(rows, index, columns)


def _refuse_claim(claim):
    if claim.says not in ("more", "less", "same"):
        raise ValueError(f"{claim.text!r} says {claim.says!r}; say more, less or same.")
    if claim.says == "same" and not (claim.margin or 0) > 0:
        raise ValueError(
            f"{claim.text!r} says same, with margin={claim.margin}; state the largest "
            "difference that counts as none, above 0."
        )
    if claim.says != "same" and claim.margin is not None:
        raise ValueError(
            f"{claim.text!r} says {claim.says!r}, with margin={claim.margin}; leave the "
            "margin to claims of the same."
        )


def _ps(claim):
    """The p of "so" and that of "not so"; None where there is no spread to test by."""
    d, margin = claim.difference, claim.margin
    if np.isnan(d.error):
        return None, None
    if claim.says != "same":
        so = d.mean > 0 if claim.says == "more" else d.mean < 0
        return (d.p(), 1.0) if so else (1.0, d.p())
    if d.error == 0:
        of_signs = 2.0 ** (1 - d.n)  # as in `Difference.p`
        return (of_signs / 2, 1.0) if abs(d.mean) <= margin else (1.0, of_signs)
    within = stats.t.sf((margin - abs(d.mean)) / d.error, d.df)
    beyond = min(1.0, 2 * stats.t.sf((abs(d.mean) - margin) / d.error, d.df))
    return float(within), float(beyond)


def _confirmable(d, alpha, power):
    """The margin that two one-sided tests would confirm, were there no difference."""
    if not d.error > 0:
        return d.error
    steps = stats.t.ppf(1 - alpha, d.df) + stats.t.ppf((1 + power) / 2, d.df)
    return float(d.error * steps)


class Printed(NamedTuple):
    """A printed number beside ours."""

    printed: float
    ours: float  #: mean
    sd: float  #: NaN for a single run
    n: int
    low: float  #: where one more run of ours would lie, in 95 of 100 cases
    high: float
    verdict: str


def place(
    printed, ours, effect=None, *, half_unit=0.0, bounds=None, comparable=True
) -> Printed:
    """Say where a printed number lies beside our runs.

    Parameters
    ----------
    printed : float
    ours : array of shape (n,)
        One value per repeat of the whole experiment.
    effect : float, optional
        The difference that the number is printed to show. Where our interval is wider, a
        number inside of it says nothing; one outside is outside all the same.
    half_unit : float
        Half a unit of the last printed digit, by which rounding may have moved it.
    bounds : (float, float), optional
        Between which such numbers must lie, as shares do between 0 and 1; the interval is
        cut there.
    comparable : bool
        False where scale, machine or metric differ.

    Returns
    -------
    Printed
        Its verdict is *inside*, *outside*, *too loose to say* or *not comparable*. A single
        run of ours has no interval, and is too loose.

    Examples
    --------
    >>> place(0.71, [0.68, 0.70, 0.72], effect=0.3).verdict
    'inside'
    >>> place(0.71, [0.68, 0.70, 0.72], effect=0.05).verdict
    'too loose to say'
    >>> place(0.95, [0.68, 0.70, 0.72], effect=0.05).verdict
    'outside'
    """
    ours = np.asarray(ours, dtype=float)
    ours = ours[~np.isnan(ours)]
    low, high = prediction_interval(ours)
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    if not comparable:
        verdict = APART
    elif np.isnan(low):
        verdict = LOOSE
    elif not low - half_unit <= printed <= high + half_unit:
        verdict = OUTSIDE
    elif effect is not None and high - low > abs(effect):
        verdict = LOOSE
    else:
        verdict = INSIDE
    mean = float(ours.mean()) if len(ours) else np.nan
    sd = float(ours.std(ddof=1)) if len(ours) > 1 else np.nan
    return Printed(float(printed), mean, sd, len(ours), low, high, verdict)


def claims_table(
    judged: pd.DataFrame, *, factor=1.0, digits=3, most=np.inf
) -> pd.DataFrame:
    """What `judge` found, as text for a page.

    Parameters
    ----------
    judged : DataFrame
        What `judge` returned.
    factor : float
        What differences are multiplied by: 100 makes percentage points.
    digits : int
    most : float
        The largest difference that there can be, of rates 1: a claim that could not even
        have told this could tell nothing.

    Returns
    -------
    table : DataFrame of str
        ``difference``, ``interval (Bonferroni)``, ``p (Holm)``, ``n``, ``could tell`` and
        ``verdict``.
    """

    def number(value, sign="+"):
        return "" if np.isnan(value) else f"{factor * value:{sign}.{digits}f}"

    low, high = judged["low"].map(number), judged["high"].map(number)
    return pd.DataFrame(
        {
            "difference": judged["difference"].map(number),
            "interval (Bonferroni)": [
                f"{a} to {b}" if a else "" for a, b in zip(low, high, strict=True)
            ],
            "p (Holm)": [_p(p) for p in judged["p_holm"]],
            "n": judged["n"].astype(str),
            "could tell": [
                "nothing" if value > most else number(value, "")
                for value in judged["tellable"]
            ],
            "verdict": judged["verdict"],
        }
    )


def _p(p):
    return "" if np.isnan(p) else "< 0.001" if p < 0.001 else f"{p:.3f}"


def printed_table(placed: dict, *, digits=3) -> pd.DataFrame:
    """What `place` found, as text for a page.

    Parameters
    ----------
    placed : dict of Printed
        By what the numbers are, which becomes the index.
    digits : int

    Returns
    -------
    table : DataFrame of str
        ``paper``, ``ours`` (mean ± sd), ``n``, ``one more run`` (the interval) and
        ``verdict``.
    """
    rows = []
    for found in placed.values():
        spread = "" if np.isnan(found.sd) else f" ± {found.sd:.{digits}f}"
        interval = f"{found.low:.{digits}f} to {found.high:.{digits}f}"
        rows.append(
            {
                "paper": f"{found.printed:.{digits}f}",
                "ours": f"{found.ours:.{digits}f}{spread}" if found.n else "",
                "n": str(found.n),
                "one more run": "" if np.isnan(found.low) else interval,
                "verdict": found.verdict,
            }
        )
    keys = [*placed]
    tuples = keys and isinstance(keys[0], tuple)
    index = pd.MultiIndex.from_tuples(keys) if tuples else pd.Index(keys)
    return pd.DataFrame(rows, index)
