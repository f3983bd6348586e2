"""SimCLR on LSM-1's encoder: the rival that learns without labels by telling windows apart, not by filling them in.

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations" (ICML 2020), is among LSM-1's
rivals, as reported. Views are made by LSM-1's own augmentations (stretch, flip, noise), so that what differs between
the two is the task.
"""

from typing import Any

import keras
import numpy as np
import xarray as xr
from keras import ops

from lsmlib.evaluate.finetune import TokenPool
from lsmlib.models.batching import run_in_batches
from lsmlib.models.latest import Latest
from lsmlib.models.lsm1 import LSM1
from lsmlib.nn.augment import AUGMENTATIONS, Augment
from lsmlib.nn.transformer import dense, seed_stream
from lsmlib.signals import normalise

PROJECTION = 128  # channels in which windows are compared, as in the paper
TEMPERATURE = 0.1  # likewise


class SimCLR(keras.Model):
    """An encoder and a projection; ``lsmlib.pretrain(SimCLR(model), windows, …)`` trains both (without ``valid``).

    Args:
        model: whose kind of encoder; the weights are fresh.
        augment: how two views of a window are made (``lsmlib.nn.augment``).
        temperature: what similarities are divided by.
        seed: of the weights and views.

    Raises:
        ValueError: if the temperature is not above 0, or there is no such augmentation.
    """

    def __init__(
        self,
        model: LSM1,
        augment: tuple[str, ...] = AUGMENTATIONS,
        temperature: float = TEMPERATURE,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not temperature > 0:
            raise ValueError(f"temperature is {temperature}; expected a number above 0, such as {TEMPERATURE}")
        self.temperature, self.check_windows = temperature, model.check_windows
        seeds = seed_stream(seed)
        self.augment = Augment(tuple(augment), next(seeds), name="augment", dtype="float32")
        self.backbone = TokenPool(model, seed=next(seeds), name="backbone")
        self.hidden = dense(model.size.encoder.width, seeds, activation="relu", name="hidden")
        self.projection = dense(PROJECTION, seeds, name="projection")
        self.step_loss = Latest(name="step_loss")

    def call(self, signals: Any, training: bool = False) -> Any:
        """Two views of each normalised window ``[b, t, s]``, projected: ``[2b, 128]``, first views first."""
        views = ops.concatenate([self.augment(signals), self.augment(signals)])
        return self.projection(self.hidden(self.backbone(views)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """``nt_xent`` of the two views."""
        loss = nt_xent(y_pred, self.temperature)
        self.step_loss.update_state(loss)
        return loss

    def embed(self, windows: xr.Dataset, batch_size: int = 64) -> np.ndarray:
        """One vector a window, float32 ``[d, 2 × w]``: of tokens pooled, before the projection, as in the paper.

        Raises:
            ValueError: if windows have another length than the model's, or gaps.
        """
        self.check_windows(windows)
        return run_in_batches(_embed, self, {"signals": normalise(windows["signals"].values)}, batch_size)


def nt_xent(projected: Any, temperature: float = TEMPERATURE) -> Any:
    """The normalised temperature-scaled cross-entropy (SimCLR, equation 1), averaged over all views.

    Each view must find its partner among all other views by cosine similarity.

    Args:
        projected: ``[2b, c]``; rows i and b + i are two views of one window.
        temperature: what similarities are divided by.

    Returns:
        A number; log(2b - 1) where all views are alike.
    """
    views = ops.shape(projected)[0]
    projected = ops.normalize(ops.cast(projected, "float32"), axis=1)
    similar = projected @ ops.transpose(projected) / temperature
    similar = ops.where(ops.eye(views, dtype="bool"), -1e9, similar)  # a view is not compared with itself
    partner = ops.roll(ops.arange(views), views // 2)
    return ops.mean(keras.losses.sparse_categorical_crossentropy(partner, similar, from_logits=True))


def _embed(model: SimCLR, inputs: dict[str, Any]) -> Any:
    return model.backbone(inputs["signals"])
