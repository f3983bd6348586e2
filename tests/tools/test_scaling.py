"""The recorded grid: its cells can be fitted, and the table that is kept is of such cells."""

import numpy as np
import pytest

from lsmlib.models.flops import training_flops
from lsmlib.scaling import read_records
from tests.windows import small_windows
from tools import scaling


@pytest.fixture(scope="module")
def cells():
    return scaling.list_cells()


def test_cells_come_in_the_order_of_need(cells):
    square = cells[: len(scaling.WIDTHS) * len(scaling.PEOPLE)]
    assert {(cell.size, cell.people) for cell in square} == {
        (scaling.nano_of_width(width), people) for width in scaling.WIDTHS for people in scaling.PEOPLE
    }
    assert {(cell.seed, cell.steps, cell.days) for cell in square} == {(0, scaling.STEPS, scaling.DAYS)}
    assert len({cell.name for cell in cells}) == len(cells)


def test_budgets_are_spent_by_every_width(cells):
    lengths = [cell for cell in cells if cell.steps != scaling.STEPS]
    window = small_windows(rows=1, minutes=300)
    spent = [cell.steps * training_flops(cell.new_model(), window).total for cell in lengths]
    spent = np.reshape(spent, (len(scaling.SHARES), len(scaling.WIDTHS)))
    np.testing.assert_allclose(spent / spent[:, -1:], 1, atol=0.02)
    np.testing.assert_allclose(spent[:, -1] / spent[-1, -1], np.array(scaling.SHARES) / scaling.SHARES[-1], atol=0.02)


def test_the_kept_table_is_of_these_cells(cells):
    records = read_records(scaling.TABLE, mixed_versions=True)
    assert set(records["cell"]) <= {cell.name for cell in cells}
    assert records["hardware"].str.len().min() > 3 and (records["seconds"] > 0).all()
