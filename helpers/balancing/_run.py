"""From a file to a folder of results.

Over 500 lines, as every option of the command is checked, followed and recorded here.
"""

import re
import time as clock
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    train_test_split,
)

from .. import report
from ..checks import require_known
from ..selection import AutoOverSampler, ResampledClassifier
from ..tables import TableCodec
from ._audit import audit
from ._files import Folder, read_table
from ._new_rows import described, provenance_of
from ._recipe import recipe

#: Share of the budget for the splits; the rest is for the last fit and the report.
FOR_SPLITS = 0.85
#: Rows and seconds in which `--dry-run` times fits.
DRY_ROWS, DRY_SECONDS = 2000, 1.5
#: Splits that a budget allows at least and at most, as in `AutoOverSampler`.
FEWEST, MOST = 10, 50
#: The store of rows, and what it keeps beside itself.
BESIDE = "", ".lock", ".plan.json", ".predictions"
#: What is called otherwise on the command line.
_OPTIONS = {
    "time_budget": "--budget",
    "candidates": "--methods",
    "classifier": "--classifier",
    "min_gain": "--min-gain",
    "groups": "--group",
    "times": "--time",
    "scoring": "--for",
    "kinds": "--categorical, --dates or --drop",
}


class Asked(NamedTuple):
    """What the caller wants; `balance` documents it."""

    target: str
    need: str = "decisions"
    cost_fn: float | None = None
    cost_fp: float | None = None
    methods: str = "auto"
    classifier: str | None = None
    categorical: tuple = ()
    dates: tuple = ()
    drop: tuple = ()
    group: str | None = None
    time: str | None = None
    budget: float | None = 600.0
    repeats: int | None = None
    splits: int | None = None
    alpha: float = 0.05
    min_gain: float = 0.01
    holdout: float = 0.0
    force: str | None = None
    mark: str | None = None
    seed: int = 0
    encoding: str = "utf-8"
    delimiter: str | None = None


class _Planned(Exception):
    """What would be fitted, instead of fitting it."""

    def __init__(self, splits, estimators, left_out):
        self.splits, self.estimators, self.left_out = splits, estimators, left_out


class _Planner(AutoOverSampler):
    """Everything that a choice refuses and leaves out before it fits anything."""

    def _plan(self, frame, codes, splits, estimators, left_out, started):
        raise _Planned(splits, estimators, left_out)


def balance(
    path, *, out=None, overwrite=False, jobs=1, dry_run=False, say=print, **asked
):
    """Decide whether and how to balance a table, and write all that follows from it.

    Parameters
    ----------
    path : path-like
        CSV, TSV, parquet or feather, plain or as gzip.
    out : path-like, optional
        Folder of results; ``<name>-balanced`` by default. One that holds other files is
        refused.
    overwrite : bool
        Replace the results of another call, and nothing else.
    jobs : int
        Processes.
    dry_run : bool
        Only look the table through and say what would be done; nothing is written.
    say : callable
        Takes each line that is told.
    **asked
        ``target`` : column of the classes.
        ``need`` : "decisions", "ranking" or "probabilities"; `AutoOverSampler`'s scoring.
        ``cost_fn, cost_fp`` : cost of a rare record missed, and of another called rare.
        ``methods`` : "auto", "all" or names separated by commas.
        ``classifier`` : "logistic", "boosting" or "package:Class".
        ``categorical, dates, drop`` : columns.
        ``group, time`` : column; records of a group stay together, or the past tells the
        future.
        ``budget`` : seconds; None is as many splits as on every machine.
        ``repeats, splits`` : of cross-validation, in place of a plan by budget.
        ``alpha, min_gain`` : of the rule.
        ``holdout`` : share of records set aside before anything is learned.
        ``force`` : method of the balanced table, whatever the verdict.
        ``mark`` : name of a column that tells new records (1) from old ones (0).
        ``seed``, ``encoding``, ``delimiter``.

    Returns
    -------
    dict
        The report, as in ``report.json``.

    Raises
    ------
    OSError
        Files: no such table, a broken record, a folder that holds something else.
    ValueError
        Options that are unknown or contradict one another, a table that nothing can be
        learned from.
    RuntimeError
        The budget was spent too soon; the same call goes on.
    """
    asked = Asked(**asked)
    started = clock.time()
    _refuse_contradictions(asked)
    source = read_table(path, asked.target, asked.encoding, asked.delimiter)
    asked = _known_columns(asked, source)
    kinds = {
        **dict.fromkeys(asked.categorical, "category"),
        **dict.fromkeys(asked.dates, "date"),
    }
    found = audit(source, asked.target, kinds, asked.drop, asked.group, asked.time)
    for line in report.audit_lines(found, path, asked.target):
        say(line)

    rows, held = _parts(source, asked)
    X, y = _features(source, rows, asked)
    auto = _selection(asked, kinds, y, found)
    try:
        # Whatever is refused is refused before anything is written.
        plan = _planned(auto, X, y)
        if asked.force:
            auto.set_params(candidates=_with_force(auto, plan, asked.force))
            plan = _planned(auto, X, y)
        if dry_run:
            return _dry(plan, X, y, asked, found, jobs, say)
        folder = Folder(
            _out(path, out), {**_decisive(asked), "input": source.digest}, overwrite
        )
        beside = [f"rows.csv{end}" for end in BESIDE]
        folder.grows(*beside)
        if folder.slow is None:
            folder.settle(_too_slow(plan, X, y, asked, jobs))
        if folder.slow:
            fast = [name for name in _arms(auto, plan) if name not in folder.slow]
            auto.set_params(candidates=fast)
        auto.set_params(store=folder.path / "rows.csv", n_jobs=jobs)
        if auto.time_budget is not None:
            spent = clock.time() - started
            auto.set_params(time_budget=max(FOR_SPLITS * asked.budget - spent, 0.1))
        auto.fit(X, y)
        auto.left_out_ = {**plan.left_out, **auto.left_out_, **folder.slow}
        method = asked.force or auto.verdict_.chosen
        if method not in auto.recipes_:
            why = auto.left_out_.get(method, "it is unknown")
            raise ValueError(f"--force {method}: it was left out ({why}).")
        X_out, y_out = auto.treat(X, y, method)
    except ValueError as error:
        raise ValueError(_as_options(str(error))) from error

    kept, new, origin = _resampled(auto, source, rows, X_out, y_out, X, asked)
    data = source.written(kept, new, asked.mark)
    names = {"balanced": f"balanced{source.suffix}"}
    folder.write(names["balanced"], data)
    if held is not None:
        names["holdout"] = f"holdout{source.suffix}"
        none = new.iloc[:0] if isinstance(new, pd.DataFrame) else new[:0]
        folder.write(names["holdout"], source.written(held, none))
    told = provenance_of(X, y, origin, auto.recipe_.kinds, asked)
    table = told.assign(
        record=np.arange(len(kept) + 1, len(kept) + 1 + len(told)),
        method=method,
        seed=asked.seed,
        nearest_line=source.table.lines[rows[told["nearest"].to_numpy(int)]],
    )
    columns = ["record", "class", "method", "seed", "nearest_line", "distance", "copy"]
    if len(told):
        names["provenance"] = "provenance.csv"
        folder.write("provenance.csv", table[columns].to_csv(index=False))
    positive = auto.classes_[auto._positive] if len(auto.classes_) == 2 else None
    metric = auto.comparison_.columns[0]
    names["recipe"] = "recipe.py"
    folder.write(
        "recipe.py",
        recipe(
            Path(path).resolve(),
            source,
            asked.target,
            asked.drop,
            auto,
            method,
            metric,
            auto.verdict_.advice,
            positive,
            auto.costs,
            method != auto.verdict_.chosen,
        ),
    )
    names |= {"rows": "rows.csv", "report": "report.html"}
    facts = report.facts(
        path=path,
        source=source,
        asked=_plainly(asked),
        found=found,
        auto=auto,
        method=method,
        positive=positive,
        n_kept=len(kept),
        new_rows=described(X, y, origin, told, auto.recipe_.kinds, asked),
        holdout=_held_out(auto, method, source, held, asked, X, y),
        seconds=clock.time() - started,
        files=names,
    )
    folder.write("report.json", report.as_json(facts))
    folder.write("report.md", report.as_markdown(facts))
    folder.write("report.html", report.as_html(facts))
    folder.keep_only({*names.values(), "report.json", "report.md", *beside})
    say(f"{auto.verdict_}")
    if asked.force:
        say(f"As told, the table was balanced with {asked.force} all the same.")
    say(f"{folder.path / 'report.html'}")
    return facts


# -------------------------------------------------------------------- options


def _refuse_contradictions(asked):
    require_known("--for", asked.need, ["decisions", "ranking", "probabilities"])
    costs = [c for c in (asked.cost_fn, asked.cost_fp) if c is not None]
    if costs and asked.need != "decisions":
        raise ValueError(
            f"--cost-fn and --cost-fp are of decisions, and --for is {asked.need}; leave "
            "one of the two out."
        )
    if any(not 0 < c < np.inf for c in costs):
        raise ValueError(f"--cost-fn and --cost-fp must be above 0, got {costs}.")
    if asked.group and asked.time:
        raise ValueError(
            f"--group {asked.group} and --time {asked.time} both say how records are "
            "split; leave one out."
        )
    if asked.repeats and (asked.group or asked.time):
        raise ValueError(
            "--repeats is for splits at random, and --group or --time says otherwise; "
            "leave --repeats out."
        )
    if asked.splits and asked.time:
        raise ValueError("--splits are folds, and --time has none; leave one out.")
    for name, value, low in (
        ("--repeats", asked.repeats, 1),
        ("--splits", asked.splits, 2),
    ):
        if value is not None and value < low:
            raise ValueError(f"{name} {value}: give {low} or more.")
    if not 0 <= asked.holdout < 0.9:
        raise ValueError(
            f"--holdout {asked.holdout:g}: give a share below .9, such as .2."
        )
    if not 0 < asked.alpha < 1:
        raise ValueError(f"--alpha {asked.alpha:g}: give a share between 0 and 1.")
    if not 0 <= asked.min_gain < np.inf:
        raise ValueError(f"--min-gain {asked.min_gain:g}: give 0 or more.")
    if asked.budget is not None and not 0 < asked.budget < np.inf:
        raise ValueError(f"--budget {asked.budget:g}: give a time, such as 10m.")
    if asked.seed < 0:
        raise ValueError(f"--seed {asked.seed}: give 0 or more.")


def seconds_of(text):
    """Seconds of a time such as ``90``, ``90s``, ``10m``, ``1.5h``; None of ``none``.

    Examples
    --------
    >>> seconds_of("10m"), seconds_of("1.5h"), seconds_of("none")
    (600.0, 5400.0, None)
    """
    if text == "none":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(s|m|min|h)?", text.strip())
    if not match:
        raise ValueError(f"--budget {text!r}: give a time such as 90s, 10m or 1.5h.")
    units = {None: 1, "s": 1, "m": 60, "min": 60, "h": 3600}
    return float(match[1]) * units[match[2]]


def _known_columns(asked, source):
    """Columns are named as in the file; none is asked for twice."""
    names = [*source.frame.columns]
    require_known("column in --target", asked.target, names)
    uses = {
        "--categorical": asked.categorical,
        "--dates": asked.dates,
        "--drop": asked.drop,
        "--group": (asked.group,) if asked.group else (),
        "--time": (asked.time,) if asked.time else (),
    }
    seen = {asked.target: "--target"}
    for option, columns in uses.items():
        for name in columns:
            require_known(f"column in {option}", name, names)
            if name in seen:
                raise ValueError(
                    f"Column {name!r} is named in {seen[name]} and {option}; leave one out."
                )
            seen[name] = option
    if asked.mark is not None and (asked.mark in names or not asked.mark):
        raise ValueError(
            f"--mark {asked.mark!r}: the table has such a column; give a name of its own."
        )
    return asked


def _selection(asked, kinds, y, found):
    methods = asked.methods
    if methods not in ("auto", "all"):
        methods = [name.strip() for name in methods.split(",") if name.strip()]
        if not methods:
            raise ValueError(
                "--methods is empty; say auto, or names such as smote,gan."
            )
        names = [name.rpartition(":")[2] for name in methods]
        if asked.force and asked.force not in (*names, "nothing"):
            methods.append(asked.force)
    cv, budget = asked.splits, asked.budget
    if asked.repeats:
        cv = RepeatedStratifiedKFold(
            n_splits=asked.splits or 5,
            n_repeats=asked.repeats,
            random_state=asked.seed,
        )
    return AutoOverSampler(
        methods,
        _classifier(asked.classifier),
        scoring=asked.need,
        costs=_costs(asked, y),
        cv=cv,
        alpha=asked.alpha,
        min_gain=asked.min_gain,
        time_budget=budget,
        codec=TableCodec(kinds=kinds) if kinds else None,
        groups=asked.group,
        times=asked.time,
        random_state=asked.seed,
    )


def _classifier(name):
    if name is None or ":" not in name:
        return name
    module, _, kind = name.partition(":")
    try:
        made = getattr(import_module(module), kind)()
    except ImportError as error:
        raise ValueError(f"--classifier {name}: {error}.") from None
    except AttributeError:
        raise ValueError(f"--classifier {name}: {module} has no {kind}.") from None
    except TypeError as error:
        raise ValueError(
            f"--classifier {name} cannot be made without arguments ({error})."
        ) from None
    if not (hasattr(made, "fit") and hasattr(made, "predict_proba")):
        raise ValueError(
            f"--classifier {name} has no predict_proba; name a classifier that has."
        )
    return made


def _costs(asked, y):
    if asked.cost_fn is None and asked.cost_fp is None:
        return None
    classes, counts = np.unique(y, return_counts=True)
    if len(classes) != 2:
        raise ValueError(
            f"--cost-fn and --cost-fp are for two classes, and there are {len(classes)}; "
            "leave them out."
        )
    rare = int(counts.argmin())
    costs = np.zeros((2, 2))
    costs[rare, 1 - rare] = 1 if asked.cost_fn is None else asked.cost_fn
    costs[1 - rare, rare] = 1 if asked.cost_fp is None else asked.cost_fp
    return costs.tolist()


def _with_force(auto, plan, force):
    """The candidates, with the one that is to be used whatever comes."""
    if force == "nothing" or not isinstance(auto.candidates, str):
        return auto.candidates
    names = _arms(auto, plan)
    return names if force in names else [*names, force]


def _arms(auto, plan):
    """Names of what would be compared with nothing."""
    names = [name for name in plan.estimators if name not in ("dummy", "nothing")]
    return ["threshold", *names] if auto.scoring == "decisions" else names


def _too_slow(plan, X, y, asked, jobs):
    """Networks that nobody named and that no plan has time for, by a part of one fit.

    `AutoOverSampler` times a whole fit of each arm, which a network may need longer for
    than there is.

    Returns
    -------
    dict of str to str
        Name to why it is left out.
    """
    slow = {}
    if asked.budget is None or asked.methods != "auto":
        return slow
    budget, started = FOR_SPLITS * asked.budget, clock.perf_counter()
    for name, estimator in plan.estimators.items():
        inner = getattr(estimator.sampler, "sampler", None)
        length = next((p for p in ("epochs", "n_steps") if hasattr(inner, p)), None)
        if length is None or name == asked.force:
            continue
        whole = getattr(inner, length)
        if clock.perf_counter() - started > budget / 10:
            slow[name] = (
                "a tenth of --budget went into finding out how long others take"
            )
            continue
        part, took = max(1, whole // 200), []
        try:
            for times in (1, 3):  # what does not grow with the epochs counts once
                trial = clone(estimator.sampler)
                trial.set_params(**{f"sampler__{length}": times * part})
                began = clock.perf_counter()
                trial.fit_resample(X.drop(columns=_asides(asked)), y)
                took.append(clock.perf_counter() - began)
        except ValueError:
            continue  # told in time, by the choice itself
        each = max(took[1] - took[0], 0) / (2 * part)
        seconds = took[1] + each * max(whole - 3 * part, 0)
        if seconds * (1 + FEWEST / max(jobs, 1)) > budget / 2:
            slow[name] = (
                f"one fit would take about {seconds:.0f} s, too long for {FEWEST} splits "
                "within half of --budget"
            )
    return slow


def _asides(asked):
    return [c for c in (asked.group, asked.time) if c is not None]


def _planned(auto, X, y):
    try:
        _Planner(**auto.get_params(deep=False)).fit(X, y)
    except _Planned as plan:
        return plan


def _as_options(message):
    """A message in the words of the command line."""
    for name, option in _OPTIONS.items():
        message = re.sub(rf"\b{name}\b", option, message)
    return message


def _plainly(asked):
    """Options as JSON has them."""
    return {k: [*v] if isinstance(v, tuple) else v for k, v in asked._asdict().items()}


def _decisive(asked):
    """What the rows depend on; another table can be written from the same ones."""
    told = _plainly(asked)
    return {k: v for k, v in told.items() if k not in ("force", "mark")}


def _out(path, out):
    if out is not None:
        return Path(out)
    name = Path(path).name
    for end in (".gz", ".csv", ".tsv", ".txt", ".parquet", ".feather"):
        name = name.removesuffix(end)
    return Path(f"{name}-balanced")


# -------------------------------------------------------------------- records


def _parts(source, asked):
    """Numbers of the records to learn from, and of those set aside."""
    n = len(source.frame)
    if not asked.holdout:
        return np.arange(n), None
    y = source.frame[asked.target]
    if asked.time:
        when = TableCodec(numbers="minmax").fit_transform(source.frame[[asked.time]])
        cut = np.quantile(when[:, 0], 1 - asked.holdout)
        held = np.flatnonzero(when[:, 0] >= cut)
    elif asked.group:
        folds = max(2, round(1 / asked.holdout))
        cut = StratifiedGroupKFold(folds, shuffle=True, random_state=asked.seed)
        held = next(cut.split(source.frame, y, source.frame[asked.group]))[1]
    else:
        if y.value_counts().min() < 2:
            raise ValueError(
                f"--holdout: class {y.value_counts().index[-1]!r} has one record."
            )
        held = train_test_split(
            np.arange(n), test_size=asked.holdout, stratify=y, random_state=asked.seed
        )[1]
    held = np.sort(held)
    rows = np.setdiff1d(np.arange(n), held)
    if y.iloc[held].nunique() < y.nunique() or y.iloc[rows].nunique() < y.nunique():
        raise ValueError(
            f"--holdout {asked.holdout:g} leaves a part without one of the classes; give "
            "another share."
        )
    return rows, held


def _features(source, rows, asked):
    table = source.frame.iloc[rows].reset_index(drop=True)
    y = table[asked.target].to_numpy()
    return table.drop(columns=[asked.target, *asked.drop]), y


def _resampled(auto, source, rows, X_out, y_out, X, asked):
    """Old records kept, new ones, and what is needed of the latter.

    Returns
    -------
    kept : array of int
        Numbers of records of the file.
    new : DataFrame with the file's columns, or array of int
        Rows, or the records that they repeat.
    origin : (DataFrame, array, array of int or None)
        Features and labels of the new rows, and which rows of `X` they repeat.
    """
    n = len(X)
    picked = getattr(auto.best_sampler_, "sample_indices_", None)
    if picked is not None:
        more = np.asarray(picked)[n:] if len(picked) > n else np.zeros(0, int)
        kept = np.unique(picked)
        y = source.frame[asked.target].to_numpy()[rows]
        return rows[kept], rows[more], (X.iloc[more], y[more], more)
    fresh = pd.DataFrame(X_out).iloc[n:].reset_index(drop=True)
    labels = np.asarray(y_out)[n:]
    new = fresh.assign(**{asked.target: labels}).reindex(columns=source.frame.columns)
    return rows, new, (fresh, labels, None)


# -------------------------------------------------------------------- holdout


def _held_out(auto, method, source, held, asked, X, y):
    """Scores of nothing and of the method on the records set aside."""
    if held is None:
        return None
    table = source.frame.iloc[held].reset_index(drop=True)
    labels = table[asked.target].to_numpy()
    rest = table.drop(columns=[asked.target, *asked.drop])
    said = {}
    for name in dict.fromkeys(["nothing", method]):
        fitted: Any = clone(auto.recipes_[name]).fit(X, y)
        said[name] = report.scores(
            fitted.predict(rest),
            fitted.predict_proba(rest),
            labels,
            fitted.classes_,
            auto,
        )
    return {"records": len(held), "scores": said}


# -------------------------------------------------------------------- dry run


def _dry(plan, X, y, asked, found, jobs, say):
    """Arms, splits, time and the smallest gain that can be told, without scores."""
    names = [name for name in plan.estimators if name != "dummy"]
    if asked.need == "decisions":
        names.insert(1, "threshold")
    say(f"Arms: {', '.join(names)}.")
    for why in dict.fromkeys(plan.left_out.values()):
        same = [name for name, other in plan.left_out.items() if other == why]
        say(f"  Not {', '.join(same)}: {why}.")
    seconds, untimed = _timed(plan.estimators, X, y)
    each = sum(seconds.values()) / max(jobs, 1)
    own = asked.budget is not None and not (asked.repeats or asked.splits or asked.time)
    n = len(plan.splits)
    if own:
        n = int(FOR_SPLITS * asked.budget / max(each, 1e-9)) // 5 * 5
        n = max(FEWEST, min(MOST, n))
    more = f", and {', '.join(untimed)} beside" if untimed else ""
    say(f"Splits: {n}, about {n * each:.0f} s for {', '.join(seconds)}{more}.")
    if untimed and own:
        say(
            f"  Each of {', '.join(untimed)} is fitted once when the run begins; then "
            f"{FEWEST} to {MOST} splits are planned, within {asked.budget:.0f} s, and what "
            "cannot finish is left out by name."
        )
    gain = _tellable(found["rarest"], n, max(len(names) - 1, 1), asked)
    if not np.isnan(gain):
        say(
            f"Smallest gain that could be told: about {gain:.3f} of mean recall, if two "
            "arms decide one rare record in ten otherwise."
        )
    return {
        "audit": found,
        "arms": names,
        "left_out": plan.left_out,
        "n_splits": n,
        "seconds": seconds,
        "untimed": untimed,
        "tellable": None if np.isnan(gain) else gain,
    }


def _timed(estimators, X, y):
    """Seconds of a fit, by one on some of the rows; networks are not tried."""
    rows = np.arange(len(y))
    if len(rows) > DRY_ROWS:
        rows = train_test_split(rows, train_size=DRY_ROWS, stratify=y, random_state=0)[
            0
        ]
    frame = X.iloc[rows].reset_index(drop=True)
    seconds, untimed, began = {}, [], clock.perf_counter()
    codes = np.unique(y, return_inverse=True)[1][rows]
    for name, estimator in estimators.items():
        if name == "dummy":
            continue
        inner = getattr(estimator.sampler, "sampler", estimator.sampler)
        network = type(inner).__module__.startswith("helpers.")
        if network or clock.perf_counter() - began > DRY_SECONDS:
            untimed.append(name)
            continue
        told = estimator.get_params(deep=False)
        start = clock.perf_counter()
        try:
            ResampledClassifier(**told).fit(frame, codes)
        except ValueError:
            untimed.append(name)
            continue
        seconds[name] = (clock.perf_counter() - start) * len(y) / len(rows)
    return seconds, untimed


def _tellable(rarest, n, arms, asked):
    """A gain in mean recall, from rare rows alone; before any score there is no better.

    Two decisions that differ in a tenth of the rare rows of a test part have recalls whose
    difference has that variance over its rows; the other classes add little.
    """
    if asked.time:
        return float("nan")
    folds = asked.splits or 5
    test = rarest / folds
    variance = 0.1 / max(test, 1) / 4
    error = np.sqrt(variance * (1 / n + 1 / (folds - 1)))
    critical = stats.t.ppf(1 - asked.alpha / arms / 2, n - 1)
    return float(error * (critical + stats.t.ppf(0.8, n - 1)))
