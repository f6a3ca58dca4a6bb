"""What the classifiers of images share: all but network, optimiser and scaling."""

import copy
import numbers
import os
from abc import ABC, abstractmethod

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.base import BaseEstimator, ClassifierMixin, _fit_context
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    check_array,
    check_is_fitted,
    check_X_y,
    validate_data,
)
from torch import Tensor

from .. import checkpoints, containers, devices, training
from ..augmentation import beta_quantiles, mix_pairs, shift_and_flip
from ..checks import (
    AT_LEAST_TWO,
    POSITIVE_INT,
    POSITIVE_REAL,
    SequenceOf,
    labels_of,
    refuse_channels_last,
    refuse_other_shape,
)
from ..layers import draw_masks_from

CHUNK = 512  # images classified at once

NOT_NEGATIVE = Interval(numbers.Real, 0, None, closed="left")


class ImageClassifier(ClassifierMixin, BaseEstimator, ABC):
    """What the classifiers of images share: all but network, optimiser and scaling.

    A subclass writes ``_network`` and ``_optimiser``, names itself, and says how small
    its images may be.
    """

    _parameter_constraints: dict = {
        "n_steps": [POSITIVE_INT],
        "batch_size": [AT_LEAST_TWO],
        "lr": [POSITIVE_REAL],
        "augment": [StrOptions({"crop", "crop+flip"}), None],
        "mixup": [NOT_NEGATIVE],
        "logit_adjustment": [NOT_NEGATIVE],
        "image_shape": [SequenceOf(POSITIVE_INT), None],
        "device": [str],
        "precision": [StrOptions({"auto", "float32", "bfloat16"})],
        "random_state": ["random_state"],
        "checkpoint": [str, os.PathLike, None],
        "verbose": ["boolean"],
    }

    #: In messages; fewest pixels a side, and why.
    _name: str
    _min_side: int
    _min_reason: str
    #: Whether a last, smaller batch of a pass is left out, as batch norm needs company.
    _drop_last = True

    @abstractmethod
    def _network(self, channels, generator):
        """Return the untrained network."""

    @abstractmethod
    def _optimiser(self, n_steps):
        """Return the optimiser of ``self.network_`` and the schedule of its rate."""

    def _length(self, per_epoch):
        """Number of steps."""
        return self.n_steps

    def _scaling(self, Z):
        """What to subtract from the pixels of each channel, and to divide by."""
        return _moments(Z)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Train from fresh weights.

        Parameters
        ----------
        X : array-like, tensor or list of images
            Images of shape (n, C, H, W) or (n, H, W), or (n, C * H * W) with
            `image_shape`. Whole or real numbers of any finite range.
        y : array-like of shape (n,) or (n, 1)
            Class labels: text, whole numbers or truth values.
        sample_weight : array-like of shape (n,), optional
            Not negative. The loss is the weighted mean over the training set, so that
            only ratios count. A row with weight 0 is as if it were not there, except that
            its label is in ``classes_``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            NaN or infinity, one class only, weights that are negative or not one per row,
            images that are too small or have the channels last, an `image_shape` that
            does not multiply out, a parameter out of its range, a device that is not
            there, a checkpoint of another fit.
        RuntimeError
            This object is being fitted in another thread.
        FloatingPointError
            The training diverged.
        """
        with training.whole_fit(self), devices.pinned():
            return self._fit(X, y, sample_weight)

    def __getstate__(self):
        """The network on the CPU, or a pickle could not be read without a GPU."""
        state = super().__getstate__()
        network = state.get("network_")
        if network is not None and next(network.parameters()).device.type != "cpu":
            state["network_"] = copy.deepcopy(network).cpu()
        return state

    def _fit(self, X, y, sample_weight):
        y = labels_of(y)
        X, y = check_X_y(self._numbers(X, reset=True), y, allow_nd=True, estimator=self)
        images = self._images(X)
        weights = _checked_weights(sample_weight, len(y))
        self.classes_, codes = np.unique(y, return_inverse=True)
        seen = weights > 0
        if (n_seen := len(np.unique(codes[seen]))) < 2:
            raise ValueError(
                f"y has {n_seen} class(es) with a positive weight "
                f"({self.classes_[np.unique(codes[seen])].tolist()}); at least 2 are needed "
                "to tell them apart."
            )

        device = devices.resolve_device(self.device)
        devices.refuse_unsound(self.precision, device, images.shape[1:])
        precision = devices.resolve_precision(self.precision, device, images=True)
        generator = training.make_generator(self.random_state, device)
        checkpoint = self.checkpoint and checkpoints.Checkpoint(
            self.checkpoint,
            {
                **training.identity(self, device, X, y, weights),
                "classifier": type(self).__name__,
                "precision": str(precision),
            },
        )
        if checkpoint:
            checkpoint.begin(generator)
        self._shape = images.shape[1:]
        Z = _to_device(images[seen], device)
        self.mean_, self.scale_ = self._scaling(Z)
        codes = torch.as_tensor(codes[seen], device=device)
        # Weights that sum to 1, as AdaBoost hands on, would shrink every gradient.
        weights = weights[seen] / weights.max()  # a sum of large ones would overflow
        weights /= weights.mean()
        weights = torch.as_tensor(weights, dtype=torch.float32, device=device)

        self.network_ = self._network(Z.shape[1], generator).train()
        draw_masks_from(generator, self.network_)
        step, n_steps, state = self._step(Z, codes, weights, generator, precision)
        with devices.deterministic(device):
            self.history_ = training.train(
                step,
                n_steps,
                state=state,
                generator=generator,
                checkpoint=checkpoint,
                stage=self._name,
                verbose=self.verbose,
            )
        draw_masks_from(None, self.network_)
        self.network_.eval().zero_grad(set_to_none=True)  # as large as the weights
        return self

    def predict_proba(self, X):
        """Estimate the probability of each class.

        Parameters
        ----------
        X : array-like
            Images of the shape seen in `fit`.

        Returns
        -------
        probabilities : ndarray of float64, shape (n, K)
            Columns in the order of ``classes_``; rows sum to 1.

        Raises
        ------
        ValueError
            NaN or infinity, or images of another shape.
        """
        logits = self._outputs(X, lambda network: network, self.precision)
        return logits.double().softmax(dim=1).numpy()

    def predict(self, X):
        """Return the most probable class of each image; parameters as `predict_proba`."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    # ------------------------------------------------------------------ the machinery

    def _numbers(self, X, reset=False):
        """X as an array; names of columns are learned, or must be those of `fit`."""
        cure = "images are numbers, one for each pixel and channel."
        kind, numbers = containers.opened(X, cure)
        named = isinstance(X, pd.DataFrame) and X.columns.is_unique
        if reset or (named and hasattr(self, "feature_names_in_")):
            seen = X if named else numbers
            validate_data(self, seen, reset=reset, skip_check_array=True)
        kind.refuse_nan(numbers, cure)
        return numbers

    @devices.pinned()
    def _outputs(self, X, part, precision):
        """What a part of the network makes of images, as a Tensor on the CPU."""
        check_is_fitted(self, "network_")
        images = self._images(check_array(self._numbers(X), allow_nd=True))
        if images.shape[1:] != self._shape:
            raise ValueError(
                f"X has images of shape {images.shape[1:]}, the classifier was fitted on "
                f"{self._shape}; bring them to that shape."
            )
        with np.errstate(over="ignore"):
            ends = images.min(initial=0), images.max(initial=0)
            refuse_overflow(np.array(ends).astype(np.float32))
        device = devices.resolve_device(self.device)
        precision = devices.resolve_precision(precision, device, images=True)
        network = part(self.network_.to(device))
        scaled = _scaler(self.mean_, self.scale_, device)
        outputs = []
        deterministic = devices.deterministic(device)
        lower = devices.autocast(device, precision)
        with torch.inference_mode(), deterministic, lower:
            for start in range(0, len(images), CHUNK):
                chunk = _to_device(images[start : start + CHUNK], device)
                outputs.append(network(scaled(chunk)).cpu())
        return torch.cat(outputs)

    def _images(self, X):
        """View X as images (n, C, H, W), or say why it cannot be."""
        refuse_channels_last(X, self.image_shape)
        if self.image_shape is not None:
            refuse_other_shape(X, self.image_shape)
            shape = tuple(map(int, self.image_shape))  # numpy's are no numbers to torch
            if len(shape) != 3 or np.prod(shape) != np.prod(X.shape[1:]):
                raise ValueError(
                    f"image_shape={shape}, but a row of X has {np.prod(X.shape[1:])} "
                    "values; give (C, H, W) with C * H * W equal to it."
                )
            X = X.reshape(-1, *shape)
        elif X.ndim == 3:
            X = X[:, None]
        elif X.ndim != 4:
            raise ValueError(
                f"X has shape {X.shape}; give images (n, C, H, W) or (n, H, W), or say with "
                "image_shape=(C, H, W) what a flat row holds."
            )
        if min(X.shape[2:]) < self._min_side:
            raise ValueError(
                f"X has images of {X.shape[2]} x {X.shape[3]} pixels; {self._name} "
                f"{self._min_reason} and needs at least {self._min_side} a side. Enlarge "
                "them."
            )
        return X

    def _step(self, Z, codes, weights, generator, precision):
        """Return one training step, how many to do, and all that they change."""
        device, n_classes = Z.device, len(self.classes_)
        network = self.network_
        batches = training.Batches(
            len(Z), self.batch_size, generator, drop_last=self._drop_last
        )
        n_steps = int(self._length(batches.per_epoch))
        optimiser, schedule = self._optimiser(n_steps)
        scaled = _scaler(self.mean_, self.scale_, device)
        targets = weighted_targets(codes, weights, n_classes)
        offsets = prior_offsets(targets, self.logit_adjustment)
        shares = beta_quantiles(self.mixup, device) if self.mixup else None
        lower = devices.autocast(device, precision)

        def step():
            rows = next(batches)
            x, target = scaled(Z[rows]), targets[rows]
            if self.augment:
                x = shift_and_flip(x, generator, flip=self.augment == "crop+flip")
            if shares is not None:
                x, target = mix_pairs(x, target, shares, generator)
            with lower:
                logits = network(x)
            loss = F.cross_entropy(logits + offsets, target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            return {"loss": loss}

        state = {
            "network": network,
            "optimiser": optimiser,
            "schedule": schedule,
            "batches": batches,
        }
        return step, n_steps, state


# ------------------------------------------------------------------ loss


def weighted_targets(codes: Tensor, weights: Tensor, n_classes: int) -> Tensor:
    """Put each row's weight in the column of its class: (n,), (n,) -> (n, n_classes).

    Cross-entropy against these targets, averaged over the rows, is the weighted loss
    where the weights have mean 1.

    Examples
    --------
    >>> weighted_targets(torch.tensor([1, 0]), torch.tensor([0.5, 1.5]), 2)
    tensor([[0.0000, 0.5000],
            [1.5000, 0.0000]])
    """
    targets = weights.new_zeros(len(codes), n_classes)
    return targets.scatter_(1, codes[:, None], weights[:, None])


def prior_offsets(targets: Tensor, tau: float) -> Tensor:
    """``tau * log(prior)`` of each class, from weighted targets (n, K) to (K,).

    A class without weight has offset 0, above all others, and so is still trained away.

    Examples
    --------
    >>> prior_offsets(torch.eye(2)[[0, 0, 0, 1]], tau=1).exp()
    tensor([0.7500, 0.2500])
    """
    prior = targets.sum(dim=0) / targets.sum()
    return tau * torch.where(prior > 0, prior, 1).log()


# ------------------------------------------------------------------ small parts


def _checked_weights(sample_weight, n):
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, X has {n} rows; give one weight "
            "per row."
        )
    if len(bad := np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))):
        raise ValueError(
            f"sample_weight is {weights[bad[0]]} in row {bad[0]}; weights must be finite "
            "and not negative."
        )
    return weights


def _to_device(images, device):
    """Copy images as they are stored: a quarter of the memory where they are uint8."""
    dtype = np.uint8 if images.dtype == np.uint8 else np.float32
    with np.errstate(over="ignore"):
        images = np.array(images, dtype=dtype, order="C")
    return torch.as_tensor(images, device=device)


def _moments(Z):
    """Mean and standard deviation of each channel; 1 where nothing varies."""
    # One channel at a time: uint8 images need four times their memory as float32.
    pairs = [torch.std_mean(channel.float(), correction=0) for channel in Z.unbind(1)]
    scale, mean = torch.tensor(pairs).T.numpy()
    refuse_overflow(scale)
    return mean, np.where(scale > 0, scale, 1)


def refuse_overflow(spread):
    if not np.isfinite(spread).all():
        raise ValueError(
            "The values of X, or their spread, are more than a float32 can hold; rescale "
            "X first."
        )


def _scaler(mean, scale, device):
    """Make the function from stored images to what the network takes."""
    mean, scale = (
        torch.as_tensor(values, dtype=torch.float32, device=device)[:, None, None]
        for values in (mean, scale)
    )

    def scaled(Z):
        x = Z.to(torch.float32, memory_format=torch.channels_last)
        return (x - mean) / scale

    return scaled
