import numpy as np
import pytest

from lsmlib.evaluate.generative_tasks import observed_cells
from lsmlib.models.sizes import LSM2_SIZES
from lsmlib.scaling import DAY_TASKS, Cell, first_people, make_cells
from tests.cohorts import small_cohort
from tests.scaling.grids import SMALL


def cell(**changes):
    return Cell(**{"model": "LSM2", "size": "nano", "people": 2, "days": 1, "steps": 5, "batch_size": 2} | changes)


def test_people_and_days_are_nested():
    cohort = small_cohort(days=12, people=4)  # they take turns
    order = [f"pérson {number}" for number in range(4)]
    for people in (1, 2, 4):
        for days in (1, 2, 3):
            rows = first_people(cohort, people, days)
            assert sorted(set(rows["person"].values)) == order[:people]
            assert rows.sizes["day"] == people * days
            for person in order[:people]:
                dates = rows["date"].values[rows["person"].values == person]
                own = cohort["date"].values[cohort["person"].values == person]
                np.testing.assert_array_equal(dates, own[:days])


def test_too_few_people_or_days():
    cohort = small_cohort(days=7, people=4)
    with pytest.raises(ValueError, match="asks for 5 people, and the Cohort has 4"):
        first_people(cohort, 5, 1)
    with pytest.raises(ValueError, match=r"asks for 2 days of each of 4 people, and 'pérson 3' has 1"):
        first_people(cohort, 4, 2)
    assert first_people(cohort, 3, 2).sizes["day"] == 6


def test_both_models_learn_from_and_are_judged_on_the_same():
    days = small_cohort(days=4, people=2, gaps=40)
    one, two = (cell(model=model).as_read(days) for model in ("LSM1", "LSM2"))
    np.testing.assert_array_equal(observed_cells(one), observed_cells(two))
    assert not np.isnan(one["signals"].values).any() and np.isnan(two["signals"].values).any()
    np.testing.assert_array_equal(one["person"].values, two["person"].values)
    for task in DAY_TASKS:
        np.testing.assert_array_equal(task.hidden(one, 3), task.hidden(two, 3))


def test_models_of_whole_days_differ_in_nothing_else():
    one, two = (cell(model=model, size=SMALL, seed=3).new_model() for model in ("LSM1", "LSM2"))
    assert one.size == two.size and one.grid.tokens == two.grid.tokens == 3744
    assert cell(model="LSM1", size="nano").new_model().size == LSM2_SIZES["nano"]
    windows = cell(model="LSM1", size="nano", minutes=300).new_model()
    assert windows.grid.tokens == 180
    assert {model.get_config()["mimetic"] for model in (one, two, windows)} == {3.0}


def test_every_cell_has_its_own_name():
    changes = [
        {}, {"model": "LSM1"}, {"model": "LSM1", "minutes": 300}, {"size": "tiny"}, {"size": SMALL}, {"people": 3},
        {"days": 2}, {"steps": 6}, {"batch_size": 3}, {"learning_rate": 2e-3}, {"seed": 1},
    ]  # fmt: skip
    names = [cell(**change).name for change in changes]
    assert len(set(names)) == len(names)
    assert all("/" not in name and len(name) < 200 for name in names)
    assert cell().as_row()["cell"] == cell().name


def test_seeds_are_outermost():
    cells = make_cells(["LSM2"], ["nano", "tiny"], [1, 2], [1], [5], 2, seeds=[0, 1])
    assert [(one.seed, one.size, one.people) for one in cells[:4]] == [
        (0, "nano", 1), (0, "nano", 2), (0, "tiny", 1), (0, "tiny", 2),
    ]  # fmt: skip
    assert len(cells) == 8 and cells[4].seed == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "LSM3"}, "model is 'LSM3'; expected 'LSM1' or 'LSM2'"),
        ({"size": "huge"}, "there is no size 'huge'"),
        ({"people": 0}, "people is 0"),
        ({"days": 1.5}, "days is 1.5"),
        ({"minutes": 300}, "minutes is 300; expected 1440"),
        ({"learning_rate": 0}, "learning_rate is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_cells(change, message):
    with pytest.raises(ValueError, match=message):
        cell(**change)


@pytest.mark.parametrize(("name", "value"), [("people", 4), ("seeds", 2), ("models", "LSM1")])
def test_lists_of_cells_are_lists(name, value):
    lists = {"models": ["LSM1"], "sizes": ["nano"], "people": [4], "days": [1], "steps": [1], "batch_size": 1}
    with pytest.raises(ValueError, match=f"{name} is {value!r}; expected a list of them"):
        make_cells(**lists | {name: value})
