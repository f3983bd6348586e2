"""Retrieval both ways: of a pool of days and their captions, does each find its own?

SensorLM reports recall among the first for both directions; the size of its pools is not known to us, and recall
depends on it, so it is stated here, with what chance would find.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lsmlib.checks import check_whole
from lsmlib.evaluate.controls import move_all
from lsmlib.evaluate.intervals import percentile_interval, resample_sums, sum_by_person

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits
except ImportError as error:
    raise ImportError("retrieval needs scikit-learn: pip install 'lsmlib[notebooks]'") from error

DIRECTIONS = ("day to text", "text to day")
WORDS = r"[A-Za-z]+|\d\d(?=:)"  # of a time, the hour
PENALTIES = 10.0 ** np.arange(1, 6)


def own_ranks(similar: np.ndarray) -> np.ndarray:
    """The place of each row's own column among all columns: 1 if it is the most alike.

    Args:
        similar: ``[n, n]``; column i belongs to row i. Of equals, half are taken to come first.

    Returns:
        float64 ``[n]``: 1 to n, in steps of a half.

    Raises:
        ValueError: if it is not square, or not finite.
    """
    similar = np.asarray(similar)
    if similar.ndim != 2 or similar.shape[0] != similar.shape[1] or not len(similar):
        raise ValueError(f"similar has shape {similar.shape}; expected [n, n], days by their texts")
    if not np.isfinite(similar).all():
        raise ValueError(f"{(~np.isfinite(similar)).sum()} of {similar.size} similarities are NaN or infinite")
    own = np.diagonal(similar)[:, None]
    return 1 + (similar > own).sum(axis=1) + ((similar == own).sum(axis=1) - 1) / 2


def retrieval_table(
    similar: Mapping[str, np.ndarray],
    people: np.ndarray,
    pool_sizes: Sequence[int] = (100,),
    *,
    counts: Sequence[int] = (1, 5, 10),
    pools: int = 20,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score retrieval in pools drawn from all days, beside a control whose texts are dealt out to other days.

    Args:
        similar: name of a method to cosines ``[n, n]`` of days (rows) and texts (columns), text i of day i.
        people: whose days, ``[n]``.
        pool_sizes: how many days, with their texts, to search among.
        counts: k of R@k, the share of queries whose own is among the k most alike.
        pools: how many pools to draw of each size; all methods have the same.
        resamples: of people, for intervals; 0 leaves them out. They say how much people differ, not pools.
        seed: of pools, shuffling and resamples.

    Returns:
        A row for each method (and ``"texts shuffled"``, of the first), direction, pool size and metric: columns
        ``method, direction, pool, metric, value, low, high, chance``. Metrics are ``R@k`` and ``median rank``, a median
        over queries of ``own_ranks``.

    Raises:
        ValueError: if there is no method, shapes do not agree, a pool is larger than all days, or a number is out of
            range.
    """
    people = np.asarray(people)
    if not similar:
        raise ValueError("similar is empty; expected at least one name and matrix [n, n]")
    check_whole("pools", pools, 1)
    check_whole("resamples", resamples, 0)
    for count in counts:
        check_whole("counts", count, 1)
    for size in pool_sizes:
        check_whole("pool_sizes", size, 2, len(people))
    for name, matrix in similar.items():
        if np.shape(matrix) != (len(people), len(people)):
            raise ValueError(f"{name!r} has shape {np.shape(matrix)}; expected {(len(people),) * 2}, days by texts")
    draw = np.random.default_rng(seed)
    first = np.asarray(next(iter(similar.values())))
    methods = {**similar, "texts shuffled": first[:, move_all(len(people), draw)]}
    rows = []
    for size in pool_sizes:
        drawn = [draw.choice(len(people), size, replace=False) for _ in range(pools)]
        for name, matrix in methods.items():
            for direction, oriented in zip(DIRECTIONS, (np.asarray(matrix), np.asarray(matrix).T), strict=True):
                scores = _score(oriented, people, drawn, counts, resamples, seed)
                rows += [(name, direction, size, *score) for score in scores]
    columns = ["method", "direction", "pool", "metric", "value", "low", "high", "chance"]
    return pd.DataFrame(rows, columns=columns)


def statistics_similarity(
    train_features: np.ndarray, train_texts: Sequence[str], features: np.ndarray, texts: Sequence[str]
) -> np.ndarray:
    """A baseline without a network: a ridge regression from features of a day to weights of its caption's words.

    Args:
        train_features: hand-made features ``[m, f]`` of training days; NaN counts as their mean.
        train_texts: their captions.
        features: ``[n, f]`` of other days.
        texts: their captions ``[n]``.

    Returns:
        Cosines ``[n, n]`` of predicted and true TF-IDF weights, of words and of hours in times.

    Raises:
        ValueError: if there is not one text a row.
    """
    for rows, told in ((train_features, train_texts), (features, texts)):
        if isinstance(told, str) or len(rows) != len(told):
            raise ValueError(f"{len(rows)} rows of features and {len(told)} texts; expected a list of as many texts")
    weigh = TfidfVectorizer(token_pattern=WORDS, lowercase=False, sublinear_tf=True, min_df=2)
    targets = weigh.fit_transform(list(train_texts)).toarray()
    mean = np.nan_to_num(np.nanmean(np.where(np.isnan(train_features).all(axis=0), 0.0, train_features), axis=0))
    known, new = (np.where(np.isnan(x), mean, x) for x in (train_features, features))
    with threadpool_limits(1):
        predicted = make_pipeline(StandardScaler(), RidgeCV(PENALTIES)).fit(known, targets).predict(new)
    predicted /= np.maximum(np.linalg.norm(predicted, axis=1, keepdims=True), 1e-12)
    return predicted @ weigh.transform(list(texts)).toarray().T


def _score(
    similar: np.ndarray,
    people: np.ndarray,
    drawn: Sequence[np.ndarray],
    counts: Sequence[int],
    resamples: int,
    seed: int,
) -> list[tuple[str, float, float, float, float]]:
    """Metric, value, low, high and chance, from how often each person's queries came to each half rank."""
    size = len(drawn[0])
    rank = np.concatenate([own_ranks(similar[np.ix_(pool, pool)]) for pool in drawn])
    hits = np.zeros((len(rank), 2 * size), np.float32)
    hits[np.arange(len(rank)), (2 * rank).astype(int) - 1] = 1  # column j: rank (j + 1) / 2
    _, sums = sum_by_person(hits, people[np.concatenate(drawn)])
    several = np.concatenate([sums.sum(axis=0)[None], *([resample_sums(sums, resamples, seed)] if resamples else [])])
    share = np.cumsum(several, axis=1) / several.sum(axis=1, keepdims=True)
    scores = {f"R@{count}": (share[:, 2 * min(count, size) - 1], min(count / size, 1.0)) for count in counts}
    scores["median rank"] = ((np.argmax(share >= 0.5 - 1e-12, axis=1) + 1) / 2, (size + 1) / 2)
    rows = []
    for metric, (values, chance) in scores.items():
        low, high = percentile_interval(values[1:]) if resamples else (np.nan, np.nan)
        rows.append((metric, float(values[0]), float(low), float(high), chance))
    return rows
