"""What a visitor, a search engine and a reader who cites meet on the published site."""

import html
import importlib.util
import io
import re
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image
from pybtex.database import parse_string
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
OWNER, NAME = urlsplit(REPOSITORY).path.strip("/").split("/")
#: Where GitHub serves the pages of that repository.
ADDRESS = f"https://{OWNER}.github.io/{NAME}/"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text())
CARD = BOOK / "_static" / "card.png"


def sources():
    """Name in the table of contents -> its source."""
    toc = parse_toc_yaml(ROOT / "_toc.yml")
    names = [page.removesuffix(".ipynb") for page in toc]
    return {name: next(ROOT.glob(f"{name}.*")) for name in names}


# ---------------------------------------------------------------- addresses


def test_one_address_of_the_pages_everywhere():
    sphinx = CONFIG["sphinx"]["config"]
    assert CONFIG["html"]["baseurl"] == sphinx["ogp_site_url"] == ADDRESS
    prefix = sphinx["notfound_urls_prefix"]
    assert prefix == urlsplit(ADDRESS).path
    body = sphinx["notfound_context"]["body"]
    links = re.findall(r'href="(.+?)"', body)
    assert links
    assert [link for link in links if not link.startswith(prefix)] == []


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(BOOK.glob("*.md"))],
    ids=lambda path: path.name,
)
def test_links_to_pages_are_to_pages_of_the_book(path):
    for link in re.findall(
        r"https://[\w.-]+\.github\.io/[^\s)>\"'`]*", path.read_text()
    ):
        assert link.startswith(ADDRESS), link
        page = urlsplit(link).path.removeprefix(urlsplit(ADDRESS).path)
        assert page.removesuffix(".html") in {"", *sources()}, link


# ---------------------------------------------------------------- the rendered site


@pytest.fixture(scope="module")
def site(smoke_book):
    done, folder = smoke_book
    assert (folder / "html" / "index.html").exists(), done.stdout
    return folder / "html"


def metadata(path):
    """Content of the meta elements of a page, by property or name."""
    found = re.findall(
        r'<meta (?:property|name)="(.+?)" content="(.*?)"', path.read_text()
    )
    return {name: html.unescape(content) for name, content in found}


def test_every_page_has_a_card(site):
    pages = sorted(site.rglob("book/**/*.html"))
    assert len(pages) == len(sources())
    for page in pages:
        up = "../" * (len(page.relative_to(site).parts) - 1)
        told = metadata(page)
        assert told["og:title"] in html.unescape(page.read_text())
        assert len(told["og:description"]) > 10, page.name
        assert told["og:url"] == f"{ADDRESS}{page.relative_to(site).as_posix()}"
        assert told["og:image"] == f"{ADDRESS}_static/card.png"
        assert told["og:image:alt"]
        assert f'<link rel="canonical" href="{told["og:url"]}"' in page.read_text()
        assert f'rel="icon" href="{up}_static/favicon.svg"' in page.read_text()
    assert (site / "_static" / "card.png").read_bytes() == CARD.read_bytes()
    assert (site / "_static" / "favicon.svg").is_file()


def test_the_root_sends_on_and_has_a_card(site):
    front = site / "index.html"
    assert 'http-equiv="refresh" content="0; url=book/index.html"' in front.read_text()
    told = metadata(front)
    assert told["og:title"] == CONFIG["title"]
    assert told["og:url"] == ADDRESS
    assert told["og:image"] == f"{ADDRESS}_static/card.png"


def test_the_sitemap_lists_every_page_and_nothing_else(site):
    root = ElementTree.parse(site / "sitemap.xml").getroot()
    listed = [e.text for e in root.iter() if e.tag.endswith("}loc")]
    assert sorted(listed) == sorted(f"{ADDRESS}{name}.html" for name in sources())


def test_a_page_not_found_works_at_any_depth(site):
    text = (site / "404.html").read_text()
    assert "Page not found" in text
    links = [
        unquote(html.unescape(u)) for u in re.findall(r'(?:href|src)="(.+?)"', text)
    ]
    here = [u for u in links if not u.startswith(("https://", "#", "mailto:"))]
    assert len(here) > 20
    prefix = urlsplit(ADDRESS).path
    for link in here:
        assert link.startswith(prefix), f"relative, lost below the root: {link}"
        assert (site / urlsplit(link).path.removeprefix(prefix)).exists(), link


# ---------------------------------------------------------------- the card


def test_the_card_is_what_its_script_draws():
    spec = importlib.util.spec_from_file_location("card", BOOK / "figures" / "card.py")
    card = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(card)
    drawn, kept = (
        np.asarray(Image.open(io.BytesIO(raw)).convert("L"), dtype=float)
        for raw in (card.draw(), CARD.read_bytes())
    )
    assert kept.shape == (630, 1200)
    assert CARD.stat().st_size < 60_000
    # Another version of matplotlib may set an edge a little differently.
    assert abs(drawn - kept).mean() < 0.5, "run book/figures/card.py"


# ---------------------------------------------------------------- citation


def test_the_entry_to_cite_is_the_citation_file():
    text = (BOOK / "index.md").read_text()
    (bibtex,) = re.findall(r"^```bibtex\n(.+?)^```", text, re.M | re.S)
    (entry,) = parse_string(bibtex, "bibtex").entries.values()
    assert entry.type == CITATION["type"] == "software"
    authors = [str(person).strip("{}") for person in entry.persons["author"]]
    assert authors == [author["name"] for author in CITATION["authors"]]
    fields = dict(entry.fields)
    released = str(CITATION.get("date-released", CONFIG["copyright"]))[:4]
    assert fields == {
        "title": CITATION["title"],
        "version": CITATION["version"],
        "year": released,
        "url": CITATION["repository-code"],
    }
    assert CITATION["title"] == CONFIG["title"]
    assert "#how-to-cite" in (ROOT / "README.md").read_text()
    assert "\n## How to cite\n" in text


# ---------------------------------------------------------------- errata

ERRATA = (BOOK / "errata.md").read_text()
#: Letter of a paper's entries -> its chapter.
PAPERS = {"g": "gan_smote", "d": "deep_smote", "s": "smate", "t": "gan_tutorial"}
ENTRIES = re.findall(
    r"^\((erratum-(\w)(\d+))\)=\n### (\w\d+)\. [^\n]+\n\n(.+?)(?=^\(|^#|^An independent|\Z)",
    ERRATA,
    re.M | re.S,
)


def test_errata_are_numbered_and_complete():
    assert len(ENTRIES) == len(re.findall("^### ", ERRATA, re.M)) >= 37
    numbers = [(letter, int(number)) for _, letter, number, *_ in ENTRIES]
    for letter in PAPERS:
        found = [n for key, n in numbers if key == letter]
        assert found == [*range(1, len(found) + 1)], letter
    for label, letter, number, shown, body in ENTRIES:
        assert shown == f"{letter.upper()}{number}"
        fields = re.findall(r"^:(.+?):", body, re.M)
        assert fields[:4] == ["Paper", "Code", "So", "Evidence"], label
        assert fields[4:] in ([], ["In this book"]), label


def test_every_erratum_says_on_what_evidence():
    known = set(re.findall(r"^- \*(.+?)\*:", ERRATA, re.M))
    assert len(known) == 4
    for label, *_, body in ENTRIES:
        (evidence,) = re.findall(r"^:Evidence: (.+?)(?=^:|\Z)", body, re.M | re.S)
        for part in evidence.split(";"):
            assert any(kind in part for kind in known), f"{label}: {part.strip()}"


def test_errata_of_a_paper_lead_to_its_chapter():
    chapters = {Path(name).name for name in sources()}
    parts = re.split(r"^## ", ERRATA, flags=re.M)[1:]
    assert len(parts) == len(PAPERS)
    for part, chapter in zip(parts, PAPERS.values(), strict=True):
        there = f"({chapter}.ipynb)" in part
        assert there == (chapter in chapters), (
            f"errata.md: name {chapter}.ipynb as the chapter of its paper, and add the "
            "field 'In this book' to the entries that it checks."
        )
        assert there != bool(re.search(r"Chapter: not\s+yet\s+in\s+the\s+book", part))
        if not there:
            assert ":In this book:" not in part
