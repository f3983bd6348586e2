"""Which facts a day holds, at three levels: nothing is drawn at random here, and nothing is said that was not measured.

The signals told of are those that SensorLM's captions describe, as read in the released captioner's groups (its names
for some columns are wrong there): fixed ones, and a few more that are drawn anew for each caption.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain, cycle, repeat
from typing import NamedTuple

import numpy as np
import xarray as xr

from lsmlib.checks import check_cohort
from lsmlib.signals import MEAN, MINUTES_PER_DAY, SIGNAL_NAMES, index_of
from lsmlib.text.facts import EVENTS, LEVELS, STATISTICS, Fact, decimals_of
from lsmlib.text.structure import BIN_MINUTES, BINS, find_structure, make_bins

BLOCK = 64  # days described at once: a shard of a store
MIN_OBSERVED = 30  # minutes; of a signal with fewer nothing is said
MIN_BINS = 12  # six hours; of a signal with fewer no trend or peak is told
MOST_PER_SIGNAL, MOST_PER_GROUP = 2, 6  # trends and peaks that captions tell, the strongest first
MIN_ACTIVITY, MIN_SLEEP, JOIN_SLEEP = 10, 20, 20  # minutes; shorter events are not told, shorter wakings not counted
MOST_EVENTS = {"activity": 8, "sleep": 2, "mood": 8}  # the longest of them (of moods, the first)
LABELS = {"activity": "activity", "sleep": "asleep", "mood": "mood"}  # kind of event → variable of a Cohort


class Group(NamedTuple):
    """Signals of one modality: those always told of, those told of at times, and how many of the latter."""

    name: str
    always: tuple[str, ...]
    at_times: tuple[str, ...]
    draws: int


GROUPS = (
    Group(
        "heart",
        ("heart_rate", "rr_median", "rr_entropy", "sdnn"),
        (
            "heart_rate_at_rest", "rr_percent_valid", "rr_80th_percentile", "rr_20th_percentile", "rr_diff_entropy",
            "rmssd",
        ),
        2,
    ),
    Group(
        "movement",
        ("steps", "jerk_autocorrelation", "log_energy", "kurtosis", "sleep_coefficient"),
        (
            "covariance_condition", "log_energy_ratio", "zero_crossing_sd", "zero_crossing_mean", "axis_mean",
            "altimeter_sd",
        ),
        1,
    ),
    Group(
        "skin",
        ("skin_conductance", "skin_temperature", "skin_temperature_slope"),
        ("skin_conductance_slope", "eda_lead_contacts"),
        1,
    ),
)  # fmt: skip


class DayFacts(NamedTuple):
    """The facts of a day, a tuple for what one sentence states."""

    told: list[tuple[Fact, ...]]  # what every caption tells
    spare: list[tuple[Fact, ...]]  # true as well: signals told of at times, weaker trends and peaks, shorter events


def find_facts(
    cohort: xr.Dataset,
    levels: str | Sequence[str] = tuple(LEVELS),
    signals: Sequence[str] | None = None,
) -> list[DayFacts]:
    """Find what can be said of each day, from observed minutes only.

    - Statistical: mean, extremes, sd and number of the observed minutes of each signal that has at least 30.
    - Structural: trends and peaks (``lsmlib.text.find_structure``) of each signal with at least six hours of half-hour
      bins; told are the two strongest of a signal and the six strongest of a modality, those of ``signals`` only.
    - Semantic: activities, sleep and moods that are logged, with their times. An event is a fact only if the device
      was worn: half of its minutes must hold a reading of some signal. Wakings of less than 20 minutes are
      sleep; told are activities of 10 minutes or more and sleep of 20 or more, the longest eight and two.

    Args:
        cohort: a Cohort of whole days; a lazy one is read 64 days at a time.
        levels: some of ``"statistical"``, ``"structural"``, ``"semantic"``, in the order in which they are told.
        signals: those told of. By default the 12 fixed ones of ``GROUPS``.

    Returns:
        One ``DayFacts`` a day. A day has no facts of a level of which it holds nothing: no labels, too few readings.

    Raises:
        ValueError: if this is no Cohort of whole days, a level or signal is unknown, or ``"semantic"`` is asked for
            and no day has an activity, sleep or mood.
    """
    check_cohort(cohort, values=False, empty_days=True)
    return describe_days(cohort, check_levels(levels), signals)


def describe_days(
    cohort: xr.Dataset, levels: Sequence[str], signals: Sequence[str] | None, drawn: np.ndarray | None = None
) -> list[DayFacts]:
    """``find_facts``; or, for captions, with further signals told of, and none of the others' statistics looked at.

    Args:
        cohort: as in ``find_facts``, checked.
        levels: likewise.
        signals: likewise.
        drawn: all signals of each day, ``[d, s]`` by number, in the order in which those told of at times are taken.
    """
    chosen = _check_signals(signals)
    if cohort.sizes["minute"] != MINUTES_PER_DAY or "start_minute" in cohort.variables:
        raise ValueError(
            f"these are windows of {cohort.sizes['minute']} minutes; expected a Cohort of whole days, as before "
            "lsmlib.cut_windows: times in captions are times of the day"
        )
    labels = {event: variable for event, variable in LABELS.items() if variable in cohort}
    names = {event: names_of(cohort, event) for event in labels if event != "sleep"}
    kept = cohort[["signals", *(labels.values() if "semantic" in levels else ())]]

    def describe(first: int) -> tuple[list[DayFacts], bool]:
        rows = slice(first, first + BLOCK)
        block = kept.isel(day=rows).compute()
        values = block["signals"].values
        days = [DayFacts([], []) for _ in range(len(values))]
        sums = _sum_bins(values) if set(levels) != {"semantic"} else None
        is_labelled = False
        for level in levels:
            if sums is not None and level == "statistical":
                _add_statistics(days, values, sums, chosen, None if drawn is None else drawn[rows])
            elif sums is not None and level == "structural":
                _add_structure(days, sums, chosen)
            else:
                codes = {event: block[variable].values for event, variable in labels.items()}
                is_labelled = any((code >= 0).any() for code in codes.values())
                _add_events(days, codes, names, _is_worn(values))
        return days, is_labelled

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(describe, range(0, cohort.sizes["day"], BLOCK)))
    if "semantic" in levels and not any(is_labelled for _, is_labelled in blocks):
        raise ValueError(
            f"no day has an activity, sleep or mood (variables {', '.join(LABELS.values())}), so nothing semantic can "
            "be said; pass levels=('statistical', 'structural'), or add labels with lsmlib.make_cohort(per_minute=…)"
        )
    return [day for days, _ in blocks for day in days]


def check_levels(levels: str | Sequence[str]) -> tuple[str, ...]:
    """The levels asked for, each known and named once. Raises ``ValueError``."""
    levels = (levels,) if isinstance(levels, str) else tuple(levels)
    if not levels or len(set(levels)) < len(levels) or not set(levels) <= set(LEVELS):
        raise ValueError(f"levels is {levels}; expected one or more of {tuple(LEVELS)}, each once")
    return levels


def names_of(cohort: xr.Dataset, event: str) -> dict[int, str]:
    """Names of the codes of ``"activity"`` or ``"mood"`` in a Cohort, from 0 on; empty where there is no variable."""
    attrs = cohort[event].attrs if event in cohort else {}
    values, meanings = attrs.get("flag_values", []), str(attrs.get("flag_meanings", "")).split()
    return {int(code): text.replace("_", " ") for code, text in zip(values, meanings, strict=True) if code >= 0}


def _check_signals(signals: Sequence[str] | None) -> tuple[tuple[str, ...], ...]:
    """The signals told of, by group."""
    if signals is None:
        return tuple(group.always for group in GROUPS)
    if isinstance(signals, str) or not len(signals):
        raise ValueError(f"signals is {signals!r}; expected a list of at least one name")
    for name in signals:
        index_of(name)
    return tuple(tuple(name for name in signals if name in group.always + group.at_times) for group in GROUPS)


class _Sums(NamedTuple):
    """Number, sum and sum of squares of each bin's observed minutes, less the population mean: ``[d, 48, s]``."""

    number: np.ndarray
    total: np.ndarray
    squares: np.ndarray


def _sum_bins(values: np.ndarray) -> _Sums:
    days, signals = len(values), values.shape[2]
    sums = _Sums(*(np.empty((days, BINS, signals), kind) for kind in (np.uint8, float, float)))
    for day, minutes in enumerate(values):  # a day stays in the cache, a block of days would not
        observed = ~np.isnan(minutes)
        # Of numbers near 0 the sum of squares is exact enough; float64 holds float32 less the mean exactly enough too.
        centred = minutes - MEAN64
        np.copyto(centred, 0, where=~observed)
        bins = centred.reshape(BINS, BIN_MINUTES, signals)
        np.add.reduce(observed.reshape(bins.shape), axis=1, dtype=np.uint8, out=sums.number[day])
        np.einsum("bms->bs", bins, out=sums.total[day])
        np.einsum("bms,bms->bs", bins, bins, out=sums.squares[day])
    return sums


def _add_statistics(
    days: list[DayFacts], values: np.ndarray, sums: _Sums, chosen: Sequence[Sequence[str]], drawn: np.ndarray | None
) -> None:
    count = sums.number.sum(axis=1, dtype=int)
    total, squares = sums.total.sum(axis=1), sums.squares.sum(axis=1)
    known = np.maximum(count, 2)
    sd = np.sqrt(np.maximum(squares - total**2 / known, 0) / (known - 1))
    statistics = MEAN64 + total / known, _over_minutes(np.fmax, values), _over_minutes(np.fmin, values), sd
    table = np.stack([_as_printed(one) for one in statistics] + [count], axis=2)  # [d, s, 5]
    enough = count >= MIN_OBSERVED
    every = np.arange(len(days))

    def add(places: list[list[tuple[Fact, ...]]], signals: np.ndarray) -> None:
        """Tell of one signal of each day ``[d]``, where it has enough readings; -1: of none."""
        rows = np.flatnonzero((signals >= 0) & enough[every, signals])
        told = signals[rows]
        subjects = chain.from_iterable(repeat(SIGNAL_NAMES[at], len(STATISTICS)) for at in told.tolist())
        numbers = table[rows, told].ravel().tolist()
        facts = map(_new_fact, zip(subjects, cycle(STATISTICS), numbers, repeat(0), repeat(MINUTES_PER_DAY)))
        for row, several in zip(rows.tolist(), zip(*[facts] * len(STATISTICS), strict=True), strict=True):
            places[row].append(several)

    told, spare = [day.told for day in days], [day.spare for day in days]
    for group, names in zip(GROUPS, chosen, strict=True):
        for name in names:
            add(told, np.full(len(days), INDEX[name]))
        for signals in () if drawn is None else _take(group, drawn, enough):
            add(told, signals)
    if drawn is None:
        always = {name for names in chosen for name in names}
        for name in SIGNAL_NAMES:
            if name not in always:
                add(spare, np.full(len(days), INDEX[name]))


def _take(group: Group, drawn: np.ndarray, enough: np.ndarray) -> np.ndarray:
    """The group's first signals with readings that are told of at times, in the order drawn: ``[draws, d]``, or -1."""
    usable = np.isin(drawn, [INDEX[name] for name in group.at_times]) & np.take_along_axis(enough, drawn, axis=1)
    first = np.argsort(~usable, axis=1, kind="stable")[:, : group.draws]
    signals = np.take_along_axis(drawn, first, axis=1)
    return np.where(np.take_along_axis(usable, first, axis=1), signals, -1).T


def _over_minutes(reduce: np.ufunc, values: np.ndarray) -> np.ndarray:
    """Reduce days ``[d, t, s]`` to ``[d, s]``, in strides of a bin, which are long enough to be fast."""
    long = reduce.reduce(values.reshape(len(values), BINS, -1), axis=1)
    return reduce.reduce(long.reshape(len(values), BIN_MINUTES, -1), axis=1)


def _as_printed(values: np.ndarray) -> np.ndarray:
    """Values of all signals ``[d, s]`` rounded as ``round`` does, to the decimals they are printed with."""
    scaled = values * TENS
    rounded = np.rint(scaled)
    # Near a half, the product may have fallen to the wrong side of it.
    for day, at in zip(*np.nonzero(np.abs(np.abs(scaled - rounded) - 0.5) < 1e-6), strict=True):
        rounded[day, at] = round(float(values[day, at]), DECIMALS_OF[SIGNAL_NAMES[at]]) * TENS[at]
    return np.rint(rounded) / TENS + 0.0  # no "-0.0"


def _add_structure(days: list[DayFacts], sums: _Sums, chosen: Sequence[Sequence[str]]) -> None:
    signals = [name for group in chosen for name in group]
    columns = [INDEX[name] for name in signals]
    rows = [np.moveaxis(part[..., columns], 2, 1).reshape(-1, BINS) for part in sums]  # [d × signals, 48]
    bins = make_bins(*rows)
    usable = np.flatnonzero((~np.isnan(bins.mean)).sum(axis=1) >= MIN_BINS)
    found = dict(zip(usable.tolist(), find_structure(type(bins)(*(part[usable] for part in bins))), strict=True))
    for day in range(len(days)):
        column = 0
        for group in chosen:
            # The strongest of the modality, of which no signal may have more than its share.
            ranked = [
                (one.strength, place < MOST_PER_SIGNAL, column + at, one)
                for at in range(len(group))
                for place, one in enumerate(found.get(day * len(signals) + column + at, ()))
            ]
            ranked.sort(key=lambda one: (not one[1], -one[0]))
            for is_told, part in ((True, ranked[:MOST_PER_GROUP]), (False, ranked[MOST_PER_GROUP:])):
                for _, in_share, at, one in sorted(part, key=lambda one: (one[2], one[3].first)):
                    name = signals[at]
                    value = one.value + (float(MEAN64[INDEX[name]]) if one.statistic in ("peak", "dip") else 0)
                    fact = Fact(
                        name, one.statistic, round(value, DECIMALS_OF[name]) + 0.0,
                        one.first * BIN_MINUTES, (one.last + 1) * BIN_MINUTES,
                    )  # fmt: skip
                    (days[day].told if is_told and in_share else days[day].spare).append((fact,))
            column += len(group)


def _is_worn(values: np.ndarray) -> np.ndarray:
    """In which minutes any signal was read, bool ``[d, t]``: a product, which is twice as fast as ``any``."""
    one = np.ones(values.shape[2], np.float32)
    return np.stack([(~np.isnan(day)).astype(np.float32) @ one > 0 for day in values])


def _add_events(
    days: list[DayFacts], codes: dict[str, np.ndarray], names: dict[str, dict[int, str]], worn: np.ndarray
) -> None:
    before = np.pad(np.cumsum(worn, axis=1), ((0, 0), (1, 0)))  # minutes worn before each
    for event in EVENTS:
        if event not in codes:
            continue
        runs = _find_runs(codes[event])
        least = {"activity": MIN_ACTIVITY, "sleep": MIN_SLEEP, "mood": 1}[event]
        for facts, own, spent in zip(days, runs, before, strict=True):
            found = list(_find_sleep(own) if event == "sleep" else _find_named(event, own, names[event]))
            found = [one for one in found if 2 * (spent[one.end] - spent[one.start]) >= one.end - one.start]
            longest = sorted((one for one in found if one.end - one.start >= least), key=_length, reverse=True)
            told = set(longest[: MOST_EVENTS[event]])
            for one in found:
                (facts.told if one in told else facts.spare).append((one,))


def _length(event: Fact) -> int:
    return event.end - event.start


def _find_runs(codes: np.ndarray) -> list[list[tuple[int, int, int]]]:
    """Stretches of equal codes from 0 on, of each day ``[d, t]``: code, start and stop, in time order."""
    changed = np.ones(codes.shape, bool)
    np.not_equal(codes[:, 1:], codes[:, :-1], out=changed[:, 1:])
    row, start = np.nonzero(changed)
    stop = np.where(np.append(row[1:] == row[:-1], False), np.append(start[1:], 0), codes.shape[1])
    code = codes[row, start]
    runs: list[list[tuple[int, int, int]]] = [[] for _ in codes]
    for at in np.flatnonzero(code >= 0).tolist():
        runs[row[at]].append((int(code[at]), int(start[at]), int(stop[at])))
    return runs


def _find_named(event: str, runs: Iterable[tuple[int, int, int]], names: dict[int, str]) -> Iterable[Fact]:
    """What codes stand for; moods are entries of one minute each."""
    for code, start, stop in runs:
        if code not in names:
            raise ValueError(f"{event} holds code {code} without a name in its attrs; see make_cohort")
        yield Fact(names[code], event, None, start, stop if event == "activity" else start + 1)


def _find_sleep(runs: Iterable[tuple[int, int, int]]) -> Iterable[Fact]:
    """Stretches of sleep, short wakings within them included."""
    start, end = None, 0
    for code, begin, stop in runs:
        if code != 1:
            continue
        if start is not None and begin - end >= JOIN_SLEEP:
            yield Fact("sleep", "sleep", None, start, end)
            start = None
        start, end = begin if start is None else start, stop
    if start is not None:
        yield Fact("sleep", "sleep", None, start, end)


_new_fact = partial(tuple.__new__, Fact)  # of a hundred facts a day, the usual way would be felt
INDEX = {name: at for at, name in enumerate(SIGNAL_NAMES)}
DECIMALS_OF = {name: decimals_of(name) for name in SIGNAL_NAMES}
MEAN64 = MEAN.astype(float)
TENS = 10.0 ** np.array(list(DECIMALS_OF.values()))
