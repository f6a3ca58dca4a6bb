"""The tutorial's GAN as a sampler: one small GAN for each class that needs rows."""

import functools

import pandas as pd
import torch
from sklearn.utils._param_validation import StrOptions

from .. import losses, networks, training
from ..checks import POSITIVE_INT, SHARE, SequenceOf
from . import _health
from ._base import BaseDeepOverSampler


def update(
    G,
    D,
    G_optimiser,
    D_optimiser,
    next_real,
    noise,
    *,
    loss,
    n_critic,
    lower,
    generator,
):
    """One update: the discriminator learns `n_critic` times, then the generator.

    Parameters
    ----------
    G, D : Module
    G_optimiser, D_optimiser : Optimizer
    next_real : callable
        Returns the next batch of real rows.
    noise : callable
        From a number of rows to the generator's input.
    loss, n_critic
        As in `GANOverSampler`.
    lower : context manager
        In which networks compute in a lower precision.
    generator : torch.Generator
        For the gradient penalties of some losses.

    Returns
    -------
    values : dict of str to Tensor
        A line of the history.
    """
    for _ in range(n_critic):  # first the discriminator
        real = next_real()
        with lower:
            with torch.no_grad():
                fake = G(noise(len(real)))
            D_loss = losses.discriminator_loss(loss, D, real, fake.float(), generator)
        D_optimiser.zero_grad()
        D_loss.backward()
        D_optimiser.step()
        if loss == "wgan":
            losses.clip_weights(D)
    with training.frozen(D):  # then the generator
        with lower:
            on_fake = D(G(noise(len(real))))
            G_loss = losses.generator_loss(loss, on_fake)
        G_optimiser.zero_grad()
        G_loss.backward()
        G_optimiser.step()
    return {"discriminator_loss": D_loss, "generator_loss": G_loss}


#: New rows that a network makes at a time: each takes some kilobytes on the way.
MOST_AT_ONCE = 2**16


class GANOverSampler(BaseDeepOverSampler):
    """Over-sample with a generative adversarial network per class.

    The fully connected GAN of the tutorial on Breast Cancer Wisconsin [1]_, for any
    number of classes and any kind of table (images are flattened). Its defaults are the
    paper's, 10 epochs among them: on 106 rows that is 40 updates, which leave a generator
    close to its random start. Raise `epochs` for your own data.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    epochs : int, default=10
        Passes over the rows of a class (step 2c, "training GANs in 10 iterations").
    batch_size : int, default=32
        Rows per update; the whole class where it has fewer.
    lr : float, default=1e-4
        Learning rate of both Adams.
    betas : tuple of two floats, default=(0.9, 0.999)
        Adam's; WGAN-GP is usually trained with (0.0, 0.9).
    latent_dim : int or None, default=100
        Length of the generator's noise. None takes half the number of features, as the
        authors' code does.
    generator_layers : tuple of int, default=(200, 300, 400, 500)
        Widths of the generator's hidden layers.
    discriminator_layers : tuple of int, default=(500, 400, 300, 200)
        Widths of the discriminator's hidden layers.
    linear_input : bool, default=False
        Put a square linear layer in front of the discriminator (authors' code).
    drop_last : bool, default=False
        Leave out the last, smaller batch of every epoch (authors' code).
    loss : {"gan", "lsgan", "wgan", "wgan-gp", "hinge", "dragan"}, default="gan"
        Adversarial loss, see `helpers.losses.discriminator_loss`.
    n_critic : int, default=1
        Discriminator updates per generator update. Epochs count what the discriminator
        sees.
    image_shape : tuple (C, H, W) or None
        Says that the columns of a 2-D X are pixels, which share one range.
    value_range : tuple (low, high) or None
        Lowest and highest possible value. None: of each column for tables, of all
        pixels for images, (0, 255) for images of uint8. Nothing outside is generated.
    device : str, default="auto"
        "auto" takes cuda, then mps, then cpu.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        "auto" is float32 here, since the networks are small.
    random_state : int, RandomState or None
        Decides weights, noise and batches. None: other rows at every call.
    checkpoint : path-like or None
        File to write the training to and to go on from.
    verbose : bool, default=False
        Show a progress bar per class.

    Attributes
    ----------
    networks_ : dict
        ``"generator <number>"`` and ``"discriminator <number>"`` per class filled, the
        number counting in `classes_`.
    history_ : DataFrame
        One row per update of the generator: ``label, step, discriminator_loss,
        generator_loss``.
    variety_ : dict
        Class label to how far new rows are from the nearest other one, as a share of that
        of real rows: about 1 is as varied, and under 0.1 a warning tells of a collapse.
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    References
    ----------
    .. [1] Huang, Y., Fields, K. G., Ma, Y., "A tutorial on generative adversarial
       networks with application to classification of imbalanced data", Statistical
       Analysis and Data Mining, 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import GANOverSampler
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = np.repeat(["common", "rare"], [32, 8])
    >>> sampler = GANOverSampler(random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, int(sampler.synthetic_mask_.sum())
    ((64, 3), 24)
    """

    _parameter_constraints: dict = {
        **BaseDeepOverSampler._parameter_constraints,
        "betas": [SequenceOf(SHARE, 2)],
        "generator_layers": [SequenceOf(POSITIVE_INT)],
        "discriminator_layers": [SequenceOf(POSITIVE_INT)],
        "linear_input": ["boolean"],
        "drop_last": ["boolean"],
        "loss": [StrOptions(set(losses.LOSSES))],
        "n_critic": [POSITIVE_INT],
    }
    _first_weights = "glorot"  # Keras': the authors' code, in Keras, names none
    # On 30 features: 15-100-200-300-400-500-30 and 30-30-500-400-300-200-100-1.
    _presets = {
        "authors_code": {
            "latent_dim": None,
            "generator_layers": (100, 200, 300, 400, 500),
            "discriminator_layers": (500, 400, 300, 200, 100),
            "linear_input": True,
            "drop_last": True,
        }
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        epochs=10,
        batch_size=32,
        lr=1e-4,
        betas=(0.9, 0.999),
        latent_dim=100,
        generator_layers=(200, 300, 400, 500),
        discriminator_layers=(500, 400, 300, 200),
        linear_input=False,
        drop_last=False,
        loss="gan",
        n_critic=1,
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
        self.batch_size = batch_size
        self.lr = lr
        self.betas = betas
        self.latent_dim = latent_dim
        self.generator_layers = generator_layers
        self.discriminator_layers = discriminator_layers
        self.linear_input = linear_input
        self.drop_last = drop_last
        self.loss = loss
        self.n_critic = n_critic
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    def _build(self, name):
        n_features = int(torch.Size(self._row_shape).numel())
        if name.startswith("discriminator"):
            return networks.mlp_discriminator(
                n_features, self.discriminator_layers, self.linear_input
            )
        return networks.mlp_generator(self._latent(), self.generator_layers, n_features)

    def _latent(self):
        n_features = int(torch.Size(self._row_shape).numel())
        return self.latent_dim or max(1, n_features // 2)

    def _noise(self, n, generator):
        shape = (n, self._latent())
        return torch.randn(shape, generator=generator, device=generator.device)

    def _train(self, Z, codes, wanted, generator, checkpoint):
        histories, self.variety_ = [], {}
        for code in wanted:
            history = self._train_one(
                Z[codes == code].flatten(1), code, generator, checkpoint
            )
            history.insert(0, "label", self.classes_[code])
            histories.append(history)
        if not histories:
            return pd.DataFrame(columns=["label", "step"])
        _health.judge_variety(self, {code: Z[codes == code] for code in wanted})
        return pd.concat(histories, ignore_index=True)

    def _train_one(self, real_rows, code, generator, checkpoint):
        """Steps "compiling" and "training GANs" of section 3.1, step 2c."""
        names = f"generator {code}", f"discriminator {code}"
        G, D = (self._initialise(name, generator) for name in names)
        self.networks_.update(zip(names, (G, D), strict=True))
        adam = {"lr": self.lr, "betas": tuple(self.betas), "fused": True}
        G_optimiser = torch.optim.Adam(G.parameters(), **adam)
        D_optimiser = torch.optim.Adam(D.parameters(), **adam)
        batches = training.Batches(
            len(real_rows), self.batch_size, generator, self.drop_last
        )
        step = functools.partial(
            update,
            G,
            D,
            G_optimiser,
            D_optimiser,
            lambda: real_rows[next(batches)],
            functools.partial(self._noise, generator=generator),
            loss=self.loss,
            n_critic=self.n_critic,
            lower=self._autocast(generator.device, images=False),
            generator=generator,
        )
        return training.train(
            step,
            max(1, self.epochs * batches.per_epoch // self.n_critic),
            state={
                "generator": G,
                "discriminator": D,
                "generator_optimiser": G_optimiser,
                "discriminator_optimiser": D_optimiser,
                "batches": batches,
            },
            generator=generator,
            checkpoint=checkpoint,
            stage=f"GAN of class {self.classes_[code]}",
            verbose=self.verbose,
        )

    def _generate(self, code, n, generator):
        network = self.networks_[f"generator {code}"]
        noise = self._noise(n, generator).split(MOST_AT_ONCE)
        rows = torch.cat([network(part) for part in noise])
        return rows.view(n, *self._row_shape)
