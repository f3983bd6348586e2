"""read_fitabase on the public Fitabase export of 33 people (Furberg and others, 2016)."""

import numpy as np
import pandas as pd
import pytest

import lsmlib


@pytest.fixture(scope="module")
def fitbit(real_data):
    folder = real_data / "fitbit"
    if not (folder / "minuteStepsWide_merged.csv").is_file():
        pytest.skip(f"there is no minuteStepsWide_merged.csv in {folder}")
    return folder


@pytest.fixture(scope="module")
def cohort(fitbit):
    return lsmlib.read_fitabase(fitbit)


def lay_out(cohort) -> pd.Series:
    steps = cohort["signals"].sel(signal="steps").values
    day, minute = np.nonzero(~np.isnan(steps))
    time = cohort["date"].values[day].astype("datetime64[m]") + minute
    index = pd.MultiIndex.from_arrays([cohort["person"].values[day].astype(np.int64), time.astype("datetime64[ns]")])
    return pd.Series(steps[day, minute], index).sort_index()


def test_every_minute_is_that_of_the_long_table(cohort, fitbit):
    table = pd.read_parquet(fitbit / "fitbit_minute_steps_intensity.parquet")
    wanted = table.set_index(["Id", "ActivityMinute"])["Steps"].sort_index()
    found = lay_out(cohort)
    assert len(found) == len(wanted) and (found.index == wanted.index).all()
    assert (found.to_numpy() == wanted.to_numpy()).all()
    reading = lsmlib.describe_reading(cohort)
    assert reading.people == 33 and any("has lost its hours" in note for note in reading.notes)


def test_complete_days_and_those_without_a_step(cohort, fitbit):
    steps = cohort["signals"].sel(signal="steps").values
    complete = ~np.isnan(steps).any(axis=1)
    assert complete.sum() == 888 and (np.nansum(steps[complete], axis=1) == 0).sum() == 74
    worn = lsmlib.read_fitabase(fitbit, non_wear="stepless_day")
    assert (~np.isnan(worn["signals"].sel(signal="steps").values).any(axis=1)).sum() == 888 - 74


def test_sleep_of_the_day(cohort, fitbit):
    table = pd.read_csv(fitbit / "sleepDay_merged.csv").drop_duplicates()
    table["date"] = pd.to_datetime(table["SleepDay"].str.split().str[0], format="%m/%d/%Y")
    wanted = table.set_index([table["Id"].astype(str), "date"])["TotalMinutesAsleep"]
    days = pd.MultiIndex.from_arrays([cohort["person"].values, cohort["date"].values])
    found = pd.Series(cohort["minutes_asleep"].values, days).dropna()
    assert len(found) == days.isin(wanted.index).sum() > 0
    assert (found == wanted.reindex(found.index)).all()


def test_rows_out_of_order_are_refused(fitbit, tmp_path):
    lines = (fitbit / "minuteStepsWide_merged.csv").read_text().splitlines()
    head, rows = lines[0], lines[1:2000]
    order = np.random.default_rng(0).permutation(len(rows))
    (tmp_path / "minuteStepsWide_merged.csv").write_text("\n".join([head, *(rows[i] for i in order), ""]))
    with pytest.raises(ValueError, match=r"minuteStepsWide_merged.csv, line \d+: ActivityHour has lost its hour"):
        lsmlib.read_fitabase(tmp_path)
