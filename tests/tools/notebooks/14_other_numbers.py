# %% [markdown]
# # Other numbers than expected

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %% tags=["numbers"]
{"people": float(PEOPLE), "days": 2.0}
