"""Scores equal scikit-learn's and numbers by hand; intervals hold what they promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn import metrics as sk

from lsmlib.evaluate import Predictions, score_predictions
from lsmlib.evaluate.metrics import _confusion_scores, _number_scores, _ranking_scores


def predict(rows: int = 200, kinds: int = 3, people: int = 40, seed: int = 0, ties: bool = False) -> Predictions:
    """Predictions that are right more often than not; with ties, scores of few distinct values."""
    draw = np.random.default_rng(seed)
    classes = np.array([f"class {kind}" for kind in range(kinds)])
    truth = np.concatenate([np.arange(kinds), draw.integers(kinds, size=rows - kinds)])
    scores = draw.standard_normal((rows, kinds)) + 1.5 * np.eye(kinds)[truth]
    scores = np.round(scores) if ties else scores
    return Predictions(classes[truth], scores, draw.integers(people, size=rows), classes)


def test_by_hand():
    classes = np.array(["calm", "tired"])
    truth = np.array(["calm", "calm", "calm", "tired"])
    tired = np.array([0.1, 0.6, 0.2, 0.4])  # the second is taken for tired, and so is nobody else
    found = Predictions(truth, np.column_stack([1 - tired, tired]), np.arange(4), classes)
    value = score_predictions(found, resamples=0)["value"]
    assert value["accuracy"] == 2 / 4
    assert value["balanced accuracy"] == pytest.approx((2 / 3 + 0) / 2)
    assert value["macro F1"] == pytest.approx((2 * 2 / (3 + 3) + 0) / 2)
    assert value["AUROC"] == pytest.approx(2 / 3)  # of three pairs, two are in order
    # calm is found at ranks 1, 2 and 4 of 4; tired at rank 2
    assert value["mAP"] == pytest.approx(((1 + 1 + 3 / 4) / 3 + 1 / 2) / 2)


@given(st.integers(0, 10_000), st.integers(2, 6), st.booleans())
def test_classes_against_scikit_learn(seed, kinds, ties):
    found = predict(60, kinds, seed=seed, ties=ties)
    value = score_predictions(found, resamples=0)["value"]
    one_hot = found.truth[:, None] == found.classes
    assert value["accuracy"] == pytest.approx(sk.accuracy_score(found.truth, found.best))
    assert value["balanced accuracy"] == pytest.approx(sk.balanced_accuracy_score(found.truth, found.best))
    assert value["macro F1"] == pytest.approx(sk.f1_score(found.truth, found.best, average="macro"))
    assert value["mAP"] == pytest.approx(sk.average_precision_score(one_hot, found.scores, average="macro"))
    assert value["AUROC"] == pytest.approx(sk.roc_auc_score(one_hot, found.scores, average="macro"))


@given(st.integers(0, 10_000))
def test_weights_are_the_same_as_repeated_people(seed):
    found = predict(80, 3, people=12, seed=seed, ties=True)
    people, whose = np.unique(found.people, return_inverse=True)
    weights = np.random.default_rng(seed).multinomial(len(people), np.full(len(people), 1 / len(people)), 5)
    truth, best = np.searchsorted(found.classes, found.truth), found.scores.argmax(axis=1)
    fast = _confusion_scores(truth, best, 3, whose, weights) | _ranking_scores(truth, found.scores, whose, weights)
    for row, weight in enumerate(weights):
        rows = np.repeat(np.arange(len(truth)), weight[whose])
        if len(set(truth[rows])) < 3:
            continue  # a resample without a class: see below
        drawn = Predictions(found.truth[rows], found.scores[rows], found.people[rows], found.classes)
        for name, value in score_predictions(drawn, resamples=0)["value"].items():
            assert fast[name][row] == pytest.approx(value), name


def test_a_resample_without_a_class_is_the_mean_over_the_others():
    found = predict(30, 3, people=5, ties=True)
    truth = np.searchsorted(found.classes, found.truth)
    whose = (truth == 2).astype(int)  # person 1 has all of class 2
    scores = _ranking_scores(truth, found.scores, whose, np.array([[1, 0]]))
    rest = truth != 2
    one_hot = found.truth[rest][:, None] == found.classes[:2]
    expected = sk.roc_auc_score(one_hot, found.scores[rest][:, :2], average="macro")
    assert scores["AUROC"][0] == pytest.approx(expected)
    shares = _confusion_scores(truth, found.scores.argmax(axis=1), 3, whose, np.array([[1, 0], [0, 1]]))
    best = found.scores.argmax(axis=1)
    assert shares["balanced accuracy"][0] == pytest.approx(np.mean([(best[truth == k] == k).mean() for k in (0, 1)]))
    assert shares["balanced accuracy"][1] == pytest.approx((best[~rest] == 2).mean())


def test_numbers_against_scikit_learn_and_scipy():
    draw = np.random.default_rng(3)
    truth = 1000 + draw.standard_normal(150)  # far from 0: sums of squares would lose it in float32
    guess = truth + 0.5 * draw.standard_normal(150) - 0.2
    people = draw.integers(30, size=150)
    value = score_predictions(Predictions(truth, guess, people, np.array([])), resamples=0)["value"]
    assert value["MAE"] == pytest.approx(sk.mean_absolute_error(truth, guess))
    assert value["R²"] == pytest.approx(sk.r2_score(truth, guess))
    assert value["r"] == pytest.approx(pearsonr(truth, guess).statistic)
    _, whose = np.unique(people, return_inverse=True)
    weights = draw.multinomial(30, np.full(30, 1 / 30), 3)
    fast = _number_scores(truth, guess, whose, weights)
    for row, weight in enumerate(weights):
        assert fast["R²"][row] == pytest.approx(sk.r2_score(truth, guess, sample_weight=weight[whose]))
        rows = np.repeat(np.arange(150), weight[whose])
        assert fast["r"][row] == pytest.approx(pearsonr(truth[rows], guess[rows]).statistic)


def test_a_constant_guess_has_no_correlation():
    value = score_predictions(Predictions(np.arange(6.0), np.full(6, 2.5), np.arange(6), np.array([])), 0)["value"]
    assert np.isnan(value["r"])
    assert value["R²"] == pytest.approx(0)
    assert value["MAE"] == 1.5


def test_intervals_hold_the_truth_about_as_often_as_they_say_and_people_are_what_counts():
    """300 worlds of 60 people with 5 windows each; a person's windows are all right or all wrong: 80 % are right."""
    draw = np.random.default_rng(0)
    classes, people = np.array(["a", "b"]), np.repeat(np.arange(60), 5)
    held, width = 0, []
    for world in range(300):
        right = np.repeat(draw.random(60) < 0.8, 5)
        truth = draw.integers(2, size=300)
        best = np.where(right, truth, 1 - truth)
        row = score_predictions(Predictions(classes[truth], np.eye(2)[best], people, classes), 200, world).loc[
            "accuracy"
        ]
        held += row["low"] <= 0.8 <= row["high"]
        width.append(row["high"] - row["low"])
    assert 0.89 <= held / 300 <= 0.98  # 95 % less the bootstrap's known shortfall, within 3 binomial deviations
    assert np.mean(width) == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 60), rel=0.1)  # of 60 people, not 300 windows


def test_intervals_repeat_and_lie_around_the_value():
    found = predict()
    table = score_predictions(found, 300, seed=1)
    assert ((table["low"] < table["value"]) & (table["value"] < table["high"])).all()
    assert table.equals(score_predictions(found, 300, seed=1))
    assert not table.equals(score_predictions(found, 300, seed=2))
    assert score_predictions(found, 0)[["low", "high"]].isna().all(axis=None)
    assert list(table.index) == ["accuracy", "balanced accuracy", "macro F1", "mAP", "AUROC"]


def test_refusals():
    found = predict(20)
    broken = found.scores.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 60 scores are NaN"):
        score_predictions(found._replace(scores=broken))
    with pytest.raises(ValueError, match=r"scores have shape \(20, 2\)"):
        score_predictions(found._replace(scores=found.scores[:, :2]))
    with pytest.raises(ValueError, match="expected all classes of truth, sorted"):
        score_predictions(found._replace(classes=found.classes[::-1]))
    with pytest.raises(ValueError, match="all rows are of one person"):
        score_predictions(found._replace(people=np.zeros(20)))
    with pytest.raises(ValueError, match="resamples is -1"):
        score_predictions(found, resamples=-1)
