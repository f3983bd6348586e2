# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/04_training_for_real.ipynb)
#
# # 04 · Masked pretraining on GPU and TPU
#
# A training on real hardware is interrupted, runs on several devices, does not fit into memory, and computes in sixteen bits. This
# notebook lets all of that happen on purpose, at a size at which it takes seconds, and looks at what is left of the numbers.

# %% [markdown]
# **What** you will see: which device and which attention kernel compute; sixteen bits against thirty-two; memory, and two ways to need less;
# one training on one device and on eight; a training that is killed, and goes on bit for bit; where the time of a step goes,
# against what the chip could do; what to type on Colab, a TPU pod, and Slurm.
# **Time**: five minutes on a laptop. **Hardware**: any; with a GPU or TPU its numbers stand where this run has a CPU's.

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
import signal
from pathlib import Path
from tempfile import mkdtemp
from time import perf_counter, sleep

import jax
import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

import lsmlib
from lsmlib import plots
from lsmlib.distribution import describe_devices
from lsmlib.estimate import estimate_step, measure_flops
from lsmlib.models.flops import training_flops
from lsmlib.models.sizes import LSM1_SIZES, count_parameters
from lsmlib.nn.attention import choose_kernel
from lsmlib.optimizer import make_optimizer

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0
plots.set_style()

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# ## What computes here?
#
# A GPU that silently is not used is the commonest waste of a day. `describe_devices` says what is; `lsmlib.distribute(…, device="gpu")`,
# or `--device gpu` on the command line, stops if it is not what you asked for.

# %%
plan = lsmlib.profile(PROFILE).lsm1
size = "nano" if jax.default_backend() == "cpu" else plan.size  # enough to see all there is to see
model = lsmlib.LSM1(size, seed=SEED)
print(describe_devices(model))

# %% [markdown]
# Attention is where kernels matter. `lsmlib` chooses its own, because the choice that Keras makes has traps
# (on TPU it would make attention causal). Five kernels of one mathematics, all tested against the plain one:

# %%
platforms = {"CPU": "cpu", "TPU": "tpu", "GPU (Ampere or later)": "cuda 8.0", "GPU (older)": "cuda 7.5", "AMD": "rocm"}
pd.DataFrame(
    {
        dtype: {name: choose_kernel(dtype, 64, there) for name, there in platforms.items()}
        for dtype in ("float32", "bfloat16")
    }
)

# %% [markdown]
# ## Sixteen bits
#
# `dtype="mixed_bfloat16"` is Keras' policy: weights, norms, softmax and the loss stay in float32, products are computed in bfloat16, which
# has the range of float32 and three digits. Accelerators do these several times as fast; a CPU without them emulates
# them, and gains nothing. The losses are what we look at: same seeds, same masks.

# %%
days = lsmlib.simulate_cohort(people=96 if PROFILE == "smoke" else 200, days=3, seed=SEED)
train, valid = (lsmlib.cut_windows(part, stride=60) for part in lsmlib.split_people(days, (0.9, 0.1), seed=SEED))
{"train": train.sizes["day"], "valid": valid.sizes["day"]}


# %% tags=["long"]
class Clock(keras.callbacks.Callback):
    """The loss of each step, and when it was there."""

    def on_train_begin(self, logs=None):
        self.times, self.losses = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(perf_counter())
        self.losses.append(float(logs["step_loss"]))


def fit_by_hand(model, rows, steps, batch_size=32):
    """What ``lsmlib.pretrain`` does, without its comforts: losses, and the median seconds of a step."""
    clock = Clock()
    model.compile(make_optimizer(steps))
    batches = lsmlib.make_batches(rows, batch_size, seed=SEED)
    model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=[clock])
    return clock.losses, float(np.median(np.diff(clock.times)))


# %%
steps = 6 if PROFILE == "smoke" else 80
runs, seconds = {}, {}
for dtype in ("float32", "mixed_bfloat16"):
    model = lsmlib.LSM1(size, seed=SEED, dtype=dtype)
    runs[dtype], seconds[dtype] = fit_by_hand(model, train, steps)
{dtype: f"{1000 * s:.0f} ms a step, last loss {np.mean(runs[dtype][-5:]):.4f}" for dtype, s in seconds.items()}

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
for (dtype, losses), style in zip(runs.items(), ("-", "--"), strict=True):
    axis.plot(np.arange(1, steps + 1), losses, style, label=dtype, lw=1)
axis.set(xlabel="step", ylabel="loss (sd²)")
axis.legend(frameon=False)
plt.show()
apart = float(np.max(np.abs(np.subtract(*runs.values())) / runs["float32"]))
print(f"at most {apart:.2%} apart")

# %% [markdown]
# One sixteen-bit number has three digits, a loss is a mean over many, and so the curves lie on one another.
#
# ## Memory
#
# Three things fill a device. Weights, gradients and the two moments of AdamW are 16 bytes a parameter, whatever the batch.
# Activations, what a step keeps from its forward to its backward pass, grow with the batch. `estimate_step` counts both beforehand.

# %%
wide = lsmlib.cut_windows(days.isel(day=slice(40)), stride=300)
sizes = {}
for name in LSM1_SIZES if PROFILE != "smoke" else ("nano", "tiny"):
    one = lsmlib.LSM1(name, seed=SEED)
    kept, anew = (estimate_step(one, wide, 64, rematerialise=way) for way in (False, True))
    sizes[name] = {"state": kept.state, "kept": kept.activations, "rematerialised": anew.activations}
memory = pd.DataFrame(sizes).T / 1e9
memory.round(2)

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
memory.plot.barh(ax=axis, color=sns.color_palette("deep"))
axis.set(xscale="log", xlabel="GB in a step of 64 windows, float32", ylabel="size of LSM-1")
axis.legend(["weights, gradients, moments", "activations, kept", "activations, computed again"], frameon=False)
plt.show()

# %% [markdown]
# When a step does not fit, there are two ways that change no result. `accumulate=4` reads four small batches before weights change
# once, by the mean of their gradients. `rematerialise=True` keeps of each block only what goes in, and computes the rest again for
# the gradient: a third more work. (A third way, sixteen bits, changes the last digits.) The second, next to nothing:

# %%
again = lsmlib.LSM1(size, seed=SEED)
options = {"steps": steps, "batch_size": 32, "seed": SEED, "progress": False}
losses = lsmlib.pretrain(again, train, rematerialise=True, **options)["loss"]
difference_rematerialised = float(np.max(np.abs(np.subtract(losses, runs["float32"]))))
print(f"losses of all steps, computed again or kept: at most {difference_rematerialised:.1e} apart")

# %% [markdown]
# ## One training, eight devices
#
# On several devices, rows of a batch are shared out. `"data"` keeps all weights on each; `"sharded"` keeps a part of every
# matrix on each and fetches the rest when it is due. A CPU can pretend to be eight devices, which is slow but shows whether the
# numbers agree. Devices are chosen before JAX begins, so the training runs in a process of its own, with the **command line**: the same
# `pretrain`, for machines without a notebook.

# %% tags=["long"]
folder = Path(mkdtemp(prefix="lsmlib_"))
lsmlib.save_cohort(train, folder / "train.zarr")
lsmlib.save_cohort(valid, folder / "valid.zarr")
few, many = (6, 20) if PROFILE == "smoke" else (10, 120)  # steps


def start(name, steps, *options, **environment):
    """Begin a training in another process; its log goes to a folder of this name."""
    command = f"{sys.executable} -m lsmlib.pretrain --model lsm1 --size nano --device cpu --batch-size 32"
    files = ["--data", folder / "train.zarr", "--valid", folder / "valid.zarr", "--log-dir", folder / name]
    (folder / name).mkdir(exist_ok=True)
    output = (folder / f"{name}.txt").open("a")
    arguments = [*command.split(), "--steps", str(steps), *map(str, files), *options]
    return subprocess.Popen(arguments, env=os.environ | environment, stdout=output, stderr=output)


def losses_of(name):
    """Read the log of a training."""
    return pd.read_csv(folder / name / "log.csv")["loss"].to_numpy()


# %%
devices = 8 if PROFILE != "smoke" else 2
several = {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"}
ways = ("data", "sharded") if PROFILE != "smoke" else ("data",)
assert start("one", few).wait() == 0, (folder / "one.txt").read_text()
for way in ways:
    process = start(way, few, "--distribution", way, **several)
    assert process.wait() == 0, (folder / f"{way}.txt").read_text()
print(*(line for line in (folder / f"{way}.txt").read_text().splitlines() if "devices" in line), sep="\n")

# %%
apart_devices = {name: float(np.max(np.abs(losses_of(name) - losses_of("one")))) for name in ways}
print("largest difference of losses to those of one device:", {k: f"{v:.1e}" for k, v in apart_devices.items()})

# %% [markdown]
# Rounding is all that is left. On a pod or a cluster the command is the same, once a process (`--cluster auto`), and each
# process reads its own part of every batch; `python -m lsmlib.pretrain --help` has an example for TPU VMs and one for Slurm.
#
# ## Killed, and resumed
#
# Colab hands machines back without asking, preemptible TPUs vanish in the middle of a step. With a `checkpoint_dir`, weights, the
# optimizer's memory, the states of all random numbers and the place in the data are written every so many steps, aside first, then
# renamed. Let us kill a training, with the signal that no program can catch, after its second checkpoint:

# %% tags=["long"]
keep = ["--checkpoint-dir", str(folder / "checkpoints"), "--checkpoint-every", str(many // 4)]


def checkpoints():
    """Steps of which there is a checkpoint, whole; others are being written, under other names."""
    return sorted(int(path.name) for path in (folder / "checkpoints").glob("*") if path.name.isdigit())


process = start("killed", many, *keep)
while process.poll() is None and len(checkpoints()) < 2:
    sleep(0.02)
process.send_signal(signal.SIGKILL)
process.wait()
killed_at = len(losses_of("killed"))
print(f"exit status {process.returncode} after {killed_at} of {many} steps were logged; checkpoints at {checkpoints()}")

# %% [markdown]
# The same command once more (and one that is left alone, to compare) finds the folder and goes on by itself. (With other data, another model or other steps it would
# refuse: a folder belongs to one run.)

# %%
for name, options in (("killed", keep), ("whole", [])):
    process = start(name, many, *options, "--save", str(folder / f"{name}.keras"))
    assert process.wait() == 0, (folder / f"{name}.txt").read_text()
whole, resumed = (lsmlib.load_model(folder / name) for name in ("whole.keras", "killed.keras"))
same = [np.array_equal(a, b) for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True)]
same_losses = bool(np.array_equal(losses_of("whole"), losses_of("killed")))
print(f"weights equal, bit for bit: {sum(same)} of {len(same)}; losses: {same_losses}")

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
axis.plot(np.arange(1, many + 1), losses_of("whole"), lw=4, alpha=0.4, label="uninterrupted")
axis.plot(np.arange(1, many + 1), losses_of("killed"), "k--", lw=1, label="killed and resumed")
axis.axvline(killed_at, color="C3", label="killed")
axis.set(xlabel="step", ylabel="loss (sd²)")
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Where a step's time goes
#
# The floor of a step is its matrix products at the speed at which this device does one. What is above it is attention's softmax,
# norms, memory traffic, the optimizer, and waiting for data. The last can be told apart by reading batches alone.

# %%
model = lsmlib.LSM1(size, seed=SEED)
batch_size, timed = 32, 4 if PROFILE == "smoke" else 30
rate, flops = measure_flops(), batch_size * training_flops(model, train).total
_, step = fit_by_hand(model, train, timed, batch_size)
batches = iter(lsmlib.make_batches(train, batch_size, seed=SEED))
started = perf_counter()
reading = [next(batches) for _ in range(timed)] and (perf_counter() - started) / timed
print(f"step {1000 * step:.1f} ms, floor {1000 * flops / rate:.1f} ms; reading a batch alone {1000 * reading:.2f} ms")

# %%
used = flops / step / rate
parts = {"matrix products, at the device's speed": flops / rate, "everything else": max(step - flops / rate, 0.0)}
figure, axis = plt.subplots(figsize=(8, 1.6), layout="constrained")
left = 0.0
for (name, value), colour in zip(parts.items(), ("C0", "0.8"), strict=True):
    axis.barh([0], [1000 * value], left=left, color=colour, label=name)
    left += 1000 * value
axis.set(xlabel=f"ms of a step of {batch_size} windows, {size}", yticks=[])
axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
plt.show()
print(f"{used:.0%} of what the device can do goes into useful products")

# %% [markdown]
# For a model this small, a step is mostly made of small things; the larger the model, the nearer it comes to the floor. What exactly
# they are, a profile shows: every operation on a time line.

# %%
with jax.profiler.trace(str(folder / "trace")):
    lsmlib.pretrain(model, train, steps=3, batch_size=batch_size, progress=False)
traces = sorted((folder / "trace").rglob("*.*"))
print(*(f"{path.name}, {path.stat().st_size / 1e6:.1f} MB" for path in traces if path.is_file()), sep="\n")

# %% [markdown]
# `tensorboard --logdir trace` with the plug-in `xprof` opens it, and <https://ui.perfetto.dev> reads the `.trace.json.gz`.
#
# ## On Colab, on a pod, on a cluster
#
# - **Colab, GPU or TPU**: *Runtime → Change runtime type*, then run any notebook from the top: its first cell installs this package and keeps
#   Colab's own `jax`. Set `PROFILE = "accelerator"`, and where a notebook calls `pretrain`, `dtype="mixed_bfloat16"` for the model. Give `checkpoint_dir` a folder on a mounted Drive, or
#   `gs://…`: when the runtime is taken away, running the notebook again goes on.
# - **TPU pod, Slurm**: `python -m lsmlib.pretrain --help` has both in full. `--device tpu` stops at once where no TPU is found.
# - **Several GPUs in one machine**: nothing to do; `--distribution auto` shares rows out, and splits weights only when they
#   and the optimizer would fill more than half of a device.
#
# ## Exercises
#
# 1. Resume the killed training with another batch size. What happens, and why is that right?
# 2. For which sizes of LSM-1 would `auto` split the weights on GPUs of 8 GB? On those of 16 GB?
# 3. LSM-1's reported training is 50,000 steps of 4,096 windows. How long would `base` take here at the very least?

# %% [markdown]
# **Solution 1.** It refuses, and says what differs: a run that changes in the middle is neither of the two.

# %% tags=["solution"]
other = start("killed", many, *keep, "--batch-size", "16")
assert other.wait() != 0
print((folder / "killed.txt").read_text().strip().splitlines()[-1].replace(str(folder), "…"))

# %% [markdown]
# **Solution 2.** Weights, gradients and moments are 16 bytes a parameter, and may take half of a device.

# %% tags=["solution"]
state = {name: 16 * count_parameters(size) / 1e9 for name, size in LSM1_SIZES.items()}
{f"{gigabytes} GB": [name for name, needed in state.items() if needed > gigabytes / 2] for gigabytes in (8, 16)}

# %% [markdown]
# **Solution 3.** At the speed of its matrix products, with nothing in between:

# %% tags=["solution"]
base = lsmlib.LSM1("base", seed=SEED) if PROFILE != "smoke" else lsmlib.LSM1("tiny", seed=SEED)
least = 50_000 * 4_096 * training_flops(base, wide).total / rate
print(f"{least / 86_400:,.0f} days")
del base

# %% [markdown]
# ## Against the paper
#
# | | reported | ours | why they differ |
# |---|---|---|---|
# | hardware | TPU v5e, 128 chips | printed at the top | what was at hand |
# | optimizer | AdamW 0.9, 0.95; 5 % warm-up, cosine; clipped to 1 | the same | |
# | peak learning rate | 5·10⁻³ for batches of 4,096 | 10⁻³ | smaller batches |
# | precision, checkpoints, sharding | not known to us | as above | |
#
# The reported values are quoted second-hand; we could not check them in the paper's text.
#
# **Next**: notebook 05 uses a trained model to fill in what was not measured.

# %% tags=["numbers"]
{
    "bfloat16_apart": round(apart, 4),
    "rematerialised_apart": difference_rematerialised,
    "devices_apart": max(apart_devices.values()),
    "killed_before_the_end": float(killed_at < many),
    "resumed_bit_for_bit": float(all(same) and same_losses),
    "reading_share_of_step": round(reading / step, 4),
    "share_of_the_floor": round(used, 4),
}
