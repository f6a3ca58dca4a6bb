"""Files that are whole or not there: written, downloaded, kept for a user."""

import contextlib
import os
import shutil
import stat
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path

# Of folders that a file is made in; a killed writer leaves its own behind.
_PREFIX = ".deep-oversampling-"
_OLD = 24 * 3600  # seconds; nobody takes that long to write
# Bytes after which a download is given up: the largest file of this book has 182 million.
_MOST = 300_000_000


def write_atomically(write: Callable[[Path], object], path) -> None:
    """Let `write` fill a file of the same name aside, then move it to `path`.

    At every moment `path` is the whole old file or the whole new one, whichever threads,
    processes or machines write it at once, and whenever they are killed. A link stays a
    link, to a file that is replaced; a file keeps its mode.

    Parameters
    ----------
    write : callable
        Takes the path to fill; what it raises leaves `path` as it was.
    path : path-like
        Its folder is made where there is none.

    Raises
    ------
    OSError
        `path` cannot be written, or is no regular file.
    """
    path = Path(path).resolve()
    mode = None
    if path.exists():
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"{path} is no regular file, and is not replaced by one.")
    with workshop_beside(path) as folder:
        aside = Path(folder, path.name)
        write(aside)
        with open(aside, "rb+") as file:  # the move must not reach the disk before it
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(aside, stat.S_IMODE(mode))
        os.replace(aside, path)


def workshop_beside(path) -> tempfile.TemporaryDirectory:
    """Make a folder of one's own to make a file in, a rename away from `path`.

    Whoever makes the same file at the same time works in another; whoever is last puts
    the same content in place again.
    """
    parent = Path(path).parent
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # gone, or another user's
            if time.time() - left.stat().st_mtime > _OLD:
                shutil.rmtree(left)
    return tempfile.TemporaryDirectory(
        prefix=_PREFIX, dir=parent, ignore_cleanup_errors=True
    )


def fetch(url: str, part: Path, patience: float) -> None:
    """Download to `part`, or give up once nothing has come for `patience` seconds.

    The clock is ours because a time-out on a socket leaves out the look-up of the
    name and starts anew with each address of the host: a dead network would be
    noticed after a minute.

    Raises
    ------
    OSError
        Nothing came, too much came, or the server refused.
    """
    pooch = quiet_pooch()
    meter = _Meter()
    # The time-out given here only ends the thread after it has been left behind.
    download = pooch.HTTPDownloader(progressbar=meter, timeout=2 * patience)
    failures = []

    def work():
        try:
            download(url, str(part), None)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            before = meter.came
            thread.join(patience)
            if thread.is_alive() and meter.came == before:
                raise TimeoutError(f"nothing came for {patience:g} s")
    finally:
        meter.stopped = True
    if failures:
        raise failures[0]


class _Meter:
    """What pooch takes for a progress bar: it counts, shows, and stops what is too much."""

    def __init__(self):
        self.came, self.total, self.bar, self.stopped = 0, 0, None, False

    def update(self, size):
        self.came += size
        if self.stopped:
            raise TimeoutError("it was given up")
        if max(self.came, self.total) > _MOST:
            raise OSError(f"more than the {_MOST} bytes of any file of this book came")
        if self.bar is None and sys.stderr.isatty():
            from .progress import Progress

            self.bar = Progress(total=self.total, miniters=1, unit="B", unit_scale=True)
        if self.bar is not None:
            self.bar.update(size)

    def reset(self):
        """pooch counts whole chunks, then resets, and tells the true size."""
        self.came = 0
        if self.bar is not None:
            self.bar.reset()

    def close(self):
        if self.bar is not None:
            self.bar.close()


def user_folder() -> Path:
    """Where this package keeps files: its folder in the user's cache.

    Raises
    ------
    OSError
        This user has no home.
    """
    try:
        return quiet_pooch().os_cache("deep-oversampling-book").absolute()
    except RuntimeError as error:
        raise OSError(f"This user has no folder for a cache ({error}).") from None


def quiet_pooch():
    """Import pooch, whose progress bar complains in notebooks that have no widgets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pooch
    return pooch
