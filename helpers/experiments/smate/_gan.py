"""How the GAN itself trains: optimisers and learning rates (section 5.3.2), failures."""

import time

import numpy as np

from ...over_sampling import SMate
from ...provenance import computed_on
from ...store import Cell
from ._figure_6 import CHAPTER, PAPERS, SETTINGS, course, draw

GAN_PROTOCOL = "gan-1"
#: Section 5.3.2 compares two optimisers and looks for the largest rate that does not
#: diverge.
GAN_RATES = [("adam", 2e-5), ("adam", 2e-4), ("adam", 2e-3)]
GAN_RATES += [("rmsprop", rate) for _, rate in GAN_RATES]
GAN_STEPS = {"paper": 4000, "tenth": 400, "smoke": 3}


def gan_cells(profile):
    """The training on the majority with each optimiser and learning rate, and the authors'."""
    dataset = "digits-9-10" if profile == "smoke" else PAPERS
    methods = [f"{optimizer} {rate:g}" for optimizer, rate in GAN_RATES]
    methods += ["authors_code", "augment 10", "augment 100"]
    return [
        Cell(CHAPTER, profile, dataset, method, 0, 0, GAN_PROTOCOL)
        for method in methods
    ]


def run_gan(cell):
    """One row: the course of a GAN, and what it draws at the end.

    The optimisers learn the majority. "authors_code" and "augment ..." learn the minority
    from scratch, with the discriminator that moves along, and with so many copies.
    """
    drawn = draw(cell.dataset, cell.seed, cell.profile)
    n_steps, width = (
        GAN_STEPS[cell.profile],
        SETTINGS[cell.profile]["gan"].get("width", 1),
    )
    common = {"width": width, "random_state": cell.seed, "n_steps": n_steps}
    phase, label = "minority", drawn.minority
    if cell.method == "authors_code":
        sampler = SMate.preset("authors_code", batch_size=128, **common)
    elif cell.method.startswith("augment"):
        augment = int(cell.method.split()[1])
        sampler = SMate(transfer=False, augment=augment, **common)
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
        **computed_on(),
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
        "fake_accuracy_course": course(history["fake_accuracy"]),
        "real_accuracy_course": course(history["real_accuracy"]),
        "collapsed": str(sampler.collapsed_.get(label, "")),
    }
    return row
