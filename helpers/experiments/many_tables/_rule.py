"""The rule: which arm a need takes, by the rows, and what that costs on new tables."""

import numpy as np
import pandas as pd

from ...evaluation import compare_sets
from ._arms import DEEP
from ._ranks import gains, ranked

#: From simple to complex, as the ladder of `AutoOverSampler`.
LADDER = (
    "nothing",
    "class_weight",
    "random_oversampling",
    "random_undersampling",
    "smote",
    "borderline_smote",
    "adasyn",
    "amdo",
    "mc_ccr",
    "mc_rbo",
    *DEEP,
)
#: What a reader asks for: metric, and where thresholds stand.
NEEDS = {
    "decisions": "tuned_acsa",
    "ranking": "pr_auc",
    "probabilities": "corrected_log_loss",
}
#: Least median gain worth an arm; of the log loss as a share of that of doing nothing.
MIN_GAIN = 0.01
ALPHA = 0.05
#: Fewest tables that a rule is made from; with fewer, Wilcoxon's p cannot fall below .05.
FEWEST = 6


def chosen(found):
    """The arm that the rule takes, by gains over doing nothing on several tables.

    Doing nothing, unless an arm's Wilcoxon test, with Holm's correction over all arms,
    gives p < .05, and its median gain is .01 or more. Of such arms the one that gains
    most; of those within .01 of it, the simplest.

    Parameters
    ----------
    found : DataFrame of shape (tables, arms)

    Returns
    -------
    str
    """
    found = found.drop(columns=["dummy", "nothing"], errors="ignore")
    # An arm with gaps was not tried where the others were.
    found = found.loc[:, found.notna().sum() == len(found)] if len(found) else found
    table = compare_sets(found, power=None)
    able = table[(table["p_holm"] < ALPHA) & (table["median"] >= MIN_GAIN)]
    if able.empty:
        return "nothing"
    near = {*able.index[able["median"] > able["median"].max() - MIN_GAIN]}
    return next((arm for arm in LADDER if arm in near), able["median"].idxmax())


def need_gains(rows, need, classifier="boosting"):
    """Gains over doing nothing for a need, per table that stands for a family.

    Every arm's threshold is tuned, and its probabilities turned back to the shares.
    """
    rows = ranked(rows)
    found = gains(rows, NEEDS[need], classifier)
    return found.reindex(columns=[c for c in LADDER if c in found])


def worth_of(found, need, rows, classifier="boosting"):
    """Gains in the unit of `MIN_GAIN`: of the log loss as shares of that of nothing."""
    if need != "probabilities" or found.empty:
        return found
    base = rows[(rows["method"] == "nothing") & (rows["classifier"] == classifier)]
    return found.div(base.groupby("dataset")["log_loss"].mean(), axis=0).loc[
        found.index
    ]


def left_out(rows):
    """The rule, made without one source and judged on it, source by source.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.

    Returns
    -------
    table : DataFrame, one row per need
        ``chosen``, what the rule takes from all sources; ``regret``, its mean loss
        against doing nothing with the threshold tuned, on sources that it had not seen (below
        0 it gains); ``worst``, on one source; ``always SMOTE`` and ``largest mean``, the
        same of two other habits; ``best``, of whoever knew the answer; ``n`` sources.
    """
    lines = {}
    for need in NEEDS:
        found = need_gains(rows, need)
        whole = found.loc[:, found.notna().all()] if len(found) else found
        if len(whole) <= FEWEST or whole.empty:
            continue
        worth = worth_of(whole, need, rows)
        judged = {"rule": [], "smote": [], "mean": []}
        for source in whole.index:
            own = {**whole.loc[source], "nothing": 0.0}
            mean = whole.drop(source).mean()
            leader = mean.idxmax() if mean.max() > 0 else "nothing"
            judged["rule"].append(own[chosen(worth.drop(source))])
            judged["smote"].append(own.get("smote", np.nan))
            judged["mean"].append(own[leader])
        lines[need] = {
            "chosen": chosen(worth),
            "regret": 0 - np.mean(judged["rule"]),  # not -0.0
            "worst": 0 - np.min(judged["rule"]),
            "always SMOTE": 0 - np.mean(judged["smote"]),
            "largest mean": 0 - np.mean(judged["mean"]),
            "best": 0 - whole.max(axis=1).clip(lower=0).mean(),
            "n": len(whole),
        }
    return pd.DataFrame.from_dict(lines, orient="index")


def ladder(rows):
    """What each rung gains in mean recall, thresholds left alone and tuned.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.

    Returns
    -------
    table : DataFrame, one row a rung
        Median gains over doing nothing, of ``n`` tables: ``plain``, both with the
        threshold at one half; ``tuned``, both with it tuned. The first rung is a tuned
        threshold and nothing else.
    """
    part = ranked(rows)
    plain = gains(part, "acsa", "boosting")
    tuned = gains(part, "tuned_acsa", "boosting")
    over_half = gains(part, "tuned_acsa", "boosting", of_reference="acsa")
    table = pd.DataFrame(
        {"plain": plain.median(), "tuned": tuned.median(), "n": tuned.notna().sum()}
    )
    if "nothing" in over_half:
        alone = over_half["nothing"].dropna()
        table.loc["threshold"] = [alone.median(), 0.0, len(alone)]
    # Medians over other tables would be other medians.
    table = table[table["n"] == table["n"].max()]
    rungs = ("threshold", *LADDER)
    return table.reindex([arm for arm in rungs if arm in table.index])
