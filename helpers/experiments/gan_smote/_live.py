"""What the page of the method counts, trains and judges itself."""

import numpy as np
import pandas as pd

from ._benchmark import judge_samples


def shorter(n_epochs):
    """Settings of GAN-SMOTE that keep the authors' schedule in fewer epochs than their 40,000.

    Parameters
    ----------
    n_epochs : int

    Returns
    -------
    dict
        ``epochs, flip_epochs, restart_every``, for `helpers.GANSMOTE`.

    Examples
    --------
    >>> shorter(40_000)
    {'epochs': 40000, 'flip_epochs': 37000, 'restart_every': 1000}
    """
    return {
        "epochs": n_epochs,
        "flip_epochs": max(1, n_epochs * 37 // 40),
        "restart_every": max(1, n_epochs // 40),
    }


def character(rocks, group):
    """The name of a character of the rocks, such as "grain size", from its columns'.

    Parameters
    ----------
    rocks : Bunch
        What `helpers.load_petrography` returned.
    group : list of int
        One of ``rocks.feature_groups``.
    """
    return rocks.feature_names[group[0]].split("(")[0].lower()


def words_per_character(rocks):
    """How many columns a character has, and rows that have not just one word of it.

    Parameters
    ----------
    rocks : Bunch
        What `helpers.load_petrography` returned.

    Returns
    -------
    DataFrame
        A character a row: ``columns``, ``never used`` columns, ``rows without a word`` and
        ``rows with several``.
    """
    found = {}
    for group in rocks.feature_groups:
        bits = rocks.data[:, group]
        found[character(rocks, group)] = {
            "columns": len(group),
            "never used": int((bits.sum(axis=0) == 0).sum()),
            "rows without a word": int((bits.sum(axis=1) == 0).sum()),
            "rows with several": int((bits.sum(axis=1) > 1).sum()),
        }
    return pd.DataFrame(found).T


def share_valid(X, groups):
    """Share of rows with at most one word of each character."""
    words = np.stack([X[:, group].sum(axis=1) for group in groups], axis=1)
    return float((words <= 1).all(axis=1).mean())


def variety(course, n_epochs):
    """Distances within generated rows over those within real ones, half-way and at the end.

    Parameters
    ----------
    course : DataFrame
        Records of trainings: ``variant, epoch, l1_fake, l1_real``.
    n_epochs : int
        Of a whole training.

    Returns
    -------
    DataFrame
        ``half-way`` and ``end``, a variant a row; 1 is as varied as real rows, 0 collapse.
    """
    ratio = course["l1_fake"] / course["l1_real"]
    away = (course["epoch"] - n_epochs / 2).abs()
    half_way = away.groupby(course["variant"], sort=False).idxmin()
    end = course.groupby("variant", sort=False)["epoch"].idxmax()
    return pd.DataFrame({"half-way": half_way.map(ratio), "end": end.map(ratio)})


def sample_quality(sampler, X, y, groups, n):
    """Means over classes of what `judge_samples` says of rows that a sampler draws.

    Parameters
    ----------
    sampler : fitted GANSMOTE
    X, y : arrays
        What it was fitted on.
    groups : list of list of int
        Columns of each character.
    n : int
        Rows of each class that needed some.

    Returns
    -------
    Series
    """
    return pd.DataFrame(
        judge_samples(X[y == c], sampler.sample(c, n, random_state=0), groups)
        for c, missing in sampler.sampling_strategy_.items()
        if missing
    ).mean()
