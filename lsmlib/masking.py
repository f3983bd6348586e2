"""Which tokens are hidden from the encoder, and which it keeps.

What is hidden is written in two ways. ``hidden`` is bool ``[b, n]``. ``kept`` is int32 ``[b, k]``: the numbers of the
tokens that the encoder reads, -1 where a sample has fewer than ``k``. The second is what a model computes with, since
what is hidden is then not computed at all.

Functions of noise take numpy arrays or what Keras calls tensors, and give the like. All of them hide exact counts, not
coin flips, so how much stays visible is known before anything is drawn.
"""

from typing import Any, NamedTuple

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


class Mixture(NamedTuple):
    """How days are hidden from LSM-2 in training; each day is hidden in one of three ways.

    Xu, Narayanswamy et al., 2025: 80 % of the tokens at random, as noise does; half of the time, all signals, as a
    device does that is off; half of the signals, all day, as a sensor does that is off; one way a day with equal
    chances; all as reported. Whether the half of the time is one slice or scattered patches is not known to us.
    """

    random: float = 0.8  # share of tokens
    time: float = 0.5  # share of the patches along time
    signal: float = 0.5  # share of the signals
    contiguous: bool = True  # the hidden time is one slice of the day
    chances: tuple[float, float, float] = (1.0, 1.0, 1.0)  # of the three, relative to one another

    def counts(self, rows: int, columns: int) -> tuple[int, int, int]:
        """How many tokens each way hides of a grid of ``rows`` × ``columns``.

        Raises:
            ValueError: if a share is not between 0 and 1, one hides nothing or everything, or chances are no chances.
        """
        counts = (
            round(self.random * rows * columns),
            round(self.time * rows) * columns,
            round(self.signal * columns) * rows,
        )
        for name, share, count in zip(("random", "time", "signal"), self[:3], counts, strict=True):
            if not 0 < count < rows * columns:
                raise ValueError(
                    f"{name} is {share}, which hides {count} of {rows * columns} tokens; expected a share that hides "
                    "some and leaves some. To do without this way, give it no chance: chances=(1, 1, 0)"
                )
        if len(self.chances) != 3 or min(self.chances) < 0 or not 0 < sum(self.chances) < np.inf:
            raise ValueError(f"chances are {self.chances}; expected three numbers of 0 or more, not all of them 0")
        return counts

    def hide(self, noise: Any, rows: int, columns: int) -> Any:
        """Hide tokens of each day.

        Args:
            noise: uniform from 0 to 1, ``[b, n + 2]`` for ``n = rows * columns`` tokens.
            rows: patches along time.
            columns: signals; token ``row * columns + column``.

        Returns:
            ``hidden`` bool ``[b, n]``.
        """
        xp = np if isinstance(noise, np.ndarray) else ops
        by_random, by_time, by_signal = self.counts(rows, columns)
        times, signals = by_time // columns, by_signal // rows
        if self.contiguous:
            start = xp.floor(noise[:, -2:-1] * (rows - times + 1))
            off = (xp.arange(rows) >= start) & (xp.arange(rows) < start + times)
        else:
            off = _smallest(noise[:, :rows], times)
        ways = [
            _smallest(noise[:, :-2], by_random),
            xp.repeat(off, columns, axis=1),
            xp.tile(_smallest(noise[:, :columns], signals), (1, rows)),
        ]
        first, second, _ = np.cumsum(self.chances) / np.sum(self.chances)
        choice = noise[:, -1:]
        return xp.where(choice < first, ways[0], xp.where(choice < second, ways[1], ways[2]))


def draw_noise(seed: int, places: np.ndarray, count: int) -> np.ndarray:
    """Noise to hide tokens by, float32 ``[b, count]`` in [0, 1): of each place in the order of training its own.

    Of Philox only the bits are used, which numpy promises never to change.
    """
    bits = [np.random.Philox(key=[seed, int(place)]).random_raw(count) for place in places]
    return (np.array(bits).reshape(-1, count) >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)


def _smallest(noise: Any, count: int) -> Any:
    """Where the ``count`` smallest numbers of each row are; of equal ones, the first."""
    if isinstance(noise, np.ndarray):
        smallest = np.zeros(noise.shape, bool)
        np.put_along_axis(smallest, np.argsort(noise, axis=1, kind="stable")[:, :count], True, axis=1)
        return smallest
    return ops.argsort(ops.argsort(noise, axis=1), axis=1) < count
