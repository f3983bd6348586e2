"""The loss of one step, which Keras by itself does not tell."""

from typing import Any

import keras


class Latest(keras.metrics.Metric):
    """The value of the last step, beside Keras' own ``loss``, which is a mean over the epoch so far."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value = self.add_weight(name="value", initializer="zeros")

    def update_state(self, value: Any) -> None:
        """Take the value of this step."""
        self.value.assign(value)

    def result(self) -> Any:
        """The value of the last step."""
        return self.value.value
