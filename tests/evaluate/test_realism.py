"""The judge of realism: known answers where real and simulated are the same, and where they are not."""

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import (
    autocorrelation,
    daily_profile,
    ks_distance,
    minute_values,
    profile_correlation,
    step_transitions,
    two_sample_test,
)
from lsmlib.evaluate.realism import BINS, STRAIGHT, _bin, assign_folds, cut_pairs, longest_straight
from lsmlib.evaluate.window_features import window_features


def days_of(heart_rate, steps=None, people=None):
    """A Cohort of heart rate and steps [d, t], a day a person unless they are named."""
    heart_rate = np.asarray(heart_rate, float)
    steps = np.zeros_like(heart_rate) if steps is None else steps
    names = [f"p{day}" for day in range(len(heart_rate))] if people is None else people
    dates = np.datetime64("2024-03-01") + np.arange(len(heart_rate))
    return lsmlib.make_cohort({"heart_rate": heart_rate, "steps": steps}, names, dates)


def draw_days(seed, people, days=1, shift=0.0):
    """People with a level of their own, noise around it, and now and then a walk."""
    draw = np.random.default_rng(seed)
    shape = (people * days, 1440)
    level = np.repeat(draw.normal(70, 1, people), days)[:, None]
    steps = np.where(draw.random(shape) < 0.2, draw.integers(5, 100, shape), 0)
    heart_rate = level + shift + 0.2 * steps + 3 * draw.standard_normal(shape)
    return days_of(heart_rate, steps, np.repeat([f"s{seed}p{person}" for person in range(people)], days))


def test_a_judge_cannot_tell_people_of_one_world_apart():
    result = two_sample_test(draw_days(0, 5, days=2), draw_days(1, 10, days=2))
    assert result.auroc == pytest.approx(0.5, abs=0.12)
    assert result.interval[0] < 0.5 < result.interval[1]


def test_a_judge_tells_a_shifted_world_at_once_and_says_by_what():
    result = two_sample_test(draw_days(0, 4), draw_days(1, 12, shift=60))
    assert result.auroc > 0.99
    assert len(result.by_fold) == 4
    assert set(result.by_fold) == {"s0p0", "s0p1", "s0p2", "s0p3"}  # one real person a fold
    assert 0 <= 4 * 24 - result.real_windows < 3
    assert 0 <= 12 * 24 - result.simulated_windows < 5  # an hour may be straight by chance
    assert result.interval[1] <= 1


def test_the_importance_names_what_gives_it_away():
    real = draw_days(0, 4)
    shuffled = draw_days(1, 8)
    odd = 2 * np.rint(shuffled["signals"].values[:, :, lsmlib.SIGNAL_NAMES.index("steps")] / 2)
    shuffled["signals"][:, :, lsmlib.SIGNAL_NAMES.index("steps")] = np.where(odd > 0, np.maximum(odd, 40), 0)
    result = two_sample_test(real, shuffled)
    assert result.auroc > 0.9
    assert result.importance.index[0].startswith("steps")
    assert "heart_rate minute" in result.importance.index  # the minutes themselves count as one


def test_a_judge_repeats_itself():
    real, simulated = draw_days(0, 3), draw_days(1, 4)
    one, again = two_sample_test(real, simulated, seed=3), two_sample_test(real, simulated, seed=3)
    assert one.by_fold == again.by_fold


def test_when_a_device_is_worn_tells_nothing():
    real, simulated = draw_days(0, 4, days=2), draw_days(1, 8, days=2)
    heart_rate = lsmlib.SIGNAL_NAMES.index("heart_rate")
    for cohort in (real, simulated):
        cohort["signals"][:, :720, heart_rate] += 40  # mornings differ from evenings
    simulated["signals"][::2, :720] = np.nan  # and are recorded half as often
    assert two_sample_test(real, simulated).auroc == pytest.approx(0.5, abs=0.15)


def test_nobody_is_in_training_and_test():
    person = np.repeat([f"p{number}" for number in range(11)], 7)
    fold = assign_folds(person, 4, np.random.default_rng(0))
    assert all(len(set(fold[person == one])) == 1 for one in person)
    assert sorted(len(set(person[fold == one])) for one in range(4)) == [2, 3, 3, 3]


def test_hours_with_a_straight_line_are_left_out():
    draw = np.random.default_rng(2)
    heart_rate = 70 + 5 * draw.standard_normal((2, 1440))
    heart_rate[0, 60:70] = np.arange(60, 70)  # ten minutes on a line
    heart_rate[0, 130:150] = 66 + 0.3 * np.arange(20)  # a slope that rounding breaks into steps
    heart_rate[1, 5:14] = 80  # nine minutes
    heart_rate[1, 1000] = np.nan
    windows = cut_pairs(days_of(heart_rate))
    kept = set(zip(windows.person.tolist(), windows.hour.tolist(), strict=True))
    assert ("p0", 1) not in kept
    assert ("p0", 2) not in kept
    assert ("p1", 0) in kept
    assert ("p1", 1000 // 60) not in kept
    assert len(kept) == 48 - 3
    assert windows.heart_rate.shape == windows.steps.shape == (45, 60)
    np.testing.assert_array_equal(windows.heart_rate, np.rint(windows.heart_rate))


@pytest.mark.parametrize(
    ("values", "longest"),
    [
        ([60, 60, 60, 60, 75], 4),
        ([60, 61, 62, 63, 90, 70], 4),
        ([60, 60, 61, 61, 62, 62, 90], 6),  # half a beat a minute, rounded
        ([60, 70, 60, 70], 2),
    ],
)
def test_straight_runs_by_hand(values, longest):
    assert longest_straight(np.array([values], float)).tolist() == [longest]
    assert longest < STRAIGHT


def test_bins_keep_the_order_and_are_those_of_training():
    draw = np.random.default_rng(0)
    values = np.column_stack([draw.standard_normal(2000), draw.integers(0, 3, 2000), np.full(2000, np.nan)])
    values[7, 0], train = np.nan, np.arange(2000) < 1000
    values[~train, 0] *= 100  # no bin is added for what training never saw
    binned = _bin(values, train)
    known = np.isfinite(values)
    assert (np.isfinite(binned) == known).all()
    order = np.argsort(values[known[:, 0], 0])
    assert (np.diff(binned[known[:, 0], 0][order]) >= 0).all()
    assert [len(np.unique(column[np.isfinite(column)])) for column in binned.T] == [BINS, 3, 0]
    assert np.bincount(binned[train & known[:, 0], 0].astype(int)).max() <= 1000 / BINS + 1


def test_distance_of_two_distributions_by_hand():
    real, simulated = np.full((1, 1440), np.nan), np.full((1, 1440), np.nan)
    real[0, 600:604], simulated[0, 600:604] = [60, 61, 62, 63], [62, 63, 64, 65]
    real[0, 100], simulated[0, 100] = 40, 140  # at night: not counted
    assert ks_distance(days_of(real), days_of(simulated), "heart_rate") == 0.5
    assert minute_values(days_of(real), "heart_rate").tolist() == [60, 61, 62, 63]
    assert minute_values(days_of(real), "heart_rate", waking=False).tolist() == [40, 60, 61, 62, 63]


def test_a_profile_by_hand():
    heart_rate = np.full((2, 1440), np.nan)
    heart_rate[0, :15], heart_rate[1, :5] = 60, 80
    heart_rate[:, 720:735] = 90
    profile = daily_profile(days_of(heart_rate), "heart_rate")
    assert profile.shape == (96,)
    assert profile[0] == pytest.approx((15 * 60 + 5 * 80) / 20)
    assert profile[48] == 90
    assert np.isnan(profile).sum() == 94


def test_profiles_that_rise_together_correlate():
    day = 60 + 20 * np.sin(np.arange(1440) / 240)
    assert profile_correlation(days_of(day[None]), days_of(2 * day[None] - 40), "heart_rate") > 0.999
    assert profile_correlation(days_of(day[None]), days_of(150 - day[None]), "heart_rate") < -0.99


def test_transitions_by_hand():
    steps = np.zeros((1, 1440))
    steps[0, 500:504] = [10, 100, 100, 20]
    shares = step_transitions(days_of(np.full((1, 1440), 70.0), steps))
    np.testing.assert_allclose(shares.loc["brisk"], [0, 0.5, 0.5])
    np.testing.assert_allclose(shares.loc["light"], [0.5, 0, 0.5])
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_autocorrelation_of_a_wave():
    wave = 70 + 10 * np.sin(2 * np.pi * np.arange(1440) / 20)
    found = autocorrelation(days_of(wave[None]), "heart_rate", lags=(10, 20))
    assert found[10] < -0.9
    assert found[20] > 0.9


def test_features_of_an_hour_by_hand():
    heart_rate = np.tile([[70.0, 74.0]], 30)
    steps = np.zeros((1, 60))
    steps[0, 10:14], steps[0, 30] = [20, 80, 80, 20], 8
    row = window_features(heart_rate, steps).iloc[0]
    expected = {
        "heart_rate change mean size": 4, "heart_rate turns": 1, "heart_rate longest constant": 0,
        "heart_rate distinct values": 2, "steps sum": 208, "steps bouts": 2, "steps longest bout": 4,
        "steps longest rest": 29, "steps single minutes": 1, "steps of single minutes": 8, "steps brisk minutes": 2,
        "steps minute 30": 8, "heart_rate around median lowest": -2,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == pytest.approx(expected)
    assert np.isnan(window_features(heart_rate, 0 * steps).iloc[0]["steps walked median"])


def test_refusals():
    day = days_of(70 + 5 * np.random.default_rng(0).standard_normal((1, 1440)))
    with pytest.raises(ValueError, match="hours of 1 real and 1 simulated people; expected 2 or more of each"):
        two_sample_test(day, day)
    with pytest.raises(ValueError, match="no hour of this Cohort has heart_rate and steps in each of its 60 minutes"):
        cut_pairs(days_of(np.full((1, 1440), 70.0)))  # straight from end to end
    with pytest.raises(ValueError, match="skin_temperature was not observed in any minute"):
        minute_values(day, "skin_temperature")
    with pytest.raises(ValueError, match="there is no signal 'pulse'"):
        minute_values(day, "pulse")
    with pytest.raises(ValueError, match="minutes is 7; expected a whole number that divides 1440"):
        daily_profile(day, "steps", 7)
    with pytest.raises(ValueError, match="observed at 0 times of day in both Cohorts; expected at least 3"):
        profile_correlation(day, day, "skin_temperature")
    morning, evening = (np.random.default_rng(1).normal(70, 5, (2, 1440)) for _ in range(2))
    morning[:, 720:], evening[:, :720] = np.nan, np.nan
    with pytest.raises(ValueError, match="a fold has no hour of the day that both sides observed"):
        two_sample_test(days_of(morning), days_of(evening))
