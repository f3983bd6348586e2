"""The joint law of model size and data, L(N, D) = E + A/Nᵅ + B/Dᵝ, with intervals.

The form and the way to fit it are those of Hoffmann et al., "Training Compute-Optimal Large Language Models" (2022),
approach 3: Huber's loss of log residuals, from many starts. Ours differs in what is an observation, the geometric mean
over the seeds of a cell, and in where Huber's loss turns linear: at a residual of 1 % rather than 0.1 %, which is
nearly the absolute error and wastes a third of what Gaussian noise tells.

Intervals are of a bootstrap. Sizes and amounts of data are chosen by whoever plans the grid, so cells stay, and it is
their residuals that are drawn, whole cells at a time, made larger by what five fitted numbers took from them.
Percentiles are spread by Student's t over a normal.
"""

import warnings
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from lsmlib.checks import check_whole
from lsmlib.scaling.observations import average_cells, relative_spread
from lsmlib.scaling.power_law import LEVEL, POOR, STEP, Interval
from lsmlib.scaling.solver import FREE, TINY, Axes, make_starts, minimise, residuals

DELTA = 1e-2  # residual of log loss at which Huber's loss turns linear
FEWEST = 7  # cells: five numbers, and some to judge them by


@dataclass(frozen=True)
class JointLaw:
    """L(N, D) = E + A/Nᵅ + B/Dᵝ as fitted to cells, with intervals."""

    E: float  # the floor
    A: float
    B: float
    alpha: float
    beta: float
    E_interval: Interval
    A_interval: Interval
    B_interval: Interval
    alpha_interval: Interval
    beta_interval: Interval
    level: float  # of the intervals
    r2: float  # share of the variance of log loss, between cells
    sd: float  # of a cell about the law, as a share of the loss
    seed_sd: float  # of a run about its cell, likewise; NaN with one seed a cell
    runs: int
    parameters: np.ndarray  # [n] of the cells
    data: np.ndarray  # [n]
    loss: np.ndarray  # [n] geometric means
    draws: np.ndarray = field(repr=False)  # [resamples, 5] E, log A, log B, alpha, beta

    def predict(self, parameters: np.ndarray | float, data: np.ndarray | float) -> np.ndarray:
        """The loss at these sizes and amounts of data, with the shape of both together."""
        n, d = np.log(np.asarray(parameters, float)), np.log(np.asarray(data, float))
        return self.E + np.exp(np.log(self.A) - self.alpha * n) + np.exp(np.log(self.B) - self.beta * d)

    def interval(self, parameters: np.ndarray | float, data: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
        """Where the law is at these sizes and amounts: low and high ends, each with the shape of both together."""
        n, d = np.broadcast_arrays(np.log(np.asarray(parameters, float)), np.log(np.asarray(data, float)))
        e, a, b, alpha, beta = self.draws.T[..., None]
        drawn = e + np.exp(a - alpha * n.ravel()) + np.exp(b - beta * d.ravel())
        low, high = _spread(drawn, self.predict(parameters, data).ravel(), self.level, len(self.loss))
        return np.maximum(low, 0.0).reshape(n.shape), high.reshape(n.shape)

    def prediction_interval(
        self, parameters: np.ndarray | float, data: np.ndarray | float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Where the mean of a new cell would be, with as many seeds as those fitted: ends as of ``interval``."""
        low, high = self.interval(parameters, data)
        value = self.predict(parameters, data)
        spread = stats.t.ppf((1 + self.level) / 2, len(self.loss) - 5) * self.sd * value
        return value - np.hypot(value - low, spread), value + np.hypot(high - value, spread)

    def __str__(self) -> str:
        def shown(name: str) -> str:
            low, high = getattr(self, f"{name}_interval")
            return f"{name} = {getattr(self, name):.3g} ({low:.3g} to {high:.3g})"

        return (
            f"L = E + A/N^alpha + B/D^beta: {', '.join(map(shown, ('E', 'A', 'alpha', 'B', 'beta')))}, "
            f"{self.level:.0%} intervals; R² {self.r2:.3f}; cells {self.sd:.1%} about the law; "
            f"{len(self.loss)} cells, {self.runs} runs"
        )


def fit_joint_law(
    parameters: np.ndarray,
    data: np.ndarray,
    loss: np.ndarray,
    *,
    level: float = LEVEL,
    resamples: int = 400,
    seed: int = 0,
    delta: float = DELTA,
) -> JointLaw:
    """Fit L(N, D) = E + A/Nᵅ + B/Dᵝ.

    Args:
        parameters: of the model of each run ``[r]``.
        data: that each run learned from ``[r]``, in any unit: hours, days, people.
        loss: of each run ``[r]``. Runs of the same size and amount are one cell.
        level: of the intervals.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        delta: residual of log loss at which Huber's loss turns linear; 1e-3 as published.

    Raises:
        ValueError: for numbers that are not finite and positive; fewer than seven cells, or than three sizes or
            amounts; or losses that do not fall with both more than chance would have it.

    Warns:
        UserWarning: if the law explains less than 80 % of the variance.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a share between 0 and 1, such as 0.9")
    if not delta > 0:
        raise ValueError(f"delta is {delta}; expected a number above 0, such as {DELTA}")
    check_whole("resamples", resamples, 50)
    (sizes, amounts), mean, members = average_cells([parameters, data], loss, ["parameters", "data"])
    kinds = len(np.unique(sizes)), len(np.unique(amounts))
    if len(mean) < FEWEST or min(kinds) < 3:
        raise ValueError(
            f"{len(mean)} cells of {kinds[0]} sizes and {kinds[1]} amounts of data cannot fix five numbers and judge "
            f"them; expected at least {FEWEST} cells, of three sizes and three amounts"
        )
    n, d = np.log(sizes), np.log(amounts)
    axes = Axes(n - n.mean(), d - d.mean(), np.log(mean))
    theta, error = _best(axes, make_starts(axes), delta)
    _refuse_what_does_not_fall(axes, theta, error, delta)
    sd = float(np.sqrt(error / (len(mean) - 5)))
    draws = _original(_resample(axes, theta, resamples, seed, delta), n.mean(), d.mean())
    value = _original(theta[None], n.mean(), d.mean())
    low, high = _spread(draws, value[0], level, len(mean))
    (e, a, b, alpha, beta) = (float(number) for number in value[0])
    law = JointLaw(
        E=e, A=float(np.exp(a)), B=float(np.exp(b)), alpha=alpha, beta=beta,
        E_interval=Interval(max(float(low[0]), 0.0), float(high[0])),
        A_interval=Interval(float(np.exp(low[1])), float(np.exp(high[1]))),
        B_interval=Interval(float(np.exp(low[2])), float(np.exp(high[2]))),
        alpha_interval=Interval(max(float(low[3]), 0.0), float(high[3])),
        beta_interval=Interval(max(float(low[4]), 0.0), float(high[4])),
        level=level, r2=1 - error / float(np.sum(np.square(axes.y - axes.y.mean()))), sd=sd,
        seed_sd=relative_spread(loss, members), runs=len(members),
        parameters=sizes, data=amounts, loss=mean, draws=draws,
    )  # fmt: skip
    if law.r2 < POOR:
        warnings.warn(
            f"the joint law explains {law.r2:.0%} of the variance of log loss between these {len(mean)} cells: look at "
            "them before believing its exponents",
            stacklevel=2,
        )
    return law


def _best(axes: Axes, starts: np.ndarray, delta: float, free: np.ndarray = FREE) -> tuple[np.ndarray, float]:
    """The best fit from all starts, and its squared error."""
    theta, loss = minimise(axes, np.ones((len(starts), len(axes.n))), starts, delta, free)
    best = theta[int(loss.argmin())]
    return best, float(np.sum(np.square(residuals(axes, best[None])[0])))


def _refuse_what_does_not_fall(axes: Axes, theta: np.ndarray, error: float, delta: float) -> None:
    cells = len(axes.n)
    for name, term, exponent in (("parameters", 1, 3), ("data", 2, 4)):
        starts = make_starts(axes)
        starts[:, term], starts[:, exponent] = axes.y.mean() + TINY, 0.0
        without = _best(axes, starts, delta, ~np.isin(np.arange(5), [term, exponent]))[1]
        chance = float(stats.f.sf((without - error) / 2 / max(error / (cells - 5), 1e-300), 2, cells - 5))
        if not without > 1e-20 or chance > 0.05:
            raise ValueError(
                f"the loss does not fall with {name} more than chance would have it ({cells} cells, p = {chance:.2g} "
                "against no change), so no exponent can be told. Take a wider range, more seeds, or fit the other axis "
                "alone with fit_power_law"
            )
        if theta[exponent] * _first_step(axes[term - 1]) > STEP:
            raise ValueError(
                f"only the smallest of the {name} differs from the others, so their exponent could be any; expected "
                "losses that fall over three or more. Add cells between the two smallest"
            )


def _first_step(axis: np.ndarray) -> float:
    """From the smallest to the next, on a logarithmic axis."""
    smallest, second = np.unique(axis)[:2]
    return float(second - smallest)


def _resample(axes: Axes, theta: np.ndarray, resamples: int, seed: int, delta: float) -> np.ndarray:
    """Fits ``[resamples, 5]`` of the law with residuals of cells drawn anew."""
    residual = -residuals(axes, theta[None])[0][0]
    cells = len(residual)
    fitted = axes.y - residual
    inflated = (residual - residual.mean()) * np.sqrt(cells / (cells - 5))
    drawn = inflated[np.random.default_rng(seed).integers(cells, size=(resamples, cells))]
    again = axes._replace(y=fitted + drawn)
    return minimise(again, np.ones((resamples, cells)), np.repeat(theta[None], resamples, axis=0), delta)[0]


def _original(theta: np.ndarray, n: float, d: float) -> np.ndarray:
    """E, log A, log B, α, β ``[k, 5]`` on axes that are not centred."""
    e, a, b, alpha, beta = theta.T
    return np.column_stack([np.exp(e), a + alpha * n, b + beta * d, alpha, beta])


def _spread(draws: np.ndarray, value: np.ndarray, level: float, cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Percentiles of draws ``[k, m]``, moved away from the value by what Student's t is wider than a normal."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    wider = stats.t.ppf((1 + level) / 2, cells - 5) / stats.norm.ppf((1 + level) / 2)
    return value - np.maximum(value - low, 0) * wider, value + np.maximum(high - value, 0) * wider
