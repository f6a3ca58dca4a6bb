"""One training of a sampler for all that look at its images: tables, measures, pictures.

Images lie with the cached data and outside the repository, since some sets do not allow
to publish them. A file is whole or not there; what it holds is named by all that decides
it, so that another setting or another draw never finds it.
"""

import contextlib
import hashlib
import json
import time
import zipfile

import numpy as np

from ... import training
from ...data import data_root
from ...files import write_atomically
from ._table_1 import NETWORKS, PENALTIES, RIVALS, resample, sampler

#: Profiles whose trainings are worth the disk: some tens of megabytes each.
KEPT = ("counts", "paper")


def resampled(method, X, y, profile, random_state):
    """Balance a training set as `resample` does, or read what that made before.

    Returns
    -------
    X, y : arrays
    extra : dict
        What the training says of itself.
    seconds : float
        That the training took, when it was done; after a kill those since then.
    """
    file = kept_file(method, X, y, profile, random_state)
    if file is not None and (found := read(file)) is not None:
        return found
    checkpoint = None
    if file is not None and method in NETWORKS:
        checkpoint = file.with_suffix(".pt")
    started = time.perf_counter()
    X, y, extra = resample(method, X, y, profile, random_state, checkpoint)
    seconds = time.perf_counter() - started
    if file is not None:
        write(file, X, y, extra, seconds)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return X, y, extra, seconds


def kept_file(method, X, y, profile, random_state):
    """Where the images of an arm lie; None for those that are made in seconds."""
    if profile not in KEPT or method not in (*RIVALS, *PENALTIES):
        return None
    settings = sampler(method, profile, random_state).get_params(deep=False)
    settings.pop("checkpoint", None)
    return named(method, sorted(settings.items()), training.digest(X, y))


def named(method, *parts):
    """The file whose name is a digest of all `parts` that decide what is in it."""
    digest = hashlib.sha256(repr((method, *parts)).encode()).hexdigest()[:16]
    return data_root() / "generated" / f"{method}-{digest}.npz"


def read(file):
    """What `write` kept, or None."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            told = json.loads(str(kept["told"]))
            return kept["X"], kept["y"], told["extra"], told["seconds"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def write(file, X, y, extra, seconds):
    """Keep images, labels and what goes with them; a folder that cannot be, need not."""
    told = json.dumps({"extra": extra, "seconds": seconds})

    def save(path):
        with open(path, "wb") as opened:
            np.savez_compressed(opened, X=X, y=y, told=told)

    with contextlib.suppress(OSError):
        write_atomically(save, file)
