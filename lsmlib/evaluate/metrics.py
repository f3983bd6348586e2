"""Scores of predictions, each with a 95 % interval that comes from resampling people.

Windows of one person resemble each other, so people are what is drawn with replacement, with all their windows
(percentile bootstrap; Efron and Tibshirani, "An Introduction to the Bootstrap", 1993). A resample is a count for each
person. All scores are computed from such counts, for all resamples at once; the score itself is the one where everybody
counts once.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from lsmlib.checks import check_whole
from lsmlib.evaluate.intervals import percentile_interval

LEVEL = 0.95
CELLS = 4_000_000  # resamples × rows looked at together: memory


class Predictions(NamedTuple):
    """What was predicted for rows that the predictor was not fitted on."""

    truth: np.ndarray  # [n] names of classes, or numbers
    scores: np.ndarray  # [n, c] the higher the likelier, classes in the order below; or [n] numbers
    people: np.ndarray  # [n] whose row it is
    classes: np.ndarray  # [c] sorted names; [0] for numbers

    @property
    def best(self) -> np.ndarray:
        """The class with the highest score ``[n]``."""
        return self.classes[self.scores.argmax(axis=1)]


def score_predictions(predictions: Predictions, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Score predictions, with intervals.

    Of classes: ``accuracy``; ``balanced accuracy``, the mean share found over classes; ``macro F1``; ``mAP``, the mean
    over classes of the average precision of one class against the rest; ``AUROC``, likewise. With two classes the last
    two are means over both, too. In a resample without any row of a class, means are over the others. Of numbers: mean
    absolute error ``MAE`` in their unit, Pearson's ``r``, and ``R²`` (0 is as good as knowing the mean).

    Args:
        predictions: of rows that were held out.
        resamples: how many times people are drawn; 0 leaves out the intervals.
        seed: of the draws.

    Returns:
        One row a metric, in that order; columns ``value``, ``low`` and ``high`` (2.5 % and 97.5 % quantiles).

    Raises:
        ValueError: if scores are not finite, shapes or classes do not agree, or an interval is asked for of one person.
    """
    values = resample_scores(predictions, resamples, seed)
    low, high = percentile_interval(values.to_numpy()[1:]) if resamples else np.full((2, values.shape[1]), np.nan)
    return pd.DataFrame({"value": values.iloc[0], "low": low, "high": high}).rename_axis("metric")


def resample_scores(predictions: Predictions, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """The scores of ``score_predictions`` in every resample, for intervals of what is computed from several scores.

    Predictions of the same people with the same seed are resampled together: row by row, with the same people.

    Returns:
        A column a metric; row 0 is the score itself, then one row a resample.

    Raises:
        ValueError: as ``score_predictions``.
    """
    check_whole("resamples", resamples, 0)
    _check(predictions)
    people, whose = np.unique(predictions.people, return_inverse=True)
    weights = np.ones((1 + resamples, len(people)), np.float32)
    if resamples:
        if len(people) < 2:
            raise ValueError("all rows are of one person; an interval over people needs two, or resamples=0")
        draw = np.random.default_rng(seed)
        weights[1:] = draw.multinomial(len(people), np.full(len(people), 1 / len(people)), resamples)
    if len(predictions.classes):
        truth = np.searchsorted(predictions.classes, predictions.truth)
        scores = _confusion_scores(truth, predictions.scores.argmax(axis=1), len(predictions.classes), whose, weights)
        scores |= _ranking_scores(truth, predictions.scores, whose, weights)
    else:
        scores = _number_scores(predictions.truth, predictions.scores, whose, weights)
    return pd.DataFrame(scores)


def _confusion_scores(
    truth: np.ndarray, best: np.ndarray, kinds: int, whose: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores ``[r]`` that need the best class only, from each person's confusion matrix and weights ``[r, people]``."""
    each = np.zeros((weights.shape[1], kinds, kinds), np.float32)
    np.add.at(each, (whose, truth, best), 1)
    confusion = (weights @ each.reshape(len(each), -1)).reshape(-1, kinds, kinds).astype(float)  # [r, truth, best]
    right = np.diagonal(confusion, axis1=1, axis2=2)
    of_class, as_class = confusion.sum(axis=2), confusion.sum(axis=1)
    there = of_class > 0
    return {
        "accuracy": right.sum(axis=1) / of_class.sum(axis=1),
        "balanced accuracy": _mean_where(right / np.where(there, of_class, 1), there),
        "macro F1": _mean_where(2 * right / np.where(there, of_class + as_class, 1), there),
    }


def _ranking_scores(
    truth: np.ndarray, scores: np.ndarray, whose: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Mean average precision and AUROC ``[r]``, one class against the rest, rows weighted ``[r, people]``."""
    precision, area = np.full((2, len(weights), scores.shape[1]), np.nan)
    for kind in range(scores.shape[1]):
        order = np.argsort(-scores[:, kind], kind="stable")
        sorted_scores = scores[order, kind]
        ends = np.flatnonzero(np.append(sorted_scores[1:] != sorted_scores[:-1], True))  # equal scores count as one
        is_kind = truth[order] == kind
        for rows in _blocks(len(weights), len(truth)):
            weight = weights[rows][:, whose[order]].astype(float)
            found = np.cumsum(weight * is_kind, axis=1)[:, ends]  # [r, thresholds]
            taken = np.cumsum(weight, axis=1)[:, ends]
            wrong = taken - found
            positive, negative = found[:, -1], wrong[:, -1]
            step = np.diff(found, axis=1, prepend=0)
            with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 is NaN: this class, or all others, not drawn
                precise = np.where(taken > 0, found / taken, 0)
                precision[rows, kind] = (step * precise).sum(axis=1) / positive
                below = negative[:, None] - wrong + np.diff(wrong, axis=1, prepend=0) / 2
                area[rows, kind] = (step * below).sum(axis=1) / (positive * negative)
    return {"mAP": _mean_where(precision, ~np.isnan(precision)), "AUROC": _mean_where(area, ~np.isnan(area))}


def _number_scores(
    truth: np.ndarray, guess: np.ndarray, whose: np.ndarray, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """MAE, r and R² ``[r]`` from each person's sums and weights ``[r, people]``."""
    x, y = truth - truth.mean(), guess - truth.mean()  # small numbers, because sums of squares are subtracted
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y, np.abs(x - y), (x - y) ** 2], axis=1)
    each = np.zeros((weights.shape[1], terms.shape[1]))
    np.add.at(each, whose, terms)
    n, sum_x, sum_y, xx, yy, xy, absolute, squared = (weights @ each).T
    spread_x, spread_y, together = xx - sum_x**2 / n, yy - sum_y**2 / n, xy - sum_x * sum_y / n
    with np.errstate(invalid="ignore", divide="ignore"):
        # A constant has no correlation; what its rounding leaves is not one.
        varies = (spread_x > 1e-12 * xx) & (spread_y > 1e-12 * yy)
        r = np.where(varies, together / np.sqrt(spread_x * spread_y), np.nan)
        return {"MAE": absolute / n, "r": r, "R²": np.where(spread_x > 0, 1 - squared / spread_x, np.nan)}


def _mean_where(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The mean of chosen values of each row; NaN where none is."""
    count = chosen.sum(axis=1)
    total = np.where(chosen, values, 0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def _blocks(resamples: int, rows: int) -> Iterator[slice]:
    size = max(1, CELLS // rows)
    return (slice(first, first + size) for first in range(0, resamples, size))


def _check(predictions: Predictions) -> None:
    truth, scores, people, classes = predictions
    rows, kinds = len(truth), len(classes)
    expected = (rows, kinds) if kinds else (rows,)
    if scores.shape != expected or len(people) != rows or not rows:
        raise ValueError(
            f"scores have shape {scores.shape}, people {people.shape}, truth {truth.shape}; expected {expected} and "
            f"{rows} rows each, at least one"
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"{(~np.isfinite(scores)).sum()} of {scores.size} scores are NaN or infinite")
    if kinds and (list(classes) != sorted(set(classes)) or not np.isin(truth, classes).all()):
        raise ValueError(f"classes are {list(classes)}; expected all classes of truth, sorted, each once")
