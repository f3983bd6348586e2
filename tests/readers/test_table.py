"""read_table: any table, any clock, any unit; or an error that names the row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lsmlib

TIMES = pd.date_range("2024-03-04 08:00", periods=6, freq="20s")


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"time": TIMES, "person": "a", "hr": [60, 62, 64, 70, 70, 70], **columns})


def signal(cohort, name: str, day: int = 0) -> np.ndarray:
    return cohort["signals"].sel(signal=name).values[day]


def test_the_three_lines_of_the_readme():
    cohort = lsmlib.read_table(table(), columns={"hr": "heart_rate"}, time="time", person="person")
    heart = signal(cohort, "heart_rate")
    assert heart[480:482].tolist() == [62, 70] and np.isnan(heart).sum() == 1438
    assert str(cohort["date"].values[0])[:10] == "2024-03-04" and cohort["person"].values.tolist() == ["a"]
    assert np.isnan(cohort["signals"].values).sum() == 1440 * 26 - 2


@pytest.mark.parametrize(
    ("how", "expected"), [("mean", [62, 70]), ("min", [60, 70]), ("max", [64, 70]), ("last", [64, 70])]
)
def test_how_readings_of_a_minute_become_one(how, expected):
    cohort = lsmlib.read_table(table(), {"hr": "heart_rate"}, how={"hr": how})
    assert signal(cohort, "heart_rate")[480:482].tolist() == expected


def test_steps_are_added_up():
    cohort = lsmlib.read_table(table(steps=[1, 2, 3, 4, 5, 6]), {"steps": "steps", "hr": "heart_rate"})
    assert signal(cohort, "steps")[480:482].tolist() == [6, 15]


@pytest.mark.parametrize(
    ("unit", "value", "name", "expected"),
    [
        ("°F", 90.0, "skin_temperature", 32.2222),
        ("degF", 90.0, "skin_temperature", 32.2222),
        ("K", 305.15, "skin_temperature", 32.0),
        ("°C", 32.0, "skin_temperature", 32.0),
        ("s", 0.8, "rr_median", 800.0),
        ("%", 45.0, "rr_percent_valid", 0.45),
        ("nS", 2500.0, "skin_conductance", 2.5),
        ("Hz", 1.2, "heart_rate", 72.0),
        ("°C/min", 0.02, "skin_temperature_slope", 20.0),
    ],
)
def test_units(unit, value, name, expected):
    cohort = lsmlib.read_table(table(x=value), {"x": name}, units={"x": unit})
    assert signal(cohort, name)[480] == pytest.approx(expected, rel=1e-5)


def test_clocks_of_walls_zones_and_seconds_agree():
    wall = pd.date_range("2024-07-04 23:30", periods=90, freq="min")
    aware = wall.tz_localize("Europe/Berlin")
    values = np.arange(90) % 50 + 50.0
    frames = {
        "naive": (wall, {}),
        "text": (wall.strftime("%Y-%m-%d %H:%M:%S"), {}),
        "other text": (wall.strftime("%d.%m.%Y %H:%M"), {"time_format": "%d.%m.%Y %H:%M"}),
        "named zone": (aware, {}),
        "UTC, told there": (aware.tz_convert("UTC"), {"timezone": "Europe/Berlin"}),
        "text with zone": (aware.map(lambda t: t.isoformat()), {}),
        "another zone": (aware.tz_convert("Asia/Tokyo"), {"timezone": "Europe/Berlin"}),
        "seconds": (aware.tz_convert("UTC").map(lambda t: t.timestamp()), {"timezone": "Europe/Berlin"}),
    }
    cohorts = {
        name: lsmlib.read_table(pd.DataFrame({"time": t, "hr": values}), {"hr": "heart_rate"}, person=None, **options)
        for name, (t, options) in frames.items()
    }
    for name, cohort in cohorts.items():
        assert cohort["signals"].equals(cohorts["naive"]["signals"]), name
        assert [str(date)[:10] for date in cohort["date"].values] == ["2024-07-04", "2024-07-05"], name


def test_people_labels_and_numbers_as_names():
    frame = table(person=[7, 7, 8, 8, 9, 9], Age=[30, 30, 40, 40, np.nan, np.nan], Sex=["female"] * 6)
    cohort = lsmlib.read_table(frame, {"hr": "heart_rate"}, labels={"Age": "age", "Sex": "sex"})
    assert cohort["person"].values.tolist() == ["7", "8", "9"]
    assert cohort["age"].values.tolist()[:2] == [30, 40] and np.isnan(cohort["age"].values[2])


@given(st.data())
def test_order_and_repetition_change_nothing(data):
    rows = data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    frame = pd.DataFrame(
        {
            "time": pd.Timestamp("2024-03-30 22:00") + pd.to_timedelta(rng.integers(0, 12_000, rows), "s"),
            "person": rng.choice(["a", "b"], rows),
            "steps": rng.integers(0, 20, rows),
            "t": rng.normal(31, 3, rows),
        }
    ).drop_duplicates(["time", "person"])
    columns = {"steps": "steps", "t": "skin_temperature"}
    once = lsmlib.read_table(frame, columns)
    shuffled = pd.concat([frame, frame.sample(frac=0.5, random_state=1)]).sample(frac=1, random_state=2)
    again = lsmlib.read_table(shuffled, columns)
    assert once["signals"].equals(again["signals"]) and once["person"].equals(again["person"])
    repeated = lsmlib.describe_reading(again).signals["steps"]["dropped"].get("repeated", 0)
    assert repeated == len(shuffled) - len(frame)
    total = np.nansum(once["signals"].sel(signal="steps").values)
    assert total == frame["steps"].sum()


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"columns": {"HR": "heart_rate"}}, "no column 'HR'; it has \\['time', 'person', 'hr'\\]"),
        ({}, {"columns": {"hr": "heartrate"}}, "did you mean 'heart_rate'"),
        ({}, {"columns": {}}, "expected a dict from column to signal"),
        ({}, {"columns": ["hr"]}, "expected a dict from column to signal"),
        ({}, {"person": "who"}, "pass person=None"),
        ({}, {"time": "when"}, "no column 'when'"),
        ({}, {"units": {"hr": "°C"}}, "heart_rate is in bpm, and can be read from \\['1/s', 'Hz'\\]"),
        ({}, {"units": {"time": "s"}}, "which columns does not map"),
        ({}, {"how": {"hr": "median"}}, "expected one of \\['mean', 'sum'"),
        ({}, {"timezone": "Berlin"}, "expected an IANA name"),
        ({}, {"non_wear": "yes"}, "expected None or one of"),
        ({}, {"labels": {"hr": "weight"}}, "expected one of \\['age'"),
        ({"hr": "72,5"}, {}, "column 'hr' is .*'72,5'; expected numbers"),
        ({"hr": True}, {}, "expected numbers"),
        ({"hr": np.nan}, {}, "no reading of any of the 26 signals"),
        ({"time": "04/05/2024 12:00"}, {}, "row 0: .* is not a time in ISO 8601"),
        ({"time": 5.0}, {}, "row 0: time is 5.0; numbers are read as seconds since 1970"),
        ({"time": [None, *TIMES[1:]]}, {}, "row 0: time is empty"),
        ({"person": ["a", None, "a", "a", "a", "a"]}, {}, "row 1: person is empty"),
        ({"person": 1.5}, {}, "expected text or whole numbers"),
        ({"x": [1, 1, 1, 1, 1, 2]}, {"labels": {"x": "age"}}, "x of person 'a' is 1 and 2; expected one value"),
        ({"x": 1}, {"columns": {"hr": "heart_rate", "x": "heart_rate"}}, "two columns to the same signal"),
    ],
)
def test_what_is_wrong_is_told(change, arguments, message):
    with pytest.raises(ValueError, match=message):
        lsmlib.read_table(table(**change), **{"columns": {"hr": "heart_rate"}, **arguments})


def test_tables_without_rows_and_things_that_are_no_tables():
    with pytest.raises(ValueError, match="no rows"):
        lsmlib.read_table(table().iloc[:0], {"hr": "heart_rate"})
    with pytest.raises(ValueError, match="a list; expected a pandas"):
        lsmlib.read_table([1, 2], {"hr": "heart_rate"})


@pytest.mark.parametrize(("how", "expected"), [("min", 10), ("max", 12), ("mean", 11)])
def test_readings_of_one_time_become_one_as_asked(how, expected):
    frame = pd.DataFrame({"time": "2024-03-04 07:30", "hr": np.array([10, 12]) + 50.0})
    cohort = lsmlib.read_table(frame, {"hr": "heart_rate"}, person=None, how={"hr": how})
    assert signal(cohort, "heart_rate")[450] == expected + 50


def test_seconds_without_a_zone_are_told_in_utc_with_a_warning():
    frame = pd.DataFrame({"time": [1709534400.0], "hr": [60]})
    with pytest.warns(UserWarning, match="days begin at midnight there"):
        cohort = lsmlib.read_table(frame, {"hr": "heart_rate"}, person=None)
    assert signal(cohort, "heart_rate")[400] == 60 and "UTC" in lsmlib.describe_reading(cohort).notes[0]
