"""The figures of the notebooks. Each function draws on what it is given and returns the figure; none computes a result.

Colours: dark is average, blue below, red above; white is a gap, always and only.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from lsmlib.runs import find_runs
from lsmlib.signals import MEAN, SD, SENSORS, SIGNAL_NAMES, SIGNALS, index_of, normalise

SENSOR_COLOURS = dict(zip(SENSORS, sns.color_palette("deep", len(SENSORS)), strict=True))
MODE_COLOURS = ("#4c72b0", "#dd8452", "#8172b3", "#c44e52")  # device off, sensor off, noise, out of range
SLEEP, ACTIVITY, MOOD = "#35507f", "#d1793b", "#6b8f71"
# The ends of "icefire" are nearly white, which here means a gap.
DEVIATIONS = ListedColormap(sns.color_palette("icefire", as_cmap=True)(np.linspace(0.1, 0.9, 256)))
MARKS = "osD^vP*X"  # one a method or class, so that a figure can be read without colours
HOURS = np.arange(0, 25, 3)


def set_style() -> None:
    """Set the look of all figures: call it once, at the top of a notebook."""
    sns.set_theme(context="notebook", style="ticks", font_scale=0.85)
    plt.rcParams.update({"figure.dpi": 90, "axes.spines.top": False, "axes.spines.right": False})


def _shown_once(figure: Figure) -> Figure:
    # A notebook shows what a cell returns, and again what pyplot still holds.
    plt.close(figure)
    return figure


def plot_day(cohort: xr.Dataset, day: int = 0) -> Figure:
    """One day as the papers draw it: 26 rows of 1,440 minutes, gaps in white, sleep and logged activities above.

    A Cohort without ``asleep``, ``activity`` or ``mood`` has nothing above.
    """
    row = cohort.isel(day=day)
    figure, (strip, grid) = plt.subplots(
        2, 1, figsize=(11, 7), sharex=True, height_ratios=[1, 13], layout="constrained", gridspec_kw={"hspace": 0.01}
    )
    _draw_log(strip, row)
    image = _draw_grid(grid, normalise(row["signals"].values).T)
    bar = figure.colorbar(
        image,
        ax=grid,
        pad=0.01,
        fraction=0.025,
        extend="both",
        label="standard deviations from the population mean",
    )
    bar.ax.text(0.5, -0.07, "white:\ngap", transform=bar.ax.transAxes, ha="center", va="top", fontsize=8)
    missing = float(np.isnan(row["signals"].values).mean())
    who = f"{row['person'].values!s}, {pd.Timestamp(str(row['date'].values)):%A %-d %B %Y}"
    strip.set_title(f"One day of 26 signals: {who}, {missing:.0%} of the readings missing", loc="left")
    return _shown_once(figure)


def _draw_log(axes: Axes, row: xr.Dataset) -> None:
    """Sleep as a band, activities as named bars and moods as named marks, over the hours of the day."""
    for start, stop in find_runs(_codes(row, "asleep") == 1):
        axes.axvspan(start / 60, stop / 60, 0.0, 0.45, color=SLEEP, lw=0)
        if stop - start > 60:
            axes.text((start + stop) / 120, 0.2, "asleep", color="white", ha="center", va="center", fontsize=8)
    for name, colour, height in (("activity", ACTIVITY, 0.75), ("mood", MOOD, 0.2)):
        codes, attrs = _codes(row, name), row[name].attrs if name in row else {}
        names = dict(zip(attrs.get("flag_values", []), attrs.get("flag_meanings", "").split(), strict=True))
        for code in np.unique(codes[codes >= 0]):
            for start, stop in find_runs(codes == code):
                bottom, top = (0.55, 1.0) if name == "activity" else (0.0, 0.4)
                axes.axvspan(start / 60, stop / 60, bottom, top, color=colour, lw=1)
                axes.text(
                    stop / 60 + 0.1,
                    height,
                    names.get(code, f"{name} {code}").replace("_", " "),
                    va="center",
                    fontsize=8,
                )
    axes.set(xlim=(0, 24), ylim=(0, 1), yticks=[])
    sns.despine(ax=axes, left=True, bottom=True)
    axes.tick_params(bottom=False)


def _codes(row: xr.Dataset, name: str) -> np.ndarray:
    """The codes ``[t]`` of a day; all -1 where the Cohort has no such variable."""
    return row[name].values if name in row else np.full(row.sizes["minute"], -1, np.int8)


def _draw_grid(axes: Axes, values: np.ndarray, cmap: Colormap = DEVIATIONS, limits: tuple[float, float] = (-3, 3)):
    """Values ``[s, t]`` as an image with a named row a signal, the names in their sensor's colour."""
    image = axes.imshow(
        values, aspect="auto", interpolation="none", cmap=cmap, vmin=limits[0], vmax=limits[1], extent=(0, 24, 26, 0)
    )
    axes.set_yticks(np.arange(26) + 0.5, [name.replace("_", " ") for name in SIGNAL_NAMES], fontsize=8)
    for label, signal in zip(axes.get_yticklabels(), SIGNALS, strict=True):
        label.set_color(SENSOR_COLOURS[signal.sensor])
    axes.set(xticks=HOURS, xlabel="hour of the day")
    axes.tick_params(left=False)
    return image


def plot_signals(cohort: xr.Dataset, day: int, signals: Sequence[str], hours: tuple[float, float] = (0, 24)) -> Figure:
    """Some signals of one day as lines in their units, sleep shaded, activities marked, gaps left open.

    Raises:
        ValueError: if ``signals`` holds no name, or one that is not a signal's.
    """
    if isinstance(signals, str) or not len(signals):
        raise ValueError(f"signals is {signals!r}; expected a list of at least one name")
    shown = [SIGNALS[index_of(name)] for name in signals]
    row = cohort.isel(day=day)
    hour = np.arange(row.sizes["minute"]) / 60
    asleep, active = find_runs(_codes(row, "asleep") == 1), find_runs(_codes(row, "activity") >= 0)
    figure, axes = plt.subplots(
        len(signals), 1, figsize=(10, 1.25 * len(signals) + 0.6), sharex=True, layout="constrained", squeeze=False
    )
    for panel, signal in zip(axes[:, 0], shown, strict=True):
        # dots, because a line needs two neighbours, and many devices measure once in some minutes
        panel.plot(hour, row["signals"].sel(signal=signal.name), ".-", color=SENSOR_COLOURS[signal.sensor], lw=1, ms=2)
        for start, stop in asleep:
            panel.axvspan(start / 60, stop / 60, color=SLEEP, alpha=0.12, lw=0)
        for start, stop in active:
            panel.axvspan(start / 60, stop / 60, color=ACTIVITY, alpha=0.25, lw=0)
        panel.set_title(f"{signal.name.replace('_', ' ')} ({signal.unit})", loc="left", fontsize=9, pad=2)
    shades = [name for runs, name in ((asleep, "blue: asleep"), (active, "orange: logged activity")) if len(runs)]
    axes[-1, 0].set(xlim=hours, xlabel="hour of the day" + (f" ({', '.join(shades)})" if shades else ""))
    return _shown_once(figure)


def plot_missing_modes(missing_mode: np.ndarray, modes: Sequence[str], title: str = "") -> Figure:
    """Why each reading of a day is missing: codes ``[t, s]`` of ``modes``, -1 where observed (dark)."""
    figure, axes = plt.subplots(figsize=(11, 6), layout="constrained")
    colours = ListedColormap(["#222222", *MODE_COLOURS])
    _draw_grid(axes, missing_mode.T, colours, (-1.5, 3.5))
    shares = [float((missing_mode == code).mean()) for code in range(-1, len(modes))]
    for colour, name, share in zip(["#222222", *MODE_COLOURS], ["observed", *modes], shares, strict=True):
        axes.plot([], [], "s", color=colour, label=f"{name} {share:.1%}")
    axes.legend(ncols=5, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
    figure.suptitle(title)
    return _shown_once(figure)


def plot_missing_statistics(cohort: xr.Dataset, modes: Sequence[str], published: Mapping[str, float]) -> Figure:
    """Share of readings missing a day against the published mean, sd and range; and by signal and mode."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 5), width_ratios=[1, 1.3], layout="constrained")
    missing = np.isnan(cohort["signals"].values).mean(axis=(1, 2))
    sns.histplot(
        x=missing, ax=left, bins=np.linspace(0, 1, 26), stat="probability", color="0.6", label="simulated days"
    )
    mean, sd = published["mean"], published["sd"]
    left.axvline(mean, color="C3", label=f"published mean {mean:.2f}, sd {sd:.2f}")
    left.axvspan(mean - sd, mean + sd, color="C3", alpha=0.12, lw=0)
    for limit in (published["low"], published["high"]):
        left.axvline(limit, color="C3", ls=":")
    left.set(
        xlim=(0, 1), xlabel="share of the day's readings missing (dotted: published range)", ylabel="share of days"
    )
    left.set_title(f"ours: mean {missing.mean():.3f}, sd {missing.std():.3f}", loc="left")
    below = np.zeros(len(SIGNALS))
    for code, (name, colour) in enumerate(zip(modes, MODE_COLOURS, strict=True)):
        share = (cohort["missing_mode"].values == code).mean(axis=(0, 1))
        right.barh(np.arange(26), share, left=below, color=colour, label=name, height=0.8)
        below += share
    right.set_yticks(np.arange(26), [name.replace("_", " ") for name in SIGNAL_NAMES], fontsize=8)
    right.invert_yaxis()
    right.set(xlim=(0, 1), xlabel="share of readings missing")
    # Legends lie below, where they cover neither bars nor band.
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=2, frameon=False)
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower right", ncols=4, frameon=False)
    return _shown_once(figure)


def plot_against_published(mean: np.ndarray, sd: np.ndarray, exceptions: Sequence[str] = ()) -> Figure:
    """Simulated means and deviations ``[s]`` against the published ones; the grey band is the promise."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 6), sharey=True, layout="constrained")
    rows = np.arange(26)
    colours = [SENSOR_COLOURS[signal.sensor] for signal in SIGNALS]
    left.axvspan(-0.25, 0.25, color="0.92", lw=0)
    left.scatter((mean - MEAN) / SD, rows, c=colours)
    left.set(xlim=(-0.5, 0.5), xlabel="(our mean - published mean) / published sd")
    right.axvspan(0.75, 1.33, color="0.92", lw=0)
    right.scatter(sd / SD, rows, c=colours)
    right.set(xlim=(0.5, 1.6), xlabel="our sd / published sd")
    names = [name.replace("_", " ") + (" *" if name in exceptions else "") for name in SIGNAL_NAMES]
    left.set_yticks(rows, names, fontsize=8)
    left.invert_yaxis()
    return _shown_once(figure)


def plot_token_kinds(kinds: Mapping[str, np.ndarray], rows: Sequence[str] = (), columns: str = "minute") -> Figure:
    """Small boolean grids side by side, each with its name: True is filled. For masks that a reader checks by eye."""
    figure, axes = plt.subplots(
        1, len(kinds), figsize=(2.3 * len(kinds), 2.0), layout="constrained", sharey=True, squeeze=False
    )
    for panel, (name, grid), colour in zip(axes[0], kinds.items(), sns.color_palette("deep"), strict=False):
        panel.pcolormesh(grid[::-1], cmap=ListedColormap(["white", colour]), vmin=0, vmax=1, edgecolor="0.7", lw=0.8)
        panel.set_title(f"{name}\n{int(grid.sum())} of {grid.size}", fontsize=9)
        panel.set(xticks=[], xlabel=columns, aspect="equal")
        panel.set_yticks(np.arange(len(grid)) + 0.5, list(rows)[::-1] if rows else [""] * len(grid))
        panel.tick_params(left=False)
    return _shown_once(figure)
