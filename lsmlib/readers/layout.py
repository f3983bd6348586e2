"""Minutes that were measured, laid out as days: at once, or block by block when a recording is long."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np

from lsmlib.readers.minutes import MINUTE, Minutes, expand
from lsmlib.signals import MINUTES_PER_DAY

LAZY_DAYS = 500  # more days than this are laid out block by block when they are looked at: ten years are 550 MB
BLOCK = 64
STRETCHES = 1000  # stretches laid out at a time: each may be a day long


class Column(NamedTuple):
    """One signal of all days, as the few minutes that were measured."""

    row: np.ndarray  # int32 [m], in order
    minute: np.ndarray  # int16 [m]
    value: np.ndarray  # float32 [m]

    @classmethod
    def lay(cls, people: dict[str, Minutes], row_of: dict[tuple[str, int], int]) -> "Column":
        """Find the rows of the minutes of all people; minutes of days that are not kept fall away."""
        rows, within, values = [np.zeros(0, np.int32)], [np.zeros(0, np.int16)], [np.zeros(0, np.float32)]
        for person in sorted(people):
            of = people[person]
            day, index = np.unique(of.minute // MINUTES_PER_DAY, return_inverse=True)
            row = np.array([row_of.get((person, one), -1) for one in day.tolist()], np.int32)[index]
            rows.append(row[row >= 0])
            within.append((of.minute % MINUTES_PER_DAY).astype(np.int16)[row >= 0])
            values.append(of.value[row >= 0])
        return cls(np.concatenate(rows), np.concatenate(within), np.concatenate(values))

    @property
    def size(self) -> int:
        """How many minutes were measured."""
        return len(self.row)

    def to_array(self, days: int) -> Any:
        """All days ``[d, t]``, NaN where nothing was measured: in memory, or lazily if they are many."""
        if days <= LAZY_DAYS:
            return self.lay_out(0, days)
        edges = [*range(0, days, BLOCK), days]
        blocks = [
            da.from_delayed(_lay_out_later(self, start, stop), (stop - start, MINUTES_PER_DAY), np.float32)
            for start, stop in pairwise(edges)
        ]
        return da.concatenate(blocks)

    def lay_out(self, start: int, stop: int) -> np.ndarray:
        """The days from ``start`` to below ``stop``."""
        here = slice(*np.searchsorted(self.row, [start, stop]))
        laid = np.full((stop - start, MINUTES_PER_DAY), np.nan, np.float32)
        laid[self.row[here] - start, self.minute[here]] = self.value[here]
        return laid


def _lay_out_later(column: Column, start: int, stop: int) -> Any:
    here = slice(*np.searchsorted(column.row, [start, stop]))
    part = Column(column.row[here] - start, column.minute[here], column.value[here])
    return dask.delayed(part.lay_out, pure=True)(0, stop - start)


def group_rows(row_of: dict[tuple[str, int], int]) -> dict[str, dict[int, int]]:
    """From person and day to a row, grouped: from person to a dict from day to row."""
    grouped: dict[str, dict[int, int]] = defaultdict(dict)
    for (person, day), row in row_of.items():
        grouped[person][day] = row
    return grouped


def lay_states(
    laid: np.ndarray, row_of: dict[int, int], parts: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    """Write what held over stretches of time into the days of one person, later stretches over earlier ones.

    Args:
        laid: int8 ``[d, t]``, written to.
        row_of: from the person's days since 1970, in order, to where each stands in ``laid``.
        parts: start, end (int64, milliseconds since 1970) and code (int8) of stretches. A stretch covers the minutes
            whose middle lies in it; minutes of other days fall away.
    """
    days, rows = np.array([*row_of], int), np.array([*row_of.values()], int)
    if not len(days):
        return
    half = MINUTE // 2
    for start, end, code in parts:
        first, stop = -((half - start) // MINUTE), -((half - end) // MINUTE)
        for at in range(0, len(code), STRETCHES):
            here = slice(at, at + STRETCHES)
            stretch, minute = expand(first[here], stop[here])
            day = minute // MINUTES_PER_DAY
            place = np.minimum(np.searchsorted(days, day), len(days) - 1)
            is_kept = days[place] == day
            laid[rows[place[is_kept]], minute[is_kept] % MINUTES_PER_DAY] = code[here][stretch[is_kept]]
