"""Figures of scaling: a loss against each axis, with its law, the law's interval and its floor.

Sizes go from light to dark and differ in marker; two models differ in marker and line instead. So the figures can be
read without colour, too.
"""

from collections.abc import Mapping
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

from lsmlib.plots import _shown_once
from lsmlib.scaling.joint_law import JointLaw
from lsmlib.scaling.power_law import PowerLaw
from lsmlib.scaling.records import finished

MARKERS, LINES = {"LSM1": "s", "LSM2": "o"}, {"LSM1": "--", "LSM2": "-"}
STYLES = (("^", "-."), ("D", (0, (1, 1))), ("v", (0, (5, 1))), ("P", (0, (3, 1, 1, 1, 1, 1))))
AXES = {
    "flops": "operations of training (FLOPs)",
    "parameters": "parameters",
    "people": "people learnt from",
    "hours": "hours of recording learnt from",
    "hours_seen": "hours read, epoch after epoch",
    "steps": "steps of training",
    "days": "days of each person",
}
LOSSES = {
    "valid_loss": "loss on other people (MSE, sd²)",
    "train_loss": "loss in training (MSE, sd²)",
    "random": "random imputation (MSE, sd²)",
    "interpolation": "temporal interpolation (MSE, sd²)",
    "extrapolation": "temporal extrapolation (MSE, sd²)",
    "sensors": "sensor imputation (MSE, sd²)",
}


def plot_power_laws(
    laws: Mapping[str, PowerLaw],
    x: str = "flops",
    loss: str = "valid_loss",
    held_out: Mapping[str, pd.DataFrame] | None = None,
    beyond: float = 3.0,
) -> Figure:
    """Laws over their cells, both axes logarithmic: bands are intervals of the curve, dotted lines are floors.

    Args:
        laws: name → law, four at most: of LSM-1 and LSM-2, say.
        x: a column of records, or the axis' name with its unit.
        loss: likewise.
        held_out: name → the ``table`` of ``hold_out_power_law``, drawn as open marks with prediction intervals.
        beyond: how far curves go on, as a factor of the largest cell.

    Raises:
        ValueError: if there is no law, or more than four.
    """
    if not 0 < len(laws) <= len(STYLES):
        raise ValueError(f"there are {len(laws)} laws; expected 1 to {len(STYLES)}, of which each has its own line")
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    colours = sns.color_palette("deep", len(laws))
    for (name, law), colour, style in zip(laws.items(), colours, STYLES, strict=False):
        model = name.replace("-", "")
        marker, line = (MARKERS[model], LINES[model]) if model in MARKERS else style
        away = (held_out or {}).get(name)
        last = law.x[-1] if away is None else max(law.x[-1], away["x"].max())
        over = np.geomspace(law.x[0], last * beyond, 120)
        low, high = law.interval(over)
        axes.fill_between(over, low, high, color=colour, alpha=0.2, lw=0)
        label = f"{name}: b = {law.b:.3f} ({law.b_interval.low:.3f} to {law.b_interval.high:.3f})"
        axes.plot(over, law.predict(over), ls=line, color=colour, lw=1.5, label=label)
        axes.plot(law.x, law.loss, marker, color=colour, ms=6)
        if law.c > 0:
            axes.axhline(law.c, color=colour, ls=":", lw=1.2, zorder=0)
        if away is not None:
            spread = [away["predicted"] - away["low"], away["high"] - away["predicted"]]
            axes.errorbar(away["x"], away["predicted"], spread, fmt="none", ecolor=colour, capsize=4)
            axes.plot(away["x"], away["loss"], marker, mfc="white", mec=colour, ms=7)
    _scale(axes)
    level = next(iter(laws.values())).level
    axes.set(xlabel=AXES.get(x, x), ylabel=LOSSES.get(loss, loss))
    notes = f"band: {level:.0%} interval of the curve; dotted: floor" + ("; open: held out" if held_out else "")
    axes.set_title(notes, loc="left", fontsize=9)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return _shown_once(figure)


def plot_runs(
    records: pd.DataFrame, x: str = "hours", y: str = "valid_loss", law: JointLaw | None = None, log_y: bool = True
) -> Figure:
    """A column of records against another: a shade a size, a marker and a line a model, a small mark a run.

    Over parameters, the shades are hours of recording. For a metric of a downstream task give ``y="probe_…"`` and
    ``log_y=False``.

    Args:
        records: of ``read_records``.
        x: column of the horizontal axis, logarithmic.
        y: column of the vertical axis.
        law: of ``fit_joint_law`` in ``parameters`` and ``hours``, drawn as thin lines; only over one of these two.
        log_y: whether the vertical axis is logarithmic.

    Raises:
        ValueError: if there is no such column, no row has a number there, or a law is asked for over another axis.
    """
    by = "hours" if x == "parameters" else "parameters"
    rows = finished(records, [x, y, "model", by]).dropna(subset=[x, y])
    if rows.empty:
        raise ValueError(f"no row has both {x} and {y}; expected runs that finished")
    if law is not None and x not in ("hours", "parameters"):
        raise ValueError(f"x is {x!r}; expected 'hours' or 'parameters', over which the joint law can be drawn")
    figure, axes = plt.subplots(figsize=(7.5, 4.5), layout="constrained")
    shades = dict(zip(sorted(rows[by].unique()), _light_to_dark(rows[by].nunique()), strict=True))
    models = sorted(map(str, rows["model"].unique()))
    marks = dict(zip(shades, cycle("so^DvP*X"), strict=False)) if len(models) == 1 else {}
    for (model, shade), group in rows.groupby(["model", by], sort=False):
        marker, line = marks.get(shade, MARKERS.get(str(model), "^")), LINES.get(str(model), "-.")
        mean = group.groupby(x)[y].mean()
        axes.plot(group[x], group[y], marker, color=shades[shade], ms=3, alpha=0.6)
        axes.plot(mean.index, mean, marker + line, color=shades[shade], ms=6)
    if law is not None:
        over = np.geomspace(rows[x].min(), rows[x].max(), 60)
        for shade, colour in shades.items():
            curve = law.predict(over, shade) if x == "parameters" else law.predict(shade, over)
            axes.plot(over, curve, color=colour, lw=1, ls=":")
    _scale(axes, log_y)
    axes.set(xlabel=AXES.get(x, x), ylabel=LOSSES.get(y, y.replace("probe_", "linear probe: ").replace("_", " ")))
    keys = [
        Line2D([], [], color=colour, lw=3, marker=marks.get(shade), label=f"{_count(shade)} {by}")
        for shade, colour in shades.items()
    ]
    keys += [
        Line2D([], [], color="0.3", marker="" if marks else MARKERS.get(model, "^"), ls=LINES.get(model, "-."),
               label=_title(model))
        for model in models
    ]  # fmt: skip
    if law is not None:
        keys.append(Line2D([], [], color="0.3", ls=":", lw=1, label="joint law"))
    figure.legend(handles=keys, loc="outside right upper", frameon=False)
    return _shown_once(figure)


def plot_isoflops(
    records: pd.DataFrame, fits: pd.DataFrame, loss: str = "valid_loss", optima: pd.DataFrame | None = None
) -> Figure:
    """Loss over parameters, a curve a budget, with the parabola's lowest point as a star where it has one inside.

    Args:
        records: of ``read_records``, as given to ``fit_isoflops``.
        fits: of ``fit_isoflops``.
        loss: the column that was fitted.
        optima: rows of ``best_size`` (``pandas.DataFrame([best_size(…), …])``), drawn as crosses with their intervals.

    Raises:
        ValueError: if there is no such column.
    """
    rows = finished(records, ["flops", "parameters", loss])
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for index, colour, mark in zip(range(len(fits)), _light_to_dark(len(fits)), cycle("osD^v"), strict=False):
        fit = fits.iloc[index]
        near = rows[np.abs(np.log(rows["flops"] / fit["flops"])) < 0.1]
        mean = near.groupby("parameters")[loss].mean()
        axes.plot(near["parameters"], near[loss], mark, color=colour, ms=3, alpha=0.6)
        axes.plot(mean.index, mean, mark, color=colour, ms=6)
        over = np.linspace(0, np.log(fit["largest"] / fit["smallest"]), 60)
        curve = fit["curvature"] * over**2 + fit["slope"] * over + fit["level"]
        axes.plot(fit["smallest"] * np.exp(over), curve, color=colour, lw=1.2)
        axes.plot([], [], mark + "-", color=colour, label=f"{_count(fit['flops'])} FLOPs")
        if fit["inside"]:
            axes.plot(fit["parameters"], fit["loss"], "*", color=colour, mec="black", ms=13)
    if optima is not None:
        error = [optima["parameters"] - optima["parameters_low"], optima["parameters_high"] - optima["parameters"]]
        axes.errorbar(
            optima["parameters"], optima["loss"], xerr=error, fmt="x", color="0.2", capsize=3, label="joint law"
        )
    _scale(axes)
    axes.set(xlabel=AXES["parameters"], ylabel=LOSSES.get(loss, loss))
    figure.legend(loc="outside right upper", frameon=False)
    return _shown_once(figure)


def plot_people_against_hours(table: pd.DataFrame) -> Figure:
    """How the loss changes when as many hours come from more people: ratios with intervals, a line a group.

    Args:
        table: of ``people_against_hours``.
    """
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    keys = ["model", "size", "person_days"]
    groups = list(table.groupby(keys, sort=True))
    colours = _light_to_dark(len(groups))
    for number, (((name, size, person_days), group), colour) in enumerate(zip(groups, colours, strict=True)):
        model = str(name)
        marker, line = MARKERS.get(model, "^"), LINES.get(model, "-.")
        aside = group["people"] * 1.03 ** (number - (len(groups) - 1) / 2)  # so that bars do not hide one another
        spread = np.nan_to_num([group["ratio"] - group["low"], group["high"] - group["ratio"]])
        label = f"{_title(model)} {size}, {person_days:,} person-days"
        axes.errorbar(aside, group["ratio"], spread, fmt=marker + line, color=colour, capsize=3, ms=5, label=label)
    axes.axhline(1, color="0.5", ls=":", zorder=0)
    axes.set_xscale("log")
    people = sorted(table["people"].unique())
    axes.set_xticks(people, [f"{one:,}" for one in people])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set(
        xlabel="people that the same person-days come from", ylabel="loss, as a share of that with the fewest people"
    )
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return _shown_once(figure)


def _light_to_dark(count: int) -> list[tuple[float, float, float]]:
    return list(sns.color_palette("mako_r", count + 2)[1:-1]) if count > 1 else [sns.color_palette("mako_r", 3)[1]]


def _scale(axes: Axes, log_y: bool = True) -> None:
    axes.set_xscale("log")
    _number_ticks(axes.xaxis, *axes.get_xlim())
    if log_y:
        axes.set_yscale("log")
        _number_ticks(axes.yaxis, *axes.get_ylim())


def _number_ticks(axis: Axis, low: float, high: float) -> None:
    """Less than two decades would have a number or none on them, or so many that they overlap."""
    if high / low > 1e4:
        axis.set_minor_formatter(NullFormatter())
        return
    levels = ((100, (1.0,)), (5, (1.0, 2.0, 5.0)), (3, (1.0, 2.0, 3.0, 5.0)), (1.6, tuple(range(1, 10))))
    subs = next((subs for ratio, subs in levels if high / low > ratio), None)
    axis.set_major_locator(LogLocator(subs=subs) if subs else MaxNLocator(6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _count(value) if value >= 10 else f"{value:.3g}"))
    axis.set_minor_locator(NullLocator())


def _title(model: str) -> str:
    """LSM1, a class, as the papers write it."""
    return model.replace("LSM1", "LSM-1").replace("LSM2", "LSM-2")


def _count(value: float) -> str:
    """A large number as people read it: 2.2 million, 3.1 × 10¹⁵."""
    if value < 1e4:
        return f"{value:,.0f}"
    if value < 1e6:
        return f"{value / 1e3:,.0f} thousand"
    if value < 1e10:
        return f"{value / 1e6:,.3g} million"
    factor, power = f"{value:.1e}".split("e+")
    return f"{float(factor):g} × 10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in power.lstrip("0"))
