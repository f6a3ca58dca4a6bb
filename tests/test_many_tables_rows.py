"""What is made of the rows of many tables: tests over sources, ranks, decision table."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from scipy import stats

from helpers import decisions
from helpers.experiments import many_tables
from helpers.experiments.many_tables import _rule

from .conftest import ROOT

ARMS = [m for m in many_tables.CHEAP + many_tables.DEEP if m != "dummy"]


def made_rows(gain=None, tables=many_tables.TABLES, arms=ARMS, seed=0):
    """Rows in which arms gain what is said, and a threshold gains .2 in mean recall."""
    rng = np.random.default_rng(seed)
    rows = []
    for table in tables:
        level = rng.uniform(0.4, 0.7)
        for arm in arms:
            for fold in range(2):
                for classifier in many_tables.CLASSIFIERS:
                    more = (gain or {}).get(arm, 0) + rng.normal(0, 0.004)
                    balanced = arm not in ("nothing",)
                    rows.append(
                        {
                            "dataset": table,
                            "method": arm,
                            "seed": 0,
                            "fold": fold,
                            "protocol": many_tables.PROTOCOL,
                            "classifier": classifier,
                            "error": "",
                            "pr_auc": level + more,
                            "acsa": level + 0.15 * balanced + more,
                            "tuned_acsa": level + 0.2 + more,
                            "log_loss": 0.2 + 0.1 * balanced - more,
                            "corrected_log_loss": 0.2 - more,
                        }
                    )
    return pd.DataFrame(rows)


# ---------------------------------------------------------------- tests over sources


def test_the_primary_test_counts_one_table_a_family():
    rows = made_rows({"smote": 0.05, "gan": -0.05})
    table = many_tables.primary(rows)
    assert (table["n"] == 16).all()
    assert (table["splits"] == 2).all()
    assert table.index[0] == "smote"
    assert table.index[-1] == "gan"
    for arm in ("smote", "gan"):
        assert table.loc[arm, "p"] == pytest.approx(2 / 2**16)
        assert table.loc[arm, "p_holm"] < 0.05
    # Against the sums by hand: means over folds first, then Wilcoxon's test.
    own = rows[
        (rows["classifier"] == "boosting") & ~rows["dataset"].isin(["cm1", "pc1"])
    ]
    means = own.pivot_table(values="pr_auc", index="dataset", columns="method")
    p = stats.wilcoxon(means["ctgan"] - means["nothing"]).pvalue
    assert table.loc["ctgan", "p"] == pytest.approx(p)


def test_what_failed_counts_nowhere_and_is_named():
    rows = made_rows({"smote": 0.05})
    failed = (rows["method"] == "adasyn") & (rows["dataset"] == "yeast4")
    rows.loc[failed, "error"] = "ValueError: no neighbours"
    rows.loc[failed, "pr_auc"] = 9.0
    table = many_tables.primary(rows)
    assert table.loc["adasyn", "n"] == 15
    assert table.loc["adasyn", "mean"] < 1
    named = many_tables.failures(rows)
    assert named.loc[("adasyn", "ValueError: no neighbours")].tolist() == ["yeast4", 6]


def test_tables_left_out_for_their_length_are_named_together():
    rows = made_rows()
    for name, n in {"kc1": 2109, "segment0": 2308}.items():
        long = (rows["method"] == "mc_rbo") & (rows["dataset"] == name)
        rows.loc[long, "error"] = f"NotRun: {n} rows; run up to 2000"
    named = many_tables.failures(rows)
    assert named.index.tolist() == [("mc_rbo", "NotRun: so many rows; run up to 2000")]
    assert named["tables"].tolist() == ["kc1, segment0"]


def test_where_nothing_failed_nothing_is_named():
    assert many_tables.failures(made_rows().assign(error=np.nan)).empty


def test_arms_are_compared_on_the_splits_that_both_have():
    rows = made_rows()
    hard = rows["fold"] == 1
    rows.loc[hard, "pr_auc"] -= 0.3
    lacking = hard & (rows["method"] == "gan")
    gains = many_tables.gains(rows[~lacking], "pr_auc", "boosting")
    assert gains["gan"].abs().max() < 0.05


def test_the_diagram_takes_tables_that_have_all_ten_arms():
    rows = made_rows({"smote": 0.05})
    rows = rows[(rows["method"] != "ctgan") | (rows["dataset"] != "yeast4")]
    found, tables = many_tables.diagram(rows)
    assert found.n == len(tables) == 15
    assert "yeast4" not in tables
    assert set(found.ranks.index) == {*many_tables.TEN}
    assert found.ranks["smote"] == 1
    none, _ = many_tables.diagram(rows[rows["method"] != "ctgan"])
    assert none is None


def test_gains_are_the_sum_of_their_parts():
    rows = made_rows({"smote": 0.03})
    parts = many_tables.split_gains(rows)
    smote = parts.xs("smote", level="method")
    np.testing.assert_allclose(
        smote["decisions"], smote["threshold"] + smote["ranking"]
    )
    np.testing.assert_allclose(
        smote["probabilities"], smote["calibration"] + smote["rest"]
    )
    assert smote["threshold"].mean() == pytest.approx(0.15, abs=0.01)
    assert smote["ranking"].mean() == pytest.approx(0.03, abs=0.01)
    assert smote["calibration"].mean() == pytest.approx(-0.1, abs=0.01)


def test_coverage_says_what_is_missing():
    cells = many_tables.cells("paper")
    rows = pd.DataFrame(cells[:40]).assign(classifier="boosting")
    table = many_tables.coverage(rows, cells)
    assert table["there"].sum() == 40
    assert table["planned"].sum() == len(cells)
    whole = pd.DataFrame(cells).assign(classifier="boosting")
    assert many_tables.coverage(whole, cells).empty


def test_the_table_split_often_is_told_from_nothing_split_by_split():
    rows = made_rows({"smote": 0.05}, [many_tables.OFTEN], ["nothing", "smote", "gan"])
    rows = pd.concat([rows.assign(seed=s, n_train=600, n_test=200) for s in range(2)])
    tests = many_tables.often(rows)
    assert tests["average precision"].loc["smote", "p_holm"] < 0.05
    assert tests["average precision"].loc["gan", "p_holm"] > 0.05
    # Doing nothing with its threshold tuned is an arm here.
    recall = tests["mean recall"]
    assert recall.loc["threshold", "difference"] == pytest.approx(0.2, abs=0.01)
    assert [len(table) for table in tests.values()] == [3] * 4
    said = many_tables.draw_often(tests)
    plt.close()
    assert "average precision: SMOTE;" in said
    assert many_tables.often(made_rows()) == {}


# ---------------------------------------------------------------- the decision table


def test_the_rule_departs_for_a_gain_and_takes_the_simplest_of_the_best():
    assert many_tables.chosen(_rule.need_gains(made_rows(), "ranking")) == "nothing"
    rows = made_rows({"smote": 0.05, "gan": 0.055, "ctgan": 0.02})
    assert many_tables.chosen(_rule.need_gains(rows, "ranking")) == "smote"
    rows = made_rows({"smote": 0.05, "gan": 0.09})
    assert many_tables.chosen(_rule.need_gains(rows, "ranking")) == "gan"


def test_a_gain_that_is_sure_but_small_is_not_worth_it():
    rows = made_rows({"smote": 0.008})
    assert many_tables.primary(rows).loc["smote", "p_holm"] < 0.05
    assert many_tables.chosen(_rule.need_gains(rows, "ranking")) == "nothing"


def test_validation_judges_a_source_by_a_rule_that_has_not_seen_it():
    table = many_tables.left_out(made_rows({"smote": 0.05}))
    assert table.loc["ranking", "chosen"] == "smote"
    assert table.loc["ranking", "regret"] == pytest.approx(-0.05, abs=0.01)
    assert table.loc["ranking", "n"] == 16
    null = many_tables.left_out(made_rows())
    assert null.loc["decisions", "regret"] == 0  # the rule says nothing
    # A source alone on which SMOTE ruins everything cannot move the rule's choice for it.
    rows = made_rows({"smote": 0.05})
    rows.loc[(rows["method"] == "smote") & (rows["dataset"] == "sylva"), "pr_auc"] -= (
        0.5
    )
    table = many_tables.left_out(rows)
    assert table.loc["ranking", "worst"] == pytest.approx(0.45, abs=0.02)


def test_lines_say_n_and_follow_the_rows():
    lines = many_tables.answer(made_rows())
    assert len(lines) >= 8
    for line in lines:
        assert re.search(r"n = \d+", line.sure), line
        assert line.verdict in ("shown", "not shown", "not tested")
    by = {line.situation: line for line in lines}
    ranking = next(v for k, v in by.items() if "ranking" in k)
    assert ranking.advice.startswith("Nothing")
    lines = many_tables.answer(made_rows({"smote": 0.05}))
    ranking = next(line for line in lines if "ranking" in line.situation)
    assert ranking.advice == "Add SMOTE"
    assert ranking.verdict == "shown"
    assert "n = 16 tables, 2 splits each; p < .001 after Holm" in ranking.sure
    asked = [line.situation for line in lines if line.asked_first]
    assert asked == [
        "You want a ranking: who first?",
        "You think of undersampling, to be quick",
    ]


def test_a_gain_that_is_shown_and_small_is_called_neither_absent_nor_worth_it():
    arms = {"smote": 0.008, "random_undersampling": 0.007, "gan": 0.016}
    lines = many_tables.answer(made_rows(arms))
    by = {line.situation: line for line in lines}
    ranking = by["You want a ranking: who first?"]
    assert ranking.verdict == "shown"
    quick = by["You think of undersampling, to be quick"]
    assert (quick.advice, quick.verdict) == ("Do: it is shown to rank better", "shown")
    network = by["You think of a GAN, or of diffusion"]
    assert network.advice.startswith("GAN ranks better than SMOTE, by less than 0.01")
    small = many_tables.answer(made_rows({"smote": 0.008}))
    ranking = next(line for line in small if "ranking" in line.situation)
    assert ranking.advice.startswith("Nothing: what is shown to gain is not worth it")
    assert ranking.verdict == "shown"
    assert "p = .001 after Holm" in ranking.sure


def test_a_correction_is_advised_after_arms_that_it_is_shown_to_help():
    rows = made_rows()
    noise = np.random.default_rng(1).normal(0, 1e-3, len(rows))
    change = rows["method"].map({"mc_ccr": -0.05, "class_weight": 0.05}).fillna(0)
    rows["corrected_log_loss"] = rows["log_loss"] + change + noise
    (line,) = [one for one in many_tables.answer(rows) if "probab" in one.situation]
    assert line.advice == "Nothing. After MC-CCR, `correct_prior`"
    assert f"1 of {len(ARMS) - 1} are shown to be better than before" in line.sure
    assert "class weights are on 0 tables, and worse on 16" in line.sure
    rows["corrected_log_loss"] = rows["log_loss"] + noise
    (line,) = [one for one in many_tables.answer(rows) if "probab" in one.situation]
    assert line.advice == "Nothing"


def test_an_arm_with_gaps_is_in_no_family():
    rows = made_rows({"mc_rbo": 0.05})
    short = [t for t in many_tables.TABLES if many_tables.in_ranks(t)][:7]
    gaps = (rows["method"] == "mc_rbo") & ~rows["dataset"].isin(short)
    table = many_tables.primary(rows[~gaps])
    assert table.loc["mc_rbo", "n"] == 7
    assert np.isnan(table.loc["mc_rbo", "p_holm"])
    assert table.loc["mc_rbo", "family"] == 0
    assert (table.drop(index="mc_rbo")["family"] == len(ARMS) - 2).all()
    # The family is the same wherever it is told.
    n = re.escape(f"after Holm over {len(ARMS) - 2} arms")
    lines = many_tables.answer(rows[~gaps])
    assert any(re.search(n, line.sure) for line in lines)
    assert "MC-RBO" not in " ".join(line.advice for line in lines)


def test_too_few_tables_are_not_called_a_test():
    rows = made_rows({"smote": 0.05})
    same = rows["dataset"].isin([*many_tables.WITH_CATEGORIES][:2])
    rows.loc[same, "tuned_acsa"] = 0.5
    lines = many_tables.answer(rows)
    line = next(line for line in lines if "categories" in line.situation)
    assert line.verdict == "not tested"  # four signs: p of 1/8 at the least
    assert "too few tables differ" in line.sure
    assert "SMOTENC or SMOTEN" not in line.advice


def test_the_page_says_how_much_of_the_plan_is_there():
    rows = made_rows()
    fits = len(rows) // len(many_tables.CLASSIFIERS)
    assert "interim" in many_tables.state(rows, fits + 1)
    assert many_tables.state(rows, fits) == f"All {fits:,} planned fits are there."


def test_a_sentence_goes_as_far_as_the_rows():
    assert "tune the threshold" in many_tables.sentence(made_rows())
    assert "not settle" in many_tables.sentence(made_rows({"smote": 0.05}))
    assert "not settle" in many_tables.sentence(made_rows().head(0))
    flat = made_rows()
    flat["tuned_acsa"] -= 0.2
    assert "not settle" in many_tables.sentence(flat)
    (first, *_) = many_tables.answer(flat)
    assert "not shown to help" in first.advice


def test_no_line_without_rows():
    rows = made_rows()
    assert many_tables.answer(rows.head(0)) == []
    few = many_tables.answer(rows[rows["dataset"].isin(["ecoli2", "vowel0"])])
    of_two = [line for line in few if "n = 2" in line.sure]
    assert of_two
    assert all("too few tables" in line.sure for line in of_two)
    only = many_tables.answer(rows[rows["method"].isin(["nothing", "class_weight"])])
    assert not any("GAN" in line.situation for line in only)
    assert not any("categories" in line.situation for line in only)
    several = made_rows({"smote": 0.02}, tables=many_tables.SEVERAL)
    assert any(
        "several classes" in line.situation for line in many_tables.answer(several)
    )


def test_the_ladder_begins_with_a_threshold():
    table = many_tables.ladder(made_rows({"smote": 0.05}))
    assert table.index[0] == "threshold"
    assert table.loc["threshold", "plain"] == pytest.approx(0.2, abs=0.01)
    assert table.loc["smote", "plain"] == pytest.approx(0.2, abs=0.01)
    # What is gained beyond a tuned threshold is the sampler's own.
    assert table.loc["smote", "tuned"] == pytest.approx(0.05, abs=0.01)


def test_the_first_page_says_what_was_asked_first():
    assert many_tables.glance(made_rows().head(0)) == "Not answered yet."
    told = many_tables.glance(made_rows({"smote": 0.05}))
    assert "on 16 tables" in told
    assert "better SMOTE" in told


# ---------------------------------------------------------------- on a page


def test_the_page_is_filled_in_from_rows(tmp_path):
    book = tmp_path / "book"
    (book / "results").mkdir(parents=True)
    text = (ROOT / "book" / "answer.md").read_text()
    (book / "answer.md").write_text(text)
    decisions.fill_in_decisions(tmp_path)
    assert "No row is stored yet." in (book / "answer.md").read_text()
    (book / "answer.md").write_text(text)
    rows = made_rows({"smote": 0.05}).assign(chapter="many_tables")
    rows.to_csv(book / "results" / "many_tables-paper.csv", index=False)
    decisions.fill_in_decisions(tmp_path)
    filled = (book / "answer.md").read_text()
    assert "{{" not in filled
    assert (book / "figures" / "ladder.png").stat().st_size > 5_000
    assert filled.count("\n|") > 12
    for word in (
        "should i oversample",
        "categorical",
        "churn",
        "missing values",
        "class_weight",
        "undersampling",
        "smotenc",
    ):
        assert word in text.lower(), word


def test_losses_turn_the_other_way():
    rows = made_rows({"smote": 0.05})
    gains = many_tables.gains(rows, "corrected_log_loss", "boosting")
    assert (gains["smote"] > 0).all()


def test_figures_say_their_largest_and_least():
    table = pd.DataFrame({"smote": [0.1, 0.2, 0.3], "gan": [-0.1, 0.0, 0.1]})
    table["ctgan"] = -table["smote"]
    said = many_tables.draw_gains(table, ["gan", "smote", "ctgan"])
    assert said.endswith("SMOTE +0.2000, GAN +0.0000, CTGAN -0.2000")
    columns = ["ranking", "threshold", "rest", "calibration"]
    pieces = pd.DataFrame(
        [[0.01, 0.2, 0, 0], [0.02, 0.1, 0, 0]], ["smote", "gan"], columns
    )
    said = many_tables.draw_parts(pieces)
    assert said.endswith("by ranking and by threshold: GAN +0.020, SMOTE +0.200")
    plt.close("all")
