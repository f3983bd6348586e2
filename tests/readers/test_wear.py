"""Non-wear: the rules' own words, as arrays."""

import numpy as np
import pytest

from lsmlib.readers.wear import check_non_wear, find_non_wear_choi, find_stepless_days
from lsmlib.runs import find_runs


def counts(*parts: tuple[int, int]) -> np.ndarray:
    """Stretches of (minutes, count)."""
    return np.concatenate([np.full(length, value, float) for length, value in parts])


def test_ninety_minutes_of_zeros_are_non_wear_and_eighty_nine_are_not():
    assert find_non_wear_choi(counts((10, 5), (90, 0), (10, 5))).tolist() == [False] * 10 + [True] * 90 + [False] * 10
    assert not find_non_wear_choi(counts((10, 5), (89, 0), (10, 5))).any()


def test_a_spike_is_forgiven_only_between_quiet_half_hours():
    assert find_non_wear_choi(counts((45, 0), (2, 9), (45, 0))).all()
    assert not find_non_wear_choi(counts((45, 0), (3, 9), (45, 0))).any()  # three minutes are no spike
    assert not find_non_wear_choi(counts((65, 0), (2, 9), (29, 0), (10, 5))).any()  # not quiet for long enough after
    assert not find_non_wear_choi(counts((40, 0), (1, 9), (10, 0), (1, 9), (40, 0))).any()  # two, too close together


def test_movement_is_never_non_wear_and_empty_is_empty():
    assert not find_non_wear_choi(np.ones(500)).any()
    assert len(find_non_wear_choi(np.zeros(0))) == 0


def test_stepless_days():
    steps, minute = np.zeros(4320), np.arange(4320) + 1440 * 20_000
    steps[1440 + 700] = 1
    not_worn = find_stepless_days(steps, minute)
    assert not_worn[:1440].all() and not not_worn[1440:2880].any() and not_worn[2880:].all()


def test_unknown_rules_are_refused():
    with pytest.raises(ValueError, match="'troiano'; expected None or one of \\['choi', 'stepless_day'\\]"):
        check_non_wear("troiano")


def test_runs():
    assert find_runs(np.array([True, False, True, True])) == [(0, 1), (2, 4)] and find_runs(np.zeros(0, bool)) == []
