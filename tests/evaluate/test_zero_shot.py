"""Zero-shot scores: who knows is perfect, controls are at chance, groups are as near as the nearest of them."""

import numpy as np
import pandas as pd
import pytest

from lsmlib.evaluate import ZERO_SHOT_TASKS, activity_similarities, group_predictions, label_windows, zero_shot_table
from lsmlib.simulate.behaviour import ACTIVITIES
from tests.cohorts import small_cohort
from tests.evaluate.planted import PROMPTS, Planted, planted_days


@pytest.fixture(scope="module")
def days():
    return planted_days()


@pytest.fixture(scope="module")
def table(days):
    return zero_shot_table(Planted(), days, prompts=PROMPTS, resamples=200).set_index(["task", "method", "metric"])


def test_a_model_that_knows_is_perfect_and_controls_are_not(table):
    knows = table.xs("SensorLM", level="method")
    assert set(knows.index.get_level_values("task")) == set(ZERO_SHOT_TASKS)
    np.testing.assert_array_equal(knows[["value", "low", "high"]], 1.0)
    prior = table.xs(("class prior", "AUROC"), level=("method", "metric"))
    np.testing.assert_array_equal(prior["value"], 0.5)
    shuffled = table.loc["environment", "labels shuffled", "AUROC"]
    assert shuffled["low"] < 0.5 < shuffled["high"]
    # every activity is told by the words of another, so none is found among the twenty
    assert table.loc["activity_20", "prompts shuffled", "accuracy"]["value"] == 0


def test_the_prior_is_right_as_often_as_the_commonest_class_is_there(days, table):
    truth = label_windows(days, "activity_20")
    count = pd.Series(truth[truth != ""]).value_counts()
    row = table.loc["activity_20", "class prior", "accuracy"]
    assert row["value"] == pytest.approx(count.max() / count.sum())
    assert row["rows"] == count.sum() and row["classes"] == 20


def test_a_class_is_as_near_as_the_nearest_of_its_activities():
    similar = pd.DataFrame({"run": [0.9, 0.1, 0.3], "swim": [0.2, 0.8, 0.4], "yoga": [0.5, 0.6, 0.2]})
    people, truth = np.array(["a", "b", "c"]), np.array(["run", "yoga", "golf"])
    found = group_predictions(similar, truth, people, {"sweat": ("run", "swim"), "calm": ("yoga",)})
    assert found.classes.tolist() == ["calm", "sweat"]
    assert found.truth.tolist() == ["sweat", "calm"] and found.people.tolist() == ["a", "b"]  # nobody asked for golf
    np.testing.assert_array_equal(found.scores, [[0.5, 0.9], [0.6, 0.8]])


def test_an_activity_can_be_told_by_other_words(days):
    model = Planted()
    plain = activity_similarities(model, days, ["run", "walk"], prompts=PROMPTS)
    told = activity_similarities(model, days, ["run", "walk"], told_as={"run": ["walk", "hike"]}, prompts=PROMPTS)
    hike = activity_similarities(model, days, ["hike", "walk"], prompts=PROMPTS)
    assert list(told) == ["run", "walk"]
    np.testing.assert_array_equal(told["walk"], plain["walk"])
    np.testing.assert_array_equal(told["run"], (plain["walk"] + hike["hike"]) / 2)


def test_the_order_of_days_changes_nothing(days):
    says = np.random.default_rng(0).choice(ACTIVITIES, days.sizes["day"])
    order = np.random.default_rng(1).permutation(days.sizes["day"])
    one, other = (
        zero_shot_table(Planted(words), cohort, ["activity_20"], prompts=PROMPTS, resamples=0)
        for words, cohort in ((says, days), (says[order], days.isel(day=order)))
    )
    keep = one["method"] != "labels shuffled"
    np.testing.assert_allclose(one["value"][keep], other["value"][keep], rtol=1e-6)
    guess = one.set_index(["method", "metric"])["value"]
    assert 0.35 < guess["SensorLM", "AUROC"] < 0.65  # who guesses is at chance


def test_bad_input_is_refused(days):
    model = Planted()
    with pytest.raises(ValueError, match="there is no task 'dance'; expected some of"):
        zero_shot_table(model, days, ["dance"])
    with pytest.raises(ValueError, match=r"expected a list, such as \['gym'\]"):
        zero_shot_table(model, days, "gym")
    with pytest.raises(ValueError, match="tasks is empty"):
        zero_shot_table(model, days, [])
    for classes, words in (
        ({"one": ("run",)}, "expected two or more"),
        ({"one": ("run",), "two": ()}, "expected two or more"),
        ({"one": ("run",), "two": ("run", "walk")}, r"\['run'\] of task 'mine' stand in several"),
        ({"one": ("run",), "two": ("chess",)}, r"\['chess'\] of task 'mine' are no activities"),
    ):
        with pytest.raises(ValueError, match=words):
            zero_shot_table(model, days, {"mine": classes})
    with pytest.raises(ValueError, match="expected a list of at least one name"):
        activity_similarities(model, days, told_as={"run": "fast walk"})
    with pytest.raises(ValueError, match="no day has an activity of 'snow'"):
        found = pd.DataFrame(np.eye(2), columns=["skiing", "hike"])
        group_predictions(found, np.array(["run", ""]), np.array(["a", "b"]), {"a": ["skiing"], "b": ["hike"]}, "snow")
    with pytest.raises(ValueError, match="more than once"):
        model.zero_shot(days, ["run", "run"], PROMPTS)
    with pytest.raises(ValueError, match="none of them empty"):
        model.zero_shot(days, ["run", " "], PROMPTS)
    with pytest.raises(ValueError, match="do not have"):
        zero_shot_table(model, small_cohort().drop_vars("activity"))
