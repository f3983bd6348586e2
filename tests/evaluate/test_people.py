"""People from their days: pooling by hand, a pipeline of scikit-learn as oracle, and nobody known beforehand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from lsmlib.cohort import make_cohort
from lsmlib.evaluate import (
    PERSON_TASKS,
    average_people,
    fit_probe,
    linear_learner,
    people_probe,
    people_table,
    pool_people,
    reduce_people,
    score_predictions,
)
from lsmlib.evaluate.probes import split_folds
from lsmlib.signals import MEAN

DRAW = np.random.default_rng(5)
PEOPLE = DRAW.permutation(np.repeat([f"p{number:02d}" for number in range(80)], 4))  # 80 people, four days each
WHOSE = np.unique(PEOPLE, return_inverse=True)[1]
TRAIT = DRAW.standard_normal(80)


def test_pooling_by_hand():
    features = np.array([[1.0, 10.0], [5.0, 7.0], [2.0, 20.0], [6.0, 60.0]])
    people = np.array(["b", "a", "b", "b"])
    pooled, names = pool_people(features, people, "mean")
    assert names.tolist() == ["a", "b"]
    np.testing.assert_allclose(pooled, [[5, 7], [3, 30]])
    np.testing.assert_allclose(pool_people(features, people, "median")[0], [[5, 7], [2, 20]])
    sd = np.sqrt(14 / 3)
    np.testing.assert_allclose(pool_people(features, people, "mean_sd")[0], [[5, 7, 0, 0], [3, 30, sd, 10 * sd]])
    labels = np.array(["", "no", "yes", ""])
    assert average_people(features, labels, people, "mean_sd")[1].tolist() == ["no", "yes"]


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e3, 1e3)), min_size=1, max_size=20), st.randoms())
def test_pooling_is_numpys_and_knows_no_order(rows, random):
    mixed = random.sample(rows, len(rows))
    for how, oracle in (("mean", np.mean), ("median", np.median)):
        pooled, names = pool_people(np.array([[x] for _, x in rows]), np.array([who for who, _ in rows]), how)
        for person, value in zip(names, pooled[:, 0], strict=True):
            assert value == pytest.approx(oracle([x for who, x in rows if who == person]), abs=1e-9)
        again, _ = pool_people(np.array([[x] for _, x in mixed]), np.array([who for who, _ in mixed]), how)
        np.testing.assert_allclose(again, pooled, atol=1e-9)


def test_pooling_refuses():
    with pytest.raises(ValueError, match="no way to pool called 'max'; expected one of mean, median, mean_sd"):
        pool_people(np.zeros((2, 3)), np.array(["a", "b"]), "max")
    with pytest.raises(ValueError, match=r"features have shape \(2,\); expected \[d, w\] with d = 2"):
        pool_people(np.zeros(2), np.array(["a", "b"]))
    with pytest.raises(ValueError, match="feature 1 of row 1 is NaN or infinite"):
        pool_people(np.array([[0.0, 1.0], [0.0, np.nan]]), np.array(["a", "b"]))


@pytest.mark.parametrize(("people", "columns", "expected"), [(80, 60, 50), (20, 60, 19), (80, 7, 7)])
def test_fifty_components_or_fewer(people, columns, expected):
    features = DRAW.standard_normal((people, columns))
    assert reduce_people(features).transform(features).shape == (people, expected)


def test_a_learner_reads_through_the_pipeline():
    """Against scikit-learn's own, fitted on the training rows; test rows shifted and scaled change nothing of it."""
    draw = np.random.default_rng(0)
    x, y = draw.standard_normal((90, 60)).astype(np.float32), draw.standard_normal(90)
    people = np.arange(90).astype(str)
    train, test = np.arange(60), np.arange(60, 90)
    oracle = make_pipeline(StandardScaler(), PCA(50, svd_solver="full"), Ridge(100.0)).fit(x[train], y[train])
    learner = linear_learner(x, people, penalty=100.0, prepare=reduce_people)
    np.testing.assert_allclose(learner(train, y[train], test), oracle.predict(x[test]), atol=1e-3)
    moved = np.vstack([x[:60], 9 * x[60:] + 4])
    np.testing.assert_allclose(
        linear_learner(moved, people, penalty=100.0, prepare=reduce_people)(train, y[train], test),
        oracle.predict(moved[test]),
        atol=5e-3,
    )
    frozen = fit_probe(reduce_people(x[train]), x[train], y[train], people[train], 100.0)
    np.testing.assert_allclose(frozen(x), oracle.predict(x), atol=1e-3)


def test_what_days_tell_of_people_is_found_once_a_person():
    """The trait shows in the spread of a feature over a person's days, and in no mean."""
    spread = (
        np.exp(TRAIT / 2)[WHOSE] * np.tile([-1.0, 1.0, -1.0, 1.0], 80)[np.argsort(np.argsort(WHOSE, kind="stable"))]
    )
    features = np.column_stack([spread, DRAW.standard_normal((320, 5))])
    found = people_probe(features, TRAIT[WHOSE], PEOPLE)
    assert found.people.tolist() == sorted(set(PEOPLE))
    np.testing.assert_allclose(found.truth, TRAIT)
    assert score_predictions(found, 0).loc["r", "value"] > 0.9
    means = people_probe(features, TRAIT[WHOSE], PEOPLE, pool="mean")
    assert abs(score_predictions(means, 0).loc["r", "value"]) < 0.35  # 80 people: sd 0.11


def test_unknown_people_are_left_out_and_folds_keep_people_apart():
    labels = np.where(TRAIT > 0, "yes", "no")
    labels[:5] = ""
    found = people_probe(TRAIT[WHOSE][:, None], labels[WHOSE], PEOPLE, seed=3)
    assert found.people.tolist() == [f"p{number:02d}" for number in range(5, 80)]
    assert score_predictions(found, 0).loc["AUROC", "value"] > 0.99
    for train, test in split_folds(found.truth, found.people, 5, 3):
        assert not set(found.people[train]) & set(found.people[test])


@pytest.fixture(scope="module")
def cohort():
    signals = np.full((160, 1440, 26), np.nan, np.float32)
    signals[:, 0] = MEAN
    trait = np.repeat(TRAIT, 2)
    return make_cohort(
        signals,
        np.repeat([f"p{number:02d}" for number in range(80)], 2),
        np.datetime64("2024-03-01") + np.tile([0, 1], 80),
        labels={
            "hypertension": trait > 0, "anxiety": trait > 0.5, "age": 50 + 5 * trait, "bmi": 25 + trait,
            "homa_ir": np.exp(trait / 4),
        },
    )  # fmt: skip


def test_the_table_of_people(cohort):
    trait = np.repeat(TRAIT, 2)[:, None]
    table = people_table({"knows": trait, "noise": DRAW.standard_normal((160, 3))}, cohort, pool="mean")
    assert table["task"].unique().tolist() == list(PERSON_TASKS)
    assert (table["rows"] == 80).all()
    values = table[table["metric"].isin(["AUROC", "r"])].set_index(["task", "method"])["value"]
    assert set(table["method"]) == {"knows", "noise", "shuffled labels"}
    for task in PERSON_TASKS:
        assert values[task, "knows"] > 0.95
        assert values[task, "noise"] < 0.8
        assert values[task, "shuffled labels"] < 0.8
    with pytest.raises(ValueError, match="task 'activity_20' belongs to windows; expected tasks of persons"):
        people_table({"knows": trait}, cohort, ["activity_20"])
