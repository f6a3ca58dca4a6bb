"""Continuous integration: it calls make targets that exist and keeps what they write."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import yaml

from helpers import publishing

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted(GITHUB.glob("workflows/*.yml"))
}
JOBS = {
    f"{workflow} {name}": job
    for workflow, content in WORKFLOWS.items()
    for name, job in content["jobs"].items()
}
STEPS = [(name, step) for name, job in JOBS.items() for step in job["steps"]]
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))


def steps(action):
    return [s for _, s in STEPS if s.get("uses", "").startswith(f"actions/{action}@")]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ("github-workflows", sorted(GITHUB.glob("workflows/*.yml"))),
        ("dependabot", [GITHUB / "dependabot.yml"]),
        ("citation-file-format", [ROOT / "CITATION.cff"]),
    ],
)
def test_files_fit_their_schema(schema, paths):
    command = [sys.executable, "-m", "check_jsonschema"]
    command += ["--builtin-schema", f"vendor.{schema}", *paths]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_three_speeds_are_there():
    # YAML 1.1 reads the key "on" as true.
    started_by = {name: set(content[True]) for name, content in WORKFLOWS.items()}
    assert started_by == {
        "pull_request": {"pull_request", "workflow_dispatch"},
        "publish": {"push", "workflow_dispatch"},
        "weekly": {"schedule", "workflow_dispatch"},
    }
    called = {
        name: {step["run"].split()[1] for job, step in STEPS if "run" in step and job.startswith(f"{name} ")}
        for name in WORKFLOWS
    }  # fmt: skip
    assert {"lint", "test", "smoke"} <= called["pull_request"]
    assert {"book", "release"} <= called["publish"]
    assert {"test", "book"} <= called["weekly"]


def test_every_command_is_a_make_target_that_exists():
    commands = [step["run"] for _, step in STEPS if "run" in step]
    assert commands
    for command in commands:
        made = re.fullmatch(r'make ([a-z]+)(?: [A-Z]+=(?:[\w./-]+|"\$\w+"))*', command)
        assert made, f"not a single call of make: {command}"
        assert made[1] in TARGETS, command


def test_actions_are_githubs_own_at_a_major_version():
    used = [step["uses"] for _, step in STEPS if "uses" in step]
    assert [u for u in used if not re.fullmatch(r"actions/[\w-]+@v\d+", u)] == []
    versions = {}
    for name, version in (u.split("@") for u in used):
        assert versions.setdefault(name, version) == version, f"two versions of {name}"


def test_no_more_rights_and_no_more_time_than_needed():
    for content in WORKFLOWS.values():
        assert content["permissions"] == {"contents": "read"}
        assert content["concurrency"]["group"]
    granted = {
        name: job["permissions"] for name, job in JOBS.items() if "permissions" in job
    }
    assert granted == {
        "publish deploy": {"pages": "write", "id-token": "write"},
        "publish release": {"contents": "write"},
    }  # fmt: skip
    assert all(job["timeout-minutes"] <= 120 for job in JOBS.values())
    for path in GITHUB.glob("workflows/*.yml"):
        assert "secrets" not in path.read_text()
    for step in steps("checkout"):
        assert step["with"]["persist-credentials"] is False


def test_pages_come_from_main_and_releases_from_tags():
    jobs = WORKFLOWS["publish"]["jobs"]
    assert WORKFLOWS["publish"][True]["push"] == {"branches": ["main"], "tags": ["v*"]}
    assert jobs["deploy"]["if"] == "github.ref == 'refs/heads/main'"
    assert jobs["release"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert jobs["deploy"]["needs"] == jobs["release"]["needs"] == "build"
    assert [step["if"] for step in steps("upload-pages-artifact")] == [
        jobs["deploy"]["if"]
    ]


# ---------------------------------------------------------------- what is kept


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Folders that building a toy book writes: one chapter runs, one fails."""
    for name, code in {"good": "1", "bad": "1 / 0"}.items():
        cells = [nbformat.v4.new_code_cell(code)]
        (tmp_path / "book").mkdir(exist_ok=True)
        path = tmp_path / "book" / f"{name}.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    toc = "format: jb-book\nroot: book/index\nchapters: [{file: book/good}, {file: book/bad}]"
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "_config.yml").write_text("title: Toy\nonly_build_toc_files: true\n")
    (tmp_path / "book" / "index.md").write_text("# Toy\n")
    monkeypatch.setenv("JUPYTER_PATH", os.environ.get("JUPYTER_PATH", ""))

    run = subprocess.run

    def render(command, **how):  # in place of Jupyter Book, where it would
        if "--path-output" not in command:
            return run(command, **how)
        site = Path(command[-1]) / "_build" / "html"
        site.mkdir(parents=True)
        (site / "index.html").touch()
        return subprocess.CompletedProcess(command, 0, "")

    monkeypatch.setattr(publishing.subprocess, "run", render)
    assert publishing.build(tmp_path) == 1
    return {p.relative_to(tmp_path).as_posix() for p in tmp_path.glob("_build/*")}


def test_what_is_kept_is_what_the_code_writes(written):
    kept = {}
    for name, step in STEPS:
        for path in step.get("with", {}).get("path", "").split():
            kept.setdefault(path, set()).add(name)
    # The tests build their own book, in a root of its own (conftest.py).
    second = {f"_build/test/{path}" for path in written}
    assert '"_build" / "test"' in (ROOT / "tests" / "conftest.py").read_text()
    data = WORKFLOWS["publish"]["env"]["DEEP_OVERSAMPLING_DATA"]
    data = data.removeprefix("${{ github.workspace }}/")
    assert set(kept) <= written | second | {data}, "nothing writes there"
    assert {"_build/html", "_build/executed", "_build/failed", data} <= set(kept)


def test_failed_notebooks_are_kept_wherever_chapters_run():
    for name, job in JOBS.items():
        runs = [s["run"].split()[1] for s in job["steps"] if "run" in s]
        kept = " ".join(
            s["with"]["path"] for s in job["steps"] if s.get("if") == "failure()"
        ).split()
        if {"book", "smoke"} & set(runs):
            assert "_build/failed" in kept, name
        if "test" in runs:
            assert "_build/test/_build/failed" in kept, name


def test_the_cache_is_named_after_all_that_chapters_are_made_from(monkeypatch):
    (cache,) = steps("cache")
    (patterns,) = re.findall(r"hashFiles\((.+?)\)", cache["with"]["key"])
    named = {
        p for pattern in re.findall(r"'(.+?)'", patterns) for p in ROOT.glob(pattern)
    }
    read, digest = set(), publishing._digest

    def note(*parts, **root):
        read.update(part for part in parts if isinstance(part, Path))
        return digest(*parts, **root)

    monkeypatch.setattr(publishing, "_digest", note)
    for chapter in publishing._plan(ROOT, (), False, {}):
        chapter.inputs(ROOT)
    assert len(read) > 10
    assert read <= named
    # A new name each week would never be found; the older ones are the next best.
    assert cache["with"]["key"].startswith(cache["with"]["restore-keys"])


def test_weekly_caches_nothing():
    for step in (s for name, s in STEPS if name.startswith("weekly ")):
        assert "cache" not in step.get("with", {})
        assert not step.get("uses", "").startswith("actions/cache")
    assert "env" not in WORKFLOWS["weekly"], "a reader has the package index alone"


def test_release_attaches_the_page_of_every_chapter(tmp_path):
    said = tmp_path / "said"
    gh = tmp_path / "gh"
    gh.write_text(f'#!/bin/sh\necho "$@" >> {said}\ntest "$2" != view\n')
    gh.chmod(0o755)
    subprocess.run(
        ["make", "--no-print-directory", "release", "TAG=v0.0.0"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        check=True,
    )
    view, create, upload = said.read_text().splitlines()
    assert view == "release view v0.0.0"
    assert create.startswith("release create v0.0.0 --verify-tag")
    attached = set(upload.split()) - {"release", "upload", "v0.0.0", "--clobber"}
    chapters = (ROOT / "book").glob("*.ipynb")
    assert attached == {f"_build/executed/{path.name}" for path in chapters}
    # Where a page with the default parameters lies.
    for chapter in publishing._plan(ROOT, (), False, {}):
        assert chapter.page.relative_to(ROOT).as_posix() in attached


def test_dependabot_leaves_jupyter_book_alone():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    assert {u["package-ecosystem"] for u in updates} == {"pip", "github-actions"}
    assert {u["schedule"]["interval"] for u in updates} == {"weekly"}
    (pip,) = (u for u in updates if u["package-ecosystem"] == "pip")
    assert pip["ignore"] == [{"dependency-name": "jupyter-book", "versions": [">=2"]}]
    assert '"jupyter-book>=1.0.4,<2"' in (ROOT / "pyproject.toml").read_text()
