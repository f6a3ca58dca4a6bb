"""Should I oversample, and with what: lines of a table, each as sure as the rows make it."""

from typing import NamedTuple

import numpy as np

from ...evaluation import compare_sets
from .. import that_learnt
from ._arms import DEEP
from ._ranks import against, gains, of_plan, ranked
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


def _name(arm):
    from ...plotting import printed  # brings matplotlib with it

    return printed(arm)


class Line(NamedTuple):
    """One line of the decision table; markdown, but for what comes from rows."""

    situation: str
    advice: str
    sure: str
    where: str  #: page, relative to the book


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


CHAPTER_PAGE = "many_tables.ipynb"


def _p(p):
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def _splits(n):
    return f"{n:.0f} split{'' if n == 1 else 's'}"


def _sure(row):
    """Whether a gain is shown, and worth it."""
    return row["p_holm"] < ALPHA and row["median"] >= MIN_GAIN


def _told(row, unit="mean recall", digits=3, family=" after Holm"):
    """How sure, in words: of how many tables, how much, what chance makes of it."""
    splits = row.get("splits", np.nan)
    each = "" if np.isnan(splits) else f", {_splits(splits)} each"
    text = (
        f"{unit} {row['median']:+.{digits}f} in the median, better on {row['better']:.0f} and worse "
        f"on {row['worse']:.0f} of n = {row['n']:.0f} tables{each}"
    )
    if row["n"] >= FEWEST:
        text += f"; {_p(row['p_holm'])}{family}"
    else:
        text += "; too few tables for a test"
    return text


def _few(table):
    """A table of tests without those arms that are no answer, or fail somewhere."""
    table = table.drop(index=["dummy"], errors="ignore")
    return table[table["n"] >= max(2, table["n"].max() - 1)] if len(table) else table


def _threshold(rows):
    table = against(rows, "tuned_acsa", "boosting", of_reference="acsa")
    if "nothing" not in table.index or table.loc["nothing", "n"] < 2:
        return None
    own = gains(ranked(rows), "tuned_acsa", "boosting", of_reference="acsa")
    alone = compare_sets(own[["nothing"]], power=None)
    row = {**alone.loc["nothing"], "splits": table.loc["nothing", "splits"]}
    shown = "" if _sure(row) else "; so far it is not shown to help"
    return Line(
        "You decide yes or no (who churns, who is ill) and both mistakes count",
        "Train on the data as they are, and move the threshold "
        f"(`TunedThresholdClassifierCV`){shown}",
        f"against the threshold at one half: {_told(row, family='')}",
        CHAPTER_PAGE,
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
    table = _few(against(rows, metric, classifier))
    if table.empty:
        return None
    name = chosen(worth_of(need_gains(rows, need, classifier), need, rows, classifier))
    shown = name if name in table.index else table["median"].idxmax()
    lead = "" if name != "nothing" else f"the best arm, {_name(shown)}: "
    return Line(
        situation,
        _advice(name, otherwise),
        f"{lead}{_told(table.loc[shown], unit)} ({len(table)} arms)",
        CHAPTER_PAGE,
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
    table = _few(against(rows, "acsa", "boosting"))
    if table.empty:
        return None
    able = table[[_sure(row) for _, row in table.iterrows()]]
    if able.empty:
        return None
    near = able.index[able["median"] > able["median"].max() - MIN_GAIN]
    name = next((arm for arm in LADDER if arm in near), near[0])
    return Line(
        "You must decide, and the threshold is not yours to move",
        f"Balance by {_name(name)}, which acts as a threshold does",
        f"against nothing, at one half: {_told(table.loc[name])}",
        CHAPTER_PAGE,
    )


def _ranking(rows):
    return _beyond(
        rows,
        "pr_auc",
        "ranking",
        "boosting",
        "You want a ranking: who first? (the primary question)",
        "Nothing: no arm is shown to rank better than the data as they are",
        "average precision",
    )


def _probabilities(rows):
    table = _few(against(rows, "log_loss", "boosting"))
    if "class_weight" not in table.index:
        return None
    worse = table[(table["p_holm"] < ALPHA) & (table["median"] < 0)]
    worst = table["median"].idxmin()
    found = need_gains(rows, "probabilities")
    name = chosen(worth_of(found, "probabilities", rows, "boosting"))
    return Line(
        "You want probabilities",
        _advice(name, "Nothing. If you used weights or sampling, `correct_prior`"),
        f"as they come, {len(worse)} of {len(table)} arms are shown to be worse; most, "
        f"{_name(worst)}: {_told(table.loc[worst], 'gain in log loss')}",
        CHAPTER_PAGE,
    )


def _undersampling(rows):
    table = _few(against(rows, "pr_auc", "boosting"))
    if "random_undersampling" not in table.index:
        return None
    row = table.loc["random_undersampling"]
    worse = row["p_holm"] < ALPHA and row["median"] < 0
    return Line(
        "You think of undersampling, to be quick",
        "Not for a ranking: it is shown to rank worse"
        if worse
        else "It is not shown to rank worse, nor better",
        _told(row, "average precision"),
        CHAPTER_PAGE,
    )


def _categories(rows):
    part = rows[rows["dataset"].isin(WITH_CATEGORIES)]
    table = against(part, "tuned_acsa", "boosting")
    if "smote" not in table.index or table.loc["smote", "n"] < 2:
        return None
    row = compare_sets(
        gains(ranked(part), "tuned_acsa", "boosting")[["smote"]], power=None
    )
    row = {**row.loc["smote"], "splits": table.loc["smote", "splits"]}
    useful = _sure(row)
    advice = "SMOTENC or SMOTEN" if useful else "The same: SMOTENC is not shown to help"
    return Line(
        "The table has categories",
        f'{advice}; if you must, `TabularOverSampler("smote")` takes them as they are',
        f"both thresholds tuned: {_told(row, family='')}",
        CHAPTER_PAGE,
    )


def _holes(rows):
    part = of_plan(rows, (HOLES,))
    found = gains(part, "tuned_acsa", "boosting")
    if found.empty or "smote" not in found:
        return None
    own = part[part["classifier"] == "boosting"].groupby("method").size()
    return Line(
        "There are missing values",
        "Leave them: boosting takes them, and `TableCodec` makes holes anew in new rows",
        f"one table only, {HOLES} (n = 1, {_splits(own['smote'])}): "
        f"SMOTENC {found['smote'].iloc[0]:+.3f} mean recall, thresholds tuned",
        CHAPTER_PAGE,
    )


def _networks(rows):
    part = rows[rows["method"].isin([*DEEP, "smote"])]
    table = against(part, "pr_auc", "boosting", reference="smote")
    table = table[table["n"] >= FEWEST]
    if table.empty:
        return None
    name = table["median"].idxmax()
    row = table.loc[name]
    better = _sure(row)
    return Line(
        "You think of a GAN, or of diffusion",
        f"{_name(name)} ranks better than SMOTE"
        if better
        else "Not before SMOTE was worth it: no network is shown to rank better",
        f"the best of {len(table)} networks against SMOTE, {_name(name)}: "
        f"{_told(row, 'average precision')}",
        CHAPTER_PAGE,
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
    row = {**compare_sets(found[["smote"]], power=None).loc["smote"]}
    row["splits"] = (
        part[part["method"] == "smote"].groupby(["dataset", "classifier"]).size().min()
    )
    return Line(
        "There are several classes",
        "An offset per class first (`ResampledClassifier(tune=True)`), which is a threshold for several",
        f"SMOTE beyond the offsets: {_told(row, family='')}",
        CHAPTER_PAGE,
    )


def _images(rows):
    if rows is None or rows.empty:
        return None
    rows = that_learnt(rows[rows["protocol"] == IMAGES])
    wide = rows.pivot_table(
        values="balanced_acsa", index=["dataset", "seed", "fold"], columns="method"
    )
    arms = ["random_oversampling_augmented", "deep_smote_authors_code"]
    if not {*arms, "nothing"} <= {*wide}:
        return None
    both = wide[["nothing", *arms]].dropna()
    both = both.groupby(level="dataset").mean()
    if len(both) < 2:
        return None
    copies, deep = (both[arm] - both["nothing"] for arm in arms)
    advice = "Look at both; neither leads"
    if copies.mean() > deep.mean():
        advice = "Repeat the rare ones in altered copies before you train a generator"
    return Line(
        "The data are images",
        advice,
        f"mean recall, n = {len(both)} data sets, too few for a test: augmented copies "
        f"{copies.mean():+.3f}, DeepSMOTE by its authors' code {deep.mean():+.3f}",
        "deep_smote_results.ipynb",
    )


def glance(rows):
    """One sentence for the first page of the book, from the stored rows."""
    table = against(rows, "pr_auc", "boosting") if len(rows) else rows
    if table.empty or table["n"].max() < FEWEST:
        return "Not answered yet."
    table = table.drop(index="dummy", errors="ignore")
    better = table[(table["p_holm"] < ALPHA) & (table["median"] > 0)]
    worse = table[(table["p_holm"] < ALPHA) & (table["median"] < 0)]
    n = int(table["n"].max())
    told = ", ".join(_name(arm) for arm in better.index) or "none"
    return (
        f"By average precision with boosting on {n} tables, one a source, {len(table)} arms "
        f"against doing nothing (Wilcoxon, Holm): better {told}; worse {len(worse)}; of the "
        f"others it cannot be told"
    )
