"""The path beneath all readers: ranges, dates, devices, states, long recordings, memory."""

import numpy as np
import pytest

import lsmlib
from lsmlib.readers import readings
from lsmlib.readers.recording import Recording

MIDNIGHT = np.datetime64("2024-03-04", "ms")


def at(*minutes: float) -> np.ndarray:
    return MIDNIGHT + (np.array(minutes) * 60_000).astype("timedelta64[ms]")


def new() -> Recording:
    return Recording("read_test", "tests", "CC0")


def test_what_cannot_be_is_a_gap_and_counted():
    recording = new()
    recording.add("a", "heart_rate", at(0, 1, 2, 3, 4), np.array([60, 29.9, 231, np.nan, np.inf]))
    recording.add("a", "steps", at(0, 1, 1.5), np.array([100, -1, 60]), how="sum")
    recording.add("a", "steps", at(5, 5.1), np.array([200, 51]), how="sum")
    cohort = recording.to_cohort()
    heart, steps = (cohort["signals"].sel(signal=name).values[0] for name in ("heart_rate", "steps"))
    assert heart[0] == 60 and np.isnan(heart[1:]).all()
    assert steps[:2].tolist() == [100, 60] and np.isnan(steps[2:]).all()  # 251 in one minute is no walk
    summary = lsmlib.describe_reading(cohort)
    assert summary.signals["heart_rate"]["dropped"] == {"empty": 1, "outside 30 to 230 bpm": 3}
    assert summary.signals["steps"]["dropped"] == {"negative or infinite": 1, "minutes outside 0 to 250 steps/min": 1}
    assert cohort.attrs["licence"] == "CC0" and "3 outside 30 to 230 bpm" in str(summary)


@pytest.mark.parametrize("wrong", ["1924-03-04", "1970-01-01", "2124-03-04", "NaT"])
def test_impossible_dates_are_dropped_and_counted(wrong):
    recording = new()
    recording.add("a", "heart_rate", np.append(at(0), np.datetime64(wrong, "ms")), np.array([60, 60]))
    cohort = recording.to_cohort()
    assert cohort.sizes["day"] == 1
    assert lsmlib.describe_reading(cohort).signals["heart_rate"]["dropped"] == {"dated before 1990 or in the future": 1}


def test_only_impossible_readings_make_an_error_that_says_why():
    recording = new()
    recording.add("a", "heart_rate", at(0, 1), np.array([0, 300]))
    with pytest.raises(ValueError, match=r"read_test found no reading .*2 of heart_rate outside 30 to 230 bpm"):
        recording.to_cohort()


def test_one_device_counts_in_a_minute():
    recording = new()
    recording.add("a", "steps", at(0, 1), np.array([10, 20]), how="sum", rank=1)
    recording.add("a", "steps", at(1, 2), np.array([21, 31]), how="sum", rank=0)
    cohort = recording.to_cohort()
    assert cohort["signals"].sel(signal="steps").values[0, :3].tolist() == [10, 21, 31]
    dropped = lsmlib.describe_reading(cohort).signals["steps"]["dropped"]
    assert dropped == {"minutes that another device measured too": 1}


def test_totals_over_hours_say_nothing_about_a_minute():
    recording = new()
    recording.add_totals("a", "steps", at(0, 10, 30), at(2, 90, 29), np.array([100, 100, 100]))
    cohort = recording.to_cohort()
    assert cohort["signals"].sel(signal="steps").values[0, :3].tolist()[:2] == [50, 50]
    assert lsmlib.describe_reading(cohort).signals["steps"]["dropped"] == {
        "ends before it starts": 1,
        "a total over more than 60 minutes": 1,
    }


def test_states_hold_where_the_middle_of_the_minute_lies_also_over_midnight():
    recording = new()
    recording.add("a", "heart_rate", at(0, 1440), np.array([60, 60]))
    recording.add_states("a", "asleep", at(1430.4), at(1449.6), np.array([1]))
    recording.add_states("a", "asleep", at(1435), at(1436), np.array([0]))  # awake for a minute
    recording.add_states("a", "asleep", at(0), at(1441 * 3), np.array([1]))  # three days of sleep
    recording.add_states("b", "asleep", at(0), at(9), np.array([1]))  # of someone without signals
    cohort = recording.to_cohort()
    asleep = cohort["asleep"].values
    assert np.flatnonzero(asleep[0] == 1).tolist() == [*range(1430, 1435), *range(1436, 1440)]
    assert np.flatnonzero(asleep[0] == 0).tolist() == [1435]
    assert np.flatnonzero(asleep[1] == 1).tolist() == list(range(10)) and (asleep[1, 10:] == -1).all()
    assert lsmlib.describe_reading(cohort).signals["asleep"]["dropped"] == {
        "ends before it starts, or lasts longer than a day": 1,
        "on days without any of the 26 signals": 1,
    }


def test_extras_and_numbers_of_days_lie_beside_the_signals(tmp_path):
    recording = new()
    recording.add("a", "steps", at(0, 1440), np.array([1, 1]), how="sum")
    recording.add("a", "calories", at(0), np.array([1.5]))
    recording.add("b", "calories", at(0), np.array([1.5]))
    recording.add_states("a", "stress", at(0), at(1), np.array([1]), ("rest", "stress"))
    recording.add_of_day("a", "minutes_asleep", np.datetime64("2024-03-05"), 400)
    recording.label("a", age=30, sex="female")
    cohort = recording.to_cohort()
    assert cohort["calories"].values[0, 0] == 1.5 and cohort["calories"].attrs["units"] == "kcal/min"
    assert cohort["stress"].values[0, :2].tolist() == [1, -1]
    assert cohort["stress"].attrs["flag_meanings"] == "rest stress"
    assert np.isnan(cohort["minutes_asleep"].values[0]) and cohort["minutes_asleep"].values[1] == 400
    assert cohort["age"].values.tolist() == [30, 30] and cohort["sex"].values[0] == "female"
    assert lsmlib.describe_reading(cohort).signals["days"]["dropped"] == {"without any of the 26 signals": 1}
    lsmlib.save_cohort(cohort, tmp_path / "c.zarr")
    opened = lsmlib.open_cohort(tmp_path / "c.zarr")
    assert opened.equals(cohort) and lsmlib.describe_reading(opened) == lsmlib.describe_reading(cohort)


def test_non_wear_needs_zeros_and_spares_minutes_with_a_heart_beat():
    def record(**hearts: float) -> Recording:
        recording = new()
        recording.add("a", "steps", at(*range(2880)), np.where(np.arange(2880) // 10 == 200, 9.0, 0.0), how="sum")
        recording.add("a", "skin_temperature", at(10), np.array([30.0]))
        if hearts:
            recording.add("a", "heart_rate", at(hearts["minute"]), np.array([60.0]))
        return recording

    cohort = record().to_cohort(non_wear="stepless_day")
    steps = cohort["signals"].sel(signal="steps").values
    assert np.isnan(steps[0]).all() and not np.isnan(steps[1]).any()
    assert cohort["signals"].sel(signal="skin_temperature").values[0, 10] == 30
    assert not np.isnan(record(minute=3).to_cohort(non_wear="stepless_day")["signals"].sel(signal="steps").values).any()
    steps = record(minute=3).to_cohort(non_wear="choi")["signals"].sel(signal="steps").values
    assert not np.isnan(steps[0, 3]) and np.isnan(steps[0, 4]) and not np.isnan(steps[1, 560])


def test_long_recordings_are_laid_out_when_looked_at(monkeypatch):
    rng = np.random.default_rng(0)
    minute = np.sort(rng.choice(600 * 1440, 5000, replace=False))
    value = rng.integers(40, 200, 5000).astype(float)
    cohorts = []
    for lazy_from in (500, 10_000):
        monkeypatch.setattr("lsmlib.readers.layout.LAZY_DAYS", lazy_from)
        recording = new()
        recording.add(
            "a", "heart_rate", np.datetime64("2020-01-01", "ms") + minute * np.timedelta64(60_000, "ms"), value
        )
        cohorts.append(recording.to_cohort())
    lazy, eager = cohorts
    assert lazy["signals"].chunks is not None and eager["signals"].chunks is None
    assert lazy.compute().equals(eager)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="'heartrate'; did you mean 'heart_rate'"):
        new().add("a", "heartrate", at(0), np.array([60]))


def test_only_cohorts_of_readers_have_a_record():
    with pytest.raises(ValueError, match="no reader made it"):
        lsmlib.describe_reading(lsmlib.simulate_cohort(people=1, days=1))


def test_totals_are_spread_in_blocks(monkeypatch):
    draw = np.random.default_rng(0)
    start = np.datetime64("2024-03-04", "ms") + draw.integers(0, 86_400_000, 500).astype("timedelta64[ms]")
    end, value = start + draw.integers(0, 3_600_000, 500).astype("timedelta64[ms]"), draw.integers(0, 9, 500)
    found = []
    for block in (readings.STRETCHES, 7):
        monkeypatch.setattr(readings, "STRETCHES", block)
        recording = Recording("test", "test")
        recording.add_totals("me", "steps", start, end, value)
        found.append(recording.to_cohort()["signals"].sel(signal="steps").values)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    assert np.nansum(found[0]) == pytest.approx(value.sum(), rel=1e-5)


def test_times_that_have_lost_their_seconds_are_refused():
    recording = new()
    recording.add("a", "steps", at(*([0] * 4), *([1] * 4)), np.array([10, 12, 11, 9, 3, 4, 5, 6]), how="sum")
    with pytest.raises(
        ValueError, match=r"steps of person 'a' .* 6 of 8 readings say something else .* lost their sec"
    ):
        recording.to_cohort()


def test_what_is_known_only_of_days_without_signals_is_counted():
    recording = new()
    recording.add("a", "heart_rate", at(0), np.array([60]))
    recording.add_states("a", "asleep", at(3000), at(3100), np.array([1]))
    recording.add_states("a", "asleep", at(1430), at(1500), np.array([1]))  # half of it lies on the day of the reading
    recording.add_of_day("a", "minutes_asleep", np.datetime64("2024-03-09"), 400)
    summary = lsmlib.describe_reading(recording.to_cohort())
    lost = {"on days without any of the 26 signals": 1}
    assert summary.signals["asleep"]["dropped"] == lost and summary.signals["minutes_asleep"]["dropped"] == lost
