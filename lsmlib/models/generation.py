"""Writing captions of days, a token at a time: the likeliest next one, beams of several, or one drawn at random.

Keys and values of tokens that were written are kept, so that each costs as much as one token, not as the text so far.
Without these caches the same loop reads the whole text for every token; it is there to test against.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
from keras import ops

from lsmlib.nn.attention import NEVER
from lsmlib.text.tokenizer import CaptionTokenizer

PADDING, START, END = CaptionTokenizer.padding_id, CaptionTokenizer.start_id, CaptionTokenizer.end_id


@lru_cache(maxsize=32)
def writer(length: int, beams: int, draw: bool, cached: bool) -> Callable[[Any, dict[str, Any]], Any]:
    """The function that writes, for ``run_in_packs``; the same one for the same arguments, so that it compiles once.

    Args:
        length: tokens of a text at most, start and end included.
        beams: texts that are pursued at a time; the likeliest one is given.
        draw: whether tokens are drawn, at the ``temperature`` of the inputs.
        cached: whether keys and values of earlier tokens are kept.

    Returns:
        A function of a model and inputs (``pack``'s, with ``day`` int32 ``[b]``, ``seed`` and ``temperature``) that
        gives ids int32 ``[b, length]``, padded after the end.
    """

    def captions(model: Any, inputs: dict[str, Any]) -> Any:
        pooled = model.pool_days(inputs)[:, model.contrasted :]
        days = pooled.shape[0]
        memories = model.text.remember(ops.repeat(pooled, beams, axis=0))
        caches = model.text.empty_caches(days * beams, length) if cached else []
        keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(inputs["seed"]), inputs["day"])

        def proceed(place, tokens, chances, done, caches):
            if cached:
                logits, caches = model.text.step(ops.take(tokens, place, axis=1), place, caches, memories)
            else:
                read, _ = model.text(tokens, tokens != PADDING)
                logits = ops.take(model.text.decode(read, memories), place, axis=1)
            ids = ops.arange(logits.shape[-1])
            logits = ops.where((ids == PADDING) | (ids == START), NEVER, logits)
            if draw:
                noise = jax.vmap(lambda key: jax.random.gumbel(jax.random.fold_in(key, place), ids.shape))(keys)
                chosen = ops.cast(ops.argmax(logits / inputs["temperature"] + noise, axis=1), "int32")
                chosen = ops.where(done, PADDING, chosen)
            else:
                logits = logits - ops.logsumexp(logits, axis=1, keepdims=True)
                # a text that has ended goes on with padding alone, and is no less likely for it
                logits = ops.where(done[:, None], ops.where(ids == PADDING, 0.0, NEVER), logits)
                both = ops.reshape(chances[:, None] + logits, (days, beams * ids.shape[0]))
                best, at = ops.top_k(both, beams)
                chances = ops.reshape(best, (days * beams,))
                chosen = ops.cast(ops.reshape(at % ids.shape[0], (days * beams,)), "int32")
                if beams > 1:
                    parent = ops.arange(days)[:, None] * beams + at // ids.shape[0]
                    parent = ops.cast(ops.reshape(parent, (days * beams,)), "int32")
                    tokens, done = ops.take(tokens, parent, axis=0), ops.take(done, parent, axis=0)
                    caches = jax.tree.map(lambda cache: ops.take(cache, parent, axis=0), caches)
            tokens = ops.slice_update(tokens, (0, place + 1), chosen[:, None])
            return place + 1, tokens, chances, done | (chosen == END), caches

        texts = days * beams
        tokens = ops.where(ops.arange(length) == 0, START, PADDING) * ops.ones((texts, 1), "int32")
        chances = ops.tile(ops.where(ops.arange(beams) == 0, 0.0, NEVER), (days,))  # at first all beams are the same
        start = (ops.zeros((), "int32"), ops.cast(tokens, "int32"), ops.cast(chances, "float32"),
                 ops.zeros((texts,), "bool"), caches)  # fmt: skip
        ended = jax.lax.while_loop(
            lambda state: (state[0] < length - 1) & ~ops.all(state[3]), lambda state: proceed(*state), start
        )
        tokens, chances = ended[1], ops.reshape(ended[2], (days, beams))
        best = ops.arange(days) * beams + ops.argmax(chances, axis=1)
        return ops.take(tokens, best, axis=0)

    return captions
