"""Layer norm with its gradient written by hand: it keeps two numbers a token, where JAX itself keeps whole tokens."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="lsmlib")
class LayerNorm(keras.layers.Layer):
    """Normalise each token's channels to mean 0 and variance 1, then scale by ``gamma`` and shift by ``beta``.

    Layer normalisation (Ba, Kiros & Hinton, 2016) over the last axis. Statistics are float32 whatever the dtype of the
    input. ``gamma`` and ``beta``, both ``[w]``, are PyTorch's ``weight`` and ``bias``. On the JAX backend it cannot be
    differentiated in forward mode.

    Args:
        epsilon: added to the variance.
        **kwargs: of ``keras.layers.Layer``: ``name``, ``dtype``, ….
    """

    def __init__(self, epsilon: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        if not epsilon > 0:
            raise ValueError(f"epsilon is {epsilon}; expected a small positive number, for example 1e-6")
        self.epsilon = epsilon

    def build(self, input_shape):
        """Create ``gamma`` and ``beta`` for inputs ``[…, w]``."""
        width = input_shape[-1]
        self.gamma = self.add_weight(shape=(width,), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(width,), initializer="zeros", name="beta")

    def call(self, inputs):
        """Return ``[…, w]``, in the layer's compute dtype."""
        gamma, beta = (ops.cast(x, "float32") for x in (self.gamma, self.beta))
        return _normalise(inputs, gamma, beta, self.epsilon)

    def compute_output_shape(self, input_shape):
        """The shape of the input."""
        return input_shape

    def get_config(self):
        """What the layer is made again from."""
        return {**super().get_config(), "epsilon": self.epsilon}


def _forward(inputs, gamma, beta, epsilon):
    """The normed input, and what the gradient needs."""
    x = ops.cast(inputs, "float32")
    mean = ops.mean(x, axis=-1, keepdims=True)
    inverse = ops.rsqrt(ops.mean(ops.square(x - mean), axis=-1, keepdims=True) + epsilon)
    return ops.cast((x - mean) * inverse * gamma + beta, inputs.dtype), (inputs, gamma, mean, inverse)


def _backward(epsilon, kept, gradient):
    inputs, gamma, mean, inverse = kept
    gradient = ops.cast(gradient, "float32")
    normed = (ops.cast(inputs, "float32") - mean) * inverse
    slope = gradient * gamma
    slope = slope - ops.mean(slope, axis=-1, keepdims=True) - normed * ops.mean(slope * normed, axis=-1, keepdims=True)
    tokens = tuple(range(len(inputs.shape) - 1))
    return ops.cast(slope * inverse, inputs.dtype), ops.sum(gradient * normed, tokens), ops.sum(gradient, tokens)


def _normalise(inputs, gamma, beta, epsilon):
    return _forward(inputs, gamma, beta, epsilon)[0]


if keras.backend.backend() == "jax":
    import jax

    _normalise = jax.custom_vjp(_normalise, nondiff_argnums=(3,))
    _normalise.defvjp(_forward, _backward)
