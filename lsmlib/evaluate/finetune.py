"""Fine-tuning: a pretrained encoder, or one from scratch, learns a task with all of its weights.

One recipe for all of them, so that what differs is where the weights come from: tokens pooled; a linear layer that
starts as the linear probe, because one that knows nothing ruins what was pretrained before it learns (Kumar et al.,
"Fine-Tuning can Distort Pretrained Features", ICLR 2022); AdamW with warm-up and cosine, a fixed number of steps. How
LSM-1 was fine-tuned is not known to us. Supervised rivals are the same encoder with fresh weights and a convolutional
network of about as many parameters.
"""

from typing import Any

import keras
import numpy as np
import xarray as xr
from keras import ops

from lsmlib.checks import check_whole
from lsmlib.evaluate.probes import Learner, LogisticRegression, StandardScaler, is_known, threadpool_limits
from lsmlib.models.batching import run_in_batches
from lsmlib.models.lsm1 import LSM1
from lsmlib.nn.memory import keep_freed_memory
from lsmlib.signals import SIGNALS, normalise
from lsmlib.training import make_optimizer

STEPS, BATCH_SIZE, LEARNING_RATE = 100, 32, 3e-4
PENALTY = 10.0  # of the linear probe that the last layer starts from


class TokenPool(keras.layers.Layer):
    """Mean and maximum over an LSM-1 encoder's tokens: normalised windows ``[b, t, s]`` to ``[b, 2 × w]``.

    The mean alone hides what is short: of 180 tokens, half an hour of running changes 18. The layer has an encoder of
    its own, with the weights of the model's: training it leaves the model as it was.

    Args:
        model: whose encoder.
        seed: of fresh weights, for a supervised model from scratch; ``None`` takes the model's weights.
    """

    def __init__(self, model: LSM1, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        config = model.get_config()
        copy = LSM1.from_config(config if seed is None else {**config, "seed": seed})
        if seed is None:
            for weight, theirs in zip(copy.encoder.weights, model.encoder.weights, strict=True):
                weight.assign(np.array(theirs.value))  # a copy: training gives its buffers away
        self.grid, self.encoder, self.skip = copy.grid, copy.encoder, copy.decoder.skip
        self.built = True

    def call(self, signals: Any) -> Any:
        """Encode ``[b, t, s]``, nothing hidden."""
        tokens = self.encoder(self.grid.to_patches(signals))[:, self.skip :]
        tokens = ops.cast(tokens, "float32")
        return ops.concatenate([ops.mean(tokens, axis=1), ops.max(tokens, axis=1)], axis=1)


def embed_pooled(model: LSM1, windows: xr.Dataset, batch_size: int = 64) -> np.ndarray:
    """Mean and maximum over a model's tokens, for probes of what is short: float32 ``[d, 2 × w]``.

    Raises:
        ValueError: if windows have another length than the model's, or gaps.
    """
    model.check_windows(windows)
    return run_in_batches(_pool, TokenPool(model), {"signals": normalise(windows["signals"].values)}, batch_size)


def conv_net(parameters: int, minutes: int = 300, signals: int = len(SIGNALS), seed: int = 0) -> keras.Model:
    """A residual network over time (He et al., 2016, in one dimension): normalised ``[b, t, s]`` to ``[b, 4 × width]``.

    A stem and three stages of two blocks, each stage at half the rate and twice the channels. Channels are normalised
    at each minute (as in ConvNeXt, Liu et al., 2022): batches here may be of two windows, too few for batch statistics,
    and normalising over time would take the level of a signal away.

    Args:
        parameters: about how many weights it has; the width, a multiple of 8, follows from it.
        minutes: of a window.
        signals: of a window.
        seed: of the weights.

    Raises:
        ValueError: if a number is out of range.
    """
    for name, value, least in (("parameters", parameters, 10_000), ("minutes", minutes, 8), ("signals", signals, 1)):
        check_whole(name, value, least)
    seeds = np.random.default_rng(seed)

    def convolve(x: Any, width: int, length: int, stride: int) -> Any:
        start = keras.initializers.HeNormal(int(seeds.integers(2**31)))
        return keras.layers.Conv1D(width, length, stride, padding="same", kernel_initializer=start, use_bias=False)(x)

    def normalised(x: Any) -> Any:
        return keras.layers.LayerNormalization(epsilon=1e-6)(x)

    # the stages' convolutions of three minutes hold about 220 weights for each pair of channels of the stem
    width = 8 * max(round(np.sqrt(parameters / 220) / 8), 1)
    windows = keras.Input((minutes, signals))
    x = ops.relu(normalised(convolve(windows, width, 7, 2)))
    for channels, stride in [(width, 1), (width, 1), (2 * width, 2), (2 * width, 1), (4 * width, 2), (4 * width, 1)]:
        y = ops.relu(normalised(convolve(x, channels, 3, stride)))
        y = normalised(convolve(y, channels, 3, 1))
        x = ops.relu(y + (x if x.shape == y.shape else convolve(x, channels, 1, stride)))
    return keras.Model(windows, ops.mean(x, axis=1), name="conv_net")


class Classifier(keras.Model):
    """Something that turns windows into vectors, and a linear layer on these, standardised: logits ``[b, c]``.

    Args:
        backbone: a layer from normalised ``[b, t, s]`` to ``[b, w]``.
        classes: sorted names.
    """

    def __init__(self, backbone: keras.layers.Layer, classes: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone, self.classes = backbone, list(map(str, classes))
        self.head = keras.layers.Dense(len(self.classes), kernel_initializer="zeros")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of the linear layer for vectors ``[b, w]``."""
        width = input_shape[-1]
        self.mean = self.add_weight(shape=(width,), initializer="zeros", trainable=False, name="mean")
        self.sd = self.add_weight(shape=(width,), initializer="ones", trainable=False, name="sd")
        self.head.build((None, width))
        self.built = True

    def call(self, signals: Any) -> Any:
        """Logits of normalised windows."""
        return self.head((self.backbone(signals) - self.mean) / self.sd)

    def start(self, vectors: np.ndarray, codes: np.ndarray, others: np.ndarray) -> None:
        """Set the linear layer to the linear probe, of this penalty: ``linear_learner(…, penalty=PENALTY)``.

        Args:
            vectors: of the labelled windows, from the backbone as it is, ``[n, w]``.
            codes: their classes ``[n]``.
            others: vectors to standardise by ``[m, w]``; they need no labels.
        """
        scaler = StandardScaler().fit(others)
        with threadpool_limits(1):
            probe = LogisticRegression(C=1 / PENALTY, max_iter=2000).fit(scaler.transform(vectors), codes)
        slope, offset = probe.coef_, probe.intercept_
        if len(self.classes) == 2:  # one logit, which two share
            slope, offset = np.concatenate([-slope, slope]) / 2, np.concatenate([-offset, offset]) / 2
        weights = self.mean, self.sd, self.head.kernel, self.head.bias
        for weight, value in zip(weights, (scaler.mean_, scaler.scale_, slope.T, offset), strict=True):
            weight.assign(value.astype(np.float32))

    def predict_windows(self, signals: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Probabilities ``[d, c]`` of normalised windows ``[d, t, s]``."""
        padded = np.concatenate([signals, np.repeat(signals[-1:], -len(signals) % batch_size, axis=0)])
        logits = self.predict(padded, batch_size=batch_size, verbose=0)[: len(signals)]
        return np.asarray(ops.softmax(ops.cast(logits, "float32")))


def fine_tune(
    model: LSM1 | keras.layers.Layer,
    windows: xr.Dataset,
    labels: np.ndarray,
    *,
    steps: int = STEPS,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
) -> Classifier:
    """Train a classifier, its backbone included, on the windows whose label is known.

    Args:
        model: an ``LSM1``, which is left as it is; or another start: ``TokenPool(model, seed=1)`` for the same encoder
            from scratch, ``conv_net(parameters)``. A layer is trained itself.
        windows: ``[d, t, s]`` without gaps.
        labels: ``[d]`` names of classes, ``""`` where unknown.
        steps: of the optimiser.
        batch_size: windows of a step, or all of them where they are fewer.
        learning_rate: at its peak. Compare methods at the best of the same few rates, chosen on other people.
        seed: of the order of windows.

    Returns:
        An ordinary ``keras.Model``; ``predict_windows`` gives probabilities of its ``classes``.

    Raises:
        ValueError: if a number is out of range, labels are numbers or fewer than two classes, or windows have gaps.
    """
    labels = np.asarray(labels)
    signals, rows = _read(windows), np.flatnonzero(is_known(labels))
    classes, codes = _encode(labels[rows])
    backbone = _as_backbone(model)
    vectors = run_in_batches(_pool, backbone, {"signals": signals}, 64)
    classifier = _compile(backbone, classes, vectors.shape[1], steps, learning_rate)
    classifier.start(vectors[rows], codes, vectors)
    return _train(classifier, signals, rows, codes, steps, batch_size, seed)


def fine_tune_learner(
    model: LSM1 | keras.layers.Layer,
    windows: xr.Dataset,
    *,
    steps: int = STEPS,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
) -> Learner:
    """``fine_tune`` as a learner, for ``cross_predict`` and ``few_shot``: always from the same start, compiled once.

    Args:
        model: as in ``fine_tune``.
        windows: the windows ``[d]`` that rows are numbers of.
        steps: as in ``fine_tune``.
        batch_size: likewise.
        learning_rate: likewise.
        seed: likewise.

    Returns:
        A learner of classes; its scores are probabilities. A layer that was given must not be given to another.
    """
    signals, backbone = _read(windows), _as_backbone(model)
    vectors = run_in_batches(_pool, backbone, {"signals": signals}, 64)
    made: dict[tuple[str, ...], tuple[Classifier, list[np.ndarray]]] = {}

    def learn(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
        classes, codes = _encode(labels)
        key = tuple(classes.tolist())
        if not made:
            classifier = _compile(backbone, classes, vectors.shape[1], steps, learning_rate)
            made[key] = classifier, [np.array(variable.value) for variable in _state(classifier)]
        if key not in made:
            raise ValueError(f"this learner began with classes {list(*made)}, not {list(key)}; make another one")
        classifier, start = made[key]
        for variable, value in zip(_state(classifier), start, strict=True):
            variable.assign(value)
        classifier.start(vectors[train], codes, np.delete(vectors, test, axis=0))
        return _train(classifier, signals, train, codes, steps, batch_size, seed).predict_windows(signals[test])

    return learn


class Shuffled(keras.utils.PyDataset):
    """Batches of some rows, in a new order each time all have been seen; always full."""

    def __init__(
        self, signals: np.ndarray, rows: np.ndarray, codes: np.ndarray, steps: int, batch_size: int, seed: int
    ) -> None:
        super().__init__()
        size = min(batch_size, len(rows))
        draw = np.random.default_rng(seed)
        rounds = -(-steps * size // len(rows))
        order = np.concatenate([draw.permutation(len(rows)) for _ in range(rounds)])
        self.signals, self.rows, self.codes = signals, rows, codes
        self.order = order[: steps * size].reshape(steps, size)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[step]
        return self.signals[self.rows[chosen]], self.codes[chosen]


def _read(windows: xr.Dataset) -> np.ndarray:
    signals = normalise(windows["signals"].values)
    if np.isnan(signals).any():
        raise ValueError("windows have gaps (NaN); expected those of lsmlib.cut_windows, which fills them")
    return signals


def _encode(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted classes ``[c]`` and the code of each label ``[n]``."""
    if labels.dtype.kind != "U":
        raise ValueError(f"labels are {labels.dtype}; fine-tuning is of classes: expected their names as text")
    classes, codes = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"the classes are {classes.tolist()}; expected at least two to tell apart")
    return classes, codes


def _pool(layer: keras.layers.Layer, inputs: dict[str, Any]) -> Any:
    return layer(inputs["signals"])


def _as_backbone(model: LSM1 | keras.layers.Layer) -> keras.layers.Layer:
    return TokenPool(model) if isinstance(model, LSM1) else model


def _compile(
    backbone: keras.layers.Layer, classes: np.ndarray, width: int, steps: int, learning_rate: float
) -> Classifier:
    check_whole("steps", steps, 1)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; expected a number above 0, such as {LEARNING_RATE}")
    keep_freed_memory()
    classifier = Classifier(backbone, classes)
    classifier.build((None, width))
    optimizer = make_optimizer(steps, learning_rate)
    optimizer.build(classifier.trainable_variables)
    classifier.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return classifier


def _train(
    classifier: Classifier,
    signals: np.ndarray,
    rows: np.ndarray,
    codes: np.ndarray,
    steps: int,
    batch_size: int,
    seed: int,
) -> Classifier:
    check_whole("batch_size", batch_size, 1)
    classifier.fit(Shuffled(signals, rows, codes, steps, batch_size, seed), shuffle=False, verbose=0)
    return classifier


def _state(classifier: Classifier) -> list[Any]:
    return [*classifier.variables, *classifier.optimizer.variables]
