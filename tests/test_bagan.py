"""BAGAN: latent Gaussians, K + 1 answers, the autoencoder's weights, two phases."""

import math
import re
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.covariance import oas
from torch import nn

from helpers import training
from helpers.over_sampling import BAGAN, _bagan, _two_phase
from helpers.over_sampling._bagan import (
    class_gaussians,
    discriminator_loss,
    draw_codes,
    generator_loss,
)
from helpers.over_sampling._two_phase import TwoPhaseOverSampler

CPU = torch.device("cpu")
#: Networks of a few channels and a handful of updates.
TINY = {"width": 0.03, "latent_dim": 6, "device": "cpu", "random_state": 0}
SHORT = {**TINY, "n_steps": 3}


def generator(seed=0):
    return training.make_generator(seed, CPU)


def images(*shape, counts=(14, 6), seed=0):
    """Random uint8 images, the first class the largest."""
    y = np.repeat([f"class {k}" for k in range(len(counts))], counts)
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (len(y), *shape)).astype("uint8"), y


# ------------------------------------------------------------------ latent Gaussians


def latent_rows(*counts, d=3, seed=0):
    """Rows of classes with a mean and a covariance of their own."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    mixing = rng.normal(size=(len(counts), d, d))
    noise = rng.normal(size=(len(labels), 1, d)) @ mixing[labels]
    rows = noise[:, 0] + 5 * labels[:, None]
    return torch.tensor(rows).float(), torch.tensor(labels)


def covariances(factors):
    return (factors @ factors.mT).double().numpy()


def test_moments_without_shrinkage_are_the_samples():
    rows, labels = latent_rows(40, 7)
    means, factors = class_gaussians(rows, labels, shrinkage=False)
    for c, found in enumerate(covariances(factors)):
        own = rows[labels == c].double().numpy()
        assert np.allclose(means[c], own.mean(axis=0), atol=1e-5)
        assert np.allclose(found, np.cov(own.T), atol=1e-4)


def test_few_rows_do_not_shrink_the_size_of_their_variation():
    traces = []
    for seed in range(200):
        rows = torch.randn(4, 6, generator=torch.Generator().manual_seed(seed))
        many = torch.randn(60, 6, generator=torch.Generator().manual_seed(999 + seed))
        labels = torch.tensor([0] * 60 + [1] * 4)
        found = covariances(class_gaussians(torch.cat([many, rows]), labels)[1])
        traces.append(np.trace(found[1]))
    assert np.mean(traces) == pytest.approx(6, rel=0.08)


def test_draws_have_the_moments_of_their_class():
    rows, labels = latent_rows(40, 7, 12)
    means, factors = class_gaussians(rows, labels)
    asked = torch.arange(3).repeat(20_000)
    z = draw_codes(means, factors, asked, generator())
    expected = covariances(factors)
    assert np.abs(expected).max(axis=(1, 2)).min() > 0.5
    for c in range(3):
        drawn = z[asked == c].double().numpy()
        scale = np.sqrt(np.diag(expected[c]))
        assert np.abs((drawn.mean(axis=0) - means[c].numpy()) / scale).max() < 0.03
        difference = np.cov(drawn.T) - expected[c]
        assert np.abs(difference / np.outer(scale, scale)).max() < 0.04


def test_what_is_sampled_has_the_moments_of_its_class():
    sampler = BAGAN(**{**SHORT, "latent_dim": 3}).fit(*images(8, 8, counts=(14, 6, 9)))
    decoded = []

    class Spy(nn.Module):
        def forward(self, z):
            decoded.append(z)
            return torch.zeros(len(z), 1, 8, 8)

    sampler.networks_["generator"] = Spy()
    grey = sampler.sample("class 1", 20_000, random_state=0)
    assert (grey == 128).all()  # tanh's 0 is the middle of the range
    assert max(map(len, decoded)) == 256
    z = torch.cat(decoded).double().numpy()
    expected = covariances(sampler._factors)[1]
    scale = np.sqrt(np.diag(expected))
    assert np.abs((z.mean(axis=0) - sampler._means[1].numpy()) / scale).max() < 0.03
    difference = np.cov(z.T) - expected
    assert np.abs(difference / np.outer(scale, scale)).max() < 0.04


def test_shrinkage_goes_towards_a_multiple_of_the_pooled_covariance():
    """The estimator's formula by hand, in the coordinates of a Cholesky factor."""
    rows, labels = latent_rows(300, 4, d=6)
    d, n = 6, 4
    x, y = rows.double().numpy(), labels.numpy()
    centred = x - np.stack([x[y == c].mean(axis=0) for c in (0, 1)])[y]
    pooled = oas(centred, assume_centered=True)[0]
    own = centred[y == 1]
    sample = own.T @ own / n
    inverse = np.linalg.inv(np.linalg.cholesky(pooled))
    white = inverse @ sample @ inverse.T
    mean = np.trace(white) / d
    square = (white**2).mean()
    share = (square + mean**2) / ((n + 1) * (square - mean**2 / d))
    assert 0.3 < share < 1
    expected = (1 - share) * sample + share * mean * pooled
    expected *= n / (n - 1)  # the mean was taken from the rows themselves
    found = covariances(class_gaussians(rows, labels)[1])[1]
    assert np.allclose(found, expected, atol=1e-4)
    assert np.linalg.matrix_rank(found) == d > np.linalg.matrix_rank(sample)


def test_large_classes_keep_their_own_covariance():
    rows, labels = latent_rows(20_000, 20_000)
    found = covariances(class_gaussians(rows, labels)[1])
    for c in (0, 1):
        sample = np.cov(rows[labels == c].T.double().numpy())
        assert np.abs(found[c] - sample).max() < 0.01 * np.abs(sample).max()


@pytest.mark.parametrize("shrinkage", [True, False])
def test_single_and_equal_rows_are_points(shrinkage):
    rows, labels = latent_rows(9, 1, 3)
    rows[labels == 2] = 4.0
    means, factors = class_gaussians(rows, labels, shrinkage)
    assert torch.allclose(means[1], rows[labels == 1][0])
    assert torch.allclose(factors[1], torch.zeros(3, 3))
    assert torch.allclose(factors[2], torch.zeros(3, 3), atol=1e-6)
    assert factors[0].abs().max() > 0.1
    means, factors = class_gaussians(torch.ones(6, 3), torch.arange(6) % 2, shrinkage)
    assert torch.equal(means, torch.ones(2, 3))
    assert torch.equal(factors, torch.zeros(2, 3, 3))


# ------------------------------------------------------------------ the two losses


def test_losses_of_a_discriminator_that_knows_nothing():
    even = nn.Linear(2, 5)
    nn.init.zeros_(even.weight)
    nn.init.ones_(even.bias)
    x, labels = torch.ones(8, 2), torch.arange(8) % 4
    on_all = discriminator_loss(even, x, labels, torch.ones(2, 2))
    assert on_all.item() == pytest.approx(math.log(5))
    assert generator_loss(even, x, labels).item() == pytest.approx(math.log(5))


class Oracle(nn.Module):
    """Answers with the first column of a row, 100 logits above all else."""

    def forward(self, x):
        return 100 * nn.functional.one_hot(x[:, 0].long(), 5).float()


def test_right_answers_are_the_classes_and_one_more_for_generated():
    x = torch.tensor([[0.0], [3.0], [1.0]])
    labels = torch.tensor([0, 3, 1])
    fake = torch.full((2, 1), 4.0)
    assert discriminator_loss(Oracle(), x, labels, fake).item() == 0
    taken = torch.tensor([[4.0], [2.0]])  # one of five is wrong
    assert discriminator_loss(Oracle(), x, labels, taken).item() == pytest.approx(20)
    asked = torch.tensor([2, 2, 1, 0])
    made = torch.tensor([[2.0], [2.0], [4.0], [3.0]])  # two are not what was asked
    assert generator_loss(Oracle(), made, asked).item() == pytest.approx(50)


def test_each_loss_reaches_its_own_player_only():
    G, D = nn.Linear(3, 2), nn.Linear(2, 5)
    labels = torch.tensor([0, 3, 1, 1])
    fake = G(torch.randn(4, 3, generator=generator()))
    discriminator_loss(D, torch.ones(4, 2), labels, fake).backward()
    assert D.weight.grad.abs().sum() > 0
    assert G.weight.grad is None
    before = D.weight.grad.clone()
    generator_loss(D, fake, labels).backward()
    assert G.weight.grad.abs().sum() > 0
    assert torch.equal(D.weight.grad, before)
    assert D.weight.requires_grad


def test_batches_of_both_players(monkeypatch):
    """Two real batches of 8 and 5 rows in an epoch, three classes drawn evenly."""
    real, asked = [], Counter()

    def D_loss(D, x, labels, fake):
        real.append((len(x), len(fake)))
        return discriminator_loss(D, x, labels, fake)

    def G_loss(D, fake, labels):
        assert len(fake) == sum(real[-1])
        asked.update(labels.tolist())
        return generator_loss(D, fake, labels)

    monkeypatch.setattr(_bagan, "discriminator_loss", D_loss)
    monkeypatch.setattr(_bagan, "generator_loss", G_loss)
    sampler = BAGAN(**TINY, n_steps=200, autoencoder_steps=1, batch_size=8)
    X, y = images(8, counts=(9, 2, 2))
    sampler.fit(X % 2, y)
    assert real == [(8, 3), (5, 2)] * 100
    assert sorted(asked) == [0, 1, 2]
    assert min(asked.values()) > 0.28 * sum(asked.values())


# ------------------------------------------------------------------ networks and phases


@pytest.fixture
def phases(monkeypatch):
    """Every phase: its name, number of updates, and weights before and after."""
    seen, train = {}, training.train

    def weights(state):
        return {
            name: {k: w.clone() for k, w in part.state_dict().items()}
            for name, part in state.items()
            if isinstance(part, nn.Module)
        }

    def spy(step, n_steps, *, stage, state, **options):
        before = weights(state)
        history = train(step, n_steps, stage=stage, state=state, **options)
        seen[stage] = n_steps, before, weights(state)
        return history

    monkeypatch.setattr(training, "train", spy)
    return seen


def same(a, b):
    return all(torch.equal(a[k], w) for k, w in b.items())


@pytest.mark.parametrize("shape", [(8, 8), (3, 9, 10), (12,)])
def test_the_gan_starts_with_the_autoencoders_weights(shape, phases):
    X, y = images(*shape)
    BAGAN(**TINY, n_steps=4).fit(X, y)
    assert list(phases) == ["autoencoder", "gan"]
    _, fresh, learnt = phases["autoencoder"]
    _, start, end = phases["gan"]
    assert not same(fresh["decoder"], learnt["decoder"])
    assert same(learnt["decoder"], start["generator"])
    assert not same(start["generator"], end["generator"])
    shapes = {k: w.shape for k, w in start["discriminator"].items()}
    *trunk, weight, bias = shapes
    assert len(trunk) >= 4
    assert (shapes[weight][0], *shapes[bias]) == (3, 3)
    learnt_trunk = {k: learnt["encoder"][k] for k in trunk}
    assert not same(fresh["encoder"], learnt_trunk)
    assert same(start["discriminator"], learnt_trunk)
    assert not same(end["discriminator"], learnt_trunk)


def test_networks_are_the_documented_ones():
    X, y = images(3, 32, 32)
    sampler = BAGAN(n_steps=1, width=0.1, device="cpu", random_state=0).fit(X, y)
    G, D = sampler.networks_["generator"], sampler.networks_["discriminator"]
    channels = [m.out_channels for m in D if isinstance(m, nn.Conv2d)]
    assert channels == [6, 13, 26, 51]
    assert not any(isinstance(m, nn.BatchNorm2d) for m in D)
    assert G[0].in_features == 100
    assert D[-1].out_features == 3
    X, y = np.random.default_rng(0).normal(size=(20, 30)), np.repeat([0, 1], [14, 6])
    sampler = BAGAN(n_steps=1, device="cpu", random_state=0).fit(X, y)

    def widths(name):
        layers = [m for m in sampler.networks_[name] if isinstance(m, nn.Linear)]
        return [layers[0].in_features, *(m.out_features for m in layers)]

    assert widths("generator") == [15, 256, 512, 30]
    assert widths("discriminator") == [30, 512, 256, 3]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"epochs": 2}, (6, 6)),
        ({"epochs": 2, "n_steps": 5}, (5, 5)),
        ({"epochs": 2, "autoencoder_epochs": 3}, (9, 6)),
        ({"n_steps": 5, "autoencoder_epochs": 1}, (3, 5)),
        ({"n_steps": 5, "autoencoder_epochs": 1, "autoencoder_steps": 7}, (7, 5)),
    ],
)
def test_lengths_of_the_phases(parameters, expected, phases):
    X, y = images(8, 8)
    sampler = BAGAN(**TINY, batch_size=8, **parameters).fit(X, y)
    assert tuple(n for n, *_ in phases.values()) == expected
    history = sampler.history_
    assert history.columns.tolist() == ["label", "phase", "step", "player", "loss"]
    counts = Counter(zip(history["phase"], history["player"], strict=True))
    assert counts == {
        ("autoencoder", "autoencoder"): expected[0],
        ("gan", "discriminator"): expected[1],
        ("gan", "generator"): expected[1],
    }
    assert history["step"].is_monotonic_increasing
    assert set(history["step"]) == set(range(1, sum(expected) + 1))


def test_one_training_serves_all_classes(phases):
    X, y = images(8, 8, counts=(9, 7, 4, 2))
    sampler = BAGAN(**SHORT)
    _, y_new = sampler.fit_resample(X, y)
    assert set(Counter(y_new.tolist()).values()) == {9}
    assert list(phases) == ["autoencoder", "gan"]
    assert sorted(sampler.networks_) == ["discriminator", "generator"]


def test_each_class_gets_images_of_its_own():
    """Bright left halves, bright right halves, bright tops: 40, 12 and 4 images."""
    y = np.repeat([0, 1, 2], [40, 12, 4])
    X = np.random.default_rng(0).integers(0, 60, (len(y), 8, 8)).astype("uint8")
    X[y == 0, :, :4] += 150
    X[y == 1, :, 4:] += 150
    X[y == 2, :4] += 150
    sampler = BAGAN(
        **{**TINY, "width": 0.1}, n_steps=60, autoencoder_steps=100, lr=0.003
    )
    X_new, y_new = sampler.fit_resample(X, y)
    new, label = X_new[len(y) :].astype(float), y_new[len(y) :]
    right = new[label == 1]
    assert right[:, :, 4:].mean() > right[:, :, :4].mean() + 80
    top = new[label == 2]
    assert top[:, :4].mean() > top[:, 4:].mean() + 80
    assert right.std(axis=0).mean() > 1
    loss = sampler.history_.query("player == 'autoencoder'")["loss"]
    assert loss.iloc[-10:].mean() < loss.iloc[:5].mean() / 3


@pytest.mark.parametrize("killed_at", [3, 9])  # of 5 updates and 7
@pytest.mark.parametrize("shape", [(8, 8), (12,)])
def test_training_goes_on_after_a_kill(shape, killed_at, tmp_path, monkeypatch):
    X, y = images(*shape)
    parameters = {**TINY, "n_steps": 7, "autoencoder_steps": 5, "batch_size": 6}
    whole = BAGAN(**parameters)
    expected, _ = whole.fit_resample(X, y)
    calls, phase = [], TwoPhaseOverSampler._phase

    def killed(self, step, *arguments):
        def fragile():
            calls.append(1)
            if len(calls) == killed_at:
                raise KeyboardInterrupt
            return step()

        return phase(self, fragile, *arguments)

    monkeypatch.setattr(TwoPhaseOverSampler, "_phase", killed)
    monkeypatch.setattr("helpers.training.HEARTBEAT", 0)
    monkeypatch.setattr("helpers.training.Checkpoint.due", True)
    again = BAGAN(**parameters, checkpoint=tmp_path / "c.pt")
    with pytest.raises(KeyboardInterrupt):
        again.fit_resample(X, y)
    X_new, _ = again.fit_resample(X, y)
    assert len(calls) == 13  # the killed one and what it had left
    assert (X_new == expected).all()
    assert again.history_.equals(whole.history_)


# ------------------------------------------------------------------ images in and out


@pytest.mark.parametrize("shape", [(1, 8, 8), (28, 28), (3, 32, 32), (2, 20, 24)])
def test_images_of_any_size(shape):
    X, y = images(*shape, counts=(9, 7, 4))
    X_new, _ = BAGAN(**SHORT).fit_resample(X, y)
    assert X_new.shape == (27, *shape)
    assert X_new.dtype == np.uint8
    assert (X_new[: len(y)] == X).all()
    flat = X.reshape(len(X), -1)
    shape = shape if len(shape) == 3 else (1, *shape)
    X_flat, _ = BAGAN(**SHORT, image_shape=shape).fit_resample(flat, y)
    assert (X_flat.reshape(X_new.shape) == X_new).all()


def test_four_images_and_codes_of_a_hundred_numbers():
    X, y = images(8, 8, counts=(12, 4))
    sampler = BAGAN(**{**SHORT, "latent_dim": None}).fit(X, y)
    assert sampler._factors.shape == (2, 100, 100)
    z = draw_codes(
        sampler._means, sampler._factors, torch.ones(200).long(), generator()
    )
    assert torch.linalg.matrix_rank(z - z.mean(0)) == 100
    sampler = BAGAN(**{**SHORT, "latent_dim": None}, shrinkage=False).fit(X, y)
    z = draw_codes(
        sampler._means, sampler._factors, torch.ones(200).long(), generator()
    )
    assert torch.linalg.matrix_rank(z - z.mean(0), rtol=1e-3) == 3


def test_one_row_is_enough_for_a_class_that_needs_none():
    """Nor does a last batch of one row, which batch normalisation would refuse."""
    X, y = images(8, 8, counts=(12, 6, 1))
    sampler = BAGAN(**TINY, epochs=2, batch_size=9, sampling_strategy={"class 1": 8})
    _, y_new = sampler.fit_resample(X, y)
    assert Counter(y_new.tolist()) == {"class 0": 12, "class 1": 8, "class 2": 1}
    assert sampler.history_["step"].iloc[-1] == 8  # 9 + 9 of 19 rows, twice in a phase
    with pytest.raises(ValueError, match=r"has 1 row\(s\); BAGAN needs at least 2"):
        BAGAN(**SHORT).fit(X, y)


@pytest.mark.parametrize("shape", [(2, 9, 8), (40,)])
def test_a_saved_sampler_goes_on_sampling_without_the_images(shape, tmp_path):
    X, y = images(*shape)
    sampler = BAGAN(**SHORT).fit(X, y)
    sampler.save(tmp_path / "sampler.pt")
    loaded = BAGAN.load(tmp_path / "sampler.pt")
    expected = sampler.sample("class 1", 9, random_state=4)
    assert (loaded.sample("class 1", 9, random_state=4) == expected).all()
    assert loaded.history_.equals(sampler.history_)


def test_presets_and_defaults():
    authors = BAGAN.preset("authors_code")
    assert (authors.shrinkage, authors.epochs, authors.autoencoder_epochs) == (
        False,
        150,
        150,
    )
    default = BAGAN()
    assert (default.lr, default.batch_size, default.shrinkage) == (5e-5, 128, True)
    assert _two_phase.BETAS == (0.5, 0.999)


@pytest.mark.parametrize(
    ("shape", "parameters", "message"),
    [
        ((3, 7, 12), {}, r"are 7x12 pixels; .* 8 on each side.*as a table"),
        ((64,), {"image_shape": (8, 8)}, r"has 2 entries; give \(C, H, W\)"),
        ((8, 8), {"batch_size": 1}, "'batch_size' parameter"),
        ((8, 8), {"autoencoder_steps": 0}, "'autoencoder_steps' parameter"),
        ((8, 8), {"shrinkage": 0.3}, "'shrinkage' parameter"),
    ],
)
def test_bad_input_is_refused_before_training(shape, parameters, message, monkeypatch):
    X, y = images(*shape)
    sampler = BAGAN(**SHORT, **parameters)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit(X, y)


def test_a_table_of_pixels_is_taken_as_a_table_and_that_is_said():
    X, y = images(3 * 64)
    with pytest.warns(UserWarning, match=re.escape("pass image_shape=(3, 8, 8).")):
        sampler = BAGAN(**SHORT).fit(X, y)
    assert isinstance(sampler.networks_["generator"][0], nn.Linear)
