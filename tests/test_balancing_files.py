"""Tables as files: bytes that stay, dialects, schemas, errors in one line."""

import csv
import gzip
import json
import re
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from helpers.balancing import audit, read_table

from .test_balancing import QUICK, call, rows_of, text_of

DIALECTS = {
    "plain": (b"", {}, "utf-8"),
    "mark and CRLF": (b"\xef\xbb\xbf", {"lineterminator": "\r\n"}, "utf-8"),
    "semicolon, all quoted": (
        b"",
        {"delimiter": ";", "quoting": csv.QUOTE_ALL, "lineterminator": "\r\n"},
        "utf-8",
    ),
    "tab": (b"", {"delimiter": "\t"}, "utf-8"),
    "utf-16": (b"\xff\xfe", {"lineterminator": "\r\n"}, "utf-16-le"),
    "old Mac": (b"", {"lineterminator": "\r"}, "utf-8"),
}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("zipped", [False, True])
def test_old_records_are_copied_byte_for_byte_and_new_ones_follow_suit(
    tmp_path, name, zipped
):
    mark, how, encoding = DIALECTS[name]
    frame = rows_of()
    raw = mark + text_of(frame, **how).encode(encoding)
    path = tmp_path / ("t.csv.gz" if zipped else "t.csv")
    path.write_bytes(gzip.compress(raw) if zipped else raw)
    source = read_table(path, "left")
    assert source.frame["age"].isna().sum() == 9
    assert source.frame["colour"].str.contains("\n").any()

    def written(*args):
        data = source.written(*args)
        return gzip.decompress(data) if zipped else data

    every = np.arange(len(frame))
    assert written(every, source.frame.iloc[:0]) == raw
    # New rows as the file would have them: those of the file itself come out the same.
    more = written(every, source.frame.iloc[:50])
    assert more.startswith(raw)
    body = raw[len(mark) :].decode(encoding)
    assert more[len(raw) :].decode(encoding) in body
    some = np.array([3, 7, 119])
    again = written(some, some)
    (tmp_path / "again.csv").write_bytes(again)
    back = read_table(tmp_path / "again.csv", "left").frame
    expected = source.frame.iloc[[*some, *some]].reset_index(drop=True)
    pd.testing.assert_frame_equal(back.astype(str), expected.astype(str))


def test_no_line_break_at_the_end_stays_none(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,y\n1,u\n2,v")
    source = read_table(path, "y")
    new = source.frame.iloc[:1]
    assert source.written([0, 1], new.iloc[:0]) == b"a,y\n1,u\n2,v"
    assert source.written([0, 1], new) == b"a,y\n1,u\n2,v\n1,u"
    assert source.written([0, 1], new, "new, or old") == (
        b'a,y,"new, or old"\n1,u,0\n2,v,0\n1,u,1'
    )


def test_numbers_are_written_as_their_column_has_them(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(
        b"money;code;share;mixed;odd;y\n"
        b"1,50;007;1e-3;1;1.234,5;u\n"
        b"-2,25;010;0.5;;2.000,0;u\n"
        b"10,00;123;2;2,75;3.100,25;v\n"
    )
    source = read_table(path, "y")
    frame = source.frame
    assert frame["money"].tolist() == [1.5, -2.25, 10.0]
    assert frame["code"].tolist() == ["007", "010", "123"]
    assert frame["share"].tolist() == [0.001, 0.5, 2.0]
    new = frame.iloc[:2].assign(money=[3.0, -0.001], share=0.25, mixed=[2.5, None])
    lines = source.table.lines_of(new)
    assert lines == ["3,00;007;0.25;2,5;1.234,5;u", "0,00;010;0.25;;2.000,0;u"]
    assert source.table.odd_numbers("odd") == "1.234,5"
    assert source.table.odd_numbers("money") is None


ODD = {
    "€ 1.234,50": "number",
    "12 %": "number",
    "1,5": "number",
    "5/22/2021": "date",
    "22.05.21 10:15": "date",
    "May 22, 2021": "date",
    "007": None,
    "K-12": None,
    "10-20": None,
}


@pytest.mark.parametrize("text", ODD)
def test_numbers_and_dates_that_stay_text_are_named(tmp_path, text):
    path = tmp_path / "t.csv"
    rows = [["v", "y"], *[[text, "u"]] * 3, ["", "v"]]
    path.write_text("\n".join('"' + '","'.join(row) + '"' for row in rows) + "\n")
    table = read_table(path, "y").table
    found = {"number": table.odd_numbers("v"), "date": table.odd_dates("v")}
    assert {kind for kind, odd in found.items() if odd} == {ODD[text]} - {None}
    assert text in found.values() or ODD[text] is None


def test_a_table_as_excel_exports_it(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    text = text_of(rows_of(60, 20), delimiter=";", lineterminator="\r\n")
    text = text.replace("left", "left ", 1).replace("age", '"age; in years"', 1)
    raw = b"\xef\xbb\xbfsep=;\r\n" + text.encode()
    path.write_bytes(raw)
    words = ["--target", "left", "--drop", '"age; in years",customer_id', *QUICK]
    done = call(path, *words, "--force", "smote", "--mark", "new", "--out", out)
    assert done.exit_code == 0, done.output
    written = (out / "balanced.csv").read_bytes()
    head = raw[: raw.index(b"\r\n", 12)]
    assert written.startswith(head + b";new\r\n")
    again = read_table(out / "balanced.csv", "left").frame
    assert again["left "].value_counts().nunique() == 1
    assert [*again.columns][-1] == "new"
    # Lines are counted as an editor does.
    told = pd.read_csv(out / "provenance.csv")
    lines = re.split("\r?\n", raw.decode("utf-8-sig"))
    assert len(told)
    assert all(re.match(r"K\d{4};", lines[i - 1]) for i in told["nearest_line"])


def test_classes_that_differ_in_spaces_or_capitals_are_named(tmp_path):
    frame = rows_of(120, 40)
    frame.iloc[::3, frame.columns.get_loc("left")] = "Yes "
    path = tmp_path / "t.csv"
    path.write_bytes(text_of(frame).encode())
    found = audit(read_table(path, "left"), "left")
    told = [w["text"] for w in found["warnings"] if w["about"] == "target"]
    assert len(told) == 1
    assert "'Yes '" in told[0]
    assert "'yes'" in told[0]
    assert "'no'" not in told[0]


BROKEN = {
    b"": "is empty",
    b"a,b\n": "has no records",
    b"a,b\n1,2\n3\n": "line 3: 1 field",
    b'a,b\n1,"x\ny"\n1,2,3\n': "line 4: 3 field",
    b'a,b\n1,2\n3,"open\n4,5\n': "line 3: a quote is opened",
    b"a,a\n1,2\n": "called 'a'",
    b"a,b\n1,\xff\n": "line 2: not utf-8",
    b"one\ntwo\n": "--delimiter",
    b"Report\n\na,b\n1,2\n3,4\n": "remove a title above it",
    b"PK\x03\x04...": "Excel",
    b"\xd0\xcf\x11\xe0\0": "an old Excel file",
    b'{"a": 1, "b": 2}\n{"a": 3, "b": 4}\n': "is JSON; save the table as CSV",
    b"@RELATION r\n@attribute a {u,v}\n": "an ARFF file",
    b"sep=;\na;b\n1;2;3\n": "line 3: 3 field",
    b"a\0b": "zero bytes",
    b"\x1f\x8bnot really": "gzip",
}


@pytest.mark.parametrize("raw", BROKEN)
def test_a_broken_file_is_told_in_one_line_with_its_place(tmp_path, raw):
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    done = call(path, "--target", "b")
    assert done.exit_code == 1
    assert BROKEN[raw] in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert [*tmp_path.iterdir()] == [path]


def test_parquet_and_feather_keep_their_schema(tmp_path):
    pa = pytest.importorskip("pyarrow")
    frame = pd.DataFrame(
        {
            "n": pd.array([1, None, 3], dtype="Int64"),
            "c": pd.Categorical(["x", "y", None]),
            "t": pd.to_datetime(["2024-01-01", "2024-01-02", None]),
            "amount": [Decimal("12.50"), Decimal("0.00"), None],
            "y": ["u", "v", "u"],
        }
    )
    for kind in ("parquet", "feather"):
        path = tmp_path / f"t.{kind}"
        getattr(frame, f"to_{kind}")(path)
        source = read_table(path, "y")
        assert source.frame["amount"].iloc[:2].tolist() == [12.5, 0.0]
        again = source.written([0, 1, 2], source.frame.iloc[[0]])
        (tmp_path / f"again.{kind}").write_bytes(again)
        table = read_table(tmp_path / f"again.{kind}", "y").table.table
        assert (
            table.schema.remove_metadata()
            == source.table.table.schema.remove_metadata()
        )
        assert table.slice(0, 3).equals(source.table.table)
        assert table.slice(3).to_pylist() == source.table.table.slice(0, 1).to_pylist()
    assert pa


@pytest.mark.parametrize("name", ["..", ".", "", "sub/../..", "/tmp"])
def test_a_forged_list_of_files_removes_nothing(name, tmp_path):
    """Names that lead out of the folder of results, or are the folder itself."""
    table, out = tmp_path / "t.csv", tmp_path / "t-balanced"
    rows_of().to_csv(table, index=False)
    out.mkdir()
    (out / "thesis.txt").write_text("all of it")
    (out / "balance.json").write_text(json.dumps({"asked": {}, "files": {name: ""}}))
    words = ["--target", "left", *QUICK, "--out", out]
    for more in ([], ["--overwrite"]):
        done = call(table, *words, *more)
        assert done.exit_code == 1
        assert "is not what this command writes" in " ".join(done.stderr.split())
        assert (out / "thesis.txt").read_text() == "all of it"
        assert table.exists()


def test_what_reads_as_text_is_named_in_parquet_too(tmp_path):
    pytest.importorskip("pyarrow")
    n = 60
    frame = pd.DataFrame(
        {
            "price": [f"{i % 9 + 1}" if i != 4 else "k.A." for i in range(n)],
            "amount": [f"{i},5" for i in range(n)],
            "day": [f"{i % 28 + 1:02}/10/21" for i in range(n)],
            "level": pd.Categorical(["1,5", "2,5"] * 30),
            "one": ["01.01.2024"] * n,
            "x": np.arange(n) % 7,
            "y": np.arange(n) % 3 == 0,
        }
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv", index=False, sep=";")
    notes = {}
    for kind in ("parquet", "csv"):
        found = audit(read_table(tmp_path / f"t.{kind}", "y"), "y")
        texts = [w["text"] for w in found["warnings"]]
        notes[kind] = {
            t.split("'")[1]: t for t in texts if "reads as text" in t and "'" in t
        }
    assert {*notes["parquet"]} == {"price", "amount", "day", "level"}
    # Text files have decimal commas, and lines instead of rows.
    assert notes["csv"]["day"] == notes["parquet"]["day"]
    assert "'k.A.' (first in line 5)" in notes["parquet"]["price"]
    assert "'k.A.' (first in line 6)" in notes["csv"]["price"]


def test_targets_that_are_no_classes_are_told_in_words_of_files(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": range(40), "half": [0.5, 1.5] * 20})
    frame["day"] = pd.to_datetime(["2024-01-01", "2024-01-02"] * 20)
    frame["flag"] = pd.Series([1] * 3 + [0] * 37)
    frame["list"] = [["a"], ["b"]] * 20
    frame["dict"] = [{"a": 1}, {"a": 2}] * 20
    frame.to_parquet(tmp_path / "t.parquet")
    source = read_table(tmp_path / "t.parquet", "half")
    refused = {
        "half": "numbers with fractions",
        "day": "dates",
        "list": "values of type ndarray",
        "dict": "values of type dict",
    }
    for target, what in refused.items():
        with pytest.raises(ValueError, match=f"--target '{target}' holds {what}"):
            audit(source, target)
    texts = [w["text"] for w in audit(source, "flag")["warnings"]]
    assert any(t.startswith("The rarest class, '1', has 3 record") for t in texts)


def test_two_columns_of_one_name_are_told_in_parquet_and_feather(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    table = pa.table([[1, 2], [3, 4]], names=["y", "y"])
    parquet.write_table(table, tmp_path / "t.parquet")
    feather.write_feather(table, tmp_path / "t.feather")
    for kind in ("parquet", "feather"):
        with pytest.raises(OSError, match="several columns are called 'y'"):
            read_table(tmp_path / f"t.{kind}", "y")
