"""Scores of captions: ours are wholly true, wrong ones are wrong by as much as they were made wrong."""

import numpy as np
import pytest

from lsmlib.evaluate import judge_facts, score_captions, understood_share
from lsmlib.signals import SD, index_of
from lsmlib.text import LEVELS, DayFacts, Fact, caption_days
from tests.text.days import eventful_cohort

MEAN_OF_STEPS = Fact("steps", "mean", 10.0, 0, 1440)
PEAK = Fact("heart_rate", "peak", 120.0, 600, 630)
WALK, RUN = Fact("walk", "activity", None, 480, 540), Fact("run", "activity", None, 900, 960)
DAY = DayFacts([(MEAN_OF_STEPS,), (PEAK,), (WALK,)], [(RUN,)])


@pytest.fixture(scope="module")
def cohort():
    return eventful_cohort(6)


def test_our_captions_are_wholly_true(cohort):
    texts = [caption.text for caption in caption_days(cohort, seed=4)]
    scores = score_captions(texts, cohort, tolerance=0, minutes=0)
    assert list(scores.index) == [*LEVELS, "all"]
    assert (scores["stated"] > 0).all()
    np.testing.assert_array_equal(scores[["precision", "recall"]], 1.0)
    assert scores["value_error"].dropna().eq(0).all() and scores["time_error"].eq(0).all()
    assert understood_share(texts) == 1


def test_captions_of_other_days_are_mostly_wrong(cohort):
    texts = [caption.text for caption in caption_days(cohort)]
    scores = score_captions(texts[1:] + texts[:1], cohort)
    assert scores.loc["all", "precision"] < 0.5 and scores.loc["structural", "precision"] < 0.3
    assert scores.loc["all", "value_error"] > 0.1


def test_half_a_caption_tells_half(cohort):
    captions = caption_days(cohort, "semantic")
    texts = [" ".join(one.text for one in caption.sentences[:1]) for caption in captions]
    scores = score_captions(texts, cohort, "semantic")
    assert scores.loc["all", "precision"] == 1
    expected = sum(bool(caption.facts) for caption in captions) / sum(len(caption.facts) for caption in captions)
    assert scores.loc["all", "recall"] == pytest.approx(expected)


def test_errors_of_values_and_times_by_hand():
    stated = [
        MEAN_OF_STEPS._replace(value=10.0 + 0.05 * float(SD[index_of("steps")])),
        PEAK._replace(start=630, end=660),
        WALK._replace(start=470, end=600),
        RUN,
        Fact("golf", "activity", None, 480, 540),
    ]
    judged = judge_facts([*stated, *stated], DAY)
    assert [one.fact for one in judged] == stated  # what is said twice counts once
    assert [one.measured for one in judged] == [MEAN_OF_STEPS, PEAK, WALK, RUN, None]
    assert [one.is_true for one in judged] == [True, True, False, True, False]
    assert judged[0].value_error == pytest.approx(0.05) and judged[1].value_error == 0
    assert [one.time_error for one in judged[:4]] == [0, 30, 60, 0]
    assert np.isnan([judged[2].value_error, judged[4].value_error, judged[4].time_error]).all()
    assert not judge_facts(stated[:1], DAY, tolerance=0.04)[0].is_true
    assert not judge_facts(stated[1:2], DAY, minutes=29)[0].is_true


def test_the_nearest_of_several_is_compared():
    later = PEAK._replace(start=900, end=930, value=90.0)
    (one,) = judge_facts([PEAK._replace(start=870, end=900, value=90.0)], DayFacts([(PEAK,), (later,)], []))
    assert one.measured == later and one.is_true


def test_garbage_is_neither_true_nor_recalled(cohort):
    scores = score_captions(["no facts here."] * 6, cohort)
    assert (scores["stated"] == 0).all() and scores["precision"].isna().all()
    assert (scores["recall"] == 0).all() and (scores["told"] > 0).all()
    assert understood_share(["No facts. The log shows walk from 10:00 to 11:00."]) == pytest.approx(32 / 40)


def test_bad_input_is_refused(cohort):
    with pytest.raises(ValueError, match=r"texts is 2 texts; expected a list of 6, one text a day"):
        score_captions(["a", "b"], cohort)
    with pytest.raises(ValueError, match=r"texts is one str; expected a list of 6"):
        score_captions("abcdef", cohort)
    with pytest.raises(ValueError, match="levels is"):
        score_captions([""] * 6, cohort, "high")
    with pytest.raises(ValueError, match="the texts are empty"):
        understood_share(["", " \n"])
