"""AMDO: radii and axes of contours, rows on them, which rows count."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from helpers import training
from helpers.over_sampling import _amdo
from helpers.over_sampling._amdo import AMDO, contours, on_contours, own_share

CPU = torch.device("cpu")


def generator(seed=0):
    return training.make_generator(seed, CPU)


def mahalanobis(rows, like):
    """Distances of rows from the mean of others, by the inverse of their covariance."""
    inverse = np.linalg.pinv(np.cov(like.T, bias=True), rcond=1e-8)
    apart = rows - like.mean(0)
    return np.sqrt(np.einsum("ij,jk,ik->i", apart, inverse, apart))


def stretched(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)


# ------------------------------------------------------------------ contours


@pytest.mark.parametrize(("n", "d"), [(60, 4), (9, 8)])
def test_radii_are_mahalanobis_distances(n, d):
    rows = stretched(n, d)
    mean, axes, radii = contours(torch.as_tensor(rows))
    assert torch.allclose(mean, torch.as_tensor(rows.mean(0)))
    assert radii.tolist() == pytest.approx(mahalanobis(rows, rows).tolist())
    covariance = np.cov(rows.T, bias=True)
    assert np.allclose((axes.T @ axes).numpy(), covariance)
    products = (axes @ axes.T).numpy()
    assert np.allclose(products, np.diag(np.diag(products)))


def test_fewer_rows_than_columns_share_one_contour():
    _, axes, radii = contours(torch.as_tensor(stretched(7, 30)))
    assert axes.shape == (6, 30)
    assert radii.tolist() == pytest.approx([6**0.5] * 7)


def test_axes_without_variance_are_left_out():
    rows = torch.as_tensor(stretched(40, 3))
    flat = torch.cat([rows, rows[:, :1], torch.ones(40, 1)], 1).float()
    _, axes, _ = contours(flat)
    assert axes.shape == (3, 5)
    mean, axes, radii = contours(torch.ones(4, 3))
    assert axes.shape == (0, 3)
    rows = on_contours(mean, axes, radii, generator())
    assert torch.equal(rows, torch.ones(4, 3))


@pytest.mark.parametrize(("n", "d"), [(60, 4), (400, 30), (12, 40)])
def test_drawn_rows_lie_on_the_contour(n, d):
    rows = stretched(n, d)
    mean, axes, _ = contours(torch.as_tensor(rows))
    radii = torch.linspace(0.5, 9, 50, dtype=torch.float64)
    drawn = on_contours(mean, axes, radii, generator()).numpy()
    assert mahalanobis(drawn, rows).tolist() == pytest.approx(radii.tolist(), rel=1e-4)


def test_directions_are_uniform():
    """Mean 0 and the radius squared over the number of axes as variance, along each."""
    mean, axes, _ = contours(torch.as_tensor(stretched(50, 5)))
    radii = torch.full((20000,), 3.0, dtype=torch.float64)
    drawn = on_contours(mean, axes, radii, generator()) - mean
    scaled = drawn @ axes.T / (axes**2).sum(1)
    assert np.allclose(scaled.mean(0).numpy(), 0, atol=0.05)
    assert np.allclose(np.cov(scaled.numpy().T), 9 / 5 * np.eye(5), atol=0.06)


# ------------------------------------------------------------------ which rows count


@pytest.mark.parametrize("chunk", [1, 100, 2**22])
def test_own_share(chunk, monkeypatch):
    monkeypatch.setattr(_amdo, "DISTANCES", chunk)
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(50, 3)), rng.integers(0, 3, 50)
    found = NearestNeighbors(n_neighbors=5).fit(rows).kneighbors(return_distance=False)
    expected = (codes[found] == codes[:, None]).mean(1)
    for code in range(3):
        shares = own_share(torch.as_tensor(rows), torch.as_tensor(codes), code, 5)
        assert shares.tolist() == pytest.approx(expected[codes == code].tolist())


@pytest.mark.parametrize("outlier", [0, 1e4])
def test_an_outlier_does_not_blur_who_is_near(outlier):
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(size=(400, 5)), np.repeat([0, 1], [340, 60])
    rows[codes == 1] += 4
    rows[0] += outlier
    rows[1] -= outlier
    given = torch.as_tensor(rows, dtype=torch.float32)
    found = NearestNeighbors(n_neighbors=5).fit(given.double().numpy())
    found = found.kneighbors(return_distance=False)
    expected = (codes[found] == codes[:, None]).mean(1)[codes == 1]
    shares = own_share(given, torch.as_tensor(codes), 1, 5)
    assert shares.tolist() == pytest.approx(expected.tolist())


def test_own_share_of_few_rows():
    rows, codes = torch.rand(3, 2), torch.tensor([0, 1, 1])
    assert own_share(rows, codes, 1, 5).tolist() == [0.5, 0.5]
    assert own_share(rows, codes, 0, 5).tolist() == [0]


def islands():
    """Two far clouds; the last row of class 1 lies in the cloud of class 0."""
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(30, 2)), rng.normal(size=(12, 2)) + 40])
    X[-1] = 0.1
    return X, np.repeat([0, 1], [30, 12])


def test_a_row_among_others_does_not_count():
    X, y = islands()
    sampler = AMDO(value_range=(-200, 200), random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    kept = X[y == 1][:-1]
    assert sampler.history_.loc[0, ["rows", "axes"]].tolist() == [11, 2]
    radii = mahalanobis(kept, kept)
    drawn = mahalanobis(X_new[len(X) :], kept)
    assert (np.abs(drawn[:, None] - radii).min(1) < 1e-2).all()
    assert len(set(np.abs(drawn[:, None] - radii).argmin(1))) > 3
    assert sampler.history_.loc[0, "radius"] == pytest.approx(radii.mean(), rel=1e-3)
    everything = AMDO(min_share=0, value_range=(-200, 200), random_state=0)
    everything.fit_resample(X, y)
    # Its share is 0, so that no new row starts from it.
    assert everything.history_.loc[0, "rows"] == 11


def test_starts_are_drawn_in_proportion_to_their_share():
    contour = {
        "mean": torch.zeros(1),
        "axes": torch.ones(1, 1) / 100,
        "radii": torch.tensor([1.0, 2.0, 4.0]),
        "weights": torch.tensor([0.4, 1.0, 0.6]),
    }
    sampler = AMDO()
    sampler._contours, sampler._row_shape = {0: contour}, (1,)
    contour["mean"] += 0.5
    rows = sampler._generate(0, 4000, generator()) - 0.5
    radii, counts = (100 * rows).abs().round().unique(return_counts=True)
    assert radii.tolist() == [1, 2, 4]
    assert (counts / 4000).tolist() == pytest.approx([0.2, 0.5, 0.3], abs=0.03)


def test_the_least_share_itself_passes(monkeypatch):
    shares = torch.tensor([0.4, 0.2, 0.6, 0.4])
    monkeypatch.setattr(_amdo, "own_share", lambda *_: shares)
    X, y = np.random.default_rng(0).normal(size=(14, 3)), np.repeat([0, 1], [10, 4])
    sampler = AMDO(random_state=0, device="cpu").fit(X, y)
    assert sampler._contours[1]["weights"].tolist() == pytest.approx([0.4, 0.6, 0.4])


def test_where_no_row_passes_all_count():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(44, 3)), np.repeat([0, 1], [40, 4])
    X[40:] = X[:4] + 1e-3  # each alone among the others
    sampler = AMDO(min_share=1, random_state=0, device="cpu")
    sampler.fit_resample(X, y)
    assert sampler.history_.loc[0, ["rows", "axes"]].tolist() == [4, 3]
    weights = sampler._contours[1]["weights"]
    assert (weights == weights[0]).all()


@pytest.mark.parametrize("seed", range(8))  # two rows pass of seeds 0, 1, 6 and 7
def test_few_rows_that_pass_do_not_leave_few_points(seed):
    y = (np.arange(500) < 25).astype(int)
    X = np.random.default_rng(seed).normal(size=(500, 10))
    X[y == 1] += 0.5
    X_new, _ = AMDO(random_state=0, device="cpu").fit_resample(X, y)
    assert len(np.unique(X_new[500:], axis=0)) == 450


def test_of_one_column_two_rows_that_pass_do_not_count_alone():
    X = np.r_[np.arange(30.0), 5.5, 12.5, 20.5, 90, 91][:, None]
    y = np.repeat([0, 1], [30, 5])
    sampler = AMDO(k_neighbors=1, random_state=0, device="cpu").fit(X, y)
    assert sampler.history_.loc[0, "rows"] == 5


@pytest.mark.parametrize("n", [2, 7])
def test_rows_on_a_line_are_told(n):
    X = np.random.default_rng(0).normal(size=(20 + n, 3))
    X[20:] = np.arange(n)[:, None] * [1, 2, 3]
    with pytest.warns(UserWarning, match=f"on one line .the {n} of class 'rare'.*take"):
        AMDO(device="cpu").fit(X, np.repeat(["common", "rare"], [20, n]))


# ------------------------------------------------------------------ the sampler


def test_images_spread_as_their_class():
    """The mean stays, and so does the variance along the axes of the class."""
    rng = np.random.default_rng(0)
    X = rng.integers(100, 156, (260, 6, 6)).astype("uint8")
    y = np.repeat([0, 1], [200, 60])
    sampler = AMDO(min_share=0, random_state=0, device="cpu")
    sampler.fit_resample(X, y)
    drawn = sampler.sample(1, 4000, random_state=1).reshape(4000, -1)
    kept = int(sampler.history_.loc[0, "rows"])
    assert kept > 36
    assert drawn.mean() == pytest.approx(X[y == 1].mean(), abs=1)
    assert drawn.var(0).mean() == pytest.approx(X[y == 1].var(0).mean(), rel=0.1)


def test_constant_pixels_stay_constant():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (30, 8, 8)).astype("uint8")
    X[:, 0] = 0
    X_new, _ = AMDO(random_state=0, device="cpu").fit_resample(
        X, np.repeat([0, 1], [22, 8])
    )
    assert (X_new[:, 0] == 0).all()
    assert (X_new[30:, 1] != 0).any()


@pytest.mark.parametrize(
    "parameters", [{"min_share": -0.1}, {"min_share": 1.1}, {"k_neighbors": 0}]
)
def test_bad_parameters_are_refused(parameters):
    X, y = islands()
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
        AMDO(**parameters).fit_resample(X, y)


def test_an_outlier_of_another_class_moves_no_row_of_this_one():
    """A thousandth of each column's range is enough for axes of its own."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(330, 5)), np.repeat([0, 1], [300, 30])
    X[y == 1] += 6
    X[0] = 1e4
    new = AMDO(random_state=0).fit_resample(X, y)[0][330:]
    own = X[y == 1]
    assert new.mean(axis=0) == pytest.approx(own.mean(axis=0), abs=0.5)
    assert new.std(axis=0) == pytest.approx(own.std(axis=0), rel=0.5)
