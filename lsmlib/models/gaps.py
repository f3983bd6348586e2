"""Gaps filled before a model reads days, as SensorLM's paper does, to compare with leaving them out."""

import numpy as np


def fill_gaps(signals: np.ndarray) -> np.ndarray:
    """Fill gaps of normalised days ``[b, t, s]`` linearly, at the ends with the nearest reading, without any with 0."""
    filled = np.zeros_like(signals)
    minute = np.arange(signals.shape[1])
    for day, signal in np.ndindex(signals.shape[0], signals.shape[2]):
        series = signals[day, :, signal]
        known = ~np.isnan(series)
        if known.any():
            filled[day, :, signal] = np.interp(minute, minute[known], series[known])
    return filled
