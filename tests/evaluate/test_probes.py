"""Probes find what is there, find nothing where nothing is, and never know the people they are judged on."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from lsmlib import cut_windows
from lsmlib.evaluate import (
    average_people,
    cross_predict,
    drop_rare_classes,
    linear_learner,
    linear_probe,
    probe_table,
    score_predictions,
)
from lsmlib.evaluate.features import WINDOW_STATISTICS, hand_window_features
from lsmlib.evaluate.probes import split_folds
from lsmlib.signals import SIGNAL_NAMES
from tests.cohorts import small_cohort

DRAW = np.random.default_rng(11)
PEOPLE = np.repeat([f"p{number:02d}" for number in range(60)], 5)  # 60 people, five windows each
KIND = DRAW.permutation(np.arange(300) % 3)
LABELS = np.array(["run", "swim", "walk"])[KIND]
NOISE = DRAW.standard_normal((300, 6)).astype(np.float32)


def value(predictions, metric):
    return score_predictions(predictions, 300).loc[metric]


def test_what_stands_in_the_features_is_found():
    telling = np.column_stack([NOISE, 5 * np.eye(3)[KIND]])
    table = score_predictions(linear_probe(telling, LABELS, PEOPLE), 100)
    assert (table["value"] == 1).all()
    number = linear_probe(NOISE, 3 + 2 * NOISE[:, 1].astype(float), PEOPLE)
    assert value(number, "R²")["value"] > 0.999


def test_noise_scores_like_chance():
    found = linear_probe(NOISE, LABELS, PEOPLE)
    for metric, chance in (("AUROC", 0.5), ("balanced accuracy", 1 / 3), ("mAP", 1 / 3)):
        row = value(found, metric)
        # bootstrap intervals of what was cross-validated are a little too narrow: half their width is added
        slack = (row["high"] - row["low"]) / 2
        assert row["low"] - slack < chance < row["high"] + slack
    assert -0.1 < value(linear_probe(NOISE, DRAW.standard_normal(300), PEOPLE), "R²")["value"] < 0.05


def test_who_it_is_does_not_tell_what_is_wrong_with_them():
    """Features that name the person and nothing else: chance for a label of people, if folds keep people apart."""
    _, whose = np.unique(PEOPLE, return_inverse=True)
    identity = np.eye(60)[whose] + 0.01 * DRAW.standard_normal((300, 60))
    ill = np.where(DRAW.permutation(np.arange(60) % 2)[whose] == 1, "yes", "no")
    assert value(linear_probe(identity, ill, PEOPLE), "AUROC")["value"] == pytest.approx(0.5, abs=0.15)
    # the same probe with windows dealt into folds one by one knows everybody
    assert value(linear_probe(identity, ill, np.arange(300).astype(str)), "AUROC")["value"] > 0.99


@pytest.mark.parametrize("labels", [LABELS, NOISE[:, 0].astype(float)], ids=["classes", "numbers"])
def test_folds_share_no_person_and_test_everybody_once(labels):
    tested = []
    for train, test in split_folds(labels, PEOPLE, 5, seed=2):
        assert not set(PEOPLE[train]) & set(PEOPLE[test])
        assert len(train) + len(test) == 300
        tested.extend(test)
    assert sorted(tested) == list(range(300))
    again = [test.tolist() for _, test in split_folds(labels, PEOPLE, 5, seed=2)]
    assert again == [test.tolist() for _, test in split_folds(labels, PEOPLE, 5, seed=2)]
    assert again != [test.tolist() for _, test in split_folds(labels, PEOPLE, 5, seed=3)]


def test_nothing_of_the_test_people_is_used():
    """Shifting and scaling the features of test people changes what they are predicted, and nothing else."""
    train, test = np.arange(240), np.arange(240, 300)
    seen = []
    for features in (NOISE, np.vstack([NOISE[:240], 100 * NOISE[240:] + 7])):
        learner = linear_learner(features, PEOPLE, penalty=10.0)
        same = NOISE.copy()
        scaler = StandardScaler().fit(features[train])
        model = LogisticRegression(C=0.1).fit(scaler.transform(same[train]), LABELS[train])
        expected = model.predict_proba(scaler.transform(features[test]))
        np.testing.assert_allclose(learner(train, LABELS[train], test), expected, atol=1e-4)
        seen.append(model.coef_)
    np.testing.assert_array_equal(*seen)


def test_the_penalty_is_chosen_for_new_people():
    """120 columns and 200 rows: without any penalty ridge is lost; the chosen one is close to the best there is."""
    draw = np.random.default_rng(1)
    x = draw.standard_normal((300, 120))
    y = x[:, :20].sum(axis=1) + 5 * draw.standard_normal(300)
    train, test = np.arange(200), np.arange(200, 300)
    chosen = linear_learner(x, PEOPLE)(train, y[train], test)
    scaler = StandardScaler().fit(x[train])
    loss = {
        penalty: np.square(
            Ridge(alpha=penalty).fit(scaler.transform(x[train]), y[train]).predict(scaler.transform(x[test])) - y[test]
        ).mean()
        for penalty in (1e-3, 1.0, 10.0, 100.0, 1000.0, 10000.0)
    }
    assert np.square(chosen - y[test]).mean() < 1.1 * min(loss.values()) < 0.7 * loss[1e-3]


def test_unknown_rows_are_left_out_in_order():
    labels = np.where(np.arange(300) % 7 == 0, "", LABELS)
    known = labels != ""
    found = linear_probe(NOISE, labels, PEOPLE)
    np.testing.assert_array_equal(found.truth, LABELS[known])
    np.testing.assert_array_equal(found.people, PEOPLE[known])
    np.testing.assert_array_equal(found.scores, linear_probe(NOISE[known], LABELS[known], PEOPLE[known]).scores)
    number = np.where(known, NOISE[:, 0], np.nan).astype(float)
    assert len(linear_probe(NOISE, number, PEOPLE).truth) == known.sum()


def test_a_persons_windows_become_one_row():
    features = np.array([[1.0, 10.0], [3.0, 30.0], [5.0, 0.0]])
    mean, label, names = average_people(features, np.array(["yes", "", ""]), np.array(["b", "b", "a"]))
    assert names.tolist() == ["a", "b"]
    np.testing.assert_array_equal(mean, [[5, 0], [2, 20]])
    assert label.tolist() == ["", "yes"]
    _, age, _ = average_people(features, np.array([40.0, 41.0, np.nan]), np.array(["b", "b", "a"]))
    np.testing.assert_array_equal(age, [np.nan, 40.5])
    with pytest.raises(ValueError, match=r"person 'b' has several labels: \['no', 'yes'\]"):
        average_people(features, np.array(["yes", "no", ""]), np.array(["b", "b", "a"]))


@pytest.fixture(scope="module")
def windows():
    """40 people, two days each: the heart rate of those with hypertension is high in all of their windows."""
    cohort = small_cohort(80, people=40, gaps=0)
    ill = (np.arange(80) % 40 % 4 == 0).astype(np.float32)
    cohort["signals"][:, :, 0] += 10 * ill[:, None]
    cohort["hypertension"][:] = ill
    cohort["activity"][:] = np.where(np.arange(1440) // 360 % 2, -1, (np.arange(80) % 2)[:, None])
    return cut_windows(cohort, minutes=360)


def test_the_table(windows):
    features = hand_window_features(windows).to_numpy()
    table = probe_table({"hand-made": features, "noise": NOISE[:, :2].repeat(2, 0)[: len(features)]}, windows,
                        ["hypertension", "age", "activity_20"])  # fmt: skip
    assert table.columns.tolist() == [
        "task", "method", "metric", "value", "low", "high", "rows", "people", "classes"
    ]  # fmt: skip
    assert set(table["method"]) == {"hand-made", "noise", "shuffled labels"}
    sizes = table.groupby("task")[["rows", "people", "classes"]].first()
    assert sizes.loc["hypertension"].tolist() == [40, 40, 2]  # people, scored once each
    assert sizes.loc["age"].tolist() == [40, 40, 0]
    assert sizes.loc["activity_20"].tolist() == [160, 40, 2]  # windows with a log: two of four a day
    auroc = table[(table["metric"] == "AUROC") & (table["task"] == "hypertension")].set_index("method")["value"]
    assert auroc["hand-made"] == 1
    assert max(auroc["noise"], auroc["shuffled labels"]) < 0.85


def test_hand_made_features_by_hand(windows):
    table = hand_window_features(windows)
    assert table.shape == (windows.sizes["day"], 26 * len(WINDOW_STATISTICS))
    heart = windows["signals"].values[:, :, SIGNAL_NAMES.index("heart_rate")].astype(float)
    np.testing.assert_allclose(table["heart_rate", "mean"], heart.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(table["heart_rate", "sd"], heart.std(axis=1), rtol=1e-4)
    np.testing.assert_allclose(table["heart_rate", "change"], np.abs(np.diff(heart)).mean(axis=1), rtol=1e-4)
    assert np.isfinite(table.to_numpy()).all()
    with pytest.raises(ValueError, match="expected windows"):
        hand_window_features(small_cohort())


def test_rare_classes_are_left_out_by_people_not_rows():
    labels = np.array(["a"] * 6 + ["b"] * 6)
    people = np.array([*"123456", *"112233"])
    assert drop_rare_classes(labels, people).tolist() == ["a"] * 6 + [""] * 6
    assert drop_rare_classes(labels, people, least=3).tolist() == labels.tolist()


def test_refusals():
    with pytest.raises(ValueError, match="there is one class only, 'run'"):
        linear_probe(NOISE, np.full(300, "run"), PEOPLE)
    with pytest.raises(ValueError, match="4 people have a known label; expected at least 5"):
        linear_probe(NOISE[:20], LABELS[:20], PEOPLE[:20])
    rare = LABELS.copy()
    rare[:3] = "golf"
    with pytest.raises(ValueError, match=r"too few people for 5 folds .*'golf': 1.*drop_rare_classes"):
        linear_probe(NOISE, rare, PEOPLE)
    broken = NOISE.copy()
    broken[7, 2] = np.nan
    with pytest.raises(ValueError, match="1 features are NaN or infinite, the first in row 7, column 2"):
        linear_probe(broken, LABELS, PEOPLE)
    with pytest.raises(ValueError, match=r"features have shape \(300,\)"):
        linear_probe(NOISE[:, 0], LABELS, PEOPLE)
    with pytest.raises(ValueError, match="labels are int64; expected names of classes as text, or floats"):
        cross_predict(linear_learner(NOISE, PEOPLE), KIND, PEOPLE)
    with pytest.raises(ValueError, match="features is empty"):
        probe_table({}, None, [])
    with pytest.raises(ValueError, match=r"the learner returned \(.*, 2\); expected \(.*, 3\)"):
        cross_predict(lambda train, labels, test: np.zeros((len(test), 2)), LABELS, PEOPLE)
