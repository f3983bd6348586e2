"""Small windows for tests of generative evaluation, cut by the package itself."""

import numpy as np
import xarray as xr

import lsmlib
from lsmlib.signals import MEAN, SD


def windows_of(signals: np.ndarray, people: list[str] | None = None) -> xr.Dataset:
    """Windows ``[d, t, 26]`` from readings with NaN at gaps, one a date, each starting at midnight."""
    rows, minutes = signals.shape[:2]
    days = np.full((rows, 1440, 26), np.nan, np.float32)
    days[:, :minutes] = signals
    cohort = lsmlib.make_cohort(
        days, people or [f"p{row}" for row in range(rows)], np.datetime64("2024-03-01") + np.arange(rows)
    )
    return lsmlib.cut_windows(cohort, minutes=minutes, stride=1440, max_missing=0.99)


def noise_windows(rows: int, minutes: int, people: int, seed: int = 0, gaps: float = 0.1) -> xr.Dataset:
    """Windows of white noise around each signal's mean with single readings missing."""
    draw = np.random.default_rng(seed)
    values = MEAN + SD * np.clip(0.05 * draw.standard_normal((rows, minutes, 26)), -0.07, 0.07)
    values[draw.random(values.shape) < gaps] = np.nan
    return windows_of(values.astype(np.float32), [f"p{row % people}" for row in range(rows)])


def series(values: list[float], signal: int = 0) -> xr.Dataset:
    """One window in which one signal has these readings and all others stand at their mean."""
    signals = np.tile(MEAN, (1, len(values), 1)).astype(np.float32)
    signals[0, :, signal] = values
    return windows_of(signals)
