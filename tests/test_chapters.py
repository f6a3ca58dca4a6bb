"""Every chapter runs to its end, as a reader starts it: with papermill, at the root."""

from pathlib import Path

import papermill
import pytest
import yaml
from sphinx_external_toc.parsing import parse_toc_yaml

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / page.removesuffix(".ipynb") for page in parse_toc_yaml(ROOT / "_toc.yml")
]
CHAPTERS = [c for page in PAGES if (c := page.with_suffix(".ipynb")).exists()]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs(path, tmp_path):
    smoke = yaml.safe_load((ROOT / "book" / "smoke.yml").read_text())
    done = papermill.execute_notebook(
        path,
        tmp_path / path.name,
        parameters=smoke.get(path.stem) or {},
        kernel_name="python3",
        cwd=ROOT,
        progress_bar=False,
        execution_timeout=300,
    )
    code = [cell for cell in done.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code if cell.source.strip())
    # A chapter that shows nothing has lost its results on the way.
    assert any(cell.outputs for cell in code)
