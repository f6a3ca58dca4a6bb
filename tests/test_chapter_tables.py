"""What the image chapters show of stored rows: known answers, and refusals that say why."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from helpers.evaluation import gmean_macro
from helpers.experiments import deep_smote, smate
from helpers.experiments.deep_smote import _printed, _table_1
from helpers.quality import with_nearest


@pytest.fixture(autouse=True)
def closed():
    """No figure of a test stays open."""
    yield
    plt.close("all")


def table_rows(found, arms, fold=0):
    """Rows of Table 1 on a tenth of CIFAR-10: every class of an arm is found as often."""
    n_train = sum(_table_1.training_counts("cifar10", 0.1))
    n_test = sum(_table_1.deepsmote_counts("cifar10", 1).test)
    row = {
        "profile": "tenth",
        "protocol": deep_smote.PROTOCOL,
        "dataset": "cifar10",
        "seed": 0,
        "fold": fold,
        "n_train": n_train,
        "n_test": n_test,
        "learned": True,
        "train_accuracy": 0.9,
    }
    recalls = {f"{p}recall_{c}": found for p in ("", "balanced_") for c in range(10)}
    metrics = {f"{p}{m}": found for p in ("", "balanced_") for m in deep_smote.METRICS}
    own = {**row, **recalls, **metrics}
    return pd.DataFrame([{**own, "method": arm} for arm in arms])


NEEDED = [*deep_smote.SIMPLE, *deep_smote.PENALTIES]


def test_a_data_set_is_shown_when_every_reading_is_there():
    whole = table_rows(0.5, NEEDED)
    part = table_rows(0.5, NEEDED[:-1]).assign(dataset="mnist")
    found = deep_smote.complete(pd.concat([whole, part]))
    assert found.data_sets == ["cifar10"]
    assert {*found.rows["dataset"]} == {"cifar10"}
    assert found.draws["cifar10"] == 1
    assert any("MNIST is not complete" in told for told in found.lacking)
    assert any("CIFAR-10 lacks" in t and "GAMO" in t for t in found.lacking)
    assert "CIFAR-10 has 1 of 3 draws" in found.lacking


def test_without_a_complete_data_set_the_page_says_what_to_do():
    with pytest.raises(ValueError, match=r"tenth.*helpers run deep_smote"):
        deep_smote.complete(table_rows(0.5, NEEDED[:-1]))


def test_table_1_has_ours_above_the_papers_in_per_cent():
    rows = pd.concat([table_rows(0.5, NEEDED), table_rows(0.6, NEEDED, fold=1)])
    table = deep_smote.table_1(rows, "acsa")
    assert [*table.columns] == ["cifar10"]
    assert table.loc[("ours", "nothing"), "cifar10"] == "55.0 ± 7.1"
    assert table.loc[("paper", "deep_smote"), "cifar10"] == "45.3"
    assert ("paper", "AMDO") in table.index
    # The journal printed one row.
    balanced = deep_smote.table_1(rows, "acsa", "balanced")
    assert [*balanced.loc["paper"].index] == ["deep_smote"]


def test_a_plan_names_what_is_missing_and_a_full_one_nothing():
    plan = pd.DataFrame(deep_smote.cells("counts"))
    plan = plan[plan["protocol"] == deep_smote.COUNTS_PROTOCOL]
    assert deep_smote.not_there_yet(plan).missing == 0
    left = deep_smote.not_there_yet(plan[plan["method"] != "gamo"])
    assert (left.missing, left.planned) == (2, len(plan))
    assert [*left.table.index] == ["MNIST, CIFAR-10"]
    assert left.table.iloc[0, 0] == "GAMO"


def test_every_impossible_gmean_is_outside_of_what_its_acsa_allows():
    table, above, cells = deep_smote.impossible_gmeans()
    high = table["gmean_macro"] > table["most"]
    assert [*table.index[high].unique(0)] == ["mc_rbo", "deep_smote"]
    assert [*table.index[~high].unique(0)] == ["smote", "amdo"]
    assert (table["gmean_macro"] < table["least"])[~high].all()
    assert above == cells == 35
    told = deep_smote.impossible_told()
    assert "in 8: SMOTE on MNIST 83.99 (86.05 to 90.27)" in told


def test_no_confusion_matrix_has_a_lower_gmean_than_the_least():
    n, rng = np.array([20, 8, 3]), np.random.default_rng(0)
    y = np.repeat(np.arange(3), n)
    for _ in range(20_000):
        predicted = np.where(rng.random(31) < rng.random(), rng.integers(3, size=31), y)
        hits = np.bincount(y[predicted == y], minlength=3)
        acsa = (hits / n).mean()
        found = gmean_macro(y, predicted, 3)
        assert found > _printed.least_gmean(acsa, n) - 1e-9
    # And it is reached: 20 of 20 and 8 of 8 are called by the other's name.
    swapped = np.select([y == 0, y == 1], [1, 0], y)
    least = _printed.least_gmean(1 / 3, n)
    assert gmean_macro(y, swapped, 3) == pytest.approx(least)


def test_pictures_say_which_arm_gains_most():
    gains = pd.DataFrame(
        {
            "dataset": ["mnist", "mnist", "cifar10", "cifar10"],
            "method": ["smote", deep_smote.READING] * 2,
            "gain": [3.0, 1.0, 1.0, -2.0],
            "gain_bar": 0.5,
        }
    )
    said = deep_smote.draw_gains(gains)
    assert "SMOTE gains most, +2.0 points" in said
    assert "authors' code least, -0.5" in said
    assert [ax.get_title() for ax in plt.gcf().axes] == ["MNIST", "CIFAR-10"]
    assert "number 2 of 2 with -0.5" in deep_smote.gains_told(gains)
    # An arm on an easier set alone is not first.
    one = gains.iloc[:1].assign(method="mixup", gain=30.0)
    said = deep_smote.draw_gains(pd.concat([gains, one]))
    assert "SMOTE gains most of the 2 arms that all sets have, +2.0 points" in said
    labels = [tick.get_text() for tick in plt.gcf().axes[0].get_yticklabels()]
    assert labels == ["mixup", "DeepSMOTE, authors' code", "SMOTE"]


def costs(power):
    sizes = [(n, 28) for n in (250, 500, 1000, 2000)] + [(500, 56)]
    return pd.DataFrame(
        [
            {
                "dataset": f"noise-{n}x{side}x{side}",
                "method": method,
                "n_train": n,
                "sampler_seconds": (n / 1000) ** power[method] * (side / 28),
                "peak_mebibytes": 10.0,
            }
            for n, side in sizes
            for method in power
        ]
    )


def test_costs_grow_by_the_exponent_of_their_line():
    rows = costs({"smote": 0.5, "mc_ccr": 2.0})
    table = deep_smote.cost_table(rows, 1900)
    assert table.attrs["n_images"] == 2000
    assert [*table.index] == ["smote", "mc_ccr"]  # the least growth first
    assert [*table["growth with images"]] == pytest.approx([0.5, 2])
    assert [*table["with pixels"]] == pytest.approx([0.5, 0.5])  # seconds by the side
    assert deep_smote.seconds_at(table, "mc_ccr", 4000) == pytest.approx(16)
    above, steepest = deep_smote.growth_told(table)
    assert above.endswith("grow: MC-CCR.")
    assert "4.0 times" in steepest
    assert "slowest at most images: SMOTE 1.4 s, MC-CCR 4 s" in deep_smote.draw_cost(
        rows
    )


def test_an_arm_falls_from_the_least_ratio_to_the_largest():
    table = pd.DataFrame(
        [[80.0, 90.0, 70.0], [60.0, 50.0, 30.0]],
        index=["nothing", "smote"],
        columns=[20, 100, 400],
    )
    lost, rise = deep_smote.falls(table)
    assert lost.to_dict() == {"nothing": 10, "smote": 30}
    assert rise == 10
    told = deep_smote.falls_told(table)
    assert "lose 10 (nothing) to 30 points (SMOTE)" in told


@pytest.mark.parametrize("page", [deep_smote.by_ratio, deep_smote.measured_images])
def test_pages_without_rows_name_the_command_that_makes_them(page):
    with pytest.raises(ValueError, match=r"tenth.*helpers run deep_smote"):
        page(table_rows(0.5, ["nothing"]))


def test_a_distance_to_the_nearest_is_told_in_that_of_real_images():
    rows = {"feature_nearest": [2.0], "feature_nearest_real": [4.0]}
    found = with_nearest(pd.DataFrame({**rows, "feature_copies": [0.25]}))
    assert (found["nearest"][0], found["copies"][0]) == (0.5, 0.25)


def test_copies_have_no_variety_of_their_own_and_lie_on_real_images():
    X = np.random.default_rng(0).normal(size=(20, 1, 4, 4))
    y = np.repeat([0, 1], 10)
    alike = deep_smote.variety((X, y), (np.repeat(X[y == 1][:1], 9, 0), np.ones(9)))
    assert alike["spread"] == pytest.approx(0)
    assert alike["distance to nearest"] == pytest.approx(0)
    same = deep_smote.variety((X, y), (X[y == 1], y[y == 1]))
    assert same["spread"] == pytest.approx(1)


# ---------------------------------------------------------------- SMate


def pairs(found, taken, cars=0):
    """A hundred images of each class: trucks found and taken for cars, cars for trucks."""
    table = 100 * np.eye(10, dtype=int)
    table[smate.TRUCK, smate.TRUCK] = found
    table[smate.TRUCK, 1] = taken  # automobile
    table[smate.TRUCK, 0] = 100 - found - taken
    table[1, 1], table[1, smate.TRUCK] = 100 - cars, cars
    return table


def test_trucks_and_cars_are_shares_of_the_true_class():
    found = {"nothing": pairs(0, 40), "smote": pairs(30, 20, 10)}
    table = smate.trucks_and_cars(found)
    assert [*table.loc["smote"]] == pytest.approx([0.3, 0.2, 0.1])
    assert "+1.00" in smate.confused_told(table)
    assert "40% are taken for cars" in smate.confused_told(table)
    assert smate.draw_confusions(found).endswith("trucks found: nothing 0%")


def test_the_reports_own_numbers_are_held_against_its_claim():
    table = smate.higher_printed()
    assert table.loc["accuracy", "report"] == "no such number"
    assert table.loc["recall", "notebook"] == "random oversampling, ADASYN"


def figure_rows():
    metrics = {"recall_minority": [0, 20, 40], "accuracy": [40, 42, 44]}
    return pd.DataFrame(
        [
            {
                "method": arm,
                "seed": seed,
                "recall_minority": (recall + seed) / 100,
                "accuracy": accuracy / 100,
                "precision_minority": 0.5,
            }
            for arm, recall, accuracy in zip(
                ("nothing", "smate_scratch", "smate"), *metrics.values(), strict=True
            )
            for seed in (0, 1)
        ]
    )


def test_figure_6_stands_beside_what_is_printed():
    table = smate.figure_6(figure_rows())
    assert [*table.index] == ["nothing", "smate_scratch", "smate"]
    assert table.loc["smate", "recall"] == "40.5 ± 0.7"
    assert table.loc["nothing", "Figure 6"] == "76.1 / 56.0"
    assert table.loc["nothing", "draws"] == 2
    told = smate.recalls_told(figure_rows())
    assert "a GAN from scratch 20.5, SMate 40.5, SMate, which finds most, 40.5" in told
    assert "SMOTE" in told.partition("Not there yet")[2]
    assert "+1.00" in smate.price_told(figure_rows())


def test_a_lead_is_told_for_data_sets_that_have_both_arms():
    rows = figure_rows().assign(dataset="cifar10-truck-10")
    alone = rows[rows["method"] == "smate"].assign(dataset="cifar10-cat-10")
    assert smate.leads_told(pd.concat([rows, alone])) == "truck, 10 % +20.0, +20.0"


def test_games_have_printed_names():
    games = pd.DataFrame(
        {"fake_accuracy": 0.5}, index=["rmsprop 2e-05", "authors_code", "augment 10"]
    )
    assert [*smate.spotted_at_end(games).index] == [
        "RMSprop 0.00002",
        "authors' code",
        "10 augmented copies",
    ]


def test_losses_at_the_counts_are_games_of_their_own():
    losses = ["loss wgan", "early_stopping", "loss gan"]
    rows = pd.DataFrame(
        {
            "method": [*losses, "adam 0.0002"],
            "protocol": [*["gan-2"] * 3, "gan-1"],
            "fake_accuracy": [0.9, 0.6, 0.7, 0.8],
            "collapsed": [*["calls everything real"], *[np.nan] * 3],
        }
    )
    games = smate.games_of(rows, smate.COUNTS_GAN)
    assert [*smate.spotted_at_end(games).index] == ["GAN", "WGAN", "GAN, early end"]
    told = smate.failures_told(games, smate.COUNTS_GAN)
    assert told == "3 of 6 games are stored. Diverged: none; collapsed: WGAN."
    assert [*smate.games_of(rows).index] == ["adam 0.0002"]
