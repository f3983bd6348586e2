"""Readings to minutes: by hand, and against a slow second way."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsmlib.readers.minutes import MINUTE, average_same, expand, gather, slope, spread

WAYS = {"mean": np.mean, "sum": np.sum, "min": np.min, "max": np.max}
readings = st.lists(st.tuples(st.integers(0, 5 * MINUTE), st.integers(0, 200)), min_size=1, max_size=40)


def slowly(rows: list[tuple[int, int]], how: str) -> dict[int, float]:
    """The same in plain Python: what is said twice counts once, what differs at one time is averaged first."""
    at = defaultdict(set)
    for time, value in rows:
        at[time].add(value)
    in_minute = defaultdict(list)
    for time in sorted(at):
        same = WAYS[how](list(at[time])) if how in ("min", "max") else sum(at[time]) / len(at[time])
        in_minute[time // MINUTE].append(same)
    way = WAYS.get(how, lambda values: values[-1])
    return {minute: float(way(values)) for minute, values in in_minute.items()}


@pytest.mark.parametrize("how", ["mean", "sum", "min", "max", "last"])
@given(rows=readings, order=st.randoms(use_true_random=False), repeats=st.integers(0, 3))
def test_gathering_agrees_with_plain_python_in_any_order(how, rows, order, repeats):
    shuffled = rows + rows[:repeats]
    order.shuffle(shuffled)
    time, value = np.array(shuffled).T
    found = gather(time, value, how)
    expected = slowly(rows, how)
    assert found.minute.tolist() == sorted(expected)
    assert np.allclose(found.value, [expected[minute] for minute in sorted(expected)], rtol=1e-6)
    assert found.repeated == len(shuffled) - len(set(shuffled))


@given(rows=readings, size=st.integers(1, 7))
def test_gathering_block_by_block_changes_nothing(rows, size):
    time, value = np.array(rows).T
    whole = gather(time, value, "sum")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lsmlib.readers.minutes.READINGS", size)
        blocks = gather(time, value, "sum")
    assert all(np.array_equal(one, other) for one, other in zip(whole, blocks, strict=True))


def test_the_hour_that_comes_twice_is_averaged_and_never_added_up():
    # 2 steps every half minute from 00:00 to 02:00 UTC; in Berlin clocks went back from 03:00 to 02:00 at 01:00 UTC
    utc = np.datetime64("2024-10-27T00:00", "ms").astype(np.int64) + np.arange(240) * MINUTE // 2
    offset = np.where(np.arange(240) < 120, 7200, 3600)
    found = gather(utc + 1000 * offset, np.full(240, 2.0), "sum", offset)
    assert len(found.minute) == 60 and (found.value == 4).all() and found.twice == 60
    assert found.minute[0] == np.datetime64("2024-10-27T02:00", "m").astype(np.int64)


def test_conflicts_are_averaged_and_counted():
    found = gather(np.array([0, 0, 0, 10]), np.array([60.0, 80.0, 60.0, 100.0]), "mean")
    assert found.value.tolist() == [85.0] and found.repeated == 1 and found.conflicting == 1


def test_nothing_gives_nothing():
    assert len(gather(np.zeros(0, np.int64), np.zeros(0), "sum").minute) == 0


def test_totals_are_spread_by_overlap():
    # 90 steps from 0:30 to 2:00: a third in minute 0, two thirds in minute 1
    row, minute, share = spread(np.array([MINUTE // 2]), np.array([2 * MINUTE]), np.array([90.0]))
    assert row.tolist() == [0, 0] and minute.tolist() == [0, 1] and share.tolist() == [30.0, 60.0]
    row, minute, share = spread(np.array([MINUTE]), np.array([MINUTE]), np.array([7.0]))
    assert minute.tolist() == [1] and share.tolist() == [7.0]


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 3 * 10**6), st.integers(0, 5000)), min_size=1))
def test_spreading_keeps_every_total(rows):
    start, length, value = np.array(rows).T
    row, minute, share = spread(start, start + length, value)
    assert np.allclose(np.bincount(row, share, len(rows)), value)
    assert (minute >= start[row] // MINUTE).all() and (minute * MINUTE <= (start + length)[row]).all()


def test_expanding_ranges():
    row, number = expand(np.array([3, 10, 7]), np.array([5, 10, 8]))
    assert row.tolist() == [0, 0, 2] and number.tolist() == [3, 4, 7]


def test_averaging_keys():
    key, value, merged = average_same(np.array([5, 1, 5]), np.array([1.0, 2.0, 3.0]))
    assert key.tolist() == [1, 5] and value.tolist() == [2.0, 2.0] and merged == 1


def test_slopes_are_least_squares():
    time = np.arange(0, 2 * MINUTE, 250)
    draw = np.random.default_rng(0)
    value = 3 + 0.5 * time / MINUTE + draw.normal(0, 0.1, len(time))
    minute, found = slope(time, value)
    expected = [np.polyfit(time[time // MINUTE == m] / MINUTE, value[time // MINUTE == m], 1)[0] for m in (0, 1)]
    assert minute.tolist() == [0, 1] and np.allclose(found, expected)
    assert len(slope(np.array([0, 10]), np.array([1.0, 2.0]))[0]) == 0  # two readings make no slope
    assert len(slope(np.arange(0, 20_000, 250), np.zeros(80))[0]) == 0  # nor does a third of a minute
