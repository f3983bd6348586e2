"""From the words of a caption back to the facts they state: the inverse of the templates, and of nothing else.

Text that a model has generated is read in the same way: a sentence that has the form of a template states facts, true
or not; any other sentence states none.
"""

import re
from string import Formatter

from lsmlib.text.facts import Caption, Fact, Sentence, read_clock
from lsmlib.text.templates import PHRASES, TEMPLATES, UNITS

_SIGNALS = {phrase: name for name, phrase in PHRASES.items()}
_SIGNALS |= {phrase[0].upper() + phrase[1:]: name for phrase, name in _SIGNALS.items()}
_NUMBER = r"-?\d+(?:\.\d+)?"
_LONGEST_NAME = 60


def _any_of(words: set[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


_PATTERNS = {
    "Signal": _any_of({phrase for phrase in _SIGNALS if not phrase[0].islower()}),
    "signal": _any_of(set(PHRASES.values())),
    "unit": _any_of(set(UNITS.values())),
    "name": rf"\S(?:[^\n]{{0,{_LONGEST_NAME - 2}}}?\S)??",
    "start": r"\d\d:\d\d",
    "end": r"\d\d:\d\d",
}


def _compile(template: str) -> re.Pattern[str]:
    """A template as a regular expression, its slots named groups; ``unit`` may occur more than once."""
    pattern, units = "", 0
    for literal, slot, _, _ in Formatter().parse(template):
        pattern += re.escape(literal)
        if slot == "unit":
            units += 1
            pattern += f"(?P<unit{units}>{_PATTERNS['unit']})"
        elif slot is not None:
            pattern += f"(?P<{slot.lower()}>{_PATTERNS.get(slot, _NUMBER)})"
    return re.compile(pattern + r"(?=\s|$)")


_READERS = [(kind, _compile(template)) for kind, templates in TEMPLATES.items() for template in templates]
_NEXT = re.compile(r"[.!?]\s+|\n+")


def parse_caption(text: str) -> Caption:
    """Read the sentences of a text that have the form of a caption's, with the facts they state.

    ``parse_caption(caption.text) == caption`` for every caption of ``lsmlib.text.caption_days``.

    Args:
        text: any text, of a model for example.

    Returns:
        The text with the sentences understood, which may be none. A sentence is not understood if its words differ from
        a template's anywhere, a unit is not the signal's, or there is no such time of day.

    Raises:
        ValueError: if ``text`` is no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"text is a {type(text).__name__}; expected a str, for example caption.text")
    sentences, at = [], 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        sentence = _read_sentence(text, at)
        if sentence is not None:
            sentences.append(sentence)
            at += len(sentence.text)
        else:
            ahead = _NEXT.search(text, at)
            at = ahead.end() if ahead else len(text)
    return Caption(text, tuple(sentences))


def _read_sentence(text: str, at: int) -> Sentence | None:
    for kind, reader in _READERS:
        match = reader.match(text, at)
        if match is not None:
            facts = _state(kind, match.groupdict())
            if facts:
                return Sentence(match.group(), facts[0].level, facts)
    return None


def _state(kind: str, slots: dict[str, str]) -> tuple[Fact, ...]:
    """The facts of a filled template; none if it makes no sense."""
    start, end = read_clock(slots.get("start", "00:00")), read_clock(slots.get("end", "24:00"))
    if start is None or end is None:
        return ()
    if kind == "mood":
        return (Fact(slots["name"], kind, None, start, start + 1),)
    if kind in ("activity", "sleep"):
        return (Fact(slots.get("name", "sleep"), kind, None, start, end),)
    signal = _SIGNALS[slots["signal"]]
    if any(unit != UNITS[signal] for slot, unit in slots.items() if slot.startswith("unit")):
        return ()
    if kind != "statistical":
        return (Fact(signal, kind, float(slots["value"]) + 0.0, start, end),)
    return tuple(
        Fact(signal, statistic, float(slots[statistic]) + 0.0, start, end)
        for statistic in ("mean", "maximum", "minimum", "sd", "minutes")
        if statistic in slots
    )
