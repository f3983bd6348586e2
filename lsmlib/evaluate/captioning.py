"""How true a caption is: its text read back into facts, and each fact looked up in the day's signals and logs.

Metrics of overlapping words reward fluent nonsense: a caption with every number wrong shares nearly all words with the
right one. Sentences of our captions can be read back into facts, so that generated text can be checked instead.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.signals import SD, index_of
from lsmlib.text import LEVELS, DayFacts, Fact, find_facts, parse_caption


class Judged(NamedTuple):
    """A stated fact beside what the day holds of its kind."""

    fact: Fact
    measured: Fact | None  # the nearest in time of the same subject and statistic; None if the day has none
    value_error: float  # absolute, in population sds of the signal; NaN without a value or a measured fact
    time_error: float  # minutes, the larger of start's and end's; NaN without a measured fact
    is_true: bool


def judge_facts(stated: Iterable[Fact], day: DayFacts, tolerance: float = 0.1, minutes: float = 30) -> list[Judged]:
    """Look up facts in a day. A fact is true if the day holds one like it, near enough in value and in time.

    Args:
        stated: facts, of ``lsmlib.text.parse_caption`` for example; one that is stated twice counts once.
        day: what the day holds, from ``lsmlib.text.find_facts``.
        tolerance: the largest error of a value, in population sds of its signal.
        minutes: the largest error of a time, and of a number of observed minutes. By default a bin of trends and peaks.
    """
    held: dict[tuple[str, str], list[Fact]] = {}
    for claim in (*day.told, *day.spare):
        for fact in claim:
            held.setdefault((fact.subject, fact.statistic), []).append(fact)
    judged = []
    for fact in dict.fromkeys(stated):
        alike = held.get((fact.subject, fact.statistic), [])
        nearest = min(alike, key=lambda other: _time_error(fact, other), default=None)
        if nearest is None:
            judged.append(Judged(fact, None, np.nan, np.nan, False))
            continue
        value_error, time_error = _value_error(fact, nearest), _time_error(fact, nearest)
        is_true = time_error <= minutes and not value_error > tolerance
        judged.append(Judged(fact, nearest, value_error, time_error, is_true))
    return judged


def score_captions(
    texts: Sequence[str],
    cohort: xr.Dataset,
    levels: str | Sequence[str] = tuple(LEVELS),
    *,
    signals: Sequence[str] | None = None,
    tolerance: float = 0.1,
    minutes: float = 30,
) -> pd.DataFrame:
    """Score texts that claim to describe the days of a Cohort.

    Precision is judged against all that the day holds, also against what captions tell at times only; recall against
    what every caption tells. Captions of ``lsmlib.text.caption_days`` have 1 for both, at a tolerance of 0.

    Args:
        texts: one text a day, generated or not.
        cohort: the days that they describe.
        levels: judge facts of these levels; others are not looked at.
        signals: those that captions were asked to tell of, as in ``caption_days``.
        tolerance: as in ``judge_facts``.
        minutes: as in ``judge_facts``.

    Returns:
        A row a level, and ``"all"``: ``stated`` facts and ``precision``, the share that is true; ``told`` facts and
        ``recall``, the share that was stated truly; ``value_error`` (mean, in population sds of the signals) and
        ``time_error`` (mean, minutes) of the stated facts of whose kind the day holds any. NaN where there are none.

    Raises:
        ValueError: if there is not one text a day, or as ``lsmlib.text.find_facts``.
    """
    days = find_facts(cohort, levels, signals)
    if isinstance(texts, str) or len(texts) != len(days):
        count = "one str" if isinstance(texts, str) else f"{len(texts)} texts"
        raise ValueError(f"texts is {count}; expected a list of {len(days)}, one text a day of the cohort")
    levels = (levels,) if isinstance(levels, str) else tuple(levels)
    stated, told = [], []
    for text, day in zip(texts, days, strict=True):
        facts = [fact for fact in parse_caption(text).facts if fact.level in levels]
        judged = judge_facts(facts, day, tolerance, minutes)
        stated += [(one.fact.level, one.is_true, one.value_error, one.time_error) for one in judged]
        found = {one.measured for one in judged if one.is_true}
        expected = [fact for claim in day.told for fact in claim if fact.statistic != "minutes"]
        told += [(fact.level, fact in found) for fact in expected]
    claims = pd.DataFrame(stated, columns=["level", "is_true", "value_error", "time_error"])
    truth = pd.DataFrame(told, columns=["level", "is_stated"])
    rows = {}
    for level in (*levels, "all"):
        mine = claims if level == "all" else claims[claims["level"] == level]
        theirs = truth if level == "all" else truth[truth["level"] == level]
        rows[level] = {
            "stated": len(mine),
            "precision": mine["is_true"].astype(float).mean(),
            "told": len(theirs),
            "recall": theirs["is_stated"].astype(float).mean(),
            "value_error": mine["value_error"].astype(float).mean(),
            "time_error": mine["time_error"].astype(float).mean(),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("level")


def understood_share(texts: Sequence[str]) -> float:
    """The share of the texts' characters, spaces apart, in sentences that state facts: how much of it can be judged.

    Raises:
        ValueError: if the texts hold no character.
    """
    total = sum(len("".join(text.split())) for text in texts)
    if not total:
        raise ValueError("the texts are empty; expected at least one word")
    sentences = (sentence.text for text in texts for sentence in parse_caption(text).sentences)
    return sum(len("".join(sentence.split())) for sentence in sentences) / total


def _value_error(fact: Fact, other: Fact) -> float:
    if fact.value is None or other.value is None or fact.statistic == "minutes":
        return np.nan
    return abs(fact.value - other.value) / float(SD[index_of(fact.subject)])


def _time_error(fact: Fact, other: Fact) -> float:
    if fact.statistic == "minutes" and fact.value is not None and other.value is not None:
        return abs(fact.value - other.value)
    return float(max(abs(fact.start - other.start), abs(fact.end - other.end)))
