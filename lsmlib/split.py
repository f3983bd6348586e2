"""Split a Cohort by person: whoever trains a model never appears among those it is judged on."""

import hashlib
from collections.abc import Sequence

import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort, check_whole


def split_people(cohort: xr.Dataset, fractions: Sequence[float], seed: int = 0) -> tuple[xr.Dataset, ...]:
    """Split a Cohort into parts that share no person.

    People are put in an order that depends on nothing but the seed and each person's name (a hash of both), and that
    order is cut at the fractions. So the split is the same wherever and in whatever order the days are stored, and when
    people join the Cohort later, only those next to a cut can change sides.

    Args:
        cohort: a Cohort or windows; lazy ones stay lazy.
        fractions: the share of people of each part, for example ``(0.8, 0.1, 0.1)``; they sum to 1. Counts are rounded
            to whole people, and every part gets at least one.
        seed: another seed, another split; 0 to 2⁶⁴ - 1.

    Returns:
        One Cohort for each fraction, days in the order they had.

    Raises:
        ValueError: if the fractions are not positive or do not sum to 1, there are fewer people than parts, or the
            seed is no whole number in range.
    """
    check_cohort(cohort, values=False)
    check_whole("seed", seed, 0, 2**64 - 1)
    shares = np.asarray(fractions, float)
    if shares.ndim != 1 or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"fractions are {fractions} (sum {shares.sum():g}); expected positive numbers that sum to 1")
    people, person_of_day = np.unique(cohort["person"].values.astype(np.str_), return_inverse=True)
    if len(people) < len(shares):
        raise ValueError(f"{len(people)} people cannot be split into {len(shares)} parts without an empty one")
    rank = np.argsort(np.argsort([hashlib.blake2b(f"{seed}/{person}".encode()).hexdigest() for person in people]))
    ends = np.cumsum(_count(shares, len(people)))
    part_of_day = np.searchsorted(ends, rank, side="right")[person_of_day]
    return tuple(cohort.isel(day=np.flatnonzero(part_of_day == part)) for part in range(len(shares)))


def _count(shares: np.ndarray, people: int) -> np.ndarray:
    """Whole people for each part: rounded by largest remainder, at least one each."""
    counts = np.floor(shares * people + 1e-9).astype(int)
    for part in np.argsort(counts - shares * people, kind="stable")[: people - counts.sum()]:
        counts[part] += 1
    while (counts == 0).any():
        counts[counts.argmax()] -= 1
        counts[counts.argmin()] += 1
    return counts
