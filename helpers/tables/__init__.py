"""Tables of any kind: numbers, categories, dates and holes, through every sampler."""

from ._codec import Part, TableCodec

__all__ = ["Part", "TableCodec"]
