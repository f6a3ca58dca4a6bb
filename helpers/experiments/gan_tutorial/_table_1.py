"""The paper's Table 1 beside ours, in scores and in patients, and what is claimed of it."""

import numpy as np
import pandas as pd

from ...evaluation import Claim, judge, mean_differences, place, printed_table
from ...plotting import printed

#: Arms of the comparison under repetition.
ARMS = [
    "dummy",
    "nothing",
    "class_weight",
    "threshold",
    "random_oversampling",
    "smote",
    "gan",
]
#: Arms of the question whether a better trained generator helps.
GENERATORS = [
    "dummy",
    "nothing",
    "gan",
    "gan_authors_code",
    "gan_100_epochs",
    "gan_1000_epochs",
    "wgan_gp_1000_epochs",
]
#: What arms are compared by.
METRICS = ["recall_malignant", "f1_malignant", "pr_auc", "brier"]
#: The columns of Table 1; its AUC is that of labels.
SCORES = [
    *(
        f"{m}_{c}"
        for m in ("precision", "recall", "f1")
        for c in ("benign", "malignant")
    ),
    "auc_of_labels",
]
_BASELINE = [0.947, 1.0, 1.0, 0.906, 0.973, 0.951, 0.953]
_GAN = [0.973, 1.0, 1.0, 0.953, 0.986, 0.976, 0.977]
#: The best F1 on validation rows in the results that the authors stored (`cv_results`).
STORED_F1 = {
    "nothing": 0.975609756097561,
    "random_oversampling": 0.9761904761904762,
    "smote": 1.0,
}
#: The paper's numbers; of its one GAN we have two readings.
PAPER = pd.DataFrame(
    {
        "nothing": [*_BASELINE, np.nan],
        "random_oversampling": [*_BASELINE, 0.002],
        "smote": [*_BASELINE, 0.007],
        "gan_authors_code": [*_GAN, 5.0],
        "gan": [*_GAN, np.nan],
    },
    index=[*SCORES, "sampler_seconds"],
)


def _split_rows(stored):
    rows = stored[stored["protocol"] == "authors-split-1"]
    return rows[rows["dataset"] == "bcw"]


def repeated_rows(stored, methods=ARMS):
    """Rows over random splits of the patients.

    Parameters
    ----------
    stored : DataFrame
        Of the whole chapter.
    methods : sequence of str
        The arms that are wanted.
    """
    rows = stored[(stored["dataset"] == "bcw") & (stored["protocol"] == "repeated-1")]
    return rows[rows["method"].isin(methods)]


# ---------------------------------------------------------------- in patients


def missed(recall, n_malignant):
    """Malignant masses called benign, of `n_malignant`.

    Parameters
    ----------
    recall : Series
    n_malignant : int

    Returns
    -------
    Series of int
    """
    return ((1 - recall.astype(float)) * n_malignant).round().astype(int)


def missed_on_the_split(stored, n_malignant):
    """Malignant masses missed on the authors' split over the seeds of the samplers.

    Returns
    -------
    DataFrame
        ``seeds, mean, fewest, most``, an arm a row.
    """
    order = [*ARMS[:-1], "gan_authors_code", "gan"]
    rows = _split_rows(stored)
    rows = rows.assign(missed=(1 - rows["recall_malignant"]) * n_malignant)
    found = rows.groupby("method")["missed"].agg(["count", "mean", "min", "max"])
    columns = {"count": "seeds", "min": "fewest", "max": "most"}
    return found.loc[order].rename(columns=columns)


def missed_seed_by_seed(stored, n_malignant):
    """In how many seeds so many malignant masses are missed on the authors' split.

    Returns
    -------
    DataFrame
        Arms of the paper by what the paper misses and by each number that ours miss.
    """
    rows = _split_rows(stored)
    rows = rows[rows["method"].isin(PAPER.columns)]
    counts = missed(rows["recall_malignant"], n_malignant)
    seeds = pd.crosstab(rows["method"], counts).reindex(PAPER.columns)
    seeds.columns = [f"{n} missed" for n in seeds.columns]
    paper = missed(PAPER.loc["recall_malignant"], n_malignant)
    seeds.insert(0, "paper misses", paper)
    return seeds


# ---------------------------------------------------------------- number by number


def placed_table_1(stored):
    """Every printed number beside ours, on the authors' split with their settings.

    The yardstick of *too loose to say* is the gain that the paper prints in that metric,
    in recall where it prints none.

    Returns
    -------
    DataFrame of str
        What `helpers.evaluation.printed_table` returns, by arm and metric.
    """
    gains = PAPER["gan"] - PAPER["nothing"]
    gains = gains.replace(0, gains["recall_malignant"])
    rows, placed = _split_rows(stored), {}
    for method, column in PAPER.items():
        ours = rows[rows["method"] == method]
        for quantity, number in column.dropna().items():
            timed = quantity == "sampler_seconds"
            placed[method, quantity] = place(
                number,
                ours[quantity],
                effect=gains[quantity],
                half_unit=0.0005,
                bounds=None if timed else (0, 1),
                comparable=not timed,
            )
    return printed_table(placed)


def verdict_counts(closing):
    """How often each verdict is there, by arm, of what `placed_table_1` returned."""
    counts = closing.groupby(level=0, sort=False)["verdict"].value_counts()
    return counts.unstack(fill_value=0)


def of_the_gan(counts):
    """The verdicts on the GAN's scores with either network, in words.

    Parameters
    ----------
    counts : DataFrame
        What `verdict_counts` returned.
    """
    networks = {
        "gan_authors_code": "with the code's network",
        "gan": "with the text's",
    }
    told = "; ".join(
        f"{who} "
        + ", ".join(
            f"{n} {verdict}"
            for verdict, n in counts.loc[arm].items()
            if n and verdict != "not comparable"
        )
        for arm, who in networks.items()
    )
    return told[0].upper() + told[1:]


# ---------------------------------------------------------------- an older scikit-learn


def _settings(old, n_malignant):
    """The settings of the grid with each version and order, and what their rows show."""
    version = old["versions"].str.extract(r"scikit-learn ([\d.]+)", expand=False)
    by_name = old["protocol"].str.startswith("authors-columns")
    found = {
        "scikit-learn": version,
        "columns": by_name.map({True: "by name", False: "as there"}),
        "missed": missed(old["recall_malignant"], n_malignant),
    }
    return old.assign(**found)


def _same(rows, arm):
    """How many of the seven numbers that the paper prints of an arm each row has."""
    return (rows[SCORES].round(3) == PAPER.loc[SCORES, arm]).sum(axis=1)


def chosen_settings(old, n_malignant):
    """The setting that the grid search takes, by version, order of columns and arm.

    Parameters
    ----------
    old : DataFrame
        Rows of `benchmarks/old_sklearn.py`, in the order of the grid.
    n_malignant : int
        In the test part.

    Returns
    -------
    DataFrame
        Indexed by version, order and arm: the first setting of the highest F1 on
        validation rows, whose F1 stands beside the ``authors'``; ``missed`` masses of the
        test part, and ``same digits``, how many of the seven numbers of the paper's arm.
    """
    rows = _settings(old, n_malignant)
    keys = ["scikit-learn", "columns", "method"]
    first = rows.loc[rows.groupby(keys, sort=False)["f1_validation"].idxmax()]
    first = first.assign(
        **{
            "F1": first["f1_validation"],
            "authors'": first["method"].map(STORED_F1),
            "rate": first["learning_rate"],
            "leaf": first["min_samples_leaf"],
            "same digits": [
                int(_same(first.loc[[i]], arm).item())
                for i, arm in first["method"].items()
            ],
        }
    )
    shown = ["rate", "leaf", "F1", "authors'", "missed", "same digits"]
    first = first.sort_values(["scikit-learn", "columns"], kind="stable")
    return first.set_index(keys)[shown].rename(index=printed, level="method")


def untouched_told(old, n_malignant):
    """The settings that give the paper's baseline and its GAN's row with nothing done."""
    rows = _settings(old[old["method"] == "nothing"], n_malignant)

    def told(arm):
        whole = rows[_same(rows, arm) == len(SCORES)]
        return "; ".join(
            f"rate {rate:g} and leaves of {leaf} (scikit-learn "
            + ", ".join(f"{v} {c}" for v, c in zip(*same, strict=True))
            + ")"
            for (rate, leaf), same in (
                (pair, (own["scikit-learn"], own["columns"]))
                for pair, own in whole.groupby(["learning_rate", "min_samples_leaf"])
            )
        )

    return {
        "baseline": told("nothing") or "no setting",
        "gan": told("gan") or "no setting",
    }


# ---------------------------------------------------------------- claims


def judged_claims(stored, n_test):
    """The paper's claims over random splits, and two about its rivals: one family.

    Parameters
    ----------
    stored : DataFrame
    n_test : int
        Rows of a test part.

    Returns
    -------
    DataFrame
        What `helpers.evaluation.judge` returns.
    """
    rows = repeated_rows(stored, ARMS[1:])
    found = {m: mean_differences(rows, m, "nothing", n_test) for m in METRICS}
    recall = found["recall_malignant"]
    same = "SMOTE leaves recall as it is, to 1 patient in 64 (paper: exactly)"
    claims = [
        Claim("the GAN raises recall (paper: +0.047)", recall["gan"]),
        Claim("the GAN raises F1 (paper: +0.025)", found["f1_malignant"]["gan"]),
        Claim("the GAN raises PR-AUC (not in the paper)", found["pr_auc"]["gan"]),
        Claim(same, recall["smote"], "same", 1 / 64),
        Claim("a tuned threshold raises recall", recall["threshold"]),
    ]
    return judge(claims, "gains over doing nothing, random splits")
