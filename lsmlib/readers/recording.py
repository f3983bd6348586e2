"""What one reader has read, on its way to a Cohort: the one path beneath all formats.

A reader parses its format and hands readings over as arrays: whose, of what, when on the wall's clock, how much. Here
they are put in order, gathered by the minute, checked against plausible ranges and laid out as days. Whatever is
dropped is counted, by signal and reason, and told by ``lsmlib.describe_reading``.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from lsmlib.cohort import make_cohort
from lsmlib.readers.clock import EARLIEST, latest
from lsmlib.readers.extras import EXTRAS, RANGES
from lsmlib.readers.layout import Column, group_rows, lay_states
from lsmlib.readers.minutes import MINUTE, How, Minutes, as_float32, average_same
from lsmlib.readers.readings import Readings, as_ms, by_kind, gather_readings
from lsmlib.readers.wear import NON_WEAR, check_non_wear
from lsmlib.signals import MINUTES_PER_DAY, SIGNAL_NAMES, index_of

MOST_CONFLICTS = 0.1  # of readings may contradict others of the same time; more, and times have lost something
FEWEST_CONFLICTS = 3
LONGEST_SPAN = 60  # minutes; a total over longer says nothing about one of them
DAY = MINUTES_PER_DAY * MINUTE  # milliseconds
LONGEST_STATE = MINUTES_PER_DAY  # a sleep longer than a day is an error


class Recording:
    """Readings of one or many people, gathered into a Cohort by ``to_cohort``.

    Args:
        reader: the public function that reads, for the record.
        source: where the data come from, in words.
        licence: under which licence, if known.
        timezone: the IANA name of the time zone of the wall's clock, if known, for the record.
        earliest: readings dated before are dropped. (Dates of some published recordings are shifted on purpose.)
    """

    def __init__(
        self,
        reader: str,
        source: str,
        licence: str = "unknown",
        timezone: str | None = None,
        earliest: np.datetime64 = EARLIEST,
    ):
        self._earliest = earliest
        self._undated = f"dated before {str(earliest)[:4]} or in the future"
        self.reader, self.source, self.licence, self.timezone = reader, source, licence, timezone
        self._readings: dict[tuple[str, str, int], list[Readings]] = defaultdict(list)
        self._states: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = defaultdict(list)
        self._names: dict[str, Any] = {}
        self._derived: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {}
        self._labels: dict[str, dict[str, Any]] = defaultdict(dict)
        self._of_day: dict[str, dict[tuple[str, int], float]] = defaultdict(dict)
        self._files: list[dict[str, Any]] = []
        self._rows: Counter[str] = Counter()
        self._dropped: dict[str, Counter[str]] = defaultdict(Counter)
        self._notes: list[str] = []

    # --- what readers hand over ------------------------------------------------------------------------------------

    def add_file(self, path: Path, rows: int) -> None:
        """Remember a file that was read: its name, size, rows and SHA-256."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._files.append({"name": path.name, "bytes": path.stat().st_size, "rows": rows, "sha256": digest})

    def note(self, text: str) -> None:
        """Remember something the user should know about how the data were read."""
        if text not in self._notes:
            self._notes.append(text)

    def drop(self, name: str, reason: str, count: int = 1) -> None:
        """Count readings of ``name`` that a reader left out itself, and why."""
        if count:
            self._dropped[name][reason] += int(count)

    def add(
        self,
        person: str,
        name: str,
        time: np.ndarray,
        value: np.ndarray,
        *,
        how: How = "mean",
        offset: np.ndarray | int = 0,
        rank: int = 0,
    ) -> None:
        """Add readings at points in time.

        Args:
            person: whose.
            name: one of the 26 signals, or of ``EXTRAS``.
            time: datetime64 ``[n]``, on the wall's clock, in any order.
            value: float ``[n]`` in the signal's unit; NaN is a reading that was not taken.
            how: what becomes of several readings in a minute.
            offset: seconds that the wall's clock is ahead of UTC, int ``[n]`` or one for all, if known.
            rank: of the device. In a minute that several devices have measured, the one of the lowest rank counts.
        """
        self._add(person, name, rank, Readings(as_ms(time), None, as_float32(value), offset, how))

    def add_totals(
        self,
        person: str,
        name: str,
        start: np.ndarray,
        end: np.ndarray,
        value: np.ndarray,
        *,
        offset: np.ndarray | int = 0,
        rank: int = 0,
    ) -> None:
        """Add totals over stretches of time, such as steps from 9:02:10 to 9:06:30; they are spread evenly over it."""
        readings = Readings(as_ms(start), as_ms(end), as_float32(value), offset, "sum")
        self._add(person, name, rank, readings)

    def add_states(
        self, person: str, name: str, start: np.ndarray, end: np.ndarray, code: np.ndarray, names: Any = ()
    ) -> None:
        """Add what held over stretches of time: ``asleep``, ``activity`` or ``mood``; what is added later counts more.

        Args:
            person: whose.
            name: ``"asleep"`` (1, 0), ``"activity"``, ``"mood"``, or another name for codes -1 to 127.
            start: datetime64 ``[n]``, on the wall's clock.
            end: the same. A state holds in the minutes whose middle lies between.
            code: int ``[n]``.
            names: of the codes: a sequence, or a dict from code to name.
        """
        known = self._is_recorded(as_ms(start)) & self._is_recorded(as_ms(end))
        length = np.asarray(end, "datetime64[ms]") - np.asarray(start, "datetime64[ms]")
        is_sound = (length >= np.timedelta64(0)) & (length <= np.timedelta64(LONGEST_STATE, "m"))
        self._rows[name] += len(code)
        self.drop(name, self._undated, int((~known).sum()))
        self.drop(name, "ends before it starts, or lasts longer than a day", int((known & ~is_sound).sum()))
        kept = known & is_sound
        self._states[person, name].append((as_ms(start)[kept], as_ms(end)[kept], np.asarray(code, np.int8)[kept]))
        if len(names):
            self._names[name] = names

    def derive(self, name: str, of: str, function: Callable[[np.ndarray], np.ndarray]) -> None:
        """Compute the minutes of a signal from those of another, once they are gathered."""
        self._derived[name] = of, function

    def label(self, person: str, **labels: Any) -> None:
        """Remember what is known of a person: ``age``, ``sex``, ``bmi`` and the other labels of a Cohort."""
        self._labels[person] |= labels

    def add_of_day(self, person: str, name: str, date: np.datetime64, value: float) -> None:
        """Add one number about a whole day, such as the minutes slept; it becomes a variable ``name [d]``."""
        self._of_day[name][person, int(date.astype("datetime64[D]").astype(int))] = float(value)

    def _is_recorded(self, time: np.ndarray) -> np.ndarray:
        return (time >= self._earliest.astype("datetime64[ms]").astype(np.int64)) & (time <= latest().astype(np.int64))

    def _add(self, person: str, name: str, rank: int, readings: Readings) -> None:
        if name not in EXTRAS:
            index_of(name)
        low, high, unit = RANGES[name]
        value = readings.value
        is_number = ~np.isnan(value)
        is_recorded = self._is_recorded(readings.start)
        is_sum = readings.how == "sum"
        in_range = (value >= 0) & (value < np.inf) if is_sum else (value >= low) & (value <= high)
        reasons = {
            "empty": ~is_number,
            self._undated: is_number & ~is_recorded,
            "negative or infinite" if is_sum else f"outside {low:g} to {high:g} {unit}": is_number
            & is_recorded
            & ~in_range,
        }
        if readings.end is not None:
            length = readings.end - readings.start
            is_sound = (length >= 0) & (length <= LONGEST_SPAN * MINUTE)
            reasons["ends before it starts"] = is_number & is_recorded & in_range & (length < 0)
            reasons[f"a total over more than {LONGEST_SPAN} minutes"] = (
                is_number & is_recorded & in_range & (length > LONGEST_SPAN * MINUTE)
            )
        else:
            is_sound = np.ones(len(value), bool)
        self._rows[name] += len(value)
        for reason, wrong in reasons.items():
            self.drop(name, reason, int(wrong.sum()))
        kept = is_number & is_recorded & in_range & is_sound
        offset = readings.offset
        self._readings[person, name, rank].append(
            Readings(
                readings.start[kept],
                None if readings.end is None else readings.end[kept],
                value[kept],
                offset if isinstance(offset, int) else np.asarray(offset, np.int32)[kept],
                readings.how,
            )
        )

    # --- what becomes of it ----------------------------------------------------------------------------------------

    def to_cohort(
        self,
        *,
        non_wear: str | None = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> xr.Dataset:
        """Gather everything into a Cohort.

        Args:
            non_wear: a rule of ``wear.NON_WEAR`` for turning minutes in which the device was not worn into gaps.
            attrs: further attributes.

        Returns:
            The Cohort, people in the order of their names, days in order; ``attrs["reading"]`` says what was read.

        Raises:
            ValueError: if nothing usable was read.
        """
        check_non_wear(non_wear)
        minutes = {name: self._gather(name) for name in dict.fromkeys(key[1] for key in self._readings)}
        if non_wear is not None:
            self._remove_non_wear(minutes, non_wear)
        for name, (of, function) in self._derived.items():
            minutes[name] = {who: Minutes(one.minute, function(one.value)) for who, one in minutes.get(of, {}).items()}
        days = self._find_days(minutes)
        if not len(days):
            raise ValueError(
                f"{self.reader} found no reading of any of the 26 signals in {self._where()}. {self._explain()}"
            )
        person = np.array([one for one, _ in days], object)
        number = np.array([day for _, day in days])
        row_of = {key: row for row, key in enumerate(days)}
        columns = {name: Column.lay(of, row_of) for name, of in minutes.items()}
        signals = {name: column.to_array(len(days)) for name, column in columns.items() if name in SIGNAL_NAMES}
        states = self._lay_states(row_of, len(days))
        self._count_lost(row_of)
        about: dict[str, Any] = {"source": self.source, "licence": self.licence, **(attrs or {})}
        cohort = make_cohort(
            signals,
            person,
            number.astype("datetime64[D]"),
            labels=self._labels_of(person),
            per_minute={name: given for name, given in states.items() if name in ("activity", "asleep", "mood")},
            attrs={**about, "reading": self._record(columns, non_wear)},
        )
        for name, column in columns.items():
            if name in EXTRAS:
                what = {"units": EXTRAS[name].unit, "long_name": EXTRAS[name].meaning}
                cohort[name] = (("day", "minute"), column.to_array(len(days)), what)
        for name, (codes, names) in states.items():
            if name not in cohort:
                flags = {"flag_values": sorted(names), "flag_meanings": " ".join(names[code] for code in sorted(names))}
                cohort[name] = (("day", "minute"), codes, flags)
        for name, values in self._of_day.items():
            cohort[name] = ("day", np.array([values.get(key, np.nan) for key in days], np.float32))
        return cohort

    def _gather(self, name: str) -> dict[str, Minutes]:
        """The minutes of every person, gathered device by device."""
        low, high, unit = RANGES[name]
        found: dict[str, Minutes] = {}
        for person, _, rank in sorted(key for key in self._readings if key[1] == name):
            readings = self._readings.pop((person, name, rank))
            count = sum(len(one.value) for one in readings)
            parts = [gather_readings(same) for same in by_kind(readings)]
            self._check_conflicts(person, name, sum(part.conflicting for part in parts), count)
            minute = np.concatenate([part.minute for part in parts])
            value = np.concatenate([part.value for part in parts])
            minute, value, merged = average_same(minute, value)
            self.drop(name, "repeated", sum(part.repeated for part in parts))
            self.drop(name, "averaged with others of the same time", sum(part.conflicting for part in parts) + merged)
            self.drop(name, "minutes that came twice, averaged", sum(part.twice for part in parts))
            in_range = (value >= low) & (value <= high)
            self.drop(name, f"minutes outside {low:g} to {high:g} {unit}", int((~in_range).sum()))
            minute, value = minute[in_range], value[in_range].astype(np.float32)
            if person in found:  # a device of lower rank has measured some of these minutes
                is_new = ~np.isin(minute, found[person].minute)
                self.drop(name, "minutes that another device measured too", int((~is_new).sum()))
                minute = np.concatenate([found[person].minute, minute[is_new]])
                value = np.concatenate([found[person].value, value[is_new]])
                order = np.argsort(minute)
                minute, value = minute[order], value[order]
            found[person] = Minutes(minute, value)
        return found

    def _check_conflicts(self, person: str, name: str, conflicting: int, count: int) -> None:
        if conflicting >= max(FEWEST_CONFLICTS, MOST_CONFLICTS * count):
            raise ValueError(
                f"{name} of person {person!r} in {self._where()}: {conflicting:,} of {count:,} readings say something "
                "else than another of the same time. Have the times lost their seconds, their time zone or AM and PM, "
                "or are there two devices or people in one? Give full times, or gather such rows beforehand, for "
                "example with pandas' groupby"
            )

    def _remove_non_wear(self, minutes: dict[str, dict[str, Minutes]], non_wear: str) -> None:
        """Take out what was written while the device was not worn, unless a heart beat was measured in the minute."""
        writes_zeros = [name for name in ("counts", "steps") if name in minutes]
        if not writes_zeros:
            self.note(f"non_wear={non_wear!r} had nothing to look at: there are neither steps nor counts")
            return
        hearts = minutes.get("heart_rate", {})
        for person, of in minutes[writes_zeros[0]].items():
            if not len(of.minute):
                continue
            not_worn = of.minute[NON_WEAR[non_wear](of.value, of.minute)]
            if person in hearts:
                beats = hearts[person].minute
                is_beating = (
                    np.isin(not_worn // MINUTES_PER_DAY, beats // MINUTES_PER_DAY)
                    if non_wear == "stepless_day"
                    else np.isin(not_worn, beats)
                )
                not_worn = not_worn[~is_beating]
            for name in ("counts", "steps", "log_energy", "intensity", "calories", "mets"):
                if person in minutes.get(name, {}):
                    old = minutes[name][person]
                    worn = ~np.isin(old.minute, not_worn)
                    minutes[name][person] = Minutes(old.minute[worn], old.value[worn])
                    self.drop(name, f"minutes not worn ({non_wear})", int((~worn).sum()))

    def _find_days(self, minutes: dict[str, dict[str, Minutes]]) -> list[tuple[str, int]]:
        days: dict[str, set[int]] = defaultdict(set)
        lost: dict[str, set[int]] = defaultdict(set)
        for name, people in minutes.items():
            for person, of in people.items():
                found = np.unique(of.minute // MINUTES_PER_DAY).tolist()
                (days if name in SIGNAL_NAMES else lost)[person].update(found)
        self.drop("days", "without any of the 26 signals", sum(len(lost[p] - days.get(p, set())) for p in lost))
        return [(person, day) for person in sorted(days) for day in sorted(days[person])]

    def _lay_states(self, row_of: dict[tuple[str, int], int], days: int) -> dict[str, tuple[np.ndarray, Any]]:
        laid: dict[str, tuple[np.ndarray, Any]] = {}
        rows_of = group_rows(row_of)
        for (person, name), parts in self._states.items():
            if name not in laid:
                names = self._names.get(name, ())
                named = dict(names) if isinstance(names, Mapping) else dict(enumerate(names))
                laid[name] = np.full((days, MINUTES_PER_DAY), -1, np.int8), named
            lay_states(laid[name][0], rows_of.get(person, {}), parts)
        return laid

    def _count_lost(self, row_of: dict[tuple[str, int], int]) -> None:
        """Count what was known only of days without a reading of any signal."""
        reason = "on days without any of the 26 signals"
        known = {person: np.array(list(rows)) for person, rows in group_rows(row_of).items()}
        none = np.zeros(0, int)
        for (person, name), parts in self._states.items():
            days = np.concatenate([np.stack([start, end]) for start, end, _ in parts], axis=1) // DAY
            self.drop(name, reason, int((~np.isin(days, known.get(person, none)).any(axis=0)).sum()))
        for name, values in self._of_day.items():
            self.drop(name, reason, len(values.keys() - row_of.keys()))

    def _labels_of(self, person: np.ndarray) -> dict[str, list[Any]]:
        names = dict.fromkeys(name for labels in self._labels.values() for name in labels)
        empty: dict[str, Any] = {"sex": ""}
        return {
            name: [self._labels.get(one, {}).get(name, empty.get(name, np.nan)) for one in person] for name in names
        }

    def _record(self, columns: dict[str, "Column"], non_wear: str | None) -> dict[str, Any]:
        names = dict.fromkeys([*columns, *self._rows, *self._dropped])
        return {
            "reader": self.reader,
            "timezone": self.timezone,
            "non_wear": non_wear,
            "files": self._files,
            "signals": {
                name: {
                    "readings": self._rows[name],
                    "minutes": columns[name].size if name in columns else 0,
                    "dropped": dict(self._dropped[name]),
                }
                for name in names
            },
            "notes": self._notes,
        }

    def _where(self) -> str:
        names = [file["name"] for file in self._files]
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more files" if len(names) > 3 else "") or "the table"

    def _explain(self) -> str:
        dropped = [
            f"{count:,} of {name} {reason}" for name, of in self._dropped.items() for reason, count in of.items()
        ]
        if dropped:
            return f"Dropped: {'; '.join(dropped)}"
        rows = [f"{count:,} of {name}" for name, count in self._rows.items() if count]
        return f"There were only readings of other things: {', '.join(rows)}" if rows else "There were no rows"
