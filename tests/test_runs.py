"""Cells are computed once, whatever fails or is killed, and end up in their store."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from helpers import experiments, runs, store

from .toy_cells import cell


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
