"""read_actigraphy: CSV, Actiwatch, ActTrust, and the layout of Depresjon."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lsmlib
from lsmlib.readers.actigraphy import code_of_counts, counts_of_code


def write_csv(path, rows: int = 2000, seed: int = 0, start: str = "2003-05-07 12:00", **form) -> np.ndarray:
    counts = np.random.default_rng(seed).integers(0, 3000, rows)
    times = np.datetime64(start, "s") + np.arange(rows) * np.timedelta64(60, "s")
    sep = form.get("sep", ",")
    lines = [sep.join(["timestamp", "date", "activity"])]
    lines += [
        sep.join([str(t).replace("T", " "), str(t)[:10], str(c)]) for t, c in zip(times, counts.tolist(), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding=form.get("encoding", "utf-8"))
    return counts


@pytest.mark.parametrize("form", [{}, {"sep": ";"}, {"encoding": "utf-8-sig"}, {"encoding": "utf-16"}])
def test_csv_of_timestamps_and_counts(tmp_path, form):
    counts = write_csv(tmp_path / "anna.csv", **form)
    cohort = lsmlib.read_actigraphy(tmp_path / "anna.csv", counts="activity")
    assert cohort["person"].values.tolist() == ["anna"] * 2
    found = cohort["counts"].values.reshape(-1)[720:2720]
    assert found.tolist() == counts.tolist() and np.isnan(cohort["counts"].values.reshape(-1)[:720]).all()
    energy = cohort["signals"].sel(signal="log_energy").values.reshape(-1)[720:2720]
    assert np.allclose(counts_of_code(energy), counts, rtol=1e-4, atol=1e-4)
    assert lsmlib.describe_reading(cohort).files[0]["rows"] == 2000


def test_the_code_of_counts_by_hand():
    assert code_of_counts(np.array([0, 65535, 10**6])).tolist() == [0, 255, 255]
    assert code_of_counts(np.array([255]))[0] == 127.5  # half the bits of a 16-bit counter, half the code


def test_a_folder_is_a_person_a_file(tmp_path):
    write_csv(tmp_path / "a.csv", 100)
    write_csv(tmp_path / "b.csv", 100, seed=1)
    assert lsmlib.read_actigraphy(tmp_path)["person"].values.tolist() == ["a", "b"]
    (tmp_path / "c").mkdir()
    write_csv(tmp_path / "c" / "a.csv", 100)
    with pytest.raises(ValueError, match="would be one person 'a'"):
        lsmlib.read_actigraphy(tmp_path)


def write_depresjon(folder, days: dict[str, int]) -> None:
    lines = ["number,days,gender,age,afftype,melanch,inpatient,edu,marriage,work,madrs1,madrs2"]
    for person, count in days.items():
        group = person.split("_")[0]
        (folder / "data" / group).mkdir(parents=True, exist_ok=True)
        write_csv(folder / "data" / group / f"{person}.csv", 1440 * 4, seed=count)
        score = "24,20" if group == "condition" else "NA,NA"
        lines.append(f"{person},{count},{1 if count % 2 else 2},35-39,2,2,2, ,1,2,{score}")
    (folder / "scores.csv").write_text("\n".join(lines) + "\n")


def test_depresjon_is_cut_to_the_study_and_labelled(tmp_path):
    write_depresjon(tmp_path, {"condition_1": 3, "control_1": 2})
    cohort = lsmlib.read_actigraphy(tmp_path)
    assert cohort["person"].values.tolist() == ["condition_1"] * 3 + ["control_1"] * 2
    assert cohort["depression"].values.tolist() == [1, 1, 1, 0, 0]
    assert cohort["madrs"].values.tolist()[:3] == [24] * 3 and np.isnan(cohort["madrs"].values[3:]).all()
    assert cohort["age"].values[0] == 37 and cohort["sex"].values.tolist()[::3] == ["female", "male"]
    assert np.isnan(cohort["counts"].values[0, :720]).all() and not np.isnan(cohort["counts"].values[1:3]).any()
    dropped = lsmlib.describe_reading(cohort).signals["counts"]["dropped"]
    assert dropped == {"after the days of the study": 2 * 4 * 1440 - (2.5 + 1.5) * 1440}


def test_depresjon_without_a_persons_file(tmp_path):
    write_depresjon(tmp_path, {"condition_1": 3, "control_1": 2})
    (tmp_path / "data" / "control" / "control_1.csv").unlink()
    with pytest.raises(ValueError, match=r"lists 'control_1'; expected one file control_1\.csv"):
        lsmlib.read_actigraphy(tmp_path)


def test_choi_on_a_drawer(tmp_path):
    path = tmp_path / "a.csv"
    write_csv(path, 300)
    lines = path.read_text().splitlines()
    lines[101:221] = [line.rsplit(",", 1)[0] + ",0" for line in lines[101:221]]
    path.write_text("\n".join(lines))
    counts = lsmlib.read_actigraphy(path, non_wear="choi")["counts"].values[0]
    assert np.isnan(counts[820:940]).all() and not np.isnan(counts[720:820]).any()


AWD = ["Anna", " 23-Jan-1918", " 13:58", "  4 ", " 31", "V664055", " F", "0", "12 , 0.00", "34 , 32.71 M", "7 M", ""]


def test_actiwatch(tmp_path):
    (tmp_path / "anna.AWD").write_text("\r\n".join(AWD))
    cohort = lsmlib.read_actigraphy(tmp_path / "anna.AWD")
    assert str(cohort["date"].values[0])[:10] == "1918-01-23"  # dates that were moved out of the way stay as they are
    assert cohort["counts"].values[0, 838:842].tolist() == [0, 12, 34, 7]
    assert cohort["age"].values[0] == 31 and cohort["sex"].values[0] == "female"


@pytest.mark.parametrize(("code", "expected"), [("1", [53]), ("2", [12, 41]), ("8", [0, 0, 6, 6, 17, 17, 3.5, 3.5])])
def test_epochs_of_other_lengths_become_minutes(tmp_path, code, expected):
    (tmp_path / "anna.AWD").write_text("\n".join([*AWD[:3], code, *AWD[4:]]))
    found = lsmlib.read_actigraphy(tmp_path / "anna.AWD")["counts"].values[0]
    found = found[838 : 838 + len(expected)]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (1, "23/01/2018", r"anna.AWD, lines 2 and 3: '23/01/2018 13:58' is not a time"),
        (3, "7", "line 4: '7' is no length of an epoch"),
        (9, "twelve", "line 10: 'twelve' is no count"),
        (9, "-3", "line 10: '-3' is no count"),
    ],
)
def test_damaged_actiwatch_files(tmp_path, line, text, message):
    (tmp_path / "anna.AWD").write_text("\n".join([*AWD[:line], text, *AWD[line + 1 :]]))
    with pytest.raises(ValueError, match=message):
        lsmlib.read_actigraphy(tmp_path / "anna.AWD")


TRUST = """+-------------+ Condor Instruments Report +-------------+
SUBJECT_NAME : x
SUBJECT_GENDER : Female
INTERVAL : 60
+-------------------------------------------------------+
DATE/TIME;MS;EVENT;TEMPERATURE;EXT TEMPERATURE;PIM;TAT;ZCM
03/04/2024 09:00:00;0;0;29.38;28.19;1851;109;41
03/04/2024 09:01:00;0;0;29,47;28.25;2683;134;64
"""


def test_acttrust(tmp_path):
    path = tmp_path / "anna.txt"
    path.write_text(TRUST.replace("29,47", "29.47"))
    cohort = lsmlib.read_actigraphy(path, counts="ZCM")
    assert str(cohort["date"].values[0])[:10] == "2024-04-03"  # the day stands first
    assert cohort["counts"].values[0, 540:542].tolist() == [41, 64] and cohort["sex"].values[0] == "female"
    assert cohort["signals"].sel(signal="skin_temperature").values[0, 540] == pytest.approx(29.38)
    assert lsmlib.read_actigraphy(path)["counts"].values[0, 540] == 1851
    path.write_text(TRUST)
    with pytest.raises(ValueError, match=r"anna.txt, line 8: TEMPERATURE is '29,47'|line 7"):
        lsmlib.read_actigraphy(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "a.csv is empty"),
        ("a.csv", "time,activity\n", "no reading"),
        ("a.csv", "when,activity\n1,2\n", "a.csv, line 1: no column timestamp or time"),
        ("a.csv", "time,steps\n1,2\n", r"a.csv, line 1: there is no column 'activity' among \['time', 'steps'\]"),
        ("a.csv", "time,activity\n04/05/2003 12:00,2\n", "a.csv, line 2: .* is not a time in ISO 8601"),
        ("a.csv", "time,activity\n2003-05-04 12:00,many\n", "a.csv, line 2: activity is 'many'"),
        ("a.txt", "hello", "a.txt, line 1: expected the frame"),
        ("a.txt", TRUST[:100], "the header has no end"),
        ("a.txt", TRUST[: TRUST.index("DATE")], "a.txt"),
        ("a.awd", "x\n", "has 1 lines; expected seven"),
        ("a.pdf", "", "a.pdf"),
    ],
)
def test_files_that_are_not_what_they_should_be(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        lsmlib.read_actigraphy(tmp_path / name)


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        lsmlib.read_actigraphy(tmp_path / "a.csv")
    with pytest.raises(ValueError, match=r"no \.csv, \.AWD or \.txt file"):
        lsmlib.read_actigraphy(tmp_path)


@given(cut=st.integers(0, 400), noise=st.binary(max_size=8))
def test_a_file_cut_anywhere_is_right_as_far_as_it_goes_or_refused(tmp_path_factory, cut, noise):
    path = tmp_path_factory.mktemp("cut") / "a.csv"
    counts = write_csv(path, 12)
    path.write_bytes(path.read_bytes()[:cut] + noise)
    try:
        found = lsmlib.read_actigraphy(path)["counts"].values[0, 720:732]
    except ValueError as error:
        assert "a.csv" in str(error)
    else:
        whole = (cut - 1 - len("timestamp,date,activity")) // 34  # lines that can have been left whole
        assert (found[: max(whole - 1, 0)] == counts[: max(whole - 1, 0)]).all()


def test_simulated_days_come_back_from_an_actigraphs_files(tmp_path):
    cohort = lsmlib.simulate_cohort(people=2, days=2, seed=3)
    files = lsmlib.samples.write_actigraphy(cohort, tmp_path)
    assert [file.stem for file in files] == sorted(set(cohort["person"].values.tolist()))
    back = lsmlib.read_actigraphy(tmp_path)
    assert back["date"].equals(cohort["date"]) and back["person"].equals(cohort["person"])
    original, found = (c["signals"].sel(signal="log_energy").values for c in (cohort, back))
    gap = np.isnan(original)
    assert (found[gap] == 0).all()  # an actigraph in a drawer writes zeros
    assert np.abs(counts_of_code(found[~gap]) - counts_of_code(original[~gap])).max() <= 0.51  # whole counts


def test_order_changes_nothing_and_a_day_of_another_century_is_dropped(tmp_path):
    write_csv(tmp_path / "a.csv", 500)
    lines = (tmp_path / "a.csv").read_text().splitlines()
    (tmp_path / "b.csv").write_text("\n".join([lines[0], *lines[:0:-1], lines[5], "2116-05-07 12:00:00,2116-05-07,9"]))
    a, b = (lsmlib.read_actigraphy(tmp_path / f"{name}.csv") for name in "ab")
    assert np.array_equal(a["signals"].values, b["signals"].values, equal_nan=True)
    dropped = lsmlib.describe_reading(b).signals["counts"]["dropped"]
    assert dropped == {"dated before 1800 or in the future": 1, "repeated": 1}


def test_minutes_measured_in_part_are_gaps(tmp_path):
    lines = [*AWD[:2], "11:00:30", "1", *AWD[4:7], *["10"] * 10]  # 15 s: half of 11:00, all of 11:01 and 11:02
    (tmp_path / "anna.AWD").write_text("\n".join(lines))
    cohort = lsmlib.read_actigraphy(tmp_path / "anna.AWD")
    counts = cohort["counts"].values[0]
    assert counts[661:663].tolist() == [40, 40] and np.isfinite(counts).sum() == 2
    dropped = lsmlib.describe_reading(cohort).signals["counts"]["dropped"]
    assert dropped == {"in minutes that were measured in part": 2}
