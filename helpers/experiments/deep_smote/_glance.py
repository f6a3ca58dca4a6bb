"""What the first page of the book says of the chapter, from the stored rows."""

from ...display import tally
from .. import that_learnt
from ._claims import CLAIMS, judged
from ._table_1 import COUNTS_PROTOCOL, PROTOCOL, READINGS
from ._tables import counts_told

NAMES = {
    "nothing": "doing nothing",
    "random_oversampling": "copies",
    "random_oversampling_augmented": "augmented copies",
    "logit_adjustment": "logit adjustment",
    "smote": "SMOTE",
    "amdo": "MDO's step",
    "deep_smote_authors_code": "DeepSMOTE by its authors' code",
    "deep_smote_no_penalty": "DeepSMOTE without a penalty",
}
CLAIM = "it beats doing nothing (not in the paper)"


def glance(rows) -> str:
    """The verdict and the numbers for the first page.

    DeepSMOTE is in it by the two readings that can work; `literal_optimum` says why the
    third cannot. Each arm is compared with doing nothing in the draws that both have and
    in which both have learnt, on the data sets of which all arms have rows. While rows at
    the paper's counts are still coming, those at a tenth are told, as long as they have
    more data sets, and of the former one sentence.
    """
    of = {p: rows[rows["protocol"] == p] for p in (PROTOCOL, COUNTS_PROTOCOL)}
    sets = {protocol: with_all_arms(own) for protocol, own in of.items()}
    counts = len(sets[COUNTS_PROTOCOL]) >= max(len(sets[PROTOCOL]), 1)
    protocol = COUNTS_PROTOCOL if counts else PROTOCOL
    at_counts = "" if counts else counts_told(rows)
    rows = that_learnt(of[protocol])
    rows = rows[rows["dataset"].isin(sets[protocol])]
    recalls = rows.pivot_table("balanced_acsa", ["dataset", "fold"], "method")
    if "nothing" not in recalls:
        return at_counts or "Not answered yet."
    gains = recalls.sub(recalls["nothing"], axis=0).groupby("dataset")
    draws, gains = gains.count(), gains.mean()
    arms = [method for method in NAMES if method in gains and method != "nothing"]
    told = ", ".join(
        f"{NAMES[m]} {gains[m].mean():+.3f} ({(gains[m] > 0).sum()} of {gains[m].count()})"
        for m in arms
    )
    without = [name for method, name in NAMES.items() if method not in gains]
    without = f". Without a result: {', '.join(without)}" if without else ""
    n_draws = sorted({*draws[["nothing", *arms]].to_numpy().flat} - {0})
    n_draws = " to ".join(map(str, dict.fromkeys([n_draws[0], n_draws[-1]])))
    scale = "the paper's numbers of images" if counts else "a tenth of the images"
    if counts and "svhn" in gains.index:
        scale += ", of SVHN a fifth"
    claim = judged(rows, "draws", {CLAIM: CLAIMS[CLAIM]})
    tested = len(claim) and claim["p"].notna().any()
    verdict = tally(claim["verdict"]).capitalize() if tested else "Cannot be told"
    nothing = recalls["nothing"].groupby("dataset").mean().mean()
    return (
        f"{verdict} over draws. Mean recall of doing nothing on balanced tests of "
        f"{len(gains)} data set{'s'[: len(gains) > 1]} ({scale}, {n_draws} "
        f"draw{'s'[: n_draws != '1']} of each): {nothing:.3f}. Beside it in the same draws "
        f"(in brackets, on how many sets ahead): {told}{without}"
        + (f". {at_counts}" if at_counts else "")
    )


def with_all_arms(rows) -> list[str]:
    """Data sets with a row, learnt or not, of each arm that any of them has."""
    there = rows.groupby(["dataset", "method"]).size().unstack()
    there = there[[arm for arm in NAMES if arm in there]].dropna()
    return [*there.index] if {*READINGS} & {*there} else []
