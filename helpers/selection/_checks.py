"""What `AutoOverSampler` refuses before anything is trained."""

import numbers
from collections.abc import Hashable

import numpy as np
import pandas as pd
from imblearn.utils import check_sampling_strategy
from sklearn.utils.validation import _check_feature_names, _check_n_features

from ..checks import counts_asked_for, labels_of
from ..tables import TableCodec
from ._splits import FOLDS


def refuse_contradictions(auto):
    """Parameters that cannot hold together."""
    if auto.costs is not None and auto.scoring != "decisions":
        raise ValueError(
            f"costs are of decisions, and scoring={auto.scoring!r}; say "
            "scoring='decisions', or leave costs out."
        )
    refuse_two_orders(auto)
    if auto.cv is not None:
        for name in ("groups", "times"):
            if getattr(auto, name) is not None and not isinstance(
                auto.cv, numbers.Integral
            ):
                raise ValueError(
                    f"cv and {name} both say how rows are split; leave one out."
                )
        if isinstance(auto.cv, numbers.Integral) and auto.times is not None:
            raise ValueError(
                "cv says folds, and times has none; leave one of the two out."
            )
        if isinstance(auto.cv, numbers.Integral) and auto.cv < 2:
            raise ValueError(f"cv={auto.cv}; give 2 folds or more.")
    if isinstance(auto.sampling_strategy, dict):
        raise ValueError(
            "sampling_strategy counts rows, and training parts have fewer of them; "
            "give a float or a word, or candidates with a strategy of their own."
        )
    if auto.store is not None and not isinstance(auto.random_state, numbers.Integral):
        raise ValueError(
            f"store with random_state={auto.random_state!r}: another call would draw "
            "other splits; give a whole number."
        )


def refuse_two_orders(estimator):
    """Groups and times together."""
    if estimator.groups is not None and estimator.times is not None:
        raise ValueError(
            f"groups={estimator.groups!r} and times={estimator.times!r}: rows are split "
            "by one of the two; leave the other out."
        )


def refuse_columns(estimator, frame, holes=False):
    """Columns of groups or times that are not there, or have holes that may not be."""
    for name in ("groups", "times"):
        column = getattr(estimator, name)
        if column is None:
            continue
        if not isinstance(column, Hashable):
            raise ValueError(
                f"{name} is a {type(column).__name__}, and names a column of X: "
                f"X.assign(own=...), {name}='own'."
            )
        if column not in frame.columns:
            raise ValueError(
                f"{name}={column!r} is no column; they are {[*frame.columns]}."
            )
        if not holes and frame[column].isna().any():
            raise ValueError(
                f"Column {column!r} ({name}) has {frame[column].isna().sum()} missing "
                "value(s); fill them in, or leave such rows out."
            )


def refuse_lengths(frame, y):
    """Another number of rows than of labels."""
    if len(frame) != len(y):
        raise ValueError(
            f"X has {len(frame)} rows and y {len(y)}; give one label for each row."
        )


def checked(auto, X, y):
    """The table as a frame, its labels, their classes and numbers.

    Raises
    ------
    ValueError
        Labels that are missing, of one class, or of a class with fewer rows than folds;
        a table of another length, or of no kind that is known; no such column.
    """
    y = labels_of(y)
    classes, codes = np.unique(y, return_inverse=True)
    counts = np.bincount(codes)
    if len(counts) < 2:
        raise ValueError(
            f"y has the class {classes.tolist()} only; there is nothing to balance."
        )
    folds = auto.cv if isinstance(auto.cv, numbers.Integral) else FOLDS
    least = counts.argmin()
    by_folds = auto.times is None and (
        auto.cv is None or isinstance(auto.cv, numbers.Integral)
    )
    if by_folds and counts[least] < folds:
        raise ValueError(
            f"Class {classes[least]} has {counts[least]} row(s), fewer than the "
            f"{folds} folds; collect more, merge classes, or leave the class out."
        )
    if not isinstance(X, pd.DataFrame):
        TableCodec().fit(X)  # says what is wrong with tables of other kinds
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    refuse_lengths(frame, codes)
    refuse_columns(auto, frame)
    _check_feature_names(auto, X, reset=True)
    _check_n_features(auto, frame, reset=True)
    asked = counts_asked_for(auto.sampling_strategy, y)
    check_sampling_strategy(asked, y, "over-sampling")
    return frame, y, classes, codes


def checked_costs(costs, classes):
    """Costs as an array, or None."""
    if costs is None:
        return None
    costs, n = np.asarray(costs, dtype=float), len(classes)
    if costs.shape != (n, n) or not np.isfinite(costs).all():
        raise ValueError(
            f"costs has shape {costs.shape}; give one number for each of the {n} true "
            f"classes (rows) and {n} decided ones (columns), {classes.tolist()}."
        )
    if (costs < np.diag(costs)[:, None]).any():
        raise ValueError(
            f"costs={costs.tolist()}: in some row a mistake costs less than the right "
            "decision; rows are true classes, columns decided ones."
        )
    return costs
