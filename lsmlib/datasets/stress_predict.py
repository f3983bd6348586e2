"""Stress tasks in the laboratory: the Parquet table of seconds, or the official Empatica sessions."""

from pathlib import Path

import numpy as np
import xarray as xr

from lsmlib.datasets.cards import STRESS_PREDICT
from lsmlib.datasets.files import find_file, new_recording, read_parquet
from lsmlib.readers.clock import to_wall
from lsmlib.readers.minutes import slope
from lsmlib.readers.recording import Recording


def load_stress_predict(folder: Path, non_wear: str | None) -> xr.Dataset:
    """Heart rate, skin conductance, skin temperature and their slopes; stress tasks as a state of minutes."""
    file = find_file(folder, "*1hz.parquet")
    if file is None:
        from lsmlib.datasets.stress_predict import load_official

        return load_official(folder)
    recording = new_recording(STRESS_PREDICT, "Europe/Dublin")
    table = read_parquet(recording, file, ["Participant", "Time", "HR", "EDA", "TEMP", "Label"])
    for who, rows in table.sort_values("Time").groupby("Participant"):
        person = str(who)
        wall, ahead = to_wall((rows["Time"].to_numpy() * 1000).astype("datetime64[ms]"), "Europe/Dublin")
        for column, name, scale in (
            ("HR", "heart_rate", 0),
            ("EDA", "skin_conductance", 1),
            ("TEMP", "skin_temperature", 1000),  # °C to m°C
        ):
            value = rows[column].to_numpy(float)
            recording.add(person, name, wall, value, offset=ahead)
            if scale:
                known = ~np.isnan(value)
                minute, rise = slope(wall[known].astype(np.int64), value[known])
                recording.add(person, f"{name}_slope", minute.astype("datetime64[m]"), rise * scale)
        add_stress(recording, person, wall, rows["Label"].to_numpy(float, na_value=np.nan))
    return recording.to_cohort()


def add_stress(recording: Recording, person: str, time: np.ndarray, label: np.ndarray) -> None:
    """Labels of single seconds, NaN unknown: each run of the same label is a state."""
    known = ~np.isnan(label)
    time, label = time[known], label[known].astype(np.int8)
    if len(label):
        first = np.flatnonzero(np.diff(label, prepend=label[0] + 1))
        last = np.append(first[1:], len(label)) - 1
        second = np.timedelta64(1, "s")
        recording.add_states(person, "stress", time[first], time[last] + second, label[first], ("rest", "stress"))
