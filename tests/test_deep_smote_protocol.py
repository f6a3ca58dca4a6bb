"""The image chapter's protocol: what is drawn, what each arm sees, what a row holds."""

import numpy as np
import pandas as pd
import pytest

from helpers.classifiers import ResNet18Classifier
from helpers.data import DataNotAvailable, deepsmote_counts
from helpers.experiments import deep_smote as chapter
from helpers.experiments.deep_smote import _quality, _ratio, _table_1
from helpers.runs import run_cells
from helpers.store import Cell, read


def as_set(X):
    return {image.tobytes() for image in X}


@pytest.fixture(scope="module")
def drawn():
    return chapter.draw("digits_images", 0, 0, "smoke")


def test_training_and_tests_share_no_image_and_have_the_published_counts(drawn):
    (X, y), (X_test, y_test), (X_balanced, y_balanced) = drawn
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
    for (X, y), (X_again, y_again) in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(X, X_again)
        np.testing.assert_array_equal(y, y_again)


@pytest.mark.parametrize(
    "method",
    ["random_oversampling", "smote", "amdo", "mc_rbo", "bagan", "gamo", "deep_smote"],
)
def test_oversamplers_balance_and_keep_the_images(drawn, method):
    X, y = drawn[0]
    X_all, y_all, _ = chapter.resample(method, X, y, "smoke", 0)
    assert X_all.dtype == X.dtype
    assert np.bincount(y_all).tolist() == [100] * 10
    np.testing.assert_array_equal(X_all[: len(X)], X)


@pytest.mark.parametrize("method", ["dummy", "nothing", "class_weight", "mixup"])
def test_the_other_arms_see_the_images_as_they_are(drawn, method):
    X, y = drawn[0]
    X_all, y_all, extra = chapter.resample(method, X, y, "smoke", 0)
    assert X_all is X
    assert y_all is y
    assert extra == {}


def test_mc_ccr_cleans_as_published_and_keeps_every_image_in_place(drawn):
    X, y = drawn[0]
    X_all, y_all, _ = chapter.resample("mc_ccr", X, y, "smoke", 0)
    assert np.bincount(y_all).tolist() == [100] * 10
    moved = (X_all[: len(X)] != X).reshape(len(X), -1).any(axis=1)
    assert 0 < moved.sum() < len(X) / 2
    np.testing.assert_array_equal(y_all[: len(y)], y)


def test_the_cost_of_a_method_is_measured_beside_the_rest():
    cell = Cell("deep_smote", "tenth", "noise-60x8x8", "amdo", 0, 0, "cost-1")
    row = chapter.run(cell)
    assert row["n_synthetic"] == 48
    assert row["n_train"] == 60
    assert row["sampler_seconds"] > 0
    assert row["peak_mebibytes"] >= 0


def test_pixels_between_two_images_are_rounded_and_in_their_class(drawn):
    X, y = drawn[0]
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
        assert len(set(cells)) == len(cells)
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


def test_rows_of_another_protocol_stay_and_are_not_taken_for_ours(tmp_path):
    store = tmp_path / "deep_smote-smoke.csv"
    ours = [c for c in _table_1.table_cells("smoke") if c.method == "dummy"]
    older = [c._replace(protocol="resnet18-0") for c in ours]
    run_cells(older, _table_1.run_table, store)
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
    one, other = chapter.halves(rows, labels, 80)
    assert not {*one} & {*other}
    for half in (one, other):
        np.testing.assert_array_equal(labels[half - 1000], np.repeat([0, 1], 80))
        assert 1180 < half.mean() < 1220  # neither is the earlier one
    few, classes = chapter.at_most(30, rows, np.repeat([3, 7], [390, 10]))
    assert np.bincount(classes).tolist() == [0, 0, 0, 30, 0, 0, 0, 10]
    assert 1150 < few[:30].mean() < 1240


def test_a_fixed_network_needs_no_folder(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(_quality, "data_root", lambda: tmp_path / "file")
    monkeypatch.setattr(ResNet18Classifier, "fit", lambda self, X, y: made.append(self))
    chapter.feature_network("mnist", None, None, "smoke")
    assert made[0].checkpoint.parent == tmp_path / "file" / "networks"
    monkeypatch.setattr(_quality, "data_root", lambda: tmp_path / "taken")
    (tmp_path / "taken").write_text("a folder cannot be made here")
    chapter.feature_network("mnist", None, None, "smoke")
    assert made[1].checkpoint is None


@pytest.fixture
def quality(monkeypatch, tmp_path):
    """Rows of the image measures by method; the network's checkpoint in a folder apart."""
    monkeypatch.setattr(_quality, "data_root", lambda: tmp_path)
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
    coverage = chapter.by_class(pd.DataFrame([copies, real]), "feature_coverage")
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
    X, y = drawn[0]
    cell = Cell("deep_smote", "smoke", "digits_images", "-", 0, 0, "quality")
    X_new, y_new = _quality.generated("random_oversampling_augmented", X, y, cell)
    plain, labels = _quality.generated("random_oversampling", X, y, cell)
    np.testing.assert_array_equal(y_new, labels)
    assert X_new.dtype == X.dtype
    assert (X_new != plain).any(axis=(1, 2, 3)).mean() > 0.8
    # A bright pixel in the middle moves by up to four, the dark rest comes in from outside.
    X = np.zeros((50, 3, 13, 13), dtype=np.uint8)
    dots = X.copy()
    dots[:, :, 6, 6] = 200
    moved = chapter.altered(dots, X, flip=False, seed=0)
    assert moved.dtype == np.uint8
    places = np.argwhere(moved[:, 0] == 200)[:, 1:] - 6
    assert len(places) == 50
    assert places.min() == -4
    assert places.max() == 4
    assert (moved > 0).sum() == 150


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
    (_, y), (_, y_test) = _ratio.ratio_draw(cell)
    assert np.bincount(y).tolist() == chapter.ratio_counts(20, "smoke").tolist()
    assert len({*np.bincount(y_test)}) == 1
    assert row["n_balanced_test"] == len(y_test)
