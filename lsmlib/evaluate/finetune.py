"""Fine-tuning: a pretrained encoder, or one from scratch, learns a task with all of its weights.

One recipe for all of them, so that what differs is where the weights come from: tokens pooled; a linear layer that
starts as the linear probe, because one that knows nothing ruins what was pretrained before it learns (Kumar et al.,
"Fine-Tuning can Distort Pretrained Features", ICLR 2022); AdamW with warm-up and cosine, a fixed number of steps. How
LSM-1 was fine-tuned is not known to us. Supervised rivals are the same encoder with fresh weights and a convolutional
network of about as many parameters.
"""

from typing import Any, Literal

import keras
import numpy as np
import xarray as xr
from keras import ops

from lsmlib.checks import check_whole
from lsmlib.evaluate.backbones import TokenPool, pool
from lsmlib.evaluate.metrics import Predictions
from lsmlib.evaluate.pooling import average_people, is_known
from lsmlib.evaluate.probes import Learner, StandardScaler, cross_predict, linear_model, threadpool_limits
from lsmlib.models.lsm1 import LSM1
from lsmlib.nn.memory import keep_freed_memory
from lsmlib.optimizer import make_optimizer
from lsmlib.signals import normalise

STEPS, BATCH_SIZE, LEARNING_RATE = 100, 32, 3e-4
PENALTY = 10.0  # of the linear probe that the last layer starts from


class FineTuned(keras.Model):
    """Something that turns windows into vectors, and a linear layer on these, standardised.

    Args:
        backbone: a layer from normalised ``[b, t, s]`` to ``[b, w]``.
        classes: sorted names; none: a number.
    """

    def __init__(self, backbone: keras.layers.Layer, classes: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone, self.classes = backbone, list(map(str, classes))
        self.head = keras.layers.Dense(len(self.classes) or 1, kernel_initializer="zeros")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights of the linear layer for vectors ``[b, w]``, and the units of vectors and of a number."""
        width = input_shape[-1]
        self.mean = self.add_weight(shape=(width,), initializer="zeros", trainable=False, name="mean")
        self.sd = self.add_weight(shape=(width,), initializer="ones", trainable=False, name="sd")
        self.label_mean = self.add_weight(shape=(), initializer="zeros", trainable=False, name="label_mean")
        self.label_sd = self.add_weight(shape=(), initializer="ones", trainable=False, name="label_sd")
        self.head.build((None, width))
        self.built = True

    def call(self, signals: Any) -> Any:
        """Of normalised windows: logits ``[b, c]``, or the number, standardised, ``[b, 1]``."""
        return self.head((self.backbone(signals) - self.mean) / self.sd)

    def start(self, vectors: np.ndarray, labels: np.ndarray, others: np.ndarray) -> None:
        """Set the linear layer to the linear probe, of this penalty: ``linear_learner(…, penalty=PENALTY)``.

        Args:
            vectors: of the labelled windows, from the backbone as it is, ``[n, w]``.
            labels: theirs ``[n]``, which also give the mean and deviation that a number is standardised by.
            others: vectors to standardise by ``[m, w]``; they need no labels.
        """
        scaler = StandardScaler().fit(others)
        with threadpool_limits(1):
            probe = linear_model(labels, PENALTY).fit(scaler.transform(vectors), labels)
        slope, offset = np.atleast_2d(probe.coef_), np.atleast_1d(probe.intercept_)
        if not self.classes:
            mean, sd = labels.mean(), labels.std()
            self.label_mean.assign(mean)
            self.label_sd.assign(sd)
            slope, offset = slope / sd, (offset - mean) / sd
        elif len(self.classes) == 2:  # one logit, which two share
            slope, offset = np.concatenate([-slope, slope]) / 2, np.concatenate([-offset, offset]) / 2
        weights = self.mean, self.sd, self.head.kernel, self.head.bias
        for weight, value in zip(weights, (scaler.mean_, scaler.scale_, slope.T, offset), strict=True):
            weight.assign(value.astype(np.float32))

    def encode(self, labels: np.ndarray) -> np.ndarray:
        """What outputs are compared with: codes of classes ``[n]``, or numbers, standardised, ``[n, 1]``."""
        if self.classes:
            return np.searchsorted(self.classes, labels)
        return (labels[:, None] - np.asarray(self.label_mean)) / np.asarray(self.label_sd)

    def predict_windows(self, signals: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Of normalised windows ``[d, t, s]``: probabilities ``[d, c]``, or the number in its own unit ``[d]``."""
        padded = np.concatenate([signals, np.repeat(signals[-1:], -len(signals) % batch_size, axis=0)])
        outputs = self.predict(padded, batch_size=batch_size, verbose=0)[: len(signals)].astype(np.float32)
        if self.classes:
            return np.asarray(ops.softmax(outputs))
        return outputs[:, 0] * np.asarray(self.label_sd) + np.asarray(self.label_mean)


def fine_tune(
    model: LSM1 | keras.layers.Layer,
    windows: xr.Dataset,
    labels: np.ndarray,
    *,
    steps: int = STEPS,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
) -> FineTuned:
    """Train a backbone and a linear layer on it, with all their weights, on the windows whose label is known.

    The loss is cross-entropy for classes; for numbers, standardised by those known, it is the mean squared error.

    Args:
        model: an ``LSM1``, which is left as it is; or another start: ``TokenPool(model, seed=1)`` for the same encoder
            from scratch, ``conv_net(parameters)``. A layer is trained itself.
        windows: ``[d, t, s]`` without gaps.
        labels: ``[d]``: names of classes, ``""`` where unknown; or floats, NaN where unknown.
        steps: of the optimiser.
        batch_size: windows of a step, or all of them where they are fewer.
        learning_rate: at its peak. Compare methods at the best of the same few rates, chosen on other people.
        seed: of the order of windows.

    Returns:
        An ordinary ``keras.Model``; ``predict_windows`` gives probabilities of its ``classes``, or numbers.

    Raises:
        ValueError: if an argument is out of range, all labels are alike or do not fit, or windows have gaps.
    """
    labels = np.asarray(labels)
    signals, rows = _read(windows), _known_rows(windows, labels)
    backbone = _as_backbone(model)
    vectors = pool(backbone, signals)
    tuned = _compile(backbone, _classes(labels[rows]), vectors.shape[1], steps, learning_rate)
    tuned.start(vectors[rows], labels[rows], vectors)
    return _train(tuned, signals, rows, labels[rows], steps, batch_size, seed)


def fine_tune_probe(
    model: LSM1 | keras.layers.Layer,
    windows: xr.Dataset,
    labels: np.ndarray,
    *,
    of: Literal["window", "person"] = "window",
    steps: int = STEPS,
    batch_size: int = BATCH_SIZE,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
) -> Predictions:
    """Predict each window by a model that was fine-tuned on other people: what ``linear_probe`` is to features.

    Five folds over people; every training has all labelled windows of four of them, and begins at the same start.

    Args:
        model: as in ``fine_tune``; its pretraining must not have seen these people.
        windows: likewise.
        labels: likewise; ``label_windows(windows, task)``.
        of: whose label it is, ``LABEL_TASKS[task].of``. What belongs to a person is learned from windows and predicted
            once a person, as in ``probe_table``: the mean over the person's windows.
        steps: as in ``fine_tune``.
        batch_size: likewise.
        learning_rate: likewise.
        seed: of the folds and the order of windows.

    Returns:
        The predictions of the windows with a known label in their order, or of their people in the order of names.

    Raises:
        ValueError: as ``fine_tune`` and ``cross_predict`` do, if ``of`` is neither, or a person has several classes.
    """
    if of not in ("window", "person"):
        raise ValueError(f"of is {of!r}; expected 'window' or 'person'")
    labels = np.asarray(labels)
    rows = _known_rows(windows, labels)
    labels, windows = labels[rows], windows.isel(day=rows)
    people = windows["person"].values
    learner = fine_tune_learner(
        model, windows, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed
    )
    found = cross_predict(learner, labels, people, seed)
    if of == "window":
        return found
    scores, truth, names = average_people(found.scores.reshape(len(labels), -1), labels, people)
    return Predictions(truth, scores if len(found.classes) else scores[:, 0], names, found.classes)


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
        A learner; its scores are probabilities, or numbers. A layer that was given must not be given to another.
    """
    signals, backbone = _read(windows), _as_backbone(model)
    vectors = pool(backbone, signals)
    made: dict[tuple[str, ...], tuple[FineTuned, list[np.ndarray]]] = {}

    def learn(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
        classes = _classes(labels)
        key = tuple(classes.tolist())
        if not made:
            tuned = _compile(backbone, classes, vectors.shape[1], steps, learning_rate)
            made[key] = tuned, [np.array(variable.value) for variable in _state(tuned)]
        if key not in made:
            raise ValueError(f"this learner began with classes {list(*made)}, not {list(key)}; make another one")
        tuned, start = made[key]
        for variable, value in zip(_state(tuned), start, strict=True):
            variable.assign(value)
        tuned.start(vectors[train], labels, np.delete(vectors, test, axis=0))
        return _train(tuned, signals, train, labels, steps, batch_size, seed).predict_windows(signals[test])

    return learn


class Shuffled(keras.utils.PyDataset):
    """Batches of some rows, in a new order each time all have been seen; always full."""

    def __init__(
        self, signals: np.ndarray, rows: np.ndarray, targets: np.ndarray, steps: int, batch_size: int, seed: int
    ) -> None:
        super().__init__()
        size = min(batch_size, len(rows))
        draw = np.random.default_rng(seed)
        rounds = -(-steps * size // len(rows))
        order = np.concatenate([draw.permutation(len(rows)) for _ in range(rounds)])
        self.signals, self.rows, self.targets = signals, rows, targets
        self.order = order[: steps * size].reshape(steps, size)

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        chosen = self.order[step]
        return self.signals[self.rows[chosen]], self.targets[chosen]


def _read(windows: xr.Dataset) -> np.ndarray:
    signals = normalise(windows["signals"].values)
    if np.isnan(signals).any():
        raise ValueError("windows have gaps (NaN); expected those of lsmlib.cut_windows, which fills them")
    return signals


def _known_rows(windows: xr.Dataset, labels: np.ndarray) -> np.ndarray:
    """The numbers of the windows whose label is known."""
    if labels.shape != (windows.sizes["day"],) or labels.dtype.kind not in "Uf":
        raise ValueError(
            f"labels are {labels.dtype} {list(labels.shape)}; expected names of classes as text, or floats, "
            f"[{windows.sizes['day']}], one a window"
        )
    return np.flatnonzero(is_known(labels))


def _classes(labels: np.ndarray) -> np.ndarray:
    """The sorted classes of labels ``[n]``, none for numbers."""
    values = np.unique(labels)
    if len(values) < 2:
        raise ValueError(f"the known labels are {values.tolist()}; expected at least two that differ")
    return values if labels.dtype.kind == "U" else np.array([], np.str_)


def _as_backbone(model: LSM1 | keras.layers.Layer) -> keras.layers.Layer:
    return TokenPool(model) if isinstance(model, LSM1) else model


def _compile(
    backbone: keras.layers.Layer, classes: np.ndarray, width: int, steps: int, learning_rate: float
) -> FineTuned:
    check_whole("steps", steps, 1)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; expected a number above 0, such as {LEARNING_RATE}")
    keep_freed_memory()
    tuned = FineTuned(backbone, classes)
    tuned.build((None, width))
    optimizer = make_optimizer(steps, learning_rate)
    optimizer.build(tuned.trainable_variables)
    entropy, square = keras.losses.SparseCategoricalCrossentropy(from_logits=True), keras.losses.MeanSquaredError()
    tuned.compile(optimizer, entropy if len(classes) else square)
    return tuned


def _train(
    tuned: FineTuned,
    signals: np.ndarray,
    rows: np.ndarray,
    labels: np.ndarray,
    steps: int,
    batch_size: int,
    seed: int,
) -> FineTuned:
    check_whole("batch_size", batch_size, 1)
    batches = Shuffled(signals, rows, tuned.encode(labels), steps, batch_size, seed)
    tuned.fit(batches, shuffle=False, verbose=0)
    return tuned


def _state(tuned: FineTuned) -> list[Any]:
    return [*tuned.variables, *tuned.optimizer.variables]
