"""Minutes on a treadmill with two devices: a table without a clock, laid out as days."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.datasets.cards import AW_FB
from lsmlib.datasets.files import find_file, new_recording, not_here
from lsmlib.readers.tables import read_pieces

FIRST_DATE = np.datetime64("2000-01-01")  # dates are invented: one for each device


def load_aw_fb(folder: Path, non_wear: str | None) -> xr.Dataset:
    """One person and device a day, minute after minute from midnight; sexes are told by how tall they are."""
    file = find_file(folder, "aw_fb_data.csv")
    if file is None:
        raise not_here("aw_fb", folder, "aw_fb_data.csv")
    columns = ("age", "gender", "height", "weight", "steps", "heart_rate", "device", "activity")
    recording = new_recording(AW_FB)
    numbers, rows = columns[:6], []
    for piece in read_pieces(file, columns):
        rows.append(pd.DataFrame({c: piece.numbers(c) if c in numbers else piece.text(c) for c in columns}))
    table = pd.concat(rows, ignore_index=True)
    recording.add_file(file, len(table))
    kinds, codes = table["activity"].unique().tolist(), table["activity"].factorize()[0]
    devices = sorted(table["device"].unique().tolist())
    minute = np.timedelta64(1, "m")
    bodies, of = np.unique(table[["age", "gender", "height", "weight"]].to_numpy(float), axis=0, return_inverse=True)
    for number, (age, gender, height, weight) in enumerate(bodies.tolist()):
        index = np.flatnonzero(of == number)
        name = f"p{number + 1:02d}"
        sex = {0: "female", 1: "male"}.get(int(gender), "")  # 1 is 16 cm taller on average; there is no code book
        recording.label(name, age=float(age), sex=sex, bmi=weight / (height / 100) ** 2)
        for device, start in zip(devices, FIRST_DATE + np.arange(len(devices)), strict=True):
            here = index[table["device"].to_numpy()[index] == device]
            time = start + np.arange(len(here)) * minute
            for signal in ("heart_rate", "steps"):
                recording.add(name, signal, time, table[signal].to_numpy()[here])
            recording.add_states(name, "activity", time, time + minute, codes[here], kinds)
    for trap in AW_FB.traps:
        recording.note(trap)
    cohort = recording.to_cohort(non_wear=non_wear)
    which = (cohort["date"].values.astype("datetime64[D]") - FIRST_DATE).astype(int)
    cohort["device"] = ("day", np.array(devices)[which], {"long_name": "the device that was worn"})
    return cohort
