"""Figures of language: what is marked as found, as right and as wrong is so."""

import numpy as np
import pandas as pd
import pytest

from lsmlib import plots_language
from lsmlib.evaluate import judge_facts
from lsmlib.text import DayFacts, Fact
from tests.text.days import eventful_cohort


def test_rings_are_where_the_own_text_is_most_alike():
    similar = np.array([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.0, 0.2, 0.7]])
    axes = plots_language.plot_similarity(similar).axes[0]
    rings, crosses = (np.asarray(one.get_offsets()) for one in axes.collections[-2:])
    np.testing.assert_array_equal(rings, [[0.5, 0.5], [2.5, 2.5]])
    np.testing.assert_array_equal(crosses, [[0.5, 1.5]])
    assert "2 of 3" in axes.get_title(loc="left")
    with pytest.raises(ValueError, match=r"expected \[n, n\]"):
        plots_language.plot_similarity(similar[:2])


def test_days_are_shown_in_the_order_found():
    cohort = eventful_cohort(4)
    figure = plots_language.plot_retrieved(cohort, "The log shows walk.", [2, 0], [0.8, 0.5], own=0)
    titles = [panel.get_title(loc="left") for panel in figure.axes[:2]]
    assert titles == ["1: cosine 0.80", "2: cosine 0.50  (its own day)"]
    values = figure.axes[0].lines[0].get_ydata()
    np.testing.assert_array_equal(values, cohort["signals"].sel(signal="heart_rate").values[2])
    with pytest.raises(ValueError, match="nothing to draw"):
        plots_language.plot_retrieved(cohort, "text", [], [])


def test_variants_are_dots_beside_the_first():
    rows = [
        ("a", "names", "AUROC", 0.8, 0.7, 0.9),
        ("b", "names", "AUROC", 0.6, 0.5, 0.7),
        ("a", "texts", "R@1", 0.3, 0.2, 0.5),
    ]
    table = pd.DataFrame(rows, columns=["variant", "task", "metric", "value", "low", "high"])
    names, texts = plots_language.plot_variants(table).axes
    dots = [panel.lines[0].get_xydata().tolist() for panel in (names, texts)]
    assert dots == [[[0.8, 0], [0.6, 1]], [[0.3, 0]]]
    np.testing.assert_allclose(names.collections[0].get_segments(), [[[0.7, 0], [0.9, 0]], [[0.5, 1], [0.7, 1]]])
    assert [panel.lines[-1].get_xdata()[0] for panel in (names, texts)] == [0.8, 0.3]
    assert [label.get_text() for label in names.get_yticklabels()] == ["a", "b"] and texts.get_xlabel() == "R@1"
    _, lacking = plots_language.plot_variants(table.assign(variant=["a", "b", "b"])).axes
    assert len(lacking.lines) == len(texts.lines) - 1  # no line at a first variant that was not measured


def test_right_and_wrong_facts_differ_in_more_than_colour():
    walk = Fact("walk", "activity", None, 480, 540)
    judged = judge_facts([walk, Fact("run", "activity", None, 600, 660)], DayFacts([(walk,)], []))
    axes = plots_language.plot_judged([judged], ["Monday"]).axes[0]
    right, wrong = axes.patches
    assert right.get_hatch() is None and wrong.get_hatch() == "////"
    assert (right.get_x(), right.get_width()) == (8, 1)
    words = [text.get_text() for text in axes.texts]
    assert words == ["Monday", "✓ walk 08:00-09:00", "✗ run 10:00-11:00"]
    with pytest.raises(ValueError, match="no caption states a fact"):
        plots_language.plot_judged([[]])
