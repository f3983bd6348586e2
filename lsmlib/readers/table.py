"""Any table: columns become signals, times become minutes."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.labels import PERSON_LABELS
from lsmlib.readers.clock import check_timezone, parse_iso, parse_times, to_wall
from lsmlib.readers.extras import EXTRAS
from lsmlib.readers.minutes import HOWS, How
from lsmlib.readers.recording import Recording
from lsmlib.signals import SIGNALS, index_of

# From what a column may be in to the signal's own unit: factor and summand.
UNITS: dict[tuple[str, str], tuple[float, float]] = {
    ("°F", "°C"): (5 / 9, -160 / 9),
    ("K", "°C"): (1, -273.15),
    ("°C/min", "m°C/min"): (1000, 0),
    ("Hz", "bpm"): (60, 0),
    ("1/s", "bpm"): (60, 0),
    ("s", "ms"): (1000, 0),
    ("%", "fraction"): (0.01, 0),
    ("nS", "µS"): (0.001, 0),
    ("S", "µS"): (1e6, 0),
    ("Pa", "hPa"): (0.01, 0),
    ("kPa", "hPa"): (10, 0),
    ("mmHg", "hPa"): (1.333224, 0),
    ("bits", "nats"): (float(np.log(2)), 0),
    ("kJ/min", "kcal/min"): (1 / 4.184, 0),
}
_SPELLINGS = {
    "degC": "°C",
    "C": "°C",
    "degF": "°F",
    "F": "°F",
    "uS": "µS",
    "μS": "µS",
    "beats/min": "bpm",
    "1/min": "bpm",
}


def read_table(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    time: str = "time",
    person: str | None = "person",
    *,
    units: Mapping[str, str] | None = None,
    how: Mapping[str, How] | None = None,
    time_format: str | None = None,
    timezone: str | None = None,
    labels: Mapping[str, str] | None = None,
    non_wear: str | None = None,
    source: str = "a table",
    licence: str = "unknown",
) -> xr.Dataset:
    """Turn any table into a Cohort: one row a reading, at any times, of one or many people.

    Args:
        frame: the table; its index is not looked at.
        columns: from the table's names to signals, for example ``{"TEMP": "skin_temperature", "hr": "heart_rate"}``;
            ``counts``, ``intensity``, ``calories`` and ``mets`` are taken too, beside the 26 signals.
        time: the column of times: datetime64, with or without a time zone, or text. Text is ISO 8601, or what
            ``time_format`` says. Numbers are seconds since 1970 in UTC.
        person: the column of persons, text or whole numbers; None if all rows are one person's.
        units: from the table's names to the unit a column is in, where it is not the signal's own
            (``lsmlib.SIGNALS``): for example ``{"TEMP": "°F"}``.
        how: from the table's names to what becomes of several readings in a minute: ``"mean"``, ``"sum"``, ``"min"``,
            ``"max"`` or ``"last"``. By default steps and calories are added up, and the mean is taken of all else. Rows
            that say the same twice count once, so times must be as fine as the readings: where more than a tenth of
            the readings contradict others of the same time, the table is refused.
        time_format: as for ``datetime.strptime``, for example ``"%d/%m/%Y %H:%M"``.
        timezone: the IANA name of where people were, such as ``"Europe/Berlin"``: times with a zone are told on the
            clock of its walls. Without it they stay on the clock on which they are written.
        labels: from the table's names to labels of a person, for example ``{"Age": "age"}``; each the same in all rows
            of a person.
        non_wear: ``"choi"`` or ``"stepless_day"`` (see ``readers.wear``): minutes in which the device was not worn, as
            steps or counts tell, become gaps. By default zeros stay zeros.
        source: where the data come from, for the record.
        licence: under which licence, for the record.

    Returns:
        A Cohort: every civil day with a reading; NaN where a signal was not measured. ``lsmlib.describe_reading`` tells
        what was dropped and why.

    Raises:
        ValueError: for unknown columns, signals or units, times that cannot be understood or could be two dates, and
            tables without a usable reading; the message names the row.

    Warns:
        UserWarning: if times are seconds and there is no ``timezone``.
    """
    if not isinstance(frame, pd.DataFrame):
        raise ValueError(f"frame is a {type(frame).__name__}; expected a pandas.DataFrame")
    units, how, labels = dict(units or {}), dict(how or {}), dict(labels or {})
    _check_columns(frame, columns, time, person, units, how, labels)
    if not len(frame):
        raise ValueError("the table has no rows; expected one row a reading")
    wall, offset = _read_times(frame[time], time, time_format, timezone)
    whose, people = _read_people(frame, person)
    recording = Recording("read_table", source, licence, timezone)
    if timezone is None and pd.api.types.is_numeric_dtype(frame[time]):
        in_utc = "times are seconds in UTC, so days begin at midnight there; pass timezone='Europe/Berlin' or the like"
        recording.note(in_utc)
        warnings.warn(in_utc, UserWarning, stacklevel=2)
    for column, name in columns.items():
        value = _convert(_read_numbers(frame[column], column), column, name, units.get(column))
        one_how = how.get(column, "sum" if name in ("steps", "calories") else "mean")
        for number, one in enumerate(people):
            rows = whose == number
            recording.add(one, name, wall[rows], value[rows], how=one_how, offset=0 if offset is None else offset[rows])
    for column, label in labels.items():
        for number, one in enumerate(people):
            recording.label(one, **{label: _only_value(frame[column][whose == number], column, one)})
    return recording.to_cohort(non_wear=non_wear)


def _check_columns(frame: pd.DataFrame, columns: Any, time: str, person: str | None, *others: Mapping) -> None:
    if not isinstance(columns, Mapping) or not columns:
        raise ValueError(
            f'columns is {columns!r}; expected a dict from column to signal, {{"TEMP": "skin_temperature"}}'
        )
    units, how, labels = others
    for column in (*columns, time, *([] if person is None else [person]), *units, *how, *labels):
        if column not in frame.columns:
            advice = " (one person's table? pass person=None)" if column == person else ""
            raise ValueError(f"the table has no column {column!r}{advice}; it has {list(map(str, frame.columns))}")
        if list(frame.columns).count(column) > 1:
            raise ValueError(f"the table has more than one column {column!r}; rename them")
    for name in columns.values():
        if name not in EXTRAS:
            index_of(name)
    if len(set(columns.values())) < len(columns):
        raise ValueError(f"columns maps two columns to the same signal: {dict(columns)}; choose one of them")
    for column in (*units, *how):
        if column not in columns:
            raise ValueError(f"units or how names {column!r}, which columns does not map to a signal")
    for column, one in how.items():
        if one not in HOWS:
            raise ValueError(f"how[{column!r}] is {one!r}; expected one of {list(HOWS)}")
    for column, label in labels.items():
        if label not in PERSON_LABELS:
            raise ValueError(f"labels[{column!r}] is {label!r}; expected one of {list(PERSON_LABELS)}")


def _read_times(
    column: pd.Series, name: str, time_format: str | None, timezone: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """The time on the wall, datetime64[ms] ``[n]``, and seconds ahead of UTC where known."""
    if timezone is not None:
        check_timezone(timezone)
    if column.isna().any():
        raise ValueError(f"row {int(np.flatnonzero(column.isna())[0])}: {name} is empty; expected a time in every row")
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        utc = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[ms]")
        return (
            to_wall(utc, timezone or str(column.dt.tz)) if timezone or _is_named(column) else _as_written(column, utc)
        )
    if column.dtype.kind == "M":
        wall, offset = column.to_numpy("datetime64[ms]"), None
    elif pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        seconds = column.to_numpy(float)
        if not ((seconds > 6e8) & (seconds < 5e9)).all():
            at = int(np.flatnonzero(~((seconds > 6e8) & (seconds < 5e9)))[0])
            raise ValueError(
                f"row {at}: {name} is {column.iloc[at]}; numbers are read as seconds since 1970 (about 1.7e9 today). "
                "Convert other clocks with pandas.to_datetime(…, unit=…)"
            )
        wall, offset = np.round(seconds * 1000).astype("datetime64[ms]"), np.zeros(len(column), np.int64)
    else:
        text = column.astype(str).str.strip()
        if time_format is None:
            wall, offset = parse_iso(text, "row {}".format)
        elif "%z" in time_format:
            raise ValueError("time_format with %z is not understood; convert the column with pandas.to_datetime first")
        else:
            wall, offset = parse_times(text, [time_format], "row {}".format), None
    if timezone is None or offset is None:
        return wall, offset
    return to_wall(wall - offset * np.timedelta64(1000, "ms"), timezone)


def _is_named(column: pd.Series) -> bool:
    return getattr(column.dt.tz, "key", None) is not None


def _as_written(column: pd.Series, utc: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    wall = column.dt.tz_localize(None).to_numpy("datetime64[ms]")
    return wall, (wall - utc).astype("timedelta64[s]").astype(np.int64)


def _read_people(frame: pd.DataFrame, person: str | None) -> tuple[np.ndarray, list[str]]:
    """Whose each row is, as a number, and the persons."""
    if person is None:
        return np.zeros(len(frame), int), ["me"]
    whose, people = pd.factorize(frame[person])
    if (whose < 0).any():
        at = int(np.flatnonzero(whose < 0)[0])
        raise ValueError(f"row {at}: {person} is empty; expected whose reading it is, or person=None for one person")
    for one in people.tolist():
        if isinstance(one, bool) or not isinstance(one, str | int) or one == "":
            raise ValueError(f"{person} holds {one!r}; expected text or whole numbers, for example .astype(str)")
    return whose, [str(one) for one in people.tolist()]


def _read_numbers(column: pd.Series, name: str) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.to_numpy(float, na_value=np.nan)
    example = next((one for one in column.tolist() if isinstance(one, str)), column.iloc[0])
    raise ValueError(
        f"column {name!r} is {column.dtype}, for example {example!r}; expected numbers. Text with decimal commas is "
        "read by pandas.read_csv(…, decimal=',')"
    )


def _convert(value: np.ndarray, column: str, name: str, unit: str | None) -> np.ndarray:
    own = EXTRAS[name].unit if name in EXTRAS else SIGNALS[index_of(name)].unit
    unit = own if unit is None else _SPELLINGS.get(unit, unit)
    if unit == own:
        return value
    if (unit, own) not in UNITS:
        known = sorted(given for given, to in UNITS if to == own)
        raise ValueError(
            f"units[{column!r}] is {unit!r}; {name} is in {own}, and can be read from {known or 'no other'}"
        )
    factor, summand = UNITS[unit, own]
    return value * factor + summand


def _only_value(values: pd.Series, column: str, person: str) -> Any:
    known = values.dropna().unique().tolist()
    if len(known) > 1:
        raise ValueError(f"{column} of person {person!r} is {known[0]!r} and {known[1]!r}; expected one value")
    return known[0] if known else ("" if values.dtype.kind in "OTU" else np.nan)
