"""What the image chapters claim: known answers of their tests over draws and over images."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from helpers.evaluation import Difference
from helpers.experiments import smate as chapter
from helpers.experiments.deep_smote import _claims as deep_smote
from helpers.experiments.deep_smote import _table_1, family_told, halves_told
from helpers.experiments.smate import _claims as smate
from helpers.experiments.smate import _pilot as smate_pilot
from helpers.store import load_results


def pairs(found, of=100):
    """Truth and answer of ten classes of `of` images, `found` of the last class."""
    table = np.diag([of] * 9 + [found])
    table[9, 0] = of - found
    return " ".join(map(str, table.ravel()))


def trucks(recalls, profile="tenth"):
    """Rows of SMate's chapter: recalls of each arm by draw, of 100 trucks."""
    return pd.DataFrame(
        [
            {
                "profile": profile,
                "dataset": "cifar10-truck-10",
                "method": arm,
                "seed": seed,
                "fold": 0,
                "n_train": 4550,
                "accuracy": (900 + found) / 1000,
                "recall_minority": found / 100,
                "confusion": pairs(found),
            }
            for arm, values in recalls.items()
            for seed, found in enumerate(values)
        ]
    )


def test_draws_that_share_a_tenth_are_tested_with_that_in_mind():
    rows = trucks({"smate": [30, 40, 50], "nothing": [20, 25, 30]})
    found = smate.over_draws(rows, "recall_minority", "smate", "nothing")
    right = Difference.of([0.1, 0.15, 0.2], n_train=9, n_test=1)
    assert found.mean == pytest.approx(right.mean)
    assert found.error == pytest.approx(right.error)
    assert found.n == 3


def test_draws_that_share_their_majority_are_not_tested_over_draws():
    rows = trucks({"smate": [30, 40, 50], "nothing": [20, 25, 30]}, "counts")
    found = smate.over_draws(rows, "recall_minority", "smate", "nothing")
    assert found.mean == pytest.approx(0.15)
    assert np.isnan(found.error)
    table = smate.judged_against_nothing(rows, "draws")
    assert {*table["verdict"]} == {"cannot be told"}
    assert table["p"].isna().all()


def test_single_trainings_are_tested_over_their_test_images():
    rows = trucks({"smate": [90], "nothing": [50]})
    found = smate.over_images(rows, "recall_minority", "smate", "nothing")
    assert found.mean == pytest.approx(0.4)
    p, q = 91 / 102, 51 / 102
    right = np.sqrt((p * (1 - p) + q * (1 - q)) / 100)
    assert found.error == pytest.approx(right)
    assert (found.n, found.df) == (100, 99)
    everything = smate.over_images(rows, "accuracy", "smate", "nothing")
    assert everything.mean == pytest.approx(0.04)
    assert everything.n == 1000


def test_no_truck_at_all_is_not_without_chance():
    rows = trucks({"smate_scratch": [3, 3, 3], "nothing": [0, 0, 0]})
    found = smate.over_images(rows, "recall_minority", "smate_scratch", "nothing")
    assert (
        0.02 < found.error < 0.03
    )  # as of one draw: all are tested on the same images
    table = smate.judged(rows, "images")
    assert table["verdict"].to_dict() == {
        "a GAN's images beat doing nothing: recall": "cannot be told",
        "a GAN's images beat doing nothing: accuracy": "cannot be told",
    }
    many = trucks({"smate_scratch": [20, 20, 20], "nothing": [0, 0, 0]})
    verdicts = smate.judged(many, "images")["verdict"]
    assert verdicts["a GAN's images beat doing nothing: recall"] == "yes"


def test_a_printed_gap_is_a_claim_of_its_sign():
    steady = {"nothing": [10, 11, 12], "adasyn": [40, 42, 42], "full": [50, 52, 51]}
    table = smate.judged_gaps(trucks(steady))
    assert table.loc[("report", "adasyn", "recall", "+0.0"), "verdict"] == "no"
    assert table.loc[("notebook", "adasyn", "recall", "+34.6"), "verdict"] == "yes"
    assert len(table) == 8  # two sources, two arms, two metrics
    # Half a point in print, and a little more as a float: a claim of the same.
    below = {"nothing": [50, 50, 50], "adasyn": [50.1, 50, 50.1]}
    table = smate.judged_gaps(trucks(below))
    same = table.loc[("report", "adasyn", "accuracy", "+0.5"), "difference"]
    assert abs(same) < smate.MARGIN


def test_printed_numbers_are_compared_on_all_images_only():
    recalls = {"nothing": [55, 56, 57], "adasyn": [20, 21, 22]}
    for profile, verdict in (("tenth", "not comparable"), ("counts", "outside")):
        placed = smate.placed(trucks(recalls, profile))
        assert placed["report", "adasyn", "recall"].verdict == verdict


# ---------------------------------------------------------------- DeepSMOTE


def images(arms, folds=1, dataset="mnist", profile="tenth"):
    """Rows of DeepSMOTE's table: one recall for all ten classes of each arm."""
    counts = _table_1.deepsmote_counts(dataset, 1 / 10)
    n_test = sum(_table_1.deepsmote_counts(dataset, 1).test)
    rows = []
    for method, recall in arms.items():
        for fold in range(folds):
            value = recall + 0.01 * fold
            row = {"dataset": dataset, "method": method, "seed": 0, "fold": fold}
            row |= {"profile": profile, "n_train": sum(counts.train), "n_test": n_test}
            for prefix in ("", "balanced_"):
                row |= {f"{prefix}recall_{c}": value for c in range(10)}
                row[f"{prefix}acsa"] = value
            row |= dict.fromkeys(("gmean_macro", "f1_macro"), value)
            rows.append(row)
    return pd.DataFrame(rows)


def test_an_error_of_a_mean_recall_counts_each_class_alike():
    found = deep_smote.recall_error([0.5, 1.0], [98, 8])
    p, q = 50 / 100, 9 / 10
    assert found == pytest.approx(np.sqrt(p * (1 - p) / 98 + q * (1 - q) / 8) / 2)


def test_draws_whose_tests_share_no_image_are_as_many_more_test_images():
    """But of CelebA all draws have one test."""
    arms = {"smote": 0.5, "nothing": 0.6}
    for dataset, times in (("mnist", 3), ("celeba", 1)):
        one = deep_smote.over_images(
            images(arms, dataset=dataset), "balanced_", "smote", "nothing"
        )
        three = deep_smote.over_images(
            images(arms, 3, dataset), "balanced_", "smote", "nothing"
        )
        assert three.n == times * one.n
        assert three.error == pytest.approx(one.error / np.sqrt(times), rel=0.02)


def test_one_draw_is_judged_over_test_images_and_not_over_draws():
    rows = images({deep_smote.READING: 0.9, "smote": 0.5, "nothing": 0.895})
    over_draws = deep_smote.judged(rows, "draws")
    assert {*over_draws["verdict"]} == {"cannot be told"}
    assert over_draws["p"].isna().all()
    verdicts = deep_smote.judged(rows, "images")["verdict"].xs("mnist", level="data")
    assert verdicts.to_dict() == {
        "it beats SMOTE (paper: all five)": "yes",
        "it beats SMOTE, balanced test": "yes",
        "it beats doing nothing (not in the paper)": "cannot be told",
    }
    cells = deep_smote.in_cells(deep_smote.judged(rows, "images"))
    assert cells.loc["it beats SMOTE, balanced test", "mnist"] == "+40.0 yes"


def test_a_family_says_how_many_of_its_claims_can_be_tested():
    twice = images({"nothing": 0.5, "smote": 0.6}, folds=2)
    twice.loc[0, "balanced_acsa"] += 0.02  # or both differences would be equal
    once = images({"mixup": 0.7})
    rows = pd.concat([twice, once], ignore_index=True)
    judged = deep_smote.judged(rows, "draws", deep_smote.against_nothing(rows))
    assert family_told(judged, "draws").startswith(
        "1 of 2 claims can be tested, as one"
    )
    judged = judged[judged["p"].notna()]
    assert family_told(judged, "draws").startswith("1 claims are one family")


def test_gains_are_points_over_nothing_with_the_bars_of_two_tests():
    arms = {"nothing": 0.5, "smote": 0.8, "dummy": 0.1}
    found = deep_smote.gains(images(arms, folds=2)).set_index(["dataset", "method"])
    assert [*found.index] == [("mnist", "smote")]
    gain, bar = found.loc[("mnist", "smote")]
    assert gain == pytest.approx(30)
    row = images(arms).iloc[1]
    error = deep_smote.row_error(row, "balanced_")
    n = deep_smote.n_images(row, "balanced_")[0]
    assert error == pytest.approx(np.sqrt(0.8 * 0.2 / (10 * n)), rel=0.02)
    assert error * 196 < bar < 2 * error * 196
    assert deep_smote.gains(images({"smote": 0.8})).empty


def test_every_arm_of_a_table_is_judged_against_doing_nothing():
    rows = images(
        {"dummy": 0.1, "nothing": 0.5, "smote": 0.8, "nothing_augmented": 0.4}
    )
    claims = deep_smote.against_nothing(rows)
    assert [*claims] == ["smote", "nothing_augmented"]
    cells = deep_smote.in_cells(deep_smote.judged(rows, "images", claims))
    assert cells["mnist"].to_dict() == {
        "smote": "+30.0 yes",
        "nothing_augmented": "-10.0 no",
    }


def test_rarer_and_other_classes_are_told_over_all_draws():
    rows = images({"nothing": 0.5, deep_smote.READING: 0.6}, folds=2)
    assert halves_told(rows) == "MNIST +10 and +10"


def test_several_draws_are_judged_over_draws():
    rows = images({deep_smote.READING: 0.9, "smote": 0.5}, folds=3)
    rows.loc[rows["method"] == "smote", "acsa"] += [0.0, 0.01, 0.0]
    found = deep_smote.over_draws(rows, "", deep_smote.READING, "smote")
    right = Difference.of([0.4, 0.39, 0.4], n_train=4, n_test=1)
    assert found == pytest.approx(right)


def test_no_stored_arm_no_claim():
    rows = images({"dummy": 0.1})
    assert deep_smote.judged(rows, "images").empty
    assert deep_smote.in_cells(deep_smote.judged(rows, "images")).empty


def test_papers_numbers_are_placed_at_the_papers_counts():
    tenth = images({"smote": 0.8, deep_smote.READING: 0.96}, folds=3)
    whole = tenth.assign(profile="counts")
    key = "mnist", "smote", "acsa"
    assert deep_smote.placed(tenth)[key].verdict == "not comparable"
    placed = deep_smote.placed(whole)
    assert placed[key].verdict == "inside"  # .8148 in .81 +- .05
    # GM fits no definition in some cells, and the networks of DeepSMOTE are half as wide.
    apart = {k[1:] for k, one in placed.items() if one.verdict == "not comparable"}
    metrics = ("acsa", "gmean_macro", "f1_macro")
    gmean, reading = ("smote", "gmean_macro"), deep_smote.READING
    assert apart == {gmean, *((reading, metric) for metric in metrics)}
    paper = deep_smote.placed(tenth.assign(profile="paper"))
    assert paper["mnist", reading, "acsa"].verdict != "not comparable"


def test_draws_with_one_test_are_not_judged_over_draws():
    rows = images({deep_smote.READING: 0.9, "smote": 0.5}, folds=3, dataset="celeba")
    found = deep_smote.over_draws(rows, "", deep_smote.READING, "smote")
    assert found.mean == pytest.approx(0.4)
    assert np.isnan(found.error)


def test_the_first_page_says_whether_the_transfer_helps():
    steady = {"smate": [30, 31, 33], "smate_scratch": [10, 11, 12]}
    plain = ("nothing", "random_oversampling", "threshold")
    others = {arm: [5, 6, 7] for arm in plain}
    rows = trucks(steady | others).assign(protocol=chapter.PROTOCOL)
    assert chapter.glance(rows).startswith("Yes. Truck recall on a tenth of CIFAR-10")
    loose = rows.assign(recall_minority=np.where(rows["seed"] == 0, 0.9, 0.1))
    assert chapter.glance(loose).startswith("Cannot be told. ")
    waiting = rows[rows["method"] != "smate"]
    assert chapter.glance(waiting).startswith("Not answered yet. ")
    one = rows[(rows["method"] != "threshold") | (rows["seed"] == 0)]
    assert "0.05 with a tuned threshold (1)" in chapter.glance(one)
    # The report's counts are told once all arms of the sentence are there.
    counts = rows.assign(protocol=chapter.COUNTS_PROTOCOL, profile="counts")
    some = pd.concat([rows, counts[counts["method"] == "nothing"]])
    told = chapter.glance(some)
    assert told.startswith(chapter.glance(rows))
    assert "doing nothing finds 0.06 ± 0.01 (n = 3) of the trucks" in told
    assert "on the paper's CIFAR-10" in chapter.glance(pd.concat([rows, counts]))


def test_the_reports_counts_are_told_of_the_arms_that_are_there():
    rows = trucks({"nothing": [40, 50, 60], "smote": [90], "full": [80]}, "counts")
    rows = rows.assign(protocol=chapter.COUNTS_PROTOCOL, precision_minority=0.5)
    assert len(chapter.at_counts(pd.concat([rows, rows.assign(protocol="else")]))) == 5
    missing = chapter.missing_at_counts(rows)
    assert missing.startswith(
        "5 of 25 rows of this table are there. Begun: SMOTE (1 of 3"
    )
    assert "nothing, longer" in missing.partition("Not there yet")[2]
    assert "nothing (" not in missing

    gains = chapter.gains_at_counts(rows)
    assert [*gains.index] == ["full", "smote"]
    # Corrected for all claims of the plan, 13 arms in recall and in accuracy.
    planned = smate.judged_against_nothing(rows, "images", planned=26)
    tellable = 100 * planned["tellable"]["smote", "recall"].item()
    assert gains.loc["smote", ("recall", "could tell")] == f"{tellable:.1f}"
    alone = smate.judged_against_nothing(rows, "images")
    assert (planned["p_holm"] > alone["p_holm"]).all()
    assert gains.loc["smote", ("recall", "over images")] == "yes"
    assert chapter.gains_at_counts(rows[rows["method"] == "nothing"]).empty

    told = chapter.counts_told(rows)
    assert "doing nothing finds 0.50 ± 0.10 (n = 3) of the trucks" in told
    assert (
        "Of the report's samplers: SMOTE 0.90 (n = 1; there 0.51, 0.51). Draws of one arm "
        in told
    )
    assert "differ by up to 0.20 (nothing, 0.40 to 0.60), of which no" in told
    tuned = trucks({"nothing": [40], "threshold": [70]}, "counts")
    tuned = tuned.assign(protocol=chapter.COUNTS_PROTOCOL)
    assert chapter.counts_told(tuned).endswith(
        "Without another image: tuned threshold 0.70 (n = 1)"
    )
    assert chapter.counts_told(rows[rows["method"] == "smote"]) == ""


def test_gans_of_fewer_channels_are_not_placed():
    recalls = {"nothing": [40, 50, 60], "smate_scratch": [40, 50, 60]}
    placed = smate.placed(trucks(recalls, "counts"))
    assert placed["report", "smate_scratch", "recall"].verdict == "not comparable"
    assert placed["report", "nothing", "recall"].verdict != "not comparable"
    full = smate.placed(trucks(recalls, "paper"))
    assert full["report", "smate_scratch", "recall"].verdict != "not comparable"


def test_the_pilot_is_told_from_its_rows():
    rows = pd.DataFrame(
        {
            "protocol": smate_pilot.PILOT_PROTOCOL,
            "method": ["full 0.001 20", "nothing 0.001 20", "full 0.001 5"],
            "accuracy": [0.7654, 0.7, 0.1],
            "recall_minority": [0.89, 0.456, 0.1],
        }
    )
    told = chapter.pilot_told(rows)
    assert "an accuracy of 76.5 per cent and a truck recall of 0.89" in told
    assert "0.46 with a tenth" in told


def test_trucks_that_were_not_judged_are_named():
    stored = load_results("smate", "tenth")
    judged = stored[stored["protocol"] == chapter.QUALITY_PROTOCOL]
    without = judged[judged["method"] != "smote"]
    assert "Not judged" in chapter.left_out_told(without)
    assert "SMOTE" in chapter.left_out_told(without).partition("Not judged")[2]
    assert "SMOTE" not in chapter.left_out_told(judged).partition("Not judged")[2]


def test_truck_recalls_of_the_report_are_whole_per_cents():
    rows = trucks({"nothing": [56.4] * 3}, profile="counts")
    found = chapter.placed(rows)["report", "nothing", "recall"]
    assert found.printed == 0.56 < found.low
    assert found.verdict == "inside"  # .564 would be printed as 56 %
    further = trucks({"nothing": [56.6] * 3}, profile="counts")
    assert chapter.placed(further)["report", "nothing", "recall"].verdict == "outside"


def test_the_nearest_of_many_measures_owes_something_to_chance():
    rng = np.random.default_rng(0)
    names = [f"m{i}" for i in range(8)]
    points = pd.DataFrame(rng.normal(size=(24, 9)), columns=[*names, "gain"])
    points["dataset"] = np.repeat(["a", "b", "c"], 8)
    points["method"] = [*range(8)] * 3
    chance = deep_smote.by_chance(points, names, random_state=0)
    assert 0.05 < chance <= 1  # nothing here follows the gain
    points["m3"] = np.exp(points["gain"])
    found = deep_smote.agreement(points, names)
    assert found.loc["m3"].to_list() == pytest.approx([1, 1, 1])
    expected = stats.spearmanr(points["m1"][:8], points["gain"][:8]).statistic
    assert found.loc["m1", "a"] == pytest.approx(expected)
    assert deep_smote.by_chance(points, names, random_state=0) < 0.01
    # The same set three times is one set: what one agrees by chance, three do as often.
    once = points[:8].assign(m3=rng.normal(size=8))
    thrice = pd.concat([once.assign(dataset=name) for name in "abc"])
    one, three = (
        deep_smote.by_chance(p, names, random_state=1) for p in (once, thrice)
    )
    assert one == three
    # A set of fewer arms than asked for is in neither.
    assert [*deep_smote.agreement(points[:20], names, least=5)] == ["a", "b"]


def test_doing_nothing_is_placed_beside_the_largest_effect_of_its_source():
    rows = trucks({"nothing": [44, 47], "smote": [60, 67]}, "counts")
    found = chapter.placed(rows.assign(protocol=chapter.COUNTS_PROTOCOL))
    # An interval of some fifty points says nothing of what a method does.
    assert found["report", "nothing", "recall"].verdict == "too loose to say"


def test_both_sources_stand_beside_one_column_of_ours():
    rows = trucks({"nothing": [44, 47, 46], "smote": [60, 67, 64]}, "counts")
    found = chapter.report_beside_ours(rows.assign(protocol=chapter.COUNTS_PROTOCOL))
    assert [*found.columns.unique(0)] == ["ours", "report", "notebook"]
    line = found.loc["nothing", "recall"]
    assert line["report", "printed"] == "0.560"
    assert line["notebook", "verdict"] == "outside"
    assert found.index.is_unique
