"""Figures of what a model learns and fills in."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from lsmlib.plots import DEVIATIONS, _shown_once
from lsmlib.signals import CLIP, normalise


def plot_reconstruction(model: Any, windows: xr.Dataset, row: int = 0, seed: int = 0) -> Figure:
    """One window three times: as measured, what the model is shown of it, and what it makes of that."""
    window = windows.isel(day=[row])
    truth = normalise(window["signals"].values)
    noise = np.random.default_rng(seed).random((1, model.grid.tokens))
    hidden_tokens = np.argsort(np.argsort(noise, axis=1), axis=1) >= model.kept
    cells = np.repeat(hidden_tokens[:, :, None], model.grid.cells, axis=2)
    hidden = model.grid.to_windows(cells)
    predicted = normalise(model.reconstruct(window, hidden))
    panels = {
        "measured": truth[0],
        f"shown ({1 - hidden.mean():.0%})": np.where(hidden, np.nan, truth)[0],
        "filled in": predicted[0],
    }
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        image = axis.imshow(
            values.T, aspect="auto", cmap=DEVIATIONS, vmin=-CLIP / 2, vmax=CLIP / 2, interpolation="nearest"
        )
        axis.set(title=title, xlabel="minute of the window")
    axes[0].set_ylabel("signal")
    figure.colorbar(image, ax=axes, label="standard deviations", extend="both", pad=0.01)
    return _shown_once(figure)
