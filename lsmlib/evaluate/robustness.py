"""What is lost when a sensor or some hours are missing at test time: frozen probes, nothing trained again.

LSM-2 (Xu, Narayanswamy et al., 2025) is tested so against LSM-1, in 12 settings of sensors and times of the day, and
its scores drop by 73 % less on average (as reported). Which settings these are, and whether drops are relative, is not
known to us. Here a probe learns from embeddings of the training people's days as they are, and is tested on embeddings
of the other people's days from which readings were removed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.coverage import DAY_PARTS, check_days
from lsmlib.evaluate.intervals import percentile_interval
from lsmlib.evaluate.metrics import Predictions, resample_scores
from lsmlib.evaluate.people import reduce_people
from lsmlib.evaluate.pooling import average_people, is_known, pool_people
from lsmlib.evaluate.probes import Learner, Prepare, cross_predict, drop_rare_classes, fit_probe, standardise
from lsmlib.evaluate.tasks import find_task, label_windows
from lsmlib.signals import SENSORS, SIGNALS

Embedder = Callable[[xr.Dataset], np.ndarray]

METRICS = ("macro F1", "AUROC")
SEEN = ("signals", "event_minute")  # what an embedder is given, beside person and date: no labels


class Removal(NamedTuple):
    """What is taken away: all readings of some sensors, and in some parts of the day all readings."""

    name: str
    sensors: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()  # of DAY_PARTS


NOTHING = Removal("nothing")
REMOVALS = (
    *(Removal(sensor, sensors=(sensor,)) for sensor in SENSORS),
    *(Removal(part, parts=(part,)) for part in DAY_PARTS),
    Removal("PPG and ACC", sensors=("PPG", "ACC")),
    Removal("all but the night", parts=("morning", "afternoon", "evening")),
    Removal("PPG, EDA, TEMP and the night", sensors=("PPG", "EDA", "TEMP"), parts=("night",)),
)


def remove(cohort: xr.Dataset, removal: Removal) -> xr.Dataset:
    """Take readings away.

    Args:
        cohort: whole days, also those of ``activity_days``. Lazy ones are read.
        removal: one of ``REMOVALS``, or your own.

    Returns:
        The same days with NaN there, some perhaps without any reading left; all else as it was, but without
        ``missing_mode``, which no longer says why a reading is missing.

    Raises:
        ValueError: if these are no whole days, or there is no such sensor or part of the day.
    """
    check_days(cohort)
    for kind, names, known in (("sensor", removal.sensors, SENSORS), ("part of the day", removal.parts, DAY_PARTS)):
        for name in names:
            if name not in known:
                raise ValueError(f"there is no {kind} {name!r}; expected some of {', '.join(known)}")
    values = np.array(cohort["signals"].values)
    values[:, :, [signal.sensor in removal.sensors for signal in SIGNALS]] = np.nan
    for part in removal.parts:
        values[:, slice(*DAY_PARTS[part])] = np.nan
    return cohort.drop_vars("missing_mode", errors="ignore").assign(signals=cohort["signals"].copy(data=values))


def robustness_table(
    embedders: Mapping[str, Embedder],
    cohort: xr.Dataset,
    tasks: Sequence[str],
    removals: Sequence[Removal] = REMOVALS,
    pool: str = "mean_sd",
    resamples: int = 1000,
    seed: int = 0,
    prepare: Prepare = standardise,
) -> pd.DataFrame:
    """Score frozen probes on days from which readings were removed.

    Five folds over people, the same for every embedder and setting. In each, a linear probe (``linear_probe``; for
    tasks of persons ``people_probe``) is fitted once, on the training people's days with nothing removed, and predicts
    the other people from each of their removed days' embeddings. Days without a reading left tell nothing of their
    person and are not pooled, unless the person has no other; an activity is predicted even then.

    Args:
        embedders: name → function from days, NaN where missing, to finite ``[d, w]``: ``lsm2.embed``. It sees no
            labels, and is called once for each setting. A model that reads no gaps fills them first: ``lambda days:
            lsm1.embed(days.assign(signals=days["signals"].copy(data=fill_gaps(days["signals"].values))))`` with
            ``lsmlib.windows.fill_gaps``.
        cohort: whole days, of people on whom no embedder was trained. For ``activity_20`` those of ``activity_days``.
        tasks: names of ``LABEL_TASKS`` that have classes. Those that fewer than five people have are left out.
        removals: the settings.
        pool: how a person's days become one vector; see ``pool_people``.
        resamples: how often people are drawn with replacement; 0 for no intervals (NaN).
        seed: of folds and resamples.
        prepare: as in ``linear_probe``, for tasks of windows; ``reduce_people`` is much faster where vectors are wide.

    Returns:
        A row for each ``task``, ``embedder``, ``setting`` (``"nothing"`` comes first) and ``metric`` (macro F1, AUROC):
        ``value`` with its 95 % interval ``low`` to ``high``; ``drop``, by which share it lies below the value with
        nothing removed, with ``drop_low`` to ``drop_high``, for which both are scored on the same people in every
        resample; ``rows`` and ``people`` scored, and how many ``classes``.

    Raises:
        ValueError: if there is no embedder; a task is unknown or a number; a setting is named twice or ``"nothing"``;
            an embedder returns another shape, or numbers that are not finite; or as ``remove`` and ``cross_predict``.
    """
    check_days(cohort)
    _check_arguments(embedders, tasks, removals)
    people, labels = cohort["person"].values, {task: label_windows(cohort, task) for task in tasks}
    days = cohort[[name for name in SEEN if name in cohort]]
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in embedders}
    read = []  # for each setting, which days have a reading left
    for removal in (NOTHING, *removals):
        left = remove(days, removal)
        read.append(left["signals"].notnull().any(["minute", "signal"]).values)
        for name, embed in embedders.items():
            vectors[name].append(_embed(name, embed, left))
    names = [removal.name for removal in (NOTHING, *removals)]
    tables = []
    for task in tasks:
        of_person = find_task(task).of == "person"
        for name, of_setting in vectors.items():
            rows, known, whose = of_setting, labels[task], people
            if of_person:
                _, known, whose = average_people(of_setting[0], known, people, pool)
                rows = [_pool(matrix, people, some, pool) for matrix, some in zip(of_setting, read, strict=True)]
            found = _predict(rows, known, whose, reduce_people if of_person else prepare, seed)
            tables.append(_score(found, names, resamples, seed).assign(task=task, embedder=name))
    table = pd.concat(tables, ignore_index=True)
    return table[["task", "embedder", "setting", *table.columns.drop(["task", "embedder", "setting"])]]


def mean_drop(table: pd.DataFrame, metric: str = "macro F1") -> pd.DataFrame:
    """How much is lost on average, and by how much less than with another embedder.

    Look at the values beside it: a probe that calls everybody by the commonest class has nothing to lose.

    Args:
        table: of ``robustness_table``.
        metric: ``"macro F1"`` or ``"AUROC"``.

    Returns:
        A row an embedder: ``drop``, the mean over tasks and settings of its relative drops; and for each embedder X
        ``smaller than X``, the share by which this drop is smaller than X's (reported for LSM-2 and LSM-1: 0.73;
        negative: it is larger; NaN where X's scores do not drop).

    Raises:
        ValueError: if the table has nothing of this metric, or a drop is not known.
    """
    rows = table[(table["metric"] == metric) & (table["setting"] != NOTHING.name)]
    if not len(rows) or rows["drop"].isna().any():
        raise ValueError(
            f"the table has {len(rows)} drops of {metric!r}, {rows['drop'].isna().sum()} of them NaN; expected a table "
            f"of robustness_table, one of {', '.join(METRICS)}, and scores above 0 with nothing removed"
        )
    drop = rows.groupby("embedder", sort=False)["drop"].mean()
    return pd.DataFrame(
        {"drop": drop}
        | {f"smaller than {name}": 1 - drop / (other if other > 0 else np.nan) for name, other in drop.items()}
    )


def _pool(vectors: np.ndarray, people: np.ndarray, read: np.ndarray, pool: str) -> np.ndarray:
    """One vector a person, from days with readings where the person has any."""
    kept = read | ~np.isin(people, people[read])
    return pool_people(vectors[kept], people[kept], pool)[0]


def _predict(
    rows: list[np.ndarray], labels: np.ndarray, people: np.ndarray, prepare: Prepare, seed: int
) -> list[Predictions]:
    """Predictions from the rows ``[n, w]`` of each setting, by probes fitted on those of the first."""
    labels = drop_rare_classes(labels, people)
    known = is_known(labels)
    labels, people, rows = labels[known], people[known], [np.asarray(matrix[known], np.float32) for matrix in rows]
    probes: dict[bytes, Callable[[np.ndarray], np.ndarray]] = {}  # by the rows of their training people

    def under(matrix: np.ndarray) -> Learner:
        def learn(train: np.ndarray, train_labels: np.ndarray, test: np.ndarray) -> np.ndarray:
            fold = train.tobytes()
            if fold not in probes:
                probes[fold] = fit_probe(
                    prepare(rows[0][train]), rows[0][train], train_labels, people[train], seed=seed
                )
            return probes[fold](matrix[test])

        return learn

    return [cross_predict(under(matrix), labels, people, seed) for matrix in rows]


def _score(found: list[Predictions], names: list[str], resamples: int, seed: int) -> pd.DataFrame:
    scores = [resample_scores(one, resamples, seed)[list(METRICS)].to_numpy() for one in found]  # [1 + resamples, 2]
    tables = []
    for name, score, one in zip(names, scores, found, strict=True):
        drop = 1 - np.divide(score, scores[0], out=np.full(score.shape, np.nan), where=scores[0] > 0)
        bounds = [percentile_interval(all_of[1:]) if resamples else np.full((2, 2), np.nan) for all_of in (score, drop)]
        (low, high), (drop_low, drop_high) = bounds
        columns = {"setting": name, "metric": METRICS, "value": score[0], "low": low, "high": high, "drop": drop[0]}
        columns |= {"drop_low": drop_low, "drop_high": drop_high, "rows": len(one.truth)}
        tables.append(pd.DataFrame(columns | {"people": len(set(one.people)), "classes": len(one.classes)}))
    return pd.concat(tables, ignore_index=True)


def _embed(name: str, embed: Embedder, days: xr.Dataset) -> np.ndarray:
    vectors = np.asarray(embed(days.copy(deep=True)))
    if vectors.ndim != 2 or len(vectors) != days.sizes["day"] or not np.isfinite(vectors).all():
        raise ValueError(
            f"embedder {name!r} returned {vectors.dtype} {list(vectors.shape)}, "
            f"{(~np.isfinite(vectors)).sum()} of them NaN or infinite; expected finite numbers "
            f"[{days.sizes['day']}, w], a row a day"
        )
    return vectors


def _check_arguments(embedders: Mapping[str, Embedder], tasks: Sequence[str], removals: Sequence[Removal]) -> None:
    if not embedders or not tasks or isinstance(tasks, str):
        raise ValueError(f"embedders are {list(embedders)}, tasks {tasks!r}; expected at least one name of each")
    for task in tasks:
        if not find_task(task).classes:
            raise ValueError(f"task {task!r} is a number; F1 and AUROC are of classes, such as hypertension")
    names = [NOTHING.name, *(removal.name for removal in removals)]
    if len(set(names)) < len(names):
        raise ValueError(f"settings are {', '.join(names)}; expected each name once, and {NOTHING.name!r} not at all")
