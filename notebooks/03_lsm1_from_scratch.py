# %% [markdown]
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/your_account/large-sensor-models/blob/main/notebooks/03_lsm1_from_scratch.ipynb)
#
# # 03 · LSM-1 from scratch
#
# Hide four fifths of five hours of somebody's signals, and ask a network to fill them in. To do it well it has to learn how
# a heart follows steps, how skin cools after sweat, what a night looks like; nobody has to label anything. That is LSM-1: a
# masked autoencoder. Here we write one, small enough to read in one sitting.

# %% [markdown]
# **What** you will see: windows as images; patches and positions; random hiding with exact counts; a transformer block; an
# encoder that never computes what it does not see; a decoder; the loss; training; and at the end `lsmlib.LSM1` with the same
# weights, which gives the same loss.
# **Time**: five minutes on a laptop. **Hardware**: any; the same code runs on CPU, GPU and TPU.

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
from functools import partial

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from tqdm.auto import tqdm

import lsmlib
from lsmlib import plots, plots_models
from lsmlib.nn.attention import attention

print("jax", jax.__version__, "on", jax.devices())

# %%
SEED = 0
plots.set_style()

# %% tags=["parameters"]
PROFILE = "laptop"

# %% [markdown]
# ## Five hours as an image
#
# LSM-1 reads windows of 300 minutes × 26 signals, as an image with one channel. It knows no gaps: only windows with at most a
# fifth missing are used, and what is missing in them is interpolated first. Every other choice of the paper follows from
# this image.

# %%
size = lsmlib.profile(PROFILE)
cohort = lsmlib.simulate_cohort(people=min(size.people, 500), days=min(size.days, 4), seed=SEED)
train, valid, _ = lsmlib.split_people(cohort, (0.8, 0.1, 0.1), seed=SEED)
train, valid = (lsmlib.cut_windows(part, stride=60) for part in (train, valid))
days = 0.8 * cohort.sizes["day"]
print(
    f"{train.sizes['day']:,} windows, one every hour where enough was measured, from about {days:,.0f} days of training"
)

# %% [markdown]
# The filter is strict. A day offers twenty starts an hour apart; how many of them does it keep? And how much of what is kept
# was not measured at all, but filled in? LSM-2 (notebook 08) was written to need neither.

# %%
kept_share = train.sizes["day"] / (days * 20)
filled_in = 1 - float(train["observed"].mean())
print(f"{kept_share:.0%} of the possible windows are kept; {filled_in:.1%} of the readings in them are filled in")

# %% [markdown]
# Models see z-scores, clipped to ±5. One window, and the same window as numbers:

# %%
signals = lsmlib.normalise(valid["signals"].values)
row = int(np.argmax(valid["signals"].sel(signal="steps").sum("minute").values))  # a lively one
image = signals[row]
figure, axis = plt.subplots(figsize=(10, 4), layout="constrained")
drawn = plots_models.draw_image(axis, image, title=f"one window: {image.shape[0]} minutes, {image.shape[1]} signals")
figure.colorbar(drawn, label="standard deviations from the population mean", extend="both", pad=0.01)
plt.show()

# %% [markdown]
# ## Patches
#
# A transformer reads a sequence of vectors. LSM-1 cuts the image into patches of 10 minutes × 5 signals, 50 numbers each. 26 is
# not a multiple of 5, so four empty signals are added: 30 × 6 = **180 tokens**. (Whether the paper pads or crops is not
# known to us.) A reshape and a transpose do it:


# %%
MINUTES, SIGNALS, ROWS, COLUMNS = 10, 5, 30, 6


def to_patches(signals):  # [b, t, s] → [b, n, 50]
    padded = jnp.pad(signals, [(0, 0), (0, 0), (0, 4)])
    split = padded.reshape(-1, ROWS, MINUTES, COLUMNS, SIGNALS)
    return split.transpose(0, 1, 3, 2, 4).reshape(-1, ROWS * COLUMNS, MINUTES * SIGNALS)


to_patches(signals).shape

# %% [markdown]
# Token 6 should hold minutes 10 to 19 of the first five signals. And which of its 50 numbers are real, rather than padding?
# In the last column of patches only one signal in five.

# %%
np.testing.assert_array_equal(to_patches(signals)[0, 6].reshape(10, 5), signals[0, 10:20, :5])
real = np.asarray(to_patches(np.ones((1, 300, 26)))[0], bool)  # [n, 50]
print("real numbers in the patches of the first ten minutes:", real[:6].sum(axis=1))

# %%
figure, axis = plt.subplots(figsize=(10, 4), layout="constrained")
plots_models.draw_image(axis, image, title="180 patches of 10 minutes × 5 signals")
axis.vlines(np.arange(0, 301, 10), 0, 26, color="white", lw=0.8)
axis.hlines(np.arange(0, 27, 5), 0, 300, color="white", lw=0.8)
plt.show()

# %% [markdown]
# ## Hiding
#
# 144 of the 180 tokens are hidden, drawn anew in every step and for every window. Not with a coin for each token, which would
# leave 36 of them on average only: then every sample had another length. Sorting random noise and keeping the 36 smallest
# gives **exact counts**, so all shapes are fixed.


# %%
KEPT = 36


def keep_tokens(key, batch):  # → [b, 36], the numbers of the tokens that stay
    noise = jax.random.uniform(key, (batch, ROWS * COLUMNS))
    return jnp.argsort(noise, axis=1)[:, :KEPT]


kept = keep_tokens(jax.random.key(SEED), len(signals))
hidden = jnp.ones((len(signals), 180), bool).at[jnp.arange(len(signals))[:, None], kept].set(False)
np.unique(hidden.sum(axis=1))

# %%
cells = np.asarray(hidden[row]).reshape(ROWS, COLUMNS).repeat(MINUTES, 0).repeat(SIGNALS, 1)[:, :26]
figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), sharey=True, layout="constrained")
plots_models.draw_image(axes[0], image, title="measured")
plots_models.draw_image(axes[1], np.where(cells, np.nan, image), title="what the encoder reads")
plt.show()

# %% [markdown]
# Why so much? Neighbouring minutes say nearly the same. Hide a fifth, and drawing a straight line between what is left is
# good enough; hide four fifths, and a line has nothing to start from: the network must know what goes with what. It also
# makes the encoder cheap, as we shall see.

# %% [markdown]
# ## Where a token stands
#
# Attention treats its input as a set. So each token gets its place added, as sines and cosines: half of the vector for
# time, half for the place among signals. Nothing about the date or the hour: five hours are five hours.
#
# The waves should fit the grid: the usual longest one, 10,000 · 2π places, is made for long texts, and over 30 places it
# does not move. Ours is 30 · 2π. And they should be loud enough to be heard beside what a patch holds: four times the
# usual height. Both speed learning up greatly (the figures stand in `lsmlib/nn/positions.py`); exercise 4 looks at it.


# %%
def sincos(place, width):
    angle = place[:, None] * 30.0 ** -(np.arange(width // 2) / (width // 2))
    return jnp.concatenate([jnp.sin(angle), jnp.cos(angle)], axis=1)


def positions(width):  # [n, w]
    time, signal = np.divmod(np.arange(ROWS * COLUMNS), COLUMNS)
    return 4 * jnp.concatenate([sincos(time, width // 2), sincos(signal, width // 2)], axis=1)


# %% [markdown]
# Products of positions tell how alike two places look. Token 87 stands in row 14, column 3: brightest there, then its own
# row and column, then what is near.

# %%
alike = (positions(64) @ positions(64)[87]).reshape(ROWS, COLUMNS).T
figure, axis = plt.subplots(figsize=(8, 2.2), layout="constrained")
mesh = axis.imshow(alike, aspect="auto", cmap="viridis", origin="upper")
axis.set(xlabel="patch in time (10 minutes)", ylabel="patch among\nsignals", title="likeness to token 87")
figure.colorbar(mesh, label="product")
plt.show()

# %% [markdown]
# ## A transformer block
#
# All weights live in one dictionary from name to array, with the names that `lsmlib` uses, so that the two can be compared at
# the end. Three small functions: a linear layer, layer norm, and attention with several heads.


# %%
def linear(weights, name, x):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def norm(weights, name, x):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
    return scaled * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


# %%
def attend(query, key, value):  # [b, n, h, c]: every token asks every token
    scores = jnp.einsum("bnhc,bmhc->bhnm", query, key) / np.sqrt(query.shape[-1])
    return jnp.einsum("bhnm,bmhc->bnhc", jax.nn.softmax(scores), value)


# %% [markdown]
# `lsmlib` owns one attention function with several kernels (fused on GPUs, blocked in a CPU's cache). All must give what
# these two lines give.

# %%
three = jax.random.normal(jax.random.key(1), (3, 2, 36, 4, 16))
np.testing.assert_allclose(attend(*three), attention(*three), atol=1e-5)

# %% [markdown]
# A block is attention among tokens and then two linear layers at each token, both *added* to what comes in.


# %% tags=["long"]
def block(weights, name, x, heads):
    b, n, w = x.shape
    stacked = linear(weights, f"{name}/query_key_value", norm(weights, f"{name}/norm_1", x))
    query, key, value = stacked.reshape(b, n, 3, heads, w // heads).transpose(2, 0, 1, 3, 4)
    x = x + linear(weights, f"{name}/projection", attend(query, key, value).reshape(b, n, w))
    inside = jax.nn.gelu(linear(weights, f"{name}/mlp_in", norm(weights, f"{name}/norm_2", x)), approximate=False)
    return x + linear(weights, f"{name}/mlp_out", inside)


def transformer(weights, name, x, layers, heads):
    for i in range(layers):
        x = block(weights, f"{name}/transformer/block_{i}", x, heads)
    return norm(weights, f"{name}/transformer/norm", x)


# %% [markdown]
# ## The encoder reads what is left
#
# The heart of a masked autoencoder is what it does *not* do. Hidden patches are not set to zero and carried along: they are
# left out before anything is computed.


# %%
def encode(weights, patches, kept):  # [b, n, 50] and [b, k] → [b, k, w]
    chosen = jnp.take_along_axis(patches, kept[:, :, None], axis=1)
    tokens = linear(weights, "encoder/embedding", chosen) + positions(WIDTH)[kept]
    return transformer(weights, "encoder", tokens, LAYERS, HEADS)


# %% [markdown]
# With 36 tokens instead of 180, linear layers cost a fifth and attention a twenty-fifth.
#
# ## The decoder writes every token
#
# Each kept vector goes back to its place. A hidden token starts from one learned vector, the same for all; the position,
# added again, tells it where it is. The decoder is small on purpose: what is to be known should be in the encoder.


# %%
def decode(weights, encoded, kept):  # → [b, n, 50]
    tokens = linear(weights, "decoder/embedding", encoded)
    everywhere = jnp.tile(weights["decoder/mask_token"], (len(tokens), ROWS * COLUMNS, 1))
    everywhere = everywhere.at[jnp.arange(len(tokens))[:, None], kept].set(tokens)
    x = transformer(weights, "decoder", everywhere + positions(NARROW), DECODER_LAYERS, DECODER_HEADS)
    return linear(weights, "decoder/prediction", x)


# %% [markdown]
# ## The loss is taken where nothing was seen
#
# Mean squared error on hidden tokens only, padding apart. (On visible tokens the decoder's output means nothing: it is never
# asked for them. If a picture of yours looks wrong exactly there, this is why.)


# %%
def loss(weights, signals, kept):
    patches = to_patches(signals)
    predicted = decode(weights, encode(weights, patches, kept), kept)
    hidden = jnp.ones(predicted.shape[:2], bool).at[jnp.arange(len(kept))[:, None], kept].set(False)
    scored = hidden[:, :, None] & real
    return jnp.sum(jnp.where(scored, predicted - patches, 0.0) ** 2) / scored.sum()


# %% [markdown]
# ## Weights
#
# A model is a list of shapes. This is `nano`; the paper's four have 2, 7, 110 and 328 million parameters.

# %%
WIDTH, LAYERS, HEADS, NARROW, DECODER_LAYERS, DECODER_HEADS = 64, 2, 4, 48, 1, 4


def shapes_of(name, width, layers):
    parts = {"query_key_value": (width, 3 * width), "projection": (width, width)}
    parts |= {"mlp_in": (width, 4 * width), "mlp_out": (4 * width, width)}
    for i in range(layers):
        yield from ((f"{name}/transformer/block_{i}/{part}", shape) for part, shape in parts.items())


# %% tags=["long"]
def draw_weights(key):
    """Glorot's uniform weights, biases of zero, norms of one, and a small random mask token."""
    shapes = {
        "encoder/embedding": (50, WIDTH),
        "decoder/embedding": (WIDTH, NARROW),
        "decoder/prediction": (NARROW, 50),
    }
    shapes |= dict(shapes_of("encoder", WIDTH, LAYERS)) | dict(shapes_of("decoder", NARROW, DECODER_LAYERS))
    weights = {"decoder/mask_token": 0.02 * jax.random.normal(key, (1, 1, NARROW))}
    for (name, (rows, columns)), one in zip(shapes.items(), jax.random.split(key, len(shapes)), strict=True):
        bound = np.sqrt(6 / (rows + columns))
        weights[f"{name}/kernel"] = jax.random.uniform(one, (rows, columns), minval=-bound, maxval=bound)
        weights[f"{name}/bias"] = jnp.zeros(columns)
    for name, width, layers in (("encoder", WIDTH, LAYERS), ("decoder", NARROW, DECODER_LAYERS)):
        blocks = [f"block_{i}/norm_{j}" for i in range(layers) for j in (1, 2)]
        for part in (*blocks, "norm"):
            weights[f"{name}/transformer/{part}/gamma"] = jnp.ones(width)
            weights[f"{name}/transformer/{part}/beta"] = jnp.zeros(width)
    return weights


weights = draw_weights(jax.random.key(SEED))
print(f"{sum(value.size for value in weights.values()):,} parameters in {len(weights)} arrays")

# %% [markdown]
# Before training, how good is it? Predicting zero, the population's mean, for everything has the mean square of the signals
# as its loss. An untrained network is worse: it answers with confident noise.

# %%
zero = float(np.square(np.asarray(to_patches(signals))[np.asarray(hidden)[:, :, None] & real]).mean())
untrained = float(loss(weights, signals, kept))
print(f"predicting the population's mean: {zero:.2f}; untrained: {untrained:.2f}")

# %% [markdown]
# ## Training
#
# AdamW by hand, in a few lines: running means of the gradient and of its square, their ratio as the step, and every matrix
# shrunk a little. The learning rate rises over the first steps and falls along a cosine.

# %%
STEPS = {"smoke": 8, "laptop": 1000}.get(PROFILE, 4000)
PEAK, DECAY = 3e-3, 1e-4


def learning_rate(step):
    rising = max(round(0.05 * STEPS), 1)
    falling = 0.5 * (1 + jnp.cos(jnp.pi * (step - rising) / (STEPS - rising)))
    return PEAK * jnp.where(step < rising, step / rising, falling)


# %% tags=["long"]
@partial(jax.jit, donate_argnums=0)
def train_step(state, signals, key):
    weights, mean, square, step = state
    value, gradient = jax.value_and_grad(loss)(weights, signals, keep_tokens(key, len(signals)))
    mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, gradient)
    square = jax.tree.map(lambda v, g: 0.95 * v + 0.05 * g**2, square, gradient)
    rate, n = learning_rate(step), step + 1

    def update(w, m, v):
        direction = (m / (1 - 0.9**n)) / (jnp.sqrt(v / (1 - 0.95**n)) + 1e-7)
        return w - rate * (direction + DECAY * (w if w.ndim == 2 else 0.0))

    return (jax.tree.map(update, weights, mean, square), mean, square, n), value


zeros = jax.tree.map(jnp.zeros_like, weights)
state = (jax.tree.map(jnp.copy, weights), zeros, jax.tree.map(jnp.copy, zeros), jnp.array(0.0))

# %%
batches = iter(lsmlib.make_batches(train, batch_size=min(32, train.sizes["day"]), seed=SEED))
keys = jax.random.split(jax.random.key(SEED + 1), STEPS)
losses = []
for key in tqdm(keys, desc="training"):
    state, value = train_step(state, next(batches), key)
    losses.append(float(value))
trained = state[0]

# %% tags=["long"]
figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
window = max(STEPS // 50, 1)
smooth = np.convolve(losses, np.ones(window) / window, mode="valid")
axis.plot(losses, color="0.8", lw=0.8, label="each step")
axis.plot(np.arange(len(smooth)) + window / 2, smooth, color="black", label=f"mean of {window}")
axis.axhline(zero, color="C3", ls="--", label="predicting the population's mean")
axis.set(xlabel="step", ylabel="mean squared error (sd²)", ylim=(0, 2.5), title="Loss on hidden tokens")
axis.legend()
plt.show()

# %% [markdown]
# The loss falls at once to that of the mean. Below it only gets once attention has found the neighbours, and slowly: with
# quieter positions there is a plateau first, and a run that is stopped on one looks as if nothing could be learned.
#
# On people it has never seen:

# %%
final = float(loss(trained, signals, kept))
print(f"held-out people: {final:.3f}; the mean: {zero:.3f}; better by {1 - final / zero:.0%}")

# %%
predicted = np.asarray(
    decode(trained, encode(trained, to_patches(signals[row : row + 1]), kept[row : row + 1]), kept[row : row + 1])
)
picture = predicted.reshape(ROWS, COLUMNS, MINUTES, SIGNALS).transpose(0, 2, 1, 3).reshape(300, 30)[:, :26]
figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True, layout="constrained")
plots_models.draw_image(axes[0], image, title="measured")
plots_models.draw_image(axes[1], np.where(cells, np.nan, image), title="read (20 %)")
plots_models.draw_image(axes[2], np.where(cells, picture, image), title="filled in")
plt.show()

# %% [markdown]
# It is smoother than what was measured, as it must be: the mean of all that might have happened has the smallest squared
# error, and it has no noise.
#
# ## The same model from the package
#
# `lsmlib.LSM1` is an ordinary `keras.Model` with the same parts. If it is the same mathematics, the same weights must give
# the same loss. Names and shapes are compared on the way.

# %%
model = lsmlib.LSM1("nano", seed=SEED)
for weight in model.trainable_weights:
    name = weight.path.split("/", 1)[1]
    weight.assign(trained[name])  # refuses another shape
assert {weight.path.split("/", 1)[1] for weight in model.trainable_weights} == set(trained)

# %%
outputs = model({"signals": signals, "kept": kept})
theirs, ours = float(model.compute_loss(y_pred=outputs)), float(jax.jit(loss)(trained, signals, kept))
print(f"lsmlib.LSM1 {theirs:.6f}; from scratch {ours:.6f}")
difference = abs(theirs - ours) / ours
assert difference < 1e-5

# %% [markdown]
# From here on, one call trains it, with the recipe of the paper: AdamW, warm-up, cosine, clipping, a validation on other
# people, a progress bar. The same training by hand is `model.compile(...)` and `model.fit(batches)`.

# %%
fresh = lsmlib.LSM1("nano", seed=SEED)
options = {"steps": max(STEPS // 2, 4), "batch_size": min(32, train.sizes["day"]), "learning_rate": PEAK}
history = lsmlib.pretrain(fresh, train, valid=valid, **options)
plots_models.plot_training(history, baseline=zero)

# %% [markdown]
# ## Questions that people ask about masked autoencoders
#
# - **Is anything hidden when I use it?** No. `model.embed(windows)` reads all 180 tokens; hiding is for training.
# - **What loss should I expect?** Between the mean's (the dashed line) and the noise that nothing can predict. It depends on
#   the data; compare with simple rules on the same windows, as notebook 05 does.
# - **Why are predictions smooth?** See above. Judge them by their error, and by what they keep of the order of events.
# - **Is the target normalised patch by patch**, as in some image models? No: then a level, such as a resting heart rate, could
#   not be learned. Raw z-scores.
# - **Can I use the encoder without the decoder?** Yes, `model.encode`; the decoder serves training and filling in.

# %% [markdown]
# ## Exercises
#
# 1. Take the positions away and shuffle the tokens. Show that the encoder's outputs are shuffled likewise, and say why the
#    decoder needs positions even more.
# 2. Hide half instead of four fifths at test time. Should the loss on hidden tokens rise or fall? Does it, for a network that
#    always saw a fifth?
# 3. How much of the work of a step is the decoder's? Count multiplications of the linear layers for `nano`, and with hiding
#    of 50 %.
# 4. How loud is a place? Compare the mean square of the positions with that of the patches' vectors, before training and after.

# %% [markdown]
# **Solution 1.** Every part is applied to each token alike, or sums over all of them.

# %% tags=["solution"]
x, order = jax.random.normal(jax.random.key(2), (1, KEPT, WIDTH)), np.random.default_rng(0).permutation(KEPT)
there, back = (transformer(trained, "encoder", tokens, LAYERS, HEADS) for tokens in (x[:, order], x))
np.testing.assert_allclose(there, back[:, order], atol=1e-4)

# %% [markdown]
# In the decoder, all hidden tokens begin as the same vector: without positions they would all end as the same.
#
# **Solution 2.** More context makes the task easier, if the network can use it.

# %% tags=["solution"]
more = jnp.argsort(jax.random.uniform(jax.random.key(3), (len(signals), 180)), axis=1)[:, :90]
half = float(jax.jit(loss)(trained, signals, more))
print(f"80 % hidden: {final:.3f}; 50 % hidden: {half:.3f}")

# %% [markdown]
# **Solution 3.** A block of width `w` has 12 w² weights, each used once a token.

# %% tags=["solution"]
encoder_work = {hide: 12 * WIDTH**2 * LAYERS * round(180 * (1 - hide)) for hide in (0.8, 0.5)}
decoder_work = 12 * NARROW**2 * DECODER_LAYERS * 180
{hide: f"decoder {decoder_work / (decoder_work + work):.0%}" for hide, work in encoder_work.items()}

# %% [markdown]
# **Solution 4.** A place is heard first, and a patch learns to speak up.

# %% tags=["solution"]
loud = float((positions(WIDTH) ** 2).mean())
patches = to_patches(signals)
before, after = (float((linear(w, "encoder/embedding", patches) ** 2).mean()) for w in (weights, trained))
print(f"positions {loud:.1f}; patches {before:.2f} before training, {after:.2f} after")

# %% [markdown]
# ## Against the paper
#
# | | reported | ours, simulated | why they differ |
# |---|---|---|---|
# | window, patch | 300 × 26, 10 × 5 | the same; padded to 30 signals | padding or cropping is not known to us |
# | hidden | 80 % at random, loss on hidden patches | the same | |
# | parameters | 2, 7, 110, 328 million | 2.22, 7.28, 110.7, 328.1 million; `nano` here 0.14 | widths of tiny and small are not certain |
# | training | 50,000 steps of 4,096 windows of 165,090 people | 1,000 of 32, of 400 simulated people | a laptop |
# | loss | not known to us | the numbers below | |
#
# **Next**: notebook 05 asks what a trained LSM-1 can fill in, and whether a straight line could have done it too.

# %% tags=["numbers"]
{
    "windows_kept": round(kept_share, 4),
    "filled_in": round(filled_in, 4),
    "mean_loss": round(zero, 4),
    "untrained_over_mean": round(untrained / zero, 4),
    "trained_over_mean": round(final / zero, 4),
    "difference_to_lsmlib": float(f"{difference:.1e}"),
    "pretrain_over_mean": round(history["valid_loss"][-1] / zero, 4),
}
