"""The runs behind the stored tables, one module per chapter.

Each module has ``PROFILES``, ``cells(profile)``, which lists the runs of its table, and
``run(cell)``, which computes its row or rows; both importable by joblib and Dask.
"""

import contextlib
import fnmatch
import importlib
import pkgutil
from pathlib import Path

from ..checks import require_known
from ..runs import cluster, run_cells


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

    Raises
    ------
    ValueError
        No such chapter or profile, or a pattern that matches nothing.
    ConnectionError
        No Dask scheduler answers.
    """
    module = find(chapter)
    require_known("profile", profile, module.PROFILES)
    cells = module.cells(profile)
    if only is not None:
        names = sorted({f"{c.dataset}/{c.method}/{c.protocol}" for c in cells})
        # An empty pattern is an unset variable rather than a wish for all.
        chosen = fnmatch.filter(names, f"{only}*") if only else []
        if not chosen:
            raise ValueError(f"--only {only!r} matches none of: {', '.join(names)}.")
        cells = [c for c in cells if f"{c.dataset}/{c.method}/{c.protocol}" in chosen]
    root = next(
        (f for f in [Path.cwd(), *Path.cwd().parents] if (f / "_toc.yml").exists()),
        Path.cwd(),
    )
    store = root / "book" / "results" / f"{chapter}-{profile}.csv"
    with cluster(dask) if dask else contextlib.nullcontext():
        run_cells(cells, module.run, store, n_jobs)
