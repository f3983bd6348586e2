"""Random numbers inside a model, whose state is saved with it."""

from typing import Any

import keras
import numpy as np


class RandomStream(keras.layers.Layer):
    """A seeded stream of uniform noise.

    Keras leaves the state of a ``SeedGenerator`` out of ``.keras`` and ``.weights.h5`` files, so a model loaded from
    one would draw other masks than the model that was saved; this layer keeps it.
    """

    def __init__(self, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.generator = keras.random.SeedGenerator(seed)
        self.built = True

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """The next float32 numbers from 0 to 1, of this shape."""
        return keras.random.uniform(shape, dtype="float32", seed=self.generator)

    def save_own_variables(self, store: Any) -> None:
        """Write the state of the stream."""
        store["state"] = np.asarray(self.generator.state.value)

    def load_own_variables(self, store: Any) -> None:
        """Read the state of the stream."""
        self.generator.state.assign(np.asarray(store["state"]))
