"""Embeddings that are planted: made of gaps, of readings, or of both."""

import numpy as np
import pytest

from lsmlib.evaluate import coverage_dependence
from lsmlib.evaluate.dependence import KINDS
from tests.cohorts import small_cohort

COHORT = small_cohort(days=200, people=50, gaps=30)
OBSERVED = COHORT["signals"].notnull().values
DRAW = np.random.default_rng(5)


def test_what_is_made_of_gaps_is_foretold_and_what_is_not_is_not():
    shares = OBSERVED.mean(axis=1)
    night = OBSERVED[:, :360].mean(axis=(1, 2))
    noise = DRAW.standard_normal((200, 6))
    half = np.column_stack([shares[:, 3] / shares[:, 3].std(), DRAW.standard_normal(200)])
    table = coverage_dependence(
        {"signals": shares @ DRAW.standard_normal((26, 4)), "night": night[:, None], "noise": noise, "half": half},
        COHORT,
    )
    assert table.columns.tolist() == list(KINDS)
    assert table.loc["signals", "which signals"] > 0.99 and table.loc["signals", "all of it"] > 0.99
    assert table.loc["night", "which hours"] > 0.99 > 0.7 > table.loc["night", "how many readings"]
    assert (table.loc["noise"] < 0.02).all()
    assert table.loc["half", "which signals"] == pytest.approx(0.5, abs=0.15)


def test_readings_alone_change_nothing():
    """The values of the signals are not looked at."""
    vectors = {"any": DRAW.standard_normal((200, 3))}
    scaled = COHORT.assign(signals=COHORT["signals"] * np.float32(0.999))
    assert coverage_dependence(vectors, scaled).equals(coverage_dependence(vectors, COHORT))


def test_wrong_input():
    with pytest.raises(ValueError, match="vectors is ndarray; expected a dict of name to embeddings"):
        coverage_dependence(np.zeros((200, 2)), COHORT)
    with pytest.raises(ValueError, match=r"'short' has shape \(3, 2\); expected finite numbers \[200, w\]"):
        coverage_dependence({"short": np.zeros((3, 2))}, COHORT)
    with pytest.raises(ValueError, match="days of 2 people"):
        coverage_dependence({"few": np.zeros((4, 2))}, COHORT.isel(day=[0, 1, 50, 51]))
