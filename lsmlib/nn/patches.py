"""A window as a grid of patches, and back: the sensor image cut into tokens."""

from typing import Any, NamedTuple

import numpy as np
from keras import ops


class Grid(NamedTuple):
    """How windows of ``minutes`` × ``signals`` are cut; both are padded up to whole patches, at their ends."""

    minutes: int
    signals: int
    patch_minutes: int
    patch_signals: int

    @property
    def rows(self) -> int:
        """Patches along time."""
        return -(-self.minutes // self.patch_minutes)

    @property
    def columns(self) -> int:
        """Patches along the signals."""
        return -(-self.signals // self.patch_signals)

    @property
    def tokens(self) -> int:
        """Patches of a window, ``n``; token ``row * columns + column``."""
        return self.rows * self.columns

    @property
    def cells(self) -> int:
        """Values of a patch, padding included."""
        return self.patch_minutes * self.patch_signals

    def check_shape(self, shape: tuple[int | None, ...], what: str = "days", hint: str = "") -> None:
        """Check that values are ``[b, minutes, signals]``. Raises ``ValueError``, with ``hint`` on what to do."""
        if tuple(shape[1:]) != (self.minutes, self.signals) or len(shape) != 3:
            raise ValueError(
                f"{what} have shape {tuple(shape)}; expected [b, {self.minutes}, {self.signals}], as the model was "
                f"made for{hint}"
            )

    def to_patches(self, values: Any) -> Any:
        """Cut ``[b, t, s]`` into ``[b, n, cells]``, minutes of a patch outermost; zeros (False) in the padding.

        Takes what Keras calls a tensor; a numpy array goes in and a numpy array comes out.
        """
        xp = np if isinstance(values, np.ndarray) else ops
        padding = (self.rows * self.patch_minutes - self.minutes, self.columns * self.patch_signals - self.signals)
        if any(padding):
            values = xp.pad(values, [(0, 0), (0, padding[0]), (0, padding[1])])
        values = xp.reshape(values, (-1, self.rows, self.patch_minutes, self.columns, self.patch_signals))
        return xp.reshape(xp.transpose(values, (0, 1, 3, 2, 4)), (-1, self.tokens, self.cells))

    def to_windows(self, patches: Any) -> Any:
        """Lay ``[b, n, cells]`` out as ``[b, t, s]`` again, without the padding."""
        xp = np if isinstance(patches, np.ndarray) else ops
        values = xp.reshape(patches, (-1, self.rows, self.columns, self.patch_minutes, self.patch_signals))
        values = xp.transpose(values, (0, 1, 3, 2, 4))
        values = xp.reshape(values, (-1, self.rows * self.patch_minutes, self.columns * self.patch_signals))
        return values[:, : self.minutes, : self.signals]

    def real_cells(self) -> np.ndarray:
        """Which cells are no padding, bool ``[n, cells]``."""
        return self.to_patches(np.ones((1, self.minutes, self.signals), bool))[0]
