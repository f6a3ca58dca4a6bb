"""Deep over-samplers behind imbalanced-learn's ``fit_resample``.

To add a method: one file beside this one, one line in `SAMPLERS`. Tests, the
API page and the stored tables find it there.
"""

from ._base import BaseDeepOverSampler
from ._gan import GANOverSampler

#: name in tables -> class
SAMPLERS = {
    "gan": GANOverSampler,
}

__all__ = ["SAMPLERS", "BaseDeepOverSampler", *(c.__name__ for c in SAMPLERS.values())]
