"""Actigraphy: movement counts of a wrist, one an epoch, from CSV, Actiwatch (.AWD) and ActTrust (.txt) files.

Counts are no signal of the Large Sensor Models. They are kept as the variable ``counts``, and give one signal:
``log_energy``, "log of the acceleration's magnitude", as the 8-bit code 255 · ln(1 + counts) / ln(65536), which is 0
when nothing moved and 255 where a 16-bit counter ends. The papers publish no formula; this reading is ours. It keeps
the order of minutes and can be undone, but its scale is the device's: do not compare it between devices.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.readers.clock import parse_iso, parse_times
from lsmlib.readers.recording import Recording
from lsmlib.readers.tables import read_pieces

TIME_COLUMNS = ("timestamp", "time", "datetime", "date_time", "date/time")
ANY_DATE = np.datetime64("1800-01-01")  # published recordings move dates out of the way, to 1918 for example
AWD_EPOCHS = {"1": 15, "2": 30, "4": 60, "8": 120, "20": 300}  # line 4 of an .AWD file, in quarters of a minute → s
COUNTS_FOR_FULL_CODE = 65535


def read_actigraphy(
    path: str | Path,
    counts: str = "activity",
    *,
    time: str | None = None,
    time_format: str | None = None,
    non_wear: str | None = None,
    licence: str = "unknown",
) -> xr.Dataset:
    """Read activity counts of one person or many.

    Args:
        path: a CSV, ``.AWD`` or ActTrust ``.txt`` file, one person's; a folder of such files; or the folder of
            Depresjon (one with ``scores.csv``), whose files are cut to the days of the study and labelled.
        counts: the column of counts in a CSV file, or in an ActTrust file the mode: ``"PIM"``, ``"ZCM"``, ``"TAT"``
            (PIM if it has no column of that name). An ``.AWD`` file has no names.
        time: the column of times of a CSV file; by default ``timestamp``, ``time`` or ``datetime``.
        time_format: of that column, as for ``datetime.strptime``; by default ISO 8601.
        non_wear: ``"choi"`` turns 90 minutes of zeros or more into gaps (see ``readers.wear``). By default zeros stay.
        licence: under which licence, for the record.

    Returns:
        A Cohort with ``log_energy`` (and ``skin_temperature`` from ActTrust); ``counts`` float32 ``[d, t]`` beside it.
        Depresjon adds ``depression`` (1 patient, 0 control) and ``madrs`` (score at the start) float32 ``[d]``; its
        bands of age become their middle. Counts of epochs below a minute are added up where the whole minute was
        measured (else it is a gap), those above spread evenly. Presses of an Actiwatch's marker are not read.

    Raises:
        FileNotFoundError: if there is nothing at ``path``.
        ValueError: for files that are none of these, or damaged; the message names file and line.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"there is no file or folder {path}")
    recording = Recording("read_actigraphy", f"actigraphy, {path.name}", licence, earliest=ANY_DATE)
    recording.derive("log_energy", "counts", code_of_counts)
    if path.is_dir() and (scores := next(iter(sorted(path.rglob("scores.csv"))), None)):
        return _read_depresjon(recording, scores, counts, non_wear)
    files = [path]
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix.lower() in (".csv", ".awd", ".txt"))
        if not files:
            raise ValueError(f"there is no .csv, .AWD or .txt file in {path} or below")
        _check_names(files)
    for file in files:
        _read_file(recording, file, counts, time, time_format)
    return recording.to_cohort(non_wear=non_wear)


def code_of_counts(counts: np.ndarray) -> np.ndarray:
    """Counts a minute to an 8-bit logarithmic code, float32 ``[m]``, 0 to 255."""
    code = 255 * np.log1p(counts.astype(float)) / np.log1p(COUNTS_FOR_FULL_CODE)
    return np.minimum(code, 255).astype(np.float32)


def counts_of_code(code: np.ndarray) -> np.ndarray:
    """The inverse of ``code_of_counts`` below 255."""
    return np.expm1(np.asarray(code, float) / 255 * np.log1p(COUNTS_FOR_FULL_CODE))


def _check_names(files: list[Path]) -> None:
    seen: dict[str, Path] = {}
    for file in files:
        if (other := seen.setdefault(file.stem, file)) != file:
            raise ValueError(f"{other} and {file} would be one person {file.stem!r}; give the files different names")


def _read_file(recording: Recording, path: Path, counts: str, time: str | None, time_format: str | None) -> None:
    if path.suffix.lower() == ".awd":
        _read_awd(recording, path)
    elif path.suffix.lower() == ".txt":
        _read_acttrust(recording, path, counts)
    else:
        _read_csv(recording, path, counts, time, time_format)


def _read_csv(
    recording: Recording, path: Path, counts: str, time: str | None, time_format: str | None, days: int | None = None
) -> None:
    """One person's file; if ``days`` is given, so many civil days from the first."""
    names = TIME_COLUMNS if time is None else (time,)
    rows, times, values = 0, [], []
    for piece in read_pieces(path, [counts, *([] if time is None else [time])], optional=names):
        column = next((name for name in names if name in piece.rows), None)
        if column is None:
            raise ValueError(f"{path.name}, line 1: no column {' or '.join(names)}; say which one holds times: time=…")
        text = piece.text(column)
        if time_format is None:
            wall, _ = parse_iso(text, piece.place)
        else:
            wall = parse_times(text, [time_format], piece.place)
        times.append(wall)
        values.append(piece.numbers(counts))
        rows += len(piece)
    recording.add_file(path, rows)
    if not rows:
        return
    wall, value = np.concatenate(times), np.concatenate(values)
    in_study = np.ones(rows, bool) if days is None else wall < wall.min().astype("datetime64[D]") + days
    recording.drop("counts", "after the days of the study", int((~in_study).sum()))
    _add_counts(recording, path.stem, wall[in_study], value[in_study])


def _add_counts(recording: Recording, person: str, time: np.ndarray, counts: np.ndarray) -> None:
    """Epochs are as long as the time that most often lies between two rows."""
    apart = np.diff(np.unique(time)).astype("timedelta64[s]").astype(np.int64)
    lengths, often = np.unique(apart, return_counts=True)
    epoch = int(lengths[np.argmax(often)]) if len(lengths) else 60
    if epoch <= 60:
        known = ~np.isnan(counts)
        minute, of, epochs = np.unique(time.astype("datetime64[m]"), return_inverse=True, return_counts=True)
        measured = np.bincount(of, known, len(minute))
        partly = (measured < 60 // epoch) & (epochs <= 60 // epoch)  # of more epochs some are there twice
        lost = partly[of] & known
        recording.drop("counts", "in minutes that were measured in part", int(lost.sum()))
        recording.add(person, "counts", time[~lost], counts[~lost], how="sum")
    else:
        recording.add_totals(person, "counts", time, time + np.timedelta64(epoch, "s"), counts)


def _read_awd(recording: Recording, path: Path) -> None:
    """Seven lines of header (name, date, time, epoch, age, serial, sex), then a count a line, perhaps with more."""
    lines = path.read_text(encoding="latin-1").splitlines()
    if len(lines) < 8:
        raise ValueError(f"{path.name} has {len(lines)} lines; expected seven of a header and one for each epoch")
    start = _parse_awd_start(path, lines[1].strip(), lines[2].strip())
    code = lines[3].strip()
    if code not in AWD_EPOCHS:
        raise ValueError(f"{path.name}, line 4: {code!r} is no length of an epoch; expected one of {list(AWD_EPOCHS)}")
    body = pd.Series(lines[7:], dtype=str).str.strip()
    while len(body) and body.iloc[-1] == "":
        body = body.iloc[:-1]
    text = body.str.extract(r"^(\d+)\s*(?:,.*|M)?$", expand=False)
    wrong = np.flatnonzero(text.isna().to_numpy())
    if len(wrong):
        raise ValueError(f"{path.name}, line {8 + wrong[0]}: {body.iloc[wrong[0]]!r} is no count of an epoch")
    time = start + np.arange(len(text)) * np.timedelta64(AWD_EPOCHS[code] * 1000, "ms")
    recording.add_file(path, len(text))
    _add_counts(recording, path.stem, time, text.to_numpy(float))
    age, sex = lines[4].strip(), lines[6].strip().upper()
    recording.label(path.stem, **_known_sex({"F": "female", "M": "male"}.get(sex)))
    if age.isdigit() and int(age) > 0:
        recording.label(path.stem, age=int(age))


def _parse_awd_start(path: Path, date: str, clock: str) -> np.datetime64:
    formats = [f"%d-%b-%Y {time}" for time in ("%H:%M", "%H:%M:%S", "%I:%M:%S %p", "%I:%M %p")]
    text = pd.Series([f"{date} {clock}"])
    return parse_times(text, formats, lambda row: f"{path.name}, lines 2 and 3")[0]


def _read_acttrust(recording: Recording, path: Path, counts: str) -> None:
    """A framed header, then a table separated by semicolons."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = [line for _, line in zip(range(200), file, strict=False)]
    if not head or not head[0].startswith("+-"):
        raise ValueError(
            f"{path.name}, line 1: expected the frame of an ActTrust report, +-----+; other tables are .csv"
        )
    end = next((number for number, line in enumerate(head[1:], 1) if line.startswith("+-")), None)
    if end is None:
        raise ValueError(f"{path.name}: the header has no end (+-----+) in its first {len(head)} lines; is it cut off?")
    known = dict(line.split(" : ", 1) for line in head[1:end] if " : " in line)
    columns = [name.strip() for name in head[end + 1].split(";")] if end + 1 < len(head) else []
    mode = counts if counts in columns else "PIM"
    rows = 0
    person = path.stem
    for piece in read_pieces(path, ["DATE/TIME", mode], optional=("TEMPERATURE",), skip=end + 1):
        time = piece.times("DATE/TIME", ["%d/%m/%Y %H:%M:%S"])
        if rows == 0:
            recording.note(f"{path.name}: counts are {mode}")
        _add_counts(recording, person, time, piece.numbers(mode))
        if "TEMPERATURE" in piece.rows:
            recording.add(person, "skin_temperature", time, piece.numbers("TEMPERATURE"))
        rows += len(piece)
    recording.add_file(path, rows)
    sex = known.get("SUBJECT_GENDER", "").strip().lower()
    recording.label(person, **_known_sex(sex if sex in ("female", "male") else None))


def _read_depresjon(recording: Recording, scores: Path, counts: str, non_wear: str | None) -> xr.Dataset:
    """Files run on after the study, often with the device in a drawer: only the first days of each count."""
    table = pd.read_csv(scores, dtype={"number": str, "age": str})
    absent = [name for name in ("number", "days", "gender", "age", "madrs1") if name not in table]
    if absent:
        raise ValueError(f"{scores.name}, line 1: there is no column {absent}; expected the scores of Depresjon")
    recording.add_file(scores, len(table))
    days = dict(zip(table["number"], table["days"].astype(int), strict=True))
    for row in table.to_dict("records"):
        person = row["number"]
        files = sorted(scores.parent.rglob(f"{person}.csv"))
        if len(files) != 1:
            raise ValueError(f"{scores.name} lists {person!r}; expected one file {person}.csv beside or below, {files}")
        _read_csv(recording, files[0], counts, "timestamp", None, days[person])
        low, high = (int(edge) for edge in row["age"].split("-"))
        recording.label(person, age=(low + high) / 2, sex={1: "female", 2: "male"}[int(row["gender"])])
    recording.note("age is the middle of a band of five years; days after those of scores.csv are not read")
    cohort = recording.to_cohort(non_wear=non_wear)
    by_person: Mapping[Any, Any] = table.set_index("number")["madrs1"].to_dict()
    people = cohort["person"].values.tolist()
    is_patient = np.array([person.startswith("condition") for person in people], np.float32)
    madrs = np.array([by_person[person] for person in people], np.float32)
    cohort["depression"] = ("day", is_patient, {"long_name": "depression, 1 patient, 0 control"})
    cohort["madrs"] = ("day", madrs, {"long_name": "MADRS at the start, 0 to 60; only of patients"})
    return cohort


def _known_sex(sex: str | None) -> dict[str, str]:
    return {} if sex is None else {"sex": sex}
