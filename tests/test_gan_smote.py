"""GAN-SMOTE: the stack, the three tricks, bits in and bits out, and the paper's benchmark."""

import functools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.data import load_wine_onehot
from helpers.experiments import gan_smote as chapter
from helpers.over_sampling import GANSMOTE, fit_stacked
from helpers.over_sampling._stacked_gans import (
    BLOCK,
    StackedGANs,
    _bits,
    _SumOfDistances,
    sum_of_distances,
)

#: Long enough for two blocks and a rest, short enough for milliseconds.
SHORT = {"epochs": 50, "flip_epochs": 40, "restart_every": 20, "device": "cpu"}
PAPER = GANSMOTE(device="cpu", random_state=0)


def bits(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 2, shape).astype(float)


@pytest.fixture
def three_classes():
    """Twelve, seven and four rows of nine bits."""
    y = np.repeat([0, 1, 2], [12, 7, 4])
    return bits(len(y), 9), y


def weights(sampler, name):
    return [p.detach() for p in sampler.networks_[name].parameters()]


# ------------------------------------------------------------------ distances


@pytest.mark.parametrize("n", [2, 3, 17, 70])
def test_sums_of_distances_and_their_gradient(n):
    """Against the table of all distances, with ties; 70 rows need the wider keys."""
    x = torch.rand(n, 6, generator=torch.Generator().manual_seed(n))
    x[: n // 2, 0] = 0.25
    ours, plain = x.clone().requires_grad_(), x.clone().requires_grad_()
    upstream = torch.arange(1.0, n + 1)
    sums, expected = sum_of_distances(ours), torch.cdist(plain, plain, p=1).sum(1)
    assert torch.allclose(sums, expected, rtol=1e-5)
    (sums * upstream).sum().backward()
    (expected * upstream).sum().backward()
    # Where values tie, any slope between those of both sides is a subgradient.
    assert torch.allclose(ours.grad[:, 1:], plain.grad[:, 1:], rtol=1e-4)


def test_padding_counts_for_nothing():
    rows = torch.rand(5, 4)
    padded = torch.cat([rows, torch.full((3, 4), 0.5)])
    gans = PAPER.stack(np.concatenate([bits(5, 4), bits(8, 4)]), [0] * 5 + [1] * 8)
    both = gans.sums(torch.stack([padded, torch.rand(8, 4)]))
    assert torch.allclose(both[0, :5], sum_of_distances(rows), rtol=1e-5)
    assert (both[0, 5:] == 0).all()


@pytest.mark.parametrize(("n_max", "n"), [(33, 20), (40, 34), (64, 60), (65, 64)])
def test_padding_of_ones_stays_behind_the_rows(n_max, n):
    x = torch.rand(2, n_max, 3, generator=torch.Generator().manual_seed(0))
    x[1, n:] = 1
    sums = _SumOfDistances.apply(x, torch.tensor([n_max, n]))
    expected = torch.cdist(x[1, :n], x[1, :n], p=1).sum(1)
    assert torch.allclose(sums[1, :n], expected, rtol=1e-5)


def test_the_authors_distance_is_to_one_row_and_carries_no_gradient():
    """The slip of their cell 17: all distances to the row with index 3."""
    sampler = GANSMOTE.preset("authors_code", device="cpu", random_state=0)
    table = bits(18, 58)
    gans = sampler.stack(table)
    rows = torch.as_tensor(table, dtype=torch.float32)[None].requires_grad_()
    sums = gans.sums(rows)
    assert sums.shape == (1, 1)
    assert sums.item() == np.abs(table - table[3]).sum()
    assert not sums.requires_grad


# ------------------------------------------------------------------ one loop for all


@pytest.mark.parametrize("minibatch_l1", ["per_sample", "authors_code", None])
def test_the_stack_equals_each_gan_alone(minibatch_l1):
    """Fifty epochs, classes of different sizes: the same networks, whatever is beside."""
    common = {**SHORT, "minibatch_l1": minibatch_l1}
    datasets = []
    for fold in range(3):
        y = np.repeat([0, 1, 2], [14, 5 + fold, 9 - 2 * fold])
        datasets.append((bits(len(y), 9, seed=fold), y))
    stacked = [GANSMOTE(random_state=fold, **common) for fold in range(3)]
    resampled = fit_stacked(stacked, datasets)
    for fold, (X, y) in enumerate(datasets):
        alone = GANSMOTE(random_state=fold, **common)
        X_alone, y_alone = alone.fit_resample(X, y)
        assert (resampled[fold][1] == y_alone).all()
        assert (resampled[fold][0] == X_alone).all()
        assert alone.networks_.keys() == stacked[fold].networks_.keys()
        for name in alone.networks_:
            pairs = zip(weights(alone, name), weights(stacked[fold], name), strict=True)
            assert all(torch.allclose(a, b, atol=1e-5) for a, b in pairs)
        pd.testing.assert_frame_equal(alone.history_, stacked[fold].history_, atol=1e-4)
        assert stacked[fold].sample(1, 3, random_state=0).shape == (3, 9)


def test_a_stack_refuses_samplers_that_train_differently(three_classes):
    samplers = [GANSMOTE(**SHORT), GANSMOTE(**{**SHORT, "epochs": 60})]
    with pytest.raises(ValueError, match=r"differ in \['epochs'\]"):
        fit_stacked(samplers, [three_classes] * 2)
    X, y = three_classes
    with pytest.raises(ValueError, match="rows of different shapes"):
        fit_stacked([GANSMOTE(**SHORT)] * 2, [(X, y), (X[:, 1:], y)])


def test_training_goes_on_after_a_kill(three_classes, tmp_path, monkeypatch):
    def make(**more):
        return GANSMOTE(
            random_state=0, checkpoint=tmp_path / "gans.pt", **SHORT, **more
        )

    expected, _ = GANSMOTE(random_state=0, **SHORT).fit_resample(*three_classes)
    run, blocks = StackedGANs.run, []

    def killed(self, n_epochs):
        blocks.append(n_epochs)
        if len(blocks) == 2:
            raise KeyboardInterrupt
        return run(self, n_epochs)

    monkeypatch.setattr("helpers.training.HEARTBEAT", 0)
    monkeypatch.setattr("helpers.training.Checkpoint.due", True)
    with monkeypatch.context() as patch:
        patch.setattr(StackedGANs, "run", killed)
        with pytest.raises(KeyboardInterrupt):
            make().fit_resample(*three_classes)
    blocks.clear()
    monkeypatch.setattr(
        StackedGANs, "run", lambda self, n: (blocks.append(n), run(self, n))[1]
    )
    X, _ = make().fit_resample(*three_classes)
    assert blocks == [BLOCK, 10]  # the first block was not trained again
    assert (expected == X).all()


# ------------------------------------------------------------------ schedules and tricks


def test_schedules_are_the_papers():
    gans = PAPER.stack(bits(6, 4))
    assert [gans.flip_rate(e) for e in (0, 18_500, 37_000, 39_999)] == [0.3, 0.15, 0, 0]
    rates = [gans.learning_rate(e) for e in (0, 500, 999, 1_000, 39_000)]
    assert rates == pytest.approx([1e-3, 5.5e-4, 1e-4, 1e-3, 1e-3], rel=1e-3)
    authors = GANSMOTE.preset("authors_code", device="cpu").stack(bits(6, 4))
    rates = [authors.learning_rate(e) for e in (0, 1_999, 2_000)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-3])


def test_architecture_is_the_papers(three_classes):
    X, y = bits(30, 58), np.repeat([0, 1], [20, 10])
    sampler = GANSMOTE(random_state=0, **SHORT).fit(X, y)

    def sizes(name):
        network = sampler.networks_[name]
        return [m.weight.shape[::-1] for m in network if hasattr(m, "weight")]

    assert sizes("generator 1") == [(16, 16), (16, 32), (32, 58)]
    assert sizes("discriminator 1") == [(59, 32), (32, 16), (16, 1)]
    assert "generator 0" not in sampler.networks_  # the largest class needs no rows


@pytest.mark.parametrize("wide", [True, False])
def test_random_bits_are_as_often_0_as_1_in_every_place(wide):
    """Also where a device draws no words of 64 bits."""
    device = torch.device("cpu")
    generator = torch.Generator().manual_seed(0)
    bits = _bits((20, 50, 3), generator, device, wide)
    assert bits.dtype == torch.int16
    assert bits.shape == (20, 50, 12)
    words = bits.numpy().view(np.uint16)[..., None] >> np.arange(16)
    rates = (words & 1).reshape(-1, 16).mean(axis=0)
    assert np.abs(rates - 0.5).max() < 0.03


def test_bits_are_flipped_at_the_rate_of_the_epoch_and_blurred():
    table = bits(40, 50)
    gans = PAPER.stack(table)
    u = torch.rand(1, 40, 50, generator=torch.Generator().manual_seed(0))
    for epoch, rate in ((0, 0.3), (18_500, 0.15), (38_000, 0.0)):
        gans.epoch = epoch
        seen = gans.blur_and_flip(u)[0].numpy()
        flipped = np.abs(seen - table) > 0.5
        assert flipped.mean() == pytest.approx(rate, abs=0.03)
        distance = np.minimum(seen, 1 - seen)
        assert distance.min() >= 0
        assert distance.max() <= 0.02
        assert distance.mean() == pytest.approx(0.01, abs=5e-4)
        if rate:  # how much a bit is blurred does not tell whether it was flipped
            assert distance[flipped].mean() == pytest.approx(0.01, abs=1.5e-3)


def test_dropout_masks_drop_their_share_and_keep_the_mean():
    gans = PAPER.stack(bits(40, 5))
    _, _, words = gans._noise()
    first, second = gans._dropout_masks(words[0])
    assert [m.shape for m in first] == [(1, 80, 32), (1, 80, 16)]
    assert [m.shape for m in second] == [(1, 40, 32), (1, 40, 16)]
    together = torch.cat([m.flatten() for m in (*first, *second)])
    assert together.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert (together == 0).float().mean() == pytest.approx(0.3, abs=0.02)


def test_the_generators_learn_the_rows():
    """Two patterns in each class: nearly all generated rows are one of them, and both come."""
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], float)
    X, y = patterns[np.arange(96) % 2], np.repeat([0, 1, 2, 3], 24)
    sampler = GANSMOTE(
        sampling_strategy=dict.fromkeys(range(4), 25),
        epochs=1200,
        flip_epochs=900,
        lr=1e-3,
        restart_every=150,
        random_state=0,
        device="cpu",
    ).fit(X, y)
    for label in range(4):
        rows = sampler.sample(label, 200, random_state=0)
        shares = [(rows == pattern).all(axis=1).mean() for pattern in patterns]
        assert sum(shares) > 0.8
        assert min(shares) > 0.2  # not one of them alone, which would be collapse


# ------------------------------------------------------------------ bits in, bits out


def test_groups_make_every_row_valid():
    """Wine is strictly one-hot: exactly one value per attribute, in each new row."""
    wine = load_wine_onehot()
    groups = wine.feature_groups
    parameters = {"random_state": 0, "feature_groups": groups, **SHORT}
    X, _ = GANSMOTE(decode="group_argmax", **parameters).fit_resample(
        *wine_arrays(wine)
    )
    assert all((X[:, group].sum(axis=1) == 1).all() for group in groups)
    X, _ = GANSMOTE(decode="round", **parameters).fit_resample(*wine_arrays(wine))
    assert not all((X[:, group].sum(axis=1) == 1).all() for group in groups)


def wine_arrays(wine):
    return wine.data, wine.target


def test_an_attribute_that_may_be_missing_may_stay_missing():
    X = np.array([[1, 0, 0, 1], [0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]] * 5, float)
    y = np.repeat([0, 1], [14, 6])
    sampler = GANSMOTE(
        feature_groups=[[0, 1], [2, 3]],
        decode="group_argmax",
        random_state=0,
        **SHORT,
    ).fit(X, y)
    assert sampler._never_empty == [False, True]
    generator = sampler.networks_["generator 1"]
    with torch.no_grad():  # nothing is sure of itself
        generator[-2].weight.zero_()
        generator[-2].bias.copy_(torch.tensor([-1.0, -2.0, -1.0, -2.0]))
    assert (sampler.sample(1, 3, random_state=0) == [0, 0, 1, 0]).all()


def test_groups_survive_saving(three_classes, tmp_path):
    groups = [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    sampler = GANSMOTE(
        feature_groups=groups, decode="group_argmax", random_state=0, **SHORT
    ).fit(*three_classes)
    sampler.save(tmp_path / "sampler.pt")
    loaded = GANSMOTE.load(tmp_path / "sampler.pt")
    expected = sampler.sample(2, 20, random_state=3)
    assert (loaded.sample(2, 20, random_state=3) == expected).all()


def test_median_bits_decode_to_the_means_on_both_sides():
    X = np.array([[0.0, 5], [1, 5], [2, 5], [10, 5], [20, 5], [30, 7]])
    y = [0, 0, 0, 0, 1, 1]
    X_new, _ = GANSMOTE(binarize="median", random_state=0, **SHORT).fit_resample(X, y)
    # Column 0 is cut at 6, column 1 at 5, where only 7 lies above.
    assert set(X_new[6:, 0].round(5)) <= {1.0, 20.0}
    assert set(X_new[6:, 1].round(5)) <= {5.0, 7.0}


def test_more_than_balance_and_columns_that_never_vary(three_classes):
    X, y = three_classes
    X[:, 0] = 0
    strategy = {0: 12, 1: 30, 2: 40}
    free = GANSMOTE(
        sampling_strategy=strategy, value_range=(0, 1), random_state=0, **SHORT
    )
    X_new, y_new = free.fit_resample(X, y)
    assert np.bincount(y_new).tolist() == [12, 30, 40]
    assert set(np.unique(X_new)) == {0, 1}
    assert X_new[:, 0].any()  # after 50 epochs the networks know little yet
    held = GANSMOTE(sampling_strategy=strategy, random_state=0, **SHORT)
    assert not held.fit_resample(X, y)[0][:, 0].any()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"feature_groups": [[0, 1], [1, 2, 3]]}, r"overlap: column\(s\) \[1\]"),
        ({"feature_groups": [[0, 1], [2]]}, r"miss column\(s\) \[3\]"),
        ({"feature_groups": [[0, 1, 2, 3], [4]]}, r"name column\(s\) \[4\]"),
        ({"decode": "group_argmax"}, "needs feature_groups"),
    ],
)
def test_groups_that_do_not_fit_are_refused(parameters, message):
    X, y = bits(12, 4), np.repeat([0, 1], [8, 4])
    with pytest.raises(ValueError, match=message):
        GANSMOTE(**SHORT, **parameters).fit_resample(X, y)


def test_other_values_are_refused_with_column_and_cure():
    frame = pd.DataFrame(bits(12, 3), columns=["a", "b", "c"])
    frame.loc[2, "b"], frame.loc[5, "b"] = 0.5, -3
    y = np.repeat([0, 1], [8, 4])
    message = r"Column 'b' holds -3, 0.5; .*\(1 of 3 columns.*binarize='median'"
    with pytest.raises(ValueError, match=message):
        GANSMOTE(**SHORT).fit_resample(frame, y)
    X, _ = GANSMOTE(binarize="median", **SHORT).fit_resample(frame, y)
    assert list(X.columns) == ["a", "b", "c"]


def test_a_schedule_longer_than_the_training_is_scaled_with_a_warning():
    X, y = bits(12, 4), np.repeat([0, 1], [8, 4])
    with pytest.warns(UserWarning, match=r"flipped over 37 epochs.*restarts every 40"):
        sampler = GANSMOTE(epochs=40, device="cpu").fit(X, y)
    assert (sampler.flip_epochs_, sampler.restart_every_) == (37, 40)


def test_the_first_restart_is_scaled_too_and_is_one():
    X, y = bits(12, 4), np.repeat([0, 1], [8, 4])
    with pytest.warns(UserWarning, match="restarts every 190, from 10 on"):
        sampler = GANSMOTE.preset("authors_code", epochs=200, device="cpu").fit(X, y)
    assert (sampler.restart_from_, sampler.restart_every_) == (10, 190)
    settings = {"restart_from": 30, "restart_every": 40, "epochs": 200}
    stack = GANSMOTE(lr=1.0, flip_epochs=100, **settings, device="cpu").fit(X, y)
    rate = functools.partial(StackedGANs.learning_rate, SimpleNamespace(settings=stack))
    never = GANSMOTE(epochs=100, flip_epochs=50, restart_from=10**6, device="cpu").fit(
        X, y
    )
    assert (never.restart_from_, never.restart_every_) == (10**6, 1000)
    # Ten times the rate at each restart, and half-way down in the middle between two.
    assert [rate(e) for e in (0, 29, 30, 70)] == [1, 1, 10, 10]
    assert rate(50) == pytest.approx(5.5)


def test_images_of_zeros_and_ones_are_told_their_range():
    X = bits(12, 64).reshape(12, 8, 8).astype(np.uint8)
    y = np.repeat([0, 1], [8, 4])
    with pytest.raises(ValueError, match=r"value_range=\(0, 1\)"):
        GANSMOTE(**SHORT).fit_resample(X, y)
    made, _ = GANSMOTE(value_range=(0, 1), **SHORT).fit_resample(X, y)
    assert {*np.unique(made)} <= {0, 1}


# ------------------------------------------------------------------ the paper's benchmark


def test_duplicates_stay_together_in_grouped_folds():
    wine = load_wine_onehot()
    X = np.concatenate([wine.data, wine.data[:60]])
    y = np.concatenate([wine.target, wine.target[:60]])
    shared = {"folds": 0, "grouped": 0}
    for split in shared:
        for train, test in chapter.folds(X, y, split, 0):
            seen = {row.tobytes() for row in X[train]}
            shared[split] += sum(row.tobytes() in seen for row in X[test])
            assert len(set(train) | set(test)) == len(X)
    assert shared["grouped"] == 0
    assert shared["folds"] > 50


def test_shuffled_groups_make_folds_of_the_same_shape_from_other_rows():
    wine = load_wine_onehot()
    X = np.concatenate([wine.data, wine.data[:60]])
    y = np.concatenate([wine.target, wine.target[:60]])

    def shapes(split):
        parts = chapter.folds(X, y, split, 0)
        return sorted(tuple(np.bincount(y[test], minlength=3)) for _, test in parts)

    def repeated(split):
        """Test rows whose like is in the training part."""
        number = chapter.duplicate_groups(X)
        parts = chapter.folds(X, y, split, 0)
        return sum(np.isin(number[test], number[train]).sum() for train, test in parts)

    assert shapes("shuffled") == shapes("grouped") != shapes("folds")
    assert repeated("grouped") == 0 < repeated("shuffled")


def test_rows_wanted():
    y = np.repeat([0, 1, 2], [5, 3, 4])
    assert chapter.wanted(y, "folds") == {0: 0, 1: 2, 2: 1}
    for train, _ in chapter.folds(
        bits(120, 3), np.repeat([0, 1], [80, 40]), "enlarged2", 0
    ):
        y = np.repeat([0, 1], [80, 40])[train]
        assert np.bincount(y).tolist() == [36, 36]
        assert chapter.wanted(y, "enlarged4") == {0: 108, 1: 108}


def test_the_honest_reading_never_sees_the_test_labels():
    wine = load_wine_onehot()
    X, y = wine.data, wine.target
    train, test = chapter.folds(X, y, "folds", 0)[0]
    network = chapter.PaperNetwork().fit(X[train], y[train])
    right = (network.predict(X[test]) == y[test]).mean()
    assert right > 0.8
    assert (
        network.course(X[test])[network.honest_epoch_ - 1].argmax(1) == y[test]
    ).mean() == right
    # The paper's reading does: it cannot be worse than the honest one.
    row = chapter.best_epoch(network, X[test], y[test])
    assert row["accuracy_best_epoch"] >= right
    other = chapter.best_epoch(network, X[test], (y[test] + 1) % 3)
    assert other["accuracy_best_epoch"] < row["accuracy_best_epoch"]
    assert other["honest_epoch"] == row["honest_epoch"]


def test_the_honest_epoch_is_chosen_on_real_rows_alone():
    wine = load_wine_onehot()
    X, y = wine.data, wine.target
    plain = chapter.PaperNetwork().fit(X, y)
    more = np.concatenate([X, 1 - X]), np.concatenate([y, y])
    mixed = chapter.PaperNetwork(n_real=len(y)).fit(*more)
    assert mixed.honest_epoch_ == plain.honest_epoch_
    assert (mixed.predict_proba(X) != plain.predict_proba(X)).any()


def test_samples_are_judged():
    groups = [[0, 1], [2, 3]]
    real = np.array([[1, 0, 1, 0], [0, 1, 0, 1]] * 10, float)
    same = chapter.judge_samples(real, real, groups)
    assert same["valid"] == same["copies"] == same["coverage"] == same["spread"] == 1
    collapsed = chapter.judge_samples(real, np.tile([1.0, 1, 1, 0], (20, 1)), groups)
    assert collapsed["valid"] == collapsed["copies"] == collapsed["spread"] == 0
    assert collapsed["coverage"] == 0
    assert collapsed["distinct"] == 0.05
    assert collapsed["ones"] == 3
    half = chapter.judge_samples(real, real[[0] * 10], groups)
    assert half["coverage"] == 0.5


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["grain", "sorting"], "lists of column numbers"),
        ([[0, 1], [], [2, 3]], "Group 1 of feature_groups is empty"),
        ([[0, 1.5], [2, 3]], "lists of column numbers"),
    ],
)
def test_groups_that_are_no_column_numbers_are_refused(groups, message):
    sampler = GANSMOTE(feature_groups=groups)
    with pytest.raises(ValueError, match=message):
        sampler.fit_resample(bits(12, 4), [0] * 8 + [1] * 4)


def test_groups_may_be_numpy_and_survive_saving(tmp_path):
    groups = [np.arange(0, 2), np.arange(2, 6)]
    sampler = GANSMOTE(
        feature_groups=groups, decode="group_argmax", epochs=2, random_state=0
    )
    sampler.fit_resample(bits(14, 6), [0] * 9 + [1] * 5)
    sampler.save(tmp_path / "gans.pt")
    loaded = GANSMOTE.load(tmp_path / "gans.pt")
    rows = loaded.sample(1, 20, random_state=3)
    np.testing.assert_array_equal(rows, sampler.sample(1, 20, random_state=3))
    assert (rows[:, :2].sum(axis=1) <= 1).all()
    assert (rows[:, 2:].sum(axis=1) <= 1).all()


def test_argmax_asked_for_after_fitting_without_groups_is_refused():
    sampler = GANSMOTE(epochs=2, random_state=0)
    sampler.fit_resample(bits(12, 4), [0] * 8 + [1] * 4)
    sampler.set_params(decode="group_argmax")
    with pytest.raises(ValueError, match="needs feature_groups"):
        sampler.sample(1, 2)


def test_a_stack_refuses_checkpoints(tmp_path):
    samplers = [GANSMOTE(epochs=2, checkpoint=tmp_path / "a.pt") for _ in range(2)]
    data = (bits(12, 4), np.repeat([0, 1], [8, 4]))
    with pytest.raises(ValueError, match="writes no checkpoints"):
        fit_stacked(samplers, [data, data])


@pytest.mark.parametrize("balanced", [[1], [0, 2], [0, 1, 2]])
def test_a_stack_of_folds_some_of_which_need_nothing(balanced):
    X, even, uneven = bits(12, 4), np.repeat([0, 1], 6), np.repeat([0, 1], [8, 4])
    datasets = [(X, even if fold in balanced else uneven) for fold in range(3)]
    samplers = [GANSMOTE(**SHORT | {"random_state": fold}) for fold in range(3)]
    for fold, (X_new, y_new) in enumerate(fit_stacked(samplers, datasets)):
        n = 0 if fold in balanced else 4
        assert len(X_new) == len(y_new) == 12 + n
        assert samplers[fold].synthetic_mask_.sum() == n
        assert samplers[fold].history_.empty == (n == 0)
        assert bool(samplers[fold].networks_) == (n > 0)


def test_a_stack_that_failed_has_nothing_fitted(monkeypatch):
    data = bits(12, 4), np.repeat([0, 1], [8, 4])
    samplers = [GANSMOTE(**SHORT).fit(*data), GANSMOTE(**SHORT)]

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(StackedGANs, "run", fail)
    with pytest.raises(KeyboardInterrupt):
        fit_stacked(samplers, [data, data])
    for sampler in samplers:
        assert [n for n in vars(sampler) if n.endswith("_")] == []


def test_what_the_critic_sees_is_blurred_and_flipped(monkeypatch):
    blur_and_flip = StackedGANs.blur_and_flip
    monkeypatch.setattr(
        StackedGANs,
        "blur_and_flip",
        lambda self, u: torch.full_like(blur_and_flip(self, u), torch.nan),
    )
    X = np.random.default_rng(0).integers(0, 2, (12, 4)).astype(float)
    short = {"epochs": 20, "flip_epochs": 10, "restart_every": 10, "device": "cpu"}
    with pytest.raises(FloatingPointError):
        GANSMOTE(**short).fit(X, [0] * 8 + [1] * 4)


def test_looking_into_the_training_changes_no_fitted_sampler():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (40, 6)).astype(float), np.repeat([0, 1], [30, 10])
    told = {"epochs": 2, "flip_epochs": 1, "random_state": 0, "device": "cpu"}
    sampler = GANSMOTE(**told).fit(X, y)
    before = sampler.sample(1, 3, 0)
    sampler.stack(X[:, :4], y)
    np.testing.assert_array_equal(sampler.sample(1, 3, 0), before)
