"""How sharply SensorLM tells texts apart: the learned scale of similarities."""

import math
from typing import Any

import keras
from keras import ops

LARGEST_SCALE = 100.0  # of similarities, as in CLIP


class Temperature(keras.layers.Layer):
    """What similarities are multiplied by, learned as its logarithm, and for SigLIP what is added; at first as there.

    CLIP begins with 1 / 0.07, SigLIP with 10, and -10 added.
    """

    def __init__(self, sigmoid: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sigmoid = sigmoid

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        start = math.log(10.0 if self.sigmoid else 1 / 0.07)
        constant = keras.initializers.Constant
        self.logit_scale = self.add_weight(shape=(), initializer=constant(start), name="logit_scale")
        if self.sigmoid:
            self.logit_bias = self.add_weight(shape=(), initializer=constant(-10.0), name="logit_bias")

    def scale(self) -> Any:
        """At most 100."""
        return ops.minimum(ops.exp(self.logit_scale), LARGEST_SCALE)

    def bias(self) -> Any:
        """Of SigLIP."""
        return ops.convert_to_tensor(self.logit_bias)
