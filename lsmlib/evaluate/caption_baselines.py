"""Generated captions beside captions that need no decoder: a neighbour's, and the most common one."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from lsmlib.evaluate.captioning import judge_facts
from lsmlib.evaluate.intervals import percentile_interval, ratio, resample_sums, sum_by_person
from lsmlib.text import LEVELS, find_facts, parse_caption

try:
    from sklearn.feature_extraction.text import TfidfVectorizer
except ImportError as error:
    raise ImportError("caption baselines need scikit-learn: pip install 'lsmlib[notebooks]'") from error


def nearest_captions(train: np.ndarray, train_texts: Sequence[str], vectors: np.ndarray) -> list[str]:
    """For each day the caption of the training day that is most alike.

    Args:
        train: vectors ``[m, w]`` of training days, of unit length, as ``SensorLM.embed`` gives them.
        train_texts: their captions, m.
        vectors: ``[n, w]`` of other days.

    Raises:
        ValueError: if there is not one text a training day.
    """
    if isinstance(train_texts, str) or len(train) != len(train_texts):
        raise ValueError(f"{len(train)} training days and {len(train_texts)} texts; expected one a day")
    return [train_texts[at] for at in (vectors @ train.T).argmax(axis=1)]


def commonest_caption(texts: Sequence[str]) -> str:
    """The caption that has most in common with all others. No two are quite the same, so it is their medoid.

    By cosines of TF-IDF weights of words; times count as words.

    Raises:
        ValueError: if there is no text.
    """
    if isinstance(texts, str) or not len(texts):
        raise ValueError(f"texts is {texts!r}; expected a list of at least one text")
    weights = TfidfVectorizer(token_pattern=r"\S+", lowercase=False).fit_transform(list(texts))
    return texts[int(np.argmax(weights @ np.asarray(weights.mean(axis=0)).ravel()))]


def caption_table(
    texts: Mapping[str, Sequence[str]],
    cohort: xr.Dataset,
    levels: str | Sequence[str] = tuple(LEVELS),
    *,
    tolerance: float = 0.1,
    minutes: float = 30,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """How true several methods' captions of the same days are, with intervals over people.

    Args:
        texts: name of a method to one text a day.
        cohort: the days.
        levels: judge facts of these levels.
        tolerance: as in ``judge_facts``, and so is ``minutes``.
        minutes: likewise.
        resamples: of people; 0 leaves the intervals out.
        seed: of the draw, the same for all methods.

    Returns:
        A row for each method and metric: columns ``method, metric, value, low, high, facts``. ``precision``: the share
        of stated facts that is true; ``recall``: the share of told facts that is stated truly (see
        ``score_captions``). ``facts`` is how many they are a share of.

    Raises:
        ValueError: if there is no method, a method has not one text a day, or as ``lsmlib.text.find_facts``.
    """
    if not texts:
        raise ValueError("texts is empty; expected at least one method with a text a day")
    days, people = find_facts(cohort, levels), cohort["person"].values
    chosen = (levels,) if isinstance(levels, str) else tuple(levels)
    rows = []
    for method, told in texts.items():
        if isinstance(told, str) or len(told) != len(days):
            raise ValueError(f"{method!r} has {len(told)} texts; expected a list of {len(days)}, one a day")
        counts = np.zeros((len(days), 4))  # true, stated; stated truly, told
        for row, text, day in zip(counts, told, days, strict=True):
            facts = [fact for fact in parse_caption(text).facts if fact.level in chosen]
            judged = judge_facts(facts, day, tolerance, minutes)
            found = {one.measured for one in judged if one.is_true}
            expected = [fact for claim in day.told for fact in claim if fact.statistic != "minutes"]
            row[:] = sum(one.is_true for one in judged), len(judged), len(found & set(expected)), len(expected)
        _, sums = sum_by_person(counts, people)
        total = counts.sum(axis=0)
        drawn = resample_sums(sums, resamples, seed) if resamples else np.full((1, 4), np.nan)
        for metric, at in (("precision", 0), ("recall", 2)):
            low, high = percentile_interval(ratio(drawn[:, at], drawn[:, at + 1]))
            value = float(ratio(total[at], total[at + 1]))
            rows.append((method, metric, value, float(low), float(high), int(total[at + 1])))
    return pd.DataFrame(rows, columns=["method", "metric", "value", "low", "high", "facts"])
