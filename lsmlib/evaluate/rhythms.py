"""Rest and activity over days, in the numbers that actigraphy has used for thirty years.

Witting et al., "Alterations in the circadian rest-activity rhythm in aging and Alzheimer's disease" (Biological
Psychiatry, 1990), and Van Someren et al., "Bright light therapy: improved sensitivity to its effects on rest-activity
rhythms in Alzheimer patients by application of nonparametric methods" (Chronobiology International, 1999). Stability
and variability are of hours, as there; gaps, which these do without, are left out of every sum.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import check_cohort
from lsmlib.signals import MINUTES_PER_DAY, SIGNAL_NAMES

HOURS, LEAST_MINUTES = 24, 30  # an hour counts from so many observed minutes on
LEAST_ACTIVE, MOST_ACTIVE = 5, 10  # hours on end
MEANINGS: Mapping[str, str] = {
    "mean": "mean over observed minutes",
    "sd": "standard deviation over observed minutes",
    "zero_share": "share of observed minutes in which nothing moved",
    "L5": "mean over the five hours on end of the usual day in which least moves",
    "M10": "mean over the ten hours on end of the usual day in which most moves",
    "RA": "relative amplitude, (M10 - L5) / (M10 + L5)",
    "IS": "interdaily stability: how alike days are, from 0 to 1",
    "IV": "intradaily variability: how often rest and activity alternate, 0 for a sine, about 2 for noise",
}


def rest_activity(cohort: xr.Dataset, of: str = "counts") -> pd.DataFrame:
    """Describe each person's rest and activity.

    Args:
        cohort: whole days; those of a person need not follow one another.
        of: what tells of activity, 0 where nothing moves: a variable ``[d, t]`` such as the ``counts`` of
            ``read_actigraphy``, or a signal, such as ``"steps"``.

    Returns:
        A row a person, in the order of their names; the columns of ``MEANINGS``, the first two, L5 and M10 in the unit
        of what was given. NaN where nothing can be said: a person without readings, whose hours are all alike (IS and
        IV), or of whose usual day some minutes were never observed (L5, M10, RA).

    Raises:
        ValueError: if this is no Cohort of whole days, or there is no such variable or signal.
    """
    check_cohort(cohort, values=False)
    if of in SIGNAL_NAMES:
        values = cohort["signals"].sel(signal=of).values
    elif of in cohort and cohort[of].dims == ("day", "minute"):
        values = cohort[of].values
    else:
        raise ValueError(f"there is no signal and no variable [d, t] called {of!r}; expected 'counts' or 'steps'")
    if values.shape[1] != MINUTES_PER_DAY:
        raise ValueError(f"these are windows of {values.shape[1]} minutes; expected whole days")
    people, whose = np.unique(cohort["person"].values, return_inverse=True)
    rows = [describe_person(values[whose == at], cohort["date"].values[whose == at]) for at in range(len(people))]
    return pd.DataFrame(rows, pd.Index(people, name="person"))


def describe_person(values: np.ndarray, dates: np.ndarray) -> dict[str, float]:
    """The numbers of ``MEANINGS`` of one person's days ``[d, 1440]``, NaN at gaps, with their dates ``[d]``."""
    order = np.argsort(dates)
    values, dates = np.asarray(values, float)[order], dates[order].astype("datetime64[D]")
    observed = ~np.isnan(values)
    known = values[observed]
    least, most = extremes(values)
    hours = hourly_means(values)
    return {
        "mean": float(known.mean()) if known.size else np.nan,
        "sd": float(known.std()) if known.size else np.nan,
        "zero_share": float((known == 0).mean()) if known.size else np.nan,
        "L5": least,
        "M10": most,
        "RA": (most - least) / (most + least) if most + least > 0 else np.nan,
        "IS": interdaily_stability(hours),
        "IV": intradaily_variability(hours, dates),
    }


def hourly_means(values: np.ndarray) -> np.ndarray:
    """Means of hours ``[d, 24]`` of minutes ``[d, 1440]``; NaN where less than half of the hour was observed."""
    minutes = values.reshape(len(values), HOURS, -1)
    count = (~np.isnan(minutes)).sum(axis=2)
    return np.where(count >= LEAST_MINUTES, np.nansum(minutes, axis=2) / np.maximum(count, 1), np.nan)


def interdaily_stability(hours: np.ndarray) -> float:
    """The variance of the usual day among all hours: IS of hourly means ``[d, 24]``, NaN if all are alike.

    With gaps, an hour of the usual day counts as often as it was observed; without, this is the published formula.
    """
    known = ~np.isnan(hours)
    count = known.sum(axis=0)
    if not count.any():
        return np.nan
    around = hours - hours[known].mean()
    usual = np.nansum(around, axis=0) / np.maximum(count, 1)
    total = np.nansum(around**2)
    return float((count * usual**2).sum() / total) if total > 0 else np.nan


def intradaily_variability(hours: np.ndarray, dates: np.ndarray) -> float:
    """Mean squared change from one hour to the next, against the variance of hours: IV of hourly means ``[d, 24]``.

    Only pairs of known hours that follow one another count, over midnight too where dates ``[d]`` do. NaN without such
    a pair, or if all hours are alike.
    """
    start = (dates - dates.min()).astype(int) * HOURS
    series = np.full(start.max() + HOURS, np.nan)
    series[start[:, None] + np.arange(HOURS)] = hours
    changes, variance = np.diff(series), np.nanvar(series) if (~np.isnan(series)).any() else 0.0
    changes = changes[~np.isnan(changes)]
    return float(np.mean(changes**2) / variance) if len(changes) and variance > 0 else np.nan


def extremes(values: np.ndarray) -> tuple[float, float]:
    """L5 and M10 of minutes ``[d, 1440]``: of the usual day, which goes round; NaN if it has minutes never observed."""
    count = (~np.isnan(values)).sum(axis=0)
    if not count.all():
        return np.nan, np.nan
    usual = np.nansum(values, axis=0) / count
    running = np.concatenate([[0], np.cumsum(np.tile(usual, 2))])
    means = [
        (running[60 * hours :] - running[: -60 * hours])[:MINUTES_PER_DAY] / (60 * hours)
        for hours in (LEAST_ACTIVE, MOST_ACTIVE)
    ]
    return float(means[0].min()), float(means[1].max())
