"""Frames of any columns, for the samplers that model categories: coded and decoded here."""

import pandas as pd
import torch

from ..containers import Array
from ..tables import TableCodec


class Coded(Array):
    """What `helpers.containers` calls a kind: a frame as the matrix of a `TableCodec`.

    Numbers keep their distances, since the samplers look for modes or ranks themselves.
    """

    def __init__(self, codec):
        self.codec = codec

    @classmethod
    def opened(cls, frame):
        codec = TableCodec(numbers="minmax", random_state=0)
        codec.set_output(transform="default")
        return cls(codec), codec.fit_transform(frame)

    @classmethod
    def from_state(cls, state):
        return cls(TableCodec.from_state(state))

    def state(self):
        return type(self).__name__, self.codec.state()

    def groups(self):
        """The blocks of the categories."""
        return [group for group in self.codec.groups_ if len(group) > 1]

    def named(self, column):
        return repr(self.codec.get_feature_names_out()[column])

    def drawn_by(self, generator):
        # Only where levels share a code, from which they are drawn again.
        if any(len(getattr(column, "rare", ())) for column in self.codec._columns):
            seed = torch.randint(
                2**31 - 1, (), generator=generator, device=generator.device
            )
            self.codec.set_params(random_state=int(seed))

    def like(self, numbers):
        return self.codec.inverse_transform(numbers)

    def joined(self, X, numbers):
        new = self.like(numbers)
        # A column that is left out is missing in new rows, which int64 cannot be.
        others = {i: new.iloc[:, i].dtype for i in range(new.shape[1])}
        others = {X.columns[i]: t for i, t in others.items() if t != X.dtypes.iloc[i]}
        return pd.concat([X.astype(others), new], ignore_index=True)
