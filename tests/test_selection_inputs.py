"""What the choice hands on: labels to strategies, rows as they are made, times, splits."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.ensemble import StackingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Perceptron, SGDClassifier
from sklearn.model_selection import GridSearchCV, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from helpers import (
    AutoOverSampler,
    ResampledClassifier,
    TabDDPMOverSampler,
    TableCodec,
)
from helpers.selection import in_time
from helpers.selection._splits import make_splits


class Broken(RandomOverSampler):
    def fit_resample(self, X, y, **params):
        raise RuntimeError("no GPU here")


def rows(labels, sizes, seed=0):
    y = np.repeat(labels, sizes)
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(len(y), 3)) + np.repeat(np.arange(len(sizes)), sizes)[:, None]
    order = rng.permutation(len(y))
    return X[order], y[order]


def chosen_among(candidates, **told):
    told = {"scoring": "ranking", "cv": 2, "random_state": 0, **told}
    return AutoOverSampler(candidates, **told)


@pytest.mark.parametrize("labels", [[1, 2, 3], ["a", "b", "c"], [False, True]])
def test_a_strategy_by_label_fills_the_same_class_where_it_is_scored_and_used(labels):
    X, y = rows(labels, [120, 50, 60][: len(labels)])
    filled = labels[1]
    sampler = SMOTE(sampling_strategy={filled: 100}, random_state=0)
    chooser = chosen_among([sampler]).fit(X, y)
    counts = pd.Series(chooser.treat(X, y, "SMOTE")[1]).value_counts()
    assert counts[filled] == 100
    recipe = chooser.recipes_["SMOTE"].fit(X, y)
    assert recipe.trained_.tolist() == [counts[label] for label in labels]


def test_a_callable_strategy_sees_the_labels_too():
    X, y = rows(["rare", "usual"], [40, 90])
    seen = []

    def strategy(y):
        seen.append({*y})
        return {"rare": 60}

    ResampledClassifier(SMOTE(sampling_strategy=strategy)).fit(pd.DataFrame(X), y)
    assert seen
    assert all(labels == {"rare", "usual"} for labels in seen)


def test_class_weights_by_label_reach_their_class():
    X, y = rows([1, 2], [90, 40])
    weighted = LogisticRegression(class_weight={1: 50})
    ours = ResampledClassifier(classifier=weighted).fit(X, y).predict_proba(X)
    low, high = X.min(axis=0), X.max(axis=0)
    theirs = clone(weighted).fit((X - low) / (high - low), y)
    expected = theirs.predict_proba((X - low) / (high - low))
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    search = GridSearchCV(LogisticRegression(), {"class_weight": [{1: 50}]})
    ours = ResampledClassifier(classifier=search).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


class OnlyNumbers(LogisticRegression):
    def fit(self, X, y):
        assert {*y} == {0, 1}
        return super().fit(X, y)


def test_classifiers_that_know_no_labels_see_numbers():
    X, y = rows(["rare", "usual"], [40, 90])
    fitted = ResampledClassifier(classifier=OnlyNumbers()).fit(X, y)
    assert {*fitted.predict(X)} == {"rare", "usual"}


def test_copies_that_are_moved_are_not_scored_as_copies():
    X, y = rows([0, 1], [120, 30])
    candidates = {
        "plain": RandomOverSampler(random_state=1),
        "moved": RandomOverSampler(random_state=1, shrinkage=5.0),
    }
    chooser = chosen_among(candidates).fit(X, y)
    scores = chooser.comparison_["average_precision"]
    assert scores["plain"] != scores["moved"]
    new = chooser.treat(X, y, "moved")[0][len(X) :]
    old = {*map(tuple, X)}
    assert not any(tuple(row) in old for row in new)


# ---------------------------------------------------------------- splits


def test_masks_are_splits_as_row_numbers_are():
    X, y = rows([0, 1], [60, 40])
    numbers = [
        (np.arange(0, 60), np.arange(60, 100)),
        (np.arange(40, 100), np.arange(40)),
    ]
    masks = [
        tuple(np.isin(np.arange(100), part) for part in parts) for parts in numbers
    ]
    found = [chosen_among(["smote"], cv=cv).fit(X, y) for cv in (numbers, masks)]
    first, second = (chooser.comparison_.drop(columns="seconds") for chooser in found)
    pd.testing.assert_frame_equal(first, second)


def test_one_split_and_splits_that_are_used_up_are_refused():
    y = np.tile([0, 1], 20)
    with pytest.raises(ValueError, match="cv gives 1 split"):
        make_splits(y, 5, 0, StratifiedShuffleSplit(1, random_state=0))
    with pytest.raises(ValueError, match="give its splits as a list"):
        make_splits(y, 5, 0, iter([(np.arange(20), np.arange(20, 40))]))


def test_repeats_by_group_are_no_copies_of_one_another():
    # Groups of many sizes, as hospitals are: sorted by size, they could be dealt one way only.
    rng = np.random.default_rng(0)
    groups = pd.Series(np.repeat(np.arange(12), rng.integers(50, 400, size=12)))
    y = (rng.random(len(groups)) < 0.2).astype(int)
    splits = make_splits(y, 25, 0, groups=groups)
    assert len(splits) == 25
    repeats = {
        frozenset(tuple(test) for _, test in splits[first : first + 5])
        for first in range(0, 25, 5)
    }
    assert len(repeats) == 5
    tested = np.concatenate([test for _, test in splits])
    assert (np.bincount(tested) == 5).all()
    for train, test in splits:
        assert not {*groups[train]} & {*groups[test]}
        assert len(train) + len(test) == len(y)
        assert 0.05 < len(test) / len(y) < 0.45
    assert [tuple(t) for _, t in make_splits(y, 25, 0, groups=groups)] == [
        tuple(t) for _, t in splits
    ]


def test_folds_by_group_keep_a_class_that_few_groups_have():
    groups = pd.Series(np.repeat(np.arange(40), 10))
    y = np.where(np.isin(groups, [3, 11, 20, 28, 39]), 1, 0)
    for _, test in make_splits(y, 25, 0, groups=groups):
        assert y[test].sum() == 10


def test_five_groups_have_five_splits_and_not_the_same_five_again(monkeypatch):
    groups = pd.Series(np.repeat(np.arange(5), 30))
    y = np.tile([0, 0, 1], 50)
    assert len(make_splits(y, 25, 0, groups=groups)) == 5
    with pytest.raises(ValueError, match="4 groups, and 5 folds need as many"):
        make_splits(y[groups < 4], 25, 0, groups=groups[groups < 4])
    X = pd.DataFrame({"x": y + np.random.default_rng(0).normal(size=150), "g": groups})
    told = {"groups": "g", "scoring": "ranking", "random_state": 0}
    chooser = AutoOverSampler(["smote"], time_budget=20, **told).fit(X, y)
    assert chooser.n_splits_ == 5
    # Time is planned for the splits that there are: a budget for five of them is enough.
    told_seconds = dict.fromkeys(["dummy", "nothing", "smote"], 1.0), {}, {}, 0.0
    monkeypatch.setattr("helpers.selection._auto.timed", lambda *_: told_seconds)
    plan = AutoOverSampler(["smote"], time_budget=25, **told).plan(X, y)
    assert plan.n_splits == 5
    assert plan.arms == ("nothing", "smote")


# ---------------------------------------------------------------- times

DAYS = pd.Series(pd.date_range("2024-01-01", periods=240))


@pytest.mark.parametrize(
    "times",
    [
        np.arange(240),  # looks like an id
        DAYS,
        DAYS.dt.strftime("%d/%m/%Y"),  # in January, days pass for months
        DAYS.dt.strftime("%Y-%m-%d").astype("category"),
    ],
    ids=["counter", "dates", "text", "categorical"],
)
def test_times_are_read_once_from_all_rows(times):
    X, y = rows([0, 1], [160, 80])
    frame = pd.DataFrame(X, columns=[*"abc"]).assign(when=times)
    chooser = AutoOverSampler(["threshold"], times="when", random_state=0).fit(frame, y)
    assert chooser.rows_["n_train"].min() >= 20
    assert chooser.gains_[["low", "high"]].isna().all(axis=None)
    later = chooser.predictions_.groupby("fold")["row"].min().to_numpy()
    assert (np.diff(later) > 0).all()
    # The recipe knows how times are written, whatever rows it is given.
    early = frame.iloc[:60]
    recipe = chooser.recipes_["threshold"].fit(early, y[:60])
    assert len(recipe.predict(early.drop(columns="when"))) == 60


def test_a_codec_says_how_times_are_written():
    X, y = rows([0, 1], [160, 80])
    times = [f"{1 + i % 12:02d}/{1 + i // 20:02d}/2024" for i in range(240)]
    frame = pd.DataFrame(X, columns=[*"abc"]).assign(when=times)
    told = {"times": "when", "random_state": 0}
    with pytest.raises(ValueError, match="times='when' holds '01/01/2024'"):
        AutoOverSampler(["threshold"], **told).fit(frame, y)
    codec = TableCodec(kinds={"when": "%d/%m/%Y"})
    chooser = AutoOverSampler(["threshold"], codec=codec, **told).fit(frame, y)
    first = frame["when"].iloc[chooser.predictions_["row"]].str[3:5].astype(int)
    assert (
        first.groupby(chooser.predictions_["fold"].to_numpy())
        .min()
        .is_monotonic_increasing
    )
    assert chooser.recipe_.kinds["when"] == "%d/%m/%Y"


def test_times_that_are_neither_numbers_nor_dates_are_refused_by_name():
    X, y = rows([0, 1], [160, 80])
    frame = pd.DataFrame(X).assign(week=[f"W{i // 4:02d}" for i in range(240)])
    frame.columns = frame.columns.astype(str)
    with pytest.raises(ValueError, match="times='week' holds 'W00'"):
        AutoOverSampler(["threshold"], times="week", random_state=0).fit(frame, y)


def test_dates_keep_their_form_in_parts_that_do_not_show_it():
    X, y = rows([0, 1], [160, 80])
    born = pd.Series([f"01/{1 + i % 12:02d}/19{50 + i % 40}" for i in range(240)])
    born[7] = "15/03/1960"  # the only one that tells days from months
    frame = pd.DataFrame(X, columns=[*"abc"]).assign(born=born)
    chooser = chosen_among(["smote"]).fit(frame, y)
    assert chooser.recipes_["smote"].kinds["born"] == "%d/%m/%Y"
    assert chooser.left_out_ == {}


def test_one_instant_is_no_order():
    assert in_time(pd.Series(["2024-01-01"] * 3)).tolist() == [0, 0, 0]


def test_an_array_may_have_a_hole_that_training_rows_lack():
    X, y = rows([0, 1], [90, 60])
    recipe = ResampledClassifier().fit(X, y)
    holed = X.copy()
    holed[3, 0] = np.nan
    assert len(recipe.predict(holed)) == 150
    chooser = chosen_among(["smote"]).fit(holed, y)
    assert chooser.left_out_ == {}


def test_one_class_is_refused_by_its_label():
    with pytest.raises(ValueError, match=r"class \['a'\] only"):
        ResampledClassifier().fit(np.zeros((4, 1)), ["a"] * 4)


def test_times_that_are_not_what_is_said_are_named():
    X, y = rows([0, 1], [160, 80])
    frame = pd.DataFrame(X, columns=[*"abc"]).assign(week=[f"W{i}" for i in range(240)])
    codec = TableCodec(kinds={"week": "number"})
    with pytest.raises(ValueError, match="Column 'week' is to be a number"):
        AutoOverSampler(["threshold"], times="week", codec=codec).fit(frame, y)


def test_levels_of_another_type_are_no_unseen_levels():
    """pandas reads 01 as a number: every row would pass for the most frequent level."""
    rng = np.random.default_rng(0)
    codes = rng.integers(1, 4, size=200)
    X = pd.DataFrame({"x": rng.normal(size=200), "zip": [f"0{code}" for code in codes]})
    y = (codes == 2).astype(int)
    fitted = ResampledClassifier(random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=r"Column 'zip' holds .* have '0[123]'"):
        fitted.predict(X.assign(zip=codes))
    flags = X.assign(zip=np.where(codes == 1, "True", "False"))
    of_flags = ResampledClassifier(random_state=0).fit(flags, y)
    with pytest.raises(ValueError, match=r"have '(True|False)'; read both"):
        of_flags.predict(X.assign(zip=codes == 1))
    # What was never seen in any form is as before, whatever else comes with it.
    for new in ("04", 4):
        mixed = X.assign(zip=[new, *X["zip"].iloc[1:]])
        whole = fitted.predict_proba(mixed)
        assert np.array_equal(fitted.predict_proba(mixed[:1]), whole[:1])
    numbers = ResampledClassifier(kinds={"zip": "category"}, random_state=0)
    numbers.fit(X.assign(zip=codes), y)
    numbers.predict(X.assign(zip=codes.astype(float)))
    with pytest.raises(ValueError, match="read both alike"):
        numbers.predict(X)


def test_boosting_stops_no_arm_early_and_none_late():
    X = np.random.default_rng(0).normal(size=(8000, 2))
    y = (np.arange(8000) % 20 == 0).astype(int)  # 15,200 rows when they are balanced
    for sampler in (None, RandomOverSampler(random_state=0)):
        fitted = ResampledClassifier(sampler, "boosting", random_state=0).fit(X, y)
        assert fitted.classifier_.n_iter_ == 100


def test_one_odd_level_is_an_unseen_one():
    """A column said to hold categories may mix types, and a fold may lack one of them."""
    X, y = rows([0, 1], [240, 60])
    level = pd.Series(y + np.arange(300) % 3).astype(object)
    level[7] = "unknown"
    frame = pd.DataFrame({"x": X[:, 0], "level": level})
    told = TableCodec(kinds={"level": "category"})
    chosen_among(["class_weight"], codec=told, cv=3).fit(frame, y)


def test_a_classifier_that_works_in_place_changes_no_other_arm():
    X, y = rows([0, 1], [160, 40])
    found = []
    for copy in (True, False):
        classifier = make_pipeline(StandardScaler(copy=copy), LogisticRegression())
        arms = ["class_weight", "random_oversampling", "smote"]
        chooser = chosen_among(arms, classifier=classifier, cv=3).fit(X, y)
        found.append(chooser.comparison_.drop(columns="seconds"))
    pd.testing.assert_frame_equal(*found)


def test_frames_as_output_of_the_session_change_nothing():
    X, y = rows([0, 1], [160, 40])
    frame = pd.DataFrame(X, columns=[*"abt"])
    times = {"times": "t", "tune": True, "random_state": 0}
    recipes = {
        "copies": ResampledClassifier(RandomOverSampler(random_state=0)),
        "times": ResampledClassifier(**times),
    }
    for recipe in recipes.values():
        expected = recipe.fit(frame, y).predict_proba(frame)
        with config_context(transform_output="pandas"):
            found = recipe.fit(frame, y).predict_proba(frame)
        assert np.array_equal(found, expected)
    with config_context(transform_output="pandas"):
        chooser = chosen_among(["random_oversampling", "smote"], cv=3).fit(frame, y)
        TabDDPMOverSampler(n_steps=2, n_timesteps=2).fit_resample(frame, y)
    assert chooser.left_out_ == {}


def test_an_arm_that_fails_is_told_where_another_is_left():
    X, y = rows([0, 1], [160, 40])

    with pytest.warns(
        UserWarning, match=r"Left out: Broken failed in 26 of 26 splits: .*GPU"
    ):
        chooser = chosen_among([Broken()], scoring="decisions").fit(X, y)
    assert chooser.verdict_.chosen in ("nothing", "threshold")


def test_costs_need_decisions_that_are_tuned_and_a_place_for_each_class():
    X, y = rows([0, 1], [60, 40])
    costs = [[0, 1], [50, 0]]
    with pytest.raises(ValueError, match="say tune=True"):
        ResampledClassifier(costs=costs).fit(X, y)
    for wrong in ([1, 50], np.ones((3, 3))):
        with pytest.raises(
            ValueError, match="one number for each of the 2 true classes"
        ):
            ResampledClassifier(costs=wrong, tune=True).fit(X, y)


def test_rows_to_predict_come_with_names_or_by_their_places():
    X, y = rows([0, 1], [60, 40])
    frame = pd.DataFrame(X, columns=[*"abc"])
    of_frame, of_array = (ResampledClassifier().fit(Z, y) for Z in (frame, X))
    expected = of_frame.predict_proba(frame[[*"cab"]])
    assert of_frame.feature_names_in_.tolist() == [*"abc"]
    assert np.array_equal(of_frame.predict_proba(X), expected)
    assert np.array_equal(of_array.predict_proba(frame), of_array.predict_proba(X))
    for fitted in (of_frame, of_array):
        for wrong in (X[:, :2], np.column_stack([X, X])):
            with pytest.raises(
                ValueError, match=r"X has [26] features, .* expecting 3"
            ):
                fitted.predict(wrong)
    assert np.array_equal(of_frame.predict_proba(pd.DataFrame(X)), expected)
    with pytest.raises(ValueError, match=r"lacks columns that `fit` had: \['c'\]"):
        of_frame.predict(frame[["a", "b"]])
    # Numbers are no names, in which scikit-learn goes by place, too.
    turned = pd.DataFrame(X)[[2, 0, 1]]
    of_turned = ResampledClassifier().fit(turned, y)
    expected = of_turned.predict_proba(turned)
    assert np.array_equal(of_turned.predict_proba(turned.to_numpy()), expected)
    with pytest.raises(ValueError, match=r"pass X\.toarray"):
        ResampledClassifier().fit(sparse.csr_matrix(X), y)
    grouped = ResampledClassifier(groups="c", tune=True, random_state=0)
    frame["c"] = np.arange(100) // 2
    grouped.fit(frame, y)
    expected = grouped.predict_proba(frame)
    for fewer in (frame[["a", "b"]], X[:, :2], frame.to_numpy()):
        assert np.allclose(grouped.predict_proba(fewer), expected)


def test_what_was_made_of_another_table_is_gone():
    X, y = rows([0, 1], [120, 40])
    chooser = chosen_among(["smote"])
    chooser.fit_resample(X, y)
    chooser.treat(X, y, "smote")
    chooser.fit(X[:100], y[:100])
    assert not hasattr(chooser, "best_sampler_")
    assert not hasattr(chooser, "synthetic_mask_")


def test_new_rows_need_no_groups():
    X, y = rows([0, 1], [90, 60])
    frame = pd.DataFrame(X, columns=[*"abc"]).assign(who=np.arange(150) % 50)
    recipe = ResampledClassifier(groups="who", tune=True, random_state=0).fit(frame, y)
    assert len(recipe.predict(frame[[*"abc"]])) == 150


@pytest.mark.parametrize("index", ["names", "numbers"])
def test_rows_keep_their_labels_whatever_the_verdict(index):
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(120, 3)), columns=[*"abc"])
    y = pd.Series(np.repeat([0, 1], [90, 30]))
    labels = [f"P{i:03}" for i in range(120)] if index == "names" else range(500, 620)
    X.index = y.index = pd.Index(labels)
    auto = AutoOverSampler(["smote", "random_oversampling"], cv=3, random_state=0)
    auto.fit(X, y)
    for method in ("smote", "random_oversampling"):
        X_out, y_out = auto.treat(X, y, method)
        assert len(X_out) == 180
        assert X_out.index[:120].equals(X.index)
        assert y_out.index.equals(X_out.index)
        if index == "numbers":
            assert X_out.index.is_unique


def test_an_interval_of_the_choice_holds_its_mean():
    X, y = rows([0, 1], [150, 40])
    auto = chosen_among(["threshold", "class_weight"], scoring="decisions").fit(X, y)
    of = auto.comparison_.loc["auto"]
    assert of["low"] <= of["gain"] <= of["high"]


def test_a_strategy_that_is_called_sees_labels_from_the_first():
    X, y = rows(["rare", "usual"], [40, 90])
    chooser = chosen_among(
        ["random_oversampling"], sampling_strategy=lambda y: {"rare": sum(y == "usual")}
    ).fit(X, y)
    counts = pd.Series(chooser.treat(X, y, "random_oversampling")[1]).value_counts()
    assert counts.to_dict() == {"rare": 90, "usual": 90}
    with pytest.raises(ValueError, match="target class"):
        chosen_among(["smote"], sampling_strategy=lambda y: {"none": 9}).fit(X, y)


def test_a_fit_that_fails_answers_for_no_other():
    X, y = rows([0, 1], [40, 90])
    model = ResampledClassifier().fit(X, y)
    with pytest.raises(ValueError, match="one label for each row"):
        model.fit(X, y[1:])
    with pytest.raises(NotFittedError):
        model.predict(X)
    model = ResampledClassifier(RandomOverSampler()).fit(X, y)
    with pytest.raises(RuntimeError, match="no GPU"):
        model.set_params(sampler=Broken()).fit(X, np.where(y, "b", "a"))
    with pytest.raises(NotFittedError):
        model.predict(X)
    assert {*model.set_params(sampler=None).fit(X, y).predict(X)} <= {0, 1}


def test_weights_arrive_whatever_the_session_routes():
    X, y = rows([0, 1], [200, 30])
    model = ResampledClassifier(weights="balanced")
    expected = model.fit(X, y).classifier_.predict_proba(X)
    with config_context(enable_metadata_routing=True):
        found = model.fit(X, y).classifier_.predict_proba(X)
    assert (found == expected).all()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"classifier": Perceptron()}, "Perceptron has no predict_proba"),
        ({"sampler": "smote"}, "'fit_resample'"),
        ({"weights": "balance"}, "'balanced'"),
        ({"tune": "no"}, "'bool'"),
        ({"groups": "site"}, r"groups='site' is no column; they are \[0, 1, 2\]"),
        ({"groups": 0, "times": 1}, "leave the other out"),
    ],
)
def test_what_cannot_be_is_refused_by_a_classifier_of_its_own(told, message):
    X, y = rows([0, 1], [40, 90])
    with pytest.raises(ValueError, match=message):
        ResampledClassifier(**told).fit(X, y)


def test_probabilities_may_come_with_the_fit():
    X, y = rows([0, 1], [40, 90])
    for classifier in (
        GridSearchCV(SGDClassifier(random_state=0), {"loss": ["log_loss"]}),
        StackingClassifier([("a", LogisticRegression())]),
    ):
        model = ResampledClassifier(classifier=classifier).fit(X, y)
        assert model.predict_proba(X).shape == (130, 2)
    frame = pd.DataFrame(X).add_prefix("x").assign(g=[None, *range(129)])
    ResampledClassifier(groups="g").fit(frame, y)  # which parts nothing
    with pytest.raises(ValueError, match="missing"):
        ResampledClassifier(groups="g", tune=True).fit(frame, y)


@pytest.mark.parametrize("name", ["nothing", "dummy", "threshold", "auto"])
def test_names_with_a_meaning_of_their_own_are_no_names_of_samplers(name):
    X, y = rows([0, 1], [40, 90])
    with pytest.raises(ValueError, match=f"called '{name}'.*another name"):
        chosen_among({name: SMOTE()}).fit(X, y)


@pytest.mark.parametrize("name", ["groups", "times"])
def test_groups_and_times_are_columns(name):
    X, y = rows([0, 1], [40, 90])
    for own in (list(y), pd.Series(y), y):
        message = f"{name} is a {type(own).__name__}, and names a column of X"
        for made in (
            AutoOverSampler(**{name: own}),
            ResampledClassifier(**{name: own}),
        ):
            with pytest.raises(ValueError, match=message):
                made.fit(X, y)
