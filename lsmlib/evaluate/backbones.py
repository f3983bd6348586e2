"""What fine-tuning trains: layers that turn windows into vectors, from LSM-1's encoder or a convolutional network."""

from typing import Any

import keras
import numpy as np
import xarray as xr
from keras import ops

from lsmlib.checks import check_whole
from lsmlib.models.batching import run_in_batches
from lsmlib.models.lsm1 import LSM1
from lsmlib.signals import SIGNALS, normalise


class TokenPool(keras.layers.Layer):
    """Mean and maximum over an LSM-1 encoder's tokens: normalised windows ``[b, t, s]`` to ``[b, 2 × w]``.

    The mean alone hides what is short: of 180 tokens, half an hour of running changes 18. The layer has an encoder of
    its own, with the weights of the model's: training it leaves the model as it was.

    Args:
        model: whose encoder.
        seed: of fresh weights, for a supervised model from scratch; ``None`` takes the model's weights.
    """

    def __init__(self, model: LSM1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = model.get_config()
        copy = LSM1.from_config(config if seed is None else {**config, "seed": seed})
        if seed is None:
            for weight, theirs in zip(copy.encoder.weights, model.encoder.weights, strict=True):
                weight.assign(np.array(theirs.value))  # a copy: training gives its buffers away
        self.grid, self.encoder, self.skip = copy.grid, copy.encoder, copy.decoder.skip
        self.built = True

    def call(self, signals: Any) -> Any:
        """Encode ``[b, t, s]``, nothing hidden."""
        tokens = self.encoder(self.grid.to_patches(signals))[:, self.skip :]
        return mean_and_maximum(ops.cast(tokens, "float32"))


def mean_and_maximum(tokens: Any) -> Any:
    """Of tokens ``[b, n, w]``, over all of them: ``[b, 2 × w]``.

    The gradient of ``ops.max`` divides by how many tokens equal the maximum. Where XLA computes these a second time
    and rounds otherwise than before, none does, and 0 / 0 is NaN; a token that was chosen by its number always is one.
    """
    highest = ops.take_along_axis(tokens, ops.argmax(tokens, axis=1, keepdims=True), axis=1)
    return ops.concatenate([ops.mean(tokens, axis=1), highest[:, 0]], axis=1)


def embed_pooled(model: LSM1, windows: xr.Dataset, batch_size: int = 64) -> np.ndarray:
    """Mean and maximum over a model's tokens, for probes of what is short: float32 ``[d, 2 × w]``.

    Raises:
        ValueError: if windows have another length than the model's, or gaps.
    """
    model.check_windows(windows)
    return pool(TokenPool(model), normalise(windows["signals"].values), batch_size)


def conv_net(parameters: int, minutes: int = 300, signals: int = len(SIGNALS), seed: int = 0) -> keras.Model:
    """A residual network over time (He et al., 2016, in one dimension): normalised ``[b, t, s]`` to ``[b, 4 × width]``.

    A stem and three stages of two blocks, each stage at half the rate and twice the channels. Channels are normalised
    at each minute (as in ConvNeXt, Liu et al., 2022): batches here may be of two windows, too few for batch statistics,
    and normalising over time would take the level of a signal away.

    Args:
        parameters: about how many weights it has; the width, a multiple of 8, follows from it.
        minutes: of a window.
        signals: of a window.
        seed: of the weights.

    Raises:
        ValueError: if a number is out of range.
    """
    for name, value, least in (("parameters", parameters, 10_000), ("minutes", minutes, 8), ("signals", signals, 1)):
        check_whole(name, value, least)
    seeds = np.random.default_rng(seed)

    def convolve(x: Any, width: int, length: int, stride: int) -> Any:
        start = keras.initializers.HeNormal(int(seeds.integers(2**31)))
        return keras.layers.Conv1D(width, length, stride, padding="same", kernel_initializer=start, use_bias=False)(x)

    def normalised(x: Any) -> Any:
        return keras.layers.LayerNormalization(epsilon=1e-6)(x)

    # the stages' convolutions of three minutes hold about 220 weights for each pair of channels of the stem
    width = 8 * max(round(np.sqrt(parameters / 220) / 8), 1)
    windows = keras.Input((minutes, signals))
    x = ops.relu(normalised(convolve(windows, width, 7, 2)))
    for channels, stride in [(width, 1), (width, 1), (2 * width, 2), (2 * width, 1), (4 * width, 2), (4 * width, 1)]:
        y = ops.relu(normalised(convolve(x, channels, 3, stride)))
        y = normalised(convolve(y, channels, 3, 1))
        x = ops.relu(y + (x if x.shape == y.shape else convolve(x, channels, 1, stride)))
    return keras.Model(windows, ops.mean(x, axis=1), name="conv_net")


def pool(backbone: keras.layers.Layer, signals: np.ndarray, batch_size: int = 64) -> np.ndarray:
    """Vectors float32 ``[d, w]`` of normalised windows ``[d, t, s]``."""
    return run_in_batches(_pool, backbone, {"signals": signals}, batch_size)


def _pool(layer: keras.layers.Layer, inputs: dict[str, Any]) -> Any:
    return layer(inputs["signals"])
