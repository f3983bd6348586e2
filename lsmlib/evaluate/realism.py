"""How far simulated recordings can be told from real ones: distributions, rhythms, and a judge who tries.

Every function takes Cohorts (see ``lsmlib.cohort``) and knows of no device. Two conventions hold for both sides alike:

- Waking minutes are those of the clock, 08:00 to 22:00, because recordings seldom know when people slept.
- Heart rate is rounded to whole beats a minute, since many devices keep no more: a matter of the file, not the heart.
"""

import re
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.window_features import window_features
from lsmlib.signals import MINUTES_PER_DAY, index_of

WAKING = (8 * 60, 22 * 60)  # minutes of the civil day
WINDOW = 60  # minutes that the judge sees at once
STRAIGHT = 10  # minutes of heart rate on a straight line: longer than hearts keep to one, so the line was drawn later
LEVELS = (1, 60)  # steps a minute from which a minute counts as light, and as brisk
MOST_FOLDS = 5
BINS = 250  # of a feature; with as many values or fewer, the trees make no bins of their own (255)


class Windows(NamedTuple):
    """Hours in which heart rate and steps were observed in every minute."""

    heart_rate: np.ndarray  # [w, 60] whole bpm
    steps: np.ndarray  # [w, 60] steps a minute
    person: np.ndarray  # [w]
    hour: np.ndarray  # [w] of the civil day, 0 to 23


class TwoSampleResult(NamedTuple):
    """What a judge scored who tells real windows from simulated ones; 0.5 is guessing, 1 is certainty."""

    auroc: float  # mean over folds
    interval: tuple[float, float]  # 95 %, Student's t over folds
    by_fold: dict[str, float]  # the fold's real people, comma-separated, and its AUROC
    importance: pd.Series  # AUROC lost on held-out folds when a feature is shuffled among windows, largest first
    real_windows: int
    simulated_windows: int


def minute_values(cohort: xr.Dataset, signal: str, waking: bool = True) -> np.ndarray:
    """Observed readings of a signal, one after another: float64 ``[n]`` in its unit, heart rate in whole bpm.

    Args:
        cohort: a Cohort.
        signal: a name of ``SIGNALS``.
        waking: only the minutes from 08:00 to 22:00; else of the whole day.

    Raises:
        ValueError: if there is no such signal, or none of its minutes was observed.
    """
    values = _readings(cohort, signal)[:, slice(*WAKING) if waking else slice(None)]
    values = values[~np.isnan(values)]
    if not values.size:
        raise ValueError(f"{signal} was not observed in any minute; expected a Cohort that holds it")
    return values


def ks_distance(real: xr.Dataset, simulated: xr.Dataset, signal: str) -> float:
    """Kolmogorov-Smirnov distance of waking minutes: the largest gap between two cumulative shares, 0 to 1.

    Raises:
        ValueError: as ``minute_values``.
    """
    from scipy.stats import ks_2samp

    return float(ks_2samp(minute_values(real, signal), minute_values(simulated, signal), method="asymp").statistic)


def daily_profile(cohort: xr.Dataset, signal: str, minutes: int = 15) -> np.ndarray:
    """Mean of a signal by time of the civil day, over all observed minutes: ``[1440 / minutes]``, NaN if none.

    Raises:
        ValueError: if there is no such signal, or a day does not divide into stretches of so many minutes.
    """
    if minutes not in range(1, MINUTES_PER_DAY + 1) or MINUTES_PER_DAY % minutes:
        raise ValueError(f"minutes is {minutes!r}; expected a whole number that divides 1440, such as 15")
    values = _readings(cohort, signal)
    stretches = values.reshape(len(values), -1, minutes)
    observed = ~np.isnan(stretches)
    count = observed.sum(axis=(0, 2))
    total = np.where(observed, stretches, 0).sum(axis=(0, 2))
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def profile_correlation(real: xr.Dataset, simulated: xr.Dataset, signal: str, minutes: int = 15) -> float:
    """Pearson correlation of two daily profiles, over the stretches of the day that both observed.

    Raises:
        ValueError: as ``daily_profile``, or if fewer than three stretches were observed in both.
    """
    pair = np.stack([daily_profile(cohort, signal, minutes) for cohort in (real, simulated)])
    pair = pair[:, ~np.isnan(pair).any(axis=0)]
    if pair.shape[1] < 3:
        raise ValueError(f"{signal} was observed at {pair.shape[1]} times of day in both Cohorts; expected at least 3")
    return float(np.corrcoef(pair)[0, 1])


def autocorrelation(cohort: xr.Dataset, signal: str, lags: tuple[int, ...] = (1, 2, 5, 10, 30, 60)) -> pd.Series:
    """Correlation of a signal's waking minutes with those so many minutes later on the same day; around the day's mean.

    Raises:
        ValueError: if there is no such signal.
    """
    values = _readings(cohort, signal)[:, slice(*WAKING)]
    observed = ~np.isnan(values)
    total = np.where(observed, values, 0).sum(axis=1, keepdims=True)
    around = values - total / np.maximum(observed.sum(axis=1, keepdims=True), 1)
    found = {}
    for lag in lags:
        product = around[:, lag:] * around[:, :-lag]
        both = ~np.isnan(product)
        variance = (np.square(around[:, lag:])[both].mean() + np.square(around[:, :-lag])[both].mean()) / 2
        found[lag] = product[both].mean() / variance if both.any() and variance > 0 else np.nan
    return pd.Series(found, name=signal).rename_axis("lag")


def step_transitions(cohort: xr.Dataset) -> pd.DataFrame:
    """Share of waking minutes of each level (rows) that the next minute follows at each level (columns).

    Levels are none, light (fewer than 60 steps a minute) and brisk.
    """
    steps = _readings(cohort, "steps")[:, slice(*WAKING)]
    both = ~np.isnan(steps[:, 1:] + steps[:, :-1])
    level = np.digitize(steps, LEVELS)
    count = np.zeros((3, 3))
    np.add.at(count, (level[:, :-1][both], level[:, 1:][both]), 1)
    names = ["none", "light", "brisk"]
    shares = count / np.maximum(count.sum(axis=1, keepdims=True), 1)
    return pd.DataFrame(shares, pd.Index(names, name="minute"), pd.Index(names, name="next"))


def cut_pairs(cohort: xr.Dataset) -> Windows:
    """Cut the clock's hours in which heart rate and steps were both observed in every minute.

    Hours with ``STRAIGHT`` or more minutes of heart rate in a row on one straight line, within rounding, are left out:
    such lines are how gaps were filled.

    Raises:
        ValueError: if there is no such hour.
    """
    heart_rate, steps = (_readings(cohort, name).reshape(-1, WINDOW) for name in ("heart_rate", "steps"))
    hours = MINUTES_PER_DAY // WINDOW
    chosen = ~np.isnan(heart_rate + steps).any(axis=1)
    chosen[chosen] = longest_straight(heart_rate[chosen]) < STRAIGHT
    if not chosen.any():
        raise ValueError(
            "no hour of this Cohort has heart_rate and steps in each of its 60 minutes; expected at least one. Give "
            "more days, or days with both signals"
        )
    hour = np.tile(np.arange(hours), cohort.sizes["day"])
    return Windows(heart_rate[chosen], steps[chosen], np.repeat(cohort["person"].values, hours)[chosen], hour[chosen])


def longest_straight(values: np.ndarray) -> np.ndarray:
    """Most readings in a row that whole numbers on one straight line would give: of ``[w, t]``, int ``[w]``."""
    longest = np.ones(len(values), int)
    minutes = values.shape[1]
    for start in range(minutes - 1):
        # Slopes that keep every reading since the start within one unit of the line through the first.
        ahead = np.arange(1, minutes - start)
        rise = values[:, start + 1 :] - values[:, start, None]
        least = np.maximum.accumulate((rise - 1) / ahead, axis=1)
        most = np.minimum.accumulate((rise + 1) / ahead, axis=1)
        longest = np.maximum(longest, 1 + (least < most).sum(axis=1))
    return longest


def two_sample_test(real: xr.Dataset, simulated: xr.Dataset, seed: int = 0) -> TwoSampleResult:
    """Let boosted trees tell real hours from simulated ones, tested on people whom they never saw, real or simulated.

    A classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv 1610.06545). The trees see the 120 minutes of heart
    rate and steps and named features of them. Each hour of the day weighs the same on both sides, so neither when a
    device is worn nor how many windows there are tells anything.

    Args:
        real: a Cohort of recordings; its people are shared out among at most five folds, with four people one a fold.
        simulated: a Cohort.
        seed: of the folds, the trees and the shuffling.

    Returns:
        A ``TwoSampleResult``.

    Raises:
        ImportError: if scikit-learn is not installed.
        ValueError: if either Cohort has no window (see ``cut_pairs``) or windows of fewer than two people.
    """
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.metrics import roc_auc_score
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise ImportError("the two-sample test needs scikit-learn: pip install 'lsmlib[notebooks]'") from error
    from scipy.stats import t as student

    sides = [cut_pairs(real), cut_pairs(simulated)]
    people = [len(np.unique(side.person)) for side in sides]
    if min(people) < 2:
        raise ValueError(f"hours of {people[0]} real and {people[1]} simulated people; expected 2 or more of each")
    folds = min(MOST_FOLDS, *people)
    random = np.random.default_rng(seed)
    fold = np.concatenate([assign_folds(side.person, folds, random) for side in sides])
    is_real = np.repeat([True, False], [len(side.person) for side in sides])
    hour = np.concatenate([side.hour for side in sides])
    table = pd.concat([window_features(side.heart_rate, side.steps) for side in sides], ignore_index=True)
    blocks = pd.Series([re.sub(r" minute \d+$", " minute", str(name)) for name in table], table.columns)
    values, scores, losses = table.to_numpy(np.float32), {}, []
    for held in range(folds):
        train, test = fold != held, fold == held
        weight = np.zeros(len(fold))
        weight[train], weight[test] = (_level_hours(hour[part], is_real[part]) for part in (train, test))
        if not (weight[test & is_real].any() and weight[test & ~is_real].any()):
            raise ValueError("a fold has no hour of the day that both sides observed; give more people or days")
        binned = _bin(values, train)
        lowest, highest = np.fmin.reduce(binned[train]), np.fmax.reduce(binned[train])
        varies = highest > lowest  # the trees refuse features that are always the same
        model = HistGradientBoostingClassifier(
            learning_rate=0.06, max_iter=200, max_leaf_nodes=12, min_samples_leaf=20, l2_regularization=5.0,
            max_features=0.3, early_stopping=False, random_state=seed,
        )  # fmt: skip
        with threadpool_limits(1):  # for so few windows, threads wait for each other more than they work
            model.fit(binned[train][:, varies], is_real[train], sample_weight=weight[train])

        def score(seen: np.ndarray, model=model, varies=varies, test=test, weight=weight) -> float:
            chance = model.predict_proba(seen[:, varies])[:, 1]
            return float(roc_auc_score(is_real[test], chance, sample_weight=weight[test]))

        here = binned[test]
        name = ", ".join(np.unique(sides[0].person[fold[: len(sides[0].person)] == held]))
        loss = {}
        with threadpool_limits(1):
            scores[name] = score(here)
            for block, columns in blocks.groupby(blocks).groups.items():
                shuffled, at = here.copy(), table.columns.get_indexer(columns)
                shuffled[:, at] = here[random.permutation(len(here))][:, at]
                loss[block] = scores[name] - score(shuffled)
        losses.append(loss)
    by_fold = np.array(list(scores.values()))
    half = float(student.ppf(0.975, folds - 1) * by_fold.std(ddof=1) / np.sqrt(folds))
    mean = float(by_fold.mean())
    return TwoSampleResult(
        auroc=mean,
        interval=(max(0.0, mean - half), min(1.0, mean + half)),
        by_fold=scores,
        importance=pd.DataFrame(losses).mean().sort_values(ascending=False).rename("AUROC lost"),
        real_windows=int(is_real.sum()),
        simulated_windows=int((~is_real).sum()),
    )


def _bin(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Each feature as the number of its quantile among ``train``, ``[w, f]``; NaN stays NaN.

    The trees would do the same. Given weights, scikit-learn takes one weighted quantile after the other, for three
    times as long as all else.
    """
    binned = np.full(values.shape, np.nan, np.float32)
    for feature in range(values.shape[1]):
        column = values[:, feature]
        known = np.isfinite(column)
        if (train & known).any():
            edges = np.unique(np.quantile(column[train & known], np.linspace(0, 1, BINS + 1)[1:-1]))
            binned[known, feature] = np.searchsorted(edges, column[known], side="right")
    return binned


def assign_folds(person: np.ndarray, folds: int, random: np.random.Generator) -> np.ndarray:
    """Fold of each window ``[w]``, by person: the people in random order are dealt out one by one."""
    people, code = np.unique(person, return_inverse=True)
    return random.permutation(np.arange(len(people)) % folds)[code]


def _level_hours(hour: np.ndarray, is_real: np.ndarray) -> np.ndarray:
    """Weights ``[w]`` by which both sides count the same in each hour of the day; 0 in hours that one side lacks."""
    count = np.stack([np.bincount(hour[is_real == side], minlength=24) for side in (False, True)])
    ratio = np.divide(count[1], count[0], out=np.zeros(24), where=count[0] > 0)
    return np.where(is_real, (count[0] > 0)[hour], ratio[hour])


def _readings(cohort: xr.Dataset, signal: str) -> np.ndarray:
    """A signal ``[d, t]`` as float64, heart rate in whole bpm."""
    values = cohort["signals"][:, :, index_of(signal)].values.astype(np.float64)
    return np.rint(values) if signal == "heart_rate" else values
