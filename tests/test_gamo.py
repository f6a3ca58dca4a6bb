"""GAMO: convex weights, labels in proportion to what is missing, three players, images."""

import re
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from helpers import training
from helpers.over_sampling import GAMO, _gamo
from helpers.over_sampling._gamo import (
    classifier_loss,
    convex_weights,
    discriminator_loss,
    draw_labels,
    generator_loss,
)
from helpers.over_sampling._two_phase import TwoPhaseOverSampler

CPU = torch.device("cpu")
#: Networks of a few channels and a handful of updates.
TINY = {"width": 0.03, "device": "cpu", "random_state": 0}
SHORT = {**TINY, "n_steps": 3}


def generator(seed=0):
    return training.make_generator(seed, CPU)


def images(*shape, counts=(14, 6), seed=0):
    """Random uint8 images, the first class the largest."""
    y = np.repeat([f"class {k}" for k in range(len(counts))], counts)
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (len(y), *shape)).astype("uint8"), y


# ------------------------------------------------------------------ convex combinations


def test_weights_are_a_softmax_over_the_rows_of_the_label():
    owners = torch.tensor([1, 3, 1, 1, 3])
    logits = torch.log(torch.tensor([[1.0, 7, 2, 1, 9], [50, 1, 60, 70, 3]]))
    weights = convex_weights(logits, torch.tensor([1, 3]), owners)
    expected = torch.tensor([[0.25, 0, 0.5, 0.25, 0], [0, 0.25, 0, 0, 0.75]])
    assert torch.allclose(weights, expected)
    assert (weights[expected == 0] == 0).all()


def test_weights_are_convex_whatever_the_logits():
    owners = torch.arange(60) % 4
    labels = torch.arange(200) % 4
    logits = 30 * torch.randn(200, 60, generator=generator())
    weights = convex_weights(logits, labels, owners)
    assert (weights >= 0).all()
    assert torch.allclose(weights.sum(1), torch.ones(200))
    assert (weights[labels[:, None] != owners] == 0).all()


def test_new_rows_of_a_table_lie_in_the_hull_of_their_class():
    """Corners of a triangle and of a segment, of which every row is a mixture."""
    rng = np.random.default_rng(0)
    triangle = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]])
    segment = np.array([[9.0, 9.0], [7.0, 12.0]])
    X = np.concatenate([rng.uniform(-5, 20, (60, 2)), triangle, segment])
    y = np.repeat(["many", "three", "two"], [60, 3, 2])
    sampler = GAMO(**TINY, n_steps=60, lr=0.01)
    X_new, y_new = sampler.fit_resample(X, y)
    new, label = X_new[len(y) :], y_new[len(y) :]
    corners = np.vstack([triangle.T, np.ones(3)])
    shares = np.linalg.solve(corners, np.vstack([new[label == "three"].T, np.ones(57)]))
    assert shares.min() >= -1e-5
    assert shares.std(axis=1).max() > 0.01  # not all the same
    along = new[label == "two"] - segment[0]
    assert np.allclose(along[:, 1], -1.5 * along[:, 0], atol=1e-4)
    assert (along[:, 1] >= -1e-4).all()
    assert (along[:, 1] <= 3 + 1e-4).all()


def test_new_features_of_images_lie_between_those_of_their_class():
    X, y = images(8, 8, counts=(12, 2))
    sampler = GAMO(**SHORT).fit(X, y)
    rows = torch.as_tensor(X[y == "class 1"])[:, None] / 127.5 - 1
    with torch.no_grad():
        a, b = features = sampler.networks_["encoder"](rows)
    assert torch.allclose(sampler._features, features, atol=1e-5)
    assert features.abs().max() <= 1
    decoded = []

    class Spy(nn.Module):
        def forward(self, x):
            decoded.append(x)
            return torch.zeros(len(x), 1, 8, 8)

    sampler.networks_["decoder"] = Spy()
    grey = sampler.sample("class 1", 600, random_state=0)
    assert (grey == 128).all()  # tanh's 0 is the middle of the range
    assert [len(chunk) for chunk in decoded] == [256, 256, 88]
    points = torch.cat(decoded)
    gap = ((points - a) @ (b - a)) / (b - a).square().sum()
    assert torch.allclose(points, a + gap[:, None] * (b - a), atol=1e-5)
    assert gap.min() >= 0
    assert gap.max() <= 1
    assert gap.std() > 0.001


# ------------------------------------------------------------------ labels


def test_labels_are_drawn_in_proportion_to_what_is_missing():
    lacking = torch.tensor([0.0, 10, 0, 30, 60])
    shares = torch.bincount(draw_labels(lacking, 50_000, generator())) / 50_000
    assert (shares[[0, 2]] == 0).all()
    assert torch.allclose(shares, lacking / 100, atol=0.01)


@pytest.mark.parametrize("shape", [(8, 8), (5,)])
def test_what_is_missing_comes_from_sampling_strategy(shape, monkeypatch):
    X, y = images(*shape, counts=(10, 3, 6, 4))
    X = X % 2
    asked, joined = [], []

    def labels(lacking, n, generator):
        asked.append((lacking.tolist(), n))
        return draw_labels(lacking, n, generator)

    def D_loss(D, x, indicators, generator):
        joined.append((len(x), len(indicators)))
        return discriminator_loss(D, x, indicators, generator)

    monkeypatch.setattr(_gamo, "draw_labels", labels)
    monkeypatch.setattr(_gamo, "discriminator_loss", D_loss)
    strategy = {"class 1": 10, "class 3": 5}
    sampler = GAMO(**TINY, sampling_strategy=strategy, epochs=2, batch_size=16)
    _, y_new = sampler.fit_resample(X, y)
    assert Counter(y_new.tolist()) == {
        "class 0": 10,
        "class 1": 10,
        "class 2": 6,
        "class 3": 5,
    }
    assert asked == [([0, 7, 0, 1], 16), ([0, 7, 0, 1], 7)] * 2
    assert joined == [(32, 32), (14, 14)] * 2
    assert sampler._owners.tolist() == [1] * 3 + [3] * 4
    assert sampler.networks_["generator"][-1].out_features == 7


# ------------------------------------------------------------------ the three losses


class Fixed(nn.Module):
    """A player that answers with the logits it was given, in the order of the rows."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.as_tensor(logits, dtype=torch.float32)

    def forward(self, x):
        return self.logits.expand(len(x), -1) if self.logits.dim() == 1 else self.logits


FOUR = torch.eye(4)[[2, 0]]


def test_the_classifiers_loss():
    """Even probabilities: one error of 3/4 and three of 1/4; sure and wrong: two of 1."""
    x = torch.zeros(2, 3)
    even = classifier_loss(Fixed([0, 0, 0, 0]), x, FOUR)
    assert even.item() == pytest.approx((0.75**2 + 3 * 0.25**2) / 4)
    assert classifier_loss(Fixed(99 * FOUR), x, FOUR).item() == pytest.approx(0)
    wrong = classifier_loss(Fixed(99 * FOUR.flip(1)), x, FOUR)
    assert wrong.item() == pytest.approx(2 / 4)


def test_the_discriminators_loss_has_noisy_targets_real_rows_first():
    n = 20_000
    x, indicators = torch.zeros(n, 3), torch.zeros(n, 4)
    halves = torch.tensor([99.0, -99.0]).repeat_interleave(n // 2)[:, None]
    right = discriminator_loss(Fixed(halves), x, indicators, generator())
    assert right.item() == pytest.approx(0.01 / 3, rel=0.03)  # mean square of U(0, 0.1)
    wrong = discriminator_loss(Fixed(-halves), x, indicators, generator())
    assert wrong.item() == pytest.approx(1 - 0.1 + 0.01 / 3, rel=0.01)
    even = discriminator_loss(Fixed([0.0]), x, indicators, generator())
    assert even.item() == pytest.approx(0.25 - 0.05 + 0.01 / 3, rel=0.01)


def test_the_generator_wants_to_be_misclassified_and_taken_for_real():
    new = torch.zeros(2, 3)
    sure, lost = Fixed(99 * FOUR), Fixed([0.0, 0, 0, 0])
    wrong = Fixed(99 * FOUR.flip(1))
    real, unreal = Fixed([99.0]), Fixed([-99.0])
    assert generator_loss(sure, real, new, FOUR).item() == pytest.approx(1)
    assert generator_loss(sure, unreal, new, FOUR).item() == pytest.approx(2)
    # One minus an indicator is three ones, which probabilities meet at best evenly.
    assert generator_loss(wrong, real, new, FOUR).item() == pytest.approx(2 / 4)
    even = (0.25**2 + 3 * 0.75**2) / 4
    assert generator_loss(lost, real, new, FOUR).item() == pytest.approx(even)


def test_the_discriminator_is_told_the_label():
    seen = []

    class Spy(nn.Module):
        def forward(self, x):
            seen.append(x)
            return torch.zeros(len(x), 1)

    x = torch.tensor([[5.0, 6.0], [7.0, 8.0]])
    discriminator_loss(Spy(), x, FOUR, generator())
    generator_loss(Fixed([0.0, 0, 0, 0]), Spy(), x, FOUR)
    for found in seen:
        assert found.tolist() == [[5, 6, 0, 0, 1, 0], [7, 8, 1, 0, 0, 0]]


def test_each_loss_reaches_its_own_player_only():
    G, M, D = nn.Linear(3, 2), nn.Linear(2, 4), nn.Linear(6, 1)
    new = G(torch.randn(2, 3, generator=generator()))

    def reached(loss):
        for player in (G, M, D):
            player.zero_grad()
        loss.backward()
        return [player.weight.grad is not None for player in (G, M, D)]

    apart = new.detach()
    assert reached(classifier_loss(M, apart, FOUR)) == [False, True, False]
    loss = discriminator_loss(D, apart, FOUR, generator())
    assert reached(loss) == [False, False, True]
    assert reached(generator_loss(M, D, new, FOUR)) == [True, False, False]
    assert M.weight.requires_grad
    assert D.weight.requires_grad


def test_opponents_never_reach_the_generator(monkeypatch):
    """In the step itself: the rows they are shown are cut off from it."""
    shown = []

    def M_loss(M, x, indicators):
        shown.append(x.requires_grad)
        return classifier_loss(M, x, indicators)

    def D_loss(D, x, indicators, generator):
        shown.append(x.requires_grad)
        return discriminator_loss(D, x, indicators, generator)

    def G_loss(M, D, new, indicators):
        shown.append(new.requires_grad)
        return generator_loss(M, D, new, indicators)

    for name, loss in (("classifier", M_loss), ("discriminator", D_loss)):
        monkeypatch.setattr(_gamo, f"{name}_loss", loss)
    monkeypatch.setattr(_gamo, "generator_loss", G_loss)
    X, y = images(5)
    GAMO(**SHORT).fit(X, y)
    assert shown == [False, False, True] * 3


# ------------------------------------------------------------------ networks and phases


@pytest.fixture
def phases(monkeypatch):
    """Every phase: its number of updates, and weights before and after."""
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


def test_images_have_a_phase_before_the_game_and_fixed_features_in_it(phases):
    sampler = GAMO(**TINY, n_steps=4, autoencoder_steps=6)
    sampler.fit(*images(8, 8))
    assert [(name, n) for name, (n, *_) in phases.items()] == [
        ("autoencoder", 6),
        ("game", 4),
    ]
    _, fresh, learnt = phases["autoencoder"]
    _, start, end = phases["game"]
    assert sorted(learnt) == ["classifier", "decoder", "encoder"]
    assert not any(same(fresh[name], learnt[name]) for name in learnt)
    for name in ("encoder", "decoder"):
        assert same(sampler.networks_[name].state_dict(), learnt[name])
    assert sorted(start) == ["classifier", "discriminator", "generator"]
    assert same(learnt["classifier"], start["classifier"])
    assert not any(same(start[name], end[name]) for name in start)
    history = sampler.history_
    assert history.columns.tolist() == ["label", "phase", "step", "player", "loss"]
    assert Counter(zip(history["phase"], history["player"], strict=True)) == {
        ("autoencoder", "autoencoder"): 6,
        ("autoencoder", "classifier"): 6,
        ("game", "classifier"): 4,
        ("game", "discriminator"): 4,
        ("game", "generator"): 4,
    }
    assert history["step"].is_monotonic_increasing
    assert set(history["step"]) == set(range(1, 11))


def test_tables_are_their_own_features(phases):
    X, y = np.random.default_rng(0).normal(size=(20, 4)), np.repeat([0, 1], [14, 6])
    sampler = GAMO(**SHORT).fit(X, y)
    assert list(phases) == ["game"]
    assert sorted(sampler.networks_) == ["classifier", "discriminator", "generator"]
    low, high = X.min(axis=0), X.max(axis=0)
    expected = 2 * (X[y == 1] - low) / (high - low) - 1
    assert np.allclose(sampler._features.numpy(), expected, atol=1e-6)
    assert set(sampler.history_["step"]) == {1, 2, 3}


def test_networks_are_the_documented_ones():
    X, y = images(3, 32, 32, counts=(10, 4, 3))
    sampler = GAMO(n_steps=1, width=0.1, device="cpu", random_state=0).fit(X, y)

    def widths(name):
        layers = [m for m in sampler.networks_[name] if isinstance(m, nn.Linear)]
        return [layers[0].in_features, *(m.out_features for m in layers)]

    assert widths("generator") == [103, 256, 64, 7]
    assert widths("classifier") == [512, 256, 128, 3]
    assert widths("discriminator") == [515, 256, 128, 1]
    encoder, decoder = sampler.networks_["encoder"], sampler.networks_["decoder"]
    channels = [m.out_channels for m in encoder if isinstance(m, nn.Conv2d)]
    assert channels == [6, 13, 26, 51]
    assert isinstance(encoder[-1], nn.Tanh)
    assert decoder[0].in_features == 512
    slopes = {
        m.negative_slope
        for m in sampler.networks_["classifier"]
        if isinstance(m, nn.LeakyReLU)
    }
    assert slopes == {0.1}


def test_each_class_gets_images_of_its_own():
    """Bright left halves, bright right halves, bright tops: 40, 12 and 4 images."""
    y = np.repeat([0, 1, 2], [40, 12, 4])
    X = np.random.default_rng(0).integers(0, 60, (len(y), 8, 8)).astype("uint8")
    X[y == 0, :, :4] += 150
    X[y == 1, :, 4:] += 150
    X[y == 2, :4] += 150
    sampler = GAMO(**{**TINY, "width": 0.1}, n_steps=60, lr=0.003)
    X_new, y_new = sampler.fit_resample(X, y)
    new, label = X_new[len(y) :].astype(float), y_new[len(y) :]
    right, top = new[label == 1], new[label == 2]
    assert right[:, :, 4:].mean() > right[:, :, :4].mean() + 80
    assert top[:, :4].mean() > top[:, 4:].mean() + 80
    assert right.std(axis=0).mean() > 0.1  # not one image again and again
    loss = sampler.history_.query("player == 'autoencoder'")["loss"]
    assert loss.iloc[-10:].mean() < loss.iloc[:5].mean() / 3


@pytest.mark.parametrize(
    ("shape", "killed_at"),
    [((8, 8), 3), ((8, 8), 9), ((12,), 3)],  # of 5 updates and 7, of 7
)
def test_training_goes_on_after_a_kill(shape, killed_at, tmp_path, monkeypatch):
    X, y = images(*shape)
    parameters = {**TINY, "n_steps": 7, "autoencoder_steps": 5, "batch_size": 6}
    whole = GAMO(**parameters)
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
    again = GAMO(**parameters, checkpoint=tmp_path / "c.pt")
    with pytest.raises(KeyboardInterrupt):
        again.fit_resample(X, y)
    X_new, _ = again.fit_resample(X, y)
    assert len(calls) == (13 if len(shape) == 2 else 8)
    assert (X_new == expected).all()
    assert again.history_.equals(whole.history_)


# ------------------------------------------------------------------ images in and out


@pytest.mark.parametrize("shape", [(1, 8, 8), (28, 28), (3, 32, 32), (2, 20, 24)])
def test_images_of_any_size(shape):
    X, y = images(*shape, counts=(9, 7, 4))
    sampler = GAMO(**SHORT)
    X_new, y_new = sampler.fit_resample(X, y)
    assert X_new.shape == (27, *shape)
    assert X_new.dtype == np.uint8
    assert (X_new[: len(y)] == X).all()
    assert set(Counter(y_new.tolist()).values()) == {9}
    flat = X.reshape(len(X), -1)
    shape = shape if len(shape) == 3 else (1, *shape)
    X_flat, _ = GAMO(**SHORT, image_shape=shape).fit_resample(flat, y)
    assert (X_flat.reshape(X_new.shape) == X_new).all()


@pytest.mark.parametrize("shape", [(8, 8), (5,)])
def test_one_row_is_enough_for_a_class_that_needs_none(shape):
    """Nor does a last batch of one row, which batch normalisation would refuse."""
    X, y = images(*shape, counts=(12, 6, 1))
    sampler = GAMO(**TINY, epochs=2, batch_size=9, sampling_strategy={"class 1": 8})
    _, y_new = sampler.fit_resample(X, y)
    assert Counter(y_new.tolist()) == {"class 0": 12, "class 1": 8, "class 2": 1}
    phases = 2 if len(shape) == 2 else 1
    assert sampler.history_["step"].iloc[-1] == 4 * phases  # 9 + 9 of 19 rows
    with pytest.raises(ValueError, match=r"has 1 row\(s\); GAMO needs at least 2"):
        GAMO(**SHORT).fit(X, y)


@pytest.mark.parametrize("shape", [(2, 9, 8), (40,)])
def test_a_saved_sampler_goes_on_sampling(shape, tmp_path):
    X, y = images(*shape, counts=(14, 6, 9))
    sampler = GAMO(**SHORT).fit(X, y)
    sampler.save(tmp_path / "sampler.pt")
    loaded = GAMO.load(tmp_path / "sampler.pt")
    expected = sampler.sample("class 1", 9, random_state=4)
    assert (loaded.sample("class 1", 9, random_state=4) == expected).all()
    assert loaded.history_.equals(sampler.history_)
    assert len(loaded._features) == 15


def test_defaults():
    sampler = GAMO()
    assert (sampler.lr, sampler.batch_size, sampler.latent_dim) == (2e-4, 32, 100)
    assert _gamo.FEATURES == 512


@pytest.mark.parametrize(
    ("shape", "parameters", "message"),
    [
        ((3, 7, 12), {}, r"are 7x12 pixels; .* 8 on each side.*as a table"),
        ((64,), {"image_shape": (8, 8)}, r"has 2 entries; give \(C, H, W\)"),
        ((8, 8), {"batch_size": 1}, "'batch_size' parameter"),
        ((8, 8), {"latent_dim": None}, "'latent_dim' parameter"),
    ],
)
def test_bad_input_is_refused_before_training(shape, parameters, message, monkeypatch):
    X, y = images(*shape)
    sampler = GAMO(**SHORT, **parameters)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit(X, y)


def test_a_table_of_pixels_is_taken_as_a_table_and_that_is_said():
    X, y = images(64)
    with pytest.warns(UserWarning, match=re.escape("pass image_shape=(1, 8, 8).")):
        sampler = GAMO(**SHORT).fit(X, y)
    assert "encoder" not in sampler.networks_
