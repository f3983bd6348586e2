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


class Scaling(NamedTuple):
    """A grid of trainings of LSM-1 in a profile: every size on every number of people, with every seed."""

    sizes: tuple[int | str, ...]  # names, or widths of nano's shape (``lsmlib.models.sizes.nano_of_width``)
    people: tuple[int, ...]
    days: int  # of each person
    steps: int
    batch_size: int
    learning_rate: float  # at its peak
    seeds: int


@dataclass(frozen=True, slots=True)
class Profile:
    """One position of the dial."""

    name: str
    people: int  # people of the simulated cohort, where a notebook looks at one
    days: int  # days recorded of each person
    meant_for: str
    lsm1: Pretraining  # windows; most days have none that LSM-1 can use, so it takes more people
    lsm2: Pretraining  # whole days, also for LSM-1 where the two are compared
    scaling: Scaling


# "paper" is LSM-2: 60,440 people and 1.6 million days (27 days each come to 1.63 million) as published; batches of 512
# and 100,000 steps as they are quoted for it, which we could not check in the paper's text. LSM-1's last row is as
# reported, with its 165,090 people and enough days for ten windows each, and its ladder of data is that of the report's
# windows (1,000 to 1.32 million), as they are quoted for it. The other rows are ours. A laptop's LSM-1 only begins to
# learn, so notebooks go on with the preset lsm1_tiny_simulated, of 16,000 steps.
_TABLE = (
    Profile(
        "smoke", 24, 2, "tests: a notebook in a minute on two cores",
        lsm1=Pretraining(96, 2, "nano", 6, 4, 1e-3),
        lsm2=Pretraining(24, 2, "nano", 4, 4, 1e-3),
        scaling=Scaling((16, 32), (4, 16), 4, 24, 4, 3e-3, 1),
    ),
    Profile(
        "laptop", 500, 4, "reading along: minutes on a CPU",
        lsm1=Pretraining(500, 4, "tiny", 500, 8, 1e-3),
        lsm2=Pretraining(500, 4, "nano", 300, 4, 2e-3),
        scaling=Scaling((16, 32, 64), (10, 24, 64, 160), 4, 3_000, 4, 3e-3, 2),
    ),
    Profile(
        "accelerator", 2_000, 14, "one GPU or TPU: an hour or so",
        lsm1=Pretraining(20_000, 4, "base", 20_000, 256, 1e-3),
        lsm2=Pretraining(2_000, 14, "base", 10_000, 256, 1e-3),
        scaling=Scaling((64, 128, "tiny", "small"), (75, 300, 1_200, 4_800, 19_200), 4, 10_000, 64, 1e-3, 3),
    ),
    Profile(
        "paper", 60_440, 27, "what LSM-2 reports: many accelerators, days",
        lsm1=Pretraining(165_090, 15, "base", 50_000, 4_096, 5e-3),
        lsm2=Pretraining(60_440, 27, "base", 100_000, 512, 5e-3),
        scaling=Scaling(
            ("tiny", "small", "base", "large"), (125, 1_250, 12_500, 93_750, 165_090), 15, 50_000, 4_096, 5e-3, 1
        ),
    ),
)  # fmt: skip

PROFILES: dict[str, Profile] = {row.name: row for row in _TABLE}


def profile(name: str) -> Profile:
    """Return the row of the table that is called ``name``.

    Raises:
        ValueError: no row has this name.
    """
    if name not in PROFILES:
        raise ValueError(f"There is no profile {name!r}; choose one of {', '.join(map(repr, PROFILES))}.")
    return PROFILES[name]
