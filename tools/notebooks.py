"""The notebooks as files: both forms of each, and the way from the text to the .ipynb.

Each notebook is a pair: ``NN_name.py`` (percent text) is the source, ``NN_name.ipynb`` holds the same cells with the
outputs of a real run. Nothing here goes by file times, as ``jupytext --sync`` does: the text is always what counts.

    python -m tools.notebooks sync [01 ...]    write the .ipynb from the text, keep the outputs of unchanged cells
    python -m tools.notebooks run [01 ...]     run the text as it is written and store the outputs in the .ipynb
"""

import argparse
import base64
import hashlib
import os
from collections import Counter
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets.config import Config

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "notebooks"
FIGURES = ROOT / "data" / "figures"
KERNEL = "python3"
CONFIG = Config({"KernelManager": {"transport_encryption": "auto"}})  # else kernels warn that they talk openly
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": KERNEL},
    "language_info": {"name": "python", "file_extension": ".py"},
}


def find_sources(chosen: list[str] | None = None, folder: Path = FOLDER) -> list[Path]:
    """Return the texts of the notebooks in their order, or of those chosen by number ("01") or name.

    Raises:
        ValueError: a chosen notebook does not exist.
    """
    found = sorted(folder.glob("[0-9][0-9]_*.py"))
    if not chosen:
        return found
    by_name = {key: path for path in found for key in (path.stem, path.stem[:2])}
    if unknown := [name for name in chosen if name not in by_name]:
        have = ", ".join(path.stem for path in found) or "none"
        raise ValueError(f"No notebook is called {', '.join(unknown)}; there are: {have}.")
    return sorted({by_name[name] for name in chosen})


def read(path: Path) -> NotebookNode:
    """Read a notebook from either of its forms."""
    if path.suffix == ".ipynb":
        return nbformat.read(path, as_version=4)
    return jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")


def find_tagged(notebook: NotebookNode, tag: str) -> list[NotebookNode]:
    """Return the cells that carry ``tag``."""
    return [cell for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def list_cells(notebook: NotebookNode) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return what both forms must agree on: the kind, the source and the tags of each cell."""
    return [(cell.cell_type, cell.source, tuple(cell.metadata.get("tags", []))) for cell in notebook.cells]


def tidy(notebook: NotebookNode) -> NotebookNode:
    """Reduce metadata to what readers need, and name cells by their content, so that diffs show real changes only."""
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        digest = hashlib.sha256(cell.source.encode()).hexdigest()[:8]
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
        cell.metadata = NotebookNode({key: cell.metadata[key] for key in ("tags",) if cell.metadata.get(key)})
    notebook.metadata = nbformat.from_dict(METADATA)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def write(notebook: NotebookNode, path: Path) -> None:
    """Write an .ipynb, after checking it against the format's schema."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


def sync(source: Path) -> bool:
    """Write the .ipynb of a text, with the outputs of cells that did not change; say whether the file changed.

    A cell that changed at all loses its output, so that no output is ever shown under a code that did not give it.
    """
    target = source.with_suffix(".ipynb")
    notebook = read(source)
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    executed = [cell for cell in read(target).cells if cell.cell_type == "code"] if before else []
    for cell in notebook.cells:
        same = [old for old in executed if cell.cell_type == "code" and old.source == cell.source]
        if same:
            cell.outputs, cell.execution_count = same[0].outputs, same[0].execution_count
            executed.remove(same[0])
    write(tidy(notebook), target)
    return target.read_text(encoding="utf-8") != before


def run(source: Path, cell_minutes: float = 20.0) -> None:
    """Run a text as it is written, from top to bottom, and store it with its outputs as the .ipynb."""
    notebook = tidy(read(source))
    client = NotebookClient(
        notebook,
        timeout=round(60 * cell_minutes),
        kernel_name=KERNEL,
        config=CONFIG,
        resources={"metadata": {"path": str(source.parent)}},
        record_timing=False,
        store_widget_state=False,
    )
    # in a kernel that is told another way to draw, figures would not come into the notebook
    client.execute(env={name: value for name, value in os.environ.items() if name != "MPLBACKEND"})
    drop_progress_bars(notebook)
    save_figures(notebook)
    write(tidy(notebook), source.with_suffix(".ipynb"))


def drop_progress_bars(notebook: NotebookNode) -> None:
    """Remove the widgets of progress bars: without a running kernel they show a bar that stopped half-way."""
    for cell in notebook.cells:
        outputs = cell.get("outputs", [])
        kept = [o for o in outputs if "application/vnd.jupyter.widget-view+json" not in o.get("data", {})]
        if len(kept) < len(outputs):
            cell.outputs = kept


def save_figures(notebook: NotebookNode, folder: Path = FIGURES) -> None:
    """Write the figure of each cell tagged ``figure-NAME`` to ``NAME.png``: what README.md shows is what a run drew."""
    for cell in notebook.cells:
        names = [tag.removeprefix("figure-") for tag in cell.metadata.get("tags", []) if tag.startswith("figure-")]
        images = [o.data["image/png"] for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
        for name, image in zip(names, images if names else [], strict=True):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").write_bytes(base64.b64decode(image))


def main(arguments: list[str] | None = None) -> int:
    """Bring the .ipynb files up to date with their texts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["sync", "run"])
    parser.add_argument("notebook", nargs="*", help="number or name; all where none is given")
    options = parser.parse_args(arguments)
    try:
        sources = find_sources(options.notebook)
    except ValueError as error:
        parser.error(str(error))
    for source in tqdm(sources, desc=options.action, unit="notebook", disable=None):
        if options.action == "run":
            run(source)
        elif sync(source):
            tqdm.write(f"wrote {source.with_suffix('.ipynb').name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
