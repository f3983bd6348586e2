"""LSM-1: a masked autoencoder over five-hour windows of 26 signals.

Narayanswamy, Liu et al., "Scaling Wearable Foundation Models" (ICLR 2025): windows of 300 minutes as an image, patches
of 10 minutes × 5 signals, 80 % of them hidden at random, mean squared error on the hidden ones, all as reported. What
the report leaves open is decided here, and is an argument: 26 signals are padded to 30, which gives 180 tokens; there
is no class token; an embedding is the mean over tokens.
"""

from typing import Any

import keras
import numpy as np
import xarray as xr
from keras import ops

from lsmlib.checks import check_cohort, check_whole
from lsmlib.masking import keep_random, keep_visible, place_kept
from lsmlib.models.autoencoder import Decoder, Encoder
from lsmlib.models.batching import run_in_batches
from lsmlib.models.latest import Latest
from lsmlib.models.saving import SavedModel
from lsmlib.models.sizes import LSM1_SIZES, Size, size_of
from lsmlib.nn.augment import Augment
from lsmlib.nn.patches import Grid
from lsmlib.nn.random import RandomStream
from lsmlib.nn.transformer import seed_stream
from lsmlib.signals import HIGH, LOW, SIGNALS, denormalise, normalise
from lsmlib.windows import fill_gaps


@keras.saving.register_keras_serializable(package="lsmlib")
class LSM1(SavedModel):
    """LSM-1, an ordinary ``keras.Model``: ``compile`` with an optimizer and ``fit`` on ``make_batches(windows, …)``.

    Calling it on normalised windows float ``[b, t, s]`` hides tokens at random and returns named outputs (``call``). It
    brings its own loss. Its weights exist as soon as it does; the same seed gives the same weights and the same masks.

    Args:
        size: ``"nano"``, ``"tiny"`` (2.2 million parameters), ``"small"`` (7.3), ``"base"`` (110.7), ``"large"``
            (328.1), or a ``Size`` of your own.
        minutes: length of a window.
        signals: of a window; 26, unless you train on arrays of your own.
        patch_minutes: length of a patch.
        patch_signals: signals of a patch, neighbours in the order of ``SIGNALS``.
        hide: the share of tokens hidden at random in training.
        augment: which of ``"stretch"``, ``"flip"`` and ``"noise"`` to change training windows by.
        class_token: whether a learned token stands before the others, as in the reference masked autoencoder.
        mimetic: how strongly tokens attend to tokens like themselves at first; see ``MimeticUniform``. 0: not at all.
        seed: of the initial weights, the masks and the augmentations.
        dtype: Keras' policy; ``"mixed_bfloat16"`` computes in bfloat16 and keeps weights, norms and loss in float32.

    Raises:
        ValueError: if there is no such size or augmentation, or a number is out of range.
    """

    def __init__(
        self,
        size: str | Size = "tiny",
        *,
        minutes: int = 300,
        signals: int = len(SIGNALS),
        patch_minutes: int = 10,
        patch_signals: int = 5,
        hide: float = 0.8,
        augment: tuple[str, ...] = (),
        class_token: bool = False,
        mimetic: float = 0.0,
        seed: int = 0,
        dtype: Any = None,
        name: str = "lsm1",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.size = size_of(size, LSM1_SIZES)
        for argument, value in (("minutes", minutes), ("signals", signals)):
            check_whole(argument, value, 1)
        check_whole("patch_minutes", patch_minutes, 1, minutes)
        check_whole("patch_signals", patch_signals, 1, signals)
        check_whole("seed", seed, 0, 2**31 - 1)
        self.grid = Grid(minutes, signals, patch_minutes, patch_signals)
        self.kept = self.grid.tokens - round(hide * self.grid.tokens)
        if not 0 < self.kept < self.grid.tokens:
            raise ValueError(
                f"hide is {hide}, which hides {self.grid.tokens - self.kept} of {self.grid.tokens} tokens; expected a "
                "share that hides at least one and keeps at least one, such as 0.8"
            )
        self._config = {
            "size": size if isinstance(size, str) else self.size,
            "minutes": minutes, "signals": signals, "patch_minutes": patch_minutes,
            "patch_signals": patch_signals, "hide": hide, "augment": tuple(augment), "class_token": class_token,
            "mimetic": mimetic, "seed": seed, "name": name,
        }  # fmt: skip
        seeds = seed_stream(seed)
        self.random = RandomStream(next(seeds), name="random")
        self.augment = Augment(augment, next(seeds), name="augment", dtype="float32")
        options = {"mimetic": mimetic, "dtype": self.dtype_policy}
        self.encoder = Encoder(self.grid, self.size.encoder, class_token, seeds, name="encoder", **options)
        self.decoder = Decoder(self.grid, self.size.decoder, class_token, seeds, name="decoder", **options)
        self.step_loss = Latest(name="step_loss")
        self.build((None, minutes, signals))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make all weights; ``input_shape`` is that of windows ``[b, t, s]``."""
        self.encoder.build(input_shape)
        self.decoder.build((None, None, self.size.encoder.width))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Hide tokens, read the others, and predict every token.

        Args:
            inputs: normalised windows ``[b, t, s]``, of which ``hide`` is hidden at random; or a dict of ``signals``
                ``[b, t, s]`` and ``kept`` int32 ``[b, k]``, the numbers of the tokens to keep (see ``masking``). What
                stands under a hidden token reaches no output but ``target``.
            training: whether to augment.

        Returns:
            ``encoded`` ``[b, k, w]`` (``[b, 1 + k, w]`` with a class token); float32 ``prediction`` and ``target``
            ``[b, n, cells]``, normalised values by patch; ``hidden`` bool ``[b, n]``, where the two are compared.

        Raises:
            ValueError: if windows have another shape than the model's.
        """
        signals, kept = (inputs["signals"], inputs["kept"]) if isinstance(inputs, dict) else (inputs, None)
        self._check_shape(signals.shape)
        if training:
            signals = self.augment(signals)
        if kept is None:
            kept = keep_random(self.random.uniform((ops.shape(signals)[0], self.grid.tokens)), self.kept)
        target = self.grid.to_patches(signals)
        encoded = self.encoder(target, kept)
        return {
            "encoded": encoded,
            "prediction": ops.cast(self.decoder(encoded, kept), "float32"),
            "target": ops.cast(target, "float32"),
            "hidden": ~ops.any(place_kept(kept, self.grid.tokens), axis=1),
        }

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Mean squared error over the cells of hidden tokens, padding apart; normalised units."""
        scored = y_pred["hidden"][:, :, None] & ops.convert_to_tensor(self.grid.real_cells())
        error = ops.where(scored, y_pred["prediction"] - y_pred["target"], 0.0)
        loss = ops.sum(ops.square(error)) / ops.sum(ops.cast(scored, "float32"))
        self.step_loss.update_state(loss)
        return loss

    def encode(self, signals: Any) -> Any:
        """Read whole windows, nothing hidden: normalised ``[b, t, s]`` to vectors ``[b, n, w]``, one a token."""
        self._check_shape(signals.shape)
        return self.encoder(self.grid.to_patches(signals))[:, self.decoder.skip :]

    def embed(self, windows: xr.Dataset, batch_size: int = 64) -> np.ndarray:
        """One vector a window: the mean over its encoded tokens.

        Args:
            windows: from ``cut_windows``.
            batch_size: windows at once.

        Returns:
            float32 ``[d, w]``.

        Raises:
            ValueError: if windows have another length than the model's, or gaps.
        """
        self.check_windows(windows)
        return run_in_batches(_embed, self, {"signals": normalise(windows["signals"].values)}, batch_size)

    def validation_loss(self, windows: xr.Dataset, batch_size: int = 64) -> float:
        """The loss on these windows, hiding the same tokens whenever the same windows come in the same order."""
        self.check_windows(windows)
        values = normalise(windows["signals"].values)
        noise = np.random.default_rng(0).random((len(values), self.grid.tokens))
        kept = np.argsort(noise, axis=1)[:, : self.kept].astype(np.int32)
        predicted = run_in_batches(_predict, self, {"signals": values, "kept": kept}, batch_size)
        scored = np.broadcast_to(self.grid.real_cells(), predicted.shape).copy()
        np.put_along_axis(scored, kept[:, :, None], False, axis=1)
        return float(np.square(predicted - self.grid.to_patches(values))[scored].mean())

    def check_windows(self, windows: xr.Dataset) -> None:
        """Check that windows have the model's length and no gap.

        Raises:
            ValueError: if not.
        """
        check_cohort(windows)
        self._check_shape(windows["signals"].shape)
        gaps = windows["signals"].isnull().any(["minute", "signal"]).values
        if gaps.any():
            raise ValueError(
                f"{gaps.sum()} of {len(gaps)} windows have gaps (NaN), first number {gaps.argmax()}; LSM-1 reads "
                "none: cut_windows fills them, model.impute(windows) predicts them, and LSM-2 reads them as they are"
            )

    def reconstruct(self, windows: xr.Dataset, hidden: np.ndarray, batch_size: int = 64) -> np.ndarray:
        """Predict what is hidden from the rest of each window.

        A token that holds a hidden cell is hidden as a whole, so that no value in it is seen. Gaps elsewhere are
        first filled from what is visible, as ``cut_windows`` does, because LSM-1 must read something there.

        Args:
            windows: from ``cut_windows``; NaN is allowed.
            hidden: bool ``[d, t, s]``.
            batch_size: windows at once.

        Returns:
            float32 ``[d, t, s]`` in physical units: predictions where ``hidden``, within each signal's plausible range;
            elsewhere the windows' own values (filled gaps included).

        Raises:
            ValueError: if windows have another length than the model's, or ``hidden`` another shape or dtype.
        """
        check_cohort(windows, values=False)  # cells under `hidden` may hold anything
        values, hidden = windows["signals"].values, np.asarray(hidden)
        self._check_shape(values.shape)
        if hidden.shape != values.shape or hidden.dtype != bool:
            raise ValueError(f"hidden is {hidden.dtype} {hidden.shape}; expected bool {values.shape}, as signals")
        filled = fill_gaps(np.where(hidden, np.nan, values))
        kept = keep_visible(self.grid.to_patches(hidden).any(axis=2))
        patches = run_in_batches(_predict, self, {"signals": normalise(filled), "kept": kept}, batch_size)
        predicted = np.clip(denormalise(self.grid.to_windows(patches)), LOW, HIGH)
        return np.where(hidden, predicted, filled)

    def impute(self, windows: xr.Dataset, batch_size: int = 64) -> xr.Dataset:
        """Fill what was not measured: NaN, and where ``observed`` is False what ``cut_windows`` had interpolated.

        Returns:
            The same Dataset; every measured value is untouched.

        Raises:
            ValueError: if windows have another length than the model's.
        """
        missing = windows["signals"].isnull().values
        if "observed" in windows:
            missing |= ~windows["observed"].values
        filled = self.reconstruct(windows, missing, batch_size)
        return windows.assign(signals=(windows["signals"].dims, filled, windows["signals"].attrs))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**self._config, "dtype": self.dtype_policy.name}

    def _check_shape(self, shape: tuple[int | None, ...]) -> None:
        self.grid.check_shape(shape, "windows", f": lsmlib.cut_windows(cohort, minutes={self.grid.minutes})")


def _embed(model: LSM1, inputs: dict[str, Any]) -> Any:
    return ops.mean(ops.cast(model.encode(inputs["signals"]), "float32"), axis=1)


def _predict(model: LSM1, inputs: dict[str, Any]) -> Any:
    return model(inputs)["prediction"]
