"""How many splits there is time for, planned before any score is seen."""

import json
import time
import uuid
from pathlib import Path

from sklearn.base import clone

from ..files import write_atomically
from . import _splits
from ._arms import ALWAYS


def make_plan(file, asked, measure, left, n_jobs, fixed):
    """The plan in a file, or else one made now and put there.

    Parameters
    ----------
    file : path-like or None
    asked : str
        Tells the arms, data and splits of one plan from those of another.
    measure : callable
        Returns what `timed` does.
    left : callable
        Returns the seconds left.
    n_jobs, fixed
        As in `planned`.

    Returns
    -------
    dict
        ``n_splits``; ``seconds`` of a fit of each arm; ``left_out``, arm to why.
    """
    if file and (file := Path(file)).exists():
        plan = json.loads(file.read_text(encoding="utf-8"))
        if plan["asked"] != asked:
            raise ValueError(
                f"{file} is the plan of other candidates, data or splits; name another "
                "store, or give what it was begun with."
            )
        return plan
    seconds, failed = measure()
    able = {name: s for name, s in seconds.items() if name not in failed}
    n, slow = planned(able, left(), n_jobs, ALWAYS, fixed=fixed)
    plan = {"asked": asked, "n_splits": n, "seconds": seconds}
    plan["left_out"] = {**failed, **slow}
    if file:
        text = json.dumps(plan, indent=1)
        write_atomically(lambda aside: aside.write_text(text, encoding="utf-8"), file)
    return plan


def timed(frame, codes, rows, estimators):
    """Seconds of one fit of each arm, and why it failed; nothing is scored."""
    frame = frame.reset_index(drop=True)
    frame.attrs = {"table": uuid.uuid4().hex}
    seconds, failed = {}, {}
    for name, estimator in estimators.items():
        began = time.perf_counter()
        try:
            clone(estimator).fit(frame.iloc[rows], codes[rows])
        except Exception as error:
            if name in ALWAYS:
                raise
            failed[name] = f"{type(error).__name__}: {' '.join(str(error).split())}"
        seconds[name] = time.perf_counter() - began
    return seconds, failed


def planned(seconds, budget, n_jobs, shared, step=_splits.FOLDS, fixed=None):
    """How many splits there is time for, and which arms are too slow for any plan.

    Parameters
    ----------
    seconds : dict of str to float
        One fit of each arm, from simple to complex.
    budget : float
        Seconds left.
    n_jobs : int
        Processes.
    shared : collection of str
        Arms that stay whatever they take.
    step : int
        Splits come in multiples of it.
    fixed : int, optional
        The number of splits, where it is not ours to choose.

    Returns
    -------
    n_splits : int
    slow : dict of str to str
        Arm to why it is left out.

    Raises
    ------
    ValueError
        Not even one arm beside those that stay can be finished.
    """
    seconds, slow = dict(seconds), {}
    fewest = fixed or -(-_splits.FEWEST // step) * step
    while True:
        each = sum(seconds.values()) / n_jobs
        if each * fewest <= budget:
            break
        others = {name: s for name, s in seconds.items() if name not in shared}
        if len(others) <= 1:
            raise ValueError(
                f"time_budget leaves {budget:.1f} s, and {fewest} splits of "
                f"{', '.join(seconds)} take about {each * fewest:.1f} s; give more time, "
                "name quicker candidates, or a quicker classifier."
            )
        name = max(others, key=others.get)
        slow[name] = (
            f"one fit took {seconds.pop(name):.1f} s, and {fewest} splits of all arms do "
            "not fit into time_budget"
        )
    if fixed:
        return fixed, slow
    most = int(budget / max(each, 1e-9)) // step * step
    return max(fewest, min(_splits.MOST, most)), slow
