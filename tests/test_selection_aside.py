"""What groups, time and records set aside do to tuning, to the choice and to its score."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from typer.testing import CliRunner

from helpers import AutoOverSampler, ResampledClassifier
from helpers.__main__ import app
from helpers.evaluation import Difference
from helpers.selection import _auto, _bias, groups_apart, tuning_rows
from helpers.selection._offsets import best_offsets, true_offsets, utilities
from helpers.selection._verdict import gains_of

from .test_selection import auto, blobs


@pytest.mark.parametrize("need", ["decisions", "probabilities"])
def test_few_groups_do_not_hide_a_gain_that_is_certain(need):
    """A draw of groups may leave a test part without a row; it says nothing of the rest."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=720), "g": np.repeat(np.arange(12), 60)})
    y = (rng.uniform(size=720) < 1 / (1 + np.exp(4 - 2 * X["x"]))).to_numpy(dtype=int)
    arm = "threshold" if need == "decisions" else "class_weight"
    auto = AutoOverSampler([arm], groups="g", scoring=need, random_state=0)
    auto.fit(X, y)
    row = auto.comparison_.loc["auto"]
    assert np.isfinite(row["gain"])
    if need == "decisions":
        assert auto.verdict_.chosen == "threshold"
        assert row["gain"] > 0.8 * auto.comparison_.loc["threshold", "gain"]


def test_of_a_quarter_with_other_shares_each_class_counts_alike():
    rng, n = np.random.default_rng(0), 4_000
    late = np.arange(n) >= 0.75 * n
    y = (rng.uniform(size=n) < np.where(late, 0.2, 0.02)).astype(int)
    X = pd.DataFrame({"x": rng.normal(size=n) + y, "t": np.arange(n)})
    model = ResampledClassifier(tune=True, times="t", refit=False).fit(X, y)
    p, held = model.predict_proba(X)[late, 1], y[late]

    def mean_recall(threshold):
        return balanced_accuracy_score(held, p >= threshold)

    best = max(map(mean_recall, np.unique(p)))
    assert mean_recall(model.threshold_) > best - 0.01


def test_the_largest_group_is_learned_from():
    """scikit-learn's folds by groups hold it back for tuning, whatever the seed."""
    sizes = [500, *[50] * 20]
    groups = pd.Series(np.repeat(np.arange(len(sizes)), sizes))
    y = np.arange(len(groups)) % 5 // 4
    parts = [tuning_rows(y, groups=groups, seed=seed) for seed in range(12)]
    for learn, held in parts:
        assert not {*groups[learn]} & {*groups[held]}
        assert len(held) / len(y) == pytest.approx(0.25, abs=0.04)
    assert all((groups[learn] == 0).any() for learn, _ in parts)
    tuned_on = [{*groups[held]} for _, held in parts]
    assert {*range(1, 21)} == set.union(*tuned_on)  # each of the others at times
    with pytest.raises(ValueError, match="that groups allows"):
        tuning_rows(y, groups=groups * 0, seed=0)


def test_which_groups_are_set_apart_is_left_to_chance_and_classes_keep_their_shares():
    rng = np.random.default_rng(0)
    sizes = [107, 90, 80, 60, 50, 40, 30, 20, 20, 20]
    groups = pd.Series(np.repeat(np.arange(10), sizes))
    rare = np.repeat(np.linspace(0.1, 0.4, 10), sizes)
    y = (rng.uniform(size=len(rare)) < rare).astype(int)
    found = [groups_apart(y, groups, 0.2, seed) for seed in range(20)]
    assert len({tuple(np.unique(groups[held])) for held in found}) > 5
    shares = [[len(held) / len(y), y[held].sum() / y.sum()] for held in found]
    assert np.abs(np.array(shares) - 0.2).max() < 0.08


@pytest.mark.parametrize("n_rare", [2, 3, 6])
def test_a_class_of_few_groups_leaves_the_others_their_share(n_rare):
    groups = pd.Series(np.repeat(np.arange(40), 25))
    y = ((groups < n_rare) & (np.arange(1000) % 25 < 10)).to_numpy(dtype=int)
    for seed in range(20):
        held = groups_apart(y, groups, 0.25, seed)
        assert len(held) / 1000 == pytest.approx(0.25, abs=0.05)
        assert 0 < y[held].sum() < y.sum()


def test_rows_of_no_group_are_a_group():
    groups = pd.Series(np.repeat(np.arange(40.0), 25))
    groups[groups >= 32] = np.nan
    y = np.arange(1000) % 5 // 4
    found = [groups_apart(y, groups, 0.25, seed) for seed in range(20)]
    assert all(len(held) / 1000 == pytest.approx(0.25, abs=0.05) for held in found)
    assert all(groups[held].isna().sum() in (0, 200) for held in found)
    assert {groups[held].isna().any() for held in found} == {True, False}


def test_an_arm_that_is_not_fitted_is_refused_as_such():
    with pytest.raises(NotFittedError):
        ResampledClassifier().predict(np.zeros((2, 1)))


def test_of_thresholds_that_cost_the_same_the_true_one_is_taken():
    costs = [[0, 1], [10, 0]]
    p = np.r_[np.full(90, 0.02), np.full(10, 0.9)]
    y, log_p = np.repeat([0, 1], [90, 10]), np.log(np.column_stack([1 - p, p]))
    value = utilities(None, costs)
    offsets = best_offsets(log_p, y, value, true_offsets(value))
    assert 1 / (1 + np.exp(offsets[1])) == pytest.approx(1 / 11)
    assert (true_offsets(utilities(None, np.ones((3, 3)))) == 0).all()


def test_costs_of_several_classes_are_decided_by_what_is_expected():
    """Offsets of the likeliest class alone cannot express that some mistakes are dear."""
    X, y = load_wine(return_X_y=True)
    X = X[:, :3]
    costs = np.array([[0, 1, 6], [1, 0, 1], [2, 8, 0]])
    spent = {"likeliest": 0.0, "expected": 0.0, "tuned": 0.0}
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, y):
        model = ResampledClassifier(tune=True, costs=costs, random_state=0)
        p = model.fit(X[train], y[train]).predict_proba(X[test])
        spent["likeliest"] += costs[y[test], p.argmax(axis=1)].sum()
        spent["expected"] += costs[y[test], (p @ costs).argmin(axis=1)].sum()
        spent["tuned"] += costs[y[test], model.predict(X[test])].sum()
        by_hand = (p * np.exp(model.offsets_)) @ costs
        assert (model.predict(X[test]) == by_hand.argmin(axis=1)).all()
    assert spent["expected"] < spent["likeliest"]
    assert spent["tuned"] < 0.5 * (spent["expected"] + spent["likeliest"])


def test_a_list_is_repeated_as_an_array_is():
    rng, y = np.random.default_rng(0), np.repeat([0, 1], [60, 20])
    X = rng.normal(size=(80, 2)) + y[:, None]
    auto = AutoOverSampler(["random_oversampling"], cv=3, random_state=0)
    auto.fit(X.tolist(), y)
    more, labels = auto.treat(X.tolist(), y, "random_oversampling")
    assert len(more) == len(labels) == 120
    np.testing.assert_array_equal(np.asarray(more)[:80], X)


def test_a_column_is_what_the_audit_says_also_to_what_is_set_aside(tmp_path):
    """A date that is none, in a record set aside, ended the call without a report."""
    rng, n = np.random.default_rng(0), 240
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 400, n), "D")
    frame = pd.DataFrame({"x": rng.normal(size=n), "d": days.strftime("%Y-%m-%d")})
    frame["left"] = np.where(frame["x"] + rng.normal(size=n) > 1.5, "yes", "no")
    path, words = tmp_path / "t.csv", ["--methods", "threshold", "--budget", "none"]
    words = ["--target", "left", *words, "--repeats", "1", "--holdout", ".2"]

    def call(name):
        frame.to_csv(path, index=False)
        given = ["balance", str(path), *words, "--out", str(tmp_path / name)]
        done = CliRunner().invoke(app, given)
        assert done.exit_code == 0, done.output
        return pd.read_csv(tmp_path / name / "holdout.csv")

    aside = call("before")
    place = frame.reset_index().merge(aside)["index"].iloc[0]
    frame.loc[place, "d"] = "2023-02-30"
    assert "2023-02-30" in call("after")["d"].to_list()
    data = json.loads((tmp_path / "after" / "report.json").read_text(encoding="utf-8"))
    columns = {column["name"]: column for column in data["audit"]["columns"]}
    assert columns["d"]["kind"] == "leave_out"
    assert data["holdout"]["records"] == len(aside)
    # The scores of the file are those of the report.
    scores = pd.read_csv(tmp_path / "after" / "scores.csv")
    means = scores.groupby("method")["mean_recall"].mean()
    told = {arm["method"]: arm["score"] for arm in data["arms"]}
    for method in ("nothing", "threshold"):
        assert means[method] == pytest.approx(told[method])


def test_few_groups_reach_the_test_and_the_bootstrap(monkeypatch):
    rules, drawn = [], []
    rule, draws = _auto.Rule, _bias.draws

    def ruled(*args):
        rules.append(rule(*args))
        return rules[-1]

    def noted(*args, **told):
        drawn.append(told["groups"])
        return draws(*args, **told)

    monkeypatch.setattr(_auto, "Rule", ruled)
    monkeypatch.setattr(_bias, "draws", noted)
    X, y = blobs(240)
    X = pd.DataFrame(X).add_prefix("x").assign(g=np.arange(240) // 20)
    auto(["threshold"], groups="g").fit(X, y)
    assert rules[0].n_groups == 12
    assert rules[0].n_train > rules[0].n_test
    assert len(np.unique(drawn[0])) == 12


def test_ranking_is_of_the_rarer_class_whatever_its_name():
    X, y = blobs(rare=0.2)
    y = np.where(y == 1, "a", "b")
    chooser = auto(["smote"], scoring="ranking").fit(X, y)
    first = "method == 'nothing' and fold == 0"
    own, row = chooser.predictions_.query(first), chooser.rows_.query(first).iloc[0]
    assert row["average_precision"] == pytest.approx(
        average_precision_score(own["true"] == "a", own["p_a"])
    )


def test_costs_turn_no_gain_round():
    chooser = auto(["threshold"], costs=[[0, 1], [5, 0]]).fit(*blobs(rare=0.3))
    gain = chooser.comparison_.loc["threshold", "gain"]
    parts = chooser.gains_.set_index(["need", "method", "part"])["gain"]
    assert gain > 0.05
    assert parts["decisions", "threshold", "threshold"] == pytest.approx(gain)
    assert chooser.comparison_.loc["auto", "gain"] > 0


def test_intervals_and_what_could_be_told_hold_for_all_arms_at_once():
    names = ["class_weight", "random_oversampling"]
    X, y = blobs(rare=0.3)
    chooser = auto(names, scoring="probabilities").fit(X, y)
    gains = gains_of(chooser.rows_, "probabilities", None, names)[:, 0]
    n_test = len(y) // chooser.cv
    one = Difference.of(gains, len(y) - n_test, n_test)
    told = chooser.comparison_.loc["class_weight"]
    assert (told["low"], told["high"]) == pytest.approx(one.interval(1 - 0.05 / 2))
