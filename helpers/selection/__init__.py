"""What to do about an imbalanced table: a choice by a rule that may say, nothing."""

from ._auto import AutoOverSampler
from ._classifier import ResampledClassifier, repeated_rows
from ._offsets import best_offsets, logs, utilities
from ._own import check_contract, load_sampler
from ._plan import Plan
from ._splits import FOLDS, forward, groups_apart, in_time, tuning_rows
from ._verdict import Verdict

__all__ = [
    "FOLDS",
    "AutoOverSampler",
    "Plan",
    "ResampledClassifier",
    "Verdict",
    "best_offsets",
    "check_contract",
    "forward",
    "groups_apart",
    "in_time",
    "load_sampler",
    "logs",
    "repeated_rows",
    "tuning_rows",
    "utilities",
]
