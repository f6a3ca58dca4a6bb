"""Numbers in [0, 1] by their rank or their distance, and back to the very values seen."""

import numpy as np

#: Share of the rows of a class that may be outliers at either end; one row may always be.
TAIL = 0.01
#: How many times farther than the others span an outlier lies.
FAR = 10
#: Classes with fewer rows have no outliers.
FEW = 10


def outliers(values, classes=None):
    """Which numbers lie so far from the rest of their class that they are not to set a scale.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Numbers, dates or durations, none of them missing.
    classes : ndarray of int of shape (n,), optional
        A class that lies apart from the others is no outlier.

    Returns
    -------
    far : ndarray of bool, shape (n,)
        Of each end of a class 1 % of the rows at most, and one row always may be, where
        these lie ten times farther out than all the others span.

    Examples
    --------
    >>> outliers(np.array([*range(10), 12, 999]))[-2:].tolist()
    [False, True]
    """
    values = values.astype(np.float64)
    classes = np.zeros(len(values), int) if classes is None else classes
    far = np.zeros(len(values), bool)
    for number in np.unique(classes):
        own = np.flatnonzero(classes == number)
        if len(own) < FEW:
            continue
        order = np.sort(values[own])
        cut = max(1, int(TAIL * len(own)))
        low, high = order[[cut, -1 - cut]]
        with np.errstate(over="ignore"):
            reach = FAR * (high - low)
        if reach > 0:
            far[own] = (values[own] < low - reach) | (values[own] > high + reach)
    # What lies within the range of the others, of any class, presses nothing together.
    if far.any() and not far.all():
        far &= (values < values[~far].min()) | (values > values[~far].max())
    return far


class Scale:
    """The way of sorted values into [0, 1] and back, by ranks or by distance.

    A value seen has an interval of its own, from `first` to `last`, all of which leads
    back to it exactly; between two intervals the way is straight.
    """

    def __init__(self, values, how):
        self.values, counts = np.unique(values, return_counts=True)
        if how == "quantile":
            # The positions of the value in the sorted column: ties are wide.
            end = counts.cumsum()
            self.first = (end - counts) / max(end[-1] - 1, 1)
            self.last = (end - 1) / max(end[-1] - 1, 1)
        else:
            low, high = self.values[[0, -1]]
            self.first = self.last = _share(low, self.values, high)
        self.centre = (self.first + self.last) / 2
        middle = np.searchsorted(counts.cumsum(), counts.sum() / 2)
        #: Where a hole lies, which has to lie somewhere.
        self.middle = self.centre[middle]

    def encode(self, values):
        """Codes of values; what lies outside of those seen gets the code of an end."""
        values = np.clip(values, self.values[0], self.values[-1])
        below = np.searchsorted(self.values, values, side="right") - 1
        above = np.minimum(below + 1, len(self.values) - 1)
        low, high = self.values[below], self.values[above]
        share = _share(low, values, high)
        between = self.last[below] + share * (self.first[above] - self.last[below])
        return np.where(values == low, self.centre[below], between)

    def decode(self, codes):
        """Values of codes, and which of them were seen."""
        codes = np.clip(codes, self.first[0], self.last[-1])
        above = np.searchsorted(self.last, codes)
        seen = codes >= self.first[above]
        below = np.where(seen, above, above - 1)
        gap = np.where(seen, 1, self.first[above] - self.last[below])
        share = np.where(seen, 0, codes - self.last[below]) / gap
        low, high = self.values[below], self.values[above]
        if self.values.dtype.kind == "f":
            return low * (1 - share) + high * share, seen
        # By the distance, since a float cannot hold every whole number; unsigned, since
        # the distance of two int64 may be none.
        width = high.astype(np.uint64) - low.astype(np.uint64)
        step = np.minimum(np.rint(share * width), np.nextafter(2.0**64, 0))
        step = np.minimum(step.astype(np.uint64), width)
        return (low.astype(np.uint64) + step).astype(self.values.dtype), seen


def _share(low, values, high):
    """How far values lie between others, 0 to 1; 0 where these are the same."""

    def gap(a, b):
        if np.asarray(a).dtype.kind != "f":
            return np.asarray(b).astype(np.uint64) - np.asarray(a).astype(np.uint64)
        return np.asarray(b, np.float64) - a

    with np.errstate(over="ignore"):
        part, whole = gap(low, values), gap(low, high)
    if np.isinf(whole).any():
        part, whole = gap(low / 2, values / 2), gap(low / 2, high / 2)
    return part / np.where(whole > 0, whole, 1)
