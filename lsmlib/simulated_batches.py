"""Simulated days without end, made on the device that trains on them: no store, no epochs, no day twice."""

import sys
from functools import lru_cache
from typing import Any

import grain
import jax
import jax.numpy as jnp
import numpy as np

from lsmlib.batches import READ_AHEAD
from lsmlib.checks import check_whole
from lsmlib.resident import gather_rows
from lsmlib.signals import CLIP, MEAN, SD
from lsmlib.simulate import BLOCK, LAST_PERSON, MOST_DAYS, record_signals


def simulate_batches(
    batch_size: int, seed: int = 0, *, days: int = 1, model: Any = None, start_step: int = 0
) -> grain.IterDataset:
    """Batches of simulated days for ``model.fit``, with ``steps_per_epoch``: one person after another, for ever.

    They are those of ``make_batches(simulate_cohort(people, days, seed), batch_size, shuffle=False)`` for as many
    people as it takes, bit for bit, and deterministic and resumable as these. A day is never on the host, where only
    its pattern of observed tokens goes.

    Args:
        batch_size: days of a batch.
        seed: of the simulated world, 0 to 2³² - 1.
        days: consecutive days of each person.
        model: an ``LSM2``, whose ``prepare`` is then as good as done; None: for days as they are. (LSM-1 reads windows
            without gaps, which have to be looked for: ``cut_windows``. SensorLM reads captions, which are made from
            days on the host.)
        start_step: skip this many batches.

    Returns:
        A Grain dataset of float32 ``[b, t, s]``, z-scores clipped to ±5, NaN at gaps, or of what the model reads.

    Raises:
        ValueError: if a number is out of range, or the model is none that can be trained so.
    """
    check_whole("batch_size", batch_size, 1)
    check_whole("seed", seed, 0, 2**32 - 1)
    check_whole("days", days, 1, MOST_DAYS)
    check_whole("start_step", start_step, 0)
    if model is not None and type(model).__name__ != "LSM2":
        raise ValueError(
            f"model is a {type(model).__name__}; expected an LSM2, or None. Others read windows or captions, which are "
            "made on the host: simulate_cohort, and make_batches"
        )
    tokens = None if model is None else jax.jit(model.to_tokens)

    # A block is computed whole, and serves the batches that it reaches into.
    @lru_cache(maxsize=4 + batch_size // BLOCK)
    def block(number: int) -> tuple[Any, Any]:
        day = number * BLOCK + np.arange(BLOCK, dtype=np.uint64)
        person = np.minimum(day // days, LAST_PERSON).astype(np.uint32)
        readings = record_signals(seed, person, (day % days).astype(np.uint32))
        values = _normalise(readings, MEAN, SD)
        if tokens is None:
            return values, None
        patches, observed = tokens(values)
        return patches, np.asarray(observed)

    def read(step: int) -> Any:
        first = step * batch_size
        numbers = range(first // BLOCK, (first + batch_size - 1) // BLOCK + 1)
        values, observed = zip(*map(block, numbers), strict=True)
        rows = np.arange(batch_size, dtype=np.int32) + np.int32(first % BLOCK)
        if model is None:
            return jnp.concatenate(values)[rows]
        plan = model.plan(np.concatenate(observed)[rows], first + np.arange(batch_size))
        if "number" in plan:
            return gather_rows(jnp.concatenate(values), rows, plan)
        return {**plan, "signals": model.grid.to_windows(jnp.concatenate(values)[rows])}

    last = min((LAST_PERSON + 1) * days // batch_size, sys.maxsize)
    return grain.MapDataset.range(start_step, last).map(read).to_iter_dataset(READ_AHEAD)


@jax.jit
def _normalise(readings: jax.Array, mean: jax.Array, sd: jax.Array) -> jax.Array:
    """``lsmlib.normalise``, whose bits it gives: XLA must not see that few numbers divide many, and multiply."""
    sd = jax.lax.optimization_barrier(jnp.broadcast_to(sd, readings.shape))
    return jnp.clip((readings - mean) / sd, -CLIP, CLIP)
