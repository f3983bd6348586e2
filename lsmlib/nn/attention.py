"""Attention, owned here: one function."""

import math
from typing import Any

from keras import ops

FAR_BELOW = -1e30  # finite, so that a row without any visible key stays a number


def attention(query: Any, key: Any, value: Any, visible: Any = None, *, kernel: str | None = None) -> Any:
    """Softmax attention, ``[b, n, h, c]`` → ``[b, n, h, c]``; ``visible`` bool ``[b, m]``: the keys to attend to."""
    scores = ops.einsum("bnhc,bmhc->bhnm", query, key) / math.sqrt(query.shape[-1])
    if visible is None:
        return ops.einsum("bhnm,bmhc->bnhc", ops.softmax(scores), value)
    seen = visible[:, None, None, :]
    scores = ops.where(seen, scores, FAR_BELOW)
    weights = ops.where(seen, ops.softmax(scores), 0.0)
    return ops.einsum("bhnm,bmhc->bnhc", weights, value)
