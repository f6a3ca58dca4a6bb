"""The command line hands on what was typed and says in one line what is wrong."""

import os
import subprocess
import sys

import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers import data, experiments, publishing
from helpers.__main__ import app

from .conftest import ROOT

HEAVY = {"torch", "numpy", "pandas", "sklearn", "papermill", "rich", "yaml", "pooch"}


def call(*words):
    return CliRunner().invoke(app, list(words))


@pytest.fixture
def calls(monkeypatch):
    """Arguments that reached `build` and `run_chapter`; set its `error` to raise one."""

    class Calls(list):
        error = None

        def __call__(self, *positional, **named):
            self.append((*positional, named))
            if self.error:
                raise self.error
            return 0

    calls = Calls()
    monkeypatch.setattr(publishing, "build", calls)
    monkeypatch.setattr(experiments, "run_chapter", calls)
    return calls


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from helpers.__main__ import app\n"
        "print(CliRunner().invoke(app, ['--help']).output, *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    words = set(done.stdout.split())
    assert {"book", "run", "data"} <= words
    assert not HEAVY & words


def test_book_parameters_repeat_and_are_typed(calls):
    words = ["--only", "a", "-p", "n", "5", "--only", "b", "-p", "lr", "1e-4"]
    words += ["-p", "low", "-1", "-p", "names", "[x, 2]", "-p", "on", "true", "--smoke"]
    assert call("book", *words).exit_code == 0
    values = {"n": 5, "lr": 1e-4, "low": -1, "names": ["x", 2], "on": True}
    assert calls == [({"only": ["a", "b"], "smoke": True, "parameters": values},)]
    assert call("book").exit_code == 0
    assert calls[1] == ({"only": (), "smoke": False, "parameters": {}},)


@pytest.mark.parametrize("words", [["gan_tutorial"], ["--smok"], ["-p", "n"]])
def test_book_refuses_what_it_does_not_know(calls, words):
    done = call("book", *words)
    assert done.exit_code == 2
    assert words[-1] in done.stderr
    assert calls == []


def test_a_value_that_is_no_yaml_is_told_in_one_line(calls):
    done = call("book", "-p", "n_splits", "[1")
    assert done.exit_code == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "-p: the value '[1' is no YAML" in done.stderr
    assert calls == []


def test_a_book_without_its_packages_names_the_extra(calls):
    calls.error = ModuleNotFoundError("No module named 'papermill'", name="papermill")
    done = call("book")
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "papermill" in done.stderr
    assert "pip install -e '.[book]'" in done.stderr


def test_exit_code_of_a_failed_book(monkeypatch):
    monkeypatch.setattr(publishing, "build", lambda **_: 1)
    assert call("book").exit_code == 1


@pytest.mark.parametrize("command", [["book"], ["run", "gan", "--profile", "paper"]])
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ValueError("no such name"), 2),
        (FileNotFoundError("no such file"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_are_one_line(calls, command, error, code):
    calls.error = error
    done = call(*command)
    assert done.exit_code == code
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(error) in done.stderr
    assert done.stdout.strip() == ""


def test_a_bug_keeps_its_traceback(calls):
    calls.error = TypeError("a bug")
    assert isinstance(call("book").exception, TypeError)


def test_run(calls):
    words = [
        "run",
        "gan_tutorial",
        "--profile",
        "tenth",
        "--jobs",
        "2",
        "--only",
        "b/*",
    ]
    assert call(*words).exit_code == 0
    named = {
        "profile": "tenth",
        "n_jobs": 2,
        "only": "b/*",
        "dask": None,
        "dry": False,
        "method": None,
    }
    assert calls == [("gan_tutorial", named)]
    calls.error = RuntimeError("3 of 9 runs failed")
    done = call(*words)
    assert (done.exit_code, done.stderr) == (1, "Error: 3 of 9 runs failed\n")


def test_run_on_a_cluster(calls):
    words = ["run", "gan_tutorial", "--profile", "tenth", "--dask", "tcp://a:8786"]
    assert call(*words).exit_code == 0
    named = {"profile": "tenth", "n_jobs": 1, "only": None, "dask": "tcp://a:8786"}
    named |= {"dry": False, "method": None}
    assert calls == [("gan_tutorial", named)]
    done = call(*words, "--jobs", "2")
    assert done.exit_code == 2
    assert "--jobs 2 is for this machine" in done.stderr
    assert len(calls) == 1


def test_a_dry_run(calls):
    assert call("run", "gan_tutorial", "--profile", "tenth", "--dry-run").exit_code == 0
    assert calls[0][-1]["dry"] is True


def test_a_cluster_without_distributed_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ["--profile", "smoke", "--dask", "tcp://a:8786"]
    done = call("run", "gan_tutorial", *words)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "pip install -e '.[distributed]'" in done.stderr


def test_data_lists_the_sets():
    done = call("data", "bcw")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1].split()[:2] == ["bcw", "embedded"]
    assert "benign 357, malignant 212" in done.stdout
    done = call("data", "bwc")
    assert done.exit_code == 2
    assert "'bcw'" in done.stderr


@pytest.mark.parametrize(("error", "code"), [("cut short", 1), ("", 0)])
def test_data_fails_when_a_checked_set_is_bad(monkeypatch, error, code):
    def inventory(names, download, verify):
        row = {"name": "a", "found": "/a", "n_per_class": {}, "provenance": ""}
        return pd.DataFrame([{**row, "checksum": "mismatch", "error": error}])

    monkeypatch.setattr(data, "inventory", inventory)
    done = call("data", "--verify")
    assert done.exit_code == call("data", "--download").exit_code == code
    assert error in done.stdout
    assert call("data").exit_code == 0, "only a list was asked for"


def test_letters_that_a_pipe_does_not_take_are_no_error(tmp_path):
    table = pd.DataFrame(
        {"\u53ce\u5165": [1.5, 2, 7] * 20, "y": ["\u306f", "no", "no"] * 20}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "helpers",
            "balance",
            "t.csv",
            "--target=y",
            "--dry-run",
        ],
        capture_output=True,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONIOENCODING": "cp1252:strict",
            "PYTHONPATH": str(ROOT),
        },
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u306f" in done.stdout
