"""The six mixed tables: what is cut, what an arm sees, what a row holds, what rows say."""

import numpy as np
import pandas as pd
import pytest
from imblearn.over_sampling import RandomOverSampler

from helpers import load_keel, pages
from helpers.evaluation import part
from helpers.experiments import mixed
from helpers.store import Cell

from .test_pages import rendered

SMOKE = {
    "gan": {"epochs": 1},
    "ctgan": {"updates": 3, "batch_size": 20, "generator_layers": (8,)},
    "tab_ddpm": {"n_steps": 2, "n_timesteps": 5, "layers": (8,)},
}


def cell(method, dataset="crx", fold=0):
    return Cell("mixed", "smoke", dataset, method, 0, fold, mixed.PROTOCOL)


def test_fars_is_thinned_and_keeps_its_rare_classes():
    X, y, names = mixed.table("fars")
    whole = load_keel("fars")
    counts = np.bincount(y)
    assert len(X) == counts.sum() < 1.1 * mixed.FARS_ROWS
    assert names == [*whole.target_names[:7]]  # all but the class of nine rows
    assert counts[-2:].tolist() == [mixed.FARS_LEAST] * 2
    shares = np.bincount(whole.target)[:5] / len(whole.target)
    np.testing.assert_allclose(counts[:5] / mixed.FARS_ROWS, shares, atol=1e-3)
    again = mixed.table("fars")
    pd.testing.assert_frame_equal(X, again[0])


def test_a_plan_that_is_cut_short_is_a_fair_one():
    cells = mixed.cells("paper")
    n = len(mixed.TABLES) * len(mixed.METHODS)
    assert len(set(cells)) == len(cells) == 5 * n
    for fold in range(5):  # a fold is whole before the next begins
        assert {c.fold for c in cells[fold * n : (fold + 1) * n]} == {fold}


@pytest.mark.parametrize("method", mixed.METHODS)
def test_a_row_of_every_arm(method):
    row = mixed.run(cell(method), SMOKE)
    assert 0 < row["pr_auc"] <= 1
    assert row["n_train"] + row["n_test"] == 653
    made = method not in ("dummy", "nothing")
    assert (row["n_synthetic"] > 0) == made
    assert ("detection" in row) == made
    assert ("drawing_cpu_seconds_per_1000" in row) == (method in mixed.SETTINGS)
    if method == "random_oversampling":
        assert row["copies"] == 1
    if method == "dummy":
        assert row["roc_auc"] == 0.5


def test_updates_become_epochs_by_the_rows_that_are_trained_on():
    settings = {"ctgan": {"updates": 1000, "batch_size": 100}}
    assert mixed.arm("ctgan", 0, 2500, settings)[0].epochs == 40
    assert mixed.arm("ctgan", 0, 60, settings)[0].epochs == 1000


def test_copies_of_held_out_rows_are_as_good_as_they_are():
    """Quality of a sampler that cheats: it repeats the rows it will be judged by."""
    X, y, _ = mixed.table("hypothyroid")
    rows = np.random.default_rng(0).permutation(len(y))
    train, test = part(X, y, rows[:2500]), part(X, y, rows[2500:])
    rare = test.X[test.y == 1]
    X_all = pd.concat([train.X, rare])
    y_all = np.append(train.y, np.ones(len(rare), dtype=int))
    found = mixed.quality((X_all, y_all), train, test, 0)
    assert found["judged_rows"] == len(rare)
    assert max(found["marginal"], found["pairwise"]) < 1e-9
    others = RandomOverSampler(random_state=0).fit_resample(train.X, train.y)
    assert mixed.quality(others, train, test, 0)["marginal"] > 0.01


def test_holes_are_marked_and_a_column_that_is_left_out_is_no_hole():
    train = pd.DataFrame(
        {"x": [1.0, np.nan, 3], "c": pd.Categorical(["a", None, "b"]), "k": [1, 2, 3]}
    )
    new = train.assign(k=pd.array([None] * 3, dtype="Int64"))
    found = mixed.without_holes(new, train)
    assert found["x"].tolist() == [1, 2, 3]
    assert found["x missing"].tolist() == ["no", "yes", "no"]
    assert found["c"].tolist() == ["a", "missing", "b"]
    assert found["k"].tolist() == [2, 2, 2]
    assert [*found] == ["x", "x missing", "c", "k"]


# ---------------------------------------------------------------- what the rows say


def made_rows(gain):
    """Rows in which CTGAN gains so much in every table."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame([c for c in mixed.cells("paper") if c.fold < 2])
    rows["pr_auc"] = 0.5 + rng.normal(0, 0.005, len(rows))
    rows.loc[rows["method"] == "ctgan", "pr_auc"] += gain
    made = ~rows["method"].isin(["dummy", "nothing"])
    rows["detection"] = np.where(made, 0.8 + rng.normal(0, 0.01, len(rows)), np.nan)
    rows["cpu_seconds_per_1000"] = np.where(made, 12.0, np.nan)
    deep = rows["method"].isin(["gan", "ctgan", "tab_ddpm"])
    rows["drawing_cpu_seconds_per_1000"] = np.where(deep, 0.25, np.nan)
    return rows.assign(device="cpu: <b>", started="2026-11-29")


@pytest.mark.parametrize(("gain", "verdict"), [(0.1, "yes"), (-0.1, "no")])
def test_a_gain_that_all_tables_share_is_told(gain, verdict):
    useful, detected = mixed.verdicts(mixed.whole(made_rows(gain)))
    ctgan = useful.index.str.startswith("after CTGAN")
    assert (useful.loc[ctgan, "verdict"] == verdict).all()
    assert (useful.loc[~ctgan, "verdict"] == "cannot be told").all()
    assert (useful["n"] == len(mixed.TABLES)).all()
    assert (detected["verdict"] == "cannot be told").all()
    assert f"CTGAN {gain:+.1f}"[:-1] in mixed.glance(made_rows(gain))
    told = mixed.verdicts_told([useful, detected])
    assert told.startswith("Of 12 claims 8 cannot be told. ")
    assert {"yes": "Shown: after CTGAN", "no": "Refuted: after CTGAN"}[verdict] in told


def test_a_fold_without_all_arms_does_not_count():
    rows = made_rows(0.1)
    lost = (
        (rows["dataset"] == "german") & (rows["fold"] == 1) & (rows["method"] == "gan")
    )
    kept = mixed.whole(rows[~lost])
    assert len(kept) == len(rows) - len(mixed.METHODS)
    assert set(kept.loc[kept["dataset"] == "german", "fold"]) == {0}
    assert mixed.whole(rows[rows["method"] != "gan"]).empty
    assert mixed.glance(rows.head(0)) == "Not answered yet."


def test_the_page_is_filled_from_rows_and_without_them(tmp_path):
    results = tmp_path / "book" / "results"
    results.mkdir(parents=True)
    page = tmp_path / "book" / "mixed.md"
    names = ("told", "rows", "usefulness", "detection", "verdicts", "costs")
    source = "\n\n".join(f"{{{{ mixed_{name} }}}}" for name in names)
    page.write_text(source)
    pages.fill_in_mixed(tmp_path)
    assert page.read_text().count("No row is stored yet.") == 4
    page.write_text(source)
    made_rows(0.1).to_csv(results / "mixed-paper.csv", index=False)
    pages.fill_in_mixed(tmp_path)
    html = rendered(page.read_text())
    assert "{{" not in html
    assert "cpu: &lt;b&gt;" in html
    assert html.count("<table") == 5
    head, _, *lines = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.read_text().splitlines()
        if line.startswith("|")
    )
    tables = ["crx", "german", "abalone", "kr-vs-k", "hypothyroid", "fars"]
    assert head == ["method", *tables, "mean"]
    found = {method: float(mean.replace("\\", "")) for method, *_, mean in lines[:7]}
    ctgan = made_rows(0.1).query("method == 'ctgan'")["pr_auc"].mean()
    assert len(found) == len(mixed.METHODS)
    assert found["CTGAN"] == pytest.approx(ctgan, abs=0.001)
    for text in ("84 of 210", "TabDDPM", "12.0", "cannot be told", "average precision"):
        assert text in html
