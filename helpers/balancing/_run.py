"""From a file to a folder of results.

Over 500 lines, as every option of the command is checked, followed and recorded here.
"""

import contextlib
import errno
import re
import time as clock
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import (
    RepeatedStratifiedKFold,
    StratifiedGroupKFold,
    train_test_split,
)

from .. import report
from ..checks import require_known
from ..runs import cluster
from ..selection import AutoOverSampler
from ..tables import TableCodec
from ._audit import audit
from ._files import Folder, read_table
from ._new_rows import described, provenance_of
from ._recipe import recipe

#: Share of the budget for the choice and the fit of the table; with records set aside,
#: both of which are fitted anew. The rest is for the report.
FOR_CHOICE, WITH_HOLDOUT = 0.9, 0.7
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


def balance(
    path,
    *,
    out=None,
    overwrite=False,
    jobs=1,
    dask=None,
    dry_run=False,
    say=print,
    since=None,
    **asked,
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
    dask : str, optional
        Address of the scheduler of a Dask cluster, which fits the arms instead.
    dry_run : bool
        Only look the table through and say what would be done; nothing is written.
    say : callable
        Takes each line that is told.
    since : float, optional
        When the budget began to count, as of `time.time`; now by default.
    **asked
        ``target`` : column of the classes.
        ``need`` : "decisions", "ranking" or "probabilities"; `AutoOverSampler`'s scoring.
        ``cost_fn, cost_fp`` : cost of a rare record missed, and of another called rare.
        ``methods`` : "auto", "all" or names separated by commas.
        ``classifier`` : "logistic", "boosting" or "package:Class".
        ``categorical, dates, drop`` : columns.
        ``group, time`` : column; records of a group stay together, or the past tells the
        future.
        ``budget`` : seconds for all of it; None is as many splits as on every machine.
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
    ConnectionError
        No Dask scheduler answers.
    """
    asked = Asked(**asked)
    started = clock.time() if since is None else since
    _refuse_contradictions(asked)
    _refuse_places(jobs, dask)
    with _told_if_full():
        return _balance(path, asked, out, overwrite, jobs, dask, dry_run, say, started)


@contextlib.contextmanager
def _told_if_full():
    """A full disk, with what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        where = f" ({error.filename})" if error.filename else ""
        raise OSError(
            f"{error.strerror}{where}; free some. What is done is kept, and the same call "
            "goes on."
        ) from error


def _balance(path, asked, out, overwrite, jobs, dask, dry_run, say, started):
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
    auto = _selection(asked, kinds, y)
    auto.set_params(n_jobs=jobs)
    try:
        with cluster(dask) if dask else contextlib.nullcontext():
            # Whatever is refused is refused before anything is written.
            plan = auto.plan(X, y, measure=None)
            if asked.force:
                auto.set_params(candidates=_with_force(auto, plan, asked.force))
                plan = auto.plan(X, y, measure=None)
            _limit(auto, asked, started)
            if dry_run:
                return _dry(auto.plan(X, y, measure="plain"), found, asked, say)
            folder = Folder(
                _out(path, out), {**_decisive(asked), "input": source.digest}, overwrite
            )
            beside = [f"rows.csv{end}" for end in BESIDE]
            folder.grows(*beside)
            auto.set_params(store=folder.path / "rows.csv")
            try:
                if asked.budget is not None:
                    plan = auto.plan(X, y)
                _refuse_force(asked.force, plan)
            except ValueError:
                folder.leave()
                raise
            for line in str(plan).splitlines():
                say(line)
            _limit(auto, asked, started)
            auto.fit(X, y)
        method = asked.force or auto.verdict_.chosen
        _refuse_force(method, plan._replace(left_out=auto.left_out_))
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


def _refuse_places(jobs, dask):
    """Where fits are computed: here, or on a cluster."""
    most = 4 * joblib.cpu_count()
    if jobs != -1 and not 1 <= jobs <= most:
        raise ValueError(f"--jobs {jobs}: give -1, a process per core, or 1 to {most}.")
    if dask == "":
        raise ValueError(
            "--dask '' names no scheduler; give its address, or leave it out."
        )
    if dask is not None and jobs != 1:
        raise ValueError(
            f"--jobs {jobs} is for this machine, and --dask for a cluster; leave one of "
            "the two out."
        )


def _refuse_force(method, plan):
    """A method that is to be used whatever comes, and was left out."""
    if method in plan.left_out:
        raise ValueError(
            f"--force {method}: it was left out ({plan.left_out[method]}); give more "
            "time, or another method."
        )


def _limit(auto, asked, started):
    """What is left of the budget for the choice and the fit of the table."""
    if auto.time_budget is None:
        return
    share = WITH_HOLDOUT if asked.holdout else FOR_CHOICE
    spent = clock.time() - started
    auto.set_params(time_budget=max(share * asked.budget - spent, 1e-3))


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


def _selection(asked, kinds, y):
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
    names = [name for name in plan.arms if name != "nothing"]
    return names if force in names else [*names, force]


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


def _dry(plan, found, asked, say):
    """Arms, splits, time and the smallest gain that can be told, without scores."""
    for line in str(plan).splitlines():
        say(line)
    if asked.budget is not None:
        say(f"The whole call is to end within {asked.budget:.0f} s.")
    return {
        "audit": found,
        "arms": [*plan.arms],
        "left_out": plan.left_out,
        "n_splits": plan.n_splits,
        "seconds": plan.seconds,
        "total": plan.total,
        "tellable": None if np.isnan(plan.detectable) else plan.detectable,
    }
