"""Simulated days as an actigraph's CSV files."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.readers.actigraphy import counts_of_code


def write_actigraphy(cohort: xr.Dataset, folder: str | Path) -> list[Path]:
    """Write ``log_energy`` as activity counts: a CSV file a person (``timestamp, date, activity``), zeros at gaps.

    An actigraph writes zeros while it lies in a drawer, and so does this: reading the files back gives gaps only with
    ``non_wear="choi"``, and only where they lasted an hour and a half.

    Args:
        cohort: a Cohort with ``log_energy``; files begin with a person's first day and end with the last.
        folder: where to; made if it is not there.

    Returns:
        The files.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    energy = cohort["signals"].sel(signal="log_energy").values
    counts = np.round(counts_of_code(np.where(np.isnan(energy), 0, energy))).astype(int)
    people, dates = cohort["person"].values, cohort["date"].values.astype("datetime64[D]")
    files = []
    for person in np.unique(people).tolist():
        rows = np.flatnonzero(people == person)
        times = (dates[rows].astype("datetime64[m]")[:, None] + np.arange(1440)).ravel()
        table = pd.DataFrame({"timestamp": times.astype("datetime64[s]"), "activity": counts[rows].ravel()})
        table.insert(1, "date", table["timestamp"].dt.date)
        files.append(place / f"{person}.csv")
        table.to_csv(files[-1], index=False, date_format="%Y-%m-%d %H:%M:%S")
    return files
