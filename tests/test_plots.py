"""Figures show what they were given: gaps, runs, shares, units."""

import numpy as np
import pytest

from lsmlib import plots
from lsmlib.runs import find_runs
from lsmlib.signals import MEAN, SD, SIGNAL_NAMES
from lsmlib.simulate import MODES
from tests.cohorts import small_cohort


@pytest.fixture(scope="module")
def cohort():
    cohort = small_cohort(days=4, people=2)
    cohort["missing_mode"] = (
        cohort["signals"].dims,
        np.where(np.isnan(cohort["signals"].values), 0, -1).astype(np.int8),
    )
    return cohort


def test_runs_by_hand():
    true = np.array([1, 1, 0, 0, 1, 0, 1], bool)
    assert find_runs(true) == [(0, 2), (4, 5), (6, 7)]
    assert find_runs(np.zeros(5, bool)) == []
    assert find_runs(np.ones(5, bool)) == [(0, 5)]


def test_a_day_shows_every_reading_and_every_gap(cohort):
    figure = plots.plot_day(cohort, 1)
    grid = figure.axes[1]
    drawn = grid.images[0].get_array()
    assert drawn.shape == (26, 1440)
    gaps = np.isnan(cohort["signals"].values[1]).T
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn) | np.isnan(np.ma.getdata(drawn)), gaps)
    assert [label.get_text() for label in grid.get_yticklabels()] == [name.replace("_", " ") for name in SIGNAL_NAMES]
    assert f"{gaps.mean():.0%} of the readings missing" in figure.axes[0].get_title(loc="left")


def test_a_day_names_its_activities(cohort):
    names = {text.get_text() for text in plots.plot_day(cohort).axes[0].texts}
    assert {"Walk", "Strength training"} <= names


def test_a_day_without_a_log_has_an_empty_strip(cohort):
    bare = cohort.drop_vars(["asleep", "activity", "mood"])
    strip = plots.plot_day(bare).axes[0]
    assert not strip.patches and not strip.texts
    panel = plots.plot_signals(bare, 0, ["steps"]).axes[0]
    assert len(panel.patches) == 0 and panel.get_xlabel() == "hour of the day"  # no word of shades that are not there


def test_no_reading_looks_like_a_gap(cohort):
    image = plots.plot_day(cohort).axes[1].images[0]
    colours = image.cmap(image.norm(np.linspace(-5, 5, 101)))[:, :3]
    assert colours.min(axis=1).max() < 0.7  # white is 1 in red, green and blue
    assert image.colorbar.extend == "both"  # values beyond the limits are there, and take the colour of the limit


def test_moods_and_activities_differ(cohort):
    logged = cohort.assign(mood=cohort["mood"].copy(), activity=cohort["activity"].copy())
    logged["mood"][0], logged["activity"][0], logged["asleep"] = -1, -1, cohort["asleep"] * 0
    logged["mood"][0, 600], logged["activity"][0, 60:90] = 0, 0
    activity, mood = plots.plot_day(logged).axes[0].patches
    assert activity.get_facecolor() != mood.get_facecolor()


@pytest.mark.parametrize(
    ("names", "words"),
    [(["hr"], "no signal 'hr'; did you mean 'heart_rate'.*steps"), ("steps", "expected a list"), ([], "at least one")],
)
def test_lines_of_no_signal(cohort, names, words):
    with pytest.raises(ValueError, match=words):
        plots.plot_signals(cohort, 0, names)


def test_codes_without_names_are_shown_as_codes(cohort):
    mood = cohort["mood"].copy()
    mood[0, 600] = 3
    texts = [text.get_text() for text in plots.plot_day(cohort.assign(mood=mood)).axes[0].texts]
    assert "mood 3" in texts


def test_lines_break_at_gaps_and_carry_units(cohort):
    figure = plots.plot_signals(cohort, 0, ["heart_rate", "skin_temperature"])
    heart = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(heart, cohort["signals"].values[0, :, 0])
    assert figure.axes[0].get_title(loc="left") == "heart rate (bpm)"
    assert figure.axes[1].get_title(loc="left") == "skin temperature (°C)"
    assert figure.axes[1].get_xlabel().startswith("hour of the day (blue: asleep")


def test_modes_state_their_shares(cohort):
    codes = cohort["missing_mode"].values[0]
    labels = [text.get_text() for text in plots.plot_missing_modes(codes, MODES).axes[0].get_legend().get_texts()]
    assert labels[0] == f"observed {(codes < 0).mean():.1%}"
    assert labels[1] == f"device off {(codes == 0).mean():.1%}"
    assert labels[3] == "noise 0.0%"


def test_missing_statistics_add_up_to_the_missing_share(cohort):
    figure = plots.plot_missing_statistics(cohort, MODES, {"mean": 0.49, "sd": 0.15, "low": 0.02, "high": 0.8})
    bars = figure.axes[1].patches
    ends = [max(bar.get_x() + bar.get_width() for bar in bars[row::26]) for row in range(26)]
    np.testing.assert_allclose(ends, np.isnan(cohort["signals"].values).mean(axis=(0, 1)), rtol=1e-6)
    figure.draw_without_rendering()
    assert all(panel.get_legend() is None for panel in figure.axes)  # legends lie below, not on the data
    left, right = (legend.get_window_extent() for legend in figure.legends)
    assert max(left.y1, right.y1) < min(panel.xaxis.label.get_window_extent().y0 for panel in figure.axes)
    assert left.x1 < right.x0


def test_against_published_is_zero_and_one_for_the_published_numbers():
    left, right = plots.plot_against_published(MEAN, SD, ["steps"]).axes
    np.testing.assert_allclose(left.collections[0].get_offsets()[:, 0], 0)
    np.testing.assert_allclose(right.collections[0].get_offsets()[:, 0], 1)
    assert "steps *" in [label.get_text() for label in left.get_yticklabels()]


def test_grids_are_drawn_the_right_way_up():
    grid = np.zeros((2, 3), bool)
    grid[0, 2] = True  # first row, last column
    panel = plots.plot_token_kinds({"hidden": grid}, rows=["a", "b"]).axes[0]
    drawn = panel.collections[0].get_array().reshape(2, 3)
    assert drawn[1, 2]  # matplotlib counts rows from below
    assert drawn.sum() == 1
    assert [label.get_text() for label in panel.get_yticklabels()] == ["b", "a"]
    assert panel.get_title() == "hidden\n1 of 6"
