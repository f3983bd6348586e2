"""A cell of a scaling experiment: one model, trained once, on one share of the people.

Cells are comparable because they share all that they do not name. Their people are nested: those of a smaller cell are
the first of a larger one, and so are their days. Seeds change weights, masks and the order of rows, never the people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort, check_whole
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.sizes import LSM1_SIZES, LSM2_SIZES, Size, size_of
from lsmlib.signals import MINUTES_PER_DAY
from lsmlib.windows import cut_windows, take_windows

MODELS = ("LSM1", "LSM2")


@dataclass(frozen=True)
class Cell:
    """One training of a grid.

    Args:
        model: ``"LSM1"`` or ``"LSM2"``.
        size: a name of the model's table, or a ``Size``. LSM-1 on whole days takes LSM-2's sizes and patches, so that
            the two differ in nothing but how they treat gaps.
        people: how many learn from.
        days: of each of them.
        steps: of training.
        batch_size: rows of a step.
        learning_rate: at its peak.
        seed: of weights, masks and the order of rows.
        minutes: of a window. 1440 for whole days: LSM-2 reads their gaps, LSM-1 has them filled in. 300 for LSM-1 as
            published, on windows with few gaps.

    Raises:
        ValueError: if there is no such model or size, or a number is out of range.
    """

    model: str
    size: str | Size
    people: int
    days: int
    steps: int
    batch_size: int
    learning_rate: float = 1e-3
    seed: int = 0
    minutes: int = MINUTES_PER_DAY

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise ValueError(f"model is {self.model!r}; expected {' or '.join(map(repr, MODELS))}")
        for name in ("people", "days", "steps", "batch_size"):
            check_whole(name, getattr(self, name), 1)
        check_whole("seed", self.seed, 0, 2**31 - 1)
        check_whole("minutes", self.minutes, 1, MINUTES_PER_DAY)
        if self.model == "LSM2" and self.minutes != MINUTES_PER_DAY:
            raise ValueError(f"minutes is {self.minutes}; expected {MINUTES_PER_DAY}, the whole days that LSM-2 reads")
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate is {self.learning_rate}; expected a number above 0, such as 1e-3")
        size_of(self.size, self._sizes)

    @property
    def _sizes(self) -> dict[str, Size]:
        return LSM2_SIZES if self.minutes == MINUTES_PER_DAY else LSM1_SIZES

    @property
    def size_name(self) -> str:
        """The size's name, or its numbers: ``2x64x4x256+1x48x4x192``."""
        if isinstance(self.size, str):
            return self.size
        return "+".join("x".join(map(str, stack)) for stack in self.size)

    @property
    def name(self) -> str:
        """As it is called in tables and in file names; no other cell has it."""
        return (
            f"{self.model}-{self.minutes}m-{self.size_name}-{self.people}p-{self.days}d-{self.steps}s-"
            f"{self.batch_size}b-{self.learning_rate:g}lr-{self.seed}"
        )

    def as_row(self) -> dict[str, Any]:
        """The columns of a record that say which cell it is."""
        names = ("model", "people", "days", "steps", "batch_size", "learning_rate", "seed", "minutes")
        return {"cell": self.name, "size": self.size_name} | {name: getattr(self, name) for name in names}

    def new_model(self) -> LSM1 | LSM2:
        """The model before training. Tokens of both attend to tokens like themselves at first (``MimeticUniform``).

        LSM-1's usual start sits on a plateau for about as many steps as a small cell has, and how long is chance.
        """
        if self.model == "LSM2":
            return LSM2(self.size, seed=self.seed)
        if self.minutes == MINUTES_PER_DAY:
            size = size_of(self.size, LSM2_SIZES)
            return LSM1(size, minutes=MINUTES_PER_DAY, patch_signals=1, mimetic=3.0, seed=self.seed)
        return LSM1(self.size, minutes=self.minutes, mimetic=3.0, seed=self.seed)

    def rows(self, cohort: xr.Dataset) -> xr.Dataset:
        """What it learns from: the first days of the first people, as the model reads them.

        Raises:
            ValueError: if there are too few people, or one of them has too few days.
        """
        return self.as_read(first_people(cohort, self.people, self.days))

    def as_read(self, days: xr.Dataset) -> xr.Dataset:
        """Whole days as the model reads them: as they are, filled in, or cut into windows."""
        if self.model == "LSM2":
            return days
        if self.minutes < MINUTES_PER_DAY:
            return cut_windows(days, self.minutes)
        # every day, however few of its readings there are: LSM-2 learns from and is judged on the same
        every = np.arange(days.sizes["day"])
        return take_windows(days.compute(), every, np.zeros_like(every), MINUTES_PER_DAY)


def make_cells(
    models: Sequence[str],
    sizes: Iterable[str | Size],
    people: Iterable[int],
    days: Iterable[int],
    steps: Iterable[int],
    batch_size: int,
    seeds: Iterable[int] = (0, 1, 2),
    learning_rate: float = 1e-3,
    minutes: int = MINUTES_PER_DAY,
) -> list[Cell]:
    """Every combination, seeds outermost: a grid that stops early has every cell once, not some three times.

    Raises:
        ValueError: if one of the first five, or ``seeds``, is no list, or as ``Cell``.
    """
    lists = {"models": models, "sizes": sizes, "people": people, "days": days, "steps": steps, "seeds": seeds}
    for name, value in lists.items():
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise ValueError(f"{name} is {value!r}; expected a list of them, such as [{value!r}]")
    combinations = product(seeds, models, sizes, people, days, steps)
    return [
        Cell(model, size, count, length, number, batch_size, learning_rate, seed, minutes)
        for seed, model, size, count, length, number in combinations
    ]


def first_people(cohort: xr.Dataset, people: int, days: int) -> xr.Dataset:
    """The first days of the first people, in the order in which they stand in the Cohort.

    Raises:
        ValueError: if there are too few people, or one of them has too few days.
    """
    check_cohort(cohort, values=False)
    check_whole("people", people, 1)
    check_whole("days", days, 1)
    names, first, who = np.unique(cohort["person"].values.astype(np.str_), return_index=True, return_inverse=True)
    if people > len(names):
        raise ValueError(
            f"a cell asks for {people} people, and the Cohort has {len(names)}; give it more, or ask for fewer"
        )
    rank = np.empty(len(names), int)
    rank[np.argsort(first)] = np.arange(len(names))
    place = rank[who]  # of each row's person
    order = np.argsort(place, kind="stable")
    counts = np.bincount(place)
    nth = np.empty(len(place), int)  # of each row among those of its person
    nth[order] = np.arange(len(place)) - np.repeat(np.cumsum(counts) - counts, counts)
    if counts[:people].min() < days:
        short = int(counts[:people].argmin())
        raise ValueError(
            f"a cell asks for {days} days of each of {people} people, and {str(names[np.argsort(first)[short]])!r} has "
            f"{counts[short]}; leave such people out, or ask for fewer days"
        )
    return cohort.isel(day=np.flatnonzero((place < people) & (nth < days)))
