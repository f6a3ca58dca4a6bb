"""Tables as they come to `balance`, records set aside, recipes and samplers of one's own."""

import importlib
import json
import os
import re
import runpy
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp
from sklearn.metrics import log_loss

from helpers import TableCodec, report
from helpers.balancing import _text, audit, balance, read_table
from helpers.balancing._holdout import _latest, _of_groups
from helpers.balancing._new_rows import described, provenance_of
from helpers.balancing._options import Asked, as_options, chooser
from helpers.balancing._recipe import _folder
from helpers.balancing._text import TextTable

from .conftest import ROOT
from .test_balancing import QUICK, call, rows_of, text_of


def read(text, target="y"):
    return TextTable(text.encode(), "t.csv", target)


# ---------------------------------------------------------------- text

SPACED = """age, weight, job, note, y
39, 77516, cook, "a, b", yes
50, 83311, ?, , no
38, .5, clerk, "c", yes
"""


def test_blanks_after_separators_are_no_part_of_the_values():
    table = read(SPACED)
    assert table.frame["age"].tolist() == [39, 50, 38]
    assert table.frame["weight"].tolist() == [77516, 83311, 0.5]
    assert table.frame["job"].isna().tolist() == [False, True, False]
    assert table.frame["note"].iloc[0] == "a, b"
    assert {*table.frame["y"]} == {"yes", "no"}
    again = table.written([0, 1, 2], table.frame.iloc[1:2], "new").decode().splitlines()
    old = SPACED.splitlines()
    assert again[0] == f"{old[0]}, new"
    assert again[1:4] == [f"{line}, 0" for line in old[1:]]
    assert read(again[0] + "\n" + again[4]).frame["weight"].tolist() == [83311]
    assert again[4].startswith("50, 83311, ?, ")


def noted(text, about, tmp_path, **told):
    (tmp_path / "t.csv").write_text(text)
    source = read_table(tmp_path / "t.csv", "y")
    told = {"kinds": {}, "drop": (), "group": None, "time": None, **told}
    found = audit(source, "y", *told.values())
    return source.frame, [w["text"] for w in found["warnings"] if w["about"] == about]


def test_codes_of_digits_are_called_so_and_no_pandas_is_asked_of_files(tmp_path):
    lines = [f"{i:05d},{'x' if i % 3 else i},{i % 7 == 0:d}" for i in range(900, 1100)]
    _, notes = noted("\n".join(["zip,mixed,y", *lines]) + "\n", "left out", tmp_path)
    assert "(codes of digits, such as 01: 200 different among 200)" in notes[0]
    lines = [f"{i if i % 3 else f'x{i}'},{i % 7},{i % 5 == 0:d}" for i in range(200)]
    _, notes = noted("\n".join(["mixed,age,y", *lines]) + "\n", "left out", tmp_path)
    assert "'mixed' is not learned from (text, but 66% are numbers). Rows" in notes[0]


def test_words_of_long_tables_are_told_from_numbers(tmp_path):
    """Whatever the first rows hold, and however many follow."""
    lines = [f"{'abc'[i % 3]},{i % 97},{i % 7 == 0:d}" for i in range(40_000)]
    lines[30_000] = "b,unknown,1"
    _, notes = noted("\n".join(["word,age,y", *lines]) + "\n", "numbers", tmp_path)
    assert notes == [
        "Column 'age' reads as text for 'unknown' (first in line 30002): leave such fields "
        "empty, and it holds numbers."
    ]


def test_one_word_among_numbers_is_named_and_dashes_are_holes(tmp_path):
    lines = [
        f"{i % 50},{i / 8},{'01' if i % 2 else 10 + i % 3},{i % 2}" for i in range(90)
    ]
    lines[6] = "unknown,-,02,0"
    lines[8] = "<0.1,None,10,0"
    text = "\n".join(["age,lab,zip,y", *lines]) + "\n"
    frame, notes = noted(text, "numbers", tmp_path)
    assert notes == [
        "Column 'age' reads as text for 'unknown', '<0.1' (first in line 8): leave such "
        "fields empty, and it holds numbers."
    ]
    assert frame["lab"].dtype == float
    assert [*np.flatnonzero(frame["lab"].isna())] == [6, 8]
    table = read_table(tmp_path / "t.csv", "y").table
    assert read(text).frame["zip"].iloc[1] == "01"
    assert table.lines_of(frame.iloc[[6]]) == ["unknown,-,02,0"]
    # Among words they are words.
    assert {*read("a,y\nNone,0\nred,1\n-,0\n").frame["a"]} == {"None", "red", "-"}


def test_points_of_thousands_beside_decimal_commas_are_named(tmp_path):
    lines = [
        f"{i % 9},{i % 7}4;{i % 9 + 1}.{100 + i};{i}.25;{i % 2}" for i in range(60)
    ]
    text = "\n".join(["lab;income;rate;y", *lines]) + "\n"
    _, notes = noted(text, "numbers", tmp_path)
    (note,) = notes
    assert "'income' is read with a decimal point, such as '1.100'" in note
    assert "'lab' has a decimal comma" in note
    _, notes = noted(text.replace(",", "."), "numbers", tmp_path)
    assert notes == []


@pytest.mark.parametrize(
    ("values", "mark", "why"),
    [
        (["669", "1,777", "12,315", "80"], ",", "where the others have no decimals"),
        (["1,777", "2,315"], ",", "always with three decimals"),
        (["1.777", "669", "2.315"], ".", "where the others have no decimals"),
        (["0,669", "1,777"], ",", None),
        (["669", "1,77", "2,315"], ",", None),
        (["1,777", "2500"], ",", None),
        (["1.777", "2.315"], ".", None),  # three decimals
    ],
)
def test_thousands_that_may_be_decimals_are_asked_about(values, mark, why, tmp_path):
    lines = [f"{values[i % len(values)]};{i / 8};{i % 2}" for i in range(60)]
    _, notes = noted("\n".join(["x;z;y", *lines]) + "\n", "numbers", tmp_path)
    assert len(notes) == (why is not None)
    if why:
        first = next(v for v in values if mark in v)
        kind = {",": "comma", ".": "point"}[mark]
        told = f"Column 'x' is read with a decimal {kind}, such as {first!r}, {why}; if"
        assert notes[0].startswith(told)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            ["0.082", "1.250"] * 30 + ["n.d."],
            "reads as text for 'n.d.' (first in line 62)",
        ),
        (['"2,300"', "50", "550"], "reads as text, such as '2,300': write"),
        (["1 777", "669", "80"], "reads as text, such as '1 777': write"),
        (["1\u202f777", "669", "80"], r"reads as text, such as '1\u202f777': write"),
        (['"1,5"'] + ["2.5"] * 3, "reads as text, such as '1,5': write"),
        # Left empty, amounts would be lost.
        (["$5.50"] + ["2.5"] * 9, "reads as text, such as '$5.50': write"),
        (["red", "10", "green", "n.d."], None),
    ],
)
def test_the_cure_of_numbers_read_as_text_is_the_right_one(values, told, tmp_path):
    lines = [f"{v},{i / 8},{i % 2}" for i, v in enumerate(values * (61 // len(values)))]
    _, notes = noted("\n".join(["x,z,y", *lines]) + "\n", "numbers", tmp_path)
    assert [note.startswith(f"Column 'x' {told}") for note in notes] == [True] * bool(
        told
    )


def test_costs_are_those_of_the_rarer_class_of_the_whole_table(tmp_path):
    """Drift makes the rare class the frequent one of what is left to learn from."""
    when, y = np.arange(400), np.repeat(["sick", "well"], [180, 220])
    frame = pd.DataFrame({"x": np.sin(when), "when": when, "y": y})
    rng = np.random.default_rng(0)
    early, late = np.r_[0:150, 180:270], np.r_[150:180, 270:400]
    order = [*rng.permutation(early), *rng.permutation(late)]
    frame = frame.iloc[order].assign(when=when)
    frame.to_csv(tmp_path / "t.csv", index=False)
    said = []
    told = {"target": "y", "time": "when", "holdout": 0.4, "cost_fn": 10}
    balance(tmp_path / "t.csv", **told, dry_run=True, say=said.append)
    assert any(line.startswith("Costs: 10 for a missed 'sick', 1 for") for line in said)
    source = read_table(tmp_path / "t.csv", "y")
    asked = Asked("y", time="when", cost_fn=10)
    left = np.array(["sick"] * 150 + ["well"] * 90)
    auto = chooser(asked, {}, left, source.frame["y"])
    assert auto.costs == [[0, 10], [1, 0]]  # sick, well
    same = pd.Series(["sick", "well"] * 50)
    with pytest.raises(ValueError, match="both have 50 records"):
        chooser(asked, {}, left, same)


def test_a_title_above_the_names_is_told(tmp_path):
    lines = ["Customers 2024,,", "age,amount,churn", *["30,1.5,no", "40,2.5,yes"] * 20]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match="'churn' of --target stands in line 2"):
        balance(tmp_path / "t.csv", target="churn", dry_run=True)


def test_an_id_does_not_hide_duplicates(tmp_path):
    lines = [f"K{i:04d},{i // 3 / 7:.3f},{i // 3 % 2}" for i in range(90)]
    text = "\n".join(["record_id,x,y", *lines]) + "\n"
    (note,) = noted(text, "duplicates", tmp_path)[1]
    assert note.startswith("60 record(s) repeat an earlier one")


@pytest.mark.parametrize(
    "text",
    [
        'a,y\n1,"x, z"\n2,"p, q"\n',
        "a,y\n1, x\n2,p\n",
        'a,y\n1,"x"\n2," p"\n',
        'a,y\n1," x, w"\n2," p, q"\n',
    ],
)
def test_blanks_in_some_values_are_kept(text):
    assert read(text).blank == ""
    assert any(" " in value for value in read(text).frame["y"])


def test_numbers_without_a_zero_before_the_point_are_numbers():
    table = read("a;b;y\n.53;-,25;u\n-.1;3,5;v\n")
    assert table.frame["a"].tolist() == [0.53, -0.1]
    assert table.frame["b"].tolist() == [-0.25, 3.5]


def test_text_of_numbers_alone_names_its_cure():
    codes = pd.DataFrame(
        {"n": [f" {i:05d}" for i in range(60)], "x": np.arange(60) / 7}
    )
    assert "pd.to_numeric" in TableCodec().fit(codes).left_out_["n"]


# ---------------------------------------------------------------- audit


def test_a_flag_that_hardly_any_record_has_is_no_reason_to_stop(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=5000).round(3), "flag": 0, "order": 0})
    frame["order"] = [*range(4999), 7]
    frame["y"] = np.where(np.arange(5000) < 900, "yes", "no")
    frame.loc[4321, "flag"] = 1
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    found = audit(read_table(path, "y"), "y")
    assert {c["name"]: c["kind"] for c in found["columns"]}["flag"] == "number"


@pytest.mark.parametrize("option", ["--group", "--time"])
def test_a_column_that_only_orders_or_groups_is_not_called_learned_from(
    option, tmp_path
):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"x": rng.normal(size=200).round(3), "ward": np.arange(200) // 8}
    )
    frame["y"] = np.where(rng.uniform(size=200) < 0.3, "ill", "well")
    path = tmp_path / "t.csv"
    frame.to_csv(path, index=False)
    told = {option.removeprefix("--"): "ward"}
    found = audit(read_table(path, "y"), "y", **told)
    (column,) = (c for c in found["columns"] if c["name"] == "ward")
    assert column["kind"] == "leave_out"
    notes = [w["text"] for w in found["warnings"] if w["about"] == "left out"]
    assert notes == [
        f"Column 'ward' ({option}) is not learned from. Rows that are made have none, "
        "repeated ones keep theirs: leave it out before a classifier learns from the "
        "balanced table."
    ]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([-999, -999, -999, *range(18, 90)], ["-999 in 3 records, and 18 to 89 in"]),
        ([-1, -1, -1, *range(0, 5000, 50)], ["-1 in 3 records, and 0 to 4950 in"]),
        (
            [99.5] * 4 + [k / 8 for k in range(60)],
            ["99.5 in 4 records, and 0 to 7.375"],
        ),
        ([-999, -999, *range(18, 90)], []),  # two may be chance
        ([0] * 40 + [*range(100, 160)], []),  # as many as the others span: no code
        ([9] * 5 + [1, 2, 3, 4, 5] * 12, []),  # levels, no measurements
        ([-9] * 5 + [*range(-80, -10)] + [3], []),
        (
            [-99] * 5 + [-98] * 4 + [*range(1, 40)],
            ["-99 in 5 records, and 1 to 39 in", "-98 in 4 records, and 1 to 39 in"],
        ),
    ],
)
def test_a_code_of_values_not_known_is_asked_about(values, told, tmp_path):
    lines = [f"{value},{k % 7 == 0:d}" for k, value in enumerate(values)]
    _, notes = noted("\n".join(["age,y", *lines]) + "\n", "codes", tmp_path)
    assert len(notes) == len(told)
    for note, words in zip(notes, told, strict=True):
        assert f"Column 'age' has {words}" in note


# ---------------------------------------------------------------- set aside


def test_the_share_set_aside_is_as_near_as_ties_and_groups_allow():
    when = np.repeat([1.0, 2.0, 3.0, 4.0], [300, 100, 400, 200])
    assert len(_latest(when, 0.3)) == 200
    assert len(_latest(when, 0.5)) == 600
    groups = pd.Series(np.arange(400) // 4, name="who")
    y = pd.Series(np.tile([0, 0, 0, 1], 100))
    for share in (0.1, 0.2, 0.4, 0.7):
        held = _of_groups(groups, y, share, 0)
        assert len(held) / 400 == pytest.approx(share, abs=0.03)
        assert not {*groups[held]} & {*groups.drop(held)}
    sizes = [500, 300, 200]
    groups, y = pd.Series(np.repeat([0, 1, 2], sizes), name="who"), np.arange(1000) % 4
    for share, n in ((0.1, 200), (0.2, 200), (0.45, 500)):
        assert len(_of_groups(groups, pd.Series(y), share, 0)) == n
    with pytest.raises(ValueError, match="has one value"):
        _of_groups(groups * 0, pd.Series(y), 0.2, 0)


def test_records_set_aside_are_ranked_by_the_class_the_verdict_is_about(tmp_path):
    rng = np.random.default_rng(0)
    n = 400
    rare = np.arange(n) % 5 == 0
    rare[320:] = np.arange(80) % 5 != 0  # later, the rare class is the frequent one
    frame = pd.DataFrame({"x": (rng.normal(size=n) + 2 * rare).round(3)})
    frame["when"] = pd.date_range("2024-01-01", periods=n).strftime("%Y-%m-%d")
    frame["y"] = np.where(rare, "yes", "no")
    path, out = tmp_path / "t.csv", tmp_path / "out"
    frame.to_csv(path, index=False)
    words = [
        "--target",
        "y",
        "--methods",
        "smote",
        "--for",
        "ranking",
        "--time",
        "when",
    ]
    done = call(path, *words, "--holdout", ".2", "--budget", "none", "--out", out)
    assert done.exit_code == 0, done.output
    assert "Set aside: 80 of 400 records (20%)." in done.output
    said = json.loads((out / "report.json").read_text())["holdout"]["scores"]["nothing"]
    # Of a class with four records in five, chance alone would be .8.
    assert said["average_precision"] > 0.9


# ---------------------------------------------------------------- recipes

JITTER = """
import numpy as np
from imblearn.over_sampling.base import BaseOverSampler


class Jitter(BaseOverSampler):
    def _fit_resample(self, X, y):
        found = [np.arange(len(y))]
        for label, n in self.sampling_strategy_.items():
            found.append(np.resize(np.flatnonzero(y == label), n))
        rows = np.concatenate(found)
        X_new = X[rows].copy()
        X_new[len(y):] = X_new[len(y):] * SCALE
        return X_new, y[rows]
"""


def balanced_by_jitter(tmp_path, scale, *more):
    path, own, out = (tmp_path / name for name in ("t.csv", "jit.py", "out"))
    path.write_text(text_of(rows_of()))
    own.write_text(JITTER.replace("SCALE", scale))
    # A process of its own, as on the command line: a module is imported once.
    words = ["--target", "left", "--methods", f"{own}:Jitter", "--for", "ranking"]
    words += ["--budget", "none", "--repeats", "1", "--out", out, *more]
    return out, subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "helpers", "balance", path, *words],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )


def test_a_sampler_of_ones_own_is_scored_anew_after_an_edit_and_its_recipe_runs(
    tmp_path,
):
    def score(out):
        arms = json.loads((out / "report.json").read_text())["arms"]
        return next(a for a in arms if a["method"] == "Jitter")["score"]

    out, done = balanced_by_jitter(tmp_path, "1.0", "--force", "Jitter")
    assert done.returncode == 0, done.stderr
    before = score(out)
    done = subprocess.run(
        [sys.executable, out / "recipe.py"],
        capture_output=True,
        text=True,
        cwd=out,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"average precision 0\.\d+", done.stdout)

    _, done = balanced_by_jitter(tmp_path, "0.0", "--force", "Jitter")
    assert done.returncode == 1
    assert "code of --methods" in done.stderr
    _, done = balanced_by_jitter(tmp_path, "0.0", "--force", "Jitter", "--overwrite")
    assert done.returncode == 0, done.stderr
    assert score(out) != before


def test_another_method_may_be_forced_without_new_fits(tmp_path):
    path, own, out = (tmp_path / name for name in ("t.csv", "jitted.py", "out"))
    path.write_text(text_of(rows_of()))
    own.write_text(JITTER.replace("SCALE", "1.0"))
    words = [path, "--target", "left", *QUICK, "--out", out]
    assert call(*words).exit_code == 0
    done = call(*words, "--force", f"{own}:Jitter")
    assert done.exit_code == 0, done.output


def test_a_module_of_ones_own_is_found_from_its_root(tmp_path, monkeypatch):
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text(JITTER.replace("SCALE", "1.0"))
    (package / "inner.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("own_package.inner")
    assert _folder("own_package") == _folder("own_package.inner") == tmp_path.resolve()
    assert _folder("numpy") is None


def test_overwrite_begins_anew(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_text(text_of(rows_of()))
    words = [path, "--target", "left", *QUICK, "--out", out]
    assert call(*words).exit_code == 0
    stored = (out / "rows.csv").read_text()
    (out / "rows.csv").write_text(stored.replace("smote", "smite"))
    assert call(*words, "--overwrite").exit_code == 0
    assert "smite" not in (out / "rows.csv").read_text()


def test_rows_of_another_version_are_refused_with_the_options_that_help(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_text(text_of(rows_of()))
    words = [path, "--target", "left", *QUICK, "--out", out]
    assert call(*words).exit_code == 0
    rows = pd.read_csv(out / "rows.csv", dtype=str, keep_default_na=False)
    rows.assign(versions="numpy 0.1").to_csv(out / "rows.csv", index=False)
    done = call(*words)
    assert done.exit_code == 2
    assert "other versions, 'numpy 0.1'" in done.stderr
    assert "--overwrite" in done.stderr


def test_a_mark_that_the_encoding_lacks_is_refused_before_any_fit(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_text(text_of(rows_of()))
    words = ["--target", "left", "--mark", "\u2603", "--encoding", "cp1252"]
    done = call(path, *words, *QUICK, "--out", out)
    assert done.exit_code == 2
    assert "cannot be written in cp1252" in done.stderr
    assert not out.exists()


# ---------------------------------------------------------------- parquet


@pytest.mark.parametrize("levels", [["no", "yes", "never"], [0, 1, 2]])
def test_nested_columns_are_left_out_and_levels_without_records_are_no_classes(
    levels, tmp_path
):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    n = 120
    labels = pa.DictionaryArray.from_arrays(
        pa.array([int(i % 4 == 0) for i in range(n)], pa.int8()), levels
    )
    table = pa.table(
        {
            "x": np.random.default_rng(0).normal(size=n),
            "tags": [[i, i + 1] for i in range(n)],
            "y": labels,
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    found = audit(read_table(tmp_path / "t.parquet", "y"), "y")
    assert {c["label"] for c in found["classes"]} == {*map(str, levels[:2])}
    assert found["duplicates"] == 0
    kinds = {c["name"]: c["kind"] for c in found["columns"]}
    assert kinds["tags"] == "leave_out"
    words = [
        "--target",
        "y",
        "--drop",
        "tags",
        "--holdout",
        ".2",
        "--out",
        tmp_path / "o",
    ]
    done = call(tmp_path / "t.parquet", *words, *QUICK)
    assert done.exit_code == 0, done.output


def test_a_target_called_self_and_a_name_of_another_encoding(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.csv"
    with open(path, "w") as file:
        file.write(rows_of().rename(columns={"left": "self"}).to_csv(index=False))
    out = tmp_path / "out"
    told = ["--target", "self", "--out", str(out), *QUICK, "--force", "smote"]
    result = call(os.fsdecode(path), *told)
    assert result.exit_code == 0, result.output
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["input"]["file"] == "caf\ufffd.csv"
    assert "self" in pd.read_csv(out / "balanced.csv").columns


@pytest.mark.parametrize("way", ["plain", "group", "time"])
def test_the_recipe_learns_from_no_record_that_is_set_aside(tmp_path, way):
    frame = rows_of(n=200, rare=60)
    frame["place"] = np.arange(len(frame)) % 40
    frame["day"] = pd.date_range("2024-01-01", periods=len(frame)).strftime("%Y-%m-%d")
    frame = frame.sample(frac=1, random_state=0)
    path = tmp_path / "t.csv"
    path.write_text(text_of(frame), encoding="utf-8")
    words = ["--target", "left", *QUICK[:4], "--holdout", ".2", "--seed", "3"]
    words += {"plain": ["--repeats", "1"], "group": ["--group", "place"], "time": []}[
        way
    ]
    words += ["--time", "day"] * (way == "time")
    done = call(path, *words, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    held = read_table(tmp_path / "out" / "holdout.csv", "left").frame
    made = runpy.run_path(str(tmp_path / "out" / "recipe.py"), run_name="not main")
    learned = made["X"].assign(left=made["y"])
    assert len(learned) + len(held) == len(frame)
    both = pd.concat([learned, held[learned.columns]]).astype(str)
    assert not both.duplicated().any()
    assert "lack the records that `--holdout` sets aside" in made["__doc__"]


def test_the_recipe_has_as_many_folds_as_were_asked_for(tmp_path):
    """With five, folds of 24 clinics would lack the class that four of them have."""
    frame = rows_of(n=240, rare=60)
    rare = (frame["left"] == frame["left"].value_counts().index[-1]).to_numpy()
    frame["clinic"] = np.where(
        rare, np.arange(len(frame)) % 4, 4 + np.arange(len(frame)) % 20
    )
    path = tmp_path / "t.csv"
    path.write_text(text_of(frame), encoding="utf-8")
    words = ["--target", "left", *QUICK[:4], "--group", "clinic", "--splits", "2"]
    done = call(path, *words, "--for", "probabilities", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    ran = subprocess.run(
        [sys.executable, tmp_path / "out" / "recipe.py"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert re.search(r"log loss 0\.\d+ \(spread 0\.\d+, 2 splits\)", ran.stdout)
    plain = ["--target", "left", *QUICK[:4], "--splits", "3", "--repeats", "4"]
    done = call(path, *plain, "--out", tmp_path / "plain")
    text = (tmp_path / "plain" / "recipe.py").read_text(encoding="utf-8")
    assert "RepeatedStratifiedKFold(n_splits=3, n_repeats=4" in text


def test_the_recipe_has_the_reports_splits_in_time_which_part_no_day(tmp_path):
    frame = rows_of(n=240, rare=60).sample(frac=1, random_state=0)
    days = pd.date_range("2024-01-01", periods=24).strftime("%Y-%m-%d")
    frame["day"] = np.repeat(days, 10)
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_text(text_of(frame), encoding="utf-8")
    words = ["--target", "left", *QUICK[:4], "--time", "day", "--force", "nothing"]
    done = call(path, *words, "--for", "probabilities", "--out", out)
    assert done.exit_code == 0, done.output
    ran = subprocess.run(
        [sys.executable, out / "recipe.py"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    found = re.search(r"log loss 0\.\d+ \(spread 0\.\d+, (\d+) splits\)", ran.stdout)
    said = json.loads((out / "report.json").read_text())
    assert int(found[1]) == said["verdict"]["n_splits"]
    made = runpy.run_path(str(out / "recipe.py"), run_name="not main")
    days, n = made["X"]["day"].to_numpy(), int(found[1])
    for train, test in made["forward"](made["in_time"](made["X"]["day"]), n):
        assert max(days[train]) < min(days[test])


@pytest.mark.parametrize(
    ("seen", "value", "expected"),
    [
        (["1.1600000000000001", "1.2"], 1.52, "1.52"),
        (["1.1600000000000001", "1.2"], 2.0, "2.0"),
        (["1.25", "1.50"], 1.5, "1.50"),
        (["1.25", "1.5"], 1.75, "1.75"),
        (["3", "4"], 5.0, "5"),
        (["3", "4.25"], 5.0, "5"),
        (["0.5", "0.25"], 1 / 3, "0.33"),
        (["100", "200"], 1e22, "10000000000000000000000"),
    ],
)
def test_numbers_have_no_digits_that_a_float_does_not_hold(seen, value, expected):
    decimals = _text._decimals(np.array(seen, dtype=object))
    assert _text._number(value, decimals, ".") == expected


def test_the_report_says_what_gives_new_rows_away(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    frame = rows_of()
    frame["customer_id"] = [f"C{i}" for i in range(len(frame))]
    path.write_text(text_of(frame))
    words = [path, "--target", "left", *QUICK, "--out", out, "--mark", "made"]

    def said(*more):
        done = call(*words, *more)
        assert done.exit_code == 0, done.output
        return done.output, " ".join((out / "report.html").read_text().split())

    output, html = said("--force", "smote")
    assert "have nothing in customer_id and a 1 in made, which gives their" in html
    assert "Never cross-validate the balanced table" in html
    assert "leave it out before a classifier" in output
    assert "smote all the same" in output
    _, html = said("--force", "random_oversampling")
    assert "New rows have a 1 in made, which" in html  # ids are repeated, too
    output, html = said("--force", "nothing")
    assert "cross-validate the balanced" not in html
    verdict = json.loads((out / "report.json").read_text())
    assert verdict["balanced"]["forced"] is True
    assert verdict["balanced"]["departs"] is (verdict["verdict"]["chosen"] != "nothing")
    assert ("all the same" in output) is verdict["balanced"]["departs"]


def test_made_rows_that_equal_old_ones_have_no_ids_all_the_same(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.choice([*"xyz"], 120), "left": ["no", "yes"] * 60})
    frame = frame.iloc[[*range(100), *range(100, 120, 2)]]
    frame["customer_id"] = [f"C{i}" for i in range(len(frame))]
    frame["b"] = rng.choice([*"uv"], len(frame))
    path.write_text(text_of(frame))
    done = call(path, "--target", "left", *QUICK, "--out", out, "--force", "smote")
    assert done.exit_code == 0, done.output
    told = json.loads((out / "report.json").read_text())
    assert told["new_rows"]["copies"] == told["new_rows"]["records"] > 0
    assert told["balanced"]["repeats"] is False
    html = (out / "report.html").read_text()
    assert "nothing in customer_id, which gives" in " ".join(html.split())


def test_a_copy_is_one_of_all_values(tmp_path):
    X = pd.DataFrame({"amount": [1.0, 2.0, 4e10, None], "kind": list("abab")})
    fresh = pd.DataFrame({"amount": [1.5, 2.0, None], "kind": list("abb")})
    told = provenance_of(X, (fresh, [1, 1, 1], None), None, Asked("y"))
    assert told["copy"].tolist() == [0, 1, 1]
    # Beside a huge one many are at one distance, and the equal one is not the first.
    X = pd.DataFrame({"amount": [*range(40), 4e10], "kind": ["a"] * 41})
    rows = [7, 39, 0, 40]
    told = provenance_of(X, (X.iloc[rows], [1] * 4, None), None, Asked("y"))
    assert told["nearest"].tolist() == rows
    assert told["copy"].tolist() == [1] * 4
    assert not told["distance"].any()


def test_a_classifier_of_ones_own_is_seeded(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(text_of(rows_of()))
    words = [path, "--target", "left", *QUICK]
    words += ["--classifier", "sklearn.tree:ExtraTreeClassifier"]
    for name in ("a", "b"):
        done = call(*words, "--out", tmp_path / name)
        assert done.exit_code == 0, done.output
    tables = [pd.read_csv(tmp_path / n / "scores.csv") for n in ("a", "b")]
    kept = [c for c in tables[0] if "seconds" not in c and c != "started"]
    pd.testing.assert_frame_equal(tables[0][kept], tables[1][kept])


def test_messages_are_in_the_words_of_the_command_line():
    said = {
        "There are 3 groups, and 5 folds need as many; give cv fewer folds.": "There are 3 "
        "groups, and 5 folds need as many; lower --splits.",
        "Maybe you are trying to fit a classifier.": "Maybe you are trying to fit a "
        "classifier.",
        "groups='g' is no column": "--group='g' is no column",
        "Column 'd' (times) has": "Column 'd' (--time) has",
        "times has 3 different values": "--time has 3 different values",
        "set time_budget": "set --budget",
    }
    assert {message: as_options(message) for message in said} == said


def test_records_set_aside_are_scored_by_a_fit_that_has_not_seen_them(tmp_path):
    path, out = tmp_path / "t.csv", tmp_path / "out"
    path.write_text(text_of(rows_of(200, 60)))
    words = [path, "--target", "left", *QUICK, "--holdout", ".2", "--force", "nothing"]
    words += ["--cost-fn", "6", "--cost-fp", "2", "--out", out]
    done = call(*words)
    assert done.exit_code == 0, done.output
    said = json.loads((out / "report.json").read_text())["holdout"]["scores"]["nothing"]
    made = runpy.run_path(str(out / "recipe.py"), run_name="not main")
    held = read_table(out / "holdout.csv", "left").frame
    model = made["pipeline"].fit(made["X"], made["y"])
    rest, true = held[made["X"].columns], held["left"].to_numpy()
    p, decided = model.predict_proba(rest), model.predict(rest)
    assert said["log_loss"] == pytest.approx(log_loss(true, p))
    missed = (true == "yes") & (decided == "no")
    called = (true == "no") & (decided == "yes")
    assert said["cost"] == pytest.approx((6 * missed + 2 * called).mean())
    share = read_table(path, "left").frame["left"].eq("yes").mean()
    assert (true == "yes").mean() == pytest.approx(share, abs=1 / len(true))


def test_pictures_of_the_report_by_known_answers():
    p = np.array([0.9, 0.4, 0.6, 0.1])
    predictions = pd.DataFrame(
        {"method": "nothing", "true": list("aabb"), "p_a": p, "p_b": 1 - p}
    )
    auto = SimpleNamespace(
        predictions_=predictions,
        comparison_=pd.DataFrame(index=["dummy", "nothing"]),
        costs=None,
        classes_=np.array(["a", "b"]),
        verdict_=SimpleNamespace(need="decisions"),
    )
    curve = report._costs(auto, "nothing", "a", n=5)
    # Above .6 one of two a is missed; above .1 one of two b is called a.
    assert curve["least"]["nothing"] == [0, 0.125, 0.25, 0.125, 0]
    assert curve["asked"] == 0.5
    auto.costs, auto.verdict_.need = [[0, 3], [1, 0]], "decisions"
    assert report._costs(auto, "nothing", "a", n=5)["asked"] == 0.75
    found = report._reliability(auto, "nothing", "a", n_bins=2)["nothing"]
    assert found["seen"] == [0.5, 0.5]
    assert found["said"] == pytest.approx([0.25, 0.75])


def test_new_rows_beside_old_ones_by_known_answers():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(80, 2)), columns=["u", "v"])
    X.loc[60:, "u"] += 30  # the class that is filled lies apart
    y = np.repeat(["no", "yes"], [60, 20])
    fresh = X.iloc[[60, 61, 62]].reset_index(drop=True)
    fresh.loc[1, "v"] += 1e-3
    fresh.loc[2, "v"] += 20.0
    origin, asked = (fresh, np.repeat(["yes"], 3), None), Asked("y")
    told = provenance_of(X, origin, None, asked)
    found = described(X, y, origin, told, None, asked)
    assert told["copy"].tolist() == [1, 0, 0]
    assert (found["records"], found["copies"], found["near_copies"]) == (3, 1, 1)
    # Beside old rows of that class only.
    gaps = {column["name"]: column["gap"] for column in found["columns"]}
    # The first of them, 60 to 62, lie among the twenty, and far above the other sixty.
    own = X["u"].iloc[60:].to_numpy()
    assert gaps["u"] == pytest.approx(ks_2samp(own, fresh["u"]).statistic)
