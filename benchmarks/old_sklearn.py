"""The tutorial's Table 1 with an older scikit-learn: ``python benchmarks/old_sklearn.py``.

Nothing in the baseline of Huang's Table 1 is random, and little in copies and SMOTE, but
with today's scikit-learn they do not come out. This makes an environment that is thrown
away again, with an old scikit-learn in it, runs the authors' split, grid and final fit (on
training and validation rows), and stores a row for each of the fifteen settings in
``book/results/gan_tutorial-old_sklearn.csv``, with that version as its provenance. The
version in use is run beside it. ``--versions`` names others that the package index has
wheels of for this Python, each with its imbalanced-learn.

The authors sort the columns by their names (cell 54, `np.setdiff1d`), and histograms break
ties between columns by their order. The protocol ``authors-columns-sklearn-<version>`` has
that order, and ``authors-split-sklearn-<version>``, of the baseline alone, scikit-learn's.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import venv
from datetime import UTC, datetime
from pathlib import Path

STORE = Path(__file__).parents[1] / "book" / "results" / "gan_tutorial-old_sklearn.csv"


def inside():
    """Run the experiment with what is installed, and print one JSON line per setting."""
    import platform
    import time
    import warnings

    import imblearn
    import numpy as np
    import sklearn
    from imblearn.over_sampling import SMOTE, RandomOverSampler
    from sklearn.datasets import load_breast_cancer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import f1_score, precision_recall_fscore_support
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import MinMaxScaler

    warnings.simplefilter("ignore")  # a learning rate of 10 overflows
    bunch = load_breast_cancer()
    X, y = bunch.data, 1 - bunch.target  # malignant is 1
    cut = {"random_state": 42}
    train, rest = train_test_split(np.arange(len(y)), train_size=0.5, stratify=y, **cut)
    validation, test = train_test_split(rest, train_size=0.4, stratify=y[rest], **cut)
    X = MinMaxScaler().fit(X[train]).transform(X)
    by_name = np.argsort([authors_name(name) for name in bunch.feature_names])
    arms = {
        ("nothing", "split"): (X, None),
        ("nothing", "columns"): (X[:, by_name], None),
        ("random_oversampling", "columns"): (
            X[:, by_name],
            RandomOverSampler(random_state=42),
        ),
        ("smote", "columns"): (X[:, by_name], SMOTE(random_state=42)),
    }
    grid = itertools.product([1e-3, 1e-2, 1e-1, 1, 10], [1, 20, 100])
    for ((method, order), (X, sampler)), (rate, leaf) in itertools.product(
        arms.items(), grid
    ):
        X_train, y_train = X[train], y[train]
        if sampler is not None:
            X_train, y_train = sampler.fit_resample(X_train, y_train)
        X_both = np.concatenate([X_train, X[validation]])
        y_both = np.concatenate([y_train, y[validation]])
        model = HistGradientBoostingClassifier(
            learning_rate=rate, min_samples_leaf=leaf, random_state=42
        )
        started = time.perf_counter()
        found = model.fit(X_train, y_train).predict(X[validation])
        f1 = f1_score(y[validation], found, zero_division=0)
        found = model.fit(X_both, y_both).predict(X[test])
        seconds = time.perf_counter() - started
        values = precision_recall_fscore_support(y[test], found, zero_division=0)
        row = {
            f"{metric}_{name}": float(value)
            for metric, pair in zip(("precision", "recall", "f1"), values, strict=False)
            for name, value in zip(("benign", "malignant"), pair, strict=True)
        }
        row |= {
            "method": method,
            "order": order,
            "classifier": f"{rate:g}/{leaf}",
            "learning_rate": rate,
            "min_samples_leaf": leaf,
            "f1_validation": float(f1),
            "auc_of_labels": (row["recall_benign"] + row["recall_malignant"]) / 2,
            "n_train": len(train) + len(validation),
            "n_test": len(test),
            "n_malignant": int(y[test].sum()),
            "n_synthetic": len(y_train) - len(train),
            "sampler_seconds": 0.0,
            "classifier_seconds": seconds,
            "versions": f"python {platform.python_version()}; "
            f"scikit-learn {sklearn.__version__}; numpy {np.__version__}; "
            f"imbalanced-learn {imblearn.__version__}",
        }
        print(json.dumps(row))


def authors_name(name):
    """What their file calls a column of scikit-learn's: "mean area" is ``area_mean``."""
    kinds = {"mean": "_mean", "worst": "_worst", "error": "_se"}
    words = name.split()
    kind = words[0] if words[0] in kinds else words[-1]
    return " ".join(word for word in words if word != kind) + kinds[kind]


def with_version(version):
    """What `inside` prints under another scikit-learn."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        python = str(python / "python")
        # Wheels of that time do not know numpy 2; the index knows which samplers fit.
        packages = [f"scikit-learn=={version}", "imbalanced-learn", "numpy<2"]
        install = [python, "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        subprocess.run([*install, *packages], check=True)
        return lines_of(python)


def lines_of(python):
    call = [python, __file__, "--inside"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--versions", nargs="+", default=["1.1.3"])
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        inside()
        return

    import sklearn

    from helpers import store
    from helpers.provenance import commit, hardware

    for version in [*arguments.versions, sklearn.__version__]:
        started = datetime.now(UTC).isoformat(timespec="seconds")
        ours = version == sklearn.__version__
        rows = lines_of(sys.executable) if ours else with_version(version)
        told = {"provenance": "scikit-learn", "device": hardware(), "commit": commit()}
        told |= {"precision": "float64", "started": started}
        stored = []
        for row in rows:
            protocol = f"authors-{row.pop('order')}-sklearn-{version}"
            key = "gan_tutorial", "old_sklearn", "bcw", row["method"], 0, 0, protocol
            stored.append({**store.Cell(*key)._asdict(), **row, **told})
        store.append(STORE, stored)
        for arm, own in itertools.groupby(
            stored, lambda r: (r["method"], r["protocol"])
        ):
            best = max(own, key=lambda row: row["f1_validation"])  # the first of equals
            print(f"{', '.join(arm)}: {best['classifier']}, F1", end=" ")
            print(
                f"{best['f1_validation']:.6f} on validation rows; on test rows recall"
            )
            print(f"  {best['recall_benign']:.3f}, {best['recall_malignant']:.3f}")


if __name__ == "__main__":
    main()
