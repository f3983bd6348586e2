"""A Cohort whose days have levels, trends, peaks, gaps and labels: something to say at every level."""

import numpy as np
import xarray as xr

from lsmlib.cohort import make_cohort
from lsmlib.signals import HIGH, LOW, MEAN, SD, SIGNAL_NAMES
from lsmlib.simulate.behaviour import ACTIVITIES, MOODS

MINUTE = np.arange(1440)


def eventful_cohort(days: int = 6, seed: int = 0, activities=ACTIVITIES, moods=MOODS) -> xr.Dataset:
    draw = np.random.default_rng(seed)
    signals = MEAN + 0.2 * SD * draw.standard_normal((days, 1440, 26))
    activity, asleep, mood = (np.full((days, 1440), -1, np.int8) for _ in range(3))
    for day in range(days):
        for signal in range(26):
            start = draw.integers(0, 900)
            ramp = np.interp(MINUTE, [start, start + draw.integers(180, 480)], [0, draw.uniform(-2, 2)])
            middle = draw.integers(90, 1350)
            bump = draw.uniform(-3, 3) * np.exp(-(((MINUTE - middle) / 16) ** 2) / 2)
            signals[day, :, signal] += SD[signal] * (ramp + bump)
        for start in draw.choice(np.arange(480, 1300, 60), 2, replace=False):
            activity[day, start : start + draw.integers(5, 59)] = draw.integers(len(activities))
        asleep[day] = 0
        asleep[day, : draw.integers(200, 480)] = 1
        asleep[day, draw.integers(1300, 1439) :] = 1
        mood[day, draw.choice(np.arange(480, 1400), 3, replace=False)] = draw.integers(0, len(moods), 3)
        for _ in range(4):
            start = draw.integers(1440)
            signals[day, start : start + draw.integers(1, 180), draw.integers(26) :] = np.nan
        signals[day, :, draw.integers(26)] = np.nan
    return make_cohort(
        np.clip(signals, LOW, HIGH).astype(np.float32),
        [f"p{day // 2}" for day in range(days)],
        np.datetime64("2024-03-01") + np.arange(days) % 2,
        per_minute={"activity": (activity, activities), "asleep": asleep, "mood": (mood, moods)},
    )


def plain_cohort(**signals) -> xr.Dataset:
    """One day with the given signals [t] and no labels."""
    assert set(signals) <= set(SIGNAL_NAMES)
    return make_cohort(
        {name: np.asarray(values, float)[None] for name, values in signals.items()}, ["p"], ["2024-03-01"]
    )
