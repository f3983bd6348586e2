"""LSM-2: a masked autoencoder over whole days as they are, with their gaps (AIM, adaptive and inherited masking).

Xu, Narayanswamy et al., "LSM-2: Learning from Incomplete Wearable Sensor Data" (2025). A token is ten minutes of one
signal. What is missing is masked from the start (inherited), more is masked to learn from (artificial), and the network
treats both alike; the loss is taken where a token was hidden *and* observed. All this as reported; the paper's text on
three points is not known to us, and each is an argument here: when a patch with some readings counts as missing,
whether the decoder reads inherited positions, and how the artificial masks are drawn (``lsmlib.masking.Mixture``).
"""

from typing import Any

import jax
import keras
import numpy as np
import xarray as xr
from keras import ops

from lsmlib.checks import check_cohort, check_whole
from lsmlib.masking import Mixture, draw_noise
from lsmlib.models.batching import run_in_packs, take_days
from lsmlib.models.latest import Latest
from lsmlib.models.packed import TokenDecoder, TokenEncoder, mean_tokens
from lsmlib.models.reading import warn_of_unread
from lsmlib.models.saving import SavedModel
from lsmlib.models.sizes import LSM2_SIZES, Size, size_of
from lsmlib.nn.patches import Grid
from lsmlib.nn.random import RandomStream
from lsmlib.nn.transformer import seed_stream
from lsmlib.packing import fill_rows, pack_days, plan_days, rows_for, stretches, unpack_days
from lsmlib.signals import HIGH, LOW, MINUTES_PER_DAY, SIGNALS, denormalise, normalise

CHOICES = {
    "packing": ("exact", "paper"),
    "patch_missing_if": ("any", "all"),
    "decoder_reads": ("observed", "all"),
}


@keras.saving.register_keras_serializable(package="lsmlib")
class LSM2(SavedModel):
    """LSM-2, an ordinary ``keras.Model``, in two forms that give the same numbers.

    The paper's: of each day a fixed share of tokens, all of them masked, is dropped, and the masked ones that remain
    are attended by none. And exact packing: the encoder runs on visible tokens only, laid out by ``pack`` on the host,
    the decoder on what its output can depend on. ``pretrain`` packs by itself; by hand it is ``model.fit(
    make_batches(cohort, …, prepare=model.prepare), …)``. Plain batches are trained on in the paper's form.

    Args:
        size: ``"nano"``, ``"tiny"``, ``"small"``, ``"base"`` (24.6 million parameters), or a ``Size`` of your own.
        minutes: of a day; 1,440, unless you train on arrays of your own.
        signals: of a day.
        patch_minutes: length of a patch.
        patch_missing_if: a patch with some gaps is missing if ``"any"`` of its minutes is, or only if ``"all"`` are;
            then gaps in it are read as the population's mean, and no loss is taken there.
        mixture: how tokens are hidden in training; by default as reported, ``Mixture()``.
        drop: in the paper's form, the share of all tokens that is dropped; at most what every mask hides.
        decoder_reads: ``"observed"``: tokens in the decoder attend to visible ones and to those that are predicted, so
            that it can leave others out; ``"all"``: to every position of the day, mask tokens where it is missing.
        packing: ``"exact"`` or ``"paper"``.
        mimetic: how strongly tokens attend to tokens like themselves at first; see ``MimeticUniform``. 0: not at all.
        seed: of the initial weights and the masks.
        dtype: Keras' policy; ``"mixed_bfloat16"`` computes in bfloat16 and keeps weights, norms and loss in float32.

    Raises:
        ValueError: if there is no such size or choice, or a number is out of range.
    """

    def __init__(
        self,
        size: str | Size = "tiny",
        *,
        minutes: int = MINUTES_PER_DAY,
        signals: int = len(SIGNALS),
        patch_minutes: int = 10,
        patch_missing_if: str = "any",
        mixture: Mixture | None = None,
        drop: float = 0.5,
        decoder_reads: str = "observed",
        packing: str = "exact",
        mimetic: float = 3.0,
        seed: int = 0,
        dtype: Any = None,
        name: str = "lsm2",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.size = size_of(size, LSM2_SIZES)
        for argument, value in (("minutes", minutes), ("signals", signals)):
            check_whole(argument, value, 1)
        check_whole("patch_minutes", patch_minutes, 1, minutes)
        check_whole("seed", seed, 0, 2**31 - 1)
        for argument, choice in (
            ("packing", packing), ("patch_missing_if", patch_missing_if), ("decoder_reads", decoder_reads),
        ):  # fmt: skip
            if choice not in CHOICES[argument]:
                raise ValueError(f"{argument} is {choice!r}; expected {' or '.join(map(repr, CHOICES[argument]))}")
        self.grid = Grid(minutes, signals, patch_minutes, 1)
        if minutes % patch_minutes:
            raise ValueError(f"patch_minutes is {patch_minutes}; expected a divisor of the {minutes} minutes of a day")
        self.mixture = Mixture() if mixture is None else Mixture(*mixture)  # a file gives a list
        if not isinstance(drop, int | float) or not 0 <= drop <= 1:
            raise ValueError(f"drop is {drop!r}; expected a share of all tokens, from 0 to 1")
        self.dropped, least = round(drop * self.grid.tokens), self._least_hidden()
        if self.dropped > least:
            raise ValueError(
                f"drop is {drop}, {self.dropped} of {self.grid.tokens} tokens, but one of the masks in {self.mixture} "
                f"hides {least}; visible ones would be dropped. Expected at most drop={least / self.grid.tokens:.3g}"
            )
        self.patch_missing_if, self.decoder_reads, self.packing, self.seed = (
            patch_missing_if, decoder_reads, packing, seed,
        )  # fmt: skip
        self._config = {
            "size": size if isinstance(size, str) else self.size,
            "minutes": minutes, "signals": signals, "patch_minutes": patch_minutes,
            "patch_missing_if": patch_missing_if, "mixture": tuple(self.mixture), "drop": drop,
            "decoder_reads": decoder_reads, "packing": packing, "mimetic": mimetic,
            "seed": seed, "name": name,
        }  # fmt: skip
        seeds = seed_stream(seed)
        self.random = RandomStream(next(seeds), name="random")
        options = {"mimetic": mimetic, "dtype": self.dtype_policy}
        self.encoder = TokenEncoder(self.grid, self.size.encoder, seeds, name="encoder", **options)
        self.decoder = TokenDecoder(self.grid, self.size.decoder, seeds, name="decoder", **options)
        self.step_loss = Latest(name="step_loss")
        self.build((None, minutes, signals))

    def build(self, input_shape: Any) -> None:
        """Make all weights; ``input_shape`` is that of days ``[b, t, s]``."""
        self.encoder.build(input_shape)
        self.decoder.build((None, None, self.size.encoder.width))
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Read what is visible and predict what is hidden.

        Args:
            inputs: what ``pack`` gives; or normalised days ``[b, t, s]``, NaN where missing, from which tokens are
                hidden as the mixture says; or a dict of these ``signals`` and the ``noise`` ``[b, n + 2]`` to draw
                from, or of ``signals`` and ``hidden`` bool ``[b, n]``. With the last, nothing is dropped, and what is
                masked is kept from being attended, as the paper does with days that it evaluates.
            training: without effect; there is no dropout.

        Returns:
            ``encoded`` ``[r, k, w]``; float32 ``prediction`` and ``target`` ``[r, m, cells]``, normalised; ``scored``
            bool ``[r, m, cells]``: hidden, and observed. The paper's form has a row for each day, and decodes all of
            its tokens: first the visible, then the hidden, then the missing.

        Raises:
            ValueError: if days have another shape than the model's.
        """
        if not (isinstance(inputs, dict) and "values" in inputs):
            inputs = self._lay_out_as_the_paper(inputs)
        encoded = self.encoder(inputs["values"], inputs["number"], inputs["lengths"])
        prediction = self.decoder(encoded, inputs["source"], inputs["decoded"], inputs["decoded_lengths"])
        return {
            "encoded": encoded,
            "prediction": ops.cast(prediction, "float32"),
            "target": ops.cast(inputs["target"], "float32"),
            "scored": inputs["scored"],
        }

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Mean squared error over cells that were hidden and observed, normalised units; 0 if there are none."""
        scored = y_pred["scored"]
        error = ops.where(scored, y_pred["prediction"] - y_pred["target"], 0.0)
        loss = ops.sum(ops.square(error)) / ops.maximum(ops.sum(ops.cast(scored, "float32")), 1.0)
        self.step_loss.update_state(loss)
        return loss

    def _lay_out_as_the_paper(self, inputs: Any) -> dict[str, Any]:
        """The paper's form: visible tokens first, then masked ones, of which the last are dropped for the encoder."""
        inputs = inputs if isinstance(inputs, dict) else {"signals": inputs}
        signals, rows, columns, tokens = inputs["signals"], self.grid.rows, self.grid.columns, self.grid.tokens
        self.grid.check_shape(signals.shape)
        if "hidden" in inputs:
            hidden, dropped = inputs["hidden"], 0  # how many are hidden is not known beforehand
        else:
            noise = inputs["noise"] if "noise" in inputs else self.random.uniform((ops.shape(signals)[0], tokens + 2))
            hidden, dropped = self.mixture.hide(noise, rows, columns), self.dropped
        known = ~ops.isnan(self.grid.to_patches(signals))
        patches = self.grid.to_patches(ops.where(ops.isnan(signals), 0.0, signals))
        whole = ops.all(known, axis=2) if self.patch_missing_if == "any" else ops.any(known, axis=2)
        visible, asked = whole & ~hidden, whole & hidden
        kind = ops.where(visible, 0, ops.where(asked, 1, 2))
        order = ops.cast(ops.argsort(kind * tokens + ops.arange(tokens), axis=1), "int32")
        read = order[:, : tokens - dropped]
        count = ops.sum(ops.cast(visible, "int32"), axis=1, keepdims=True)
        reads = whole if self.decoder_reads == "observed" else ops.ones_like(whole)
        return {
            "values": ops.take_along_axis(patches, read[:, :, None], axis=1),
            "number": read,
            "lengths": count,
            "decoded": order,
            "source": ops.where(ops.arange(tokens) < count, ops.arange(tokens), -1),
            "decoded_lengths": ops.sum(ops.cast(reads, "int32"), axis=1, keepdims=True),
            "target": ops.take_along_axis(patches, order[:, :, None], axis=1),
            "scored": ops.take_along_axis(known & asked[:, :, None], order[:, :, None], axis=1),
        }

    def pack(
        self, signals: np.ndarray, hidden: np.ndarray, rows: int | None = None, longest: tuple[int, int] | None = None
    ) -> dict[str, np.ndarray]:
        """Lay out days with the tokens that are visible, and those that are to be predicted, and no others.

        Args:
            signals: normalised days ``[b, t, s]``, NaN where missing.
            hidden: tokens to hide, bool ``[b, n]``; those that are observed are scored.
            rows: to lay them out in; by default as many as suit the device.
            longest: see ``pack_days``.

        Returns:
            See ``lsmlib.packing.pack_days``.
        """
        patches, observed = self.to_tokens(signals)
        rows = rows or rows_for(len(signals))
        return pack_days(patches, observed & ~hidden, self._asked(observed, hidden), rows, longest)

    def prepare(self, signals: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
        """Hide tokens of days and lay them out, for training: what ``make_batches(…, prepare=…)`` calls.

        Where several processes train together, each lays out its own days. Rows must be as long in all of them, and
        none knows the others' days: so they are as long as the masks allow any day to be.

        Args:
            signals: normalised days ``[b, t, s]``, NaN where missing.
            places: of each day in the order of training; with the model's seed, they determine what is hidden.

        Returns:
            ``pack``'s rows, or with ``packing="paper"`` a dict of ``signals`` and the ``noise`` to draw from.
        """
        patches, observed = self.to_tokens(signals)
        plan = self.plan(observed, places)
        return fill_rows(patches, plan) if "number" in plan else {"signals": signals, **plan}

    def plan(self, observed: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
        """What ``prepare`` gives but for values, from which tokens are observed ``[b, n]``; see ``DeviceRows``."""
        noise = draw_noise(self.seed, places, self.grid.tokens + 2)
        if self.packing == "paper":
            return {"noise": noise}
        hidden = self.mixture.hide(noise, self.grid.rows, self.grid.columns)
        most = (self.grid.tokens - self._least_hidden(), self.grid.tokens) if jax.process_count() > 1 else None
        return plan_days(observed & ~hidden, self._asked(observed, hidden), rows_for(len(observed)), most)

    def validation_loss(self, cohort: xr.Dataset, batch_size: int = 32) -> float:
        """The loss on these days; the same tokens are hidden whenever the same days come in the same order."""
        self.check_windows(cohort)
        signals = normalise(cohort["signals"].values)
        noise = draw_noise(self.seed, np.arange(len(signals)), self.grid.tokens + 2)
        hidden = self.mixture.hide(noise, self.grid.rows, self.grid.columns)
        squared, cells = 0.0, 0

        def pack(days: np.ndarray) -> dict[str, np.ndarray]:
            return self.pack(take_days(signals, days), take_days(hidden, days))

        for days, packed, predicted in run_in_packs(_predict, self, pack, self._count(signals, hidden), batch_size):
            row, place, day = stretches(packed["decoded_lengths"])
            scored = packed["scored"][row, place] & (day < len(days))[:, None]
            error = (predicted - packed["target"])[row, place][scored]
            squared, cells = squared + float(np.square(error, dtype=np.float64).sum()), cells + int(scored.sum())
        return squared / max(cells, 1)

    def embed(self, cohort: xr.Dataset, batch_size: int = 32) -> np.ndarray:
        """One vector a day: the mean over its encoded tokens; zeros for a day without any.

        The mean follows which tokens there are, too: ``lsmlib.evaluate.coverage_dependence`` measures how far, and
        ``lsmlib.evaluate.CentredEmbedder`` takes most of it out.

        Args:
            cohort: days, NaN where missing.
            batch_size: days at once.

        Returns:
            float32 ``[d, w]``.

        Raises:
            ValueError: if days have another length than the model's.
        """
        self.check_windows(cohort)
        signals = normalise(cohort["signals"].values)
        nothing = np.zeros((len(signals), self.grid.tokens), bool)
        result = np.zeros((len(signals), self.size.encoder.width), np.float32)

        def pack(days: np.ndarray) -> dict[str, np.ndarray]:
            patches, observed = self.to_tokens(take_days(signals, days))
            packed = pack_days(patches, observed, nothing[days], rows_for(len(days)))
            return {name: packed[name] for name in ("values", "number", "lengths")}

        for days, _, vectors in run_in_packs(_embed, self, pack, self._count(signals, nothing), batch_size):
            result[days] = vectors.reshape(-1, vectors.shape[-1])[: len(days)]
        return result

    def reconstruct(self, cohort: xr.Dataset, hidden: np.ndarray, batch_size: int = 32) -> np.ndarray:
        """Predict what is hidden from the rest of each day.

        A token with a hidden cell is not read. What is predicted may be missing or observed.

        Args:
            cohort: days, NaN where missing; what stands under ``hidden`` changes nothing.
            hidden: bool ``[d, t, s]``.
            batch_size: days at once.

        Returns:
            float32 ``[d, t, s]`` in physical units: predictions where ``hidden``, within each signal's plausible range;
            elsewhere the days' own values, NaN where missing.

        Raises:
            ValueError: if days have another length than the model's, or ``hidden`` another shape or dtype.
        """
        check_cohort(cohort, values=False)
        values, hidden = cohort["signals"].values, np.asarray(hidden)
        if hidden.shape != values.shape or hidden.dtype != bool:
            raise ValueError(f"hidden is {hidden.dtype} {hidden.shape}; expected bool {values.shape}, as signals")
        shown = np.where(hidden, np.nan, values)
        check_cohort(cohort.assign(signals=(cohort["signals"].dims, shown)), empty_days=True)
        self.grid.check_shape(values.shape)
        shown = normalise(shown)
        asked = self.grid.to_patches(hidden).any(axis=2)
        result = values.copy()

        def pack(days: np.ndarray) -> dict[str, np.ndarray]:
            patches, observed = self.to_tokens(take_days(shown, days))
            asks = take_days(asked, days)
            wanted = asks if self.decoder_reads == "observed" else asks | ~observed
            return pack_days(patches, observed & ~asks, wanted, rows_for(len(days)))

        for days, packed, predicted in run_in_packs(_predict, self, pack, self._count(shown, asked), batch_size):
            patches = unpack_days(packed, predicted, self.grid.tokens)[: len(days)]
            filled = np.clip(denormalise(self.grid.to_windows(patches)), LOW, HIGH)
            result[days] = np.where(hidden[days], filled, values[days])
        return result

    def impute(self, cohort: xr.Dataset, batch_size: int = 32) -> xr.Dataset:
        """Fill every gap; every measured value is untouched: the same Dataset without NaN in ``signals``.

        What was filled is ``cohort["signals"].isnull()``, also of signals that the device does not measure.

        Raises:
            ValueError: if days have another length than the model's.
        """
        self.check_windows(cohort)
        signals = cohort["signals"]
        filled = self.reconstruct(cohort, np.isnan(signals.values), batch_size)
        return cohort.assign(signals=(signals.dims, filled, signals.attrs))

    def forecast(self, cohort: xr.Dataset, minute: int, batch_size: int = 32) -> np.ndarray:
        """Predict the rest of each day from what came before ``minute``; float32 ``[d, t - minute, s]``, in units.

        Raises:
            ValueError: if ``minute`` is not within the day, or days have another length than the model's.
        """
        check_whole("minute", minute, 1, self.grid.minutes - 1)
        check_cohort(cohort, values=False)
        hidden = np.zeros(cohort["signals"].shape, bool)
        hidden[:, minute:] = True
        return self.reconstruct(cohort, hidden, batch_size)[:, minute:]

    def check_windows(self, cohort: xr.Dataset) -> None:
        """Check length and values of days. Raises ``ValueError``; of readings that are not read, it only warns."""
        check_cohort(cohort, empty_days=True)
        self.grid.check_shape(cohort["signals"].shape)
        warn_of_unread(cohort, self.observed_tokens, self.grid.patch_minutes)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**self._config, "dtype": self.dtype_policy.name}

    def observed_tokens(self, observed: np.ndarray) -> np.ndarray:
        """Which tokens count as observed, bool ``[b, n]``, given which readings are, bool ``[b, t, s]``."""
        patches = self.grid.to_patches(observed)
        return patches.all(axis=2) if self.patch_missing_if == "any" else patches.any(axis=2)

    def to_tokens(self, signals: Any) -> tuple[Any, Any]:
        """Patches ``[b, n, cells]`` of normalised days, NaN where missing, and which are observed, bool ``[b, n]``."""
        xp = np if isinstance(signals, np.ndarray) else ops
        observed = self.observed_tokens(~xp.isnan(signals))
        return xp.where(observed[:, :, None], self.grid.to_patches(signals), np.float32(np.nan)), observed

    def _asked(self, observed: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        return hidden & observed if self.decoder_reads == "observed" else hidden | ~observed

    def _count(self, signals: np.ndarray, hidden: np.ndarray) -> np.ndarray:
        """How many tokens of each day are visible."""
        observed = [self.observed_tokens(~np.isnan(day[None]))[0] for day in signals]
        return np.array([(day & ~h).sum() for day, h in zip(observed, hidden, strict=True)])

    def _least_hidden(self) -> int:
        counts = self.mixture.counts(self.grid.rows, self.grid.columns)
        return min(count for count, chance in zip(counts, self.mixture.chances, strict=True) if chance)


def _embed(model: LSM2, inputs: dict[str, Any]) -> Any:
    return mean_tokens(model.encoder(inputs["values"], inputs["number"], inputs["lengths"]), inputs["lengths"])


def _predict(model: LSM2, inputs: dict[str, Any]) -> Any:
    return model(inputs)["prediction"]
