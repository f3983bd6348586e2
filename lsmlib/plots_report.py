"""Figures of one's own days, narrow enough for a phone: what is measured, what was filled in, how far to trust it.

Nothing that a recording brings along, such as a person's name, is written into a figure: a font may lack its letters.
As in ``lsmlib.plots``, white is a gap.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from lsmlib.plots import DEVIATIONS, HOURS, _shown_once
from lsmlib.plots_generative import _colours, _points
from lsmlib.runs import find_runs
from lsmlib.signals import HIGH, LOW, MINUTES_PER_DAY, SIGNALS, index_of, normalise

WIDTH = 4.2  # inches: on a phone 9 points are then as large as the text around
SMALL = 8.0  # points
MEASURED, FILLED = "black", "#b85c1e"
MOST_SIGNALS, MOST_PEOPLE = 4, 7
QUESTIONS = {
    "distance": "minutes to the next visible reading",
    "task": "what was hidden",
    "visible": "share of the day that was there",
}


def plot_coverage(cohort: xr.Dataset) -> Figure:
    """Which share of the minutes of each hour was measured, a row a signal that has any reading; numbers: of all hours.

    Raises:
        ValueError: if no signal has a reading.
    """
    observed = ~np.isnan(cohort["signals"].values)
    share = observed.reshape(len(observed), 24, 60, -1).mean(axis=(0, 2)).T  # [s, hour]
    shown = np.flatnonzero(share.any(axis=1))
    if not len(shown):
        raise ValueError("no signal has a reading, so there is no coverage to draw")
    figure, axes = plt.subplots(figsize=(WIDTH, 1.3 + 0.17 * len(shown)), layout="constrained")
    image = axes.imshow(share[shown], aspect="auto", cmap="Greys", vmin=0, vmax=1, extent=(0, 24, len(shown), 0))
    axes.set_yticks(np.arange(len(shown)) + 0.5, [_words(SIGNALS[at].name) for at in shown], fontsize=SMALL)
    for row, at in enumerate(shown):
        axes.text(24.3, row + 0.5, f"{share[at].mean():.0%}", va="center", fontsize=SMALL)
    axes.set_xticks(np.arange(0, 25, 6))
    axes.set_xlabel("hour of the day", fontsize=SMALL)
    axes.tick_params(left=False, labelsize=SMALL)
    bar = figure.colorbar(image, ax=axes, location="top", aspect=40, shrink=0.8, ticks=[0, 0.5, 1])
    bar.ax.set_xticklabels(["0 %", "50 %", "100 %"], fontsize=SMALL)
    bar.set_label(f"minutes measured, {len(observed)} days", fontsize=SMALL)
    return _shown_once(figure)


def plot_day_grid(cohort: xr.Dataset, day: int) -> Figure:
    """A day as it was measured: a row a signal that has any reading on any of the days; gaps are white."""
    values = cohort["signals"].values
    shown = np.flatnonzero(~np.isnan(values).all(axis=(0, 1)))
    figure, axes = plt.subplots(figsize=(WIDTH, 1.3 + 0.17 * len(shown)), layout="constrained")
    image = axes.imshow(
        normalise(values[day])[:, shown].T, aspect="auto", interpolation="none", cmap=DEVIATIONS, vmin=-3, vmax=3,
        extent=(0, 24, len(shown), 0),
    )  # fmt: skip
    axes.set_yticks(np.arange(len(shown)) + 0.5, [_words(SIGNALS[at].name) for at in shown], fontsize=SMALL)
    axes.set_xticks(HOURS)
    axes.set_xlabel("hour of the day", fontsize=SMALL)
    axes.tick_params(left=False, labelsize=SMALL)
    bar = figure.colorbar(image, ax=axes, location="top", aspect=40, shrink=0.8, extend="both", ticks=[-3, 0, 3])
    bar.ax.tick_params(labelsize=SMALL)
    bar.set_label("sd from the population mean (white: gap)", fontsize=SMALL)
    return _shown_once(figure)


def plot_filled_day(
    cohort: xr.Dataset, filled: np.ndarray, error: np.ndarray, day: int, signals: Sequence[str] | None = None
) -> Figure:
    """What was measured on a day, and apart from it what was filled in, with the error to expect.

    Measured minutes are black dots on white. Gaps are grey; in them the filled-in values are a broken line, with a band
    of ± the expected error, or dotted without a band where nothing is known of the error.

    Args:
        cohort: whole days with gaps.
        filled: ``[d, t, s]`` in units, from ``model.reconstruct``; what is NaN in it was not filled in.
        error: ``[d, t, s]`` of ``lsmlib.evaluate.expected_error``, NaN where unknown.
        day: which of the days.
        signals: names; by default the four with most readings on this day, of those that have any on any day.

    Raises:
        ValueError: if ``signals`` holds no name, or one that is not a signal's.
    """
    values = cohort["signals"].values
    columns = _most_measured(values, day) if signals is None else [index_of(name) for name in signals]
    if not len(columns):
        raise ValueError("signals is empty; expected at least one name, and a cohort with readings")
    hour = np.arange(MINUTES_PER_DAY) / 60
    figure, axes = plt.subplots(
        len(columns), 1, figsize=(WIDTH, 0.7 + 1.15 * len(columns)), sharex=True, layout="constrained", squeeze=False
    )
    for panel, at in zip(axes[:, 0], columns, strict=True):
        signal, own, guess, spread = SIGNALS[at], values[day, :, at], filled[day, :, at], error[day, :, at]
        gap = np.isnan(own)
        for start, stop in find_runs(gap):
            panel.axvspan(start / 60, stop / 60, color="0.92", lw=0)
        told = gap & ~np.isnan(spread)
        low, high = (np.clip(guess + sign * spread, LOW[at], HIGH[at]) for sign in (-1, 1))
        panel.fill_between(hour, low, high, where=told, color=FILLED, alpha=0.3, lw=0, label="± expected error")
        for style, where, name in (("--", told, "filled in"), (":", gap & ~told, "filled in, error unknown")):
            panel.plot(hour, np.where(where, guess, np.nan), style, color=FILLED, lw=1.7, label=name)
        panel.plot(hour, own, ".", color=MEASURED, ms=1.8, label="measured")
        panel.set_title(f"{_words(signal.name)} ({signal.unit})", loc="left", fontsize=SMALL, pad=2)
        panel.tick_params(labelsize=SMALL)
    axes[-1, 0].set(xlim=(0, 24), xticks=HOURS)
    axes[-1, 0].set_xlabel("hour of the day (grey: gap)", fontsize=SMALL)
    handles = {name: handle for handle, name in zip(*axes[0, 0].get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles, loc="outside upper center", ncols=2, frameon=False, fontsize=SMALL,
        markerscale=4, columnspacing=1,
    )  # fmt: skip
    return _shown_once(figure)


def plot_calibration(table: pd.DataFrame, signals: Sequence[str] | None = None, metric: str = "RMSE") -> Figure:
    """Errors of what was filled in, against what was known, with intervals: a panel a signal; less is better.

    Args:
        table: of ``lsmlib.evaluate.calibration_table``.
        signals: those to draw; by default the four with most hidden minutes.
        metric: ``"RMSE"`` or ``"MAE"``.

    Raises:
        ValueError: if the table has no row of the metric, or of a signal.
    """
    by = str(table.columns[0])
    rows = table[(table["metric"] == metric) & (table["signal"] != "all")]
    if signals is None:
        cells = rows.groupby("signal", sort=False)["cells"].sum()
        signals = [name for name in cells.index if name in set(cells.nlargest(MOST_SIGNALS).index)]
    if absent := [name for name in signals if name not in set(rows["signal"])] or not len(rows):
        raise ValueError(f"the table has no {metric} of {absent or 'any signal'}; see calibration_table")
    fillers, classes = rows["filler"].unique().tolist(), rows[by].unique().tolist()
    across = by == "task"
    height = 0.16 * len(classes) * len(fillers) if across else 1.55
    figure, axes = plt.subplots(
        len(signals), 1, figsize=(WIDTH, 0.9 + height * len(signals)), layout="constrained", squeeze=False,
        sharex=not across, sharey=False,
    )  # fmt: skip
    for panel, name in zip(axes[:, 0], signals, strict=True):
        for at, filler in enumerate(fillers):
            own = rows[(rows["signal"] == name) & (rows["filler"] == filler)]
            place = own[by].map(classes.index) + (at - (len(fillers) - 1) / 2) * 0.22
            x, y = (own["value"], place) if across else (place, own["value"])
            _points(panel, x, y, own, at, len(fillers), across=across)
        unit = SIGNALS[index_of(name)].unit
        panel.set_title(f"{_words(name)}: {metric} ({unit})", loc="left", fontsize=SMALL, pad=2)
        panel.tick_params(labelsize=SMALL)
        if across:
            panel.set_yticks(range(len(classes)), classes)
            panel.invert_yaxis()
            panel.set_xlim(left=0)
        else:
            panel.set_xticks(range(len(classes)), [one.replace(" that ", "\nthat ") for one in classes])
            panel.set_ylim(bottom=0)
    if not across:
        axes[-1, 0].set_xlabel(QUESTIONS[by], fontsize=SMALL)
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=len(fillers), frameon=False,
        fontsize=SMALL, columnspacing=1,
    )  # fmt: skip
    return _shown_once(figure)


def plot_map(places: np.ndarray, groups: np.ndarray, share: np.ndarray) -> Figure:
    """Days as points, twice: whose they are (letters), and how much of them was measured. The second is a control.

    Args:
        places: ``[d, 2]``.
        groups: int ``[d]``: 0 to 6 are drawn as A to G, others grey.
        share: ``[d]``, 0 to 1.
    """
    figure, (whose, measured) = plt.subplots(1, 2, figsize=(WIDTH, 2.6), layout="constrained", sharex=True, sharey=True)
    other = (groups < 0) | (groups >= MOST_PEOPLE)
    whose.scatter(*places[other].T, s=6, color="0.75", lw=0, label="others" if other.any() else None)
    known = np.unique(groups[~other])
    for group, colour in zip(known, _colours(max(len(known), 1)), strict=True):
        letter = "ABCDEFG"[group]
        whose.scatter(*places[groups == group].T, s=26, color=colour, marker=f"${letter}$", lw=0.3, label=letter)
    whose.set_title("whose day it is", loc="left", fontsize=SMALL)
    dots = measured.scatter(*places.T, s=12, c=share, cmap="viridis_r", lw=0, vmin=0, vmax=max(share.max(), 0.01))
    measured.set_title("share measured", loc="left", fontsize=SMALL)
    bar = figure.colorbar(dots, ax=measured, aspect=30)
    bar.ax.tick_params(labelsize=SMALL)
    for panel in (whose, measured):
        panel.set(xticks=[], yticks=[])
        panel.set_xlabel("first component", fontsize=SMALL)
    whose.set_ylabel("second component", fontsize=SMALL)
    return _shown_once(figure)


def _most_measured(values: np.ndarray, day: int) -> list[int]:
    """The signals with most readings on a day, in their order; of equals, and of none, those with most on all days."""
    count, total = ~np.isnan(values[day]), ~np.isnan(values)
    order = np.lexsort((-total.sum(axis=(0, 1)), -count.sum(axis=0)))[:MOST_SIGNALS]
    return sorted(int(at) for at in order if total[:, :, at].any())


def _words(name: str) -> str:
    return name.replace("_", " ")
