"""Hand-made features: what one would compute from a day of signals without any learning. The baseline to beat."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import check_cohort
from lsmlib.signals import SIGNAL_NAMES

BLOCK = 64  # days summarised at once: a shard of a store
PERCENTILES = (5, 25, 50, 75, 95)
STATISTICS = (
    "mean",
    "sd",
    *(f"p{percent}" for percent in PERCENTILES),
    "change",  # mean absolute difference between successive minutes
    "asleep",  # mean over minutes asleep
    "awake",
    "night",  # asleep minus awake
    "missing",  # share of the day that was not observed; every other statistic is of observed minutes
)

WINDOW_STATISTICS = STATISTICS[: STATISTICS.index("change") + 1]  # those that need neither sleep nor gaps


def hand_features(cohort: xr.Dataset, by: str = "person") -> pd.DataFrame:
    """Summarise each signal of each day by a dozen statistics, and average a person's days.

    Lazy Cohorts are read block by block, so they may be larger than memory.

    Args:
        cohort: a Cohort.
        by: ``"person"`` for one row a person, in the order in which they first appear; ``"day"`` for one row a day.

    Returns:
        float32, a column for each (signal, statistic of ``STATISTICS``), in the signal's unit except ``missing``; NaN
        where nothing was observed to compute it from. The index holds the person, or (person, date).

    Raises:
        ValueError: if this is no Cohort, or ``by`` is something else.
    """
    check_cohort(cohort, values=False)
    if by not in ("person", "day"):
        raise ValueError(f"by is {by!r}; expected 'person' or 'day'")
    days = cohort.sizes["day"]
    readings = cohort[[name for name in ("signals", "asleep") if name in cohort]]

    def summarise(rows: slice) -> np.ndarray:
        block = readings.isel(day=rows).compute()
        unknown = np.full(block["signals"].shape[:2], -1)
        return summarise_days(block["signals"].values, block["asleep"].values if "asleep" in block else unknown)

    # A Dask array is cut at its own chunks, because a part of a chunk costs as much as the whole.
    sizes = readings.chunksizes.get("day") or [BLOCK] * -(-days // BLOCK)
    ends = np.minimum(np.cumsum(sizes), days).tolist()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        values = np.concatenate(list(pool.map(summarise, map(slice, [0, *ends[:-1]], ends))))
    columns = pd.MultiIndex.from_product([SIGNAL_NAMES, STATISTICS], names=["signal", "statistic"])
    index = pd.MultiIndex.from_arrays([cohort["person"].values, cohort["date"].values], names=["person", "date"])
    frame = pd.DataFrame(values.reshape(days, -1), index, columns)
    return frame if by == "day" else frame.groupby(level="person", sort=False).mean()


def hand_window_features(windows: xr.Dataset) -> pd.DataFrame:
    """Mean, deviation, percentiles and mean change of each signal of each window: what needs no learning to compute.

    Args:
        windows: windows ``[d, t, s]`` without gaps, from ``lsmlib.cut_windows`` or ``activity_windows``.

    Returns:
        float32 ``[d, signal × statistic]``, a column for each (signal, statistic), in the signal's unit.

    Raises:
        ValueError: if these are no windows.
    """
    check_cohort(windows, values=False)
    if "start_minute" not in windows.variables:
        raise ValueError("expected windows, as lsmlib.cut_windows makes them; features of days are hand_features")
    unknown = np.full((BLOCK, windows.sizes["minute"]), -1)
    parts = []
    for first in range(0, windows.sizes["day"], BLOCK):
        signals = windows["signals"][first : first + BLOCK].values
        parts.append(summarise_days(signals, unknown[: len(signals)])[:, :, : len(WINDOW_STATISTICS)])
    columns = pd.MultiIndex.from_product([SIGNAL_NAMES, WINDOW_STATISTICS], names=["signal", "statistic"])
    return pd.DataFrame(np.concatenate(parts).reshape(windows.sizes["day"], -1), columns=columns)


def summarise_days(signals: np.ndarray, asleep: np.ndarray) -> np.ndarray:
    """Statistics of each signal over the observed minutes of each day.

    Args:
        signals: float32 ``[d, t, s]``, physical units, NaN at gaps.
        asleep: int ``[d, t]``: 1 asleep, 0 awake, -1 unknown.

    Returns:
        float32 ``[d, s, statistic]`` in the order of ``STATISTICS``.
    """
    minutes_last = np.ascontiguousarray(np.swapaxes(signals, 1, 2))  # [d, s, t]
    observed = ~np.isnan(minutes_last)
    count = observed.sum(axis=-1)
    values = np.where(observed, minutes_last, 0)

    def average(total: np.ndarray, of: np.ndarray) -> np.ndarray:
        return np.divide(total, of, out=np.full(of.shape, np.nan, np.float32), where=of > 0)

    mean = average(values.sum(axis=-1), count)
    # around the mean, because float32 loses a small spread in the sum of large squares
    spread = np.square(np.where(observed, values - mean[..., None], 0)).sum(axis=-1)

    change = np.abs(np.diff(minutes_last))
    both = ~np.isnan(change)
    changed = average(np.where(both, change, 0).sum(axis=-1), both.sum(axis=-1))

    def average_where(chosen: np.ndarray) -> np.ndarray:
        weight = chosen.astype(np.float32)[:, :, None]  # [d, t, 1]
        return average((values @ weight)[..., 0], (observed.astype(np.float32) @ weight)[..., 0])

    by_night, by_day = average_where(asleep == 1), average_where(asleep == 0)

    ordered = np.sort(minutes_last, axis=-1)  # gaps come last
    place = np.rint(np.multiply.outer(np.maximum(count - 1, 0), np.array(PERCENTILES) / 100)).astype(int)
    percentiles = np.take_along_axis(ordered, place, axis=-1)  # NaN where nothing was observed
    first, last = [mean, np.sqrt(average(spread, count))], [changed, by_night, by_day, by_night - by_day]
    missing = np.float32(1) - count / np.float32(signals.shape[1])
    return np.concatenate([np.stack(first, -1), percentiles, np.stack([*last, missing], -1)], -1).astype(np.float32)
