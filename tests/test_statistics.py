"""Tests of differences, intervals and verdicts: known answers, error rates, edges."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from helpers import evaluation
from helpers.evaluation import (
    Claim,
    Difference,
    claims_table,
    judge,
    place,
    printed_table,
)
from helpers.evaluation._sets import EXACT, signed_ranks

# ---------------------------------------------------------------------- statistics


def test_corrected_ttest_is_the_plain_one_with_another_variance():
    """With no test rows the correction is nil and the test is Student's."""
    differences = np.random.default_rng(0).normal(0.3, 1, 12)
    mean, p, low, high = evaluation.corrected_resampled_ttest(differences, 100, 0)
    plain = stats.ttest_1samp(differences, 0)
    assert p == pytest.approx(plain.pvalue)
    assert (low, high) == pytest.approx(tuple(plain.confidence_interval(0.95)))
    _, corrected, _, _ = evaluation.corrected_resampled_ttest(differences, 80, 20)
    t = mean / np.sqrt(differences.var(ddof=1) * (1 / 12 + 20 / 80))
    assert corrected == pytest.approx(2 * stats.t.sf(abs(t), 11))


def test_no_difference_is_no_evidence():
    assert evaluation.corrected_resampled_ttest([0, 0, 0], 8, 2) == (0, 1, 0, 0)
    with pytest.raises(ValueError, match="give 2 or more"):
        evaluation.corrected_resampled_ttest([0.1], 8, 2)


def test_the_smallest_detectable_difference_is_that_of_power_tables():
    """statsmodels has it for independent pairs; overlap widens it by its own factor."""
    for n, alpha in [(10, 0.05), (3, 0.05), (30, 0.01)]:
        d = Difference.of(np.random.default_rng(0).normal(size=n))
        sd = d.error * np.sqrt(n)
        known = TTestPower().solve_power(nobs=n, alpha=alpha, power=0.8)
        assert d.detectable(alpha) == pytest.approx(known * sd, rel=1e-3)
        values = np.random.default_rng(0).normal(size=n)
        wider = Difference.of(values, n_train=80, n_test=20)
        factor = np.sqrt((1 / n + 20 / 80) * n)
        assert wider.detectable(alpha) == pytest.approx(d.detectable(alpha) * factor)
    assert np.isnan(Difference.of([0.0, 0.0]).detectable())  # no spread says nothing
    assert np.isnan(Difference.of([0.1]).detectable())
    few = Difference(0.0, 1.0, 1, 2)  # one degree of freedom, strict levels
    for alpha in (0.05 / 20, 1e-6, 1e-12):
        # Here the spread decides: it must fall below a quantile of a half-normal.
        expected = stats.norm.ppf(0.9) / np.tan(np.pi * alpha / 2)
        assert few.detectable(alpha) == pytest.approx(expected, rel=1e-3)


def test_high_powers_of_few_differences_are_found():
    few = Difference.of([0.1, 0.2])
    assert few.detectable(0.005, 0.99) > few.detectable(0.005, 0.8) > 0


def test_equal_differences_are_tested_by_their_signs():
    """Two that are equal are no proof, nor is what rounding leaves of nothing."""
    assert Difference.of([0.01] * 2).p() == 0.5
    assert Difference.of([0.01] * 9).p() == 2**-8
    assert Difference.of([0.1 + 0.2 - 0.3] * 5).p() == 1
    nearly = Difference.of([0.3 - 0.1, 0.2, 0.2])
    assert (nearly.error, nearly.p()) == (0, 0.25)
    few = [Claim("more", Difference.of([0.01] * 2))]
    few += [Claim("same", Difference.of([0.0] * 2), "same", 0.005)]
    assert judge(few, "two draws")["verdict"].tolist() == ["cannot be told"] * 2
    same = Claim("same", Difference.of([0.0] * 25), "same", 0.005)
    assert judge([same], "many draws")["verdict"].tolist() == ["yes"]


def test_compare_pairs_by_split_and_corrects_by_holm():
    rng = np.random.default_rng(0)
    base = rng.normal(0.9, 0.05, 30)
    arms = {"nothing": base, "better": base + rng.normal(0.1, 0.01, 30), "same": base}
    rows = pd.DataFrame(
        {"seed": s, "fold": 0, "method": m, "acsa": v, "n_train": 80}
        for m, values in arms.items()
        for s, v in enumerate(values)
        if not (m == "better" and s == 3)  # a cell that is still missing
    )
    rows = rows.sample(frac=1, random_state=0)
    table = evaluation.compare(rows, "acsa", "nothing", n_test=20)
    assert table.loc["better", "n"] == 29
    assert table.loc["better", "difference"] == pytest.approx(0.1, abs=0.01)
    assert table.loc["better", "p_holm"] == pytest.approx(2 * table.loc["better", "p"])
    assert table.loc["same", "p_holm"] == 1


def test_folds_of_other_sizes_count_whatever_their_order():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {
            "seed": 0,
            "fold": f,
            "method": m,
            "acsa": rng.normal(),
            "n_test": 10 + 8 * (f < 2),
        }
        for f in range(10)
        for m in ("nothing", "smote")
    ).assign(n_train=lambda r: 140 - r["n_test"])
    table = evaluation.compare(rows, "acsa", "nothing")
    pd.testing.assert_frame_equal(
        table, evaluation.compare(rows[::-1], "acsa", "nothing"), rtol=1e-12
    )
    wide = evaluation.paired(rows, "acsa", "nothing")["smote"]
    expected = evaluation.corrected_resampled_ttest(wide, 128.4, 11.6)[1]
    assert table.loc["smote", "p"] == pytest.approx(expected)


def test_compare_leaves_an_arm_with_one_split_untested():
    rows = pd.DataFrame(
        {"seed": s, "fold": 0, "method": m, "acsa": v, "n_train": 80, "n_test": 20}
        for m, values in {
            "nothing": [0.5, 0.6, 0.7],
            "smote": [0.6, 0.8, 0.8],
            "gan": [0.9],  # a table that is still growing
        }.items()
        for s, v in enumerate(values)
    )
    table = evaluation.compare(rows, "acsa", "nothing")
    without = evaluation.compare(rows[rows["method"] != "gan"], "acsa", "nothing")
    assert table.loc["smote"].equals(without.loc["smote"])
    assert table.loc["gan", "difference"] == pytest.approx(0.4)
    assert table.loc["gan", "n"] == 1
    assert table.loc["gan", ["low", "high", "p", "p_holm"]].isna().all()
    alone = evaluation.compare(rows[rows["method"] != "smote"], "acsa", "nothing")
    assert alone["p_holm"].isna().all()


def test_prediction_interval_holds_a_further_run():
    draws = np.random.default_rng(0).normal(size=(4000, 4))
    limits = np.array([evaluation.prediction_interval(row[:3]) for row in draws])
    inside = (limits[:, 0] < draws[:, 3]) & (draws[:, 3] < limits[:, 1])
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    assert np.isnan(evaluation.prediction_interval([0.5])).all()


def test_paired_differences_are_those_that_compare_tests():
    rows = pd.DataFrame(
        [
            (0, 0, "nothing", 0.5),
            (0, 1, "nothing", 0.6),
            (0, 0, "smote", 0.7),
            (0, 1, "smote", 0.5),
            (0, 1, "gan", 0.9),  # its other cell is still missing
        ],
        columns=["seed", "fold", "method", "acsa"],
    )
    wide = evaluation.paired(rows, "acsa", "nothing")
    assert wide["smote"].tolist() == pytest.approx([0.2, -0.1])
    assert wide["gan"].tolist() == pytest.approx([np.nan, 0.3], nan_ok=True)
    assert "nothing" not in wide


# ------------------------------------------------------------------------- verdicts


def steps(mean, error=1.0, df=30, n=31):
    """A difference so many standard errors away from zero."""
    return Difference(mean, error, df, n)


def test_a_claim_is_told_by_sign_and_by_holm():
    claims = [
        Claim("clear", steps(5)),
        Claim("clear, and the other way", steps(-5)),
        Claim("said to be less", steps(-5), "less"),
        Claim("alone it would do", steps(2.3)),  # p = .029
        Claim("and so would this", steps(2.25)),
    ]
    table = judge(claims, "a family")
    assert table["verdict"].tolist() == ["yes", "no", "yes", *["cannot be told"] * 2]
    assert table["p"].iloc[3] == pytest.approx(2 * stats.t.sf(2.3, 30))
    assert table["p_holm"].iloc[3] == pytest.approx(2 * table["p"].iloc[3])
    assert table.index.name == "a family (5 claims)"
    assert judge(claims[3:4], "alone")["verdict"].tolist() == ["yes"]


def test_printed_intervals_are_bonferronis_within_the_family():
    table = judge([Claim("a", steps(1)), Claim("b", steps(0))], "f")
    half = stats.t.ppf(1 - 0.05 / 4, 30)
    assert table.loc["a", ["low", "high"]].tolist() == pytest.approx(
        [1 - half, 1 + half]
    )
    assert table["tellable"].tolist() == pytest.approx([steps(0).detectable(0.025)] * 2)


def test_sameness_needs_a_margin_and_evidence():
    """No gain seen is no proof of no gain: that takes two one-sided tests."""
    claims = [
        Claim("well within", steps(0.2), "same", 4.0),
        Claim("no evidence", steps(0.2), "same", 1.0),
        Claim("beyond", steps(9.0), "same", 4.0),
    ]
    table = judge(claims, "f")
    assert table["verdict"].tolist() == ["yes", "cannot be told", "no"]
    assert table["p"].iloc[0] == pytest.approx(stats.t.sf(3.8, 30))
    assert table["p"].iloc[2] == pytest.approx(2 * stats.t.sf(5.0, 30))
    exact = Claim("exactly the same", Difference.of([0.0] * 9), "same", 0.01)
    assert judge([exact], "f")["verdict"].tolist() == ["yes"]


def test_the_confirmable_margin_is_confirmed_four_times_in_five():
    margin = judge([Claim("same", steps(0), "same", 1.0)], "f")["tellable"].iloc[0]
    drawn = np.random.default_rng(0).standard_t(30, size=20_000)
    sure = stats.t.sf(margin - np.abs(drawn), 30) < 0.05
    assert sure.mean() == pytest.approx(0.8, abs=0.01)


def test_a_family_of_untrue_claims_is_wrong_once_in_twenty():
    rng, wrong = np.random.default_rng(0), 0
    for values in rng.normal(size=(150, 3, 8)):
        claims = [Claim(str(i), Difference.of(v)) for i, v in enumerate(values)]
        wrong += judge(claims, "f")["verdict"].ne("cannot be told").any()
    assert 0 < wrong / 150 < 0.1


def test_a_claim_with_one_difference_is_not_tested_and_not_counted():
    table = judge([Claim("one", Difference.of([0.4])), Claim("b", steps(2.3))], "f")
    assert table["verdict"].tolist() == ["cannot be told", "yes"]
    assert table.loc["one", ["low", "high", "p", "p_holm", "tellable"]].isna().all()
    assert judge([Claim("one", Difference.of([0.4]))], "f")["difference"].tolist() == [
        0.4
    ]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (Claim("a", steps(1), "same"), "state the largest difference"),
        (Claim("a", steps(1), "more", 0.1), "leave the margin to claims of the same"),
        (Claim("a", steps(1), "better"), "say more, less or same"),
    ],
)
def test_claims_that_say_nothing_definite_are_refused(claim, message):
    with pytest.raises(ValueError, match=message):
        judge([claim], "f")


def test_a_printed_number_has_one_of_four_places():
    ours = [0.68, 0.70, 0.72]  # one more run: 0.601 to 0.799
    assert place(0.79, ours).verdict == "inside"
    assert place(0.80, ours).verdict == "outside"
    assert place(0.80, ours, half_unit=0.005).verdict == "inside"
    assert place(0.79, ours, effect=-0.2).verdict == "inside"
    assert place(0.79, ours, effect=0.19).verdict == "too loose to say"
    assert place(0.95, ours, effect=0.19).verdict == "outside"
    assert place(0.79, ours[:1]).verdict == "too loose to say"
    assert place(0.79, ours, comparable=False).verdict == "not comparable"
    found = place(0.79, [*ours, np.nan])
    assert (found.n, found.ours, found.sd) == (
        3,
        pytest.approx(0.7),
        pytest.approx(0.02),
    )
    cut = place(0.97, [0.99, 0.99, 1.0], effect=0.04, bounds=(0, 1))
    assert (cut.high, cut.verdict) == (1, "inside")  # 1.022 and too loose without
    same = place(1.0, [1.0, 1.0], effect=0.01)  # nothing in it varies
    assert (same.verdict, same.low, same.high) == ("inside", 1.0, 1.0)


def test_tables_of_verdicts_leave_blank_what_is_not_known():
    judged = judge([Claim("clear", steps(5)), Claim("one", Difference.of([0.4]))], "f")
    table = claims_table(judged, factor=100, digits=1)
    assert table.loc["clear", "difference"] == "+500.0"
    assert table.loc["clear", "p (Holm)"] == "< 0.001"
    assert table.loc["one"].tolist() == ["+40.0", "", "", "1", "", "cannot be told"]
    placed = {("a", "x"): place(0.7, [0.6, 0.8]), ("a", "y"): place(0.7, [0.6])}
    table = printed_table(placed, digits=1)
    assert table.loc[("a", "x"), "ours"] == "0.7 ± 0.1"
    assert table.loc[("a", "y")].tolist() == ["0.7", "0.6", "1", "", "too loose to say"]


# Demsar 2006, Table 6: AUC of four variants of C4.5. As printed the last two tie on
# "voting"; the ranks printed beside them say that unrounded they do not.
DEMSAR = pd.DataFrame(
    {
        "adult": [0.763, 0.768, 0.771, 0.798],
        "breast cancer": [0.599, 0.591, 0.590, 0.569],
        "breast cancer wisconsin": [0.954, 0.971, 0.968, 0.967],
        "cmc": [0.628, 0.661, 0.654, 0.657],
        "ionosphere": [0.882, 0.888, 0.886, 0.898],
        "iris": [0.936, 0.931, 0.916, 0.931],
        "liver disorders": [0.661, 0.668, 0.609, 0.685],
        "lung cancer": [0.583, 0.583, 0.563, 0.625],
        "lymphography": [0.775, 0.838, 0.866, 0.875],
        "mushroom": [1.000, 1.000, 1.000, 1.000],
        "primary tumor": [0.940, 0.962, 0.965, 0.962],
        "rheum": [0.619, 0.666, 0.614, 0.669],
        "voting": [0.972, 0.981, 0.9751, 0.975],
        "wine": [0.957, 0.978, 0.946, 0.970],
    },
    index=["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"],
).T


def test_friedman_and_nemenyi_give_the_numbers_of_demsar():
    found = evaluation.friedman_nemenyi(DEMSAR)
    assert found.ranks.round(3).to_dict() == {
        "C4.5+m+cf": 1.964,
        "C4.5+m": 2.0,
        "C4.5+cf": 2.893,
        "C4.5": 3.143,
    }
    assert found.ranks.index[0] == "C4.5+m+cf"
    # The paper's 9.28 has no correction for ties; scipy's divides by 1 - 78/840: three
    # ties of two values and one of four.
    assert found.statistic * (1 - (3 * 6 + 60) / 840) == pytest.approx(9.28, abs=0.005)
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, 3))
    assert round(found.critical_difference, 2) == 1.25
    assert (found.n, found.alpha) == (14, 0.05)
    at_10 = evaluation.friedman_nemenyi(DEMSAR, alpha=0.1)
    assert round(at_10.critical_difference, 2) == 1.12


def test_wilcoxon_over_sets_gives_the_numbers_of_demsar():
    # Section 3.1.3: C4.5 against C4.5+m on 14 sets, rank sums 93 and 12; two zeros share
    # the ranks 1 and 2.
    gains = DEMSAR[["C4.5+m"]].sub(DEMSAR["C4.5"], axis=0)
    table = evaluation.compare_sets(gains)
    # Its table of exact critical values has 21 for .05; the approximation .011.
    assert table["p"].iloc[0] == pytest.approx(2 * 16 / 2**12)
    assert table[["better", "worse", "n"]].to_numpy().tolist() == [[10, 2, 14]]


def test_wilcoxon_is_exact_where_it_can_be_and_holm_counts_all_methods():
    gains = pd.DataFrame(
        {"up": np.arange(1.0, 9), "mixed": [1, -2, 3, -4, 5, -6, 7, -8.0]}
    )
    table = evaluation.compare_sets(gains)
    assert table.loc["up", "p"] == pytest.approx(2 / 2**8)
    assert table.loc["up", "p_holm"] == pytest.approx(4 / 2**8)
    assert table.loc["mixed", "p"] > 0.5


def test_gains_that_are_missing_or_nothing_are_no_evidence():
    gains = pd.DataFrame(
        {"none": [0.0, 0, 0, 0.1 + 0.2 - 0.3], "one": [0.2] + 3 * [np.nan]}
    )
    table = evaluation.compare_sets(gains)
    assert table.loc["none", ["p", "n", "better"]].tolist() == [1, 4, 0]
    assert table.loc["one", "n"] == 1
    assert np.isnan(table.loc["one", ["p", "p_holm", "tellable"]].astype(float)).all()


def test_what_signed_ranks_could_have_told():
    rng = np.random.default_rng(0)
    gains = pd.DataFrame({"even": rng.normal(0, 0.1, 40)})
    found = evaluation.compare_sets(gains).loc["even", "tellable"]
    # On normal gains Student's t needs a little less: 3 / pi of the rows.
    t = evaluation.Difference.of(gains["even"]).detectable(0.05, 0.8)
    assert t * 0.9 < found < t * 1.25
    # Five gains of one sign have p = 1/16: no shift whatever is told.
    few = pd.DataFrame({"few": [0.1, 0.2, 0.3, 0.4, 0.5], "still": [0.0] * 5})
    table = evaluation.compare_sets(few)
    assert table.loc["few", "p_least"] == pytest.approx(2 / 2**5)
    assert table.loc["still", "p_least"] == 1
    assert table["tellable"].isna().all()


def test_nemenyi_pairs_and_critical_difference_agree():
    found = evaluation.friedman_nemenyi(DEMSAR, alpha=0.1)
    for a, b in [("C4.5", "C4.5+m"), ("C4.5", "C4.5+m+cf"), ("C4.5+m", "C4.5+m+cf")]:
        apart = abs(found.ranks[a] - found.ranks[b]) > found.critical_difference
        assert (found.p_pairs.loc[a, b] < 0.1) == apart
    assert found.p_pairs.loc["C4.5", "C4.5+m"] < 0.1


def test_losses_rank_the_other_way():
    better = evaluation.friedman_nemenyi(DEMSAR)
    same = evaluation.friedman_nemenyi(1 - DEMSAR, higher_is_better=False)
    pd.testing.assert_series_equal(better.ranks, same.ranks)
    assert evaluation.friedman_nemenyi(1 - DEMSAR).ranks["C4.5"] == pytest.approx(
        5 - better.ranks["C4.5"]
    )


def test_rounding_errors_are_ties_and_only_ties_are_no_evidence():
    equal = pd.DataFrame({"a": [0.1 + 0.2, 1], "b": [0.3, 1], "c": [0.3, 1]})
    found = evaluation.friedman_nemenyi(equal)
    assert (found.statistic, found.p) == (0, 1)
    assert found.ranks.tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (DEMSAR.iloc[:, :2], r"2 method\(s\) on 14 data set"),
        (DEMSAR.iloc[:1], r"4 method\(s\) on 1 data set"),
        (DEMSAR.replace(0.763, np.nan), "No score of 'C4.5' on 'adult'"),
        (pd.concat([DEMSAR, DEMSAR.iloc[[3]]]), "data set 'cmc' appears more"),
    ],
)
def test_ranks_of_too_little_or_of_folds_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        evaluation.friedman_nemenyi(scores)


def test_ties_of_one_method_are_none_of_another():
    rng = np.random.default_rng(0)
    gains = pd.DataFrame({"a": rng.normal(size=16) + 0.5, "b": rng.normal(size=16)})
    gains.loc[1, "b"] = -gains.loc[0, "b"]
    alone = evaluation.compare_sets(gains[["a"]], power=None)
    beside = evaluation.compare_sets(gains, power=None)
    assert beside.loc["a", "p"] == alone.loc["a", "p"]


def test_stored_rows_without_an_error_are_counted():
    rows = pd.DataFrame({"method": ["a", "a", "b"], "x": [1, 2, 3]})
    rows["error"] = [np.nan, np.nan, "ValueError: no"]
    assert evaluation.summarise(rows, "x")["n"].tolist() == [2, 0]


def test_a_family_is_as_large_as_its_plan_from_the_beginning():
    one = Difference.of([0.04, 0.05, 0.03, 0.04, 0.05], n_train=80, n_test=20)
    none = Difference.of([0.04])
    whole = judge([Claim("a", one), *[Claim("b", one)] * 9], "ten")
    early = judge([Claim("a", one), Claim("c", none)], "ten", planned=10)
    assert early.loc["a", "p_holm"] == pytest.approx(whole["p_holm"].iloc[0])
    assert early.loc["a", "low"] == pytest.approx(whole["low"].iloc[0])
    assert np.isnan(early.loc["c", "p_holm"])
    assert early.loc["a", "p_holm"] > judge([Claim("a", one)], "one")["p_holm"].iloc[0]


@pytest.mark.parametrize("n", [2, 5, 9, 16, 30])
def test_signed_ranks_without_ties_are_scipys_exact_ones(n):
    rng = np.random.default_rng(n)
    gains = rng.normal(0.3, 1, (20, n))
    expected = stats.wilcoxon(gains, axis=1, method="exact").pvalue
    assert signed_ranks(gains) == pytest.approx(expected, rel=1e-12)


def test_signed_ranks_with_ties_and_zeros_count_all_signs():
    rng = np.random.default_rng(0)
    gains = rng.integers(-2, 4, (30, 9)).astype(float)
    gains[0], gains[1] = 0, 1
    signs = np.array([*itertools.product([-1, 1], repeat=9)])
    for row, p in zip(gains, signed_ranks(gains), strict=True):
        ranks = stats.rankdata(np.abs(row))
        ranks[row == 0] = 0
        sums = signs @ ranks
        seen = np.abs(np.sign(row) @ ranks)
        assert p == pytest.approx((np.abs(sums) >= seen - 1e-9).mean(), rel=1e-12)
    # Beyond the exact ones nearly the same, and one where nothing differs.
    many = np.concatenate([gains, gains, gains, gains, gains, gains], axis=1)
    near = signed_ranks(many)
    assert near[0] == 1
    assert near[1] < 1e-9
    whole = many[2:, :EXACT]
    approximate = stats.wilcoxon(whole, axis=1, zero_method="zsplit").pvalue
    assert signed_ranks(whole) == pytest.approx(approximate, abs=0.05)
    assert np.isnan(signed_ranks(gains[:, :1])).all()
