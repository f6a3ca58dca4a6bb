"""What CTGAN and TabDDPM share: tables whose columns are numbers or categories."""

import warnings
from itertools import chain

import pandas as pd
import torch
from torch import Tensor

from .. import training
from ..checks import checked_groups
from . import _health
from ._base import BaseDeepOverSampler
from ._frames import Coded

#: Rows that are generated at once.
ROWS_AT_ONCE = 4096
#: A class is called collapsed below this share of the variance of its real rows, and
#: diverged above this share of values at the ends of their columns.
LEAST_VARIETY, MOST_AT_ENDS = 0.05, 0.5
#: New rows of each class that are looked at for it.
ROWS_LOOKED_AT = 200


class MixedOverSampler(BaseDeepOverSampler):
    """Base class of the samplers that model a category as one.

    Frames of categories, text, dates and holes are taken as they are, by a `TableCodec`. In a
    matrix, and a frame of numbers, the columns of a one-hot block are told by
    ``feature_groups``. A column of two values is a category without being told, one that
    never changes is not modelled at all, and the others are numbers.
    """

    _parameter_constraints: dict = {
        **{
            name: constraint
            for name, constraint in BaseDeepOverSampler._parameter_constraints.items()
            if name not in ("image_shape", "value_range")
        },
        "feature_groups": [list, tuple, None],
    }
    image_shape = value_range = None  # of images, which are refused
    _minds_outliers = False  # numbers have modes, or ranks
    _own_state = ("_layout",)

    def _numbers_of(self, X, cure):
        try:
            kind, numbers = super()._numbers_of(X, cure)
        except ValueError:  # categories, text, dates, holes
            if not isinstance(X, pd.DataFrame):
                raise
            if self.feature_groups is not None:
                raise ValueError(
                    "feature_groups are columns of a matrix, and X is a frame of "
                    "categories, dates or holes, whose columns are known; leave them out."
                ) from None
            return Coded.opened(X)
        if numbers.ndim > 2:
            raise ValueError(
                f"X has shape {numbers.shape}, which are images; {type(self).__name__} "
                "makes rows of tables. Pass the pixels as columns, "
                "X.reshape(len(X), -1), or take a sampler for images, such as DeepSMOTE."
            )
        return kind, numbers

    def _kind_from(self, state):
        name, *rest = state
        return Coded.from_state(*rest) if name == "Coded" else super()._kind_from(state)

    def _prepare(self, X, y):
        prepared = super()._prepare(X, y)
        coded = isinstance(self._kind, Coded)
        groups = self._kind.groups() if coded else self.feature_groups
        self._layout = find_layout(prepared[0], checked_groups(groups, X.shape[1]))
        return prepared

    def _look(self, Z, codes, wanted):
        """Warn where the rows of a class, once trained, are worth nothing."""
        _health.judge_variety(self, {code: Z[codes == code] for code in wanted})
        generator = training.make_generator(0, Z.device)  # of its own: it only looks
        for code in wanted:
            with torch.no_grad():
                made = self._generate(code, ROWS_LOOKED_AT, generator)
            label = self.classes_.tolist()[code]
            alike = self.variety_.get(label, 1) < _health.LEAST  # which was told of
            warn_of_poor_rows(Z[codes == code], made, label, alike)


# ----------------------------------------------------------------- columns of a matrix


def find_layout(Z: Tensor, groups):
    """Which columns of `Z` are numbers, and which make up a category.

    Parameters
    ----------
    Z : Tensor of shape (n, d)
        Columns in [0, 1], from their lowest to their highest value.
    groups : list of lists of int
        As `checked_groups` returns them.

    Returns
    -------
    layout : dict
        ``width``, d. ``numbers``, a list of columns. ``categories``, a list of lists: one
        column per level that occurs, or a single column whose two values are the levels.
        Columns in neither never change.

    Raises
    ------
    ValueError
        A row that has not exactly one 1 in a group.
    """
    ends = (Z == 0) | (Z == 1)
    changes = (Z != 0).any(0).tolist()
    two_valued = ends.all(0).tolist()
    grouped, categories = set(), []
    for number, group in enumerate(groups):
        if len(group) == 1:  # as good as in none
            continue
        grouped |= {*group}
        columns = [c for c in group if changes[c]]
        if columns:
            wrong = ~ends[:, columns].all(1) | (Z[:, columns].sum(1) != 1)
            if wrong.any():
                row = int(wrong.nonzero()[0])
                ones = int((Z[row, columns] != 0).sum())
                raise ValueError(
                    f"Row {row} has {ones} values above 0 in group {number} of "
                    f"feature_groups, columns {group}; a one-hot block has exactly one in "
                    "every row, all of one size. Encode a category with scikit-learn's "
                    "OneHotEncoder, and leave columns of numbers out of feature_groups."
                )
        categories += [columns] if columns else []
    others = [c for c in range(Z.shape[1]) if changes[c] and c not in grouped]
    categories += [[c] for c in others if two_valued[c]]
    numbers = [c for c in others if not two_valued[c]]
    return {"width": Z.shape[1], "numbers": numbers, "categories": categories}


def n_levels(layout):
    """Levels of each category of a layout."""
    return [max(2, len(columns)) for columns in layout["categories"]]


def split_columns(Z: Tensor, layout):
    """Numbers (n, p), and level numbers (n, q) of the categories."""
    levels = [
        Z[:, columns].argmax(1) if len(columns) > 1 else Z[:, columns[0]].long()
        for columns in layout["categories"]
    ]
    none = torch.empty(len(Z), 0, dtype=torch.long, device=Z.device)
    return Z[:, layout["numbers"]], torch.stack(levels, 1) if levels else none


def join_columns(numbers: Tensor, levels: Tensor, layout):
    """Undo `split_columns`: exactly one 1 in each block, columns in [0, 1]."""
    width = layout["width"]
    # The lower of two values is no column: what is written there is thrown away.
    columns = [c if len(c) > 1 else [width, *c] for c in layout["categories"]]
    Z = numbers.new_zeros(len(numbers), width + 1)
    Z[:, layout["numbers"]] = numbers.clamp(0, 1)
    if columns:
        blocks = Blocks(n_levels(layout), Z.device)
        column_of = torch.tensor([*chain.from_iterable(columns)], device=Z.device)
        Z.scatter_(1, column_of[blocks.starts + levels], 1)
    return Z[:, :width]


class Blocks:
    """Blocks of columns side by side, such as those of several one-hot categories.

    Parameters
    ----------
    sizes : sequence of k int
        Columns of each.
    device : torch.device

    Attributes
    ----------
    sizes : Tensor of shape (k,)
    total : int
        Columns of all.
    starts : Tensor of shape (k,)
        First column of each.

    Examples
    --------
    >>> blocks = Blocks([2, 3], "cpu")
    >>> blocks.one_hot(torch.tensor([[1, 0]]))
    tensor([[0., 1., 1., 0., 0.]])
    >>> blocks.padded(torch.tensor([[1.0, 2, 3, 4, 5]]), fill=0)
    tensor([[[1., 2., 0.],
             [3., 4., 5.]]])
    """

    def __init__(self, sizes, device):
        self.sizes = sizes = torch.tensor(sizes, dtype=torch.long, device=device)
        self.total = int(sizes.sum())
        self.starts = sizes.cumsum(0) - sizes
        place = torch.arange(int(sizes.max()) if len(sizes) else 0, device=device)
        there = place < sizes[:, None]
        self._shape = there.shape
        self._padding = (~there).flatten()
        # Where the columns are among the padded ones, and the other way round.
        self._spread = there.flatten().nonzero()[:, 0]
        self._source = torch.where(there, self.starts[:, None] + place, 0).flatten()

    def one_hot(self, levels: Tensor) -> Tensor:
        """Level numbers (n, k) as zeros and ones (n, total)."""
        rows = torch.zeros(len(levels), self.total, device=levels.device)
        return rows.scatter_(1, self.starts + levels, 1)

    def padded(self, x: Tensor, fill: float) -> Tensor:
        """(n, total) as (n, k, size of the largest)."""
        x = x.index_select(1, self._source).masked_fill(self._padding, fill)
        return x.view(len(x), *self._shape)

    def flat(self, x: Tensor) -> Tensor:
        """Undo `padded`."""
        return x.flatten(1).index_select(1, self._spread)

    def columns_beside(self, column: Tensor):
        """The columns (n, size of the largest) of the block that each column is in.

        And where these are padding.
        """
        block = torch.bucketize(column, self.starts, right=True) - 1
        return (
            self._source.view(self._shape)[block],
            self._padding.view(self._shape)[block],
        )


def gumbel(n, width, generator) -> Tensor:
    """Gumbel noise: the largest of it and logits is a draw from their softmax."""
    # Two logarithms are quicker than torch's exponential distribution, and a 0, of which
    # they make minus infinity, is a level that is not taken.
    noise = torch.rand(n, width, generator=generator, device=generator.device)
    return noise.log_().neg_().log_().neg_()


# ------------------------------------------------------------------ what came of it


def warn_of_poor_rows(real: Tensor, made: Tensor, label, alike=False):
    """Warn where the rows made for a class are all alike, or lie at the ends of the range.

    Parameters
    ----------
    real, made : Tensor of shape (n, d), (m, d)
        Rows of one class, columns from their lowest to their highest value.
    label : class label
    alike : bool
        Known to be all alike; only the ends are looked at.
    """
    spread = real.var(0, correction=0)
    if not spread.any():
        return
    variety = (made.var(0, correction=0).minimum(spread).sum() / spread.sum()).item()
    advice = "Train longer or with a lower lr, or do without these rows."
    if variety < LEAST_VARIETY and not alike:
        warnings.warn(
            f"The rows made for class {label!r} hardly differ: they have "
            f"{variety:.1%} of the variance of the real ones. The training has "
            f"collapsed. {advice}",
            stacklevel=2,
        )
    at_ends, real_at_ends = (
        ((rows <= 0) | (rows >= 1))[:, spread > 0].float().mean().item()
        for rows in (made, real)
    )
    if at_ends > MOST_AT_ENDS + real_at_ends:
        warnings.warn(
            f"{at_ends:.0%} of the values made for class {label!r} are the lowest or "
            f"highest of their column, {real_at_ends:.0%} of the real ones are. The "
            f"training has diverged. {advice}",
            stacklevel=2,
        )
