"""A day of healthy men: the Parquet table of minutes, or the official files, one a sensor and person."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.datasets.cards import MMASH
from lsmlib.datasets.files import find_file, new_recording, not_here, read_parquet
from lsmlib.readers.beats import rr_features
from lsmlib.readers.minutes import MINUTE
from lsmlib.readers.recording import Recording
from lsmlib.readers.tables import Piece, read_pieces

FIRST_DATE = np.datetime64("2000-01-01", "ms")  # dates are invented
POSTURES = {f"Inclinometer {posture.capitalize()}": posture for posture in ("standing", "sitting", "lying")}


def load_mmash(folder: Path, non_wear: str | None) -> xr.Dataset:
    """Heart rate, its variability, steps and posture."""
    file, about = find_file(folder, "*minute_derived.parquet"), find_file(folder, "subject_info.txt")
    if file is None:
        return _load_official(folder, non_wear)
    recording = new_recording(MMASH)
    columns = {"hr_mean": "heart_rate", "RMSSD_ms": "rmssd", "SDNN_ms": "sdnn", "Steps": "steps"}
    columns |= {posture: posture for posture in ("standing", "sitting", "lying")}
    table = read_parquet(recording, file, ["Subject", "minute", *columns])
    for number, rows in table.groupby("Subject"):
        person = f"user_{number}"
        when = rows["minute"].to_numpy("datetime64[ms]")
        for column, name in columns.items():
            recording.add(person, name, when, rows[column].to_numpy(float))
        recording.label(person, sex="male")
    if about is not None:
        for row in pd.read_csv(about).to_dict("records"):
            bmi = row["Weight"] / (row["Height"] / 100) ** 2
            recording.label(f"user_{int(row['Subject'])}", age=row["Age"], bmi=bmi)
    recording.note("rmssd and sdnn are of single minutes here; those of the 26 signals are of the last five")
    recording.note(MMASH.traps[0])
    return recording.to_cohort(non_wear=non_wear)


def _load_official(folder: Path, non_wear: str | None) -> xr.Dataset:
    """Seconds of the actigraph and single heart beats; sleep diaries, activities and questionnaires are not read."""
    recording = new_recording(MMASH)
    users = sorted(path.parent for path in folder.rglob("Actigraph.csv"))
    if not users:
        raise not_here("mmash", folder, "Actigraph.csv")
    for user in users:
        person = user.name
        for piece in read_pieces(user / "Actigraph.csv", ["Steps", "HR", *POSTURES, "day", "time"]):
            recording.add_file(user / "Actigraph.csv", len(piece))
            when = _times(piece)
            recording.add(person, "heart_rate", when, piece.numbers("HR"))
            recording.add(person, "steps", when, piece.numbers("Steps"), how="sum")
            for column, name in POSTURES.items():
                recording.add(person, name, when, piece.numbers(column))
        beats, intervals = [], []
        for piece in read_pieces(user / "RR.csv", ["ibi_s", "day", "time"]):
            recording.add_file(user / "RR.csv", len(piece))
            beats.append(_times(piece).astype(np.int64))
            intervals.append(1000 * piece.numbers("ibi_s"))
        _add_variability(recording, person, np.concatenate(beats), np.concatenate(intervals))
        _label(recording, person, user / "user_info.csv")
    recording.note(MMASH.traps[0])
    return recording.to_cohort(non_wear=non_wear)


def _times(piece: Piece) -> np.ndarray:
    """The day's number and the clock to a time, datetime64[ms] ``[n]``."""
    clock = piece.times("time", ["%H:%M:%S"])
    return FIRST_DATE + (clock - clock.astype("datetime64[D]")) + (piece.numbers("day") - 1).astype("timedelta64[D]")


def _add_variability(recording: Recording, person: str, seconds: np.ndarray, intervals: np.ndarray) -> None:
    """The table tells in which second a beat fell; where it fell within follows from the intervals themselves."""
    order = np.argsort(seconds, kind="stable")
    seconds, intervals = seconds[order], intervals[order]
    sums = np.cumsum(np.nan_to_num(intervals))
    starts = np.flatnonzero(np.abs(np.diff(seconds - sums, prepend=np.inf)) > 2000)  # where the belt lost the heart
    ahead = np.repeat((seconds - sums)[starts], np.diff(starts, append=len(sums)))
    time = np.round(sums + ahead).astype(np.int64)
    minutes = np.unique(time // MINUTE)
    for name, values in rr_features(time, intervals, minutes).items():
        recording.add(person, name, minutes.astype("datetime64[m]"), values)


def _label(recording: Recording, person: str, file: Path) -> None:
    for piece in read_pieces(file, ["Gender", "Weight", "Height", "Age"]):
        weight, height, age = (float(piece.numbers(name)[0]) for name in ("Weight", "Height", "Age"))
        recording.label(person, sex={"M": "male", "F": "female"}.get(piece.text("Gender").iloc[0], ""))
        if weight > 0 and height > 0:
            recording.label(person, bmi=weight / (height / 100) ** 2)
        if age > 0:
            recording.label(person, age=age)
