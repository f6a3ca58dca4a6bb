"""The images: MNIST, Fashion-MNIST, CIFAR-10, SVHN, CelebA and scikit-learn's digits.

Each source is read into the same form and kept as one file that the next load maps into
memory: `load_cifar10` then takes milliseconds, and processes share the pages.
"""

import contextlib
import hashlib
import mmap
import os
import warnings

from ..files import user_folder, write_atomically
from ._files import (
    DataNotAvailable,
    data_root,
    files_of,
    locate,
    path_of,
)
from ._sources import DIGITS, convert
from ._tables import bunch, sklearn_version

# Part of the names of kept files: count it up when the conversion changes.
_FORM = 2
_DIGEST = hashlib.sha256().digest_size


# ---------------------------------------------------------------- loaders


def load_mnist(return_X_y=False, *, stand_in=False):
    """MNIST: handwritten digits, 28x28 grey.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.
    stand_in : bool, default=False
        Where the set can be neither found nor downloaded, warn and return
        `load_digits_images` with a ``provenance`` that begins with ``STAND-IN``. A
        corrupt file is an error all the same.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (70000, 1, 28, 28) uint8, ``target`` (70000,) int64 from 0 to 9,
        ``target_names``, ``provenance`` and the official split as ``partition``, one
        "train" or "test" per row: 60,000 training images first, then 10,000 of the
        test. ``data`` is mapped from a file: rows are read when they are used, and
        what is written to it stays in this process.

    Raises
    ------
    DataNotAvailable
        Not in the data root, and the download failed or the root cannot be written.
    DataCorrupt
        A file in the data root is not the published one.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. "Gradient-based learning applied
       to document recognition". Proceedings of the IEEE 86(11), 2278-2324, 1998.

    Examples
    --------
    >>> from helpers.data import load_mnist
    >>> mnist = load_mnist()  # doctest: +SKIP
    >>> mnist.data[mnist.partition == "test"].shape  # doctest: +SKIP
    (10000, 1, 28, 28)
    """
    return _load("mnist", return_X_y, stand_in)


def load_fashion_mnist(return_X_y=False, *, stand_in=False):
    """Fashion-MNIST: ten kinds of clothing, 28x28 grey.

    Parameters and errors are those of `load_mnist`.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (70000, 1, 28, 28) uint8, ``target`` (70000,) int64 from 0 (T-shirt/top)
        to 9 (Ankle boot), ``target_names``, ``provenance``, ``partition``: 6,000 "train"
        and 1,000 "test" images of each class.

    References
    ----------
    .. [1] H. Xiao, K. Rasul, R. Vollgraf. "Fashion-MNIST: a Novel Image Dataset for
       Benchmarking Machine Learning Algorithms". arXiv:1708.07747, 2017.
    """
    return _load("fashion_mnist", return_X_y, stand_in)


def load_cifar10(return_X_y=False, *, stand_in=False):
    """CIFAR-10: ten kinds of animals and vehicles, 32x32 in colour.

    Taken from ``prepared/cifar10.npz`` in the data root where there is one, else from the
    official archive; ``provenance`` says which. Parameters and errors are those of
    `load_mnist`; a prepared file must hold the uint8 arrays ``train_images`` and
    ``test_images`` (n, 32, 32, 3), ``train_labels`` and ``test_labels`` (n,), the names
    ``classes`` and a text ``provenance``, and is corrupt if it does not.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (60000, 3, 32, 32) uint8 in red, green, blue, ``target`` (60000,) int64
        from 0 (airplane) to 9 (truck), ``target_names``, ``provenance``, ``partition``:
        5,000 "train" and 1,000 "test" images of each class.

    References
    ----------
    .. [1] A. Krizhevsky. "Learning Multiple Layers of Features from Tiny Images".
       Technical report, University of Toronto, 2009.
    """
    return _load("cifar10", return_X_y, stand_in)


def load_svhn(return_X_y=False, *, stand_in=False):
    """Street View House Numbers: digits on photographs, 32x32 in colour.

    Taken from ``prepared/svhn.npz`` in the data root where there is one, else from the
    official ``train_32x32.mat`` and ``test_32x32.mat``, which write the digit 0 as 10.
    Parameters and errors are those of `load_mnist`, the form of a prepared file that of
    `load_cifar10`. For non-commercial use: show no image of it in public.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (n, 3, 32, 32) uint8 in red, green, blue, ``target`` (n,) int64, the
        digit, ``target_names``, ``provenance``, ``partition``: officially 73,257 "train"
        and 26,032 "test" images. A prepared file may hold fewer; ``provenance`` says so.

    References
    ----------
    .. [1] Y. Netzer, T. Wang, A. Coates, A. Bissacco, B. Wu, A. Ng. "Reading Digits in
       Natural Images with Unsupervised Feature Learning". NIPS Workshop on Deep Learning
       and Unsupervised Feature Learning, 2011.
    """
    return _load("svhn", return_X_y, stand_in)


def load_celeba(return_X_y=False, *, stand_in=False):
    """CelebA by hair colour: faces with exactly one of five attributes, 32x32 in colour.

    Taken from ``prepared/celeba.npz`` in the data root where there is one, else from the
    official ``img_align_celeba.zip``, ``list_attr_celeba.txt`` and
    ``list_eval_partition.txt`` in its folder ``celeba``. Those cannot be downloaded
    without accepting their terms, so you place them there yourself. The middle 178x178
    pixels of each aligned image are made smaller with Pillow's bilinear filter.
    Parameters and errors are those of `load_mnist`, the form of a prepared file that of
    `load_cifar10`. For non-commercial research: show no image of it in public.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (n, 3, 32, 32) uint8 in red, green, blue, ``target`` (n,) int64 (black,
        brown, blond, gray, bald), ``target_names``, ``provenance``, ``partition``:
        "train" for the official training and validation partitions together, "test" for
        the official test partition, which shows other people.

    References
    ----------
    .. [1] Z. Liu, P. Luo, X. Wang, X. Tang. "Deep Learning Face Attributes in the Wild".
       ICCV 2015.
    """
    return _load("celeba", return_X_y, stand_in)


def load_digits_images(return_X_y=False):
    """scikit-learn's 8x8 digits, enlarged to MNIST's 28x28.

    Real handwriting that comes with scikit-learn. It stands in for the other images on a
    machine that cannot get them; nobody has published results on it.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of the Bunch.

    Returns
    -------
    Bunch or (ndarray, ndarray)
        ``data`` (1797, 1, 28, 28) uint8, bright on black, ``target`` (1797,) int64, the
        digit (174 to 183 of each), ``target_names``, ``provenance``. There is no
        official split, so no ``partition``.

    References
    ----------
    .. [1] E. Alpaydin, C. Kaynak. "Optical Recognition of Handwritten Digits". UCI
       Machine Learning Repository, 1998. doi:10.24432/C50P49

    Examples
    --------
    >>> from helpers.data import load_digits_images
    >>> digits = load_digits_images()
    >>> digits.data.shape, str(digits.data.dtype), int(digits.data.max())
    ((1797, 1, 28, 28), 'uint8', 255)
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    source = load_digits()
    small = (source.images * 255 / 16).round().astype(np.uint8)
    # Pillow works on uint8 in whole numbers, so every machine gets the same pixels.
    large = [
        Image.fromarray(s).resize((28, 28), Image.Resampling.BILINEAR) for s in small
    ]
    return bunch(
        return_X_y,
        data=np.stack([np.asarray(image) for image in large])[:, None],
        target=source.target.astype(np.int64),
        target_names=np.array(DIGITS),
        provenance=f"UCI Optical Recognition of Handwritten Digits, the copy in "
        f"{sklearn_version()}; enlarged from 8x8 to 28x28 by this package",
    )


def _load(name, return_X_y, stand_in):
    try:
        return bunch(return_X_y, **read(name))
    except DataNotAvailable as error:
        if not stand_in:
            raise
        warnings.warn(f"{error} scikit-learn's digits stand in for it.", stacklevel=3)
    digits = load_digits_images()
    digits.provenance = f"STAND-IN for {name}: {digits.provenance}"
    return bunch(return_X_y, **digits)


# ---------------------------------------------------------------- kept files


def read(name, verify=False):
    """The fields of a set's Bunch, from the kept file or from its sources."""
    states = _states(name)
    if states and (fields := _read_kept(name, states, verify)):
        return fields
    paths = locate(name)
    states = _states(name)  # before reading: a later change of the source makes another
    parts = convert(name, paths)
    for folder in _folders():
        path = folder / _kept_name(name, states)
        try:
            write_atomically(lambda part: _write(part, parts, _time(states)), path)
            fields = _map(path)
        except OSError:  # read-only or full: the next folder, or no kept file at all
            continue
        for old in set(folder.glob(f"{name}-*.images")) - {path}:
            with contextlib.suppress(OSError):
                old.unlink()
        return fields
    return _fields(parts)


def _folders():
    """Where kept files may lie: with the data, or with the user if that is read-only."""
    yield data_root() / "cache"
    with contextlib.suppress(OSError):  # a user without a home
        yield user_folder() / "cache"


def _states(name):
    """Path, size and time of change of a set's files; nothing where one is missing."""
    try:
        found = [(file.path, path_of(file).stat()) for file in files_of(name)]
    except OSError:
        return None
    return [(path, state.st_size, state.st_mtime_ns) for path, state in found]


def _kept_name(name, states):
    mark = hashlib.sha256(repr([_FORM, *states]).encode()).hexdigest()[:16]
    return f"{name}-{mark}.images"


def _time(states):
    """The time that a kept file bears, of its newest source: another tells of a change.

    Even seconds in nanoseconds, which no file system rounds.
    """
    return max(time for *_, time in states) // 2_000_000_000 * 2_000_000_000


def _read_kept(name, states, verify):
    for folder in _folders():
        path = folder / _kept_name(name, states)
        try:
            if verify or path.stat().st_mtime_ns != _time(states):
                _compare(path)
                with contextlib.suppress(OSError):
                    os.utime(path, ns=(_time(states),) * 2)
            return _map(path)
        except OSError:  # none
            continue
        except (ValueError, EOFError, MemoryError) as error:
            warnings.warn(f"{path} is damaged ({error}) and made anew.", stacklevel=4)
    return None


def _write(path, parts, time):
    """A digest, small arrays in numpy's format, then the bare pixels, to be mapped."""
    import numpy as np

    images = [_channels_first(parts[key]) for key in ("train_images", "test_images")]
    n_train, n_test = map(len, images)
    with open(path, "wb+") as file:
        file.write(bytes(_DIGEST))
        for key in ("train_labels", "test_labels", "classes", "provenance"):
            np.save(file, parts[key])
        np.save(file, np.array([n_train + n_test, *images[0].shape[1:]]))
        for part in images:
            file.write(np.ascontiguousarray(part))
        file.seek(_DIGEST)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        file.write(digest)
    os.utime(path, ns=(time, time))


def _compare(path):
    with open(path, "rb") as file:
        told = file.read(_DIGEST)
        if hashlib.file_digest(file, "sha256").digest() != told:
            raise ValueError("its digest is another")


def _map(path):
    import numpy as np

    with open(path, "rb") as file:
        file.seek(_DIGEST)
        *parts, shape = (np.load(file) for _ in range(5))
        # Pages come from the file, a write goes to a private copy of its page. No memmap:
        # joblib would have its workers read the file, without what was written.
        pixels = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        data = np.frombuffer(pixels, np.uint8, offset=file.tell())
    return _bunch_fields(data.reshape(shape), *parts)


def _fields(parts):
    import numpy as np

    images = [_channels_first(parts[key]) for key in ("train_images", "test_images")]
    rest = ("train_labels", "test_labels", "classes", "provenance")
    return _bunch_fields(np.concatenate(images), *(parts[key] for key in rest))


def _bunch_fields(data, train_labels, test_labels, classes, provenance):
    import numpy as np

    sizes = [len(train_labels), len(test_labels)]
    return {
        "data": data,
        "target": np.concatenate([train_labels, test_labels]).astype(np.int64),
        "target_names": classes,
        "partition": np.repeat(["train", "test"], sizes),
        "provenance": str(provenance),
    }


def _channels_first(images):
    return images.transpose(0, 3, 1, 2)
