"""Trends and peaks of signals: found on bins of observed minutes, against the noise of those bins.

The released captioner's thresholds are shares of the day's range (as read in its code), which every noise exceeds
somewhere. Here a finding must also stand out from the noise between bins. Trends come from segmented least squares
(Bellman 1961): the straight pieces that describe the day best, each at a price. All rows are worked on at once.
"""

from typing import NamedTuple

import numpy as np

from lsmlib.signals import MINUTES_PER_DAY

BIN_MINUTES = 30
BINS = MINUTES_PER_DAY // BIN_MINUTES
MIN_MINUTES = 10  # observed minutes that make a bin

REACH = 4  # bins on either side of a peak in which a signal must return: two hours
PEAK_NOISE, PEAK_SHARE = 5.5, 0.4  # a peak's least prominence, in bin noise, and as a share of the day's range
# What a piece must save, in squared bin noise: log(48) for each of its parameters (where it ends and its height; and
# its slope).
LEVEL_COST, LINE_COST = 8.0, 12.0
MOVE = 3  # bins by which the border of a piece may be moved to where its line meets the next
TREND_BINS, TREND_FILLED = 4, 0.75  # a trend's least length, and the least share of its bins that are observed
TREND_NOISE, TREND_SHARE = 5.0, 0.25  # a trend's least change, in its standard error, and as a share of the range


class Bins(NamedTuple):
    """Rows of half-hour bins; every field ``[n, 48]``."""

    mean: np.ndarray  # float64; NaN where fewer than ``MIN_MINUTES`` were observed
    error: np.ndarray  # squared standard error of the mean, from the spread of the bin's minutes; NaN likewise


class Found(NamedTuple):
    """A trend or a peak of one row; bins from ``first`` to ``last``, both included."""

    statistic: str
    value: float
    first: int
    last: int
    strength: float  # the change or the prominence, as a share of the day's range


def make_bins(count: np.ndarray, total: np.ndarray, squares: np.ndarray) -> Bins:
    """Bins of the number, the sum and the sum of squares of their observed minutes, each ``[n, 48]``."""
    enough = count >= MIN_MINUTES
    count = np.where(enough, count, np.nan)
    mean = total / count
    variance = np.maximum(squares - total * mean, 0) / (count - 1)
    return Bins(mean, variance / count)


def bin_minutes(values: np.ndarray) -> Bins:
    """Bins of minutes ``[n, 1440]``, NaN where not observed."""
    observed = ~np.isnan(values)
    parts = np.where(observed, values, 0).astype(float).reshape(len(values), BINS, BIN_MINUTES)
    count = observed.reshape(parts.shape).sum(axis=2)
    return make_bins(count, parts.sum(axis=2), (parts**2).sum(axis=2))


def find_structure(bins: Bins) -> list[list[Found]]:
    """Trends and peaks of each row, the strongest first.

    A peak is a bin from which the signal falls, on both sides and within two hours, by at least 0.4 of the range of
    the day's bins and by 5.5 times the noise, and that lies half of this above the day's median (between two peaks
    there is no dip); a dip is a peak upside down. A trend is a straight piece of at least two
    hours that changes by at least 0.25 of the range, the range without peaks and dips, and by 5 times the slope's
    standard error. Bins without enough readings hold neither, and no trend leads over three of them.
    """
    if not len(bins.mean):
        return []
    noise = measure_noise(bins)
    width = _range(bins.mean)
    middle = _median(bins.mean)[:, None]
    found: list[list[Found]] = [[] for _ in noise]
    within = np.zeros(bins.mean.shape, bool)
    for sign, statistic in ((1, "peak"), (-1, "dip")):
        prominence = _prominence(sign * bins.mean)
        least = np.maximum(PEAK_NOISE * noise, PEAK_SHARE * width)[:, None]
        tops = (prominence >= least) & (least > 0) & (sign * (bins.mean - middle) >= least / 2)
        within |= _around(sign * bins.mean, prominence, tops)
        for row, at in zip(*np.nonzero(tops), strict=True):
            strength = float(prominence[row, at] / width[row])
            found[row].append(Found(statistic, float(bins.mean[row, at]), int(at), int(at), strength))
    for row, trends in enumerate(_find_trends(np.where(within, np.nan, bins.mean), noise)):
        found[row] += trends
    return [sorted(row, key=lambda one: -one.strength) for row in found]


def measure_noise(bins: Bins) -> np.ndarray:
    """The noise of a row's bins ``[n]``: how much neighbours differ in the median, and at least as minutes vary.

    Minutes that vary independently leave a bin the spread ``error`` has; where they hang together, bins an hour apart
    differ by more. The larger of both is taken, and 0 of a row that is constant or has too few bins.
    """
    apart = np.abs(bins.mean[:, 2:] - bins.mean[:, :-2])
    between = 1.4826 / np.sqrt(2) * np.nan_to_num(_median(apart))
    filled = ~np.isnan(bins.error)
    inside = np.sqrt(np.where(filled, bins.error, 0).sum(axis=1) / np.maximum(filled.sum(axis=1), 1))
    return np.maximum(between, inside)


def _prominence(mean: np.ndarray) -> np.ndarray:
    """By how much each bin that is highest within reach stands above the lower side of it, ``[n, 48]``; else -inf."""
    padded = np.pad(mean, ((0, 0), (REACH, REACH)), constant_values=np.nan)
    # One step away after the other is many times as fast as a window of all.
    sides = [[padded[:, REACH + way * step :][:, :BINS] for step in range(1, REACH + 1)] for way in (-1, 1)]
    highest, feet, seen = ~np.isnan(mean), [], []
    for side, beats in zip(sides, (np.greater, np.greater_equal), strict=True):  # of two equal tops the first counts
        foot = np.full(mean.shape, np.inf)
        count = np.zeros(mean.shape, np.int8)
        for other in side:
            known = ~np.isnan(other)
            highest &= beats(mean, other) | ~known
            foot = np.fmin(foot, other)
            count += known
        feet.append(foot)
        seen.append(count >= 2)
    usable = highest & seen[0] & seen[1]
    return np.subtract(mean, np.maximum(*feet), out=np.full(mean.shape, -np.inf), where=usable)


def _around(mean: np.ndarray, prominence: np.ndarray, tops: np.ndarray) -> np.ndarray:
    """Which bins belong to a top: itself, and those beside it down to a quarter of its prominence."""
    within = tops.copy()
    for row, at in zip(*np.nonzero(tops), strict=True):
        floor = mean[row, at] - 0.75 * prominence[row, at]
        for side in (range(at - 1, max(at - REACH, 0) - 1, -1), range(at + 1, min(at + REACH, BINS - 1) + 1)):
            for bin_ in side:
                if not mean[row, bin_] > floor:  # NaN ends it, too
                    break
                within[row, bin_] = True
    return within


def _find_trends(mean: np.ndarray, noise: np.ndarray) -> list[list[Found]]:
    """The trends of each row of ``mean`` ``[n, 48]``, given the noise ``[n]``."""
    price = np.divide(1, noise**2, out=np.zeros_like(noise), where=noise > 0)
    width = _range(mean)
    packed = _pack(mean)
    # All pieces (row, start, stop) at once, the pieces of a row in their order.
    row, start = np.nonzero(_divide(packed, price))
    stop = np.where(np.append(row[1:] == row[:-1], False), np.append(start[1:], 0), BINS)
    before, after = packed.before[row, start], packed.before[row, stop]
    column = packed.column[row]
    line = _fit(after - before, packed.sums[:, after, column] - packed.sums[:, before, column], price[row])
    start, stop = _meet(row, start, stop, line)
    first, last = _observed_ends(mean, row, start, stop)
    count = packed.before[row, stop] - packed.before[row, start]
    is_trend = (
        (count >= TREND_BINS)
        & (count >= TREND_FILLED * (last - first + 1))
        & (np.abs(line.slope) * np.sqrt(line.centred * price[row]) >= TREND_NOISE)
    )
    found: list[list[Found]] = [[] for _ in mean]
    for one in np.flatnonzero(is_trend):
        pieces = found[row[one]]
        change = abs(float(line.slope[one])) * int(last[one] - first[one])
        piece = Found("rise" if line.slope[one] > 0 else "fall", change, int(first[one]), int(last[one]), 0.0)
        # A bend is described by several pieces; those that touch and go the same way are one trend.
        if pieces and pieces[-1].statistic == piece.statistic and pieces[-1].last + 1 == piece.first:
            before = pieces.pop()
            piece = piece._replace(value=before.value + change, first=before.first)
        pieces.append(piece)
    return [
        [trend for piece in pieces if (trend := _as_told(piece, mean[at], float(width[at]))) is not None]
        for at, pieces in enumerate(found)
    ]


def _as_told(piece: Found, mean: np.ndarray, width: float) -> Found | None:
    """The trend with the change that the bins at its ends have, which can be looked up; None if that is too little."""
    change = float(mean[piece.last] - mean[piece.first]) * (1 if piece.statistic == "rise" else -1)
    if change < TREND_SHARE * width or change < 0.5 * piece.value:
        return None
    return piece._replace(value=change, strength=change / width)


class _Packed(NamedTuple):
    """Rows without their bins that hold no reading; columns are rows, those with most readings first."""

    column: np.ndarray  # of each row, [n]
    before: np.ndarray  # how many readings lie before each bin, [n, 49]
    end: np.ndarray  # the bin after the k-th reading, counted from 1, [49, n]; 0 before the first
    sums: np.ndarray  # over the first k readings of x, y, xx, xy and yy, [5, 49, n]; x is the bin, y is centred


def _pack(mean: np.ndarray) -> _Packed:
    seen = ~np.isnan(mean)
    before = np.pad(np.cumsum(seen, axis=1), ((0, 0), (1, 0)))
    count = before[:, -1]
    order = np.argsort(-count, kind="stable")
    column = np.empty_like(order)
    column[order] = np.arange(len(order))
    bins = np.argsort(~seen[order], axis=1, kind="stable").T  # the others after them; their sums are not used
    centre = np.where(seen, mean, 0).sum(axis=1) / np.maximum(count, 1)
    x, y = bins.astype(float), (mean - centre[:, None])[order, bins]
    sums = np.zeros((5, BINS + 1, len(mean)))
    np.cumsum([x, y, x * x, x * y, y * y], axis=1, out=sums[:, 1:])
    return _Packed(column, before, np.pad(bins + 1, ((1, 0), (0, 0))), sums)


class Line(NamedTuple):
    """What describes the bins of a piece best: a level, or a sloping line where that is worth its price."""

    slope: np.ndarray  # a bin; 0 of a level
    height: np.ndarray  # at bin 0
    centred: np.ndarray  # sum of squared distances from the middle, along time


def _fit(count: np.ndarray, sums: np.ndarray, price: np.ndarray) -> Line:
    """Fit so many bins of given sums of x, y, xx, xy, yy, at a price for a squared difference."""
    x, y, xx, xy, _ = sums
    n = np.maximum(count, 1)
    centred = xx - x * x / n
    across = xy - x * y / n
    slope = across / np.maximum(centred, 0.4)  # 0 / 0.4 of a single bin; of two bins, centred is 0.5
    slope = np.where(slope * across * price > LINE_COST - LEVEL_COST, slope, 0)
    return Line(slope, (y - slope * x) / n, centred)


def _cost(count: np.ndarray, sums: np.ndarray, price: np.ndarray) -> np.ndarray:
    """What the line of ``_fit`` leaves, in squared bin noise, and its price."""
    x, y, xx, xy, yy = sums
    middle = x / count
    across = xy - middle * y
    saved = across * across / np.maximum(xx - middle * x, 0.4) * price
    return (yy - y * y / count) * price + np.minimum(LINE_COST - saved, LEVEL_COST)


def _divide(packed: _Packed, price: np.ndarray) -> np.ndarray:
    """Where the pieces begin of the division of each row that costs least, bool ``[n, 48]``.

    Bins without readings cost nothing, so what is divided are the others: half of the bins have a quarter of the pairs.
    A piece leads over two bins without readings at most; what is left between pieces is a piece of its own.
    """
    column, end = packed.column, packed.end
    row = np.argsort(column)  # of each column
    count, price = packed.before[row, -1], price[row]
    gap = np.diff(end, axis=0) - 1  # bins without readings before each
    stretch = np.cumsum(gap > 2, axis=0)  # between long gaps
    best, begin = np.zeros(end.shape), np.zeros(end.shape, int)
    for stop in range(1, count.max(initial=0) + 1):
        rows = np.searchsorted(-count, -stop, side="right")  # that have as many readings
        sums = packed.sums[:, stop, None, :rows] - packed.sums[:, :stop, :rows]
        costs = _cost(np.arange(stop, 0, -1)[:, None], sums, price[:rows]) + best[:stop, :rows]
        costs[stretch[:stop, :rows] < stretch[stop - 1, :rows]] = np.inf
        begin[stop, :rows] = costs.argmin(axis=0)
        best[stop, :rows] = costs.min(axis=0)
    starts = np.zeros((len(row), BINS + 1), bool)
    at, stop = np.arange(len(row)), count
    starts[row, end[stop, at]] = BINS - end[stop, at] > 2  # what is left at the end
    while len(at):
        first = begin[stop, at]
        earliest = end[first, at]
        starts[row[at], earliest] |= (gap[first, at] > 4) | (first == 0)
        starts[row[at], np.maximum(earliest, earliest + gap[first, at] - 2)] = True
        at, stop = at[first > 0], first[first > 0]
    return starts[:, :BINS]


def _meet(row: np.ndarray, start: np.ndarray, stop: np.ndarray, line: Line) -> tuple[np.ndarray, np.ndarray]:
    """Move the border of two pieces to where their lines meet, if that is near: a signal that bends does not jump."""
    slope, height = np.diff(line.slope), np.diff(line.height)
    # Bin i stands for the time from border i to border i + 1, so its middle is at i + 0.5.
    meeting = np.round(-height / np.where(slope == 0, np.inf, slope) + 0.5)
    moved = (
        (row[1:] == row[:-1])
        & (slope != 0)
        & (np.abs(meeting - start[1:]) <= MOVE)
        & (meeting >= start[:-1] + 1)
        & (meeting <= stop[1:] - 1)
    )
    border = np.where(moved, meeting, start[1:]).astype(int)
    start, stop = start.copy(), stop.copy()
    start[1:] = border
    stop[:-1] = np.where(row[1:] == row[:-1], border, stop[:-1])
    return start, stop


def _observed_ends(mean: np.ndarray, row: np.ndarray, start: np.ndarray, stop: np.ndarray):
    """The first and the last observed bin of each piece; meaningless where it has none."""
    bins, seen = np.arange(BINS), ~np.isnan(mean)
    inside = seen[row] & (bins >= start[:, None]) & (bins < stop[:, None])
    return inside.argmax(axis=1), BINS - 1 - inside[:, ::-1].argmax(axis=1)


def _median(values: np.ndarray) -> np.ndarray:
    """The median ``[n]`` of what is no NaN (the upper one of two), many times as fast as ``np.nanmedian``."""
    ordered = np.sort(values, axis=1)  # NaN go last
    known = (~np.isnan(values)).sum(axis=1)
    return np.take_along_axis(ordered, np.minimum(known // 2, values.shape[1] - 1)[:, None], axis=1)[:, 0]


def _range(values: np.ndarray) -> np.ndarray:
    """Highest less lowest value ``[n]`` of what is no NaN; 0 where nothing is."""
    return np.nan_to_num(np.fmax.reduce(values, axis=1) - np.fmin.reduce(values, axis=1))
