"""Embeddings of days with gaps that say what was measured, not which of it was.

``LSM2.embed`` is the mean over a day's encoded tokens. Tokens of different signals and hours lie far apart, so this
mean moves with what was worn and when, more than with who wore it. Here each token is first compared with the mean of
its own position over other days, and then each signal is averaged by itself, so that a signal with many tokens counts
no more than one with few. This is ours; LSM-2's paper pools plainly.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr
from keras import ops

from lsmlib.models.batching import run_in_batches, run_in_packs, take_days
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.packing import fill_rows, plan_visible, rows_for, stretches
from lsmlib.signals import normalise


class CentredEmbedder:
    """Days to vectors: by signal, the mean of what its observed tokens differ from their positions' usual vectors.

    Args:
        model: trained.
        reference: days of people who are not evaluated, a few hundred, from which the usual vectors are taken. A
            position at which none of them has a reading counts as never observed.
        batch_size: days at once.

    Raises:
        ValueError: if days have another length than the model's, or none has a token.
    """

    def __init__(self, model: LSM2, reference: xr.Dataset, batch_size: int = 32) -> None:
        self.model, self.batch_size = model, batch_size
        grid = model.grid
        total, count = np.zeros((grid.tokens, model.size.encoder.width)), np.zeros(grid.tokens)
        for _, tokens, observed in self._tokens(reference):
            total += tokens.sum(axis=0, dtype=float)
            count += observed.sum(axis=0)
        if not count.any():
            raise ValueError("no reference day has a token; expected days with readings, a few hundred of them")
        self.known = count > 0
        self.usual = (total / np.maximum(count, 1)[:, None]).astype(np.float32)  # [n, w]

    def __call__(self, cohort: xr.Dataset) -> np.ndarray:
        """Embed days.

        Args:
            cohort: days, NaN where missing.

        Returns:
            float32 ``[d, s * w]``: a vector for each signal, one after another; zeros, which is as usual, for a signal
            without a token.

        Raises:
            ValueError: if days have another length than the model's.
        """
        grid, width = self.model.grid, self.model.size.encoder.width
        result = np.zeros((cohort.sizes["day"], grid.columns, width), np.float32)
        for days, tokens, observed in self._tokens(cohort):
            observed &= self.known
            differs = np.where(observed[:, :, None], tokens - self.usual, 0).reshape(
                len(days), grid.rows, grid.columns, -1
            )
            count = observed.reshape(len(days), grid.rows, grid.columns).sum(axis=1)
            result[days] = differs.sum(axis=1) / np.maximum(count, 1)[:, :, None]
        return result.reshape(len(result), -1)

    def _tokens(self, cohort: xr.Dataset) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Numbers of days, their encoded tokens ``[b, n, w]``, zeros for others, and which were observed ``[b, n]``."""
        model = self.model
        model.check_windows(cohort)
        signals = normalise(cohort["signals"].values)
        observed = np.concatenate([model.observed_tokens(~np.isnan(day[None])) for day in signals])

        def pack(days: np.ndarray) -> dict[str, np.ndarray]:
            patches = model.grid.to_patches(take_days(signals, days))
            return fill_rows(patches, plan_visible(take_days(observed, days), rows_for(len(days)))[0])

        for days, packed, encoded in run_in_packs(_encode, model, pack, observed.sum(axis=1), self.batch_size):
            row, place, day = stretches(packed["lengths"])
            tokens = np.zeros((packed["lengths"].size, model.grid.tokens, encoded.shape[2]), np.float32)
            tokens[day, packed["number"][row, place]] = encoded[row, place]
            yield days, tokens[: len(days)], observed[days]


def signal_means(model: LSM1, windows: xr.Dataset, batch_size: int = 32) -> np.ndarray:
    """An LSM-1's windows to vectors, signal by signal: what ``CentredEmbedder`` is compared with fairly.

    Where no token is ever missing, the usual vectors that ``CentredEmbedder`` takes off are one constant, which no
    probe sees; what is left of it is that each signal is averaged by itself.

    Args:
        model: trained, with ``patch_signals=1``.
        windows: without gaps, of the model's length.
        batch_size: windows at once.

    Returns:
        float32 ``[d, s * w]``.

    Raises:
        ValueError: if the model's patches hold several signals, or windows have gaps or another length.
    """
    if model.grid.patch_signals != 1:
        raise ValueError(f"a token of this model holds {model.grid.patch_signals} signals; expected patch_signals=1")
    model.check_windows(windows)
    means = run_in_batches(_mean_over_time, model, {"signals": normalise(windows["signals"].values)}, batch_size)
    return means.reshape(len(means), -1)


def _mean_over_time(model: LSM1, inputs: dict[str, Any]) -> Any:
    tokens = ops.cast(model.encode(inputs["signals"]), "float32")
    return ops.mean(ops.reshape(tokens, (-1, model.grid.rows, model.grid.columns, tokens.shape[-1])), axis=1)


def _encode(model: LSM2, inputs: dict[str, Any]) -> Any:
    return ops.cast(model.encoder(inputs["values"], inputs["number"], inputs["lengths"]), "float32")
