"""What was read, what was dropped and why: told in text, and as a table in notebooks."""

from dataclasses import dataclass
from html import escape
from typing import Any

import xarray as xr


@dataclass(frozen=True)
class ReadingSummary:
    """What ``describe_reading`` found; shows itself as text, and as a table in notebooks."""

    reader: str
    days: int
    people: int
    timezone: str | None
    files: list[dict[str, Any]]  # name, bytes, rows, sha256
    signals: dict[str, dict[str, Any]]  # name → readings, minutes, dropped: reason → count
    notes: list[str]

    @property
    def headline(self) -> str:
        """One sentence."""
        what = f"{len(self.files):,} file{'s' * (len(self.files) != 1)}" if self.files else "a table"
        zone = f", clock of {self.timezone}" if self.timezone else ""
        return f"{self.reader} read {what}: {self.days:,} days of {self.people:,} people{zone}"

    def _rows(self) -> list[tuple[str, str, str, str]]:
        return [
            (
                name,
                f"{of['readings']:,}" if of["readings"] else "",
                f"{of['minutes']:,}" if of["minutes"] else "",
                "; ".join(f"{count:,} {reason}" for reason, count in of["dropped"].items()),
            )
            for name, of in self.signals.items()
        ]

    def __repr__(self) -> str:
        lines = [
            f"{name:24s}{readings:>12s} readings {minutes:>12s} minutes   {dropped and 'dropped: ' + dropped}".rstrip()
            for name, readings, minutes, dropped in self._rows()
        ]
        return "\n".join([self.headline, *lines, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        head = "<tr><th>signal</th><th>readings</th><th>minutes</th><th>dropped, and why</th></tr>"
        rows = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self._rows())
        notes = "".join(f"<li>{escape(note)}</li>" for note in self.notes)
        return f"<p><b>{escape(self.headline)}</b></p><table>{head}{rows}</table><ul>{notes}</ul>"


def describe_reading(cohort: xr.Dataset) -> ReadingSummary:
    """Tell how a Cohort was read: files with their digests, readings by signal, what was dropped and why.

    Args:
        cohort: a Cohort made by one of the readers, also after selections or from a store; numbers are those of the
            whole reading.

    Raises:
        ValueError: if the Cohort was not made by a reader.
    """
    reading = cohort.attrs.get("reading")
    if not isinstance(reading, dict):
        raise ValueError(
            "this Cohort has no attrs['reading']: no reader made it. lsmlib.describe_cohort describes any Cohort"
        )
    return ReadingSummary(
        reader=reading["reader"],
        days=cohort.sizes["day"],
        people=len(set(cohort["person"].values.tolist())),
        timezone=reading["timezone"],
        files=reading["files"],
        signals=reading["signals"],
        notes=reading["notes"],
    )
