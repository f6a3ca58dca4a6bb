"""GAMO: a generator of convex combinations, against a classifier and a discriminator."""

import functools

import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

from .. import networks, training
from ..checks import POSITIVE_INT
from . import _health
from ._base import CHUNK, in_chunks
from ._two_phase import TwoPhaseOverSampler

#: Length of an image's features, hidden layers of the generator and of its two
#: opponents, slope of their LeakyReLU, width of the label noise: the authors' code.
FEATURES, GENERATOR_LAYERS, OPPONENT_LAYERS = 512, (256, 64), (256, 128)
SLOPE, LABEL_NOISE = 0.1, 0.1


def update(
    M,
    D,
    G_optimiser,
    opponents_optimiser,
    next_real,
    combine,
    *,
    lacking,
    lower,
    generator,
):
    """One update: classifier and discriminator learn, then the generator.

    Parameters
    ----------
    M, D : Module
        Classifier and discriminator.
    G_optimiser, opponents_optimiser : Optimizer
    next_real : callable
        Returns the next batch, real points and their class numbers.
    combine : callable
        From class numbers and their indicators to the generator's points.
    lacking : Tensor of shape (K,)
        Rows that each class lacks.
    lower : context manager
        In which networks compute in a lower precision.
    generator : torch.Generator

    Returns
    -------
    losses : dict of str to Tensor
    """
    points, of_real = next_real()
    labels = draw_labels(lacking, len(points), generator)
    indicators = torch.eye(len(lacking), device=points.device)
    asked = indicators[labels]
    y = torch.cat([indicators[of_real], asked])
    with lower:
        new = combine(labels, asked)
        x = torch.cat([points, new.detach()])
        M_loss = classifier_loss(M, x, y)
        D_loss = discriminator_loss(D, x, y, generator)
    opponents_optimiser.zero_grad()
    (M_loss + D_loss).backward()
    opponents_optimiser.step()
    with lower:
        G_loss = generator_loss(M, D, new, asked)
    G_optimiser.zero_grad()
    G_loss.backward()
    G_optimiser.step()
    return {"classifier": M_loss, "discriminator": D_loss, "generator": G_loss}


class GAMO(TwoPhaseOverSampler):
    """Over-sample with convex combinations that are hard to classify.

    Three players on the features of the rows [1]_. The generator gives the real rows of a
    class weights, non-negative and of sum one, and the weighted mean of their features
    is a new point, which so lies in the convex hull of its class. A classifier learns
    the classes from real and new points; a discriminator is shown a point with its label
    and learns whether it is real. The generator is to be misclassified by the former and
    to be taken for real by the latter: new points near the borders of their class.

    Of images the features come from an encoder, and a decoder makes images of the new
    ones; tables are their own features.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    epochs : int, default=90
        Passes over all rows in the game. On the 9,000 images of the paper's MNIST these
        are 25,000 updates, the iterations of the authors' code (see Notes).
    n_steps : int or None
        The exact number of updates of the game, in place of `epochs`.
    autoencoder_epochs, autoencoder_steps : int or None
        The same for the training of encoder and decoder. None in both: as long as the
        game. Tables have no such phase.
    batch_size : int, default=32
        Real rows per update, and as many new ones; at least 2. A last batch of a single
        row is left out.
    lr : float, default=2e-4
        Learning rate of Adam, in both phases. Its betas are 0.5 and 0.999.
    latent_dim : int, default=100
        Length of the generator's noise.
    width : float, default=1.0
        Factor of the numbers of channels of encoder and decoder, as in `DeepSMOTE`.
    image_shape, value_range, device, precision, random_state, checkpoint, verbose
        As in `DeepSMOTE`. `precision="auto"` holds for the first phase; the game's small
        networks then stay in float32.

    Attributes
    ----------
    networks_ : dict
        ``"generator"``, noise and label to one logit for each row of the filled classes;
        ``"classifier"`` and ``"discriminator"``, to logits; for images ``"encoder"`` and
        ``"decoder"``, between values in [-1, 1] and 512 features in [-1, 1].
    history_ : DataFrame
        One row per update and player: ``label`` ("all", as one game serves all classes),
        ``phase`` ("autoencoder" or "game"), ``step``, which counts on through both, and
        ``player`` ("autoencoder", "classifier", "discriminator" or "generator") with its
        ``loss``, all of them mean squares.
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
    The paper's: the three players and who plays for what, the generator's trunk for all
    classes with a softmax of its own for each over its real rows, and new labels drawn
    in proportion to what a class lacks.

    The authors' code [2]_: mean squares as every loss, targets of the discriminator
    uniform in [0.9, 1] for real and in [0, 0.1] for new points, hidden layers (256-64 for
    the generator, 256-128 for the others, LeakyReLU of slope 0.1), 512 features with
    tanh in the program for Fashion-MNIST, a softmax behind the classifier and a sigmoid
    behind the discriminator, Adam's settings and the batch. Its generator is asked for a classification of
    one minus the label's indicator.

    Ours:

    - Images. The authors' program for MNIST plays on the 784 pixels, whose mixtures are
      the new images. That for Fashion-MNIST stays among features; its encoder learns from
      the classifier's loss on real images, anew between sweeps of the game, and a decoder
      is a separate program. Here, for MNIST as well, DeepSMOTE's encoder and decoder learn first,
      from the reconstruction of all images and from the classifier's loss on them in
      equal parts, since features that only tell classes apart lose what an image needs.
      Then both are fixed, so that the game is played on features computed once.
    - The softmax over a class is one over all filled classes' rows with the others
      masked, which serves a batch of mixed labels in one product.
    - Each player makes one update per iteration. In the code classifier and
      discriminator make two, on real and on new points, and the generator two for each
      minority class, on a K-th as many points, of it alone: with nine such classes 18. Here it makes
      one, on the sum of its two losses, with labels drawn as for its opponents, so that
      it learns more of classes that lack more. It runs once per update: its points are
      shown to its opponents, and after their update decide on its own.
    - Batch normalisation stands in front of the generator's ReLU.

    There is no preset ``"authors_code"``: its settings are the defaults, but for the
    updates of an iteration.

    Weights that are nearly even, as they start out, give the middle of a class, and
    weights that training has sharpened repeat its rows: on 900 images of MNIST, 400
    updates with ``lr=1e-3`` left few different digits in the smallest classes.

    After the training the features of the filled classes are kept for `sample`; the rows
    of tables are their own features.

    References
    ----------
    .. [1] S. S. Mullick, S. Datta, S. Das. "Generative Adversarial Minority
       Oversampling". IEEE/CVF International Conference on Computer Vision, 2019.
    .. [2] https://github.com/SankhaSubhra/GAMO.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import GAMO
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = np.repeat(["common", "rare"], [32, 8])
    >>> sampler = GAMO(n_steps=50, random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, int(sampler.synthetic_mask_.sum())
    ((64, 3), 24)
    """

    _parameter_constraints: dict = {
        **TwoPhaseOverSampler._parameter_constraints,
        "latent_dim": [POSITIVE_INT],
    }
    _own_state = ("_features", "_owners")

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        epochs=90,
        n_steps=None,
        autoencoder_epochs=None,
        autoencoder_steps=None,
        batch_size=32,
        lr=2e-4,
        latent_dim=100,
        width=1.0,
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
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    # ------------------------------------------------------------------ networks

    def _build(self, name):
        n_classes = len(self.classes_)
        n_features = FEATURES if self._images() else self._row_shape[0]
        if name == "generator":
            sizes = self.latent_dim + n_classes, *GENERATOR_LAYERS, len(self._owners)
            return networks.mlp(sizes, nn.ReLU, batch_norm=True)
        if name in ("classifier", "discriminator"):
            sizes = [n_features, *OPPONENT_LAYERS, n_classes]
            if name == "discriminator":  # is told the label as well
                sizes = [n_features + n_classes, *OPPONENT_LAYERS, 1]
            return networks.mlp(sizes, lambda: nn.LeakyReLU(SLOPE))
        if name == "encoder":
            network = networks.conv_encoder(self._row_shape, FEATURES, self.width)
            network.append(nn.Tanh())
        else:
            network = networks.conv_decoder(self._row_shape, FEATURES, self.width)
        return network.to(memory_format=torch.channels_last)

    # ------------------------------------------------------------------ training

    def _train(self, Z, codes, wanted, generator, checkpoint):
        self._features = self._owners = None
        self.variety_ = {}
        if not wanted:
            return pd.DataFrame(columns=["label", "step"])
        rows = self._rows(Z)
        filled = torch.isin(codes, torch.tensor([*wanted], device=codes.device))
        self._owners = codes[filled]
        names = ["classifier", "discriminator", "generator"]
        for name in ["encoder", "decoder"] * self._images() + names:
            self.networks_[name] = self._initialise(name, generator)
        histories = []
        if self._images():
            histories.append(self._learn_features(rows, codes, generator, checkpoint))
            encoder = self.networks_["encoder"].eval()
            with torch.no_grad():
                rows = in_chunks(encoder, rows)
        self._features = rows[filled]
        histories.append(
            self._play(rows, codes, wanted, histories, generator, checkpoint)
        )
        _health.judge_variety(self, {code: Z[codes == code] for code in wanted})
        return pd.concat(histories, ignore_index=True)

    def _learn_features(self, rows, codes, generator, checkpoint):
        """Encoder, decoder and classifier on the real images."""
        encoder, decoder, classifier = (
            self.networks_[name] for name in ("encoder", "decoder", "classifier")
        )
        optimiser = self._adam(encoder, decoder, classifier)
        indicators = torch.eye(len(self.classes_), device=generator.device)
        batches = self._batches(len(rows), generator)
        lower = self._autocast(generator.device, images=True)

        def step():
            drawn = next(batches)
            x = rows[drawn]
            with lower:
                features = encoder(x)
                reconstruction = F.mse_loss(decoder(features).float(), x)
                classification = classifier_loss(
                    classifier, features, indicators[codes[drawn]]
                )
            optimiser.zero_grad()
            (reconstruction + classification).backward()
            optimiser.step()
            return {"autoencoder": reconstruction, "classifier": classification}

        state = {
            "encoder": encoder,
            "decoder": decoder,
            "classifier": classifier,
            "optimiser": optimiser,
            "batches": batches,
        }
        return self._phase(step, "autoencoder", 0, state, generator, checkpoint)

    def _play(self, rows, codes, wanted, histories, generator, checkpoint):
        """The game of three, on features."""
        G, M, D = (
            self.networks_[name]
            for name in ("generator", "classifier", "discriminator")
        )
        device = generator.device
        # Two losses without a common weight: one optimiser is as good as two.
        opponents_optimiser, G_optimiser = self._adam(M, D), self._adam(G)
        lacking = torch.zeros(len(self.classes_), device=device)
        for code, n in wanted.items():
            lacking[code] = n
        batches = self._batches(len(rows), generator)

        def next_real():
            drawn = next(batches)
            return rows[drawn], codes[drawn]

        step = functools.partial(
            update,
            M,
            D,
            G_optimiser,
            opponents_optimiser,
            next_real,
            lambda labels, asked: self._combine(G, labels, asked, generator),
            lacking=lacking,
            lower=self._autocast(device, images=False),
            generator=generator,
        )
        state = {
            "generator": G,
            "classifier": M,
            "discriminator": D,
            "generator_optimiser": G_optimiser,
            "opponents_optimiser": opponents_optimiser,
            "batches": batches,
        }
        before = int(histories[-1]["step"].iloc[-1]) if histories else 0
        return self._phase(step, "game", before, state, generator, checkpoint)

    # ------------------------------------------------------------------ sampling

    def _combine(self, G, labels, indicators, generator):
        """One new point for each label."""
        shape = len(labels), self.latent_dim
        noise = torch.randn(shape, generator=generator, device=generator.device)
        logits = G(torch.cat([noise, indicators], dim=1)).float()
        return convex_weights(logits, labels, self._owners) @ self._features

    def _generate(self, code, n, generator):
        device = generator.device
        self._features, self._owners = (
            kept.to(device) for kept in (self._features, self._owners)
        )
        G = self.networks_["generator"]
        made = []
        for some in torch.full((n,), code, device=device).split(CHUNK):
            indicators = torch.eye(len(self.classes_), device=device)[some]
            new = self._combine(G, some, indicators, generator)
            made.append(self.networks_["decoder"](new) if self._images() else new)
        return (torch.cat(made) + 1) / 2


def convex_weights(logits, labels, owners):
    """Weights of the real rows in each new one: a softmax within the label's rows.

    Parameters
    ----------
    logits : Tensor of shape (n, n_rows)
    labels : Tensor of int, shape (n,)
        Classes of the new rows.
    owners : Tensor of int, shape (n_rows,)
        Classes of the real rows.

    Returns
    -------
    weights : Tensor of shape (n, n_rows)
        Zero for rows of another class; each row of them has the sum one.
    """
    return logits.masked_fill(labels[:, None] != owners, -torch.inf).softmax(dim=1)


def draw_labels(lacking, n, generator):
    """Draw `n` class numbers, each in proportion to the rows that its class lacks."""
    return torch.multinomial(lacking, n, replacement=True, generator=generator)


def classifier_loss(M, x, indicators):
    """Mean square of the probabilities of rows, real or new, from the labels'."""
    return F.mse_loss(M(x).float().softmax(dim=1), indicators)


def discriminator_loss(D, x, indicators, generator):
    """Mean square from noisy targets, near one for the first half of the rows, the real
    ones, and near zero for the second, the new ones."""
    answers = D(torch.cat([x, indicators], dim=1)).float().sigmoid()
    noise = torch.rand(answers.shape, generator=generator, device=generator.device)
    real = torch.arange(len(x), device=x.device)[:, None] < len(x) // 2
    targets = torch.where(real, 1 - LABEL_NOISE * noise, LABEL_NOISE * noise)
    return F.mse_loss(answers, targets)


def generator_loss(M, D, new, indicators):
    """To be classified as all but the label, and to be taken for real with it."""
    with training.frozen(M), training.frozen(D):
        found = M(new).float().softmax(dim=1)
        taken = D(torch.cat([new, indicators], dim=1)).float().sigmoid()
        return F.mse_loss(found, 1 - indicators) + (taken - 1).square().mean()
