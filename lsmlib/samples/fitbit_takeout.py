"""Days of a Cohort as Google Takeout hands out the data of a Fitbit."""

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lsmlib.checks import check_whole
from lsmlib.samples.one_person import (
    find_stretches,
    guess_birth,
    join_nights,
    minutes_of,
    signal_of,
    take_person,
    to_utc,
    write_whole,
)
from lsmlib.signals import MINUTES_PER_DAY

SIGNALS = ("heart_rate", "steps", "rmssd")
LONGEST_WAKING = 60  # minutes; being awake longer ends a log of sleep
SHORT_WAKING = 3  # minutes; such waking is told apart from the stages, in shortData
HRV_EVERY = 5  # minutes


def write_fitbit_takeout(cohort: xr.Dataset, folder: str | Path, *, seed: int = 0, timezone: str = "UTC") -> Path:
    """Write the days of one person as Google Takeout exports them, for ``lsmlib.read_fitbit_takeout``.

    Heart rate in whole beats some times a minute, whose mean is that of the minute to an eighth of a beat; steps and
    calories by the minute, steps in whole numbers; ``rmssd`` every five minutes asleep; sleep with its stages; a
    resting heart rate and a root mean square of successive differences a day.

    Args:
        cohort: a Cohort with whole days of one person.
        folder: where ``Takeout`` is made. Files of the same name there are replaced one by one, each when it is whole.
        seed: of what the Cohort does not say: seconds within the minute, stages of sleep, confidence.
        timezone: the IANA name of the zone whose clock the Cohort's is; it goes into the profile. Readings in the hour
            that is skipped in spring are left out.

    Returns:
        The path of ``Takeout``.

    Raises:
        ValueError: if the Cohort has several people, windows, or none of these signals.
    """
    check_whole("seed", seed, 0, 2**32 - 1)
    cohort = take_person(cohort, SIGNALS)
    draw = np.random.default_rng(seed)
    takeout = Path(folder) / "Takeout"
    data = takeout / "Fitbit" / "Global Export Data"
    variability = takeout / "Fitbit" / "Heart Rate Variability"
    _write_profile(takeout / "Fitbit" / "Your Profile" / "Profile.csv", cohort, timezone)
    _write_heart_rate(data, cohort, timezone, draw)
    for name in ("steps", "calories"):
        if name in cohort or name == "steps":
            _write_totals(data, cohort, name, timezone)
    _write_sleep(data, cohort, draw)
    _write_resting(data, cohort)
    _write_variability(variability, cohort)
    return takeout


def _write_profile(path: Path, cohort: xr.Dataset, timezone: str) -> None:
    birth = guess_birth(cohort)
    about = {
        "id": "9ZZZZZ",
        "full_name": "Kim Sample",
        "display_name": "Kim S.",
        "email_address": "kim@example.org",
        "date_of_birth": "" if birth is None else str(birth),
        "timezone": timezone,
        "gender": str(cohort["sex"].values[0]).upper() or "NA",
        "about_me": 'Likes "walks",\nand rests',
    }
    with write_whole(path) as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(about)
        rows.writerow(about.values())


def _write_json(path: Path, entries: list[dict[str, Any]]) -> None:
    """Entries as Fitbit prints them, blanks before colons."""
    with write_whole(path) as file:
        file.write("[" + ",".join(json.dumps(entry, indent=2, separators=(",", " : ")) for entry in entries) + "]")


def _observed(cohort: xr.Dataset, name: str, timezone: str) -> tuple[np.ndarray, np.ndarray]:
    """Minutes with a reading that the clock has shown, in UTC, and the readings."""
    minute, value = minutes_of(cohort), signal_of(cohort, name)
    kept = ~np.isnan(value)
    seconds = minute[kept] * 60
    utc, wall = to_utc(seconds, timezone)
    return utc[wall == seconds] // 60, value[kept][wall == seconds]


def _tell(seconds: int) -> str:
    return np.datetime64(seconds, "s").astype(object).strftime("%m/%d/%y %H:%M:%S")


def _write_heart_rate(data: Path, cohort: xr.Dataset, timezone: str, draw: np.random.Generator) -> None:
    minute, value = _observed(cohort, "heart_rate", timezone)
    days: dict[int, list[dict[str, Any]]] = defaultdict(list)
    count = draw.integers(4, 9, len(minute))
    total = np.round(value * count).astype(int)
    for start, readings, beats in zip(minute.tolist(), count.tolist(), total.tolist(), strict=True):
        base, more = divmod(beats, readings)
        seconds = np.sort(draw.choice(60, readings, replace=False)).tolist()
        for number, second in enumerate(seconds):
            entry = {"bpm": base + (number < more), "confidence": int(draw.integers(1, 4))}
            days[start // MINUTES_PER_DAY].append({"dateTime": _tell(start * 60 + second), "value": entry})
    for day, entries in days.items():
        # What the device writes when it lies on a table; confidence 0 tells that it is no measurement.
        entries.append({"dateTime": _tell(day * 86_400 + 86_399), "value": {"bpm": 70, "confidence": 0}})
        _write_json(data / f"heart_rate-{np.datetime64(day, 'D')}.json", entries)


def _write_totals(data: Path, cohort: xr.Dataset, name: str, timezone: str) -> None:
    minute, value = _observed(cohort, name, timezone)
    months: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one, amount in zip(minute.tolist(), value.tolist(), strict=True):
        month = str(np.datetime64(one, "m").astype("datetime64[M]"))
        text = f"{amount:.0f}" if name == "steps" else f"{amount:.2f}"
        months[month].append({"dateTime": _tell(one * 60), "value": text})
    for month, entries in months.items():
        _write_json(data / f"{name}-{month}-01.json", entries)


def _write_sleep(data: Path, cohort: xr.Dataset, draw: np.random.Generator) -> None:
    nights = join_nights(find_stretches(minutes_of(cohort), signal_of(cohort, "asleep")), LONGEST_WAKING)
    months: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for number, night in enumerate(nights):
        stages: list[dict[str, Any]] = []
        short = []
        for start, stop, code in night:
            entry = {"dateTime": _iso(start), "level": "wake", "seconds": 60 * (stop - start)}
            if code == 0 and stop - start <= SHORT_WAKING:  # the stage goes on beneath it
                short.append(entry)
                stages[-1]["seconds"] += entry["seconds"]
            elif code == 0:
                stages.append(entry)
            else:
                stages.append(entry | {"level": ("light", "deep", "rem")[int(draw.integers(3))]})
        start, stop = night[0][0], night[-1][1]
        asleep = sum(b - a for a, b, code in night if code == 1)
        log = {
            "logId": 40_000_000_000 + number,
            "dateOfSleep": _iso(stop)[:10],
            "startTime": _iso(start),
            "endTime": _iso(stop),
            "duration": 60_000 * (stop - start),
            "minutesAsleep": asleep,
            "minutesAwake": stop - start - asleep,
            "timeInBed": stop - start,
            "type": "stages",
            "infoCode": 0,
            "levels": {"summary": {"wake": {"count": len(short)}}, "data": stages, "shortData": short},
            "mainSleep": asleep > 180,
        }
        months[str(np.datetime64(stop, "m").astype("datetime64[M]"))].append(log)
    for month, logs in months.items():
        _write_json(data / f"sleep-{month}-01.json", logs[::-1])  # the newest first


def _iso(minute: int) -> str:
    return f"{np.datetime64(minute, 'm')}:00.000"


def _write_resting(data: Path, cohort: xr.Dataset) -> None:
    years: dict[str, list[dict[str, Any]]] = defaultdict(list)
    values = signal_of(cohort, "heart_rate_at_rest").reshape(-1, MINUTES_PER_DAY)
    for date, of_day in zip(cohort["date"].values.astype("datetime64[D]"), values, strict=True):
        time = date.astype(object).strftime("%m/%d/%y")
        known = of_day[~np.isnan(of_day)]
        value: dict[str, Any] = {"date": None, "value": 0.0, "error": 0.0}
        if len(known):
            value = {"date": time, "value": round(float(np.median(known)), 6), "error": 6.5}
        years[str(date)[:4]].append({"dateTime": f"{time} 00:00:00", "value": value})
    for year, entries in years.items():
        _write_json(data / f"resting_heart_rate-{year}-01-01.json", entries)


def _write_variability(folder: Path, cohort: xr.Dataset) -> None:
    minute, value = minutes_of(cohort), signal_of(cohort, "rmssd")
    kept = ~np.isnan(value) & (minute % HRV_EVERY == 0) & (signal_of(cohort, "asleep") == 1)
    minute, value = minute[kept], value[kept]
    for day in np.unique(minute // MINUTES_PER_DAY).tolist():
        here = minute // MINUTES_PER_DAY == day
        date = str(np.datetime64(day, "D"))
        with write_whole(folder / f"Heart Rate Variability Details - {date}.csv") as file:
            file.write("timestamp,rmssd,coverage,low_frequency,high_frequency\n")
            for one, rmssd in zip(minute[here].tolist(), value[here].tolist(), strict=True):
                file.write(f"{np.datetime64(one, 'm')}:00,{rmssd:.3f},0.98,512.25,301.5\n")
        with write_whole(folder / f"Daily Heart Rate Variability Summary - {date[:8]}({date[8:]}).csv") as file:
            mean = float(value[here].mean())
            file.write(f"timestamp,rmssd,nremhr,entropy\n{date}T00:00:00,{mean:.3f},55.1,2.8\n")
