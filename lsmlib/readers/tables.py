"""CSV files as devices and spreadsheets write them, in pieces of bounded size, with the line of whatever is wrong."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pandas as pd

from lsmlib.readers.clock import parse_times

PIECE = 500_000  # rows held at a time
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


@dataclass(frozen=True)
class Piece:
    """Some rows of a file, as text."""

    path: Path
    first_line: int  # line of the file in which row 0 stands, counted from 1
    rows: pd.DataFrame
    separator: str

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, row: int) -> str:
        """Where a row stands, for messages."""
        return f"{self.path.name}, line {self.first_line + row}"

    def text(self, column: str) -> pd.Series:
        """A column in which no field may be empty. Raises ``ValueError``."""
        values = self.rows[column]
        empty = np.flatnonzero((values == "").to_numpy())
        if len(empty):
            raise ValueError(f"{self.place(int(empty[0]))}: {column} is empty; is the file cut off?")
        return values

    def numbers(self, column: str) -> np.ndarray:
        """A column of numbers, float64 ``[n]``, NaN where a field is empty or says NA.

        Files that are separated by semicolons or tabs may write decimal commas.

        Raises:
            ValueError: for anything else.
        """
        text = self.rows[column]
        if (
            self.separator != ","
            and text.str.contains(",", regex=False).any()
            and not text.str.contains(".", regex=False).any()
        ):
            text = text.str.replace(",", ".", regex=False)
        is_empty = text.isin(["", "NA", "NaN", "nan", "null"]).to_numpy()
        wrong = np.flatnonzero(~is_empty & ~text.str.fullmatch(_NUMBER).to_numpy(bool))
        if len(wrong):
            raise ValueError(
                f"{self.place(int(wrong[0]))}: {column} is {text.iloc[wrong[0]]!r}; expected a number such as 72.5."
                " Decimal commas are understood in files separated by semicolons; signs between thousands never are"
            )
        return text.mask(is_empty, "nan").astype(float).to_numpy()

    def times(self, column: str, formats: Sequence[str], hint: str = "") -> np.ndarray:
        """A column of times, datetime64[ms] ``[n]``; see ``clock.parse_times``."""
        return parse_times(self.text(column), formats, self.place, hint)


def read_pieces(
    path: Path, columns: Sequence[str], optional: Sequence[str] = (), skip: int = 0, most: int | None = None
) -> Iterator[Piece]:
    """Read named columns of a CSV file, some hundred thousand rows at a time.

    A byte order mark, UTF-16, blanks and capitals in the header, and commas, semicolons or tabs are all understood.

    Args:
        path: the file.
        columns: names that must be there; a piece has them under these names.
        optional: names that may be there.
        skip: lines before the header.
        most: rows of a piece; by default ``PIECE``.

    Raises:
        ValueError: if the file is empty, no text, lacks a column, or has a line with more fields than the header.
        FileNotFoundError: if there is no such file.
    """
    encoding = _find_encoding(path)
    header, separator = _read_header(path, encoding, skip)
    found = {name.strip().lower(): position for position, name in reversed(list(enumerate(header)))}
    absent = [name for name in columns if name.lower() not in found]
    if absent:
        raise ValueError(
            f"{path.name}, line {skip + 1}: there is no column {' or '.join(map(repr, absent))} among {header}"
        )
    chosen = {found[name.lower()]: name for name in (*columns, *optional) if name.lower() in found}
    line = skip + 2
    try:
        reader = pd.read_csv(
            path,
            sep=separator,
            header=None,
            skiprows=skip + 1,
            names=range(len(header) + 1),  # one more, so that a field too many is seen and not cut off
            dtype=str,
            keep_default_na=False,
            na_filter=False,
            encoding=encoding,
            chunksize=most or PIECE,
            skip_blank_lines=False,
            index_col=False,
            on_bad_lines="error",
        )
        with reader as pieces:
            for rows in pieces:
                text = rows.fillna("").apply(lambda column: column.str.strip())
                _check_width(text, len(header), path, line)
                kept = _drop_blank_end(text).rename(columns=chosen)[list(chosen.values())]
                if len(kept):
                    yield Piece(path, line, kept, separator)
                line += len(rows)
    except pd.errors.EmptyDataError:
        return
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read as a table: {error}. Is it damaged or cut off?") from error


def _check_width(rows: pd.DataFrame, width: int, path: Path, line: int) -> None:
    too_many = np.flatnonzero((rows[width] != "").to_numpy())
    if len(too_many):
        raise ValueError(
            f"{path.name}, line {line + int(too_many[0])}: more fields than the {width} of the header. A number with a "
            "decimal comma must stand in quotes, or fields be separated by semicolons"
        )


def _drop_blank_end(rows: pd.DataFrame) -> pd.DataFrame:
    """Files end in blank lines; in their midst they are errors, told where they are."""
    written = np.flatnonzero((rows != "").any(axis=1).to_numpy())
    return rows.iloc[: written[-1] + 1 if len(written) else 0]


def read_header(path: Path, skip: int = 0) -> list[str]:
    """The names in the header of a CSV file. Raises ``ValueError`` if the file is empty or no text."""
    return _read_header(path, _find_encoding(path), skip)[0]


def find_cut(path: Path, skip: int = 0) -> int | None:
    """Which field the last line ends in if nothing ends that line, counted from 0; else None.

    A file that was cut off in the middle of a number looks like this, and the number like a smaller one. So do files
    of programs that leave out the last line's end; who reads decides.
    """
    encoding = _find_encoding(path)
    separator = _read_header(path, encoding, skip)[1]
    with path.open("rb") as file:
        size = file.seek(0, 2)
        end = 1 << 20  # even, for UTF-16
        file.seek(max(size - size % 2 - end, 0))
        tail = file.read()
        file.seek(0)
        order = "utf-16-be" if file.read(2) == b"\xfe\xff" else "utf-16-le"
    text = tail.decode(order if encoding == "utf-16" else "utf-8", errors="replace")
    if not text or text[-1] in "\r\n":
        return None
    return len(next(csv.reader([text.splitlines()[-1]], delimiter=separator))) - 1


def _find_encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
    if not start.strip():
        raise ValueError(f"{path.name} is empty; expected a table with a header")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if b"\0" in start:
        raise ValueError(f"{path.name} is not text; expected a CSV file")
    return "utf-8-sig"


def _read_header(path: Path, encoding: str, skip: int) -> tuple[list[str], str]:
    with path.open(encoding=encoding, newline="") as file:
        try:
            lines = [file.readline(1 << 20) for _ in range(skip + 1)]
        except UnicodeDecodeError as error:
            raise ValueError(f"{path.name} is not text in {encoding}: {error}") from error
    header = lines[-1].rstrip("\r\n")
    if not header.strip():
        raise ValueError(f"{path.name}, line {skip + 1}: the header is empty")
    separator = max(",;\t", key=header.count)
    try:
        return [name.strip() for name in next(csv.reader([header], delimiter=separator))], separator
    except csv.Error as error:
        raise ValueError(f"{path.name}, line {skip + 1}: this is no header of a table: {error}") from error


def find_files(folder: Path, patterns: Sequence[str]) -> list[Path]:
    """Files in a folder and below whose names match one of some patterns, capitals aside, in the order of their names.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if it is a file.
    """
    if not folder.exists():
        raise FileNotFoundError(f"there is no folder {folder}")
    if not folder.is_dir():
        raise ValueError(f"{folder} is a file; expected the folder of the export. Unpack an archive first")
    lowered = [pattern.lower() for pattern in patterns]
    return sorted(
        path
        for path in folder.rglob("*")
        if any(fnmatchcase(path.name.lower(), pattern) for pattern in lowered)
        and not path.name.startswith("._")  # what archives made on a Mac hold beside every file
        and path.is_file()
    )
