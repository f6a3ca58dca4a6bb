"""The rule of the choice, its scores, and its error rates, by known answers."""

import warnings
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from imblearn.ensemble import BalancedRandomForestClassifier
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline as imblearn_pipeline
from imblearn.under_sampling import RandomUnderSampler, TomekLinks
from sklearn.base import BaseEstimator
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, balanced_accuracy_score
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import AutoOverSampler, ResampledClassifier, evaluation
from helpers.experiments import selection as experiment
from helpers.selection import _bias, _rule, _scores
from helpers.selection._offsets import best_offsets, utilities
from helpers.selection._rule import Rule, tellable
from helpers.selection._verdict import conclude
from helpers.selection._weighing import balances_itself

from .test_selection import blobs

# ---------------------------------------------------------------- the rule

RULE = _rule.Rule(alpha=0.05, min_gain=0.01, n_train=80, n_test=20)


def noisy(*means, seed=0, J=25, sd=0.01):
    return np.random.default_rng(seed).normal(means, sd, size=(J, len(means)))


def test_nothing_is_the_default_and_ties_go_to_the_simpler():
    same = np.ones(3)
    assert _rule.choose(noisy(0, 0, 0), same, RULE)[0] == -1
    assert _rule.choose(noisy(0.1, 0.105, 0.1), same, RULE)[0] == 0
    assert _rule.choose(noisy(0.1, 0.2, 0.2), same, RULE)[0] == 1
    assert _rule.choose(noisy(0.0, 0.0, 0.1), same, RULE)[0] == 2
    # Shown beyond doubt, but too small to be worth it.
    assert _rule.choose(noisy(0.009, 0.009, 0.0, sd=1e-4), same, RULE)[0] == -1
    assert _rule.choose(noisy(0.1, 0.109, 0.1, sd=1e-4), same, RULE)[0] == 0


def test_a_gain_bought_with_probabilities_is_none():
    gains = noisy(0.2, 0.1)
    assert _rule.choose(gains, [1.019, 1], RULE)[0] == 0
    assert _rule.choose(gains, [1.021, 1], RULE)[0] == 1


def test_the_tests_are_those_of_evaluation():
    gains = noisy(0.004, 0.01, 0.02, sd=0.02)
    _, p, p_holm, _ = _rule.choose(gains, np.ones(3), RULE)
    expected = [evaluation.corrected_resampled_ttest(g, 80, 20)[1] for g in gains.T]
    np.testing.assert_allclose(p, expected)
    np.testing.assert_allclose(p_holm, evaluation.holm(pd.Series(p)))


def test_forward_in_time_every_split_must_gain():
    forward = RULE._replace(forward=True)
    n = _rule.forward_splits(3, 0.05, 5)
    assert 3 * 0.5**n < 0.05 <= 3 * 0.5 ** (n - 1)
    assert _rule.forward_splits(1, 0.05, 5) == 5
    gains = np.full((n, 3), 0.05)
    assert _rule.choose(gains, np.ones(3), forward)[0] == 0
    gains[2] = [-0.01, 0.04, 0.04]
    assert _rule.choose(gains, np.ones(3), forward)[0] == 1


def test_the_detectable_gain_is_found_at_its_power():
    rng = np.random.default_rng(0)
    # Independent splits: the correction is left out, so that the power is known.
    rule = RULE._replace(n_train=1, n_test=0)
    sd, J, m = 0.1, 25, 4
    exact = np.concatenate([[-1.0], np.zeros(J - 2), [1.0]]) * sd * np.sqrt((J - 1) / 2)
    true = rule.detectable(exact, m)
    draws = rng.normal(true, sd, size=(4000, J))
    p = np.array([rule.p(gains) for gains in draws])
    found = ((p < rule.alpha / m) & (draws.mean(axis=1) > rule.min_gain)).mean()
    assert found == pytest.approx(0.8, abs=0.025)


# ---------------------------------------------------------------- scores


def test_scores_are_those_of_scikit_learn_for_whole_weights_of_rows():
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 60).round(2) + 1e-6
    p /= p.sum(axis=1, keepdims=True)
    y, weights = rng.integers(0, 3, 60), rng.integers(0, 3, (4, 60))
    decided = p.argmax(axis=1)
    precision = _scores.average_precision(p, y, weights.astype(float))
    recall = _scores.decision_score(decided, y, weights)
    loss = _scores.log_loss(p, y, weights)
    for b, w in enumerate(weights):
        rows = np.repeat(np.arange(60), w)
        y_b, p_b = y[rows], p[rows]
        assert recall[b] == pytest.approx(balanced_accuracy_score(y_b, decided[rows]))
        assert loss[b] == pytest.approx(sklearn_log_loss(y_b, p_b))
        own = [average_precision_score(y_b == k, p_b[:, k]) for k in range(3)]
        assert precision[b] == pytest.approx(np.mean(own))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_recalibration_undoes_slope_and_offsets(n_classes):
    rng = np.random.default_rng(0)
    log_p = np.log(rng.dirichlet(np.ones(n_classes), 4000))
    y = np.array([rng.choice(n_classes, p=p) for p in np.exp(log_p)])
    twisted = 2 * log_p + np.arange(n_classes)
    twisted -= np.log(np.exp(twisted).sum(axis=1, keepdims=True))
    plain = _scores.log_loss(np.exp(log_p), y, np.ones((1, 4000)))[0]
    assert _scores.recalibrated(twisted, y) == pytest.approx(plain, abs=5e-3)
    assert _scores.log_loss(np.exp(twisted), y, np.ones((1, 4000)))[0] > plain + 0.1


def test_the_best_threshold_is_found():
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=200) < 0.2).astype(int)
    p = np.clip(rng.normal(0.2 + 0.2 * y, 0.1), 0.01, 0.99).round(2)
    log_p = np.log(np.column_stack([1 - p, p]))
    costs = np.array([[0, 1.0], [7, 0]])
    for value in (utilities(np.bincount(y) / 200), utilities(None, costs)):
        offset = best_offsets(log_p, y, value, np.zeros(2))
        found = value[y, (log_p + offset).argmax(axis=1)].mean()
        every = [value[y, (p > t).astype(int)].mean() for t in np.linspace(-1, 2, 301)]
        assert found == pytest.approx(max(every))


def test_several_classes_get_an_offset_each():
    X, y = blobs(900, rare=0.1, n_classes=3, shift=1.5)
    plain = ResampledClassifier().fit(X, y)
    tuned = ResampledClassifier(tune=True, random_state=0).fit(X, y)
    recall = [balanced_accuracy_score(y, c.predict(X)) for c in (plain, tuned)]
    assert recall[1] > recall[0] + 0.05
    assert (plain.offsets_ == 0).all()
    assert tuned.offsets_.shape == (3,)
    np.testing.assert_allclose(plain.predict_proba(X), tuned.predict_proba(X))
    with pytest.raises(AttributeError, match="no threshold"):
        _ = tuned.threshold_


def test_the_choice_costs_nothing_by_bootstrap_as_by_nested_cross_validation():
    """Ten arms that say nothing: the best of them is worth a half, not more."""
    rng = np.random.default_rng(0)
    naive, corrected, nested = [], [], []
    for _ in range(24):
        y = (rng.uniform(size=120) < 0.3).astype(int)
        said = rng.uniform(size=(10, 120))
        folds = np.array_split(rng.permutation(120), 5)
        p = [np.column_stack([1 - s, s]) for s in said]
        splits = [
            _bias.Said(
                rows,
                y[rows],
                [one[rows] for one in p],
                [(s[rows] > 0.5).astype(int) for s in said],
            )
            for rows in folds
        ]

        def score(rows, y=y, said=said):
            return np.array(
                [balanced_accuracy_score(y[rows], s[rows] > 0.5) for s in said]
            )

        per_fold = np.array([score(rows) for rows in folds])
        naive.append(per_fold.mean(axis=0).max())
        for j, rows in enumerate(folds):
            others = np.concatenate([f for i, f in enumerate(folds) if i != j])
            nested.append(score(rows)[score(others).argmax()])
        weights = _bias.draws(y, rng, n=50)
        inside = _bias.scored(splits, weights, "decisions")
        outside = _bias.scored(splits, (weights == 0).astype(float), "decisions")
        best = np.nanmean(inside, axis=1).argmax(axis=1)
        own, _ = _bias.bias_corrected(inside, outside, lambda b, best=best: best[b])
        corrected.append(own.mean())
    assert np.mean(naive) > 0.54
    assert np.mean(corrected) == pytest.approx(0.5, abs=0.015)
    assert np.mean(corrected) == pytest.approx(np.mean(nested), abs=0.03)


def test_a_gain_that_is_shown_is_not_taken_back_by_the_bootstrap():
    """Draws of rows have half as much to tell: the rule must not be judged by that."""
    rng = np.random.default_rng(0)
    naive, corrected, how_often = [], [], []
    for _ in range(6):
        y = (rng.uniform(size=1000) < 0.2).astype(int)
        wrong = rng.uniform(size=(2, 1000)) < [[0.3], [0.2]]
        decided = [np.where(one, 1 - y, y) for one in wrong]
        p = [np.column_stack([1 - d, d]) * 0.6 + 0.2 for d in decided]
        splits = [
            _bias.Said(rows, y[rows], [q[rows] for q in p], [d[rows] for d in decided])
            for _ in range(5)
            for rows in np.array_split(rng.permutation(1000), 5)
        ]
        rule = RULE._replace(n_train=800, n_test=200)
        gained, picked = _bias.gain_of_choice(
            splits, y, "decisions", rule, _rule.choose, rng, positive=1, costs=None
        )
        recalls = [balanced_accuracy_score(y, d) for d in decided]
        naive.append(recalls[1] - recalls[0])
        corrected.append(gained.mean())
        how_often.append((picked == 1).mean())
    assert np.mean(how_often) > 0.9
    assert 0.93 * np.mean(naive) < np.mean(corrected) < 1.03 * np.mean(naive)


def test_a_draw_that_leaves_no_row_over_is_no_warning_and_no_score():
    outside = np.array([[[0.1, 0.3]], [[np.nan, np.nan]], [[0.2, 0.5]]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores, picked = _bias.bias_corrected(outside, outside, lambda b: 1)
    assert scores[[0, 2]].tolist() == [0.3, 0.5]
    assert np.isnan(scores[1])
    assert picked.tolist() == [1, 1, 1]


def test_what_could_be_told_beforehand_knows_of_few_groups():
    many, few = (
        tellable([300, 100], 25, 3, 0.05, 0.01, 5.0, n_groups) for n_groups in (None, 6)
    )
    assert few > 1.2 * many
    assert tellable([300, 100], 25, 3, 0.05, 0.01, 5.0, 400) == many


def test_a_gain_that_is_shown_and_not_worth_it_is_called_that():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        [
            {"fold": fold, "method": method, "mean_recall": score, "log_loss": 0.5}
            for fold in range(25)
            for method, score in (
                ("nothing", 0.7),
                ("threshold", 0.78 + 0.005 * rng.normal()),
                ("smote", 0.69 + 0.005 * rng.normal()),
            )
        ]
    ).assign(sampler_seconds=0.0, classifier_seconds=0.0)
    rule = Rule(alpha=0.05, min_gain=0.1, n_train=80, n_test=20)
    _, verdict = conclude(rows, ["threshold", "smote"], "decisions", None, rule, 25)
    assert verdict.chosen == "nothing"
    text = str(verdict)
    assert "not shown to gain" not in text
    assert "None of" not in text
    assert text.startswith(
        "Do nothing. Of 2 arms none is shown to gain enough; threshold"
    )
    assert text.endswith("and its gain is below 0.1.")
    # An arm that gains more on average, and may do so by chance, is not what is told of.
    rows.loc[rows["method"] == "smote", "mean_recall"] += 0.15 + rng.normal(size=25)
    _, verdict = conclude(rows, ["threshold", "smote"], "decisions", None, rule, 25)
    assert verdict.arm == "threshold"
    assert verdict.p < 0.05
    # Nor is any verdict told before all splits are done.
    _, verdict = conclude(rows, ["threshold", "smote"], "decisions", None, rule, 50)
    assert str(verdict) == "Cannot be told yet. 25 of 50 planned splits are done."


def test_few_groups_bound_what_is_known():
    gains = noisy(0.01, J=25, sd=0.02)[:, 0]
    p = [RULE._replace(n_groups=n).p(gains) for n in (6, 12, 1000, None)]
    assert p[0] > p[1] > p[2] == p[3]


@pytest.mark.parametrize("sampler", [None, RandomOverSampler(random_state=0)])
def test_a_classifier_that_weighs_its_classes_is_turned_back_to_the_shares(sampler):
    """Else weighing them would be told to gain, by the correction alone."""
    X, y = blobs(3000, rare=0.1)
    weighing = LogisticRegression(class_weight="balanced")
    for classifier in (weighing, make_pipeline(StandardScaler(), weighing)):
        fitted = ResampledClassifier(sampler, classifier).fit(X, y)
        assert fitted.predict_proba(X)[:, 1].mean() == pytest.approx(0.1, abs=0.015)
    search = GridSearchCV(LogisticRegression(), {"class_weight": ["balanced"]}, cv=2)
    fitted = ResampledClassifier(sampler, search).fit(X, y)
    assert fitted.predict_proba(X)[:, 1].mean() == pytest.approx(0.1, abs=0.015)
    resampling = imblearn_pipeline(
        RandomUnderSampler(random_state=0), LogisticRegression()
    )
    forest = BalancedRandomForestClassifier(20, max_depth=3, random_state=0)
    for classifier in (resampling, forest):
        fitted = ResampledClassifier(sampler, classifier).fit(X, y)
        assert fitted.predict_proba(X)[:, 1].mean() == pytest.approx(0.1, abs=0.03)
    told = AutoOverSampler(["class_weight"], weighing, scoring="ranking", cv=2)
    with pytest.raises(ValueError, match="weighs its classes already"):
        told.fit(X, y)


# ---------------------------------------------------------------- its error rates


def stored_rows():
    null = {"dataset": "null-permuted", "method": "ranking", "n_arms": 5}
    power = {"dataset": "power-sampler-300", "method": "ranking", "n_arms": 5}
    rows = [{**null, "chosen": "nothing", "largest_mean": "smote"}] * 19
    rows += [{**null, "chosen": "smote", "largest_mean": "nothing"}]
    planted = {
        "true_gain_of_planted": 0.1,
        "true_gain_of_best": 0.1,
        "planted": "truth",
    }
    for detectable, chosen, of_chosen in [(0.1, "truth", 0.1), (1e3, "nothing", 0.0)]:
        planted |= {"planted_detectable": detectable, "chosen": chosen}
        planted |= {"true_gain_of_chosen": of_chosen, "largest_mean": "smote"}
        rows += [{**power, **planted, "true_gain_of_largest_mean": 0.04}]
    return pd.DataFrame(rows)


def test_false_alarms_power_and_regret_by_known_answers():
    rows = stored_rows()
    alarms = experiment.false_alarms(rows).loc["null-permuted", "ranking"]
    assert [*alarms[["tables", "rule", "largest_mean"]]] == [20, 1, 19]
    # Clopper and Pearson's interval of 1 in 20.
    assert alarms["rule_low"] == pytest.approx(0.0013, abs=1e-4)
    assert alarms["rule_high"] == pytest.approx(0.2487, abs=1e-4)
    assert experiment.false_alarms(rows, by=()).loc["all", "rule_share"] == 0.05
    assert experiment.most_false_alarms(400) == 29
    found = experiment.power(rows).loc["power-sampler-300", "ranking"]
    assert (found["found"], found["planted"]) == (0.5, 1)
    other = rows.assign(chosen=rows["chosen"].replace("truth", "smote"))
    again = experiment.power(other).loc["power-sampler-300", "ranking"]
    assert (again["found"], again["planted"]) == (0.5, 0)
    # As large as what can be told, it is told four times in five; else hardly ever.
    assert found["expected"] == pytest.approx((0.8 + 0.005) / 2, abs=0.01)
    lost = experiment.regret(rows).loc["power-sampler", "ranking"]
    assert [*lost] == pytest.approx([2, 0.1, 0.05, 0.06])


def test_tables_of_the_page_have_intervals_and_printed_names():
    rows = stored_rows()
    alarms = experiment.alarms_table(experiment.false_alarms(rows))
    assert [*alarms.loc["labels shuffled", "ranking"]] == [
        "1 of 20 [0.00, 0.25]",
        "19 of 20 [0.75, 1.00]",
    ]
    found = experiment.power_table(experiment.power(rows))
    assert found.loc["a sampler helps, 300 rows", "ranking"]["found"].startswith(
        "0.50 ["
    )
    everything = experiment.false_alarms(rows, by=()).iloc[0]
    told = experiment.alarms_told(everything, everything, 3)
    assert (
        "departed on 1 of 20 tables, 0.050 [0.001, 0.249]; the largest mean on 19"
        in told
    )


def test_a_table_of_too_few_rare_rows_is_refused_before_the_page_goes_on():
    table = pd.DataFrame({"x": range(100), "y": [1] * 5 + [0] * 95})
    with pytest.raises(ValueError, match="class '1' has 5 rows, and 6 are needed"):
        experiment.thinned(table, "y", 600, 0)
    table["y"] = [1] * 6 + [0] * 94
    assert experiment.thinned(table, "y", 600, 0) is table
    with pytest.raises(ValueError, match=r"n_rows=100\."):
        experiment.thinned(table, "y", 80, 0)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"scoring": "decisions"}, 0.75),
        ({"scoring": "decisions", "costs": [[0, 1], [8, 0]]}, -0.25),
        ({"scoring": "ranking"}, (1 + 2 / 3) / 2),
        ({"scoring": "probabilities"}, -np.log([0.9, 0.2, 0.8, 0.9]).mean()),
    ],
)
def test_what_an_arm_is_truly_worth_by_hand(told, expected):
    p = np.array([0.1, 0.8, 0.8, 0.9])
    arm = SimpleNamespace(
        predict=lambda X: (p > 0.5).astype(int),
        predict_proba=lambda X: np.column_stack([1 - p, p]),
    )
    y = np.array([0, 0, 1, 1])
    assert experiment.worth(arm, None, y, told) == pytest.approx(expected)


class Arm(BaseEstimator):
    """An arm of a known worth that says what it was trained on."""

    trained: ClassVar = []

    def __init__(self, worth=0.0, refit=True):
        self.worth = worth
        self.refit = refit

    def fit(self, X, y):
        assert not self.refit
        self.trained.append((len(X), X[0, 0]))
        return self


@pytest.mark.parametrize(
    ("gains", "scoring", "trainings", "expected"),
    [
        ("nothing", "ranking", 1, -0.1),
        ("truth", "ranking", 5, -0.1),
        ("truth", "probabilities", 5, 0.2),  # of a loss, as a share of that of nothing
    ],
)
def test_true_gains_are_of_fresh_rows_and_fresh_tables(
    monkeypatch, gains, scoring, trainings, expected
):
    drawn = []

    def draw(n, rng):
        drawn.append(n)
        return rng.random((n, 1)), np.zeros(n)

    monkeypatch.setattr(Arm, "trained", [])
    judged = []

    def worth(arm, X, y, told):
        judged.append(X)
        return arm.worth

    monkeypatch.setattr(experiment, "worth", worth)
    told = {"scoring": scoring}
    made = experiment.Table(None, np.zeros(300), draw, told, gains)
    auto = SimpleNamespace(recipes_={"nothing": Arm(0.5), "truth": Arm(0.4)})
    found = experiment.true_gains(auto, made, 3)
    assert found.to_dict() == pytest.approx({"nothing": 0, "truth": expected})
    # Four fifths of the table, as in its splits; every training has rows of its own, which
    # all arms share, and every arm is judged by the same rows that none was trained on.
    assert drawn == [experiment.FRESH] + [240] * trainings
    assert len({*Arm.trained}) == trainings
    assert len(Arm.trained) == 2 * trainings
    assert all(X is judged[0] for X in judged)
    assert judged[0].shape == (experiment.FRESH, 1)
    assert judged[0][0, 0] not in {first for _, first in Arm.trained}


BALANCED = LogisticRegression(class_weight="balanced")


@pytest.mark.parametrize(
    ("classifier", "expected"),
    [
        (BALANCED, True),
        (make_pipeline(StandardScaler(), BALANCED), True),
        (GridSearchCV(BALANCED, {"C": [1, 2]}), True),
        (BaggingClassifier(BALANCED), True),
        (VotingClassifier([("a", BALANCED)], voting="soft"), True),
        (BalancedRandomForestClassifier(), True),
        (imblearn_pipeline(SMOTE(), LogisticRegression()), True),
        (imblearn_pipeline(SMOTE(sampling_strategy=1.0), LogisticRegression()), True),
        (LogisticRegression(), False),
        # What calibrates, or learns from probabilities, gives those of the rows' shares.
        (CalibratedClassifierCV(BALANCED), False),
        (StackingClassifier([("a", BALANCED)]), False),
        (make_pipeline(SelectFromModel(BALANCED), LogisticRegression()), False),
        (imblearn_pipeline(TomekLinks(), LogisticRegression()), False),
    ],
)
def test_classifiers_that_balance_themselves_are_told_from_those_that_do_not(
    classifier, expected
):
    assert balances_itself(classifier) == expected
    if expected or isinstance(classifier, LogisticRegression):
        return
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=600) < 0.15).astype(int)
    X = pd.DataFrame(rng.normal(size=(600, 2)) + y[:, None])
    p = ResampledClassifier(classifier=classifier).fit(X, y).predict_proba(X)[:, 1]
    assert p.mean() == pytest.approx(y.mean(), abs=0.03)


def test_what_is_said_of_nothing_is_what_its_recipe_does():
    """Of a classifier that balances itself, too, whose probabilities are turned back."""
    X, y = blobs(n=400, rare=0.1, seed=1)
    auto = AutoOverSampler(["threshold"], BALANCED, random_state=0).fit(X, y)
    said = auto.predictions_.query("method == 'nothing'")
    by_fold = said.groupby("fold")[["true", "predicted"]].apply(
        lambda own: balanced_accuracy_score(own["true"], own["predicted"])
    )
    rows = auto.rows_.query("method == 'nothing'").set_index("fold")["mean_recall"]
    np.testing.assert_allclose(by_fold, rows.loc[by_fold.index])
    assert auto.comparison_.loc["auto", "mean_recall"] <= 1


def test_holes_that_come_at_prediction_are_the_middle_of_a_column():
    rng = np.random.default_rng(0)
    y = (rng.uniform(size=300) < 0.2).astype(int)
    days = pd.date_range("2024-01-01", periods=300)
    X = pd.DataFrame(
        {"a": rng.normal(size=300) + y, "day": days, "c": list("xxy") * 100}
    )
    fitted = ResampledClassifier().fit(X, y)
    for name, middle in (("a", X["a"].sort_values().iloc[149]), ("day", days[149])):
        hole, filled = X.copy(), X.copy()
        hole[name] = hole[name].where(np.arange(300) > 4)
        filled.loc[:4, name] = middle
        np.testing.assert_array_equal(
            fitted.predict_proba(hole), fitted.predict_proba(filled)
        )


def test_a_choice_that_fails_leaves_nothing_of_the_one_before():
    X, y = blobs(n=200, rare=0.2)
    auto = AutoOverSampler(["threshold"], random_state=0).fit(X, y)
    with pytest.raises(ValueError, match="Class v has 1 row"):
        auto.fit(X[:20], np.repeat(["u", "v"], [19, 1]))
    assert not [name for name in vars(auto) if name.endswith("_")]
