"""Finding and opening the files of a data set."""

from pathlib import Path

import pandas as pd

from lsmlib.datasets.cards import CARDS, DatasetCard
from lsmlib.readers.recording import Recording


def new_recording(card: DatasetCard, timezone: str | None = None) -> Recording:
    """A Recording that names its data set."""
    return Recording(f"datasets.load({card.name!r})", card.title, card.licence, timezone)


def find_file(folder: Path, pattern: str) -> Path | None:
    """The first file of a pattern in a folder or below, or None."""
    return next(iter(sorted(folder.rglob(pattern))), None)


def read_parquet(recording: Recording, file: Path, columns: list[str]) -> pd.DataFrame:
    """Read a table that must have some columns, and remember the file. Raises ``ValueError``."""
    try:
        table = pd.read_parquet(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file.name} cannot be read as Parquet: {error}") from error
    if absent := [name for name in columns if name not in table]:
        raise ValueError(f"{file.name} has no column {absent}; it has {list(table.columns)}")
    recording.add_file(file, len(table))
    return table


def not_here(name: str, folder: Path, expected: str) -> ValueError:
    """The error of a folder without the file that a data set consists of."""
    found: list[str] = sorted(path.name for path in folder.rglob("*"))[:5]
    return ValueError(f"there is no {expected} among the files ({found}, …). {CARDS[name].how_to_get(folder)}")
