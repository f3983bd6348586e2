"""What LSM-1 is made of: an encoder that reads the tokens it keeps, a decoder that writes every token."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lsmlib.masking import place_kept
from lsmlib.nn.patches import Grid
from lsmlib.nn.positions import sincos_positions
from lsmlib.nn.transformer import Stack, Transformer, dense


class Encoder(keras.layers.Layer):
    """Patches of the kept tokens to vectors; hidden patches are left out before anything is computed.

    With ``class_token``, one learned token stands before the others, as in the reference masked autoencoder.
    """

    def __init__(
        self, grid: Grid, stack: Stack, class_token: bool, seeds: Iterator[int], mimetic: float, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.grid, self.width, self.class_token = grid, stack.width, None
        self.positions = sincos_positions(grid.rows, grid.columns, stack.width)
        self.embedding = dense(stack.width, seeds, name="embedding", dtype=self.dtype_policy)
        self.token_initializer = _small(next(seeds)) if class_token else None
        self.transformer = Transformer(stack, seeds, mimetic, name="transformer", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for windows ``[b, t, s]``."""
        if self.token_initializer is not None:
            self.class_token = self.add_weight(
                shape=(1, 1, self.width), initializer=self.token_initializer, name="class_token"
            )
        self.embedding.build((None, None, self.grid.cells))
        self.transformer.build((None, None, self.width))

    def call(self, patches: Any, kept: Any = None) -> Any:
        """Read the kept ones of the patches ``[b, n, cells]``.

        Args:
            patches: normalised values.
            kept: int32 ``[b, k]``, numbers of tokens, -1: none; without it every token is kept.

        Returns:
            ``[b, k, w]``, or ``[b, 1 + k, w]`` with a class token; zeros where ``kept`` is -1.
        """
        positions = ops.cast(self.positions, self.compute_dtype)
        visible = None
        if kept is not None:
            number = ops.maximum(kept, 0)
            patches = ops.take_along_axis(patches, number[:, :, None], axis=1)
            positions = ops.take(positions, number, axis=0)
            visible = kept >= 0
        tokens = self.embedding(patches) + positions
        if self.class_token is not None:
            first = ops.broadcast_to(ops.cast(self.class_token, tokens.dtype), (ops.shape(tokens)[0], 1, self.width))
            tokens = ops.concatenate([first, tokens], axis=1)
            if visible is not None:
                visible = ops.pad(visible, [(0, 0), (1, 0)], constant_values=True)
        tokens = self.transformer(tokens, visible)
        return tokens if visible is None else ops.where(visible[:, :, None], tokens, 0)


class DecoderParts(keras.layers.Layer):
    """What every decoder from encoded tokens to patches is made of; how tokens are laid out is up to each."""

    def __init__(self, grid: Grid, stack: Stack, seeds: Iterator[int], mimetic: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.grid, self.width = grid, stack.width
        self.positions = sincos_positions(grid.rows, grid.columns, stack.width)
        self.embedding = dense(stack.width, seeds, name="embedding", dtype=self.dtype_policy)
        self.token_initializer = _small(next(seeds))
        self.transformer = Transformer(stack, seeds, mimetic, name="transformer", dtype=self.dtype_policy)
        self.prediction = dense(grid.cells, seeds, name="prediction", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for encoded tokens ``[b, k, w]``."""
        self.mask_token = self.add_weight(
            shape=(1, 1, self.width), initializer=self.token_initializer, name="mask_token"
        )
        self.embedding.build(input_shape)
        self.transformer.build((None, None, self.width))
        self.prediction.build((None, None, self.width))


class Decoder(DecoderParts):
    """Vectors of the kept tokens to the patches of all tokens; a hidden one starts from a learned mask token."""

    def __init__(
        self, grid: Grid, stack: Stack, class_token: bool, seeds: Iterator[int], mimetic: float, **kwargs: Any
    ) -> None:
        super().__init__(grid, stack, seeds, mimetic, **kwargs)
        self.skip = int(class_token)

    def call(self, encoded: Any, kept: Any) -> Any:
        """Predict every patch: ``[b, k, w]`` and ``kept`` int32 ``[b, k]`` to ``[b, n, cells]``."""
        tokens = self.embedding(encoded)
        place = place_kept(kept, self.grid.tokens)
        hidden = ~ops.any(place, axis=1)[:, :, None]
        # Each token takes its vector by a product with zeros and ones: exact, and its gradient is a product too, where
        # that of a gather would be a scatter, which is slow everywhere.
        laid_out = ops.einsum("bkn,bkw->bnw", ops.cast(place, tokens.dtype), tokens[:, self.skip :])
        laid_out = ops.where(hidden, ops.cast(self.mask_token, tokens.dtype), laid_out)
        laid_out = laid_out + ops.cast(self.positions, tokens.dtype)
        if self.skip:
            laid_out = ops.concatenate([tokens[:, :1], laid_out], axis=1)
        return self.prediction(self.transformer(laid_out)[:, self.skip :])


def _small(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02, seed=seed)
