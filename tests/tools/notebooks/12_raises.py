# %% [markdown]
# # Raises

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %%
raise RuntimeError("no such person")

# %% tags=["numbers"]
{"people": float(PEOPLE)}
