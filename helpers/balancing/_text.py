"""Delimited text: read into a frame, with every record kept as it was written."""

import codecs
import csv
import io
import re
from contextlib import suppress
from itertools import islice, product

import numpy as np
import pandas as pd

#: Separators that are looked for.
DELIMITERS = ",", ";", "\t", "|"
#: Records from which separator and quoting are told; and what a column of text looks like.
SOME, MANY = 200, 5000
#: What is read as a hole. New rows have the one that their column has most often.
HOLES = ("", "NA", "N/A", "#N/A", "NaN", "nan", "NULL", "null", "?")
#: What is a hole among numbers, and may be a level or a word among texts.
NO_NUMBERS = (".", "-", "--", "None", "n/a", "<NA>", "#NA", "NaT")
#: Digits that a float holds; longer numbers are ids or codes, and stay text.
DIGITS = 15
_NUMBER = (
    r"[+-]?(?:(?:0|[1-9]\d{{0,14}})(?:{0}\d+)?|{0}\d{{1,15}})(?:[eE][+-]?\d{{1,3}})?"
)
_PLAIN = re.compile(_NUMBER.format(re.escape(".")))
_SIGNS = "[€$£¥%]"
_ODD_NUMBER = re.compile(
    # With thousands separators; with a unit; with a decimal comma.
    rf"(?:{_SIGNS} ?)?[+-]?\d{{1,3}}(?:[.,'’ \u00a0\u202f]\d{{3}})+(?:[.,]\d+)?(?: ?{_SIGNS})?"
    rf"|{_SIGNS} ?[+-]?\d+(?:[.,]\d+)?|[+-]?\d+(?:[.,]\d+)? ?{_SIGNS}"
    r"|[+-]?\d+,\d+"
)
#: What reads as a date to people.
_DATE = re.compile(
    r"(?:\d{1,4}([-/.])\d{1,2}\1\d{1,4}|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
    r"|\d{1,2}\.?[ -][A-Za-z]{3,9}\.?[ -]\d{2,4})(?:[T ,].*)?"
)


class UnreadableTable(OSError):
    """A file that is no table, or has a record that does not fit."""


def odd_number(texts):
    """A text of a column of which most would be numbers, but for how some are written."""
    texts = texts.iloc[:MANY].str.strip()
    known = texts[~texts.isin(HOLES)]
    plain = known.map(_PLAIN.fullmatch).notna()
    odd = ~plain & known.map(_ODD_NUMBER.fullmatch).notna()
    if not (plain | odd).mean() > 0.5 or not odd.any():
        return None
    return known[odd].iloc[0]


def odd_date(texts):
    """A text of a column of which most read as dates; one that does not, if any."""
    texts = texts.iloc[:MANY]
    known = texts[~texts.isin(HOLES)]
    found = known.map(_DATE.fullmatch).notna()
    if not found.mean() > 0.5:  # nor where there are none
        return None
    odd = known[~found]
    return (odd if len(odd) else known).iloc[0]


def among_numbers(texts, points="."):
    """The first of each of the words for which a column of numbers is text, or None."""
    texts = texts.str.strip()
    known = texts[~texts.isin(HOLES + NO_NUMBERS)]
    for point in points:
        form = re.compile(_NUMBER.format(re.escape(point)))
        words = [text for text in known.unique() if not form.fullmatch(text)]
        odd = known[known.isin(words)]
        if not 0 < len(odd) < 0.2 * len(known):
            continue
        # Numbers that are written otherwise are not to be left empty. Digits that are no
        # number belong to codes, such as 01 among 10 and 11.
        if any(map(_ODD_NUMBER.fullmatch, words)) or all(map(str.isdigit, words)):
            continue
        return odd.drop_duplicates()
    return None


class TextTable:
    """A file of delimited text.

    Attributes
    ----------
    frame : DataFrame
        Numbers as such, all else as text; the column `target` is text whatever it holds.
    records : list of str
        Every record as written, without its line end.
    ends : list of str
        What ends it: a line break, and empty lines after it.
    head : str
        All before the first record: the names, with their line break.
    lines : ndarray of int
        Line of the file in which each record begins, from 1.
    """

    kind = "text"

    def __init__(self, raw, name, target=None, encoding="utf-8", delimiter=None):
        self.name = name
        text = self._decoded(raw, encoding)
        # So Excel is told the separator.
        told = re.match(r"sep=(.)(?:\r\n|\n|\r)", text)
        self.head = told[0] if told else ""
        text = text[len(self.head) :]
        self.delimiter = delimiter or (told and told[1]) or _delimiter(text, name)
        self.blank = " " * _has_blanks(text, self.delimiter)
        self.newline = next(iter(re.findall(r"\r\n|\n|\r", text)), "\n")
        names, fields = self._split(text)
        self._named(names)
        columns = [*zip(*fields, strict=True)] or [()] * len(self.columns)
        self._texts = {
            column: pd.Series(values, dtype=object)
            for column, values in zip(self.columns, columns, strict=True)
        }
        self._dialects = {}
        target = matching(target, self.columns)
        series = {c: self._typed(c, c == target) for c in self.columns}
        self.frame = pd.DataFrame(series, columns=self.columns)
        self.quoted = self._quoted()

    # ------------------------------------------------------------------ reading

    def _decoded(self, raw, encoding):
        """Text, and the bytes before it that say how it is coded."""
        marks = {
            codecs.BOM_UTF8: "utf-8",
            codecs.BOM_UTF16_LE: "utf-16-le",
            codecs.BOM_UTF16_BE: "utf-16-be",
        }
        self.mark, self.encoding = b"", encoding
        for mark, coding in marks.items():
            if raw.startswith(mark):
                self.mark, self.encoding = mark, coding
        if not self.mark and b"\0" in raw[:4096]:
            raise UnreadableTable(
                f"{self.name} holds zero bytes, so that it is no text; give CSV, TSV, "
                "parquet or feather, plain or as .gz."
            )
        try:
            text = raw[len(self.mark) :].decode(self.encoding)
        except LookupError:
            raise ValueError(
                f"--encoding {encoding!r} is none that Python knows; say utf-8 or cp1252."
            ) from None
        except UnicodeDecodeError as error:
            line = raw[: error.start].count(b"\n") + 1
            raise UnreadableTable(
                f"{self.name}, line {line}: not {self.encoding} (byte "
                f"0x{raw[error.start + len(self.mark)]:02x}); say how it is coded, such as "
                "--encoding cp1252."
            ) from None
        if text.encode(self.encoding) != raw[len(self.mark) :]:
            raise UnreadableTable(
                f"{self.name} does not come back from {self.encoding} as it was; give it "
                "in utf-8."
            )
        if not text.strip():
            raise UnreadableTable(
                f"{self.name} is empty; its first line must name the columns."
            )
        return text

    def _split(self, text):
        """Names and fields; each record as it was written."""
        lines = [*io.StringIO(text, newline="")]
        reader = csv.reader(
            lines,
            delimiter=self.delimiter,
            skipinitialspace=bool(self.blank),
            strict=True,
        )
        names, first = None, 2 if self.head else 1
        self.records, self.ends, fields, begun = [], [], [], []
        line = 0
        try:
            for record in reader:
                begin, line = line, reader.line_num
                written = "".join(lines[begin:line])
                if not record:  # an empty line belongs to what is before it
                    if self.ends:
                        self.ends[-1] += written
                    else:
                        self.head += written
                    continue
                if names is None:
                    names, self.head = record, self.head + written
                    continue
                if len(record) != len(names):
                    cure = (
                        f"mend the line, or quote a field that holds {self.delimiter!r}"
                    )
                    if len(names) == 1:
                        cure = (
                            "the first line must name the columns, with no title above"
                        )
                    raise UnreadableTable(
                        f"{self.name}, line {begin + first}: {len(record)} field(s), and "
                        f"the first line names {len(names)}; {cure}."
                    )
                content = written.rstrip("\r\n") if len(record) else written
                self.records.append(content)
                self.ends.append(written[len(content) :])
                fields.append(record)
                begun.append(begin + first)
        except csv.Error as error:
            raise UnreadableTable(
                f"{self.name}, line {line + first}: {_said(error)}; mend the quotes of the "
                "record that begins there."
            ) from None
        if not self.records:
            raise UnreadableTable(f"{self.name} names columns and has no records.")
        self.lines = np.array(begun)
        return names, fields

    def _named(self, names):
        self.columns = [
            name if name.strip() else f"column {i + 1}" for i, name in enumerate(names)
        ]
        twice = [name for name in self.columns if self.columns.count(name) > 1]
        if twice:
            raise UnreadableTable(
                f"{self.name}: several columns are called {twice[0]!r}; give each a name "
                "of its own."
            )

    def _typed(self, name, is_target):
        """A column as numbers where all that is written reads as such, else as text."""
        texts = self._texts[name]
        hole = texts.str.strip().isin(HOLES)
        known = texts[~hole]
        held = texts[hole].value_counts()
        self._dialects[name] = {
            "hole": held.index[0] if len(held) else "",
            "point": None,
        }
        if is_target or not len(known):
            return texts.mask(hole, np.nan)
        stripped = known.str.strip()
        for point in (".", ",") if self.delimiter != "," else (".",):
            form = re.compile(_NUMBER.format(re.escape(point)))
            plain = stripped[~stripped.isin(NO_NUMBERS)]
            if plain.empty or not all(map(form.fullmatch, plain)):
                continue
            plain = plain.str.replace(point, ".") if point == "," else plain
            values = plain.astype(float)
            if not np.isfinite(values).all():
                break
            dialect = self._dialects[name]
            dialect["point"] = point
            dialect["decimals"] = _decimals(plain)
            if len(held := texts.drop(plain.index).value_counts()):
                dialect["hole"] = held.index[0]
            whole = dialect["decimals"] == (0, 0)
            if whole and len(plain) == len(texts):
                return plain.astype(np.int64)
            return values.reindex(texts.index)
        return texts.mask(hole, np.nan)

    def odd_numbers(self, name):
        """As `odd_number`; None of numbers."""
        return None if self._dialects[name]["point"] else odd_number(self._texts[name])

    def odd_dates(self, name):
        """As `odd_date`; None of numbers."""
        return None if self._dialects[name]["point"] else odd_date(self._texts[name])

    def among_numbers(self, name):
        """Words for which a column of numbers is text, and the line of the first."""
        if self._dialects[name]["point"] or name not in self.frame:
            return None
        odd = among_numbers(self._texts[name], "." if self.delimiter == "," else ".,")
        return None if odd is None else ([*odd], int(self.lines[odd.index[0]]))

    def thousands(self, name):
        """A number with three digits after its mark that may be thousands, and why."""
        dialect = self._dialects[name]
        point = dialect["point"]
        if not point or not dialect["decimals"]:
            return None
        texts = self._texts[name].str.strip()
        texts = texts[~texts.isin(HOLES + NO_NUMBERS)]
        parted = texts.str.contains(point, regex=False)
        form = re.compile(rf"[+-]?\d{{1,3}}{re.escape(point)}\d{{3}}")
        if not parted.any() or not all(map(form.fullmatch, texts[parted])):
            return None
        first = texts[parted].iloc[0]
        commas = [n for n, d in self._dialects.items() if d["point"] == ","]
        if point == "." and commas:
            return first, f"where {commas[0]!r} has a decimal comma"
        # No thousands begin with a zero, and no number without them reaches a thousand.
        whole = texts[~parted]
        if texts[parted].str.match("[+-]?0").any() or any(
            len(text.lstrip("+-")) > 3 for text in whole
        ):
            return None
        if len(whole):
            return first, "where the others have no decimals"
        return (first, "always with three decimals") if point == "," else None

    def formulas(self):
        """Cells that a spreadsheet would compute: their number, and the first."""
        n, first = 0, None
        for name, texts in self._texts.items():
            if self._dialects[name]["point"]:
                continue
            some = [text for text in texts.unique() if text.startswith(("=", "@"))]
            if not some:
                continue
            rows = np.flatnonzero(texts.isin(some))
            n += len(rows)
            if first is None:
                first = (name, texts.iloc[rows[0]], int(self.lines[rows[0]]))
        return n, first

    def _quoted(self):
        """Columns whose fields are quoted although they need not be."""
        end = re.escape(self.delimiter)
        field = re.compile(rf'(?:{self.blank})*("(?:[^"]|"")*"|[^{end}]*)(?:{end}|$)')
        seen = np.zeros((2, len(self.columns)), int)
        for record in islice(self.records, SOME):
            found = field.findall(record)[: len(self.columns)]
            for i, text in enumerate(found):
                if text:
                    seen[int(text.startswith('"')), i] += 1
        return {
            name
            for name, plain, quoted in zip(self.columns, *seen, strict=True)
            if quoted and not plain
        }

    # ------------------------------------------------------------------ writing

    def written(self, kept, new, marks=None):
        """The bytes of a table of old records and new rows.

        Parameters
        ----------
        kept : array of int
            Numbers of the old records, ascending.
        new : DataFrame or array of int
            New rows with the columns of `frame`, or the records that they repeat.
        marks : str, optional
            Name of a column added at the end: 0 for old records, 1 for new ones.

        Returns
        -------
        bytes
        """
        head, more = self.head, (None if marks is None else self._cell(marks))
        parts, end = [], self.newline
        between = f"{self.delimiter}{self.blank}"
        if marks is not None:
            content = head.rstrip("\r\n")
            head = f"{content}{between}{more}{head[len(content) :] or end}"
        for row in kept:
            tail = "" if marks is None else f"{between}0"
            parts += [self.records[row], tail, self.ends[row]]
        if isinstance(new, pd.DataFrame):
            lines = self.lines_of(new)
        else:
            lines = [self.records[row] for row in new]
        # Where the file ends without a line break, so it does after new rows.
        open_end = bool(len(kept)) and not self.ends[kept[-1]]
        if len(lines):
            if len(kept):
                parts[-1] = parts[-1] or end
            tail = "" if marks is None else f"{between}1"
            parts += [text for line in lines for text in (line, tail, end)]
            if open_end:
                parts.pop()
        return self.mark + (head + "".join(parts)).encode(self.encoding)

    def _cell(self, text):
        return self.lines_of(pd.DataFrame({"": [text]}))[0]

    def lines_of(self, new):
        """New rows in the dialect of the file, without line ends."""
        columns = []
        for name, series in new.items():
            texts = self._as_text(name, series)
            columns.append(
                [
                    _quote(text, self.delimiter, name in getattr(self, "quoted", ()))
                    for text in texts
                ]
            )
        between = f"{self.delimiter}{self.blank}"
        lines = [between.join(fields) for fields in zip(*columns, strict=True)]
        # An empty line would be no record.
        return [line or '""' for line in lines]

    def _as_text(self, name, series):
        """Values as this column has them: its decimals, its point, its hole."""
        dialect = self._dialects.get(name, {"hole": "", "point": None})
        hole, texts = series.isna().to_numpy(), series.astype(object)
        if dialect["point"]:
            texts = pd.Series(dialect["hole"], index=series.index, dtype=object)
            values = series[~hole].astype(float)
            written, places = np.unique(values.to_numpy(), return_inverse=True)
            forms = [_number(v, dialect["decimals"], dialect["point"]) for v in written]
            texts[~hole] = np.array(forms, dtype=object)[places]
            return texts
        return texts.map(str, na_action="ignore").mask(hole, dialect["hole"])


def matching(name, names):
    """The one of `names` that is `name`, or is but for spaces around it; else `name`."""
    if name is None or name in names:
        return name
    found = [other for other in names if str(other).strip() == name.strip()]
    return found[0] if len(found) == 1 else name


def _said(error):
    return {
        "unexpected end of data": "a quote is opened and never closed",
    }.get(str(error), str(error))


def _delimiter(text, name):
    """The separator by which most of the first records have as many fields as names.

    Guessed only among a few, and by how records split rather than by how often a character
    occurs, so that commas in text do not count.
    """
    best, share_of_best = None, (0.0, 0)
    for delimiter, blanks in product(DELIMITERS, (False, True)):
        lines = io.StringIO(text, newline="")
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=blanks)
        found = []
        with suppress(csv.Error):
            found = [len(record) for record in islice(reader, SOME) if record]
        if not found or found[0] < 2:
            continue
        share = (sum(n == found[0] for n in found) / len(found), found[0])
        if share[0] > 0.5 and share > share_of_best:
            best, share_of_best = delimiter, share
    if best is None:
        raise UnreadableTable(
            f"{name}: its first line, which must name the columns, and the others do not "
            "split alike by comma, semicolon, tab or |; remove a title above it, or name "
            "the separator, --delimiter."
        )
    return best


def _has_blanks(text, delimiter):
    """Whether a blank follows every separator of the first records but for the names."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    fields = []
    with suppress(csv.Error):
        for record in islice(reader, 1, SOME):
            fields += record[1:]
    begun = {field[:1] for field in fields}
    # A blank inside of quotes belongs to the value.
    lines = islice(io.StringIO(text, newline=""), SOME)
    quoted = any(f'{delimiter}"' in line for line in lines)
    return " " in begun and begun <= {" ", ""} and not quoted


def _decimals(texts):
    """Fewest and most decimals of numbers; None where some are written with an exponent."""
    texts = texts.tolist()
    if any("e" in text or "E" in text for text in texts):
        return None
    n = [len(text.partition(".")[2]) for text in texts]
    return min(n), max(n)


def _number(value, decimals, point):
    """A number with no fewer and no more decimals than were seen."""
    if decimals is None:
        text = repr(float(value))
        text = text.removesuffix(".0")
    else:
        fewest, most = decimals
        text = repr(float(value))  # no digits beyond what a float holds
        if "e" in text or len(text.partition(".")[2]) > most:
            text = f"{value:.{most}f}"
        whole, _, rest = text.partition(".")
        rest = rest.rstrip("0").ljust(fewest, "0")
        text = f"{whole}.{rest}" if rest else whole
        if float(text) == 0:
            text = text.removeprefix("-")
    return text.replace(".", point)


def _quote(text, delimiter, always):
    if always or any(c in text for c in (delimiter, '"', "\r", "\n")):
        return '"' + text.replace('"', '""') + '"'
    return text
