"""Windows around activities: what they hold, where it lies, and what is beside them."""

import numpy as np
import pytest
import xarray as xr

from lsmlib.cohort import make_cohort
from lsmlib.evaluate import activity_days, activity_windows, label_windows
from lsmlib.models.lsm2 import LSM2
from lsmlib.windows import fill_gaps
from tests.cohorts import small_signals

NAMES = ["walk", "golf"]


def diary(days: int, people: int, logged: dict[int, list[tuple[int, int, int]]], gaps: int = 0) -> xr.Dataset:
    """Days with (start, stop, code) logged on some of them."""
    activity = np.full((days, 1440), -1)
    for day, bouts in logged.items():
        for start, stop, code in bouts:
            activity[day, start:stop] = code
    return make_cohort(
        small_signals(days, gaps=gaps),
        [f"p{day % people}" for day in range(days)],
        np.datetime64("2024-03-01") + np.arange(days) // people,
        per_minute={"activity": (activity, NAMES)},
    )


def test_each_activity_has_its_window_and_one_beside_it():
    # p0 walks on day 0 and not on day 2; p1 plays golf for long on day 1, walks at the same time on day 3
    cohort = diary(4, 2, {0: [(600, 640, 0)], 1: [(400, 800, 1)], 3: [(500, 509, 0), (700, 760, 0)]})
    windows = activity_windows(cohort, minutes=120)
    assert windows["signals"].dtype == np.float32
    person, labels = windows["person"].values, label_windows(windows, "activity_20")
    assert labels.tolist().count("walk") == 2
    assert labels.tolist().count("golf") == 1
    walk = windows.isel(day=np.flatnonzero((person == "p0") & (labels == "walk")))
    assert (walk["activity"].values == 0).sum() == 40  # as a whole
    free = windows.isel(day=np.flatnonzero((person == "p0") & (labels == "")))
    assert free["start_minute"].values == walk["start_minute"].values
    assert free["date"].values == np.datetime64("2024-03-02")
    golf = windows.isel(day=np.flatnonzero(labels == "golf"))
    assert (golf["activity"].values == 1).all()  # longer than the window, which it fills
    rows = cohort["signals"].values[0, int(walk["start_minute"][0]) :][:120]
    np.testing.assert_array_equal(walk["signals"].values[0], rows)


def test_places_are_spread_evenly_and_repeat():
    days = 400
    cohort = diary(days, days, {day: [(700, 730, 0)] for day in range(days)})
    starts = activity_windows(cohort, minutes=90)["start_minute"].values.astype(int)
    assert len(starts) == days
    assert starts.min() >= 640 and starts.max() <= 700
    # uniform on 640 … 700: mean 670, sd 17.6; the mean of 400 is within 4 × 17.6 / 20
    assert starts.mean() == pytest.approx(670, abs=3.6)
    assert len(np.unique(starts)) > 50
    np.testing.assert_array_equal(activity_windows(cohort, minutes=90)["start_minute"], starts)
    assert (activity_windows(cohort, minutes=90, seed=1)["start_minute"].values != starts).any()


def test_activities_at_the_ends_of_the_day_stay_inside():
    windows = activity_windows(diary(2, 2, {0: [(0, 10, 0)], 1: [(1430, 1440, 0)]}), minutes=60)
    assert windows["start_minute"].values.tolist() == [0, 1380]
    assert ((windows["activity"].values == 0).sum(axis=1) == 10).all()


def test_a_window_lies_where_it_is_full_enough():
    cohort = diary(1, 1, {0: [(700, 720, 0)]})
    cohort["signals"][0, :680] = np.nan
    for seed in range(5):  # a fifth of 100 minutes may be missing: none starts before 660
        windows = activity_windows(cohort, minutes=100, max_missing=0.2, seed=seed)
        assert 660 <= int(windows["start_minute"][0]) <= 700
        assert not np.isnan(windows["signals"].values).any()
        assert (~windows["observed"].values).mean() <= 0.2


def test_windows_equal_those_cut_at_the_same_place_in_any_order_of_reading():
    cohort = diary(130, 65, {day: [(50 + day, 120 + day, day % 2)] for day in range(0, 130, 3)}, gaps=6)
    windows = activity_windows(cohort, minutes=240, max_missing=0.5)
    lazy = activity_windows(cohort.chunk(day=50), minutes=240, max_missing=0.5)
    xr.testing.assert_identical(windows, lazy)
    for at in range(windows.sizes["day"]):
        window = windows.isel(day=at)
        day = np.flatnonzero((cohort["person"] == window["person"]) & (cohort["date"] == window["date"]))
        values = cohort["signals"].values[day, int(window["start_minute"]) :][:, :240]
        np.testing.assert_array_equal(window["signals"], fill_gaps(values)[0])
        np.testing.assert_array_equal(window["observed"], ~np.isnan(values[0]))
    labels = label_windows(windows, "exercise")
    assert 0 < (labels == "no exercise").sum() <= (labels == "exercise").sum()


def test_refusals():
    cohort = diary(2, 1, {0: [(600, 660, 0)]})
    with pytest.raises(ValueError, match="windows of 300 minutes already"):
        activity_windows(activity_windows(cohort))
    with pytest.raises(ValueError, match="minutes is 5; expected 10 to 1440"):
        activity_windows(cohort, minutes=5)
    with pytest.raises(ValueError, match=r"max_missing is 1\.0"):
        activity_windows(cohort, max_missing=1.0)
    with pytest.raises(ValueError, match="logs no activity at all"):
        activity_windows(cohort.isel(day=[1]))
    with pytest.raises(ValueError, match="no variable 'activity'"):
        activity_windows(cohort.drop_vars("activity"))
    empty = cohort.copy(deep=True)
    empty["signals"][:, 100:] = np.nan
    with pytest.raises(ValueError, match=r"no window of 300 minutes around an activity .* raise max_missing"):
        activity_windows(empty)


def test_each_activity_has_its_day_and_what_is_around_it():
    logged = {0: [(600, 640, 0), (1000, 1300, 1), (700, 705, 1)], 1: [(5, 25, 1)], 2: [(1420, 1440, 0)]}
    cohort = diary(3, 2, logged, gaps=6)
    days = activity_days(cohort, minutes=100)
    assert days["event_minute"].values.tolist() == [600, 1000, 5, 1420]
    assert label_windows(days, "activity_20").tolist() == ["walk", "golf", "golf", "walk"]
    assert days["person"].values.tolist() == ["p0", "p0", "p1", "p0"]
    # 40 minutes with 30 on both sides; the middle 100 of 300; the first and the last 100 of the day
    spans = [(570, 670), (1100, 1200), (0, 100), (1340, 1440)]
    for row, (day, (left, right)) in enumerate(zip([0, 0, 1, 2], spans, strict=True)):
        values = days["signals"].values[row]
        np.testing.assert_array_equal(values[left:right], cohort["signals"].values[day, left:right])
        assert np.isnan(np.delete(values, np.s_[left:right], axis=0)).all()
    start, stop = days["event_minute"].values, [640, 1300, 25, 1440]
    assert [np.flatnonzero(row >= 0).tolist() for row in days["activity"].values] == [
        list(range(*bounds)) for bounds in zip(start, stop, strict=True)
    ]
    assert days["signals"].dtype == np.float32
    assert LSM2("nano").embed(days).shape == (4, LSM2("nano").size.encoder.width)


def test_activity_days_of_a_lazy_cohort_are_the_same():
    cohort = diary(130, 65, {day: [(50 + day, 120 + day, day % 2)] for day in range(0, 130, 9)}, gaps=6)
    xr.testing.assert_identical(activity_days(cohort), activity_days(cohort.chunk(day=50)))
    assert activity_days(cohort).sizes["day"] == 15


def test_an_activity_around_which_nothing_was_measured_is_left_out():
    cohort = diary(2, 1, {0: [(600, 640, 0)], 1: [(600, 640, 1)]})
    cohort["signals"][0, 530:710] = np.nan
    assert label_windows(activity_days(cohort), "activity_20").tolist() == ["golf"]
    assert activity_days(cohort, minutes=200).sizes["day"] == 2
    cohort["signals"][1, 500:800] = np.nan
    with pytest.raises(ValueError, match="2 activities of at least 10 minutes are logged, and nothing was measured"):
        activity_days(cohort)


def test_activity_days_refuse():
    cohort = diary(2, 1, {0: [(600, 660, 0)]})
    with pytest.raises(ValueError, match="already; expected a Cohort of whole days"):
        activity_days(activity_days(cohort))
    with pytest.raises(ValueError, match="already; expected a Cohort of whole days"):
        activity_days(activity_windows(cohort))
    with pytest.raises(ValueError, match="minutes is 9; expected a whole number, 10 to 1440"):
        activity_days(cohort, minutes=9)
    with pytest.raises(ValueError, match="no variable 'activity'"):
        activity_days(cohort.drop_vars("activity"))
    with pytest.raises(ValueError, match="0 activities of at least 10 minutes"):
        activity_days(cohort.isel(day=[1]))
    twice = xr.concat([activity_days(cohort)] * 2, "day", data_vars="minimal", coords="minimal", compat="equals")
    with pytest.raises(ValueError, match="'p0' on 2024-03-01 occurs more than once"):
        label_windows(twice, "activity_20")
