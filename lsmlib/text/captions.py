"""Captions of days: sentences about what was measured, each with the facts it states.

SensorLM (Zhang, Ayush et al., NeurIPS 2025) pairs each day with text at three levels, made of templates: statistical,
structural and semantic. Wording, detectors and choices of what to tell are ours (``templates``, ``structure``,
``describe``); unlike the released captioner these captions speak of observed minutes only and can be checked.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort, check_whole
from lsmlib.signals import SIGNAL_NAMES
from lsmlib.text.describe import DECIMALS_OF, check_levels, describe_days, names_of
from lsmlib.text.facts import LEVELS, STATISTICS, Caption, Fact, Sentence, join_sentences, write_clock
from lsmlib.text.parse import parse_caption
from lsmlib.text.templates import PHRASES, TEMPLATES, UNITS

_WORDS = {
    name: {"Signal": phrase[0].upper() + phrase[1:], "signal": phrase, "unit": UNITS[name]}
    for name, phrase in PHRASES.items()
}
_DRAWS = len(SIGNAL_NAMES) + sum(map(len, TEMPLATES.values()))  # random words a caption takes


def caption_days(
    cohort: xr.Dataset,
    levels: str | Sequence[str] = tuple(LEVELS),
    seed: int = 0,
    *,
    signals: Sequence[str] | None = None,
    leave_out: Sequence[str] = (),
) -> list[Caption]:
    """Describe each day in words (``lsmlib.text.find_facts`` says what is told).

    What a caption tells follows from the day, but for four signals more that the statistical level draws; the wording
    is drawn for each sentence. Both depend on ``seed``, the person and the date alone: a day has the same caption in
    every selection of a Cohort, and another one for another seed.

    Args:
        cohort: a Cohort of whole days, simulated or recorded.
        levels: some of ``"statistical"``, ``"structural"``, ``"semantic"``, in the order in which they are told; all
            seven combinations can be had.
        seed: of the wording, 0 to 2⁶⁴ - 1.
        signals: describe these, and draw none besides. By default the 12 fixed ones of ``lsmlib.text.GROUPS``.
        leave_out: names of activities that no caption mentions, for experiments with unseen classes. Their minutes stay
            in the signals, and in sentences about signals.

    Returns:
        A caption a day. Where nothing can be said of a day at these levels, its text is empty.

    Raises:
        ValueError: as ``find_facts``; if ``leave_out`` names no activity of the Cohort; or if a name of an activity or
            mood cannot be told apart from the words around it.
    """
    check_cohort(cohort, values=False, empty_days=True)
    levels = check_levels(levels)
    check_whole("seed", seed, 0, 2**64 - 1)
    draws = _draw(seed, cohort)
    signals_first = np.argsort(draws[:, : len(SIGNAL_NAMES)], axis=1)
    found = describe_days(cohort, levels, signals, signals_first if signals is None else None)
    left_out = _check_left_out(cohort, leave_out)
    if "semantic" in levels:
        _check_names(cohort)
    orders, at = {}, len(SIGNAL_NAMES)
    for kind, templates in TEMPLATES.items():
        orders[kind] = np.argsort(draws[:, at : at + len(templates)], axis=1).tolist()
        at += len(templates)
    return [
        _write(
            [one for one in day.told if one[0].statistic != "activity" or one[0].subject not in left_out],
            {kind: order[row] for kind, order in orders.items()},
        )
        for row, day in enumerate(found)
    ]


def _draw(seed: int, cohort: xr.Dataset) -> np.ndarray:
    """Random words, uint64 ``[d, n]``. Philox promises the same stream for ever, and a key a day costs no state."""
    who = zip(cohort["person"].values.tolist(), cohort["date"].values.astype("datetime64[D]").astype(str), strict=True)
    bits = np.random.Philox(key=np.array([seed, 0], np.uint64))
    start = bits.state
    words = np.empty((cohort.sizes["day"], _DRAWS), np.uint64)
    for row, (person, date) in zip(words, who, strict=True):
        start["state"]["key"][1] = crc32(f"{person} {date}".encode())
        bits.state = start  # as a new Philox of this key, which would first ask the system for a seed
        row[:] = bits.random_raw(_DRAWS)
    return words


def _write(claims: Iterable[tuple[Fact, ...]], orders: dict[str, list[int]]) -> Caption:
    """Sentences for the claims, each kind's templates taken in turn, in a random order."""
    sentences = []
    turns = dict.fromkeys(TEMPLATES, 0)
    for facts in claims:
        level, kind = facts[0].level, facts[0].statistic
        kind = level if level == "statistical" else kind
        templates, order = TEMPLATES[kind], orders[kind]
        template = templates[order[turns[kind] % len(order)]]
        turns[kind] += 1
        sentences.append(write_sentence(template, facts))
    return join_sentences(sentences)


def write_sentence(template: str, facts: tuple[Fact, ...]) -> Sentence:
    """Fill a template of the facts' kind; of a signal's statistics, it states those for which it has a slot."""
    first = facts[0]
    level = first.level
    wording = _wording(template, "" if level == "semantic" else first.subject)
    if level == "statistical":
        facts = facts if "{minutes}" in template else facts[:4]
        return Sentence(wording.format(*(fact.value for fact in facts)), level, facts)
    value = first.subject if level == "semantic" else first.value
    return Sentence(wording.format(value, write_clock(first.start), write_clock(first.end)), level, facts)


@lru_cache(maxsize=len(SIGNAL_NAMES) * sum(map(len, TEMPLATES.values())))
def _wording(template: str, signal: str) -> str:
    """A template with a signal's words, and its other slots as ``str.format`` fills them fastest: by number."""
    decimals = DECIMALS_OF.get(signal)
    slots = {statistic: f"{{{at}:.{decimals}f}}" for at, statistic in enumerate(STATISTICS)}
    slots |= {"minutes": "{4:.0f}", "value": f"{{0:.{decimals}f}}", "name": "{0}", "start": "{1}", "end": "{2}"}
    return template.format(**slots, **_WORDS.get(signal, {}))


def _check_left_out(cohort: xr.Dataset, leave_out: Sequence[str]) -> set[str]:
    if isinstance(leave_out, str):
        raise ValueError(f"leave_out is {leave_out!r}; expected a list of names, such as [{leave_out!r}]")
    known = list(names_of(cohort, "activity").values())
    if unknown := [name for name in leave_out if name not in known]:
        raise ValueError(f"leave_out names {unknown}, which are no activities here; expected some of {known}")
    return set(leave_out)


def _check_names(cohort: xr.Dataset) -> None:
    for event in ("activity", "mood"):
        for name in names_of(cohort, event).values():
            if (unreadable := _find_unreadable(event, name)) is not None:
                raise ValueError(
                    f"the {event} {name!r} cannot be told apart from the words around it in {unreadable!r}; rename it "
                    "in the flag_meanings of the Cohort: at most 60 characters, and no full stop"
                )


@lru_cache(maxsize=1024)
def _find_unreadable(event: str, name: str) -> str | None:
    """A sentence from which a name is not read back, if there is any."""
    fact = Fact(name, event, None, 420, 500 if event == "activity" else 421)
    texts = (write_sentence(template, (fact,)).text for template in TEMPLATES[event])
    return next((text for text in texts if parse_caption(f"{text} {text}").facts != (fact, fact)), None)
