"""Images, or whatever a network makes of them: do two clouds of points cover each other?"""

import numbers

import numpy as np
import pandas as pd
import torch

from ._rows import (
    blocks,
    checked,
    kth_distance,
    memorisation,
    nearest_distance,
    placed,
)


def image_quality(real, fake, train=None, features=None, device="auto"):
    """All measures of synthetic images.

    Parameters
    ----------
    real : array of shape (n, ...)
        Held-out real images, of one class or of all.
    fake : array of shape (m, ...)
        Synthetic images on the scale of the real ones, and as many: all measures but the
        nearest distances depend on n and m.
    train : array of shape (l, ...), optional
        What the sampler was fitted on, for copies and nearest distances.
    features : callable, optional
        From images to an array of shape (n, d), such as the method ``features`` of a
        `ResNet18Classifier` fitted on real images only. None compares pixels, whose
        distances say little about what is seen.
    device : str, default="auto"
        Where distances are computed.

    Returns
    -------
    Series of float
        ``frechet``; ``precision, recall`` with k = 3; ``density, coverage`` with k = 5;
        ``repeats``. With `train`: ``copies``; ``nearest`` and ``nearest_real``, the median
        distances of synthetic and of held-out images to their nearest training image. A
        ``nearest`` well below ``nearest_real`` is memorisation.

    Raises
    ------
    ValueError
        NaN or infinity, images of different sizes, fewer than 6 real or synthetic ones.

    Examples
    --------
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 200, 8, 8))
    >>> quality = image_quality(real, fake, train=fake)
    >>> float(quality["copies"]), float(quality["nearest"])
    (1.0, 0.0)
    """
    given = {"real": real, "fake": fake, "train": train}
    images = checked(1, **given)
    checked(6, real=real, fake=fake)
    for name in images:  # flattened, channels last would pass for channels first
        if (shape := np.shape(given[name])[1:]) != np.shape(real)[1:]:
            raise ValueError(
                f"{name} has images of shape {shape}, real of {np.shape(real)[1:]}; give "
                "all in the same shape."
            )
    rows = {name: features(given[name]) for name in images} if features else images
    pair = rows["real"], rows["fake"]
    row = {"frechet": frechet_distance(*pair)}
    row |= precision_recall(*pair, device=device)
    row |= density_coverage(*pair, device=device)

    def nearest(of):
        return nearest_distance(rows["train"], rows[of], device)

    return pd.Series(row | memorisation(fake, train, nearest), dtype=float)


def image_quality_by_class(real, fake, train=None, features=None, device="auto"):
    """`image_quality` of every class that has synthetic images.

    A sampler that draws good images of the wrong class looks good in measures over all
    classes together; here it does not.

    Parameters
    ----------
    real, fake : tuple (X, y)
        Held-out and synthetic images and their labels.
    train : tuple (X, y), optional
        What the sampler was fitted on.
    features, device
        As in `image_quality`.

    Returns
    -------
    DataFrame
        One row per class of `fake`, one column per measure.

    Raises
    ------
    ValueError
        As `image_quality`, for a class with fewer than 6 synthetic or held-out images.

    Examples
    --------
    >>> X, y = np.random.default_rng(0).normal(size=(40, 8)), np.repeat([0, 1], 20)
    >>> image_quality_by_class((X, y), (X[y == 1], y[y == 1]))["recall"].to_dict()
    {1: 1.0}
    """
    given = {"real": real, "fake": fake, "train": train}
    sets = {k: tuple(map(np.asarray, pair)) for k, pair in given.items() if pair}
    labels = np.unique(sets["fake"][1])

    def of_class(c):
        parts = {name: X[y == c] for name, (X, y) in sets.items()}
        return image_quality(**parts, features=features, device=device)

    return pd.DataFrame({c: of_class(c) for c in labels}).T


def frechet_distance(real, fake) -> float:
    """Frechet distance between the normal distributions of two sets [1]_; 0 is best.

    The squared distance of the means plus ``tr(A + B - 2 sqrt(A B))`` of the covariances.
    With the features of Inception it is the FID; with others its values compare only
    among themselves.

    Few rows bias it upwards [2]_: two samples of one distribution lie apart by an amount
    that shrinks like 1/n and may exceed the difference between two samplers. Compare
    equal n, and a real sample of that size as the ceiling. Fewer rows than columns give
    covariances without full rank, which is no obstacle.

    Parameters
    ----------
    real, fake : array of shape (n, ...), (m, ...)
        Features, at least 2 rows; more axes are flattened.

    References
    ----------
    .. [1] Heusel et al., "GANs trained by a two time-scale update rule converge to a local
       Nash equilibrium", NeurIPS 2017, equation 6.
    .. [2] Chong and Forsyth, "Effectively unbiased FID and Inception score and where to
       find them", CVPR 2020.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> round(frechet_distance(rows, rows + [3, 4, 0]), 6)
    25.0
    """
    a, b = checked(2, real=real, fake=fake).values()
    # With A = RR' and B = SS', the square roots of the eigenvalues of AB are the singular
    # values of R'S: no root of a matrix that is not symmetric, no complex numbers.
    root_a, root_b = _root(a), _root(b)
    shared = torch.linalg.svdvals(root_a.T @ root_b).sum()
    spread = root_a.square().sum() + root_b.square().sum() - 2 * shared
    apart = np.square(a.mean(0, dtype=float) - b.mean(0, dtype=float)).sum()
    return max(float(apart + spread), 0.0)


def _root(rows):
    """A matrix R whose RR' is the covariance, with as few columns as the data allow."""
    n, d = rows.shape
    if n <= d:
        return torch.as_tensor((rows - rows.mean(0, dtype=float)).T / np.sqrt(n - 1))
    covariance = torch.as_tensor(np.cov(rows, rowvar=False)).reshape(d, d)
    root, failed = torch.linalg.cholesky_ex(covariance)
    if not failed:
        return root
    # Columns that are constant or depend on others.
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp_min(0).sqrt()


def precision_recall(real, fake, k=3, device="auto"):
    """Share of the synthetic rows among the real ones, and the other way round [1]_.

    Around each row of a set lies a ball that reaches to its k-th nearest other row of that
    set. Precision is the share of synthetic rows in a ball of the real set, recall the
    share of real rows in a ball of the synthetic one. Rows on the surface are inside, and
    a row is in its own ball: a set has precision and recall 1 against itself. An outlier
    among the real rows has a large ball and may lift precision: see `density_coverage`.

    Parameters
    ----------
    real, fake : array of shape (n, ...), (m, ...)
        Features, at least k + 1 rows; more axes are flattened.
    k : int, default=3
        As in the paper.
    device : str, default="auto"

    Returns
    -------
    dict
        ``precision, recall``, in [0, 1].

    Notes
    -----
    float32 and integers of up to 16 bits are compared in float32, others in float64.
    Squared distances are accurate to 1e-6 (float64: 1e-12) of the squared distances of
    both rows to the mean of the real ones; a row outside a ball by as little is inside.
    Results are accurate to 1e-4, or to one row of a few thousand; less so where neighbours
    lie ten times nearer to each other than to the mean, as in clusters far apart: give
    float64 there.

    References
    ----------
    .. [1] Kynkäänniemi et al., "Improved precision and recall metric for assessing
       generative models", NeurIPS 2019, section 2.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> precision_recall(rows, rows[:10])["precision"]
    1.0
    """
    real, fake, of_real = _balls(real, fake, k, device)
    of_fake = kth_distance(fake, fake, k).square().to(fake.dtype)
    precise, recalled = 0, torch.zeros_like(of_real, dtype=torch.bool)
    for i, squared in blocks(fake, real):
        # amax of truths is any, and several times as fast.
        precise += int((squared <= of_real).amax(1).sum())
        recalled |= (squared <= of_fake[i, None]).amax(0)
    share = int(recalled.sum()) / len(real)
    return {"precision": precise / len(fake), "recall": share}


def density_coverage(real, fake, k=5, device="auto"):
    """Density and coverage [1]_, which bear outliers better than precision and recall.

    Both use the balls of the real rows only, as `precision_recall` draws them. Density is
    the number of balls that a synthetic row is in, over k; coverage the share of balls
    with a synthetic row. Two samples of one distribution have an expected density of 1 and
    an expected coverage of ``1 - (n-1)...(n-k) / ((n+m-1)...(n+m-k))``, about
    ``1 - 2**-k`` for n = m. A set against itself has coverage 1 and, as its rows are in
    their own balls, a density of ``1 + 1/k``.

    Parameters
    ----------
    real, fake, device
        As in `precision_recall`.
    k : int, default=5
        As in the paper.

    Returns
    -------
    dict
        ``density``, 0 or more, not a share; ``coverage``, in [0, 1].

    References
    ----------
    .. [1] Naeem et al., "Reliable fidelity and diversity metrics for generative models",
       ICML 2020, section 3.

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(50, 3))
    >>> density_coverage(rows, rows)
    {'density': 1.2, 'coverage': 1.0}
    """
    real, fake, of_real = _balls(real, fake, k, device)
    inside, covered = 0, torch.zeros_like(of_real, dtype=torch.bool)
    for _, squared in blocks(fake, real):
        within = squared <= of_real
        inside += int(within.count_nonzero())
        covered |= within.amax(0)
    share = int(covered.sum()) / len(real)
    return {"density": inside / (k * len(fake)), "coverage": share}


def _balls(real, fake, k, device):
    """Both sets on a device and squared radii around real rows, or why there are none."""
    if not isinstance(k, numbers.Integral) or k < 1:
        raise ValueError(f"k={k!r} neighbours; give a whole number, 1 or more.")
    real, fake = placed(device, **checked(k + 1, real=real, fake=fake))
    return real, fake, kth_distance(real, real, k).square().to(real.dtype)
