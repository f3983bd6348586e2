"""What LSM-2 is made of: an encoder and a decoder of tokens in rows of several days (``lsmlib.packing``)."""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lsmlib.models.autoencoder import DecoderParts
from lsmlib.nn.attention import number_stretches
from lsmlib.nn.patches import Grid
from lsmlib.nn.positions import sincos_positions
from lsmlib.nn.transformer import Stack, Transformer, dense


class TokenEncoder(keras.layers.Layer):
    """Visible patches to vectors."""

    def __init__(self, grid: Grid, stack: Stack, seeds: Iterator[int], mimetic: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cells, self.width = grid.cells, stack.width
        self.positions = sincos_positions(grid.rows, grid.columns, stack.width)
        self.embedding = dense(stack.width, seeds, name="embedding", dtype=self.dtype_policy)
        self.transformer = Transformer(stack, seeds, mimetic, name="transformer", dtype=self.dtype_policy)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights for ``values`` ``[r, k, cells]``."""
        self.embedding.build((None, None, self.cells))
        self.transformer.build((None, None, self.width))

    def call(self, values: Any, number: Any, lengths: Any) -> Any:
        """Read tokens.

        Args:
            values: ``[r, k, cells]``; what stands beyond the stretches, NaN included, changes nothing.
            number: which tokens they are, int32 ``[r, k]``.
            lengths: of the stretches, int32 ``[r, d]``.

        Returns:
            ``[r, k, w]``, zeros beyond the stretches.
        """
        inside = (number_stretches(lengths, values.shape[1]) < lengths.shape[1])[:, :, None]
        values = ops.where(inside, values, ops.zeros_like(values))
        positions = ops.take(ops.cast(self.positions, self.compute_dtype), number, axis=0)
        tokens = self.transformer(self.embedding(values) + positions, lengths=lengths)
        return ops.where(inside, tokens, ops.zeros_like(tokens))


class TokenDecoder(DecoderParts):
    """Encoded tokens to patches; one that is asked for starts from a learned mask token."""

    def call(self, encoded: Any, source: Any, decoded: Any, lengths: Any) -> Any:
        """Predict patches.

        Args:
            encoded: ``[r, k, w]``.
            source: for each token here its place in ``encoded``, -1: none; int32 ``[r, m]``.
            decoded: which tokens they are, int32 ``[r, m]``.
            lengths: of the stretches, int32 ``[r, d]``.

        Returns:
            ``[r, m, cells]``.
        """
        tokens = self.embedding(encoded)
        tokens = ops.take_along_axis(tokens, ops.maximum(source, 0)[:, :, None], axis=1)
        tokens = ops.where((source >= 0)[:, :, None], tokens, ops.cast(self.mask_token, tokens.dtype))
        tokens = tokens + ops.take(ops.cast(self.positions, tokens.dtype), decoded, axis=0)
        return self.prediction(self.transformer(tokens, lengths=lengths))


def mean_tokens(encoded: Any, lengths: Any) -> Any:
    """The mean over the tokens ``[r, k, w]`` of each day, float32 ``[r, d, w]``; zeros for a day without any."""
    days = ops.arange(lengths.shape[1])
    member = ops.cast(number_stretches(lengths, encoded.shape[1])[:, :, None] == days, "float32")
    counts = ops.maximum(ops.cast(lengths, "float32"), 1.0)
    return ops.einsum("rkd,rkw->rdw", member, ops.cast(encoded, "float32")) / counts[:, :, None]
