import numpy as np
import pytest

from lsmlib.nn.positions import sincos_positions


def test_the_first_places_by_hand():
    positions = sincos_positions(2, 3, 8, longest=10_000.0, height=1)
    np.testing.assert_allclose(positions[0], [0, 0, 1, 1, 0, 0, 1, 1])
    # token 4 stands at time 1, signal 1; the wavelengths of 2 sines are 2π and 2π · 100
    place = [np.sin(1), np.sin(0.01), np.cos(1), np.cos(0.01)]
    np.testing.assert_allclose(positions[4], [*place, *place], rtol=1e-6)


def test_the_height_of_waves():
    np.testing.assert_allclose(sincos_positions(4, 3, 8, height=2), 2 * sincos_positions(4, 3, 8, height=1))


def test_all_places_differ():
    positions = sincos_positions(30, 6, 64)
    assert len(np.unique(positions.round(5), axis=0)) == 180


def test_a_width_that_cannot_be_shared_is_refused():
    with pytest.raises(ValueError, match="width is 6; expected a multiple of 4"):
        sincos_positions(2, 2, 6)
