"""Which model for a budget: curves of equal compute, and their lowest points.

Two of the three ways of Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022): a parabola through
the runs of each budget (approach 2), and the minimum of the joint law along a budget (approach 3), which is known in
closed form. Compute is C = k·N·D, where k (operations for each parameter and unit of data, such as an hour) is taken
from counted runs: for language models it is about 6 a token, for these it depends on patches and masks.
"""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsmlib.scaling.joint_law import JointLaw
from lsmlib.scaling.observations import average_cells

SAME = 0.1  # budgets within this share of one another are one


class Optimum(NamedTuple):
    """The best model for a budget."""

    flops: float
    parameters: float
    data: float
    loss: float
    parameters_low: float  # of the interval of the law's level
    parameters_high: float


def best_size(law: JointLaw, flops: float, flops_per_unit: float) -> Optimum:
    """The size and the amount of data with the least loss for a budget.

    It lies where one more operation is worth as much in either: αA/Nᵅ = βB/Dᵝ.

    Args:
        law: of ``fit_joint_law``.
        flops: the budget C.
        flops_per_unit: k of C = k·N·D, for each parameter and unit of data; see ``flops_per_unit``.

    Raises:
        ValueError: if a number is not above 0.
    """
    for name, value in (("flops", flops), ("flops_per_unit", flops_per_unit)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} is {value}; expected a finite number above 0")
    product = np.log(flops) - np.log(flops_per_unit)  # log N + log D
    _, a, b, alpha, beta = law.draws.T
    drawn = _log_best(a, b, alpha, beta, product)
    log_size = _log_best(np.log(law.A), np.log(law.B), law.alpha, law.beta, product)
    low, high = np.exp(np.quantile(drawn, [(1 - law.level) / 2, (1 + law.level) / 2]))
    size, data = float(np.exp(log_size)), float(np.exp(product - log_size))
    return Optimum(flops, size, data, float(law.predict(size, data)), float(low), float(high))


def flops_per_unit(flops: np.ndarray, parameters: np.ndarray, data: np.ndarray) -> float:
    """k of C = k·N·D: the median over runs.

    Args:
        flops: of each run ``[r]``.
        parameters: of each run ``[r]``.
        data: what each run read, epoch after epoch, ``[r]``.

    Raises:
        ValueError: if k of a run is no number above 0.

    Warns:
        UserWarning: if it differs between runs by more than a factor of two, so that one number is not enough.
    """
    each = np.asarray(flops, float) / (np.asarray(parameters, float) * np.asarray(data, float))
    if not (np.isfinite(each) & (each > 0)).all():
        raise ValueError("flops, parameters and data give no operations a unit for some run; expected numbers above 0")
    if each.max() > 2 * each.min():
        warnings.warn(
            f"operations for each parameter and unit of data are {each.min():.3g} to {each.max():.3g}: their median "
            "stands for neither end. Embeddings and attention weigh differently in these sizes",
            stacklevel=2,
        )
    return float(np.median(each))


def fit_isoflops(flops: np.ndarray, parameters: np.ndarray, loss: np.ndarray) -> pd.DataFrame:
    """A parabola of loss over log parameters through the runs of each budget, and its lowest point.

    Args:
        flops: of each run ``[r]``; those within 10 % of one another are one budget.
        parameters: of each run ``[r]``.
        loss: of each run ``[r]``; runs of one size and budget are averaged.

    Returns:
        A row a budget with three sizes or more: ``flops``, ``parameters`` and ``loss`` at the lowest point, ``sizes``,
        whether that point lies ``inside`` the sizes tried (NaN for both numbers where the parabola has none), and
        ``curvature``, ``slope`` and ``level`` of the parabola in log(parameters / lowest size tried).

    Raises:
        ValueError: if no budget has three sizes, or numbers are not finite and positive.
    """
    budgets = _group(np.asarray(flops, float))
    (budget, sizes), mean, _ = average_cells([budgets, parameters], loss, ["flops", "parameters"])
    rows = []
    for value in np.unique(budget):
        of = budget == value
        if of.sum() < 3:
            continue
        smallest = sizes[of].min()
        u = np.log(sizes[of] / smallest)
        curvature, slope, level = np.polyfit(u, mean[of], 2)
        lowest = -slope / (2 * curvature) if curvature > 0 else np.nan
        rows.append(
            {
                "flops": value,
                "parameters": smallest * np.exp(lowest) if abs(lowest) < 50 else np.nan,
                "loss": level - slope**2 / (4 * curvature) if curvature > 0 else np.nan,
                "sizes": int(of.sum()),
                "inside": bool(0 < lowest < u.max()),
                "curvature": curvature,
                "slope": slope,
                "level": level,
                "smallest": smallest,
                "largest": sizes[of].max(),
            }
        )
    if not rows:
        raise ValueError(
            f"none of the {len(np.unique(budget))} budgets has three sizes; expected runs of three sizes or more with "
            f"flops within {SAME:.0%} of one another. Choose steps by size so that they are"
        )
    return pd.DataFrame(rows)


def compute_frontier(flops: np.ndarray, loss: np.ndarray, cells: np.ndarray | None = None) -> np.ndarray:
    """Which runs belong to cells that no cheaper one beats: bool ``[r]``. What a law of compute is fitted to.

    Args:
        flops: of each run ``[r]``.
        loss: of each run ``[r]``.
        cells: a name of each run's cell, whatever its seed ``[r]``; by default runs of the same flops are one cell.

    Raises:
        ValueError: if lengths differ, or a number is not finite and positive.
    """
    average_cells([flops], loss, ["flops"])  # its checks
    budget, values = np.asarray(flops, float), np.asarray(loss, float)
    _, members = np.unique(budget if cells is None else np.asarray(cells), return_inverse=True)
    count = np.bincount(members)
    cost, mean = np.bincount(members, budget) / count, np.bincount(members, np.log(values)) / count
    order = np.lexsort([mean, cost])
    least = np.minimum.accumulate(mean[order])
    kept = np.empty(len(order), bool)
    kept[order] = mean[order] <= least
    return kept[members]


def _log_best(
    a: np.ndarray | float, b: np.ndarray | float, alpha: np.ndarray | float, beta: np.ndarray | float, product: float
) -> np.ndarray:
    """Log N where αA/Nᵅ = βB/Dᵝ and log N + log D = product."""
    return (np.log(alpha) + a - np.log(beta) - b + beta * product) / (np.asarray(alpha) + beta)


def _group(flops: np.ndarray) -> np.ndarray:
    """Each run's budget: the geometric mean of those that are chained by steps of less than 10 %."""
    order = np.argsort(flops)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(flops)
    group = np.empty(len(flops), int)
    group[order] = np.concatenate([[0], np.cumsum(np.diff(logs[order]) > np.log1p(SAME))])
    means = np.exp(np.bincount(group, logs) / np.bincount(group))
    return means[group]
