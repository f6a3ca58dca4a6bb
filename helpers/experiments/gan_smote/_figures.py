"""Figures of the pages. Those with an answer in them return it, as an alternative text."""

from matplotlib import pyplot as plt

from ...evaluation import paired
from ...plotting import paired_differences
from ._rows import ARMS, CLASSIFIERS, rows_of


def draw_against_nothing(stored, tests):
    """Draw accuracies minus that of doing nothing, a dot per fold, a panel a classifier.

    Parameters
    ----------
    stored : DataFrame
    tests : dict of str to DataFrame
        What `against_nothing` found, by classifier.
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.8), sharex=True, sharey=True)
    for ax, (key, name) in zip(axes, CLASSIFIERS.items(), strict=True):
        rows = rows_of(stored, "folds", key, ARMS)
        splits = paired(rows, "accuracy", "nothing")
        paired_differences(splits, tests[key], ax, name)
    figure.supxlabel(
        "accuracy minus that of doing nothing; dots are folds, bars 95 % intervals, not "
        "corrected"
    )
