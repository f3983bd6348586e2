"""Dates of birth and ages."""

import numpy as np
import pytest

from lsmlib.checks import check_cohort
from lsmlib.cohort import make_cohort
from lsmlib.readers.people import parse_birth, with_age


def cohort_of(*dates):
    return make_cohort({"heart_rate": np.full((len(dates), 1440), 60.0)}, ["a"] * len(dates), list(dates))


@pytest.mark.parametrize(
    ("birth", "date", "age"),
    [
        ("1980-03-05", "2024-03-04", 43),
        ("1980-03-05", "2024-03-05", 44),
        ("2000-02-29", "2023-02-28", 22),
        ("2000-02-29", "2023-03-01", 23),
        ("2000-02-29", "2024-02-29", 24),
        ("1980-12-31", "2024-01-01", 43),
        ("2024-03-05", "2024-03-04", np.nan),
        ("1893-03-04", "2024-03-04", np.nan),
        ("1894-03-04", "2024-03-04", 130),
    ],
)
def test_whole_years(birth, date, age):
    np.testing.assert_array_equal(with_age(cohort_of(date), np.datetime64(birth))["age"], [age])


def test_a_person_grows_older():
    cohort = with_age(cohort_of("1991-01-01", "2007-08-09", "2024-12-31"), np.datetime64("1980-05-17"))
    assert cohort["age"].values.tolist() == [10, 27, 44]
    assert cohort["age"].attrs["long_name"] == "age in years"
    check_cohort(cohort)


def test_dates_of_birth():
    assert parse_birth("1980-05-17 ", "here") == np.datetime64("1980-05-17")
    assert parse_birth("", "here") is None
    for text in ("17.05.1980", "1980-02-30", "today", "NaT", "1980", "١٩٨٠-05-17", "x" * 1000):
        with pytest.raises(ValueError, match=r"^here: the date of birth is '") as error:
            parse_birth(text, "here")
        assert len(str(error.value)) < 200
