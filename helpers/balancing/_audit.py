"""What a table holds, and what of it would spoil such work."""

import re
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.tree import DecisionTreeClassifier

from ..tables import TableCodec

#: Most classes of a target that reads as numbers, and of any target.
MOST_NUMBERS, MOST_CLASSES = 20, 50
#: Rare rows from which networks are tried, and below which hardly anything can be told.
FEW_ROWS = 40
#: Mean recall of a single column from which it is called a likely leak.
LEAK = 0.98
#: What is said of columns that are not learned from.
BLANK = (
    "Rows that are made have none, repeated ones keep theirs: leave it out before a "
    "classifier learns from the balanced table."
)
#: Rows that are looked at for leaks.
MOST_ROWS = 4000
#: Codes of values that are not known, where no other value is below zero.
CODES = (-1, -7, -8, -9, -77, -88, -97, -98, -99, -888, -998, -999, -9999, -99999)
#: Records that have a code, and other values of a column, from which on one is told of.
CODED, MEASURED = 3, 10
_ID = re.compile(
    r"(?i:(^|[\W_])(id|uuid|patient|customer|client|user|subject|person|household|group)"
    r"([\W_]|$))|[a-z]I[dD]$"
)


def refuse_target(labels, target, lines):
    """Refuse what cannot be a target, before anything else is looked at.

    Parameters
    ----------
    labels : Series
    target : str
    lines : array of int
        Where each record begins.

    Raises
    ------
    ValueError
        Missing labels, one class, many different numbers, too many classes.
    """
    missing = labels.isna().to_numpy()
    if missing.any():
        raise ValueError(
            f"--target {target!r} is missing in {missing.sum()} record(s), the first in "
            f"line {lines[missing.argmax()]}; fill it in, or leave such records out."
        )
    try:
        values = labels.unique()
    except (TypeError, NotImplementedError):  # of parquet and feather
        held = type(labels.iloc[0]).__name__
        raise ValueError(
            f"--target {target!r} holds values of type {held}, and no classes. Name another "
            "column, or make it text where these are classes."
        ) from None
    if len(values) < 2:
        raise ValueError(
            f"--target {target!r} is {_quoted(values[0])} in every record; there is nothing to "
            "balance."
        )
    # Of parquet and feather; what text files hold is text here.
    dates = pd.api.types.infer_dtype(labels) in ("date", "datetime", "datetime64")
    fractions = pd.api.types.is_float_dtype(labels) and (labels % 1 != 0).any()
    if dates or fractions:
        what = "dates" if dates else "numbers with fractions"
        raise ValueError(
            f"--target {target!r} holds {what}, such as {_quoted(values[0])}, and no "
            "classes. Name another column, or make it text where these are classes."
        )
    numbers = pd.to_numeric(pd.Series(values), errors="coerce").notna().all()
    if len(values) > MOST_NUMBERS and numbers:
        raise ValueError(
            f"--target {target!r} has {len(values)} different numbers, such as "
            f"{values[0]}: a measurement rather than classes. Name another column, or cut "
            "it into classes first."
        )
    if len(values) > MOST_CLASSES or len(values) > len(labels) / 2:
        raise ValueError(
            f"--target {target!r} has {len(values)} different values in {len(labels)} "
            f"records, such as {_quoted(values[0])}; at most {MOST_CLASSES} classes can be "
            "balanced. Name another column, or merge classes."
        )


def audit(source, target, kinds=None, drop=(), group=None, time=None):
    """Look a table through.

    Parameters
    ----------
    source : Source
    target : str
    kinds : dict, optional
        As in `TableCodec`.
    drop : sequence of str
        Columns that are not learned from.
    group, time : str, optional
        Columns that say how records are split.

    Returns
    -------
    dict
        ``columns`` (name, kind, why, missing, seen), ``classes`` (label, records),
        ``rarest``, ``duplicates``, ``conflicts`` (records whose features another class
        has, too), ``warnings`` (of what, and the text).

    Raises
    ------
    ValueError
        What cannot be learned from: see `refuse_target`, and `TableCodec`.
    """
    frame, labels = source.frame, source.frame[target]
    refuse_target(labels, target, source.table.lines)
    X = frame.drop(columns=[target, *drop])
    if not X.shape[1]:
        raise ValueError(
            f"No column is left beside --target {target!r}; drop fewer, --drop."
        )
    for name, column in X.items():
        # Most columns are told by their first values.
        if all(
            column.iloc[:n].astype(str).equals(labels.iloc[:n].astype(str))
            for n in (100, len(labels))
        ):
            raise ValueError(
                f"Column {name!r} repeats --target {target!r} in every record; leave it "
                f"out, --drop {name!r}."
            )
    codec = TableCodec(kinds=kinds or None).fit(X)
    summary = codec.summary()
    counts = labels.value_counts()
    asides = {group: "keeps records together", time: "orders records in time"}
    learned = [
        name
        for name, kind in codec.kinds_.items()
        if kind not in ("leave_out", "constant") and name not in asides
    ]
    features = X[learned]
    # An id makes every record look new, and is not learned from.
    apart = {*drop} | {n for n, kind in codec.kinds_.items() if kind == "leave_out"}
    alike = [name for name in _comparable(frame) if name not in apart]
    keys = pd.util.hash_pandas_object(features, index=False)
    several = keys.map(labels.groupby(keys.to_numpy()).nunique()) > 1
    found = {
        "columns": [
            {
                "name": str(name),
                "kind": "leave_out" if name in asides else row["kind"],
                "why": asides.get(name, in_words(row["why"])),
                "missing": float(row["missing"]),
                "seen": str(row["seen"]),
            }
            for name, row in summary.iterrows()
        ],
        "classes": [{"label": str(k), "records": int(n)} for k, n in counts.items()],
        "rarest": int(counts.min()),
        "duplicates": int(frame[alike].duplicated().sum()),
        "conflicts": int(several.sum()) if learned else 0,
    }
    found["columns"] += [
        {
            "name": str(c),
            "kind": "leave_out",
            "why": "as told",
            "missing": 0.0,
            "seen": "",
        }
        for c in drop
    ]
    found["warnings"] = [
        {"about": about, "text": text}
        for about, text in _warnings(
            source, features, labels, counts, codec, found, group, time, kinds or {}
        )
    ]
    return found


def in_words(why):
    """Why a column is not learned from, without the call that would cure it in pandas."""
    return why.partition(": pd.")[0]


def _comparable(frame):
    """Columns of values that can be told apart, which lists and the like cannot."""
    names = []
    for name, column in frame.items():
        with suppress(TypeError):
            hash(column.iloc[0])
            column.nunique()
            names.append(name)
    return names


def missing_codes(column):
    """Numbers that may stand for values not known, such as -999 among ages.

    Parameters
    ----------
    column : Series
        Of numbers, or of texts that are.

    Yields
    ------
    code, n, low, high : str, int, str, str
        The lowest or highest value, how many records have it, and the ends of the others:
        it lies farther from these than twice what they span, or all below zero are among
        `CODES`.
    """
    known = pd.to_numeric(column, errors="coerce").astype(float).dropna()
    below = known.isin(CODES)
    if below.any() and known[~below].min() < 0:
        below[:] = False
    ends = [] if below.any() else [known.min()]
    for code in sorted({*known[below], *ends, known.max()}):
        rest = known[(known != code) & ~below]
        n = int((known == code).sum())
        if n < CODED or rest.nunique() < MEASURED:
            continue
        low, high = rest.min(), rest.max()
        far = max(low - code, code - high) > 2 * (high - low)
        if far or below[known == code].any():
            yield f"{code:.12g}", n, f"{low:.12g}", f"{high:.12g}"


def audit_lines(found, path, target):
    """The audit in lines of text.

    Parameters
    ----------
    found : dict
        As `audit` returns it.
    path : path-like
    target : str

    Yields
    ------
    str
    """
    kinds = [column["kind"] for column in found["columns"]]
    told = ", ".join(f"{kinds.count(k)} {k}" for k in dict.fromkeys(kinds))
    n = sum(c["records"] for c in found["classes"])
    yield printable(f"{Path(path).name}: {n:,} records; columns: {told}.")
    shares = ", ".join(
        f"{c['label']} {c['records']:,} ({c['records'] / n:.1%})"
        for c in found["classes"]
    )
    yield printable(f"{target}: {shares}.")
    for warning in found["warnings"]:
        yield printable(f"Note: {warning['text']}")


def _quoted(label):
    """A label as it is read: of a number of numpy, the number."""
    return repr(str(label))


def printable(text):
    """A line that a terminal shows and does not obey."""
    return "".join(c if c.isprintable() else "?" for c in str(text))


def _warnings(source, features, labels, counts, codec, found, group, time, told):
    if counts.min() < FEW_ROWS:
        yield (
            "rows",
            f"The rarest class, {_quoted(counts.index[-1])}, has {counts.min()} record(s): only "
            "large gains can be told, and networks are tried only where named.",
        )
    if len(counts) > MOST_NUMBERS:
        yield (
            "target",
            f"{len(counts)} classes are many; rare ones may be better merged.",
        )
    alike = labels.unique()
    alike = (
        pd.Series(alike).groupby([str(k).strip().casefold() for k in alike]).agg(list)
    )
    for same in alike[alike.map(len) > 1]:
        yield (
            "target",
            f"Classes {' and '.join(map(_quoted, same))} differ in spaces or capitals only; "
            "if they are one, write them alike.",
        )
    for name, score in leaks(features, labels, codec.kinds_to_tell()):
        yield (
            "leak",
            f"Column {name!r} alone gives the target (mean recall {score:.2f} on records "
            f"it was not learned from). If it is known only afterwards: --drop {name!r}.",
        )
    for name, what in ((group, "--group"), (time, "--time")):
        if name is not None:
            yield (
                "left out",
                f"Column {name!r} ({what}) is not learned from. {BLANK}",
            )
    for name, why in codec.left_out_.items():
        if why != "as told" and name not in (group, time):
            yield (
                "left out",
                f"Column {name!r} is not learned from ({in_words(why)}). {BLANK}",
            )
    if group is None:
        n = len(labels)
        for name in _comparable(source.frame):
            values = source.frame[name].nunique()
            if _ID.search(str(name)) and 20 < values < 0.8 * n and name != time:
                cure = (
                    f"without --group {name!r}" if time is None else "beside --time too"
                )
                yield (
                    "groups",
                    f"Column {name!r} has {values} values in {n} records. If records of "
                    f"one belong together, scores are too good {cure}.",
                )
    if time is None:
        dates = [name for name, kind in codec.kinds_.items() if kind == "date"]
        if dates:
            yield (
                "time",
                f"Column {dates[0]!r} holds dates. If the future is to be told from the "
                f"past: --time {dates[0]!r}.",
            )
    if found["duplicates"]:
        yield (
            "duplicates",
            f"{found['duplicates']} record(s) repeat an earlier one but for ids and "
            "what is left out; where that is no chance, scores are too good.",
        )
    if found["conflicts"]:
        yield (
            "conflicts",
            f"{found['conflicts']} record(s) have the same features as one of another "
            "class: no classifier can tell them apart.",
        )
    for name in features:
        if codec.kinds_[name] != "number":
            continue
        for code, n, low, high in missing_codes(features[name]):
            yield (
                "codes",
                f"Column {name!r} has {code} in {n} records, and {low} to {high} in all "
                "others. If that stands for values not known, leave such fields empty.",
            )
    for name, kind in codec.kinds_.items():
        if told.get(name) == "category":
            continue
        if odd := source.table.among_numbers(name):
            words, line = odd
            yield (
                "numbers",
                f"Column {name!r} reads as text for {', '.join(map(repr, words[:3]))} (first "
                f"in line {line}): leave such fields empty, and it holds numbers.",
            )
        elif odd := source.table.odd_numbers(name):
            yield (
                "numbers",
                f"Column {name!r} reads as text, such as {odd!r}: write its numbers with "
                "a decimal point, without thousands separators and units.",
            )
        elif odd := source.table.thousands(name):
            yield (
                "numbers",
                f"Column {name!r} is read with a decimal {'comma' if ',' in odd[0] else 'point'}, "
                f"such as {odd[0]!r}, {odd[1]}; if these are thousands, write them without "
                "separators.",
            )
        elif kind not in ("date", "constant") and (odd := source.table.odd_dates(name)):
            yield (
                "dates",
                f"Column {name!r} reads as text, such as {odd!r}: write its dates as "
                "2024-12-31, or 2024-12-31 23:59.",
            )
    n, first = source.table.formulas()
    if n:
        name, text, line = first
        yield (
            "formulas",
            f"{n} cell(s) begin with = or @, the first in line {line}, column {name!r} "
            f"({text[:40]!r}); they are written as they were. A spreadsheet may compute "
            "them.",
        )


def leaks(features, labels, kinds):
    """Columns that alone give the target, with the mean recall on rows not learned from.

    A tree of three levels on a number or a date (a hole is a value of its own), the most
    likely class of each level of a category; two halves in turn.
    """
    y = pd.factorize(labels)[0]
    rng = np.random.default_rng(0)
    rows = np.concatenate(
        [
            rng.permutation(np.flatnonzero(y == k))[: MOST_ROWS // (y.max() + 1)]
            for k in range(y.max() + 1)
        ]
    )
    y = y[rows]
    if np.bincount(y).min() < 4:
        return
    halves = [*StratifiedKFold(2, shuffle=True, random_state=0).split(rows, y)]
    for name, column in features.items():
        values = column.iloc[rows].reset_index(drop=True)
        if values.nunique(dropna=False) < 2:  # another one is in no record looked at
            continue
        if kinds[name] == "category":
            score = _levels(pd.factorize(values)[0] + 1, y, halves)
        else:
            codec = TableCodec(numbers="minmax", kinds={name: kinds[name]})
            codec.set_output(transform="default")
            codes = codec.fit_transform(values.to_frame())
            score = _tree(codes, y, halves)
        if score >= LEAK:
            yield name, score


def _levels(codes, y, halves):
    scores = []
    for learn, test in halves:
        table = np.zeros((codes.max() + 1, y.max() + 1))
        np.add.at(table, (codes[learn], y[learn]), 1)
        likely = (table / table.sum(axis=0)).argmax(axis=1)
        scores.append(_mean_recall(y[test], likely[codes[test]]))
    return float(np.mean(scores))


def _tree(codes, y, halves):
    scores = []
    for learn, test in halves:
        tree = DecisionTreeClassifier(
            max_depth=3, class_weight="balanced", random_state=0
        ).fit(codes[learn], y[learn])
        scores.append(_mean_recall(y[test], tree.predict(codes[test])))
    return float(np.mean(scores))


def _mean_recall(true, said):
    """Of numbers from 0 on, all of which occur; scikit-learn's takes longer than the fit."""
    return (
        np.bincount(true[true == said], minlength=true.max() + 1) / np.bincount(true)
    ).mean()
