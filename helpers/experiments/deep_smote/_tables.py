"""The tables of the results' page, each made of stored rows and of what the paper printed.

Means and spreads are over draws, in per cent where a docstring says so. Rows whose
classifier did not learn are left out before (`helpers.experiments.that_learnt`).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ...display import tally
from ...evaluation import summarise
from ...plotting import printed
from .. import that_learnt
from ._claims import READING, judged, row_error
from ._rows import beside_paper, table_cells
from ._table_1 import (
    ARMS,
    COUNTS_PROTOCOL,
    LOADERS,
    PENALTIES,
    PROTOCOL,
    RIVALS,
    SETTINGS,
    SIMPLE,
    counts_of,
    published,
    sampler,
)

#: What each arm does, in the order of the table that introduces them.
TOLD = {
    "dummy": "always answers with one class",
    "nothing": "the images as they are",
    "nothing_augmented": "the same, shifted or mirrored at random",
    "class_weight": "rare classes count for more in the loss",
    "random_oversampling": "copies of images",
    "random_oversampling_augmented": (
        "copies, and all images shifted or mirrored at random"
    ),
    "logit_adjustment": "the classes' shares are added to the scores in the loss",
    "mixup": "images and labels mixed in pairs",
    "smote": "between two images, pixel by pixel",
    "deep_smote": "between codes; the penalty of the paper's text",
    "deep_smote_authors_code": "between codes; the penalty of the authors' code",
    "deep_smote_no_penalty": "between codes; plain reconstruction",
    "amdo": "on contours of equal distance around a class; for the paper's AMDO",
    "mc_ccr": "in balls around rare images; other classes pushed out",
    "mc_rbo": "climbs to where the potentials of classes balance",
    "bagan": "a GAN that starts from an autoencoder",
    "gamo": "mixes real images by weights that a generator learns",
}


def arms_told() -> pd.DataFrame:
    """What each arm does, and whether the paper's Table 1 has it."""
    table = pd.DataFrame({"what it does": TOLD})
    inside = {"smote", *RIVALS, READING}
    table["in the paper's table"] = [arm in inside for arm in table.index]
    return table


# ---------------------------------------------------------------- Table 1


class Complete(NamedTuple):
    """Rows of the data sets whose table is whole, and what there is of them."""

    rows: pd.DataFrame
    data_sets: list  #: in the order of the paper
    draws: pd.Series  #: by data set, those that have all arms
    lacking: list  #: what is not there yet, in words


def complete(stored) -> Complete:
    """Rows of the data sets that have all simple arms and all readings of DeepSMOTE.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol; those that did not learn are left out.

    Raises
    ------
    ValueError
        No data set is complete.
    """
    rows = that_learnt(stored[stored["protocol"] == PROTOCOL])
    needed = {*SIMPLE, *PENALTIES}
    there = rows.groupby("dataset")["method"].agg(set)
    order = [name for name in LOADERS if needed <= there.get(name, set())]
    if not order:
        raise ValueError(
            f"No data set of profile {[*stored['profile'].unique()]} is complete: "
            f"each needs a row of {', '.join(sorted(needed))}. Compute them with "
            "`python -m helpers run deep_smote`, or read another profile."
        )
    lacking = {
        name: [printed(arm) for arm in ARMS if arm not in there[name]] for name in order
    }
    told = [
        f"{printed(name)} lacks {', '.join(arms)}"
        for name, arms in lacking.items()
        if arms
    ]
    whole, plan = whole_draws(rows), table_cells(stored["profile"].iloc[0])
    planned = pd.DataFrame(plan).groupby("dataset")["fold"].nunique()
    told += [
        f"{printed(name)} has {whole[name]} of {planned[name]} draws"
        for name in order
        if whole[name] < planned.get(name, 0)
    ]
    told += [
        f"{printed(name)} is not complete, and left out"
        for name in sorted({*there.index} - {*order})
    ]
    return Complete(rows[rows["dataset"].isin(order)], order, whole[order], told)


def whole_draws(rows) -> pd.Series:
    """Draws of each data set that have all simple arms and all readings of DeepSMOTE."""
    needed = {*SIMPLE, *PENALTIES}
    whole = rows[rows["method"].isin(needed)].groupby(["dataset", "fold"]).size()
    return (whole == len(needed)).groupby("dataset").sum()


def data_sets_of(rows) -> list[str]:
    """Data sets that rows are of, in the order of the paper's table."""
    return [name for name in LOADERS if name in {*rows["dataset"]}]


def table_1(rows, metric, test="imbalanced") -> pd.DataFrame:
    """The paper's table as it came out, in per cent, ours above its own.

    Parameters
    ----------
    rows : DataFrame
        As of `complete`.
    metric : {"acsa", "gmean_macro", "f1_macro"}
    test : {"imbalanced", "balanced"}
        The seed paper's test or the journal's.

    Returns
    -------
    DataFrame of str
        Indexed by "ours" or "paper" and the arm, a column per data set; ours with the
        standard deviation over draws. The paper's AMDO keeps its name, since ours is a
        part of it.
    """
    column = metric if test == "imbalanced" else f"balanced_{metric}"
    order = data_sets_of(rows)
    arms = [arm for arm in ARMS if arm in {*rows["method"]}]
    shares = rows.assign(**{column: 100 * rows[column]})
    ours = summarise(shares, column, by=["method", "dataset"], digits=1)
    ours = ours[column].unstack().reindex(arms)[order]
    papers = published()[test].xs(metric, axis=1, level=1).reindex(columns=order)
    papers = (100 * papers.dropna()).map("{:.1f}".format)
    return pd.concat({"ours": ours, "paper": papers.rename(index={"amdo": "AMDO"})})


def errors_by_test(rows) -> pd.DataFrame:
    """Standard deviation of a mean recall by the test images alone, in points.

    Of doing nothing in the first draw; see `row_error`.

    Returns
    -------
    DataFrame of shape (2, data sets)
        For the imbalanced and for the balanced test.
    """
    one = rows[(rows["method"] == "nothing") & (rows["fold"] == 0)]
    tests = {"imbalanced test": "", "balanced test": "balanced_"}
    errors = {
        name: one.apply(row_error, axis=1, prefix=prefix)
        for name, prefix in tests.items()
    }
    errors = (100 * pd.DataFrame(errors)).set_axis(one["dataset"]).rename_axis(None)
    return errors.T[data_sets_of(rows)]


def counts_budget_told() -> str:
    """What DeepSMOTE is given at the paper's counts, beside what is published."""
    own = SETTINGS["counts"]["deep_smote"]
    return (
        f"DeepSMOTE has {own['width']:g} of the paper's channels here, and {own['epochs']} "
        "epochs at most; the journal gives it 50 to 350, until its loss levels off, the "
        "authors' code 200"
    )


def budgets(profile) -> pd.DataFrame:
    """What the networks of the samplers are given in a profile, one row an arm.

    Arms without a network are left out. Their published learning rates stand beside.
    """
    found = {}
    for arm in [*PENALTIES, *RIVALS]:
        given = sampler(arm, profile, 0)
        chosen, published_ones = given.get_params(), type(given)().get_params()
        if "lr" in chosen:
            updates = chosen.get("autoencoder_steps", chosen["n_steps"])
            found[arm] = {
                "updates of the autoencoder": updates,
                "of the GAN": chosen["n_steps"] if "autoencoder_steps" in chosen else 0,
                "learning rate": chosen["lr"],
                "published rate": published_ones["lr"],
                "width": chosen["width"],
            }
    return pd.DataFrame(found).T


# ---------------------------------------------------------------- the paper's counts


def table_at_counts(rows, test) -> pd.DataFrame:
    """Mean recall at the paper's counts, in per cent, ours above the paper's.

    Parameters
    ----------
    rows : DataFrame
        Of the profile "counts", also those that did not learn.
    test : {"imbalanced", "balanced"}

    Returns
    -------
    DataFrame of str
        Mean, standard deviation over draws and in brackets their number; an arm none of
        whose trainings learnt says so.
    """
    found = beside_paper(rows, test)
    ours = (100 * found["mean"]).map("{:.1f}".format)
    spread = (100 * found["sd"]).map(" ± {:.1f}".format)
    ours += spread.where(found["sd"].notna(), "") + " (" + found["n"].astype(str) + ")"
    ours = ours.where(found["n"] > 0, "did not learn").unstack("dataset")
    ours = ours.reindex(found.index.unique(1))[[*found.index.unique(0)]]
    papers = 100 * published()[test].xs("acsa", axis=1, level=1)
    papers = papers.reindex(["smote", "deep_smote"])[[*ours]].dropna(how="all")
    return pd.concat({"ours": ours, "paper": papers.map("{:.1f}".format)})


class NotThere(NamedTuple):
    """What a plan has and the rows do not."""

    table: pd.DataFrame  #: arms by data set, sets that lack the same in one line
    missing: int  #: rows
    planned: int


def not_there_yet(rows) -> NotThere:
    """Arms of "counts" that are not stored, in some or all of their draws."""
    key = ["dataset", "method", "seed", "fold"]
    plan = pd.DataFrame(table_cells("counts"))
    left = plan.merge(rows[key], how="left", indicator=True)
    left = left[left["_merge"] == "left_only"]
    absent = left.groupby("dataset", sort=False)["method"].agg(
        lambda arms: "; ".join(dict.fromkeys(map(printed, arms)))
    )
    alike = pd.Series(absent.index.map(printed), absent.to_numpy()).groupby(level=0)
    alike = alike.agg(", ".join)
    absent = pd.Series(alike.index, alike.to_numpy())
    table = absent.to_frame("not there yet, in some or all draws")
    return NotThere(table, len(left), len(plan))


def nothing_at_counts(rows) -> list[str]:
    """Doing nothing with the paper's images beside its DeepSMOTE, a text a test and set."""
    found = []
    nothing = that_learnt(rows).query("method == 'nothing'")
    for test, prefix in {"imbalanced": "", "balanced": "balanced_"}.items():
        papers = published().loc["deep_smote"].get(test)
        for name in data_sets_of(nothing):
            own = nothing[nothing["dataset"] == name]
            tests = 1 if name == "celeba" else len(own)  # whose draws share a test
            error = 100 * row_error(own.iloc[0], prefix) / np.sqrt(tests)
            theirs = 100 * papers.get((name, "acsa"), np.nan)
            found.append(
                f"{printed(name)}, {test} test, "
                f"{100 * own[f'{prefix}acsa'].mean():.1f} ± {error:.1f} "
                f"by its images alone (the paper's DeepSMOTE {theirs:.1f})"
            )
    return found


def counts_told(rows) -> str:
    """Doing nothing at the paper's counts beside what the paper prints, in a sentence.

    On the imbalanced test, that of its Table 1, in the mean over draws; "" without rows.
    Of SVHN a fifth was at hand, so that it is not in it.
    """
    rows = rows[(rows["protocol"] == COUNTS_PROTOCOL) & (rows["dataset"] != "svhn")]
    if not (that_learnt(rows)["method"] == "nothing").any():
        return ""

    def with_spread(table):
        told = 100 * table[["mean", "sd"]]
        return " and ".join(
            f"{m:.1f}" + (f" ± {s:.1f}" if s == s else "") for m, s in told.to_numpy()
        )

    every = beside_paper(rows)
    found = every.xs("nothing", level="method")
    found = found[found["n"] > 0]
    ours = every["mean"].unstack("method").reindex(found.index)
    smote = ""
    if "smote" in ours and ours["smote"].notna().all():
        smote = f", SMOTE one of {with_spread(every.xs('smote', level='method').loc[found.index])}"
    printed_ones = published()["imbalanced"].xs("acsa", axis=1, level=1)[[*found.index]]

    def listed(shares):
        return " and ".join(f"{100 * share:.1f}" for share in shares)

    return (
        f"At the paper's numbers of images, on {' and '.join(map(printed, found.index))} and "
        f"on the test of its table, doing nothing has a mean recall of "
        f"{with_spread(found)} per cent{smote} (draws: "
        f"{' and '.join(f'{n:.0f}' for n in found['n'])}); the paper prints "
        f"{listed(printed_ones.loc['smote'])} for SMOTE and "
        f"{listed(printed_ones.loc['deep_smote'])} for DeepSMOTE"
    )


# ---------------------------------------------------------------- claims in words


def gains_told(gains) -> str:
    """Which arm gains most over doing nothing, where DeepSMOTE stands, and the last.

    Parameters
    ----------
    gains : DataFrame
        What `gains` returns.
    """
    means = mean_gains(gains)
    best, worst = means.index[-1], means.index[0]
    rank = len(means) - means.index.get_loc(READING)
    return (
        f"In the mean over the sets {printed(best)} gains most, {means[best]:+.1f} "
        "points; DeepSMOTE by its authors' code is number "
        f"{rank} of {len(means)} with {means[READING]:+.1f}; last is "
        f"{printed(worst)} with {means[worst]:+.1f}."
    )


def mean_gains(gains) -> pd.Series:
    """Gain of each arm in the mean over data sets, the least first.

    Of arms that have all data sets: on other sets the rest might stand elsewhere.
    """
    found = gains.groupby("method")["gain"]
    whole = found.size() == gains["dataset"].nunique()
    return found.mean()[whole].sort_values()


def mean_recalls(rows) -> pd.Series:
    """Mean recall of each arm on the balanced test, in the mean over data sets."""
    return rows.groupby(["dataset", "method"])["balanced_acsa"].mean().unstack().mean()


def planned_claims(over):
    """How many claims of `against_nothing` the rows of "counts" will let be tested."""
    plan = pd.DataFrame(table_cells("counts"))
    plan = plan[~plan["method"].isin(["nothing", "dummy"])]
    draws = plan.groupby(["dataset", "method"]).size()
    if over == "draws":
        draws = draws.drop("celeba")  # whose draws share one test, see `over_draws`
    return int((draws > (over == "draws")).sum())


def family_told(claims, over, planned=0) -> str:
    """How many claims of a family hold, and which differences could have been told.

    Parameters
    ----------
    claims : DataFrame
        What `judged` returns.
    over : {"draws", "images"}
    planned : int
        As in `judged`.
    """
    if claims["p"].isna().all():
        return f"Over {over}: nothing to test yet."
    tellable = 100 * claims["tellable"].dropna()
    tested = claims["p"].count()
    several = f"{tested} claims are one family"
    if tested < len(claims):
        several = f"{tested} of {len(claims)} claims can be tested, as one family"
    if planned:
        several = (
            f"{tested} of {planned} claims of the plan can be tested so far, and are "
            "corrected for all of them"
        )
    return (
        f"{several}: {tally(claims['verdict'][claims['p'].notna()])}. The "
        f"smallest differences that could have been told: {tellable.min():.1f} to "
        f"{tellable.max():.1f} points."
    )


def halves_told(rows) -> str:
    """What DeepSMOTE changes in the recall of the rarer and of the other classes.

    In points on the balanced test, against doing nothing in the same draws, a text for all
    data sets.
    """
    parts = []
    for name in data_sets_of(rows):
        own = rows[rows["dataset"] == name]
        columns = [f"balanced_recall_{c}" for c in np.argsort(sizes_of(own.iloc[0]))]
        arms = (
            own.set_index(["seed", "fold", "method"])[columns].astype(float).unstack()
        )
        change = arms.xs(READING, axis=1, level="method") - arms.xs(
            "nothing", axis=1, level="method"
        )
        change, half = 100 * change.mean().to_numpy(), len(columns) // 2
        rarer, others = change[:half].mean(), change[half:].mean()
        parts.append(f"{printed(name)} {rarer:+.0f} and {others:+.0f}")
    return "; ".join(parts)


def sizes_of(row):
    """Training images of each class, from a stored row's sizes."""
    return np.array(counts_of(row["dataset"], row["n_train"], row["n_test"]).train)


def by_penalty(rows, column) -> pd.DataFrame:
    """Mean of a column for each reading of the penalty, a column per data set."""
    readings = rows[rows["method"].isin(PENALTIES)]
    table = readings.pivot_table(column, "method", "dataset", sort=False)
    return table.reindex([*PENALTIES])[data_sets_of(rows)]


def penalties_told(rows) -> dict[str, str]:
    """Whether the penalty of the text, and that of the code, helps: verdicts over images."""
    claims = judged(rows, "images")
    return {
        who: tally(claims.loc[f"the penalty of the {who} helps", "verdict"])
        for who in ("text", "code")
    }
