"""Classifiers over torch networks, with scikit-learn's interface.

What scikit-learn and imbalanced-learn do with a classifier works on these: pipelines,
AdaBoost, calibration, tuned thresholds, ``sample_weight``.

Over 500 lines, as what parameters and attributes mean takes up a third of them.
"""

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
from torch import Tensor, nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

from . import checkpoints, containers, devices, training
from .augmentation import beta_quantiles, mix_pairs, shift_and_flip
from .checks import (
    AT_LEAST_TWO,
    POSITIVE_INT,
    POSITIVE_REAL,
    SequenceOf,
    labels_of,
    refuse_channels_last,
    refuse_other_shape,
)
from .layers import TinyConv2d, draw_masks_from
from .networks import keras_cnn, laid_out

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4
KERAS_DECAY = 1e-6  # of the learning rate, per step
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


class ResNet18Classifier(ImageClassifier):
    """ResNet-18 [1]_ for images, trained from scratch for a fixed number of steps.

    The network is torchvision's. DeepSMOTE's authors classify with "ResNet-18" and give
    no optimiser, learning rate, number of epochs, augmentation or stem, so the recipe is
    ours, put together from well-known values: SGD with Nesterov momentum 0.9 and weight
    decay 5e-4 on all weights, as is usual on CIFAR-10; a learning rate that rises for
    30 % of the steps to `lr` and falls along a cosine to nothing, the one-cycle policy
    [2]_ with torch's defaults and constant momentum; cross-entropy without label
    smoothing; pixels shifted and scaled by the training mean and standard deviation of
    their channel.

    Training takes `n_steps` batches whatever the number of rows. Counted in epochs, a set
    balanced by oversampling would be trained for longer than the one it came from, and
    any gain could be that of training.

    Parameters
    ----------
    stem : {"imagenet", "cifar"}, default="imagenet"
        The first layers. ``"imagenet"``: a 7x7 convolution with stride 2 and a maximum
        over 3x3 with stride 2, as published; on 28 to 32 pixels it is fast and loses
        detail. ``"cifar"``: one 3x3 convolution with stride 1, as [1]_ has it for CIFAR-10
        (section 4.2); fifteen times the arithmetic.
    n_steps : int, default=2000
        Optimiser steps. With fewer than about 50, the averages that batch norm keeps
        for `predict` still hold much of their start, and scores suffer.
    batch_size : int, default=128
        Images per step, at least 2; all images where there are fewer. The last batch of
        a pass through the data is left out where it would be smaller, since batch norm
        needs company.
    lr : float, default=0.1
        Highest learning rate.
    augment : {"crop", "crop+flip"} or None, default=None
        ``"crop"``: each training image is moved by up to 4 pixels in both directions, and
        what comes in from outside has the training mean ([1]_, section 4.2). ``"crop+flip"``
        also mirrors half of them left to right, which digits do not bear.
    mixup : float, default=0.0
        alpha of mixup [3]_: images and labels are mixed in pairs with a share drawn from
        Beta(alpha, alpha), each pair its own. 0 is off; 0.2 to 1 is usual.
    logit_adjustment : float, default=0.0
        tau of the logit-adjusted loss [4]_ (section 5.2): ``tau * log(prior)`` is added to
        the logits in training only, where the prior of a class is its share of the training
        rows, or of their weight. 0 is off. With 1, `predict_proba` estimates what the
        probabilities would be if all classes were equally frequent.
    image_shape : tuple (C, H, W) or None, default=None
        Shape of an image where the rows of X are flat.
    device : str, default="auto"
        ``"auto"`` takes cuda, then mps, then cpu.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the convolutions. Weights, loss and the last layer stay in float32. ``"auto"``
        is bfloat16 on a GPU that computes in it, float32 on every CPU.
    random_state : int, RandomState or None, default=None
        Decides everything: weights, batches, augmentation, mixup.
    checkpoint : path-like or None, default=None
        File that training goes on from and writes to.
    verbose : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (K,)
        Class labels.
    history_ : DataFrame
        Columns ``step`` and ``loss``, one row per step.
    network_ : torch.nn.Module
        The trained network; takes images scaled by ``mean_`` and ``scale_``, (n, C, H, W),
        and returns logits, (n, K).
    mean_, scale_ : ndarray of shape (C,)
        Mean and standard deviation of the training images, each channel its own.

    References
    ----------
    .. [1] He et al., "Deep residual learning for image recognition", CVPR 2016.
    .. [2] Smith and Topin, "Super-convergence: very fast training of neural networks using
       large learning rates", arXiv:1708.07120, 2017.
    .. [3] Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    .. [4] Menon et al., "Long-tail learning via logit adjustment", ICLR 2021.

    Examples
    --------
    Two steps learn nothing; they show the call.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> classifier = ResNet18Classifier(
    ...     image_shape=(1, 8, 8), n_steps=2, batch_size=16, random_state=0
    ... )
    >>> classifier.fit(X, y).predict_proba(X[:5]).shape
    (5, 10)
    """

    _parameter_constraints: dict = {
        **ImageClassifier._parameter_constraints,
        "stem": [StrOptions({"imagenet", "cifar"})],
    }
    _name, _min_reason = "ResNet-18", "halves them up to five times"
    _min_side = 8  # the imagenet stem leaves 2 of them to the first residual stage

    def __init__(
        self,
        *,
        stem="imagenet",
        n_steps=2000,
        batch_size=128,
        lr=0.1,
        augment=None,
        mixup=0.0,
        logit_adjustment=0.0,
        image_shape=None,
        device="auto",
        precision="auto",
        random_state=None,
        checkpoint=None,
        verbose=False,
    ):
        self.stem = stem
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.lr = lr
        self.augment = augment
        self.mixup = mixup
        self.logit_adjustment = logit_adjustment
        self.image_shape = image_shape
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    def _network(self, channels, generator):
        def build():
            network = resnet18(weights=None)
            if self.stem == "cifar":
                network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
                network.maxpool = nn.Identity()
            elif channels != network.conv1.in_channels:
                network.conv1 = nn.Conv2d(
                    channels, 64, 7, stride=2, padding=3, bias=False
                )
            for block in network.modules():
                if isinstance(block, BasicBlock):
                    block.conv1, block.conv2 = (
                        TinyConv2d(old.in_channels, old.out_channels, old.stride[0])
                        for old in (block.conv1, block.conv2)
                    )
            network.fc = Float32Linear(network.fc.in_features, len(self.classes_))
            return network

        return laid_out(training.initialise(build, generator, scheme="kaiming"))

    def features(self, X):
        """Return what the last layer sees, a space in which to compare images.

        Parameters
        ----------
        X : array-like
            Images of the shape seen in `fit`.

        Returns
        -------
        features : ndarray of float32, shape (n, 512)
            Means of the last maps over their pixels, 0 or more; computed in float32
            whatever `precision` is. The last digits of an image depend on its batch.

        Raises
        ------
        ValueError
            NaN or infinity, or images of another shape.
        """

        def but_the_last(network):
            return nn.Sequential(*[*network.children()][:-1], nn.Flatten())

        return self._outputs(X, but_the_last, "float32").numpy()

    def _optimiser(self, n_steps):
        optimiser = torch.optim.SGD(
            self.network_.parameters(),
            lr=self.lr,
            momentum=MOMENTUM,
            nesterov=True,
            weight_decay=WEIGHT_DECAY,
            fused=True,
        )
        return optimiser, torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.lr, total_steps=n_steps, cycle_momentum=False
        )


class KerasCNNClassifier(ImageClassifier):
    """The small convolutional network of Keras' CIFAR-10 example, SMate's classifier.

    Network [1]_ and recipe as the authors of SMate use them [2]_: two blocks of two 3x3
    convolutions, 32 and 64 maps, each with a maximum over 2x2 and dropout of 0.25, then a
    layer of 512 with dropout of 0.5; RMSprop with a rate of 1e-4, which one over
    ``1 + 1e-6 * step`` lowers, and Keras' decay of 0.9; Glorot's first weights; pixels
    from 0 to 1.

    The authors boosted it with SAMME and weights that sum to 1, some 2e-5 each. Their
    gradients were as small, and the ensemble stayed at 49.8 %. `fit` brings weights to a
    mean of 1, so that scikit-learn's ``AdaBoostClassifier``, which hands on such weights,
    works.

    Parameters
    ----------
    epochs : int, default=100
        Passes over the data.
    n_steps : int or None, default=None
        The exact number of optimiser steps, in place of `epochs`: as many for a set
        balanced by oversampling as for the one it came from.
    batch_size : int, default=256
        Images per step. The last batch of a pass may be smaller.
    lr : float, default=1e-4
        First learning rate.
    augment : {"crop", "crop+flip"} or None, default=None
        As in `ResNet18Classifier`, but what comes in from outside is the lowest value.
    mixup, logit_adjustment, image_shape, device, precision
        As in `ResNet18Classifier`.
    random_state : int, RandomState or None, default=None
        Decides everything: weights, batches, dropout, augmentation, mixup.
    checkpoint, verbose
        As in `ResNet18Classifier`.

    Attributes
    ----------
    classes_, history_, network_
        As in `ResNet18Classifier`.
    mean_, scale_ : ndarray of shape (C,)
        Lowest value of the pixels and their span, of all channels together; 0 and 255
        for uint8.

    References
    ----------
    .. [1] ``cifar10_cnn.py`` among the examples of Keras 2.
    .. [2] P. Rodriguez Bertorello, L. P. Koh. "SMate: Synthetic Minority Adversarial
       Technique". Stanford CS230, 2019.

    Examples
    --------
    One step learns nothing; it shows the call.

    >>> X = np.random.default_rng(0).integers(0, 256, (6, 3, 12, 12)).astype("uint8")
    >>> classifier = KerasCNNClassifier(n_steps=1, random_state=0)
    >>> classifier.fit(X, [0, 1, 2, 0, 1, 2]).predict_proba(X).shape
    (6, 3)
    """

    _parameter_constraints: dict = {
        **ImageClassifier._parameter_constraints,
        "epochs": [POSITIVE_INT],
        "n_steps": [POSITIVE_INT, None],
        "batch_size": [POSITIVE_INT],
    }
    _name, _min_side, _min_reason = "Keras' CNN", 10, "cuts edges and halves them twice"
    _drop_last = False

    def __init__(
        self,
        *,
        epochs=100,
        n_steps=None,
        batch_size=256,
        lr=1e-4,
        augment=None,
        mixup=0.0,
        logit_adjustment=0.0,
        image_shape=None,
        device="auto",
        precision="auto",
        random_state=None,
        checkpoint=None,
        verbose=False,
    ):
        self.epochs = epochs
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.lr = lr
        self.augment = augment
        self.mixup = mixup
        self.logit_adjustment = logit_adjustment
        self.image_shape = image_shape
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    def _length(self, per_epoch):
        return self.n_steps or self.epochs * per_epoch

    def _scaling(self, Z):
        low, high = 0.0, 255.0
        if Z.dtype != torch.uint8:
            low, high = (bound.item() for bound in Z.aminmax())
        span = np.float32(high - low)
        _refuse_overflow(span)
        return np.full((2, Z.shape[1]), [[low], [span if span > 0 else 1]], np.float32)

    def _network(self, channels, generator):
        def build():
            network = keras_cnn((channels, *self._shape[1:]), len(self.classes_))
            network[-1] = Float32Linear(512, len(self.classes_))
            return network

        return laid_out(training.initialise(build, generator, scheme="glorot"))

    def _optimiser(self, n_steps):
        optimiser = torch.optim.RMSprop(
            self.network_.parameters(), lr=self.lr, alpha=0.9, eps=1e-7, foreach=True
        )
        return optimiser, torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: 1 / (1 + KERAS_DECAY * step)
        )


class Float32Linear(nn.Linear):
    """A linear layer that leaves the lower precision around it.

    With the 8 bits of bfloat16, logits near 10 lie 1/16 apart: scores would tie.
    """

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float())


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
    _refuse_overflow(scale)
    return mean, np.where(scale > 0, scale, 1)


def _refuse_overflow(spread):
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
