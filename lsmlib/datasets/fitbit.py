"""Fitbit trackers in free life: Fitabase's CSV files, or the Parquet tables of the same minutes."""

from pathlib import Path

import xarray as xr

from lsmlib.datasets.cards import FITBIT
from lsmlib.datasets.files import find_file, new_recording, not_here, read_parquet
from lsmlib.readers import read_fitabase
from lsmlib.readers.fitabase import add_files


def load_fitbit(folder: Path, non_wear: str | None) -> xr.Dataset:
    """Steps and intensity of all, heart rate of few; some nights' sleep."""
    steps = find_file(folder, "*minute_steps_intensity.parquet")
    hearts = find_file(folder, "*minute_heartrate*.parquet")
    if steps is None and hearts is None:
        if find_file(folder, "*.csv") is None:
            raise not_here("fitbit", folder, "CSV file of Fitabase")
        return read_fitabase(folder, non_wear=non_wear)
    recording = new_recording(FITBIT)
    for file, time in ((steps, "ActivityMinute"), (hearts, "Time")):
        if file is None:
            continue
        table = read_parquet(recording, file, ["Id", time, "Steps", "Intensity"])
        for person, rows in table.groupby("Id"):
            when = rows[time].to_numpy("datetime64[ms]")
            for column, name in (("Steps", "steps"), ("Intensity", "intensity"), ("HeartRate", "heart_rate")):
                if column in rows:
                    recording.add(str(person), name, when, rows[column].to_numpy(float))
    if find_file(folder, "sleepDay*.csv") is not None:
        add_files(recording, folder, kinds=("sleep_day",))
    return recording.to_cohort(non_wear=non_wear)
