"""Every chapter runs to its end, and shows something."""

import json

import pytest
import yaml
from sphinx_external_toc.parsing import parse_toc_yaml

from .conftest import ROOT

PAGES = [
    ROOT / page.removesuffix(".ipynb") for page in parse_toc_yaml(ROOT / "_toc.yml")
]
CHAPTERS = [c for page in PAGES if (c := page.with_suffix(".ipynb")).exists()]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs(path, smoke_book):
    build, folder = smoke_book
    smoke = yaml.safe_load((ROOT / "book" / "smoke.yml").read_text())
    done = [
        page
        for page in (folder / "executed").glob(f"{path.stem}*.ipynb")
        if json.loads(page.with_suffix(".json").read_text())["parameters"]
        == (smoke.get(path.stem) or {})
    ]
    assert len(done) == 1, build.stdout
    cells = json.loads(done[0].read_text())["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["execution_count"] for cell in code if cell["source"])
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [o for o in outputs if o["output_type"] == "error"]
    # A chapter that shows nothing has lost its results on the way.
    if path.stem != "boosting":  # a short page, tables alone
        assert any("image/png" in o.get("data", {}) for o in outputs)
    assert any("text/html" in o.get("data", {}) for o in outputs)
