"""One row per run: cells, the store that survives kills, stored results read back.

A run is a cell; `run_cells` computes the missing ones and appends their rows to a CSV
file; `load_results` finds that file again, here or at the project's repository.
"""

import contextlib
import csv
import difflib
import fnmatch
import functools
import importlib
import importlib.metadata
import io
import json
import os
import pkgutil
import platform
import signal
import subprocess
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import joblib
import pandas as pd
from filelock import FileLock
from tqdm import tqdm

from .data._files import quiet_pooch
from .files import write_atomically

DISTRIBUTION = "deep-oversampling-book"


class Cell(NamedTuple):
    """One run. `seed` names the draw or repeat; `protocol` ends with its version."""

    chapter: str
    profile: str
    dataset: str
    method: str
    seed: int
    fold: int
    protocol: str


KEY = [name for name in Cell._fields if name != "profile"]
#: As they were written, also where they look like numbers.
TEXT = {name: str for name, kind in Cell.__annotations__.items() if kind is str}


@functools.cache
def environment() -> dict[str, str]:
    """Versions and commit, the provenance of every stored row."""
    packages = ["torch", "scikit-learn", "imbalanced-learn", "numpy"]
    found = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return {
        "versions": "; ".join([f"python {platform.python_version()}", *found]),
        "commit": commit(),
    }


def commit() -> str:
    """Commit of the checkout this package lies in, or was installed from; else "-"."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "."], capture_output=True, text=True
        ).stdout
        # A package inside somebody else's repository has no commit of its own.
        if (here.parent / ".git").exists():
            return f"{head}-changed" if changed else head
    except (OSError, subprocess.CalledProcessError):
        pass
    try:  # pip notes what it installed from
        package = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "-"
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    return origin.get("vcs_info", {}).get("commit_id", "-")[:12]


def hardware(device="cpu") -> str:
    """What a run computed on, in words: ``"cpu: 2 x Intel(R) Xeon(R)"``."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(": ")[1] for line in lines if "model name" in line)
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{device.type}: {os.cpu_count()} x {name}"


def computed_on(precision="auto") -> dict[str, str]:
    """Columns ``device, precision`` of a row whose networks for images were given it."""
    from .devices import resolve_device, resolve_precision

    device = resolve_device("auto")
    found = resolve_precision(precision, device, images=True)
    return {
        "device": hardware(device),
        "precision": str(found).removeprefix("torch."),
    }


def _compute(run, cell):
    started = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        row = {**cell._asdict(), **run(cell), **environment(), "started": started}
    except Exception as error:  # the other cells go on; run_cells tells at the end
        return cell, _failure(error)
    return cell, row


def _failure(error):
    """The error as text: not every exception survives the way to another process."""
    failure = RuntimeError(f"{type(error).__name__}: {error}")
    failure.add_note("".join(traceback.format_exception(error)))
    return failure


def run_cells(
    cells: Iterable[Cell], run: Callable[[Cell], dict], store, n_jobs: int = 1
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
        Importable by its name; takes a cell, returns its metrics and provenance.
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
        done = set(read_store(store)[KEY].itertuples(index=False, name=None))
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
        for cell, row in tqdm(computed, total=len(missing), mininterval=5, unit="run"):
            if isinstance(row, Exception):
                failed.append((cell, row))
            else:
                append_row(store, row)
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


def _on_cluster(client, run, cells) -> Iterator[tuple[Cell, dict | Exception]]:
    """Yield each cell and its row as a Dask worker has computed it.

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


def append_row(store, row: dict) -> None:
    """Add one row to a CSV file, whole or not at all, also beside other writers."""
    store = Path(store)
    store.parent.mkdir(parents=True, exist_ok=True)
    values = {
        k: " ".join(v.split()) if isinstance(v, str) else v for k, v in row.items()
    }
    with FileLock(f"{store}.lock"):
        if store.exists() and list(read_store(store, n_rows=0)) == list(values):
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(values.values())
            with open(store, "rb+") as file:
                file.truncate(_whole_length(file))  # a line torn by a kill
                file.seek(0, os.SEEK_END)
                file.write(line.getvalue().encode())
                file.flush()
                os.fsync(file.fileno())
            return
        # The first row, or one with other columns than those before it.
        frames = [read_store(store)] if store.exists() else []
        table = pd.concat([*frames, pd.DataFrame([values])], ignore_index=True)
        write_atomically(lambda aside: table.to_csv(aside, index=False), store)


def _whole_length(file) -> int:
    """Length of a file up to its last line end."""
    end = file.seek(0, os.SEEK_END)
    while end > 0:
        start = max(0, end - 4096)
        file.seek(start)
        position = file.read(end - start).rfind(b"\n")
        if position >= 0:
            return start + position + 1
        end = start
    return 0


def read_store(store, n_rows=None) -> pd.DataFrame:
    """Read a CSV of rows; a line without its end is not a row, a double counts once."""
    with open(store, "rb") as file:
        length = _whole_length(file)
        file.seek(0)
        text = file.read(length).decode()
    table = pd.read_csv(io.StringIO(text), nrows=n_rows, dtype=TEXT)
    return table.drop_duplicates(KEY, ignore_index=True)


def load_results(chapter: str, profile: str = "paper") -> pd.DataFrame:
    """Read the stored rows of a chapter.

    Looks for ``book/results`` from the working directory and from this package upward;
    else fetches the file of the installed commit from the project's repository.

    Parameters
    ----------
    chapter, profile : str
        As in ``python -m helpers run``.

    Returns
    -------
    rows : DataFrame
        Columns: those of `Cell`, the metrics, and each row's provenance.

    Raises
    ------
    FileNotFoundError
        There are none, neither here nor there.
    """
    name = f"{chapter}-{profile}.csv"
    starts = [Path.cwd(), Path(__file__).resolve().parent]
    for folder in dict.fromkeys(f for s in starts for f in [s, *s.parents]):
        for results in (folder / "results", folder / "book" / "results"):
            if (results / name).is_file():
                return read_store(results / name)
    reason = "this package was not installed from a commit of the repository"
    if (version := commit().removesuffix("-changed")) != "-":
        pooch = quiet_pooch()
        url = f"{version}/book/results/{name}"
        try:
            raw = project_url().replace("github.com", "raw.githubusercontent.com")
            url = f"{raw}/{url}"
            return read_store(
                pooch.retrieve(
                    url,
                    known_hash=None,  # the commit in the address is the hash
                    fname=f"{version}-{name}",
                    path=pooch.os_cache(DISTRIBUTION) / "results",
                    downloader=pooch.HTTPDownloader(timeout=5),
                )
            )
        except importlib.metadata.PackageNotFoundError:
            pass  # a checkout that was never installed does not know its repository
        except Exception as error:
            reason = f"{url}: {type(error).__name__}"
    raise FileNotFoundError(
        f"No stored results {name}: no book/results above {starts[0]} holds them, and "
        f"{reason}. Compute them: python -m helpers run {chapter} --profile {profile}"
    )


def project_url() -> str:
    """Address of the repository, from the package's metadata."""
    urls = importlib.metadata.metadata(DISTRIBUTION).get_all("Project-URL")
    return next(u.split(", ")[1] for u in urls if u.startswith("Repository"))


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
    from . import experiments

    chapters = [module.name for module in pkgutil.iter_modules(experiments.__path__)]
    require_known("chapter", chapter, chapters)
    module = importlib.import_module(f"{experiments.__name__}.{chapter}")
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


def require_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that is not among the known ones, with the nearest that is."""
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(known)}.")
