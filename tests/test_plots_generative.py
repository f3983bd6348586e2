"""Figures of generative evaluation show what they were given: hidden cells, fillers' values, scores and intervals."""

import numpy as np
import pandas as pd
import pytest

from lsmlib import plots_generative
from lsmlib.evaluate import (
    BASELINES,
    Extrapolation,
    Interpolation,
    RandomImputation,
    SensorImputation,
    linear_fill,
    mean_fill,
    score_filling,
)
from lsmlib.signals import index_of, normalise
from tests.evaluate.windows import noise_windows

TASKS = (
    RandomImputation(),
    Interpolation(10),
    Interpolation(20),
    Extrapolation(10),
    SensorImputation("EDA"),
    SensorImputation("EDA", 10),
)


@pytest.fixture(scope="module")
def windows():
    return noise_windows(8, 60, people=4)


@pytest.fixture(scope="module")
def table(windows):
    return score_filling(windows, BASELINES, TASKS, resamples=20, progress=False)


def test_each_task_shows_what_it_hides(windows):
    panels = plots_generative.plot_tasks(windows, TASKS[:3], row=2, seed=4).axes[:4]
    for panel, task in zip(panels, TASKS[:3], strict=False):
        values, grey = (np.ma.filled(image.get_array().astype(float), np.nan) for image in panel.images)
        hidden = task.hidden(windows, 4)[2]
        np.testing.assert_array_equal(grey == 1, hidden.T)
        assert np.isnan(grey[~hidden.T]).all()
        observed = windows["observed"].values[2]
        expected = np.where(observed, normalise(windows["signals"].values[2]), np.nan)
        np.testing.assert_allclose(values, expected.T)  # what was filled in is drawn as the gap that it was
        assert panel.get_title(loc="left") == f"{task.name}: {hidden.mean():.0%} hidden"
    assert not panels[3].axison


def test_hours_are_those_of_the_window(windows):
    later = windows.assign(start_minute=windows["start_minute"] + np.int16(600))
    extent = plots_generative.plot_tasks(later, TASKS[:1]).axes[0].images[0].get_extent()
    assert extent[:2] == pytest.approx([10, 11])


def test_fillers_are_drawn_where_something_is_hidden(windows):
    hidden = Interpolation(20).hidden(windows)
    filled = {"mean": mean_fill(windows, hidden), "linear": linear_fill(windows, hidden)}
    figure = plots_generative.plot_filling(windows, hidden, filled, 3, ["skin_temperature", "rmssd"])
    for panel, name in zip(figure.axes, ["skin_temperature", "rmssd"], strict=True):
        at = index_of(name)
        truth, mean, linear = (line.get_ydata() for line in panel.lines)
        observed = windows["observed"].values[3, :, at]
        np.testing.assert_array_equal(truth, np.where(observed, windows["signals"].values[3, :, at], np.nan))
        for line, values in ((mean, filled["mean"]), (linear, filled["linear"])):
            np.testing.assert_array_equal(line, np.where(hidden[3, :, at], values[3, :, at], np.nan))
        (shaded,) = panel.patches
        start = hidden[3, :, at].argmax()
        assert shaded.get_x() == pytest.approx((start - 0.5) / 60)
        assert shaded.get_width() == pytest.approx(20 / 60)
    assert figure.axes[0].get_title(loc="left") == "skin temperature (°C)"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["measured", "mean", "linear"]
    assert len({line.get_linestyle() for line in figure.axes[0].lines[1:]}) == 2


def test_lines_of_what_is_not_there(windows):
    hidden = Interpolation(20).hidden(windows)
    draw = plots_generative.plot_filling
    with pytest.raises(ValueError, match="expected a list of at least one name"):
        draw(windows, hidden, {}, 0, "rmssd")
    with pytest.raises(ValueError, match="no signal 'hr'; did you mean"):
        draw(windows, hidden, {}, 0, ["hr"])
    with pytest.raises(ValueError, match=r"linear is \[1, 60, 26\]; expected \[8, 60, 26\]"):
        draw(windows, hidden, {"linear": windows["signals"].values[:1]}, 0, ["rmssd"])


def test_scores_stand_at_their_values(table):
    figure = plots_generative.plot_scores(table)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [task.name for task in TASKS]
    pooled = table[(table["signal"] == "all") & (table["metric"] == "MSE")]
    for marks, filler in zip(axes.containers, BASELINES, strict=True):
        rows = pooled[pooled["filler"] == filler]
        assert marks.get_label() == filler
        x, y = marks[0].get_data(orig=False)
        np.testing.assert_allclose(x, rows["value"])
        np.testing.assert_array_equal(np.rint(y), range(len(TASKS)))
        ends = np.array([[segment[0, 0], segment[1, 0]] for segment in marks[2][0].get_segments()])
        np.testing.assert_allclose(ends, rows[["low", "high"]])
    assert "sd²" in axes.get_xlabel()
    assert "MAE (sd)" in plots_generative.plot_scores(table, "MAE").axes[0].get_xlabel()


def test_fillers_can_be_told_apart_in_grey(table):
    (axes,) = plots_generative.plot_scores(table).axes
    lines = [marks[0] for marks in axes.containers]
    assert len({line.get_marker() for line in lines}) == 4
    grey = [np.dot(line.get_color()[:3], [0.299, 0.587, 0.114]) for line in lines]
    assert (np.diff(grey) < -0.08).all()


def test_durations_stand_at_their_minutes(table):
    figure = plots_generative.plot_by_duration(table)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["interpolation", "extrapolation"]
    pooled = table[(table["signal"] == "all") & (table["metric"] == "MSE") & (table["kind"] == "interpolation")]
    for marks, filler in zip(figure.axes[0].containers, BASELINES, strict=True):
        x, y = marks[0].get_data(orig=False)
        np.testing.assert_allclose(x, [10, 20], rtol=0.06)  # fillers stand beside each other
        np.testing.assert_allclose(y, pooled[pooled["filler"] == filler]["value"])
    assert figure.axes[0].get_ylim()[0] == 0


def test_tables_without_what_is_drawn(table):
    with pytest.raises(ValueError, match="no 'RMSE' over all signals"):
        plots_generative.plot_scores(table, "RMSE")
    with pytest.raises(ValueError, match="no interpolation or extrapolation"):
        plots_generative.plot_by_duration(table[table["kind"] == "sensor"])


def test_scores_without_intervals(windows):
    bare = score_filling(windows, {"mean": mean_fill}, TASKS[:2], resamples=0, progress=False)
    for figure in (plots_generative.plot_scores(bare), plots_generative.plot_by_duration(bare)):
        figure.draw_without_rendering()
        assert len(figure.axes[0].containers) == 1


def test_variants_lie_where_the_table_says():
    rows = [("base", "a", 0.5, np.nan, np.nan, np.nan), ("base", "b", 0.8, np.nan, np.nan, np.nan)]
    rows += [("other", "a", 0.4, 0.2, 0.1, 0.3), ("other", "b", 0.9, -0.125, -0.2, -0.1)]
    table = pd.DataFrame(rows, columns=["variant", "task", "mse", "gain", "gain_low", "gain_high"])
    figure = plots_generative.plot_variants(table, "base")
    assert [panel.get_title(loc="left") for panel in figure.axes] == [
        "a\nthis reference: 0.500 sd²",
        "b\nthis reference: 0.800 sd²",
    ]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["other"]
    for panel, change, ends in zip(figure.axes, (-20, 12.5), ((-30, -10), (10, 20)), strict=True):
        points, _, (bars,) = panel.containers[0]
        assert points.get_xdata() == pytest.approx([change])
        assert bars.get_segments()[0][:, 0] == pytest.approx(ends)
    with pytest.raises(ValueError, match=r"no variant 'none'; expected one of .'base', 'other'."):
        plots_generative.plot_variants(table, "none")
