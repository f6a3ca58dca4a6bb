"""Files of torch that are read whole and without running code, and a fit's state in one."""

import contextlib
import copy
import io
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from .files import workshop_beside, write_atomically


def plain(value):
    """Numbers and text of Python in place of numpy's, which `torch.load` refuses.

    Also inside of dictionaries, lists and tuples, which stay what they are; everything
    else is left alone, tensors too. Arrays become lists.

    Examples
    --------
    >>> plain({np.str_("lr"): (np.float64(0.1), [np.int64(2)])})
    {'lr': (0.1, [2])}
    """
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if type(value) is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value


def read_saved(path):
    """What `torch.save` wrote to a file, with every byte of it checked.

    `torch.load` alone does not look at the sums in the file, and takes flipped bits for
    weights.

    Raises
    ------
    FileNotFoundError
    Exception
        Of any kind, where the file is damaged, or holds more than plain values and tensors.
    """
    file = io.BytesIO(Path(path).expanduser().read_bytes())
    with zipfile.ZipFile(file) as archive:
        if (part := archive.testzip()) is not None:
            raise zipfile.BadZipFile(f"{part} is damaged")
    file.seek(0)
    return torch.load(file, weights_only=True, map_location="cpu")


def write_saved(content, path):
    """Write plain values and tensors, atomically, for `read_saved`."""
    content = plain(content)
    path = Path(path).expanduser()
    write_atomically(lambda aside: torch.save(content, aside), path)


def first_line(error) -> str:
    """What an error says, in one line."""
    return (str(error).splitlines() or [""])[0]


class Checkpoint:
    """The state of an unfinished fit on disk, one entry per stage of training.

    Parameters
    ----------
    path : path-like
        File to go on from, if it is there, and to write to.
    identity : mapping of str to str
        What the fit is: parameters, a digest of the data, device. A file with another
        identity is refused, since going on from it would give neither fit.
    every : float
        Least seconds between two writes, which are also `SPARED` times what the last one
        took. With 0, at every step.

    Raises
    ------
    ValueError
        The file belongs to another fit, or is no checkpoint.
    OSError
        There is none, and its folder takes no file.
    """

    #: Of the file's layout; 1 had none written in it.
    VERSION = 2
    #: Large networks on slow disks: at most a thirtieth of the time goes into writing.
    SPARED = 30
    CURE = (
        "Delete it to start afresh, or name another file; leave checkpoint out where one "
        "object is fitted many times, as in cross-validation and ensembles."
    )

    def __init__(self, path, identity: Mapping[str, str], every: float = 10.0):
        self.path, self.identity = Path(path).expanduser(), dict(identity)
        self.every, self.stages, self.written = every, {}, time.monotonic()
        self.took = 0.0
        self.start = None
        if not self.path.exists():
            try:
                with workshop_beside(self.path):
                    return
            except OSError as error:
                raise OSError(
                    f"checkpoint={str(self.path)!r} cannot be written ({error}); name a "
                    "file in a folder that takes one."
                ) from None
        with self.reading():
            # Generator states must stay on the CPU; load_state_dict moves the rest.
            content = read_saved(self.path)
            if (version := content.get("version", 1)) not in (1, self.VERSION):
                raise ValueError(f"its layout is number {version!r}")
            found, self.stages = dict(content["identity"]), dict(content["stages"])
            self.start = content.get("start")  # of a file written before: none
            other = [
                f"{key}: {found.get(key)} there, {self.identity.get(key)} here"
                for key in sorted({*found, *self.identity})
                if found.get(key) != self.identity.get(key)
            ]
        if other:
            raise ValueError(
                f"checkpoint={str(self.path)!r} belongs to another fit "
                f"({'; '.join(other)}). {self.CURE}"
            )

    @contextlib.contextmanager
    def reading(self):
        """Name the file where what it holds cannot be used."""
        try:
            yield
        except Exception as error:
            raise ValueError(
                f"checkpoint={str(self.path)!r} cannot be read as a checkpoint "
                f"({type(error).__name__}: {first_line(error)}). {self.CURE}"
            ) from error

    def begin(self, generator: torch.Generator) -> None:
        """Begin with the random numbers of the fit that goes on, and remember which.

        What a fit draws before its training is in no stage: without a seed, a fit that
        goes on would train its networks on other draws than those they have seen.
        """
        if self.start is None:
            self.start = generator.get_state()
        with self.reading():
            generator.set_state(self.start)

    @property
    def due(self) -> bool:
        wait = max(self.every, self.SPARED * self.took) if self.every else 0.0
        return time.monotonic() - self.written >= wait

    def save(self, stage: str, state: dict) -> None:
        # Later stages may train the same networks on, and a state holds them as they are.
        self.stages[stage] = copy.deepcopy(state) if state["ended"] else state
        content = {"version": self.VERSION, "identity": self.identity}
        content |= {"start": self.start, "stages": self.stages}
        began = time.monotonic()
        write_saved(content, self.path)
        self.written = time.monotonic()
        self.took = self.written - began
