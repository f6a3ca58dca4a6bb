"""Stored rows: whole or not there, read as they were written, found again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers import provenance, runs, store

from .toy_cells import cell, compute


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


def test_results_of_a_checkout_that_was_never_installed(tmp_path, monkeypatch):
    """It has a commit, and nobody knows its repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(provenance, "commit", lambda: "0123456789ab")
    monkeypatch.setattr(provenance, "DISTRIBUTION", "none-of-this-name")
    with pytest.raises(FileNotFoundError, match="was not installed from a commit"):
        store.load_results("toy")
