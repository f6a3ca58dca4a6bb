"""What `AutoOverSampler` refuses before anything is trained."""

import numbers

import numpy as np
import pandas as pd
from imblearn.utils import check_sampling_strategy
from sklearn.utils.validation import _check_feature_names, _check_n_features

from ..checks import labels_of
from ..tables import TableCodec
from ._splits import FOLDS


def refuse_contradictions(auto):
    """Parameters that cannot hold together."""
    if auto.costs is not None and auto.scoring != "decisions":
        raise ValueError(
            f"costs are of decisions, and scoring={auto.scoring!r}; say "
            "scoring='decisions', or leave costs out."
        )
    if auto.groups is not None and auto.times is not None:
        raise ValueError(
            f"groups={auto.groups!r} and times={auto.times!r}: rows are split by one "
            "of the two; leave the other out."
        )
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
    if len(frame) != len(codes):
        raise ValueError(
            f"X has {len(frame)} rows and y {len(codes)}; give one label for each row."
        )
    for name in ("groups", "times"):
        column = getattr(auto, name)
        if column is None:
            continue
        if column not in frame.columns:
            raise ValueError(
                f"{name}={column!r} is no column; they are {[*frame.columns]}."
            )
        if frame[column].isna().any():
            raise ValueError(
                f"Column {column!r} ({name}) has {frame[column].isna().sum()} missing "
                "value(s); fill them in, or leave such rows out."
            )
    _check_feature_names(auto, X, reset=True)
    _check_n_features(auto, frame, reset=True)
    check_sampling_strategy(auto.sampling_strategy, codes, "over-sampling")
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
