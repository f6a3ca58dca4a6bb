"""The rate of the classifier: chosen once, without the test.

The table trains on all official training images, so that the pilot cannot be apart from
these, but it is from the official test, of which it sees nothing. On the full set five
passes at .0001, .0003 and .001 came to an accuracy of .450, .524 and .597 on images to
judge by (500 of each class). Twenty at .001, the plan of "counts", come to .765 with a
truck recall of .892; with a tenth of the trucks, and nothing done, to .727 and .456.
"""

import numpy as np

from ...classifiers import KerasCNNClassifier
from ...data import make_imbalanced
from ...evaluation import Resampled
from ...store import Cell
from .. import stretch_means
from ._draw import DATASETS, PAPERS, images, taken
from ._figure_6 import CHAPTER, fit_on
from ._generated import batches
from ._printed import FIGURE_6

PILOT_PROTOCOL = "pilot-1"
#: Of each class, to judge by.
N_JUDGED = 500
RATES = (1e-4, 3e-4, 1e-3)
#: Passes over the balanced set: few to choose a rate, all to see what it reaches.
FEW, ALL = 5, 20


def pilot_cells(profile):
    """The full set with each rate, then both ends of the table at full length."""
    if profile != "pilot":
        return []
    methods = [f"full {rate:g} {FEW}" for rate in RATES]
    methods += [f"{arm} {RATES[-1]:g} {ALL}" for arm in ("full", "nothing")]
    return [
        Cell(CHAPTER, profile, PAPERS, method, 0, 0, PILOT_PROTOCOL)
        for method in methods
    ]


def pilot_draw(dataset):
    """Official training images, cut into those to learn from and those to judge by.

    Returns
    -------
    Draw
        Its test are the images to judge by.
    """
    name, share = DATASETS[dataset]
    bunch = images(dataset.split("-")[0])
    names = [str(n) for n in bunch.target_names]
    y, minority = bunch.target, names.index(name)
    rows = np.flatnonzero(bunch.partition == "train")
    judged, _ = make_imbalanced(rows, y[rows], [N_JUDGED] * len(names), 0)
    learnt = np.setdiff1d(rows, judged)
    few = {minority: round(share * (y[learnt] == minority).sum())}
    cut, _ = make_imbalanced(learnt, y[learnt], few, 0)
    return taken(bunch, (cut, learnt, judged), minority, names)


def run_pilot(cell):
    """One row: the course of one training, and its scores on the images to judge by."""
    arm, rate, passes = cell.method.split()
    drawn = pilot_draw(cell.dataset)
    cut, full, _ = drawn.parts()
    train = full if arm == "full" else cut
    model = KerasCNNClassifier(
        lr=float(rate),
        n_steps=int(passes) * batches(len(full.y), 256),
        precision="float32",
        random_state=cell.seed,
    )
    made = Resampled(train.X, train.y, np.nan)
    row, fitted = fit_on(drawn, train, made, model)
    return row | {"loss_course": stretch_means(fitted.history_["loss"], digits=4)}


def pilot_told(stored) -> str:
    """What the chosen rate came to in the pilot, beside the report, in a sentence.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of the profile "pilot".
    """
    rows = stored[stored["protocol"] == PILOT_PROTOCOL].set_index("method")
    full, nothing = (
        rows.loc[f"{arm} {RATES[-1]:g} {ALL}"] for arm in ("full", "nothing")
    )
    (accuracy, recall), (_, found) = FIGURE_6["full"], FIGURE_6["nothing"]
    return (
        f"In the pilot {ALL} passes at a rate of {RATES[-1]:g} came to an accuracy of "
        f"{100 * full['accuracy']:.1f} per cent and a truck recall of "
        f"{full['recall_minority']:.2f} with all trucks (the report: {100 * accuracy:.1f}, "
        f"{recall:.2f}), and of {nothing['recall_minority']:.2f} with a tenth of them and "
        f"nothing done ({found:.2f})."
    )
