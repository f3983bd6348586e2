"""Trends and peaks that were planted are found where they are; noise holds neither."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from lsmlib.text import BIN_MINUTES, bin_minutes, find_structure
from lsmlib.text.structure import BINS, LEVEL_COST, LINE_COST, _divide, _pack, make_bins, measure_noise

MINUTE = np.arange(1440)


def add_gaps(rows, draw, kept=None):
    """Four gaps of up to an hour in each row, but none in the bins beside those in ``kept`` (a set a row)."""
    for at, row in enumerate(rows):
        open_ = np.ones(1440, bool)
        for bin_ in kept[at] if kept else ():
            open_[max(bin_ - 2, 0) * BIN_MINUTES : (bin_ + 3) * BIN_MINUTES] = False
        for _ in range(4):
            start = draw.integers(1440)
            gap = slice(start, start + draw.integers(5, 60))
            row[gap] = np.where(open_[gap], np.nan, row[gap])
    return rows


def plant_trends(rows, draw):
    """A ramp of 3 to 8 hours in each row, level before and after; (statistic, first bin, last bin) of each."""
    truth = []
    for row in rows:
        first = draw.integers(0, BINS - 6)
        stop = first + draw.integers(6, min(16, BINS - first) + 1)
        change = draw.uniform(5, 12) * draw.choice([-1, 1])  # in sds of a minute's noise
        row += np.interp(MINUTE, [first * BIN_MINUTES, stop * BIN_MINUTES], [0, change])
        truth.append(("rise" if change > 0 else "fall", first, stop - 1))
    return truth


def plant_peaks(rows, draw):
    """One to three bumps of 30 to 50 minutes in each row, all up or all down; {(statistic, bin)} of each."""
    truth = []
    for row in rows:
        bins, sign, height = set(), draw.choice([-1, 1]), draw.uniform(2.5, 5)
        for _ in range(draw.integers(1, 4)):
            bin_ = int(draw.integers(3, BINS - 3))
            if all(abs(bin_ - other) > 5 for other in bins):
                bins.add(bin_)
                middle = bin_ * BIN_MINUTES + 15 + draw.integers(-4, 5)
                width = draw.uniform(12, 20)
                row += sign * height * draw.uniform(0.85, 1.0) * np.exp(-(((MINUTE - middle) / width) ** 2) / 2)
        truth.append({("peak" if sign > 0 else "dip", bin_) for bin_ in bins})
    return truth


@pytest.mark.parametrize("gaps", [False, True])
def test_planted_trends_are_found_to_the_bin(gaps):
    draw = np.random.default_rng(1)
    rows = draw.standard_normal((400, 1440))
    truth = plant_trends(rows, draw)
    if gaps:
        rows = add_gaps(rows, draw, [{first, last} for _, first, last in truth])  # what begins in a gap has no time
    found = find_structure(bin_minutes(rows))
    right = sum(
        any(o.statistic == kind and abs(o.first - first) <= 1 and abs(o.last - last) <= 1 for o in row)
        for (kind, first, last), row in zip(truth, found, strict=True)
    )
    assert right / len(truth) >= 0.95  # recall, of trends with both times within a bin
    assert right / sum(map(len, found)) >= 0.95  # precision: nothing else is claimed


@pytest.mark.parametrize("gaps", [False, True])
def test_planted_peaks_and_dips_are_found_in_their_bin(gaps):
    draw = np.random.default_rng(2)
    rows = draw.standard_normal((400, 1440))
    truth = plant_peaks(rows, draw)
    if gaps:
        rows = add_gaps(rows, draw, [{bin_ for _, bin_ in one} for one in truth])  # a gap may hide a peak
    found = [{(o.statistic, o.first) for o in row} for row in find_structure(bin_minutes(rows))]
    right = sum(len(one & row) for one, row in zip(truth, found, strict=True))
    assert right / sum(map(len, truth)) >= 0.95
    assert right / sum(map(len, found)) >= 0.95


NOISES = ("white", "gaps", "uniform", "lognormal", "rare events", 0.5, 0.8, 0.9)


def make_noise(kind):
    draw = np.random.default_rng(3)
    white = draw.standard_normal((600, 1640))
    if kind == "gaps":
        return add_gaps(white[:, 200:], draw)
    if kind == "uniform":
        return draw.random((600, 1440))
    if kind == "lognormal":
        return draw.lognormal(size=(600, 1440))
    if kind == "rare events":
        return (draw.random((600, 1440)) < 0.02).astype(float)
    correlation = 0 if kind == "white" else kind  # of one minute with the next
    return lfilter([1], [1, -correlation], white, axis=1)[:, 200:]


@pytest.mark.parametrize("kind", NOISES)
def test_noise_holds_nothing(kind):
    assert np.mean([bool(row) for row in find_structure(bin_minutes(make_noise(kind)))]) < 0.05


def test_a_day_by_hand():
    level = np.full(BINS, 60.0)
    level[10] = 90  # 05:00
    level[20:30] = 60 + 3 * np.arange(1, 11)  # from 10:00 to 15:00
    level[30:] = 90
    wiggle = np.where(MINUTE % 2, 0.5, -0.5)
    (found,) = find_structure(bin_minutes((np.repeat(level, BIN_MINUTES) + wiggle)[None]))
    assert [(o.statistic, o.first, o.last) for o in found] == [("peak", 10, 10), ("rise", 20, 29)]
    assert [o.value for o in found] == pytest.approx([90, 27])  # the peak's mean; 90 less 63
    assert [o.strength for o in found] == pytest.approx([1, 27 / 30])


def test_no_trend_leads_over_a_gap_of_three_bins():
    ramp = np.linspace(0, 100, 1440)[None] + np.where(MINUTE % 2, 0.5, -0.5)
    assert [(o.first, o.last) for o in find_structure(bin_minutes(ramp))[0]] == [(0, 47)]
    ramp[0, 20 * BIN_MINUTES : 23 * BIN_MINUTES] = np.nan
    assert sorted((o.first, o.last) for o in find_structure(bin_minutes(ramp))[0]) == [(0, 19), (23, 47)]


@pytest.mark.parametrize("seed", range(6))
def test_no_division_costs_less(seed):
    draw = np.random.default_rng(seed)
    mean = np.interp(np.arange(BINS), [0, 12, 20, 34, 47], draw.uniform(0, 30, 5)) + draw.standard_normal(BINS)
    for _ in range(seed):
        start = draw.integers(BINS)
        mean[start : start + draw.integers(1, 8)] = np.nan

    def cost(start, stop):
        """Of a piece, fitted by NumPy; what holds no reading is free, and no piece leads over three such bins."""
        x = np.arange(start, stop)[~np.isnan(mean[start:stop])]
        if not len(x):
            return 0.0
        if len(x) < stop - start and np.diff(x, prepend=start - 1, append=stop).max() > 3:
            return np.inf
        level = LEVEL_COST + ((mean[x] - mean[x].mean()) ** 2).sum()
        return min(level, LINE_COST + np.polyfit(x, mean[x], 1, full=True)[1].sum()) if len(x) > 2 else level

    least = [0.0]
    for stop in range(1, BINS + 1):
        least.append(min(least[start] + cost(start, stop) for start in range(stop)))
    starts = np.flatnonzero(_divide(_pack(mean[None]), np.ones(1))[0])
    borders = [*starts.tolist(), BINS]
    assert borders[0] == 0
    divided = sum(cost(*piece) for piece in pairwise(borders))
    assert divided == pytest.approx(least[-1])


@settings(max_examples=8)
@given(st.floats(0.01, 100), st.floats(-1000, 1000), st.integers(0, 5))
def test_units_do_not_matter_and_upside_down_is_the_same(scale, shift, seed):
    draw = np.random.default_rng(seed)
    rows = draw.standard_normal((4, 1440))
    plant_trends(rows[:2], draw)
    plant_peaks(rows[2:], draw)
    found, other = find_structure(bin_minutes(rows)), find_structure(bin_minutes(scale * rows + shift))
    flipped = find_structure(bin_minutes(-rows))
    opposite = {"rise": "fall", "fall": "rise", "peak": "dip", "dip": "peak"}
    places = [[(o.statistic, o.first, o.last) for o in row] for row in found]
    assert [[(o.statistic, o.first, o.last) for o in row] for row in other] == places
    assert [[(opposite[o.statistic], o.first, o.last) for o in row] for row in flipped] == places


def test_bins_are_of_observed_minutes():
    values = np.full((1, 1440), np.nan)
    values[0, 30:39] = 5.0  # nine minutes are too few
    values[0, 60:70] = np.arange(10)
    bins = bin_minutes(values)
    assert np.flatnonzero(~np.isnan(bins.mean[0])).tolist() == [2]
    assert bins.mean[0, 2] == 4.5
    assert bins.error[0, 2] == pytest.approx(np.arange(10).var(ddof=1) / 10)


def test_nothing_to_look_at():
    assert find_structure(bin_minutes(np.full((2, 1440), np.nan))) == [[], []]
    assert find_structure(bin_minutes(np.full((1, 1440), 7.0))) == [[]]
    assert find_structure(make_bins(*np.zeros((3, 0, BINS)))) == []


def test_noise_is_that_of_independent_minutes():
    rows = np.random.default_rng(0).standard_normal((200, 1440)) * 4
    assert np.median(measure_noise(bin_minutes(rows))) == pytest.approx(4 / np.sqrt(30), rel=0.15)
