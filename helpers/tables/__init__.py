"""Tables of any kind: numbers, categories, dates and holes, through every sampler."""

from ._codec import Part, TableCodec, as_frame
from ._over_sampler import TabularOverSampler, labels_after

__all__ = ["Part", "TableCodec", "TabularOverSampler", "as_frame", "labels_after"]
