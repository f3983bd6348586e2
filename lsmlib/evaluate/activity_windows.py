"""Windows around logged activities, and as many without; days with nothing but an activity and what is around it.

For activity recognition and exercise detection.

Windows that are cut every five hours seldom hold a whole activity. Here each logged activity gets one window, and a
window without exercise of the same person at the same hours of another day, so that neither who it is nor what time it
is tells the two apart.
"""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from lsmlib.checks import BLOCK, check_cohort, check_whole
from lsmlib.evaluate.tasks import LEAST_MINUTES
from lsmlib.runs import find_runs
from lsmlib.windows import take_windows


def activity_windows(cohort: xr.Dataset, minutes: int = 300, max_missing: float = 0.2, seed: int = 0) -> xr.Dataset:
    """Cut a window around each logged activity, and where there is one, a window of the same hours without any.

    An activity is a run of at least 10 minutes with one code. It lies as a whole in its window, with equal odds at any
    place where the window is full enough, so that its place says little (an activity longer than the window fills it).
    Gaps are filled as ``lsmlib.cut_windows`` does. LSM-1 is reported to match logged activities to 5-hour windows; how
    they lie in them is our choice.

    Args:
        cohort: a Cohort of whole days with ``activity``. A lazy one is read twice, 64 days at a time.
        minutes: length of a window, 10 to 1,440.
        max_missing: the largest share of missing cells of a window that is kept, 0 to below 1.
        seed: of where activities lie, and of which other day is taken.

    Returns:
        A Cohort of windows as ``lsmlib.cut_windows`` returns, in the order of their days. Windows without exercise are
        as many as those with, or fewer: some people have no other day that is free at these hours and full enough.

    Raises:
        ValueError: if an argument is out of range, ``cohort`` is made of windows or logs no activity, or no window is
            full enough.
    """
    check_cohort(cohort, values=False)
    check_whole("seed", seed, 0)
    length = cohort.sizes["minute"]
    if "start_minute" in cohort.variables:
        raise ValueError(f"these are windows of {length} minutes already; expected a Cohort of whole days")
    if not LEAST_MINUTES <= minutes <= length:
        raise ValueError(f"minutes is {minutes}; expected {LEAST_MINUTES} to {length}")
    if not 0 <= max_missing < 1:
        raise ValueError(f"max_missing is {max_missing}; expected a share from 0 to below 1, for example 0.2")
    if "activity" not in cohort:
        raise ValueError("the cohort has no variable 'activity'; expected codes [d, t], -1 where nothing is logged")
    blocks = [slice(first, first + BLOCK) for first in range(0, cohort.sizes["day"], BLOCK)]
    activity, missing = (
        np.concatenate(parts) for parts in zip(*(_summarise(cohort, rows) for rows in blocks), strict=True)
    )
    if not (activity >= 0).any():
        raise ValueError("the cohort logs no activity at all; expected some minutes of 'activity' above -1")
    missing_share = (missing[:, minutes:].astype(np.int32) - missing[:, :-minutes]) / (minutes * cohort.sizes["signal"])
    places = _choose(activity, missing_share <= max_missing, cohort["person"].values, minutes, seed)
    if not len(places):
        raise ValueError(
            f"no window of {minutes} minutes around an activity of at least {LEAST_MINUTES} has at most "
            f"{max_missing:.0%} missing; raise max_missing, or use more people"
        )
    parts = []
    for rows in blocks:
        day, start = places[slice(*np.searchsorted(places[:, 0], [rows.start, rows.stop]))].T
        if len(day):
            parts.append(take_windows(cohort.isel(day=rows).compute(), day - rows.start, start, minutes))
    windows = xr.concat(parts, "day", data_vars="minimal", coords="minimal", compat="equals", join="exact")
    windows.attrs |= {"window_minutes": minutes, "window_max_missing": max_missing, "window_cut": "around activities"}
    return check_cohort(windows, values=False)


def activity_days(cohort: xr.Dataset, minutes: int = 180) -> xr.Dataset:
    """One row for each logged activity: its day, with readings of some hours around it and none besides.

    For models that read whole days. LSM-2 is probed for 20 activities, one label an activity that the wearer logged (as
    reported); how a day comes to have one label is not known to us, and a day may hold several. Here an activity, a run
    of at least 10 minutes with one code, gets its day with every reading outside of ``minutes`` around its middle set
    to NaN (at the ends of the day, of the first or last ``minutes``). LSM-2 reads what there is; for LSM-1 the day is
    filled in. The span is the same for all, so that what is missing does not tell how long the activity was; one that
    is longer is cut.

    Args:
        cohort: a Cohort of whole days with ``activity``. A lazy one is read 64 days at a time; the rows, 150 kB each,
            stay in memory.
        minutes: how much of the day is left, 10 to 1,440.

    Returns:
        A Cohort of days, ordered by day and time, in which a date may occur several times: ``event_minute`` int16
        ``[d]`` is where the activity begins. ``activity`` holds this one alone, so ``label_windows(days,
        "activity_20")`` names it. Activities around which nothing was measured are left out. ``missing_mode`` is not
        kept, as it no longer says why a reading is missing.

    Raises:
        ValueError: if ``minutes`` is out of range, ``cohort`` is made of windows or of such days already, logs no
            activity of 10 minutes, or nothing was measured around any.
    """
    check_cohort(cohort, values=False)
    length = cohort.sizes["minute"]
    check_whole("minutes", minutes, LEAST_MINUTES, length)
    if {"start_minute", "event_minute"} & set(cohort.variables):
        raise ValueError("these are windows, or days around activities, already; expected a Cohort of whole days")
    if "activity" not in cohort:
        raise ValueError("the cohort has no variable 'activity'; expected codes [d, t], -1 where nothing is logged")
    kept, found, clock = [], 0, np.arange(length)
    for first in range(0, cohort.sizes["day"], BLOCK):
        block = cohort.isel(day=slice(first, first + BLOCK)).drop_vars("missing_mode", errors="ignore").compute()
        events = np.array(sorted(_find_events(block["activity"].values)), int).reshape(-1, 4)
        found += len(events)
        start, stop = events[:, 1, None], events[:, 2, None]
        left = np.clip((start + stop - minutes) // 2, 0, length - minutes)
        near = (left <= clock) & (clock < left + minutes)
        seen = ~np.isnan(block["signals"].values).all(axis=2)[events[:, 0]]
        rows = np.flatnonzero((near & seen).any(axis=1))
        if len(rows):
            days = block.isel(day=events[rows, 0])
            values = np.where(near[rows, :, None], days["signals"].values, np.float32(np.nan))
            own = (start <= clock) & (clock < stop)
            codes = np.where(own[rows], days["activity"].values, days["activity"].dtype.type(-1))
            words = {"long_name": "minute of the day at which the activity begins"}
            kept.append(
                days.assign(
                    signals=days["signals"].copy(data=values),
                    activity=days["activity"].copy(data=codes),
                    event_minute=("day", events[rows, 1].astype(np.int16), words),
                )
            )
    if not kept:
        raise ValueError(
            f"{found} activities of at least {LEAST_MINUTES} minutes are logged, and nothing was measured within "
            f"{minutes} minutes around any; expected at least one with readings"
        )
    days = xr.concat(kept, "day", data_vars="minimal", coords="minimal", compat="equals", join="exact")
    return check_cohort(days, values=False)


def _summarise(cohort: xr.Dataset, rows: slice) -> tuple[np.ndarray, np.ndarray]:
    """Codes ``[d, t]`` of some days, and the count of cells missing before each minute ``[d, t + 1]``: ≤ 37,440."""
    block = cohort[["signals", "activity"]].isel(day=rows).compute()
    before = np.cumsum(np.isnan(block["signals"].values).sum(axis=2), axis=1).astype(np.uint16)
    return block["activity"].values, np.pad(before, ((0, 0), (1, 0)))


def _choose(activity: np.ndarray, full: np.ndarray, person: np.ndarray, minutes: int, seed: int) -> np.ndarray:
    """Day and start of windows ``[w, 2]`` from codes ``[d, t]``, sorted; ``full [d, start]`` says which are allowed."""
    draw = np.random.default_rng(seed)
    logged = np.pad(np.cumsum(activity >= 0, axis=1), ((0, 0), (1, 0)))
    free = full & (logged[:, minutes:] == logged[:, :-minutes])
    _, whose = np.unique(person, return_inverse=True)
    days_of = np.split(np.argsort(whose, kind="stable"), np.cumsum(np.bincount(whose))[:-1])
    places = set()
    for day, first, last, _ in _find_events(activity):
        low, high = sorted((first, last - minutes))  # a long activity holds its window, a short one is held
        starts = np.arange(max(low, 0), min(high, full.shape[1] - 1) + 1)
        starts = starts[full[day, starts]]
        if not len(starts):
            continue
        start = int(draw.choice(starts))
        places.add((day, start))
        days = days_of[whose[day]]
        days = days[free[days, start]]
        if len(days):
            places.add((int(draw.choice(days)), start))
    return np.array(sorted(places), int).reshape(-1, 2)


def _find_events(activity: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """Day, start, stop (exclusive) and code of every run of at least 10 minutes in codes ``[d, t]``."""
    for day in np.flatnonzero((activity >= 0).any(axis=1)):
        for code in np.unique(activity[day][activity[day] >= 0]):
            for first, last in find_runs(activity[day] == code):
                if last - first >= LEAST_MINUTES:
                    yield int(day), first, last, int(code)
