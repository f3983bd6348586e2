"""What exports say of people: a date of birth becomes an age on every day."""

import re

import numpy as np
import xarray as xr


def parse_birth(text: str, place: str) -> np.datetime64 | None:
    """A date of birth such as ``1980-05-17``; None if there is no text. Raises ``ValueError`` for anything else."""
    if not text.strip():
        return None
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text.strip()):
            raise ValueError
        return np.datetime64(text.strip(), "D")
    except ValueError:
        raise ValueError(f"{place}: the date of birth is {text[:40]!r}; expected one such as '1980-05-17'") from None


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
