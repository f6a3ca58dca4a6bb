"""Where networks compute, in which precision, and how to get the same sums again."""

import contextlib
import copy
import functools
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
    """Turn ``"auto"`` into bfloat16 where it pays and is sound, float32 elsewhere.

    It pays for images on a GPU with bfloat16 arithmetic. Tables stay in float32: eight
    bits of mantissa would leave 256 different values in a generated column. So does every
    CPU, whose convolutions in bfloat16 are not to be trusted (`refuse_unsound`).
    """
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    fast = images and device.type == "cuda"
    if fast and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


def refuse_unsound(precision: str, device: torch.device, shape) -> None:
    """Refuse bfloat16 on a CPU for images that are higher than wide, or wider than high.

    On CPUs with matrix units for it, torch 2.14 returned what happened to lie in memory
    from convolutions of such maps, among them 7 x 2; those of squares were right.

    Parameters
    ----------
    precision : str
        As the caller gave it.
    device : torch.device
    shape : tuple
        Of a row; (C, H, W) of an image.

    Raises
    ------
    ValueError
    """
    if device.type == "cpu" and precision == "bfloat16" and len(shape) == 3:
        height, width = shape[1:]
        if height != width:
            raise ValueError(
                f"precision='bfloat16' on a CPU, and images of {height} x {width} pixels: "
                "its convolutions can be wrong where images are no squares; take "
                "precision='float32', or pad the images to squares."
            )


def autocast(device: torch.device, dtype: torch.dtype):
    """A context in which networks compute in `dtype`, as `resolve_precision` gives it."""
    if dtype == torch.float32:
        return torch.autocast(device.type, enabled=False)
    return _Autocast(device.type, dtype)


class _Autocast(torch.autocast):
    """Forgets the weights that it cast on leaving, also inside of another autocast.

    Torch does so at the end of the outermost one alone, and by then they have changed.
    """

    def __exit__(self, *error):
        super().__exit__(*error)
        torch.clear_autocast_cache()


class _Held:
    """Settings of the whole process, held while a block is open.

    Threads that fit side by side share them, and the last block to end puts back what the
    first one found.
    """

    def __init__(self):
        self.lock, self.blocks, self.before = threading.Lock(), 0, []

    @contextlib.contextmanager
    def __call__(self, settings):
        """`settings`: triples of a function that reads, one that writes, and the value."""
        with self.lock:
            if not self.blocks:
                self.before = [(write, read()) for read, write, _ in settings]
            self.blocks += 1
        try:
            for _, write, value in settings:
                write(value)
            yield
        finally:
            with self.lock:
                self.blocks -= 1
                if not self.blocks:
                    for write, value in self.before:
                        write(value)


_exact, _float32 = _Held(), _Held()


@contextlib.contextmanager
def deterministic(device: torch.device):
    """A context in which cuDNN's convolutions give the same sums every time.

    In float32 they keep its 24 bits, where torch's default rounds to the 11 of TF32.
    """
    if device.type != "cuda":
        yield
        return
    cudnn = torch.backends.cudnn
    # torch.backends.cudnn.flags reads allow_tf32, which raises where a user has set the
    # newer fp32_precision; older torch has nothing else.
    target, name, exact = cudnn, "allow_tf32", False
    if hasattr(getattr(cudnn, "conv", None), "fp32_precision"):
        target, name, exact = cudnn.conv, "fp32_precision", "ieee"
    settings = [
        (functools.partial(getattr, *of), functools.partial(setattr, *of), value)
        for *of, value in (
            (cudnn, "deterministic", True),
            (cudnn, "benchmark", False),
            (target, name, exact),
        )
    ]
    with _exact(settings):
        yield


def on_cpu(value):
    """A value whose tensors and networks are on the CPU; copies where they were not.

    Inside of dictionaries, lists and tuples, too, which stay what they are.

    Examples
    --------
    >>> on_cpu({"weights": [torch.ones(2)], "name": "a"})
    {'weights': [tensor([1., 1.])], 'name': 'a'}
    """
    if isinstance(value, torch.Tensor):
        return value.cpu()
    if isinstance(value, torch.nn.Module):
        parts = [*value.parameters(), *value.buffers()]
        if all(part.device.type == "cpu" for part in parts):
            return value
        return copy.deepcopy(value).cpu()
    if type(value) is dict:
        return {key: on_cpu(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(on_cpu, value))
    return value


@contextlib.contextmanager
def pinned():
    """A context in which torch is as it starts, whatever the program has set around it.

    The default dtype is float32, the default device the CPU; gradients are recorded, and
    no autocast is on. Around every fit, prediction, sampling and loading, so that the same
    seed gives the same numbers anywhere. All but the default dtype is the thread's own.
    How exact products of float32 matrices are, `torch.set_float32_matmul_precision`, stays
    the program's.

    Examples
    --------
    >>> with torch.inference_mode(), pinned():
    ...     torch.ones(1, requires_grad=True).sum().requires_grad
    True
    """
    dtype = torch.get_default_dtype, torch.set_default_dtype, torch.float32
    with contextlib.ExitStack() as stack:
        stack.enter_context(_float32([dtype]))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for kind in ("cpu", "cuda", "mps"):
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        # A mode of its own makes every call of torch slower: only where it is needed.
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        yield
