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

from lsmlib.evaluate.backbones import TokenPool
from lsmlib.models.batching import run_in_batches
from lsmlib.models.latest import Latest
from lsmlib.models.lsm1 import LSM1
from lsmlib.nn.augment import AUGMENTATIONS, Augment
from lsmlib.nn.transformer import dense, seed_stream
from lsmlib.signals import normalise

PROJECTION = 128  # channels in which windows are compared, as in the paper
TEMPERATURE = 0.1  # likewise
VALIDATION_BATCH = 64  # windows told apart at once in ``validation_loss``: as many as ``pretrain`` takes by default


@keras.saving.register_keras_serializable(package="lsmlib")
class SimCLR(keras.Model):
    """An encoder and a projection; ``lsmlib.pretrain(SimCLR(model), windows, …)`` trains both.

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
        self._config = {
            "model": model.get_config(), "augment": tuple(augment), "temperature": temperature, "seed": seed,
        }  # fmt: skip
        seeds = seed_stream(seed)
        self.augment = Augment(tuple(augment), next(seeds), name="augment", dtype="float32")
        self.backbone = TokenPool(model, seed=next(seeds), name="backbone")
        width = model.size.encoder.width
        self.hidden = dense(width, seeds, activation="relu", name="hidden")
        self.projection = dense(PROJECTION, seeds, name="projection")
        self.hidden.build((None, 2 * width))  # of mean and maximum
        self.projection.build((None, width))
        self.built = True
        self.step_loss = Latest(name="step_loss")

    def call(self, signals: Any, training: bool = False) -> Any:
        """Two views of each normalised window ``[b, t, s]``, projected: ``[2b, 128]``, first views first."""
        return self.project(ops.concatenate([self.augment(signals), self.augment(signals)]))

    def project(self, views: Any) -> Any:
        """What views ``[b, t, s]`` are compared by: ``[b, 128]``."""
        return self.projection(self.hidden(self.backbone(views)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """``nt_xent`` of the two views."""
        loss = nt_xent(y_pred, self.temperature)
        self.step_loss.update_state(loss)
        return loss

    def validation_loss(self, windows: xr.Dataset) -> float:
        """The loss on these windows, with the same views whenever the same windows come in the same order.

        A contrastive loss depends on how many windows there are to tell apart: by chance it is log(2b - 1) in batches
        of b. So the batches are of 64 windows whatever the training's are (of all windows, where they are fewer), each
        full: the last one takes some windows a second time. Windows are mixed first, always alike, because neighbours
        in a Cohort are one person's.

        Args:
            windows: from ``cut_windows``.

        Raises:
            ValueError: if windows have another length than the model's, or gaps, or there is one only.
        """
        self.check_windows(windows)
        values = normalise(windows["signals"].values)
        if len(values) < 2:
            raise ValueError("there is 1 window; a contrastive loss tells windows apart: expected at least 2")
        size = min(VALIDATION_BATCH, len(values))
        order = np.random.default_rng(0).permutation(len(values))
        augment = Augment(self.augment.names, 0, dtype="float32")
        losses = []
        for batch in np.resize(order, (-(-len(values) // size), size)):
            views = np.concatenate([augment(values[batch]), augment(values[batch])])
            projected = run_in_batches(_project, self, {"views": views}, 2 * size)
            losses.append(float(nt_xent(projected, self.temperature)))
        return float(np.mean(losses))

    def embed(self, windows: xr.Dataset, batch_size: int = 64) -> np.ndarray:
        """One vector a window, float32 ``[d, 2 × w]``: of tokens pooled, before the projection, as in the paper.

        Raises:
            ValueError: if windows have another length than the model's, or gaps.
        """
        self.check_windows(windows)
        return run_in_batches(_embed, self, {"signals": normalise(windows["signals"].values)}, batch_size)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, of the model its own; ``keras.saving.load_model`` reads saved files."""
        return {**self._config, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> "SimCLR":
        """Make it as the arguments say, with fresh weights."""
        return cls(**{**config, "model": LSM1.from_config(config["model"])})


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


def _project(model: SimCLR, inputs: dict[str, Any]) -> Any:
    return model.project(inputs["views"])


def _embed(model: SimCLR, inputs: dict[str, Any]) -> Any:
    return model.backbone(inputs["signals"])
