"""Publishing toy books: what runs, what is kept, what a reader gets and when it fails."""

import ast
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import torch
import yaml

from helpers import data, devices, pages, publishing
from helpers.publishing import build

from .conftest import second_root

ROOT = Path(__file__).parents[1]
CONFIG = """\
title: Toy
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx: {config: {html_context: {default_mode: auto}}}
"""
TOC = """\
format: jb-book
root: book/index
chapters: [{file: book/first}, {file: book/second.ipynb}, {file: book/status}]
"""
PARAMETERS = "n: int = 3  # rows\nepochs: int = 2"


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A book of two chapters; each counts its runs in a file beside the book."""
    monkeypatch.setenv("JUPYTER_PATH", os.environ.get("JUPYTER_PATH", ""))
    for folder in ("book/results", "helpers/experiments"):
        (tmp_path / folder).mkdir(parents=True)
    files = {
        "_config.yml": CONFIG,
        "_toc.yml": TOC,
        "pyproject.toml": "",
        "helpers/part.py": "",
        "helpers/experiments/first.py": "from helpers.data import load_wine_onehot\n",
        "book/index.md": "# Toy\n",
        "book/status.md": "# Status\n\nHow it was made.\n",
        "book/smoke.yml": "first: {n: 1}\nsecond:\n",
        "book/results/first-paper.csv": "x\n1\n",
        "book/results/second-paper.csv": "x\n1\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    chapter(tmp_path, "first", "load_bcw = None", "print('n', 'is', n)")
    chapter(tmp_path, "second", "import sys; print(sys.executable)")
    return tmp_path


def chapter(root, name, *code):
    """Write a chapter of a title, a parameters cell, a counter and the given cells."""
    new = nbformat.v4.new_code_cell
    count = f"open({str(root / name)!r}, 'a').write('ran ') and None"
    cells = [
        nbformat.v4.new_markdown_cell(f"# Chapter {name}"),
        new(PARAMETERS, metadata={"tags": ["parameters"]}),
        *(new(source) for source in (count, *code)),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, root / "book" / f"{name}.ipynb")


def runs(root, name):
    counter = root / name
    return counter.read_text().count("ran") if counter.exists() else 0


@pytest.fixture
def renderings(monkeypatch):
    """Leave the rendering out, and note down how strict each would have been."""
    noted = []

    def render(root, work, stage, strict):
        noted.append(strict)
        return True

    monkeypatch.setattr(publishing, "_render", render)
    return noted


def test_from_sources_to_pages_and_again(toy, tmp_path, monkeypatch, capsys):
    sources = {path: path.read_bytes() for path in (toy / "book").rglob("*.*")}
    # A kernel that somebody registered as "python3" and a backend meant for scripts.
    alien = tmp_path / "alien" / "kernels" / "python3"
    alien.mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": "Alien", "language": "python"}
    (alien / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "alien"))
    monkeypatch.setenv("MPLBACKEND", "Agg")
    chapter(
        toy,
        "second",
        "import sys; print(sys.executable)",
        "import os; print(os.environ['MPLBACKEND'])",
    )
    sources[toy / "book" / "second.ipynb"] = (toy / "book/second.ipynb").read_bytes()

    script = "<script>alert(1)</script>"
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "hardware", lambda _: f"cpu: {script}")
        assert build(toy) == 0
    said = capsys.readouterr().out
    for name in ("first", "second"):
        assert f"{name:<6}  ran in " in said
        assert runs(toy, name) == 1
    html = toy / "_build" / "html"
    assert str(html / "index.html") in said
    pages = {
        name: (html / "book" / f"{name}.html").read_text()
        for name in ("first", "second", "status")
    }
    assert "n is 3" in pages["first"]
    assert "# Parameters" not in pages["first"], "no injected cell with the defaults"
    assert sys.executable in pages["second"]
    assert "matplotlib_inline" in pages["second"]
    for told in (
        "How it was made.",
        "defaults",
        "torch",
        "cpu",
        "Breast Cancer",
        "Wine",
    ):
        assert told in pages["status"]
    assert script not in pages["status"], "a page holds scripts of its own alone"
    assert "cpu: &lt;script&gt;alert(1)&lt;/script&gt;" in pages["status"]
    downloads = (html / "_sources" / "book" / "second.ipynb").read_text()
    assert str(toy / "_build") not in downloads, "a path of this machine"
    assert sources == {path: path.read_bytes() for path in (toy / "book").rglob("*.*")}

    def no_rendering(*_, **__):
        raise AssertionError("rendered again")

    monkeypatch.setattr(publishing.subprocess, "run", no_rendering)
    assert build(toy) == 0
    said = capsys.readouterr().out
    assert said.count("unchanged, kept") == 2
    assert "Nothing changed" in said
    assert runs(toy, "first") == runs(toy, "second") == 1
    (html / "book" / "first.html").write_text("half a pa")
    with pytest.raises(AssertionError, match="rendered again"):
        build(toy)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("notebook", lambda toy: chapter(toy, "first", "load_bcw = 1")),
        ("helpers", lambda toy: (toy / "helpers/experiments/new.py").write_text("")),
        ("helpers", lambda toy: (toy / "helpers/report.html").write_text("")),
        ("results", lambda toy: (toy / "book/results/first-paper.csv").write_text("x")),
        ("results", lambda toy: (toy / "book/results/first-tenth.csv").write_text("x")),
        ("results", lambda toy: written(toy / "book/results/first-paper/a.0.0.zip")),
        ("pyproject.toml", lambda toy: (toy / "pyproject.toml").write_text("a = 1")),
    ],
)
def test_a_change_of_any_input_counts(toy, kind, change):
    (first, _) = publishing._plan(toy, (), False, {})
    before = first.inputs(toy)
    assert first.inputs(toy) == before
    change(toy)
    after = first.inputs(toy)
    assert {key for key in before if before[key] != after[key]} == {kind}


def written(path):
    path.parent.mkdir()
    path.write_text("x")


def test_a_readers_own_file_counts_and_not_its_name_alone(toy, tmp_path):
    own = tmp_path / "own table.csv"
    own.write_text("a,b")
    page = toy / "book" / "first.ipynb"
    chapter_of_it = publishing.Chapter(
        toy, str(page.relative_to(toy)), {"n": str(own)}, True
    )
    before = chapter_of_it.inputs(toy)
    own.write_text("a,c")
    after = chapter_of_it.inputs(toy)
    assert {key for key in before if before[key] != after[key]} == {"files"}


def test_a_chapter_runs_with_the_package_of_its_own_book(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("JUPYTER_PATH", "")
    publishing._use_own_kernel(tmp_path, tmp_path / "book")
    told = json.loads((tmp_path / "kernels" / "python3" / "kernel.json").read_text())
    first, *others = told["env"]["PYTHONPATH"].split(os.pathsep)
    assert (first, others) == (str(tmp_path / "book"), ["elsewhere"])


def test_a_moved_book_is_no_other_book(toy):
    def inputs(root):
        return [c.inputs(root) for c in publishing._plan(root, (), False, {})]

    before = inputs(toy)
    moved = toy.rename(toy.with_name("moved"))
    assert inputs(moved) == before
    (moved / "helpers/part.py").rename(moved / "helpers/renamed.py")
    assert inputs(moved) != before


def test_what_the_tests_have_run_make_smoke_does_not_run_again(toy, renderings, capsys):
    work = second_root(toy)
    assert build(work, smoke=True) == 0
    capsys.readouterr()
    assert build(toy, smoke=True) == 0
    assert capsys.readouterr().out.count("unchanged, kept") == 2
    assert runs(toy, "first") == runs(toy, "second") == 1
    assert len(renderings) == 2, "each root has a site of its own"


def test_text_is_utf_8_whatever_the_machine_speaks():
    """Python takes the machine's own encoding where a call names none."""
    missing = []
    for path in (ROOT / "helpers").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = {word.arg for word in node.keywords}
            binary = any("b" in str(getattr(a, "value", "")) for a in node.args[1:])
            plain = name == "open" and isinstance(node.func, ast.Name) and not binary
            # A distribution's metadata, the one `read_text` of another kind, are UTF-8.
            other = name == "read_text" and node.args
            if (plain or name in ("read_text", "write_text")) and not other:
                missing += [] if "encoding" in given else [f"{path}:{node.lineno}"]
    assert missing == []


def test_parameters_and_data_count_as_inputs(toy, monkeypatch):
    (first, second) = publishing._plan(toy, (), False, {})
    (other, _) = publishing._plan(toy, (), False, {"n": 4})
    assert first.inputs(toy)["parameters"] != other.inputs(toy)["parameters"]
    assert first.page != other.page, "one setting must not drive out the other's page"
    before = first.inputs(toy)["data"], second.inputs(toy)["data"]
    # bcw by the notebook, wine_onehot by the chapter's experiments, neither by the second.
    for name in ("bcw", "wine_onehot"):
        changed = {**data.fingerprint(), name: "other"}
        with monkeypatch.context() as patch:
            patch.setattr(data, "fingerprint", lambda changed=changed: changed)
            assert first.inputs(toy)["data"] != before[0]
            assert second.inputs(toy)["data"] == before[1]
    # Another chapter's stored rows are no business of this one.
    before = first.inputs(toy)
    (toy / "book/results/second-paper.csv").write_text("x\n2\n")
    assert first.inputs(toy) == before


def test_a_page_of_results_depends_on_the_rows_and_data_of_its_chapter(toy):
    chapter(toy, "second", "from helpers.experiments import first as experiment")
    (_, second) = publishing._plan(toy, (), False, {})
    before = second.inputs(toy)
    assert "wine_onehot" in second.data_sets(toy)
    (toy / "book/results/first-paper.csv").write_text("x\n2\n")
    assert second.inputs(toy)["results"] != before["results"]


def test_data_that_a_run_fetches_is_no_change_afterwards(toy, monkeypatch, renderings):
    fetched = toy / "fetched"
    chapter(toy, "first", f"load_bcw = open({str(fetched)!r}, 'w').close()")
    monkeypatch.setattr(
        data, "fingerprint", lambda: {"bcw": "here" if fetched.exists() else "not here"}
    )
    assert build(toy, only=["first"]) == build(toy, only=["first"]) == 0
    assert runs(toy, "first") == 1
    fetched.unlink()
    assert build(toy, only=["first"]) == 0
    assert runs(toy, "first") == 2


def test_only_some_chapters_with_other_parameters(toy, renderings, capsys):
    assert build(toy, only=["first"], parameters={"n": 5}) == 0
    said = capsys.readouterr().out
    assert "second  not selected, shown without outputs" in said
    assert (runs(toy, "first"), runs(toy, "second")) == (1, 0)
    assert renderings == [False], "pages without outputs may refer to missing figures"
    stage = toy / "_build" / "src" / "book"
    assert "'n is 5" in (stage / "first.ipynb").read_text().replace('"', "'")
    status = (stage / "status.md").read_text()
    assert "`n = 5`" in status
    assert "not run again (never run)" in status


def test_the_record_names_the_device_that_the_chapter_took(
    toy, renderings, monkeypatch
):
    auto = {"auto": "meta"}  # as if this machine had an accelerator
    monkeypatch.setattr(
        devices, "resolve_device", lambda name: torch.device(auto.get(name, name))
    )
    with_device = PARAMETERS + '\ndevice: str = "auto"  # where'
    monkeypatch.setattr(sys.modules[__name__], "PARAMETERS", with_device)
    chapter(toy, "second")
    assert build(toy) == 0
    executed = toy / "_build" / "executed"
    found = {
        name: json.loads((executed / f"{name}.json").read_text())["device"]
        for name in ("first", "second")
    }
    assert found["first"].startswith("cpu: "), "it has no such parameter"
    assert found["second"].startswith("meta: ")
    with_device = PARAMETERS + '\ndevice: str = "none such"'
    monkeypatch.setattr(sys.modules[__name__], "PARAMETERS", with_device)
    chapter(toy, "second")
    assert build(toy) == 1, "a chapter of its own"
    assert (runs(toy, "first"), runs(toy, "second")) == (1, 1)


def test_smoke_parameters(toy):
    chapters = publishing._plan(toy, (), True, {"epochs": 9})
    assert [dict(c.parameters) for c in chapters] == [
        {"n": 1, "epochs": 9},
        {"epochs": 9},
    ]
    chapters = publishing._plan(toy, ["second"], True, {})
    assert [c.selected for c in chapters] == [False, True]


@pytest.mark.parametrize(
    ("call", "nearest"),
    [
        ({"only": ["frist"]}, "first"),
        ({"parameters": {"epoch": 1}}, "epochs"),
        ({"only": ["second"], "parameters": {"m": 1}}, "n"),
        ({"smoke": "thrid: {}"}, "first"),
        ({"smoke": "second: {epoks: 1}"}, "epochs"),
    ],
)
def test_unknown_names_stop_everything(toy, call, nearest):
    if text := call.get("smoke"):
        (toy / "book" / "smoke.yml").write_text(text)
    with pytest.raises(ValueError, match=f"Did you mean '{nearest}'"):
        build(toy, **call)
    assert not (toy / "_build").exists()
    assert runs(toy, "first") == runs(toy, "second") == 0


def test_config_has_no_unknown_keys():
    # Jupyter Book itself only mentions them, among all that it prints.
    from jupyter_book.config import validate_yaml

    config = Path(__file__).parents[1] / "_config.yml"
    validate_yaml(yaml.safe_load(config.read_text()), raise_on_errors=True)


def test_no_book_here(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"_toc\.yml"):
        build(tmp_path)


def test_a_damaged_page_runs_again(toy, renderings, capsys):
    assert build(toy) == 0
    (page,) = (toy / "_build" / "executed").glob("first*.ipynb")
    page.write_bytes(page.read_bytes()[:50])
    capsys.readouterr()
    assert build(toy) == 0
    assert (runs(toy, "first"), runs(toy, "second")) == (2, 1)


def test_a_failing_chapter_does_not_stop_the_others(toy, renderings, capsys):
    chapter(toy, "first", "print('so far')", "1 / 0", "print('never')")
    assert build(toy, parameters={"n": 3}) == 1
    said = capsys.readouterr().out
    kept = next((toy / "_build" / "failed").glob("first*.ipynb"))
    # The fifth cell of the source: the injected one does not count.
    assert "first   FAILED after" in said
    assert f"cell 5: ZeroDivisionError: division by zero (see {kept})" in said
    assert "so far" in kept.read_text()
    assert runs(toy, "second") == 1
    assert renderings == [False]
    # Mended, it is the only one that runs.
    chapter(toy, "first", "print('so far')")
    assert build(toy, parameters={"n": 3}) == 0
    assert not kept.exists()
    assert (runs(toy, "first"), runs(toy, "second")) == (2, 1)
    # Failing again, and even its kernel dying, it leaves its last good page.
    chapter(toy, "first", "import os; os._exit(1)")
    assert build(toy, parameters={"n": 3}) == 1
    assert "cell 4: DeadKernelError" in capsys.readouterr().out
    assert "so far" in (toy / "_build/src/book/first.ipynb").read_text()
    assert "FAILED when run again" in (toy / "_build/src/book/status.md").read_text()
    assert renderings == [False, True, True]


@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_stopped_in_a_run_the_next_call_goes_on(toy, renderings, name):
    go, pid = toy / "go", toy / "pid"
    wait = f"""
import os, pathlib, time
pathlib.Path({str(pid)!r}).write_text(str(os.getpid()))
end = time.monotonic() + 300
while not pathlib.Path({str(go)!r}).exists() and time.monotonic() < end:
    time.sleep(0.05)
"""
    chapter(toy, "second", wait)
    assert build(toy, only=["first"]) == 0
    book = subprocess.Popen(
        [sys.executable, "-m", "helpers", "book"],
        cwd=toy,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_until(lambda: pid.exists() and pid.read_text())
    with pytest.raises(BlockingIOError, match="Another call"):
        build(toy)
    book.send_signal(signal.Signals[name])
    said, _ = book.communicate(timeout=120)
    if name == "SIGINT":
        assert book.returncode == 130, said
        assert "Traceback" not in said
    wait_until(lambda: not alive(int(pid.read_text())))
    executed = toy / "_build" / "executed"
    assert sorted(path.name for path in executed.iterdir()) == [
        "first.ipynb",
        "first.json",
    ]

    go.touch()
    assert build(toy) == 0
    assert (runs(toy, "first"), runs(toy, "second")) == (1, 2)
    assert len(list(executed.glob("second.*"))) == 2


def wait_until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        os.kill(pid, 0)
        # Killed, but its parent has not asked yet: on Linux a zombie.
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


class TestRendering:
    """Jupyter Book replaced by a stand-in that writes a page."""

    @pytest.fixture
    def render(self, toy, monkeypatch):
        work = toy / "_build"
        (work / "src").mkdir(parents=True)

        def render(text, code=0, error=None):
            def run(command, **_):
                made = Path(command[-1]) / "_build" / "html"
                made.mkdir(parents=True)
                (made / "index.html").write_text(text)
                if error:
                    raise error
                return subprocess.CompletedProcess(command, code, "WARNING: a\n")

            monkeypatch.setattr(publishing.subprocess, "run", run)
            return publishing._render(toy, work, work / "src", strict=True)

        return render

    def test_stopped_it_leaves_the_last_site(self, toy, render):
        assert render("good")
        (toy / "_build" / "src" / "new.md").touch()
        with pytest.raises(KeyboardInterrupt):
            render("half a pa", error=KeyboardInterrupt())
        assert (toy / "_build/html/index.html").read_text() == "good"
        assert render("better")
        assert (toy / "_build/html/index.html").read_text() == "better"

    def test_warnings_are_told_and_not_forgotten(self, toy, render, capsys):
        assert not render("with warnings", code=1)
        assert "WARNING: a" in capsys.readouterr().out
        assert (toy / "_build/html/index.html").read_text() == "with warnings"
        assert not render("again", code=1), "nothing changed, but it was not good"
        assert render("good")
        assert render("not rendered")
        assert (toy / "_build/html/index.html").read_text() == "good"
        (toy / "helpers" / "part.py").write_text("'Another docstring.'")
        assert render("other API page")
        assert (toy / "_build/html/index.html").read_text() == "other API page"


def test_paper_scale_counts_rows_and_compares_runs_of_both_profiles(tmp_path):
    module = importlib.import_module("helpers.experiments.smate")
    cells = [c for c in module.cells("paper") if c.dataset == "cifar10-cat-10"]
    for profile, recall in (("paper", 0.5), ("tenth", 0.25)):
        rows = pd.DataFrame(cells[:2]).assign(
            profile=profile, recall_minority=recall, sampler_seconds=[1800.0, 1800.5],
            classifier_seconds=1800, device="cuda: H", started="2026-11-21T10:00:00",
        )  # fmt: skip
        # A row of a protocol that counts no more.
        rows.loc[2] = {**rows.loc[0], "protocol": "keras-cnn-0"}
        rows.to_csv(tmp_path / f"smate-{profile}.csv", index=False)
    lines = pages.paper_scale("smate", tmp_path).splitlines()
    assert r"| cifar10-cat-10 | 2 | 4 | 2.0 | cuda\: H | 2026-11-21 |" in lines
    assert "| cifar10-frog-10 | 0 | 4 | - | - | - |" in lines
    assert f"| cifar10-cat-10 | {cells[0].method} | 1 | 25.0 | 50.0 |" in lines
    assert any(line.startswith("The rest: ") for line in lines)
    nothing = pages.paper_scale("smate", tmp_path / "elsewhere")
    assert "Nothing to compare" in nothing
    # Rows of another question alone, and no store of the other profile.
    other = next(c for c in module.cells("paper") if c.protocol == module.GAN_PROTOCOL)
    rows = pd.DataFrame([other]).assign(
        sampler_seconds=1, device="cpu: C", started="2026-11-21T10:00:00"
    )
    (tmp_path / "other").mkdir()
    rows.to_csv(tmp_path / "other" / "smate-paper.csv", index=False)
    assert "Nothing to compare" in pages.paper_scale("smate", tmp_path / "other")
