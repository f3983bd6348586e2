"""Random processes shared by the rooms of the simulator, as pure functions of a key.

Inside the simulator minutes come last (``[c, t]``), so that each process lies contiguous in memory.
"""

import jax
import jax.numpy as jnp
from jax import lax

from lsmlib.signals import MINUTES_PER_DAY

LOGISTIC_TO_UNIT = 3.0**0.5 / jnp.pi  # a standard logistic has variance π²/3


def white(key: jax.Array, channels: int) -> jax.Array:
    """Independent noise of unit variance for each minute of a day, float32 ``[channels, t]``.

    Counting random bits is a large part of the simulator's work on a CPU, so each 32-bit word gives two numbers of
    16 bits. The bell is the logistic one: within a few percent of the normal up to two standard deviations, and it
    costs one logarithm, little enough to be computed anew wherever XLA fuses it.
    """
    words = jax.random.bits(key, ((channels + 1) // 2, MINUTES_PER_DAY))
    halves = jnp.concatenate([words & 0xFFFF, words >> 16])[:channels].astype(jnp.float32) + 0.5
    return LOGISTIC_TO_UNIT * jnp.log(halves / (65536.0 - halves))


def few_normals(key: jax.Array, count: int) -> jax.Array:
    """A few standard normals for a whole day, ``[count]``."""
    uniform = jax.random.uniform(key, (count,), minval=1e-6)
    # A loop, because XLA does not fuse across one: else the inverse error function is compiled and computed again
    # for every minute that a day's value enters.
    return lax.map(lambda u: jnp.sqrt(2.0) * lax.erf_inv(2.0 * u - 1.0), uniform)


def respond(drive: jax.Array, tau: list[float], start: jax.Array | None = None) -> jax.Array:
    """First-order response to a drive: what a body does when it follows with a lag.

    Args:
        drive: ``[c, t]``.
        tau: time constants in minutes, ``[c]``.
        start: state before the first minute, ``[c]``; by default the first drive, a body already at rest.

    Returns:
        ``[c, t]``, the state after each minute.
    """
    keep = jnp.exp(-1.0 / jnp.asarray(tau, jnp.float32))

    def step(state: jax.Array, drive: jax.Array) -> tuple[jax.Array, jax.Array]:
        state = keep * state + (1.0 - keep) * drive
        return state, state

    return lax.scan(step, drive[:, 0] if start is None else start, drive.T)[1].T


def wander(key: jax.Array, tau: list[float]) -> jax.Array:
    """Slow noise: independent AR(1) processes of unit variance with correlation times ``tau`` minutes, ``[c, t]``."""
    shock = white(key, len(tau))
    keep = jnp.exp(-1.0 / jnp.asarray(tau, jnp.float32))
    # respond() weighs a shock by (1 - keep); an AR(1) of unit variance weighs it by sqrt(1 - keep²).
    gain = jnp.sqrt((1.0 + keep) / (1.0 - keep))
    return respond(gain[:, None] * shock, tau, start=shock[:, 0])


def trailing_mean(values: jax.Array, minutes: int) -> jax.Array:
    """Mean of the last ``minutes`` minutes at each minute of ``[t]``; the first value stands for those before it."""
    padded = jnp.concatenate([jnp.broadcast_to(values[:1], (minutes - 1,)), values])
    return sum(padded[i : i + MINUTES_PER_DAY] for i in range(minutes)) / minutes
