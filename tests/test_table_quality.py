"""Quality of generated tables: marginals, pairs, detection, categories."""

import tracemalloc
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from helpers import quality
from helpers.quality import _tables

from .test_quality import cloud


def test_marginal_distances_have_known_answers():
    real = pd.DataFrame(
        {
            "age": [0.0, 2, 4, 6],
            "sex": [*"fmfm"],
            "ill": [0, 0, 0, 1],
            "code": [1, 2, 3, 4],
        }
    )
    fake = pd.DataFrame(
        {
            "ill": [1, 1, 1, 0],
            "age": [1.0, 3, 5, 7],
            "sex": [*"fffx"],
            "code": [2, 1, 4, 4],
        }
    )
    found = quality.marginal_distances(real, fake, discrete=["code", "ill"])
    # A shift by 1 of a column with variance 5; 1/4 more f, 1/2 less m, 1/4 x; and so on.
    expected = {"age": 1 / np.sqrt(5), "sex": 0.5, "ill": 0.5, "code": 0.25}
    assert found.to_dict() == pytest.approx(expected)
    # Without a word on them, codes are numbers and two values are categories.
    found = quality.marginal_distances(real, fake)
    assert found["code"] == pytest.approx(np.mean([0, 0, 1, 0]) / np.sqrt(1.25))
    assert found["ill"] == 0.5


def test_pairwise_distances_have_known_answers():
    """Pairs that go together in the one table and apart, or their own ways, in the other."""
    x = np.arange(100.0)
    bits = (np.arange(100) // 50).astype(float)
    real = pd.DataFrame({"x": x, "y": x, "a": bits, "b": bits})
    fake = pd.DataFrame({"x": x, "y": -x, "a": bits, "b": np.arange(100) % 2})
    found = quality.pairwise_distances(real, fake)
    assert found.loc["x", "y"] == pytest.approx(1)
    assert found.loc["a", "b"] == pytest.approx(0.5)
    assert found.loc["x", "a"] == pytest.approx(0)
    # All of -x lies in the lowest real tenth, and so does a tenth of the real rows.
    assert found.loc["a", "y"] == pytest.approx(0.9)
    assert np.allclose(found, found.T)
    assert not np.diag(found).any()
    assert not quality.pairwise_distances(real, real).any(axis=None)
    constant = quality.pairwise_distances(real, fake.assign(x=0.0))
    assert constant.loc["x", "y"] == pytest.approx(0.5)
    # The means of a hundred are not exact: rounding errors would go together.
    both = fake.assign(x=0.01, y=0.02)
    assert quality.pairwise_distances(real, both).loc["x", "y"] == pytest.approx(0.5)


def test_pairwise_distances_of_binary_columns_are_those_of_pair_frequencies():
    real, fake = (cloud(40, 4, seed=s) > 0.3 for s in (0, 1))
    found = quality.pairwise_distances(real, fake).to_numpy()
    for i in range(4):
        for j in range(i):
            both = [
                np.bincount(X[:, i] * 2 + X[:, j], minlength=4) / 40
                for X in (real, fake)
            ]
            assert found[i, j] == pytest.approx(np.abs(both[0] - both[1]).sum() / 2)


def test_detection_is_chance_for_equals_and_certain_for_others():
    real, fake = cloud(100, 2), cloud(100, 2, seed=1)
    assert quality.detection_score(real, fake) == pytest.approx(0.5, abs=0.1)
    assert quality.detection_score(real, fake + 8, None, GaussianNB()) == 1
    fake[:, 1] = fake[:, 0]  # seen in the pair only
    assert quality.detection_score(real, fake) > 0.7


def test_detection_keeps_equal_rows_in_one_fold():
    """Repeats would be known by heart, copies taken for real: neither says anything."""
    real, fake = cloud(60, 4), cloud(12, 4, seed=1)
    repeated = np.repeat(fake, 5, axis=0)
    by_heart = KNeighborsClassifier(1)
    found = quality.detection_score(real, repeated, None, by_heart)
    assert found == pytest.approx(0.5, abs=0.2)
    found = quality.detection_score(real, real[::-1], None, by_heart)
    assert found == pytest.approx(0.5, abs=0.1)
    assert np.isnan(quality.detection_score(real, repeated[:5]))
    assert np.isnan(quality.detection_score(real[:1], real[:1]))


def test_table_quality_of_a_memoriser_a_collapse_and_a_good_sampler():
    def table(n, seed):
        rng = np.random.default_rng(seed)
        age = rng.normal(50, 10, n)
        grade = np.where(rng.normal(50, 10, n) < age, "low", "high")
        return pd.DataFrame(
            {"age": age, "grade": grade, "bit": rng.integers(2, size=n)}
        )

    train, real, good = (table(150, seed) for seed in range(3))
    ceiling = quality.table_quality(real, good, train)
    assert ceiling[["copies", "repeats"]].tolist() == [0, 0]
    assert ceiling["marginal"] < 0.15
    assert ceiling["pairwise"] < 0.2
    assert ceiling["detection"] == pytest.approx(0.5, abs=0.15)
    assert ceiling["nearest"] == pytest.approx(ceiling["nearest_real"], rel=0.5)
    memory = quality.table_quality(real, train, train)
    assert memory[["copies", "nearest"]].tolist() == [1, 0]
    assert memory["nearest_real"] == ceiling["nearest_real"]
    collapsed = quality.table_quality(real, good.iloc[[0] * 150], train)
    assert collapsed["repeats"] == pytest.approx(149 / 150)
    assert (
        collapsed[["marginal", "pairwise"]] > 2 * ceiling[["marginal", "pairwise"]]
    ).all()


def test_a_changed_category_is_at_distance_1():
    real = pd.DataFrame({"x": [0.0, 2, 4], "kind": [*"abc"]})
    fake = pd.DataFrame({"x": [0.0, 0, 0], "kind": [*"bcq"]})
    row = quality.table_quality(real, fake, train=real[:1])
    assert row["nearest"] == pytest.approx(1)
    apart = np.hypot(2 / real["x"].std(ddof=0), 1)
    assert row["nearest_real"] == pytest.approx(apart)


@pytest.mark.parametrize("n_known", [2, 100])
def test_categories_that_no_held_out_row_has_differ_from_one_another(n_known):
    rng = np.random.default_rng(0)
    known = [f"r{i}" for i in range(n_known)]
    real = pd.DataFrame({"x": rng.normal(size=200), "city": (known * 100)[:200]})
    train = pd.DataFrame({"x": rng.normal(size=60), "city": ["new"] * 60})
    found = quality.table_quality(real, train.assign(city="other"), train)
    assert found["copies"] == 0
    assert found["nearest"] == pytest.approx(1)


def test_a_constant_that_rounding_blurs_is_a_constant():
    real = pd.DataFrame({"k": [0.3] * 10, "c": list("ab") * 5, "x": np.arange(10.0)})
    fake = real.assign(k=np.linspace(0.3, 0.31, 10))
    assert real["k"].std(ddof=0) > 0
    found = quality.marginal_distances(real, fake, discrete=["c"])
    assert found["k"] == pytest.approx(0.005)
    nearest = quality.table_quality(real, fake, real, discrete=["c"])["nearest"]
    assert nearest == pytest.approx(0.005, rel=0.2)


def test_numbers_among_objects_are_numbers():
    real, fake, train = (cloud(50, 3, seed=s) for s in range(3))
    real[:, 2] = np.rint(real[:, 2])
    expected = quality.table_quality(real, fake, train)
    kinds = real.astype(object)
    kinds[:, 1] = [Decimal(value) for value in real[:, 1]]
    kinds[:, 2] = [int(v) if v > 1 else v for v in real[:, 2]]
    found = quality.table_quality(kinds, fake.astype(object), train)
    assert found.to_dict() == expected.to_dict()
    pixels = quality.image_quality(real, fake)
    assert quality.image_quality(real.astype(object), fake).equals(pixels)


def test_digits_of_text_are_categories():
    digits = np.array([f"{n:03}" for n in range(30)], dtype=object)
    real = pd.DataFrame({"code": digits, "yes": [True, False, True] * 10}, dtype=object)
    found = quality.marginal_distances(real, real.assign(code=digits[[0] * 30]))
    assert found.to_dict() == pytest.approx({"code": 29 / 30, "yes": 0})


def many_categories(n, seed):
    rng = np.random.default_rng(seed)
    name = rng.permutation([f"name {k}" for k in range(n)])
    street = rng.integers(0, n // 4, n).astype(str)
    bit = rng.integers(2, size=n)
    return pd.DataFrame(
        {"x": rng.normal(size=n), "name": name, "bit": bit, "street": street}
    )


@pytest.mark.parametrize("columns", [["x", "name", "bit", "street"], ["street"]])
def test_many_categories_are_measured_like_few(columns, monkeypatch):
    """By sparse columns, and by comparison, in place of one column for each."""
    tables = [many_categories(120, seed)[columns] for seed in range(3)]
    dense = quality.table_quality(*tables)
    matrix = quality.pairwise_distances(*tables[:2])
    monkeypatch.setattr(_tables, "SPREAD", 0)
    monkeypatch.setattr(_tables, "WIDE", 10)
    found = quality.table_quality(*tables)
    assert found["detection"] == dense["detection"]
    assert found.to_dict() == pytest.approx(dense.to_dict(), rel=1e-12, nan_ok=True)
    assert np.allclose(matrix, quality.pairwise_distances(*tables[:2]), rtol=1e-12)


def test_no_square_of_many_categories_is_made(monkeypatch):
    real, fake, train = (many_categories(3000, seed) for seed in range(3))

    def looked_at(self, rows, made):
        assert rows.shape[1] > 3000
        assert sparse.issparse(rows)
        raise InterruptedError

    monkeypatch.setattr(_tables.RandomForestClassifier, "fit", looked_at)
    with pytest.raises(InterruptedError):
        quality.detection_score(real, fake[:300])
    monkeypatch.setattr(_tables, "detection_score", lambda *_, **__: 0.5)
    tracemalloc.start()
    quality.table_quality(real, fake, train)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000**2 * 8 / 2  # half a square: 36 MB


def test_a_generator_that_does_not_round_is_not_binary():
    real = (cloud(80, 3) > 0).astype(float)
    row = quality.table_quality(real, np.clip(real + 0.01, 0.01, 0.99))
    assert row["marginal"] == pytest.approx(1)
    assert row["detection"] == 1
