"""How good are synthetic samples? Measures for images and for tables.

They take the rows that any sampler made and real rows. `image_quality` and `table_quality`
return all of them, for one class or for all classes together.

Read every number beside the same number for real rows: pass other held-out real rows in
place of the synthetic ones, as many of them. That is the ceiling, and it shows what chance
makes of a sample of this size.
"""

from ._images import (
    density_coverage,
    frechet_distance,
    image_quality,
    image_quality_by_class,
    precision_recall,
)
from ._judge import (
    MEASURES,
    PRINTED,
    SEEN,
    TAUGHT,
    altered,
    at_most,
    by_class,
    feature_network,
    fingerprint,
    halves,
    measured,
    of_one_network,
    with_nearest,
)
from ._rows import (
    duplicate_rates,
    nearest_distance,
    nearest_rows,
    synthetic_only_score,
)
from ._tables import (
    detection_score,
    marginal_distances,
    pairwise_distances,
    table_quality,
)

__all__ = [
    "MEASURES",
    "PRINTED",
    "SEEN",
    "TAUGHT",
    "altered",
    "at_most",
    "by_class",
    "density_coverage",
    "detection_score",
    "duplicate_rates",
    "feature_network",
    "fingerprint",
    "frechet_distance",
    "halves",
    "image_quality",
    "image_quality_by_class",
    "marginal_distances",
    "measured",
    "nearest_distance",
    "nearest_rows",
    "of_one_network",
    "pairwise_distances",
    "precision_recall",
    "synthetic_only_score",
    "table_quality",
    "with_nearest",
]
