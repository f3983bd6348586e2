import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lsmlib.scaling import people_against_hours

SHARED = {"model": "LSM2", "size": "nano", "minutes": 1440, "steps": 10, "batch_size": 4, "learning_rate": 1e-3}


def runs(losses):
    return pd.DataFrame(
        [
            SHARED | {"people": people, "days": days, "seed": seed, "hours": people * days * 24, "valid_loss": loss}
            for (people, days), of_seeds in losses.items()
            for seed, loss in enumerate(of_seeds)
        ]
    )


def test_ratios_are_paired_by_seed():
    table = people_against_hours(runs({(10, 8): [1.0, 2.0], (40, 2): [0.8, 1.8], (40, 3): [0.5, 0.5]}))
    assert table["people"].tolist() == [10, 40]  # 40 people with 3 days have nobody to be compared with
    assert table["person_days"].tolist() == [80, 80]
    differences = np.log([0.8, 0.9])
    assert table["ratio"].tolist() == pytest.approx([1.0, np.exp(differences.mean())])
    half = stats.t.ppf(0.95, 1) * differences.std(ddof=1) / np.sqrt(2)
    assert np.log(table[["low", "high"]].iloc[1]).tolist() == pytest.approx(
        [differences.mean() - half, differences.mean() + half]
    )
    assert table["loss"].tolist() == pytest.approx([np.sqrt(2), np.sqrt(0.8 * 1.8)])


def test_one_seed_has_no_interval():
    table = people_against_hours(runs({(10, 8): [1.0], (40, 2): [0.8]}))
    assert np.isnan(table["low"].iloc[1]) and table["ratio"].iloc[1] == pytest.approx(0.8)


def test_nothing_to_compare():
    with pytest.raises(ValueError, match="no two runs have as many person-days"):
        people_against_hours(runs({(10, 8): [1.0], (40, 3): [0.8]}))
    with pytest.raises(ValueError, match="have no valid_loss"):
        people_against_hours(runs({(10, 8): [1.0]}).drop(columns="valid_loss"))
