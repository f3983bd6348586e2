"""Where a token stands, as fixed sines and cosines of its place in time and among the signals.

Vaswani et al., "Attention Is All You Need" (2017), section 3.5, once for each axis, as masked autoencoders do (He et
al., 2022); as reported, LSM-1 adds them in the encoder and in the decoder, and no date or time of day.
"""

import numpy as np


def sincos_positions(rows: int, columns: int, width: int) -> np.ndarray:
    """Positions of a grid of tokens, time first: token ``row * columns + column``.

    Args:
        rows: places along time.
        columns: places along the signals.
        width: of a token; a multiple of 4, because each axis takes half of it, and a sine and a cosine half of that.

    Returns:
        float32 ``[rows * columns, width]``: sines and cosines of the place in time, then of that among signals.

    Raises:
        ValueError: if ``width`` is not a multiple of 4.
    """
    if width % 4:
        raise ValueError(f"width is {width}; expected a multiple of 4: a sine and a cosine for time and for signals")
    time, signal = np.divmod(np.arange(rows * columns), columns)
    return np.concatenate([_sincos(time, width // 2), _sincos(signal, width // 2)], axis=1).astype(np.float32)


def _sincos(place: np.ndarray, width: int) -> np.ndarray:
    """Sines and cosines of wavelengths from 2π to 10,000 · 2π places, ``[n, width]``."""
    rate = 10_000.0 ** -(np.arange(width // 2) / (width // 2))
    angle = place[:, None] * rate
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
