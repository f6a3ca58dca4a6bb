"""Metrics and corrections of probabilities against known answers."""

import numpy as np
import pytest
from scipy import optimize
from sklearn.metrics import average_precision_score

from helpers import evaluation


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


def test_a_class_without_rows_is_in_no_mean():
    p = np.tile([0.6, 0.3, 0.1], (5, 1))
    row = evaluation.score(np.zeros(5, int), p, [*"abc"])
    means = ("accuracy", "acsa", "f1_macro", "precision_macro")
    assert [row[name] for name in means] == [1, 1, 1, 1]
    assert np.isnan([row[f"{kind}_b"] for kind in ("precision", "recall", "f1")]).all()
    # To call rows by its name is wrong all the same.
    called = evaluation.score(np.zeros(5, int), p, [*"abc"], np.array([0, 0, 0, 0, 1]))
    assert (called["precision_b"], called["precision_macro"]) == (0, 1)


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


@pytest.mark.parametrize("seed", range(5))
def test_calibration_slope_of_a_rare_class_solves_the_score_equations(seed):
    rng = np.random.default_rng(seed)
    odds = rng.normal(-4.6, 0.3, 5_000)
    y = rng.uniform(size=5_000) < 1 / (1 + np.exp(-odds))
    p = 1 / (1 + np.exp(-odds))
    slope = evaluation.calibration_slope(y, p)

    def mean_residual(intercept):
        return (y - 1 / (1 + np.exp(-intercept - slope * odds))).mean()

    intercept = optimize.brentq(mean_residual, -20, 20)
    left = y - 1 / (1 + np.exp(-intercept - slope * odds))
    assert (left * odds).sum() == pytest.approx(0, abs=1e-3)


def test_calibration_slope_of_a_perfect_or_constant_prediction_is_nan():
    y = np.array([0, 0, 1, 1])
    assert np.isnan(evaluation.calibration_slope(y, y.astype(float)))
    assert np.isnan(evaluation.calibration_slope(y, 1 - y.astype(float)))
    assert np.isnan(evaluation.calibration_slope(y, np.full(4, 0.5)))
    assert np.isnan(evaluation.calibration_slope(y > 2, np.array([0.1, 0.2, 0.3, 0.4])))
    # One wrong pair, or one tie, and the slope is finite.
    assert evaluation.calibration_slope(y, np.array([0.1, 0.5, 0.4, 0.9])) > 0


def test_calibration_slope_of_classes_that_touch_is_infinite_too():
    y = np.repeat([False, True], 8)
    assert np.isnan(evaluation.calibration_slope(y, [0.0] * 10 + [1.0] * 6))
    touching = [*np.linspace(0.1, 0.5, 8), *np.linspace(0.5, 0.9, 8)]
    assert np.isnan(evaluation.calibration_slope(y, touching))
    assert np.isnan(evaluation.calibration_slope(~y, touching))
    crossing = [*np.linspace(0.1, 0.6, 8), *np.linspace(0.4, 0.9, 8)]
    assert evaluation.calibration_slope(y, crossing) > 1


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


def test_scores_of_several_classes_by_hand():
    y = np.array([0, 0, 1, 2])
    p = np.array([[5, 3, 2], [2, 6, 2], [1, 8, 1], [3, 3, 4]]) / 10
    row, hot = evaluation.score(y, p, [*"abc"]), np.eye(3)[y]
    assert row["brier"] == pytest.approx(((hot - p) ** 2).sum() / 4)
    each = [average_precision_score(hot[:, k], p[:, k]) for k in range(3)]
    assert row["pr_auc"] == pytest.approx(np.mean(each))
    assert row["f1_macro"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
