"""What DeepSMOTE's penalty, read literally, allows at best.

Algorithm 1 decodes the codes of one class in another order and asks for the images in
their own order, so that the code of an image x is asked for some other image x' of its
class, in each batch another. Let a class have the share w of the images, and be one of K,
from which the penalty draws alike. Its decoded image D(x) then minimises

    w (D - x)^2 + (D - x')^2 / K,  in the mean over x'.

That is a parabola in D, whose lowest point is

    D = (w x + m / K) / (w + 1 / K),

with m the mean of the class without x. However large the networks, and however long they
learn, the best decoded image is for the most part the mean of its class: for MNIST's rarest
class, 40 images of 9,000, to 96 %.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd


class Optimum(NamedTuple):
    """Losses at the lowest point of their sum, and what each class decodes to there."""

    reconstruction: float
    penalty: float
    classes: pd.DataFrame

    @property
    def loss(self):
        """The least that the sum of both can be."""
        return self.reconstruction + self.penalty


def literal_optimum(X, y) -> Optimum:
    """Losses of `DeepSMOTE` with ``penalty="paper"`` when nothing is left to learn.

    For networks that could decode every image to anything. Their own limits come on top,
    so that a measured sum of both losses lies above; one of the two alone may lie below
    its value here, at the cost of the other.

    Parameters
    ----------
    X : array of shape (n, ...)
        The training images, of pixels from 0 to 255. Losses are mean squares on
        [-1, 1], as in ``history_``.
    y : array of shape (n,)
        Their classes.

    Returns
    -------
    Optimum
        ``classes``, indexed by class, has the number of images ``n``, the share
        ``mean_share`` of the class mean in the best decoded image, and its own
        ``reconstruction`` and ``penalty``.

    Raises
    ------
    ValueError
        No class has two images, so that there is no penalty.

    Examples
    --------
    Two images of each of two classes, black and white: the penalty asks each for the other.

    >>> X = np.array([[0], [255], [0], [255]])
    >>> best = literal_optimum(X, [0, 0, 1, 1])
    >>> best.reconstruction, best.penalty
    (1.0, 1.0)
    """
    y = np.asarray(y)
    labels, counts = np.unique(y, return_counts=True)
    if (counts < 2).all():
        raise ValueError(
            f"No class of {labels.tolist()} has two images; the penalty needs another "
            "image of the class."
        )
    # Classes of one image give no batch for the penalty, and are decoded as they are.
    paired = counts > 1
    drawn = 1 / paired.sum()
    rows = []
    for c, n, pair in zip(labels, counts, paired, strict=True):
        own = np.asarray(X[y == c], dtype=np.float64).reshape(n, -1)
        own = 2 * own / 255 - 1
        variance = own.var(axis=0).mean()
        w, share = n / len(y), drawn if pair else 0.0
        mean = share / (w + share)
        # Of an image to the mean of the others, in deviations from the mean of all; and
        # what these others vary around it.
        far = n / (n - 1) if pair else 0.0
        spread = n * (n - 2) / (n - 1) ** 2 if pair else 0.0
        rows.append(
            {
                "class": c,
                "n": n,
                "mean_share": mean,
                "reconstruction": (mean * far) ** 2 * variance,
                "penalty": (((1 - mean) * far) ** 2 + spread) * variance,
            }
        )
    table = pd.DataFrame(rows).set_index("class")
    return Optimum(
        float((table["reconstruction"] * counts / len(y)).sum()),
        float((table["penalty"] * paired).sum() * drawn),
        table,
    )
