"""What images and tables share: checks, distances, memorisation, usefulness."""

import numpy as np
import pandas as pd
import torch
from scipy.spatial import KDTree
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from ..devices import resolve_device
from ..evaluation import score

#: Most squared distances held at once; 16 MB in float32.
BLOCK = 2**22
#: Error of a squared distance, as a share of the squared lengths of both rows. The largest
#: seen in rows of 8 to 12,000 numbers are 9e-7 and 3e-15, about ten roundings. A GPU may
#: add up in one sequence, where float32 loses up to 7e-6.
ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-12}
ROUNDING_GPU = {torch.float32: 1e-5, torch.float64: 1e-12}
#: What float32 takes from a value, as a share of its column's range, is less: samplers
#: scale to [0, 1] and some on to [-1, 1], where two roundings add up to 1.2e-7.
FLOAT32 = 1e-6
#: What pandas calls objects that are numbers, whatever their own types.
NUMBERS = {"boolean", "integer", "floating", "mixed-integer-float", "decimal"}


def as_numbers(values):
    """Numbers that lie in an array or a column of objects, as such; else `values`."""
    if values.dtype == object and pd.api.types.infer_dtype(np.ravel(values)) in NUMBERS:
        return values.astype(float)
    return values


def checked(n_rows, **sets):
    """Arrays by name, flattened to rows of numbers, or what is wrong with them."""
    arrays = {name: np.asarray(rows) for name, rows in sets.items() if rows is not None}
    for name, rows in arrays.items():
        rows = as_numbers(rows)
        if rows.ndim < 2 or rows.dtype.kind not in "biuf":
            raise ValueError(
                f"{name} has shape {rows.shape} and dtype {rows.dtype}; give rows of "
                "numbers, (n, d) or images."
            )
        if len(rows) < n_rows or not rows[:1].size:
            raise ValueError(
                f"{name} has shape {rows.shape}; at least {n_rows} row(s) and one column "
                "are needed. Give more rows, or ask for fewer neighbours."
            )
        arrays[name] = rows = rows.reshape(len(rows), -1)
        if rows.shape[1] != (d := next(iter(arrays.values())).shape[1]):
            raise ValueError(
                f"{name} has {rows.shape[1]} columns, {next(iter(arrays))} has {d}; give "
                "the same columns, or images of the same shape."
            )
        if not (finite := np.isfinite(rows).all(1)).all():
            raise ValueError(
                f"{name} has NaN or infinity in {np.count_nonzero(~finite)} rows (first: "
                f"{finite.argmin()}); drop them or fill them in."
            )
    return arrays


def placed(device, **sets):
    """Checked sets as Tensors around the mean of the first: float32 if that is enough."""
    device = resolve_device(device)
    device = "cpu" if device.type == "mps" else device  # mps has no float64
    sets = [*sets.values()]
    centre = sets[0].mean(0, dtype=float)
    width = max(float(X.max()) for X in sets) - min(float(X.min()) for X in sets)
    ones = torch.full((256, 256), 1 + 2**-20, device=device)
    dtype = np.result_type(np.float32, *sets)
    # Squares of float32 may overflow or vanish, and torch may be set to multiply it with
    # fewer digits, which takes these ones for 1.
    if dtype != np.float32 or not 1e-15 < width < 1e15 or (ones @ ones)[0, 0] == 256:
        dtype = np.float64
    shifted = (X.astype(dtype) - centre.astype(dtype) for X in sets)
    return [torch.as_tensor(rows, device=device) for rows in shifted]


def blocks(a, b):
    """Some rows of `a`, as a slice, and their squared distances to all rows of `b`, in turn.

    From `placed` Tensors of shape (m, d) and (n, d), by one matrix product. The distances
    are lowered by what rounding may add (`ROUNDING`) and may lie below 0: a row on the
    surface of a ball is inside, and so is one outside by as little. The next block takes
    the place of the one before.
    """
    lost = (ROUNDING if a.device.type == "cpu" else ROUNDING_GPU)[a.dtype]
    a2, b2 = (rows.square().sum(1) * (1 - lost) for rows in (a, b))
    n_rows = min(len(a), max(1, BLOCK // len(b)))
    # One place for all: small results between freed blocks would pin the heap.
    place = a.new_empty(n_rows, len(b))
    for start in range(0, len(a), n_rows):
        i = slice(start, start + n_rows)
        squared = place[: len(a[i])]
        torch.addmm(b2, a[i], b.T, alpha=-2, out=squared)
        yield i, squared.add_(a2[i, None])


def kth_distance(a, b, k, kinds=()):
    """Distance of each row of `a` to the k-th nearest of `b`; if `b` is `a`, of its others.

    A float64 Tensor of shape (m,), from the differences of the rows: copies are at 0.
    `kinds` are categories, pairs of Tensors of int of shapes (m,) and (n,): others of
    them are 1 apart.
    """
    found = torch.empty(len(a), dtype=torch.float64, device=a.device)
    for i, squared in blocks(a, b):
        for of_a, of_b in kinds:
            squared += of_a[i, None] != of_b
        if a is b:
            squared[:, i].fill_diagonal_(torch.inf)
        kth = squared.topk(k, largest=False).indices[:, -1]
        found[i] = torch.linalg.vector_norm(a[i].double() - b[kth].double(), dim=1)
        if kinds:
            others = sum((of_a[i] != of_b[kth]).double() for of_a, of_b in kinds)
            found[i] = (found[i].square() + others).sqrt()
    return found


def nearest_distance(train, rows, device="auto"):
    """Euclidean distance of each row to its nearest training row.

    Call it for synthetic and for held-out real rows: a sampler that memorises makes rows
    nearer to the training rows than real ones are.

    Parameters
    ----------
    train, rows : array of shape (n, ...), (m, ...)
        More axes are flattened.
    device : str, default="auto"

    Returns
    -------
    distances : ndarray of float64, shape (m,)
        0 for a copy. The search for the nearest is as accurate as `precision_recall`.

    Examples
    --------
    >>> nearest_distance([[0.0, 0.0], [9.0, 9.0]], [[3.0, 4.0], [9.0, 9.0]], "cpu")
    array([5., 0.])
    """
    train, rows = placed(device, **checked(1, train=train, rows=rows))
    return kth_distance(rows, train, 1).cpu().numpy()


def nearest_rows(train, rows):
    """The training row nearest to each row, to be looked at beside it.

    Parameters
    ----------
    train, rows : array of shape (n, ...), (m, ...)
        Numbers; more axes are flattened for Euclid's distance, so that images are compared
        pixel by pixel.

    Returns
    -------
    array of shape (m, ...)
        Rows of `train`, as they are.

    Examples
    --------
    >>> nearest_rows([[0.0, 0.0], [9.0, 9.0]], [[3.0, 4.0]])
    array([[0., 0.]])
    """
    train, rows = np.asarray(train), np.asarray(rows)
    near = NearestNeighbors(n_neighbors=1).fit(train.reshape(len(train), -1))
    found = near.kneighbors(rows.reshape(len(rows), -1), return_distance=False)
    return train[found[:, 0]]


def memorisation(fake, train, nearest):
    """`duplicate_rates` and, with training rows, medians of distances to the nearest.

    `nearest` gives these distances, of the rows named "fake" or "real".
    """
    row = duplicate_rates(fake, train)
    if train is not None:
        row["nearest"] = np.median(nearest("fake"))
        row["nearest_real"] = np.median(nearest("real"))
    return row


def duplicate_rates(fake, train=None):
    """Shares of the synthetic rows that are not new.

    Parameters
    ----------
    fake, train : array of shape (m, ...), (n, ...)
        Images or other numbers, not features, whose last digits depend on the batch.

    Returns
    -------
    dict
        ``repeats``: equal to an earlier synthetic row, in every value. With `train`,
        ``copies``: equal to a training row. Samplers compute in float32, so that a copy
        may be off in its last digits: by up to 1e-6 of the range of a column of `train`,
        or of all its values where these are images. Whole numbers must agree.

    Examples
    --------
    >>> duplicate_rates(np.zeros((4, 2)), train=np.ones((3, 2)))
    {'repeats': 0.75, 'copies': 0.0}
    """
    images = np.ndim(fake) > 2
    sets = checked(1, fake=fake, train=train)
    if train is None:
        return {"repeats": 1 - len(np.unique(row_numbers(sets["fake"]))) / len(fake)}
    numbers = row_numbers(sets["train"], sets["fake"], axis=None if images else 0)
    originals, rows = np.split(numbers, [len(train)])
    return {
        "repeats": 1 - len(np.unique(rows)) / len(rows),
        "copies": float(np.isin(rows, originals).mean()),
    }


def synthetic_only_score(classifier, X, y, synthetic, X_test, y_test):
    """Scores on real rows of a classifier that learnt the small classes from synthetic ones.

    The real rows of every class with synthetic rows are left out. A sampler fills all
    classes but the largest, which stays real.

    Parameters
    ----------
    classifier : scikit-learn classifier with ``predict_proba``
        Cloned, not changed.
    X, y : arrays of shape (n, ...), (n,)
        What ``fit_resample`` returned.
    synthetic : array of bool, shape (n,)
        ``synthetic_mask_`` of the sampler. All True trains on synthetic rows alone.
    X_test, y_test : arrays
        Real rows that the sampler has not seen.

    Returns
    -------
    dict
        As `helpers.evaluation.score`. Compare with the same classifier on real rows.

    Raises
    ------
    ValueError
        No synthetic row, a mask of another length, test labels that `y` has not.

    Examples
    --------
    >>> from sklearn.naive_bayes import GaussianNB
    >>> X, y = np.array([[0.0], [1], [9], [8], [9]]), [0, 0, 1, 1, 1]
    >>> made = np.array([False, False, False, True, True])
    >>> synthetic_only_score(GaussianNB(), X, y, made, X, y)["acsa"]
    1.0
    """
    X, y, y_test, synthetic = map(np.asarray, (X, y, y_test, synthetic))
    if synthetic.shape != y.shape or synthetic.dtype != bool or not synthetic.any():
        raise ValueError(
            f"synthetic has shape {synthetic.shape}, dtype {synthetic.dtype} and "
            f"{np.count_nonzero(synthetic)} rows marked, for {len(y)} labels; give the "
            "synthetic_mask_ of a sampler that made rows."
        )
    labels = np.unique(y)
    if len(unknown := np.setdiff1d(y_test, labels)):
        raise ValueError(
            f"y_test has the label {unknown[0]!r}, which y has not; test on the classes "
            "that were trained."
        )
    kept = synthetic | ~np.isin(y, y[synthetic])
    found = clone(classifier).fit(X[kept], y[kept]).predict_proba(X_test)
    return score(np.searchsorted(labels, y_test), found, [str(c) for c in labels])


def row_numbers(first, *others, axis=0):
    """One number per row, the same for equal rows, counted from 0.

    A row that has none like it in `first` but for what float32 takes counts as that one;
    `axis` is that of the ranges of `first`, 0 for each column its own.
    """
    first = np.asarray(first)
    rows = np.concatenate([first, *others])
    rows = np.ascontiguousarray(rows + rows.dtype.type(0))  # -0.0 becomes 0.0
    raw = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    numbers = np.unique(raw[:, 0], return_inverse=True)[1]
    known, places = np.unique(numbers[: len(first)], return_index=True)
    new = np.flatnonzero(~np.isin(numbers, known))
    if rows.dtype.kind != "f" or not len(new):
        return numbers
    rows = rows.astype(float)
    low, high = (end(rows[: len(first)], axis=axis) for end in (np.min, np.max))
    lost = np.where(low < high, FLOAT32 * high - FLOAT32 * low, FLOAT32)
    lost = np.where((rows == np.rint(rows)).all(0), np.minimum(lost, 0.5), lost)
    lost = np.maximum(lost, np.spacing(np.maximum(np.abs(low), np.abs(high))))
    with np.errstate(over="ignore"):
        rows = np.clip(rows / lost, -1e300, 1e300)
    tree = KDTree(rows[places])
    apart, nearest = tree.query(rows[new], p=np.inf, distance_upper_bound=1)
    like = apart < 1
    numbers[new[like]] = known[nearest[like]]
    return np.unique(numbers, return_inverse=True)[1]
