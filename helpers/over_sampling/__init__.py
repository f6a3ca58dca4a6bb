"""Deep over-samplers behind imbalanced-learn's ``fit_resample``.

To add a method: one file beside this one, one line in `SAMPLERS`, where the shared tests
find it (CONTRIBUTING.md has an example from start to end).
"""

from ._base import BaseDeepOverSampler
from ._deep_smote import DeepSMOTE
from ._gan import GANOverSampler
from ._gan_smote import GANSMOTE, fit_stacked
from ._stacked_gans import StackedGANs, sum_of_distances

#: name in tables -> class
SAMPLERS = {
    "deep_smote": DeepSMOTE,
    "gan": GANOverSampler,
    "gan_smote": GANSMOTE,
}

__all__ = [
    "SAMPLERS",
    "BaseDeepOverSampler",
    "StackedGANs",
    "fit_stacked",
    "sum_of_distances",
    *(c.__name__ for c in SAMPLERS.values()),
]
