# %% [markdown]
# # 01 · Well formed
#
# The smallest notebook that has everything the shared form asks for.

# %% [markdown]
# **What** you will see: nothing. **Time**: a second. **Hardware**: any.

# %% tags=["colab-install"]
# `make stamp` fills this cell

# %%
import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before anything imports Keras

# %% [markdown]
# Markdown may stand between the first code cells.

# %%
import jax

import lsmlib

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0

# %% tags=["parameters"]
PROFILE = "laptop"

# %%
size = lsmlib.profile(PROFILE)
size.people

# %% tags=["numbers"]
{"people": float(size.people)}
