"""Keras' CNN of the papers: its layers, its recipe, its length, its resuming."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier

from helpers import KerasCNNClassifier, training
from helpers.classifiers import _base
from helpers.layers import Dropout

from .test_classifiers import IMAGES, LABELS, generator


def make_cnn(**parameters):
    defaults = {"n_steps": 3, "batch_size": 16, "random_state": 0, "device": "cpu"}
    return KerasCNNClassifier(**{**defaults, **parameters})


def test_the_cnn_is_that_of_the_example():
    """Sizes, padding and dropout; its number of weights is in a doctest."""
    classifier = make_cnn()
    classifier.classes_, classifier._shape = np.arange(10), (3, 32, 32)
    network = classifier._network(3, generator()).eval()
    sides, x = [], torch.zeros(1, 3, 32, 32)
    for layer in network:
        x = layer(x)
        sides.append(tuple(x.shape[1:]))
    found = [*dict.fromkeys(sides)]
    blocks = [(32, 32, 32), (32, 30, 30), (32, 15, 15), (64, 15, 15), (64, 13, 13)]
    assert found == [(3, 32, 32), *blocks, (64, 6, 6), (2304,), (512,), (10,)]
    assert [m.p for m in network if isinstance(m, Dropout)] == [0.25, 0.25, 0.5]
    assert not network[1].bias.any()  # Glorot's weights, as in Keras
    bound = np.sqrt(6 / (9 * (3 + 32)))
    assert 0.9 * bound < network[1].weight.abs().max().item() <= bound


def test_the_recipe_is_the_papers(larger):
    default = KerasCNNClassifier()
    assert (default.epochs, default.batch_size, default.lr) == (100, 256, 1e-4)
    X, y = larger[0][:40], larger[1][:40]
    classifier = make_cnn(n_steps=5).fit(X, y)
    optimiser, schedule = classifier._optimiser(5)
    assert type(optimiser) is torch.optim.RMSprop
    group = optimiser.param_groups[0]
    assert (group["lr"], group["alpha"], group["momentum"]) == (1e-4, 0.9, 0)
    optimiser.step()
    schedule.step()
    assert group["lr"] == pytest.approx(1e-4 / (1 + 1e-6), rel=1e-9)
    assert classifier.mean_.tolist() == [0]
    assert classifier.scale_.tolist() == [255]
    real = make_cnn().fit(X / 4.0 - 1, y)
    assert real.mean_.tolist() == [-1]
    assert real.scale_.tolist() == [60]


@pytest.mark.parametrize(
    ("parameters", "n_steps"),
    [({"n_steps": None, "epochs": 2}, 6), ({"epochs": 2, "n_steps": 5}, 5)],
)
def test_length_of_the_cnns_training(parameters, n_steps, larger):
    """33 images in batches of 16, the last of one image."""
    classifier = make_cnn(**parameters).fit(larger[0][:33], larger[1][:33])
    assert len(classifier.history_) == n_steps


def test_the_cnn_learns_and_its_seed_decides(larger):
    X, y = larger
    options = {"n_steps": 60, "batch_size": 32, "lr": 0.003}
    before = torch.get_rng_state()
    classifier = make_cnn(**options).fit(X[::2], y[::2])
    assert classifier.score(X[1::2], y[1::2]) > 0.9
    assert torch.equal(torch.get_rng_state(), before)
    short = {"augment": "crop+flip", "mixup": 0.3, "logit_adjustment": 1.0}
    first, again, other = (
        make_cnn(**short, random_state=seed).fit(X[:50], y[:50]).predict_proba(X)
        for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert abs(first - other).max() > 1e-3
    copy = pickle.loads(pickle.dumps(classifier))
    assert (copy.predict_proba(X) == classifier.predict_proba(X)).all()
    assert clone(classifier).get_params() == classifier.get_params()


def test_the_cnn_goes_on_after_a_kill(larger, tmp_path, monkeypatch):
    X, y = larger[0][:50], larger[1][:50]
    options = {"n_steps": 8, "mixup": 0.3}
    expected = make_cnn(**options).fit(X, y)
    calls, original = [], _base.mix_pairs

    def killed(*args):
        calls.append(args)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(training, "HEARTBEAT", 0)
    monkeypatch.setattr(training.Checkpoint, "due", True)
    monkeypatch.setattr(_base, "mix_pairs", killed)
    options["checkpoint"] = tmp_path / "net.pt"
    with pytest.raises(KeyboardInterrupt):
        make_cnn(**options).fit(X, y)
    resumed = make_cnn(**options).fit(X, y)
    assert len(calls) == 5 + 8 - 4
    assert resumed.history_.equals(expected.history_)
    assert (resumed.predict_proba(X) == expected.predict_proba(X)).all()


def test_the_papers_weights_of_boosting_train_as_well_as_any(larger):
    """Summing to 1 they are 1 / n each: the loss must not shrink with them."""
    X, y = larger[0][:64], larger[1][:64]
    options = {"n_steps": 4, "batch_size": 64}
    plain = make_cnn(**options).fit(X, y)
    boosted = make_cnn(**options).fit(X, y, sample_weight=np.full(64, 1 / 64))
    assert boosted.history_.equals(plain.history_)
    assert plain.history_["loss"][0] > 0.5
    uneven = make_cnn(**options).fit(X, y, sample_weight=(1 + y) / 64)
    assert not uneven.history_.equals(plain.history_)


def test_boosting_the_cnn_works(larger):
    """SAMME over members of 40 steps: together they know what few of them do."""
    X, y = larger
    member = make_cnn(n_steps=40, batch_size=32, lr=0.003)
    ensemble = AdaBoostClassifier(member, n_estimators=5, random_state=0)
    ensemble.fit(X[::2], y[::2])
    scores = [m.score(X[1::2], y[1::2]) for m in ensemble.estimators_]
    assert len(scores) == 5
    found = ensemble.score(X[1::2], y[1::2])
    assert found > 0.75  # by chance 0.25
    assert found > np.mean(scores) + 0.2
    losses = [m.history_["loss"].iloc[:3].mean() for m in ensemble.estimators_]
    assert min(losses) > 0.5  # the authors' members had losses of 0.00005


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": IMAGES}, r"8 x 8 pixels; Keras' CNN .* at least 10 a side. Enlarge"),
        ({"X": IMAGES.reshape(6, 64)}, "give images"),
        ({"epochs": 0}, "'epochs' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"X": np.tile(IMAGES, (1, 1, 2, 2)) * 1e200}, "than a float32 can hold"),
    ],
)
def test_bad_input_to_the_cnn_is_refused_before_training(monkeypatch, change, message):
    monkeypatch.setattr(training, "train", lambda *a, **k: pytest.fail("it began"))
    change = {"X": IMAGES, **change}
    X = change.pop("X")
    with pytest.raises(ValueError, match=message):
        make_cnn(**change).fit(X, LABELS)


def test_oblong_images_of_any_channels_through_the_cnn():
    X = np.random.default_rng(0).normal(size=(9, 2, 10, 17))
    classifier = make_cnn().fit(X, [*"abc"] * 3)
    assert classifier.predict_proba(X).shape == (9, 3)
    one = make_cnn(batch_size=1).fit(X, [*"abc"] * 3)
    assert set(one.predict(X)) <= {*"abc"}
