"""Days of a Cohort as the export of Apple Health."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import xarray as xr

from lsmlib.checks import check_whole
from lsmlib.readers.apple_types import IN_BED, SEXES, WORKOUT_PREFIX, WORKOUTS
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

SIGNALS = ("heart_rate", "steps", "sdnn")
LONGEST_WAKING = 120  # minutes; being awake longer ends a night
PHONE_RECORD = 10  # minutes that a step record of the phone lasts at most
# What the simulator and others call activities where HealthKit has another word; the rest is compared by letters.
KINDS = {
    "walk": "Walking",
    "run": "Running",
    "treadmill": "Running",
    "outdoorbike": "Cycling",
    "bike": "Cycling",
    "spinning": "Cycling",
    "swim": "Swimming",
    "weightlifting": "TraditionalStrengthTraining",
    "strengthtraining": "FunctionalStrengthTraining",
    "hiit": "HighIntensityIntervalTraining",
    "aerobicworkout": "MixedCardio",
    "hike": "Hiking",
    "stairclimber": "StairClimbing",
    "skiing": "DownhillSkiing",
    "kayaking": "PaddleSports",
} | {name.lower(): name for name in WORKOUTS}
_PROLOG = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 13 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Workout)*)>
<!ATTLIST HealthData locale CDATA #REQUIRED>
<!ELEMENT ExportDate EMPTY>
<!ATTLIST ExportDate value CDATA #REQUIRED>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
<!ATTLIST Record
  type CDATA #REQUIRED
  unit CDATA #IMPLIED
  value CDATA #IMPLIED
>
<!-- a list without its beginning, as some versions of iOS have written it -->
  device CDATA #IMPLIED
>
]>
"""


def write_apple_health(cohort: xr.Dataset, folder: str | Path, *, seed: int = 0, timezone: str = "UTC") -> Path:
    """Write the days of one person as Apple Health exports them, for ``lsmlib.read_apple_health``.

    Heart rate, steps and ``sdnn`` are written with a record a minute, sleep and activities as the watch and the phone
    tell them; of the resting heart rate and the skin temperature asleep, a number a day. Steps are whole numbers, and
    minutes without a step have no record, as from the device. The phone counts some of the same steps again.

    Args:
        cohort: a Cohort with whole days of one person.
        folder: where ``apple_health_export`` is made; an export there is replaced when the new one is whole.
        seed: of what the Cohort does not say: seconds within the minute, stages of sleep, what the phone counts.
        timezone: the IANA name of the zone whose clock the Cohort's is. Readings in the hour that is skipped in spring
            are left out.

    Returns:
        The path of ``export.xml``.

    Raises:
        ValueError: if the Cohort has several people, windows, or none of these signals.
    """
    check_whole("seed", seed, 0, 2**32 - 1)
    cohort = take_person(cohort, SIGNALS)
    draw = np.random.default_rng(seed)
    path = Path(folder) / "apple_health_export" / "export.xml"
    clock = _Clock(timezone)
    with write_whole(path) as file:
        file.write(_PROLOG)
        file.write('<HealthData locale="en_US">\n')
        exported = (int(minutes_of(cohort)[-1]) + 600) * 60
        file.write(f' <ExportDate value="{clock.tell([exported])[0]}"/>\n')
        file.write(_me(cohort))
        for records in (_heart_rate, _steps, _sdnn, _of_days, _sleep, _workouts):
            file.writelines(records(cohort, clock, draw))
        file.write("</HealthData>\n")
    return path


class _Clock:
    def __init__(self, timezone: str):
        self.timezone = timezone

    def tell(self, seconds: object) -> list[str]:
        """Times on the wall as Apple writes them; of those that were skipped, the end of the skipped hour."""
        utc, wall = to_utc(np.asarray(seconds, np.int64), self.timezone)
        ahead = wall - utc
        text = np.datetime_as_string(wall.astype("datetime64[s]"), unit="s")
        signs = np.where(ahead < 0, "-", "+").tolist()
        parts = zip(text.tolist(), signs, np.abs(ahead).tolist(), strict=True)
        return [f"{one.replace('T', ' ')} {sign}{s // 3600:02d}{s % 3600 // 60:02d}" for one, sign, s in parts]

    def exists(self, seconds: np.ndarray) -> np.ndarray:
        """Whether the clock ever shows these times."""
        return to_utc(seconds, self.timezone)[1] == seconds


def _source(name: str, model: str, hardware: str, version: str) -> str:
    device = f"<<HKDevice: 0x28{len(name):x}d1c3c0>, name:{name}, manufacturer:Apple Inc., model:{model}, "
    device += f"hardware:{hardware}, software:{version}>"
    return f'sourceName={quoteattr(f"Kim’s {name}")} sourceVersion="{version}" device={quoteattr(device)}'


_WATCH = _source("Apple\u00a0Watch", "Watch", "Watch6,2", "10.3.1")
_PHONE = _source("iPhone", "iPhone", "iPhone14,5", "17.3.1")


def _record(kind: str, source: str, start: str, end: str, value: str, unit: str = "", inner: str = "") -> str:
    units = f'unit="{unit}" ' if unit else ""
    tag = f' <Record type="HK{kind}" {source} {units}creationDate="{end}" startDate="{start}" endDate="{end}" '
    return tag + (f'value="{value}">\n{inner} </Record>\n' if inner else f'value="{value}"/>\n')


def _entry(key: str, value: str) -> str:
    return f'  <MetadataEntry key="{key}" value="{value}"/>\n'


def _me(cohort: xr.Dataset) -> str:
    birth = guess_birth(cohort)
    sexes = {name: value for value, name in SEXES.items()}
    sex = sexes.get(str(cohort["sex"].values[0]), "HKBiologicalSexNotSet")
    return (
        f' <Me HKCharacteristicTypeIdentifierDateOfBirth="{"" if birth is None else birth}" '
        f'HKCharacteristicTypeIdentifierBiologicalSex="{sex}" '
        'HKCharacteristicTypeIdentifierBloodType="HKBloodTypeNotSet"/>\n'
    )


def _observed(cohort: xr.Dataset, name: str, clock: _Clock) -> tuple[np.ndarray, np.ndarray]:
    """Minutes with a reading that the clock has shown, and the readings."""
    minute, value = minutes_of(cohort), signal_of(cohort, name)
    kept = ~np.isnan(value)
    kept[kept] = clock.exists(minute[kept] * 60)
    return minute[kept], value[kept]


def _heart_rate(cohort: xr.Dataset, clock: _Clock, draw: np.random.Generator) -> Iterator[str]:
    minute, value = _observed(cohort, "heart_rate", clock)
    times = clock.tell(minute * 60 + draw.integers(0, 60, len(minute)))
    motion = draw.integers(0, 3, len(minute)).tolist()
    for time, bpm, context in zip(times, value.tolist(), motion, strict=True):
        inner = _entry("HKMetadataKeyHeartRateMotionContext", str(context))
        yield _record("QuantityTypeIdentifierHeartRate", _WATCH, time, time, f"{bpm:.6g}", "count/min", inner)


def _steps(cohort: xr.Dataset, clock: _Clock, draw: np.random.Generator) -> Iterator[str]:
    kind = "QuantityTypeIdentifierStepCount"
    minute, value = _observed(cohort, "steps", clock)
    count = np.round(value).astype(int)
    minute, count = minute[count > 0], count[count > 0]
    stops = clock.tell(minute * 60 + 59)
    for start, end, steps in zip(clock.tell(minute * 60), stops, count.tolist(), strict=True):
        yield _record(kind, _WATCH, start, end, str(steps), "count")
    # The phone tells of walks that the watch has counted in every minute, so it adds nothing that was not there.
    total = dict(zip(minute.tolist(), count.tolist(), strict=True))
    for first, stop, _ in find_stretches(minute, np.zeros(len(minute), int)):
        for begin in range(first, stop, PHONE_RECORD):
            until = min(begin + PHONE_RECORD, stop)
            if draw.random() < 0.6:
                counted = sum(total[one] for one in range(begin, until))
                start, end = clock.tell([begin * 60, until * 60 - 1])
                yield _record(kind, _PHONE, start, end, str(max(1, round(counted * draw.uniform(0.9, 1.1)))), "count")


def _sdnn(cohort: xr.Dataset, clock: _Clock, draw: np.random.Generator) -> Iterator[str]:
    kind = "QuantityTypeIdentifierHeartRateVariabilitySDNN"
    minute, value = _observed(cohort, "sdnn", clock)
    second = minute * 60 + draw.integers(0, 60, len(minute))
    starts, ends = clock.tell(second - 60), clock.tell(second)
    for number, (start, end, sdnn) in enumerate(zip(starts, ends, value.tolist(), strict=True)):
        beats = "".join(
            f'   <InstantaneousBeatsPerMinute bpm="{bpm}" time="{start[11:19]}.{beat:02d}"/>\n'
            for beat, bpm in enumerate(draw.integers(55, 75, 40).tolist() if number % 60 == 0 else ())
        )
        inner = f"  <HeartRateVariabilityMetadataList>\n{beats}  </HeartRateVariabilityMetadataList>\n" if beats else ""
        yield _record(kind, _WATCH, start, end, f"{sdnn:.6g}", "ms", inner)


def _of_days(cohort: xr.Dataset, clock: _Clock, draw: np.random.Generator) -> Iterator[str]:
    midnight = minutes_of(cohort)[::MINUTES_PER_DAY] * 60
    asleep = cohort["asleep"].values == 1
    day_of = {
        ("RestingHeartRate", "count/min"): (np.isfinite(resting := _grid(cohort, "heart_rate_at_rest")), resting),
        ("AppleSleepingWristTemperature", "degC"): (
            np.isfinite(skin := _grid(cohort, "skin_temperature")) & asleep,
            skin,
        ),
    }
    for (name, unit), (kept, values) in day_of.items():
        for day in np.flatnonzero(kept.any(axis=1)).tolist():
            start, end = clock.tell(midnight[day] + np.array([300, 25_000]))
            value = float(np.median(values[day][kept[day]]))
            yield _record(f"QuantityTypeIdentifier{name}", _WATCH, start, end, f"{value:.5g}", unit)
    for day in range(cohort.sizes["day"]):  # a type that is not read
        start, end = clock.tell(midnight[day] + np.array([36_000, 36_300]))
        yield _record("QuantityTypeIdentifierAppleStandTime", _WATCH, start, end, str(draw.integers(1, 6)), "min")


def _grid(cohort: xr.Dataset, name: str) -> np.ndarray:
    return signal_of(cohort, name).reshape(-1, MINUTES_PER_DAY)


def _sleep(cohort: xr.Dataset, clock: _Clock, draw: np.random.Generator) -> Iterator[str]:
    kind, stages = "CategoryTypeIdentifierSleepAnalysis", ("AsleepCore", "AsleepDeep", "AsleepREM")
    zone = _entry("HKTimeZone", clock.timezone)
    nights = join_nights(find_stretches(minutes_of(cohort), signal_of(cohort, "asleep")), LONGEST_WAKING)
    for night in nights:
        start, end = clock.tell([night[0][0] * 60, night[-1][1] * 60])
        yield _record(kind, _PHONE, start, end, IN_BED, inner=zone)
        for first, stop, code in night:
            cuts = [first, stop] if code == 0 else [*range(first, stop, int(draw.integers(20, 50))), stop]
            for begin, until in pairwise(cuts):
                name = "Awake" if code == 0 else stages[int(draw.integers(3))]
                start, end = clock.tell([begin * 60, until * 60])
                yield _record(kind, _WATCH, start, end, f"HKCategoryValueSleepAnalysis{name}", inner=zone)


def _workouts(cohort: xr.Dataset, clock: _Clock, draw: np.random.Generator) -> Iterator[str]:
    flags = cohort["activity"].attrs
    names = dict(zip(flags.get("flag_values", ()), flags.get("flag_meanings", "").split(), strict=True))
    heart = signal_of(cohort, "heart_rate")
    minutes = minutes_of(cohort)
    for first, stop, code in find_stretches(minutes, signal_of(cohort, "activity")):
        if code < 0:
            continue
        start, end = clock.tell([first * 60, stop * 60])
        letters = "".join(filter(str.isalpha, names[code])).lower()
        here = heart[(minutes >= first) & (minutes < stop)]
        here = here[~np.isnan(here)]
        statistics = (
            f'  <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" startDate="{start}" endDate="{end}" '
            f'average="{here.mean():.5g}" minimum="{here.min():.5g}" maximum="{here.max():.5g}" unit="count/min"/>\n'
            if len(here)
            else ""
        )
        yield (
            f' <Workout workoutActivityType="{WORKOUT_PREFIX}{KINDS.get(letters, "Other")}" duration="{stop - first}" '
            f'durationUnit="min" {_WATCH} creationDate="{end}" startDate="{start}" endDate="{end}">\n'
            f"{_entry('HKIndoorWorkout', str(draw.integers(2)))}"
            f'  <WorkoutEvent type="HKWorkoutEventTypeSegment" date="{start}" duration="{stop - first}" '
            f'durationUnit="min"/>\n{statistics} </Workout>\n'
        )
