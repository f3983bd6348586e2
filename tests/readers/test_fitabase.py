"""read_fitabase: layouts, dates, damage; and write_fitabase, which it reads back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from tests.readings import dropped

DAY = np.datetime64("2016-04-12")
WIDE = "Id,ActivityHour," + ",".join(f"Steps{minute:02d}" for minute in range(60))


def us(minute: int, second: int = 0, day: np.datetime64 = DAY) -> str:
    time = (day.astype("datetime64[s]") + 60 * minute + second).astype(object)
    return f"{time.month}/{time.day}/{time.year} {time.hour % 12 or 12}:{time:%M:%S} {'AM' if time.hour < 12 else 'PM'}"


def write(folder, name: str, lines, encoding: str = "utf-8", end: str = "\n"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(lines) + end, encoding=encoding)
    return folder


def narrow(values: dict[int, object], person: str = "7") -> list[str]:
    return ["Id,ActivityMinute,Steps", *(f"{person},{us(minute)},{value}" for minute, value in values.items())]


def read(cohort, name: str = "steps") -> dict[int, float]:
    """Minutes since the first day of tests, and their values."""
    values = cohort["signals"].sel(signal=name).values if name in lsmlib.SIGNAL_NAMES else cohort[name].values
    day, minute = np.nonzero(~np.isnan(values))
    start = (cohort["date"].values.astype("datetime64[D]") - DAY).astype(int)
    return dict(zip((start[day] * 1440 + minute).tolist(), values[day, minute].tolist(), strict=True))


# --- layouts -------------------------------------------------------------------------------------------------------


def test_narrow_and_wide_together_count_once(tmp_path):
    write(tmp_path / "a", "minuteStepsNarrow_merged.csv", narrow({60: 5, 61: 0, 62: 7}))
    wide = f"7,{us(60)},5,0,7,9," + ",".join(["0"] * 56)
    write(tmp_path / "b" / "c", "minuteStepsWide_merged.CSV", [WIDE, wide])
    cohort = lsmlib.read_fitabase(tmp_path)
    assert read(cohort) == {60: 5, 61: 0, 62: 7, 63: 9} | {minute: 0 for minute in range(64, 120)}
    assert dropped(cohort, "steps") == {"repeated": 3}
    assert cohort["person"].values.tolist() == ["7"] and cohort["date"].values.astype("datetime64[D]").tolist() == [
        DAY.astype(object)
    ]


def test_intensities_calories_and_mets(tmp_path):
    for name, column, value in (("Intensities", "Intensity", 2), ("Calories", "Calories", 1.25), ("METs", "METs", 33)):
        write(tmp_path, f"minute{name}Narrow_merged.csv", [f"Id,ActivityMinute,{column}", f"7,{us(3)},{value}"])
    wide = WIDE.replace("Steps", "Calories")
    write(tmp_path, "minuteCaloriesWide_merged.csv", [wide, f"7,{us(60)}," + ",".join(["1.5"] * 60)])
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({3: 100}))
    cohort = lsmlib.read_fitabase(tmp_path)
    assert read(cohort, "intensity") == {3: 2} and read(cohort, "mets") == {3: pytest.approx(3.3)}
    assert read(cohort, "calories") == {3: 1.25} | dict.fromkeys(range(60, 120), 1.5)


def test_heart_rate_is_averaged_and_its_seconds_are_needed(tmp_path):
    rows = [f"7,{us(3, second)},{value}" for second, value in ((0, 60), (5, 60), (10, 90))]
    write(tmp_path, "heartrate_seconds_merged.csv", ["Id,Time,Value", *rows])
    assert read(lsmlib.read_fitabase(tmp_path), "heart_rate") == {3: 70}
    rows = [f"7,4/12/2016 0:03,{value}" for value in (60, 60, 90)]
    write(tmp_path, "heartrate_seconds_merged.csv", ["Id,Time,Value", *rows])
    with pytest.raises(ValueError, match=r"heartrate_seconds_merged.csv: 1 of 1 times .* lost their seconds"):
        lsmlib.read_fitabase(tmp_path)


def test_minute_sleep_at_half_minutes(tmp_path):
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({0: 0}))
    rows = [f"7,{us(minute, 30)},{value},1" for minute, value in ((10, 1), (11, 2), (12, 3), (13, 4), (11, 2), (12, 1))]
    write(tmp_path, "minuteSleep_merged.csv", ["Id,date,value,logId", *rows])
    cohort = lsmlib.read_fitabase(tmp_path)
    assert cohort["asleep"].values[0, 9:15].tolist() == [-1, 1, 0, 1, -1, -1]
    assert cohort["sleep_state"].values[0, 9:15].tolist() == [-1, 1, 2, 1, -1, -1]
    assert cohort["sleep_state"].attrs["flag_meanings"] == "unknown asleep restless awake"
    assert dropped(cohort, "asleep") == {
        "empty, or none of 1, 2 and 3": 1,
        "for a minute that has one; asleep counts over restless over awake": 2,
    }


@pytest.mark.parametrize("midnight", ["4/12/2016 12:00:00 AM", "4/12/2016 0:00", "2016-04-12", "4/12/2016"])
def test_sleep_of_the_day(tmp_path, midnight):
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({0: 0, 1440: 0}))
    head = "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed"
    row = f"7,{midnight},1,327,346"
    write(tmp_path, "sleepDay_merged.csv", [head, row, row, f"8,{midnight},1,1,1", f"7,{midnight},1,9999,"])
    cohort = lsmlib.read_fitabase(tmp_path)
    np.testing.assert_equal(cohort["minutes_asleep"].values, [327, np.nan])
    np.testing.assert_equal(cohort["minutes_in_bed"].values, [346, np.nan])
    assert dropped(cohort, "minutes_asleep") == {
        "empty, or outside 0 to 1440 minutes": 1,
        "repeated": 1,
        "on days without any of the 26 signals": 1,
    }


def test_people_by_file_name(tmp_path):
    lines = [line.split(",", 1)[1] for line in narrow({5: 9})]
    write(tmp_path, "P_03_minuteStepsNarrow_20160412_20160512.csv", lines)
    assert lsmlib.read_fitabase(tmp_path)["person"].values.tolist() == ["P_03"]
    for name in ("minuteStepsNarrow_20160412.csv", "12_minuteSteps_merged.csv"):
        write(tmp_path / "other", name, lines)
        with pytest.raises(ValueError, match=rf"{name}, line 1: there is no column Id"):
            lsmlib.read_fitabase(tmp_path / "other")
        (tmp_path / "other" / name).unlink()


def test_nothing_to_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no CSV file in .* looked for minute steps"):
        lsmlib.read_fitabase(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        lsmlib.read_fitabase(tmp_path / "nowhere")
    write(tmp_path, "dailyActivity_merged.csv", ["Id,ActivityDate,TotalSteps", "7,4/12/2016,5"])
    with pytest.raises(ValueError, match=r"Looked for minute steps.*Found dailyActivity_merged.csv \(Id, ActivityDate"):
        lsmlib.read_fitabase(tmp_path)
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({5: 9}))
    notes = lsmlib.describe_reading(lsmlib.read_fitabase(tmp_path)).notes
    assert notes == ["not read: dailyActivity_merged.csv (Id, ActivityDate, TotalSteps)"]
    write(tmp_path, "minuteStepsWide_merged.csv", ["Id,ActivityHour,Steps00", f"7,{us(0)},5"])
    with pytest.raises(ValueError, match=r"minuteStepsWide_merged.csv, line 1: there is no column 'Steps01'"):
        lsmlib.read_fitabase(tmp_path)
    write(tmp_path, "minuteStepsWide_merged.csv", ["Id,Activity", f"7,{us(0)}"])
    with pytest.raises(ValueError, match=r"minuteStepsWide_merged.csv, line 1: the columns are Id, Activity"):
        lsmlib.read_fitabase(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le-bom"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encodings_and_separators(tmp_path, encoding, separator):
    lines = ["Id,ActivityMinute,Calories", f"7,{us(3)},1|5", f"7,{us(4)},2|0"]
    decimal = "." if separator == "," else ","
    lines = [line.replace(",", separator).replace("|", decimal) for line in lines]
    if encoding == "utf-16-le-bom":
        encoding, lines[0] = "utf-16-le", "\ufeff" + lines[0]
    write(tmp_path, "minuteCaloriesNarrow_merged.csv", lines, encoding)
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({3: 1}))
    assert read(lsmlib.read_fitabase(tmp_path), "calories") == {3: 1.5, 4: 2}


def test_decimal_commas_between_commas_are_refused(tmp_path):
    write(tmp_path, "minuteCaloriesNarrow_merged.csv", ["Id,ActivityMinute,Calories", f"7,{us(3)},1,5"])
    with pytest.raises(ValueError, match=r"minuteCaloriesNarrow_merged.csv, line 2: more fields"):
        lsmlib.read_fitabase(tmp_path)


def test_divided_mets_and_shortened_ids_are_refused(tmp_path):
    write(tmp_path, "minuteMETsNarrow_merged.csv", ["Id,ActivityMinute,METs", f"7,{us(3)},1.2"])
    with pytest.raises(ValueError, match=r"minuteMETsNarrow_merged.csv holds METs such as 1\.2"):
        lsmlib.read_fitabase(tmp_path)
    write(tmp_path / "b", "minuteStepsNarrow_merged.csv", narrow({5: 9}, person="1.50396E+09"))
    with pytest.raises(ValueError, match=r"minuteStepsNarrow_merged.csv, line 2: Id is '1.50396E\+09'"):
        lsmlib.read_fitabase(tmp_path / "b")


# --- dates ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("4/12/2016 7:21:00 PM", "mdy"),
        ("04/12/2016 19:21", "mdy"),
        ("4/12/16 19:21", "mdy"),
        ("2016-04-12 19:21:00", "mdy"),
        ("2016-04-12T19:21:00", "dmy"),
        ("12/04/2016 19:21:00", "dmy"),
        ("12.04.2016 19:21", "dmy"),
        ("12-04-2016 19:21", "dmy"),
    ],
)
def test_forms_of_dates(tmp_path, text, order):
    write(tmp_path, "minuteStepsNarrow_merged.csv", ["Id,ActivityMinute,Steps", f"7,{text},5"])
    assert read(lsmlib.read_fitabase(tmp_path, date_order=order)) == {19 * 60 + 21: 5}


def test_dates_in_the_other_order(tmp_path):
    lines = ["Id,ActivityMinute,Steps", "7,12/04/2016 7:21,5", "7,13/04/2016 7:21,5"]
    write(tmp_path, "minuteStepsNarrow_merged.csv", lines)
    with pytest.raises(ValueError, match=r"merged.csv, line 3: '13/04/2016 7:21' is not .* try date_order='dmy'"):
        lsmlib.read_fitabase(tmp_path)
    write(tmp_path, "minuteStepsNarrow_merged.csv", [lines[0], "7,11/04/2016 7:21,5", lines[1]])
    with pytest.raises(ValueError, match=r"merged.csv, line 2.*day 4 of one of 2 months.*date_order='dmy'"):
        lsmlib.read_fitabase(tmp_path)
    assert len(read(lsmlib.read_fitabase(tmp_path, date_order="dmy"))) == 2
    with pytest.raises(ValueError, match="date_order is 'ymd'"):
        lsmlib.read_fitabase(tmp_path, date_order="ymd")


def test_a_date_a_hundred_years_off(tmp_path):
    lines = narrow({5: 9, 6: 9}) + [f"7,{us(5, day=DAY + days)},9" for days in (-36525, 36525)]
    write(tmp_path, "minuteStepsNarrow_merged.csv", lines)
    cohort = lsmlib.read_fitabase(tmp_path)
    assert read(cohort) == {5: 9, 6: 9} and dropped(cohort, "steps") == {"dated before 1990 or in the future": 2}


def test_minutes_without_a_time_of_day_are_refused(tmp_path):
    write(tmp_path, "minuteStepsNarrow_merged.csv", ["Id,ActivityMinute,Steps", "7,4/12/2016,5"])
    with pytest.raises(ValueError, match=r"merged.csv, line 2: '4/12/2016' is not a time"):
        lsmlib.read_fitabase(tmp_path)


def test_nights_when_clocks_change(tmp_path):
    def hour(steps: int) -> str:
        return ",".join([str(steps)] * 60)

    autumn, spring = np.datetime64("2016-11-06"), np.datetime64("2016-03-13")
    rows = [f"7,{us(60 * h, day=autumn)},{hour(h)}" for h in range(24)]
    rows.insert(2, f"7,{us(60, day=autumn)},{hour(3)}")
    rows += [f"7,{us(60 * h, day=spring)},{hour(h)}" for h in range(24) if h != 2]
    write(tmp_path, "minuteStepsWide_merged.csv", [WIDE, *rows])
    cohort = lsmlib.read_fitabase(tmp_path, timezone="America/New_York")
    steps = cohort["signals"].sel(signal="steps").values.reshape(2, 24, 60)
    assert np.isnan(steps[0, 2]).all() and np.isnan(steps).sum() == 60
    assert steps[1, :4, 0].tolist() == [0, 2, 2, 3]  # 1 and 3 steps in the hour that came twice: their mean
    assert dropped(cohort, "steps") == {"averaged with others of the same time": 60}
    with pytest.raises(ValueError, match="timezone is 'New York'"):
        lsmlib.read_fitabase(tmp_path, timezone="New York")


def hours_lost(*days: tuple[str, str, int]) -> list[str]:
    return [WIDE] + [f"{who},{date}," + ",".join([str(h)] * 60) for who, date, count in days for h in range(count)]


def test_lost_hours_are_counted_if_that_is_certain(tmp_path):
    lines = hours_lost(("7", "2016-04-12", 24), ("7", "2016-04-14", 3), ("8", "2016-04-12", 24))
    write(tmp_path, "minuteStepsWide_merged.csv", lines)
    steps = lsmlib.read_fitabase(tmp_path)["signals"].sel(signal="steps").values.reshape(3, 24, 60)
    assert (steps[[0, 2]] == np.arange(24)[:, None]).all() and (steps[1, :3] == np.arange(3)[:, None]).all()
    assert np.isnan(steps[1, 3:]).all()


@pytest.mark.parametrize(
    ("days", "line"),
    [
        ([("7", "2016-04-12", 23), ("7", "2016-04-13", 24)], 2),  # an hour lacks in the middle
        ([("7", "2016-04-12", 24), ("7", "2016-04-13", 25)], 26),  # an hour too many
        ([("7", "2016-04-13", 24), ("7", "2016-04-12", 24)], 26),  # days out of order
        ([("7", "2016-04-12", 24), ("8", "2016-04-12", 24), ("7", "2016-04-13", 24)], 50),  # back to a person
    ],
)
def test_lost_hours_are_never_guessed(tmp_path, days, line):
    write(tmp_path, "minuteStepsWide_merged.csv", hours_lost(*days))
    with pytest.raises(ValueError, match=rf"minuteStepsWide_merged.csv, line {line}: ActivityHour has lost its hour"):
        lsmlib.read_fitabase(tmp_path)


# --- properties ----------------------------------------------------------------------------------------------------

ODD = st.sampled_from(["", "NaN", "-3", "1e308", "1e999", "251", "0"])
VALUES = st.dictionaries(st.integers(0, 4 * 1440 - 1), st.integers(0, 250).map(str) | ODD, min_size=1, max_size=30)


def usable(values: dict[int, str]) -> dict[int, float]:
    numbers = {minute: float(value or "nan") for minute, value in values.items()}
    return {minute: number for minute, number in numbers.items() if 0 <= number <= 250}


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([0, 30]), st.integers(0, 4)), min_size=1, max_size=60),
    st.randoms(use_true_random=False),
    st.integers(0, 60),
)
def test_order_and_files_of_sleep_change_nothing(tmp_path_factory, nights, random, split):
    rows = [f"7,{us(minute, second)},{state},1" for minute, second, state in nights]
    random.shuffle(rows)
    folder = write(tmp_path_factory.mktemp("f"), "minuteStepsNarrow_merged.csv", narrow({0: 0}))
    for part, some in enumerate((rows[:split], rows[split:])):
        write(folder, f"minuteSleep_{part}.csv", ["Id,date,value,logId", *some])
    cohort = lsmlib.read_fitabase(folder)
    wanted = np.full(1440, -1)
    for minute, _, state in sorted(nights, key=lambda night: -night[2]):
        if 1 <= state <= 3:
            wanted[minute] = state
    if not (wanted > 0).any():
        assert (cohort["asleep"].values == -1).all()
        return
    assert cohort["sleep_state"].values[0].tolist() == wanted.tolist()
    assert cohort["asleep"].values[0].tolist() == np.select([wanted == 1, wanted > 1], [1, 0], -1).tolist()


@settings(max_examples=50)
@given(VALUES, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_and_copies_of_rows_change_nothing(tmp_path_factory, values, random, copies):
    head, *rows = narrow(values)
    random.shuffle(rows)
    shuffled = rows * copies
    random.shuffle(shuffled)
    folder = write(tmp_path_factory.mktemp("f"), "minuteStepsNarrow_merged.csv", [head, *shuffled])
    if not usable(values):
        with pytest.raises(ValueError, match=r"minuteStepsNarrow_merged\.csv"):
            lsmlib.read_fitabase(folder)
        return
    cohort = lsmlib.read_fitabase(folder)
    assert read(cohort) == usable(values)
    kept = sum(0 <= float(value or "nan") < 1e38 for value in values.values())
    assert dropped(cohort, "steps").get("repeated", 0) == kept * (copies - 1)


@given(VALUES, st.integers(1, 250))
def test_contradictions_are_averaged_or_refused(tmp_path_factory, values, other):
    good = usable(values)
    values = {minute: values[minute] for minute in good} | {5000: "10"}
    again = next(iter(good), 5000)
    lines = [*narrow(values), f"7,{us(again)},{other}"]
    folder = write(tmp_path_factory.mktemp("f"), "minuteStepsNarrow_merged.csv", lines)
    first = float(values[again])
    if other != first and 1 > 0.1 * len(values):
        with pytest.raises(ValueError, match=r"minuteStepsNarrow_merged.csv: 1 of \d+ times have contradicting"):
            lsmlib.read_fitabase(folder)
    else:
        wanted = {minute: float(value) for minute, value in values.items()} | {again: (first + other) / 2}
        assert read(lsmlib.read_fitabase(folder)) == wanted


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """An export of one short day, and what is in it."""
    folder = tmp_path_factory.mktemp("export")
    write(folder, "minuteStepsNarrow_merged.csv", narrow({minute: 100 + minute for minute in range(20)}))
    hours = [f"7,{us(60 * h)}," + ",".join(str(100 + h) for _ in range(60)) for h in (1, 2)]
    write(folder, "minuteStepsWide_merged.csv", [WIDE, *hours])
    heart = [f"7,{us(minute, second)},{60 + minute}" for minute in range(5) for second in (0, 5, 10)]
    write(folder, "heartrate_seconds_merged.csv", ["Id,Time,Value", *heart])
    return folder, lsmlib.read_fitabase(folder)


NAMES = ["minuteStepsNarrow_merged.csv", "minuteStepsWide_merged.csv", "heartrate_seconds_merged.csv"]


@given(st.sampled_from(NAMES), st.integers(0, 1500), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_cut_at_any_byte(export, tmp_path_factory, name, size, encoding):
    folder, whole = export
    cut = tmp_path_factory.mktemp("cut")
    data = (folder / name).read_text(encoding="utf-8").encode(encoding)
    (cut / name).write_bytes(data[: size % len(data)])
    try:
        cohort = lsmlib.read_fitabase(cut)
    except ValueError as error:
        assert name in str(error)
        return
    for signal in ("steps", "heart_rate"):
        assert read(cohort, signal).items() <= read(whole, signal).items()


@given(st.sampled_from(NAMES), st.integers(0, 1500), st.binary(min_size=1, max_size=3))
def test_damaged_bytes_end_in_a_cohort_or_a_named_file(export, tmp_path_factory, name, at, noise):
    data = bytearray((export[0] / name).read_bytes())
    at %= len(data)
    data[at : at + len(noise)] = noise
    folder = tmp_path_factory.mktemp("noise")
    (folder / name).write_bytes(data)
    try:
        lsmlib.check_cohort(lsmlib.read_fitabase(folder))
    except ValueError as error:
        assert name in str(error)


def test_a_last_line_without_end(tmp_path):
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({5: 9, 6: 12}), end="")
    cohort = lsmlib.read_fitabase(tmp_path)
    assert read(cohort) == {5: 9}
    assert any("does not end its last line" in note for note in lsmlib.describe_reading(cohort).notes)
    write(tmp_path, "minuteStepsNarrow_merged.csv", narrow({5: 9, 6: 0}), end="")
    assert read(lsmlib.read_fitabase(tmp_path)) == {5: 9, 6: 0}


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe", b"\0\0\0\0", b"Id,ActivityMinute,Steps\n", b'"Id'])
def test_empty_and_binary_files(tmp_path, content):
    (tmp_path / "minuteStepsNarrow_merged.csv").write_bytes(content)
    with pytest.raises(ValueError, match=r"minuteStepsNarrow_merged\.csv"):
        lsmlib.read_fitabase(tmp_path)


# --- samples -------------------------------------------------------------------------------------------------------


@settings(max_examples=5)
@given(st.integers(0, 2**16))
def test_what_is_written_is_read(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    shape = (3, 1440)
    steps = np.where(rng.random(shape) < 0.2, np.nan, rng.integers(0, 200, shape))
    heart = np.where(rng.random(shape) < 0.95, np.nan, rng.uniform(40, 180, shape))
    asleep = np.zeros(shape, int)
    asleep[:, :400] = rng.random((3, 400)) < 0.9
    cohort = lsmlib.make_cohort(
        {"steps": steps, "heart_rate": heart},
        ["a", "a", "b"],
        ["2024-03-09", "2024-03-10", "2024-11-03"],
        per_minute={"asleep": asleep},
    )
    cohort["mets"] = (("day", "minute"), np.round(rng.uniform(1, 10, shape), 1).astype(np.float32))
    folder = tmp_path_factory.mktemp("w")
    files = lsmlib.samples.write_fitabase(cohort, folder, seed=seed)
    back = lsmlib.read_fitabase(folder)
    assert sorted(files) == sorted(folder.iterdir())
    assert back["person"].values.tolist() == ["a", "a", "b"] and (back["date"] == cohort["date"]).all()
    signals, again = (one["signals"].sel(signal=["steps", "heart_rate"]).values for one in (cohort, back))
    np.testing.assert_array_equal(signals[..., 0], again[..., 0])
    np.testing.assert_allclose(signals[..., 1], again[..., 1], atol=1 / 24 + 1e-4)
    np.testing.assert_allclose(cohort["mets"].values, back["mets"].values, rtol=1e-6)
    assert ((back["asleep"].values == 1) == (asleep == 1)).all()
    assert np.nansum(back["minutes_asleep"].values) == asleep.sum()


def test_nothing_to_write(tmp_path):
    cohort = lsmlib.make_cohort({"skin_temperature": np.full((1, 1440), 30.0)}, ["a"], ["2024-03-09"])
    with pytest.raises(ValueError, match="neither steps nor heart_rate"):
        lsmlib.samples.write_fitabase(cohort, tmp_path)
    with pytest.raises(ValueError, match="whole days"):
        lsmlib.samples.write_fitabase(cohort.isel(minute=slice(300)), tmp_path)
