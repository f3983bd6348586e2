"""Fitbit, as Google Takeout hands it out: JSON files by the day, month or year, and some tables."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from lsmlib.readers.clock import check_timezone, parse_iso, to_wall
from lsmlib.readers.people import parse_birth, with_age
from lsmlib.readers.recording import Recording
from lsmlib.readers.tables import find_files, read_pieces
from lsmlib.readers.takeout_json import Entries, to_numbers, to_times
from lsmlib.readers.wear import check_non_wear

_INTRADAY, _DATE = ["%m/%d/%y %H:%M:%S"], ["%m/%d/%y"]
_LOCAL = ["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S"]
# "restless", of devices without a pulse sensor, is not sleep: Fitbit leaves it out of the minutes asleep.
LEVELS = {"light": 1, "deep": 1, "rem": 1, "asleep": 1, "wake": 0, "awake": 0, "restless": 0}
OF_DAY = {  # plausible range, unit and meaning of the numbers about a day
    "resting_heart_rate": (30.0, 150.0, "bpm", "resting heart rate of the day, as the device estimates it"),
    "rmssd_asleep": (1.0, 300.0, "ms", "root mean square of successive RR differences in the sleep of the day"),
}
_SEXES = {"female": "female", "male": "male"}


def read_fitbit_takeout(
    folder: str | Path,
    *,
    person: str = "me",
    timezone: str | None = None,
    non_wear: str | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Read the Fitbit part of a Google Takeout (takeout.google.com, "Fitbit", unpacked).

    ==========================================  =======================================================================
    ``heart_rate-*.json``                       ``heart_rate``, the mean of the minute; without confidence, no reading
    ``heart_rate_2024-*.csv``                   the same, in exports of the newer kind
    ``steps-*.json``                            ``steps``; zeros are written whether the device was worn or not
    ``calories-*.json``                         ``calories [d, t]`` in kcal/min
    ``sleep-*.json``                            ``asleep [d, t]``: 1 in light, deep and REM sleep; 0 awake or restless
    ``Heart Rate Variability Details*.csv``     ``rmssd``, in the minute that is named, one in five asleep
    ``Daily Heart Rate Variability Sum*.csv``   ``rmssd_asleep [d]`` in ms
    ``resting_heart_rate-*.json``               ``resting_heart_rate [d]`` in bpm
    ``Profile.csv``                             ``age [d]``, ``sex [d]``, and the time zone
    ==========================================  =======================================================================

    Whatever of these is there is read, anywhere below the folder, capitals aside; all else is left alone. Heart rate,
    steps and calories are written in UTC, sleep and its variability on the wall's clock: hence the time zone.

    Args:
        folder: the folder of the export, or any above it, of one person.
        person: whose it is.
        timezone: the IANA name of where the person was, such as ``"Europe/Berlin"``. By default that of
            ``Profile.csv``; without one UTC, with a warning.
        non_wear: ``"choi"`` or ``"stepless_day"`` (see ``readers.wear``): minutes in which the device was not worn
            become gaps. By default zeros stay zeros.
        progress: whether to show a bar.

    Returns:
        A Cohort: every civil day with a reading; NaN where a signal was not measured. Days are laid out lazily when
        there are many. ``lsmlib.describe_reading`` tells what was dropped and why.

    Raises:
        ValueError: for files that are damaged, cut off, or not as Fitbit writes them, with file and line; a folder with
            none of these files; an unknown time zone; an export without any reading.
        FileNotFoundError: if there is no such folder.
    """
    if not isinstance(person, str) or not person:
        raise ValueError(f"person is {person!r}; expected text that is not empty")
    check_non_wear(non_wear)
    if timezone is not None:
        check_timezone(timezone)
    folder = Path(folder)
    found = {pattern: find_files(folder, [pattern]) for pattern in _READ}
    if not any(found.values()):
        raise ValueError(
            f"there is none of the files of a Fitbit export in {folder} or below; looked for {', '.join(_READ)}. Is "
            "the archive unpacked?"
        )
    profile = _read_profile(find_files(folder, ["Profile.csv"]))
    zone, guessed = _find_timezone(timezone, profile)
    recording = Recording("read_fitbit_takeout", "Fitbit, by Google Takeout", timezone=zone)
    if guessed:
        recording.note(guessed)
        warnings.warn(guessed, stacklevel=2)
    files = [(path, pattern) for pattern, paths in found.items() for path in paths]
    for path, pattern in tqdm(files, "reading Fitbit", unit=" files", disable=not progress, delay=1):
        recording.add_file(path, _READ[pattern](recording, person, path, zone))
    read = {path for path, _ in files}
    for pattern in ("steps_*.csv", "*temperature*.csv"):  # of Google's newer layout
        if others := [path.name for path in find_files(folder, [pattern]) if path not in read]:
            recording.note(f"not read: {others[0]}" + (f" and {len(others) - 1} more like it" if others[1:] else ""))
    if profile and profile["gender"].lower() in _SEXES:
        recording.label(person, sex=_SEXES[profile["gender"].lower()])
    cohort = recording.to_cohort(non_wear=non_wear)
    for name, (_, _, unit, meaning) in OF_DAY.items():
        if name in cohort:
            cohort[name].attrs |= {"units": unit, "long_name": meaning}
    return with_age(cohort, profile["birth"]) if profile and profile["birth"] is not None else cohort


def _find_timezone(timezone: str | None, profile: dict[str, Any]) -> tuple[str, str]:
    """The zone, and what to say if it was guessed."""
    if timezone is not None:
        return timezone, ""
    if profile.get("timezone"):
        try:
            check_timezone(profile["timezone"])
        except ValueError as error:
            raise ValueError(f"{profile['place']}: {error}. Or pass timezone=, which comes first") from error
        return profile["timezone"], ""
    return "UTC", (
        "the export names no time zone, so heart rate and steps are told in UTC while sleep is told on the wall's "
        "clock; pass timezone='Europe/Berlin' or wherever it was"
    )


def _read_profile(paths: list[Path]) -> dict[str, Any]:
    for path in paths[:1]:
        for piece in read_pieces(path, [], ["timezone", "date_of_birth", "gender"]):
            row = {name: str(piece.rows[name].iloc[0]) for name in piece.rows}
            birth = parse_birth(row.get("date_of_birth", ""), piece.place(0))
            about = {"timezone": row.get("timezone", ""), "gender": row.get("gender", "")}
            return {**about, "birth": birth, "place": piece.place(0)}
    return {}


def _read_heart_rate(recording: Recording, person: str, path: Path, zone: str) -> int:
    entries = Entries(path)
    wall, offset = to_wall(entries.times("dateTime", formats=_INTRADAY), zone)
    beats, confidence = entries.numbers("value", "bpm"), entries.numbers("value", "confidence")
    sure = confidence > 0
    recording.drop("heart_rate", "of confidence 0", int((~sure).sum()))
    recording.add(person, "heart_rate", wall[sure], beats[sure], offset=offset[sure])
    return len(entries)


def _read_heart_rate_table(recording: Recording, person: str, path: Path, zone: str) -> int:
    rows = 0
    for piece in read_pieces(path, ["timestamp", "beats per minute"]):
        time, ahead = parse_iso(piece.text("timestamp"), piece.place)
        if ahead is None:
            raise ValueError(f"{piece.place(0)}: the timestamps end in no time zone; expected '2024-03-04T21:05:30Z'")
        wall, offset = to_wall(time - ahead * np.timedelta64(1000, "ms"), zone)
        recording.add(person, "heart_rate", wall, piece.numbers("beats per minute"), offset=offset)
        rows += len(piece)
    return rows


def _reader_of_totals(name: str) -> Callable[[Recording, str, Path, str], int]:
    def read(recording: Recording, person: str, path: Path, zone: str) -> int:
        entries = Entries(path)
        wall, offset = to_wall(entries.times("dateTime", formats=_INTRADAY), zone)
        recording.add(person, name, wall, entries.numbers("value"), how="sum", offset=offset)
        return len(entries)

    return read


def _read_sleep(recording: Recording, person: str, path: Path, zone: str) -> int:
    logs = Entries(path)
    levels = logs.column("levels")
    # Short waking stands beside the stages, which go on beneath it: it is added last, and so counts.
    for name in ("data", "shortData"):
        rows: list[int] = []
        stretches: list[dict[str, Any]] = []
        for row, level in enumerate(levels):
            of_log = level.get(name, [] if name == "shortData" else None) if isinstance(level, dict) else None
            if not isinstance(of_log, list) or not all(isinstance(one, dict) for one in of_log):
                logs.refuse(row, f"there is no list levels.{name} of stages in this log of sleep")
            stretches += of_log
            rows += [row] * len(of_log)
        _add_stages(recording, person, logs, name, stretches, rows)
    return len(logs)


def _add_stages(
    recording: Recording, person: str, logs: Entries, name: str, stretches: list[dict[str, Any]], rows: list[int]
) -> None:
    def place(stretch: int) -> str:
        return logs.place(rows[stretch])

    columns = {}
    for field in ("dateTime", "seconds", "level"):
        for number, stretch in enumerate(stretches):
            if field not in stretch:
                raise ValueError(f"{place(number)}: a stage in levels.{name} of this log of sleep has no {field!r}")
        columns[field] = [stretch[field] for stretch in stretches]
    start = to_times(columns["dateTime"], "dateTime", _LOCAL, place)
    seconds = to_numbers(columns["seconds"], "seconds", place)
    seconds = np.clip(seconds, -1, 1e6)  # longer than any sleep, and still a whole number of milliseconds
    code = np.array([LEVELS.get(level, -1) if isinstance(level, str) else -1 for level in columns["level"]], int)
    recording.drop("asleep", "of a stage unknown here", int((code < 0).sum()))
    end = start + (1000 * seconds).astype("timedelta64[ms]")
    order = np.lexsort((end, start, -code))
    order = order[code[order] >= 0]
    recording.add_states(person, "asleep", start[order], end[order], code[order])


def _read_resting(recording: Recording, person: str, path: Path, zone: str) -> int:
    entries = Entries(path)
    rows = [row for row, date in enumerate(entries.column("value", "date")) if date is not None]  # None: not estimated
    dates = [entries.rows[row]["value"]["date"] for row in rows]
    date = to_times(dates, "value.date", _DATE, lambda row: entries.place(rows[row]))
    _add_of_day(recording, person, "resting_heart_rate", date, entries.numbers("value", "value")[rows])
    return len(entries)


def _read_summary(recording: Recording, person: str, path: Path, zone: str) -> int:
    rows = 0
    for piece in read_pieces(path, ["timestamp", "rmssd"]):
        date, _ = parse_iso(piece.text("timestamp"), piece.place)
        _add_of_day(recording, person, "rmssd_asleep", date, piece.numbers("rmssd"))
        rows += len(piece)
    return rows


def _read_details(recording: Recording, person: str, path: Path, zone: str) -> int:
    rows = 0
    for piece in read_pieces(path, ["timestamp", "rmssd"]):
        time, _ = parse_iso(piece.text("timestamp"), piece.place)
        recording.add(person, "rmssd", time, piece.numbers("rmssd"))
        rows += len(piece)
    return rows


def _add_of_day(recording: Recording, person: str, name: str, date: np.ndarray, value: np.ndarray) -> None:
    low, high, unit, _ = OF_DAY[name]
    in_range = (value >= low) & (value <= high)
    recording.drop(name, f"outside {low:g} to {high:g} {unit}", int((~in_range & ~np.isnan(value)).sum()))
    for row in np.lexsort((value, date)).tolist():
        if in_range[row]:
            recording.add_of_day(person, name, date[row], value[row])


# Which files are read, by what, in which order.
_READ: dict[str, Callable[[Recording, str, Path, str], int]] = {
    "heart_rate-*.json": _read_heart_rate,
    "heart_rate_[0-9][0-9][0-9][0-9]-*.csv": _read_heart_rate_table,
    "steps-*.json": _reader_of_totals("steps"),
    "calories-*.json": _reader_of_totals("calories"),
    "sleep-*.json": _read_sleep,
    "resting_heart_rate-*.json": _read_resting,
    "Heart Rate Variability Details*.csv": _read_details,
    "Daily Heart Rate Variability Summary*.csv": _read_summary,
}
