"""The one dial: how large a run is.

Every notebook sets ``PROFILE`` once and takes all its sizes from the row of that name in the table below, so the same
notebook is a test of a minute, an evening on a laptop or the run that a paper reports. Nothing else changes with it.
"""

from dataclasses import dataclass
from typing import NamedTuple


class Pretraining(NamedTuple):
    """How a model is trained in a profile, and the cohort it is trained on."""

    people: int
    days: int
    size: str
    steps: int
    batch_size: int
    learning_rate: float  # at its peak


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
    lsm1: Pretraining  # most days have no window that LSM-1 can use, so it takes more of them


# "paper" is LSM-2: 60,440 people and 1.6 million days (27 days each come to 1.63 million) as published; batches of 512
# and 100,000 steps as they are quoted for it, which we could not check in the paper's text. LSM-1's last row is as
# reported, with its 165,090 people and enough days for ten windows each. The other rows are ours.
# fmt: off
_TABLE = (
    #       name          people  days    steps  batch   size
    Profile(
        "smoke", 24, 2, 4, 4, "nano", "tests: a notebook in a minute on two cores",
        Pretraining(96, 2, "nano", 6, 4, 1e-3),
    ),
    Profile(
        "laptop", 500, 4, 500, 32, "tiny", "reading along: minutes on a CPU",
        Pretraining(2_000, 4, "tiny", 5_000, 8, 1e-3),
    ),
    Profile(
        "accelerator", 2_000, 14, 10_000, 256, "base", "one GPU or TPU: an hour or so",
        Pretraining(20_000, 4, "base", 20_000, 256, 1e-3),
    ),
    Profile(
        "paper", 60_440, 27, 100_000, 512, "base", "what LSM-2 reports: many accelerators, days",
        Pretraining(165_090, 15, "base", 50_000, 4_096, 5e-3),
    ),
)
# fmt: on

PROFILES: dict[str, Profile] = {row.name: row for row in _TABLE}


def profile(name: str) -> Profile:
    """Return the row of the table that is called ``name``.

    Raises:
        ValueError: no row has this name.
    """
    if name not in PROFILES:
        raise ValueError(f"There is no profile {name!r}; choose one of {', '.join(map(repr, PROFILES))}.")
    return PROFILES[name]
