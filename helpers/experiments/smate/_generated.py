"""Minority images of the GANs: trained once for all that look at them."""

import contextlib
import functools
import time

from filelock import FileLock

from ... import data, training
from ...devices import resolve_device
from ...over_sampling import DeepSMOTE, SMate
from .. import _kept_images as kept
from .. import stretch_means
from ._draw import DATASETS, SETTINGS, draw

#: Weight of the classifier's probability in the generator's loss. The cross-entropy that
#: it is added to is near 1 while the game is even.
MAJORITY_PENALTY = 1.0


@functools.lru_cache(maxsize=1)
def pretrained(minority, seed, profile):
    """The networks of the majority, which all arms with transfer share.

    The majority's images are the same whatever the minority's share.

    Parameters
    ----------
    minority : str
        The class that they have not seen.
    seed : int
    profile : str

    Returns
    -------
    networks : dict
    seconds : float
        That their training took, or reading them where another process trained them.
    """
    dataset = next(name for name in DATASETS if DATASETS[name][0] == minority)
    drawn = draw(dataset, seed, profile)
    started = time.perf_counter()
    # A fit has two phases; the second is cut short here and done by each arm.
    lengths = {**SETTINGS[profile]["gan"], "epochs": 1, "augment": 1}
    lengths["early_stopping"] = False  # the majority has all of its passes
    sampler = SMate(random_state=seed, precision="float32", **lengths)
    lock = contextlib.nullcontext()
    if profile in kept.KEPT:
        folder = data.data_root() / "networks"
        folder.mkdir(parents=True, exist_ok=True)
        digest = training.digest(drawn.X, drawn.y)[:16]
        told = sorted(sampler.get_params(deep=False).items())
        name = kept.named(f"smate-{minority}", seed, told, digest).stem
        file = folder / f"{name}-{resolve_device('auto').type}.pt"
        sampler.set_params(checkpoint=file)
        lock = FileLock(f"{file}.lock")
    with lock:  # another process reads what the first has trained
        networks = sampler.fit(drawn.X, drawn.y).networks_
    return networks, time.perf_counter() - started


def majority_steps(drawn, settings):
    """Updates in the training on the majority."""
    n = (drawn.y != drawn.minority).sum()
    return settings["pretrain_epochs"] * batches(n)


def minority_steps(drawn, settings):
    """Updates in the training on the minority, of which each image comes ten times."""
    n = (drawn.y == drawn.minority).sum() * 10
    return settings["epochs"] * batches(n)


def batches(n, batch_size=128):
    """Batches in a pass over n images."""
    return -(-n // min(batch_size, n))


def smate(method, dataset, seed, profile):
    """The fitted sampler of an arm, and the seconds of what it shares with others.

    From scratch a GAN gets as many updates as both phases of a transfer together;
    "smate_longer" gets as many on the minority alone, after the same transfer.
    """
    drawn, settings = draw(dataset, seed, profile), SETTINGS[profile]["gan"]
    n_steps, own = minority_steps(drawn, settings), {}
    networks, seconds = None, 0.0
    if method in ("smate_scratch", "smate_longer"):
        n_steps += majority_steps(drawn, settings)
    if method == "smate_scratch":
        own = {"transfer": False}
    else:
        networks, seconds = pretrained(DATASETS[dataset][0], seed, profile)
        own = {"pretrained": networks}
        if method == "smate_penalty":
            own["majority_penalty"] = MAJORITY_PENALTY
    sampler = SMate(
        n_steps=n_steps,
        width=settings.get("width", 1.0),
        early_stopping=settings.get("early_stopping", False),
        precision="float32",
        random_state=seed,
        **own,
    )
    return sampler, seconds


@functools.lru_cache(maxsize=1)
def generated(method, dataset, seed, profile):
    """Minority images of one of the SMates, what it says of itself, and its seconds.

    Kept beside the data, as those of the other image chapter. After a kill, the seconds are
    those since then.
    """
    drawn = draw(dataset, seed, profile)
    file = None
    if profile in kept.KEPT:
        settings = {**SETTINGS[profile]["gan"], "penalty": MAJORITY_PENALTY}
        parts = method, dataset, seed, sorted(settings.items())
        file = kept.named(method, *parts, training.digest(drawn.X, drawn.y))

    def train(checkpoint):
        sampler, shared = smate(method, dataset, seed, profile)
        sampler.set_params(checkpoint=checkpoint)
        started = time.perf_counter()
        X, y = sampler.fit_resample(drawn.X, drawn.y)
        seconds = shared + time.perf_counter() - started
        new = len(drawn.y)
        return X[new:], y[new:], told(sampler, drawn.minority), seconds

    images, _, extra, seconds = kept.once(file, train)
    return images, extra, seconds


def balanced(dataset, seed, profile):
    """A draw's images balanced by DeepSMOTE: as `helpers.experiments._kept_images.once`."""
    drawn, settings = draw(dataset, seed, profile), SETTINGS[profile]["deep_smote"]
    sampler = DeepSMOTE(random_state=seed, precision="float32", **settings)

    def train(checkpoint):
        started = time.perf_counter()
        sampler.set_params(checkpoint=checkpoint)
        made = sampler.fit_resample(drawn.X, drawn.y)
        return *made, {}, time.perf_counter() - started

    file = None
    if profile in kept.KEPT:
        parts = dataset, seed, sorted(settings.items())
        file = kept.named(
            "deep_smote", "smate", *parts, training.digest(drawn.X, drawn.y)
        )
    return kept.once(file, train)


def told(sampler, label):
    """How the minority's phase ended, and its discriminator's accuracy on the way."""
    history = sampler.history_
    phase = history[(history["label"] == label) & (history["phase"] == "minority")]
    last = phase.tail(100)
    extra = {
        "gan_steps": len(phase),
        "fake_accuracy": float(last["fake_accuracy"].mean()),
        "real_accuracy": float(last["real_accuracy"].mean()),
        "collapsed": str(sampler.collapsed_.get(label, "")),
        "variety": sampler.variety_[label],
        "fake_accuracy_course": stretch_means(phase["fake_accuracy"]),
    }
    if "majority_probability" in phase:
        extra["majority_probability"] = float(last["majority_probability"].mean())
    return extra
