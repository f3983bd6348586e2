"""Retrieval: ranks by hand, a perfect model and one that guesses, and a baseline that finds what was planted."""

import numpy as np
import pytest

from lsmlib.evaluate import own_ranks, retrieval_table, statistics_similarity

PEOPLE = np.repeat([f"p{number}" for number in range(30)], 4)


def test_ranks_by_hand():
    similar = [[0.9, 0.1, 0.3], [0.8, 0.2, 0.2], [0.1, 0.5, 0.4]]
    np.testing.assert_array_equal(own_ranks(similar), [1, 2.5, 2])
    np.testing.assert_array_equal(own_ranks(np.zeros((4, 4))), 2.5)  # none can be told from another


def test_scores_by_hand():
    similar = np.array([[0.9, 0.1, 0.3], [0.8, 0.2, 0.1], [0.1, 0.5, 0.4]])  # ranks 1, 2, 2; of columns 1, 2, 1
    table = retrieval_table({"m": similar}, np.array(["a", "b", "c"]), [3], counts=(1, 2), pools=1, resamples=0)
    mine = table[table["method"] == "m"].set_index(["direction", "metric"])
    assert mine["value"].to_dict() == pytest.approx(
        {
            ("day to text", "R@1"): 1 / 3, ("day to text", "R@2"): 1.0, ("day to text", "median rank"): 2.0,
            ("text to day", "R@1"): 2 / 3, ("text to day", "R@2"): 1.0, ("text to day", "median rank"): 1.0,
        }
    )  # fmt: skip
    chance = mine["chance"]["day to text"]
    assert chance.to_dict() == pytest.approx({"R@1": 1 / 3, "R@2": 2 / 3, "median rank": 2.0})
    assert mine["low"].isna().all()


def test_a_perfect_model_finds_all_and_a_guess_what_chance_does():
    draw = np.random.default_rng(0)
    methods = {"perfect": np.eye(len(PEOPLE)), "guess": draw.standard_normal((len(PEOPLE), len(PEOPLE)))}
    table = retrieval_table(methods, PEOPLE, [10, 50], pools=10, resamples=300)
    rows = table.set_index(["method", "direction", "pool", "metric"])
    perfect = rows.loc["perfect"]
    np.testing.assert_array_equal(perfect.loc[perfect.index.get_level_values("metric") != "median rank", "low"], 1.0)
    np.testing.assert_array_equal(perfect.xs("median rank", level="metric")[["value", "low", "high"]], 1.0)
    guess = rows.loc["guess"].xs("R@10", level="metric").loc[(slice(None), 50), :]
    assert ((guess["low"] <= guess["chance"]) & (guess["chance"] <= guess["high"])).all()
    shuffled = rows.loc["texts shuffled"].xs("R@1", level="metric")["value"]
    assert (shuffled < 0.2).all()  # of 10, a tenth by chance; the perfect model's own is never right here


def test_the_order_of_days_permutes_ranks():
    draw = np.random.default_rng(1)
    similar, order = draw.standard_normal((20, 20)), draw.permutation(20)
    np.testing.assert_array_equal(own_ranks(similar[np.ix_(order, order)]), own_ranks(similar)[order])


def test_a_linear_map_finds_words_that_statistics_tell():
    draw = np.random.default_rng(2)
    kinds = draw.integers(0, 8, 200)
    features = np.eye(8)[kinds] + 0.05 * draw.standard_normal((200, 8))
    features[0, 0] = np.nan
    texts = [f"the day had kind {'abcdefgh'[kind] * 3} at 0{kind}:15" for kind in kinds]
    similar = statistics_similarity(features[:150], texts[:150], features[150:], texts[150:])
    same = kinds[150:, None] == kinds[None, 150:]
    assert similar.shape == (50, 50) and similar[same].min() > similar[~same].max()


def test_bad_input_is_refused():
    square = np.eye(4)
    people = np.array(list("abcd"))
    for arguments, words in (
        (({}, people), "similar is empty"),
        (({"m": square[:3]}, people, [4]), r"'m' has shape \(3, 4\); expected \(4, 4\)"),
        (({"m": square}, people, [5]), "pool_sizes is 5"),
        (({"m": square}, people, [1]), "pool_sizes is 1"),
    ):
        with pytest.raises(ValueError, match=words):
            retrieval_table(*arguments)
    with pytest.raises(ValueError, match="pools is 0"):
        retrieval_table({"m": square}, people, [4], pools=0)
    with pytest.raises(ValueError, match=r"expected \[n, n\]"):
        own_ranks(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="1 of 4 similarities are NaN"):
        own_ranks([[1.0, np.nan], [0.0, 1.0]])
    with pytest.raises(ValueError, match="4 rows of features and 1 texts"):
        statistics_similarity(square, ["a"], square, ["a"])
