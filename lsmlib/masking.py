"""Which tokens are hidden from the encoder, and which it keeps.

What is hidden is written in two ways. ``hidden`` is bool ``[b, n]``. ``kept`` is int32 ``[b, k]``: the numbers of the
tokens that the encoder reads, -1 where a sample has fewer than ``k``. The second is what a model computes with, since
what is hidden is then not computed at all.
"""

from typing import Any

import numpy as np
from keras import ops


def keep_random(noise: Any, count: int) -> Any:
    """Keep the ``count`` tokens with the smallest noise of each sample, in the order of their noise.

    Exact counts, not coin flips (He et al., 2022, section 3): every sample keeps the same number, so shapes are fixed.

    Args:
        noise: ``[b, n]``, for example uniform.
        count: ``k``, how many to keep.

    Returns:
        ``kept`` int32 ``[b, k]``.
    """
    return ops.cast(ops.argsort(noise, axis=-1)[:, :count], "int32")


def keep_visible(hidden: np.ndarray) -> np.ndarray:
    """Keep the tokens that are not hidden: bool ``[b, n]`` to int32 ``[b, k]``, -1 beyond what a sample has.

    ``k`` is the largest number that any sample keeps, and at least 1.
    """
    counts = (~hidden).sum(axis=1)
    k = max(int(counts.max(initial=0)), 1)
    order = np.argsort(hidden, axis=1, kind="stable")[:, :k].astype(np.int32)
    return np.where(np.arange(k) < counts[:, None], order, np.int32(-1))


def place_kept(kept: Any, tokens: int) -> Any:
    """Where kept tokens stand: bool ``[b, k, n]``, True where the ``k``-th kept token is token ``n``.

    A token that stands nowhere is hidden: ``hidden = ~any(place, axis=1)``.
    """
    return kept[:, :, None] == ops.arange(tokens, dtype="int32")
