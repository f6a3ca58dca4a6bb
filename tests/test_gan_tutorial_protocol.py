"""The tutorial's splits and cells, and what its page says."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_breast_cancer

from helpers.experiments import gan_tutorial
from helpers.experiments.gan_tutorial import _pipeline
from helpers.store import Cell, load_results

from .test_evaluation import Recorder, Spy, numbered_rows


def test_the_tutorial_chooses_on_untouched_validation_rows(monkeypatch):
    """Scaled by the training part, resampled there alone, refitted as asked."""
    X, y = numbered_rows()
    parts = np.arange(0, 10), np.arange(10, 16), np.arange(16, 20)
    monkeypatch.setattr(_pipeline, "GRID", {})

    class Unscaled(_pipeline.MinMaxScaler):
        def transform(self, X):
            return X

    monkeypatch.setattr(_pipeline, "MinMaxScaler", Unscaled)
    options = {"X": X, "y": y, "classes": ["a", "b"], "parts": parts, "sampler": Spy()}
    gan_tutorial.tune_and_score(**options, classifier=Recorder())
    assert Spy.seen == [*range(10)]
    assert Recorder.asked == [16, 17, 18, 19]
    assert len(Recorder.fitted) == 20
    gan_tutorial.tune_and_score(
        **options, classifier=Recorder(), refit="train+validation"
    )
    assert Recorder.fitted[-6:] == [10, 11, 12, 13, 14, 15]


class Ranked(ClassifierMixin, BaseEstimator):
    """A classifier whose probability is its one column, or the other way round."""

    def __init__(self, turned=False):
        self.turned = turned

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        p = 1 - X[:, 0] if self.turned else X[:, 0]
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def test_the_tutorial_takes_the_setting_and_the_cut_that_are_best_on_validation_rows(
    monkeypatch,
):
    monkeypatch.setattr(_pipeline, "GRID", {"turned": [True, False]})
    X = np.linspace(0, 1, 101)[:, None]
    y = (X[:, 0] > 0.3).astype(int)
    train, rest = np.r_[0:101:5], np.setdiff1d(np.arange(101), np.r_[0:101:5])
    options = {
        "X": X,
        "y": y,
        "classes": ["a", "b"],
        "parts": (train, rest[::2], rest[1::2]),
        "sampler": None,
        "classifier": Ranked(),
    }
    plain = gan_tutorial.tune_and_score(**options)
    assert plain["turned"] == False  # noqa: E712, a number of the row
    assert plain["recall_b"] < 0.8  # at one half
    assert 0.8 < plain["f1_validation"] < 0.9
    tuned = gan_tutorial.tune_and_score(**options, threshold=True)
    assert (tuned["recall_a"], tuned["recall_b"]) == pytest.approx((1, 1), abs=0.1)
    assert tuned["roc_auc"] == plain["roc_auc"]


def test_circles_are_drawn_round_rows_whose_neighbours_are_benign():
    """A malignant row in a benign crowd, its copy, and one among its own."""
    X = np.array([[0.0], [0.1], [0.2], [0.3], [0.4], [0.25], [5], [5.1], [5.2], [5.3]])
    y = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    rows = np.array([[0.25], [0.25], [5.05]])
    found = gan_tutorial.among_benign(rows, X, y, n_neighbours=3)
    assert found.tolist() == [True, True, False]


def test_the_authors_split_has_the_authors_sizes():
    from helpers.data import load_bcw

    y = load_bcw().target
    parts = gan_tutorial.split(y, 42, test_share=0.6)
    assert [len(p) for p in parts] == [284, 114, 171]
    assert [int(y[p].sum()) for p in parts] == [106, 42, 64]
    paper = gan_tutorial.split(y, 0)
    assert [len(p) for p in paper] == [284, 171, 114]
    assert sorted(np.concatenate(paper)) == [*range(569)]


# ---------------------------------------------------------- cells of the tutorial


def test_the_smoke_profile_covers_every_method_of_the_paper_profile():
    kinds = [
        {(c.dataset, c.method, c.protocol) for c in gan_tutorial.cells(profile)}
        for profile in ("smoke", "paper")
    ]
    assert kinds[0] == kinds[1]


@pytest.mark.parametrize("dataset", ["bcw", "wine"])
def test_a_cell_of_the_tutorial_gives_a_whole_row(dataset, monkeypatch):
    monkeypatch.setattr(
        _pipeline, "GRID", {"learning_rate": [0.1], "min_samples_leaf": [20]}
    )
    first, second = (
        gan_tutorial.run(
            Cell("gan_tutorial", "smoke", dataset, "smote", 1, 0, "repeated-1")
        )
        for _ in range(2)
    )
    assert 0.5 < first["acsa"] <= 1
    assert first["n_synthetic"] > 0
    timed = {"sampler_seconds", "classifier_seconds"}
    for name in first.keys() - timed:
        assert first[name] == second[name] or np.isnan(first[name])


def test_dummy_and_weighted_arms(monkeypatch):
    monkeypatch.setattr(
        _pipeline, "GRID", {"learning_rate": [0.1], "min_samples_leaf": [20]}
    )

    def row(method):
        key = Cell("gan_tutorial", "smoke", "bcw", method, 0, 0, "repeated-1")
        return gan_tutorial.run(key)

    assert row("dummy")["acsa"] == 0.5
    assert row("class_weight")["recall_malignant"] > 0.8
    tuned, plain = row("threshold"), row("nothing")
    assert tuned["roc_auc"] == plain["roc_auc"]  # the same scores, cut elsewhere


# ---------------------------------------------------------- what its page says


def test_the_setting_of_a_search_is_the_first_of_the_best_by_version_and_order():
    paper = gan_tutorial.PAPER
    base, gan = (
        dict(zip(gan_tutorial.SCORES, paper[arm], strict=False))
        for arm in ("nothing", "gan")
    )
    rows = [
        ("columns", "0.24.2", "nothing", 0.95, 0.1, base),
        ("columns", "0.24.2", "nothing", 0.95, 1, base | {"recall_malignant": 0.922}),
        ("columns", "0.24.2", "nothing", 0.90, 10, gan),
        ("columns", "0.24.2", "smote", 0.99, 0.1, base),
        ("split", "0.24.2", "nothing", 0.90, 0.1, base | {"f1_benign": 0.5}),
    ]
    old = pd.DataFrame(
        {
            "versions": f"python 3.9; scikit-learn {version}; numpy 1",
            "protocol": f"authors-{order}-sklearn-{version}",
            "method": method,
            "f1_validation": f1,
            "learning_rate": rate,
            "min_samples_leaf": 20,
            **values,
        }
        for order, version, method, f1, rate, values in rows
    )
    taken = gan_tutorial.chosen_settings(old, 64)
    assert [*taken.index] == [
        ("0.24.2", "as there", "nothing"),
        ("0.24.2", "by name", "nothing"),
        ("0.24.2", "by name", "SMOTE"),
    ]
    assert taken["same digits"].tolist() == [6, 7, 7]
    assert taken["missed"].tolist() == [6, 6, 6]
    assert taken["authors'"].round(3).tolist() == [0.976, 0.976, 1.0]
    told = gan_tutorial.untouched_told(old, 64)
    assert told["baseline"] == "rate 0.1 and leaves of 20 (scikit-learn 0.24.2 by name)"
    assert told["gan"] == "rate 10 and leaves of 20 (scikit-learn 0.24.2 by name)"
    assert gan_tutorial.untouched_told(old.iloc[[4]], 64)["gan"] == "no setting"


def test_the_stored_rows_give_the_papers_first_three_arms_in_every_digit():
    old = load_results("gan_tutorial", "old_sklearn")
    taken = gan_tutorial.chosen_settings(old, 64).loc[("1.1.3", "by name")]
    assert (taken["same digits"] == 7).all()
    assert taken["F1"].to_numpy() == pytest.approx(taken["authors'"].to_numpy())
    assert len(taken) == 3
    assert "rate 1 and leaves of 100" in gan_tutorial.untouched_told(old, 64)["gan"]


def test_columns_have_the_names_of_the_authors_file():
    from benchmarks.old_sklearn import authors_name

    names = [authors_name(name) for name in load_breast_cancer().feature_names]
    assert names[0] == "radius_mean"
    assert "concave points_worst" in names
    assert "fractal dimension_se" in names
    assert len({*names}) == 30


def test_verdicts_on_the_tutorials_gan_leave_out_what_cannot_be_compared():
    seeds = range(3)
    stored = pd.DataFrame(
        {
            "dataset": "bcw",
            "protocol": "authors-split-1",
            "method": method,
            "seed": seed,
            **{m: v + 0.001 * seed for m, v in gan_tutorial.PAPER[method].items()},
            "sampler_seconds": 1.0,
        }
        for method in gan_tutorial.PAPER
        for seed in seeds
    )
    closing = gan_tutorial.placed_table_1(stored)
    assert closing.loc[("smote", "sampler_seconds"), "verdict"] == "not comparable"
    counts = gan_tutorial.verdict_counts(closing)
    assert counts.loc["gan_authors_code"].sum() == 8
    assert counts.loc["gan"].sum() == 7
    told = gan_tutorial.of_the_gan(counts)
    assert told == "With the code's network 7 inside; with the text's 7 inside"
    seeds = gan_tutorial.missed_seed_by_seed(stored, 64)
    assert seeds.loc["gan", "paper misses"] == 3
    assert seeds.drop(columns="paper misses").loc["nothing"].sum() == 3


def test_the_tutorial_scales_by_the_training_part_and_its_arms_are_what_they_say(
    monkeypatch,
):
    X, y = numbered_rows()
    seen = []

    class Noting(_pipeline.MinMaxScaler):
        def fit(self, X):
            seen.append(X[:, 0].tolist())
            return super().fit(X)

    monkeypatch.setattr(_pipeline, "GRID", {})
    monkeypatch.setattr(_pipeline, "MinMaxScaler", Noting)
    gan_tutorial.tune_and_score(
        X=X,
        y=y,
        classes=["a", "b"],
        parts=(np.arange(10), np.arange(10, 16), np.arange(16, 20)),
        sampler=Spy(),
        classifier=Recorder(),
    )
    assert seen == [[*range(10)]]
    assert _pipeline.arm("class_weight", 0)[1][-1].class_weight == "balanced"
    assert _pipeline.arm("smote", 7)[0].random_state == 7
