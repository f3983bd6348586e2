"""What LSM-1 reads: windows of five hours with few gaps, and those filled in.

LSM-1 (Narayanswamy, Liu et al., "Scaling Wearable Foundation Models", ICLR 2025) knows no missing values: it takes
windows of 300 minutes of which at most about 20 % is missing, interpolates gaps linearly in time and fills leading
ones backwards (as reported; see LSM-2 for what comes of doing without). What the paper does with a signal that a
window lacks altogether is not known to us. We fill it with its population mean, which is 0 once normalised: no
information, and no jump.
"""

import numpy as np
import xarray as xr

from lsmlib.checks import BLOCK, check_cohort
from lsmlib.signals import MEAN


def cut_windows(
    cohort: xr.Dataset, minutes: int = 300, max_missing: float = 0.2, stride: int | None = None
) -> xr.Dataset:
    """Cut days into windows, keep those with few gaps, and fill the gaps.

    Windows start at minute 0, ``stride``, 2 × ``stride``, … and end within the day: with the defaults at 0:00, 5:00,
    10:00 and 15:00, and the last four hours are not used. A gap between two readings is interpolated linearly in time
    within its signal and window; a leading gap takes the first reading after it, a trailing gap the last before it, and
    a signal without any reading in the window takes its population mean (``SIGNALS``).

    Args:
        cohort: a Cohort. A lazy one is read 64 days at a time; only the windows that are kept stay in memory.
        minutes: length of a window, 1 to 1,440.
        max_missing: the largest share of missing cells (minutes × 26 signals) of a window that is kept, 0 to below 1.
        stride: minutes from one start to the next; by default ``minutes``, so that windows do not overlap.

    Returns:
        A Cohort whose rows (still dim ``day``) are windows: ``signals [d, t, s]`` with t = ``minutes`` and no NaN, plus
        ``observed`` bool ``[d, t, s]``, True where a value was measured and not filled in, and ``start_minute`` int16
        ``[d]``. Labels come along, per-minute ones are cut.

    Raises:
        ValueError: if an argument is out of range, ``cohort`` is made of windows already, or no window is kept.
    """
    check_cohort(cohort, values=False)
    stride = minutes if stride is None else stride
    length = cohort.sizes["minute"]
    if "start_minute" in cohort.variables:
        raise ValueError(f"these are windows of {length} minutes already; expected a Cohort of whole days")
    if not 1 <= minutes <= length:
        raise ValueError(f"minutes is {minutes}; expected 1 to {length}")
    if not 0 <= max_missing < 1:
        raise ValueError(f"max_missing is {max_missing}; expected a share from 0 to below 1, for example 0.2")
    if stride < 1:
        raise ValueError(f"stride is {stride}; expected at least 1 minute")
    starts = np.arange(0, length - minutes + 1, stride)
    kept, least = [], 1.0
    for first in range(0, cohort.sizes["day"], BLOCK):
        block = cohort.isel(day=slice(first, first + BLOCK)).compute()
        share = _missing_share(block["signals"].values, starts, minutes)
        least = min(least, float(share.min()))
        day, start = np.nonzero(share <= max_missing)
        if len(day):
            kept.append(take_windows(block, day, starts[start], minutes))
    if not kept:
        raise ValueError(
            f"no window of {minutes} minutes has at most {max_missing:.0%} missing; the fullest has {least:.1%}. "
            "Raise max_missing, take shorter windows, or use LSM-2, which reads gaps as they are"
        )
    windows = xr.concat(kept, "day", data_vars="minimal", coords="minimal", compat="equals", join="exact")
    windows.attrs |= {"window_minutes": minutes, "window_stride": stride, "window_max_missing": max_missing}
    return check_cohort(windows, values=False)


def fill_gaps(values: np.ndarray) -> np.ndarray:
    """Fill the NaN of windows ``[d, t, s]`` along time, as ``cut_windows`` describes; float32 ``[d, t, s]``."""
    observed = ~np.isnan(values)
    filled = np.array(values, np.float32)
    length = values.shape[1]
    minute = np.arange(length, dtype=np.int16)[:, None]
    # The nearest readings: the last at or before each minute (-1: none), the first at or after it (`length`: none).
    before = np.maximum.accumulate(np.where(observed, minute, np.int16(-1)), axis=1)
    after = np.minimum.accumulate(np.where(observed, minute, np.int16(length))[:, ::-1], axis=1)[:, ::-1]
    row, at, signal = np.nonzero(~observed)
    left, right = before[row, at, signal].astype(int), after[row, at, signal].astype(int)
    unseen = (left < 0) & (right == length)
    left, right = np.where(left < 0, right, left), np.where(right == length, left, right)
    left, right = np.where(unseen, 0, left), np.where(unseen, 0, right)
    low, high = values[row, left, signal].astype(float), values[row, right, signal].astype(float)
    step = np.divide(at - left, right - left, out=np.zeros(len(at)), where=right > left)
    filled[row, at, signal] = np.where(unseen, MEAN[signal], low + (high - low) * step)
    return filled


def _missing_share(values: np.ndarray, starts: np.ndarray, minutes: int) -> np.ndarray:
    """The share of missing cells of every window, ``[d, starts]``, from one running count over the day."""
    count = np.cumsum(np.isnan(values).sum(axis=2), axis=1)
    count = np.concatenate([np.zeros((len(values), 1), count.dtype), count], axis=1)
    return (count[:, starts + minutes] - count[:, starts]) / (minutes * values.shape[2])


def take_windows(block: xr.Dataset, day: np.ndarray, start: np.ndarray, minutes: int) -> xr.Dataset:
    """The windows of a block of days that begin at minute ``start`` of ``day`` (both ``[windows]``), gaps filled."""
    within = start[:, None] + np.arange(minutes)
    rows = block.isel(day=day).drop_dims("minute")
    for name, variable in block.data_vars.items():
        if "minute" in variable.dims:
            rows[name] = (variable.dims, variable.values[day[:, None], within], variable.attrs)
    values = rows["signals"].values
    rows["observed"] = (("day", "minute", "signal"), ~np.isnan(values), {"long_name": "measured, not filled in"})
    rows["signals"] = (("day", "minute", "signal"), fill_gaps(values), block["signals"].attrs)
    rows["start_minute"] = (
        "day",
        start.astype(np.int16),
        {"long_name": "minute of the day at which the window begins"},
    )
    return rows
