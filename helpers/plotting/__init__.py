"""The few figures that chapters share, and how methods are called and marked in all of them.

White background also on a dark page, Okabe and Ito's colours, which readers with any
colour vision can tell apart, and a marker per kind of point besides.
"""

from ._comparisons import intervals_beside, paired_panels, pairs, reliabilities
from ._figures import (
    COLOURS,
    DATA,
    METHODS,
    STYLE,
    Look,
    critical_difference,
    differences,
    embedding,
    image_grid,
    ladder,
    legend_below,
    look,
    marginals,
    named,
    paired_differences,
    panels,
    printed,
    reliability,
    show_images,
)

__all__ = [
    "COLOURS",
    "DATA",
    "METHODS",
    "STYLE",
    "Look",
    "critical_difference",
    "differences",
    "embedding",
    "image_grid",
    "intervals_beside",
    "ladder",
    "legend_below",
    "look",
    "marginals",
    "named",
    "paired_differences",
    "paired_panels",
    "pairs",
    "panels",
    "printed",
    "reliabilities",
    "reliability",
    "show_images",
]
