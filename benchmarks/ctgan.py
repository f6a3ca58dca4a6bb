"""CTGANOverSampler beside the `ctgan` package: ``python benchmarks/ctgan.py --python ENV/bin/python``.

The package is under the Business Source License, which is no open-source licence, and never
a dependency here; install it in an environment of its own and name its Python. Both train
on the same made table, of eight numbers and five categories, 5 % of it rare, with the same
settings, in turn; then both are asked for as many rare rows as there are common ones. The
package draws rows of any class with a wish for the rare one, so the others are thrown away.

Prints seconds, seconds of all CPU cores together and their ratios, then what the rows are
worth: `table_quality` against rare rows that neither has seen, and boosting that knew the
rare class from new rows alone, tested on these. ``--rows`` and ``--epochs`` for other sizes,
``--seeds`` for repeats, from ``--first-seed`` on. On a busy machine only the ratio of CPU
seconds means something.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from helpers import CTGANOverSampler
from helpers.provenance import hardware
from helpers.quality import synthetic_only_score, table_quality

SHARE = 0.05
CATEGORIES = ["a", "b", "c", "d", "e"]

#: What runs in the other environment.
PACKAGE = """
import json, sys, time, torch
import pandas as pd
from ctgan import CTGAN

table, made, epochs, seed, threads, n = sys.argv[1:]
torch.set_num_threads(int(threads))
table = pd.read_csv(table)
categories = [c for c in table if table[c].dtype == object]
CTGAN(epochs=1, enable_gpu=False).fit(table[:600], categories)  # imports and caches
model = CTGAN(epochs=int(epochs), enable_gpu=False)
model.set_random_state(int(seed))
clocks = time.perf_counter(), time.process_time()
model.fit(table, categories)
fitted = time.perf_counter(), time.process_time()
kept, drawn = [], 0
while sum(map(len, kept)) < int(n):
    rows = model.sample(int(n), condition_column="label", condition_value="rare")
    kept.append(rows[rows["label"] == "rare"])
    drawn += len(rows)
kept = pd.concat(kept)
done = time.perf_counter(), time.process_time()
kept[: int(n)].to_csv(made, index=False)
print(json.dumps({
    "fit": [b - a for a, b in zip(clocks, fitted)],
    "sample": [b - a for a, b in zip(fitted, done)],
    "kept": len(kept) / drawn,
}))
"""


def make_table(n, seed):
    """Numbers of several shapes, categories that depend on each other, a label."""
    rng = np.random.default_rng(seed)
    rare = np.arange(n) < SHARE * n
    a = np.where(rare, rng.choice(4, n, p=[0.1, 0.1, 0.2, 0.6]), rng.integers(0, 4, n))
    two_modes = np.where(
        rng.random(n) < 0.5, rng.normal(-3, 0.5, n), rng.normal(3, 1, n)
    )
    table = pd.DataFrame(
        {
            "two_modes": two_modes + rare,
            "tail": np.exp(rng.normal(size=n) + 0.5 * rare),
            "of_a": a + rng.normal(0, 0.3, n),
            "count": rng.poisson(3 + 2 * rare).astype(float),
            "of_two_modes": two_modes / 2 + rng.normal(0, 0.5, n),
            "often_zero": np.where(rng.random(n) < 0.6, 0, rng.gamma(2, 2, n)),
            "noise": rng.normal(size=n),
            "flat": rng.random(n),
            "a": a,
            "b": 2 * a + rng.integers(0, 2, n),
            "c": rng.choice(20, n, p=np.arange(20, 0, -1) / 210),
            "d": rng.integers(0, 2, n),
            "e": rng.random(n) < np.where(rare, 0.8, 0.3),
        }
    )
    for name in CATEGORIES:
        table[name] = name + table[name].astype(int).astype(str)
    return table, np.where(rare, "rare", "common")


def as_matrix(table):
    """Numbers, then one-hot blocks, and the columns of each block."""
    coded = pd.get_dummies(table, columns=CATEGORIES, dtype=float)
    groups = [
        [i for i, c in enumerate(coded) if c.startswith(f"{name}_{name}")]
        for name in CATEGORIES
    ]
    return coded, groups


def ours(table, y, epochs, seed):
    coded, groups = as_matrix(table)
    sampler = CTGANOverSampler(
        feature_groups=groups, epochs=epochs, random_state=seed, device="cpu"
    )
    drawing = []
    sampler_draw = sampler._draw

    def draw(*given):
        started = time.perf_counter(), time.process_time()
        rows = sampler_draw(*given)
        drawing.append(
            [time.perf_counter() - started[0], time.process_time() - started[1]]
        )
        return rows

    sampler._draw = draw
    started = time.perf_counter(), time.process_time()
    rows, _ = sampler.fit_resample(coded, y)
    whole = time.perf_counter() - started[0], time.process_time() - started[1]
    rows = rows[len(y) :]
    made = rows[[c for c in table if c not in CATEGORIES]].copy()
    for name, group in zip(CATEGORIES, groups, strict=True):
        levels = [c.removeprefix(f"{name}_") for c in coded.columns[group]]
        made[name] = np.array(levels)[rows.iloc[:, group].to_numpy().argmax(1)]
    return made, {
        "fit": [a - b for a, b in zip(whole, drawing[0], strict=True)],
        "sample": drawing[0],
        "kept": 1.0,
    }


def theirs(python, table, y, epochs, seed):
    n = int((y == "common").sum() - (y == "rare").sum())
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder, name)) for name in ("table.csv", "made.csv")]
        table.assign(label=y).to_csv(paths[0], index=False)
        words = [*paths, str(epochs), str(seed), str(torch.get_num_threads()), str(n)]
        done = subprocess.run(
            [python, "-W", "ignore", "-c", PACKAGE, *words],
            check=True,
            capture_output=True,
            text=True,
        )
        made = pd.read_csv(paths[1]).drop(columns="label")
    return made, json.loads(done.stdout.splitlines()[-1])


def worth(table, y, made, held_out, held_y):
    """Quality of rare rows, and boosting that knows the rare class from them alone."""
    real = held_out[held_y == "rare"]
    fake = made.sample(len(real), random_state=0)
    found = table_quality(real, fake, train=table[y == "rare"], discrete=CATEGORIES)
    everything = pd.concat([table, made, held_out])
    coded = pd.get_dummies(everything, columns=CATEGORIES, dtype=float).to_numpy()
    X, X_test = coded[: -len(held_out)], coded[-len(held_out) :]
    mask = np.arange(len(X)) >= len(table)
    labels = np.concatenate([y, ["rare"] * len(made)])
    boosting = HistGradientBoostingClassifier(random_state=0)
    score = synthetic_only_score(boosting, X, labels, mask, X_test, held_y)
    shown = ["marginal", "pairwise", "detection", "copies"]
    return {
        **found[shown],
        "recall": score["recall_rare"],
        "precision": score["precision_rare"],
        "f1": score["f1_rare"],
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", help="of an environment that has ctgan")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--epochs", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    options = parser.parse_args()
    threads = f"{torch.get_num_threads()} threads"
    print(f"{hardware()}, torch {torch.__version__}, {threads}")
    print(
        f"{options.rows} rows, {options.epochs} epochs, {options.seeds} seed(s) from "
        f"{options.first_seed}\n"
    )

    rows = []
    ours(*make_table(600, 0), epochs=1, seed=0)  # imports and caches
    for seed in range(options.first_seed, options.first_seed + options.seeds):
        table, y = make_table(options.rows, 2 * seed)
        held_out, held_y = make_table(options.rows, 2 * seed + 1)
        real, real_y = make_table(options.rows * 10, 2 * seed + 1000)
        settings = {"epochs": options.epochs, "seed": seed}
        runs = {"ours": ours(table, y, **settings)}
        if options.python:
            runs["ctgan"] = theirs(options.python, table, y, **settings)
        runs["real rows"] = real[real_y == "rare"], {"kept": np.nan}
        for name, (made, spent) in runs.items():
            row = {"": name, "kept": spent["kept"]}
            for what in ("fit", "sample"):
                wall, cpu = spent.get(what, (np.nan, np.nan))
                row |= {f"{what} s": wall, f"{what} CPU s": cpu}
            row["CPU s per 1000"] = row["sample CPU s"] / len(made) * 1000
            rows.append(row | worth(table, y, made, held_out, held_y))
    means = pd.DataFrame(rows).groupby("", sort=False).mean()
    print("\n" + means.T.to_string(float_format=lambda value: f"{value:.3f}"))
    if options.python:
        seconds = means.filter(regex="^(fit|sample)")
        print(
            "\nctgan / ours: "
            + ", ".join(
                f"{name} {value:.2f}"
                for name, value in (seconds.loc["ctgan"] / seconds.loc["ours"]).items()
            )
        )


if __name__ == "__main__":
    main()
