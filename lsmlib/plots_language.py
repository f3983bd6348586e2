"""Figures of days and texts in one space: who resembles whom, what was found, and how true a generated caption is."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
import xarray as xr
from matplotlib.figure import Figure

from lsmlib.evaluate.captioning import Judged
from lsmlib.plots import ACTIVITY, HOURS, SLEEP, _shown_once
from lsmlib.text.facts import write_clock

RIGHT, WRONG = "#1b7837", "#c51b1b"


def plot_similarity(similar: np.ndarray, title: str = "") -> Figure:
    """Cosines of days (rows) and texts (columns); each row's most alike text is marked, a ring where it is its own.

    Args:
        similar: ``[n, n]``, text i of day i; some tens at most can be told apart by eye.
        title: of the figure.

    Raises:
        ValueError: if it is not square.
    """
    if similar.ndim != 2 or similar.shape[0] != similar.shape[1]:
        raise ValueError(f"similar has shape {similar.shape}; expected [n, n], days by their texts")
    side = min(3.0 + 0.08 * len(similar), 7.0)
    figure, axes = plt.subplots(figsize=(side + 1, side), layout="constrained")
    bar = {"label": "cosine", "shrink": 0.7}
    sns.heatmap(similar, ax=axes, cmap="Greys", square=True, cbar_kws=bar, xticklabels=False, yticklabels=False)
    best = similar.argmax(axis=1)
    rows = np.arange(len(similar))
    own = best == rows
    axes.scatter(best[own] + 0.5, rows[own] + 0.5, s=22, facecolors="none", edgecolors=RIGHT, lw=1.4, label="its own")
    axes.scatter(best[~own] + 0.5, rows[~own] + 0.5, s=16, marker="x", color=WRONG, lw=1.2, label="another's")
    axes.set(xlabel="texts", ylabel="days")
    axes.set_title(
        title or f"the most alike text is the day's own in {own.sum()} of {len(own)}", loc="left", fontsize=10
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return _shown_once(figure)


def plot_retrieved(
    cohort: xr.Dataset,
    text: str,
    places: Sequence[int],
    similarities: Sequence[float],
    own: int | None = None,
    signals: Sequence[str] = ("heart_rate", "steps"),
) -> Figure:
    """The days that a text found, side by side, the most alike first; sleep and activities that are logged are shaded.

    Args:
        cohort: the pool.
        text: the query, shown above.
        places: days of the pool, of ``SensorLM.retrieve``.
        similarities: their cosines.
        own: the day that the text describes, marked where it is found.
        signals: to draw, each in its own row.
    """
    if not len(places) or not len(signals):
        raise ValueError("there is nothing to draw; expected at least one day and one signal")
    size = 2.7 * len(places) + 0.6, 1.5 * len(signals) + 0.9 + 0.2 * len(text) / 130
    figure, panels = plt.subplots(
        len(signals), len(places), figsize=size, sharex=True, sharey="row", squeeze=False, layout="constrained"
    )
    hours = np.arange(cohort.sizes["minute"]) / 60
    for column, (place, cosine) in enumerate(zip(places, similarities, strict=True)):
        row = cohort.isel(day=int(place))
        for name, panel in zip(signals, panels[:, column], strict=True):
            for variable, colour in (("asleep", SLEEP), ("activity", ACTIVITY)):
                if variable in row:
                    shown = row[variable].values > 0 if variable == "asleep" else row[variable].values >= 0
                    panel.fill_between(hours, 0, 1, where=shown, color=colour, alpha=0.35, lw=0, step="mid",
                                       transform=panel.get_xaxis_transform())  # fmt: skip
            panel.plot(hours, row["signals"].sel(signal=name).values, ".", color="0.2", ms=1.2)
            panel.set(xlim=(0, 24), xticks=HOURS[::2])
            panel.tick_params(labelsize=7)
        mark = "  (its own day)" if own is not None and int(place) == own else ""
        panels[0, column].set_title(f"{column + 1}: cosine {cosine:.2f}{mark}", fontsize=9, loc="left")
    for name, panel in zip(signals, panels[:, 0], strict=True):
        panel.set_ylabel(name.replace("_", " "), fontsize=8)
    figure.supxlabel("hour of the day (shaded: logged sleep and activity)", fontsize=8)
    figure.suptitle(fill(text, int(38 * len(places) + 8)), fontsize=9, x=0.01, ha="left")
    return _shown_once(figure)


def plot_variants(table: pd.DataFrame) -> Figure:
    """Scores of variants of a model as dots with intervals: a panel a measure, dotted lines at the first variant.

    Args:
        table: columns ``variant, task, metric, value, low, high`` of ``tools/language_ablations.py``. A variant without
            one of the measures has no dot there.
    """
    variants = table["variant"].unique().tolist()
    measures = list(table.groupby(["task", "metric"], sort=False))
    figure, axes = plt.subplots(
        1, len(measures), figsize=(2 + 2.2 * len(measures), 0.3 * len(variants) + 1.3), sharey=True,
        layout="constrained", squeeze=False,
    )  # fmt: skip
    for panel, ((task, metric), rows) in zip(axes[0], measures, strict=True):
        first = rows.loc[rows["variant"] == variants[0], "value"]
        reach = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        panel.errorbar(rows["value"], rows["variant"].map(variants.index), xerr=reach, fmt="o", color="black", ms=4)
        for value in first:
            panel.axvline(value, color="0.5", ls=":", zorder=0)
        panel.set_title(fill(str(task), 24), fontsize=8, loc="left")
        panel.set_xlabel(metric)
        panel.tick_params(left=False)
    axes[0, 0].set_yticks(range(len(variants)), variants)
    axes[0, 0].invert_yaxis()
    return _shown_once(figure)


def plot_judged(judged: Sequence[Sequence[Judged]], titles: Sequence[str] = ()) -> Figure:
    """What generated captions state, over the hours: right facts with a tick, wrong ones with a cross, and the truth.

    Args:
        judged: of ``lsmlib.evaluate.judge_facts``, of each caption; facts with times, as semantic ones have them.
        titles: of the captions.

    Raises:
        ValueError: if no caption states a fact.
    """
    if not any(len(one) for one in judged):
        raise ValueError("no caption states a fact, so there is nothing to draw")
    rows = [(number, fact) for number, facts in enumerate(judged) for fact in facts]
    figure, axes = plt.subplots(figsize=(8, 0.6 + 0.28 * (len(rows) + len(judged))), layout="constrained")
    height, number = 0.0, -1
    for caption, one in rows:
        if caption != number:
            number = caption
            height += 1
            name = titles[number] if number < len(titles) else f"caption {number + 1}"
            axes.text(-0.1, height, name, ha="right", va="center", fontsize=9, weight="bold")
        height += 1
        colour, sign = (RIGHT, "✓") if one.is_true else (WRONG, "✗")
        start, end = one.fact.start / 60, max(one.fact.end, one.fact.start + 6) / 60
        axes.barh(height, end - start, 0.6, start, color=colour, hatch=None if one.is_true else "////", alpha=0.75,
                  edgecolor="white", lw=0)  # fmt: skip
        if one.measured is not None:
            span = np.array([one.measured.start, one.measured.end]) / 60
            axes.plot(span, [height, height], "k|-", ms=8, lw=1)
        words = f"{sign} {one.fact.subject} {write_clock(one.fact.start)}-{write_clock(one.fact.end)}"
        axes.text(24.2, height, words, va="center", fontsize=9, color=colour)
    axes.set(xlim=(0, 24), xticks=HOURS, ylim=(height + 1, 0), yticks=[], xlabel="hour of the day")
    axes.set_title(
        "bars: stated (✓ true, ✗ hatched: not); black lines: the nearest that is logged", loc="left", fontsize=9
    )
    return _shown_once(figure)
