"""Generative evaluation: how well hidden values are filled in, by a model or a baseline, with intervals over people.

The protocol is that of LSM-1 (Narayanswamy, Liu et al., ICLR 2025; metrics on normalised values at hidden cells, as
reported). What the paper leaves open, and what we chose:

- Errors are taken at ``target = observed & hidden``, pooled over cells: a window with more targets weighs more.
- Normalised errors: truth is normalised and clipped to ±5 sd, as a model sees it, and so is what was filled in. Errors
  in units are not clipped.
- Whole days of LSM-2 are judged likewise, with ``tasks=LSM2_TASKS``: their gaps stay gaps, and are no target.
- What was filled in beforehand (``cut_windows`` interpolates gaps) is no truth. It is not shown as it was either: a
  line drawn towards a reading that is now hidden tells of it, so gaps are filled anew from visible readings.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from lsmlib.checks import BLOCK, check_cohort
from lsmlib.evaluate.fills import Filler
from lsmlib.evaluate.generative_scores import score_table
from lsmlib.evaluate.generative_tasks import LSM1_TASKS, Task, observed_cells, visible_readings
from lsmlib.signals import SIGNAL_NAMES, normalise
from lsmlib.windows import fill_gaps

SEEN = ("signals", "observed", "start_minute")  # what a filler is given, beside person and date: no labels


def hide_cells(windows: xr.Dataset, hidden: np.ndarray) -> xr.Dataset:
    """What a filler may see: a copy without labels, NaN where hidden, with no trace of hidden values elsewhere.

    Args:
        windows: windows, or whole days with gaps.
        hidden: bool ``[d, t, s]``.

    Returns:
        A Dataset with new ``signals``: visible readings as they are, NaN where hidden. Other gaps stay NaN in whole
        days; in windows (which have ``observed``) they are filled as ``cut_windows`` does, from visible readings only.

    Raises:
        ValueError: if ``hidden`` does not fit the windows.
    """
    values = visible_readings(windows, hidden)
    if "observed" in windows:
        values = fill_gaps(values)
        values[hidden] = np.nan
    seen = windows[[name for name in SEEN if name in windows]]
    return seen.assign(signals=seen["signals"].copy(data=values))


def score_filling(
    windows: xr.Dataset,
    fillers: Mapping[str, Filler],
    tasks: Sequence[Task] = LSM1_TASKS,
    seed: int = 0,
    resamples: int = 1000,
    progress: bool = True,
) -> pd.DataFrame:
    """Score fillers on tasks: ``filling_errors``, then ``score_table``.

    Args:
        windows: windows, or whole days with gaps, of people on whom no filler was trained.
        fillers: name → callable ``(windows, hidden) -> [d, t, s]`` in physical units.
        tasks: what is hidden.
        seed: of what is hidden, and of the resampling.
        resamples: how often people are drawn with replacement; 0 for no intervals.
        progress: whether to show a progress bar.

    Returns:
        The tidy table that ``score_table`` describes.

    Raises:
        ValueError: as ``filling_errors`` and ``score_table``.
    """
    people = len(np.unique(windows["person"].values)) if "person" in windows else 0
    if people == 1 and resamples:
        raise ValueError(
            "these windows are of 1 person, so there is no interval over people; pass resamples=0, or more"
        )
    return score_table(filling_errors(windows, fillers, tasks, seed, progress), resamples, seed)


def filling_errors(
    windows: xr.Dataset,
    fillers: Mapping[str, Filler],
    tasks: Sequence[Task] = LSM1_TASKS,
    seed: int = 0,
    progress: bool = True,
) -> xr.Dataset:
    """Sum the errors of each person, task, filler and signal: all that tables and comparisons need, computed once.

    Every filler gets the same hidden cells, in blocks of 64 windows, each time in the copy that ``hide_cells`` makes.

    Args:
        windows: windows, or whole days with NaN at gaps; in memory or lazy. Of people on whom no filler was trained.
        fillers: name → callable ``(windows, hidden) -> [d, t, s]`` in physical units, such as ``BASELINES``, a fitted
            ``WienerFill`` or ``model.reconstruct``. Only values at targets are looked at.
        tasks: what is hidden.
        seed: of what is hidden.
        progress: whether to show a progress bar.

    Returns:
        A Dataset of sums over target cells, float64: ``squared`` and ``absolute`` ``[task, filler, person, signal]`` in
        units, ``squared_normalised`` and ``absolute_normalised`` likewise, and their number ``cells [task, person,
        signal]``; coordinates ``kind`` and ``minutes`` (NaN unless a stretch of time is hidden) describe the tasks.
        Results of several calls on the same windows, tasks and seed can be joined with ``xarray.concat(…, "filler")``.

    Raises:
        ValueError: if this is no Cohort; there is no task or filler; windows are too short for a task or it has no
            target cell; or a filler returns another shape, values that are not finite, or changes what it was given.
    """
    check_cohort(windows, values=False)
    _check_names(fillers, tasks)
    people, code = np.unique(windows["person"].values.astype(np.str_), return_inverse=True)
    # squared and absolute, in units and normalised
    sums = np.zeros((4, len(tasks), len(fillers), len(people), len(SIGNAL_NAMES)))
    cells = np.zeros((len(tasks), len(people), len(SIGNAL_NAMES)), int)
    needed = windows[[name for name in SEEN if name in windows]]
    starts = range(0, windows.sizes["day"], BLOCK)
    with tqdm(
        total=len(starts) * len(tasks) * len(fillers), desc="filling in", leave=False, disable=not progress
    ) as bar:
        for first in starts:
            block = needed.isel(day=slice(first, first + BLOCK)).compute()
            truth, who = block["signals"].values, code[first : first + BLOCK]
            for at, task in enumerate(tasks):
                hidden = task.hidden(block, seed)
                target = observed_cells(block) & hidden
                if np.isnan(truth[target]).any():
                    raise ValueError("observed is True where signals is NaN; expected readings wherever observed")
                np.add.at(cells[at], who, target.sum(axis=1))
                given = hide_cells(block, hidden)
                for index, (name, filler) in enumerate(fillers.items()):
                    bar.set_postfix_str(f"{task.name}, {name}", refresh=False)
                    filled = _fill(f"filler {name!r} on {task.name}", filler, given, hidden, target)
                    for row, errors in enumerate(_errors(filled, truth, target)):
                        np.add.at(sums[row, at, index], who, errors)
                    bar.update()
    for task, count in zip(tasks, cells, strict=True):
        if not count.any():
            raise ValueError(
                f"{task.name} has no target cell: nothing that it hides was observed in these {windows.sizes['day']} "
                "windows. Leave it out of tasks, or give windows with these signals"
            )
    names = ("squared", "absolute", "squared_normalised", "absolute_normalised")
    dims = ("task", "filler", "person", "signal")
    return xr.Dataset(
        {name: (dims, values) for name, values in zip(names, sums, strict=True)}
        | {"cells": (("task", "person", "signal"), cells)},
        coords={
            "task": [task.name for task in tasks],
            "kind": ("task", [task.kind for task in tasks]),
            "minutes": ("task", np.array([getattr(task, "minutes", None) for task in tasks], float)),
            "filler": list(fillers),
            "person": people,
            "signal": list(SIGNAL_NAMES),
        },
        attrs={"seed": seed, "windows": windows.sizes["day"]},
    )


def _errors(filled: np.ndarray, truth: np.ndarray, target: np.ndarray) -> list[np.ndarray]:
    """Sums over the target cells of each window, ``[d, s]``: squared, absolute, both in units, then both normalised."""
    sums = []
    for difference in (filled - truth, normalise(filled) - normalise(truth)):
        error = np.where(target, difference, 0).astype(float)
        sums += [np.square(error).sum(axis=1), np.abs(error).sum(axis=1)]
    return sums


def _fill(
    what: str,
    filler: Callable[[xr.Dataset, np.ndarray], np.ndarray],
    given: xr.Dataset,
    hidden: np.ndarray,
    target: np.ndarray,
) -> np.ndarray:
    """Call a filler, and refuse what is not an answer."""
    own, own_hidden = given.copy(deep=True), hidden.copy()
    before = [(name, given[name].values) for name in given.data_vars]
    filled = np.asarray(filler(own, own_hidden))
    unchanged = np.array_equal(hidden, own_hidden) and all(
        name in own and np.array_equal(own[name].values, values, equal_nan=values.dtype.kind == "f")
        for name, values in before
    )
    if not unchanged:
        raise ValueError(f"{what} changed the windows or the hidden cells that it was given; work on a copy")
    if filled.shape != target.shape or filled.dtype.kind != "f":
        raise ValueError(
            f"{what} returned {filled.dtype} {list(filled.shape)}; expected float32 {list(target.shape)}, every "
            "cell of its windows in physical units"
        )
    wrong = ~np.isfinite(filled) & target
    if wrong.any():
        window, minute, signal = (int(place[0]) for place in np.nonzero(wrong))
        raise ValueError(
            f"{what} left {int(wrong.sum()):,} of {int(target.sum()):,} target cells NaN or infinite, first at "
            f"minute {minute} of {SIGNAL_NAMES[signal]} in window {window} of its block; expected a value in each"
        )
    return filled


def _check_names(fillers: Mapping[str, Filler], tasks: Sequence[Task]) -> None:
    if not isinstance(fillers, Mapping) or not fillers:
        raise ValueError(f"fillers is {fillers!r}; expected a mapping such as {{'linear': linear_fill}}")
    for name, filler in fillers.items():
        if not callable(filler):
            raise ValueError(f"filler {name!r} is {filler!r}; expected a callable (windows, hidden) -> [d, t, s]")
    if isinstance(tasks, Task) or not len(tasks) or not all(isinstance(task, Task) for task in tasks):
        raise ValueError(f"tasks is {tasks!r}; expected a sequence of tasks such as LSM1_TASKS[:1]")
    names = [task.name for task in tasks]
    if len(set(names)) < len(names):
        raise ValueError(f"tasks are {', '.join(names)}; expected each once")
