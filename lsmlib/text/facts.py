"""What a caption says, as data: a fact is a claim that can be looked up in a day, and drawn over it.

A fact holds the number as it is printed, not as it was computed, so that a sentence and its facts say the same.
"""

from typing import NamedTuple

from lsmlib.signals import MINUTES_PER_DAY, SIGNALS, index_of

STATISTICS = ("mean", "maximum", "minimum", "sd", "minutes")  # of a signal over the observed minutes of a day
STRUCTURES = ("rise", "fall", "peak", "dip")  # of a signal between two times
EVENTS = ("activity", "sleep", "mood")
LEVELS = {"statistical": STATISTICS, "structural": STRUCTURES, "semantic": EVENTS}
LEVEL_OF = {statistic: level for level, statistics in LEVELS.items() for statistic in statistics}

# As many decimals as leave two or three digits of a signal's population sd.
DECIMALS = {
    "bpm": 1, "ms": 1, "fraction": 2, "nats": 2, "steps/min": 1, "a.u.": 1, "hPa": 4, "µS": 2, "µS/min": 2, "counts": 1,
    "°C": 2, "m°C/min": 1,
}  # fmt: skip


class Fact(NamedTuple):
    """One claim about one day.

    - Of level statistical, ``statistic`` is ``"mean"``, ``"maximum"``, ``"minimum"`` or ``"sd"`` (n - 1 degrees of
      freedom, as pandas has it) of a signal's observed minutes, or their number, ``"minutes"``.
    - Structural: ``"rise"`` or ``"fall"`` by ``value`` from the first bin to the last, or ``"peak"`` or ``"dip"``, a
      bin with the mean ``value``; bins are ``lsmlib.text.BIN_MINUTES`` long.
    - Semantic: an ``"activity"`` of the name ``subject``, ``"sleep"``, or a ``"mood"`` of that name. No value.
    """

    subject: str  # the name of a signal, of an activity or of a mood, or "sleep"
    statistic: str
    value: float | None  # in the signal's unit, as printed
    start: int  # minute of the day
    end: int  # the minute after the last, at most 1,440

    @property
    def level(self) -> str:
        """``"statistical"``, ``"structural"`` or ``"semantic"``."""
        return LEVEL_OF[self.statistic]


class Sentence(NamedTuple):
    """A sentence, and the facts that it states."""

    text: str
    level: str
    facts: tuple[Fact, ...]


class Caption(NamedTuple):
    """The sentences that describe a day; ``text`` has a line a level."""

    text: str
    sentences: tuple[Sentence, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        """The facts of all sentences, in their order."""
        return tuple(fact for sentence in self.sentences for fact in sentence.facts)


def join_sentences(sentences: list[Sentence]) -> Caption:
    """A caption of sentences in their order, with a new line where the level changes."""
    text = ""
    for before, sentence in zip([None, *sentences], sentences, strict=False):
        between = "" if before is None else " " if before.level == sentence.level else "\n"
        text += between + sentence.text
    return Caption(text, tuple(sentences))


def decimals_of(signal: str) -> int:
    """How many decimals the values of a signal are printed with."""
    return DECIMALS[SIGNALS[index_of(signal)].unit]


def write_clock(minute: int) -> str:
    """A minute of the day as its time: 0 is ``00:00``, 1,440 is ``24:00``."""
    return CLOCK[minute]


def read_clock(text: str) -> int | None:
    """The minute of the day of a time, the inverse of ``write_clock``; ``None`` if there is no such time."""
    return MINUTE_OF.get(text)


CLOCK = tuple(f"{minute // 60:02d}:{minute % 60:02d}" for minute in range(MINUTES_PER_DAY + 1))
MINUTE_OF = {text: minute for minute, text in enumerate(CLOCK)}
