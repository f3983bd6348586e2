"""Calibration: what is hidden is scored, where it belongs, and nothing else is; errors by hand."""

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import (
    Extrapolation,
    Interpolation,
    OtherDaysFill,
    RandomImputation,
    SignalsRemoved,
    calibrate,
    calibration_fillers,
    calibration_table,
    calibration_tasks,
    compare_fillers,
    expected_error,
    filling_errors,
    linear_fill,
    measured_gaps,
    minutes_to_reading,
)
from lsmlib.signals import MEAN, SIGNAL_NAMES
from tests.cohorts import small_cohort

NAN = np.nan


def heart_days(*values, people=None):
    """Whole days of heart rate alone, each held at a value."""
    heart = np.repeat(np.array(values, np.float32)[:, None], 1440, axis=1)
    people = people or [f"p{day}" for day in range(len(values))]
    return lsmlib.make_cohort({"heart_rate": heart}, people, np.datetime64("2024-03-01") + np.arange(len(values)))


def off_by(truth, beats):
    """A filler that is wrong by so much everywhere."""

    def fill(days, hidden):
        rows = np.searchsorted(truth["date"].values, days["date"].values)
        return np.nan_to_num(truth["signals"].values[rows]) + np.float32(beats)

    return fill


def test_minutes_to_reading_by_hand():
    known = np.array([0, 1, 0, 0, 0, 1, 0], bool)[None, :, None]
    assert minutes_to_reading(known).ravel().tolist() == [1, 0, 1, 2, 1, 0, 1]
    assert np.isinf(minutes_to_reading(np.zeros((1, 3, 1), bool))).all()


def test_each_hidden_minute_is_in_the_class_of_its_distance():
    """An hour inside a day that is there whole: ten minutes are within five of an edge, fifty are six to thirty off."""
    days = heart_days(70, 80)
    errors = calibrate(days, {"model": linear_fill}, [Interpolation(60)], progress=False)
    by_distance = errors["cells"].sum(["task", "day", "signal"]).to_series()
    assert by_distance.tolist() == [20, 100, 0, 0, 0]
    last = calibrate(days, {"model": linear_fill}, [Extrapolation(180)], progress=False)["cells"]
    assert last.sum(["task", "day", "signal"]).values.tolist() == [10, 50, 180, 120, 0]
    assert errors["visible_share"].values.tolist() == [[1380 / 1440] * 2]


def test_a_signal_hidden_all_day_has_no_reading_near():
    days = small_cohort(days=3, people=3, gaps=0)
    task = SignalsRemoved(1, ("heart_rate", "steps"))
    cells = calibrate(days, {"model": linear_fill}, [task], progress=False)["cells"]
    assert cells.sel(distance="none that day").sum() == cells.sum() == 3 * 1440
    assert set(np.array(SIGNAL_NAMES)[(cells.sum(["task", "day", "distance"]) > 0).values]) <= {"heart_rate", "steps"}


def test_errors_in_units_whatever_was_hidden():
    days = heart_days(70, 80)
    errors = calibrate(days, {"model": off_by(days, 3), "straight line": off_by(days, -6)}, progress=False)
    table = calibration_table(errors, resamples=10)
    own = table[table["signal"] == "heart_rate"]
    for filler, expected in (("model", 3), ("straight line", 6)):
        np.testing.assert_allclose(own[own["filler"] == filler]["value"], expected, rtol=1e-4)
    normalised = table[(table["signal"] == "all") & (table["filler"] == "model")]
    np.testing.assert_allclose(normalised["value"], 3 / 16.19, rtol=1e-4)
    assert set(normalised["unit"]) == {"sd"} and set(own["unit"]) == {"bpm"}


def test_only_signals_of_the_device_are_asked_for_and_its_own_gaps_are():
    days = heart_days(70, 80)
    days["signals"][0, 600:700, 0] = NAN
    asked = []

    def watch(given, hidden):
        asked.append(hidden.copy())
        return linear_fill(given, hidden)

    errors = calibrate(days, {"model": watch}, [Interpolation(10)], progress=False)
    assert errors["signal"].values.tolist() == ["heart_rate"]
    assert not asked[0][:, :, 1:].any()
    assert asked[0][0, 600:700, 0].all()  # as impute would
    assert asked[0][1].sum() == 10 == errors["cells"].sel(day=1).sum()
    gaps = measured_gaps(days)
    assert gaps.sum() == gaps[0, 600:700, 0].sum() == 100


def test_sums_agree_with_the_generative_evaluation():
    """A second implementation: pooled over classes, a straight line's errors are those of ``filling_errors``."""
    days = small_cohort(days=5, people=2, gaps=20)
    tasks = [RandomImputation(0.8, patch_minutes=10, patch_signals=1), Interpolation(60), SignalsRemoved(6)]
    ours = calibrate(days, {"line": linear_fill}, tasks, seed=3, progress=False)
    theirs = filling_errors(days, {"line": linear_fill}, tasks, seed=3, progress=False)
    for name in ("squared", "absolute", "squared_normalised", "absolute_normalised"):
        np.testing.assert_allclose(
            ours[name].sum(["day", "distance"]).transpose("task", "filler", "signal"),
            theirs[name].sum("person").transpose("task", "filler", "signal"),
            rtol=1e-6,
        )
    np.testing.assert_array_equal(ours["cells"].sum(["day", "distance"]), theirs["cells"].sum("person"))
    by_task = calibration_table(ours, "task", resamples=0).query("signal == 'all' and metric == 'MAE'")
    pooled = (
        theirs["absolute_normalised"].sum(["person", "signal"]) / theirs["cells"].sum(["person", "signal"])
    ).values
    np.testing.assert_allclose(by_task["value"], pooled.ravel(), rtol=1e-6)


def test_a_day_is_filled_from_others_only():
    days = heart_days(60, 80)
    hidden = np.zeros(days["signals"].shape, bool)
    hidden[:, 300:400] = True
    fill = OtherDaysFill().fit(days)
    filled = fill(days, hidden)
    assert filled[0, 350, 0] == 80 and filled[1, 350, 0] == 60
    assert filled[0, 100, 0] == 60  # visible ones come back
    np.testing.assert_allclose(filled[:, 350, 1], MEAN[1])  # nobody has any
    np.testing.assert_array_equal(fill(days.isel(day=[1]), hidden[[1]]), filled[[1]])
    with pytest.raises(ValueError, match="none of the days that fit"):
        fill(days.assign_coords(person=("day", ["x", "y"])), hidden)
    with pytest.raises(ValueError, match="1 day; expected at least 2"):
        OtherDaysFill().fit(days.isel(day=[0]))


def test_intervals_are_over_people_if_there_are_enough_and_hold_the_value():
    rng = np.random.default_rng(0)
    many = heart_days(*rng.uniform(60, 90, 12), people=[f"p{day % 6}" for day in range(12)])
    few = many.assign_coords(person=("day", [f"p{day % 4}" for day in range(12)]))
    for days, drawn in ((many, "people"), (few, "days")):
        errors = calibrate(days, calibration_fillers(days, _Mean()), progress=False)
        table = calibration_table(errors, resamples=200)
        assert set(table["drawn"]) == {drawn}
        known = table.dropna()
        assert len(known) and (known["low"] <= known["value"]).all() and (known["value"] <= known["high"]).all()
    alone = calibrate(heart_days(70), {"model": linear_fill}, progress=False)
    assert calibration_table(alone)["low"].isna().all()


class _Mean:
    """Stands for a model: always 75 bpm."""

    def reconstruct(self, days, hidden):
        return np.where(hidden, np.float32(75), np.nan_to_num(days["signals"].values))


def test_by_how_much_of_the_day_was_there():
    days = heart_days(70, 80)
    tasks = [RandomImputation(share, patch_minutes=10, patch_signals=1) for share in (0.3, 0.8, 0.95)]
    errors = calibrate(days, {"model": off_by(days, 1)}, tasks, progress=False)
    np.testing.assert_allclose(errors["visible_share"], [[0.7] * 2, [0.2] * 2, [0.05] * 2], atol=0.15)
    share = errors["visible_share"].values
    own = calibration_table(errors, "visible", resamples=0).query("signal == 'heart_rate' and metric == 'MAE'")
    expected = {"under 10 %": share <= 0.1, "10 to 25 %": (share > 0.1) & (share <= 0.25), "over 50 %": share > 0.5}
    for name, where in expected.items():
        cells = errors["cells"].sum(["distance", "signal"]).values[where].sum()
        assert own.set_index("visible")["cells"].get(name, 0) == cells


def test_who_is_better():
    days = heart_days(60, 65, 70, 75, 80)
    errors = calibrate(
        days, {"model": off_by(days, 2), "line": off_by(days, 4), "same": off_by(days, -2)}, progress=False
    )
    better = compare_fillers(errors, "model", "line", resamples=100)
    np.testing.assert_allclose(better["value"], 0.75, rtol=1e-4)
    assert set(better["verdict"]) == {"better"}
    worse = compare_fillers(errors, "line", "model", resamples=100)
    np.testing.assert_allclose(worse["value"], -3, rtol=1e-3)
    assert set(worse["verdict"]) == {"worse"}
    with pytest.raises(ValueError, match="no filler 'tree' in this calibration; expected one of model, line, same"):
        compare_fillers(errors, "tree", "line")
    with pytest.raises(ValueError, match="by is 'hour'"):
        calibration_table(errors, "hour")


def test_equal_fillers_cannot_be_told_apart():
    rng = np.random.default_rng(1)
    days = heart_days(*rng.uniform(60, 90, 6))
    fill = off_by(days, 2)
    verdicts = compare_fillers(calibrate(days, {"a": fill, "b": fill}, progress=False), "a", "b", resamples=50)
    assert set(verdicts["verdict"]) == {"no telling"} and (verdicts["value"] == 0).all()


def test_the_error_to_expect_of_a_gap_is_that_of_its_distance():
    days = heart_days(70, 80, 90)
    days["signals"][1, 300:420, 0] = NAN

    def drifts(given, hidden):
        """Wrong by the distance to the next reading."""
        far = minutes_to_reading(~np.isnan(given["signals"].values))
        rows = np.searchsorted(days["date"].values, given["date"].values)
        return np.nan_to_num(days["signals"].values[rows]) + np.where(np.isinf(far), 0, far).astype(np.float32)

    errors = calibrate(days, {"model": drifts}, [Interpolation(120)], progress=False)
    expected = expected_error(errors, days)
    assert (expected[0] == 0)[:, 0].all() and np.isnan(expected[:, :, 1:]).all()
    near, far = np.arange(1, 6), np.arange(6, 31)
    np.testing.assert_allclose(expected[1, 300, 0], np.sqrt((near**2).mean()), rtol=0.05)
    np.testing.assert_allclose(expected[1, 310, 0], np.sqrt((far**2).mean()), rtol=0.05)
    assert np.isnan(expected_error(errors.isel(day=[0]), days)[1, 310, 0])  # one day tells nothing of others


def test_signals_are_removed_among_those_named():
    days = small_cohort(days=8, people=8)
    task = SignalsRemoved(1, ("heart_rate", "steps"))
    assert task.name == "1 signal removed, of heart_rate and steps"
    gone = np.array(SIGNAL_NAMES)[task.hidden(days)[:, 0].argmax(axis=1)]
    assert set(gone) == {"heart_rate", "steps"}  # by chance one alone in 1 of 128 seeds
    with pytest.raises(ValueError, match="expected at least two signals, each once"):
        SignalsRemoved(1, ("steps",))
    with pytest.raises(ValueError, match="no signal 'pulse'"):
        SignalsRemoved(1, ("pulse", "steps"))


def test_default_tasks_hide_what_the_device_has():
    names = [task.name for task in calibration_tasks(heart_days(70))]
    assert not any("removed" in name for name in names)
    assert calibration_tasks(small_cohort())[-1] == SignalsRemoved(13)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda days: days.assign(signals=days["signals"] * np.float32(NAN)), "no signal has a reading"),
        (lambda days: lsmlib.cut_windows(days, minutes=60), "expected a Cohort of whole days"),
    ],
)
def test_days_that_cannot_be_calibrated(change, words):
    with pytest.raises(ValueError, match=words):
        calibrate(change(small_cohort(gaps=0)), {"model": linear_fill}, progress=False)


def test_days_of_which_nothing_can_be_hidden():
    signals = np.full((2, 1440, 26), NAN, np.float32)
    signals[:, 5, 0] = 70
    days = lsmlib.make_cohort(signals, ["a", "b"], np.datetime64("2024-03-01") + np.arange(2))
    with pytest.raises(ValueError, match="none of the tasks hides a minute that was measured on these 2 days"):
        calibrate(days, {"model": linear_fill}, [Interpolation(10)], progress=False)
