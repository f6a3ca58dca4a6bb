"""Making balanced sets imbalanced, and how imbalanced the DeepSMOTE paper made them."""

import numbers
from collections.abc import Mapping
from typing import NamedTuple


def make_imbalanced(images, labels, counts, random_state=None, *, return_indices=False):
    """Keep a given number of samples of each class, drawn without replacement.

    imbalanced-learn's `make_imbalance` does so for tables; this takes images as well.

    Parameters
    ----------
    images : ndarray (n, ...), DataFrame or list
        Samples of any shape.
    labels : array-like of shape (n,) or (n, 1), or one-hot (n, K)
        Their classes: text, whole numbers or truth values. One-hot classes are named by
        the numbers of their columns.
    counts : mapping of class to int, or sequence of int
        How many samples to keep. A class that a mapping leaves out is kept whole. A
        sequence gives the numbers of classes 0, 1, ..., K - 1.
    random_state : int, RandomState or None, default=None
        Decides the draw. Of the same class, a smaller count draws a part of what a larger
        one draws, whatever the counts of the other classes.
    return_indices : bool, default=False
        Return the row numbers as well.

    Returns
    -------
    images, labels : of the types of the input
        The rows that were drawn, in their original order.
    indices : ndarray of int
        Their row numbers. Only with `return_indices`.

    Raises
    ------
    ValueError
        A class has fewer samples than asked for or does not occur, a count is not a whole
        number of at least 0, lengths differ, or labels are missing, of different kinds,
        with fractions, or dates.

    Examples
    --------
    >>> from helpers.data import load_digits_images, make_imbalanced
    >>> import numpy as np
    >>> X, y = load_digits_images(return_X_y=True)
    >>> X, y = make_imbalanced(X, y, {8: 20, 9: 10}, random_state=0)
    >>> X.shape, np.bincount(y).tolist()
    ((1473, 1, 28, 28), [178, 182, 177, 183, 181, 182, 181, 179, 20, 10])
    """
    import numpy as np
    from sklearn.utils import _safe_indexing, check_random_state
    from sklearn.utils.validation import _num_samples

    from ..checks import labels_of

    y, n_images = labels_of(labels, one_hot=True), _num_samples(images)
    if len(y) != n_images:
        raise ValueError(
            f"labels must be one per image: {n_images} images, {len(y)} labels"
        )
    classes = np.unique(y).tolist()
    wanted = _wanted(counts, classes)
    fresh = random_state is None  # numpy's global generator is left alone
    random = np.random.RandomState() if fresh else check_random_state(random_state)
    # Every class is shuffled whole, so that no count has a say in another class's draw.
    shuffled = {c: random.permutation(np.flatnonzero(y == c)) for c in classes}
    too_few = [
        f"class {c!r} has {len(shuffled[c])} samples, {n} were asked for"
        for c, n in wanted.items()
        if n > len(shuffled[c])
    ]
    if too_few:
        raise ValueError(
            f"{'; '.join(too_few)}. Ask for fewer, or scale all counts down."
        )
    kept = [rows[: wanted.get(c)] for c, rows in shuffled.items()]
    rows = np.sort(np.concatenate(kept))
    drawn = _safe_indexing(images, rows), _safe_indexing(labels, rows)
    return (*drawn, rows) if return_indices else drawn


def _wanted(counts, classes):
    """Class to count, with everything refused that cannot be meant."""
    if hasattr(counts, "to_dict"):  # a Series, as `value_counts` gives: by class
        counts = counts.to_dict()
    named = isinstance(counts, Mapping)
    wanted = dict(counts if named else enumerate(counts))
    for c, n in wanted.items():
        number = isinstance(n, numbers.Real) and not isinstance(n, bool)
        if not number or n < 0 or not float(n).is_integer():
            raise ValueError(
                f"the count of class {c!r} is {n!r}; it must be a whole number >= 0"
            )
    if unknown := [c for c in wanted if c not in classes and (named or wanted[c])]:
        raise ValueError(
            f"counts name {unknown}, but labels hold only the classes {classes}"
        )
    if not named and (beyond := [c for c in classes if c not in wanted]):
        raise ValueError(
            f"the {len(wanted)} counts are for classes 0 to {len(wanted) - 1}, but labels "
            f"also hold {beyond}; name the classes in a mapping"
        )
    return {c: int(n) for c, n in wanted.items() if c in classes}


# ---------------------------------------------------------------- the DeepSMOTE paper


class ClassCounts(NamedTuple):
    """Samples per class, in the order of the class numbers."""

    train: tuple[int, ...]
    test: tuple[int, ...]
    balanced: tuple[int, ...]


_MNIST = ClassCounts(
    train=(4000, 2000, 1000, 750, 500, 350, 200, 100, 60, 40),
    test=(1000, 500, 250, 187, 125, 87, 50, 25, 15, 10),
    balanced=(1200,) * 10,
)
_CIFAR10 = ClassCounts(
    train=(4500, 2000, 1000, 800, 600, 500, 400, 250, 150, 80),
    test=_MNIST.test,
    balanced=(1000,) * 10,
)
_DEEPSMOTE = {
    "mnist": _MNIST,
    "fashion_mnist": _MNIST,
    "cifar10": _CIFAR10,
    "svhn": _CIFAR10,
    "celeba": ClassCounts(
        train=(9000, 4500, 1000, 500, 160),
        test=(1000, 500, 111, 55, 17),
        balanced=(900,) * 5,
    ),
    "digits_images": _MNIST,
}
# SVHN's digits from the most to the least frequent, in the whole set and in its part.
_BY_FREQUENCY = (1, 2, 3, 4, 5, 6, 7, 8, 0, 9)
# The most that a balanced test can hold of every class: the least frequent digit has 397
# crops in the part of SVHN, a fifth of them in a fold; CelebA's part has 89 bald test faces.
_SVHN_PART, _SVHN_BALANCED = 1 / 5, 79
_CELEBA_BALANCED = 89


def deepsmote_counts(name, scale=1.0):
    """How many samples of each class the DeepSMOTE experiments train and test on.

    The training counts are those of [1]_, section 4 ("Benchmark datasets"); those of both
    tests, given per fold of a 5-fold cross-validation, are in [2]_ only. The test with
    counts like the training's is the one of the published table.

    Ours: training and test images of a set are pooled before they are cut into folds,
    because a fifth of the training images alone has no 1,200 of every class. SVHN's counts
    go to the digits from the most to the least frequent (1, 2, ..., 8, 0, 9), at every
    scale: so the part of 6,386 crops, for which they are too large digit by digit, serves
    up to a fifth, with up to 79 of each digit in the balanced test. CelebA's
    training counts are drawn from the official training and validation partitions, its
    test is the official one, with up to 89 of each class when balanced.

    Parameters
    ----------
    name : {"mnist", "fashion_mnist", "cifar10", "svhn", "celeba", "digits_images"}
        The data set. The last stands in for MNIST and has its counts; of its samples there
        are enough up to a scale of 1/40.
    scale : float, default=1.0
        Multiplies every count, in (0, 1]; results are rounded, never to 0.

    Returns
    -------
    ClassCounts
        ``train``, ``test`` and ``balanced``, each a tuple with one count for each of the
        classes 0, 1, ..., K - 1, to give to `make_imbalanced`.

    Raises
    ------
    ValueError
        The name is not known, or the scale is not in (0, 1].

    References
    ----------
    .. [1] "DeepSMOTE: Deep Learning for Imbalanced Data", anonymous manuscript.
    .. [2] D. Dablain, B. Krawczyk, N. Chawla. "DeepSMOTE: Fusing Deep Learning and SMOTE
       for Imbalanced Data". IEEE Transactions on Neural Networks and Learning Systems,
       2022. arXiv:2105.02340

    Examples
    --------
    >>> from helpers.data import deepsmote_counts
    >>> deepsmote_counts("celeba").train
    (9000, 4500, 1000, 500, 160)
    >>> deepsmote_counts("svhn", scale=0.1).train  # digit 0 is the last but one
    (15, 450, 200, 100, 80, 60, 50, 40, 25, 8)
    """
    if name not in _DEEPSMOTE:
        raise ValueError(
            f"DeepSMOTE has no counts for {name!r}; it has for {', '.join(_DEEPSMOTE)}"
        )
    if not 0 < scale <= 1:
        raise ValueError(f"scale is {scale!r}; it must be in (0, 1]")
    train, test, balanced = (
        tuple(max(1, int(n * scale + 0.5)) for n in counts)
        for counts in _DEEPSMOTE[name]
    )
    if name == "svhn":
        train, test = map(_by_digit, (train, test))
    if name == "celeba" or (name == "svhn" and scale <= _SVHN_PART):
        most = _CELEBA_BALANCED if name == "celeba" else _SVHN_BALANCED
        balanced = tuple(min(n, most) for n in balanced)
    return ClassCounts(train, test, balanced)


def _by_digit(counts):
    """Counts in the order of `_BY_FREQUENCY`, put in the order of the digits."""
    return tuple(n for _, n in sorted(zip(_BY_FREQUENCY, counts, strict=True)))
