"""What to do about an imbalanced table: a choice by a rule that may say, nothing."""

from ._auto import AutoOverSampler
from ._classifier import (
    ResampledClassifier,
    best_offsets,
    repeated_rows,
    tuning_rows,
    utilities,
)
from ._own import check_contract, load_sampler
from ._plan import Plan
from ._splits import FOLDS, groups_apart, in_time
from ._verdict import Verdict

__all__ = [
    "FOLDS",
    "AutoOverSampler",
    "Plan",
    "ResampledClassifier",
    "Verdict",
    "best_offsets",
    "check_contract",
    "groups_apart",
    "in_time",
    "load_sampler",
    "repeated_rows",
    "tuning_rows",
    "utilities",
]
