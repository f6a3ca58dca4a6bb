"""Real tables through every sampler: are all rows possible, how long, how good?

``python benchmarks/tables.py`` takes each table's one half, lets each sampler balance it,
and checks every new row; then it compares the new rows of the rare class with those of the
other half, by `table_quality`. ``--out cells.csv`` keeps what is done, so that a call that
was stopped goes on. ``--codec`` times `TableCodec` alone, on 100,000 rows of 20 columns of
all kinds and on the whole of fars. Never a test: a busy machine would fail it.
"""

import argparse
import multiprocessing
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from imblearn.over_sampling import ADASYN, BorderlineSMOTE, RandomOverSampler
from sklearn.model_selection import train_test_split

from helpers import TableCodec, TabularOverSampler, load_keel, table_quality
from helpers.over_sampling import SAMPLERS
from helpers.provenance import hardware, peak_mebibytes

TABLES = (
    "hypothyroid",
    "abalone-17_vs_7-8-9-10",
    "kr-vs-k-three_vs_eleven",
    "crx",
    "german",
    "fars",
)
#: Training that fits into minutes on one core: less than the papers', the same for all tables.
TRAINED = {
    "bagan": {"epochs": 20},
    "ctgan": {"epochs": 60},
    "deep_smote": {"epochs": 40},
    "gamo": {"epochs": 20},
    "gan": {"epochs": 200},
    "gan_smote": {"epochs": 400, "flip_epochs": 370, "restart_every": 100},
    "mc_rbo": {"n_steps": 200},
    "smate": {"epochs": 40},
    "tab_ddpm": {"n_steps": 1500, "n_timesteps": 100},
}
#: Enough to see whether rows are possible, and no more.
QUICK = {
    "epochs": 2,
    "n_steps": 20,
    "n_timesteps": 20,
    "flip_epochs": 1,
    "restart_every": 1,
    "classifier_epochs": 1,
}
#: Rows of fars, of whose samplers some compare every row with every other.
THINNED = 4000
#: The class that is compared is the rarest with so many rows in the other half.
LEAST = 20
LIMIT = 150  # seconds a cell


def samplers(quick=False):
    made = {}
    for name in sorted(SAMPLERS):
        made[name] = SAMPLERS[name](random_state=0, device="cpu")
        told = QUICK if quick else TRAINED.get(name, {})
        taken = told.keys() & made[name].get_params().keys()
        if "epochs" in taken:
            taken -= {"n_steps"}  # one of the two says how long
        made[name].set_params(**{key: told[key] for key in taken})
    classic = {
        "random": RandomOverSampler(random_state=0),
        "borderline": BorderlineSMOTE(random_state=0, k_neighbors=3),
        "adasyn": ADASYN(random_state=0),
    }
    return {"smote": "smote", **classic, **made}


def halves(name):
    """One half of a table to learn from, and the other to compare with."""
    X, y = load_keel(name, return_X_y=True)
    X, y = pd.DataFrame(X), pd.Series(y)
    if name == "fars":
        counts = y.value_counts()  # a half of a class of 9 rows is none
        wanted = (counts[counts >= 100] * THINNED // len(y)).clip(lower=100)
        kept = [y[y == c].sample(n, random_state=0) for c, n in wanted.items()]
        y = pd.concat(kept).sort_index()
        X = X.loc[y.index]
        X, y = X.reset_index(drop=True), y.reset_index(drop=True)
    return train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


def impossible(new, seen, codec):
    """What is wrong with rows, in words; empty where all could stand in the table."""
    wrong = []
    for name, column in new.items():
        known, values = seen[name].dropna(), column.dropna()
        if column.dtype != seen[name].dtype:
            wrong.append(f"{name}: type {column.dtype}")
        if len(values) < len(column) and len(known) == len(seen):
            wrong.append(f"{name}: a hole")
        if codec.kinds_[name] == "category":
            if not {*values} <= {*known}:
                wrong.append(f"{name}: a level")
        elif codec.kinds_[name] in ("number", "date"):
            if not values.between(known.min(), known.max()).all():
                wrong.append(f"{name}: out of range")
            if codec.kinds_[name] == "number" and not on_grid(values, known):
                wrong.append(f"{name}: off the grid")
        elif not values.isin(known).all():
            wrong.append(f"{name}: another constant")
    Z = codec.transform(new)
    for part in codec.columns_:
        block = Z[:, part.columns]
        if part.kind == "category" and not (block.sum(axis=1) == 1).all():
            wrong.append(f"{part.name}: not one level")
    return "; ".join(wrong)


def on_grid(values, known):
    """Whether values have no more decimals than those known."""
    for decimals in range(7):
        if (known.astype(float).round(decimals) == known).all():
            return (values.astype(float).round(decimals) == values).all()
    return True


def filled(frame):
    """Holes as a level or a column of their own, since the measures refuse them."""
    columns = {}
    for name, column in frame.items():
        if column.dtype.kind in "iuf":
            columns[name] = column.astype(float).fillna(column.median())
            columns[f"{name}?"] = column.isna().map({True: "hole", False: "value"})
        else:
            columns[name] = (
                column.astype(object).where(column.notna(), "(none)").astype(str)
            )
    return pd.DataFrame(columns)


def cell(name, label, quick, queue):
    """One sampler on one table, in a process of its own."""
    warnings.simplefilter("ignore")
    train, test, y, y_test = halves(name)
    row = {"table": name, "sampler": label, "rows": len(train)}
    try:
        made = TabularOverSampler(samplers(quick)[label])
        before, started = psutil.Process().memory_info().rss, time.perf_counter()
        X_new, y_new = made.fit_resample(train, y)
        row["seconds"] = time.perf_counter() - started
        row["MB"] = max(0, peak_mebibytes() - before / 2**20)
        new = X_new[made.synthetic_mask_]
        row["new"] = len(new)
        pd.testing.assert_frame_equal(X_new[~made.synthetic_mask_], train)
        row["wrong"] = impossible(new, train, made.codec_)
        counts = y_test.value_counts()
        rare = counts[counts >= LEAST].index[-1]
        real = test[y_test == rare]
        fake = new[(y_new[made.synthetic_mask_] == rare).to_numpy()]
        if (n := min(len(real), len(fake))) and not quick:
            both = filled(
                pd.concat([real, fake.sample(n, random_state=0), train[y == rare]])
            )
            parts = np.split(both, [len(real), len(real) + n])
            row |= table_quality(*parts, device="cpu").round(3)
    except Exception as error:
        row["wrong"] = f"{type(error).__name__}: {error}".splitlines()[0]
    queue.put(row)


def run(name, label, quick):
    queue = multiprocessing.get_context("fork").Queue()
    process = multiprocessing.get_context("fork").Process(
        target=cell, args=(name, label, quick, queue)
    )
    process.start()
    try:
        row = queue.get(timeout=LIMIT)
    except Exception:
        process.terminate()
        row = {"table": name, "sampler": label, "wrong": f"over {LIMIT} s"}
    process.join()
    return row


# ------------------------------------------------------------------ the codec alone


def customers(n):
    """A table of 20 columns of all kinds."""
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01")
    X = {f"whole {i}": rng.integers(0, 10**i, n) for i in (2, 3, 4, 6)}
    X |= {f"real {i}": rng.normal(size=n) for i in range(4)}
    X |= {f"price {i}": rng.lognormal(3, 1, n).round(2) for i in range(2)}
    X["hole"] = np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n))
    X["Int64"] = pd.array(rng.poisson(3, n), dtype="Int64")
    for i in (2, 5, 30):
        X[f"word {i}"] = rng.choice([f"level {k}" for k in range(i)], n)
    X["category"] = pd.Categorical(rng.choice([*"abcdefgh"], n))
    X["yes"] = rng.random(n) < 0.3
    X["date"] = day + pd.to_timedelta(rng.integers(0, 2000, n), "D")
    X["time"] = day + pd.to_timedelta(rng.integers(0, 10**8, n), "s")
    written = day + pd.to_timedelta(rng.integers(0, 900, n), "D")
    X["written"] = written.strftime("%d.%m.%Y")
    return pd.DataFrame(X)


class Peak:
    """The most memory that is held while a block runs, above what it began with."""

    def __enter__(self):
        self._process, self._stop = psutil.Process(), threading.Event()
        self.before = self.most = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self):
        while not self._stop.wait(0.005):
            self.most = max(self.most, self._process.memory_info().rss)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.MB = (self.most - self.before) / 2**20


def time_codec():
    print(
        f"{'':<24}{'fit':>7}{'encode':>8}{'decode':>8}{'both':>7}  CPU seconds, best of 3"
    )
    frames = {"100,000 x 20 mixed": customers(100_000)}
    frames["fars, 100,968 x 29"] = pd.DataFrame(load_keel("fars").data)
    for name, X in frames.items():
        own = X.memory_usage(deep=True).sum() / 2**20
        TableCodec().fit(X.head(2000))  # imports
        clocks = []
        for _ in range(3):
            with Peak() as peak:
                started = time.process_time()
                codec = TableCodec().fit(X)
                fitted = time.process_time()
                Z = codec.transform(X)
                encoded = time.process_time()
                codec.inverse_transform(Z)
                decoded = time.process_time()
            clocks.append(
                (fitted - started, encoded - fitted, decoded - encoded, peak.MB)
            )
            matrix = Z.nbytes / 2**20
            del Z
        fit, encode, decode = np.min([c[:3] for c in clocks], axis=0)
        print(
            f"{name:<24}{fit:>7.2f}{encode:>8.2f}{decode:>8.2f}{encode + decode:>7.2f}  "
            f"peak {clocks[0][3]:.0f} MB; frame {own:.0f}, matrix {matrix:.0f} MB",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", action="store_true", help="times of the codec alone")
    parser.add_argument("--quick", action="store_true", help="a few steps, no quality")
    parser.add_argument("--out", type=Path, help="file of the cells that are done")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--samplers", default=",".join(samplers()))
    options = parser.parse_args()
    print(hardware("cpu"), flush=True)
    if options.codec:
        time_codec()
        return
    done = pd.DataFrame(columns=["table", "sampler"])
    if options.out and options.out.exists():
        done = pd.read_csv(options.out)
    for name in options.tables.split(","):
        for label in options.samplers.split(","):
            if ((done["table"] == name) & (done["sampler"] == label)).any():
                continue
            row = pd.DataFrame([run(name, label, options.quick)])
            done = pd.concat([done, row], ignore_index=True)
            print(row.to_string(header=False, index=False), flush=True)
            if options.out:
                done.to_csv(options.out, index=False)
    print(done.to_string(index=False))


if __name__ == "__main__":
    main()
