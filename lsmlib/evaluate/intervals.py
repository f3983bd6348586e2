"""Intervals by resampling people: windows of a person resemble each other, so people are what chance draws.

The cluster bootstrap with percentile intervals (Davison and Hinkley 1997, "Bootstrap Methods and their Application").
A score that is a ratio of sums over people, such as a mean error, needs each person's sums only once: a resample is
then a weighted sum, and a thousand of them one product of matrices. (``scipy.stats.bootstrap`` knows no clusters, but
gives the same on such sums, paired, at the cost of copying them for every resample; tests compare the two.)

With few people, say under 20, percentile intervals are too narrow; with one there is none.
"""

import numpy as np

from lsmlib.checks import check_whole

LEVEL = 0.95
BLOCK = 100  # resamples drawn at once


def sum_by_person(values: np.ndarray, person: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Add up the rows of each person.

    Args:
        values: numbers ``[n, ...]``, a row a window or a day.
        person: ``[n]``, whose row it is.

    Returns:
        The people, sorted, ``[p]``; and their sums, float64 ``[p, ...]``.

    Raises:
        ValueError: if the lengths differ.
    """
    if len(values) != len(person):
        raise ValueError(f"{len(values)} rows of {len(person)} people; expected one person a row")
    people, code = np.unique(person, return_inverse=True)
    sums = np.zeros((len(people), *values.shape[1:]))
    np.add.at(sums, code, values)
    return people, sums


def resample_sums(sums: np.ndarray, resamples: int = 1000, seed: int = 0) -> np.ndarray:
    """Sums over people drawn with replacement, as many as there are.

    Everything in one array is resampled jointly: column by column, a resample consists of the same people. So does the
    same resample of another array with as many people and the same seed.

    Args:
        sums: ``[p, ...]``, each person's sums.
        resamples: how many to draw.
        seed: of the draw.

    Returns:
        float64 ``[resamples, ...]``.

    Raises:
        ValueError: if there are fewer than two people, or ``resamples`` or ``seed`` is no whole number in range.
    """
    check_whole("resamples", resamples, 1)
    check_whole("seed", seed, 0)
    people = len(sums)
    if people < 2:
        raise ValueError(
            f"sums of {people} person; an interval needs at least 2, because it says how results differ among people"
        )
    random = np.random.default_rng(seed)
    flat = np.reshape(sums, (people, -1)).astype(float)
    drawn = []
    for first in range(0, resamples, BLOCK):
        times = random.multinomial(people, np.full(people, 1 / people), size=min(BLOCK, resamples - first))
        drawn.append(times @ flat)
    return np.concatenate(drawn).reshape(resamples, *np.shape(sums)[1:])


def percentile_interval(draws: np.ndarray, level: float = LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """The interval that holds the middle 95 % of resampled scores ``[resamples, ...]``: low and high ``[...]``.

    A resample in which a score is not defined (NaN: nobody in it has a target) does not count; where it is never
    defined, the interval is NaN.

    Raises:
        ValueError: if ``level`` does not lie between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level!r}; expected a share between 0 and 1, for example 0.95")
    draws = np.asarray(draws, float)
    bounds = np.full((2, *draws.shape[1:]), np.nan)
    defined = ~np.isnan(draws).all(axis=0)
    bounds[:, defined] = np.nanquantile(draws[:, defined], [(1 - level) / 2, (1 + level) / 2], axis=0)
    return bounds[0], bounds[1]


def ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    """``total / count``, NaN where the count is 0."""
    total, count = np.broadcast_arrays(total, count)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
