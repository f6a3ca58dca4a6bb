"""Where networks compute, in which precision, and how to get the same sums again."""

import contextlib
import threading

import torch


def resolve_device(device: str = "auto") -> torch.device:
    """Turn ``"auto"`` into cuda, then mps, then cpu, and refuse what is not there.

    Raises
    ------
    ValueError
        The name is unknown to torch, or this machine has no such device.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        accelerators = {"cuda": torch.cuda, "mps": torch.backends.mps}
        found = (name for name, back in accelerators.items() if back.is_available())
        return torch.device(next(filter(_computes, found), "cpu"))
    try:
        resolved = torch.device(device)
        _compute_on(resolved)
    except UNUSABLE as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise ValueError(
            f"device={device!r} cannot be used on this machine ({reason}); "
            "take device='auto' or 'cpu'."
        ) from error
    return resolved


#: Backends that torch was built without fail in an assertion or an import; a card that
#: is too old for this torch is found, and fails in the first computation.
UNUSABLE = RuntimeError, AssertionError, ImportError


def _compute_on(device):
    torch.ones(1, device=device).add_(1).cpu()


def _computes(device):
    try:
        _compute_on(device)
    except UNUSABLE:
        return False
    return True


def resolve_precision(
    precision: str, device: torch.device, images: bool = False
) -> torch.dtype:
    """Turn ``"auto"`` into bfloat16 where it pays, float32 elsewhere.

    It pays for images on hardware with bfloat16 arithmetic. Tables stay in float32:
    eight bits of mantissa would leave 256 different values in a generated column.
    """
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if not images:
        return torch.float32
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        # A private question, for want of a public one: does the CPU multiply bfloat16?
        ask = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
        fast = device.type == "cpu" and ask()
    return torch.bfloat16 if fast else torch.float32


def autocast(device: torch.device, dtype: torch.dtype):
    """A context in which networks compute in `dtype`, as `resolve_precision` gives it."""
    return torch.autocast(device.type, dtype, enabled=dtype != torch.float32)


#: The settings are torch's and of the whole process: threads that fit side by side share
#: them, and the last block to end puts back what the first one found.
_lock, _blocks, _before = threading.Lock(), 0, []


@contextlib.contextmanager
def deterministic(device: torch.device):
    """A context in which cuDNN's convolutions give the same sums every time.

    In float32 they keep its 24 bits, where torch's default rounds to the 11 of TF32.
    """
    if device.type != "cuda":
        yield
        return
    global _before, _blocks
    cudnn = torch.backends.cudnn
    # torch.backends.cudnn.flags reads allow_tf32, which raises where a user has set the
    # newer fp32_precision; older torch has nothing else.
    target, name, exact = cudnn, "allow_tf32", False
    if hasattr(getattr(cudnn, "conv", None), "fp32_precision"):
        target, name, exact = cudnn.conv, "fp32_precision", "ieee"
    settings = [
        (cudnn, "deterministic", True),
        (cudnn, "benchmark", False),
        (target, name, exact),
    ]
    with _lock:
        if not _blocks:
            _before = [
                (owner, name, getattr(owner, name)) for owner, name, _ in settings
            ]
        _blocks += 1
    try:
        for owner, name, value in settings:
            setattr(owner, name, value)
        yield
    finally:
        with _lock:
            _blocks -= 1
            if not _blocks:
                for owner, name, value in _before:
                    setattr(owner, name, value)
