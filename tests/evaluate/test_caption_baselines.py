"""Captions beside baselines: own captions are wholly true, and shares are counted by hand."""

import numpy as np
import pytest

from lsmlib.evaluate import caption_table, commonest_caption, nearest_captions, score_captions
from lsmlib.text import caption_days
from tests.text.days import eventful_cohort


def test_the_table_says_what_score_captions_says():
    cohort = eventful_cohort(8)
    own = [caption.text for caption in caption_days(cohort, "semantic")]
    methods = {"own": own, "another's": own[1:] + own[:1], "silent": [""] * 8}
    table = caption_table(methods, cohort, "semantic", resamples=100).set_index(["method", "metric"])
    np.testing.assert_array_equal(table.loc["own", ["value", "low", "high"]], 1.0)
    for name in ("own", "another's"):
        scores = score_captions(methods[name], cohort, "semantic").loc["all"]
        assert table.loc[(name, "precision"), "value"] == pytest.approx(scores["precision"])
        assert table.loc[(name, "recall"), "value"] == pytest.approx(scores["recall"])
        assert table.loc[(name, "precision"), "facts"] == scores["stated"]
    assert np.isnan(table.loc[("silent", "precision"), "value"]) and table.loc[("silent", "recall"), "value"] == 0
    other = table.loc[("another's", "precision")]
    assert other["low"] <= other["value"] <= other["high"] < 1


def test_the_neighbour_and_the_commonest():
    train = np.eye(3)[[0, 1, 2]]
    vectors = np.array([[0.1, 0.9, 0.0], [0.6, 0.0, 0.8]])
    assert nearest_captions(train, ["a", "b", "c"], vectors) == ["b", "c"]
    assert commonest_caption(["slept well", "slept badly", "slept well", "walked far"]) == "slept well"
    with pytest.raises(ValueError, match="3 training days and 1 texts"):
        nearest_captions(train, ["a"], vectors)
    with pytest.raises(ValueError, match="at least one text"):
        commonest_caption([])
    with pytest.raises(ValueError, match="'m' has 1 texts; expected a list of 2"):
        caption_table({"m": ["a"]}, eventful_cohort(2), "semantic")
    with pytest.raises(ValueError, match="texts is empty"):
        caption_table({}, eventful_cohort(2), "semantic")
