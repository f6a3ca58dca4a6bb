"""The tables and sentences of SMate's pages, made of stored rows and of printed numbers.

Means and spreads are over draws. Rows whose classifier did not learn are left out before
(`helpers.experiments.that_learnt`).
"""

import numpy as np
import pandas as pd

from ...data import CIFAR10
from ...display import tally
from ...evaluation import claims_table, printed_table, summarise
from ...plotting import printed
from ._claims import SOURCES, judged_against_nothing, judged_gaps, placed
from ._draw import DATASETS
from ._figure_6 import ARMS, TRANSFER_ARMS, confusion
from ._gan import GAMES, GAN_LOSSES, GAN_PROTOCOL
from ._printed import FIGURE_6, NOTEBOOK

#: What each arm does, in the order of the table that introduces them.
TOLD = {
    "dummy": "the same answer for every image",
    "nothing": "the images as they are",
    "nothing_longer": "the same, for the notebook's 100 passes; at the report's counts only",
    "full": "all trucks, as if none had been taken away",
    "random_oversampling": "copies of trucks",
    "smate_scratch": (
        "a GAN that learns the trucks alone, for as many updates as both phases of a "
        "transfer; the kind that the authors judged (S3)"
    ),
    "smate_scale_bug": (
        "its images, divided by 255 once too often, as probably in the authors' code, and "
        "rounded (S4)"
    ),
    "smate": "learns the majority first, then few updates on the trucks",
    "smate_penalty": "the same, with a penalty on what looks like the majority",
    "smate_longer": (
        "the transfer, with as many updates on the trucks as the GAN from scratch"
    ),
    "random_oversampling_augmented": (
        "copies, and the images of all classes shifted or mirrored"
    ),
    "class_weight": "a truck counts for more in the loss",
    "smote": "between two trucks, pixel by pixel",
    "adasyn": "the same, more of it where other classes are near",
    "logit_adjustment": "the classes' shares are added to the scores in the loss",
    "random_undersampling": "as few images of every class as trucks",
    "threshold": (
        "a fifth of the rows finds the probability from which an image is called a "
        "truck"
    ),
    "mixup": "images and labels mixed in pairs",
    "deep_smote": (
        "DeepSMOTE with the penalty of its text; in tenth 400 updates at half width"
    ),
    "samme": "a boosted ensemble; members have a third of the updates each",
}
#: Measures of a classifier as pages print them; recall and precision are the minority's.
MEASURES = {
    "accuracy": "accuracy",
    "recall_minority": "recall",
    "precision_minority": "precision",
}
#: Arms whose confusions are drawn, and the classes that the report speaks of.
CONFUSED = ["nothing", "random_oversampling_augmented", "smate_scratch", "smate"]
TRUCK, CAR = CIFAR10.index("truck"), CIFAR10.index("automobile")
#: Data sets that ask when the transfer helps, by their printed names.
ELSEWHERE = {
    name: "{1}, {2} %".format(*name.split("-"))
    for name in DATASETS
    if "cifar10" in name
}
#: Arms of the stored pictures.
GANS = ["smate_scratch", "smate", "smate_penalty", "smate_longer"]


# ---------------------------------------------------------------- Figure 6


def arms_of(rows) -> list[str]:
    """Arms that rows have, in the order of the table that introduces them."""
    return [arm for arm in TOLD if arm in set(rows["method"])]


def figure_6(rows) -> pd.DataFrame:
    """Figure 6, extended: ours in per cent, and accuracy / recall as printed.

    Parameters
    ----------
    rows : DataFrame
        Of the paper's experiment and one profile, those that learnt.

    Returns
    -------
    DataFrame
        A row per arm: mean and standard deviation over draws of `MEASURES`, the number of
        ``draws``, and what the report and its notebook print.
    """
    shares = rows.assign(**{name: 100 * rows[name] for name in MEASURES})
    table = summarise(shares, [*MEASURES], digits=1).reindex(arms_of(rows))
    table = table.rename(columns=MEASURES | {"n": "draws"})
    for source, numbers in {"Figure 6": FIGURE_6, "notebook": NOTEBOOK}.items():
        pairs = {a: f"{100 * n[0]:.1f} / {100 * n[1]:.1f}" for a, n in numbers.items()}
        table[source] = pd.Series(pairs).reindex(table.index)
    return table


def mean_recalls(rows) -> pd.Series:
    """Recall of the minority in per cent, in the mean over draws, the full set left out."""
    means = (100 * rows["recall_minority"]).groupby(rows["method"]).mean()
    return means.drop("full", errors="ignore")


def best_arm(rows) -> str:
    """The arm of the highest recall of the minority, the full set and the dummy left out."""
    return mean_recalls(rows).drop("dummy", errors="ignore").idxmax()


def recalls_told(rows) -> str:
    """How many trucks the main arms find, and which arms are not stored yet."""
    recall, best = mean_recalls(rows), best_arm(rows)
    missing = [printed(arm) for arm in ARMS if arm not in arms_of(rows)]
    return (
        f"Doing nothing finds {recall['nothing']:.1f} % of the trucks, a GAN from "
        f"scratch {recall['smate_scratch']:.1f}, SMate {recall['smate']:.1f}, "
        f"{printed(best)}, which finds most, {recall[best]:.1f}. Not there yet: "
        f"{', '.join(missing) or 'none'}."
    )


def price_told(rows) -> str:
    """Whether arms that find more trucks are more or less accurate, the dummy left out."""
    rows = rows[rows["method"] != "dummy"]
    means = rows.groupby("method")[["recall_minority", "accuracy"]].mean()
    together = means["recall_minority"].corr(means["accuracy"], method="spearman")
    return (
        f"Over the {len(means)} arms, the recall of the rare class and the accuracy have "
        f"a rank correlation of {together:+.2f}."
    )


def against_nothing(rows) -> tuple[pd.DataFrame, dict[str, str]]:
    """Every arm minus doing nothing, in points, and whether the gain is told.

    Returns
    -------
    DataFrame
        A row per arm; for recall and accuracy the difference, and verdicts over draws and
        over images.
    dict
        How often each verdict is there, over "draws" and over "images".
    """
    found = {over: judged_against_nothing(rows, over) for over in ("draws", "images")}
    wide = claims_table(found["draws"], factor=100, digits=1)[["difference"]]
    for over, judged in found.items():
        wide[f"over {over}"] = [*judged["verdict"]]
    wide = wide.unstack("in").swaplevel(axis=1)[["recall", "accuracy"]]
    wide = wide.reindex([arm for arm in arms_of(rows) if arm in wide.index])
    wide = wide.rename_axis(None).rename_axis((None, None), axis=1)
    return wide, {over: tally(judged["verdict"]) for over, judged in found.items()}


# ---------------------------------------------------------------- Figure 11


def confusions(rows) -> dict[str, np.ndarray]:
    """Pairs of truth and answer of each arm, all draws together: classes by classes."""
    return {
        arm: sum(rows.loc[rows["method"] == arm, "confusion"].map(confusion))
        for arm in arms_of(rows)
    }


def trucks_and_cars(pairs) -> pd.DataFrame:
    """Trucks found, taken for cars, and cars taken for trucks: shares of the true class.

    Parameters
    ----------
    pairs : dict of str to array
        What `confusions` returns.
    """
    shares = {arm: one / one.sum(axis=1, keepdims=True) for arm, one in pairs.items()}
    found = {
        arm: {
            "trucks found": one[TRUCK, TRUCK],
            "taken for cars": one[TRUCK, CAR],
            "cars taken for trucks": one[CAR, TRUCK],
        }
        for arm, one in shares.items()
    }
    return pd.DataFrame(found).T


def shown_confusions(pairs) -> list[str]:
    """Up to four arms whose confusions are shown."""
    return [arm for arm in CONFUSED if arm in pairs] or [*pairs][:1]


def confused_told(table) -> str:
    """Whether finding trucks and calling cars trucks go together, over the arms.

    Parameters
    ----------
    table : DataFrame
        What `trucks_and_cars` returns.
    """
    found, taken = table["trucks found"], table["cars taken for trucks"]
    return (
        "Over the arms, finding trucks and calling cars trucks go together with a rank "
        f"correlation of {found.corr(taken, method='spearman'):+.2f}; of doing nothing's "
        f"trucks {table.loc['nothing', 'taken for cars']:.0%} are taken for cars."
    )


# ---------------------------------------------------------------- transfer


def elsewhere(rows) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Recall of four rare classes, and how their GANs were trained.

    Parameters
    ----------
    rows : DataFrame
        Of the paper's protocol, all data sets.

    Returns
    -------
    DataFrame
        Recall in per cent, arm by data set, in the mean of what is stored.
    DataFrame
        Updates on the rare class and the share of fakes that are spotted, in per cent.
    """
    rows = rows[rows["method"].isin(TRANSFER_ARMS)]

    def spread_out(column, arms):
        values = rows.pivot_table(column, "dataset", "method")
        return values.reindex(index=[*ELSEWHERE], columns=arms)

    recalls = 100 * spread_out("recall_minority", TRANSFER_ARMS)
    recalls = recalls.rename(columns=printed).T.rename_axis(None)
    counted = {"gan_steps": ("updates", 1), "fake_accuracy": ("fakes spotted, %", 100)}
    trained = {
        (printed(arm), title): (factor * values).round()
        for column, (title, factor) in counted.items()
        for arm, values in spread_out(column, ["smate_scratch", "smate"]).items()
    }
    return recalls, pd.DataFrame(trained).T


def leads_told(rows) -> str:
    """What the transfer gains over a GAN from scratch in recall, in points, draw by draw."""
    told = []
    for name, title in ELSEWHERE.items():
        own = rows[(rows["dataset"] == name) & rows["method"].isin(TRANSFER_ARMS)]
        wide = own.pivot_table("recall_minority", "seed", "method")
        if not {"smate", "smate_scratch"} <= {*wide}:
            continue
        lead = 100 * (wide["smate"] - wide["smate_scratch"]).dropna()
        if len(lead):
            told.append(f"{title} {', '.join(f'{one:+.1f}' for one in lead)}")
    return "; ".join(told)


# ---------------------------------------------------------------- the report's numbers


def report_beside_ours(rows) -> pd.DataFrame:
    """Ours, and every printed number of the report and of its notebook with a verdict."""
    long = printed_table(
        {
            (source, printed(arm), metric): one
            for (source, arm, metric), one in placed(rows).items()
        }
    )
    if long.empty:
        return long
    long = long.rename(columns={"ours": "mean", "paper": "printed"})
    return _by_source(long, ["mean", "n", "one more run"], ["printed", "verdict"])


def _by_source(long, ours, theirs):
    """Rows by source, arm and metric side by side: what is ours once, theirs by source."""
    own = long.droplevel(0)[ours]
    parts = {"ours": own[~own.index.duplicated()]}
    for source in long.index.unique(0):
        parts[source] = long.xs(source)[theirs]
    return pd.concat(parts, axis=1).fillna("")


def report_differences(rows) -> tuple[pd.DataFrame, str]:
    """The report's differences from doing nothing, in points, as claims of their sign.

    Returns
    -------
    DataFrame
    str
        How many there are, and how often each verdict is there.
    """
    gaps = judged_gaps(rows)
    table = claims_table(gaps, factor=100, digits=1, most=1)
    told = f"Of {len(gaps)} printed differences: {tally(gaps['verdict'])}."
    if table.empty:
        return table, told
    family = table.index.names[0]
    table = table.reset_index("printed")
    table = _by_source(table, ["difference"], ["printed", "could tell", "verdict"])
    return table.rename_axis([family, "in"]), told


def higher_printed() -> pd.DataFrame:
    """Arms whose printed number is higher than that of the GAN's images, by source."""
    rivals = ["nothing", "random_oversampling", "smote", "adasyn"]

    def higher(numbers, i):
        own = numbers["smate_scratch"][i]
        if np.isnan(own):
            return "no such number"
        ahead = [printed(arm) for arm in rivals if numbers.get(arm, (0, 0))[i] > own]
        return ", ".join(ahead) or "none"

    return pd.DataFrame(
        {
            name: {"accuracy": higher(numbers, 0), "recall": higher(numbers, 1)}
            for name, numbers in SOURCES.items()
        }
    )


def both_ways(claims) -> pd.DataFrame:
    """All claims in points, with what could be told and the verdict, both ways.

    Parameters
    ----------
    claims : dict of str to DataFrame
        What `judged` returns over "draws" and over "images".
    """
    table = claims_table(claims["draws"], factor=100, digits=1, most=1)
    table = table[["difference", "could tell", "verdict"]]
    table.columns = ["difference", "could tell over draws", "over draws"]
    images = claims["images"].reindex(table.index.to_list())
    table["could tell over images"] = 100 * images["tellable"].to_numpy()
    table["over images"] = images["verdict"].to_numpy()
    return table.rename_axis("claim")


# ---------------------------------------------------------------- games


def gan_lengths(rows) -> pd.DataFrame:
    """Updates of each stored GAN on the trucks, and the per cent of fakes spotted."""
    rows = rows[rows["method"].isin(GANS)].groupby("method", sort=False)
    table = rows[["gan_steps", "fake_accuracy"]].mean()
    table["fake_accuracy"] *= 100
    return table


def games_of(stored, protocol=GAN_PROTOCOL) -> pd.DataFrame:
    """Stored trainings of GANs by one protocol of `GAMES`, in its order.

    Indexed by game; ``diverged`` and ``collapsed`` are texts, or missing.
    """
    games = stored[stored["protocol"] == protocol].set_index("method")
    games = games.reindex(columns=games.columns.union(["diverged", "collapsed"]))
    return games.loc[[game for game in GAMES[protocol] if game in games.index]]


def printed_games(games) -> list[str]:
    """Names of games as tables have them."""
    words = {"adam": "Adam", "rmsprop": "RMSprop", "2e-05": "0.00002"}
    words |= {"authors_code": "authors' code", "early_stopping": "GAN, early end"}
    words |= {loss: loss.upper() for loss in GAN_LOSSES if loss != "hinge"}
    return [
        f"{game.split()[1]} augmented copies"
        if game.startswith("augment ")
        else " ".join(words.get(w, w) for w in game.removeprefix("loss ").split())
        for game in games
    ]


def spotted_at_end(games) -> pd.DataFrame:
    """Per cent of the generated images that each game's discriminator spots at the end."""
    spotted = games["fake_accuracy"].mul(100).rename("fakes spotted, %")
    spotted.index = printed_games(games.index)
    return spotted.to_frame()


def failures_told(games, protocol=GAN_PROTOCOL) -> str:
    """How many games are stored, and which diverged or collapsed."""
    failed = {
        what: ", ".join(printed_games(games.index[games[what].notna()])) or "none"
        for what in ("diverged", "collapsed")
    }
    return (
        f"{len(games)} of {len(GAMES[protocol])} games are stored. Diverged: {failed['diverged']}; "
        f"collapsed: {failed['collapsed']}."
    )
