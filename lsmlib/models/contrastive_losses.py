"""The losses of SensorLM, over all days of a batch.

Arrays that are split among devices are whole arrays to JAX, so under ``keras.distribution`` every day is compared with
the texts of all devices, and nothing has to be gathered by hand.
"""

from typing import Any

from keras import ops


def clip_loss(sensor: Any, text: Any, scale: Any) -> Any:
    """Symmetric cross-entropy: each day must find its text among all texts, each text its day (CLIP, Radford et al.,
    2021, figure 3).

    Args:
        sensor: unit vectors ``[b, w]``.
        text: unit vectors ``[b, w]``; row i belongs to day i.
        scale: what similarities are multiplied by, one over the temperature.

    Returns:
        A number; log(b) where all are alike.
    """
    logits = scale * ops.matmul(sensor, ops.transpose(text))
    own = ops.sum(logits * ops.eye(logits.shape[0], dtype=logits.dtype), axis=1)
    among_texts = ops.logsumexp(logits, axis=1) - own
    among_days = ops.logsumexp(logits, axis=0) - own
    return (ops.mean(among_texts) + ops.mean(among_days)) / 2


def siglip_loss(sensor: Any, text: Any, scale: Any, bias: Any) -> Any:
    """Is this the text of this day? A logistic loss over all pairs, summed, a day (SigLIP, Zhai et al., 2023,
    algorithm 1).

    Args:
        sensor: unit vectors ``[b, w]``.
        text: unit vectors ``[b, w]``.
        scale: what similarities are multiplied by.
        bias: what is added; negative, as most pairs do not belong together.
    """
    logits = scale * ops.matmul(sensor, ops.transpose(text)) + bias
    count = logits.shape[0]
    sign = 2.0 * ops.eye(count, dtype=logits.dtype) - 1.0
    return ops.sum(ops.softplus(-sign * logits)) / count


def caption_loss(logits: Any, labels: Any, padding: int = 0) -> Any:
    """Cross-entropy of each next token, a mean over the tokens of all texts; padding never enters.

    Args:
        logits: ``[b, l, v]``.
        labels: int ``[b, l]``: the tokens that follow, those read shifted by one.
        padding: the id of what is no token.
    """
    known = ops.cast(labels != padding, "float32")
    # a product with zeros and ones: the gradient of a gather would be a scatter, which is slow everywhere
    picked = ops.sum(ops.where(labels[..., None] == ops.arange(logits.shape[-1]), logits, 0.0), axis=-1)
    loss = ops.where(labels != padding, ops.logsumexp(logits, axis=-1) - picked, 0.0)
    return ops.sum(loss) / ops.maximum(ops.sum(known), 1.0)
