"""Many small GANs for binary rows, trained side by side in one loop (GAN-SMOTE).

Every tensor has a leading dimension, "which GAN". Classes and folds differ in size, so
rows are padded to the largest and weighted by zero. Each GAN draws from a generator of
its own, which makes it the same GAN whatever stands beside it.
"""

import math

import torch
from torch import Tensor

from ..devices import autocast, pinned
from ..networks import StackedMLP

# Epochs whose random numbers are drawn at once. A constant, since another length would
# cut the stream of each generator into other numbers.
BLOCK = 20
# First divisor of the sums of distances; the largest sum seen replaces it (the authors'
# MAX_L1_SUM).
FIRST_SCALE = 50.0


def _bits(shape, generator, device, wide=True):
    """Random bits as whole numbers of 16, four for each word of the last axis."""
    draw = {"generator": generator, "device": device}
    if not wide:
        *rows, width = shape
        return torch.randint(
            -(2**15), 2**15, (*rows, 4 * width), dtype=torch.int16, **draw
        )
    words = torch.empty(shape, dtype=torch.int64, device=device)
    return words.random_(-(2**63), None, generator=generator).view(torch.int16)


class _SumOfDistances(torch.autograd.Function):
    """Sum of Manhattan distances from each row to all the others, differentiable.

    By sorting: in the order of one feature, the distances from the row at rank r to the
    others are a difference of two partial sums. So n log n operations a feature replace
    the n * n of a table of distances, which would cost more than the rest of the step.
    """

    @staticmethod
    def forward(ctx, x, n):
        # x (K, n_max, d) in [0, 1], of which the first n[k] rows count
        x = x.transpose(1, 2)
        rank, n = torch.arange(x.shape[2], device=x.device), n.view(-1, 1, 1)
        there = rank < n  # (K, 1, n_max): a row, not padding
        order = _order(x, there)
        v = x.gather(2, order).mul_(there)
        partial = v.cumsum(2)
        sums = (v.mul_(2 * rank + 2 - n)).add_(partial[..., -1:]).sub_(partial, alpha=2)
        ctx.save_for_backward(order, rank, n)
        sums = torch.empty_like(partial).scatter_(2, order, sums)
        return sums.sum(1).mul_(there[:, 0])

    @staticmethod
    def backward(ctx, gradient):
        # d/dx_i of sum_ij g_i |x_i - x_j| is the sum over j of (g_i + g_j) sign(x_i - x_j).
        order, rank, n = ctx.saved_tensors
        g = gradient[:, None].expand(order.shape).gather(2, order)
        partial = g.cumsum(2)
        slopes = (g.mul_(2 * rank - n)).add_(partial, alpha=2).sub_(partial[..., -1:])
        slopes.mul_(rank < n)  # padding has no slope
        slopes = torch.empty_like(partial).scatter_(2, order, slopes)
        return slopes.transpose(1, 2), None


def _order(x, there):
    """Row numbers in ascending order of each feature, padding last: (K, d, n_max)."""
    if x.device.type != "cpu":
        return torch.where(there, x, 2.0).argsort(2)
    # numpy sorts whole numbers some four times faster than torch sorts pairs, so the row
    # number goes into the low bits. 24 bits of value are all that a float32 in [0, 1] has.
    n = x.shape[2]
    bits = 1 << (n - 1).bit_length()
    # Keys lie below 2**25 * bits.
    dtype = torch.int32 if bits <= 32 else torch.int64
    number = torch.arange(n) + 2**24 * bits * ~there
    key = torch.empty(x.shape, dtype=dtype).copy_(x * 2**24)
    key.mul_(bits).add_(number.to(dtype)).numpy().sort(axis=2)
    return key.bitwise_and_(bits - 1).long()


def sum_of_distances(x: Tensor) -> Tensor:
    """Sum of Manhattan distances from each row to all the others.

    Parameters
    ----------
    x : Tensor of shape (n, d), values in [0, 1]

    Returns
    -------
    sums : Tensor of shape (n,)

    Examples
    --------
    >>> sum_of_distances(torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.5]]))
    tensor([2.5000, 1.5000, 2.0000])
    """
    n = torch.tensor([len(x)], device=x.device)
    return _SumOfDistances.apply(x[None], n)[0]


def update(gans, z, u, words):
    """Section 2.1, "in every epoch": the discriminator's turn, then the generator's.

    Parameters
    ----------
    gans : StackedGANs
    z, u, words : Tensor of shape (K, n_max, ...)
        The epoch's random numbers, of `StackedGANs.run`.

    Returns
    -------
    D_loss, G_loss : Tensor of shape (K,)
    on_both : Tensor of shape (K, 2 * n_max)
        The discriminator's answers to real and generated rows.
    made : Tensor of shape (K, n_max, d)
    """
    s, d = gans.settings, gans.real.shape[2]
    for optimiser in (gans.D_optimiser, gans.G_optimiser):
        optimiser.param_groups[0]["lr"] = gans.learning_rate(gans.epoch)
    column_noise = 1 + s.l1_noise * (2 * u[..., d:] - 1)
    masks_first, masks_second = gans._dropout_masks(words)

    with gans.lower:
        with torch.no_grad():
            real = gans.blur_and_flip(u[..., :d])
            fake = gans.G(z[..., : s.latent_dim]).float()
            rows = torch.cat([real, fake], 1)
            if s.minibatch_l1 is not None:
                columns = [
                    gans._column(gans.real_sums, column_noise[..., 0]),
                    gans._column(gans.sums(fake), column_noise[..., 1]),
                ]
                rows = torch.cat([rows, torch.cat(columns, 1)[..., None]], 2)
        on_both = gans.D(rows, masks_first)[..., 0].float()
    # Mean square errors of both halves, added up.
    D_loss = ((on_both - gans.targets).square() * gans.both).sum(1)
    gans.D_optimiser.zero_grad()
    D_loss.sum().backward()
    gans.D_optimiser.step()

    with gans.lower:
        rows = made = gans.G(z[..., s.latent_dim :]).float()
        if s.minibatch_l1 is not None:
            column = gans._column(gans.sums(made), column_noise[..., 2])
            rows = torch.cat([made, column[..., None]], 2)
        on_made = gans.D(rows, masks_second)[..., 0].float()
    G_loss = ((on_made - 1).square() * gans.weight).sum(1)
    # Only the generator's gradients are computed: the discriminator waits.
    parameters = [*gans.G.parameters()]
    gradients = torch.autograd.grad(G_loss.sum(), parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    gans.G_optimiser.step()
    gans.epoch += 1
    return D_loss, G_loss, on_both, made


class StackedGANs:
    """GAN-SMOTE's training (sections 2.1 to 2.3) for any number of classes at once.

    Made by `GANSMOTE.stack`, which documents the settings.

    Parameters
    ----------
    tables : list of Tensor of shape (n_k, d)
        Rows of zeros and ones, one table per GAN; n_k may differ.
    networks : list of (Sequential, Sequential)
        Generator and discriminator of each GAN, untrained.
    generators : list of torch.Generator
        One per GAN.
    settings : GANSMOTE
        Carries the training's parameters.
    precision : torch.dtype
        Of the matrix products.

    Attributes
    ----------
    epoch : int
        Epochs trained.
    """

    def __init__(self, tables, networks, generators, settings, precision=torch.float32):
        self.settings = settings
        self.sources = [*zip(generators, map(len, tables), strict=True)]
        device = tables[0].device
        K, n_max, d = len(tables), max(map(len, tables)), tables[0].shape[1]
        self.n = torch.tensor([len(rows) for rows in tables], device=device)
        self.valid = torch.zeros(K, n_max, device=device)
        self.real = torch.zeros(K, n_max, d, device=device)
        for k, rows in enumerate(tables):
            self.valid[k, : len(rows)] = 1
            self.real[k, : len(rows)] = rows
        # A row's weight in the mean over its table; both halves of the discriminator's
        # batch, then the targets: ones for the real half, zeros for the other.
        self.weight = self.valid / self.n[:, None]
        self.both = self.weight.repeat(1, 2)
        self.targets = torch.zeros_like(self.both)
        self.targets[:, :n_max] = 1

        self.G = StackedMLP([generator for generator, _ in networks])
        self.D = StackedMLP([discriminator for _, discriminator in networks])
        fused = {"lr": settings.lr, "fused": True}
        self.G_optimiser = torch.optim.Adam(self.G.parameters(), **fused)
        self.D_optimiser = torch.optim.Adam(self.D.parameters(), **fused)
        self.lower = autocast(device, precision)
        # The sums of the real rows are taken before bits are flipped, so once for all.
        self.scale = torch.full((K,), FIRST_SCALE, device=device)
        self.real_sums = self.sums(self.real)
        self.epoch = 0

    # ------------------------------------------------------------------ schedules

    def flip_rate(self, epoch):
        """Share of real bits flipped: linear to zero, then a clean tail (section 2.2)."""
        left = 1 - epoch / self.settings.flip_epochs_
        return self.settings.flip_rate * max(0.0, left)

    def learning_rate(self, epoch):
        """SGDR: times ten, then a cosine back, over and over (section 2.2)."""
        s = self.settings
        if epoch < s.restart_from_:
            return s.lr
        phase = (epoch - s.restart_from_) % s.restart_every_ / s.restart_every_
        return s.lr * (1 + (s.restart_factor - 1) * (1 + math.cos(math.pi * phase)) / 2)

    # ------------------------------------------------------------------ one block

    @pinned()
    def run(self, n_epochs):
        """Train `n_epochs` more, and return diagnostics of the last one.

        Returns
        -------
        dict of str to Tensor of shape (K,)
            Losses; ``accuracy_real, accuracy_fake``, the shares of rows that the
            discriminator tells rightly; ``l1_real, l1_fake, l1_between``, mean Manhattan
            distances within and between real and generated rows (section 2.3).
        """
        while n_epochs > 0:
            noise = self._noise()
            for t in range(min(BLOCK, n_epochs)):
                last = update(self, *(part[t] for part in noise))
            n_epochs -= BLOCK
            del noise  # before as much is drawn again
        return self._diagnostics(*last)

    def _noise(self):
        """Draw the random numbers of the next `BLOCK` epochs, (BLOCK, K, n_max, ...).

        Returns normal numbers for two calls of the generators; uniform ones for the real
        bits and the three columns of distances; 16 bits for each unit to be dropped.
        """
        s, (_, n_max, d) = self.settings, self.real.shape
        units = 3 * sum(
            s.discriminator_layers
        )  # on real, on fake, and in the second turn
        width = -(-units // 4) if s.dropout else 0  # words of 64 bits
        device = self.real.device
        shape = (BLOCK, len(self.n), n_max)
        z = torch.zeros(*shape, 2 * s.latent_dim, device=device)
        u = torch.zeros(*shape, d + 3, device=device)
        words = torch.zeros(*shape, 4 * width, dtype=torch.int16, device=device)
        for k, (generator, n) in enumerate(self.sources):
            draw = {"generator": generator, "device": device}
            z[:, k, :n] = torch.randn(BLOCK, n, z.shape[3], **draw)
            u[:, k, :n] = torch.rand(BLOCK, n, d + 3, **draw)
            if width:
                wide = device.type != "mps"  # which draws no 64 bits at once
                words[:, k, :n] = _bits((BLOCK, n, width), generator, device, wide)
        return z, u, words[..., :units]

    def blur_and_flip(self, u):
        """The real bits as the discriminator sees them now (section 2.2).

        Parameters
        ----------
        u : Tensor of shape (K, n_max, d)
            Uniform numbers in [0, 1).
        """
        flipped = torch.where(u < self.flip_rate(self.epoch), 1 - self.real, self.real)
        # The low digits of the number that decides on the flip are uniform again.
        return flipped.sub_((u * 4096).frac_(), alpha=self.settings.blur).abs_()

    def _dropout_masks(self, words):
        """Zeros and 1 / (1 - p) for each hidden layer: of the first turn, of the second."""
        s = self.settings
        if not s.dropout:
            return (), ()
        keep = (words >= round(s.dropout * 2**16) - 2**15).float().div_(1 - s.dropout)
        first, second = [], []
        for mask in keep.split([3 * width for width in s.discriminator_layers], 2):
            on_real, on_fake, on_second = mask.chunk(3, 2)
            first.append(torch.cat([on_real, on_fake], 1))
            second.append(on_second)
        return first, second

    # ------------------------------------------------------ minibatch discrimination

    def sums(self, rows):
        """Sums of distances: one per row, or the authors' one per batch, (K, n or 1)."""
        if self.settings.minibatch_l1 == "authors_code":
            # All distances to row 3 alone, counted from 0, and no gradient.
            rows = rows.detach()
            third = (
                (self.n - 1).clamp(max=3).view(-1, 1, 1).expand(-1, 1, rows.shape[2])
            )
            distances = (rows - rows.gather(1, third)).abs().sum(2) * self.valid
            return distances.sum(1, keepdim=True)
        return _SumOfDistances.apply(rows, self.n)

    def _column(self, sums, noise):
        """The column that the discriminator sees: sums as shares of the largest, noisy."""
        torch.maximum(self.scale, sums.detach().amax(1), out=self.scale)
        return sums / self.scale[:, None] * noise

    # ------------------------------------------------------------------ looking at it

    @torch.no_grad()
    def _diagnostics(self, D_loss, G_loss, on_both, made):
        on_real, on_fake = on_both.chunk(2, 1)
        pairs = (self.n * (self.n - 1)).clamp_min(1)
        within = [
            _SumOfDistances.apply(rows, self.n).sum(1) / pairs
            for rows in (self.real, made)
        ]
        between = torch.cdist(self.real, made, p=1)
        between = torch.einsum("kij,ki,kj->k", between, self.weight, self.weight)
        return {
            "discriminator_loss": D_loss,
            "generator_loss": G_loss,
            "accuracy_real": ((on_real > 0.5) * self.weight).sum(1),
            "accuracy_fake": ((on_fake <= 0.5) * self.weight).sum(1),
            "l1_real": within[0],
            "l1_fake": within[1],
            "l1_between": between,
        }

    @pinned()
    @torch.no_grad()
    def generate(self, k, n, generator):
        """Return `n` rows of GAN number `k`, not yet rounded: (n, d) in [0, 1]."""
        z = torch.zeros(len(self.n), n, self.settings.latent_dim, device=self.n.device)
        z[k].normal_(generator=generator)
        return self.G(z)[k]

    # ------------------------------------------------------------------ checkpoints

    def state_dict(self):
        return {
            "epoch": self.epoch,
            "scale": self.scale,
            "generators": [generator.get_state() for generator, _ in self.sources],
            "networks": [self.G.state_dict(), self.D.state_dict()],
            "optimisers": [
                o.state_dict() for o in (self.G_optimiser, self.D_optimiser)
            ],
        }

    def load_state_dict(self, state):
        self.epoch = state["epoch"]
        self.scale = state["scale"].to(self.scale.device)
        for (generator, _), saved in zip(
            self.sources, state["generators"], strict=True
        ):
            generator.set_state(saved)
        for network, saved in zip((self.G, self.D), state["networks"], strict=True):
            network.load_state_dict(saved)
        optimisers = self.G_optimiser, self.D_optimiser
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
