"""What exports say of people: a date of birth becomes an age on every day."""

import numpy as np
import xarray as xr


def with_age(cohort: xr.Dataset, birth: np.datetime64) -> xr.Dataset:
    """The age, in whole years, of the one person of a Cohort on each of their days.

    Args:
        cohort: a Cohort of one person.
        birth: date of birth.

    Returns:
        The Cohort with ``age [d]``; NaN before birth and above 130 years, where one of the dates must be wrong.
    """
    day = cohort["date"].values.astype("datetime64[D]")
    born = birth.astype("datetime64[D]")
    # month and day as one number, so that 29 February needs no other rule
    years = day.astype("datetime64[Y]").astype(int) - born.astype("datetime64[Y]").astype(int)
    age = years - (_of_year(day) < _of_year(born))
    age = np.where((age >= 0) & (age <= 130), age, np.nan).astype(np.float32)
    return cohort.assign(age=("day", age, cohort["age"].attrs))


def _of_year(date: np.ndarray | np.datetime64) -> np.ndarray:
    month = date.astype("datetime64[M]")
    return month.astype(int) % 12 * 100 + (date - month).astype(int)
