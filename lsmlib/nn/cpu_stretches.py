"""Attention on CPUs among stretches of a row, each as long as it is: nothing is computed between days, or for padding.

Days with gaps have as many tokens as they have. One after another in one row, they need no padding in all that is done
token by token; here, each attends to itself alone. One head of one stretch at a time, queries and keys are taken by
tiles, as many as the stretch has, and sums are scaled anew whenever a tile brings a larger score, as FlashAttention
does (Dao et al., 2022, algorithm 1). What of a tile is not the stretch's becomes zeros, and one channel more makes its
scores the lowest: so the products themselves keep it out, and no mask of queries by keys is applied. One program serves
stretches of any lengths. Otherwise it is ``cpu_attention``'s mathematics.
"""

from functools import partial

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from lsmlib.nn.attention import NEVER
from lsmlib.nn.cpu_attention import append_channel, fast_exp

# Queries, and keys, of a tile. Smaller ones are too little work to be shared out among cores; each stretch takes the
# one that leaves least of its last tile empty. These waste least on simulated days; more of them compile for longer.
# Odd multiples of 16: where rows start a power of two apart, a product along columns takes four times as long.
TILES = 592, 720, 1008


def attend_in_stretches(query, key, value, lengths):
    """``attention`` with ``lengths``, of ``lsmlib.nn.attention``, which checks the arguments."""
    b, n, h, c = query.shape
    heads = (x.astype(jnp.float32).swapaxes(1, 2).reshape(b * h, n, c) for x in (query * c**-0.5, key, value))
    output = _on_each_device(b)(*heads, jnp.repeat(lengths, h, axis=0))
    return output.reshape(b, h, n, c).swapaxes(1, 2).astype(query.dtype)


def _on_each_device(rows):
    """``_attend``, on each device for the rows that it has: of a loop over all of them, XLA would make one for each."""
    chosen = keras.distribution.distribution()
    if chosen is None or rows % chosen.device_mesh.devices.size:
        return _attend
    split = PartitionSpec(chosen.batch_dim_name)
    mesh = chosen.device_mesh.backend_mesh
    return jax.shard_map(_attend, mesh=mesh, in_specs=split, out_specs=split, check_vma=False)


@jax.custom_vjp
def _attend(query, key, value, lengths):
    """``[heads, n, c]`` with lengths ``[heads, d]``; zeros beyond the stretches."""
    return _forward(query, key, value, lengths)[0]


def _forward(query, key, value, lengths):
    def queries(stretch, number, results):
        at, mine = stretch.tile(number)
        q = append_channel(stretch.cut(query, at), 1.0)

        def keys(number, results):
            top, sums = results
            at, seen = stretch.tile(number)
            k, v = (jnp.where(seen, stretch.cut(x, at), 0.0) for x in (key, value))
            scores = q @ append_channel(k, jnp.where(seen, 0.0, NEVER)).T
            higher = jnp.maximum(top, scores.max(axis=1, keepdims=True))
            # The last channel of the values: the sums of the rows themselves.
            return higher, sums * fast_exp(top - higher) + fast_exp(scores - higher) @ append_channel(v, seen)

        start = jnp.full((stretch.size, 1), NEVER), jnp.zeros((stretch.size, value.shape[2] + 1))
        top, sums = stretch.each_tile(keys, start)
        values = sums[:, :-1] / sums[:, -1:], top + jnp.log(sums[:, -1:])
        return tuple(
            stretch.put(x, jnp.where(mine, v, stretch.cut(x, at)), at) for x, v in zip(results, values, strict=True)
        )

    results = jnp.zeros_like(value), jnp.zeros_like(value[:, :, :1])
    output, logsum = _each_stretch(queries, lengths, value.shape[1], results)
    return output, (query, key, value, lengths, output, logsum)


def _backward(kept, gradient):
    query, key, value, lengths, output, logsum = kept
    # What is subtracted from each query's scores goes through the products as one channel more.
    mean = jnp.sum(output * gradient, axis=2, keepdims=True)
    gradient_and = append_channel(gradient, -mean)

    def keys(stretch, number, results):
        d_query, d_key, d_value = results
        at, seen = stretch.tile(number)
        k, v = (jnp.where(seen, stretch.cut(x, at), 0.0) for x in (key, value))
        k_and = append_channel(append_channel(k, 1.0), jnp.where(seen, 0.0, NEVER))
        v_and = append_channel(v, 1.0)

        def queries(number, results):
            d_query, d_k, d_v = results
            at, mine = stretch.tile(number)
            q, g = (jnp.where(mine, stretch.cut(x, at), 0.0) for x in (query, gradient_and))
            q_and = append_channel(append_channel(q, jnp.where(mine, -stretch.cut(logsum, at), NEVER)), 1.0)
            # Key by query, so that the two products at the end read each array in the order in which it lies.
            weights = fast_exp(k_and @ q_and.T)
            slopes = weights * (v_and @ g.T)
            d_q = jnp.where(mine, (k.T @ slopes).T, 0.0)
            d_query = stretch.put(d_query, stretch.cut(d_query, at) + d_q, at)
            return d_query, d_k + slopes @ q, d_v + weights @ g[:, :-1]

        d_query, d_k, d_v = stretch.each_tile(queries, (d_query, jnp.zeros_like(k), jnp.zeros_like(k)))
        d_k, d_v = (jnp.where(seen, x, 0.0) for x in (d_k, d_v))
        d_key = stretch.put(d_key, stretch.cut(d_key, at) + d_k, at)
        return d_query, d_key, stretch.put(d_value, stretch.cut(d_value, at) + d_v, at)

    slopes = _each_stretch(keys, lengths, value.shape[1], tuple(jnp.zeros_like(x) for x in (query, key, value)))
    return *slopes, np.zeros(lengths.shape, jax.dtypes.float0)


_attend.defvjp(_forward, _backward)


class _Stretch:
    """One stretch of one head: which tiles it has, and what they hold."""

    def __init__(self, head, start, length, size, n):
        self.head, self.start, self.length, self.size, self.n = head, start, length, size, n

    def tile(self, number):
        """Where a tile stands, moved up where it would reach beyond the row, and ``[size, 1]`` which places are its."""
        first = self.start + number * self.size
        at = jnp.minimum(first, self.n - self.size)
        place = at + jnp.arange(self.size)
        return at, ((place >= first) & (place < self.start + self.length))[:, None]

    def each_tile(self, function, results):
        """``results = function(number, results)`` for each tile."""
        return lax.fori_loop(0, -(-self.length // self.size), function, results)

    def cut(self, x, at):
        """``[size, c]`` out of ``[heads, n, c]``."""
        return lax.dynamic_slice(x, (self.head, at, 0), (1, self.size, x.shape[2]))[0]

    def put(self, x, values, at):
        """``x`` with ``values`` there."""
        return lax.dynamic_update_slice(x, values[None], (self.head, at, 0))


def _each_stretch(function, lengths, n, results):
    """``results = function(stretch, number, results)`` for each tile of each stretch; lengths ``[heads, d]``."""
    ends = jnp.cumsum(lengths, axis=1)
    sizes = sorted({min(size, n) for size in TILES})

    def tiles(size, head, start, length, results):
        stretch = _Stretch(head, start, length, size, n)
        return stretch.each_tile(lambda number, results: function(stretch, number, results), results)

    def one(i, results):
        head, place = i // lengths.shape[1], i % lengths.shape[1]
        length = lengths[head, place]
        fit = jnp.argmin(jnp.stack([-(-length // size) * size for size in sizes][::-1]))  # of equals, the largest
        branches = [partial(tiles, size) for size in sizes[::-1]]
        return lax.switch(fit, branches, head, ends[head, place] - length, length, results)

    return lax.fori_loop(0, lengths.size, one, results)
