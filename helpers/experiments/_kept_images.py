"""Images that a sampler made, kept for all that look at them: tables, measures, pictures.

They lie with the cached data and outside the repository, since some sets do not allow to
publish them. A file is whole or not there; its name is made of all that decides what is in
it, so that another setting or another draw never finds it.
"""

import contextlib
import hashlib
import json
import zipfile

import numpy as np

from ..data import data_root
from ..files import write_atomically

#: Profiles whose trainings are worth the disk: some tens of megabytes each.
KEPT = ("counts", "paper")


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
