"""From single heart beats to the eight heart rate variability signals, minute by minute over the last five minutes.

Which intervals count follows common practice. An interval is valid if it lasts 300 to 2,000 ms (30 to 200 bpm) and
lies within 20 % of the median of the five intervals around it: the 20 % of Malik's rule (M. Malik and others, "Heart
rate variability in relation to prognosis after myocardial infarction", European Heart Journal, 1989), taken against a
local median instead of the interval before, so that one wrong interval does not condemn the next. Medians, SDNN and
RMSSD are those of the Task Force of the ESC and NASPE (1996), over windows of five minutes.

Three choices are ours, for the devices' makers publish none: histograms for the entropies have bins of 6 ms, with which
Gaussian intervals of the published mean SDNN and RMSSD have entropies of about 3.4 nats, and 3.1 of their differences
(published means: 3.3 and 3.0); a window needs 30 valid
intervals, and 30 differences for RMSSD and the entropy of differences; two intervals are successive if one begins
within 50 ms of the other's end. Entropy sees a device's resolution: intervals in steps of 1/64 s fill fewer bins than
the same intervals in milliseconds, and their entropies are lower for it.
"""

import numpy as np

from lsmlib.readers.minutes import MINUTE

WINDOW = 5  # minutes
SHORTEST, LONGEST = 300.0, 2000.0  # ms
DEVIATION = 0.2  # of the local median
NEIGHBOURS = 5  # intervals of the local median, itself included
SUCCESSIVE = 50.0  # ms
LEAST = 30  # valid intervals, or differences, in a window
BIN = 6.0  # ms
BLOCK = 240  # windows that are laid out together: they fit into a processor's cache

RR_FEATURES = (
    "rr_percent_valid",
    "rr_80th_percentile",
    "rr_20th_percentile",
    "rr_median",
    "rmssd",
    "sdnn",
    "rr_entropy",
    "rr_diff_entropy",
)


def rr_features(time: np.ndarray, rr: np.ndarray, minutes: np.ndarray) -> dict[str, np.ndarray]:
    """The heart rate variability signals of the five minutes that end with each of some minutes.

    Args:
        time: int64 ``[n]``, milliseconds since 1970 at which intervals end, in any order. Use a clock that is never
            set (UTC): where clocks change, an hour would be missing between two beats.
        rr: float ``[n]``, the intervals in ms, from the beat before to the one at ``time``. NaN is not valid.
        minutes: int64 ``[m]``, minutes since 1970 on the same clock: the window of minute k is the minutes k - 4 to k.

    Returns:
        From the eight names of ``RR_FEATURES`` to float64 ``[m]``. ``rr_percent_valid`` is the share of the five
        minutes that valid intervals cover, 0 to 1, and never NaN. Percentiles (linear between order statistics),
        ``rmssd`` (of differences of valid, successive intervals) and ``sdnn`` (with n - 1) are in ms; both entropies in
        nats. NaN where a window has fewer than ``LEAST`` valid intervals, or differences. An interval that is there
        twice counts once; different intervals of the same time, or one that overlaps the one before, are not valid.

    Raises:
        ValueError: if the arrays are not as described.
    """
    time, rr, minutes = np.asarray(time, np.int64), np.asarray(rr, float), np.asarray(minutes, np.int64)
    if time.ndim != 1 or rr.shape != time.shape or minutes.ndim != 1:
        raise ValueError(
            f"time, rr and minutes have shapes {time.shape}, {rr.shape} and {minutes.shape}; expected (n,), (n,), (m,)"
        )
    time, rr, follows = find_valid(time, rr)
    low = np.searchsorted(time, (minutes - (WINDOW - 1)) * MINUTE)
    high = np.searchsorted(time, (minutes + 1) * MINUTE)
    # A difference belongs to a window if both its intervals do: that of the window's first beat does not.
    step = np.diff(rr, prepend=rr[:1])[follows]
    before = np.concatenate([[0], np.cumsum(follows)])
    first, last = before[np.minimum(low + 1, high)], before[high]
    count, differences = high - low, last - first
    centred = rr - 800.0  # keeps the squares small; the variance is the same around any number
    total, squares = _within(centred, low, high), _within(centred**2, low, high)
    n = np.maximum(count, 2)
    features = {
        "rr_percent_valid": np.minimum(_within(rr, low, high) / (WINDOW * MINUTE), 1.0),
        **_percentiles(rr, low, high),
        "rmssd": np.sqrt(_within(step**2, first, last) / np.maximum(differences, 1)),
        "sdnn": np.sqrt(np.maximum(squares - total**2 / n, 0) / (n - 1)),
        "rr_entropy": _entropies(np.floor(rr / BIN), low, high),
        "rr_diff_entropy": _entropies(np.round(step / BIN), first, last),
    }
    for name, enough in {"rmssd": differences >= LEAST, "sdnn": count >= LEAST}.items():
        features[name] = np.where(enough, features[name], np.nan)
    return {name: features[name] for name in RR_FEATURES}


def find_valid(time: np.ndarray, rr: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The valid intervals in the order of time, and which of them directly follow the valid one before.

    Args:
        time: int64 ``[n]``, milliseconds at which intervals end, in any order.
        rr: float ``[n]``, ms.

    Returns:
        Times int64, intervals float64 and bool, each ``[k]``.
    """
    kept = (rr >= SHORTEST) & (rr <= LONGEST)
    is_known = np.isfinite(rr)
    time, rr, kept = time[is_known], rr[is_known], kept[is_known]
    if (np.diff(time) <= 0).any():
        order = np.lexsort((rr, time))
        time, rr, kept = time[order], rr[order], kept[order]
        is_new = np.ones(len(time), bool)
        is_new[1:] = (np.diff(time) != 0) | (np.diff(rr) != 0)
        time, rr, kept = time[is_new], rr[is_new], kept[is_new]
        shared = np.flatnonzero(np.diff(time) == 0)
        kept[shared] = kept[shared + 1] = False
    if len(rr):
        around = np.lib.stride_tricks.sliding_window_view(np.pad(rr, NEIGHBOURS // 2, mode="edge"), NEIGHBOURS)
        median = np.sort(around, axis=1)[:, NEIGHBOURS // 2]
        kept &= np.abs(rr - median) <= DEVIATION * median
    kept[1:] &= time[1:] - rr[1:] >= time[:-1] - SUCCESSIVE  # no interval begins well before the last one's end
    follows = np.zeros(len(rr), bool)
    follows[1:] = kept[:-1] & (np.abs(np.diff(time) - rr[1:]) <= SUCCESSIVE)
    return time[kept], rr[kept], follows[kept]


def _within(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Sums of the values from ``low`` to below ``high``."""
    summed = np.concatenate([[0], np.cumsum(value)])
    return summed[high] - summed[low]


def _percentiles(rr: np.ndarray, low: np.ndarray, high: np.ndarray) -> dict[str, np.ndarray]:
    shares = {"rr_80th_percentile": 0.8, "rr_20th_percentile": 0.2, "rr_median": 0.5}
    found = {name: np.full(len(low), np.nan) for name in shares}
    single = rr.astype(np.float32)
    for block in _blocks(low, high):
        laid = _lay(single, low[block], high[block], np.inf)
        laid.sort(axis=1)
        size, row = high[block] - low[block], np.arange(len(block))
        for name, share in shares.items():
            position = share * (size - 1)
            below = position.astype(np.int64)
            under, over = laid[row, below].astype(float), laid[row, np.minimum(below + 1, size - 1)].astype(float)
            found[name][block] = under + (position - below) * (over - under)
    return found


def _entropies(code: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Shannon entropies in nats of how often each code is there."""
    entropy = np.full(len(low), np.nan)
    code = (code - code.min(initial=0)).astype(np.int32)
    bins = int(code.max(initial=0)) + 2  # the last is for what pads the rows
    whole = np.arange(int((high - low).max(initial=0)) + 1, dtype=float)
    surprise = whole * np.log(np.maximum(whole, 1))
    for block in _blocks(low, high):
        key = _lay(code, low[block], high[block], bins - 1) + bins * np.arange(len(block), dtype=np.int32)[:, None]
        histogram = np.bincount(key.ravel(), minlength=len(block) * bins).reshape(len(block), bins)[:, :-1]
        number = high[block] - low[block]
        entropy[block] = np.log(number) - surprise[histogram].sum(axis=1) / number
    return np.maximum(entropy, 0.0)


def _lay(value: np.ndarray, low: np.ndarray, high: np.ndarray, fill: float) -> np.ndarray:
    """The values from ``low`` to below ``high`` as rows, filled up on the right."""
    longest = int((high - low).max())
    padded = np.concatenate([value[low.min() : high.max()], np.full(longest, fill, value.dtype)])
    rows = np.lib.stride_tricks.sliding_window_view(padded, longest)[low - low.min()]
    np.copyto(rows, value.dtype.type(fill), where=np.arange(longest) >= (high - low)[:, None])
    return rows


def _blocks(low: np.ndarray, high: np.ndarray) -> list[np.ndarray]:
    """The windows that have enough values, so many at a time that memory stays small."""
    enough = np.flatnonzero(high - low >= LEAST)
    return [enough[start : start + BLOCK] for start in range(0, len(enough), BLOCK)]
