"""Transformer blocks, normalised before each part (Dosovitskiy et al., 2021, section 3.1); no dropout, as reported."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from lsmlib.nn.attention import attention
from lsmlib.nn.norm import LayerNorm


class Stack(NamedTuple):
    """The shape of a stack of blocks."""

    layers: int
    width: int
    heads: int
    mlp: int  # width of the hidden layer at each token


def seed_stream(seed: int) -> Iterator[int]:
    """Seeds for the initial weights of one layer after another, all from one seed."""
    random = np.random.default_rng(seed)
    while True:
        yield int(random.integers(2**31))


def dense(width: int, seeds: Iterator[int], **options: Any) -> keras.layers.Dense:
    """A linear layer with Glorot's uniform initial weights and no bias at first, as in masked autoencoders."""
    return keras.layers.Dense(width, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), **options)


class Block(keras.layers.Layer):
    """Attention among tokens, then two linear layers at each token; both add to what comes in."""

    def __init__(self, width: int, heads: int, mlp: int, seeds: Iterator[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.heads = width, heads
        self.norm_1 = LayerNorm(name="norm_1", dtype=self.dtype_policy)
        self.query_key_value = dense(3 * width, seeds, name="query_key_value", dtype=self.dtype_policy)
        self.projection = dense(width, seeds, name="projection", dtype=self.dtype_policy)
        self.norm_2 = LayerNorm(name="norm_2", dtype=self.dtype_policy)
        self.mlp_in = dense(mlp, seeds, name="mlp_in", dtype=self.dtype_policy)
        self.mlp_out = dense(width, seeds, name="mlp_out", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for tokens ``[b, n, w]``."""
        for layer in (self.norm_1, self.query_key_value, self.projection, self.norm_2, self.mlp_in):
            layer.build(input_shape)
        self.mlp_out.build((*input_shape[:-1], self.mlp_in.units))

    def call(self, x: Any, visible: Any = None, lengths: Any = None) -> Any:
        """Tokens ``[b, n, w]`` to tokens ``[b, n, w]``; ``visible`` or ``lengths`` say which ones attend to which."""
        batch, tokens = ops.shape(x)[:2]
        query, key, value = (
            ops.reshape(part, (batch, tokens, self.heads, self.width // self.heads))
            for part in ops.split(self.query_key_value(self.norm_1(x)), 3, axis=-1)
        )
        seen = attention(query, key, value, visible, lengths=lengths)
        x = x + self.projection(ops.reshape(seen, (batch, tokens, self.width)))
        return x + self.mlp_out(ops.gelu(self.mlp_in(self.norm_2(x)), approximate=False))


class Transformer(keras.layers.Layer):
    """A stack of blocks and a last normalisation."""

    def __init__(self, stack: Stack, seeds: Iterator[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [
            Block(stack.width, stack.heads, stack.mlp, seeds, name=f"block_{i}", dtype=self.dtype_policy)
            for i in range(stack.layers)
        ]
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for tokens ``[b, n, w]``."""
        for block in self.blocks:
            block.build(input_shape)
        self.norm.build(input_shape)

    def call(self, x: Any, visible: Any = None, lengths: Any = None) -> Any:
        """Tokens ``[b, n, w]`` to tokens ``[b, n, w]``; ``visible`` or ``lengths`` say which ones attend to which."""
        for block in self.blocks:
            x = block(x, visible, lengths)
        return self.norm(x)
