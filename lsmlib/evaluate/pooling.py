"""From rows to people: one vector and one label a person, for what belongs to people and not to their days."""

import numpy as np
import pandas as pd

POOLS = ("mean", "median", "mean_sd")


def pool_people(features: np.ndarray, people: np.ndarray, how: str = "mean") -> tuple[np.ndarray, np.ndarray]:
    """One vector a person, from those of the person's days.

    Args:
        features: ``[d, w]``, finite.
        people: ``[d]`` whose rows they are.
        how: ``"mean"``; ``"median"``, of each column; or ``"mean_sd"``, means and then standard deviations, which are 0
            for a person with one day.

    Returns:
        float64 ``[p, w]``, or ``[p, 2 w]`` for ``"mean_sd"``, in the order of the people's names; and these ``[p]``.

    Raises:
        ValueError: if there is no such way to pool, shapes do not agree, or a feature is not finite.
    """
    if how not in POOLS:
        raise ValueError(f"there is no way to pool called {how!r}; expected one of {', '.join(POOLS)}")
    features = np.asarray(features, float)
    if features.ndim != 2 or len(features) != len(people):
        raise ValueError(f"features have shape {features.shape}; expected [d, w] with d = {len(people)}, as people")
    if not np.isfinite(features).all():
        row, column = np.argwhere(~np.isfinite(features))[0]
        raise ValueError(f"feature {column} of row {row} is NaN or infinite; fill such features, or leave the row out")
    names, whose = np.unique(people, return_inverse=True)
    rows = pd.DataFrame(features).groupby(whose)
    pooled = (rows.median() if how == "median" else rows.mean()).to_numpy()
    if how == "mean_sd":
        pooled = np.concatenate([pooled, rows.std(ddof=0).to_numpy()], axis=1)
    return pooled, names


def average_people(
    features: np.ndarray, labels: np.ndarray, people: np.ndarray, how: str = "mean"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One row a person, in the order of their names: pooled features ``[p, w]``, the label ``[p]``, the person ``[p]``.

    Features are pooled as ``pool_people`` does. A number is averaged over rows that know it (age grows by a day a day);
    a class is the one that is known.

    Raises:
        ValueError: as ``pool_people``, and if the rows of a person know different classes.
    """
    pooled, names = pool_people(features, people, how)
    labels, (_, whose) = np.asarray(labels), np.unique(people, return_inverse=True)
    if labels.dtype.kind != "U":
        known = is_known(labels)
        total = np.bincount(whose[known], labels[known], len(names))
        number = np.bincount(whose[known], minlength=len(names))
        return pooled, np.divide(total, number, out=np.full(len(names), np.nan), where=number > 0), names
    pairs = pd.DataFrame({"person": whose, "label": labels})[labels != ""].drop_duplicates()
    if pairs["person"].duplicated().any():
        who = pairs["person"][pairs["person"].duplicated()].iloc[0]
        raise ValueError(
            f"person {str(names[who])!r} has several labels: {sorted(pairs.label[pairs.person == who])}; expected one: "
            "average only what belongs to people"
        )
    label = np.zeros(len(names), labels.dtype)
    label[pairs["person"]] = pairs["label"]
    return pooled, label, names


def is_known(labels: np.ndarray) -> np.ndarray:
    """Which labels ``[d]`` are known: text that is not empty, numbers that are not NaN."""
    labels = np.asarray(labels)
    return labels != "" if labels.dtype.kind == "U" else ~np.isnan(labels)
