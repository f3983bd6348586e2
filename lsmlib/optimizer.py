"""The optimizer of all trainings: AdamW whose learning rate rises, and then falls to zero.

How long a training is and how fast it learns are variables of the optimizer. As constants they would be part of the
compiled program, and each length of training would be compiled anew: on a CPU that takes longer than many a small one.
"""

from functools import partial
from typing import Any

import jax
import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="lsmlib")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise, then a cosine to zero, by how often weights have changed.

    Keras asks for the rate by steps, also where it averages the gradients of several before weights change.

    Args:
        changes: of weights in the whole training; the rate reaches zero there.
        learning_rate: at its peak.
        warmup: share of the changes in which it rises from zero.
        accumulate: steps to a change.
    """

    def __init__(self, changes: int, learning_rate: float, warmup: float, accumulate: int = 1) -> None:
        self._config = {
            "changes": changes, "learning_rate": learning_rate, "warmup": warmup, "accumulate": accumulate
        }  # fmt: skip
        rising = max(round(warmup * changes), 1)
        self.numbers: Any = np.array([rising, max(changes - rising, 1), learning_rate], np.float32)

    def __call__(self, step: Any) -> Any:
        """The rate at this step."""
        numbers = ops.convert_to_tensor(self.numbers)
        return _rate(ops.convert_to_tensor(step), numbers, self._config["accumulate"])

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return self._config


@partial(jax.jit, static_argnums=2)  # also asked for outside of a program, at every step, to be written down
def _rate(step: jax.Array, numbers: jax.Array, accumulate: int) -> jax.Array:
    rising, falling, peak = numbers
    step = ops.cast(step // accumulate, numbers.dtype)
    fallen = ops.clip((step - rising) / falling, 0, 1)
    return peak * ops.where(step < rising, step / rising, (1 + ops.cos(np.pi * fallen)) / 2)


@keras.saving.register_keras_serializable(package="lsmlib")
class AdamW(keras.optimizers.AdamW):
    """Keras' AdamW, with the numbers of its ``Schedule`` among its variables.

    ``schedule`` has them as constants, to be asked for the rate of any step.
    """

    def __init__(self, learning_rate: Schedule, **options: Any) -> None:
        schedule = Schedule(**learning_rate.get_config())  # not the caller's, which stays as it is
        super().__init__(schedule, **options)
        self.schedule = learning_rate
        numbers = schedule.numbers
        schedule.numbers = self.add_variable(numbers.shape, lambda shape, dtype: numbers, "float32", name="schedule")


def make_optimizer(
    steps: int,
    learning_rate: float = 1e-3,
    warmup: float = 0.05,
    weight_decay: float = 1e-4,
    clip: float = 1.0,
    accumulate: int = 1,
) -> AdamW:
    """AdamW as LSM-1 reports it (see ``lsmlib.training``), with the schedule and the clipping.

    Args:
        steps: of the whole training; the learning rate reaches zero there.
        learning_rate: at its peak.
        warmup: share of the steps in which it rises from zero.
        weight_decay: decoupled: each step takes this share times the learning rate off every matrix; biases, norms,
            learned tokens and temperatures are left alone.
        clip: the largest norm of all gradients together.
        accumulate: steps whose gradients are averaged before weights change once.
    """
    schedule = Schedule(steps // accumulate, learning_rate, warmup, accumulate)
    optimizer = AdamW(
        schedule, beta_2=0.95, weight_decay=weight_decay, global_clipnorm=clip,
        gradient_accumulation_steps=accumulate if accumulate > 1 else None,
    )  # fmt: skip
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "token", "logit"])
    return optimizer
