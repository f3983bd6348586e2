"""From readings at any time to one value a minute: duplicates, order, irregular sampling, totals over a stretch.

Times are whole milliseconds since 1970 on the clock of the wall. Where it is known how far that clock was ahead of UTC,
readings are gathered by the minute in which they were taken, so that the hour that comes twice in autumn is not added
up into one; its two values of a minute are averaged only then.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np

How = Literal["mean", "sum", "min", "max", "last"]
HOWS: tuple[How, ...] = ("mean", "sum", "min", "max", "last")
MINUTE = 60_000  # milliseconds
READINGS = 500_000  # sorted at a time


class Minutes(NamedTuple):
    """One value for each of some minutes, and what was met on the way."""

    minute: np.ndarray  # int64 [m], minutes since 1970 on the wall's clock, each once and in order
    value: np.ndarray  # float32 [m]
    repeated: int = 0  # readings that said the same twice
    conflicting: int = 0  # readings that said something else for a time that had one already; averaged
    twice: int = 0  # minutes that came twice, when clocks were set back; averaged


def gather(time: np.ndarray, value: np.ndarray, how: How, offset: np.ndarray | int = 0) -> Minutes:
    """Gather readings by the minute.

    Args:
        time: int64 ``[n]``, milliseconds since 1970 on the wall's clock, in any order.
        value: float ``[n]``, without NaN.
        how: what becomes of several readings in a minute: their mean, sum, least, greatest, or the last in time.
        offset: int ``[n]``, or one for all: how many seconds the wall's clock is ahead of UTC.

    Returns:
        A value for every minute with a reading. A reading that is there twice counts once. Different readings of the
        same time are replaced by their mean (their least or greatest where ``how`` says so), in whatever order they
        come; ``Recording`` refuses data in which that is common.
    """
    ahead = np.broadcast_to(np.asarray(offset, np.int32), time.shape)
    instant = time - 1000 * ahead
    blocks = [_gather_block(instant[rows], value[rows], ahead[rows], how) for rows in _split_by_time(instant)]
    wall, gathered = (np.concatenate([block[part] for block in blocks]) for part in (0, 1))
    minute, gathered, twice = average_same(wall, gathered)
    return Minutes(minute, as_float32(gathered), sum(b[2] for b in blocks), sum(b[3] for b in blocks), twice)


def _split_by_time(instant: np.ndarray) -> Iterator[np.ndarray | slice]:
    """Rows of consecutive stretches of time, none dividing a minute: years of readings are not sorted at once."""
    if len(instant) <= READINGS:
        yield slice(None)
        return
    sample = np.sort(instant[:: max(1, len(instant) // 10_000)])
    edges = np.unique(sample[:: max(1, len(sample) * READINGS // len(instant))][1:] // MINUTE * MINUTE)
    block = np.searchsorted(edges, instant, side="right").astype(np.int16)
    for number in range(len(edges) + 1):
        yield np.flatnonzero(block == number)


def _gather_block(
    instant: np.ndarray, value: np.ndarray, ahead: np.ndarray, how: How
) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Minutes on the wall's clock in the order of instants, their values, and how many repeat or conflict."""
    if not len(instant):
        return np.zeros(0, np.int64), np.zeros(0), 0, 0
    instant, value, ahead, repeated, conflicting = _merge_same_times(instant, value, ahead, how)
    first = np.flatnonzero(np.diff(instant // MINUTE, prepend=np.iinfo(np.int64).min))
    size = np.diff(first, append=len(instant))
    match how:
        case "mean":
            gathered = np.add.reduceat(value, first) / size
        case "sum":
            gathered = np.add.reduceat(value, first)
        case "min":
            gathered = np.minimum.reduceat(value, first)
        case "max":
            gathered = np.maximum.reduceat(value, first)
        case "last":
            gathered = value[first + size - 1]
    return instant[first] // MINUTE + ahead[first] // 60, as_float32(gathered), repeated, conflicting


def as_float32(value: np.ndarray) -> np.ndarray:
    """Values as they are kept; what float32 cannot hold becomes infinite, and so is dropped as out of range later."""
    with np.errstate(over="ignore"):
        return np.asarray(value, np.float32)


def _merge_same_times(time: np.ndarray, value: np.ndarray, offset: np.ndarray, how: How) -> tuple:
    """Sort by time; drop what is there twice; average what differs at the same time, or take its least or greatest."""
    order = np.lexsort((value, time))
    time, value, offset = time[order], value[order].astype(float), offset[order]
    is_new = np.ones(len(time), bool)
    is_new[1:] = (time[1:] != time[:-1]) | (value[1:] != value[:-1])
    repeated = len(time) - int(is_new.sum())
    time, value, offset = time[is_new], value[is_new], offset[is_new]
    first = np.flatnonzero(np.diff(time, prepend=time[:1] - 1))
    if len(first) == len(time):
        return time, value, offset, repeated, 0
    if how in ("min", "max"):
        merged = (np.minimum if how == "min" else np.maximum).reduceat(value, first)
    else:
        merged = np.add.reduceat(value, first) / np.diff(first, append=len(time))
    return time[first], merged, offset[first], repeated, len(time) - len(first)


def average_same(key: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Each key once, in order, with the mean of its values, and how many values were merged into others."""
    if (key[1:] > key[:-1]).all():
        return key, value, 0
    order = np.argsort(key, kind="stable")
    key, value = key[order], value[order]
    first = np.flatnonzero(np.diff(key, prepend=key[:1] - 1))
    means = np.add.reduceat(value, first) / np.diff(first, append=len(key))
    return key[first], means, len(key) - len(first)


def spread(start: np.ndarray, end: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spread totals over stretches evenly onto their minutes, each minute its share.

    Args:
        start: int64 ``[n]``, milliseconds since 1970.
        end: int64 ``[n]``, not before ``start``; a stretch of no length belongs to the minute it starts in.
        value: float ``[n]``, the totals, for example steps.

    Returns:
        For each pair of a stretch and a minute it touches: the row of the stretch, the minute since 1970 and the share
        of the total, each ``[k]``; the shares of a stretch add up to its total.
    """
    first, last = start // MINUTE, np.maximum(end - 1, start) // MINUTE
    row, minute = expand(first, last + 1)
    overlap = np.minimum(end[row], (minute + 1) * MINUTE) - np.maximum(start[row], minute * MINUTE)
    length = (end - start)[row]
    share = np.divide(overlap, length, out=np.ones(len(row)), where=length > 0)
    return row, minute, value[row] * share


def expand(first: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All whole numbers of the ranges from ``first`` to below ``stop``: the row of the range, and the number."""
    size = np.maximum(stop - first, 0)
    row = np.repeat(np.arange(len(first)), size)
    within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    return row, first[row] + within


def slope(time: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The least-squares slope of the readings of each minute, in units a minute.

    Args:
        time: int64 ``[n]``, milliseconds since 1970, in order.
        value: float ``[n]``, without NaN.

    Returns:
        The minutes that have at least three readings over at least half a minute, int64 ``[m]``, and float ``[m]``.
    """
    minute = time // MINUTE
    first = np.flatnonzero(np.diff(minute, prepend=np.iinfo(np.int64).min))
    size = np.diff(first, append=len(time))
    if not len(first):
        return np.zeros(0, np.int64), np.zeros(0)
    of = np.repeat(np.arange(len(first)), size)
    x = (time - minute * MINUTE) / MINUTE
    x = x - (np.add.reduceat(x, first) / size)[of]
    y = value - (np.add.reduceat(np.asarray(value, float), first) / size)[of]
    spread_x = np.add.reduceat(x * x, first)
    is_enough = (size >= 3) & (time[first + size - 1] - time[first] >= MINUTE // 2)
    slopes = np.divide(np.add.reduceat(x * y, first), spread_x, out=np.zeros(len(first)), where=spread_x > 0)
    return minute[first][is_enough], slopes[is_enough]
