"""Where networks compute, and the settings under which sums are the same again."""

import numpy as np
import pytest
import torch

from helpers import KerasCNNClassifier, ResNet18Classifier, devices
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
