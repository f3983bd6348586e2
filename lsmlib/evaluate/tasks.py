"""What is predicted from a window: ten tasks, and the label of each window for each of them.

The tasks are those of LSM-1 (Narayanswamy, Liu et al., ICLR 2025): exercise detection, eight activities, mood, age and
sex, as reported; and those of LSM-2: twenty activities, body mass, hypertension and anxiety, and insulin resistance,
which was added later. Neither list of twenty activities nor the form of the mood task is known to us in full; what is
done here is said with each task.
"""

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort
from lsmlib.simulate.behaviour import ACTIVITIES, MOODS

LEAST_MINUTES = 10  # a window belongs to an activity, or holds exercise, from this many logged minutes on
EXERCISE, NO_EXERCISE = "exercise", "no exercise"

# LSM-1's words, and ours for the same. A bike is one on the road: spinning is a class of its own among the twenty.
LSM1_ACTIVITIES = {
    "bike": "outdoor bike",
    "elliptical": "elliptical",
    "HIIT": "HIIT",
    "strength training": "strength training",
    "swim": "swim",
    "run": "run",
    "walk": "walk",
    "weightlifting": "weightlifting",
}


class LabelTask(NamedTuple):
    """One thing to predict."""

    of: Literal["window", "person"]  # whose label it is; a person's is predicted once a person, not once a window
    classes: tuple[str, ...]  # no classes: a number
    meaning: str


LABEL_TASKS: dict[str, LabelTask] = {
    "exercise": LabelTask("window", (EXERCISE, NO_EXERCISE), "10 logged minutes or more, or none at all"),
    "activity_8": LabelTask(
        "window", tuple(LSM1_ACTIVITIES), "the activity that fills most logged minutes, LSM-1's eight"
    ),
    "activity_20": LabelTask("window", ACTIVITIES, "the activity that fills most logged minutes, all twenty"),
    "mood": LabelTask("window", MOODS, "the last mood logged in the window"),
    "age": LabelTask("person", (), "years"),
    "sex": LabelTask("person", ("female", "male"), "as reported by the person"),
    "bmi": LabelTask("person", (), "kg/m²"),
    "homa_ir": LabelTask("person", (), "HOMA-IR: insulin resistance, from fasting glucose and insulin"),
    "hypertension": LabelTask("person", ("no", "yes"), "as reported by the person"),
    "anxiety": LabelTask("person", ("no", "yes"), "as reported by the person"),
}


def label_windows(windows: xr.Dataset, task: str) -> np.ndarray:
    """Say what is to be predicted for each window.

    Args:
        windows: windows ``[d, t, s]`` of ``lsmlib.cut_windows`` or ``lsmlib.evaluate.activity_windows``, or days.
        task: a name of ``LABEL_TASKS``:

            - ``exercise``: ``"exercise"`` with at least 10 logged minutes of any activity, ``"no exercise"`` with none;
              a window with 1 to 9 is neither.
            - ``activity_8``, ``activity_20``: the activity with most logged minutes, of at least 10 (of equals the one
              that comes first in the Cohort's codes). Where that is none of LSM-1's eight, ``activity_8`` is unknown.
            - ``mood``: the last mood logged.
            - ``age``, ``bmi``, ``homa_ir``: numbers. ``sex``, ``hypertension``, ``anxiety``: two classes.

    Returns:
        ``[d]``: names of classes as text, ``""`` where unknown; or float32, NaN where unknown.

    Raises:
        ValueError: if the task is unknown, or the windows do not have the variable that it is read from.
    """
    check_cohort(windows, values=False)
    chosen = find_task(task)
    name = "activity" if task in ("exercise", "activity_8", "activity_20") else task
    if name not in windows:
        raise ValueError(f"task {task!r} is read from the variable {name!r}, which these windows do not have")
    values = windows[name].values
    if task == "exercise":
        minutes = (values >= 0).sum(axis=1)
        return np.select([minutes >= LEAST_MINUTES, minutes == 0], [EXERCISE, NO_EXERCISE], "")
    if name == "activity":
        ours = list(LSM1_ACTIVITIES.values()) if task == "activity_8" else list(ACTIVITIES)
        return _name(_most_logged(values), windows[name], ours, chosen.classes)
    if task == "mood":
        last = values.shape[1] - 1 - np.argmax(values[:, ::-1] >= 0, axis=1)
        return _name(values[np.arange(len(values)), last], windows[name], list(MOODS), MOODS)
    if task in ("hypertension", "anxiety"):
        return np.select([values == 0, values == 1], ["no", "yes"], "")
    return values.astype(np.str_ if chosen.classes else np.float32)


def find_task(task: str) -> LabelTask:
    """The row of ``LABEL_TASKS`` of this name. Raises ``ValueError`` if there is none."""
    if task not in LABEL_TASKS:
        raise ValueError(f"there is no task {task!r}; expected one of {list(LABEL_TASKS)}")
    return LABEL_TASKS[task]


def _most_logged(codes: np.ndarray) -> np.ndarray:
    """The code ``[d]`` with most minutes of codes ``[d, t]``; -1 where none has ``LEAST_MINUTES``."""
    kinds = range(int(codes.max(initial=-1)) + 1)
    minutes = np.stack([(codes == kind).sum(axis=1) for kind in kinds] or [np.zeros(len(codes), int)], axis=1)
    return np.where(minutes.max(axis=1) >= LEAST_MINUTES, minutes.argmax(axis=1), -1)


def _name(codes: np.ndarray, variable: xr.DataArray, known: list[str], classes: tuple[str, ...]) -> np.ndarray:
    """Names of codes ``[d]``: of ``known`` names the class in the same place; ``""`` for -1 and for other names.

    Cohorts may write names with capitals and codes in another order; spaces are stored as underscores.
    """
    attrs = variable.attrs
    if not {"flag_values", "flag_meanings"} <= set(attrs):
        raise ValueError(
            f"{variable.name} has codes without names; expected flag_values and flag_meanings in its attributes: "
            "lsmlib.make_cohort(per_minute={name: (codes, names)}) writes them"
        )
    places = {name.lower(): place for place, name in enumerate(known)}
    words = [word.replace("_", " ").lower() for word in attrs["flag_meanings"].split()]
    names = {
        int(code): classes[places[word]]
        for code, word in zip(attrs["flag_values"], words, strict=True)
        if int(code) >= 0 and word in places
    }
    return np.array([names.get(int(code), "") for code in codes], np.str_)
