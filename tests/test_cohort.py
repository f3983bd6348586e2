"""The contract: what make_cohort gives, and what check_cohort refuses with what words."""

import datetime

import dask.array as da
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import lsmlib
from lsmlib.signals import HIGH, LOW, SIGNAL_NAMES, SIGNALS, denormalise, normalise
from tests.cohorts import small_cohort, small_signals


def make(signals: np.ndarray, **more) -> xr.Dataset:
    return lsmlib.make_cohort(signals, [f"p{i}" for i in range(len(signals))], ["2024-01-01"] * len(signals), **more)


def test_contract():
    cohort = small_cohort(days=4)
    assert cohort["signals"].dims == ("day", "minute", "signal")
    assert cohort["signals"].shape == (4, 1440, 26)
    assert cohort["signals"].dtype == np.float32
    assert cohort["signals"].attrs["units"] == [signal.unit for signal in SIGNALS]
    assert tuple(cohort["signal"].values) == SIGNAL_NAMES
    assert cohort["date"].dtype.kind == "M"
    assert cohort["person"].dtype.kind == "U"
    assert np.isnan(cohort["homa_ir"]).all()  # not given
    assert (cohort["mood"] == -1).all()
    assert "missing_mode" not in cohort
    assert cohort["activity"].dtype == np.int8
    assert cohort["activity"].attrs["flag_values"] == [-1, 0, 1]
    assert cohort["activity"].attrs["flag_meanings"] == "none Walk Strength_training"
    assert cohort["asleep"].attrs["flag_meanings"] == "unknown awake asleep"
    assert cohort.attrs["source"] == "tests"
    assert cohort.attrs["lsmlib_version"]


def test_dask_arrays_stay_lazy():
    signals = small_signals(5)
    lazy = make(da.from_array(signals, (2, 1440, 26)))
    assert lazy["signals"].chunks[0] == (2, 2, 1)
    assert lazy["activity"].chunks[0] == (2, 2, 1)
    xr.testing.assert_identical(lazy.compute(), make(signals))


def test_lazy_values_are_not_computed_by_a_check():
    def explode(block):
        raise RuntimeError("computed")

    computed = da.map_blocks(explode, da.zeros((2, 1440, 26), np.float32), dtype=np.float32, meta=np.empty((0, 0, 0)))
    lazy = make(computed.astype(np.float32))
    with pytest.raises(RuntimeError, match="computed"):
        lsmlib.check_cohort(lazy, values=True)


def test_missing_mode_and_scalars():
    signals = small_signals(2)
    modes = np.where(np.isnan(signals), 0, -1)
    cohort = make(signals, labels={"age": 30}, per_minute={"missing_mode": (modes, {0: "device off"})})
    assert cohort["missing_mode"].attrs["flag_meanings"] == "observed device_off"
    assert cohort["age"].values.tolist() == [30, 30]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"signals": np.zeros((2, 1439, 26))}, r"\(2, 1439, 26\).*expected \(days, 1440, 26\): a day is"),
        ({"signals": np.zeros((2, 1440, 25))}, "expected"),
        ({"signals": np.full((2, 1440, 26), "x")}, "expected numbers"),
        ({"person": ["a"]}, r"person has shape \(1,\)"),
        ({"signals": np.zeros((2, 1440, 2))}, r'pass a dict: \{"heart_rate": array \[d, t\].*SIGNAL_NAMES.index'),
        ({"signals": {"hr": np.zeros((2, 1440))}}, "no signal 'hr'; did you mean 'heart_rate'.*rmssd, "),
        ({"signals": {}}, "at least one signal"),
        (
            {"signals": {"steps": np.zeros((2, 24))}},
            r"steps has shape \(2, 24\); expected \(2, 1440\).*from local midnight",
        ),
        ({"signals": {"steps": np.zeros((2, 1440)), "rmssd": np.ones((3, 1440))}}, r"rmssd has shape \(3, 1440\)"),
        ({"signals": {"steps": np.full((2, 1440), "x")}}, "steps is <U1; expected numbers"),
        ({"person": ["a", ""]}, "person of day 1 is ''"),
        ({"person": ["a", np.nan]}, "person of day 1 is nan; expected text.* Drop days of nobody"),
        ({"person": ["a", None]}, "person of day 1 is None"),
        ({"person": pd.Series(["a", pd.NA])}, "person of day 1 is <NA>|person of day 1 is nan"),
        ({"person": [1.0, 2.0]}, "person of day 0 is 1.0; .*turn numbers with a decimal point into int or str"),
        ({"person": [True, False]}, "person of day 0 is True"),
        ({"person": ["a", "a"]}, r"'a' on 2024-01-01 occurs more than once"),
        ({"date": ["2024-01-01", "never"]}, "date of day 1 is 'never'; expected .* ISO 8601 text such as '2024-03-04'"),
        ({"date": ["2024-03-04", "03/04/2024"]}, "date of day 1 is '03/04/2024'.*ISO 8601"),
        ({"date": [20240101, 20240102]}, "date of day 0 is 20240101; expected"),
        ({"date": ["2024-01-01", None]}, "date of day 1 is None"),
        ({"date": [pd.NaT, pd.NaT]}, "local civil date"),
        ({"date": ["2024-01-01", "NaT"]}, "local civil date"),
        ({"date": ["2024-01-01"]}, "one date a day"),
        ({"labels": {"ages": 3}}, "unknown labels"),
        ({"labels": {"age": [1, 2, 3]}}, "'age' has shape"),
        ({"labels": [3, 4]}, "labels is a list; expected a dict or a table"),
        (
            {"labels": {"hypertension": ["yes", "no"]}},
            r"'hypertension' of day 0 is 'yes'; expected 1 \(yes\) or 0 \(no\)",
        ),
        ({"labels": {"hypertension": [0, 2]}}, "hypertension of person 'b' is 2; expected 1"),
        ({"labels": {"anxiety": 0.5}}, "anxiety of person 'a' is 0.5"),
        ({"labels": {"age": -1}}, "age of person 'a' is -1; expected 0 to 130 years"),
        ({"labels": {"bmi": 300}}, "bmi of person 'a' is 300; expected 5 to 150"),
        ({"labels": {"homa_ir": 0}}, "homa_ir of person 'a' is 0; expected a finite number above 0"),
        ({"labels": {"homa_ir": np.inf}}, "homa_ir of person 'a' is inf"),
        ({"labels": {"sex": [1, 2]}}, "'sex' of day 0 is 1; expected text"),
        ({"labels": {"sex": ["male", np.nan]}}, "'sex' of day 1 is nan; expected text .*'' where unknown"),
        ({"labels": {"sex": ["male", "x" * 33]}}, "'sex' of day 1 .*at most 32 characters"),
        ({"per_minute": {"sleep": 1}}, "unknown per-minute"),
        ({"per_minute": {"activity": np.zeros((2, 9), int)}}, "activity is"),
        ({"per_minute": {"activity": np.full((2, 1440), 3)}}, r"codes \[3\] without a name"),
        ({"attrs": {"when": np.datetime64("2024-01-01")}}, "must be JSON"),
    ],
)
def test_make_refuses(change, words):
    good = {"signals": small_signals(2), "person": ["a", "b"], "date": ["2024-01-01"] * 2}
    with pytest.raises(ValueError, match=words):
        lsmlib.make_cohort(**{**good, **change})


@pytest.mark.parametrize(
    "date",
    [
        pd.date_range("2024-01-02", periods=2, tz="Europe/Berlin"),
        pd.Series(pd.date_range("2024-01-02", periods=2, tz="Asia/Tokyo")),
        [pd.Timestamp("2024-01-02 23:59", tz="America/Los_Angeles"), pd.Timestamp("2024-01-03 00:00", tz="Asia/Tokyo")],
        ["2024-01-02T00:00+14:00", "2024-01-03"],
        [datetime.date(2024, 1, 2), np.datetime64("2024-01-03")],
        np.array(["2024-01-02T23:30", "2024-01-03T00:10"], "datetime64[m]"),
    ],
    ids=["index", "series", "timestamps", "text", "dates", "minutes"],
)
def test_dates_are_those_on_the_wall(date):
    cohort = lsmlib.make_cohort(small_signals(2), ["a", "b"], date)
    assert cohort["date"].values.astype("datetime64[D]").astype(str).tolist() == ["2024-01-02", "2024-01-03"]


@pytest.mark.parametrize("lazy", [False, True])
def test_a_device_with_few_signals(lazy):
    heart_rate, steps = np.full((3, 1440), 60.0), np.arange(3 * 1440).reshape(3, 1440) % 7
    given = {"steps": steps, "heart_rate": da.from_array(heart_rate, (1, 700)) if lazy else heart_rate}
    cohort = lsmlib.make_cohort(given, ["a", "b", "c"], ["2024-01-01"] * 3)
    assert cohort["signals"].dtype == np.float32
    assert cohort["signals"].chunks == (((1, 1, 1), (1440,), (26,)) if lazy else None)
    signals = cohort["signals"].sel
    np.testing.assert_array_equal(signals(signal="heart_rate"), heart_rate)
    np.testing.assert_array_equal(signals(signal="steps"), steps)
    assert np.isnan(signals(signal=[name for name in SIGNAL_NAMES if name not in given])).all()


def make_days(days: list[str], **labels) -> xr.Dataset:
    return lsmlib.make_cohort(small_signals(len(days)), ["a"] * len(days), days, labels=labels)


def test_people_may_have_numbers_and_labels_may_come_as_a_table():
    table = pd.DataFrame({"age": [30, None], "sex": ["male", ""], "anxiety": [True, False]}, index=["x", "y"])
    cohort = lsmlib.make_cohort(small_signals(2), np.array([7, 8]), ["2024-01-01"] * 2, labels=table)
    assert cohort["person"].values.tolist() == ["7", "8"]
    np.testing.assert_array_equal(cohort["age"], [30, np.nan])
    assert cohort["anxiety"].values.tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"unknown labels \['person'\]"):
        make_days(["2024-01-01"], person=["a"])


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"sex": ["male", "female", ""]}, "sex of person 'a' is female and male on different days"),
        ({"bmi": [25, np.nan, 26]}, "bmi of person 'a' is 25.0 and 26.0"),
        ({"age": [40, 43, 43]}, "age of person 'a' is 40.0 and 43.0"),
    ],
)
def test_one_person_has_one_value_of_a_label(labels, words):
    with pytest.raises(ValueError, match=words):
        make_days(["2024-01-01", "2024-01-02", "2024-12-31"], **labels)


def test_labels_may_be_unknown_on_some_days_and_people_grow_older():
    cohort = make_days(
        ["2020-01-01", "2020-01-02", "2024-12-31"], age=[40, 41, 45], bmi=[25, np.nan, 25], sex=["", "male", "male"]
    )
    assert cohort["age"].values.tolist() == [40, 41, 45]


UNITS = [
    ("heart_rate", lambda x: x / 60, "beats per second"),
    ("rr_median", lambda x: x / 1000, "look like seconds"),
    ("rr_percent_valid", lambda x: 50 + x, "per cent"),
    ("skin_temperature", lambda x: x * 1.8 + 32, "Fahrenheit"),
    ("steps", lambda x: x * 0 - 1, "steps.* is -1; expected 0 to 250"),
    ("rmssd", lambda x: x * np.inf, "rmssd.* is inf"),
]


@pytest.mark.parametrize(("name", "change", "words"), UNITS, ids=[name for name, *_ in UNITS])
def test_wrong_units_are_guessed(name, change, words):
    signals = small_signals(3)
    index = SIGNAL_NAMES.index(name)
    signals[1:, :, index] = change(signals[1:, :, index])
    with pytest.raises(ValueError, match=words) as error:
        make(signals)
    assert name in str(error.value)
    assert "'p1'" in str(error.value)  # whose day it is


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ([0], "Their median is 0, and zeros often stand for gaps: set them to NaN$"),
        ([np.inf], "Infinities are no readings, .*: set them to NaN$"),
        ([np.inf, 1, 1.1], "beats per second"),  # infinities do not hide what the others look like
    ],
)
def test_what_is_no_unit_gets_no_conversion(bad, words):
    signals = small_signals(2)
    signals[1, :, 0] = np.resize(bad, 1440)
    with pytest.raises(ValueError, match=words) as error:
        make(signals)
    assert ("Convert" in str(error.value)) == (len(bad) > 1)


def test_codes_that_became_floats_are_explained():
    cohort = small_cohort(days=4)
    with pytest.raises(ValueError, match=r"activity is float32.*where\(\) turns codes into floats.*isel\(day=np.flat"):
        lsmlib.check_cohort(cohort.where(cohort["age"] > 20, drop=True))
    assert lsmlib.check_cohort(cohort.isel(day=np.flatnonzero(cohort["age"] > 20))).sizes["day"] == 2


def test_normalise_wants_all_signals():
    for change in (normalise, denormalise):
        with pytest.raises(ValueError, match=r"values have shape \(2, 1440, 2\); expected \[..., 26\]"):
            change(small_signals(2)[..., :2])


def test_normalised_values_are_refused():
    with pytest.raises(ValueError, match="normalised values"):
        make(normalise(small_signals(2)))


def test_a_code_for_gaps_is_recognised():
    signals = small_signals(2)
    signals[:, ::3, 0] = -1
    with pytest.raises(ValueError, match="All of them are -1, which looks like a code for a gap: set them to NaN"):
        make(signals)


def test_a_day_without_readings_is_refused_and_the_advice_works():
    cohort = small_cohort(days=70)
    cohort["signals"][66] = np.nan
    with pytest.raises(ValueError, match=r"has no reading at all.*flatnonzero"):
        lsmlib.check_cohort(cohort)
    kept = cohort.isel(day=np.flatnonzero(cohort.signals.notnull().any(["minute", "signal"])))
    assert lsmlib.check_cohort(kept).sizes["day"] == 69


BROKEN = {
    "a Cohort is an xarray.Dataset": lambda c: c["signals"],
    "no variable 'signals'": lambda c: c.drop_vars("signals"),
    "signals has dims": lambda c: c.transpose("minute", ...),
    "expected float32": lambda c: c.assign(signals=c.signals.astype(float)),
    "no coordinate 'signal'": lambda c: c.drop_vars("signal"),
    "unknown signals": lambda c: c.assign_coords(signal=["pulse", *SIGNAL_NAMES[1:]]),
    "missing signals": lambda c: c.isel(signal=slice(1, None)),
    "each signal once, in the order": lambda c: c.isel(signal=[1, 0, *range(2, 26)]),
    "is not that of lsmlib.SIGNALS": lambda c: c.assign(signals=c.signals.assign_attrs(units=["Hz", *["x"] * 25])),
    "the cohort is empty": lambda c: c.isel(day=[]),
    "a day has 1439 minutes": lambda c: c.isel(minute=slice(1439)),
    "no variable 'person'": lambda c: c.drop_vars("person"),
    "expected datetime64 at midnight": lambda c: c.assign_coords(date=c.date + np.timedelta64(1, "h")),
    "occurs more than once": lambda c: xr.concat([c, c], "day"),
    "age is": lambda c: c.assign(age=c.age.astype(int)),
    "activity is": lambda c: c.assign(activity=c.activity.astype(float)),
}


@pytest.mark.parametrize("words", BROKEN)
def test_check_refuses(words):
    with pytest.raises(ValueError, match=words):
        lsmlib.check_cohort(BROKEN[words](small_cohort(days=2)))


@given(
    day=st.integers(0, 69),
    minute=st.integers(0, 1439),
    signal=st.integers(0, 25),
    above=st.booleans(),
)
def test_any_single_reading_out_of_range_is_found(day, minute, signal, above):
    cohort = BIG.copy(deep=True)
    bad = np.nextafter(HIGH[signal], np.float32(np.inf)) if above else np.nextafter(LOW[signal], np.float32(-np.inf))
    cohort["signals"][day, minute, signal] = bad
    with pytest.raises(ValueError, match=f"{SIGNAL_NAMES[signal]} of person 'pérson {day % 3}'.*minute {minute},"):
        lsmlib.check_cohort(cohort)


BIG = small_cohort(days=70)
