"""AIM by its definition, in float64 and loops, with nothing from lsmlib but the weights: slow, and plain to see.

All tokens of a day stay where they are; which may be attended is said by explicit masks.
"""

import numpy as np
from scipy.special import erf


def aim(weights, days, hidden, *, patch_minutes, heads, decoder_heads, rule, decoder_reads, positions):
    """What LSM-2 should give for normalised days ``[b, t, s]`` with NaN, and ``hidden`` tokens ``[b, n]``.

    Returns the loss; and a day each ``visible``, ``target``, ``encoded`` and ``prediction``, by token ``time * s +
    signal``.
    """
    squared, cells, details = 0.0, 0, []
    for day, day_hidden in zip(np.asarray(days, np.float64), hidden, strict=True):
        patches, visible, target, missing = [], [], [], []
        for time in range(day.shape[0] // patch_minutes):
            for signal in range(day.shape[1]):
                patch = day[time * patch_minutes : (time + 1) * patch_minutes, signal]
                gaps = sum(np.isnan(value) for value in patch)
                inherited = gaps > 0 if rule == "any" else gaps == patch_minutes
                artificial = day_hidden[len(patches)]
                patches.append(patch)
                visible.append(not inherited and not artificial)
                target.append(not inherited and artificial)
                missing.append(inherited)
        visible, target, missing = map(np.array, (visible, target, missing))
        values = np.array([[0.0 if np.isnan(value) else value for value in patch] for patch in patches])
        tokens = linear(values, weights, "encoder/embedding") + positions[0]
        encoded = transformer(tokens, visible, weights, "encoder/transformer", heads)
        tokens = linear(encoded, weights, "decoder/embedding")
        tokens[~visible] = weights["decoder/mask_token"][0, 0]
        readable = ~missing if decoder_reads == "observed" else np.ones_like(missing)
        decoded = transformer(tokens + positions[1], readable, weights, "decoder/transformer", decoder_heads)
        prediction = linear(decoded, weights, "decoder/prediction")
        for token in np.flatnonzero(target):
            for guess, value in zip(prediction[token], patches[token], strict=True):
                if not np.isnan(value):
                    squared, cells = squared + (guess - value) ** 2, cells + 1
        details.append({"visible": visible, "target": target, "encoded": encoded, "prediction": prediction})
    return squared / max(cells, 1), details


def transformer(x, readable, weights, name, heads):
    block = 0
    while f"{name}/block_{block}/norm_1/gamma" in weights:
        here = f"{name}/block_{block}"
        query, key, value = np.split(
            linear(norm(x, weights, f"{here}/norm_1"), weights, f"{here}/query_key_value"), 3, 1
        )
        seen = []
        for q, k, v in zip(*(np.split(part, heads, axis=1) for part in (query, key, value)), strict=True):
            weight = np.exp(q @ k.T / np.sqrt(k.shape[1])) * readable
            total = weight.sum(axis=1, keepdims=True)
            seen.append((weight / np.where(total > 0, total, 1.0)) @ v)
        x = x + linear(np.concatenate(seen, axis=1), weights, f"{here}/projection")
        inner = linear(norm(x, weights, f"{here}/norm_2"), weights, f"{here}/mlp_in")
        x = x + linear(inner * (1 + erf(inner / np.sqrt(2))) / 2, weights, f"{here}/mlp_out")
        block += 1
    return norm(x, weights, f"{name}/norm")


def linear(x, weights, name):
    return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]


def norm(x, weights, name):
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-6)
    return x * weights[f"{name}/gamma"] + weights[f"{name}/beta"]


def sincos(rows, columns, width, longest=30.0, height=4.0):
    """Positions by their definition: sines and cosines of the time, then those of the signal."""
    positions = np.zeros((rows * columns, width))
    quarter = width // 4
    for time in range(rows):
        for signal in range(columns):
            for wave in range(quarter):
                for half, place in enumerate((time, signal)):
                    angle = place * longest ** (-wave / quarter)
                    positions[time * columns + signal, half * 2 * quarter + wave] = height * np.sin(angle)
                    positions[time * columns + signal, half * 2 * quarter + quarter + wave] = height * np.cos(angle)
    return positions
