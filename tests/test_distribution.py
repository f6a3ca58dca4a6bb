"""Runs whose caller or whose workers are killed, here and on a Dask cluster."""

import functools
import inspect
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers import experiments, runs, store
from helpers.__main__ import app

from .conftest import ROOT
from .toy_cells import VARYING, caller, cells, compute, log_to

# Its server has imported what the callers need, so that one starts in some milliseconds.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["helpers.runs", "helpers.training", "tests.toy_cells"])


def rows_of(path):
    """The rows of a store as they lie there, each once, without what varies."""
    table = pd.read_csv(path)
    assert not table.duplicated(store.KEY).any()
    return (
        table.drop(columns=VARYING)
        .sort_index(axis=1)
        .sort_values("seed", ignore_index=True)
    )


def start(*arguments):
    started = FORKS.Event()
    process = FORKS.Process(target=caller, args=(*arguments, started))
    process.start()
    assert started.wait(30)
    return process


def kill_at_random(path, wanted, slow, times, seed):
    """Start the same call again and again, kill it, and count the halves it leaves."""

    def length():
        return path.stat().st_size if path.exists() else 0

    rng = np.random.default_rng(seed)
    for _ in range(times):
        before, process = length(), start(path, wanted, slow)
        if rng.random() < 0.5:  # so that rows come on the slowest machine
            wait_for(lambda before=before: length() != before)
        process.join(rng.uniform(0, 0.08))
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL, "it ended before it was killed"
    return len([*path.parent.glob(f".deep-oversampling-*/{path.name}")])


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


# ------------------------------------------------------------------- the caller is killed


@pytest.mark.parametrize(("method", "slow"), [("plain", False), ("ragged", True)])
def test_a_caller_killed_twenty_times_ends_with_the_rows_of_an_unbroken_run(
    tmp_path, method, slow
):
    """Slow and ragged: killed inside writes, and tables whose columns differ."""
    wanted, path, unbroken = cells(0, 80, method), tmp_path / "a", tmp_path / "b"
    other = start(unbroken, wanted, False)
    halves = kill_at_random(path, wanted, slow, times=20, seed=0)
    assert halves or not slow
    assert 0 < len(store.read(path)) < 80
    last = start(path, wanted, False)
    for process in (last, other):
        process.join()
        assert process.exitcode == 0
    pd.testing.assert_frame_equal(rows_of(path), rows_of(unbroken))
    assert rows_of(path)["seed"].tolist() == [*range(80)]


def test_a_killed_caller_does_not_harm_another_that_shares_its_store(tmp_path):
    path = tmp_path / "toy.csv"
    lives = start(path, cells(0, 30), True)
    kill_at_random(path, cells(30, 60), True, times=10, seed=1)
    last = start(path, cells(30, 60), True)
    for process in (lives, last):
        process.join()
        assert process.exitcode == 0
    assert rows_of(path)["seed"].tolist() == [*range(60)]


def test_an_exception_that_cannot_travel_spares_the_other_cells(tmp_path):
    path = tmp_path / "toy.csv"
    with pytest.raises(RuntimeError, match="1 of 6 runs failed") as caught:
        runs.run_cells(cells(0, 6, "raises"), compute, path, n_jobs=2)
    assert str(caught.value).endswith(
        "toy/smoke/data/raises/3/0/v1: TwoArguments: unlucky, 3"
    )
    assert "in compute" in "".join(caught.value.__cause__.__notes__)
    assert rows_of(path)["seed"].tolist() == [0, 1, 2, 4, 5]


def test_a_local_worker_that_dies_ends_the_call_and_the_same_call_goes_on(tmp_path):
    path = tmp_path / "toy.csv"
    with pytest.raises(RuntimeError, match="terminated"):
        runs.run_cells(cells(0, 6, "kills"), compute, path, n_jobs=2)
    wanted = [c for c in cells(0, 6, "kills") if c.seed != 3]
    runs.run_cells(wanted, compute, path)
    assert rows_of(path)["seed"].tolist() == [0, 1, 2, 4, 5]


def test_a_call_that_stops_early_leaves_no_advice_of_joblib(
    tmp_path, monkeypatch, recwarn
):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs.Progress, "update", stop)
    with pytest.raises(KeyboardInterrupt):
        runs.run_cells(cells(0, 99), compute, tmp_path / "toy.csv", n_jobs=2)
    assert not [w for w in recwarn if "tasks" in str(w.message)]


INTERRUPTED = """
import sys
from helpers import __main__, experiments, runs
from tests.toy_cells import cells, compute
experiments.run_chapter = lambda *_, **__: runs.run_cells(cells(0, 999), compute, sys.argv[1], 2)
__main__.app(["run", "toy", "--profile", "smoke"])
"""


def test_ctrl_c_keeps_the_rows_and_leaves_no_process(tmp_path):
    path = tmp_path / "toy.csv"
    runs.run_cells(cells(0, 1), compute, path)
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, path],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: path.exists() and len(store.read(path)) > 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    _, told = process.communicate(timeout=120)  # not before every process has gone
    assert process.returncode == 130
    assert "Traceback" not in told
    # Not the end of it: joblib may warn of a folder that its workers have cleared.
    assert "Stopped. What is done is kept; the same call goes on." in told
    assert len(rows_of(path)) > 2
    # The workers say nothing: they do not notice it, whatever they are at.
    assert pd.read_csv(path)["deaf"][1:].all()
    with pytest.raises(ProcessLookupError):
        wait_for(lambda: os.killpg(process.pid, 0))


# ---------------------------------------------------------------------- on a cluster


@pytest.fixture
def client():
    """Two worker processes of one thread, which take no cell in advance.

    Every test has its own: on a busy machine a killed worker may not come back.
    """
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.worker-saturation": 1.0}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            silence_logs="CRITICAL",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@pytest.fixture
def on_cluster(client):
    with joblib.parallel_config(backend="dask"):
        yield client


def test_a_killed_worker_loses_and_doubles_no_row(on_cluster, tmp_path, monkeypatch):
    path, log = tmp_path / "toy.csv", tmp_path / "log"
    on_cluster.run(log_to, str(log))
    monkeypatch.setattr(runs, "environment", lambda: {"commit": "of the caller"})
    victim = next(iter(on_cluster.run(os.getpid).values()))

    def kill():
        wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") > 30)
        stored.extend(store.read(path)["seed"])
        time.sleep(0.1)
        os.kill(victim, signal.SIGKILL)

    stored, killer = [], threading.Thread(target=kill)
    killer.start()
    runs.run_cells(cells(0, 80), compute, path)
    killer.join()
    rows = rows_of(path)
    assert rows["seed"].tolist() == [*range(80)]
    assert rows["acsa"].tolist() == pytest.approx([seed / 7 for seed in range(80)])
    pids = pd.read_csv(path)["pid"]
    assert victim in set(pids)
    assert pids.nunique() > 1
    assert os.getpid() not in set(pids)
    # What a row was computed with is what its worker has.
    assert rows["versions"].str.contains("torch").all()
    assert "of the caller" not in set(rows["commit"])
    # Cells in flight were computed again, those whose rows had come back were not.
    computed = [int(seed) for seed in log.read_text().split()]
    assert len(stored) >= 30
    assert [computed.count(seed) for seed in stored] == [1] * len(stored)


def test_cells_that_raise_or_kill_their_worker_spare_the_others(on_cluster, tmp_path):
    on_cluster.cluster.scheduler.allowed_failures = 1
    for method, reason in [("raises", "unlucky, 3"), ("kills", "KilledWorker")]:
        path = tmp_path / method
        with pytest.raises(RuntimeError, match="1 of 6 runs failed") as caught:
            runs.run_cells(cells(0, 6, method), compute, path)
        assert f"{method}/3/0/v1: " in str(caught.value)
        assert reason in str(caught.value)
        assert rows_of(path)["seed"].tolist() == [0, 1, 2, 4, 5]


def test_a_call_that_stops_early_takes_its_cells_back(
    on_cluster, tmp_path, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "append", stop)
    with pytest.raises(KeyboardInterrupt):
        runs.run_cells(cells(0, 999), compute, tmp_path / "toy.csv")
    wait_for(lambda: not on_cluster.cluster.scheduler.tasks, seconds=10)


TOY_CHAPTER = """
from tests import toy_cells
from tests.toy_cells import compute as run
PROFILES = ("smoke",)
def cells(profile):
    return toy_cells.cells(0, 10)
"""


@pytest.fixture
def run_toy(tmp_path, monkeypatch):
    """The command on a fabricated chapter, in an empty folder."""
    (tmp_path / "toy.py").write_text(TOY_CHAPTER)
    (tmp_path / "_toc.yml").touch()
    monkeypatch.setattr(experiments, "__path__", [str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(
        app, ["run", "toy", "--profile", "smoke", *words]
    )


def test_the_command_fills_a_store_on_a_cluster(client, run_toy, tmp_path):
    address, before = client.scheduler.address, len(client.cluster.scheduler.clients)
    done = run_toy("--dask", address)
    assert done.exit_code == 0, done.output
    assert "10 of 10 runs missing" in done.stdout
    assert f"{address}: cluster of 2 workers" in done.stdout
    path = tmp_path / "book" / "results" / "toy-smoke.csv"
    assert rows_of(path)["seed"].tolist() == [*range(10)]
    assert os.getpid() not in set(pd.read_csv(path)["pid"])
    assert ": 0 of 10 runs missing" in run_toy("--dask", address).stdout
    # Its own client is closed, the cluster and other clients are not.
    wait_for(lambda: len(client.cluster.scheduler.clients) == before)
    assert len(client.scheduler_info()["workers"]) == 2


def test_a_scheduler_that_is_not_there_is_named_within_seconds(
    run_toy, tmp_path, monkeypatch
):
    pytest.importorskip("distributed")
    assert inspect.signature(runs.cluster).parameters["timeout"].default <= 10
    short = functools.partial(runs.cluster, timeout=1)
    monkeypatch.setattr(experiments, "cluster", short)
    started = time.monotonic()
    done = run_toy("--dask", "tcp://127.0.0.1:1")
    assert time.monotonic() - started < 10
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:1: Timed out" in done.stderr
    assert "missing port" in run_toy("--dask", "somewhere").stderr
    assert not (tmp_path / "book").exists()
