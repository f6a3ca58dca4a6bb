"""Rendered pages, made lighter: no script for icons, search or formulas that they lack."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

_IMAGE = re.compile(r'(<a [^>]*>\s*)?<img ((?:[^>"]|"[^"]*")*?)\s*/?>')
_ICON = re.compile(r'<i class="([^"]*\bfa-[^"]*)"([^>]*)>\s*</i>')
#: In the classes of a page, and in the theme's script.
_PACKS = {"fas": "fas", "fa-solid": "fas", "far": "far", "fa-regular": "far"}
_PACKS |= {"fab": "fab", "fa-brands": "fab"}


def lighten(site: Path) -> None:
    """Rewrite every page below a folder of rendered pages, as `lighter` does.

    Parameters
    ----------
    site : Path
        What Sphinx has written; its theme brings the drawings of the icons.
    """
    script = site / "_static" / "scripts" / "fontawesome.js"
    icons = theme_icons(script.read_text("utf-8")) if script.exists() else {}
    for page in [*site.glob("*.html"), *site.glob("book/**/*.html")]:
        page.write_text(lighter(page.read_text("utf-8"), icons), encoding="utf-8")


def theme_icons(script: str) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Drawings in Font Awesome's script, which has some 2,000 and weighs 1.5 MB.

    Parameters
    ----------
    script : str

    Returns
    -------
    icons : dict
        Width, height and path by pack (``fas``, ``far``, ``fab``) and name.

    Examples
    --------
    >>> theme_icons('p={sun:[512,512,[9728],"f185","M1 2z"]};d("fas",p)')
    {('fas', 'sun'): ('512', '512', 'M1 2z')}
    """
    icon = re.compile(r'[{,]"?([\w-]+)"?:\[(\d+),(\d+),\[[^\]]*\],"\w+","([^"]+)"\]')
    found, start = {}, 0
    # A pack's drawings stand before the line that gives it its name.
    for end in re.finditer(r'\("(fa[srb])",\w+\)', script):
        for name, width, height, path in icon.findall(script[start : end.start()]):
            found[end[1], name] = width, height, path
        start = end.end()
    return found


def lighter(page: str, icons: Mapping | None = None) -> str:
    """A rendered page that loads what it needs, and late what is not in sight at once.

    Its images wait until they come in sight, and open on a tap; images in a link stay in
    it, and what is no file of the site is not made a link. Icons are drawings in the page
    in place of a script; the search index is loaded where one searches, and MathJax where
    there is a formula (Sphinx loads it on the first page for those of all others).

    Parameters
    ----------
    page : str
        HTML.
    icons : mapping, optional
        As of `theme_icons`. A page with an icon that is not in it keeps the script.
    """
    page = _IMAGE.sub(_late, page)
    # Names that hide the visible ones, and a role that lists no longer have.
    page = page.replace('<summary aria-label="Toggle hidden content">', "<summary>")
    page = page.replace('role="doc-biblioentry"', 'role="listitem"')
    # The theme's arrow that unfolds a chapter of the side bar has no name of its own.
    arrow = '<summary><span class="toctree-toggle"'
    page = page.replace(arrow, arrow.replace(">", ' aria-label="Its pages">', 1))
    # Without an icon's own drawing, the theme's script draws all of them.
    drawn = _ICON.sub(lambda found: _drawing(found, icons or {}), page)
    if not _ICON.search(drawn):
        page = _without_scripts(drawn, r"scripts/fontawesome\.js")
    if 'id="search-results"' not in page:
        page = _without_scripts(page, r"(?:searchtools|language_data|searchindex)\.js")
    if not re.search(r'class="[^"]*\bmath\b', page):
        page = _without_scripts(page, r"mathjax/[\w-]+\.js")
        page = re.sub(r"<script>window\.MathJax = .*?</script>\s*", "", page)
    return page


def _without_scripts(page, name):
    return re.sub(rf'<script [^>]*\bsrc="[^"]*{name}[^"]*"[^>]*></script>\s*', "", page)


def _late(found):
    link, attributes = found[1] or "", found[2]
    if "loading=" not in attributes:
        attributes = f'loading="lazy" {attributes}'
    image = f"<img {attributes} />"
    file = re.search(r'src="((?:\.\./)+_images/[^"]+)"', attributes)
    if file and not link:
        image = f'<a class="enlarge" href="{file[1]}">{image}</a>'
    return link + image


def _drawing(found, icons):
    classes = found[1].split()
    pack = next((_PACKS[c] for c in classes if c in _PACKS), "fas")
    names = [c.removeprefix("fa-") for c in classes if c.startswith("fa-")]
    known = next((icons[pack, n] for n in names if (pack, n) in icons), None)
    if known is None:
        return found[0]
    width, height, path = known
    return (
        f'<svg class="svg-inline--fa {escape(" ".join(classes))}" aria-hidden="true" '
        f'focusable="false" viewBox="0 0 {width} {height}"{found[2]}>'
        f'<path fill="currentColor" d="{escape(path)}"></path></svg>'
    )
