"""The notebook, executed as it is; it is stored without outputs, which would grow stale."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "examples" / "first_steps.ipynb"


@pytest.mark.slow
def test_the_notebook_runs_to_its_end(tmp_path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    book = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in cells)
    nbclient.NotebookClient(book, timeout=1800, resources={"metadata": {"path": tmp_path}}).execute()
    kinds = {kind for cell in cells for output in cell.outputs for kind in output.get("data", {})}
    assert "image/png" in kinds
    assert list((tmp_path / "runs/notebook").glob("*/rd.csv"))
    texts = [output.get("text", "") for cell in cells for output in cell.outputs]
    assert any("lossless:" in text for text in texts)
