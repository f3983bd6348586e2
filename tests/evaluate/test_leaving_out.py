"""Everybody is predicted by the others, and by them alone."""

import numpy as np
import pytest

from lsmlib.evaluate import leave_one_out, score_predictions
from lsmlib.evaluate.probes import standardise

DRAW = np.random.default_rng(3)
COUNT = 16
PEOPLE = np.array([f"p{number:02d}" for number in range(COUNT)])
LABELS = np.where(np.arange(COUNT) % 8 < 3, "ill", "well")
NOISE = DRAW.standard_normal((COUNT, 3))


def auroc(features, labels=LABELS):
    return score_predictions(leave_one_out(features, labels, PEOPLE), 0).loc["AUROC", "value"]


def test_what_stands_in_the_features_is_found():
    assert auroc(np.column_stack([NOISE, 4.0 * (LABELS == "ill")])) == 1
    assert auroc(np.column_stack([NOISE, 2.0 * (LABELS == "ill") + DRAW.standard_normal(COUNT)])) > 0.75


def test_knowing_nothing_scores_a_half_and_not_zero():
    """A constant: with classes as common as they are among the others it would score 0."""
    found = leave_one_out(np.zeros((COUNT, 2)), LABELS, PEOPLE)
    np.testing.assert_allclose(found.scores, 0.5, atol=1e-6)
    noise = [auroc(np.random.default_rng(seed).standard_normal((COUNT, 2))) for seed in range(5)]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.15)


def test_nothing_is_learned_from_whom_is_predicted():
    fitted = []

    def prepare(rows):
        fitted.append(rows)
        return standardise(rows)

    before = leave_one_out(NOISE, LABELS, PEOPLE, prepare=prepare)
    assert [len(rows) for rows in fitted] == [COUNT - 1] * COUNT
    changed = LABELS.copy()
    changed[7] = "well" if LABELS[7] == "ill" else "ill"
    np.testing.assert_array_equal(leave_one_out(NOISE, changed, PEOPLE).scores[7], before.scores[7])
    moved = NOISE.copy()
    moved[7] += 100
    after = leave_one_out(moved, LABELS, PEOPLE).scores
    assert (after[7] != before.scores[7]).any()


@pytest.mark.parametrize(
    ("features", "labels", "people", "message"),
    [
        (NOISE[:9], LABELS, PEOPLE, r"shape \(9, 3\), 0 of them NaN .* p = 16"),
        (np.full((COUNT, 2), np.nan), LABELS, PEOPLE, "32 of them NaN"),
        (NOISE, LABELS, np.where(PEOPLE == "p01", "p00", PEOPLE), "'p00' has 2 rows"),
        (NOISE, NOISE[:, 0], PEOPLE, "labels are numbers"),
        (NOISE, np.where(np.arange(COUNT) < 3, "ill", "well"), PEOPLE, "too few people"),
    ],
)
def test_wrong_input(features, labels, people, message):
    with pytest.raises(ValueError, match=message):
        leave_one_out(features, labels, people)
