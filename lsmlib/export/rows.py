"""Rows to check an exported encoder with: every kind of gap, and what the model itself makes of them."""

from typing import Any

import numpy as np
import xarray as xr

from lsmlib.cohort import make_cohort
from lsmlib.models.lsm1 import LSM1
from lsmlib.nn.patches import Grid
from lsmlib.signals import HIGH, LOW, MEAN, MINUTES_PER_DAY, SD, normalise
from lsmlib.windows import fill_gaps, take_windows

TIMED = 0, 3  # half missing, complete
SENSORS = slice(0, 10), slice(10, 21), slice(21, 24), slice(24, 26)


def draw_rows(grid: Grid, tokens: int | None) -> np.ndarray:
    """Rows ``[9, t, s]`` in physical units, NaN where missing, the same whenever they are drawn.

    Half missing, a sensor and some minutes at a time; nothing observed; a single reading; complete; single minutes
    missing; a signal and both ends missing; values at the limits of what is plausible; and two with exactly ``tokens``
    observed tokens (half of all by default), and one more.
    """
    draw, minutes = np.random.default_rng(0), grid.minutes
    slow = np.cumsum(draw.standard_normal((9, minutes, 26)), axis=1) / np.sqrt(minutes)
    rows = np.clip(MEAN + SD * (slow + draw.standard_normal((9, minutes, 26)) / 2), LOW, HIGH).astype(np.float32)
    blocks = np.arange(minutes) // (2 * grid.patch_minutes)
    for sensor in SENSORS:
        off = draw.permutation(blocks[-1] + 1)[: -(-(blocks[-1] + 1) // 2)]
        rows[0, np.isin(blocks, off), sensor] = np.nan
    rows[1] = np.nan
    rows[4][draw.random((minutes, 26)) < 0.05] = np.nan
    rows[5, :, 3] = rows[5, : minutes // 4] = rows[5, -minutes // 4 :] = np.nan
    rows[2][np.arange(minutes * 26).reshape(minutes, 26) != minutes * 13] = np.nan
    rows[6] = np.where(draw.random((minutes, 26)) < 0.5, LOW, HIGH)
    order = draw.permutation(grid.tokens)
    for row, count in ((7, tokens or grid.tokens // 2), (8, (tokens or grid.tokens // 2) + 1)):
        kept = np.broadcast_to((order < count)[None, :, None], (1, grid.tokens, grid.cells))
        rows[row] = np.where(grid.to_windows(np.array(kept))[0], rows[row], np.nan)
    return rows


def embed_rows(model: Any, rows: np.ndarray, tokens: int | None) -> np.ndarray:
    """What ``model.embed`` gives for rows, ``[b, w]``; NaN where more than ``tokens`` are observed."""
    embedded = model.embed(as_windows(model, rows))
    if tokens is not None:
        embedded[model.to_tokens(normalise(rows))[1].sum(axis=1) > tokens] = np.nan
    return embedded


def as_windows(model: Any, rows: np.ndarray) -> xr.Dataset:
    """Rows as the model is given them: for an LSM-1, filled as ``cut_windows`` does."""
    rows = fill_gaps(rows) if isinstance(model, LSM1) else rows
    days, minutes = rows.shape[:2]
    whole = np.broadcast_to(MEAN, (days, MINUTES_PER_DAY, 26)).astype(np.float32)
    cohort = make_cohort(whole, [f"row {row}" for row in range(days)], np.full(days, np.datetime64("2024-01-01")))
    if minutes < MINUTES_PER_DAY:
        cohort = take_windows(cohort, np.arange(days), np.zeros(days, int), minutes)
    return cohort.assign(signals=(cohort["signals"].dims, rows, cohort["signals"].attrs))
