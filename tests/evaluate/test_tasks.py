"""Labels of windows, by hand."""

import numpy as np
import pytest

from lsmlib import cut_windows
from lsmlib.cohort import make_cohort
from lsmlib.evaluate import LABEL_TASKS, label_windows
from lsmlib.simulate.behaviour import ACTIVITIES, MOODS
from tests.cohorts import small_cohort, small_signals

NAMES = ["Run", "golf", "Outdoor bike", "HIIT", "juggling"]


@pytest.fixture(scope="module")
def windows():
    """Two people, a day each, eight windows of three hours a day; what is logged in each is written here."""
    activity, mood = np.full((2, 8, 180), -1), np.full((2, 8, 180), -1)
    activity[0, 0, 5:15] = 0  # ten minutes of running
    activity[0, 1, 5:14] = 0  # nine: neither exercise nor none
    activity[0, 2, :20], activity[0, 2, 30:70] = 0, 1  # more golf than running, and golf is none of the eight
    activity[0, 3, :30], activity[0, 3, 50:80], activity[0, 3, 100:131] = 2, 3, 2  # two bike rides, more than the HIIT
    activity[0, 4, :30], activity[0, 4, 30:60] = 3, 0  # equal: the first code
    activity[0, 5, :] = 4  # an activity that is not among the twenty
    mood[0, 0, 10], mood[0, 0, 170], mood[0, 1, 0], mood[0, 2, 179] = 0, 1, 1, 0
    cohort = make_cohort(
        small_signals(2, gaps=0),
        ["a", "b"],
        ["2024-03-01"] * 2,
        labels={"age": [30.5, np.nan], "sex": ["female", ""], "hypertension": [1, 0], "anxiety": [np.nan, 1]},
        per_minute={
            "activity": (activity.reshape(2, 1440), NAMES),
            "mood": (mood.reshape(2, 1440), ["Stressed", "calm"]),
        },
    )
    return cut_windows(cohort, minutes=180)


def test_exercise_is_ten_minutes_or_none_at_all(windows):
    labels = label_windows(windows, "exercise")
    yes, no = "exercise", "no exercise"
    assert labels.tolist() == [yes, "", yes, yes, yes, yes, no, no] + 8 * [no]


def test_activity_is_the_one_with_most_minutes(windows):
    assert label_windows(windows, "activity_20").tolist() == [
        "run", "", "golf", "outdoor bike", "run", "", "", "", *8 * [""]
    ]  # fmt: skip
    assert label_windows(windows, "activity_8").tolist() == ["run", "", "", "bike", "run", "", "", "", *8 * [""]]


def test_the_last_mood_counts(windows):
    assert label_windows(windows, "mood").tolist() == ["calm", "calm", "stressed", *13 * [""]]


def test_labels_of_people_are_those_of_their_windows(windows):
    assert label_windows(windows, "sex").tolist() == 8 * ["female"] + 8 * [""]
    assert label_windows(windows, "hypertension").tolist() == 8 * ["yes"] + 8 * ["no"]
    assert label_windows(windows, "anxiety").tolist() == 8 * [""] + 8 * ["yes"]
    np.testing.assert_array_equal(label_windows(windows, "age"), np.float32([*8 * [30.5], *8 * [np.nan]]))
    assert np.isnan(label_windows(windows, "bmi")).all()


def test_every_label_is_a_class_of_its_task(windows):
    for name, task in LABEL_TASKS.items():
        labels = label_windows(windows, name)
        assert len(labels) == 16
        assert (labels.dtype.kind == "U") == bool(task.classes)
        assert not task.classes or set(labels) <= {*task.classes, ""}
    assert LABEL_TASKS["activity_20"].classes == ACTIVITIES
    assert LABEL_TASKS["mood"].classes == MOODS


def test_refusals(windows):
    with pytest.raises(ValueError, match=r"no task 'running'; expected one of \['exercise'"):
        label_windows(windows, "running")
    with pytest.raises(ValueError, match="read from the variable 'mood', which these windows do not have"):
        label_windows(windows.drop_vars("mood"), "mood")
    bare = windows.copy()
    bare["activity"] = (("day", "minute"), windows["activity"].values)
    with pytest.raises(ValueError, match="codes without names"):
        label_windows(bare, "activity_8")
    assert (label_windows(small_cohort(), "exercise") != "").all()  # whole days have labels, too
