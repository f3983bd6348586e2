"""Words in common: BLEU is sacrebleu's own of a corpus, ROUGE-L is counted by hand, and wrong facts cost little."""

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF

from lsmlib.evaluate import caption_table, word_overlap_table
from lsmlib.evaluate.word_overlap import rouge_l
from lsmlib.text import CaptionMixture
from tests.text.days import eventful_cohort


@pytest.fixture(scope="module")
def cohort():
    return eventful_cohort(8)


@pytest.fixture(scope="module")
def wordings(cohort):
    return CaptionMixture(("semantic",), wordings=3).write(cohort)


def test_bleu_and_chrf_are_those_of_sacrebleu(cohort, wordings):
    told = wordings[:, 0].tolist()
    moved = told[1:] + told[:1]
    table = word_overlap_table({"moved": moved}, wordings, cohort["person"].values, resamples=50)
    scores = table.set_index("metric")
    assert 100 * scores["value"]["BLEU"] == pytest.approx(BLEU().corpus_score(moved, wordings.T.tolist()).score)
    each = [CHRF().sentence_score(text, list(several)).score for text, several in zip(moved, wordings, strict=True)]
    assert 100 * scores["value"]["chrF"] == pytest.approx(np.mean(each))
    assert (scores["low"] <= scores["value"]).all() and (scores["value"] <= scores["high"]).all()
    assert (scores["low"] < scores["high"]).all()


def test_the_right_words_score_1_and_none_score_0(cohort, wordings):
    people = cohort["person"].values
    table = word_overlap_table({"own": wordings[:, 2].tolist(), "silent": [""] * 8}, wordings, people, resamples=10)
    own, silent = (table[table["method"] == name] for name in ("own", "silent"))
    np.testing.assert_allclose(own[["value", "low", "high"]], 1.0)
    np.testing.assert_array_equal(silent[["value", "low", "high"]], 0.0)


def test_rouge_by_hand():
    def score(text, *references):
        return pytest.approx(rouge_l(text, references))

    # all of the 9 words of each, but for the hour at which it began
    assert score("The person slept from 00:30 to 07:00.", "The person slept, from 22:30 to 07:00!") == 2 * 8 / (9 + 9)
    assert score("a b c d", "d c b a", "x b y d") == 2 * 2 / (4 + 4)  # the reference that fits best
    assert score("police killed the gunman", "the gunman kill police") == 0.5  # Lin (2004), section 3.1
    assert score("Walk", "walk") == 1


def test_cosines_are_of_the_reference_most_alike():
    vectors = {"right": (2, 0), "also right": (0, 3), "near": (1, 1), "off": (-1, 0), "sleep": (1, 0)}
    encoders = {"letters": lambda texts: np.array([vectors[text] for text in texts])}
    texts = {"one": ["near", "sleep"], "other": ["off", "  "], "silent": ["", ""]}
    table = word_overlap_table(
        texts, [["right", "also right"], ["sleep", ""]], np.array([1, 2]), encoders=encoders, resamples=20
    ).set_index(["metric", "method"])
    cosine = table.loc["letters", "value"]
    assert cosine.to_dict() == pytest.approx({"one": (0.5**0.5 + 1) / 2, "other": 0.0, "silent": 0.0})
    assert table.loc[("letters", "one"), "low"] == pytest.approx(0.5**0.5)
    for shape in ((2,), (1, 2), (3, 2, 1)):
        with pytest.raises(ValueError, match=r"'bad' gave \(.*\) of 3 texts; expected finite vectors"):
            word_overlap_table(
                texts,
                [["right", "near"], ["sleep"]],
                np.array([1, 2]),
                encoders={"bad": lambda _, s=shape: np.zeros(s)},
            )


def test_a_caption_with_every_time_wrong_shares_most_words(cohort):
    (right,) = CaptionMixture(("semantic",), wordings=1).write(cohort).T
    wrong = [text.translate(str.maketrans("0123456789", "1032547698")) for text in right]
    people = cohort["person"].values
    table = word_overlap_table({"wrong": wrong}, right[:, None], people, resamples=0).set_index("metric")
    truth = caption_table({"wrong": wrong}, cohort, "semantic", minutes=0, resamples=0).set_index("metric")
    assert truth["value"]["precision"] == 0
    assert table["value"]["ROUGE-L"] > 0.5 and table["value"]["chrF"] > 0.5
    assert table[["low", "high"]].isna().all(axis=None)


def test_bad_input_is_refused(cohort, wordings):
    people = cohort["person"].values
    with pytest.raises(ValueError, match="texts is empty"):
        word_overlap_table({}, wordings, people)
    with pytest.raises(ValueError, match="'m' has 1 texts; expected a list of 8"):
        word_overlap_table({"m": ["a"]}, wordings, people)
    with pytest.raises(ValueError, match=r"day 1 has no reference \(2 of 3 days"):
        word_overlap_table({"m": ["a", "b", "c"]}, [["a"], ["", " "], []], np.array(["p", "q", "r"]))
    with pytest.raises(ValueError, match="day 0 has no reference"):
        word_overlap_table({"m": ["a"]}, ["a"], np.array(["p"]))
