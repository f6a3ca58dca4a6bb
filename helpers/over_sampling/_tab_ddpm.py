"""TabDDPM: diffusion of numbers and categories side by side.

Over 500 lines, as what its parameters mean takes up a third of them.
"""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtr, ndtri
from sklearn.preprocessing import QuantileTransformer
from sklearn.utils._param_validation import StrOptions
from torch import Tensor, nn
from torch.nn import functional as F

from .. import networks, training
from ..checks import POSITIVE_INT, SequenceOf
from ._mixed import (
    ROWS_AT_ONCE,
    Blocks,
    MixedOverSampler,
    gumbel,
    join_columns,
    n_levels,
    split_columns,
)

#: Width of the embeddings of time and class, and of the layer that they are added to.
EMBEDDING = 128
#: Offset and largest step of the cosine schedule (Nichol and Dhariwal, 2021).
OFFSET, LARGEST_BETA = 0.008, 0.999
#: Logarithm of a probability of zero, which can still be added and subtracted.
NEVER = -1e9


class TabDDPMOverSampler(MixedOverSampler):
    """Over-sample with a diffusion model, asked for the rare classes only [1]_.

    Noise is added to the rows of the table in a thousand small steps, to numbers a little
    of a normal variable, to a category now and then another level; one network learns to
    undo them, told the time and the class. New rows of a class start as noise and go all
    the steps back.

    An update of the network costs some 8 ms on one core. A thousand rows cost
    `n_timesteps` passes of them through it, or `sampling_steps`.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    feature_groups : list of lists of int, optional
        As in `CTGANOverSampler`.
    n_steps : int, default=20_000
        Updates of the network. Searched by the authors: 5,000, 20,000, 30,000.
    batch_size : int, default=256
        Rows per update; the whole table where it has fewer. Searched: 256, 4096.
    lr : float, default=1e-3
        Learning rate of Adam. Searched: 1e-5 to 3e-3.
    layers : tuple of int, default=(256, 256, 256, 256)
        Widths of the network's hidden layers. Searched: 2, 4, 6 or 8 of 128 to 1024.
    n_timesteps : int, default=1000
        Steps from a row to noise. Searched: 100, 1000.
    sampling_steps : int or None
        Steps from noise to a row, evenly spaced among these. None: all of them. On made
        data of 50 timesteps a dependence of two categories was kept in .93 of the rows by
        all steps, in .91 by 15, .90 by 10, .86 by 5 and .62 by 2.
    reading : {"text", "authors_code"}, default="text"
        What to follow where the two differ, see Notes.
    device, precision, random_state, checkpoint, verbose
        As in `GANOverSampler`.

    Attributes
    ----------
    networks_ : dict
        ``"denoiser"``, for all classes; none where no column varies.
    history_ : DataFrame
        One row per update: ``label`` ("all"), ``step``, ``number_loss``, the mean squared
        error of the noise, and ``category_loss``, a divergence in nats.
    variety_ : dict
        As in `GANOverSampler`; NaN where real rows do not differ.
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Warns
    -----
    UserWarning
        The rows made for a class lie at the ends of the range, or hardly differ.

    Notes
    -----
    From the paper: numbers as normal quantiles, Gaussian and multinomial diffusion [2]_
    with a cosine schedule [3]_, the network (two layers on a sinusoidal embedding of the
    time, an embedding of the class, both added to a linear layer of 128; then the hidden
    layers with ReLU), the loss, which is the error of the noise and the mean divergence of
    the categories. Depth, widths, batch, rate, updates and timesteps are tuned there for
    each table; the defaults lie within the ranges of the authors' search [4]_.

    Where code [4]_ and text differ, and ``preset("authors_code")`` takes the code:

    - the divergence of the categories counts a thousand times as much (it is divided by
      the probability of its timestep), so that they are learnt in fewer updates and the
      numbers in more, and the rate falls to zero in a straight line
      (``scripts/train.py``);
    - the network sees the logarithms of the one-hot columns, 0 and -69, and SiLU follows
      the embedding of the class (``gaussian_multinomial_diffsuion.py``, ``modules.py``);
    - the noise of a step back has the variance of the step forth and not of the posterior;
    - the quantiles are as many as a thirtieth of the rows (10 to 1000), and the lowest and
      highest value lie at -5.2 and 5.2.

    Ours: the ends of a column lie in the middle of the share of rows they hold, or a third
    of zeros would be an outlier; predicted numbers are kept within what was seen, without
    which few `sampling_steps` diverge; a chain of fewer steps is that of [3]_, for the
    categories too.

    References
    ----------
    .. [1] A. Kotelnikov, D. Baranchuk, I. Rubachev, A. Babenko. "TabDDPM: Modelling
       Tabular Data with Diffusion Models". ICML 2023.
    .. [2] E. Hoogeboom, D. Nielsen, P. Jaini, P. Forré, M. Welling. "Argmax Flows and
       Multinomial Diffusion: Learning Categorical Distributions". NeurIPS 2021.
    .. [3] A. Nichol, P. Dhariwal. "Improved Denoising Diffusion Probabilistic Models".
       ICML 2021.
    .. [4] https://github.com/yandex-research/tab-ddpm, commit b476257.

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import TabDDPMOverSampler
    >>> rng = np.random.default_rng(0)
    >>> colour = np.eye(3)[rng.integers(3, size=40)]  # columns 1 to 3: one of three
    >>> X = np.column_stack([rng.normal(size=40), colour])
    >>> y = np.repeat(["common", "rare"], [32, 8])
    >>> sampler = TabDDPMOverSampler(
    ...     feature_groups=[[1, 2, 3]], n_steps=50, n_timesteps=20, random_state=0
    ... )
    >>> X_more, y_more = sampler.fit_resample(X, y)
    >>> X_more.shape, set(X_more[40:, 1:].sum(axis=1).tolist())
    ((64, 4), {1.0})
    """

    _parameter_constraints: dict = {
        **{
            name: constraint
            for name, constraint in MixedOverSampler._parameter_constraints.items()
            if name not in ("epochs", "latent_dim")
        },
        "n_steps": [POSITIVE_INT],
        "layers": [SequenceOf(POSITIVE_INT)],
        "n_timesteps": [POSITIVE_INT],
        "sampling_steps": [POSITIVE_INT, None],
        "reading": [StrOptions({"text", "authors_code"})],
    }
    _own_state = (*MixedOverSampler._own_state, "_quantiles")
    _presets = {"authors_code": {"reading": "authors_code"}}

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        feature_groups=None,
        n_steps=20_000,
        batch_size=256,
        lr=1e-3,
        layers=(256, 256, 256, 256),
        n_timesteps=1000,
        sampling_steps=None,
        reading="text",
        device="auto",
        precision="auto",
        random_state=None,
        checkpoint=None,
        verbose=False,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.feature_groups = feature_groups
        self.n_steps = n_steps
        self.batch_size = batch_size
        self.lr = lr
        self.layers = layers
        self.n_timesteps = n_timesteps
        self.sampling_steps = sampling_steps
        self.reading = reading
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.verbose = verbose

    def _prepare(self, X, y):
        if (self.sampling_steps or 0) > self.n_timesteps:
            raise ValueError(
                f"sampling_steps={self.sampling_steps}, but there are n_timesteps="
                f"{self.n_timesteps} to choose from; take as many or fewer."
            )
        return super()._prepare(X, y)

    # ------------------------------------------------------------------ training

    def _build(self, name):
        n_columns = sum(n_levels(self._layout))
        by_code = self.reading == "authors_code"
        n_numbers, n_classes = len(self._layout["numbers"]), len(self.classes_)
        return Denoiser(n_numbers, n_columns, n_classes, self.layers, by_code)

    def _train(self, Z, codes, wanted, generator, checkpoint):
        self.variety_, self._quantiles = {}, None
        numbers, levels = split_columns(Z, self._layout)
        if not wanted or not (numbers.shape[1] or levels.shape[1]):
            return pd.DataFrame(columns=["label", "step"])
        numbers, self._quantiles = into_normal(numbers, self.reading)
        classes = F.one_hot(codes, len(self.classes_)).float()
        network = self._initialise("denoiser", generator)
        nn.init.normal_(network.label.weight, generator=generator)  # as embeddings are
        self.networks_["denoiser"] = network
        optimiser = torch.optim.Adam(network.parameters(), lr=self.lr, fused=True)
        falling = torch.optim.lr_scheduler.LambdaLR(optimiser, self._rate)
        batches = training.Batches(len(Z), self.batch_size, generator)
        blocks = Blocks(n_levels(self._layout), Z.device)
        kept = cosine_schedule(self.n_timesteps).float().to(Z.device)
        lower = self._autocast(generator.device, images=False)
        by_code = self.reading == "authors_code"

        def step():
            rows = next(batches)
            x, x_levels = numbers[rows], levels[rows]
            t = torch.randint(
                1, len(kept), (len(rows), 1), generator=generator, device=Z.device
            )
            noise = torch.randn(x.shape, generator=generator, device=Z.device)
            noisy = kept[t].sqrt() * x + (1 - kept[t]).sqrt() * noise
            noisy_levels = other_levels(x_levels, kept[t], blocks, generator)
            with lower:
                found = network(noisy, blocks.one_hot(noisy_levels), t, classes[rows])
            of_noise, of_levels = found.float().tensor_split([x.shape[1]], 1)
            number_loss = category_loss = found.new_zeros(())
            if x.shape[1]:
                number_loss = F.mse_loss(of_noise, noise)
            if levels.shape[1]:
                ends = kept[t - 1], kept[t]
                apart = divergence(of_levels, x_levels, noisy_levels, *ends, blocks)
                category_loss = apart.mean()
            optimiser.zero_grad()
            weight = self.n_timesteps if by_code else 1
            (number_loss + weight * category_loss).backward()
            optimiser.step()
            falling.step()
            return {"number_loss": number_loss, "category_loss": category_loss}

        history = training.train(
            step,
            self.n_steps,
            state={
                "denoiser": network,
                "optimiser": optimiser,
                "rate": falling,
                "batches": batches,
            },
            generator=generator,
            checkpoint=checkpoint,
            stage="TabDDPM",
            verbose=self.verbose,
        )
        self._look(Z, codes, wanted)
        history.insert(0, "label", "all")
        return history

    def _rate(self, done):
        if self.reading == "text":
            return 1.0
        return 1 - max(0, done - 1) / self.n_steps

    # ------------------------------------------------------------------ sampling

    def _generate(self, code, n, generator):
        chunks = [ROWS_AT_ONCE] * (n // ROWS_AT_ONCE) + [n % ROWS_AT_ONCE]
        return torch.cat([self._some(code, m, generator) for m in chunks if m])

    def _some(self, code, n, generator):
        """From noise to rows, step by step."""
        device, p = generator.device, len(self._layout["numbers"])
        if not self.networks_:  # no column varies
            return torch.zeros(n, self._layout["width"], device=device)
        network, by_code = self.networks_["denoiser"], self.reading == "authors_code"
        blocks = Blocks(n_levels(self._layout), device)
        kept = cosine_schedule(self.n_timesteps).tolist()
        label = torch.zeros(1, len(self.classes_), device=device)
        label[0, code] = 1
        ends = self._quantiles["ends"].to(device)
        x = torch.randn(n, p, generator=generator, device=device)
        levels = torch.zeros(n, len(blocks.sizes), dtype=torch.long, device=device)
        levels = other_levels(
            levels, torch.zeros(1, 1, device=device), blocks, generator
        )

        n_steps = self.sampling_steps or self.n_timesteps
        times = np.rint(np.linspace(self.n_timesteps, 0, n_steps + 1)).astype(int)
        for t, s in pairwise(times.tolist()):
            time = torch.tensor([[t]], device=device)
            found = network(x, blocks.one_hot(levels), time, label)
            of_noise, of_levels = found.tensor_split([p], 1)
            if p:
                noise = torch.randn(n, p, generator=generator, device=device)
                row = (x - math.sqrt(1 - kept[t]) * of_noise) / math.sqrt(kept[t])
                row = row if by_code else row.clamp(*ends)
                x = step_back(x, row, noise, kept[s], kept[t], by_code)
            if len(blocks.sizes):
                log_start = blocks.padded(of_levels, NEVER).log_softmax(2)
                then, now = torch.tensor([kept[s], kept[t]], device=device).view(
                    2, 1, 1
                )
                log_shares = log_before(log_start, levels, then, now, blocks)
                noise = blocks.padded(gumbel(n, blocks.total, generator), 0)
                levels = (log_shares + noise).argmax(2)
        return join_columns(out_of_normal(x, self._quantiles), levels, self._layout)


# ------------------------------------------------------------------ numbers


def into_normal(numbers: Tensor, reading: str):
    """Each column as a normal one, by its quantiles.

    Parameters
    ----------
    numbers : Tensor of shape (n, p)
    reading : {"text", "authors_code"}

    Returns
    -------
    normal : Tensor of shape (n, p)
    quantiles : dict of Tensors
        For `out_of_normal`: ``values`` of shape (k, p), evenly spaced in the order of the
        column; ``ends``, of shape (2, p), the lowest and highest of `normal`.
    """
    n, p = numbers.shape
    if not p:
        return numbers, {"values": torch.empty(1, 0), "ends": torch.empty(2, 0)}
    most = 1000 if reading == "text" else max(10, min(n // 30, 1000))
    quantiles = QuantileTransformer(n_quantiles=min(n, most), subsample=None)
    quantiles.set_output(transform="default")
    columns = numbers.cpu().double().numpy()
    shares = quantiles.fit_transform(columns)
    least, most = np.full((2, p), [[1e-7], [1 - 1e-7]])  # as in scikit-learn
    if reading == "text":  # the middle of the share of rows that an end holds
        least = np.mean(columns == columns.min(axis=0), axis=0) / 2
        most = 1 - np.mean(columns == columns.max(axis=0), axis=0) / 2
    normal = ndtri(np.clip(shares, least, most))
    normal = torch.as_tensor(normal, dtype=numbers.dtype, device=numbers.device)
    ends = torch.as_tensor(ndtri([least, most]), dtype=numbers.dtype)
    return normal, {"values": torch.as_tensor(quantiles.quantiles_), "ends": ends}


def out_of_normal(normal: Tensor, quantiles) -> Tensor:
    """Undo `into_normal`; nothing comes to lie outside of what was seen."""
    shares, values = ndtr(normal.cpu().double().numpy()), quantiles["values"].numpy()
    places = np.linspace(0, 1, len(values))
    numbers = np.empty_like(shares)
    for j, column in enumerate(shares.T):
        numbers[:, j] = np.interp(column, places, values[:, j])
    return torch.as_tensor(numbers, dtype=normal.dtype, device=normal.device)


def cosine_schedule(n_timesteps: int) -> Tensor:
    """How much of a row is left after 0, 1, ... timesteps; float64, from 1 downward."""
    time = torch.linspace(0, 1, n_timesteps + 1, dtype=torch.float64)
    left = torch.cos((time + OFFSET) / (1 + OFFSET) * math.pi / 2).square()
    each = (left[1:] / left[:-1]).clamp(min=1 - LARGEST_BETA)
    return torch.cat([left.new_ones(1), each.cumprod(0)])


def step_back(x: Tensor, row: Tensor, noise: Tensor, kept_s, kept_t, forth) -> Tensor:
    """Draw numbers at the earlier time s from those at t and the row predicted.

    Parameters
    ----------
    x, row, noise : Tensor of shape (n, p)
    kept_s, kept_t : float
        Of `cosine_schedule`.
    forth : bool
        With the variance of the step from s to t, not of its posterior.
    """
    beta = 1 - kept_t / kept_s
    mean = math.sqrt(kept_s) * beta / (1 - kept_t) * row
    mean = mean + math.sqrt(1 - beta) * (1 - kept_s) / (1 - kept_t) * x
    if kept_s == 1:
        return mean
    variance = beta if forth else beta * (1 - kept_s) / (1 - kept_t)
    return mean + math.sqrt(variance) * noise


# ------------------------------------------------------------------ categories


def other_levels(levels: Tensor, kept: Tensor, blocks: Blocks, generator) -> Tensor:
    """Levels after noise: as they were with probability `kept` (n, 1), else any.

    Parameters
    ----------
    levels : Tensor of shape (n, q)
    kept : Tensor of shape (n, 1) or (1, 1)
    blocks : Blocks
    generator : torch.Generator
    """
    device = levels.device
    u, stays = torch.rand(2, *levels.shape, generator=generator, device=device)
    others = (u * blocks.sizes).long().minimum(blocks.sizes - 1)
    return torch.where(stays < kept, levels, others)


def log_before(log_start: Tensor, levels: Tensor, kept_s, kept_t, blocks: Blocks):
    """Log-probabilities of the levels at time s, given those at time t and at the start.

    Equation 14 of Hoogeboom et al., for any s before t.

    Parameters
    ----------
    log_start : Tensor of shape (n, q, w)
        Log-probabilities of the levels at the start, padded with `NEVER`.
    levels : Tensor of shape (n, q)
        At time t.
    kept_s, kept_t : Tensor of shape (n, 1) or (1, 1)
        Of `cosine_schedule`.
    blocks : Blocks

    Returns
    -------
    Tensor of shape (n, q, w)
    """
    kept_s, kept_t = kept_s[..., None], kept_t[..., None]  # (n, 1, 1)
    log_k = blocks.sizes.log()[:, None]
    any_level = (1 - kept_s).log() - log_k
    from_start = torch.logaddexp(kept_s.log() + log_start, any_level)
    alpha = kept_t / kept_s
    moves = (1 - alpha) / blocks.sizes[:, None]
    here = levels[..., None] == torch.arange(log_start.shape[2], device=levels.device)
    to_now = torch.where(here, alpha + moves, moves).log()
    there = blocks.padded(log_k.new_zeros(1, blocks.total), NEVER)
    return (from_start + to_now + there).log_softmax(2)


def divergence(logits: Tensor, start, levels, kept_s, kept_t, blocks: Blocks) -> Tensor:
    """Kullback-Leibler divergence of the step back as predicted from the true one, in nats.

    Parameters
    ----------
    logits : Tensor of shape (n, total)
        Of the levels at the start, as the network gives them.
    start, levels : Tensor of shape (n, q)
        Levels at the start and at time t.
    kept_s, kept_t : Tensor of shape (n, 1)
    blocks : Blocks

    Returns
    -------
    Tensor of shape (n, q)
    """
    given = levels, kept_s, kept_t, blocks
    predicted = log_before(blocks.padded(logits, NEVER).log_softmax(2), *given)
    true_start = blocks.padded((1 - blocks.one_hot(start)) * NEVER, NEVER)
    true = log_before(true_start, *given)
    return (true.exp() * (true - predicted)).sum(2)


# ------------------------------------------------------------------ the network


class Denoiser(nn.Module):
    """Noise of the numbers and logits of the categories, from a noisy row.

    Parameters
    ----------
    n_numbers, n_columns : int
        Numbers, and one-hot columns of the categories.
    n_classes : int
    layers : sequence of int
        Widths of the hidden layers.
    by_code : bool
        As in the authors' code: logarithms of one-hot columns, SiLU after the class.

    Examples
    --------
    >>> network = Denoiser(2, 3, 2, [8], by_code=False)
    >>> rows, levels, classes = torch.zeros(5, 2), torch.zeros(5, 3), torch.eye(2)[:1]
    >>> network(rows, levels, torch.tensor([[7]]), classes).shape
    torch.Size([5, 5])
    """

    def __init__(self, n_numbers, n_columns, n_classes, layers, by_code):
        super().__init__()
        width = n_numbers + n_columns
        self.by_code = by_code
        self.inward = nn.Linear(width, EMBEDDING)
        self.time = networks.mlp([EMBEDDING] * 3, nn.SiLU)
        self.label = nn.Linear(n_classes, EMBEDDING, bias=False)
        self.body = networks.mlp([EMBEDDING, *layers, width], nn.ReLU)

    def forward(self, numbers: Tensor, levels: Tensor, t: Tensor, classes: Tensor):
        """(n, p), one-hot (n, total), (n, 1), one-hot (n, n_classes) -> (n, p + total)."""
        half = EMBEDDING // 2
        place = torch.arange(half, device=t.device) * (-math.log(10_000) / half)
        angle = t * place.exp()
        time = self.time(torch.cat([angle.cos(), angle.sin()], 1))
        label = self.label(classes)
        if self.by_code:
            label, levels = F.silu(label), levels.clamp(min=1e-30).log()
        x = self.inward(torch.cat([numbers, levels], 1))
        return self.body(x + time + label)
