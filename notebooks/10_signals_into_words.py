# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/10_signals_into_words.ipynb)
#
# # 10 · Signals into words
#
# To teach a model what signals mean in words, somebody has to write about millions of days. Nobody does; so the words are made from
# the signals themselves. Then every sentence had better be true, and one should be able to tell.

# %% [markdown]
# **What** you will see: captions of days at three levels; the same caption drawn over its day; every number computed again by
# pandas; trends and peaks that were planted, found, and none found in noise; text read back into facts, and lies caught;
# a tokenizer trained on captions.
# **Time**: three minutes on a laptop. **Hardware**: any; nothing here needs a GPU.

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
from collections import Counter
from textwrap import fill
from time import perf_counter

import jax
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import lsmlib
from lsmlib import plots, plots_captions
from lsmlib.evaluate.captioning import judge_facts, score_captions
from lsmlib.text import (
    BIN_MINUTES,
    LEVELS,
    TEMPLATES,
    bin_minutes,
    caption_days,
    find_facts,
    find_structure,
    parse_caption,
    train_tokenizer,
)

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0
plots.set_style()

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# ## Three levels
#
# SensorLM describes a day at three levels. **Statistical**: means, extremes and deviations of its signals. **Structural**: what
# rises, falls and peaks, and when. **Semantic**: what the wearer did, slept and felt, as logged. Each can be had alone, or with
# the others.

# %%
cohort = lsmlib.simulate_cohort(people=60 if PROFILE == "smoke" else 400, days=3, seed=SEED)
captions = caption_days(cohort, seed=SEED)
length = [len(caption.sentences) for caption in captions]
logged = [sum(one.level == "semantic" for one in caption.sentences) for caption in captions]
day = int(np.argmax(np.array(logged) - 0.1 * np.array(length)))  # one with much in its log, and not too long
print(*(fill(line, 118) for line in captions[day].text.splitlines()), sep="\n\n")

# %% [markdown]
# A paragraph a level. What was not measured is not described: a signal with less than half an hour of readings is not mentioned, and a
# trend never leads over a long gap. That is not a matter of course; captions that describe *filled-in* signals
# describe the filler.
#
# ## Over the day that it describes
#
# A sentence is not only text. It carries the **facts** that it states, as data, so they can be drawn: the numbers are those of the
# sentences.

# %%
plots_captions.plot_caption(cohort, day, captions[day])

# %%
sentence = next(one for one in captions[day].sentences if one.level == "structural")
print(sentence.text)
pd.DataFrame(sentence.facts)

# %% [markdown]
# ## Is it true?
#
# Let pandas compute all means, extremes and deviations of all days again, from observed minutes, and compare them with what the sentences
# print, digit by digit.

# %% tags=["long"]
names, units = [signal.name for signal in lsmlib.SIGNALS], {signal.name: signal.unit for signal in lsmlib.SIGNALS}
compute = {"mean": "mean", "sd": "std", "minimum": "min", "maximum": "max", "minutes": "count"}
compared, wrong = 0, []
for caption, values in zip(captions, cohort["signals"].values, strict=True):
    frame = pd.DataFrame(values.astype(float), columns=names)
    for fact in caption.facts:
        if fact.level != "statistical":
            continue
        truth, printed = getattr(frame[fact.subject], compute[fact.statistic])(), str(fact.value)
        digits = len(printed.partition(".")[2]) if fact.statistic != "minutes" else 0
        compared += 1
        if abs(truth - fact.value) > 0.5000001 * 10.0**-digits:
            wrong.append((fact, truth))
print(f"{compared:,} numbers of {len(captions)} captions compared, {len(wrong)} wrong")

# %% [markdown]
# Trends and peaks have no such second opinion, but one can plant them. Take noise that drifts like a real signal's, add a
# peak of half an hour, or a rise of some hours, and see whether the detectors, which know only half-hour bins and how much they
# vary, find it at the right time. And in noise alone they should find nothing.

# %% tags=["long"]
draw = np.random.default_rng(SEED)
tries = 300
quiet = draw.standard_normal((tries, 1440)).astype(np.float32)
with_peak, with_rise = quiet.copy(), quiet.copy()
peaks, rises = draw.integers(4, 44, tries), draw.integers(2, 30, tries)
for row, (peak, rise) in enumerate(zip(peaks, rises, strict=True)):
    with_peak[row, peak * BIN_MINUTES : (peak + 1) * BIN_MINUTES] += 4
    begin, end = rise * BIN_MINUTES, (rise + 12) * BIN_MINUTES  # six hours
    with_rise[row, begin:end] += np.linspace(0, 6, end - begin)
    with_rise[row, end:] += 6
gaps = draw.random((tries, 1440)) < 0.3
found = {
    name: find_structure(bin_minutes(np.where(gaps, np.nan, rows)))
    for name, rows in {"noise": quiet, "a peak": with_peak, "a rise": with_rise}.items()
}

# %%
right_peak = np.mean(
    [any(f.statistic == "peak" and f.first == p for f in row) for row, p in zip(found["a peak"], peaks, strict=True)]
)
right_rise = np.mean(
    [
        any(f.statistic == "rise" and abs(f.first - r) <= 1 for f in row)
        for row, r in zip(found["a rise"], rises, strict=True)
    ]
)
false_alarms = np.mean([len(row) > 0 for row in found["noise"]])
print(f"peaks found in the right half hour: {right_peak:.1%}; rises that begin within a bin of it: {right_rise:.1%}")
print(f"days of noise in which anything was found: {false_alarms:.1%}")

# %% tags=["long"]
figure, axes = plt.subplots(1, 3, figsize=(12, 3), sharey=True, layout="constrained")
shown = zip(axes, found.items(), (quiet, with_peak, with_rise), strict=True)
for axis, (name, rows), values in shown:
    seen = np.where(gaps[0], np.nan, values[0])
    hours = np.arange(1440) / 60
    axis.plot(hours, seen, ".", color="0.75", ms=2, label="minutes")
    middle = (np.arange(48) + 0.5) * BIN_MINUTES / 60
    axis.plot(middle, bin_minutes(seen[None]).mean[0], "k.-", lw=1, label="half hours")
    for one in rows[0]:
        axis.axvspan(one.first / 2, (one.last + 1) / 2, color="C3", alpha=0.25, lw=0)
    axis.set_title(f"{name}: {', '.join(one.statistic for one in rows[0]) or 'nothing'} found", loc="left", fontsize=10)
    axis.set(xlabel="hour of the day", xticks=range(0, 25, 6))
axes[0].set_ylabel("sd of the noise")
axes[0].legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown]
# ## Many words for one thing
#
# A model that always reads the same sentence learns the sentence. So there are many templates for each kind of fact, drawn anew
# for each sentence; what is told stays the same.

# %%
told = [caption_days(cohort.isel(day=[day]), "structural", seed=seed)[0].sentences[0] for seed in range(4)]
assert len({one.facts for one in told}) == 1
print(*(one.text for one in told), sep="\n")
print("templates:", {kind: len(templates) for kind, templates in TEMPLATES.items()})

# %% [markdown]
# ## Back from words to facts
#
# `parse_caption` is the inverse: it reads sentences back into facts. It does so exactly for every caption, which is what makes
# *generated* text judgeable: a fluent sentence with a wrong number is a wrong sentence.

# %%
same = [parse_caption(caption.text).facts == caption.facts for caption in captions]
print(f"{sum(same)} of {len(same)} captions are read back into exactly their facts")
print(parse_caption("The quick brown fox had a heart rate. It was 99.9 today!").facts)

# %% [markdown]
# Now somebody lies: one number in a caption is changed. Its facts are looked up in the day.

# %% tags=["long"]
lies = captions[day].text
mean = next(fact for fact in captions[day].facts if fact.subject == "heart_rate" and fact.statistic == "mean")
lies = lies.replace(f"{mean.value:.1f}", f"{mean.value + 25:.1f}", 1)
truth = find_facts(cohort.isel(day=[day]))[0]
judged = judge_facts(parse_caption(lies).facts, truth)
print(f"{sum(one.is_true for one in judged)} of {len(judged)} facts are true; those that are not:")
for one in judged:
    if not one.is_true:
        print(f"   stated {one.fact.subject} {one.fact.statistic} {one.fact.value}; measured {one.measured.value}")

# %% [markdown]
# Why not compare words, as BLEU and its kin do? Give every day the caption of *another* day. It has the right words in the right order
# and is about somebody else.


# %% tags=["long"]
def overlap(text, reference):
    """F1 of the words that two texts share."""
    ours, theirs = Counter(text.split()), Counter(reference.split())
    return 2 * sum((ours & theirs).values()) / max(ours.total() + theirs.total(), 1)


texts = [caption.text for caption in captions]
others = texts[3:] + texts[:3]  # of the next person
reworded = [caption.text for caption in caption_days(cohort, seed=SEED + 1)]
rows = {}
for name, candidates in {"its own": texts, "its own, reworded": reworded, "another day's": others}.items():
    words = float(np.mean([overlap(a, b) for a, b in zip(candidates, texts, strict=True)]))
    rows[name] = {"shared words (F1)": words} | score_captions(candidates, cohort).loc["all"].to_dict()
truthfulness = pd.DataFrame(rows).T
truthfulness[["shared words (F1)", "precision", "recall", "value_error", "time_error"]].round(3)

# %%
figure, axis = plt.subplots(figsize=(7, 2.6), layout="constrained")
truthfulness[["shared words (F1)", "precision", "recall"]].plot.barh(ax=axis)
axis.set(xlabel="share", xlim=(0, 1))
axis.invert_yaxis()
axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
plt.show()

# %% [markdown]
# Words alone hardly tell a true caption in other words from a false one. Facts do. Notebook 12 judges generated captions by both.
#
# ## Words into numbers
#
# A text encoder reads tokens. The tokenizer is a byte-level BPE (Hugging Face's `tokenizers`), trained on captions: frequent words
# become one token, every digit stays one, nothing is unknown.

# %%
tokenizer = train_tokenizer(texts, vocabulary_size=2048)
some = captions[day].sentences[0].text
ids = tokenizer.encode([some])
print(f"{tokenizer.vocabulary_size} tokens.", "|".join(tokenizer.decode([[i]])[0] for i in ids[0, 1:-1].tolist()))
round_trip = tokenizer.decode(tokenizer.encode(texts)) == texts
print("every caption comes back as it was:", round_trip)

# %%
figure, axis = plt.subplots(figsize=(8, 3), layout="constrained")
for level in LEVELS:
    of_level = [one.text for one in caption_days(cohort, level, seed=SEED)]
    axis.hist(tokenizer.measure(of_level), bins=np.arange(0, 700, 20), histtype="step", lw=1.5, label=level)
axis.set(xlabel="tokens of a caption", ylabel="captions")
axis.legend(frameon=False)
plt.show()

# %% [markdown]
# ## How fast?
#
# Captions can be made while a model trains, if they are made fast enough.

# %%
started = perf_counter()
caption_days(cohort, seed=SEED + 2)
rate = cohort.sizes["day"] / (perf_counter() - started)
print(f"{rate:,.0f} days a second, all three levels")

# %% [markdown]
# ## Exercises
#
# 1. Describe a day after its gaps were filled along straight lines. Which numbers change, and by how much? Who is being described?
# 2. Leave "walk" out of all captions, as for an experiment with unseen classes. Does any caption still mention it?
# 3. What do the detectors find if a signal is constant all day? If it is missing but for two hours?

# %% [markdown]
# **Solution 1.**

# %% tags=["solution"]
filled = lsmlib.cut_windows(cohort, minutes=1440, max_missing=0.999)["signals"].values
both = [
    pd.DataFrame(values[day], columns=names)[["heart_rate", "skin_conductance", "steps"]]
    for values in (cohort["signals"].values, filled)
]
pd.concat(
    {"measured": both[0].agg(["mean", "std", "count"]), "filled in": both[1].agg(["mean", "std", "count"])}, axis=1
).round(2)

# %% [markdown]
# The wearer, as long as it is measured; the straight line, elsewhere: deviations shrink, and means follow whatever stood at the edges of
# the gaps.
#
# **Solution 2.**

# %% tags=["solution"]
without = caption_days(cohort, seed=SEED, leave_out=["walk"])
{
    "with": sum(fact.subject == "walk" for caption in captions for fact in caption.facts),
    "without": sum(fact.subject == "walk" for caption in without for fact in caption.facts),
}

# %% [markdown]
# **Solution 3.** Nothing, in both: a constant has no range, and two hours are four bins.

# %% tags=["solution"]
constant, short = np.full((1, 1440), 70.0), np.full((1, 1440), np.nan)
short[0, 600:720] = np.linspace(60, 120, 120)
[find_structure(bin_minutes(values)) for values in (constant, short)]

# %% [markdown]
# ## Against the paper
#
# | | reported | ours | why they differ |
# |---|---|---|---|
# | levels | statistical, structural, semantic | the same | |
# | signals described | imputed ones, in the released captioner | observed minutes only | so that every sentence can be checked |
# | templates | not all known to us | our own | |
# | how true captions are | not measured | every fact, above | |
# | text tokens | 32,000, of web text (as read in the released configuration) | learned from captions | captions use few words |
#
# **Next**: notebook 11 trains SensorLM on days and their captions.

# %% tags=["numbers"]
{
    "numbers_wrong": float(len(wrong)),
    "peaks_found": round(float(right_peak), 3),
    "rises_found": round(float(right_rise), 3),
    "false_alarms": round(float(false_alarms), 3),
    "read_back": float(np.mean(same)),
    "precision_own": round(float(truthfulness.loc["its own, reworded", "precision"]), 3),
    "precision_of_another_day": round(float(truthfulness.loc["another day's", "precision"]), 3),
    "shared_words_of_another_day": round(float(truthfulness.loc["another day's", "shared words (F1)"]), 3),
    "round_trip": float(round_trip),
    "days_a_second": round(rate),
}
