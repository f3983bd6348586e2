"""Readings as readers hand them over, at points in time or over stretches of it; and how they become minutes."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from lsmlib.readers.minutes import How, Minutes, as_float32, average_same, gather, spread

STRETCHES = 20_000  # stretches spread at a time: each may touch 61 minutes


class Readings(NamedTuple):
    """Some readings of one signal, person and device."""

    start: np.ndarray  # int64 [n], milliseconds since 1970 on the wall's clock
    end: np.ndarray | None  # the same, for totals over a stretch
    value: np.ndarray  # float32 [n]
    offset: np.ndarray | int  # seconds ahead of UTC
    how: How


def by_kind(readings: list[Readings]) -> list[list[Readings]]:
    """Readings that are gathered alike, together."""
    kinds: dict[tuple[bool, str], list[Readings]] = defaultdict(list)
    for one in readings:
        kinds[one.end is None, one.how].append(one)
    return list(kinds.values())


def gather_readings(parts: list[Readings]) -> Minutes:
    """Gather readings of one kind by the minute; totals are spread over their stretches first.

    The list is empty afterwards: of years of readings one copy is enough.
    """
    start = np.concatenate([part.start for part in parts])
    value = np.concatenate([part.value for part in parts])
    offset = np.concatenate([np.broadcast_to(np.asarray(part.offset, np.int32), part.start.shape) for part in parts])
    how, ends = parts[0].how, [part.end for part in parts if part.end is not None]
    parts.clear()
    if not ends:
        return gather(start, value, how, offset)
    end = np.concatenate(ends)
    ends.clear()
    rows = np.stack([start, end, value.astype(float), offset])
    rows = rows[:, np.lexsort(rows[::-1])]
    rows = rows[:, (np.diff(rows, prepend=np.nan) != 0).any(axis=0)]
    repeated = len(start) - rows.shape[1]
    start, end, value, offset = (rows[i].astype(t) for i, t in enumerate((np.int64, np.int64, float, np.int64)))
    blocks = []
    for at in range(0, len(start), STRETCHES):
        here = slice(at, at + STRETCHES)
        ahead = offset[here]
        row, minute, share = spread(start[here] - 1000 * ahead, end[here] - 1000 * ahead, value[here])
        blocks.append(_add_up(minute, share, ahead[row] // 60))
    if not blocks:
        return Minutes(np.zeros(0, np.int64), np.zeros(0, np.float32), repeated)
    minute, total, ahead = _add_up(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
    wall, total, twice = average_same(minute + ahead, total)
    return Minutes(wall, as_float32(total), repeated, 0, twice)


def _add_up(minute: np.ndarray, share: np.ndarray, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each minute once, in order, with the sum of its shares and the first of its clocks."""
    order = np.argsort(minute, kind="stable")
    minute, share, ahead = minute[order], share[order], ahead[order]
    first = np.flatnonzero(np.diff(minute, prepend=minute[:1] - 1))
    return minute[first], np.add.reduceat(share, first), ahead[first]


def as_ms(time: np.ndarray) -> np.ndarray:
    """datetime64 of any unit to milliseconds since 1970, int64."""
    return np.asarray(time).astype("datetime64[ms]").astype(np.int64)
