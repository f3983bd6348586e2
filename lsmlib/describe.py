"""A Cohort at a glance: who, when, how much is missing in which signal, which labels are known."""

from dataclasses import dataclass
from html import escape

import numpy as np
import xarray as xr

from lsmlib.checks import BLOCK, check_cohort, is_in_memory
from lsmlib.labels import PERSON_NUMBERS
from lsmlib.signals import SIGNALS

LOOK_AT = 256  # days of a lazy Cohort that are read for the summary


@dataclass(frozen=True)
class CohortSummary:
    """What ``describe_cohort`` found; shows itself as text, and as a table in notebooks (without colours or styles)."""

    days: int
    people: int
    first_date: str
    last_date: str
    minutes: int
    looked_at: int  # days whose readings were read
    missing: np.ndarray  # [s], share of the readings of each signal
    mean: np.ndarray  # [s], of the observed readings, in the signal's unit; NaN where there are none
    known: dict[str, float]  # label → share of days for which it is known (minutes' labels: that have any)

    @property
    def headline(self) -> str:
        """One sentence."""
        rows = "days" if self.minutes == 1440 else f"windows of {self.minutes} minutes"
        seen = "" if self.looked_at == self.days else f" (of {self.looked_at} that were looked at)"
        return (
            f"{self.days:,} {rows} of {self.people:,} people, {self.first_date} to {self.last_date}; "
            f"{self.missing.mean():.0%} of the readings missing{seen}"
        )

    @property
    def labels(self) -> str:
        """Which labels are known, for what share of days."""
        known = [f"{name} {share:.0%}" for name, share in self.known.items() if share]
        return "labels known: " + (", ".join(known) or "none")

    def __repr__(self) -> str:
        lines = [
            f"{signal.name:24s}{_bar(share)} {share:4.0%} missing   mean {mean:8.4g} {signal.unit}"
            for signal, share, mean in zip(SIGNALS, self.missing, self.mean, strict=True)
        ]
        return "\n".join([self.headline, self.labels, *lines])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(signal.name)}</td><td>{signal.sensor}</td><td>{_bar(share)} {share:.0%}</td>"
            f"<td>{mean:.4g} {escape(signal.unit)}</td></tr>"
            for signal, share, mean in zip(SIGNALS, self.missing, self.mean, strict=True)
        )
        head = "<tr><th>signal</th><th>sensor</th><th>missing</th><th>mean</th></tr>"
        return f"<p><b>{self.headline}</b><br>{self.labels}</p><table>{head}{rows}</table>"


def describe_cohort(cohort: xr.Dataset) -> CohortSummary:
    """Sum a Cohort up, to look at in a notebook or to print.

    Args:
        cohort: a Cohort or windows. Of a lazy one, 256 days spread evenly over it are read, and the summary says so.

    Returns:
        Counts, dates, share missing and mean of every signal, and for what share of days each label is known.

    Raises:
        ValueError: if this is no Cohort.
    """
    check_cohort(cohort, values=False)
    days = cohort.sizes["day"]
    lazy = not is_in_memory(cohort["signals"])
    looked_at = np.unique(np.linspace(0, days - 1, min(days, LOOK_AT)).astype(int)) if lazy else np.arange(days)
    count, total = np.zeros(len(SIGNALS)), np.zeros(len(SIGNALS))
    known = {"sex": float((cohort["sex"] != "").mean())} if "sex" in cohort else {}
    known |= {name: float(cohort[name].notnull().mean()) for name in PERSON_NUMBERS if name in cohort}
    known |= {name: 0.0 for name in ("activity", "asleep", "mood") if name in cohort}
    for first in range(0, len(looked_at), BLOCK):
        block = cohort.isel(day=looked_at[first : first + BLOCK])
        values = block["signals"].values
        # In windows the gaps are filled in; `observed` remembers them.
        observed = block["observed"].values if "observed" in block else ~np.isnan(values)
        count += observed.sum(axis=(0, 1))
        total += np.where(observed, values, 0).sum(axis=(0, 1), dtype=float)
        for name in known.keys() & {"activity", "asleep", "mood"}:
            known[name] += float((block[name].values >= 0).any(axis=1).sum()) / len(looked_at)
    return CohortSummary(
        days=days,
        people=len(np.unique(cohort["person"].values)),
        first_date=np.datetime_as_string(cohort["date"].values.min(), "D"),
        last_date=np.datetime_as_string(cohort["date"].values.max(), "D"),
        minutes=cohort.sizes["minute"],
        looked_at=len(looked_at),
        missing=1 - count / (len(looked_at) * cohort.sizes["minute"]),
        mean=np.divide(total, count, out=np.full(len(SIGNALS), np.nan), where=count > 0),
        known=known,
    )


def _bar(share: float, width: int = 10) -> str:
    full = round(float(share) * width)
    return "█" * full + "░" * (width - full)
