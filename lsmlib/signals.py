"""The 26 minute-level signals of the Large Sensor Models, in one table.

Means and standard deviations are the population constants published with SensorLM's code (Apache-2.0); the same team's
LSM-1 and LSM-2 use the same 26 signals. Order: ten from the optical pulse sensor (PPG), ten from the accelerometer with
the altimeter between, three electrodermal (EDA), two of skin temperature.

Two published constants cannot be taken at their word, and are kept because models normalise with them:

- ``heart_rate_at_rest``: its published mean (82.9 bpm) lies above the published mean heart rate (76.0 bpm).
- ``skin_temperature_slope``: a standard deviation of 17 °C a minute is impossible; 17 m°C a minute is what skin does.
  We read the unit as m°C/min.

Plausible ranges are ours: wide enough for bodies at their extremes, narrow enough to catch a wrong unit or a broken
sensor. Accelerometer features whose unit is "a.u." are read as 8-bit codes (0 to 255) and the sleep coefficient as a
5-bit one, which is what their published means and deviations suggest.
"""

from difflib import SequenceMatcher
from typing import NamedTuple

import numpy as np


class Signal(NamedTuple):
    """One signal: what it is called, which sensor gives it, and what values it takes."""

    name: str
    sensor: str  # "PPG", "ACC", "ALT", "EDA" or "TEMP"
    unit: str
    mean: float  # population mean, in `unit`
    sd: float  # population standard deviation, in `unit`
    low: float  # lowest plausible value; below it a reading is an error
    high: float  # highest plausible value
    meaning: str


SIGNALS = (
    Signal("heart_rate", "PPG", "bpm", 75.96, 16.19, 30, 230, "mean heart rate of the minute"),
    Signal(
        "heart_rate_at_rest",
        "PPG",
        "bpm",
        82.87,
        10.87,
        30,
        150,
        "heart rate awake and still; held meanwhile",
    ),
    Signal("rr_percent_valid", "PPG", "fraction", 0.271, 0.276, 0, 1, "share of the last 5 min with valid RR"),
    Signal("rr_80th_percentile", "PPG", "ms", 828.9, 108.4, 260, 2200, "80th percentile of RR intervals, 5 min"),
    Signal("rr_20th_percentile", "PPG", "ms", 734.6, 88.41, 250, 2000, "20th percentile of RR intervals, 5 min"),
    Signal("rr_median", "PPG", "ms", 780.9, 94.87, 255, 2100, "median RR interval, 5 min"),
    Signal("rmssd", "PPG", "ms", 34.19, 23.78, 1, 300, "root mean square of successive RR differences, 5 min"),
    Signal("sdnn", "PPG", "ms", 45.34, 24.39, 1, 300, "standard deviation of RR intervals, 5 min"),
    Signal("rr_entropy", "PPG", "nats", 3.295, 0.465, 0, 6, "Shannon entropy of RR intervals, 5 min"),
    Signal("rr_diff_entropy", "PPG", "nats", 2.981, 0.488, 0, 6, "Shannon entropy of RR differences, 5 min"),
    Signal("steps", "ACC", "steps/min", 5.168, 18.89, 0, 250, "steps in the minute"),
    Signal("jerk_autocorrelation", "ACC", "a.u.", 203.5, 30.06, 0, 255, "lag-1 autocorrelation of jerk by its energy"),
    Signal("log_energy", "ACC", "a.u.", 53.08, 49.65, 0, 255, "log of the acceleration's magnitude"),
    Signal("covariance_condition", "ACC", "a.u.", 43.41, 13.95, 0, 255, "log condition number of 3-axis covariance"),
    Signal("log_energy_ratio", "ACC", "a.u.", 44.85, 22.97, 0, 255, "log share of energy in the first principal axis"),
    Signal("zero_crossing_sd", "ACC", "a.u.", 155.2, 28.24, 0, 255, "spread of the time between zero crossings"),
    Signal("zero_crossing_mean", "ACC", "a.u.", 51.00, 37.48, 0, 255, "mean time between zero crossings"),
    Signal("axis_mean", "ACC", "a.u.", 123.2, 21.47, 0, 255, "mean of the three axes: how the wrist is held"),
    Signal("kurtosis", "ACC", "a.u.", 105.6, 66.85, 0, 255, "kurtosis of the acceleration's magnitude"),
    Signal("altimeter_sd", "ALT", "hPa", 0.0042, 0.0597, 0, 10, "spread of air pressure in the minute: height changed"),
    Signal("sleep_coefficient", "ACC", "a.u.", 7.262, 5.395, 0, 31, "log-binned range of acceleration: low when still"),
    Signal("skin_conductance", "EDA", "µS", 4.177, 5.589, 0, 100, "level of skin conductance: sweat"),
    Signal("skin_conductance_slope", "EDA", "µS/min", 3.244, 1.822, -50, 50, "slope of skin conductance"),
    Signal("eda_lead_contacts", "EDA", "counts", 226.5, 67.33, 0, 256, "samples of the minute with both leads on skin"),
    Signal("skin_temperature", "TEMP", "°C", 31.67, 2.579, 15, 45, "temperature of the skin under the device"),
    Signal("skin_temperature_slope", "TEMP", "m°C/min", 0.266, 17.27, -500, 500, "slope of skin temperature"),
)

SIGNAL_NAMES = tuple(signal.name for signal in SIGNALS)
SENSORS = ("PPG", "ACC", "ALT", "EDA", "TEMP")
MINUTES_PER_DAY = 1440
CLIP = 5.0  # normalised values are clipped to ± this many standard deviations

MEAN = np.array([signal.mean for signal in SIGNALS], np.float32)
SD = np.array([signal.sd for signal in SIGNALS], np.float32)
LOW = np.array([signal.low for signal in SIGNALS], np.float32)
HIGH = np.array([signal.high for signal in SIGNALS], np.float32)


def index_of(name: str) -> int:
    """Where a signal stands in ``SIGNALS``.

    Raises:
        ValueError: if there is no signal of this name; the message lists all names, the most similar first.
    """
    if name not in SIGNAL_NAMES:
        near = sorted(SIGNAL_NAMES, key=lambda known: -SequenceMatcher(None, str(name).lower(), known).ratio())
        raise ValueError(f"there is no signal {name!r}; did you mean {near[0]!r}? The names are: {', '.join(near)}")
    return SIGNAL_NAMES.index(name)


def normalise(values: np.ndarray) -> np.ndarray:
    """Physical units to z-scores, clipped to ±5 standard deviations; a gap (NaN) stays a gap.

    Args:
        values: float ``[..., s]``, physical units, the 26 signals last in the order of ``SIGNALS``.

    Returns:
        float32 ``[..., s]``, dimensionless.

    Raises:
        ValueError: if the last axis does not hold 26 signals.
    """
    return np.clip((_as_signals(values) - MEAN) / SD, -CLIP, CLIP)


def denormalise(values: np.ndarray) -> np.ndarray:
    """Z-scores ``[..., s]`` back to physical units; the inverse of ``normalise`` for values that were not clipped.

    Raises:
        ValueError: if the last axis does not hold 26 signals.
    """
    return _as_signals(values) * SD + MEAN


def _as_signals(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float32)
    if values.shape[-1:] != (len(SIGNALS),):
        raise ValueError(f"values have shape {values.shape}; expected [..., {len(SIGNALS)}], the signals last")
    return values
