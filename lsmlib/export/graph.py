"""An encoder as a TensorFlow graph: readings in physical units go in, NaN where there is none; embeddings come out.

The layers are the model's own, built where the backend of Keras is TensorFlow (``lsmlib.export.worker``). What is here
is what ``embed`` does around them on the host: normalising, filling or leaving out gaps, laying tokens out.
"""

from functools import partial
from typing import Any

import tensorflow as tf

from lsmlib.export.weights import exported_weights
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.signals import CLIP, MEAN, SD


def make_graph(model: Any, batch_size: int | None, tokens: int | None) -> tf.Module:
    """A module whose function ``embed`` takes ``signals`` ``[b, t, s]`` and gives ``embedding`` ``[b, w]``.

    Args:
        model: an ``LSM1``, ``LSM2`` or ``SensorLM``.
        batch_size: rows of the input; None: any number.
        tokens: room for this many observed tokens a row, in which case rows with more give NaN; None: for as many as
            the fullest row of the batch has.
    """
    if isinstance(model, LSM1):
        function: Any = partial(_embed_filled, model)
    elif isinstance(model, LSM2):
        function = partial(_embed_observed, model, _mean, tokens)
    else:
        function = partial(_embed_observed, model, _pool, tokens)
    module = tf.Module(name="encoder")
    module.weights = [weight.value for weight in exported_weights(model)]
    signals = tf.TensorSpec((batch_size, model.grid.minutes, model.grid.signals), tf.float32, name="signals")
    module.embed = tf.function(function, input_signature=[signals], autograph=False)
    return module


def _embed_filled(model: Any, signals: Any) -> dict[str, Any]:
    """LSM-1: gaps are filled as ``cut_windows`` does, and every token is read."""
    signals = fill_gaps(signals, ~tf.math.is_nan(signals), MEAN)
    return {"embedding": tf.reduce_mean(model.encode(_normalise(signals)), axis=1)}


def _embed_observed(model: Any, summarise: Any, room: int | None, signals: Any) -> dict[str, Any]:
    """LSM-2 and SensorLM: observed tokens are brought to the front, and of what follows only so much is read."""
    grid, known = model.grid, ~tf.math.is_nan(signals)
    signals = _normalise(tf.where(known, signals, MEAN))
    if getattr(model, "gaps", "masked") == "filled":
        signals, known = fill_gaps(signals, known, 0.0), tf.ones_like(known)
    patches, cells = grid.to_patches(signals), grid.to_patches(known)
    if model.patch_missing_if == "all":
        observed = tf.reduce_any(cells, axis=2)
    else:
        observed = tf.reduce_all(cells | ~grid.real_cells(), axis=2)
    count = tf.reduce_sum(tf.cast(observed, tf.int32), axis=1, keepdims=True)
    number = tf.range(grid.tokens)
    longest = tf.maximum(tf.reduce_max(count), 1) if room is None else room  # attention needs a token to look at
    order = tf.argsort(tf.where(observed, number, number + grid.tokens), axis=1)[:, :longest]
    visible = tf.range(longest) < count
    encoder = model.encoder
    read = encoder.embedding(tf.gather(patches, order, batch_dims=1)) + tf.gather(encoder.positions, order)
    embedding = summarise(model, encoder.transformer(read, visible), visible, count)
    if room is not None and room < grid.tokens:
        embedding = tf.where(count > room, float("nan"), embedding)
    return {"embedding": embedding}


def _mean(model: Any, encoded: Any, visible: Any, count: Any) -> Any:
    total = tf.reduce_sum(tf.where(visible[:, :, None], encoded, 0.0), axis=1)
    return total / tf.cast(tf.maximum(count, 1), tf.float32)


def _pool(model: Any, encoded: Any, visible: Any, count: Any) -> Any:
    return model.day_vectors(model.pool.look_at(model.pool.key_value(encoded), visible))


def _normalise(signals: Any) -> Any:
    return tf.clip_by_value((signals - MEAN) / SD, -CLIP, CLIP)


def fill_gaps(values: Any, known: Any, otherwise: Any) -> Any:
    """Fill ``[b, t, s]`` in time: linearly between readings, at the ends with the nearest, ``otherwise`` without any.

    The last reading before each minute, and the first after it, are found by doubling: after k steps, each minute knows
    of those less than 2^k away. That takes no loop, sort or gather, and so runs wherever the rest does.
    """
    minute = tf.range(values.shape[1], dtype=tf.float32)[None, :, None]
    at = tf.where(known, minute, -1.0)  # of the reading, -1: none
    values = tf.where(known, values, 0.0)
    (low, left), (high, right) = (_nearest(values, at, forwards) for forwards in (True, False))
    low, high = tf.where(left < 0, high, low), tf.where(right < 0, low, high)
    between = (left >= 0) & (right > left)
    share = tf.where(between, (minute - left) / tf.where(between, right - left, 1.0), 0.0)
    filled = tf.where((left < 0) & (right < 0), otherwise, low + (high - low) * share)
    return tf.where(known, values, filled)


def _nearest(values: Any, at: Any, forwards: bool) -> tuple[Any, Any]:
    """The last reading up to each minute, or the first from it on, and its minute; -1: none."""
    distance, minutes = 1, values.shape[1]
    while distance < minutes:
        if forwards:
            pad, kept = [[0, 0], [distance, 0], [0, 0]], slice(None, -distance)
        else:
            pad, kept = [[0, 0], [0, distance], [0, 0]], slice(distance, None)
        has = at >= 0
        values = tf.where(has, values, tf.pad(values[:, kept], pad))
        at = tf.where(has, at, tf.pad(at[:, kept], pad, constant_values=-1.0))
        distance *= 2
    return values, at
