"""Stored rows: whole or not there, read as they were written, found again."""

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from helpers import provenance, runs, store

from .conftest import ROOT
from .toy_cells import cell, compute

STORES = sorted((ROOT / "book" / "results").glob("*.csv"))


def row(seed, **values):
    return {**cell(seed)._asdict(), **values}


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.stem)
def test_the_books_own_rows_are_read_and_added_to_as_they_are(path, tmp_path):
    rows = store.read(path)
    assert len(rows) == path.read_bytes().count(b"\n") - 1
    assert set(rows["chapter"]) == {path.stem.rsplit("-")[0]}
    assert not rows[store.KEY].isna().any().any()
    for name in {"sampler_seconds", "acsa", "n_train"} & {*rows}:
        assert pd.api.types.is_numeric_dtype(rows[name])
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    store.append(copy, {**rows.iloc[0].to_dict(), "seed": 10**6})
    assert copy.read_bytes().startswith(path.read_bytes())
    assert copy.read_bytes().count(b"\n") == len(rows) + 2


def test_a_torn_line_is_no_row_and_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "toy.csv"
    runs.run_cells([cell(0), cell(1)], compute, path)
    whole = path.read_bytes()
    for cut in (1, 10, len(whole) - whole.rstrip(b"\n").rfind(b"\n") - 2):
        path.write_bytes(whole[:-cut])
        assert store.read(path)["seed"].tolist() == [0]
        runs.run_cells([cell(1)], compute, path)
        assert store.read(path)["seed"].tolist() == [0, 1]


def test_rows_with_other_columns_widen_the_table(tmp_path):
    path = tmp_path / "toy.csv"
    store.append(path, {**cell(0)._asdict(), "acsa": 0.1})
    store.append(path, {**cell(1)._asdict(), "brier": 0.2})
    store.append(path, {**cell(2)._asdict(), "acsa": 0.3})
    rows = store.read(path)
    assert rows["seed"].tolist() == [0, 1, 2]
    assert rows["acsa"].isna().tolist() == [False, True, False]


def test_a_cell_computed_twice_counts_once(tmp_path):
    path = tmp_path / "toy.csv"
    for value in (0.1, 0.2):
        rows = [{"classifier": name, "acsa": value} for name in ("tree", "knn")]
        store.append(path, [{**cell(0)._asdict(), **row} for row in rows])
    rows = store.read(path)
    assert rows["acsa"].tolist() == [0.1, 0.1]
    assert rows["classifier"].tolist() == ["tree", "knn"]


def test_names_that_look_like_numbers_stay_names(tmp_path, capsys):
    path = tmp_path / "toy.csv"
    one = cell(0)._replace(protocol="1", dataset="1e3")
    for _ in range(2):
        runs.run_cells([one], compute, path)
    assert "0 of 1 runs missing" in capsys.readouterr().out
    (row,) = store.read(path)[store.KEY].itertuples(index=False, name=None)
    assert row == tuple(getattr(one, name) for name in store.KEY)


@pytest.mark.parametrize(
    "name",
    [
        "NA",
        "None",
        "nan",
        "",
        " ",
        "two  spaces",
        " outer ",
        'a,"b"',
        "1e3",
        "007",
        "a\nb",
    ],
)
def test_any_name_is_found_again(tmp_path, name):
    path = tmp_path / "toy.csv"
    wanted = [cell(0)._replace(dataset=name), cell(0)._replace(method=name)]
    for one in wanted:
        assert one in store.missing(wanted, path)
        store.append(path, {**one._asdict(), "classifier": name, "note": "NA"})
    assert store.missing(wanted, path) == []
    rows = store.read(path)
    assert rows["dataset"].tolist() == [name, "data"]
    assert rows["classifier"].tolist() == [name, name]
    assert rows["note"].tolist() == ["NA", "NA"]


def test_numbers_are_read_as_they_were_written(tmp_path):
    path = tmp_path / "toy.csv"
    values = [
        0.1 + 0.2,
        1 / 3,
        5e-324,
        np.float32(0.1),
        np.nan,
        None,
        np.inf,
        2**60 + 1.0,
    ]
    for seed, value in enumerate(values):
        store.append(path, row(seed, acsa=value, n=seed, right=seed > 2))
    rows = store.read(path)
    expected = [np.nan if v is None else float(str(v)) for v in values]
    np.testing.assert_array_equal(rows["acsa"], expected)
    assert rows["n"].tolist() == [*range(len(values))]
    assert rows["right"].dtype == bool


HEADER = ",".join([*store.Cell._fields, "acsa"])
LINE = "toy,smoke,data,plain,{},0,v1,0.5"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER, "<<<<<<< HEAD", LINE.format(0)], "line 2: git left a conflict"),
        (
            [HEADER, LINE.format(0), "=======", LINE.format(1)],
            "line 3: git left a conf",
        ),
        ([HEADER, LINE.format(0), ">>>>>>> other"], "line 3: git left a conflict"),
        (["<<<<<<< HEAD", HEADER], "line 1: git left a conflict"),
        (
            [HEADER, LINE.format(0), LINE.format(1)[:-4]],
            "line 3: 7 values for 8 columns",
        ),
        ([HEADER, LINE.format(0) + ",1"], "line 2: 9 values for 8 columns"),
        ([HEADER, LINE.format(0), HEADER], "line 3: the header stands here once more"),
        ([HEADER, LINE.format(""), ""], "line 2: the seed is '', not a whole number"),
        ([HEADER, LINE.format("1.5")], "line 2: the seed is '1.5', not a whole number"),
        (
            [HEADER + ",acsa", LINE.format(0)],
            "line 1: two columns have the name 'acsa'",
        ),
        (
            [HEADER.replace(",seed", "")],
            "line 1: .* 'seed' is not in 'chapter,profile,",
        ),
        (
            [HEADER.replace(",", ";")],
            "line 1: a header with chapter, dataset, .* is expec",
        ),
        ([], "has no line; delete it"),
    ],
)
def test_a_damaged_store_is_refused_with_its_line(tmp_path, lines, message):
    path = tmp_path / "toy.csv"
    path.write_text("".join(line + "\n" for line in lines))
    before = path.read_bytes()
    for call in (
        lambda: store.read(path),
        lambda: store.append(path, row(0, acsa=1)),
        lambda: store.missing([cell(0)], path),
        lambda: store.require_writable(path),
    ):
        with pytest.raises(ValueError, match=f"toy.csv,? {message}"):
            call()
    assert path.read_bytes() == before


def test_a_store_of_another_encoding_is_named(tmp_path):
    path = tmp_path / "toy.csv"
    store.append(path, row(0, acsa=0.5))
    text = path.read_text()
    path.write_text(text, encoding="utf-8-sig")  # as spreadsheets do
    assert store.missing([cell(0)], path) == []
    path.write_text(text, encoding="utf-16")
    with pytest.raises(
        ValueError, match=r"toy\.csv is not text in UTF-8 .* save it as"
    ):
        store.read(path)


def test_a_pipe_is_no_store(tmp_path):
    os.mkfifo(tmp_path / "toy.csv")
    for call in (store.read, store.require_writable):
        with pytest.raises(OSError, match="is no regular file"):
            call(tmp_path / "toy.csv")


def test_a_store_may_be_named_from_home_or_by_a_link(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    store.append("~/toy.csv", row(0))
    assert store.missing([cell(0)], tmp_path / "toy.csv") == []
    (tmp_path / "link.csv").symlink_to("toy.csv")
    store.append(tmp_path / "link.csv", row(1))
    assert (tmp_path / "link.csv").is_symlink()
    assert len(store.read("~/toy.csv")) == 2
    assert not (tmp_path / "link.csv.lock").exists(), "one file, one lock"


def test_a_store_in_no_folder_is_refused(tmp_path):
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(
        OSError, match=r"No row can be stored in .*toy\.csv: .*File exists"
    ):
        store.require_writable(tmp_path / "file" / "toy.csv")


def test_seconds_count_a_fit_once_for_all_its_classifiers(tmp_path):
    rows = [
        row(0, classifier="a", sampler_seconds=10, classifier_seconds=1),
        row(0, classifier="b", sampler_seconds=10, classifier_seconds=2),
        row(1, classifier="a", sampler_seconds=5, classifier_seconds=None),
        row(2, classifier="a", sampler_seconds=None, classifier_seconds=None),
    ]
    spent = store.seconds(pd.DataFrame(rows)).set_index("seed")["seconds"]
    assert spent[[0, 1]].tolist() == [13, 5]
    assert np.isnan(spent[2])


def test_cells_that_share_a_fit_count_it_once():
    rows = [row(0, sampler_seconds=9.25, classifier_seconds=1)]
    rows += [row(0, protocol="other-1", sampler_seconds=9.25, classifier_seconds=2)]
    rows += [row(1, sampler_seconds=9.25, classifier_seconds=4)]
    spent = store.seconds(pd.DataFrame(rows))
    assert spent["seconds"].tolist() == [10.25, 2, 13.25]


def test_a_torn_line_takes_the_other_rows_of_its_cell_with_it(tmp_path):
    path, cells = tmp_path / "toy.csv", [cell(0), cell(1)]
    for one in cells:
        told = ({**one._asdict(), "classifier": c, "acsa": 0.5} for c in "abc")
        store.append(path, told)
    whole = path.read_bytes()
    for cut in (1, 3, 30):
        path.write_bytes(whole[:-cut])
        assert store.missing(cells, path) == [cell(1)]
        assert store.read(path)["seed"].tolist() == [0, 0, 0]
        told = ({**cell(1)._asdict(), "classifier": c, "acsa": 0.5} for c in "abc")
        store.append(path, told)
        assert path.read_bytes() == whole


def test_many_writers_lose_no_row(tmp_path):
    path = tmp_path / "toy.csv"
    with ThreadPoolExecutor(8) as pool:
        rows = [{**cell(s)._asdict(), "acsa": s} for s in range(60)]
        list(pool.map(lambda row: store.append(path, row), rows))
    assert sorted(store.read(path)["seed"]) == [*range(60)]


def test_stored_results_are_found_from_a_folder_below(tmp_path, monkeypatch):
    path = tmp_path / "book" / "results" / "toy-smoke.csv"
    runs.run_cells([cell(0)], compute, path)
    below = tmp_path / "_build" / "src"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert len(store.load_results("toy", "smoke")) == 1


def test_results_that_are_nowhere_say_how_to_make_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "commit", lambda: "-")
    with pytest.raises(
        FileNotFoundError, match="python -m helpers run toy --profile paper"
    ):
        store.load_results("toy")


def test_arrays_are_kept_beside_the_rows(tmp_path):
    path = tmp_path / "toy.csv"
    p = np.linspace(0, 1, 7).astype(np.float16)[:, None]
    rows = [{**row(1), "classifier": name, "p": p * k} for k, name in enumerate("ab")]
    store.append(path, rows)
    store.append(path, {**row(2), "p": p})
    store.append(path, {**row(3), "acsa": 1.0})
    assert "p" not in store.read(path)
    kept = store.read_arrays(path, "p")
    assert len(kept) == 3
    key = ("data", "plain", 1, 0, "v1", "b")
    np.testing.assert_array_equal(kept[key], p)
    assert kept[key].dtype == np.float16
    assert store.read_arrays(path, "q") == {}
    # Computed again after a kill between the two: the same file, byte for byte.
    (file, other) = sorted((tmp_path / "toy").glob("*.zip"))
    before = file.read_bytes()
    store.append(path, rows)
    assert file.read_bytes() == before
    file.write_bytes(before[:-9])
    with pytest.raises(ValueError, match="is damaged"):
        store.read_arrays(path, "p")
    for place in range(0, 8 * len(before), 97):  # of compressed bytes, another error
        damaged = bytearray(before)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        with contextlib.suppress(ValueError):  # and no other
            store.read_arrays(path, "p")
    assert other.exists()


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ({"told": "x" * 200_000}, "field larger than field limit"),
        ({"seed": 1.0}, "the seed is '1.0'"),
        ({"fold": True}, "the fold is 'True'"),
        ({"seed": None}, "the seed is ''"),
        ({"dataset": "a\rb"}, "values for"),
    ],
)
def test_a_row_that_could_not_be_read_again_is_refused(tmp_path, odd, message):
    path = tmp_path / "toy.csv"
    store.append(path, row(0, told="a"))
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"This row cannot be stored: .*{message}"):
        store.append(path, {**row(1), "told": "b", **odd})
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="a header with"):
        store.append(tmp_path / "new.csv", {"acsa": 0.5})
    assert not (tmp_path / "new.csv").exists()


def test_a_commit_of_digits_is_no_number(tmp_path):
    path = tmp_path / "toy.csv"
    told = {"commit": "012345678901", "provenance": "2024", "device": ""}
    store.append(path, row(0, **told))
    rows = store.read(path)
    assert rows[["commit", "provenance"]].iloc[0].tolist() == ["012345678901", "2024"]
    assert rows["device"].isna().all()


def test_damaged_arrays_are_named_before_anything_is_computed(tmp_path):
    path = tmp_path / "toy.csv"
    store.append(path, {**row(1), "p": np.zeros(3)})
    (kept,) = path.with_suffix("").glob("*.zip")
    kept.write_bytes(kept.read_bytes()[:40])
    with pytest.raises(ValueError, match=f"{kept.name} is damaged"):
        store.require_writable(path)
    with pytest.raises(ValueError, match=f"{kept.name} is damaged"):
        store.append(path, {**row(1), "method": "other", "p": np.zeros(3)})


def test_what_a_proxy_answers_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "commit", lambda: "0123456789ab")
    monkeypatch.setattr(provenance, "project_url", lambda: "https://github.com/a/b")
    monkeypatch.setattr(store, "user_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(store, "_folders", list)
    sent = [b"<html>Please log in</html>"]
    monkeypatch.setattr(
        store, "fetch", lambda url, part, patience: part.write_bytes(sent[0])
    )
    with pytest.raises(FileNotFoundError, match="what came is no table of results"):
        store.load_results("toy", "smoke")
    store.append(tmp_path / "toy.csv", row(3))
    sent[0] = (tmp_path / "toy.csv").read_bytes()
    assert store.load_results("toy", "smoke")["seed"].tolist() == [3]
    sent[0] = b""
    assert store.load_results("toy", "smoke")["seed"].tolist() == [3]
    # One that an earlier version kept is no obstacle either.
    (kept,) = (tmp_path / "cache" / "results").glob("*.csv")
    kept.write_bytes(b"<html>")
    sent[0] = (tmp_path / "toy.csv").read_bytes()
    assert store.load_results("toy", "smoke")["seed"].tolist() == [3]


def test_stored_rows_need_no_cache_and_no_installed_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "commit", lambda: "0123456789ab")
    monkeypatch.setattr(provenance, "DISTRIBUTION", "not-installed-anywhere")
    monkeypatch.setattr(store, "_folders", list)
    (tmp_path / "file").touch()
    monkeypatch.setattr(store, "user_folder", lambda: tmp_path / "file")
    store.append(tmp_path / "toy.csv", row(3))
    asked = []

    def send(url, part, patience):
        asked.append(url)
        part.write_bytes((tmp_path / "toy.csv").read_bytes())

    monkeypatch.setattr(store, "fetch", send)
    assert store.load_results("toy", "smoke")["seed"].tolist() == [3]
    (url,) = asked
    assert url.startswith("https://raw.githubusercontent.com/")
    assert url.endswith("/0123456789ab/book/results/toy-smoke.csv")


def test_a_checkout_of_another_user_has_its_commit(monkeypatch):
    own = provenance.commit()
    if own == "-":
        pytest.skip("no git, or no checkout")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert provenance.commit() == own


def test_samplers_whose_names_share_a_file_keep_their_rows(tmp_path, monkeypatch):
    for name in ("mine:S shift=1", "mine:S shift=-1"):
        path = store.own_store(tmp_path, "toy", "smoke", name)
        store.append(path, {**row(0), "method": name})
    monkeypatch.setattr(store, "_folders", lambda: [tmp_path])
    monkeypatch.setattr(store, "read", store.read)
    store.append(tmp_path / "toy-smoke.csv", row(0))
    rows = store.load_results("toy", "smoke", method="mine:S shift=1")
    assert rows["method"].tolist() == ["plain", "mine:S shift=1"]
