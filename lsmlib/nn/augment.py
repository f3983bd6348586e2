"""Changes to training windows that leave their meaning: stretch, flip and noise, as reported for LSM-1.

The report names the three and not their strengths; those here are ours.
"""

from typing import Any

import keras
from keras import ops

from lsmlib.nn.random import RandomStream

AUGMENTATIONS = ("stretch", "flip", "noise")
STRETCH = 1.25  # a window's middle part, at least 1/1.25 of it, is stretched to the whole
NOISE = 0.1  # standard deviations


class Augment(keras.layers.Layer):
    """Random changes of normalised windows ``[b, t, s]``, drawn for each window.

    ``"stretch"`` plays a random part of the window, between 80 % and all of it, more slowly, interpolating linearly in
    time; ``"flip"`` runs half of the windows backwards; ``"noise"`` adds independent normal noise of 0.1 standard
    deviations.

    Raises:
        ValueError: for a name that is none of these.
    """

    def __init__(self, names: tuple[str, ...], seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(names, str) or (unknown := [name for name in names if name not in AUGMENTATIONS]):
            wrong = names if isinstance(names, str) else unknown
            raise ValueError(f"augment has {wrong!r}; expected a tuple of names among {AUGMENTATIONS}")
        self.names = tuple(names)
        self.random = RandomStream(seed, name="random")
        self.built = True

    def call(self, signals: Any) -> Any:
        """Change ``[b, t, s]``."""
        batch, minutes, count = ops.shape(signals)
        if "stretch" in self.names:
            noise = self.random.uniform((2, batch, 1))
            length = (minutes - 1) / (1.0 + (STRETCH - 1.0) * noise[0])
            start = (minutes - 1 - length) * noise[1]
            at = start + length * ops.linspace(0.0, 1.0, minutes)[None]
            before = ops.clip(ops.cast(ops.floor(at), "int32"), 0, minutes - 2)
            part = (at - ops.cast(before, at.dtype))[:, :, None]
            low = ops.take_along_axis(signals, before[:, :, None], axis=1)
            high = ops.take_along_axis(signals, before[:, :, None] + 1, axis=1)
            signals = low + (high - low) * part
        if "flip" in self.names:
            signals = ops.where(self.random.uniform((batch, 1, 1)) < 0.5, ops.flip(signals, axis=1), signals)
        if "noise" in self.names:
            uniform = ops.maximum(self.random.uniform((batch, minutes, count)), 1e-7)
            signals = signals + NOISE * ops.erfinv(2.0 * uniform - 1.0) * 2.0**0.5
        return signals
