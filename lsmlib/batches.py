"""From a Cohort to normalised batches: deterministic, resumable at any step, sharded by process.

The order of rows is a function of (seed, epoch, step) and nothing else. A batch is read at once, in one request, when
it is due: from memory, or from the days' places in a store (through TensorStore, see ``store``). What is held at any
time is the few batches read ahead.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import grain
import jax
import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort, check_whole
from lsmlib.signals import CLIP, MEAN, SD

if TYPE_CHECKING:
    from lsmlib.resident import DeviceRows

# Grain's default reads 500 batches ahead, 5 GB of days; four keep a training step fed.
READ_AHEAD = grain.ReadOptions(num_threads=2, prefetch_buffer_size=4)


def make_batches(
    cohort: xr.Dataset,
    batch_size: int,
    seed: int = 0,
    *,
    labels: str | Sequence[str] | None = None,
    shuffle: bool = True,
    repeat: bool = True,
    start_step: int = 0,
    process_index: int | None = None,
    process_count: int | None = None,
    drop_remainder: bool = True,
    prepare: Callable[..., Any] | None = None,
    beside: Mapping[str, np.ndarray] | None = None,
    resident: "DeviceRows | None" = None,
) -> grain.IterDataset:
    """Turn a Cohort into batches that ``model.fit`` takes as they are (with ``steps_per_epoch`` while ``repeat``).

    Args:
        cohort: a Cohort or windows, in memory or opened with ``open_cohort`` (also after selections and splits).
        batch_size: rows of a batch, over all processes together.
        seed: of the order of rows, 0 to 2⁶⁴ - 1; every epoch has its own order.
        labels: names of numeric variables ``[d]`` or ``[d, t]`` to learn: batches are then pairs (signals, labels). One
            name gives an array, a list of names a dict of arrays. Codes of minutes stay codes (-1: none).
        shuffle: whether rows come in a new random order in every epoch, or always in the Cohort's.
        repeat: go on for ever, epoch after epoch; otherwise one pass. Keras cannot know its length: tell it, with
            ``steps`` or ``validation_steps``.
        start_step: skip this many batches, without reading them: the next batch is the one an uninterrupted run would
            see at this step.
        process_index: which process this is; each yields its own equal part of every batch, and all parts in order are
            the batch of a single process. By default from ``jax.distributed`` if that is initialised, else 0.
        process_count: how many processes there are; by default likewise, else 1.
        prepare: makes of signals ``[b, t, s]`` and the place of each row in the order of training, int ``[b]`` from 0
            on, what the model is given: ``model.prepare`` of an ``LSM2``.
        beside: arrays ``[d, …]`` by name, whose rows ``prepare`` gets with the signals', as a dict: of a ``SensorLM``,
            ``model.describe(cohort)``.
        resident: these rows on the device, where batches are then gathered and stay; in place of ``prepare``.
        drop_remainder: leave out the rows at an epoch's end that do not fill a batch (another set in each epoch).

    Returns:
        A Grain dataset of float32 ``[b, t, s]``: z-scores clipped to ±5, NaN at gaps; or of pairs with the labels,
        numbers as float32 ``[b]``, codes as int8 ``[b, t]``. Its iterators have ``get_state`` and ``set_state``.

    Raises:
        ValueError: if a size, count or seed is no whole number in range, the batch size does not fit the Cohort or the
            processes, a label is unknown, not numeric or not known for every row, or the Cohort is a Dask computation.
    """
    check_cohort(cohort, values=False)
    if process_count is None:
        process_count = jax.process_count() if jax.distributed.is_initialized() else 1
    if process_index is None:
        process_index = jax.process_index() if jax.distributed.is_initialized() else 0
    check_whole("seed", seed, 0, 2**64 - 1)
    _check_sizes(cohort.sizes["day"], batch_size, process_index, process_count, drop_remainder, start_step)
    _check_not_computed(cohort["signals"])
    names = [labels] if isinstance(labels, str) else list(labels or [])
    targets = {name: _label(cohort, name) for name in names}
    signals = cohort["signals"].variable

    days = cohort.sizes["day"]
    for name, array in (beside or {}).items():
        if (prepare is None and resident is None) or len(array) != days:
            raise ValueError(f"{name} has {len(array)} rows; expected {days}, one a day, and prepare to read them")
    if resident is not None and (prepare is not None or resident.days != days):
        raise ValueError(
            f"resident holds {resident.days} rows{' and prepare is given' if prepare else ''}; expected the {days} of "
            "the Cohort, DeviceRows(cohort, model), which prepares batches itself"
        )
    per_epoch = days // batch_size if drop_remainder else -(-days // batch_size)
    if not repeat and start_step >= per_epoch:
        raise ValueError(f"start_step is {start_step}, but one pass has {per_epoch} batches; expected fewer")
    share = batch_size // process_count
    order = lru_cache(maxsize=2)(partial(_order, seed, days)) if shuffle else lambda epoch: np.arange(days)

    def read(step: int) -> Any:
        epoch, step = divmod(step, per_epoch)
        first = step * batch_size + process_index * share
        rows = order(epoch)[first : first + share]
        places = (epoch * per_epoch + step) * batch_size + process_index * share + np.arange(len(rows))
        more = () if beside is None else ({name: array[rows] for name, array in beside.items()},)
        if resident is not None:
            inputs = resident.read(rows, places, *more)
        else:
            values = signals[rows].values  # an array of rows always makes a copy, so it can be normalised in place
            values -= MEAN
            values /= SD
            np.clip(values, -CLIP, CLIP, out=values)
            inputs = values if prepare is None else prepare(values, places, *more)
        if labels is None:
            return inputs
        known = {name: target[rows].values for name, target in targets.items()}
        return inputs, (known[labels] if isinstance(labels, str) else known)

    steps = grain.MapDataset.range(start_step, sys.maxsize if repeat else per_epoch)
    return steps.map(read).to_iter_dataset(READ_AHEAD)


def as_tf_dataset(batches: grain.IterDataset, *, gpu: bool = False) -> Any:
    """The same batches, bit for bit, as a ``tf.data.Dataset``.

    Args:
        batches: from ``make_batches``.
        gpu: whether TensorFlow may see GPUs. By default it is told to leave them alone in this process, because it
            would claim all of the memory that JAX needs.

    Returns:
        A ``tf.data.Dataset`` with the structure of a batch; the size of a batch is not part of its static shape. Every
        iteration over it starts where ``batches`` starts.

    Raises:
        ImportError: if TensorFlow is not installed.
        RuntimeError: if TensorFlow has claimed a GPU already and ``gpu`` is False.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise ImportError("as_tf_dataset needs TensorFlow: pip install 'lsmlib[tensorflow]'") from error
    if not gpu:
        try:
            tf.config.set_visible_devices([], "GPU")
        except RuntimeError as error:
            raise RuntimeError(
                "TensorFlow has claimed a GPU already; if that is what you want, pass gpu=True"
            ) from error
    example = next(iter(batches))
    signature = jax.tree.map(lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), example)
    return tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)


def _order(seed: int, rows: int, epoch: int) -> np.ndarray:
    """A random order of the rows: where each stands once they are sorted by random bits.

    The bits are Philox's, a published generator of which numpy promises the very stream for ever (it does not promise
    that of ``permutation``), so a run can be repeated with any later version.
    """
    return np.argsort(np.random.Philox(key=[seed, epoch]).random_raw(rows), kind="stable")


def _check_sizes(rows: int, batch_size: int, index: int, count: int, drop_remainder: bool, start_step: int) -> None:
    check_whole("batch_size", batch_size, 1)
    check_whole("start_step", start_step, 0)
    check_whole("process_count", count, 1)
    check_whole("process_index", index, 0)
    if batch_size > rows and drop_remainder:
        raise ValueError(
            f"batch_size is {batch_size}, but there are {rows} rows, which would give no batch at all; expected at "
            f"most {rows}, or drop_remainder=False"
        )
    if index >= count:
        raise ValueError(f"process_index is {index}; expected 0 to {count - 1} for process_count={count}")
    if batch_size % count:
        raise ValueError(f"batch_size is {batch_size}; expected a multiple of the {count} processes")
    if count > 1 and not drop_remainder and rows % batch_size:
        raise ValueError(
            f"the last batch has {rows % batch_size} rows, which {count} processes cannot share equally; "
            "expected drop_remainder=True"
        )


def _check_not_computed(signals: xr.DataArray) -> None:
    if signals.chunks is not None:
        raise ValueError(
            f"signals is a Dask computation of {signals.nbytes / 1e9:.2f} GB, which every batch would repeat in part. "
            "If it fits in memory use cohort.compute(); otherwise lsmlib.save_cohort(cohort, path), then pass "
            "lsmlib.open_cohort(path) as it is (no .chunk())"
        )


def _label(cohort: xr.Dataset, name: str) -> xr.Variable:
    """A label's values for every row: numbers in memory, codes of minutes where they are."""
    if name not in cohort.data_vars:
        raise ValueError(f"unknown label {name!r}; expected one of {sorted(map(str, cohort.data_vars))}")
    label = cohort[name]
    if label.dims not in (("day",), ("day", "minute")) or label.dtype.kind not in "fiub":
        raise ValueError(
            f"label {name!r} is {label.dtype} with dims {label.dims}; expected numbers for days or minutes"
        )
    _check_not_computed(label)
    if label.dims == ("day", "minute"):
        return label.variable
    label = label.compute()
    unknown = int(label.isnull().sum())
    if unknown:
        raise ValueError(
            f"label {name!r} is NaN for {unknown} of {label.size} rows. Keep the others: "
            f"cohort.isel(day=np.flatnonzero(cohort[{name!r}].notnull()))"
        )
    return label.variable.astype(np.float32)
