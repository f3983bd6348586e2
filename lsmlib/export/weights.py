"""The weights of an encoder, in one order, wherever it is built."""

from typing import Any


def exported_weights(model: Any) -> list[Any]:
    """All that ``embed`` uses: of the encoder, and of a SensorLM's pool."""
    layers = [model.encoder, *([model.pool] if hasattr(model, "pool") else [])]
    return [weight for layer in layers for weight in layer.weights]
