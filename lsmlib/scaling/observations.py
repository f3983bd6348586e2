"""From runs to cells: those with the same settings are one, whatever their seeds."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def average_cells(
    axes: Sequence[Any], loss: Any, names: Sequence[str]
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Geometric means over the runs of each cell.

    Args:
        axes: what defines a cell, each ``[r]``.
        loss: of each run, ``[r]``.
        names: of the axes, for messages.

    Returns:
        The axes of the cells, each ``[n]``, in rising order; their losses ``[n]``; and the cell of each run, int
        ``[r]``.

    Raises:
        ValueError: if lengths differ, or a number is not finite and positive.
    """
    values = np.asarray(loss, float)
    columns = [np.asarray(axis, float) for axis in axes]
    for name, column in zip([*names, "loss"], [*columns, values], strict=True):
        if column.ndim != 1 or column.shape != values.shape:
            raise ValueError(f"{name} has shape {column.shape} and loss {values.shape}; expected one number a run")
        bad = ~(np.isfinite(column) & (column > 0))
        if bad.any():
            at = int(np.flatnonzero(bad)[0])
            raise ValueError(
                f"{name} of run {at} is {column[at]:g} ({int(bad.sum())} such of {len(bad)}); expected finite numbers "
                "above 0, whose logarithms a law is fitted to. Leave out runs that diverged and cells with none of it"
            )
    if not len(values):
        raise ValueError("there are no runs; expected one loss or more for each of several cells")
    cells, members = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    members = members.ravel()
    sums = np.bincount(members, np.log(values))
    return list(cells.T), np.exp(sums / np.bincount(members)), members


def relative_spread(loss: Any, members: np.ndarray) -> float:
    """Standard deviation of log loss of runs about their cells; NaN if no cell has two."""
    value = np.log(np.asarray(loss, float))
    free = len(value) - (members.max() + 1)
    if not free:
        return float("nan")
    mean = np.bincount(members, value) / np.bincount(members)
    return float(np.sqrt(np.sum(np.square(value - mean[members])) / free))
