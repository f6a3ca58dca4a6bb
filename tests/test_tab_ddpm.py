"""What is particular to `TabDDPMOverSampler`: both diffusions, the schedule, its network."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from helpers import TabDDPMOverSampler, training
from helpers.over_sampling._mixed import Blocks
from helpers.over_sampling._tab_ddpm import (
    NEVER,
    cosine_schedule,
    divergence,
    into_normal,
    log_before,
    other_levels,
    out_of_normal,
    step_back,
)

from .conftest import make_sampler


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


# ------------------------------------------------------------------ numbers


def test_the_schedule_is_the_cosine():
    kept = cosine_schedule(1000)
    assert kept[0] == 1
    assert (kept[1:] < kept[:-1]).all()
    # Nichol and Dhariwal's equation 17, at the half and near the end.
    f = [math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2 for t in (0, 0.5, 0.95)]
    assert kept[[500, 950]].tolist() == pytest.approx([f[1] / f[0], f[2] / f[0]])
    assert 1 - kept[-1] / kept[-2] == pytest.approx(0.999)


@pytest.mark.parametrize("reading", ["text", "authors_code"])
def test_numbers_come_back_from_their_quantiles(reading):
    rng = np.random.default_rng(0)
    columns = {
        "even": rng.random(500),
        "tail": rng.standard_cauchy(500) ** 3,
        "zeros": np.where(rng.random(500) < 0.4, 0, rng.random(500)),
        "few": rng.integers(0, 5, 500) / 4,
    }
    X = torch.as_tensor(np.column_stack([*columns.values()])).float()
    X = (X - X.amin(0)) / (X.amax(0) - X.amin(0))
    normal, quantiles = into_normal(X, reading)
    back = out_of_normal(normal, quantiles)
    ends = (X == 0) | (X == 1)
    assert torch.allclose(back[~ends], X[~ends], atol=2e-3)
    if reading == "authors_code":
        assert torch.allclose(back, X, atol=2e-3)
    else:  # an end that one row holds is half the way to the next
        lone = X[:, :2].topk(2, dim=0).values.mean(dim=0)
        assert torch.allclose(back[:, :2].amax(0), lone, atol=2e-3)
        assert torch.allclose(back[:, 2:], X[:, 2:], atol=2e-3)
    assert normal[:, 0].std() == pytest.approx(1, abs=0.1)
    # What lies beyond is kept within.
    far = out_of_normal(torch.full((1, 4), 30.0), quantiles)
    assert (far == 1).all()


def test_zeros_at_the_end_are_no_outliers():
    x = torch.cat([torch.zeros(400), torch.linspace(0.1, 1, 600)])[:, None]
    normal, quantiles = into_normal(x, "text")
    assert normal[0].item() == pytest.approx(-0.84, abs=0.01)  # the 20 % quantile
    assert quantiles["ends"][0].item() == normal[0].item()
    by_code, _ = into_normal(x, "authors_code")
    assert by_code[0].item() == pytest.approx(-5.2, abs=0.01)


@pytest.mark.parametrize("pairs", [[(1000, 999), (500, 499), (2, 1)], [(1000, 500)]])
def test_a_step_back_undoes_the_noise(pairs, generator):
    """Given the true row, x at time s is again the row with the noise of time s."""
    kept = cosine_schedule(1000).tolist()
    row = torch.full((50_000, 1), 1.5)
    for t, s in pairs:
        noise, more = torch.randn(2, 50_000, 1, generator=generator)
        x = math.sqrt(kept[t]) * row + math.sqrt(1 - kept[t]) * noise
        earlier = step_back(x, row, more, kept[s], kept[t], forth=False)
        assert earlier.mean().item() == pytest.approx(
            1.5 * math.sqrt(kept[s]), abs=0.02
        )
        assert earlier.std().item() == pytest.approx(math.sqrt(1 - kept[s]), abs=0.02)
    last = step_back(x, row, more, 1.0, kept[1], forth=False)
    assert torch.allclose(last, row)


@pytest.mark.parametrize("pair", [(1000, 999), (500, 499), (50, 25)])
def test_a_step_of_the_authors_code_has_the_noise_of_the_step_forth(pair, generator):
    """Equation 3 of Ho et al. with beta as the variance, where it is not the posterior's."""
    (t, s), kept = pair, cosine_schedule(1000).tolist()
    x, row, noise = torch.randn(3, 20, 1, generator=generator)
    told = kept[s], kept[t]
    still = torch.zeros_like(noise)
    added = step_back(x, row, noise, *told, True) - step_back(
        x, row, still, *told, True
    )
    assert torch.allclose(added, math.sqrt(1 - kept[t] / kept[s]) * noise, atol=1e-6)
    # The mean is the posterior's either way.
    both = [step_back(x, row, still, *told, forth) for forth in (True, False)]
    assert torch.equal(*both)


def test_training_shows_numbers_with_the_noise_of_their_time(monkeypatch):
    """Equation 4 of Ho et al.: what a row has left and its noise have variance 1 together."""
    X, y, _ = dependent()
    sampler = TabDDPMOverSampler(
        n_steps=60, n_timesteps=4, layers=(8,), random_state=0, device="cpu"
    )
    seen, build = [], sampler._build

    def spied(name):
        network = build(name)

        def note(_, given):
            if len(given[0]) == len(given[2]):  # in sampling all rows have one time
                seen.append((given[0].clone(), given[2].clone()))

        network.register_forward_pre_hook(note)
        return network

    monkeypatch.setattr(sampler, "_build", spied)
    sampler.fit(X[:, :1], y)
    x, t = (torch.cat(part) for part in zip(*seen, strict=True))
    for time in range(1, 5):
        at = x[t[:, 0] == time]
        assert len(at) > 1000
        assert at.std().item() == pytest.approx(1, abs=0.05)


# ------------------------------------------------------------------ categories


def before_by_hand(start, levels, kept_s, kept_t, k):
    """Equation 14 of Hoogeboom et al. in plain probabilities, one row and category."""
    alpha = kept_t / kept_s
    from_start = kept_s * np.eye(k)[start] + (1 - kept_s) / k
    to_now = alpha * np.eye(k)[levels] + (1 - alpha) / k
    return from_start * to_now / (from_start * to_now).sum()


@pytest.mark.parametrize(("t", "s"), [(1, 0), (40, 39), (90, 30), (100, 99)])
def test_the_level_before_is_the_papers(t, s):
    blocks = Blocks([3, 2], "cpu")
    kept = cosine_schedule(100)
    start, levels = torch.tensor([[2, 0], [1, 1]]), torch.tensor([[0, 0], [1, 0]])
    log_start = blocks.padded((1 - blocks.one_hot(start)) * NEVER, NEVER)
    ends = kept[[s]].float()[:, None], kept[[t]].float()[:, None]
    found = log_before(log_start, levels, *ends, blocks).exp()
    for i in range(2):
        for j, k in enumerate([3, 2]):
            expected = before_by_hand(start[i, j], levels[i, j], kept[s], kept[t], k)
            assert found[i, j, :k].numpy() == pytest.approx(expected.numpy(), abs=1e-5)
    assert (found[:, 1, 2] == 0).all()  # padding


def test_the_divergence_is_that_of_the_probabilities(generator):
    blocks, kept = Blocks([3], "cpu"), cosine_schedule(100).float()
    start, levels = torch.tensor([[2]]), torch.tensor([[1]])
    logits = torch.randn(1, 3, generator=generator)
    predicted = logits.softmax(1)[0].double().numpy()
    for t, s in [(60, 59), (1, 0)]:
        ends = kept[[[s]]], kept[[[t]]]
        found = divergence(logits, start, levels, *ends, blocks).item()
        true = before_by_hand(2, 1, ends[0].item(), ends[1].item(), 3)
        alpha = (ends[1] / ends[0]).item()
        guess = ends[0].item() * predicted + (1 - ends[0].item()) / 3
        guess = guess * (alpha * np.eye(3)[1] + (1 - alpha) / 3)
        guess = guess / guess.sum()
        there = true > 0
        expected = (true[there] * np.log(true[there] / guess[there])).sum()
        assert found == pytest.approx(expected, rel=2e-3)
    sure = torch.tensor([[-50.0, -50, 50]])
    assert divergence(sure, start, levels, *ends, blocks).item() == pytest.approx(0)


def test_gradients_of_the_divergence_are_finite(generator):
    blocks, kept = Blocks([3, 5], "cpu"), cosine_schedule(100).float()
    logits = torch.randn(4, 8, generator=generator, requires_grad=True)
    start = torch.tensor([[0, 4], [1, 0], [2, 2], [0, 1]])
    t = torch.tensor([[1], [1], [50], [100]])
    noisy = other_levels(start, kept[t], blocks, generator)
    divergence(logits, start, noisy, kept[t - 1], kept[t], blocks).mean().backward()
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().max() > 0


def test_levels_stay_with_their_probability(generator):
    blocks = Blocks([4, 2], "cpu")
    levels = torch.tensor([[3, 0]]).repeat(20_000, 1)
    noisy = other_levels(levels, torch.full((1, 1), 0.6), blocks, generator)
    shares = (noisy[:, 0].bincount(minlength=4) / 20_000).tolist()
    assert shares == pytest.approx([0.1, 0.1, 0.1, 0.7], abs=0.015)
    assert (noisy[:, 1] == 0).float().mean().item() == pytest.approx(0.8, abs=0.015)


# ------------------------------------------------------------------ the sampler


def dependent(n=400, n_rare=100, seed=0):
    """A category, another that it decides, and a number that it places."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n_rare, n_rare])
    a = np.where(y == 1, rng.choice(3, n, p=[0.2, 0.3, 0.5]), rng.integers(0, 3, n))
    x = np.array([-4.0, 0, 5])[a] + rng.normal(0, 0.3, n)
    X = np.column_stack([x, np.eye(3)[a], np.eye(3)[(a + 1) % 3]])
    return X, y, a


@pytest.fixture(scope="module")
def trained():
    X, y, a = dependent()
    sampler = TabDDPMOverSampler(
        feature_groups=[[1, 2, 3], [4, 5, 6]],
        n_steps=2000,
        batch_size=128,
        lr=3e-3,
        layers=(64, 64),
        n_timesteps=50,
        sampling_strategy={0: 310, 1: 110},
        random_state=0,
        device="cpu",
    )
    return sampler.fit(X, y), a[y == 1]


def test_more_steps_than_there_are_are_refused(table, monkeypatch):
    sampler = make_sampler("tab_ddpm", sampling_steps=6)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(
        ValueError, match="sampling_steps=6, but there are n_timesteps=5"
    ):
        sampler.fit_resample(*table)


def test_the_network_is_the_papers(table):
    sampler = TabDDPMOverSampler(n_steps=1, sampling_steps=1, device="cpu").fit(*table)
    network = sampler.networks_["denoiser"]
    shapes = [
        (m.in_features, m.out_features)
        for m in network.modules()
        if isinstance(m, nn.Linear)
    ]
    assert shapes == [
        (5, 128),
        (128, 128),
        (128, 128),
        (3, 128),
        (128, 256),
        *[(256, 256)] * 3,
        (256, 5),
    ]


def test_the_authors_code_lets_the_rate_fall(table, monkeypatch):
    rates, adam = {}, torch.optim.Adam.step

    def spy(optimiser, *given):
        rates.setdefault(reading, []).append(optimiser.param_groups[0]["lr"])
        return adam(optimiser, *given)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    for reading in ("text", "authors_code"):
        make_sampler("tab_ddpm", n_steps=5, reading=reading).fit(*table)
    assert rates["text"] == pytest.approx([0.01] * 5)
    # Set after each update, from the number of the one that was done.
    assert rates["authors_code"] == pytest.approx([0.01, 0.01, 0.008, 0.006, 0.004])


def test_training_goes_on_after_a_kill(tmp_path, monkeypatch, table):
    def make(**more):
        return make_sampler("tab_ddpm", reading="authors_code", n_steps=30, **more)

    expected, _ = make().fit_resample(*table)
    checkpoint, following, updates = tmp_path / "d.pt", training.Batches.__next__, []

    def killed(self):
        updates.append(1)
        if len(updates) == 20:
            raise KeyboardInterrupt
        return following(self)

    monkeypatch.setattr("helpers.training.HEARTBEAT", 0)
    monkeypatch.setattr("helpers.training.Checkpoint.due", True)
    with monkeypatch.context() as patch:
        patch.setattr(training.Batches, "__next__", killed)
        with pytest.raises(KeyboardInterrupt):
            make(checkpoint=checkpoint).fit_resample(*table)
    updates.clear()
    monkeypatch.setattr(
        training.Batches,
        "__next__",
        lambda self: (updates.append(1), following(self))[1],
    )
    found, _ = make(checkpoint=checkpoint).fit_resample(*table)
    assert len(updates) == 30 - 19
    assert (found == expected).all()


# ------------------------------------------------------------------ known answers


# Fewer than ten steps begin to cost, two of fifty lose shares and dependence.
@pytest.mark.parametrize("sampling_steps", [None, 15])
def test_what_is_known_of_a_class_comes_back(trained, sampling_steps):
    """Its shares, the level that another decides, and the number that a level places."""
    sampler, levels = trained
    sampler = sampler.set_params(sampling_steps=sampling_steps)
    made = sampler.sample(1, 1000, random_state=0)
    a, b = made[:, 1:4].argmax(axis=1), made[:, 4:].argmax(axis=1)
    shares, real = (np.bincount(x, minlength=3) / len(x) for x in (a, levels))
    # Three standard errors of what a hundred rows tell of a share of one half.
    assert np.abs(shares - real).max() < 0.15
    assert (b == (a + 1) % 3).mean() > 0.8  # of independent columns: .45
    centres = np.array([-4.0, 0, 5])[a]
    near = np.abs(made[:, 0] - centres) < 1.5
    assert near.mean() > 0.8  # of independent columns: .41
    assert 0.1 < (made[:, 0] - centres)[near].std() < 0.5  # the truth: .3


def test_another_class_has_shares_of_its_own(trained):
    """Half of class 1 has level 2, a third of class 0."""
    sampler = trained[0].set_params(sampling_steps=15)
    of_0, of_1 = (sampler.sample(c, 1000, random_state=0)[:, 3].mean() for c in (0, 1))
    assert of_1 > of_0 + 0.05


def test_heavy_tails_keep_their_quartiles():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.standard_cauchy(300), rng.normal(size=300)])
    y = np.repeat([0, 1], [200, 100])
    sampler = TabDDPMOverSampler(
        n_steps=400,
        lr=3e-3,
        layers=(32, 32),
        n_timesteps=20,
        random_state=0,
        device="cpu",
    )
    made = sampler.fit(X, y).sample(1, 1000, random_state=0)[:, 0]
    low, middle, high = np.quantile(made, [0.25, 0.5, 0.75])
    assert X[:, 0].min() <= made.min() <= made.max() <= X[:, 0].max()
    assert abs(middle) < 1
    assert 1 < high - low < 4  # the truth: 2
