"""A day of healthy men: the Parquet table of minutes, or the official files, one a sensor and person."""

from pathlib import Path

import pandas as pd
import xarray as xr

from lsmlib.datasets.cards import MMASH
from lsmlib.datasets.files import find_file, new_recording, read_parquet


def load_mmash(folder: Path, non_wear: str | None) -> xr.Dataset:
    """Heart rate, its variability, steps and posture."""
    file, about = find_file(folder, "*minute_derived.parquet"), find_file(folder, "subject_info.txt")
    if file is None:
        from lsmlib.datasets.mmash import load_official  # its own files: one a sensor and person

        return load_official(folder, non_wear)
    recording = new_recording(MMASH)
    columns = {"hr_mean": "heart_rate", "RMSSD_ms": "rmssd", "SDNN_ms": "sdnn", "Steps": "steps"}
    columns |= {posture: posture for posture in ("standing", "sitting", "lying")}
    table = read_parquet(recording, file, ["Subject", "minute", *columns])
    for person, rows in table.groupby("Subject"):
        when = rows["minute"].to_numpy("datetime64[ms]")
        for column, name in columns.items():
            recording.add(f"user_{person}", name, when, rows[column].to_numpy(float))
        recording.label(f"user_{person}", sex="male")
    if about is not None:
        for row in pd.read_csv(about).to_dict("records"):
            bmi = row["Weight"] / (row["Height"] / 100) ** 2
            recording.label(f"user_{int(row['Subject'])}", age=row["Age"], bmi=bmi)
    recording.note("rmssd and sdnn are of single minutes here; those of the 26 signals are of the last five")
    recording.note("dates are invented, the clock is real")
    return recording.to_cohort(non_wear=non_wear)
