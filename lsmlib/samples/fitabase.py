"""A Cohort's days as a Fitabase export."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import xarray as xr

_HOURS = [f"{hour % 12 or 12}:{{}} {'AM' if hour < 12 else 'PM'}" for hour in range(24)]
_MINUTES = [_HOURS[minute // 60].format(f"{minute % 60:02d}:00") for minute in range(1440)]
_BEATS = 12  # heart rates a minute, one every 5 s
_NIGHT_GAP = 60  # minutes awake after which sleep is another night's
_NARROW = {
    "steps": ("minuteStepsNarrow_merged.csv", "Steps"),
    "intensity": ("minuteIntensitiesNarrow_merged.csv", "Intensity"),
    "calories": ("minuteCaloriesNarrow_merged.csv", "Calories"),
    "mets": ("minuteMETsNarrow_merged.csv", "METs"),
}


def write_fitabase(cohort: xr.Dataset, folder: str | Path, *, seed: int = 0) -> list[Path]:
    """Write steps, heart rate and sleep of a Cohort in the layout of a Fitabase export.

    Steps are whole numbers, in a narrow and a wide file; heart rate is whole numbers every 5 s whose mean is the
    minute's, to 1/24 bpm. Nights are stretches of sleep with less than an hour awake between: awake in their midst is
    written, and awake by day is not, as Fitbit does. ``intensity``, ``calories`` and ``mets`` are written if the Cohort
    has them. Gaps have no row, and no number in a row of an hour; a Fitbit would write zeros.

    Args:
        cohort: a Cohort of whole days.
        folder: where to; made if it is not there.
        seed: for the order of heart rates within a minute, and which nights begin at half a minute.

    Returns:
        The files. Reading them with ``lsmlib.read_fitabase`` gives the same signals, rounded as above.

    Raises:
        ValueError: if the Cohort has neither steps nor heart rate, or no whole days.
    """
    if cohort.sizes["minute"] != 1440:
        raise ValueError(f"the Cohort has {cohort.sizes['minute']} minutes a day; expected whole days of 1440")
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    people = cohort["person"].values.astype(str)
    dates = [
        f"{date.month}/{date.day}/{date.year}" for date in cohort["date"].values.astype("datetime64[D]").astype(object)
    ]
    days = [f"{one},{date}" for one, date in zip(people.tolist(), dates, strict=True)]
    heart = cohort["signals"].sel(signal="heart_rate").values
    minutes = {name: cohort[name].values for name in _NARROW if name in cohort}
    minutes["steps"] = cohort["signals"].sel(signal="steps").values
    if np.isnan(heart).all() and np.isnan(minutes["steps"]).all():
        raise ValueError("the Cohort has neither steps nor heart_rate; expected one of them")
    files: list[Path] = []
    for name, values in minutes.items():
        if not np.isnan(values).all():
            file, column = _NARROW[name]
            text = _as_text(name, values)
            narrow = (
                f"{day} {_MINUTES[minute]},{text[row, minute]}"
                for row, day in enumerate(days)
                for minute in np.flatnonzero(text[row] != "").tolist()
            )
            files.append(_write(place / file, f"Id,ActivityMinute,{column}", narrow))
            wide = [
                f"{day} {_MINUTES[60 * hour]},{','.join(text[row, 60 * hour : 60 * hour + 60])}"
                for row, day in enumerate(days)
                for hour in range(24)
                if (text[row, 60 * hour : 60 * hour + 60] != "").any()
            ]
            header = ",".join(["Id", "ActivityHour", *(f"{column}{minute:02d}" for minute in range(60))])
            files.append(_write(place / file.replace("Narrow", "Wide"), header, wide))
    if not np.isnan(heart).all():
        files.append(_write(place / "heartrate_seconds_merged.csv", "Id,Time,Value", _heart_rows(heart, days, rng)))
    if (cohort["asleep"].values == 1).any():
        files += _write_sleep(cohort, place, people, rng)
    return files


def _as_text(name: str, values: np.ndarray) -> np.ndarray:
    gaps = np.isnan(values)
    if name == "calories":
        text = np.char.mod("%.5f", np.where(gaps, 0, values))
    else:
        text = np.char.mod("%d", np.round(np.where(gaps, 0, values) * (10 if name == "mets" else 1)))
    return np.where(gaps, "", text)


def _heart_rows(heart: np.ndarray, days: list[str], rng: np.random.Generator) -> Iterator[str]:
    """Twelve whole numbers a minute, which differ by one at most."""
    seconds = [f"{5 * beat:02d}" for beat in range(_BEATS)]
    for values, day in zip(heart, days, strict=True):
        known = np.flatnonzero(~np.isnan(values))
        total = np.round(values[known] * _BEATS).astype(int)
        beats = total[:, None] // _BEATS + (np.arange(_BEATS) < total[:, None] % _BEATS)
        beats = rng.permuted(beats, axis=1)
        for minute, of in zip(known.tolist(), beats.tolist(), strict=True):
            start, half = _MINUTES[minute].rsplit(":", 1)[0], _MINUTES[minute][-2:]
            yield from (f"{day} {start}:{second} {half},{beat}" for second, beat in zip(seconds, of, strict=True))


def _write_sleep(cohort: xr.Dataset, place: Path, people: np.ndarray, rng: np.random.Generator) -> list[Path]:
    asleep = cohort["asleep"].values
    midnight = cohort["date"].values.astype("datetime64[m]").astype(np.int64)
    minute_rows, day_rows, log = [], [], 11_000_000_000
    for one in np.unique(people).tolist():
        mine = people == one
        time = (midnight[mine][:, None] + np.arange(1440)).ravel()
        state = asleep[mine].ravel()
        order = np.argsort(time)
        time, state = time[order], state[order]
        time, state = time[state >= 0], state[state >= 0]
        slept = np.flatnonzero(state == 1)
        of_day: dict[np.datetime64, list[int]] = {}
        if not len(slept):
            continue
        for night in np.split(slept, np.flatnonzero(np.diff(time[slept]) > _NIGHT_GAP) + 1):
            log += 1
            second = int(rng.integers(2)) * 30
            stretch = slice(night[0], night[-1] + 1)
            for stamp, code in zip(time[stretch].tolist(), state[stretch].tolist(), strict=True):
                minute_rows.append(f"{one},{_stamp(stamp, second)},{1 if code == 1 else 3},{log}")
            woke = np.datetime64(int(time[night[-1]]), "m").astype("datetime64[D]")
            records, minutes, in_bed = of_day.get(woke, [0, 0, 0])
            of_day[woke] = [records + 1, minutes + len(night), in_bed + int(time[night[-1]] - time[night[0]]) + 1]
        for date, (records, minutes, in_bed) in of_day.items():
            noon = date.astype("datetime64[m]").astype(np.int64)
            day_rows.append(f"{one},{_stamp(int(noon), 0)},{records},{minutes},{in_bed}")
    return [
        _write(place / "minuteSleep_merged.csv", "Id,date,value,logId", minute_rows),
        _write(
            place / "sleepDay_merged.csv", "Id,SleepDay,TotalSleepRecords,TotalMinutesAsleep,TotalTimeInBed", day_rows
        ),
    ]


def _stamp(minute: int, second: int) -> str:
    date = np.datetime64(minute, "m").astype(object)
    clock = _MINUTES[minute % 1440]
    return f"{date.month}/{date.day}/{date.year} {clock.replace(':00 ', f':{second:02d} ')}"


def _write(path: Path, header: str, rows: Iterable[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write(f"{header}\n")
        file.writelines(f"{row}\n" for row in rows)
    return path
