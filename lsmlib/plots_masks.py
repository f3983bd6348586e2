"""Figures of masks: which tokens of a day are missing, hidden, both, or visible.

The four kinds differ in lightness as well as in hue, from white to dark, so that figures can be read in grey and by
people who do not tell colours apart. As in ``lsmlib.plots``, white is a gap.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from lsmlib.plots import _shown_once
from lsmlib.signals import SIGNAL_NAMES

KINDS = ("missing", "missing and hidden", "target: observed and hidden", "visible")
COLOURS = ("#ffffff", "#c9c9c9", "#e8891c", "#27365f")


def find_kinds(missing: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The kind of each token, its place in ``KINDS``: the more a model may know of it, the higher.

    Args:
        missing: bool, of any shape.
        hidden: bool, of the same shape.

    Returns:
        Integers of that shape.

    Raises:
        ValueError: if one is not boolean, or the shapes differ.
    """
    missing, hidden = np.asarray(missing), np.asarray(hidden)
    for name, tokens in (("missing", missing), ("hidden", hidden)):
        if tokens.dtype != bool or tokens.shape != missing.shape:
            raise ValueError(f"{name} is {tokens.dtype} {tokens.shape}; expected bool {missing.shape}, as missing is")
    return np.where(missing, np.where(hidden, 1, 0), np.where(hidden, 2, 3))


def draw_kinds(axes: Axes, kinds: np.ndarray) -> AxesImage:
    """Draw the kinds of tokens ``[p, s]``, patches along time from left to right and signals in rows."""
    image = axes.imshow(
        kinds.T, aspect="auto", cmap=ListedColormap(COLOURS), vmin=-0.5, vmax=3.5, interpolation="nearest",
        extent=(0, len(kinds), kinds.shape[1], 0),
    )  # fmt: skip
    axes.set_xlabel("patch in time")
    place = axes.get_subplotspec()
    if (place is None or place.is_first_col()) and kinds.shape[1] == len(SIGNAL_NAMES):
        axes.set_yticks(np.arange(len(SIGNAL_NAMES)) + 0.5, SIGNAL_NAMES, fontsize=6)
    for side in axes.spines.values():
        side.set_visible(True)  # else a gap at the edge looks like paper
    return image


def add_legend(figure: Figure) -> None:
    """Say above a figure which colour is which kind."""
    handles = [
        Patch(facecolor=colour, edgecolor="black", label=kind) for kind, colour in zip(KINDS, COLOURS, strict=True)
    ]
    figure.legend(handles=handles[::-1], loc="outside upper left", ncols=len(KINDS), frameon=False)


def plot_kinds(missing: np.ndarray, hidden: Mapping[str, np.ndarray]) -> Figure:
    """One day under several ways of hiding, side by side.

    Args:
        missing: tokens of the day, bool ``[p, s]``.
        hidden: title → which tokens are hidden, bool ``[p, s]``.

    Raises:
        ValueError: if there is nothing to draw, or an array is not boolean or has another shape.
    """
    if not hidden:
        raise ValueError("hidden is empty; expected at least one way of hiding, such as {'at random': …}")
    figure, axes = plt.subplots(
        1, len(hidden), figsize=(3.7 * len(hidden) + 0.6, 3.9), sharey=True, layout="constrained", squeeze=False
    )
    for panel, (title, tokens) in zip(axes[0], hidden.items(), strict=True):
        draw_kinds(panel, find_kinds(missing, tokens))
        panel.set_title(title, loc="left", fontsize=10)
    add_legend(figure)
    return _shown_once(figure)
