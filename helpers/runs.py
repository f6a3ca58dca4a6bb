"""Computing the cells that a store lacks, here or on a Dask cluster."""

import contextlib
import functools
import hashlib
import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime

import joblib
import pandas as pd
from filelock import FileLock, Timeout

from .progress import Progress
from .provenance import environment
from .store import (
    CLASSIFIER,
    Cell,
    append,
    missing,
    place,
    read,
    require_writable,
    seconds,
)

#: The outcome of a cell that another process is computing.
CLAIMED = "claimed"


def _compute(run, cell):
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        found = run(cell)
        found = [found] if isinstance(found, Mapping) else list(found)
        names = {row.get(CLASSIFIER) for row in found}
        if not found or len(names) < len(found):
            raise ValueError(
                f"The run gave {len(found)} rows, {len(names)} of them told apart by a "
                f"column {CLASSIFIER!r}."
            )
        about = {**environment(), "started": started}
        rows = [{**cell._asdict(), **row, **about} for row in found]
    except Exception as error:  # the other cells go on; run_cells tells at the end
        return cell, _failure(error)
    return cell, rows


def _compute_and_store(run, cell, store, wait):
    """Compute a cell here, unless another process has done so, or is at it.

    The claim is a lock, which the system takes away from whoever dies.
    """
    name = hashlib.sha256("/".join(map(str, cell)).encode()).hexdigest()[:16]
    claim = FileLock(f"{store}.{name}.lock")
    try:
        claim.acquire(blocking=wait, poll_interval=0.5)
    except Timeout:
        return cell, CLAIMED
    try:
        if not missing([cell], store):
            return cell, None
        cell, rows = _compute(run, cell)
        if isinstance(rows, Exception):
            return cell, rows
        append(store, rows)
        return cell, None
    finally:
        claim.release()
        with contextlib.suppress(OSError):  # another waits for it
            os.unlink(claim.lock_file)


def _failure(error):
    """The error as text: not every exception survives the way to another process."""
    failure = RuntimeError(f"{type(error).__name__}: {error}")
    failure.add_note("".join(traceback.format_exception(error)))
    return failure


def run_cells(
    cells: Iterable[Cell],
    run: Callable[[Cell], Mapping | list[Mapping]],
    store,
    n_jobs: int = 1,
) -> None:
    """Compute the cells that `store` lacks and append their rows as they come.

    Killed, it loses at most the cells in flight, and the same call goes on. Processes that
    share a store share the work: each claims the cell that it computes, and none returns
    before all are there. Under ``joblib.parallel_config(backend="dask")`` the cells run on
    the cluster of the active Dask client, and the rows come back here: workers need this
    package and the data, but not the store, and claim nothing.

    Parameters
    ----------
    cells : iterable of Cell
    run : callable
        Importable by its name; takes a cell, returns its metrics and provenance: a row,
        or a list of rows that a column ``classifier`` tells apart.
    store : path-like
        CSV file.
    n_jobs : int
        Processes; -1 takes one per core. On a cluster its workers decide.

    Raises
    ------
    ValueError
        The store is none, or `n_jobs` is out of range; nothing was computed.
    OSError
        The store cannot be written; at the start, nothing was computed.
    RuntimeError
        Some cells failed; the others are stored.
    ConnectionError
        The cluster is gone; what came back is stored.
    """
    cells, store, most = list(cells), place(store), 4 * joblib.cpu_count()
    if n_jobs != -1 and not 1 <= n_jobs <= most:
        raise ValueError(
            f"n_jobs={n_jobs}: it is -1, a process per core, or 1 to {most}."
        )
    todo = missing(cells, store)
    print(f"{store}: {len(todo)} of {len(cells)} runs missing", flush=True)
    if not todo:
        return
    require_writable(store)
    client = getattr(joblib.parallel.get_active_backend()[0], "client", None)
    if client is None:
        computed = _here(run, todo, store, n_jobs)
    else:
        computed = _on_cluster(client, run, todo, store)
    failed = []
    with (
        contextlib.closing(computed),
        Progress(total=len(todo), mininterval=5, miniters=1, unit="run") as bar,
    ):
        for cell, error in computed:
            failed += [(cell, error)] if error else []
            bar.update()
    if failed:
        cell, error = failed[0]
        raise RuntimeError(
            f"{len(failed)} of {len(todo)} runs failed, the others are stored. First: "
            f"{'/'.join(map(str, cell))}: {error}"
        ) from error


def _here(run, cells, store, n_jobs) -> Iterator[tuple[Cell, Exception | None]]:
    """Compute cells in processes of this machine, those that others claimed last."""
    for wait in (False, True):
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        with _deaf_to_ctrl_c():
            computed = parallel(
                joblib.delayed(_compute_and_store)(run, cell, store, wait)
                for cell in cells
            )
        cells = []
        try:
            for cell, outcome in computed:
                if outcome == CLAIMED:
                    cells.append(cell)
                else:
                    yield cell, outcome
        finally:
            with warnings.catch_warnings():
                # What joblib has to say about results that Ctrl-C wastes.
                warnings.simplefilter("ignore")
                computed.close()
        if not cells:
            return
        print(f"{store}: another process computes {len(cells)} of them; waiting")


def plan(cells: Iterable[Cell], store) -> pd.DataFrame:
    """Say what `run_cells` would compute, and how long that takes by the rows there are.

    Parameters
    ----------
    cells, store
        As of `run_cells`.

    Returns
    -------
    groups : DataFrame
        One row for each ``dataset, method, protocol`` with missing cells: ``missing``,
        their number; ``hours`` on one process, by the median of the group's own rows, else
        of its method in the same protocol; NaN where there are none.
    """
    store = place(store)
    todo = pd.DataFrame(missing(cells, store), columns=Cell._fields)
    groups = ["dataset", "method", "protocol"]
    table = todo.groupby(groups, sort=False).size().rename("missing").reset_index()
    known = (
        seconds(read(store)) if store.exists() else todo.assign(seconds=float("nan"))
    )
    each = pd.Series(float("nan"), table.index)
    for names in (groups, groups[1:]):  # another protocol trains something else
        medians = known.groupby(names)["seconds"].median().reset_index()
        each = each.fillna(table[names].merge(medians, how="left")["seconds"])
    return table.assign(hours=table["missing"] * each / 3600)


@contextlib.contextmanager
def _deaf_to_ctrl_c():
    """Let processes that are started here ignore Ctrl-C, which a terminal sends to all.

    Else each would print its own traceback. Their caller ends them.
    """
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # only the main thread may, and Ctrl-C reaches no other
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _on_cluster(client, run, cells, store) -> Iterator[tuple[Cell, Exception | None]]:
    """Store the rows of each cell as a Dask worker has computed them.

    Not through joblib's backend: it sends cells in batches, which are lost as one, and
    waits forever for a batch that killed its worker too often (joblib 1.6).
    """
    from distributed import CancelledError, as_completed

    address = client.scheduler.address
    print(f"{address}: cluster of {len(client.nthreads())} workers", flush=True)
    futures = client.map(functools.partial(_compute, run), cells, pure=False)
    cell_of = {future.key: cell for future, cell in zip(futures, cells, strict=True)}
    waiting = as_completed(futures, loop=client.loop)
    try:
        for future in waiting:
            try:
                computed = future.result()
            except CancelledError:
                raise ConnectionError(
                    f"The Dask scheduler at {address} is gone. The rows that came back "
                    "are stored, and the same call goes on."
                ) from None
            except Exception as error:  # workers died under it, one after another
                computed = cell_of[future.key], _failure(error)
            future.release()  # else computed again when its worker dies later
            cell, rows = computed
            if isinstance(rows, Exception):
                yield cell, rows
            else:
                append(store, rows)
                yield cell, None
    finally:  # stopped early: the cluster need not compute the rest
        client.cancel([*waiting.futures])


@contextlib.contextmanager
def cluster(address: str, timeout: float = 5):
    """Let `run_cells` compute on a Dask cluster for the length of a ``with`` block.

    Parameters
    ----------
    address : str
        Of the scheduler: ``"tcp://host:8786"``.
    timeout : float
        Seconds to wait for its answer.

    Raises
    ------
    ModuleNotFoundError
        distributed is not installed.
    ConnectionError
        No scheduler answers.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "A cluster needs the package distributed, which is not installed: "
            "pip install -e '.[distributed]'"
        ) from None
    try:
        client = Client(address, timeout=timeout)
    except Exception as error:  # of many kinds, by what is wrong with the address
        raise ConnectionError(
            f"No Dask scheduler answers at {address}: {str(error) or type(error).__name__}. "
            "Start one with `dask scheduler`; it prints its address."
        ) from error
    with client, joblib.parallel_config(backend="dask"):
        yield client
