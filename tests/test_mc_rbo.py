"""MC-RBO: the potential, each try of a climb, where climbs end, who is near whom."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from helpers import training
from helpers.over_sampling import _mc_rbo
from helpers.over_sampling._mc_rbo import MC_RBO, climb, neighbourhoods, potential

CPU = torch.device("cpu")


def generator(seed=0):
    return training.make_generator(seed, CPU)


def field(n_starts=3, k=6, d=4, seed=0):
    """Rows around some starts, and their signs; the start itself is of the own class."""
    rng = np.random.default_rng(seed)
    near = torch.as_tensor(rng.random((n_starts, k, d)), dtype=torch.float32)
    signs = torch.as_tensor(rng.choice([-1.0, 1.0], (n_starts, k)), dtype=torch.float32)
    signs[:, 0] = -1
    return near, signs


def plain_potential(point, near, signs, gamma):
    """All distances anew, row by row."""
    total = 0.0
    for row, sign in zip(near.tolist(), signs.tolist(), strict=True):
        distance = sum(abs(a - b) for a, b in zip(point, row, strict=True))
        total += sign * math.exp(-((distance / gamma) ** 2))
    return total


def clouds(counts=(40, 12, 6), d=4, seed=0):
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).normal(size=(len(y), d)) + 0.3 * y[:, None], y


# ------------------------------------------------------------------ the potential


def test_potential_by_hand():
    distances, signs = torch.tensor([0.0, 2.0, 4.0]), torch.tensor([-1.0, 1.0, 1.0])
    expected = -1 + math.exp(-1) + math.exp(-4)
    assert potential(distances, signs, 2.0).item() == pytest.approx(expected)


def test_climbs_report_the_potential_of_a_plain_sum():
    near, signs = field(k=9, d=5)
    which = torch.arange(3).repeat_interleave(20)
    settings = {"gamma": 1.1, "step_size": 0.05, "n_steps": 60}
    position, before, after = climb(
        near, signs, which, **settings, generator=generator()
    )
    for i, start in enumerate(which.tolist()):
        around = near[start], signs[start], 1.1
        at_start = plain_potential(near[start, 0].tolist(), *around)
        at_end = plain_potential(position[i].tolist(), *around)
        assert before[i].item() == pytest.approx(abs(at_start), abs=1e-5)
        assert after[i].item() == pytest.approx(abs(at_end), abs=1e-5)
    assert (after < before).all()
    assert after.mean() < 0.5 * before.mean()


# ------------------------------------------------------------------ the climb


def plain_climb(near, signs, gamma, step_size, n_steps, generator):
    """The same tries from the same random numbers, one after the other."""
    point, d = near[0].tolist(), near.shape[1]
    best = abs(plain_potential(point, near, signs, gamma))
    steps, tried, accepted = list(range(2 * d)), 0, 0
    for _ in range(n_steps):
        chance = torch.rand(1, generator=generator).item()
        if tried == 2 * d:
            continue
        drawn = tried + int(chance * (2 * d - tried))
        steps[tried], steps[drawn] = steps[drawn], steps[tried]
        column, up = divmod(steps[tried], 2)
        trial = list(point)
        trial[column] += step_size if up else -step_size
        value = abs(plain_potential(trial, near, signs, gamma))
        if value < best and 0 <= trial[column] <= 1:
            point, best, tried, accepted = trial, value, 0, accepted + 1
        else:
            tried += 1
    return point, best, accepted


@pytest.mark.parametrize("step_size", [0.01, 0.2])
@pytest.mark.parametrize("seed", range(8))
def test_a_climb_is_the_plain_climb(seed, step_size):
    near, signs = field(n_starts=1, k=7, d=6, seed=seed)
    settings = {"gamma": 1.5, "step_size": step_size, "n_steps": 40}
    position, _, after = climb(
        near, signs, torch.tensor([0]), **settings, generator=generator(seed)
    )
    point, best, accepted = plain_climb(
        near[0], signs[0], **settings, generator=generator(seed)
    )
    assert accepted > 0
    assert position[0].tolist() == pytest.approx(point, abs=1e-5)
    assert after.item() == pytest.approx(best, abs=1e-5)


def test_a_long_climb_ends_where_no_step_helps():
    near, signs = field(n_starts=4, k=8, d=5, seed=3)
    which, gamma, step_size = torch.arange(4).repeat_interleave(5), 1.0, 0.03
    position, _, after = climb(
        near, signs, which, gamma=gamma, step_size=step_size, n_steps=3000,
        generator=generator(),
    )  # fmt: skip
    assert position.min() >= 0
    assert position.max() <= 1
    for i, start in enumerate(which.tolist()):
        for column in range(5):
            for step in (-step_size, step_size):
                trial = position[i].tolist()
                trial[column] += step
                if 0 <= trial[column] <= 1:
                    value = plain_potential(trial, near[start], signs[start], gamma)
                    assert abs(value) >= after[i].item() - 1e-5


def test_no_step_is_tried_twice():
    """Of 2 d steps one stays in the range; 2 d tries always find it."""
    d = 5
    near = torch.full((1, 1, d), 0.5)
    near[0, 0, 2] = 0.1
    which, signs = torch.zeros(200, dtype=torch.int64), torch.tensor([[-1.0]])
    settings = {"gamma": 1.0, "step_size": 0.6, "generator": generator()}
    position, _, after = climb(near, signs, which, **settings, n_steps=2 * d)
    assert torch.allclose(position[:, 2], torch.tensor(0.7))
    assert (position[:, [0, 1, 3, 4]] == 0.5).all()
    assert torch.allclose(after, torch.tensor(math.exp(-0.36)))
    position, _, _ = climb(near, signs, which, **settings, n_steps=d)
    assert 0.3 < (position[:, 2] > 0.5).float().mean() < 0.7


def test_steps_are_drawn_evenly():
    near = torch.full((1, 1, 3), 0.5)
    which, signs = torch.zeros(6000, dtype=torch.int64), torch.tensor([[-1.0]])
    position, _, _ = climb(
        near, signs, which, gamma=1.0, step_size=0.1, n_steps=1, generator=generator()
    )
    moves = (position - 0.5).sign()
    assert (moves.abs().sum(1) == 1).all()
    counts = [(moves[:, c] == s).sum().item() for c in range(3) for s in (-1, 1)]
    assert min(counts) > 880
    assert max(counts) < 1120


def test_no_steps_leave_copies():
    X, y = clouds()
    X_new, _ = MC_RBO(n_steps=0, random_state=0, device="cpu").fit_resample(X, y)
    copies = np.abs(X_new[len(X) :, None] - X).sum(2).min(1)
    assert (copies < 1e-5).all()


# ------------------------------------------------------------------ neighbours


@pytest.mark.parametrize("chunk", [1, 70, 2**22])
def test_neighbourhoods(chunk, monkeypatch):
    monkeypatch.setattr(_mc_rbo, "DISTANCES", chunk)
    everything = torch.rand(30, 4, generator=generator())
    everything[[1, 20]] = everything[
        0
    ].clone()  # the row itself comes first all the same
    distances, places = neighbourhoods(everything[:9], everything, 5)
    assert places.shape == distances.shape == (9, 6)
    assert places[:, 0].tolist() == list(range(9))
    assert (distances[:, 0] == 0).all()
    for i in range(9):
        expected = (everything - everything[i]).abs().sum(1)
        expected[i] = -1
        assert distances[i, 1:].tolist() == pytest.approx(
            sorted(expected.tolist())[1:6], abs=1e-6
        )
        assert distances[i, 1:].tolist() == pytest.approx(
            expected[places[i, 1:]].tolist(), abs=1e-6
        )


def test_few_rows_are_all_neighbours():
    distances, _ = neighbourhoods(torch.rand(2, 3), torch.rand(4, 3), 25)
    assert distances.shape == (2, 4)
    X, y = clouds((5, 2))
    _, y_new = MC_RBO(random_state=0, device="cpu").fit_resample(X, y)
    assert Counter(y_new.tolist()) == {0: 5, 1: 5}


def test_the_field_of_a_class():
    """Signs, neighbours and gamma, with the rows kept that are anyone's neighbour."""
    own, larger = (torch.rand(n, 3, generator=generator(n)) for n in (4, 50))
    made = MC_RBO(k_neighbors=60)._field(own, larger)
    assert torch.equal(made["rows"], torch.cat([own, larger]))
    assert made["signs"].tolist() == [-1.0] * 4 + [1.0] * 50
    made = MC_RBO(k_neighbors=6)._field(own, larger)
    around = made["rows"][made["nearest"]]
    assert torch.equal(around[:, 0], own)
    distances = (around - own[:, None]).abs().sum(2)
    assert made["gamma"] == pytest.approx(distances[:, 1:].median().item())
    assert made["step_size"] == pytest.approx(made["gamma"] / 50)
    ours = {tuple(row) for row in own.tolist()}
    signs = [-1.0 if tuple(row) in ours else 1.0 for row in made["rows"].tolist()]
    assert made["signs"].tolist() == signs
    assert len(made["rows"]) <= 4 * 7


def test_step_size_in_many_columns_is_the_mean_difference():
    made = MC_RBO()._field(torch.rand(4, 200), torch.rand(50, 200))
    assert made["step_size"] == pytest.approx(made["gamma"] / 200)
    made = MC_RBO(gamma=3.0, step_size=0.5)._field(torch.rand(4, 9), torch.rand(9, 9))
    assert (made["gamma"], made["step_size"]) == (3.0, 0.5)


# ------------------------------------------------------------------ the sampler


def test_new_rows_settle_where_the_potential_is_lower():
    X, y = clouds()
    sampler = MC_RBO(random_state=0, device="cpu")
    sampler.fit_resample(X, y)
    history = sampler.history_
    assert history["label"].tolist() == [1, 2]
    assert (history["after"] < 0.2 * history["before"]).all()
    assert history["larger"].between(0, 1).all()


def test_larger_rows_are_drawn_with_replacement(monkeypatch):
    drawn = []

    def spy(held, wanted, generator, **options):
        for code, larger, origin in scheme(held, wanted, generator, **options):
            drawn.append(origin[0][1].tolist())
            yield code, larger, origin

    scheme = _mc_rbo.larger_first
    monkeypatch.setattr(_mc_rbo, "larger_first", spy)
    MC_RBO(n_steps=1, random_state=0, device="cpu").fit(*clouds((40, 12)))
    assert len(drawn[0]) == 40
    assert len(set(drawn[0])) < 40


def test_chunks_start_everywhere(monkeypatch):
    """Every new row is close to the row it came from, however the climbs are cut."""
    X, y = clouds((40, 6))
    settings = {"step_size": 1e-4, "n_steps": 10, "random_state": 0, "device": "cpu"}
    for chunk in (1, 20, 2**20):
        monkeypatch.setattr(_mc_rbo, "CLIMB_CHUNK", chunk)
        X_new, _ = MC_RBO(**settings).fit_resample(X, y)
        scaled = (X_new - X.min(0)) / np.ptp(X, 0)
        distances = np.abs(scaled[46:, None] - scaled[40:46]).sum(2)
        assert (distances.min(1) < 0.0011).all()
        assert (distances.min(1) > 0).all()
        assert len(set(distances.argmin(1))) == 6


def test_published_constants_copy_images():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (40, 28, 28)).astype("uint8")
    y = np.repeat([0, 1], [30, 10])
    sampler = MC_RBO.preset("authors_code", random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    apart = np.abs(X_new[40:, None].astype(int) - X[30:]).max((2, 3)).min(1)
    assert apart.max() <= 2
    assert sampler.history_["before"].tolist() == pytest.approx([1.0])  # its own alone
    moved, _ = MC_RBO(random_state=0, device="cpu").fit_resample(X, y)
    apart = np.abs(moved[40:, None].astype(int) - X[30:]).max((2, 3)).min(1)
    assert apart.min() > 10


def test_classes_on_top_of_each_other_are_no_error():
    X, y = np.ones((12, 3)), np.repeat([0, 1], [9, 3])
    sampler = MC_RBO(random_state=0, device="cpu")
    X_new, _ = sampler.fit_resample(X, y)
    assert (X_new == 1).all()
    assert sampler.history_["gamma"].tolist() == [0.05]


@pytest.mark.parametrize("name", ["gamma", "step_size", "k_neighbors", "n_steps"])
def test_bad_parameters_are_refused(name):
    X, y = clouds()
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        MC_RBO(**{name: -1}).fit_resample(X, y)


def test_preset():
    sampler = MC_RBO.preset("authors_code", n_steps=7)
    assert (sampler.gamma, sampler.step_size, sampler.n_steps) == (0.05, 0.001, 7)
