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
# what to train next. A *loss* is the mean squared error at hidden patches of other people, in standard deviations squared (sd²): 1 is what each
# signal's mean would have. **Time**: seventeen minutes, most of them in one cell, on two cores. **Hardware**: any. A second grid lies in the repository and is read, not run.

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
from lsmlib.evaluate import activity_windows
from lsmlib.models.flops import count_weights, training_flops
from lsmlib.models.sizes import nano_of_width
from lsmlib.repository import data_file
from lsmlib.scaling import (
    Grid,
    TaskProbe,
    best_size,
    compute_frontier,
    first_people,
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
# Seeds change weights, masks and the order of rows, never the people. LSM-1 reads windows of five hours of which little is missing; most hours of a
# day are in none, and *hours* below are those of the windows that were kept.

# %%
row = lsmlib.profile(PROFILE).scaling
train = lsmlib.simulate_cohort(people=row.people[-1], days=row.days, seed=SEED + 700)
held_out = lsmlib.simulate_cohort(people=6 if PROFILE == "smoke" else 24, days=row.days, seed=SEED + 701)
windows = lsmlib.cut_windows(train)
print(f"{train.sizes['day']} days of {row.people[-1]} people hold {windows.sizes['day']} windows of five hours")

# %% [markdown]
# Each model is also asked what it is good for: a linear probe looks for exercise in its embeddings of windows of still other people, who log what they do (notebook 06).

# %%
logging_people = lsmlib.simulate_cohort(people=160 if PROFILE == "smoke" else 600, days=3, seed=SEED + 702)
exercise = TaskProbe(activity_windows(logging_people, seed=SEED), "exercise", seed=SEED)
print(f"{exercise.rows.sizes['day']} windows with exercise and without")

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
# Every size on every number of people, each with the same steps: the *square* of this grid. That is the design of the paper. Each cell reads equally many
# windows, so those with few people read them more often. In a few thousand steps a model has learned all that some hundreds of windows can teach it, but not
# what thousands could, so a laptop has to look for the effect of data where there are few.

# %%
common = {"batch_size": row.batch_size, "learning_rate": row.learning_rate, "minutes": 300}
square = make_cells(["LSM1"], sizes.values(), row.people, [row.days], [row.steps], seeds=range(row.seeds), **common)
read = row.steps * row.batch_size
has = {people: square[0].as_read(first_people(train, people, row.days)).sizes["day"] for people in row.people}
print(f"{len(square)} cells; each reads {read:,} windows:")
pd.DataFrame({"windows": has, "passes": {n: read / count for n, count in has.items()}}).rename_axis("people").round(1)

# %% [markdown]
# Two questions need cells beside this square. *Compute*: two smaller budgets of operations, spent by every size on all people, so small models take more
# steps. *Breadth*: as many days as a cell of the square has, but each of another person.

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
# The plan is printed before anything is run. Operations are counted; seconds are not yet known. Before the first cell they come from a large matrix
# product on this machine, whose speed no training of small matrices reaches; afterwards from the cells that have run. A budget leaves out what does not fit.

# %%
if not jax.config.jax_compilation_cache_dir:  # with one, cells of one size compile once
    jax.config.update("jax_compilation_cache_dir", mkdtemp(prefix="lsmlib_compiled_"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
folder = Path(mkdtemp(prefix="lsmlib_grid_"))
grid = Grid([*square, *lengths, *breadth], train, held_out, folder, probes={"exercise": exercise})
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
known, took = (seconds.sum() / 60 for seconds in (grid.plan().table["seconds"], live["seconds"]))
print(f"{len(live)} cells in {took:.1f} minutes of training; {live['hardware'].iloc[0]}")
print(f"planned: {plan.table['seconds'].sum() / 60:.1f} minutes at least; knowing these cells: {known:.1f}")
live[columns].head(6).round(4)

# %% [markdown]
# ## The recorded grid
#
# `data/results/scaling.parquet` holds the records of a grid of the same kind, run beforehand by `python -m tools.scaling` on other
# people. Each row says on what hardware and with which versions it ran. Losses are comparable within a table, never between the two: they
# were taken on other people.

# %%
recorded = read_records(data_file("results/scaling.parquet"))
about = recorded.groupby(["hardware", "parameters"]).agg(
    runs=("cell", "size"), least_hours=("hours", "min"), most_hours=("hours", "max"), most_steps=("steps", "max")
)
about.round(0)

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
cells = records.groupby(["size", "people"])["valid_loss"]
seed_sd = float(np.sqrt((np.log(records["valid_loss"]).groupby([records["size"], records["people"]]).var()).mean()))
print(f"standard deviation between seeds of one cell: {seed_sd:.2%} of the loss")
print(f"losses of cells: {cells.mean().min():.3f} to {cells.mean().max():.3f}")

# %% [markdown]
# ## More data
#
# A shade a size, a small mark a run, the lines the mean over seeds.

# %%
plots_scaling.plot_runs(records, "hours")

# %%
means = records.pivot_table(index="parameters", columns="people", values="valid_loss").round(4)
chance = 2 * seed_sd * np.sqrt(2 / cells.size().min())  # two standard errors of a difference of two cells
change = np.log(means).diff(axis=1).iloc[:, 1:]  # from each number of people to the next
falls = bool((change < chance).all(axis=None))
clear = int((change < -chance).sum(axis=None))
print(f"of {change.size} steps to more people, {clear} lower the loss by more than chance ({chance:.1%}),")
print(f"{int((change > chance).sum(axis=None))} raise it by more, and the others cannot be told")
means

# %% [markdown]
# The law is `L = a·x^b + c`: a straight line on two logarithmic axes that bends towards a floor `c`. Three numbers from few cells are uncertain, so every
# number has an interval (90 %, from the spread of cells about the law), and `fit_power_law` refuses losses that a constant would explain as well. Four amounts
# of data leave one degree of freedom, so a law of one size alone is easily refused, even if its losses fall. What is refused is shown, not hidden.


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
plots_scaling.plot_power_laws(data_laws, "hours") if data_laws else "no law, no figure"

# %% [markdown]
# ## Larger models
#
# The same runs, seen from the other side: over parameters, a shade an amount of data. Do larger models win, and does it take data for that?

# %%
plots_scaling.plot_runs(records, "parameters")

# %%
gain = 1 - means.iloc[-1] / means.iloc[0]  # of the largest size over the smallest
print(
    f"loss of the largest below that of the smallest: {gain.iloc[-1]:.1%} with all data, {gain.iloc[0]:.1%} with least"
)

# %% [markdown]
# ## Both at once
#
# `L = E + A/N^alpha + B/D^beta` (Hoffmann et al., 2022) has one exponent for parameters, one for data and one floor. It is fitted to all cells together, so a
# dozen of them share what four could not tell. Its intervals come from cells drawn anew with their seeds. One of `beta` that
# reaches down to 0 does not mean that data do nothing: it means a fall so slow that no floor is in sight cannot be ruled out.

# %%
joint = fit_joint_law(records["parameters"], records["hours"], records["valid_loss"], seed=SEED)
print(joint)
plots_scaling.plot_runs(records, "hours", law=joint)

# %% [markdown]
# ## Does it foretell?
#
# A law that fits is a description. The test is a cell that it has not seen: fit to the smaller cells, predict the one with the largest model and the most data,
# then compare. The interval is for a new cell, so it holds what cells differ by, too. And a wide interval is easily right, so there is a rival that knows no law: the
# loss of the nearest cell, taken as it is (`nearest`). Where the law comes no closer, it has given an interval, not a better guess.

# %%
squares = (
    {"recorded": square_of(recorded)} if PROFILE == "smoke" else {"this run": records, "recorded": square_of(recorded)}
)
aways = {
    name: hold_out_joint_law(table["parameters"], table["hours"], table["valid_loss"], seed=SEED)
    for name, table in squares.items()
}
away = next(iter(aways.values()))
for name, one in aways.items():
    print(f"{name}, law without that cell: alpha = {one.law.alpha:.2f}, beta = {one.law.beta:.2f}, E = {one.law.E:.3f}")
pd.concat({name: one.table.drop(columns=["parameters", "data"]).iloc[0] for name, one in aways.items()}, axis=1).T

# %% tags=["long"]
row_out = away.table.iloc[0]
figure, axis = plt.subplots(figsize=(5.2, 4.6), layout="constrained")
kept = (records["parameters"] != row_out["parameters"]) | (records["hours"] != row_out["data"])
axis.plot(
    away.law.predict(records["parameters"], records["hours"])[kept], records["valid_loss"][kept], "o", ms=4, alpha=0.7,
    label="runs that the law was fitted to",
)  # fmt: skip
error = [[row_out["predicted"] - row_out["low"]], [row_out["high"] - row_out["predicted"]]]
label = "the cell that it was not (mean of seeds), with the interval"
axis.errorbar(
    row_out["predicted"], row_out["loss"], xerr=error, fmt="s", mfc="white", color="C3", capsize=4, label=label
)
axis.axline((row_out["loss"], row_out["loss"]), slope=1, color="0.6", lw=1)
axis.set(xlabel="predicted by the law (MSE, sd²)", ylabel="loss on other people (MSE, sd²)")
axis.margins(0.08)
figure.legend(loc="outside upper left", frameon=False)
plt.show()

# %% [markdown]
# ## Compute
#
# At equal steps the larger model wins, but it costs more. A budget of operations can go into a larger model or into more steps. Here every run had all people,
# and a curve is a budget: left of its lowest point (the star) models are too small for it, to the right they see too little. Three sizes are just enough for a
# parabola, with nothing left over to tell how good it is, and most of these runs have one seed: read where the star lies to within a factor, not to a digit.


# %%
def of_all_people(table):
    """The cells of all lengths that learned from everyone, for as many days as the square."""
    return table[(table["hours"] == table["hours"].max()) & (table["days"] == square_of(table)["days"].iloc[0])]


# %%
rich, n_largest = of_all_people(everything), float(records["parameters"].max())
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
# The same number of days, learned from for as many steps: four days of each person, or one day of each of four times as many. The recorded grid asked at two
# amounts. A ratio below 1 speaks for people; an interval that holds 1 leaves it open.

# %%
grids = {"recorded": recorded} if PROFILE == "smoke" else {"this run": live, "recorded": recorded}
breadth_table = pd.concat([people_against_hours(table).assign(size=name) for name, table in grids.items()])
plots_scaling.plot_people_against_hours(breadth_table)

# %%
breadth_table = breadth_table.rename(columns={"size": "grid"})
breadth_table[["grid", "person_days", "people", "days", "hours", "runs", "loss", "ratio", "low", "high"]].round(3)

# %% [markdown]
# ## Other tasks
#
# The loss is one number; a model is used to fill in. Four ways of hiding, the largest model, over hours. The dotted line at 1 is the error
# of each signal's mean: models as small as these, trained on patches hidden at random, are worse than that where a whole sensor is hidden.

# %% tags=["long"]
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
axes[-1].axhline(1, color="0.5", ls=":")
axes[0].set_ylabel("MSE (sd²)")
plt.show()

# %% [markdown]
# And the probe, whose score is a share of right orders (AUROC; 0.5 is chance). No law is fitted to it: it has a ceiling, not a floor. Is what falls
# in one figure what rises in the other?

# %%
plots_scaling.plot_runs(square_of(live), "hours", "probe_exercise", log_y=False)

# %%
both = square_of(live)[["valid_loss", "probe_exercise"]].corr("spearman").iloc[0, 1]
print(f"rank correlation of loss and AUROC over the runs of the square: {both:+.2f}")

# %% [markdown]
# Between sizes it is, and between amounts of data hardly: exercise shows in a few hours of anybody.

# %% [markdown]
# ## The recorded grid, beside this one
#
# The joint law once more, of both grids, each labelled by the hardware it ran on. Exponents may be compared, losses may not (other people judge). As long
# as the intervals overlap, two grids do not contradict one another, and neither knows its exponents well.


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
# With eight amounts of data for its largest size, the recorded grid has a law of data alone, and can hold out the largest amount from it.

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
# knows steps, but not that more steps read the same hours again: far out, it hopes. Four times as much of each, from the largest cell of the square:


# %% tags=["long"]
def what_next(name, table):
    """Losses that the laws of one grid foretell from its largest cell, with 90 % intervals of the law."""
    square, rich = square_of(table), of_all_people(table)
    joint = fit_joint_law(square["parameters"], square["hours"], square["valid_loss"], seed=SEED)
    read = (rich["parameters"], rich["hours_seen"], rich["valid_loss"])
    length_law = fit_or_say(f"{name}, by hours read", fit_joint_law, *read, seed=SEED)
    n, d, seen = (float(square[column].max()) for column in ("parameters", "hours", "hours_seen"))
    options = {
        "as it is": (joint, n, d, 1),
        "4 × people": (joint, n, 4 * d, 1),
        "4 × parameters": (joint, 4 * n, d, 4),
        "4 × steps": (length_law, n, 4 * seen, 4),
    }
    rows = {
        option: {"compute, times": cost, "loss": float(law.predict(*at))}
        | dict(zip(("low", "high"), map(float, law.interval(*at)), strict=True))
        for option, (law, *at, cost) in options.items()
        if law  # a refused law foretells nothing
    }
    return pd.DataFrame(rows).T, length_law


# %%
nexts, length_laws = {}, {}
for name, table in grids.items():
    nexts[name], length_laws[name] = what_next(name, table)
    best = nexts[name]["loss"].iloc[1:].idxmin()
    rivals = [
        other
        for other, it in nexts[name].iloc[1:].iterrows()
        if other != best and it["low"] <= nexts[name].loc[best, "high"]
    ]
    print(f"{name}: {best} looks best" + (f"; its interval meets that of {', '.join(rivals)}" if rivals else ""))
pd.concat(nexts, names=["grid", "then"]).round(3)

# %% [markdown]
# More people cost recordings and no compute; parameters and steps cost compute. For a budget of operations, the best split between these two is known in
# closed form (`best_size`). `k`, operations for each parameter and hour read, is taken from the two largest sizes: in small ones the
# embedding weighs more than its parameters. Where an interval spans orders of magnitude, the grid cannot tell yet.

# %%
length_law = next(iter(length_laws.values()))
two = rich[rich["parameters"] >= sorted(rich["parameters"].unique())[-2]]
k = flops_per_unit(two["flops"], two["parameters"], two["hours_seen"])
spent = float(records["flops"].max())
optima = pd.DataFrame([best_size(length_law, times * spent, k) for times in (0.25, 1, 4, 16) if length_law])
optima.rename(columns={"data": "hours read"}).style.format("{:,.3g}")

# %% [markdown]
# ## What this grid says

# %% tags=["long"]
out, open_ones = away.table.iloc[0], breadth_table[breadth_table["days"] == 1]
people, hours = int((open_ones["high"] < 1).sum()), int((open_ones["low"] > 1).sum())
less = 1 - means.iloc[:, -1] / means.iloc[:, 0]  # with all people than with fewest
below = int((parabolas["inside"] & (parabolas["parameters"] < n_largest)).sum())
answers = {
    "Do larger models win at equal steps?": f"by {gain.iloc[-1]:.0%} with all people, {gain.iloc[0]:.0%} with fewest",
    "And at equal compute?": f"at {below} of {len(parabolas)} budgets a size below the largest is best",
    "Do more people help?": f"the largest by {less.iloc[-1]:.0%}, the smallest by {less.iloc[0]:.0%}",
    "A law of each size's data?": f"of {len(data_laws)} of {len(by_size)}; the joint one explains {joint.r2:.0%}",
    "Does the joint law foretell?": f"{out['error']:+.1%} off, {'in' if out['inside'] else 'out'}side its interval; "
    f"the nearest cell {out['nearest_error']:+.1%}",
    "People, or hours of each?": f"{people} of {len(open_ones)} comparisons say people, {hours} hours",
}  # fmt: skip
pd.Series(answers, name="answer").to_frame().style.set_properties(**{"text-align": "left"})

# %% [markdown]
# ## Exercises
#
# 1. Predict a run before making it, outside the grid: a size half as wide again as the largest, on all people. Write down the loss and its interval, then
#    run the cell. Was it inside? Was the law closer than the largest cell of the grid, taken as it is?
# 2. Fit the recorded losses of the largest size over hours without a floor, a straight line on two logarithmic axes. What does it promise for a hundred times the
#    hours, and what does the law with a floor?
# 3. How many seeds does each of two cells need, so that a difference of 1 % of the loss is seen in nine comparisons of ten?

# %% [markdown]
# **Solution 1.**

# %% tags=["solution", "long"]
wider = nano_of_width(3 * row.sizes[-1] // 2) if isinstance(row.sizes[-1], int) else "base"
wider = sizes[wide] if PROFILE == "smoke" else wider  # a size that is compiled already
beyond = make_cells(["LSM1"], [wider], row.people[-1:], [row.days], [row.steps], seeds=range(row.seeds), **common)
apart = Grid(beyond, train, held_out, folder / "beyond")
at = float(apart.plan().table["parameters"].iloc[0]), float(live["hours"].max())
guess, interval = float(joint.predict(*at)), joint.prediction_interval(*at)
print(f"predicted for {at[0]:,.0f} parameters: {guess:.4f}, from {interval[0]:.4f} to {interval[1]:.4f}")
made = float(np.exp(np.log(apart.run(progress=False, processes=processes)["valid_loss"]).mean()))
own_inside = bool(interval[0] <= made <= interval[1])
print(
    f"made: {made:.4f}, {'inside' if own_inside else 'outside'}"
    + (" (a few steps, of which no law knows)" if PROFILE == "smoke" else "")
)
print(f"the law is {guess / made - 1:+.1%} off, the largest cell of the grid {means.iloc[-1, -1] / made - 1:+.1%}")

# %% [markdown]
# **Solution 2.** Without a floor the line goes on for ever, and it already misses the largest amount that was measured.

# %% tags=["solution"]
slope, level = np.polyfit(np.log(widest["hours"]), np.log(widest["valid_loss"]), 1)
with_floor = fit_power_law(widest["hours"], widest["valid_loss"])
most, far = widest["hours"].max(), 100 * widest["hours"].max()
pd.DataFrame(
    {
        "a hundred times the hours": [np.exp(level + slope * np.log(far)), float(with_floor.predict(far))],
        "all hours of the grid": [np.exp(level + slope * np.log(most)), float(with_floor.predict(most))],
        "measured there": widest[widest["hours"] == most]["valid_loss"].mean(),
    },
    index=["no floor", "with a floor"],
).round(4)

# %% [markdown]
# **Solution 3.** A difference of two means of `m` runs has a standard deviation of `sd·√(2/m)`; to be seen at a level of 5 % in nine of ten, it must be
# 3.24 of these (1.96 + 1.28).

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
# | form of the law | `L = a·C^b + c`, for compute, data and size | the same, with intervals (*More data*, *Compute*), and the joint law | |
# | constants a, b, c | not known to us | *Both at once*, *Compute* | |
# | data | up to 40 million hours, 165,000 people | some thousand hours in windows, 160 people | a laptop; simulated people |
# | sizes | 2 to 328 million parameters | 10 to 137 thousand | likewise; nano made narrower, so one axis changes |
# | compute | 50,000 steps of 4,096 windows | 3,000 steps of 4 | a laptop |
# | saturation | at about ten million hours and a hundred million parameters | for the smallest size at a few hundred hours | it can learn no more, whatever it reads |
# | people or hours | more people rather than more hours of each | left open (*People or hours?*) | simulated people, two seeds |
#
# An exponent of simulated people says nothing about real ones. What carries over is the method: plan, run, fit, hold out, decide.

# %% tags=["numbers"]
{
    "cells_run": len(live),
    "seed_sd": round(seed_sd, 4),
    "falls_with_data": int(falls),
    "largest_below_smallest": round(float(gain.iloc[-1]), 3),
    "joint_r2": round(float(joint.r2), 3),
    "alpha": round(float(joint.alpha), 3),
    "beta": round(float(joint.beta), 3),
    "held_out_error": round(float(row_out["error"]), 4),
    "held_out_inside": int(row_out["inside"]),
    "nearest_error": round(float(row_out["nearest_error"]), 4),
    "exercise_auroc_best": round(float(live["probe_exercise"].max()), 3),
    "loss_auroc_correlation": round(float(both), 3),
    "breadth_ratio": round(float(open_ones["ratio"].iloc[0]), 3),
    "own_prediction_inside": int(own_inside),
}
