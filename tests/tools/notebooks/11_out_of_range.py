# %% [markdown]
# # Out of range

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %% tags=["numbers"]
{"people": float(PEOPLE)}
