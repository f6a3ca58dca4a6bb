"""The runs behind the stored tables, one module per chapter.

Each module has ``PROFILES``, ``cells(profile)``, which lists the runs of its table, and
``run(cell)``, which computes its row or rows; both importable by joblib and Dask.
"""

import fnmatch
import importlib
import pkgutil
import re
from math import isnan
from pathlib import Path

from .. import data
from ..checks import require_known
from ..runs import cluster, plan, run_cells
from ..store import missing


def chapters() -> list[str]:
    """Names of the chapters that have stored tables."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def find(chapter: str):
    """Import the module of a chapter, or name the nearest there is."""
    require_known("chapter", chapter, chapters())
    return importlib.import_module(f"{__name__}.{chapter}")


def answer(test) -> str:
    """Whether a difference is clear of zero, in a word: a row of `compare`."""
    return "Yes" if test["low"] > 0 else "No" if test["high"] < 0 else "Not measurably"


def run_chapter(
    chapter: str,
    profile: str,
    n_jobs: int = 1,
    only: str | None = None,
    dask: str | None = None,
    dry: bool = False,
):
    """Compute a chapter's stored table: ``python -m helpers run``.

    Parameters
    ----------
    chapter : str
        A module of `helpers.experiments`.
    profile : str
        One of the module's ``PROFILES``.
    n_jobs : int
        Processes.
    only : str, optional
        Pattern such as ``"bcw/gan*"`` that ``dataset/method/protocol`` must match.
    dask : str, optional
        Address of a Dask scheduler, whose workers then compute; see `cluster`.
    dry : bool
        Compute nothing; print the missing cells by group, and the hours that they take.

    Raises
    ------
    ValueError
        No such chapter or profile, a pattern that matches nothing, no address.
    FileNotFoundError
        There is no book here.
    DataNotAvailable
        A set that the missing cells need is not on this machine and cannot be fetched.
    ConnectionError
        No Dask scheduler answers.
    """
    module = find(chapter)
    require_known("profile", profile, module.PROFILES)
    if dask == "":
        raise ValueError(
            "--dask '' names no scheduler; give its address, or leave it out."
        )
    cells = module.cells(profile)
    if only is not None:
        names = sorted({f"{c.dataset}/{c.method}/{c.protocol}" for c in cells})
        # An empty pattern is an unset variable rather than a wish for all.
        chosen = fnmatch.filter(names, f"{only}*") if only else []
        if not chosen:
            raise ValueError(f"--only {only!r} matches none of: {', '.join(names)}.")
        cells = [c for c in cells if f"{c.dataset}/{c.method}/{c.protocol}" in chosen]
    here = Path.cwd()
    root = next((f for f in [here, *here.parents] if (f / "_toc.yml").exists()), None)
    if root is None:
        raise FileNotFoundError(f"No _toc.yml above {here}: call it from the checkout.")
    store = root / "book" / "results" / f"{chapter}-{profile}.csv"
    if dry:
        _show(plan(cells, store), store)
    elif dask:  # the data are on its workers
        with cluster(dask):
            run_cells(cells, module.run, store, n_jobs)
    else:
        # A cell's data set begins with the name of the set that it is drawn from.
        wanted = {c.dataset for c in missing(cells, store)}
        data.require(
            name
            for name in data.fingerprint()
            if any(re.match(rf"{name}(?![a-z0-9])", dataset) for dataset in wanted)
        )
        run_cells(cells, module.run, store, n_jobs)


def _show(groups, store):
    """Print what `plan` found: a line a group, and the sum."""
    known = groups["hours"].sum()
    unknown = groups.loc[groups["hours"].isna(), "missing"].sum()
    for row in groups.itertuples():
        hours = "unknown" if isnan(row.hours) else f"{row.hours:.2f} h"
        name = f"{row.dataset}/{row.method}/{row.protocol}"
        print(f"{row.missing:>6}  {hours:>9}  {name}")
    print(
        f"{store}: {groups['missing'].sum()} runs missing, {known:.1f} h on one process"
        + (f" and {unknown} runs of unknown length" if unknown else "")
    )
