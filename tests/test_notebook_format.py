"""Every notebook has the shared form, agrees with its text, and shows a real run whose numbers are in range."""

from pathlib import Path

import pytest

from tools import expectations, notebooks, tutorial
from tools.notebook_format import find_problems

SOURCES = notebooks.find_sources()
names = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def assert_none(problems: list[str]) -> None:
    """Show all problems, one a line; pytest would show the first and cut the rest."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_all_problems_are_shown():
    with pytest.raises(pytest.fail.Exception, match=r"^one\ntwo$"):
        assert_none(["one", "two"])


@names
def test_form(source: Path):
    assert_none(find_problems(source))


@names
def test_committed_outputs_are_of_a_laptop_run_that_passes(source: Path):
    section = tutorial.find_sections([source])[source.stem]
    numbers = expectations.read_numbers(notebooks.read(source.with_suffix(".ipynb")))
    assert_none(expectations.compare(numbers, section.ranges["laptop"]))


def test_every_ipynb_has_its_text():
    assert {path.stem for path in notebooks.FOLDER.glob("*.ipynb")} == {path.stem for path in SOURCES}
