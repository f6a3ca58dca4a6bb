"""The protocol of SMate's chapter: what is drawn, what each arm sees, what a row holds."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from helpers import SMate, data
from helpers.experiments import _kept_images
from helpers.experiments import smate as chapter
from helpers.experiments.smate import _draw, _figure_6, _generated, _pilot
from helpers.store import Cell

SMOKE = ("digits-9-10", 0, "smoke")


def as_set(X):
    return {image.tobytes() for image in X}


@pytest.fixture(scope="module")
def drawn():
    return chapter.draw(*SMOKE)


def test_one_class_is_cut_to_its_share_and_tested_whole(drawn):
    assert np.bincount(drawn.y).tolist() == [60] * 9 + [6]
    assert np.bincount(drawn.y_full).tolist() == [60] * 10
    assert as_set(drawn.X) < as_set(drawn.X_full)
    assert min(np.bincount(drawn.y_test)) > 50
    pool = _draw.images("digits")
    twice = len(pool.data) - len(as_set(pool.data))
    assert len(as_set(drawn.X_full) & as_set(drawn.X_test)) <= twice


def test_a_smaller_share_has_the_same_majority(drawn, monkeypatch):
    monkeypatch.setitem(chapter.DATASETS, "digits-9-5", ("9", 0.05))
    fewer = chapter.draw("digits-9-5", 0, "smoke")
    common = drawn.y != 9, fewer.y != 9
    np.testing.assert_array_equal(drawn.X[common[0]], fewer.X[common[1]])
    assert as_set(fewer.X[fewer.y == 9]) < as_set(drawn.X[drawn.y == 9])


def test_a_draw_is_repeated_by_its_numbers_and_changes_with_them(drawn):
    again, other = chapter.draw(*SMOKE), chapter.draw("digits-9-10", 1, "smoke")
    np.testing.assert_array_equal(drawn.X, again.X)
    assert as_set(drawn.X) != as_set(other.X)


def test_images_of_a_training_that_was_stopped_go_on_and_are_kept(
    monkeypatch, tmp_path
):
    monkeypatch.setattr(_kept_images, "KEPT", ("smoke",))
    for module in (_kept_images, data):
        monkeypatch.setattr(module, "data_root", lambda: tmp_path)
    make = _generated.generated.__wrapped__
    expected, *_ = make("smate_scratch", *SMOKE)
    (file,) = (tmp_path / "generated").glob("*.npz")
    file.unlink()

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(_kept_images, "write", stopped)
        with pytest.raises(KeyboardInterrupt):
            make("smate_scratch", *SMOKE)
    (unfinished,) = (tmp_path / "generated").glob("*.pt")
    assert not file.exists()
    found, *_ = make("smate_scratch", *SMOKE)
    np.testing.assert_array_equal(found, expected)
    assert file.exists()
    assert not unfinished.exists()
    # Nor does a folder that takes no file stop anything.
    file.unlink()
    shutil.rmtree(tmp_path / "generated")
    (tmp_path / "generated").touch()
    found, *_ = make("smate_scratch", *SMOKE)
    np.testing.assert_array_equal(found, expected)


def test_half_the_sides_are_means_of_four(drawn):
    small = chapter.halved(drawn)
    assert small.X.shape[2:] == (14, 14)
    assert small.X.dtype == drawn.X.dtype
    four = drawn.X[0, 0, 10:12, 12:14].astype(float)
    assert abs(small.X[0, 0, 5, 6] - four.mean()) <= 0.5


@pytest.mark.parametrize(
    "method", [m for m in chapter.ARMS if m not in ("full", "random_undersampling")]
)
def test_oversamplers_balance_and_keep_the_images(drawn, method):
    X, y, extra, _ = chapter.resample(method, *SMOKE)
    np.testing.assert_array_equal(X[: len(drawn.X)], drawn.X)
    assert X.dtype == drawn.X.dtype
    counts = np.bincount(y)
    assert counts[:9].tolist() == [60] * 9
    new = counts[9] - 6
    fills = method in (*chapter.SMATES, "smote", "deep_smote")
    fills = fills or method.startswith("random_oversampling")
    if method == "adasyn":  # about as many, says its paper
        assert abs(new - 54) < 10
    else:
        assert new == (54 if fills else 0)
    assert ("gan_steps" in extra) == (method in chapter.SMATES)


def test_undersampling_and_the_full_set(drawn):
    X, y, _, _ = chapter.resample("random_undersampling", *SMOKE)
    assert np.bincount(y).tolist() == [6] * 10
    assert as_set(X) <= as_set(drawn.X)
    assert len(chapter.resample("full", *SMOKE)[1]) == 600


def test_arms_with_transfer_share_the_training_on_the_majority(monkeypatch):
    chapter.pretrained.cache_clear()
    seen = []
    fit = SMate.fit

    def counted(self, X, y):
        seen.append(self.get_params())
        return fit(self, X, y)

    monkeypatch.setattr(SMate, "fit", counted)
    monkeypatch.setitem(chapter.DATASETS, "digits-9-5", ("9", 0.05))
    one, _ = chapter.smate("smate", *SMOKE)
    other, _ = chapter.smate("smate_penalty", *SMOKE)
    fewer, _ = chapter.smate("smate", "digits-9-5", *SMOKE[1:])
    assert len(seen) == 1
    assert one.pretrained is other.pretrained is fewer.pretrained
    assert (one.majority_penalty, other.majority_penalty) == (0, 1)
    scratch, seconds = chapter.smate("smate_scratch", *SMOKE)
    assert not scratch.transfer
    assert seconds == 0
    # 60 of 9 classes and 6 with 9 copies each, 128 a batch, one pass of each.
    assert (one.n_steps, scratch.n_steps) == (1, 1 + 5)


def test_the_scale_bug_is_from_scratch_divided_once_more(drawn):
    n = len(drawn.y)
    X, _, _, _ = chapter.resample("smate_scratch", *SMOKE)
    dark, _, _, _ = chapter.resample("smate_scale_bug", *SMOKE)
    np.testing.assert_array_equal(dark[n:], np.rint(X[n:] / 255))
    assert dark[n:].max() <= 1


def test_arms_differ_in_one_thing_and_share_the_recipe(drawn, monkeypatch):
    monkeypatch.setattr(_figure_6, "draw", lambda *_: drawn)  # no CIFAR-10 is needed
    plain = chapter.classifier("nothing", "cifar10-truck-10", 3, "tenth").get_params()
    assert plain["n_steps"] == 30 * 3  # passes over 600 images, 256 a batch
    changes = {
        "random_oversampling_augmented": {"augment": "crop+flip"},
        "mixup": {"mixup": 0.2},
        "logit_adjustment": {"logit_adjustment": 1.0},
        "random_undersampling": {},
        "smate": {},
    }
    for method, change in changes.items():
        model = chapter.classifier(method, "cifar10-truck-10", 3, "tenth")
        parameters = model.get_params()
        assert {k: v for k, v in parameters.items() if v != plain[k]} == change
    boosted = chapter.classifier("samme", "cifar10-truck-10", 3, "tenth")
    assert (boosted.n_estimators, boosted.estimator.n_steps) == (10, 30)
    digits = chapter.classifier("random_oversampling_augmented", *SMOKE)
    assert digits.augment == "crop"  # a mirrored digit is no digit


def test_a_threshold_on_the_rare_class_decides_between_it_and_the_next():
    p = np.array([[0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.4, 0.2, 0.4]])
    assert chapter.decide(p, 2, 0.2).tolist() == [2, 2, 2]
    assert chapter.decide(p, 2, 0.3).tolist() == [0, 1, 2]
    assert chapter.decide(p, 2, 0.9).tolist() == [0, 1, 0]

    class Model:
        def predict_proba(self, X):
            return p[X]

    # With 0.4 all three are right.
    rows, y = np.arange(3), np.array([0, 1, 2])
    assert chapter.minority_threshold(Model(), rows, y, 2) == 0.4


def test_a_row_has_its_pairs_of_truth_and_answer(drawn):
    cell = Cell("smate", "smoke", "digits-9-10", "dummy", 0, 0, chapter.PROTOCOL)
    row = chapter.run(cell)
    pairs = chapter.confusion(row["confusion"])
    assert pairs.sum() == row["n_test"] == len(drawn.y_test)
    assert pairs[:, 0].tolist() == np.bincount(drawn.y_test).tolist()
    assert row["accuracy"] == pytest.approx(np.trace(pairs) / pairs.sum())
    assert row["recall_minority"] == 0
    assert (row["n_train"], row["n_minority"], row["n_synthetic"]) == (546, 6, 0)


def test_no_row_is_made_of_a_test_that_shares_an_image_with_training(
    drawn, monkeypatch
):
    leaking = drawn._replace(rows_test=drawn.rows)
    monkeypatch.setattr(_figure_6, "draw", lambda *_: leaking)
    for method in ("nothing", "full"):
        cell = Cell("smate", "smoke", "digits-9-10", method, 0, 0, chapter.PROTOCOL)
        with pytest.raises(ValueError, match="546 rows are in train and in test"):
            chapter.run(cell)


def test_a_row_of_the_full_set_calls_nothing_synthetic():
    cell = Cell("smate", "smoke", "digits-9-10", "full", 0, 0, chapter.PROTOCOL)
    assert chapter.run(cell)["n_synthetic"] == 0


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_comes_back_from_its_row(channels):
    X = np.random.default_rng(0).integers(0, 256, (14, channels, 6, 6)).astype("uint8")
    text = chapter.picture(X)
    assert "," not in text
    np.testing.assert_array_equal(chapter.shown(text), X[:12])


def test_a_game_tells_its_course():
    cell = Cell("smate", "smoke", "digits-9-10", "rmsprop 0.0002", 0, 0, "gan-1")
    row = chapter.run(cell)
    assert row["gan_steps"] == 3
    assert len(row["fake_accuracy_course"].split()) == 3
    assert 0 <= row["fake_accuracy"] <= 1
    assert row["diverged"] == ""
    assert "picture" not in row


def test_a_game_of_the_minority_keeps_its_variety_and_images():
    cell = Cell("smate", "smoke", "digits-9-10", "loss hinge", 0, 0, "gan-2")
    row = chapter.run(cell)
    assert row["gan_steps"] == 3
    assert 0 <= row["variety"] < 0.5  # of noise
    assert chapter.shown(row["picture"]).shape == (10, 1, 28, 28)


def test_every_profile_has_every_arm_on_every_draw():
    for profile in chapter.PROFILES:
        cells = chapter.cells(profile)
        assert len(set(cells)) == len(cells) > 0
        assert {c.protocol for c in cells} <= {*chapter.RUNS}
        for c in cells:
            assert c.dataset in chapter.DATASETS
    tenth = [c for c in chapter.cells("tenth") if c.dataset == chapter.PAPERS]
    for seed in range(3):
        arms = {
            c.method for c in tenth if (c.seed, c.protocol) == (seed, "keras-cnn-1")
        }
        assert arms == {*chapter.ARMS}


def test_cifar_that_cannot_be_had_is_replaced_with_a_warning(monkeypatch):
    def fails():
        raise data.DataNotAvailable("No CIFAR-10 here.")

    monkeypatch.setattr(data, "load_cifar10", fails)
    _draw.images.cache_clear()
    with pytest.warns(UserWarning, match="stand in"):
        assert chapter.available("cifar10-frog-10") == "digits-9-10"
    with pytest.raises(ValueError, match="Unknown data set"):
        chapter.available("cifar10-dog-10")


def test_minority_images_are_measured_beside_copies_and_real_ones(
    monkeypatch, tmp_path
):
    monkeypatch.setattr("helpers.quality._judge.data_root", lambda: tmp_path)
    rows = {
        c.method: chapter.run(c)
        for c in chapter.cells("smoke")
        if c.protocol == chapter.QUALITY_PROTOCOL
        and c.method in ("real", "random_oversampling", "smate_scratch")
    }
    assert rows["real"]["pixel_coverage"] > rows["smate_scratch"]["pixel_coverage"]
    assert rows["real"]["n_synthetic"] == 0
    assert rows["smate_scratch"]["n_synthetic"] == 54
    assert rows["random_oversampling"]["feature_copies"] == 1
    assert rows["smate_scratch"]["classes"] == "9"
    assert list(tmp_path.rglob("*.pt"))


# ------------------------------------------------------- the paper's counts, and the pilot


def test_counts_runs_classifiers_first_and_the_longest_last():
    cells = chapter.figure_cells("counts")
    draws = {}
    for c in cells:
        draws.setdefault(c.method, set()).add(c.seed)
    three = {"nothing", "random_oversampling", "smote", "smate_scratch", "smate"}
    assert {m for m, seeds in draws.items() if seeds == {0, 1, 2}} == three
    assert len(cells) == 3 * len(three) + len({*draws} - three)
    assert cells[-1].method == "nothing_longer"
    gans = [i for i, c in enumerate(cells) if c.method.startswith("smate")]
    assert gans == [*range(gans[0], len(cells) - 1)]
    losses = [c.method for c in chapter.cells("counts") if c.protocol == "gan-2"]
    assert losses[-1] == "early_stopping"
    assert len(losses) == 6


def test_counts_ends_a_minority_early_and_never_the_majority(drawn, monkeypatch):
    settings = {**chapter.SETTINGS["smoke"], "gan": chapter.SETTINGS["counts"]["gan"]}
    monkeypatch.setitem(chapter.SETTINGS, "smoke", settings)
    networks = {"generator majority": None}
    monkeypatch.setattr(_generated, "pretrained", lambda *_: (networks, 1.0))
    sampler, seconds = chapter.smate("smate", *SMOKE)
    assert (sampler.early_stopping, sampler.pretrained, seconds) == (True, networks, 1)
    assert sampler.n_steps == 60  # the cap, of one batch a pass
    fitted = []

    def fit(self, X, y):
        fitted.append(self)
        return SimpleNamespace(networks_=networks)

    monkeypatch.undo()
    monkeypatch.setitem(chapter.SETTINGS, "smoke", settings)
    monkeypatch.setattr(SMate, "fit", fit)
    _generated.pretrained.cache_clear()
    _generated.pretrained("9", 0, "smoke")
    _generated.pretrained.cache_clear()
    assert not fitted[0].early_stopping
    assert fitted[0].pretrain_epochs == 30
    assert fitted[0].precision == "float32"


def test_table_and_measures_share_one_gan(drawn, monkeypatch, tmp_path):
    monkeypatch.setattr(_kept_images, "KEPT", ("smoke",))
    monkeypatch.setattr(_kept_images, "data_root", lambda: tmp_path)
    made = []
    resampled = SMate.fit_resample

    def fit_resample(self, X, y):
        made.append(self)
        return resampled(self, X, y)

    monkeypatch.setattr(SMate, "fit_resample", fit_resample)
    found = []
    for _ in range(2):
        _generated.generated.cache_clear()
        found.append(chapter.generated("smate_scratch", *SMOKE))
    _generated.generated.cache_clear()
    assert len(made) == 1
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1:] == found[1][1:]
    assert len(found[0][0]) == 54


def test_the_pilot_sees_nothing_of_the_test(monkeypatch):
    y = np.tile(np.arange(10), 1200)
    bunch = {
        "data": np.arange(len(y)).reshape(-1, 1, 1, 1),
        "target": y,
        "target_names": chapter.CIFAR10,
        "provenance": "numbers",
        "partition": np.repeat(["train", "test"], [10_000, 2000]),
    }

    class Numbers(dict):
        __getattr__ = dict.get

    monkeypatch.setattr(_pilot, "images", lambda _: Numbers(bunch))
    drawn = _pilot.pilot_draw(chapter.PAPERS)
    sets = [{*X.ravel()} for X in (drawn.X, drawn.X_full, drawn.X_test)]
    assert max(max(s) for s in sets) < 10_000
    assert sets[0] < sets[1]
    assert not sets[1] & sets[2]
    assert np.bincount(drawn.y).tolist() == [500] * 9 + [50]
    assert np.bincount(drawn.y_full).tolist() == [500] * 10
    assert np.bincount(drawn.y_test).tolist() == [500] * 10


def test_a_row_says_whether_its_classifier_learnt():
    cell = Cell("smate", "smoke", "digits-9-10", "nothing", 0, 0, chapter.PROTOCOL)
    row = chapter.run(cell)
    assert row["learned"] == (row["train_accuracy"] >= 0.6)
    assert row["train_loss"] > 0


def test_the_threshold_is_tuned_on_rows_that_were_not_learned_from():
    seen = {}

    class Half(BaseEstimator):
        def fit(self, X, y):
            seen["fit"], self.classes_ = {*X.ravel()}, np.unique(y)
            return self

        def predict_proba(self, X):
            seen["asked"] = {*X.ravel()}
            return np.full((len(X), 2), 0.5)

    X, y = np.arange(50)[:, None], np.arange(50) % 5 // 4
    _figure_6.MinorityThreshold(Half(), 1).fit(X, y)
    assert len(seen["asked"]) == 10
    assert not seen["fit"] & seen["asked"]
