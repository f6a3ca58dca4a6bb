"""What the paper wished for: rows of 784 bits, and small sets made larger."""

import pandas as pd

from ...evaluation import Claim, judge, mean_differences, paired, summarise
from ._benchmark import SIMPLE
from ._rows import CLASSIFIERS

#: Ways to enlarge a small set, in the order of the table.
GROWN = ["random_oversampling", "noise", "smote", "gan_smote"]


def _digits(stored):
    """Rows of the digits as bits, by classifier in print; the network is not run there."""
    for key in ("logistic", "forest"):
        rows = stored[
            (stored["dataset"] == "mnist_bits")
            & (stored["protocol"] == f"rare-{key}-1")
        ]
        yield CLASSIFIERS[key], rows


def rare_digits(stored):
    """Recall of the rare digits and mean recall of all: arm by (classifier, metric), text."""
    order = [*SIMPLE, "gan", "gan_smote"]
    metrics = ["recall_rare", "acsa"]
    found = {
        name: summarise(rows, metrics).drop(columns="n").reindex(order)
        for name, rows in _digits(stored)
    }
    return pd.concat(found, axis=1)


def beside_smote(stored):
    """Recall of the rare digits minus SMOTE's: draw by (classifier, arm)."""
    gaps = {
        name: paired(rows, "recall_rare", "smote")[["nothing", "gan_smote"]]
        for name, rows in _digits(stored)
    }
    return pd.concat(gaps, axis=1).droplevel("fold").rename_axis("draw")


def seconds_a_draw(stored):
    """What each sampler took for a draw of the digits, in seconds, on average."""
    rows = stored[stored["dataset"] == "mnist_bits"]
    return rows.groupby("method")["sampler_seconds"].mean()


def _enlarged(stored):
    rows = stored[
        (stored["dataset"] == "petrography")
        & stored["protocol"].str.startswith("enlarged")
    ]
    kind = rows["protocol"].str.split("-").str
    return rows.assign(
        factor=kind[0].str.removeprefix("enlarged"),
        classifier=kind[1].map(CLASSIFIERS),
    )


def not_enlarged(stored):
    """Accuracy of the dummy and of doing nothing on the small sets, by classifier: text."""
    rows = _enlarged(stored)
    rows = rows[rows["method"].isin(["dummy", "nothing"]) & (rows["factor"] == "2")]
    return pd.DataFrame(
        {
            name: summarise(own, "accuracy")["accuracy"]
            for name, own in rows.groupby("classifier", sort=False)
        }
    )


def judged_gains(stored, alpha=0.05, power=0.8):
    """Is an enlarged set better trained with than a small one? All of it one family.

    Parameters
    ----------
    stored : DataFrame
    alpha, power : float
        As of `helpers.evaluation.judge`.

    Returns
    -------
    DataFrame
        What `judge` returns, indexed by classifier, factor and arm.
    """
    claims = {}
    for (name, k), rows in _enlarged(stored).groupby(
        ["classifier", "factor"], sort=False
    ):
        found = mean_differences(rows[rows["method"] != "dummy"], "accuracy", "nothing")
        claims |= {(name, f"x{k}", arm): Claim("gains", found[arm]) for arm in GROWN}
    judged = judge([*claims.values()], "more accurate", alpha=alpha, power=power)
    keys = pd.MultiIndex.from_tuples(claims, names=["classifier", "", "arm"])
    return judged.set_axis(keys)


def gains_table(judged):
    """Each gain with its verdict, as text: (classifier, factor) by arm."""
    texts = judged["difference"].map("{:+.2f}: ".format) + judged["verdict"]
    return texts.unstack("arm", sort=False)
