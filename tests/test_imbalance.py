"""Imbalance made on purpose: which rows are drawn, and DeepSMOTE's published counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import sparse
from sklearn.model_selection import StratifiedKFold

from helpers import data

from .test_images import CELEBA, LOADERS

# ---------------------------------------------------------------- make_imbalanced

labelled = arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 4))


@given(labelled, st.data(), st.integers(0, 2**32 - 1))
def test_make_imbalanced_keeps_what_is_asked_for(y, source, seed):
    held = np.bincount(y, minlength=y.max() + 1)
    counts = [source.draw(st.integers(0, int(n))) for n in held]
    X = np.arange(len(y) * 6).reshape(-1, 1, 2, 3)
    images, labels, rows = data.make_imbalanced(
        X, y, counts, random_state=seed, return_indices=True
    )
    assert np.bincount(labels, minlength=len(counts)).tolist() == counts
    assert (np.diff(rows) > 0).all()  # the original order, and no row twice
    np.testing.assert_array_equal(images, X[rows])
    np.testing.assert_array_equal(labels, y[rows])
    flat, _ = data.make_imbalanced(X.reshape(len(y), -1), y, counts, random_state=seed)
    np.testing.assert_array_equal(flat, images.reshape(len(rows), 6))
    mapping = dict(enumerate(counts))
    if held.all():
        again, _ = data.make_imbalanced(X, y, mapping, random_state=seed)
        np.testing.assert_array_equal(again, images)


@given(labelled, st.data(), st.integers(0, 2**32 - 1))
def test_a_smaller_count_draws_a_part_and_leaves_other_classes_alone(y, source, seed):
    held = np.bincount(y)
    more = [source.draw(st.integers(0, int(n))) for n in held]
    fewer = [source.draw(st.integers(0, n)) for n in more]
    fewer[0] = more[0]
    draws = [
        data.make_imbalanced(y, y, counts, random_state=seed, return_indices=True)[2]
        for counts in (more, fewer)
    ]
    assert set(draws[1]) <= set(draws[0])
    zeros = [set(rows[y[rows] == 0]) for rows in draws]
    assert zeros[0] == zeros[1]


def test_make_imbalanced_draws_evenly_and_by_random_state():
    y = np.repeat([0, 1], 50)
    drawn = [
        data.make_imbalanced(y, y, [10, 50], random_state=s, return_indices=True)[2]
        for s in range(400)
    ]
    often = np.bincount(np.concatenate(drawn), minlength=100)
    assert (often[50:] == 400).all()
    assert often[:50].min() > 40  # 80 expected, standard deviation 8
    assert often[:50].max() < 120
    again = data.make_imbalanced(y, y, [10, 50], random_state=0, return_indices=True)[2]
    np.testing.assert_array_equal(again, drawn[0])


def test_make_imbalanced_takes_names_and_frames_and_leaves_unnamed_classes_whole():
    frame = pd.DataFrame({"a": range(6)}, index=list("uvwxyz"))
    labels = pd.Series(["cat", "dog", "cat", "dog", "cat", "eel"], index=frame.index)
    X, y = data.make_imbalanced(frame, labels, {"cat": 1, "eel": 0}, random_state=0)
    assert y.value_counts().to_dict() == {"dog": 2, "cat": 1}
    assert X.index.tolist() == y.index.tolist()
    assert isinstance(X, pd.DataFrame)


def test_counts_in_a_series_are_by_class_and_not_by_place():
    """`value_counts` is sorted by size."""
    y = np.repeat([0, 1, 2], [50, 100, 70])
    counts = pd.Series(y).value_counts() // 10
    _, labels = data.make_imbalanced(np.arange(220), y, counts, 0)
    assert np.bincount(labels).tolist() == [5, 10, 7]


def test_make_imbalanced_takes_lists():
    images, labels = [[10], [11], [12], [13]], ["a", "b", "a", "b"]
    X, y, rows = data.make_imbalanced(
        images, labels, {"a": 1, "b": 0}, random_state=0, return_indices=True
    )
    assert (X, y) == ([images[rows[0]]], ["a"])


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([5, 2], "class 0 has 4 samples, 5 were asked for. Ask"),
        ({0: 9, 1: 9}, "class 0 has 4 samples, 9 .*; class 1 has 2 samples, 9"),
        ({7: 1}, r"name \[7\], but labels hold only the classes \[0, 1\]"),
        ({7: 0}, r"name \[7\]"),
        ([1, 1, 1], r"name \[2\]"),
        ([4], r"the 1 counts are for classes 0 to 0, .* hold \[1\]"),
        ([1, -1], "count of class 1 is -1; it must be a whole number"),
        ([1, 0.5], "count of class 1 is 0.5"),
        ([1, True], "count of class 1 is True"),
    ],
)
def test_make_imbalanced_refuses(counts, message):
    y = np.array([0, 0, 1, 0, 1, 0])
    with pytest.raises(ValueError, match=message):
        data.make_imbalanced(y, y, counts)


def test_make_imbalanced_refuses_labels_of_another_length():
    with pytest.raises(ValueError, match="6 images, 5 labels"):
        data.make_imbalanced(np.zeros((6, 2)), np.zeros(5), [1])


NUMBERS = np.repeat([0, 1], [8, 4])
#: Kinds of labels, and what the class 1 is called there.
LABELS = {
    "objects": (NUMBERS.astype(object), 1),
    "truth values": (NUMBERS == 1, True),
    "truth values as objects": ((NUMBERS == 1).astype(object), True),
    "whole floats": (NUMBERS.astype(float), 1),
    "one column": (NUMBERS[:, None], 1),
    "a frame of one column": (pd.DataFrame({"label": NUMBERS}), 1),
    "one-hot": (np.eye(3, dtype=int)[NUMBERS], 1),
    "a one-hot frame": (pd.get_dummies(pd.Series(NUMBERS)), 1),
    "unused categories": (
        pd.Series(pd.Categorical(NUMBERS, categories=[2, 0, 1])),
        1,
    ),
    "pandas' own type": (pd.Series(NUMBERS, dtype="Int64"), 1),
    "text objects": (np.array(["a", "b"], dtype=object)[NUMBERS], "b"),
    "a list": (NUMBERS.tolist(), 1),
}


@pytest.mark.parametrize("kind", LABELS)
def test_make_imbalanced_takes_labels_of_every_kind(kind):
    labels, rare = LABELS[kind]
    X = np.arange(24).reshape(12, 2)
    expected = data.make_imbalanced(X, NUMBERS, {1: 2}, 0, return_indices=True)[2]
    X_few, y_few, rows = data.make_imbalanced(
        X, labels, {rare: 2}, random_state=0, return_indices=True
    )
    assert rows.tolist() == expected.tolist()
    assert (X_few == X[rows]).all()
    assert type(y_few) is type(labels)
    kept = (
        [labels[row] for row in rows] if kind == "a list" else np.asarray(labels)[rows]
    )
    assert np.array_equal(np.asarray(y_few), kept)


DATES = np.array(["2020-01-01", "2021-01-01"], dtype="datetime64[D]")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (DATES[NUMBERS], r"type datetime64.*\[str\(label\) for label in y\]"),
        (DATES[NUMBERS].tolist(), r"type date;.*str\(label\)"),
        (np.where(NUMBERS == 1, np.nan, 0), "4 missing label.*leave such rows out"),
        (
            np.array(["a", 1], dtype=object)[NUMBERS],
            "different kinds, int and str; make",
        ),
        (NUMBERS / 2, "Unknown label type: continuous"),
        (np.ones((12, 2)), "give one label per row, or a single one in each"),
        (np.eye(2)[NUMBERS] * (NUMBERS[:, None] == 0), "Row 8 of the one-hot y has no"),
    ],
)
def test_make_imbalanced_names_the_cure_for_other_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        data.make_imbalanced(np.zeros((12, 2)), labels, {0: 1})


def test_make_imbalanced_takes_counts_that_arithmetic_made_and_sparse_rows():
    X = sparse.csr_matrix(np.eye(12))
    X_few, y_few = data.make_imbalanced(X, NUMBERS, {1: np.float64(2), 0: np.uint8(3)})
    assert X_few.shape == (5, 12)
    assert np.bincount(y_few).tolist() == [3, 2]


# ---------------------------------------------------------------- DeepSMOTE's counts

TEN_TEST = (1000, 500, 250, 187, 125, 87, 50, 25, 15, 10)
GREY = ((4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40), TEN_TEST, (1200,) * 10)
COLOUR = ((4500, 2000, 1000, 800, 600, 500, 400, 250, 150, 80), TEN_TEST, (1000,) * 10)


def test_published_counts():
    assert data.deepsmote_counts("mnist") == data.deepsmote_counts("fashion_mnist")
    assert data.deepsmote_counts("mnist") == GREY
    assert data.deepsmote_counts("cifar10") == COLOUR
    assert data.deepsmote_counts("svhn").balanced == COLOUR[2]
    for ours, published in zip(data.deepsmote_counts("svhn"), COLOUR, strict=True):
        assert (
            tuple(ours[digit] for digit in (1, 2, 3, 4, 5, 6, 7, 8, 0, 9)) == published
        )
    celeba = data.deepsmote_counts("celeba")
    assert celeba.train == (9000, 4500, 1000, 500, 160)
    assert celeba.test == (1000, 500, 111, 55, 17)
    assert celeba.balanced == (89,) * 5


def test_scaled_counts():
    tenth = data.deepsmote_counts("mnist", 0.1)
    assert tenth.train == (400, 200, 100, 75, 50, 35, 20, 10, 6, 4)
    assert tenth.test == (100, 50, 25, 19, 13, 9, 5, 3, 2, 1)
    assert tenth.balanced == (120,) * 10
    assert data.deepsmote_counts("svhn", 0.2).balanced == (79,) * 10
    assert data.deepsmote_counts("svhn", 0.05).balanced == (50,) * 10
    assert data.deepsmote_counts("celeba", 0.05).balanced == (45,) * 5


@given(st.sampled_from([*LOADERS, "digits_images"]), st.floats(1e-9, 1))
def test_no_class_is_scaled_away(name, scale):
    whole = data.deepsmote_counts(name)
    scaled = data.deepsmote_counts(name, scale)
    for most, fewer in zip(whole, scaled, strict=True):
        assert len(most) == len(fewer)
        assert min(fewer) >= 1
        assert all(a <= b for a, b in zip(fewer, most, strict=True))
        # Who has more keeps more, or as many.
        order = np.argsort(most, kind="stable")
        assert (np.diff(np.array(fewer)[order]) >= 0).all()


@pytest.mark.parametrize("scale", [0, -0.1, 1.1, float("nan")])
def test_a_scale_that_cannot_be_meant(scale):
    with pytest.raises(ValueError, match=r"scale is .* in \(0, 1\]"):
        data.deepsmote_counts("mnist", scale)


def test_counts_of_an_unknown_set():
    with pytest.raises(ValueError, match="'wine'; it has for mnist, fashion_mnist"):
        data.deepsmote_counts("wine")


# Samples per class in the official sets, and in the parts that are at hand.
POOLED = {
    "mnist": [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958],
    "fashion_mnist": [7000] * 10,
    "cifar10": [6000] * 10,
    "svhn": [451, 1237, 900, 740, 657, 597, 475, 472, 460, 397],
    "digits_images": [178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
}
# The largest scale at which all three sets of counts can be drawn.
SERVES = {
    "mnist": 1,
    "fashion_mnist": 1,
    "cifar10": 1,
    "svhn": 0.2,
    "digits_images": 1 / 40,
}


def draw_all(name, labels, train, test, scale):
    counts = data.deepsmote_counts(name, scale)
    for rows, wanted in zip((train, test, test), counts, strict=True):
        _, drawn = data.make_imbalanced(rows, labels[rows], wanted, random_state=0)
        assert np.bincount(drawn).tolist() == list(wanted)


@pytest.mark.parametrize("scale", [1, 0.1])
@pytest.mark.parametrize("name", POOLED)
def test_counts_can_be_drawn_in_each_of_five_folds(name, scale):
    labels = np.repeat(np.arange(10), POOLED[name])
    scale *= SERVES[name]
    for train, test in StratifiedKFold(5).split(labels, labels):
        draw_all(name, labels, train, test, scale)


def test_more_than_a_fifth_of_the_counts_is_too_much_for_the_part_of_svhn():
    labels = np.repeat(np.arange(10), POOLED["svhn"])
    train, test = next(StratifiedKFold(5).split(labels, labels))
    with pytest.raises(ValueError, match="class 1 has"):
        draw_all("svhn", labels, train, test, 0.25)
    # 79 is the most that every digit has in every fold.
    folds = [labels[test] for _, test in StratifiedKFold(5).split(labels, labels)]
    assert min(np.bincount(fold).min() for fold in folds) == 79


def test_celebas_counts_can_be_drawn_from_the_official_partitions():
    labels = np.repeat(np.tile(np.arange(5), 2), CELEBA["train"] + CELEBA["test"])
    train, test = np.split(np.arange(len(labels)), [sum(CELEBA["train"])])
    for scale in (1, 0.1):
        draw_all("celeba", labels, train, test, scale)
