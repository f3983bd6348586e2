# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/14_to_forty_million_hours.ipynb)
#
# # 14 · To forty million hours
#
# Two of the three papers speak of forty million hours of recordings. What would it take to train on as many: how many operations, how many bytes,
# which machines, how long, at what cost? Everything here is computed from what this machine has just measured and from
# a few assumptions that stand in one cell, where you can put your own.

# %% [markdown]
# **What** you will see: operations of the three models at size base, counted by formula; a step measured against this machine's limit; hours
# and cost on accelerators of your choice; bytes on disk, over the network and on the device; what a checkpoint costs and how often to
# write one; a store written by several processes and read by several, each its share; and what breaks first.
# **Time**: two minutes on a laptop. **Hardware**: any; nothing here needs an accelerator.

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
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter

import dask
import dask.array as da
import jax
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import lsmlib
from lsmlib import plots
from lsmlib.checkpoints import Checkpoints, describe_run
from lsmlib.estimate import STATE, measure_flops
from lsmlib.models.flops import count_weights, language_flops, training_flops
from lsmlib.optimizer import make_optimizer
from lsmlib.text import CaptionMixture
from lsmlib.training_logs import StepHistory

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0
plots.set_style()
logging.getLogger("absl").setLevel(logging.ERROR)  # Orbax tells how long it waited, which we measure ourselves

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# ## What is assumed
#
# None of these is a result. `MFU`, model FLOP/s utilisation (Chowdhery et al., 2022), is the share of a chip's peak that goes into useful
# products: the one number that decides about time and cost, and that only a run on the chip itself can tell.

# %%
HOURS = 40e6  # of recordings
MFU = 0.4  # of an accelerator's peak
PRICE = 2.0  # of a chip for an hour, in any currency
CHIPS_A_HOST = 8
HOST_MTBF = 100.0  # hours from one failure or preemption of a host to the next, in the mean
RESTART = 0.1  # hours until a training is under way again

# %% [markdown]
# ## How much work is it?
#
# LSM-1 reads windows of five hours, the two others whole days. Operations are those of the matrix products (`lsmlib.models.flops`), counted
# on simulated days: of LSM-2 and SensorLM only the tokens that are observed and visible, because no others are computed.

# %%
days = lsmlib.simulate_cohort(people=64 if PROFILE == "smoke" else 128, days=2, seed=SEED)
windows = lsmlib.cut_windows(days, stride=60)
{"days": days.sizes["day"], "windows": windows.sizes["day"], "missing": round(float(days.signals.isnull().mean()), 3)}

# %%
size = "tiny" if PROFILE == "smoke" else "base"
flops, parameters = {}, {}
for name, build, rows in (("LSM-1", lsmlib.LSM1, windows), ("LSM-2", lsmlib.LSM2, days)):
    model = build(size, seed=SEED)
    flops[name], parameters[name] = training_flops(model, rows).total, count_weights(model)

# %% [markdown]
# SensorLM also reads and writes a caption of each day, of so many tokens as the longest here:

# %%
model = lsmlib.SensorLM(size, seed=SEED)
texts = [text for text in CaptionMixture(wordings=1).write(days)[:, 0] if text]
words = model.encode(texts).shape[1]
flops["SensorLM"], parameters["SensorLM"] = language_flops(model, days, words).total, count_weights(model)
del model
print(f"captions of up to {words} tokens")

# %% [markdown]
# One pass over the data is not a training. As reported, LSM-1 takes 50,000 steps of 4,096 windows, and LSM-2 100,000 steps of 512 days
# (both second-hand, see the end); for SensorLM we take as many days as for LSM-2.

# %%
paper = lsmlib.profile("paper")
trained = {"LSM-1": paper.lsm1.steps * paper.lsm1.batch_size, "LSM-2": paper.lsm2.steps * paper.lsm2.batch_size}
trained["SensorLM"] = trained["LSM-2"]
work = pd.DataFrame({"parameters": parameters, "operations a row": flops, "rows trained on": trained})
work["rows in 40 M hours"] = HOURS / pd.Series({"LSM-1": 5, "LSM-2": 24, "SensorLM": 24})
work["passes"] = work["rows trained on"] / work["rows in 40 M hours"]
work["operations"] = work["operations a row"] * work["rows trained on"]
work.style.format("{:,.3g}")

# %% [markdown]
# ## What this machine does
#
# Before the arithmetic about other machines, this one: a real training step, timed, against the fastest product that this
# processor has just shown. The ratio is this machine's MFU. (That of nano, which is small: larger models come nearer to the limit.)


# %%
class Clock(keras.callbacks.Callback):
    """When each step was over."""

    def on_train_begin(self, logs=None):
        self.times = []  # of the last pass alone

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(perf_counter())


# %%
small, clock, rate = lsmlib.LSM2("nano", seed=SEED), Clock(), measure_flops()
batch_size, different = 8, 1 if PROFILE == "smoke" else 6  # batches; each length that they come in compiles
batches = list(islice(lsmlib.make_batches(days, batch_size, seed=SEED, prepare=small.prepare), different)) * 2
small.compile(make_optimizer(10_000))
for _ in range(2):  # the first time compiles
    small.fit(((one,) for one in batches), steps_per_epoch=len(batches), shuffle=False, verbose=0, callbacks=[clock])
step = float(np.median(np.diff(clock.times)))
used = batch_size * training_flops(small, days).total / step / rate
print(f"{batch_size / step:.1f} days a second; {used:.0%} of {rate / 1e9:,.0f} billion operations a second")

# %% [markdown]
# At this machine's best speed, with nothing lost, the trainings above would take:

# %%
years = work["operations"] / rate / (365.25 * 86_400)
{name: f"{value:,.3g} years" for name, value in years.items()}

# %% [markdown]
# ## Other machines
#
# Peaks are those of the vendors' public data sheets, in bfloat16 (T4: float16), dense, without sparsity, and so is memory. They change with
# every generation: check them before you spend anything.

# %% tags=["long"]
chips = pd.DataFrame(
    [
        ("NVIDIA T4", 65e12, 16),
        ("NVIDIA L4", 121e12, 24),
        ("NVIDIA A100", 312e12, 80),
        ("NVIDIA H100 SXM", 989e12, 80),
        ("NVIDIA H200 SXM", 989e12, 141),
        ("TPU v4", 275e12, 32),
        ("TPU v5e", 197e12, 16),
        ("TPU v5p", 459e12, 95),
        ("TPU v6e", 918e12, 32),
    ],
    columns=["chip", "operations a second", "memory, GB"],
).set_index("chip")


def chip_hours(mfu=MFU):
    """Hours of one chip for each training, [chips, models]."""
    seconds = work["operations"].to_numpy() / (mfu * chips["operations a second"].to_numpy()[:, None])
    return pd.DataFrame(seconds / 3600, index=chips.index, columns=work.index)


# %%
table = chip_hours().add_suffix(", chip-hours")
for name in work.index:
    table[f"{name}, cost"] = PRICE * table[f"{name}, chip-hours"]
table.style.format("{:,.0f}")

# %%
figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
count = 2.0 ** np.arange(0, 10)
for colour, style, name in zip(("C0", "C1", "C2"), ("-", "--", "-."), work.index, strict=True):
    low, middle, high = (chip_hours(mfu).loc["TPU v5e", name] / 24 / count for mfu in (0.6, MFU, 0.2))
    axis.fill_between(count, low, high, color=colour, alpha=0.2, lw=0)
    axis.plot(count, middle, style, color=colour, label=name)
axis.set(xscale="log", yscale="log", xlabel="chips (TPU v5e)", ylabel="days of training", xticks=count)
axis.set_xticklabels([f"{int(n)}" for n in count])
axis.minorticks_off()
axis.legend(title=f"MFU {MFU:.0%}, band 20 to 60 %", frameon=False)
plt.show()

# %% [markdown]
# The lines are straight because nothing but arithmetic is in them. What bends them is the rest of this notebook: data that do not arrive, and
# machines that go away.
#
# ## The data, at rest
#
# A Cohort is stored as Zarr: 64 days a file, one day a chunk, compressed. How many bytes is a day of it?

# %%
folder = Path(mkdtemp(prefix="lsmlib_"))
started = perf_counter()
lsmlib.save_cohort(days, folder / "one.zarr", progress=False)
saving = days.sizes["day"] / (perf_counter() - started)
stored = sum(path.stat().st_size for path in (folder / "one.zarr").rglob("*") if path.is_file()) / days.sizes["day"]
raw = days["signals"].nbytes / days.sizes["day"]
all_days = HOURS / 24
print(f"{stored / 1e3:.1f} kB a day, {raw / stored:.1f} times less than its {raw / 1e3:.0f} kB of float32")
print(f"{all_days / 1e6:.2f} million days: {stored * all_days / 1e9:,.0f} GB in {all_days / 64:,.0f} files of 64 days")
print(f"saved at {saving:,.0f} days a second, by this one process {all_days / saving / 3600:.1f} hours")

# %% [markdown]
# Forty million hours fit on a laptop's disk: one reading a minute is little. (Simulated noise compresses no better than real noise would, but real devices round
# their readings, and those compress better.)
#
# ## The data, on their way
#
# A host must make batches as fast as its chips use them up. How many days a second that is follows from the operations of a day, and how many one
# process makes is measured: read from the store, hidden, packed, and nothing else done.

# %%
source = lsmlib.open_cohort(folder / "one.zarr")
batches = iter(lsmlib.make_batches(source, 16, seed=SEED, prepare=small.prepare))
next(batches)
count = 10 if PROFILE == "smoke" else 60
started, cpu = perf_counter(), os.times()
made = [batch for batch in islice(batches, count)]
ended = os.times()
a_core = 16 * count / max(ended.user + ended.system - cpu.user - cpu.system, 1e-9)
print(
    f"{16 * count / (perf_counter() - started):,.0f} days a second; {a_core:,.0f} for each second of a processor core"
)

# %%
speed = CHIPS_A_HOST * MFU * chips["operations a second"] / work.loc["LSM-2", "operations a row"]
packed = sum(value.nbytes for value in made[0].values()) / 16
host = pd.DataFrame(
    {"days a second": speed, "read, MB/s": speed * stored / 1e6, "to the devices, MB/s": speed * packed / 1e6}
)
host["cores for batches"] = speed / a_core
host.style.format("{:,.1f}").set_caption(f"LSM-2 {size}, a host of {CHIPS_A_HOST} chips, MFU {MFU:.0%}")

# %% [markdown]
# Neither the network nor the bus is the limit; cores are what to look at first. A host of eight fast chips has about a hundred, which is enough for a
# model of this size; small models on fast chips ask for more than there are:

# %% tags=["long"]
sizes = ("nano", "tiny") if PROFILE == "smoke" else ("nano", "tiny", "small", "base")
per_day = {name: training_flops(lsmlib.LSM2(name), days).total for name in sizes}
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
for place, chip in enumerate(("NVIDIA L4", "TPU v5e", "NVIDIA A100", "NVIDIA H100 SXM")):
    rates = CHIPS_A_HOST * MFU * chips.loc[chip, "operations a second"] / np.array(list(per_day.values()))
    axis.bar(np.arange(len(sizes)) + 0.2 * (place - 1.5), rates / a_core, 0.18, label=chip)
axis.axhline(96, color="0.4", ls="--", lw=1, label="96 cores")
axis.set(yscale="log", xlabel="size of LSM-2", ylabel=f"cores that feed {CHIPS_A_HOST} chips")
axis.set_xticks(range(len(sizes)), sizes)
axis.legend(frameon=False, ncols=2)
plt.show()

# %% [markdown]
# ## The data, at home
#
# Or the data do not travel at all. A cohort that fits stays on the device (`lsmlib.DeviceRows`), in sixteen bits if one likes; batches are gathered
# there, the same ones in the same order, and what travels is which token goes where.

# %%
resident = lsmlib.DeviceRows(days, small, "float16")
at_home = lsmlib.make_batches(days, 16, seed=SEED, resident=resident)
kept = ("values", "target", "scored")
indices = sum(value.nbytes for name, value in next(iter(at_home)).items() if name not in kept) / 16
here = resident.nbytes / days.sizes["day"]
print(
    f"{here / 1e3:.1f} kB a day on the device; {indices / 1e3:.1f} kB travel at a step, instead of {packed / 1e3:.1f}"
)
print(f"all days: {here * all_days / 1e9:,.0f} GB")

# %%
room = (1e9 * chips["memory, GB"] - STATE * parameters["LSM-2"]) / here
fits = pd.DataFrame({"days that fit beside the weights": room, "million hours": room * 24 / 1e6})
fits["share of 40 M hours"] = np.minimum(room / all_days, 1)
fits.style.format(
    {"days that fit beside the weights": "{:,.0f}", "million hours": "{:.1f}", "share of 40 M hours": "{:.0%}"}
)

# %% [markdown]
# Activations need room too, so the last column is an upper bound. It works for one process: many hosts read from the store.
#
# ## Written by many, read by many
#
# Simulating or converting forty million hours is itself a job for many processes. `save_cohort` computes block by block on whatever Dask
# scheduler is active. Here two processes write one store, each whole files; let each leave a note that it was there.

# %% tags=["long"]
(folder / "writers").mkdir()


def sign(block, notes=folder / "writers"):
    """Pass a block on, and leave the number of the process that had it."""
    (notes / str(os.getpid())).touch()
    return block


chunked = days.chunk(day=64)
signed = da.map_blocks(sign, chunked["signals"].data, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))
with dask.config.set(scheduler="processes", num_workers=2, chunksize=1):
    lsmlib.save_cohort(
        chunked.assign(signals=chunked["signals"].copy(data=signed)), folder / "two.zarr", progress=False
    )
writers = sorted(path.name for path in (folder / "writers").iterdir())


# %%
def contents(store):
    """Every file of a store, by name."""
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


same_store = contents(folder / "one.zarr") == contents(folder / "two.zarr")
others = len(set(writers) - {str(os.getpid())})
print(f"{others} other processes wrote; the same bytes as written by one: {same_store}")

# %% [markdown]
# On a cluster the scheduler is `dask.distributed`'s, which also starts again what a lost worker had under way; `tests/test_store.py` kills one of four in the middle of
# a save, and compares every byte.
#
# Reading is shared out without any coordination: the order of rows is a function of seed and step, so each process knows its part of
# every batch. Two processes, each on its own:

# %%
reader = """
import sys, numpy as np, lsmlib
path, index, result = sys.argv[1], int(sys.argv[2]), sys.argv[3]
batches = lsmlib.make_batches(lsmlib.open_cohort(path), 8, seed=0, process_index=index, process_count=2)
np.save(result, np.stack([batch for _, batch in zip(range(3), batches)]))
"""
command = [sys.executable, "-c", reader, str(folder / "two.zarr")]
readers = [subprocess.Popen([*command, str(i), str(folder / f"share_{i}.npy")]) for i in (0, 1)]
assert [process.wait() for process in readers] == [0, 0]

# %%
shares = [np.load(folder / f"share_{i}.npy") for i in (0, 1)]
whole = np.stack(list(islice(lsmlib.make_batches(days, 8, seed=SEED), 3)))
same_batches = np.array_equal(np.concatenate(shares, axis=1), whole, equal_nan=True)
print(f"shares {shares[0].shape} and {shares[1].shape}; together the batches of one process: {same_batches}")

# %% [markdown]
# `python -m lsmlib.pretrain --cluster auto` does this on every process of a pod or a Slurm job; notebook 04 has the commands.
#
# ## What a checkpoint costs
#
# Weights and the two moments of AdamW are 12 bytes a parameter. Orbax copies them and writes while training goes on; we count all of the time until they are
# on disk, which is the most that a checkpoint can cost.

# %% tags=["long"]
model = lsmlib.LSM1("tiny" if PROFILE == "smoke" else "small", seed=SEED)
model.compile(make_optimizer(6))
model.optimizer.build(model.trainable_variables)
for variable in model.optimizer.variables[2:]:  # moments as of a training: zeros would be compressed to nothing
    variable.assign(keras.random.normal(variable.shape, seed=SEED))
weights, history, times = count_weights(model), StepHistory(), []
with Checkpoints(folder / "run", describe_run(model, windows, steps=6), history, every=1) as saved:
    saved.set_model(model)
    for step_number in range(6):
        history.logs["loss"].append(0.0)
        started = perf_counter()
        saved.on_train_batch_end(step_number)
        saved.on_train_end()  # waits until it is written
        times.append(perf_counter() - started)

# %%
last = max((path for path in (folder / "run").iterdir()), key=lambda path: int(path.name))
checkpoint = sum(path.stat().st_size for path in last.rglob("*") if path.is_file())
a_save = float(np.median(times))
disk = checkpoint / a_save
print(
    f"{checkpoint / 1e6:.1f} MB, {checkpoint / weights:.1f} bytes a parameter; {a_save:.2f} s, {disk / 1e6:,.0f} MB/s"
)

# %%
ahead = pd.DataFrame({"GB": 12 * work["parameters"] / 1e9})
ahead["seconds, at this disk's speed"] = 12 * work["parameters"] / disk
ahead.style.format("{:.2f}")

# %% [markdown]
# ## How often to write one
#
# After a failure, all work since the last checkpoint is done again, half an interval in the mean. Writing more often costs more. Young (1974) balances the two: with
# $\delta$ for one checkpoint and a mean time $M$ between failures, the share of time lost is about
# $\delta / \tau + \tau / 2M + r / M$ at interval $\tau$ ($r$ for starting again), and least at $\tau = \sqrt{2 \delta M}$.


# %%
def lost_by_formula(interval, save, between, restart=RESTART):
    """The share of time that is not progress, all in hours."""
    return save / interval + interval / (2 * between) + restart / between


def lost_by_simulation(interval, save, between, draw, failures=4000, restart=RESTART):
    """The same, from failures at random moments: what was not saved by then is lost."""
    life = draw.exponential(between, failures)
    saved = np.floor(life / (interval + save)) * interval
    return 1 - saved.sum() / (life + restart).sum()


# %% tags=["long"]
hosts = (1, 16, 128)
save = ahead.loc["LSM-1", "seconds, at this disk's speed"] / 3600
intervals, draw = np.geomspace(0.02, 5, 25), np.random.default_rng(SEED)
figure, axis = plt.subplots(figsize=(8, 3.4), layout="constrained")
for colour, mark, n in zip(("C0", "C1", "C2"), plots.MARKS, hosts, strict=False):
    simulated = [lost_by_simulation(interval, save, HOST_MTBF / n, draw) for interval in intervals]
    axis.plot(60 * intervals, lost_by_formula(intervals, save, HOST_MTBF / n), color=colour)
    name = f"{n} host{'s' if n > 1 else ''}"
    axis.plot(60 * intervals, simulated, mark, ms=4, color=colour, label=name)
    axis.axvline(60 * np.sqrt(2 * save * HOST_MTBF / n), color=colour, lw=0.8, ls=":")
axis.set(
    xscale="log", yscale="log", ylim=(5e-4, 1.2), xlabel="minutes between checkpoints", ylabel="share of time lost"
)
axis.legend(title="lines: formula, marks: simulated", frameon=False)
plt.show()

# %%
best = {n: np.sqrt(2 * save * HOST_MTBF / n) for n in hosts}
expected = {n: lost_by_formula(best[n], save, HOST_MTBF / n) for n in hosts}
found = {n: lost_by_simulation(best[n], save, HOST_MTBF / n, draw, failures=40_000) for n in hosts}
youngs = pd.DataFrame({"lost, formula": expected, "lost, simulated": found})
youngs.insert(0, "every, minutes", 60 * pd.Series(best))
youngs.style.format("{:.2%}").format("{:.1f}", subset=["every, minutes"])

# %% [markdown]
# The formula is a first-order one and good while intervals are short beside $M$; where the dots leave the line, on the right, most of the
# work is done twice. With many hosts it is no longer the checkpoint that costs, but starting again: $r / M$ grows with the
# number of hosts, however often one saves.
#
# ## What breaks first
#
# All of it side by side, for LSM-2 on TPU v5e: days of training, cores that a host must spend on batches, and time lost to failures.

# %%
rows = {}
for n in (1, 4, 16, 64):
    between = HOST_MTBF / n
    interval = np.sqrt(2 * save * between)
    lost = lost_by_simulation(interval, save, between, draw, failures=20_000)
    ideal = chip_hours().loc["TPU v5e", "LSM-2"] / (n * CHIPS_A_HOST) / 24
    rows[n] = {"chips": n * CHIPS_A_HOST, "days, nothing lost": ideal, "lost": lost, "days": ideal / (1 - lost)}
    rows[n] |= {"rows a chip, of 512": 512 / (n * CHIPS_A_HOST), "interruptions": 24 * ideal / (1 - lost) / between}
pd.DataFrame(rows).T.rename_axis("hosts").style.format("{:,.3g}").format("{:.1%}", subset=["lost"])

# %% [markdown]
# The first surprise is how little it is: models of this size, at an MFU of 40 %, are trained on forty million hours by one host in hours, and a run that
# short is hardly ever interrupted. It is the models that could grow. Reading does not break: bytes are few, and every process
# finds its own. Checkpoints do not, beside what such machines write. What does is the batch: at the reported 512 days a step, a few hundred chips have
# one day each, and MFU falls long before. Then the host's cores, for small models on fast chips, unless the data are at home on the device. And
# for a run that is long enough to meet failures, starting again, once hosts are so many that one of them is always about to leave.
#
# ## Exercises
#
# 1. How many TPU v5e chips finish LSM-2 in one hour, if MFU is 40 %, and if it is 20 %?
# 2. The bucket that checkpoints go to is ten times as slow as this disk. How much longer should the interval be, and what is lost?
# 3. How many TPU v5e chips together could hold all forty million hours in float16, using half of the memory of each?

# %% [markdown]
# **Solution 1.** As many as one chip takes hours; half the MFU, twice the chips. (Whether they can share 512 days is another matter.)

# %% tags=["solution"]
{mfu: int(np.ceil(chip_hours(mfu).loc["TPU v5e", "LSM-2"])) for mfu in (0.4, 0.2)}

# %% [markdown]
# **Solution 2.** By the square root of ten, a little more than three times; of what is lost, the two terms that depend on the interval
# grow as much, and starting again costs what it did.

# %% tags=["solution"]
slow = np.sqrt(2 * 10 * save * HOST_MTBF / 16)
losses = [lost_by_formula(best[16], save, HOST_MTBF / 16), lost_by_formula(slow, 10 * save, HOST_MTBF / 16)]
print(
    f"{60 * best[16]:.1f} to {60 * slow:.1f} minutes, {slow / best[16]:.2f} times; {losses[0]:.2%} to {losses[1]:.2%}"
)

# %% [markdown]
# **Solution 3.** All bytes over those of half a chip:

# %% tags=["solution"]
holders = int(np.ceil(here * all_days / (0.5e9 * chips.loc["TPU v5e", "memory, GB"])))
print(f"{holders} chips, {holders / CHIPS_A_HOST:.1f} hosts")

# %% [markdown]
# ## Against the paper
#
# | | reported | ours | why they differ |
# |---|---|---|---|
# | LSM-1, hours | 40 million | counted for as many | recordings are not public |
# | LSM-1, hardware | TPU v5e | any, by the table | |
# | LSM-1, steps × batch | 50,000 × 4,096 | the same | |
# | LSM-2, hours | 40 million | counted for as many | recordings are not public |
# | LSM-2, hardware | TPU v5e | any, by the table | |
# | LSM-2, steps × batch | 100,000 × 512 | the same | |
# | SensorLM, hours | 59.7 million | counted for 40 million | to compare the three |
# | SensorLM, hardware | not known to us | any, by the table | |
# | hours of training, MFU, cost of any | not known to us | computed | from assumptions that stand at the top |
#
# Hardware, steps and batches are quoted second-hand; we could not check them in the papers' texts.
#
# **This is the last notebook.** What is above is arithmetic until somebody runs it; `python -m lsmlib.pretrain --help` is where that begins.

# %% tags=["numbers"]
{
    "lsm2_gigaflops_a_day": round(flops["LSM-2"] / 1e9, 3),
    "sensorlm_over_lsm2": round(flops["SensorLM"] / flops["LSM-2"], 2),
    "kilobytes_a_day": round(stored / 1e3, 2),
    "smaller_than_float32": round(raw / stored, 2),
    "share_of_the_limit": round(used, 4),
    "batches_days_a_core_second": round(a_core, 1),
    "travels_less": round(packed / indices, 2),
    "checkpoint_bytes_a_parameter": round(checkpoint / weights, 2),
    "written_by_others": float(others),
    "same_store": float(same_store),
    "same_batches": float(same_batches),
    "simulated_over_formula": round(float(found[1] / expected[1]), 3),
}
