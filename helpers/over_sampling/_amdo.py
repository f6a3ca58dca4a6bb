"""AMDO, as far as it is public: MDO's rows on the Mahalanobis contours of a class."""

import numbers
import warnings

import pandas as pd
import torch
from sklearn.utils._param_validation import Interval

from ..checks import POSITIVE_INT
from ._network_free import DISTANCES, NetworkFreeOverSampler


class AMDO(NetworkFreeOverSampler):
    """Over-sample along Mahalanobis contours: the step of MDO [1]_, from which AMDO [2]_ came.

    Not the whole of AMDO: its text is closed and no code of its authors is known, so that
    what it adds to MDO is missing here, see the notes. Tables should name these rows "AMDO
    (MDO's step)"; beside numbers that are printed for AMDO they are those of a forerunner.

    A new row has the same Mahalanobis distance from the mean of its class as one of the
    rows of that class: in the axes of the class's covariance, scaled to unit variance, it
    lies on the sphere through that row. Rows with few of their class around them do not
    count, neither for the covariance nor as starts.

    Distances are those of the scaled data: images in [0, 1] from their lowest to their
    highest value, the columns of a table each in a [0, 1] of its own.

    Parameters
    ----------
    sampling_strategy : float, str, dict or callable, default="auto"
        As in imbalanced-learn.
    k_neighbors : int, default=5
        Nearest rows of any class, by Euclidean distance, among which a row needs rows of
        its own; all others where there are fewer.
    min_share : float, default=0.4
        Least share of them, from 0 to 1. Rows are drawn as starts in proportion to it.
    image_shape, value_range, device, random_state
        As in `GANOverSampler`; the device is where distances and axes are computed.

    Attributes
    ----------
    history_ : DataFrame
        One row per class filled: ``label``, ``step`` (1), ``rows`` (that span the
        contours), ``axes`` (of their covariance), ``radius`` (mean Mahalanobis distance).
    synthetic_mask_, sampling_strategy_, classes_
        See `helpers.over_sampling.BaseDeepOverSampler`.

    Notes
    -----
    From MDO [1]_: neighbours, starts, mean and principal axes, contours. AMDO [2]_ adds a
    distance and a decomposition for mixed data, partial balance and another synthesis.
    What stands here is MDO with these choices of ours:

    - All columns are numbers, for which AMDO's generalised singular value decomposition is
      the ordinary one.
    - Class counts are those of `sampling_strategy`. For a partial balance give it a dict.
    - The direction is uniform on the unit sphere of the scaled axes, so that every row
      lies exactly on its contour. MDO draws all coordinates but the last uniformly up to
      the radius and leaves the rest to the last one. With r axes the squares of the first
      r - 1 add up to (r - 1) / 3 of the squared radius on average: from some ten axes on
      nearly always to more than all of it, so that the rows lie outside the contour, at
      300 axes ten times as far out.
    - Axes without variance, by the precision of the decomposition, are left out; MDO
      raises small variances to 0.001, more than most axes of pixels in [0, 1] have.
    - `min_share` is after a public MDO for many classes [3]_, which asks for two of the
      four nearest others. Where the rows that pass
      lie on one line, as two do, a contour is but two points: then all rows of the class
      count alike.
    - What leaves the range of the data is clipped.

    A class with fewer rows than columns, in general position, has all its rows on one
    contour.

    References
    ----------
    .. [1] L. Abdi, S. Hashemi. "To Combat Multi-Class Imbalanced Problems by Means of
       Over-Sampling Techniques". IEEE Transactions on Knowledge and Data Engineering
       28(1), 2016.
    .. [2] X. Yang, Q. Kuang, W. Zhang, G. Zhang. "AMDO: An Over-Sampling Technique for
       Multi-Class Imbalanced Problems". IEEE Transactions on Knowledge and Data
       Engineering 30(9), 2018.
    .. [3] https://github.com/damian-horna/multi-imbalance

    Examples
    --------
    >>> import numpy as np
    >>> from helpers import AMDO
    >>> X = np.random.default_rng(0).normal(size=(40, 3))
    >>> y = np.repeat(["common", "rare"], [32, 8])
    >>> AMDO(random_state=0).fit_resample(X, y)[0].shape
    (64, 3)
    """

    _parameter_constraints: dict = {
        **NetworkFreeOverSampler._parameter_constraints,
        "k_neighbors": [POSITIVE_INT],
        "min_share": [Interval(numbers.Real, 0, 1, closed="both")],
    }
    _own_state = ("_contours",)
    _minds_outliers = False  # contours are drawn in the axes of the class alone

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        k_neighbors=5,
        min_share=0.4,
        image_shape=None,
        value_range=None,
        device="auto",
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.k_neighbors = k_neighbors
        self.min_share = min_share
        self.image_shape = image_shape
        self.value_range = value_range
        self.device = device
        self.random_state = random_state

    def _train(self, Z, codes, wanted, generator, checkpoint):
        rows = Z.flatten(1)
        self._contours, history, lines = {}, [], {}
        for code in wanted:
            own = rows[codes == code]
            shares = own_share(rows, codes, code, self.k_neighbors)
            weights = torch.where(shares >= self.min_share, shares, 0)
            if not weights.any():
                weights = torch.ones_like(weights)
            kept = weights > 0
            mean, axes, radii = contours(own[kept])
            if on_one_line(axes, radii):
                weights = torch.ones_like(weights)
                kept = weights > 0
                mean, axes, radii = contours(own)
                if on_one_line(axes, radii):
                    lines[self.classes_.tolist()[code]] = len(own)
            self._contours[code] = {
                "mean": mean,
                "axes": axes,
                "radii": radii,
                "weights": weights[kept],
            }
            history.append(
                {
                    "label": self.classes_.tolist()[code],
                    "step": 1,
                    "rows": int(kept.sum()),
                    "axes": len(axes),
                    "radius": float(radii.mean()),
                }
            )
        if lines:
            listed = ", ".join(f"the {n} of class {c!r}" for c, n in lines.items())
            warnings.warn(
                f"Rows of one class lie on one line ({listed}), where a contour is but two "
                "points, so that AMDO repeats few different rows; collect more rows, or "
                "take a sampler that draws between them.",
                stacklevel=2,
            )
        return pd.DataFrame(history or {"label": [], "step": []})

    def _generate(self, code, n, generator):
        contour = {k: v.to(generator.device) for k, v in self._contours[code].items()}
        which = contour["weights"].multinomial(n, replacement=True, generator=generator)
        rows = on_contours(
            contour["mean"], contour["axes"], contour["radii"][which], generator
        )
        return rows.clamp_(0, 1).view(n, *self._row_shape)


def own_share(rows, codes, code, k):
    """Of the rows nearest to each row of a class, the share that is of that class.

    Parameters
    ----------
    rows : Tensor of shape (n, d)
    codes : Tensor of int, shape (n,)
    code : int
    k : int
        Neighbours without the row itself; at most n - 1.

    Returns
    -------
    shares : Tensor, one value per row of the class
    """
    n_kept = min(k, len(rows) - 1)
    # As a difference of squares, distances of close rows would be lost in float32.
    rows = rows.double() if rows.device.type != "mps" else rows.cpu().double()
    codes = codes.to(rows.device)
    places = torch.nonzero(codes == code).flatten()
    shares = []
    for part in places.split(max(1, DISTANCES // len(rows))):
        distances = torch.cdist(rows[part], rows)
        distances.scatter_(1, part[:, None], float("inf"))
        nearest = distances.topk(n_kept, largest=False).indices
        shares.append((codes[nearest] == code).float().mean(1))
    return torch.cat(shares)


def contours(rows):
    """Mean, principal axes and Mahalanobis radii of rows.

    Parameters
    ----------
    rows : Tensor of shape (n, d)

    Returns
    -------
    mean : Tensor of shape (d,)
    axes : Tensor of shape (r, d)
        Orthogonal, each as long as the standard deviation along it; r is the rank of the
        covariance, below n and at most d.
    radii : Tensor of shape (n,)
        Mahalanobis distance of each row from the mean.
    """
    mean = rows.mean(0)
    U, S, V = torch.linalg.svd(rows - mean, full_matrices=False)
    rounding = max(rows.shape) * torch.finfo(S.dtype).eps * S[0]
    rank = (rounding < S).sum()
    n = len(rows)
    # A row's coordinates, in standard deviations, are its row of U times sqrt(n).
    axes = S[:rank, None] * V[:rank] / n**0.5
    return mean, axes, n**0.5 * torch.linalg.vector_norm(U[:, :rank], dim=1)


def on_one_line(axes, radii):
    """Whether a contour is but two points, though the space or the rows would have more."""
    return len(axes) < min(2, axes.shape[1]) or len(radii) < 3


def on_contours(mean, axes, radii, generator):
    """One row on each contour, uniform in direction.

    Parameters
    ----------
    mean, axes
        As `contours` returns them.
    radii : Tensor of shape (n,)
    generator : torch.Generator

    Returns
    -------
    rows : Tensor of shape (n, d)
    """
    directions = torch.randn(
        len(radii), len(axes), generator=generator, device=generator.device
    )
    length = torch.linalg.vector_norm(directions, dim=1, keepdim=True)
    return mean + (radii[:, None] * directions / length.clamp_min(1e-30)) @ axes
