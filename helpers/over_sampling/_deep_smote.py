"""DeepSMOTE: SMOTE between the codes of one autoencoder that has seen all classes."""

import math
import warnings

import pandas as pd
import torch
import torch.nn.functional as F
from sklearn.neighbors import NearestNeighbors
from sklearn.utils._param_validation import StrOptions
from torch import nn

from .. import networks, training
from ..checks import AT_LEAST_TWO, POSITIVE_INT, POSITIVE_REAL
from ._base import TABLE_LAYERS, BaseDeepOverSampler, in_chunks
from ._codec import MIN_SIDE

#: Windows without a loss lower by 1 % after which the training ends, and the fewest
#: steps of a window, which else is an epoch. The papers give no numbers.
PATIENCE, WINDOW = 10, 20


class DeepSMOTE(BaseDeepOverSampler):
    """Over-sample with SMOTE in the latent space of an autoencoder.

    One encoder and one decoder learn the images of all classes [1]_, [2]_. A new image of
    a class is the decoded point between the code of one of its images and the code of a
    near neighbour of the same class. In training, a penalty asks the decoder for variety:
    it gets the codes of one class in another order than the images it is to return.

    The defaults are the papers'. They take hours without a GPU: 9,000 images of 28x28 are
    90 updates an epoch, each of some 10^11 multiplications.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    epochs : int, default=350
        Most passes over all rows. The training ends before when its loss has reached a
        plateau: the best mean of an epoch was 10 epochs ago, where better means lower by
        1 %. With fewer than 20 updates an epoch, several epochs are averaged.
    min_epochs : int, default=50
        No end before so many passes. At `epochs` or above, the training has just
        `epochs` passes.
    n_steps : int or None
        The exact number of updates, in place of `epochs` and `min_epochs`.
    batch_size : int, default=100
        Rows per update, at least 2; and as many of one class for the penalty, or the
        whole class where it has fewer. A last batch of a single row is left out.
    lr : float, default=2e-4
        Learning rate of Adam.
    latent_dim : int or None
        Length of the codes. None: 300 for images of one channel, 600 for others; for
        tables half the number of columns, from 2 to 300.
    width : float, default=1.0
        Factor of the numbers of channels, 64-128-256-512, see
        `helpers.networks.conv_encoder`. On tables factor of 512-256, the hidden layers of
        the encoder; the decoder has them in reverse.
    penalty : {"paper", "authors_code", "none"}, default="paper"
        "paper": a batch of one class is encoded, the codes are shifted by one place and
        decoded, and compared with the images in their own order. Both networks learn from
        it. "authors_code": codes and images are shifted alike, which is no change of
        order, and the encoder does not learn from it. "none": plain reconstruction.
    k_neighbors : int, default=5
        Nearest neighbours in latent space that a row is combined with. Smaller classes
        take all their other rows, with a warning.
    image_shape : tuple (C, H, W) or None
        Shape of the images whose pixels are the columns of a 2-D X. Without it a 2-D X is
        a table: fully connected networks, each column in a range of its own.
    value_range : tuple (low, high) or None
        As in `GANOverSampler`.
    device : str, default="auto"
        "auto" takes cuda, then mps, then cpu.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the training. "auto": bfloat16 for images on a GPU that computes in it, else
        float32. Rows are generated in float32.
    random_state, checkpoint, verbose
        As in `GANOverSampler`.

    Attributes
    ----------
    networks_ : dict
        ``"encoder"`` and ``"decoder"``; they work on values in [-1, 1].
    k_neighbors_ : dict
        Class label to the number of neighbours in use, for classes that were filled.
    history_ : DataFrame
        Per update: ``label`` ("all", as one autoencoder serves all classes), ``step``,
        ``loss``, the sum of ``reconstruction_loss`` and ``penalty``. Mean squares on
        [-1, 1], four times those on [0, 1].
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Raises
    ------
    ValueError
        Images with a side under 8 pixels; and what the base class refuses.

    Notes
    -----
    Algorithm 1 of [1]_ beside our lines. It prints both losses as mean (D - D^)^2 and does
    not say what D^ is; here it is the batch, in the order in which it was encoded. With that
    reading the penalty asks for an image and gives the code of another, so that the decoder
    is drawn to the mean of the class however long it trains.

    ==================================  ================================================
    Algorithm 1                         Here
    ==================================  ================================================
    for e in epochs, for m in B         `helpers.training.train` over its ``Batches``
    E_B = encode(B), D_B = decode(E_B)  ``reconstruction_loss``
    R_L = mean (D_B - D^_B)^2           ``reconstruction_loss``
    C_D = sample(class data)            ``OneClassBatches``
    E_S = encode(C_D)                   ``penalty_loss``, first line
    P_E = permute order of (E_S)        ``penalty_loss``, ``roll``
    D_P = decode(P_E)                   ``penalty_loss``, last line
    P_L = mean (D_P - D^_P)^2           ``penalty_loss``, last line
    T_L = R_L + P_L                     ``step`` in ``DeepSMOTE._train``
    update of all parameters            ``step``, one Adam for both networks
    for i in minority classes           ``_complete`` of the base class
    C = select(class), E = encode(C)    ``DeepSMOTE._remember``, once after the training
    G = SMOTE(E)                        ``smote``
    S = decode(G)                       ``DeepSMOTE._generate``
    ==================================  ================================================

    Where the papers leave a choice: the class of a penalty batch is drawn uniformly and
    its rows without replacement, the order is changed by a cyclic shift of a random batch
    so that no row stays in its place (both as in the code [3]_), and classes of one row
    give no such batch. The two batches go through the networks one after the other, since
    batch normalisation in one pass would mix their statistics; one pass for both saved
    4 % on a CPU. ``preset("authors_code")`` has 200 epochs and the penalty of that code.
    It keeps the last weights, where the code keeps those of the lowest training loss.

    After the training the codes of the filled classes are kept, not the images, for
    `sample`.

    References
    ----------
    .. [1] "DeepSMOTE: Deep Learning for Imbalanced Data", anonymous submission, under
       review.
    .. [2] D. Dablain, B. Krawczyk, N. V. Chawla. "DeepSMOTE: Fusing Deep Learning and
       SMOTE for Imbalanced Data". IEEE Transactions on Neural Networks and Learning
       Systems, 2022.
    .. [3] https://github.com/dd1github/DeepSMOTE, commit 13b0063.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import DeepSMOTE
    >>> X = np.random.default_rng(0).integers(0, 256, (30, 12, 10)).astype("uint8")
    >>> y = np.repeat(["common", "rare"], [24, 6])
    >>> sampler = DeepSMOTE(n_steps=3, width=0.1, random_state=0)
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, X_more.dtype
    ((48, 12, 10), dtype('uint8'))
    >>> sampler.sample("rare", 2).shape
    (2, 12, 10)
    """

    _parameter_constraints: dict = {
        **BaseDeepOverSampler._parameter_constraints,
        "min_epochs": [POSITIVE_INT],
        "n_steps": [POSITIVE_INT, None],
        "batch_size": [AT_LEAST_TWO],
        "width": [POSITIVE_REAL],
        "penalty": [StrOptions({"paper", "authors_code", "none"})],
        "k_neighbors": [POSITIVE_INT],
    }
    _min_side = MIN_SIDE
    _own_state = ("_codes", "_neighbours", "k_neighbors_")
    _presets = {
        "authors_code": {"penalty": "authors_code", "epochs": 200, "min_epochs": 200}
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        epochs=350,
        min_epochs=50,
        n_steps=None,
        batch_size=100,
        lr=2e-4,
        latent_dim=None,
        width=1.0,
        penalty="paper",
        k_neighbors=5,
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
        self.min_epochs = min_epochs
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.lr = lr
        self.latent_dim = latent_dim
        self.width = width
        self.penalty = penalty
        self.k_neighbors = k_neighbors
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    # ------------------------------------------------------------------ training

    def _latent(self):
        if self.latent_dim is not None:
            return self.latent_dim
        if self._images():
            return 300 if self._row_shape[0] == 1 else 600
        return min(300, max(2, self._row_shape[0] // 2))

    def _build(self, name):
        encodes = name == "encoder"
        if self._images():
            build = networks.conv_encoder if encodes else networks.conv_decoder
            network = build(self._row_shape, self._latent(), self.width)
            return network.to(memory_format=torch.channels_last)
        hidden = [max(1, round(self.width * n)) for n in TABLE_LAYERS]
        sizes = [*self._row_shape, *hidden, self._latent()]
        if encodes:
            return networks.mlp(sizes, lambda: nn.LeakyReLU(0.2), batch_norm=True)
        return networks.mlp(sizes[::-1], nn.ReLU, batch_norm=True).append(nn.Tanh())

    def _fit_neighbors(self, codes, wanted):
        """Fewer neighbours for classes that have not so many other rows."""
        others = {
            self.classes_.tolist()[c]: int((codes == c).sum()) - 1 for c in wanted
        }
        self.k_neighbors_ = {
            c: min(int(self.k_neighbors), n) for c, n in others.items()
        }
        if fewer := {c: n for c, n in others.items() if n < self.k_neighbors}:
            listed = ", ".join(f"{n} in class {c!r}" for c, n in fewer.items())
            warnings.warn(
                f"k_neighbors={self.k_neighbors}, but a row has fewer others: {listed}. "
                "SMOTE takes all of them; collect more rows, or lower k_neighbors.",
                stacklevel=2,
            )

    def _train(self, Z, codes, wanted, generator, checkpoint):
        self._codes, self._neighbours = {}, {}
        self._fit_neighbors(codes, wanted)
        if not wanted:
            return pd.DataFrame(columns=["label", "step"])
        for name in ("encoder", "decoder"):
            self.networks_[name] = self._initialise(name, generator)
        encoder, decoder = self.networks_.values()
        optimiser = torch.optim.Adam(
            [*encoder.parameters(), *decoder.parameters()], lr=self.lr, fused=True
        )
        rows = self._rows(Z)
        batches = self._batches(len(rows), generator)
        class_batches = OneClassBatches(codes, self.batch_size, generator)
        lower = self._autocast(generator.device, self._images())

        def step():
            with lower:
                reconstruction = reconstruction_loss(
                    encoder, decoder, rows[next(batches)]
                )
                penalty = torch.zeros_like(reconstruction)
                if self.penalty != "none":
                    same = rows[next(class_batches)]
                    penalty = penalty_loss(self.penalty, encoder, decoder, same)
            loss = reconstruction + penalty
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            return {
                "loss": loss,
                "reconstruction_loss": reconstruction,
                "penalty": penalty,
            }

        window = batches.per_epoch * math.ceil(WINDOW / batches.per_epoch)
        level = training.plateau("loss", window, PATIENCE)
        least = self.min_epochs * batches.per_epoch

        def stop(history):
            return len(history["loss"]) >= least and level(history)

        history = training.train(
            step,
            self.n_steps or self.epochs * batches.per_epoch,
            state={
                "encoder": encoder,
                "decoder": decoder,
                "optimiser": optimiser,
                "batches": batches,
                "class_batches": class_batches,
            },
            generator=generator,
            checkpoint=checkpoint,
            stage="autoencoder",
            stop=stop if self.n_steps is None else None,
            stop_every=window,
            verbose=self.verbose,
        )
        history.insert(0, "label", "all")
        self._remember(rows, codes, wanted)
        return history

    # ------------------------------------------------------------------ sampling

    def _remember(self, rows, codes, wanted):
        """Keep what `_generate` needs of each class: its codes and who is near whom."""
        encoder = self.networks_["encoder"].eval()
        for code in wanted:
            with torch.no_grad():
                latent = in_chunks(encoder, rows[codes == code])
            k = self.k_neighbors_[self.classes_.tolist()[code]]
            nearest = NearestNeighbors(n_neighbors=k).fit(latent.cpu().numpy())
            found = nearest.kneighbors(return_distance=False)  # without itself
            self._codes[code] = latent
            self._neighbours[code] = torch.as_tensor(found, device=latent.device)

    def _generate(self, code, n, generator):
        latent, neighbours = (
            kept[code].to(generator.device) for kept in (self._codes, self._neighbours)
        )
        points = smote(latent, neighbours, n, generator)
        return (in_chunks(self.networks_["decoder"], points) + 1) / 2


def reconstruction_loss(encoder, decoder, x):
    """R_L of Algorithm 1: how far the decoded rows are from the rows."""
    return F.mse_loss(decoder(encoder(x)).float(), x)


def penalty_loss(penalty, encoder, decoder, x):
    """P_L of Algorithm 1, on rows of one class in random order.

    Parameters
    ----------
    penalty : {"paper", "authors_code"}
    encoder, decoder : callable
    x : Tensor of shape (n, ...), n >= 2
    """
    codes = encoder(x)
    if penalty == "authors_code":  # their lines 294 and 308
        codes, x = codes.detach(), x.roll(1, 0)
    return F.mse_loss(decoder(codes.roll(1, 0)).float(), x)


def smote(codes, neighbours, n, generator):
    """Points between rows and their neighbours, all drawn uniformly.

    Parameters
    ----------
    codes : Tensor of shape (n_rows, latent_dim)
    neighbours : Tensor of int, shape (n_rows, k)
        Row numbers of the neighbours of each row.
    n : int
        How many points, each with one gap for all its coordinates.
    generator : torch.Generator

    Returns
    -------
    points : Tensor of shape (n, latent_dim)
    """
    options = {"generator": generator, "device": codes.device}
    base = torch.randint(len(codes), (n,), **options)
    which = torch.randint(neighbours.shape[1], (n,), **options)
    gap = torch.rand(n, 1, **options)
    return torch.lerp(codes[base], codes[neighbours[base, which]], gap)


class OneClassBatches:
    """Endless batches of row numbers of one class each, the class drawn uniformly.

    Parameters
    ----------
    codes : Tensor of int, shape (n,)
        Class numbers. Classes of one row are left out.
    batch_size : int
        Rows per batch, none twice; the whole class where it has fewer.
    generator : torch.Generator
    """

    def __init__(self, codes, batch_size, generator):
        members = [torch.nonzero(codes == c).flatten() for c in codes.unique()]
        self.members = [rows for rows in members if len(rows) > 1]
        self.batch_size, self.generator = batch_size, generator
        self.ahead = []

    def __next__(self):
        device = self.generator.device
        if not self.ahead:  # many at once: reading them makes the device wait
            draw = torch.randint(
                len(self.members), (1000,), generator=self.generator, device=device
            )
            self.ahead = draw.tolist()
        rows = self.members[self.ahead.pop()]
        order = torch.randperm(len(rows), generator=self.generator, device=device)
        return rows[order[: self.batch_size]]

    def state_dict(self):
        return {"ahead": list(self.ahead)}

    def load_state_dict(self, state):
        self.ahead = list(state["ahead"])
