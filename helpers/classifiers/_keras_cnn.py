"""The small network of Keras' CIFAR-10 example."""

import numpy as np
import torch

from .. import training
from ..checks import POSITIVE_INT
from ..layers import Float32Linear
from ..networks import keras_cnn, laid_out
from ._base import ImageClassifier, refuse_overflow

DECAY = 1e-6  # of the learning rate, per step


class KerasCNNClassifier(ImageClassifier):
    """The small convolutional network of Keras' CIFAR-10 example, SMate's classifier.

    Network [1]_ and recipe as the authors of SMate use them [2]_: two blocks of two 3x3
    convolutions, 32 and 64 maps, each with a maximum over 2x2 and dropout of 0.25, then a
    layer of 512 with dropout of 0.5; RMSprop with a rate of 1e-4, which one over
    ``1 + 1e-6 * step`` lowers, and Keras' decay of 0.9; Glorot's first weights; pixels
    from 0 to 1.

    The authors boosted it with SAMME and weights that sum to 1, some 2e-5 each, so that
    gradients were as small; their ensemble stayed at 49.8 %. `fit` brings weights to a
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
        refuse_overflow(span)
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
            optimiser, lambda step: 1 / (1 + DECAY * step)
        )
