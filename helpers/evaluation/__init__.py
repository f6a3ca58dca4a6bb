"""Honest numbers: metrics by name, runs without leakage, statistics, verdicts.

`evaluate` compares arms over splits of any data set; in it a sampler is handed the
training part and nothing else. `compare` tests the differences, `judge` says what they
mean for a claim, and `place` where a printed number lies.
"""

from ._evaluate import evaluate
from ._metrics import (
    calibration_slope,
    correct_prior,
    gmean_macro,
    score,
    score_repeats,
)
from ._runs import (
    Part,
    Predictions,
    Resampled,
    Run,
    fit_and_score,
    part,
    refuse_shared_rows,
    resample,
)
from ._sets import Friedman, compare_sets, friedman_nemenyi, nemenyi_gap
from ._statistics import (
    Difference,
    compare,
    corrected_resampled_ttest,
    holm,
    mean_differences,
    paired,
    prediction_interval,
    summarise,
)
from ._verdicts import Claim, Printed, claims_table, judge, place, printed_table

__all__ = [
    "Claim",
    "Difference",
    "Friedman",
    "Part",
    "Predictions",
    "Printed",
    "Resampled",
    "Run",
    "calibration_slope",
    "claims_table",
    "compare",
    "compare_sets",
    "correct_prior",
    "corrected_resampled_ttest",
    "evaluate",
    "fit_and_score",
    "friedman_nemenyi",
    "gmean_macro",
    "holm",
    "judge",
    "mean_differences",
    "nemenyi_gap",
    "paired",
    "part",
    "place",
    "prediction_interval",
    "printed_table",
    "refuse_shared_rows",
    "resample",
    "score",
    "score_repeats",
    "summarise",
]
