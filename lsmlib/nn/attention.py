"""Attention, owned: one function, and five kernels of the same mathematics, chosen by device and precision.

Keras would choose for us, but on TPU it chooses a kernel that makes attention causal when there is no mask; so nothing
here asks it to. Every kernel is tested against the reference; two of them run on any backend of Keras.
"""

import keras
from keras import ops

# The score of a key that may not be attended. Finite, because a row of -inf has no softmax.
NEVER = -1e30


def attention(query, key, value, visible=None, *, lengths=None, kernel: str | None = None):
    """Multi-head attention: softmax(query · key / √c) · value, where every query attends to every visible key.

    Scaled dot-product attention (Vaswani et al., "Attention Is All You Need", 2017, section 3.2.1), never causal. What
    stands under invisible keys, NaN included, changes no bit of the result, and gets a gradient of exactly zero. A
    sample without any visible key gives zeros.

    Args:
        query: floats ``[b, n, h, c]`` (``c`` channels a head).
        key: ``[b, m, h, c]``, of the same dtype.
        value: ``[b, m, h, c]``, of the same dtype.
        visible: bool ``[b, m]``, True where a key may be attended; None: everywhere.
        lengths: int32 ``[b, d]``: each row holds ``d`` stretches one after another, of so many tokens, and each attends
            to itself alone; what is beyond them is attended by nothing and gives zeros. Instead of ``visible``, and
            with as many keys as queries.
        kernel: one of ``KERNELS``, or None for ``choose_kernel``'s.

            - ``"plain"``: keras.ops alone, in float32 throughout. The reference; on any backend.
            - ``"blocked"``: one block of scores at a time, which stays in a CPU's cache; scores are computed again for
              the gradient instead of being kept.
            - ``"xla"``: ``jax.nn.dot_product_attention``, left to the compiler.
            - ``"cudnn"``: flash attention on NVIDIA GPUs (Ampere or later), bfloat16 or float16.
            - ``"portable"``: keras.ops as well, as two products and a softmax, for which runtimes of exported graphs
              have fast operations. On any backend, and what others than JAX use.

    Returns:
        ``[b, n, h, c]``, of the dtype of ``query``.

    Raises:
        ValueError: if shapes or dtypes do not fit, or the kernel is unknown or cannot run here.
    """
    _check(query, key, value, visible, lengths)
    dtype, channels = keras.backend.standardize_dtype(query.dtype), query.shape[-1]
    if kernel is None:
        kernel = choose_kernel(dtype, channels)
    elif kernel not in KERNELS:
        raise ValueError(f"kernel is {kernel!r}; expected None or one of {', '.join(map(repr, KERNELS))}")
    elif obstacle := _find_obstacle(kernel, dtype, channels, _find_platform()):
        raise ValueError(f"kernel={kernel!r} cannot run here: {obstacle}. Expected kernel=None, which chooses one")
    if visible is None and lengths is None:
        return KERNELS[kernel](query, key, value, None, None)
    # Zeros, before anything is computed: 0 · NaN would be NaN. With zero values, the even weights of a sample without
    # visible keys give zeros, too.
    seen = visible if lengths is None else number_stretches(lengths, key.shape[1]) < lengths.shape[1]
    seen = seen[:, :, None, None]
    key, value = (ops.where(seen, x, ops.zeros_like(x)) for x in (key, value))
    if lengths is not None:
        query = ops.where(seen, query, ops.zeros_like(query))
    output = KERNELS[kernel](query, key, value, visible, lengths)
    return output if lengths is None else ops.where(seen, output, ops.zeros_like(output))


def number_stretches(lengths, tokens: int):
    """Which stretch each place of a row is in: ``lengths`` ``[b, d]`` to int32 ``[b, tokens]``; ``d`` beyond them."""
    ends = ops.cumsum(lengths, axis=1)
    return ops.sum(ops.cast(ops.arange(tokens)[:, None] >= ends[:, None, :], "int32"), axis=2)


def choose_kernel(dtype: str, channels: int, platform: str | None = None) -> str:
    """Name the fastest kernel that can run.

    Args:
        dtype: of query, key and value, for example ``"float32"``.
        channels: of a head.
        platform: ``"cpu"``, ``"tpu"``, ``"cuda 8.0"`` (with the GPU's compute capability), ``"rocm"``, or ``"no jax"``
            for other backends of Keras; None: where this process computes.

    Returns:
        ``"portable"``, ``"blocked"``, ``"xla"`` or ``"cudnn"``.
    """
    platform = _find_platform() if platform is None else platform
    return next(k for k in ("blocked", "cudnn", "xla", "portable") if not _find_obstacle(k, dtype, channels, platform))


def _find_platform() -> str:
    if keras.backend.backend() != "jax":
        return "no jax"
    import jax

    device = jax.local_devices()[0]
    if device.platform != "gpu":
        return device.platform
    return "rocm" if "rocm" in device.client.platform_version else f"cuda {device.compute_capability}"


def _find_obstacle(kernel: str, dtype: str, channels: int, platform: str) -> str | None:
    """Why a kernel cannot run, if it cannot."""
    if kernel in ("plain", "portable"):
        return None
    if platform == "no jax":
        return f"the backend of Keras is {keras.backend.backend()!r}, this kernel is written for 'jax'"
    if kernel == "blocked" and platform != "cpu":
        return f"it is made for CPUs, and JAX computes on {platform!r}"
    if kernel == "cudnn":
        name, _, capability = platform.partition(" ")
        if name != "cuda":
            return f"it is for NVIDIA GPUs, and JAX computes on {platform!r}"
        if float(capability) < 8:
            return f"it needs a GPU of compute capability 8.0 (Ampere) or later, this one has {capability}"
        if dtype not in ("bfloat16", "float16"):
            return f"it computes in bfloat16 or float16, the arrays are {dtype}"
        if channels % 8 or channels > 128:
            return f"it needs heads of a multiple of 8 channels, at most 128; these have {channels}"
    return None


def _pairs(tokens, visible, lengths):
    """Which query may attend which key: bool ``[b, 1, 1 or n, m]``, or None for all."""
    if lengths is not None:
        stretch = number_stretches(lengths, tokens)
        return (stretch[:, :, None] == stretch[:, None, :])[:, None]
    return None if visible is None else visible[:, None, None, :]


def _plain(query, key, value, visible, lengths):
    dtype = query.dtype
    query, key, value = (ops.cast(x, "float32") for x in (query, key, value))
    scores = ops.einsum("bnhc,bmhc->bhnm", query * query.shape[-1] ** -0.5, key)
    pairs = _pairs(query.shape[1], visible, lengths)
    if pairs is not None:
        scores = ops.where(pairs, scores, NEVER)
    weights = ops.exp(scores - ops.stop_gradient(ops.max(scores, axis=-1, keepdims=True)))
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    return ops.cast(ops.einsum("bhnm,bmhc->bnhc", weights, value), dtype)


def _portable(query, key, value, visible, lengths):
    dtype, channels = query.dtype, query.shape[-1]
    query, key, value = (ops.transpose(ops.cast(x, "float32"), (0, 2, 1, 3)) for x in (query, key, value))
    query = query * channels**-0.5
    if visible is not None:
        # As one channel more, the scores of invisible keys cost next to nothing: query · key + 1 · NEVER.
        never = ops.where(visible, 0.0, NEVER)[:, None, :, None]
        query = ops.concatenate([query, ops.ones_like(query[..., :1])], axis=-1)
        key = ops.concatenate([key, ops.zeros_like(key[..., :1]) + never], axis=-1)
    scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2)))
    if lengths is not None:
        scores = ops.where(_pairs(scores.shape[2], None, lengths), scores, NEVER)
    return ops.cast(ops.transpose(ops.matmul(ops.softmax(scores), value), (0, 2, 1, 3)), dtype)


def _blocked(query, key, value, visible, lengths):
    if lengths is not None:
        from lsmlib.nn.cpu_stretches import attend_in_stretches

        return attend_in_stretches(query, key, value, lengths)
    from lsmlib.nn.cpu_attention import blocked_attention

    return blocked_attention(query, key, value, visible)


def _xla(query, key, value, visible, lengths):
    from jax.nn import dot_product_attention

    return dot_product_attention(query, key, value, mask=_pairs(query.shape[1], visible, lengths), implementation="xla")


def _cudnn(query, key, value, visible, lengths):
    from jax.nn import dot_product_attention

    n = query.shape[1]
    if visible is not None or lengths is not None:  # with a mask, cuDNN has gradients for even lengths only
        query, key, value = (ops.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, 0), (0, 0))) for x in (query, key, value))
    if lengths is not None and lengths.shape[1] == 1:  # one stretch a row is a length, which needs no mask
        length = ops.maximum(lengths[:, 0], 1)
        options = {"query_seq_lengths": length, "key_value_seq_lengths": length}
    else:
        visible = None if visible is None else ops.pad(visible, ((0, 0), (0, visible.shape[1] % 2)))
        options = {"mask": _pairs(query.shape[1], visible, lengths)}
    return dot_product_attention(query, key, value, implementation="cudnn", **options)[:, :n]


KERNELS = {"plain": _plain, "blocked": _blocked, "xla": _xla, "cudnn": _cudnn, "portable": _portable}


def _check(query, key, value, visible, lengths) -> None:
    shapes = [tuple(x.shape) for x in (query, key, value)]
    told = "query {}, key {}, value {}".format(*shapes)
    b, m, heads = shapes[0][0], shapes[1][1:2], shapes[0][2:]
    if any(len(shape) != 4 for shape in shapes) or shapes[1] != (b, *m, *heads) or shapes[2] != shapes[1]:
        raise ValueError(f"{told}; expected [b, n, h, c] for the query, and [b, m, h, c] for both key and value")
    if 0 in shapes[1]:
        raise ValueError(f"{told}; expected at least one key, head and channel")
    dtypes = [keras.backend.standardize_dtype(x.dtype) for x in (query, key, value)]
    if len(set(dtypes)) > 1 or "float" not in dtypes[0]:
        raise ValueError(f"query, key and value are {', '.join(dtypes)}; expected floats of one dtype")
    if lengths is not None:
        kind, shape = keras.backend.standardize_dtype(lengths.dtype), tuple(lengths.shape)
        if visible is not None or m != shapes[0][1:2]:
            raise ValueError(f"{told}, with lengths; expected as many keys as queries, and no visible")
        if "int" not in kind or len(shape) != 2 or shape[0] != b or not shape[1]:
            raise ValueError(f"lengths is {kind} {shape}; expected int32 [b, d] with b = {b}, tokens of each stretch")
    if visible is None:
        return
    if keras.backend.standardize_dtype(visible.dtype) != "bool" or tuple(visible.shape) != (b, *m):
        raise ValueError(
            f"visible is {keras.backend.standardize_dtype(visible.dtype)} {tuple(visible.shape)}; expected bool "
            f"[b, m] = {(b, *m)}, True where a key may be attended"
        )
