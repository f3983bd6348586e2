"""Attention among the tokens of texts: each attends to what stands before it, and texts are short.

A caption has tens to hundreds of tokens, so its scores are few beside those of a day's 1,872, and the plain form, in
float32 and on any backend, does. Attention to a day's tokens, of which there are many, is ``attention``.
"""

from keras import ops

from lsmlib.nn.attention import NEVER


def attend_pairs(query, key, value, pairs):
    """``attention`` where each query says which keys it attends to.

    Args:
        query: floats ``[b, n, h, c]``.
        key: ``[b, m, h, c]``, of the same dtype.
        value: ``[b, m, h, c]``, of the same dtype.
        pairs: bool ``[b, n, m]`` or ``[1, n, m]``: may this query attend to that key? Each to one at least.

    Returns:
        ``[b, n, h, c]``, of the dtype of ``query``; what stands under other keys changes no bit of it, if it is finite.
    """
    dtype = query.dtype
    query, key, value = (ops.cast(x, "float32") for x in (query, key, value))
    scores = ops.einsum("bnhc,bmhc->bhnm", query * query.shape[-1] ** -0.5, key)
    scores = ops.where(pairs[:, None], scores, NEVER)
    weights = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True)))
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    return ops.cast(ops.einsum("bhnm,bmhc->bnhc", weights, value), dtype)


def causal_pairs(tokens: int):
    """Each token to itself and those before it, bool ``[1, tokens, tokens]``."""
    place = ops.arange(tokens)
    return (place[:, None] >= place[None, :])[None]
