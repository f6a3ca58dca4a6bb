"""The image sets as their sources publish them, read into one form and checked."""

import gzip
import io
import math
import os
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import NamedTuple

from ._files import DataCorrupt

KEYS = ("train_images", "train_labels", "test_images", "test_labels")

DIGITS = tuple("0123456789")
CIFAR10 = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
HAIR = ("Black_Hair", "Brown_Hair", "Blond_Hair", "Gray_Hair", "Bald")


def convert(name, paths):
    """Read a set's files into `KEYS`, ``classes`` and ``provenance``, checked.

    Images (n, H, W, C) and labels (n,), both uint8.
    """
    import numpy as np

    described = SETS[name]
    prepared = paths[0].suffix == ".npz"
    where = " and ".join(map(str, paths))
    cure = (
        "Prepare it anew, or move it away to have the official files used."
        if prepared
        else "Move it away and get it anew."
    )
    reader = _read_prepared if prepared else described.reader
    try:
        parts = reader(*paths)
    except KeyError as error:
        raise DataCorrupt(f"{where}: {error.args[0]}. {cure}") from error
    except _UNREADABLE as error:
        raise DataCorrupt(
            f"{where} cannot be read ({error}); it may be truncated. {cure}"
        ) from error
    if not prepared:
        parts |= {"provenance": described.provenance, "classes": described.classes}
    parts["classes"] = np.asarray(parts["classes"])
    parts["provenance"] = np.asarray(parts["provenance"])
    for problem in _problems(parts, described):
        raise DataCorrupt(f"{where}: {problem}. {cure}")
    return parts


# What readers raise on a broken file; a MemoryError is no fault of the file.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    pickle.UnpicklingError,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)


def _problems(parts, described):
    for split in ("train", "test"):
        images, labels = parts[f"{split}_images"], parts[f"{split}_labels"]
        for key, array in {"images": images, "labels": labels}.items():
            if array.dtype != "uint8":
                yield f"{split}_{key} is of dtype {array.dtype}, expected uint8"
        if images.shape[1:] != described.shape or not len(images):
            expected = ", ".join(map(str, described.shape))
            yield f"{split}_images is of shape {images.shape}, expected (n, {expected})"
        if labels.shape != images.shape[:1]:
            yield (
                f"{split}_labels is of shape {labels.shape}, expected "
                f"({len(images)},), one for each image"
            )
        last = len(described.classes) - 1
        if labels.max() > last:
            yield f"{split}_labels reach up to {labels.max()}, expected 0 to {last}"
    if parts["classes"].tolist() != list(described.classes):
        yield (
            f"classes are {parts['classes'].tolist()}, expected "
            f"{list(described.classes)}"
        )


def _read_prepared(path):
    import numpy as np

    wanted = (*KEYS, "classes", "provenance")
    with np.load(path) as stored:
        for key in wanted:
            if key not in stored.files:
                there = ", ".join(stored.files) or "nothing"
                raise KeyError(f"there is no array {key!r}, it holds {there}")
            _refuse_other_size(stored.zip, f"{key}.npy")
        return {key: stored[key] for key in wanted}


def _refuse_other_size(archive, name):
    """Refuse an array that is said to be larger than can be, before room is made for it."""
    import numpy as np

    info, packed = archive.getinfo(name), os.path.getsize(archive.filename)
    with archive.open(name) as file:
        version = np.lib.format.read_magic(file)
        header = getattr(np.lib.format, "read_array_header_{}_{}".format(*version))
        shape, _, dtype = header(file)
        size = file.tell() + math.prod(shape) * dtype.itemsize
    if dtype.hasobject:  # numpy refuses these itself
        return
    if size != info.file_size or size > 1100 * packed:  # deflate reaches 1032
        raise ValueError(f"{name} is said to be of shape {shape}")


def _read_idx(*paths):
    parts = dict(zip(KEYS, map(_idx_array, paths), strict=True))
    # (n, H, W) to (n, H, W, 1)
    return {k: v[..., None] if k.endswith("images") else v for k, v in parts.items()}


def _idx_array(path):
    import numpy as np

    with gzip.open(path) as file:
        raw = file.read()
    # Two zeros, the code 8 of unsigned bytes, the number of axes; then their lengths.
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path.name} begins with {raw[:3]!r}, not as an idx file")
    lengths = np.frombuffer(raw, ">i4", raw[3], offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(lengths)


def _read_cifar10(path):
    import numpy as np

    def batch(archive, name):
        # A pickle may run any code: the archive's checksum was compared before.
        file = archive.extractfile(f"cifar-10-batches-py/{name}")
        stored = pickle.load(file, encoding="latin1")
        images = stored["data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        return images, np.array(stored["labels"], dtype=np.uint8)

    with tarfile.open(path) as archive:
        train = [batch(archive, f"data_batch_{number}") for number in range(1, 6)]
        test = batch(archive, "test_batch")
    images, labels = (np.concatenate(arrays) for arrays in zip(*train, strict=True))
    return dict(zip(KEYS, (images, labels, *test), strict=True))


def _read_svhn(*paths):
    import numpy as np
    from scipy.io import loadmat

    parts = []
    for path in paths:
        stored = loadmat(path, variable_names=["X", "y"])
        labels = stored["y"].ravel().astype(np.uint8)
        labels[labels == 10] = 0
        parts += [stored["X"].transpose(3, 0, 1, 2), labels]
    return dict(zip(KEYS, parts, strict=True))


def _read_celeba(images, attributes, partitions):
    import numpy as np
    from PIL import Image

    from ..progress import Progress

    hair = _hair_colours(attributes)
    with open(partitions, encoding="utf-8") as lines:
        split = dict(line.split() for line in lines)
    parts = {}
    with zipfile.ZipFile(images) as archive:
        for key, wanted in {"train": "01", "test": "2"}.items():
            names = [name for name in hair if split[name] in wanted]
            pixels = np.empty((len(names), 32, 32, 3), np.uint8)
            told = Progress(names, f"CelebA, {key}", disable=len(names) < 1000)
            for row, name in enumerate(told):
                packed = io.BytesIO(archive.read(f"img_align_celeba/{name}"))
                face = Image.open(packed).convert("RGB").crop((0, 20, 178, 198))
                pixels[row] = face.resize((32, 32), Image.Resampling.BILINEAR)
            parts[f"{key}_images"] = pixels
            parts[f"{key}_labels"] = np.array([hair[n] for n in names], np.uint8)
    return parts


def _hair_colours(path):
    """From the image's name to its class, for images with exactly one of `HAIR`."""
    with open(path, encoding="utf-8") as lines:
        next(lines)  # the number of images
        columns = next(lines).split()
        wanted = [columns.index(colour) + 1 for colour in HAIR]  # after the name
        found = {}
        for line in lines:
            values = line.split()
            colours = [code for code, at in enumerate(wanted) if values[at] == "1"]
            if len(colours) == 1:
                found[values[0]] = colours[0]
    return found


class _Set(NamedTuple):
    reader: Callable  # from the official files' paths to `KEYS`
    shape: tuple[int, int, int]  # (H, W, C)
    classes: tuple[str, ...]
    provenance: str  # of the official files


SETS = {
    "mnist": _Set(_read_idx, (28, 28, 1), DIGITS, "MNIST, the official files"),
    "fashion_mnist": _Set(
        _read_idx,
        (28, 28, 1),
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        "Fashion-MNIST, the official files",
    ),
    "cifar10": _Set(
        _read_cifar10,
        (32, 32, 3),
        CIFAR10,
        "CIFAR-10, the official archive",
    ),
    "svhn": _Set(
        _read_svhn, (32, 32, 3), DIGITS, "SVHN, the official cropped digits (format 2)"
    ),
    "celeba": _Set(
        _read_celeba,
        (32, 32, 3),
        HAIR,
        "CelebA, the official aligned images with exactly one of five hair colours, "
        "middle 178x178 pixels made 32x32",
    ),
}
