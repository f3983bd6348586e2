"""Records of Apple Health, from attributes of elements to columns: collected row by row, converted in batches."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lsmlib.readers.apple_types import IN_BED, OTHER, QUANTITIES, SLEEP, STAGES, WORKOUT_PREFIX, WORKOUTS
from lsmlib.readers.clock import EARLIEST, latest, to_wall
from lsmlib.readers.minutes import MINUTE

BATCH = 20_000  # rows held as text
BATCH_CHUNKS = 64  # chunks of the file after which rows are converted however few they are, lest their text be long
MOST_SOURCES = 1000
MOST_TYPES = 1000
LONGEST_NUMBER, LONGEST_NAME = 40, 200  # characters
_DATE = "dddd-dd-dd dd:dd:dd ±dddd"  # 2024-03-04 12:34:56 +0100
_DIGITS = np.array([i for i, mark in enumerate(_DATE) if mark == "d"])
_MARKS = np.array([i for i, mark in enumerate(_DATE) if mark in "-: "])
_MARK_CODES = np.array([ord(_DATE[i]) for i in _MARKS])
_NUMBERS = re.compile(r"[0-9.eE+\-]*")


class Columns(NamedTuple):
    """Some records of one type and source."""

    start: np.ndarray  # datetime64[ms] [n], on the wall's clock
    offset: np.ndarray  # int32 [n], seconds that clock is ahead of UTC
    end: np.ndarray  # datetime64[ms] [n], on the wall's clock then; empty for readings, which have one time
    end_offset: np.ndarray
    value: np.ndarray  # float32 [n], in our unit, or code


class Records:
    """Takes elements, and gives columns by type and source.

    Args:
        name: of the file, for messages.
        timezone: the IANA name of the zone in which times are told; None for the clock as written.
    """

    def __init__(self, name: str, timezone: str | None):
        self.name, self.timezone = name, timezone
        self.columns: dict[tuple[str, int], list[Columns]] = defaultdict(list)
        self.sources: dict[tuple[str, str], int] = {}  # name and model of the device
        self.dropped: Counter[tuple[str, str]] = Counter()  # by what and why
        self.skipped: Counter[str] = Counter()  # records of types that are not read
        self.rows = self._chunks = 0
        self.me: dict[str, str] = {}
        self.me_line = 0
        self._waiting: dict[str, list[tuple]] = {kind: [] for kind in (*QUANTITIES, SLEEP)}
        self._workouts: list[tuple] = []
        self._models: dict[str, str] = {}

    def take_record(self, pairs: list[str], line: int) -> None:
        """Take a ``Record`` element. Raises ``ValueError`` if it lacks an attribute."""
        self.rows += 1
        try:
            kind = pairs[1] if pairs[:1] == ["type"] else as_dict(pairs)["type"]
            waiting = self._waiting.get(kind)
            if waiting is None:
                kind = kind[:LONGEST_NAME]
                self.skipped[kind if kind in self.skipped or len(self.skipped) < MOST_TYPES else "further types"] += 1
                return
            attributes = as_dict(pairs)
            waiting.append(
                (
                    line,
                    attributes["sourceName"],
                    attributes.get("device", ""),
                    attributes["startDate"],
                    attributes["endDate"],
                    attributes["value"],
                    attributes.get("unit", ""),
                )
            )
        except KeyError as error:
            raise ValueError(f"{self.name}, line {line}: a Record without {error}. Is the file damaged?") from error

    def take_workout(self, pairs: list[str], line: int) -> None:
        """Take a ``Workout`` element. Raises ``ValueError`` if it lacks an attribute."""
        self.rows += 1
        attributes = as_dict(pairs)
        try:
            kind = attributes["workoutActivityType"].removeprefix(WORKOUT_PREFIX)
            row = (attributes["sourceName"], "", attributes["startDate"], attributes["endDate"])
        except KeyError as error:
            raise ValueError(f"{self.name}, line {line}: a Workout without {error}. Is the file damaged?") from error
        if kind not in WORKOUTS:
            self.dropped["activity", f"of a kind unknown here, kept as Other: {kind[:40]}"] += 1
        self._workouts.append((line, *row, WORKOUTS.get(kind, OTHER), ""))

    def take_me(self, pairs: list[str], line: int) -> None:
        """Take the ``Me`` element."""
        self.me, self.me_line = as_dict(pairs), line

    def flush(self) -> None:
        """Convert what waits, if it is a batch; called between chunks of the file."""
        self._chunks += 1
        if sum(map(len, self._waiting.values())) + len(self._workouts) >= BATCH or self._chunks == BATCH_CHUNKS:
            self.finish()

    def finish(self) -> None:
        """Convert everything that waits."""
        self._chunks = 0
        for kind, rows in self._waiting.items():
            if rows:
                self._convert(kind, rows)
                rows.clear()
        if self._workouts:
            self._convert("Workout", self._workouts)
            self._workouts.clear()

    def _convert(self, kind: str, rows: list[tuple]) -> None:
        lines, names, devices, starts, ends, values, units = zip(*rows, strict=True)

        def place(row: int) -> str:
            return f"{self.name}, line {lines[row]}"

        start, offset = self._read_dates(starts, place)
        end, end_offset = self._read_dates(ends, place)
        kept = np.ones(len(rows), bool)
        if kind == SLEEP:
            value, kept = self._read_stages(values)
        elif kind == "Workout":
            value = np.array(values, np.float32)
        else:
            value = _read_values(values, units, kind, place)
            if QUANTITIES[kind].kind == "reading":
                if QUANTITIES[kind].time == "end":
                    start, offset = end, end_offset
                end, end_offset = end[:0], end_offset[:0]
        source = np.array([self._number(name, device) for name, device in zip(names, devices, strict=True)])
        for one in np.unique(source[kept]).tolist():
            here = kept & (source == one)
            of_end = here[: len(end)]  # none for readings
            part = Columns(start[here], offset[here], end[of_end], end_offset[of_end], value[here])
            self.columns[kind, one].append(part)

    def _number(self, name: str, device: str) -> int:
        """The number of a source. The text about a device tells addresses and versions too, which change."""
        model = self._models.get(device)
        if model is None:
            if len(self._models) > 1000:
                self._models.clear()
            model = device.partition("model:")[2].partition(",")[0].rstrip("> ")[:LONGEST_NAME]
            self._models[device] = model
        number = self.sources.setdefault((name[:LONGEST_NAME], model), len(self.sources))
        if number >= MOST_SOURCES:
            raise ValueError(f"{self.name} names more than {MOST_SOURCES} sources of records; expected some devices")
        return number

    def _read_dates(self, text: Sequence[str], place: Callable[[int], str]) -> tuple[np.ndarray, np.ndarray]:
        wall, offset = parse_dates(text, place)
        if self.timezone is not None:
            # dates that nobody recorded are dropped later; zones have no rules for the year 1
            known = (wall > EARLIEST) & (wall <= latest())
            utc = wall[known] - offset[known] * np.timedelta64(1000, "ms")
            wall[known], offset[known] = to_wall(utc, self.timezone)
        return wall, offset

    def _read_stages(self, values: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        code = np.array([STAGES.get(value, -1) for value in values], np.float32)
        for value, count in Counter(values).items():
            if value == IN_BED:
                self.dropped["asleep", "in bed, which says nothing of sleep"] += count
            elif value not in STAGES:
                self.dropped["asleep", "of a stage unknown here"] += count
        return code, code >= 0


def as_dict(pairs: list[str]) -> dict[str, str]:
    """Attributes as names and values by turns, as a dict."""
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def parse_dates(text: Sequence[str], place: Callable[[int], str]) -> tuple[np.ndarray, np.ndarray]:
    """Dates such as ``2024-03-04 12:34:56 +0100``: the wall's clock as written, and seconds ahead of UTC.

    Returns:
        datetime64[ms] ``[n]`` and int32 ``[n]``.

    Raises:
        ValueError: for anything else, other orders and clocks of twelve hours among it; ``place`` says where.
    """
    width = len(_DATE)
    wrong = [row for row, one in enumerate(text) if len(one) != width]
    whole = text if not wrong else [one if len(one) == width else "?" * width for one in text]
    letters = np.frombuffer("".join(whole).encode("ascii", "replace"), np.uint8).reshape(-1, width)
    digit = letters.astype(np.int32) - ord("0")
    sign = letters[:, 20]
    is_form = ((digit[:, _DIGITS] >= 0) & (digit[:, _DIGITS] <= 9)).all(axis=1)
    is_form &= (letters[:, _MARKS] == _MARK_CODES).all(axis=1) & ((sign == ord("+")) | (sign == ord("-")))

    def number(first: int) -> np.ndarray:
        return 10 * digit[:, first] + digit[:, first + 1]

    year, month, day = 100 * number(0) + number(2), number(5), number(8)
    hour, minute, second, ahead, minutes_ahead = number(11), number(14), number(17), number(21), number(23)
    is_form &= (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60) & (second < 60)
    is_form &= (ahead <= 14) & (minutes_ahead < 60)
    months = np.where(is_form, 12 * (year - 1970) + month - 1, 0).astype("datetime64[M]")
    date = months.astype("datetime64[D]") + np.where(is_form, day - 1, 0)
    is_form &= date.astype("datetime64[M]") == months
    if not is_form.all():
        row = int(np.flatnonzero(~is_form)[0])
        raise ValueError(
            f"{place(row)}: {text[row][:40]!r} is not a date as Apple writes it, such as '2024-03-04 12:34:56 +0100'. "
            "Exports that were edited, or made on a clock of twelve hours, cannot be read"
        )
    wall = date.astype("datetime64[ms]") + (1000 * (3600 * hour + 60 * minute + second)).astype("timedelta64[ms]")
    offset = np.where(sign == ord("-"), -1, 1) * (3600 * ahead + 60 * minutes_ahead)
    return wall, offset.astype(np.int32)


def _read_values(text: Sequence[str], units: Sequence[str], kind: str, place: Callable[[int], str]) -> np.ndarray:
    known = QUANTITIES[kind].units
    if unknown := set(units) - known.keys():
        row = next(row for row, one in enumerate(units) if one in unknown)
        raise ValueError(
            f"{place(row)}: the unit of {kind} is {units[row][:40]!r}; expected {' or '.join(map(repr, known))}"
        )
    try:
        # float() takes nan, infinity, 1_000 and the digits of all scripts, and long over millions of digits
        if max(map(len, text)) > LONGEST_NUMBER or not _NUMBERS.fullmatch("".join(text)):
            raise ValueError
        value = np.array([float(one) for one in text])
    except ValueError:
        row = next(row for row, one in enumerate(text) if not _is_number(one))
        raise ValueError(
            f"{place(row)}: the value of {kind} is {text[row][:40]!r}; expected a number such as 72.5. Apple writes "
            "decimal points in every language; was the file edited?"
        ) from None
    factor, summand = np.array([known[one] for one in units]).T
    with np.errstate(over="ignore"):  # 1e308 becomes infinite, and is dropped as such
        return (value * factor + summand).astype(np.float32)


def _is_number(text: str) -> bool:
    try:
        return len(text) <= LONGEST_NUMBER and _NUMBERS.fullmatch(text) is not None and float(text) is not None
    except ValueError:
        return False


def count_minutes(parts: Sequence[Columns]) -> int:
    """How many different minutes a source has recorded, as far as it began one of its records in them."""
    start = np.concatenate([(part.start.astype(np.int64) - 1000 * part.offset) // MINUTE for part in parts])
    return len(np.unique(start))
