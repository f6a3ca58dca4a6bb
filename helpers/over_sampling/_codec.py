"""How rows become numbers in [0, 1], which networks learn, and come back."""

import math
import warnings

import numpy as np
import torch

from ..checks import OneHotWarning, refuse_other_shape
from ..containers import Column


class Codec:
    """Scale the columns of a table each by its own range, images by one for all pixels.

    Parameters
    ----------
    image_shape : (C, H, W) or None
        Shape of the images whose pixels are the columns of a table.
    value_range : (low, high) or None
        Lowest and highest possible value. None: of the rows that `fit` sees; 0 and 255
        for images of uint8.

    Attributes
    ----------
    row_shape : tuple
        Of a scaled row; (C, H, W) of an image.

    Examples
    --------
    >>> codec = Codec()
    >>> codec.fit(np.array([[0, 1.5], [4, 2.5]])).tolist()
    [[0.0, 0.0], [1.0, 1.0]]
    >>> codec.undo(torch.tensor([[0.5, 0.25]])).tolist()
    [[2.0, 1.75]]
    """

    def __init__(self, image_shape=None, value_range=None):
        self.image_shape, self.value_range = image_shape, value_range

    def fit(self, X, whole=False):
        """Learn shapes and ranges.

        Parameters
        ----------
        X : ndarray of shape (n, n_features), (n, H, W) or (n, C, H, W)
        whole : bool, or ndarray of bool
            Whether values, or those of each column, are to come out whole.

        Returns
        -------
        Z : ndarray of float32, shape (n, *row_shape)

        Raises
        ------
        ValueError
            An `image_shape` or `value_range` that does not fit X; a span that no float64
            can hold.
        """
        self.dtype, self.shape = X.dtype, X.shape[1:]
        self.whole = np.atleast_1d(whole)
        self.row_shape = self._row_shape(X)
        images, grey = len(self.row_shape) == 3, X.dtype == np.uint8
        axis = None if images else 0
        if self.value_range is not None:
            low, high = [*self.value_range, None, None][:2]
            fits = len(self.value_range) == 2 and low <= X.min() and X.max() <= high
            if not (fits and low < high):
                raise ValueError(
                    f"value_range={tuple(self.value_range)}, but X lies in "
                    f"({X.min()}, {X.max()}); give the lowest and highest possible value."
                )
            held = np.iinfo(X.dtype) if X.dtype.kind in "iu" else None
            if held and not held.min <= low < high <= held.max:
                raise ValueError(
                    f"value_range={tuple(self.value_range)}, but {X.dtype} holds {held.min} "
                    f"to {held.max}; give a range inside, or convert X."
                )
            self.low, self.high = np.array(float(low)), np.array(float(high))
        elif images and grey:
            self.low, self.high = np.array(0.0), np.array(255.0)
        else:
            # In their own type: float64 has not every whole number above 2^53.
            self.low, self.high = np.asarray(X.min(axis)), np.asarray(X.max(axis))
        low, high = self._bounds()
        with np.errstate(over="ignore"):
            span = high - low
        if not np.isfinite(span).all():
            raise ValueError(
                "The values of X span more than a float64 can hold; rescale X first."
            )
        span = np.where(span > 0, span, 1)
        if images and grey:
            # One number per possible pixel: float64 would take eight times the memory.
            Z = ((np.arange(256) - low) / span).astype(np.float32)[X]
        else:
            Z = ((X - low) / span).astype(np.float32)
        return Z.reshape(-1, *self.row_shape)

    def _row_shape(self, X):
        if self.image_shape is not None:
            refuse_other_shape(X, self.image_shape)
        if X.ndim == 3:
            return 1, *self.shape
        if self.image_shape is None:
            return self.shape
        shape = tuple(map(int, self.image_shape))  # numpy's numbers are none to torch
        if len(shape) != 3:
            raise ValueError(
                f"image_shape={shape} has {len(shape)} entries; give (C, H, W), with C=1 "
                "for images without colour."
            )
        if np.prod(shape) != np.prod(self.shape):
            raise ValueError(
                f"image_shape={shape} has {np.prod(shape)} values, a row of X has "
                f"{np.prod(self.shape)}; give (C, H, W) with C * H * W equal to it."
            )
        return shape

    def _bounds(self):
        return (bound.astype(np.float64) for bound in (self.low, self.high))

    def undo(self, Z):
        """Rows of the shape and type that `fit` saw, inside the learned range.

        Parameters
        ----------
        Z : Tensor of shape (n, *row_shape)

        Returns
        -------
        X : ndarray
        """
        Z = Z.float().cpu().numpy().astype(np.float64).reshape(len(Z), *self.shape)
        low, high = self._bounds()
        X = np.clip(low + Z * (high - low), low, high)
        X = np.where(self.whole, np.rint(X), X)
        with np.errstate(invalid="ignore"):  # above the largest int64, by rounding
            X = X.astype(self.dtype)
        # A range that was given, or means of columns, may be no values of that type.
        if self.low.dtype == self.dtype:
            X = np.clip(X, self.low, self.high)
        if X.dtype.kind != "f":
            return X
        # Whole columns beside others: pandas' own types refuse what numpy's would cut.
        return np.where(self.whole, np.trunc(X), X)

    def state_dict(self):
        """What `undo` needs, in values that `torch.load` reads without running code."""
        return {
            "low": torch.from_numpy(self.low),
            "high": torch.from_numpy(self.high),
            "whole": torch.from_numpy(self.whole),
            "dtype": str(self.dtype),
            "shape": tuple(self.shape),
            "row_shape": tuple(self.row_shape),
        }

    def load_state_dict(self, state):
        """Take over what `state_dict` returned."""
        self.low, self.high, self.whole = (
            state[name].numpy() for name in ("low", "high", "whole")
        )
        self.dtype = np.dtype(state["dtype"])
        self.shape, self.row_shape = tuple(state["shape"]), tuple(state["row_shape"])


class MedianCut(Codec):
    """Make bits of the columns of a table, or of all pixels of images, at their median.

    A bit comes back as the mean of the values above the median, or of those not above it,
    which `low` and `high` are.
    """

    def fit(self, X, whole=False):
        Z = super().fit(X, whole)
        axis = None if len(self.row_shape) == 3 else 0
        flat = Z.reshape(len(Z), -1).astype(np.float64)
        cut = np.median(flat, axis=axis)
        above = flat > cut
        # Where the median is the highest value, the cut lies below it.
        above |= (flat >= cut) & ~above.any(axis=axis)
        means = []
        for side in (~above, above):
            count = side.sum(axis=axis)
            means.append((flat * side).sum(axis=axis) / np.maximum(count, 1))
        first, last = self._bounds()
        row = self.shape if axis == 0 else ()
        low, high = (np.reshape(mean, row) for mean in means)
        low = np.where(np.reshape(above.all(axis=axis), row), high, low)  # constant
        low, high = (
            np.minimum(first + mean * (last - first), last) for mean in (low, high)
        )
        if np.issubdtype(self.low.dtype, np.integer):
            # Above 2^53 the mean of whole numbers, as a float, may be outside of them.
            with np.errstate(invalid="ignore"):
                low, high = (np.rint(b).astype(self.low.dtype) for b in (low, high))
            low, high = (np.clip(b, self.low, self.high) for b in (low, high))
        self.low, self.high = np.asarray(low), np.asarray(high)
        return above.astype(np.float32).reshape(Z.shape)


def layout_2(content):
    """What a saved file of layout 1 holds, as one of layout 2 would."""
    fitted = dict(content["fitted"])
    kind = "Array", fitted["dtype"]
    if fitted["columns"] is not None:
        columns = [Column.known_by(dtype) for dtype in fitted["dtypes"]]
        kind = "Frame", fitted["columns"], columns
    names = "low", "high", "whole", "dtype", "shape", "row_shape"
    codec = {name: fitted[name] for name in names}
    return {**content, "fitted": {**fitted, "kind": kind, "codec": codec}}


# ------------------------------------------------------------------ looking at X

#: Sides below this leave a decoder, which starts at a quarter, next to nothing.
MIN_SIDE = 8
#: Share of a column's range below which a class has next to none of it, and share of the
#: rows at either end that do not count as the bulk.
TINY, TAIL = 0.01, 0.01


def warn_of_outliers(X, Z, kind, classes, sampler):
    """Warn where a few values of other classes leave a class next to no range.

    Parameters
    ----------
    X, Z : ndarray of shape (n, d)
        Rows, and the same scaled.
    kind : as `helpers.containers.opened` returns it
    classes : dict
        Label to the rows of a class, ndarray of bool.
    sampler : str
    """
    for label, rows in classes.items():
        if (found := squeezed(Z, rows)) is None:
            continue
        column, row = found
        own = X[rows, column]
        warnings.warn(
            f"Class {label!r} has values from {own.min():.6g} to {own.max():.6g} in column "
            f"{kind.named(column)}, less than 1 % of the range that {X[row, column]:.6g} in "
            f"row {row} gives it: new rows may miss the class by far. Remove or clip such "
            f"values, or let TabularOverSampler({sampler}(...), "
            "TableCodec(numbers='robust')) leave them out of the column's range.",
            stacklevel=2,
        )


def warn_of_one_hot(X, kind, sampler):
    """Warn where columns are a category, of which new rows may have several levels or none.

    Parameters
    ----------
    X : ndarray of shape (n, d)
    kind : as `helpers.containers.opened` returns it
    sampler : str
    """
    if (block := one_hot_block(X)) is None:
        return
    names = ", ".join(str(kind.named(column)) for column in block[:3])
    more = ", ..." if len(block) > 3 else ""
    warnings.warn(
        f"Columns {names}{more} hold a single 1 in every row, as a one-hot category, and "
        f"{sampler} takes them for {len(block)} numbers: new rows may have several levels "
        f"or none. TabularOverSampler({sampler}(...)) takes the table as it was before, "
        "and gives every new row one.",
        OneHotWarning,
        stacklevel=2,
    )


def one_hot_block(X):
    """The first three columns or more, side by side, that hold a single 1 in every row.

    Parameters
    ----------
    X : ndarray of shape (n, d)

    Returns
    -------
    range, or None
        Column numbers. None without any; a column of one value belongs to no block.

    Examples
    --------
    >>> X = np.array([[0, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1]])
    >>> one_hot_block(X), one_hot_block(X[:, :3])
    (range(1, 4), None)
    """
    start, total = 0, np.zeros(len(X))
    for stop, column in enumerate(X.T):
        ones = column == 1
        if not (ones | (column == 0)).all() or ones.all() or not ones.any():
            start, total = stop + 1, np.zeros(len(X))
            continue
        total += ones
        while total.max() > 1:  # from the left, until no row has two
            total -= X[:, start]
            start += 1
        if stop - start >= 2 and total.min() == 1:
            return range(start, stop + 1)
    return None


def squeezed(Z, rows):
    """A column in which a few other rows take nearly all of the range from a class.

    Parameters
    ----------
    Z : ndarray of shape (n, d)
        Each column scaled to [0, 1].
    rows : ndarray of bool, shape (n,)
        Rows of the class.

    Returns
    -------
    column, row : int, or None
        The row is the farthest from the class. None where no column is like that.

    Examples
    --------
    >>> Z = np.array([[0.0], [0.001], [0.002], [0.003], [1.0]])
    >>> squeezed(Z, np.array([True, True, False, False, False]))
    (0, 4)
    """
    own = Z[rows]
    low, high = own.min(axis=0), own.max(axis=0)
    for column in np.flatnonzero((low < high) & (high - low < TINY)):
        values = np.sort(Z[:, column])
        cut = max(1, int(TAIL * len(values)))
        if (
            values[-1 - cut] - values[cut] < TINY * 10
        ):  # but for these few, all are near
            away = np.maximum(Z[:, column] - high[column], low[column] - Z[:, column])
            return int(column), int(away.argmax())
    return None


def shape_of_pixels(X):
    """The (C, H, W) that the columns of a table seem to be, or None."""
    for channels in (1, 3):
        side = math.isqrt(X.shape[1] // channels)
        if side >= MIN_SIDE and channels * side * side == X.shape[1]:
            whole = X.min() >= 0 and X.max() > 1 and (np.rint(X) == X).all()
            return (channels, side, side) if whole else None
    return None
