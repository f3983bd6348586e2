"""Scores on paper, scikit-learn as oracle, and nothing that was not observed ever counts."""

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import mean_absolute_error, mean_squared_error

import lsmlib
from lsmlib.evaluate import (
    BASELINES,
    LSM1_TASKS,
    Extrapolation,
    Interpolation,
    RandomImputation,
    SensorImputation,
    filling_errors,
    hide_cells,
    improvement,
    linear_fill,
    mean_fill,
    score_filling,
    score_table,
)
from lsmlib.signals import MEAN, SD, SIGNAL_NAMES, normalise
from tests.cohorts import small_cohort
from tests.evaluate.windows import noise_windows, series, windows_of

NAN = np.nan
TASKS = (RandomImputation(), Interpolation(10), Extrapolation(10), SensorImputation("PPG"))


@pytest.fixture(scope="module")
def windows():
    return noise_windows(70, 40, people=7)  # more than a block


@pytest.fixture(scope="module")
def errors(windows):
    return filling_errors(windows, BASELINES, TASKS, progress=False)


def knowing(windows, shift=0.0):
    """A filler that knows the truth, and adds some standard deviations to it."""
    truth = windows["signals"].values
    place = {(str(person), date): row for row, (person, date) in enumerate(zip(*key(windows), strict=True))}

    def fill(given, hidden):
        rows = [place[str(person), date] for person, date in zip(*key(given), strict=True)]
        return (truth[rows] + np.float32(shift) * SD).astype(np.float32)

    return fill


def key(windows):
    return windows["person"].values, windows["date"].values


def pick(table, **chosen):
    row = table[np.logical_and.reduce([table[name] == value for name, value in chosen.items()])]
    assert len(row) == 1
    return row.iloc[0]


def test_by_hand():
    """Two people, the last two of four minutes to be foretold; heart rate is held at the last visible reading."""
    signals = np.tile(MEAN, (2, 4, 1)).astype(np.float32)
    signals[0, :, 0] = [70, 80, 82, 86]  # errors 2 and 6
    signals[1, :, 0] = [60, 60, NAN, 70]  # error 10 at the only target
    table = score_filling(windows_of(signals), {"linear": linear_fill}, [Extrapolation(2)], progress=False)
    heart = pick(table, signal="heart_rate", metric="MSE")
    assert heart["value"] == pytest.approx((4 + 36 + 100) / 3)
    # each person drawn twice, or both once: 20, 100, or pooled 46.67; half of the draws are both
    assert (heart["low"], heart["high"]) == (pytest.approx(20), pytest.approx(100))
    assert (heart["units"], heart["cells"], heart["people"]) == ("bpm²", 3, 2)
    heart = pick(table, signal="heart_rate", metric="MAE")
    assert (heart["value"], heart["units"]) == (pytest.approx(6), "bpm")
    both = pick(table, signal="all", metric="MSE")
    assert both["value"] == pytest.approx(140 / 16.19**2 / (4 * 26 - 1), rel=1e-5)
    assert (both["units"], both["cells"]) == ("sd²", 103)
    assert pick(table, signal="all", metric="MAE")["value"] == pytest.approx(18 / 16.19 / 103, rel=1e-5)
    assert pick(table, signal="skin_temperature_slope", metric="MSE")["units"] == "(m°C/min)²"
    assert table[["kind", "minutes"]].drop_duplicates().values.tolist() == [["extrapolation", 2.0]]


def test_truth_scores_nothing_and_one_sd_scores_one(windows):
    fillers = {"truth": knowing(windows), "one off": knowing(windows, 1.0), "below": knowing(windows, -2.0)}
    table = score_filling(windows, fillers, TASKS, resamples=50, progress=False)
    assert (table[table["filler"] == "truth"][["value", "low", "high"]] == 0).all(axis=None)
    pooled = table[table["signal"] == "all"]
    for filler, metric, expected in [
        ("one off", "MSE", 1),
        ("one off", "MAE", 1),
        ("below", "MSE", 4),
        ("below", "MAE", 2),
    ]:
        rows = pooled[(pooled["filler"] == filler) & (pooled["metric"] == metric)]
        np.testing.assert_allclose(rows[["value", "low", "high"]], expected, rtol=1e-5)
    steps = table[(table["filler"] == "one off") & (table["signal"] == "steps") & (table["metric"] == "MAE")]
    np.testing.assert_allclose(steps["value"], 18.89, rtol=1e-5)


def test_scikit_learn_agrees(windows, errors):
    table = score_table(errors, resamples=0)
    task = TASKS[0]
    hidden = task.hidden(windows)
    target = windows["observed"].values & hidden
    for name, fill in BASELINES.items():
        filled, truth = fill(windows, hidden), windows["signals"].values
        for metric, oracle in (("MSE", mean_squared_error), ("MAE", mean_absolute_error)):
            ours = pick(table, task=task.name, filler=name, signal="all", metric=metric)
            assert ours["value"] == pytest.approx(oracle(normalise(truth)[target], normalise(filled)[target]), rel=1e-5)
            assert ours["cells"] == target.sum()
            signal = SIGNAL_NAMES.index("rmssd")
            at = target[..., signal]
            ours = pick(table, task=task.name, filler=name, signal="rmssd", metric=metric)
            assert ours["value"] == pytest.approx(oracle(truth[..., signal][at], filled[..., signal][at]), rel=1e-5)
            assert np.isnan(ours["low"])


def test_only_observed_hidden_cells_count(windows, errors):
    """Cells that were filled in, or are visible, may hold anything."""
    for at, task in enumerate(TASKS):
        target = windows["observed"].values & task.hidden(windows)
        for person in np.unique(windows["person"].values):
            here = target[windows["person"].values == person]
            np.testing.assert_array_equal(errors["cells"][at].sel(person=person), here.sum(axis=(0, 1)))

    def spoilt(given, hidden):
        return np.where(given["observed"].values & hidden, linear_fill(given, hidden), np.float32(NAN))

    both = filling_errors(windows, {"linear": linear_fill, "spoilt": spoilt}, TASKS, progress=False)
    assert np.isfinite(both["squared"]).all()
    np.testing.assert_array_equal(both["squared"][:, 0], both["squared"][:, 1])


def test_normalised_errors_are_clipped_and_those_in_units_are_not():
    truth = series([MEAN[10]] * 2 + [100.0, 200.0], signal=10)  # steps; 5 sd above the mean are 99.6
    table = score_filling(truth, {"mean": mean_fill}, [Extrapolation(2)], resamples=0, progress=False)
    steps = pick(table, signal="steps", metric="MAE")
    assert steps["value"] == pytest.approx((100 + 200) / 2 - 5.168, rel=1e-6)
    assert pick(table, signal="all", metric="MSE")["value"] == pytest.approx((25 + 25) / 52, rel=1e-6)


def test_no_trace_of_what_is_hidden():
    """Not even in gaps that were filled by a line towards it: other hidden readings, the same input."""
    signals = np.tile(MEAN, (1, 6, 1)).astype(np.float32)
    signals[0, :, 0] = [70, NAN, 90, 90, NAN, 80]
    hidden = np.zeros((1, 6, 26), bool)
    hidden[0, 2:4] = True
    windows = windows_of(signals)
    assert windows["signals"].values[0, 1, 0] == 80  # half-way to the reading that is hidden now
    seen = hide_cells(windows, hidden)
    np.testing.assert_allclose(seen["signals"].values[0, :, 0], [70, 72, NAN, NAN, 78, 80])
    changed = windows_of(np.where(hidden, MEAN * 1.01, signals).astype(np.float32))
    assert changed["signals"].values[0, 1, 0] != 80
    xr.testing.assert_identical(hide_cells(changed, hidden), seen)
    assert set(seen.data_vars) == {"signals", "observed", "start_minute"}  # no labels
    assert windows["signals"].values[0, 2, 0] == 90  # the original is as it was


def test_fillers_get_the_same_hidden_cells_and_only_what_is_visible(windows):
    calls = []

    def watch(given, hidden):
        calls.append((given, hidden))
        return mean_fill(given, hidden)

    filling_errors(windows, {"one": watch, "other": watch}, TASKS[:1], seed=3, progress=False)
    assert [len(hidden) for _, hidden in calls] == [64, 64, 6, 6]
    hidden = TASKS[0].hidden(windows, 3)
    np.testing.assert_array_equal(np.concatenate([calls[0][1], calls[2][1]]), hidden)
    np.testing.assert_array_equal(calls[0][1], calls[1][1])
    for given, here in calls:
        np.testing.assert_array_equal(np.isnan(given["signals"].values), here)


def test_order_and_store_change_nothing(windows, errors, tmp_path):
    order = np.random.default_rng(1).permutation(70)
    shuffled = filling_errors(windows.isel(day=order), BASELINES, TASKS, progress=False)
    xr.testing.assert_allclose(shuffled, errors, rtol=1e-12)
    lsmlib.save_cohort(windows, tmp_path / "windows.zarr")
    lazy = filling_errors(lsmlib.open_cohort(tmp_path / "windows.zarr"), BASELINES, TASKS, progress=False)
    xr.testing.assert_identical(lazy, errors)


def test_days_with_gaps_are_scored_as_they_are():
    cohort = small_cohort(days=4, people=2)
    task = RandomImputation(0.8, 10, 1)
    table = score_filling(cohort, {"linear": linear_fill}, [task, Extrapolation(120)], resamples=20, progress=False)
    observed = ~np.isnan(cohort["signals"].values)
    row = pick(table, task=task.name, signal="all", metric="MSE")
    assert row["cells"] == (observed & task.hidden(cohort)).sum()
    given = hide_cells(cohort, task.hidden(cohort))
    np.testing.assert_array_equal(np.isnan(given["signals"]), ~observed | task.hidden(cohort))


def test_the_table_holds_every_row_once(errors):
    table = score_table(errors, resamples=30)
    assert table.columns.tolist() == [
        *("task", "kind", "minutes", "filler", "signal", "metric"),
        *("value", "low", "high", "units", "cells", "people"),
    ]
    assert not table.duplicated(["task", "filler", "signal", "metric"]).any()
    assert len(table) == 4 * 2 * (27 + 27 + 27 + 11)  # of the sensor task, ten signals have targets
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).mean() > 0.99
    assert (table["people"] == 7).all()


def test_a_person_with_every_window_twice_scores_the_same(windows, errors):
    """More windows of the same people are no more people."""
    doubled = errors.copy(deep=True)
    for name in doubled.data_vars:
        doubled[name] *= 2
    columns = ["value", "low", "high"]
    once, twice = (score_table(each, resamples=100)[columns] for each in (errors, doubled))
    np.testing.assert_allclose(once, twice)


def test_a_signal_of_one_person_has_no_interval():
    signals = np.tile(MEAN, (3, 4, 1)).astype(np.float32)
    signals[1:, :, 20] = NAN
    table = score_filling(windows_of(signals), {"mean": mean_fill}, [Interpolation(1, 1)], seed=1, progress=False)
    one = pick(table, signal="sleep_coefficient", metric="MAE")
    assert (one["people"], one["value"]) == (1, 0)
    assert np.isnan([one["low"], one["high"]]).all()


def test_improvement_by_hand(windows):
    fillers = {"one off": knowing(windows, 1.0), "half off": knowing(windows, 0.5), "truth": knowing(windows)}
    errors = filling_errors(windows, fillers, TASKS, progress=False)
    better = improvement(errors, "half off", "one off")
    np.testing.assert_allclose(better[["value", "low", "high"]], 0.75, atol=1e-5)
    np.testing.assert_allclose(improvement(errors, "one off", "half off")["value"], -3, atol=1e-4)
    assert better["task"].tolist() == [task.name for task in TASKS]
    with pytest.raises(ValueError, match="'truth' has no error on random 80 %"):
        improvement(errors, "half off", "truth")
    with pytest.raises(ValueError, match="no filler 'mean' in these errors; expected one of one off, half off, truth"):
        improvement(errors, "mean", "truth")


def test_a_line_fills_a_sensors_span_and_knows_nothing_of_a_sensor_that_is_gone():
    """A temperature that rises evenly: a line has no error within, and the mean's where nothing is left."""
    rise = 30 + 0.05 * np.arange(40.0)
    tasks = [SensorImputation("TEMP"), SensorImputation("TEMP", 20)]
    errors = filling_errors(
        series(rise.tolist(), 24), {"mean": mean_fill, "linear": linear_fill}, tasks, progress=False
    )
    np.testing.assert_array_equal(errors["minutes"], [NAN, 20])
    squared = errors["squared"].sel(signal="skin_temperature").isel(person=0)
    expected = [((rise - MEAN[24]) ** 2).sum(), ((rise[10:30] - MEAN[24]) ** 2).sum()]
    np.testing.assert_allclose(squared.sel(filler="mean"), expected, rtol=1e-4)
    np.testing.assert_allclose(squared.sel(filler="linear"), [expected[0], 0], rtol=1e-4, atol=1e-8)
    assert errors["cells"].sum("signal").values.tolist() == [[40 * 2], [20 * 2]]


def test_improvement_is_paired():
    """Of people who differ a hundredfold, by how much one filler is better is known far better than its error."""
    draw = np.random.default_rng(0)
    hard = 10 ** draw.uniform(-1, 1, 40)
    squared = np.stack([hard * draw.uniform(0.45, 0.55, 40), hard])[None, :, :, None]  # [task, filler, person, signal]
    errors = xr.Dataset(
        {
            "squared_normalised": (("task", "filler", "person", "signal"), squared),
            "cells": (("task", "person", "signal"), np.full((1, 40, 1), 10)),
        },
        {"task": ["a"], "filler": ["one", "other"], "kind": ("task", ["random"]), "minutes": ("task", [NAN])},
    )
    row = improvement(errors, "one", "other").iloc[0]
    assert 0.45 < row["low"] < row["value"] < row["high"] < 0.55
    assert row["value"] == pytest.approx(1 - squared[0, 0].sum() / squared[0, 1].sum())


def test_all_of_lsm1s_tasks_run_on_its_windows():
    windows = lsmlib.cut_windows(small_cohort(days=2, gaps=2), max_missing=0.5)
    table = score_filling(windows, {"mean": mean_fill}, resamples=5, progress=False)
    assert table["task"].unique().tolist() == [task.name for task in LSM1_TASKS]


def shout(given, hidden):
    given["signals"].values[hidden] = 0
    return mean_fill(given, hidden)


def rename(given, hidden):
    filled = mean_fill(given, hidden)
    hidden[:] = False
    return filled


def half(given, hidden):
    filled = mean_fill(given, hidden)
    filled[:, :, 3] = NAN
    return filled


@pytest.mark.parametrize(
    ("filler", "words"),
    [
        (shout, "filler 'bad' on random 80 % changed the windows or the hidden cells"),
        (rename, "changed the windows or the hidden cells"),
        (half, r"left [\d,]+ of [\d,]+ target cells NaN or infinite, first at minute \d+ of rr_80th_percentile"),
        (
            lambda given, hidden: mean_fill(given, hidden)[:, :5],
            r"returned float32 \[64, 5, 26\]; expected float32 \[64,",
        ),
        (lambda given, hidden: hidden.astype(int), r"returned int64 \[64, 40, 26\]"),
        (lambda given, hidden: mean_fill(given, hidden) / np.float32(0), "target cells NaN or infinite"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_fillers_that_are_wrong(windows, filler, words):
    with pytest.raises(ValueError, match=words):
        filling_errors(windows, {"bad": filler}, TASKS[:1], progress=False)


def test_refusals(windows, errors):
    alone = windows.isel(day=np.flatnonzero(windows["person"].values == "p0"))
    with pytest.raises(ValueError, match=r"of 1 person, so there is no interval over people; pass resamples=0"):
        score_filling(alone, BASELINES)
    assert np.isnan(score_filling(alone, BASELINES, TASKS[:1], resamples=0, progress=False)["low"]).all()
    with pytest.raises(ValueError, match="sums of 1 person"):
        score_table(errors.isel(person=[0]))
    for wrong, words in (({}, "fillers is {}"), ({"a": 3}, "filler 'a' is 3; expected a callable")):
        with pytest.raises(ValueError, match=words):
            filling_errors(windows, wrong, TASKS)
    for tasks, words in (
        ([], "expected a sequence of tasks"),
        (Extrapolation(10), "expected a sequence of tasks"),
        (["random"], "expected a sequence of tasks"),
        ([Extrapolation(10)] * 2, "expected each once"),
        ([Extrapolation(40)], "no context"),
    ):
        with pytest.raises(ValueError, match=words):
            filling_errors(windows, BASELINES, tasks, progress=False)
    bare = windows.copy(deep=True)
    bare["observed"].values[:, :, 21:24] = False
    with pytest.raises(
        ValueError, match="sensor EDA has no target cell: nothing that it hides was observed in these 70"
    ):
        filling_errors(bare, BASELINES, [SensorImputation("EDA")], progress=False)
    holes = windows.copy(deep=True)
    holes["signals"].values[np.nonzero(windows["observed"].values)] = NAN
    with pytest.raises(ValueError, match="observed is True where signals is NaN"):
        filling_errors(holes, BASELINES, TASKS[:1], progress=False)
    with pytest.raises(ValueError, match="no variable 'signals'"):
        filling_errors(windows.drop_vars("signals"), BASELINES)


def test_progress_is_shown_and_goes_away(windows, capsys):
    filling_errors(windows, {"mean": mean_fill}, TASKS[:1])
    assert "filling in" in capsys.readouterr().err
    filling_errors(windows, {"mean": mean_fill}, TASKS[:1], progress=False)
    assert capsys.readouterr().err == ""
