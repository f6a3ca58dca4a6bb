"""Files of `balance`: tables of any kind in, the same kind out, and a folder of its own."""

import contextlib
import gzip
import hashlib
import io
import json
import shutil
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import pandas as pd

from ..files import write_atomically
from ._text import (
    TextTable,
    UnreadableTable,
    among_numbers,
    matching,
    odd_date,
    odd_number,
)

#: In the folder of results: what was asked for, and what was written.
MANIFEST = "balance.json"


#: How files begin that hold tables of another kind, in small letters.
_OTHERS = {
    b"pk\x03\x04": "an Excel or zip file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%pdf": "a PDF",
    b"sqlite format": "an SQLite database",
    b'{"': "JSON",
    b"[{": "JSON",
    b"@relation": "an ARFF file",
    b"<html": "a web page",
    b"<!doctype": "a web page",
    b"<?xml": "XML",
}


class ArrowTable:
    """A table of parquet or feather; original rows stay as they are in Arrow's memory."""

    def __init__(self, raw, name, kind, target=None):
        self.kind, self.name = kind, name
        pa, module = _arrow(kind)
        try:
            if kind == "parquet":  # whose reader says so in no words for readers
                _refuse_twice(module.read_schema(io.BytesIO(raw)).names, name)
            self.table = module.read_table(io.BytesIO(raw))
        except pa.ArrowException as error:
            told = " ".join(str(error).split())
            raise UnreadableTable(f"{name} is no whole {kind} file: {told}") from None
        _refuse_twice(self.table.column_names, name)
        # What pandas noted of an index is columns here, as for anybody else.
        self.frame = self.table.to_pandas(ignore_metadata=True)
        for field in self.table.schema:
            if pa.types.is_decimal(field.type):  # amounts, as banks keep them
                self.frame[field.name] = self.frame[field.name].astype(float)
        target = matching(target, [*self.frame])
        dtype = self.frame.dtypes.get(target)
        if isinstance(dtype, pd.CategoricalDtype):
            # A level that no record has is no class.
            labels = self.frame[target].cat.remove_unused_categories()
            self.frame[target] = labels
        if not len(self.frame):
            raise UnreadableTable(f"{name} has no rows.")
        self.lines = np.arange(1, len(self.frame) + 1)
        self.encoding = self.delimiter = self.newline = None

    def odd_numbers(self, name):
        """As `TextTable.odd_numbers`, of text."""
        return odd_number(self._texts(name))

    def odd_dates(self, name):
        """As `TextTable.odd_dates`, of text."""
        return odd_date(self._texts(name))

    def among_numbers(self, name):
        """As `TextTable.among_numbers`, of text; a line is a row here."""
        odd = among_numbers(self._texts(name))
        return None if odd is None else ([*odd], int(self.lines[odd.index[0]]))

    def _texts(self, name):
        """What a column of text holds; nothing, of another."""
        known = self.frame[name].dropna().astype(object)
        if pd.api.types.infer_dtype(known) != "string":
            return pd.Series(dtype=str)
        return known.astype(str)

    def thousands(self, name):
        return None

    def formulas(self):
        return 0, None

    def written(self, kept, new, marks=None):
        """As `TextTable.written`."""
        pa, module = _arrow(self.kind)
        kept = np.asarray(kept, np.int64)
        old = self.table.take(pa.array(kept))
        if isinstance(new, pd.DataFrame):
            names = self.table.column_names
            columns = []
            for name, field in zip(names, self.table.schema, strict=True):
                values = new[name].astype(object).where(new[name].notna(), None)
                if pa.types.is_decimal(field.type):
                    form = f"%.{field.type.scale}f"
                    values = [None if x is None else Decimal(form % x) for x in values]
                columns.append(pa.array([*values], type=field.type, from_pandas=True))
            more = pa.Table.from_arrays(columns, schema=self._nullable())
        else:
            more = self.table.take(pa.array(np.asarray(new, np.int64)))
        old, more = (t.cast(self._nullable()) for t in (old, more))
        table = pa.concat_tables([old, more]) if len(more) else old
        if marks is not None:
            flags = np.repeat([0, 1], [len(old), len(more)]).astype(np.int8)
            table = table.append_column(marks, pa.array(flags))
        sink = io.BytesIO()
        if self.kind == "parquet":
            module.write_table(table, sink)
        else:
            module.write_feather(table, sink)
        return sink.getvalue()

    def _nullable(self):
        pa, _ = _arrow(self.kind)
        fields = [field.with_nullable(True) for field in self.table.schema]
        return pa.schema(fields, metadata=self.table.schema.metadata)


def _refuse_twice(columns, name):
    twice = [column for column in columns if columns.count(column) > 1]
    if twice:
        raise UnreadableTable(
            f"{name}: several columns are called {twice[0]!r}; give each a name of its own."
        )


def _arrow(kind):
    try:
        import pyarrow
        from pyarrow import feather, parquet
    except ModuleNotFoundError:
        raise ValueError(
            f"{kind} files need pyarrow, which is not installed: pip install pyarrow; or "
            "give the table as CSV."
        ) from None
    return pyarrow, parquet if kind == "parquet" else feather


class Source:
    """An input file: its table, and how to write another one like it.

    Attributes
    ----------
    table : TextTable or ArrowTable
    suffix : str
        Of files of the same kind, such as ``.csv.gz``.
    digest : str
        SHA-256 of the file.
    """

    def __init__(self, path, table, suffix, digest, zipped):
        self.path, self.table, self.suffix = Path(path), table, suffix
        self.digest, self.zipped = digest, zipped

    @property
    def frame(self):
        return self.table.frame

    def written(self, kept, new, marks=None):
        """Bytes of a file of the same kind; see `TextTable.written`."""
        data = self.table.written(kept, new, marks)
        # Without a time, so that the same table is the same file.
        return gzip.compress(data, mtime=0) if self.zipped else data


def read_table(path, target=None, encoding="utf-8", delimiter=None):
    """Read CSV, TSV, parquet or feather, plain or as gzip.

    Parameters
    ----------
    path : path-like
    target : str, optional
        Column whose values are names of classes, and so stay text in delimited files.
    encoding : str, default="utf-8"
        Of text without a byte-order mark.
    delimiter : str, optional
        None: comma, semicolon, tab or ``|``, by which the first records split alike.

    Returns
    -------
    Source

    Raises
    ------
    OSError
        No such file, another kind of file, a broken record (with its line).
    ValueError
        An unknown encoding; pyarrow is needed and missing.
    """
    path = Path(path)
    if path.is_dir():
        raise UnreadableTable(
            f"{path} is a folder; give a table: CSV, TSV, parquet or feather."
        )
    if not path.exists():
        raise FileNotFoundError(f"No such file: {path}. {_near(path)}".strip())
    raw = path.read_bytes()
    digest = hashlib.sha256(raw).hexdigest()
    suffix, zipped = path.suffix.lower(), raw.startswith(b"\x1f\x8b")
    if zipped:
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise UnreadableTable(f"{path} is no whole gzip file: {error}") from None
        suffix = Path(path.stem).suffix.lower() if suffix == ".gz" else suffix
    magic = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather"}
    kind = next((k for m, k in magic.items() if raw.startswith(m)), None)
    if kind is None:
        for start, what in _OTHERS.items():
            if raw[:40].lstrip().lower().startswith(start):
                raise UnreadableTable(
                    f"{path} is {what}; save the table as CSV (in UTF-8) first."
                )
        if suffix in (".parquet", ".feather"):
            raise UnreadableTable(f"{path} is no {suffix[1:]} file, whatever its name.")
        if delimiter is not None and len(delimiter) != 1:
            raise ValueError(f"--delimiter {delimiter!r}: give one character.")
        table = TextTable(raw, path, target, encoding, delimiter)
    else:
        table = ArrowTable(raw, path, kind, target)
    end = f".{kind}" if kind else suffix or ".csv"
    return Source(path, table, end + ".gz" * zipped, digest, zipped)


def _near(path):
    if not path.parent.is_dir():
        return f"There is no folder {path.parent}, either."
    names = [other.name for other in path.parent.iterdir() if other.is_file()]
    near = get_close_matches(path.name, names, n=1)
    return f"Did you mean {near[0]}?" if near else ""


class Folder:
    """The folder of results: made by us, told apart by a list of what was written.

    Parameters
    ----------
    path : path-like
    asked : dict
        What the results depend on. The same call goes on; another one is refused.
    overwrite : bool
        Begin anew instead: what this package wrote is removed, and nothing else.
    """

    def __init__(self, path, asked, overwrite=False):
        self.path, self.asked = Path(path), asked
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path} is a file; name a folder, --out.")
        there = {p.name for p in self.path.iterdir()} if self.path.is_dir() else set()
        there = {name for name in there if not name.startswith(".deep-oversampling-")}
        self.files, self.new = {}, not there
        if there and MANIFEST not in there:
            raise FileExistsError(
                f"{self.path} holds other files ({sorted(there)[0]}); name an empty or a "
                "new folder, --out."
            )
        if there:
            held = self._manifest()
            self.files = held["files"]
            before = held["asked"].get("budget", "none")
            if not isinstance(before, str):  # as it was noted formerly
                held["asked"]["budget"] = "none" if before is None else "in seconds"
            if overwrite:
                self._remove()
            elif held["asked"] != asked:
                raise FileExistsError(
                    f"{self.path} holds the results of another call "
                    f"({_differing(held['asked'], asked)}); name another folder, --out, "
                    "or replace them, --overwrite."
                )
        self.path.mkdir(parents=True, exist_ok=True)
        self._note()

    def _manifest(self):
        file = self.path / MANIFEST
        try:
            held = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(held["asked"], dict) or not isinstance(
                held["files"], dict
            ):
                raise TypeError
            for name in held["files"]:  # "" and ".." name the folder and one above
                if Path(name).name != name or name in ("", ".", ".."):
                    raise TypeError
        except (ValueError, KeyError, TypeError):
            raise FileExistsError(
                f"{file} is not what this command writes; name another folder, --out."
            ) from None
        return held

    def _remove(self):
        """What was written here, and has not been changed since."""
        self.keep_only(())

    def keep_only(self, names):
        """Remove what an earlier call wrote, but for these."""
        old = {name: d for name, d in self.files.items() if name not in names}
        for name, digest in old.items():
            self._refuse_changed(name, digest)
        for name in old:
            file = self.path / name
            if file.is_dir():
                shutil.rmtree(file)
            else:
                file.unlink(missing_ok=True)
            del self.files[name]
        self._note()

    def _refuse_changed(self, name, digest):
        file = self.path / name
        if digest and file.is_file() and _digest(file) != digest:
            raise FileExistsError(
                f"{file} was changed since it was written, and is not replaced; move it "
                "away, or name another folder, --out."
            )

    def _note(self):
        text = json.dumps({"asked": self.asked, "files": self.files}, indent=1)
        write_atomically(
            lambda aside: aside.write_text(text, encoding="utf-8"), self.path / MANIFEST
        )

    def leave(self):
        """Undo what was begun, where nothing was there before and no row is stored."""
        if not self.new or (self.path / "rows.csv").exists():
            return
        self.keep_only(())
        (self.path / MANIFEST).unlink()
        with contextlib.suppress(OSError):  # another has put something there
            self.path.rmdir()

    def grows(self, *names):
        """Files that are added to while a run goes on."""
        for name in names:
            if (self.path / name).exists() and name not in self.files:
                raise FileExistsError(
                    f"{self.path / name} is not ours; move it away, or name another "
                    "folder, --out."
                )
            self.files[name] = ""
        self._note()

    def write(self, name, data):
        """Put a file in its place, whole, unless another is there."""
        data = data.encode("utf-8") if isinstance(data, str) else data
        file = self.path / name
        if name in self.files:
            self._refuse_changed(name, self.files[name])
        elif file.exists():
            raise FileExistsError(
                f"{file} is not ours; move it away, or name another folder, --out."
            )
        # Noted first: killed between the two, the next call knows its own file.
        before = self.files.get(name)
        self.files[name] = before or ""
        self._note()
        write_atomically(lambda aside: aside.write_bytes(data), file)
        self.files[name] = hashlib.sha256(data).hexdigest()
        self._note()
        return file


def _digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _differing(before, now):
    names = [k for k in {**before, **now} if before.get(k) != now.get(k)]
    return ", ".join(f"{k}: {before.get(k)}, now {now.get(k)}" for k in names[:2])
