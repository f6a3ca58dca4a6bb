"""DeepSMOTE: layers of the paper, what each penalty does, SMOTE on the codes, the ending."""

import re
import warnings
from collections import Counter

import numpy as np
import pytest
import torch
from torch import nn

from helpers import networks, training
from helpers.over_sampling import DeepSMOTE, _deep_smote
from helpers.over_sampling._deep_smote import (
    OneClassBatches,
    penalty_loss,
    reconstruction_loss,
    smote,
)

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


def halves(*counts):
    """Two classes: images with a bright left half, and with a bright right half."""
    y = np.repeat([0, 1], counts)
    X = np.random.default_rng(0).integers(0, 60, (len(y), 8, 8)).astype("uint8")
    X[y == 0, :, :4] += 150
    X[y == 1, :, 4:] += 150
    return X, y


# ------------------------------------------------------------------ the networks


def sizes(network, x):
    """Shape behind every (transposed) convolution and linear layer."""
    found = []
    for layer in network:
        x = layer(x)
        if isinstance(layer, nn.Linear | nn.modules.conv._ConvNd):
            found.append(tuple(x.shape[1:]))
    return found


def test_layers_at_28_are_the_authors():
    with torch.device("meta"):
        encoder = networks.conv_encoder((1, 28, 28), 300)
        decoder = networks.conv_decoder((1, 28, 28), 300)
        assert sizes(encoder, torch.zeros(2, 1, 28, 28)) == [
            (64, 14, 14),
            (128, 7, 7),
            (256, 3, 3),
            (512, 1, 1),
            (300,),
        ]
        assert sizes(decoder, torch.zeros(2, 300)) == [
            (512 * 7 * 7,),
            (256, 10, 10),
            (128, 13, 13),
            (1, 28, 28),
        ]
    kinds = [type(layer).__name__ for layer in encoder]
    assert kinds == [
        *("Conv2d", "LeakyReLU"),
        *("Conv2d", "BatchNorm2d", "LeakyReLU") * 3,
        *("Flatten", "Linear"),
    ]
    convolutions = [m for m in encoder if isinstance(m, nn.Conv2d)]
    assert all(m.kernel_size == (4, 4) and m.bias is None for m in convolutions)
    assert {m.negative_slope for m in encoder if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert isinstance(decoder[-1], nn.Tanh)
    assert [type(m).__name__ for m in decoder].count("BatchNorm2d") == 2


def test_layers_at_32_halve_four_times():
    with torch.device("meta"):
        encoder = networks.conv_encoder((3, 32, 32), 600, width=0.5)
        decoder = networks.conv_decoder((3, 32, 32), 600, width=0.5)
        found = sizes(encoder, torch.zeros(2, 3, 32, 32))
        assert found[:-1] == [(32, 16, 16), (64, 8, 8), (128, 4, 4), (256, 2, 2)]
        assert encoder[-1].in_features == 256 * 2 * 2
        assert sizes(decoder, torch.zeros(2, 600)) == [
            (256 * 8 * 8,),
            (128, 16, 16),
            (64, 32, 32),
            (3, 32, 32),
        ]


@pytest.mark.parametrize("sides", [(8, 8), (8, 28), (9, 30), (20, 24), (21, 23)])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_any_size_comes_back(channels, sides):
    shape = channels, *sides
    with torch.device("meta"):
        codes = networks.conv_encoder(shape, 7, 0.1)(torch.zeros(2, *shape))
        assert codes.shape == (2, 7)
        assert networks.conv_decoder(shape, 7, 0.1)(codes).shape == (2, *shape)


@pytest.mark.parametrize(
    ("shape", "latent_dim"),
    [((28, 28), 300), ((1, 8, 8), 300), ((3, 8, 8), 600), ((40,), 20), ((3,), 2)],
)
def test_length_of_the_codes(shape, latent_dim):
    X, y = images(*shape)
    sampler = DeepSMOTE(**{**SHORT, "latent_dim": None}).fit(X, y)
    assert sampler.networks_["encoder"][-1].out_features == latent_dim
    assert sampler.networks_["decoder"][0].in_features == latent_dim


def test_tables_have_the_documented_layers():
    X, y = np.random.default_rng(0).normal(size=(20, 30)), np.repeat([0, 1], [14, 6])
    sampler = DeepSMOTE(n_steps=1, random_state=0).fit(X, y)

    def widths(name):
        layers = [m for m in sampler.networks_[name] if isinstance(m, nn.Linear)]
        return [layers[0].in_features, *(m.out_features for m in layers)]

    assert widths("encoder") == [30, 512, 256, 15]
    assert widths("decoder") == [15, 256, 512, 30]
    assert [type(m).__name__ for m in sampler.networks_["decoder"]].count(
        "BatchNorm1d"
    ) == 2


# ------------------------------------------------------------------ the penalty

X3 = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 3.0]])


def test_penalties_on_networks_that_do_nothing():
    """Rows 0, 1, 2 get the codes of 2, 0, 1: squares 9, 1, 1 + 9 over six numbers."""
    same = nn.Identity()
    assert reconstruction_loss(same, same, X3) == 0
    assert penalty_loss("paper", same, same, X3).item() == pytest.approx(20 / 6)
    assert penalty_loss("authors_code", same, same, X3) == 0
    alike = X3[:1].expand(4, 2)
    assert penalty_loss("paper", same, same, alike) == 0


def test_the_authors_penalty_is_the_reconstruction_of_its_batch():
    encoder = training.initialise(
        lambda: networks.conv_encoder((1, 8, 8), 5, 0.1), generator()
    )
    decoder = training.initialise(
        lambda: networks.conv_decoder((1, 8, 8), 5, 0.1), generator()
    )
    x = torch.rand(6, 1, 8, 8, generator=generator()) * 2 - 1
    plain = reconstruction_loss(encoder, decoder, x)
    authors = penalty_loss("authors_code", encoder, decoder, x)
    paper = penalty_loss("paper", encoder, decoder, x)
    assert torch.allclose(authors, plain)
    assert not torch.allclose(paper, plain, rtol=0.01)


@pytest.mark.parametrize(("penalty", "reached"), [("paper", 1), ("authors_code", 0)])
def test_which_network_learns_from_the_penalty(penalty, reached):
    encoder, decoder = (
        training.initialise(lambda: nn.Linear(2, 2), generator(seed)) for seed in (0, 1)
    )
    penalty_loss(penalty, encoder, decoder, X3).backward()
    assert (encoder.weight.grad is not None) == reached
    assert decoder.weight.grad.abs().sum() > 0


def test_the_shift_leaves_no_row_in_its_place():
    """What the decoder gets for row i is the code of another row of the batch."""
    x = torch.arange(7.0)[:, None]
    seen = {}

    def decoder(codes):
        seen["codes"] = codes
        return codes

    penalty_loss("paper", nn.Identity(), decoder, x)
    assert (seen["codes"] != x).all()
    assert sorted(seen["codes"].flatten().tolist()) == x.flatten().tolist()


def test_each_penalty_trains_its_own_autoencoder():
    X, y = images(8, 8)
    histories = {
        penalty: DeepSMOTE(**SHORT, penalty=penalty).fit(X, y).history_
        for penalty in ("paper", "authors_code", "none")
    }
    assert (histories["none"]["penalty"] == 0).all()
    assert (histories["paper"]["penalty"] > 0).all()
    for history in histories.values():
        total = history["reconstruction_loss"] + history["penalty"]
        assert np.allclose(history["loss"], total)
        assert set(history["label"]) == {"all"}
    losses = {tuple(h["reconstruction_loss"]) for h in histories.values()}
    assert len(losses) == 3


def test_batches_of_one_class():
    codes = torch.tensor([0] * 30 + [1] * 4 + [2] + [3] * 9)
    batches = OneClassBatches(codes, 6, generator())
    counts = Counter()
    orders = set()
    for _ in range(600):
        rows = next(batches)
        (label,) = codes[rows].unique().tolist()
        counts[label] += 1
        assert len(rows.unique()) == len(rows) == {0: 6, 1: 4, 3: 6}[label]
        orders.add(tuple(rows.tolist()))
    assert sorted(counts) == [0, 1, 3]  # a single row cannot change places
    assert min(counts.values()) > 150
    assert len(orders) > 300
    seen = torch.cat([next(batches) for _ in range(200)]).unique()
    assert len(seen) == 43


# ------------------------------------------------------------------ SMOTE on the codes


def test_points_lie_between_a_row_and_a_neighbour_with_one_gap():
    codes = torch.tensor([[0.0, 0.0, 1.0], [2.0, -4.0, 1.0]])
    points = smote(codes, torch.tensor([[1], [0]]), 4000, generator())
    gap = points[:, 0] / 2
    assert torch.allclose(points[:, 1], -4 * gap, atol=1e-6)
    assert (points[:, 2] == 1).all()
    assert 0 <= gap.min() < 0.01
    assert 0.99 < gap.max() <= 1
    assert gap.mean().item() == pytest.approx(0.5, abs=0.02)


def test_rows_and_neighbours_are_drawn_uniformly():
    """Five rows on axes of their own, so that a point tells which two it lies between."""
    neighbours = torch.tensor([[(i + 1) % 5, (i + 2) % 5] for i in range(5)])
    points = smote(torch.eye(5), neighbours, 5000, generator())
    pairs = Counter(tuple(point.nonzero().flatten().tolist()) for point in points)
    assert len(pairs) == 10
    assert min(pairs.values()) > 400
    assert max(pairs.values()) < 600


def test_neighbours_are_the_nearest_of_the_class_and_never_the_row_itself():
    X, y = images(8, 8, counts=(20, 9, 7))
    sampler = DeepSMOTE(**SHORT, k_neighbors=3).fit(X, y)
    assert sorted(sampler._codes) == [1, 2]  # the largest class needs no rows
    for code, n in ((1, 9), (2, 7)):
        codes = sampler._codes[code]
        rows = torch.as_tensor(X[y == f"class {code}"])[:, None] / 255 * 2 - 1
        with torch.no_grad():
            assert torch.allclose(codes, sampler.networks_["encoder"](rows), atol=1e-5)
        distances = torch.cdist(codes, codes).fill_diagonal_(np.inf)
        expected = distances.topk(3, largest=False).indices
        assert (sampler._neighbours[code].sort().values == expected.sort().values).all()
        assert sampler._neighbours[code].shape == (n, 3)


def test_two_rows_are_enough_and_give_their_segment():
    X, y = images(8, 8, counts=(12, 2))
    with pytest.warns(UserWarning, match="fewer others: 1 in class 'class 1'"):
        sampler = DeepSMOTE(**SHORT).fit(X, y)
    a, b = sampler._codes[1]
    decoded = []

    class Spy(nn.Module):
        def forward(self, codes):
            decoded.append(codes)
            return torch.zeros(len(codes), 1, 8, 8)

    sampler.networks_["decoder"] = Spy()
    grey = sampler.sample("class 1", 600, random_state=0)
    assert (grey == 128).all()  # tanh's 0 is the middle of the range
    points = torch.cat(decoded)
    assert [len(chunk) for chunk in decoded] == [256, 256, 88]
    gap = ((points - a) @ (b - a)) / (b - a).square().sum()
    assert torch.allclose(points, a + gap[:, None] * (b - a), atol=1e-5)
    assert gap.min() >= -1e-5
    assert gap.max() <= 1 + 1e-5


def test_tiny_classes_take_fewer_neighbours_and_say_so():
    X, y = images(8, 8, counts=(12, 6, 4))
    with pytest.warns(UserWarning, match=r"fewer others: 3 in class 'class 2'\. SMOTE"):
        sampler = DeepSMOTE(**SHORT).fit(X, y)
    assert sampler.k_neighbors_ == {"class 1": 5, "class 2": 3}


# ------------------------------------------------------------------ images in and out


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (28, 28), (3, 32, 32), (2, 20, 24), (5, 8, 11)]
)
def test_images_of_any_size(shape):
    X, y = images(*shape, counts=(9, 7, 6))
    sampler = DeepSMOTE(**SHORT)
    X_new, y_new = sampler.fit_resample(X, y)
    assert X_new.shape == (27, *shape)
    assert X_new.dtype == np.uint8
    assert (X_new[: len(y)] == X).all()
    assert Counter(y_new.tolist()) == dict.fromkeys(
        ["class 0", "class 1", "class 2"], 9
    )
    assert isinstance(sampler.networks_["encoder"][0], nn.Conv2d)
    flat = X.reshape(len(X), -1)
    shape = shape if len(shape) == 3 else (1, *shape)
    X_flat, _ = DeepSMOTE(**SHORT, image_shape=shape).fit_resample(flat, y)
    assert (X_flat.reshape(X_new.shape) == X_new).all()


@pytest.mark.parametrize("shape", [(2, 9, 8), (40,)])
def test_a_saved_sampler_goes_on_sampling_without_the_images(shape, tmp_path):
    X, y = images(*shape)
    sampler = DeepSMOTE(**SHORT).fit(X, y)
    sampler.save(tmp_path / "sampler.pt")
    loaded = DeepSMOTE.load(tmp_path / "sampler.pt")
    expected = sampler.sample("class 1", 9, random_state=4)
    assert (loaded.sample("class 1", 9, random_state=4) == expected).all()
    assert loaded.k_neighbors_ == {"class 1": 5}
    assert loaded._codes[1].shape == (6, 6)


def test_the_classes_stay_apart():
    X, y = halves(40, 20)
    sampler = DeepSMOTE(
        **{**TINY, "lr": 3e-3, "width": 0.1},
        n_steps=150,
        sampling_strategy={0: 41, 1: 21},
    ).fit(X, y)
    history = sampler.history_
    assert history["loss"].iloc[-10:].mean() < 0.5 * history["loss"].iloc[:10].mean()
    for label, bright in enumerate((np.s_[:, :, :4], np.s_[:, :, 4:])):
        new = sampler.sample(label, 50, random_state=1).astype(float)
        inside, everywhere = new[bright].mean(axis=(1, 2)), new.mean(axis=(1, 2))
        assert (inside - everywhere > 50).mean() > 0.9
        assert inside.mean() == pytest.approx(180, abs=25)


def test_bfloat16_trains_and_leaves_float32_networks():
    X, y = images(3, 8, 8)
    lower = DeepSMOTE(**SHORT, precision="bfloat16").fit(X, y)
    full = DeepSMOTE(**SHORT, precision="float32").fit(X, y)
    assert {p.dtype for p in lower.networks_["encoder"].parameters()} == {torch.float32}
    a, b = (s.history_["loss"].to_numpy() for s in (lower, full))
    assert np.allclose(a, b, rtol=0.05)
    assert not np.array_equal(a, b)
    assert lower.sample("class 1", 3).dtype == np.uint8


# ------------------------------------------------------------------ when training ends


@pytest.fixture
def scripted(monkeypatch):
    """Fit with losses as told, one update being ``factor`` times the last."""

    def epochs_until_the_end(factor, patience=2, **parameters):
        losses = iter(factor ** np.arange(1000.0))

        def loss(encoder, decoder, x):
            return 0 * decoder(encoder(x)).mean() + next(losses)

        monkeypatch.setattr(_deep_smote, "reconstruction_loss", loss)
        monkeypatch.setattr(_deep_smote, "PATIENCE", patience)
        sampler = DeepSMOTE(**TINY, penalty="none", **parameters)
        history = sampler.fit(*images(8, 8, counts=(30, 10))).history_
        return len(history) / -(-40 // sampler.batch_size)

    return epochs_until_the_end


def test_a_flat_loss_ends_the_training_between_its_bounds(scripted):
    """20 updates an epoch. The first is the best; two more make it stale."""
    flat = {"factor": 1, "batch_size": 2}
    assert scripted(**flat, epochs=9, min_epochs=1) == 3
    assert scripted(**flat, epochs=9, min_epochs=1, patience=4) == 5
    assert scripted(**flat, epochs=9, min_epochs=6) == 6
    assert scripted(**flat, epochs=2, min_epochs=50) == 2
    assert scripted(**flat, epochs=5, min_epochs=5) == 5
    assert scripted(**flat, epochs=9, min_epochs=1, n_steps=87) == 87 / 20


def test_a_falling_loss_goes_on_to_the_last_epoch(scripted):
    bounds = {"epochs": 7, "min_epochs": 1, "batch_size": 2}
    assert scripted(factor=0.999, **bounds) == 7  # 2 % an epoch
    assert scripted(factor=0.9999, **bounds) < 7  # 0.2 %
    assert scripted(factor=1, **bounds, n_steps=3) == 3 / 20


def test_few_updates_an_epoch_are_averaged_over_several(scripted):
    """One batch an epoch: means over 20 of them are compared, three batches: over 7."""
    bounds = {"factor": 1, "patience": 1, "epochs": 90, "min_epochs": 1}
    assert scripted(**bounds) == 40
    assert scripted(**bounds, batch_size=16) == 14


def test_training_goes_on_after_a_kill(tmp_path, monkeypatch):
    X, y = images(8, 8)
    parameters = {**TINY, "n_steps": 9, "batch_size": 6}
    expected, _ = DeepSMOTE(**parameters).fit_resample(X, y)
    calls = []

    def killed(*arguments):
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return penalty_loss(*arguments)

    monkeypatch.setattr("helpers.training.HEARTBEAT", 0)
    monkeypatch.setattr("helpers.training.Checkpoint.due", True)
    monkeypatch.setattr(_deep_smote, "penalty_loss", killed)
    again = DeepSMOTE(**parameters, checkpoint=tmp_path / "c.pt")
    with pytest.raises(KeyboardInterrupt):
        again.fit_resample(X, y)
    X_new, _ = again.fit_resample(X, y)
    assert len(calls) == 10  # the killed one and five more
    assert (X_new == expected).all()
    whole = DeepSMOTE(**parameters).fit(X, y).history_
    assert whole["loss"].tolist() == again.history_["loss"].tolist()


def test_presets():
    authors = DeepSMOTE.preset("authors_code")
    assert (authors.penalty, authors.epochs, authors.min_epochs) == (
        "authors_code",
        200,
        200,
    )
    paper = DeepSMOTE()
    assert (paper.lr, paper.batch_size, paper.k_neighbors) == (2e-4, 100, 5)
    assert (paper.min_epochs, paper.epochs, paper.penalty) == (50, 350, "paper")


# ------------------------------------------------------------------ bad input


def test_one_row_is_enough_for_a_class_that_needs_none():
    """Nor does a last batch of one row, which batch normalisation would refuse."""
    X, y = images(8, 8, counts=(12, 6, 1))
    sampler = DeepSMOTE(
        **TINY, epochs=2, batch_size=9, sampling_strategy={"class 1": 8}
    )
    _, y_new = sampler.fit_resample(X, y)
    assert Counter(y_new.tolist()) == {"class 0": 12, "class 1": 8, "class 2": 1}
    assert len(sampler.history_) == 4  # 9 + 9 of 19 rows
    with pytest.raises(ValueError, match=r"has 1 row\(s\); DeepSMOTE needs at least 2"):
        DeepSMOTE(**SHORT).fit(X, y)


@pytest.mark.parametrize(
    ("shape", "parameters", "message"),
    [
        ((3, 7, 12), {}, r"are 7x12 pixels; .* 8 on each side.*as a table"),
        ((28, 4), {}, "are 28x4 pixels"),
        ((64,), {"image_shape": (8, 8)}, r"has 2 entries; give \(C, H, W\)"),
        ((8, 8), {"batch_size": 1}, "'batch_size' parameter"),
        ((8, 8), {"penalty": "author"}, "'penalty' parameter"),
    ],
)
def test_bad_input_is_refused_before_training(shape, parameters, message, monkeypatch):
    X, y = images(*shape)
    sampler = DeepSMOTE(**SHORT, **parameters)
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit(X, y)


def test_small_images_work_as_a_table():
    X, y = images(4, 4)
    X_new, _ = DeepSMOTE(**SHORT).fit_resample(X.reshape(len(X), -1), y)
    assert X_new.shape == (28, 16)


def test_a_table_of_pixels_is_taken_as_a_table_and_that_is_said():
    X, y = images(3 * 64)
    message = re.escape("pass image_shape=(3, 8, 8).")
    with pytest.warns(UserWarning, match=message):
        sampler = DeepSMOTE(**SHORT).fit(X, y)
    assert isinstance(sampler.networks_["encoder"][0], nn.Linear)
    with pytest.warns(UserWarning, match=re.escape("pass image_shape=(1, 8, 8).")):
        DeepSMOTE(**SHORT).fit(X[:, :64].astype(float), y)
    silent = (X[:, :63], X[:, :64] / 255, X[:, :64] % 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for table in silent:  # no square; fractions; zeros and ones
            DeepSMOTE(**SHORT).fit(table, y)


def test_the_table_of_algorithm_1_names_what_is_there():
    notes = DeepSMOTE.__doc__.split("Algorithm 1 of")[1].split("Where the papers")[0]
    for name in re.findall(r"``(?:DeepSMOTE\.)?(\w+)``", notes):
        places = DeepSMOTE, _deep_smote, training, torch
        assert name == "step" or any(hasattr(place, name) for place in places), name
