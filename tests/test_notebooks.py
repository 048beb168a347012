"""Every notebook runs from top to bottom, and is kept without outputs."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda f: f.stem)
def test_notebook_runs(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    kept = [c for c in notebook.cells if c.cell_type == "code" and c.outputs]
    assert not kept, "clear the outputs before committing: they go stale and bloat the history"
    NotebookClient(notebook, timeout=300, kernel_name="python3").execute()


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS
