"""What makes a Dataset a Cohort, checked: structure at once, values where they are (``lsmlib.cohort`` has the table).

Single readings outside their plausible range are for readers of recordings to remove; a Cohort that holds any is
refused, because the usual cause is a wrong unit, and a model fed with it learns nonsense without a word.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.labels import PERSON_NUMBERS, check_labels
from lsmlib.signals import HIGH, LOW, MINUTES_PER_DAY, SIGNAL_NAMES, SIGNALS, Signal

UNITS = [signal.unit for signal in SIGNALS]
MINUTE_FLAGS = {  # int8 codes, one a minute: what -1 means, and the codes that are fixed here
    "activity": {-1: "none"},
    "asleep": {-1: "unknown", 0: "awake", 1: "asleep"},
    "mood": {-1: "none"},
    "missing_mode": {-1: "observed"},
}
WHERE = (
    ". xarray's where() turns codes into floats; select days with cohort.isel(day=np.flatnonzero(condition)), where "
    "condition is bool [d]"
)
BLOCK = 64  # days whose values are looked at together


def check_cohort(cohort: xr.Dataset, *, values: bool | None = None, empty_days: bool = False) -> xr.Dataset:
    """Check that a Dataset is a Cohort, and hand it back unchanged.

    Args:
        cohort: the Dataset.
        values: whether to look at the readings themselves (units, infinities, empty days), 64 days at a time. By
            default only readings that are in memory are looked at: a lazy Cohort is checked in its structure, and its
            values when ``save_cohort`` writes them.
        empty_days: whether days without any reading may be among them, as after taking sensors away.

    Returns:
        ``cohort``.

    Raises:
        ValueError: for wrong dimensions, dtypes or lengths; unknown, missing or misordered signals; wrong units; a
            value outside its signal's plausible range or infinite; a person and date twice; a day without any reading;
            a label out of range, or different on different days of a person.
    """
    _check_structure(cohort)
    signals = cohort["signals"]
    if values is None:
        values = is_in_memory(signals)
    if values:
        for start in range(0, cohort.sizes["day"], BLOCK):
            block = cohort.isel(day=slice(start, start + BLOCK))
            check_values(block["signals"].values, block["person"].values, block["date"].values, empty_days)
    return cohort


def check_values(signals: np.ndarray, person: np.ndarray, date: np.ndarray, empty_days: bool = False) -> None:
    """Check readings ``[d, t, s]`` in physical units: plausible, finite, at least one a day. Raises ``ValueError``."""
    # fmin and fmax skip NaN without a warning and keep infinities, so one pass each finds every kind of bad value.
    lowest, highest = np.fmin.reduce(signals, axis=1), np.fmax.reduce(signals, axis=1)
    bad_days, bad_signals = np.nonzero((lowest < LOW) | (highest > HIGH))
    if len(bad_days):
        day, index = int(bad_days[0]), int(bad_signals[0])
        signal, series = SIGNALS[index], signals[day, :, index]
        readings = signals[:, :, index][~np.isnan(signals[:, :, index])]
        minute = int(np.flatnonzero((series < signal.low) | (series > signal.high))[0])
        outside = readings[(readings < signal.low) | (readings > signal.high)]
        raise ValueError(
            f"{signal.name} of {_place(person, date, day)}, minute {minute}, is {series[minute]:g}; expected "
            f"{signal.low:g} to {signal.high:g} {signal.unit}. {outside.size:,} of the {readings.size:,} "
            f"readings looked at lie outside. {_advise(signal, readings, outside)}"
        )
    empty = np.flatnonzero(np.isnan(lowest).all(axis=1))
    if len(empty) and not empty_days:
        raise ValueError(
            f"{_place(person, date, int(empty[0]))} has no reading at all; a Cohort holds days with at least one "
            f"({len(empty)} empty among {len(signals)} looked at). Drop them: "
            'cohort.isel(day=np.flatnonzero(cohort.signals.notnull().any(["minute", "signal"])))'
        )


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Check that an argument is a whole number from ``least`` to ``most``. Raises ``ValueError``."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):
        upto = "or more" if most is None else f"to {most}"
        raise ValueError(f"{name} is {value!r}; expected a whole number, {least} {upto}")


def is_in_memory(array: xr.DataArray) -> bool:
    """Whether an array's values lie in memory: not a Dask array and not a view of a store."""
    return isinstance(array.variable._data, np.ndarray)


def _check_structure(cohort: xr.Dataset) -> None:
    if not isinstance(cohort, xr.Dataset):
        raise ValueError(f"a Cohort is an xarray.Dataset, this is a {type(cohort).__name__}; see lsmlib.make_cohort")
    if "signals" not in cohort.data_vars:
        raise ValueError(f"no variable 'signals' among {sorted(map(str, cohort.data_vars))}; see lsmlib.make_cohort")
    signals = cohort["signals"]
    if signals.dims != ("day", "minute", "signal"):
        raise ValueError(
            f"signals has dims {signals.dims}; expected ('day', 'minute', 'signal'). Use cohort.transpose('day', …)"
        )
    if signals.dtype != np.float32:
        raise ValueError(f"signals is {signals.dtype}; expected float32. Use cohort.signals.astype('float32')")
    _check_signal_names(cohort)
    if "units" in signals.attrs and list(signals.attrs["units"]) != UNITS:
        wrong = [f"{n}: {u!r}" for n, u, v in zip(SIGNAL_NAMES, signals.attrs["units"], UNITS, strict=False) if u != v]
        raise ValueError(f"signals.attrs['units'] is not that of lsmlib.SIGNALS: {', '.join(wrong) or 'wrong length'}")
    if cohort.sizes["day"] == 0:
        raise ValueError("the cohort is empty: 0 days; expected at least 1. Did a selection match nothing?")
    minutes = cohort.sizes["minute"]
    is_windows = "start_minute" in cohort.variables
    if minutes > MINUTES_PER_DAY or (minutes < MINUTES_PER_DAY and not is_windows):
        raise ValueError(
            f"a day has {minutes} minutes; expected {MINUTES_PER_DAY}, minute 0 at local midnight, NaN where nothing "
            "was recorded. Shorter windows are cut by lsmlib.cut_windows"
        )
    _check_rows(cohort, ["person", "date", *({"start_minute", "event_minute"} & set(cohort.variables))])
    for name in PERSON_NUMBERS:
        _check_variable(cohort, name, ("day",), "f")
    _check_variable(cohort, "sex", ("day",), "UOT")
    check_labels(cohort)
    for name in MINUTE_FLAGS:
        dims = ("day", "minute", "signal") if name == "missing_mode" else ("day", "minute")
        _check_variable(cohort, name, dims, "i")


def _check_signal_names(cohort: xr.Dataset) -> None:
    names = [str(name) for name in cohort["signal"].values] if "signal" in cohort.coords else []
    unknown = [name for name in names if name not in SIGNAL_NAMES]
    missing = [name for name in SIGNAL_NAMES if name not in names]
    if not names:
        raise ValueError("no coordinate 'signal': expected the 26 names of lsmlib.SIGNALS. See lsmlib.make_cohort")
    if unknown:
        raise ValueError(f"unknown signals {unknown}; expected the names of lsmlib.SIGNALS: {', '.join(SIGNAL_NAMES)}")
    if missing:
        raise ValueError(f"missing signals {missing}; a Cohort has all 26. A signal that was not measured is all NaN")
    if names != list(SIGNAL_NAMES):
        at = next(i for i, name in enumerate(names) if name != SIGNAL_NAMES[i])
        raise ValueError(
            f"signal {at} is {names[at]!r}, expected {SIGNAL_NAMES[at]!r}: each signal once, in the order of "
            "lsmlib.SIGNALS. Use cohort.sel(signal=list(lsmlib.SIGNAL_NAMES))"
        )


def _check_rows(cohort: xr.Dataset, key: Sequence[str]) -> None:
    """Who and when: present, well typed, and no row twice."""
    for name in key:
        if name not in cohort.variables or cohort[name].dims != ("day",):
            raise ValueError(f"no variable {name!r} with dims ('day',); see lsmlib.make_cohort")
    person, date = cohort["person"].values, cohort["date"].values
    if not all(isinstance(one, str) and one for one in person):
        at = next(i for i, one in enumerate(person) if not (isinstance(one, str) and one))
        raise ValueError(f"person of day {at} is {person.tolist()[at]!r}; expected text that is not empty")
    if date.dtype.kind != "M" or np.isnat(date).any() or (date != date.astype("datetime64[D]")).any():
        raise ValueError(
            f"date is {date.dtype} ({date[:1]}…); expected datetime64 at midnight, one local civil date a day"
        )
    repeated = pd.DataFrame({name: cohort[name].values for name in key}).duplicated().to_numpy()
    if repeated.any():
        at = int(np.flatnonzero(repeated)[0])
        raise ValueError(
            f"{_place(person, date, at)} occurs more than once ({int(repeated.sum())} repeated rows of {len(person)}); "
            "expected each person and date once. Merge the recordings, or drop one of them"
        )


def _check_variable(cohort: xr.Dataset, name: str, dims: tuple[str, ...], kinds: str) -> None:
    """Optional variables, if present, have the dims and the kind of dtype of the table above."""
    if name not in cohort.variables:
        return
    variable = cohort[name]
    if variable.dims != dims or variable.dtype.kind not in kinds:
        expected = {"f": "float32", "i": "int8", "UOT": "text"}[kinds]
        became_floats = kinds == "i" and variable.dtype.kind == "f" and variable.dims == dims
        raise ValueError(
            f"{name} is {variable.dtype} with dims {variable.dims}; expected {expected} with dims {dims}"
            + (WHERE if became_floats else "")
        )


def _place(person: np.ndarray, date: np.ndarray, day: int) -> str:
    return f"person {str(person[day])!r} on {np.datetime64(date[day], 'D')}"


def _advise(signal: Signal, readings: np.ndarray, outside: np.ndarray) -> str:
    """What to do about readings of one signal that lie outside its range: a guess from their median."""
    outside = outside[np.isfinite(outside)]
    if not outside.size:
        return "Infinities are no readings, often a division by zero: set them to NaN"
    middle = float(np.median(outside))
    if middle < 0 and outside.size > 1 and (outside == middle).all():
        return f"All of them are {middle:g}, which looks like a code for a gap: set them to NaN"
    if middle == 0:
        return "Their median is 0, and zeros often stand for gaps: set them to NaN"
    if signal.unit == "bpm" and 0.5 <= middle <= 4:
        looks = "beats per second (multiply by 60)"
    elif signal.unit == "ms" and 0.2 <= middle <= 2.5 and signal.low > 100:
        looks = "seconds (multiply by 1000)"
    elif signal.unit == "fraction" and 1 < middle <= 100:
        looks = "per cent (divide by 100)"
    elif signal.unit == "°C" and 59 <= middle <= 113:
        looks = "degrees Fahrenheit (subtract 32, divide by 1.8)"
    elif abs(middle) <= 5 and outside.size > readings.size / 10:
        looks = "normalised values (lsmlib.denormalise)"
    else:
        return "Convert the unit; or, if these are errors of the sensor, set them to NaN"
    return (
        f"Their median is {middle:g}: these look like {looks}. Convert the unit; or, if these are errors of the "
        "sensor, set them to NaN"
    )
