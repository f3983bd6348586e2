"""Non-wear: minutes in which a device lay in a drawer and wrote zeros.

Only a named option of the readers calls these, never a reader by itself: that a device was not worn is a conclusion,
and other rules conclude otherwise.
"""

from collections.abc import Callable

import numpy as np

from lsmlib.runs import find_runs
from lsmlib.signals import MINUTES_PER_DAY


def find_non_wear_choi(counts: np.ndarray, window: int = 90, spike: int = 2, quiet: int = 30) -> np.ndarray:
    """Non-wear after Choi et al., "Validation of accelerometer wear and nonwear time classification algorithm" (2011).

    At least ``window`` minutes of zeros in a row; up to ``spike`` minutes of other counts among them are forgiven if
    the ``quiet`` minutes before and the ``quiet`` minutes after them are all zeros. Made for activity counts of the hip
    or wrist. On steps it takes nights for non-wear.

    Args:
        counts: float ``[t]``, one a minute without gaps.
        window: minutes that non-wear lasts at the least.
        spike: the longest stretch of other counts that is forgiven, in minutes.
        quiet: minutes of zeros that are asked for on both sides of such a stretch.

    Returns:
        bool ``[t]``, True where the device was not worn.
    """
    is_zero = np.asarray(counts) == 0
    length = len(is_zero)
    forgiven = is_zero.copy()
    for start, stop in find_runs(~is_zero):
        before, after = is_zero[max(start - quiet, 0) : start], is_zero[stop : stop + quiet]
        if stop - start <= spike and len(before) == len(after) == quiet and before.all() and after.all():
            forgiven[start:stop] = True
    not_worn = np.zeros(length, bool)
    for start, stop in find_runs(forgiven):
        not_worn[start:stop] = stop - start >= window
    return not_worn


def find_stepless_days(steps: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """Civil days without one step: what a step counter in a drawer writes.

    Args:
        steps: float ``[t]``.
        minute: int ``[t]``, minutes since a midnight.

    Returns:
        bool ``[t]``, True in days of which no minute has a step.
    """
    day, of = np.unique(np.asarray(minute) // MINUTES_PER_DAY, return_inverse=True)
    return np.bincount(of, np.asarray(steps) > 0, len(day))[of] == 0


def _choi(values: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """``find_non_wear_choi`` on every stretch of consecutive minutes: across a gap nothing is known."""
    starts = np.flatnonzero(np.diff(minute, prepend=minute[:1] - 2) != 1)
    stretches = np.split(np.arange(len(minute)), starts[1:])
    return np.concatenate([find_non_wear_choi(values[stretch]) for stretch in stretches])


# What `non_wear=` of the readers may be: from values and their minutes, both [m] and not empty, to what was not worn.
NON_WEAR: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "choi": _choi,
    "stepless_day": find_stepless_days,
}


def check_non_wear(non_wear: str | None) -> None:
    """Raises ``ValueError`` unless ``non_wear`` is None or the name of a rule."""
    if non_wear is not None and non_wear not in NON_WEAR:
        raise ValueError(f"non_wear is {non_wear!r}; expected None or one of {sorted(NON_WEAR)}")
