"""Draw ``book/_static/card.png``, which is shown where a page of the book is shared.

::

    .venv/bin/python book/figures/card.py

1200 by 630 pixels, as Open Graph wants them. The disc is that of `logo.svg`, the title that
of `_config.yml`, the font the one that comes with matplotlib.
"""

import io
import sys
import textwrap
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import yaml
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from PIL import Image

ROOT = Path(__file__).parents[2]
CARD = ROOT / "book" / "_static" / "card.png"
SIZE = 1200, 630
SVG = "{http://www.w3.org/2000/svg}"


def draw() -> bytes:
    """Return the card as PNG, of at most 64 colours to keep it small."""
    title = yaml.safe_load((ROOT / "_config.yml").read_text())["title"]
    with matplotlib.rc_context(matplotlib.rcParamsDefault):
        figure = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
        # Units of the axes are pixels of the card, from its upper left corner.
        ax = figure.add_axes((0, 0, 1, 1), xlim=(0, SIZE[0]), ylim=(SIZE[1], 0))
        ax.axis("off")
        _disc(ax, left=70, top=95, width=440)
        lines = textwrap.wrap(title, 17)
        ax.text(565, 170, "\n".join(lines), size=38, weight="bold", va="top",
                color="#1f2933", linespacing=1.15)  # fmt: skip
        told = "Papers reproduced down to the last\nnumber, and their samplers to use"
        ax.text(567, 465, told, size=22, va="center", color="#52606d", linespacing=1.4)
        raw = io.BytesIO()
        figure.savefig(raw, format="png", dpi=100)
    small = io.BytesIO()
    image = Image.open(raw).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    image.save(small, "png", optimize=True)
    return small.getvalue()


def _disc(ax, left, top, width):
    """The circles of the logo, filled ones and outlined ones."""
    logo = ElementTree.parse(ROOT / "book" / "figures" / "logo.svg").getroot()
    scale = width / float(logo.get("width"))
    points = scale * 72 / 100  # an outline's width is told in points
    for group in logo.iter(f"{SVG}g"):
        fill, stroke = group.get("fill"), group.get("stroke", "none")
        for circle in group.iter(f"{SVG}circle"):
            x, y, r = (float(circle.get(name)) * scale for name in ("cx", "cy", "r"))
            outline = float(group.get("stroke-width", 0)) * points
            ax.add_patch(Circle((left + x, top + y), r, facecolor=fill,
                                edgecolor=stroke, linewidth=outline))  # fmt: skip


if __name__ == "__main__":
    CARD.write_bytes(draw())
    sys.stdout.write(f"{CARD}: {CARD.stat().st_size / 1024:.0f} KiB\n")
