import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

from lsmlib.nn.patches import Grid


def test_a_window_by_hand():
    grid = Grid(minutes=4, signals=3, patch_minutes=2, patch_signals=2)
    window = np.arange(12.0).reshape(1, 4, 3)  # row t holds 3t, 3t + 1, 3t + 2
    expected = [[0, 1, 3, 4], [2, 0, 5, 0], [6, 7, 9, 10], [8, 0, 11, 0]]  # the last column is padded
    np.testing.assert_array_equal(grid.to_patches(window)[0], expected)
    np.testing.assert_array_equal(grid.real_cells()[1], [True, False, True, False])
    assert (grid.rows, grid.columns, grid.tokens, grid.cells) == (2, 2, 4, 4)


def test_the_grid_of_lsm1():
    grid = Grid(300, 26, 10, 5)
    assert (grid.tokens, grid.cells) == (180, 50)
    assert grid.real_cells().sum() == 300 * 26


@given(st.integers(1, 9), st.integers(1, 7), st.integers(1, 5), st.integers(1, 4))
def test_back_and_forth_on_both_kinds_of_array(minutes, signals, patch_minutes, patch_signals):
    grid = Grid(minutes, signals, min(patch_minutes, minutes), min(patch_signals, signals))
    window = np.random.default_rng(minutes).standard_normal((2, minutes, signals)).astype(np.float32)
    patches = grid.to_patches(window)
    np.testing.assert_array_equal(grid.to_windows(patches), window)
    np.testing.assert_array_equal(np.asarray(grid.to_patches(ops.array(window))), patches)
