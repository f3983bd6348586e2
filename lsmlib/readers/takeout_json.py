"""JSON files of exports: lists of entries, columns of them, and the line of whatever is wrong."""

import codecs
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from lsmlib.readers.clock import parse_times

LARGEST = 64 << 20  # bytes; the largest known, a day of heart rates, has about two million
LONGEST_NUMBER = 40  # characters
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BETWEEN = re.compile(r"[\s,\[]*")


class Entries:
    """The entries of a JSON file that is a list of objects.

    Args:
        path: the file.

    Raises:
        ValueError: if it is empty, too large, no JSON, cut off, or anything but a list of objects, with file and line.
    """

    def __init__(self, path: Path):
        self.name = path.name
        size = path.stat().st_size
        if size > LARGEST:
            raise ValueError(
                f"{self.name} has {size / 1e6:,.0f} MB; files of one day or month have a few, and more than "
                f"{LARGEST / 1e6:.0f} MB are not read. Were files joined? Export again, and leave them apart"
            )
        self.text = _decode(path)
        if not self.text.strip():
            raise ValueError(f"{self.name} is empty; expected a list of entries. Export it again")
        try:
            found = json.loads(self.text, parse_constant=_refuse_constant)
        except json.JSONDecodeError as error:
            is_cut = error.pos >= len(self.text.rstrip()) - 1 or error.msg.startswith("Unterminated")
            advice = (
                "The file is cut off; copy or unpack it again" if is_cut else "The file is damaged; export it again"
            )
            raise ValueError(f"{self.name}, line {error.lineno}: {error.msg}. {advice}") from error
        except (ValueError, RecursionError) as error:  # not a number, numbers of thousands of digits, lists in lists
            raise ValueError(f"{self.name}, line {self._find_odd()}: {error}. The file is damaged") from error
        if not isinstance(found, list):
            raise ValueError(f"{self.name}, line 1: expected a list of entries, found {type(found).__name__}")
        self.rows: list[Any] = found
        for row, entry in enumerate(found):
            if not isinstance(entry, dict):
                self.refuse(row, f"{str(entry)[:40]!r} is no entry; expected one with names and values")

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int) -> str:
        """The line on which an entry begins, found by reading up to it again."""
        decoder, at = json.JSONDecoder(), 0
        for _ in range(row):
            at = decoder.raw_decode(self.text, self._skip(at))[1]
        return f"{self.name}, line {1 + self.text.count(chr(10), 0, self._skip(at))}"

    def refuse(self, row: int, what: str) -> NoReturn:
        """Raise ``ValueError`` about an entry."""
        raise ValueError(f"{self.place(row)}: {what}")

    def column(self, *names: str) -> list[Any]:
        """What stands in every entry under a name, or under a name within what stands under another.

        Raises:
            ValueError: if an entry lacks it.
        """
        try:
            values = self.rows
            for name in names:
                values = [entry[name] for entry in values]
            return values
        except (KeyError, TypeError, IndexError):
            for row, entry in enumerate(self.rows):
                for name in names:
                    if not isinstance(entry, dict) or name not in entry:
                        self.refuse(row, f"there is no {'.'.join(names)!r} in this entry")
                    entry = entry[name]
            raise

    def numbers(self, *names: str) -> np.ndarray:
        """A column of numbers, or text that is a number, float64 ``[n]``. Raises ``ValueError`` for anything else."""
        return to_numbers(self.column(*names), ".".join(names), self.place)

    def times(self, *names: str, formats: Sequence[str]) -> np.ndarray:
        """A column of times, datetime64[ms] ``[n]``. Raises ``ValueError`` for anything else."""
        return to_times(self.column(*names), ".".join(names), formats, self.place)

    def _skip(self, at: int) -> int:
        found = _BETWEEN.match(self.text, at)
        return found.end() if found else at

    def _find_odd(self) -> int:
        odd = re.search(r"NaN|Infinity|\d{300}|\[{100}|(?:\{\s*\"[^\"]*\"\s*:\s*){100}", self.text)
        return 1 + self.text.count("\n", 0, odd.start()) if odd else 1


def to_numbers(values: Sequence[Any], name: str, place: Callable[[int], str]) -> np.ndarray:
    """Numbers, or text that is a number, as float64. Raises ``ValueError`` for anything else, infinities among it."""
    try:
        if not set(map(type, values)) <= {int, float}:
            values = [_to_number(one) for one in values]
        numbers = np.array(values, np.float64)
        if np.isfinite(numbers).all():
            return numbers
    except (ValueError, OverflowError):
        pass  # what it is about is found below
    for row, one in enumerate(values):
        try:
            if not np.isfinite(_to_number(one)):
                raise ValueError
        except (ValueError, OverflowError):
            raise ValueError(f"{place(row)}: {name} is {str(one)[:40]!r}; expected a number such as 72.5") from None
    raise ValueError(f"{place(0)}: {name} holds something that is no number")


def _to_number(one: Any) -> float:
    if isinstance(one, str) and len(one) <= LONGEST_NUMBER and _NUMBER.fullmatch(one):
        return float(one)
    if isinstance(one, int | float) and not isinstance(one, bool):
        return float(one)
    raise ValueError


def to_times(values: Sequence[Any], name: str, formats: Sequence[str], place: Callable[[int], str]) -> np.ndarray:
    """Text to times by the first format that fits all, datetime64[ms]. Raises ``ValueError`` for anything else."""
    for row, one in enumerate(values):
        if not isinstance(one, str):
            raise ValueError(f"{place(row)}: {name} is {str(one)[:40]!r}; expected a time")
    if not len(values):
        return np.zeros(0, "datetime64[ms]")
    return parse_times(pd.Series(values, dtype=object).str[:LONGEST_NUMBER], formats, place)


def _decode(path: Path) -> str:
    content = path.read_bytes()
    wide = content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    try:
        return content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise ValueError(f"{path.name}, line {line}: this is not text ({error.reason}). The file is damaged") from error


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")
