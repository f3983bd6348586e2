"""Rest and activity: cases worked out by hand, the published formulas in loops, and what gaps may not change."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lsmlib
from lsmlib.evaluate import rest_activity
from lsmlib.evaluate.rhythms import (
    MEANINGS,
    describe_person,
    extremes,
    hourly_means,
    interdaily_stability,
    intradaily_variability,
)
from lsmlib.signals import MEAN

FIRST = np.datetime64("2024-03-01")


def dates(days):
    return FIRST + np.arange(days)


def of_hours(hours):
    """Minutes [d, 1440] that are constant within each hour."""
    return np.repeat(np.asarray(hours, float), 60, axis=1)


def test_a_day_worked_out_by_hand():
    """Still from 0 to 8, then 3 a minute: 8 hours of 0 and 16 of 3, twice."""
    found = describe_person(of_hours([[0] * 8 + [3] * 16] * 2), dates(2))
    assert found["mean"] == pytest.approx(2)
    assert found["sd"] == pytest.approx(np.sqrt(2))  # 4 · 1/3 + 1 · 2/3
    assert found["zero_share"] == pytest.approx(1 / 3)
    assert (found["L5"], found["M10"], found["RA"]) == pytest.approx((0, 3, 1))
    assert found["IS"] == pytest.approx(1)  # both days are the same
    # up at 8, down at midnight, up at 8: three changes of 9 among 47, against a variance of 2
    assert found["IV"] == pytest.approx(27 / 47 / 2)
    assert list(found) == list(MEANINGS)


def test_opposite_days_have_no_stability():
    first = [1.0] * 12 + [0.0] * 12
    assert interdaily_stability(np.array([first, first[::-1]])) == pytest.approx(0)
    assert interdaily_stability(np.array([first, first])) == pytest.approx(1)
    # one day alternating each hour: all changes are 1, the variance a quarter
    assert intradaily_variability(np.array([[0.0, 1.0] * 12]), dates(1)) == pytest.approx(4)


def test_the_usual_day_goes_round():
    """Least active from 22 to 3, most active from 5 to 15: one of them over midnight."""
    usual = np.full(24, 5.0)
    usual[[22, 23, 0, 1, 2]] = 1
    usual[5:15] = 9
    assert extremes(of_hours([usual])) == pytest.approx((1, 9))
    values = of_hours([usual, usual])
    values[0, 100], values[:, 200] = np.nan, np.nan
    assert np.isnan(extremes(values)).all()  # minute 200 was never observed
    values[1, 200] = 5
    assert not np.isnan(extremes(values)).any()


@given(seed=st.integers(0, 999), days=st.integers(2, 6))
def test_the_published_formulas_in_loops(seed, days):
    hours = np.random.default_rng(seed).gamma(1, 10, (days, 24))
    x, n, mean = hours.ravel(), hours.size, hours.mean()
    total = sum((value - mean) ** 2 for value in x)
    usual = [sum(hours[day][hour] for day in range(days)) / days for hour in range(24)]
    stability = n * sum((value - mean) ** 2 for value in usual) / (24 * total)
    variability = n * sum((x[i] - x[i - 1]) ** 2 for i in range(1, n)) / ((n - 1) * total)
    assert interdaily_stability(hours) == pytest.approx(stability)
    assert intradaily_variability(hours, dates(days)) == pytest.approx(variability)
    assert 0 <= stability <= 1
    scaled = describe_person(of_hours(3 * hours), dates(days))
    for name in ("IS", "IV", "RA"):  # of no unit
        assert scaled[name] == pytest.approx(describe_person(of_hours(hours), dates(days))[name])


def test_noise_and_a_sine_lie_where_the_paper_says():
    noise = np.random.default_rng(0).standard_normal((400, 24))
    assert intradaily_variability(noise, dates(400)) == pytest.approx(2, abs=0.05)
    assert interdaily_stability(noise) == pytest.approx(1 / 400, abs=0.002)
    sine = np.tile(np.sin(2 * np.pi * np.arange(24) / 24), (30, 1))
    assert intradaily_variability(sine, dates(30)) == pytest.approx(2 - 2 * np.cos(2 * np.pi / 24), rel=0.01)


def test_an_hour_counts_from_half_of_it_and_no_pair_spans_a_gap():
    values = of_hours([[2.0] * 24, [4.0] * 24])
    values[0, :31], values[1, :30] = np.nan, np.nan
    hours = hourly_means(values)
    assert np.isnan(hours[0, 0]) and hours[1, 0] == 4 and np.isnan(hours).sum() == 1
    # between the days lies one more, so the step from 2 to 4 is no change from one hour to the next
    assert intradaily_variability(hours, FIRST + np.array([0, 2])) == 0
    assert intradaily_variability(hours, dates(2)) > 0


def test_a_table_of_people_in_any_order_of_days():
    draw = np.random.default_rng(1)
    counts = draw.gamma(1, 50, (6, 1440)).astype(np.float32)
    signals = np.tile(MEAN.astype(np.float32), (6, 1440, 1))
    signals[:, :, 10] = counts / 10
    cohort = lsmlib.make_cohort(signals, ["b", "a"] * 3, FIRST + np.repeat(np.arange(3), 2))
    cohort = cohort.assign(counts=(("day", "minute"), counts))
    table = rest_activity(cohort)
    assert table.index.tolist() == ["a", "b"] and table.columns.tolist() == list(MEANINGS)
    assert table.loc["b"].to_dict() == pytest.approx(describe_person(counts[::2], dates(3)))
    shuffled = cohort.isel(day=[5, 0, 3, 2, 4, 1])
    np.testing.assert_allclose(rest_activity(shuffled), table)
    np.testing.assert_allclose(rest_activity(cohort, "steps")["IS"], table["IS"], rtol=1e-5)


def test_where_nothing_can_be_said():
    still = describe_person(np.zeros((2, 1440)), dates(2))
    assert np.isnan([still["RA"], still["IS"], still["IV"]]).all() and still["zero_share"] == 1
    nothing = describe_person(np.full((2, 1440), np.nan), dates(2))
    assert np.isnan(list(nothing.values())).all()
    cohort = lsmlib.make_cohort(np.tile(MEAN.astype(np.float32), (1, 1440, 1)), ["a"], [FIRST])
    with pytest.raises(ValueError, match=r"no signal and no variable .* called 'counts'"):
        rest_activity(cohort)
