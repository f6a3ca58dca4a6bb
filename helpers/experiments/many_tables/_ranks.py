"""What the rows say: gains per source, the primary test, ranks, and where gains come from."""

import numpy as np
import pandas as pd

from ...evaluation import compare, compare_sets, friedman_nemenyi
from ._arms import TEN
from ._tables import OFTEN, TABLES, in_ranks

#: The primary question.
PRIMARY = {"metric": "pr_auc", "classifier": "boosting"}
#: Of these, less is better.
LOSSES = ("brier", "log_loss", "corrected_brier", "corrected_log_loss")


def of_plan(rows, tables=TABLES):
    """Rows of these tables that did not fail."""
    rows = rows[rows["dataset"].isin(tables)]
    return rows[~_failed(rows)]


def ranked(rows):
    """Of these, the tables that stand for a family."""
    rows = of_plan(rows)
    return rows[rows["dataset"].map(in_ranks).astype(bool)]


def _failed(rows):
    return rows["error"].notna() & (rows["error"] != "")


def gains(rows, metric, classifier, reference="nothing", of_reference=None):
    """What each arm gains over another on each table, a mean over the splits of both.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    metric : str
        Of a loss, gains are what it falls by.
    classifier : str
    reference : str
        Arm.
    of_reference : str, optional
        Metric of the reference, where it is another one: ``"tuned_acsa"``.

    Returns
    -------
    table : DataFrame of shape (tables, other arms)
        With `of_reference`, of the reference too.
    """
    wide = _splits(rows, metric, classifier)
    base = _splits(rows, of_reference or metric, classifier)
    if reference not in base:
        return pd.DataFrame(index=pd.Index([], name="dataset"))
    differences = wide.sub(base[reference], axis=0)
    if of_reference is None:
        differences = differences.drop(columns=reference)
    return _over_splits(-differences if metric in LOSSES else differences)


def _splits(rows, metric, classifier):
    """One row a table and split, one column an arm."""
    rows = rows[rows["classifier"] == classifier]
    key = ["dataset", "seed", "fold"]
    return rows.pivot_table(values=metric, index=key, columns="method", aggfunc="first")


def _over_splits(wide):
    return wide.groupby(level="dataset", sort=False).mean()


def failures(rows):
    """What failed or was left out, by arm and reason: which tables, and how many rows.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.

    Returns
    -------
    DataFrame
        Index (method, error), columns tables and rows.
    """
    failed = rows[_failed(rows)]
    # One reason for all tables that are too long; of an error its first sentence.
    reasons = failed["error"].astype(str)  # where none failed, a column of NaN
    reasons = reasons.str.replace(r"\d+ rows", "so many rows", regex=True)
    reasons = reasons.str.replace(r"\. .*", ".", regex=True)
    tables = failed["dataset"].str.replace("_", " ")
    groups = tables.groupby([failed["method"], reasons], sort=False)
    return groups.agg(tables=lambda names: ", ".join(names.unique()), rows="size")


def primary(rows):
    """The question fixed beforehand: average precision with boosting, against nothing.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.

    Returns
    -------
    table : DataFrame, one row per arm
        As of `against`, the largest median gain first.
    """
    return against(rows, **PRIMARY, power=0.8)


def against(
    rows, metric, classifier, reference="nothing", of_reference=None, power=None
):
    """`gains` over families, tested; of any metric but the primary one, exploratory.

    One family of tests everywhere: the arms that ran on as many tables as any. An arm
    with gaps was not tried where the others were; it has its gains, and no ``p_holm``.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    metric, classifier, reference, of_reference
        As of `gains`.
    power : float, optional
        Of ``tellable``.

    Returns
    -------
    table : DataFrame, one row per arm
        As of `helpers.evaluation.compare_sets`; ``splits``, the fewest that a table has;
        ``family``, arms that Holm's correction is over, 0 for one with gaps.
    """
    rows = ranked(rows)
    found = gains(rows, metric, classifier, reference, of_reference)
    counts = found.notna().sum()
    whole = counts.index[counts == counts.max()]
    table = compare_sets(found[whole], power=power)
    if len(whole) < found.shape[1]:
        gaps = compare_sets(found[found.columns.difference(whole)], power=None)
        table = pd.concat([table, gaps.assign(p_holm=np.nan)])
    n = rows[rows["classifier"] == classifier]
    n = n.groupby(["method", "dataset"]).size().groupby("method").min()
    table["splits"] = n.reindex(table.index)
    table["family"] = np.where(table.index.isin(whole), len(whole), 0)
    return table.sort_values("median", ascending=False)


def diagram(rows, classifier="boosting"):
    """Ranks of the ten arms named beforehand, over tables that have all of them.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    classifier : str

    Returns
    -------
    found : helpers.evaluation.Friedman, or None
        None while fewer than two tables have all arms.
    tables : list of str
        Those that were ranked.
    """
    rows = ranked(rows)
    # On the splits that all arms have, or one would be judged on easier ones.
    wide = _splits(rows, "pr_auc", classifier).reindex(columns=[*TEN]).dropna()
    table = _over_splits(wide)
    if len(table) < 2:
        return None, [*table.index]
    return friedman_nemenyi(table), [*table.index]


def split_gains(rows, classifier="boosting"):
    """Gains in decisions and in probabilities, in parts: where they come from.

    A gain in mean recall at plain decisions is in part one of the *threshold*, as which a
    balanced training part acts, and in part one that stays when both thresholds are tuned:
    the *ranking*. A fall of the log loss is in part *calibration*, what turning the shares
    back changes, and in part what stays.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    classifier : str

    Returns
    -------
    table : DataFrame
        One row per source and arm: ``decisions, threshold, ranking``, in mean recall;
        ``probabilities, calibration, rest``, in log loss, above 0 is better.
    """
    rows = ranked(rows)
    plain = gains(rows, "acsa", classifier)
    tuned = gains(rows, "tuned_acsa", classifier)
    losses = gains(rows, "log_loss", classifier)
    corrected = gains(rows, "corrected_log_loss", classifier)
    parts = {
        "decisions": plain,
        "threshold": plain - tuned,
        "ranking": tuned,
        "probabilities": losses,
        "calibration": losses - corrected,
        "rest": corrected,
    }
    stacked = {name: part.stack() for name, part in parts.items()}
    return pd.DataFrame(stacked).rename_axis(["dataset", "method"])


def corrections(rows, classifier):
    """What turning probabilities back to the shares changes in an arm's log loss, tested.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    classifier : str

    Returns
    -------
    table : DataFrame, one row per arm that ran on as many tables as any
        As of `helpers.evaluation.compare_sets`; gains are what the loss falls by.
    """
    change = -split_gains(rows, classifier)["calibration"].unstack("method")
    counts = change.notna().sum()
    return compare_sets(change[counts.index[counts == counts.max()]], power=None)


def often(rows, classifier="boosting"):
    """What the one table tells that is split very often: each arm against doing nothing.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    classifier : str

    Returns
    -------
    tests : dict of str to DataFrame
        As of `helpers.evaluation.compare`, by metric, the same arms in each; in mean recall
        at one half there is also the ``threshold``, doing nothing with its decisions tuned.
        Of the log loss, less is better. Empty without rows of two arms.
    """
    rows = of_plan(rows, [OFTEN])
    rows = rows[rows["classifier"] == classifier]
    plain = rows[rows["method"] == "nothing"]
    if plain.empty or rows["method"].nunique() < 2:
        return {}
    tuned = plain.assign(method="threshold", acsa=plain["tuned_acsa"])
    asked = {
        "average precision": (rows, "pr_auc"),
        "mean recall": (pd.concat([rows, tuned]), "acsa"),
        "mean recall, tuned": (rows, "tuned_acsa"),
        "log loss": (rows, "log_loss"),
    }
    arms = ["threshold", *rows["method"].unique()]
    arms.remove("nothing")
    return {
        name: compare(part, metric, "nothing").reindex(arms)
        for name, (part, metric) in asked.items()
    }


def coverage(rows, planned):
    """Runs that are there and runs that are planned, of the arms that lack some.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    planned : list of Cell

    Returns
    -------
    DataFrame
        One row an arm: ``there, planned``; none where the plan is complete.
    """
    key = ["dataset", "method", "seed", "fold", "protocol"]
    planned = pd.DataFrame(planned)[key]
    there = rows[key].drop_duplicates().merge(planned)
    counts = {"there": there, "planned": planned}
    table = {name: t.groupby("method", sort=False).size() for name, t in counts.items()}
    table = pd.DataFrame(table).fillna(0).astype(int).loc[planned["method"].unique()]
    return table[table["there"] < table["planned"]]
