"""What each task hides: exact counts, exact places, and the same draw wherever a window stands."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lsmlib
from lsmlib.evaluate import (
    LSM1_TASKS,
    Extrapolation,
    Interpolation,
    RandomImputation,
    SensorImputation,
    visible_readings,
)
from lsmlib.signals import MEAN, SIGNAL_NAMES
from tests.evaluate.windows import noise_windows, series, windows_of

TWENTY_MINUTES = series([75.0] * 20)


@pytest.fixture(scope="module")
def windows():
    return noise_windows(24, 40, people=3)


def test_lsm1_has_twenty_one_tasks_of_different_names():
    assert len(LSM1_TASKS) == 21
    assert len({task.name for task in LSM1_TASKS}) == 21
    assert [task.name for task in LSM1_TASKS[:2]] == ["random 80 %", "interpolation 10 min"]
    kinds = [task.kind for task in LSM1_TASKS]
    assert kinds == ["random", *["interpolation"] * 5, *["extrapolation"] * 5, *["sensor"] * 10]
    sensors = ["PPG", "ACC", "ALT", "EDA", "TEMP"]
    assert [task.name for task in LSM1_TASKS[11:16]] == [f"sensor {sensor}" for sensor in sensors]
    assert [task.name for task in LSM1_TASKS[16:]] == [f"sensor {sensor} 60 min" for sensor in sensors]
    assert RandomImputation(0.8, 10, 1).name != RandomImputation(0.8, 20, 1).name != RandomImputation().name
    assert Interpolation(60, 5).name != Interpolation(60).name
    assert RandomImputation(0.8) == LSM1_TASKS[0]


@given(
    share=st.floats(0.05, 0.95),
    patch_minutes=st.sampled_from([1, 2, 4, 5, 10]),
    patch_signals=st.integers(1, 26),
    seed=st.integers(0, 2**64 - 1),
)
def test_random_hides_whole_patches_and_always_as_many(share, patch_minutes, patch_signals, seed):
    windows = TWENTY_MINUTES
    columns = -(-26 // patch_signals)
    count = round(share * columns * 20 / patch_minutes)
    task = RandomImputation(share, patch_minutes, patch_signals)
    if not 0 < count < columns * 20 // patch_minutes:
        with pytest.raises(ValueError, match="at least one hidden and one visible"):
            task.hidden(windows, seed)
        return
    hidden = task.hidden(windows, seed)[0]
    corners = hidden[::patch_minutes, ::patch_signals]
    assert corners.sum() == count
    patches = corners.repeat(patch_minutes, axis=0).repeat(patch_signals, axis=1)[:, :26]
    np.testing.assert_array_equal(hidden, patches)


def test_random_draws_every_patch_as_often(windows):
    drawn = np.mean([RandomImputation().hidden(windows, seed)[:, ::10, ::5] for seed in range(60)], axis=(0, 1))
    # 24 patches, 19 hidden: 0.792; of 1,440 draws the standard error is 0.011
    np.testing.assert_allclose(drawn, 19 / 24, atol=0.05)


def test_interpolation_has_context_on_both_sides_and_reaches_every_start(windows):
    starts = set()
    for seed in range(20):
        hidden = Interpolation(10, 5).hidden(windows, seed)
        assert (hidden == hidden[:, :, :1]).all()  # all signals
        assert (hidden[:, :, 0].sum(axis=1) == 10).all()
        first = hidden[:, :, 0].argmax(axis=1)
        assert all(row[start : start + 10].all() for row, start in zip(hidden, first, strict=True))
        starts |= set(first.tolist())
    assert starts == {5, 10, 15, 20, 25}  # at most 25, so that minutes 35 to 39 stay visible


def test_interpolation_by_hand():
    hidden = Interpolation(20).hidden(series([75.0] * 40))
    np.testing.assert_array_equal(hidden[0, :, 3], np.repeat([False, True, False], [10, 20, 10]))


def test_extrapolation_by_hand():
    hidden = Extrapolation(3).hidden(series([75.0] * 5))
    np.testing.assert_array_equal(hidden[0], np.tile([[False], [False], [True], [True], [True]], (1, 26)))


@pytest.mark.parametrize(
    ("sensor", "count", "example"),
    [
        ("PPG", 10, "rmssd"),
        ("ACC", 10, "sleep_coefficient"),
        ("ALT", 1, "altimeter_sd"),
        ("EDA", 3, "eda_lead_contacts"),
        ("TEMP", 2, "skin_temperature"),
    ],
)
def test_a_sensor_is_hidden_in_every_minute(windows, sensor, count, example):
    hidden = SensorImputation(sensor).hidden(windows)
    assert hidden[:, :, SIGNAL_NAMES.index(example)].all()
    assert hidden.all(axis=(0, 1)).sum() == hidden.any(axis=(0, 1)).sum() == count


def test_a_sensors_span_by_hand():
    hidden = SensorImputation("TEMP", minutes=20).hidden(series([75.0] * 40))[0]
    expected = np.zeros((40, 26), bool)
    expected[10:30, 24:] = True  # one start only leaves ten minutes on both sides; temperature comes last
    np.testing.assert_array_equal(hidden, expected)


def test_a_sensors_span_reaches_every_start_on_the_grid():
    windows = noise_windows(24, 60, people=3)
    hidden = SensorImputation("ALT", 15).hidden(windows)
    altimeter = SIGNAL_NAMES.index("altimeter_sd")
    assert not np.delete(hidden, altimeter, axis=2).any()
    spans = {tuple(np.flatnonzero(row)) for row in hidden[:, :, altimeter]}
    assert spans == {tuple(range(start, start + 15)) for start in (10, 20, 30)}  # 40 would leave five minutes after


@pytest.mark.parametrize("task", [RandomImputation(), Interpolation(10), SensorImputation("PPG", 10)])
def test_a_window_hides_the_same_wherever_it_stands(windows, task):
    hidden = task.hidden(windows, 5)
    order = np.random.default_rng(0).permutation(24)[:11]
    np.testing.assert_array_equal(task.hidden(windows.isel(day=order), 5), hidden[order])
    assert (task.hidden(windows, 6) != hidden).any()
    assert len(np.unique(hidden, axis=0)) > 1  # windows draw for themselves
    later = windows.assign(start_minute=windows["start_minute"] + 1)
    assert (task.hidden(later, 5) != hidden).any()


def test_draws_are_pinned():
    """The very cells, so that scores of different versions can be compared."""
    windows = series([75.0] * 40)
    assert np.packbits(RandomImputation(0.5).hidden(windows)[0, ::10, ::5]).tolist() == [244, 38, 90]
    assert [int(Interpolation(10, 1).hidden(windows, seed)[0, :, 0].argmax()) for seed in range(5)] == [
        18,
        10,
        19,
        7,
        20,
    ]


def test_days_with_gaps_have_tasks_too():
    day = np.full((1, 1440, 26), np.nan, np.float32)
    day[0, :700] = MEAN
    cohort = lsmlib.make_cohort(day, ["a"], np.array(["2024-01-01"], "datetime64[D]"))
    assert RandomImputation(0.8, 10, 1).hidden(cohort).sum() == round(0.8 * 3744) * 10
    visible = visible_readings(cohort, Extrapolation(800).hidden(cohort))
    assert (~np.isnan(visible)).sum() == 640 * 26


def test_what_was_filled_in_is_not_visible():
    windows = series([70, np.nan, 80])
    assert windows["signals"].values[0, 1, 0] == 75
    visible = visible_readings(windows, np.zeros((1, 3, 26), bool))
    np.testing.assert_array_equal(visible[0, :, 0], [70, np.nan, 80])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomImputation(1.0), "share is 1.0; expected more than 0 and less than 1"),
        (lambda: RandomImputation(80), "share is 80"),
        (lambda: RandomImputation(0.8, 0), "patch_minutes is 0"),
        (lambda: RandomImputation(0.8, 10, 27), "patch_signals is 27"),
        (lambda: Interpolation(0), "minutes is 0"),
        (lambda: Extrapolation(1.5), "minutes is 1.5; expected a whole number"),
        (lambda: SensorImputation("PPG", 0), "minutes is 0; expected a whole number"),
        (lambda: SensorImputation("GPS"), "no sensor 'GPS'; expected one of PPG, ACC, ALT, EDA, TEMP"),
    ],
)
def test_tasks_that_cannot_be(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("task", "words"),
    [
        (RandomImputation(0.8, 7), "40 minutes do not divide into patches of 7"),
        (RandomImputation(0.001), "of 24 patches hides 0; expected at least one hidden and one visible"),
        (Interpolation(30), "windows of at least 50 minutes; these have 40"),
        (
            SensorImputation("PPG", 30),
            "sensor PPG 30 min needs 10 minutes of context .* at least 50 minutes; these have",
        ),
        (Extrapolation(40), "leaves windows of 40 minutes no context; expected windows of more than 40"),
    ],
)
def test_windows_too_short(windows, task, words):
    with pytest.raises(ValueError, match=words):
        task.hidden(windows)


def test_seeds_and_hidden_that_do_not_fit(windows):
    with pytest.raises(ValueError, match="seed is -1"):
        Extrapolation(10).hidden(windows, -1)
    with pytest.raises(ValueError, match=r"hidden is bool \[24, 40\]; expected bool \[24, 40, 26\]"):
        visible_readings(windows, np.zeros((24, 40), bool))
    with pytest.raises(ValueError, match="hidden is float64"):
        visible_readings(windows, np.zeros((24, 40, 26)))


def test_windows_of_keeps_every_row():
    assert windows_of(np.ones((3, 20, 26), np.float32) * MEAN).sizes["day"] == 3
