"""Floating-point operations of training, counted by formula.

What is counted are the matrix products that the mathematics needs, two operations a multiplication and addition (Kaplan
et al., 2020, section 2.1; Hoffmann et al., 2022, appendix F, with attention): of LSM-1's kept tokens, and of the
visible tokens of LSM-2 (where it packs) and SensorLM, so padding, a form of attention that computes scores twice, and
the like do not make a run look larger. Norms, softmax and GELU are left out; tests hold the formula to within 10 % of
what XLA counts.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
import xarray as xr

from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.sensorlm import SensorLM
from lsmlib.nn.transformer import Stack
from lsmlib.signals import normalise

SAMPLE = 128  # rows whose tokens are counted; LSM-2's differ from day to day


class Flops(NamedTuple):
    """Operations of a row (a window or a day) in training."""

    forward: float
    backward: float

    @property
    def total(self) -> float:
        """Of a step, for each of its rows."""
        return self.forward + self.backward


def count_flops(model: LSM1 | LSM2, encoder_tokens: Any, decoder_tokens: Any) -> Flops:
    """Operations for rows of so many tokens, a mean over the rows.

    Backward costs twice as much as forward, once for the weights and once for what comes in; but for the embedding of
    patches, where nothing asks for the second.

    Args:
        model: whose sizes to take.
        encoder_tokens: that attend to one another in the encoder: a number, or one a row ``[b]``.
        decoder_tokens: likewise in the decoder.
    """
    encoder, decoder = model.size
    read, written = np.asarray(encoder_tokens, float), np.asarray(decoder_tokens, float)
    cells = model.grid.cells
    embedding = 2 * read * cells * encoder.width
    between = 2 * read * encoder.width * decoder.width
    prediction = 2 * written * decoder.width * cells
    rest = _stack_flops(encoder, read) + between + _stack_flops(decoder, written) + prediction
    return Flops(float(np.mean(embedding + rest)), float(np.mean(embedding + 2 * rest)))


def training_flops(model: LSM1 | LSM2, rows: xr.Dataset) -> Flops:
    """Operations a row in training on these windows or days, as the model reads them.

    LSM-1 keeps as many tokens of every window. LSM-2 in the paper's form reads all but those it drops; packed, what is
    visible, which is counted over the first 128 rows as training would hide them.

    Raises:
        ValueError: if the rows do not fit the model.
    """
    return count_flops(model, *count_tokens(model, rows))


def language_flops(model: SensorLM, rows: xr.Dataset, text_tokens: float) -> Flops:
    """Operations a day in training of a SensorLM, on days as these and captions of so many tokens.

    Padding apart, of the first 128 days. Attention among a text's tokens is counted in full, as it is computed, though
    half of the pairs are masked; texts are compared with each other in one small product that is left out.

    Args:
        model: whose sizes and objective to take.
        rows: days.
        text_tokens: of a caption, start and end included, as long as captions are padded to.

    Raises:
        ValueError: if the rows do not fit the model.
    """
    first = rows.isel(day=slice(SAMPLE))
    model.check_windows(first)
    read = model.to_tokens(normalise(first["signals"].values))[1].sum(axis=1).astype(float)
    encoder, text, decoder = model.size
    queries, words = model.pool.queries, text_tokens + model.contrasted
    embedding = 2 * read * model.grid.cells * encoder.width
    pool = queries * 2 * (2 * encoder.width**2 + 2 * encoder.width * encoder.mlp)
    pool = pool + read * (2 * 2 * encoder.width**2 + queries * 4 * encoder.width)
    rest = _stack_flops(encoder, read) + pool + _stack_flops(text, np.asarray(words))
    if model.contrasted:
        rest = rest + 2 * text.width * encoder.width
    if model.generative:
        written, looked_at = text_tokens - 1, queries - model.contrasted
        at_token = 2 * 2 * decoder.width**2 + looked_at * 4 * decoder.width
        memory = looked_at * 2 * 2 * encoder.width * decoder.width
        rest = rest + _stack_flops(decoder, np.asarray(written)) + decoder.layers * (written * at_token + memory)
        rest = rest + 2 * written * decoder.width * model.tokenizer.vocabulary_size
    return Flops(float(np.mean(embedding + rest)), float(np.mean(embedding + 2 * rest)))


def count_weights(model: keras.Model) -> int:
    """Parameters that are trained, encoder and decoder together."""
    return sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def count_tokens(model: LSM1 | LSM2, rows: xr.Dataset) -> tuple[Any, Any]:
    """Tokens that the encoder reads of a row, and the decoder; a number, or one for each of the first 128 rows."""
    if isinstance(model, LSM1):
        extra = int(model.get_config()["class_token"])
        return model.kept + extra, model.grid.tokens + extra
    if model.packing == "paper":
        return model.grid.tokens - model.dropped, model.grid.tokens
    first = rows.isel(day=slice(SAMPLE))
    model.check_windows(first)
    packed = model.prepare(normalise(first["signals"].values), np.arange(first.sizes["day"]))
    return packed["lengths"].ravel(), packed["decoded_lengths"].ravel()


def _stack_flops(stack: Stack, tokens: np.ndarray) -> np.ndarray:
    """Forward through blocks: four projections and two layers at each token, two products for each pair of tokens."""
    at_token = 2 * (4 * stack.width**2 + 2 * stack.width * stack.mlp)
    for_pair = 4 * stack.width
    return stack.layers * (tokens * at_token + tokens**2 * for_pair)
