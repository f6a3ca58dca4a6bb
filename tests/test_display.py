"""Tables, sentences and answers as a reader meets them: nothing of the code, nothing raw."""

import html
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from sphinx.application import Sphinx

from helpers.display import (
    ALT,
    alt,
    answer,
    frames,
    printed_name,
    say,
    source,
    table,
    told_apart,
)
from helpers.pages import (
    with_answer_on_top,
    with_figures,
    with_named_solutions,
    without_outputs,
)
from helpers.site import lighter, theme_icons

SCRIPT = "<script>alert(1)</script>"


class Grid(HTMLParser):
    """Cells of a table by row, with what is in them; every tag and its attributes."""

    def __init__(self, shown):
        super().__init__()
        self.rows, self.tags, self._open = [], [], False
        self.feed(str(shown))

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._open = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._open = False

    def handle_data(self, data):
        if self._open:
            self.rows[-1][-1] += data


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([20.0, 19.0], ["20", "19"]),  # counts
        ([0.25, 1.0], ["0.250", "1.000"]),
        ([0.0029, -0.5], ["0.003", "−0.500"]),  # 2.900e-03
        ([0.0001, 0.5], ["< 0.001", "0.500"]),
        ([-0.0001, 0.5], ["−0.000", "0.500"]),
        ([0.0, 0.5], ["0.000", "0.500"]),
        ([12345.678, 0.5], ["12,345.7", "0.5"]),
        ([np.nan, 1.0], ["–", "1"]),
        ([np.inf, 1.0], ["∞", "1"]),
        ([pd.NA, 3], ["–", "3"]),
        (["nan ± nan", "0.5 ± nan"], ["–", "0.5"]),
        (["-0.1 to +0.2", "-1"], ["−0.1 to +0.2", "−1"]),
        ([True, np.False_], ["yes", "no"]),
        ([None, "a-b"], ["–", "a-b"]),
    ],
)
def test_no_cell_is_raw(values, shown):
    frame = pd.Series(values, ["a", "b"], dtype=object, name="value")
    grid = Grid(table(frame, "x"))
    assert [row[1] for row in grid.rows[1:]] == shown


def test_digits_and_signs_are_the_columns():
    frame = pd.DataFrame({"difference": [0.26, -0.26], "level": [0.26, 0.5]})
    frame["n"] = pd.array([3, None], dtype="Int64")
    grid = Grid(table(frame, "x", digits={"level": 1}))
    assert grid.rows == [
        ["difference", "level", "n"],
        ["+0.260", "0.3", "3"],
        ["−0.260", "0.5", "–"],
    ]


def test_identifiers_have_printed_names_and_levels_span():
    keys = [("smote", "roc_auc"), ("smote", "acsa"), ("no_thing", "f1_macro")]
    index = pd.MultiIndex.from_tuples(keys, names=["method", "measure"])
    columns = pd.MultiIndex.from_product([["logistic"], ["p_holm", "n"]])
    frame = pd.DataFrame([[0.5, 1]] * 3, index=index, columns=columns)
    grid = Grid(table(frame, "x", names={"smote": "SMOTE"}))
    assert grid.rows == [
        ["", "", "logistic"],
        ["method", "measure", "p (Holm)", "n"],
        ["SMOTE", "ROC-AUC", "0.500", "1"],
        ["ACSA", "0.500", "1"],
        ["no thing", "macro-F1", "0.500", "1"],
    ]
    spans = [int(a["rowspan"]) for _, a in grid.tags if "rowspan" in a]
    assert spans == [2]
    assert "_" not in "".join(map("".join, grid.rows))
    assert printed_name("recall_malignant") == "recall, malignant"


def test_whatever_comes_from_data_is_text():
    frame = pd.DataFrame({SCRIPT: [SCRIPT]}, index=pd.Index([SCRIPT], name=SCRIPT))
    grid = Grid(table(frame, SCRIPT, names={SCRIPT: SCRIPT}))
    assert {tag for tag, _ in grid.tags} <= {
        *("div", "table", "caption", "thead", "tbody", "tr", "td", "th")
    }
    assert grid.rows == [[SCRIPT, SCRIPT], [SCRIPT, SCRIPT]]
    for shown in (say("{x}", x=SCRIPT), answer(SCRIPT, [SCRIPT])):
        assert "<" not in re.sub(r"\\<", "", str(shown))
    figure = plt.figure()
    shown = str(frames([(SCRIPT, figure)], SCRIPT, SCRIPT))
    assert "<script" not in shown
    assert html.escape(SCRIPT) in shown


def test_a_table_can_be_reached_and_read_aloud():
    grid = Grid(table(pd.Series([1.5], ["a"], name="b"), "What it holds"))
    (box,) = (a for tag, a in grid.tags if tag == "div")
    assert box["tabindex"] == "0"
    assert box["aria-label"] == "What it holds"
    assert [a["scope"] for tag, a in grid.tags if tag == "th"] == ["col", "row"]


def test_an_empty_table_is_still_one():
    assert Grid(table(pd.DataFrame({"a": []}), "x")).rows == [["a"]]


def test_numbers_of_a_sentence_are_formatted_and_its_markdown_stays():
    assert str(say("**{a:+.1f}** of {b}", a=-1, b="x_y")) == r"**\-1\.0** of x\_y"
    assert told_apart(pd.DataFrame({"p_holm": [0.2]}, index=["a"])) == "none"


def test_a_slider_has_every_picture_and_shows_one():
    pictures = ((f"epoch {n}", plt.figure(figsize=(1, 1))) for n in (1, 10, 100))
    shown = str(frames(pictures, "Epoch", "A GAN", start=1))
    found = re.findall(
        r'<img data-frame src="data:image/png;base64,\S+" alt="(.+?)"(.*?)>', shown
    )
    assert found == [("epoch 1", " hidden"), ("epoch 10", ""), ("epoch 100", " hidden")]
    assert 'max="2"' in shown
    assert 'value="1"' in shown
    assert not plt.get_fignums()  # 20 open figures are a warning


# ---------------------------------------------------------------- on the page


def notebook(*outputs):
    code = {"cell_type": "code", "source": ["x = 1\n"] * 60, "metadata": {}}
    tagged = {**code, "metadata": {"tags": ["answer"]}, "outputs": [*outputs]}
    first = {"cell_type": "markdown", "source": ["# Title\n", "\n", "Text."]}
    return {"cells": [{**first, "metadata": {}}, code | {"outputs": []}, tagged]}


def test_the_answer_stands_below_the_title():
    bundle = answer("Does it help?", ["No."])._repr_mimebundle_()
    given = notebook({"data": {"text/markdown": bundle["text/markdown"]}})
    page = with_answer_on_top(given, {"seconds": 61.4, "device": "cpu: a `chip`"})
    first, code = page["cells"]
    assert re.match(r"# Title\n\n:::\{admonition\} ", first["source"])
    assert first["source"].index("Does it help?") < first["source"].index("Text.")
    assert "5 minutes to read, 61 s to run on cpu\\: a \\`chip\\`" in first["source"]
    assert code["source"] == given["cells"][1]["source"]
    assert len(given["cells"]) == 3  # what was executed stays


def test_without_an_answer_the_page_stays():
    for given in (notebook(), notebook({"output_type": "error"})):
        assert with_answer_on_top(given, {}) == given


def test_a_folded_solution_says_of_which_exercise_it_is():
    code = {"cell_type": "code", "metadata": {"tags": ["solution"]}}
    given = {"cells": [{**code, "source": ["# Exercise 3\n", "1"]}]}
    (cell,) = with_named_solutions(given)["cells"]
    prompts = cell["metadata"]["mystnb"]
    assert prompts["code_prompt_show"] == "Show the solution of exercise 3"
    assert prompts["code_prompt_hide"] == "Hide the solution of exercise 3"
    assert with_named_solutions(notebook()) == notebook()


PICTURE = {
    "output_type": "display_data",
    "data": {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"},
    "metadata": {},
}


def drawing(*shown):
    """A notebook of one cell with a caption, and what it showed."""
    figure = {"caption": "Gains of the arms.", "name": "fig-gains"}
    metadata = {"mystnb": {"image": {"alt": "A line per arm"}, "figure": figure}}
    outputs = [
        one
        if isinstance(one, dict)
        else {**PICTURE, "data": one._repr_mimebundle_(None, None)}
        for one in shown
    ]
    cell = {"cell_type": "code", "id": "gains", "source": ["draw()"]}
    cell |= {"metadata": metadata | {"tags": ["hide-input"]}, "outputs": outputs}
    cell["execution_count"] = 1
    title = {"cell_type": "markdown", "id": "title", "source": "# T", "metadata": {}}
    language = {"language_info": {"name": "python", "pygments_lexer": "python"}}
    versions = {"nbformat": 4, "nbformat_minor": 5}
    return {"cells": [title, cell], "metadata": language, **versions}


def test_jupyter_shows_nothing_of_an_alternative_text():
    bundle = alt("SMOTE\n is highest")._repr_mimebundle_()
    assert bundle == {ALT: "SMOTE is highest", "text/plain": ""}


def test_a_told_alternative_text_takes_the_place_of_the_written_one():
    given = drawing(alt("SMOTE is highest"), PICTURE)
    _, cell = with_figures(given)["cells"]
    assert cell["metadata"]["mystnb"]["image"] == {"alt": "SMOTE is highest"}
    assert cell["metadata"]["mystnb"]["figure"]["name"] == "fig-gains"
    assert cell["outputs"] == [PICTURE]
    assert cell["source"] == ["draw()"]
    assert len(given["cells"][1]["outputs"]) == 2  # what was executed stays
    _, cell = with_figures(drawing(PICTURE))["cells"]
    assert cell["metadata"]["mystnb"]["image"] == {"alt": "A line per arm"}


def test_only_pictures_are_figures_and_each_has_its_own_text():
    words, bare = say("Twelve arms."), {"image": {"alt": "A line per arm"}}
    page = with_figures(
        drawing(words, alt("one"), PICTURE, words, words, alt("two"), PICTURE)
    )
    _, *cells = page["cells"]
    assert [len(c["outputs"]) for c in cells] == [1, 1, 2, 1]
    shown = [c["metadata"]["mystnb"] for c in cells]
    assert [shown[0], shown[2]] == [bare, bare]
    assert [s["image"]["alt"] for s in (shown[1], shown[3])] == ["one", "two"]
    # Of the same caption, but no name twice.
    assert [s["figure"].get("name") for s in (shown[1], shown[3])] == [
        "fig-gains",
        None,
    ]
    assert [c["source"] == ["draw()"] for c in cells] == [True, False, False, False]
    assert [c["metadata"]["tags"] for c in cells[1:]] == [["remove-input"]] * 3
    nbformat.validate(page)  # ids are unique, too


def test_a_cell_that_drew_nothing_is_no_figure():
    for outputs in ((), (say("Nothing is stored."),)):
        _, cell = with_figures(drawing(*outputs))["cells"]
        assert "figure" not in cell["metadata"]["mystnb"]
        assert len(cell["outputs"]) == len(outputs)
    assert with_figures(notebook()) == notebook()


def test_a_page_shows_a_numbered_figure_and_hostile_text_as_text(tmp_path):
    """Through MyST-NB: one figure of that name, its table outside, its text escaped."""
    hostile = '"><script>alert(1)</script>'
    page = with_figures(drawing(alt(hostile), PICTURE, say("Twelve arms.")))
    (tmp_path / "index.ipynb").write_text(json.dumps(page))
    config = {"extensions": ["myst_nb"], "numfig": True, "nb_execution_mode": "off"}
    app = Sphinx(
        tmp_path,
        None,
        tmp_path / "html",
        tmp_path / "trees",
        "html",
        config,
        status=None,
        warning=(warned := io.StringIO()),
    )
    app.build()
    text = (tmp_path / "html" / "index.html").read_text()
    assert warned.getvalue() == ""
    (figure,) = re.findall(r"<figure .*?</figure>", text, re.S)
    assert 'id="fig-gains"' in figure
    assert "Fig. 1" in figure
    assert "Twelve arms." not in figure
    assert "Twelve arms." in text
    assert "<script>alert" not in text
    assert f'alt="{html.escape(hostile)}"' in figure


def test_a_chapter_that_was_not_run_says_so_below_its_title():
    first = without_outputs(notebook())["cells"][0]["source"]
    assert re.match(r"# Title\n\n:::\{warning\}\nThis build did not run", first)
    assert "Text." in first
    for untitled in ([], [{"cell_type": "code", "source": "n = 5", "metadata": {}}]):
        assert without_outputs({"cells": untitled}) == {"cells": untitled}


def test_images_load_late_and_open_on_a_tap_once():
    page = (
        '<img alt="a > b" src="../_images/x.png"/><a class="r" href="y"><img src="../_images/y.svg"></a>'
        '<img src="../../_images/z.png"><img loading="eager" src="../_static/logo.svg">'
    )
    mended = lighter(page)
    assert mended.count('loading="lazy"') == 3
    assert re.findall(r'<a class="enlarge" href="(.+?)"', mended) == [
        "../_images/x.png",
        "../../_images/z.png",
    ]
    assert 'alt="a > b"' in mended


def test_a_page_loads_no_script_that_it_does_not_need():
    scripts = (
        '<script defer src="../_static/scripts/fontawesome.js?digest=5"></script>'
        '<script src="../searchindex.js"></script>'
        '<script>window.MathJax = {"options": {}}</script>'
        '<script defer="defer" src="../_static/mathjax/tex-chtml.js"></script>'
        '<script src="../_static/moved.js"></script>'
    )
    icons = theme_icons('p={sun:[5,6,[1,"s"],"f1","M1z"]};d("fas",p),d("fa-solid",p)')
    sun = '<i class="theme fa-solid fa-sun  fa-lg" data-mode="light"></i>'
    kept = re.findall(r"(\w+)\.js", lighter(scripts + sun, icons))
    assert kept == ["moved"]
    assert '<svg class="svg-inline--fa theme' in lighter(sun, icons)
    assert 'viewBox="0 0 5 6" data-mode="light">' in lighter(sun, icons)
    # What the page needs stays.
    assert "fontawesome.js" in lighter(scripts + '<i class="fas fa-moon"></i>', icons)
    formula = lighter(scripts + '<div class="amsmath math notranslate">', icons)
    assert "tex-chtml.js" in formula
    assert "window.MathJax" in formula
    assert "searchindex.js" in lighter(scripts + '<div id="search-results">', icons)


def test_what_unfolds_the_side_bar_has_a_name():
    mended = lighter('<summary><span class="toctree-toggle" role="presentation">')
    assert mended.startswith('<summary aria-label="Its pages"><span class="toctree')


def test_lists_and_folds_have_roles_and_names_that_hold():
    page = '<div role="list"><div role="doc-biblioentry"></div></div>'
    page += '<summary aria-label="Toggle hidden content"><p>Show</p></summary>'
    mended = lighter(page)
    assert '<div role="list"><div role="listitem">' in mended
    assert "<summary><p>Show" in mended


def test_a_program_cannot_leave_its_box():
    shown = str(source("x = '```'\n<b>"))
    assert shown == "````python\nx = '```'\n<b>\n````"
