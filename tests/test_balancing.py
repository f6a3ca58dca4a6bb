"""`balance`: a verdict, files that are whole, kills and budgets, errors in one line."""

import ast
import csv
import errno
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import resources

import joblib
import jsonschema
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from typer.testing import CliRunner

from helpers import balancing, report
from helpers.__main__ import app
from helpers.balancing import _files, audit, read_table, seconds_of

QUICK = ["--methods", "threshold,smote", "--budget", "none", "--repeats", "1"]


class Interrupted(RandomOverSampler):
    """Stopped by Ctrl-C in the fit of this number; counts its fits."""

    at, fits = None, 0

    def fit_resample(self, X, y, **params):
        Interrupted.fits += 1
        if Interrupted.fits == Interrupted.at:
            raise KeyboardInterrupt
        return super().fit_resample(X, y, **params)


class Dies(RandomOverSampler):
    """Killed by the system in the fit whose number stands in the environment."""

    fits = 0

    def fit_resample(self, X, y, **params):
        Dies.fits += 1
        if str(Dies.fits) == os.environ.get("DIES_AT"):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit_resample(X, y, **params)


class Slow(RandomOverSampler):
    """Takes its epochs in hundredths of a second of a made clock, and a tenth beside."""

    now, fits, slower_after = 0.0, 0, None

    def __init__(self, epochs=300, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.epochs = epochs

    def fit_resample(self, X, y, **params):
        Slow.fits += 1
        late = Slow.slower_after is not None and Slow.fits > Slow.slower_after
        Slow.now += (0.1 + self.epochs / 100) * (4 if late else 1)
        return super().fit_resample(X, y, **params)


class Hopeless(Slow):
    def __init__(self, epochs=30_000, sampling_strategy="auto", random_state=None):
        super().__init__(epochs, sampling_strategy, random_state)


class NoSampler:
    pass


def call(*words):
    return CliRunner().invoke(app, ["balance", *map(str, words)])


def rows_of(n=120, rare=30, shift=1.5, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n) < rare
    colour = np.array(["red", "green, dark", 'the "blue"\nsky'])
    frame = pd.DataFrame(
        {
            "customer_id": [f"K{i:04d}" for i in rng.permutation(n)],
            "<script>alert(1)</script>": [f"{x:.2f}" for x in rng.normal(shift * y)],
            "age": [str(a) for a in rng.integers(18, 80, n)],
            "colour": colour[rng.integers(0, 3, n)],
            "left": np.where(y, "yes", "no"),
        }
    )
    frame.loc[rng.permutation(n)[:9], "age"] = ""
    return frame.iloc[rng.permutation(n)]


def text_of(frame, **how):
    file = io.StringIO(newline="")
    how = {"lineterminator": "\n", **how}
    writer = csv.writer(file, **how)
    writer.writerows([[*frame.columns], *frame.to_numpy().tolist()])
    return file.getvalue()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes(text_of(rows_of()).encode())
    return path


REFUSED = {
    "lft": ["--target", "lft", "Did you mean 'left'"],
    "for": ["--for", "decision", "Did you mean 'decisions'"],
    "smte": ["--methods", "smte", "Did you mean 'smote'"],
    "module": ["--methods", "no_such_thing:Class", "'no_such_thing', which is not"],
    "class": ["--methods", "tests.test_balancing:Other", "has no 'Other'"],
    "sampler": ["--methods", "tests.test_balancing:NoSampler", "has no fit_resample"],
    "both": ["--group", "age", "--time", "colour", "leave one out"],
    "cost": ["--for", "ranking", "--cost-fn", "3", "leave one of the two out"],
    "budget": ["--budget", "soon", "give a time"],
    "mark": ["--mark", "age", "has such a column"],
    "date": ["--dates", "colour", "write its dates as 2024-12-31"],
    "twice": ["--drop", "age", "--group", "age", "--drop and --group"],
    "classifier": ["--classifier", "logistc", "Did you mean 'logistic'"],
    "holdout": ["--holdout", "2", "give a share"],
    "force": ["--force", "smoote", "Did you mean 'smote'"],
    "ids": ["--target", "customer_id", "120 different values"],
    "measured": ["--target", "<script>alert(1)</script>", "measurement"],
    "jobs": ["--jobs", "0", "give -1"],
    "dask": ["--dask", "", "names no scheduler"],
    "places": ["--dask", "tcp://x:1", "--jobs", "2", "leave one of the two out"],
    "little": ["--budget", ".01", "too little for two arms"],
}


@pytest.mark.parametrize("name", REFUSED)
def test_options_that_cannot_be_are_told_in_one_line(table, tmp_path, name):
    *words, expected = REFUSED[name]
    if "--target" not in words:
        words += ["--target", "left"]
    done = call(table, *words, "--out", tmp_path / "out")
    assert done.exit_code == 2, done.output
    assert expected in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_no_such_file_names_the_nearest(table):
    done = call(table.with_name("custmers.csv"), "--target", "left")
    assert done.exit_code == 1
    assert "Did you mean customers.csv?" in done.stderr


def test_a_folder_of_other_files_is_refused_and_left_alone(table, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").write_text("x")
    for more in ([], ["--overwrite"]):
        done = call(table, "--target", "left", *QUICK, "--out", out, *more)
        assert done.exit_code == 1
        assert "thesis.tex" in done.stderr
    assert [p.name for p in out.iterdir()] == ["thesis.tex"]


def test_a_run_from_file_to_folder(table, tmp_path):
    out = tmp_path / "out"
    words = ["--target", "left", *QUICK, "--out", out, "--holdout", ".2"]
    done = call(table, *words, "--force", "smote", "--mark", "new")
    assert done.exit_code == 0, done.stderr
    data = json.loads((out / "report.json").read_text(encoding="utf-8"))
    schema = resources.files("helpers").joinpath("templates", "report.schema.json")
    schema = json.loads(schema.read_text(encoding="utf-8"))
    jsonschema.validate(data, schema, jsonschema.Draft202012Validator)
    assert schema["$id"] == data["schema"] == report.SCHEMA
    assert {*data["files"].values()} <= {p.name for p in out.iterdir()}

    # Old records first, byte for byte, none in both parts.
    whole = read_table(table, "left").table
    written = read_table(out / "balanced.csv", "left").table
    held = read_table(out / "holdout.csv", "left").table
    kept = data["balanced"]["kept"]
    old = [line.removesuffix(",0") for line in written.records[:kept]]
    assert sorted([*old, *held.records]) == sorted(whole.records)
    assert len(held.records) == 24
    balanced = written.frame
    assert balanced["new"].tolist() == [0] * kept + [1] * data["balanced"]["new"]
    assert balanced["left"].value_counts().nunique() == 1
    new = balanced.iloc[kept:]
    assert new["customer_id"].isna().all()
    assert {*new["colour"]} <= {*whole.frame["colour"]}

    # Where new rows come from.
    told = pd.read_csv(out / "provenance.csv")
    assert told["record"].tolist() == [*range(kept + 1, len(balanced) + 1)]
    assert (told["method"] == "smote").all()
    assert {*told["nearest_line"]} <= {*whole.lines}
    lines = [
        dict(zip(whole.lines, whole.records, strict=True))[i]
        for i in told["nearest_line"]
    ]
    assert not {*lines} & {*held.records}

    # The same call writes the same; another table from the same rows; then as found.
    before = {p.name: p.read_bytes() for p in out.iterdir() if p.is_file()}
    assert call(table, *words, "--force", "smote", "--mark", "new").exit_code == 0
    for name in ("balanced.csv", "holdout.csv", "rows.csv", "recipe.py"):
        assert (out / name).read_bytes() == before[name]
    done = call(table, *words)
    assert done.exit_code == 0, done.stderr
    found = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert found["arms"] == data["arms"]
    assert (out / "provenance.csv").exists() == bool(found["balanced"]["new"])

    # Another call is refused, or replaces what this one wrote and nothing else.
    other = [*words, "--seed", "1"]
    done = call(table, *other)
    assert done.exit_code == 1
    assert "seed: 0, now 1" in done.stderr
    (out / "notes.txt").write_text("mine")
    (out / "recipe.py").write_text("# changed")
    done = call(table, *other, "--overwrite")
    assert done.exit_code == 1
    assert "was changed since" in done.stderr
    (out / "recipe.py").unlink()
    assert call(table, *other, "--overwrite").exit_code == 0
    assert (out / "notes.txt").read_text() == "mine"


def test_every_value_is_shown_as_text(table, tmp_path):
    out = tmp_path / "out"
    raw = table.read_text(encoding="utf-8").replace("red", "=1+1<b>")
    table.write_bytes(raw.encode())
    done = call(table, "--target", "left", *QUICK, "--out", out, "--force", "smote")
    assert done.exit_code == 0, done.stderr
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>" not in page
    assert "begin with = or @" in page
    assert report.NO_ANONYMISATION in page
    assert not re.search(r"""(src|href)=|url\(|@import""", page)
    # Each picture says its result in words.
    assert page.count("<svg") == len(
        re.findall(r'role="img" aria-label="[^"]{40,}"', page)
    )
    markdown = (out / "report.md").read_text(encoding="utf-8")
    assert "<script" not in markdown.replace(r"\<script", "")
    assert ",=1+1<b>," in (out / "balanced.csv").read_text(encoding="utf-8")


def test_the_recipe_runs_and_gives_the_score_of_the_report(table, tmp_path):
    out = tmp_path / "out"
    done = call(table, "--target", "left", *QUICK, "--out", out, "--force", "smote")
    assert done.exit_code == 0, done.stderr
    text = (out / "recipe.py").read_text(encoding="utf-8")
    ast.parse(text)
    done = subprocess.run(
        [sys.executable, out / "recipe.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.returncode == 0, done.stderr
    data = json.loads((out / "report.json").read_text(encoding="utf-8"))
    arm = next(a for a in data["arms"] if a["method"] == "smote")
    score = float(re.search(r"mean recall (\S+)", done.stdout)[1])
    assert abs(score - arm["score"]) < 2 * arm["sd"]
    # With the seed of the report's fits, and no last fit on all rows, it is that score.
    seed = np.random.RandomState(0).randint(2**31 - 1, size=3)[1]
    same = f"pipeline.set_params(random_state={seed}, refit=False)\n"
    before, main, after = text.partition("if __name__")
    (out / "same.py").write_text(before + same + main + after, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, out / "same.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    told = re.search(r"mean recall (\S+) \(spread ([^,]+),", done.stdout)
    assert told[1] == f"{arm['score']:.3f}", done.stderr
    assert told[2] == f"{arm['sd']:.3f}"


def test_stopped_in_the_middle_the_same_call_goes_on(table, tmp_path, monkeypatch):
    words = ["--target", "left", "--methods", "tests.test_balancing:Interrupted"]
    words += ["--budget", "none", "--repeats", "2", "--force", "Interrupted"]

    def files(out):
        return [(out / n).read_bytes() for n in ("balanced.csv", "provenance.csv")]

    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    monkeypatch.setattr(Interrupted, "fits", 0)
    assert call(table, *words, "--out", whole).exit_code == 0
    n_fits = Interrupted.fits
    monkeypatch.setattr(Interrupted, "fits", 0)
    monkeypatch.setattr(Interrupted, "at", 6)
    done = call(table, *words, "--out", stopped)
    assert done.exit_code == 130
    assert not (stopped / "balanced.csv").exists()
    kept = (stopped / "rows.csv").read_bytes()
    monkeypatch.setattr(Interrupted, "at", None)
    monkeypatch.setattr(Interrupted, "fits", 0)
    assert call(table, *words, "--out", stopped).exit_code == 0
    assert 0 < Interrupted.fits < n_fits
    assert (stopped / "rows.csv").read_bytes().startswith(kept)
    assert files(stopped) == files(whole)


def test_killed_at_any_moment_the_same_call_goes_on(table, tmp_path, monkeypatch):
    words = ["--target", "left", "--methods", "tests.test_balancing:Dies"]
    words += ["--budget", "none", "--repeats", "1", "--force", "Dies"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    done = call(table, *words, "--out", whole)
    assert done.exit_code == 0, done.output
    same = ["balanced.csv", "provenance.csv", "recipe.py"]
    expected = [(whole / n).read_bytes() for n in same]
    verdict = json.loads((whole / "report.json").read_text())["verdict"]

    died = subprocess.run(
        [sys.executable, "-m", "helpers", "balance", table, *words, "--out", killed],
        env={**os.environ, "PYTHONPATH": os.getcwd(), "DIES_AT": "4"},
        capture_output=True,
    )
    assert died.returncode == -signal.SIGKILL
    kept = (killed / "rows.csv").read_bytes()
    assert len(kept.splitlines()) > 4
    assert not (killed / "balanced.csv").exists()

    # Now stopped at each file that is written, and at its note.
    write, left = _files.write_atomically, [0]

    def stopped(fill, path):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        write(fill, path)

    for n in (2, 4, 7, 10):
        left[0] = n
        with monkeypatch.context() as patched:
            patched.setattr(_files, "write_atomically", stopped)
            assert call(table, *words, "--out", killed).exit_code == 130
    assert call(table, *words, "--out", killed).exit_code == 0
    assert (killed / "rows.csv").read_bytes().startswith(kept)
    assert [(killed / n).read_bytes() for n in same] == expected
    assert json.loads((killed / "report.json").read_text())["verdict"] == verdict
    assert {p.name for p in killed.iterdir()} == {p.name for p in whole.iterdir()}


def test_a_full_disk_is_told_in_one_line_and_nothing_is_half_written(
    table, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    words = ["--target", "left", *QUICK, "--force", "smote", "--out", out]
    write = _files.write_atomically

    def full(fill, path):
        if path.name == "balanced.csv":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        write(fill, path)

    with monkeypatch.context() as patched:
        patched.setattr(_files, "write_atomically", full)
        done = call(table, *words)
    assert done.exit_code == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "No space left" in done.stderr
    assert "the same call goes on" in done.stderr
    assert not (out / "balanced.csv").exists()
    assert call(table, *words).exit_code == 0


@pytest.mark.parametrize("slower_after", [None, 6])
def test_the_budget_is_kept_whatever_fits_take(
    table, tmp_path, monkeypatch, slower_after
):
    monkeypatch.setattr(Slow, "now", 0.0)
    monkeypatch.setattr(Slow, "fits", 0)
    monkeypatch.setattr(Slow, "slower_after", slower_after)
    for clock in ("time.time", "helpers.__main__.now"):
        monkeypatch.setattr(clock, lambda: 1e9 + Slow.now)
    monkeypatch.setattr(time, "perf_counter", lambda: Slow.now)
    names = "threshold,tests.test_balancing:Slow,tests.test_balancing:Hopeless"
    words = ["--target", "left", "--methods", names, "--budget", "100s"]
    done = call(table, *words, "--out", tmp_path / "out", "--force", "Slow")
    assert done.exit_code == 0, done.output
    assert Slow.now <= 110
    data = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "one fit would take about 34" in data["left_out"]["Hopeless"]
    assert data["verdict"]["told"] == (slower_after is None)
    assert data["verdict"]["n_planned"] == 15
    # Hopeless was tried for a part of its epochs only, and left out before any score.
    assert "Hopeless" not in (tmp_path / "out" / "rows.csv").read_text()
    assert ("The same call goes on" in done.stdout) == (slower_after is not None)
    # With more time the plan is carried out as it was made, before any score was seen.
    rows = (tmp_path / "out" / "rows.csv").read_bytes()
    words[words.index("100s")] = "1000s"
    done = call(table, *words, "--out", tmp_path / "out", "--force", "Slow")
    assert done.exit_code == 0, done.output
    assert "The plan of the first call goes on" in done.stdout
    verdict = json.loads((tmp_path / "out" / "report.json").read_text())["verdict"]
    assert verdict["told"]
    assert verdict["n_splits"] == verdict["n_planned"] == 15
    assert (tmp_path / "out" / "rows.csv").read_bytes().startswith(rows)
    words[words.index("1000s")] = "none"
    done = call(table, *words, "--out", tmp_path / "out", "--force", "Slow")
    assert "another call (budget: in seconds, now none)" in done.stderr
    # As the manifest had it formerly.
    manifest = tmp_path / "out" / "balance.json"
    held = json.loads(manifest.read_text())
    held["asked"]["budget"] = 100.0
    manifest.write_text(json.dumps(held))
    done = call(table, *words, "--out", tmp_path / "out", "--force", "Slow")
    assert "another call (budget: in seconds, now none)" in done.stderr
    words[words.index("none")] = "100s"
    done = call(table, *words, "--out", tmp_path / "out", "--force", "Slow")
    assert done.exit_code == 0, done.output


def test_a_forced_method_beyond_the_budget_is_used_and_not_scored(
    table, tmp_path, monkeypatch
):
    monkeypatch.setattr(Slow, "now", 0.0)
    monkeypatch.setattr(Slow, "slower_after", None)
    for clock in ("time.time", "helpers.__main__.now"):
        monkeypatch.setattr(clock, lambda: 1e9 + Slow.now)
    monkeypatch.setattr(time, "perf_counter", lambda: Slow.now)
    out, hopeless = tmp_path / "out", "tests.test_balancing:Hopeless"
    words = ["--target", "left", "--methods", hopeless, "--budget", "100s"]
    words += ["--force", hopeless, "--holdout", ".2", "--out", out]
    told = call(table, *words, "--dry-run")
    assert told.exit_code == 0, told.output
    assert not out.exists()
    done = call(table, *words)
    assert done.exit_code == 0, done.output
    (line,) = [x for x in done.stdout.splitlines() if x.startswith("--force")]
    assert line.startswith(
        f"--force {hopeless}: it does not fit into --budget and is not"
    )
    about = float(re.search(r"in about ([\d,]+) s", line)[1].replace(",", ""))
    # A fit on the table, and two on the records that were not set aside.
    assert 3 * 300 <= about <= 7 * 300
    assert 3 * 300 <= Slow.now <= 110 + 3.1 * 300
    assert "Hopeless" not in (out / "rows.csv").read_text()
    frame = read_table(out / "balanced.csv", "left").frame
    assert frame["left"].value_counts().nunique() == 1
    data = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert data["balanced"]["method"] == "Hopeless"
    assert {a["method"] for a in data["arms"]} == {
        "dummy",
        "nothing",
        "threshold",
        "auto",
    }
    assert {*data["holdout"]["scores"]} == {"nothing", "Hopeless"}
    assert {*data["reliability"]} == {*data["costs"]["least"]} == {"nothing"}
    assert "it was not scored" in (out / "report.html").read_text(encoding="utf-8")
    assert "has no score of it" in (out / "recipe.py").read_text(encoding="utf-8")


def test_a_forced_method_that_cannot_be_fitted_is_refused(table, tmp_path):
    words = ["--target", "left", "--methods", "smote", "--for", "ranking"]
    done = call(table, *words, "--force", "threshold", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "a threshold changes neither ranks nor probabilities" in done.stderr
    assert not (tmp_path / "out").exists()


def test_too_little_time_is_refused_and_nothing_is_left(table, tmp_path):
    out = tmp_path / "out"
    words = ["--target", "left", "--methods", "threshold,smote", "--out", out]
    done = call(table, *words, "--budget", ".01s", "--for", "ranking")
    assert done.exit_code == 2
    assert "give more time" in done.stderr
    assert "--budget leaves" in done.stderr
    assert not out.exists()


def test_groups_costs_and_processes(tmp_path):
    frame = rows_of(150, 40)
    frame["patient"] = [f"P{i % 40}" for i in range(len(frame))]
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_bytes(text_of(frame).encode())
    words = ["--target", "left", "--methods", "threshold,smote", "--budget", "none"]
    words += ["--group", "patient", "--cost-fn", "6", "--cost-fp", "2"]
    words += ["--holdout", ".3", "--force", "smote", "--out", out]
    with joblib.parallel_config(backend="threading"):
        done = call(path, *words, "--jobs", "2")
    assert done.exit_code == 0, done.output
    data = json.loads((out / "report.json").read_text())
    assert data["metric"] == "cost"
    assert "group" not in {w["about"] for w in data["audit"]["warnings"]}
    # Nobody is on both sides.
    old, held = (
        read_table(out / f"{n}.csv", "left").frame for n in ("balanced", "holdout")
    )
    inside = {*old["patient"].dropna()}
    assert inside
    assert not inside & {*held["patient"]}
    # A rare record missed costs 6, another called rare 2.
    rare = read_table(path, "left").frame.drop(held.index)["left"].eq("yes").mean()
    nothing = next(a for a in data["arms"] if a["method"] == "dummy")
    assert nothing["score"] == pytest.approx(6 * rare, rel=0.3)
    share = data["costs"]["asked"]
    assert share == pytest.approx(6 * rare / (6 * rare + 2 * (1 - rare)), abs=0.1)
    assert "StratifiedGroupKFold" in (out / "recipe.py").read_text()


def test_forward_in_time_the_latest_are_set_aside(tmp_path):
    frame = rows_of(240, 80)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(240), "D")
    frame["since"] = days.strftime("%Y-%m-%d")
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_bytes(text_of(frame).encode())
    words = ["--target", "left", "--methods", "threshold", "--time", "since"]
    done = call(path, *words, "--holdout", ".2", "--budget", "none", "--out", out)
    assert done.exit_code == 0, done.output
    old, held = (
        read_table(out / f"{n}.csv", "left").frame for n in ("balanced", "holdout")
    )
    assert old["since"].max() < held["since"].min()
    data = json.loads((out / "report.json").read_text())
    assert data["verdict"]["detectable"] is None
    assert data["verdict"]["n_planned"] >= 5


def test_a_cluster_gives_the_same_table(table, tmp_path):
    distributed = pytest.importorskip("distributed")
    words = ["--target", "left", *QUICK, "--force", "smote"]
    assert call(table, *words, "--out", tmp_path / "here").exit_code == 0
    told = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with distributed.LocalCluster(**told, dashboard_address=None) as local:
        address = local.scheduler_address
        done = call(table, *words, "--out", tmp_path / "there", "--dask", address)
    assert done.exit_code == 0, done.output
    for name in ("balanced.csv", "provenance.csv"):
        here, there = (tmp_path / w / name for w in ("here", "there"))
        assert here.read_bytes() == there.read_bytes()
    done = call(
        table, *words, "--out", tmp_path / "none", "--dask", "tcp://127.0.0.1:9"
    )
    assert done.exit_code == 1
    assert "No Dask scheduler answers" in done.stderr
    assert not (tmp_path / "none").exists()


def test_a_dry_run_tells_and_writes_nothing(table):
    done = call(table, "--target", "left", "--dry-run", "--budget", "1m")
    assert done.exit_code == 0, done.stderr
    for word in (
        "Arms: nothing, threshold",
        "  Not amdo, ",
        "name it in --methods to try it",
        "Splits:",
        "Smallest gain",
    ):
        assert word in done.stdout
    assert [*table.parent.iterdir()] == [table]


def test_the_audit_finds_what_spoils(tmp_path):
    frame = rows_of(200, 60)
    yes = frame["left"] == "yes"
    frame["refund"] = np.where(yes, "12.50", "")
    frame["patient"] = [f"P{i % 50}" for i in range(200)]
    frame["same"] = "1"
    frame["since"] = "2024-05-01"
    frame.iloc[::2, frame.columns.get_loc("since")] = "2024-06-01"
    frame = pd.concat([frame, frame.iloc[:3]])
    path = tmp_path / "t.csv"
    path.write_bytes(text_of(frame).encode())
    found = audit(read_table(path, "left"), "left")
    about = {}
    for warning in found["warnings"]:
        about.setdefault(warning["about"], []).append(warning["text"])
    assert about["leak"][0].startswith("Column 'refund' alone gives the target")
    assert len(about["leak"]) == 1
    assert "'patient' has 50 values" in about["groups"][0]
    assert "--time 'since'" in about["time"][0]
    assert found["duplicates"] == 3
    kinds = {c["name"]: c["kind"] for c in found["columns"]}
    assert kinds["same"] == "constant"
    assert kinds["age"] == "number"
    few = audit(read_table(path, "left"), "left", drop=("refund",))
    assert "leak" not in {w["about"] for w in few["warnings"]}


def test_a_column_that_repeats_the_target_is_refused(tmp_path):
    frame = rows_of()
    frame["again"] = frame["left"]
    path = tmp_path / "t.csv"
    path.write_bytes(text_of(frame).encode())
    done = call(path, "--target", "left", "--dry-run")
    assert done.exit_code == 2
    assert "--drop 'again'" in done.stderr
    assert call(path, "--target", "left", "--drop", "again", "--dry-run").exit_code == 0


def test_undersampling_keeps_some_records_and_three_classes_do(tmp_path):
    frame = rows_of(150, 50)
    frame.iloc[:40, frame.columns.get_loc("left")] = "may be"
    path = tmp_path / "t.tsv"
    path.write_bytes(text_of(frame, delimiter="\t").encode())
    out = tmp_path / "out"
    words = ["--target", "left", "--methods", "random_undersampling", *QUICK[2:]]
    done = call(path, *words, "--out", out, "--force", "random_undersampling")
    assert done.exit_code == 0, done.stderr
    whole, less = (read_table(p, "left").table for p in (path, out / "balanced.tsv"))
    assert less.frame["left"].value_counts().nunique() == 1
    positions = [whole.records.index(record) for record in less.records]
    assert positions == sorted(positions)
    assert json.loads((out / "report.json").read_text())["reliability"] is None
    words += ["--holdout", ".2", "--overwrite"]
    done = call(path, *words, "--out", out, "--force", "random_undersampling")
    assert done.exit_code == 0, done.stderr
    facts = json.loads((out / "report.json").read_text())
    learned = facts["input"]["records"] - facts["holdout"]["records"]
    kept = facts["balanced"]["kept"]
    assert kept < learned
    said = f"has {kept} of {learned} old records, without those set aside, and no new"
    assert said in (out / "report.html").read_text()
    chosen = facts["verdict"]["chosen"]
    assert {*facts["holdout"]["scores"]} == {"nothing", chosen, "random_undersampling"}


def test_help_needs_nothing_heavy():
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from helpers.__main__ import app\n"
        "print(CliRunner().invoke(app, ['balance', '--help']).output, *sys.modules)\n"
        "import helpers.balancing\n"
        "print('Now balancing', *sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    of_help, of_dry_run = map(str.split, done.stdout.split("Now balancing"))
    assert {"--target", "--dry-run"} <= {*of_help}
    assert not {"torch", "numpy", "pandas", "sklearn", "jinja2"} & {*of_help}
    # A dry run waits for nothing that only the report and the networks need.
    assert "helpers.selection" in of_dry_run
    assert not {"torch", "matplotlib", "jinja2", "PIL"} & {*of_dry_run}


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("10m", 600), ("1.5h", 5400)]
)
def test_times(text, seconds):
    assert seconds_of(text) == seconds


def test_what_is_public_is_documented():
    assert all(getattr(balancing, name).__doc__ for name in balancing.__all__)
