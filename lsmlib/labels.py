"""What is known of a person: read from what callers give, and checked. (``lsmlib.cohort`` has the table.)

Labels are stored once a day ``[d]`` but belong to the person: the days on which a label is known must agree, and it may
be unknown on others. Age alone may change, as much as time passes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

PERSON_NUMBERS = ("age", "bmi", "hypertension", "anxiety", "homa_ir")  # float32 [d], NaN unknown
PERSON_LABELS = ("age", "sex", *PERSON_NUMBERS[1:])
LONGEST_TEXT = 32  # characters of sex

EXPECTED: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "age": ("0 to 130 years", lambda x: (x >= 0) & (x <= 130)),
    "bmi": ("5 to 150 kg/m2", lambda x: (x >= 5) & (x <= 150)),
    "hypertension": ("1 (yes) or 0 (no)", lambda x: (x == 0) | (x == 1)),
    "anxiety": ("1 (yes) or 0 (no)", lambda x: (x == 0) | (x == 1)),
    "homa_ir": ("a finite number above 0", lambda x: (x > 0) & (x < np.inf)),
}


def read_labels(labels: Any, days: int) -> dict[str, np.ndarray]:
    """All labels ``[d]`` from those given: a mapping or the columns of a table, each ``[d]`` or one value for all days.

    None, NaN and ``pandas.NA`` are unknown numbers; ranges are left to ``check_labels``.

    Raises:
        ValueError: for a name that is no label, a wrong shape, text among numbers, or anything but text in ``sex``.
    """
    if labels is not None and not hasattr(labels, "keys"):
        raise ValueError(f"labels is a {type(labels).__name__}; expected a dict or a table from name to values [d]")
    given = dict({} if labels is None else labels)
    if unknown := [name for name in given if name not in PERSON_LABELS]:
        raise ValueError(f"unknown labels {unknown}; expected some of {list(PERSON_LABELS)}")
    return {name: _read(name, given.get(name, "" if name == "sex" else np.nan), days) for name in PERSON_LABELS}


def _read(name: str, given: Any, days: int) -> np.ndarray:
    values = np.asarray(given)
    is_plain = values.dtype.kind in "biuf"
    if not is_plain or name == "sex":
        values = np.asarray(given, object)  # keeps None and NaN apart from the text "nan"
    if values.shape not in ((), (days,)):
        raise ValueError(f"label {name!r} has shape {values.shape}; expected one value a day: ({days},)")
    values = np.broadcast_to(values, (days,))
    if name == "sex":
        _check_text(values)
        return values.astype(np.str_)
    if is_plain:
        return values.astype(np.float32)
    unknown = pd.isna(values)
    for day, value in enumerate(values.tolist()):
        if not unknown[day] and not isinstance(value, int | float | np.number | np.bool_):
            raise ValueError(
                f"label {name!r} of day {day} is {value!r}; expected {EXPECTED[name][0]}, NaN where unknown"
            )
    return np.where(unknown, np.nan, values).astype(np.float32)


def check_labels(cohort: xr.Dataset) -> None:
    """Check the labels of a Dataset with ``person`` and ``date``: in range, and the same on all days of a person.

    Raises:
        ValueError: naming the person, the value and what is expected.
    """
    person, date = cohort["person"].values, cohort["date"].values
    known = {name: cohort[name].values for name in PERSON_NUMBERS if name in cohort}
    for name, values in known.items():
        words, is_valid = EXPECTED[name]
        wrong = np.flatnonzero(~np.isnan(values) & ~is_valid(values))
        if len(wrong):
            raise ValueError(
                f"{name} of person {str(person[wrong[0]])!r} is {values[wrong[0]]:g}; expected {words}, NaN where "
                f"unknown ({len(wrong)} of {len(values)} days are like this)"
            )
    if "sex" in cohort:
        sex = cohort["sex"].values
        _check_text(sex)
        known["sex"] = np.where(sex == "", np.nan, pd.factorize(sex.astype(object))[0])
    _check_agreement(known, cohort, person, date)


def _check_agreement(known: Mapping[str, np.ndarray], cohort: xr.Dataset, person: np.ndarray, date: np.ndarray) -> None:
    whose, people = pd.factorize(person.astype(object))
    table = pd.DataFrame({"date": date.astype("datetime64[D]").astype(float), **known}).groupby(whose)
    spread = table.max() - table.min()  # NaN where a label is unknown on all days of a person
    for name in known:
        may_change = 1 + spread["date"] / 365 if name == "age" else 0
        wrong = np.flatnonzero(spread[name] > may_change)
        if len(wrong):
            of_person = (whose == wrong[0]) & ~np.isnan(known[name])
            found = np.unique(cohort[name].values[of_person]).tolist()
            raise ValueError(
                f"{name} of person {people[wrong[0]]!r} is {' and '.join(map(str, found[:3]))} on different days; "
                "expected one value for all days of a person, or none where unknown (age may change as time passes). "
                "Are these two people?"
            )


def _check_text(sex: np.ndarray) -> None:
    for day, one in enumerate(sex.tolist()):
        if not isinstance(one, str) or len(one) > LONGEST_TEXT:
            raise ValueError(
                f"label 'sex' of day {day} is {one!r}; expected text of at most {LONGEST_TEXT} characters, for example "
                "'female' or 'male', and '' where unknown"
            )
