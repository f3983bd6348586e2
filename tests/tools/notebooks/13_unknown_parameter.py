# %% [markdown]
# # Unknown parameter

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %% tags=["numbers"]
{"people": float(PEOPLE)}
