"""The choice: nothing by default, no leak, exact repeats, and errors before any training."""

import joblib
import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.pipeline import make_pipeline
from imblearn.under_sampling import RandomUnderSampler
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from helpers import SAMPLERS, AutoOverSampler, ResampledClassifier
from helpers.experiments import selection as experiment
from helpers.runs import cluster
from helpers.selection import _arms, _plan, _scores, _splits
from helpers.selection._classifier import tuning_rows
from helpers.selection._offsets import logs
from helpers.store import read

PLAIN = [*_arms.PLAIN]


def blobs(n=300, rare=0.15, shift=1.0, seed=0, n_classes=2):
    """Numbers in four columns, whose first differs between the classes."""
    rng = np.random.default_rng(seed)
    shares = np.array([1 - rare, rare])
    if n_classes > 2:
        shares = np.array([1 - 2 * rare, rare, rare])
    y = np.repeat(np.arange(n_classes), (n * shares).round().astype(int))
    X = rng.normal(size=(len(y), 4))
    X[:, 0] += shift * y
    order = rng.permutation(len(y))
    return X[order], y[order]


def mixed(n=240, seed=0):
    """Numbers with holes, categories, dates, an id and a constant."""
    rng = np.random.default_rng(seed)
    y = (rng.uniform(size=n) < 0.2).astype(int)
    age = rng.normal(40 + 8 * y, 10)
    age[rng.uniform(size=n) < 0.1] = np.nan
    X = pd.DataFrame(
        {
            "id": [f"c{i:04d}" for i in range(n)],
            "age": age,
            "job": rng.choice(["cook", "clerk", "smith"], n, p=[0.5, 0.49, 0.01]),
            "since": pd.Timestamp("2020-01-01")
            + pd.to_timedelta(rng.integers(0, 900, n), "D"),
            "country": "here",
            "patient": rng.integers(0, 60, n),
        }
    )
    return X, pd.Series(np.where(y == 1, "left", "stayed"), name="churned")


def auto(candidates=("threshold", "class_weight"), **parameters):
    return AutoOverSampler(candidates, **{"random_state": 0, "cv": 3, **parameters})


@pytest.fixture(autouse=True)
def _few_splits(monkeypatch):
    monkeypatch.setattr(_splits, "USUAL", 6)


# ---------------------------------------------------------------- one arm


def test_an_arm_learns_nothing_from_rows_to_predict():
    X, y = mixed()
    train, test = np.arange(160), np.arange(160, 240)
    arm = ResampledClassifier(
        _arms.resolve(["smote"], **of(X, y))[0][0].sampler, tune=True, random_state=0
    )
    said = clone(arm).fit(X.iloc[train], y.iloc[train]).predict_proba(X.iloc[test])
    other = X.copy()
    other.loc[test[40:], "age"] = 1e6
    other.loc[test[40:], "job"] = "astronaut"
    again = clone(arm).fit(other.iloc[train], y.iloc[train])
    np.testing.assert_array_equal(again.predict_proba(other.iloc[test])[:40], said[:40])
    assert np.isfinite(again.predict_proba(other.iloc[test])).all()


def of(X, y, **other):
    """What `_arms.resolve` wants to know of a table."""
    from helpers import TableCodec

    kinds = TableCodec().fit(X).kinds_
    known = {k: v for k, v in kinds.items() if v != "constant"}
    told = {
        "y": np.unique(y, return_inverse=True)[1],
        "kinds": kinds,
        "classifier": LogisticRegression(),
        "decisions": True,
        "budget": None,
        "strategy": None,
        "codec": _arms.sampling_codec(None, known),
        "seed": 0,
    }
    return told | other


def test_the_tuning_quarter_is_seen_by_no_sampler_and_no_classifier():
    seen = []

    class Spy(RandomOverSampler):
        def fit_resample(self, X, y):
            seen.append(X.index.to_numpy())
            return super().fit_resample(X, y)

    X, y = blobs(200)
    told = {"tune": True, "refit": False, "random_state": 3}
    ResampledClassifier(Spy(random_state=0), **told).fit(X, y)
    learn, held = tuning_rows(y, seed=3)
    np.testing.assert_array_equal(seen[0], learn)
    assert len(np.intersect1d(learn, held)) == 0
    assert len(held) == 50


def test_balanced_training_is_undone_in_the_probabilities():
    X, y = blobs(4000, rare=0.1, shift=1.5)
    plain = ResampledClassifier().fit(X, y).predict_proba(X)[:, 1]
    for told in (
        {"weights": "balanced"},
        {"sampler": RandomOverSampler(random_state=0)},
    ):
        p = ResampledClassifier(**told).fit(X, y).predict_proba(X)[:, 1]
        assert abs(p - plain).mean() < 0.01
        assert p.mean() == pytest.approx(0.1, abs=0.01)


def test_tuning_rows_keep_groups_together_and_time_in_order():
    rng = np.random.default_rng(0)
    y, groups = rng.integers(0, 2, 200), pd.Series(rng.integers(0, 40, 200))
    learn, held = tuning_rows(y, groups=groups, seed=0)
    assert not {*groups[learn]} & {*groups[held]}
    times = pd.Series(pd.date_range("2020", periods=200).to_numpy()[::-1])
    learn, held = tuning_rows(y, times=times)
    assert times[learn].max() < times[held].min()
    assert len(held) == 50


# ---------------------------------------------------------------- the whole


def test_where_nothing_is_gained_the_table_comes_back_as_it_is():
    X, y = blobs(shift=0)
    chooser = auto(PLAIN, scoring="ranking")
    X_out, y_out = chooser.fit_resample(X, y)
    assert X_out is X
    assert y_out is y
    assert chooser.verdict_.chosen == "nothing"
    assert chooser.best_sampler_ is None
    assert not chooser.synthetic_mask_.any()
    assert chooser.verdict_.detectable > 0
    assert str(chooser.verdict_).startswith("Do nothing. None of 4 is shown to gain")
    assert "could have shown a gain of" in str(chooser.verdict_)
    assert "neither ranks" in chooser.left_out_["threshold"]


def test_where_only_the_threshold_matters_it_is_moved_and_no_sampler_takes_the_credit():
    X, y = blobs(900, rare=0.08, shift=1.5)
    chooser = AutoOverSampler(PLAIN, random_state=0)
    X_out, _ = chooser.fit_resample(X, y)
    assert chooser.verdict_.chosen == "threshold"
    assert X_out is X
    table = chooser.comparison_
    assert table.loc["smote", "gain"] > 0.1
    assert table.loc["smote", "why"] != "chosen"
    assert table.loc["nothing", "n"] == chooser.n_splits_ == 10
    # The recipe is the only way to have the threshold.
    recipe = chooser.recipe_
    assert recipe.tune
    scores = [
        cross_val_score(e, X, y, scoring="balanced_accuracy", cv=3).mean()
        for e in (recipe, ResampledClassifier())
    ]
    assert scores[0] > scores[1] + 0.1
    assert 0 < recipe.fit(X, y).threshold_ < 0.5
    parts = chooser.gains_.set_index(["need", "method", "part"])["gain"].sort_index()
    decisions = parts["decisions", "smote"]
    assert decisions["total"] == pytest.approx(
        decisions["threshold"] + decisions["ranking"]
    )
    assert decisions["threshold"] == pytest.approx(table.loc["threshold", "gain"])
    assert abs(decisions["ranking"]) < 0.03
    chances = parts["probabilities", "smote"]
    assert chances["total"] == pytest.approx(
        chances["ranking"] + chances["calibration"]
    )


def test_a_sampler_that_gains_is_chosen_and_fitted_on_the_table():
    made = experiment.table("power-sampler-1000", "probabilities", 0)
    X, y = made.X, pd.Series(made.y, name="ill")
    told = {**made.told, "candidates": {"truth": made.told["candidates"]["truth"]}}
    chooser = AutoOverSampler(**told, random_state=0)
    X_out, y_out = chooser.fit_resample(X, y)
    assert chooser.verdict_.chosen == "truth"
    assert str(chooser.verdict_).startswith("Use truth. truth gains +")
    assert y_out.mean() == 0.5
    pd.testing.assert_frame_equal(X_out.iloc[:1000], X)
    np.testing.assert_array_equal(
        chooser.synthetic_mask_, np.arange(len(X_out)) >= 1000
    )
    assert chooser.best_sampler_.codec_ is not None
    # Given a table where weights help probabilities, and nothing else is asked for.
    made = experiment.table("power-weights-1000", "probabilities", 0)
    told = {**made.told, "candidates": ["class_weight", "random_undersampling"]}
    chooser = AutoOverSampler(**told, random_state=0).fit(made.X, made.y)
    assert chooser.verdict_.chosen == "class_weight"
    assert str(chooser.verdict_).startswith("Weigh the classes")


def test_a_table_of_everything_with_names_as_labels():
    X, y = mixed()
    chooser = auto(PLAIN, groups="patient", cv=3)
    chooser.fit_resample(X, y)
    assert {*chooser.comparison_.index} == {"dummy", "nothing", *PLAIN, "auto"}
    assert [*chooser.classes_] == ["left", "stayed"]
    said = chooser.predictions_
    assert {*said["predicted"]} <= {"left", "stayed"}
    assert (said.groupby("method").size() == chooser.rows_["n_test"].sum() / 7).all()
    # Rows of one patient are never parted.
    for _, own in said[said["method"] == "nothing"].groupby("fold"):
        inside = X.loc[own["row"], "patient"]
        assert not {*inside} & {*X.drop(own["row"])["patient"]}
    new = chooser.treat(X, y, "smote")[0].iloc[len(X) :]
    assert chooser.synthetic_mask_.sum() == len(new)
    assert len(new) > 0
    assert new["patient"].isna().all()
    assert new["age"].notna().any()


def test_predictions_hold_the_scores():
    X, y = blobs(rare=0.3)
    chooser = auto(costs=[[0, 1], [5, 0]])
    chooser.fit(X, y)
    rows = chooser.rows_.set_index(["method", "fold"])
    costs = np.array([[0, 1.0], [5, 0]])
    for key, own in chooser.predictions_.groupby(["method", "fold"]):
        cost = costs[own["true"], own["predicted"]].mean()
        assert cost == pytest.approx(rows.loc[key, "cost"])
        assert sklearn_log_loss(own["true"], own[["p_0", "p_1"]]) == pytest.approx(
            rows.loc[key, "log_loss"]
        )
    table = chooser.comparison_
    less = table.loc["nothing", "cost"] - table.loc["threshold", "cost"]
    assert table.loc["threshold", "gain"] == pytest.approx(less)


def test_it_repeats_exactly_and_resumes(tmp_path, monkeypatch):
    X, y = mixed()
    told = {"candidates": PLAIN, "store": tmp_path / "rows.csv"}
    first = auto(**told).fit(X, y)
    again = auto(PLAIN).fit(X, y)
    same = [c for c in first.comparison_ if c != "seconds"]
    pd.testing.assert_frame_equal(first.comparison_[same], again.comparison_[same])
    # Half of the rows are lost; only these are computed again.
    lines = (tmp_path / "rows.csv").read_text().splitlines(keepends=True)
    (tmp_path / "rows.csv").write_text("".join(lines[: len(lines) // 2]))
    fits = []
    fit = _scores.Scored.fit
    monkeypatch.setattr(
        _scores.Scored, "fit", lambda self, X, y: fits.append(1) or fit(self, X, y)
    )
    resumed = auto(**told).fit(X, y)
    pd.testing.assert_frame_equal(first.comparison_[same], resumed.comparison_[same])
    assert len(fits) == len(lines) - len(lines) // 2
    assert len(read(tmp_path / "rows.csv")) == len(lines) - 1


def test_workers_say_what_one_says():
    X, y = blobs()
    one = auto(PLAIN).fit(X, y)
    with joblib.parallel_config(backend="threading"):
        two = auto(PLAIN, n_jobs=2).fit(X, y)
    same = [c for c in one.comparison_ if c != "seconds"]
    pd.testing.assert_frame_equal(one.comparison_[same], two.comparison_[same])


def test_a_cluster_says_what_one_process_says():
    distributed = pytest.importorskip("distributed")
    X, y = blobs()
    told = {"n_workers": 2, "threads_per_worker": 1, "processes": False}
    one = auto().fit(X, y)
    with (
        distributed.LocalCluster(**told, dashboard_address=None) as local,
        cluster(local.scheduler_address),
    ):
        two = auto().fit(X, y)
    same = [c for c in one.comparison_ if c != "seconds"]
    pd.testing.assert_frame_equal(one.comparison_[same], two.comparison_[same])


def test_on_twenty_tables_without_a_gain_it_hardly_ever_departs():
    departed = 0
    for seed in range(20):
        X, y = blobs(100, rare=0.2, shift=0, seed=seed)
        arms = ["threshold", "random_undersampling"]
        departed += auto(arms).fit(X, y).verdict_.chosen != "nothing"
    assert departed <= 4  # of Binomial(20, .05), 99.7 %


def test_in_a_pipeline_it_chooses_inside_the_training_part():
    X, y = blobs(200)
    pipeline = make_pipeline(auto(["smote"], cv=2), LogisticRegression())
    assert cross_val_score(pipeline, X, y, cv=3).shape == (3,)
    chooser = pipeline.fit(X, y)[0]
    assert chooser.verdict_.n_splits == chooser.n_splits_


def test_several_classes():
    X, y = blobs(300, n_classes=3)
    chooser = auto(PLAIN).fit(X, y.astype(str))
    assert chooser.recipe_.fit(X, y.astype(str)).predict(X).dtype.kind == "U"
    assert chooser.verdict_.n_arms == 5
    assert chooser.predictions_[["p_0", "p_1", "p_2"]].sum(axis=1).to_numpy() == (
        pytest.approx(1)
    )


def test_folds_may_be_a_number_of_numpy():
    X, y = mixed(200)
    n_splits = [
        AutoOverSampler(["threshold"], cv=cv, random_state=0).plan(X, y).n_splits
        for cv in (4, np.int64(4))
    ]
    assert n_splits[0] == n_splits[1] > 4  # repeats of four folds


def test_forward_in_time():
    X, y = mixed(400)
    chooser = AutoOverSampler(["threshold", "smote"], times="since", random_state=0)
    chooser.fit(X, y)
    assert chooser.n_splits_ == 6
    assert np.isnan(chooser.verdict_.detectable)
    for _, own in chooser.predictions_.groupby("fold"):
        earlier = X["since"] < X.loc[own["row"], "since"].min()
        assert earlier.sum() in {*chooser.rows_["n_train"]}
    train, test = _splits.forward(np.array([1, 1, 2, 2, 2, 3, 4, 5.0]), 1)[0]
    assert [*train], [*test] == ([0, 1, 2, 3, 4], [5, 6, 7])


# ---------------------------------------------------------------- arms


def test_auto_takes_what_fits_and_says_what_it_leaves_out():
    X, y = mixed()
    arms, left_out = _arms.resolve("auto", **of(X, y))
    assert [a.name for a in arms] == PLAIN
    assert "time_budget" in left_out["ctgan"]
    assert "name it" in left_out["deep_smote"]
    told = of(X, y, budget=60, decisions=False, classifier=KNeighborsClassifier())
    arms, left_out = _arms.resolve("auto", **told)
    names = [a.name for a in arms]
    assert names[:3] == ["random_oversampling", "random_undersampling", "smote"]
    assert {"gan", "ctgan"} <= {*names[3:]}
    assert "sample_weight" in left_out["class_weight"]
    few = of(X.iloc[:60], y.iloc[:60], budget=60)
    assert "networks are tried from 40" in _arms.resolve("auto", **few)[1]["ctgan"]


def test_the_names_of_samplers_are_those_of_the_registry():
    assert {*SAMPLERS} == {*_arms.NAMES}


def test_candidates_come_by_name_instance_and_address():
    X, y = blobs()
    arms, _ = _arms.resolve(
        [
            "imblearn.over_sampling:ADASYN",
            SMOTE(k_neighbors=3),
            SMOTE(random_state=7),
            "gan",
            "threshold",
        ],
        **of(X, y),
    )
    assert [a.name for a in arms] == ["threshold", "ADASYN", "SMOTE", "SMOTE-2", "gan"]
    seeds = [a.sampler.sampler.random_state for a in arms[1:]]
    assert seeds == [0, 0, 7, 0]
    assert arms[2].sampler.sampler.k_neighbors == 3


class Fails(RandomOverSampler):
    def fit_resample(self, X, y):
        if len(X) % 2:
            raise ArithmeticError("unlucky")
        return super().fit_resample(X, y)


def test_an_arm_that_fails_is_left_out_by_name_and_the_others_stay():
    X, y = blobs(301)
    chooser = auto({"fails": Fails(), "threshold": "threshold"}, cv=4)
    with pytest.warns(UserWarning, match="Left out: fails failed") as told:
        chooser.fit(X, y)
    assert len(told) == 1
    assert [*chooser.comparison_.index] == ["dummy", "nothing", "threshold", "auto"]
    assert "splits: ArithmeticError: unlucky" in chooser.left_out_["fails"]


# ---------------------------------------------------------------- time


def test_the_plan_is_made_from_seconds_and_slow_arms_are_named():
    quick = {"nothing": 0.1, "threshold": 0.1, "smote": 0.3}
    last = _plan.last_seconds(quick)
    assert last == pytest.approx(3 * 0.3)
    for budget, n in ((10, 15), (20, 30)):
        assert _plan.planned(quick, budget, 1, {"nothing"}) == (n, {})
        assert n * 0.5 + last < 0.9 * budget
    assert _plan.planned(quick, 20 + _plan.WORKERS, 2, {"nothing"})[0] == 50
    assert _plan.planned(quick, 1e9, 1, {"nothing"}) == (50, {})
    n, slow = _plan.planned({**quick, "gan": 60}, 10, 1, {"nothing"})
    assert n == 15
    assert slow == {
        "gan": "one fit would take about 60.0 s, and 10 splits of all arms do not fit "
        "into time_budget"
    }
    slow = {"nothing": 0.2, "gan": 60}
    for budget in (1, -3):
        with pytest.raises(ValueError, match=r"too little for two arms: 10 splits of"):
            _plan.planned(slow, budget, 1, {"nothing"})
    # A threshold needs no fits of its own, and may be the only arm.
    n, left_out = _plan.planned(slow, 10, 1, {"nothing"}, least=0)
    assert n >= 10
    assert {*left_out} == {"gan"}


class Epochs(RandomOverSampler):
    """Takes a second of a made clock for each epoch, and three beside."""

    clock, seen = 0.0, []

    def __init__(self, epochs=300, sampling_strategy="auto", random_state=None):
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.epochs = epochs

    def fit_resample(self, X, y, **params):
        Epochs.seen.append(self.epochs)
        Epochs.clock += 3 + self.epochs
        return super().fit_resample(X, y, **params)


def test_a_network_is_timed_by_a_part_of_its_epochs(monkeypatch):
    X, y = blobs(300)
    monkeypatch.setattr(Epochs, "seen", [])
    monkeypatch.setattr(_plan.time, "perf_counter", lambda: Epochs.clock)
    arms = {"net": Epochs(), "smote": "smote"}
    plan = auto(arms, cv=None, time_budget=50_000).plan(X, y)
    assert Epochs.seen == [1, 1, 6]
    expected = (3 + 300) * _plan.BESIDE
    assert plan.seconds["net"] == pytest.approx(expected, rel=1e-6)
    assert plan.arms == ("nothing", "threshold", "net", "smote")
    assert plan.n_splits == 50
    assert plan.total == pytest.approx(52 * expected, rel=1e-6)
    assert 0.01 < plan.detectable < 0.5
    assert "Splits: 50, about" in str(plan)
    # Not enough for ten fits: left out by name, and the others stay.
    plan = auto(arms, cv=None, time_budget=3000).plan(X, y)
    assert plan.arms == ("nothing", "threshold", "smote")
    assert "would take about 348.4 s" in plan.left_out["net"]
    # What cannot finish even if all of it were as quick as its shortest trial has no longer.
    monkeypatch.setattr(Epochs, "seen", [])
    plan = auto(arms, cv=None, time_budget=100).plan(*blobs(4000))
    assert Epochs.seen == [1, 1]
    assert "one fit would take about" in plan.left_out["net"]
    assert plan.late["net"] == pytest.approx(2 * 3.2 * 4 * _plan.BESIDE, rel=1e-3)
    # Trials of networks are bounded, too.
    plan = auto(arms | {"more": Epochs(200)}, cv=None, time_budget=100).plan(X, y)
    assert "finding out how long" in plan.left_out["more"]


def test_a_sampler_alone_does_not_win_by_its_threshold():
    """A line parts these classes as well as it can be done: only decisions can gain."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1500, 3))
    y = (rng.random(1500) < 1 / (1 + np.exp(2.5 - X @ [1.0, 1.0, 0]))).astype(int)
    chooser = auto(["smote"], cv=None).fit(X, y)
    assert chooser.verdict_.chosen == "threshold"
    assert chooser.comparison_.loc["smote", "gain"] > 0.1
    assert "threshold" not in auto(["smote"], scoring="ranking").fit(X, y).recipes_


def test_a_plan_without_a_budget_fits_nothing_whole(monkeypatch):
    X, y = blobs(3000)
    rows = []
    fit = _scores.Scored.fit
    monkeypatch.setattr(
        _scores.Scored, "fit", lambda self, X, y: rows.append(len(X)) or fit(self, X, y)
    )
    chooser = auto(PLAIN, scoring="ranking", cv=None)
    plan = chooser.plan(X, y)
    assert max(rows) <= 2001
    assert plan.n_splits == 10
    assert [*plan.arms] == ["nothing", *PLAIN[1:]]
    assert {"threshold"} == {*plan.left_out}
    assert {*plan.seconds} == {"dummy", *plan.arms}
    assert all(np.isfinite(s) and s > 0 for s in plan.seconds.values())
    rows.clear()
    plan = auto(PLAIN, cv=None, scoring="probabilities").plan(X, y, measure=None)
    assert rows == []
    assert np.isnan(plan.total)
    assert np.isnan(plan.detectable)


def test_a_plan_is_kept_and_a_budget_that_is_spent_leaves_the_verdict_open(
    tmp_path, monkeypatch
):
    X, y = blobs()
    told = {"time_budget": 600, "cv": None, "store": tmp_path / "rows.csv"}
    monkeypatch.setattr(_plan, "planned", lambda *a, **k: (10, {}))
    clock = {"now": 0.0}
    monkeypatch.setattr(_scores.time, "time", lambda: clock["now"])

    fit = _scores.Scored.fit

    def slow(self, X, y):
        clock["now"] += 30
        return fit(self, X, y)

    monkeypatch.setattr(_scores.Scored, "fit", slow)
    chooser = auto(**told).fit(X, y)
    assert chooser.n_splits_ == 10
    assert not chooser.verdict_.told
    assert chooser.verdict_.chosen == "nothing"
    assert str(chooser.verdict_).startswith("Cannot be told yet. ")
    assert 2 <= chooser.verdict_.n_splits < 10
    monkeypatch.setattr(_plan, "planned", None)  # the plan is not made anew
    for _ in range(2):
        clock["now"] = 0.0
        chooser = auto(**told).fit(X, y)
    assert chooser.verdict_.told
    assert chooser.verdict_.n_splits == 10
    with pytest.raises(ValueError, match="plan of other candidates"):
        auto(["smote"], **told).fit(X, y)


# ---------------------------------------------------------------- refused


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"costs": [[0, 1], [1, 0]], "scoring": "ranking"}, "costs are of decisions"),
        ({"costs": [[0, 1, 2]]}, "give one number for each of the 2 true"),
        ({"costs": [[0, 1], [-1, 0]]}, "a mistake costs less than the right"),
        ({"groups": 0, "times": 1}, "leave the other out"),
        ({"groups": "who", "cv": None}, "is no column"),
        ({"times": 0}, "cv says folds, and times has none"),
        ({"cv": [([0], [1])], "groups": 0}, "both say how rows are split"),
        ({"sampling_strategy": {1: 200}}, "training parts have fewer"),
        ({"store": "rows.csv", "random_state": None}, "give a whole number"),
        ({"classifier": "logistics"}, "Did you mean 'logistic'"),
        ({"candidates": ["smoet"]}, "Did you mean 'smote'"),
        ({"candidates": ["nowhere:Class"]}, "'nowhere', which is not installed"),
        ({"candidates": ["helpers:Nothing"]}, "has no 'Nothing'"),
        ({"candidates": [LogisticRegression()]}, "is no sampler"),
        ({"candidates": []}, "none was named"),
        ({"candidates": ["threshold"], "scoring": "ranking"}, "changes neither ranks"),
        ({"candidates": ["smote", "smote"]}, "twice"),
        ({"alpha": 0}, "alpha"),
    ],
)
def test_contradictions_are_refused_before_anything_is_trained(told, message):
    X, y = blobs(60)
    with pytest.raises(ValueError, match=message):
        auto(**told).fit(X, y)


@pytest.mark.parametrize("sampler", [RandomUnderSampler(), RandomOverSampler()])
@pytest.mark.parametrize(
    "labels",
    [
        lambda y: pd.Series(y, dtype=object),
        lambda y: pd.DataFrame({"t": pd.array(y, dtype="Int64")}),
        lambda y: y[:, None].tolist(),
    ],
)
def test_rows_that_are_left_out_or_repeated_keep_their_labels(sampler, labels):
    X, y = blobs(60)
    chooser = auto()
    chooser.recipes_ = {"random": ResampledClassifier(sampler)}
    X_out, y_out = chooser.treat(pd.DataFrame(X), labels(y), "random")
    assert type(y_out) is type(labels(y))
    found = np.ravel(y_out).astype(int)
    assert found.tolist() == y[chooser.best_sampler_.sample_indices_].tolist()
    assert len(X_out) == len(found)
    assert len({*np.bincount(found)}) == 1
    if hasattr(y_out, "iloc"):
        assert y_out.index.equals(X_out.index)


def test_labels_that_cannot_be_split_are_refused():
    X, y = blobs(60)
    with pytest.raises(ValueError, match="nothing to balance"):
        auto().fit(X, np.zeros(60))
    with pytest.raises(ValueError, match="missing label"):
        auto().fit(X, np.where(np.arange(60) == 3, np.nan, y))
    with pytest.raises(
        ValueError, match=r"Class 1 has 2 row\(s\), fewer than the 3 folds"
    ):
        auto().fit(X, (np.arange(60) < 2).astype(int))
    table = pd.DataFrame(X, columns=[*"abcd"]).assign(who=np.arange(60) // 20)
    rare = (np.arange(60) < 9).astype(int)
    with pytest.raises(
        ValueError, match=r"Split 0 has .* class 1 .*merge small groups"
    ):
        auto(groups="who", cv=3).fit(table, rare)


def test_any_classifier_will_do():
    X, y = blobs(120)
    boosting = HistGradientBoostingClassifier(max_iter=3, random_state=0)
    chooser = auto(["class_weight", "random_undersampling"], classifier=boosting, cv=2)
    chooser.fit(X, y)
    assert isinstance(
        chooser.recipe_.fit(X, y).classifier_, HistGradientBoostingClassifier
    )
    assert np.isfinite(logs(chooser.recipe_.predict_proba(X))).all()


class Wants(RandomOverSampler):
    """Needs more rows than a trial has."""

    def fit_resample(self, X, y, **params):
        if len(X) < 1600:
            raise ValueError("too few rows")
        return super().fit_resample(X, y, **params)


def test_an_arm_that_few_rows_do_not_suffice_for_is_timed_on_all():
    X, y = blobs(3000)
    arms = {"wants": Wants(), "threshold": "threshold"}
    assert "wants" in auto(arms, cv=None).plan(X, y).seconds
