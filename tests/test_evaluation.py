"""Runs of arms over splits: no leak, errors before any training, stores that go on."""

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
from scipy import sparse
from sklearn import config_context
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

from helpers import ResampledClassifier, evaluation
from helpers.evaluation import (
    Part,
    evaluate,
    fit_and_score,
    part,
)

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


class NamesAColumn(LogisticRegression):
    """As somebody writes who has set scikit-learn to frames."""

    def fit(self, X, y):
        return super().fit(X[["a"]], y)

    def predict(self, X):
        return super().predict(X[["a"]])

    def predict_proba(self, X):
        return super().predict_proba(X[["a"]])


def test_workers_have_the_configuration_of_the_session():
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    y = np.tile([0, 1, 1], 20)
    arms = {"named": (None, make_pipeline(StandardScaler(), NamesAColumn()))}
    with config_context(transform_output="pandas"):
        found = [evaluate(arms, X, y, cv=2, n_jobs=n)["acsa"].tolist() for n in (1, 2)]
    assert found[0] == found[1]
