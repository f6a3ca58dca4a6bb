"""Tiny data and settings that the tests share."""

import os
import signal
import subprocess
import sys
from pathlib import Path

# Before torch is imported: two test processes with two threads each wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from filelock import FileLock

from helpers.over_sampling import SAMPLERS

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
    "tab_ddpm": {"n_steps": 60, "n_timesteps": 20, "layers": (16,), "lr": 0.01},
}


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


@pytest.fixture(scope="session")
def smoke_book():
    """The call that ran and rendered the book with smoke parameters, and its folder."""
    # A second root over the same sources: the book that a reader has built stays hers.
    work = ROOT / "_build" / "test"
    work.mkdir(parents=True, exist_ok=True)
    # Each test process asks for it; all but the first find everything unchanged.
    with FileLock(work / "smoke.lock"):
        for name in ("_config.yml", "_toc.yml", "pyproject.toml", "book", "helpers"):
            if not (work / name).is_symlink():
                (work / name).symlink_to(ROOT / name)
        done = subprocess.run(
            [sys.executable, "-m", "helpers", "book", "--smoke"],
            cwd=work,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return done, work / "_build"
