"""Small windows for tests: complete, plausible, no simulator."""

import numpy as np
import xarray as xr

from lsmlib.cohort import make_cohort
from lsmlib.signals import HIGH, LOW, MEAN, SD
from lsmlib.windows import cut_windows


def small_windows(rows: int = 8, minutes: int = 60, seed: int = 0, people: int = 4) -> xr.Dataset:
    """Windows [d, t, s] without gaps, in which neighbouring minutes and signals go together."""
    draw = np.random.default_rng(seed)
    slow = np.cumsum(draw.standard_normal((rows, 1440, 1)), axis=1) / 20
    values = slow + 0.3 * draw.standard_normal((rows, 1440, 26))
    cohort = make_cohort(
        np.clip(MEAN + SD * values, LOW, HIGH).astype(np.float32),
        [f"p{row % people}" for row in range(rows)],
        np.datetime64("2024-03-01") + np.arange(rows) // people,
    )
    return cut_windows(cohort, minutes=minutes, stride=1440)
