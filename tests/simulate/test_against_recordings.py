"""Simulated heart rate and steps beside recorded ones: how far apart they are, and whether a judge can tell.

The recordings are not part of the project: fitbit minutes of 33 people, heart rate of 4 of them (Furberg et al. 2016,
CC0, zenodo.org/record/53894), in ``fitbit/`` of the folder ``real_data``. Without it these tests are skipped.
"""

import numpy as np
import pytest

import lsmlib
from lsmlib.evaluate import ks_distance, minute_values, profile_correlation, two_sample_test

SEED = 41  # none of those that the simulator was tuned with


@pytest.fixture(scope="module")
def recorded(real_data):
    """Everything of fitbit but the days in a drawer."""
    if not (real_data / "fitbit").is_dir():
        pytest.skip("fitbit is not among the recordings here")
    return lsmlib.datasets.load("fitbit", real_data / "fitbit", non_wear="stepless_day").compute()


@pytest.fixture(scope="module")
def hearts(recorded):
    """Days of the four people who wore a pulse sensor."""
    return recorded.isel(day=np.flatnonzero(recorded["signals"].sel(signal="heart_rate").notnull().any("minute")))


@pytest.fixture(scope="module")
def walkers(recorded):
    """Complete days of steps."""
    return recorded.isel(day=np.flatnonzero(recorded["signals"].sel(signal="steps").notnull().all("minute")))


@pytest.fixture(scope="module")
def simulated():
    return lsmlib.simulate_cohort(people=100, days=3, seed=SEED)


def test_minutes_have_as_many_steps_as_recorded_ones(walkers, simulated):
    assert ks_distance(walkers, simulated, "steps") < 0.1  # seeds 1, 2 and 3: 0.01 to 0.02


def test_days_have_the_profile_of_recorded_ones(hearts, walkers, simulated):
    assert profile_correlation(walkers, simulated, "steps") > 0.8
    assert profile_correlation(hearts, simulated, "heart_rate") > 0.8


def around_median(cohort):
    """Each person's waking heart rate around its median, all people's minutes one after another."""
    people = cohort["person"].values
    each = [minute_values(cohort.isel(day=people == person), "heart_rate") for person in np.unique(people)]
    return [values - np.median(values) for values in each if len(values) > 300]


def ks(left, right):
    from scipy.stats import ks_2samp

    return ks_2samp(left, right, method="asymp").statistic


def test_heart_rates_spread_around_a_person_as_recorded_ones_do(hearts, simulated):
    real, made = (np.concatenate(around_median(cohort)) for cohort in (hearts, simulated))
    assert ks(real, made) < 0.1


def test_the_four_recorded_people_could_be_four_simulated_ones(hearts, simulated):
    """Levels differ between people by more than four of them can average out, and published means hold the rest."""
    distance = ks_distance(hearts, simulated, "heart_rate")
    draw, people = np.random.default_rng(0), simulated["person"].values
    fours = []
    for _ in range(60):
        four = np.isin(people, draw.choice(np.unique(people), 4, replace=False))
        fours.append(ks_distance(simulated.isel(day=four), simulated.isel(day=~four), "heart_rate"))
    assert distance < np.max(fours)


def test_a_judge_can_hardly_tell(hearts, simulated):
    result = two_sample_test(hearts, simulated)
    # Seeds 1, 2, 3 and 41 have 0.78 to 0.82, and the simulator before it was measured on recordings had 0.99. Most of
    # what is left is the level of the heart rate: four people below the published mean, which the simulator keeps.
    assert result.auroc < 0.85, result.importance.head(10)
