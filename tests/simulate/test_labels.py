"""The signals tell a little about health, in the papers' ballpark, and nothing tells it by accident."""

import pytest

import lsmlib


@pytest.fixture(scope="module")
def table():
    """2,500 people, three days each, simulated chunk by chunk while their features are computed."""
    cohort = lsmlib.simulate_cohort(people=2500, days=3, seed=23, chunks=192)
    return lsmlib.evaluate.label_table(cohort)


def test_every_person_is_one_row(table):
    assert table["people"].tolist() == [2500, 2500, 2500]


@pytest.mark.parametrize("label", ["hypertension", "anxiety"])
def test_diagnoses_can_be_told_about_as_well_as_in_the_papers(table, label):
    assert 0.65 <= table.loc[label, "all signals"] <= 0.80
    assert 0.60 <= table.loc[label, "signal means only"] < table.loc[label, "all signals"]


def test_age_and_weight_alone_tell_less_about_hypertension(table):
    scores = table.loc["hypertension"]
    assert scores["age + BMI"] > 0.55
    assert scores["all signals"] >= scores["age + BMI"] + 0.05


def test_insulin_resistance_can_be_told_in_part(table):
    assert 0.1 <= table.loc["homa_ir", "all signals"] <= 0.35


def test_shuffled_labels_cannot_be_told(table):
    assert table.loc[["hypertension", "anxiety"], "shuffled labels"].tolist() == pytest.approx([0.5, 0.5], abs=0.05)
    assert table.loc["homa_ir", "shuffled labels"] < 0.02


def test_gaps_tell_nothing(table):
    assert table.loc[["hypertension", "anxiety"], "gaps only"].tolist() == pytest.approx([0.5, 0.5], abs=0.05)
    assert table.loc["homa_ir", "gaps only"] < 0.02
