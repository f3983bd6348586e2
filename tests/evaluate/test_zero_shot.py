"""Zero-shot scores: who knows is perfect, controls are at chance, groups are as likely as all of them."""

import numpy as np
import pandas as pd
import pytest

from lsmlib.evaluate import ZERO_SHOT_TASKS, activity_probabilities, group_predictions, label_windows, zero_shot_table
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


def test_a_class_is_as_likely_as_all_its_activities():
    likely = pd.DataFrame({"run": [0.5, 0.1, 0.3], "swim": [0.1, 0.3, 0.4], "yoga": [0.2, 0.4, 0.2], "golf": 0.2})
    people, truth = np.array(["a", "b", "c"]), np.array(["run", "yoga", "golf"])
    found = group_predictions(likely, truth, people, {"sweat": ("run", "swim"), "calm": ("yoga",)})
    assert found.classes.tolist() == ["calm", "sweat"]
    assert found.truth.tolist() == ["sweat", "calm"] and found.people.tolist() == ["a", "b"]  # nobody asked for golf
    np.testing.assert_allclose(found.scores, [[0.25, 0.75], [0.5, 0.5]])


class Flat(Planted):
    """Cosines by hand: of a day with a prompt, as its number says."""

    similarity_scale = 2.0

    def embed(self, cohort, batch_size=32):
        return np.ones((cohort.sizes["day"], 1))

    def embed_text(self, texts, batch_size=64):
        return np.array([[-1.0 if text.startswith("not") else 1.0] for text in texts])


def test_probabilities_by_hand(days):
    model, prompts = Flat(), (("{name}",), ("sometimes {name}",))  # cosines with "run": 1 and 1, "not walk": -1 and 1
    likely = activity_probabilities(model, days, ["run", "not walk"], prompts=prompts)
    run, walk = 2 * np.exp(2), np.exp(-2) + np.exp(2)
    np.testing.assert_allclose(likely, np.tile([run, walk] / (run + walk), (len(likely), 1)))
    told = activity_probabilities(
        model, days, ["run", "not walk"], told_as={"run": ["run", "not run"]}, prompts=(("{name}",),)
    )
    run, walk = (np.exp(2) + np.exp(-2)) / 2, np.exp(-2)
    np.testing.assert_allclose(told["run"], run / (run + walk))
    np.testing.assert_allclose(told.sum(axis=1), 1)


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
    with pytest.raises(ValueError, match=r"told_as\['run'\] is one text, 'fast walk'"):
        activity_probabilities(model, days, told_as={"run": "fast walk"})
    with pytest.raises(ValueError, match="no day has an activity of 'snow'"):
        found = pd.DataFrame(np.eye(2), columns=["skiing", "hike"])
        group_predictions(found, np.array(["run", ""]), np.array(["a", "b"]), {"a": ["skiing"], "b": ["hike"]}, "snow")
    for names, words in ((["run", "run"], "more than once"), (["run", " "], "none of them empty"), (["run"], "two or")):
        with pytest.raises(ValueError, match=words):
            activity_probabilities(model, days, names, prompts=PROMPTS)
    with pytest.raises(ValueError, match="the prompt 'hello' has no"):
        activity_probabilities(model, days, prompts=(("hello",),))
    with pytest.raises(ValueError, match="do not have"):
        zero_shot_table(model, small_cohort().drop_vars("activity"))
