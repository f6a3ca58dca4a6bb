"""Tiny data and settings that the tests share."""

import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

# Before torch is imported: two test processes with two threads each wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import settings
from sklearn.datasets import load_digits

from helpers.over_sampling import SAMPLERS

# A busy machine takes longer, and fails no test by it.
settings.register_profile("busy", deadline=None)
settings.load_profile("busy")

# A shell that starts the tests in its background lets them ignore interrupts, and they
# would hand that on to the commands that they interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]

#: Constructor parameters that make a sampler train in milliseconds, where two epochs do
#: not, or where nothing is trained.
TINY = {
    "amdo": {},
    "bagan": {"epochs": 2, "width": 0.05, "lr": 0.01},
    "gamo": {"epochs": 2, "width": 0.05},
    "ctgan": {
        "epochs": 2,
        "batch_size": 20,
        "latent_dim": 4,
        "generator_layers": (8,),
        "discriminator_layers": (8,),
        "n_modes": 2,
    },
    "deep_smote": {"epochs": 2, "width": 0.05, "lr": 0.01},
    "gan": {"epochs": 2, "generator_layers": (8,), "discriminator_layers": (8,)},
    "gan_smote": {
        "epochs": 4,
        "flip_epochs": 2,
        "restart_every": 2,
        "binarize": "median",
    },
    "mc_ccr": {},
    "mc_rbo": {"n_steps": 100},
    "smate": {"epochs": 2, "width": 0.25},
    "tab_ddpm": {"n_steps": 20, "n_timesteps": 5, "layers": (16,), "lr": 0.01},
}


#: Files that look at the rendered book, which is built once for all of them.
BOOK = ("tests/test_chapters.py", "tests/test_publication.py", "tests/test_site.py")
#: Files that take long with few tests: they start kernels, clusters, whole test runs.
LONG = (
    "tests/test_publishing.py",
    "tests/test_distribution.py",
    "tests/test_contributing.py",
    "tests/test_balancing.py",
    "tests/test_selection.py",
)


def pytest_collection_modifyitems(items):
    """Begin with what takes longest, so that no test process is left alone at the end."""
    files = Counter(item.nodeid.partition("::")[0] for item in items)
    first = {name: place for place, name in enumerate((*BOOK, *LONG))}

    def place(item):
        name = item.nodeid.partition("::")[0]
        return first.get(name, len(first)), -files[name], name

    items.sort(key=place)  # in a file they stay as they are


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """One process takes the book with all that look at it; the others need not wait."""
    if config.getoption("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid):
            name = super()._split_scope(nodeid)
            return "book" if name in BOOK else name

    config.option.loadscopereorder = False  # the order is that of the items
    return ByFile(config, log)


def make_sampler(name, **parameters):
    return SAMPLERS[name](
        **{"random_state": 0, "device": "cpu", **TINY.get(name, {"epochs": 2})}
        | parameters
    )


@pytest.fixture(params=sorted(SAMPLERS))
def sampler_name(request):
    return request.param


@pytest.fixture
def table():
    """Three classes with 30, 12 and 7 rows of 5 columns."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], [30, 12, 7])
    order = rng.permutation(len(y))
    return (rng.normal(size=(len(y), 5)) + y[:, None])[order], y[order]


def second_root(root):
    """A root over the same sources, so that the book that a reader has built stays hers.

    Executed chapters are the same in both, by their digests: none runs twice.
    """
    work, executed = root / "_build" / "test", root / "_build" / "executed"
    (work / "_build").mkdir(parents=True, exist_ok=True)
    executed.mkdir(exist_ok=True)
    for name in ("_config.yml", "_toc.yml", "pyproject.toml", "book", "helpers"):
        if not (work / name).is_symlink():
            (work / name).symlink_to(root / name)
    if not (shared := work / "_build" / "executed").is_symlink():
        shutil.rmtree(shared, ignore_errors=True)  # of an earlier version
        shared.symlink_to(executed)
    return work


@pytest.fixture(scope="session")
def digits():
    """All ten, (1797, 8, 8), 0 to 16, as uint8."""
    images, y = load_digits(return_X_y=True)
    return images.reshape(-1, 8, 8).astype(np.uint8), y


@pytest.fixture(scope="session")
def larger(digits):
    """The digits 0 to 3, 720 of them, framed to 12x12, 0 to 240."""
    few = digits[1] < 4
    return 15 * np.pad(digits[0], ((0, 0), (2, 2), (2, 2)))[few], digits[1][few]


@pytest.fixture(scope="session")
def smoke_book():
    """The call that ran and rendered the book with smoke parameters, and its folder."""
    (ROOT / "_build").mkdir(exist_ok=True)
    # Each test process asks for it; all but the first find everything unchanged.
    with FileLock(ROOT / "_build" / "smoke.lock"):
        work = second_root(ROOT)
        done = subprocess.run(
            [sys.executable, "-m", "helpers", "book", "--smoke"],
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return done, work / "_build"
