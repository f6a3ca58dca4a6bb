"""GAN-SMOTE: a GAN per class for tables of zeros and ones."""

import numbers
import warnings
from itertools import chain

import numpy as np
import pandas as pd
import torch
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions
from torch import nn

from .. import containers, devices, networks, training
from ..checks import POSITIVE_INT, POSITIVE_REAL, SHARE, SequenceOf, checked_groups
from . import _health
from ._base import BaseDeepOverSampler
from ._codec import Codec, MedianCut
from ._stacked_gans import BLOCK, StackedGANs

#: What samplers that are trained in one stack may differ in.
OWN = {"sampling_strategy", "random_state", "decode", "feature_groups"}


class GANSMOTE(BaseDeepOverSampler):
    """Over-sample binary rows with a small GAN per class, all classes trained at once.

    The method of [1]_ for one-hot tables. Each class that needs rows gets a generator
    16-16-32-d and a discriminator (d+1)-32-16-1, trained on the whole class at every
    step. Three tricks keep the two in balance: real bits are blurred and, less and less,
    flipped; the learning rate restarts; and the discriminator sees how far each row lies
    from the others of its batch.

    The defaults are the paper's, with the numbers that only its code gives [2]_ (marked
    "code"). They take minutes: 40,000 epochs for three classes of 35 rows last about
    six on one busy core.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn. A dictionary may ask for more than balance.
    epochs : int, default=40_000
        Updates of both networks (code); a batch is the whole class (code).
    lr : float, default=1e-4
        Base learning rate of both Adams (code).
    latent_dim : int, default=16
        Length of the generator's noise, standard normal.
    generator_layers : tuple of int, default=(16, 32)
        Widths of the generator's hidden layers, LeakyReLU(0.2) (code).
    discriminator_layers : tuple of int, default=(32, 16)
        Widths of the discriminator's hidden layers, LeakyReLU(0.2) (code).
    dropout : float in [0, 1), default=0.3
        After each hidden layer of the discriminator (code).
    blur : float in [0, 1), default=0.02
        Real ones become ``1 - U(0, blur)`` and zeros ``U(0, blur)`` (section 2.2).
    flip_rate : float in [0, 1), default=0.3
        Share of real bits flipped at the start (section 2.2; number from the code).
        0 flips none.
    flip_epochs : int, default=37_000
        Epochs over which that share falls to zero in a straight line; the rest is a clean
        tail (code).
    restart_factor : float, default=10.0
        The learning rate starts at so many times `lr` and falls to it along a cosine
        (section 2.2). 1 keeps it constant.
    restart_every : int, default=1_000
        Epochs from one restart to the next.
    restart_from : int, default=0
        Epoch of the first restart, before which the rate is `lr`; the code waits for
        2,000.
    minibatch_l1 : {"per_sample", "authors_code"} or None, default="per_sample"
        Minibatch discrimination (section 2.3). "per_sample": each row's own sum of
        Manhattan distances to the others of its batch, as we read the text, with a gradient
        to the generator. "authors_code": one number for the batch, the sum of distances to
        its fourth row, without a gradient; their loader shuffles, so that it is another
        real row in each epoch, and here it is the fourth of the table throughout. It is
        divided by the largest sum so far, of real rows before flips and of unrounded
        fakes; theirs is of flipped and rounded ones. None: no such column.
    l1_noise : float in [0, 1), default=0.3
        That column is multiplied by ``U(1 - l1_noise, 1 + l1_noise)`` for each row.
    feature_groups : list of lists of int, optional
        Columns that describe one attribute, as ``load_petrography().feature_groups``.
        Every column must be in exactly one group.
    decode : {"round", "group_argmax"}, default="round"
        "round": each output to 0 or 1 (the paper). "group_argmax": at most the largest
        output of a group becomes 1, and it always does where no training row leaves the
        group empty; so no generated row contradicts itself.
    binarize : {"median"} or None, default=None
        None takes zeros and ones only. "median" cuts each column of a table, or all
        pixels of images, at the median and decodes a bit to the mean above or below it.
    image_shape, value_range, device, precision, random_state, checkpoint, verbose
        As in `GANOverSampler`. ``value_range=(0, 1)`` lets a column that is constant in
        the training rows vary in the generated ones.

    Attributes
    ----------
    networks_ : dict
        ``"generator <number>"`` and ``"discriminator <number>"`` per class filled.
    history_ : DataFrame
        Every 20 epochs: ``label, step`` (epochs), losses, the discriminator's accuracies,
        mean Manhattan distances within real, within generated rows and between them.
    flip_epochs_, restart_every_, restart_from_ : int
        The schedules in use; shorter than asked for where `epochs` is.
    variety_ : dict
        As in `GANOverSampler`.
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Raises
    ------
    ValueError
        Values other than 0 and 1 without `binarize`; groups that overlap or miss columns;
        and what the base class refuses.

    See Also
    --------
    fit_stacked : train on several data sets, such as folds, in one loop.

    References
    ----------
    .. [1] M. Scott, J. Plested. "GAN-SMOTE: A Generative Adversarial Network approach
       to Synthetic Minority Oversampling". Australian Journal of Intelligent
       Information Processing Systems 15(2), 2019.
    .. [2] https://github.com/beam-me-up-scotchy/gan-smote, commit b0e8131.

    Examples
    --------
    >>> from helpers import GANSMOTE
    >>> from helpers.data import load_wine_onehot
    >>> wine = load_wine_onehot()
    >>> sampler = GANSMOTE(
    ...     epochs=40, flip_epochs=30, restart_every=20, random_state=0,
    ...     feature_groups=wine.feature_groups, decode="group_argmax",
    ... )
    >>> X, y = sampler.fit_resample(wine.data, wine.target)
    >>> X.shape, set(X[:, wine.feature_groups[0]].sum(axis=1).tolist())
    ((213, 52), {1.0})
    """

    _parameter_constraints: dict = {
        **BaseDeepOverSampler._parameter_constraints,
        "latent_dim": [POSITIVE_INT],
        "generator_layers": [SequenceOf(POSITIVE_INT)],
        "discriminator_layers": [SequenceOf(POSITIVE_INT)],
        "dropout": [SHARE],
        "blur": [SHARE],
        "flip_rate": [SHARE],
        "flip_epochs": [POSITIVE_INT],
        "restart_factor": [POSITIVE_REAL],
        "restart_every": [POSITIVE_INT],
        "restart_from": [Interval(numbers.Integral, 0, None, closed="left")],
        "minibatch_l1": [StrOptions({"per_sample", "authors_code"}), None],
        "l1_noise": [SHARE],
        "feature_groups": [list, tuple, None],
        "decode": [StrOptions({"round", "group_argmax"})],
        "binarize": [StrOptions({"median"}), None],
    }
    del _parameter_constraints["batch_size"]  # always the whole class
    _own_state = ("_groups", "_never_empty")
    _presets = {"authors_code": {"minibatch_l1": "authors_code", "restart_from": 2000}}

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        epochs=40_000,
        lr=1e-4,
        latent_dim=16,
        generator_layers=(16, 32),
        discriminator_layers=(32, 16),
        dropout=0.3,
        blur=0.02,
        flip_rate=0.3,
        flip_epochs=37_000,
        restart_factor=10.0,
        restart_every=1_000,
        restart_from=0,
        minibatch_l1="per_sample",
        l1_noise=0.3,
        feature_groups=None,
        decode="round",
        binarize=None,
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
        self.lr = lr
        self.latent_dim = latent_dim
        self.generator_layers = generator_layers
        self.discriminator_layers = discriminator_layers
        self.dropout = dropout
        self.blur = blur
        self.flip_rate = flip_rate
        self.flip_epochs = flip_epochs
        self.restart_factor = restart_factor
        self.restart_every = restart_every
        self.restart_from = restart_from
        self.minibatch_l1 = minibatch_l1
        self.l1_noise = l1_noise
        self.feature_groups = feature_groups
        self.decode = decode
        self.binarize = binarize
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    # ------------------------------------------------------------------ binary rows

    def _new_codec(self):
        codec = Codec if self.binarize is None else MedianCut
        return codec(self.image_shape, self.value_range)

    def _encode(self, X):
        """Scale to bits, and check what else depends on the columns."""
        Z = super()._encode(X)
        if self.binarize is None:
            self._refuse_other_values(Z if self._images() else X)
        flat = Z.reshape(len(Z), -1)
        self._groups = self._checked_groups(flat.shape[1])
        self._never_empty = [flat[:, g].any(axis=1).all().item() for g in self._groups]
        self._fit_schedules()
        return Z

    def _refuse_other_values(self, X):
        flat = X.reshape(len(X), -1)
        wrong = ~np.isin(flat, (0, 1))
        if not wrong.any():
            return
        column = int(wrong.any(axis=0).argmax())
        values = np.unique(flat[wrong[:, column], column])
        shown = ", ".join(f"{v:g}" for v in values[:4])
        cure = "One-hot encode the table, or set binarize='median'"
        if self._images():
            cure = "Say value_range=(0, 1) of images of these, or set binarize='median'"
        raise ValueError(
            f"Column {self._kind.named(column)} holds {shown}"
            f"{', ...' if len(values) > 4 else ''}; "
            f"GANSMOTE takes zeros and ones ({int(wrong.any(axis=0).sum())} of "
            f"{flat.shape[1]} columns have other values). {cure}."
        )

    def _checked_groups(self, n_features):
        """The groups as lists of int; none where none are given."""
        if self.feature_groups is None:
            self._refuse_argmax_without_groups(())
            return []
        groups = checked_groups(self.feature_groups, n_features)
        if missed := sorted({*range(n_features)} - {*chain(*groups)}):
            raise ValueError(
                f"feature_groups miss column(s) {missed}; put a column that stands alone "
                "into a group of its own."
            )
        return groups

    def _refuse_argmax_without_groups(self, groups):
        if self.decode == "group_argmax" and not groups:
            raise ValueError(
                "decode='group_argmax' needs feature_groups, a list of the column "
                "numbers of each attribute; or take decode='round'."
            )

    def _fit_schedules(self):
        """Fit the schedules into `epochs`, so that training ends on unflipped rows."""
        self.flip_epochs_, self.restart_every_ = self.flip_epochs, self.restart_every
        changes = []
        if self.flip_rate and self.epochs <= self.flip_epochs:
            # The same share of the training as in the code: 37,000 of 40,000.
            self.flip_epochs_ = max(1, round(self.epochs * 37 / 40))
            changes.append(f"bits are flipped over {self.flip_epochs_} epochs")
        self.restart_from_ = self.restart_from
        first = self.restart_from + self.restart_every
        # One who sets the first restart beyond the paper's training wants none.
        wanted = self.restart_factor != 1 and self.restart_from < 40_000
        if wanted and self.epochs < first:
            # The same share of the training as in the code: 2,000 of 40,000.
            self.restart_from_ = round(self.epochs * self.restart_from / 40_000)
            left = self.epochs - self.restart_from_
            self.restart_every_ = min(self.restart_every, left)
            begin = f", from {self.restart_from_} on" * bool(self.restart_from)
            changes.append(
                f"the learning rate restarts every {self.restart_every_}{begin}"
            )
        if changes:
            warnings.warn(
                f"epochs={self.epochs} is shorter than the schedule, which is scaled to it: "
                f"{' and '.join(changes)}. Set flip_epochs, restart_every and restart_from "
                "to choose.",
                stacklevel=2,
            )

    # ------------------------------------------------------------------ training

    def _build(self, name):
        d = int(np.prod(self._row_shape))
        if name.startswith("generator"):
            sizes = [self.latent_dim, *self.generator_layers, d]
        else:
            d += self.minibatch_l1 is not None
            sizes = [d, *self.discriminator_layers, 1]
        network = networks.mlp(sizes, lambda: nn.LeakyReLU(0.2))
        return network.append(nn.Sigmoid())

    def _train(self, Z, codes, wanted, generator, checkpoint):
        self.variety_ = {}
        if not wanted:
            return pd.DataFrame(columns=["label", "step"])
        gans = self._untrained(Z, codes, wanted, generator)
        stack = self._stack(gans)
        history = _train_stack(stack, self, generator, checkpoint)
        return self._adopt(stack, history, dict(zip(wanted, gans, strict=True)))

    def _untrained(self, Z, codes, wanted, generator):
        """One GAN per class: its rows, its networks, its own source of randomness."""
        gans = []
        for code in wanted:
            seed = torch.randint(2**31, (), generator=generator, device=Z.device)
            own = training.make_generator(seed.item(), Z.device)
            networks = [
                self._initialise(name, own) for name in ("generator", "discriminator")
            ]
            gans.append((Z[codes == code].flatten(1), networks, own))
        return gans

    def _stack(self, gans):
        precision = devices.resolve_precision(self.precision, gans[0][0].device)
        return StackedGANs(*zip(*gans, strict=True), self, precision)

    def _adopt(self, stack, history, gans, first=0):
        """Take over networks and history of the GANs from number `first` of the stack."""
        parts = []
        for k, (code, (_, (G, D), _)) in enumerate(gans.items(), start=first):
            stack.G.copy_to(k, G)
            stack.D.copy_to(k, D)
            self.networks_ |= {f"generator {code}": G, f"discriminator {code}": D}
            own = [c for c in history.columns if c.endswith(f" {k}")]
            part = history[["step", *own]].rename(columns=lambda c: c.split(" ")[0])
            part.insert(0, "label", self.classes_[code])
            parts.append(part)
        _health.judge_variety(self, {code: rows for code, (rows, *_) in gans.items()})
        if not parts:
            return pd.DataFrame(columns=["label", "step"])
        return pd.concat(parts, ignore_index=True)

    @devices.pinned()
    def stack(self, X, y=None):
        """Make the untrained GANs of each class of ``(X, y)``, to be trained by hand.

        For looking into the training: ``gans.run(500)`` trains on, ``gans.generate(k, n,
        generator)`` draws from class number ``k``.

        Parameters
        ----------
        X : array of shape (n, n_features)
        y : array of shape (n,), optional
            One GAN for all rows where it is left out.

        Returns
        -------
        gans : StackedGANs
        """
        device, own = (
            devices.resolve_device(self.device),
            clone(self),
        )  # not what is fitted
        own._kind, X = containers.opened(X, "pass zeros and ones.")
        Z = torch.as_tensor(own._encode(X), device=device).flatten(1)
        y = np.zeros(len(Z)) if y is None else np.asarray(y)
        labels, codes = np.unique(y, return_inverse=True)
        generator = training.make_generator(self.random_state, device)
        codes = torch.as_tensor(codes, device=device)
        return own._stack(own._untrained(Z, codes, range(len(labels)), generator))

    # ------------------------------------------------------------------ sampling

    def _generate(self, code, n, generator):
        z = torch.randn(
            n, self.latent_dim, generator=generator, device=generator.device
        )
        rows = self.networks_[f"generator {code}"](z)
        bits = (rows > 0.5).float()
        self._refuse_argmax_without_groups(self._groups)  # set after fitting
        if self.decode == "group_argmax":
            for group, never_empty in zip(self._groups, self._never_empty, strict=True):
                largest = torch.zeros_like(bits[:, group])
                largest.scatter_(1, rows[:, group].argmax(1, keepdim=True), 1)
                bits[:, group] = largest if never_empty else largest * bits[:, group]
        return bits.view(n, *self._row_shape)


def _train_stack(stack, settings, generator, checkpoint=None):
    """Run the epochs in blocks, each a step of the common loop."""
    left = [BLOCK] * (settings.epochs // BLOCK)
    if rest := settings.epochs % BLOCK:
        left.append(rest)
    history = training.train(
        lambda: stack.run(left[stack.epoch // BLOCK]),
        len(left),
        state={"gans": stack},
        generator=generator,
        checkpoint=checkpoint,
        stage=f"{len(stack.n)} GANs, in blocks of {BLOCK} epochs",
        verbose=settings.verbose,
    )
    history["step"] = np.minimum(history["step"] * BLOCK, settings.epochs)
    return history


def fit_stacked(samplers, datasets):
    """Fit several `GANSMOTE`, each on its own data, in one loop.

    For cross-validation: the GANs of ten folds train in not much more time than those of
    one. Each sampler ends as its own ``fit`` would have left it, up to rounding.

    Parameters
    ----------
    samplers : list of GANSMOTE
        Alike but for ``sampling_strategy, random_state, feature_groups, decode``.
    datasets : list of (X, y)
        As many, with the same columns.

    Returns
    -------
    resampled : list of (X_resampled, y_resampled)
        As `fit_resample` returns them.

    Raises
    ------
    ValueError
        The samplers differ in how they train or ask for a checkpoint, which one stack
        cannot write for each; or the tables differ in their columns.
    """
    alike = [
        {k: v for k, v in s.get_params(deep=False).items() if k not in OWN}
        for s in samplers
    ]
    if different := {k for one in alike for k in one if one[k] != alike[0][k]}:
        raise ValueError(
            f"Samplers of one stack must train alike, these differ in {sorted(different)}."
        )
    if any(sampler.checkpoint for sampler in samplers):
        raise ValueError(
            "fit_stacked writes no checkpoints; leave checkpoint out, or fit one by one."
        )
    if len(widths := {np.shape(X)[1:] for X, _ in datasets}) > 1:
        raise ValueError(f"The data sets have rows of different shapes: {widths}.")
    with training.whole_fit(*samplers), devices.pinned():
        prepared = [
            _prepare_one(sampler, X, y)
            for sampler, (X, y) in zip(samplers, datasets, strict=True)
        ]
        stack = history = None
        if every := [gan for *_, gans, _ in prepared for gan in gans]:
            stack = samplers[0]._stack(every)
            history = _train_stack(stack, samplers[0], prepared[0][-1])
        resampled, first = [], 0
        for sampler, (X, y), (labels, wanted, gans, generator) in zip(
            samplers, datasets, prepared, strict=True
        ):
            sampler.networks_ = {}
            own = dict(zip(wanted, gans, strict=True))
            sampler.history_ = sampler._adopt(stack, history, own, first)
            resampled.append(sampler._complete(X, y, labels, wanted, generator))
            first += len(gans)
    return resampled


def _prepare_one(sampler, X, y):
    """Checked data of one sampler of a stack, and its untrained GANs."""
    sampler._validate_params()
    numbers, labels = sampler._opened(X, y)
    Z, codes, wanted, generator, _ = sampler._prepare(numbers, labels)
    return labels, wanted, sampler._untrained(Z, codes, wanted, generator), generator
