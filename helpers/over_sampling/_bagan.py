"""BAGAN: a GAN that starts as an autoencoder and has one latent Gaussian per class."""

import functools

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.covariance import oas
from torch import nn

from .. import networks, training
from . import _health
from ._base import TABLE_LAYERS, in_chunks
from ._two_phase import TwoPhaseOverSampler


def update(
    G, D, G_optimiser, D_optimiser, next_real, draw, *, n_classes, lower, generator
):
    """One update: the discriminator learns, then the generator.

    Parameters
    ----------
    G, D : Module
    G_optimiser, D_optimiser : Optimizer
    next_real : callable
        Returns the next batch, real rows and their class numbers.
    draw : callable
        From class numbers to a code of each, the generator's input.
    n_classes : int
    lower : context manager
        In which networks compute in a lower precision.
    generator : torch.Generator
        Draws the classes of generated rows.

    Returns
    -------
    losses : dict of str to Tensor
    """
    x, of_real = next_real()
    n_fake = -(-len(x) // n_classes)
    size, device = (len(x) + n_fake,), generator.device
    labels = torch.randint(n_classes, size, generator=generator, device=device)
    z = draw(labels)
    with lower:
        fake = G(z)
        D_loss = discriminator_loss(D, x, of_real, fake[:n_fake])
    D_optimiser.zero_grad()
    D_loss.backward()
    D_optimiser.step()
    with lower:
        G_loss = generator_loss(D, fake, labels)
    G_optimiser.zero_grad()
    G_loss.backward()
    G_optimiser.step()
    return {"discriminator": D_loss, "generator": G_loss}


class BAGAN(TwoPhaseOverSampler):
    """Over-sample with a balancing generative adversarial network.

    One GAN for all classes [1]_. First an autoencoder learns the rows of all classes, and
    the codes of each class give the mean and the covariance of a Gaussian. Then the
    decoder becomes the generator, the encoder's trunk that of the discriminator, and the
    two play: the discriminator has one answer for each of the K classes and one for
    "generated", the generator gets a code of a class drawn uniformly and is to make the
    discriminator answer that class. New rows are the generator's from such codes.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    epochs : int, default=100
        Passes over all rows in the GAN phase. Some 100 in each phase for CIFAR-10 by the
        authors' account ("probably an overshoot"), 150 in their published run on MNIST.
    n_steps : int or None
        The exact number of updates of the GAN phase, in place of `epochs`.
    autoencoder_epochs, autoencoder_steps : int or None
        The same for the autoencoder. None in both: as long as the GAN phase.
    batch_size : int, default=128
        Real rows per update, at least 2. A last batch of a single row is left out.
    lr : float, default=5e-5
        Learning rate of Adam, in both phases. Its betas are 0.5 and 0.999. It is made
        for thousands of updates; with some 200 in each phase take 1e-3.
    latent_dim : int or None
        Length of the codes. None: 100; for tables half the number of columns, from 2 to
        100.
    width : float, default=1.0
        Factor of the numbers of channels, as in `DeepSMOTE`.
    shrinkage : bool, default=True
        Shrink the covariance of each class, see the notes. False: the sample covariance,
        which has no rank for classes smaller than the code is long.
    image_shape, value_range, device, precision, random_state, checkpoint, verbose
        As in `DeepSMOTE`.

    Attributes
    ----------
    networks_ : dict
        ``"generator"``, codes to rows in [-1, 1], and ``"discriminator"``, rows in
        [-1, 1] to K + 1 logits, the last for "generated".
    history_ : DataFrame
        One row per update and player: ``label`` ("all", as one GAN serves all classes),
        ``phase`` ("autoencoder" or "gan"), ``step``, which counts on through both phases,
        ``player`` ("autoencoder", "discriminator" or "generator") and its ``loss``: mean
        squares on [-1, 1] for the first, cross-entropies for the others.
    variety_ : dict
        As in `GANOverSampler`.
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Raises
    ------
    ValueError
        Images with a side under 8 pixels; and what the base class refuses.

    Notes
    -----
    The paper's: the three steps, the K + 1 answers, the Gaussians, classes drawn
    uniformly, and per update as many generated rows for the discriminator as a class has
    real ones on average, ``ceil(batch / K)``, and ``batch + ceil(batch / K)`` codes for
    the generator.

    The authors' code [2]_: Adam's settings, the batch and the length of the code. It runs
    once for each class that was thinned out; here one model serves any number of
    minority classes.

    Ours:

    - The networks. The code has convolutions of 32, 64, 128 and 256 channels with dropout
      for the discriminator, and dense layers, 5x5 convolutions of 256 and 128 channels
      between doublings for the generator. Here they are DeepSMOTE's, so that a comparison
      is one of methods; the discriminator without batch normalisation, which would mix
      the statistics of real and generated rows, and without dropout.
    - The covariance is shrunk by the oracle approximating estimator [3]_ towards a
      multiple of the covariance pooled over the classes, which is shrunk itself to a
      multiple of the identity. So four images of a class get the size of their variation
      from themselves and most of its shape from all classes. Large classes keep their
      own.
    - The generator runs once per update: its first rows go to the discriminator, all of
      them, after the discriminator's update, decide on its own.

    ``preset("authors_code")`` has no shrinkage and the 150 epochs of ``run.sh`` in each phase;
    the program does 3 if not told.

    References
    ----------
    .. [1] G. Mariani, F. Scheidegger, R. Istrate, C. Bekas, C. Malossi. "BAGAN: Data
       Augmentation with Balancing GAN". arXiv:1803.09655, 2018.
    .. [2] https://github.com/IBM/BAGAN.
    .. [3] Y. Chen, A. Wiesel, Y. C. Eldar, A. O. Hero. "Shrinkage Algorithms for MMSE
       Covariance Estimation". IEEE Transactions on Signal Processing, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import BAGAN
    >>> X = np.random.default_rng(0).integers(0, 256, (30, 12, 10)).astype("uint8")
    >>> y = np.repeat(["common", "rare"], [24, 6])
    >>> sampler = BAGAN(n_steps=3, width=0.1, random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, X_more.dtype
    ((48, 12, 10), dtype('uint8'))
    """

    _parameter_constraints: dict = {
        **TwoPhaseOverSampler._parameter_constraints,
        "shrinkage": ["boolean"],
    }
    _own_state = ("_means", "_factors")
    _presets = {
        "authors_code": {"shrinkage": False, "epochs": 150, "autoencoder_epochs": 150}
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        epochs=100,
        n_steps=None,
        autoencoder_epochs=None,
        autoencoder_steps=None,
        batch_size=128,
        lr=5e-5,
        latent_dim=None,
        width=1.0,
        shrinkage=True,
        image_shape=None,
        value_range=None,
        device="auto",
        precision="auto",
        random_state=None,
        checkpoint=None,
        verbose=False,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.epochs = epochs
        self.n_steps = n_steps
        self.autoencoder_epochs = autoencoder_epochs
        self.autoencoder_steps = autoencoder_steps
        self.batch_size = batch_size
        self.lr = lr
        self.latent_dim = latent_dim
        self.width = width
        self.shrinkage = shrinkage
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    # ------------------------------------------------------------------ networks

    def _latent(self):
        if self.latent_dim is not None:
            return self.latent_dim
        return 100 if self._images() else min(100, max(2, self._row_shape[0] // 2))

    def _build(self, name):
        hidden = [max(1, round(self.width * n)) for n in TABLE_LAYERS]
        sizes = [*self._row_shape, *hidden, self._latent()]
        if name == "generator":
            if not self._images():
                network = networks.mlp(sizes[::-1], nn.ReLU, batch_norm=True)
                return network.append(nn.Tanh())
            network = networks.conv_decoder(*self._shape_of_networks())
            return network.to(memory_format=torch.channels_last)
        if self._images():
            network = networks.conv_encoder(*self._shape_of_networks())
            kept = [m for m in network if not isinstance(m, nn.BatchNorm2d)]
            network = nn.Sequential(*kept).to(memory_format=torch.channels_last)
        else:
            network = networks.mlp(sizes, lambda: nn.LeakyReLU(0.2))
        if name == "discriminator":  # the encoder with another last layer
            network[-1] = nn.Linear(network[-1].in_features, len(self.classes_) + 1)
        return network

    def _shape_of_networks(self):
        return self._row_shape, self._latent(), self.width

    # ------------------------------------------------------------------ training

    def _train(self, Z, codes, wanted, generator, checkpoint):
        self._means = self._factors = None
        self.variety_ = {}
        if not wanted:
            return pd.DataFrame(columns=["label", "step"])
        rows, lower = self._rows(Z), self._autocast(generator.device, self._images())
        encoder = self._initialise("encoder", generator)
        decoder = self._initialise("generator", generator)
        optimiser = self._adam(encoder, decoder)
        batches = self._batches(len(rows), generator)

        def step():
            x = rows[next(batches)]
            with lower:
                loss = F.mse_loss(decoder(encoder(x)).float(), x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            return {"autoencoder": loss}

        state = {
            "encoder": encoder,
            "decoder": decoder,
            "optimiser": optimiser,
            "batches": batches,
        }
        first = self._phase(step, "autoencoder", 0, state, generator, checkpoint)
        with torch.no_grad():
            latent = in_chunks(encoder, rows)
        self._means, self._factors = class_gaussians(latent, codes, self.shrinkage)
        before = int(first["step"].iloc[-1])
        players = encoder, decoder
        second = self._play(rows, codes, *players, before, generator, checkpoint)
        _health.judge_variety(self, {code: Z[codes == code] for code in wanted})
        return pd.concat([first, second], ignore_index=True)

    def _play(self, rows, codes, encoder, decoder, before, generator, checkpoint):
        """The GAN phase, from the autoencoder's weights."""
        G, D = decoder, self._initialise("discriminator", generator)
        D[:-1].load_state_dict(encoder[:-1].state_dict())
        self.networks_ = {"generator": G, "discriminator": D}
        G_optimiser, D_optimiser = self._adam(G), self._adam(D)
        batches = self._batches(len(rows), generator)

        def next_real():
            drawn = next(batches)
            return rows[drawn], codes[drawn]

        step = functools.partial(
            update,
            G,
            D,
            G_optimiser,
            D_optimiser,
            next_real,
            lambda labels: draw_codes(self._means, self._factors, labels, generator),
            n_classes=len(self.classes_),
            lower=self._autocast(generator.device, self._images()),
            generator=generator,
        )
        state = {
            "generator": G,
            "discriminator": D,
            "generator_optimiser": G_optimiser,
            "discriminator_optimiser": D_optimiser,
            "batches": batches,
        }
        return self._phase(step, "gan", before, state, generator, checkpoint)

    # ------------------------------------------------------------------ sampling

    def _generate(self, code, n, generator):
        device = generator.device
        noise = torch.randn(n, self._latent(), generator=generator, device=device)
        z = self._means[code].to(device) + noise @ self._factors[code].to(device).T
        return (in_chunks(self.networks_["generator"], z) + 1) / 2


def discriminator_loss(D, x, labels, fake):
    """Cross-entropy of K + 1 answers; only the discriminator learns from it.

    Parameters
    ----------
    D : callable
        Returns logits of shape (n, K + 1).
    x, labels : Tensor
        Real rows and their class numbers, 0 to K - 1.
    fake : Tensor
        Generated rows, whose right answer is K.
    """
    logits = D(torch.cat([x, fake.detach()])).float()  # no layer mixes the rows
    generated = labels.new_full((len(fake),), logits.shape[1] - 1)
    return F.cross_entropy(logits, torch.cat([labels, generated]))


def generator_loss(D, fake, labels):
    """Cross-entropy of the classes that were asked for; only the generator learns."""
    with training.frozen(D):
        return F.cross_entropy(D(fake).float(), labels)


def class_gaussians(latent, labels, shrinkage=True):
    """A Gaussian for the codes of each class.

    Parameters
    ----------
    latent : Tensor of shape (n, d)
    labels : Tensor of int, shape (n,)
        All of 0 to K - 1. A class of one row gets a covariance of zero.
    shrinkage : bool
        Towards the pooled covariance, see `BAGAN`.

    Returns
    -------
    means : Tensor of shape (K, d)
    factors : Tensor of shape (K, d, d)
        A factor times its transpose is the covariance.
    """
    x, y = latent.cpu().double().numpy(), labels.cpu().numpy()
    members = [x[y == c] for c in range(y.max() + 1)]
    means = np.stack([rows.mean(axis=0) for rows in members])
    centred = x - means[y]
    if shrinkage:
        root = _root(oas(centred, assume_centered=True)[0])
    else:
        root = np.eye(x.shape[1])
    # Where the pooled covariance is the identity, the usual target is the one wanted.
    white = centred @ np.linalg.pinv(root).T
    factors = []
    for c, rows in enumerate(members):
        own = white[y == c]
        if len(rows) == 1:
            covariance = np.zeros_like(root)
        elif shrinkage:
            # Of rows from which their mean was taken; it divides by all of them.
            covariance = oas(own, assume_centered=True)[0] * len(own) / (len(own) - 1)
        else:
            covariance = own.T @ own / (len(own) - 1)
        factors.append(root @ _root(covariance))
    return [
        torch.as_tensor(found, dtype=torch.float32, device=latent.device)
        for found in (means, np.stack(factors))
    ]


def _root(covariance):
    """A matrix whose product with its transpose is `covariance`, singular or not."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.clip(values, 0, None))


def draw_codes(means, factors, labels, generator):
    """One code from the Gaussian of each label, shape (len(labels), d)."""
    shape = len(labels), means.shape[1]
    noise = torch.randn(shape, generator=generator, device=generator.device)
    # For all classes at once: cheaper than a covariance for every row.
    shifts = noise @ factors.mT  # (K, n, d)
    rows = torch.arange(len(labels), device=labels.device)
    return means[labels] + shifts[labels, rows]
