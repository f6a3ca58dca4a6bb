"""SMate: a GAN learns the majority classes, then its last layers learn the minority.

Over 500 lines, as what its thirty parameters mean takes up a third of them.
"""

import contextlib
import copy
import functools
import numbers

import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from .. import layers, losses, networks, training
from ..augmentation import augment_images
from ..checks import POSITIVE_INT, POSITIVE_REAL, SHARE, SequenceOf
from . import _health
from ._base import CHUNK, BaseDeepOverSampler, in_chunks
from ._transfer import (
    freeze_first_layers,
    last_layers,
    refuse_misfit,
    refuse_other_pretrained,
    refuse_other_range,
    with_own_dropout,
)

#: Hidden layers on tables, at full width: with the last one, as many layers as the
#: convolutional generator has convolutions.
TABLE_LAYERS = 256, 256, 256
#: Adam's learning rate for the classifier of the penalty.
CLASSIFIER_LR = 1e-3


def update(
    G,
    D,
    G_optimiser,
    D_optimiser,
    next_real,
    noise,
    judge,
    *,
    loss,
    n_critic,
    hold,
    penalty,
    weight,
    lower,
    generator,
):
    """One update: the discriminator learns `n_critic` times, then the generator.

    Parameters
    ----------
    G, D : Module
    G_optimiser, D_optimiser : Optimizer
    next_real : callable
        Returns the next batch of real rows, in [-1, 1], the range of tanh.
    noise : callable
        From a number of rows to the generator's input.
    judge : Judge
        Of `D`.
    loss, n_critic
        As in `SMate`.
    hold : callable
        From `D` to a context in which the generator's update may not move it, or may.
    penalty : callable or None
        From generated rows to their mean probability of being majority, which counts
        `weight` times in the generator's loss.
    lower : context manager
        In which networks compute in a lower precision.
    generator : torch.Generator
        For the gradient penalties of some losses.

    Returns
    -------
    values : dict of str to Tensor
        A line of the history.
    """
    for turn in range(n_critic):  # first the discriminator
        real = next_real()
        judge.first = None
        with lower:
            with torch.set_grad_enabled(bool(turn == n_critic - 1)):
                fake = G(noise(len(real))).float()
            D_loss = losses.discriminator_loss(
                loss, judge, real, fake.detach(), generator
            )
        D_optimiser.zero_grad()
        D_loss.backward()
        D_optimiser.step()
        if loss == "wgan":
            losses.clip_weights(D)
    right = losses.accuracies(loss, *judge.first.chunk(2))
    with hold(D):  # then the generator, through the discriminator as it is now
        with lower:
            G_loss = losses.generator_loss(loss, judge(fake))
            likely = None if penalty is None else penalty(fake)
        total = G_loss if likely is None else G_loss + weight * likely
        G_optimiser.zero_grad()
        total.backward()
        G_optimiser.step()
    values = {"discriminator_loss": D_loss, "generator_loss": G_loss, **right}
    return values if likely is None else {**values, "majority_probability": likely}


class Judge:
    """A discriminator that keeps its first logits: their accuracy needs no new pass."""

    def __init__(self, D):
        self.D, self.first = D, None
        kind = nn.modules.batchnorm._BatchNorm
        self.apart = any(isinstance(layer, kind) for layer in D.modules())

    def __call__(self, x):
        # Batch normalisation must not mix real and generated rows.
        parts = x.chunk(2) if self.apart and self.first is None else [x]
        logits = torch.cat([self.D(part).float().view(-1, 1) for part in parts])
        if self.first is None:
            self.first = logits.detach()
        return logits


def majority_probability(classifier, majority, rows):
    """Mean probability that rows belong to a majority class.

    Parameters
    ----------
    classifier : callable
        Rows to logits of shape (n, K).
    majority : Tensor of bool, shape (K,)
    rows : Tensor of shape (n, ...)
    """
    found = classifier(rows).float().softmax(dim=1)
    return (found * majority).sum(1).mean()  # a product of matrices would be autocast


class SMate(BaseDeepOverSampler):
    """Over-sample with a GAN that was first trained on the majority classes.

    One GAN learns the rows of all classes that need none, the majority [1]_. For each
    class to be filled it is copied, its generator frozen up to the last two convolutions,
    and trained on with that class, whose few images are augmented first. New rows are the
    generator's. Several minority classes share the one training on the majority.

    On tables the networks are fully connected, with SELU, and nothing is augmented.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn. The classes that it does not fill are the majority.
    epochs : int, default=100
        Passes over the augmented rows of a class. The paper gives no number; Brownlee
        has 200 passes over 50,000 images.
    n_steps : int or None
        The exact number of updates for each class, in place of `epochs`.
    pretrain_epochs, pretrain_steps : int or None
        The same for the majority. None in both: as `n_steps` or `epochs`.
    batch_size : int, default=128
        Real rows per update, and as many generated ones; the whole set where it has
        fewer. A last batch of a single row is left out.
    loss : {"gan", "wgan", "lsgan", "dragan", "hinge", "wgan-gp"}, default="gan"
        Adversarial loss, see `helpers.losses.discriminator_loss`. The paper lists the
        first five and uses the first.
    n_critic : int, default=1
        Discriminator updates per generator update; epochs count what the discriminator
        sees. The Wasserstein losses are usually trained with 5.
    optimizer : {"adam", "rmsprop"}, default="adam"
        RMSprop with Keras' decay of 0.9.
    lr : float, default=2e-4
        Learning rate.
    generator_lr : float or None
        Another one for the generator.
    betas : tuple of two floats, default=(0.5, 0.999)
        Adam's.
    transfer : bool, default=True
        False: no training on the majority, each class gets a GAN from fresh weights.
    pretrained : dict of str to torch.nn.Module, or None
        ``networks_`` of another fitted `SMate`, whose ``"generator majority"`` and
        ``"discriminator majority"`` are taken instead of training on this majority.
    n_trainable : int or None, default=2
        Convolutions at the end of the generator that go on learning with the minority;
        fully connected layers where it has no convolution. None: the whole generator.
        The paper's "froze 6 layers" leaves 2 of Brownlee's 4.
    augment : int, default=10
        The minority that the GAN sees: its images, and as many times less one in altered
        copies, see `helpers.augmentation.augment_images`. 10 makes 5,000 of 500, and 100
        the 50,000 that did not converge for the authors; 1 leaves them alone. Half of the
        copies are mirrored, which digits do not bear.
    majority_penalty : float, default=0.0
        The paper's future work: this times the probability that a classifier gives to
        the majority classes is added to the generator's loss when it learns a minority.
        The classifier is Brownlee's discriminator with an output for each class, trained
        on the given rows as if all classes were equally frequent, and frozen. Where it is
        certain, the probability is flat and the generator learns nothing from it.
    classifier_epochs : int, default=20
        Passes over all rows in which it is trained.
    early_stopping : bool, default=False
        End a phase before its last epoch when the discriminator's accuracy on generated
        rows has settled near one half: its mean was within 0.1 of it in three windows of
        100 updates in turn. The authors saw images go on improving long after.
    freeze_discriminator : bool, default=True
        False: updates of the generator also move the discriminator towards "real", as
        in the authors' code.
    noise : {"normal", "uniform"}, default="normal"
        The generator's input: standard normal, or uniform in [-1, 1].
    latent_dim : int, default=100
        Its length.
    width : float, default=1.0
        Factor of the numbers of channels, see `helpers.networks.brownlee_generator`, and
        of the hidden layers on tables, 256-256-256.
    generator, discriminator : torch.nn.Module or None
        Other networks. The generator takes noise (n, latent_dim) and returns rows in
        [-1, 1], shaped (n, C, H, W) or (n, n_features); the discriminator takes these and
        returns logits, one a row. Only the architecture is taken, the weights are drawn
        from `random_state`, which rules out spectral and weight normalisation; dropout
        draws from it, too. With batch normalisation, real and generated rows go through
        the discriminator apart.
    image_shape, value_range, device, precision, random_state, checkpoint, verbose
        As in `DeepSMOTE`.

    Attributes
    ----------
    networks_ : dict
        ``"generator <number>"`` and ``"discriminator <number>"`` per class filled, the
        number counting in `classes_`; ``"generator majority"`` and ``"discriminator
        majority"`` as they were before the transfer; ``"classifier"`` with a penalty.
        They work on values in [-1, 1].
    collapsed_ : dict
        Phases in which the discriminator's accuracy ended stuck: the class label, or
        "majority", to the value, exactly 0.5 (one answer to everything) or 1.0 (nothing
        left to learn from). A warning tells of it; empty is healthy.
    variety_ : dict
        As in `GANOverSampler`.
    history_ : DataFrame
        Per update: ``label`` (of the class; "majority"; "all" for the classifier),
        ``phase`` ("classifier", "pretraining" or "minority"), ``step``, and
        ``discriminator_loss, generator_loss``, the shares of real and generated rows
        that the discriminator judged rightly, ``real_accuracy, fake_accuracy``, and with
        a penalty ``majority_probability, classifier_loss``. Missing where a phase has no
        such value. A Wasserstein critic has no level for "real"; there it is the mean
        of its answers to the batch.
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Raises
    ------
    ValueError
        Every class is to be filled, so that none is left to transfer from; `n_trainable`
        is more than the generator has; networks passed in that do not fit the rows, their
        range or the other parameters; and what the base class refuses.

    Notes
    -----
    The paper's: the networks, the losses and optimisers, the learning rate, the transfer
    with its two convolutions, the kinds of augmentation.

    ``preset("authors_code")`` is what made the images that were evaluated [2]_: no
    transfer, uniform noise, batches of 1,024 real rows, 500 images with 10 copies each,
    half the learning rate for the generator, and a discriminator that the generator's
    updates move as well. In the paper's Figure 9 its accuracy jumps to exactly 0.5, which
    `collapsed_` would have told. The code also draws the minority with replacement from
    all 5,000 trucks, and so sees images that the classifier does not; here the GAN sees the
    rows it is given.

    Ours: the discriminator of the majority goes on with each minority, all of its layers;
    frozen batch normalisation, in networks passed in, keeps its statistics, as in Keras;
    new optimisers for each phase. An update generates one batch: first the discriminator
    learns from it, then the generator through the discriminator as it is then.

    References
    ----------
    .. [1] P. Rodriguez Bertorello, L. P. Koh. "SMate: Synthetic Minority Adversarial
       Technique". Stanford CS230, 2019.
    .. [2] https://github.com/pablo-tech/SMate--SyntheticMinorityAdversarialTechnique,
       commit 1c0689a.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import SMate
    >>> X = np.random.default_rng(0).integers(0, 256, (30, 12, 10)).astype("uint8")
    >>> y = np.repeat(["common", "rare"], [24, 6])
    >>> sampler = SMate(n_steps=3, width=0.05, random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, X_more.dtype
    ((48, 12, 10), dtype('uint8'))
    >>> sampler.history_.groupby("label", sort=False)["step"].max().to_dict()
    {'majority': 3, 'rare': 3}
    """

    _parameter_constraints: dict = {
        **BaseDeepOverSampler._parameter_constraints,
        "n_steps": [POSITIVE_INT, None],
        "pretrain_epochs": [POSITIVE_INT, None],
        "pretrain_steps": [POSITIVE_INT, None],
        "loss": [StrOptions(set(losses.LOSSES))],
        "n_critic": [POSITIVE_INT],
        "optimizer": [StrOptions({"adam", "rmsprop"})],
        "generator_lr": [POSITIVE_REAL, None],
        "betas": [SequenceOf(SHARE, 2)],
        "transfer": ["boolean"],
        "pretrained": [dict, None],
        "n_trainable": [POSITIVE_INT, None],
        "augment": [POSITIVE_INT],
        "majority_penalty": [Interval(numbers.Real, 0, None, closed="left")],
        "classifier_epochs": [POSITIVE_INT],
        "early_stopping": ["boolean"],
        "freeze_discriminator": ["boolean"],
        "noise": [StrOptions({"normal", "uniform"})],
        "latent_dim": [POSITIVE_INT],
        "width": [POSITIVE_REAL],
        "generator": [nn.Module, None],
        "discriminator": [nn.Module, None],
    }
    _min_side = 1
    _first_weights = "glorot"  # as in Keras, in which both codes are
    _own_state = ("collapsed_",)
    _not_saved = ("checkpoint", "pretrained")
    _presets = {
        "authors_code": {
            "transfer": False,
            "noise": "uniform",
            "batch_size": 1024,
            "augment": 11,
            "generator_lr": 1e-4,
            "freeze_discriminator": False,
        }
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        epochs=100,
        n_steps=None,
        pretrain_epochs=None,
        pretrain_steps=None,
        batch_size=128,
        loss="gan",
        n_critic=1,
        optimizer="adam",
        lr=2e-4,
        generator_lr=None,
        betas=(0.5, 0.999),
        transfer=True,
        pretrained=None,
        n_trainable=2,
        augment=10,
        majority_penalty=0.0,
        classifier_epochs=20,
        early_stopping=False,
        freeze_discriminator=True,
        noise="normal",
        latent_dim=100,
        width=1.0,
        generator=None,
        discriminator=None,
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
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_steps = pretrain_steps
        self.batch_size = batch_size
        self.loss = loss
        self.n_critic = n_critic
        self.optimizer = optimizer
        self.lr = lr
        self.generator_lr = generator_lr
        self.betas = betas
        self.transfer = transfer
        self.pretrained = pretrained
        self.n_trainable = n_trainable
        self.augment = augment
        self.majority_penalty = majority_penalty
        self.classifier_epochs = classifier_epochs
        self.early_stopping = early_stopping
        self.freeze_discriminator = freeze_discriminator
        self.noise = noise
        self.latent_dim = latent_dim
        self.width = width
        self.generator = generator
        self.discriminator = discriminator
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    def save(self, path):
        """As in the base class; networks that were passed in cannot be stored so.

        Raises
        ------
        ValueError
            The networks were passed in, and `load` could not build them.
        """
        passed = [n for n in ("generator", "discriminator") if getattr(self, n)]
        if passed:
            raise ValueError(
                f"The {' and the '.join(passed)} were passed in, and load() could not "
                "build them again; pickle the sampler, or keep the state_dict() of "
                "networks_."
            )
        super().save(path)

    # ------------------------------------------------------------------ checks

    def _prepare(self, X, y):
        prepared = super()._prepare(X, y)
        wanted = prepared[2]
        if not wanted:
            return prepared
        pretrains = self.transfer and self.pretrained is None
        if len(wanted) == len(self.classes_) and (pretrains or self.majority_penalty):
            raise ValueError(
                f"sampling_strategy fills all {len(wanted)} classes, so that no majority "
                "class is left to learn from first; leave one out, or take transfer=False "
                "and majority_penalty=0."
            )
        shapes = {
            "generator": ((self.latent_dim,), tuple(self._row_shape)),
            "discriminator": (tuple(self._row_shape), (1,)),
        }
        for name, (takes, returns) in shapes.items():
            if getattr(self, name) is not None:
                draw = functools.partial(self._initialise, name)
                refuse_misfit(name, draw, takes, returns, self.batch_size)
        if self.pretrained is not None:
            self._check_pretrained()
        if self.transfer and self.n_trainable is not None:
            with torch.device("meta"):
                last_layers(self._build("generator"), self.n_trainable)
        return prepared

    def _check_pretrained(self):
        """Networks of another majority must have the shapes of this sampler's own."""
        if not self.transfer:
            raise ValueError(
                "pretrained is given, but transfer=False starts from fresh weights; leave "
                "one of the two out."
            )
        with torch.device("meta"):
            own = {
                kind: self._build(kind).state_dict()
                for kind in ("generator", "discriminator")
            }
        refuse_other_pretrained(
            self.pretrained,
            own,
            f"rows of shape {tuple(self._row_shape)}, latent_dim={self.latent_dim} and "
            f"width={self.width}",
        )

    def _identity(self, X, y, device):
        """As in the base class; networks are known by their weights."""
        identity = super()._identity(X, y, device)
        if self.pretrained is not None:
            weights = [
                value.cpu().numpy()
                for _, network in sorted(self.pretrained.items())
                if isinstance(network, nn.Module)
                for value in network.state_dict().values()
            ]
            identity["pretrained"] = training.digest(*weights)
        return identity

    # ------------------------------------------------------------------ networks

    def _build(self, name):
        kind = name.split()[0]
        passed = {"generator": self.generator, "discriminator": self.discriminator}
        if passed.get(kind) is not None:
            return with_own_dropout(copy.deepcopy(passed[kind]))
        n_outputs = len(self.classes_) if kind == "classifier" else 1
        hidden = [max(1, round(self.width * n)) for n in TABLE_LAYERS]
        if kind == "generator":
            if self._images():
                return networks.brownlee_generator(
                    self._row_shape, self.latent_dim, self.width
                )
            sizes = [self.latent_dim, *hidden, *self._row_shape]
            return networks.mlp(sizes).append(nn.Tanh())
        if self._images():
            return networks.brownlee_discriminator(
                self._row_shape, self.width, n_outputs
            )
        sizes = [*self._row_shape, *hidden, n_outputs]
        network = networks.mlp(sizes)
        network.insert(len(network) - 1, layers.Dropout(0.4))
        return network

    def _fresh(self, name, generator):
        """The network `name` with its first weights, laid out for its device."""
        return networks.laid_out(self._initialise(name, generator))

    def _noise(self, n, generator):
        shape, device = (n, self.latent_dim), generator.device
        if self.noise == "normal":
            return torch.randn(shape, generator=generator, device=device)
        return torch.rand(shape, generator=generator, device=device) * 2 - 1

    def _optimiser(self, parameters, lr):
        if self.optimizer == "adam":
            return torch.optim.Adam(
                parameters, lr=lr, betas=tuple(self.betas), fused=True
            )
        return torch.optim.RMSprop(parameters, lr=lr, alpha=0.9, eps=1e-7)

    # ------------------------------------------------------------------ training

    def _train(self, Z, codes, wanted, generator, checkpoint):
        self.collapsed_, self.variety_ = {}, {}
        if not wanted:
            return pd.DataFrame(columns=["label", "step"])
        filled = torch.zeros(len(self.classes_), dtype=torch.bool, device=Z.device)
        filled[[*wanted]] = True
        histories, chance = [], (generator, checkpoint)
        penalty = None
        if self.majority_penalty:
            histories.append(self._fit_classifier(Z, codes, *chance))
            classifier = self.networks_["classifier"]
            penalty = functools.partial(majority_probability, classifier, ~filled)
        if self.transfer and self.pretrained is not None:
            first = [
                copy.deepcopy(self.pretrained[f"{kind} majority"]).to(Z.device)
                for kind in ("generator", "discriminator")
            ]
            self._keep("majority", first)
        elif self.transfer:
            first = self._fresh_pair(generator)
            rows = torch.nonzero(~filled[codes]).flatten()
            histories.append(
                self._play("pretraining", "majority", first, Z, rows, *chance)
            )
            self._keep("majority", first)
        for code in wanted:
            if self.transfer:
                pair = copy.deepcopy(first)
            else:
                pair = self._fresh_pair(generator)
            Z_class = Z[codes == code]
            if self._images() and self.augment > 1:
                Z_class = augment_images(Z_class, self.augment, generator)
            rows = torch.arange(len(Z_class), device=Z.device)
            label = self.classes_.tolist()[code]
            histories.append(
                self._play("minority", label, pair, Z_class, rows, *chance, penalty)
            )
            self._keep(code, pair)
        _health.judge_variety(self, {code: Z[codes == code] for code in wanted})
        return pd.concat(histories, ignore_index=True)

    def _fresh_pair(self, generator):
        return [self._fresh(name, generator) for name in ("generator", "discriminator")]

    def _keep(self, name, pair):
        for kind, network in zip(("generator", "discriminator"), pair, strict=True):
            self.networks_[f"{kind} {name}"] = network

    def _n_steps(self, phase, per_epoch):
        """Updates of the generator in a phase."""
        n_steps, epochs = self.n_steps, self.epochs
        if phase == "pretraining" and (self.pretrain_steps or self.pretrain_epochs):
            n_steps, epochs = self.pretrain_steps, self.pretrain_epochs
        return n_steps or max(1, int(epochs) * per_epoch // self.n_critic)

    def _play(self, phase, label, pair, Z, rows, generator, checkpoint, penalty=None):
        """Train a generator and a discriminator, in place; return the history.

        Parameters
        ----------
        phase : {"pretraining", "minority"}
        label : class label, or "majority"
        pair : two Modules
        Z : Tensor in [0, 1], shape (n, ...)
        rows : Tensor of int
            Numbers of the rows of Z to learn.
        penalty : callable or None
            From generated rows to their probability of being majority.
        """
        G, D = (network.train() for network in pair)
        learns = [*G.parameters()]
        if phase == "minority" and self.transfer and self.n_trainable is not None:
            learns = freeze_first_layers(G, self.n_trainable)
        layers.draw_masks_from(generator, G, D)
        hold = training.frozen if self.freeze_discriminator else contextlib.nullcontext
        if not self.freeze_discriminator:
            learns = [*learns, *D.parameters()]
        G_optimiser = self._optimiser(learns, self.generator_lr or self.lr)
        D_optimiser = self._optimiser(D.parameters(), self.lr)
        batches = self._batches(len(rows), generator)
        lower = self._autocast(generator.device, self._images())
        refuse_other_range(real=2 * Z[rows[:CHUNK]] - 1)
        step = functools.partial(
            update,
            G,
            D,
            G_optimiser,
            D_optimiser,
            lambda: 2 * Z[rows[next(batches)]] - 1,
            functools.partial(self._noise, generator=generator),
            Judge(D),
            loss=self.loss,
            n_critic=self.n_critic,
            hold=hold,
            penalty=penalty,
            weight=self.majority_penalty,
            lower=lower,
            generator=generator,
        )
        history = training.train(
            step,
            self._n_steps(phase, batches.per_epoch),
            state={
                "generator": G,
                "discriminator": D,
                "generator_optimiser": G_optimiser,
                "discriminator_optimiser": D_optimiser,
                "batches": batches,
            },
            generator=generator,
            checkpoint=checkpoint,
            stage=phase if phase == "pretraining" else f"GAN of class {label!r}",
            stop=_health.settled if self.early_stopping else None,
            stop_every=_health.WINDOW,
            verbose=self.verbose,
        )
        layers.draw_masks_from(None, G, D)
        G.requires_grad_(True)
        if (value := _health.stuck_at(history)) is not None:
            self.collapsed_[label] = value
            _health.warn_of_stuck(label, value)
        history.insert(0, "phase", phase)
        history.insert(0, "label", label)
        return history

    def _fit_classifier(self, Z, codes, generator, checkpoint):
        """Train and freeze the classifier that the penalty asks; return the history."""
        C = self._fresh("classifier", generator).train()
        layers.draw_masks_from(generator, C)
        optimiser = torch.optim.Adam(C.parameters(), lr=CLASSIFIER_LR, fused=True)
        batches = self._batches(len(Z), generator)
        lower = self._autocast(generator.device, self._images())
        # Added in training only, so that the answers are those of balanced classes.
        offsets = torch.bincount(codes, minlength=len(self.classes_)).float().log()

        def step():
            drawn = next(batches)
            with lower:
                logits = C(2 * Z[drawn] - 1).float()
            loss = F.cross_entropy(logits + offsets, codes[drawn])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            return {"classifier_loss": loss}

        history = training.train(
            step,
            int(self.classifier_epochs) * batches.per_epoch,
            state={"classifier": C, "optimiser": optimiser, "batches": batches},
            generator=generator,
            checkpoint=checkpoint,
            stage="classifier",
            verbose=self.verbose,
        )
        layers.draw_masks_from(None, C)
        self.networks_["classifier"] = C.eval().requires_grad_(False)
        history.insert(0, "phase", "classifier")
        history.insert(0, "label", "all")
        return history

    # ------------------------------------------------------------------ sampling

    def _generate(self, code, n, generator):
        G = self.networks_[f"generator {code}"]
        rows = in_chunks(G, self._noise(n, generator))
        refuse_other_range(generated=rows)
        return (rows + 1) / 2
