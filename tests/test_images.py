"""Image sets: known counts, made files in every official form, every way to be broken.

Nothing here reaches a network: what a test would download, it makes.
"""

import gzip
import hashlib
import io
import mmap
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from helpers import data
from helpers.data import _files, _images, _sources

REAL_ROOT = os.environ.get(data.ROOT_VARIABLE, "")
LOADERS = {name: getattr(data, f"load_{name}") for name in _sources.SETS}

rng = np.random.default_rng(0)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty data root, a user's cache of its own, and a network that is down."""
    monkeypatch.setenv(data.ROOT_VARIABLE, str(tmp_path / "root"))
    for module in (_files, _images):
        monkeypatch.setattr(module, "user_folder", lambda: tmp_path / "user")

    def refuse(url, part, patience):
        raise OSError("the network is down")

    monkeypatch.setattr(_files, "fetch", refuse)
    return tmp_path / "root"


def files_under(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def kept(folder):
    return files_under(folder / "cache")


# ---------------------------------------------------------------- made files


def idx(array):
    lengths = np.array(array.shape, ">i4").tobytes()
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes())


def idx_files():
    """Seven training and five test images; labels begin with 3, 1, 4."""
    images = rng.integers(0, 256, (12, 28, 28), dtype=np.uint8)
    labels = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 0], np.uint8)
    pieces = [images[:7], labels[:7], images[7:], labels[7:]]
    return [idx(piece) for piece in pieces], images[:, None], labels


def cifar10_files():
    """Ten images in five batches and four of the test, as Python 2 would pickle them."""
    images = rng.integers(0, 256, (14, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(14) % 10
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for number in (2, 1, 3, 4, 5, 6):  # not in order: names count
            rows = slice(2 * number - 2, 2 * number if number < 6 else 14)
            stored = {"data": images[rows].reshape(-1, 3072), "labels": [*labels[rows]]}
            body = pickle.dumps(stored, protocol=2)
            name = f"data_batch_{number}" if number < 6 else "test_batch"
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return [packed.getvalue()], images, labels


def svhn_files():
    """Six and four images; the digit 0 is written 10."""
    images = rng.integers(0, 256, (10, 3, 32, 32), dtype=np.uint8)
    labels = np.arange(10, dtype=np.uint8)
    packed = []
    for rows in (slice(6), slice(6, 10)):
        file = io.BytesIO()
        y = np.where(labels[rows] == 0, 10, labels[rows])[:, None]
        savemat(file, {"X": images[rows].transpose(2, 3, 1, 0), "y": y})
        packed.append(file.getvalue())
    return packed, images, labels


FACES = [  # hair as in `_sources.HAIR`, eyeglasses, partition
    ("10000", 1, 0),
    ("00100", 0, 2),
    ("01000", 0, 1),
    ("11000", 0, 0),
    ("00000", 1, 0),
    ("00001", 1, 2),
    ("00010", 0, 0),
    ("01000", 0, 0),
]


def celeba_files():
    """Eight faces, two without exactly one hair colour; pixels outside the crop blue."""
    order = [
        "Bald",
        "Black_Hair",
        "Blond_Hair",
        "Brown_Hair",
        "Eyeglasses",
        "Gray_Hair",
    ]
    attributes = [str(len(FACES)), " ".join(order)]
    partitions, expected = [], []
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, (hair, glasses, partition) in enumerate(FACES, 1):
            name = f"{number:06d}.jpg"
            has = dict(
                zip(_sources.HAIR, map(int, hair), strict=True), Eyeglasses=glasses
            )
            signs = [" 1" if has[a] else "-1" for a in order]
            attributes.append(f"{name} {' '.join(signs)}")
            partitions.append(f"{name} {partition}")
            face = np.zeros((218, 178, 3), np.uint8)
            face[:, :, 2] = 255
            face[20:198] = 0
            face[20:109, ::2, 0] = 20 * number  # as stripes, which must become even
            face[109:198, :, 1] = 20 * number
            file = io.BytesIO()
            Image.fromarray(face).save(file, "png")  # exact, whatever the name says
            archive.writestr(f"img_align_celeba/{name}", file.getvalue())
            if sum(map(int, hair)) == 1:
                expected.append((partition == 2, number, hair.index("1")))
    expected.sort()
    text = ["\n".join(lines) + "\n" for lines in (attributes, partitions)]
    files = [packed.getvalue(), *(t.encode() for t in text)]
    return files, [number for _, number, _ in expected], [c for *_, c in expected]


MAKERS = {
    "mnist": idx_files,
    "fashion_mnist": idx_files,
    "cifar10": cifar10_files,
    "svhn": svhn_files,
    "celeba": celeba_files,
}
N_TRAIN = {"mnist": 7, "fashion_mnist": 7, "cifar10": 10, "svhn": 6, "celeba": 4}


def publish(monkeypatch, name, bodies):
    """Let the bodies' checksums be the published ones; return the paths of the files."""
    files = [
        file._replace(checksum=f"md5:{hashlib.md5(body).hexdigest()}")
        for file, body in zip(_files.FILES[name], bodies, strict=True)
    ]
    monkeypatch.setitem(_files.FILES, name, tuple(files))
    return [_files.path_of(file) for file in files]


def place(monkeypatch, name, bodies=None):
    """Make a set's official files in the data root; return their paths."""
    bodies = bodies or MAKERS[name]()[0]
    paths = publish(monkeypatch, name, bodies)
    for path, body in zip(paths, bodies, strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    return paths


def prepared(name="cifar10", **changes):
    """Make a prepared file with two rows per class for training and one for testing."""
    classes = _sources.SETS[name].classes
    labels = np.arange(len(classes), dtype=np.uint8)
    content = {
        "train_images": rng.integers(0, 256, (2 * len(labels), 32, 32, 3), np.uint8),
        "train_labels": np.tile(labels, 2),
        "test_images": rng.integers(0, 256, (len(labels), 32, 32, 3), np.uint8),
        "test_labels": labels,
        "classes": np.array(classes),
        "provenance": np.array("made for a test"),
    } | changes
    path = data.data_root() / "prepared" / f"{name}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **{k: v for k, v in content.items() if v is not None})
    return path, content


# ---------------------------------------------------------------- what loaders return


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "svhn"])
def test_official_files_arrive_pixel_by_pixel(root, monkeypatch, name):
    bodies, images, labels = MAKERS[name]()
    place(monkeypatch, name, bodies)
    bunch = LOADERS[name]()
    np.testing.assert_array_equal(bunch.data, images)
    assert bunch.data.dtype == np.uint8
    assert bunch.target.tolist() == labels.tolist()
    assert bunch.target.dtype == np.int64
    n_train = N_TRAIN[name]
    expected = ["train"] * n_train + ["test"] * (len(labels) - n_train)
    assert bunch.partition.tolist() == expected
    assert bunch.target_names.tolist() == list(_sources.SETS[name].classes)
    assert "official" in bunch.provenance
    X, y = LOADERS[name](return_X_y=True)
    np.testing.assert_array_equal(X, images)
    np.testing.assert_array_equal(y, labels)


def test_celeba_keeps_faces_with_one_hair_colour_and_the_middle_of_them(
    root, monkeypatch
):
    bodies, numbers, colours = celeba_files()
    place(monkeypatch, "celeba", bodies)
    celeba = data.load_celeba()
    assert celeba.target.tolist() == colours
    # Training and validation are one, the official test is the other.
    assert celeba.partition.tolist() == ["train"] * 4 + ["test"] * 2
    assert celeba.data.shape == (6, 3, 32, 32)
    red, green, blue = celeba.data.transpose(1, 0, 2, 3)
    assert not blue.any()
    for row, number in enumerate(numbers):
        np.testing.assert_allclose(red[row, :15], 10 * number, atol=1 + number)
        assert (green[row, 17:] == 20 * number).all()
        assert not red[row, 17:].any()


def test_a_prepared_file_goes_before_the_official_one(root, monkeypatch):
    (official,) = place(monkeypatch, "cifar10")
    before = data.load_cifar10()
    assert "official" in before.provenance
    path, content = prepared("cifar10")
    bunch = data.load_cifar10()
    assert bunch.provenance == "made for a test"
    images = np.concatenate([content["train_images"], content["test_images"]])
    np.testing.assert_array_equal(bunch.data, images.transpose(0, 3, 1, 2))
    labels = [*content["train_labels"], *content["test_labels"]]
    assert bunch.target.tolist() == labels
    assert (bunch.partition == "train").sum() == 20
    path.unlink()
    assert data.load_cifar10().provenance == before.provenance
    official.unlink()
    with pytest.raises(data.DataNotAvailable):
        data.load_cifar10()


def test_digits_are_scikit_learns_enlarged_and_the_same_everywhere():
    from sklearn.datasets import load_digits

    digits = data.load_digits_images()
    assert digits.data.shape == (1797, 1, 28, 28)
    np.testing.assert_array_equal(digits.target, load_digits().target)
    shrunk = [Image.fromarray(large[0]).resize((8, 8)) for large in digits.data]
    difference = np.stack(shrunk) / 255 - load_digits().images / 16
    assert abs(difference).mean() < 0.1
    assert digits.data.min() == 0
    found = hashlib.sha256(digits.data.tobytes()).hexdigest()
    assert found.startswith("415912b3b682b269")
    assert "partition" not in digits


def test_addresses_and_checksums_are_torchvisions():
    from torchvision import datasets

    for name, theirs in {"mnist": "MNIST", "fashion_mnist": "FashionMNIST"}.items():
        source = getattr(datasets, theirs)
        for file, (their_name, md5) in zip(
            _files.FILES[name], source.resources, strict=True
        ):
            assert file.path == f"{theirs}/raw/{their_name}"
            secure = [m for m in source.mirrors if "yann.lecun" not in m]
            assert file.urls == tuple(m + their_name for m in secure)
            assert file.checksum == f"md5:{md5}"
    cifar = datasets.CIFAR10
    expected = (cifar.filename, (cifar.url,), f"md5:{cifar.tgz_md5}")
    assert _files.FILES["cifar10"] == (expected,)
    expected = [
        (name, (url,), f"md5:{md5}")
        for url, name, md5 in map(datasets.SVHN.split_list.get, ("train", "test"))
    ]
    assert list(_files.FILES["svhn"]) == expected
    md5s = {name: md5 for _, md5, name in datasets.CelebA.file_list}
    for file in _files.FILES["celeba"]:
        folder, name = file.path.split("/")
        assert folder == datasets.CelebA.base_folder
        assert file.checksum == f"md5:{md5s[name]}"


# ---------------------------------------------------------------- what may go wrong

ZEROS = np.zeros((20, 32, 32, 3), np.uint8)
LABELS = np.tile(np.arange(10, dtype=np.uint8), 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"test_labels": None}, "no array 'test_labels', it holds train_images, train"),
        ({"classes": None}, "no array 'classes'"),
        ({"train_images": ZEROS[:, :28]}, r"shape \(20, 28, 32, 3\), expected \(n, 32"),
        ({"train_images": ZEROS.transpose(0, 3, 1, 2)}, r"shape \(20, 3, 32, 32\)"),
        ({"train_images": ZEROS[:0], "train_labels": LABELS[:0]}, r"shape \(0, 32"),
        ({"train_labels": LABELS[:19]}, r"train_labels is of shape \(19,\), .*\(20,\)"),
        ({"train_labels": LABELS[:, None]}, r"train_labels is of shape \(20, 1\)"),
        ({"train_images": ZEROS / 255}, "train_images is of dtype float64.* uint8"),
        ({"test_labels": np.arange(10)}, "test_labels is of dtype int64.* uint8"),
        ({"train_labels": LABELS + np.uint8(1)}, "up to 10, expected 0 to 9"),
        ({"classes": np.array(["cat", "dog"])}, r"\['cat', 'dog'\], expected .*truck"),
        (
            {"classes": np.array(_sources.SETS["cifar10"].classes[::-1])},
            r"\['truck', 's",
        ),
        ({"provenance": np.array({}, dtype=object)}, "cannot be read .*allow_pickle"),
    ],
)
def test_a_prepared_file_of_another_form(root, changes, message):
    path, _ = prepared(**changes)
    with pytest.raises(data.DataCorrupt, match=message) as error:
        data.load_cifar10(stand_in=True)
    assert str(path) in str(error.value)
    assert "Prepare it anew" in str(error.value)
    assert files_under(root) == [path]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"an error page",
        b"PK\3\4 and no more",
        lambda body: body[:-100],
        lambda body: body[: len(body) // 2],
        lambda body: body[:5000] + bytes([body[5000] ^ 1]) + body[5001:],
        lambda body: _npy(),
    ],
    ids=["empty", "text", "stub", "tail", "half", "bit", "npy"],
)
def test_a_damaged_prepared_file(root, body):
    path, _ = prepared()
    path.write_bytes(body(path.read_bytes()) if callable(body) else body)
    with pytest.raises(data.DataCorrupt, match="cannot be read") as error:
        data.load_cifar10()
    assert str(path) in str(error.value)
    assert kept(root) == []


def test_a_header_of_petabytes_makes_no_room(root):
    """The zip's own sums are right: only the sizes tell."""
    path, content = prepared()
    header = io.BytesIO()
    shape = (10**11, 32, 32, 3)
    described = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(header, described)
    with zipfile.ZipFile(path, "w") as archive:
        for key, value in content.items():
            file = io.BytesIO()
            np.save(file, value)
            forged = header.getvalue() + bytes(100)
            body = forged if key == "train_images" else file.getvalue()
            archive.writestr(f"{key}.npy", body)
    with pytest.raises(
        data.DataCorrupt, match=r"said to be of shape \(100000000000, 32"
    ):
        data.load_cifar10()


def _npy():
    file = io.BytesIO()
    np.save(file, ZEROS)
    return file.getvalue()


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("number", [0, -1])
def test_a_damaged_official_file_is_named_and_left_alone(
    root, monkeypatch, name, number
):
    path = place(monkeypatch, name)[number]
    damaged = path.read_bytes()[:-7]
    path.write_bytes(damaged)
    with pytest.raises(data.DataCorrupt, match="checksum is not md5:") as error:
        LOADERS[name](stand_in=True)
    assert str(path) in str(error.value)
    assert "Move it away" in str(error.value)
    assert path.read_bytes() == damaged
    assert kept(root) == []


def test_labels_beyond_the_classes_in_official_files(root, monkeypatch):
    bodies, *_ = idx_files()
    bodies[1] = idx(np.full(7, 10, np.uint8))
    place(monkeypatch, "mnist", bodies)
    with pytest.raises(data.DataCorrupt, match="train_labels reach up to 10"):
        data.load_mnist()


def test_an_official_file_that_is_no_idx(root, monkeypatch):
    bodies, *_ = idx_files()
    bodies[2] = gzip.compress(b"\0\0\x0d\3 floats")
    place(monkeypatch, "mnist", bodies)
    with pytest.raises(data.DataCorrupt, match="not as an idx file"):
        data.load_mnist()


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "svhn"])
def test_a_dead_network_names_every_address(root, name):
    with pytest.raises(data.DataNotAvailable, match="network is down") as error:
        LOADERS[name]()
    first = _files.FILES[name][0]
    assert str(root / first.path) in str(error.value)
    for url in first.urls:
        assert url in str(error.value)
    assert files_under(root) == []


def test_what_is_missing_is_downloaded_once_from_the_first_mirror_that_has_it(
    root, monkeypatch
):
    bodies, images, _ = idx_files()
    paths = publish(monkeypatch, "mnist", bodies)
    mirrored = [
        file._replace(urls=(*file.urls, f"https://mirror/{file.path}"))
        for file in _files.FILES["mnist"]
    ]
    monkeypatch.setitem(_files.FILES, "mnist", tuple(mirrored))
    served = {path.name: body for path, body in zip(paths, bodies, strict=True)}
    asked, parts = [], []

    def fetch(url, part, patience):
        asked.append(url)
        parts.append(part.name)
        if "ossci" in url and "t10k" in url:
            raise OSError("gone")
        part.write_bytes(served[url.split("/")[-1]])

    monkeypatch.setattr(_files, "fetch", fetch)
    for _ in range(2):
        np.testing.assert_array_equal(data.load_mnist().data, images)
    assert len(asked) == 6
    # A mirror that was given up on may still write: never into the next one's file.
    assert len(set(parts)) == 6
    assert [url.split("/")[2] for url in asked[2:4]] == [
        "ossci-datasets.s3.amazonaws.com",
        "mirror",
    ]


def test_celeba_that_was_not_placed_says_what_to_place_where(root, monkeypatch):
    with pytest.raises(data.DataNotAvailable, match="accepting its terms") as error:
        data.load_celeba()
    for path in ("img_align_celeba.zip", "list_attr_celeba.txt", "list_eval_partition"):
        assert f"celeba/{path}" in str(error.value)
    for told in (str(root), data.ROOT_VARIABLE, "prepared/celeba.npz"):
        assert told in str(error.value)
    place(monkeypatch, "celeba")[1].unlink()
    with pytest.raises(data.DataNotAvailable) as error:
        data.load_celeba()
    assert "celeba/list_attr_celeba.txt there" in str(error.value)
    assert "img_align" not in str(error.value)


def test_the_stand_in_says_so_and_is_only_taken_on_request(root):
    with pytest.warns(UserWarning, match="digits stand in") as caught:
        bunch = data.load_svhn(stand_in=True)
    assert caught[0].filename == __file__
    assert bunch.provenance.startswith("STAND-IN for svhn: UCI Optical")
    np.testing.assert_array_equal(bunch.data, data.load_digits_images().data)
    prepared("svhn")
    assert data.load_svhn(stand_in=True).provenance == "made for a test"


# ---------------------------------------------------------------- kept files


@pytest.fixture
def no_conversion(monkeypatch):
    """Call it when no source may be read any more."""

    def forbid():
        def refuse(*args):
            raise AssertionError("a source was read or a file was written")

        for name in ("convert", "locate", "write_atomically"):
            monkeypatch.setattr(_images, name, refuse)

    return forbid


@pytest.mark.parametrize("name", MAKERS)
def test_the_second_load_reads_no_source(root, monkeypatch, no_conversion, name):
    place(monkeypatch, name)
    first = LOADERS[name]()
    no_conversion()
    second = LOADERS[name]()
    assert first.keys() == second.keys()
    for key in first:
        np.testing.assert_array_equal(first[key], second[key])
    assert len(kept(root)) == 1


def test_data_are_mapped_and_what_is_written_to_them_stays_here(root):
    prepared()
    bunch = data.load_cifar10()
    assert type(bunch.data) is np.ndarray
    assert isinstance(bunch.data.base.base.obj, mmap.mmap)
    before = bunch.data.copy()
    bunch.data[:] = 7
    np.testing.assert_array_equal(data.load_cifar10().data, before)


def test_mapped_data_reach_other_processes(root):
    from joblib import Parallel, delayed

    prepared()
    X = data.load_cifar10().data
    rows = np.array([3, 17])
    written = 255 - X
    for wanted in (X.copy(), written):
        X[:] = wanted
        (there,) = Parallel(n_jobs=2, max_nbytes=0)([delayed(np.take)(X, rows, 0)])
        np.testing.assert_array_equal(there, wanted[rows])


@pytest.mark.parametrize("touch", [0, 5])
def test_a_changed_source_is_noticed(root, touch):
    path, content = prepared()
    before = data.load_cifar10()
    old = kept(root)
    state = path.stat()
    content["test_images"][:] = 1
    _, _ = prepared(**content)
    assert path.stat().st_size == state.st_size
    os.utime(path, ns=(0, state.st_mtime_ns + (touch or 1)))
    after = data.load_cifar10()
    assert (after.data[20:] == 1).all()
    np.testing.assert_array_equal(after.data[:20], before.data[:20])
    # The old one made room, and what was mapped from it is still whole.
    assert len(kept(root)) == 1
    assert kept(root) != old
    assert before.data[20:].std() > 10


def test_a_change_of_one_of_several_sources_is_noticed(root, monkeypatch):
    bodies, *_ = idx_files()
    place(monkeypatch, "mnist", bodies)
    data.load_mnist()
    bodies[3] = idx(np.array([1, 1, 1, 1, 1], np.uint8))
    place(monkeypatch, "mnist", bodies)
    assert data.load_mnist().target[7:].tolist() == [1] * 5


def test_a_source_that_was_damaged_later_is_not_covered_up(root, monkeypatch):
    *_, path = place(monkeypatch, "svhn")
    data.load_svhn()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(data.DataCorrupt, match="checksum"):
        data.load_svhn()


@pytest.mark.parametrize("size", [0, 10, 200, -1])
def test_a_kept_file_that_was_cut_is_made_anew(root, size):
    prepared()
    before = data.load_cifar10().data.copy()
    (path,) = kept(root)
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    with pytest.warns(UserWarning, match="is damaged"):
        np.testing.assert_array_equal(data.load_cifar10().data, before)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("where", [100, -1], ids=["labels", "pixels"])
def test_a_kept_file_that_was_changed_is_made_anew(root, where):
    """Noticed by its time at the next load, and whatever its time is when verifying."""
    prepared()
    before = data.load_cifar10()
    (path,) = kept(root)
    whole, state = path.read_bytes(), path.stat()

    def change():
        with open(path, "rb+") as file:
            file.seek(where, os.SEEK_END if where < 0 else os.SEEK_SET)
            file.write(bytes([whole[where] ^ 1]))

    change()
    with pytest.warns(UserWarning, match="is damaged .its digest is another"):
        after = data.load_cifar10()
    assert path.read_bytes() == whole
    change()
    os.utime(path, ns=(state.st_mtime_ns,) * 2)  # as a failing disk would
    with pytest.warns(UserWarning, match="is damaged"):
        row = data.inventory("cifar10", verify=True).loc[0]
    assert (row.error, path.read_bytes()) == ("", whole)
    for key in ("data", "target"):
        np.testing.assert_array_equal(after[key], before[key])


def test_a_kept_file_that_was_copied_is_compared_once(root, no_conversion, monkeypatch):
    prepared()
    first = data.load_cifar10()
    (path,) = kept(root)
    os.utime(path, ns=(0, 0))
    no_conversion()
    np.testing.assert_array_equal(data.load_cifar10().data, first.data)
    monkeypatch.setattr(_images, "_compare", None)
    np.testing.assert_array_equal(data.load_cifar10().data, first.data)


def test_a_root_that_cannot_be_written_leaves_the_kept_file_to_the_user(
    root, no_conversion
):
    prepared()
    (root / "cache").write_text("a file where a folder should be")
    first = data.load_cifar10()
    assert len(kept(root.parent / "user")) == 1
    no_conversion()
    np.testing.assert_array_equal(data.load_cifar10().data, first.data)


def test_without_any_place_to_keep_a_file_the_data_arrive_all_the_same(root):
    prepared()
    whole = data.load_cifar10()
    for folder in (root / "cache", root.parent / "user"):
        if folder.exists():
            kept(root)[0].unlink()
            folder.rmdir()
        folder.write_text("a file where a folder should be")
    bunch = data.load_cifar10()
    for key in whole:
        np.testing.assert_array_equal(bunch[key], whole[key])


def test_a_user_without_a_home_loads_what_is_at_hand(root, monkeypatch):
    def homeless():
        raise OSError("no home")

    monkeypatch.setattr(_images, "user_folder", homeless)
    prepared()
    first = data.load_cifar10()
    assert len(kept(root)) == 1
    kept(root)[0].unlink()
    (root / "cache").rmdir()
    (root / "cache").write_text("a file where a folder should be")
    np.testing.assert_array_equal(data.load_cifar10().data, first.data)


def test_a_full_disk_leaves_no_piece(root, monkeypatch):
    prepared()

    def full(path, parts, time):
        path.write_bytes(b"the beginning")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_images, "_write", full)
    assert len(data.load_cifar10().target) == 30
    assert kept(root) == kept(root.parent / "user") == []


def test_a_kept_file_can_be_read_by_others(root):
    prepared()
    before = os.umask(0o022)
    try:
        data.load_cifar10()
    finally:
        os.umask(before)
    assert kept(root)[0].stat().st_mode & 0o044 == 0o044


CHILD = """
import sys
import numpy
from helpers import data
print("ready", flush=True)
sys.stdin.readline()
bunch = data.load_cifar10()
print(int(bunch.data.sum(dtype=int)), len(bunch.target))
"""


def test_processes_that_convert_at_once(root):
    _, content = prepared(
        train_images=rng.integers(0, 256, (4000, 32, 32, 3), np.uint8),
        train_labels=np.tile(np.arange(10, dtype=np.uint8), 400),
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    told = {child.communicate(timeout=60)[0] for child in children}
    total = sum(int(content[f"{s}_images"].sum(dtype=int)) for s in ("train", "test"))
    assert told == {f"{total} 4010\n"}
    assert len(kept(root)) == 1
    assert len(list((root / "cache").iterdir())) == 1


# ---------------------------------------------------------------- overview


def test_inventory_tells_of_images(root, monkeypatch):
    place(monkeypatch, "mnist")
    path, _ = prepared("celeba")
    frame = data.inventory().set_index("name")
    assert frame.found["mnist"] == str(root / "MNIST" / "raw")
    counts = [1, 2, 1, 2, 1, 3, 1, 0, 0, 1]
    assert frame.n_per_class["mnist"] == {str(d): n for d, n in enumerate(counts)}
    assert frame.found["celeba"] == str(path)
    assert frame.n_per_class["celeba"] == dict.fromkeys(_sources.HAIR, 3)
    assert frame.found["svhn"] == "not here"
    assert set(frame.error) == {""}
    sets = ["mnist", "celeba", "svhn"]
    assert data.inventory(sets).checksum.tolist() == ["not checked"] * 3
    checked = data.inventory(sets, verify=True)
    assert checked.checksum.tolist() == ["ok", "none", "not checked"]
    assert set(checked.error) == {""}


def test_inventory_tells_what_is_wrong_with_images(root, monkeypatch):
    place(monkeypatch, "mnist")
    data.load_mnist()
    path = place(monkeypatch, "svhn")[0]
    path.write_bytes(path.read_bytes()[:-1])
    prepared("cifar10", classes=None)
    sets = ["cifar10", "svhn", "celeba", "mnist"]
    frame = data.inventory(sets, download=True).set_index("name")
    assert frame.checksum.tolist() == ["none", "mismatch", "not checked", "ok"]
    assert "no array 'classes'" in frame.error["cifar10"]
    assert str(path) in frame.error["svhn"]
    assert "accepting its terms" in frame.error["celeba"]
    assert frame.error["mnist"] == ""
    assert frame.n_per_class["mnist"]["5"] == 3


def test_inventory_compares_checksums_of_images_that_were_kept(root, monkeypatch):
    path = place(monkeypatch, "mnist")[0]
    state = path.stat()
    data.load_mnist()
    body = bytearray(path.read_bytes())
    body[-30] ^= 1
    path.write_bytes(body)
    os.utime(path, ns=(state.st_mtime_ns, state.st_mtime_ns))  # as a failing disk would
    assert data.inventory("mnist").error.tolist() == [""]
    assert data.inventory("mnist", verify=True).checksum.tolist() == ["mismatch"]


def test_fingerprint_follows_every_file_and_the_prepared_one_first(root, monkeypatch):
    states = [data.fingerprint()["svhn"]]
    paths = place(monkeypatch, "svhn")
    states.append(data.fingerprint()["svhn"])
    paths[1].write_bytes(b"longer" + paths[1].read_bytes())
    states.append(data.fingerprint()["svhn"])
    path, _ = prepared("svhn")
    states.append(data.fingerprint()["svhn"])
    assert len(set(states)) == 4
    assert states[0] == "not here"
    path.unlink()
    assert data.fingerprint()["svhn"] == states[2]
    paths[0].unlink()
    assert data.fingerprint()["svhn"] == "not here"
    before = data.fingerprint()
    prepared("celeba")
    data.load_celeba()  # a kept file is no change of the data
    assert {k for k, v in data.fingerprint().items() if v != before[k]} == {"celeba"}


# ---------------------------------------------------------------- the real sets

MNIST = {
    "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
}
SVHN_PART = {
    "train": [315, 871, 603, 507, 463, 428, 326, 321, 326, 274],
    "test": [136, 366, 297, 233, 194, 169, 149, 151, 134, 123],
}
SVHN = {
    "train": [4948, 13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659],
    "test": [1744, 5099, 4149, 2882, 2523, 2384, 1977, 2019, 1660, 1595],
}
CELEBA = {"train": [9300, 5000, 1800, 1000, 767], "test": [1253, 797, 527, 148, 89]}
REAL = {
    "mnist": [MNIST],
    "fashion_mnist": [{"train": [6000] * 10, "test": [1000] * 10}],
    "cifar10": [{"train": [5000] * 10, "test": [1000] * 10}],
    "svhn": [SVHN_PART, SVHN],
    "celeba": [CELEBA],
}


def is_here(name):
    prepared = Path(REAL_ROOT, "prepared", f"{name}.npz")
    files = [Path(REAL_ROOT, file.path) for file in _files.FILES[name]]
    return bool(REAL_ROOT) and (prepared.is_file() or all(f.is_file() for f in files))


@pytest.mark.parametrize("name", REAL)
def test_the_real_sets(name):
    if not is_here(name):
        pytest.skip(f"no {name} in ${data.ROOT_VARIABLE}")
    bunch = LOADERS[name]()
    assert bunch.data.shape[1:] == ((1, 28, 28) if "mnist" in name else (3, 32, 32))
    train, test = (np.flatnonzero(bunch.partition == p) for p in ("train", "test"))
    y = bunch.target
    counts = {"train": np.bincount(y[train]), "test": np.bincount(y[test])}
    if name == "celeba" and "official" in bunch.provenance:  # the whole set
        assert all((counts[part] >= CELEBA[part]).all() for part in counts)
    else:
        assert {part: n.tolist() for part, n in counts.items()} in REAL[name]
    assert sorted([*train, *test]) == list(range(len(y)))
    if name == "cifar10":  # known means of red, green and blue tell their order
        means = bunch.data[train[::10]].mean(axis=(0, 2, 3)) / 255
        np.testing.assert_allclose(means, [0.4914, 0.4822, 0.4465], atol=0.01)
    # Labels belong to their images: the nearest mean of edges is right more often than
    # by chance in every set, 1.5 times as often at the least.
    X, labels = edges(bunch.data[test[::5]]), y[test[::5]]
    classes = np.unique(y)
    means = [
        edges(bunch.data[train[y[train] == c][:500]]).mean(axis=0) for c in classes
    ]
    nearest = ((X[:, None] - np.stack(means)) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    right = [(nearest[labels == c] == c).mean() for c in classes]
    assert np.mean(right) > 1.5 / len(classes)


def edges(images):
    """Where it changes from light to dark or back, (n, H - 1, W - 1)."""
    grey = images.mean(axis=1)
    across, down = (abs(np.diff(grey, axis=axis)) for axis in (2, 1))
    found = across[:, 1:] + down[:, :, 1:]
    return found / (found.mean(axis=(1, 2), keepdims=True) + 1e-9)
