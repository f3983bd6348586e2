"""Fitabase: exports of Fitbit data from studies, minute by minute."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.readers.clock import check_timezone
from lsmlib.readers.minutes import MINUTE, How
from lsmlib.readers.recording import Recording
from lsmlib.readers.tables import PIECE, Piece, find_cut, find_files, read_header, read_pieces

_CLOCKS = ("%I:%M:%S %p", "%H:%M:%S", "%H:%M", "%I:%M %p")
_DATES = {
    "mdy": ("%m/%d/%Y", "%m/%d/%y"),
    "dmy": ("%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%d/%m/%y", "%d.%m.%y"),
}
_ISO = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %I:%M:%S %p")
_WIDE_PIECE = 20_000  # rows of 60 minutes held at a time
_CONTRADICTING = 0.1  # share of the times of a file that may have different readings: an hour in autumn comes twice
_SAYS_MINUTES = re.compile(r"minute_?(steps|intensities|calories|mets|sleep)|heart_?rate|sleepday", re.IGNORECASE)
_OF_PERSON = re.compile(rf"(.+?)_(?:{_SAYS_MINUTES.pattern})", re.IGNORECASE)
_SLEEP = {1: "asleep", 2: "restless", 3: "awake"}


class _Measure(NamedTuple):
    name: str
    column: str  # of narrow files; wide ones have it with 00 to 59
    how: How
    factor: float


_MEASURES = (
    _Measure("steps", "Steps", "sum", 1),
    _Measure("intensity", "Intensity", "mean", 1),
    _Measure("calories", "Calories", "sum", 1),
    _Measure("mets", "METs", "mean", 0.1),
)
_LOOKED_FOR = (
    "minute steps, intensities, calories or METs (Id, ActivityMinute, Steps; or Id, ActivityHour, Steps00 to Steps59); "
    "minute sleep (Id, date, value); heart rate (Id, Time, Value, in a file named heartrate…); sleep of the day "
    "(Id, SleepDay, TotalMinutesAsleep, TotalTimeInBed)"
)


class _File(NamedTuple):
    path: Path
    kind: str  # "minutes", "heart_rate", "sleep" or "sleep_day"
    time: str
    columns: tuple[str, ...]  # of values
    person: str | None  # None if there is a column Id


class _Rows(NamedTuple):
    """What a file holds, in its order."""

    person: np.ndarray  # int32 [n], into people
    people: list[str]
    time: np.ndarray  # int64 [n], milliseconds since 1970
    value: np.ndarray  # float32 [n, k]


KINDS = ("minutes", "heart_rate", "sleep", "sleep_day")


def read_fitabase(
    folder: str | Path,
    *,
    non_wear: str | None = None,
    date_order: str = "mdy",
    timezone: str | None = None,
) -> xr.Dataset:
    """Read the minute files of a Fitabase export: steps, heart rate, intensities, calories, METs and sleep.

    Of the 26 signals an export has two at most, ``steps`` and ``heart_rate`` (the mean of readings every 5 s).
    ``intensity`` (0 to 3), ``calories`` (kcal/min) and ``mets`` (Fitabase's numbers by ten) are variables ``[d, t]``
    beside them. Minute sleep becomes ``asleep`` (1 for what Fitbit calls asleep, 0 for restless and awake, so that it
    adds up to Fitbit's own minutes asleep) and ``sleep_state`` with all three; the sleep of the day becomes
    ``minutes_asleep`` and ``minutes_in_bed [d]``, at the date on which Fitbit lists it: that of waking up.

    Args:
        folder: the folder of the export. CSV files anywhere below it are told apart by their columns, wide ones (a row
            an hour) and narrow ones (a row a minute) alike; what stands in both counts once. Files of hours or days
            are left alone, and noted.
        non_wear: ``"stepless_day"`` or ``"choi"`` (see ``readers.wear``): Fitbit writes 0 steps where nobody wore the
            device; by a rule, these zeros become gaps. By default they stay zeros.
        date_order: ``"mdy"`` for dates as Fitabase writes them (4/28/2016), ``"dmy"`` for files that were saved
            elsewhere (28/04/2016). ISO dates are understood in both.
        timezone: the IANA name of where people were, for the record. Fitabase writes the clock on the wall, which is
            the Cohort's; where it was set back, the two readings of a minute are averaged.

    Returns:
        A Cohort: every civil day with steps or heart rate; NaN where nothing was written. People are the ids as text,
        or, in files without a column Id, what their names begin with: ``12345_minuteSteps_20160412_20160512.csv``.
        ``lsmlib.describe_reading`` tells what was dropped and why.

    Raises:
        FileNotFoundError: if there is no such folder, or no CSV file in it.
        ValueError: if no file is understood, a row cannot be read or dates seem to be in the other order; the message
            names the file and the line. If more than a tenth of a file's times have contradicting readings: then they
            have lost their seconds, their hours or their AM and PM. Of wide files whose hours are all lost, rows count
            by their order if that is certain: 24 rows a day, in order, person by person.
    """
    if date_order not in _DATES:
        raise ValueError(f"date_order is {date_order!r}; expected one of {sorted(_DATES)}")
    if timezone is not None:
        check_timezone(timezone)
    recording = Recording("read_fitabase", "Fitbit, by way of Fitabase", timezone=timezone)
    add_files(recording, Path(folder), date_order)
    return recording.to_cohort(non_wear=non_wear)


def add_files(recording: Recording, folder: Path, date_order: str = "mdy", kinds: Sequence[str] = KINDS) -> None:
    """Add the files of a folder to a Recording, or only those of some ``kinds``; raises as ``read_fitabase``."""
    nights: list[_Rows] = []
    days: list[_Rows] = []
    for file in _find(folder, recording):
        if file.kind not in kinds:
            continue
        rows = _read(file, date_order, recording)
        match file.kind:
            case "sleep":
                nights.append(rows)
            case "sleep_day":
                days.append(rows)
            case _:
                _add_minutes(recording, file, rows)
    if nights:
        _add_sleep(recording, nights)
    if days:
        _add_sleep_days(recording, days)


# --- which files ---------------------------------------------------------------------------------------------------


def _find(folder: Path, recording: Recording) -> list[_File]:
    paths = find_files(folder, ["*.csv"])
    if not paths:
        raise FileNotFoundError(f"there is no CSV file in {folder} or below; looked for {_LOOKED_FOR}")
    files, others = [], []
    for path in paths:
        header = read_header(path)
        file = _recognise(path, header)
        if file is not None:
            files.append(file)
            continue
        shown = ", ".join(header[:6]) + (", …" if len(header) > 6 else "")
        if _SAYS_MINUTES.search(path.name):
            raise ValueError(
                f"{path.name}, line 1: the columns are {shown}, which is not what such files have. Looked for "
                f"{_LOOKED_FOR}. Is the file cut off? If it is something else, move it elsewhere"
            )
        others.append(f"{path.name} ({shown})")
    if not files:
        raise ValueError(f"no file in {folder} is understood. Looked for {_LOOKED_FOR}. Found {'; '.join(others[:20])}")
    for other in others:
        recording.note(f"not read: {other}")
    return files


def _recognise(path: Path, header: list[str]) -> _File | None:
    """What a file is, or None if it is none of those that are read."""
    names = {name.lower() for name in header}
    wide = [m.column for m in _MEASURES if f"{m.column}00".lower() in names]
    narrow = [m.column for m in _MEASURES if m.column.lower() in names]
    if "activityhour" in names and len(wide) == 1:
        columns = tuple(f"{wide[0]}{minute:02d}" for minute in range(60))
        kind, time = "minutes", "ActivityHour"
    elif "activityminute" in names and narrow:
        kind, time, columns = "minutes", "ActivityMinute", tuple(narrow)
    elif {"sleepday", "totalminutesasleep"} <= names:
        kind, time, columns = "sleep_day", "SleepDay", ("TotalMinutesAsleep", "TotalTimeInBed")
    elif {"date", "value"} <= names and ("logid" in names or "sleep" in path.name.lower()):
        kind, time, columns = "sleep", "date", ("value",)
    elif {"time", "value"} <= names and re.search("heart_?rate", path.name, re.IGNORECASE):
        kind, time, columns = "heart_rate", "Time", ("Value",)
    else:
        return None
    return _File(path, kind, time, columns, None if "id" in names else _person_of(path))


def _person_of(path: Path) -> str:
    found = _OF_PERSON.match(path.name)
    if found is None or "_merged" in path.name.lower():
        raise ValueError(
            f"{path.name}, line 1: there is no column Id, and the name does not begin with a person, as in "
            "12345_minuteSteps_20160412_20160512.csv"
        )
    return found[1]


# --- rows ----------------------------------------------------------------------------------------------------------


def _read(file: _File, date_order: str, recording: Recording) -> _Rows:
    known: dict[str, int] = {} if file.person is None else {file.person: 0}
    person, time, value = (
        [np.zeros(0, np.int32)],
        [np.zeros(0, np.int64)],
        [np.zeros((0, len(file.columns)), np.float32)],
    )
    has_clock: set[bool] = set()
    dates = np.zeros(0, np.int64)
    cut = find_cut(file.path)
    cut_name = None if cut is None else dict(enumerate(read_header(file.path))).get(cut, "").lower()
    columns = (*(["Id"] if file.person is None else []), file.time, *file.columns)
    piece = None
    for piece in read_pieces(file.path, columns, most=_WIDE_PIECE if len(file.columns) == 60 else PIECE):
        text = piece.text(file.time)
        with_clock = text.str.contains(":", regex=False)
        has_clock |= set(with_clock.unique().tolist())
        wall = piece.times(file.time, _formats(text, date_order, file.time), _hint(date_order))
        is_iso = text.str.match(r"\d{4}-").to_numpy(bool)
        dates = np.union1d(dates, wall[~is_iso].astype("datetime64[D]").astype(np.int64))
        person.append(_people_of(piece, known) if file.person is None else np.zeros(len(piece), np.int32))
        time.append(wall.astype(np.int64))
        with np.errstate(over="ignore"):  # infinite values are out of range, and counted there
            value.append(np.stack([piece.numbers(column) for column in file.columns], axis=1).astype(np.float32))
    rows = _Rows(np.concatenate(person), list(known), np.concatenate(time), np.concatenate(value))
    recording.add_file(file.path, len(rows.time))
    if piece is not None and cut_name in (lowered := [column.lower() for column in file.columns]):
        at = lowered.index(cut_name)
        if not (rows.value[-1, at] == 0 and cut_name.startswith(("steps", "intensity"))):  # a whole number 0 is whole
            rows.value[-1, at] = np.nan
            recording.note(f"{file.path.name} does not end its last line; its last number may be cut, and was left out")
    _check_order(file.path, dates, date_order)
    if has_clock == {False} and file.time == "ActivityHour":
        rows = rows._replace(time=rows.time + 60 * MINUTE * _count_hours(file.path, rows))
        recording.note(f"{file.path.name} has lost its hours; rows were taken in their order, 24 a day")
    return rows


def _formats(text: pd.Series, date_order: str, column: str) -> list[str]:
    """The formats that fit the first row, all of them if none does."""
    days = (*_DATES[date_order], "%Y-%m-%d")
    formats = [f"{day} {clock}" for day in _DATES[date_order] for clock in _CLOCKS] + list(_ISO)
    if column in ("ActivityHour", "SleepDay"):
        formats += days
    first = [one for one in formats if pd.notna(pd.to_datetime(text.iloc[0], format=one, errors="coerce"))]
    return first or formats


def _hint(date_order: str) -> str:
    other = "dmy" if date_order == "mdy" else "mdy"
    return f"Dates are read with date_order={date_order!r}; for files saved elsewhere, try date_order={other!r}"


def _people_of(piece: Piece, known: dict[str, int]) -> np.ndarray:
    text = piece.text("Id")
    codes, people = pd.factorize(text)
    for number, one in enumerate(people):
        if re.fullmatch(r"\d+[.,]?\d*[eE]\+\d+", one):
            line = piece.place(int(np.flatnonzero(codes == number)[0]))
            raise ValueError(f"{line}: Id is {one!r}; a spreadsheet has shortened it, so people cannot be told apart")
        known.setdefault(one, len(known))
    return np.array([known[one] for one in people], np.int32)[codes]


def _check_order(path: Path, dates: np.ndarray, date_order: str) -> None:
    """Days that never change while months do are months in the place of days."""
    if not len(dates):
        return
    day = pd.DatetimeIndex(dates.astype("datetime64[D]"))
    if day.day.nunique() == 1 and day.month.nunique() > 1:
        other, first = ("dmy", "day") if date_order == "mdy" else ("mdy", "month")
        raise ValueError(
            f"{path.name}, line 2 and below: every date would be day {day.day[0]} of one of {day.month.nunique()} "
            f"months, so its dates probably have the {first} first: pass date_order={other!r}. If they are right, "
            "write them as 2016-04-28"
        )


def _count_hours(path: Path, rows: _Rows) -> np.ndarray:
    """The hour of each row of a file that has lost them, if their order says it for certain."""
    new_person = np.diff(rows.person, prepend=-1) != 0
    start = np.flatnonzero(new_person | (np.diff(rows.time, prepend=-1) != 0))
    size = np.diff(start, append=len(rows.time))
    ends_person = np.append(new_person[start[1:]], True)[: len(start)]
    goes_back = np.append(False, np.diff(rows.time[start]) <= 0)[: len(start)] & ~new_person[start]
    returns = new_person[start] & ~np.isin(np.arange(len(start)), np.unique(rows.person[start], return_index=True)[1])
    wrong = np.flatnonzero((size > 24) | ((size < 24) & ~ends_person) | goes_back | returns)
    if len(wrong):
        at, count = int(start[wrong[0]]), int(size[wrong[0]])
        raise ValueError(
            f"{path.name}, line {at + 2}: ActivityHour has lost its hour, and order does not tell it for certain: from "
            f"here, {count} rows have this date, of person {rows.people[rows.person[at]]!r}. "
            "Expected 24 a day (fewer only on a person's last), dates in order, person by person. Export the file again"
        )
    return np.arange(len(rows.time)) - np.repeat(start, size)


# --- readings ------------------------------------------------------------------------------------------------------


def _add_minutes(recording: Recording, file: _File, rows: _Rows) -> None:
    measures = {measure.column: measure for measure in _MEASURES}
    if len(file.columns) == 60:
        named = {file.columns[0][:-2]: rows.value.reshape(-1)}
        time = (rows.time[:, None] + MINUTE * np.arange(60)).reshape(-1)
        person = np.repeat(rows.person, 60)
    else:
        named = {column: rows.value[:, position] for position, column in enumerate(file.columns)}
        time, person = rows.time, rows.person
    for column, value in named.items():
        measure = measures.get(column, _Measure("heart_rate", column, "mean", 1))
        _check_contradictions(file.path, measure.name, person, time, value)
        if measure.name == "mets" and not (np.isnan(value) | (value == np.round(value))).all():
            raise ValueError(
                f"{file.path.name} holds METs such as {value[np.isfinite(value) & (value != np.round(value))][0]:g}; "
                "Fitabase writes ten times their number, as whole numbers. Have they been divided already?"
            )
        for one, at in _by_person(rows.people, person):
            recording.add(
                one, measure.name, time[at].astype("datetime64[ms]"), value[at] * measure.factor, how=measure.how
            )


def _by_person(people: list[str], person: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The rows of each person, in their order."""
    order = np.argsort(person, kind="stable")
    edges = np.searchsorted(person[order], np.arange(len(people) + 1))
    return [(one, order[edges[code] : edges[code + 1]]) for code, one in enumerate(people)]


def _check_contradictions(path: Path, name: str, person: np.ndarray, time: np.ndarray, value: np.ndarray) -> None:
    """Refuse times that cannot be right, because too many of them have several readings."""
    changes = np.diff(person) != 0
    if ((np.diff(time) > 0) | changes).all() and changes.sum() < len(np.unique(person)):
        return
    order = np.lexsort((value, time, person))
    person, time, value = person[order], time[order], value[order]
    same_time = (np.diff(person) == 0) & (np.diff(time) == 0)
    differs = same_time & (value[1:] != value[:-1]) & ~np.isnan(value[1:])
    times = len(time) - int(same_time.sum())
    # of a time with three readings two differ from the one before; it is one time all the same
    wrong = len(np.unique(np.cumsum(np.append(True, ~same_time))[1:][differs]))
    if wrong > _CONTRADICTING * times:
        at = int(np.flatnonzero(differs)[0])
        raise ValueError(
            f"{path.name}: {wrong} of {times} times have contradicting readings of {name}, for example "
            f"{value[at]:g} and {value[at + 1]:g} at {time[at].astype('datetime64[ms]')}; line 2 and below. Have the "
            "times lost their seconds, their hours or AM and PM in a spreadsheet, or are there several people in it?"
        )


def _add_sleep(recording: Recording, files: list[_Rows]) -> None:
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for rows in files:
        for one, at in _by_person(rows.people, rows.person):
            found.setdefault(one, []).append((rows.time[at] // MINUTE, rows.value[at, 0]))
    for one, parts in found.items():
        minute, state = (np.concatenate(part) for part in zip(*parts, strict=True))
        known = np.isin(state, list(_SLEEP))
        # What comes later counts more, so asleep (1) over restless (2) over awake (3), whatever the order of rows.
        order = np.flatnonzero(known)[np.lexsort((-state[known], minute[known]))]
        minute, code = minute[order], state[order].astype(np.int8)
        recording.drop("asleep", "empty, or none of 1, 2 and 3", int((~known).sum()))
        again = int((np.diff(minute) == 0).sum())
        recording.drop("asleep", "for a minute that has one; asleep counts over restless over awake", again)
        start, end = ((moment * MINUTE).astype("datetime64[ms]") for moment in (minute, minute + 1))
        recording.add_states(one, "asleep", start, end, (code == 1).astype(np.int8))
        recording.add_states(one, "sleep_state", start, end, code, {-1: "unknown", **_SLEEP})


def _add_sleep_days(recording: Recording, files: list[_Rows]) -> None:
    for position, name in enumerate(("minutes_asleep", "minutes_in_bed")):
        tables = [
            {
                "person": np.array(rows.people, object)[rows.person],
                "day": rows.time // (1440 * MINUTE),
                "value": rows.value[:, position],
            }
            for rows in files
        ]
        frame = pd.concat([pd.DataFrame(table) for table in tables])
        sound = frame[(frame["value"] >= 0) & (frame["value"] <= 1440)]
        recording.drop(name, "empty, or outside 0 to 1440 minutes", len(frame) - len(sound))
        distinct = sound.drop_duplicates()
        recording.drop(name, "repeated", len(sound) - len(distinct))
        ordered = distinct.sort_values(["person", "day", "value"])  # so that sums do not hang on the order of rows
        means = ordered.groupby(["person", "day"], as_index=False)["value"].mean()
        recording.drop(name, "averaged with others of the same day", len(distinct) - len(means))
        for one, day, value in zip(means["person"].tolist(), means["day"], means["value"], strict=True):
            recording.add_of_day(one, name, np.datetime64(int(day), "D"), value)
