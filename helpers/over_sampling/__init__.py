"""Deep over-samplers behind imbalanced-learn's ``fit_resample``.

To add a method: one file beside this one, one line in `SAMPLERS`, where the shared tests
find it (CONTRIBUTING.md has an example from start to end).
"""

from ._amdo import AMDO
from ._bagan import BAGAN
from ._base import BaseDeepOverSampler
from ._ctgan import CTGANOverSampler
from ._deep_smote import DeepSMOTE
from ._gamo import GAMO
from ._gan import GANOverSampler
from ._gan_smote import GANSMOTE, fit_stacked
from ._mc_ccr import MC_CCR
from ._mc_rbo import MC_RBO
from ._smate import SMate
from ._stacked_gans import StackedGANs, sum_of_distances
from ._tab_ddpm import TabDDPMOverSampler

#: Name in tables and on the command line to class.
SAMPLERS = {
    "amdo": AMDO,
    "bagan": BAGAN,
    "ctgan": CTGANOverSampler,
    "deep_smote": DeepSMOTE,
    "gamo": GAMO,
    "gan": GANOverSampler,
    "gan_smote": GANSMOTE,
    "mc_ccr": MC_CCR,
    "mc_rbo": MC_RBO,
    "smate": SMate,
    "tab_ddpm": TabDDPMOverSampler,
}

__all__ = [
    "SAMPLERS",
    "BaseDeepOverSampler",
    "StackedGANs",
    "fit_stacked",
    "sum_of_distances",
    *(c.__name__ for c in SAMPLERS.values()),
]
