"""Records that are set aside before anything is learned, to judge what was learned."""

import numpy as np
from sklearn.model_selection import train_test_split

from ..selection import groups_apart, in_time


def set_aside(frame, target, share, *, group=None, time=None, seed=0):
    """Numbers of the records that ``balance --holdout`` sets aside.

    Parameters
    ----------
    frame : DataFrame
    target : str
        Column of the classes.
    share : float in (0, 1)
        Of all records; with groups and times, as near as these allow.
    group : str, optional
        Column of what is not parted.
    time : str, optional
        Column of dates or numbers, of which the latest are set aside.
    seed : int

    Returns
    -------
    array of int
        Sorted, from 0.

    Raises
    ------
    ValueError
        A part would lack one of the classes.
    """
    n, y = len(frame), frame[target]
    if time:
        held = _latest(in_time(frame[time]), share)
    elif group:
        held = _of_groups(frame[group], y, share, seed)
    else:
        if y.value_counts().min() < 2:
            raise ValueError(
                f"--holdout: class {y.value_counts().index[-1]!r} has one record."
            )
        held = train_test_split(
            np.arange(n), test_size=share, stratify=y, random_state=seed
        )[1]
    held = np.sort(held)
    rows = np.setdiff1d(np.arange(n), held)
    if y.iloc[held].nunique() < y.nunique() or y.iloc[rows].nunique() < y.nunique():
        raise ValueError(
            f"--holdout {share:g} leaves a part without one of the classes; give "
            "another share."
        )
    return held


def _latest(when, share):
    """Records from an instant on, as near to a share of them as instants allow."""
    instants, counts = np.unique(when, return_counts=True)
    shares = np.cumsum(counts[::-1])[::-1] / len(when)
    cut = 1 + np.abs(shares[1:] - share).argmin() if len(instants) > 1 else 0
    return np.flatnonzero(when >= instants[cut])


def _of_groups(groups, y, share, seed):
    """Records of some groups, as near to a share of them as these allow."""
    if groups.nunique(dropna=False) < 2:
        raise ValueError(
            f"--holdout {share:g}: column {groups.name!r} (--group) has one value, and "
            "a group is not parted; leave one of the two out."
        )
    return groups_apart(y, groups, share, seed)
