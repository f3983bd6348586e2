"""Named features of an hour of heart rate and steps: what a physiologist would look at to call it real or made up."""

import numpy as np
import pandas as pd

BRISK = 60  # steps a minute
LAGS = (1, 2, 3, 5, 10)
ANSWERS = (-3, -1, 0, 1, 2, 3, 5, 8)  # minutes by which heart rate is looked at after the steps


def window_features(heart_rate: np.ndarray, steps: np.ndarray) -> pd.DataFrame:
    """The minutes themselves and named features of them, a row a window; NaN where an hour has nothing to tell.

    Args:
        heart_rate: ``[w, t]`` bpm, no gaps.
        steps: ``[w, t]`` steps a minute, no gaps.
    """
    walking, still = steps > 0, np.cumsum(np.pad(steps, ((0, 0), (1, 0))), axis=1)
    rested = np.zeros_like(walking)  # five minutes without a step, up to this one
    rested[:, 4:] = still[:, 5:] == still[:, :-5]
    change = np.diff(heart_rate)
    found: dict[str, np.ndarray] = {}
    around = heart_rate - np.median(heart_rate, axis=1, keepdims=True)
    for name, values in (("heart_rate", heart_rate), ("heart_rate around median", around), ("steps", steps)):
        found |= {f"{name} minute {at:02d}": values[:, at] for at in range(values.shape[1])}

    quantiles = {"lowest": 0.0, "10 %": 0.1, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "90 %": 0.9, "highest": 1.0}
    for label, at in quantiles.items():
        found[f"heart_rate {label}"] = np.quantile(heart_rate, at, axis=1)
        found[f"heart_rate around median {label}"] = np.quantile(around, at, axis=1)
    found["heart_rate sd"] = heart_rate.std(axis=1)
    found["heart_rate skewness"] = _skewness(heart_rate)
    found["heart_rate distinct values"] = 1.0 + (np.diff(np.sort(heart_rate)) > 0).sum(axis=1)
    found["heart_rate turns"] = (change[:, 1:] * change[:, :-1] < 0).mean(axis=1)
    found["heart_rate longest constant"] = _longest(change == 0)
    found |= _changes("heart_rate", change)
    found |= {f"heart_rate autocorrelation {lag}": _correlate(heart_rate, heart_rate, lag) for lag in LAGS}
    for lag in LAGS:
        found[f"heart_rate change over {lag}"] = np.sqrt(
            np.square(heart_rate[:, lag:] - heart_rate[:, :-lag]).mean(axis=1)
        )

    found["steps sum"], found["steps sd"], found["steps highest"] = steps.sum(1), steps.std(1), steps.max(1)
    found["steps minutes walked"], found["steps brisk minutes"] = walking.sum(1), (steps >= BRISK).sum(1)
    found["steps bouts"] = (np.diff(walking.astype(int), prepend=0) > 0).sum(axis=1)
    found["steps longest bout"], found["steps longest rest"] = _longest(walking), _longest(~walking)
    walked = np.where(walking, steps, np.nan)
    for label, at in quantiles.items():
        found[f"steps walked {label}"] = _nan(np.nanquantile, walked, q=at)
    found["steps walked sd"] = _nan(np.nanstd, walked)
    found["steps change while walking"] = _nan(np.nanmean, np.abs(np.diff(walked)))
    single = walking & ~np.pad(walking, ((0, 0), (1, 0)))[:, :-1] & ~np.pad(walking, ((0, 0), (0, 1)))[:, 1:]
    found["steps single minutes"] = single.sum(axis=1)
    found["steps of single minutes"] = _nan(np.nanmean, np.where(single, steps, np.nan))
    found |= {f"steps autocorrelation {lag}": _correlate(steps, steps, lag) for lag in LAGS}

    found |= {f"answer to steps {lag:+d}": _correlate(steps, heart_rate, lag) for lag in ANSWERS}
    found |= {f"answer to walking {lag:+d}": _correlate(walking * 1.0, heart_rate, lag) for lag in ANSWERS}
    resting = np.where(rested, heart_rate, np.nan)
    both = rested[:, 1:] & rested[:, :-1]
    found |= _changes("still", np.where(both, change, np.nan))
    found["still heart_rate mean"], found["still heart_rate sd"] = _nan(np.nanmean, resting), _nan(np.nanstd, resting)
    rises = {
        "walking": walking,
        "brisk": steps >= BRISK,
        "light": walking & (steps < 20),
        "single minute": single,
    }
    base = _nan(np.nanmean, resting)
    for label, when in rises.items():
        found[f"heart_rate {label} over still"] = _nan(np.nanmean, np.where(when, heart_rate, np.nan)) - base
    start, stop = ~walking[:, :-1] & walking[:, 1:], walking[:, :-1] & ~walking[:, 1:]
    found["change at start"] = _nan(np.nanmean, np.where(start, change, np.nan))
    found["change at stop"] = _nan(np.nanmean, np.where(stop, change, np.nan))
    found["change after start"] = _nan(np.nanmean, np.where(start[:, :-1], change[:, 1:], np.nan))
    found["change after stop"] = _nan(np.nanmean, np.where(stop[:, :-1], change[:, 1:], np.nan))
    return pd.DataFrame(found, dtype=np.float32)


def _changes(name: str, change: np.ndarray) -> dict[str, np.ndarray]:
    """How rough a curve is: its changes from minute to minute ``[w, t]``, NaN where they do not count."""
    size = np.abs(change)
    return {
        f"{name} change mean size": _nan(np.nanmean, size),
        f"{name} change sd": _nan(np.nanstd, change),
        f"{name} change largest": _nan(np.nanmax, size),
        f"{name} change 90 %": _nan(np.nanquantile, size, q=0.9),
        f"{name} change median": _nan(np.nanmedian, size),
        f"{name} change none": _nan(np.nanmean, np.where(np.isnan(size), np.nan, size == 0)),
        f"{name} change reverses": _nan(np.nanmean, change[:, 1:] * change[:, :-1]),
        f"{name} change steepest rise": _nan(np.nanmax, change),
        f"{name} change steepest fall": _nan(np.nanmin, change),
    }


def _nan(summary, values: np.ndarray, **options) -> np.ndarray:
    """A summary over the minutes of each window; NaN, without a warning, where none of them counts."""
    some = ~np.isnan(values).all(axis=1)
    result = np.full(len(values), np.nan)
    if some.any():
        result[some] = summary(values[some], axis=1, **options)
    return result


def _skewness(values: np.ndarray) -> np.ndarray:
    around = values - values.mean(axis=1, keepdims=True)
    spread = around.std(axis=1)
    return np.divide((around**3).mean(axis=1), spread**3, out=np.full(len(values), np.nan), where=spread > 0)


def _correlate(left: np.ndarray, right: np.ndarray, lag: int) -> np.ndarray:
    """Correlation ``[w]`` of left at each minute with right ``lag`` minutes later."""
    minutes = left.shape[1]
    left, right = left[:, max(-lag, 0) : minutes - max(lag, 0)], right[:, max(lag, 0) : minutes + min(lag, 0)]
    left, right = (values - values.mean(axis=1, keepdims=True) for values in (left, right))
    scale = left.std(axis=1) * right.std(axis=1)
    return np.divide((left * right).mean(axis=1), scale, out=np.full(len(left), np.nan), where=scale > 0)


def _longest(happens: np.ndarray) -> np.ndarray:
    """Longest run of True in each row ``[w, t]``."""
    run = longest = np.zeros(len(happens), int)
    for minute in happens.T:
        run = np.where(minute, run + 1, 0)
        longest = np.maximum(longest, run)
    return longest
