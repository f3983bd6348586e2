"""Zero-shot classification: days against the names of classes, without a single label, beside controls.

SensorLM (Zhang, Ayush et al., NeurIPS 2025) reports twenty activities, and five tasks of concepts: cardio, locomotion,
environment, gym and sports, as AUROC. Which activities those concepts hold, and the prompts, are not known to us; the
groupings below are our own. A concept is told by the names of its activities: a day is as near to it as to the nearest.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.metrics import Predictions, score_predictions
from lsmlib.evaluate.pooling import is_known
from lsmlib.evaluate.tasks import label_windows
from lsmlib.models.sensor_language import PROMPTS, SensorLanguage
from lsmlib.simulate.behaviour import ACTIVITIES, ACTIVITY_TABLE

Classes = Mapping[str, Sequence[str]]  # name of a class to the activities that it holds

# Class to activities. An activity in no class of a task takes no part in it.
ZERO_SHOT_TASKS: dict[str, dict[str, tuple[str, ...]]] = {
    "activity_20": {name: (name,) for name in ACTIVITIES},
    "cardio": {
        "cardio": (
            "run", "outdoor bike", "spinning", "elliptical", "treadmill", "swim", "HIIT", "aerobic workout", "rowing",
            "stair climber",
        ),
        "strength and flexibility": ("weightlifting", "strength training", "yoga", "pilates"),
    },
    "locomotion": {
        "walking": ("walk", "hike", "golf"),
        "running": ("run", "treadmill"),
        "cycling": ("outdoor bike", "spinning"),
        "on water": ("swim", "rowing", "kayaking"),
    },
    "environment": {
        "outdoor": tuple(one.name for one in ACTIVITY_TABLE if one.outdoors),
        "indoor": tuple(one.name for one in ACTIVITY_TABLE if not one.outdoors),
    },
    "gym": {
        name: (name,)
        for name in (
            "spinning", "elliptical", "treadmill", "weightlifting", "strength training", "HIIT", "rowing",
            "stair climber",
        )
    },
    "sports": {name: (name,) for name in ("tennis", "golf", "skiing", "kayaking", "swim")},
}  # fmt: skip
METHODS = ("SensorLM", "class prior", "prompts shuffled", "labels shuffled")


def zero_shot_table(
    model: SensorLanguage,
    cohort: xr.Dataset,
    tasks: Mapping[str, Classes] | Sequence[str] = tuple(ZERO_SHOT_TASKS),
    *,
    told_as: Mapping[str, Sequence[str]] | None = None,
    prompts: Sequence[str] = PROMPTS,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score zero-shot classification of days by what is done on them, beside three controls.

    Controls: ``class prior`` says of every day what is most frequent; ``prompts shuffled`` takes for each activity the
    words of another; ``labels shuffled`` scores the model's own answers against labels dealt out anew.

    Args:
        model: a ``SensorLM`` with a contrastive loss.
        cohort: days with ``activity``, best of ``lsmlib.evaluate.activity_days``, of people it was not trained on.
        tasks: names of ``ZERO_SHOT_TASKS``, or tasks of one's own: name to classes, each with its activities.
        told_as: words to tell an activity by, in place of its name; several are averaged. For classes whose names the
            model never read, and for Cohorts with other names.
        prompts: sentences with ``{name}``; the vector of an activity is the mean over all of them.
        resamples: of people, for intervals; 0 leaves them out.
        seed: of shuffling and resamples.

    Returns:
        A row for each task, method and metric of ``score_predictions``, columns as of ``probe_table``: ``task, method,
        metric, value, low, high, rows, people, classes``.

    Raises:
        ValueError: if a task is unknown or has fewer than two classes, an activity stands in two of them, no day of
            the Cohort belongs to any, the Cohort has no activities, or as ``SensorLM.zero_shot``.
    """
    chosen = _find_tasks(tasks)
    truth = label_windows(cohort, "activity_20")
    names = sorted({name for classes in chosen.values() for held in classes.values() for name in held})
    similar = activity_similarities(model, cohort, names, told_as=told_as, prompts=prompts)
    others = similar.set_axis(_of_another(names, seed), axis=1)
    tables = []
    for task, classes in chosen.items():
        found = group_predictions(similar, truth, cohort["person"].values, classes, task)
        draw = np.random.default_rng(seed)
        share = np.array([(found.truth == name).mean() for name in found.classes])
        methods = {
            "SensorLM": found,
            "class prior": found._replace(scores=np.tile(share, (len(found.truth), 1))),
            "prompts shuffled": group_predictions(others, truth, cohort["person"].values, classes, task),
            "labels shuffled": found._replace(truth=draw.permutation(found.truth)),
        }
        for method, predictions in methods.items():
            sizes = {"rows": len(found.truth), "people": len(set(found.people)), "classes": len(found.classes)}
            scores = score_predictions(predictions, resamples, seed).reset_index()
            tables.append(scores.assign(task=task, method=method, **sizes))
    table = pd.concat(tables, ignore_index=True)
    return table[["task", "method", "metric", "value", "low", "high", "rows", "people", "classes"]]


def activity_similarities(
    model: SensorLanguage,
    cohort: xr.Dataset,
    names: Sequence[str] = ACTIVITIES,
    *,
    told_as: Mapping[str, Sequence[str]] | None = None,
    prompts: Sequence[str] = PROMPTS,
) -> pd.DataFrame:
    """Cosines ``[d, c]`` of days with activities, a column an activity.

    Args:
        model: as in ``zero_shot_table``, and so are the others.
        cohort: days.
        names: activities.
        told_as: words to tell some of them by; what is told by several is as near as the mean of their cosines.
        prompts: sentences with ``{name}``.

    Raises:
        ValueError: as ``SensorLM.zero_shot``, or if ``told_as`` holds no words for an activity.
    """
    told = {name: [name] for name in names}
    for name, words in (told_as or {}).items():
        if isinstance(words, str) or not len(words):
            raise ValueError(f"told_as[{name!r}] is {words!r}; expected a list of at least one name")
        if name in told:
            told[name] = list(words)
    words = list(dict.fromkeys(word for several in told.values() for word in several))
    similar = model.zero_shot(cohort, words, prompts)
    return pd.DataFrame({name: similar[several].mean(axis=1) for name, several in told.items()})


def group_predictions(
    similar: pd.DataFrame, truth: np.ndarray, people: np.ndarray, classes: Classes, task: str = "task"
) -> Predictions:
    """Predictions of classes that hold activities: a day is as near to a class as to the nearest activity in it.

    Args:
        similar: of ``activity_similarities``, ``[d, c]``.
        truth: the activity of each day ``[d]``; days of other activities, and of none, are left out.
        people: whose days, ``[d]``.
        classes: name to activities.
        task: what to call it in errors.

    Raises:
        ValueError: if no day belongs to a class.
    """
    of = {activity: name for name, held in classes.items() for activity in held}
    names = np.array([of.get(activity, "") for activity in truth.tolist()], np.str_)
    known = is_known(names)
    if not known.any():
        raise ValueError(f"no day has an activity of {task!r}; expected some of {list(of)}")
    order = sorted(classes)
    scores = np.stack([similar[list(classes[name])].max(axis=1) for name in order], axis=1)
    return Predictions(names[known], scores[known], people[known], np.array(order))


def _find_tasks(tasks: Mapping[str, Classes] | Sequence[str]) -> dict[str, Classes]:
    if isinstance(tasks, str):
        raise ValueError(f"tasks is {tasks!r}; expected a list, such as [{tasks!r}]")
    if not len(tasks):
        raise ValueError("tasks is empty; expected at least one")
    if not isinstance(tasks, Mapping):
        if unknown := [task for task in tasks if task not in ZERO_SHOT_TASKS]:
            raise ValueError(f"there is no task {unknown[0]!r}; expected some of {list(ZERO_SHOT_TASKS)}")
        tasks = {task: ZERO_SHOT_TASKS[task] for task in tasks}
    for task, classes in tasks.items():
        held = [activity for several in classes.values() for activity in several]
        if len(classes) < 2 or not all(len(several) and not isinstance(several, str) for several in classes.values()):
            raise ValueError(
                f"task {task!r} has the classes {dict(classes)}; expected two or more, lists of activities"
            )
        if twice := sorted({activity for activity in held if held.count(activity) > 1}):
            raise ValueError(f"{twice} of task {task!r} stand in several classes; expected each in one")
        if unknown := [activity for activity in held if activity not in ACTIVITIES]:
            raise ValueError(f"{unknown} of task {task!r} are no activities; expected some of {list(ACTIVITIES)}")
    return dict(tasks)


def _of_another(names: Sequence[str], seed: int) -> list[str]:
    """The names in an order in which none stands in its own place: a random cycle through all of them."""
    cycle = np.random.default_rng(seed).permutation(len(names))
    order = np.empty(len(names), int)
    order[cycle] = np.roll(cycle, 1)
    return [names[at] for at in order]
