"""Simulated worlds that several tests look at. Their seeds are none of those that the simulator was tuned with."""

import jax
import numpy as np
import pytest

import lsmlib
from lsmlib import simulate
from lsmlib.simulate.people import draw_traits

SEED = 11


@pytest.fixture(scope="session")
def world():
    """1,000 people, two days each, with the reasons of their gaps."""
    return lsmlib.simulate_cohort(people=1000, days=2, seed=SEED, missing_mode=True)


@pytest.fixture(scope="session")
def signals(world):
    """The world's signals by name, each float32 ``[d, t]``, NaN at gaps."""
    return {name: world["signals"].values[:, :, index] for index, name in enumerate(lsmlib.SIGNAL_NAMES)}


@pytest.fixture(scope="session")
def lived():
    """256 people's Tuesdays with everything behind the readings: a ``SimulatedDay`` of numpy arrays ``[d, ...]``."""
    blocks = [
        simulate._simulate_block(np.uint32(SEED), np.arange(start, start + 64, dtype=np.uint32), np.full(64, 4, "u4"))
        for start in range(0, 256, 64)
    ]
    return jax.tree.map(lambda *parts: np.concatenate(parts), *blocks)


@pytest.fixture(scope="session")
def readings(lived):
    """The Tuesdays' complete readings by name, each ``[d, t]``."""
    axis = lived.complete.shape.index(len(lsmlib.SIGNAL_NAMES))  # before or after the minutes, as the block keeps them
    return {name: lived.complete.take(index, axis) for index, name in enumerate(lsmlib.SIGNAL_NAMES)}


@pytest.fixture(scope="session")
def crowd():
    """The traits of 20,000 people, numpy arrays ``[person]``."""
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(draw_traits))(jax.random.split(jax.random.key(SEED), 20_000)))
