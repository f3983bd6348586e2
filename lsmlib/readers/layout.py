"""Minutes that were measured, laid out as days: at once, or block by block when a recording is long."""

from itertools import pairwise
from typing import Any, NamedTuple

import dask
import dask.array as da
import numpy as np

from lsmlib.readers.minutes import MINUTE, Minutes, expand
from lsmlib.signals import MINUTES_PER_DAY

LAZY_DAYS = 500  # more days than this are laid out block by block when they are looked at: ten years are 550 MB
BLOCK = 64


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


def lay_states(
    spans: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]], row_of: dict[tuple[str, int], int], days: int
) -> np.ndarray:
    """Codes int8 ``[d, t]`` of what held over stretches of time; -1 where nothing is known.

    Args:
        spans: of each person, (start, end, code), times int64 ``[n]`` in milliseconds since 1970; the last counts.
        row_of: from person and day since 1970 to the row.
        days: how many rows there are.
    """
    laid = np.full((days, MINUTES_PER_DAY), -1, np.int8)
    for person, parts in spans.items():
        for start, end, code in parts:
            first, stop = (
                -((MINUTE // 2 - edge) // MINUTE) for edge in (start, end)
            )  # minutes whose middle lies inside
            span, minute = expand(first, stop)
            day, index = np.unique(minute // MINUTES_PER_DAY, return_inverse=True)
            row = np.array([row_of.get((person, one), -1) for one in day.tolist()], np.int64)[index]
            laid[row[row >= 0], (minute % MINUTES_PER_DAY)[row >= 0]] = code[span][row >= 0]
    return laid
