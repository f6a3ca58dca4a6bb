"""What follows from the rows: a table of the arms, a verdict in words, gains in parts."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ._rule import POWER, WORSE, choose
from ._scores import NEEDS, decision_metric

#: Arm to what a reader should do.
ADVICE = {
    "nothing": "Do nothing.",
    "threshold": "Move the threshold, and leave the rows as they are.",
    "class_weight": "Weigh the classes, and leave the rows as they are.",
}


class Verdict(NamedTuple):
    """What was chosen, and how surely; `str` says it in words.

    Attributes
    ----------
    chosen : str
        Name of the arm; "nothing" where no other is shown to gain what is worth it.
    arm : str
        The arm that the numbers are about: the one chosen; else the one with the largest
        mean gain, of those that are shown to gain where there are such.
    told : bool
        Whether all planned splits were there to tell by. If not, "nothing" is provisional.
    need : {"ranking", "decisions", "probabilities"}
    unit : str
        What gains are measured in.
    advice : str
        What to do, in a sentence.
    reason : str
    gain, low, high : float
        Mean over splits, and its interval, Bonferroni's over all arms.
    p : float
        Of no gain, after Holm over all arms.
    detectable : float
        The smallest gain that these splits could have shown with power .8. NaN forward in
        time, where nothing is tested.
    alpha, min_gain : float
        As the rule was told.
    n_splits, n_planned, n_arms : int
    """

    chosen: str
    arm: str
    told: bool
    need: str
    unit: str
    advice: str
    reason: str
    gain: float
    low: float
    high: float
    p: float
    detectable: float
    alpha: float
    min_gain: float
    n_splits: int
    n_planned: int
    n_arms: int

    def __str__(self):
        return f"{self.advice} {self.reason}"


def unit_of(need, costs):
    if need == "decisions" and costs is not None:
        return "of cost per row"
    return {
        "ranking": "of average precision",
        "decisions": "of mean recall",
        "probabilities": "of the log loss, relative",
    }[need]


def metric_of(need, costs):
    return decision_metric(costs) if need == "decisions" else NEEDS[need]


def with_threshold(rows, metric, threshold):
    """Nothing is not tuned; the tuned decisions of the same fits are those of "threshold"."""
    rows = rows.assign(**{f"{metric}_tuned": rows[metric]})
    tuned = rows[rows["method"] == "nothing"].assign(method="threshold")
    plain = rows["method"].isin(["dummy", "nothing"])
    rows.loc[plain, metric] = rows.loc[plain, f"{metric}_untuned"]
    rows.loc[plain, "offset"] = 0.0
    parts = [rows, tuned] if threshold else [rows]
    rows = pd.concat(parts, ignore_index=True)
    return rows.sort_values(["fold"], kind="stable", ignore_index=True)


def untuned(said, classes, threshold):
    """Predictions in which nothing and dummy decide as they are."""
    plain = said["method"].isin(["dummy", "nothing"])
    tuned = said[said["method"] == "nothing"].assign(method="threshold")
    p = said.loc[plain, [f"p_{c}" for c in classes]].to_numpy()
    said = said.copy()
    said.loc[plain, "predicted"] = classes[p.argmax(axis=1)]
    parts = [said, tuned] if threshold else [said]
    return pd.concat(parts, ignore_index=True)


def wide(rows, metric, names):
    """Scores, one row per split, one column per arm."""
    return rows.pivot(index="fold", columns="method", values=metric)[names]


def gains_of(rows, need, costs, names):
    """Gain of each arm over nothing in each split; shape (J, m)."""
    metric = metric_of(need, costs)
    table = wide(rows, metric, ["nothing", *names]).to_numpy()
    return gains_from(table, need, costs)


def gains_from(table, need, costs):
    """As `gains_of`, of scores with nothing in the first column; also many at once."""
    gains = table[..., 1:] - table[..., :1]
    if need == "probabilities":
        return -gains / np.nanmean(table[..., :1], axis=-2, keepdims=True)
    return -gains if need == "decisions" and costs is not None else gains


def score_with(gain, nothing, need, costs):
    """The score of an arm that gains so much over nothing's."""
    if need == "probabilities":
        return nothing * (1 - gain)
    return (
        nothing - gain if need == "decisions" and costs is not None else nothing + gain
    )


def loss_ratios(losses):
    """Mean log loss of every arm over that of nothing, which is the first column."""
    means = losses.mean(axis=-2)
    return means[..., 1:] / means[..., :1]


def conclude(rows, names, need, costs, rule, n_planned):
    """The table of the arms and the verdict.

    Parameters
    ----------
    rows : DataFrame
        Of whole splits, as `with_threshold` returns them.
    names : list of str
        Arms, from simple to complex.
    need : str
    costs : array or None
    rule : Rule
    n_planned : int

    Returns
    -------
    comparison : DataFrame, one row per arm, nothing and dummy first
    verdict : Verdict
    """
    metric = metric_of(need, costs)
    gains = gains_of(rows, need, costs, names)
    ratios = loss_ratios(wide(rows, "log_loss", ["nothing", *names]).to_numpy())
    chosen, p, p_holm, eligible = choose(gains, ratios, rule)
    done, m = len(gains), len(names)
    told = done >= n_planned
    if not told:
        chosen = -1
    picked = "nothing" if chosen < 0 else names[chosen]

    found = [rule.difference(column) for column in gains.T]
    level = 1 - rule.alpha / m
    detectable = [rule.detectable(column, m) for column in gains.T]
    table = pd.DataFrame(
        {
            "gain": [d.mean for d in found],
            "low": [d.interval(level)[0] for d in found],
            "high": [d.interval(level)[1] for d in found],
            "p": p,
            "p_holm": p_holm,
            "detectable": detectable,
            "log_loss_change": ratios - 1,
            "eligible": eligible,
        },
        index=names,
    )
    if rule.forward:
        table[["low", "high"]] = np.nan
    table["why"] = [
        _why(name, row, picked, told, rule) for name, row in table.iterrows()
    ]
    groups = rows.groupby("method")
    scores = groups[metric].agg(["mean", "std", "count"])
    scores.columns = [metric, "sd", "n"]
    scores["seconds"] = (
        groups["sampler_seconds"].mean() + groups["classifier_seconds"].mean()
    )
    order = [name for name in ("dummy", "nothing") if name in scores.index]
    comparison = scores.loc[[*order, *names]].join(table)
    comparison.index.name = "method"

    shown = ((table["gain"] > 0) & (table["p_holm"] < rule.alpha)).to_numpy()
    shown = shown & (told and not rule.forward)
    arm, means = chosen, gains.mean(axis=0)
    if chosen < 0:
        arm = int(np.where(shown, means, -np.inf if shown.any() else means).argmax())
    numbers = table.iloc[arm]
    verdict = Verdict(
        picked,
        names[arm],
        told,
        need,
        unit_of(need, costs),
        ADVICE.get(picked, f"Use {picked}.") if told else "Cannot be told yet.",
        "",
        *(float(numbers[c]) for c in ("gain", "low", "high", "p_holm", "detectable")),
        rule.alpha,
        rule.min_gain,
        done,
        n_planned,
        m,
    )
    reason = _reason(verdict, numbers["why"], shown.any())
    return comparison, verdict._replace(reason=reason)


def _why(name, row, picked, told, rule):
    """Why an arm was chosen or not, in words."""
    if not told:
        return "not all planned splits are done"
    if name == picked:
        return "chosen"
    if row["eligible"]:
        return f"no better than {picked}" if picked != "nothing" else "not shown"
    if row["gain"] <= 0:
        return "no gain"
    if row["gain"] < rule.min_gain:
        return f"its gain is below {rule.min_gain:g}"
    if not row["p_holm"] < rule.alpha:
        return "no gain in every split" if rule.forward else "its gain may be chance"
    return f"its log loss is more than {WORSE:.0%} worse"


def _reason(v, why, shown):
    """Why it is the verdict; `shown`, whether any arm is shown to gain."""
    if not v.told:
        return f"{v.n_splits} of {v.n_planned} planned splits are done."
    amount = f"{v.gain:+.3f} {v.unit}"
    if not np.isnan(v.low):
        amount += f" ({v.low:+.3f} to {v.high:+.3f}, p = {v.p:.2g})"
    if v.chosen != "nothing":
        return f"{v.arm} gains {amount} in {v.n_splits} splits."
    if shown:
        of = (
            f"Of {v.n_arms} arms none is shown to gain enough; " if v.n_arms > 1 else ""
        )
        return f"{of}{v.arm} gains {amount}, and {why}."
    told = f"None of {v.n_arms} is shown to gain; {v.arm} comes nearest"
    if v.n_arms == 1:
        told = f"{v.arm} is not shown to gain"
    text = f"{told}: {amount}, and {why}."
    if not np.isnan(v.detectable):
        text += (
            f" {v.n_splits} splits of this table could have shown a gain of "
            f"{v.detectable:.3f} (power {POWER})."
        )
    return text


def gains_in_parts(rows, names, costs, rule):
    """Every gain over nothing, for every need, split by where it comes from.

    A gain in decisions is what tuning the threshold of nothing gives (threshold), and what
    the arm gives beyond it, both tuned (ranking). One in probabilities is what would stay
    if both were recalibrated on the test rows (ranking), and the rest (calibration).

    Returns
    -------
    DataFrame, one row per need, arm and part
        ``gain, low, high`` (95 %, of that part alone; NaN forward in time); parts add up
        to "total".
    """
    decisions = decision_metric(costs)
    found = {}
    for name in names:
        ranking = gains_of(rows, "ranking", costs, [name])[:, 0]
        found["ranking", name] = {"total": ranking, "ranking": ranking}
        total = gains_of(rows, "decisions", costs, [name])[:, 0]
        plain = wide(rows, f"{decisions}_untuned", ["nothing"])["nothing"].to_numpy()
        tuned = wide(rows, f"{decisions}_tuned", ["nothing"])["nothing"].to_numpy()
        moved = (tuned - plain) * (1 if costs is None else -1)
        found["decisions", name] = {
            "total": total,
            "threshold": moved,
            "ranking": total - moved,
        }
        total = gains_of(rows, "probabilities", costs, [name])[:, 0]
        table = wide(rows, "log_loss_recalibrated", ["nothing", name]).to_numpy()
        loss = wide(rows, "log_loss", ["nothing"]).to_numpy().mean()
        ranks = (table[:, 0] - table[:, 1]) / loss
        found["probabilities", name] = {
            "total": total,
            "ranking": ranks,
            "calibration": total - ranks,
        }
    records = []
    for (need, name), parts in found.items():
        for part, values in parts.items():
            d = rule.difference(values)
            # Splits forward in time are no repeats, which an interval is about.
            ends = (np.nan, np.nan) if rule.forward else d.interval()
            records.append((need, name, part, d.mean, *ends))
    columns = ["need", "method", "part", "gain", "low", "high"]
    return pd.DataFrame(records, columns=columns)
