import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsmlib.packing import GRAIN, pack_days, round_up, stretches, unpack_days

NAN = np.nan


def test_three_days_by_hand():
    patches = np.float32([[[1, 2], [3, 4], [5, 6]], [[7, 8], [NAN, 1], [9, NAN]], [[NAN, NAN], [2, 2], [NAN, NAN]]])
    visible = np.array([[1, 0, 1], [1, 1, 0], [0, 0, 0]], bool)
    asked = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], bool)
    packed = pack_days(patches, visible, asked, rows=1)
    least = 4 * GRAIN
    assert {name: value.shape for name, value in packed.items()} == {
        "values": (1, least, 2), "number": (1, least), "lengths": (1, 3), "decoded": (1, least),
        "source": (1, least), "decoded_lengths": (1, 3), "target": (1, least, 2), "scored": (1, least, 2),
    }  # fmt: skip
    np.testing.assert_array_equal(packed["lengths"], [[2, 2, 0]])
    np.testing.assert_array_equal(packed["number"][0, :4], [0, 2, 0, 1])
    np.testing.assert_array_equal(packed["values"][0, :5], [[1, 2], [5, 6], [7, 8], [0, 1], [0, 0]])
    np.testing.assert_array_equal(packed["decoded_lengths"], [[3, 3, 1]])
    np.testing.assert_array_equal(packed["decoded"][0, :7], [0, 2, 1, 0, 1, 2, 0])
    np.testing.assert_array_equal(packed["source"][0, :8], [0, 1, -1, 2, 3, -1, -1, -1])
    np.testing.assert_array_equal(packed["target"][0, :7][packed["scored"][0, :7]], [3, 4, 9])
    assert packed["scored"].sum() == 3


def test_rows_hold_equal_numbers_of_days_in_their_order():
    draw = np.random.default_rng(0)
    visible = draw.random((6, 300)) < 0.4
    packed = pack_days(np.zeros((6, 300, 1), np.float32), visible, ~visible, rows=3)
    np.testing.assert_array_equal(packed["lengths"], visible.sum(axis=1).reshape(3, 2))
    assert packed["values"].shape[1] == round_up(packed["lengths"].sum(axis=1).max(), several_days=True)
    row, place, day = stretches(packed["lengths"])
    np.testing.assert_array_equal(packed["number"][row, place], np.nonzero(visible)[1])
    np.testing.assert_array_equal(day, np.nonzero(visible)[0])
    with pytest.raises(ValueError, match="6 days cannot be laid out in 4 rows"):
        pack_days(np.zeros((6, 300, 1), np.float32), visible, ~visible, rows=4)


@settings(deadline=None)
@given(days=st.integers(1, 6), tokens=st.integers(1, 40), seed=st.integers(0, 999), rows=st.integers(1, 6))
def test_what_is_packed_comes_back(days, tokens, seed, rows):
    rows = max(r for r in range(1, rows + 1) if days % r == 0)
    draw = np.random.default_rng(seed)
    patches = draw.standard_normal((days, tokens, 3)).astype(np.float32)
    kind = draw.integers(0, 3, (days, tokens))
    packed = pack_days(patches, kind == 0, kind == 1, rows)
    # the decoder's tokens, taken from where the encoder has them or from the targets, are the patches again
    source = np.maximum(packed["source"], 0)[:, :, None]
    read = np.take_along_axis(packed["values"], source, axis=1)
    decoded = np.where(packed["source"][:, :, None] >= 0, read, packed["target"])
    expected = np.where((kind < 2)[:, :, None], patches, np.nan)
    np.testing.assert_array_equal(unpack_days(packed, decoded, tokens), expected)


@given(st.integers(0, 10**6), st.booleans())
def test_lengths_are_few_and_hardly_too_long(count, several_days):
    length, excess, least = round_up(count, several_days), *((1.5, 4 * GRAIN) if several_days else (1.25, GRAIN))
    assert max(count, 1) <= length < max(excess * count, count + least) + 1 and length % least == 0
    assert round_up(length, several_days) == length
    assert len({round_up(c, several_days) for c in range(1000, 4000)}) <= (5 if several_days else 9)
