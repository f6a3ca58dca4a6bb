"""One training of a sampler for all that look at its images: tables, measures, pictures."""

import time

from ... import training
from .. import _kept_images as kept
from ._table_1 import NETWORKS, PENALTIES, RIVALS, resample, sampler


def resampled(method, X, y, profile, random_state):
    """Balance a training set as `resample` does, or read what that made before.

    Returns
    -------
    X, y : arrays
    extra : dict
        What the training says of itself.
    seconds : float
        That the training took, when it was done; after a kill those since then.
    """

    def train(checkpoint):
        started = time.perf_counter()
        made = resample(method, X, y, profile, random_state, checkpoint)
        return *made, time.perf_counter() - started

    file = kept_file(method, X, y, profile, random_state)
    return kept.once(file, train, method in NETWORKS)


def kept_file(method, X, y, profile, random_state):
    """Where the images of an arm lie; None for those that are made in seconds."""
    if profile not in kept.KEPT or method not in (*RIVALS, *PENALTIES):
        return None
    settings = sampler(method, profile, random_state).get_params(deep=False)
    settings.pop("checkpoint", None)
    return kept.named(method, sorted(settings.items()), training.digest(X, y))
