"""Which learning rate, how many steps: chosen once, on images that no table tests.

The paper says nothing of its classifier's training, so that it must be chosen, and a
choice by test scores would be one more fit to the test. The choice is a rate of .03 and
600 steps for all data sets and arms:

- After 300 steps, mean recall on images to judge by (200 of each class) at .01, .03 and .1
  was .930, .940, .948 for doing nothing on MNIST, .396, .421, .393 on CIFAR-10; for SMOTE
  .941, .944, .943 and .400, .409, .425. At .03 all but SMOTE on CIFAR-10 (.96) recognised
  practically all of their original training images; at .1 doing nothing on CIFAR-10 recognised
  .82 of them, with a mean recall of .52.
- The pilot has 3,600 and 4,112 images, .4 of the table's. As many passes over the table's
  images as 300 steps are here would be 750 steps there. What 600 and 1,200 steps bring here
  tell those rows of the profile "pilot" that were run.
"""

import numpy as np

from ...classifiers import ResNet18Classifier
from ...evaluation import Resampled, part
from ...store import Cell
from .. import stretch_means
from ._table_1 import CHAPTER, PILOTED, fit_on, pilot_rows, pool, resample

PILOT_PROTOCOL = "pilot-1"
PILOT_ARMS = ("nothing", "smote")
RATES = (0.01, 0.03, 0.1)
LENGTHS = (300, 600, 1200)
#: What the other stem brings, with fifteen times the arithmetic, at the chosen training.
STEM = "nothing_cifar_stem 0.03 600"


def pilot_cells(profile):
    """Arm, rate and number of steps, the shorter trainings first, the other stem last."""
    if profile != "pilot":
        return []
    methods = [f"{a} {r:g} {n}" for n in LENGTHS for r in RATES for a in PILOT_ARMS]
    methods.append(STEM)
    return [
        Cell(CHAPTER, profile, name, method, 0, 0, PILOT_PROTOCOL)
        for method in methods
        for name in PILOTED
    ]


def run_pilot(cell):
    """One row: the course of one training, and its scores on the images to judge by."""
    arm, rate, length = cell.method.split()
    images = pool(cell.dataset)
    train, judged = (
        part(images.data, images.target, rows) for rows in pilot_rows(cell.dataset)
    )
    X, y, _ = resample(arm, train.X, train.y, cell.profile, cell.seed)
    model = ResNet18Classifier(
        stem="cifar" if arm.endswith("cifar_stem") else "imagenet",
        lr=float(rate),
        n_steps=int(length),
        precision="float32",
        random_state=cell.seed,
    )
    row, fitted = fit_on(Resampled(X, y, np.nan), train, {"balanced": judged}, model)
    course = stretch_means(fitted.history_["loss"], digits=4)
    return {"provenance": images.provenance, **row, "loss_course": course}
