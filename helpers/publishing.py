"""From the sources to the pages: stage, run with papermill, render with Jupyter Book.

::

    _config.yml _toc.yml book/  ->  _build/src  ->  papermill  ->  _build/executed
                                        ^                               |
                                        +---- each chapter's page ------+
                                        |
                                        +->  jupyter-book, execution off  ->  _build/html

The sources are never written to, and everything under ``_build`` may be deleted at any
time. Beside each executed notebook lies a record of what it was made from; a chapter is
run again when that differs. (Jupyter Book's own cache does not see a change in `helpers`.)
Notebooks and the site are made aside and renamed when whole, so that a kill at any moment
leaves the last good page.
"""

import ast
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml
from filelock import FileLock, Timeout

from . import data
from .checks import require_known
from .decisions import fill_in_decisions
from .files import write_atomically
from .pages import (
    fill_in_answers,
    fill_in_mixed,
    fill_in_paper_scale,
    status,
    with_answer_on_top,
    with_figures,
    with_named_solutions,
    without_outputs,
)
from .provenance import environment, hardware
from .site import lighten


def build(root=".", *, only=(), smoke=False, parameters=None) -> int:
    """Run the chapters whose inputs changed and render the book to ``_build/html``.

    Parameters
    ----------
    root : path-like
        Folder of ``_toc.yml``.
    only : sequence of str
        Run these chapters only. The others show their last executed notebook with the
        same settings, or the source without outputs where there is none.
    smoke : bool
        Run with the tiny settings of ``book/smoke.yml``: a test, not a page to publish.
    parameters : dict, optional
        Parameters for every selected chapter; each must declare all of them.

    Returns
    -------
    exit_code : int
        0, or 1 if a chapter or the rendering failed. A failed chapter's partly executed
        notebook is in ``_build/failed``; its page stays the one it had before.

    Raises
    ------
    ValueError
        A chapter or parameter is not known; nothing was run.
    FileNotFoundError, BlockingIOError
        There is no book here, or another call is building it.
    """
    root = Path(root).resolve()
    if not (root / "_toc.yml").exists():
        raise FileNotFoundError(f"No _toc.yml in {root}: call it from the checkout.")
    chapters = _plan(root, only, smoke, parameters or {})
    work = root / "_build"
    work.mkdir(exist_ok=True)
    try:
        with FileLock(work / "book.lock", timeout=0):
            return _build(root, work, chapters)
    except Timeout:
        raise BlockingIOError(
            f"Another call is building the book in {work}; wait for it or stop it."
        ) from None


def _build(root, work, chapters):
    for folder in ("src", "running", *work.glob("render-*")):
        shutil.rmtree(work / folder, ignore_errors=True)
    stage = work / "src"
    # Rows may be coming in: neither what is half written nor a lock is a source.
    passing = shutil.ignore_patterns(".deep-oversampling-*", "*.lock")
    shutil.copytree(root / "book", stage / "book", ignore=passing)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(root / name, stage)
    _use_own_kernel(work / "running", root)

    fill_in_answers(stage)
    fill_in_mixed(stage)
    fill_in_decisions(stage)
    fill_in_paper_scale(stage)
    notes = {}
    width = max((len(chapter.name) for chapter in chapters), default=0)
    for chapter in chapters:
        line, notes[chapter] = _bring_up_to_date(chapter, stage, work)
        print(f"{chapter.name:<{width}}  {line}", flush=True)
    # Only now: while the chapters run, the stage holds sources alone.
    for chapter in chapters:
        if "cells" in _read_json(chapter.page):
            page = with_answer_on_top(_read_json(chapter.page), chapter.record)
            page = with_figures(page)
        else:
            page = without_outputs(_read_json(stage / chapter.path))
        _write_json(stage / chapter.path, with_named_solutions(page))
    if (page := stage / "book" / "status.md").exists():
        text = page.read_text(encoding="utf-8") + status(notes)
        page.write_text(text, encoding="utf-8")
    bare = [c.name for c in chapters if "cells" not in _read_json(c.page)]
    if bare:
        # A reference to a figure that only a run would make is a warning.
        print(f"Without outputs: {', '.join(bare)}; warnings are not errors this time.")
    rendered = _render(root, work, stage, strict=not bare)
    failed = any(note.startswith("FAILED") for note in notes.values())
    return int(failed or not rendered)


# ---------------------------------------------------------------- what to run


@dataclass(frozen=True, eq=False)
class Chapter:
    """A notebook of ``_toc.yml`` with the parameters of this call."""

    root: Path
    path: str
    parameters: Mapping
    selected: bool

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def page(self) -> Path:
        """The executed notebook: one for the defaults, one for each other setting."""
        mark = f"-{_digest(self.parameters)[:8]}" if self.parameters else ""
        return self.root / "_build" / "executed" / f"{self.name}{mark}.ipynb"

    @property
    def record(self) -> dict:
        """What `page` was made from, when and on what; empty without a whole page."""
        whole = "cells" in _read_json(self.page)
        return _read_json(self.page.with_suffix(".json")) if whole else {}

    def inputs(self, stage: Path) -> dict[str, str]:
        """Digests of all that the page is made from, by kind."""
        folder = stage / "book" / "results"
        results = [
            path
            for name in self.protocols(stage)
            # And the arrays in the folder beside a store.
            for pattern in (f"**/{name}-*", f"**/{name}-*/**/*")
            for path in folder.glob(pattern)
            if path.is_file()
        ]
        own = {"root": self.root}
        return {
            "notebook": _digest(stage / self.path, **own),
            "parameters": _digest(self.parameters),
            "helpers": _digest(*_of_package(self.root), **own),
            "results": _digest(*results, **own),
            "pyproject.toml": _digest(*self.root.glob("pyproject.toml"), **own),
            "data": _digest(self.data_sets(stage)),
            # A parameter may name a reader's own file, which changes under its name.
            "files": _digest(
                {
                    value: hashlib.sha256(Path(value).read_bytes()).hexdigest()
                    for value in self.parameters.values()
                    if isinstance(value, str) and value and Path(value).is_file()
                }
            ),
        }

    def code(self, stage: Path) -> str:
        """Its code cells."""
        cells = json.loads((stage / self.path).read_text(encoding="utf-8"))["cells"]
        code = ("".join(c["source"]) for c in cells if c["cell_type"] == "code")
        return "\n".join(code)

    def protocols(self, stage: Path) -> list[str]:
        """Modules of `helpers.experiments` that its code imports, and its own.

        The method and the results of a paper may be two pages of one module.
        """
        found = re.findall(
            r"^from helpers\.experiments import (\w+)", self.code(stage), re.M
        )
        return sorted({self.name, *found})

    def data_sets(self, stage: Path) -> dict[str, str]:
        """State of the data that the chapter's code, or its experiments, name."""
        experiments = self.root / "helpers" / "experiments"
        files = [
            path
            for name in self.protocols(stage)
            for pattern in (f"{name}.py", f"{name}/*.py")
            for path in experiments.glob(pattern)
        ]
        code = [self.code(stage), *(path.read_text(encoding="utf-8") for path in files)]
        code = "\n".join(code)
        known = data.fingerprint().items()
        return {k: state for k, state in known if re.search(rf"\b(load_)?{k}\b", code)}


def _of_package(root: Path) -> list[Path]:
    """Files of `helpers`: its code and the templates of the report."""
    ends = "py", "html", "md", "json"
    return [path for end in ends for path in (root / "helpers").rglob(f"*.{end}")]


def _digest(*parts: Path | Mapping, root: Path | None = None) -> str:
    """Digest of settings, or of files with their names, as they are below `root`.

    So a folder that was moved has the same digests, and no chapter runs again for it.
    """
    found = hashlib.sha256()
    for part in sorted(parts, key=str):
        if isinstance(part, Path):
            name = part.relative_to(root).as_posix()
            found.update(f"{name}\0{part.stat().st_size}\0".encode())
            found.update(part.read_bytes())
        else:
            found.update(json.dumps(part, sort_keys=True, default=str).encode())
    return found.hexdigest()


def _plan(root, only, smoke, parameters) -> list[Chapter]:
    """Chapters in the order of the book, after every name in the call was checked."""
    from sphinx_external_toc.parsing import parse_toc_yaml

    pages = (page.removesuffix(".ipynb") for page in parse_toc_yaml(root / "_toc.yml"))
    files = (f"{page}.ipynb" for page in pages)
    paths = {PurePosixPath(f).stem: f for f in files if (root / f).exists()}
    tiny = (
        yaml.safe_load((root / "book" / "smoke.yml").read_text(encoding="utf-8"))
        if smoke
        else {}
    )
    for kind, names in {"chapter": only, "chapter in smoke.yml": tiny or {}}.items():
        for name in names:
            require_known(kind, name, paths)
    chapters = []
    for name, path in paths.items():
        selected = name in only or not only
        values = {**((tiny or {}).get(name) or {}), **(parameters if selected else {})}
        if values:
            from papermill import inspect_notebook  # takes longer than all the rest

            # papermill itself takes an undeclared name with a warning and goes on.
            declared = inspect_notebook(root / path)
            for key in values:
                require_known(f"parameter of {name}", key, declared)
        chapters.append(Chapter(root, path, values, selected))
    return chapters


# ---------------------------------------------------------------- run a chapter


def _use_own_kernel(folder, root):
    """Let "python3" mean this interpreter, whatever kernel a user registered as that.

    With the package of this book, which another installed one may have the name of.
    """
    from ipykernel.kernelspec import write_kernel_spec

    # A backend set for scripts (MPLBACKEND=Agg) would leave the pages without figures.
    env = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    path = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    env["PYTHONPATH"] = os.pathsep.join(path)
    # A kernel's own log tells of TCP on this very machine and of its shutting down.
    quiet = ["--log-level=CRITICAL"]
    (folder / "kernels").mkdir(parents=True)
    write_kernel_spec(folder / "kernels" / "python3", {"env": env}, quiet)
    os.environ["JUPYTER_PATH"] = str(folder)  # searched before all other folders


def _bring_up_to_date(chapter, stage, work) -> tuple[str, str]:
    """Run a chapter if it is selected and needs it; a line to print, a note to publish."""
    inputs = chapter.inputs(stage)
    before = chapter.record.get("inputs", {})
    changed = [kind for kind, digest in inputs.items() if before.get(kind) != digest]
    since = f"changed: {', '.join(changed)}" if before else "never run"
    if not changed:
        return "unchanged, kept", "up to date"
    if not chapter.selected:
        shown = "last page kept" if before else "shown without outputs"
        return f"not selected, {shown} ({since})", f"not run again ({since})"
    started = time.perf_counter()
    error = _execute(chapter, stage, work, inputs)
    seconds = f"{time.perf_counter() - started:.0f} s"
    if error:
        return f"FAILED after {seconds}: {error}", f"FAILED when run again ({since})"
    return f"ran in {seconds} ({since})", "up to date"


def _execute(chapter, stage, work, inputs) -> str | None:
    """Run a chapter's notebook; on success keep page and record, else say what failed."""
    import nbformat
    import papermill

    aside = work / "running" / chapter.page.name
    kept = work / "failed" / chapter.page.name
    try:
        device = _device(chapter, stage)  # before the run that it might refuse
        notebook = papermill.execute_notebook(
            stage / chapter.path,
            aside,
            parameters=dict(chapter.parameters),
            kernel_name="python3",
            cwd=(stage / chapter.path).parent,
            progress_bar=sys.stderr.isatty(),
        )
    except Exception as error:  # whatever happens to one chapter, the others run
        return _keep_failed(error, aside, kept)

    took = notebook.metadata.papermill
    # A run may fetch its data: what counts is what the next call will find.
    used = chapter.data_sets(stage)
    told = data.inventory(list(used)).to_dict("records") if used else []
    record = {
        "inputs": {**inputs, "data": _digest(used)},
        "parameters": chapter.parameters,
        "started": took.start_time,
        "seconds": took.duration,
        "device": hardware(device),
        "data": {row["name"]: row["provenance"] for row in told},
        **environment(),
    }
    # Paths of this machine do not belong on a published page.
    notebook.metadata.papermill = {"parameters": took.parameters}
    nbformat.write(notebook, aside)
    path = chapter.page.with_suffix(".json")
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)  # no old record may ever vouch for a new page
    os.replace(aside, chapter.page)
    _write_json(path, record)
    kept.unlink(missing_ok=True)
    return None


def _device(chapter, stage):
    """Where a chapter computes: as its parameter says, on the CPU where it has none."""
    from papermill import inspect_notebook

    from .devices import resolve_device

    declared = inspect_notebook(stage / chapter.path).get("device")
    default = ast.literal_eval(declared["default"]) if declared else "cpu"
    return resolve_device(chapter.parameters.get("device", default))


def _keep_failed(error, aside, kept) -> str:
    """Save the partly executed notebook; name its cell and exception."""
    from papermill.exceptions import PapermillExecutionError

    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, PapermillExecutionError):
        reason = f"{error.ename}: {error.evalue}"
    reason = reason.splitlines()[0]
    if not aside.exists():
        return reason
    kept.parent.mkdir(exist_ok=True)
    os.replace(aside, kept)
    # Counted as in the source, without the cells that papermill puts in; the last one
    # that was begun is the one at fault, also if it took the kernel with it.
    added = {"injected-parameters", "papermill-error-cell-tag"}
    cells = [
        c["metadata"] for c in json.loads(kept.read_text(encoding="utf-8"))["cells"]
    ]
    cells = [c for c in cells if not added & set(c.get("tags", []))]
    begun = [n for n, c in enumerate(cells, 1) if c["papermill"]["end_time"]]
    where = f"cell {begun[-1]}: " if begun else ""
    return f"{where}{reason} (see {kept})"


def _read_json(path) -> dict:
    """What `_write_json` wrote; nothing where it is not there, or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_json(path, content):
    text = json.dumps(content, indent=1, default=str)
    write_atomically(lambda aside: aside.write_text(text, encoding="utf-8"), path)


# ---------------------------------------------------------------- render


def _render(root, work, stage, strict) -> bool:
    """Render the stage to ``_build/html``, unless the site there is made from just that."""
    site, seal = work / "html", work / "html.json"
    versions = {d.name: d.version for d in importlib.metadata.distributions()}
    files = [path for path in stage.rglob("*") if path.is_file()]
    sources = _digest(versions, *files, *_of_package(root), root=root)
    if _read_json(seal) == {"sources": sources, "sizes": _sizes(site)}:
        print(f"Nothing changed, the book stands: {site / 'index.html'}")
        return True

    started = time.perf_counter()
    aside = Path(tempfile.mkdtemp(prefix="render-", dir=work))
    # Warnings are errors, all told at once; the site is whole in spite of them.
    strictness = ["--keep-going", *(["-W"] if strict else [])]
    jupyter_book = "from jupyter_book.cli.main import main; main()"  # has no __main__
    command = [sys.executable, "-c", jupyter_book, "build", stage, "-q", *strictness]
    log = {"text": True, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run([*command, "--path-output", aside], cwd=root, **log)
    new, whole = aside / "_build" / "html", done.returncode == 0
    found = re.findall(".*(?:WARNING|ERROR).*", done.stdout)
    for line in found if whole else [done.stdout]:
        print(line)
    if (new / "index.html").exists():
        lighten(new)
        seal.unlink(missing_ok=True)
        if site.exists():
            os.replace(site, aside / "old")
        os.replace(new, site)
        if whole:
            _write_json(seal, {"sources": sources, "sizes": _sizes(site)})
        seconds = time.perf_counter() - started
        print(f"Rendered in {seconds:.0f} s, the book stands: {site / 'index.html'}")
    shutil.rmtree(aside)
    if not whole:
        print("Rendering FAILED: see the warnings and errors above.")
    return whole


def _sizes(folder: Path) -> dict[str, int]:
    """Size of every file below: enough to see that one is missing or cut."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.stat().st_size for path in files}
