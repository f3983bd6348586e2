"""How far an embedding of a day is a picture of what was missing: the share of it that gaps alone foretell."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import BLOCK
from lsmlib.evaluate.coverage import DAY_PARTS, check_days
from lsmlib.evaluate.probes import FOLDS, PENALTIES, split_folds, standardise, threadpool_limits

try:
    from sklearn.linear_model import RidgeCV
except ImportError as error:
    raise ImportError("probes need scikit-learn: pip install 'lsmlib[notebooks]'") from error

KINDS = ("how many readings", "which signals", "which hours", "all of it")


def coverage_dependence(vectors: Mapping[str, np.ndarray], cohort: xr.Dataset, seed: int = 0) -> pd.DataFrame:
    """Predict embeddings from what was measured, not from any reading, of people who were not learned from.

    By ridge regression in five folds over people, its penalty the one that does best when training days are left out
    one by one. What it foretells of an embedding cannot tell who somebody is or what they do, but for what that has to
    do with wearing the device.

    Args:
        vectors: name to embeddings of days ``[d, w]``.
        cohort: these days. Lazy ones are read 64 at a time.
        seed: of the folds.

    Returns:
        A row a name, a column for each of ``KINDS``: the share of the embeddings' variance, summed over their columns,
        that is foretold from the share of the day's readings that were measured; from that of each signal; of each part
        of the day; and from all these. 0 or a little below: nothing; 1: all.

    Raises:
        ValueError: if these are no whole days, of fewer than five people, or a matrix has other rows or is not finite.
    """
    check_days(cohort)
    if not isinstance(vectors, Mapping):
        raise ValueError(f"vectors is {type(vectors).__name__}; expected a dict of name to embeddings [d, w]")
    people = cohort["person"].values
    parts = []
    for first in range(0, cohort.sizes["day"], BLOCK):
        observed = ~np.isnan(cohort["signals"][first : first + BLOCK].values)
        by_hour = [observed[:, slice(*span)].mean(axis=(1, 2)) for span in DAY_PARTS.values()]
        parts.append(np.column_stack([observed.mean(axis=(1, 2)), observed.mean(axis=1), *by_hour]))
    shares = np.concatenate(parts)  # [d, 1 + s + 4]
    signals = 1 + cohort.sizes["signal"]
    known = (shares[:, :1], shares[:, 1:signals], shares[:, signals:], shares)
    if len(set(people)) < FOLDS:
        raise ValueError(f"days of {len(set(people))} people; expected at least {FOLDS}, one a fold")
    folds = list(split_folds(np.zeros(len(people)), people, FOLDS, seed))
    rows = {}
    for name, matrix in vectors.items():
        matrix = np.asarray(matrix, float)
        if matrix.ndim != 2 or len(matrix) != len(people) or not np.isfinite(matrix).all():
            raise ValueError(f"{name!r} has shape {matrix.shape}; expected finite numbers [{len(people)}, w]")
        rows[name] = [_foretold(of_day, matrix, folds) for of_day in known]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(KINDS))


def _foretold(shares: np.ndarray, matrix: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Share of the variance ``[d, w]`` that is foretold: 1 - squared errors / squared distances from training means."""
    left, total = 0.0, 0.0
    for train, test in folds:
        scale = standardise(shares[train])
        with threadpool_limits(1):
            model = RidgeCV(PENALTIES).fit(scale.transform(shares[train]), matrix[train])
            guess = model.predict(scale.transform(shares[test])).reshape(len(test), -1)
        left += float(np.square(matrix[test] - guess).sum())
        total += float(np.square(matrix[test] - matrix[train].mean(axis=0)).sum())
    return 1 - left / total if total > 0 else np.nan
