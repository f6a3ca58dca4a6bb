"""Which arms: samplers by their names in the stored rows, and how long each trains."""

from math import ceil

import numpy as np
from imblearn.over_sampling import ADASYN, BorderlineSMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ...over_sampling import SAMPLERS, GANOverSampler
from ...tables import TableCodec, TabularOverSampler
from .. import _own

#: Arms without a network, then those with one, both from quick to slow.
CHEAP = (
    "dummy",
    "nothing",
    "class_weight",
    "random_undersampling",
    "random_oversampling",
    "smote",
    "borderline_smote",
    "adasyn",
    "amdo",
    "mc_ccr",
    "mc_rbo",
)
DEEP = (
    "gan",
    "ctgan",
    "tab_ddpm",
    "deep_smote",
    "wgan_gp",
    "smate",
    "bagan",
    "gamo",
    "gan_smote",
)
#: The arms of the diagram, named before any row was seen: they run on every table, and two
#: of each kind of network would crowd it.
TEN = (
    "nothing",
    "class_weight",
    "random_undersampling",
    "random_oversampling",
    "smote",
    "borderline_smote",
    "gan",
    "deep_smote",
    "ctgan",
    "tab_ddpm",
)
#: Those of the table that is split often.
OFTEN_ARMS = (
    "nothing",
    "class_weight",
    "random_oversampling",
    "smote",
    "gan",
    "ctgan",
)
CLASSIFIERS = ("boosting", "logistic", "neighbours")
#: Rows up to which samplers run whose cost grows with their square.
FEW_ROWS = 2_000
SLOW = ("mc_rbo", "gan_smote")

#: Seconds of training that every network gets on yeast4, on one core.
SECONDS = 5
#: What they come to: seconds of processor time that an update took on yeast4 (890 rows to learn
#: from, 31 of them rare; median of two trainings, AMD EPYC, one thread), and the updates
#: that `SECONDS` hold, in round numbers. The same on every table, for each class that is
#: filled where a sampler trains one network a class. The two with `SMALL` were timed with
#: the tutorial's layers, before these were cut, and take a half of that or less.
UPDATES = {
    "gan": (0.0060, 800),
    "ctgan": (0.0263, 180),
    "tab_ddpm": (0.0127, 300),
    "deep_smote": (0.0141, 350),
    "wgan_gp": (0.0440, 110),
    "smate": (0.0268, 180),
    "bagan": (0.0250, 200),
    "gamo": (0.0093, 500),
    "gan_smote": (0.0060, 800),
}

#: Networks for tables, where the tutorial's four layers of 200 to 500 cost three times as much.
SMALL = {"generator_layers": (64, 64), "discriminator_layers": (64, 64)}
#: What the sampler's constructor gets besides its length: from the papers where nothing
#: is said, see the chapter.
SETTINGS = {
    "bagan": {"lr": 1e-3},  # as its own page advises for so few updates
    # The paper's penalty, taken literally, draws every row to the mean of its class.
    "deep_smote": {"penalty": "authors_code"},
    "gan": {"lr": 1e-3, **SMALL},  # chosen by the rule of `_pilot`
    "tab_ddpm": {"sampling_steps": 100},
    "wgan_gp": {"loss": "wgan-gp", "n_critic": 5, "betas": (0.0, 0.9), **SMALL},
}


def sampler(method, y, seed, updates=None):
    """The sampler of an arm, for frames; None where the arm has none.

    Parameters
    ----------
    method : str
        One of `CHEAP` and `DEEP`.
    y : array of int
        What it will be fitted to: lengths in epochs are told from the sizes of classes.
    seed : int
    updates : int, optional
        Another length than that of `UPDATES`.

    Returns
    -------
    sampler or None
    """
    if method in ("dummy", "nothing", "class_weight"):
        return None
    if _own.is_own(method):
        own = _own.sampler(method, seed)
        return own if hasattr(own, "codec") else TabularOverSampler(own)
    if method == "random_oversampling":
        return RandomOverSampler(random_state=seed)
    if method == "random_undersampling":
        return RandomUnderSampler(random_state=seed)
    if method == "smote":
        return TabularOverSampler("smote", random_state=seed)
    plain = {"borderline_smote": BorderlineSMOTE, "adasyn": ADASYN}
    if method in plain:
        return TabularOverSampler(plain[method](random_state=seed))
    told = {**SETTINGS.get(method, {}), "random_state": seed, "device": "cpu"}
    kind = SAMPLERS.get(method, GANOverSampler)
    if method in DEEP:
        told |= _length(kind, y, updates or UPDATES[method][1], told)
        told["precision"] = "float32"
    return TabularOverSampler(kind(**told))


def _length(kind, y, n, told):
    """`n` updates, in the words of the sampler."""
    parameters = kind().get_params()
    if "n_steps" in parameters:
        return {"n_steps": n}
    if "flip_epochs" in parameters:  # whole batches; the paper's schedule in small
        schedule = {"flip_epochs": round(n * 37 / 40), "restart_every": n // 40}
        return {"epochs": n} | {name: max(1, k) for name, k in schedule.items()}
    if "pac" in parameters:  # over all rows
        batches = max(1, len(y) // parameters["batch_size"])
        return {"epochs": ceil(n / batches)}
    # A GAN for each class but the largest, of `n` updates on the mean.
    rows = np.sort(np.bincount(y))[:-1]
    batches = np.ceil(rows / np.minimum(parameters["batch_size"], rows)).sum()
    return {"epochs": ceil(n * len(rows) * told.get("n_critic", 1) / batches)}


def classifiers(method, seed=0):
    """Name to classifier of frames, for an arm.

    Boosting takes categories as they are, the others one column for each level.

    Parameters
    ----------
    method : str
    seed : int

    Returns
    -------
    dict of str to scikit-learn classifier
        Without those that the arm cannot reach: neighbours have no class weights.
    """
    if method == "dummy":
        return {"dummy": DummyClassifier(strategy="prior")}
    weight = "balanced" if method == "class_weight" else None
    codes = TableCodec(numbers="minmax", unknown="replace", random_state=0)
    found = {
        # Without early stopping, which beyond 10,000 rows would hold back copies of
        # rows that are trained on.
        "boosting": HistGradientBoostingClassifier(
            categorical_features="from_dtype",
            class_weight=weight,
            early_stopping=False,
            random_state=seed,
        ),
        "logistic": make_pipeline(
            codes,
            StandardScaler(),
            LogisticRegression(max_iter=1000, class_weight=weight),
        ),
        "neighbours": make_pipeline(codes, KNeighborsClassifier()),
    }
    if weight:
        del found["neighbours"]
    return found
