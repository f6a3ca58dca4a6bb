"""Figures of the pages. Those with an answer in them return it, as an alternative text."""

from ...evaluation import paired
from ...plotting import paired_panels
from ._rows import ARMS, CLASSIFIERS, rows_of


def draw_against_nothing(stored, tests):
    """Draw accuracies minus that of doing nothing, a dot per fold, a panel a classifier.

    Parameters
    ----------
    stored : DataFrame
    tests : dict of str to DataFrame
        What `against_nothing` found, by classifier.
    """
    found = {
        name: (
            paired(rows_of(stored, "folds", key, ARMS), "accuracy", "nothing"),
            tests[key],
        )
        for key, name in CLASSIFIERS.items()
    }
    paired_panels(
        found,
        "accuracy minus that of doing nothing; dots are folds, bars 95 % intervals, not "
        "corrected",
        size=(11 / 3, 3.8),
        fontsize="large",
        sharex=True,
    )
