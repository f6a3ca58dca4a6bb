"""How many splits there is time for, planned before any score is seen."""

import json
import time
import uuid
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from sklearn.base import clone

from ..files import write_atomically
from . import _splits
from ._arms import ALWAYS, Later
from ._bias import n_draws
from ._scores import average_precision

#: Rows of the trial fits, from which the seconds of all rows follow.
TRIALS = 500, 2000, 8000
#: Rows of the only trial for a look beforehand, which nothing holds to, and the most rows of
#: a training part whose seconds are told from it, in proportion, and so rather too many.
LOOK, NEAR = 1000, 5000
#: Rows of the trial fits of networks.
TRIAL = 1000
#: What says how long a network is trained; the parts of it that trials take, one in so many.
LENGTHS = "n_steps", "epochs"
SHORT, LONG = 200, 50
#: Share of the time after which no trial of more rows begins, and as much for networks.
FOR_TRIALS = 0.1
#: Seconds for trials below which none of a network begins: the import of torch takes them.
TO_BEGIN = 3.0
#: Share of the time that is planned for; the rest is for what took longer in its trial.
PLANNED = 0.85
#: Scores and rows of a split, beside fit and prediction; seconds until workers work.
BESIDE, WORKERS = 1.15, 4.0
#: Fits of the slowest sampler, in fits on a training part, that come after the choice.
LAST = 2.0


class Plan(NamedTuple):
    """What a choice will do, told before any score is seen; `str` says it in words.

    Attributes
    ----------
    arms : tuple of str
        Nothing and what is compared with it, from simple to complex.
    left_out : dict of str to str
        Arm to why it is not tried.
    n_splits : int
    seconds : dict of str to float
        Expected for one split of each arm; "threshold" shares the fits of nothing.
        Not in it are arms that were not timed.
    total : float
        Expected seconds of all splits and of the last fit, of the arms that were timed; NaN
        where none was.
    detectable : float
        The smallest gain that could be told with power .8, roughly: scores will tell it
        better. NaN where there is no saying without scores: of rankings, log loss and
        costs, and forward in time.
    unit : str
        Of gains.
    late : dict of str to float or None
        Expected seconds of one fit on all rows, of the arms that are left out for their
        time; None where too little was left to find out.
    """

    arms: tuple
    left_out: dict
    n_splits: int
    seconds: dict
    total: float
    detectable: float
    unit: str
    late: dict

    def __str__(self):
        lines = [f"Arms: {', '.join(self.arms)}."]
        for why in dict.fromkeys(self.left_out.values()):
            same = [name for name, other in self.left_out.items() if other == why]
            lines.append(f"  Not {', '.join(same)}: {why}.")
        about, later = "", [a for a in self.arms if a not in self.seconds]
        later = [a for a in later if a != "threshold"]
        if np.isfinite(self.total):
            about = f", about {self.total:.0f} s"
            if later:
                about += f" without {', '.join(later)}"
        lines.append(f"Splits: {self.n_splits}{about}.")
        if about and later:
            lines.append(
                "  Networks are timed when the run begins, by a part of their epochs; "
                "there may be fewer splits then, and what cannot finish is left out by "
                "name."
            )
        if np.isfinite(self.detectable):
            lines.append(
                f"Smallest gain that could be told: about {self.detectable:.3f} "
                f"{self.unit} (power .8, if two arms differ on one row in five)."
            )
        return "\n".join(lines)


def kept_plan(file, asked):
    """The plan in a file, if there is one.

    Parameters
    ----------
    file : path-like or None
    asked : str
        Tells the arms, data and splits of one plan from those of another.
    """
    if file is None or not (file := Path(file)).exists():
        return None
    plan = json.loads(file.read_text(encoding="utf-8"))
    if plan["asked"] != asked:
        raise ValueError(
            f"{file} is the plan of other candidates, data or splits; name another "
            "store, or give what it was begun with."
        )
    return plan


def make_plan(file, asked, measure, left, n_jobs, step, fixed, least=1):
    """The plan in a file, or else one made now and put there.

    Parameters
    ----------
    file : path-like or None
    asked : str
        As in `kept_plan`.
    measure : callable
        Returns what `timed` does.
    left : callable
        Returns the seconds left; None where there is no limit.
    n_jobs, step, fixed, least
        As in `planned`.

    Returns
    -------
    dict
        ``n_splits``; ``seconds`` of a split of each arm, of which ``choice`` come after
        all fits; ``left_out``, arm to why; ``late``, as in `Plan`.
    """
    if plan := kept_plan(file, asked):
        return plan
    seconds, failed, untimed, choice = measure()
    budget = left()
    if budget is None:
        n, slow = fixed or _splits.USUAL, {}
    else:
        n, slow = planned(seconds, budget, n_jobs, ALWAYS, step, fixed, least)
    plan = {"asked": asked, "n_splits": n, "seconds": seconds, "choice": choice}
    plan["left_out"] = {**failed, **untimed, **slow}
    last = {name: LAST * seconds[name] for name in slow}
    plan["late"] = {**dict.fromkeys(untimed), **last}
    if file and budget is not None:
        text = json.dumps(plan, indent=1)
        write_atomically(lambda aside: aside.write_text(text, encoding="utf-8"), file)
    return plan


# ---------------------------------------------------------------- seconds


def timed(
    frame,
    codes,
    split,
    estimators,
    budget=None,
    networks=True,
    n_jobs=1,
    fewest=_splits.FEWEST,
):
    """Expected seconds of a split of each arm, by small trials; nothing is scored.

    Every arm is fitted on few and on more rows, from which all rows follow in a straight
    line. Of a network only two parts of its epochs are trained, a shorter and a longer
    one: what does not grow with them counts once. One that cannot finish, were all of it
    as quick as the shorter part, has no longer one.

    Parameters
    ----------
    frame : DataFrame
    codes : array of int
    split : (train, test)
    estimators : dict of str to Scored
        From simple to complex.
    budget : float, optional
        Seconds. After a tenth of them no trial of more rows begins, and after another
        one no trial of a network.
    networks : bool
        Whether to time them. If not, it is for a look beforehand, by fewer trials.
    n_jobs : int
        Processes of the fits; trials are made in this one.
    fewest : int
        Splits below which an arm is left out.

    Returns
    -------
    seconds : dict of str to float
    failed : dict of str to str
        Arm to why it could not be fitted.
    untimed : dict of str to str
        Arm to why it was not tried.
    choice : float
        Seconds in all of them for scoring the choice itself, after the fits.
    """
    train, test = split
    frame = frame.reset_index(drop=True)
    rng = np.random.default_rng(0)
    plain = {n: e for n, e in estimators.items() if length_of(e) is None}
    seconds, failed, untimed = {}, {}, {}
    sizes = TRIALS if networks or len(train) > NEAR else (LOOK,)
    sizes = [n for n in sizes if n < len(train)] or [len(train)]
    parts = [_part(codes, train, n, rng) for n in sizes]
    began, most = time.perf_counter(), FOR_TRIALS * max(budget or 0.0, 0.0)

    def late(times=1):
        return budget is not None and time.perf_counter() - began > times * most

    spent = {name: [] for name in plain}
    for part in parts:  # arms of one part share its codes
        rows = _rows(frame, part)
        for name, estimator in plain.items():
            if name in failed or (late() and part is not parts[0]):
                continue
            if late(3) and name not in ALWAYS:
                untimed[name] = _no_time(budget)
                continue
            try:
                took = _seconds_of(estimator, rows, codes[part])
            except Exception as error:
                if len(part) == len(train):
                    failed[name] = _why(name, error)
                continue
            spent[name].append((len(part), took))
    for name, found in spent.items():
        if name in failed or name in untimed:
            continue
        if not found:  # few rows may be too few, of groups for instance
            try:
                took = _seconds_of(plain[name], _rows(frame, train), codes[train])
            except Exception as error:
                failed[name] = _why(name, error)
                continue
            found = [(len(train), took)]
        seconds[name] = _in_line(*zip(*found, strict=True), len(train))

    part, few = (_part(codes, train, n, rng) for n in (TRIAL, 100))
    began = time.perf_counter()
    for name in (n for n in estimators if n not in plain and networks):
        if budget is not None and most < TO_BEGIN:
            untimed[name] = (
                f"{max(budget, 0):.0f} s are too few to find out how long a network takes"
            )
            continue
        if late():
            untimed[name] = _no_time(budget)
            continue
        estimator, scale = estimators[name], len(train) / len(part)
        kind, whole = length_of(estimator)
        # By steps rather than by rows, a training is as long for any table.
        longer = 1.0 if kind == "n_steps" else scale
        short = max(1, whole // SHORT)
        long = min(whole, max(short + 4, whole // LONG))
        rows, took = _rows(frame, part), []
        try:
            # All beginnings are slow, and should not count.
            _seconds_of_part(estimator, 1, _rows(frame, few), codes[few])
            for length in (short, long):
                if late():
                    break
                took.append(_seconds_of_part(estimator, length, rows, codes[part]))
                # Whatever of it the steps take, all of it is at least so long.
                least = took[0] * min(longer * whole / short, scale)
                hopeless = budget is not None and (least * fewest / n_jobs > budget)
                if hopeless:
                    break
        except Exception as error:
            failed[name] = _why(name, error)
            continue
        if took and hopeless:
            seconds[name] = least
        elif len(took) < 2:
            untimed[name] = _no_time(budget)
        else:
            each = max(took[1] - took[0], 0.0) / max(long - short, 1)
            beside = max(took[0] - each * short, 0.0)
            seconds[name] = each * longer * whole + beside * scale
    each = _seconds_of_choice(len(test), n_draws(len(frame)), rng)
    seconds = {n: seconds[n] * BESIDE + each for n in estimators if n in seconds}
    return seconds, failed, untimed, each


def _no_time(budget):
    return (
        f"of the {max(budget, 0):.0f} s left, too many went into finding out how long "
        "arms take"
    )


def _why(name, error):
    if name in ALWAYS:
        raise error
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _rows(frame, part):
    rows = frame.iloc[part]
    rows.attrs = {**frame.attrs, "table": uuid.uuid4().hex}
    return rows


def length_of(estimator):
    """The parameter that says how long a network is trained, and its value; or None."""
    inner = _trained(estimator)
    if isinstance(inner, Later):
        return "epochs", 1
    for name in LENGTHS:
        whole = getattr(inner, name, None)
        # MC-RBO has steps as well, a few for each new row, and no batches.
        if isinstance(whole, int) and (
            name == "epochs" or hasattr(inner, "batch_size")
        ):
            return name, whole
    return None


def _trained(estimator):
    """The sampler itself, without what makes tables into numbers."""
    return getattr(estimator.sampler, "sampler", estimator.sampler)


def _part(codes, train, n, rng):
    """Some rows of the training part, the classes in their shares but none below 20."""
    if n >= len(train):
        return train
    chosen = []
    for k in np.unique(codes[train]):
        own = rng.permutation(train[codes[train] == k])
        chosen.append(own[: max(20, round(n * len(own) / len(train)))])
    return np.sort(np.concatenate(chosen))


def _seconds_of(estimator, rows, codes):
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # short trainings say that they were short
        fitted = clone(estimator).fit(rows, codes)
        fitted.predict_proba(rows.iloc[: len(rows) // 4 + 1])
    return time.perf_counter() - began


def _seconds_of_part(estimator, length, rows, codes):
    """Of a network that is trained so long only."""
    trial = clone(estimator)
    _trained(trial).set_params(**{length_of(estimator)[0]: length})
    return _seconds_of(trial, rows, codes)


def _in_line(sizes, seconds, n):
    """Seconds of `n` rows, from those of fewer and of more."""
    if len(sizes) == 1 or sizes[0] == sizes[-1]:
        return seconds[-1] * n / sizes[-1]
    slope = (seconds[-1] - seconds[0]) / (sizes[-1] - sizes[0])
    # At least what was seen, and no more than in proportion.
    line = seconds[-1] + max(slope, 0.0) * (n - sizes[-1])
    return min(line, seconds[-1] * max(1.0, n / sizes[-1]))


def _seconds_of_choice(n_test, n_drawn, rng):
    """Of an arm in a split, for scoring the choice itself: by rows drawn at random."""
    n, few = min(n_test, 400), 25
    p, y = rng.uniform(size=(n, 2)), np.arange(n) % 2
    weights = rng.uniform(size=(few, n))
    average_precision(p, y, weights, 1)
    began = time.perf_counter()
    average_precision(p, y, weights, 1)
    once = time.perf_counter() - began
    # Drawn rows, rows left over, and log losses.
    return 3 * once * n_test / n * n_drawn / few


# ---------------------------------------------------------------- the plan


def planned(seconds, budget, n_jobs, shared, step=_splits.FOLDS, fixed=None, least=1):
    """How many splits there is time for, and which arms are too slow for any plan.

    Parameters
    ----------
    seconds : dict of str to float
        One split of each arm, from simple to complex.
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
    least : int
        Fewest arms beside those that stay: 0 where there is one that needs no fits.

    Returns
    -------
    n_splits : int
    slow : dict of str to str
        Arm to why it is left out.

    Raises
    ------
    ValueError
        Not even so many arms beside those that stay can be finished.
    """
    seconds, slow = dict(seconds), {}
    fewest = fixed or -(-_splits.FEWEST // step) * step
    while True:
        each = sum(seconds.values()) / n_jobs
        free = PLANNED * (budget - last_seconds(seconds, n_jobs))
        if each * fewest <= free:
            break
        others = {name: s for name, s in seconds.items() if name not in shared}
        if len(others) <= least:
            raise ValueError(
                f"time_budget leaves {max(budget, 0):.1f} s, too little for two arms: "
                f"{fewest} splits of {', '.join(seconds)} take about "
                f"{each * fewest:.1f} s; give more time, name quicker candidates, or a "
                "quicker classifier."
            )
        name = max(others, key=others.get)
        slow[name] = (
            f"one fit would take about {seconds.pop(name):.1f} s, and {fewest} splits of "
            "all arms do not fit into time_budget"
        )
    if fixed:
        return fixed, slow
    most = int(free / max(each, 1e-9)) // step * step
    return max(fewest, min(_splits.MOST // step * step, most)), slow


def last_seconds(seconds, n_jobs=1):
    """What the splits must leave: the last fit, one that is under way, and workers."""
    slowest = max(seconds.values(), default=0.0)
    return (LAST + 1) * slowest + (WORKERS if n_jobs > 1 else 0.0)
