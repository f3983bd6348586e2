# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/07_scaling_experiments.ipynb)
#
# # 07 · Scaling experiments
#
# A training costs money before anyone knows how good the model will be. If losses follow a law, small trainings tell what a large one
# will come to, and whether the next step should be more people, more hours, a larger model or more steps. Does the law hold for sensors?

# %% [markdown]
# **What** you will see: a grid of small trainings of LSM-1, planned under a budget and then run; losses against data, parameters and
# compute, with laws and intervals; a law tested on cells that it has not seen; the best size for a budget; people against hours; and
# what to train next. **Time**: minutes on a laptop. **Hardware**: any. A larger grid lies in the repository and is read, not run.

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
import logging
import warnings
from pathlib import Path
from tempfile import mkdtemp

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import lsmlib
from lsmlib import plots, plots_scaling
from lsmlib.models.flops import count_weights, training_flops
from lsmlib.models.sizes import nano_of_width
from lsmlib.repository import data_file
from lsmlib.scaling import (
    Cell,
    Grid,
    best_size,
    compute_frontier,
    fit_isoflops,
    fit_joint_law,
    fit_power_law,
    flops_per_unit,
    hold_out_joint_law,
    hold_out_power_law,
    make_cells,
    people_against_hours,
    read_records,
)

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0
plots.set_style()
logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax tells how long it waited

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# ## A grid
#
# A *cell* is one model, trained once, on one share of the people. All cells share everything that they do not name, so a difference between
# two of them is due to what they name, or to chance. People are nested: those of a small cell are the first of a larger one.
# Seeds change weights, masks and the order of rows, never the people.

# %%
row = lsmlib.profile(PROFILE).scaling
train = lsmlib.simulate_cohort(people=row.people[-1], days=row.days, seed=SEED + 2000)
held_out = lsmlib.simulate_cohort(people=6 if PROFILE == "smoke" else 24, days=row.days, seed=SEED + 2001)
windows = lsmlib.cut_windows(train)
print(f"{train.sizes['day']} days of {row.people[-1]} people hold {windows.sizes['day']} windows of five hours")

# %% [markdown]
# Sizes differ in one thing, their width, so that the axis of parameters is one axis: nano is 64 wide, and has brothers. Operations are counted
# by formula; training reads each window forwards and backwards.

# %%
sizes = {width: nano_of_width(width) if isinstance(width, int) else width for width in row.sizes}
models = {width: lsmlib.LSM1(size, seed=SEED) for width, size in sizes.items()}
weights = {width: count_weights(model) for width, model in models.items()}
a_window = {width: training_flops(model, windows.isel(day=slice(8))).total for width, model in models.items()}
pd.DataFrame({"parameters": weights, "operations a window": a_window}).rename_axis("width").style.format("{:,.3g}")

# %% [markdown]
# Every size on every number of people, each with the same steps. That is the design of the paper: however few the windows, each cell reads equally many
# of them, and cells with few read them more often.

# %%
common = {"batch_size": row.batch_size, "learning_rate": row.learning_rate, "minutes": 300}
square = make_cells(["LSM1"], sizes.values(), row.people, [row.days], [row.steps], seeds=range(row.seeds), **common)
read = row.steps * row.batch_size
print(f"{len(square)} cells; each reads {read:,} windows, {read / windows.sizes['day']:.1f} times all there are")

# %% [markdown]
# Two questions need cells beside this square. *Compute*: two smaller budgets of operations, spent by every size on all people, so small models take more
# steps. *Breadth*: as many days as a cell of the square has, from more people, a day of each.

# %%
wide = max(weights, key=weights.get)
budgets = [share * a_window[wide] * read for share in (1 / 6, 1 / 3)]
lengths = [
    cell
    for budget in budgets
    for width, size in sizes.items()
    for cell in make_cells(
        ["LSM1"], [size], row.people[-1:], [row.days], [round(budget / a_window[width] / row.batch_size)], seeds=[SEED], **common
    )
]

# %%
few = [people for people in row.people if people * row.days <= row.people[-1]][-2:]
many = [people * row.days for people in few]
breadth = make_cells(["LSM1"], [sizes[wide]], many, [1], [row.steps], seeds=range(row.seeds), **common)
print(f"{len(lengths)} cells of other lengths; {len(breadth)} cells of {many} people with one day, against {few} with {row.days}")

# %% [markdown]
# ## What it will take
#
# The plan is printed before anything is run. Its seconds come from a large matrix product on this machine, which no training of small matrices reaches, or,
# once a cell has run, from the cells that have. A budget leaves out what does not fit.

# %%
jax.config.update("jax_compilation_cache_dir", mkdtemp(prefix="lsmlib_compiled_"))  # cells of one size compile once
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
folder = Path(mkdtemp(prefix="lsmlib_grid_"))
grid = Grid([*square, *lengths, *breadth], train, held_out, folder)
plan = grid.plan()
plan.table.groupby("state")[["flops", "seconds"]].sum().assign(cells=plan.table.groupby("state").size())

# %%
half = grid.plan(flops=plan.table["flops"].sum() / 2)
half.table.groupby("state")[["flops"]].sum().assign(cells=half.table.groupby("state").size())

# %% [markdown]
# Now it runs. Killed, it would go on when called again with the same folder: cells that ended are not run twice, and the one under way goes on from
# its last checkpoint. Another process, or another machine, may share the folder.

# %%
live = grid.run(plan, progress=False)
columns = ["size", "people", "hours", "parameters", "seed", "flops", "train_loss", "valid_loss", "seconds"]
print(f"{len(live)} cells in {live['seconds'].sum() / 60:.1f} minutes of training; {live['hardware'].iloc[0]}")
live[columns].head(6).round(4)

# %% [markdown]
# ## The larger grid
#
# `data/results/scaling.parquet` holds the records of a larger grid, run beforehand by `python -m tools.scaling`: more people, and trainings of
# other lengths. Each row says on what hardware and with which versions it ran. Losses are comparable within a table, never between the two: they
# were taken on other people.

# %%
recorded = read_records(data_file("results/scaling.parquet"), mixed_versions=True)
recorded.groupby(["hardware", "size"])[["hours", "steps", "seconds"]].agg(["min", "max", "size"]).round(0)

# %% [markdown]
# A smoke run trains for a few steps, which is too little for any law, so its laws are fitted to the recorded grid. All other runs fit what has just run.

# %%
everything = recorded if PROFILE == "smoke" else live
steps, days = (everything[name].mode().iloc[0] for name in ("steps", "days"))
records = everything[(everything["steps"] == steps) & (everything["days"] == days)]  # the square

# %% [markdown]
# ## How much is chance?
#
# Two seeds of one cell differ in weights, masks and the order of rows. What lies between them is what any comparison of two single runs is worth.

# %%
cells = records.groupby(["size", "people"])["valid_loss"]
seed_sd = float(np.sqrt((np.log(records["valid_loss"]).groupby([records["size"], records["people"]]).var()).mean()))
print(f"seeds of one cell: {seed_sd:.2%} apart; cells: {cells.mean().min():.3f} to {cells.mean().max():.3f}")

# %% [markdown]
# ## More data
#
# A shade a size, a small mark a run, the lines the mean over seeds.

# %%
plots_scaling.plot_runs(records, "hours")

# %%
means = records.pivot_table(index="parameters", columns="people", values="valid_loss").round(4)
falls = bool((means.diff(axis=1).iloc[:, 1:] < means.to_numpy().mean() * seed_sd).all(axis=None))
print(f"falls with every step of data, but for what seeds differ by: {falls}")
means

# %% [markdown]
# The law is `L = a·x^b + c`: a straight line on two logarithmic axes that bends towards a floor `c`. Three numbers from few cells are uncertain, so every
# number has an interval, and `fit_power_law` refuses losses that fall no more than chance would have it. What it refuses is shown, not hidden.


# %%
def fit_or_say(name, x, loss):
    """The power law, with what it warns of; or none, and the reason."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            law = fit_power_law(x, loss)
        except ValueError as refusal:
            print(f"{name}: refused, {refusal}")
            return None
    print(f"{name}: {law}", *(f"  but {one.message}" for one in said), sep="\n")
    return law


# %%
by_size = dict(list(records.groupby("parameters")))
data_laws = {
    f"{n:,} parameters": fit_or_say(f"{n:,} parameters", runs["hours"], runs["valid_loss"])
    for n, runs in by_size.items()
}
data_laws = {name: law for name, law in data_laws.items() if law}

# %%
if data_laws:
    plots_scaling.plot_power_laws(data_laws, "hours")

# %% [markdown]
# ## Larger models
#
# The same runs, seen from the other side: over parameters, a shade an amount of data. Do larger models win, and does it take data for that?

# %%
plots_scaling.plot_runs(records, "parameters")

# %%
largest = records[records["people"] == records["people"].max()]
size_law = fit_or_say("parameters", largest["parameters"], largest["valid_loss"])
gain = means.iloc[0] / means.iloc[-1] - 1  # of the largest size over the smallest
print(f"the largest beats the smallest by {gain.iloc[-1]:.1%} with all data, by {gain.iloc[0]:.1%} with least")

# %% [markdown]
# ## Both at once
#
# `L = E + A/N^alpha + B/D^beta` (Hoffmann et al., 2022) has one exponent for parameters, one for data and one floor, from all cells together.

# %%
joint = fit_joint_law(records["parameters"], records["hours"], records["valid_loss"], seed=SEED)
print(joint)

# %%
plots_scaling.plot_runs(records, "hours", law=joint)

# %% [markdown]
# ## Does it foretell?
#
# A law that fits is a description. The test is a cell that it has not seen: fit to the smaller cells, predict the one with the largest model and the most data,
# then compare. The interval is for a new cell, so it holds what cells differ by, too.

# %%
away = hold_out_joint_law(records["parameters"], records["hours"], records["valid_loss"], seed=SEED)
away.table.round(4)

# %%
row_out = away.table.iloc[0]
figure, axis = plt.subplots(figsize=(6, 3.6), layout="constrained")
kept = ~((records["parameters"] == row_out["parameters"]) & (records["hours"] == row_out["data"]))
axis.plot(
    away.law.predict(records["parameters"], records["hours"])[kept], records["valid_loss"][kept], "o", ms=4, alpha=0.7
)
error = [[row_out["predicted"] - row_out["low"]], [row_out["high"] - row_out["predicted"]]]
axis.errorbar(row_out["predicted"], row_out["loss"], xerr=error, fmt="s", mfc="white", color="C3", capsize=4)
axis.axline((row_out["loss"], row_out["loss"]), slope=1, color="0.6", lw=1)
axis.set(xlabel="predicted by the law (MSE, sd²)", ylabel="loss on other people (MSE, sd²)")
plt.show()

# %% [markdown]
# Dots are runs that the law was fitted to; the open square is the cell that it was not, with its prediction interval.
#
# ## Compute
#
# A budget of operations can go into a larger model or into more steps. Here every run had all people, and a curve is a budget: left of its lowest point
# models are too small for it, to the right they see too little.

# %%
rich = everything[(everything["hours"] == everything["hours"].max()) & (everything["days"] == days)]
parabolas = fit_isoflops(rich["flops"], rich["parameters"], rich["valid_loss"])
plots_scaling.plot_isoflops(rich, parabolas)

# %%
parabolas[["flops", "parameters", "loss", "sizes", "inside"]].style.format(precision=4)

# %% [markdown]
# The law of compute goes through the runs that no cheaper one beats, the frontier.

# %%
frontier = compute_frontier(rich["flops"], rich["valid_loss"], rich["cell"].str.rsplit("-", n=1).str[0])
compute_law = fit_or_say("compute", rich["flops"][frontier], rich["valid_loss"][frontier])
if compute_law:
    plots_scaling.plot_power_laws({"frontier": compute_law}, "flops")

# %% [markdown]
# ## People or hours?
#
# As many days of the same length of training, from few people or from four times as many.

# %%
breadth_table = people_against_hours(everything)
breadth_table[["person_days", "people", "days", "hours", "runs", "loss", "ratio", "low", "high"]].round(3)

# %%
plots_scaling.plot_people_against_hours(breadth_table)

# %% [markdown]
# ## Other tasks
#
# The loss is one number; a model is used to fill in. Four ways of hiding, the largest model, over hours.

# %%
tasks = ["random", "interpolation", "extrapolation", "sensors"]
largest_model = records[records["parameters"] == records["parameters"].max()]
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained", sharex=True)
for axis, task in zip(axes, tasks, strict=True):
    mean = largest_model.groupby("hours")[task].mean()
    axis.plot(largest_model["hours"], largest_model[task], "o", ms=3, alpha=0.6)
    axis.plot(mean.index, mean, "s-", color="C0", ms=5)
    axis.set(xscale="log", title=task, xlabel="hours learnt from")
axes[0].set_ylabel("MSE (sd²)")
plt.show()
