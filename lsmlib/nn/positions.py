"""Where a token stands, as fixed sines and cosines of its place in time and among the signals.

Vaswani et al., "Attention Is All You Need" (2017), section 3.5, once for each axis, as masked autoencoders do (He et
al., 2022); as reported, LSM-1 adds them in the encoder and in the decoder, and no date or time of day. How long their
waves are is not reported. The usual ones, up to 10,000 · 2π places long, are made for long texts: on a grid of 30 × 6
tokens three in four are all but constant, neighbours look alike, and training takes about twice as many steps to the
same loss.
"""

import numpy as np

LONGEST = 30.0  # the longest wave, in units of 2π places: longer than any window's grid, by not very much


def sincos_positions(rows: int, columns: int, width: int, longest: float = LONGEST) -> np.ndarray:
    """Positions of a grid of tokens, time first: token ``row * columns + column``.

    Args:
        rows: places along time.
        columns: places along the signals.
        width: of a token; a multiple of 4, because each axis takes half of it, and a sine and a cosine half of that.
        longest: the longest wave, in units of 2π places; the shortest is one.

    Returns:
        float32 ``[rows * columns, width]``: sines and cosines of the place in time, then of that among signals.

    Raises:
        ValueError: if ``width`` is not a multiple of 4.
    """
    if width % 4:
        raise ValueError(f"width is {width}; expected a multiple of 4: a sine and a cosine for time and for signals")
    time, signal = np.divmod(np.arange(rows * columns), columns)
    waves = [_sincos(place, width // 2, longest) for place in (time, signal)]
    return np.concatenate(waves, axis=1).astype(np.float32)


def _sincos(place: np.ndarray, width: int, longest: float) -> np.ndarray:
    """Sines and cosines of the place, for ``width // 2`` wavelengths from 2π up towards ``longest`` · 2π places."""
    rate = longest ** -(np.arange(width // 2) / (width // 2))
    angle = place[:, None] * rate
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
