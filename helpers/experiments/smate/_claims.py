"""What the report says of its arms, and what we add: each claim with its difference.

Two kinds of chance are told apart. Over draws, another choice of training images and other
seeds might have turned out otherwise; over images, other test images might have, for the
networks that were trained as they are.
"""

import numpy as np
import pandas as pd

from ...data import CIFAR10
from ...evaluation import Claim, Difference, judge, mean_differences, place
from ._draw import DATASETS, SETTINGS
from ._figure_6 import SMATES, confusion
from ._printed import FIGURE_6, FIGURE_11, NOTEBOOK

METRICS = ("accuracy", "recall_minority")
#: The printed numbers, accuracy and truck recall. SMate's images were from scratch.
SOURCES = {
    "report": FIGURE_6 | {"smate_scratch": (np.nan, FIGURE_11)},
    "notebook": NOTEBOOK,
}
#: Two rates this close count as the same: half a point is what one run each can tell.
MARGIN = 0.005
#: Training images of a class that draws are taken from.
PER_CLASS = 5000

CLAIMS = {
    "a GAN's images beat doing nothing": ("smate_scratch", "nothing"),
    "they beat copies": ("smate_scratch", "random_oversampling"),
    "they beat SMOTE": ("smate_scratch", "smote"),
    "they beat ADASYN": ("smate_scratch", "adasyn"),
    "transfer beats scratch, same budget": ("smate", "smate_scratch"),
    "transfer beats scratch, as long on the minority": (
        "smate_longer",
        "smate_scratch",
    ),
    "the penalty helps the transfer": ("smate_penalty", "smate"),
    "class weights beat copies (S8, inferred)": ("class_weight", "random_oversampling"),
    "a tuned threshold beats a GAN's images": ("threshold", "smate_scratch"),
    "boosting beats a single network": ("samme", "nothing"),
}
#: Of images: Frechet is better where it is less.
IMAGE_CLAIMS = {
    "feature_frechet": "less",
    "feature_coverage": "more",
    "recognised": "more",
    "synthetic_only": "more",
}
PAIRS = [
    ("smate", "smate_scratch"),
    ("smate_longer", "smate_scratch"),
    ("smate_longer", "smate"),
    ("smate_penalty", "smate"),
]


def over_draws(rows, metric, arm, reference) -> Difference:
    """The difference of two arms, to be tested over draws.

    Draws share images: of `tenth` a tenth, which the corrected test allows for. Where they
    have most of their images in common, as the majority of "counts" and "paper", there is
    no test over draws, and the error is NaN.

    Parameters
    ----------
    rows : DataFrame
        Of one profile, data set and protocol.
    metric, arm, reference : str

    Returns
    -------
    Difference
        `n` is 0 where the arms have no draw in common.
    """
    shared = SETTINGS[rows["profile"].iloc[0]]["per_class"] / PER_CLASS
    both = rows[rows["method"].isin([arm, reference])]
    if both["method"].nunique() < 2:
        return Difference.of([])
    n_test = both["n_train"].iloc[0] * shared / (1 - min(shared, 0.5))
    found = mean_differences(both, metric, reference, n_test=n_test)[arm]
    return found._replace(error=np.nan) if shared > 0.5 else found


def over_images(rows, metric, arm, reference) -> Difference:
    """The difference of two arms' trainings, to be tested over test images.

    As if each arm had been tested on images of its own, and all draws on the same, both of
    which is cautious: an image that is hard for one arm is hard for the other.

    Parameters
    ----------
    rows : DataFrame
        As in `over_draws`.
    metric : {"accuracy", "recall_minority"}
    arm, reference : str

    Returns
    -------
    Difference
        Its `n` are test images.
    """
    means, errors, n = [], [], 0
    tables = {
        name: own.set_index("seed")["confusion"].map(confusion)
        for name, own in rows[rows["method"].isin([arm, reference])].groupby("method")
    }
    if len(tables) < 2:
        return Difference.of([])
    name = rows["dataset"].iloc[0]
    for seed in tables[arm].index.intersection(tables[reference].index):
        rates = []
        for table in (tables[arm][seed], tables[reference][seed]):
            hits, n = _counted(table, metric, name)
            rates.append((hits / n, (hits + 1) / (n + 2)))  # a rate of 0 varies, too
        means.append(rates[0][0] - rates[1][0])
        errors.append(np.sqrt(sum(p * (1 - p) for _, p in rates) / n))
    if not means:
        return Difference.of([])
    return Difference(float(np.mean(means)), float(np.mean(errors)), n - 1, n)


def _counted(table, metric, dataset):
    """Right answers, and images, of all classes or of the minority."""
    if metric == "accuracy":
        return np.trace(table), table.sum()
    classes = CIFAR10 if dataset.startswith("cifar10") else [*"0123456789"]
    k = classes.index(DATASETS[dataset][0])
    return table[k, k], table[k].sum()


def judged(rows, over):
    """All claims of the chapter, in recall and in accuracy: one family.

    Parameters
    ----------
    rows : DataFrame
        Rows of the paper's experiment that learnt.
    over : {"draws", "images"}

    Returns
    -------
    DataFrame
        What `judge` returns. Claims about arms that are not stored are left out.
    """
    difference = {"draws": over_draws, "images": over_images}[over]
    claims = [
        Claim(f"{text}: {metric.split('_')[0]}", found)
        for text, pair in CLAIMS.items()
        for metric in reversed(METRICS)
        if (found := difference(rows, metric, *pair)).n
    ]
    family = {
        "draws": "the methods, over draws",
        "images": "these networks, over images",
    }
    return judge(claims, family[over])


def judged_against_nothing(rows, over, planned=0):
    """Every arm against doing nothing, in recall and in accuracy: one family.

    Parameters
    ----------
    rows : DataFrame
        Of one profile, data set and protocol, those that learnt.
    over : {"draws", "images"}
    planned : int
        As in `helpers.evaluation.judge`.
    """
    difference = {"draws": over_draws, "images": over_images}[over]
    arms = [a for a in dict.fromkeys(rows["method"]) if a not in ("dummy", "nothing")]
    claims = {
        (arm, metric): Claim("", found)
        for arm in arms
        for metric in reversed(METRICS)
        if (found := difference(rows, metric, arm, "nothing")).n
    }
    family = f"differences from doing nothing, over {over}"
    table = judge([*claims.values()], family, planned=planned)
    return _indexed(
        table, [(arm, metric.split("_")[0]) for arm, metric in claims], "in"
    )


def _indexed(table, keys, *names):
    """What `judge` returned with tuples in place of texts, whose first name is the family."""
    if not keys:
        return table
    names = [table.index.name, *names]
    return table.set_axis(pd.MultiIndex.from_tuples(keys, names=names))


def judged_images(quality, measures=IMAGE_CLAIMS):
    """Claims about the images of two GANs: the first of a pair makes better ones."""
    claims = {
        (arm, reference, measure): Claim("", found, says)
        for arm, reference in PAIRS
        for measure, says in measures.items()
        if (found := over_draws(quality, measure, arm, reference)).n
    }
    table = judge([*claims.values()], "better images, over draws")
    return _indexed(table, [*claims], "than", "by")


def judged_gaps(rows):
    """Each printed difference from doing nothing as a claim of its sign, over draws.

    Within `MARGIN` of none it is a claim of the same.

    Returns
    -------
    DataFrame
        What `judge` returns, indexed by source, arm, metric and the printed difference in
        points.
    """
    claims, keys = [], []
    for source, table in SOURCES.items():
        for arm in table:
            for i, metric in enumerate(METRICS):
                gap = table[arm][i] - table["nothing"][i]
                found = over_draws(rows, metric, arm, "nothing")
                if arm == "nothing" or np.isnan(gap) or not found.n:
                    continue
                same = (
                    round(abs(gap), 9) <= MARGIN
                )  # half a point is .005, and not above
                says = "same" if same else "more" if gap > 0 else "less"
                claims.append(Claim("", found, says, MARGIN if same else None))
                keys.append((source, arm, metric.split("_")[0], f"{100 * gap:+.1f}"))
    table = judge(claims, "printed differences from doing nothing")
    return _indexed(table, keys, "arm", "in", "printed")


def is_whole(rows) -> bool:
    """Whether rows of a profile rest on as many images of a class as the report's."""
    return SETTINGS[rows["profile"].iloc[0]]["per_class"] == PER_CLASS


def _largest(table, i):
    """The largest effect of a source, for a number that equals that of nothing."""
    return np.nanmax([abs(row[i] - table["nothing"][i]) for row in table.values()])


def placed(rows):
    """Every printed number beside ours: dict of `Printed` by source, arm and metric.

    On a part of the images nothing is comparable, nor are GANs of fewer channels.
    """
    whole = is_whole(rows)
    narrow = SETTINGS[rows["profile"].iloc[0]]["gan"].get("width", 1) < 1
    return {
        (source, arm, metric.split("_")[0]): place(
            numbers[i],
            rows.loc[rows["method"] == arm, metric],
            effect=numbers[i] - table["nothing"][i] or _largest(table, i),
            # The report prints truck recalls in whole per cent.
            half_unit=0.005 if (source, i) == ("report", 1) else 0.0005,
            bounds=(0, 1),
            comparable=whole and not (narrow and arm in SMATES),
        )
        for source, table in SOURCES.items()
        for arm, numbers in table.items()
        for i, metric in enumerate(METRICS)
        if not np.isnan(numbers[i]) and arm in {*rows["method"]}
    }
