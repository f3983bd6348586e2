"""Large Sensor Models, open and runnable: LSM-1, LSM-2 (AIM) and SensorLM in Keras 3 on JAX.

The public names are listed, with their types, in ``__init__.pyi``; each is imported when it is first used.
"""

import os

import lazy_loader

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads this once, when it is first imported

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
