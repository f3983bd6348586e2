"""Apple Health: everything an iPhone and its Watch have stored, as Health exports it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from lsmlib.checks import check_whole
from lsmlib.readers.apple_records import Columns, Records, count_minutes
from lsmlib.readers.apple_types import OF_DAY, QUANTITIES, SEXES, SLEEP, WORKOUTS
from lsmlib.readers.apple_xml import find_export, parse_export
from lsmlib.readers.clock import check_timezone, split_at_clock_changes
from lsmlib.readers.minutes import MINUTE, expand
from lsmlib.readers.people import parse_birth, with_age
from lsmlib.readers.recording import LONGEST_SPAN, Recording
from lsmlib.readers.wear import check_non_wear

_STEPS, _HEART = "HKQuantityTypeIdentifierStepCount", "HKQuantityTypeIdentifierHeartRate"


def read_apple_health(
    path: str | Path,
    *,
    person: str = "me",
    timezone: str | None = None,
    non_wear: str | None = None,
    prefer: Sequence[str] = ("watch",),
    zeros_near_heart_beats: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Read the export of Apple Health (in Health: your picture, Export All Health Data).

    ==============================  ===================================================================================
    heart rate                      ``heart_rate``, the mean of the minute's readings
    heart rate variability          ``sdnn`` in the minute in which the measurement ends. Apple measures for about one
                                    minute; the signal's five would give somewhat higher values
    steps                           ``steps``, spread evenly over the stretch for which they were counted
    sleep                           ``asleep [d, t]``: 1 in any stage of sleep, 0 awake; "in bed" says neither
    workouts                        ``activity [d, t]``: HealthKit's own numbers of the kinds of workout, named
    resting heart rate              ``resting_heart_rate [d]`` in bpm; the last value Apple gives for a day
    wrist temperature in sleep      ``sleeping_wrist_temperature [d]`` in °C, on the day on which the night ended
    date of birth, sex              ``age [d]`` in whole years, ``sex [d]``
    ==============================  ===================================================================================

    Several devices measure the same: in a minute that two of them have measured, one counts. Steps that the phone
    spreads over minutes in which the watch has no record are still the phone's. A minute that the watch measured in
    part counts as the watch's, so the first and last minutes of its records may be a little low. Apple writes no zeros:
    minutes without a step record are gaps, whether the watch was worn or not.

    Args:
        path: ``export.xml``, the folder ``apple_health_export``, or ``export.zip`` as it is.
        person: whose it is.
        timezone: the IANA name of where the person was, such as ``"Europe/Berlin"``: times are told on the clock of its
            walls. By default they stay on the clock on which the phone wrote them.
        non_wear: ``"choi"`` or ``"stepless_day"`` (see ``readers.wear``); what zeros there are become gaps.
        prefer: words, capitals aside, in names of sources or models of devices, the most trusted first. Then come the
            others, in the order of how many minutes they recorded.
        zeros_near_heart_beats: minutes, 0 to 60. Minutes without a step record are given 0 steps where a heart rate was
            measured at most so many minutes before or after. None leaves gaps.
        progress: whether to show a bar.

    Returns:
        A Cohort: every civil day with a reading; NaN where a signal was not measured. Days are laid out lazily when
        there are many. ``lsmlib.describe_reading`` tells what was dropped and why, and which records were skipped.

    Raises:
        ValueError: for a file that is no export of Apple Health, damaged, cut off or edited; units and dates that Apple
            does not write; an export without any reading. The message names file and line.
        FileNotFoundError: if there is no such file.
    """
    words = _check_arguments(person, timezone, prefer, zeros_near_heart_beats)
    check_non_wear(non_wear)
    file, member = find_export(Path(path))
    name = file.name if member is None else f"{Path(member).name} in {file.name}"
    records = Records(name, timezone)
    takers = {"Record": records.take_record, "Workout": records.take_workout, "Me": records.take_me}
    parse_export(file, member, takers, records.flush, progress)
    records.finish()

    recording = Recording("read_apple_health", "Apple Health", timezone=timezone)
    recording.add_file(file, records.rows)
    if timezone is None:
        recording.note("times are on the clock on which the phone wrote them; timezone= tells them in another zone")
    if zeros_near_heart_beats is not None:
        _add_zeros(recording, person, records, zeros_near_heart_beats, len(records.sources))
    for kind in QUANTITIES:
        _add_quantity(recording, person, kind, records, words)
    _add_states(recording, person, "asleep", _take(records, SLEEP, words))
    names = {code: name for name, code in WORKOUTS.items()}
    _add_states(recording, person, "activity", _take(records, "Workout", words), names)
    for (what, why), count in records.dropped.items():
        recording.drop(what, why, count)
    if records.skipped:
        most = [f"{count:,} {kind}" for kind, count in records.skipped.most_common(8)]
        more = f" and {len(records.skipped) - 8} more types" if len(records.skipped) > 8 else ""
        recording.note(f"{records.skipped.total():,} records of other types were skipped: {', '.join(most)}{more}")
    birth = _label(recording, person, records)
    cohort = recording.to_cohort(non_wear=non_wear)
    for of_day, (_, _, unit, meaning) in OF_DAY.items():
        if of_day in cohort:
            cohort[of_day].attrs |= {"units": unit, "long_name": meaning}
    return cohort if birth is None else with_age(cohort, birth)


def _check_arguments(person: str, timezone: str | None, prefer: Sequence[str], zeros: int | None) -> list[str]:
    if not isinstance(person, str) or not person:
        raise ValueError(f"person is {person!r}; expected text that is not empty")
    if isinstance(prefer, str) or not all(isinstance(word, str) and word for word in prefer):
        raise ValueError(f"prefer is {prefer!r}; expected a sequence of words, such as ('watch', 'iphone')")
    if timezone is not None:
        check_timezone(timezone)
    if zeros is not None:
        check_whole("zeros_near_heart_beats", zeros, 0, 60)
    return [word.lower() for word in prefer]


def _take(records: Records, kind: str, words: list[str]) -> list[list[Columns]]:
    """The columns of a type, a list for every source, the most trusted first; they are taken out of ``records``."""
    found = {}
    for source, number in records.sources.items():
        parts = records.columns.pop((kind, number), None)
        if parts:
            named = " ".join(source).lower()
            place = next((i for i, word in enumerate(words) if word in named), len(words))
            found[place, -count_minutes(parts), source] = parts
    return [found[key] for key in sorted(found)]


def _add_quantity(recording: Recording, person: str, kind: str, records: Records, words: list[str]) -> None:
    name, how, time, _ = QUANTITIES[kind]
    sources = _take(records, kind, words)
    if how == "day":
        _add_of_day(recording, person, name, time, sources)
        return
    for rank, parts in enumerate(sources):
        while parts:  # freed one by one: both copies of ten years would not fit
            part = parts.pop()
            if how == "reading":
                recording.add(person, name, part.start, part.value, offset=part.offset, rank=rank)
            else:
                row, start, end, offset, share = _split_totals(part)
                recording.add_totals(person, name, start, end, part.value[row] * share, offset=offset, rank=rank)


def _split_totals(part: Columns) -> tuple[np.ndarray, ...]:
    second = np.timedelta64(1000, "ms")
    length = (part.end - part.end_offset * second) - (part.start - part.offset * second)
    is_long = length > np.timedelta64(LONGEST_SPAN, "m")  # of real time: clocks set back would hide it
    end = np.where(is_long, part.start + length, part.end)
    return split_at_clock_changes(part.start, end, part.offset, np.where(is_long, part.offset, part.end_offset))


def _add_of_day(recording: Recording, person: str, name: str, time: str, sources: list[list[Columns]]) -> None:
    low, high, unit, _ = OF_DAY[name]
    for parts in reversed(sources):  # what is added later replaces what was there
        start, end, value = (
            np.concatenate([getattr(part, field) for part in parts]) for field in ("start", "end", "value")
        )
        in_range = (value >= low) & (value <= high)
        recording.drop(name, f"outside {low:g} to {high:g} {unit}", int((~in_range).sum()))
        date = (start if time == "start" else end).astype("datetime64[D]")
        for row in np.lexsort((value, start, end)).tolist():
            if in_range[row]:
                recording.add_of_day(person, name, date[row], value[row])


def _add_states(
    recording: Recording, person: str, name: str, sources: list[list[Columns]], names: dict[int, str] | None = None
) -> None:
    """Add stretches so that the most trusted source comes last, and of one source waking after sleep."""
    for parts in reversed(sources):
        whole = Columns(*(np.concatenate(field) for field in zip(*parts, strict=True)))
        row, start, end, _, _ = split_at_clock_changes(whole.start, whole.end, whole.offset, whole.end_offset)
        code = whole.value[row].astype(np.int8)
        order = np.lexsort((end, start, -code))
        recording.add_states(person, name, start[order], end[order], code[order], names or ())


def _add_zeros(recording: Recording, person: str, records: Records, near: int, rank: int) -> None:
    """No steps where a heart beat was measured nearby and no step record lies."""
    hearts = [part for (kind, _), parts in records.columns.items() if kind == _HEART for part in parts]
    steps = [part for (kind, _), parts in records.columns.items() if kind == _STEPS for part in parts]
    if not hearts:
        recording.note("zeros_near_heart_beats had nothing to look at: there is no heart rate")
        return
    beats = np.concatenate([(part.start.astype(np.int64) - 1000 * part.offset) // MINUTE for part in hearts])
    ahead = np.concatenate([part.offset for part in hearts])
    beats, first = np.unique(beats, return_index=True)
    ahead = ahead[first]
    # Every minute takes the clock of the nearest beat; beats are minutes in order, so each is covered once.
    middle = (beats[:-1] + beats[1:]) // 2
    start = np.maximum(beats - near, np.concatenate([[beats[0] - near], middle + 1]))
    stop = np.minimum(beats + near, np.concatenate([middle, [beats[-1] + near]])) + 1
    row, minute = expand(start, stop)
    known = np.zeros(len(minute), bool)
    for part in steps:
        begin = part.start.astype(np.int64) - 1000 * part.offset
        finish = np.maximum(part.end.astype(np.int64) - 1000 * part.end_offset - 1, begin)
        is_sound = finish - begin < LONGEST_SPAN * MINUTE
        known |= np.isin(minute, expand(begin[is_sound] // MINUTE, finish[is_sound] // MINUTE + 1)[1])
    utc, ahead = minute[~known], ahead[row[~known]]
    wall = (utc * MINUTE + 1000 * ahead.astype(np.int64)).astype("datetime64[ms]")
    recording.add(person, "steps", wall, np.zeros(len(wall)), how="sum", offset=ahead, rank=rank)
    recording.note(f"{len(wall):,} minutes without a step record have 0 steps: zeros_near_heart_beats={near}")


def _label(recording: Recording, person: str, records: Records) -> np.datetime64 | None:
    """Remember the sex, and give the date of birth, if the person has told Apple."""
    sex = SEXES.get(records.me.get("HKCharacteristicTypeIdentifierBiologicalSex", ""))
    if sex is not None:
        recording.label(person, sex=sex)
    birth = records.me.get("HKCharacteristicTypeIdentifierDateOfBirth", "")
    return parse_birth(birth, f"{records.name}, line {records.me_line}")
