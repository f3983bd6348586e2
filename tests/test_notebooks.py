"""Every notebook runs from its text in PROFILE=smoke and comes to the numbers of tests/notebooks.yaml.

The machinery is that of `make tutorial`. `make nbmake` runs the committed .ipynb.
"""

from pathlib import Path

import pytest

from tests.optimised import FLAGS
from tools import notebooks, tutorial

SOURCES = notebooks.find_sources()


def test_every_section_has_its_notebook_and_every_notebook_its_section():
    tutorial.find_sections(SOURCES)


@pytest.mark.notebook
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_notebook_comes_to_its_numbers(source: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XLA_FLAGS", FLAGS)  # not that of `make test`: some compute for long
    section = tutorial.find_sections([source])[source.stem]
    limits = tutorial.Limits(cell_minutes=12, notebook_minutes=22)  # pytest ends a test of twenty-five minutes
    outcome = tutorial.run_notebook(source, section, "smoke", notebooks.ROOT / "build" / "tests", limits)
    assert not outcome.problems, tutorial.format_table([outcome])
