"""The report: one file that loads nothing, says what was computed, and never takes a recording's words for markup."""

import base64
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import calibrate, calibration_fillers, calibration_table
from lsmlib.reporting import command, write
from lsmlib.reporting.days import choose_days, map_days, pick_shown
from tests.cohorts import small_cohort
from tests.sizes import SMALL

HOSTILE = "<script>alert(1)</script>\"'><img src=http://evil.example/x.png onerror=x>{{ 7*7 }} $x_{ \U0001f600"
FAST = {"resamples": 20, "progress": False}


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def model():
    return lsmlib.LSM2(SMALL, patch_minutes=60, seed=3)


@pytest.fixture(scope="module")
def cohort():
    days = small_cohort(days=6, people=3, gaps=30)
    names = [HOSTILE, "_hidden", "pérson 2"]
    people = np.array([names[day % 3] for day in range(6)], object)
    reading = {
        "reader": "read_table", "timezone": None,
        "files": [{"name": HOSTILE, "bytes": 1, "rows": 2, "sha256": "0" * 64}],
        "signals": {"heart_rate": {"readings": 12345, "minutes": 777, "dropped": {HOSTILE: 31}}}, "notes": [HOSTILE],
    }  # fmt: skip
    attrs = {"source": HOSTILE, "licence": HOSTILE, "reading": reading}
    return days.assign_coords(person=("day", people.astype(np.str_))).assign_attrs(attrs)


@pytest.fixture(scope="module")
def page(cohort, model, tmp_path_factory):
    path = lsmlib.report(cohort, tmp_path_factory.mktemp("report") / "new", model=model, **FAST)
    assert path.name == "report.html"
    return path.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_anywhere(page):
    found = Page(page)
    tags = {tag for tag, _ in found.tags}
    assert not tags & {"script", "link", "iframe", "object", "embed", "base", "form", "video", "audio", "svg", "a"}
    for tag, attrs in found.tags:
        assert not set(attrs) & {"href", "srcset", "background", "action", "poster", "style"}
        assert not any(name.startswith("on") for name in attrs)
        if "src" in attrs:
            assert tag == "img" and attrs["src"].startswith("data:image/png;base64,")
            assert base64.b64decode(attrs["src"].split(",")[1], validate=True).startswith(b"\x89PNG")
            assert len(attrs["alt"]) > 20
    styles = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(styles) == 1 and "url(" not in styles[0] and "@import" not in styles[0]
    metas = {
        attrs.get("http-equiv") or attrs.get("name"): attrs.get("content") for tag, attrs in found.tags if tag == "meta"
    }
    assert metas["Content-Security-Policy"].startswith("default-src 'none'")
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert page.startswith("<!DOCTYPE html>") and ("html", {"lang": "en"}) in found.tags
    assert sum(tag == "img" for tag, _ in found.tags) == 1 + 2 * 3 + 2 + 1


def test_words_of_a_recording_are_text(page):
    """In titles, names of people, files, reasons, notes and attributes: as written, and nothing else."""
    assert "<script" not in page and "49" not in Page(page).text.replace("0.49", "")[:200]
    assert Page(page).text.count(HOSTILE) >= 8
    assert "evil.example" in page and not re.search(r'<[^>]*(?<!title=")evil\.example[^>]*>', page)


def test_it_says_what_was_read_and_dropped(page):
    text = Page(page).text
    assert "read_table read 1 file: 6 days of 3 people" in text
    assert "12,345" in text and f"31 {HOSTILE}" in text
    assert "Not a medical device" in text
    assert "A model of your own" in text


def test_numbers_are_those_of_the_calibration(page, cohort, model):
    errors = calibrate(cohort, calibration_fillers(cohort, model), progress=False)
    table = calibration_table(errors, resamples=20)
    rows = table.query("metric == 'RMSE' and filler == 'model' and signal == 'heart_rate'")
    text = Page(page).text
    for value, low, high in rows[["value", "low", "high"]].to_numpy():
        assert f"{value:.3g}" in text and f"{low:.3g} to {high:.3g}" in text
    assert "Intervals (95 %) are over 6 days" in text


def test_the_same_days_give_the_same_page(page, cohort, model, tmp_path):
    again = lsmlib.report(cohort, tmp_path, model=model, **FAST)
    assert again.read_text(encoding="utf-8") == page


def test_a_preset_has_its_card_and_two_signals_leave_24_alone(tmp_path):
    signals = small_cohort(days=4, people=2, gaps=30)["signals"].values
    days = lsmlib.make_cohort(
        {"heart_rate": signals[:, :, 0], "steps": signals[:, :, 10]}, ["a", "a", "b", "b"],
        np.datetime64("2024-03-01") + np.arange(4), attrs={"source": "simulated here"},
    )  # fmt: skip
    text = Page(lsmlib.report(days, tmp_path, days=3, **FAST).read_text(encoding="utf-8")).text
    assert "2 of 26 signals have readings" in text and "Without one reading here: heart rate at rest" in text
    assert "A sample of 3 is looked at" in text and "These days are simulated" in text
    assert "132,826" in text and "2,000 people, 4 days each, all simulated" in text
    assert "No reader of lsmlib made this Cohort" in text
    assert "A map needs four days" in text


def one_day(minutes):
    heart = np.full((1, 1440), np.nan, np.float32)
    heart[0, :minutes] = 70
    return lsmlib.make_cohort({"heart_rate": heart}, ["only"], np.array(["2024-03-01"], "datetime64[D]"))


def test_one_day_has_no_interval_and_no_other_day(model, tmp_path):
    text = Page(lsmlib.report(one_day(1440), tmp_path, model=model, **FAST).read_text(encoding="utf-8")).text
    assert "a straight line (no interval)" in text and "One day alone gives no intervals" in text
    assert "that time of other days (" not in text and "A map needs four days" in text


def test_what_cannot_be_calibrated_is_said_to_be_unknown(model, tmp_path, monkeypatch):
    def hides_nothing(*arguments, **options):
        raise ValueError("none of the tasks hides a minute")

    monkeypatch.setattr(write, "calibrate", hides_nothing)
    with pytest.warns(UserWarning, match="100% of the readings are not read"):
        text = Page(lsmlib.report(one_day(1), tmp_path, model=model, **FAST).read_text(encoding="utf-8")).text
    assert "It could not be found out: none of the tasks hides a minute" in text
    assert "Too little was measured for a caption" in text and "Of 100% of what was filled in" in text


def test_bad_input_is_refused_before_anything_is_written(cohort, model, tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(ValueError, match=r"notes\.txt is a file; expected a folder"):
        lsmlib.report(cohort, file, model=model)
    (tmp_path / "taken" / "report.html").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"report\.html is a folder"):
        lsmlib.report(cohort, tmp_path / "taken", model=model)
    place = tmp_path / "new"
    nothing = cohort.assign(signals=cohort["signals"] * np.float32(np.nan))
    for bad, options, words in (
        (cohort.isel(day=[]), {}, "the cohort is empty"),
        (nothing, {}, "no signal has a reading"),
        (lsmlib.cut_windows(cohort, minutes=60, max_missing=0.9), {}, "expected a Cohort of whole days"),
        ("cohort.zarr", {}, "a Cohort is an xarray.Dataset"),
        (cohort, {"model": lsmlib.LSM1("nano")}, "expected an LSM2"),
        (cohort, {"model": "lsm1_nano_days_simulated"}, "model is lsm1_nano_days_simulated; expected an LSM2"),
        (cohort, {"model": "lsm9"}, "no preset 'lsm9'"),
        (cohort, {"model": lsmlib.LSM2("nano", minutes=720)}, "expected"),
        (cohort, {"days": 0}, "days is 0; expected a whole number, 1 or more"),
        (cohort, {"resamples": 0}, "resamples is 0"),
    ):
        with pytest.raises(ValueError, match=words):
            lsmlib.report(bad, place, **{"model": model, **options})
    assert not place.exists() and file.read_text() == "mine"


def test_what_is_there_stays_if_the_page_cannot_be_made(model, tmp_path, monkeypatch):
    (tmp_path / "report.html").write_text("yesterday's")
    (tmp_path / "other.txt").write_text("mine")
    monkeypatch.setattr(write, "render", lambda content: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OSError, match=r"No space left, while writing .*report\.html; nothing was changed there"):
        lsmlib.report(one_day(600), tmp_path, model=model, **FAST)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "report.html": "yesterday's",
        "other.txt": "mine",
    }


def test_every_person_has_a_day_before_anybody_has_two():
    cohort = small_cohort(days=12, people=4)
    people = cohort["person"].values
    for count in (3, 4, 7, 12, 99):
        chosen = choose_days(cohort, count, seed=1)
        assert len(chosen) == min(count, 12) and (np.diff(chosen) > 0).all()
        each = np.unique(people[chosen], return_counts=True)[1]
        assert each.max() - each.min() <= 1 and len(each) == min(count, 4)
    assert not np.array_equal(choose_days(cohort, 4, seed=1), choose_days(cohort, 4, seed=2))


def test_days_drawn_are_the_fullest_the_emptiest_and_between():
    cohort = small_cohort(days=5, people=5, gaps=0)
    for day, missing in enumerate([100, 900, 500, 0, 1300]):
        cohort["signals"][day, :missing] = np.nan
    assert pick_shown(cohort, 3) == [3, 2, 4]
    assert pick_shown(cohort.isel(day=[0]), 3) == [0]


def test_the_map_holds_what_days_differ_by(model):
    cohort = small_cohort(days=6, people=3, gaps=0)
    found = map_days(cohort, model)
    assert found.places.shape == (6, 2) and 0 < found.explained <= 1 and found.coverage_correlation == 0
    np.testing.assert_allclose(found.places.mean(axis=0), 0, atol=1e-6)
    assert map_days(cohort.isel(day=slice(3)), model) is None


def test_the_command_writes_the_page(cohort, tmp_path, capsys):
    lsmlib.save_cohort(one_day(900), tmp_path / "c.zarr", progress=False)
    lsmlib.LSM2("nano", patch_minutes=60).save(tmp_path / "m.keras")
    arguments = [
        str(tmp_path / "c.zarr"),
        str(tmp_path / "out"),
        "--model",
        str(tmp_path / "m.keras"),
        "--title",
        "Mine",
    ]
    path = command.main(arguments)
    assert path == tmp_path / "out" / "report.html" and "<title>Mine</title>" in path.read_text(encoding="utf-8")
    assert capsys.readouterr().out.strip() == str(path)
    with pytest.raises(SystemExit):
        command.main([str(tmp_path / "nowhere"), str(tmp_path)])
    assert "no Cohort at" in capsys.readouterr().err


def test_the_function_stays_a_function():
    lines = ["import lsmlib", "try:", "  import lsmlib.report", "except ImportError as e:", "  print(e)"]
    code = "\n".join([*lines, "print(callable(lsmlib.report))"])
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "python -m lsmlib.report --help" in said and said.strip().endswith("True")
    run = subprocess.run([sys.executable, "-m", "lsmlib.report", "--help"], capture_output=True, text=True, check=True)
    assert "COHORT" in run.stdout.upper()
