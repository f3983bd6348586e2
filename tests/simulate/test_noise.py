"""The random processes that every room of the simulator shares."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsmlib.simulate.noise import decaying_sum, few_normals, respond, trailing_mean, wander, white

KEYS = jax.random.split(jax.random.key(2), 400)
FEW = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)


def drives(seed: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(50, 20, (channels, 1440)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_white_noise_is_white(channels):
    noise = np.asarray(jax.vmap(lambda key: white(key, channels))(KEYS), np.float64)
    assert noise.shape == (400, channels, 1440)
    error = 1 / np.sqrt(400 * 1440)
    np.testing.assert_allclose(noise.mean(axis=(0, 2)), 0, atol=5 * error)
    np.testing.assert_allclose(noise.var(axis=(0, 2)), 1, atol=10 * error)
    assert abs((noise[..., 1:] * noise[..., :-1]).mean()) < 5 * error
    between = np.corrcoef(noise.swapaxes(0, 1).reshape(channels, -1)) - np.eye(channels)
    assert np.abs(between).max() < 5 * error


def test_the_bell_is_close_to_normal():
    noise = np.asarray(jax.vmap(lambda key: white(key, 1))(KEYS)).ravel()
    assert np.isfinite(noise).all()
    for deviations, normal in ((-2, 0.0228), (-1, 0.1587), (0, 0.5), (1, 0.8413), (2, 0.9772)):
        assert (noise < deviations).mean() == pytest.approx(normal, abs=0.02)


def test_few_normals_are_normal():
    drawn = np.asarray(jax.vmap(lambda key: few_normals(key, 50))(KEYS), np.float64).ravel()
    assert drawn.mean() == pytest.approx(0, abs=0.03)
    assert drawn.std() == pytest.approx(1, abs=0.03)
    assert (np.abs(drawn) < 1.96).mean() == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize(
    "draw", [lambda key: white(key, 2), lambda key: few_normals(key, 9), lambda key: wander(key, [9.0])]
)
def test_noise_depends_on_its_key_alone(draw):
    one, again, other = draw(KEYS[0]), draw(KEYS[0]), draw(KEYS[1])
    np.testing.assert_array_equal(one, again)
    assert abs(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]) < 0.9
    assert not np.isin(one, other).all()


def test_wandering_has_unit_variance_from_the_first_minute_and_the_stated_memory():
    tau = [4.0, 30.0, 120.0]
    walks = np.asarray(jax.vmap(lambda key: wander(key, tau))(KEYS), np.float64)  # [key, c, t]
    for channel, minutes in enumerate(tau):
        walk = walks[:, channel]
        assert walk.var() == pytest.approx(1, abs=0.15)
        assert walk[:, 0].var() == pytest.approx(1, abs=0.25)
        assert walk[:, -1].var() == pytest.approx(1, abs=0.25)
        assert (walk[:, 1:] * walk[:, :-1]).mean() / walk.var() == pytest.approx(np.exp(-1 / minutes), abs=0.01)


@FEW
@given(seeds, st.floats(0, 1))
def test_a_decaying_sum_is_what_a_loop_gives(seed, keep):
    drive = drives(seed, 1)
    total, expected = 0.0, []
    for value in drive[0].astype(np.float64):
        total = np.float64(np.float32(keep)) * total + value
        expected.append(total)
    np.testing.assert_allclose(decaying_sum(drive, np.array([keep], np.float32))[0], expected, rtol=1e-4, atol=1e-3)


@FEW
@given(seeds, st.floats(0.5, 200), st.sampled_from([None, 0.0, 70.0]))
def test_a_response_is_what_a_loop_gives(seed, tau, start):
    drive = drives(seed)
    for channel, follows in enumerate(np.asarray(respond(drive, [tau, 2 * tau], start))):
        state, keep = drive[channel, 0] if start is None else start, np.exp(-1 / (tau * (channel + 1)))
        expected = []
        for value in drive[channel].astype(np.float64):
            state = keep * state + (1 - keep) * value
            expected.append(state)
        np.testing.assert_allclose(follows, expected, rtol=1e-4, atol=1e-3)


@FEW
@given(seeds, st.floats(0.5, 200))
def test_a_response_stays_within_its_drive(seed, tau):
    drive = drives(seed)
    follows = np.asarray(respond(drive, [tau, tau]))
    assert (follows <= drive.max(axis=1, keepdims=True) + 0.01).all()
    assert (follows >= drive.min(axis=1, keepdims=True) - 0.01).all()


def test_a_body_at_rest_stays_at_rest_and_a_step_is_followed_by_its_time_constant():
    still = np.full((1, 1440), 7.0, np.float32)
    np.testing.assert_allclose(respond(still, [30.0]), still, rtol=1e-5)
    step = np.where(np.arange(1440) < 100, 0.0, 1.0).astype(np.float32)[None]
    assert float(respond(step, [20.0])[0, 119]) == pytest.approx(1 - np.exp(-1), abs=1e-4)


def test_a_trailing_mean_by_hand():
    values = np.zeros(1440, np.float32)
    values[:6] = [10, 20, 30, 40, 50, 60]
    found = np.asarray(trailing_mean(values, 5))
    # the first value stands for those before it
    expected = [10, (4 * 10 + 20) / 5, (3 * 10 + 20 + 30) / 5, (2 * 10 + 20 + 30 + 40) / 5, 30, 40, 180 / 5, 150 / 5]
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=1e-6)
    assert found[10] == 0


@FEW
@given(seeds, st.sampled_from([1, 2, 5, 30]))
def test_a_trailing_mean_is_what_a_loop_gives(seed, minutes):
    values = drives(seed, 1)[0]
    padded = np.concatenate([np.repeat(values[:1], minutes - 1), values])
    expected = [padded[end : end + minutes].mean(dtype=np.float64) for end in range(1440)]
    np.testing.assert_allclose(trailing_mean(values, minutes), expected, rtol=1e-4)
