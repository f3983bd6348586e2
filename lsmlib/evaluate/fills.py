"""Baselines that fill in hidden values: four that need no training, the usual day, and the best linear guess.

A filler is any callable ``(windows, hidden) -> float32 [d, t, s]`` in physical units; ``model.reconstruct`` is one.
These use visible readings only (measured and not hidden), hand them back as they are, and take a value that
``cut_windows`` filled in for as unknown as a hidden one. Mean, nearest and linear are what LSM-1 is compared with (as
reported).
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import xarray as xr

from lsmlib.checks import BLOCK, check_cohort, check_whole
from lsmlib.evaluate.generative_tasks import observed_cells, visible_readings
from lsmlib.signals import HIGH, LOW, MEAN, MINUTES_PER_DAY, SIGNALS, denormalise, normalise
from lsmlib.windows import fill_gaps

Filler = Callable[[xr.Dataset, np.ndarray], np.ndarray]

AROUND = 15  # minutes before and after that count as the same time of day
NUGGET = 0.01  # sd²: what no other reading tells of a reading; it also keeps the equations well conditioned
NEIGHBOURS = 10  # frequencies averaged to each side, but at most a quarter of the frequency itself
PRECISION = 1e-3  # where conjugate gradients stop: residual relative to the readings; errs by about 0.01 sd at most
MOST_STEPS = 1000


def mean_fill(windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
    """Fill in the population mean of each signal (``SIGNALS``), which is 0 once normalised: knowing nothing.

    Args:
        windows: windows or whole days.
        hidden: bool ``[d, t, s]``.

    Returns:
        float32 ``[d, t, s]``, physical units.

    Raises:
        ValueError: if ``hidden`` does not fit the windows.
    """
    visible = visible_readings(windows, hidden)
    return np.where(np.isnan(visible), MEAN, visible)


def window_mean_fill(windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
    """Fill in the mean of the signal's visible readings in the same window; without any, the population mean.

    "Mean" in the literature may be either this or ``mean_fill``; this one is the stronger. Arguments, result and errors
    as ``mean_fill``.
    """
    visible = visible_readings(windows, hidden)
    known = ~np.isnan(visible)
    count = known.sum(axis=1, keepdims=True)
    total = np.where(known, visible, 0).sum(axis=1, keepdims=True, dtype=float)
    mean = np.where(count > 0, total / np.maximum(count, 1), MEAN)
    return np.where(known, visible, mean.astype(np.float32))


def nearest_fill(windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
    """Fill in the signal's nearest visible reading in time, the earlier of two; without any, the population mean.

    Arguments, result and errors as ``mean_fill``.
    """
    visible = visible_readings(windows, hidden)
    known = ~np.isnan(visible)
    minutes = visible.shape[1]
    minute = np.arange(minutes)[:, None]
    # Where there is none, one so far away that the other is nearer.
    before = np.maximum.accumulate(np.where(known, minute, -minutes), axis=1)
    after = np.minimum.accumulate(np.where(known, minute, 3 * minutes)[:, ::-1], axis=1)[:, ::-1]
    nearest = np.where(minute - before <= after - minute, before, after)
    found = np.take_along_axis(visible, np.clip(nearest, 0, minutes - 1), axis=1)
    return np.where(known.any(axis=1, keepdims=True), found, MEAN)


def linear_fill(windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
    """Interpolate linearly in time within each signal, edges held; without any visible reading, the population mean.

    Arguments, result and errors as ``mean_fill``.
    """
    return fill_gaps(visible_readings(windows, hidden))


BASELINES: Mapping[str, Filler] = MappingProxyType(
    {"mean": mean_fill, "window mean": window_mean_fill, "nearest": nearest_fill, "linear": linear_fill}
)


class TimeOfDayFill:
    """Mean by time of day: what training people show at this hour, whatever else is visible.

    The mean of all their readings from a quarter of an hour before to one after, round the clock; where they have none,
    the population mean. It knows nothing of the day that it fills, so it is what a model must beat that claims to read
    a day rather than the clock.

    Example:
        ``TimeOfDayFill().fit(train_days)(days, hidden)``
    """

    def __init__(self) -> None:
        self.profile: np.ndarray | None = None  # [1440, s], physical units

    def fit(self, cohort: xr.Dataset) -> "TimeOfDayFill":
        """Learn the usual day.

        Args:
            cohort: whole days with gaps, or windows, of other people than those to be judged. Only what was measured
                counts, each reading once. A lazy one is read 64 days at a time.

        Returns:
            This object, fitted.

        Raises:
            ValueError: if this is no Cohort.
        """
        check_cohort(cohort, values=False)
        total, count = np.zeros((2, MINUTES_PER_DAY, len(SIGNALS)))
        for first in range(0, cohort.sizes["day"], BLOCK):
            block = cohort.isel(day=slice(first, first + BLOCK)).compute()
            observed, clock = observed_cells(block), _minutes_of_day(block)
            np.add.at(total, clock, np.where(observed, block["signals"].values, 0))
            np.add.at(count, clock, observed)
        near = (np.arange(MINUTES_PER_DAY)[:, None] + np.arange(-AROUND, AROUND + 1)) % MINUTES_PER_DAY
        total, count = total[near].sum(axis=1), count[near].sum(axis=1)
        self.profile = np.where(count > 0, total / np.maximum(count, 1), MEAN).astype(np.float32)
        return self

    def __call__(self, windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
        """Fill in: arguments and result as ``mean_fill``.

        Raises:
            ValueError: if this is not fitted, or ``hidden`` does not fit the windows.
        """
        if self.profile is None:
            raise ValueError("this TimeOfDayFill has learnt nothing yet; call fit(train_days) first")
        visible = visible_readings(windows, hidden)
        return np.where(np.isnan(visible), self.profile[_minutes_of_day(windows)], visible)


class OtherDaysFill:
    """Mean by time of day of the *other* days at hand: ``TimeOfDayFill`` where there are no other people to learn from.

    Days are dealt out into parts, and each is filled from the days of the other parts. Among these may be days of the
    same person, so this knows the person as well as the hour: what somebody has who keeps a diary and no model.

    Example:
        ``OtherDaysFill().fit(days)(days, hidden)``
    """

    def __init__(self, parts: int = 5, seed: int = 0) -> None:
        check_whole("parts", parts, 2)
        self.parts, self.seed = parts, seed
        self.fills: list[TimeOfDayFill] = []
        self.part_of: dict[tuple[str, np.datetime64], int] = {}

    def fit(self, cohort: xr.Dataset) -> "OtherDaysFill":
        """Learn the usual day of all parts but one, for each.

        Args:
            cohort: whole days, the ones that are to be filled among them.

        Returns:
            This object, fitted.

        Raises:
            ValueError: if this is no Cohort, or of one day.
        """
        check_cohort(cohort, values=False)
        days = cohort.sizes["day"]
        if days < 2:
            raise ValueError("there is 1 day; expected at least 2, so that each can be filled from others")
        parts = min(self.parts, days)
        part = np.random.default_rng(self.seed).permutation(days) % parts
        self.fills = [TimeOfDayFill().fit(cohort.isel(day=np.flatnonzero(part != one))) for one in range(parts)]
        self.part_of = dict(zip(_keys(cohort), part.tolist(), strict=True))
        return self

    def __call__(self, windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
        """Fill in: arguments and result as ``mean_fill``.

        Raises:
            ValueError: if this is not fitted, a day was not among those it was fitted on, or ``hidden`` does not fit.
        """
        if unknown := [key for key in _keys(windows) if key not in self.part_of]:
            raise ValueError(f"{unknown[0]} is none of the days that fit(days) was given; fit it on these days first")
        part = np.array([self.part_of[key] for key in _keys(windows)])
        filled = visible_readings(windows, hidden)
        for one in np.unique(part):
            rows = np.flatnonzero(part == one)
            filled[rows] = self.fills[one](windows.isel(day=rows), hidden[rows])
        return filled


class WienerFill:
    """The strong classical baseline: the best linear guess from all visible readings of the window at once.

    Windows are taken for draws of a Gaussian process of 26 signals that is stationary in time, so what is hidden is
    filled in with its conditional expectation (a Wiener smoother; Wiener 1949, "Extrapolation, Interpolation, and
    Smoothing of Stationary Time Series"). The discrete cosine transform of a window turns minutes into frequencies that
    are nearly uncorrelated; what is fitted is the 26 × 26 covariance of the signals at each frequency, smoothed over
    neighbouring ones. Frequency 0 holds how windows, and so people, differ in level. The equations for a set of visible
    readings are solved by conjugate gradients, preconditioned with their solution for nothing hidden.

    One fit serves every task and pattern of what is hidden. It uses all lags and pairs of signals, but nothing that is
    not linear, no time of day, and no order between signals: that one runs ahead of another is averaged out.

    On simulated windows its MSE was below that of the four others, and of scikit-learn's ``KNNImputer`` and
    ``IterativeImputer`` over minutes, in random imputation, in inter- and extrapolation of an hour and for each sensor.

    Example:
        ``WienerFill().fit(train_windows)(windows, hidden)``
    """

    def __init__(self) -> None:
        self.mean: np.ndarray | None = None  # [s], normalised
        self.spectrum: np.ndarray | None = None  # [t, s, s], normalised: covariance at each frequency

    def fit(self, windows: xr.Dataset) -> "WienerFill":
        """Learn mean and covariances from training windows.

        Args:
            windows: windows of one length, or whole days, of other people than those to be judged. Gaps are filled
                linearly first, so windows with few gaps teach more. Lazy ones are read 64 at a time.

        Returns:
            This object, fitted.

        Raises:
            ImportError: if SciPy is not installed.
            ValueError: if this is no Cohort, or of fewer than two windows.
        """
        try:
            from scipy.fft import dct
        except ImportError as error:
            raise ImportError("WienerFill needs SciPy: pip install 'lsmlib[notebooks]'") from error
        check_cohort(windows, values=False)
        rows, minutes = windows.sizes["day"], windows.sizes["minute"]
        if rows < 2:
            raise ValueError(f"{rows} window; expected at least 2, better hundreds, to learn a covariance from")
        total = np.zeros((minutes, len(SIGNALS)))
        products = np.zeros((minutes, len(SIGNALS), len(SIGNALS)))
        for first in range(0, rows, BLOCK):
            block = windows.isel(day=slice(first, first + BLOCK)).compute()
            values = normalise(linear_fill(block, ~observed_cells(block))).astype(float)
            waves = np.swapaxes(dct(values, axis=1, norm="ortho"), 0, 1)  # [f, d, s], as many frequencies as minutes
            total += waves.sum(axis=1)
            products += np.swapaxes(waves, 1, 2) @ waves
        # A constant is all in frequency 0, and there √minutes as large.
        self.mean = (total[0] / rows / np.sqrt(minutes)).astype(np.float32)
        products[0] -= np.outer(total[0], total[0]) / rows
        self.spectrum = _smooth(products / rows, rows).astype(np.float32)
        return self

    def __call__(self, windows: xr.Dataset, hidden: np.ndarray) -> np.ndarray:
        """Fill in: arguments and result as ``mean_fill``; results lie within the plausible ranges of ``SIGNALS``.

        Raises:
            RuntimeError: if the equations were not solved.
            ValueError: if this is not fitted, was fitted on windows of another length, or ``hidden`` does not fit.
        """
        if self.mean is None or self.spectrum is None:
            raise ValueError("this WienerFill has learnt nothing yet; call fit(train_windows) first")
        minutes = windows.sizes["minute"]
        if minutes != len(self.spectrum):
            raise ValueError(
                f"windows of {minutes} minutes, but fitted on windows of {len(self.spectrum)}; expected the same"
            )
        visible = visible_readings(windows, hidden)
        filled = visible.copy()
        for first in range(0, len(visible), BLOCK):
            block = visible[first : first + BLOCK]
            known = ~np.isnan(block)
            around = np.where(known, normalise(block) - self.mean, np.float32(0))
            # minutes first: the cosine transform and the products with each frequency's matrix are fastest there
            around, seen = (np.ascontiguousarray(np.swapaxes(each, 0, 1)) for each in (around, known))
            expected = _expect(around, seen, self.spectrum)
            guess = denormalise(np.swapaxes(expected, 0, 1) + self.mean)
            filled[first : first + BLOCK] = np.where(known, block, np.clip(guess, LOW, HIGH))
        return filled


def _keys(windows: xr.Dataset) -> list[tuple[str, np.datetime64]]:
    """Whose day each is, and which."""
    return list(zip(windows["person"].values.tolist(), windows["date"].values.astype("datetime64[D]"), strict=True))


def _minutes_of_day(windows: xr.Dataset) -> np.ndarray:
    """The minute of the day at each minute of each window, ``[d, t]``."""
    start = windows["start_minute"].values if "start_minute" in windows else np.zeros(windows.sizes["day"], int)
    return start.astype(int)[:, None] + np.arange(windows.sizes["minute"])


def _expect(around: np.ndarray, known: np.ndarray, spectrum: np.ndarray) -> np.ndarray:
    """The expected process ``[t, d, s]``, given its readings where ``known``; elsewhere ``around`` is 0."""
    from scipy.fft import dct, idct
    from scipy.sparse.linalg import LinearOperator, cg

    inverse = np.linalg.inv(spectrum + NUGGET * np.eye(len(SIGNALS), dtype=np.float32))

    def apply(matrices: np.ndarray, values: np.ndarray) -> np.ndarray:
        return idct(dct(values, axis=0, norm="ortho") @ matrices, axis=0, norm="ortho")

    def covariance(flat: np.ndarray) -> np.ndarray:
        values = flat.reshape(around.shape)
        return ((apply(spectrum, values) + NUGGET * values) * known).ravel()

    def precondition(flat: np.ndarray) -> np.ndarray:
        return (apply(inverse, flat.reshape(around.shape)) * known).ravel()

    # The windows are solved together, as one system in which none concerns another.
    shape = (around.size, around.size)
    weights, failed = cg(
        LinearOperator(shape, covariance, dtype=np.float32),
        around.ravel(),
        M=LinearOperator(shape, precondition, dtype=np.float32),
        rtol=PRECISION,
        maxiter=MOST_STEPS,
    )
    if failed:
        raise RuntimeError(
            f"{MOST_STEPS} steps of conjugate gradients did not solve the equations; fit on more windows"
        )
    return apply(spectrum, weights.reshape(around.shape))


def _smooth(spectrum: np.ndarray, windows: int) -> np.ndarray:
    """Steadier covariances ``[f, s, s]`` from those of so many windows.

    Each frequency is averaged with those near it, except frequency 0: levels are another matter. Then covariances
    between signals are shrunk towards 0, as if one more window for each signal had shown none: without that a fit on
    few windows believes in chance.
    """
    running = np.cumsum(np.concatenate([np.zeros_like(spectrum[:1]), spectrum]), axis=0)
    frequency = np.arange(len(spectrum))
    reach = np.minimum(NEIGHBOURS, frequency // 4)
    first, last = frequency - reach, np.minimum(frequency + reach, len(spectrum) - 1)
    count = (last - first + 1)[:, None, None]
    averaged = (running[last + 1] - running[first]) / count
    own = np.eye(spectrum.shape[1])
    kept = windows * count / (windows * count + spectrum.shape[1])
    return averaged * (own + (1 - own) * kept)
