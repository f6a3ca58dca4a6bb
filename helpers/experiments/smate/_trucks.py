"""What fixed networks say of the trucks of every arm, for the page on images.

Means and spreads are over draws. One network judges all rows of a table.
"""

import pandas as pd

from ...evaluation import summarise
from ...plotting import printed
from ...quality import PRINTED, SEEN, TAUGHT, of_one_network, with_nearest
from ._draw import PAPERS
from ._figure_6 import PROTOCOL
from ._quality import BEFORE_JUDGES, JUDGES, QUALITY_ARMS, QUALITY_PROTOCOL

#: Where the trucks of an arm come from, for the page that judges them.
IMAGES_TOLD = {
    "smate_scratch": "a GAN that learns the trucks alone",
    "smate": "learns the majority first; its last layers go on with the trucks",
    "smate_longer": "the same, and as long on the trucks as the GAN from scratch",
    "smate_penalty": "the transfer, with a penalty on what looks like the majority",
    "deep_smote": "DeepSMOTE with the penalty of its paper's text",
    "random_oversampling": "copies of the trucks",
    "random_oversampling_augmented": "copies that were shifted or mirrored",
    "smote": "between two trucks, pixel by pixel",
}


def images_told(stored) -> dict[str, str]:
    """Where the trucks come from of the arms that stored rows have measured."""
    rows = stored[stored["protocol"] == QUALITY_PROTOCOL]
    measured = {*rows["method"]}
    return {arm: told for arm, told in IMAGES_TOLD.items() if arm in measured}


def measured_trucks(stored) -> tuple[pd.DataFrame, float]:
    """Stored measures of the trucks of every arm, and the accuracy of what measured them.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol.
    """
    rows = stored[stored["protocol"] == QUALITY_PROTOCOL]
    network = rows["method"] == "feature_network"
    accuracy = float(rows.loc[network, "accuracy"].mean())
    return with_nearest(of_one_network(rows[~network])[0]), accuracy


def left_out_told(stored) -> str:
    """Which trucks were judged by another network than most, and are in no table."""
    rows = stored[stored["protocol"] == QUALITY_PROTOCOL]
    _, others = of_one_network(rows[rows["method"] != "feature_network"])
    lacking = [arm for arm in QUALITY_ARMS[1:] if arm not in {*rows["method"]}]
    absent = f" Not judged: {', '.join(map(printed, lacking))}." if lacking else ""
    if others.empty:
        return f"One network judged the trucks of all arms.{absent}"
    names = others["method"].value_counts()
    told = ", ".join(f"{n} of {printed(arm)}" for arm, n in names.items())
    return (
        f"Left out: {len(others)} draws ({told}) that a network trained by the same recipe "
        f"on another machine judged.{absent}"
    )


def trucks_by_judge(stored) -> pd.DataFrame:
    """Means over draws in the eyes of several networks of one recipe, a column each.

    Parameters
    ----------
    stored : DataFrame
        Stored rows of one profile, of any protocol.

    Returns
    -------
    DataFrame
        One row an arm; columns of two levels, measure and judge, counted from 1. Empty
        where no judges are stored.
    """
    rows = stored[stored["protocol"].isin([*JUDGES])]
    judges = rows["protocol"].map(JUDGES) + 1
    means = rows.groupby(["method", judges])[[*SEEN, *TAUGHT[:2]]].mean().unstack()
    means.columns.names = [None, None]
    return means.reindex([arm for arm in BEFORE_JUDGES if arm in means.index])


#: What the table of judges shows.
BY_JUDGES = ("feature_frechet", "feature_coverage")


def judges_shown(judged) -> pd.DataFrame:
    """What `trucks_by_judge` found of `BY_JUDGES`, a column a measure and judge."""
    shown = judged[[*BY_JUDGES]]
    return shown.set_axis(
        [f"{PRINTED.get(m, m)}, {k}" for m, k in shown], axis="columns"
    )


def judges_told(judged) -> str:
    """On which measures the judges put the arms in one order, and how far they lie apart.

    Parameters
    ----------
    judged : DataFrame
        Of `trucks_by_judge`.
    """
    if judged.empty:
        return "Of this profile one network has judged alone."
    made = judged.drop(index="real")
    measures = [*dict.fromkeys(made.columns.get_level_values(0))]
    agreed = [
        m for m in measures if len({*map(tuple, made[m].rank().T.to_numpy())}) == 1
    ]
    frechet = made[SEEN[0]]
    apart = frechet.max(axis=1) / frechet.min(axis=1)
    one_order = ", ".join(PRINTED.get(m, m) for m in agreed) or "none"
    return (
        f"Of {len(measures)} measures, these have the {len(made)} arms in one order whoever "
        f"judges: {one_order}. The Fréchet distance of the same images "
        f"({printed(apart.idxmax())}) is up to {apart.max():.1f} times as large before one "
        "judge as before another."
    )


def trucks_by_arm(trucks) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mean and spread over draws: in the fixed network's eyes, and what the trucks teach.

    Parameters
    ----------
    trucks : DataFrame
        Of `measured_trucks`.
    """
    arms = [arm for arm in QUALITY_ARMS[1:] if arm in {*trucks["method"]}]
    frechet, *others = SEEN  # in whole numbers, the others are shares
    eyes = summarise(trucks, [frechet], digits=0).drop(columns="n")
    eyes = eyes.join(summarise(trucks, others, digits=2).drop(columns="n"))
    return eyes.loc[arms], summarise(trucks, TAUGHT, digits=2).loc[arms]


def penalty_told(trucks, stored) -> str:
    """What the penalty changes in the trucks, and how much of it there was at its end.

    Parameters
    ----------
    trucks : DataFrame
        Of `measured_trucks`.
    stored : DataFrame
        Stored rows of the same profile, of any protocol.
    """
    means = trucks.groupby("method")[["recognised", "feature_coverage"]].mean()
    main = stored[(stored["protocol"] == PROTOCOL) & (stored["dataset"] == PAPERS)]
    likely = main.groupby("method")["majority_probability"].mean().dropna()
    (bites,) = [f"{p:.2f}" for p in likely] or ["unknown"]
    without, with_it = means.loc["smate"], means.loc["smate_penalty"]
    return (
        f"With the penalty {with_it['recognised']:.0%} of the trucks are recognised "
        f"(without: {without['recognised']:.0%}) and "
        f"{with_it['feature_coverage']:.0%} of the real ones covered "
        f"({without['feature_coverage']:.0%}); at its end the images had a mean "
        f"probability of {bites} of being majority."
    )
