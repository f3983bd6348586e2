"""Figures of captions: each fact marked on the day it is about, with the number of the sentence that states it."""

from collections import Counter
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lsmlib.plots import ACTIVITY, HOURS, MOOD, SENSOR_COLOURS, SLEEP, _shown_once
from lsmlib.signals import SIGNAL_NAMES, SIGNALS, index_of
from lsmlib.text import BIN_MINUTES, Caption, Fact

MOST_PANELS = 8
LEVEL_COLOURS = {"statistical": "#5a5a5a", "structural": "#b03a2e", "semantic": "#35507f"}
EVENT_COLOURS = {"activity": ACTIVITY, "sleep": SLEEP, "mood": MOOD}


def plot_caption(cohort: xr.Dataset, day: int, caption: Caption) -> Figure:
    """Draw a caption over a day: sentences on the right, the facts they state on the left, under the same numbers.

    Above, the events it tells of; below, up to eight of the signals, those with trends and peaks first. A mean is a
    dashed line with its sd as a band, extremes are dotted, trends are arrows, peaks and dips shaded half hours. Facts
    are drawn as stated, so a wrong one of a generated caption (``lsmlib.text.parse_caption``) is seen to be wrong.

    Args:
        cohort: a Cohort of whole days.
        day: which of its days.
        caption: of ``lsmlib.text.caption_days``, or text read by ``lsmlib.text.parse_caption``.

    Raises:
        ValueError: if the caption states no fact.
    """
    numbered = [(number, fact) for number, one in enumerate(caption.sentences, 1) for fact in one.facts]
    if not numbered:
        raise ValueError("the caption states no fact, so there is nothing to draw; expected a caption with sentences")
    structural = [fact.subject for _, fact in numbered if fact.level == "structural"]
    others = [fact.subject for _, fact in numbered if fact.level == "statistical"]
    shown = list(dict.fromkeys(structural + others))[:MOST_PANELS]
    shown.sort(key=SIGNAL_NAMES.index)
    wrapped = [fill(f"{number}  {one.text}", 78) for number, one in enumerate(caption.sentences, 1)]
    lines = sum(text.count("\n") + 1 for text in wrapped)
    figure = plt.figure(figsize=(13, max(1.1 * len(shown) + 1.4, 0.15 * lines + 0.6)), layout="constrained")
    grid = figure.add_gridspec(len(shown) + 1, 2, width_ratios=[1.5, 1], height_ratios=[0.6] + [1] * len(shown))
    strip = figure.add_subplot(grid[0, 0])
    _draw_events(strip, [(number, fact) for number, fact in numbered if fact.level == "semantic"])
    row = cohort["signals"].isel(day=day)
    for place, name in enumerate(shown, 1):
        panel = figure.add_subplot(grid[place, 0], sharex=strip)
        facts = [(number, fact) for number, fact in numbered if fact.subject == name and fact.level != "semantic"]
        _draw_signal(panel, name, row.sel(signal=name).values, facts)
        panel.tick_params(labelbottom=place == len(shown))
    figure.axes[-1].set(xticks=HOURS, xlabel="hour of the day")
    figure.axes[-1].tick_params(bottom=True, labelbottom=True)
    words = figure.add_subplot(grid[:, 1])
    words.axis("off")
    below = 0
    for one, text in zip(caption.sentences, wrapped, strict=True):
        colour = LEVEL_COLOURS[one.level]
        words.text(0, 1 - below / lines, text, va="top", fontsize=7, color=colour, transform=words.transAxes)
        below += text.count("\n") + 1
    return _shown_once(figure)


def _draw_events(axes: Axes, facts: list[tuple[int, Fact]]) -> None:
    """Sleep, activities and moods as named bars over the hours."""
    axes.set(xlim=(0, 24), ylim=(0, 2), yticks=[])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(bottom=False, labelbottom=False)
    drawn = Counter[int]()
    for number, fact in sorted(facts, key=lambda one: one[1].start):
        bottom = 0 if fact.statistic == "sleep" else 1
        start, end = fact.start / 60, max(fact.end, fact.start + 4) / 60  # a minute would be thinner than a line
        axes.axvspan(start, end, bottom / 2, bottom / 2 + 0.42, color=EVENT_COLOURS[fact.statistic], lw=0)
        late = end > 20
        height = bottom + 0.2 + 0.4 * (drawn[bottom] % 2)  # neighbours in turn high and low: their names stand apart
        drawn[bottom] += 1
        axes.text(
            start - 0.1 if late else end + 0.1, height, f"{number} {fact.subject}", fontsize=7, va="center",
            ha="right" if late else "left",
        )  # fmt: skip


def _draw_signal(axes: Axes, name: str, values: np.ndarray, facts: list[tuple[int, Fact]]) -> None:
    signal = SIGNALS[index_of(name)]
    colour = SENSOR_COLOURS[signal.sensor]
    axes.plot(np.arange(len(values)) / 60, values, ".-", color=colour, lw=0.6, ms=1.5, alpha=0.6)
    numbers = {
        statistic: sorted({n for n, fact in facts if fact.statistic == statistic}) for _, (_, statistic, *_) in facts
    }
    stated = {fact.statistic: fact.value for _, fact in facts if fact.level == "statistical" and fact.value is not None}
    grey = LEVEL_COLOURS["statistical"]
    if "mean" in stated:
        axes.axhline(stated["mean"], color=grey, ls="--", lw=0.9)
        axes.text(24.1, stated["mean"], f"{numbers['mean'][0]}", fontsize=7, color=grey, va="center")
        if "sd" in stated:
            axes.axhspan(stated["mean"] - stated["sd"], stated["mean"] + stated["sd"], color=grey, alpha=0.12, lw=0)
    for extreme in ("maximum", "minimum"):
        if extreme in stated:
            axes.axhline(stated[extreme], color=grey, ls=":", lw=0.9)
    red = LEVEL_COLOURS["structural"]
    for number, fact in facts:
        start, end = fact.start / 60, fact.end / 60
        if fact.statistic in ("peak", "dip") and fact.value is not None:
            axes.axvspan(start, end, color=red, alpha=0.2, lw=0)
            axes.plot([start, end], [fact.value, fact.value], color=red, lw=2)
            axes.annotate(
                f"{number}", (end, fact.value), xytext=(2, 0), textcoords="offset points", color=red, fontsize=7
            )
        elif fact.statistic in ("rise", "fall"):
            # From the mean of the first bin on; what is stated is by how much it changes.
            first = values[fact.start : fact.start + BIN_MINUTES]
            base = float(np.nanmean(first)) if not np.isnan(first).all() else float(np.nanmean(values))
            change = (fact.value or 0) * (1 if fact.statistic == "rise" else -1)
            axes.annotate(
                "", (end, base + change), xytext=(start, base), arrowprops={"arrowstyle": "->", "color": red, "lw": 1.6}
            )
            axes.text((start + end) / 2, base + change / 2, f" {number}", color=red, fontsize=7, va="bottom")
    axes.set_title(f"{name.replace('_', ' ')} ({signal.unit})", loc="left", fontsize=8, pad=1)
    axes.tick_params(labelsize=7)
