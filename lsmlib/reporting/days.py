"""Which days a report looks at, and what it says of them: sample, coverage, map, captions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import check_whole
from lsmlib.evaluate.calibration import measured_signals
from lsmlib.evaluate.centred import CentredEmbedder
from lsmlib.models.lsm2 import LSM2
from lsmlib.signals import SIGNALS
from lsmlib.text import caption_days
from lsmlib.text.describe import LABELS

LEAST_MAPPED = 4


@dataclass(frozen=True)
class Map:
    """Days in two dimensions."""

    places: np.ndarray  # [d, 2]
    explained: float  # share of the variance that the two components hold
    coverage_correlation: float  # multiple, of the share measured with the two components: 0 unrelated, 1 told by them


def choose_days(cohort: xr.Dataset, count: int, seed: int = 0) -> np.ndarray:
    """Numbers of at most ``count`` days, in order: from every person in turn, their days in a random order.

    Raises:
        ValueError: if ``count`` or ``seed`` is no whole number in range.
    """
    check_whole("days", count, 1)
    check_whole("seed", seed, 0)
    order = np.random.default_rng(seed).permutation(cohort.sizes["day"])
    turn = pd.Series(cohort["person"].values[order]).groupby(cohort["person"].values[order]).cumcount().to_numpy()
    return np.sort(order[np.argsort(turn, kind="stable")[:count]])


def share_measured(cohort: xr.Dataset) -> np.ndarray:
    """Of each day the share of minutes that was measured, of signals with a reading on any day: ``[d]``."""
    return (~np.isnan(cohort["signals"].values[:, :, measured_signals(cohort)])).mean(axis=(1, 2))


def pick_shown(cohort: xr.Dataset, count: int = 3) -> list[int]:
    """Days to draw: the one with most readings, the one with fewest, and some evenly between. Nobody's choice."""
    order = np.argsort(-share_measured(cohort), kind="stable")
    at = np.linspace(0, len(order) - 1, min(count, len(order)))
    return [int(order[place]) for place in at.round().astype(int)]


def map_days(cohort: xr.Dataset, model: LSM2) -> Map | None:
    """Days by their centred embeddings, which say how a day differs from the others here; None of too few days."""
    if cohort.sizes["day"] < LEAST_MAPPED:
        return None
    vectors = CentredEmbedder(model, cohort)(cohort).astype(float)
    centred = vectors - vectors.mean(axis=0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    if not spread[0] > 0:
        return None  # days alike, or too few readings for a token
    places = left[:, :2] * spread[:2]
    share = share_measured(cohort)
    around = share - share.mean()
    told = places @ np.linalg.lstsq(places, around, rcond=None)[0]
    correlation = np.sqrt((told @ told) / (around @ around)) if share.std() > 0 else 0.0
    return Map(places, float((spread[:2] ** 2).sum() / (spread**2).sum()), float(correlation))


def caption_shown(cohort: xr.Dataset, seed: int = 0) -> list[list[str]]:
    """The sentences about each day, of what its readings and its labels allow; of observed minutes only."""
    logged = any(name in cohort and bool((cohort[name].values >= 0).any()) for name in LABELS.values())
    levels = ("semantic", "statistical", "structural") if logged else ("statistical", "structural")
    return [[one.text for one in caption.sentences] for caption in caption_days(cohort, levels, seed)]


def tell_signals(cohort: xr.Dataset) -> dict[str, Any]:
    """Measured and never measured signals, with the share of each."""
    observed = ~np.isnan(cohort["signals"].values)
    share = observed.mean(axis=(0, 1))
    measured = [(SIGNALS[at].name.replace("_", " "), float(share[at])) for at in np.flatnonzero(share)]
    absent = [SIGNALS[at].name.replace("_", " ") for at in np.flatnonzero(share == 0)]
    return {"measured": measured, "absent": absent}
