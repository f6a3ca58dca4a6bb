"""The runs behind the stored tables, one module per chapter.

Each module has ``PROFILES``, ``cells(profile)``, which lists the runs of its table, and
``run(cell)``, which computes its row or rows; both importable by joblib and Dask. What a
module has to say on the first page of the book is ``glance(rows)``: a text, of the rows
of its first profile, or of those that it names in ``GLANCED``.
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

#: Accuracy on its own original training rows from which a network has learnt: more than
#: always naming the largest class of any data set gives. Not mean recall, as rows up to
#: November 2026 were marked by: leaving out rare classes is what imbalance does to a
#: training that has learnt, and to leave such rows out is to choose by the outcome.
LEARNT = 0.6


def chapters() -> list[str]:
    """Names of the chapters that have stored tables."""
    names = (module.name for module in pkgutil.iter_modules(__path__))
    return [name for name in names if not name.startswith("_")]


def find(chapter: str):
    """Import the module of a chapter, or name the nearest there is."""
    require_known("chapter", chapter, chapters())
    return importlib.import_module(f"{__name__}.{chapter}")


def learning(model, X, y) -> dict:
    """What a training has made of its original rows, for the stored row.

    Parameters
    ----------
    model : classifier
        Fitted.
    X, y : arrays
        The original training rows, without what a sampler added.

    Returns
    -------
    dict
        ``train_accuracy`` and ``train_acsa``, the share of these rows that it recognises
        and the mean recall over their classes; ``train_loss``, the mean over the last
        tenth of the updates of the loss that was minimised, whatever weights, mixing or
        offsets are in it; ``learned``, whether ``train_accuracy`` reaches `LEARNT`. A
        classifier without a training has neither of the last two.
    """
    import numpy as np

    found = model.predict(X) == y
    recalls = [found[y == c].mean() for c in np.unique(y)]
    row = {
        "train_accuracy": float(found.mean()),
        "train_acsa": float(np.mean(recalls)),
    }
    if hasattr(model, "history_"):
        loss = model.history_["loss"]
        row["train_loss"] = float(loss.tail(max(1, len(loss) // 10)).mean())
        row["learned"] = row["train_accuracy"] >= LEARNT
    return row


def stretch_means(values, n=30, digits=3) -> str:
    """How a training went: means over `n` equal stretches, as one text of a row.

    Examples
    --------
    >>> stretch_means([4, 2, 1, 1], n=2)
    '3.000 1.000'
    """
    import numpy as np

    parts = np.array_split(np.asarray(values), min(n, len(values)))
    return " ".join(f"{part.mean():.{digits}f}" for part in parts)


def that_learnt(rows):
    """Rows for means, ranks and claims: all but those whose classifier did not learn.

    Rows that do not say so, as those of a dummy and of older protocols, stay.
    """
    if "learned" not in rows:
        return rows
    return rows[rows["learned"].isna() | ~(rows["train_accuracy"] < LEARNT)]


def run_chapter(
    chapter: str,
    profile: str,
    n_jobs: int = 1,
    only: str | None = None,
    dask: str | None = None,
    dry: bool = False,
    method: str | None = None,
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
    method : str, optional
        A sampler that is not ours, ``"package:Class"`` or ``"module.py:Class"``, with
        keyword arguments behind it, ``"mine.py:Spread k=5"``. It is held against the contract
        (`helpers.selection.check_contract`), then run wherever the chapter has SMOTE; its
        rows go into a file of its own in ``book/results/own``.

    Raises
    ------
    ValueError
        No such chapter, profile or sampler, a clause of the contract that it breaks, a
        pattern that matches nothing, no address.
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
    if method is None:
        cells = module.cells(profile)
    else:
        from . import _own  # brings torch with it

        cells = _own.cells_of(module, profile, method)
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
    results = root / "book" / "results"
    store = results / f"{chapter}-{profile}.csv"
    if method is not None:
        store = _own.store_of(results, module, profile, method)
    if dry:
        _show(plan(cells, store), store)
        return
    if method is not None:
        _own.refuse_other_code(store, method)
    if dask:  # the data are on its workers
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
