"""The rooms of the package: each imports from below, and no private name of another."""

import ast
import functools
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

HELPERS = Path(__file__).parents[1] / "helpers"
#: From top to bottom.
ROOMS = [
    "__main__",
    "publishing",
    "balancing",
    "report",
    "pages",
    "decisions",
    "site",
    "experiments",
    "selection",
    "quality",
    "display",
    "plotting",
    "runs",
    "evaluation",
    "store",
    "provenance",
    "classifiers",
    "over_sampling",
    "tables",
    "training",
    "losses",
    "augmentation",
    "networks",
    "layers",
    "checkpoints",
    "devices",
    "data",
    "checks",
    "containers",
    "files",
    "progress",
]


def room_of(path):
    return path.relative_to(HELPERS).with_suffix("").parts[0]


def imported(path):
    """What a file imports, wherever in it: the parts of each name, from the package on."""
    here = ["helpers", *path.relative_to(HELPERS).with_suffix("").parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else []
            module = [*base, *(node.module or "").split(".")]
            module = [part for part in module if part]
            yield from ([*module, alias.name] for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)


@functools.cache
def arrows():
    """Every import of another room, wherever it stands: file, room there, names."""
    return [
        (path, parts[1], parts[2:])
        for path in sorted(HELPERS.rglob("*.py"))
        for parts in imported(path)
        if parts[0] == "helpers" and len(parts) > 1 and parts[1] != room_of(path)
    ]


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in HELPERS.rglob("*.py")}
    assert rooms - {"__init__"} == {*ROOMS}


def test_every_arrow_points_down():
    place = {room: n for n, room in enumerate(ROOMS)}
    found = [(path, there) for path, there, _ in arrows()]
    assert len(found) > 50
    up = [
        f"{path.relative_to(HELPERS)} -> {there}"
        for path, there in found
        if place[there] < place[room_of(path)]
    ]
    assert up == []


def test_no_private_name_of_another_room_is_imported():
    private = [
        f"{path.relative_to(HELPERS)}: {there}.{'.'.join(names)}"
        for path, there, names in arrows()
        if any(name.startswith("_") for name in names)
    ]
    assert private == []


def test_chapters_do_not_import_each_other():
    rooms = HELPERS / "experiments"
    chapters = {path.stem for path in rooms.iterdir() if path.stem[0] not in "._"}
    assert len(chapters) >= 7
    found = set()
    for path in rooms.rglob("*.py"):
        own = path.relative_to(rooms).with_suffix("").parts[0]
        for parts in imported(path):
            if parts[:2] == ["helpers", "experiments"] and parts[2:]:
                found.add((own, parts[2]))
    assert ("smate", "_own") in found
    assert {(own, other) for own, other in found if other in chapters - {own}} == set()


def test_a_long_file_says_why():
    silent = [
        f"{path.relative_to(HELPERS)}: {len(lines)} lines"
        for path in sorted(HELPERS.rglob("*.py"))
        if len(lines := path.read_text(encoding="utf-8").splitlines()) > 500
        and not re.search("[Oo]ver 500 lines|[Ll]onger than", " ".join(lines[:12]))
    ]
    assert silent == []


def test_what_modules_import_a_plain_install_has():
    """Tests run where all extras are: what a plain install lacks would not be missed."""
    told = tomllib.loads((HELPERS.parent / "pyproject.toml").read_text())["project"]

    def names(requirements):
        found = (re.match(r"[\w.-]+", one)[0] for one in requirements)
        return {name.lower().replace("_", "-") for name in found}

    plain, book = names(told["dependencies"]), told["optional-dependencies"]["book"]
    owners = importlib.metadata.packages_distributions()
    missing, looked_at = set(), set()
    for path in HELPERS.rglob("*.py"):
        has = plain | names(book) if room_of(path) in ("publishing", "pages") else plain
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            tops = []
            if isinstance(node, ast.Import):
                tops = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                tops = [node.module]
            for top in {one.partition(".")[0] for one in tops} & {*owners} - {
                "helpers"
            }:
                looked_at.add(top)
                if not names(owners[top]) & has:
                    missing.add(f"{path.relative_to(HELPERS)}: {top}")
    assert {"torch", "sklearn", "yaml"} <= looked_at
    assert missing == set()


def test_a_wheel_holds_the_whole_package(tmp_path):
    """What `pip install` of the repository brings, templates of the report included."""
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    shutil.copytree(
        HELPERS, source / "helpers", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(HELPERS.parent / name, source)
    call = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation"]
    call += ["--no-deps", "--no-index", "--wheel-dir", tmp_path, source]
    subprocess.run(call, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("helpers/")}
    files = (path for path in (source / "helpers").rglob("*") if path.is_file())
    assert held == {path.relative_to(source).as_posix() for path in files}
    assert "helpers/templates/report.html" in held
