"""Draws of few labels: exactly so many of each class, and none of a person who is tested."""

import numpy as np
import pandas as pd
import pytest

from lsmlib.evaluate import draw_shots, few_shot, linear_learner, summarise_draws

DRAW = np.random.default_rng(4)
PEOPLE = np.repeat([f"p{number:02d}" for number in range(50)], 8)
KIND = DRAW.permutation(np.arange(400) % 4)
LABELS = np.array(["run", "swim", "walk", ""])[KIND]


def test_draws():
    draws = list(draw_shots(LABELS, PEOPLE, shots=(1, 5, 20), repeats=6, seed=3))
    assert [(draw.shots, draw.number) for draw in draws] == [(k, n) for n in range(6) for k in (1, 5, 20)]
    for draw in draws:
        names, count = np.unique(LABELS[draw.train], return_counts=True)
        assert names.tolist() == ["run", "swim", "walk"]
        assert (count == draw.shots).all()
        assert len(set(draw.train)) == len(draw.train)
        assert not set(PEOPLE[draw.train]) & set(PEOPLE[draw.test])
        assert (LABELS[draw.test] != "").all()
        tested = np.isin(PEOPLE, PEOPLE[draw.test]) & (LABELS != "")
        np.testing.assert_array_equal(np.sort(draw.test), np.flatnonzero(tested))  # all rows of the test people
    for one, five, twenty in zip(draws[::3], draws[1::3], draws[2::3], strict=True):
        assert set(one.train) <= set(five.train) <= set(twenty.train)
        np.testing.assert_array_equal(one.test, twenty.test)
    assert len({tuple(sorted(draw.test)) for draw in draws}) == 6  # other people are tested in each repeat


def test_draws_repeat_with_their_seed():
    first, same, other = ([draw.train.tolist() for draw in draw_shots(LABELS, PEOPLE, (2,), 3, s)] for s in (1, 1, 2))
    assert first == same != other


def test_more_labels_help_where_there_is_something_to_learn():
    signal = DRAW.standard_normal((400, 10)) + 1.5 * np.eye(10)[KIND]
    noise = DRAW.standard_normal((400, 10))
    learners = {"signal": linear_learner(signal, PEOPLE, 10.0), "noise": linear_learner(noise, PEOPLE, 10.0)}
    scores = few_shot(learners, LABELS, PEOPLE, shots=(1, 5, 50), repeats=8)
    assert scores.columns.tolist() == ["method", "shots", "draw", "metric", "value"]
    assert len(scores) == 2 * 3 * 8 * 5
    table = summarise_draws(scores).set_index(["method", "metric", "shots"]).sort_index()
    curve = table.loc[("signal", "AUROC"), "value"]
    assert curve[1] < curve[5] < curve[50]
    assert curve[50] > 0.85
    flat = table.loc[("noise", "AUROC")]
    assert ((flat["low"] - 0.05 < 0.5) & (flat["high"] + 0.05 > 0.5)).all()
    assert (table["draws"] == 8).all()


def test_intervals_of_a_mean_by_hand():
    scores = pd.DataFrame({"method": "a", "shots": 1, "draw": range(4), "metric": "m", "value": [1.0, 2.0, 3.0, 4.0]})
    row = summarise_draws(scores).iloc[0]
    # sd 1.2910, standard error 0.6455, Student's t with 3 degrees of freedom 3.1824
    assert row["value"] == 2.5
    assert row["high"] - 2.5 == pytest.approx(3.1824 * 0.6455, abs=1e-3)
    assert 2.5 - row["low"] == pytest.approx(row["high"] - 2.5)


def test_refusals():
    with pytest.raises(ValueError, match=r"60 windows a class were asked for, but the training people have \d+ of"):
        next(draw_shots(LABELS[:200], PEOPLE[:200], (60,)))
    with pytest.raises(ValueError, match="shots is 0"):
        next(draw_shots(LABELS, PEOPLE, (0,)))
    with pytest.raises(ValueError, match="shots is empty"):
        next(draw_shots(LABELS, PEOPLE, ()))
    with pytest.raises(ValueError, match="labels are float64; expected names of classes"):
        next(draw_shots(KIND.astype(float), PEOPLE, (1,)))
    with pytest.raises(ValueError, match="one draw has no interval"):
        summarise_draws(few_shot({"a": linear_learner(np.eye(400), PEOPLE, 1.0)}, LABELS, PEOPLE, (1,), repeats=1))
