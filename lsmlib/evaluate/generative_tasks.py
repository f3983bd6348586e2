"""Generative tasks: which cells of a window are hidden, to be filled in from the rest.

LSM-1 (Narayanswamy, Liu et al., "Scaling Wearable Foundation Models", ICLR 2025) is judged by four: random imputation
of 80 % of the patches, temporal interpolation and extrapolation, and sensor imputation (as reported; the durations and
how a sensor is hidden are ours). LSM-2 (Xu, Narayanswamy et al., "LSM-2: Learning from Incomplete Wearable Sensor
Data", 2025) is judged by the same on whole days with gaps, with 2, 6 or 12 of the 26 signals removed (as reported; the
horizons are ours). A score is taken on ``target = observed & hidden`` and nowhere else: a value that was filled in
before the model saw it is no truth.
"""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from lsmlib.checks import check_whole
from lsmlib.signals import SENSORS, SIGNAL_NAMES, SIGNALS, index_of

DURATIONS = (10, 20, 30, 60, 120)  # minutes
HORIZONS = (60, 180, 360)  # minutes of a day; how long LSM-2's are is not known to us
REMOVED = (2, 6, 12)  # signals of 26, as reported for LSM-2
GRID = 10  # minutes: where spans may start, and their least context; LSM-1's patches


class Task(ABC):
    """A rule that says what is hidden of a window. Subclasses are frozen dataclasses: equal if their options are."""

    kind: ClassVar[str]  # "random", "interpolation", "extrapolation", "sensor" or "signals"

    @property
    @abstractmethod
    def name(self) -> str:
        """As it stands in tables: unlike that of a task with other options."""

    @abstractmethod
    def hide(self, minutes: int, random: np.random.Philox) -> np.ndarray:
        """What is hidden of one window: bool ``[t, s]`` with t = ``minutes``.

        Raises:
            ValueError: if a window of this length is too short for the task.
        """

    def hidden(self, windows: xr.Dataset, seed: int = 0) -> np.ndarray:
        """What is hidden of each window: bool ``[d, t, s]``.

        The draw of a window depends on the seed, the task, and the window's person, date and start; not on its place or
        on the other windows. So a selection, another order or blocks hide the same cells.

        Args:
            windows: a Cohort or windows.
            seed: another seed, another draw; 0 to 2⁶⁴ - 1.

        Raises:
            ValueError: if the windows are too short for the task, or the seed is no whole number in range.
        """
        check_whole("seed", seed, 0, 2**64 - 1)
        start = windows["start_minute"].values if "start_minute" in windows else np.zeros(windows.sizes["day"], int)
        dates = windows["date"].values.astype("datetime64[D]")
        drawn = []
        for person, date, minute in zip(windows["person"].values, dates, start, strict=True):
            text = f"{seed}/{self.name}/{date}/{minute}/{person}"
            key = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=16).digest(), "little")
            drawn.append(self.hide(windows.sizes["minute"], np.random.Philox(key=key)))
        return np.stack(drawn)


@dataclass(frozen=True)
class RandomImputation(Task):
    """Hide a share of the patches, drawn without replacement: the same number in every window.

    Patches lie on a grid that starts at the first minute and the first signal; where 26 signals do not divide, the last
    patch has fewer (with the default five: one). LSM-1 trains on this task with its own patches.
    """

    share: float = 0.8
    patch_minutes: int = 10
    patch_signals: int = 5
    kind = "random"

    def __post_init__(self):
        check_whole("patch_minutes", self.patch_minutes, 1)
        check_whole("patch_signals", self.patch_signals, 1, len(SIGNALS))
        if not 0 < self.share < 1:
            raise ValueError(f"share is {self.share!r}; expected more than 0 and less than 1, for example 0.8")

    @property
    def name(self) -> str:
        """See ``Task.name``."""
        usual = (self.patch_minutes, self.patch_signals) == (10, 5)
        patches = "" if usual else f" of patches of {self.patch_minutes} min × {self.patch_signals}"
        return f"random {100 * self.share:g} %{patches}"

    def hide(self, minutes: int, random: np.random.Philox) -> np.ndarray:
        """See ``Task.hide``."""
        if minutes % self.patch_minutes:
            raise ValueError(
                f"windows of {minutes} minutes do not divide into patches of {self.patch_minutes}; expected a multiple"
            )
        rows, columns = minutes // self.patch_minutes, -(-len(SIGNALS) // self.patch_signals)
        count = round(self.share * rows * columns)
        if not 0 < count < rows * columns:
            raise ValueError(
                f"{self.name} of {rows * columns} patches hides {count}; expected at least one hidden and one visible. "
                "Use longer windows, smaller patches or another share"
            )
        patches = np.zeros(rows * columns, bool)
        # sorting Philox's bits, of which numpy promises the very stream, gives the same draw with any later version
        patches[np.argsort(random.random_raw(rows * columns), kind="stable")[:count]] = True
        cells = patches.reshape(rows, columns).repeat(self.patch_minutes, axis=0).repeat(self.patch_signals, axis=1)
        return cells[:, : len(SIGNALS)]


@dataclass(frozen=True)
class Interpolation(Task):
    """Hide all signals for so many minutes inside the window, with at least one patch of context on both sides.

    The block starts at a multiple of ``patch_minutes``, drawn for each window.
    """

    minutes: int
    patch_minutes: int = GRID
    kind = "interpolation"

    def __post_init__(self):
        check_whole("minutes", self.minutes, 1)
        check_whole("patch_minutes", self.patch_minutes, 1)

    @property
    def name(self) -> str:
        """See ``Task.name``."""
        grid = "" if self.patch_minutes == GRID else f" on a grid of {self.patch_minutes}"
        return f"interpolation {self.minutes} min{grid}"

    def hide(self, minutes: int, random: np.random.Philox) -> np.ndarray:
        """See ``Task.hide``."""
        cells = np.zeros((minutes, len(SIGNALS)), bool)
        cells[_draw_span(self.name, self.minutes, self.patch_minutes, minutes, random)] = True
        return cells


@dataclass(frozen=True)
class Extrapolation(Task):
    """Hide all signals for the last so many minutes of the window: a forecast."""

    minutes: int
    kind = "extrapolation"

    def __post_init__(self):
        check_whole("minutes", self.minutes, 1)

    @property
    def name(self) -> str:
        """See ``Task.name``."""
        return f"extrapolation {self.minutes} min"

    def hide(self, minutes: int, random: np.random.Philox) -> np.ndarray:
        """See ``Task.hide``; nothing is drawn."""
        if self.minutes >= minutes:
            raise ValueError(
                f"{self.name} leaves windows of {minutes} minutes no context; expected windows of more than "
                f"{self.minutes} minutes"
            )
        cells = np.zeros((minutes, len(SIGNALS)), bool)
        cells[minutes - self.minutes :] = True
        return cells


@dataclass(frozen=True)
class SensorImputation(Task):
    """Hide all signals of one sensor, while the other sensors stay visible.

    For the whole window (``minutes=None``), to be told from the other sensors alone: a line knows no more than the mean
    there. Or for so many minutes inside the window, which starts and has context as in ``Interpolation``, on a grid of
    10 minutes, so that the sensor's own readings before and after help. Which form the paper used, and how long a span,
    is not known to us.
    """

    sensor: str
    minutes: int | None = None
    kind = "sensor"

    def __post_init__(self):
        if self.sensor not in SENSORS:
            raise ValueError(f"there is no sensor {self.sensor!r}; expected one of {', '.join(SENSORS)}")
        if self.minutes is not None:
            check_whole("minutes", self.minutes, 1)

    @property
    def name(self) -> str:
        """See ``Task.name``."""
        span = "" if self.minutes is None else f" {self.minutes} min"
        return f"sensor {self.sensor}{span}"

    def hide(self, minutes: int, random: np.random.Philox) -> np.ndarray:
        """See ``Task.hide``; for the whole window nothing is drawn."""
        span = slice(minutes)
        if self.minutes is not None:
            span = _draw_span(self.name, self.minutes, GRID, minutes, random)
        cells = np.zeros((minutes, len(SIGNALS)), bool)
        cells[span] = [signal.sensor == self.sensor for signal in SIGNALS]
        return cells


@dataclass(frozen=True)
class SignalsRemoved(Task):
    """Hide so many of the signals for the whole window, drawn for each window, while the others stay visible.

    Of a sensor with several signals the ones that remain tell of the ones removed, unlike in ``SensorImputation``.
    Signals are drawn whether the window has readings of them or not: those it lacks are no target. By default all 26
    may be drawn; ``among`` names fewer, for example those that a device has.
    """

    count: int
    among: tuple[str, ...] = SIGNAL_NAMES
    kind = "signals"

    def __post_init__(self):
        for name in self.among:
            index_of(name)
        if len(set(self.among)) < max(len(self.among), 2):
            raise ValueError(f"among is {self.among}; expected at least two signals, each once")
        check_whole("count", self.count, 1, len(self.among) - 1)

    @property
    def name(self) -> str:
        """See ``Task.name``."""
        among = "" if self.among == SIGNAL_NAMES else f", of {' and '.join(self.among)}"
        return f"{self.count} signal{'s' * (self.count > 1)} removed{among}"

    def hide(self, minutes: int, random: np.random.Philox) -> np.ndarray:
        """See ``Task.hide``."""
        cells = np.zeros((minutes, len(SIGNALS)), bool)
        drawn = np.argsort(random.random_raw(len(self.among)), kind="stable")[: self.count]
        cells[:, [index_of(self.among[at]) for at in drawn]] = True
        return cells


LSM1_TASKS: tuple[Task, ...] = (
    RandomImputation(0.8),
    *map(Interpolation, DURATIONS),
    *map(Extrapolation, DURATIONS),
    *map(SensorImputation, SENSORS),
    *(SensorImputation(sensor, 60) for sensor in SENSORS),
)

LSM2_TASKS: tuple[Task, ...] = (
    RandomImputation(0.8, patch_minutes=10, patch_signals=1),
    *map(Interpolation, HORIZONS),
    *map(Extrapolation, HORIZONS),
    *map(SignalsRemoved, REMOVED),
)


def observed_cells(windows: xr.Dataset) -> np.ndarray:
    """Where a reading was measured, bool ``[d, t, s]``: ``observed`` of windows, or what is not NaN in whole days."""
    return windows["observed"].values if "observed" in windows else ~np.isnan(windows["signals"].values)


def visible_readings(windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
    """The readings that may be used: float32 ``[d, t, s]``, NaN where hidden, missing or filled in beforehand.

    Raises:
        ValueError: if ``hidden`` is not bool or has another shape than the signals.
    """
    check_hidden(windows, hidden)
    return np.where(observed_cells(windows) & ~hidden, windows["signals"].values, np.float32(np.nan))


def check_hidden(windows: xr.Dataset, hidden: np.ndarray) -> None:
    """Check that ``hidden`` fits the windows. Raises ``ValueError``."""
    shape = windows["signals"].shape
    given = np.asarray(hidden)
    if given.dtype.kind != "b" or given.shape != shape:
        raise ValueError(
            f"hidden is {given.dtype} {list(given.shape)}; expected bool {list(shape)}, from a task's hidden(windows)"
        )


def _draw_span(name: str, length: int, grid: int, minutes: int, random: np.random.Philox) -> slice:
    """A span of this length that starts on the grid, with at least one step of it as context on both sides.

    Raises ``ValueError`` if the window is too short for any.
    """
    starts = np.arange(grid, minutes - grid - length + 1, grid)
    if not len(starts):
        raise ValueError(
            f"{name} needs {grid} minutes of context on both sides, so windows of at least {length + 2 * grid} "
            f"minutes; these have {minutes}"
        )
    start = starts[int(random.random_raw()) % len(starts)]
    return slice(start, start + length)
