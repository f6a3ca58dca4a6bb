"""Metrics against known answers, runs without leakage, statistics."""

import numpy as np
import pandas as pd
import pytest
from imblearn.base import BaseSampler
from imblearn.over_sampling import SMOTE
from scipy import sparse, stats
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from helpers import evaluation
from helpers.experiments import gan_tutorial
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


def test_a_class_missing_from_the_test_part_has_recall_zero_not_an_error():
    y = np.array([0, 0, 1, 1])
    row = evaluation.score(y, np.full((4, 3), 1 / 3), ["a", "b", "c"])
    assert row["recall_c"] == 0
    assert row["f1_c"] == 0


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


def test_sampler_sees_the_training_part_only_and_test_rows_stay():
    X, y = numbered_rows()
    train, test = np.arange(0, 12), np.arange(12, 20)
    row = evaluation.fit_and_score(Recorder(), Spy(), X, y, train, test, ["a", "b"])
    assert Spy.seen == train.tolist()
    assert Recorder.fitted == [*train, *(train + 0.5)]
    assert Recorder.asked == test.tolist()
    assert (row["n_train"], row["n_synthetic"]) == (12, 12)


def test_rows_in_both_parts_are_refused():
    X, y = numbered_rows()
    with pytest.raises(
        ValueError, match=r"2 rows are in train and in test \(first: 10\)"
    ):
        evaluation.fit_and_score(
            Recorder(), Spy(), X, y, np.arange(12), np.arange(10, 20), ["a", "b"]
        )


def test_evaluate_splits_first_and_pairs_the_arms():
    X, y = numbered_rows()
    cv = StratifiedKFold(5)
    arms = {"spied": (Spy(), Recorder()), "dummy": (None, DummyClassifier())}
    rows = evaluation.evaluate(arms, X, np.array(["a", "b"])[y], cv)
    train, test = [*cv.split(X, y)][-1]
    assert Spy.seen == train.tolist()
    assert Recorder.asked == test.tolist()
    assert rows.groupby("method")["fold"].apply(list).map(len).tolist() == [5, 5]
    assert {"recall_a", "recall_b"} <= {*rows.columns}
    parallel = evaluation.evaluate({"dummy": arms["dummy"]}, X, y, cv, n_jobs=2)
    assert parallel["brier"].tolist() == [0.25] * 5
    table = evaluation.compare(rows, "acsa", "dummy")
    assert table.loc["spied", "n"] == 5
    assert table.equals(evaluation.compare(rows, "acsa", "dummy", n_test=4))


def test_missing_labels_are_not_evaluated_as_a_class_of_their_own():
    y = np.array([0.0, 1.0, np.nan] * 10)
    with pytest.raises(ValueError, match=r"10 missing label\(s\), the first in row 2"):
        evaluation.evaluate({"dummy": (None, DummyClassifier())}, np.zeros((30, 1)), y)


def test_frames_sparse_matrices_and_lists_are_evaluated_as_arrays_are():
    rng, y = np.random.default_rng(0), np.tile([0, 1, 1], 20)
    X = rng.normal(size=(60, 3)) + y[:, None]
    arms = {
        "smote": (SMOTE(random_state=0, k_neighbors=3), LogisticRegression()),
        "nothing": (None, LogisticRegression()),
    }
    cv = StratifiedKFold(3)
    expected = evaluation.evaluate(arms, X, y, cv).filter(regex="^(?!.*seconds)")
    frame = pd.DataFrame(X, columns=[*"abc"], index=range(100, 160))
    for other in (frame, X.tolist(), sparse.csr_array(X)):
        for labels in (y, pd.Series(y, index=frame.index), y.tolist()):
            rows = evaluation.evaluate(arms, other, labels, cv)[expected.columns]
            pd.testing.assert_frame_equal(rows, expected)


def test_the_tutorial_chooses_on_untouched_validation_rows(monkeypatch):
    """Scaled by the training part, resampled there alone, refitted as asked."""
    X, y = numbered_rows()
    parts = np.arange(0, 10), np.arange(10, 16), np.arange(16, 20)
    monkeypatch.setattr(gan_tutorial, "GRID", {})

    class Unscaled(gan_tutorial.MinMaxScaler):
        def transform(self, X):
            return X

    monkeypatch.setattr(gan_tutorial, "MinMaxScaler", Unscaled)
    options = {"X": X, "y": y, "classes": ["a", "b"], "parts": parts, "sampler": Spy()}
    gan_tutorial.tune_and_score(**options, classifier=Recorder())
    assert Spy.seen == [*range(10)]
    assert Recorder.asked == [16, 17, 18, 19]
    assert len(Recorder.fitted) == 20
    gan_tutorial.tune_and_score(
        **options, classifier=Recorder(), refit="train+validation"
    )
    assert Recorder.fitted[-6:] == [10, 11, 12, 13, 14, 15]


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
        gan_tutorial, "GRID", {"learning_rate": [0.1], "min_samples_leaf": [20]}
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
        gan_tutorial, "GRID", {"learning_rate": [0.1], "min_samples_leaf": [20]}
    )

    def row(method):
        key = Cell("gan_tutorial", "smoke", "bcw", method, 0, 0, "repeated-1")
        return gan_tutorial.run(key)

    assert row("dummy")["acsa"] == 0.5
    assert row("class_weight")["recall_malignant"] > 0.8
    tuned, plain = row("threshold"), row("nothing")
    assert tuned["roc_auc"] == plain["roc_auc"]  # the same scores, cut elsewhere
