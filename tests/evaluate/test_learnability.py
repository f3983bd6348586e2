"""The score of a label: high where there is something to tell, chance where there is nothing."""

import sys

import numpy as np
import pytest

from lsmlib.evaluate import label_table
from lsmlib.evaluate.learnability import cross_validate
from tests.cohorts import small_cohort

PEOPLE = 600
DRAW = np.random.default_rng(5)
NOISE = DRAW.standard_normal((PEOPLE, 8))
SICK = (np.arange(PEOPLE) % 3 == 0).astype(float)


def test_a_label_that_stands_in_the_features_is_found():
    telling = np.column_stack([NOISE, SICK])
    assert cross_validate(telling, SICK) > 0.99
    amount = np.exp(1 + 0.5 * NOISE[:, 2])
    assert cross_validate(NOISE, amount) > 0.85


def test_noise_scores_like_chance():
    assert cross_validate(NOISE, SICK) == pytest.approx(0.5, abs=0.1)
    assert -0.2 < cross_validate(NOISE, np.exp(DRAW.standard_normal(PEOPLE))) < 0.02


def test_a_weak_sign_is_found_as_far_as_it_goes():
    shift = 0.95  # standard deviations between the groups: AUROC Φ(shift/√2) = 0.75
    weak = NOISE.copy()
    weak[:, 0] += shift * SICK
    assert cross_validate(weak, SICK) == pytest.approx(0.75, abs=0.05)


def test_gaps_are_bridged_and_scores_repeat():
    holes = np.column_stack([NOISE, SICK])
    holes[DRAW.random(holes.shape) < 0.3] = np.nan
    holes[:, 3] = np.nan  # nobody knows it
    score = cross_validate(holes, SICK, seed=1)
    assert 0.75 < score < 0.99
    assert cross_validate(holes, SICK, seed=1) == score
    assert cross_validate(holes, SICK, seed=2) != score
    assert np.isnan(cross_validate(np.full((PEOPLE, 2), np.nan), SICK))


@pytest.fixture(scope="module")
def cohort():
    """60 people, two days each; the heart rate of the ten with hypertension is high, anxiety is known for few."""
    cohort = small_cohort(120, people=60, gaps=2)
    who = np.arange(120) % 60
    hypertension = (who % 6 == 0).astype(np.float32)
    cohort["signals"][:, :, 0] += 30 * hypertension[:, None]
    cohort["hypertension"][:] = hypertension
    cohort["anxiety"][:] = np.where(who < 20, who % 2, np.nan)
    cohort["homa_ir"][:] = np.where(who < 55, 1 + who % 7, np.nan)
    return cohort


def test_the_table_has_a_row_for_each_label_that_is_known(cohort):
    table = label_table(cohort)
    assert table.index.tolist() == ["hypertension", "homa_ir"]
    assert table["people"].tolist() == [60, 55]  # people, not days: nobody is in training and test
    assert table["metric"].tolist() == ["AUROC", "R² of log"]
    assert table.columns[2:].tolist() == [
        "all signals",
        "signal means only",
        "age + BMI",
        "gaps only",
        "shuffled labels",
    ]
    told = table.loc["hypertension"]
    assert told["signal means only"] > 0.95
    assert told["all signals"] > 0.9
    assert max(told["gaps only"], told["shuffled labels"]) < 0.85


def test_refusals(cohort, monkeypatch):
    with pytest.raises(ValueError, match=r"no label of .* is known for at least 50 people"):
        label_table(cohort.isel(day=slice(0, 49)))
    same = cohort.copy(deep=True)
    same["hypertension"][:] = 1
    with pytest.raises(ValueError, match="hypertension is the same for nearly all people"):
        label_table(same)
    monkeypatch.setitem(sys.modules, "sklearn.metrics", None)
    with pytest.raises(ImportError, match=r"pip install 'lsmlib\[notebooks\]'"):
        cross_validate(NOISE, SICK)
