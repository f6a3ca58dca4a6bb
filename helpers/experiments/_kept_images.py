"""Images that a sampler made, kept for all that look at them: tables, measures, pictures.

They lie with the cached data and outside the repository, since some sets do not allow to
publish them. A file is whole or not there; its name is made of all that decides what is in
it, so that another setting or another draw never finds it.
"""

import base64
import contextlib
import hashlib
import io
import json
import zipfile

import numpy as np
from PIL import Image

from ..data import data_root
from ..files import workshop_beside, write_atomically

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


def checkpoint_of(file):
    """Where the unfinished training of these images lies; None where nothing can be kept."""
    with contextlib.suppress(OSError), workshop_beside(file):
        return file.with_suffix(".pt")
    return None


def picture(images, n=12):
    """The first images in one row, as the text of a PNG file; see `shown`."""
    wide = np.concatenate([*images[:n]], axis=2)
    pixels = wide[0] if len(wide) == 1 else wide.transpose(1, 2, 0)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def shown(text):
    """What `picture` kept, as images of shape (n, C, H, W)."""
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    return np.stack(
        np.split(pixels.transpose(2, 0, 1), pixels.shape[1] // len(pixels), 2)
    )
