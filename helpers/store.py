"""Tables of stored rows: CSV files that survive kills, found again here or at the project.

A run is a cell; its rows are stored together, so that a cell with a row in the store has
all of them.
"""

import contextlib
import csv
import io
import numbers
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

import numpy as np
import pandas as pd
from filelock import FileLock

from . import provenance
from .files import fetch, user_folder, workshop_beside, write_atomically


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
TEXT[CLASSIFIER] = str
#: Text, too, but for blanks, which are missing: a commit may look like a number.
ORIGIN = (
    "commit",
    "device",
    "network",
    "precision",
    "provenance",
    "started",
    "versions",
)


def append(store, rows: Mapping | Iterable[Mapping]) -> None:
    """Add the rows of one cell to a CSV file, all or none, also beside other writers.

    Parameters
    ----------
    store : path-like
        CSV file; made with its folder where there is none.
    rows : mapping or iterable of mappings
        From column to value. A column that the file lacks is added to it. Arrays are kept
        compressed in a folder beside the file, named after it; see `read_arrays`.

    Raises
    ------
    ValueError
        The file is no store: see `read`. A row that could not be read again is refused,
        and the file stays as it was.
    OSError
        It cannot be written.
    """
    store = place(store)
    rows = [rows] if isinstance(rows, Mapping) else list(rows)
    store.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{store}.lock"):
        text, header, lines = _parsed(store) if store.exists() else ("", [], [])
        rows = _without_arrays(store, rows)  # kept first: a row tells of its arrays
        columns = [*dict.fromkeys([*header, *(name for row in rows for name in row)])]
        table = io.StringIO(newline="")
        writer = csv.writer(table, lineterminator="\n")
        if columns == header:
            table.write(text)
        else:  # the first rows, or a column that those before them lack
            added = [""] * (len(columns) - len(header))
            writer.writerows([columns, *(line + added for line in lines)])
        begin = table.tell()
        for row in rows:
            writer.writerow(_written(name, row.get(name)) for name in columns)
        _require_readable(columns, table.getvalue()[begin:])
        whole = table.getvalue().encode()
        write_atomically(lambda aside: aside.write_bytes(whole), store)


def _require_readable(columns, text):
    """Refuse rows that `read` would refuse, and the whole store for them."""
    problem, reader = _problem([], columns), csv.reader(io.StringIO(text, newline=""))
    try:
        for line in reader:
            problem = problem or _problem(columns, line)
    except csv.Error as error:
        problem = f"{error}."
    if problem:
        raise ValueError(f"This row cannot be stored: {problem}")


def _without_arrays(store, rows):
    """Rows without their arrays, after these were put into files beside the store."""
    kept = {}
    for row in rows:
        for name in [name for name, v in row.items() if isinstance(v, np.ndarray)]:
            folder = store.with_suffix("")
            parts = [quote(str(row[k]), safe=" ") for k in ("dataset", "seed", "fold")]
            told = [row["method"], row["protocol"], row.get(CLASSIFIER, ""), name]
            entry = "/".join(quote(str(part), safe=" ") for part in told)
            kept.setdefault(folder / f"{'.'.join(parts)}.zip", {})[entry] = row[name]
    for path, arrays in kept.items():
        _add_to_zip(path, arrays)
    return [
        {name: v for name, v in row.items() if not isinstance(v, np.ndarray)}
        for row in rows
    ]


def _add_to_zip(path, arrays):
    """Put arrays into a zip file by their names, and leave the others in it."""
    entries = {}
    if path.exists():
        try:
            with zipfile.ZipFile(path) as before:
                entries = {name: before.read(name) for name in before.namelist()}
        except (zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"{path} is damaged ({error}); get it again.") from None
    for name, array in arrays.items():
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        entries[f"{name}.npy"] = buffer.getvalue()

    def write(aside):
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
            for name, raw in entries.items():  # the same bytes on every day
                made.writestr(zipfile.ZipInfo(name), raw, zipfile.ZIP_DEFLATED)

    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(write, path)


def read_arrays(store, column: str) -> dict[tuple, np.ndarray]:
    """Read the arrays that rows came with.

    Parameters
    ----------
    store : path-like
        CSV file of the rows.
    column : str
        What the rows call them.

    Returns
    -------
    dict
        From ``(dataset, method, seed, fold, protocol, classifier)`` to the array; the last
        is empty where rows have no such column. Empty where there are none.

    Raises
    ------
    ValueError
        A file is damaged; which one.
    """
    found = {}
    for path in sorted(place(store).with_suffix("").glob("*.zip")):
        dataset, seed, fold = map(unquote, path.stem.rsplit(".", 2))
        try:
            with zipfile.ZipFile(path) as kept:
                for name in kept.namelist():
                    parts = name.removesuffix(".npy").split("/")
                    method, protocol, classifier, what = map(unquote, parts)
                    if what == column:
                        run = dataset, method, int(seed), int(fold), protocol
                        array = np.load(io.BytesIO(kept.read(name)), allow_pickle=False)
                        found[*run, classifier] = array
        except (zipfile.BadZipFile, zlib.error, ValueError, EOFError) as error:
            raise ValueError(f"{path} is damaged ({error}); get it again.") from None
    return found


def _written(column, value):
    """A value as it is written: nothing where there is none, and nothing on two lines."""
    if value is None or (isinstance(value, numbers.Real) and value != value):
        return ""
    if not isinstance(value, str) or column in TEXT:  # names must be found again
        return value
    return " ".join(value.split())


def place(store) -> Path:
    """Where a store lies, ``~`` and links followed: one file has one lock."""
    return Path(store).expanduser().resolve()


def require_writable(store) -> None:
    """Refuse a store that could not take a row, before one is computed.

    Raises
    ------
    ValueError
        The file is no store: see `read`; or one of the arrays beside it is damaged.
    OSError
        It, or its folder, cannot be written.
    """
    store = place(store)
    try:
        with workshop_beside(store), FileLock(f"{store}.lock"):
            if store.exists():
                _parsed(store)
                open(store, "ab").close()
            for path in sorted(store.with_suffix("").glob("*.zip")):
                if not zipfile.is_zipfile(path):
                    raise ValueError(f"{path} is damaged; get it again.")
    except OSError as error:
        raise OSError(f"No row can be stored in {store}: {error}") from None


def read(store) -> pd.DataFrame:
    """Read the rows of a store, as they were written; a double counts once.

    Parameters
    ----------
    store : path-like

    Returns
    -------
    rows : DataFrame

    Raises
    ------
    ValueError
        The file is no store, or was damaged: which line, and what to do. Only the cell of
        a last line without its end is left out, as a copy that was cut off may have torn
        it.
    OSError
        It is not there, or is no file.
    """
    text, header, _ = _parsed(place(store))
    missing = {name: ["", "nan"] for name in header if name not in TEXT}
    table = pd.read_csv(
        io.StringIO(text),
        dtype={**dict.fromkeys(ORIGIN, str), **TEXT},
        # A name such as "NA" or "None" is a name.
        keep_default_na=False,
        na_values=missing,
        low_memory=False,
    )
    told_apart = [*KEY, *({CLASSIFIER} & {*table})]
    return table.drop_duplicates(told_apart, ignore_index=True)


def missing(cells: Iterable[Cell], store) -> list[Cell]:
    """Leave the cells that have no row in a store, which need not be there yet."""
    store, kinds = place(store), [Cell.__annotations__[name] for name in KEY]
    found = set()
    if store.exists():
        _, header, lines = _parsed(store)
        at = [header.index(name) for name in KEY]
        found = {
            tuple(k(line[i]) for k, i in zip(kinds, at, strict=True)) for line in lines
        }
    return [c for c in cells if tuple(getattr(c, name) for name in KEY) not in found]


def seconds(rows: pd.DataFrame) -> pd.DataFrame:
    """What each cell took: its sampler, and its classifiers in turn.

    A fit of a sampler that several cells share counts in the first of them.

    Parameters
    ----------
    rows : DataFrame
        Of `read`.

    Returns
    -------
    cells : DataFrame
        One row per cell: `KEY` and ``seconds``, NaN where no row says.
    """
    timed = rows.reindex(columns=[*KEY, "sampler_seconds", "classifier_seconds"])
    cells = timed.groupby(KEY, sort=False)
    spent = pd.DataFrame(
        {
            # A cell is one fit, told on each of its rows.
            "sampler": cells["sampler_seconds"].max(),
            "classifier": cells["classifier_seconds"].sum(min_count=1),
        }
    ).reset_index()
    # Cells of one draw that took the very same time for their sampler share one fit.
    again = spent.duplicated(["dataset", "seed", "fold", "sampler"])
    spent.loc[again & (spent["sampler"] > 0), "sampler"] = 0.0
    spent["seconds"] = spent[["sampler", "classifier"]].sum(axis=1, min_count=1)
    return spent[[*KEY, "seconds"]]


def _parsed(store) -> tuple[str, list[str], list[list[str]]]:
    """The text of a store, its header and its rows, after every line was checked."""
    if store.exists() and not store.is_file():
        raise OSError(f"{store} is no regular file.")
    raw = store.read_bytes()
    try:
        end = raw.rfind(b"\n") + 1
        text = raw[:end].decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"{error.reason} at byte {error.start}"
        raise ValueError(
            f"{store} is not text in UTF-8 ({reason}); save it as that, or get it again."
        ) from None
    header, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        for line in filter(None, reader):
            if problem := _problem(header, line):
                raise ValueError(f"{store}, line {reader.line_num}: {problem}")
            lines.append(line)
            header = header or line
    except csv.Error as error:
        raise ValueError(f"{store}, line {reader.line_num}: {error}.") from None
    if not header:
        raise ValueError(f"{store} has no line; delete it, or get it again.")
    lines = lines[1:]
    if cell := _torn(header, lines, raw[end:].decode(errors="replace")):
        lines = [line for line in lines if _cell_of(header, line) != cell]
        again = io.StringIO(newline="")
        csv.writer(again, lineterminator="\n").writerows([header, *lines])
        text = again.getvalue()
    return text, header, lines


def _cell_of(header, line):
    return [line[header.index(name)] for name in KEY]


def _torn(header, lines, rest):
    """The cell of a last line without its end, as far as that line says it.

    It has rows that are whole, too, where a cell has several; with one of them lost, the
    cell is to be computed anew.
    """
    found = next(csv.reader(rest.splitlines()[-1:]), []) if rest.strip() else []
    if len(found) > 1 + max(header.index(name) for name in KEY):
        return _cell_of(header, found)
    if found and lines and CLASSIFIER in header:
        return _cell_of(header, lines[-1])
    return None


def _problem(header, line) -> str | None:
    """What is wrong with a line of a store, and the cure; the first is its header."""
    if line[0][:7] in ("<<<<<<<", "|||||||", "=======", ">>>>>>>"):
        return (
            "git left a conflict here; keep the rows of both sides, without its marks."
        )
    if not header:
        if twice := {name for name in line if line.count(name) > 1}:
            return f"two columns have the name {min(twice)!r}; leave one."
        if lacking := [name for name in KEY if name not in line]:
            found = ",".join(line)[:80]
            return f"a header with {', '.join(KEY)} is expected; {lacking[0]!r} is not in {found!r}."
        return None
    if line == header:
        return "the header stands here once more, as where tables were joined; take it out."
    if len(line) != len(header):
        return f"{len(line)} values for {len(header)} columns; mend it, or take it out."
    for name in ("seed", "fold"):
        if not re.fullmatch(r"-?\d+", value := line[header.index(name)]):
            return (
                f"the {name} is {value!r}, not a whole number; mend it, or take it out."
            )
    return None


def own_store(results, chapter: str, profile: str, method: str) -> Path:
    """The file of the rows of a sampler from elsewhere, in the folder of results.

    Parameters
    ----------
    results : path-like
    chapter, profile : str
    method : str
        As in ``run --method``.
    """
    name = re.sub(r"[^\w.]+", "-", method).strip("-.")
    return Path(results) / "own" / f"{chapter}-{profile}-{name}.csv"


def load_results(
    chapter: str, profile: str = "paper", method: str | None = None
) -> pd.DataFrame:
    """Read the stored rows of a chapter.

    Looks for ``book/results`` from the working directory and from this package upward;
    else fetches the file of the installed commit from the project's repository.

    Parameters
    ----------
    chapter, profile : str
        As in ``python -m helpers run``.
    method : str, optional
        A sampler from elsewhere, whose rows ``run --method`` has stored here: they come
        after those of the book.

    Returns
    -------
    rows : DataFrame
        Columns: those of `Cell`, the metrics, and each row's provenance.

    Raises
    ------
    FileNotFoundError
        There are none, neither here nor there.
    """
    if method:
        return pd.concat(
            [load_results(chapter, profile), _own_results(chapter, profile, method)],
            ignore_index=True,
        )
    name = f"{chapter}-{profile}.csv"
    for results in _folders():
        if (results / name).is_file():
            return read(results / name)
    reason = "this package was not installed from a commit of the repository"
    if (version := provenance.commit().removesuffix("-changed")) != "-":
        url = f"{version}/book/results/{name}"
        try:
            raw = "raw.githubusercontent.com"
            url = f"{provenance.project_url().replace('github.com', raw)}/{url}"
            with contextlib.suppress(OSError, ValueError):
                path = user_folder() / "results" / f"{version}-{name}"
                return read(path)
            return _fetched(url, f"{version}-{name}")
        except Exception as error:
            reason = f"{url}: {type(error).__name__}, {error}"
    raise FileNotFoundError(
        f"No stored results {name}: no book/results above {Path.cwd()} holds them, and "
        f"{reason}. Compute them: python -m helpers run {chapter} --profile {profile}"
    )


def _fetched(url, name):
    """Rows from elsewhere, kept in the cache if it takes them."""
    with tempfile.TemporaryDirectory() as folder:
        aside = Path(folder) / name
        fetch(url, aside, patience=5)
        try:  # somebody between here and there may send a page in its place
            rows = read(aside)
        except ValueError:
            raise ValueError("what came is no table of results") from None
        with contextlib.suppress(OSError):
            path = user_folder() / "results" / name
            write_atomically(lambda part: shutil.copyfile(aside, part), path)
    return rows


def beside(chapter: str, profile: str, column: str) -> dict[tuple, np.ndarray]:
    """Read the arrays of a chapter's stored rows, where `load_results` finds its rows here.

    Parameters
    ----------
    chapter, profile : str
    column : str
        As in `read_arrays`.

    Returns
    -------
    dict
        Empty where the rows are not in a checkout.
    """
    paths = (results / f"{chapter}-{profile}.csv" for results in _folders())
    found = next((path for path in paths if path.is_file()), None)
    return read_arrays(found, column) if found else {}


def _folders() -> list[Path]:
    """Where results may lie, from the working directory and from this package upward."""
    starts = [Path.cwd(), Path(__file__).resolve().parent]
    folders = dict.fromkeys(f for s in starts for f in [s, *s.parents])
    return [f / name for f in folders for name in ("results", "book/results")]


def _own_results(chapter, profile, method):
    """Rows of a sampler from elsewhere, which are here or nowhere."""
    for results in _folders():
        if (path := own_store(results, chapter, profile, method)).is_file():
            rows = read(path)  # other settings may have a name with the same letters
            return rows[rows["method"] == method]
    raise FileNotFoundError(
        f"No rows of {method!r} are stored. Compute them: python -m helpers run {chapter} "
        f"--profile {profile} --method {method}"
    )
