"""Render the notebooks as they are committed, and the docstrings, as a book: build/book/index.html.

    python -m tools.book

What is rendered is laid out in build/book-source first: the pages of book/, the notebooks with the outputs stored in
them, documents from around the repository, and pages made by ``tools.book_pages`` from docstrings and cards. Nothing is
executed, nothing is fetched, and any warning, or link that leads nowhere, is an error.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import book_pages
from tools.book_links import find_broken
from tools.notebooks import ROOT, read
from tools.stamp import read_url

PAGES = ROOT / "book"
SOURCE = ROOT / "build" / "book-source"
OUTPUT = ROOT / "build" / "book"
CACHE = ROOT / "build" / "book-cache"

# Documents that stand elsewhere in the repository; those that are not there are left out.
DOCUMENTS = {
    "benchmarks.md": "benchmarks/README.md",
    "results.md": "data/results/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
PICTURES = {".png", ".svg", ".jpg"}
# What the book does with a cell that has this tag.
TAGS = {"colab-install": "remove-cell", "solution": "hide-cell"}

BADGE = re.compile(r"\A\[!\[Open in Colab\]\([^)]+\)\]\(([^)]+)\)\n\n(# [^\n]+)")
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?:|#|mailto:)([^)\s]+)\)")


def prepare_notebook(path: Path) -> NotebookNode:
    """Return a committed notebook as the book shows it, its outputs untouched.

    The badge, a picture from the network, becomes a link below the title; solutions can be folded out; the cell that
    installs in Colab is left out.
    """
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = BADGE.sub(r"\2\n\n[Run it in Colab](\1)", cell.source)
            cell.source = relink(cell.source, path.parent)
        tags = cell.metadata.get("tags", [])
        if added := [TAGS[tag] for tag in tags if tag in TAGS]:
            cell.metadata["tags"] = [*tags, *added]
    return notebook


def relink(text: str, folder: Path) -> str:
    """Point relative links of a document to pages of the book, or else to the file in the repository.

    Args:
        text: markdown.
        folder: where it stands; pictures that it shows are copied into the book.

    Raises:
        ValueError: a link leads nowhere.
    """
    pages = {ROOT / origin: f"/{page}" for page, origin in DOCUMENTS.items()}
    pages |= {path: f"/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}

    def point(match: re.Match[str]) -> str:
        shown, words, target = match.groups()
        file, _, section = target.partition("#")
        path = (folder / file).resolve()
        if not path.exists() or not path.is_relative_to(ROOT):
            raise ValueError(f"{folder.relative_to(ROOT)} links to {target!r}, which is not in the repository.")
        if shown and path.suffix in PICTURES:
            return f"![{words}](/{copy_picture(path)})"
        if path in pages:
            return f"[{words}]({pages[path]}{'#' + section if section else ''})"
        return f"[{words}]({read_url()}/blob/main/{path.relative_to(ROOT).as_posix()})"

    return LINK.sub(point, text)


def copy_picture(path: Path) -> str:
    """Copy a picture of the repository into the book; return its place there."""
    place = Path("pictures") / path.relative_to(ROOT)
    write(SOURCE / place, path.read_bytes())
    return place.as_posix()


def write(path: Path, content: str | bytes) -> Path:
    """Write a file unless it has this content already, so that only pages that changed are rendered again."""
    data = content.encode() if isinstance(content, str) else content
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return path


def lay_out() -> Iterator[Path]:
    """Write everything that is rendered; yield each file."""
    for path in sorted(PAGES.rglob("*")):
        if path.is_file() and path.suffix in {".md", ".py", ".css", ".svg"}:
            text = path.read_text(encoding="utf-8")
            text = relink(text, path.parent) if path.suffix == ".md" else text
            yield write(SOURCE / path.relative_to(PAGES), text)
    for path in sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")):
        yield write(SOURCE / "notebooks" / path.name, nbformat.writes(prepare_notebook(path)))
    for page, origin in DOCUMENTS.items():
        if (path := ROOT / origin).is_file():
            yield write(SOURCE / page, relink(path.read_text(encoding="utf-8"), path.parent))
    for page, text in book_pages.make_pages():
        yield write(SOURCE / page, text)


def build() -> int:
    """Lay the book out and render it; return the exit status."""
    from sphinx.cmd.build import main  # here, so that laying out needs no Sphinx

    kept = {*lay_out(), *(SOURCE / "pictures").rglob("*")}
    for stale in {path for path in SOURCE.rglob("*") if path.is_file()} - kept:
        stale.unlink()
    options = ["--builder", "html", "--fail-on-warning", "--keep-going", "--quiet"]  # JAX has threads: no forks
    if status := main([*options, "--doctree-dir", str(CACHE), str(SOURCE), str(OUTPUT)]):
        return status
    if broken := find_broken(OUTPUT):
        print("\n".join([f"{len(broken)} links or pictures lead nowhere, or elsewhere:", *broken]))
        return 1
    print(f"The book: {(OUTPUT / 'index.html').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("KERAS_BACKEND", "jax")  # the package is imported to read its docstrings
    raise SystemExit(build())
