"""What is kept of a notebook's outputs: figures by name, and no progress bars."""

import base64

import nbformat.v4 as v4

from tools.notebooks import drop_progress_bars, read, run, save_figures


def make_cell(outputs, tags=()):
    return v4.new_code_cell("draw()", outputs=outputs, metadata={"tags": list(tags)})


def test_progress_bars_go_and_everything_else_stays():
    bar = v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "3%|"})
    text = v4.new_output("stream", name="stdout", text="done")
    notebook = v4.new_notebook(cells=[make_cell([bar, text]), v4.new_markdown_cell("words")])
    drop_progress_bars(notebook)
    assert notebook.cells[0].outputs == [text]


def test_figures_are_saved_under_the_name_of_their_tag(tmp_path):
    image = v4.new_output("execute_result", {"image/png": base64.b64encode(b"pixels").decode()})
    notebook = v4.new_notebook(cells=[make_cell([image], ["figure-day"]), make_cell([image])])
    save_figures(notebook, tmp_path / "figures")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "figures").iterdir()] == [("day.png", b"pixels")]


def test_figures_come_into_the_notebook_whatever_the_shell_draws_with(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    source = tmp_path / "01_figure.py"
    source.write_text("# %%\nimport matplotlib.pyplot as plt\n\nplt.plot([0, 1])\nplt.show()\n")
    run(source)
    (cell,) = read(source.with_suffix(".ipynb")).cells
    assert any("image/png" in output.get("data", {}) for output in cell.outputs)
