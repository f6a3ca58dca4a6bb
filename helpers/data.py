"""Where the book's data come from.

Every loader returns a `sklearn.utils.Bunch` with `data`, `target`, `target_names`
and a `provenance` to print beside results. A set that scikit-learn does not carry is
looked for in the data root, then downloaded into it. A file there is checked against
its published checksum at every load and is never overwritten: it may be the only copy
its owner has.

numpy, pandas and scikit-learn are imported where they are used, so that asking for
`fingerprint` or printing the help of a command costs next to nothing.
"""

import csv
import difflib
import hashlib
import os
import sys
import tempfile
import threading
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "DataCorrupt",
    "DataNotAvailable",
    "data_root",
    "fingerprint",
    "inventory",
    "load_bcw",
    "load_petrography",
    "load_wine_onehot",
]

ROOT_VARIABLE = "DEEP_OVERSAMPLING_DATA"

# Seconds without a single byte after which a download is given up. Under 10, so that
# a machine without a network is told so while its user is still looking.
PATIENCE = 8.0


class DataNotAvailable(OSError):
    """The set is not on this machine and could not be brought here."""


class DataCorrupt(OSError):
    """A file in the data root is not the published one."""


class _File(NamedTuple):
    path: str  # inside the data root
    url: str
    checksum: str  # "algorithm:digest"


_FILES = {
    "petrography": _File(
        "petrography/Naive_encoding.csv",
        "https://raw.githubusercontent.com/beam-me-up-scotchy/gan-smote/"
        "b0e81311701e6d43d27623f13582a87c210b3bec/datasets/Pre-Processed%20Datasets/"
        "Original%20Training%20Data/Naive_encoding.csv",
        "sha256:bf79be6d1351209b3549bf1c1c4f9cc993aec8e92a9b34b91e2b3df30fead4c4",
    ),
}


# ---------------------------------------------------------------- loaders


def load_bcw(return_X_y=False):
    """Breast Cancer Wisconsin (Diagnostic), with malignant as the class of interest.

    It comes with scikit-learn, so nothing is downloaded. That copy lists benign as 1
    and carries no patient id; here malignant is 1, as in the literature on imbalance.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (569, 30) float, ``target`` (357 benign = 0, 212 malignant = 1),
        ``target_names``, ``feature_names``, ``provenance``.

    References
    ----------
    .. [1] W. Wolberg, O. Mangasarian, N. Street, W. Street. "Breast Cancer Wisconsin
       (Diagnostic)". UCI Machine Learning Repository, 1993. doi:10.24432/C5DW2B

    Examples
    --------
    >>> from helpers.data import load_bcw
    >>> bcw = load_bcw()
    >>> bcw.data.shape, int(bcw.target.sum()), str(bcw.target_names[1])
    ((569, 30), 212, 'malignant')
    """
    from sklearn.datasets import load_breast_cancer

    source = load_breast_cancer()
    return _bunch(
        return_X_y,
        data=source.data,
        target=1 - source.target,
        target_names=source.target_names[::-1],
        feature_names=source.feature_names.tolist(),
        provenance=f"Breast Cancer Wisconsin (Diagnostic), the copy in {_sklearn()}; "
        "malignant recoded as 1",
    )


def load_wine_onehot(return_X_y=False):
    """Wine as a one-hot table: each of 13 measurements cut at its quartiles.

    Real data that come with scikit-learn, in the shape of the petrography table: one
    group of 0/1 columns per attribute. It stands in for that table on a machine that
    cannot get it. The cuts are made here, over all 178 wines and without their labels;
    nobody has published results on this table.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (178, 52) of 0.0 and 1.0, ``target`` (three growers: 59, 71, 48),
        ``target_names``, ``feature_names``, ``feature_groups`` (per measurement, the
        indexes of its four columns, exactly one of which is set in a row),
        ``provenance``.

    References
    ----------
    .. [1] S. Aeberhard, M. Forina. "Wine". UCI Machine Learning Repository, 1992.
       doi:10.24432/C5PC7J

    Examples
    --------
    >>> from helpers.data import load_wine_onehot
    >>> wine = load_wine_onehot()
    >>> wine.data.shape, wine.feature_names[:2]
    ((178, 52), ['alcohol(quarter 1)', 'alcohol(quarter 2)'])
    >>> [int(wine.data[:, group].sum()) for group in wine.feature_groups[:3]]
    [178, 178, 178]
    """
    import numpy as np
    from sklearn.datasets import load_wine

    source = load_wine()
    # Not KBinsDiscretizer: its default quantiles differ between scikit-learn versions,
    # and with them this table would.
    cuts = np.quantile(source.data, [0.25, 0.5, 0.75], axis=0)
    quarter = (source.data > cuts[:, None, :]).sum(axis=0)  # (wine, measurement): 0..3
    onehot = quarter[:, :, None] == np.arange(4)
    names = [
        f"{name}(quarter {q})" for name in source.feature_names for q in (1, 2, 3, 4)
    ]
    return _bunch(
        return_X_y,
        data=onehot.reshape(len(onehot), -1).astype(float),
        target=source.target,
        target_names=source.target_names,
        feature_names=names,
        feature_groups=_groups(names),
        provenance=f"UCI Wine, the copy in {_sklearn()}; every measurement cut at its "
        "quartiles and one-hot encoded by this package",
    )


def load_petrography(return_X_y=False, *, stand_in=False):
    """Petrographic descriptions of 140 core samples, to tell the rock's porosity.

    Six characters of the rock (grain size, sorting, matrix, ...) were described in
    words and spread over 58 columns of 0 and 1. The groups are not strictly one-hot:
    a character may be left out and, rarely, have two words. Four columns are never set
    and one name, ``SORTING(Moderate)``, stands on two columns, as in the source.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.
    stand_in : bool, default=False
        Where the table can be neither found nor downloaded, warn and return
        `load_wine_onehot` with a ``provenance`` that begins with ``STAND-IN``. A
        corrupt file is an error all the same.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (140, 58) of 0.0 and 1.0, ``target`` (32 Very Poor, 37 Poor, 30 Fair,
        41 Good), ``target_names``, ``feature_names``, ``feature_groups`` (per
        character, the indexes of its columns), ``provenance``.

    Raises
    ------
    DataNotAvailable
        Not in the data root, and the download failed or the root cannot be written.
    DataCorrupt
        The file in the data root is not the published one.

    References
    ----------
    .. [1] M. Scott, J. Plested. "GAN-SMOTE: A Generative Adversarial Network approach
       to Synthetic Minority Oversampling". Australian Journal of Intelligent
       Information Processing Systems 15(2), 2019.
    .. [2] T. Gedeon, D. Tamhane, T. Lin, P. Wong. "Use of linguistic petrographical
       descriptions to characterise core porosity: contrasting approaches". Journal of
       Petroleum Science and Engineering 31(2-4), 193-199, 2001.

    Examples
    --------
    >>> from helpers.data import load_petrography
    >>> rocks = load_petrography()  # doctest: +SKIP
    >>> [len(group) for group in rocks.feature_groups]  # doctest: +SKIP
    [12, 8, 16, 8, 4, 10]
    """
    try:
        return _bunch(return_X_y, **_read_petrography(_locate("petrography")))
    except DataNotAvailable as error:
        if not stand_in:
            raise
        warnings.warn(f"{error} One-hot wine stands in for it.", stacklevel=2)
    wine = load_wine_onehot()
    wine.provenance = f"STAND-IN for the petrography table: {wine.provenance}"
    return _bunch(return_X_y, **wine)


def _read_petrography(path):
    import numpy as np

    # csv rather than pandas, which would rename the second SORTING(Moderate).
    with open(path, newline="", encoding="utf-8") as lines:
        (_, *names), *rows = csv.reader(lines)
    # Floats, because image-minded samplers take uint8 to mean a range of 0 to 255.
    table = np.array(rows, dtype=float)
    return {
        "data": table[:, 1:],
        "target": table[:, 0].astype(int),
        "target_names": np.array(["Very Poor", "Poor", "Fair", "Good"]),
        "feature_names": names,
        "feature_groups": _groups(names),
        "provenance": "Linguistic petrography, one-hot table published by Scott and "
        "Plested (beam-me-up-scotchy/gan-smote, commit b0e8131)",
    }


def _bunch(return_X_y, **fields):
    from sklearn.utils import Bunch

    return (fields["data"], fields["target"]) if return_X_y else Bunch(**fields)


def _groups(names):
    """Column indexes per attribute, for columns named ``attribute(value)``."""
    groups = {}
    for column, name in enumerate(names):
        groups.setdefault(name.partition("(")[0], []).append(column)
    return list(groups.values())


def _sklearn():
    return f"scikit-learn {version('scikit-learn')}"


_EMBEDDED = {"bcw": load_bcw, "wine_onehot": load_wine_onehot}
_READERS = {"petrography": _read_petrography}


# ---------------------------------------------------------------- files


def data_root():
    """The folder where data files are looked for and downloaded to.

    It is what the environment variable ``DEEP_OVERSAMPLING_DATA`` names, else this
    package's folder in the user's cache.

    Returns
    -------
    Path
        Absolute; it need not exist.

    Examples
    --------
    >>> import os
    >>> from unittest import mock
    >>> from helpers.data import data_root
    >>> with mock.patch.dict(os.environ, DEEP_OVERSAMPLING_DATA="~/data"):
    ...     data_root() == Path.home() / "data"
    True
    """
    if named := os.environ.get(ROOT_VARIABLE):
        return Path(named).expanduser().absolute()
    import pooch

    return pooch.os_cache("deep-oversampling-book").absolute()


def _path(name):
    return data_root() / _FILES[name].path


def _locate(name, verify=True):
    """The path of a set's file, downloaded where it is missing."""
    path = _path(name)
    if not os.path.isfile(path):
        _download(name, path)
    elif verify and not _is_whole(path, _FILES[name].checksum):
        raise DataCorrupt(
            f"{path} ({path.stat().st_size} bytes) is not the published file: its "
            f"checksum is not {_FILES[name].checksum}. It may be truncated or edited. "
            "Move it away, and the next call downloads it anew."
        )
    return path


def _is_whole(path, checksum):
    algorithm, _, digest = checksum.partition(":")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def _download(name, path):
    """Bring a file to `path`, which is at every moment either whole or not there.

    Processes that do so at the same time each work in a folder of their own; whoever
    is last puts the same content in place again.
    """
    url, checksum = _FILES[name].url, _FILES[name].checksum
    missing = f"The data set {name!r} is not at {path}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the last step is a rename within one disk.
        workshop = tempfile.TemporaryDirectory(
            prefix=".partial-", dir=path.parent, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise DataNotAvailable(
            f"{missing}, and it cannot be downloaded because the folder {path.parent} "
            f"cannot be written ({error.strerror}). Name a folder that can be, or one "
            f"that holds the file, in the environment variable {ROOT_VARIABLE}."
        ) from error
    with workshop as folder:
        part = Path(folder, path.name)
        try:
            _fetch(url, part)
            if not _is_whole(part, checksum):
                raise OSError(
                    f"the {part.stat().st_size} bytes that came are not the published "
                    f"file, whose checksum is {checksum}; a proxy or a log-in page may "
                    "have answered in its place"
                )
        except Exception as error:
            raise DataNotAvailable(
                f"{missing} and could not be downloaded from {url}: {_cause(error)}. "
                "Nothing was kept. Try again with a network, or put the file there "
                "yourself."
            ) from error
        os.replace(part, path)


def _fetch(url, part):
    """Download to `part`, or give up once nothing has come for `PATIENCE` seconds.

    The clock is ours because a time-out on a socket leaves out the look-up of the
    name and starts anew with each address of the host: a dead network would be
    noticed after a minute.
    """
    import pooch

    # The time-out given here only ends the thread after it has been left behind.
    download = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), timeout=2 * PATIENCE
    )
    failures = []

    def work():
        try:
            download(url, str(part), None)
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    size = 0
    while thread.is_alive():
        thread.join(PATIENCE)
        before, size = size, part.stat().st_size if part.exists() else 0
        if thread.is_alive() and size == before:
            raise TimeoutError(f"nothing came for {PATIENCE:g} s")
    if failures:
        raise failures[0]


def _cause(error):
    """In a few words, what requests and urllib3 say in many."""
    if (response := getattr(error, "response", None)) is not None:
        return f"the server answered {response.status_code} ({response.reason})"
    if type(error).__module__.startswith("requests"):
        return f"the connection failed ({type(error).__name__})"
    return str(error)


# ---------------------------------------------------------------- overview


def inventory(names=None, download=False, verify=False):
    """List the data sets: what is here, from where, and whether it is whole.

    Parameters
    ----------
    names : str or list of str, default=None
        The sets to list; all by default.
    download : bool, default=False
        Fetch what is missing; implies `verify`.
    verify : bool, default=False
        Compare the files with their published checksums.

    Returns
    -------
    DataFrame
        One row per set: ``name``; ``found`` (a path, the package that carries it, or
        "not here"); ``n_per_class``, a dict from class name to number of samples;
        ``provenance``; ``checksum`` ("ok", "mismatch", "not checked" or "embedded");
        ``error``, empty unless something is wrong with this set.

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

    known = [*_EMBEDDED, *_FILES]
    names = known if names is None else [names] if isinstance(names, str) else names
    for name in names:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)[0]
            raise ValueError(
                f"There is no data set {name!r}; did you mean {nearest!r}? "
                f"Known are {', '.join(known)}."
            )
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
            row |= {"found": _sklearn(), "checksum": "embedded"}
            bunch = _EMBEDDED[name]()
        else:
            path = _path(name)
            if os.path.isfile(path):
                row["found"] = str(path)
            elif not download:
                return row
            _locate(name, verify)
            row |= {"found": str(path), "checksum": "ok" if verify else "not checked"}
            bunch = _READERS[name](path)
        names = bunch["target_names"].tolist()
        counts = np.bincount(bunch["target"], minlength=len(names)).tolist()
        row["n_per_class"] = dict(zip(names, counts, strict=True))
        row["provenance"] = bunch["provenance"]
    except DataCorrupt as error:
        row |= {"checksum": "mismatch", "error": str(error)}
    except DataNotAvailable as error:
        row["error"] = str(error)
    except Exception as error:  # one damaged file must not hide the other sets
        row["error"] = f"cannot be read ({error}); verify=True compares its checksum"
    return row


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
    >>> sorted(fingerprint())
    ['bcw', 'petrography', 'wine_onehot']
    """
    marks = dict.fromkeys(_EMBEDDED, _sklearn())
    for name in _FILES:
        try:
            state = _path(name).stat()
            marks[name] = f"{state.st_size} bytes of {state.st_mtime_ns}"
        except OSError:
            marks[name] = "not here"
    return marks
