"""Who lives in a simulated world: ages, bodies, and labels that depend on them as medicine reports."""

import numpy as np
import pytest
from scipy import stats


def by_third(value: np.ndarray, label: np.ndarray) -> list[float]:
    """Mean label in the lowest, middle and highest third of a value."""
    cuts = np.quantile(value, [1 / 3, 2 / 3])
    return [float(label[np.digitize(value, cuts) == third].mean()) for third in range(3)]


def test_adults_with_plausible_bodies(crowd):
    assert crowd.age.min() >= 18
    assert crowd.age.max() <= 90
    assert crowd.age.mean() == pytest.approx(42, abs=3)
    assert crowd.sex.mean() == pytest.approx(0.5, abs=0.02)
    assert set(np.unique(crowd.sex)) == {0, 1}
    assert 16 <= crowd.bmi.min() < 20
    assert 40 < crowd.bmi.max() <= 55
    assert crowd.bmi.mean() == pytest.approx(27, abs=1)
    assert 40 <= crowd.resting_heart_rate.min() < crowd.resting_heart_rate.max() <= 115


def test_every_trait_varies_and_is_finite(crowd):
    for name, values in crowd._asdict().items():
        assert np.isfinite(values).all(), name
        assert (values.std(axis=0) > 0).all(), name


def test_prevalence(crowd):
    assert set(np.unique(crowd.hypertension)) == set(np.unique(crowd.anxiety)) == {0, 1}
    assert 0.15 < crowd.hypertension.mean() < 0.45
    assert 0.15 < crowd.anxiety.mean() < 0.45


@pytest.mark.parametrize("trait", ["age", "bmi", "arterial_stiffness"])
def test_hypertension_rises_with(crowd, trait):
    low, middle, high = by_third(getattr(crowd, trait), crowd.hypertension)
    assert low + 0.03 < middle < high - 0.03


def test_anxiety_rises_with_worry_and_is_commoner_in_women(crowd):
    low, middle, high = by_third(crowd.worry, crowd.anxiety)
    assert low + 0.1 < middle < high - 0.1
    assert crowd.anxiety[crowd.sex == 1].mean() > crowd.anxiety[crowd.sex == 0].mean() + 0.03


def test_insulin_resistance(crowd):
    log_homa_ir = np.log(crowd.homa_ir)
    assert abs(stats.skew(log_homa_ir)) < 0.35  # log-normal, roughly:
    assert stats.skew(crowd.homa_ir) > 1  # long-tailed only before the logarithm
    assert 1 < np.median(crowd.homa_ir) < 3
    low, middle, high = by_third(crowd.bmi, log_homa_ir)
    assert low + 0.1 < middle < high - 0.1
    # among people of the same weight
    middling = np.abs(crowd.bmi - 26.5) < 1.5
    low, middle, high = by_third(crowd.fitness[middling], log_homa_ir[middling])
    assert low - 0.02 > middle > high + 0.02


@pytest.mark.parametrize(
    ("hidden", "sign"), [("arterial_stiffness", 1), ("worry", 1), ("metabolic_load", 1), ("fitness", -1)]
)
def test_hidden_tendencies_show_in_the_resting_heart(crowd, hidden, sign):
    found = np.corrcoef(getattr(crowd, hidden), crowd.resting_heart_rate)[0, 1]
    assert 0.1 < sign * found < 0.7  # they show, and do not decide


def test_hidden_tendencies_are_independent_of_age_and_weight(crowd):
    for hidden in ("arterial_stiffness", "worry", "metabolic_load"):
        for known in ("age", "bmi", "sex"):
            assert abs(np.corrcoef(getattr(crowd, hidden), getattr(crowd, known))[0, 1]) < 0.04
