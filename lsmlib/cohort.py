"""The Cohort: what every room of this package agrees a set of days looks like. Made here; checked in ``checks``.

A Cohort is an ordinary ``xarray.Dataset`` with dimensions ``day`` (d), ``minute`` (t) and ``signal`` (s):

=================  =========  ==========  =====================================================================
variable           dims       dtype       meaning
=================  =========  ==========  =====================================================================
``signals``        [d, t, s]  float32     physical units (``signals.attrs["units"]``); NaN where not observed
``signal``         [s]        str         the 26 names of ``lsmlib.SIGNALS``, in that order
``person``         [d]        str         whose day it is
``date``           [d]        datetime64  local civil date; minute 0 is local midnight, a day has 1,440 minutes
``age`` …          [d]        float32     ``age, bmi, hypertension, anxiety, homa_ir`` of the person; NaN unknown
``sex``            [d]        str         ``""`` unknown
``activity``       [d, t]     int8        code of an activity, -1 none; names in ``flag_values, flag_meanings``
``asleep``         [d, t]     int8        1 asleep, 0 awake, -1 unknown
``mood``           [d, t]     int8        code of a mood in the minute it was logged, -1 none
``missing_mode``   [d, t, s]  int8        optional: why a reading is missing, -1 where it is not
=================  =========  ==========  =====================================================================

Arrays are numpy arrays, Dask arrays, or lazy views of a store (``lsmlib.open_cohort``). The windows that
``lsmlib.cut_windows`` makes are Cohorts too: they have fewer minutes, and say in ``start_minute [d]`` where they begin.
"""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import dask
import dask.array as da
import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.checks import MINUTE_FLAGS, PERSON_NUMBERS, UNITS, check_cohort
from lsmlib.signals import MINUTES_PER_DAY, SIGNAL_NAMES, SIGNALS

PERSON_LABELS = ("age", "sex", *PERSON_NUMBERS[1:])
LONG_NAMES = {
    "signals": "26 signals, one value a minute; NaN where not observed",
    "person": "person identifier",
    "date": "local civil date",
    "age": "age in years",
    "sex": "sex",
    "bmi": "body mass index in kg/m2",
    "hypertension": "hypertension, 1 yes, 0 no",
    "anxiety": "anxiety, 1 yes, 0 no",
    "homa_ir": "HOMA-IR, insulin resistance",
    "activity": "activity logged for the minute",
    "asleep": "asleep in the minute",
    "mood": "mood, at the minute it was logged",
    "missing_mode": "why the reading is missing",
}


def make_cohort(
    signals: Any,
    person: Any,
    date: Any,
    *,
    labels: Mapping[str, Any] | None = None,
    per_minute: Mapping[str, Any] | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Put arrays together into a Cohort (see the module's table) and check it.

    Args:
        signals: float ``[d, t, s]``, t = 1440, s = 26 in the order of ``SIGNALS``, physical units, NaN at gaps.
            A numpy array or anything that turns into one, or a Dask array, which stays lazy.
        person: str ``[d]``; numbers are turned into text.
        date: dates ``[d]``: datetime64, ``datetime.date`` or ISO text.
        labels: any of ``age, sex, bmi, hypertension, anxiety, homa_ir``, each ``[d]`` or one value for all days.
        per_minute: any of ``activity, asleep, mood`` int ``[d, t]`` and ``missing_mode`` int ``[d, t, s]``, each an
            array or a pair (array, names): names is a sequence (names of codes 0, 1, …) or a dict from code to name.
        attrs: where the data come from: ``source``, ``licence``, ``seed`` or file digests. Must be JSON.

    Returns:
        The Cohort. Labels that are not given are NaN, ``""`` or -1.

    Raises:
        ValueError: if anything is not as described; the message names the place, the value and what to do.
    """
    signals = _as_floats(signals)
    days = signals.shape[0]
    data: dict[str, Any] = {"signals": (("day", "minute", "signal"), signals, {"units": list(UNITS)})}
    person = np.asarray(person)
    if person.ndim != 1 or len(person) != days:
        raise ValueError(f"person has shape {person.shape}; expected one person a day of signals: ({days},)")
    coords = {
        "person": ("day", person.astype(np.str_)),
        "date": ("day", _as_dates(date, days)),
        "signal": ("signal", np.array(SIGNAL_NAMES)),
    }
    labels = dict(labels or {})
    for name in PERSON_LABELS:
        unknown = "" if name == "sex" else np.nan
        values = np.asarray(labels.pop(name, unknown), np.str_ if name == "sex" else np.float32)
        if values.shape not in ((), (days,)):
            raise ValueError(f"label {name!r} has shape {values.shape}; expected one value a day: ({days},)")
        data[name] = ("day", np.broadcast_to(values, (days,)).copy())
    if labels:
        raise ValueError(f"unknown labels {sorted(labels)}; expected some of {list(PERSON_LABELS)}")
    per_minute = dict(per_minute or {})
    for name in MINUTE_FLAGS:
        given = per_minute.pop(name, None)
        if given is not None or name != "missing_mode":
            data[name] = _flags(name, given, signals)
    if per_minute:
        raise ValueError(f"unknown per-minute variables {sorted(per_minute)}; expected some of {list(MINUTE_FLAGS)}")
    cohort = xr.Dataset(data, coords, {**_as_json(attrs or {}), "lsmlib_version": version("lsmlib")})
    for name, text in LONG_NAMES.items():
        if name in cohort.variables:
            cohort[name].attrs["long_name"] = text
    return check_cohort(cohort)


def _as_floats(signals: Any) -> Any:
    lazy = dask.is_dask_collection(signals)
    signals = signals if lazy else np.asarray(signals)
    if signals.dtype.kind not in "fiu":
        raise ValueError(f"signals is {signals.dtype}; expected numbers, NaN at gaps")
    if signals.ndim != 3 or signals.shape[1:] != (MINUTES_PER_DAY, len(SIGNALS)):
        raise ValueError(f"signals has shape {signals.shape}; expected (days, {MINUTES_PER_DAY}, {len(SIGNALS)})")
    return signals.astype(np.float32) if lazy else np.asarray(signals, np.float32)


def _as_dates(date: Any, days: int) -> np.ndarray:
    try:
        dates = np.asarray(pd.DatetimeIndex(np.asarray(date)).to_numpy(), "datetime64[D]")
    except (ValueError, TypeError) as error:
        raise ValueError(f"date cannot be read as dates: {error}") from error
    if dates.shape != (days,):
        raise ValueError(f"date has shape {dates.shape}; expected one date a day of signals: ({days},)")
    return dates.astype("datetime64[ns]")  # the unit that xarray reads back from a store


def _flags(name: str, given: Any, signals: Any) -> tuple[tuple[str, ...], Any, dict[str, Any]]:
    """A variable of codes with CF-style ``flag_values`` and ``flag_meanings``; all -1 where nothing is given."""
    dims = ("day", "minute", "signal") if name == "missing_mode" else ("day", "minute")
    meanings: dict[int, str] = dict(MINUTE_FLAGS[name])
    shape = signals.shape[: len(dims)]
    if given is None:
        lazy = dask.is_dask_collection(signals)
        codes = da.full(shape, -1, np.int8, chunks=signals.chunks[: len(dims)]) if lazy else np.full(shape, -1, np.int8)
    else:
        codes, names = given if isinstance(given, tuple) else (given, ())
        meanings |= names if isinstance(names, Mapping) else dict(enumerate(names))
        codes = codes if dask.is_dask_collection(codes) else np.asarray(codes)
        if codes.shape != shape or codes.dtype.kind not in "biu":
            raise ValueError(f"{name} is {codes.dtype} of shape {codes.shape}; expected integers of shape {shape}")
        # Codes that are lazy are trusted here: they come from the package's own simulator or from a store.
        unknown = [] if dask.is_dask_collection(codes) else sorted(set(np.unique(codes).tolist()) - set(meanings))
        if unknown:
            raise ValueError(f"{name} holds codes {unknown} without a name; give {name}=(codes, names)")
        codes = codes.astype(np.int8)
    values = sorted(meanings)
    # CF separates meanings by blanks, so a blank inside a name becomes an underscore.
    text = " ".join(meanings[value].replace(" ", "_") for value in values)
    return dims, codes, {"flag_values": values, "flag_meanings": text}


def _as_json(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as they will be read back from a store, where they are JSON: a tuple becomes a list now, not then."""
    try:
        return json.loads(json.dumps(dict(attrs)))
    except TypeError as error:
        raise ValueError(f"attrs must be JSON (text, numbers, lists, dicts): {error}") from error
