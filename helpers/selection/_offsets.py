"""Which decisions are worth most: an offset per class, which is a threshold for two."""

import numpy as np

#: Offsets that are tried where no threshold is exact: from the nearest on, up to odds of
#: one to twenty.
TRIED = np.array(sorted(np.linspace(-3, 3, 25), key=abs))


def logs(probabilities):
    """Logarithms, finite ones."""
    return np.log(np.clip(probabilities, np.finfo(float).eps, 1))


def utilities(shares, costs=None):
    """What a row of one class, taken for another, adds to the mean over rows.

    Parameters
    ----------
    shares : array of shape (K,)
        Of the classes.
    costs : array of shape (K, K), optional

    Returns
    -------
    ndarray of shape (K, K)
        True class, decided class. Its mean over rows is the mean recall, or minus the
        cost per row.
    """
    if costs is not None:
        return -np.asarray(costs, dtype=float)
    return np.diag(1 / (len(shares) * shares))


def true_offsets(value):
    """Offsets that would be best if the probabilities were true; of several classes, 0.

    Parameters
    ----------
    value : array of shape (K, K)
        As of `utilities`.

    Examples
    --------
    A miss costs ten false alarms, so that an eleventh is enough:

    >>> offset = true_offsets(np.array([[0, -1], [-10, 0]]))[1]
    >>> round(float(1 / (1 + np.exp(offset))), 6)
    0.090909
    """
    offsets = np.zeros(len(value))
    if len(value) == 2:
        won = value[1, 1] - value[1, 0], value[0, 0] - value[0, 1]
        if min(won) > 0:
            offsets[1] = np.log(won[0] / won[1])
    return offsets


def decided(log_p, offsets, value=None):
    """The classes that rows are taken for.

    Parameters
    ----------
    log_p : array of shape (n, K)
    offsets : array of shape (K,)
    value : array of shape (K, K), optional
        As of `utilities`. None: the largest sum of logarithm and offset. Else the class
        that is worth most by the probabilities that these sums are the logarithms of.

    Returns
    -------
    array of int, shape (n,)

    Examples
    --------
    Three classes; to miss the last is dear, so that a fifth of a chance is enough:

    >>> costs = np.array([[0, 1, 1], [1, 0, 1], [9, 9, 0]])
    >>> decided(np.log([[0.5, 0.3, 0.2]]), np.zeros(3), utilities(None, costs))
    array([2])
    """
    scores = log_p + offsets
    if value is None:
        return scores.argmax(axis=1)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (p @ value).argmax(axis=1)


def best_offsets(log_p, y, value, centre, sweeps=3, expected=False):
    """Offsets of the classes whose decisions are worth most on these rows.

    One class after another gets the best offset there is, given the others; with two
    classes that is the best threshold. Of offsets that are worth the same, the one
    nearest to `centre`.

    Parameters
    ----------
    log_p : array of shape (n, K)
    y : array of int, shape (n,)
    value : array of shape (K, K)
        As of `utilities`.
    centre : array of shape (K,)
        Where to begin: what would be best if the probabilities were true.
    sweeps : int
        Rounds through the classes, where there are more than two.
    expected : bool
        Whether decisions are by expected worth, see `decided`. Offsets are then tried on
        the grid `TRIED` around `centre`.

    Returns
    -------
    ndarray of shape (K,)
        The first is 0.
    """
    centre = np.asarray(centre, dtype=float) - centre[0]
    offsets = centre.copy()
    two = log_p.shape[1] == 2
    for _ in range(1 if two else sweeps):
        before = offsets.copy()
        for k in range(1, len(offsets)):
            best = _best_tried if expected else _best_offset
            offsets[k] = best(log_p, y, value, offsets, k, centre[k])
        if np.array_equal(before, offsets):
            break
    return offsets


def _best_tried(log_p, y, value, offsets, k, centre):
    tried = np.repeat(offsets[None], len(TRIED), axis=0)
    tried[:, k] = centre + TRIED
    worth = [value[y, decided(log_p, one, value)].mean() for one in tried]
    return float(tried[np.argmax(np.round(worth, 9)), k])  # the nearest of equals


def _best_offset(log_p, y, value, offsets, k, centre):
    scores = log_p + offsets
    scores[:, k] = -np.inf
    rival = scores.argmax(axis=1)
    # From this offset on, a row is taken for class k.
    turns = scores[np.arange(len(y)), rival] - log_p[:, k]
    order = np.argsort(turns, kind="stable")
    turns = turns[order]
    won = (value[y, k] - value[y, rival])[order]
    worth = np.concatenate([[0.0], np.cumsum(won)])
    # Between rows that turn at the same offset there is none.
    low = np.concatenate([[-np.inf], turns])
    high = np.concatenate([turns, [np.inf]])
    there = high > low
    best = there & (worth >= worth[there].max() - 1e-9)
    low, high = low[best], high[best]
    middle = np.where(
        np.isinf(low), high - 1, np.where(np.isinf(high), low + 1, (low + high) / 2)
    )
    inside = (low < centre) & (centre < high)
    middle = np.where(inside, centre, middle)
    return float(middle[np.abs(middle - centre).argmin()])
