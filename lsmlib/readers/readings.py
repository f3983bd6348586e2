"""Readings as readers hand them over, at points in time or over stretches of it; and how they become minutes."""

from collections import defaultdict
from typing import NamedTuple

import numpy as np

from lsmlib.readers.minutes import How, Minutes, average_same, gather, spread


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
    """Gather readings of one kind by the minute; totals are spread over their stretches first."""
    start = np.concatenate([part.start for part in parts])
    value = np.concatenate([part.value for part in parts])
    offset = np.concatenate([np.broadcast_to(np.asarray(part.offset, np.int32), part.start.shape) for part in parts])
    if parts[0].end is None:
        return gather(start, value, parts[0].how, offset)
    end = np.concatenate([part.end for part in parts if part.end is not None])
    rows = np.stack([start, end, value.astype(float), offset])
    rows = rows[:, np.lexsort(rows[::-1])]
    rows = rows[:, (np.diff(rows, prepend=np.nan) != 0).any(axis=0)]
    repeated = len(start) - rows.shape[1]
    start, end, value, offset = (rows[i].astype(t) for i, t in enumerate((np.int64, np.int64, float, np.int64)))
    row, minute, share = spread(start - 1000 * offset, end - 1000 * offset, value)
    order = np.argsort(minute, kind="stable")
    minute, share, ahead = minute[order], share[order], offset[row][order] // 60
    first = np.flatnonzero(np.diff(minute, prepend=minute[:1] - 1))
    wall, total, twice = average_same(
        minute[first] + ahead[first], np.add.reduceat(share, first) if len(first) else share
    )
    return Minutes(wall, total.astype(np.float32), repeated, 0, twice)


def as_ms(time: np.ndarray) -> np.ndarray:
    """datetime64 of any unit to milliseconds since 1970, int64."""
    return np.asarray(time).astype("datetime64[ms]").astype(np.int64)
