"""Figures of scaling show the numbers that they were given."""

import numpy as np
import pandas as pd
import pytest

from lsmlib import plots_scaling as plots
from lsmlib.scaling import fit_isoflops, fit_joint_law, fit_power_law, hold_out_power_law, people_against_hours

X = np.repeat(np.logspace(2, 6, 8), 3)
LOSS = (5 * X**-0.3 + 0.3) * np.exp(0.01 * np.random.default_rng(0).standard_normal(len(X)))


@pytest.fixture(scope="module")
def records():
    draw = np.random.default_rng(1)
    rows = [
        {
            "model": model, "size": f"{parameters:g}", "parameters": parameters, "people": people, "days": days,
            "hours": 24.0 * people * days, "seed": seed, "minutes": 1440, "steps": 9, "batch_size": 4,
            "learning_rate": 1e-3, "status": "finished", "probe_age": 9.0, "flops": 6e5 * parameters * people * days,
            "valid_loss": (0.3 + 6 / parameters**0.35 + 2 / (24 * people * days) ** 0.3)
            * np.exp(0.005 * draw.standard_normal()),
        }
        for model in ("LSM1", "LSM2")
        for parameters in (3e4, 1e5, 3e5)
        for people, days in ((30, 1), (100, 1), (300, 1), (1000, 1), (25, 4))
        for seed in range(2)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def lines(axes, style):
    return [line for line in axes.lines if line.get_linestyle() == style]


def test_laws_over_their_cells():
    laws, held_out = {}, {}
    laws["LSM-1"], held_out["LSM-1"] = hold_out_power_law(X, LOSS)
    laws["LSM-2"] = fit_power_law(X, 0.9 * LOSS)
    figure = plots.plot_power_laws(laws, "hours", "random", held_out)
    (axes,) = figure.axes
    assert axes.get_xscale() == axes.get_yscale() == "log"
    cells = {
        line.get_marker(): line.get_xydata()
        for line in axes.lines
        if line.get_mfc() != "white" and len(line.get_xdata()) < 20
    }
    np.testing.assert_allclose(cells["s"], np.column_stack([laws["LSM-1"].x, laws["LSM-1"].loss]))
    np.testing.assert_allclose(cells["o"], np.column_stack([laws["LSM-2"].x, laws["LSM-2"].loss]))
    curves = [line for line in axes.lines if len(line.get_xdata()) == 120]
    assert [line.get_linestyle() for line in curves] == ["--", "-"]
    for curve, law in zip(curves, laws.values(), strict=True):
        np.testing.assert_allclose(curve.get_ydata(), law.predict(curve.get_xdata()))
    assert [line.get_ydata()[0] for line in lines(axes, ":")] == [law.c for law in laws.values()]
    band = axes.collections[0].get_paths()[0].vertices
    low, high = laws["LSM-1"].interval(np.array([3e6]))
    at_end = band[np.isclose(band[:, 0], 3e6), 1]
    assert at_end.min() == pytest.approx(low[0]) and at_end.max() == pytest.approx(high[0])
    (away,) = (line for line in axes.lines if line.get_mfc() == "white")
    np.testing.assert_allclose(away.get_xydata(), held_out["LSM-1"][["x", "loss"]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == (plots.AXES["hours"], plots.LOSSES["random"])
    with pytest.raises(ValueError, match="there are 0 laws"):
        plots.plot_power_laws({})


def test_runs_are_means_of_their_seeds(records):
    law = fit_joint_law(records["parameters"], records["hours"], records["valid_loss"], resamples=50)
    (axes,) = plots.plot_runs(records, "hours", "valid_loss", law).axes
    one = records[(records["model"] == "LSM2") & (records["parameters"] == 3e5)].groupby("hours")["valid_loss"].mean()
    drawn = [line.get_xydata() for line in lines(axes, "-") if line.get_marker() == "o"]
    assert any(np.allclose(points, np.column_stack([one.index, one])) for points in drawn)
    assert len(drawn) == 3 and len(lines(axes, "--")) == 3 and len(lines(axes, ":")) == 3
    shades = [line.get_color() for line in lines(axes, ":")]
    greys = [np.dot(shade, [0.299, 0.587, 0.114]) for shade in shades]
    assert greys == sorted(greys, reverse=True) and -np.diff(greys).max() > 0.1  # told apart without colour
    for parameters, line in zip((3e4, 1e5, 3e5), lines(axes, ":"), strict=True):
        np.testing.assert_allclose(line.get_ydata(), law.predict(parameters, line.get_xdata()))


def test_runs_over_parameters_and_a_downstream_metric(records):
    figure = plots.plot_runs(records, "parameters", "probe_age", log_y=False)
    (axes,) = figure.axes
    assert axes.get_yscale() == "linear" and axes.get_ylabel() == "linear probe: age"
    assert len(lines(axes, "-")) == records["hours"].nunique()
    assert any("hours" in text.get_text() for text in figure.legends[0].get_texts())
    with pytest.raises(ValueError, match="there is no column 'loss'"):
        plots.plot_runs(records, "hours", "loss")
    with pytest.raises(ValueError, match="no row has both hours and valid_loss"):
        plots.plot_runs(records.assign(status="diverged"), "hours")


def test_lowest_points_are_stars():
    sizes = np.array([1e4, 3e4, 1e5])
    runs = pd.DataFrame({
        "flops": np.repeat([1e12, 1e13], 3), "parameters": np.tile(sizes, 2),
        "valid_loss": np.concatenate([0.5 + 0.1 * np.log(sizes / 3.5e4) ** 2, 0.4 + 0.1 * np.log(sizes / 5e5) ** 2]),
    })  # fmt: skip
    fits = fit_isoflops(runs["flops"], runs["parameters"], runs["valid_loss"])
    optima = pd.DataFrame({"parameters": [4e4], "loss": [0.5], "parameters_low": [3e4], "parameters_high": [5e4]})
    (axes,) = plots.plot_isoflops(runs, fits, optima=optima).axes
    stars = [line.get_xydata()[0] for line in axes.lines if line.get_marker() == "*"]
    np.testing.assert_allclose(stars, [[3.5e4, 0.5]])  # the other budget's lies beyond the sizes tried


def test_ratios_with_their_intervals(records):
    table = people_against_hours(records[records["parameters"] == 3e5])
    (axes,) = plots.plot_people_against_hours(table).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["25", "100"]
    assert len(axes.containers) == 2
    for container, (_, group) in zip(axes.containers, table.groupby("model"), strict=True):
        np.testing.assert_allclose(container.lines[0].get_ydata().astype(float), group["ratio"])
        ends = np.array([segment[:, 1] for segment in container.lines[2][0].get_segments()], float)
        np.testing.assert_allclose(ends, group[["low", "high"]])


@pytest.mark.parametrize(
    ("value", "text"),
    [(5146, "5,146"), (24_560, "25 thousand"), (2.22e6, "2.22 million"), (9.97e13, "1 × 10¹⁴"), (3.1e15, "3.1 × 10¹⁵")],
)
def test_large_numbers(value, text):
    assert plots._count(value) == text
