"""What controls are made of."""

import numpy as np


def move_all(count: int, draw: np.random.Generator) -> np.ndarray:
    """An order ``[count]`` in which nothing stays in its place: a random cycle through all."""
    cycle = draw.permutation(count)
    order = np.empty(count, int)
    order[cycle] = np.roll(cycle, 1)
    return order
