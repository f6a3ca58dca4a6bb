"""MC-CCR: spheres that push the larger classes away, and are then filled."""

import pandas as pd
import torch
from sklearn.utils._param_validation import StrOptions
from torch.nn.functional import pad

from ..checks import POSITIVE_REAL
from ._network_free import (
    DISTANCES,
    NetworkFreeOverSampler,
    larger_first,
    scale_of,
    shuffled,
)

#: Rows of a class whose nearest larger row sets the energy.
PROBES = 500
#: The authors' energy, in force where a class lies on top of the larger ones.
PUBLISHED_ENERGY = 0.25


class MC_CCR(NetworkFreeOverSampler):
    """Over-sample with multi-class combined cleaning and resampling [1]_.

    Around every row of the class to be filled grows a sphere in L1 distance. Growing by
    one unit costs one unit of energy, and one more for each row of a larger class inside,
    until the energy is spent. Rows of larger classes inside are pushed out to the surface
    (the cleaning); the new rows lie in the spheres, most of them in the small ones.

    Distances are those of the scaled data: images in [0, 1] from their lowest to their
    highest value, the columns of a table each in a [0, 1] of its own.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    energy : float or None
        What each sphere may spend, in L1 distance of the scaled data. None: for each
        class the median distance from its rows to their nearest larger row, so that half
        of the spheres reach one.
    cleaning : {"ignore", "translate"}, default="ignore"
        "translate" is the paper's and changes rows of X, always to values inside the
        range of the data. "ignore" leaves X as it is, and only places the new rows.
    image_shape, value_range, device, random_state
        As in `GANOverSampler`; the device is where distances are computed.

    Attributes
    ----------
    radii_ : dict of Tensor
        Class label to the radii of the spheres around its rows.
    translated_mask_ : ndarray of bool, one per row of X
        True where the cleaning pushed the row; whole numbers may round to what they were.
    history_ : DataFrame
        One row per class filled: ``label``, ``step`` (its place in the order), ``energy``,
        ``radius`` (median), ``nearest`` (median distance from a row to the nearest larger
        row, of 500 rows at most), ``inside`` (mean number of larger rows in a sphere).
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Notes
    -----
    From the paper [1]_: spheres, translation, numbers inverse to the radii, and the order
    of the classes (`helpers.over_sampling._network_free.larger_first`). From the authors'
    code [2]_: L1 distance for radii, translation and new rows alike. Its constants are
    ``preset("authors_code")``: an energy of 0.25, and "translate". In pixel space 0.25 is
    spent over hundreds of pixels, less than one grey level on each: new uint8 images are
    copies, and no larger row is inside (on MNIST the nearest one is 60 to 90 away). The
    authors' code for RB-CCR, a sibling of the method, goes through energies from 0.5 to
    100.

    Ours: the energy from the data; exact class counts, where rounding gives other ones,
    by a random start and equal steps through the summed shares; a larger row that
    coincides with the centre of a sphere is pushed in a random direction; what leaves the
    range of the data is clipped, which for new rows only shortens the distance; a class
    that needs no rows pushes none away.

    The radius is not grown step by step: over sorted distances the energy spent is
    piecewise linear, and its cumulative sum is inverted.

    References
    ----------
    .. [1] M. Koziarski, M. Woźniak, B. Krawczyk. "Combined Cleaning and Resampling
       algorithm for multi-class imbalanced data with label noise". Knowledge-Based
       Systems 204, 2020.
    .. [2] https://github.com/michalkoziarski/MC-CCR

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import MC_CCR
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = np.repeat(["common", "rare"], [32, 8])
    >>> MC_CCR(random_state=0).fit_resample(X, y)[0].shape
    (64, 3)
    """

    _parameter_constraints: dict = {
        **NetworkFreeOverSampler._parameter_constraints,
        "energy": [POSITIVE_REAL, None],
        "cleaning": [StrOptions({"ignore", "translate"})],
    }
    _presets = {"authors_code": {"energy": PUBLISHED_ENERGY, "cleaning": "translate"}}
    _own_state = ("_seeds", "radii_")

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        energy=None,
        cleaning="ignore",
        image_shape=None,
        value_range=None,
        device="auto",
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.energy = energy
        self.cleaning = cleaning
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.random_state = random_state

    def _train(self, Z, codes, wanted, generator, checkpoint):
        rows, labels = Z.flatten(1), self.classes_.tolist()
        held = {code: rows[codes == code] for code in range(len(labels))}
        sizes = {code: len(own) for code, own in held.items()}
        self._seeds, self.radii_, self._made = {}, {}, {}
        history = []
        for code, larger, origin in larger_first(held, wanted, generator):
            own = held[code]
            probes = own[shuffled(len(own), generator)[:PROBES]]
            nearest = nearest_distance(probes, larger)
            energy = self.energy or scale_of(nearest, PUBLISHED_ENERGY)
            translate = self.cleaning == "translate"
            radii, inside, moved = push(own, larger, energy, translate, generator)
            self._seeds[code], self.radii_[labels[code]] = own, radii
            for other, places in origin:
                held[other][places], moved = moved[: len(places)], moved[len(places) :]
            new = self._generate(code, wanted[code], generator).flatten(1)
            held[code] = torch.cat([own, new])
            history.append(
                {
                    "label": labels[code],
                    "step": len(history) + 1,
                    "energy": energy,
                    "radius": float(radii.median()),
                    "nearest": float(nearest.median()),
                    "inside": float(inside.float().mean()),
                }
            )
        # New rows may have been pushed as well: they are handed over as they are now.
        self._made = {code: held[code][sizes[code] :] for code in wanted}
        cleaned = rows.clone()
        for code, size in sizes.items():
            cleaned[codes == code] = held[code][:size]
        changed = (cleaned != rows).any(1)
        self.translated_mask_ = changed.cpu().numpy()
        if changed.any():
            self._made["translated"] = cleaned[changed]
        return pd.DataFrame(history or {"label": [], "step": []})

    def _complete(self, X, y, labels, wanted, generator):
        moved = self.translated_mask_
        if moved.any():
            new = self._draw("translated", int(moved.sum()), generator)
            X = self._kind.replaced(X, moved, new)
        return super()._complete(X, y, labels, wanted, generator)

    def _generate(self, code, n, generator):
        if code in self._made:
            return self._made.pop(code).view(n, *self._row_shape)
        label = self.classes_.tolist()[code]
        seeds, radii = (
            kept.to(generator.device)
            for kept in (self._seeds[code], self.radii_[label])
        )
        which = spread(1 / radii, n, generator)
        directions = on_sphere(n, seeds.shape[1], generator)
        reach = radii[which] * torch.rand(
            n, generator=generator, device=generator.device
        )
        rows = seeds[which] + reach[:, None] * directions
        return rows.clamp_(0, 1).view(n, *self._row_shape)


def push(rows, larger, energy, translate, generator):
    """Grow a sphere around each row and push larger rows out of it.

    Parameters
    ----------
    rows, larger : Tensor of shape (n, d) and (m, d)
        Values in [0, 1].
    energy : float
    translate : bool
        Whether to push at all.
    generator : torch.Generator
        For rows that coincide with a centre.

    Returns
    -------
    radii : Tensor of shape (n,)
    inside : Tensor of int, shape (n,)
        Number of larger rows in each sphere.
    moved : Tensor of shape (m, d)
        A row in one sphere lies on its surface now, a row in several has made the sum of
        their moves; the range [0, 1] is not left.
    """
    radii, inside = [], []
    pull = torch.zeros_like(larger)  # sum of weight * centre, per larger row
    weight = torch.zeros_like(larger[:, :1])
    sideways = torch.zeros_like(weight)
    for part in rows.split(max(1, DISTANCES // len(larger))):
        distances = torch.cdist(part, larger, p=1)
        radius = spent_at(distances, energy)
        radii.append(radius)
        within = distances < radius[:, None]
        inside.append(within.sum(1))
        if translate:
            # The move of y is (radius - distance) / distance * (y - centre).
            share = (radius[:, None] - distances) / distances
            share = torch.where(within & (distances > 0), share, 0)
            pull += share.T @ part
            weight += share.sum(0)[:, None]
            centred = torch.where(distances == 0, radius[:, None], 0)
            sideways += centred.sum(0)[:, None]
    if not translate:
        return torch.cat(radii), torch.cat(inside), larger
    moved = larger + (weight * larger - pull)
    if sideways.any():
        moved += sideways * on_sphere(*larger.shape, generator)
    return torch.cat(radii), torch.cat(inside), moved.clamp_(0, 1)


def spent_at(distances, energy):
    """Radii at which growing spheres have spent their energy, in closed form.

    With q points inside, growing by dr costs (q + 1) dr. What has been spent when the
    sphere reaches its k-th nearest point is therefore the cumulative sum of k times the
    k-th gap between sorted distances; the rest of the energy goes evenly to the q points
    inside and the sphere itself.

    Parameters
    ----------
    distances : Tensor of shape (n, m)
        From each centre to each point.
    energy : float

    Returns
    -------
    radii : Tensor of shape (n,)

    Examples
    --------
    Points at 1, 2 and 4: reaching 1 costs 1, reaching 2 costs 2 more, and with two points
    inside the remaining 1.5 are enough for 0.5.

    >>> spent_at(torch.tensor([[4.0, 1.0, 2.0]]), energy=4.5)
    tensor([2.5000])
    """
    reached = pad(distances.sort(1).values, (1, 0))
    costs = torch.arange(1, reached.shape[1], device=reached.device)
    spent = pad((reached.diff(dim=1) * costs).cumsum(1), (1, 0))
    inside = (spent[:, 1:] < energy).sum(1, keepdim=True)
    rest = energy - spent.gather(1, inside)
    return (reached.gather(1, inside) + rest / (inside + 1)).squeeze(1)


def nearest_distance(rows, others):
    """L1 distance from each row to the nearest of the others, in chunks."""
    parts = rows.split(max(1, DISTANCES // len(others)))
    return torch.cat([torch.cdist(part, others, p=1).amin(1) for part in parts])


def spread(weights, n, generator):
    """Draw ``n`` places in proportion to weights, as evenly as whole numbers allow.

    A random start and equal steps through the cumulative weights: each place comes up as
    often as its share of ``n`` says, rounded down or up.
    """
    edges = weights.cpu().double().cumsum(0)
    start = torch.rand(1, generator=generator, device=generator.device).cpu()
    steps = (torch.arange(n) + start.double()) / n * edges[-1]
    places = torch.searchsorted(edges, steps, right=True)
    return places.clamp_(max=len(weights) - 1).to(generator.device)


def on_sphere(n, d, generator):
    """Directions of L1 length 1: uniform in a cube, then scaled. Shape (n, d)."""
    directions = torch.rand(n, d, generator=generator, device=generator.device)
    directions = directions.mul_(2).sub_(1)
    # All zero has a chance of 2^-24 in one dimension.
    return directions.div_(directions.abs().sum(1, keepdim=True).clamp_min(1e-30))
