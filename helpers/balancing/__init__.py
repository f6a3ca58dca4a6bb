"""The work of ``deep-oversampling balance``: a table in; a verdict, a table, a report out."""

from ._audit import audit
from ._files import read_table
from ._holdout import set_aside
from ._options import seconds_of
from ._run import balance
from ._text import UnreadableTable

__all__ = [
    "UnreadableTable",
    "audit",
    "balance",
    "read_table",
    "seconds_of",
    "set_aside",
]
