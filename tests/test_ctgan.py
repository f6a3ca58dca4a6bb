"""What is particular to `CTGANOverSampler`: modes, conditions, the paper's networks."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers import CTGANOverSampler, training
from helpers.over_sampling import _ctgan
from helpers.over_sampling._ctgan import (
    ConditionedRows,
    Critic,
    condition_loss,
    critic_loss,
)
from helpers.over_sampling._mixed import Blocks
from helpers.over_sampling._modes import (
    find_modes,
    into_modes,
    modes_of_column,
    out_of_modes,
)

from .conftest import make_sampler


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def column(values):
    values = torch.as_tensor(np.asarray(values), dtype=torch.float32)[:, None]
    return (values - values.min()) / (values.max() - values.min())


def test_levels_that_share_a_code_are_drawn_anew():
    rng = np.random.default_rng(0)
    towns = [f"t{i:03d}" for i in rng.permutation(np.arange(300) % 150)]
    X = pd.DataFrame({"town": towns, "x": rng.normal(size=300)})
    y = np.repeat([0, 1], [200, 100])

    def drawn(seed):
        sampler = make_sampler("ctgan", random_state=seed).fit(X, y)
        return sampler, sampler.sample(1, 200, random_state=3)["town"]

    sampler, first = drawn(0)
    assert first.equals(drawn(0)[1])
    shared = {
        *sampler._kind.codec._columns[0].levels[sampler._kind.codec._columns[0].rare]
    }
    held = [
        {*sampler.sample(1, 200, random_state=s)["town"]} & shared for s in range(4)
    ]
    assert len(set.union(*held)) > max(map(len, held))


def test_a_batch_of_one_row_is_refused():
    X, y = np.random.default_rng(0).normal(size=(30, 2)), np.repeat([0, 1], [20, 10])
    with pytest.raises(ValueError, match="batch_size"):
        CTGANOverSampler(pac=1, batch_size=1).fit(X, y)


# ------------------------------------------------------------------ modes


@pytest.mark.parametrize(
    "kind", ["two modes", "heavy tail", "few values", "many zeros"]
)
def test_numbers_come_back_from_their_modes(kind, generator):
    rng = np.random.default_rng(0)
    zeros = np.where(rng.random(800) < 0.8, 0, rng.gamma(2, 2, 800))
    values = {
        "two modes": rng.normal(0, 1, 800) + 20 * (rng.random(800) < 0.5),
        "heavy tail": rng.standard_cauchy(800),
        "few values": rng.integers(0, 4, 800),
        "many zeros": zeros,
    }[kind]
    numbers = column(values)
    modes = find_modes(numbers, torch.zeros(800).long(), 10)
    places, chosen = into_modes(numbers, modes, generator)
    assert places.abs().max() <= 1
    apart = (out_of_modes(places, chosen, modes) - numbers).abs()[:, 0]
    kept = (places.abs() < 1)[:, 0]
    assert kept.float().mean() > 0.99
    # To a thousandth of the middle half, however far the tail reaches.
    middle = np.subtract(*np.quantile(numbers, [0.75, 0.25])) or 1
    assert apart[kept].max() < 1e-3 * middle


@pytest.mark.parametrize("n_rare", [20, 100])
def test_a_mode_of_few_rows_is_as_wide_as_they_are(n_rare):
    """The mixture alone is drawn to the centre, and made it two to six times too wide."""
    rng = np.random.default_rng(0)
    values = np.append(rng.normal(0, 1, 1000), rng.normal(9, 0.3, n_rare))
    codes = np.repeat([0, 1], [1000, n_rare])
    means, stds, weights = modes_of_column(values, codes, 10)
    far = int(np.argmax(means))
    assert means[far] == pytest.approx(9, abs=0.2)
    assert 0.2 < stds[far] < 0.6
    assert weights[far] == pytest.approx(n_rare / (1000 + n_rare), rel=0.1)


def test_a_mode_that_only_a_rare_class_has_counts():
    """Three rows of a thousand are less than half a percent, and a third of their class."""
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 1000), rng.normal(30, 0.1, 3)])
    codes = np.repeat([0, 1], [994, 9])
    means, _, _ = modes_of_column(values, codes, 10)
    assert max(means) == pytest.approx(30, abs=3)
    assert max(modes_of_column(values, 0 * codes, 10)[0]) < 10


def test_a_mode_is_drawn_by_its_density(generator):
    """Half way between two equal modes, both are taken, in equal shares."""
    modes = {"means": [[0.0, 1.0]], "stds": [[0.3, 0.3]], "weights": [[0.5, 0.5]]}
    _, chosen = into_modes(torch.full((4000, 1), 0.5), modes, generator)
    assert chosen.float().mean() == pytest.approx(0.5, abs=0.03)
    _, chosen = into_modes(torch.full((400, 1), 0.1), modes, generator)
    assert chosen.float().mean() < 0.1


# ------------------------------------------------------------------ conditions


def test_levels_are_asked_for_by_the_logarithm_of_their_frequency(generator):
    levels = torch.tensor([[0]] * 900 + [[1]] * 99 + [[2]])
    levels = torch.cat([levels, (torch.arange(1000) % 2)[:, None]], 1)
    rows = ConditionedRows(levels, Blocks([3, 2], "cpu"))
    level, chosen = rows.draw(40_000, generator)
    shares = level.bincount(minlength=5) / 40_000
    weights = np.log1p([900, 99, 1])
    expected = [*(weights / weights.sum() / 2), 0.25, 0.25]
    assert shares.numpy() == pytest.approx(np.array(expected), abs=0.01)
    # Each row has the level that it was drawn for, and all rows of a level come.
    own = torch.where(level < 3, levels[chosen, 0], 3 + levels[chosen, 1])
    assert (own == level).all()
    assert len(chosen[level == 3].unique()) == 500
    assert (chosen[level == 2] == 999).all()


def test_the_condition_is_held_to_in_its_own_category(generator):
    blocks = Blocks([2, 4, 3], "cpu")
    logits = torch.randn(6, 9, generator=generator)
    level = torch.tensor([0, 1, 2, 5, 6, 8])
    parts = logits.split([2, 4, 3], 1)
    plain = [
        F.cross_entropy(parts[k][[i]], torch.tensor([j]))
        for i, (k, j) in enumerate([(0, 0), (0, 1), (1, 0), (1, 3), (2, 0), (2, 2)])
    ]
    found = condition_loss(logits, level, blocks)
    assert found.item() == pytest.approx(torch.stack(plain).mean().item(), rel=1e-5)


# ------------------------------------------------------------------ networks


def test_the_slope_of_the_critic_is_its_gradient(generator):
    critic = Critic([12, 7, 5], dropout=0.5).eval()
    x = torch.randn(9, 12, generator=generator, requires_grad=True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    slope = critic.slope(x)
    assert torch.allclose(slope, gradient)
    # The same for the weights, through which the penalty is minimised.
    weights = [*critic.parameters()]
    by_hand, by_torch = (
        torch.autograd.grad(s.square().sum(), weights, allow_unused=True)
        for s in (slope, gradient)
    )
    for a, b in zip(by_hand, by_torch, strict=True):
        assert a is None or torch.allclose(a, b, atol=1e-6)


def test_networks_and_updates_are_the_papers():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(40, 2)), np.eye(3)[rng.integers(0, 3, 40)]])
    y = np.repeat([0, 1], [30, 10])
    sampler = CTGANOverSampler(feature_groups=[[2, 3, 4]], epochs=3, device="cpu")
    sampler.fit(X, y)
    conditions = 3 + 2
    width = 2 + sum(map(len, sampler._modes["means"])) + conditions

    def shapes(name):
        network = sampler.networks_[name]
        found = [m for m in network.modules() if isinstance(m, nn.Linear)]
        return [(m.in_features, m.out_features) for m in found]

    noise = 128 + conditions
    assert shapes("generator") == [
        (noise, 256),
        (noise + 256, 256),
        (noise + 512, width),
    ]
    packed = 10 * (width + conditions)
    assert shapes("discriminator") == [(packed, 256), (256, 256), (256, 1)]
    assert len(sampler.history_) == 3  # forty rows are less than a batch of 500
    defaults = sampler.get_params()
    assert defaults["batch_size"] == 500
    assert CTGANOverSampler().epochs == 300


def test_packs_that_do_not_come_out_even_are_refused(monkeypatch, table):
    sampler = make_sampler("ctgan", batch_size=25)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=r"pac=10 rows; .* such as batch_size=30"):
        sampler.fit_resample(*table)
    assert len(make_sampler("ctgan", batch_size=25, pac=5).fit(*table).history_) == 2


# ------------------------------------------------------------------ training


def dependent(n=300, n_rare=60, seed=0):
    """A category, another that it decides, and a number that it places."""
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], [n - n_rare, n_rare])
    a = np.where(y == 1, rng.choice(3, n, p=[0.2, 0.3, 0.5]), rng.integers(0, 3, n))
    x = np.array([-4.0, 0, 5])[a] + rng.normal(0, 0.3, n)
    X = np.column_stack([x, np.eye(3)[a], np.eye(3)[(a + 1) % 3]])
    return X, y, a


def test_training_goes_on_after_a_kill(tmp_path, monkeypatch):
    X, y, _ = dependent(60, 12)

    def make(**more):
        groups = [[1, 2, 3], [4, 5, 6]]
        return make_sampler("ctgan", feature_groups=groups, epochs=4, **more)

    expected, _ = make().fit_resample(X, y)
    checkpoint = tmp_path / "ctgan.pt"
    draw, updates = ConditionedRows.draw, []

    def killed(self, n, generator):
        updates.append(n)
        if len(updates) == 8:
            raise KeyboardInterrupt
        return draw(self, n, generator)

    monkeypatch.setattr("helpers.training.HEARTBEAT", 0)
    monkeypatch.setattr("helpers.training.Checkpoint.due", True)
    with monkeypatch.context() as patch:
        patch.setattr(ConditionedRows, "draw", killed)
        with pytest.raises(KeyboardInterrupt):
            make(checkpoint=checkpoint).fit_resample(X, y)
    updates.clear()
    monkeypatch.setattr(
        _ctgan.ConditionedRows,
        "draw",
        lambda self, n, generator: (updates.append(n), draw(self, n, generator))[1],
    )
    found, _ = make(checkpoint=checkpoint).fit_resample(X, y)
    assert len(updates) == 12 - 7
    assert (found == expected).all()


# ------------------------------------------------------------------ known answers


def table_of_known_modes(n=600, n_rare=200):
    """Two modes, a third that only the rare class has, a category and one that follows."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [n - n_rare, n_rare])
    a = np.where(y == 1, rng.choice(3, n, p=[0.2, 0.3, 0.5]), rng.integers(0, 3, n))
    x = np.where(rng.random(n) < 0.5, rng.normal(-3, 0.2, n), rng.normal(3, 0.5, n))
    x = np.where((y == 1) & (rng.random(n) < 0.4), rng.normal(8, 0.3, n), x)
    return np.column_stack([x, np.eye(3)[a], np.eye(3)[(a + 1) % 3]]), y


@pytest.fixture(scope="module")
def known():
    """Rows of the rare class, and rows made for it by a GAN that has learnt a little."""
    X, y = table_of_known_modes()
    sampler = CTGANOverSampler(
        feature_groups=[[1, 2, 3], [4, 5, 6]],
        epochs=100,
        batch_size=100,
        lr=2e-3,
        latent_dim=16,
        generator_layers=(32, 32),
        discriminator_layers=(32, 32),
        dropout=0.0,
        pac=1,
        random_state=0,
        device="cpu",
    )
    return X[y == 1], sampler.fit(X, y).sample(1, 2000, random_state=0)


@pytest.mark.parametrize(("low", "high"), [(-9, 0), (0, 5.5), (5.5, 20)])
def test_a_mode_is_found_and_made_as_wide_as_it_is(known, low, high):
    real, made = (x[(x > low) & (x <= high)] for x in (rows[:, 0] for rows in known))
    assert len(made) / len(known[1]) > 0.1  # the truth: about a third
    assert made.mean() == pytest.approx(real.mean(), abs=0.8)
    assert 0.25 * real.std() < made.std() < 1.6 * real.std()


def test_a_dependence_survives_better_than_in_independent_columns(known):
    _, made = known
    a, b = made[:, 1:4].argmax(axis=1), made[:, 4:].argmax(axis=1)
    shares = [np.bincount(x, minlength=3) / len(x) for x in (a, b)]
    independent = shares[0] @ np.roll(shares[1], -1)
    assert (b == (a + 1) % 3).mean() > independent + 0.1


def test_the_critics_loss_by_hand():
    critic = Critic([4], 0.0)
    with torch.no_grad():
        critic.last.weight.fill_(2)
        critic.last.bias.zero_()
    real, fake = torch.full((5, 4), 0.25), torch.full((5, 4), -0.125)
    generator = training.make_generator(0, torch.device("cpu"))
    found = critic_loss(critic, real, fake, generator)
    # -1 of generated rows less 2 of real ones, and a gradient of 4.
    assert found.item() == pytest.approx(-3 + 10 * (4 - 1) ** 2)
