"""How every network in this package is trained.

One place each for the random generator, the initial weights, and the loop with its
history and checkpoints; `helpers.devices` has those for device and precision.
Nothing here knows a sampler: a method writes its own step and hands it to `train`.
"""

import contextlib
import hashlib
import math
import numbers
import threading
import time
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from .checkpoints import Checkpoint, plain

# ---------------------------------------------------------------- before the loop


#: Estimators that are being fitted, by their ids.
_busy: set[int] = set()
_busy_lock = threading.Lock()


@contextlib.contextmanager
def whole_fit(*estimators):
    """Leave nothing fitted behind where the fit in the block fails, or is interrupted.

    Else a network that was never trained would answer for a trained one.

    Raises
    ------
    RuntimeError
        An estimator is being fitted already, in another thread: the two would train and
        keep each other's networks.
    """
    ids = [*map(id, estimators)]
    with _busy_lock:
        if _busy.intersection(ids) or len({*ids}) < len(ids):
            raise RuntimeError(
                f"This {type(estimators[0]).__name__} is being fitted already; give every "
                "thread, and every data set, one of its own: sklearn.base.clone(it)."
            )
        _busy.update(ids)
    try:
        yield
    except BaseException:
        for estimator in estimators:
            for name in [*vars(estimator)]:
                if name.endswith("_") and not name.startswith("_"):
                    delattr(estimator, name)
        raise
    finally:
        with _busy_lock:
            _busy.difference_update(ids)


@contextlib.contextmanager
def frozen(module: nn.Module):
    """Leave a module's weights out of the gradients computed inside the block."""
    flags = [p.requires_grad for p in module.parameters()]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, flag in zip(module.parameters(), flags, strict=True):
            parameter.requires_grad_(flag)


def make_generator(random_state, device: torch.device) -> torch.Generator:
    """One source of randomness for a whole fit, on the device that will use it.

    Parameters
    ----------
    random_state : int, numpy.random.RandomState or None
        ``None`` takes fresh entropy and leaves numpy's and torch's global generators
        alone; a ``RandomState`` is advanced by one draw, as in scikit-learn.
    device : torch.device
        Where the generator lives. The same seed gives other numbers on another kind
        of device.

    Examples
    --------
    >>> a, b = (make_generator(0, torch.device("cpu")) for _ in range(2))
    >>> bool((torch.rand(3, generator=a) == torch.rand(3, generator=b)).all())
    True
    """
    generator = torch.Generator(device=device)
    if random_state is None:
        generator.seed()
    elif isinstance(random_state, np.random.RandomState):
        generator.manual_seed(int(random_state.randint(np.iinfo(np.int32).max)))
    else:
        generator.manual_seed(int(random_state))
    return generator


def initialise(
    build: Callable[[], nn.Module],
    generator: torch.Generator,
    scheme: str = "torch",
) -> nn.Module:
    """Build a network whose weights come from `generator` alone.

    The network is built without memory first, because torch's own constructors draw
    from the global generator, then filled here.

    Parameters
    ----------
    build : callable
        Returns the network.
    generator : torch.Generator
        Source of the weights; its device is the network's.
    scheme : {"torch", "glorot", "kaiming"}
        ``"torch"``: uniform in plus or minus ``1 / sqrt(fan_in)``, the default of
        torch's layers. ``"glorot"``: Glorot-uniform weights and zero biases, the
        default of Keras, in which two of the papers' codes are written. ``"kaiming"``:
        normal weights of variance ``2 / fan_out`` in convolutions, ``"torch"`` in all
        else, as torchvision has it for residual networks.

    Raises
    ------
    TypeError
        A layer with parameters or buffers that this function does not know, such as those
        of spectral normalisation.
    """
    with torch.device("meta"):
        module = build()
    module.to_empty(device=generator.device)
    affine = (nn.Linear, nn.modules.conv._ConvNd)
    norms = nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm
    for layer in module.modules():
        simple = isinstance(layer, (*affine, *norms, nn.PReLU))
        known = ("weight", "bias") if simple else ()
        own = [name for name, _ in layer.named_parameters(recurse=False)]
        if strange := [name for name in own if name not in known]:
            raise TypeError(
                f"{type(layer).__name__} has parameters {strange} that initialise() does "
                "not know how to draw; it knows the weights and biases of convolutions, "
                "of fully connected and normalising layers, and of PReLU."
            )
        lost = [name for name, _ in layer.named_buffers(recurse=False)]
        if lost and not isinstance(layer, norms):
            raise TypeError(
                f"{type(layer).__name__} has buffers {lost}, whose values initialise() "
                "would lose; compute them in forward()."
            )
        if isinstance(layer, affine):
            fan_in, _ = nn.init._calculate_fan_in_and_fan_out(layer.weight)
            bound = 1 / math.sqrt(fan_in)
            if scheme == "glorot":
                nn.init.xavier_uniform_(layer.weight, generator=generator)
            elif scheme == "kaiming" and not isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(
                    layer.weight,
                    mode="fan_out",
                    nonlinearity="relu",
                    generator=generator,
                )
            else:
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None and scheme == "glorot":
                nn.init.zeros_(layer.bias)
            elif layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, (*norms, nn.PReLU)):
            layer.reset_parameters()  # to constants: no chance in it
    return module


class Batches:
    """Endless shuffled minibatches of row numbers, resumable in mid-epoch.

    Parameters
    ----------
    n : int
        Number of rows.
    batch_size : int
        Rows per batch; the whole set where it has fewer.
    generator : torch.Generator
        Draws one permutation per epoch, on its own device.
    drop_last : bool
        Leave out the last batch of an epoch where it is smaller than the others.

    Examples
    --------
    >>> batches = Batches(5, 2, make_generator(0, torch.device("cpu")))
    >>> [len(next(batches)) for _ in range(4)]
    [2, 2, 1, 2]
    """

    def __init__(self, n, batch_size, generator, drop_last=False):
        self.n, self.batch_size, self.generator = n, min(batch_size, n), generator
        self.per_epoch = n // self.batch_size if drop_last else -(-n // self.batch_size)
        self.order, self.position = None, self.per_epoch

    def __iter__(self):
        return self

    def __next__(self) -> Tensor:
        if self.position == self.per_epoch:
            device = self.generator.device
            self.order = torch.randperm(self.n, generator=self.generator, device=device)
            self.position = 0
        start = self.position * self.batch_size
        self.position += 1
        return self.order[start : start + self.batch_size]

    def state_dict(self):
        return {"order": self.order, "position": self.position}

    def load_state_dict(self, state):
        order, self.position = state["order"], state["position"]
        self.order = None if order is None else order.to(self.generator.device)


# --------------------------------------------------------- checkpoints and the loop

# Seconds between two looks at the losses, which wait for the device, and at the clock
# of the checkpoint.
HEARTBEAT = 1.0


def identity(estimator, device: torch.device, *arrays: np.ndarray) -> dict[str, str]:
    """What a `Checkpoint` of an estimator's fit on `arrays` must agree on."""
    parameters = {
        name: repr(plain(value))
        for name, value in estimator.get_params(deep=False).items()
        if name not in ("checkpoint", "verbose", "device", "random_state")
    }
    # A RandomState has no lasting name, and None no seed: the checkpoint's generator
    # goes on in both cases.
    seeded = isinstance(estimator.random_state, numbers.Integral)
    return {
        **parameters,
        "data": digest(*arrays),
        "device": device.type,
        "random_state": str(estimator.random_state) if seeded else "-",
    }


def digest(*arrays: np.ndarray) -> str:
    """A short fingerprint of arrays, to tell one data set from another."""
    sha = hashlib.sha256()
    for array in arrays:
        # Labels may be Python objects, whose memory says nothing.
        array = np.asarray(array.astype(str) if array.dtype == object else array)
        sha.update(f"{array.dtype}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array).data)
    return sha.hexdigest()[:16]


def plateau(name: str, window: int, patience: int = 3, tolerance: float = 0.01):
    """Make a `stop` for `train`: the mean of `name` has ceased to fall.

    Training stops once the best mean over a window of steps is `patience` windows old,
    where a window counts as better only if it is lower by the share `tolerance`. It
    looks at the history alone, so a resumed run stops where an uninterrupted one does.

    Examples
    --------
    >>> stop = plateau("loss", window=2, patience=2)
    >>> stop({"loss": torch.tensor([4.0, 4, 2, 2, 2, 2])})
    False
    >>> stop({"loss": torch.tensor([4.0, 4, 2, 2, 2, 2, 2, 2])})
    True
    """

    def stop(history: Mapping[str, Tensor]) -> bool:
        values = history[name]
        means = values[: len(values) // window * window].view(-1, window).mean(1)
        best, since = math.inf, 0
        for mean in means.tolist():
            better = mean < best - tolerance * abs(best) if best < math.inf else True
            best, since = (mean, 0) if better else (best, since + 1)
        return since >= patience

    return stop


def train(
    step: Callable[[], Mapping[str, Tensor]],
    n_steps: int,
    *,
    state: Mapping[str, object],
    generator: torch.Generator,
    checkpoint: Checkpoint | None = None,
    stage: str = "training",
    stop: Callable[[Mapping[str, Tensor]], bool] | None = None,
    stop_every: int = 100,
    verbose: bool = False,
) -> pd.DataFrame:
    """Call `step` `n_steps` times, and be able to go on after a kill.

    Parameters
    ----------
    step : callable
        Does one update and returns its losses and diagnostics, scalars left on the
        device so that nothing waits for them; or vectors, one value for each of several
        networks that are trained side by side.
    n_steps : int
        How often.
    state : mapping of str to object
        Everything a step changes, each with ``state_dict`` and ``load_state_dict``:
        networks, optimisers, batches.
    generator : torch.Generator
        The source of all randomness in `step`; its state is part of the checkpoint.
    checkpoint : Checkpoint, optional
        Written every few seconds and at the end. A stage that it holds is continued,
        or skipped where it had ended.
    stage : str
        Name of this training in the checkpoint and beside the progress bar.
    stop : callable, optional
        Sees the history (name to tensor of one value per step) every `stop_every`
        steps and ends the training when it returns True, as `plateau` does.
    verbose : bool
        Show a progress bar.

    Returns
    -------
    history : DataFrame of shape (n_done, n_values + 1)
        One row per step: `n_steps` of them, or fewer where `stop` ended the training.
        Column ``step`` from 1, then one column per value that `step` returns; a vector
        gives one per element, ``"loss 0"``, ``"loss 1"`` and so on.

    Raises
    ------
    FloatingPointError
        A value became NaN or infinite.
    """
    # One tensor for each value: lists of small ones would pin memory all over the heap.
    values: dict[str, Tensor] = {}
    done, ended = 0, False

    def record(name, shape):
        if name not in values:
            values[name] = torch.empty(n_steps, *shape, device=generator.device)
        return values[name]

    def history():
        return {name: column[:done] for name, column in values.items()}

    def snapshot():
        return {
            "done": done,
            "ended": ended,
            "history": {name: column.clone() for name, column in history().items()},
            "generator": generator.get_state(),
            "state": {name: part.state_dict() for name, part in state.items()},
        }

    if checkpoint and stage in checkpoint.stages:
        with checkpoint.reading():
            saved = checkpoint.stages[stage]
            done, ended = int(saved["done"]), bool(saved["ended"])
            for name, column in saved["history"].items():
                record(name, column.shape[1:])[:done] = column
            generator.set_state(saved["generator"])
            for name, part in state.items():
                part.load_state_dict(saved["state"][name])

    unchanged, checked = ended, time.monotonic()
    bar = tqdm(
        total=n_steps, initial=done, desc=stage, disable=not verbose, leave=False
    )
    with bar:
        while not ended and done < n_steps:
            for name, value in step().items():
                record(name, value.shape)[done] = value.detach()
            done += 1
            bar.update()
            ended = bool(stop and done % stop_every == 0 and stop(history()))
            if time.monotonic() - checked >= HEARTBEAT:
                _refuse_nonfinite(history(), stage, done)
                checked = time.monotonic()
                if checkpoint and checkpoint.due:
                    checkpoint.save(stage, snapshot())
    _refuse_nonfinite(history(), stage, done)
    ended = True
    if checkpoint and not unchanged:
        checkpoint.save(stage, snapshot())
    columns = {"step": np.arange(1, done + 1)}
    for name, column in history().items():
        column = column.cpu().numpy()
        if column.ndim == 1:
            columns[name] = column
        else:
            columns |= {f"{name} {k}": values for k, values in enumerate(column.T)}
    return pd.DataFrame(columns)


def _refuse_nonfinite(values, stage, done):
    for name, column in values.items():
        last = column[-1]
        if not torch.isfinite(last).all():
            value = last[~torch.isfinite(last)].flatten()[0].item()
            raise FloatingPointError(
                f"{stage}: {name} is {value} after step {done}; the training has "
                "diverged. Lower lr, or take another loss."
            )
