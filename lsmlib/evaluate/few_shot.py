"""Few labels: how well a task is learned from 1 to 100 labelled windows a class, on people who gave none of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import t as student

from lsmlib.checks import check_whole
from lsmlib.evaluate.intervals import LEVEL
from lsmlib.evaluate.metrics import Predictions, score_predictions
from lsmlib.evaluate.pooling import is_known
from lsmlib.evaluate.probes import Learner, check_labels, split_folds

SHOTS = (1, 2, 5, 10, 20, 50, 100)
TEST_FOLDS = 4  # a quarter of the people is tested on


class Draw(NamedTuple):
    """One draw of labelled windows."""

    shots: int  # windows a class
    number: int  # which of the repeats
    train: np.ndarray  # [shots × classes] rows
    test: np.ndarray  # [m] all labelled rows of the test people


def draw_shots(
    labels: np.ndarray, people: np.ndarray, shots: Sequence[int] = SHOTS, repeats: int = 10, seed: int = 0
) -> Iterator[Draw]:
    """Draw labelled windows from some people and test on all windows of the others, again and again.

    Every repeat puts another quarter of the people aside (each class in about its share), and draws afresh. Within a
    repeat the windows of a small draw are among those of a larger one, so a curve over shots is not shaken by luck at
    each point.

    Args:
        labels: ``[d]`` names of classes; ``""`` where unknown: neither drawn nor tested on.
        people: ``[d]``.
        shots: windows a class, rising or not.
        repeats: how often all of this is repeated.
        seed: of people and windows.

    Raises:
        ValueError: if a class has fewer windows than the largest number of shots among the training people, labels are
            numbers, or there are too few people.
    """
    labels, people = np.asarray(labels), np.asarray(people)
    check_whole("repeats", repeats, 1)
    for number in shots:
        check_whole("shots", number, 1)
    if not len(shots):
        raise ValueError("shots is empty; expected at least one number of windows a class")
    if labels.dtype.kind != "U":
        raise ValueError(f"labels are {labels.dtype}; expected names of classes: shots are counted a class")
    rows = np.flatnonzero(is_known(labels))
    classes = check_labels(labels[rows], people[rows])
    for number in range(repeats):
        train, test = next(split_folds(labels[rows], people[rows], TEST_FOLDS, seed + number))
        mixed = np.random.default_rng([seed, number]).permutation(rows[train])
        of_class = [mixed[labels[mixed] == one] for one in classes]
        fewest = min(range(len(classes)), key=lambda one: len(of_class[one]))
        if len(of_class[fewest]) < max(shots):
            raise ValueError(
                f"{max(shots)} windows a class were asked for, but the training people have {len(of_class[fewest])} of "
                f"{str(classes[fewest])!r}; use more people, fewer shots, or leave rare classes out with "
                "lsmlib.evaluate.drop_rare_classes"
            )
        for count in shots:
            yield Draw(count, number, np.concatenate([members[:count] for members in of_class]), rows[test])


def few_shot(
    learners: Mapping[str, Learner],
    labels: np.ndarray,
    people: np.ndarray,
    shots: Sequence[int] = SHOTS,
    repeats: int = 10,
    seed: int = 0,
) -> pd.DataFrame:
    """Score learners on the same draws of few labels.

    Args:
        learners: name to learner (``linear_learner(features, people, penalty=…)``, ``fine_tune_learner(…)``).
        labels: as in ``draw_shots``, which draws.
        people: likewise.
        shots: likewise.
        repeats: likewise.
        seed: likewise.

    Returns:
        A row for each method, number of shots, draw and metric of ``score_predictions``: columns ``method, shots, draw,
        metric, value``. ``summarise_draws`` gives means and intervals.
    """
    labels, people = np.asarray(labels), np.asarray(people)
    classes = np.unique(labels[is_known(labels)])
    rows = []
    for draw in draw_shots(labels, people, shots, repeats, seed):
        for name, learner in learners.items():
            found = learner(draw.train, labels[draw.train], draw.test)
            predictions = Predictions(labels[draw.test], found, people[draw.test], classes)
            for metric, value in score_predictions(predictions, resamples=0)["value"].items():
                rows.append((name, draw.shots, draw.number, metric, value))
    return pd.DataFrame(rows, columns=["method", "shots", "draw", "metric", "value"])


def summarise_draws(scores: pd.DataFrame) -> pd.DataFrame:
    """Means over draws of what ``few_shot`` returns, with 95 % intervals of the mean (Student's t).

    They say how much the luck of the draw matters, of labelled windows and of test people. Methods share draws, so
    compare two by the mean of their differences: a pivoted table's columns subtracted.

    Returns:
        Columns ``method, shots, metric, value, low, high, draws``.

    Raises:
        ValueError: if a curve's point has one draw only.
    """
    groups = scores.groupby(["method", "shots", "metric"], sort=False)["value"]
    table = groups.agg(["mean", "std", "count"]).reset_index()
    if (table["count"] < 2).any():
        raise ValueError("one draw has no interval; expected repeats of at least 2")
    half = student.ppf((1 + LEVEL) / 2, table["count"] - 1) * table["std"] / np.sqrt(table["count"])
    return table.assign(value=table["mean"], low=table["mean"] - half, high=table["mean"] + half, draws=table["count"])[
        ["method", "shots", "metric", "value", "low", "high", "draws"]
    ]
