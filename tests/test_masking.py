import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from lsmlib.masking import keep_random, keep_visible, place_kept


def test_the_smallest_noise_is_kept():
    kept = keep_random(np.array([[0.9, 0.1, 0.5, 0.3], [0.2, 0.4, 0.1, 0.8]]), 2)
    np.testing.assert_array_equal(kept, [[1, 3], [2, 0]])


def test_visible_tokens_by_hand():
    hidden = np.array([[True, False, False], [True, True, False], [True, True, True]])
    np.testing.assert_array_equal(keep_visible(hidden), [[1, 2], [2, -1], [-1, -1]])


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_places_say_what_is_hidden(hidden):
    place = np.asarray(place_kept(keep_visible(hidden), hidden.shape[1]))
    np.testing.assert_array_equal(place.any(axis=1), ~hidden)
    assert place.sum() == (~hidden).sum()  # each token at most once


@given(st.integers(0, 2**31), st.integers(1, 20))
def test_random_hiding_is_exact_and_even(seed, count):
    noise = np.random.default_rng(seed).random((400, 20))
    kept = np.asarray(keep_random(noise, count))
    assert kept.shape == (400, count)
    assert all(len(set(row)) == count for row in kept.tolist())
    share = np.bincount(kept.ravel(), minlength=20) / 400
    assert abs(share - count / 20).max() < 0.13  # five standard deviations of 400 draws
