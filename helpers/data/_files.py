"""Finding, fetching and checking the files that hold the data."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from ..files import fetch, user_folder, workshop_beside

ROOT_VARIABLE = "DEEP_OVERSAMPLING_DATA"

# Seconds without a single byte after which a download is given up. Under 10, so that
# a machine without a network is told so while its user is still looking.
PATIENCE = 8.0


class DataNotAvailable(OSError):
    """The set is not on this machine and could not be brought here."""


class DataCorrupt(OSError):
    """A file in the data root is not the published one, or not of the expected form."""


class File(NamedTuple):
    path: str  # inside the data root
    urls: tuple[str, ...]  # tried in this order; none where its owner must place it
    checksum: str  # "algorithm:digest"; empty where none is published


def _idx_files(folder, mirrors, digests):
    names = (f"{p}-ubyte.gz" for p in _IDX_PARTS)
    return tuple(
        File(f"{folder}/raw/{name}", tuple(m + name for m in mirrors), f"md5:{digest}")
        for name, digest in zip(names, digests, strict=True)
    )


_IDX_PARTS = (
    "train-images-idx3",
    "train-labels-idx1",
    "t10k-images-idx3",
    "t10k-labels-idx1",
)

# Paths, addresses and checksums of images are torchvision's: a folder that it has filled
# serves as a data root. What has no https is held by its checksum.
FILES = {
    "petrography": (
        File(
            "petrography/Naive_encoding.csv",
            (
                "https://raw.githubusercontent.com/beam-me-up-scotchy/gan-smote/"
                "b0e81311701e6d43d27623f13582a87c210b3bec/datasets/"
                "Pre-Processed%20Datasets/Original%20Training%20Data/"
                "Naive_encoding.csv",
            ),
            "sha256:bf79be6d1351209b3549bf1c1c4f9cc993aec8e92a9b34b91e2b3df30fead4c4",
        ),
    ),
    "mnist": _idx_files(
        "MNIST",
        ("https://ossci-datasets.s3.amazonaws.com/mnist/",),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "fashion_mnist": _idx_files(
        "FashionMNIST",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "cifar10": (
        File(
            "cifar-10-python.tar.gz",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
            "md5:c58f30108f718f92721af3b95e74349a",
        ),
    ),
    "svhn": (
        File(
            "train_32x32.mat",
            ("http://ufldl.stanford.edu/housenumbers/train_32x32.mat",),
            "md5:e26dedcc434d2e4c54c9b2d4a06d8373",
        ),
        File(
            "test_32x32.mat",
            ("http://ufldl.stanford.edu/housenumbers/test_32x32.mat",),
            "md5:eb5a983be6a315427106f1b164d9cef3",
        ),
    ),
    "celeba": (
        File("celeba/img_align_celeba.zip", (), "md5:00d2c5bc6d35e252742224ab0c1e8fcb"),
        File("celeba/list_attr_celeba.txt", (), "md5:75e246fa4810816ffd6ee81facbd244c"),
        File(
            "celeba/list_eval_partition.txt",
            (),
            "md5:d32c9cbf5e040fd4025c592c306e6668",
        ),
    ),
}
# Sets that are taken from prepared/<name>.npz in the data root where there is one.
PREPARED = ("cifar10", "svhn", "celeba")

# What to say of a set whose files cannot be downloaded.
_TERMS = {
    "celeba": "CelebA cannot be downloaded without accepting its terms at "
    "http://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"
}


def data_root():
    """The folder where data files are looked for and downloaded to.

    It is what the environment variable ``DEEP_OVERSAMPLING_DATA`` names, else this
    package's folder in the user's cache.

    Returns
    -------
    Path
        Absolute; it need not exist.

    Raises
    ------
    ValueError
        The variable names the home of a user who is not known.
    DataNotAvailable
        It names nothing, and this user has no cache.

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
        try:
            return Path(named).expanduser().absolute()
        except RuntimeError:
            raise ValueError(
                f"{ROOT_VARIABLE}={named}: the home of this user is not known; give the "
                "folder's whole path."
            ) from None
    try:
        return user_folder()
    except OSError as error:
        raise DataNotAvailable(
            f"{error} Name a folder for data in the environment variable {ROOT_VARIABLE}."
        ) from None


def files_of(name):
    """The files that a load of the set would read now, whether they are here or not."""
    prepared = File(f"prepared/{name}.npz", (), "")
    if name in PREPARED and path_of(prepared).is_file():
        return (prepared,)
    return FILES[name]


def path_of(file):
    return data_root() / file.path


def locate(name, verify=True):
    """The paths of a set's files, downloaded where they are missing."""
    files = files_of(name)
    missing = [file.path for file in files if not os.path.isfile(path_of(file))]
    if missing and name in _TERMS:
        raise DataNotAvailable(
            f"The data set {name!r} is not in {data_root()}. {_TERMS[name]}. Place "
            f"{', '.join(missing)} there, or prepared/{name}.npz, or name a folder that "
            f"holds them in the environment variable {ROOT_VARIABLE}."
        )
    for file in files:
        path = path_of(file)
        if file.path in missing:
            _download(name, file, path)
        elif verify and not _is_whole(path, file.checksum):
            raise DataCorrupt(
                f"{path} ({path.stat().st_size} bytes) is not the published file: its "
                f"checksum is not {file.checksum}. It may be truncated or edited. Move "
                "it away, and "
                + (
                    "the next call downloads it anew."
                    if file.urls
                    else "place it anew."
                )
            )
    return [path_of(file) for file in files]


def _is_whole(path, checksum):
    if not checksum:
        return True
    algorithm, _, digest = checksum.partition(":")
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest() == digest


def _download(name, file, path):
    """Bring a file to `path`, which is at every moment either whole or not there."""
    missing = f"The data set {name!r} is not at {path}"
    try:
        workshop = workshop_beside(path)
    except OSError as error:
        raise DataNotAvailable(
            f"{missing}, and it cannot be downloaded because the folder {path.parent} "
            f"cannot be written ({error.strerror}). Name a folder that can be, or one "
            f"that holds the file, in the environment variable {ROOT_VARIABLE}."
        ) from error
    failures = []
    with workshop as folder:
        for number, url in enumerate(file.urls):
            # Not the same for all: a server given up on may still come to write.
            part = Path(folder, f"{number}-{path.name}")
            try:
                # Mirrors share the patience: a dead network is known as soon as with one.
                fetch(url, part, PATIENCE / len(file.urls))
                if not _is_whole(part, file.checksum):
                    raise OSError(
                        f"the {part.stat().st_size} bytes that came are not the "
                        f"published file, whose checksum is {file.checksum}; a proxy or "
                        "a log-in page may have answered in its place"
                    )
                os.replace(part, path)
                return
            except Exception as error:
                failures.append((url, error))
    causes = "; nor from ".join(f"{url}: {_cause(error)}" for url, error in failures)
    raise DataNotAvailable(
        f"{missing} and could not be downloaded from {causes}. Nothing was kept. Try "
        "again with a network, or put the file there yourself."
    ) from failures[-1][1]


def _cause(error):
    """In a few words, what requests and urllib3 say in many."""
    if (response := getattr(error, "response", None)) is not None:
        return f"the server answered {response.status_code} ({response.reason})"
    if type(error).__module__.startswith("requests"):
        return f"the connection failed ({type(error).__name__})"
    return str(error)
