"""Generative evaluation of whole days with gaps: LSM-2's tasks, baselines that know the clock, the model itself."""

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import (
    BASELINES,
    LSM2_TASKS,
    Extrapolation,
    RandomImputation,
    SignalsRemoved,
    TimeOfDayFill,
    filling_errors,
    improvement,
    score_table,
)
from lsmlib.models.lsm2 import LSM2
from lsmlib.signals import MEAN, SD, SIGNAL_NAMES
from tests.cohorts import small_cohort
from tests.evaluate.windows import noise_windows
from tests.sizes import SMALL

NAN = np.nan


@pytest.fixture(scope="module")
def days():
    return small_cohort(days=4, people=2, gaps=20)


@pytest.fixture(scope="module")
def model():
    return LSM2(SMALL)


def cohort_of(signals, people=None):
    dates = np.datetime64("2024-03-01") + np.arange(len(signals))
    return lsmlib.make_cohort(signals, people or [f"p{row}" for row in range(len(signals))], dates)


def test_lsm2s_tasks():
    assert [task.name for task in LSM2_TASKS] == [
        "random 80 % of patches of 10 min × 1",
        "interpolation 60 min", "interpolation 180 min", "interpolation 360 min",
        "extrapolation 60 min", "extrapolation 180 min", "extrapolation 360 min",
        "2 signals removed", "6 signals removed", "12 signals removed",
    ]  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 6, 12, 25])
def test_so_many_whole_signals_are_removed(days, count):
    hidden = SignalsRemoved(count).hidden(days)
    assert (hidden == hidden[:, :1]).all()  # all day
    assert (hidden[:, 0].sum(axis=1) == count).all()


def test_every_signal_is_removed_as_often_and_each_day_draws_for_itself():
    windows = noise_windows(24, 10, people=3)
    drawn = np.stack([SignalsRemoved(6).hidden(windows, seed)[:, 0] for seed in range(60)])  # [seeds, d, s]
    # 1,440 draws: the standard error of 6/26 is 0.011
    np.testing.assert_allclose(drawn.mean(axis=(0, 1)), 6 / 26, atol=0.05)
    assert len(np.unique(drawn[0], axis=0)) > 20
    order = np.random.default_rng(0).permutation(24)[:9]
    np.testing.assert_array_equal(SignalsRemoved(6).hidden(windows.isel(day=order), 3)[:, 0], drawn[3, order])
    with pytest.raises(ValueError, match="count is 26; expected a whole number, 1 to 25"):
        SignalsRemoved(26)


def test_baselines_by_hand_on_days_with_gaps():
    """The last hour is hidden; heart rate was 60 until noon, 80 at one minute at eleven at night, and else missing."""
    signals = np.full((2, 1440, 26), NAN, np.float32)
    signals[:, :720, 0], signals[:, 1400:, 0] = 60, [[80], [100]]
    signals[:, 719, 0] = 66
    errors = filling_errors(cohort_of(signals), BASELINES, [Extrapolation(60)], progress=False)
    assert errors["cells"].sum() == 2 * 40  # minutes 1400 to 1439; 1380 to 1399 are hidden too, but nobody knows them
    absolute = (errors["absolute"].sum(["task", "signal"]) / 40).to_dataframe()["absolute"].unstack("person")
    np.testing.assert_allclose(absolute.loc["mean"], [80 - MEAN[0], 100 - MEAN[0]], rtol=1e-5)
    np.testing.assert_allclose(absolute.loc["nearest"], [14, 34])
    np.testing.assert_allclose(absolute.loc["linear"], [14, 34])  # held
    np.testing.assert_allclose(absolute.loc["window mean"], [80 - 60 - 6 / 720, 100 - 60 - 6 / 720], rtol=1e-5)
    better = improvement(errors, "nearest", "mean", resamples=50).iloc[0]
    expected = 1 - (14**2 + 34**2) / ((80 - MEAN[0]) ** 2 + (100 - MEAN[0]) ** 2)
    assert better["value"] == pytest.approx(expected, rel=1e-4)
    assert better["people"] == 2


def test_all_tasks_and_fillers_score_on_days(days, model):
    fillers = {**BASELINES, "time of day": TimeOfDayFill().fit(days), "LSM-2": model.reconstruct}
    tasks = [LSM2_TASKS[0], LSM2_TASKS[6], LSM2_TASKS[9]]
    errors = filling_errors(days, fillers, tasks, progress=False)
    table = score_table(errors, resamples=20)
    pooled = table[(table["signal"] == "all") & (table["metric"] == "MSE")]
    assert len(pooled) == len(tasks) * len(fillers)
    assert np.isfinite(pooled[["value", "low", "high"]].to_numpy()).all()
    for at, task in enumerate(tasks):
        target = ~np.isnan(days["signals"].values) & task.hidden(days)
        assert errors["cells"][at].sum() == target.sum()
        # and the model's errors are those of a call by hand, on days in which hidden readings are NaN
        shown = days.assign(signals=days["signals"].where(~task.hidden(days)).astype(np.float32))
        filled = model.reconstruct(shown, task.hidden(days))
        squared = np.square((filled - days["signals"].values)[target].astype(float)).sum()
        assert float(errors["squared"].sel(filler="LSM-2")[at].sum()) == pytest.approx(squared, rel=1e-4)


def test_a_day_of_which_all_is_hidden_is_still_filled(model):
    signals = np.full((2, 1440, 26), NAN, np.float32)
    signals[:, 1000:1440] = MEAN
    days = cohort_of(signals)
    hidden = np.ones(signals.shape, bool)
    for fill in (*BASELINES.values(), model.reconstruct, TimeOfDayFill().fit(days)):
        assert np.isfinite(fill(days, hidden)).all()


def test_the_usual_day_by_hand():
    signals = np.full((2, 1440, 26), NAN, np.float32)
    signals[0, 600, 0], signals[1, 600, 0], signals[0, 610, 0] = 60, 70, 110
    signals[0, 1439, 24] = 33
    filled = TimeOfDayFill().fit(cohort_of(signals)).profile
    heart, skin = filled[:, 0], filled[:, SIGNAL_NAMES.index("skin_temperature")]
    np.testing.assert_array_equal(heart[[584, 585, 594, 595, 600, 615, 616, 625, 626]],
                                  np.float32([MEAN[0], 65, 65, 80, 80, 80, 110, 110, MEAN[0]]))  # fmt: skip
    np.testing.assert_array_equal(skin[[1423, 1424, 1439, 0, 14, 15]], np.float32([MEAN[24], 33, 33, 33, 33, MEAN[24]]))


def test_the_usual_day_of_windows_is_that_of_their_days(days):
    """Windows know where they start, and what was filled into them does not count."""
    windows = lsmlib.cut_windows(days, minutes=360, max_missing=0.999)
    assert windows.sizes["day"] == 4 * days.sizes["day"]
    fill = TimeOfDayFill().fit(days)
    np.testing.assert_allclose(TimeOfDayFill().fit(windows).profile, fill.profile, rtol=1e-6)
    hidden = np.zeros(windows["signals"].shape, bool)
    hidden[:, 5] = True
    filled = fill(windows, hidden)
    for row, start in enumerate(windows["start_minute"].values):
        np.testing.assert_array_equal(filled[row, 5], fill.profile[start + 5])
    visible = windows["observed"].values & ~hidden
    np.testing.assert_array_equal(filled[visible], windows["signals"].values[visible])


def test_the_usual_day_beats_the_mean_where_the_clock_rules():
    wave = np.sin(2 * np.pi * np.arange(1440) / 1440)[:, None]
    noise = np.random.default_rng(0).standard_normal((8, 1440, 26))
    signals = np.clip(MEAN + SD * (0.05 * wave + 0.005 * noise), MEAN - 0.07 * SD, None).astype(np.float32)
    signals[np.random.default_rng(1).random(signals.shape) < 0.5] = NAN
    days = cohort_of(signals)
    fill = TimeOfDayFill().fit(days.isel(day=slice(4)))
    fillers = {"time of day": fill, "mean": BASELINES["mean"]}
    errors = filling_errors(days.isel(day=slice(4, 8)), fillers, [RandomImputation(0.8, 10, 1)], progress=False)
    assert improvement(errors, "time of day", "mean", resamples=20)["low"].iloc[0] > 0.9


def test_the_usual_day_refuses():
    days = small_cohort(days=1, people=1)
    with pytest.raises(ValueError, match=r"learnt nothing yet; call fit\(train_days\) first"):
        TimeOfDayFill()(days, np.zeros(days["signals"].shape, bool))
    with pytest.raises(ValueError, match="hidden is bool"):
        TimeOfDayFill().fit(days)(days, np.zeros((1, 3), bool))
