"""What to do about an imbalanced table: a choice by a rule that may say, nothing."""

from ._auto import AutoOverSampler
from ._classifier import ResampledClassifier
from ._plan import Plan
from ._verdict import Verdict

__all__ = ["AutoOverSampler", "Plan", "ResampledClassifier", "Verdict"]
