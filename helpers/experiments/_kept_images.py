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
import zlib

import numpy as np
from filelock import FileLock
from PIL import Image

from ..data import data_root
from ..devices import resolve_device
from ..files import workshop_beside, write_atomically
from ..provenance import commit, computed_on

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
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None


def write(file, X, y, extra, seconds) -> bool:
    """Keep images, labels and what goes with them; whether there was room for them."""
    told = json.dumps({"extra": extra, "seconds": seconds})

    def save(path):
        with open(path, "wb") as opened:
            np.savez_compressed(opened, X=X, y=y, told=told)

    try:
        write_atomically(save, file)
    except OSError:
        return False
    return True


def checkpoint_of(file):
    """Where the unfinished training of these images lies; None where nothing can be kept.

    One a kind of device: a training does not go on on another.
    """
    with contextlib.suppress(OSError), workshop_beside(file):
        return file.with_name(f"{file.stem}-{resolve_device('auto').type}.pt")
    return None


def once(file, train, resumes=True):
    """What a training makes, or what it has made before, here or in another process.

    Others that want the same wait meanwhile, and read it. Where it cannot be kept the
    checkpoint stays, so that what is trained is not lost.

    Parameters
    ----------
    file : Path or None
        As of `named`; None keeps nothing.
    train : callable
        Takes the path of a checkpoint, or None; returns ``X, y, extra, seconds``.
    resumes : bool
        Whether it makes anything of a checkpoint.

    Returns
    -------
    X, y : arrays
    extra : dict
        What the training said of itself, and where and by what it was made.
    seconds : float
    """
    checkpoint = None if file is None else checkpoint_of(file)
    if checkpoint is None:
        return (file and read(file)) or train(None)
    with FileLock(f"{file}.lock"):
        if (found := read(file)) is not None:
            return found
        X, y, extra, seconds = train(checkpoint if resumes else None)
        made = {"sampler_commit": commit(), "sampler_device": computed_on()["device"]}
        extra = {**extra, **made}
        if write(file, X, y, extra, seconds):
            checkpoint.unlink(missing_ok=True)
    return X, y, extra, seconds


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
