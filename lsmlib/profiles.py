"""The one dial: how large a run is.

Every notebook sets ``PROFILE`` once and takes all its sizes from the row of that name in the table below, so the same
notebook is a test of a minute, an evening on a laptop or the run that a paper reports. Nothing else changes with it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """One position of the dial."""

    name: str
    people: int  # people of the simulated cohort
    days: int  # days recorded of each person
    steps: int  # optimiser steps of a pretraining
    batch_size: int  # days (LSM-2, SensorLM) or windows (LSM-1) a step
    size: str  # size of the model, a word of lsmlib's tables of sizes: nano, tiny, small, base, large
    meant_for: str


# "paper" is LSM-2: 60,440 people and 1.6 million days (27 days each come to 1.63 million) as published; batches of 512
# and 100,000 steps as they are quoted for it, which we could not check in the paper's text. The other rows are ours.
_TABLE = (
    #       name          people  days    steps  batch   size
    Profile("smoke", 24, 2, 4, 4, "nano", "tests: a notebook in a minute on two cores"),
    Profile("laptop", 500, 4, 500, 32, "tiny", "reading along: minutes on a CPU"),
    Profile("accelerator", 2_000, 14, 10_000, 256, "base", "one GPU or TPU: an hour or so"),
    Profile("paper", 60_440, 27, 100_000, 512, "base", "what LSM-2 reports: many accelerators, days"),
)

PROFILES: dict[str, Profile] = {row.name: row for row in _TABLE}


def profile(name: str) -> Profile:
    """Return the row of the table that is called ``name``.

    Raises:
        ValueError: no row has this name.
    """
    if name not in PROFILES:
        raise ValueError(f"There is no profile {name!r}; choose one of {', '.join(map(repr, PROFILES))}.")
    return PROFILES[name]
