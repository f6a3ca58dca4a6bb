"""What the pages of GAN-SMOTE say of stored rows, also of arms that are not whole yet."""

import numpy as np
import pandas as pd
import pytest

from helpers.data import load_petrography
from helpers.experiments import gan_smote as chapter
from helpers.experiments.gan_smote import _benchmark as benchmark
from helpers.store import Cell


def scores(arms, split="folds", n_repeats=3, n_folds=10, classifier="network"):
    """Rows of the benchmark: an arm's accuracy, a function of repeat and fold."""
    return pd.DataFrame(
        {
            "dataset": "petrography",
            "protocol": f"{split}-{classifier}-1",
            "method": arm,
            "seed": seed,
            "fold": fold,
            "n_train": 126,
            "n_test": 14,
            "accuracy": accuracy(seed, fold),
            "accuracy_best_epoch": accuracy(seed, fold) + 0.05,
            "f1_macro": 0.5,
        }
        for arm, accuracy in arms.items()
        for seed in range(n_repeats)
        for fold in range(n_folds)
    )


def generated(arms, n_folds=10):
    """Rows that judge generated ones: by arm, a function of the fold for each quality."""
    return pd.DataFrame(
        {
            "dataset": "petrography",
            "protocol": "samples-none-1",
            "method": arm,
            "seed": 0,
            "fold": fold,
            **dict.fromkeys(chapter.QUALITIES, 0.5 + 0.01 * (fold % 3)),
            **{name: value(fold) for name, value in qualities.items()},
        }
        for arm, qualities in arms.items()
        for fold in range(n_folds)
    )


def level(mean, wide=0.0):
    """An accuracy that varies by `wide` over folds and a little over repeats."""
    return lambda seed, fold: mean + wide * (-1) ** fold + 0.001 * seed * (fold % 2)


ARMS = {
    "nothing": level(0.60, 0.10),
    "random_oversampling": level(0.58, 0.10),
    "smote": level(0.61, 0.05),
    "gan_smote": level(0.63, 0.02),
}


def test_table_1_is_in_per_cent_and_its_gaps_in_samples_of_140():
    ours = chapter.table_1(scores(ARMS | {"dummy": level(0.3)}))
    assert ours.loc["nothing", "honest"] == pytest.approx(60.05)
    assert ours.loc["nothing", "best epoch"] == pytest.approx(65.05)
    assert ours.loc["smote", "paper"] == 68.57
    gaps = chapter.in_samples(ours)
    assert gaps.loc["gan_smote", "honest"] == pytest.approx(0.03 * 140)
    assert gaps.loc["gan_smote", "paper"] == pytest.approx(1, abs=0.01)
    assert np.isnan(gaps.loc["dummy", "paper"])


def test_gaps_of_a_repeat_are_whole_samples():
    """An arm that is ahead by one sample of 140 is ahead by one, not by a bit less."""
    right = {"nothing": [7, 8, 9, 10], "smote": [8, 9, 9, 11]}
    found = {
        arm: (lambda seed, fold, hits=hits: hits[(fold + seed) % 4] / 14 - 0.05)
        for arm, hits in right.items()
    }
    gaps = chapter.repeat_gaps(scores(found, n_repeats=4))["smote"]
    assert gaps.tolist() == [8.0, 7.0, 7.0, 8.0]


def test_spreads_of_arms_that_are_not_whole_are_not_made_up():
    """Folds without regard to the classes: SMOTE has one whole repeat, GAN-SMOTE none."""
    whole = {k: ARMS[k] for k in ("nothing", "random_oversampling")}
    parts = [
        scores(ARMS),
        scores(whole, "random"),
        scores({"smote": ARMS["smote"]}, "random", n_repeats=1),
        scores({"gan_smote": ARMS["gan_smote"]}, "random", n_repeats=2, n_folds=9),
    ]
    stored = pd.concat(parts, ignore_index=True)
    placed = chapter.placed_spreads(stored)
    assert ("random", "honest", "GAN-SMOTE") not in placed
    assert ("stratified", "honest", "GAN-SMOTE") in placed
    assert placed["random", "honest", "SMOTE"].n == 1
    assert placed["random", "honest", "SMOTE"].verdict == "too loose to say"
    assert placed["random", "honest", "nothing"].n == 3
    judged = chapter.judged_spreads(stored)
    assert [text.split(", ")[1] for text in judged.index] == ["stratified"] * 4
    assert (judged["difference"] < 0).all()


def test_changes_are_paired_by_fold_and_those_told_are_starred():
    steady = {"valid": lambda fold: 0.3 + 0.02 * fold}
    less = {"valid": lambda fold: 0.1 + 0.02 * fold + 0.001 * (fold % 2)}
    arms = dict.fromkeys(("gan_smote", *chapter.TRICKS), steady)
    stored = pd.concat(
        [
            generated(arms | {"gan_smote_no_flips": less}),
            scores({name: level(0.6) for name in arms}, n_repeats=1),
        ]
    )
    gaps = chapter.changes(stored, "valid")["gan_smote_no_flips"]
    assert gaps.tolist() == pytest.approx([-0.2, -0.199] * 5)
    change, judged = chapter.mean_changes(stored, 0), chapter.judged_changes(stored)
    assert change.loc["gan_smote_no_flips", ("valid", "mean")] == pytest.approx(-0.1995)
    assert len(judged) == len(chapter.TRICKS) * len(chapter.QUALITIES)
    shown = chapter.changes_table(change, judged)
    starred = shown.map(lambda text: text.endswith("*"))
    assert starred.to_numpy().sum() == starred.loc["gan_smote_no_flips", "valid"] == 1
    assert chapter.told_changes(judged) == ["valid with no flips (-0.20)"]


def test_collapse_is_counted_by_sets_of_rows():
    tight = {"spread": lambda fold: 0.1 if fold < 4 else 0.9}
    stored = generated({"gan_smote": tight, "gan_smote_no_l1": {}, "smote": tight})
    assert chapter.collapsed(stored, 0.5) == (4, 20)  # SMOTE is no variant


def test_what_grouping_costs_is_taken_from_the_repeats_of_both_ways():
    folds = scores({"nothing": level(0.6), "smote": level(0.7)}, n_repeats=4)
    grouped = scores({"nothing": level(0.5)}, "grouped", n_repeats=2)
    lost = chapter.lost_by_grouping(pd.concat([folds, grouped]))
    assert lost.index.tolist() == ["nothing"]
    assert lost.loc["nothing", "points lost"] == pytest.approx(10)
    assert lost.loc["nothing", "repeats"] == 2


def test_variety_is_that_of_the_record_next_to_half_of_the_training():
    epochs = np.array([20, 60, 100, 20, 60, 100])
    course = pd.DataFrame(
        {
            "variant": ["a"] * 3 + ["b"] * 3,
            "epoch": epochs,
            "l1_fake": [1.0, 2, 3, 4, 5, 6],
            "l1_real": 2.0,
        }
    )
    found = chapter.variety(course, 100)
    assert found.loc["a"].tolist() == [1.0, 1.5]
    assert found.loc["b"].tolist() == [2.5, 3.0]


def test_a_shorter_schedule_has_no_step_of_zero():
    assert chapter.shorter(10) == {"epochs": 10, "flip_epochs": 9, "restart_every": 1}


# ---------------------------------------------------------------- the runs themselves


@pytest.fixture
def stacked(monkeypatch):
    """GANs of all folds that say which fold they are of."""

    class Stub:
        def __init__(self, fold):
            self.fold = fold

        def set_params(self, decode):
            self.decode = decode
            return self

        def sample(self, label, n, random_state):
            asked.append((self.fold, self.decode, label, n, random_state))
            return np.full((n, 3), self.fold)

    asked = []
    monkeypatch.setattr(
        benchmark, "trained", lambda *_: ([Stub(k) for k in range(10)], 1.5)
    )
    return asked


def test_rows_of_a_fold_come_from_the_gans_of_that_fold(stacked):
    X, y = np.zeros((4, 3)), np.array([0, 0, 0, 1])
    where = {"split": "folds", "seed": 2, "fold": 7, "profile": "paper"}
    X_new, y_new, seconds = benchmark.new_rows("gan_smote", X, y, {0: 0, 1: 2}, **where)
    assert stacked == [(7, "round", 1, 2, 2007)]
    assert (X_new == 7).all()
    assert y_new.tolist() == [1, 1]
    assert seconds == 1.5


def test_gans_are_trained_on_the_rows_of_their_folds_training(monkeypatch):
    given = {}

    def fit_stacked(samplers, datasets):
        given.update(samplers=samplers, datasets=datasets)

    monkeypatch.setattr(benchmark, "fit_stacked", fit_stacked)
    benchmark.trained.cache_clear()
    data = load_petrography()
    benchmark.trained("gan_smote", "folds", 1, "smoke")
    benchmark.trained.cache_clear()
    parts = benchmark.folds(data.data, data.target, "folds", 1)
    for (train, _), (X, y) in zip(parts, given["datasets"], strict=True):
        np.testing.assert_array_equal(X, data.data[train])
        np.testing.assert_array_equal(y, data.target[train])
    assert [s.random_state for s in given["samplers"]] == [*range(1000, 1010)]


@pytest.mark.parametrize("method", ["nothing", "smote"])
def test_the_network_is_stopped_by_real_rows_only(monkeypatch, method):
    told, classifier = [], benchmark.classifier

    def spied(name, method, n_real):
        told.append(n_real)
        return classifier("logistic", method, n_real)

    monkeypatch.setattr(benchmark, "classifier", spied)
    cell = Cell("gan_smote", "paper", "petrography", method, 0, 0, "folds-network-1")
    row = benchmark.run(cell)
    assert told == [126] == [row["n_train"]]
    assert (row["n_synthetic"] > 0) == (method == "smote")
