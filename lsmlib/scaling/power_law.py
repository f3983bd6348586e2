"""Power laws with a floor: how a loss falls with one axis, and how surely that is known.

L(x) = a·xᵇ + c with b < 0, a > 0 and c ≥ 0 is the form that LSM-1 reports for compute, data and size (Narayanswamy, Liu
et al., "Scaling Wearable Foundation Models", ICLR 2025; its constants are not known to us). Losses of several seeds at
one x are one cell, their geometric mean one observation, and cells err by a share of the loss.

For a given exponent the other two are linear: one number is searched for, and there are no starts to choose.
Intervals are those of the profile likelihood with an F threshold (Bates and Watts, 1988, chapter 6): all values for
which the others can be chosen so that the squared error exceeds its least by no more than t² times its mean. For a
given exponent that set is an ellipse, of which the ends are known in closed form. Six or eight cells are too few to
resample: a bootstrap of six holds four different ones on average, which hardly fix three numbers. How far seeds lie
apart is not used for intervals, because cells also err by what their seeds share, such as the people they learn from.
"""

import warnings
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy import stats

from lsmlib.scaling.observations import average_cells, relative_spread

LEVEL = 0.9
FEWEST = 4  # cells: three numbers, and one to judge them by
FOLDS = (1e-3, 60.0)  # by how many e-foldings xᵇ may fall over the range of x
POOR = 0.8  # R² below which a fit is not believed
APART = 2.0  # times as far from the curve as seeds from one another: more than cells err by what their seeds share
STEP = 4.6  # e-foldings between the two smallest: the first falls by 99 % of all that it can


class Interval(NamedTuple):
    """From ``low`` to ``high``."""

    low: float
    high: float


@dataclass(frozen=True)
class PowerLaw:
    """L = a·xᵇ + c as fitted to cells, with intervals."""

    a: float  # in the unit of the loss, where x = 1
    b: float
    c: float  # the floor
    a_interval: Interval
    b_interval: Interval
    c_interval: Interval
    level: float  # of the intervals
    r2: float  # share of the variance of log loss, between cells
    sd: float  # of a cell about the curve, as a share of the loss
    seed_sd: float  # of a run about its cell, likewise; NaN with one seed a cell
    runs: int
    x: np.ndarray  # [n] of the cells, rising
    loss: np.ndarray  # [n] geometric means
    within: tuple[float, float, float] = field(repr=False)  # largest error, least and most e-foldings of the intervals

    def predict(self, x: np.ndarray | float) -> np.ndarray:
        """The curve at these x, with their shape."""
        return self.a * np.asarray(x, float) ** self.b + self.c

    def interval(self, x: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Where the curve is at these x: low and high ends, each with the shape of x."""
        return _ends_at(_Family(self.x, self.loss), self.within, np.asarray(x, float))

    def prediction_interval(self, x: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Where the mean of a new cell would be, with as many seeds as those fitted: ends as of ``interval``."""
        low, high = self.interval(x)
        value, spread = self.predict(x), _t(self.level, len(self.x)) * self.sd
        return value - np.hypot(value - low, spread * value), value + np.hypot(high - value, spread * value)

    def __str__(self) -> str:
        def shown(name: str) -> str:
            low, high = getattr(self, f"{name}_interval")
            return f"{name} = {getattr(self, name):.3g} ({low:.3g} to {high:.3g})"

        return (
            f"L = a·x^b + c: {', '.join(map(shown, 'abc'))}, {self.level:.0%} intervals; R² {self.r2:.3f}; cells "
            f"{self.sd:.1%} about the curve; {len(self.x)} cells, {self.runs} runs"
        )


def fit_power_law(x: np.ndarray, loss: np.ndarray, level: float = LEVEL) -> PowerLaw:
    """Fit L = a·xᵇ + c with b < 0, a > 0, c ≥ 0.

    Args:
        x: of each run ``[r]``, positive: compute, hours, people or parameters. Runs with the same x are one cell.
        loss: of each run ``[r]``, positive.
        level: of the intervals.

    Returns:
        The law. An interval of b that ends at -inf says that the cells do not tell how steep it is; one of c that
        starts at 0, that they do not show a floor.

    Raises:
        ValueError: for numbers that are not finite and positive, fewer than four cells, losses that do not fall with x
            more than chance would have it, or of which the smallest cell alone stands out.

    Warns:
        UserWarning: if the law explains less than 80 % of the variance, or cells lie further from the curve than their
            seeds allow.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.9")
    (axis,), mean, members = average_cells([x], loss, ["x"])
    if len(axis) < FEWEST:
        raise ValueError(
            f"{len(axis)} cells with different x ({len(members)} runs) cannot fix a, b and c and judge them; expected "
            f"at least {FEWEST}, better 6 to 8 over two orders of magnitude"
        )
    family = _Family(axis, mean)
    slope, error = family.best()
    _refuse_what_does_not_fall(family, error)
    if slope * (np.log(axis[1] / axis[0]) / family.range) > STEP:
        raise ValueError(
            f"only the smallest cell (x = {axis[0]:g}) is above the others, so the exponent could be any; expected "
            "losses that fall over several cells. Add cells between the two smallest"
        )
    at, height, fall = slope / family.range, *(float(v[0]) for v in family.solve(np.array([slope]))[:2])
    within = family.threshold(level, (slope, error))
    law = PowerLaw(
        a=fall * family.centre**at, b=-at, c=max(height - fall, 0.0),
        **_parameter_intervals(family, within),
        level=level,
        r2=1 - float(np.sum(np.square(np.log(mean) - np.log(height + fall * family.basis(np.array([slope]))[0])))
                     / np.sum(np.square(np.log(mean) - np.log(mean).mean()))),
        sd=float(np.sqrt(error / (len(axis) - 3))), seed_sd=relative_spread(loss, members),
        runs=len(members), x=axis, loss=mean, within=within,
    )  # fmt: skip
    _warn_of_a_poor_fit(law, members)
    return law


class _Family:
    """All curves through cells, one for each number of e-foldings: L = height + fall·(uˢ - 1), u = x / centre.

    Written so, the two linear numbers stay apart as the exponent goes to 0; the floor is ``height - fall``.
    """

    def __init__(self, x: np.ndarray, loss: np.ndarray) -> None:
        self.x, self.loss = x, loss
        self.centre = float(np.exp(np.log(x).mean()))
        self.u = np.log(x / self.centre)
        self.range = float(self.u[-1] - self.u[0])

    def basis(self, folds: np.ndarray, x: np.ndarray | None = None) -> np.ndarray:
        """``[k, n]``: uˢ - 1 of each exponent at each cell, or at other x."""
        u = self.u if x is None else np.log(x / self.centre)
        return np.expm1(np.clip(-np.multiply.outer(folds / self.range, u), None, 600))

    def normal(self, folds: np.ndarray) -> tuple[np.ndarray, ...]:
        """The quadratic form of the relative squared error in (height, fall): its parts, each ``[k]``."""
        one, z = 1 / self.loss, self.basis(folds) / self.loss
        return (
            np.full(len(folds), one @ one), z @ one, np.sum(z * z, axis=1),
            np.full(len(folds), one.sum()), z.sum(axis=1),
        )  # fmt: skip

    def error_of(self, folds: np.ndarray, height: np.ndarray, fall: np.ndarray) -> np.ndarray:
        """The relative squared error ``[k]``."""
        fitted = height[:, None] + fall[:, None] * self.basis(folds)
        return np.sum(np.square(fitted / self.loss - 1), axis=1)

    def solve(self, folds: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The best height and fall of each exponent with 0 ≤ fall ≤ height, and their error: each ``[k]``."""
        one, cross, square, to_one, to_z = self.normal(folds)
        determinant = one * square - cross**2
        height = (square * to_one - cross * to_z) / determinant
        fall = (one * to_z - cross * to_one) / determinant
        no_floor = (to_one + to_z) / (one + 2 * cross + square)
        height, fall = np.where(fall > height, no_floor, height), np.where(fall > height, no_floor, fall)
        height, fall = np.where(fall < 0, to_one / one, height), np.maximum(fall, 0)
        return height, fall, self.error_of(folds, height, fall)

    def best(self) -> tuple[float, float]:
        """The number of e-foldings with the least error, and that error."""
        low, high = np.log(FOLDS)
        for points in (161, 41, 41, 41, 41):
            grid = np.linspace(low, high, points)
            error = self.solve(np.exp(grid))[2]
            at = int(error.argmin())
            low, high = grid[max(at - 1, 0)], grid[min(at + 1, points - 1)]
        return float(np.exp(grid[at])), float(error[at])

    def threshold(self, level: float, best: tuple[float, float]) -> tuple[float, float, float]:
        """The largest error of what belongs to intervals, and the least and most e-foldings that do."""
        slope, error = best
        free = len(self.x) - 3
        most = error * (1 + _t(level, len(self.x)) ** 2 / free)
        most = max(most, error + 1e-18 * len(self.x))  # cells exactly on a curve leave no room but for rounding
        ends = []
        for limit in np.log(FOLDS):
            inside, outside = np.log(slope), limit
            if self.solve(np.exp([limit]))[2][0] <= most:
                ends.append(float(np.exp(limit)))
                continue
            for _ in range(6):  # the end nearest to the best value, should there be several
                grid = np.linspace(inside, outside, 25)
                beyond = np.flatnonzero(self.solve(np.exp(grid))[2] > most)
                at = int(beyond[0]) if len(beyond) else 24
                inside, outside = grid[max(at - 1, 0)], grid[at]
            ends.append(float(np.exp(inside)))
        return most, min(ends[0], slope), max(ends[1], slope)

    def ends(
        self, folds: np.ndarray, most: float, to_height: np.ndarray, to_fall: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Least and most of ``to_height·height + to_fall·fall`` within the error, for each exponent ``[k]``.

        The set is an ellipse, cut off where the floor would be negative. A linear function is extreme at the ellipse's
        own end if that is not cut off, and otherwise on the cut.
        """
        one, cross, square, to_one, to_z = self.normal(folds)
        determinant = one * square - cross**2
        height = (square * to_one - cross * to_z) / determinant
        fall = (one * to_z - cross * to_one) / determinant
        room = np.sqrt(np.maximum(most - self.error_of(folds, height, fall), 0))
        along_height = (square * to_height - cross * to_fall) / determinant
        along_fall = (one * to_fall - cross * to_height) / determinant
        length = np.sqrt(np.maximum(to_height * along_height + to_fall * along_fall, 1e-300))
        on_cut = (to_one + to_z) / (one + 2 * cross + square)
        half = np.sqrt(np.maximum(most - self.error_of(folds, on_cut, on_cut), 0) / (one + 2 * cross + square))
        found = []
        for sign in (-1, 1):
            at_height = height + sign * room * along_height / length
            at_fall = fall + sign * room * along_fall / length
            both = (to_height + to_fall) * on_cut + sign * np.abs(to_height + to_fall) * half
            found.append(np.where(at_fall <= at_height, to_height * at_height + to_fall * at_fall, both))
        return found[0], found[1]


def _parameter_intervals(family: _Family, within: tuple[float, float, float]) -> dict[str, Interval]:
    most, least_folds, most_folds = within
    folds = np.exp(np.linspace(np.log(least_folds), np.log(most_folds), 201))
    one, scale = np.ones(len(folds)), family.centre ** (folds / family.range)
    low_a, high_a = family.ends(folds, most, 0 * one, scale)
    low_c, high_c = family.ends(folds, most, one, -one)
    unbounded = most_folds >= 0.999 * FOLDS[1]
    return {
        "a_interval": Interval(max(float(low_a.min()), 0.0), float("inf") if unbounded else float(high_a.max())),
        "b_interval": Interval(
            -np.inf if unbounded else -most_folds / family.range,
            0.0 if least_folds <= 1.001 * FOLDS[0] else -least_folds / family.range,
        ),
        "c_interval": Interval(max(float(low_c.min()), 0.0), max(float(high_c.max()), 0.0)),
    }


def _ends_at(family: _Family, within: tuple[float, float, float], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    most, least_folds, most_folds = within
    folds = np.exp(np.linspace(np.log(least_folds), np.log(most_folds), 201))
    z = family.basis(folds, x.ravel())  # [k, m]
    both = [family.ends(folds, most, np.ones(len(folds)), column) for column in z.T]
    low = np.array([one.min() for one, _ in both]).reshape(x.shape)
    high = np.array([one.max() for _, one in both]).reshape(x.shape)
    return np.maximum(low, 0.0), high


def _t(level: float, cells: int) -> float:
    return float(stats.t.ppf((1 + level) / 2, cells - 3))


def _refuse_what_does_not_fall(family: _Family, error: float) -> None:
    flat = 1 / family.loss
    level = flat.sum() / (flat @ flat)
    without = float(np.sum(np.square(level * flat - 1)))
    free = len(family.x) - 3
    chance = float(stats.f.sf((without - error) / 2 / max(error / free, 1e-300), 2, free))
    if not without > 1e-20 or chance > 0.05:
        span = f"from {family.loss[0]:.4g} at x = {family.x[0]:g} to {family.loss[-1]:.4g} at x = {family.x[-1]:g}"
        if family.loss[-1] > family.loss[0]:
            raise ValueError(
                f"the loss does not fall with x but rises, {span} ({len(family.x)} cells), so there is no exponent to "
                "tell. Are the columns interchanged, or is it a score, of which more is better?"
            )
        raise ValueError(
            f"{len(family.x)} cells cannot tell a law of three numbers from no change: the loss does not fall with x "
            f"more than chance would have it ({span}; p = {chance:.2g}, degrees of freedom {free}). Take a wider range "
            "of x and more cells"
        )


def _warn_of_a_poor_fit(law: PowerLaw, members: np.ndarray) -> None:
    if law.r2 < POOR:
        warnings.warn(
            f"a power law explains {law.r2:.0%} of the variance of log loss between these {len(law.x)} cells: look "
            "at them before believing its exponent",
            stacklevel=3,
        )
    elif np.isfinite(law.seed_sd) and law.seed_sd > 0:
        free, within = len(law.x) - 3, law.runs - len(law.x)
        seeds = law.runs / len(law.x)
        chance = float(stats.f.sf(seeds * law.sd**2 / law.seed_sd**2, free, within))
        if chance < 1e-4 and law.sd > APART * law.seed_sd:
            warnings.warn(
                f"cells lie {law.sd:.1%} from the curve, and their seeds {law.seed_sd:.1%} from one another: more "
                f"than {seeds:.3g} seeds a cell leave to chance. Either seeds share something, or this is no power law",
                stacklevel=3,
            )
