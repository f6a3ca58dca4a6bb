"""The command line: ``python -m helpers book | run | data | balance``.

Each command imports what it needs when it is called, so that ``--help`` is instant.
"""

import contextlib
import csv
import gc
import os
import signal
import sys
from time import time as now
from typing import Annotated

import typer

# Before torch is imported, here or in a kernel: threads that wait for one another sleep
# instead of spinning, which on a busy machine costs ten times the work itself.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

STOPPED = "\nStopped. What is done is kept; the same call goes on."

app = typer.Typer(
    help="Build the book, compute its tables, look after its data; balance your own table.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # loading rich takes longer than all the rest of --help
    pretty_exceptions_enable=False,
)


@app.callback()
def _any_letter():
    # A pipe on Windows takes the letters of one language: an escape is better than an end.
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", "") == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _plain_errors(*failures):
    """One line instead of a traceback where the message says all: a wrong name, a file."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(STOPPED, err=True)
        raise typer.Exit(130) from None
    except (ValueError, OSError, *failures) as error:
        typer.echo(f"Error: {error}", err=True)
        raise typer.Exit(2 if isinstance(error, ValueError) else 1) from None


@contextlib.contextmanager
def _uncollected():
    """Import what stays to the end: the collector need not search it again and again.

    Searching is a quarter of the time of a dry run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


# typer cannot repeat an option with two values: the values of -p arrive as arguments, in
# the order of their keys; unknown options are let through for the sake of values like -1.
@app.command(context_settings={"ignore_unknown_options": True})
def book(
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CHAPTER", help="Run this chapter only; repeatable."),
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Tiny settings of book/smoke.yml, a test.")
    ] = False,
    keys: Annotated[
        list[str] | None,
        typer.Option("-p", metavar="KEY VALUE", help="As in papermill; repeatable."),
    ] = None,
    values: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
):
    """Run the chapters that changed and render the book to _build/html."""
    keys, values = keys or [], values or []
    if len(keys) != len(values):
        given = " ".join(["-p", *keys, *values] if keys else values)
        typer.echo(f"Error: every -p takes a KEY and a VALUE, got: {given}", err=True)
        raise typer.Exit(2)
    with _plain_errors(ModuleNotFoundError):
        parameters = dict(zip(keys, map(_value, values), strict=True))
        before = signal.signal(signal.SIGINT, _stop)
        try:
            from .publishing import build

            code = build(only=only or (), smoke=smoke, parameters=parameters)
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"The book needs the package {error.name}, which is not installed: "
                "pip install -e '.[book]'"
            ) from None
        finally:
            signal.signal(signal.SIGINT, before)
    raise typer.Exit(code)


def _stop(*_):
    """On Ctrl-C: end at once, with the kernels.

    Not a KeyboardInterrupt, which asyncio turns into a cancelled task and the notebook's
    client then takes for a dead kernel, or for nothing. A kill at any moment is safe.
    """
    import psutil

    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    typer.echo(STOPPED, err=True)
    os._exit(130)


def _value(text: str):
    """Read a parameter's value: YAML, where also ``1e-4`` is a number as in papermill."""
    import yaml

    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"-p: the value {text!r} is no YAML ({reason}).") from None
    with contextlib.suppress(ValueError):
        return float(value) if isinstance(value, str) else value
    return value


@app.command()
def run(
    chapter: str,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Of the class of --method."),
    ] = None,
    *,
    profile: Annotated[
        str, typer.Option(help="One of the chapter's; a wrong name lists them.")
    ],
    method: Annotated[
        str | None,
        typer.Option(
            metavar="SAMPLER", help="Yours: package:Class or module.py:Class."
        ),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Processes; -1 is one per core.")] = 1,
    only: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Cells such as 'bcw/gan*'.")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Scheduler of a Dask cluster: tcp://host:8786."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only say which runs are missing, and their hours."
        ),
    ] = False,
):
    """Compute the rows that a chapter's table in book/results lacks.

    With --method, those of a sampler of yours, in a file of its own.
    """
    # Some runs failed, and the message names the first; or distributed is not there.
    with _plain_errors(RuntimeError, ModuleNotFoundError):
        if dask is not None and jobs != 1:
            raise ValueError(
                f"--jobs {jobs} is for this machine; with --dask each worker of the "
                "cluster takes a run per thread. Leave one of the two out."
            )
        if arguments and method is None:
            raise ValueError(
                f"{' '.join(arguments)} belongs to no --method; leave it out, or name one."
            )
        from .experiments import run_chapter

        run_chapter(
            chapter,
            profile=profile,
            n_jobs=jobs,
            only=only,
            dask=dask,
            dry=dry_run,
            method=method and " ".join([method, *(arguments or [])]),
        )


@app.command()
def data(
    names: Annotated[list[str] | None, typer.Argument(help="All by default.")] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch what is missing, and verify.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare files with their checksums.")
    ] = False,
):
    """List the data sets: where found, samples per class, provenance."""
    with _plain_errors():
        from .data import inventory

        table = inventory(names or None, download=download, verify=verify)
    typer.echo(f"{'name':<16}{'checksum':<13}where, samples per class, provenance")
    for row in table.itertuples():
        counts = ", ".join(f"{label} {n}" for label, n in row.n_per_class.items())
        typer.echo(f"{row.name:<16}{row.checksum:<13}{row.found}")
        for line in filter(None, (counts, row.provenance, row.error)):
            typer.echo(f"{'':<29}{line}")
    bad = (download or verify) and table["error"].any()
    raise typer.Exit(int(bad))


@app.command()
def balance(
    table: Annotated[str, typer.Argument(help="CSV, TSV, parquet or feather; or .gz.")],
    target: Annotated[str, typer.Option(help="Column of the classes.")],
    need: Annotated[
        str, typer.Option("--for", help="decisions, ranking or probabilities.")
    ] = "decisions",
    cost_fn: Annotated[
        float | None, typer.Option(help="Cost of a rare record that is missed.")
    ] = None,
    cost_fp: Annotated[
        float | None, typer.Option(help="Cost of another record called rare.")
    ] = None,
    methods: Annotated[
        str, typer.Option(help="auto, all, or names: smote,gan,package:Class.")
    ] = "auto",
    classifier: Annotated[
        str | None, typer.Option(help="logistic, boosting or package:Class.")
    ] = None,
    categorical: Annotated[
        str, typer.Option(metavar="A,B", help="Columns of categories.")
    ] = "",
    dates: Annotated[str, typer.Option(metavar="A,B", help="Columns of dates.")] = "",
    drop: Annotated[
        str, typer.Option(metavar="A,B", help="Columns that are not learned from.")
    ] = "",
    group: Annotated[
        str | None, typer.Option(help="Records with the same value stay together.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="The past tells the future, by this column.")
    ] = None,
    budget: Annotated[
        str, typer.Option(help="Time, such as 90s, 10m, 2h; none is without limit.")
    ] = "10m",
    repeats: Annotated[int | None, typer.Option(help="Of cross-validation.")] = None,
    splits: Annotated[int | None, typer.Option(help="Folds of each repeat.")] = None,
    alpha: Annotated[
        float, typer.Option(help="Chance of a departure where nothing gains.")
    ] = 0.05,
    min_gain: Annotated[float, typer.Option(help="Least gain worth it.")] = 0.01,
    holdout: Annotated[
        float, typer.Option(help="Share of records set aside, such as .2.")
    ] = 0.0,
    force: Annotated[
        str | None, typer.Option(metavar="METHOD", help="Whatever the verdict.")
    ] = None,
    mark: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column: 1 for new records.")
    ] = None,
    out: Annotated[str | None, typer.Option(metavar="DIR", help="Of results.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew in a folder of results.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="Processes; -1 is one per core.")] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Scheduler of a Dask cluster: tcp://host:8786."
        ),
    ] = None,
    seed: int = 0,
    encoding: Annotated[str, typer.Option(help="Of text, such as cp1252.")] = "utf-8",
    delimiter: Annotated[
        str | None, typer.Option(help="Where it is not found by itself.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look, and say what would be done.")
    ] = False,
):
    """Decide whether and how to balance a table; write table, report and recipe."""
    since = now()  # what is imported is part of the budget
    with _plain_errors(RuntimeError, ModuleNotFoundError):
        with _uncollected():
            from .balancing import balance, seconds_of

        balance(
            table,
            target=target,
            need=need,
            cost_fn=cost_fn,
            cost_fp=cost_fp,
            methods=methods,
            classifier=classifier,
            categorical=_names(categorical),
            dates=_names(dates),
            drop=_names(drop),
            group=group,
            time=time,
            budget=seconds_of(budget),
            repeats=repeats,
            splits=splits,
            alpha=alpha,
            min_gain=min_gain,
            holdout=holdout,
            force=force,
            mark=mark,
            out=out,
            overwrite=overwrite,
            jobs=jobs,
            dask=dask,
            since=since,
            seed=seed,
            encoding=encoding,
            delimiter=delimiter,
            dry_run=dry_run,
            say=typer.echo,
        )


def _names(text):
    """Names between commas; one that holds a comma stands in quotes."""
    names = next(csv.reader([text], skipinitialspace=True), [])
    return tuple(name.strip() for name in names if name.strip())


if __name__ == "__main__":
    app(prog_name="python -m helpers")
