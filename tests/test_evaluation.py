"""Metrics against known answers, runs without leakage, statistics."""

import functools
import importlib
import sys

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.base import BaseSampler
from imblearn.over_sampling import SMOTE
from imblearn.under_sampling import TomekLinks
from scipy import sparse, stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer, precision_score, recall_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from statsmodels.stats.power import TTestPower

from helpers import ResampledClassifier, evaluation
from helpers.evaluation import (
    Claim,
    Difference,
    Part,
    claims_table,
    evaluate,
    fit_and_score,
    judge,
    part,
    place,
    printed_table,
)
from helpers.experiments import gan_tutorial
from helpers.experiments.gan_tutorial import _pipeline
from helpers.store import Cell

# ------------------------------------------------------------------------- metrics


def test_table_1_of_the_tutorial_is_arithmetic():
    """58 of 64 found, no false alarm: every cell of the paper's baseline row follows."""
    y = np.repeat([0, 1], [107, 64])
    found = np.concatenate([np.zeros(107), np.ones(58), np.zeros(6)])
    row = evaluation.score(
        y, np.column_stack([1 - found, found]), ["benign", "malignant"]
    )
    printed = {
        "precision_benign": 0.947,
        "precision_malignant": 1.0,
        "recall_benign": 1.0,
        "recall_malignant": 0.906,
        "f1_benign": 0.973,
        "f1_malignant": 0.951,
        "auc_of_labels": 0.953,
    }
    assert {name: round(row[name], 3) for name in printed} == printed


def test_both_g_means():
    """Recalls 1, 0.5, 0: the product form is 0, the macro form is not."""
    y = np.repeat([0, 1, 2], [2, 4, 2])
    predicted = np.array([0, 0, 1, 1, 0, 0, 0, 1])
    row = evaluation.score(y, np.eye(3)[predicted], ["a", "b", "c"])
    specificity = np.mean([3 / 6, 3 / 4, 6 / 6])
    assert row["acsa"] == pytest.approx(0.5)
    assert row["gmean_macro"] == pytest.approx(np.sqrt(0.5 * specificity))
    assert row["gmean_product"] == 0


def test_a_class_missing_from_the_test_part_is_left_out_of_means():
    y = np.array([0, 0, 1, 1])
    p = np.eye(3)[[0, 1, 1, 1]] * 0.8 + 0.1
    row = evaluation.score(y, p, ["a", "b", "c"])
    assert np.isnan([row["recall_c"], row["f1_c"]]).all()
    assert row["acsa"] == pytest.approx(0.75)  # as balanced_accuracy_score
    assert row["gmean_product"] == pytest.approx(np.sqrt(0.5))
    two = evaluation.score(y, p[:, :2] / p[:, :2].sum(1, keepdims=True), ["a", "b"])
    assert row["roc_auc"] == two["roc_auc"] == pytest.approx(0.75)
    alone = evaluation.score(y[:2], two_columns([0.1, 0.9]), ["a", "b"])
    assert np.isnan([alone["roc_auc"], alone["pr_auc"], alone["auc_of_labels"]]).all()
    assert alone["acsa"] == 0.5


def two_columns(p):
    return np.column_stack([1 - np.asarray(p), p])


def test_macro_g_mean_is_that_of_imbalanced_learn_0_14():
    """Known answers, since theirs is about to become the mean over classes."""
    y = np.repeat([0, 1, 2], [2, 4, 2])
    predicted = np.array([0, 0, 1, 1, 0, 0, 0, 1])
    found = evaluation.gmean_macro(y, predicted, 3)
    assert found == pytest.approx(np.sqrt(0.5 * (3 / 6 + 3 / 4 + 6 / 6) / 3))
    two = evaluation.gmean_macro([0, 0, 1, 1], [0, 1, 1, 1], 2)
    assert two == pytest.approx(0.75)  # recalls 1/2 and 1, each the other's specificity


def test_probability_metrics():
    y = np.array([0, 0, 0, 1])
    p = np.array([0.2, 0.4, 0.8, 0.6])
    row = evaluation.score(y, np.column_stack([1 - p, p]), ["no", "yes"])
    assert row["brier"] == pytest.approx((0.04 + 0.16 + 0.64 + 0.16) / 4)
    assert row["roc_auc"] == pytest.approx(2 / 3)
    assert row["pr_auc"] == pytest.approx(1 / 2)
    assert row["log_loss"] == pytest.approx(-np.log([0.8, 0.6, 0.2, 0.6]).mean())


@pytest.mark.parametrize("slope", [0.5, 1, 2])
def test_calibration_slope_finds_a_known_distortion(slope):
    rng = np.random.default_rng(0)
    odds = rng.normal(size=50_000)
    y = rng.uniform(size=50_000) < 1 / (1 + np.exp(-slope * odds))
    found = evaluation.calibration_slope(y, 1 / (1 + np.exp(-odds)))
    assert found == pytest.approx(slope, rel=0.05)


def test_calibration_slope_of_a_perfect_or_constant_prediction_is_nan():
    y = np.array([0, 0, 1, 1])
    assert np.isnan(evaluation.calibration_slope(y, y.astype(float)))
    assert np.isnan(evaluation.calibration_slope(y, 1 - y.astype(float)))
    assert np.isnan(evaluation.calibration_slope(y, np.full(4, 0.5)))
    assert np.isnan(evaluation.calibration_slope(y > 2, np.array([0.1, 0.2, 0.3, 0.4])))
    # One wrong pair, or one tie, and the slope is finite.
    assert evaluation.calibration_slope(y, np.array([0.1, 0.5, 0.4, 0.9])) > 0


def test_prior_correction_undoes_thinning():
    """Bayes by hand: shares 9 to 1, trained as 1 to 1."""
    p = np.array([[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]])
    corrected = evaluation.correct_prior(p, trained=[50, 50], true=[90, 10])
    odds = np.array([1 / 9, 4 / 9])
    assert corrected[:2, 1] == pytest.approx(odds / (1 + odds))
    assert corrected[2].tolist() == [1, 0]
    back = evaluation.correct_prior(corrected, trained=[0.9, 0.1], true=[0.5, 0.5])
    assert back == pytest.approx(p)


def test_prior_correction_of_three_classes():
    p = np.array([[0.2, 0.3, 0.5]])
    corrected = evaluation.correct_prior(p, trained=[1, 1, 2], true=[4, 1, 0])
    assert corrected == pytest.approx(np.array([[0.8, 0.3, 0]]) / 1.1)


@pytest.mark.parametrize(
    ("trained", "true", "message"),
    [
        ([1, 1, 1], [1, 1], "3 trained and 2 true shares for 2 columns"),
        ([0, 1], [1, 1], "a class without training rows"),
    ],
)
def test_prior_correction_refuses_wrong_shares(trained, true, message):
    with pytest.raises(ValueError, match=message):
        evaluation.correct_prior([[0.5, 0.5]], trained, true)


def test_prior_correction_refuses_a_row_with_nothing_left():
    """Certain of a class that does not occur: there is no limit to go to."""
    p = [[0.5, 0.5], [1, 0]]
    with pytest.raises(ValueError, match=r"Row 1 .*\[1.0, 0.0\].*true=\[0.0, 1.0\]"):
        evaluation.correct_prior(p, [1, 1], [0, 1])
    corrected = evaluation.correct_prior(p[:1], [1, 1], [0, 1])
    assert corrected.tolist() == [[0, 1]]


# ------------------------------------------------------------------------- leakage


class Spy(BaseSampler):
    """A sampler that notes the rows it is shown and doubles them."""

    _sampling_type = "bypass"
    _parameter_constraints: dict = {"sampling_strategy": "no_validation"}
    seen = None

    def _fit_resample(self, X, y):
        type(self).seen = X[:, 0].astype(int).tolist()
        return np.vstack([X, X + 0.5]), np.concatenate([y, y])


class Recorder(ClassifierMixin, BaseEstimator):
    """A classifier that notes what it was fitted on and asked about."""

    fitted, asked = None, None

    def fit(self, X, y):
        type(self).fitted, self.classes_ = X[:, 0].tolist(), np.unique(y)
        return self

    def predict_proba(self, X):
        type(self).asked = X[:, 0].astype(int).tolist()
        return np.full((len(X), 2), 0.5)

    def predict(self, X):
        return np.zeros(len(X), dtype=int)


def numbered_rows():
    return np.arange(20.0)[:, None], np.tile([0, 1], 10)


def parts_of(*rows):
    return [part(*numbered_rows(), numbers) for numbers in rows]


def test_sampler_sees_the_training_part_only_and_test_rows_stay():
    train, test = np.arange(0, 12), np.arange(12, 20)
    run = fit_and_score(Recorder(), Spy(), *parts_of(train, test), ["a", "b"])
    assert Spy.seen == train.tolist()
    assert Recorder.fitted == [*train, *(train + 0.5)]
    assert Recorder.asked == test.tolist()
    assert [run.row[f"n_{k}"] for k in ("train", "test", "synthetic")] == [12, 8, 12]
    assert run.row["recall_a"] == 1


def test_rows_in_both_parts_are_refused_of_any_test():
    train, *tests = parts_of(np.arange(12), np.arange(12, 20), np.arange(10, 20))
    with pytest.raises(
        ValueError, match=r"2 rows are in train and in test \(first: 10\)"
    ):
        fit_and_score(
            Recorder(), Spy(), train, {"": tests[0], "other": tests[1]}, ["a", "b"]
        )


def test_parts_that_are_drawn_are_scored_by_name():
    """The first test under plain names; of drawn parts nobody knows the row numbers."""
    X, y = numbered_rows()
    train = Part(X[:12], y[:12])
    tests = {"": Part(X[12:], y[12:]), "odd": Part(X[13::2], y[13::2])}
    run = fit_and_score(LogisticRegression(), None, train, tests, ["a", "b"])
    assert (run.row["n_test"], run.row["n_odd_test"]) == (8, 4)
    assert run.row["odd_recall_b"] == run.row["recall_b"] == run.row["odd_accuracy"]
    expected = LogisticRegression().fit(X[:12], y[:12]).predict_proba(X[12:])
    assert run.predictions[""].probabilities.tolist() == expected.tolist()
    assert run.predictions["odd"].labels.tolist() == expected[1::2].argmax(1).tolist()
    assert run.classifier.classes_.tolist() == [0, 1]


def test_a_tuned_threshold_decides_labels_unless_the_most_probable_is_asked_for():
    parts, names = parts_of(np.arange(12), np.arange(12, 20)), ["a", "b"]
    never = FixedThresholdClassifier(LogisticRegression(), threshold=2.0)
    assert fit_and_score(never, None, *parts, names).row["recall_b"] == 0
    run = fit_and_score(never, None, *parts, names, predict=False)
    plain = fit_and_score(LogisticRegression(), None, *parts, names)
    assert run.row["accuracy"] == plain.row["accuracy"]


def test_metrics_of_ones_own():
    def cost(y_true, probabilities, classes, y_pred):
        return {"cost": float(((y_true == 1) & (y_pred == 0)).sum() * 9)}

    X, y = numbered_rows()
    arms = {"dummy": (None, DummyClassifier())}
    cv = StratifiedKFold(2)
    rows = evaluate(arms, X, y, cv, metrics=cost)
    assert rows["cost"].tolist() == [45, 45]
    assert "acsa" not in rows
    rows = evaluate(arms, X, y, cv, scoring="balanced_accuracy")
    assert rows["balanced_accuracy"].tolist() == rows["acsa"].tolist() == [0.5, 0.5]
    scorers = {"negative": "neg_log_loss", "own": lambda model, X, y: len(X)}
    rows = evaluate(arms, X, y, cv, scoring=scorers)
    assert rows["negative"].tolist() == pytest.approx([*-rows["log_loss"]])
    assert rows["own"].tolist() == [10, 10]


# ---------------------------------------------------------------- arms over splits


def test_evaluate_splits_first_and_pairs_the_arms():
    X, y = numbered_rows()
    cv = StratifiedKFold(5)
    arms = {"spied": (Spy(), Recorder()), "dummy": (None, DummyClassifier())}
    rows = evaluate(arms, X, np.array(["a", "b"])[y], cv)
    train, test = [*cv.split(X, y)][-1]
    assert Spy.seen == train.tolist()
    assert Recorder.asked == test.tolist()
    assert rows.groupby("method")["fold"].apply(list).map(len).tolist() == [5, 5]
    assert {"recall_a", "recall_b"} <= {*rows.columns}
    parallel = evaluate({"dummy": arms["dummy"]}, X, y, cv, n_jobs=2)
    assert parallel["brier"].tolist() == [0.25] * 5
    assert parallel["fold"].tolist() == [*range(5)]
    table = evaluation.compare(rows, "acsa", "dummy")
    assert table.loc["spied", "n"] == 5
    assert table.equals(evaluation.compare(rows, "acsa", "dummy", n_test=4))


def noisy_rows(n=60):
    rng, y = np.random.default_rng(0), np.tile([0, 1, 1], n // 3)
    return rng.normal(size=(n, 3)) + y[:, None], y


def without_seconds(rows):
    return rows.drop(columns=["sampler_seconds", "classifier_seconds"])


def arms_of_two():
    return {
        "smote": (SMOTE(random_state=0, k_neighbors=3), LogisticRegression()),
        "nothing": (None, LogisticRegression()),
    }


def test_frames_sparse_matrices_and_lists_are_evaluated_as_arrays_are():
    X, y = noisy_rows()
    cv, arms = StratifiedKFold(3), arms_of_two()
    expected = without_seconds(evaluate(arms, X, y, cv))
    frame = pd.DataFrame(X, columns=[*"abc"], index=range(100, 160))
    for other in (frame, X.tolist(), sparse.csr_array(X)):
        for labels in (y, pd.Series(y, index=frame.index), y.tolist()):
            rows = without_seconds(evaluate(arms, other, labels, cv))
            pd.testing.assert_frame_equal(rows, expected)


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: y[:, None],
        lambda y: pd.DataFrame({"target": y}),
        lambda y: y.astype(object),
        lambda y: y.astype(bool),
        lambda y: y.astype(float),
        lambda y: pd.Categorical(y, categories=[0, 1, 2]),
        lambda y: pd.Series(y, dtype="Int64"),
        lambda y: pd.Series(np.array(["rare", "some"])[y], dtype="string"),
    ],
)
def test_labels_of_any_kind_are_classes(labels):
    X, y = noisy_rows()
    cv, arms = StratifiedKFold(3), arms_of_two()
    expected = evaluate(arms, X, y, cv)["acsa"]
    assert evaluate(arms, X, labels(y), cv)["acsa"].tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.array([0.0, 1, np.nan] * 10), r"10 missing label\(s\), the first in row 2"),
        (np.array([0, 1] * 15, "datetime64[D]"), r"datetime64\[D\]; .* make them text"),
        (np.eye(2)[np.tile([0, 1], 15)], r"y is one-hot, .*argmax\(axis=1\)"),
        (np.zeros(30), r"y has the class \[0.0\] only"),
        (np.linspace(0, 1, 30), "continuous"),
        (np.tile([0, 1], 14), "inconsistent numbers of samples"),
    ],
)
def test_labels_that_are_no_classes_are_refused(y, message):
    with pytest.raises(ValueError, match=message):
        evaluate({"dummy": (None, DummyClassifier())}, np.zeros((30, 1)), y)


def test_splits_of_any_kind_that_scikit_learn_takes():
    X, y = noisy_rows()
    arms = arms_of_two()
    expected = without_seconds(evaluate(arms, X, y, StratifiedKFold(3)))
    splits = [*StratifiedKFold(3).split(X, y)]
    masks = [tuple(np.isin(np.arange(60), rows) for rows in pair) for pair in splits]
    for cv in (3, splits, iter(splits), masks):
        pd.testing.assert_frame_equal(
            without_seconds(evaluate(arms, X, y, cv)), expected
        )


def test_splits_that_share_rows_or_groups_are_refused():
    X, y = noisy_rows()
    arms, rows = arms_of_two(), np.arange(60)
    with pytest.raises(ValueError, match=r"Split 1: 1 rows are in train and in test"):
        evaluate(arms, X, y, [(rows[:30], rows[30:]), (rows[:31], rows[30:])])
    with pytest.raises(ValueError, match="Split 0 has 60 rows to train on and 0"):
        evaluate(arms, X, y, [(rows, [])])
    groups = rows % 30
    with pytest.raises(ValueError, match="keeps them together: StratifiedGroupKFold"):
        evaluate(arms, X, y, 3, groups=groups)
    found, said = evaluate(
        arms, X, y, StratifiedGroupKFold(3), groups=groups, return_predictions=True
    )
    assert len(found) == 6
    tested = said[said["method"] == "nothing"].groupby("fold")["row"].apply(set)
    assert sum(len({row % 30 for row in rows}) for rows in tested) == 30


def test_an_arm_that_fails_leaves_a_row_and_the_others_their_numbers():
    """Of the rare class the second split has too few rows for SMOTE's neighbours."""
    X, y = noisy_rows()
    y = y.copy()
    y[:3] = 2
    arms, rows = arms_of_two(), np.arange(60)
    cv = [(np.delete(rows, k), k) for k in ([4, 5], [0, 4, 5, 7])]
    with pytest.warns(
        UserWarning, match="2 of 4 runs failed. First: 'smote' in split 0"
    ):
        found = evaluate(arms, X, y, cv)
    assert found["method"].tolist() == ["smote", "nothing"] * 2
    assert found["error"].str.startswith(
        "ValueError: Expected n_neighbors"
    ).tolist() == [*(True, False) * 2]
    assert found["acsa"].isna().tolist() == [*(True, False) * 2]
    assert found["n_train"].tolist() == [58, 58, 56, 56]
    assert evaluation.summarise(found, "acsa")["n"].to_dict() == {
        "smote": 0,
        "nothing": 2,
    }
    table = evaluation.compare(found, "acsa", "nothing")
    assert table.loc["smote", "n"] == 0


def test_all_arms_failing_is_an_error():
    X, y = noisy_rows()
    arms = {"smote": (SMOTE(k_neighbors=500), LogisticRegression())}
    with pytest.raises(RuntimeError, match=r"3 of 3 runs failed\. First: 'smote'"):
        evaluate(arms, X, y, cv=3)


def test_a_class_that_a_split_lacks_has_no_chance_or_no_recall():
    X, y = noisy_rows()
    y = y.copy()
    y[[0, 59]] = 2
    rows, arms = np.arange(60), {"nothing": (None, LogisticRegression())}
    cv = [(np.delete(rows, k), k) for k in ([0, 4, 5, 6, 59], [4, 5, 6])]
    with (
        pytest.warns(UserWarning, match="training part of 1 of 2 splits .* class '2'"),
        pytest.warns(UserWarning, match="test part of 1 of 2 splits .* class '2'"),
    ):
        found, said = evaluate(arms, X, y, cv, return_predictions=True)
    assert found["error"].tolist() == ["", ""]
    assert found["recall_2"].tolist() == pytest.approx([0, np.nan], nan_ok=True)
    assert (said.loc[said["fold"] == 0, "p_2"] == 0).all()
    both = said[said["fold"] == 1]
    right = (both["true"] == both["predicted"]).groupby(both["true"]).mean()
    assert found["acsa"][1] == right.mean()


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({}, "arms is empty"),
        (
            {"a": LogisticRegression()},
            r"'a' is .* give \(sampler or None, classifier\)",
        ),
        (
            {"a": (Spy(), LogisticRegression()), "b": (None, LinearSVC())},
            r"Arm 'b': LinearSVC has no predict_proba.*CalibratedClassifierCV",
        ),
        ({"a": (LogisticRegression(), LogisticRegression())}, "has no fit_resample"),
    ],
)
def test_arms_that_cannot_be_scored_are_refused_before_any_training(arms, message):
    Spy.seen = None
    with pytest.raises(ValueError, match=message):
        evaluate(arms, *noisy_rows(), cv=3)
    assert Spy.seen is None


def test_two_processes_do_it_however_much_an_arm_loads_when_it_first_fits():
    """A process that takes 300 MB more after its first task is ended for a leak."""

    class Heavy(ClassifierMixin, BaseEstimator):  # in here, so that it travels by value
        def fit(self, X, y):
            import sys
            import time

            if not hasattr(sys, "loaded_at_first_fit"):
                sys.loaded_at_first_fit = np.ones(45_000_000)
            time.sleep(0.55)  # memory is looked at once a second
            self.classes_ = np.unique(y)
            return self

        def predict_proba(self, X):
            return np.full((len(X), 2), 0.5)

        def predict(self, X):
            return np.zeros(len(X), dtype=int)

    def process(y_true, probabilities, classes, y_pred):
        import os

        return {"process": os.getpid()}

    arms = {"dummy": (None, DummyClassifier()), "heavy": (None, Heavy())}
    joblib.externals.loky.get_reusable_executor().shutdown()  # of an earlier test
    try:
        rows = evaluate(arms, *noisy_rows(), cv=6, n_jobs=2, metrics=process)
    finally:
        joblib.externals.loky.get_reusable_executor().shutdown()
    assert rows["process"].nunique() <= 2
    assert rows["error"].eq("").all()


# ---------------------------------------------------------------- kept between calls


class Stops(LogisticRegression):
    """A classifier that is interrupted, once it was fitted often enough."""

    left, error = None, KeyboardInterrupt

    def fit(self, X, y):
        if Stops.left is not None:
            Stops.left -= 1
            if Stops.left < 0:
                raise Stops.error("not today")
        return super().fit(X, y)


def test_a_call_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch):
    X, y = noisy_rows()
    arms = {**arms_of_two(), "nothing": (None, Stops())}
    call = functools.partial(
        evaluate, arms, X, y, 3, store=tmp_path / "rows.csv", return_predictions=True
    )
    expected, said = evaluate(arms, X, y, 3, return_predictions=True)
    monkeypatch.setattr(Stops, "left", 2)
    with pytest.raises(KeyboardInterrupt):
        call()
    monkeypatch.setattr(Stops, "left", 1)  # one is left to fit
    rows, said_then = call()
    pd.testing.assert_frame_equal(
        without_seconds(rows), without_seconds(expected), check_exact=True
    )
    pd.testing.assert_frame_equal(said_then, said)
    again, said_again = call()  # nothing is left to fit
    pd.testing.assert_frame_equal(again, rows)
    pd.testing.assert_frame_equal(said_again, said)


def test_a_store_takes_new_arms_and_refuses_rows_of_another_call(tmp_path):
    X, y = noisy_rows()
    store, arms = tmp_path / "rows.csv", arms_of_two()
    frame = pd.DataFrame(X, columns=[*"abc"])
    evaluate(arms, frame, y, 3, store=store)
    more = arms | {"dummy": (None, DummyClassifier())}
    rows = evaluate(more, frame.copy(), y, 3, store=store)
    assert rows["method"].tolist() == [*more] * 3
    before = store.read_bytes()
    changed = arms | {"smote": (SMOTE(random_state=1), LogisticRegression())}
    with pytest.raises(ValueError, match="another arm 'smote'"):
        evaluate(changed, frame, y, 3, store=store)
    for other in (
        {"X": frame + 1, "y": y, "cv": 3},
        {"X": frame, "y": y[::-1], "cv": 3},
        {"X": frame, "y": y, "cv": StratifiedKFold(3, shuffle=True)},
        {"X": frame, "y": y, "cv": 3, "classes": ["no", "yes"]},
        {"X": frame, "y": y, "cv": 3, "scoring": "accuracy"},
    ):
        with pytest.raises(ValueError, match="other data, splits, classes or metrics"):
            evaluate(arms, **other, store=store)
    assert store.read_bytes() == before


def counted(y_true, probabilities, classes, y_pred, level=0.5):
    return {"above": float((probabilities[:, 1] > level).mean())}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        [{"scoring": make_scorer(f)} for f in (recall_score, precision_score)],
        [{"scoring": {"s": name}} for name in ("recall", "precision")],
        [{"metrics": functools.partial(counted, level=n)} for n in (0.2, 0.8)],
    ],
    ids=["scorers", "names", "settings"],
)
def test_a_store_refuses_rows_of_other_metrics_of_the_same_name(
    first, second, tmp_path
):
    (X, y), store = noisy_rows(), tmp_path / "rows.csv"
    evaluate(arms_of_two(), X, y, 3, store=store, **first)
    evaluate(arms_of_two(), X, y, 3, store=store, **first)
    with pytest.raises(ValueError, match="other data, splits, classes or metrics"):
        evaluate(arms_of_two(), X, y, 3, store=store, **second)


def test_an_edited_sampler_is_another_arm(tmp_path, monkeypatch):
    file, store, (X, y) = tmp_path / "edited.py", tmp_path / "rows.csv", noisy_rows()
    monkeypatch.syspath_prepend(tmp_path)
    text = "from imblearn.over_sampling import SMOTE\n\n\nclass Mine(SMOTE):\n    {}\n"

    def call(body):
        file.write_text(text.format(body))
        importlib.invalidate_caches()
        sys.modules.pop("edited", None)
        own = importlib.import_module("edited").Mine(random_state=0, k_neighbors=3)
        arms = {"mine": (own, LogisticRegression())}
        return evaluate(arms, X, y, 3, store=store)

    call("pass")
    call("pass")
    with pytest.raises(ValueError, match="another arm 'mine'"):
        call("edited = True")


def test_settings_by_label_are_refused_where_arms_see_other_numbers():
    X, y = noisy_rows()
    by_label = SMOTE(sampling_strategy={0: 30}, k_neighbors=3)
    arms = {"smote": (by_label, LogisticRegression())}
    assert len(evaluate(arms, X, y, 3)) == 3  # labels are their own numbers
    with pytest.raises(ValueError, match=r"sampling_strategy=\{0: 30\} of arm 'smote'"):
        evaluate(arms, X, y + 1, 3)
    weighted = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight={"b": 2})
    )
    with pytest.raises(ValueError, match="logisticregression__class_weight"):
        evaluate({"weights": (None, weighted)}, X, np.array([*"ab"])[y], 3)
    inside = ResampledClassifier(SMOTE(sampling_strategy={2: 70}))
    cleaned = (TomekLinks(sampling_strategy=[1]), LogisticRegression())
    for arm in ((None, inside), cleaned):
        with pytest.raises(ValueError, match=r"sampling_strategy=.* of arm 'own'"):
            evaluate({"own": arm}, X, y + 1, 3)


def test_failures_are_not_stored_and_are_tried_again(tmp_path, monkeypatch):
    X, y = noisy_rows(30)
    arms = {"stops": (None, Stops()), "nothing": (None, LogisticRegression())}
    store = tmp_path / "rows.csv"
    monkeypatch.setattr(Stops, "error", ArithmeticError)
    monkeypatch.setattr(Stops, "left", 1)
    with pytest.warns(UserWarning, match="2 of 6 runs failed.*not today"):
        evaluate(arms, X, y, 3, store=store)
    monkeypatch.setattr(Stops, "left", 2)
    rows = evaluate(arms, X, y, 3, store=store)
    assert rows["error"].eq("").all()
    by_arm = rows.groupby("method")["acsa"].apply(list)
    assert by_arm["stops"] == by_arm["nothing"]


def test_kept_predictions_that_are_damaged_are_refused(tmp_path):
    X, y = noisy_rows(30)
    arms = {"nothing": (None, LogisticRegression())}
    store = tmp_path / "rows.csv"
    evaluate(arms, X, y, 3, store=store, return_predictions=True)
    file = min(tmp_path.glob("rows.csv.predictions/*.npz"))
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 3] ^= 1
    file.write_bytes(raw)
    with pytest.raises(ValueError, match=f"{file.name} cannot be read.*delete it"):
        evaluate(arms, X, y, 3, store=store, return_predictions=True)
    assert len(evaluate(arms, X, y, 3, store=store)) == 3


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


# ---------------------------------------------------------------------- statistics


def test_corrected_ttest_is_the_plain_one_with_another_variance():
    """With no test rows the correction is nil and the test is Student's."""
    differences = np.random.default_rng(0).normal(0.3, 1, 12)
    mean, p, low, high = evaluation.corrected_resampled_ttest(differences, 100, 0)
    plain = stats.ttest_1samp(differences, 0)
    assert p == pytest.approx(plain.pvalue)
    assert (low, high) == pytest.approx(tuple(plain.confidence_interval(0.95)))
    _, corrected, _, _ = evaluation.corrected_resampled_ttest(differences, 80, 20)
    t = mean / np.sqrt(differences.var(ddof=1) * (1 / 12 + 20 / 80))
    assert corrected == pytest.approx(2 * stats.t.sf(abs(t), 11))


def test_no_difference_is_no_evidence():
    assert evaluation.corrected_resampled_ttest([0, 0, 0], 8, 2) == (0, 1, 0, 0)
    with pytest.raises(ValueError, match="give 2 or more"):
        evaluation.corrected_resampled_ttest([0.1], 8, 2)


def test_the_smallest_detectable_difference_is_that_of_power_tables():
    """statsmodels has it for independent pairs; overlap widens it by its own factor."""
    for n, alpha in [(10, 0.05), (3, 0.05), (30, 0.01)]:
        d = Difference.of(np.random.default_rng(0).normal(size=n))
        sd = d.error * np.sqrt(n)
        known = TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8)
        assert d.detectable(alpha) == pytest.approx(known * sd, rel=1e-3)
        values = np.random.default_rng(0).normal(size=n)
        wider = Difference.of(values, n_train=80, n_test=20)
        factor = np.sqrt((1 / n + 20 / 80) * n)
        assert wider.detectable(alpha) == pytest.approx(d.detectable(alpha) * factor)
    assert np.isnan(Difference.of([0.0, 0.0]).detectable())  # no spread says nothing
    assert np.isnan(Difference.of([0.1]).detectable())
    few = Difference(0.0, 1.0, 1, 2)  # one degree of freedom, strict levels
    for alpha in (0.05 / 20, 1e-6, 1e-12):
        # Here the spread decides: it must fall below a quantile of a half-normal.
        expected = stats.norm.ppf(0.9) / np.tan(np.pi * alpha / 2)
        assert few.detectable(alpha) == pytest.approx(expected, rel=1e-3)


def test_compare_pairs_by_split_and_corrects_by_holm():
    rng = np.random.default_rng(0)
    base = rng.normal(0.9, 0.05, 30)
    arms = {"nothing": base, "better": base + rng.normal(0.1, 0.01, 30), "same": base}
    rows = pd.DataFrame(
        {"seed": s, "fold": 0, "method": m, "acsa": v, "n_train": 80}
        for m, values in arms.items()
        for s, v in enumerate(values)
        if not (m == "better" and s == 3)  # a cell that is still missing
    )
    rows = rows.sample(frac=1, random_state=0)
    table = evaluation.compare(rows, "acsa", "nothing", n_test=20)
    assert table.loc["better", "n"] == 29
    assert table.loc["better", "difference"] == pytest.approx(0.1, abs=0.01)
    assert table.loc["better", "p_holm"] == pytest.approx(2 * table.loc["better", "p"])
    assert table.loc["same", "p_holm"] == 1


def test_compare_leaves_an_arm_with_one_split_untested():
    rows = pd.DataFrame(
        {"seed": s, "fold": 0, "method": m, "acsa": v, "n_train": 80, "n_test": 20}
        for m, values in {
            "nothing": [0.5, 0.6, 0.7],
            "smote": [0.6, 0.8, 0.8],
            "gan": [0.9],  # a table that is still growing
        }.items()
        for s, v in enumerate(values)
    )
    table = evaluation.compare(rows, "acsa", "nothing")
    without = evaluation.compare(rows[rows["method"] != "gan"], "acsa", "nothing")
    assert table.loc["smote"].equals(without.loc["smote"])
    assert table.loc["gan", "difference"] == pytest.approx(0.4)
    assert table.loc["gan", "n"] == 1
    assert table.loc["gan", ["low", "high", "p", "p_holm"]].isna().all()
    alone = evaluation.compare(rows[rows["method"] != "smote"], "acsa", "nothing")
    assert alone["p_holm"].isna().all()


def test_prediction_interval_holds_a_further_run():
    draws = np.random.default_rng(0).normal(size=(4000, 4))
    limits = np.array([evaluation.prediction_interval(row[:3]) for row in draws])
    inside = (limits[:, 0] < draws[:, 3]) & (draws[:, 3] < limits[:, 1])
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    assert np.isnan(evaluation.prediction_interval([0.5])).all()


def test_paired_differences_are_those_that_compare_tests():
    rows = pd.DataFrame(
        [
            (0, 0, "nothing", 0.5),
            (0, 1, "nothing", 0.6),
            (0, 0, "smote", 0.7),
            (0, 1, "smote", 0.5),
            (0, 1, "gan", 0.9),  # its other cell is still missing
        ],
        columns=["seed", "fold", "method", "acsa"],
    )
    wide = evaluation.paired(rows, "acsa", "nothing")
    assert wide["smote"].tolist() == pytest.approx([0.2, -0.1])
    assert wide["gan"].tolist() == pytest.approx([np.nan, 0.3], nan_ok=True)
    assert "nothing" not in wide


# ------------------------------------------------------------------------- verdicts


def steps(mean, error=1.0, df=30, n=31):
    """A difference so many standard errors away from zero."""
    return Difference(mean, error, df, n)


def test_a_claim_is_told_by_sign_and_by_holm():
    claims = [
        Claim("clear", steps(5)),
        Claim("clear, and the other way", steps(-5)),
        Claim("said to be less", steps(-5), "less"),
        Claim("alone it would do", steps(2.3)),  # p = .029
        Claim("and so would this", steps(2.25)),
    ]
    table = judge(claims, "a family")
    assert table["verdict"].tolist() == ["yes", "no", "yes", *["cannot be told"] * 2]
    assert table["p"].iloc[3] == pytest.approx(2 * stats.t.sf(2.3, 30))
    assert table["p_holm"].iloc[3] == pytest.approx(2 * table["p"].iloc[3])
    assert table.index.name == "a family (5 claims)"
    assert judge(claims[3:4], "alone")["verdict"].tolist() == ["yes"]


def test_printed_intervals_are_bonferronis_within_the_family():
    table = judge([Claim("a", steps(1)), Claim("b", steps(0))], "f")
    half = stats.t.ppf(1 - 0.05 / 4, 30)
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx(
        [1 - half, 1 + half]
    )
    assert table["tellable"].tolist() == pytest.approx([steps(0).detectable(0.025)] * 2)


def test_sameness_needs_a_margin_and_evidence():
    """No gain seen is no proof of no gain: that takes two one-sided tests."""
    claims = [
        Claim("well within", steps(0.2), "same", 4.0),
        Claim("no evidence", steps(0.2), "same", 1.0),
        Claim("beyond", steps(9.0), "same", 4.0),
    ]
    table = judge(claims, "f")
    assert table["verdict"].tolist() == ["yes", "cannot be told", "no"]
    assert table["p"].iloc[0] == pytest.approx(stats.t.sf(3.8, 30))
    assert table["p"].iloc[2] == pytest.approx(2 * stats.t.sf(5.0, 30))
    exact = Claim("exactly the same", Difference.of([0.0, 0, 0]), "same", 0.01)
    assert judge([exact], "f")["verdict"].tolist() == ["yes"]


def test_the_confirmable_margin_is_confirmed_four_times_in_five():
    margin = judge([Claim("same", steps(0), "same", 1.0)], "f")["tellable"].iloc[0]
    drawn = np.random.default_rng(0).standard_t(30, size=20_000)
    sure = stats.t.sf(margin - np.abs(drawn), 30) < 0.05
    assert sure.mean() == pytest.approx(0.8, abs=0.01)


def test_a_family_of_untrue_claims_is_wrong_once_in_twenty():
    rng, wrong = np.random.default_rng(0), 0
    for values in rng.normal(size=(150, 3, 8)):
        claims = [Claim(str(i), Difference.of(v)) for i, v in enumerate(values)]
        wrong += judge(claims, "f")["verdict"].ne("cannot be told").any()
    assert 0 < wrong / 150 < 0.1


def test_a_claim_with_one_difference_is_not_tested_and_not_counted():
    table = judge([Claim("one", Difference.of([0.4])), Claim("b", steps(2.3))], "f")
    assert table["verdict"].tolist() == ["cannot be told", "yes"]
    assert table.loc["one", ["low", "high", "p", "p_holm", "tellable"]].isna().all()
    assert judge([Claim("one", Difference.of([0.4]))], "f")["difference"].tolist() == [
        0.4
    ]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (Claim("a", steps(1), "same"), "state the largest difference"),
        (Claim("a", steps(1), "more", 0.1), "leave the margin to claims of the same"),
        (Claim("a", steps(1), "better"), "say more, less or same"),
    ],
)
def test_claims_that_say_nothing_definite_are_refused(claim, message):
    with pytest.raises(ValueError, match=message):
        judge([claim], "f")


def test_a_printed_number_has_one_of_four_places():
    ours = [0.68, 0.70, 0.72]  # one more run: 0.601 to 0.799
    assert place(0.79, ours).verdict == "inside"
    assert place(0.80, ours).verdict == "outside"
    assert place(0.80, ours, half_unit=0.005).verdict == "inside"
    assert place(0.79, ours, effect=-0.2).verdict == "inside"
    assert place(0.79, ours, effect=0.19).verdict == "too loose to say"
    assert place(0.95, ours, effect=0.19).verdict == "outside"
    assert place(0.79, ours[:1]).verdict == "too loose to say"
    assert place(0.79, ours, comparable=False).verdict == "not comparable"
    found = place(0.79, [*ours, np.nan])
    assert (found.n, found.ours, found.sd) == (
        3,
        pytest.approx(0.7),
        pytest.approx(0.02),
    )
    cut = place(0.97, [0.99, 0.99, 1.0], effect=0.04, bounds=(0, 1))
    assert (cut.high, cut.verdict) == (1, "inside")  # 1.022 and too loose without
    same = place(1.0, [1.0, 1.0], effect=0.01)  # nothing in it varies
    assert (same.verdict, same.low, same.high) == ("inside", 1.0, 1.0)


def test_tables_of_verdicts_leave_blank_what_is_not_known():
    judged = judge([Claim("clear", steps(5)), Claim("one", Difference.of([0.4]))], "f")
    table = claims_table(judged, factor=100, digits=1)
    assert table.loc["clear", "difference"] == "+500.0"
    assert table.loc["clear", "p (Holm)"] == "< 0.001"
    assert table.loc["one"].tolist() == ["+40.0", "", "", "1", "", "cannot be told"]
    placed = {("a", "x"): place(0.7, [0.6, 0.8]), ("a", "y"): place(0.7, [0.6])}
    table = printed_table(placed, digits=1)
    assert table.loc[("a", "x"), "ours"] == "0.7 ± 0.1"
    assert table.loc[("a", "y")].tolist() == ["0.7", "0.6", "1", "", "too loose to say"]


# Demsar 2006, Table 6: AUC of four variants of C4.5. As printed the last two tie on
# "voting"; the ranks printed beside them say that unrounded they do not.
DEMSAR = pd.DataFrame(
    {
        "adult": [0.763, 0.768, 0.771, 0.798],
        "breast cancer": [0.599, 0.591, 0.590, 0.569],
        "breast cancer wisconsin": [0.954, 0.971, 0.968, 0.967],
        "cmc": [0.628, 0.661, 0.654, 0.657],
        "ionosphere": [0.882, 0.888, 0.886, 0.898],
        "iris": [0.936, 0.931, 0.916, 0.931],
        "liver disorders": [0.661, 0.668, 0.609, 0.685],
        "lung cancer": [0.583, 0.583, 0.563, 0.625],
        "lymphography": [0.775, 0.838, 0.866, 0.875],
        "mushroom": [1.000, 1.000, 1.000, 1.000],
        "primary tumor": [0.940, 0.962, 0.965, 0.962],
        "rheum": [0.619, 0.666, 0.614, 0.669],
        "voting": [0.972, 0.981, 0.9751, 0.975],
        "wine": [0.957, 0.978, 0.946, 0.970],
    },
    index=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
).T


def test_friedman_and_nemenyi_give_the_numbers_of_demsar():
    found = evaluation.friedman_nemenyi(DEMSAR)
    assert found.ranks.round(3).to_dict() == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.0,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }
    assert found.ranks.index[0] == "C4.5+m+cf"
    # The paper's 9.28 has no correction for ties; scipy's divides by 1 - 78/840: three
    # ties of two values and one of four.
    assert found.statistic * (1 - (3 * 6 + 60) / 840) == pytest.approx(9.28, abs=0.005)
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, 3))
    assert round(found.critical_difference, 2) == 1.25
    assert (found.n, found.alpha) == (14, 0.05)
    at_10 = evaluation.friedman_nemenyi(DEMSAR, alpha=0.1)
    assert round(at_10.critical_difference, 2) == 1.12


def test_wilcoxon_over_sets_gives_the_numbers_of_demsar():
    # Section 3.1.3: C4.5 against C4.5+m on 14 sets, rank sums 93 and 12; two zeros share
    # the ranks 1 and 2.
    gains = DEMSAR[["C4.5+m"]].sub(DEMSAR["C4.5"], axis=0)
    table = evaluation.compare_sets(gains)
    smaller = (12 - 14 * 15 / 4) / np.sqrt(14 * 15 * 29 / 24)
    assert table["p"].iloc[0] == pytest.approx(2 * stats.norm.cdf(smaller), abs=0.003)
    assert table["p"].iloc[0] < 0.05
    assert table[["better", "worse", "n"]].to_numpy().tolist() == [[10, 2, 14]]


def test_wilcoxon_is_exact_where_it_can_be_and_holm_counts_all_methods():
    gains = pd.DataFrame(
        {"up": np.arange(1.0, 9), "mixed": [1, -2, 3, -4, 5, -6, 7, -8.0]}
    )
    table = evaluation.compare_sets(gains)
    assert table.loc["up", "p"] == pytest.approx(2 / 2**8)
    assert table.loc["up", "p_holm"] == pytest.approx(4 / 2**8)
    assert table.loc["mixed", "p"] > 0.5


def test_gains_that_are_missing_or_nothing_are_no_evidence():
    gains = pd.DataFrame(
        {"none": [0.0, 0, 0, 0.1 + 0.2 - 0.3], "one": [0.2] + 3 * [np.nan]}
    )
    table = evaluation.compare_sets(gains)
    assert table.loc["none", ["p", "n", "better"]].tolist() == [1, 4, 0]
    assert table.loc["one", "n"] == 1
    assert np.isnan(table.loc["one", ["p", "p_holm", "tellable"]].astype(float)).all()


def test_what_signed_ranks_could_have_told():
    rng = np.random.default_rng(0)
    gains = pd.DataFrame({"even": rng.normal(0, 0.1, 40)})
    found = evaluation.compare_sets(gains).loc["even", "tellable"]
    # On normal gains Student's t needs a little less: 3 / pi of the rows.
    t = evaluation.Difference.of(gains["even"]).detectable(0.05, 0.8)
    assert t * 0.9 < found < t * 1.25
    # Five gains of one sign have p = 1/16: no shift whatever is told.
    few = pd.DataFrame({"few": [0.1, 0.2, 0.3, 0.4, 0.5], "still": [0.0] * 5})
    table = evaluation.compare_sets(few)
    assert table.loc["few", "p_least"] == pytest.approx(2 / 2**5)
    assert table.loc["still", "p_least"] == 1
    assert table["tellable"].isna().all()


def test_nemenyi_pairs_and_critical_difference_agree():
    found = evaluation.friedman_nemenyi(DEMSAR, alpha=0.1)
    for a, b in [("C4.5", "C4.5+m"), ("C4.5", "C4.5+m+cf"), ("C4.5+m", "C4.5+m+cf")]:
        apart = abs(found.ranks[a] - found.ranks[b]) > found.critical_difference
        assert (found.p_pairs.loc[a, b] < 0.1) == apart
    assert found.p_pairs.loc["C4.5", "C4.5+m"] < 0.1


def test_losses_rank_the_other_way():
    better = evaluation.friedman_nemenyi(DEMSAR)
    same = evaluation.friedman_nemenyi(1 - DEMSAR, higher_is_better=False)
    pd.testing.assert_series_equal(better.ranks, same.ranks)
    assert evaluation.friedman_nemenyi(1 - DEMSAR).ranks["C4.5"] == pytest.approx(
        5 - better.ranks["C4.5"]
    )


def test_rounding_errors_are_ties_and_only_ties_are_no_evidence():
    equal = pd.DataFrame({"a": [0.1 + 0.2, 1], "b": [0.3, 1], "c": [0.3, 1]})
    found = evaluation.friedman_nemenyi(equal)
    assert (found.statistic, found.p) == (0, 1)
    assert found.ranks.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (DEMSAR.iloc[:, :2], r"2 method\(s\) on 14 data set"),
        (DEMSAR.iloc[:1], r"4 method\(s\) on 1 data set"),
        (DEMSAR.replace(0.763, np.nan), "No score of 'C4.5' on 'adult'"),
        (pd.concat([DEMSAR, DEMSAR.iloc[[3]]]), "data set 'cmc' appears more"),
    ],
)
def test_ranks_of_too_little_or_of_folds_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        evaluation.friedman_nemenyi(scores)


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


def test_the_tutorials_settings_near_the_best_are_those_of_their_version():
    scores = dict(zip(gan_tutorial.SCORES, gan_tutorial.PAPER["nothing"], strict=False))
    rows = [
        ("0.24.2", 0.95, scores | {"recall_malignant": 0.906}),
        ("0.24.2", 0.94, scores | {"recall_malignant": 0.922}),
        ("0.24.2", 0.90, scores),  # too far below the best of its version
        ("1.9.1", 0.90, scores | {"f1_benign": 0.5}),
    ]
    old = pd.DataFrame(
        {
            "versions": f"python 3.9; scikit-learn {version}; numpy 1",
            "f1_validation": f1,
            "learning_rate": 0.1,
            "min_samples_leaf": 20,
            **values,
        }
        for version, f1, values in rows
    )
    near = gan_tutorial.near_the_best(old, 64)
    assert near.index.tolist() == ["0.24.2", "0.24.2", "1.9.1"]
    assert near["same digits"].tolist() == [7, 6, 6]
    assert near["missed"].tolist() == [6, 5, 6]
    told = gan_tutorial.same_digits(old.iloc[[0]], 64)
    assert told == "scikit-learn 0.24.2 with learning rate 0.1 and 20 rows to a leaf"
    assert gan_tutorial.same_digits(old.iloc[[1]], 64) == ""


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
    assert told == "With the code's network 7 inside; With the text's 7 inside"
    seeds = gan_tutorial.missed_seed_by_seed(stored, 64)
    assert seeds.loc["gan", "paper misses"] == 3
    assert seeds.drop(columns="paper misses").loc["nothing"].sum() == 3
