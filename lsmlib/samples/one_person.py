"""What the writers of samples share: one person's days as lines of minutes, stretches in them, clocks, whole files."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import check_cohort
from lsmlib.readers.clock import check_timezone
from lsmlib.signals import MINUTES_PER_DAY


def take_person(cohort: xr.Dataset, signals: Sequence[str]) -> xr.Dataset:
    """The days of a Cohort in order, if they are whole days of one person with some of ``signals`` measured.

    Raises:
        ValueError: if they are not.
    """
    check_cohort(cohort)
    people = np.unique(cohort["person"].values).tolist()
    if len(people) != 1:
        raise ValueError(
            f"the Cohort has {len(people)} people, {', '.join(people[:3])} among them; expected one. Select one: "
            f"cohort.isel(day=np.flatnonzero(cohort.person.values == {people[0]!r}))"
        )
    if cohort.sizes["minute"] != MINUTES_PER_DAY:
        raise ValueError(f"the Cohort has windows of {cohort.sizes['minute']} minutes; expected whole days")
    if not bool(cohort["signals"].sel(signal=list(signals)).notnull().any()):
        raise ValueError(f"nothing to write: the Cohort has no reading of {', '.join(signals)}")
    return cohort.isel(day=np.argsort(cohort["date"].values, kind="stable"))


def minutes_of(cohort: xr.Dataset) -> np.ndarray:
    """All minutes of its days, on the wall's clock, int64 ``[d * t]`` since 1970."""
    days = cohort["date"].values.astype("datetime64[D]").astype(np.int64)
    return (days[:, None] * MINUTES_PER_DAY + np.arange(MINUTES_PER_DAY)).reshape(-1)


def signal_of(cohort: xr.Dataset, name: str) -> np.ndarray:
    """A signal or per-minute variable along ``minutes_of``."""
    values = cohort[name] if name in cohort else cohort["signals"].sel(signal=name, drop=True)
    return values.values.reshape(-1)


def find_stretches(minute: np.ndarray, code: np.ndarray) -> list[tuple[int, int, int]]:
    """Stretches of the same code in consecutive minutes: first minute, the minute after the last, and code."""
    if not len(minute):
        return []
    edges = np.flatnonzero((np.diff(code) != 0) | (np.diff(minute) != 1)) + 1
    first, last = np.concatenate([[0], edges]), np.concatenate([edges, [len(minute)]]) - 1
    return [
        (int(minute[a]), int(minute[b]) + 1, int(code[a])) for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]


def join_nights(stretches: list[tuple[int, int, int]], longest: int) -> list[list[tuple[int, int, int]]]:
    """Stretches of sleep (code 1) with the waking (0) between them, where that is at most so many minutes."""
    nights: list[list[tuple[int, int, int]]] = []
    waking: list[tuple[int, int, int]] = []
    for stretch in stretches:
        start, _, code = stretch
        if code == 0:
            waking = [stretch]
        if code != 1:
            continue
        between = [one for one in waking if nights and one[0] == nights[-1][-1][1] and one[1] == start]
        if between and between[0][1] - between[0][0] <= longest:
            nights[-1] += [*between, stretch]
        else:
            nights.append([stretch])
    return nights


def to_utc(seconds: np.ndarray, timezone: str) -> tuple[np.ndarray, ...]:
    """Times on the wall's clock to UTC; both are whole seconds since 1970, int64 ``[n]``.

    Returns:
        UTC, and the same on the wall's clock, which differs from what was given only in the hour that is skipped in
        spring: those times become its end. Of the hour that comes twice in autumn it is the first.
    """
    check_timezone(timezone)
    wall = pd.DatetimeIndex(np.asarray(seconds, np.int64).astype("datetime64[s]"))
    zoned = wall.tz_localize(timezone, ambiguous=np.ones(len(wall), bool), nonexistent="shift_forward")
    utc, there = zoned.tz_convert("UTC").tz_localize(None), zoned.tz_localize(None)
    return tuple(one.to_numpy("datetime64[s]").astype(np.int64) for one in (utc, there))


def guess_birth(cohort: xr.Dataset) -> np.datetime64 | None:
    """A date of birth that gives the age of a person's first day on that day and half a year after; None unknown."""
    age = float(cohort["age"].values[0])
    if np.isnan(age):
        return None
    return cohort["date"].values[0].astype("datetime64[D]") - int(365.25 * (int(age) + 0.5))


@contextmanager
def write_whole(path: Path) -> Iterator[IO[str]]:
    """A text file that takes its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
