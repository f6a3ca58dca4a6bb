"""Quality of images and rows against closed forms, plain numpy and bad generators."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from imblearn.over_sampling import SMOTE
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from sklearn.dummy import DummyClassifier
from sklearn.naive_bayes import GaussianNB

from helpers import AMDO, MC_RBO, ResNet18Classifier, load_bcw, quality
from helpers.quality import _rows
from helpers.quality._rows import blocks, kth_distance, placed


def cloud(n, d=8, seed=0, **kind):
    return np.random.default_rng(seed).normal(size=(n, d), **kind)


#: Pairs of sets that float32 or ties make hard.
HARD = {
    "plain": (cloud(60), cloud(45, seed=1)),
    "float32": (cloud(60).astype("f"), cloud(45, seed=1).astype("f")),
    "far from the origin": (cloud(60) + 1e6, cloud(45, seed=1) + 1e6),
    # Neighbours are 1000 times nearer than the other cluster.
    "two clusters": (
        np.concatenate([cloud(30), cloud(30, seed=2) + 1e3]),
        np.concatenate([cloud(20, seed=3), cloud(25, seed=4) + 1e3]),
    ),
    "one far outlier": (
        np.concatenate([cloud(59), np.full((1, 8), 1e4)]),
        cloud(45, seed=1),
    ),
    "whole numbers": (cloud(60).round(), cloud(45, seed=1).round()),
    "bits": (cloud(60) > 0, cloud(45, seed=1) > 0),
    "copies": (cloud(60), cloud(60)[np.arange(90) % 30]),
    "all alike": (np.ones((9, 2)), np.ones((7, 2))),
    "tiny": (cloud(60) * 1e-30, cloud(45, seed=1) * 1e-30),
    "huge": (cloud(60) * 1e30, cloud(45, seed=1) * 1e30),
    "tiny float32": tuple((cloud(60 - s, seed=s) * 1e-30).astype("f") for s in (0, 15)),
    "huge float32": tuple((cloud(60 - s, seed=s) * 1e30).astype("f") for s in (0, 15)),
    "uint8": tuple(
        np.random.default_rng(s).integers(0, 256, (n, 1, 4, 4), dtype=np.uint8)
        for s, n in enumerate((60, 45))
    ),
}


@pytest.fixture(params=HARD)
def pair(request):
    return HARD[request.param]


@pytest.fixture(params=["whole", "blocks"])
def small_blocks(request, monkeypatch):
    """Once as it is, once with blocks of a few rows."""
    if request.param == "blocks":
        monkeypatch.setattr(_rows, "BLOCK", 300)


def flat(X):
    return np.asarray(X, dtype=float).reshape(len(X), -1)


def plain_radii(X, k):
    return np.sort(cdist(X, X), axis=1)[:, k]


def plain_measures(real, fake, k):
    """As the papers have it, ties inside."""
    real, fake = flat(real), flat(fake)
    apart = cdist(fake, real)
    of_real = apart <= plain_radii(real, k) * (1 + 1e-12)
    of_fake = apart <= plain_radii(fake, k)[:, None] * (1 + 1e-12)
    return {
        "precision": of_real.any(1).mean(),
        "recall": of_fake.any(0).mean(),
        "density": of_real.sum() / k / len(fake),
        "coverage": of_real.any(0).mean(),
    }


def plain_frechet(a, b):
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    apart = np.square(a.mean(0) - b.mean(0)).sum()
    return apart + np.trace(A + B - 2 * sqrtm(A @ B).real)


# ------------------------------------------------------------------ distances


@pytest.mark.parametrize("k", [1, 2, 6])
def test_kth_distance_is_that_of_all_distances(pair, small_blocks, k):
    b, a = (flat(X) for X in pair)
    among, rows = placed("cpu", b=pair[0].reshape(b.shape), a=pair[1].reshape(a.shape))
    expected = np.sort(cdist(a, b), axis=1)[:, k - 1]
    near = {"rel": 1e-6 if rows.dtype == torch.float64 else 1e-4, "abs": 0}
    assert kth_distance(rows, among, k).numpy() == pytest.approx(expected, **near)
    found = kth_distance(among, among, k).numpy()
    assert found == pytest.approx(plain_radii(b, k), **near)


def test_all_other_rows_may_be_asked_for():
    (rows,) = placed("cpu", rows=cloud(7))
    ours = kth_distance(rows, rows, 6).numpy()
    assert ours == pytest.approx(cdist(rows, rows).max(1))


@pytest.mark.parametrize("d", [3, 600])
@pytest.mark.parametrize(("dtype", "tie"), [("f", 1e-6), ("d", 1e-12)])
def test_the_surface_of_a_ball_is_inside_and_as_thick_as_said(d, dtype, tie):
    """Squared distances are too small by the share of the squared lengths, about."""
    b, a = placed("cpu", b=cloud(90, d).astype(dtype), a=cloud(60, d, 1).astype(dtype))
    squared = torch.cat([found.clone() for _, found in blocks(a, b)]).double()
    a, b = a.double(), b.double()
    lengths = a.square().sum(1)[:, None] + b.square().sum(1)
    exact = torch.stack([(b - row).square().sum(1) for row in a])
    thick = (exact - squared) / lengths
    assert 0 < thick.min() <= thick.max() < 2 * tie


def test_blocks_bound_the_memory(monkeypatch):
    monkeypatch.setattr(_rows, "BLOCK", 1000)
    a, b = placed("cpu", a=cloud(50), b=cloud(90, seed=1))
    parts = [*blocks(a, b)]
    assert max(squared.numel() for _, squared in parts) <= 1000
    assert np.concatenate([np.arange(50)[i] for i, _ in parts]).tolist() == [*range(50)]
    # All in one place: freed and made anew, they would grow into the whole matrix of
    # distances, as small results in between keep the heap from being used again.
    assert len({squared.data_ptr() for _, squared in parts}) == 1
    monkeypatch.setattr(_rows, "BLOCK", 10)
    assert {squared.shape for _, squared in blocks(a, b)} == {(1, 90)}


def test_float32_is_left_where_torch_multiplies_with_less():
    pair = HARD["float32"]
    assert placed("cpu", rows=pair[0])[0].dtype == torch.float32
    expected = quality.precision_recall(*pair, device="cpu")
    with torch.autocast("cpu", torch.bfloat16):
        assert placed("cpu", rows=pair[0])[0].dtype == torch.float64
        assert quality.precision_recall(*pair, device="cpu") == expected


# ------------------------------------------------------------------ known answers


@pytest.mark.parametrize("k", [1, 4])
def test_measures_are_those_of_plain_numpy(pair, small_blocks, k):
    ours = quality.precision_recall(*pair, k, "cpu")
    ours |= quality.density_coverage(*pair, k, "cpu")
    assert ours == pytest.approx(plain_measures(*pair, k), abs=1e-12)


@pytest.mark.parametrize("kind", ["plain", "far from the origin", "float32", "uint8"])
def test_frechet_distance_is_that_of_plain_numpy(kind):
    a, b = HARD[kind]
    expected = plain_frechet(flat(a), flat(b))
    assert quality.frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


def test_a_set_against_itself(pair):
    real = pair[0]
    assert quality.precision_recall(real, real) == {"precision": 1, "recall": 1}
    found = quality.density_coverage(real, real, k=4)
    assert found["coverage"] == 1
    if not np.array_equal(flat(real), np.rint(flat(real))):  # no ties but the copies
        assert found["density"] == pytest.approx(1 + 1 / 4)
    assert quality.frechet_distance(real, real) <= 1e-12 * np.square(flat(real)).sum()


def test_frechet_distance_of_shifted_gaussians_has_a_closed_form():
    """Means 1 and 2 apart; covariances that do not commute."""
    A, B = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.6], [-0.6, 3.0]])
    shared = 2 * np.sqrt(np.linalg.eigvals(A @ B)).sum()
    expected = 1**2 + 2**2 + np.trace(A) + np.trace(B) - shared
    rng = np.random.default_rng(0)
    a = rng.multivariate_normal([0, 0], A, 200_000)
    b = rng.multivariate_normal([1, -2], B, 200_000)
    # The standard error of the means' share is 2 * sqrt(5) * sqrt(7 / 400,000) or so.
    assert quality.frechet_distance(a, b) == pytest.approx(expected, abs=0.06)
    diagonal = cloud(200_000, 3, scale=[1, 2, 0.5])
    wider = cloud(200_000, 3, seed=1, scale=[2, 2, 1])
    found = quality.frechet_distance(diagonal, wider)
    assert found == pytest.approx(1**2 + 0 + 0.5**2, abs=0.03)


def test_frechet_distance_with_fewer_rows_than_columns():
    """The same rows in a space of more columns have the same distance."""
    a, b = cloud(40, 3), cloud(30, 3, seed=1) * 2 + 1
    turned, _ = np.linalg.qr(cloud(60, 60, seed=2))
    wide = [rows @ turned[:3] for rows in (a, b)]
    expected = plain_frechet(a, b)
    assert quality.frechet_distance(*wide) == pytest.approx(expected)
    # As many rows as columns or more, but columns that depend on others.
    wide = [rows @ turned[:3, :20] for rows in (a, b)]
    scaled = [rows @ np.linalg.qr(turned[:3, :20].T)[1].T for rows in (a, b)]
    assert quality.frechet_distance(*wide) == pytest.approx(plain_frechet(*scaled))
    with_zeros = [np.pad(rows, [(0, 0), (0, 5)]) for rows in (a, b)]
    assert quality.frechet_distance(*with_zeros) == pytest.approx(expected)


def test_few_rows_bias_the_frechet_distance_upwards():
    near, far = (
        quality.frechet_distance(cloud(n, 16), cloud(n, 16, seed=1)) for n in (2000, 50)
    )
    assert 0 < near < 0.1 < 1 < far


@pytest.mark.parametrize(("n", "m", "k"), [(60, 40, 5), (30, 90, 2)])
def test_two_samples_of_one_distribution_have_the_expected_coverage(n, m, k):
    """Naeem et al. 2020, section 3.3: exact, whatever the distribution."""
    missed = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    runs = pd.DataFrame(
        quality.density_coverage(
            cloud(n, 3, seed=2 * s), cloud(m, 3, seed=2 * s + 1), k, "cpu"
        )
        for s in range(150)
    )
    error = 4 * runs.std() / np.sqrt(len(runs))
    assert (error < 0.06).all()
    assert runs["coverage"].mean() == pytest.approx(1 - missed, abs=error["coverage"])
    assert runs["density"].mean() == pytest.approx(1, abs=error["density"])


def test_a_memoriser_a_collapsed_and_a_far_generator():
    train, real = cloud(200), cloud(150, seed=1)
    memory = quality.image_quality(real, train[:150], train)
    assert memory[["copies", "nearest"]].tolist() == [1, 0]
    assert memory["repeats"] == 0
    assert memory["nearest_real"] > 1
    assert memory["coverage"] > 0.9
    collapsed = quality.image_quality(real, np.repeat(real[:1], 150, axis=0), train)
    assert collapsed["repeats"] == pytest.approx(149 / 150)
    assert collapsed["copies"] == 0
    assert collapsed["precision"] == 1
    assert collapsed[["recall", "coverage"]].max() < 0.2
    far = quality.image_quality(real, real + 100, train)
    assert not far[["precision", "recall", "density", "coverage"]].any()
    assert far["frechet"] == pytest.approx(8 * 100**2)


def test_an_outlier_lifts_precision_and_leaves_density():
    """Figure 1 of Naeem et al.: rows beside a real outlier count as precise."""
    real = np.concatenate([cloud(199), np.full((1, 8), 30.0)])
    fake = cloud(200, seed=1) + 20
    assert quality.precision_recall(real, fake)["precision"] > 0.9
    assert quality.density_coverage(real, fake)["density"] < 0.25


def test_duplicates_are_counted_by_value():
    train = np.array([[0.0, 1], [2, 3]])
    fake = np.array([[-0.0, 1], [2, 3], [2, 3], [2, 4]])
    expected = {"repeats": 0.25, "copies": 0.75}
    assert quality.duplicate_rates(fake, train) == expected
    # Images in another dtype are the same images.
    assert quality.duplicate_rates(fake, train.astype(np.uint8)) == expected
    assert quality.duplicate_rates(fake[:1]) == {"repeats": 0}


def through_float32(rows, like, low=0.0, high=1.0):
    """Scaled as samplers scale, and back again."""
    first, span = like.min(0), np.ptp(like, axis=0)
    scaled = ((rows - first) / span * (high - low) + low).astype(np.float32)
    return first + (scaled.astype(float) - low) / (high - low) * span


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(-6, 6),
    st.floats(-1e4, 1e4),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0)]),
)
def test_copies_are_found_though_they_went_through_float32(seed, exponent, shift, ends):
    rng = np.random.default_rng(seed)
    train = rng.normal([0, shift, -shift], size=(40, 3)) * 10**exponent
    fake = through_float32(train[:20], train, *ends)
    assert quality.duplicate_rates(fake, train) == {"repeats": 0, "copies": 1}
    twice = quality.duplicate_rates(np.concatenate([fake, fake]), train)
    assert twice == {"repeats": 0.5, "copies": 1}
    # One value that is another, if not by much, makes another row.
    fake[:5, rng.integers(3)] += 2e-6 * np.ptp(train)
    assert quality.duplicate_rates(fake, train)["copies"] == pytest.approx(0.75)


def test_the_copies_of_a_sampler_that_computes_in_float32():
    X, y = load_bcw(return_X_y=True)
    copies = MC_RBO(n_steps=0, random_state=0).fit_resample(X, y)[0][len(X) :]
    assert not np.isin(copies, X).all(1).any()
    assert quality.duplicate_rates(copies, X)["copies"] == 1
    found = quality.table_quality(X[y == 1], copies, train=X)
    assert found["copies"] == 1
    assert found["detection"] < 0.6  # each in the fold of its original
    pixels = np.random.default_rng(0).normal(size=(30, 1, 8, 8))
    pixels[:, :, 0] *= 1e-3  # the dark edge of an image has the range of the others
    flat = pixels.reshape(30, -1)
    wide = np.repeat(np.array([[flat.min()], [flat.max()]]), 64, axis=1)
    images = through_float32(flat, wide).reshape(pixels.shape)
    assert quality.duplicate_rates(images, pixels)["copies"] == 1


def test_what_is_no_copy_is_none():
    train = np.array([[0.0, 5], [1, 6], [2**40, 7]])
    # Whole numbers agree or do not, however large their range.
    assert quality.duplicate_rates(train + np.eye(2)[0], train)["copies"] == 0
    # Far synthetic rows do not widen the range.
    train = cloud(30, 2)
    fake = np.concatenate([train[:5] + 1e-4, [[1e9, 1e9]]])
    assert quality.duplicate_rates(fake, train)["copies"] == 0
    # A constant column has no range, and some ranges are too much for a float64.
    train[:, 0] = 7
    assert quality.duplicate_rates(train + np.eye(2)[0] / 1e3, train)["copies"] == 0
    ends = np.array([[-1e308, 0.0], [1e308, 1.0]])
    assert quality.duplicate_rates(ends / 2, ends)["copies"] == 0
    assert quality.duplicate_rates(ends, ends)["copies"] == 1


def test_nearest_distance_is_in_the_units_of_the_rows():
    train, rows = cloud(30) * 1e4, cloud(20, seed=1) * 1e4
    expected = cdist(rows, train).min(1)
    assert quality.nearest_distance(train, rows) == pytest.approx(expected)
    assert not quality.nearest_distance(train, train[::-1]).any()


# ------------------------------------------------------------------ invariances

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(-20, 20), st.floats(-1e3, 1e3))
def test_order_scale_and_shift(seed, exponent, shift):
    rng = np.random.default_rng(seed)
    real, fake = rng.normal(size=(23, 4)), rng.normal(size=(19, 4)) * 1.2
    scale = 10**exponent
    moved = [rng.permutation(X) * scale + shift * scale for X in (real, fake)]
    for measure in (quality.precision_recall, quality.density_coverage):
        assert measure(*moved, device="cpu") == measure(real, fake, device="cpu")
    before = np.sort(quality.nearest_distance(real, fake, "cpu"))
    after = np.sort(quality.nearest_distance(*moved, "cpu"))
    assert after == pytest.approx(before * scale, rel=1e-6)
    squared = quality.frechet_distance(real, fake) * scale**2
    assert quality.frechet_distance(*moved) == pytest.approx(squared, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_precision_and_recall_change_places(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 3, (2, 14, 3))
    one, other = quality.precision_recall(a, b), quality.precision_recall(b, a)
    assert [*one.values()] == [*other.values()][::-1]
    back = quality.frechet_distance(b, a)
    assert quality.frechet_distance(a, b) == pytest.approx(back, abs=1e-9)


# ------------------------------------------------------------------ whole images


def test_image_quality_compares_features_and_counts_copies_of_images():
    real, fake = (cloud(40, 64, seed=s).reshape(40, 1, 8, 8) for s in (0, 1))
    shift = np.array([1, -1] * 4)[:, None]
    train = np.concatenate([fake[:10] + shift, fake[10:20]])

    def features(X):  # sums of columns: the first ten look like copies
        assert X.shape[1:] == (1, 8, 8)
        return X.sum(axis=(1, 2))

    row = quality.image_quality(real, fake, train, features)
    a, b, c = map(features, (real, fake, train))
    expected = plain_measures(a, b, 3) | {"frechet": plain_frechet(a, b)}
    expected |= {n: plain_measures(a, b, 5)[n] for n in ("density", "coverage")}
    expected |= {"copies": 0.25, "repeats": 0}
    expected["nearest"] = np.median(cdist(b, c).min(1))
    expected["nearest_real"] = np.median(cdist(a, c).min(1))
    assert row.to_dict() == pytest.approx(expected, rel=1e-6, abs=1e-9)
    pixels = quality.image_quality(real, fake)
    assert {*expected} - {*pixels.index} == {"copies", "nearest", "nearest_real"}
    assert pixels["frechet"] != row["frechet"]


def test_channels_last_beside_channels_first_are_refused():
    real, fake = np.random.default_rng(0).uniform(size=(2, 8, 3, 4, 4))
    with pytest.raises(ValueError, match=r"fake has images of shape \(4, 4, 3\), real"):
        quality.image_quality(real, fake.transpose(0, 2, 3, 1))
    with pytest.raises(ValueError, match="train has images of shape"):
        quality.image_quality(real, fake, real.transpose(0, 2, 3, 1))


def test_a_class_with_few_training_images_is_judged(digits_like):
    X, y, classifier = digits_like
    sampler = AMDO(random_state=0).fit(X, y)
    made = sampler.sample(1, 8)
    row = quality.image_quality(X[y == 0][:8], made, X[y == 1], classifier.features)
    assert row.notna().all()
    assert row["nearest"] >= 0


@pytest.fixture
def digits_like():
    X = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)
    y = np.repeat([0, 1], [20, 4])
    fit = {"n_steps": 2, "batch_size": 8, "random_state": 0, "device": "cpu"}
    return X, y, ResNet18Classifier(**fit).fit(X, y)


# ------------------------------------------------------------------ usefulness


class Recorder(DummyClassifier):
    def fit(self, X, y):
        Recorder.seen = X[:, 0].tolist(), y.tolist()
        return super().fit(X, y)


@pytest.mark.filterwarnings("ignore")  # what the dummy never predicts
def test_synthetic_only_leaves_out_the_real_rows_of_classes_that_were_filled():
    X, y = np.arange(10.0)[:, None], np.array([*"aaaabbcbcc"])
    made = np.arange(10) >= 7
    scores = quality.synthetic_only_score(Recorder(), X, y, made, X[:6], y[:6])
    assert Recorder.seen == ([0, 1, 2, 3, 7, 8, 9], [*"aaaabcc"])
    assert scores["recall_a"] == 1
    assert scores["recall_b"] == 0
    everything = np.ones(10, dtype=bool)
    quality.synthetic_only_score(Recorder(), X, y, everything, X, y)
    assert Recorder.seen[0] == X[:, 0].tolist()


def test_synthetic_only_tells_a_good_sampler_from_a_wrong_one():
    y = np.repeat([0, 1], [80, 20])
    X, X_test = cloud(100, 2) + 4 * y[:, None], cloud(100, 2, seed=1) + 4 * y[:, None]
    X_all, y_all = SMOTE(random_state=0).fit_resample(X, y)
    made = np.arange(len(y_all)) >= len(y)
    good = quality.synthetic_only_score(GaussianNB(), X_all, y_all, made, X_test, y)
    X_all[made] -= 20
    bad = quality.synthetic_only_score(GaussianNB(), X_all, y_all, made, X_test, y)
    assert good["acsa"] > 0.95
    assert bad["recall_1"] == 0


# ------------------------------------------------------------------ bad input

NAN = np.where(np.arange(40).reshape(10, 4) == 25, np.nan, cloud(10, 4))


@pytest.mark.parametrize(
    ("real", "fake", "match"),
    [
        (NAN, cloud(10, 4), "real has NaN or infinity in 1 rows .first: 6.; drop"),
        (cloud(10, 4), NAN * np.inf, "fake has NaN"),
        (cloud(10, 4), cloud(10, 3), "fake has 3 columns, real has 4; give the same"),
        (cloud(10, 4), cloud(5, 4), "fake has shape .5, 4.; at least 6 row"),
        (cloud(10, 4), cloud(0, 4), "at least"),
        (cloud(10, 4)[:, :0], cloud(10, 4), "one column"),
        (cloud(10, 4), cloud(10, 4)[:, 0], "give rows of numbers"),
        (cloud(10, 4), cloud(10, 4).astype(str), "dtype <U32; give rows of numbers"),
    ],
)
def test_bad_images_are_refused_before_any_computing(real, fake, match, monkeypatch):
    def never(*rows):
        raise AssertionError

    monkeypatch.setattr(quality._images, "frechet_distance", never)
    monkeypatch.setattr(_rows, "blocks", never)
    for measure in (quality.image_quality, quality.density_coverage):
        with pytest.raises(ValueError, match=match):
            measure(real, fake)
    with pytest.raises(ValueError, match="train"):
        quality.image_quality(cloud(10, 4), cloud(10, 4), NAN)


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_neighbours_are_counted_from_1(k):
    for measure in (quality.precision_recall, quality.density_coverage):
        with pytest.raises(ValueError, match=f"k={k}.*whole number, 1 or more"):
            measure(cloud(10), cloud(10), k=k)


def test_one_row_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2 row"):
        quality.frechet_distance(cloud(9), cloud(1))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"fake": NAN}, "fake has missing values; drop"),
        ({"fake": np.where(np.isnan(NAN), np.inf, NAN)}, "infinity"),
        ({"fake": cloud(10, 3)}, "fake has the columns .0, 1, 2., real has"),
        ({"fake": cloud(0, 4)}, "fake has no rows"),
        ({"train": cloud(9, 5)}, "train has the columns"),
        ({"discrete": ["sex"]}, "discrete has 'sex'; the columns are"),
        ({"real": pd.DataFrame(cloud(9, 2), columns=[*"aa"])}, "its own name"),
    ],
)
def test_bad_tables_are_refused(change, match):
    with pytest.raises(ValueError, match=match):
        quality.table_quality(**{"real": cloud(10, 4), "fake": cloud(10, 4)} | change)


@pytest.mark.parametrize(
    ("synthetic", "y_test", "match"),
    [
        (np.zeros(4, dtype=bool), [0, 1], "0 rows marked"),
        (np.ones(3, dtype=bool), [0, 1], "shape .3,."),
        (np.array([0, 1, 1, 1]), [0, 1], "dtype int64"),
        (np.ones(4, dtype=bool), [0, 7], "y_test has the label .*7.*, which y has not"),
    ],
)
def test_synthetic_only_refuses_what_it_cannot_score(synthetic, y_test, match):
    with pytest.raises(ValueError, match=match):
        quality.synthetic_only_score(
            GaussianNB(), cloud(4), [0, 1, 0, 1], synthetic, cloud(2), y_test
        )


def test_by_class_a_swap_of_labels_is_seen():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 4)) + np.repeat([0, 100], 40)[:, None]
    y = np.repeat(["a", "b"], 40)
    other = "b", "a"
    swapped = np.repeat(other, 40)
    right = quality.image_quality_by_class((X, y), (X, y), train=(X, y))
    wrong = quality.image_quality_by_class((X, y), (X, swapped))
    assert [*right.index] == ["a", "b"]
    assert (right["coverage"] == 1).all()
    assert (right["copies"] == 1).all()
    assert (wrong["coverage"] == 0).all()
    assert quality.image_quality(X, X[::-1])["coverage"] == 1
