"""The tutorial's baseline with an older scikit-learn: ``python benchmarks/old_sklearn.py``.

Nothing in the baseline of Huang's Table 1 is random, and with today's scikit-learn it does
not come out. This makes an environment that is thrown away again, with an old scikit-learn
in it, runs the authors' split, grid and final fit (on training and validation rows), and
stores a row for each of the fifteen settings in
``book/results/gan_tutorial-old_sklearn.csv``, with that version as its provenance. The
version in use is run beside it. ``--versions`` names others that the package index has
wheels of for this Python.
"""

import argparse
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
    import itertools
    import platform
    import time
    import warnings

    import numpy as np
    import sklearn
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
    both = np.concatenate([train, validation])
    for rate, leaf in itertools.product([1e-3, 1e-2, 1e-1, 1, 10], [1, 20, 100]):
        model = HistGradientBoostingClassifier(
            learning_rate=rate, min_samples_leaf=leaf, random_state=42
        )
        started = time.perf_counter()
        found = model.fit(X[train], y[train]).predict(X[validation])
        f1 = f1_score(y[validation], found, zero_division=0)
        found = model.fit(X[both], y[both]).predict(X[test])
        seconds = time.perf_counter() - started
        values = precision_recall_fscore_support(y[test], found, zero_division=0)
        row = {
            f"{metric}_{name}": float(value)
            for metric, pair in zip(("precision", "recall", "f1"), values, strict=False)
            for name, value in zip(("benign", "malignant"), pair, strict=True)
        }
        row |= {
            "classifier": f"{rate:g}/{leaf}",
            "learning_rate": rate,
            "min_samples_leaf": leaf,
            "f1_validation": float(f1),
            "auc_of_labels": (row["recall_benign"] + row["recall_malignant"]) / 2,
            "n_train": len(both),
            "n_test": len(test),
            "n_malignant": int(y[test].sum()),
            "n_synthetic": 0,
            "sampler_seconds": 0.0,
            "classifier_seconds": seconds,
            "versions": f"python {platform.python_version()}; "
            f"scikit-learn {sklearn.__version__}; numpy {np.__version__}",
        }
        print(json.dumps(row))


def with_version(version):
    """What `inside` prints under another scikit-learn."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin")
        python = str(python / "python")
        # Wheels of that time do not know numpy 2.
        packages = [f"scikit-learn=={version}", "numpy<2"]
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
        protocol = f"authors-split-sklearn-{version}"
        cell = store.Cell(
            "gan_tutorial", "old_sklearn", "bcw", "nothing", 0, 0, protocol
        )
        told = {"provenance": "scikit-learn", "device": hardware(), "commit": commit()}
        told |= {"precision": "float64", "started": started}
        store.append(STORE, [{**cell._asdict(), **row, **told} for row in rows])
        best = max(rows, key=lambda row: row["f1_validation"])  # the first of equals
        print(f"scikit-learn {version}: {best['classifier']} is chosen, F1", end=" ")
        print(f"{best['f1_validation']:.3f} on validation rows; on test rows", end=" ")
        print(
            f"{best['precision_benign']:.3f}/{best['precision_malignant']:.3f}", end=" "
        )
        print(f"{best['recall_benign']:.3f}/{best['recall_malignant']:.3f}")


if __name__ == "__main__":
    main()
