"""SensorLM: days and the words for them, learned together.

Zhang, Ayush et al., "SensorLM: Learning the Language of Wearable Sensors" (NeurIPS 2025): a vision transformer reads
patches of ten minutes of two signals, a text encoder reads captions, a multimodal decoder writes them; contrastive and
captioning losses, of which CLIP, SigLIP and CoCa are special cases, all as reported. Patches and towers are those of
the released SigLIP form. What is not known to us of the CoCa form follows CoCa (Yu et al., 2022): the poolers, the text
layers shared out half and half, losses weighed 1 to 2. Ours are fixed positions, one vocabulary for reading and
writing, and gaps: not imputed before, but left out as in LSM-2 (``gaps="filled"`` is the paper's way).
"""

import hashlib
import math
from typing import Any

import jax
import keras
import numpy as np
from keras import ops

from lsmlib.checks import check_whole
from lsmlib.models.attention_pool import AttentionPool
from lsmlib.models.contrastive_losses import caption_loss, clip_loss, siglip_loss
from lsmlib.models.gaps import fill_gaps
from lsmlib.models.latest import Latest
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.packed import TokenEncoder
from lsmlib.models.sensor_language import unit
from lsmlib.models.sizes import SENSORLM_SIZES, SensorLMSize, size_of
from lsmlib.models.temperature import Temperature
from lsmlib.models.text_stack import TextStack
from lsmlib.models.told_days import ToldDays
from lsmlib.nn.patches import Grid
from lsmlib.nn.transformer import dense, seed_stream
from lsmlib.packing import fill_rows, plan_visible, rows_for
from lsmlib.signals import MINUTES_PER_DAY, SIGNALS
from lsmlib.text.mixture import CaptionMixture
from lsmlib.text.tokenizer import CaptionTokenizer, caption_tokenizer

CHOICES = {
    "objective": ("coca", "clip", "siglip", "cap"),
    "gaps": ("masked", "filled"),
    "patch_missing_if": ("all", "any"),
}


@keras.saving.register_keras_serializable(package="lsmlib")
class SensorLM(ToldDays):
    """SensorLM, an ordinary ``keras.Model``; ``lsmlib.pretrain(model, days)`` trains it.

    A patch with a gap in it is read, with 0, the population's mean, in place of what is missing; one without any
    reading is not a token at all, so a day costs what its observed tokens cost.

    Args:
        size: ``"nano"``, ``"tiny"``, ``"small"``, ``"base"``, ``"large"``, ``"huge"``, or a ``SensorLMSize``.
        objective: ``"coca"``: a contrastive and a captioning loss; ``"clip"`` or ``"siglip"``: a contrastive one, and
            no decoder; ``"cap"``: captioning alone.
        tokenizer: a ``CaptionTokenizer``, or what its ``to_json`` gave; saved with the model. By default
            ``lsmlib.text.caption_tokenizer()``.
        minutes: of a day.
        signals: of a day.
        patch_minutes: length of a patch.
        patch_signals: signals of a patch.
        patch_missing_if: a patch with some gaps is missing only if ``"all"`` of its readings are, or if ``"any"`` is.
        gaps: ``"masked"``, or ``"filled"``: before anything else, linearly between readings, with the nearest one
            at the ends of the day, and with the population's mean where a signal has none.
        context: the most tokens of a text, start and end included. Captions of activities and sleep take some tens,
            those of all levels about a thousand.
        caption_queries: vectors of a day that the decoder looks at.
        contrastive_weight: of the contrastive loss in ``"coca"``.
        caption_weight: of the captioning loss in ``"coca"``.
        captions: what training tells of the days, by default ``CaptionMixture()``. A Cohort with a text variable
            ``caption`` ``[d]`` brings its own.
        mimetic: see ``LSM2``.
        seed: of the initial weights, and of which caption is drawn.
        dtype: Keras' policy.
        name: of the model.

    Raises:
        ValueError: if there is no such size or choice, or a number is out of range.
    """

    def __init__(
        self,
        size: str | SensorLMSize = "tiny",
        objective: str = "coca",
        *,
        tokenizer: CaptionTokenizer | str | None = None,
        minutes: int = MINUTES_PER_DAY,
        signals: int = len(SIGNALS),
        patch_minutes: int = 10,
        patch_signals: int = 2,
        patch_missing_if: str = "all",
        gaps: str = "masked",
        context: int = 256,
        caption_queries: int = 64,
        contrastive_weight: float = 1.0,
        caption_weight: float = 2.0,
        captions: CaptionMixture | None = None,
        mimetic: float = 3.0,
        seed: int = 0,
        dtype: Any = None,
        name: str = "sensorlm",
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        self.size = size_of(size, SENSORLM_SIZES)
        if self.size.text.width != self.size.decoder.width:
            raise ValueError(f"text is {self.size.text.width} wide, decoder {self.size.decoder.width}; expected equal")
        for argument, choice in (("objective", objective), ("gaps", gaps), ("patch_missing_if", patch_missing_if)):
            if choice not in CHOICES[argument]:
                raise ValueError(f"{argument} is {choice!r}; expected {' or '.join(map(repr, CHOICES[argument]))}")
        for argument, value, least in (
            ("minutes", minutes, 1), ("signals", signals, 1), ("patch_minutes", patch_minutes, 1),
            ("patch_signals", patch_signals, 1), ("context", context, 3), ("caption_queries", caption_queries, 1),
            ("seed", seed, 0),
        ):  # fmt: skip
            check_whole(argument, value, least, 2**31 - 1)
        for argument, weight in (("contrastive_weight", contrastive_weight), ("caption_weight", caption_weight)):
            if not 0 < weight < math.inf:
                raise ValueError(f"{argument} is {weight}; expected a number above 0. To do without, see objective")
        tokenizer = caption_tokenizer() if tokenizer is None else tokenizer
        tokenizer = CaptionTokenizer.from_json(tokenizer) if isinstance(tokenizer, str) else tokenizer
        if not isinstance(tokenizer, CaptionTokenizer):
            raise ValueError(f"tokenizer is a {type(tokenizer).__name__}; expected one of lsmlib.text.train_tokenizer")
        self.grid = Grid(minutes, signals, patch_minutes, patch_signals)
        self.objective, self.tokenizer, self.gaps, self.patch_missing_if = objective, tokenizer, gaps, patch_missing_if
        self.context, self.seed, self.weights_of_losses = context, seed, (contrastive_weight, caption_weight)
        self.captions = CaptionMixture() if captions is None else CaptionMixture(*_as_tuples(captions))
        self.contrasted, self.generative = int(objective != "cap"), objective in ("coca", "cap")
        self._config = {
            "size": size if isinstance(size, str) else self.size,
            "objective": objective, "tokenizer": tokenizer.to_json(), "minutes": minutes,
            "signals": signals, "patch_minutes": patch_minutes, "patch_signals": patch_signals,
            "patch_missing_if": patch_missing_if, "gaps": gaps, "context": context,
            "caption_queries": caption_queries, "contrastive_weight": contrastive_weight,
            "caption_weight": caption_weight, "captions": tuple(self.captions), "mimetic": mimetic, "seed": seed,
            "name": name,
        }  # fmt: skip
        self._real = self.grid.real_cells()
        seeds, options = seed_stream(seed), {"dtype": self.dtype_policy}
        encoder, text, decoder = self.size
        self.encoder = TokenEncoder(self.grid, encoder, seeds, mimetic, name="encoder", **options)
        queries = self.contrasted + caption_queries * self.generative
        self.pool = AttentionPool(encoder, queries, seeds, name="pool", **options)
        self.text = TextStack(
            text, decoder if self.generative else None, tokenizer.vocabulary_size, context, encoder.width,
            bool(self.contrasted), seeds, name="text", **options,
        )  # fmt: skip
        if self.contrasted:
            self.text_projection = dense(encoder.width, seeds, name="text_projection", **options)
            self.temperature = Temperature(objective == "siglip", name="temperature", dtype="float32")
        self.step_loss = Latest(name="step_loss")
        self.build((None, minutes, signals))

    def build(self, input_shape: Any) -> None:
        """Make all weights; ``input_shape`` is that of days ``[b, t, s]``."""
        self.encoder.build(input_shape)
        self.pool.build((None, None, self.size.encoder.width))
        self.text.build((None, None))
        if self.contrasted:
            self.text_projection.build((None, self.size.text.width))
            self.temperature.build(())
        self.built = True

    def call(self, inputs: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Read days and their texts.

        Args:
            inputs: ``tokens`` int32 ``[b, l]``, and ``pack``'s arrays, or normalised days ``signals`` ``[b, t, s]``,
                NaN where missing. The two give the same; packed days cost what their observed tokens cost.
            training: without effect; there is no dropout.

        Returns:
            With a contrastive loss, unit vectors ``day`` and ``text``, float32 ``[b, w]``; with a captioning loss,
            float32 ``logits`` ``[b, l - 1, v]`` of the ``labels`` int32 ``[b, l - 1]``, the tokens shifted by one.

        Raises:
            ValueError: if days or texts have shapes that the model cannot read.
        """
        tokens = ops.cast(inputs["tokens"], "int32")
        if tokens.shape[1] > self.context:
            raise ValueError(f"texts have {tokens.shape[1]} tokens; expected at most the context, {self.context}")
        pooled = self.pool_days(inputs if "values" in inputs else self._lay_out(inputs["signals"]))
        read, text = self.text_vectors(tokens)
        outputs = {"day": self.day_vectors(pooled), "text": text} if self.contrasted else {}
        if self.generative:
            memories = self.text.remember(pooled[:, self.contrasted :])
            outputs |= {"logits": self.text.decode(read[:, :-1], memories), "labels": tokens[:, 1:]}
        return outputs

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The objective's loss; see ``lsmlib.models.contrastive_losses``."""
        loss, (contrastive, captioning) = 0.0, self.weights_of_losses if self.objective == "coca" else (1.0, 1.0)
        if self.objective == "siglip":
            loss = siglip_loss(y_pred["day"], y_pred["text"], self.temperature.scale(), self.temperature.bias())
        elif self.contrasted:
            loss = contrastive * clip_loss(y_pred["day"], y_pred["text"], self.temperature.scale())
        if self.generative:
            padding = self.tokenizer.padding_id
            loss = loss + captioning * caption_loss(y_pred["logits"], y_pred["labels"], padding)
        self.step_loss.update_state(loss)
        return loss

    @property
    def similarity_scale(self) -> float:
        """What similarities are multiplied by before a softmax, as learned; see ``SensorLanguage``."""
        if not self.contrasted:
            raise ValueError("the objective is 'cap', which compares nothing; expected 'coca', 'clip', 'siglip'")
        return float(ops.convert_to_numpy(self.temperature.scale()))

    def pool_days(self, inputs: dict[str, Any]) -> Any:
        """``pack``'s arrays to the vectors of each day ``[b, q, w]``: first the one that texts are compared with."""
        encoded = self.encoder(inputs["values"], inputs["number"], inputs["lengths"])
        return self.pool(encoded, inputs["at"])

    def day_vectors(self, pooled: Any) -> Any:
        """Unit vectors of days, float32 ``[b, w]``."""
        return unit(pooled[:, 0] if self.contrasted else ops.mean(ops.cast(pooled, "float32"), axis=1))

    def text_vectors(self, tokens: Any) -> tuple[Any, Any]:
        """The vector of each token ``[b, l, w]``; and with a contrastive loss unit vectors of texts ``[b, w]``."""
        read, last = self.text(tokens, tokens != self.tokenizer.padding_id)
        return read, unit(self.text_projection(last)) if self.contrasted else None

    def pack(self, signals: np.ndarray) -> dict[str, np.ndarray]:
        """Lay out normalised days ``[b, t, s]``, NaN where missing, with the tokens that are observed, and no others.

        Returns:
            ``values``, ``number`` and ``lengths`` of ``lsmlib.packing.pack_days``, and ``at``, where in its row each
            token of each day is, int32 ``[r, d, n]``; -1: it is missing.
        """
        patches, visible = self.to_tokens(signals)
        return fill_rows(patches, self._plan_days(visible))

    def to_tokens(self, signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Patches ``[b, n, cells]`` of normalised days, NaN where missing, and which are read, bool ``[b, n]``."""
        signals = fill_gaps(signals) if self.gaps == "filled" else signals
        known = self.grid.to_patches(~np.isnan(signals))
        visible = known.any(axis=2) if self.patch_missing_if == "all" else (known | ~self._real).all(axis=2)
        return self.grid.to_patches(signals), visible

    def _plan_days(self, visible: np.ndarray) -> dict[str, np.ndarray]:
        rows = rows_for(len(visible))
        longest = self.grid.tokens if jax.process_count() > 1 else None  # none knows the others' days
        plan, at = plan_visible(visible, rows, longest)
        return {**plan, "at": at.reshape(rows, -1, self.grid.tokens)}

    @classmethod
    def from_lsm2(
        cls, lsm2: LSM2, size: str | SensorLMSize | None = None, objective: str = "coca", **options: Any
    ) -> "SensorLM":
        """Make a SensorLM whose sensor encoder starts from that of an ``LSM2``.

        All blocks and the last normalisation are copied. The embedding of patches is as well where patches are the
        same, which needs ``patch_signals=1``; that is the default here, with the LSM-2's own minutes, length of
        patches and rule for missing ones. Patches of two signals are another thing, and embedded anew.

        Args:
            lsm2: whose encoder to copy.
            size: by default the one of the same name as the LSM-2's, with the LSM-2's encoder.
            objective: as of a new one.
            **options: likewise.

        Raises:
            ValueError: if the two encoders differ in depth or width, or the LSM-2 has a size of its own and no size is
                given.
        """
        theirs = lsm2.get_config()
        if size is None:
            if theirs["size"] not in SENSORLM_SIZES:
                raise ValueError(f"the LSM-2 has the size {theirs['size']!r}; expected size, with its encoder")
            size = SENSORLM_SIZES[theirs["size"]]._replace(encoder=lsm2.size.encoder)
        same = ("minutes", "signals", "patch_minutes", "patch_missing_if", "mimetic")
        model = cls(size, objective, **{**{name: theirs[name] for name in same}, "patch_signals": 1, **options})
        if model.size.encoder != lsm2.size.encoder:
            raise ValueError(f"the encoder is {model.size.encoder}, the LSM-2's {lsm2.size.encoder}; expected the same")
        pairs = [(model.encoder.transformer, lsm2.encoder.transformer)]
        if (model.grid.patch_minutes, model.grid.patch_signals) == (lsm2.grid.patch_minutes, 1):
            pairs.append((model.encoder.embedding, lsm2.encoder.embedding))
        for mine, other in pairs:
            for weight, value in zip(mine.weights, other.weights, strict=True):
                weight.assign(value)
        return model

    def load_own_variables(self, store: Any) -> None:
        """Compare the tokenizer in the file, then names and shapes, with those of this model.

        Raises:
            ValueError: if they differ.
        """
        name, digest = "tokenizer.sha256", self._digest()
        found = bytes(np.asarray(store[name])).decode() if name in store.keys() else digest
        if found != digest:
            raise ValueError(
                f"the weights belong to another tokenizer (digest {found[:12]}…, this model's is {digest[:12]}…): the "
                "same number would stand for other words. Make the model with the tokenizer it was trained with, or "
                "use lsmlib.load_model, which reads it from a .keras file"
            )
        super().load_own_variables(store)

    def save_own_variables(self, store: Any) -> None:
        """Write the tokenizer's digest, and the names and shapes of all weights."""
        store["tokenizer.sha256"] = np.frombuffer(self._digest().encode(), np.uint8)
        super().save_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {**self._config, "dtype": self.dtype_policy.name}

    def _digest(self) -> str:
        return hashlib.sha256(self.tokenizer.to_json().encode()).hexdigest()

    def _lay_out(self, signals: Any) -> dict[str, Any]:
        """``pack`` for a whole batch at once, a day a row, observed tokens first: for days that are on the device."""
        self.grid.check_shape(signals.shape)
        if self.gaps == "filled":
            signals = keras.ops.convert_to_tensor(fill_gaps(ops.convert_to_numpy(signals)))
        tokens = self.grid.tokens
        known = self.grid.to_patches(ops.logical_not(ops.isnan(signals)))
        patches = self.grid.to_patches(ops.where(ops.isnan(signals), 0.0, signals))
        whole = ops.any(known, axis=2) if self.patch_missing_if == "all" else ops.all(known | ~self._real, axis=2)
        rank = ops.where(whole, 0, tokens) + ops.arange(tokens)
        order = ops.cast(ops.argsort(rank, axis=1), "int32")
        place = ops.cast(ops.argsort(order, axis=1), "int32")
        return {
            "values": ops.take_along_axis(patches, order[:, :, None], axis=1),
            "number": order,
            "lengths": ops.sum(ops.cast(whole, "int32"), axis=1, keepdims=True),
            "at": ops.where(whole, place, -1)[:, None],
        }


def _as_tuples(value: Any) -> Any:
    """A file gives lists."""
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value
