"""Numbers, their ranges and their intervals."""

import pytest

from tools.expectations import compare

RANGES = {"gain": (0.3, 0.6)}


@pytest.mark.parametrize(
    ("numbers", "problems"),
    [
        ({"gain": 0.4}, []),
        ({"gain": 0.4, "gain_low": 0.35, "gain_high": 0.45}, []),  # an interval needs no range
        ({"gain": 0.4, "gain_low": 0.2, "gain_high": 0.7}, []),  # and may be wider than it
        ({}, ["gain: expected, but the notebook does not give it"]),
        ({"gain": 0.7}, ["gain: 0.7 is not within [0.3, 0.6]"]),
        ({"gain": 0.4, "loss": 1.0}, ["loss: given, but there is no range for it"]),
        ({"gain": 0.4, "loss_low": 1.0}, ["loss_low: given, but there is no range for it"]),
        ({"gain": 0.4, "gain_low": 0.41, "gain_high": 0.45}, ["gain: 0.4 is not within its own interval [0.41, 0.45]"]),
    ],
)
def test_compare(numbers, problems):
    assert compare(numbers, RANGES) == problems
