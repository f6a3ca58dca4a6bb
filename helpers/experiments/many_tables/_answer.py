"""Should I oversample, and with what: lines of a table, each as sure as the rows make it."""

from typing import NamedTuple

import numpy as np

from ...evaluation import compare_sets
from .. import that_learnt
from ._arms import DEEP
from ._ranks import PRIMARY, against, corrections, gains, of_plan, ranked
from ._rule import ALPHA, FEWEST, LADDER, MIN_GAIN, chosen, need_gains, worth_of
from ._tables import SEVERAL

#: Tables with columns of categories, and those with fewest rare rows.
WITH_CATEGORIES = (
    "abalone-17_vs_7-8-9-10",
    "car-good",
    "flare-F",
    "hypothyroid",
    "kddcup-guess_passwd_vs_satan",
    "kr-vs-k-three_vs_eleven",
)
HOLES = "hypothyroid"
#: Protocol of the image chapter's main table on a tenth of the images.
IMAGES = "resnet18-1"
#: How the names of its arms that train a generator begin.
GENERATORS = ("deep_smote", "bagan", "gamo")


def _name(arm):
    from ...plotting import printed  # brings matplotlib with it

    return printed(arm)


class Line(NamedTuple):
    """One line of the decision table; markdown, but for what comes from rows."""

    situation: str
    advice: str
    verdict: str  #: shown, not shown, not tested
    sure: str
    asked_first: bool = False  #: the primary question; all others are exploratory


# ---------------------------------------------------------------- lines


def answer(rows, others=None):
    """The decision table.

    Parameters
    ----------
    rows : DataFrame
        Stored rows of this chapter.
    others : dict of str to DataFrame, optional
        Stored rows of other chapters, by name.

    Returns
    -------
    list of Line
        Those whose rows are there, and no other.
    """
    others = others or {}
    made = [
        _threshold(rows),
        _beyond_threshold(rows),
        _fixed_threshold(rows),
        _ranking(rows),
        _probabilities(rows),
        _undersampling(rows),
        _categories(rows),
        _holes(rows),
        _networks(rows),
        _linear(rows),
        _several(rows),
        _images(others.get("deep_smote")),
    ]
    return [line for line in made if line is not None]


def _p(p):
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def _splits(n):
    return f"{n:.0f} split{'' if n == 1 else 's'}"


def _testable(row):
    """Whether a test of so many gains, in its family, could have told anything."""
    return row["p_least"] * max(1, row.get("family", 1)) < ALPHA


def _sure(row):
    """Whether a gain is shown, and worth it."""
    p = row["p_holm"] if row.get("family", 1) else np.nan
    return p < ALPHA and row["median"] >= MIN_GAIN


def _verdict(row):
    """One word or two, in bold on the page."""
    if not _testable(row):
        return "not tested"
    return "shown" if row["p_holm"] < ALPHA else "not shown"


def _told(row, unit="mean recall", sign=1):
    """Of how many tables, how much, and what chance makes of it; -1 for a loss as it is."""
    splits, n = row.get("splits", np.nan), row["n"]
    each = "" if np.isnan(splits) else f", {_splits(splits)} each"
    median = f"{sign * row['median']:+z.3f}"  # never -0.000
    text = (
        f"{unit} {median} in the median, better on {row['better']:.0f} and worse on "
        f"{row['worse']:.0f} of n = {n:.0f} tables{each}"
    )
    if not _testable(row):
        return text + "; too few tables differ for a test"
    family = row.get("family", 1)
    among = f"after Holm over {family:.0f} arms" if family > 1 else "uncorrected"
    return f"{text}; {_p(row['p_holm'])} {among}"


def _alone(found, arm, splits):
    """One arm tested by itself, as a row of `against`."""
    row = compare_sets(found[[arm]], power=None).loc[arm]
    return {**row, "splits": splits, "family": 1}


def _family(table):
    """Arms of a table of tests that the correction is over."""
    return table[table["family"] > 0] if len(table) else table


def _threshold(rows):
    table = against(rows, "tuned_acsa", "boosting", of_reference="acsa")
    if "nothing" not in table.index or table.loc["nothing", "n"] < 2:
        return None
    own = gains(ranked(rows), "tuned_acsa", "boosting", of_reference="acsa")
    row = _alone(own, "nothing", table.loc["nothing", "splits"])
    shown = "" if _sure(row) else "; so far it is not shown to help"
    return Line(
        "You decide yes or no (who churns, who is ill), and to miss all of one class is as "
        "bad as to miss all of the other",
        f"Train on the data as they are, and tune the threshold{shown}",
        _verdict(row),
        f"against the threshold at one half: {_told(row)}",
    )


def sentence(rows):
    """The answer in a sentence, as far as the rows carry it.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.

    Returns
    -------
    str
        Markdown.
    """
    line = _threshold(rows)
    settled = line is not None and "not shown" not in line.advice
    if settled and chosen(need_gains(rows, "decisions")) == "nothing":
        return (
            "**tune the threshold first, and believe a sampler only if it beats that.**"
        )
    return "**the rows do not settle it for all tables; let your own decide.**"


def _advice(name, otherwise):
    return otherwise if name == "nothing" else f"Add {_name(name)}"


def _beyond(rows, metric, need, classifier, situation, otherwise, unit):
    """What the rule takes for a need, and how far the best arm got."""
    table = _family(against(rows, metric, classifier))
    if table.empty:
        return None
    name = chosen(worth_of(need_gains(rows, need, classifier), need, rows, classifier))
    small = table[(table["p_holm"] < ALPHA) & (table["median"] > 0)]
    best = (small if len(small) else table)["median"].idxmax()
    shown = name if name in table.index else best
    row = table.loc[shown]
    lead = "" if name != "nothing" else f"the largest median, {_name(shown)}: "
    if len(small):
        otherwise = (
            f"Nothing: what is shown to gain is not worth it, {MIN_GAIN} or more"
        )
    settled = name != "nothing" or len(small) or not _testable(row)
    return Line(
        situation,
        _advice(name, otherwise),
        _verdict(row) if settled else "not shown",
        f"{lead}{_told(row, unit)}",
        asked_first={"metric": metric, "classifier": classifier} == PRIMARY,
    )


def _beyond_threshold(rows):
    return _beyond(
        rows,
        "tuned_acsa",
        "decisions",
        "boosting",
        "The threshold is tuned already, and you hope for more",
        "Nothing more: no arm is shown to add to it",
        "mean recall",
    )


def _fixed_threshold(rows):
    table = _family(against(rows, "acsa", "boosting"))
    if table.empty:
        return None
    able = table[[_sure(row) for _, row in table.iterrows()]]
    if able.empty:
        return None
    near = able.index[able["median"] > able["median"].max() - MIN_GAIN]
    name = next((arm for arm in LADDER if arm in near), near[0])
    return Line(
        "You must decide, and the threshold is not yours to move",
        f"Balance by {_name(name)}, which acts as a threshold does; rather get it moved",
        "shown",
        f"against nothing, both at one half: {_told(table.loc[name])}",
    )


def _ranking(rows):
    return _beyond(
        rows,
        "pr_auc",
        "ranking",
        "boosting",
        "You want a ranking: who first?",
        "Nothing: no arm is shown to rank better than the data as they are",
        "average precision",
    )


def _probabilities(rows):
    table = _family(against(rows, "log_loss", "boosting"))
    if "class_weight" not in table.index:
        return None
    worse = table[(table["p_holm"] < ALPHA) & (table["median"] < 0)]
    worst = table["median"].idxmin()
    found = need_gains(rows, "probabilities")
    name = chosen(worth_of(found, "probabilities", rows))
    mended = corrections(rows, "boosting")
    helped = mended.index[(mended["p_holm"] < ALPHA) & (mended["median"] > 0)]
    names = " or ".join(map(_name, helped))
    linear = corrections(rows, "logistic")
    n_linear = int(((linear["p_holm"] < ALPHA) & (linear["median"] > 0)).sum())
    advice = f"Nothing. After {names}, `correct_prior`" if names else "Nothing"
    weights = mended.loc["class_weight"]
    return Line(
        "You want probabilities",
        _advice(name, advice),
        "shown" if len(worse) or name != "nothing" else "not shown",
        f"as they come, {len(worse)} of {len(table)} arms are shown to be worse; most, "
        f"{_name(worst)}: {_told(table.loc[worst], 'log loss', -1)}. Turned back to the "
        f"shares, {len(helped)} of {len(mended)} are shown to be better than before"
        + (
            f" (with a logistic regression, {n_linear} of {len(linear)})"
            * (len(linear) > 0)
        )
        + f"; class weights are on {weights['better']:.0f} tables, and worse on "
        f"{weights['worse']:.0f}",
    )


def _undersampling(rows):
    table = _family(against(rows, "pr_auc", "boosting"))
    if "random_undersampling" not in table.index:
        return None
    row = table.loc["random_undersampling"]
    advice = "It is not shown to rank worse, nor better"
    if row["p_holm"] < ALPHA:
        worse = "Not for a ranking: it is shown to rank worse"
        advice = worse if row["median"] < 0 else "Do: it is shown to rank better"
    return Line(
        "You think of undersampling, to be quick",
        advice,
        _verdict(row),
        _told(row, "average precision"),
        asked_first=True,
    )


def _categories(rows):
    part = rows[rows["dataset"].isin(WITH_CATEGORIES)]
    table = against(part, "tuned_acsa", "boosting")
    if "smote" not in table.index or table.loc["smote", "n"] < 2:
        return None
    found = gains(ranked(part), "tuned_acsa", "boosting")
    row = _alone(found, "smote", table.loc["smote", "splits"])
    advice = "SMOTENC or SMOTEN" if _sure(row) else "The same"
    return Line(
        "The table has categories",
        f'{advice}; if you must, `TabularOverSampler("smote")` takes them as they are',
        _verdict(row),
        f"SMOTENC, or SMOTEN where no column is a number, beyond a tuned threshold: "
        f"{_told(row)}",
    )


def _holes(rows):
    if of_plan(rows, (HOLES,)).empty:
        return None
    return Line(
        "There are missing values",
        "Leave them: boosting takes them, and `TableCodec` makes holes anew in new rows",
        "not tested",
        f"no arm fills them in; {HOLES} is the table with holes (n = 1)",
    )


def _networks(rows):
    part = rows[rows["method"].isin([*DEEP, "smote"])]
    table = against(part, "pr_auc", "boosting", reference="smote")
    table = _family(table[table["n"] >= FEWEST])
    if table.empty:
        return None
    name = table["median"].idxmax()
    row = table.loc[name]
    advice = "Not before SMOTE was worth it: no network is shown to rank better"
    if row["p_holm"] < ALPHA and row["median"] > 0:
        by_little = "" if _sure(row) else f", by less than {MIN_GAIN}"
        advice = f"{_name(name)} ranks better than SMOTE{by_little}"
    return Line(
        "You think of a GAN, or of diffusion",
        advice,
        _verdict(row),
        f"{len(table)} networks against SMOTE, the largest median, {_name(name)}: "
        f"{_told(row, 'average precision')}",
    )


def _linear(rows):
    return _beyond(
        rows,
        "tuned_acsa",
        "decisions",
        "logistic",
        "The classifier is a logistic regression",
        "The same: tune the threshold, add nothing",
        "mean recall",
    )


def _several(rows):
    part = of_plan(rows, SEVERAL)
    found = gains(part, "tuned_acsa", "boosting")
    if len(found) < 2 or "smote" not in found:
        return None
    own = part[part["method"] == "smote"]
    splits = own.groupby(["dataset", "classifier"]).size().min()
    row = _alone(found, "smote", splits)
    return Line(
        "There are several classes",
        "An offset per class first (`ResampledClassifier(tune=True)`), which is a threshold for several",
        _verdict(row),
        f"SMOTE beyond the offsets: {_told(row)}",
    )


def _images(rows):
    if rows is None or rows.empty:
        return None
    rows = that_learnt(rows[rows["protocol"] == IMAGES])
    wide = rows.pivot_table(
        values="balanced_acsa", index=["dataset", "seed", "fold"], columns="method"
    ).drop(columns="dummy", errors="ignore")
    if "nothing" not in wide:
        return None
    draws = wide.notna().groupby(level="dataset").sum()
    found = wide.sub(wide.pop("nothing"), axis=0).groupby(level="dataset").mean()
    found = found.dropna(axis=1)
    if found.shape[1] < 2 or len(found) < 2:
        return None
    table = compare_sets(found, power=None).assign(family=found.shape[1])
    table = table.sort_values("mean", ascending=False)
    told = ", ".join(
        f"{_name(arm)} {row['mean']:+.3f} (better on {row['better']:.0f})"
        for arm, row in table.head(3).iterrows()
    )
    networks = [arm for arm in table.index if arm.startswith(GENERATORS)]
    if networks and networks[0] not in table.index[:3]:
        best = table.loc[networks[0]]
        told += f"; the best generator, {_name(networks[0])}, {best['mean']:+.3f}"
    able = [arm for arm, row in table.iterrows() if _testable(row) and _sure(row)]
    n_draws = int(draws["nothing"].min())
    first = "Not told: what needs no generator is tried first, being cheaper"
    return Line(
        "The data are images",
        f"Try {_name(able[0])}" if able else first,
        "shown" if able else "not tested",
        f"mean recall over doing nothing, n = {len(found)} data sets of a tenth of the images, "
        f"{n_draws} draw{'s'[: n_draws > 1]}, too few for a test: {told}",
    )


def glance(rows):
    """One sentence for the first page of the book, from the stored rows."""
    table = against(rows, "pr_auc", "boosting") if len(rows) else rows
    if table.empty or table["n"].max() < FEWEST:
        return "Not answered yet."
    table = _family(table)
    better = table[(table["p_holm"] < ALPHA) & (table["median"] > 0)]
    worse = table[(table["p_holm"] < ALPHA) & (table["median"] < 0)]
    n = int(table["n"].max())
    told = ", ".join(_name(arm) for arm in better.index) or "none"
    return (
        f"By average precision with boosting on {n} tables, one a source, {len(table)} arms "
        f"against doing nothing (Wilcoxon, Holm): better {told}; worse {len(worse)}; of the "
        f"others it cannot be told"
    )


def state(rows, planned):
    """How much of the plan the answer stands on, in a sentence or two.

    Parameters
    ----------
    rows : DataFrame
        Stored rows.
    planned : int
        Fits.

    Returns
    -------
    str
    """
    fits = len(
        rows[["dataset", "method", "seed", "fold", "protocol"]].drop_duplicates()
    )
    splits = ranked(rows).groupby(["dataset", "method", "classifier"]).size()
    most = int(splits.max()) if len(splits) else 0
    if fits >= planned:
        return f"All {planned:,} planned fits are there."
    return (
        f"So far {fits:,} of {planned:,} planned fits are there, at most {_splits(most)} of a "
        "table. Until all are, this is an interim look: the lines are drawn anew as rows come "
        "in, and their p-values do not pay for looking more than once."
    )
