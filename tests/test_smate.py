"""SMate: losses, the transfer, the penalty, health, resuming."""

import warnings
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from torch import nn

from helpers import SMate, losses, networks, training
from helpers.over_sampling import _health, _smate, _transfer

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


def halves(counts=(40, 12), seed=0):
    """Bright left and bright right halves, 8x8."""
    y = np.repeat([0, 1], counts)
    X = np.random.default_rng(seed).integers(0, 60, (len(y), 8, 8)).astype("uint8")
    X[y == 0, :, :4] += 150
    X[y == 1, :, 4:] += 150
    return X, y


def same(network, other):
    pairs = zip(network.state_dict().values(), other.state_dict().values(), strict=True)
    return [torch.equal(a, b) for a, b in pairs]


# ------------------------------------------------------------------ losses, optimisers


@pytest.mark.parametrize("loss", losses.LOSSES)
@pytest.mark.parametrize("shape", [(1, 8, 8), (4,)])
def test_every_loss_trains(loss, shape):
    X, y = images(*shape)
    sampler = SMate(**SHORT, loss=loss).fit(X / 255, y)
    assert not any(
        same(*(sampler.networks_[f"discriminator {n}"] for n in ("majority", 1)))
    )
    clipped = sampler.networks_["discriminator 1"].parameters()
    largest = max(p.abs().max().item() for p in clipped)
    assert (largest <= losses.CLIP + 1e-9) == (loss == "wgan")


@pytest.mark.parametrize("loss", ["gan", "wgan-gp", "dragan"])
def test_bfloat16_trains_and_stays_close(loss):
    X, y = images(8, 8)
    low, high = (
        SMate(**SHORT, loss=loss, precision=precision, majority_penalty=0.1).fit(X, y)
        for precision in ("bfloat16", "float32")
    )
    columns = ["discriminator_loss", "generator_loss"]
    difference = (low.history_[columns] - high.history_[columns]).abs().max().max()
    assert 0 < difference < 0.1


def test_optimisers_are_the_papers(monkeypatch):
    made = []
    for name in ("Adam", "RMSprop"):
        original = getattr(torch.optim, name)

        def spy(parameters, original=original, **options):
            made.append((original.__name__, options))
            return original(parameters, **options)

        monkeypatch.setattr(torch.optim, name, spy)
    X, y = images(8, 8)
    SMate(**SHORT, transfer=False).fit(X, y)
    SMate(**SHORT, transfer=False, optimizer="rmsprop", lr=0.5, generator_lr=0.25).fit(
        X, y
    )
    (first, adam), (second, _), (third, G), (fourth, D) = made
    assert (first, second, third, fourth) == ("Adam", "Adam", "RMSprop", "RMSprop")
    assert (adam["lr"], adam["betas"]) == (2e-4, (0.5, 0.999))
    assert (G["lr"], D["lr"], G["alpha"]) == (0.25, 0.5, 0.9)


@pytest.mark.parametrize("frozen", [True, False])
def test_the_discriminator_is_frozen_while_the_generator_learns(frozen):
    """Its own learning rate is next to nothing: what moves it is the generator's."""
    X, y = images(8, 8)
    sampler = SMate(
        **{**SHORT, "random_state": 3},
        lr=1e-30,
        generator_lr=0.01,
        transfer=False,
        freeze_discriminator=frozen,
    )
    start = sampler._fresh
    kept = {}

    def fresh(name, generator):
        network = start(name, generator)
        kept[name] = {k: w.clone() for k, w in network.state_dict().items()}
        return network

    sampler._fresh = fresh
    sampler.fit(X, y)
    D = sampler.networks_["discriminator 1"].state_dict()
    moves = [(D[k] - w).abs().max() for k, w in kept["discriminator"].items()]
    assert (max(moves) < 1e-20) == frozen
    G = sampler.networks_["generator 1"].state_dict()
    assert not any(torch.equal(G[k], w) for k, w in kept["generator"].items())


def test_real_and_generated_rows_share_a_pass_and_a_batch_of_noise(monkeypatch):
    seen = Counter()

    def count(name, network):
        network.register_forward_pre_hook(lambda _, x: seen.update([(name, len(x[0]))]))
        return network

    start = SMate._fresh
    monkeypatch.setattr(
        SMate, "_fresh", lambda s, name, g: count(name, start(s, name, g))
    )
    X, y = images(8, 8)
    SMate(**SHORT, transfer=False, augment=1).fit_resample(X, y)
    assert seen == {
        ("generator", 6): 3,
        ("generator", 8): 1,
        ("generator", 198): 1,  # in groups of six: judged, and thrown away
        ("discriminator", 12): 3,
        ("discriminator", 6): 3,
    }


def test_several_discriminator_updates_per_generator_update(monkeypatch):
    calls, original = [], losses.discriminator_loss

    def spy(*arguments):
        calls.append(1)
        return original(*arguments)

    monkeypatch.setattr(losses, "discriminator_loss", spy)
    X, y = images(8, 8)
    sampler = SMate(**SHORT, loss="wgan-gp", n_critic=5, transfer=False).fit(X, y)
    assert len(calls) == 15
    assert len(sampler.history_) == 3


def test_noise_is_normal_or_uniform():
    normal, uniform = (
        SMate(noise=noise)._noise(2000, generator()) for noise in ("normal", "uniform")
    )
    assert normal.shape == uniform.shape == (2000, 100)
    assert normal.std().item() == pytest.approx(1, abs=0.01)
    assert uniform.std().item() == pytest.approx(3**-0.5, abs=0.01)
    assert -1 <= uniform.min() < -0.99 < 0.99 < uniform.max() <= 1


# ------------------------------------------------------------------ transfer


def test_one_training_on_the_majority_serves_several_minorities():
    X, y = images(8, 8, counts=(9, 9, 5, 3))
    sampler = SMate(**TINY, epochs=2, batch_size=4, augment=2)
    _, y_new = sampler.fit_resample(X, y)
    assert set(Counter(y_new).values()) == {9}
    steps = sampler.history_.groupby(["label", "phase"], sort=False)["step"].max()
    assert steps.to_dict() == {
        ("majority", "pretraining"): 10,  # 18 rows in batches of 4, twice
        ("class 2", "minority"): 6,  # 10 images
        ("class 3", "minority"): 4,  # 6
    }
    assert sorted(sampler.networks_) == [
        f"{kind} {name}"
        for kind in ("discriminator", "generator")
        for name in ("2", "3", "majority")
    ]


@pytest.mark.parametrize(
    ("n_trainable", "n_frozen"), [(1, 4), (2, 3), (4, 1), (None, 0)]
)
def test_the_last_convolutions_go_on_from_the_majoritys_weights(n_trainable, n_frozen):
    X, y = images(8, 8)
    sampler = SMate(**SHORT, n_trainable=n_trainable).fit(X, y)
    first, last = (sampler.networks_[f"generator {n}"] for n in ("majority", 1))
    assert same(first, last) == [True] * 2 * n_frozen + [False] * 2 * (5 - n_frozen)
    distance = max(
        (a - b).abs().max().item()
        for a, b in zip(first.parameters(), last.parameters(), strict=True)
    )
    assert distance < 0.002  # three updates of Adam at 2e-4: not drawn afresh
    assert not any(
        same(*(sampler.networks_[f"discriminator {n}"] for n in ("majority", 1)))
    )


def test_frozen_layers_need_no_gradients():
    G = networks.brownlee_generator((1, 8, 8), 6, 0.05)
    learns = _transfer.freeze_first_layers(G, 2)
    assert [p.requires_grad for p in G.parameters()] == [False] * 6 + [True] * 4
    assert [id(p) for p in learns] == [id(p) for p in [*G.parameters()][6:]]


def test_without_transfer_there_is_one_training_from_fresh_weights():
    X, y = images(8, 8)
    sampler = SMate(**SHORT, transfer=False).fit(X, y)
    assert sorted(sampler.networks_) == ["discriminator 1", "generator 1"]
    assert set(sampler.history_["label"]) == {"class 1"}
    no_more = SMate(
        **SHORT, transfer=False, sampling_strategy={"class 0": 20, "class 1": 20}
    )
    assert Counter(no_more.fit_resample(X, y)[1]) == {"class 0": 20, "class 1": 20}


def test_the_majority_of_another_fit_is_taken(tmp_path):
    X, y = images(2, 8, 8)
    first = SMate(**SHORT).fit(X, y)
    second = clone(SMate(pretrained=first.networks_, majority_penalty=1.0, **SHORT))
    second.fit_resample(X, y)
    assert [*second.history_["phase"].unique()] == ["classifier", "minority"]
    majority = first.networks_["generator majority"]
    assert all(same(majority, second.networks_["generator majority"]))
    assert not all(same(majority, second.networks_["generator 1"]))
    # The layers that are frozen come from there.
    assert same(majority, second.networks_["generator 1"])[:4] == [True] * 4
    # All classes may be filled now, and the file needs no network of another fit.
    both = SMate(
        pretrained=first.networks_,
        sampling_strategy={"class 0": 15, "class 1": 15},
        **SHORT,
    )
    assert len(both.fit_resample(X, y)[1]) == 30
    both.save(tmp_path / "sampler.pt")
    loaded = SMate.load(tmp_path / "sampler.pt")
    assert loaded.pretrained is None
    assert (loaded.sample("class 1", 3, 0) == both.sample("class 1", 3, 0)).all()


def test_a_checkpoint_belongs_to_the_networks_it_began_with(tmp_path):
    X, y = images(2, 8, 8)
    fits = [SMate(**{**SHORT, "random_state": seed}).fit(X, y) for seed in (0, 1)]
    one, other = (fit.networks_ for fit in fits)
    path = tmp_path / "state.pt"
    SMate(pretrained=one, checkpoint=path, **SHORT).fit(X, y)
    with pytest.raises(ValueError, match="belongs to another fit"):
        SMate(pretrained=other, checkpoint=path, **SHORT).fit(X, y)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"epochs": 2}, (4, 6)),  # 14 and 18 rows in batches of 8
        ({"epochs": 2, "n_steps": 5}, (5, 5)),
        ({"epochs": 2, "pretrain_epochs": 3}, (6, 6)),
        ({"n_steps": 5, "pretrain_epochs": 3}, (6, 5)),
        ({"n_steps": 5, "pretrain_epochs": 3, "pretrain_steps": 1}, (1, 5)),
        ({"epochs": 2, "n_critic": 2}, (2, 3)),
    ],
)
def test_lengths_of_the_phases(parameters, expected):
    X, y = images(8, 8)
    history = SMate(**TINY, batch_size=8, augment=3, **parameters).fit(X, y).history_
    assert tuple(history.groupby("phase", sort=False)["step"].max()) == expected
    assert history.columns.tolist() == [
        "label",
        "phase",
        "step",
        "discriminator_loss",
        "generator_loss",
        "real_accuracy",
        "fake_accuracy",
    ]


def test_learns_what_a_class_looks_like():
    """Many are bright on the left, few on the right."""
    X, y = halves((60, 16))
    sampler = SMate(
        **{**TINY, "width": 0.1},
        n_steps=70,
        lr=0.003,
        augment=1,
        batch_size=16,
        n_trainable=3,
    )
    X_new, _ = sampler.fit_resample(X, y)
    new = X_new[len(y) :].astype(float)
    assert new[:, :, 4:].mean() > new[:, :, :4].mean() + 60
    with torch.no_grad():
        z = torch.randn(50, 6, generator=generator())
        first = sampler.networks_["generator majority"](z)
    assert first[..., :4].mean() > first[..., 4:].mean() + 0.5


# ------------------------------------------------------------------ augmentation


@pytest.mark.parametrize(("shape", "expected"), [((8, 8), 18), ((12,), 6)])
def test_the_gan_sees_the_given_minority_and_its_copies(shape, expected, monkeypatch):
    """Not images from elsewhere, as the authors' did; tables are left alone."""
    seen, original = {}, SMate._play

    def spy(self, phase, label, pair, Z, rows, *more):
        seen[phase] = Z[rows]
        return original(self, phase, label, pair, Z, rows, *more)

    monkeypatch.setattr(SMate, "_play", spy)
    X, y = images(*shape)
    SMate(**SHORT, augment=3, value_range=(0, 255)).fit(X, y)
    assert len(seen["minority"]) == expected
    given = torch.as_tensor(X[y == "class 1"] / 255).float().flatten(1)
    assert torch.allclose(seen["minority"][:6].flatten(1), given)
    others = torch.as_tensor(X[y == "class 0"] / 255).float().flatten(1)
    assert torch.allclose(seen["pretraining"].flatten(1), others)


# ------------------------------------------------------------------ the penalty


def test_majority_probability_is_the_share_of_the_softmax():
    logits = torch.tensor([[0.0, 0.0, 0.0], [np.log(6), np.log(3), 0.0]]).float()
    majority = torch.tensor([True, False, True])
    found = _smate.majority_probability(lambda rows: logits, majority, None)
    assert found.item() == pytest.approx((2 / 3 + 7 / 10) / 2)
    with torch.autocast(
        "cpu", torch.bfloat16
    ):  # which has no number between .996 and 1
        found = _smate.majority_probability(lambda rows: logits * 6, majority, None)
    expected = (logits * 6).softmax(1)[:, majority].sum(1).mean().item()
    assert found.item() == pytest.approx(expected, abs=1e-6)


def test_the_penalty_keeps_the_generator_away_from_the_majority():
    y = np.repeat([0, 1], [40, 12])
    X = np.random.default_rng(0).normal(0, 0.5, (52, 4)) + 2 * y[:, None] - 1
    lengths = {"n_steps": 10, "pretrain_steps": 80, "classifier_epochs": 5}
    parameters = {**TINY, **lengths, "width": 0.1, "lr": 0.003, "batch_size": 16}
    gains = []
    for seed in range(4):
        parameters["random_state"] = seed
        free, held = (
            SMate(**parameters, majority_penalty=w).fit(X, y) for w in (1e-9, 5)
        )
        before, after = (
            s.history_.query("phase == 'minority'")["majority_probability"]
            for s in (free, held)
        )
        assert before.iloc[0] == pytest.approx(after.iloc[0])
        assert before.iloc[0] > 0.6  # it starts with the majority's rows
        gains.append(before[1:].mean() - after[1:].mean())
    assert np.mean(gains) > 0.04
    assert not any(p.requires_grad for p in held.networks_["classifier"].parameters())
    assert all(same(*(s.networks_["classifier"] for s in (free, held))))


def test_the_classifier_of_the_penalty_knows_the_classes():
    """And answers as if both were equally frequent."""
    X, y = halves((60, 12))
    sampler = SMate(**TINY, n_steps=1, majority_penalty=0.5, classifier_epochs=12)
    sampler.set_params(width=0.1, batch_size=8).fit(X, y)
    loss = sampler.history_.query("phase == 'classifier'")["classifier_loss"]
    assert len(loss) == 12 * 9
    C = sampler.networks_["classifier"]
    with torch.no_grad():
        found = C(torch.as_tensor(X[:, None] / 127.5 - 1).float()).argmax(1)
        middle = C(torch.zeros(1, 1, 8, 8)).softmax(1)[0, 0]
    assert (found.numpy() == y).mean() > 0.95
    assert 0.1 < middle < 0.9
    plain = SMate(**TINY, n_steps=1).fit(X, y)
    assert "classifier" not in plain.networks_


# ------------------------------------------------------------------ health


def accuracy(real, fake):
    return {"real_accuracy": torch.tensor(real), "fake_accuracy": torch.tensor(fake)}


W = _health.WINDOW


@pytest.mark.parametrize(
    ("real", "fake", "expected"),
    [
        ([1.0] * W, [0.0] * W, 0.5),  # the authors' Figure 9: always "real"
        ([0.0] * W, [1.0] * W, 0.5),
        ([1.0] * W, [1.0] * W, 1.0),
        ([0.7, 0.9] * (W // 2), [1.0] * W, 1.0),
        ([0.6] * (W - 1) + [1.0], [0.7] * (W - 1) + [1.0], None),
        ([1.0] * W, [0.0] * (W - 1) + [0.1], None),
        ([1.0] * (W - 1), [1.0] * (W - 1), None),
        ([0.1] * W + [1.0] * W, [0.1] * W + [1.0] * W, 1.0),
    ],
)
def test_collapse_is_an_accuracy_that_does_not_move(real, fake, expected):
    assert _health.stuck_at(accuracy(real, fake)) == expected
    assert _health.stuck_at(pd.DataFrame(accuracy(real, fake))) == expected


def test_settled_is_near_one_half_for_three_windows():
    def near(*levels):
        fake = [level + 0.1 * (-1) ** k for level in levels for k in range(W)]
        return _health.settled(accuracy([0.6] * len(fake), fake))

    assert near(0.9, 0.55, 0.45, 0.5)
    assert not near(0.55, 0.45)
    assert not near(0.55, 0.45, 0.65)
    assert not near(0.5, 0.5, 0.5, 0.3)
    stuck = accuracy([0.5] * 3 * W, [0.5] * 3 * W)
    assert not _health.settled(stuck)


@pytest.mark.parametrize("early", [True, False])
def test_early_stopping_ends_each_phase(early, monkeypatch):
    monkeypatch.setattr(_health, "WINDOW", 4)
    values = iter([0.4, 0.6] * 100)
    original = losses.accuracies

    def half(*arguments):
        found = original(*arguments)
        return {**found, "fake_accuracy": torch.tensor(next(values))}

    monkeypatch.setattr(losses, "accuracies", half)
    X, y = images(8, 8)
    sampler = SMate(**{**TINY, "n_steps": 20}, early_stopping=early).fit(X, y)
    steps = sampler.history_.groupby("phase")["step"].max()
    assert set(steps) == {12 if early else 20}


def test_collapse_is_told_and_kept(monkeypatch, tmp_path):
    """A generator that stands still while the discriminator learns."""
    monkeypatch.setattr(_health, "WINDOW", 10)
    X, y = halves()
    sampler = SMate(
        **{**TINY, "width": 0.1},
        n_steps=60,
        lr=0.005,
        generator_lr=1e-9,
        transfer=False,
        augment=1,
    )
    with pytest.warns(
        UserWarning, match=r"GAN of 1 has collapsed: .* exactly 1.0 in the last 10"
    ):
        sampler.fit(X, y)
    assert sampler.collapsed_ == {1: 1.0}
    sampler.save(tmp_path / "s.pt")
    assert SMate.load(tmp_path / "s.pt").collapsed_ == {1: 1.0}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        healthy = SMate(
            **{**TINY, "width": 0.1}, n_steps=60, lr=0.02, transfer=False, augment=1
        )
        healthy.fit(X, y)
    assert healthy.collapsed_ == {}
    assert healthy.variety_[1] > 0.5


def test_a_collapse_that_the_accuracy_does_not_show_is_told():
    """After a few updates all new images are nearly the same, and some pass for real."""
    X, y = halves()
    sampler = SMate(**{**TINY, "n_steps": 5})
    with pytest.warns(UserWarning, match="new rows differ .* by little.* in class 1;"):
        new = sampler.fit_resample(X, y)[0][len(X) :]
    assert sampler.collapsed_ == {}
    assert 0 < sampler.history_["fake_accuracy"].iloc[-1] < 1
    assert sampler.variety_[1] < 0.1
    assert new.std(axis=0).mean() < 0.1 * X[y == 1].std(axis=0).mean()


def test_history_holds_the_accuracy_of_the_update(monkeypatch):
    """Of the discriminator's pass over the batch, and not of the generator's after it."""
    seen, judged = [], []
    discriminator_loss, generator_loss = (
        losses.discriminator_loss,
        losses.generator_loss,
    )

    def first(loss, D, real, fake, generator):
        def noting(x):
            seen.append(D(x))
            return seen[-1]

        return discriminator_loss(loss, noting, real, fake, generator)

    def then(loss, on_fake):
        judged.append(on_fake.mean().item())
        return generator_loss(loss, on_fake)

    def means(loss, on_real, on_fake):
        return {"real_accuracy": on_real.mean(), "fake_accuracy": on_fake.mean()}

    monkeypatch.setattr(losses, "discriminator_loss", first)
    monkeypatch.setattr(losses, "generator_loss", then)
    monkeypatch.setattr(losses, "accuracies", means)
    X, y = images(8, 8)
    history = SMate(**SHORT, transfer=False).fit(X, y).history_
    halves = [[half.mean().item() for half in logits.chunk(2)] for logits in seen]
    found = history[["real_accuracy", "fake_accuracy"]].to_numpy()
    assert found == pytest.approx(np.array(halves), abs=1e-7)
    assert (abs(found[:, 1] - judged) > 1e-5).all(), "the other pass has other answers"


# ------------------------------------------------------------------ resuming


@pytest.mark.parametrize(
    ("shape", "killed_at"),  # of 4 + 7 + 5 + 5 updates
    [((8, 8), 15), ((12,), 3), ((12,), 8), ((12,), 15), ((12,), 20)],
)
def test_training_goes_on_after_a_kill(shape, killed_at, tmp_path, monkeypatch):
    X, y = images(*shape, counts=(14, 6, 4))
    parameters = {
        **TINY,
        "n_steps": 5,
        "pretrain_steps": 7,
        "batch_size": 6,
        "majority_penalty": 0.3,
        "classifier_epochs": 1,
    }
    whole = SMate(**parameters)
    expected, _ = whole.fit_resample(X, y)
    calls, train = [], training.train

    def killed(step, n_steps, **options):
        def fragile():
            calls.append(1)
            if len(calls) == killed_at:
                raise KeyboardInterrupt
            return step()

        return train(fragile, n_steps, **options)

    monkeypatch.setattr(training, "train", killed)
    monkeypatch.setattr(training, "HEARTBEAT", 0)
    monkeypatch.setattr(training.Checkpoint, "due", True)
    again = SMate(**parameters, checkpoint=tmp_path / "c.pt")
    with pytest.raises(KeyboardInterrupt):
        again.fit_resample(X, y)
    X_new, _ = again.fit_resample(X, y)
    assert len(calls) == 22  # the killed one and what it had left
    assert (X_new == expected).all()
    assert again.history_.equals(whole.history_)


# ------------------------------------------------------------------ settings


def test_presets_and_defaults():
    code = SMate.preset("authors_code")
    assert not code.transfer
    assert not code.freeze_discriminator
    assert (code.noise, code.batch_size, code.augment) == ("uniform", 1024, 11)
    assert code.generator_lr == code.lr / 2 == 1e-4
    default = SMate()
    assert default.transfer
    assert (default.n_trainable, default.augment, default.loss) == (2, 10, "gan")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"sampling_strategy": {"class 0": 20, "class 1": 20}},
            "fills all 2 classes.*transfer=False",
        ),
        (
            {
                "sampling_strategy": {"class 0": 20, "class 1": 20},
                "transfer": False,
                "majority_penalty": 1.0,
            },
            "majority_penalty=0",
        ),
        ({"loss": "cgan"}, "'loss' parameter .*'cgan' instead"),
        ({"optimizer": "sgd"}, "'optimizer' parameter"),
        (
            {"n_trainable": 5},
            "n_trainable=5, but the generator has 4 convolutions; take at most 4",
        ),
        ({"n_trainable": 0}, "'n_trainable' parameter"),
        ({"augment": 0}, "'augment' parameter"),
        ({"majority_penalty": -1}, "'majority_penalty' parameter"),
        ({"generator": "dcgan"}, "'generator' parameter"),
        ({"noise": "cauchy"}, "'noise' parameter"),
        ({"n_critic": 0}, "'n_critic' parameter"),
        ({"pretrained": {}}, "no network 'generator majority', only {}"),
        ({"pretrained": {"generator majority": "here.pt"}}, "majority': 'str'"),
        ({"pretrained": {}, "transfer": False}, "leave one of the two out"),
        (
            {
                "pretrained": {
                    "generator majority": nn.Linear(6, 4),
                    "discriminator majority": nn.Linear(4, 1),
                }
            },
            "other layers than the generator .* width=0.03",
        ),
    ],
)
def test_bad_input_is_refused_before_training(parameters, message, monkeypatch):
    X, y = images(8, 8)
    sampler = SMate(**{**SHORT, **parameters})
    monkeypatch.setattr(sampler, "_train", lambda *_: pytest.fail("training began"))
    with pytest.raises(ValueError, match=message):
        sampler.fit(X, y)


def test_a_minority_of_one_is_refused_and_one_of_two_is_filled():
    X, y = images(8, 8, counts=(9, 1))
    with pytest.raises(ValueError, match=r"has 1 row\(s\); SMate needs at least 2"):
        SMate(**SHORT).fit(X, y)
    X, y = images(8, 8, counts=(9, 2))
    assert len(SMate(**SHORT).fit_resample(X, y)[0]) == 18
    table = np.random.default_rng(0).normal(size=(11, 2))
    with pytest.raises(ValueError, match="5, but the generator has 4 fully connected"):
        SMate(**SHORT, n_trainable=5).fit(table, y)
