"""Where networks compute, and the settings under which sums are the same again."""

import pytest
import torch

from helpers import devices


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
