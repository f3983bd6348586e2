"""Zero-shot classification: days against the names of classes, without a single label, beside controls.

SensorLM (Zhang, Ayush et al., NeurIPS 2025) reports twenty activities, and five tasks of concepts: cardio, locomotion,
environment, gym and sports, as AUROC. Which activities those concepts hold, and the prompts, are not known to us; the
groupings below are our own. A concept is told by the names of its activities, and is as likely as all of them together.

Probabilities are a softmax of cosines times the scale that the model has learned, as in CLIP (Radford et al., 2021):
cosines themselves differ from day to day for reasons that have nothing to do with the class. Captions also say *when*
something was done. So prompts are put for every hour of the day, and an activity is as likely as it is at all hours
together: a mean over hours alone would blur what the right hour tells.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import logsumexp, softmax

from lsmlib.evaluate.controls import move_all
from lsmlib.evaluate.metrics import Predictions, score_predictions
from lsmlib.evaluate.pooling import is_known
from lsmlib.evaluate.tasks import label_windows
from lsmlib.models.sensor_language import SensorLanguage, check_list
from lsmlib.simulate.behaviour import ACTIVITIES, ACTIVITY_TABLE
from lsmlib.text.templates import TEMPLATES

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
# All sentences that captions have for activities, at 6:10 to 6:50 and so on until 21:50; those of an hour together.
HOURLY_PROMPTS = tuple(
    tuple(
        text.replace("{start}", f"{hour:02d}:10").replace("{end}", f"{hour:02d}:50") for text in TEMPLATES["activity"]
    )
    for hour in range(6, 22)
)
BATCH = 64  # texts at once


def zero_shot_table(
    model: SensorLanguage,
    cohort: xr.Dataset,
    tasks: Mapping[str, Classes] | Sequence[str] = tuple(ZERO_SHOT_TASKS),
    *,
    told_as: Mapping[str, Sequence[str]] | None = None,
    prompts: Sequence[Sequence[str]] = HOURLY_PROMPTS,
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
        prompts: groups of sentences with ``{name}``, as in ``activity_probabilities``.
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
    likely = activity_probabilities(model, cohort, names, told_as=told_as, prompts=prompts)
    others = likely.set_axis([names[at] for at in move_all(len(names), np.random.default_rng(seed))], axis=1)
    tables = []
    for task, classes in chosen.items():
        found = group_predictions(likely, truth, cohort["person"].values, classes, task)
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


def activity_probabilities(
    model: SensorLanguage,
    cohort: xr.Dataset,
    names: Sequence[str] = ACTIVITIES,
    *,
    told_as: Mapping[str, Sequence[str]] | None = None,
    prompts: Sequence[Sequence[str]] = HOURLY_PROMPTS,
) -> pd.DataFrame:
    """How likely each activity is on each day, of those named: ``[d, c]``, a column an activity; rows add up to 1.

    Args:
        model: as in ``zero_shot_table``.
        cohort: days.
        names: of activities, as captions would have them.
        told_as: words to tell some of them by; what is told by several is as likely as their mean.
        prompts: groups of sentences with ``{name}``. The vector of a group is the mean over its sentences (and
            of unit length); of several groups, the likeliest decide.

    Raises:
        ValueError: if names are fewer than two, empty or there twice, ``told_as`` holds no words for an activity, a
            prompt has no ``{name}``, or as ``SensorLM.embed_text``.
    """
    names = check_list("names", names)
    if len(names) < 2:
        raise ValueError(f"names is {names}; expected two or more to choose between")
    told = {name: [name] for name in names}
    for name, words in (told_as or {}).items():
        if name in told:
            told[name] = check_list(f"told_as[{name!r}]", words)
    groups = [check_list("a group of prompts", group) for group in prompts]
    if without := [prompt for group in groups for prompt in group if "{name}" not in prompt]:
        raise ValueError(f"the prompt {without[0]!r} has no {{name}}; expected sentences with the class in its place")
    words = list(dict.fromkeys(word for several in told.values() for word in several))
    days, scale = model.embed(cohort), model.similarity_scale
    logits = {}
    for word in words:
        texts = [prompt.replace("{name}", word) for group in groups for prompt in group]
        sums = np.add.reduceat(model.embed_text(texts, BATCH), np.cumsum([0, *map(len, groups[:-1])]), axis=0)
        cosines = days @ (sums / np.linalg.norm(sums, axis=1, keepdims=True)).T  # [d, groups]
        logits[word] = logsumexp(scale * cosines.astype(float), axis=1)
    table = np.stack([logsumexp([logits[word] for word in several], axis=0) for several in told.values()], axis=1)
    table -= np.log([len(several) for several in told.values()])
    return pd.DataFrame(softmax(table, axis=1), columns=pd.Index(names, name="activity"))


def group_predictions(
    likely: pd.DataFrame, truth: np.ndarray, people: np.ndarray, classes: Classes, task: str = "task"
) -> Predictions:
    """Predictions of classes that hold activities: a class is as likely as all activities in it together.

    Args:
        likely: of ``activity_probabilities``, ``[d, c]``; what is in no class is ruled out.
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
    scores = np.stack([likely[list(classes[name])].sum(axis=1) for name in order], axis=1)
    scores /= np.maximum(scores.sum(axis=1, keepdims=True), np.finfo(float).tiny)
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
