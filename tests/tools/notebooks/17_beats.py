# %% [markdown]
# # Beats, as long as it lives

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %%
import os
import time
from pathlib import Path

for _ in range(600):
    with Path(os.environ["HEARTBEATS"]).open("a") as file:
        file.write(".")
    time.sleep(0.1)

# %% tags=["numbers"]
{"people": float(PEOPLE)}
