"""The language half of SensorLM: a causal text encoder, and layers above it that also look at a day (CoCa).

Yu et al., "CoCa: Contrastive Captioners are Image-Text Foundation Models" (2022), section 3.2: the lower half of a
decoder reads text alone, its last token stands for the whole text; the upper half attends to the pooled day as well
and predicts the next token. Every layer takes whole texts, or one token at a time with what it remembers of those
before, for generation.
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from lsmlib.nn.attention import attention
from lsmlib.nn.causal import attend_pairs, causal_pairs
from lsmlib.nn.norm import LayerNorm
from lsmlib.nn.transformer import Stack, dense


class TextBlock(keras.layers.Layer):
    """Attention among tokens, then (if ``memory_width``) to a day's vectors, then two linear layers at each token."""

    def __init__(self, stack: Stack, seeds: Iterator[int], memory_width: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.width, self.heads, self.memory_width = stack.width, stack.heads, memory_width
        options = {"dtype": self.dtype_policy}
        self.norm_1 = LayerNorm(name="norm_1", **options)
        self.query_key_value = dense(3 * stack.width, seeds, name="query_key_value", **options)
        self.projection = dense(stack.width, seeds, name="projection", **options)
        if memory_width is not None:
            self.norm_memory = LayerNorm(name="norm_memory", **options)
            self.query = dense(stack.width, seeds, name="query", **options)
            self.key_value = dense(2 * stack.width, seeds, name="key_value", **options)
            self.memory_projection = dense(stack.width, seeds, name="memory_projection", **options)
        self.norm_2 = LayerNorm(name="norm_2", **options)
        self.mlp_in = dense(stack.mlp, seeds, name="mlp_in", **options)
        self.mlp_out = dense(stack.width, seeds, name="mlp_out", **options)

    def build(self, input_shape: Any) -> None:
        """Make the weights for tokens ``[b, l, w]``."""
        layers = [self.norm_1, self.query_key_value, self.projection, self.norm_2, self.mlp_in]
        if self.memory_width is not None:
            layers += [self.norm_memory, self.query, self.memory_projection]
            self.key_value.build((None, None, self.memory_width))
        for layer in layers:
            layer.build((None, None, self.width))
        self.mlp_out.build((None, None, self.mlp_in.units))

    def call(self, x: Any, pairs: Any, memory: Any = None) -> Any:
        """Tokens ``[b, l, w]`` to tokens; ``memory``: what ``remember`` gave."""
        query, key, value = self._split(x)
        return self._rest(x, attend_pairs(query, key, value, pairs), memory)

    def step(self, x: Any, place: Any, cache: tuple[Any, Any], memory: Any = None) -> tuple[Any, tuple[Any, Any]]:
        """One token ``[b, 1, w]`` at ``place``, with keys and values ``[b, l, h, c]`` of those before it."""
        query, *new = self._split(x)
        key, value = (ops.slice_update(old, (0, place, 0, 0), one) for old, one in zip(cache, new, strict=True))
        pairs = (ops.arange(key.shape[1]) <= place)[None, None]
        return self._rest(x, attend_pairs(query, key, value, pairs), memory), (key, value)

    def remember(self, pooled: Any) -> tuple[Any, Any]:
        """Keys and values ``[b, q, h, c]`` of a day's vectors ``[b, q, w]``."""
        return tuple(self._heads(part) for part in ops.split(self.key_value(pooled), 2, axis=-1))

    def empty_cache(self, texts: int, tokens: int) -> tuple[Any, Any]:
        """Room for the keys and values of so many tokens."""
        shape = (texts, tokens, self.heads, self.width // self.heads)
        return ops.zeros(shape, self.compute_dtype), ops.zeros(shape, self.compute_dtype)

    def _rest(self, x: Any, seen: Any, memory: Any) -> Any:
        x = x + self.projection(self._join(seen))
        if self.memory_width is not None:
            query = self._heads(self.query(self.norm_memory(x)))
            x = x + self.memory_projection(self._join(attention(query, *memory)))
        return x + self.mlp_out(ops.gelu(self.mlp_in(self.norm_2(x)), approximate=False))

    def _split(self, x: Any) -> list[Any]:
        return [self._heads(part) for part in ops.split(self.query_key_value(self.norm_1(x)), 3, axis=-1)]

    def _heads(self, x: Any) -> Any:
        return ops.reshape(x, (*ops.shape(x)[:2], self.heads, self.width // self.heads))

    def _join(self, x: Any) -> Any:
        return ops.reshape(x, (*ops.shape(x)[:2], self.width))


class TextStack(keras.layers.Layer):
    """Text encoder and, if ``decoder`` is given, multimodal decoder, which share the vectors of the vocabulary.

    Args:
        text: the stack that reads text alone.
        decoder: the stack that looks at a day, too.
        vocabulary: v, how many tokens there are.
        context: the most tokens of a text.
        memory_width: of a day's vectors.
        class_token: whether a last token stands for the whole text.
        seeds: of the weights.
        **kwargs: of ``keras.layers.Layer``.
    """

    def __init__(
        self, text: Stack, decoder: Stack | None, vocabulary: int, context: int, memory_width: int, class_token: bool,
        seeds: Iterator[int], **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        self.width, self.vocabulary_size, self.context = text.width, vocabulary, context
        self.has_class, self.initializers = class_token, [_small(next(seeds)) for _ in range(3)]
        options = {"dtype": self.dtype_policy}
        self.blocks = [TextBlock(text, seeds, name=f"text_{i}", **options) for i in range(text.layers)]
        self.norm = LayerNorm(name="text_norm", **options)
        self.decoder_blocks: list[TextBlock] = []
        if decoder is not None:
            self.decoder_blocks = [
                TextBlock(decoder, seeds, memory_width, name=f"decoder_{i}", **options) for i in range(decoder.layers)
            ]
            self.decoder_norm = LayerNorm(name="decoder_norm", **options)

    def build(self, input_shape: Any) -> None:
        """Make the weights."""
        shapes: dict[str, tuple[int, ...]] = {
            "vocabulary": (self.vocabulary_size, self.width), "positions": (self.context, self.width)
        }  # fmt: skip
        if self.has_class:
            shapes["class_token"] = (1, 1, self.width)
        for initializer, (name, shape) in zip(self.initializers, shapes.items(), strict=False):
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))
        layers: list[keras.layers.Layer] = [*self.blocks, self.norm, *self.decoder_blocks]
        if self.decoder_blocks:
            layers.append(self.decoder_norm)
        for layer in layers:
            layer.build((None, None, self.width))

    def call(self, tokens: Any, visible: Any) -> tuple[Any, Any]:
        """Read texts.

        Args:
            tokens: ids int32 ``[b, l]``.
            visible: which of them are no padding, bool ``[b, l]``.

        Returns:
            The vector of each token ``[b, l, w]``, which knows those before it alone; and the last one's ``[b, w]``,
            which knows them all but padding, or None without a class token.
        """
        count = tokens.shape[1]
        x, pairs = self._embed(tokens, ops.arange(count)), causal_pairs(count)
        if self.has_class:
            texts = ops.shape(tokens)[0]
            last = ops.broadcast_to(ops.cast(self.class_token, x.dtype), (texts, 1, self.width))
            x = ops.concatenate([x, last], axis=1)
            own = ops.ones((texts, 1), "bool")
            among = ops.broadcast_to(ops.pad(pairs, ((0, 0), (0, 0), (0, 1))), (texts, count, count + 1))
            pairs = ops.concatenate([among, ops.concatenate([visible, own], axis=1)[:, None]], axis=1)
        for block in self.blocks:
            x = block(x, pairs)
        x = self.norm(x)
        return (x[:, :count], x[:, count]) if self.has_class else (x, None)

    def decode(self, read: Any, memories: list[Any]) -> Any:
        """Float32 logits of each next token ``[b, l, v]``; ``read`` ``[b, l, w]`` is what the text encoder gave."""
        pairs = causal_pairs(read.shape[1])
        for block, memory in zip(self.decoder_blocks, memories, strict=True):
            read = block(read, pairs, memory)
        return self._logits(read)

    def remember(self, pooled: Any) -> list[Any]:
        """What the decoder's layers keep of a day's vectors ``[b, q, w]``."""
        return [block.remember(pooled) for block in self.decoder_blocks]

    def empty_caches(self, texts: int, tokens: int) -> list[Any]:
        """Room for what all layers keep of texts."""
        return [block.empty_cache(texts, tokens) for block in (*self.blocks, *self.decoder_blocks)]

    def step(self, tokens: Any, place: Any, caches: list[Any], memories: list[Any]) -> tuple[Any, list[Any]]:
        """Logits ``[b, v]`` of what follows the token ``[b]`` at ``place``, and the caches with it in them."""
        x, after = self._embed(tokens[:, None], place[None]), []
        for block, cache in zip(self.blocks, caches, strict=False):
            x, cache = block.step(x, place, cache)
            after.append(cache)
        x = self.norm(x)
        for block, cache, memory in zip(self.decoder_blocks, caches[len(self.blocks) :], memories, strict=True):
            x, cache = block.step(x, place, cache, memory)
            after.append(cache)
        return self._logits(x)[:, 0], after

    def _embed(self, tokens: Any, places: Any) -> Any:
        table, positions = (ops.cast(x, self.compute_dtype) for x in (self.vocabulary, self.positions))
        return ops.take(table, tokens, axis=0) + ops.take(positions, places, axis=0)

    def _logits(self, x: Any) -> Any:
        x = self.decoder_norm(x)
        return ops.cast(ops.matmul(x, ops.transpose(ops.cast(self.vocabulary, x.dtype))), "float32")


def _small(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=0.02, seed=seed)
