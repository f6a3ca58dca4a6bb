"""Computing the cells that a store lacks, here or on a Dask cluster."""

import contextlib
import functools
import signal
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import joblib
from tqdm import tqdm

from .provenance import environment
from .store import CLASSIFIER, KEY, Cell, append, read


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

    Killed, it loses at most the cells in flight, and the same call goes on. Two processes
    may share a store. Under ``joblib.parallel_config(backend="dask")`` the cells run on
    the cluster of the active Dask client, and the rows come back here: workers need this
    package and the data, but not the store.

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
    RuntimeError
        Some cells failed; the others are stored.
    ConnectionError
        The cluster is gone; what came back is stored.
    """
    cells, store = list(cells), Path(store)
    done = set()
    if store.exists():
        done = set(read(store)[KEY].itertuples(index=False, name=None))
    missing = [c for c in cells if tuple(getattr(c, k) for k in KEY) not in done]
    print(f"{store}: {len(missing)} of {len(cells)} runs missing", flush=True)
    if not missing:
        return
    client = getattr(joblib.parallel.get_active_backend()[0], "client", None)
    if client is None:
        parallel = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")
        with _deaf_to_ctrl_c():
            computed = parallel(joblib.delayed(_compute)(run, c) for c in missing)
    else:
        computed = _on_cluster(client, run, missing)
    failed = []
    try:
        for cell, rows in tqdm(computed, total=len(missing), mininterval=5, unit="run"):
            if isinstance(rows, Exception):
                failed.append((cell, rows))
            else:
                append(store, rows)
    finally:
        with warnings.catch_warnings():
            # What joblib has to say about results that Ctrl-C wastes.
            warnings.simplefilter("ignore")
            computed.close()
    if failed:
        cell, error = failed[0]
        raise RuntimeError(
            f"{len(failed)} of {len(missing)} runs failed, the others are stored. First: "
            f"{'/'.join(map(str, cell))}: {error}"
        ) from error


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


def _on_cluster(client, run, cells) -> Iterator[tuple[Cell, list[dict] | Exception]]:
    """Yield each cell and its rows as a Dask worker has computed it.

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
            yield computed
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
