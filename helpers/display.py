"""What a chapter shows besides figures: tables, sentences, its answer, pictures to move.

All of it is one string of HTML or Markdown, with no style sheet or script of its own
beside it, so that it shows the same on the site, in JupyterLab and on Colab. Whatever
comes from data is escaped.
"""

import base64
import inspect
import io
import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from numbers import Integral, Real

import pandas as pd
from PIL import Image

from .plotting import printed

#: Names of measures and columns as pages print them; what is not here loses its
#: underscores.
PRINTED = {
    "acsa": "ACSA",
    "auc_of_labels": "AUC of labels",
    "brier": "Brier score",
    "distance_of_means": "distance of means",
    "f1_macro": "macro-F1",
    "gmean_macro": "G-mean, macro",
    "gmean_product": "G-mean, product",
    "log_loss": "log loss",
    "n_test": "test rows",
    "n_train": "training rows",
    "p_holm": "p (Holm)",
    "pr_auc": "PR-AUC",
    "roc_auc": "ROC-AUC",
    "sampler_seconds": "sampler, s",
}
_OF_CLASS = {"f1": "F1", "precision": "precision", "recall": "recall"}
#: Columns whose numbers are differences, and have a sign.
SIGNED = ("difference", "low", "high")
_MISSING = "–"


class Shown:
    """HTML or Markdown that a notebook shows; `str` gives its source."""

    def __init__(self, source: str, kind: str):
        self._source, self._kind = source, kind

    def __str__(self):
        return self._source

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {f"text/{self._kind}": self._source, "text/plain": self._source}


#: Kind of output under which `alt` hands its text to the page.
ALT = "application/vnd.alt+plain"


class Alt:
    """Alternative text of the picture that follows: only the page has a place for it."""

    def __init__(self, text: str):
        self._text = " ".join(text.split())

    def __str__(self):
        return self._text

    def _repr_mimebundle_(self, include=None, exclude=None):
        # Jupyter knows nothing of the first, and shows the second, which is empty.
        return {ALT: self._text, "text/plain": ""}


# ---------------------------------------------------------------- text


def plain(text) -> str:
    """Markdown that shows a text letter by letter: no markup, HTML, role or link in it."""
    line = " ".join(str(text).split())
    return re.sub(r"((?<!\w)[-+]|[\\`*_{}\[\]<>()|$&~^:.@#!%\"'=])", r"\\\1", line)


class _Escaping(string.Formatter):
    def format_field(self, value, format_spec):
        return plain(format(value, format_spec))


def say(text: str, /, **values) -> Shown:
    """A paragraph whose numbers a run has made.

    Parameters
    ----------
    text : str
        Markdown, with fields as `str.format` has them.
    **values
        What is put into the fields, shown letter by letter.

    Examples
    --------
    >>> print(say("The GAN finds **{gain:+.2f}** patients.", gain=0.2))
    The GAN finds **\\+0\\.20** patients.
    """
    return Shown(_Escaping().vformat(text, (), values), "markdown")


def alt(text: str) -> Alt:
    """What the next picture of a cell shows, for those who do not see it.

    For a text that says a result: what rows or a run can change cannot stand in the
    metadata of a cell. `helpers.pages.with_figures` puts it in their place.

    Parameters
    ----------
    text : str
        Plain text. Display it before the picture.

    Returns
    -------
    Alt
        A notebook shows nothing of it.

    Examples
    --------
    >>> shown = alt(f"A line per arm; SMOTE is highest, by {0.5:.1f} points")
    >>> print(shown)
    A line per arm; SMOTE is highest, by 0.5 points
    >>> shown._repr_mimebundle_()["text/plain"]
    ''
    """
    return Alt(text)


def answer(question: str, lines: Sequence[str], before: str = "") -> Shown:
    """The answer of a chapter, in a cell tagged ``answer``.

    The cell stands where the answer is known, at the end; `helpers.publishing` moves what
    it shows to the top of the page, and adds how long the page takes to read and to run.

    Parameters
    ----------
    question : str
    lines : sequence of str
        Some three sentences, from stored or computed rows; shown letter by letter.
    before : str
        Markdown: what to know before.

    Examples
    --------
    >>> print(answer("Does it help?", ["No: 0.1 patients."], "[The primer](imbalance.ipynb)"))
    **Does it help?**
    <BLANKLINE>
    - No\\: 0\\.1 patients\\.
    <BLANKLINE>
    *To know before:* [The primer](imbalance.ipynb)
    """
    parts = [f"**{plain(question).replace(chr(92) + '?', '?')}**"]
    parts.append("\n".join(f"- {plain(line)}" for line in lines))
    parts += [f"*To know before:* {before}"] if before else []
    return Shown("\n\n".join(parts), "markdown")


def source(code) -> Shown:
    """The source of a function or class, or a program, coloured as the page's own cells.

    Parameters
    ----------
    code : function, class or str

    Examples
    --------
    >>> print(str(source(tally))[:20])
    ```python
    def tally(
    """
    text = code if isinstance(code, str) else inspect.getsource(code)
    # A fence that nothing in the text can close.
    longest = max(map(len, re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Shown(f"{fence}python\n{text.rstrip()}\n{fence}", "markdown")


def origin(rows: pd.DataFrame) -> Shown:
    """Where stored rows come from: their first day, machines, versions and commits.

    Parameters
    ----------
    rows : DataFrame
        What `helpers.store.load_results` returned, or a part.
    """
    sources = (
        [*rows["provenance"].dropna().astype(str).unique()]
        if "provenance" in rows
        else []
    )
    more = f" and {len(sources) - 6} more" if len(sources) > 6 else ""
    return say(
        "**Stored** from {started} on, on {devices}; {versions}; commits {commits}. Data: {data}.",
        data="; ".join(s.rstrip(".") for s in sources[:6]) + more
        if sources
        else "see above",
        started=str(rows["started"].min())[:10],
        devices=", ".join(map(str, rows["device"].unique())),
        versions=", and ".join(rows["versions"].astype(str).unique()),
        commits=", ".join(rows["commit"].unique()),
    )


def told_apart(compared: pd.DataFrame) -> str:
    """Arms that differ from the reference, of what `helpers.evaluation.compare` returns.

    Examples
    --------
    >>> told_apart(pd.DataFrame({"p_holm": [0.01, 0.3]}, index=["smote", "gan"]))
    'SMOTE'
    """
    arms = compared.index[compared["p_holm"] < 0.05]
    return ", ".join(map(printed_name, arms)) or "none"


def tally(values) -> str:
    """How often each value is there, the most frequent first.

    Examples
    --------
    >>> tally(["yes", "cannot be told", "yes"])
    '2 yes, 1 cannot be told'
    """
    return ", ".join(f"{n} {v}" for v, n in pd.Series([*values]).value_counts().items())


def printed_name(name, names: Mapping | None = None) -> str:
    """A name of the code as pages print it.

    Parameters
    ----------
    name : object
        Of a method, a measure or a column; anything else is only made a text.
    names : mapping, optional
        Names of this table alone, looked up first.

    Examples
    --------
    >>> [printed_name(n) for n in ("roc_auc", "smote", "recall_malignant", "mean_risk")]
    ['ROC-AUC', 'SMOTE', 'recall, malignant', 'mean risk']
    """
    if names and name in names:
        return str(names[name])
    if not isinstance(name, str):
        return _text(name, 3)
    if name in PRINTED:
        return PRINTED[name]
    if (method := printed(name)) != name:
        return method
    kind, _, of = name.partition("_")
    if kind in _OF_CLASS and of:
        return f"{_OF_CLASS[kind]}, {of.replace('_', ' ')}"
    return name.replace("_", " ")


# ---------------------------------------------------------------- tables


def table(
    frame, caption: str, *, digits=3, names: Mapping | None = None, signed=SIGNED
) -> Shown:
    """A frame as pages show it: named, rounded, in a box that scrolls by itself.

    Parameters
    ----------
    frame : DataFrame or Series
    caption : str
        What the table holds, in words.
    digits : int or mapping
        Decimals, or decimals by column. A column of whole numbers has none.
    names : mapping, optional
        Printed names of this table's rows and columns, before those of `printed_name`.
    signed : sequence
        Columns whose numbers get a plus.

    Returns
    -------
    Shown
        HTML. Missing numbers are dashes; a mean and its spread may stand on two lines. An
        index that only counts the rows is left out.

    Examples
    --------
    >>> frame = pd.DataFrame({"roc_auc": [0.5, float("nan")]}, index=["dummy", "<b>"])
    >>> shown = str(table(frame, "Two arms"))
    >>> ["ROC-AUC" in shown, "0.500" in shown, "nan" in shown, "<b>" in shown]
    [True, True, False, False]
    """
    if isinstance(frame, pd.Series):
        frame = frame.to_frame("" if frame.name is None else frame.name)
    body = []
    for position, column in enumerate(frame.columns):
        keys = [column] if not isinstance(column, tuple) else [column, *column[::-1]]
        places = digits
        if isinstance(digits, Mapping):
            places = next((digits[k] for k in keys if k in digits), 3)
        sign = "+" if any(k in signed for k in keys) else ""
        body.append(_column(frame.iloc[:, position], places, sign, names))
    rows = [*zip(*body, strict=True)] if body else [()] * len(frame)
    heads = _spans(frame.columns, names)
    counts = isinstance(frame.index, pd.RangeIndex) and frame.index.name is None
    index = [] if counts else _spans(frame.index, names)
    lines = [
        f'<div class="table-box" tabindex="0" role="region" aria-label="{escape(caption)}">',
        f'<table class="dataframe"><caption>{escape(caption)}</caption>',
        "<thead>",
    ]
    corner = [] if counts else frame.index.names
    corner = [escape(printed_name(n, names)) if n else "" for n in corner]
    for depth, head in enumerate(heads):
        last = depth == len(heads) - 1
        cells = [
            f"<td{' class=stub' if level == 0 else ''}>{text if last else ''}</td>"
            for level, text in enumerate(corner)
        ]
        cells += [
            f'<th scope="{"col" if n == 1 else "colgroup"}"{_span("col", n)}>{text}</th>'
            for text, n in filter(None, head)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    lines += ["</thead>", "<tbody>"]
    for number, row in enumerate(rows):
        cells = [
            f'<th scope="{"row" if label[1] == 1 else "rowgroup"}"{_span("row", label[1])}'
            f"{' class=stub' if level == 0 else ''}>{label[0]}</th>"
            for level, label in enumerate(labels[number] for labels in index)
            if label
        ]
        cells += [
            f"<td{'' if number else ' class=words'}>{text}</td>" for text, number in row
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    lines += ["</tbody></table></div>"]
    return Shown("\n".join(lines), "html")


def _span(kind, n):
    return f' {kind}span="{n}"' if n > 1 else ""


def _spans(index, names):
    """For each level of an index, (text, length) at the first of equal labels, else None.

    The innermost level always has every label.
    """
    if not isinstance(index, pd.MultiIndex):
        return [[(escape(printed_name(label, names)), 1) for label in index]]
    found = []
    for level in range(index.nlevels):
        labels = [key[: level + 1] for key in index]
        row, start = [None] * len(labels), 0
        for i, label in enumerate(labels):
            if i == 0 or label != labels[i - 1] or level == index.nlevels - 1:
                start = i
                row[i] = (escape(printed_name(label[-1], names)), 1)
            else:
                row[start] = (row[start][0], i - start + 1)
        found.append(row)
    return found


def _column(values, digits, sign, names):
    """(HTML, whether it is a number) of each cell of a column."""
    numbers = [v for v in values if isinstance(v, Real) and not _is_missing(v)]
    numbers = [v for v in numbers if not isinstance(v, bool) and math.isfinite(v)]
    if all(float(v).is_integer() for v in numbers):
        digits = 0
    elif numbers and max(map(abs, numbers)) >= 100:
        digits = min(digits, 1)
    identifiers = values.name in ("method", "arm", "classifier", "measure")
    cells = []
    for value in values:
        text = printed_name(value, names) if identifiers else _text(value, digits, sign)
        # Words are set to the left; what begins with a digit, a sign or a dash is none.
        number = re.match(rf"[-+−<>]?\s?[\d.]|{_MISSING}|$", text) is not None
        cells.append((escape(text).replace(" ± ", " ±&nbsp;"), number))
    return cells


def _is_missing(value):
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _text(value, digits, sign=""):
    """One cell, as text."""
    if _is_missing(value):
        return _MISSING
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "yes" if value else "no"
    if isinstance(value, str):
        text = re.sub(r"\s*±\s*nan\b", "", value)
        text = _MISSING if text.strip() in ("nan", "NaN", "<NA>", "None") else text
        return re.sub(r"(?<![\w.])-(?=\.?\d)", "−", text)
    if isinstance(value, Integral):
        return f"{int(value):{sign},}".replace("-", "−")
    if isinstance(value, Real):
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        text = f"{float(value):{sign},.{digits}f}"
        if value > 0 and not float(text.replace(",", "")):  # too small to show
            text = f"< {10**-digits:.{digits}f}"
        return text.replace("-", "−")
    return str(value)


# ---------------------------------------------------------------- pictures to move


def frames(pictures: Iterable, label: str, caption: str, start: int = 0) -> Shown:
    """Pictures of which a slider shows one: the mouse, a finger or the arrow keys move it.

    Parameters
    ----------
    pictures : iterable of (str, Figure)
        What the slider says of each picture, also its alternative text, and a matplotlib
        figure, which is closed. A generator has one figure open at a time.
    label : str
        What the slider moves through.
    caption : str
    start : int
        Number of the picture shown at first, and the only one where scripts are off.

    Returns
    -------
    Shown
        HTML, all pictures in it.
    """
    drawn = [(text, _picture(figure)) for text, figure in pictures]
    texts = [text for text, _ in drawn]
    images = [
        f'<img data-frame src="{source}" alt="{escape(text)}"'
        f"{'' if i == start else ' hidden'}>"
        for i, (text, source) in enumerate(drawn)
    ]
    # In the attribute, since Colab, JupyterLab and the site load no script of ours alike.
    move = (
        "const f=this.closest('figure'),p=f.querySelectorAll('[data-frame]');"
        "p.forEach((e,i)=>{e.hidden=i!=this.value});"
        "const t=p[this.value].alt;f.querySelector('output').value=t;"
        "this.setAttribute('aria-valuetext',t)"
    )
    return Shown(
        '<figure class="frames">'
        + "".join(images)
        + f'<label>{escape(label)} <input type="range" min="0" max="{len(texts) - 1}" '
        f'step="1" value="{start}" aria-valuetext="{escape(texts[start])}" '
        f'oninput="{escape(move)}"></label>'
        f"<output>{escape(texts[start])}</output>"
        "<noscript>Scripts are off: this is one of the pictures.</noscript>"
        f"<figcaption>{escape(caption)}</figcaption></figure>",
        "html",
    )


def _picture(figure) -> str:
    """A figure as the address of an image of few colours, which is a third of the size."""
    from matplotlib import pyplot as plt

    with io.BytesIO() as raw, io.BytesIO() as small:
        figure.savefig(raw, format="png")
        plt.close(figure)
        picture = Image.open(raw).convert("RGB").quantize(64, dither=Image.Dither.NONE)
        picture.save(small, format="png", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"
