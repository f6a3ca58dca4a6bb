"""The numbers that the errata measure on data at hand: ``python benchmarks/errata.py``.

One line per number, by the entry it stands in. What was counted in the authors' own files
(G1, G3, G7 and the cells of their notebooks) is not among them: those files are theirs.
``--only T2`` prints one entry; D9 needs MNIST.
"""

import argparse

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.naive_bayes import BernoulliNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from helpers import load_bcw, load_petrography, load_results
from helpers.experiments import deep_smote
from helpers.experiments.gan_smote import duplicate_groups
from helpers.experiments.gan_tutorial import split


def tell(entry, what, value):
    print(f"{entry:3} {what}: {value}", flush=True)


def spread(values, digits=3):
    values = np.asarray(values)
    return (
        f"{values.mean():.{digits}f} ± {values.std(ddof=1):.{digits}f}, "
        f"{values.min():.{digits}f} to {values.max():.{digits}f}, n = {len(values)}"
    )


def G4():
    """How much a ten-fold mean moves when the folds are drawn again."""
    rocks = load_petrography()
    models = {
        "logistic regression": LogisticRegression(max_iter=2000),
        "random forest": RandomForestClassifier(random_state=0),
        "naive Bayes": BernoulliNB(),
    }
    for name, model in models.items():
        means = [
            100
            * cross_val_score(
                model,
                rocks.data,
                rocks.target,
                cv=StratifiedKFold(10, shuffle=True, random_state=seed),
            ).mean()
            for seed in range(10)
        ]
        tell("G4", f"percent right, means of ten folds, {name}", spread(means, 1))


def G5():
    """The spread over folds, stratified as elsewhere and drawn at random."""
    rows = load_results("gan_smote")
    for split_, word in {"folds": "stratified", "random": "random"}.items():
        part = rows[rows["protocol"] == f"{split_}-network-1"]
        for reading in ("accuracy", "accuracy_best_epoch"):
            sds = 100 * part.groupby(["method", "seed"])[reading].std().unstack(0)
            for arm in ("nothing", "smote", "random_oversampling", "gan_smote"):
                if arm in sds and len(known := sds[arm].dropna()) > 1:
                    what = f"sd over {word} folds, points, {arm}, {reading}"
                    tell("G5", what, spread(known, 1))


def G8():
    """Rows that repeat and contradict one another."""
    rocks = load_petrography()
    pattern = duplicate_groups(rocks.data)
    table = pd.crosstab(pattern, rocks.target)
    tell("G8", "distinct rows of attributes", len(table))
    tell(
        "G8",
        "rows that repeat one with its label",
        len(rocks.target) - (table > 0).sum().sum(),
    )
    tell("G8", "patterns with more than one label", ((table > 0).sum(axis=1) > 1).sum())
    ceiling = table.max(axis=1).sum() / len(rocks.target)
    tell("G8", "nobody can be right about more than", f"{ceiling:.2%}")


def D9():
    """How far the nearest image of another class is, pixels from 0 to 1, summed."""
    X, y, _ = deep_smote.draw("mnist", 0, 0, "tenth")[0]
    X = X.reshape(len(X), -1) / 255
    nearest = np.array(
        [cdist(X[[i]], X[y != y[i]], "cityblock").min() for i in range(len(X))]
    )
    medians = pd.Series(nearest).groupby(y).median()
    tell("D9", "medians of the classes", f"{medians.min():.0f} to {medians.max():.0f}")


def T1():
    """Both areas of the baseline, from the stored rows."""
    rows = load_results("gan_tutorial")
    chosen = rows["protocol"].eq("authors-split-1") & rows["method"].eq("nothing")
    row = rows[chosen].iloc[0]
    tell("T1", "area from labels", f"{row['auc_of_labels']:.3f}")
    tell("T1", "area from probabilities", f"{row['roc_auc']:.3f}")


def T2():
    """Malignant recall with nothing done, over splits of the authors' sizes."""
    bcw = load_bcw()
    X, y = bcw.data, bcw.target
    models = {
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "logistic regression, columns from 0 to 1": make_pipeline(
            MinMaxScaler(), LogisticRegression(max_iter=5000)
        ),
        "logistic regression, columns standardised": make_pipeline(
            StandardScaler(), LogisticRegression(max_iter=5000)
        ),
    }
    fitted_on = {"training rows": 1, "training and validation rows": 2}
    for (where, n), (name, model) in (
        (a, b) for a in fitted_on.items() for b in models.items()
    ):
        recalls = []
        for seed in range(60):
            *known, test = split(y, seed, test_share=0.6)
            rows = np.concatenate(known[:n])
            found = model.fit(X[rows], y[rows]).predict(X[test])
            recalls.append(recall_score(y[test], found))
        tell("T2", f"recall, {name}, fitted on {where}", spread(recalls))


ENTRIES = {f.__name__: f for f in (G4, G5, G8, D9, T1, T2)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=ENTRIES)
    only = parser.parse_args().only
    for entry in [ENTRIES[only]] if only else ENTRIES.values():
        entry()
