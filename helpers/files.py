"""Files that are whole or not there, and where a user's own are kept."""

import os
import warnings
from collections.abc import Callable
from pathlib import Path


def write_atomically(write: Callable[[Path], object], path) -> None:
    """Let `write` fill a file beside `path`, then put it in place in one move."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(aside)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def user_folder():
    """This package's folder in the user's cache."""
    return quiet_pooch().os_cache("deep-oversampling-book").absolute()


def quiet_pooch():
    """Import pooch, whose progress bar complains in notebooks that have no widgets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pooch
    return pooch
