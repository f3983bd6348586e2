"""Does a law foretell? Fit it to the smaller cells, predict the largest, and compare."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsmlib.checks import check_whole
from lsmlib.scaling.joint_law import JointLaw, fit_joint_law
from lsmlib.scaling.observations import average_cells
from lsmlib.scaling.power_law import LEVEL, PowerLaw, fit_power_law


class HeldOutPower(NamedTuple):
    """A power law without the largest cells, and how it predicts them."""

    law: PowerLaw
    table: pd.DataFrame


class HeldOutJoint(NamedTuple):
    """A joint law without the largest cells, and how it predicts them."""

    law: JointLaw
    table: pd.DataFrame


def hold_out_power_law(x: np.ndarray, loss: np.ndarray, largest: int = 1, level: float = LEVEL) -> HeldOutPower:
    """Fit a power law to all but the largest cells, and predict those.

    Args:
        x: of each run ``[r]``.
        loss: of each run ``[r]``.
        largest: how many cells are held out.
        level: of the prediction intervals.

    Returns:
        The law, and a row a cell that was held out: ``x``, ``loss`` (geometric mean of its seeds), ``predicted``,
        ``low`` and ``high`` of the prediction interval, ``error`` (by which share of the loss the prediction is too
        high), whether the loss lies ``inside``; and what knows no law: the loss of the ``nearest`` cell that was
        fitted, and ``nearest_error``, were it taken for the prediction.

    Raises:
        ValueError: as ``fit_power_law``, of the cells that are left.
    """
    (axis,), mean, members = average_cells([x], loss, ["x"])
    _check_largest(largest, len(axis))
    kept = members < len(axis) - largest
    law = fit_power_law(np.asarray(x, float)[kept], np.asarray(loss, float)[kept], level)
    away = axis[-largest:]
    table = _compare(mean[-largest:], law.predict(away), *law.prediction_interval(away))
    table = _add_nearest(table, mean[:-largest], [axis[:-largest]], [away])
    table.insert(0, "x", away)
    return HeldOutPower(law, table)


def hold_out_joint_law(
    parameters: np.ndarray,
    data: np.ndarray,
    loss: np.ndarray,
    largest: int = 1,
    level: float = LEVEL,
    seed: int = 0,
) -> HeldOutJoint:
    """Fit a joint law to all but the cells with the largest product of parameters and data, and predict those.

    Args:
        parameters: of each run ``[r]``.
        data: of each run ``[r]``.
        loss: of each run ``[r]``.
        largest: how many cells are held out.
        level: of the prediction intervals.
        seed: of the bootstrap.

    Returns:
        The law, and a row a cell that was held out, with the columns of ``hold_out_power_law`` but ``parameters`` and
        ``data`` for ``x``.

    Raises:
        ValueError: as ``fit_joint_law``, of the cells that are left.
    """
    (sizes, amounts), mean, members = average_cells([parameters, data], loss, ["parameters", "data"])
    _check_largest(largest, len(mean))
    order = np.argsort(np.log(sizes) + np.log(amounts), kind="stable")
    away = order[-largest:]
    kept = ~np.isin(members, away)
    law = fit_joint_law(
        *(np.asarray(column, float)[kept] for column in (parameters, data, loss)), level=level, seed=seed
    )
    table = _compare(
        mean[away], law.predict(sizes[away], amounts[away]), *law.prediction_interval(sizes[away], amounts[away])
    )
    table = _add_nearest(
        table,
        mean[order[:-largest]],
        [column[order[:-largest]] for column in (sizes, amounts)],
        [sizes[away], amounts[away]],
    )
    table.insert(0, "parameters", sizes[away])
    table.insert(1, "data", amounts[away])
    return HeldOutJoint(law, table)


def _check_largest(largest: int, cells: int) -> None:
    check_whole("largest", largest, 1)
    if largest >= cells:
        raise ValueError(f"largest is {largest}, and there are {cells} cells; expected to keep some to fit")


def _compare(loss: np.ndarray, predicted: np.ndarray, low: np.ndarray, high: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "loss": loss,
            "predicted": predicted,
            "low": low,
            "high": high,
            "error": predicted / loss - 1,
            "inside": (low <= loss) & (loss <= high),
        }
    )


def _add_nearest(
    table: pd.DataFrame, loss: np.ndarray, fitted: Sequence[np.ndarray], away: Sequence[np.ndarray]
) -> pd.DataFrame:
    """The loss of the fitted cell at the least ratio, of all axes multiplied; of equals, the least loss."""
    apart = sum(np.abs(np.log(there)[:, None] - np.log(here)) for there, here in zip(away, fitted, strict=True))
    nearest = loss[np.array([np.lexsort([loss, np.round(row, 9)])[0] for row in apart])]
    return table.assign(nearest=nearest, nearest_error=nearest / table["loss"] - 1)
