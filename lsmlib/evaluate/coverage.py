"""What an embedding of a day depends on: how much of the day was measured, by sensor or signal, by hour, in tokens."""

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import BLOCK, check_cohort
from lsmlib.models.lsm2 import LSM2
from lsmlib.signals import SENSORS, SIGNAL_NAMES, SIGNALS

DAY_PARTS = {"night": (0, 360), "morning": (360, 720), "afternoon": (720, 1080), "evening": (1080, 1440)}  # minutes


def describe_coverage(cohort: xr.Dataset, model: LSM2 | None = None, by: str = "sensor") -> pd.DataFrame:
    """Say of each day what was measured.

    Args:
        cohort: whole days. Lazy ones are read 64 days at a time.
        model: an LSM-2, to count the tokens that it reads of each day; by its rule for patches with some gaps.
        by: ``"sensor"``, or ``"signal"`` to count the minutes of each of the 26.

    Returns:
        A row a day; the index holds person and date. Columns ``PPG_minutes`` and so on for each sensor, or
        ``heart_rate_minutes`` and so on for each signal: minutes with a reading, of a sensor of at least one of its
        signals, 0 to 1,440; ``night_share`` (midnight to six), ``morning_share``,
        ``afternoon_share`` and ``evening_share``: share of the 26 signals' readings that were measured in these six
        hours, 0 to 1; ``signals``: how many have any reading; and with a model ``tokens``. A day with no tokens embeds
        as zeros.

    Raises:
        ValueError: if this is no Cohort of whole days, the model is for days of another length, or ``by`` is neither.
    """
    check_days(cohort)
    if by not in ("sensor", "signal"):
        raise ValueError(f"by is {by!r}; expected 'sensor' or 'signal'")
    if model is not None:
        model.check_windows(cohort)
    groups = SENSORS if by == "sensor" else SIGNAL_NAMES
    members = {group: [group in (signal.sensor, signal.name) for signal in SIGNALS] for group in groups}
    parts = []
    for first in range(0, cohort.sizes["day"], BLOCK):
        observed = ~np.isnan(cohort["signals"][first : first + BLOCK].values)
        found = {f"{name}_minutes": observed[:, :, own].any(axis=2).sum(axis=1) for name, own in members.items()}
        found |= {f"{name}_share": observed[:, slice(*span)].mean(axis=(1, 2)) for name, span in DAY_PARTS.items()}
        found["signals"] = observed.any(axis=1).sum(axis=1)
        if model is not None:
            found["tokens"] = model.observed_tokens(observed).sum(axis=1)
        parts.append(pd.DataFrame(found))
    index = pd.MultiIndex.from_arrays([cohort["person"].values, cohort["date"].values], names=["person", "date"])
    return pd.concat(parts).set_index(index)


def check_days(cohort: xr.Dataset) -> None:
    """Check that rows are whole days, their gaps not filled. Raises ``ValueError``."""
    check_cohort(cohort, values=False)
    if "start_minute" in cohort.variables:
        raise ValueError(
            f"these are windows of {cohort.sizes['minute']} minutes, their gaps filled; expected a Cohort of whole days"
        )
