"""Where networks compute, and the settings under which sums are the same again."""

import contextlib
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from helpers import KerasCNNClassifier, ResNet18Classifier, devices
from helpers.over_sampling import SAMPLERS, fit_stacked
from helpers.provenance import computed_on

from .conftest import make_sampler


@pytest.mark.parametrize("device", ["xpu", "mtia", "hpu", "nonsense", ""])
def test_a_device_that_torch_cannot_reach_is_refused(device):
    """Each fails in torch with an error of another type."""
    try:
        torch.empty(0, device=device)
    except Exception:
        with pytest.raises(ValueError, match="cannot be used on this machine"):
            devices.resolve_device(device)


def test_a_card_that_is_found_but_cannot_compute_is_passed_over(monkeypatch):
    """A wheel of torch leaves old cards out, and `is_available` does not say so."""

    def refuse(device):
        if torch.device(device).type != "cpu":
            raise RuntimeError("CUDA error: no kernel image is available")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(devices, "_compute_on", refuse)
    assert devices.resolve_device("auto") == torch.device("cpu")
    with pytest.raises(ValueError, match="no kernel image"):
        devices.resolve_device("cuda")


@pytest.mark.parametrize("precision", ["none", "tf32", "ieee"])
def test_convolutions_on_a_gpu_are_reproducible_and_exact_within_a_fit(precision):
    cudnn = torch.backends.cudnn
    if not hasattr(getattr(cudnn, "conv", None), "fp32_precision"):
        pytest.skip("this torch has allow_tf32 only")
    own = cudnn.conv.fp32_precision
    try:
        cudnn.conv.fp32_precision = precision
        with devices.deterministic(torch.device("cuda")):
            assert cudnn.conv.fp32_precision == "ieee"
            assert cudnn.deterministic
        assert cudnn.conv.fp32_precision == precision
        assert not cudnn.deterministic
    finally:
        cudnn.conv.fp32_precision = own


def test_blocks_that_overlap_share_the_exact_settings():
    """As of two threads, the first of which ends while the second computes."""
    cudnn, cuda = torch.backends.cudnn, torch.device("cuda")
    first, second = (devices.deterministic(cuda) for _ in range(2))
    assert not cudnn.deterministic
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert cudnn.deterministic
    second.__exit__(None, None, None)
    assert not cudnn.deterministic


# ------------------------------------------------------------------ precision


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_every_cpu_computes_in_float32_unless_asked(monkeypatch, has_bfloat16):
    """Else a seed gives other rows, or wrong ones, on CPUs with bfloat16."""
    for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: has_bfloat16, raising=False)
    cpu = torch.device("cpu")
    for images in (True, False):
        assert devices.resolve_precision("auto", cpu, images) == torch.float32
        assert devices.resolve_precision("bfloat16", cpu, images) == torch.bfloat16
    if not torch.cuda.is_available() and not torch.backends.mps.is_available():
        assert computed_on()["precision"] == "float32"


def test_a_gpu_takes_bfloat16_for_images_where_it_computes_in_it(monkeypatch):
    cuda, fast = torch.device("cuda"), True
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: fast)
    assert devices.resolve_precision("auto", cuda, images=True) == torch.bfloat16
    assert devices.resolve_precision("auto", cuda) == torch.float32
    fast = False
    assert devices.resolve_precision("auto", cuda, images=True) == torch.float32


def test_a_row_says_in_which_precision_its_networks_computed():
    assert computed_on("float32")["precision"] == "float32"
    assert computed_on("bfloat16")["precision"] == "bfloat16"


@pytest.mark.parametrize("shape", [(28, 8), (16, 12)])
def test_bfloat16_on_a_cpu_is_refused_for_images_that_are_no_squares(shape):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 256, (20, *shape), dtype=np.uint8)
    y, low = np.repeat([0, 1], [14, 6]), {"device": "cpu", "precision": "bfloat16"}
    fits = [make_sampler(n, **low).fit for n in ("deep_smote", "gamo", "smate")]
    networks = ResNet18Classifier, KerasCNNClassifier
    fits += [network(n_steps=1, **low).fit for network in networks if min(shape) > 9]
    for fit in fits:
        with pytest.raises(ValueError, match=r"no squares; take precision='float32'"):
            fit(X, y)


def test_narrow_images_have_one_outcome_whatever_lay_in_memory():
    X = np.random.default_rng(0).integers(0, 256, (40, 28, 8), dtype=np.uint8)
    y = np.repeat([0, 1], [30, 10])
    sampler = make_sampler("deep_smote", epochs=1, batch_size=8, device="cpu")
    found = set()
    for _ in range(3):
        for n in (10**4, 10**5, 10**6):  # freed at once, and handed out again
            torch.full((n,), float("nan"))
        found.add(sampler.fit_resample(X, y)[0].tobytes())
    assert len(found) == 1


# ------------------------------------------------------------------ what is set around


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def default_device(name):
    torch.set_default_device(name)
    try:
        yield
    finally:
        torch.set_default_device(None)


AROUND = {
    "float64": lambda: default_dtype(torch.float64),
    "float16": lambda: default_dtype(torch.float16),
    "no gradients": torch.no_grad,
    "inference": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "device": lambda: torch.device("meta"),
    "default device": lambda: default_device("meta"),
}


def ambient():
    """What a program may have set, and must find again."""
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.get_rng_state().sum().item(),
    )


@pytest.fixture(scope="module")
def usual():
    """What a sampler makes where nothing is set, by its name."""
    found = {}

    def make(name, path):
        if name not in found:
            found[name] = course(name, path)
        return found[name]

    return make


def course(name, path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (17, 8, 8), dtype=np.uint8), np.repeat([0, 1], [12, 5])
    sampler = make_sampler(name)
    if "image_shape" not in sampler.get_params():  # makes rows of tables only
        X = X[:, 0, :3]
    rows = [sampler.fit_resample(X, y)[0], sampler.sample(1, 3, random_state=0)]
    sampler.save(path)
    rows.append(SAMPLERS[name].load(path).sample(1, 3, random_state=0))
    return rows


@pytest.mark.filterwarnings("ignore:k_neighbors")
@pytest.mark.parametrize("around", AROUND)
def test_what_is_set_in_torch_does_not_reach_in(sampler_name, around, usual, tmp_path):
    expected = usual(sampler_name, tmp_path / "usual.pt")
    with AROUND[around]():
        before = ambient()
        found = course(sampler_name, tmp_path / "sampler.pt")
        assert ambient() == before
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("network", [KerasCNNClassifier, ResNet18Classifier])
def test_nor_into_a_classifier(network, around):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (12, 10, 10), dtype=np.uint8), np.repeat([0, 1], 6)
    classifier = network(n_steps=1, random_state=0, device="cpu", mixup=0.2)
    expected = classifier.fit(X, y).predict_proba(X)
    with AROUND[around]():
        before = ambient()
        found = classifier.predict_proba(X)
        again = clone(classifier).fit(X, y).predict_proba(X)
        assert ambient() == before
        assert [*classifier.predict(X)] == [*classifier.classes_[expected.argmax(1)]]
        if network is ResNet18Classifier:
            assert classifier.features(X).shape == (12, 512)
    assert np.array_equal(found, expected)
    assert np.array_equal(again, expected)


@pytest.mark.parametrize("around", AROUND)
def test_nor_into_gans_that_are_stacked(around):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (17, 4)), np.repeat([0, 1], [12, 5])

    def made():
        sampler = make_sampler("gan_smote", binarize=None)
        [(rows, _)] = fit_stacked([sampler], [(X, y)])
        gans = make_sampler("gan_smote", binarize=None).stack(X)
        loss = gans.run(2)["generator_loss"]
        draw = torch.Generator("cpu").manual_seed(0)
        return rows, loss.tolist(), gans.generate(0, 3, draw).tolist()

    expected = made()
    with AROUND[around]():
        found = made()
    assert (found[0] == expected[0]).all()
    assert found[1:] == expected[1:]


def test_a_fit_that_fails_leaves_torch_as_it_was(monkeypatch):
    sampler = make_sampler("gan")
    monkeypatch.setattr(sampler, "_train", lambda *_: 1 / 0)
    with default_dtype(torch.float64), torch.no_grad():
        before = ambient()
        with pytest.raises(ZeroDivisionError):
            sampler.fit([[0.0], [1.0], [2.0]] * 3, [0, 0, 1] * 3)
        assert ambient() == before


def test_threads_that_fit_side_by_side_share_the_default_dtype():
    with default_dtype(torch.float64):
        first, second = devices.pinned(), devices.pinned()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert torch.get_default_dtype() == torch.float32
        second.__exit__(None, None, None)
        assert torch.get_default_dtype() == torch.float64


def test_networks_in_bfloat16_learn_inside_of_an_autocast_as_outside():
    """Torch forgets the weights that it cast at the end of the outermost one alone."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 256, (17, 8, 8), dtype=np.uint8), np.repeat([0, 1], [12, 5])
    told = {"n_steps": 12, "lr": 1e-2, "precision": "bfloat16", "k_neighbors": 2}
    losses = []
    for around in (contextlib.nullcontext(), torch.autocast("cpu", torch.bfloat16)):
        with around:
            sampler = make_sampler("deep_smote", **told).fit(X, y)
        losses.append(sampler.history_["reconstruction_loss"].tolist())
    assert losses[0] == losses[1]
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("where", ["networks_", "_codes"])
def test_a_sampler_fitted_elsewhere_is_pickled_from_the_cpu(where, table):
    """Tensors of the device "meta" have no numbers, so that moving them is an error."""
    sampler = make_sampler("deep_smote").fit(*table)
    assert pickle.loads(pickle.dumps(sampler)).networks_
    if where == "networks_":
        sampler.networks_["encoder"].to("meta")
    else:
        found = getattr(sampler, where)
        assert devices.on_cpu(found) is not None
        moved = {k: v.to("meta") for k, v in found.items()}
        setattr(sampler, where, moved)
    with pytest.raises(NotImplementedError, match="meta"):
        pickle.dumps(sampler)
