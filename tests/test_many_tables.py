"""The plan over many tables: cut without a leak, one table a source, errors as rows."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler
from sklearn.base import BaseEstimator

from helpers import load_keel, load_results, runs, store
from helpers.experiments import many_tables
from helpers.experiments.many_tables import _arms, _pilot, _run, _tables
from helpers.store import Cell


def cell(method, dataset="ecoli2", fold=0):
    return Cell("many_tables", "smoke", dataset, method, 0, fold, many_tables.PROTOCOL)


# ---------------------------------------------------------------- the plan


def test_tables_are_as_they_were_chosen():
    for name in many_tables.TABLES:
        y = load_keel(name, return_X_y=True)[1]
        assert y.sum() >= 40, name
        assert y.mean() <= 0.2, name
        assert set(y) == {0, 1}, name


def test_one_table_a_family_in_the_ranks():
    ranked = [t for t in many_tables.TABLES if many_tables.in_ranks(t)]
    assert len(many_tables.TABLES) == 18
    assert len(ranked) == 16
    for name, stands in many_tables.FAMILIES.items():
        assert name not in ranked
        assert stands in ranked
        rare = [load_keel(t, return_X_y=True)[1].sum() for t in (name, stands)]
        assert rare[0] < rare[1]
    assert not any(many_tables.in_ranks(t) for t in many_tables.SEVERAL)


def test_every_part_of_the_plan_is_a_fair_one():
    cells = many_tables.cells("paper")
    assert len(set(cells)) == len(cells)
    binary = [c for c in cells if c.dataset in many_tables.TABLES]
    n = len(many_tables.TABLES) * len(many_tables.CHEAP + many_tables.DEEP)
    for k in range(10):  # a fold is whole before the next begins
        part = binary[k * n : (k + 1) * n]
        assert len({(c.seed, c.fold) for c in part}) == 1
        assert len({(c.dataset, c.method) for c in part}) == n
    first = [c.method for c in binary[:n]]
    assert first[-1] in many_tables.DEEP
    assert set(first[: 11 * 17]) == {*many_tables.CHEAP}
    assert {c.dataset for c in cells[-1200:]} == {many_tables.OFTEN}
    assert {*many_tables.TEN} <= {*first} - {"dummy", *_arms.SLOW}


def test_twins_are_test_rows_whose_like_is_learned_from(monkeypatch):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(100, 2)), columns=[*"ab"])
    X.iloc[50:75] = X.iloc[:25].to_numpy()
    made = SimpleNamespace(data=X, target=np.tile([0, 0, 0, 0, 1], 20))
    monkeypatch.setattr(_tables, "load", lambda name: made)
    found = np.zeros(100, bool)
    for fold in range(5):
        learn, held, test = many_tables.parts("made", made.target, 0, fold)
        assert len(held)  # rows to tune on, which nothing learns from
        seen = {tuple(X.iloc[i]) for i in learn}
        found[test] = [tuple(X.iloc[i]) in seen for i in test]
    assert many_tables.twins("made") == found.mean()
    assert 0.2 < found.mean() < 0.4


def test_nursery_is_thinned_without_its_class_of_two_rows():
    table = many_tables.load("nursery")
    counts = np.bincount(table.target)
    whole = np.bincount(load_keel("nursery", return_X_y=True)[1])
    assert counts.sum() == 5_000
    assert len(counts) == len(table.target_names) == 4
    np.testing.assert_allclose(counts / 5_000, whole[:4] / whole[:4].sum(), atol=1e-3)


@pytest.mark.parametrize("dataset", ["ecoli2", "car", many_tables.OFTEN])
def test_parts_share_no_row_and_have_every_class(dataset):
    y = many_tables.load(dataset).target
    folds = range(5) if dataset != many_tables.OFTEN else [0]
    tested = []
    for fold in folds:
        parts = many_tables.parts(dataset, y, 1, fold)
        assert sorted(np.concatenate(parts)) == [*range(len(y))]
        assert all(set(y[rows]) == set(y) for rows in parts)
        tested.append(parts[2])
    if len(tested) == 5:
        assert sorted(np.concatenate(tested)) == [*range(len(y))]
    other = many_tables.parts(dataset, y, 2, 0)[2]
    assert {*other} != {*tested[0]}


# ---------------------------------------------------------------- one run


class Spy(BaseEstimator):
    """Repeats rare rows, and remembers which rows it was shown."""

    seen = None

    def fit_resample(self, X, y):
        type(self).seen = X.index.to_numpy()
        return RandomOverSampler(random_state=0).fit_resample(X, y)


def test_a_sampler_sees_rows_to_learn_from_and_no_other():
    rows = _run.run_fit(cell("spy"), own=Spy())
    y = many_tables.load("ecoli2").target
    learn, *_ = many_tables.parts("ecoli2", y, 0, 0)
    np.testing.assert_array_equal(np.sort(Spy.seen), np.sort(learn))
    assert [row["error"] for row in rows] == ["", "", ""]


def test_predictions_of_test_rows_do_not_hang_on_their_labels(monkeypatch):
    before = _run.run_fit(cell("random_oversampling"))
    table = many_tables.load("ecoli2")
    *_, test = many_tables.parts("ecoli2", table.target, 0, 0)
    cut = many_tables.parts("ecoli2", table.target, 0, 0)
    other = table.target.copy()
    other[test] = other[test][::-1]
    monkeypatch.setitem(table, "target", other)
    monkeypatch.setattr(_run, "parts", lambda *_: cut)
    after = _run.run_fit(cell("random_oversampling"))
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a["probabilities"], b["probabilities"])
        assert a["offsets"] == b["offsets"]
        assert a["pr_auc"] != b["pr_auc"]


def test_rows_come_whole_and_predictions_lie_beside_them(tmp_path):
    path = tmp_path / "many_tables-smoke.csv"
    runs.run_cells([cell("nothing"), cell("smote")], many_tables.run, path)
    rows = store.read(path)
    assert len(rows) == 6
    assert {*rows["classifier"]} == {*many_tables.CLASSIFIERS}
    made = rows.set_index(["method", "classifier"])["n_synthetic"]
    assert (made["nothing"] == 0).all()
    assert (made["smote"] > 100).all()
    kept = store.read_arrays(path, "probabilities")
    assert len(kept) == 6
    y = many_tables.load("ecoli2").target
    *_, test = many_tables.parts("ecoli2", y, 0, 0)
    from sklearn.metrics import average_precision_score

    for row in rows.itertuples():
        key = (
            row.dataset,
            row.method,
            row.seed,
            row.fold,
            row.protocol,
            row.classifier,
        )
        p = kept[key][:, 0]
        assert average_precision_score(y[test], p) == pytest.approx(
            row.pr_auc, abs=0.05
        )


def test_tuned_decisions_belong_to_the_same_probabilities():
    (row,) = (r for r in _run.run_fit(cell("nothing")) if r["classifier"] == "logistic")
    y = many_tables.load("ecoli2").target
    *_, test = many_tables.parts("ecoli2", y, 0, 0)
    p = row["probabilities"][:, 0].astype(float)
    threshold = 1 / (1 + np.exp(float(row["offsets"])))
    found = p >= threshold
    recalls = found[y[test] == 1].mean(), (~found)[y[test] == 0].mean()
    assert np.mean(recalls) == pytest.approx(row["tuned_acsa"], abs=0.02)


def test_corrected_probabilities_of_weights_are_nearer_to_the_truth():
    rows = {r["classifier"]: r for r in _run.run_fit(cell("class_weight"))}
    assert set(rows) == {"boosting", "logistic"}  # neighbours take no weights
    assert rows["logistic"]["corrected_brier"] < rows["logistic"]["brier"]
    plain = _run.run_fit(cell("nothing"))
    for row in plain:  # nothing was changed, and nothing is to be turned back
        assert row["corrected_brier"] == row["brier"]


class Broken(BaseEstimator):
    def fit_resample(self, X, y):
        raise ValueError("no neighbours of another class")


def test_an_arm_that_fails_is_a_row_with_its_error():
    rows = _run.run_fit(cell("broken"), own=Broken())
    assert len(rows) == 3
    for row in rows:
        assert row["error"] == "ValueError: no neighbours of another class"
        assert "pr_auc" not in row
        assert row["n_train"] > 100


@pytest.mark.parametrize("method", _arms.SLOW)
def test_what_grows_with_the_square_is_left_out_of_large_tables(method):
    assert "run up to 2000" in _run.not_run(method, 2_109)
    assert not _run.not_run(method, 2_000)
    rows = _run.run_fit(cell(method, "kc1"))
    assert all(row["error"].startswith("NotRun: 2109 rows") for row in rows)


# ---------------------------------------------------------------- lengths


@pytest.mark.parametrize("method", [m for m in many_tables.DEEP if m != "gan_smote"])
@pytest.mark.parametrize("rare", [20, 70])
def test_every_network_trains_as_long_on_every_table(method, rare):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [1200, rare])
    X = pd.DataFrame(rng.normal(size=(len(y), 3)) + y[:, None])
    made = _arms.sampler(method, y, 0, updates=6)
    made.fit_resample(X, y)
    history = made.sampler_.history_
    per = "phase" if "phase" in history else "label"
    lengths = history.groupby(per)["step"].nunique()
    most = 6 * made.sampler_.get_params().get("n_critic", 1)
    assert lengths.between(5, most + 2).all(), lengths


def test_gan_smote_keeps_its_schedule_in_small():
    made = _arms.sampler("gan_smote", np.array([0, 1]), 0).sampler.get_params()
    assert made["epochs"] == _arms.UPDATES["gan_smote"][1]
    paper = 40_000, 37_000, 1_000
    ours = [made[name] for name in ("epochs", "flip_epochs", "restart_every")]
    np.testing.assert_allclose(np.divide(ours, paper), ours[0] / paper[0])


def test_every_network_has_its_length():
    assert set(_arms.UPDATES) == {*many_tables.DEEP}
    assert all(n >= 50 for _, n in _arms.UPDATES.values())


# ---------------------------------------------------------------- the setting of the GAN


def test_the_pilot_stands_outside_the_plan():
    assert not {*_pilot.PILOT_TABLES} & {*many_tables.TABLES, *many_tables.SEVERAL}


def test_the_first_setting_within_the_margin_is_taken():
    names = [f"gan {name}" for name in _pilot.CANDIDATES]
    rows = pd.DataFrame({"method": names, "detection": [1.0, 0.81, 0.805, 0.80]})
    assert _pilot.chosen(rows) == [*_pilot.CANDIDATES][1]
    rows.loc[1, "detection"] = 0.83
    assert _pilot.chosen(rows) == [*_pilot.CANDIDATES][2]


def test_the_plan_has_the_setting_that_the_stored_pilot_chose():
    rows = load_results("many_tables", "pilot")
    taken = _pilot.CANDIDATES[_pilot.chosen(rows)]
    assert _arms.SETTINGS["gan"] == taken
    assert set(rows["updates"]) == {_pilot.updates({}), _arms.UPDATES["gan"][1]}


def test_corrections_and_weights_reach_the_arms_that_need_them():
    def rows(method):
        return {row["classifier"]: row for row in _run.run_fit(cell(method))}

    plain, copies, weighted = map(
        rows, ("nothing", "random_oversampling", "class_weight")
    )
    assert copies["logistic"]["corrected_brier"] < copies["logistic"]["brier"]
    told = weighted["boosting"]["probabilities"], plain["boosting"]["probabilities"]
    assert (told[0] != told[1]).any()
