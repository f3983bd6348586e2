"""Stretches of True."""

import numpy as np


def find_runs(condition: np.ndarray) -> list[tuple[int, int]]:
    """Start and stop (exclusive) of every run of True in bool ``[t]``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], condition, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
