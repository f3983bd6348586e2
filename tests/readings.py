"""What a Cohort of a reader says, in a form that tests can write down by hand."""

import numpy as np


def minutes(cohort, name):
    """What was measured: from date and minute of the day to value."""
    values = cohort["signals"].sel(signal=name).values
    dates = cohort["date"].values.astype("datetime64[D]")
    return {
        f"{dates[day]} {minute // 60:02d}:{minute % 60:02d}": round(float(values[day, minute]), 4)
        for day, minute in zip(*np.nonzero(~np.isnan(values)), strict=True)
    }


def dropped(cohort, name):
    return cohort.attrs["reading"]["signals"][name]["dropped"]
