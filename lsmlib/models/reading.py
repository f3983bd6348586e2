"""How much of what was measured a model reads, where it reads whole patches only."""

import warnings
from collections.abc import Callable

import numpy as np
import xarray as xr

BLOCK = 64  # days at once; and as many, evenly spaced, as are looked at to see what kind of recording this is
LEAST = 0.5  # of the readings; simulated days have 0.94 in whole patches


def warn_of_unread(cohort: xr.Dataset, observed_tokens: Callable[[np.ndarray], np.ndarray], patch_minutes: int) -> None:
    """Warn if more than half of the readings are in patches with a gap, and so are not read.

    Args:
        cohort: days; lazy ones are read, at most 64 of them.
        observed_tokens: from which readings there are, bool ``[b, t, s]``, to the tokens that are read, ``[b, n]``.
        patch_minutes: length of a patch of one signal.
    """
    days = cohort.sizes["day"]
    chosen = np.unique(np.linspace(0, days - 1, min(days, BLOCK)).round().astype(int))
    observed = ~np.isnan(cohort["signals"][chosen].values)
    readings, read = int(observed.sum()), int(observed_tokens(observed).sum()) * patch_minutes
    if read < LEAST * readings:
        warnings.warn(
            f"{1 - read / readings:.0%} of the readings are not read: they stand in patches of {patch_minutes} minutes "
            "in which another minute is missing. lsmlib.evaluate.describe_coverage(cohort, model) counts what is read "
            "of each day. If minutes are lost one by one, train a model with patch_missing_if='all', or fill gaps of a "
            "few minutes first",
            stacklevel=3,
        )


def is_anything_read(cohort: xr.Dataset, observed_tokens: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether any token of these days is read; lazy ones are read until one is found."""
    blocks = (cohort["signals"][first : first + BLOCK].values for first in range(0, cohort.sizes["day"], BLOCK))
    return any(observed_tokens(~np.isnan(block)).any() for block in blocks)
