"""What days tell of their people: LSM-2's tasks of persons, each person once.

LSM-2 (Xu, Narayanswamy et al., 2025) is probed with linear heads on frozen embeddings for hypertension, anxiety, age
and body mass (as reported), and insulin resistance was added later (as reported). How a person's days become one vector
is not known to us. What is done here is what the same authors publish of a sibling study, and others of later models,
as reported: days are pooled, standardised, reduced to 50 principal components, and read by a linear model.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.metrics import Predictions
from lsmlib.evaluate.pooling import average_people, is_known
from lsmlib.evaluate.probes import StandardScaler, linear_probe, probe_table, threadpool_limits
from lsmlib.evaluate.tasks import find_task

try:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import Pipeline, make_pipeline
except ImportError as error:
    raise ImportError("probes need scikit-learn: pip install 'lsmlib[notebooks]'") from error

PERSON_TASKS = ("hypertension", "anxiety", "age", "bmi", "homa_ir")
COMPONENTS = 50


def reduce_people(features: np.ndarray) -> Pipeline:
    """Fit what people are read through: standardisation, then principal components, on people's features ``[p, w]``.

    Fifty components; fewer if there are fewer columns, or fewer than 51 people.
    """
    components = min(COMPONENTS, len(features) - 1, features.shape[1])
    with threadpool_limits(1):
        return make_pipeline(StandardScaler(), PCA(components, svd_solver="full")).fit(features)


def people_probe(
    features: np.ndarray, labels: np.ndarray, people: np.ndarray, pool: str = "mean_sd", seed: int = 0
) -> Predictions:
    """Predict a label of each person by a linear model that was fitted on other people.

    Five folds over people. Everything is learned from training people: mean and deviation, components, the penalty (in
    three folds) and the head, logistic regression for classes and ridge regression for numbers.

    Args:
        features: of days, ``[d, w]``, finite: ``model.embed(cohort)``.
        labels: ``[d]`` of ``label_windows(cohort, task)``; unknown ones are ``""`` or NaN.
        people: ``[d]`` whose days they are.
        pool: ``"mean"``, ``"median"`` or ``"mean_sd"``; see ``pool_people``.
        seed: of the folds.

    Returns:
        The predictions of people ``[p]`` with a known label, in the order of their names.

    Raises:
        ValueError: as ``average_people`` and ``linear_probe``.
    """
    features, labels, people = average_people(features, labels, people, pool)
    known = is_known(labels)
    return linear_probe(features[known], labels[known], people[known], seed, reduce_people)


def people_table(
    features: Mapping[str, np.ndarray],
    cohort: xr.Dataset,
    tasks: Sequence[str] = PERSON_TASKS,
    pool: str = "mean_sd",
    seed: int = 0,
) -> pd.DataFrame:
    """Probe embeddings of days for tasks of persons, beside a control whose labels are shuffled among people.

    Args:
        features: name to ``[d, w]``, finite.
        cohort: the days ``[d]`` they were computed from, best of people the models were not trained on.
        tasks: names of ``LABEL_TASKS`` that belong to persons. Numbers are predicted as they are, HOMA-IR too, which is
            skewed.
        pool: see ``people_probe``.
        seed: of folds, shuffling and resamples.

    Returns:
        The table of ``probe_table``; ``rows`` are people.

    Raises:
        ValueError: as ``probe_table``, and for a task that does not belong to persons.
    """
    for task in tasks:
        if find_task(task).of != "person":
            raise ValueError(
                f"task {task!r} belongs to windows; expected tasks of persons such as {', '.join(PERSON_TASKS)}. "
                "lsmlib.evaluate.probe_table takes both"
            )
    return probe_table(features, cohort, tasks, seed, pool, reduce_people)
