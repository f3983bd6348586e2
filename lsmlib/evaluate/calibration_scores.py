"""What a calibration says: errors by what was known, which filler is better, and the error to expect of each minute."""

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.calibration import _classify, minutes_to_reading
from lsmlib.evaluate.generative_scores import ALL
from lsmlib.evaluate.intervals import percentile_interval, ratio, resample_sums, sum_by_person
from lsmlib.signals import SIGNAL_NAMES, SIGNALS

VISIBLE = (0.1, 0.25, 0.5, 1.0)  # upper ends of classes of how much of a day is there
VISIBLE_NAMES = ("under 10 %", "10 to 25 %", "25 to 50 %", "over 50 %")
BY = ("distance", "task", "visible")
LEAST_PEOPLE = 5  # from so many on, intervals are over people; else over days
LEAST_DAYS = 2  # an error that fewer days tell of is not expected of others
LEAST_CELLS = 30


def calibration_table(errors: xr.Dataset, by: str = "distance", resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Errors by what was known, with bootstrap intervals.

    Args:
        errors: of ``calibrate``. Select tasks beforehand: ``errors.sel(task=[…])``.
        by: ``"distance"``, minutes to the next visible reading of the signal; ``"task"``, what was hidden; or
            ``"visible"``, the share of the day that was there.
        resamples: how often people are drawn with replacement, or days where there are fewer than five people; 0 for
            no intervals.
        seed: of the draws.

    Returns:
        A row for each class of ``by`` (in the column of that name), ``filler``, ``signal`` (and ``"all"``, normalised)
        and ``metric`` (RMSE, MAE) with cells: ``value``, 95 % interval ``low`` to ``high`` (NaN where fewer than two
        people or days have cells), ``unit``, ``cells``, ``days`` and ``people`` with cells, and what was ``drawn``.

    Raises:
        ValueError: if ``by`` or a number is something else.
    """
    names, sums = _by(errors, by)
    groups, drawn = _groups(errors)
    cells = sum_by_person(sums["cells"], groups)[1]  # [g, class, 1, signal]
    days = (sums["cells"] > 0).sum(axis=0)[:, 0]
    people = (sum_by_person(sums["cells"], errors["person"].values)[1] > 0).sum(axis=0)[:, 0]
    units = {signal.name: signal.unit for signal in SIGNALS}
    rows = []
    for metric, kind in (("RMSE", "squared"), ("MAE", "absolute")):
        for suffix in ("_normalised", ""):
            total = sum_by_person(sums[kind + suffix], groups)[1]  # [g, class, filler, signal]
            count, of = cells, [str(name) for name in errors["signal"].values]
            day_count, person_count = days, people
            if suffix:
                total, count, of = total.sum(axis=3, keepdims=True), cells.sum(axis=3, keepdims=True), [ALL]
                every = sums["cells"].sum(axis=3)[:, :, 0]  # [d, class]
                day_count = (every > 0).sum(axis=0)[:, None]
                person_count = (sum_by_person(every, errors["person"].values)[1] > 0).sum(axis=0)[:, None]
            value = _score(total.sum(axis=0), count.sum(axis=0), metric)
            low = high = np.full(value.shape, np.nan)
            if resamples and len(total) > 1:
                draws = [resample_sums(array, resamples, seed) for array in (total, count)]
                low, high = percentile_interval(_score(*draws, metric))
                alone = (count > 0).sum(axis=0) < 2
                low, high = (np.where(alone, np.nan, bound) for bound in (low, high))
            for at, filler, signal in np.argwhere(np.broadcast_to(count.sum(axis=0) > 0, value.shape)):
                place = at, filler, signal
                who = names[at], str(errors["filler"].values[filler]), of[signal]
                unit = "sd" if suffix else units[of[signal]]
                counts = (int(c[at, signal]) for c in (count.sum(axis=0)[:, 0], day_count, person_count))
                rows.append((*who, metric, value[place], low[place], high[place], unit, *counts, drawn))
    columns = [by, "filler", "signal", "metric", "value", "low", "high", "unit", "cells", "days", "people", "drawn"]
    return pd.DataFrame(rows, columns=columns)


def compare_fillers(
    errors: xr.Dataset, filler: str, over: str, by: str = "distance", resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """By which share one filler's squared error is below another's, by class and signal; the interval is of the pair.

    Args:
        errors: of ``calibrate``.
        filler: name of the one.
        over: name of the other.
        by: as in ``calibration_table``.
        resamples: how often people or days are drawn, both fillers on the same ones.
        seed: of the draws.

    Returns:
        A row for each class and signal with cells (``"all"``: normalised errors): ``value`` is 1 without any error
        left, 0 no better, negative worse; ``low`` to ``high`` its 95 % interval (NaN where there is none);
        ``verdict``: ``"better"`` or ``"worse"`` if the interval does not hold 0, else ``"no telling"``.

    Raises:
        ValueError: if a filler or ``by`` is unknown.
    """
    known = [str(name) for name in errors["filler"].values]
    for name in (filler, over):
        if name not in known:
            raise ValueError(f"there is no filler {name!r} in this calibration; expected one of {', '.join(known)}")
    names, sums = _by(errors, by)
    groups, _ = _groups(errors)
    cells = sum_by_person(sums["cells"], groups)[1][:, :, 0]
    rows = []
    for suffix in ("_normalised", ""):
        squared = sum_by_person(sums[f"squared{suffix}"], groups)[1]  # [g, class, filler, signal]
        of, count = [str(name) for name in errors["signal"].values], cells
        if suffix:
            squared, count, of = squared.sum(axis=3, keepdims=True), cells.sum(axis=2, keepdims=True), [ALL]
        pair = squared[:, :, [known.index(filler), known.index(over)]]
        value = 1 - ratio(pair[:, :, 0].sum(axis=0), pair[:, :, 1].sum(axis=0))
        low = high = np.full(value.shape, np.nan)
        if resamples and len(pair) > 1:
            drawn = resample_sums(pair, resamples, seed)
            low, high = percentile_interval(1 - ratio(drawn[:, :, 0], drawn[:, :, 1]))
            alone = (count > 0).sum(axis=0) < 2
            low, high = (np.where(alone, np.nan, bound) for bound in (low, high))
        for at, signal in np.argwhere(count.sum(axis=0) > 0):
            bounds = low[at, signal], high[at, signal]
            verdict = "better" if bounds[0] > 0 else "worse" if bounds[1] < 0 else "no telling"
            rows.append((names[at], of[signal], filler, over, value[at, signal], *bounds, verdict))
    return pd.DataFrame(rows, columns=[by, "signal", "filler", "over", "value", "low", "high", "verdict"])


def expected_error(errors: xr.Dataset, cohort: xr.Dataset, filler: str = "model") -> np.ndarray:
    """The error to expect of what a filler puts into each gap: the RMSE that it had as far from a reading.

    Args:
        errors: of ``calibrate``.
        cohort: whole days with gaps, of the same device.
        filler: whose.

    Returns:
        float32 ``[d, t, s]`` in units; 0 where measured, NaN where nothing is known: signals that were not calibrated,
        and distances at which fewer than 30 minutes, or fewer than two days, were hidden.

    Raises:
        ValueError: if there is no such filler.
    """
    known = [str(name) for name in errors["filler"].values]
    if filler not in known:
        raise ValueError(f"there is no filler {filler!r} in this calibration; expected one of {', '.join(known)}")
    total = errors["squared"].sel(filler=filler).sum(["task", "day"]).transpose("distance", "signal").values
    cells = errors["cells"].sum(["task", "day"]).transpose("distance", "signal").values
    days = (errors["cells"].sum("task") > 0).sum("day").transpose("distance", "signal").values
    enough = (cells >= LEAST_CELLS) & (days >= LEAST_DAYS)
    typical = np.where(enough, np.sqrt(ratio(total, cells)), np.nan)
    table = np.full((len(errors["distance"]), len(SIGNAL_NAMES)), np.nan, np.float32)
    table[:, [SIGNAL_NAMES.index(str(name)) for name in errors["signal"].values]] = typical
    observed = ~np.isnan(cohort["signals"].values)
    found = table[_classify(minutes_to_reading(observed)), np.arange(len(SIGNAL_NAMES))]
    return np.where(observed, np.float32(0), found)


def _by(errors: xr.Dataset, by: str) -> tuple[list[str], dict[str, np.ndarray]]:
    """Names of the classes, and sums of each day in them: ``[d, class, filler, signal]`` (of ``cells``, one filler)."""
    if by not in BY:
        raise ValueError(f"by is {by!r}; expected one of {', '.join(map(repr, BY))}")
    order = ("task", "day", "distance", "filler", "signal")
    arrays = {
        name: (errors[name] if name != "cells" else errors[name].expand_dims(filler=1)).transpose(*order).values
        for name in ("squared", "absolute", "squared_normalised", "absolute_normalised", "cells")
    }
    if by == "distance":
        return [str(n) for n in errors["distance"].values], {name: a.sum(axis=0) for name, a in arrays.items()}
    arrays = {name: array.sum(axis=2) for name, array in arrays.items()}  # [task, d, filler, signal]
    if by == "task":
        return [str(n) for n in errors["task"].values], {name: np.swapaxes(a, 0, 1) for name, a in arrays.items()}
    kind = np.searchsorted(VISIBLE, errors["visible_share"].transpose("task", "day").values)
    grouped = {
        name: np.stack([np.where((kind == at)[:, :, None, None], a, 0).sum(axis=0) for at in range(len(VISIBLE))], 1)
        for name, a in arrays.items()
    }
    return list(VISIBLE_NAMES), grouped


def _groups(errors: xr.Dataset) -> tuple[np.ndarray, str]:
    """What is drawn in a resample: for each day its person, if there are enough of them, or else itself."""
    people = errors["person"].values
    if len(np.unique(people)) >= LEAST_PEOPLE:
        return people, "people"
    return np.arange(len(people)), "days"


def _score(total: np.ndarray, count: np.ndarray, metric: str) -> np.ndarray:
    mean = ratio(total, count)
    return np.sqrt(mean) if metric == "RMSE" else mean
