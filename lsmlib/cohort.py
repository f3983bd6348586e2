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
``sex``            [d]        str         ``"female"``, ``"male"`` or other short text; ``""`` unknown
``activity``       [d, t]     int8        code of an activity, -1 none; names in ``flag_values, flag_meanings``
``asleep``         [d, t]     int8        1 asleep, 0 awake, -1 unknown
``mood``           [d, t]     int8        code of a mood in the minute it was logged, -1 none
``missing_mode``   [d, t, s]  int8        optional: why a reading is missing, -1 where it is not
=================  =========  ==========  =====================================================================

Arrays are numpy arrays, Dask arrays, or lazy views of a store (``lsmlib.open_cohort``). The windows that
``lsmlib.cut_windows`` makes are Cohorts too: they have fewer minutes, and say in ``start_minute [d]`` where they begin.
So are the days of ``lsmlib.evaluate.activity_days``, one for each activity, which begins at ``event_minute [d]``.
"""

import json
from collections.abc import Mapping
from datetime import date as Date
from datetime import datetime
from importlib.metadata import version
from typing import Any

import dask
import dask.array as da
import numpy as np
import xarray as xr

from lsmlib.checks import MINUTE_FLAGS, UNITS, check_cohort
from lsmlib.labels import read_labels
from lsmlib.signals import MINUTES_PER_DAY, SIGNAL_NAMES, SIGNALS, index_of

WHOLE_DAYS = "a day is 1,440 minutes from local midnight, NaN where nothing was recorded"

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

    A day always has the 1,440 minutes of the civil clock, also where clocks change. Whoever brings readings to that
    clock decides how: the hour that is skipped in spring is a gap (NaN), and of the hour that comes twice in autumn
    each minute holds one value, the mean of both readings or the later one.

    Args:
        signals: float ``[d, t, s]``, t = 1440, s = 26 in the order of ``SIGNALS``, physical units, NaN at gaps. Or, for
            a device with fewer signals, a dict from name to float ``[d, t]``, for example
            ``{"heart_rate": hr, "steps": steps}``; signals without a name there are all NaN. Arrays are numpy's, or
            anything that turns into them, or Dask's, which stay lazy.
        person: text or whole numbers ``[d]``; numbers are turned into text.
        date: local civil dates ``[d]``: datetime64, ``datetime.date`` or ISO 8601 text (``"2024-03-04"``). A time of
            day is dropped, and so is a time zone: the date is the one on the wall there, not the one in Greenwich.
        labels: any of ``age, sex, bmi, hypertension, anxiety, homa_ir``, each ``[d]`` or one value for all days; a
            dict, or a ``pandas.DataFrame`` with a row a day in the order of the days (its index is not looked at). They
            agree on all days of a person where they are known; age may change as time passes.
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
    coords = {
        "person": ("day", _as_people(person, days)),
        "date": ("day", _as_dates(date, days)),
        "signal": ("signal", np.array(SIGNAL_NAMES)),
    }
    data |= {name: ("day", values) for name, values in read_labels(labels, days).items()}
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
    if isinstance(signals, Mapping):
        return _stack(signals)
    signals = _as_numbers("signals", signals)
    if signals.ndim == 3 and signals.shape[1] != MINUTES_PER_DAY and signals.shape[2] == len(SIGNALS):
        raise ValueError(
            f"signals has shape {signals.shape}; expected (days, {MINUTES_PER_DAY}, {len(SIGNALS)}): {WHOLE_DAYS}"
        )
    if signals.ndim != 3 or signals.shape[1:] != (MINUTES_PER_DAY, len(SIGNALS)):
        raise ValueError(
            f"signals has shape {signals.shape}; expected (days, {MINUTES_PER_DAY}, {len(SIGNALS)}). If you have other "
            f'signals than these {len(SIGNALS)}, or fewer, pass a dict: {{"heart_rate": array [d, t], "steps": …}}; or '
            f"make an array of NaN and fill array[:, :, lsmlib.SIGNAL_NAMES.index(name)]"
        )
    return signals.astype(np.float32, copy=False)


def _stack(columns: Mapping[str, Any]) -> Any:
    """Signals ``[d, t, s]`` of named columns ``[d, t]``; a signal without a column is all NaN."""
    for name in columns:
        index_of(name)
    arrays = {name: _as_numbers(name, array) for name, array in columns.items()}
    if not arrays:
        raise ValueError("signals is an empty dict; expected at least one signal")
    days = next(iter(arrays.values())).shape[:1]
    for name, array in arrays.items():
        if array.shape != (*days, MINUTES_PER_DAY):
            raise ValueError(
                f"{name} has shape {array.shape}; expected ({days[0] if days else 'days'}, {MINUTES_PER_DAY}), as many "
                f"days as the first signal has: {WHOLE_DAYS}; one day alone is array[None]"
            )
    lazy = any(map(dask.is_dask_collection, arrays.values()))
    library = da if lazy else np
    gaps = library.full((*days, MINUTES_PER_DAY), np.nan, np.float32)
    signals = library.stack([arrays.get(name, gaps).astype(np.float32, copy=False) for name in SIGNAL_NAMES], axis=2)
    return signals.rechunk({1: -1, 2: -1}) if lazy else signals


def _as_numbers(name: str, array: Any) -> Any:
    array = array if dask.is_dask_collection(array) else np.asarray(array)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} is {array.dtype}; expected numbers, NaN at gaps")
    return array


def _as_people(person: Any, days: int) -> np.ndarray:
    people = np.asarray(person, object)  # as text, None and NaN would become people of these names
    if people.shape != (days,):
        raise ValueError(f"person has shape {people.shape}; expected one person a day of signals: ({days},)")
    for day, one in enumerate(people.tolist()):
        if isinstance(one, bool) or not isinstance(one, str | int | np.integer) or one == "":
            raise ValueError(
                f"person of day {day} is {one!r}; expected text that is not empty, or a whole number. "
                "Drop days of nobody; turn numbers with a decimal point into int or str"
            )
    return people.astype(np.str_)


def _as_dates(date: Any, days: int) -> np.ndarray:
    dates = np.asarray(date)
    if dates.shape != (days,):
        raise ValueError(f"date has shape {dates.shape}; expected one date a day of signals: ({days},)")
    if dates.dtype.kind != "M":
        dates = np.array([_as_date(one, day) for day, one in enumerate(dates.tolist())], "datetime64[D]")
    return dates.astype("datetime64[D]").astype("datetime64[ns]")  # the unit that xarray reads back from a store


def _as_date(one: Any, day: int) -> np.datetime64:
    """The date on the wall: that of a time with a zone is the zone's, not UTC's."""
    try:
        if isinstance(one, str):
            one = datetime.fromisoformat(one)
        if isinstance(one, Date):  # so are datetime.datetime and pandas.Timestamp
            one = np.datetime64(one.isoformat()[:10])
        if isinstance(one, np.datetime64):
            return one.astype("datetime64[D]")
    except ValueError:
        pass
    raise ValueError(
        f"date of day {day} is {one!r}; expected a local civil date: ISO 8601 text such as '2024-03-04', datetime64 or "
        "datetime.date"
    )


def _flags(name: str, given: Any, signals: Any) -> tuple[tuple[str, ...], Any, dict[str, Any]]:
    """A variable of codes with CF-style ``flag_values`` and ``flag_meanings``; all -1 where nothing is given."""
    dims = ("day", "minute", "signal") if name == "missing_mode" else ("day", "minute")
    meanings: dict[int, str] = dict(MINUTE_FLAGS[name])
    shape = signals.shape[: len(dims)]
    if given is None:
        lazy = dask.is_dask_collection(signals)
        codes = (
            da.full(shape, -1, dtype=np.int8, chunks=signals.chunks[: len(dims)])
            if lazy
            else np.full(shape, -1, np.int8)
        )
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
