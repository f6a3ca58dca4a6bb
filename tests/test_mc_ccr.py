"""MC-CCR: what a sphere costs, where rows are pushed, who meets whom, what X becomes."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from helpers import training
from helpers.over_sampling import _mc_ccr
from helpers.over_sampling._mc_ccr import (
    MC_CCR,
    PUBLISHED_ENERGY,
    nearest_distance,
    on_sphere,
    push,
    spent_at,
    spread,
)
from helpers.over_sampling._network_free import larger_first

CPU = torch.device("cpu")


def generator(seed=0):
    return training.make_generator(seed, CPU)


def clouds(counts=(40, 12, 6), d=4, seed=0):
    """Overlapping clouds, the first class the largest."""
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).normal(size=(len(y), d)) + 0.3 * y[:, None], y


# ------------------------------------------------------------------ spheres


def cost(radius, distances):
    """Energy for a sphere of that radius, by integration: one unit, and one per point."""
    return radius + sum(max(0.0, radius - x) for x in distances)


@pytest.mark.parametrize(
    ("energy", "radius"),
    [(0.5, 0.5), (1, 1), (2, 1.5), (3, 2), (4.5, 2.5), (9, 4), (13, 5)],
)
def test_radius_by_hand(energy, radius):
    distances = torch.tensor([[4.0, 1.0, 2.0]])
    assert spent_at(distances, energy).tolist() == pytest.approx([radius])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(0, 100, width=32), min_size=1, max_size=40),
    st.floats(0.01, 2000),
)
def test_a_sphere_spends_exactly_its_energy(distances, energy):
    radius = spent_at(torch.tensor([distances], dtype=torch.float64), energy).item()
    assert cost(radius, distances) == pytest.approx(energy, rel=1e-9)


def test_a_sphere_among_thousands_spends_its_energy_in_float32():
    distances = 60 + 20 * torch.rand(3, 5000, generator=generator())
    for row, radius in zip(distances, spent_at(distances, 70.0), strict=True):
        assert cost(radius.item(), row.tolist()) == pytest.approx(70, rel=1e-3)


# ------------------------------------------------------------------ cleaning


def test_rows_inside_go_to_the_surface_and_others_stay():
    centre = torch.tensor([[0.5, 0.5, 0.5]])
    larger = torch.tensor(
        [[0.52, 0.5, 0.49], [0.45, 0.45, 0.45], [0.9, 0.9, 0.9], [0.5, 0.56, 0.52]]
    )
    radii, inside, moved = push(centre, larger, 0.4, True, generator())
    before, after = (larger - centre).abs().sum(1), (moved - centre).abs().sum(1)
    assert cost(radii.item(), before.tolist()) == pytest.approx(0.4, rel=1e-5)
    assert inside.tolist() == [3]
    assert after[[0, 1, 3]].tolist() == pytest.approx([radii.item()] * 3, rel=1e-5)
    assert torch.equal(moved[2], larger[2])
    # Straight away from the centre.
    directions = (moved - centre) / after[:, None]
    assert torch.allclose(directions, (larger - centre) / before[:, None], atol=1e-5)


@pytest.mark.parametrize("chunk", [1, 2**22])
def test_a_row_in_two_spheres_makes_the_sum_of_both_moves(chunk, monkeypatch):
    monkeypatch.setattr(_mc_ccr, "DISTANCES", chunk)
    centres = torch.tensor([[0.4, 0.5], [0.6, 0.5], [0.5, 0.4]])
    larger = torch.tensor([[0.48, 0.52], [0.5, 0.5], [0.9, 0.1]])
    radii, inside, moved = push(centres, larger, 0.3, True, generator())
    expected = larger.clone()
    for centre, radius in zip(centres, radii, strict=True):
        for j, y in enumerate(larger):
            distance = (y - centre).abs().sum()
            if distance < radius:
                expected[j] += (radius - distance) / distance * (y - centre)
    assert inside.tolist() == [2, 2, 2]
    assert torch.allclose(moved, expected.clamp(0, 1), atol=1e-6)


def test_a_row_on_the_centre_is_pushed_by_the_radius_somewhere():
    centre = torch.full((1, 6), 0.5)
    radii, _, moved = push(centre, centre.repeat(2, 1), 0.3, True, generator())
    assert radii.item() == pytest.approx(0.1)
    assert (moved - centre).abs().sum(1).tolist() == pytest.approx([0.1, 0.1])
    assert not torch.allclose(moved[0], moved[1])


def test_without_translation_nothing_moves():
    rows, larger = (torch.rand(n, 3, generator=generator(n)) for n in (4, 9))
    radii, inside, moved = push(rows, larger, 2.0, False, generator())
    assert moved is larger
    again = push(rows, larger, 2.0, True, generator())
    assert torch.equal(radii, again[0])
    assert torch.equal(inside, again[1])
    assert not torch.equal(larger, again[2])


def test_pushed_rows_stay_in_the_range():
    rows, larger = (torch.rand(n, 3, generator=generator(n)) for n in (8, 20))
    _, _, moved = push(rows, larger, 50.0, True, generator())
    assert moved.min() == 0
    assert moved.max() == 1


def test_nearest_distance(monkeypatch):
    rows, others = (torch.rand(n, 3, generator=generator(n)) for n in (7, 11))
    expected = (rows[:, None] - others).abs().sum(2).min(1).values
    monkeypatch.setattr(_mc_ccr, "DISTANCES", 25)
    assert torch.allclose(nearest_distance(rows, others), expected)


# ------------------------------------------------------------------ new rows


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_shares_are_rounded_down_or_up(n):
    weights = torch.tensor([0.1, 2.0, 0.0, 5.0, 0.9])
    counts = torch.bincount(spread(weights, n, generator()), minlength=5)
    shares = n * weights / weights.sum()
    assert counts.sum() == n
    assert (counts >= shares.floor()).all()
    assert (counts <= shares.ceil()).all()
    drawn = {tuple(spread(weights, 7, generator(seed)).tolist()) for seed in range(20)}
    assert len(drawn) > 1


def test_directions_have_length_1():
    directions = on_sphere(500, 3, generator())
    assert torch.allclose(directions.abs().sum(1), torch.ones(500))
    assert (directions.mean(0).abs() < 0.1).all()


def test_new_rows_lie_in_the_spheres_and_more_in_the_small_ones():
    few = np.array([[10.0, 50], [40, 50], [70, 50]])
    near = np.array([[11.0, 50], [10, 49], [42, 52]])
    far = np.column_stack([np.arange(27), np.full(27, 100.0)])
    X, y = np.concatenate([few, near, far]), np.repeat([1, 0], [3, 30])
    sampler = MC_CCR(energy=0.1, value_range=(0, 100), random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    # In units of X an energy of 10. First sphere: 1, and 9 by three; second: 4, and 6 by
    # two; third: all for itself.
    radii = 100 * sampler.radii_[1].numpy()
    assert radii == pytest.approx([4, 7, 10], rel=1e-5)
    distances = np.abs(X_new[33:, None] - few).sum(2)
    owner = distances.argmin(1)
    shares = 27 / radii / (1 / radii).sum()
    assert (np.abs(np.bincount(owner) - shares) < 1).all()
    reach = distances.min(1) / radii[owner]
    assert 0.8 < reach.max() <= 1
    assert reach.min() < 0.2


def test_energy_reaches_half_of_the_rows_by_default():
    X, y = clouds((50, 20))
    sampler = MC_CCR(random_state=0, device="cpu")
    sampler.fit_resample(X, y)
    scaled = (X - X.min(0)) / np.ptp(X, 0)
    nearest = np.abs(scaled[y == 1][:, None] - scaled[y == 0]).sum(2).min(1)
    middle = np.sort(nearest)[[9, 10]]
    history = sampler.history_.iloc[0]
    assert middle[0] - 1e-6 <= history["energy"] <= middle[1] + 1e-6
    assert history["nearest"] == history["energy"]
    assert ((sampler.radii_[1].numpy() > nearest).sum()) in (9, 10)


def test_classes_on_top_of_each_other_are_no_error():
    X, y = np.ones((12, 3)), np.repeat([0, 1], [9, 3])
    sampler = MC_CCR(cleaning="translate", random_state=0, device="cpu")
    X_new, y_new = sampler.fit_resample(X, y)
    assert (X_new == 1).all()
    assert Counter(y_new.tolist()) == {0: 9, 1: 9}
    assert sampler.history_["energy"].tolist() == [PUBLISHED_ENERGY]


def test_published_energy_copies_images():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (40, 28, 28)).astype("uint8")
    y = np.repeat([0, 1], [30, 10])
    sampler = MC_CCR.preset("authors_code", random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    originals = {image.tobytes() for image in X}
    assert all(image.tobytes() in originals for image in X_new)
    assert not sampler.translated_mask_.any()
    scaled, _ = MC_CCR(random_state=0, device="cpu").fit_resample(X, y)
    assert not any(image.tobytes() in originals for image in scaled[40:])


# ------------------------------------------------------------------ the order


def test_each_class_meets_the_larger_ones_in_equal_shares():
    sizes = {0: 5, 1: 30, 2: 12, 3: 11}
    held = {code: torch.full((n, 1), float(code)) for code, n in sizes.items()}
    wanted = {code: 30 - n for code, n in sizes.items() if n < 30}
    met = []
    for code, larger, origin in larger_first(held, wanted, generator()):
        met.append((code, Counter(larger[:, 0].int().tolist())))
        for _, places in origin:
            assert len(set(places.tolist())) == len(places)
        held[code] = torch.full((30, 1), float(code))  # filled before the next one
    assert met == [(2, {1: 30}), (3, {1: 15, 2: 15}), (0, {1: 10, 2: 10, 3: 10})]


def test_rows_may_be_drawn_twice_on_demand():
    held = {0: torch.zeros(100, 1), 1: torch.zeros(9, 1)}
    [(_, larger, origin)] = larger_first(held, {1: 91}, generator(), replacement=True)
    assert len(larger) == 100
    assert len(set(origin[0][1].tolist())) < 100


def test_a_largest_class_that_is_filled_meets_the_others():
    held = {0: torch.zeros(10, 1), 1: torch.ones(4, 1), 2: torch.full((3, 1), 2.0)}
    [(code, larger, _)] = larger_first(held, {0: 5}, generator())
    assert code == 0
    assert Counter(larger[:, 0].tolist()) == {1: 4, 2: 3}
    X, y = clouds((10, 4))
    _, y_new = MC_CCR(sampling_strategy={0: 15}, device="cpu").fit_resample(X, y)
    assert Counter(y_new.tolist()) == {0: 15, 1: 4}


# ------------------------------------------------------------------ what X becomes


def test_x_is_left_alone_by_default():
    X, y = clouds()
    sampler = MC_CCR(random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    assert (X_new[: len(X)] == X).all()
    assert not sampler.translated_mask_.any()
    assert len(sampler.translated_mask_) == len(X)
    assert sampler.history_["inside"].gt(0).all()


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
def test_translation_changes_the_rows_it_names(dtype):
    X, y = clouds()
    X = (40 * (X - X.min())).astype(dtype)
    before = X.copy()
    sampler = MC_CCR(cleaning="translate", random_state=0, device="cpu")
    X_new, y_new = sampler.fit_resample(X, y)
    n, moved = len(X), sampler.translated_mask_
    assert (before == X).all()
    assert X_new.dtype == X.dtype
    assert (y_new[:n] == y).all()
    assert 0 < moved.sum() < n
    assert (X_new[:n][~moved] == X[~moved]).all()
    assert (X_new[:n][moved] != X[moved]).any(1).mean() > 0.9  # less in whole numbers
    assert (X_new >= X.min(0)).all()
    assert (X_new <= X.max(0)).all()
    assert not sampler.synthetic_mask_[:n].any()
    assert sampler.synthetic_mask_[n:].all()
    assert Counter(y_new.tolist()) == {0: 40, 1: 40, 2: 40}


def test_translation_of_two_classes_by_hand():
    """Row 0 lies at distance 2 from the only row pair that pushes, in units of X."""
    X = np.array([[4.0, 5.0], [0.0, 0.0], [10.0, 10.0], [6.0, 5.0], [6.0, 5.0]])
    y = [0, 0, 0, 1, 1]
    sampler = MC_CCR(energy=0.3, cleaning="translate", random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    # Scaled distance 0.2, so that 0.1 is left for two: the radius is 0.25. Both centres
    # push by 0.05 of the range of 10.
    assert sampler.radii_[1].tolist() == pytest.approx([0.25, 0.25])
    assert X_new[0] == pytest.approx([3, 5], abs=1e-5)
    assert sampler.translated_mask_.tolist() == [True, False, False, False, False]


def test_translated_frames_and_sparse_matrices_keep_their_types():
    X, y = clouds()
    parameters = {"cleaning": "translate", "random_state": 0, "device": "cpu"}
    dense, _ = MC_CCR(**parameters).fit_resample(X, y)
    thin, _ = MC_CCR(**parameters).fit_resample(sparse.csc_array(X), y)
    assert thin.format == "csc"
    assert np.allclose(thin.toarray(), dense)
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["d"] = (frame["d"] > 0).astype(int)
    moved, _ = MC_CCR(**parameters).fit_resample(frame, y)
    assert list(moved.dtypes) == list(frame.dtypes)
    assert set(moved["d"]) == {0, 1}


def test_translated_images_keep_shape_and_range():
    rng = np.random.default_rng(0)
    X = rng.integers(100, 156, (30, 3, 8, 8)).astype("uint8")
    y = np.repeat(["many", "few"], [24, 6])
    sampler = MC_CCR(cleaning="translate", energy=60, random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    assert X_new.shape == (48, 3, 8, 8)
    assert X_new.dtype == np.uint8
    assert sampler.translated_mask_[:24].any()
    assert sampler.sample("few", 3, random_state=0).shape == (3, 3, 8, 8)


def test_later_classes_push_earlier_ones():
    """A filled class takes part in the next round, and its rows are cleaned there."""
    X, y = clouds((40, 30, 8), d=2)
    parameters = {"cleaning": "translate", "random_state": 0, "device": "cpu"}
    sampler = MC_CCR(energy=1, **parameters)
    sampler.fit_resample(X, y)
    assert sampler.translated_mask_[y == 0].any()
    assert sampler.translated_mask_[y == 1].any()
    assert not sampler.translated_mask_[y == 2].any()
    assert sampler.history_["label"].tolist() == [1, 2]


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    "parameters", [{"energy": 0}, {"energy": -1.0}, {"cleaning": "remove"}]
)
def test_bad_parameters_are_refused(parameters):
    X, y = clouds()
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
        MC_CCR(**parameters).fit_resample(X, y)


def test_preset():
    sampler = MC_CCR.preset("authors_code", energy=1.0)
    assert (sampler.energy, sampler.cleaning) == (1.0, "translate")
    assert MC_CCR.preset("authors_code").energy == 0.25
