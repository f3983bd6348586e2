"""Clocks: text to times, instants to the clock on the wall, and dates that cannot be."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
import pandas as pd

# Wearables with a clock of their own are younger than this; a date before it is a clock that was never set.
EARLIEST = np.datetime64("1990-01-01", "ms")
_WITH_ZONE = re.compile(r"(Z|[+-]\d{2}:?\d{2})$")


def latest() -> np.datetime64:
    """Tomorrow, since somewhere it is tomorrow already: nothing can have been recorded later."""
    return np.datetime64(datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1), "ms")


def check_timezone(timezone: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ``ValueError`` with the nearest names if there is none."""
    try:
        return ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
        near = get_close_matches(str(timezone), sorted(available_timezones()), cutoff=0.3)
        raise ValueError(
            f"timezone is {timezone!r}; expected an IANA name such as 'Europe/Berlin', or None. The nearest names are "
            f"{near}"
        ) from error


def to_wall(instant: np.ndarray, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Instants to the clock on the wall of a time zone, daylight saving time included.

    Args:
        instant: datetime64 ``[n]`` in UTC.
        timezone: an IANA name.

    Returns:
        The time on the wall, datetime64[ms] ``[n]``, and how many seconds it is ahead of UTC, int64 ``[n]``.

    Raises:
        ValueError: if there is no such time zone.
    """
    check_timezone(timezone)
    utc = instant.astype("datetime64[ms]")
    wall = pd.DatetimeIndex(utc).tz_localize("UTC").tz_convert(timezone).tz_localize(None).to_numpy("datetime64[ms]")
    return wall, (wall - utc).astype("timedelta64[s]").astype(np.int64)


def parse_times(text: pd.Series, formats: Sequence[str], place: Callable[[int], str], hint: str = "") -> np.ndarray:
    """Text to times by the first format that fits every row: one column has one format.

    Args:
        text: str ``[n]``.
        formats: ``strptime`` formats, tried in order.
        place: from a row's position to where it stands, for messages: "file, line 7".
        hint: what to do about dates in another order, for messages.

    Returns:
        datetime64[ms] ``[n]``.

    Raises:
        ValueError: if no format fits all rows; the message shows the row at which the best one failed.
    """
    furthest, example = -1, ""
    for form in formats:
        times = pd.to_datetime(text, format=form, errors="coerce")
        wrong = np.flatnonzero(times.isna().to_numpy())
        if not len(wrong):
            return times.to_numpy("datetime64[ms]")
        if wrong[0] > furthest:
            furthest, example = int(wrong[0]), form
    shown = datetime(2016, 4, 28, 21, 5, 30).strftime(example)
    above = ", as the rows above are" if furthest else ""
    raise ValueError(
        f"{place(furthest)}: {text.iloc[furthest]!r} is not a time like {shown!r}{above}{hint and '. ' + hint}"
    )


def parse_iso(text: pd.Series, place: Callable[[int], str]) -> tuple[np.ndarray, np.ndarray | None]:
    """ISO 8601 text to the time on the wall as written, and seconds ahead of UTC if every row ends in a zone.

    Raises:
        ValueError: for text that is not ISO 8601, or a column in which some rows have a zone and others none.
    """
    zone = text.str.extract(_WITH_ZONE, expand=False)
    has_zone = zone.notna().to_numpy()
    if has_zone.any() and not has_zone.all():
        at = int(np.flatnonzero(has_zone != has_zone[0])[0])
        raise ValueError(
            f"{place(at)}: {text.iloc[at]!r} has {'a' if has_zone[at] else 'no'} time zone, unlike the rows above; "
            "expected all rows with one, or none"
        )
    plain = text.str.replace(_WITH_ZONE, "", regex=True).str.strip()
    # Only year-first text: "04/05/2016" would be read as one of two dates without a word.
    times = pd.to_datetime(plain.where(plain.str.match(r"\d{4}-\d{2}-\d{2}")), format="ISO8601", errors="coerce")
    wrong = np.flatnonzero(times.isna().to_numpy())
    if len(wrong):
        raise ValueError(
            f"{place(int(wrong[0]))}: {text.iloc[wrong[0]]!r} is not a time in ISO 8601, such as '2016-04-28 21:05'; "
            "say what it is with time_format, for example '%d/%m/%Y %H:%M'"
        )
    wall = times.to_numpy("datetime64[ms]")
    if not has_zone.all():
        return wall, None
    sign = np.where(zone.str.startswith("-"), -1, 1)
    digits = zone.str.replace(r"[Z:+-]", "", regex=True).str.zfill(4).astype(int).to_numpy()
    return wall, (sign * (digits // 100 * 3600 + digits % 100 * 60)).astype(np.int64)


def split_at_clock_changes(
    start: np.ndarray, end: np.ndarray, start_offset: np.ndarray, end_offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Cut stretches during which clocks were set forward or back into what lies before and what lies after.

    Clocks change at full hours. A stretch of several hours keeps its two ends as they are: it is not known at which of
    its hours it was, and on the wall's clock it covers the same minutes. One without a full hour in it was a flight to
    another zone; it is told on the clock of its start.

    Args:
        start: datetime64[ms] ``[n]``, on the wall's clock.
        end: the same, on the wall's clock then.
        start_offset: int ``[n]``, how many seconds the clock was ahead of UTC at the start.
        end_offset: the same at the end.

    Returns:
        For each of ``m >= n`` stretches: the row it is from, start, end, offset, and its share of the row's length.
    """
    row, share = np.arange(len(start)), np.ones(len(start))
    changed = np.flatnonzero(start_offset != end_offset)
    if not len(changed):
        return row, start, end, start_offset, share
    hour = 3_600_000
    begin, finish = start[changed].astype(np.int64), end[changed].astype(np.int64)
    change = 1000 * (end_offset[changed].astype(np.int64) - start_offset[changed])
    length = finish - begin - change
    switch = (begin // hour + 1) * hour
    is_flight = switch >= begin + length  # or it ends as clocks change: nothing lies after
    is_cut = ~is_flight & (switch + hour > begin + length)
    end = end.copy()
    end[changed[is_flight]] = (begin + length)[is_flight].astype("datetime64[ms]")
    end[changed[is_cut]] = switch[is_cut].astype("datetime64[ms]")
    cut = changed[is_cut]
    before = (switch - begin)[is_cut] / length[is_cut]
    share[cut] = before
    return (
        np.concatenate([row, cut]),
        np.concatenate([start, (switch + change)[is_cut].astype("datetime64[ms]")]),
        np.concatenate([end, finish[is_cut].astype("datetime64[ms]")]),
        np.concatenate([start_offset, end_offset[cut]]),
        np.concatenate([share, 1 - before]),
    )
