"""Rows that stay on the device: a Cohort that fits is sent there once, and batches are gathered where they are used.

What then travels at a step is which rows are due, and for a model that packs days which of their tokens go where; the
values, nearly all of a batch, do not. Rows are kept normalised, as z-scores within ±5. In float32 they are those of
``make_batches``, bit for bit. Half as large, they are rounded: in float16 by at most 2⁻⁹ (0.002 standard deviations),
in bfloat16, which spends its bits on a range that is not needed here, by 2⁻⁶. A gap is NaN in all three, and never
comes to be or goes away by rounding, so there is no need of a mask beside the values.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort
from lsmlib.distribution import device_memory
from lsmlib.nn.attention import number_stretches
from lsmlib.signals import normalise

DTYPES = ("float32", "float16", "bfloat16")
BLOCK = 256  # rows sent at once


class DeviceRows:
    """A Cohort's rows in the memory of the first device of this process: ``make_batches(cohort, …, resident=…)``.

    For a model that packs days (``LSM2``, ``SensorLM``) they are kept as patches, and their pattern of observed tokens
    on the host, an eighth of a byte a reading or less, where it is decided which tokens are hidden and where each goes.

    Args:
        cohort: a Cohort or windows, in memory or opened with ``open_cohort``; read once, 256 rows at a time.
        model: what batches are for; its ``to_tokens`` and ``plan``, if it has them, are what makes them.
        dtype: ``"float32"``, ``"float16"`` or ``"bfloat16"``.
        leave: bytes of the device that must stay free, for the weights and the step.

    Raises:
        ValueError: if there is no such dtype, the rows do not fit, or several processes train together.
    """

    def __init__(self, cohort: xr.Dataset, model: Any = None, dtype: str = "float32", *, leave: int = 0) -> None:
        check_cohort(cohort, values=False)
        if dtype not in DTYPES:
            raise ValueError(f"dtype is {dtype!r}; expected one of {', '.join(map(repr, DTYPES))}")
        if jax.process_count() > 1:
            raise ValueError(
                f"{jax.process_count()} processes train together; rows can stay on the device of one process only. "
                "Leave them on the host, where every process reads its share"
            )
        signals = cohort["signals"].variable
        self.days, self.model = cohort.sizes["day"], model if hasattr(model, "plan") else None
        self.observed: np.ndarray | None = None
        _check_fits(signals.shape, dtype, leave)
        self.values: Any = None
        for start in range(0, self.days, BLOCK):
            values = normalise(signals[start : start + BLOCK].values)
            if self.model is not None:
                values, observed = self.model.to_tokens(values)
                if self.observed is None:
                    self.observed = np.zeros((self.days, observed.shape[1]), bool)
                self.observed[start : start + BLOCK] = observed
            if start == 0:
                self.values = jnp.zeros((self.days, *values.shape[1:]), dtype)
            self.values = _write(self.values, values.astype(self.values.dtype), start)

    @property
    def nbytes(self) -> int:
        """Bytes that they take on the device."""
        return self.values.nbytes

    def read(self, rows: np.ndarray, places: np.ndarray, *beside: dict[str, np.ndarray]) -> Any:
        """The batch of these rows, on the device: what ``prepare`` makes of them, or for other models ``[b, t, s]``.

        Args:
            rows: of the Cohort, int ``[b]``.
            places: of each in the order of training, as ``prepare`` is told.
            beside: likewise.
        """
        rows = rows.astype(np.int32)
        if self.model is None or self.observed is None:
            return gather(self.values, rows)
        plan = self.model.plan(self.observed[rows], places, *beside)
        if "number" in plan:
            return gather_rows(self.values, rows, plan)
        return {**plan, "signals": self.model.grid.to_windows(gather(self.values, rows))}


@jax.jit
def gather(values: jax.Array, rows: jax.Array) -> jax.Array:
    """Rows of ``values`` ``[d, …]``, float32 ``[b, …]``."""
    return values[rows].astype(jnp.float32)


@jax.jit
def gather_rows(patches: jax.Array, rows: jax.Array, plan: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """What ``lsmlib.packing.fill_rows`` makes of a plan and ``patches[rows]``, with ``patches`` ``[d, n, cells]``."""

    def take(number: jax.Array, lengths: jax.Array) -> jax.Array:
        stretch = number_stretches(lengths, number.shape[1])
        day = jnp.take_along_axis(rows.reshape(lengths.shape), jnp.minimum(stretch, lengths.shape[1] - 1), axis=1)
        inside = (stretch < lengths.shape[1])[:, :, None]
        return jnp.where(inside, patches[day, number].astype(jnp.float32), jnp.nan)

    filled = {**plan, "values": jnp.nan_to_num(take(plan["number"], plan["lengths"]), nan=0.0)}
    if "decoded" in plan:
        target = take(plan["decoded"], plan["decoded_lengths"])
        filled["scored"] = ~jnp.isnan(target) & (plan["source"] < 0)[:, :, None]
        filled["target"] = jnp.nan_to_num(target, nan=0.0)
    return filled


@partial(jax.jit, donate_argnums=0)
def _write(values: jax.Array, block: jax.Array, start: int) -> jax.Array:
    return jax.lax.dynamic_update_slice_in_dim(values, block, start, axis=0)


def _check_fits(shape: tuple[int, ...], dtype: str, leave: int) -> None:
    size = int(np.prod(shape, dtype=np.int64))
    needed, limit, used = size * np.dtype(jnp.dtype(dtype)).itemsize, *device_memory()
    if needed + leave <= limit - used:
        return
    half = f", dtype='float16' ({2 * size / 1e9:,.2f} GB)" if dtype == "float32" else ""
    raise ValueError(
        f"{shape[0]:,} rows take {needed / 1e9:,.2f} GB as {dtype}, and training {leave / 1e9:,.2f} GB beside them; "
        f"the device has {limit / 1e9:,.2f} GB, of which {used / 1e9:,.2f} GB are in use. Expected fewer rows{half}, "
        "or batches from the host, which need no room there: data_on_device=None"
    )
