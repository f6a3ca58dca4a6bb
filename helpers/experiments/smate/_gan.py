"""How the GAN itself trains: optimisers and learning rates (sections 5.3.2, 5.3.3), failures."""

import time

import numpy as np

from ...over_sampling import SMate
from ...provenance import computed_on
from ...store import Cell
from .. import _kept_images as kept
from .. import stretch_means
from ._draw import PAPERS, SETTINGS, draw
from ._figure_6 import CHAPTER

GAN_PROTOCOL, COUNTS_GAN = "gan-1", "gan-2"
#: Section 5.3.2 compares two optimisers; 5.3.3 takes the largest rate that does not
#: diverge.
GAN_RATES = [("adam", 2e-5), ("adam", 2e-4), ("adam", 2e-3)]
GAN_RATES += [("rmsprop", rate) for _, rate in GAN_RATES]
#: The report's five losses (5.3.2), of which it used the first, and its early end (5.3.3).
GAN_LOSSES = ["gan", "wgan", "lsgan", "dragan", "hinge"]
#: What each protocol's games are told apart by, in the order of their figures.
GAMES = {
    GAN_PROTOCOL: [f"{optimizer} {rate:g}" for optimizer, rate in GAN_RATES]
    + ["authors_code", "augment 10", "augment 100"],
    COUNTS_GAN: [*(f"loss {loss}" for loss in GAN_LOSSES), "early_stopping"],
}
#: After 400 updates at the counts, a trial of the report's loss made images that varied by
#: .03 of what real trucks do.
GAN_STEPS = {"paper": 4000, "counts": 1000, "tenth": 400, "smoke": 3}
#: Images of trucks that a row keeps.
N_SHOWN = 10
#: An early end is given so many times as long to come.
PATIENT = 3


def gan_cells(profile):
    """The games of a profile: rates and copies, or the losses at the report's counts."""
    dataset = "digits-9-10" if profile == "smoke" else PAPERS
    protocol = COUNTS_GAN if profile == "counts" else GAN_PROTOCOL
    return [
        Cell(CHAPTER, profile, dataset, method, 0, 0, protocol)
        for method in GAMES[protocol]
        if profile != "pilot"
    ]


def run_gan(cell):
    """One row: the course of a GAN, and of one of trucks what it draws at the end.

    The optimisers learn the majority. All others learn the minority from scratch:
    "authors_code" with the discriminator that moves along, "augment ..." with so many
    copies, "loss ..." with that loss, "early_stopping" until the report's sign of
    convergence, with more updates to reach it.
    """
    drawn = draw(cell.dataset, cell.seed, cell.profile)
    n_steps, width = (
        GAN_STEPS[cell.profile],
        SETTINGS[cell.profile]["gan"].get("width", 1),
    )
    common = {
        "width": width,
        "precision": "float32",
        "random_state": cell.seed,
        "n_steps": n_steps,
    }
    phase, label = "minority", drawn.minority
    if cell.method == "authors_code":
        sampler = SMate.preset("authors_code", batch_size=128, **common)
    elif cell.method.startswith("augment"):
        augment = int(cell.method.split()[1])
        sampler = SMate(transfer=False, augment=augment, **common)
    elif cell.method.startswith("loss"):
        sampler = SMate(transfer=False, loss=cell.method.split()[1], **common)
    elif cell.method == "early_stopping":
        common["n_steps"] = PATIENT * n_steps
        sampler = SMate(transfer=False, early_stopping=True, **common)
    else:
        optimizer, rate = cell.method.split()
        common |= {"n_steps": 1, "pretrain_steps": n_steps}
        sampler = SMate(optimizer=optimizer, lr=float(rate), **common)
        phase, label = "pretraining", "majority"
    started = time.perf_counter()
    failed = ""
    try:
        sampler.fit(drawn.X, drawn.y)
    except FloatingPointError as error:
        failed = str(error)
    seconds = time.perf_counter() - started
    row = {
        "provenance": drawn.provenance,
        "n_train": len(drawn.y),
        "n_synthetic": 0,
        "sampler_seconds": seconds,
        "classifier_seconds": np.nan,
        **computed_on("float32"),
        "diverged": failed,
    }
    if failed:
        return row
    history = sampler.history_[sampler.history_["phase"] == phase]
    end = history.tail(100)
    row |= {
        "gan_steps": len(history),
        "fake_accuracy": float(end["fake_accuracy"].mean()),
        "real_accuracy": float(end["real_accuracy"].mean()),
        "fake_accuracy_course": stretch_means(history["fake_accuracy"]),
        "real_accuracy_course": stretch_means(history["real_accuracy"]),
        "collapsed": str(sampler.collapsed_.get(label, "")),
    }
    if phase == "minority":
        row["variety"] = sampler.variety_[label]
        row["picture"] = kept.picture(sampler.sample(label, N_SHOWN, cell.seed))
    return row
