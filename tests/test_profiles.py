"""The one dial."""

import dataclasses

import pytest

from lsmlib.models.sizes import LSM1_SIZES, LSM2_SIZES, count_parameters, nano_of_width
from lsmlib.profiles import PROFILES, profile


def test_rows_are_found_by_their_own_names_and_grow():
    assert list(PROFILES) == ["smoke", "laptop", "accelerator", "paper"]
    rows = list(PROFILES.values())
    for table, columns in (
        (rows, ("people", "days")),
        ([row.lsm1 for row in rows], ("people", "days", "steps", "batch_size")),
        ([row.lsm2 for row in rows], ("people", "days", "steps", "batch_size")),
        ([row.scaling for row in rows], ("days", "steps", "batch_size")),
    ):
        for column in columns:
            values = [getattr(row, column) for row in table]
            assert values == sorted(values) and values[0] > 0
    assert all(profile(name) is row and row.name == name for name, row in PROFILES.items())


def test_paper_is_the_published_cohort():
    paper = profile("paper")
    assert paper.people == 60_440
    assert paper.people * paper.days == pytest.approx(1.6e6, rel=0.03)
    assert (paper.lsm2.people, paper.lsm2.days) == (paper.people, paper.days)


def test_sizes_exist():
    assert all(row.lsm1.size in LSM1_SIZES and row.lsm2.size in LSM2_SIZES for row in PROFILES.values())


@pytest.mark.parametrize("name", PROFILES)
def test_grids_can_be_fitted(name):
    grid = profile(name).scaling
    sizes = [nano_of_width(size) if isinstance(size, int) else LSM1_SIZES[size] for size in grid.sizes]
    assert list(map(count_parameters, sizes)) == sorted(map(count_parameters, sizes))
    assert list(grid.people) == sorted(set(grid.people))
    assert any(people * grid.days <= grid.people[-1] for people in grid.people)  # as many days from more people
    if name != "smoke":  # whose laws are the recorded grid's
        assert len(sizes) >= 4 and len(grid.people) >= 4


def test_unknown_name_says_which_there_are():
    with pytest.raises(
        ValueError, match=r"no profile 'desktop'; choose one of 'smoke', 'laptop', 'accelerator', 'paper'"
    ):
        profile("desktop")


def test_a_row_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        profile("smoke").people = 5  # type: ignore[misc]
