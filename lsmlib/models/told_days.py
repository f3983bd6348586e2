"""What SensorLM trains on: days, and a caption of each, drawn anew whenever a day comes up."""

from typing import Any

import jax
import numpy as np
import xarray as xr

from lsmlib.models.batching import run_in_packs
from lsmlib.models.sensor_language import SensorLanguage
from lsmlib.packing import fill_rows
from lsmlib.signals import normalise
from lsmlib.text.mixture import CaptionMixture

TRAINING_GRAIN = 32  # batches' texts are padded to multiples of it: JAX compiles a training step for each length
VALIDATION_BATCH = 64  # days told apart at once in ``validation_loss``


class ToldDays(SensorLanguage):
    """Days with their captions, for training and for its loss; ``SensorLM`` is the network."""

    captions: CaptionMixture
    seed: int

    def describe(self, cohort: xr.Dataset) -> dict[str, np.ndarray]:
        """The captions that training draws from: what ``make_batches`` takes as ``beside``.

        Those of the mixture that say nothing of a day are not drawn.

        Args:
            cohort: with a text variable ``caption`` ``[d]``, or else whole days that captions can be made of.

        Returns:
            ``tokens``, integers ``[d, k, l]``.

        Raises:
            ValueError: if nothing can be said of a day, a caption is longer than the context, or as
                ``lsmlib.text.caption_days``.
        """
        texts = cohort["caption"].values[:, None] if "caption" in cohort else self.captions.write(cohort)
        silent = np.array([not any(row) for row in texts])
        if silent.any():
            raise ValueError(
                f"nothing is said of {silent.sum()} of {len(silent)} days, the first of them day {silent.argmax()}. "
                "Drop them: cohort.isel(day=np.flatnonzero((texts != '').any(axis=1))), where texts = "
                "model.captions.write(cohort); or take captions of more levels"
            )
        count = texts.shape[1]
        said = [[text for text in row if text] for row in texts]
        tokens = self.encode([row[at % len(row)] for row in said for at in range(count)])
        tokens = tokens.astype(np.uint16) if self.tokenizer.vocabulary_size <= 2**16 else tokens
        return {"tokens": tokens.reshape(len(texts), count, -1)}

    def prepare(
        self, signals: np.ndarray, places: np.ndarray, beside: dict[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """Lay out days and draw a caption of each: what ``make_batches(…, prepare=…, beside=…)`` calls.

        Args:
            signals: normalised days ``[b, t, s]``, NaN where missing.
            places: of each day in the order of training; with the model's seed, they determine which is drawn.
            beside: ``tokens`` ``[b, k, l]`` of these days, of ``describe``.

        Raises:
            ValueError: without captions.
        """
        patches, visible = self.to_tokens(signals)
        return fill_rows(patches, self.plan(visible, places, beside))

    def plan(
        self, visible: np.ndarray, places: np.ndarray, beside: dict[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """What ``prepare`` gives but for the values, from which tokens are read ``[b, n]``; see ``DeviceRows``."""
        if beside is None:
            raise ValueError("there are no captions; expected make_batches(…, beside=model.describe(cohort))")
        tokens = beside["tokens"]
        drawn = [int(np.random.Philox(key=[self.seed, int(place)]).random_raw()) % tokens.shape[1] for place in places]
        tokens = tokens[np.arange(len(tokens)), drawn].astype(np.int32)
        if jax.process_count() == 1:  # as long as this batch needs; of several processes, none knows the others' texts
            longest = int((tokens != self.tokenizer.padding_id).sum(axis=1).max())
            tokens = tokens[:, : -(-longest // TRAINING_GRAIN) * TRAINING_GRAIN]
        return {**self._plan_days(visible), "tokens": tokens}

    def validation_loss(self, cohort: xr.Dataset) -> float:
        """The loss on these days, in batches of 64 of them (or all), always the same.

        As ``lsmlib.evaluate.SimCLR``'s: the last batch takes some days a second time, and days are mixed first.

        Raises:
            ValueError: as ``describe``, or if there is one day only.
        """
        self.check_windows(cohort)
        tokens, signals = self.describe(cohort)["tokens"].astype(np.int32), normalise(cohort["signals"].values)
        if len(signals) < 2:
            raise ValueError("there is 1 day; a contrastive loss tells days apart: expected at least 2")
        size = min(VALIDATION_BATCH, len(signals))
        order = np.random.default_rng(0).permutation(len(signals))
        order = np.resize(order, -(-len(order) // size) * size)

        def pack(places: np.ndarray) -> dict[str, np.ndarray]:
            days = order[places]
            return {**self.pack(signals[days]), "tokens": tokens[days, days % tokens.shape[1]]}

        packs = run_in_packs(_loss, self, pack, np.zeros(len(order)), size)
        return float(np.mean([loss for _, _, loss in packs]))


def _loss(model: Any, inputs: dict[str, Any]) -> Any:
    return model.compute_loss(y_pred=model(inputs))
