"""Figures of masks show the kinds of tokens that they were given, and can be read in grey."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba

from lsmlib import plots_masks

MISSING = np.array([[True, True, False], [False, False, True]])
HIDDEN = np.array([[False, True, True], [False, True, False]])
KINDS = np.array([[0, 1, 2], [3, 2, 0]])


def test_four_kinds_by_hand():
    np.testing.assert_array_equal(plots_masks.find_kinds(MISSING, HIDDEN), KINDS)
    assert [plots_masks.KINDS[kind][:7] for kind in (0, 2, 3)] == ["missing", "target:", "visible"]


def test_kinds_of_what_are_no_masks():
    with pytest.raises(ValueError, match=r"hidden is int64 \(2, 3\); expected bool \(2, 3\)"):
        plots_masks.find_kinds(MISSING, HIDDEN.astype(np.int64))
    with pytest.raises(ValueError, match=r"hidden is bool \(3, 2\); expected bool \(2, 3\)"):
        plots_masks.find_kinds(MISSING, HIDDEN.T)
    with pytest.raises(ValueError, match=r"missing is float64"):
        plots_masks.find_kinds(np.array([np.nan, 1.0]), np.array([True, False]))


def test_kinds_can_be_told_apart_in_grey():
    grey = [np.dot(to_rgb(colour), [0.299, 0.587, 0.114]) for colour in plots_masks.COLOURS]
    assert (np.diff(grey) < -0.12).all()


def test_each_token_has_the_colour_of_its_kind():
    figure, axes = plt.subplots()
    image = plots_masks.draw_kinds(axes, KINDS)
    drawn = image.to_rgba(image.get_array())  # signals in rows
    for (time, signal), kind in np.ndenumerate(KINDS):
        assert tuple(drawn[signal, time]) == pytest.approx(to_rgba(plots_masks.COLOURS[kind]), abs=0.01)
    assert axes.get_xlim() == (0, 2) and axes.get_ylim() == (3, 0)
    plt.close(figure)


def test_a_panel_for_each_way_and_a_legend_of_all_kinds():
    figure = plots_masks.plot_kinds(MISSING, {"first": HIDDEN, "nothing": np.zeros_like(HIDDEN)})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["first", "nothing"]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), KINDS.T)
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), np.where(MISSING, 0, 3).T)
    (legend,) = figure.legends
    shown = {
        text.get_text(): mark.get_facecolor() for text, mark in zip(legend.texts, legend.get_patches(), strict=True)
    }
    assert shown == {kind: to_rgba(colour) for kind, colour in zip(plots_masks.KINDS, plots_masks.COLOURS, strict=True)}


def test_signals_are_named_when_all_are_there():
    missing = np.zeros((4, 26), bool)
    axes = plots_masks.plot_kinds(missing, {"a": missing, "b": missing}).axes
    assert axes[0].get_yticklabels()[0].get_text() == "heart_rate"


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="hidden is empty; expected at least one way"):
        plots_masks.plot_kinds(MISSING, {})
