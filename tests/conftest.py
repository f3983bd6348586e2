"""Settings that hold for every test; they must stand before anything imports Keras or matplotlib."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("MPLBACKEND", "agg")

from hypothesis import settings

# the first example of a property pays for JAX's compilation, so no deadline; the same examples in every run
settings.register_profile("lsmlib", deadline=None, derandomize=True)
settings.load_profile("lsmlib")
