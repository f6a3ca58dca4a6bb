"""The paper's printed numbers: beside ours, and beside what its definitions allow."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from ...data import deepsmote_counts
from ...plotting import printed
from ._claims import placed, row_error
from ._table_1 import published
from ._tables import data_sets_of

#: The paper's metrics as it prints them.
GIVEN = {"acsa": "ACSA", "gmean_macro": "GM", "f1_macro": "F1"}


def printed_beside_ours(rows) -> pd.DataFrame:
    """The printed rows of SMOTE and DeepSMOTE beside ours, in per cent, with verdicts.

    Returns
    -------
    DataFrame of str
        Indexed by data set and arm; empty where neither is stored.
    """
    lines = {}
    for (name, arm, metric), one in placed(rows).items():
        line = lines.setdefault((printed(name), printed(arm)), {})
        spread = f" ± {100 * one.sd:.1f}" if one.n > 1 else ""
        ours = f"{100 * one.ours:.1f}{spread}"
        line[GIVEN[metric]] = f"{100 * one.printed:.1f} / {ours}"
        line["draws"] = one.n
        line["verdict"] = line.get("verdict", {}) | {GIVEN[metric]: one.verdict}
    for line in lines.values():
        said = {*line["verdict"].values()}
        each = ", ".join(f"{m} {v}" for m, v in line["verdict"].items())
        line["verdict"] = each if len(said) > 1 else "".join(said)
    if not lines:
        return pd.DataFrame()
    return pd.DataFrame(lines).T[[*GIVEN.values(), "draws", "verdict"]]


def beside_papers_smote(rows) -> pd.DataFrame:
    """Doing nothing and SMOTE on our images, and the paper's SMOTE, in per cent.

    Mean recall on the imbalanced test, a column per data set.
    """
    order = data_sets_of(rows)
    ours = rows.groupby(["method", "dataset"])["acsa"].mean().unstack()
    levels = ours.reindex(["nothing", "smote"])[order].mul(100)
    levels = levels.rename(index=lambda arm: f"ours, {printed(arm)}")
    papers = published().loc["smote", "imbalanced"].xs("acsa", level=1)
    levels.loc["paper, SMOTE"] = 100 * papers.reindex(order)
    return levels


def above_papers_smote(rows) -> str:
    """On how many sets ours are above the paper's SMOTE by more than two standard errors."""
    levels, margins = beside_papers_smote(rows), []
    for arm in ("nothing", "smote"):
        first = rows[rows["method"] == arm].groupby("dataset").head(1)
        errors = first.set_index("dataset", drop=False).apply(row_error, axis=1)
        gap = levels.loc[f"ours, {printed(arm)}"] - levels.loc["paper, SMOTE"]
        z = gap / (100 * errors[levels.columns])
        above, below = (z > 2).sum(), (z < -2).sum()
        margins.append(f"{printed(arm)} on {above} of {len(z)} sets, below on {below}")
    return "; ".join(margins)


class Impossible(NamedTuple):
    """Printed values of GM that cannot be."""

    table: pd.DataFrame  #: ``acsa, gmean_macro``, and its ``least`` and ``most``
    above_acsa: int  #: cells of Table 1 whose GM is above their ACSA
    cells: int  #: of Table 1


def impossible_gmeans() -> Impossible:
    """Cells of the paper's Table 1 whose GM is outside of what their ACSA allows.

    By the definition that fits the journal's other table, GM is the root of mean recall
    times mean specificity: at most the root of ACSA, and at least `least_gmean`. What is
    printed are means over folds, for which the latter holds but for folds that differ by
    tens of points.
    """
    cells = published()["imbalanced"].stack(level=0, future_stack=True)
    half_unit = 0.00005
    least = [
        least_gmean(acsa + half_unit, deepsmote_counts(name).test)
        for (_, name), acsa in cells["acsa"].items()
    ]
    cells = cells[["acsa", "gmean_macro"]].assign(
        least=least, most=np.sqrt(cells["acsa"] + half_unit)
    )
    low = cells["gmean_macro"] + half_unit < cells["least"]
    high = cells["gmean_macro"] - half_unit > cells["most"]
    above_acsa = (cells["gmean_macro"] > cells["acsa"]).sum()
    return Impossible(cells[low | high], above_acsa, len(cells))


def impossible_told() -> str:
    """The cells of `impossible_gmeans`, and what their ACSA allows, in a sentence."""
    table, above, n_cells = impossible_gmeans()
    cells = (100 * table).map("{:.2f}".format)
    told = [
        # Of the paper's own AMDO, not of our part of it.
        f"{'AMDO' if arm == 'amdo' else printed(arm)} on {printed(name)} "
        f"{row['gmean_macro']} ({row['least']} to {row['most']})"
        for (arm, name), row in cells.iterrows()
    ]
    return (
        f"GM is above ACSA in {above} of {n_cells} cells, and outside of what ACSA allows (in "
        f"brackets) in {len(told)}: {', '.join(told)}."
    )


def least_gmean(acsa, n) -> float:
    """The least root of mean recall times mean specificity at a given mean recall.

    Specificity falls most where the errors are images of the largest class that are called
    by the second largest, then those of the second largest called by the largest, and so on.

    Parameters
    ----------
    acsa : float
        Mean recall.
    n : sequence of int
        Test images of each class.

    Examples
    --------
    One of two classes of equal size is never found:

    >>> least_gmean(0.5, [10, 10])
    0.5
    """
    n = np.sort(np.asarray(n, dtype=float))[::-1]
    called = np.full(len(n), n[0])
    called[0] = n[1]
    # What all specificities together lose, class by class, if none of it is found.
    falls = np.sort(n / (n.sum() - called))[::-1]
    missed = np.clip(len(n) * (1 - acsa) - np.arange(len(n)), 0, 1)
    return float(np.sqrt(acsa * (1 - (missed * falls).sum() / len(n))))
