"""Cells are computed once, whatever fails or is killed, and end up in their store."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from helpers import data, experiments, runs, store

from . import toy_cells
from .conftest import ROOT
from .toy_cells import cell, cells


def compute(cell):
    if cell.seed == 13:
        raise ArithmeticError("unlucky")
    return {"acsa": cell.seed / 7, "note": "two\nlines, with a comma"}


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_cells_are_computed_once_and_failures_spare_the_others(
    tmp_path, n_jobs, capsys
):
    path = tmp_path / "deep" / "toy.csv"
    runs.run_cells([cell(s) for s in range(3)], compute, path, n_jobs)
    with pytest.raises(RuntimeError, match=r"1 of 4 runs failed.*13.*unlucky"):
        runs.run_cells([cell(s) for s in (0, 1, 2, 3, 4, 5, 13)], compute, path, n_jobs)
    assert "4 of 7 runs missing" in capsys.readouterr().out
    rows = store.read(path).sort_values("seed")
    assert rows["seed"].tolist() == [0, 1, 2, 3, 4, 5]
    assert rows["acsa"].tolist() == pytest.approx([s / 7 for s in range(6)])
    assert rows["note"].unique().tolist() == ["two lines, with a comma"]
    assert rows["versions"].str.contains("torch").all()


def two_classifiers(cell):
    if cell.seed == 13:
        return [{"acsa": 0.5}, {"acsa": 0.6}]
    return [{"classifier": name, "acsa": cell.seed} for name in ("tree", "knn")]


def test_a_cell_may_give_several_rows(tmp_path, capsys):
    path = tmp_path / "toy.csv"
    for _ in range(2):
        runs.run_cells([cell(0), cell(1)], two_classifiers, path)
    assert "0 of 2 runs missing" in capsys.readouterr().out
    rows = store.read(path)
    assert rows["classifier"].tolist() == ["tree", "knn"] * 2
    assert rows["seed"].tolist() == [0, 0, 1, 1]
    assert rows.groupby("seed")["started"].nunique().tolist() == [1, 1]
    with pytest.raises(
        RuntimeError, match="2 rows, 1 of them told apart by a column 'cl"
    ):
        runs.run_cells([cell(13)], two_classifiers, path)
    assert len(store.read(path)) == 4


def never(cell):
    raise AssertionError("a run was computed")


@pytest.mark.parametrize("damage", ["folder", "conflict", "pipe", "jobs", "absurd"])
def test_what_cannot_be_stored_is_refused_before_anything_is_computed(tmp_path, damage):
    path, n_jobs, error = tmp_path / "file" / "toy.csv", 1, (OSError, ValueError)
    if damage == "folder":
        path.parent.write_text("a file where a folder should be")
    elif damage == "conflict":
        path.parent.mkdir()
        path.write_text("<<<<<<< HEAD\n")
    elif damage == "pipe":
        path.parent.mkdir()
        os.mkfifo(path)
    else:
        n_jobs, error = {"jobs": 0, "absurd": 10**30}[damage], ValueError
    with pytest.raises(error, match="toy.csv" if n_jobs == 1 else f"n_jobs={n_jobs}: "):
        runs.run_cells([cell(0)], never, path, n_jobs)
    assert not path.is_file() or damage == "conflict"


def test_no_thread_is_left_behind(tmp_path):
    before = threading.active_count()
    runs.run_cells(cells(0, 2), toy_cells.compute, tmp_path / "toy.csv")
    assert threading.active_count() <= before


def test_processes_share_a_store_and_return_when_all_is_there(tmp_path):
    path, log = tmp_path / "toy.csv", tmp_path / "log"
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", SHARED.format(path=str(path), n_jobs=n_jobs)],
            cwd=ROOT,
            env={**os.environ, "TOY_LOG": str(log)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for n_jobs in (1, 2)
    ]
    for caller in callers:
        told, _ = caller.communicate(timeout=600)
        assert caller.returncode == 0
        # Whoever ends first has waited for what the other was at.
        assert told.splitlines()[-1] == "60 there"
    computed = log.read_text().split()
    assert sorted(map(int, computed)) == [*range(60)], "each once"
    assert {p.name for p in tmp_path.iterdir()} == {"toy.csv", "toy.csv.lock", "log"}


SHARED = """
from helpers import runs, store
from tests import toy_cells
runs.run_cells(toy_cells.cells(0, 60), toy_cells.compute, {path!r}, {n_jobs})
print(len(store.read({path!r})), "there")
"""


def test_a_claim_of_the_dead_is_nobodys(tmp_path):
    """Killed in a run, which another waits for and then computes."""
    path, started = tmp_path / "toy.csv", tmp_path / "started"
    code = STUCK.format(path=str(path), started=str(started))
    stuck = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    while not started.exists():
        assert stuck.poll() is None
        time.sleep(0.01)
    threading.Timer(0.5, stuck.kill).start()
    runs.run_cells(cells(0, 2), toy_cells.compute, path)
    assert stuck.wait() == -signal.SIGKILL
    assert sorted(store.read(path)["seed"]) == [0, 1]


STUCK = """
import time, pathlib
from helpers import runs
from tests import toy_cells
def stick(cell):
    pathlib.Path({started!r}).touch()
    time.sleep(300)
runs.run_cells(toy_cells.cells(0, 1), stick, {path!r})
"""


def test_a_plan_tells_hours_by_the_nearest_rows_there_are(tmp_path):
    path = tmp_path / "toy.csv"

    def stored(seed, method="plain", seconds=3600, **changes):
        one = cell(seed, method)._replace(**changes)
        store.append(path, {**one._asdict(), "sampler_seconds": seconds})

    wanted = [*cells(0, 5), *cells(0, 2, "other")]
    wanted += [cell(s)._replace(dataset="new") for s in range(3)]
    plan = runs.plan(wanted, path)
    assert plan["missing"].tolist() == [5, 2, 3]
    assert plan["hours"].isna().all()
    assert not path.exists()
    for seed, seconds in enumerate([1800, 3600, 7200]):
        stored(seed, seconds=seconds)
    stored(0, "other", 360, protocol="v0")
    plan = runs.plan(wanted, path).set_index(["dataset", "method"])
    assert plan["missing"].tolist() == [2, 2, 3]
    # Its own median; not another protocol's; the method's on other data.
    assert plan["hours"].tolist() == pytest.approx([2, np.nan, 3], nan_ok=True)
    assert len(runs.plan(cells(0, 3), path)) == 0


SLOW = """
import time
from helpers import runs
from helpers.store import Cell
def compute(cell):
    time.sleep(0.02)
    return {{"acsa": cell.seed}}
cells = [Cell("toy", "smoke", "data", "m", s, 0, "v1") for s in range(40)]
runs.run_cells(cells, compute, {store!r})
"""


def test_a_killed_run_goes_on_and_ends_with_every_row(tmp_path):
    path = tmp_path / "toy.csv"
    code = SLOW.format(store=str(path))
    rng, kills = np.random.default_rng(0), 0
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-c", code], stderr=subprocess.DEVNULL
        )
        n = len(store.read(path)) if path.exists() else 0
        while process.poll() is None:
            time.sleep(0.01)
            if path.exists() and len(store.read(path)) > n:
                time.sleep(rng.uniform(0, 0.1))
                os.kill(process.pid, signal.SIGKILL)
                kills += process.wait() == -signal.SIGKILL
    assert kills
    subprocess.run([sys.executable, "-c", code], check=True, stderr=subprocess.DEVNULL)
    rows = store.read(path)
    assert sorted(rows["seed"]) == [*range(40)]
    assert (rows["acsa"] == rows["seed"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gan_tutorail", "paper"), "Did you mean 'gan_tutorial'"),
        (("gan_tutorial", "papre"), "Did you mean 'paper'"),
        (("gan_tutorial", "smoke", 1, "mnist/*"), "matches none of: bcw/class_weight/"),
        (("gan_tutorial", "smoke", 1, ""), "--only '' matches none of: bcw/"),
    ],
)
def test_wrong_names_are_refused_with_the_nearest(arguments, message):
    with pytest.raises(ValueError, match=message):
        experiments.run_chapter(*arguments)


@pytest.fixture
def book(tmp_path, monkeypatch):
    """An empty book to call from."""
    (tmp_path / "_toc.yml").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_outside_a_checkout_nothing_is_computed_or_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"No _toc\.yml above .*: call it from"):
        experiments.run_chapter("gan_tutorial", "smoke")
    assert [*tmp_path.iterdir()] == []


def test_an_empty_address_is_no_wish_to_compute_here(book):
    with pytest.raises(ValueError, match="--dask '' names no scheduler"):
        experiments.run_chapter("gan_tutorial", "smoke", dask="")
    assert not (book / "book").exists()


@pytest.mark.parametrize(
    ("chapter", "profile", "only", "needed"),
    [
        ("gan_smote", "paper", None, ["petrography", "mnist"]),
        ("deep_smote", "tenth", "fashion_mnist-ratio*", ["fashion_mnist"]),
        ("smate", "tenth", None, ["cifar10"]),
        ("gan_tutorial", "paper", None, ["bcw"]),
    ],
)
def test_data_that_are_missing_are_named_before_anything_is_computed(
    book, monkeypatch, chapter, profile, only, needed
):
    asked = []

    def require(names):
        asked.extend(names)
        raise data.DataNotAvailable("not here")

    monkeypatch.setattr(data, "require", require)
    monkeypatch.setattr(experiments.find(chapter), "run", never)
    with pytest.raises(data.DataNotAvailable):
        experiments.run_chapter(chapter, profile, only=only)
    assert sorted(asked) == sorted(needed)


def test_a_dry_run_prints_a_line_a_group_and_touches_nothing(book, capsys):
    experiments.run_chapter("gan_tutorial", "smoke", only="bcw/gan*", dry=True)
    *groups, total = capsys.readouterr().out.splitlines()
    assert all("unknown" in line and "bcw/gan" in line for line in groups)
    n = sum(int(line.split()[0]) for line in groups)
    assert total.endswith(
        f"gan_tutorial-smoke.csv: {n} runs missing, 0.0 h on one process and {n} runs of "
        "unknown length"
    )
    assert not (book / "book").exists()
