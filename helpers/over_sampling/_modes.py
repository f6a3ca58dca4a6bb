"""Mode-specific normalisation: the modes of a column, and the place of a value in one."""

from itertools import chain

import numpy as np
import torch
from sklearn.mixture import BayesianGaussianMixture
from torch import Tensor

from ._mixed import ROWS_AT_ONCE, Blocks, gumbel

#: A mode counts if so large a share of some class lies in it.
LEAST_SHARE = 0.005
#: Half the width of a mode, in its standard deviations.
REACH = 4.0
#: Values of a column that the mixture is fitted to, evenly spaced in their order.
MIXTURE_ROWS = 5000
#: The mixture is settled when a step gains less than so much likelihood per value.
SETTLED = 1e-4
#: Least standard deviation of a mode, in interquartile ranges of its column.
LEAST_WIDTH = 1e-3


def find_modes(numbers: Tensor, codes: Tensor, n_modes: int):
    """A Gaussian mixture for each column (section 4.2).

    Parameters
    ----------
    numbers : Tensor of shape (n, p)
    codes : Tensor of shape (n,)
        Class numbers.
    n_modes : int
        Most modes of a column.

    Returns
    -------
    modes : dict
        ``means``, ``stds`` and ``weights``, each a list of p lists.
    """
    columns, codes = numbers.cpu().double().numpy().T, codes.cpu().numpy()
    found = [modes_of_column(column, codes, n_modes) for column in columns]
    names = "means", "stds", "weights"
    return {name: [each[i] for each in found] for i, name in enumerate(names)}


def modes_of_column(values, codes, n_modes):
    """Means, standard deviations and weights of the modes that hold rows of some class."""
    ordered = np.sort(values)
    places = np.linspace(0, len(values) - 1, min(len(values), MIXTURE_ROWS))
    ordered = ordered[np.rint(places).astype(int)]
    # In quartiles: beside a heavy tail the bulk would be narrower than the least variance.
    low, centre, high = np.quantile(ordered, [0.25, 0.5, 0.75])
    scale = high - low or ordered.std()
    mixture = BayesianGaussianMixture(
        n_components=min(n_modes, len(np.unique(ordered))),
        covariance_prior=[[0.01]],  # and not the variance of all, tails included
        tol=SETTLED * len(ordered),
        max_iter=10_000,
        # Not drawn from the generator: a fit that is resumed has to find the same modes.
        random_state=0,
    ).fit((ordered[:, None] - centre) / scale)
    shares = mixture.predict_proba((values[:, None] - centre) / scale)
    counts = np.zeros((codes.max() + 1, mixture.n_components))
    np.add.at(counts, (codes, shares.argmax(1)), 1)
    n_rows = np.bincount(codes)[:, None]
    kept = (counts >= LEAST_SHARE * n_rows).any(0) & (counts > 0).any(0)
    # Of the rows themselves. The mixture's own are drawn to the centre of the column, the
    # more the fewer rows a mode has: a far mode of a rare class would be several times too
    # wide, and its rows crowd at its middle, where no generator tells them apart.
    shares = shares[:, kept] / shares[:, kept].sum(0)
    means = values @ shares
    widths = ((values[:, None] - means) ** 2 * shares).sum(0)
    stds = np.sqrt(widths + (LEAST_WIDTH * scale) ** 2)
    return means.tolist(), stds.tolist(), mixture.weights_[kept].tolist()


def as_tensors(modes, device):
    """Means, standard deviations and log-weights as Tensors of shape (p, most modes)."""
    blocks = Blocks([len(means) for means in modes["means"]], device)
    means, stds, weights = (
        blocks.padded(
            torch.tensor([[*chain.from_iterable(modes[name])]], device=device), fill
        )[0]
        for name, fill in {"means": 0.0, "stds": 1.0, "weights": 0.0}.items()
    )
    return means, stds, weights.log()


def into_modes(numbers: Tensor, modes, generator):
    """Draw a mode for each value, and find its place there.

    Parameters
    ----------
    numbers : Tensor of shape (n, p)
    modes : dict
        As `find_modes` returns them.
    generator : torch.Generator

    Returns
    -------
    places : Tensor of shape (n, p)
        In [-1, 1], four standard deviations to each side of the mean.
    chosen : Tensor of shape (n, p)
        Numbers of the modes.
    """
    if not numbers.shape[1]:
        return numbers, numbers.long()
    means, stds, log_weights = as_tensors(modes, numbers.device)
    places, chosen = [], []
    for some in numbers.split(ROWS_AT_ONCE):
        at = (some[..., None] - means) / stds
        density = log_weights - stds.log() - at.square() / 2
        noise = gumbel(len(some), means.numel(), generator)
        mode = (density + noise.view_as(density)).argmax(2, keepdim=True)
        chosen.append(mode[..., 0])
        places.append((at.gather(2, mode)[..., 0] / REACH).clamp(-1, 1))
    return torch.cat(places), torch.cat(chosen)


def out_of_modes(places: Tensor, chosen: Tensor, modes) -> Tensor:
    """Undo `into_modes`."""
    if not places.shape[1]:
        return places
    means, stds, _ = as_tensors(modes, places.device)
    each = torch.arange(len(means), device=places.device)
    return means[each, chosen] + REACH * places * stds[each, chosen]
