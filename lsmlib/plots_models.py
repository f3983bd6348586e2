"""Figures of what a model reads, learns and fills in."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from lsmlib.plots import DEVIATIONS, _shown_once
from lsmlib.signals import SIGNAL_NAMES, normalise

SHOWN = 2.5  # standard deviations at the ends of the colours


def draw_image(axes: Axes, values: np.ndarray, title: str = "") -> AxesImage:
    """Draw a normalised window ``[t, s]`` as the models see it: signals in rows, NaN (hidden or missing) in white."""
    image = axes.imshow(
        values.T, aspect="auto", cmap=DEVIATIONS, vmin=-SHOWN, vmax=SHOWN, interpolation="nearest",
        extent=(0, len(values), values.shape[1], 0),
    )  # fmt: skip
    axes.set(title=title, xlabel="minute of the window")
    place = axes.get_subplotspec()
    if (place is None or place.is_first_col()) and values.shape[1] == len(SIGNAL_NAMES):
        axes.set_yticks(np.arange(len(SIGNAL_NAMES)) + 0.5, SIGNAL_NAMES, fontsize=6)
    return image


def plot_reconstruction(model: Any, windows: xr.Dataset, row: int = 0, seed: int = 0) -> Figure:
    """One window three times: as measured, what the model is shown of it, and what it makes of that."""
    window = windows.isel(day=[row])
    truth = normalise(window["signals"].values)
    ranks = np.random.default_rng(seed).permutation(model.grid.tokens)
    tokens = np.broadcast_to((ranks >= model.kept)[None, :, None], (1, model.grid.tokens, model.grid.cells))
    hidden = model.grid.to_windows(tokens.copy())
    panels = {
        "measured": truth[0],
        f"read ({1 - hidden.mean():.0%})": np.where(hidden, np.nan, truth)[0],
        "filled in": normalise(model.reconstruct(window, hidden))[0],
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True, layout="constrained")
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        image = draw_image(axis, values, title)
    figure.colorbar(image, ax=axes, label="standard deviations", extend="both", pad=0.01)
    return _shown_once(figure)


def plot_training(history: dict[str, list[float]], baseline: float | None = None) -> Figure:
    """Loss by step, on training windows and on other people's, as ``pretrain`` returns it.

    Args:
        history: from ``pretrain``.
        baseline: the loss of always predicting the mean, drawn as a line.
    """
    loss = np.asarray(history["loss"])
    width = max(len(loss) // 50, 1)
    smooth = np.convolve(loss, np.ones(width) / width, mode="valid")
    figure, axis = plt.subplots(figsize=(9, 3.4), layout="constrained")
    axis.plot(np.arange(1, len(loss) + 1), loss, color="0.8", lw=0.8, label="training, each step")
    axis.plot(np.arange(len(smooth)) + (width + 1) / 2, smooth, color="black", label=f"training, mean of {width} steps")
    if "valid_loss" in history:
        axis.plot(history["valid_step"], history["valid_loss"], "o-", color="C0", label="other people")
    if baseline is not None:
        axis.axhline(baseline, color="C3", ls="--", label="predicting the mean")
    top = max(baseline or 0.0, float(np.quantile(loss, 0.9))) * 1.3
    axis.set(xlabel="step", ylabel="mean squared error (sd²)", ylim=(0, top), title="Loss on hidden tokens")
    axis.legend()
    return _shown_once(figure)
