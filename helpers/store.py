"""Tables of stored rows: CSV files that survive kills, found again here or at the project.

A run is a cell; its rows are stored together, so that a cell with a row in the store has
all of them.
"""

import csv
import importlib.metadata
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from filelock import FileLock

from . import provenance
from .files import quiet_pooch, write_atomically


class Cell(NamedTuple):
    """One run. `seed` names the draw or repeat; `protocol` ends with its version."""

    chapter: str
    profile: str
    dataset: str
    method: str
    seed: int
    fold: int
    protocol: str


#: What tells cells apart. One with several rows tells those apart by `CLASSIFIER`.
KEY = [name for name in Cell._fields if name != "profile"]
CLASSIFIER = "classifier"
#: As they were written, also where they look like numbers.
TEXT = {name: str for name, kind in Cell.__annotations__.items() if kind is str}


def append(store, rows: Mapping | Iterable[Mapping]) -> None:
    """Add the rows of one cell to a CSV file, all or none, also beside other writers.

    Parameters
    ----------
    store : path-like
        CSV file; made with its folder where there is none.
    rows : mapping or iterable of mappings
        From column to value. A column that the file lacks is added to it.
    """
    rows = [rows] if isinstance(rows, Mapping) else list(rows)
    store = Path(store)
    store.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{store}.lock"):
        header, *lines = _lines(_whole(store)) if store.exists() else [[]]
        columns = list(
            dict.fromkeys([*header, *(name for row in rows for name in row)])
        )
        added = [""] * (len(columns) - len(header))
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(line + added for line in lines)
        writer.writerows([_text(row.get(name)) for name in columns] for row in rows)
        written = table.getvalue().encode()
        write_atomically(lambda aside: aside.write_bytes(written), store)


def _text(value):
    """A value as it is written: on one line, and nothing where there is none."""
    if value is None or value != value:  # NaN
        return ""
    return " ".join(value.split()) if isinstance(value, str) else value


def _whole(store) -> str:
    """The whole lines of a file: the last may have been torn by a kill."""
    raw = store.read_bytes()
    return raw[: raw.rfind(b"\n") + 1].decode()


def _lines(text) -> list[list[str]]:
    return [*csv.reader(io.StringIO(text, newline=""))]


def read(store) -> pd.DataFrame:
    """Read the rows of a store; a line without its end is no row, a double counts once.

    Parameters
    ----------
    store : path-like

    Returns
    -------
    rows : DataFrame
    """
    table = pd.read_csv(io.StringIO(_whole(Path(store))), dtype=TEXT)
    told_apart = [*KEY, *({CLASSIFIER} & {*table})]
    return table.drop_duplicates(told_apart, ignore_index=True)


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
                return read(results / name)
    reason = "this package was not installed from a commit of the repository"
    if (version := provenance.commit().removesuffix("-changed")) != "-":
        pooch = quiet_pooch()
        url = f"{version}/book/results/{name}"
        try:
            raw = provenance.project_url().replace(
                "github.com", "raw.githubusercontent.com"
            )
            url = f"{raw}/{url}"
            return read(
                pooch.retrieve(
                    url,
                    known_hash=None,  # the commit in the address is the hash
                    fname=f"{version}-{name}",
                    path=pooch.os_cache(provenance.DISTRIBUTION) / "results",
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
