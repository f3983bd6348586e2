# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/02_real_recordings.ipynb)
#
# # 02 · Real recordings
#
# A simulator teaches; recordings of people convince. Here what devices export becomes the same Cohort as in notebook 01,
# with a gap wherever a device did not measure. Then simulated days are held against real ones, by a judge who tries hard to
# tell them apart.

# %% [markdown]
# **What** you will see: your own file in three lines; five vendors' formats, each read in one call; what goes wrong on the
# way from a file to a minute (clocks, duplicates, zeros that mean "in a drawer") and how it is told; public recordings of
# people; and what still gives the simulation away. **Time**: four minutes on a laptop. **Hardware**: any.

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
import tempfile
from pathlib import Path

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns

import lsmlib
from lsmlib import datasets, plots, samples
from lsmlib.evaluate import realism
from lsmlib.readers.wear import find_non_wear_choi

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0
plots.set_style()

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# ## Your own file in three lines
#
# Suppose a wristband wrote a skin temperature in Fahrenheit every twenty seconds, and a pulse now and then. Any table will
# do: say which column is which signal, in which unit it is (if not the Cohort's own), which column holds times and which
# persons.

# %%
rng = np.random.default_rng(SEED)
times = pd.date_range("2024-03-04 07:30", "2024-03-05 11:00", freq="20s")
frame = pd.DataFrame({"when": times, "who": "Ada", "TEMP": 90 + rng.normal(0, 0.4, len(times)).cumsum() / 40})
frame["pulse"] = np.where(rng.random(len(times)) < 0.1, 72 + 8 * np.sin(np.arange(len(times)) / 900), np.nan)
frame.head(3)

# %%
columns = {"TEMP": "skin_temperature", "pulse": "heart_rate"}
mine = lsmlib.read_table(frame, columns, time="when", person="who", units={"TEMP": "°F"})
lsmlib.describe_reading(mine)

# %% [markdown]
# That is a Cohort like any other: two civil days of 1,440 minutes, two of its 26 signals observed here and there, everything
# else a gap. Nothing was filled in, and what was left out is counted.

# %%
plots.plot_signals(mine, day=0, signals=["skin_temperature", "heart_rate"])

# %% [markdown]
# What happened between the rows and the minutes is short enough to write out in pandas: what is there twice counts once,
# what is impossible is dropped, and each minute takes the mean of the rest (steps would be added up).

# %%
celsius = frame.drop_duplicates(["when", "TEMP"]).assign(value=(frame["TEMP"] - 32) * 5 / 9).query("15 <= value <= 45")
by_hand = celsius.groupby(celsius["when"].dt.floor("min"))["value"].mean()
read = mine["signals"].sel(signal="skin_temperature").values.reshape(-1)
minutes = ((by_hand.index - pd.Timestamp("2024-03-04")) / pd.Timedelta("1min")).astype(int)
assert np.allclose(read[minutes], by_hand, rtol=1e-6) and np.isfinite(read).sum() == len(by_hand)

# %% [markdown]
# ## What vendors export
#
# Most people's data lie in a vendor's format. To try these without a device, `lsmlib.samples` writes simulated days the way
# each vendor would. Here is one simulated person, exported five times.

# %% tags=["long"]
HOME = "Europe/Berlin"
person = lsmlib.simulate_cohort(people=[7], days=2, seed=SEED)
folder = Path(tempfile.mkdtemp())
samples.write_fitabase(person, folder / "fitabase")
samples.write_fitbit_takeout(person, folder / "takeout", timezone=HOME)
samples.write_apple_health(person, folder / "apple", timezone=HOME)
samples.write_empatica(person, folder / "empatica", timezone=HOME)
samples.write_actigraphy(person, folder / "actigraphy")
files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
pd.DataFrame(
    [(path.relative_to(folder).parts[0], path.name, path.stat().st_size / 1000) for path in files],
    columns=["export", "file", "kB"],
).groupby("export").agg(files=("file", "count"), example=("file", "first"), kB=("kB", "sum")).round()

# %% [markdown]
# Each has its own idea of a table: hours by sixty columns of minutes; XML with one element a reading; JSON with American
# dates in Greenwich time; a start and a sampling rate above naked numbers.


# %%
def head(pattern, lines=3, width=110):
    """The first lines of a file, cut to a width."""
    path = next(iter(sorted(folder.rglob(pattern))))
    text = path.read_text(encoding="utf-8")[:20_000].splitlines()
    start = next((n for n, line in enumerate(text) if "<Record" in line), 0)
    print(f"--- {path.name}", *(line[:width] for line in text[start : start + lines]), sep="\n")


for pattern in ("*[sS]teps*ide*.csv", "export.xml", "heart_rate-*.json", "EDA.csv"):
    head(pattern)

# %% [markdown]
# One call each brings them back.

# %%
exports = {
    "Fitabase": lsmlib.read_fitabase(folder / "fitabase"),
    "Apple Health": lsmlib.read_apple_health(folder / "apple", progress=False),
    "Fitbit (Takeout)": lsmlib.read_fitbit_takeout(folder / "takeout", timezone=HOME),
    "Empatica E4": lsmlib.read_empatica(folder / "empatica", timezone=HOME),
    "actigraphy": lsmlib.read_actigraphy(folder / "actigraphy"),
}
lsmlib.describe_reading(exports["Apple Health"])

# %% [markdown]
# Do the minutes come back? Heart rate and steps of the simulated person against what each export still says. A device
# rounds, samples every few seconds or minutes, and leaves out what it does not measure: Apple writes no record for a minute
# without steps, an E4 is worn for an hour here, and an actigraph knows neither.


# %% tags=["long"]
def compare(cohort):
    """Share of the original minutes that came back, and how far off they are, for two signals."""
    rows = {}
    for signal in ("heart_rate", "steps"):
        same = np.flatnonzero(np.isin(person["date"].values, cohort["date"].values))
        original, back = (c["signals"].sel(signal=signal).values for c in (person.isel(day=same), cohort))
        both = np.isfinite(original) & np.isfinite(back)
        off = np.abs(original - back)[both]
        rows[signal] = (
            f"{both.sum() / np.isfinite(original).sum():.0%}, off by {np.median(off):.2f}" if both.any() else "-"
        )
    return rows


pd.DataFrame({name: compare(cohort) for name, cohort in exports.items()}).T

# %% [markdown]
# ## Four traps between a file and a minute
#
# **Clocks.** A civil day has 1,440 minutes even on the two nights on which clocks are set. In autumn an hour comes twice. A
# step counter that walked 2 steps every half minute, all night, must not be found running in that hour.

# %%
utc = pd.date_range("2024-10-26 22:00", periods=1000, freq="30s", tz="UTC")
night = pd.DataFrame({"time": utc, "steps": 2})
careful = lsmlib.read_table(night, {"steps": "steps"}, person=None, timezone="Europe/Berlin")
careful = careful["signals"].sel(signal="steps").values[0, :420]
wall = utc.tz_convert("Europe/Berlin").tz_localize(None).floor("min")
careless = night.groupby(wall)["steps"].sum().reindex(pd.date_range("2024-10-27", periods=420, freq="min"))

# %%
figure, axes = plt.subplots(figsize=(10, 2.2), layout="constrained")
axes.plot(np.arange(420) / 60, careless, color="C3", label="added up by the clock on the wall")
axes.plot(np.arange(420) / 60, careful, color="C0", label="read_table")
axes.set(xlabel="hour of the night on which clocks go back (Berlin)", ylabel="steps/min", ylim=(0, 9))
axes.legend(frameon=False, ncols=2)
plt.show()

# %% [markdown]
# **The impossible.** A pulse of 0 or 255, a skin of 5 °C, a date of 1970 or next century: none becomes a number, and each is
# counted under its reason.

# %%
broken = pd.DataFrame(
    {"time": pd.date_range("2024-03-04 12:00", periods=8, freq="min"), "hr": [70, 0, 255, 71, 71, 72, 300, 70]}
)
broken = pd.concat([broken, broken.tail(2), broken.head(1).assign(time=pd.Timestamp("1970-01-01"))]).sample(
    frac=1, random_state=SEED
)
lsmlib.describe_reading(lsmlib.read_table(broken, {"hr": "heart_rate"}, person=None))

# %% [markdown]
# **Text that could be two dates.** 04/05/2016 is in April or in May, and no program can know. So it is an error with the
# row and the way out, not a guess.

# %%
try:
    lsmlib.read_table(broken.assign(time="04/05/2016 12:00"), {"hr": "heart_rate"}, person=None)
except ValueError as error:
    print(error)

# %% [markdown]
# **Zeros.** A pulse sensor in a drawer writes nothing; a step counter or actigraph writes zeros, which look like a very calm
# person. Whether they are one is a conclusion, so it is an option of the readers and not a habit. `"choi"` is a standard rule
# for activity counts: an hour and a half of zeros in which up to two minutes of something else are forgiven, if half an hour
# of quiet lies on both sides.

# %% tags=["long"]
counts = exports["actigraphy"]["counts"].values[0].copy()
off = np.isnan(person["signals"].sel(signal="log_energy").values[0])  # the truth, which no actigraph writes
counts[600:720], off[600:720] = 0, True
counts[660] = 40  # somebody bumped into the drawer
not_worn = find_non_wear_choi(counts)
figure, axes = plt.subplots(figsize=(10, 2.2), layout="constrained")
axes.plot(np.arange(1440) / 60, counts, color="0.3", lw=0.8)
axes.fill_between(
    np.arange(1440) / 60, 0, counts.max(), where=not_worn, color="C3", alpha=0.2, lw=0, label="not worn (choi)"
)
axes.fill_between(np.arange(1440) / 60, -600, -100, where=off, color="0.6", lw=0, label="really not worn (simulated)")
axes.set(xlabel="hour of the day", ylabel="counts/min", xlim=(0, 24), xticks=plots.HOURS)
axes.legend(frameon=False, loc="upper right")
plt.show()

# %% [markdown]
# ## Recordings of people
#
# `lsmlib.datasets` knows public data sets of people who wore devices: a card each, where to get them, and a loader. None
# lies in this repository. Put one folder a data set into one place, and run the notebooks with `make tutorial DATA=place`.

# %%
pd.DataFrame(
    [(card.title, card.people, card.device, card.licence, card.page) for card in datasets.CARDS.values()],
    columns=["data set", "people", "device", "licence", "source"],
    index=pd.Index(datasets.CARDS, name="name"),
)

# %%
place = os.environ.get("LSMLIB_DATA")
here = [name for name in datasets.CARDS if place and (Path(place) / name).is_dir()]
recorded = {name: datasets.load(name, Path(place) / name).compute() for name in here}
is_real = "fitbit" in recorded
print("recordings of people here:", ", ".join(here) or "none")

# %% [markdown]
# Where the Fitbit recordings are not at hand, a **simulated stand-in** takes their place below: other simulated people, in
# Fitabase's format, read back. Then "real" means the stand-in, figures say so, and comparing comes out too well.

# %%
if not is_real:
    stand_in = lsmlib.simulate_cohort(people=range(1000, 1012), days=4, seed=SEED)
    samples.write_fitabase(stand_in, folder / "stand-in")
    recorded["fitbit"] = lsmlib.read_fitabase(folder / "stand-in").compute()
REAL = "recorded" if is_real else "stand-in (simulated)"
fitbit = recorded["fitbit"]
lsmlib.describe_reading(fitbit)

# %% [markdown]
# Days without a single step are days in a drawer. We ask for the rule by its name, and see what it costs.

# %%
steps = fitbit["signals"].sel(signal="steps").values
complete = np.isfinite(steps).all(axis=1)
stepless = complete & (np.nan_to_num(steps).sum(axis=1) == 0)
has_heart = np.isfinite(fitbit["signals"].sel(signal="heart_rate").values).any(axis=1)
worn = fitbit.isel(day=np.flatnonzero(~stepless | has_heart))
print(
    f"{complete.sum()} complete days of steps, {stepless.sum()} of them without a step; {worn.sizes['day']} days kept"
)

# %% [markdown]
# ## What real gaps look like
#
# Each row is a day, dark where heart rate was measured. A simulated cohort stands beside it. Look before you compare: in the
# table of Fitbit minutes that circulates, heart rate was cut to the same hours of the clock on every day of a person, and
# gaps of up to an hour were filled in. Its edges are somebody's spreadsheet, and its share of missing says nothing.

# %%
size = lsmlib.profile(PROFILE)
simulated = lsmlib.simulate_cohort(people=min(size.people, 150), days=min(size.days, 3), seed=SEED + 1)
drawn = ((REAL, worn, "-"), ("simulated", simulated, "--"))
hearts = {name: cohort["signals"].sel(signal="heart_rate").values for name, cohort, _ in drawn}
hearts = {name: values[np.isfinite(values).any(axis=1)] for name, values in hearts.items()}
figure, axes = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
for panel, (name, values) in zip(axes, hearts.items(), strict=True):
    shown = values[np.linspace(0, len(values) - 1, min(len(values), 130)).astype(int)]
    panel.imshow(np.isfinite(shown), aspect="auto", cmap="Greys", interpolation="none", extent=(0, 24, len(shown), 0))
    panel.set(title=f"{name}: {np.isnan(values).mean():.0%} missing", xticks=plots.HOURS, xlabel="hour", ylabel="day")
plt.show()


# %%
def gap_lengths(values):
    """Lengths of all runs of gaps, in minutes."""
    edges = np.diff(np.pad(np.isnan(values), ((0, 0), (1, 1))).astype(np.int8), axis=1)
    return np.nonzero(edges == -1)[1] - np.nonzero(edges == 1)[1]


figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for (name, values), line in zip(hearts.items(), ("-", "--"), strict=True):
    sns.ecdfplot(gap_lengths(values), label=name, ls=line, ax=axes)
axes.set(xscale="log", xlabel="length of a gap in heart rate (minutes)", ylabel="share of gaps at most as long")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# Other gaps nobody made. If Depresjon is at hand, look at 30 March 2003: there was no hour from two to three in Norway.

# %%
if "depresjon" in recorded:
    lost = np.isnan(recorded["depresjon"]["counts"].values)
    spring = recorded["depresjon"]["date"].values == np.datetime64("2003-03-30")
    print(
        spring.sum(), "days of that date; minutes without a count:", np.flatnonzero(lost[spring].all(axis=0))[[0, -1]]
    )

# %% [markdown]
# So a gap may be a habit, a flat battery, a law, or an editor, and only the first two are the device's. LSM-2's gaps, on which
# ours are modelled, are those of a device with many sensors that nobody edited.
#
# ## A real and a simulated day

# %%
whole = np.isfinite(worn["signals"].sel(signal=["heart_rate", "steps"]).values).all(axis=2).sum(axis=1)
plots.plot_signals(worn, day=int(whole.argmax()), signals=["heart_rate", "steps"])

# %%
whole = np.isfinite(simulated["signals"].sel(signal=["heart_rate", "steps"]).values).all(axis=2).sum(axis=1)
plots.plot_signals(simulated, day=int(whole.argmax()), signals=["heart_rate", "steps"])

# %% [markdown]
# ## Minute by minute
#
# How are waking minutes (8:00 to 22:00) distributed? The Kolmogorov-Smirnov distance is the largest vertical gap between two
# curves. In the Fitbit recordings four people wore a pulse sensor, so part of its distance is who they are.

# %% tags=["long"]
ks = {signal: realism.ks_distance(worn, simulated, signal) for signal in ("heart_rate", "steps")}
figure, axes = plt.subplots(1, 2, figsize=(11, 3), layout="constrained")
for panel, signal in zip(axes, ks, strict=True):
    for name, cohort, line in drawn:
        sns.ecdfplot(realism.minute_values(cohort, signal), label=name, ls=line, ax=panel)
    unit = lsmlib.SIGNALS[lsmlib.SIGNAL_NAMES.index(signal)].unit
    panel.set(
        xlabel=f"{signal.replace('_', ' ')} ({unit})",
        ylabel="share of minutes below",
        title=f"distance {ks[signal]:.3f}",
    )
axes[1].set(xscale="symlog", xlim=(0, 250), ylim=(0.6, 1.01))
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# And over the day? The mean of every quarter of an hour:

# %%
profile_correlation = {s: realism.profile_correlation(worn, simulated, s) for s in ("heart_rate", "steps")}
figure, axes = plt.subplots(1, 2, figsize=(11, 3), layout="constrained")
for panel, (signal, correlation) in zip(axes, profile_correlation.items(), strict=True):
    for name, cohort, line in drawn:
        panel.plot(np.arange(96) / 4, realism.daily_profile(cohort, signal), line, label=name)
    unit = lsmlib.SIGNALS[lsmlib.SIGNAL_NAMES.index(signal)].unit
    panel.set(xticks=plots.HOURS, xlabel="hour of the day", ylabel=f"mean {signal.replace('_', ' ')} ({unit})")
    panel.set_title(f"correlation {correlation:.2f}")
axes[0].legend(frameon=False)
plt.show()

# %% [markdown]
# From one minute to the next: how long a heart rate remembers itself, and how walking starts and stops.

# %%
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
for name, cohort, line in drawn:
    axes[0].plot(realism.autocorrelation(cohort, "heart_rate"), line, marker="o", label=name)
axes[0].set(xscale="log", xlabel="minutes later", ylabel="autocorrelation of heart rate", ylim=(0, 1))
axes[0].legend(frameon=False)
for panel, (name, cohort, _) in zip(axes[1:], drawn, strict=True):
    sns.heatmap(
        realism.step_transitions(cohort), annot=True, fmt=".2f", cmap="Blues", vmin=0, vmax=1, cbar=False, ax=panel
    )
    panel.set(title=f"steps, {name}", xlabel="next minute", ylabel="minute")
plt.show()

# %% [markdown]
# ## The judge
#
# Curves can agree while days do not. A **classifier two-sample test** lets boosted trees look at hours of (heart rate, steps)
# from both sides and guess which are real. It is tested on people whom it never saw, real or simulated. An AUROC of 0.5
# would mean that it is guessing, 1 that no simulated hour passes. To know what chance alone does with so few people, it also
# judges other simulated people against the same ones. (Among people alike it may come out below a half: what those in training
# have more of, those in the test have less of.)

# %%
asked = worn if PROFILE != "smoke" else worn.isel(day=slice(None, None, max(worn.sizes["day"] // 60, 1)))
judged = realism.two_sample_test(asked, simulated, seed=SEED)
others = lsmlib.simulate_cohort(people=range(5000, 5030), days=3, seed=SEED + 1)
chance = realism.two_sample_test(others, simulated, seed=SEED)
low, high = judged.interval
print(f"AUROC {judged.auroc:.3f} (95 % interval over folds {low:.3f} to {high:.3f})")
print(f"{judged.real_windows} {REAL} hours, {judged.simulated_windows} simulated")
print(f"simulated against simulated: {chance.auroc:.3f} ({chance.interval[0]:.3f} to {chance.interval[1]:.3f})")
print("by fold:", {who: round(score, 2) for who, score in judged.by_fold.items()})

# %% [markdown]
# What gives the simulation away? The AUROC that is lost when one feature is shuffled among the hours of held-out people.
# "heart_rate minute" is all sixty minutes at once, hence mostly its level; "answer to steps" is how heart rate goes with steps
# so many minutes before; "still" are minutes far from any step.

# %%
figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
top = judged.importance.head(10)
sns.barplot(x=top.to_numpy(), y=top.index, color="C0", ax=axes)
axes.set(xlabel="AUROC lost", ylabel="")
plt.show()

# %% [markdown]
# ## Signals of other devices
#
# Heart rate variability of healthy men (MMASH), skin conductance and skin temperature in a laboratory (Stress-Predict):
# neither is daily life with a wristband, and the MMASH table has variability of single minutes where the Cohort's signals look
# back on five. So their distributions may differ from the simulated ones without fault; orders of magnitude may not.

# %% tags=["long"]
pairs = [
    ("mmash", "rmssd"),
    ("mmash", "sdnn"),
    ("stress_predict", "skin_conductance"),
    ("stress_predict", "skin_temperature"),
]
figure, axes = plt.subplots(1, 4, figsize=(12, 2.8), layout="constrained")
for panel, (name, signal) in zip(axes, pairs, strict=True):
    real = [(f"recorded ({name})", recorded[name], "C0", "-")] if name in recorded else []
    for label, cohort, colour, line in (*real, ("simulated", simulated, "C1", "--")):
        values = cohort["signals"].sel(signal=signal).values
        values = values[np.isfinite(values)][::7]
        sns.kdeplot(values, label=label, color=colour, ls=line, ax=panel, cut=0, bw_adjust=1.5)
    unit = lsmlib.SIGNALS[lsmlib.SIGNAL_NAMES.index(signal)].unit
    panel.set(xlabel=f"{signal.replace('_', ' ')} ({unit})", ylabel="density" if panel is axes[0] else "", yticks=[])
    panel.set_ylim(0, 1.35 * panel.get_ylim()[1])  # room for the legend
    panel.legend(frameon=False, fontsize=7, loc="upper right")
axes[2].set_xlim(0, 20)
plt.show()

# %% [markdown]
# Real recordings bring real labels. In the laboratory (Stress-Predict) people calculated, spoke and hyperventilated under
# pressure. Each line is one person, at rest and under stress.

# %% tags=["long"]
if "stress_predict" in recorded:
    session = recorded["stress_predict"]
    stress = session["stress"].values
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
    for panel, signal in zip(axes, ("heart_rate", "skin_conductance"), strict=True):
        values = session["signals"].sel(signal=signal).values
        rest, task = (
            np.array(
                [np.nanmean(v[s == code]) if (s == code).any() else np.nan for v, s in zip(values, stress, strict=True)]
            )
            for code in (0, 1)
        )
        panel.plot([0, 1], [rest, task], color="0.7", lw=0.8, marker="o", ms=3)
        unit = lsmlib.SIGNALS[lsmlib.SIGNAL_NAMES.index(signal)].unit
        panel.set(
            xticks=[0, 1],
            xticklabels=["rest", "stress"],
            xlim=(-0.3, 1.3),
            ylabel=f"{signal.replace('_', ' ')} ({unit})",
        )
        both = np.isfinite(rest) & np.isfinite(task)
        panel.set_title(f"higher in {(task > rest)[both].sum()} of {both.sum()} people", fontsize=9)
    plt.show()
else:
    print("stress_predict is not here:", datasets.CARDS["stress_predict"].page)

# %% [markdown]
# And movement of patients with depression and of controls (Depresjon), by the hour of the day: as log energy, the one of the
# 26 signals that activity counts can stand for.

# %% tags=["long"]
if "depresjon" in recorded:
    motion = recorded["depresjon"]
    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    for code, name, line in ((1, "patients", "-"), (0, "controls", "--")):
        group = motion.isel(day=np.flatnonzero(motion["depression"].values == code))
        profile = realism.daily_profile(group, "log_energy")
        axes.plot(np.arange(96) / 4, profile, line, label=f"{name}, {group.sizes['day']} days")
    axes.set(xticks=plots.HOURS, xlabel="hour of the day", ylabel="mean log energy (a.u.)")
    axes.legend(frameon=False)
    plt.show()
else:
    print("depresjon is not here:", datasets.CARDS["depresjon"].page)

# %% [markdown]
# ## Exercises
#
# 1. Steps of one person came from a phone and a watch, in one table with a column `device`. Read it so that no step counts
#    twice.
# 2. How different are two real people? Compare the Kolmogorov-Smirnov distance between two people's waking heart rates with
#    that between real and simulated ones.

# %% [markdown]
# **Solution 1.** Both devices count the same legs, so in each minute one of them may speak: read them apart, and take the
# phone's minutes only where the watch has none.

# %% tags=["solution"]
two = pd.DataFrame({"time": np.tile(pd.date_range("2024-03-04 09:00", periods=4, freq="min"), 2)})
two["steps"], two["device"] = [90, 100, np.nan, np.nan, 80, 95, 70, 60], ["watch"] * 4 + ["phone"] * 4
watch, phone = (
    lsmlib.read_table(part, {"steps": "steps"}, person=None) for _, part in two.groupby("device", sort=False)
)
walked = watch["signals"].fillna(phone["signals"]).sel(signal="steps").values[0, 540:544]
assert walked.tolist() == [90, 100, 70, 60]

# %% [markdown]
# **Solution 2.** People differ from each other so much that a few of them are no population, and that a model must never see
# one person on both sides of a split.

# %% tags=["solution"]
has_pulse = np.isfinite(worn["signals"].sel(signal="heart_rate").values).any(axis=1)
people = pd.unique(worn["person"].values[has_pulse])
waking = [
    realism.minute_values(worn.isel(day=np.flatnonzero(worn["person"].values == who)), "heart_rate") for who in people
]
between = [
    np.abs([(a <= x).mean() - (b <= x).mean() for x in range(40, 180)]).max()
    for i, a in enumerate(waking)
    for b in waking[:i]
]
print(f"between two people: median {np.median(between):.2f}; between {REAL} and simulated: {ks['heart_rate']:.2f}")

# %% [markdown]
# ## Against the papers
#
# | | reported | ours | why they differ |
# |---|---|---|---|
# | recordings | 60,440 people, 26 signals each, private (LSM-2) | five public sets with 1 to 5 of the signals | nobody publishes all 26 |
# | gaps | mean 49 % missing, no complete day (LSM-2) | heart rate of Fitbit wearers above, edited | real steps are never missing: zeros stand for non-wear |
# | heart rate | population mean 76.0, sd 16.2 bpm (SensorLM's code) | the curves above | the four Fitbit wearers are not a population |
# | realism of a simulation | neither paper simulates | AUROC of the judge above | |
#
# **Next**: notebook 03 will build LSM-1, a masked autoencoder for windows of five hours, from nothing.

# %% tags=["numbers"]
{
    "recordings_of_people": int(is_real),
    "complete_days": int(complete.sum()),
    "stepless_days": int(stepless.sum()),
    "ks_steps": round(ks["steps"], 4),
    "ks_heart_rate": round(ks["heart_rate"], 4),
    "profile_correlation_steps": round(profile_correlation["steps"], 4),
    "profile_correlation_heart_rate": round(profile_correlation["heart_rate"], 4),
    "two_sample_auroc": round(judged.auroc, 4),
    "chance_auroc": round(chance.auroc, 4),
}
