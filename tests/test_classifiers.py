"""ResNet-18: what it learns, its loss and options with known answers, scikit-learn's ways.

The real network takes a tenth of a second per step on the smallest images; where only the
machinery around it matters, one convolution stands in for it.
"""

import pickle
from collections import OrderedDict

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import make_pipeline
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks
from sklearn.utils.class_weight import compute_sample_weight
from torch import nn
from torchvision.models import resnet18

from helpers import KerasCNNClassifier, ResNet18Classifier, training
from helpers.classifiers import _base, _resnet, prior_offsets, weighted_targets
from helpers.layers import Float32Linear, TinyConv2d, products

CPU = torch.device("cpu")


def make(**parameters):
    defaults = {"n_steps": 3, "batch_size": 16, "random_state": 0, "device": "cpu"}
    return ResNet18Classifier(**{**defaults, **parameters})


def generator(seed=0):
    return training.make_generator(seed, CPU)


@pytest.fixture
def small(monkeypatch):
    """One convolution, named as torchvision names its parts."""

    def build(weights=None):
        return nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
                bn1=nn.BatchNorm2d(64),
                relu=nn.ReLU(),
                maxpool=nn.MaxPool2d(3, 2, 1),
                avgpool=nn.AdaptiveAvgPool2d(2),
                flatten=nn.Flatten(),
                fc=nn.Linear(256, 1000),
            )
        )

    monkeypatch.setattr(_resnet, "resnet18", build)


def blank(*counts):
    """Images that are all alike, so that only the shares of the classes can be learned."""
    y = np.repeat(np.arange(len(counts)), counts)
    return np.full((len(y), 8, 8), 7, np.uint8), y


# ------------------------------------------------------------------ the real network


def test_learns_digits(digits):
    X, y = digits
    classifier = make(n_steps=40, batch_size=32, lr=0.03).fit(X[::2], y[::2])
    assert classifier.score(X[1::2], y[1::2]) > 0.6
    loss = classifier.history_["loss"]
    assert loss[:5].mean() > 2 > 1.2 > loss[-5:].mean()


@pytest.mark.parametrize(
    # He et al., table 1: 18 layers, 11.7 million weights with ImageNet's 1000 classes;
    # here 3 channels and 10 classes.
    ("stem", "n_weights", "side"),
    [("imagenet", 11_181_642, 1), ("cifar", 11_173_962, 4)],
)
def test_the_network_is_torchvisions(stem, n_weights, side):
    classifier = make(stem=stem)
    classifier.classes_ = np.arange(10)
    network = classifier._network(3, generator()).eval()
    assert sum(p.numel() for p in network.parameters()) == n_weights
    x = network.maxpool(network.relu(network.conv1(torch.zeros(1, 3, 32, 32))))
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
    assert x.shape == (1, 512, side, side)
    # He et al. 2015, equation 14, for the way back: variance 2 / fan_out.
    spread = network.layer4[1].conv2.weight.std().item()
    assert spread == pytest.approx(np.sqrt(2 / (512 * 9)), rel=0.01)


def test_first_weights_are_distributed_as_torchvisions():
    """From our generator alone: torchvision's constructor must not draw."""
    before = torch.get_rng_state()
    ours = training.initialise(lambda: resnet18(num_classes=9), generator(), "kaiming")
    again = training.initialise(lambda: resnet18(num_classes=9), generator(), "kaiming")
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng():
        theirs = resnet18(num_classes=9)
    pairs = zip(ours.named_parameters(), theirs.parameters(), strict=True)
    for (name, mine), other in pairs:
        assert torch.equal(mine, again.get_parameter(name))
        if mine.dim() == 4:  # three standard errors of a standard deviation, and more
            error = 4 / np.sqrt(mine.numel())
            assert mine.std().item() == pytest.approx(other.std().item(), rel=error)
            assert abs(mine.mean().item()) < error * other.std().item()
            assert mine.abs().max() > 3 * mine.std()  # normal, not uniform
        elif name.startswith("fc"):
            assert mine.abs().max() <= 1 / np.sqrt(512)
        else:
            assert torch.equal(mine, other)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_features_are_what_the_last_layer_sees(digits, precision):
    X, y = digits[0][:600], digits[1][:600]  # more than one chunk
    classifier = make(n_steps=2, precision=precision).fit(X[:64], y[:64])
    features = classifier.features(X)
    assert features.shape == (600, 512)
    assert features.dtype == np.float32
    assert (features >= 0).all()
    # In float32 even where the network was trained in bfloat16.
    last = classifier.network_.fc(torch.as_tensor(features)).detach()
    expected = classifier.set_params(precision="float32").predict_proba(X)
    assert last.double().softmax(dim=1).numpy() == pytest.approx(expected, abs=1e-6)
    with pytest.raises(ValueError, match="bring them to that shape"):
        classifier.features(np.zeros((2, 8, 9)))


def test_seed_decides_and_global_generators_are_left_alone(digits):
    """With every option on; 17 rows, of which a last batch of one would fail."""
    X, y = digits[0][:17], digits[1][:17]
    options = {"augment": "crop+flip", "mixup": 0.5, "logit_adjustment": 1.0}
    before = torch.get_rng_state(), np.random.mtrand._rand.get_state()[1].copy()
    first, second = (make(**options).fit(X, y).predict_proba(X) for _ in range(2))
    other = make(**options, random_state=1).fit(X, y).predict_proba(X)
    assert (first == second).all()
    assert abs(first - other).max() > 1e-3
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.mtrand._rand.get_state()[1] == before[1]).all()
    assert first.dtype == np.float64
    assert np.allclose(first.sum(axis=1), 1, atol=1e-12)


# ------------------------------------------------------------------ weights and loss


def test_loss_is_the_weighted_mean_and_whole_weights_are_repetitions():
    logits, weights = torch.randn(4, 3, generator=generator()), [1, 3, 0, 2]
    codes = torch.tensor([0, 2, 2, 1])
    share = torch.tensor(weights) / np.mean(weights)
    targets = weighted_targets(codes, share, 3)
    repeats = torch.tensor(weights)
    expected = F.cross_entropy(
        logits.repeat_interleave(repeats, 0), codes.repeat_interleave(repeats)
    )
    assert F.cross_entropy(logits, targets).item() == pytest.approx(expected.item())


def test_first_loss_and_shares_of_weighted_rows_are_those_of_repeated_ones(small):
    """On images that are all alike, the network can learn the weighted shares only."""
    X, y = blank(6, 4, 2)
    weights = np.array([1, 3, 2])[y]
    fit = {"n_steps": 80, "batch_size": 99}
    weighted = make(**fit).fit(X, y, sample_weight=weights)
    repeated = make(**fit).fit(X.repeat(weights, axis=0), y.repeat(weights))
    assert weighted.history_["loss"][0] == pytest.approx(repeated.history_["loss"][0])
    shares = np.array([6, 12, 4]) / 22
    assert weighted.predict_proba(X)[0] == pytest.approx(shares, abs=0.01)
    huge = make(n_steps=1).fit(X, y, sample_weight=weights * 1e307)  # their sum: inf
    assert huge.history_["loss"][0] == pytest.approx(weighted.history_["loss"][0])
    balanced = make(**fit).fit(X, y, compute_sample_weight("balanced", y))
    assert balanced.predict_proba(X)[0] == pytest.approx([1 / 3] * 3, abs=0.01)


def test_rows_without_weight_are_as_if_absent(small, digits):
    X, y = digits[0][:60], digits[1][:60]
    kept = np.arange(60) % 4 > 0
    weighted = make().fit(X, y, sample_weight=kept).predict_proba(X)
    assert (weighted == make().fit(X[kept], y[kept]).predict_proba(X)).all()
    # Only ratios count; AdaBoost's weights sum to 1.
    tiny = make().fit(X, y, sample_weight=kept * 2.0**-20).predict_proba(X)
    assert (weighted == tiny).all()


@pytest.mark.parametrize("tau", [0, 1])
def test_a_class_without_weight_is_never_predicted(small, digits, tau):
    X, y = digits[0][:300], digits[1][:300]
    classifier = make(n_steps=60, lr=0.05, logit_adjustment=tau)
    classifier.fit(X, y, sample_weight=y != 3)
    assert classifier.classes_.tolist() == [*range(10)]
    found = classifier.predict(X)
    assert 3 not in found
    assert (found == y)[y != 3].mean() > 0.5


# ------------------------------------------------------------------ logit adjustment


def test_adjusted_loss_is_the_formula():
    """Menon et al., equation 10: -log exp(f_y + tau log p_y) / sum exp(f + tau log p)."""
    prior, tau = np.array([0.6, 0.3, 0.1]), 1.5
    codes = torch.tensor([0] * 6 + [1] * 3 + [2])
    targets = weighted_targets(codes, torch.ones(10), 3)
    offsets = prior_offsets(targets, tau)
    logits = torch.randn(10, 3, generator=generator()).double()
    lifted = np.exp(logits.numpy()) * prior**tau
    expected = -np.log(lifted[np.arange(10), codes] / lifted.sum(axis=1)).mean()
    loss = F.cross_entropy(logits + offsets, targets.double())
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert prior_offsets(targets, 0).tolist() == [0, 0, 0]


def test_with_tau_1_a_network_of_zeros_is_already_right():
    """Its posterior is uniform, its loss the entropy of the prior, its slope none."""
    codes = torch.tensor([0] * 6 + [1] * 3 + [2])
    targets = weighted_targets(codes, torch.ones(10), 3)
    bias = torch.zeros(3, requires_grad=True)
    offsets = prior_offsets(targets, 1)
    loss = F.cross_entropy(bias.expand(10, 3) + offsets, targets)
    (slope,) = torch.autograd.grad(loss, bias)
    prior = np.array([0.6, 0.3, 0.1])
    assert loss.item() == pytest.approx(-(prior * np.log(prior)).sum())
    assert slope.abs().max() < 1e-7
    unadjusted = F.cross_entropy(bias.expand(10, 3), targets)
    assert torch.autograd.grad(unadjusted, bias)[0].abs().max() > 0.2


def test_adjusted_fit_learns_the_uniform_posterior(small):
    X, y = blank(12, 3, 1)
    fit = {"n_steps": 80, "batch_size": 99}
    plain = make(**fit).fit(X, y).predict_proba(X[:1])[0]
    adjusted = make(**fit, logit_adjustment=1).fit(X, y).predict_proba(X[:1])[0]
    assert plain == pytest.approx([12 / 16, 3 / 16, 1 / 16], abs=0.02)
    assert adjusted == pytest.approx([1 / 3] * 3, abs=0.02)


# ------------------------------------------------------------------ augmentation


@pytest.mark.parametrize(("augment", "flips"), [("crop", False), ("crop+flip", True)])
def test_augmentation_is_in_the_training_alone(
    small, digits, monkeypatch, augment, flips
):
    seen, original = [], _base.shift_and_flip

    def spy(x, generator, flip):
        seen.append(flip)
        assert abs(x.mean()) < 0.2  # scaled, so that the padding is the mean
        return original(x, generator, flip=flip)

    monkeypatch.setattr(_base, "shift_and_flip", spy)
    X, y = digits[0][:40], digits[1][:40]
    make(augment=augment).fit(X, y).predict(X)
    assert seen == [flips] * 3


# ------------------------------------------------------------------ training


@pytest.mark.parametrize("n", [5, 17, 400])
def test_steps_do_not_depend_on_the_number_of_rows(small, digits, n):
    classifier = make(n_steps=7).fit(digits[0][:n], digits[1][:n])
    assert classifier.history_["step"].tolist() == [*range(1, 8)]


def test_a_last_batch_of_one_image_is_left_out(digits):
    """Batch norm refuses to train on the one pixel that is left of a single image."""
    make(n_steps=2, batch_size=4).fit(digits[0][:5], digits[1][:5])


def test_goes_on_after_a_kill_as_if_there_had_been_none(
    small, digits, tmp_path, monkeypatch
):
    X, y = digits[0][:100], digits[1][:100]
    options = {"n_steps": 12, "augment": "crop", "mixup": 0.3}
    expected = make(**options).fit(X, y)
    calls, original = [], _base.mix_pairs

    def killed(*args):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return original(*args)

    monkeypatch.setattr(training, "HEARTBEAT", 0)
    monkeypatch.setattr(training.Checkpoint, "due", True)
    monkeypatch.setattr(_base, "mix_pairs", killed)
    options["checkpoint"] = tmp_path / "net.pt"
    with pytest.raises(KeyboardInterrupt):
        make(**options).fit(X, y)
    resumed = make(**options).fit(X, y)
    assert len(calls) == 6 + 12 - 5
    assert resumed.history_.equals(expected.history_)
    assert (resumed.predict_proba(X) == expected.predict_proba(X)).all()
    with pytest.raises(ValueError, match=r"another fit \(data: "):
        make(**options).fit(X, y, sample_weight=y + 1)
    with pytest.raises(ValueError, match=r"another fit \(mixup: 0.3 there, 0.4 here"):
        make(**{**options, "mixup": 0.4}).fit(X, y)


def test_bfloat16_trains_and_stays_close(digits):
    X, y = digits[0][:64], digits[1][:64]
    low, high = (
        make(precision=precision).fit(X, y).predict_proba(X)
        for precision in ("bfloat16", "float32")
    )
    assert 0 < abs(low - high).max() < 0.2


def test_last_layer_stays_in_float32():
    layer = training.initialise(lambda: Float32Linear(9, 2), generator())
    x = torch.randn(5, 9, generator=generator()).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x)
    assert torch.equal(found, F.linear(x.float(), layer.weight, layer.bias))


def test_scores_do_not_depend_on_the_company(small, digits, monkeypatch):
    X, y = digits[0][:50], digits[1][:50]
    classifier = make().fit(X, y)
    expected = classifier.predict_proba(X)
    assert classifier.predict_proba(X[3:4]) == pytest.approx(expected[3:4], abs=1e-5)
    monkeypatch.setattr(_base, "CHUNK", 7)
    assert classifier.predict_proba(X) == pytest.approx(expected, abs=1e-5)


# ------------------------------------------------------------------ input


def test_shapes_and_ranges_of_the_same_images_are_the_same(small, digits):
    X, y = digits[0][:50], digits[1][:50]
    expected = make().fit(X, y).predict_proba(X)
    for other, parameters in [
        (X[:, None], {}),
        (X.reshape(50, 64), {"image_shape": (1, 8, 8)}),
        (pd.DataFrame(X.reshape(50, 64)), {"image_shape": [1, 8, 8]}),
        (X.astype(float), {}),
        (X.astype(">i4"), {}),
        (X[::-1].copy()[::-1], {}),
        (X / 255 * 2 - 1, {}),
    ]:
        found = make(**parameters).fit(other, y).predict_proba(other)
        assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
@pytest.mark.parametrize("channels", [2, 3, 5])
def test_other_channels_are_scaled_one_by_one(small, stem, channels):
    X = np.random.default_rng(0).normal(size=(20, channels, 8, 11))
    X *= 10.0 ** np.arange(channels)[:, None, None]
    X[:, 1] = 3
    classifier = make(stem=stem).fit(X, np.arange(20) % 2)
    assert classifier.predict(X).shape == (20,)
    assert classifier.mean_ == pytest.approx(X.mean(axis=(0, 2, 3)), abs=1e-4)
    spread = X.std(axis=(0, 2, 3))
    assert classifier.scale_ == pytest.approx(np.where(spread > 0, spread, 1), rel=1e-4)


def test_uint8_images_stay_uint8_until_their_batch():
    images = np.full((3, 1, 8, 8), 200, np.uint8)
    assert _base._to_device(images, CPU).dtype == torch.uint8
    assert _base._to_device(images.astype(float), CPU).dtype == torch.float32
    scaled = _base._scaler(np.float32([100]), np.float32([50]), CPU)
    assert scaled(torch.as_tensor(images)).unique().tolist() == [2]


IMAGES, LABELS = np.random.default_rng(0).normal(size=(6, 1, 8, 8)), [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.where(IMAGES > 1, np.nan, IMAGES)}, "contains NaN"),
        ({"X": np.where(IMAGES > 1, np.inf, IMAGES)}, "contains infinity"),
        ({"X": IMAGES * 1e200}, "more than a float32 can hold; rescale"),
        ({"X": IMAGES.transpose(0, 2, 3, 1)}, r"channels last; pass X.transpose\(0, 3"),
        ({"X": IMAGES[:, :, 1:]}, r"7 x 8 pixels; .* at least 8 a side. Enlarge"),
        ({"X": IMAGES[:, :, 1:], "stem": "cifar"}, "7 x 8 pixels"),
        ({"X": IMAGES.reshape(6, 64)}, r"shape \(6, 64\); give images .* image_shape="),
        ({"X": IMAGES[..., None]}, r"shape \(6, 1, 8, 8, 1\); give images"),
        (
            {"X": IMAGES.reshape(6, 64), "image_shape": (1, 8, 9)},
            r"image_shape=\(1, 8, 9\), .* has 64 values",
        ),
        (
            {"X": IMAGES.reshape(6, 64), "image_shape": (8, 8)},
            r"image_shape=\(8, 8\), .* give \(C, H, W\)",
        ),
        ({"image_shape": (1, 4, 16)}, r"\(1, 4, 16\), but X has .*\(1, 8, 8\)"),
        ({"y": [1] * 6}, r"y has 1 class\(es\) .*\[1\].*at least 2"),
        ({"y": [0.5, 1.5] * 3}, "continuous"),
        ({"y": [0, 1, 0, np.nan, 1, 1]}, r"1 missing label\(s\), .* row 3; leave such"),
        ({"y": LABELS[:5]}, "inconsistent numbers of samples"),
        ({"weight": [1, 0] * 3}, r"y has 1 class\(es\) with a positive weight \(\[0\]"),
        ({"weight": [0] * 6}, r"y has 0 class\(es\) with a positive weight"),
        ({"weight": [1, 2]}, r"sample_weight has shape \(2,\), X has 6 rows"),
        (
            {"weight": [1, 2, -3, 4, 5, 6]},
            r"sample_weight is -3.0 in row 2; .*negative",
        ),
        ({"weight": [1, 2, 3, np.nan, 5, 6]}, r"sample_weight is nan in row 3"),
        ({"stem": "resnet"}, "'stem' parameter .*'resnet' instead"),
        ({"augment": "flip"}, "'augment' parameter .*'flip' instead"),
        ({"batch_size": 1}, "'batch_size' parameter"),
        ({"n_steps": 0}, "'n_steps' parameter"),
        ({"mixup": -0.1}, "'mixup' parameter"),
        ({"logit_adjustment": -1}, "'logit_adjustment' parameter"),
        ({"device": "toaster"}, "device='toaster' cannot be used"),
    ],
)
def test_bad_input_is_refused_before_training(monkeypatch, change, message):
    def train(*args, **kwargs):
        pytest.fail("the training began")

    monkeypatch.setattr(training, "train", train)
    change = {"X": IMAGES, "y": LABELS, "weight": None, **change}
    X, y, weight = (change.pop(name) for name in ("X", "y", "weight"))
    with pytest.raises(ValueError, match=message):
        make(**change).fit(X, y, sample_weight=weight)


def test_other_images_than_fitted_are_refused(small, digits):
    with pytest.raises(NotFittedError):
        make().predict(IMAGES)
    classifier = make().fit(IMAGES, LABELS)
    with pytest.raises(ValueError, match=r"\(1, 9, 8\), .* fitted on \(1, 8, 8\)"):
        classifier.predict(np.zeros((2, 1, 9, 8)))


# ------------------------------------------------------------------ scikit-learn's ways


@pytest.mark.parametrize("error", [KeyboardInterrupt, FloatingPointError])
def test_a_fit_that_failed_has_nothing_fitted(small, error, monkeypatch):
    classifier = make().fit(IMAGES, LABELS)

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(training, "train", fail)
    with pytest.raises(error):
        classifier.fit(IMAGES, LABELS)
    assert [n for n in vars(classifier) if n.endswith("_")] == []
    with pytest.raises(NotFittedError):
        classifier.predict(IMAGES)


@pytest.mark.parametrize("network", [ResNet18Classifier, KerasCNNClassifier])
def test_no_gradients_are_left_and_no_two_threads_fit_one_object(network, larger):
    X, y = larger[0][:12], larger[1][:12]
    classifier = network(n_steps=1, device="cpu").fit(X, y)
    assert all(weight.grad is None for weight in classifier.network_.parameters())
    with (
        training.whole_fit(classifier),
        pytest.raises(RuntimeError, match=r"being fitted already; .*clone"),
    ):
        classifier.fit(X, y)
    assert len(classifier.fit(X, y).predict(X)) == 12


@pytest.mark.parametrize("classifier", [ResNet18Classifier, KerasCNNClassifier])
@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_estimator_cloneable,
        estimator_checks.check_estimator_repr,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
    ],
)
def test_scikit_learn_checks(check, classifier):
    check(classifier.__name__, classifier(n_steps=3, device="cpu"))


@pytest.mark.parametrize(
    "labels", [np.array(["cat", "dog", "eel"]), np.array([7.0, 3.0, 5.0])]
)
def test_labels_of_any_kind(small, digits, labels):
    X, y = digits[0][digits[1] < 3], digits[1][digits[1] < 3]
    classifier = make(n_steps=60, lr=0.05).fit(X, labels[y])
    assert classifier.classes_.tolist() == sorted(labels.tolist())
    assert classifier.predict(X).dtype == labels.dtype
    assert classifier.score(X, labels[y]) > 0.9


def test_clones_and_copies(small, digits):
    X, y = digits[0][:50], digits[1][:50]
    classifier = make(stem="cifar", mixup=0.2, image_shape=(1, 8, 8))
    assert clone(classifier).get_params() == classifier.get_params()
    classifier.fit(X, y)
    copy = pickle.loads(pickle.dumps(classifier))
    assert (copy.predict_proba(X) == classifier.predict_proba(X)).all()
    assert (clone(classifier).fit(X, y).predict(X) == classifier.predict(X)).all()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda classifier: make_pipeline(RandomOverSampler(random_state=0), classifier),
        lambda classifier: CalibratedClassifierCV(classifier, cv=2),
        lambda classifier: AdaBoostClassifier(
            classifier, n_estimators=2, random_state=0
        ),
    ],
    ids=["pipeline", "calibration", "boosting"],
)
def test_pipeline_calibration_and_boosting_of_flat_pixels(small, digits, wrap):
    X, y = digits[0][:300].reshape(300, 64), np.minimum(digits[1][:300], 2)
    whole = wrap(make(n_steps=40, lr=0.05, image_shape=(1, 8, 8)))
    assert whole.fit(X, y).score(X, y) > 0.85


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs cuda")
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_cuda_gives_the_same_twice(digits, stem):
    X, y = digits
    fit = {"n_steps": 60, "batch_size": 32, "lr": 0.03, "device": "cuda"}
    options = {"stem": stem, "augment": "crop", "mixup": 0.1, "logit_adjustment": 0.5}
    first, second = (make(**fit, **options).fit(X, y) for _ in range(2))
    assert first.history_.equals(second.history_)
    assert (first.predict_proba(X) == second.predict_proba(X)).all()
    assert first.score(X, y) > 0.6


# ------------------------------------------------------------------ tiny maps


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(
    "sides", [(1, 1), (1, 2), (2, 1), (2, 2), (4, 2), (4, 4), (3, 2), (4, 3)]
)
def test_tiny_maps_are_convolved_as_by_torch(sides, stride):
    tiny = TinyConv2d(3, 5, stride).double()
    plain = torch.nn.Conv2d(3, 5, 3, stride, padding=1, bias=False).double()
    plain.load_state_dict(tiny.state_dict())
    x = torch.randn(4, 3, *sides, dtype=torch.double)
    products.cache_clear()
    with torch.inference_mode():  # nothing kept from here may spoil a training
        assert torch.allclose(tiny(x), plain(x))
    gradients = []
    for convolve in (tiny, plain):
        z = x.clone().requires_grad_()
        convolve(z).square().sum().backward()
        gradients.append((z.grad, convolve.weight.grad))
    for ours, theirs in zip(*gradients, strict=True):
        assert torch.allclose(ours, theirs)


@pytest.mark.parametrize("side", [2, 4])
def test_sums_are_left_to_torch_in_bfloat16(side):
    """They would lose too many of its eight bits."""
    tiny = TinyConv2d(3, 5)
    x = torch.randn(4, 3, side, side)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = tiny(x), torch.nn.Conv2d.forward(tiny, x)
    assert torch.equal(ours, theirs)
    tiny, x = tiny.bfloat16(), x.bfloat16()
    assert torch.equal(tiny(x), torch.nn.Conv2d.forward(tiny, x))


def test_resnet_is_torchvisions_in_every_number():
    classifier = ResNet18Classifier(n_steps=1, batch_size=8, random_state=0)
    X = np.random.default_rng(0).normal(size=(20, 3, 32, 32))
    classifier.fit(X, np.arange(20) % 2)
    theirs = resnet18(num_classes=2)
    theirs.load_state_dict(classifier.network_.state_dict())
    x = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        ours, theirs = classifier.network_(x), theirs.eval()(x)
    assert torch.allclose(ours, theirs, atol=1e-5)
