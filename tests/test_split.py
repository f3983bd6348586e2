"""Splitting by person."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import lsmlib
from tests.cohorts import small_cohort

# Only who has which day matters here, so one signal-free minute a day would do; the contract wants whole days.
COHORT = small_cohort(days=60, people=30, gaps=0)


def people(cohort: xr.Dataset) -> set[str]:
    return set(cohort["person"].values.tolist())


@given(
    cuts=st.lists(st.floats(0.02, 1), min_size=1, max_size=6),
    seed=st.integers(0, 2**31),
)
def test_parts_share_no_person_and_leave_nothing_out(cuts, seed):
    fractions = np.array(cuts) / sum(cuts)
    parts = lsmlib.split_people(COHORT, fractions, seed)
    assert sum(part.sizes["day"] for part in parts) == COHORT.sizes["day"]
    assert set.union(*map(people, parts)) == people(COHORT)
    assert sum(len(people(part)) for part in parts) == len(people(COHORT))
    assert all(len(people(part)) >= 1 for part in parts)
    if min(fractions) * 30 >= 1:
        assert all(abs(len(people(part)) - 30 * share) < 1 for part, share in zip(parts, fractions, strict=True))


def test_a_split_depends_on_names_and_seed_only():
    shuffled = COHORT.isel(day=np.random.default_rng(0).permutation(60))
    first, again = (lsmlib.split_people(cohort, (0.8, 0.1, 0.1), 7) for cohort in (COHORT, shuffled))
    assert [people(part) for part in first] == [people(part) for part in again]
    assert [people(part) for part in first] != [people(p) for p in lsmlib.split_people(COHORT, (0.8, 0.1, 0.1), 8)]


def test_a_person_who_leaves_moves_few_others():
    train, test = lsmlib.split_people(COHORT, (0.5, 0.5))
    fewer = COHORT.isel(day=np.flatnonzero(COHORT["person"] != COHORT["person"][0]))
    train_again, test_again = lsmlib.split_people(fewer, (0.5, 0.5))
    moved = (people(train) & people(test_again)) | (people(test) & people(train_again))
    assert len(moved) <= 1


def test_the_split_never_changes():
    """A model's test people must stay its test people in every later version."""
    test = lsmlib.split_people(COHORT, (0.9, 0.1), seed=0)[1]
    assert people(test) == EXPECTED


EXPECTED = {"pérson 13", "pérson 21", "pérson 26"}


@pytest.mark.parametrize(
    ("fractions", "words"), [((0.5, 0.4), "sum 0.9"), ((1.5, -0.5), "positive"), ([1 / 31] * 31, "30 people cannot")]
)
def test_refusals(fractions, words):
    with pytest.raises(ValueError, match=words):
        lsmlib.split_people(COHORT, fractions)


@pytest.mark.parametrize("seed", [None, 1.5, "1", True, -1])
def test_a_seed_is_a_whole_number(seed):
    with pytest.raises(ValueError, match=f"seed is {seed!r}; expected a whole number, 0 to"):
        lsmlib.split_people(COHORT, (0.5, 0.5), seed)
