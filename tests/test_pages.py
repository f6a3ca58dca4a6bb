"""Text of rows, files and parameters reaches a page as text, whatever it is."""

import json
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
import yaml
from docutils.core import publish_string
from myst_parser.parsers.docutils_ import Parser

from helpers import data, experiments, pages
from helpers.publishing import Chapter

from .conftest import ROOT

CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
SCRIPT = "<script>alert(1)</script>"
HOSTILE = [
    SCRIPT,
    "`</code><img src=x onerror=alert(1)>`",
    "a `code` and ``more``",
    "{raw}`html` ```{raw} html",
    ":::{note}",
    "{{ x }}",
    "$x$ and $$y$$",
    "[a](javascript:alert(1)) ![x](y) [^1]",
    "https://evil.example www.evil.example a@b.example <https://evil.example>",
    "a | b || c",
    "# h",
    "% no comment",
    "*b* __c__ ~~d~~ ^e^",
    "&lt;b&gt; &#60;i&#62;",
    "\\ \\*a\\* \\",
    "(label)= %comment +++ --- ~~~",
    "- [ ] x",
    "two\n\n<b>\nlines",
    "Ж → ± é",
]


class Shown(HTMLParser):
    """What a page shows, cell by cell, and its elements in them."""

    def __init__(self, text):
        super().__init__()
        self.cells, self.tags, self.inside = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag in ("td", "li"):
            self.cells.append("")
            self.inside = True
        elif self.inside:
            self.tags.append(tag)

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "li")

    def handle_data(self, text):
        if self.inside:
            self.cells[-1] += text


def rendered(markdown):
    return publish_string(
        markdown,
        parser=Parser(),
        writer_name="html5",
        settings_overrides={
            "myst_enable_extensions": CONFIG["parse"]["myst_enable_extensions"],
            "output_encoding": "unicode",
            "embed_stylesheet": False,
            "report_level": 5,
        },
    )


def test_hostile_text_is_shown_letter_by_letter():
    rows = [f"| {pages.plain(text)} |" for text in HOSTILE]
    lines = [
        f"- {style(text)}" for style in (pages.plain, pages.code) for text in HOSTILE
    ]
    shown = Shown(rendered("\n".join(["| a |", "|---|", *rows, "", *lines])))
    expected = [" ".join(text.split()) for text in HOSTILE]
    assert [cell.strip() for cell in shown.cells] == expected * 3
    # Paragraphs, and for code spans: no element that a text has brought.
    assert set(shown.tags) <= {"p", "span", "code"}


def test_a_hostile_row_is_text_on_the_page_of_paper_scale(tmp_path):
    module = experiments.find("smate")
    cells = [c for c in module.cells("paper") if c.dataset == "cifar10-cat-10"]
    for profile in ("paper", "tenth"):
        rows = pd.DataFrame(cells[:2]).assign(
            profile=profile,
            recall_minority=0.5,
            sampler_seconds=1.0,
            classifier_seconds=1.0,
            device=f"cpu: {SCRIPT}",
            started=f"{SCRIPT}",
        )
        rows.to_csv(tmp_path / f"smate-{profile}.csv", index=False)
    section = pages.paper_scale("smate", tmp_path)
    html = rendered(section)
    assert "<script>alert" not in html
    assert "cpu: &lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_a_cell_of_several_rows_counts_once(tmp_path):
    module = experiments.find("smate")
    cells = [c for c in module.cells("paper") if c.dataset == "cifar10-cat-10"]
    for profile in ("paper", "tenth"):
        rows = pd.concat(
            pd.DataFrame(cells[:2]).assign(
                profile=profile,
                classifier=name,
                recall_minority=recall,
                sampler_seconds=[3600.0, 3600.5],
                classifier_seconds=1800,
                device="cpu",
                started="2026-11-21",
            )
            for name, recall in (("a", 0.5), ("b", 0.6))
        )
        rows.to_csv(tmp_path / f"smate-{profile}.csv", index=False)
    lines = pages.paper_scale("smate", tmp_path).splitlines()
    # Two fits of an hour, each with two classifiers of half an hour.
    assert "| cifar10-cat-10 | 2 | 4 | 4.0 | cpu | 2026-11-21 |" in lines
    # Each classifier is paired with itself.
    assert f"| cifar10-cat-10 | {cells[0].method} | 2 | 55.0 | 55.0 |" in lines


def test_an_answer_on_the_first_page_is_text(tmp_path, monkeypatch):
    (tmp_path / "book" / "results").mkdir(parents=True)
    index = tmp_path / "book" / "index.md"
    index.write_text("| a |\n|---|\n| {{ glance_smate }} |\n")
    rows = (ROOT / "book" / "results" / "smate-tenth.csv").read_bytes()
    (tmp_path / "book" / "results" / "smate-tenth.csv").write_bytes(rows)
    monkeypatch.setattr(experiments.find("smate"), "glance", lambda rows: SCRIPT)
    pages.fill_in_answers(tmp_path)
    assert Shown(rendered(index.read_text())).cells == [SCRIPT]


@pytest.fixture
def record(tmp_path):
    """A chapter's page and its record, to be given hostile content."""
    made = Chapter(tmp_path, "book/toy.ipynb", {}, True)
    made.page.parent.mkdir(parents=True)
    made.page.write_text('{"cells": []}')

    def write(**changes):
        content = {
            "started": "2026-11-29T10:00:00+00:00",
            "seconds": 1.0,
            "parameters": {},
            "device": "cpu",
            "versions": "torch",
            "commit": "-",
            "data": {},
            **changes,
        }
        made.page.with_suffix(".json").write_text(json.dumps(content))
        return pages.status({made: "up to date"})

    return write


def test_a_hostile_record_is_text_on_the_status_page(record):
    tick = f"`{SCRIPT}`"
    section = record(
        parameters={"n": tick, "m": 3},
        data={"svhn": tick},
        device=tick,
        versions=tick,
        commit=tick,
    )
    html = rendered(re.sub(r"\{doc\}`.*?`", "", section))
    assert "<script" not in html
    shown = [line.strip() for line in Shown(html).cells]
    assert f"Parameters: n = '{tick}'; m = 3" in shown
    assert f"Data svhn: {tick}" in shown
    for name in ("Device", "Versions", "Commit"):
        assert f"{name}: {tick}" in shown


def test_the_provenance_of_a_prepared_file_is_text(record, tmp_path, monkeypatch):
    import numpy as np

    monkeypatch.setenv(data.ROOT_VARIABLE, str(tmp_path))
    (tmp_path / "prepared").mkdir()
    labels = np.arange(10, dtype=np.uint8)
    images = np.zeros((10, 32, 32, 3), np.uint8)
    parts = {"train_images": images, "train_labels": labels}
    parts |= {"test_images": images, "test_labels": labels}
    np.savez(
        tmp_path / "prepared" / "svhn.npz",
        **parts,
        classes=np.array([str(label) for label in labels]),
        provenance=np.array(f"mine `{SCRIPT}`"),
    )
    (row,) = data.inventory("svhn").to_dict("records")
    assert SCRIPT in row["provenance"]
    html = rendered(record(data={row["name"]: row["provenance"]}))
    assert "<script" not in html
    assert "mine `&lt;script&gt;" in html


def test_no_notebook_shows_markup_of_its_own_making():
    """Frames and printed text are escaped by their renderers; these would not be."""
    for path in (ROOT / "book").glob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        code = "\n".join(
            "".join(c["source"]) for c in cells if c["cell_type"] == "code"
        )
        found = re.findall(r"\bHTML\(|\bMarkdown\(|\.style\b|escape=False|glue\(", code)
        assert found == [], path.name
