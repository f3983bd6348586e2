"""Empatica E4: folders of sessions, in which each sensor has a file with its own start and sampling rate."""

import re
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from lsmlib.readers.beats import rr_features
from lsmlib.readers.clock import check_timezone, to_wall
from lsmlib.readers.extras import RANGES
from lsmlib.readers.minutes import MINUTE, slope
from lsmlib.readers.recording import Recording
from lsmlib.readers.tables import find_cut, find_files, read_header, read_pieces

# The signal of a file, the signal of its slope and how many of the slope's units one of the file's is.
_SENSORS = {
    "hr.csv": ("heart_rate", None, 1.0),
    "eda.csv": ("skin_conductance", "skin_conductance_slope", 1.0),
    "temp.csv": ("skin_temperature", "skin_temperature_slope", 1000.0),
}
_FASTEST = 1024  # samples a second
_LONGEST = 14 * 86_400  # seconds; an E4 holds less than three days
_SESSION = re.compile(r"\d{9,10}_[0-9A-Fa-f]{6}")  # start and device, as Empatica names them


class _Samples(NamedTuple):
    time: np.ndarray  # int64 [n], milliseconds since 1970 in UTC
    value: np.ndarray  # float64 [n], NaN where a field is empty


def read_empatica(folder: str | Path, *, timezone: str | None = None, person: str | None = None) -> xr.Dataset:
    """Read sessions of an Empatica E4: heart rate, heart rate variability, skin conductance and skin temperature.

    Of the 26 signals an E4's files give thirteen: ``heart_rate`` (the mean of ``HR.csv``, which Empatica averages over
    10 s, so it lags); eight of heart rate variability, over the last five minutes, from the beats of ``IBI.csv`` (how:
    ``readers.beats``); ``skin_conductance`` and ``skin_temperature`` (means of ``EDA.csv`` and ``TEMP.csv``), and the
    slopes of both within each minute, by least squares. Samples out of the signals' plausible ranges are left out
    before. Gaps stay: ``heart_rate_at_rest`` and ``steps``, which Empatica does not write; ``eda_lead_contacts``, for
    the file does not say when electrodes touched; and those of the accelerometer, whose formulas are not published, so
    that ``ACC.csv`` is not read. Nor is ``BVP.csv``, whose beats are in ``IBI.csv``. Presses of the button
    (``tags.csv``) become ``tag [d, t]``.

    An E4 goes on writing when it lies on a table: the temperature of the room and a conductance near zero. They stay,
    as measured; cut the files, or the Cohort, to when it was worn.

    An E4's beats come in steps of 1/64 s, which makes ``rr_entropy`` and ``rr_diff_entropy`` lower than those of the
    devices on which the models were trained.

    Args:
        folder: one session's folder, or one with folders of sessions in it, at any depth. Archives must be unpacked.
        timezone: the IANA name of where people were, such as ``"Europe/Berlin"``: the E4 writes UTC, the Cohort's days
            are those of the clock on the wall. Without it days are UTC's, with a warning.
        person: whose sessions these are. By default the name of each session's folder, or of the folder above if it is
            named as Empatica does, after start and device (``1455896710_A0034B``).

    Returns:
        A Cohort: every civil day with a sample; NaN where nothing was measured. ``lsmlib.describe_reading`` tells what
        was dropped and why.

    Raises:
        FileNotFoundError: if there is no such folder, or no file of a session in it.
        ValueError: if a file cannot be read; the message names it and the line. If nothing usable was measured.

    Warns:
        UserWarning: without a ``timezone``.
    """
    root = Path(folder)
    names = [*_SENSORS, "ibi.csv"]
    paths = find_files(root, names)
    if not paths:
        packed = f"; unpack {archives[0].name}" if (archives := find_files(root, ["*.zip"])) else ""
        raise FileNotFoundError(f"there is none of HR.csv, EDA.csv, TEMP.csv and IBI.csv in {root} or below{packed}")
    if timezone is not None:
        check_timezone(timezone)
    recording = Recording("read_empatica", "Empatica E4", timezone=timezone or "UTC")
    if timezone is None:
        warnings.warn(
            "without timezone= the days of this Cohort begin at midnight in UTC; give an IANA name such as "
            "timezone='Europe/Berlin' to have them on the clock of the wall",
            UserWarning,
            stacklevel=2,
        )
        recording.note("no timezone was given: times are in UTC")
    for archive in find_files(root, ["*.zip"]):
        recording.note(f"not read, since it is packed: {archive.name}")
    recording.note("an E4 goes on writing when it is not worn: such minutes are not told apart")
    recording.note("heart_rate is the E4's own, averaged over 10 s, and lags behind")
    sessions: dict[Path, dict[str, Path]] = {}
    for path in paths:
        sessions.setdefault(path.parent, {})[path.name.lower()] = path
    by_person: dict[str, list[dict[str, Path]]] = {}
    for place, files in sessions.items():
        by_person.setdefault(_person_of(place) if person is None else person, []).append(files)
    zone = timezone or "UTC"
    for one, of in by_person.items():
        _add_person(recording, one, of, zone)
    for tags in find_files(root, ["tags*.csv"]):
        if tags.parent in sessions and not _is_blank(tags):
            _add_tags(recording, _person_of(tags.parent) if person is None else person, tags, zone)
    return recording.to_cohort()


def _person_of(session: Path) -> str:
    place = session.resolve()
    return place.parent.name if _SESSION.fullmatch(place.name) else place.name


def _add_person(recording: Recording, person: str, sessions: list[dict[str, Path]], zone: str) -> None:
    beats, measured = [], []
    for files in sessions:
        minutes = []
        has_beats = False
        for kind, path in sorted(files.items()):
            if _is_blank(path):
                recording.note(f"{_shown(path)} is empty")
                continue
            try:
                samples = _read_beats(path, recording) if kind == "ibi.csv" else _read_samples(path, recording)
            except ValueError as error:  # all sessions have files of the same names
                raise ValueError(f"session {path.parent.name}: {error}") from error
            minutes.append(np.unique(samples.time // MINUTE))
            if kind == "ibi.csv":
                has_beats = True
                beats.append(samples)
            else:
                _add_sensor(recording, person, kind, samples, zone)
        measured += minutes if has_beats else []
    if beats:
        time, interval = (np.concatenate([one[part] for one in beats]) for part in (0, 1))
        within = np.unique(np.concatenate(measured))
        wall, offset = to_wall((within * MINUTE).astype("datetime64[ms]"), zone)
        for name, value in rr_features(time, interval, within).items():
            is_known = ~np.isnan(value)
            recording.add(person, name, wall[is_known], value[is_known], offset=offset[is_known])


def _add_sensor(recording: Recording, person: str, kind: str, samples: _Samples, zone: str) -> None:
    name, sloped, factor = _SENSORS[kind]
    wall, offset = to_wall(samples.time.astype("datetime64[ms]"), zone)
    recording.add(person, name, wall, samples.value, offset=offset)
    if sloped is not None:
        low, high, _ = RANGES[name]
        sound = (samples.value >= low) & (samples.value <= high)
        minute, slopes = slope(samples.time[sound], samples.value[sound])
        wall, offset = to_wall((minute * MINUTE).astype("datetime64[ms]"), zone)
        recording.add(person, sloped, wall, slopes * factor, offset=offset)


# --- files ---------------------------------------------------------------------------------------------------------


def _read_samples(path: Path, recording: Recording) -> _Samples:
    """Samples at a steady rate: first line the start, second the rate, then one a line."""
    start = _number(path, 1, read_header(path), "the start in seconds since 1970", 6e8, 5e9)
    second = read_header(path, skip=1)
    rate = _number(path, 2, second, "samples a second", 1e-3, _FASTEST)
    parts = [np.zeros(0)]
    for piece in read_pieces(path, second, skip=1):
        parts.append(piece.numbers(second[0]))
        if sum(map(len, parts)) > _LONGEST * rate:
            raise ValueError(f"{path.name} holds more than two weeks at {rate:g} samples a second; expected a session")
    value = np.concatenate(parts)
    recording.add_file(path, len(value))
    if len(value) and find_cut(path, skip=1) is not None:
        value = value[:-1]
        recording.note(f"{_shown(path)} does not end its last line; its last sample may be cut, and was left out")
    time = np.round(start * 1000 + np.arange(len(value)) * (1000 / rate)).astype(np.int64)
    return _Samples(time, value)


def _read_beats(path: Path, recording: Recording) -> _Samples:
    """Beats: first line the start; then when each interval ends, in seconds since the start, and how long it is."""
    header = read_header(path)
    if len(header) != 2 or header[1].lower() != "ibi":
        raise ValueError(f"{path.name}, line 1: {header} is not the start and 'IBI'; expected a file of an E4")
    start = _number(path, 1, header[:1], "the start in seconds since 1970", 6e8, 5e9)
    time, interval = [np.zeros(0)], [np.zeros(0)]
    for piece in read_pieces(path, header):
        time.append(piece.numbers(header[0]))
        interval.append(piece.numbers(header[1]))
    seconds, intervals = np.concatenate(time), np.concatenate(interval)
    recording.add_file(path, len(seconds))
    if len(seconds) and find_cut(path) is not None:
        seconds, intervals = seconds[:-1], intervals[:-1]
        recording.note(f"{_shown(path)} does not end its last line; its last beat may be cut, and was left out")
    within = (seconds >= 0) & (seconds <= _LONGEST) & (intervals > 0) & (intervals <= _LONGEST)
    recording.drop("rr_percent_valid", "beats empty, before the session or two weeks after", int((~within).sum()))
    return _Samples(np.round((start + seconds[within]) * 1000).astype(np.int64), intervals[within] * 1000)


def _add_tags(recording: Recording, person: str, path: Path, zone: str) -> None:
    """Each line the time of a press of the button; the first stands where tables have a header."""
    first = read_header(path)
    seconds = np.concatenate(
        [
            [_number(path, 1, first, "a time in seconds since 1970", 6e8, 5e9)],
            *(piece.numbers(first[0]) for piece in read_pieces(path, first)),
        ]
    )
    recording.add_file(path, len(seconds))
    if find_cut(path) is not None:
        seconds = seconds[:-1]
        recording.note(f"{_shown(path)} does not end its last line; its last tag may be cut, and was left out")
    sound = (seconds > 6e8) & (seconds < 5e9)
    recording.drop("tag", "no time", int((~sound).sum()))
    minute = np.floor(seconds[sound] / 60).astype(np.int64) * MINUTE
    wall, _ = to_wall(minute.astype("datetime64[ms]"), zone)
    pressed = np.zeros(len(wall), np.int8)
    recording.add_states(person, "tag", wall, wall + np.timedelta64(1, "m"), pressed, {-1: "none", 0: "pressed"})


def _number(path: Path, line: int, fields: list[str], what: str, low: float, high: float) -> float:
    try:
        number = float(fields[0]) if len(fields) == 1 else np.nan
    except ValueError:
        number = np.nan
    if not low < number <= high:
        raise ValueError(f"{path.name}, line {line}: {', '.join(fields)!r} is not {what}; expected a file of an E4")
    return number


def _is_blank(path: Path) -> bool:
    with path.open("rb") as file:
        return not file.read(1024).strip()


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
