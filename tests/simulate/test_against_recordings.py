"""Simulated heart rate and steps beside recorded ones: how far apart they are, and whether a judge can tell.

The recordings are not part of the project: fitbit minutes of 33 people, heart rate of 4 of them (Furberg et al. 2016,
CC0, zenodo.org/record/53894), as Parquet tables in ``fitbit/`` of the folder that ``LSMLIB_REAL_DATA`` names, or of
``shared/data/real`` beside the project. Without them these tests are skipped.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lsmlib
from lsmlib.evaluate import ks_distance, minute_values, profile_correlation, two_sample_test

BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "real"
FOLDER = Path(os.environ.get("LSMLIB_REAL_DATA", BESIDE)) / "fitbit"
HEART_RATE, STEPS = FOLDER / "fitbit_minute_heartrate_4users.parquet", FOLDER / "fitbit_minute_steps_intensity.parquet"
pytestmark = pytest.mark.skipif(
    not (HEART_RATE.exists() and STEPS.exists()),
    reason=f"no recordings at {FOLDER}; set LSMLIB_REAL_DATA to the folder that holds fitbit/",
)
SEED = 41  # none of those that the simulator was tuned with


def read_days(path: Path, **columns: str):
    """A Cohort of the named columns of a table of minutes, and its days' steps [d]."""
    table = pd.read_parquet(path)
    time = table.filter(["Time", "ActivityMinute"]).squeeze()
    minute = (time.dt.hour * 60 + time.dt.minute).to_numpy()
    day, days = pd.factorize(pd.MultiIndex.from_arrays([table["Id"], time.dt.floor("D")]))
    signals = {name: np.full((len(days), 1440), np.nan, np.float32) for name in columns}
    for name, column in columns.items():
        signals[name][day, minute] = table[column]
    people, dates = zip(*days, strict=True)
    cohort = lsmlib.make_cohort(signals, list(people), np.array(dates, "datetime64[D]"))
    return cohort, signals["steps"]


@pytest.fixture(scope="module")
def hearts():
    """Days of four people with heart rate and steps."""
    return read_days(HEART_RATE, heart_rate="HeartRate", steps="Steps")[0]


@pytest.fixture(scope="module")
def walkers():
    """Complete days of 33 people's steps; days without a step were days without the device."""
    cohort, steps = read_days(STEPS, steps="Steps")
    return cohort.isel(day=~np.isnan(steps).any(axis=1) & (np.nansum(steps, axis=1) > 0))


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
    # Seeds 1, 2 and 3 have 0.83 to 0.86, and the simulator before it was measured on recordings had 0.99. Most
    # of what is left is the level of the heart rate: four people below the published mean, which the simulator keeps.
    assert result.auroc < 0.88, result.importance.head(10)
