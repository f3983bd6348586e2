"""What captions say is what was measured, and the same facts come back from their words."""

import hashlib

import dask.array as da
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lsmlib import cut_windows
from lsmlib.cohort import make_cohort
from lsmlib.signals import SIGNAL_NAMES, SIGNALS
from lsmlib.text import GROUPS, LEVELS, TEMPLATES, Fact, caption_days, find_facts, parse_caption
from lsmlib.text.captions import write_sentence
from lsmlib.text.describe import DECIMALS_OF
from lsmlib.text.templates import PHRASES, UNITS
from tests.text.days import eventful_cohort, plain_cohort

FIXED = [name for group in GROUPS for name in group.always]
MINUTE = np.arange(1440)


@pytest.fixture(scope="module")
def cohort():
    return eventful_cohort(8)


def test_statistics_are_those_of_pandas_on_observed_minutes(cohort):
    seen = 0
    for day, caption in enumerate(caption_days(cohort, "statistical")):
        frame = pd.DataFrame(cohort.signals.values[day].astype(float), columns=SIGNAL_NAMES)
        frame = frame.agg(["mean", "max", "min", "std", "count"])
        frame.index = ["mean", "maximum", "minimum", "sd", "minutes"]
        for fact in caption.facts:
            decimals = 0 if fact.statistic == "minutes" else DECIMALS_OF[fact.subject]
            assert f"{fact.value:.{decimals}f}" == f"{frame.loc[fact.statistic, fact.subject]:.{decimals}f}", fact
            assert (fact.start, fact.end) == (0, 1440)
            seen += 1
    assert seen > 8 * 12 * 4


def test_each_number_of_a_fact_stands_in_its_sentence(cohort):
    for caption in caption_days(cohort):
        assert caption.text == "\n".join(
            " ".join(one.text for one in caption.sentences if one.level == level)
            for level in LEVELS
            if any(one.level == level for one in caption.sentences)
        )
        for sentence in caption.sentences:
            for fact in sentence.facts:
                assert fact.level == sentence.level
                if fact.statistic == "minutes":
                    assert f"{fact.value:.0f} " in sentence.text
                elif fact.value is not None:
                    assert f"{fact.value:.{DECIMALS_OF[fact.subject]}f}" in sentence.text
                if fact.level == "semantic":
                    assert f"{fact.start // 60:02d}:{fact.start % 60:02d}" in sentence.text


def test_what_was_not_measured_is_not_described():
    heart = np.full(1440, np.nan)
    heart[:29] = 60  # one minute too few
    steps = np.where(MINUTE < 30, 7.0, np.nan)
    cohort = plain_cohort(heart_rate=heart, steps=steps)
    (caption,) = caption_days(cohort, ("statistical", "structural"))
    assert {fact.subject for fact in caption.facts} == {"steps"}
    (day,) = find_facts(cohort, "statistical")
    assert day.told == [
        (*(Fact("steps", name, value, 0, 1440) for name, value in
           {"mean": 7, "maximum": 7, "minimum": 7, "sd": 0, "minutes": 30}.items()),)
    ]  # fmt: skip


def test_values_under_gaps_change_nothing_and_a_gap_is_no_zero():
    signal = np.where((MINUTE > 600) & (MINUTE < 900), np.nan, 70.0 + MINUTE % 3)
    (caption,) = caption_days(plain_cohort(heart_rate=signal), "statistical")
    stated = {fact.statistic: fact.value for fact in caption.facts}
    observed = pd.Series(signal).dropna()
    assert (stated["minimum"], stated["maximum"]) == (70, 72)
    assert stated["mean"] == round(observed.mean(), 1) and stated["sd"] == round(observed.std(), 1)


def test_trends_and_peaks_by_hand():
    level = np.interp(MINUTE, [600, 780], [30.0, 33.0])  # °C, from 10:00 to 13:00
    level[1080:1110] = 36.0
    (caption,) = caption_days(plain_cohort(skin_temperature=level + 0.02 * (MINUTE % 2)), "structural")
    rise, peak = caption.facts
    # bins of half an hour: the first averages 30.25, the last 32.75
    assert rise == Fact("skin_temperature", "rise", 2.5, 600, 780)
    assert peak == Fact("skin_temperature", "peak", 36.01, 1080, 1110)
    assert "10:00" in caption.text and "13:00" in caption.text and "°C" in caption.text


def labelled(activity=(), asleep=(), mood=(), worn=slice(None)):
    """A day with stretches (start, stop, code) of each label and a heart rate in the minutes worn."""
    codes = {"activity": np.full((1, 1440), -1), "asleep": np.zeros((1, 1440), int), "mood": np.full((1, 1440), -1)}
    for name, stretches in (("activity", activity), ("asleep", asleep), ("mood", mood)):
        for start, stop, code in stretches:
            codes[name][0, start:stop] = code
    heart = np.full((1, 1440), np.nan)
    heart[0, worn] = 60
    names = {"activity": ["Walk", "HIIT", "Strength training"], "mood": ["calm", "tired"]}
    return make_cohort(
        {"heart_rate": heart}, ["p"], ["2024-03-01"],
        per_minute={name: (code, names[name]) if name in names else code for name, code in codes.items()},
    )  # fmt: skip


def test_events_by_hand():
    cohort = labelled(
        activity=[(480, 540, 0), (540, 570, 2), (700, 709, 1)],
        asleep=[(0, 100, 1), (110, 400, 1), (1380, 1440, 1), (800, 815, 1)],
        mood=[(840, 841, 1)],
    )
    (caption,) = caption_days(cohort, "semantic")
    assert list(caption.facts) == [
        Fact("Walk", "activity", None, 480, 540),
        Fact("Strength training", "activity", None, 540, 570),  # HIIT is too short to tell
        Fact("sleep", "sleep", None, 0, 400),  # ten minutes awake do not end it; a nap of 15 is too short to tell
        Fact("sleep", "sleep", None, 1380, 1440),
        Fact("tired", "mood", None, 840, 841),
    ]
    (day,) = find_facts(cohort, "semantic")
    assert day.spare == [(Fact("HIIT", "activity", None, 700, 709),), (Fact("sleep", "sleep", None, 800, 815),)]


def test_events_without_a_device_on_the_wrist_are_not_told():
    cohort = labelled(activity=[(480, 540, 0), (600, 660, 1)], mood=[(700, 701, 0)], worn=slice(0, 630))
    (caption,) = caption_days(cohort, "semantic")
    assert [fact.subject for fact in caption.facts] == ["Walk", "HIIT"]
    cohort = labelled(activity=[(480, 540, 0), (600, 660, 1)], worn=slice(0, 629))
    (caption,) = caption_days(cohort, "semantic")
    assert [fact.subject for fact in caption.facts] == ["Walk"]


def test_the_longest_events_are_told():
    stretches = [(start, start + 10 + at, at % 3) for at, start in enumerate(range(300, 1300, 100))]
    (caption,) = caption_days(labelled(activity=stretches), "semantic")
    assert [fact.start for fact in caption.facts] == list(range(500, 1300, 100))  # eight, without the two shortest


def test_captions_are_their_own_inverse(cohort):
    for seed in range(3):
        for caption in caption_days(cohort, seed=seed):
            assert parse_caption(caption.text) == caption


@settings(max_examples=40)
@given(
    kind=st.sampled_from(list(TEMPLATES)), signal=st.sampled_from(SIGNALS),
    numbers=st.lists(st.floats(-1e4, 1e4), min_size=4, max_size=4),
    times=st.lists(st.integers(0, 1440), min_size=2, max_size=2, unique=True), minutes=st.integers(30, 1440),
    name=st.sampled_from(["walk", "HIIT", "Strength training", "Tai Chi (Yang)", "rock'n'roll", "C++"]),
)  # fmt: skip
def test_every_template_reads_back_into_its_facts_and_no_others(kind, signal, numbers, times, minutes, name):
    start, end = sorted(times)
    numbers = [round(number, DECIMALS_OF[signal.name]) + 0.0 for number in numbers]
    statistics = [*zip(("mean", "maximum", "minimum", "sd"), numbers, strict=True), ("minutes", float(minutes))]
    if kind == "statistical":
        facts = tuple(Fact(signal.name, statistic, value, 0, 1440) for statistic, value in statistics)
    elif kind in ("rise", "fall", "peak", "dip"):
        facts = (Fact(signal.name, kind, numbers[0], start, end),)
    elif kind == "mood":
        facts = (Fact(name, kind, None, start, start + 1),)
    else:
        facts = (Fact("sleep" if kind == "sleep" else name, kind, None, start, end),)
    sentences = [write_sentence(template, facts) for template in TEMPLATES[kind]]
    assert len({one.text for one in sentences}) == len(sentences)
    assert parse_caption(" ".join(one.text for one in sentences)).sentences == tuple(sentences)
    assert parse_caption("\n".join(one.text for one in sentences[::-1])).sentences == tuple(sentences[::-1])


@settings(max_examples=25)
@given(st.text(max_size=300))
def test_garbage_states_nothing(text):
    assert parse_caption(text).facts == ()
    assert parse_caption(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "Heart rate averaged lots of bpm (sd 3), with values from 1 to 2 bpm.",
        "Heart rate averaged 70.1 ms (sd 3.0), with values from 60.0 to 80.0 ms.",  # not its unit
        "Hart rate averaged 70.1 bpm (sd 3.0), with values from 60.0 to 80.0 bpm.",
        "heart rate averaged 70.1 bpm (sd 3.0), with values from 60.0 to 80.0 bpm.",  # no capital
        "Heart rate averaged 70.1 bpm (sd 3.0), with values from 60.0 to 80.0 bpm",  # cut off
        "The log shows walk from 25:00 to 26:00.",  # no such time
        "The log shows  from 10:00 to 11:00.",
        "The log shows " + "x" * 61 + " from 10:00 to 11:00.",
    ],
)
def test_sentences_that_are_nearly_right_state_nothing(text):
    assert parse_caption(text).sentences == ()
    good = "The log shows walk from 10:00 to 11:00."
    assert [one.text for one in parse_caption(f"{text}\n{good} {good}").sentences] == [good, good]


def test_wording_is_ours_grammatical_and_varied():
    assert set(PHRASES) == set(UNITS) == set(SIGNAL_NAMES)
    assert len(set(PHRASES.values())) == 26
    for kind, templates in TEMPLATES.items():
        assert len(set(templates)) == len(templates) >= 10, kind
        for template in templates:
            assert template.endswith(".") and not template.startswith("{name}")
            assert template[0].isupper() or template.startswith("{Signal}")
            assert "  " not in template and " ." not in template and "{Signal}" not in template[1:]


def test_a_caption_does_not_repeat_itself(cohort):
    captions = caption_days(cohort)
    openings = [tuple(one.text[:12] for one in caption.sentences) for caption in captions]
    assert len(set(openings)) == len(captions)
    for caption in captions:
        fixed = [one for one in caption.sentences if one.level == "statistical"]
        masked = [" ".join(word for word in one.text.split() if word.isalpha()) for one in fixed]
        assert len(set(masked)) == len(masked)


def test_a_day_has_one_caption_whatever_else_is_in_the_cohort(cohort):
    captions = caption_days(cohort, seed=3)
    assert caption_days(cohort.isel(day=[5, 2]), seed=3) == [captions[5], captions[2]]
    assert caption_days(cohort, seed=3) == captions
    lazy = cohort.copy()
    chunks = da.from_array(cohort.signals.values, chunks=(3, -1, -1))
    lazy["signals"] = (cohort.signals.dims, chunks, cohort.signals.attrs)
    assert caption_days(lazy, seed=3) == captions


@pytest.mark.parametrize(
    ("digest", "options"),
    [
        ("c9a5b8f46b070bc7bab0d0f70d42eddd", {}),
        ("d451cfc21dc8daeb4f928abf299226de", {"levels": ("structural", "semantic"), "seed": 2**63 - 1}),
        ("ab645d5bfd4aeaa28d614ff7ea4b326b", {"levels": "statistical", "signals": ["rmssd", "steps"]}),
        ("29b4a8115cb9c3edee0e1e65881a1c74", {"levels": ("semantic", "statistical"), "seed": 1}),
    ],
)
def test_a_seed_means_the_same_captions_for_ever(digest, options):
    texts = [caption.text for caption in caption_days(eventful_cohort(64, seed=1), **options)]
    assert hashlib.sha256("\n\n".join(texts).encode()).hexdigest()[:32] == digest


def test_the_largest_seed_is_as_good_as_any(cohort):
    most, fewer = (caption_days(cohort, "semantic", seed=2**64 - less) for less in (1, 2))
    assert [one.text for one in most] != [one.text for one in fewer]


def test_another_seed_says_the_same_in_other_words(cohort):
    one, other = caption_days(cohort, seed=0), caption_days(cohort, seed=1)
    for left, right in zip(one, other, strict=True):
        assert left.text != right.text
        always = [
            {f for f in caption.facts if f.statistic != "minutes" and (f.level != "statistical" or f.subject in FIXED)}
            for caption in (left, right)
        ]
        assert always[0] == always[1]


def test_levels_come_in_the_order_asked_for_and_alone(cohort):
    for levels in (("semantic",), ("semantic", "structural", "statistical"), ("structural", "statistical")):
        for caption in caption_days(cohort, levels):
            found = list(dict.fromkeys(sentence.level for sentence in caption.sentences))
            assert found == [level for level in levels if level in found]
    whole = caption_days(cohort)
    assert {sentence.level for caption in whole for sentence in caption.sentences} == set(LEVELS)


def test_few_more_signals_are_drawn_than_the_fixed_ones(cohort):
    for caption in caption_days(cohort, "statistical"):
        subjects = [sentence.facts[0].subject for sentence in caption.sentences]
        for group in GROUPS:
            assert sum(name in group.at_times for name in subjects) == group.draws
    (caption, *_) = caption_days(cohort.isel(day=[0]), "statistical", signals=["rmssd", "steps"])
    assert [one.facts[0].subject for one in caption.sentences] in (["rmssd", "steps"], ["rmssd"], ["steps"])


def test_activities_left_out_are_nowhere(cohort):
    known = sorted({f.subject for caption in caption_days(cohort) for f in caption.facts if f.statistic == "activity"})
    whole, without = caption_days(cohort), caption_days(cohort, leave_out=known[:2])
    left = {f.subject for caption in without for f in caption.facts if f.statistic == "activity"}
    assert left == set(known[2:])
    for before, after in zip(whole, without, strict=True):
        assert [f for f in after.facts if f.statistic != "activity"] == [
            f for f in before.facts if f.statistic != "activity"
        ]


def test_what_cannot_be_described_is_refused(cohort):
    unlabelled = plain_cohort(heart_rate=np.full(1440, 60.0))
    with pytest.raises(ValueError, match=r"levels is \('high',\); expected one or more of \('statistical'"):
        caption_days(cohort, "high")
    with pytest.raises(ValueError, match=r"levels is \(\)"):
        caption_days(cohort, ())
    with pytest.raises(
        ValueError, match=r"no day has an activity, sleep or mood .* levels=\('statistical', 'structural'\)"
    ):
        caption_days(unlabelled)
    with pytest.raises(ValueError, match="no day has"):
        caption_days(unlabelled.drop_vars(["activity", "asleep", "mood"]), "semantic")
    with pytest.raises(ValueError, match="the cohort is empty: 0 days"):
        caption_days(cohort.isel(day=[]))
    with pytest.raises(ValueError, match="windows of 300 minutes; expected a Cohort of whole days"):
        caption_days(cut_windows(unlabelled, max_missing=0.99), "statistical")
    with pytest.raises(ValueError, match="there is no signal 'hart_rate'; did you mean 'heart_rate'"):
        caption_days(cohort, signals=["hart_rate"])
    with pytest.raises(ValueError, match="signals is 'steps'; expected a list"):
        caption_days(cohort, signals="steps")
    with pytest.raises(ValueError, match=r"leave_out names \['chess'\], which are no activities here"):
        caption_days(cohort, leave_out=["chess"])
    with pytest.raises(ValueError, match=r"leave_out is 'walk'; expected a list"):
        caption_days(cohort, leave_out="walk")
    with pytest.raises(ValueError, match="seed is -1"):
        caption_days(cohort, seed=-1)
    with pytest.raises(ValueError, match="text is a NoneType"):
        parse_caption(None)


@pytest.mark.parametrize("name", ["St. Moritz run", "x" * 61, "walk from 08:00 to 09:00. Then"])
def test_a_name_that_words_cannot_carry_is_refused(name):
    with pytest.raises(ValueError, match="cannot be told apart from the words around it"):
        caption_days(eventful_cohort(1, activities=["walk", name]))


def test_codes_without_names_are_refused(cohort):
    nameless = cohort.copy()
    nameless["activity"] = (("day", "minute"), cohort.activity.values, {})
    with pytest.raises(ValueError, match="without a name in its attrs"):
        caption_days(nameless)


def test_labels_may_be_known_in_part(cohort):
    only_sleep = caption_days(cohort.drop_vars(["activity", "mood"]), "semantic")
    assert {fact.statistic for caption in only_sleep for fact in caption.facts} == {"sleep"}


def test_a_day_of_which_nothing_can_be_said_has_an_empty_caption():
    heart = np.where(MINUTE < 5, 60.0, np.nan)
    (caption,) = caption_days(plain_cohort(heart_rate=heart), "statistical")
    assert caption.text == "" and caption.sentences == () and caption.facts == ()
