"""MC-RBO: copies of rows that climb to where the classes are in balance."""

import numbers

import pandas as pd
import torch
from sklearn.utils._param_validation import Interval

from ..checks import POSITIVE_INT, POSITIVE_REAL
from ._network_free import DISTANCES, NetworkFreeOverSampler, larger_first, scale_of

#: The authors' constants.
PUBLISHED_GAMMA, PUBLISHED_STEP = 0.05, 0.001
#: Values of the rows that climb at once: enough to keep torch busy, and within the cache.
CLIMB_CHUNK = 2**20


class MC_RBO(NetworkFreeOverSampler):
    """Over-sample with multi-class radial-based over-sampling [1]_.

    Each row near by adds exp(-(distance / gamma)^2) to a potential if it is of a larger
    class, and takes it off if it is of the class to be filled. A new row starts as a copy
    of a random row of its class and moves one value at a time to where the potential is
    closer to zero, so that it settles between the classes.

    Distances are L1, of the scaled data: images in [0, 1] from their lowest to their
    highest value, the columns of a table each in a [0, 1] of its own.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    gamma : float or None
        Reach of a row. None: for each class the median distance from its rows to their
        `k_neighbors` nearest.
    step_size : float or None
        How far a value moves in one step. None: gamma / 50, as in the published
        constants, but with more than 50 columns gamma / n_columns, which is the mean
        difference between two neighbours in one column.
    n_steps : int, default=500
        Steps that are tried. A climb ends before when no step is left to try.
    k_neighbors : int, default=25
        Nearest rows that make the potential, beside the row itself; all where there are
        fewer.
    image_shape, value_range, device, random_state
        As in `GANOverSampler`; the device is where distances are computed.

    Attributes
    ----------
    history_ : DataFrame
        One row per class filled: ``label``, ``step`` (its place in the order), ``gamma``,
        ``step_size``, ``larger`` (share of larger rows among the neighbours), and the mean
        of the new rows' absolute potential ``before`` and ``after`` the climb.
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Notes
    -----
    From the paper [1]_: potential, climb, start at a uniformly drawn row. From the
    authors' code [2]_: the potential of the nearest rows only, the order of the classes
    (`helpers.over_sampling._network_free.larger_first`, rows drawn with replacement),
    500 tries, 25 neighbours and ``preset("authors_code")``, a gamma of 0.05 and steps of
    0.001. In pixel space all kernels but a row's own are zero at that gamma, and the new
    row only moves away from its start, on MNIST by less than two grey levels in any pixel.

    Ours: gamma and steps from the data; steps that leave the range of the data are not
    taken. The authors strike the step that undoes the last one from the list. It is left
    in here: it cannot bring the potential closer to zero.

    A step in one column changes every distance by a term of that column alone, so a try
    costs as many operations as there are neighbours, whatever the number of columns, and
    thousands of rows try their steps together.

    References
    ----------
    .. [1] B. Krawczyk, M. Koziarski, M. Woźniak. "Radial-Based Oversampling for Multiclass
       Imbalanced Data Classification". IEEE Transactions on Neural Networks and Learning
       Systems 31(8), 2020.
    .. [2] https://github.com/michalkoziarski/MultiClassRBO

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import MC_RBO
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = np.repeat(["common", "rare"], [32, 8])
    >>> MC_RBO(n_steps=50, random_state=0).fit_resample(X, y)[0].shape
    (64, 3)
    """

    _parameter_constraints: dict = {
        **NetworkFreeOverSampler._parameter_constraints,
        "gamma": [POSITIVE_REAL, None],
        "step_size": [POSITIVE_REAL, None],
        "n_steps": [Interval(numbers.Integral, 0, None, closed="left")],
        "k_neighbors": [POSITIVE_INT],
    }
    _presets = {"authors_code": {"gamma": PUBLISHED_GAMMA, "step_size": PUBLISHED_STEP}}
    _own_state = ("_fields",)

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        gamma=None,
        step_size=None,
        n_steps=500,
        k_neighbors=25,
        image_shape=None,
        value_range=None,
        device="auto",
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.gamma = gamma
        self.step_size = step_size
        self.n_steps = n_steps
        self.k_neighbors = k_neighbors
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.random_state = random_state

    def _train(self, Z, codes, wanted, generator, checkpoint):
        rows, labels = Z.flatten(1), self.classes_.tolist()
        held = {code: rows[codes == code] for code in range(len(labels))}
        self._fields, self._made = {}, {}
        history = []
        for code, larger, _ in larger_first(held, wanted, generator, replacement=True):
            field = self._fields[code] = self._field(held[code], larger)
            new, before, after = self._climb(field, wanted[code], generator)
            self._made[code] = new
            held[code] = torch.cat([held[code], new])
            signs = field["signs"][field["nearest"][:, 1:]]
            history.append(
                {
                    "label": labels[code],
                    "step": len(history) + 1,
                    "gamma": field["gamma"],
                    "step_size": field["step_size"],
                    "larger": float((signs > 0).float().mean()),
                    "before": float(before.mean()),
                    "after": float(after.mean()),
                }
            )
        return pd.DataFrame(history or {"label": [], "step": []})

    def _field(self, own, larger):
        """What the climbs of a class need: the rows near each row, their signs, gamma."""
        rows = torch.cat([own, larger])
        distances, nearest = neighbourhoods(own, rows, self.k_neighbors)
        gamma = self.gamma or scale_of(distances[:, 1:], PUBLISHED_GAMMA)
        used, places = nearest.unique(return_inverse=True)
        return {
            "rows": rows[used],
            "signs": torch.where(used < len(own), -1.0, 1.0),
            "nearest": places,
            "gamma": gamma,
            "step_size": self.step_size or gamma / max(50, own.shape[1]),
        }

    def _climb(self, field, n, generator):
        """New rows, and their absolute potentials before and after the climb."""
        nearest = field["nearest"].to(generator.device)
        rows, signs = (field[name].to(generator.device) for name in ("rows", "signs"))
        starts = torch.randint(
            len(nearest), (n,), generator=generator, device=generator.device
        )
        parts = []
        # Sorted, so that rows that start together share what is near them.
        size = max(1, CLIMB_CHUNK // max(rows.shape[1], nearest.shape[1]))
        for part in starts.sort().values.split(size):
            own, which = part.unique(return_inverse=True)
            near = nearest[own]
            parts.append(
                climb(
                    rows[near],
                    signs[near],
                    which,
                    gamma=field["gamma"],
                    step_size=field["step_size"],
                    n_steps=self.n_steps,
                    generator=generator,
                )
            )
        return [torch.cat(column) for column in zip(*parts, strict=True)]

    def _generate(self, code, n, generator):
        if code in self._made:
            rows = self._made.pop(code)
        else:
            rows, _, _ = self._climb(self._fields[code], n, generator)
        return rows.view(n, *self._row_shape)


def neighbourhoods(rows, everything, k):
    """The rows nearest to each of the first ones, by L1 distance, in chunks.

    Parameters
    ----------
    rows : Tensor of shape (n, d)
        The first rows of `everything`.
    everything : Tensor of shape (m, d), m > n or n > 1
    k : int
        Neighbours beside the row itself; at most m - 1 are returned.

    Returns
    -------
    distances, places : Tensor of shape (n, k + 1)
        Nearest first; column 0 is the row itself, even where others coincide with it.
    """
    n_kept = min(k, len(everything) - 1) + 1
    parts, start = [], 0
    for part in rows.split(max(1, DISTANCES // len(everything))):
        distances = torch.cdist(part, everything, p=1)
        distances[:, start:].fill_diagonal_(-1)
        found = distances.topk(n_kept, largest=False)
        parts.append((found.values.clamp_(min=0), found.indices))
        start += len(part)
    return [torch.cat(column) for column in zip(*parts, strict=True)]


def potential(distances, signs, gamma):
    """Sum over the last axis of sign * exp(-(distance / gamma)^2)."""
    return (distances * distances).mul_(-1 / gamma**2).exp_().mul_(signs).sum(-1)


def climb(near, signs, which, *, gamma, step_size, n_steps, generator):
    """Move copies of rows to where the potential around them is closer to zero.

    Each copy tries its steps, up or down in one column, in random order and none twice,
    until one brings the absolute potential down. It takes that one and starts anew with
    all steps to try.

    Parameters
    ----------
    near : Tensor of shape (n_starts, k, d)
        The rows that make the potential around each start, the start itself first.
    signs : Tensor of shape (n_starts, k)
        1 for a row of a larger class, -1 for one of the class to be filled.
    which : Tensor of int, shape (n,)
        The start of each copy.
    gamma, step_size : float
    n_steps : int
        Tries of each copy.
    generator : torch.Generator

    Returns
    -------
    position : Tensor of shape (n, d)
        In [0, 1], as the starts.
    before, after : Tensor of shape (n,)
        Absolute potential at the start and at the position.
    """
    n, (n_starts, k, d) = len(which), near.shape
    distances = (near - near[:, :1]).abs_().sum(2)[which]
    position, signs = near[:, 0][which], signs[which]
    before = best = potential(distances, signs, gamma).abs_()
    # One row per start and column, so that a try reads k values that lie side by side.
    twice = (2 * near.transpose(1, 2)).reshape(n_starts * d, k)
    offset = which[:, None] * d
    # Step 2 c goes down in column c, step 2 c + 1 up. The first `tried` ones of a row of
    # `steps` have been tried: a shuffle by Fisher and Yates, one exchange per try.
    kind = torch.int16 if 2 * d <= 2**15 else torch.int64
    steps = torch.arange(2 * d, device=near.device).to(kind).repeat(n, 1)
    tried = torch.zeros(n, 1, dtype=torch.int64, device=near.device)
    for _ in range(n_steps):
        chance = torch.rand(n, 1, generator=generator, device=near.device)
        first = tried.clamp(max=2 * d - 1)
        drawn = chance.mul_(2 * d - first).long().add_(first).clamp_(max=2 * d - 1)
        step = steps.gather(1, drawn)
        steps.scatter_(1, drawn, steps.gather(1, first))
        steps.scatter_(1, first, step)
        step = step.long()
        column, sign = step >> 1, (step & 1) * 2.0 - 1

        old = position.gather(1, column)
        new = old + sign * step_size
        # |new - x| - |old - x| is the sign times new + old - 2 x, cut off at step_size.
        change = (new + old) - twice.index_select(0, (offset + column).flatten())
        change.clamp_(-step_size, step_size)
        value = potential(torch.addcmul(distances, sign, change), signs, gamma).abs_()
        better = (value < best)[:, None] & (new.clamp(0, 1) == new) & (tried < 2 * d)

        best = torch.where(better[:, 0], value, best)
        distances.addcmul_(sign * better, change)
        position.scatter_(1, column, torch.where(better, new, old))
        tried = tried.add_(1).mul_(~better)
        if 2 * d <= n_steps and (tried >= 2 * d).all():
            break
    return position, before, best
