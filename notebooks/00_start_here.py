# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/00_start_here.ipynb)
#
# # 00 · Start here
#
# Three papers from Google show how far one can get with nothing but the minutes that a watch records:
# [LSM-1](https://arxiv.org/abs/2410.13638), [LSM-2](https://arxiv.org/abs/2506.05321) and
# [SensorLM](https://arxiv.org/abs/2506.09108). Neither their data nor their weights are public. This notebook is the map
# of a project that rebuilds all three so that you can run them and take them apart.

# %% [markdown]
# **What** you will see: the map, your hardware, one simulated day of one person drawn as the papers draw it, and the five
# words for what is measured, missing and hidden on which everything else rests. **Time**: two minutes. **Hardware**: any;
# a laptop's CPU will do.

# %% tags=["colab-install"]
import subprocess
import sys
from importlib import metadata, util

if util.find_spec("google") and util.find_spec("google.colab"):  # only in Colab, whose own jax and numpy are kept
    keep = [f"{name}=={metadata.version(name)}" for name in ("jax", "jaxlib", "numpy")]
    package = "lsmlib @ git+https://github.com/your_account/large-sensor-models"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", package, *keep], check=True)

# %%
import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads this once, when it is first imported

# %% tags=["long"]
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

import jax
import jax.numpy as jnp
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import lsmlib
from lsmlib import plots

for package in ("lsmlib", "keras", "jax", "numpy", "xarray"):
    print(f"{package:8s}{version(package)}")
print("device  ", jax.devices())

# %%
SEED = 0
plots.set_style()

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# `PROFILE` is the one dial of every notebook: `smoke` tests it, `laptop` is for reading along, `accelerator` wants a GPU
# or TPU, and `paper` is the size that LSM-2 reports. All sizes stand in one table; the models themselves come with later
# notebooks.

# %%
pd.DataFrame([(p.name, p.people, p.days, p.lsm2.steps, p.lsm2.size) for p in lsmlib.PROFILES.values()]).set_axis(
    ["profile", "people", "days each", "steps of LSM-2", "its size"], axis=1
).set_index("profile")

# %% [markdown]
# ## The map
#
# | | reads | learns by | shows that |
# |---|---|---|---|
# | **LSM-1** (2024) | 5 hours × 26 signals, gaps filled in beforehand | hiding 80 % of the patches (small blocks of readings) and restoring them | loss falls as a power of data, model and compute |
# | **LSM-2** (2025) | a whole day, gaps left as they are | adaptive and inherited masking (AIM): treating what is missing and what was hidden as one kind of absence | nothing need be filled in, and a lost sensor hurts less |
# | **SensorLM** (2025) | a whole day and a caption computed from it | matching days with sentences, and writing the sentence | days can be searched, classified and described in words |
#
# Data travels one way through the package, and the notebooks follow it:
#
# ```
# people ─► behaviour ─► physiology ─► sensors ─► gaps ─┐
#                                                       ├─► Cohort ─► batches ─► models ─► embeddings, filled gaps, words
# your own recordings ─► readers ───────────────────────┘
# ```
#
# Notebook 01 simulates people and their days, and notebook 02 reads recordings of real ones; the rest of the sequence (LSM-1,
# scaling, LSM-2, SensorLM) is being written in this order, and the README says what is there.

# %% [markdown]
# ## Your hardware
#
# Two numbers say what to expect of a machine: how many operations it does in a second, and how many bytes it moves. We
# measure both rather than trust a data sheet: a matrix product for the one, adding two long arrays for the other.


# %%
def best_of(work, *arrays, tries=5):
    """Seconds of the fastest of a few runs; the first one compiles and is not counted."""
    jax.block_until_ready(work(*arrays))
    times = []
    for _ in range(tries):
        start = perf_counter()
        jax.block_until_ready(work(*arrays))
        times.append(perf_counter() - start)
    return min(times)


# %%
n = 1024 if PROFILE == "smoke" else 2048
square = jnp.ones((n, n), jnp.float32)
gigaflops = 2 * n**3 / best_of(jax.jit(jnp.matmul), square, square) / 1e9
long = jnp.ones(2**24, jnp.float32)  # 64 MiB
gigabytes = 3 * long.nbytes / best_of(jax.jit(jnp.add), long, long) / 1e9  # two read, one written
print(f"{jax.default_backend()}: {gigaflops:,.0f} billion float32 operations and {gigabytes:,.0f} GB moved in a second")

# %% [markdown]
# What is that worth? A transformer reads **tokens**; LSM-2 makes one of every ten minutes of every signal, 144 × 26 = 3,744
# a day, about half of them missing. Training does about six operations a weight for every token read, and LSM-2 has 25
# million weights. Batch and steps below are as quoted for LSM-2; we could not check them in the paper. This is the cost
# of reading every observed token; hiding some, as masked training does, saves a part of it.

# %%
tokens, observed_share, weights = 144 * 26, 0.51, 25e6
per_day = 6 * weights * tokens * observed_share
paper = lsmlib.profile("paper").lsm2
days_per_second = gigaflops * 1e9 / per_day
hours = paper.steps * paper.batch_size / days_per_second / 3600
print(f"{per_day / 1e12:.2f} trillion operations a day read: at best {days_per_second:,.1f} days a second here,")
print(f"so {paper.steps:,} steps of {paper.batch_size} days would take this machine {hours / 24 / 365:,.1f} years")

# %% [markdown]
# ## One day of one person
#
# Nobody's recordings are needed to begin. The package simulates people: who they are, what they do, what their bodies
# answer, what the sensors on the wrist make of it, and what gets lost. A set of such days is a **Cohort**, an ordinary
# `xarray.Dataset`.

# %%
size = lsmlib.profile(PROFILE)
people, days = min(size.people, 500), min(size.days, 4)  # enough to look at, whatever the profile
cohort = lsmlib.simulate_cohort(people, days, seed=SEED, missing_mode=True)
cohort

# %% [markdown]
# `describe_cohort` says the same for human eyes: who, when, how much is missing in which signal, which labels are known.

# %%
lsmlib.describe_cohort(cohort)

# %% [markdown]
# Let us find a day to look at: one with a logged activity of half an hour or more, recorded as completely as possible.

# %%
observed = np.isfinite(cohort["signals"].values)
active = cohort["activity"].values >= 0
recorded = (observed[:, :, :11].all(axis=2) & active).sum(axis=1)  # minutes of activity with pulse and steps on record
score = np.where(recorded >= min(30, recorded.max()), observed.mean(axis=(1, 2)), 0)
day = int(score.argmax())
print("day", day, "of", cohort.sizes["day"], "has", f"{observed[day].mean():.0%} of its readings")

# %% tags=["figure-day"]
plots.plot_day(cohort, day)
# %% [markdown]
# Take a minute with this figure; it is what the models see. Each row is a signal, each column a minute, and colour says how
# far a reading lies from the population's mean. Above: sleep, logged activities and, on some days, logged moods. These are
# labels and never input.
#
# - The night is calm: the heart is slow, so RR intervals (the time between beats) are long, and they vary most.
# - In the activity the heart races, the wrist moves, and variability of the RR intervals collapses or cannot be measured.
# - **White is a gap.** A column of white is a device that was off. A white block in some rows is one sensor that was off.
#   White specks are readings lost to motion. The best day that we could find still has them: no day is complete.

# %%
pd.DataFrame(lsmlib.SIGNALS)[["name", "sensor", "unit", "mean", "sd", "meaning"]]

# %% [markdown]
# ### A closer look
#
# The same day as lines in their units. Colour maps show patterns; lines show whether they make sense.

# %%
shown = ["heart_rate", "steps", "rmssd", "log_energy", "skin_temperature"]
plots.plot_signals(cohort, day, shown)

# %% [markdown]
# A body answers with a delay. Shift heart rate against steps by some minutes and ask at which shift they agree best, over
# all days. The peak lies at zero or a little to the right of it, and beyond a minute the curve falls more slowly on that
# side: steps first, heart after. (A minute before, hearts rise already: people get up before the first counted step.)


# %%
both_signals = cohort["signals"].sel(signal=["steps", "heart_rate"])
centred = (both_signals - both_signals.mean("minute")).values  # each day against itself: some hearts are just faster


def agreement(lag):
    """Correlation of steps with the heart rate `lag` minutes later, over all minutes that have both."""
    steps, heart = centred[:, 10:-10, 0], centred[:, 10 + lag : 1430 + lag, 1]
    both = np.isfinite(steps) & np.isfinite(heart)
    return np.corrcoef(steps[both], heart[both])[0, 1]


# %%
lags = range(-8, 9)
agreements = [agreement(lag) for lag in lags]
lag = lags[int(np.argmax(agreements))]
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.plot(lags, agreements, "o-")
axes.axvline(lag, color="C3", ls=":")
axes.set(xlabel="minutes by which heart rate is looked at later than steps", ylabel="correlation")
plt.show()
# %% [markdown]
# ## Five words
#
# Everything in this project rests on five grids of True and False. Their names say what is True:
#
# - **observed**: measured. **missing**: the opposite, inherited from the recording.
# - **hidden**: hidden by us, on purpose, to have something to predict.
# - **visible** = observed and not hidden: all that a model may look at.
# - **target** = observed and hidden: the only place where a loss or a score is taken, since only there the truth is known.
#
# Here they are for six minutes in a row of four signals, where a gap begins or ends.

# %%
x = cohort["signals"].values[day]
seen = np.isfinite(x)
edge = int((seen[6:, 0] != seen[:-6, 0]).argmax())  # heart rate begins or ends within six minutes from here
rows = ["heart_rate", "rmssd", "steps", "skin_temperature"]
small = cohort["signals"].isel(day=day).sel(signal=rows).values[edge + 3 : edge + 9].T
grid = {"observed": np.isfinite(small)}
grid["hidden"] = np.random.default_rng(SEED).random(grid["observed"].shape) < 0.4
grid["missing"] = ~grid["observed"]
grid["visible"] = grid["observed"] & ~grid["hidden"]
grid["target"] = grid["observed"] & grid["hidden"]

# %%
plots.plot_token_kinds(grid, rows=[name.replace("_", " ") for name in rows])
# %% [markdown]
# A cell can be both missing and hidden: the last two grids then leave it out. Nothing is to be seen there, and nothing is
# to be scored. Three facts that hold whatever the grids look like:

# %%
assert (grid["visible"] | grid["target"] | grid["missing"]).all()
assert not (grid["visible"] & grid["target"]).any()
assert not (grid["target"] & grid["missing"]).any()

# %% [markdown]
# ## From physical units to a model's input
#
# A Cohort holds beats a minute, degrees and steps, and NaN at a gap. A model gets **z-scores**: minus the population mean,
# over the population's standard deviation, clipped to ±5. This happens in one place, on the way into a batch.

# %%
train, valid, test = lsmlib.split_people(cohort, (0.8, 0.1, 0.1), seed=SEED)
batches = lsmlib.make_batches(train, batch_size=min(16, train.sizes["day"]), seed=SEED)
batch = next(iter(batches))
print("batch", batch.shape, batch.dtype, f"from {np.nanmin(batch):.1f} to {np.nanmax(batch):.1f} sd")
print("days in train, valid, test:", train.sizes["day"], valid.sizes["day"], test.sizes["day"])

# %% [markdown]
# The split is by **person**. A model that meets the same person in training and in test can recognise the person, and every
# score about health would be about memory. Batches are reproducible to the bit, can start at any step, and split over
# processes.

# %%
again = next(iter(lsmlib.make_batches(train, batch_size=len(batch), seed=SEED)))
assert np.array_equal(batch, again, equal_nan=True)
assert not set(train["person"].values) & set(test["person"].values)

# %% [markdown]
# `model.fit` takes such batches as they are. With `labels=` they are pairs of signals and labels. Two things to know: gaps
# arrive as **NaN**, so a model must replace them before it computes anything (here by 0, the population's mean, with a
# second channel that says where), and batches go on for ever, so `fit` must be told how many make an epoch. This model
# is far too small to learn anything; it shows the plumbing.


# %%
def logistic_regression():
    """Means of a day's observed z-scores and of what was observed, into one sigmoid."""
    days = keras.Input((1440, 26))
    observed = keras.ops.cast(keras.ops.isfinite(days), "float32")
    both = keras.ops.concatenate([keras.ops.nan_to_num(days), observed], axis=-1)
    unit = keras.layers.Dense(1, "sigmoid", kernel_initializer="zeros")
    return keras.Model(days, unit(keras.ops.mean(both, axis=1)))


# %%
model = logistic_regression()
model.compile("adam", "binary_crossentropy")
labelled = lsmlib.make_batches(train, batch_size=len(batch), seed=SEED, labels="hypertension")
history = model.fit(labelled, epochs=3, steps_per_epoch=10, shuffle=False, verbose=0).history["loss"]
assert np.isfinite(history).all()
print("loss by epoch:", np.round(history, 3))

# %% [markdown]
# ## Your own data
#
# You have a watch that gives two of the 26 signals? That is a Cohort too. Files that a device exports are read in one call
# (notebook 02). Or bring arrays of days by minutes in the units of the
# table above, NaN where nothing was measured; everything that your device lacks becomes a gap. Dates are local, and minute
# 0 is local midnight.

# %%
rng = np.random.default_rng(SEED)
heart_rate = 70 + 5 * rng.standard_normal((2, 1440))
heart_rate[:, 120:180] = np.nan  # charging
steps = rng.poisson(0.5, (2, 1440)).astype(float)
signals = {"heart_rate": heart_rate, "steps": steps}
mine = lsmlib.make_cohort(signals, person=["me", "me"], date=["2026-03-01", "2026-03-02"])
print(f"{float(mine['signals'].isnull().mean()):.0%} of the readings missing")

# %% [markdown]
# What cannot be true is refused, with words that help. A heart rate in beats a second:

# %%
try:
    lsmlib.make_cohort({"heart_rate": heart_rate / 60}, person=["me", "me"], date=["2026-03-01", "2026-03-02"])
except ValueError as error:
    print(error)

# %% [markdown]
# ## Keep it
#
# A Cohort is saved as Zarr, 64 days a file, each day readable by itself, and opened without reading anything. A save that
# is killed half-way leaves the old store or the new one, never half of either.

# %%
store = Path(mkdtemp()) / "cohort.zarr"
lsmlib.save_cohort(cohort, store, progress=False)
opened = lsmlib.open_cohort(store)
assert np.array_equal(opened["signals"][day].values, x, equal_nan=True)
opened.sizes

# %% [markdown]
# ## Exercises
#
# Try each before you read on; the solutions follow. `cohort["asleep"]` is 1 in sleep, 0 awake and -1 where not known.
#
# 1. For each sensor, compute the share of this day's readings that are missing.
# 2. By how much, in percent, does the heart slow down in sleep? Use all days that have both.
# 3. Write `normalise` yourself, and show that yours equals the package's.

# %% [markdown]
# **Solution 1.** Group the signals by sensor; a mean of a mean is right here since all signals have 1,440 minutes.

# %% tags=["solution"]
sensor = np.array([signal.sensor for signal in lsmlib.SIGNALS])
by_sensor = {str(name): float(np.isnan(x[:, sensor == name]).mean()) for name in np.unique(sensor)}
assert np.isclose(sum(by_sensor[s] * (sensor == s).sum() for s in by_sensor) / 26, np.isnan(x).mean())
by_sensor

# %% [markdown]
# **Solution 2.** Mask with the labels, then compare each day with itself, so that people with slow hearts do not weigh in.

# %% tags=["solution"]
heart = cohort["signals"].sel(signal="heart_rate")
asleep = heart.where(cohort["asleep"] == 1).mean("minute")
awake = heart.where(cohort["asleep"] == 0).mean("minute")
dip = float((1 - asleep / awake).mean())
print(f"the heart is {dip:.0%} slower asleep")

# %% [markdown]
# **Solution 3.** Three operations, and NaN stays NaN by itself.


# %% tags=["solution"]
def my_normalise(values):
    """Z-scores clipped to ±5."""
    mean = np.array([signal.mean for signal in lsmlib.SIGNALS])
    sd = np.array([signal.sd for signal in lsmlib.SIGNALS])
    return np.clip((values - mean) / sd, -5, 5)


np.testing.assert_allclose(my_normalise(x), lsmlib.normalise(x), rtol=1e-5, atol=1e-5)

# %% [markdown]
# ## Against the papers
#
# | | reported | ours | why they differ |
# |---|---|---|---|
# | signals and minutes of a day | 26 × 1,440 | the same | |
# | readings missing | 49 % on average, 2 to 80 %, no day complete (LSM-2) | see the numbers below | simulated to have these statistics; few days scatter |
# | days | 1.6 million of 60,440 people (LSM-2) | what `PROFILE` says, simulated | Google's data are private |
# | means and deviations of signals | published with SensorLM's code | within a quarter of a deviation but for one signal | notebook 01 shows each |
#
# **Next**: notebook 01 opens the simulator and turns every knob.

# %% tags=["numbers"]
{
    "missing_fraction": round(float(1 - observed.mean()), 4),
    "heart_lag_minutes": float(lag),
    "later_beats_earlier": round(float(agreements[lags.index(3)] - agreements[lags.index(-3)]), 4),
    "nightly_dip": round(dip, 4),
    "complete_days": float(observed.all(axis=(1, 2)).sum()),
}
