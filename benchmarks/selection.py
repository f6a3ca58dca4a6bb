"""`AutoOverSampler` beside its rivals, in one run: ``python benchmarks/selection.py``.

Made tables of `helpers.experiments.selection`: how often each departs from doing nothing
where no arm can gain (false alarms), how often where one does, and its regret, the true
gain of the best arm less that of the one it chose, on fresh rows.

- **largest mean** takes the arm with the largest cross-validated score, as
  ``model_selection`` of smote-variants does, from the very rows that the rule sees.
- **imbcal** (0.4, ``pip install imbcal``; left out where it is not) chooses among its own
  augmentations by a max-T test, ``selection="safe"``: probabilities of two classes of
  numbers, so it takes part where these are asked for. Its gains are over its own "none".

Tables whose rows are stored are not run again by the first two; imbcal runs here.
``--tables 5`` for fewer tables of each kind, ``--stored`` for stored ones only.
"""

import argparse
import warnings

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from helpers.experiments import selection
from helpers.provenance import hardware
from helpers.store import KEY, load_results


def imbcal_gain(made, seed):
    """Whether imbcal's safe selection augments, and what it truly gains by it."""
    from imbcal import (
        GaussianGenerator,
        ImbalanceCalibratedClassifier,
        SMOTEGenerator,
    )

    classifier = made.told.get("classifier")
    scaler = (MinMaxScaler() if classifier else StandardScaler()).fit(made.X)
    X, y = made.draw(selection.FRESH, np.random.default_rng([seed, selection.FRESH]))
    losses = []
    for strategy in ("none", "augment"):
        model = ImbalanceCalibratedClassifier(
            classifier or LogisticRegression(max_iter=1000),
            strategy=strategy,
            generators=[GaussianGenerator(0.25), SMOTEGenerator(5)],
            selection="safe" if strategy == "augment" else "best",
            random_state=seed,
        ).fit(scaler.transform(made.X), made.y)
        losses.append(log_loss(y, model.predict_proba(scaler.transform(X))[:, 1]))
    departed = getattr(model.selected_, "chi", 1) != 1
    return departed, (losses[0] - losses[1]) / losses[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tables", type=int, default=20, help="of each kind")
    parser.add_argument("--stored", action="store_true", help="run no other table")
    options = parser.parse_args()
    try:
        rows = load_results(selection.CHAPTER)
        stored = {tuple(row[k] for k in KEY): row for row in rows.to_dict("records")}
    except FileNotFoundError:
        stored = {}
    print(f"{hardware()}\n")
    records = []
    for cell in selection.cells("paper"):
        if cell.seed >= options.tables:
            continue
        row = stored.get(tuple(getattr(cell, k) for k in KEY))
        if row is None and options.stored:
            continue
        row = selection.run(cell) if row is None else row
        kind = f"{cell.dataset} {cell.method}"
        best = row.get("true_gain_of_best", np.nan)
        for name, choice in (("ours", "chosen"), ("largest mean", "largest_mean")):
            regret = best - row.get(f"true_gain_of_{choice}", np.nan)
            records.append((kind, name, row[choice] != "nothing", regret))
        made = selection.table(cell.dataset, cell.method, cell.seed)
        numeric = all(dtype.kind == "f" for dtype in made.X.dtypes)
        if cell.method != "probabilities" or made.draw is None or not numeric:
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                departed, gain = imbcal_gain(made, cell.seed)
        except ModuleNotFoundError:
            continue
        records.append((kind, "imbcal", departed, max(0, best) - gain))
    table = pd.DataFrame(records, columns=["tables", "who", "departed", "regret"])
    groups = table.groupby(["tables", "who"], sort=False)
    shown = groups["departed"].agg(["sum", "count"])
    shown["mean regret"] = groups["regret"].mean().round(4)
    print(shown.rename(columns={"sum": "departed", "count": "of"}).to_string())


if __name__ == "__main__":
    main()
