"""Deep over-samplers behind imbalanced-learn's ``fit_resample``.

To add a method: one file beside this one, one line in `SAMPLERS`, where the shared tests
find it (CONTRIBUTING.md has an example from start to end).
"""

from ._base import BaseDeepOverSampler
from ._gan import GANOverSampler
from ._gan_smote import GANSMOTE, fit_stacked

#: name in tables -> class
SAMPLERS = {
    "gan": GANOverSampler,
    "gan_smote": GANSMOTE,
}

__all__ = [
    "SAMPLERS",
    "BaseDeepOverSampler",
    "fit_stacked",
    *(c.__name__ for c in SAMPLERS.values()),
]
