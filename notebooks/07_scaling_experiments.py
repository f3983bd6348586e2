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
# what to train next. **Time**: fifteen minutes, most of them in one cell, on two cores. **Hardware**: any. A second grid lies in the repository and is read, not run.

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
train = lsmlib.simulate_cohort(people=row.people[-1], days=row.days, seed=SEED + 700)
held_out = lsmlib.simulate_cohort(people=6 if PROFILE == "smoke" else 24, days=row.days, seed=SEED + 701)
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
# of them, and cells with few read them more often. A few thousand steps exhaust some hundreds of windows, not thousands of them, so a laptop has to look for the
# effect of data where there are few.

# %%
common = {"batch_size": row.batch_size, "learning_rate": row.learning_rate, "minutes": 300}
square = make_cells(["LSM1"], sizes.values(), row.people, [row.days], [row.steps], seeds=range(row.seeds), **common)
read = row.steps * row.batch_size
print(f"{len(square)} cells; each reads {read:,} windows, {read / windows.sizes['day']:.1f} times all there are")

# %% [markdown]
# Two questions need cells beside this square. *Compute*: two smaller budgets of operations, spent by every size on all people, so small models take more
# steps. *Breadth*: as many days as a cell of the square has, from more people, a day of each.

# %% tags=["long"]
wide = max(weights, key=weights.get)
budgets = [share * a_window[wide] * read for share in (1 / 8, 1 / 4)]
lengths = [
    cell
    for budget in budgets
    for width, size in sizes.items()
    for cell in make_cells(
        ["LSM1"],
        [size],
        row.people[-1:],
        [row.days],
        [max(round(budget / a_window[width] / row.batch_size), 1)],
        seeds=[SEED],
        **common,
    )
]
few = [people for people in row.people if people * row.days <= row.people[-1]][-1:]
many = [people * row.days for people in few]
breadth = make_cells(["LSM1"], [sizes[wide]], many, [1], [row.steps], seeds=range(row.seeds), **common)
print(f"{len(lengths)} cells of other lengths")
print(f"{len(breadth)} cells of {many} people with one day, against {few} with {row.days}")

# %% [markdown]
# ## What it will take
#
# The plan is printed before anything is run. Its seconds come from a large matrix product on this machine, which no training of small matrices reaches, or,
# once a cell has run, from the cells that have. A budget leaves out what does not fit.

# %%
if not jax.config.jax_compilation_cache_dir:  # with one, cells of one size compile once
    jax.config.update("jax_compilation_cache_dir", mkdtemp(prefix="lsmlib_compiled_"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
folder = Path(mkdtemp(prefix="lsmlib_grid_"))
grid = Grid([*square, *lengths, *breadth], train, held_out, folder)
plan = grid.plan()
half = grid.plan(flops=plan.table["flops"].sum() / 2)
for budget, one in {"none": plan, "half the operations": half}.items():
    states = one.table.groupby("state").agg({"cell": "size", "flops": "sum", "seconds": "sum"})
    print(f"budget: {budget}\n{states.to_string(float_format='{:.3g}'.format)}")
print(plan.note)

# %% [markdown]
# Now it runs. Killed, it would go on when called again with the same folder: cells that ended are not run twice, and the one under way goes on from
# its last checkpoint. Another process, or another machine, may share the folder; on a CPU two processes do so here, because a
# training as small as these keeps one core busy.

# %%
processes = 2 if jax.default_backend() == "cpu" and PROFILE != "smoke" else 1
live = grid.run(plan, progress=False, processes=processes)
columns = ["size", "people", "hours", "parameters", "seed", "flops", "train_loss", "valid_loss", "seconds"]
print(f"{len(live)} cells in {live['seconds'].sum() / 60:.1f} minutes of training; {live['hardware'].iloc[0]}")
live[columns].head(6).round(4)

# %% [markdown]
# ## The recorded grid
#
# `data/results/scaling.parquet` holds the records of a grid of the same kind, run beforehand by `python -m tools.scaling` on other
# people. Each row says on what hardware and with which versions it ran. Losses are comparable within a table, never between the two: they
# were taken on other people.

# %%
recorded = read_records(data_file("results/scaling.parquet"), mixed_versions=True)
recorded.groupby(["hardware", "size"])[["hours", "steps", "seconds"]].agg(["min", "max", "size"]).round(0)

# %% [markdown]
# A smoke run trains for a few steps, which is too little for any law, so its laws are fitted to the recorded grid. All other runs fit what has just run.
#
# ## How much is chance?
#
# Two seeds of one cell differ in weights, masks and the order of rows. What lies between them is what any comparison of two single runs is worth.


# %%
def square_of(table):
    """The cells that differ in size, people and seed alone: of the commonest length, on amounts that every size had."""
    same = table[(table["steps"] == table["steps"].mode().iloc[0]) & (table["days"] == table["days"].mode().iloc[0])]
    return same[same.groupby("people")["size"].transform("nunique") == same["size"].nunique()]


everything = recorded if PROFILE == "smoke" else live
records = square_of(everything)
days = records["days"].iloc[0]
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
chance = 2 * seed_sd * np.sqrt(2 / cells.size().min())  # two standard errors of a difference of two cells
falls = bool((np.log(means).diff(axis=1).iloc[:, 1:] < chance).all(axis=None))
print(f"rises with no step of data by more than chance, {chance:.1%}: {falls}")
means

# %% [markdown]
# The law is `L = a·x^b + c`: a straight line on two logarithmic axes that bends towards a floor `c`. Three numbers from few cells are uncertain, so every
# number has an interval, and `fit_power_law` refuses losses that fall no more than chance would have it. What it refuses is shown, not hidden.


# %% tags=["long"]
def fit_or_say(name, fit, *runs, **options):
    """The law, with what it warns of; or none, and the reason."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            law = fit(*runs, **options)
        except ValueError as refusal:
            print(f"{name}: refused, {refusal}")
            return None
    print(f"{name}: {law}", *(f"  but {one.message}" for one in said), sep="\n")
    return law


by_size = dict(list(records.groupby("parameters")))
data_laws = {
    (name := f"{n / 1e3:.0f} k parameters"): fit_or_say(name, fit_power_law, runs["hours"], runs["valid_loss"])
    for n, runs in by_size.items()
}
data_laws = {name: law for name, law in data_laws.items() if law}

# %%
plots_scaling.plot_power_laws(data_laws, "hours") if data_laws else None

# %% [markdown]
# ## Larger models
#
# The same runs, seen from the other side: over parameters, a shade an amount of data. Do larger models win, and does it take data for that?

# %%
plots_scaling.plot_runs(records, "parameters")

# %%
gain = means.iloc[0] / means.iloc[-1] - 1  # of the largest size over the smallest
print(f"the largest beats the smallest by {gain.iloc[-1]:.1%} with all data, by {gain.iloc[0]:.1%} with least")

# %% [markdown]
# ## Both at once
#
# `L = E + A/N^alpha + B/D^beta` (Hoffmann et al., 2022) has one exponent for parameters, one for data and one floor, from all cells together. Were the
# grid too small for it, the next cell would refuse, and all that follows would have nothing to stand on.

# %%
joint = fit_joint_law(records["parameters"], records["hours"], records["valid_loss"], seed=SEED)
print(joint)
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
kept = (records["parameters"] != row_out["parameters"]) | (records["hours"] != row_out["data"])
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
print(f"{parabolas['inside'].sum()} of {len(parabolas)} budgets have their lowest point inside the sizes tried")
plots_scaling.plot_isoflops(rich, parabolas)

# %% [markdown]
# The law of compute goes through the runs that no cheaper one beats, the frontier.

# %%
frontier = compute_frontier(rich["flops"], rich["valid_loss"], rich["cell"].str.rsplit("-", n=1).str[0])
compute_law = fit_or_say("compute", fit_power_law, rich["flops"][frontier], rich["valid_loss"][frontier])
plots_scaling.plot_power_laws({"frontier": compute_law}, "flops") if compute_law else None

# %% [markdown]
# ## People or hours?
#
# As many days of the same length of training, from few people or from four times as many.

# %%
breadth_table = people_against_hours(everything).assign(
    size=f"{weights[wide] / 1e3:.0f} k" if PROFILE != "smoke" else "largest"
)
plots_scaling.plot_people_against_hours(breadth_table)

# %%
breadth_table[["person_days", "people", "days", "hours", "runs", "loss", "ratio", "low", "high"]].round(3)

# %% [markdown]
# ## Other tasks
#
# The loss is one number; a model is used to fill in. Four ways of hiding, the largest model, over hours. A loss of 1 is what each signal's mean
# would have: models as small as these, trained on patches hidden at random, do not learn to stand in for a whole sensor.

# %%
tasks = ["random", "interpolation", "extrapolation", "sensors"]
largest_model = records[records["parameters"] == records["parameters"].max()]
figure, axes = plt.subplots(1, 4, figsize=(10, 2.8), layout="constrained", sharex=True)
for axis, task in zip(axes, tasks, strict=True):
    mean = largest_model.groupby("hours")[task].mean()
    axis.plot(largest_model["hours"], largest_model[task], "o", ms=3, alpha=0.6)
    axis.plot(mean.index, mean, "s-", color="C0", ms=5)
    axis.set(xscale="log", title=task, xlabel="hours learnt from")
    axis.set_xticks(mean.index, [f"{hours:,.0f}" for hours in mean.index], rotation=45)
    axis.minorticks_off()
axes[0].set_ylabel("MSE (sd²)")
plt.show()

# %% [markdown]
# ## The recorded grid, beside this one
#
# The joint law once more, of both grids, each labelled by the hardware it ran on. Exponents may be compared, losses may not (other people judge).


# %% tags=["long"]
def law_of_square(table):
    """The joint law of its square."""
    square = square_of(table)
    return fit_joint_law(square["parameters"], square["hours"], square["valid_loss"], seed=SEED)


laws = {"recorded": (recorded, law_of_square(recorded))}
if PROFILE != "smoke":
    laws["this run"] = (live, joint)
rows = {
    name: {
        "hardware": table["hardware"].iloc[0], "runs": law.runs,
        "alpha": law.alpha, "alpha from": law.alpha_interval[0], "alpha to": law.alpha_interval[1],
        "beta": law.beta, "beta from": law.beta_interval[0], "beta to": law.beta_interval[1],
        "floor": law.E, "R²": law.r2,
    }
    for name, (table, law) in laws.items()
}  # fmt: skip
pd.DataFrame(rows).T

# %% [markdown]
# With more amounts of data, the recorded grid can also hold out the largest from a law of data alone.

# %%
widest = recorded[(recorded["parameters"] == recorded["parameters"].max()) & (recorded["days"] == 4)]
widest = widest[widest["steps"] == widest["steps"].mode().iloc[0]]
of_data = hold_out_power_law(widest["hours"], widest["valid_loss"])
print(of_data.table.round(4).to_string(index=False))
plots_scaling.plot_power_laws({"LSM-1": of_data.law}, "hours", held_out={"LSM-1": of_data.table})

# %% [markdown]
# ## What to train next
#
# Two laws answer it. The joint law knows parameters and data at a fixed number of steps. Its sister, of parameters and hours *read*, over the runs on all people,
# knows steps. Four times as much of each, from the largest cell of the square:

# %%
length_law = fit_or_say("steps", fit_joint_law, rich["parameters"], rich["hours_seen"], rich["valid_loss"], seed=SEED)
n, d = float(records["parameters"].max()), float(records["hours"].max())
seen = float(records["hours_seen"].max())
options = {
    "as it is": (joint, n, d),
    "4 × people": (joint, n, 4 * d),
    "4 × parameters": (joint, 4 * n, d),
    "4 × steps": (length_law, n, 4 * seen),
}
options = {name: option for name, option in options.items() if option[0]}  # a refused law foretells nothing

# %%
predicted = {name: [float(law.predict(*at)), *map(float, law.interval(*at))] for name, (law, *at) in options.items()}
nexts = pd.DataFrame(predicted, index=["loss", "low", "high"]).T
nexts["compute, times"] = pd.Series({"as it is": 1, "4 × people": 1, "4 × parameters": 4, "4 × steps": 4})
gains = nexts["loss"].iloc[1:]
print(f"the law says: {gains.idxmin()}, for a loss of {gains.min():.3f} after {nexts['loss'].iloc[0]:.3f}")
nexts.round(4)

# %% [markdown]
# More people cost recordings and no compute; parameters and steps cost compute. For a budget of operations, the best split between these two is known in
# closed form (`best_size`). `k`, operations for each parameter and hour read, is taken from the two largest sizes: in small ones the
# embedding weighs more than its parameters. Where an interval spans orders of magnitude, the grid cannot tell yet.

# %%
two = rich[rich["parameters"] >= sorted(rich["parameters"].unique())[-2]]
k = flops_per_unit(two["flops"], two["parameters"], two["hours_seen"])
spent = float(records["flops"].max())
optima = pd.DataFrame([best_size(length_law, times * spent, k) for times in (0.25, 1, 4, 16) if length_law])
optima.rename(columns={"data": "hours read"}).style.format("{:,.3g}")

# %% [markdown]
# ## Exercises
#
# 1. Predict a run before making it: the largest size on half the people. Write down the loss and its interval, then run the cell. Was it inside?
# 2. Fit the recorded losses of the largest size over hours without a floor, a straight line on two logarithmic axes. What does it promise for a hundred times the
#    hours, and what does the joint law?
# 3. How many seeds does each of two cells need, so that a difference of 1 % of the loss is seen in nine comparisons of ten?

# %% [markdown]
# **Solution 1.**

# %% tags=["solution", "long"]
half = make_cells(
    ["LSM1"], [sizes[wide]], [row.people[-1] // 2], [row.days], [row.steps], seeds=range(row.seeds), **common
)
apart = Grid(half, train, held_out, folder / "half")
hours = 5 * half[0].rows(train).sizes["day"]
guess, interval = float(joint.predict(weights[wide], hours)), joint.prediction_interval(weights[wide], hours)
print(f"predicted for {hours:,} hours: {guess:.4f}, from {interval[0]:.4f} to {interval[1]:.4f}")
made = float(np.exp(np.log(apart.run(progress=False, processes=processes)["valid_loss"]).mean()))
own_inside = bool(interval[0] <= made <= interval[1])
print(
    f"made: {made:.4f}, {'inside' if own_inside else 'outside'}"
    + (" (a few steps, of which no law knows)" if PROFILE == "smoke" else "")
)

# %% [markdown]
# **Solution 2.** Without a floor, the line goes on for ever.

# %% tags=["solution"]
slope, level = np.polyfit(np.log(widest["hours"]), np.log(widest["valid_loss"]), 1)
far = 100 * widest["hours"].max()
recorded_law = laws["recorded"][1]
pd.Series(
    {
        "no floor": np.exp(level + slope * np.log(far)),
        "joint law": float(recorded_law.predict(widest["parameters"].max(), far)),
        "with all hours of the grid": widest.groupby("hours")["valid_loss"].mean().iloc[-1],
    }
).round(4)

# %% [markdown]
# **Solution 3.** A difference of two means of `m` runs has a standard deviation of `sd·√(2/m)`; at a level of 5 % with power 90 % it has to be 3.24 of them.

# %% tags=["solution"]
needed = 2 * (3.24 * seed_sd / 0.01) ** 2
print(f"{max(int(np.ceil(needed)), 2)} seeds each")

# %% [markdown]
# ## Against the paper
#
# What is reported is second-hand: the abstract and the first figure could be read, the fitted numbers could not.
#
# | | reported | ours | why they differ |
# |---|---|---|---|
# | form of the law | `L = a·C^b + c`, for compute, data and size | the same, with intervals, and the joint law beside it | |
# | constants a, b, c | not known to us | above | |
# | data | up to 40 million hours, 165,000 people | above, in hours | a laptop; simulated people |
# | sizes | 2 to 328 million parameters | above | likewise; nano made narrower, so one axis changes |
# | compute | 50,000 steps of 4,096 windows | thousands of steps of 4 | a laptop |
# | saturation | at about ten million hours and a hundred million parameters | the floors above, with intervals | fewer steps, smaller models, simulated people |
# | people or hours | more people rather than more hours of each | above, with an interval | simulated people |
#
# An exponent of simulated people says nothing about real ones. What carries over is the method: plan, run, fit, hold out, decide.

# %% tags=["numbers"]
{
    "cells_run": len(live),
    "seed_sd": round(seed_sd, 4),
    "falls_with_data": int(falls),
    "largest_over_smallest": round(float(gain.iloc[-1]), 3),
    "joint_r2": round(float(joint.r2), 3),
    "alpha": round(float(joint.alpha), 3),
    "beta": round(float(joint.beta), 3),
    "held_out_error": round(float(row_out["error"]), 4),
    "held_out_inside": int(row_out["inside"]),
    "breadth_ratio": round(float(breadth_table["ratio"].iloc[-1]), 3),
    "own_prediction_inside": int(own_inside),
}
