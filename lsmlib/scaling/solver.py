"""The joint law's solver: many fits at once, of many starts and of many resamples, as arrays.

What is minimised is that of Hoffmann et al. (2022, approach 3): Huber's loss of the residuals of log L, where log L is
the logsumexp of (log E, log A - α log N, log B - β log D). They use L-BFGS from a grid of starts. Here all starts take
Levenberg-Marquardt steps on reweighted squares together, a batch of 5 × 5 systems a step; for each start's two
exponents, E, A and B are those of linear least squares.
"""

from typing import NamedTuple

import numpy as np

STEPS = 80
EXPONENTS = (0.05, 0.15, 0.3, 0.6, 1.2)
LEAST_TERM = 1e-4  # of a start: no term may begin so small that no step sees it
TINY = -14.0  # log of the least term, as a share of the loss: below, it is no longer there
FREE = np.ones(5, bool)


class Axes(NamedTuple):
    """Cells on axes that are centred, so that numbers are of order one."""

    n: np.ndarray  # [n] log N less its mean
    d: np.ndarray  # [n] log D less its mean
    y: np.ndarray  # [n] log loss


def huber(residual: np.ndarray, delta: np.ndarray | float) -> np.ndarray:
    """Huber's loss of each residual."""
    size = np.abs(residual)
    return np.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta))


def residuals(axes: Axes, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Residuals of log loss ``[k, n]`` and the shares of the three terms ``[k, 3, n]``.

    Args:
        axes: of the cells.
        theta: log E, log A, log B, α, β of each fit, ``[k, 5]``.
    """
    e, a, b, alpha, beta = theta.T[..., None]
    terms = np.stack([e + 0 * axes.n, a - alpha * axes.n, b - beta * axes.d], axis=1)
    top = terms.max(axis=1, keepdims=True)
    weights = np.exp(terms - top)
    total = weights.sum(axis=1, keepdims=True)
    return (top + np.log(total))[:, 0] - axes.y, weights / total


def minimise(
    axes: Axes, count: np.ndarray, theta: np.ndarray, delta: np.ndarray | float, free: np.ndarray = FREE
) -> tuple[np.ndarray, np.ndarray]:
    """Bring each fit from its start to a minimum.

    Args:
        axes: of the cells; ``y`` may differ between fits, ``[k, n]``.
        count: how often each cell counts in each fit, ``[k, n]``.
        theta: starts ``[k, 5]``.
        delta: of Huber's loss.
        free: which of the five may change.

    Returns:
        ``theta [k, 5]`` and the loss ``[k]``.
    """
    theta = theta.copy()
    floor = np.array([axes.y.mean() + TINY] * 3 + [1e-4, 1e-4])
    ceiling = np.array([axes.y.max() + 1.0, np.inf, np.inf, 8.0, 8.0])
    residual, share = residuals(axes, theta)
    loss = np.sum(count * huber(residual, delta), axis=1)
    damping = np.full(len(theta), 1e-3)
    still = np.zeros(len(theta), int)
    for _ in range(STEPS):
        # of Huber's loss, the squares that touch it at the residuals
        weight = count * np.minimum(1.0, delta / np.maximum(np.abs(residual), 1e-12))
        slope = (
            np.stack([share[:, 0], share[:, 1], share[:, 2], -share[:, 1] * axes.n, -share[:, 2] * axes.d], axis=1)
            * free[:, None]
        )  # [k, 5, n]
        weighted = slope * weight[:, None]
        square = weighted @ slope.transpose(0, 2, 1)
        gradient = np.einsum("kpn,kn->kp", weighted, residual)
        diagonal = np.einsum("kpp->kp", square)
        scale = damping[:, None] * (diagonal + 1e-9 * diagonal.max(axis=1, keepdims=True)) + 1e-15
        square = square + np.eye(5) * scale[:, None]
        moved = np.clip(theta - np.linalg.solve(square, gradient[..., None])[..., 0], floor, ceiling)
        new_residual, new_share = residuals(axes, moved)
        new_loss = np.sum(count * huber(new_residual, delta), axis=1)
        better = new_loss <= loss
        still = np.where(better & (loss - new_loss > 1e-9 * loss), 0, still + 1)
        theta = np.where(better[:, None], moved, theta)
        residual = np.where(better[:, None], new_residual, residual)
        share = np.where(better[:, None, None], new_share, share)
        loss = np.where(better, new_loss, loss)
        damping = np.clip(np.where(better, damping / 4, damping * 5), 1e-12, 1e8)
        if (still > 8).all():
            break
    return theta, loss


def make_starts(axes: Axes) -> np.ndarray:
    """Starts ``[k, 5]``: for each pair of exponents E, A and B of linear least squares, terms below a share put up."""
    alpha, beta = (grid.ravel() for grid in np.meshgrid(EXPONENTS, EXPONENTS))
    loss = np.exp(axes.y)
    powers = np.exp(-np.outer(alpha, axes.n)), np.exp(-np.outer(beta, axes.d))
    columns = np.stack([np.ones_like(powers[0]), *powers], axis=2) / loss[:, None]
    square = columns.transpose(0, 2, 1) @ columns
    linear = np.linalg.solve(square + 1e-10 * np.eye(3), columns.sum(axis=1)[..., None])[..., 0]
    terms = np.log(np.maximum(linear, LEAST_TERM * loss.mean()))
    return np.column_stack([terms, alpha, beta])
