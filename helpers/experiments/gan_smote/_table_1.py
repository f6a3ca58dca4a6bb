"""The paper's Table 1 beside ours: levels, spreads over folds, and what is claimed of them."""

import pandas as pd

from ...display import printed_name
from ...evaluation import (
    Claim,
    Difference,
    compare,
    judge,
    mean_differences,
    place,
    summarise,
)
from ._benchmark import N_FOLDS
from ._rows import ARMS, CLASSIFIERS, rows_of

#: Accuracy in per cent, its standard deviation over ten folds, and F1.
PAPER = pd.DataFrame(
    {
        "gan_smote": [69.29, 12.16, 0.693],
        "smote": [68.57, 11.76, 0.686],
        "nothing": [68.57, 15.13, 0.686],
        "random_oversampling": [67.86, 12.26, 0.679],
    },
    index=["accuracy", "sd over folds", "F1"],
).T
#: Rocks: one of them is the step of the paper's table.
N_ROCKS = 140
#: How a row says the accuracy: as the paper seems to have measured it, and as it should.
READINGS = {"best epoch": "accuracy_best_epoch", "honest": "accuracy"}
#: Folds that "each random fold" may mean, by the name of the split.
KINDS = {"stratified": "folds", "random": "random"}


def _learning(stored, split, classifier):
    """Rows of all arms but the dummy."""
    rows = rows_of(stored, split, classifier, ARMS)
    return rows[rows["method"] != "dummy"]


def _by_repeat(rows, column):
    """Means over the folds of a repeat: repeats by arms."""
    return rows.groupby(["method", "seed"])[column].mean().unstack(0)


# ---------------------------------------------------------------- the paper's table


def table_1(stored):
    """The paper's Table 1 and ours, in both readings; accuracies in per cent.

    Parameters
    ----------
    stored : DataFrame

    Returns
    -------
    DataFrame
        Arms of the paper and the dummy by ``paper``, ``paper, F1``, ``best epoch``,
        ``sd over repeats`` (of the best epoch), ``honest``, ``honest micro-F1``, ``honest
        macro-F1`` and ``repeats``.
    """
    rows = rows_of(stored, "folds", "network", [*PAPER.index, "dummy"])
    means = rows.groupby("method")[["accuracy_best_epoch", "accuracy", "f1_macro"]]
    means = means.mean()
    found = {
        "paper": PAPER["accuracy"],
        "paper, F1": PAPER["F1"],
        "best epoch": means["accuracy_best_epoch"] * 100,
        "sd over repeats": (100 * _by_repeat(rows, "accuracy_best_epoch")).std(),
        "honest": means["accuracy"] * 100,
        "honest micro-F1": means["accuracy"],
        "honest macro-F1": means["f1_macro"],
        "repeats": rows.groupby("method")["seed"].nunique(),
    }
    return pd.DataFrame(found).reindex([*PAPER.index, "dummy"])


def in_samples(ours):
    """Accuracies of `table_1` as right answers of 140, against the data as they are."""
    levels = ours[["paper", "best epoch", "honest"]]
    return N_ROCKS / 100 * (levels - levels.loc["nothing"])


def repeat_gaps(stored):
    """Right answers of 140 more than doing nothing, at the best epoch: repeats by arms."""
    repeats = _by_repeat(rows_of(stored, "folds", "network"), READINGS["best epoch"])
    gaps = N_ROCKS * repeats.sub(repeats["nothing"], axis=0)
    return gaps.round(9)  # whole numbers where folds are alike, but for the last digits


def placed_table_1(stored):
    """Every number of the paper's table beside ours, and its gaps in samples of 140.

    Levels depend on a learning rate and a longest training that the paper does not give.

    Returns
    -------
    dict of Printed
        By arm in print and "accuracy", "F1" or "gap".
    """
    rows = rows_of(stored, "folds", "network")
    repeats, gaps = _by_repeat(rows, READINGS["best epoch"]), repeat_gaps(stored)
    placed = {}
    for arm, line in PAPER.iterrows():
        name, level = printed_name(arm), 100 * repeats[arm]
        placed[name, "accuracy"] = place(line["accuracy"], level, comparable=False)
        placed[name, "F1"] = place(line["F1"], repeats[arm], comparable=False)
        if arm != "nothing":
            gap = round(1.4 * (line["accuracy"] - PAPER.loc["nothing", "accuracy"]))
            placed[name, "gap"] = place(gap, gaps[arm], effect=1)
    return placed


# ---------------------------------------------------------------- its spreads


def over_folds(stored, kind, reading):
    """Standard deviations over the folds of each whole repeat, in points: repeats by arms.

    Parameters
    ----------
    stored : DataFrame
    kind : {"stratified", "random"}
    reading : {"best epoch", "honest"}

    Returns
    -------
    DataFrame
        NaN where an arm has not all ten folds of a repeat.
    """
    rows = rows_of(stored, KINDS[kind], "network")
    n = rows.groupby(["method", "seed"])["fold"].transform("size")
    whole = rows[n == N_FOLDS].groupby(["method", "seed"])[READINGS[reading]]
    return (whole.std().unstack(0) * 100).reindex(columns=PAPER.index)


def placed_spreads(stored):
    """The paper's standard deviations over folds beside ours, by folds and by reading.

    An arm none of whose repeats is whole is left out.

    Returns
    -------
    dict of Printed
        By kind of folds, reading, and arm in print.
    """
    told = PAPER["sd over folds"]
    return {
        (kind, reading, printed_name(arm)): place(
            told[arm], sds[arm], effect=told.max() - told.min(), half_unit=0.005
        )
        for kind in KINDS
        for reading in READINGS
        for sds in [over_folds(stored, kind, reading)]
        for arm in told.index
        if sds[arm].notna().any()
    }


def judged_spreads(stored):
    """Do GAN-SMOTE and SMOTE lower the spread over folds? One family over the repeats.

    Returns
    -------
    DataFrame
        What `helpers.evaluation.judge` returns; arms with less than two whole repeats are
        not asked about.
    """
    claims = [
        _less_spread(stored, arm, kind, reading)
        for arm in ("gan_smote", "smote")
        for kind in KINDS
        for reading in READINGS
    ]
    claims = [claim for claim in claims if claim.difference.n > 1]
    return judge(claims, "less spread over folds than nothing")


def _less_spread(stored, arm, kind, reading):
    sds, told = over_folds(stored, kind, reading), PAPER["sd over folds"]
    fewer = Difference.of((sds[arm] - sds["nothing"]).dropna())
    gap = told[arm] - told["nothing"]
    name = f"{printed_name(arm)}, {kind}, {reading} (paper: {gap:+.1f})"
    return Claim(name, fewer, "less")


# ---------------------------------------------------------------- under repetition


def network_table(stored):
    """Honest metrics of the paper's network, by arm; ± is over single folds. Text."""
    metrics = ["accuracy", "f1_macro", "acsa", "log_loss"]
    rows = rows_of(stored, "folds", "network", ARMS)
    return summarise(rows, metrics).reindex(ARMS).dropna()


def accuracies(stored, split):
    """Accuracy by arm and classifier as text; ± is over repeats.

    Parameters
    ----------
    stored : DataFrame
    split : str
        As `folds` takes it.
    """
    columns = {}
    for key, name in CLASSIFIERS.items():
        rows = rows_of(stored, split, key, ARMS)
        repeats = rows.groupby(["method", "seed"])["accuracy"].mean().reset_index()
        found = summarise(repeats, "accuracy")
        columns[name] = found["accuracy"]
    table = pd.DataFrame({**columns, "repeats": found["n"]})
    return table.reindex(ARMS).dropna(how="all")


def against_nothing(stored, split, classifier, reading="honest"):
    """Accuracies minus that of doing nothing, fold by fold, with Holm's correction.

    Parameters
    ----------
    stored : DataFrame
    split : str
    classifier : {"network", "logistic", "forest"}
    reading : {"honest", "best epoch"}

    Returns
    -------
    DataFrame
        What `helpers.evaluation.compare` returns, in the order of `ARMS`.
    """
    rows = _learning(stored, split, classifier)
    found = compare(rows, READINGS[reading], "nothing")
    return found.reindex([arm for arm in ARMS if arm in found.index])


def lost_by_grouping(stored):
    """What accuracy loses when equal rows are kept together, the paper's network.

    Returns
    -------
    DataFrame
        ``points lost`` and ``repeats``, of those that an arm has in both ways, by arm.
    """
    level = {
        split: _by_repeat(rows_of(stored, split, "network", ARMS), "accuracy")
        for split in ("folds", "grouped")
    }
    lost = (100 * (level["folds"] - level["grouped"])).reindex(columns=ARMS)
    found = pd.DataFrame({"points lost": lost.mean(), "repeats": lost.count()})
    return found[found["repeats"] > 0]


def judged_claims(stored):
    """The paper's claims in both readings, and ours of two other classifiers: one family.

    "Equals" has a margin of one sample of 140, the step of the paper's table.

    Returns
    -------
    DataFrame
        What `helpers.evaluation.judge` returns, of accuracies.
    """
    asked = [
        ("GAN-SMOTE beats the data as they are (paper: +1)", "gan_smote", "more"),
        ("SMOTE equals them (paper: 0)", "smote", "same"),
        ("random oversampling is worse (paper: -1)", "random_oversampling", "less"),
    ]
    claims = [
        _claim(stored, f"{text}, {reading}", "network", method, says, reading)
        for reading in ("honest", "best epoch")
        for text, method, says in asked
    ]
    for text, key in (
        ("logistic regression", "logistic"),
        ("a random forest", "forest"),
    ):
        claims.append(_claim(stored, f"GAN-SMOTE helps {text}", key, "gan_smote"))
    return judge(claims, "differences from doing nothing")


def _claim(stored, text, classifier, method, says="more", reading="honest"):
    rows = _learning(stored, "folds", classifier)
    found = mean_differences(rows, READINGS[reading], "nothing")[method]
    return Claim(text, found, says, 1 / N_ROCKS if says == "same" else None)
