"""Tables of how well hidden values were filled in: mean errors and improvements, with intervals over people."""

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.intervals import percentile_interval, ratio, resample_sums
from lsmlib.signals import SIGNALS

ALL = "all"  # stands in tables where a signal's name would


def score_table(errors: xr.Dataset, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Mean errors with bootstrap intervals over people.

    Args:
        errors: from ``filling_errors``.
        resamples: how often people are drawn with replacement; 0 for no intervals (NaN).
        seed: of the resampling. All scores are resampled with the same people.

    Returns:
        A tidy table, a row for each ``task``, ``filler``, ``signal`` with targets (and ``"all"``) and ``metric`` (MSE,
        MAE). Errors of ``"all"`` are normalised (``units``: sd² and sd), those of a signal in its unit. ``value`` is
        pooled over target cells, ``low`` to ``high`` its 95 % interval (NaN if one person alone has targets), ``cells``
        and ``people`` are those with targets; ``kind`` and ``minutes`` describe the task.

    Raises:
        ValueError: if there is one person only and ``resamples`` is not 0, or a number is out of range.
    """
    parts = []
    pooled = errors.sum("signal").expand_dims(signal=[ALL])
    units = [signal.unit for signal in SIGNALS]
    squares = [f"({unit})²" if "/" in unit else f"{unit}²" for unit in units]
    for source, suffix, metric_units in (
        (pooled, "_normalised", {"MSE": ["sd²"], "MAE": ["sd"]}),
        (errors, "", {"MSE": squares, "MAE": units}),
    ):
        count = source["cells"].transpose("person", "task", "signal").values[:, :, None, :]  # [p, task, 1, signal]
        persons = (count > 0).sum(axis=0)
        drawn_count = resample_sums(count, resamples, seed) if resamples else count[:0]
        for name, metric in (("squared", "MSE"), ("absolute", "MAE")):
            total = source[name + suffix].transpose("person", "task", "filler", "signal").values
            value = ratio(total.sum(axis=0), count.sum(axis=0))  # [task, filler, signal]
            low = high = np.full(value.shape, np.nan)
            if resamples:
                low, high = percentile_interval(ratio(resample_sums(total, resamples, seed), drawn_count))
                low, high = (np.where(persons < 2, np.nan, bound) for bound in (low, high))
            shape = value.shape
            index = pd.MultiIndex.from_product(
                [errors["task"].values, errors["filler"].values, source["signal"].values]
            )
            part = index.to_frame(index=False, name=["task", "filler", "signal"])
            parts.append(
                part.assign(
                    metric=metric,
                    value=value.ravel(),
                    low=low.ravel(),
                    high=high.ravel(),
                    units=np.broadcast_to(metric_units[metric], shape).ravel(),
                    cells=np.broadcast_to(count.sum(axis=0), shape).ravel(),
                    people=np.broadcast_to(persons, shape).ravel(),
                )
            )
    table = pd.concat(parts, ignore_index=True)
    table = table[table["cells"] > 0].reset_index(drop=True)
    task = pd.DataFrame({"kind": errors["kind"].values, "minutes": errors["minutes"].values}, errors["task"].values)
    table.insert(1, "kind", table["task"].map(task["kind"]))
    table.insert(2, "minutes", table["task"].map(task["minutes"]))
    return table


def improvement(errors: xr.Dataset, filler: str, over: str, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """By which share one filler's normalised MSE is below another's: ``1 - MSE(filler) / MSE(over)``, for each task.

    The interval is of the pair: both are scored on the same people in every resample, so what makes people hard or easy
    for both does not widen it.

    Args:
        errors: from ``filling_errors``.
        filler: name of the one.
        over: name of the other.
        resamples: how often people are drawn with replacement.
        seed: of the resampling.

    Returns:
        A row for each ``task``, with its ``kind``, ``minutes``, ``value`` (1: no error left, 0: no better, negative:
        worse), 95 % interval ``low`` to ``high``, and ``people`` with targets.

    Raises:
        ValueError: if there is no such filler, one person only, or ``over`` has no error to improve on.
    """
    known = [str(name) for name in errors["filler"].values]
    for name in (filler, over):
        if name not in known:
            raise ValueError(f"there is no filler {name!r} in these errors; expected one of {', '.join(known)}")
    squared = errors["squared_normalised"].sum("signal").transpose("person", "filler", "task")
    ours, theirs = squared.sel(filler=filler).values, squared.sel(filler=over).values  # [p, task]
    if not (theirs.sum(axis=0) > 0).all():
        task = errors["task"].values[int(np.argmin(theirs.sum(axis=0)))]
        raise ValueError(f"{over!r} has no error on {task}, so there is nothing to improve on; compare with another")
    low, high = percentile_interval(
        1 - ratio(resample_sums(ours, resamples, seed), resample_sums(theirs, resamples, seed))
    )
    return pd.DataFrame(
        {
            "task": errors["task"].values,
            "kind": errors["kind"].values,
            "minutes": errors["minutes"].values,
            "filler": filler,
            "over": over,
            "value": 1 - ours.sum(axis=0) / theirs.sum(axis=0),
            "low": low,
            "high": high,
            "people": (errors["cells"].sum("signal") > 0).sum("person").values,
        }
    )
