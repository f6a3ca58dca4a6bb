"""ResNet-18, trained from scratch for a number of steps."""

import torch
from sklearn.utils._param_validation import StrOptions
from torch import nn
from torchvision.models import resnet18
from torchvision.models.resnet import BasicBlock

from .. import training
from ..layers import Float32Linear, TinyConv2d
from ..networks import laid_out
from ._base import ImageClassifier

MOMENTUM, WEIGHT_DECAY = 0.9, 5e-4


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
