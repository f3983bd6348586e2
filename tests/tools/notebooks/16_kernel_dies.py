# %% [markdown]
# # Kernel dies

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %%
import os

os._exit(1)

# %% tags=["numbers"]
{"people": float(PEOPLE)}
