import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from keras import ops

from lsmlib.masking import Mixture, keep_random, keep_visible, place_kept


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


WAYS = {"random": (1, 0, 0), "time": (0, 1, 0), "signal": (0, 0, 1)}


def hide(mixture, days=300, rows=12, columns=7, seed=0):
    noise = np.random.default_rng(seed).random((days, rows * columns + 2), np.float32)
    return mixture.hide(noise, rows, columns).reshape(days, rows, columns), noise


@given(st.sampled_from(list(WAYS)), st.integers(1, 30), st.integers(2, 9), st.booleans(), st.integers(0, 99))
def test_every_way_hides_its_exact_count(way, rows, columns, contiguous, seed):
    mixture = Mixture(random=0.8, time=0.5, signal=0.5, contiguous=contiguous, chances=WAYS[way])
    rows *= 2
    hidden, _ = hide(mixture, 20, rows, columns, seed)
    count = dict(zip(WAYS, mixture.counts(rows, columns), strict=True))[way]
    assert (hidden.sum(axis=(1, 2)) == count).all()
    if way == "time":
        assert (hidden.all(axis=2) == hidden.any(axis=2)).all()
        changes = np.abs(np.diff(hidden[:, :, 0].astype(int), axis=1)).sum(axis=1)
        assert (changes <= 2).all() or not contiguous
    if way == "signal":
        assert (hidden.all(axis=1) == hidden.any(axis=1)).all()


@pytest.mark.parametrize("contiguous", [True, False])
@pytest.mark.parametrize("chances", [*WAYS.values(), (1, 1, 2)])
def test_numbers_and_tensors_are_hidden_alike(chances, contiguous):
    mixture = Mixture(contiguous=contiguous, chances=chances)
    for seed in range(5):
        hidden, noise = hide(mixture, 20, 12, 7, seed)
        np.testing.assert_array_equal(mixture.hide(ops.convert_to_tensor(noise), 12, 7), hidden.reshape(20, -1))


def test_counts_of_a_whole_day_leave_the_fixed_drop_its_tokens():
    assert Mixture().counts(144, 26) == (2995, 1872, 1872)  # 0.8 · 3,744; 72 · 26; 13 · 144


def test_ways_come_by_their_chances_and_places_evenly():
    hidden, _ = hide(Mixture(chances=(2, 1, 1)), days=4000)
    by_time, by_signal = ((hidden.all(axis=a) == hidden.any(axis=a)).all(axis=1) for a in (2, 1))
    for share, chance in ((by_time.mean(), 0.25), (by_signal.mean(), 0.25), ((~by_time & ~by_signal).mean(), 0.5)):
        assert abs(share - chance) < 0.04  # five standard deviations
    even = hide(Mixture(chances=(1, 0, 0)), days=4000)[0].mean(axis=0)
    assert abs(even - 0.8).max() < 0.04
    starts = hide(Mixture(chances=(0, 1, 0)), days=4000)[0][:, :, 0].argmax(axis=1)
    assert np.bincount(starts).shape == (7,) and abs(np.bincount(starts) / 4000 - 1 / 7).max() < 0.03


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        (Mixture(random=1.0), "random is 1.0, which hides 84 of 84 tokens"),
        (Mixture(signal=0.01), "signal is 0.01, which hides 0 of 84 tokens"),
        (Mixture(chances=(0, 0, 0)), "chances are"),
        (Mixture(chances=(1, -1, 0)), "chances are"),
    ],
)
def test_mixtures_that_cannot_be_are_refused(mixture, message):
    with pytest.raises(ValueError, match=message):
        mixture.counts(12, 7)
