"""The book: what is laid out, and that no link of it leads nowhere. What a browser makes of it: tests/browser."""

import re
import subprocess
import sys

import nbformat
import pytest

from tools import book, book_pages
from tools.book_links import Page, find_broken
from tools.notebooks import ROOT, read
from tools.stamp import read_url


def test_the_link_checker_sees_what_is_broken(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "a.html").write_text(
        '<p id="here"><a href="#here">x</a><a href="#gone">x</a><a href="b/c.html#there">x</a>'
        '<a href="nowhere.html">x</a>'
        '<img src="gone.png"><img src="data:image/png;base64,xx"><script src="https://far.away/x.js"></script>'
        '<a href="https://far.away">x</a><link rel="stylesheet" href="//far.away/x.css">',
    )
    (tmp_path / "b" / "c.html").write_text('<p id="there"><a href="../a.html">x</a><a href="a.html">x</a>')
    assert find_broken(tmp_path) == [
        "a.html fetches //far.away/x.css",
        "a.html fetches https://far.away/x.js",
        "a.html: #gone (no such section)",
        "a.html: gone.png",
        "a.html: nowhere.html",
        "b/c.html: a.html",
    ]


def test_all_pages_are_laid_out_and_their_own_links_lead_somewhere(tmp_path, monkeypatch):
    monkeypatch.setattr(book, "SOURCE", tmp_path)
    laid_out = {path.relative_to(tmp_path).as_posix() for path in book.lay_out()}
    assert {"conf.py", "index.md", "glossary.md", "presets.md", "api/lsmlib.rst", "api/evaluate.rst"} <= laid_out
    assert {f"notebooks/{path.name}" for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")} <= laid_out
    assert "pictures/data/figures/day.png" in {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.png")
    }
    listed = re.findall(r"^(api/[\w.]+)$", (tmp_path / "index.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {f"{page}.rst" for page in listed} == {page for page in laid_out if page.startswith("api/")}


@pytest.mark.long  # a minute or more; `make book` and `make browser` do the same
def test_the_book_renders_without_a_warning_and_every_link_leads_somewhere():
    run = subprocess.run([sys.executable, "-m", "tools.book"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert find_broken(book.OUTPUT) == []
    pages = {path.relative_to(book.OUTPUT).as_posix() for path in book.OUTPUT.rglob("*.html")}
    assert {f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")} <= pages
    assert {"index.html", "glossary.html", "faq.html", "deviations.html", "presets.html", "search.html"} <= pages
    ids = set().union(*(Page(path).ids for path in (book.OUTPUT / "api").glob("*.html")))
    names = {name.public for room in ("", *book_pages.list_rooms()) for name in book_pages.list_names(room)}
    elsewhere = {name for name in names if name.count(".") > 1 and f"lsmlib.{name.rsplit('.', 1)[1]}" in names}
    assert names - elsewhere - ids == set()
    assert "searchindex.js" in {path.name for path in book.OUTPUT.iterdir()}


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_keeps_its_outputs_and_loses_the_picture_from_the_network(path):
    shown, stored = book.prepare_notebook(path), read(path)
    assert [cell.get("outputs") for cell in shown.cells] == [cell.get("outputs") for cell in stored.cells]
    first = shown.cells[0].source.splitlines()
    assert first[0].startswith("# ") and first[2].startswith("[Run it in Colab](https://colab")
    assert not any("colab-badge" in cell.source for cell in shown.cells)
    hidden = [cell for cell in shown.cells if "remove-cell" in cell.metadata.get("tags", [])]
    assert ["colab-install" in cell.metadata["tags"] for cell in hidden] == [True]
    nbformat.validate(shown)


def test_links_lead_to_pages_or_to_the_repository():
    text = "[a](Makefile) [b](benchmarks/README.md#x) [c](https://far.away) [d](notebooks/00_start_here.ipynb) [e](#e)"
    assert book.relink(text, ROOT) == (
        f"[a]({read_url()}/blob/main/Makefile) [b](/benchmarks.md#x) [c](https://far.away) "
        "[d](/notebooks/00_start_here.ipynb) [e](#e)"
    )
    with pytest.raises(ValueError, match=r"links to '\.\./gone\.md', which is not in the repository"):
        book.relink("[a](../gone.md)", ROOT / "book")


def test_public_names_are_those_of_the_stubs():
    names = book_pages.list_names("")
    assert "lsmlib.pretrain" in {name.public for name in names} and all(name.value is not None for name in names)
    assert {"evaluate", "readers", "text", "plots", "signals"} <= set(book_pages.list_rooms())
    by_name = {name.last: name for name in book_pages.list_names("evaluate")}
    assert by_name["SHOTS"].module == "lsmlib.evaluate.few_shot"
    assert ":value: (1, 2, 5, 10, 20, 50, 100)" in book_pages.document(by_name["SHOTS"])
    assert "caption" in book_pages.list_members(book_pages.Name("lsmlib.SensorLM", "lsmlib.models.sensorlm").value)
    assert "build" not in book_pages.list_members(book_pages.Name("lsmlib.LSM2", "lsmlib.models.lsm2").value)


def test_files_named_in_the_book_exist():
    for page in (ROOT / "book").glob("*.md"):
        for path in re.findall(
            r"`((?:lsmlib|tools|tests|data|notebooks)/[\w./]+\.\w+)`", page.read_text(encoding="utf-8")
        ):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_deviations_are_numbered_in_order():
    text = (ROOT / "book" / "deviations.md").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", text, flags=re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1)) and len(numbers) > 40
