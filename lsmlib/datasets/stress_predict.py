"""Stress tasks in the laboratory: the Parquet table of seconds, or the official Empatica sessions."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.datasets.cards import STRESS_PREDICT
from lsmlib.datasets.files import find_file, new_recording, not_here, read_parquet
from lsmlib.readers import read_empatica
from lsmlib.readers.clock import to_wall
from lsmlib.readers.layout import lay_states
from lsmlib.readers.minutes import slope
from lsmlib.readers.readings import as_ms
from lsmlib.readers.tables import read_pieces
from lsmlib.signals import MINUTES_PER_DAY

ZONE = "Europe/Dublin"


def load_stress_predict(folder: Path, non_wear: str | None) -> xr.Dataset:
    """Heart rate, skin conductance, skin temperature and their slopes; stress tasks as a state of minutes."""
    file = find_file(folder, "*1hz.parquet")
    if file is None:
        return _load_official(folder)
    recording = new_recording(STRESS_PREDICT, ZONE)
    table = read_parquet(recording, file, ["Participant", "Time", "HR", "EDA", "TEMP", "Label"])
    for who, rows in table.sort_values("Time").groupby("Participant"):
        person = str(who)
        wall, ahead = to_wall((rows["Time"].to_numpy() * 1000).astype("datetime64[ms]"), ZONE)
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
        states = find_states(wall, rows["Label"].to_numpy(float, na_value=np.nan))
        recording.add_states(person, "stress", *states, names=("rest", "stress"))
    return recording.to_cohort()


def _load_official(folder: Path) -> xr.Dataset:
    """Sessions of the wristband, a folder a person; labels of seconds in one table."""
    labels = find_file(folder, "*hr_rsp_binary.csv")
    if labels is None:
        raise not_here("stress_predict", folder, "Improved_All_Combined_hr_rsp_binary.csv")
    cohort = read_empatica(folder, timezone=ZONE)
    rows = {str(person): row for row, person in enumerate(cohort["person"].values)}
    laid = np.full((cohort.sizes["day"], MINUTES_PER_DAY), -1, np.int8)
    parts = []
    for piece in read_pieces(labels, ["Participant", "Time(s)", "Label"]):
        columns = {
            "person": piece.text("Participant"),
            "time": piece.numbers("Time(s)"),
            "label": piece.numbers("Label"),
        }
        parts.append(pd.DataFrame(columns))
    for who, seconds in pd.concat(parts).sort_values("time").groupby("person"):
        if (row := rows.get(str(who))) is not None:
            wall, _ = to_wall((seconds["time"].to_numpy() * 1000).astype("datetime64[ms]"), ZONE)
            start, end, code = find_states(wall, seconds["label"].to_numpy())
            day = int(cohort["date"].values[row].astype("datetime64[D]").astype(int))
            lay_states(laid, {day: row}, [(as_ms(start), as_ms(end), code)])
    flags = {"flag_values": [0, 1], "flag_meanings": "rest stress"}
    cohort["stress"] = (("day", "minute"), laid, flags)
    return cohort


def find_states(time: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of the same label among single seconds: start and end, datetime64, and code, int8; NaN is unknown."""
    known = ~np.isnan(label)
    time, label = time[known], label[known].astype(np.int8)
    if not len(label):
        return time, time, label
    first = np.flatnonzero(np.diff(label, prepend=label[0] + 1))
    last = np.append(first[1:], len(label)) - 1
    return time[first], time[last] + np.timedelta64(1, "s"), label[first]
