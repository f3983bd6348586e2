"""Small Cohorts for tests: plausible numbers, real gaps, no simulator."""

import numpy as np
import xarray as xr

from lsmlib.cohort import make_cohort
from lsmlib.signals import HIGH, LOW, MEAN, SD


def small_signals(days: int, seed: int = 0, gaps: int = 8) -> np.ndarray:
    """Readings [d, t, s] in physical units; `gaps` gaps a day, each of one sensor or of all, up to three hours long."""
    draw = np.random.default_rng(seed)
    signals = np.clip(MEAN + SD * draw.standard_normal((days, 1440, 26)), LOW, HIGH).astype(np.float32)
    sensors = [slice(0, 26), slice(0, 10), slice(10, 21), slice(21, 24), slice(24, 26)]
    for day in range(days):
        for _ in range(gaps):
            start, length, sensor = draw.integers(1440), draw.integers(1, 180), sensors[draw.integers(len(sensors))]
            signals[day, start : start + length, sensor] = np.nan
    return signals


def small_cohort(days: int = 6, people: int = 3, seed: int = 0, gaps: int = 8) -> xr.Dataset:
    """A Cohort with some labels known, `people` people taking turns, one date after the other."""
    draw = np.random.default_rng(seed + 1)
    return make_cohort(
        small_signals(days, seed, gaps),
        [f"pérson {day % people}" for day in range(days)],
        np.datetime64("2024-02-27") + np.arange(days) // people,
        labels={
            "age": 20 + np.arange(days) % people,
            "sex": [["female", "male", ""][day % people % 3] for day in range(days)],
            "hypertension": np.arange(days) % people % 2,
            "bmi": np.where(np.arange(days) % 2, np.nan, 25.5),
        },
        per_minute={
            "activity": (draw.integers(-1, 2, (days, 1440)), ["Walk", "Strength training"]),
            "asleep": draw.integers(-1, 2, (days, 1440)),
        },
        attrs={"source": "tests", "seed": seed, "digests": ["a", "b"]},
    )
