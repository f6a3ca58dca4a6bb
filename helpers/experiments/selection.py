"""How often `AutoOverSampler` is wrong, and what it finds: tables made for it.

A cell is one table. On null tables no arm can gain, and every verdict but "nothing" is an
error: labels are permuted, or follow a logistic truth, on which nothing beats plain
logistic regression. On power tables one arm truly gains; how much is measured on fresh
rows. Beside the rule stands its rival, the arm with the largest mean score.
"""

import math
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from ..data import load_keel
from ..over_sampling import GANOverSampler, TabDDPMOverSampler
from ..provenance import hardware
from ..selection import AutoOverSampler
from ..store import Cell
from ..tables import TableCodec, TabularOverSampler
from ._selection_tables import (  # noqa: F401  for the page
    alarms_table,
    alarms_told,
    named_kinds,
    power_table,
)

CHAPTER = "selection"
PROFILES = ("paper", "hypothyroid", "deep", "smoke")
PROTOCOL = "rule-1"

PLAIN = (
    "threshold",
    "class_weight",
    "random_oversampling",
    "random_undersampling",
    "smote",
)
#: Networks of the null tables with deep arms: the tutorial's GAN, and a diffusion model that
#: is hardly trained, for a second of noise a split: what is asked is whether chance picks it.
DEEP = {
    "gan": TabularOverSampler(GANOverSampler()),
    "tab_ddpm": TabDDPMOverSampler(
        n_steps=100, n_timesteps=20, layers=(64, 64), batch_size=128
    ),
}
NEEDS = ("decisions", "ranking", "probabilities")
#: Rows of the power tables.
SIZES = (300, 1000)
#: Fresh rows that say what an arm is truly worth, and trainings averaged over.
FRESH, TRAININGS = 5_000, 5
#: Rows of the rarest class that a part of a reader's table needs, for five folds and SMOTE.
FEWEST = 6


class Table(NamedTuple):
    """A made table, what it is to be used for, and where more of its rows come from."""

    X: pd.DataFrame
    y: np.ndarray
    draw: Any  #: n, rng -> X, y; None where labels are permuted
    told: dict  #: parameters of `AutoOverSampler`
    gains: str = "nothing"  #: the arm that is made to gain


class TiltedSampler(BaseEstimator):
    """A sampler that knows the truth of `tilted`: it draws rare rows from it.

    The most that any sampler could do for a classifier.

    Parameters
    ----------
    slopes : sequence of float
    random_state : int
    """

    def __init__(self, slopes, random_state=None):
        self.slopes = slopes
        self.random_state = random_state

    def fit_resample(self, X, y):
        n = int((y == 0).sum() - (y == 1).sum())
        rng = np.random.default_rng(self.random_state)
        rows = tilted_rows(n, np.asarray(self.slopes), rng)
        return np.vstack([X, rows]), np.concatenate([y, np.ones(n, dtype=int)])


def thinned(table, target, n, random_state):
    """`n` rows of a table at most, the classes in their shares.

    Raises
    ------
    ValueError
        Fewer rows of a class are there, or would be left, than `FEWEST`.
    """
    counts, whole = table[target].value_counts(), len(table) <= n
    if counts.min() < FEWEST:
        raise ValueError(
            f"The class {str(counts.idxmin())!r} has {counts.min()} rows, and {FEWEST} are "
            "needed here; collect more, merge classes, or leave it out."
        )
    if whole:
        return table
    if (left := round(n * counts.min() / len(table))) < FEWEST:
        raise ValueError(
            f"Of {n:,} of {len(table):,} rows some {left} would be of the class "
            f"{str(counts.idxmin())!r}; take more of them, such as "
            f"n_rows={math.ceil(FEWEST * len(table) / counts.min()):,}."
        )
    some, _ = train_test_split(
        table, train_size=n, stratify=table[target], random_state=random_state
    )
    return some


def tilted_rows(n, slopes, rng):
    """Rows in [0, 1] whose density grows by a slope in every column."""
    u = rng.uniform(size=(n, len(slopes)))
    steep = np.where(np.abs(slopes) < 1e-9, 1e-9, slopes)
    return np.log1p(u * np.expm1(steep)) / steep


def tilted(n, share, slopes, rng):
    """Common rows even in [0, 1], rare ones tilted: the log-odds are linear exactly."""
    y = (rng.uniform(size=n) < share).astype(int)
    X = rng.uniform(size=(n, len(slopes)))
    X[y == 1] = tilted_rows(int(y.sum()), slopes, rng)
    return pd.DataFrame(X).add_prefix("x"), y


def table(dataset, need, seed):
    """The table of a cell.

    Parameters
    ----------
    dataset : str
        ``null-permuted``, ``null-logistic``, or ``power-<arm>-<rows>``.
    need : str
    seed : int

    Returns
    -------
    Table
    """
    rng = np.random.default_rng([seed, *dataset.encode()])
    if dataset.startswith("null"):
        return null_table(dataset, need, rng)
    _, arm, n = dataset.split("-")
    n = int(n)
    told = {"scoring": need}
    if arm == "threshold":
        slopes, share = np.array([2.0, -1, 0, 0]), 0.1
    elif arm == "weights":
        # A strong penalty flattens slopes, and those of a rare class most.
        slopes, share = np.array([4.0, -4, 0, 0]), 0.06
        told["classifier"] = LogisticRegression(C=0.02, max_iter=1000)
        arm = "class_weight"
    else:
        # Few rare rows in many columns: more of them, from the truth, are worth a lot.
        slopes, share = np.where(np.arange(40) % 2, 1.0, -1.0), 0.15
        told["codec"] = TableCodec(numbers="minmax")
        told["candidates"] = dict(zip(PLAIN, PLAIN, strict=True))
        told["candidates"]["truth"] = TiltedSampler([*slopes])
        arm = "truth"

    def draw(n, rng):
        return tilted(n, share, slopes, rng)

    return Table(*draw(n, rng), draw, told, arm)


def null_table(dataset, need, rng):
    """300 to 2,000 rows, 4 to 12 columns, one in four tables with categories."""
    n, d = int(rng.integers(300, 2001)), int(rng.integers(4, 13))
    share = rng.uniform(0.05, 0.25)
    slopes = rng.normal(0, 1, d)
    mixed = rng.uniform() < 0.25
    told = {"scoring": need}

    def draw(n, rng):
        X, y = tilted(n, share, slopes, rng)
        if mixed:  # the truth stays logistic: a level is a slope of its own
            for name in X.columns[:2]:
                X[name] = np.where(X[name] < 0.5, "low", "high")
        return X, y

    X, y = draw(n, rng)
    if dataset == "null-permuted":
        return Table(X, rng.permutation(y), None, told)
    if need == "decisions":
        # By mean recall a threshold would truly gain; by equal costs none can.
        told["costs"] = [[0, 1], [1, 0]]
    return Table(X, y, draw, told)


def cells(profile):
    """The runs of a profile, seed by seed, so that half a table is a fair one."""
    if profile == "hypothyroid":
        return [Cell(CHAPTER, profile, profile, "choice", 0, 0, PROTOCOL)]
    n, power, sizes = {
        "paper": (200, 40, SIZES),
        "deep": (20, 0, ()),
        "smoke": (1, 1, SIZES[:1]),
    }[profile]
    powers = [
        ("threshold", "decisions"),
        ("weights", "probabilities"),
        ("sampler", "ranking"),
        ("sampler", "probabilities"),
    ]
    found = []
    for seed in range(n):
        plan = [(f"null-{k}", NEEDS[seed % 3]) for k in ("permuted", "logistic")]
        if seed < power:
            plan += [
                (f"power-{arm}-{size}", need) for arm, need in powers for size in sizes
            ]
        protocol = f"{PROTOCOL}-deep" if profile == "deep" else PROTOCOL
        found += [Cell(CHAPTER, profile, d, m, seed, 0, protocol) for d, m in plan]
    return found


# A few hundred rows gain nothing from threads.
@threadpool_limits.wrap(limits=1)
def run(cell):
    """The verdict on one table, its truth, and what the largest mean would have chosen."""
    if cell.dataset == "hypothyroid":
        return run_hypothyroid(cell)
    made = table(cell.dataset, cell.method, cell.seed)
    told = {"candidates": [*PLAIN], **made.told}
    if cell.protocol.endswith("deep"):
        told["candidates"] = {**dict(zip(PLAIN, PLAIN, strict=True)), **DEEP}
    began, cpu = time.perf_counter(), time.process_time()
    auto = AutoOverSampler(**told, random_state=cell.seed).fit(made.X, made.y)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    verdict, table_ = auto.verdict_, auto.comparison_
    gains = table_["gain"].drop(["dummy", "auto"]).fillna(0)  # nothing gains 0
    rival = gains.idxmax()
    row = {
        "chosen": verdict.chosen,
        "arm": verdict.arm,
        "gain": verdict.gain,
        "p": verdict.p,
        "detectable": verdict.detectable,
        "gain_of_choice": table_.loc["auto", "gain"],
        "largest_mean": rival,
        "n_splits": verdict.n_splits,
        "n_arms": verdict.n_arms,
        "n_rows": len(made.y),
        "n_rare": int(made.y.sum()),
        "n_columns": made.X.shape[1],
        "seconds": seconds,
        "cpu_seconds": cpu,
        "sampler_seconds": auto.rows_["sampler_seconds"].sum(),
        "classifier_seconds": auto.rows_.query("method != 'threshold'")[
            "classifier_seconds"
        ].sum(),
    }
    if made.gains != "nothing":
        row["planted"] = made.gains
        row["planted_detectable"] = table_.loc[made.gains, "detectable"]
    if made.draw is not None:
        true = true_gains(auto, made, cell.seed)
        best = true.idxmax()
        row |= {
            "best": best,
            "true_gain_of_best": true[best],
            "true_gain_of_chosen": true[verdict.chosen],
            "true_gain_of_largest_mean": true[rival],
        }
        if made.gains != "nothing":
            row["true_gain_of_planted"] = true[made.gains]
    return {"provenance": "made", **row, "device": hardware(), "precision": "float32"}


def run_hypothyroid(cell):
    """The choice on a real table, for every need: a row for each arm and need."""
    bunch = load_keel("hypothyroid")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for need in NEEDS:  # from the same fits
            auto = AutoOverSampler(
                [*PLAIN, "gan"],
                scoring=need,
                random_state=cell.seed,
                store=Path(folder, "rows.csv"),
            ).fit(bunch.data, bunch.target)
            metric = auto.comparison_.columns[0]
            groups = auto.rows_.groupby("method")
            seconds = groups[["sampler_seconds", "classifier_seconds"]].sum()
            for name, arm in auto.comparison_.drop(columns="why").iterrows():
                found.append(
                    {
                        "provenance": bunch.provenance,
                        "classifier": f"{need}/{name}",
                        "need": need,
                        "arm": name,
                        "metric": metric,
                        **arm.rename({metric: "score"}),
                        **seconds.reindex([name]).iloc[0],
                        "chosen": auto.verdict_.chosen,
                        "verdict": str(auto.verdict_),
                        "n_splits": auto.verdict_.n_splits,
                        "device": hardware(),
                        "precision": "float32",
                    }
                )
    return found


def true_gains(auto, made, seed):
    """Gain of every arm over nothing on fresh rows, by trainings on fresh tables."""
    rng = np.random.default_rng([seed, FRESH])
    X, y = made.draw(FRESH, rng)
    trainings = 1 if made.gains == "nothing" else TRAININGS
    scores = []
    for _ in range(trainings):
        rows = made.draw(int(0.8 * len(made.y)), rng)
        scores.append(
            {
                name: worth(
                    clone(recipe).set_params(refit=False).fit(*rows), X, y, made.told
                )
                for name, recipe in auto.recipes_.items()
            }
        )
    mean = pd.DataFrame(scores).mean()
    if made.told["scoring"] == "probabilities":
        return (mean["nothing"] - mean) / mean["nothing"]
    return mean - mean["nothing"]


def worth(arm, X, y, told):
    """An arm's score on fresh rows: the more the better, but of log loss."""
    if told["scoring"] == "decisions":
        decided = arm.predict(X)
        if "costs" in told:
            return -np.asarray(told["costs"])[y, decided].mean()
        return balanced_accuracy_score(y, decided)
    p = arm.predict_proba(X)[:, 1]
    ranking = told["scoring"] == "ranking"
    return average_precision_score(y, p) if ranking else log_loss(y, p)


def false_alarms(rows, by=("dataset", "method")):
    """How often each departs from nothing where no arm can gain.

    Parameters
    ----------
    rows : DataFrame
        What `helpers.store.load_results` returns for this chapter.
    by : sequence of str
        Columns whose values are told apart; none for all tables together.

    Returns
    -------
    DataFrame
        ``tables``; for the rule, and for the arm with the largest mean score: departures
        (``rule, largest_mean``), their share, and Clopper and Pearson's 95 % interval.
    """
    null = rows[rows["dataset"].str.startswith("null")]
    groups = null.groupby([*by], sort=False) if by else [("all", null)]
    found = {}
    for name, own in groups:
        n = len(own)
        row = {"tables": n}
        for who, column in (("rule", "chosen"), ("largest_mean", "largest_mean")):
            k = int((own[column] != "nothing").sum())
            low, high = stats.binomtest(k, n).proportion_ci(0.95, "exact")
            row |= {who: k, f"{who}_share": k / n}
            row |= {f"{who}_low": low, f"{who}_high": high}
        found[name] = row
    table = pd.DataFrame(found).T
    counts = ["tables", "rule", "largest_mean"]
    table = table.astype(dict.fromkeys(counts, int))
    if by:
        table.index.names = [*by]
    return table


def most_false_alarms(n, alpha=0.05):
    """Departures that chance explains on `n` tables: 97.5 % of a rule that holds `alpha`."""
    return int(stats.binom.ppf(0.975, n, alpha))


def power(rows):
    """How often a gain that was put into a table is found, by kind and size of table.

    Parameters
    ----------
    rows : DataFrame

    Returns
    -------
    DataFrame
        ``tables``; ``true_gain`` of the arm that gains by construction, its mean;
        ``could_tell``, the median of the smallest gain that the splits could have shown;
        ``found``, the share of tables where the rule departs from nothing, with its 95 %
        interval; ``planted``, the share of these in which it takes that arm; ``expected``,
        how often that arm would be found if every arm had the spread that was seen.
    """
    own = rows[rows["dataset"].str.startswith("power")].copy()
    # Power .8 is where the true gain is the smallest detectable one.
    steps = stats.norm.ppf(1 - 0.05 / own["n_arms"] / 2) + stats.norm.ppf(0.8)
    error = own["planted_detectable"] / steps
    own["expected"] = stats.norm.sf(
        stats.norm.ppf(1 - 0.05 / own["n_arms"] / 2)
        - own["true_gain_of_planted"] / error
    )
    found = {}
    for name, group in own.groupby(["dataset", "method"]):
        k, n = int((group["chosen"] != "nothing").sum()), len(group)
        low, high = stats.binomtest(k, n).proportion_ci(0.95, "exact")
        found[name] = {
            "tables": n,
            "true_gain": group["true_gain_of_planted"].mean(),
            "could_tell": group["planted_detectable"].median(),
            "found": k / n,
            "low": low,
            "high": high,
            "planted": (group["chosen"] == group["planted"]).sum() / k if k else np.nan,
            "expected": group["expected"].mean(),
        }
    table = pd.DataFrame(found).T.astype({"tables": int})
    table.index.names = ["dataset", "method"]
    return table


def regret(rows):
    """What each choice truly loses against the best arm, on fresh rows.

    Parameters
    ----------
    rows : DataFrame

    Returns
    -------
    DataFrame
        ``tables``, mean regret of doing ``nothing``, of the ``rule`` and of the
        ``largest_mean``, in the unit of the need; by kind of table and need.
    """
    known = rows[rows["true_gain_of_best"].notna()].copy()
    known["kind"] = (
        known["dataset"]
        .str.rpartition("-")[0]
        .where(known["dataset"].str.startswith("power"), known["dataset"])
    )
    best = known["true_gain_of_best"]
    known["nothing"] = best
    known["rule"] = best - known["true_gain_of_chosen"]
    known["largest_mean"] = best - known["true_gain_of_largest_mean"]
    groups = known.groupby(["kind", "method"], sort=False)
    table = groups[["nothing", "rule", "largest_mean"]].mean()
    table.insert(0, "tables", groups.size())
    return table


def glance(rows):
    """One sentence for the first page of the book, from the stored rows."""
    null = rows[rows["dataset"].str.startswith("null")]
    if null.empty:
        return "Not answered yet."
    wrong = int((null["chosen"] != "nothing").sum())
    rival = int((null["largest_mean"] != "nothing").sum())
    return (
        f"On {len(null)} made tables where no arm can gain, the choice departed from "
        f"nothing {wrong} times; the largest mean score would have, {rival} times"
    )
