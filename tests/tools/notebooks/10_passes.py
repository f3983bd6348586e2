# %% [markdown]
# # Passes

# %% tags=["parameters"]
PROFILE = "laptop"
PEOPLE = 3

# %% tags=["numbers"]
{"people": float(PEOPLE), "is_smoke": float(PROFILE == "smoke")}
