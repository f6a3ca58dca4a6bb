"""From a file to a folder of results.

The report, with its pictures and templates, is imported when there is one to write.
"""

import contextlib
import errno
import time as clock
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from ..runs import cluster
from ..selection import repeated_rows
from ..tables import TableCodec
from ._audit import audit, audit_lines, printable
from ._files import Folder, read_table
from ._holdout import set_aside
from ._new_rows import described, provenance_of
from ._options import (
    Asked,
    arm_of,
    as_options,
    chooser,
    decisive,
    folder_of,
    known_columns,
    plainly,
    refuse_contradictions,
    refuse_force,
    refuse_places,
    what_force_takes,
    with_force,
)
from ._recipe import recipe

#: Share of the budget for the choice and the fit of the table; with records set aside,
#: both of which are fitted anew. The rest is for the report.
FOR_CHOICE, WITH_HOLDOUT = 0.9, 0.7
#: The store of rows, and what it keeps beside itself.
BESIDE = "", ".lock", ".plan.json", ".predictions"


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
        Begin anew: replace what a call wrote here, and nothing else.
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
        ``repeats`` : of cross-validation, in place of a plan by budget.
        ``splits`` : folds of each repeat.
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
    refuse_contradictions(asked)
    refuse_places(jobs, dask)
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


def _limit(auto, asked, started):
    """What is left of the budget for the choice and the fit of the table."""
    if auto.time_budget is None:
        return
    share = WITH_HOLDOUT if asked.holdout else FOR_CHOICE
    spent = clock.time() - started
    auto.set_params(time_budget=max(share * asked.budget - spent, 1e-3))


def _balance(path, asked, out, overwrite, jobs, dask, dry_run, say, started):
    source = read_table(path, asked.target, asked.encoding, asked.delimiter)
    asked, forced = known_columns(asked, source), arm_of(asked.force)
    kinds = {
        **dict.fromkeys(asked.categorical, "category"),
        **dict.fromkeys(asked.dates, "date"),
    }
    try:
        found = audit(source, asked.target, kinds, asked.drop, asked.group, asked.time)
        for line in audit_lines(found, path, asked.target):
            say(line)

        n, held = len(source.frame), None
        if asked.holdout:
            held = set_aside(
                source.frame,
                asked.target,
                asked.holdout,
                group=asked.group,
                time=asked.time,
                seed=asked.seed,
            )
            say(f"Set aside: {len(held):,} of {n:,} records ({len(held) / n:.0%}).")
            # The audit's kinds: to what is set aside a column may be something else.
            table = source.frame.drop(columns=[asked.target, *asked.drop])
            kinds = TableCodec(kinds=kinds or None).fit(table).kinds_to_tell()
        rows = np.setdiff1d(np.arange(n), [] if held is None else held)
        X, y = _features(source, rows, asked)
        auto = chooser(asked, kinds, y, source.frame[asked.target])
        if auto.costs is not None:
            rare = found["classes"][-1]["label"]
            told = [1 if c is None else c for c in (asked.cost_fn, asked.cost_fp)]
            say(
                printable(
                    f"Costs: {told[0]:g} for a missed {rare!r}, {told[1]:g} for another "
                    "record that is called so."
                )
            )
        auto.set_params(n_jobs=jobs)
        with cluster(dask) if dask else contextlib.nullcontext():
            # Whatever is refused is refused before anything is written.
            if asked.force or not dry_run:
                plan = auto.plan(X, y, measure=None)
            if asked.force:
                auto.set_params(candidates=with_force(auto, plan, asked.force))
                plan = auto.plan(X, y, measure=None)
            if dry_run:
                _limit(auto, asked, started)
                return _dry(auto.plan(X, y, measure="plain"), found, asked, say)
            from .. import report  # now, so that what it takes is known to the plan

            _limit(auto, asked, started)
            folder = Folder(
                folder_of(path, out),
                {**decisive(asked, auto), "input": source.digest},
                overwrite,
            )
            beside = [f"rows.csv{end}" for end in BESIDE]
            folder.grows(*beside)
            auto.set_params(store=folder.path / "rows.csv")
            if (
                asked.budget is not None
                and (folder.path / "rows.csv.plan.json").exists()
            ):
                say("The plan of the first call goes on, whatever --budget is now.")
            try:
                if asked.budget is not None:
                    plan = auto.plan(X, y)
                refuse_force(asked, plan.left_out, plan.late)
            except ValueError:
                folder.leave()
                raise
            for line in str(plan).splitlines():
                say(as_options(line))
            if line := what_force_takes(asked, plan.late):
                say(line)
            _limit(auto, asked, started)
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Left out")  # told below
                auto.fit(X, y)
        auto.left_out_ = {k: as_options(why) for k, why in auto.left_out_.items()}
        method = forced or auto.verdict_.chosen
        refuse_force(asked, auto.left_out_, plan.late)
        X_out, y_out = auto.treat(X, y, method)
    except (ValueError, RuntimeError) as error:
        kind = ValueError if isinstance(error, ValueError) else RuntimeError
        raise kind(as_options(str(error))) from error

    kept, new, origin = _resampled(auto, source, rows, X_out, y_out, X, asked)
    data = source.written(kept, new, asked.mark)
    names = {"balanced": f"balanced{source.suffix}"}
    folder.write(names["balanced"], data)
    if held is not None:
        names["holdout"] = f"holdout{source.suffix}"
        none = new.iloc[:0] if isinstance(new, pd.DataFrame) else new[:0]
        folder.write(names["holdout"], source.written(held, none))
    told = provenance_of(X, origin, auto.recipe_.kinds, asked)
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
            asked.holdout,
        ),
    )
    folder.write("scores.csv", auto.rows_.to_csv(index=False))
    names |= {"scores": "scores.csv", "rows": "rows.csv", "report": "report.html"}
    facts = report.facts(
        path=path,
        source=source,
        asked=plainly(asked),
        found=found,
        auto=auto,
        method=method,
        positive=positive,
        n_kept=len(kept),
        repeats=origin[2] is not None,
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
    for name, why in auto.left_out_.items():
        if why.startswith("failed"):
            say(f"Left out: {name} {why}")
    if not auto.verdict_.told:
        say("The same call goes on with the other splits; --budget may be another.")
    if method != auto.verdict_.chosen:
        say(f"As told, the table was balanced with {method} all the same.")
    say(f"{folder.path / 'report.html'}")
    return facts


# -------------------------------------------------------------------- records


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
    picked = repeated_rows(auto.best_sampler_)
    if picked is not None:
        more = np.asarray(picked)[n:] if len(picked) > n else np.zeros(0, int)
        kept = np.unique(picked)
        y = source.frame[asked.target].to_numpy()[rows]
        return rows[kept], rows[more], (X.iloc[more], y[more], more)
    fresh = pd.DataFrame(X_out).iloc[n:].reset_index(drop=True)
    labels = np.asarray(y_out)[n:]
    new = fresh.copy()
    new[asked.target] = labels
    return rows, new.reindex(columns=source.frame.columns), (fresh, labels, None)


# -------------------------------------------------------------------- holdout


def _held_out(auto, method, source, held, asked, X, y):
    """Scores of nothing, the verdict's arm and the method on the records set aside."""
    if held is None:
        return None
    from .. import report

    table = source.frame.iloc[held].reset_index(drop=True)
    labels = table[asked.target].to_numpy()
    rest = table.drop(columns=[asked.target, *asked.drop])
    said = {}
    for name in dict.fromkeys(["nothing", auto.verdict_.chosen, method]):
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
    refuse_force(asked, plan.left_out, plan.late)
    for line in str(plan).splitlines():
        say(as_options(line))
    if line := what_force_takes(asked, plan.late):
        say(line)
    if asked.budget is not None:
        say(f"The whole call is to end within {asked.budget:.0f} s.")
    return {
        "audit": found,
        "arms": [*plan.arms],
        "left_out": {k: as_options(why) for k, why in plan.left_out.items()},
        "n_splits": plan.n_splits,
        "seconds": plan.seconds,
        "total": plan.total,
        "tellable": None if np.isnan(plan.detectable) else plan.detectable,
    }
