"""How far filled-in minutes can be trusted on these very days: hide what was measured, have it filled in, look.

A real gap has no truth beside it. So measured minutes are hidden as well, in stretches, at random, and whole signals at
a time; and each error is kept with what was known around it: how far the next visible reading of the same signal was,
what had been hidden, and how much of the day was left. (``filling_errors`` compares fillers on a test of many people,
as papers do; this is about the days of whoever asks, a single person's if need be.)

A filler is asked for what ``model.impute`` is asked for: all gaps, those of the device too, of signals that it measures
at all. Signals without one reading on any of these days are neither asked for nor scored: nothing here can check them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from tqdm.auto import tqdm

from lsmlib.checks import BLOCK, check_whole
from lsmlib.evaluate.coverage import check_days
from lsmlib.evaluate.fills import Filler, OtherDaysFill, linear_fill
from lsmlib.evaluate.generative import _check_names, _fill, hide_cells
from lsmlib.evaluate.generative_tasks import (
    Extrapolation,
    Interpolation,
    RandomImputation,
    SignalsRemoved,
    Task,
)
from lsmlib.models.lsm2 import LSM2
from lsmlib.signals import SIGNAL_NAMES, normalise

# Upper ends, in minutes, of how far the next visible reading of the signal is; each class has its name.
DISTANCES = (5.0, 30.0, 120.0, np.inf)
DISTANCE_NAMES = ("1 to 5", "6 to 30", "31 to 120", "over 120", "none that day")


def calibration_tasks(cohort: xr.Dataset) -> tuple[Task, ...]:
    """What is hidden by default: 50, 80 and 95 % of the patches; 10, 60 and 240 minutes in the day; its last 3 hours;
    and, of a device with several signals, half of them for the whole day.

    Raises:
        ValueError: if these are no whole days, or no signal has a reading.
    """
    names = [SIGNAL_NAMES[at] for at in np.flatnonzero(measured_signals(cohort))]
    halves = [SignalsRemoved(len(names) // 2, tuple(names))] if len(names) > 1 else []
    return (
        *(RandomImputation(share, patch_minutes=10, patch_signals=1) for share in (0.5, 0.8, 0.95)),
        *(Interpolation(minutes) for minutes in (10, 60, 240)),
        Extrapolation(180),
        *halves,
    )


def calibration_fillers(cohort: xr.Dataset, model: LSM2) -> dict[str, Filler]:
    """The model, and what it must beat: a straight line, and from two days on the time-of-day mean of the others."""
    fillers: dict[str, Filler] = {"model": model.reconstruct, "straight line": linear_fill}
    return fillers | ({"time of day": OtherDaysFill().fit(cohort)} if cohort.sizes["day"] > 1 else {})


def calibrate(
    cohort: xr.Dataset,
    fillers: Mapping[str, Filler],
    tasks: Sequence[Task] | None = None,
    seed: int = 0,
    progress: bool = True,
) -> xr.Dataset:
    """Hide measured minutes of each day, have them filled in, and sum the errors by what was known around them.

    Args:
        cohort: whole days with gaps, in memory or lazy, which no filler was trained on.
        fillers: name → callable ``(days, hidden) -> [d, t, s]`` in physical units; see ``calibration_fillers``.
        tasks: what is hidden; by default ``calibration_tasks``. A task under which no measured minute is hidden has no
            cells.
        seed: of what is hidden.
        progress: whether to show a progress bar.

    Returns:
        A Dataset of sums over cells that were measured and hidden: ``squared``, ``absolute`` (in units),
        ``squared_normalised`` and ``absolute_normalised`` float64 ``[task, filler, day, distance, signal]``; their
        number ``cells [task, day, distance, signal]``; and ``visible_share [task, day]``: of the minutes of a day, of
        signals that the device measures, the share that was neither hidden nor missing. ``signal`` holds those signals
        only, ``person`` and ``date`` say whose day it is. ``calibration_table``, ``compare_fillers`` and
        ``expected_error`` read it.

    Raises:
        ValueError: if these are no whole days, there is no filler or task, a filler returns what is no answer, or no
            minute was hidden at all.
    """
    asked_of = measured_signals(cohort)
    tasks = calibration_tasks(cohort) if tasks is None else tasks
    _check_names(fillers, tasks)
    check_whole("seed", seed, 0, 2**64 - 1)
    days, columns = cohort.sizes["day"], np.flatnonzero(asked_of)
    classes = len(DISTANCE_NAMES)
    sums = np.zeros((4, len(tasks), len(fillers), days, classes, len(columns)))
    cells = np.zeros((len(tasks), days, classes, len(columns)), int)
    share = np.zeros((len(tasks), days))
    starts = range(0, days, BLOCK)
    with tqdm(total=len(starts) * len(tasks), desc="calibrating", leave=False, disable=not progress) as bar:
        for first in starts:
            rows = slice(first, first + BLOCK)
            block = cohort[["signals"]].isel(day=rows).compute()
            truth, size = block["signals"].values, len(block["day"])
            for at, task in enumerate(tasks):
                hidden = task.hidden(block, seed)
                target = ~np.isnan(truth) & hidden
                given = hide_cells(block, hidden)
                missing = np.isnan(given["signals"].values)
                share[at, rows] = 1 - missing[:, :, columns].mean(axis=(1, 2))
                asked = missing & asked_of
                day, minute, signal = np.nonzero(target)
                distance = _classify(minutes_to_reading(~missing)[day, minute, signal])
                place = (day * classes + distance) * len(columns) + np.searchsorted(columns, signal)
                length, shape = size * classes * len(columns), (size, classes, len(columns))
                cells[at, rows] = np.bincount(place, minlength=length).reshape(shape)
                for index, (name, filler) in enumerate(fillers.items()):
                    filled = _fill(f"filler {name!r} on {task.name}", filler, given, asked, target)
                    for row, errors in enumerate(_cell_errors(filled, truth, target)):
                        sums[row, at, index, rows] = np.bincount(place, errors, length).reshape(shape)
                bar.update()
    if not cells.any():
        raise ValueError(
            f"none of the tasks hides a minute that was measured on these {days} days; expected days with more "
            "readings, or other tasks"
        )
    names = ("squared", "absolute", "squared_normalised", "absolute_normalised")
    dims = ("task", "filler", "day", "distance", "signal")
    return xr.Dataset(
        {name: (dims, values) for name, values in zip(names, sums, strict=True)}
        | {"cells": (("task", "day", "distance", "signal"), cells), "visible_share": (("task", "day"), share)},
        coords={
            "task": [task.name for task in tasks],
            "filler": list(fillers),
            "person": ("day", cohort["person"].values.astype(np.str_)),
            "date": ("day", cohort["date"].values),
            "distance": list(DISTANCE_NAMES),
            "signal": [SIGNAL_NAMES[at] for at in columns],
        },
        attrs={"seed": seed},
    )


def measured_signals(cohort: xr.Dataset) -> np.ndarray:
    """Which of the 26 signals have a reading on any of these whole days, bool ``[s]``. Raises ``ValueError``: none."""
    check_days(cohort)
    found = np.zeros(len(SIGNAL_NAMES), bool)
    for first in range(0, cohort.sizes["day"], BLOCK):
        found |= ~np.isnan(cohort["signals"][first : first + BLOCK].values).all(axis=(0, 1))
    if not found.any():
        raise ValueError("no signal has a reading on any of these days; expected days with readings")
    return found


def measured_gaps(cohort: xr.Dataset) -> np.ndarray:
    """The gaps that calibration speaks of: of signals that have a reading on any of these days, bool ``[d, t, s]``.

    ``model.reconstruct(cohort, measured_gaps(cohort))`` fills these in and leaves signals alone that the device lacks.
    """
    return np.isnan(cohort["signals"].values) & measured_signals(cohort)


def minutes_to_reading(known: np.ndarray) -> np.ndarray:
    """How far the nearest known minute of the same signal is: bool ``[d, t, s]`` to float32 minutes, ∞ without any."""
    minute = np.arange(known.shape[1], dtype=np.float32)[:, None]
    before = minute - np.maximum.accumulate(np.where(known, minute, -np.inf), axis=1)
    after = np.minimum.accumulate(np.where(known, minute, np.inf)[:, ::-1], axis=1)[:, ::-1] - minute
    return np.minimum(before, after).astype(np.float32)


def _classify(minutes: np.ndarray) -> np.ndarray:
    """The number in ``DISTANCE_NAMES`` of distances."""
    return np.where(np.isinf(minutes), len(DISTANCES), np.searchsorted(DISTANCES, minutes))


def _cell_errors(filled: np.ndarray, truth: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Squared and absolute errors of the target cells ``[n]``, in units and then normalised."""
    pairs = ((filled, truth), (normalise(filled), normalise(truth)))
    differences = [(ours - theirs)[target].astype(float) for ours, theirs in pairs]
    return [error for one in differences for error in (np.square(one), np.abs(one))]
