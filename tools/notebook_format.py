"""The form that all notebooks share, as one list of complaints for a pair of files.

A notebook begins with: a markdown cell with the Colab badge and the title; a markdown cell that says **What**, **Time**
and **Hardware**; then these code cells, with any markdown between them: the Colab-only install (stamped), the choice of
backend before anything is imported, versions and device, the seed, and the `parameters` cell with the profile. Exactly
one cell is tagged `numbers` (see tools/expectations.py). Code cells have at most 12 lines unless tagged `long`.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from nbformat import NotebookNode

from tools.notebooks import find_tagged, list_cells, read

MAX_BYTES = 1_000_000
MAX_LINES = 12
MAY_BE_LONG = {"long", "colab-install", "numbers"}

# Folders where somebody works, or where a kernel keeps its cells.
MACHINE_PATH = re.compile(
    r"(?<![\w./])/(?:(?:home|Users|root|work|workspace)|(?:opt|mnt|srv|tmp|var|private)/[\w.-]+)/[\w.-]+|ipykernel_\d+"
)

Check = Callable[[NotebookNode], bool]


def _source(pattern: str) -> Check:
    return lambda cell: re.search(pattern, cell.source, flags=re.MULTILINE) is not None


def _tag(tag: str) -> Check:
    return lambda cell: tag in cell.metadata.get("tags", [])


FIRST_MARKDOWN: list[tuple[str, Check]] = [
    ("the Colab badge and the title", _source(r"\A\[!\[Open in Colab\]\(.+\n\n# \S")),
    ("**What**, **Time** and **Hardware**", _source(r"(?s)\*\*What.*\*\*Time.*\*\*Hardware")),
]
FIRST_CODE: list[tuple[str, Check]] = [
    ("the install cell tagged `colab-install`", _tag("colab-install")),
    ("the backend, os.environ.setdefault(...)", _source(r'^os\.environ\.setdefault\("KERAS_BACKEND", "jax"\)')),
    ("versions and device, with jax.devices()", _source(r"jax\.devices\(\)")),
    ("the seed, SEED = ...", _source(r"^SEED = \d+")),
    ("the cell tagged `parameters`", _tag("parameters")),
]


def find_problems(source: Path) -> list[str]:
    """Return what is wrong with the notebook whose text is ``source``, one line a problem."""
    text, pair = read(source), source.with_suffix(".ipynb")
    problems = [*_check_beginning(text), *_check_cells(text)]
    if not pair.exists():
        return [*problems, f"{pair.name} is missing: `make notebooks NOTEBOOK={source.stem[:2]}` makes it"]
    executed = read(pair)
    if list_cells(executed) != list_cells(text):
        problems.append(
            f"{pair.name} and {source.name} differ: `make sync` or `make notebooks` writes the .ipynb again"
        )
    return [*problems, *_check_outputs(executed), *_check_file(pair)]


def _check_beginning(notebook: NotebookNode) -> Iterator[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for place, ((what, check), cell) in enumerate(zip(FIRST_MARKDOWN, notebook.cells, strict=False), start=1):
        if cell.cell_type != "markdown" or not check(cell):
            yield f"cell {place} must be markdown with {what}"
    for place, (what, check) in enumerate(FIRST_CODE, start=1):
        if place > len(code) or not check(code[place - 1]):
            yield f"code cell {place} must be {what}"
    first_two = "\n".join(cell.source for cell in code[:2])
    if found := re.search(r"^(?:import|from) (?:keras|jax|lsmlib)\b", first_two, flags=re.MULTILINE):
        yield f"`{found[0]}` stands before or in the cell that chooses the backend"
    if not any(
        re.search(r'^PROFILE = "laptop"', cell.source, re.MULTILINE) for cell in find_tagged(notebook, "parameters")
    ):
        yield 'the cell tagged `parameters` must set PROFILE = "laptop"'


def _check_cells(notebook: NotebookNode) -> Iterator[str]:
    for tag in ("parameters", "numbers", "colab-install"):
        if (count := len(find_tagged(notebook, tag))) != 1:
            yield f"one cell must be tagged `{tag}`, not {count}"
    for cell in notebook.cells:
        lines = cell.source.splitlines()
        if cell.cell_type == "code" and len(lines) > MAX_LINES and not MAY_BE_LONG & set(cell.metadata.get("tags", [])):
            yield f"a code cell has {len(lines)} lines, more than {MAX_LINES}: split it, or tag it `long`: {lines[0]!r}"


def _check_outputs(notebook: NotebookNode) -> Iterator[str]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]
    if [cell.execution_count for cell in code] != list(range(1, len(code) + 1)):
        yield "the .ipynb is not the product of one run from top to bottom: `make notebooks`"
    if not any(cell.outputs for cell in code):
        yield "the .ipynb has no outputs: `make notebooks`"
    for output in (output for cell in code for output in cell.outputs):
        if output.output_type == "error":
            yield f"the .ipynb holds an error: {output.ename}: {output.evalue}"
        if output.output_type == "stream" and output.name == "stderr" and "Warning" in output.text:
            yield f"the .ipynb holds a warning: {output.text[:120]!r}"


def _check_file(pair: Path) -> Iterator[str]:
    if (size := pair.stat().st_size) > MAX_BYTES:
        yield f"{pair.name} has {size:,} bytes, more than {MAX_BYTES:,}: fewer or smaller figures"
    for found in find_machine_paths(pair):
        yield f"{pair.name} holds a path of the machine it ran on: {found}"


def find_machine_paths(path: Path) -> list[str]:
    """Return the absolute paths in a text file or notebook that cannot mean anything on another machine."""
    return sorted(set(MACHINE_PATH.findall(read_plain_text(path))))


def read_plain_text(path: Path) -> str:
    """Return what a person reads in a file: its text, or a notebook's sources and outputs without the pictures."""
    if path.suffix != ".ipynb":
        return path.read_text(encoding="utf-8")
    parts = []
    for cell in read(path).cells:
        parts.append(cell.source)
        for output in cell.get("outputs", []):
            shown = output.get("data", {})
            parts += [output.get("text", ""), *(str(shown[mime]) for mime in shown if not mime.startswith("image/"))]
    return "\n".join(parts)
