"""From text to numbers and back: a byte-level BPE of Hugging Face's ``tokenizers``, trained on captions.

SensorLM reads 32,000 SentencePiece tokens of web text (as read in its released configuration). Captions have a few
hundred words and many numbers, so a few thousand tokens learned from them say the same in fewer. Its alphabet is the
256 bytes: no character is unknown, and every text comes back as it was. Digits stay single, so that a number is spelt
the same way wherever it occurs.
"""

import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from lsmlib.checks import check_whole
from lsmlib.simulate.behaviour import ACTIVITIES, MOODS
from lsmlib.text.facts import EVENTS
from lsmlib.text.templates import PHRASES, TEMPLATES, UNITS

SPECIAL = ("<padding>", "<start>", "<end>")
SMALLEST = len(SPECIAL) + 256


class CaptionTokenizer:
    """Turns texts into int32 ``[b, l]`` and back; made by ``train_tokenizer`` and ``load_tokenizer``.

    Attributes:
        padding_id: 0, after the end.
        start_id: 1, first of every text.
        end_id: 2, last of every text that was not cut.

    Raises:
        ValueError: if the first tokens are not those three.
    """

    padding_id, start_id, end_id = range(3)

    def __init__(self, tokenizer: Tokenizer):
        found = tuple(tokenizer.id_to_token(at) for at in range(len(SPECIAL)))
        if found != SPECIAL:
            raise ValueError(f"this tokenizer's first tokens are {found}; expected {SPECIAL}, as of train_tokenizer")
        # Else "<end>" within a text would become the token that ends it.
        tokenizer.encode_special_tokens = True
        self._tokenizer = tokenizer

    @property
    def vocabulary_size(self) -> int:
        """How many tokens there are, the special ones included."""
        return self._tokenizer.get_vocab_size()

    def measure(self, texts: Sequence[str]) -> np.ndarray:
        """How many tokens each text takes, start and end included, int32 ``[b]``."""
        return np.array([len(ids) + 2 for ids in self._split(texts)], np.int32)

    def encode(self, texts: Sequence[str], context: int | None = None, *, cut: bool = False) -> np.ndarray:
        """Turn texts into token ids.

        Args:
            texts: texts of any characters.
            context: l, the length of the result, at least 3. By default that of the longest text.
            cut: whether longer texts are cut off (their last token is then no end) or refused.

        Returns:
            int32 ``[b, l]``: start, the text, end, padding.

        Raises:
            ValueError: if there is no text, a text is no str, or it is longer than ``context``.
        """
        ids = self._split(texts)
        longest = max(map(len, ids)) + 2
        if context is None:
            context = max(longest, 3)
        check_whole("context", context, 3)
        if longest > context and not cut:
            lengths = [len(one) + 2 for one in ids]
            raise ValueError(
                f"text {lengths.index(longest)} has {longest} tokens with start and end, the context {context} "
                f"({sum(length > context for length in lengths)} of {len(ids)} texts are longer). Take a longer "
                "context or captions of fewer levels or signals; cut=True cuts texts off"
            )
        tokens = np.full((len(ids), context), self.padding_id, np.int32)
        for row, one in zip(tokens, ids, strict=True):
            one = [self.start_id, *one, self.end_id][:context]
            row[: len(one)] = one
        return tokens

    def decode(self, tokens: np.ndarray | Sequence[Sequence[int]]) -> list[str]:
        """Turn ids ``[b, l]`` back into texts, each up to its first end; start and padding are no text.

        Raises:
            ValueError: if these are no rows of ids of this vocabulary.
        """
        array = np.asarray(tokens)
        if array.ndim != 2 or array.dtype.kind not in "iu":
            raise ValueError(f"tokens are {array.dtype} of shape {array.shape}; expected integers [b, l]")
        if array.size and not (array.min() >= 0 and array.max() < self.vocabulary_size):
            raise ValueError(
                f"tokens range from {array.min()} to {array.max()}; expected 0 to {self.vocabulary_size - 1}: they are "
                "of another tokenizer"
            )
        rows = []
        for row in array.tolist():
            row = row[: row.index(self.end_id)] if self.end_id in row else row
            rows.append([token for token in row if token >= len(SPECIAL)])
        return self._tokenizer.decode_batch(rows)

    def to_json(self) -> str:
        """What ``save`` writes, as a text."""
        return self._tokenizer.to_str()

    @classmethod
    def from_json(cls, text: str) -> "CaptionTokenizer":
        """Make it from what ``to_json`` gave.

        Raises:
            ValueError: if that is no tokenizer of this package.
        """
        try:
            tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # the library raises no narrower class
            raise ValueError(f"this is no tokenizer: {error}. Expected what CaptionTokenizer.to_json gave") from error
        return cls(tokenizer)

    def save(self, path: str | Path) -> None:
        """Save as one JSON file, which ``load_tokenizer`` and Hugging Face's ``Tokenizer.from_file`` read."""
        path = Path(path)
        aside = path.with_name(f".{path.name}-{uuid.uuid4().hex[:8]}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            aside.write_text(self.to_json(), encoding="utf-8")
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    def _split(self, texts: Sequence[str]) -> list[list[int]]:
        texts = _check_texts(texts)
        return [encoding.ids for encoding in self._tokenizer.encode_batch(texts, add_special_tokens=False)]


def train_tokenizer(texts: Iterable[str], vocabulary_size: int = 4096) -> CaptionTokenizer:
    """Learn a vocabulary from texts; the same texts give the same one.

    Args:
        texts: texts to learn from, of the training split only.
        vocabulary_size: how many tokens at most, 259 (3 special ones and the 256 bytes) or more. There are fewer if the
            texts do not hold as many pairs that occur twice.

    Returns:
        The tokenizer.

    Raises:
        ValueError: if there is no text, a text is no str, or the vocabulary is too small.
    """
    texts = _check_texts(texts)
    check_whole("vocabulary_size", vocabulary_size, SMALLEST)
    tokenizer = Tokenizer(models.BPE())
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=2,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return CaptionTokenizer(tokenizer)


def load_tokenizer(path: str | Path) -> CaptionTokenizer:
    """Load what ``CaptionTokenizer.save`` wrote.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds no tokenizer of this package.
    """
    text = Path(path).read_text(encoding="utf-8")
    try:
        return CaptionTokenizer.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path} holds no tokenizer: {error}. Expected a file of CaptionTokenizer.save") from error


@lru_cache(maxsize=1)
def caption_tokenizer() -> CaptionTokenizer:
    """The tokenizer that a ``SensorLM`` has if it is given none: learned from the sentences that captions are made of.

    Every template about every signal, activity and mood of the simulator, with no reading of any day.
    """
    numbers = {slot: "0" for slot in ("mean", "sd", "minimum", "maximum", "minutes", "value")}
    clock = {"start": "00:00", "end": "00:00"}
    texts = []
    for kind, templates in TEMPLATES.items():
        for template in templates:
            if kind in EVENTS:
                names = {"activity": ACTIVITIES, "mood": MOODS}.get(kind, ("",))
                texts += [template.format(name=name, **clock) for name in names]
                continue
            for name, phrase in PHRASES.items():
                words = {"Signal": phrase[0].upper() + phrase[1:], "signal": phrase, "unit": UNITS[name]}
                texts.append(template.format(**numbers, **clock, **words))
    return train_tokenizer(texts, 2048)


def _check_texts(texts: Iterable[str]) -> list[str]:
    if isinstance(texts, str):
        raise ValueError(f"texts is one text, {texts[:40]!r}…; expected a list of texts: [text]")
    texts = list(texts)
    if not texts:
        raise ValueError("texts is empty; expected at least one text")
    for at, text in enumerate(texts):
        if not isinstance(text, str):
            raise ValueError(f"text {at} is a {type(text).__name__}; expected a str, for example caption.text")
    return texts
