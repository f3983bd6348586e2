"""Apple Health: by hand, there and back, and everything an export should not be."""

import random
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lsmlib
from lsmlib.cohort import make_cohort
from lsmlib.readers import apple_xml
from lsmlib.samples import write_apple_health
from tests.cohorts import small_cohort, small_signals
from tests.readings import dropped, minutes

UNITS = {"HeartRate": "count/min", "StepCount": "count", "HeartRateVariabilitySDNN": "ms"}
UNITS |= {"RestingHeartRate": "count/min", "AppleSleepingWristTemperature": "degC", "BodyMass": "kg"}
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<HealthData locale="de_DE">\n'
TAIL = "</HealthData>\n"


def record(kind="HeartRate", value="72", start="2024-03-04 12:34:56 +0100", end=None, source="Watch", **others):
    prefix = "Category" if kind == "SleepAnalysis" else "Quantity"
    given = {"type": f"HK{prefix}TypeIdentifier{kind}", "sourceName": source, "unit": UNITS.get(kind)}
    given |= {"startDate": start, "endDate": end or start, "value": value, **others}
    return "<Record " + " ".join(f'{name}="{one}"' for name, one in given.items() if one is not None) + "/>\n"


def sleep(stage, start, end, source="Watch"):
    return record("SleepAnalysis", f"HKCategoryValueSleepAnalysis{stage}", start, end, source)


def write(folder: Path, *elements: str, head=HEAD, tail=TAIL) -> Path:
    path = folder / "export.xml"
    path.write_text(head + "".join(elements) + tail, encoding="utf-8")
    return path


def read(path, **options):
    return lsmlib.read_apple_health(path, progress=False, **options)


# --- what is read ------------------------------------------------------------------------------------------------


def test_every_type_by_hand(tmp_path):
    path = write(
        tmp_path,
        '<Me HKCharacteristicTypeIdentifierDateOfBirth="1980-03-05" '
        'HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexFemale"/>',
        record(value="70", start="2024-03-04 12:34:01 +0100"),
        record(value="73", start="2024-03-04 12:34:59 +0100"),
        record(value="1.5", unit="count/s", start="2024-03-04 12:36:00 +0100"),
        record("StepCount", "60", "2024-03-04 12:34:30 +0100", "2024-03-04 12:36:30 +0100"),
        record("HeartRateVariabilitySDNN", "45", "2024-03-04 03:59:30 +0100", "2024-03-04 04:00:29 +0100"),
        record("RestingHeartRate", "55", "2024-03-04 00:00:10 +0100", "2024-03-04 09:00:00 +0100"),
        record("RestingHeartRate", "56", "2024-03-04 00:00:10 +0100", "2024-03-04 21:00:00 +0100"),
        record("AppleSleepingWristTemperature", "95", "2024-03-03 23:00:00 +0100", "2024-03-04 07:00:00 +0100",
               unit="degF"),
        sleep("InBed", "2024-03-04 00:00:00 +0100", "2024-03-04 08:00:00 +0100", "iPhone"),
        sleep("AsleepCore", "2024-03-04 01:00:00 +0100", "2024-03-04 02:00:00 +0100"),
        sleep("Awake", "2024-03-04 01:30:00 +0100", "2024-03-04 01:40:00 +0100"),
        '<Workout workoutActivityType="HKWorkoutActivityTypeRunning" sourceName="Watch" '
        'startDate="2024-03-04 18:00:00 +0100" endDate="2024-03-04 18:20:00 +0100"><MetadataEntry key="a" value="b"/>'
        "</Workout>",
        '<Workout workoutActivityType="HKWorkoutActivityTypeQuidditch" sourceName="Watch" '
        'startDate="2024-03-05 18:00:00 +0100" endDate="2024-03-05 18:20:00 +0100"/>',
        record("BodyMass", "70"),
        record(value="60", start="2024-03-05 00:00:00 +0100"),
    )  # fmt: skip
    cohort = read(path, person="anna")
    assert minutes(cohort, "heart_rate") == {"2024-03-04 12:34": 71.5, "2024-03-04 12:36": 90, "2024-03-05 00:00": 60}
    assert minutes(cohort, "steps") == {"2024-03-04 12:34": 15, "2024-03-04 12:35": 30, "2024-03-04 12:36": 15}
    assert minutes(cohort, "sdnn") == {"2024-03-04 04:00": 45}
    np.testing.assert_array_equal(cohort["resting_heart_rate"], [56, np.nan])
    np.testing.assert_allclose(cohort["sleeping_wrist_temperature"], [35, np.nan])
    assert cohort["sleeping_wrist_temperature"].attrs["units"] == "°C"
    np.testing.assert_array_equal(cohort["age"], [43, 44])
    assert set(cohort["sex"].values.tolist()) == {"female"}
    assert set(cohort["person"].values.tolist()) == {"anna"}
    asleep = cohort["asleep"].values
    assert (asleep[0] == 1).sum() == 50
    assert np.flatnonzero(asleep[0] == 0).tolist() == list(range(90, 100))
    assert np.flatnonzero(cohort["activity"][0] == 37).tolist() == list(range(1080, 1100))
    assert (cohort["activity"][1] == 127).sum() == 20
    names = cohort["activity"].attrs
    assert dict(zip(names["flag_values"], names["flag_meanings"].split(), strict=True))[37] == "Running"
    assert dropped(cohort, "asleep") == {"in bed, which says nothing of sleep": 1}
    summary = repr(lsmlib.describe_reading(cohort))
    assert "1 records of other types were skipped: 1 HKQuantityTypeIdentifierBodyMass" in summary
    assert "Quidditch" in summary
    lsmlib.save_cohort(cohort, tmp_path / "c.zarr", progress=False)


def test_of_two_devices_one_counts_in_a_minute(tmp_path):
    path = write(
        tmp_path,
        record("StepCount", "100", "2024-03-04 12:00:00 +0100", "2024-03-04 12:10:00 +0100", "Anna’s iPhone"),
        record("StepCount", "33", "2024-03-04 12:04:00 +0100", "2024-03-04 12:05:00 +0100", "Anna’s Apple\u00a0Watch"),
        record("StepCount", "77", "2024-03-04 12:04:00 +0100", "2024-03-04 12:06:00 +0100", "Zeppelin"),
    )
    steps = minutes(read(path), "steps")
    assert steps["2024-03-04 12:04"] == 33
    assert steps["2024-03-04 12:05"] == 10
    assert sum(steps.values()) == 123
    steps = minutes(read(path, prefer=["zepp", "watch"]), "steps")
    assert (steps["2024-03-04 12:04"], steps["2024-03-04 12:05"]) == (38.5, 38.5)
    # without preference, the one that has recorded in more minutes
    more = record("StepCount", "5", "2024-03-04 13:00:00 +0100", "2024-03-04 13:01:00 +0100", "Zeppelin")
    path.write_text(path.read_text(encoding="utf-8").replace(TAIL, more + TAIL), encoding="utf-8")
    assert minutes(read(path, prefer=()), "steps")["2024-03-04 12:04"] == 38.5


def test_the_model_of_the_device_counts_as_its_name(tmp_path):
    device = "&lt;&lt;HKDevice: 0x1&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2&gt;"
    other = device.replace("0x1", "0x2").replace("model:Watch", "model:iPhone")
    path = write(
        tmp_path, record(value="90", source="App", device=other), record(value="60", source="App", device=device)
    )
    assert minutes(read(path), "heart_rate") == {"2024-03-04 12:34": 60}


def test_sleep_of_the_preferred_device_counts_more(tmp_path):
    path = write(
        tmp_path,
        record(start="2024-03-04 00:00:00 +0100"),
        sleep("Awake", "2024-03-04 01:00:00 +0100", "2024-03-04 03:00:00 +0100", "Watch"),
        sleep("Asleep", "2024-03-04 00:00:00 +0100", "2024-03-04 08:00:00 +0100", "App"),
    )
    asleep = read(path)["asleep"].values[0]
    assert asleep[59:61].tolist() == [1, 0]
    assert asleep[179:181].tolist() == [0, 1]


def test_zeros_near_heart_beats(tmp_path):
    path = write(
        tmp_path,
        record(start="2024-03-04 12:10:20 +0100"),
        record(start="2024-03-04 12:12:20 +0100"),
        record("StepCount", "40", "2024-03-04 12:10:30 +0100", "2024-03-04 12:11:30 +0100"),
    )
    assert minutes(read(path), "steps") == {"2024-03-04 12:10": 20, "2024-03-04 12:11": 20}
    steps = minutes(read(path, zeros_near_heart_beats=2), "steps")
    assert [steps.pop(f"2024-03-04 12:{minute:02d}") for minute in range(8, 15)] == [0, 0, 20, 20, 0, 0, 0]
    assert not steps
    assert minutes(read(path, zeros_near_heart_beats=0), "steps")["2024-03-04 12:12"] == 0


def test_the_hour_that_comes_twice(tmp_path):
    path = write(
        tmp_path,
        record("StepCount", "60", "2024-10-27 02:30:00 +0200", "2024-10-27 02:31:00 +0200"),
        record("StepCount", "20", "2024-10-27 02:30:00 +0100", "2024-10-27 02:31:00 +0100"),
        # across the change: a quarter before, three quarters after
        record("StepCount", "80", "2024-10-27 02:59:00 +0200", "2024-10-27 02:03:00 +0100"),
        sleep("AsleepREM", "2024-10-27 02:50:00 +0200", "2024-10-27 02:10:00 +0100"),
        record(start="2024-10-27 02:30:10 +0200", value="60"),
        record(start="2024-10-27 02:30:10 +0100", value="80"),
        # 62 minutes, although the clock has moved by two
        record("StepCount", "600", "2024-10-27 02:59:00 +0200", "2024-10-27 03:01:00 +0100"),
    )
    expected = {"2024-10-27 02:30": 40, "2024-10-27 02:59": 20}
    expected |= {f"2024-10-27 02:0{minute}": 20 for minute in range(3)}
    cohort = read(path)
    assert minutes(cohort, "steps") == expected
    assert minutes(cohort, "heart_rate") == {"2024-10-27 02:30": 70}
    assert np.flatnonzero(cohort["asleep"].values[0] == 1).tolist() == [*range(120, 130), *range(170, 180)]
    assert dropped(cohort, "steps")["a total over more than 60 minutes"] == 1
    utc = read(path, timezone="UTC")
    assert minutes(utc, "steps")["2024-10-27 00:30"] == 60
    assert minutes(utc, "steps")["2024-10-27 01:30"] == 20
    assert (utc["asleep"].values == 1).sum() == 20
    berlin = read(path, timezone="Europe/Berlin")
    assert minutes(berlin, "steps") == expected


def test_the_hour_that_is_skipped(tmp_path):
    path = write(
        tmp_path,
        record("StepCount", "40", "2024-03-31 01:59:00 +0100", "2024-03-31 03:03:00 +0200"),
        sleep("AsleepREM", "2024-03-31 01:50:00 +0100", "2024-03-31 03:10:00 +0200"),
    )
    cohort = read(path)
    assert minutes(cohort, "steps") == {"2024-03-31 01:59": 10} | {f"2024-03-31 03:0{m}": 10 for m in range(3)}
    assert np.flatnonzero(cohort["asleep"].values[0] == 1).tolist() == [*range(110, 120), *range(180, 190)]


def test_a_timezone_moves_days(tmp_path):
    path = write(tmp_path, record(start="2024-03-04 01:00:00 +0900"))
    assert minutes(read(path), "heart_rate") == {"2024-03-04 01:00": 72}
    assert minutes(read(path, timezone="America/Los_Angeles"), "heart_rate") == {"2024-03-03 08:00": 72}


def test_a_life_of_recording_is_laid_out_lazily(tmp_path):
    rows = [record(value="70", start=f"{year}-{m:02d}-{d:02d} 12:00:00 +0000") for year in range(1991, 2024)
            for m in range(1, 13) for d in range(1, 29)]  # fmt: skip
    path = write(tmp_path, *rows, record(start="1924-03-04 12:00:00 +0000"), record(start="2924-03-04 12:00:00 +0000"))
    tracemalloc.start()
    cohort = read(path)
    assert tracemalloc.get_traced_memory()[1] < 100e6
    tracemalloc.stop()
    assert cohort.sizes["day"] == len(rows)
    assert cohort["signals"].chunks is not None
    assert float(cohort["signals"][-1, 720, 0]) == 70
    assert dropped(cohort, "heart_rate") == {"dated before 1990 or in the future": 2}


# --- where it is found -------------------------------------------------------------------------------------------


def test_folder_archive_and_translated_names(tmp_path):
    folder = tmp_path / "apple_health_export"
    folder.mkdir()
    path = write(folder, record())
    expected = minutes(read(path), "heart_rate")
    (folder / "export_cda.xml").write_text("<ClinicalDocument/>")
    assert minutes(read(folder), "heart_rate") == expected
    assert minutes(read(tmp_path), "heart_rate") == expected
    path.rename(folder / "导出.xml")
    assert minutes(read(folder), "heart_rate") == expected
    with zipfile.ZipFile(tmp_path / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.iterdir():
            archive.write(file, f"apple_health_export/{file.name}")
        archive.writestr("apple_health_export/workout-routes/route.gpx", "<gpx/>")
    cohort = read(tmp_path / "export.zip")
    assert minutes(cohort, "heart_rate") == expected
    assert cohort.attrs["reading"]["files"][0]["name"] == "export.zip"
    whole = (tmp_path / "export.zip").read_bytes()
    for cut in range(0, len(whole), 37):
        (tmp_path / "cut.zip").write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"cut\.zip"):
            read(tmp_path / "cut.zip")


def test_an_archive_that_needs_a_password(tmp_path):
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(write(tmp_path, record()), "apple_health_export/export.xml")
    content = bytearray((tmp_path / "export.zip").read_bytes())
    content[6] |= 1  # the flag of encryption, in both places
    content[content.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "export.zip").write_bytes(content)
    with pytest.raises(ValueError, match=r"export\.xml in export\.zip cannot be unpacked \(it is encrypted\)"):
        read(tmp_path / "export.zip")


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no"):
        read(tmp_path / "export.xml")
    with pytest.raises(ValueError, match=r"holds no export\.xml"):
        read(tmp_path)
    (tmp_path / "a.xml").write_text("")
    (tmp_path / "b.xml").write_text("")
    with pytest.raises(ValueError, match=r"several \.xml files"):
        read(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_marks_and_wide_characters(tmp_path, encoding):
    path = write(tmp_path, record(source="Zoë’s Watch"))
    text = path.read_text(encoding="utf-8").replace("UTF-8", "UTF-16" if "16" in encoding else "UTF-8")
    mark = "\ufeff" if encoding[-2:] in ("le", "be") else ""
    path.write_bytes((mark + text).encode(encoding))
    assert minutes(read(path), "heart_rate") == {"2024-03-04 12:34": 72}
    path.write_bytes(path.read_bytes()[:-1])
    if "16" in encoding:
        with pytest.raises(ValueError, match=r"export\.xml is not text .* cut off"):
            read(path)


# --- what an export should not be --------------------------------------------------------------------------------

LAUGHS = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("subset", "value", "message"),
    [
        (LAUGHS, "&i;", r"export\.xml, line 8: undefined entity"),
        ('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;", r"line 8: undefined entity"),
        ('<!ENTITY % x SYSTEM "http://example.org/x.dtd">\n%x;', "72", None),
        ("<!-- Apple's ]> -->\n device CDATA #IMPLIED\n>\n<!ATTLIST", "72", None),
        ('<!ENTITY x "]>">', "72", r"line \d: .*damaged"),
    ],
)
def test_the_doctype_is_never_believed(tmp_path, subset, value, message):
    path = write(tmp_path, record(value="VALUE"), head='<?xml version="1.0"?>\n<!DOCTYPE HealthData [\n' + subset +
                 "\n" * (4 - subset.count("\n")) + "]>\n<HealthData>", tail=TAIL)  # fmt: skip
    path.write_text(path.read_text().replace("VALUE", value))
    if message is None:
        assert minutes(read(path), "heart_rate") == {"2024-03-04 12:34": 72}
    else:
        with pytest.raises(ValueError, match=message) as error:
            read(path)
        assert "root:" not in str(error.value)


def test_lines_are_right_behind_a_doctype(tmp_path):
    path = write(
        tmp_path,
        "\n",
        record(value="x"),
        head="<!-- a\r\nb -->\r<!DOCTYPE HealthData [\r\n\r\n<!ELEMENT a b>]>\n<HealthData>",
    )
    with pytest.raises(ValueError, match=r"line 7: the value of HKQuantityTypeIdentifierHeartRate is 'x'"):
        read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"export\.xml is empty"),
        (" \n ", r"export\.xml is empty"),
        ("type,value\n1,2\n", r"export\.xml, line 1: "),
        ("<ClinicalDocument/>", r"line 1: the root element is 'ClinicalDocument'; .* clinical document beside it"),
        ("<HealthData/>", "found no reading"),
        ("<HealthData>", r"line 1: no element found.*cut off"),
        ("<HealthData></Health>", r"line 1: mismatched tag.*damaged"),
        ("<!DOCTYPE HealthData [" + "<!-- -->" * 200_000 + "]><HealthData/>", r"line 1: a DOCTYPE or comment of more"),
        ("<!DOCTYPE HealthData [<!ENTITY a '1'>", r"line 1: a DOCTYPE that does not end"),
        ("<!DOCTYPE a><!DOCTYPE b [<!ENTITY a '1'>]><HealthData/>", r"DOCTYPE that does not end, or a second"),
        ('<?xml version="1.0" encoding="cp037"?><HealthData/>', r"line 1: the encoding is 'cp037'"),
        ('<?xml version="1.0" encoding="utf-7"?><HealthData/>', r"line 1: the encoding is 'utf-7'"),
    ],
)  # fmt: skip
def test_no_export_at_all(tmp_path, text, message):
    path = tmp_path / "export.xml"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read(path)


def test_bombs_take_little_memory(tmp_path):
    path = tmp_path / "export.xml"
    bombs = {
        "levels": "<a>" * 3_000_000,
        "tag": '<a b="' + "x" * 9_000_000,
        "names": "".join(f"<a{i}/>" for i in range(1_000_000)),
        "attributes": "".join(f'<a b{i}=""/>' for i in range(1_000_000)),
        "types": "".join(record(f"X{i}") for i in range(5000)) + "</HealthData",
        "sources": "".join(record(source=f"X{i}") for i in range(5000)),
    }
    for bomb in bombs.values():
        path.write_text("<HealthData>" + bomb)
        tracemalloc.start()
        with pytest.raises(ValueError, match=r"export\.xml"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 60e6
        tracemalloc.stop()


def test_arguments(tmp_path):
    path = write(tmp_path, record())
    for options in ({"person": ""}, {"timezone": "Europe/Berlino"}, {"non_wear": "sometimes"}, {"prefer": "watch"},
                    {"zeros_near_heart_beats": 61}):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(options))):
            read(path, **options)


ODD_NUMBERS = [
    "72,5",
    "1.234,5",
    "nan",
    "inf",
    "-inf",
    "1e308",
    "1e400",
    "-5",
    "0",
    "",
    " ",
    "１２",
    "1_000",
    "0x10",
    "९",
]
ODD_NUMBERS += ["9" * 5000, "true", "7 2", "70"]
ODD_DATES = [
    "",
    "04.03.2024 12:34:56 +0100",
    "2024-03-04 12:34:56",
    "2024-03-04T12:34:56+01:00",
    "2024-03-04 1:34:56 PM +0100",
    "2024-02-30 12:34:56 +0100",
    "2024-03-04 24:00:00 +0100",
    "2024-03-04 12:34:56 +9900",
    "1924-03-04 12:34:56 +0100",
    "2124-03-04 12:34:56 +0100",
    "0000-01-01 00:00:00 +0000",
    "9999-12-31 23:59:59 -1400",
    "٢٠٢٤-03-04 12:34:56 +0100",
    "2024-00-04 12:34:56 +0100",
    "2024-13-01 12:34:56 +0100",
    "2024-03-00 12:34:56 +0100",
    "-024-03-04 12:34:56 +0100",
    "2024-03-04 12:34:56 +0100",
]
RIGHT = {"start": "2024-03-04 12:34:56 +0100", "end": "2024-03-04 12:35:56 +0100", "value": "70"}


@pytest.mark.parametrize("timezone", [None, "Asia/Tokyo"])
@pytest.mark.parametrize("kind", ["HeartRate", "StepCount", "RestingHeartRate", "SleepAnalysis"])
def test_odd_values_are_refused_or_dropped(tmp_path, kind, timezone):
    odd = [("value", one) for one in ODD_NUMBERS] + [(name, one) for name in ("start", "end") for one in ODD_DATES]
    odd += [("unit", one) for one in ("", "%", "Count/min", "mg", "9" * 10_000, "\u0000\u0001".replace("\0", ""))]
    odd += [(name, None) for name in ("type", "sourceName", "startDate", "endDate", "value", "unit")]
    good = record(start="2024-03-04 10:00:00 +0000", value="66")
    hour = "10:00" if timezone is None else "19:00"
    for name, one in odd:
        path = write(tmp_path, good, "\n", record(kind, **{**RIGHT, name: one}))
        try:
            cohort = read(path, timezone=timezone)
        except ValueError as error:
            assert "export.xml, line 5: " in str(error) or "export.xml, line 5, column" in str(error), (
                name,
                one,
                error,
            )
            assert len(str(error)) < 500
            continue
        beats, steps = minutes(cohort, "heart_rate"), minutes(cohort, "steps")
        assert beats.pop(f"2024-03-04 {hour}") == 66
        assert set(beats.values()) | {round(sum(steps.values()))} <= {0, 70}, (name, one)


def test_a_file_that_is_cut_anywhere_is_refused(tmp_path):
    whole = write(tmp_path, record(source="Zoë’s Watch"), "\n", record("StepCount", "5")).read_bytes()
    path = tmp_path / "cut.xml"
    for cut in range(len(whole.rstrip())):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"cut\.xml"):
            read(path)


def test_small_chunks_change_nothing(tmp_path, monkeypatch):
    path = write_apple_health(one_person(2), tmp_path, seed=3)
    expected = read(path)
    monkeypatch.setattr(apple_xml, "CHUNK", 7919)
    assert expected.identical(read(path))


# --- order and repetition ----------------------------------------------------------------------------------------

SECONDS = st.integers(0, 3 * 86_400)


@st.composite
def rows(draw):
    made = []
    for _ in range(draw(st.integers(1, 12))):
        start, length = draw(SECONDS), draw(st.integers(0, 4000))
        offset = draw(st.sampled_from(["+0100", "+0200", "-0330"]))
        base = np.datetime64("2024-10-26T00:00:00")
        times = [str(base + s).replace("T", " ") + " " + offset for s in (start, start + length)]
        source = draw(st.sampled_from(["Watch", "iPhone", "App", "Other"]))
        kind = draw(
            st.sampled_from(["HeartRate", "StepCount", "HeartRateVariabilitySDNN", "RestingHeartRate", "Sleep"])
        )
        if kind == "Sleep":
            made.append(sleep(draw(st.sampled_from(["Awake", "AsleepREM", "InBed"])), *times, source))
        else:
            made.append(record(kind, str(draw(st.integers(20, 120))), *times, source))
    return made


@settings(max_examples=60)
@given(rows(), st.randoms(use_true_random=False))
def test_order_changes_nothing_and_repetition_only_its_count(tmp_path_factory, made, chance: random.Random):
    folder = tmp_path_factory.mktemp("order")
    made = list(dict.fromkeys(made))
    shuffled = chance.sample(made, len(made))
    twice = [*shuffled, *(one for one in made if chance.random() < 0.5)]
    found = []
    for some in (made, shuffled, twice):
        try:
            found.append(read(write(folder, *some)))
        except ValueError as error:
            assert "no reading" in str(error)
            found.append(None)
    assert len({one is None for one in found}) == 1
    if found[0] is None:
        return
    reading = [one.attrs.pop("reading")["signals"] for one in found]
    assert found[0].identical(found[1])
    assert reading[0] == reading[1]
    for name in found[0].variables:
        np.testing.assert_array_equal(found[0][name].values, found[2][name].values)


@settings(max_examples=150)
@given(st.data())
def test_damage_is_refused_or_harmless(tmp_path_factory, data):
    whole = (
        HEAD + record(value="71") + record("StepCount", "71") + sleep("Awake", *[RIGHT["start"]] * 2) + TAIL
    ).encode()
    at = data.draw(st.integers(0, len(whole) - 1))
    junk = data.draw(st.binary(min_size=0, max_size=4))
    path = tmp_path_factory.mktemp("damage") / "export.xml"
    path.write_bytes(whole[:at] + junk + whole[at + data.draw(st.integers(0, 4)) :])
    try:
        cohort = read(path)
    except ValueError as error:
        assert "export.xml" in str(error)
    else:
        assert "signals" in cohort


# --- there and back ----------------------------------------------------------------------------------------------


def one_person(days=3, first="2024-03-30"):
    asleep, activity = np.full((days, 1440), -1, np.int8), np.full((days, 1440), -1, np.int8)
    asleep[:, :400], asleep[:, 200:203], asleep[:, 300:330], asleep[:, 401:600] = 1, 0, 0, 0
    activity[:, 1000:1040], activity[:, 1100:1111] = 0, 1
    return make_cohort(
        small_signals(days, seed=5),
        ["kim"] * days,
        np.datetime64(first) + np.arange(days),
        labels={"age": 34.0, "sex": "male"},
        per_minute={"asleep": asleep, "activity": (activity, ["outdoor bike", "Yoga"])},
    )


@pytest.mark.parametrize("timezone", ["UTC", "Europe/Berlin", "America/St_Johns"])
def test_there_and_back(tmp_path, timezone):
    cohort = one_person()
    path = write_apple_health(cohort, tmp_path, seed=1, timezone=timezone)
    back = read(path, person="kim")
    np.testing.assert_array_equal(back["date"], cohort["date"])
    skipped = np.zeros((3, 1440), bool)
    skipped[1, 120:180] = timezone == "Europe/Berlin"  # 31 March
    for name in ("heart_rate", "sdnn", "steps"):
        given, found = (one["signals"].sel(signal=name).values for one in (cohort, back))
        given = np.where(skipped, np.nan, given)
        if name == "steps":
            given = np.where(np.round(given) > 0, np.round(given), np.nan)
        np.testing.assert_allclose(found, given, rtol=1e-5)
    asleep = cohort["asleep"].values
    in_night = (asleep == 1) | ((asleep == 0) & (np.arange(1440) < 400))
    shown = ~skipped
    np.testing.assert_array_equal(back["asleep"].values[shown], np.where(in_night, asleep, -1)[shown])
    names = dict(
        zip(back["activity"].attrs["flag_values"], back["activity"].attrs["flag_meanings"].split(), strict=True)
    )
    kinds = [names[code] for code in np.unique(back["activity"]).tolist()]
    assert kinds == ["none", "Cycling", "Yoga"]
    np.testing.assert_array_equal(back["activity"].values >= 0, cohort["activity"].values >= 0)
    assert set(back["age"].values.tolist()) == {34.0}
    assert set(back["sex"].values.tolist()) == {"male"}
    assert back["resting_heart_rate"].notnull().all()
    assert back["sleeping_wrist_temperature"].notnull().any()


def test_samples_are_the_same_each_time_and_of_one_person(tmp_path):
    first = write_apple_health(one_person(), tmp_path / "a", seed=1).read_bytes()
    assert first == write_apple_health(one_person(), tmp_path / "b", seed=1).read_bytes()
    assert first != write_apple_health(one_person(), tmp_path / "b", seed=2).read_bytes()
    assert [file.name for file in (tmp_path / "b" / "apple_health_export").iterdir()] == ["export.xml"]
    with pytest.raises(ValueError, match="has 3 people"):
        write_apple_health(small_cohort(), tmp_path)
    with pytest.raises(ValueError, match="windows of 300 minutes"):
        write_apple_health(lsmlib.cut_windows(one_person()), tmp_path)
