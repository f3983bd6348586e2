"""Baselines on paper, against numpy and the exact equations; what is hidden never changes what is filled in."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsmlib.evaluate import BASELINES, WienerFill, linear_fill, mean_fill, nearest_fill, window_mean_fill
from lsmlib.evaluate.fills import NUGGET, _smooth
from lsmlib.evaluate.generative_tasks import RandomImputation, SensorImputation
from lsmlib.signals import HIGH, LOW, MEAN, SD, denormalise, normalise
from tests.evaluate.windows import noise_windows, series, windows_of

NAN = np.nan
MEAN_RATE = np.float32(75.96)
FULL = series([75.0] * 30)


@pytest.fixture(scope="module")
def wiener():
    return WienerFill().fit(correlated_windows(200, 1))


def correlated_windows(rows, seed, minutes=20):
    """All signals follow one level that drifts, each with noise of its own; a tenth is missing."""
    draw = np.random.default_rng(seed)
    drift = 0.6 * draw.standard_normal((rows, 1, 1)) + 0.12 * np.cumsum(
        draw.standard_normal((rows, minutes, 1)), axis=1
    )
    values = MEAN + SD * (drift + 0.1 * draw.standard_normal((rows, minutes, 26)))
    values = np.clip(values, LOW, HIGH)
    values[draw.random(values.shape) < 0.1] = NAN
    return windows_of(values.astype(np.float32))


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        # minute       0          1   2          3   4          5          6
        (mean_fill, [MEAN_RATE, 60, MEAN_RATE, 66, MEAN_RATE, MEAN_RATE, 90]),
        (window_mean_fill, [72, 60, 72, 66, 72, 72, 90]),
        (nearest_fill, [60, 60, 60, 66, 66, 90, 90]),  # minute 2 lies between both: the earlier
        (linear_fill, [60, 60, 63, 66, 74, 82, 90]),
    ],
)
def test_by_hand(fill, expected):
    windows = series([70, 60, 71, 66, NAN, 95, 90])  # minute 4 was never measured
    hidden = np.zeros((1, 7, 26), bool)
    hidden[0, [0, 2, 5], 0] = True
    filled = fill(windows, hidden)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled[0, :, 0], expected, rtol=1e-6)
    np.testing.assert_array_equal(filled[0, :, 1:], windows["signals"].values[0, :, 1:])


@pytest.mark.parametrize("name", BASELINES)
def test_without_any_reading_the_population_mean(name):
    windows = series([70, 60, 71])
    hidden = np.zeros((1, 3, 26), bool)
    hidden[:, :, 0] = True
    np.testing.assert_array_equal(BASELINES[name](windows, hidden)[0, :, 0], [MEAN_RATE] * 3)


@given(st.lists(st.tuples(st.floats(40, 150, width=32), st.booleans()), min_size=1, max_size=30))
def test_linear_is_numpys_and_nearest_is_a_search(readings):
    windows = FULL.isel(minute=slice(len(readings))).copy(deep=True)
    windows["signals"].values[0, :, 0] = [value for value, _ in readings]
    hidden = np.zeros((1, len(readings), 26), bool)
    hidden[0, :, 0] = [is_hidden for _, is_hidden in readings]
    visible = np.flatnonzero(~hidden[0, :, 0])
    if not len(visible):
        return
    minutes, values = np.arange(len(readings)), windows["signals"].values[0, :, 0]
    expected = np.interp(minutes, visible, values[visible])
    np.testing.assert_allclose(linear_fill(windows, hidden)[0, :, 0], expected, rtol=1e-6)
    nearest = [values[min(visible, key=lambda at, minute=minute: (abs(at - minute), at))] for minute in minutes]
    np.testing.assert_array_equal(nearest_fill(windows, hidden)[0, :, 0], nearest)


@pytest.mark.parametrize("name", [*BASELINES, "Wiener"])
def test_hidden_and_filled_in_values_change_nothing(name, wiener):
    fill = wiener if name == "Wiener" else BASELINES[name]
    windows = correlated_windows(6, 3)
    hidden = RandomImputation(0.5).hidden(windows)
    visible = windows["observed"].values & ~hidden
    other = windows.copy(deep=True)
    other["signals"].values[~visible] = NAN
    filled = fill(windows, hidden)
    np.testing.assert_array_equal(fill(other, hidden), filled)
    np.testing.assert_array_equal(filled[visible], windows["signals"].values[visible])
    assert filled.dtype == np.float32
    assert np.isfinite(filled).all()


def test_wiener_is_the_conditional_expectation(wiener):
    """Against the dense equations of 520 unknowns, in float64, with the cosine basis written out."""
    windows = correlated_windows(3, 4)
    hidden = RandomImputation(0.5).hidden(windows)
    filled = normalise(wiener(windows, hidden))
    frequency, minute = np.arange(20)[:, None], np.arange(20)
    basis = np.sqrt(2 / 20) * np.cos(np.pi * frequency * (minute + 0.5) / 20)
    basis[0] = np.sqrt(1 / 20)
    covariance = np.einsum("ft,fu,fsr->tsur", basis, basis, wiener.spectrum.astype(float)).reshape(520, 520)
    for row in range(3):
        known = (windows["observed"].values & ~hidden)[row].ravel()
        around = (normalise(windows["signals"].values[row]) - wiener.mean).ravel()[known]
        weights = np.linalg.solve(covariance[np.ix_(known, known)] + NUGGET * np.eye(known.sum()), around)
        expected = (covariance[:, known] @ weights).reshape(20, 26) + wiener.mean
        expected = normalise(np.clip(denormalise(expected), LOW, HIGH))
        unknown = ~known.reshape(20, 26)
        np.testing.assert_allclose(filled[row][unknown], expected[unknown], atol=0.01)


def test_wiener_knows_level_and_covariance(wiener):
    windows = correlated_windows(200, 1)
    values = normalise(linear_fill(windows, np.zeros((200, 20, 26), bool))).astype(float)
    np.testing.assert_allclose(wiener.mean, values.mean(axis=(0, 1)), atol=1e-5)
    # frequency 0 is √20 times the window's mean
    level = np.cov(values.mean(axis=1).T, ddof=0)
    shrunk = np.where(np.eye(26, dtype=bool), level, level * 200 / 226)
    np.testing.assert_allclose(wiener.spectrum[0], 20 * shrunk, rtol=1e-3, atol=1e-4)
    # what is averaged over frequencies is not lost: the variance of all minutes together (Parseval)
    assert np.trace(wiener.spectrum.sum(axis=0)) / 20 == pytest.approx(values.var(axis=(0, 1)).sum(), rel=0.02)


def test_smoothing_by_hand():
    squares = np.arange(10.0)[:, None, None] ** 2
    averaged = _smooth(squares, 1)[:, 0, 0]
    np.testing.assert_allclose(averaged[:4], [0, 1, 4, 9])  # less than a whole frequency to each side
    np.testing.assert_allclose(averaged[4], (9 + 16 + 25) / 3)
    np.testing.assert_allclose(averaged[8], (36 + 49 + 64 + 81) / 4)  # 6 to 10, of which 9 is the last
    constant = _smooth(np.full((10, 2, 2), 6.0), 4)
    np.testing.assert_allclose(constant[0], [[6, 4], [4, 6]])  # four windows, and two that show no covariance
    np.testing.assert_allclose(constant[4], [[6, 36 / 7], [36 / 7, 6]])  # three frequencies of four


@pytest.mark.parametrize("task", [RandomImputation(0.8, 5), SensorImputation("TEMP")])
def test_wiener_beats_all_others_where_signals_go_together(wiener, task):
    windows = correlated_windows(40, 5)
    hidden = task.hidden(windows)
    target = windows["observed"].values & hidden
    truth = normalise(windows["signals"].values)
    error = {
        name: np.square(normalise(fill(windows, hidden)) - truth)[target].mean()
        for name, fill in {**BASELINES, "Wiener": wiener}.items()
    }
    best_other = min(value for name, value in error.items() if name != "Wiener")
    assert error["Wiener"] < 0.6 * best_other


def test_wiener_keeps_to_plausible_values(wiener):
    windows = correlated_windows(10, 6)
    windows["signals"].values[:, :, 0] = 230
    filled = wiener(windows, SensorImputation("ACC").hidden(windows))
    assert ((filled >= LOW) & (filled <= HIGH)).all()


def test_wiener_refuses(wiener, monkeypatch):
    windows = noise_windows(3, 30, people=3)
    hidden = np.zeros((3, 30, 26), bool)
    with pytest.raises(ValueError, match=r"learnt nothing yet; call fit"):
        WienerFill()(windows, hidden)
    with pytest.raises(ValueError, match="windows of 30 minutes, but fitted on windows of 20"):
        wiener(windows, hidden)
    with pytest.raises(ValueError, match="1 window; expected at least 2"):
        WienerFill().fit(windows.isel(day=[0]))
    monkeypatch.setattr("lsmlib.evaluate.fills.MOST_STEPS", 1)
    with pytest.raises(RuntimeError, match="1 steps of conjugate gradients did not solve"):
        wiener(correlated_windows(2, 0), RandomImputation(0.5).hidden(correlated_windows(2, 0)))
    monkeypatch.setitem(sys.modules, "scipy.fft", None)
    with pytest.raises(ImportError, match=r"pip install 'lsmlib\[notebooks\]'"):
        WienerFill().fit(windows)
