"""What a row was computed with: versions, commit, hardware, and where the project lives."""

import functools
import hashlib
import importlib.metadata
import inspect
import json
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Mapping
from pathlib import Path

DISTRIBUTION = "deep-oversampling-book"


@functools.cache
def environment() -> dict[str, str]:
    """Versions and commit, the provenance of every stored row."""
    packages = ["torch", "scikit-learn", "imbalanced-learn", "numpy"]
    found = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    return {
        "versions": "; ".join([f"python {platform.python_version()}", *found]),
        "commit": commit(),
    }


def commit() -> str:
    """Commit of the checkout this package lies in, or was installed from; else "-"."""
    here = Path(__file__).parent
    # Named, the folder of git may be somebody else's, as where a container mounts it.
    root = here.resolve().parent
    git = ["git", f"--git-dir={root / '.git'}", f"--work-tree={root}", "-C", str(here)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "."], capture_output=True, text=True
        ).stdout
        # A package inside somebody else's repository has no commit of its own.
        if (here.parent / ".git").exists():
            return f"{head}-changed" if changed else head
    except (OSError, subprocess.CalledProcessError):
        pass
    try:  # pip notes what it installed from
        package = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "-"
    origin = json.loads(package.read_text("direct_url.json") or "{}")
    return origin.get("vcs_info", {}).get("commit_id", "-")[:12]


def own_file(kind):
    """The file that defines a class or function of the caller's own.

    Returns
    -------
    Path or None
        None of what an installed package, Python or this package defines, and of what has
        no file, as in a notebook.
    """
    is_module = inspect.ismodule(kind)
    name = kind.__name__ if is_module else getattr(kind, "__module__", None)
    module = (name or "").partition(".")[0]
    if module in ("", "builtins", __name__.partition(".")[0]):
        return None
    try:
        file = Path(inspect.getsourcefile(kind)).resolve()
    except (TypeError, OSError):
        return None
    installed = [Path(path).resolve() for path in sysconfig.get_paths().values()]
    if {"site-packages", "dist-packages"} & {*file.parts} or not file.is_file():
        return None
    if any(folder in file.parents for folder in installed):
        return None
    return file


def own_code(*values) -> str:
    """A digest of the caller's own code behind estimators and functions, or "".

    Two classes of one name in one module look alike to whatever goes by names, also where
    the second is the first one edited.

    Parameters
    ----------
    *values : estimators, functions, or containers of such

    Raises
    ------
    ValueError
        One of them is defined where there is no file, as in a notebook's cell.
    """
    found = set()
    for value in values:
        _collect(value, found)
    for kind in found:
        if getattr(kind, "__module__", None) == "__main__" and own_file(kind) is None:
            raise ValueError(f"{kind.__qualname__} is defined in no file")
    files = {file for kind in found if (file := own_file(kind))}
    digests = sorted(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)
    return hashlib.sha256("".join(digests).encode()).hexdigest()[:12] if files else ""


def _collect(value, found):
    """Classes and functions that a value is made of."""
    if isinstance(value, Mapping):
        value = [*value.values()]
    if isinstance(value, list | tuple | set | frozenset):
        for one in value:
            _collect(one, found)
    elif isinstance(value, functools.partial):
        _collect([value.func, value.args, value.keywords], found)
    elif inspect.isclass(value) or inspect.isroutine(value):
        found.update(inspect.getmro(value) if inspect.isclass(value) else [value])
    elif hasattr(value, "get_params") or callable(value):
        _collect(type(value), found)
        if hasattr(value, "get_params"):
            _collect(value.get_params(deep=False), found)
        _collect(getattr(value, "_score_func", None), found)  # of make_scorer


def hardware(device="cpu") -> str:
    """What a run computed on, in words: ``"cpu: 2 x Intel(R) Xeon(R)"``."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return f"cuda: {torch.cuda.get_device_name(device)}"
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(": ")[1] for line in lines if "model name" in line)
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{device.type}: {os.cpu_count()} x {name}"


def peak_mebibytes():
    """The most memory that this process has had so far."""
    status = Path("/proc/self/status")
    told = (
        status.read_text(encoding="utf-8", errors="replace") if status.exists() else ""
    )
    if found := re.search(r"VmHWM:\s+(\d+) kB", told):
        # What `getrusage` tells would begin with the peak of the process that started it.
        return int(found[1]) / 2**10
    import resource  # here, since Windows has none and all else works there

    unit = 2**20 if sys.platform == "darwin" else 2**10  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def computed_on(precision="auto") -> dict[str, str]:
    """Columns ``device, precision`` of a row whose networks for images were given it."""
    from .devices import resolve_device, resolve_precision

    device = resolve_device("auto")
    found = resolve_precision(precision, device, images=True)
    return {
        "device": hardware(device),
        "precision": str(found).removeprefix("torch."),
    }


def project_url() -> str:
    """Address of the repository, from the package's metadata or the checkout."""
    try:
        urls = importlib.metadata.metadata(DISTRIBUTION).get_all("Project-URL")
    except importlib.metadata.PackageNotFoundError:
        project = Path(__file__).resolve().parents[1] / "pyproject.toml"
        if not project.exists():
            raise
        told = tomllib.loads(project.read_text(encoding="utf-8"))
        return told["project"]["urls"]["Repository"]
    return next(u.split(", ")[1] for u in urls if u.startswith("Repository"))
