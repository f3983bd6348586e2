"""How many words generated captions share with the right ones: BLEU, chrF and ROUGE-L, as papers report them.

They are here to be compared with, and to show what they miss: a caption with every number wrong, or of another day,
shares nearly all words with the right one (``captioning`` looks facts up instead). BLEU and chrF are sacrebleu's.
ROUGE-L (Lin 2004), the longest common subsequence of words, is an Indel similarity of rapidfuzz: the package that has
its name was last released in 2022. Similarity of meaning (BERTScore and others) needs a language model from the network
and is not here; cosines of ``SensorLM.embed_text`` are our own model's opinion of itself.
"""

import re
from collections.abc import Mapping, Sequence

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


def word_overlap_table(
    texts: Mapping[str, Sequence[str]],
    references: Sequence[Sequence[str]],
    people: np.ndarray,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score several methods' captions of the same days by the words they share with right captions.

    Args:
        texts: name of a method to one text a day.
        references: right captions of each day, one or more wordings, ``[d, k]`` as ``lsmlib.text.CaptionMixture.write``
            gives them; empty ones are left out.
        people: whose days, ``[d]``.
        resamples: of people, for intervals; 0 leaves them out.
        seed: of the draw, the same for all methods.

    Returns:
        A row for each method and metric, from 0 to 1: columns ``method, metric, value, low, high``. ``BLEU`` is of all
        texts together (up to four words, exponential smoothing), ``chrF`` (up to six characters) and ``ROUGE-L`` (F1,
        in lower case, of letters and digits) are means over texts, of the reference that fits best.

    Raises:
        ValueError: if there is no method, a method has not one text a day, or a day has no reference.
    """
    if not texts:
        raise ValueError("texts is empty; expected at least one method with a text a day")
    right = [[] if isinstance(several, str) else [one for one in several if one.strip()] for several in references]
    if silent := [day for day, several in enumerate(right) if not several]:
        raise ValueError(
            f"day {silent[0]} has no reference ({len(silent)} of {len(right)} days are like this); expected a list of "
            "one or more right captions a day. Leave out days of which nothing can be said"
        )
    bleu, chrf, rows = BLEU(effective_order=True), CHRF(), []
    for method, told in texts.items():
        if isinstance(told, str) or len(told) != len(right):
            raise ValueError(f"{method!r} has {len(told)} texts; expected a list of {len(right)}, one a day")
        counts = np.zeros((len(right), 2 * ORDER + 5))
        for row, text, several in zip(counts, told, right, strict=True):
            own = bleu.sentence_score(text, several)
            means = chrf.sentence_score(text, several).score / 100, rouge_l(text, several), 1
            row[:] = *own.counts, *own.totals, own.sys_len, own.ref_len, *means
        _, sums = sum_by_person(counts, people)
        values = _scores(counts.sum(axis=0)[None])[0]
        drawn = _scores(resample_sums(sums, resamples, seed)) if resamples else np.full((1, len(METRICS)), np.nan)
        low, high = percentile_interval(drawn)
        rows += [(method, *row) for row in zip(METRICS, values.tolist(), low.tolist(), high.tolist(), strict=True)]
    return pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high"])


def rouge_l(text: str, references: Sequence[str]) -> float:
    """The share of words in the longest common subsequence, as F1 (Lin 2004, section 3.1), of the best reference."""
    words = _words(text)
    return max(Indel.normalized_similarity(words, _words(reference)) for reference in references)


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _scores(sums: np.ndarray) -> np.ndarray:
    """The three scores ``[n, 3]`` of sums of counts ``[n, 13]``."""
    shared = [
        BLEU.compute_bleu(row[:ORDER], row[ORDER:-2], *row[-2:], smooth_method="exp").score / 100
        for row in sums[:, :-3].astype(int).tolist()
    ]
    chrf, rouge, days = sums[:, -3:].T
    return np.stack([shared, ratio(chrf, days), ratio(rouge, days)], axis=1)
