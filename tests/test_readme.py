"""What README.md tells people to type works, and what its tables say is what notebooks and cards say."""

import re

import numpy as np
import pandas as pd
import pytest

import lsmlib
from lsmlib.samples import write_apple_health
from tools import readme, stamp
from tools.notebooks import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
MAKE = re.compile(r"(?:`|^)make ([a-z]+)", re.MULTILINE)


def test_every_make_command_that_is_named_exists():
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "data/README.md", "benchmarks/README.md"):
        named = set(MAKE.findall((ROOT / name).read_text(encoding="utf-8")))
        assert named <= targets, f"{name} names make {', '.join(named - targets)}"
    assert {"lab", "tutorial", "book"} <= set(MAKE.findall(README))


def test_the_quick_example_does_what_its_comments_say():
    names: dict = {}
    exec(SNIPPETS[0], names)
    cohort, filled, vectors = names["cohort"], names["filled"]["signals"].values, names["vectors"]
    assert cohort["signals"].shape == (8, 1440, 26) and vectors.shape == (8, names["lsm2"].size.encoder.width)
    measured = ~np.isnan(cohort["signals"].values)
    assert not measured.all() and not np.isnan(filled).any()
    assert np.array_equal(filled[measured], cohort["signals"].values[measured])
    assert list(names["alike"].columns) == ["run", "yoga", "swim"] and len(names["alike"]) == 8
    assert np.abs(names["alike"].to_numpy()).max() <= 1 + 1e-5
    assert len(names["texts"]) == 8 and all(isinstance(text, str) and text for text in names["texts"])


def test_own_recordings_are_read_as_shown(tmp_path, monkeypatch):
    one = lsmlib.simulate_cohort(people=1, days=2, seed=0)
    write_apple_health(one, tmp_path).rename(tmp_path / "export.xml")
    monkeypatch.chdir(tmp_path)
    time = pd.date_range("2024-03-01", periods=100, freq="min")
    frame = pd.DataFrame({"time": time, "TEMP": np.linspace(31, 32, 100), "person": "a"})
    names = {"frame": frame}
    read, *rest = SNIPPETS[1].split("cohort = lsmlib.read_table")
    exec(read, names)
    assert np.isfinite(names["cohort"]["signals"].sel(signal="heart_rate")).any()
    exec("cohort = lsmlib.read_table" + rest[0], names)
    assert np.isfinite(names["cohort"]["signals"].sel(signal="skin_temperature")).sum() == 100


def test_every_reader_that_is_named_exists():
    for name in re.findall(r"\b(read_\w+)", README):
        assert callable(getattr(lsmlib, name))


def test_links_and_pictures_lead_somewhere():
    for target in re.findall(r"\]\((?!https?:|#)([^)\s#]+)", README):
        assert (ROOT / target).exists(), target


def test_tables_are_those_of_the_notebooks_and_cards():
    rows = readme.list_notebooks(ROOT, str)
    assert len(rows) == 2 + len(list((ROOT / "notebooks").glob("[0-9][0-9]_*.py")))
    assert any(row.startswith("| 00 | [Start here](notebooks/00_start_here.ipynb) | two | any |") for row in rows)
    assert [row for row in (*rows, *readme.list_models(ROOT), *readme.list_results(ROOT)) if "| |" in row[2:-6]] == []
    assert stamp.make_badge("00_start_here", stamp.read_url()) in README


def test_a_table_without_a_place_and_a_number_that_is_gone_are_told(monkeypatch):
    with pytest.raises(ValueError, match=r"no place for the table of notebooks; expected <!-- notebooks: begin -->"):
        readme.write_tables("# Title\n", ROOT, str)
    gone = readme.Result("x", "–", "00", "gone", "{}")
    monkeypatch.setattr(readme, "RESULTS", (gone,))
    with pytest.raises(ValueError, match=r"00_start_here\.ipynb does not come to 'gone'"):
        readme.list_results(ROOT)
