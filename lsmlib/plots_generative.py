"""Figures of generative evaluation: what is hidden, what was filled in, and how well.

Fillers differ by mark and by lightness, so that figures can be read in grey. As in ``lsmlib.plots``, white is a gap.
"""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from lsmlib.evaluate.generative_scores import ALL
from lsmlib.evaluate.generative_tasks import (
    Extrapolation,
    Interpolation,
    RandomImputation,
    SensorImputation,
    Task,
    observed_cells,
)
from lsmlib.plots import DEVIATIONS, MARKS, SENSOR_COLOURS, _shown_once
from lsmlib.runs import find_runs
from lsmlib.signals import SIGNAL_NAMES, SIGNALS, index_of, normalise

HIDDEN = "0.62"  # grey
DASHES = ("-", "--", "-.", ":")
SHOWN_TASKS = (RandomImputation(), Interpolation(60), Extrapolation(60), SensorImputation("PPG"))


def plot_tasks(windows: xr.Dataset, tasks: Sequence[Task] = SHOWN_TASKS, row: int = 0, seed: int = 0) -> Figure:
    """One window, once for each task, with what the task hides in grey.

    Args:
        windows: windows or whole days.
        tasks: two to a line.
        row: which window.
        seed: of what is hidden.
    """
    window = windows.isel(day=[row]).compute()
    values = normalise(np.where(observed_cells(window), window["signals"].values, np.float32(np.nan)))[0]
    lines = -(-len(tasks) // 2)
    figure, axes = plt.subplots(
        lines, 2, figsize=(11, 4.2 * lines + 0.3), sharex=True, sharey=True, layout="constrained", squeeze=False
    )
    first, last = _hours(window)[[0, -1]]
    for panel, task in zip(axes.flat, tasks, strict=False):
        hidden = task.hidden(window, seed)[0]
        grey = np.where(hidden, 1.0, np.nan).T
        options = {"aspect": "auto", "interpolation": "none", "extent": (first, last + 1 / 60, 26, 0)}
        image = panel.imshow(values.T, cmap=DEVIATIONS, vmin=-3, vmax=3, **options)
        panel.imshow(grey, cmap=ListedColormap([HIDDEN]), **options)
        panel.set_title(f"{task.name}: {hidden.mean():.0%} hidden", loc="left", fontsize=10)
    for panel in axes[:, 0]:
        panel.set_yticks(np.arange(26) + 0.5, [name.replace("_", " ") for name in SIGNAL_NAMES], fontsize=7)
        for label, signal in zip(panel.get_yticklabels(), SIGNALS, strict=True):
            label.set_color(SENSOR_COLOURS[signal.sensor])
    for panel in axes.flat[len(tasks) :]:
        panel.set_axis_off()
    for panel in axes.flat:
        panel.tick_params(left=False)
    for panel in axes[-1]:
        panel.set_xlabel("hour of the day")
    figure.colorbar(
        image, ax=axes, pad=0.01, fraction=0.025, extend="both",
        label="standard deviations from the population mean (grey: hidden, white: gap)",
    )  # fmt: skip
    return _shown_once(figure)


def plot_filling(
    windows: xr.Dataset, hidden: np.ndarray, filled: Mapping[str, np.ndarray], row: int, signals: Sequence[str]
) -> Figure:
    """Some signals of one window: what was measured in black, what each filler says where it is hidden (shaded).

    Args:
        windows: windows or whole days, with the truth.
        hidden: bool ``[d, t, s]``.
        filled: name → ``[d, t, s]`` in physical units, as fillers return it.
        row: which window.
        signals: names of ``SIGNALS``.

    Raises:
        ValueError: if ``signals`` holds no name, or one that is not a signal's, or a shape does not fit.
    """
    if isinstance(signals, str) or not len(signals):
        raise ValueError(f"signals is {signals!r}; expected a list of at least one name")
    columns = [index_of(name) for name in signals]
    for name, values in {"hidden": hidden, **filled}.items():
        if np.shape(values) != windows["signals"].shape:
            raise ValueError(f"{name} is {list(np.shape(values))}; expected {list(windows['signals'].shape)}")
    window = windows.isel(day=[row]).compute()
    truth = np.where(observed_cells(window), window["signals"].values, np.float32(np.nan))[0]
    hour = _hours(window)
    figure, axes = plt.subplots(
        len(signals), 1, figsize=(10, 1.9 * len(signals) + 0.8), sharex=True, layout="constrained", squeeze=False
    )
    for panel, column in zip(axes[:, 0], columns, strict=True):
        signal = SIGNALS[column]
        for start, stop in find_runs(hidden[row, :, column]):
            panel.axvspan(hour[start] - 1 / 120, hour[stop - 1] + 1 / 120, color="0.9", lw=0)
        panel.plot(hour, truth[:, column], color="black", lw=1, label="measured")
        for at, (name, values) in enumerate(filled.items()):
            guess = np.where(hidden[row, :, column], values[row, :, column], np.nan)
            panel.plot(hour, guess, DASHES[at % len(DASHES)], color=_colours(len(filled))[at], lw=1.8, label=name)
        panel.set_title(f"{signal.name.replace('_', ' ')} ({signal.unit})", loc="left", fontsize=9, pad=2)
    axes[-1, 0].set(xlim=(hour[0], hour[-1]), xlabel="hour of the day (shaded: hidden)")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper right", ncols=6, frameon=False)
    return _shown_once(figure)


def plot_scores(table: pd.DataFrame, metric: str = "MSE") -> Figure:
    """Normalised errors of all signals by task and filler, with their intervals: less is better.

    Args:
        table: from ``score_filling``.
        metric: ``"MSE"`` or ``"MAE"``.

    Raises:
        ValueError: if the table has no row of this metric over all signals.
    """
    rows = _pooled(table, metric)
    tasks, fillers = list(rows["task"].unique()), list(rows["filler"].unique())
    figure, axes = plt.subplots(figsize=(9, 0.12 * len(tasks) * (len(fillers) + 1) + 1.2), layout="constrained")
    for at, filler in enumerate(fillers):
        own = rows[rows["filler"] == filler]
        height = own["task"].map(tasks.index) + (at - (len(fillers) - 1) / 2) * 0.8 / len(fillers)
        _points(axes, own["value"], height, own, at, len(fillers), across=True)
    for line in range(1, len(tasks)):
        axes.axhline(line - 0.5, color="0.85", lw=0.8)
    axes.set_yticks(range(len(tasks)), tasks)
    axes.set(
        ylim=(len(tasks) - 0.5, -0.5), xlabel=f"{metric} ({rows['units'].iloc[0]}), with 95 % intervals over people"
    )
    axes.set_xlim(left=0)
    axes.tick_params(left=False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=6, frameon=False)
    return _shown_once(figure)


def plot_by_duration(table: pd.DataFrame, metric: str = "MSE") -> Figure:
    """Normalised errors against the minutes hidden, for interpolation and extrapolation.

    Args:
        table: from ``score_filling`` with several durations.
        metric: ``"MSE"`` or ``"MAE"``.

    Raises:
        ValueError: if the table has no interpolation or extrapolation, or not this metric over all signals.
    """
    rows = _pooled(table, metric)
    rows = rows[rows["kind"].isin([Interpolation.kind, Extrapolation.kind])]
    kinds = list(rows["kind"].unique())
    if not kinds:
        raise ValueError(
            "the table has no interpolation or extrapolation; expected tasks that hide all signals for a while"
        )
    fillers, minutes = list(rows["filler"].unique()), sorted(rows["minutes"].unique())
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(4.6 * len(kinds) + 0.6, 4), sharey=True, layout="constrained", squeeze=False
    )
    for panel, kind in zip(axes[0], kinds, strict=True):
        for at, filler in enumerate(fillers):
            own = rows[(rows["filler"] == filler) & (rows["kind"] == kind)].sort_values("minutes")
            # beside each other, so that intervals can be told apart
            place = own["minutes"] * 1.03 ** (at - (len(fillers) - 1) / 2)
            _points(panel, place, own["value"], own, at, len(fillers), across=False)
        panel.set_xscale("log")
        panel.set_xticks(minutes, [f"{minute:g}" for minute in minutes])
        panel.minorticks_off()
        panel.set_title(kind, loc="left", fontsize=10)
    figure.supxlabel("minutes hidden (bars: 95 % intervals over people)", fontsize="medium")
    axes[0, 0].set_ylabel(f"{metric} ({rows['units'].iloc[0]})")
    axes[0, 0].set_ylim(bottom=0)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=6, frameon=False)
    return _shown_once(figure)


def plot_variants(table: pd.DataFrame, base: str) -> Figure:
    """By how much variants of a model differ from one of them in squared error: a panel a task, left is better.

    Args:
        table: columns ``variant, task, mse, gain, gain_low, gain_high`` of ``tools/ablations.py``: by which share a
            variant's error is below that of ``base``, on the same people in every resample.
        base: the variant that the others are compared with; it is not drawn.

    Raises:
        ValueError: if the table does not have this variant.
    """
    if base not in set(table["variant"]):
        raise ValueError(f"there is no variant {base!r}; expected one of {table['variant'].unique().tolist()}")
    error = table[table["variant"] == base].set_index("task")["mse"]
    rows = table[table["variant"] != base]
    variants, tasks = rows["variant"].unique().tolist(), rows["task"].unique().tolist()
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(1.6 + 1.9 * len(tasks), 0.3 * len(variants) + 1.3), sharey=True, layout="constrained",
        squeeze=False,
    )  # fmt: skip
    for panel, task in zip(axes[0], tasks, strict=True):
        own = rows[rows["task"] == task]
        change, low, high = (-100 * own[name].to_numpy() for name in ("gain", "gain_high", "gain_low"))
        height = own["variant"].map(variants.index)
        panel.errorbar(change, height, xerr=[change - low, high - change], fmt="o", color="black", ms=4, lw=1.2)
        panel.axvline(0, color="0.6", lw=0.8, zorder=0)
        panel.set_title(f"{fill(task, 22)}\nthis reference: {error[task]:.3f} sd²", fontsize=8, loc="left")
        panel.tick_params(left=False)
    axes[0, 0].set_yticks(range(len(variants)), variants)
    axes[0, 0].invert_yaxis()
    figure.supxlabel(f"squared error against {base!r} (%, 95 % intervals over people; left: better)", fontsize="medium")
    return _shown_once(figure)


def _points(axes: Axes, x: pd.Series, y: pd.Series, rows: pd.DataFrame, at: int, fillers: int, *, across: bool) -> None:
    """Values of one filler with their intervals, lying across or standing; without intervals where they are NaN."""
    reach = np.stack([rows["value"] - rows["low"], rows["high"] - rows["value"]])
    axes.errorbar(
        x, y, xerr=reach if across else None, yerr=None if across else reach, fmt=MARKS[at % len(MARKS)],
        ls="none" if across else "-", color=_colours(fillers)[at], ms=5, lw=1.2, mec="black", mew=0.5,
        label=rows["filler"].iloc[0],
    )  # fmt: skip


def _pooled(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = table[(table["signal"] == ALL) & (table["metric"] == metric)]
    if not len(rows):
        raise ValueError(f"the table has no {metric!r} over all signals; expected a table of score_filling, MSE or MAE")
    return rows


def _colours(count: int) -> list:
    """From light to dark, so that they can be told apart in grey, and the last stands out."""
    return sns.color_palette("viridis_r", count)


def _hours(window: xr.Dataset) -> np.ndarray:
    """The hour of the day at each minute of a window ``[t]``."""
    start = int(window["start_minute"].values[0]) if "start_minute" in window else 0
    return (start + np.arange(window.sizes["minute"])) / 60
