"""The rendered book as a reader meets it: phone and desktop, light and dark, offline.

``BOOK_HTML=_build/html`` tests a site that is already there instead of a smoke build.
"""

import functools
import html
import http.server
import os
import re
import shutil
import threading
import tomllib
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import numpy as np
import pandas as pd
import pytest

from helpers.balancing import balance

ROOT = Path(__file__).parents[1]
SIZES = {
    "desktop": {"width": 1280, "height": 900},
    "phone": {"width": 390, "height": 844},
}
BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed"
    )
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    # With host names that lead nowhere, a page that needs another machine fails at once.
    nowhere = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*quiet, nowhere]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def built(request):
    """Folder of the rendered book, and the call that rendered it."""
    if given := os.environ.get("BOOK_HTML"):
        return Path(given).resolve(), None
    done, folder = request.getfixturevalue("smoke_book")
    return folder / "html", done


@pytest.fixture(scope="module")
def site(built):
    folder, _ = built
    assert (folder / "index.html").exists()
    return folder


@pytest.fixture(scope="module")
def address(site):
    """Where the site is served, on this machine only."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # the browser left before the end
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


# Run in the page: everything that the tests below ask about.
LOOK = r"""async () => {
  if (window.MathJax?.startup) await MathJax.startup.promise;
  await document.fonts.ready;
  const all = (selector) => [...document.querySelectorAll(selector)];
  all("img").forEach(e => { e.loading = "eager"; });  // also those far below
  await Promise.all(all("img").map(e => e.decode().catch(() => 0)));
  // The theme lets the text column itself scroll; only a table or code box may.
  const columns = all("html, body, main, .bd-content, .bd-article-container, article");
  const wide = columns.filter(e => e.scrollWidth > e.clientWidth + 1);
  const name = (e) => [e.tagName.toLowerCase(), ...e.classList].join(".");
  const prose = (document.querySelector("article") ?? document.body).cloneNode(true);
  prose.querySelectorAll("pre, code, script, style, mjx-container").forEach(e => e.remove());
  return {
    theme: document.documentElement.dataset.theme,
    wide: wide.map(e => `${name(e)}: ${e.scrollWidth} > ${e.clientWidth}`),
    images: all("img").map(e => [e.getAttribute("src"), e.getAttribute("alt"),
      e.naturalWidth > 0, !!e.closest("article")]),
    links: all("a[href]").map(e => e.href),
    math: all(".math").length,
    mathjax: !!window.MathJax,
    icons: all("i[class*='fa-']").length,
    inlined: all("img[src^='data:']").reduce((sum, e) => sum + e.src.length, 0),
    raw: all(".math").filter(e => !e.querySelector("mjx-container")).map(e => e.textContent),
    errors: all("mjx-merror, .problematic").map(e => e.textContent),
    prose: prose.textContent,
    screens: (document.querySelector("article")?.getBoundingClientRect().height ?? 0) / 900,
    tables: all("article :is(.table-box, .pst-scrollable-table-container)").map(
      e => [e.textContent.trim().slice(0, 60), e.scrollWidth, e.clientWidth]),
    code: all("article .cell_input pre").map(e => [e.scrollWidth, e.clientWidth,
      e.textContent.split("\n").reduce((a, b) => a.length < b.length ? b : a, "")]),
    cells: all("article .table-box :is(th, td)").map(e => e.textContent),
    printed: all("article .output.stream").map(e => e.textContent.trim()),
  };
}"""


def note_error(errors, message):
    # A page without an icon of its own (the redirect) lets the browser ask for one.
    asked_by_browser = message.location["url"].endswith("/favicon.ico")
    if message.type == "error" and not asked_by_browser:
        errors.append(message.text)


@pytest.fixture(scope="module")
def visits(browser, site, address):
    """What was seen on each page in each size and colour scheme, noted on one round."""
    noted = []
    pages = sorted(p.relative_to(site).as_posix() for p in site.glob("book/**/*.html"))
    assert "book/index.html" in pages
    pages = ["index.html", "genindex.html", "search.html", *pages]
    pages = [p for p in pages if (site / p).exists()]
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        context.set_default_timeout(120_000)  # a busy machine
        for path in pages:
            page, errors, requests = context.new_page(), [], []
            page.on("console", functools.partial(note_error, errors))
            page.on("pageerror", lambda error, e=errors: e.append(str(error)))
            page.on("request", lambda request, r=requests: r.append(request.url))
            page.goto(f"{address}/{path}")
            if path == "index.html":  # sends on to the first page
                page.wait_for_url("**/book/index.html")
            page.wait_for_load_state("networkidle")
            for size, viewport in SIZES.items():
                page.set_viewport_size(viewport)
                seen = {"page": path, "size": size, "scheme": scheme}
                noted.append({**seen, **page.evaluate(LOOK)})
            noted[-1] |= {"logged": errors, "requests": requests}
            page.close()
        context.close()
    return noted


def everywhere(visits, key):
    """Pairs of (where, thing) for a list noted on each visit."""
    return [
        (f"{seen['page']}, {seen['size']}, {seen['scheme']}", thing)
        for seen in visits
        for thing in seen.get(key, [])
    ]


def assert_none(found):
    assert not found, "\n" + "\n".join(map(str, found))


def test_the_book_builds_without_a_warning(built):
    _, done = built
    if done is None:
        pytest.skip("BOOK_HTML names a book that is there already")
    assert done.returncode == 0, done.stdout
    # Only a chapter without outputs lets a warning pass.
    assert "Without outputs" not in done.stdout, done.stdout


def test_no_console_error(visits):
    assert_none(everywhere(visits, "logged"))


def test_no_request_leaves_the_machine(visits, address):
    requests = everywhere(visits, "requests")
    outside = [r for r in requests if not r[1].startswith((address, "data:", "blob:"))]
    assert_none(outside)
    assert len(requests) > len(visits)


def test_no_page_scrolls_sideways(visits):
    assert_none(everywhere(visits, "wide"))


def test_colours_follow_the_system(visits):
    assert_none([v["page"] for v in visits if v["theme"] != v["scheme"]])


def test_every_image_is_there_and_described(visits):
    images = everywhere(visits, "images")
    assert_none([i for i in images if not i[1][2]])  # not loaded
    assert_none([i for i in images if i[1][1] is None])  # no alt attribute
    # Without an alternative text the renderer writes the name of the file.
    figures = [
        (where, src, alt or "") for where, (src, alt, _, inside) in images if inside
    ]
    assert figures
    assert_none(
        [f for f in figures if Path(f[2]).suffix in (".png", ".svg") or len(f[2]) < 10]
    )


def test_math_is_typeset(visits):
    assert sum(v["math"] for v in visits) > 0
    assert_none(everywhere(visits, "raw"))
    assert_none(everywhere(visits, "errors"))
    # "$x$", "\(x\)": not seen as math at all. A price such as $5 is none.
    unseen = re.compile(r"\$[^$\s](?:[^$\n]*[^$\s])?\$|\\[(\[]")
    assert_none([(v["page"], m) for v in visits for m in unseen.findall(v["prose"])])


def test_every_internal_link_leads_somewhere(visits, site, address):
    links = {
        (v["page"], link)
        for v in visits
        for link in v["links"]
        if link.startswith(address)
    }
    assert len(links) > len(visits)
    broken = []
    for page, link in sorted(links):
        url, anchor = urldefrag(link)
        target = site / unquote(urlsplit(url).path).lstrip("/")
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file():
            broken.append((page, link))
        elif anchor and target.suffix == ".html":
            ids = html.unescape(target.read_text())
            if f'id="{unquote(anchor)}"' not in ids:
                broken.append((page, link))
    assert_none(broken)


def test_every_chapter_opens_on_colab(visits):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    repository = urlsplit(project["urls"]["Repository"]).path
    found = {
        (v["page"], urlsplit(link).path)
        for v in visits
        for link in v["links"]
        if urlsplit(link).hostname == "colab.research.google.com"
    }
    wrong = [
        (page, path)
        for page, path in found
        if not path.startswith(f"/github{repository}/blob/main/")
        or not (ROOT / path.partition("/blob/main/")[2]).is_file()
    ]
    assert_none(wrong)
    chapters = {f"book/{path.stem}.html" for path in ROOT.glob("book/*.ipynb")}
    assert chapters & {v["page"] for v in visits} <= {page for page, _ in found}


#: Bytes that a page may load, without compression and without its figures.
HEAVIEST = 2_500_000


def test_no_page_is_heavy(visits, site, address):
    weights = []
    for visit in (v for v in visits if "requests" in v):
        files = {urlsplit(r).path for r in visit["requests"] if r.startswith(address)}
        files = [site / unquote(file).lstrip("/") for file in files]
        files = [f for f in files if f.is_file() and f.parent.name != "_images"]
        weight = sum(f.stat().st_size for f in files) - visit["inlined"]
        weights.append((visit["page"], weight))
    assert len(weights) == len(visits) / len(SIZES)
    assert_none([w for w in weights if w[1] > HEAVIEST])
    # The weight is measured: no page is less than its own style sheets.
    assert_none([w for w in weights if w[1] < 400_000])


def test_mathjax_is_where_a_formula_is(visits):
    assert_none([v["page"] for v in visits if v["mathjax"] != (v["math"] > 0)])


def test_every_icon_is_drawn_without_a_script(visits):
    assert_none([v["page"] for v in visits if v["icons"]])


#: One page of each kind: title, answer, chapters, text, reference, glossary.
KINDS = ["index", "answer", "imbalance", "deep_smote", "running", "api/samplers"]
KINDS += ["glossary"]


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_shut_out(browser, address, kind):
    """Contrast, names, keyboard: axe-core finds no fault against WCAG 2.1, A and AA."""
    package = pytest.importorskip(
        "axe_playwright_python", reason="axe-core is not installed"
    )
    axe = (Path(package.__file__).parent / "axe.min.js").read_text("utf-8")
    found = []
    for scheme in ("light", "dark"):
        # The theme's buttons fade from one scheme's colours into the other's, and a shade
        # on the way has too little contrast: no motion, as readers may ask for it, too.
        page = browser.new_page(color_scheme=scheme, reduced_motion="reduce")
        page.set_default_timeout(120_000)  # a busy machine
        for size, viewport in SIZES.items():
            # Loaded anew: the theme gives what scrolls its place for the keyboard then.
            page.set_viewport_size(viewport)
            page.goto(f"{address}/book/{kind}.html")
            page.evaluate(f"{axe}; 0")
            violations = page.evaluate(
                """async () => (await axe.run({
                  resultTypes: ["violations"],
                  runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
                })).violations.flatMap(v => v.nodes.map(n => [v.id, n.target, n.html]))"""
            )
            found += [(scheme, size, *violation) for violation in violations]
        page.close()
    assert_none(found)


# ---------------------------------------------------------------- the report of `balance`


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    rng = np.random.default_rng(0)
    y = np.arange(90) < 30
    frame = pd.DataFrame(
        {"a_long_name_for_a_column": rng.normal(y), "b": rng.normal(y)}
    )
    frame["colour"] = rng.choice(["red", "green"], 90)
    folder = tmp_path_factory.mktemp("report")
    frame.assign(ill=np.where(y, "yes", "no")).to_csv(folder / "t.csv", index=False)
    told = {"methods": "threshold,smote", "force": "smote", "repeats": 1}
    told |= {"budget": None, "out": folder / "out", "say": lambda line: None}
    balance(folder / "t.csv", target="ill", **told)
    return folder / "out" / "report.html"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_report_fits_any_screen_and_needs_nothing(browser, report, size, scheme):
    page = browser.new_page(viewport=SIZES[size], color_scheme=scheme)
    failed = []
    page.on("console", lambda message: failed.append(message.text))
    page.on("request", lambda request: failed.append(request.url))
    page.goto(report.as_uri())
    assert failed == [report.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("svg").count() == page.locator("svg[aria-label]").count() >= 5
    # No word of a picture is cut off at its edge, or too small to read.
    cut = page.evaluate(
        """() => [...document.querySelectorAll("svg text")].filter(text => {
            const inner = text.getBoundingClientRect();
            const outer = text.ownerSVGElement.getBoundingClientRect();
            return inner.left < outer.left - 1 || inner.right > outer.right + 1
                || inner.height < 9;
        }).map(text => text.textContent)"""
    )
    assert cut == []
    # Text and what lies behind it differ in the dark, too.
    colours = page.evaluate(
        "[getComputedStyle(document.body).color, "
        "getComputedStyle(document.body).backgroundColor]"
    )
    light = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert abs(light[0] - light[1]) > 400
    assert (light[1] > light[0]) == (scheme == "light")
    page.close()


# ---------------------------------------------------------------- to be read to the end

#: Pages that are longer than a chapter may be, or have tables of their own making, and why.
NOT_YET = {
    "errata": "looked up and not read from end to end",
}


def chapters(visits, size):
    """What was seen of the pages of notebooks in the light."""
    names = {path.stem for path in ROOT.glob("book/*.ipynb")} - {*NOT_YET}
    return [
        v
        for v in visits
        if Path(v["page"]).stem in names and (v["size"], v["scheme"]) == (size, "light")
    ]


def test_no_chapter_is_longer_than_twenty_screens(visits):
    seen = chapters(visits, "desktop")
    assert seen
    assert_none([(v["page"], v["screens"]) for v in seen if v["screens"] > 20])


def test_tables_fit_the_column_and_print_nothing_raw(visits):
    found = [
        (v["page"], *box)
        for v in visits
        if (v["size"], v["scheme"]) == ("desktop", "light")
        and Path(v["page"]).parent.name
        == "book"  # tables of `api` are made from source
        for box in v["tables"]
    ]
    assert len(found) > 20
    assert {"errata.html", "mixed.html"} <= {Path(page).name for page, *_ in found}
    assert_none([f for f in found if f[2] > max(f[3], 688) + 1])
    raw = re.compile(r"<NA>|\bnan\b|\bNaN\b|\de[-+]\d\d|object at 0x|\w_\w")
    cells = [(v["page"], c) for v in chapters(visits, "desktop") for c in v["cells"]]
    assert_none([(page, cell) for page, cell in cells if raw.search(cell)])


def test_no_line_of_code_is_cut_beside_the_column(visits):
    lines = [(v["page"], *c) for v in chapters(visits, "desktop") for c in v["code"]]
    assert len(lines) > 100
    assert_none([line for line in lines if line[1] > line[2]])


def test_sentences_are_text_and_not_printed(visits):
    seen = [
        (v["page"], text)
        for v in chapters(visits, "desktop")
        if Path(v["page"]).stem != "your_data"  # shows what a command prints
        for text in v["printed"]
    ]
    assert_none(seen)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("gan_smote.html#under-repetition", "gan_smote_results.html#under-repetition"),
        (
            "smate.html#why-boosting-failed-the-likely-cause",
            "boosting.html#why-boosting-failed-the-likely-cause",
        ),
        (
            "imbalance.html#comparing-two-methods",
            "comparing.html#comparing-two-methods",
        ),
        (
            "api.html#helpers.GANOverSampler",
            "api/samplers.html#helpers.GANOverSampler",
        ),
    ],
)
def test_an_address_from_before_leads_to_where_the_heading_is(
    browser, address, old, new
):
    page = browser.new_page()
    page.set_default_timeout(120_000)  # a busy machine
    page.goto(f"{address}/book/{old}")
    page.wait_for_url(f"{address}/book/{new}")
    page.close()


def test_every_slider_moves_by_keyboard(browser, site, address):
    moved = 0
    for path in sorted(site.glob("book/*.html")):
        if 'figure class="frames"' not in path.read_text():
            continue
        page = browser.new_page()
        page.set_default_timeout(120_000)  # a busy machine
        page.goto(f"{address}/book/{path.name}")
        for figure in page.query_selector_all("figure.frames"):
            slider = figure.query_selector("input[type=range]")
            shown = "e => e.querySelector('img:not([hidden])').alt"
            before = figure.evaluate(shown)
            slider.focus()
            page.keyboard.press("Home")
            first = figure.evaluate(shown)
            page.keyboard.press("End")
            last = figure.evaluate(shown)
            assert len({first, last}) == 2, path.name
            assert before.split()[0] in first
            assert figure.query_selector("output").inner_text() == last
            assert slider.get_attribute("aria-valuetext") == last
            assert len(figure.query_selector_all("img:not([hidden])")) == 1
            moved += 1
        page.close()
    assert moved >= 3
