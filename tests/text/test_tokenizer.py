"""Text becomes numbers and comes back as it was; the vocabulary is one file."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from lsmlib.text import CaptionTokenizer, caption_days, load_tokenizer, train_tokenizer
from tests.text.days import eventful_cohort


@pytest.fixture(scope="module")
def texts():
    return [caption.text for caption in caption_days(eventful_cohort(6))]


@pytest.fixture(scope="module")
def tokenizer(texts):
    return train_tokenizer(texts, 600)


def test_captions_come_back_and_take_fewer_tokens_than_bytes(tokenizer, texts):
    tokens = tokenizer.encode(texts)
    assert tokens.dtype == np.int32 and tokens.shape == (6, tokenizer.measure(texts).max())
    assert tokenizer.decode(tokens) == texts
    assert tokenizer.measure(texts).sum() < sum(len(text.encode()) for text in texts) / 2


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=4))
def test_every_text_comes_back(tokenizer, texts):
    assert tokenizer.decode(tokenizer.encode(texts)) == texts


def test_a_row_is_start_text_end_padding(tokenizer):
    tokens = tokenizer.encode(["", "bpm"], context=8)
    length = tokenizer.measure(["bpm"])[0]
    assert tokens[0].tolist() == [1, 2, 0, 0, 0, 0, 0, 0]
    assert tokens[1, 0] == tokenizer.start_id and tokens[1, length - 1] == tokenizer.end_id
    assert (tokens[1, length:] == tokenizer.padding_id).all() and (tokens[1, 1 : length - 1] > 2).all()


def test_special_words_in_a_text_are_text(tokenizer):
    text = "<end> of <start> and <padding>"
    assert set(tokenizer.encode([text])[0, 1:-1]) & {0, 1, 2} == set()
    assert tokenizer.decode(tokenizer.encode([text])) == [text]


def test_each_digit_is_a_token_of_its_own(tokenizer):
    apart = [tokenizer.encode([digit])[0, 1] for digit in "1472"]
    assert [token for token in tokenizer.encode(["1472.1472"])[0] if token in apart] == apart * 2


def test_decoding_ends_at_the_first_end(tokenizer):
    row = tokenizer.encode(["heart rate"])[0].tolist()
    assert tokenizer.decode(np.array([[*row, *row, 5, 0]])) == ["heart rate"]
    assert tokenizer.decode(np.array([row[:-1]])) == ["heart rate"]


def test_the_same_texts_give_the_same_file_which_reads_back(tokenizer, texts, tmp_path):
    tokenizer.save(tmp_path / "here" / "tokenizer.json")
    train_tokenizer(texts, 600).save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "here" / "tokenizer.json").read_bytes()
    loaded = load_tokenizer(tmp_path / "again.json")
    assert loaded.vocabulary_size == tokenizer.vocabulary_size == 600
    np.testing.assert_array_equal(loaded.encode([*texts, "<end>"]), tokenizer.encode([*texts, "<end>"]))
    other = Tokenizer.from_file(str(tmp_path / "again.json"))  # the library reads it, too
    assert other.encode(texts[0]).ids == tokenizer.encode(texts[:1])[0, 1:-1].tolist()


def test_long_texts_are_refused_or_cut(tokenizer):
    longest = int(tokenizer.measure(["heart rate averaged 61.2 bpm"])[0])
    with pytest.raises(ValueError, match=rf"text 1 has {longest} tokens with start and end, the context 5 \(1 of 2"):
        tokenizer.encode(["", "heart rate averaged 61.2 bpm"], context=5)
    tokens = tokenizer.encode(["heart rate averaged 61.2 bpm"], context=5, cut=True)
    np.testing.assert_array_equal(tokens[0], tokenizer.encode(["heart rate averaged 61.2 bpm"])[0, :5])


def test_a_vocabulary_learns_no_more_than_there_is():
    assert train_tokenizer(["ab"], 5000).vocabulary_size == 259


def test_bad_input_is_refused(tokenizer, tmp_path):
    with pytest.raises(ValueError, match="vocabulary_size is 258; expected a whole number, 259 or more"):
        train_tokenizer(["a"], 258)
    with pytest.raises(ValueError, match="texts is empty"):
        train_tokenizer([])
    with pytest.raises(ValueError, match=r"texts is one text, 'heart'…; expected a list"):
        tokenizer.encode("heart")
    with pytest.raises(ValueError, match="text 1 is a NoneType"):
        tokenizer.encode(["a", None])
    with pytest.raises(ValueError, match="context is 2; expected a whole number, 3 or more"):
        tokenizer.encode(["a"], context=2)
    with pytest.raises(ValueError, match=r"tokens range from 1 to 5000; expected 0 to 599"):
        tokenizer.decode([[1, 5000]])
    with pytest.raises(ValueError, match=r"tokens are float64 of shape \(1, 2\)"):
        tokenizer.decode([[1.0, 2.0]])
    (tmp_path / "no.json").write_text("{}")
    with pytest.raises(ValueError, match="holds no tokenizer"):
        load_tokenizer(tmp_path / "no.json")
    with pytest.raises(ValueError, match="this tokenizer's first tokens are"):
        CaptionTokenizer(Tokenizer.from_str(Tokenizer(models.BPE()).to_str()))
