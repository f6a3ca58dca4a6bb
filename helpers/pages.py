"""What pages say that no author wrote: from stored rows, and from records of runs.

Rows, files and parameters may be anybody's: whatever text comes from them goes through
`plain` or `code` on its way to a page.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pandas as pd

from . import experiments, store
from .display import ALT, plain
from .evaluation import claims_table
from .store import CLASSIFIER, KEY

#: Chapters that repeat a paper, so that "paper" has its sizes.
OF_PAPERS = ("gan_tutorial", "gan_smote", "deep_smote", "smate")


def code(text) -> str:
    """Markdown that shows a text letter by letter as code, outside of tables."""
    line = " ".join(str(text).split())
    runs = re.findall("`+", line)
    fence, space = "`" * (1 + max(map(len, runs), default=0)), " " * bool(runs)
    return f"{fence}{space}{line}{space}{fence}"


def fill_in_answers(stage):
    """Replace ``{{ glance_<chapter> }}`` on the first page by what the stored rows say.

    Parameters
    ----------
    stage : Path
        Folder of the copied sources, which are written to.
    """
    index = stage / "book" / "index.md"
    if not index.exists():
        return
    text = index.read_text(encoding="utf-8")
    for chapter in re.findall(r"\{\{ glance_(\w+) \}\}", text):
        module = experiments.find(chapter)
        # The first profile is the one that the chapter shows, if it names no others.
        shown = getattr(module, "GLANCED", module.PROFILES[:1])
        results = [stage / f"book/results/{chapter}-{name}.csv" for name in shown]
        there = [path for path in results if path.exists()]
        rows = pd.concat(map(store.read, there or results), ignore_index=True)
        answer = module.glance(rows)
        text = text.replace(f"{{{{ glance_{chapter} }}}}", plain(answer))
    index.write_text(text, encoding="utf-8")


def fill_in_mixed(stage):
    """Fill in the tables of the page on mixed tables, from the stored rows.

    Parameters
    ----------
    stage : Path
        As in `fill_in_answers`.
    """
    page = stage / "book" / "mixed.md"
    if not page.exists():
        return
    from .plotting import named  # and with it matplotlib

    module = experiments.find("mixed")

    def by_method(means):
        """A row per method, a column per table and one of their mean, to fit the page."""
        table = means.T.rename(columns=module.SHORT).assign(mean=means.mean())
        return named(table)

    path = stage / "book" / "results" / "mixed-paper.csv"
    rows = module.whole(store.read(path)) if path.exists() else None
    parts = ("usefulness", "detection", "verdicts", "costs")
    filled = dict.fromkeys(parts, "No row is stored yet.") | {"rows": "", "told": ""}
    if rows is not None and len(rows):
        n_rows, planned = len(rows), len(module.cells("paper"))
        judged = module.verdicts(rows)
        filled = {
            "told": plain(module.verdicts_told(judged)),
            "rows": plain(
                f"Stored rows of folds that have every arm: {n_rows} of {planned} "
                f"({folds_there(rows, module.TABLES)}), last {rows['started'].astype(str).max()[:10]}, "
                f"on {', '.join(rows['device'].astype(str).unique())}."
            ),
            "usefulness": as_markdown(by_method(module.means(rows, "pr_auc")), 3),
            "detection": as_markdown(by_method(module.means(rows, "detection")), 2),
            "verdicts": "\n\n".join(as_markdown(claims_table(one)) for one in judged),
            "costs": as_markdown(named(module.costs(rows)), 2),
        }
    text = page.read_text(encoding="utf-8")
    for name, found in filled.items():
        text = text.replace(f"{{{{ mixed_{name} }}}}", found)
    page.write_text(text, encoding="utf-8")


def folds_there(rows, tables):
    """How many folds of each table there are, in words."""
    folds = rows.groupby("dataset")["fold"].nunique().reindex([*tables], fill_value=0)
    return ", ".join(f"{name} {n}" for name, n in folds.items()) + " folds"


def as_markdown(table, digits=3) -> str:
    """A table of numbers and text as Markdown, letter by letter.

    Parameters
    ----------
    table : DataFrame
    digits : int
        Of numbers, after the point; a missing one is left empty.
    """

    def shown(value):
        if isinstance(value, float):
            return "" if pd.isna(value) else plain(f"{value:.{digits}f}")
        return plain(value)

    head = [plain(table.index.name or ""), *map(plain, table.columns)]
    lines = [head, ["---"] * len(head)]
    lines += [[plain(name), *map(shown, row)] for name, *row in table.itertuples()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


#: A reader's pace: words of prose and lines of code a minute.
WORDS, LINES = 200, 20


def with_answer_on_top(notebook: dict, record: Mapping) -> dict:
    """A chapter's page with what its cell tagged ``answer`` shows in a box below the title.

    Parameters
    ----------
    notebook : dict
        The executed notebook, which is left as it is.
    record : mapping
        What is known of its run; empty where nothing is.

    Returns
    -------
    notebook : dict
        Without that cell, and with what it showed, the time that the page takes to read
        and the time that it took to run. A page that has no such output stays as it is.
    """
    cells = notebook["cells"]
    found = [c for c in cells if "answer" in c["metadata"].get("tags", [])]
    shown = [
        "".join(output["data"]["text/markdown"])
        for cell in found
        for output in cell["outputs"]
        if "text/markdown" in output.get("data", {})
    ]
    if not shown:
        return notebook
    rest = [cell for cell in cells if cell not in found]
    text = {"markdown": "", "code": ""}
    for cell in rest:
        text[cell["cell_type"]] += "\n" + "".join(cell["source"])
    minutes = len(text["markdown"].split()) / WORDS
    minutes += len(text["code"].splitlines()) / LINES
    times = [f"some {max(5, 5 * round(minutes / 5))} minutes to read"]
    if record:
        times.append(
            f"{record['seconds']:.0f} s to run on {plain(record['device'])} "
            "([status](status.md))"
        )
    box = [":::{admonition} In three lines", ":class: answer", "", *shown]
    box += [f"\n*Time:* {', '.join(times)}.", ":::"]
    title, _, opening = "".join(rest[0]["source"]).partition("\n")
    first = {**rest[0], "source": "\n".join([title, "", *box, opening])}
    return {**notebook, "cells": [first, *rest[1:]]}


def with_named_solutions(notebook: dict) -> dict:
    """A chapter's page whose folded solutions say of which exercise they are.

    Parameters
    ----------
    notebook : dict
        As in `with_answer_on_top`. A cell tagged ``solution`` begins with a comment such as
        ``# Exercise 1``.

    Returns
    -------
    notebook : dict
    """
    cells = []
    for cell in notebook["cells"]:
        metadata = cell["metadata"]
        named = re.match(r"# Exercise (\d+)", "".join(cell["source"]))
        if named and "solution" in metadata.get("tags", []):
            told = f"the solution of exercise {named[1]}"
            prompts = {"code_prompt_show": f"Show {told}"}
            prompts["code_prompt_hide"] = f"Hide {told}"
            prompts |= metadata.get("mystnb", {})
            cell = {**cell, "metadata": {**metadata, "mystnb": prompts}}
        cells.append(cell)
    return {**notebook, "cells": cells}


def with_figures(notebook: dict) -> dict:
    """A chapter's page whose pictures have a caption and alternative text of their own.

    MyST-NB takes both from a cell, for all that the cell shows: a table beside a picture
    would be a figure, too, of the same name.

    Parameters
    ----------
    notebook : dict
        As in `with_answer_on_top`.

    Returns
    -------
    notebook : dict
        What `helpers.display.alt` told is the ``mystnb.image.alt`` of the next picture, in
        place of that in the cell's metadata. A cell that shows more than its picture has
        become several, of which the first has the source.
    """
    cells = []
    for cell in notebook["cells"]:
        cells += _apart(cell)
    return {**notebook, "cells": cells}


def _apart(cell):
    """A cell as cells that show one picture each, or none."""
    settings = cell["metadata"].get("mystnb", {})
    told = any(ALT in output.get("data", {}) for output in cell.get("outputs", []))
    if not told and "figure" not in settings:
        return [cell]
    bare = {key: value for key, value in settings.items() if key != "figure"}
    figure, image, parts = settings.get("figure"), settings.get("image", {}), []
    for output in cell.get("outputs", []):
        kinds = output.get("data", {})
        if ALT in kinds:
            image = {**image, "alt": "".join(kinds[ALT])}
        elif any(kind.startswith("image/") for kind in kinds):
            own = {**bare, **({"image": image} if image else {})}
            own |= {"figure": figure} if figure else {}
            parts.append((own, [output]))
            image = settings.get("image", {})
            if figure:  # a name is the first one's
                figure = {k: v for k, v in figure.items() if k != "name"}
        elif parts and parts[-1][0] is bare:
            parts[-1][1].append(output)
        else:
            parts.append((bare, [output]))
    cells = []
    for number, (own, outputs) in enumerate(parts or [(bare, [])]):
        part = {**cell, "metadata": {**cell["metadata"], "mystnb": own}}
        part["outputs"] = outputs
        if number:
            # MyST-NB leaves out a cell without a source, with all that it shows.
            part |= {"source": "# above", "id": f"{cell['id'][:56]}-{number}"}
            part["metadata"]["tags"] = ["remove-input"]
        cells.append(part)
    return cells


def without_outputs(notebook: dict) -> dict:
    """The source of a chapter that this build did not run, which says so below its title.

    Parameters
    ----------
    notebook : dict

    Returns
    -------
    notebook : dict
        As it was where its first cell is no text.
    """
    first, *rest = notebook["cells"] or [{"cell_type": "none"}]
    if first["cell_type"] != "markdown":
        return notebook
    title, _, opening = "".join(first["source"]).partition("\n")
    box = [
        ":::{warning}",
        "This build did not run the chapter: its three lines, tables and",
    ]
    box += ["figures are missing. `make book` runs it.", ":::"]
    first = {**first, "source": "\n".join([title, "", *box, opening])}
    return {**notebook, "cells": [first, *rest]}


def fill_in_paper_scale(stage):
    """Replace ``{{ paper_scale }}`` by what the stored rows of the profile "paper" say.

    Parameters
    ----------
    stage : Path
        As in `fill_in_answers`.
    """
    page = stage / "book" / "paper_scale.md"
    if not page.exists():
        return
    results = stage / "book" / "results"
    parts = [paper_scale(chapter, results) for chapter in experiments.chapters()]
    text = page.read_text(encoding="utf-8")
    text = text.replace("{{ paper_scale }}", "\n\n".join(parts))
    page.write_text(text, encoding="utf-8")


def paper_scale(chapter, results):
    """A section of the page: rows of "paper" that a chapter has, and what they change.

    Parameters
    ----------
    chapter : str
        A module of `helpers.experiments`.
    results : Path
        Folder of the stored rows.

    Returns
    -------
    section : str
        Markdown.
    """
    module = experiments.find(chapter)
    planned = pd.DataFrame(module.cells("paper"))
    tables = {}
    for profile in ("paper", "tenth"):
        path = results / f"{chapter}-{profile}.csv"
        rows = store.read(path) if path.exists() else planned.head(0)
        # Rows of an older protocol stay in the store and do not count.
        tables[profile] = rows.merge(planned[KEY].drop_duplicates())
    rows = tables["paper"]
    link = f"Chapter: {{doc}}`/book/{chapter}`."
    if not any(
        (results.parent / f"{chapter}{kind}").exists() for kind in (".ipynb", ".md")
    ):
        link = f"Of `helpers.experiments.{chapter}`, whose rows other pages show."
    if chapter not in OF_PAPERS:
        link += " The whole of a plan of ours, and no paper's widths and epochs."
    lines = [
        f"## {chapter}",
        "",
        link,
        "",
        "| data | rows | of | hours | hardware | last run |",
        "|---|---|---|---|---|---|",
    ]
    for name, cells in planned.groupby("dataset", sort=False):
        found = rows[rows["dataset"] == name]
        spent = store.seconds(found)
        hours, machines, last = "-", "-", "-"
        if len(found):
            hours = f"{spent['seconds'].sum() / 3600:.1f}"
            machines = plain(", ".join(found["device"].astype(str).unique()))
            last = plain(found["started"].astype(str).max()[:10])
        lines.append(
            f"| {plain(name)} | {len(spent)} | {len(cells)} | {hours} | {machines} | {last} |"
        )
    if len(store.seconds(rows)) < len(planned):
        lines += ["", f"The rest: `python -m helpers run {chapter} --profile paper`."]
    if "counts" in module.PROFILES:
        path = results / f"{chapter}-counts.csv"
        there = len(store.seconds(store.read(path))) if path.exists() else 0
        lines += [
            "",
            "With the paper's numbers of images and a plan that is fixed (the profile "
            f"`counts`), of image quality and games too: {there} of "
            f"{len(module.cells('counts'))} runs.",
        ]
    if not (metric := getattr(module, "HEADLINE", None)):
        return "\n".join(lines)
    # A store whose rows are all of other questions lacks the column.
    key = [*KEY, CLASSIFIER] if all(CLASSIFIER in t for t in tables.values()) else KEY
    columns = [
        experiments.that_learnt(table).reindex(columns=[*key, metric])
        for table in tables.values()
    ]
    pairs = columns[0].merge(columns[1], on=key, suffixes=("", "_tenth")).dropna()
    if pairs.empty:
        return "\n".join([*lines, "", "Nothing to compare with `tenth` yet."])
    lines += [
        "",
        f"`{metric}` in per cent, runs that both profiles have:",
        "",
        "| data | method | runs | tenth | paper |",
        "|---|---|---|---|---|",
    ]
    for (name, method), both in pairs.groupby(["dataset", "method"], sort=False):
        tenth, paper = 100 * both[[f"{metric}_tenth", metric]].mean()
        lines.append(
            f"| {plain(name)} | {plain(method)} | {len(both)} | {tenth:.1f} | {paper:.1f} |"
        )
    return "\n".join(lines)


def status(notes: Mapping) -> str:
    """Sections of the status page, from the record of each chapter's page.

    Parameters
    ----------
    notes : mapping of helpers.publishing.Chapter to str
        What to say of each page.

    Returns
    -------
    sections : str
        Markdown.
    """
    lines = [""]
    for chapter, note in notes.items():
        link = f"{{doc}}`/{chapter.path.removesuffix('.ipynb')}`"
        lines += [f"## {chapter.name}", "", f"- Page: {link}, {note}"]
        if record := chapter.record:
            start = datetime.fromisoformat(record["started"]).astimezone(UTC)
            values = (code(f"{k} = {v!r}") for k, v in record["parameters"].items())
            absent = "not on the machine that the page was made on"
            told = (
                f"{code(name)}: {plain(t or absent)}"
                for name, t in record["data"].items()
            )
            lines += [
                f"- Run: {start:%d %B %Y, %H:%M} UTC, {record['seconds']:.0f} s",
                f"- Parameters: {'; '.join(values) or 'defaults'}",
                f"- Device: {plain(record['device'])}",
                f"- Versions: {plain(record['versions'])}",
                f"- Commit: {plain(record['commit'])}",
                *(f"- Data {line}" for line in told),
            ]
        lines.append("")
    return "\n".join(lines)
