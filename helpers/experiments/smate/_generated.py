"""Minority images of the GANs: trained once for all that look at them."""

import functools
import time

from ... import data, training
from ...over_sampling import SMate
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
    if profile in kept.KEPT:
        folder = data.data_root() / "networks"
        folder.mkdir(parents=True, exist_ok=True)
        sampler.set_params(checkpoint=folder / f"smate-{minority}-{seed}-{profile}.pt")
    networks = sampler.fit(drawn.X, drawn.y).networks_
    return networks, time.perf_counter() - started


def majority_steps(drawn, settings):
    """Updates in the training on the majority."""
    n = (drawn.y != drawn.minority).sum()
    return settings["pretrain_epochs"] * batches(n)


def minority_steps(drawn, settings, augment=10):
    """Updates in the training on the minority."""
    n = (drawn.y == drawn.minority).sum() * augment
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
        if (found := kept.read(file)) is not None:
            images, _, extra, seconds = found
            return images, extra, seconds
    sampler, shared = smate(method, dataset, seed, profile)
    checkpoint = file and kept.checkpoint_of(file)
    sampler.set_params(checkpoint=checkpoint)
    started = time.perf_counter()
    X, y = sampler.fit_resample(drawn.X, drawn.y)
    seconds = shared + time.perf_counter() - started
    made = X[len(drawn.y) :], y[len(drawn.y) :], told(sampler, drawn.minority), seconds
    if file is not None:
        kept.write(file, *made)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    images, _, extra, seconds = made
    return images, extra, seconds


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
        "fake_accuracy_course": stretch_means(phase["fake_accuracy"]),
    }
    if "majority_probability" in phase:
        extra["majority_probability"] = float(last["majority_probability"].mean())
    return extra
