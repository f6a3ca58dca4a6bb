"""The image chapter's protocol: what is drawn, what each arm sees, what a row holds."""

import errno
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.dummy import DummyClassifier

from helpers import provenance
from helpers.classifiers import ResNet18Classifier
from helpers.data import DataNotAvailable, deepsmote_counts
from helpers.experiments import LEARNT, _kept_images, learning, that_learnt
from helpers.experiments import deep_smote as chapter
from helpers.experiments.deep_smote import _kept, _quality, _ratio, _rows, _table_1
from helpers.quality import _judge as judge
from helpers.runs import run_cells
from helpers.store import Cell, read


def as_set(X):
    return {image.tobytes() for image in X}


@pytest.fixture(scope="module")
def drawn():
    return chapter.draw("digits_images", 0, 0, "smoke")


def test_training_and_tests_share_no_image_and_have_the_published_counts(drawn):
    (X, y, _), (X_test, y_test, _), (X_balanced, y_balanced, _) = drawn
    pool = chapter.pool("digits_images")
    rows = {}  # equal images of the pool are told apart by their number
    for row, image in enumerate(pool.data):
        rows.setdefault(image.tobytes(), []).append(row)
    twice = {image for image, numbers in rows.items() if len(numbers) > 1}
    assert not (as_set(X) & (as_set(X_test) | as_set(X_balanced))) - twice
    tests = deepsmote_counts("digits_images", 1 / 40)
    assert np.bincount(y_test).tolist() == [*tests.test]
    assert np.bincount(y_balanced).tolist() == [*tests.balanced]
    assert np.bincount(y).tolist() == [100, 50, 25, 19, 13, 9, 5, 3, 3, 3]


def test_folds_of_a_repeat_test_on_different_images(drawn):
    other = chapter.draw("digits_images", 0, 1, "smoke")
    shared = as_set(drawn[2][0]) & as_set(other[2][0])
    assert len(shared) <= 3  # the pool holds a few images twice


def test_a_draw_is_repeated_by_its_numbers(drawn):
    again = chapter.draw("digits_images", 0, 0, "smoke")
    for one, other in zip(drawn, again, strict=True):
        for values, others in zip(one, other, strict=True):
            np.testing.assert_array_equal(values, others)


@pytest.mark.parametrize(
    "method",
    ["random_oversampling", "smote", "amdo", "mc_rbo", "bagan", "gamo", "deep_smote"],
)
def test_oversamplers_balance_and_keep_the_images(drawn, method):
    X, y, _ = drawn[0]
    X_all, y_all, _ = chapter.resample(method, X, y, "smoke", 0)
    assert X_all.dtype == X.dtype
    assert np.bincount(y_all).tolist() == [100] * 10
    np.testing.assert_array_equal(X_all[: len(X)], X)


@pytest.mark.parametrize("method", ["dummy", "nothing", "class_weight", "mixup"])
def test_the_other_arms_see_the_images_as_they_are(drawn, method):
    X, y, _ = drawn[0]
    X_all, y_all, extra = chapter.resample(method, X, y, "smoke", 0)
    assert X_all is X
    assert y_all is y
    assert extra == {}


def test_mc_ccr_cleans_as_published_and_keeps_every_image_in_place(drawn):
    X, y, _ = drawn[0]
    X_all, y_all, _ = chapter.resample("mc_ccr", X, y, "smoke", 0)
    assert np.bincount(y_all).tolist() == [100] * 10
    moved = (X_all[: len(X)] != X).reshape(len(X), -1).any(axis=1)
    assert 0 < moved.sum() < len(X) / 2
    np.testing.assert_array_equal(y_all[: len(y)], y)


def test_the_cost_of_a_method_is_measured_beside_the_rest():
    cell = Cell("deep_smote", "tenth", "noise-60x8x8", "amdo", 0, 0, "cost-2")
    row = chapter.run(cell)
    assert row["n_synthetic"] == 48
    assert row["n_train"] == 60
    assert row["sampler_seconds"] > 0
    assert row["peak_mebibytes"] >= 0


def test_the_memory_of_a_method_does_not_hide_below_that_of_its_parent():
    cell = Cell("deep_smote", "tenth", "noise-500x28x28", "smote", 0, 0, "cost-2")
    np.ones(2**26)  # half a gigabyte, for a moment
    assert chapter.run(cell)["peak_mebibytes"] > 1


def test_pixels_between_two_images_are_rounded_and_in_their_class(drawn):
    X, y, _ = drawn[0]
    X_all, y_all = chapter.smote(X, y, 0)
    new, labels = X_all[len(X) :], y_all[len(y) :]
    for c in (7, 9):
        low, high = X[y == c].min(axis=0), X[y == c].max(axis=0)
        assert (new[labels == c] >= low).all()
        assert (new[labels == c] <= high).all()


def test_arms_differ_in_one_thing_and_share_the_recipe():
    plain = chapter.classifier("nothing", "cifar10", "tenth", 3).get_params()
    changes = {
        "random_oversampling_augmented": {"augment": "crop+flip"},
        "mixup": {"mixup": 0.2},
        "logit_adjustment": {"logit_adjustment": 1.0},
        "smote": {},
        "deep_smote": {},
    }
    for method, change in changes.items():
        parameters = chapter.classifier(method, "cifar10", "tenth", 3).get_params()
        assert {k: v for k, v in parameters.items() if v != plain[k]} == change
    digits = chapter.classifier("random_oversampling_augmented", "svhn", "tenth", 3)
    assert digits.augment == "crop"  # a mirrored digit is no digit


def test_every_profile_has_every_arm_on_every_draw():
    for profile in chapter.PROFILES:
        cells = chapter.cells(profile)
        assert len(set(cells)) == len(cells) > 0
        assert {c.protocol for c in cells} <= {*chapter.RUNS}
        cells = [c for c in cells if c.protocol == chapter.PROTOCOL]
        draws = {(c.dataset, c.fold) for c in cells}
        assert len(cells) == len(draws) * len(chapter.ARMS)
    tenth = [(c.dataset, c.fold) for c in chapter.cells("tenth") if c.fold]
    assert {name for name, fold in tenth if fold == 2} == {"mnist", "cifar10"}


def test_a_row_has_both_tests_and_its_provenance():
    cell = Cell("deep_smote", "smoke", "digits_images", "dummy", 0, 0, "resnet18-1")
    row = chapter.run(cell)
    # The dummy names the most frequent class: one recall of ten is 1.
    assert row["acsa"] == row["balanced_acsa"] == pytest.approx(0.1)
    assert row["gmean_product"] == 0
    assert row["recall_0"] == 1
    assert row["accuracy"] == pytest.approx(25 / 58)
    assert row["balanced_accuracy"] == pytest.approx(0.1)
    assert row["n_synthetic"] == 0
    assert "Optical Recognition" in row["provenance"]
    counts = chapter.counts_of("digits_images", row["n_train"], row["n_test"])
    assert counts.train[-3:] == (3, 3, 3)
    assert counts.balanced == (30,) * 10


def test_no_row_is_made_of_a_test_that_shares_an_image_with_training(monkeypatch):
    cell = Cell("deep_smote", "smoke", "digits_images", "dummy", 0, 0, "resnet18-1")
    train, test, balanced = chapter.draw("digits_images", 0, 0, "smoke")
    for leaking in ([train, test, train], [train, train, balanced]):
        monkeypatch.setattr(_rows, "draw", lambda *_, drawn=leaking: drawn)
        with pytest.raises(ValueError, match="230 rows are in train and in test"):
            chapter.run(cell)
    ratio = cell._replace(dataset="digits_images-ratio-20", protocol="ratio-1")
    monkeypatch.setattr(_ratio, "ratio_draw", lambda _: [train, train])
    with pytest.raises(ValueError, match="in train and in test"):
        chapter.run(ratio)


def test_rows_of_another_protocol_stay_and_are_not_taken_for_ours(tmp_path):
    store = tmp_path / "deep_smote-smoke.csv"
    ours = [c for c in _rows.table_cells("smoke") if c.method == "dummy"]
    older = [c._replace(protocol="resnet18-0") for c in ours]
    run_cells(older, _rows.run_table, store)
    run_cells(ours, chapter.run, store)
    rows = read(store)
    assert [*rows["protocol"]] == ["resnet18-0", chapter.PROTOCOL]


def test_class_weights_reach_the_classifier(monkeypatch):
    seen = {}

    def fit(self, X, y, sample_weight=None):
        seen["weights"] = {
            int(c): float(sample_weight[y == c][0]) for c in np.unique(y)
        }
        self.classes_ = np.unique(y)
        return self

    monkeypatch.setattr(ResNet18Classifier, "fit", fit)
    monkeypatch.setattr(
        ResNet18Classifier,
        "predict_proba",
        lambda self, X: np.full((len(X), 10), 0.1),
    )
    chapter.run(
        Cell("deep_smote", "smoke", "digits_images", "class_weight", 0, 0, "resnet18-1")
    )
    assert seen["weights"][0] * 100 == pytest.approx(seen["weights"][9] * 3)


def test_the_published_table_is_read_as_printed():
    table = chapter.published()
    assert table.loc["deep_smote", ("imbalanced", "mnist", "acsa")] == pytest.approx(
        0.9616
    )
    assert table.loc[
        "deep_smote", ("imbalanced", "celeba", "f1_macro")
    ] == pytest.approx(0.6699)
    assert table.loc["smote", ("imbalanced", "svhn", "gmean_macro")] == pytest.approx(
        0.7633
    )
    assert table.loc["deep_smote", ("balanced", "cifar10", "acsa")] == pytest.approx(
        0.4538
    )


def test_a_set_that_cannot_be_had_is_replaced_with_a_warning(monkeypatch):
    def fails():
        raise DataNotAvailable("No MNIST here.")

    monkeypatch.setitem(chapter.LOADERS, "mnist", fails)
    chapter.pool.cache_clear()
    with pytest.warns(UserWarning, match="stand in"):
        assert chapter.available("mnist") == "digits_images"
    assert chapter.available("digits_images") == "digits_images"
    with pytest.raises(ValueError, match="Did you mean 'cifar10'"):
        chapter.available("cifar")


# ---------------------------------------------------------------- quality and ratio


def test_held_out_images_are_compared_with_as_many_others(drawn):
    y = drawn[0][1]
    (X, labels), (X_other, others), n = _quality.compared("digits_images", y, "smoke")
    np.testing.assert_array_equal(labels, others)
    assert np.bincount(labels).tolist() == [n] * 10
    learnt, kept = chapter.parts("digits_images", 0, 0)
    pool = chapter.pool("digits_images")
    held_out = as_set(pool.data[kept]) - as_set(pool.data[learnt])
    assert len((as_set(X) | as_set(X_other)) - held_out) <= 3  # a few are there twice
    assert not as_set(X) & as_set(X_other)


def test_halves_are_shuffled_and_a_few_are_not_the_first():
    rows, labels = np.arange(1000, 1400), np.tile([0, 1], 200)
    one, other = judge.halves(rows, labels, 80)
    assert not {*one} & {*other}
    for half in (one, other):
        np.testing.assert_array_equal(labels[half - 1000], np.repeat([0, 1], 80))
        assert 1180 < half.mean() < 1220  # neither is the earlier one
    few, classes = judge.at_most(30, rows, np.repeat([3, 7], [390, 10]))
    assert np.bincount(classes).tolist() == [0, 0, 0, 30, 0, 0, 0, 10]
    assert 1150 < few[:30].mean() < 1240


def test_a_fixed_network_needs_no_folder(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(judge, "data_root", lambda: tmp_path / "file")
    monkeypatch.setattr(ResNet18Classifier, "fit", lambda self, X, y: made.append(self))
    judge.feature_network("mnist", None, None, stem="imagenet", n_steps=1)
    assert made[0].checkpoint.parent == tmp_path / "file" / "networks"
    monkeypatch.setattr(judge, "data_root", lambda: tmp_path / "taken")
    (tmp_path / "taken").write_text("a folder cannot be made here")
    judge.feature_network("mnist", None, None, stem="imagenet", n_steps=1)
    assert made[1].checkpoint is None


@pytest.fixture
def quality(monkeypatch, tmp_path):
    """Rows of the image measures by method; the network's checkpoint in a folder apart."""
    monkeypatch.setattr(judge, "data_root", lambda: tmp_path)
    _quality.fixed_network.cache_clear()
    yield lambda method: chapter.run(
        Cell(
            "deep_smote",
            "smoke",
            "digits_images",
            method,
            0,
            0,
            chapter.QUALITY_PROTOCOL,
        )
    )
    _quality.fixed_network.cache_clear()


def test_copies_are_recognised_as_copies_and_real_images_as_real(quality):
    copies, real = quality("random_oversampling"), quality("real")
    assert copies["feature_copies"] == 1
    assert copies["feature_nearest"] < 1e-3 * real["feature_nearest"]
    assert real["feature_copies"] < 0.02
    assert real["feature_nearest"] == pytest.approx(real["feature_nearest_real"], 0.2)
    assert real["pixel_recall"] > copies["pixel_recall"]
    assert real["synthetic_only"] > 0.7
    coverage = judge.by_class(pd.DataFrame([copies, real]), "feature_coverage")
    assert [*coverage.columns] == [str(c) for c in range(1, 10)]
    assert coverage.iloc[1].mean() == pytest.approx(real["feature_coverage"], abs=1e-3)


def test_the_fixed_network_is_trained_once(quality, tmp_path):
    row = quality("feature_network")
    [file] = tmp_path.rglob("*.pt")
    written = file.stat().st_mtime_ns
    _quality.fixed_network.cache_clear()
    again = quality("feature_network")
    assert again["accuracy"] == row["accuracy"]
    assert file.stat().st_mtime_ns == written  # training ends by writing it


def test_augmented_copies_move_and_stay_images(drawn):
    X, y, _ = drawn[0]
    cell = Cell("deep_smote", "smoke", "digits_images", "-", 0, 0, "quality")
    (X_new, y_new), _ = _quality.generated("random_oversampling_augmented", X, y, cell)
    (plain, labels), _ = _quality.generated("random_oversampling", X, y, cell)
    np.testing.assert_array_equal(y_new, labels)
    assert X_new.dtype == X.dtype
    assert (X_new != plain).any(axis=(1, 2, 3)).mean() > 0.8
    # A bright pixel in the middle moves by up to four, the dark rest comes in from outside.
    X = np.zeros((50, 3, 13, 13), dtype=np.uint8)
    dots = X.copy()
    dots[:, :, 6, 6] = 200
    moved = judge.altered(dots, 0.0, flip=False, seed=0)
    assert moved.dtype == np.uint8
    places = np.argwhere(moved[:, 0] == 200)[:, 1:] - 6
    assert len(places) == 50
    assert places.min() == -4
    assert places.max() == 4
    assert (moved > 0).sum() == 150
    # What a classifier's own training brings in from outside comes in here.
    bright = np.full((50, 3, 13, 13), 200, dtype=np.uint8)
    assert {*judge.altered(bright, 0.0, False, 0).ravel().tolist()} == {0, 200}
    mean = np.full((1, 3, 1, 1), 120.0)
    assert {*judge.altered(bright, mean, False, 0).ravel().tolist()} == {120, 200}


def test_rows_of_two_judges_stand_in_no_table_together():
    rows = pd.DataFrame(
        {
            "dataset": ["a", "a", "a", "b", "b", "b"],
            "device": ["x", "x", "y", "y", "y", "y"],
            "network": [None, None, None, "n1", "n2", "n2"],
        }
    )
    kept, others = judge.of_one_network(rows)
    assert kept.index.tolist() == [0, 1, 4, 5]
    assert others.index.tolist() == [2, 3]
    kept, others = judge.of_one_network(rows.drop(columns="network"))
    assert others.index.tolist() == [2]


RATIOS = [20, 50, 100, 200, 400]


@pytest.mark.parametrize("ratio", RATIOS)
def test_counts_fall_by_the_ratio_and_leave_two_images(ratio):
    counts = chapter.ratio_counts(ratio, "tenth")
    assert counts[0] == 800
    assert counts[0] / counts[-1] == pytest.approx(ratio, rel=0.02)
    assert (np.diff(counts) < 0).all()
    assert counts[-1] >= 2


def test_the_figure_has_every_ratio_and_a_row_is_tested_on_equal_classes():
    cells = [c for c in chapter.cells("tenth") if c.protocol == chapter.RATIO_PROTOCOL]
    ratios = {int(c.dataset.rsplit("-", 1)[1]) for c in cells}
    assert sorted(ratios) == RATIOS
    assert len(cells) == len(ratios) * len(chapter.RATIO_ARMS)
    cell = next(c for c in chapter.cells("smoke") if c.protocol == "ratio-1")
    row = chapter.run(cell)
    assert row["balanced_acsa"] == pytest.approx(0.1)
    assert row["n_train"] == chapter.ratio_counts(20, "smoke").sum()
    y, y_test = (part.y for part in _ratio.ratio_draw(cell))
    assert np.bincount(y).tolist() == chapter.ratio_counts(20, "smoke").tolist()
    assert len({*np.bincount(y_test)}) == 1
    assert row["n_balanced_test"] == len(y_test)


# ------------------------------------------------------- the papers' counts, and the pilot


def table(profile):
    protocols = chapter.PROTOCOL, chapter.COUNTS_PROTOCOL
    return [c for c in chapter.cells(profile) if c.protocol in protocols]


def test_counts_has_three_draws_of_what_is_cheap_and_the_costliest_last():
    cells = table("counts")
    draws = Counter((c.dataset, c.method) for c in cells)
    names = {name for name in chapter.LOADERS if name != "digits_images"}
    for name in names:
        assert {draws[name, method] for method in chapter.NETWORK_FREE} == {3}
        three = 3 if name in ("mnist", "cifar10") else 1
        assert {draws[name, method] for method in chapter.READINGS} == {three}
        assert draws[name, "deep_smote"] == 1
    assert {n for n, m in draws if m == "gamo"} == {"mnist", "cifar10"}
    assert {c.dataset for c in cells[:72]} == {"mnist", "cifar10"}
    assert {c.method for c in chapter.cells("counts")[-8:]} == {"bagan", "gamo"}
    assert {c.protocol for c in cells} == {chapter.COUNTS_PROTOCOL}


def balanced_pool(monkeypatch, n_per_class, n_classes=10, partition=None):
    """A data set whose images are their row numbers, in the place of all others."""
    y = np.tile(np.arange(n_classes), n_per_class)
    images = SimpleNamespace(
        data=np.arange(len(y)).reshape(-1, 1, 1, 1), target=y, partition=partition
    )
    monkeypatch.setattr(_table_1, "pool", lambda name: images)
    _table_1.pilot_rows.cache_clear()
    return images


@pytest.fixture
def forget():
    yield
    _table_1.pilot_rows.cache_clear()


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_the_pilots_images_are_in_no_draw(monkeypatch, forget, name):
    balanced_pool(monkeypatch, 6400)
    learnt, judged = _table_1.pilot_rows(name)
    assert not {*learnt} & {*judged}
    pilot = {*learnt, *judged}
    assert len(pilot) == len(learnt) + 2000
    for fold in range(3):
        for X, y, _ in chapter.draw(name, 0, fold, "counts"):
            assert not pilot & {*X.ravel()}
            assert len({*X.ravel()}) == len(y)
    counts = np.bincount(chapter.draw(name, 0, 2, "counts")[0][1]).tolist()
    assert counts == [*deepsmote_counts(name).train]


def test_folds_of_faces_are_as_different_as_their_numbers_allow(monkeypatch, forget):
    partition = np.repeat(["train", "test"], [5 * 9300, 5 * 1300])
    images = balanced_pool(monkeypatch, 10_600, 5, partition)
    drawn = [chapter.draw("celeba", 0, fold, "counts") for fold in range(3)]
    counts = deepsmote_counts("celeba")
    for (X, y, _), (X_test, y_test, _), balanced in drawn:
        assert np.bincount(y).tolist() == [*counts.train]
        assert np.bincount(y_test).tolist() == [*counts.test]
        assert np.bincount(balanced.y).tolist() == [89] * 5
        assert (images.partition[X.ravel()] == "train").all()
        assert (images.partition[X_test.ravel()] == "test").all()
    for part in (0, 1):  # training and the test like it
        for c in (2, 3, 4):
            seen = [d[part].X.ravel()[d[part].y == c] for d in drawn]
            assert len(np.unique(np.concatenate(seen))) == sum(map(len, seen))
    common = [d[0].X.ravel()[d[0].y == 0] for d in drawn]
    assert {*common[0]} != {*common[1]}  # 9,000 of 9,300
    again = chapter.draw("celeba", 0, 1, "counts")[0][0]
    np.testing.assert_array_equal(again, drawn[1][0][0])


def test_a_pilot_row_tells_its_course(monkeypatch):
    images = chapter.pool("digits_images")
    monkeypatch.setattr("helpers.experiments.deep_smote._pilot.pool", lambda _: images)
    monkeypatch.setattr(
        "helpers.experiments.deep_smote._pilot.pilot_rows",
        lambda name: (np.arange(200), np.arange(200, 300)),
    )
    cell = next(c for c in chapter.cells("pilot") if c.method == "nothing 0.01 300")
    row = chapter.run(cell._replace(method="nothing 0.01 3"))
    assert len(row["loss_course"].split()) == 3
    assert row["precision"] == "float32"
    assert (row["n_train"], row["n_balanced_test"]) == (200, 100)
    assert 0 <= row["train_acsa"] <= 1
    other = chapter.run(cell._replace(method="nothing_cifar_stem 0.03 1"))
    assert other["loss_course"] != row["loss_course"].split()[0]


def test_a_training_that_cannot_learn_is_told_from_one_that_does():
    X, y = (part[:200] for part in load_digits(return_X_y=True))
    common = {"image_shape": (1, 8, 8), "batch_size": 32, "random_state": 0}
    stuck = ResNet18Classifier(n_steps=5, lr=1e-9, **common).fit(X, y)
    row = learning(stuck, X, y)
    assert not row["learned"]
    assert row["train_accuracy"] < LEARNT
    assert row["train_loss"] > 1
    row = learning(ResNet18Classifier(n_steps=60, lr=0.03, **common).fit(X, y), X, y)
    assert row["learned"]
    assert row["train_accuracy"] > 0.9
    dummy = learning(DummyClassifier().fit(X, y), X, y)
    assert "learned" not in dummy


def test_what_did_not_learn_is_in_no_mean(tmp_path):
    rows = pd.DataFrame({"method": [*"abc"], "learned": [True, False, np.nan]})
    rows["train_accuracy"] = [0.9, 0.5, 0.4]
    rows.to_csv(tmp_path / "rows.csv", index=False)
    for found in (rows, pd.read_csv(tmp_path / "rows.csv")):
        assert [*that_learnt(found)["method"]] == ["a", "c"]
    older = rows[["method"]]
    assert len(that_learnt(older)) == 3
    # Marked by mean recall, it had learnt all but the rare classes.
    marked = rows.assign(train_accuracy=0.8)
    assert len(that_learnt(marked)) == 3


@pytest.fixture
def keeps(monkeypatch, tmp_path):
    """The smoke profile keeps images, in a folder apart; trainings are counted."""
    monkeypatch.setattr(_kept_images, "KEPT", ("smoke",))
    monkeypatch.setattr(_kept_images, "data_root", lambda: tmp_path)
    trained = []

    def resample(method, X, *args):
        trained.append(method)
        return _table_1.resample(method, X, *args)

    monkeypatch.setattr(_kept, "resample", resample)
    return trained


def test_table_and_measures_share_one_training(drawn, keeps, tmp_path):
    X, y, _ = drawn[0]
    cell = Cell("deep_smote", "smoke", "digits_images", "gamo", 0, 0, "quality-2")
    chapter.run(cell._replace(protocol=chapter.PROTOCOL))
    (images, labels), seconds = _quality.generated("gamo", X, y, cell)
    assert keeps == ["gamo"]
    assert np.bincount(labels).tolist() == [0, 50, 75, 81, 87, 91, 95, 97, 97, 97]
    fresh, y_fresh, extra = _table_1.resample("gamo", X, y, "smoke", 0)
    np.testing.assert_array_equal(fresh[len(y) :], images)
    X_all, y_all, told, again = _kept.resampled("gamo", X, y, "smoke", 0)
    # Rows say by what code and where the images were made, maybe long before.
    assert told.pop("sampler_commit") == provenance.commit()
    assert told.pop("sampler_device").startswith("cpu")
    assert (told, again) == (extra, seconds)
    assert X_all.dtype == X.dtype
    np.testing.assert_array_equal(y_all, y_fresh)
    # Another seed, other images: other trainings.
    _kept.resampled("gamo", X, y, "smoke", 1)
    _kept.resampled("gamo", X[::-1], y[::-1], "smoke", 0)
    assert keeps == ["gamo"] * 3
    assert len([*(tmp_path / "generated").glob("*.npz")]) == 3
    assert not [*(tmp_path / "generated").glob("*.pt")]


def test_what_cannot_be_kept_can_be_gone_on_with(drawn, keeps, tmp_path, monkeypatch):
    """A full disk: the checkpoint of the ended training stays, and the next call reads it."""
    X, y, _ = drawn[0]
    full = {"is": True}
    write = _kept_images.write_atomically

    def write_atomically(save, file):
        if full["is"] and file.suffix == ".npz":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(save, file)

    monkeypatch.setattr(_kept_images, "write_atomically", write_atomically)
    first = _kept.resampled("deep_smote", X, y, "smoke", 0)
    (checkpoint,) = (tmp_path / "generated").glob("*.pt")
    assert checkpoint.stem.endswith("-cpu")
    full["is"] = False
    again = _kept.resampled("deep_smote", X, y, "smoke", 0)
    np.testing.assert_array_equal(first[0], again[0])
    assert not checkpoint.exists()


def test_a_training_is_done_once_by_all_that_want_it_at_a_time(tmp_path):
    trained = []

    def train(checkpoint):
        trained.append(checkpoint)
        time.sleep(0.3)
        return np.zeros((1, 1, 2, 2), np.uint8), np.zeros(1), {}, 1.0

    file = tmp_path / "generated" / "one.npz"
    with ThreadPoolExecutor(3) as pool:
        made = [*pool.map(lambda _: _kept_images.once(file, train), range(3))]
    assert len(trained) == 1
    assert all(len(one[0]) == 1 for one in made)


def test_a_damaged_file_of_images_is_made_again(drawn, keeps, tmp_path):
    X, y, _ = drawn[0]
    before = _kept.resampled("amdo", X, y, "smoke", 0)
    [file] = (tmp_path / "generated").glob("*.npz")
    file.write_bytes(file.read_bytes()[:-200])
    after = _kept.resampled("amdo", X, y, "smoke", 0)
    np.testing.assert_array_equal(before[0], after[0])
    assert keeps == ["amdo"] * 2
    _kept.resampled("amdo", X, y, "smoke", 0)
    assert keeps == ["amdo"] * 2


def test_images_that_cannot_be_kept_are_used_all_the_same(drawn, keeps, tmp_path):
    X, y, _ = drawn[0]
    (tmp_path / "generated").write_text("no folder can be made here")
    X_all, _, _, _ = _kept.resampled("amdo", X, y, "smoke", 0)
    assert len(X_all) == 1000


def test_an_interrupted_run_of_counts_goes_on(tmp_path, monkeypatch, capsys):
    store = tmp_path / "deep_smote-counts.csv"
    cells = [c for c in table("counts") if c.dataset == "mnist"][:3]
    balanced_pool(monkeypatch, 10)
    asked = []

    def run(cell):
        asked.append(cell.method)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return {"balanced_acsa": 0.5, "learned": True}

    with pytest.raises(KeyboardInterrupt):
        run_cells(cells, run, store)
    run_cells(cells, run, store)
    assert asked == [cells[i].method for i in (0, 1, 1, 2)]
    assert [*read(store)["method"]] == [c.method for c in cells]


# ---------------------------------------------------------------- the literal penalty


def test_the_literal_penaltys_optimum_is_where_no_decoded_image_can_be_better():
    random = np.random.default_rng(0)
    counts = [6, 3, 2, 1]
    X = random.integers(0, 256, (sum(counts), 2, 4)).astype(np.uint8)
    y = np.repeat([*"abcd"], counts)
    found = chapter.literal_optimum(X, y)
    # The same by solving for each decoded image: its own image with weight 1 / n, and the
    # others of its class, each as often as a class and a pair of images is drawn.
    x = X.reshape(len(X), -1) / 127.5 - 1
    weight = np.where(y[:, None] == y, 1.0, 0) * (1 - np.eye(len(y)))
    n = weight.sum(axis=1, keepdims=True) + 1
    weight = np.divide(weight, 3 * n * (n - 1), where=weight > 0, out=weight)
    best = x / len(y) + weight @ x
    best /= 1 / len(y) + weight.sum(axis=1, keepdims=True)
    apart = np.square(best[:, None] - x).mean(axis=2)
    assert found.reconstruction == pytest.approx(np.diag(apart).mean())
    assert found.penalty == pytest.approx((weight * apart).sum())
    assert found.loss == pytest.approx(found.reconstruction + found.penalty)
    assert found.classes.loc["d", "mean_share"] == 0
    assert found.classes.loc["b", "mean_share"] == pytest.approx(
        (1 / 3) / (1 / 3 + 3 / 12)
    )


def test_the_rarest_class_decodes_to_its_mean_and_training_stays_above(drawn):
    X, y, _ = drawn[0]
    found = chapter.literal_optimum(X, y)
    assert found.classes["mean_share"].is_monotonic_increasing
    assert found.classes["mean_share"].iloc[-1] > 0.85  # 3 images of 230
    _, _, told = chapter.resample("deep_smote", X, y, "smoke", 0)
    assert told["reconstruction_loss"] + told["penalty_loss"] > found.loss


def test_without_pairs_there_is_no_penalty():
    with pytest.raises(ValueError, match="two images"):
        chapter.literal_optimum(np.zeros((2, 3)), [0, 1])


# ---------------------------------------------------------------- what pages draw from rows


def stored(values, protocol="resnet18-2"):
    """Rows of (dataset, method, fold, balanced_acsa, learned)."""
    names = ["dataset", "method", "fold", "balanced_acsa", "learned"]
    rows = pd.DataFrame(values, columns=names)
    failed = rows["learned"].astype(str) == "False"
    rows = rows.assign(train_accuracy=np.where(failed, 0.2, 0.9))
    return rows.assign(
        protocol=protocol, acsa=rows["balanced_acsa"] / 2, n_train=100, seed=0
    )


def test_the_table_beside_the_papers_leaves_out_what_did_not_learn():
    rows = stored(
        [
            ("mnist", "smote", 0, 0.8, True),
            ("mnist", "smote", 1, 0.9, True),
            ("mnist", "smote", 2, 0.1, False),
            ("mnist", "deep_smote_no_penalty", 0, 0.9, True),
            ("cifar10", "mixup", 0, 0.1, False),
            ("cifar10", "dummy", 0, 0.1, np.nan),
        ]
    )
    table = chapter.beside_paper(rows, "balanced")
    smote = table.loc[("mnist", "smote")]
    assert smote["mean"] == pytest.approx(0.85)
    assert smote["sd"] == pytest.approx(0.0707, abs=1e-4)
    assert (smote["n"], smote["not_learnt"]) == (2, 1)
    assert table.loc[("cifar10", "mixup"), ["n", "not_learnt"]].tolist() == [0, 1]
    assert np.isnan(table.loc[("cifar10", "mixup"), "mean"])
    assert table.loc[("cifar10", "dummy"), "n"] == 1
    reading = table.loc[("mnist", "deep_smote_no_penalty"), "paper"]
    assert reading == pytest.approx(0.9609)
    assert [*table.index.get_level_values(0)] == ["mnist"] * 2 + ["cifar10"] * 2
    imbalanced = chapter.beside_paper(rows)
    assert imbalanced.loc[("mnist", "smote"), "mean"] == pytest.approx(0.425)
    assert imbalanced.loc[("mnist", "smote"), "paper"] == pytest.approx(0.8148)


def test_the_first_page_names_the_readings_that_can_work_and_what_is_missing():
    arms = ["nothing", "smote", "deep_smote", "deep_smote_no_penalty"]
    scores = dict(zip(arms, (0.5, 0.6, 0.1, 0.7), strict=True))
    rows = stored([("mnist", arm, 0, score, True) for arm, score in scores.items()])
    failed = stored([("mnist", "logit_adjustment", 0, 0.1, False)])
    partial = stored([("svhn", "nothing", 0, 0.9, True)])
    older = stored([("mnist", "nothing", 0, 0.2, True)], "resnet18-1")
    text = chapter.glance(pd.concat([rows, failed, partial, older]))
    assert text.startswith("Cannot be told over draws")
    told = "SMOTE +0.100 (1 of 1), DeepSMOTE without a penalty +0.200 (1 of 1)"
    assert told in text
    whole = "of 1 data set (the paper's numbers of images, 1 draw of each): 0.500."
    assert whole in text
    assert "Without a result: copies, augmented copies, logit adjustment" in text
    assert "0.100" not in text.replace("+0.100", "")
    arms = ["nothing", *chapter.READINGS]
    tenth = stored([("mnist", arm, 0, 0.5, True) for arm in arms])
    tenth = tenth.assign(protocol="resnet18-1")
    assert "a tenth" in chapter.glance(tenth)
    both = pd.concat([tenth, rows[rows["method"] == "nothing"]])
    assert chapter.glance(both).endswith(
        "on MNIST and on the test of its table, doing nothing has a mean recall of 25.0 "
        "per cent (draws: 1); the paper prints 81.5 for SMOTE and 96.2 for DeepSMOTE"
    )
    assert chapter.glance(rows.iloc[:0]) == "Not answered yet."


def test_the_first_page_compares_within_draws_and_a_failure_holds_up_no_data_set():
    readings = chapter.READINGS
    three = [("mnist", "nothing", fold, 0.4 + fold / 5, True) for fold in range(3)]
    values = [
        *three,
        # Ahead of nothing in its own draw, and below the mean of all three.
        *[("mnist", arm, 0, 0.5, True) for arm in readings],
        ("mnist", "amdo", 0, 0.3, True),
        ("svhn", "nothing", 0, 0.6, True),
        ("svhn", readings[0], 0, 0.1, False),
        ("svhn", readings[1], 0, 0.5, True),
        ("svhn", "amdo", 0, 0.2, False),
    ]
    tenth = [(name, arm, 0, 0.5, True) for name, arm, *_ in values]
    rows = pd.concat([stored(values), stored(tenth, "resnet18-1")])
    text = chapter.glance(rows)
    whole = (
        "of 2 data sets (the paper's numbers of images, of SVHN a fifth, "
        "1 to 3 draws of each): 0.600."
    )
    assert whole in text
    assert (
        "authors' code +0.100 (1 of 1), DeepSMOTE without a penalty +0.000 (1 of 2)"
        in (text)
    )
    assert "MDO's step -0.100 (0 of 1)" in text


def test_figure_1_has_an_image_of_each_class_where_terms_allow_it(monkeypatch, quality):
    cell = Cell("deep_smote", "smoke", "digits_images", "smote", 0, 0, "quality-3")
    X, y, _ = chapter.draw("digits_images", 0, 0, "smoke")[0]
    (images, _), _ = _quality.generated("smote", X, y, cell)
    pictures = chapter.shown(chapter.run(cell)["picture"])
    assert len(pictures) == 9  # the most frequent class has no new images
    assert as_set(pictures) <= as_set(images)
    assert "picture" not in chapter.run(cell._replace(protocol="quality-2"))
    monkeypatch.setattr(_quality, "RESTRICTED", ("digits_images",))
    assert "picture" not in chapter.run(cell)
