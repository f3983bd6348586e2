"""Attention on CPUs, in JAX: one sample's head at a time, so that its scores stay in the cache.

What XLA makes of the plain form writes the scores ``[b, h, n, m]`` to memory and reads them back several times, and
keeps them for the gradient. Here a block's scores live for one iteration only, and the gradient computes them again from
the logarithm of each row's sum (as in FlashAttention: Dao et al., 2022, algorithm 4, with one block a head).
The measurements behind the details are in benchmarks/README.md.
"""

import jax
import jax.numpy as jnp
from jax import lax

from lsmlib.nn.attention import NEVER


def blocked_attention(query, key, value, visible=None):
    """Attention of ``lsmlib.nn.attention``, its arguments checked and what is invisible zeroed there."""
    b, n, h, c = query.shape
    dtype = query.dtype
    query, key, value = (x.astype(jnp.float32).swapaxes(1, 2) for x in (query, key, value))  # [b, h, ·, c]
    query = query * c**-0.5
    if visible is not None:
        # As one more channel, the scores of invisible keys cost next to nothing: query · key + 1 · NEVER.
        never = jnp.where(visible, 0.0, NEVER)[:, None, :, None]
        query = _append(query, 1.0)
        key = jnp.concatenate([key, jnp.broadcast_to(never, (b, h, key.shape[2], 1))], axis=-1)
    blocks = [x.reshape(b * h, *x.shape[2:]) for x in (query, key, value)]
    return _attend(*blocks).reshape(b, h, n, c).swapaxes(1, 2).astype(dtype)


@jax.custom_vjp
def _attend(query, key, value):
    """query ``[blocks, n, c']``, key ``[blocks, m, c']``, value ``[blocks, m, c]`` → ``[blocks, n, c]``."""
    return _forward(query, key, value)[0]


def _forward(query, key, value):
    def block(one):
        query, key, value = one
        scores = query @ key.T
        top = scores.max(axis=-1, keepdims=True)
        # The sums of rows come out of the same product, as one more channel.
        output = jnp.exp(scores - top) @ _append(value, 1.0)
        output, total = output[:, :-1], output[:, -1:]
        return output / total, top + jnp.log(total)

    output, logsum = lax.map(block, (query, key, value))
    return output, (query, key, value, output, logsum)


def _backward(kept, gradient):
    def block(one):
        query, key, value, output, logsum, gradient = one
        # Everything of size [m, n] is built transposed: the products below then read it in the order it lies in.
        weights = jnp.exp(_append(key, 1.0) @ _append(query, -logsum).T)
        slope = -jnp.sum(output * gradient, axis=-1, keepdims=True)
        scores = weights * (_append(value, 1.0) @ _append(gradient, slope).T)
        return (key.T @ scores).T, scores @ query, weights @ gradient

    return lax.map(block, (*kept, gradient))


def _append(x, column):
    """``x`` with one more channel: a number, or ``[n, 1]``."""
    return jnp.concatenate([x, jnp.broadcast_to(jnp.asarray(column, x.dtype), (*x.shape[:-1], 1))], axis=-1)


_attend.defvjp(_forward, _backward)
