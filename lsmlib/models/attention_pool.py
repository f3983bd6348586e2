"""A day's tokens to a few vectors: learned queries look over all of them (CoCa, Yu et al., 2022, section 3.2)."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lsmlib.nn.attention import attention
from lsmlib.nn.norm import LayerNorm
from lsmlib.nn.transformer import Stack, dense


class AttentionPool(keras.layers.Layer):
    """Learned queries attend to the tokens of each day; two linear layers follow, as in SigLIP's pooling head.

    Queries do not look at one another, so one pool of 1 + n queries is CoCa's two, with keys and values in common.
    """

    def __init__(self, stack: Stack, queries: int, seeds: Iterator[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queries, self.width, self.heads = queries, stack.width, stack.heads
        self.initializers = [keras.initializers.RandomNormal(stddev=1.0, seed=next(seeds)) for _ in range(2)]
        options = {"dtype": self.dtype_policy}
        self.query = dense(stack.width, seeds, name="query", **options)
        self.key_value = dense(2 * stack.width, seeds, name="key_value", **options)
        self.projection = dense(stack.width, seeds, name="projection", **options)
        self.norm_1 = LayerNorm(name="norm_1", **options)
        self.mlp_in = dense(stack.mlp, seeds, name="mlp_in", **options)
        self.mlp_out = dense(stack.width, seeds, name="mlp_out", **options)
        self.norm_2 = LayerNorm(name="norm_2", **options)

    def build(self, input_shape: Any) -> None:
        """Make the weights for tokens ``[r, k, w]``."""
        queries, empty = self.initializers
        self.query_token = self.add_weight(shape=(1, self.queries, self.width), initializer=queries, name="query_token")
        self.empty_token = self.add_weight(shape=(1, 1, self.width), initializer=empty, name="empty_token")
        for layer in (self.query, self.key_value, self.projection, self.norm_1, self.mlp_in, self.norm_2):
            layer.build((None, None, self.width))
        self.mlp_out.build((None, None, self.mlp_in.units))

    def call(self, tokens: Any, at: Any) -> Any:
        """Pool days.

        Args:
            tokens: of several days in each row, ``[r, k, w]``.
            at: where in its row each token of each day is, int32 ``[r, d, n]``; -1: it has no such token.

        Returns:
            ``[r · d, q, w]``; of a day without tokens, what becomes of a learned one, the same for every query.
        """
        rows, days, count = at.shape[0] or ops.shape(at)[0], at.shape[1], at.shape[2]
        place = ops.reshape(ops.maximum(at, 0), (rows, days * count))
        both = ops.take_along_axis(self.key_value(tokens), place[:, :, None], axis=1)
        both = ops.reshape(both, (rows * days, count, 2 * self.width))
        return self.look_at(both, ops.reshape(at >= 0, (rows * days, count)))

    def look_at(self, key_value: Any, visible: Any) -> Any:
        """Pool days with a row each: ``key_value`` of their tokens ``[b, n, 2 w]``, ``visible`` bool ``[b, n]``."""
        days, count = ops.shape(visible)
        heads = self.heads, self.width // self.heads
        key, value = (ops.reshape(part, (days, count, *heads)) for part in ops.split(key_value, 2, axis=-1))
        query = self.query(ops.cast(self.query_token, key_value.dtype))
        query = ops.broadcast_to(query, (days, self.queries, self.width))
        query = ops.reshape(query, (days, self.queries, *heads))
        seen = attention(query, key, value, visible)
        pooled = self.projection(ops.reshape(seen, (days, self.queries, self.width)))
        # zeros would have no direction to be told by, and a gradient without bounds
        empty = ops.logical_not(ops.any(visible, axis=1))[:, None, None]
        pooled = ops.where(empty, ops.cast(self.empty_token, pooled.dtype), pooled)
        pooled = pooled + self.mlp_out(ops.gelu(self.mlp_in(self.norm_1(pooled)), approximate=False))
        return self.norm_2(pooled)
