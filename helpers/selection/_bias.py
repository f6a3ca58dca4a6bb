"""What the choice itself is worth: bootstrap bias-corrected cross-validation."""

from typing import NamedTuple

import numpy as np

from ._scores import average_precision, decision_score, log_loss
from ._verdict import gains_from, loss_ratios

#: Draws of a bootstrap, at most and at least, and rows drawn in all of them.
DRAWS, FEWEST, DRAWN = 200, 40, 4_000_000


class Said(NamedTuple):
    """What all arms said of the test rows of one split."""

    rows: np.ndarray  #: shape (n,), their numbers in the table
    y: np.ndarray  #: class numbers
    probabilities: list  #: one array (n, K) per arm
    decided: list  #: one array (n,) per arm


def by_split(predictions, classes, codes, names, splits):
    """The predictions, as `gain_of_choice` takes them."""
    columns = [f"p_{c}" for c in classes]
    groups = dict(iter(predictions.groupby(["fold", "method"], sort=False)))
    found = []
    for fold in sorted(predictions["fold"].unique()):
        own = [groups[fold, name] for name in names]
        rows = splits[fold][1]
        found.append(
            Said(
                rows,
                codes[rows],
                [table[columns].to_numpy() for table in own],
                [np.searchsorted(classes, table["predicted"]) for table in own],
            )
        )
    return found


def scored(said, weights, need, *, positive=None, costs=None):
    """Scores of every arm in every split for many weightings; shape (B, J, m)."""

    def of(split, arm):
        w = weights[:, split.rows]
        if need == "ranking":
            return average_precision(
                split.probabilities[arm], split.y, w, positive=positive
            )
        if need == "decisions":
            return decision_score(split.decided[arm], split.y, w, costs=costs)
        return log_loss(split.probabilities[arm], split.y, w)

    arms = range(len(said[0].probabilities))
    table = [[of(split, arm) for arm in arms] for split in said]
    return np.moveaxis(np.array(table), 2, 0)


def n_draws(n_rows):
    """Draws for a table of so many rows: those of a large one cost more and vary less."""
    return int(np.clip(DRAWN // n_rows, FEWEST, DRAWS))


def draws(y, rng, n=None, groups=None):
    """How often each row is drawn: rows of each class, or whole groups; shape (n, n_rows)."""
    n = n or n_draws(len(y))
    weights = np.zeros((n, len(y)))
    if groups is not None:
        codes = np.unique(groups, return_inverse=True)[1]
        n_groups = codes.max() + 1
        drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=n)
        return drawn[:, codes].astype(float)
    for k in np.unique(y):
        own = np.flatnonzero(y == k)
        weights[:, own] = rng.multinomial(
            len(own), np.full(len(own), 1 / len(own)), size=n
        )
    return weights


def bias_corrected(inside, outside, select):
    """Score of what is selected on the rows drawn, on the rows not drawn [1]_.

    The best of many arms owes some of its score to chance, and cross-validation of every
    arm does not tell how much. Here each draw selects by the rows in it, and scores what
    it selected by the rows left over, without fitting anything again.

    Parameters
    ----------
    inside, outside : arrays of shape (B, J, m)
        Scores of every arm in every split, by the rows drawn and by those left over.
    select : callable
        Takes the number of a draw, and returns that of an arm.

    Returns
    -------
    scores : ndarray of shape (B,)
        Their mean is the estimate; their quantiles bound it.
    picked : ndarray of int, shape (B,)

    References
    ----------
    .. [1] Tsamardinos, Greasidou and Borboudakis, "Bootstrapping the out-of-sample
       predictions for efficient and accurate cross-validation", Machine Learning 107,
       2018, section 4.
    """
    picked = np.array([select(b) for b in range(len(inside))])
    chosen = np.take_along_axis(outside, picked[:, None, None], axis=2)[:, :, 0]
    there = ~np.isnan(chosen)
    with np.errstate(invalid="ignore"):  # a draw of few groups may leave no row over
        return np.where(there, chosen, 0).sum(axis=1) / there.sum(axis=1), picked


def gain_of_choice(said, y, need, rule, choose, rng, *, positive, costs, groups=None):
    """The bias-corrected gain of the choice over nothing.

    Parameters
    ----------
    said : list of Said
        One per split; nothing is the first arm, the others go from simple to complex.
    y : array of int, shape (n_rows,)
        Of all rows.
    need, rule, choose
        As in `helpers.selection`.
    rng : numpy.random.Generator
    positive : int or None
    costs : array or None
    groups : array of shape (n_rows,), optional

    Returns
    -------
    gain : ndarray of shape (B,)
        Of the choice over nothing, in each draw. The mean added to nothing's own score is
        the score of the choice: few rows are left over, of which average precision would
        make too much.
    picked : ndarray of int, shape (B,)
        Arm chosen in each draw; 0 is nothing.
    """
    weights = draws(y, rng, groups=groups)
    left = (weights == 0).astype(float)
    told = {"positive": positive, "costs": costs}
    with np.errstate(invalid="ignore", divide="ignore"):
        inside = scored(said, weights, need, **told)
        outside = scored(said, left, need, **told)
        losses = inside
        if need != "probabilities":
            losses = scored(said, weights, "probabilities")
    # A part of which a draw has no row, as of few groups, says nothing in that draw.
    whole = np.isfinite(inside).all(axis=2) & np.isfinite(losses).all(axis=2)

    def select(b):
        gains = gains_from(inside[b][whole[b]], need, costs)
        # A draw of n of n rows has about .63 n different ones: its scores spread as if
        # there were half as many rows, and a rule with less power would be judged.
        mean = gains.mean(axis=0)
        gains = mean + (gains - mean) * 0.5**0.5
        return choose(gains, loss_ratios(losses[b][whole[b]]), rule)[0] + 1

    gained = gains_from(outside, need, costs)
    nothing = np.zeros_like(gained[..., :1])
    return bias_corrected(inside, np.concatenate([nothing, gained], axis=2), select)
