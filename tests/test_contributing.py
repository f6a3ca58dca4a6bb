"""What CONTRIBUTING.md tells a newcomer to do, done to the letter."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
# A comment above a code block says what to do with it: "file: path", "import: path",
# "entry: path, NAME" for a line in the dictionary of that name, or "run".
STEPS = re.findall(r"<!-- (\w+)(?:: (.+?))? -->\n```\w+\n(.*?)```", GUIDE, re.S)


def follow(root):
    """Take every step but the last; the files that changed, and the command to run."""
    changed, command = [], None
    for kind, where, text in STEPS:
        name, _, variable = (where or "").partition(", ")
        path = root / name
        if kind == "run":
            command = text
            continue
        changed.append(name)
        before = path.read_text() if path.exists() else ""
        if kind == "file":
            assert not before, f"{name} is there already"
            after = text
        else:
            anchor = {
                "import": "from ._base import BaseDeepOverSampler\n",
                "entry": f"\n{variable} = {{\n",
            }[kind]
            assert before.count(anchor) == 1
            after = before.replace(anchor, anchor + text)
        path.write_text(after)
    return changed, command


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the shared tests need, to be changed at will."""
    for name in ("helpers", "tests"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_sampler_of_the_guide_passes_the_shared_tests(checkout):
    changed, command = follow(checkout)
    # The promise of the design: a new method is one file and its name in a registry.
    assert len(set(changed)) == 2
    make, target, arguments = shlex.split(command)
    assert (make, target) == ("make", "test")
    options = shlex.split(arguments.removeprefix("ARGS="))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", *options],
        cwd=checkout,
        # Before the installed package, which is that of this checkout.
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    # imbalanced-learn's checks, the contract, and the example in the docstring.
    passed = int(re.search(r"(\d+) passed", done.stdout)[1])
    assert passed > 40, done.stdout
    assert not re.search(r"\d failed", done.stdout)


def test_the_sampler_of_the_guide_is_lint_free(checkout):
    follow(checkout)
    new = [where for kind, where, _ in STEPS if kind == "file"]
    assert new
    for check in (["check"], ["format", "--check"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *check, *new], cwd=checkout, check=True
        )


def test_make_targets_named_in_the_guide_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", GUIDE, re.M))
    assert named
    assert named <= targets
