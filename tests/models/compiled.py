"""A model's call as one compiled program. Called as it is, each of its hundred operations is compiled for itself."""

import functools
from typing import Any

import jax
import keras


@functools.cache
def _programs(model: keras.Model) -> tuple[Any, Any]:
    def forward(trainable, fixed, inputs):
        outputs, _ = model.stateless_call(trainable, fixed, inputs)
        with keras.StatelessScope():
            return model.compute_loss(y_pred=outputs), outputs

    return jax.jit(forward), jax.jit(jax.value_and_grad(forward, has_aux=True))


def _state(model: keras.Model) -> list[list[Any]]:
    return [[v.value for v in variables] for variables in (model.trainable_variables, model.non_trainable_variables)]


def run(model: keras.Model, inputs: Any) -> tuple[Any, Any]:
    """The loss and the outputs."""
    return _programs(model)[0](*_state(model), inputs)


def differentiate(model: keras.Model, inputs: Any) -> tuple[tuple[Any, Any], Any]:
    """The loss and the outputs, and the gradient of the loss for every weight."""
    return _programs(model)[1](*_state(model), inputs)
