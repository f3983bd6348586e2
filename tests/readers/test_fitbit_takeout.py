"""Fitbit by Google Takeout: by hand, there and back, and everything an export should not be."""

import json
import random
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.cohort import make_cohort
from lsmlib.readers import takeout_json
from lsmlib.samples import write_fitbit_takeout
from tests.cohorts import small_cohort, small_signals
from tests.readings import dropped, minutes


def heart(time, bpm, confidence=3):
    return {"dateTime": time, "value": {"bpm": bpm, "confidence": confidence}}


def total(time, value):
    return {"dateTime": time, "value": value}


def stage(time, level, seconds):
    return {"dateTime": time, "level": level, "seconds": seconds}


def log(data, short=()):
    return {"logId": 1, "dateOfSleep": "2024-03-04", "levels": {"summary": {}, "data": data, "shortData": list(short)}}


def put(folder: Path, name: str, content) -> Path:
    path = folder / "Takeout" / "Fitbit" / "Global Export Data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2), encoding="utf-8")
    return path


def read(folder, timezone="UTC", **options):
    return lsmlib.read_fitbit_takeout(folder, timezone=timezone, progress=False, **options)


# --- what is read ------------------------------------------------------------------------------------------------


def test_every_file_by_hand(tmp_path):
    put(
        tmp_path,
        "heart_rate-2024-03-04.json",
        [heart("03/04/24 22:59:05", 70), heart("03/04/24 22:59:55", 73), heart("03/04/24 23:01:00", 70, 0)],
    )
    put(tmp_path, "heart_rate_2024-03-05.csv", "timestamp,beats per minute\n2024-03-05T09:00:10Z,61\n")
    put(tmp_path, "heart_rate_variability_2024-03-05.csv", "timestamp,root mean square\n1,1\n")
    put(tmp_path, "time_in_heart_rate_zones-2024-03-05.json", "{}")
    put(tmp_path, "STEPS-2024-03-01.json", [total("03/04/24 22:59:00", "0"), total("03/04/24 23:00:00", "12")])
    put(tmp_path, "calories-2024-03-01.json", [total("03/04/24 22:59:00", "1.25")])
    data = [
        stage("2024-03-05T00:10:00.000", "light", 1200),
        stage("2024-03-05T00:30:00.000", "wake", 300),
        stage("2024-03-05T00:35:00.000", "rem", 60),
        stage("2024-03-05T00:36:00.000", "restless", 60),
        stage("2024-03-05T00:37:00.000", "unknown", 60),
    ]
    put(tmp_path, "sleep-2024-03-01.json", [log(data, [stage("2024-03-05T00:20:00.000", "wake", 120)])])
    resting = [
        {"dateTime": "03/04/24 00:00:00", "value": {"date": "03/04/24", "value": 61.25, "error": 6.8}},
        {"dateTime": "03/05/24 00:00:00", "value": {"date": None, "value": 0.0, "error": 0.0}},
    ]
    put(tmp_path, "resting_heart_rate-2024-01-01.json", resting)
    put(
        tmp_path,
        "Heart Rate Variability Details - 2024-03-05.csv",
        "timestamp,rmssd,coverage,low_frequency,high_frequency\n2024-03-05T00:15:00,34.5,0.9,1,2\n",
    )
    put(
        tmp_path,
        "Daily Heart Rate Variability Summary - 2024-03-(05).csv",
        "timestamp,rmssd,nremhr,entropy\n2024-03-05T00:00:00,36.5,55,2.5\n",
    )
    put(tmp_path, "Profile.csv", "id,date_of_birth,timezone,gender\nX,1980-03-05,Europe/Berlin,FEMALE\n")
    cohort = lsmlib.read_fitbit_takeout(tmp_path, person="anna", progress=False)
    assert cohort.attrs["reading"]["timezone"] == "Europe/Berlin"
    assert minutes(cohort, "heart_rate") == {"2024-03-04 23:59": 71.5, "2024-03-05 10:00": 61}
    assert minutes(cohort, "steps") == {"2024-03-04 23:59": 0, "2024-03-05 00:00": 12}
    assert minutes(cohort, "rmssd") == {"2024-03-05 00:15": 34.5}
    assert float(cohort["calories"][0, 1439]) == 1.25
    asleep = cohort["asleep"].values[1]
    assert asleep[8:12].tolist() == [-1, -1, 1, 1]
    assert np.flatnonzero(asleep == 0).tolist() == [20, 21, 30, 31, 32, 33, 34, 36]
    assert (asleep == 1).sum() == 19
    np.testing.assert_array_equal(cohort["resting_heart_rate"], [61.25, np.nan])
    np.testing.assert_array_equal(cohort["rmssd_asleep"], [np.nan, 36.5])
    np.testing.assert_array_equal(cohort["age"], [43, 44])
    assert set(cohort["sex"].values.tolist()) == {"female"}
    assert dropped(cohort, "heart_rate") == {"of confidence 0": 1}
    assert dropped(cohort, "asleep") == {"of a stage unknown here": 1}
    assert len(cohort.attrs["reading"]["files"]) == 8
    lsmlib.save_cohort(cohort, tmp_path / "c.zarr", progress=False)


def test_the_time_zone_is_asked_for(tmp_path):
    put(tmp_path, "steps-2024-03-01.json", [total("03/04/24 23:00:00", "12")])
    with pytest.warns(UserWarning, match="names no time zone"):
        cohort = lsmlib.read_fitbit_takeout(tmp_path, progress=False)
    assert "names no time zone" in repr(lsmlib.describe_reading(cohort))
    assert minutes(cohort, "steps") == {"2024-03-04 23:00": 12}
    assert minutes(read(tmp_path, "Asia/Tokyo"), "steps") == {"2024-03-05 08:00": 12}
    put(tmp_path, "profile.csv", "id,timezone\nX,Berlin\n")
    with pytest.raises(
        ValueError, match=r"profile\.csv, line 2: timezone is 'Berlin'.*Europe/Berlin.*Or pass timezone="
    ):
        lsmlib.read_fitbit_takeout(tmp_path, progress=False)
    assert minutes(read(tmp_path), "steps") == {"2024-03-04 23:00": 12}


@pytest.mark.parametrize(
    "profile", ["id,name\nX,Kim\n", "id,timezone\n", "id,timezone,gender\nX,,\n", "id,timezone\n\n"]
)
def test_a_profile_that_says_nothing(tmp_path, profile):
    put(tmp_path, "steps-2024-03-01.json", [total("03/04/24 23:00:00", "12")])
    put(tmp_path, "Profile.csv", profile)
    with pytest.warns(UserWarning, match="names no time zone"):
        cohort = lsmlib.read_fitbit_takeout(tmp_path, progress=False)
    assert cohort["age"].isnull().all()
    assert set(cohort["sex"].values.tolist()) == {""}


def test_the_hour_that_comes_twice_does_not_add_up(tmp_path):
    steps = [total(f"10/27/24 {hour:02d}:30:00", "60") for hour in range(4)]
    put(tmp_path, "steps-2024-10-01.json", steps)
    put(tmp_path, "heart_rate-2024-10-27.json", [heart("10/27/24 00:30:00", 60), heart("10/27/24 01:30:00", 80)])
    cohort = read(tmp_path, "Europe/Berlin")
    assert minutes(cohort, "steps") == {f"2024-10-27 {hour:02d}:30": 60 for hour in (2, 3, 4)}
    assert minutes(cohort, "heart_rate") == {"2024-10-27 02:30": 70}
    assert dropped(cohort, "steps") == {"minutes that came twice, averaged": 1}


def test_the_hour_that_is_skipped_is_a_gap(tmp_path):
    put(tmp_path, "steps-2024-03-01.json", [total(f"03/31/24 {hour:02d}:30:00", "60") for hour in range(3)])
    assert minutes(read(tmp_path, "Europe/Berlin"), "steps") == {f"2024-03-31 {h:02d}:30": 60 for h in (1, 3, 4)}


def test_the_same_in_two_kinds_of_files_counts_once(tmp_path):
    put(tmp_path, "heart_rate-2024-03-04.json", [heart("03/04/24 10:00:05", 70), heart("03/04/24 10:00:10", 80)])
    put(tmp_path, "heart_rate_2024-03-04.csv", "Timestamp,Beats per minute\n2024-03-04T10:00:05Z,70\n")
    cohort = read(tmp_path)
    assert minutes(cohort, "heart_rate") == {"2024-03-04 10:00": 75}
    assert dropped(cohort, "heart_rate") == {"repeated": 1}


def test_stepless_days_become_gaps_when_asked(tmp_path):
    steps = [total(f"03/{day:02d}/24 10:00:00", "9" if day == 5 else "0") for day in (4, 5)]
    put(tmp_path, "steps-2024-03-01.json", steps)
    assert list(minutes(read(tmp_path), "steps").values()) == [0, 9]
    assert list(minutes(read(tmp_path, non_wear="stepless_day"), "steps").values()) == [9]


def test_a_century(tmp_path):
    for year in range(1991, 2025):
        put(tmp_path, f"steps-{year}-01-01.json", [total(f"{m:02d}/{d:02d}/{year % 100:02d} 10:00:00", "7")
                                                   for m in range(1, 13) for d in range(1, 29)])  # fmt: skip
    put(tmp_path, "steps-1970-01-01.json", [total("01/01/70 10:00:00", "7"), total("01/01/68 10:00:00", "7")])
    cohort = read(tmp_path)
    assert cohort.sizes["day"] == 34 * 12 * 28
    assert cohort["signals"].chunks is not None
    assert dropped(cohort, "steps") == {"dated before 1990 or in the future": 2}


# --- what an export should not be --------------------------------------------------------------------------------


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        read(tmp_path / "Takeout")
    with pytest.raises(ValueError, match=r"looked for heart_rate-\*\.json, .*Is the archive unpacked\?"):
        read(tmp_path)
    (tmp_path / "a.zip").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        read(tmp_path / "a.zip")
    put(tmp_path, "steps-2024-03-01.json", [])
    with pytest.raises(ValueError, match="found no reading"):
        read(tmp_path)
    for options in ({"person": ""}, {"timezone": "Europe/Berlino"}, {"non_wear": "sometimes"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            read(tmp_path, **options)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"steps-1\.json is empty"),
        ("\ufeff \n", r"steps-1\.json is empty"),
        ("{}", r"steps-1\.json, line 1: expected a list of entries, found dict"),
        ("[1]", r"line 1: '1' is no entry"),
        ("[\n{}\n]", r"line 2: there is no 'dateTime' in this entry"),
        ('[{"dateTime": "03/04/24 10:00:00",\n"value": "1"},\n{"dateTime": "03/04/24 10:00:00"}]', "line 3: .*'value'"),
        ('[{"dateTime": "03/04/24 10:00:00",\n"value": NaN}]', r"line 2: NaN is no number"),
        ('[{"dateTime": "03/04/24 10:00:00", "value": 1e999}]', r"line 1: value is 'inf'"),
        ('[{"dateTime": "03/04/24 10:00:00", "value": ' + "9" * 5000 + "}]", r"line 1: .*4300"),
        ('[{"dateTime": "03/04/24 10:00:00", "value": ' + "9" * 400 + "}]", r"line 1: value is '9999"),
        ("[" * 100_000, r"line 1: .*recursion"),
        ('[{"dateTime": "03/04/24 10:00:00",\n', r"line 2: .*cut off"),
        ('[{"dateTime": "03/04/24 10:00:00"},\n}]', r"line 2: .*damaged"),
    ],
)
def test_broken_files(tmp_path, text, message):
    put(tmp_path, "steps-1.json", text)
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_marks_and_wide_characters(tmp_path):
    path = put(tmp_path, "steps-1.json", [total("03/04/24 10:00:00", "7")])
    text = path.read_text()
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes(text.encode(encoding))
        assert minutes(read(tmp_path), "steps") == {"2024-03-04 10:00": 7}
    for wrong in (text.encode("utf-16")[:-1], b"[\n\xff\xfe]"):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=r"steps-1\.json, line"):
            read(tmp_path)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    contents = {
        "heart_rate-1.json": [heart("03/04/24 10:00:05", 70), heart("03/04/24 10:00:10", 80)],
        "sleep-1.json": [log([stage("2024-03-04T00:10:00.000", "light", 1200)])],
        "resting_heart_rate-1.json": [{"value": {"date": "03/04/24", "value": 61.25}}],
    }
    for name, content in contents.items():
        path = put(tmp_path, name, content)
        whole = path.read_bytes()
        for cut in range(len(whole)):
            path.write_bytes(whole[:cut])
            with pytest.raises(ValueError, match=name.replace(".", r"\.")):
                read(tmp_path)
        path.unlink()


def test_large_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(takeout_json, "LARGEST", 1000)
    put(tmp_path, "steps-1.json", [total("03/04/24 10:00:00", "7")] * 100)
    with pytest.raises(ValueError, match=r"steps-1\.json has 0 MB.*Export again"):
        read(tmp_path)


ODD_NUMBERS = ["72,5", "1.234,5", "nan", "inf", "1e308", "1e400", "-5", "", " ", "１２", "1_000", "0x10", "9" * 5000]
ODD_NUMBERS += [None, True, [], {}, 1e308, -5, 10**300, "70", 70, 70.0]
ODD_DATES = ["", "31.01.2024 10:00:00", "31/01/24 10:00:00", "2024-03-04 10:00:00", "03/04/24", "03/04/2024 10:00:00"]
ODD_DATES += [
    "03/04/24 10:00:00 AM",
    "02/30/24 10:00:00",
    "03/04/24 24:00:00",
    "01/01/68 10:00:00",
    "03/04/70 10:00:00",
]
ODD_DATES += [None, 5, [], "0" * 10_000, "03/04/24 10:00:00"]


@pytest.mark.parametrize("name", ["heart_rate-1.json", "steps-1.json", "sleep-1.json", "resting_heart_rate-1.json"])
def test_odd_values_are_refused_or_dropped(tmp_path, name):
    put(tmp_path, "calories-9.json", [total("03/04/24 09:00:00", "1")])
    put(tmp_path, "heart_rate-9.json", [heart("03/04/24 09:00:00", 66)])
    make = {
        "heart_rate-1.json": lambda time="03/04/24 10:00:00", value=70: [heart(time, value)],
        "steps-1.json": lambda time="03/04/24 10:00:00", value=70: [total(time, value)],
        "sleep-1.json": lambda time="2024-03-04T10:00:00.000", value=70: [log([stage(time, "light", value)])],
        "resting_heart_rate-1.json": lambda time="03/04/24", value=70: [{"value": {"date": time, "value": value}}],
    }[name]
    dates = [
        one.split()[0] if name.startswith("resting") and isinstance(one, str) and one else one for one in ODD_DATES
    ]
    for content in [*(make(value=one) for one in ODD_NUMBERS), *(make(time=one) for one in dates)]:
        put(tmp_path, name, content)
        try:
            cohort = read(tmp_path)
        except ValueError as error:
            assert f"{name}, line 1" in str(error) or f"{name}, line 2" in str(error), (content, error)
            assert len(str(error)) < 500
            continue
        beats, steps = minutes(cohort, "heart_rate"), minutes(cohort, "steps")
        assert beats.pop("2024-03-04 09:00") == 66
        assert set(beats.values()) | set(steps.values()) <= {70}, content
        assert (cohort["asleep"] == 1).sum() <= 2
        if "resting_heart_rate" in cohort:
            assert set(cohort["resting_heart_rate"].fillna(70).values.tolist()) == {70}, content


@settings(max_examples=200)
@given(st.data())
def test_damage_is_refused_or_harmless(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damage")
    name, content = data.draw(
        st.sampled_from(
            [
                ("heart_rate-1.json", json.dumps([heart("03/04/24 10:00:05", 70)])),
                ("sleep-1.json", json.dumps([log([stage("2024-03-04T10:00:00", "rem", 90)])])),
                ("heart_rate_2024-03-04.csv", "timestamp,beats per minute\n2024-03-04T10:00:05Z,70\n"),
                ("Heart Rate Variability Details.csv", "timestamp,rmssd\n2024-03-04T10:00:05,70\n"),
                ("Profile.csv", "id,date_of_birth,timezone,gender\nX,1980-03-05,Europe/Berlin,FEMALE\n"),
            ]
        )
    )
    put(folder, "steps-1.json", [total("03/04/24 10:00:00", "7")])
    whole = content.encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(min_size=0, max_size=4))
    put(folder, name, "").write_bytes(whole[:at] + junk + whole[at + data.draw(st.integers(0, 4)) :])
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "the export names no time zone")
            cohort = lsmlib.read_fitbit_takeout(folder, progress=False)
    except ValueError as error:
        assert name.split(".")[0] in str(error)
    else:
        assert set(minutes(cohort, "steps").values()) == {7}
    finally:
        shutil.rmtree(folder)


# --- order and repetition ----------------------------------------------------------------------------------------


@st.composite
def exports(draw):
    seconds = st.integers(0, 4 * 3600)
    night = np.datetime64("2024-10-26T23:00:00")

    def tell(form):
        return (night + draw(seconds)).astype(object).strftime(form)

    american, iso = "%m/%d/%y %H:%M:%S", "%Y-%m-%dT%H:%M:%S.000"
    beats = [heart(tell(american), draw(st.integers(20, 240)), draw(st.integers(0, 3))) for _ in range(8)]
    steps = [total(tell(american), str(draw(st.integers(0, 300)))) for _ in range(8)]
    levels = st.sampled_from(["light", "wake", "deep", "asleep", "restless", "none"])
    stages = [stage(tell(iso), draw(levels), draw(st.integers(0, 9000))) for _ in range(6)]
    return {"heart_rate-1.json": beats, "steps-1.json": steps, "sleep-1.json": [log([one]) for one in stages]}


@settings(max_examples=50)
@given(exports(), st.randoms(use_true_random=False))
def test_order_changes_nothing_and_repetition_only_its_count(tmp_path_factory, made, chance: random.Random):
    folder = tmp_path_factory.mktemp("order")
    found = []
    made = {name: list({json.dumps(one): one for one in content}.values()) for name, content in made.items()}
    for repeat in (None, 0.0, 0.5):
        for name, content in made.items():
            extra = [one for one in content if repeat and chance.random() < repeat]
            put(folder, name, content if repeat is None else chance.sample(content + extra, len(content + extra)))
        found.append(read(folder, "Europe/Berlin"))
    reading = [one.attrs.pop("reading")["signals"] for one in found]
    assert found[0].identical(found[1])
    assert reading[0] == reading[1]
    for name in found[0].variables:
        np.testing.assert_array_equal(found[0][name].values, found[2][name].values)


# --- there and back ----------------------------------------------------------------------------------------------


def one_person(days=3, first="2024-03-30"):
    asleep = np.full((days, 1440), -1, np.int8)
    asleep[:, :400], asleep[:, 200:203], asleep[:, 300:330], asleep[:, 401:600] = 1, 0, 0, 0
    return make_cohort(
        small_signals(days, seed=5),
        ["kim"] * days,
        np.datetime64(first) + np.arange(days),
        labels={"age": 34.0, "sex": "female"},
        per_minute={"asleep": asleep},
    )


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_there_and_back(tmp_path, timezone):
    cohort = one_person()
    cohort["calories"] = ("day", "minute"), np.full((3, 1440), 1.25, np.float32)
    takeout = write_fitbit_takeout(cohort, tmp_path, seed=1, timezone=timezone)
    back = lsmlib.read_fitbit_takeout(takeout, person="kim", progress=False)
    assert back.attrs["reading"]["timezone"] == timezone
    np.testing.assert_array_equal(back["date"], cohort["date"])
    shown = np.ones((3, 1440), bool)
    shown[1, 120:180] = timezone != "Europe/Berlin"  # 31 March
    for name, tolerance in {"heart_rate": 0.126, "steps": 0.5}.items():
        given, found = (one["signals"].sel(signal=name).values for one in (cohort, back))
        np.testing.assert_allclose(found, np.where(shown, given, np.nan), atol=tolerance)
    in_night = cohort["asleep"].values == 1
    given, found = (one["signals"].sel(signal="rmssd").values for one in (cohort, back))
    np.testing.assert_allclose(found, np.where(in_night & (np.arange(1440) % 5 == 0), given, np.nan), atol=0.001)
    in_log = in_night | ((cohort["asleep"].values == 0) & (np.arange(1440) < 400))
    np.testing.assert_array_equal(back["asleep"].values, np.where(in_log, cohort["asleep"].values, -1))
    np.testing.assert_array_equal(back["calories"].values[shown], 1.25)
    assert set(back["age"].values.tolist()) == {34.0}
    assert set(back["sex"].values.tolist()) == {"female"}
    assert back["resting_heart_rate"].notnull().all()
    assert back["rmssd_asleep"].notnull().all()


def test_samples_are_the_same_each_time_and_of_one_person(tmp_path):
    def contents(folder, seed):
        takeout = write_fitbit_takeout(one_person(), tmp_path / folder, seed=seed)
        return {file.name: file.read_bytes() for file in takeout.rglob("*") if file.is_file()}

    assert contents("a", 1) == contents("b", 1) != contents("b", 2)
    with pytest.raises(ValueError, match="has 3 people"):
        write_fitbit_takeout(small_cohort(), tmp_path)
