"""How many words generated captions share with the right ones: BLEU, chrF and ROUGE-L, as papers report them.

They are here to be compared with, and to show what they miss: a caption with every number wrong, or of another day,
shares nearly all words with the right one (``captioning`` looks facts up instead). BLEU and chrF are sacrebleu's.
ROUGE-L (Lin 2004), the longest common subsequence of words, is an Indel similarity of rapidfuzz: the package that has
its name was last released in 2022. Beside them stand cosines of meaning, by whichever encoder of sentences is given;
those of ``SensorLM.embed_text`` are our own model's opinion of itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import chain

import numpy as np
import pandas as pd

from lsmlib.evaluate.intervals import percentile_interval, ratio, resample_sums, sum_by_person

try:
    from rapidfuzz.distance import Indel
    from sacrebleu.metrics import BLEU, CHRF
except ImportError as error:
    raise ImportError("scores of shared words need sacrebleu and rapidfuzz: pip install 'lsmlib[notebooks]'") from error

ORDER = 4  # words of BLEU's longest stretch
METRICS = ("BLEU", "chrF", "ROUGE-L")
Encoder = Callable[[list[str]], np.ndarray]  # texts to vectors [n, w]


def word_overlap_table(
    texts: Mapping[str, Sequence[str]],
    references: Sequence[Sequence[str]],
    people: np.ndarray,
    *,
    encoders: Mapping[str, Encoder] | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score several methods' captions of the same days by what they share with right captions: words, and meaning.

    Args:
        texts: name of a method to one text a day.
        references: right captions of each day, one or more wordings, ``[d, k]`` as ``lsmlib.text.CaptionMixture.write``
            gives them; empty ones are left out.
        people: whose days, ``[d]``.
        encoders: of sentences, each with the name of its metric: ``SentenceTransformer("all-MiniLM-L6-v2").encode`` of
            the package sentence-transformers, or a ``SensorLM``'s ``embed_text``.
        resamples: of people, for intervals; 0 leaves them out.
        seed: of the draw, the same for all methods.

    Returns:
        A row for each method and metric, from 0 to 1: columns ``method, metric, value, low, high``. ``BLEU`` is of all
        texts together (up to four words, exponential smoothing), ``chrF`` (up to six characters) and ``ROUGE-L`` (F1,
        in lower case, of letters and digits) are means over texts, of the reference that fits best; so is the cosine of
        an encoder's vectors, from -1 to 1, and 0 of an empty text.

    Raises:
        ValueError: if there is no method, a method has not one text a day, a day has no reference, or an encoder gives
            something else than a vector a text.
    """
    if not texts:
        raise ValueError("texts is empty; expected at least one method with a text a day")
    right = [[] if isinstance(several, str) else [one for one in several if one.strip()] for several in references]
    if silent := [day for day, several in enumerate(right) if not several]:
        raise ValueError(
            f"day {silent[0]} has no reference ({len(silent)} of {len(right)} days are like this); expected a list of "
            "one or more right captions a day. Leave out days of which nothing can be said"
        )
    bleu, chrf, rows, encoders = BLEU(effective_order=True), CHRF(), [], encoders or {}
    metrics = [*METRICS, *encoders]
    meant = [_encode(name, encode, list(chain.from_iterable(right))) for name, encode in encoders.items()]
    whose = np.repeat(np.arange(len(right)), [len(several) for several in right])
    for method, told in texts.items():
        if isinstance(told, str) or len(told) != len(right):
            raise ValueError(f"{method!r} has {len(told)} texts; expected a list of {len(right)}, one a day")
        told = list(told)
        cosines = [_best_cosines(name, encode, told, vectors, whose)
                   for (name, encode), vectors in zip(encoders.items(), meant, strict=True)]  # fmt: skip
        counts = np.zeros((len(right), 2 * ORDER + 2 + len(metrics)))
        for row, text, several, *meaning in zip(counts, told, right, *cosines, strict=True):
            own = bleu.sentence_score(text, several)
            means = chrf.sentence_score(text, several).score / 100, rouge_l(text, several), *meaning, 1
            row[:] = *own.counts, *own.totals, own.sys_len, own.ref_len, *means
        _, sums = sum_by_person(counts, people)
        values = _scores(counts.sum(axis=0)[None])[0]
        drawn = _scores(resample_sums(sums, resamples, seed)) if resamples else np.full((1, len(metrics)), np.nan)
        low, high = percentile_interval(drawn)
        rows += [(method, *row) for row in zip(metrics, values.tolist(), low.tolist(), high.tolist(), strict=True)]
    return pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high"])


def rouge_l(text: str, references: Sequence[str]) -> float:
    """The share of words in the longest common subsequence, as F1 (Lin 2004, section 3.1), of the best reference."""
    words = _words(text)
    return max(Indel.normalized_similarity(words, _words(reference)) for reference in references)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _encode(name: str, encode: Encoder, texts: list[str]) -> np.ndarray:
    vectors = np.asarray(encode(texts))
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise ValueError(f"{name!r} gave {vectors.shape} of {len(texts)} texts; expected finite vectors, [n, w]")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def _best_cosines(name: str, encode: Encoder, texts: list[str], right: np.ndarray, whose: np.ndarray) -> np.ndarray:
    """The cosine of each text ``[d]`` with the most alike of its day's references ``[r, w]``; 0 of an empty text."""
    said = [at for at, text in enumerate(texts) if text.strip()]
    best = np.zeros(len(texts))
    if said:
        for at, vector in zip(said, _encode(name, encode, [texts[at] for at in said]), strict=True):
            best[at] = (right[whose == at] @ vector).max()
    return best


def _scores(sums: np.ndarray) -> np.ndarray:
    """The scores ``[n, m]`` of sums of BLEU's counts, of the other scores and of days, ``[n, 10 + m]``."""
    counts, means, days = sums[:, : 2 * ORDER + 2], sums[:, 2 * ORDER + 2 : -1], sums[:, -1:]
    shared = [
        BLEU.compute_bleu(row[:ORDER], row[ORDER:-2], row[-2], row[-1], smooth_method="exp").score / 100
        for row in counts.astype(int).tolist()
    ]
    return np.column_stack([shared, ratio(means, days)])
