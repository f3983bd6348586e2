"""read_empatica: sessions by hand, damage; and write_empatica, which it reads back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.readers.beats import RR_FEATURES

START = 1_455_896_700  # 19 February 2016, 15:45:00 in UTC


def write(folder, name: str, lines, end: str = "\n", encoding: str = "utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(map(str, lines)) + end, encoding=encoding)
    return folder


def session(folder, start: int = START, minutes: int = 3, hr: float = 70):
    write(folder, "HR.csv", [f"{start}.00", "1.000000", *[f"{hr:.2f}"] * (60 * minutes)])
    eda = [f"{2 + sample / 240:.6f}" for sample in range(240 * minutes)]  # rises by 1 µS a minute
    write(folder, "EDA.csv", [f"{start}.00", "4.000000", *eda])
    temperature = [f"{33 - 0.01 * sample / 240:.6f}" for sample in range(240 * minutes)]  # falls by 10 m°C a minute
    write(folder, "TEMP.csv", [f"{start}.00", "4.000000", *temperature])
    beats = [f"{0.75 * (n + 1):.6f},0.750000" for n in range(80 * minutes)]
    write(folder, "IBI.csv", [f"{start}.00, IBI", *beats])
    return folder


def values(cohort, name: str) -> dict[str, float]:
    found = cohort["signals"].sel(signal=name).values
    day, minute = np.nonzero(~np.isnan(found))
    time = cohort["date"].values[day].astype("datetime64[m]") + minute
    return dict(zip(time.astype(str).tolist(), found[day, minute].tolist(), strict=True))


def test_a_session_by_hand(tmp_path):
    cohort = lsmlib.read_empatica(session(tmp_path / "anna"), timezone="Europe/Berlin")
    assert cohort["person"].values.tolist() == ["anna"]
    minutes = [f"2016-02-19T16:4{k}" for k in (5, 6, 7)]
    assert values(cohort, "heart_rate") == dict.fromkeys(minutes, 70)
    level = values(cohort, "skin_conductance")
    assert list(level) == minutes and list(level.values()) == pytest.approx([2.498, 3.498, 4.498], abs=1e-3)
    assert list(values(cohort, "skin_conductance_slope").values()) == pytest.approx([1, 1, 1], abs=1e-4)
    assert list(values(cohort, "skin_temperature_slope").values()) == pytest.approx([-10, -10, -10], abs=0.01)
    # 79 beats end in the first minute and 80 in each after it; the last ends as the fourth begins
    share = values(cohort, "rr_percent_valid")
    assert list(share.values()) == pytest.approx([79 * 0.75 / 300, 159 * 0.75 / 300, 239 * 0.75 / 300, 0.6])
    assert set(values(cohort, "rr_median").values()) == {750} and set(values(cohort, "rr_entropy").values()) == {0}
    assert values(cohort, "rmssd") == {} and values(cohort, "sdnn") == {}  # zero is below their plausible ranges
    reading = lsmlib.describe_reading(cohort)
    assert reading.signals["sdnn"]["dropped"] == {"outside 1 to 300 ms": 4}
    assert [file["rows"] for file in reading.files] == [720, 180, 240, 720]
    measured = {"heart_rate", *RR_FEATURES, "skin_conductance", "skin_conductance_slope"} - {"rmssd", "sdnn"}
    measured |= {"skin_temperature", "skin_temperature_slope"}
    assert {name for name in lsmlib.SIGNAL_NAMES if values(cohort, name)} == measured


def test_without_a_time_zone_days_are_utc_and_that_is_said(tmp_path):
    session(tmp_path / "anna")
    with pytest.warns(UserWarning, match="midnight in UTC"):
        cohort = lsmlib.read_empatica(tmp_path)
    assert next(iter(values(cohort, "heart_rate"))) == "2016-02-19T15:45"
    reading = lsmlib.describe_reading(cohort)
    assert reading.timezone == "UTC" and "no timezone was given: times are in UTC" in reading.notes


def test_whose_sessions_they_are(tmp_path):
    session(tmp_path / "study" / "anna" / f"{START}_A0034B")
    session(tmp_path / "study" / "anna" / f"{START + 600}_A0034B", START + 600, hr=80)
    session(tmp_path / "study" / "S02", hr=90)
    cohort = lsmlib.read_empatica(tmp_path / "study", timezone="UTC")
    assert cohort["person"].values.tolist() == ["S02", "anna"]
    heart = cohort["signals"].sel(signal="heart_rate").values
    assert set(heart[0][~np.isnan(heart[0])]) == {90} and set(heart[1][~np.isnan(heart[1])]) == {70, 80}
    alone = lsmlib.read_empatica(tmp_path / "study" / "anna" / f"{START}_A0034B", timezone="UTC")
    assert alone["person"].values.tolist() == ["anna"]
    one = lsmlib.read_empatica(tmp_path / "study" / "anna", timezone="UTC", person="P1")
    assert one["person"].values.tolist() == ["P1"]


def test_a_copy_of_a_session_changes_nothing(tmp_path):
    once = lsmlib.read_empatica(session(tmp_path / "a" / "anna"), timezone="UTC")
    session(tmp_path / "b" / "1" / "anna")
    session(tmp_path / "b" / "2" / "anna")
    twice = lsmlib.read_empatica(tmp_path / "b", timezone="UTC")
    np.testing.assert_array_equal(once["signals"].values, twice["signals"].values)


def test_tags(tmp_path):
    write(session(tmp_path / "anna"), "tags.csv", [f"{START + 61}.32", f"{START + 62}.00"])
    cohort = lsmlib.read_empatica(tmp_path, timezone="UTC")
    assert np.flatnonzero(cohort["tag"].values[0] == 0).tolist() == [15 * 60 + 46]


def test_the_hour_that_comes_twice(tmp_path):
    start = 1_477_787_400  # 30 October 2016, 0:30 in UTC: 2:30 in Berlin, half an hour before clocks are set back
    write(tmp_path / "anna", "HR.csv", [start, 1, *[60] * 3600, *[80] * 3600])
    cohort = lsmlib.read_empatica(tmp_path, timezone="Europe/Berlin")
    heart = values(cohort, "heart_rate")
    assert set(heart) == {f"2016-10-30T{h:02d}:{m:02d}" for h in (2, 3) for m in range(60) if h == 2 or m < 30}
    assert heart["2016-10-30T02:10"] == 60 and heart["2016-10-30T02:40"] == 70 and heart["2016-10-30T03:10"] == 80


def test_empty_files_are_noted_and_missing_ones_left_alone(tmp_path):
    session(tmp_path / "anna")
    (tmp_path / "anna" / "IBI.csv").write_text("")
    (tmp_path / "anna" / "EDA.csv").unlink()
    (tmp_path / "anna" / "tags.csv").write_text("")
    cohort = lsmlib.read_empatica(tmp_path, timezone="UTC")
    assert "anna/IBI.csv is empty" in lsmlib.describe_reading(cohort).notes
    assert values(cohort, "heart_rate") and not values(cohort, "rr_percent_valid")


def test_out_of_range_samples_do_not_tilt_slopes(tmp_path):
    session(tmp_path / "anna")
    lines = (tmp_path / "anna" / "TEMP.csv").read_text().splitlines()
    lines[50] = "382.21"
    write(tmp_path / "anna", "TEMP.csv", lines)
    cohort = lsmlib.read_empatica(tmp_path, timezone="UTC")
    assert list(values(cohort, "skin_temperature_slope").values()) == pytest.approx([-10] * 3, abs=0.1)
    dropped = lsmlib.describe_reading(cohort).signals["skin_temperature"]["dropped"]
    assert dropped == {"outside 15 to 45 °C": 1}


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("HR.csv", ["70", "1", "70"], r"session anna: HR.csv, line 1: '70' is not the start"),
        ("HR.csv", [START, "0", "70"], r"HR.csv, line 2: '0' is not samples a second"),
        ("HR.csv", [START, "1e308", "70"], r"HR.csv, line 2"),
        ("HR.csv", [START, "nan", "70"], r"HR.csv, line 2"),
        ("HR.csv", ["1e308", "1", "70"], r"HR.csv, line 1"),
        ("HR.csv", [START, "1", "70", "inf"], r"HR.csv, line 4: 1 is 'inf'; expected a number"),
        ("HR.csv", [START, "1", "70", "70,5"], r"HR.csv, line 4: more fields than the 1"),
        ("EDA.csv", [f"{START},00", "4,000000", "0,5"], r"EDA.csv, line 1"),
        ("HR.csv", [START], r"HR.csv, line 2: the header is empty"),
        ("IBI.csv", [START, "1,0.75"], r"IBI.csv, line 1: .* is not the start and 'IBI'"),
        ("IBI.csv", [f"{START}, IBI", "x,0.75"], r"IBI.csv, line 2: .* is 'x'"),
        ("HR.csv", [START, "0.0011", *[70] * 1400], r"HR.csv holds more than two weeks"),
        ("HR.csv", ["4102444800", "1", "70"], r"found no reading .* in HR.csv.* in the future"),
    ],
)
def test_wrong_files_are_named(tmp_path, name, lines, message):
    write(tmp_path / "anna", name, lines)
    with pytest.raises(ValueError, match=message):
        lsmlib.read_empatica(tmp_path, timezone="UTC")


def test_nothing_to_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none of HR.csv, EDA.csv, TEMP.csv and IBI.csv"):
        lsmlib.read_empatica(tmp_path, timezone="UTC")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        lsmlib.read_empatica(tmp_path / "nowhere", timezone="UTC")
    session(tmp_path / "anna")
    with pytest.raises(ValueError, match="timezone is 'Berlin'"):
        lsmlib.read_empatica(tmp_path, timezone="Berlin")


@given(
    st.sampled_from(["HR.csv", "EDA.csv", "TEMP.csv", "IBI.csv"]),
    st.integers(0, 8000),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_cut_at_any_byte(tmp_path_factory, name, size, encoding):
    folder = session(tmp_path_factory.mktemp("cut") / "anna", minutes=1, hr=70.25)
    data = (folder / name).read_text().encode(encoding)
    (folder / name).write_bytes(data[: size % len(data)])
    for other in {"HR.csv", "EDA.csv", "TEMP.csv", "IBI.csv"} - {name}:
        (folder / other).unlink()
    try:
        cohort = lsmlib.read_empatica(folder, timezone="UTC")
    except ValueError as error:
        assert name in str(error) or "no reading of any" in str(error)
        return
    assert set(values(cohort, "heart_rate").values()) <= {70.25}
    assert set(values(cohort, "rr_median").values()) <= {750}
    assert all(2 <= value < 2.5 for value in values(cohort, "skin_conductance").values())
    assert all(abs(value - 1) < 1e-3 for value in values(cohort, "skin_conductance_slope").values())
    assert all(abs(value + 10) < 0.2 for value in values(cohort, "skin_temperature_slope").values())


@settings(max_examples=60)
@given(st.sampled_from(["HR.csv", "EDA.csv", "IBI.csv"]), st.integers(0, 8000), st.binary(min_size=1, max_size=3))
def test_damaged_bytes_end_in_a_cohort_or_a_named_file(tmp_path_factory, name, at, noise):
    folder = session(tmp_path_factory.mktemp("noise") / "anna", minutes=1)
    data = bytearray((folder / name).read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    (folder / name).write_bytes(data)
    try:
        lsmlib.check_cohort(lsmlib.read_empatica(folder, timezone="UTC"))
    except ValueError as error:
        assert name in str(error)


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=60))
@settings(max_examples=30)
def test_beats_of_any_number(tmp_path_factory, pairs):
    folder = session(tmp_path_factory.mktemp("beats") / "anna", minutes=1)
    rows = [f"{a},{b}" for a, b in pairs if np.isfinite([a, b]).all()]
    write(folder, "IBI.csv", [f"{START}, IBI", *rows])
    lsmlib.check_cohort(lsmlib.read_empatica(folder, timezone="UTC"))


# --- samples -------------------------------------------------------------------------------------------------------


def days(count: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (count, 1440)
    constant = {"rr_median": 800, "sdnn": 50, "rmssd": 40, "rr_percent_valid": 0.9}
    return {
        "heart_rate": rng.uniform(50, 150, shape),
        "skin_conductance": rng.uniform(2, 10, shape),
        "skin_conductance_slope": rng.uniform(-3, 3, shape),
        "skin_temperature": rng.uniform(30, 35, shape),
        "skin_temperature_slope": rng.uniform(-50, 50, shape),
        **{name: np.full(shape, value, float) for name, value in constant.items()},
    }


@pytest.mark.parametrize("timezone", ["UTC", "America/St_Johns"])
def test_what_is_written_is_read(tmp_path, timezone):
    cohort = lsmlib.make_cohort(days(), ["a", "b"], ["2024-03-09", "2024-11-03"])
    cohort["signals"][0, :700] = np.nan
    written = lsmlib.samples.write_empatica(cohort, tmp_path, minutes=30, timezone=timezone)
    back = lsmlib.read_empatica(tmp_path, timezone=timezone)
    assert [folder.parent.name for folder in written] == ["a", "b"]
    assert back["person"].values.tolist() == ["a", "b"] and (back["date"] == cohort["date"]).all()
    tolerance = {"heart_rate": 0.01, "skin_conductance": 1e-5, "skin_temperature": 0.01}
    tolerance |= {"skin_conductance_slope": 1e-4, "skin_temperature_slope": 6.0}
    for name, atol in tolerance.items():
        before, after = (one["signals"].sel(signal=name).values for one in (cohort, back))
        known = ~np.isnan(after)
        assert known.sum(axis=1).tolist() == [30, 30] and not known[0, :700].any()
        np.testing.assert_allclose(before[known], after[known], atol=atol, err_msg=name)
    settled = {name: np.nanmean(back["signals"].sel(signal=name).values[:, :]) for name in RR_FEATURES}
    assert settled["rr_median"] == pytest.approx(800, abs=16)
    assert settled["sdnn"] == pytest.approx(50, rel=0.15) and settled["rmssd"] == pytest.approx(40, rel=0.15)
    share = back["signals"].sel(signal="rr_percent_valid").values
    assert np.nanmax(share) == pytest.approx(0.9, abs=0.03)


def test_files_begin_where_their_signal_does(tmp_path):
    signals = days(1)
    for name in signals:
        signals[name][:, 200:] = np.nan
    signals["skin_conductance"][:, :20] = np.nan
    signals["heart_rate"][:, 40:] = np.nan
    cohort = lsmlib.make_cohort(signals, ["a"], ["2024-03-09"])
    lsmlib.samples.write_empatica(cohort, tmp_path, minutes=200)
    back = lsmlib.read_empatica(tmp_path, timezone="UTC")
    for name in ("heart_rate", "skin_conductance", "skin_temperature"):
        before, after = (np.isnan(one["signals"].sel(signal=name).values) for one in (cohort, back))
        assert (before == after).all()


def test_nothing_to_write(tmp_path):
    cohort = lsmlib.make_cohort({"steps": np.zeros((1, 1440))}, ["a"], ["2024-03-09"])
    with pytest.raises(ValueError, match="nothing to write"):
        lsmlib.samples.write_empatica(cohort, tmp_path)
    with pytest.raises(ValueError, match="minutes is 0"):
        lsmlib.samples.write_empatica(cohort, tmp_path, minutes=0)
    with pytest.raises(ValueError, match="whole days"):
        lsmlib.samples.write_empatica(cohort.isel(minute=slice(300)), tmp_path)
