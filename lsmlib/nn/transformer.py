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


class MimeticUniform(keras.initializers.GlorotUniform):
    """Glorot's weights of queries, keys and values ``[w, 3 w]``; keys as queries, and both ``gain`` times as large.

    At first a token then attends to tokens like itself: of like values, and near it in time or of its signal, as their
    positions are alike. Trained transformers do so, and otherwise have to find it (mimetic initialisation, Trockman &
    Kolter, 2023, of which this is the part for queries and keys; theirs is a sum of noise and identity). With
    ``gain=0`` all three are drawn alone.

    Raises:
        ValueError: if ``gain`` is negative or not finite.
    """

    def __init__(self, gain: float, seed: int) -> None:
        super().__init__(seed)
        if not 0 <= gain < float("inf"):
            raise ValueError(f"mimetic is {gain!r}; expected 0, for queries and keys drawn alone, or a gain such as 3")
        self.gain = gain

    def __call__(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Draw them."""
        kernel = super().__call__(shape, dtype)
        if not self.gain:
            return kernel
        query, _, value = ops.split(kernel, 3, axis=-1)
        return ops.concatenate([self.gain * query, self.gain * query, value], axis=-1)


class Block(keras.layers.Layer):
    """Attention among tokens, then two linear layers at each token; both add to what comes in."""

    def __init__(
        self, width: int, heads: int, mlp: int, seeds: Iterator[int], mimetic: float = 0.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.width, self.heads = width, heads
        self.norm_1 = LayerNorm(name="norm_1", dtype=self.dtype_policy)
        self.query_key_value = keras.layers.Dense(
            3 * width, kernel_initializer=MimeticUniform(mimetic, next(seeds)), name="query_key_value",
            dtype=self.dtype_policy,
        )  # fmt: skip
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
    """A stack of blocks and a last normalisation; ``mimetic`` is the gain of ``MimeticUniform`` in every block.

    While ``rematerialise`` is set, of each block only what goes in is kept for the gradient, and the rest computed
    again (Chen et al., 2016): memory for one block's activations instead of all, for a third more work.
    """

    def __init__(self, stack: Stack, seeds: Iterator[int], mimetic: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.blocks = [
            Block(stack.width, stack.heads, stack.mlp, seeds, mimetic, name=f"block_{i}", dtype=self.dtype_policy)
            for i in range(stack.layers)
        ]
        self.norm = LayerNorm(name="norm", dtype=self.dtype_policy)
        self.rematerialise = False

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for tokens ``[b, n, w]``."""
        for block in self.blocks:
            block.build(input_shape)
        self.norm.build(input_shape)

    def call(self, x: Any, visible: Any = None, lengths: Any = None) -> Any:
        """Tokens ``[b, n, w]`` to tokens ``[b, n, w]``; ``visible`` or ``lengths`` say which ones attend to which."""
        for block in self.blocks:
            run = keras.remat(block) if self.rematerialise else block
            x = run(x, visible, lengths)
        return self.norm(x)
