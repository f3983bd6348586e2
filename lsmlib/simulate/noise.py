"""Random processes shared by the rooms of the simulator, as pure functions of a key.

Inside the simulator minutes come last (``[c, t]``), so that each process lies contiguous in memory.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.random import threefry_2x32

from lsmlib.signals import MINUTES_PER_DAY

LOGISTIC_TO_UNIT = 3.0**0.5 / jnp.pi  # a standard logistic has variance π²/3


def white(key: jax.Array, channels: int) -> jax.Array:
    """Independent noise of unit variance for each minute of a day, float32 ``[channels, t]``.

    Counting random bits is a large part of the simulator's work on a CPU, so each 32-bit word gives two numbers of
    16 bits. The bell is the logistic one: within a few percent of the normal up to two standard deviations, and it
    costs one logarithm, little enough to be computed anew wherever XLA fuses it.
    """
    # The cipher itself: jax.random.bits enciphers twice as often, to be shardable, and is half as fast.
    counter = lax.iota(jnp.uint32, (channels + 1) // 2 * MINUTES_PER_DAY)
    words = threefry_2x32(jax.random.key_data(key), counter).reshape(-1, MINUTES_PER_DAY)
    halves = jnp.concatenate([words & 0xFFFF, words >> 16])[:channels].astype(jnp.float32) + 0.5
    return LOGISTIC_TO_UNIT * jnp.log(halves / (65536.0 - halves))


def few_normals(key: jax.Array, count: int) -> jax.Array:
    """A few standard normals for a whole day, ``[count]``."""
    uniform = jax.random.uniform(key, (count,), minval=1e-6)
    # A loop, because XLA does not fuse across one: else the inverse error function is compiled and computed again
    # for every minute that a day's value enters.
    return lax.map(lambda u: jnp.sqrt(2.0) * lax.erf_inv(2.0 * u - 1.0), uniform)


def decaying_sum(drive: jax.Array, keep: jax.Array) -> jax.Array:
    """Sum of all drives up to each minute, each weighted by ``keep [c]`` to the power of its age: ``[c, t]``."""

    def step(total: jax.Array, drive: jax.Array) -> tuple[jax.Array, jax.Array]:
        total = keep * total + drive
        return total, total

    return lax.scan(step, jnp.zeros_like(drive[:, 0]), drive.T)[1].T


def respond(drive: jax.Array, tau: jax.Array | list[float], start: float | None = None) -> jax.Array:
    """First-order response to a drive: what a body does when it follows with a lag.

    Args:
        drive: ``[c, t]``.
        tau: time constants in minutes, ``[c]``.
        start: state before the first minute; by default the first drive, a body already at rest.

    Returns:
        ``[c, t]``, the state after each minute.
    """
    keep = jnp.exp(-1.0 / jnp.asarray(tau, jnp.float32))
    before = drive[:, 0] if start is None else start
    shares = (1.0 - keep)[:, None] * drive
    return decaying_sum(shares.at[:, 0].add(keep * before), keep)


def wander(key: jax.Array, tau: list[float]) -> jax.Array:
    """Slow noise: independent AR(1) processes of unit variance with correlation times ``tau`` minutes, ``[c, t]``."""
    keep = jnp.exp(-1.0 / jnp.asarray(tau, jnp.float32))
    shocks = white(key, len(tau))
    scaled = jnp.sqrt(1.0 - keep**2)[:, None] * shocks
    return decaying_sum(scaled.at[:, 0].set(shocks[:, 0]), keep)


def trailing_mean(values: jax.Array, minutes: int) -> jax.Array:
    """Mean of the last ``minutes`` minutes at each minute of ``[t]``; the first value stands for those before it."""
    padded = jnp.concatenate([jnp.broadcast_to(values[:1], (minutes - 1,)), values])
    return jnp.mean(jnp.stack([padded[i : i + MINUTES_PER_DAY] for i in range(minutes)]), axis=0)
