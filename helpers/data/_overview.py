"""Which sets there are, which of them are here, and whether they have changed."""

import functools
import os

from . import _images, _sources, _tables
from ._files import FILES, DataCorrupt, DataNotAvailable, files_of, locate, path_of
from ._tables import sklearn_version

_EMBEDDED = {
    "bcw": _tables.load_bcw,
    "wine_onehot": _tables.load_wine_onehot,
    "digits_images": _images.load_digits_images,
}
_READERS = {
    "petrography": lambda _: _tables.read_petrography(*locate("petrography", False)),
    **{name: functools.partial(_images.read, name) for name in _sources.SETS},
}


def inventory(names=None, download=False, verify=False):
    """List the data sets: what is here, from where, and whether it is whole.

    Images that were not loaded before are converted for a quick start on the way.

    Parameters
    ----------
    names : str or list of str, default=None
        The sets to list; all by default.
    download : bool, default=False
        Fetch what is missing; implies `verify`.
    verify : bool, default=False
        Compare the files with their published checksums, and what is kept of them with
        the digest that it was kept with; a kept file that is damaged is made anew.

    Returns
    -------
    DataFrame
        One row per set: ``name``; ``found`` (a path, the package that carries it, or
        "not here"); ``n_per_class``, a dict from class name to number of samples;
        ``provenance``; ``checksum`` ("ok", "mismatch", "not checked", "embedded", or
        "none" where none is published, as for a prepared file); ``error``, empty
        unless something is wrong with this set.

    Raises
    ------
    ValueError
        A name is not known.

    Examples
    --------
    >>> from helpers.data import inventory
    >>> inventory("bcw").loc[0, ["checksum", "n_per_class"]].tolist()
    ['embedded', {'benign': 357, 'malignant': 212}]
    """
    import pandas as pd

    from ..checks import require_known

    known = [*_EMBEDDED, *FILES]
    names = known if names is None else [names] if isinstance(names, str) else names
    for name in names:
        require_known("data set", name, known)
    verify = verify or download
    return pd.DataFrame([_describe(name, download, verify) for name in names])


def _describe(name, download, verify):
    import numpy as np

    row = {
        "name": name,
        "found": "not here",
        "n_per_class": {},
        "provenance": "",
        "checksum": "not checked",
        "error": "",
    }
    try:
        if name in _EMBEDDED:
            row |= {"found": sklearn_version(), "checksum": "embedded"}
            bunch = _EMBEDDED[name]()
        else:
            paths = [path_of(file) for file in files_of(name)]
            if all(os.path.isfile(path) for path in paths):
                row["found"] = os.path.commonpath(paths)
            elif not download:
                return row
            row["found"] = os.path.commonpath(locate(name, verify))
            if verify:
                row["checksum"] = "ok" if _is_published(name) else "none"
            bunch = _READERS[name](verify)
        names = bunch["target_names"].tolist()
        counts = np.bincount(bunch["target"], minlength=len(names)).tolist()
        row["n_per_class"] = dict(zip(names, counts, strict=True))
        row["provenance"] = bunch["provenance"]
    except DataCorrupt as error:
        checksum = "mismatch" if _is_published(name) else "none"
        row |= {"checksum": checksum, "error": str(error)}
    except DataNotAvailable as error:
        row["error"] = str(error)
    except Exception as error:  # one damaged file must not hide the other sets
        row["error"] = f"cannot be read ({error}); verify=True compares its checksum"
    return row


def _is_published(name):
    return all(file.checksum for file in files_of(name))


def require(names):
    """Fetch the sets that are not here yet, before a long run rather than within it.

    Parameters
    ----------
    names : iterable of str

    Raises
    ------
    DataNotAvailable
        One is not on this machine and could not be brought here.
    """
    for name in names:
        if name in FILES:
            locate(name, verify=False)


def fingerprint():
    """Name, for each data set, what a loader would return now, without reading it.

    Two equal fingerprints mean that results computed from the set are still good.
    Files go by size and time of change, which is instant for large ones too.

    Returns
    -------
    dict of str to str
        From the set's name to a short text; "not here" for a set not yet downloaded,
        which may come, or be stood in for, at the next load.

    Examples
    --------
    >>> from helpers.data import fingerprint
    >>> sorted(fingerprint())  # doctest: +ELLIPSIS
    ['bcw', 'celeba', 'cifar10', 'digits_images', 'fashion_mnist', 'mnist', ...
    """
    marks = dict.fromkeys(_EMBEDDED, sklearn_version())
    for name in FILES:
        try:
            states = [path_of(file).stat() for file in files_of(name)]
        except OSError:
            marks[name] = "not here"
        else:
            marks[name] = ", ".join(
                f"{state.st_size} bytes of {state.st_mtime_ns}" for state in states
            )
    return marks
