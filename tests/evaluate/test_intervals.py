"""Intervals over people: against SciPy, against theory, and with clusters kept whole."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from lsmlib.evaluate import percentile_interval, resample_sums, sum_by_person
from lsmlib.evaluate.intervals import ratio


def interval_of_mean(values, person, resamples=1000, seed=0):
    total, count = (sum_by_person(part, person)[1] for part in (values, np.ones(len(values))))
    return percentile_interval(resample_sums(total, resamples, seed) / resample_sums(count, resamples, seed))


def test_sums_by_hand():
    people, sums = sum_by_person(np.array([[1, 10], [2, 20], [4, 40]]), np.array(["b", "a", "b"]))
    assert people.tolist() == ["a", "b"]
    np.testing.assert_array_equal(sums, [[2, 20], [5, 50]])


def test_resamples_of_two_people_by_hand():
    draws = resample_sums(np.array([1.0, 10.0]), 4000)
    values, times = np.unique(draws, return_counts=True)
    assert values.tolist() == [2, 11, 20]
    np.testing.assert_allclose(times / 4000, [0.25, 0.5, 0.25], atol=0.03)


def test_columns_are_resampled_jointly():
    sums = np.random.default_rng(0).random((7, 3))
    draws = resample_sums(np.stack([sums, 2 * sums], axis=2), 250, seed=3)
    assert draws.shape == (250, 3, 2)
    np.testing.assert_allclose(draws[..., 1], 2 * draws[..., 0])
    np.testing.assert_allclose(resample_sums(sums[:, 1], 250, seed=3), draws[:, 1, 0])


def test_scipy_agrees():
    """SciPy's paired bootstrap of each person's sums draws other numbers, so its bounds differ by chance only."""
    draw = np.random.default_rng(1)
    count = draw.integers(1, 9, 40)
    total = count * draw.normal(5, 1, 40)
    low, high = percentile_interval(resample_sums(total, 20_000) / resample_sums(count, 20_000))
    theirs = bootstrap(
        (total, count),
        lambda total, count, axis: total.sum(axis) / count.sum(axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(2),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert abs(low - theirs.low) < 0.03 * width
    assert abs(high - theirs.high) < 0.03 * width


def test_a_person_with_every_window_twice_changes_nothing():
    draw = np.random.default_rng(4)
    person = draw.integers(0, 12, 100)
    values = draw.normal(person, 1.0)
    once = interval_of_mean(values, person)
    np.testing.assert_allclose(interval_of_mean(np.tile(values, 2), np.tile(person, 2)), once)
    np.testing.assert_allclose(interval_of_mean(values[::-1], person[::-1]), once)


def test_the_true_mean_is_covered_95_times_in_100():
    """Forty people who differ, eight windows each; windows taken for people give intervals that are far too narrow."""
    draw, trials = np.random.default_rng(5), 300
    person = np.repeat(np.arange(40), 8)
    covered = naive = 0
    for trial in range(trials):
        values = draw.standard_normal(40)[person] + 0.3 * draw.standard_normal(320)
        low, high = interval_of_mean(values, person, 300, trial)
        covered += low <= 0 <= high
        low, high = interval_of_mean(values, np.arange(320), 300, trial)
        naive += low <= 0 <= high
    assert 0.90 < covered / trials < 0.98  # with 40 people a little under 0.95; standard error 0.013
    assert naive / trials < 0.7


def test_percentiles_by_hand_and_undefined_draws():
    low, high = percentile_interval(np.arange(101.0), level=0.9)
    assert (low, high) == (pytest.approx(5), pytest.approx(95))
    draws = np.stack([np.arange(101.0), np.full(101, np.nan)], axis=1)
    draws[3, 0] = np.nan
    low, high = percentile_interval(draws)
    assert low[0] == pytest.approx(np.nanquantile(draws[:, 0], 0.025))
    assert np.isnan([low[1], high[1]]).all()


def test_ratio_of_nothing_is_nan():
    np.testing.assert_array_equal(ratio(np.array([1.0, 0]), np.array([2, 0])), [0.5, np.nan])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: resample_sums(np.ones((1, 3))), "sums of 1 person; an interval needs at least 2"),
        (lambda: resample_sums(np.ones(3), 0), "resamples is 0"),
        (lambda: resample_sums(np.ones(3), 10, -1), "seed is -1"),
        (lambda: percentile_interval(np.ones(3), 95), "level is 95; expected a share"),
        (lambda: sum_by_person(np.ones(3), np.array(["a"])), "3 rows of 1 people"),
    ],
)
def test_refusals(call, words):
    with pytest.raises(ValueError, match=words):
        call()
