# %% [markdown]
# # Hangs

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %%
import time

time.sleep(60)

# %% tags=["numbers"]
{"people": float(PEOPLE)}
