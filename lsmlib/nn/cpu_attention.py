"""Attention on CPUs, in JAX: a block of scores at a time, which stays in the cache.

What XLA makes of the plain form writes the scores ``[b, h, n, m]`` to memory, reads them back several times and keeps
them for the gradient. Here a block of them (one sample's head, or several small ones) lives for one iteration only, and
the gradient computes it again from the logarithm of each row's sum, as FlashAttention does (Dao et al., 2022, appendix
B). What that gains is measured by benchmarks/bench_lsm1.py.
"""

import jax
import jax.numpy as jnp
from jax import lax

from lsmlib.nn.attention import NEVER

TOGETHER = 2**18  # scores of small heads that are computed together: 1 MB, what a core has to itself
LARGEST = 2**22  # scores of a large head that are computed at once: 16 MB, what cores share

# The polynomial of 2^x on [-½, ½] of degree 5 whose largest relative error, 7.5e-8, is smallest.
POWER_OF_TWO = 1.00000007, 0.693146967, 0.240221197, 0.0555071327, 0.00967554133, 0.00132764718
LOG2_E = 1.4426950408889634


def blocked_attention(query, key, value, visible=None):
    """``attention`` of ``lsmlib.nn.attention``, which checks the arguments and zeroes what is invisible."""
    b, n, h, c = query.shape
    m = key.shape[1]
    dtype = query.dtype
    query, key, value = (x.astype(jnp.float32).swapaxes(1, 2) for x in (query, key, value))  # [b, h, ·, c]
    query = query * c**-0.5
    if visible is not None:
        # As one channel more, the scores of invisible keys cost next to nothing: query · key + 1 · NEVER.
        query = append_channel(query, 1.0)
        key = append_channel(key, jnp.where(visible, 0.0, NEVER)[:, None, :, None])
    query, key, value = (x.reshape(b * h, *x.shape[2:]) for x in (query, key, value))
    parts = jnp.array_split(query, -(-n * m // LARGEST), axis=1)
    output = jnp.concatenate([_attend(part, key, value) for part in parts], axis=1)
    return output.reshape(b, h, n, c).swapaxes(1, 2).astype(dtype)


@jax.custom_vjp
def _attend(query, key, value):
    """query ``[heads, n, c']``, key ``[heads, m, c']``, value ``[heads, m, c]`` → ``[heads, n, c]``."""
    return _forward(query, key, value)[0]


def _forward(query, key, value):
    def block(query, key, value):
        scores = query @ key.T
        top = scores.max(axis=1, keepdims=True)
        sums = fast_exp(scores - top) @ append_channel(value, 1.0)  # the last channel: the sums of the rows themselves
        return sums[:, :-1] / sums[:, -1:], top + jnp.log(sums[:, -1:])

    output, logsum = _in_blocks(block, query, key, value)
    return output, (query, key, value, output, logsum)


def _backward(kept, gradient):
    def block(query, key, value, output, logsum, gradient):
        # Key by query, so that the two products at the end read each array in the order in which it lies. Here too,
        # what is subtracted from each query's scores goes through the product as one channel more.
        weights = fast_exp(append_channel(key, 1.0) @ append_channel(query, -logsum).T)
        mean = jnp.sum(output * gradient, axis=1, keepdims=True)
        slopes = weights * (append_channel(value, 1.0) @ append_channel(gradient, -mean).T)
        return (key.T @ slopes).T, slopes @ query, weights @ gradient

    return _in_blocks(block, *kept, gradient)


_attend.defvjp(_forward, _backward)


def _in_blocks(block, *arrays):
    """Apply ``block`` to every head of the arrays ``[heads, …]``; to a few at once where they are small."""
    heads, n, m = len(arrays[0]), arrays[0].shape[1], arrays[1].shape[1]
    # Where samples are shared out among devices, heads from each device take part in every iteration; one for heads of
    # a single device would send its arrays to all.
    devices = jax.device_count() if heads % jax.device_count() == 0 else 1
    share = heads // devices
    together = max(k for k in range(1, share + 1) if share % k == 0 and k * n * m <= max(TOGETHER, n * m))
    laid_out = [x.reshape(devices, share // together, together, *x.shape[1:]) for x in arrays]
    results = jax.vmap(lambda *one: lax.map(lambda few: jax.vmap(block)(*few), one))(*laid_out)
    return jax.tree.map(lambda x: x.reshape(heads, *x.shape[3:]), results)


def append_channel(x, channel):
    """``x`` ``[…, c]`` with one channel more: a number, or ``[…, 1]``."""
    return jnp.concatenate([x, jnp.broadcast_to(channel, (*x.shape[:-1], 1)).astype(x.dtype)], axis=-1)


def fast_exp(x):
    """e^x, faster than XLA's, for scores less their maximum: to a relative 10⁻⁶ for x above -10, 4·10⁻⁶ below.

    What is smaller than 2^-126 becomes 2^-126, and NaN stays NaN.
    """
    x = jnp.clip(x * LOG2_E, -126.0, 126.0)
    rest = x - lax.round(x, lax.RoundingMethod.TO_NEAREST_EVEN)
    power = jnp.full_like(x, POWER_OF_TWO[-1])
    for coefficient in POWER_OF_TWO[-2::-1]:
        power = power * rest + coefficient
    # 1.5 · 2^23 + x has the whole part of x as its last bits; where the exponent stands, they are 2^whole (1.0 is 2^0).
    whole = lax.bitcast_convert_type(x + 1.5 * 2**23, jnp.int32) << 23
    return power * lax.bitcast_convert_type(whole + lax.bitcast_convert_type(jnp.float32(1), jnp.int32), jnp.float32)
