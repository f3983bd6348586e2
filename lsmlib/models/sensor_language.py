"""What a trained SensorLM is for: vectors of days and texts, classes by their names, retrieval, captions."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from keras import ops

from lsmlib.checks import check_cohort, check_whole
from lsmlib.models.batching import run_in_batches, run_in_packs, take_days
from lsmlib.models.generation import writer
from lsmlib.models.saving import SavedModel
from lsmlib.nn.patches import Grid
from lsmlib.signals import normalise
from lsmlib.text.templates import TEMPLATES
from lsmlib.text.tokenizer import CaptionTokenizer

# Whole sentences as captions have them, at several times of the day: what they say of the time averages out.
TIMES = ("07:00", "07:40"), ("12:30", "13:10"), ("18:00", "18:40")
PROMPTS = tuple(
    template.replace("{start}", start).replace("{end}", end)
    for template in TEMPLATES["activity"]
    for start, end in TIMES
)
TEXT_GRAIN = 16  # texts are padded to multiples of it, so that few lengths are compiled for


class Retrieved(NamedTuple):
    """What is most alike, of each query."""

    places: np.ndarray  # in the pool, int [q, count], the most alike first
    similarities: np.ndarray  # cosines, float32 [q, count]


class SensorLanguage(SavedModel):
    """Days and texts in one space; ``SensorLM`` is the network."""

    grid: Grid
    tokenizer: CaptionTokenizer
    objective: str
    context: int
    contrasted: int  # 1 if there is a contrastive loss, else 0
    generative: bool

    @property
    def similarity_scale(self) -> float:
        """What similarities are multiplied by before a softmax, as learned; at most 100.

        Raises:
            ValueError: if the model has no contrastive loss.
        """
        raise NotImplementedError

    def embed(self, cohort: xr.Dataset, batch_size: int = 32) -> np.ndarray:
        """One unit vector a day, to be compared with those of ``embed_text``.

        Without a contrastive loss (``"cap"``) it is the mean of what the decoder looks at.

        Args:
            cohort: days, NaN where missing; one with nothing observed has a vector as well, the same for all such.
            batch_size: days at once.

        Returns:
            float32 ``[d, w]``.

        Raises:
            ValueError: if days have another length than the model's.
        """
        return self._run(_embed_days, cohort, batch_size)

    def embed_text(self, texts: Sequence[str], batch_size: int = 64) -> np.ndarray:
        """One unit vector a text, float32 ``[b, w]``.

        Raises:
            ValueError: if the model has no contrastive loss, there is no text, or one is longer than the context.
        """
        if not self.contrasted:
            raise ValueError("the objective is 'cap', which has no vectors of texts; expected 'coca', 'clip', 'siglip'")
        return run_in_batches(_embed_texts, self, {"tokens": self.encode(texts)}, batch_size)

    def zero_shot(
        self, cohort: xr.Dataset, classes: Sequence[str], prompts: Sequence[str] = PROMPTS, batch_size: int = 32
    ) -> pd.DataFrame:
        """How alike each day is to each class, by the classes' names alone.

        The vector of a class is the mean over its prompts, as in CLIP (Radford et al., 2021, section 3.1.4).

        Args:
            cohort: days.
            classes: names, as captions would have them.
            prompts: sentences with ``{name}`` in place of the class; by default those of captions about activities.
            batch_size: days at once.

        Returns:
            Cosines ``[d, c]``, a column a class.

        Raises:
            ValueError: if classes are fewer than two, empty or named twice, a prompt has no ``{name}``, or as
                ``embed_text``.
        """
        classes, prompts = check_list("classes", classes), check_list("prompts", prompts)
        if len(classes) < 2:
            raise ValueError(f"classes is {classes}; expected two or more to choose between")
        if without := [prompt for prompt in prompts if "{name}" not in prompt]:
            raise ValueError(
                f"the prompt {without[0]!r} has no {{name}}; expected sentences with the class in its place"
            )
        vectors = self.embed_text([prompt.replace("{name}", name) for name in classes for prompt in prompts])
        means = vectors.reshape(len(classes), len(prompts), -1).mean(axis=1)
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        return pd.DataFrame(self.embed(cohort, batch_size) @ means.T, columns=pd.Index(classes, name="class"))

    def retrieve(
        self, query: xr.Dataset | Sequence[str], pool: xr.Dataset | Sequence[str], count: int = 10
    ) -> Retrieved:
        """Find the ``count`` of the pool that are most alike: texts for days, days for texts, or either among its own.

        Raises:
            ValueError: if the pool holds fewer, or as ``embed`` and ``embed_text``.
        """
        one, many = (self.embed(x) if isinstance(x, xr.Dataset) else self.embed_text(x) for x in (query, pool))
        check_whole("count", count, 1, len(many))
        similar = one @ many.T
        places = np.argsort(-similar, axis=1, kind="stable")[:, :count]
        return Retrieved(places, np.take_along_axis(similar, places, axis=1))

    def caption(
        self,
        cohort: xr.Dataset,
        *,
        beams: int = 1,
        temperature: float = 0.0,
        max_tokens: int | None = None,
        seed: int = 0,
        batch_size: int = 32,
    ) -> list[str]:
        """Write a text about each day.

        Args:
            cohort: days.
            beams: pursue so many texts at a time, and give the one whose tokens together are likeliest. 1: take the
                likeliest next token (greedy).
            temperature: above 0, draw each token, the more evenly the higher it is; with one beam only.
            max_tokens: of a text, start and end included; a text is cut there. By default the context.
            seed: of what is drawn; with the place of a day in the cohort, it determines the text.
            batch_size: days at once.

        Raises:
            ValueError: if the model has no decoder (``"clip"``, ``"siglip"``), or an argument is out of range.
        """
        if not self.generative:
            raise ValueError(f"the objective is {self.objective!r}, which has no decoder; expected 'coca' or 'cap'")
        max_tokens = self.context if max_tokens is None else max_tokens
        for name, value, least, most in (
            ("beams", beams, 1, self.tokenizer.vocabulary_size), ("max_tokens", max_tokens, 2, self.context),
            ("seed", seed, 0, 2**31 - 1),
        ):  # fmt: skip
            check_whole(name, value, least, most)
        if not 0 <= temperature < np.inf:
            raise ValueError(f"temperature is {temperature}; expected 0, for the likeliest, or more, such as 0.7")
        if temperature and beams > 1:
            raise ValueError(f"temperature is {temperature} with {beams} beams; expected one or the other")
        return self.tokenizer.decode(self._write(cohort, beams, temperature, max_tokens, seed, batch_size))

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Ids of texts, int32 ``[b, l]``; l is as long as needed, a multiple of 16.

        Raises:
            ValueError: if there is no text, a text is no str, or it is longer than the context.
        """
        tokens = self.tokenizer.encode(texts, self.context)
        longest = int((tokens != self.tokenizer.padding_id).sum(axis=1).max())
        return tokens[:, : min(-(-longest // TEXT_GRAIN) * TEXT_GRAIN, self.context)]

    def check_windows(self, cohort: xr.Dataset) -> None:
        """Check that days have the model's length and their values are plausible numbers.

        Raises:
            ValueError: if not.
        """
        check_cohort(cohort, empty_days=True)
        self.grid.check_shape(cohort["signals"].shape)

    def pack(self, signals: np.ndarray) -> dict[str, np.ndarray]:
        """Lay out normalised days for the encoder; see ``SensorLM.pack``."""
        raise NotImplementedError

    def _write(
        self, cohort: xr.Dataset, beams: int, temperature: float, length: int, seed: int, batch_size: int,
        cached: bool = True,
    ) -> np.ndarray:  # fmt: skip
        """Ids int32 ``[d, length]``."""
        more = {"seed": np.int32(seed), "temperature": np.float32(temperature)}
        return self._run(writer(length, beams, temperature > 0, cached), cohort, batch_size, more)

    def _run(self, function: Any, cohort: xr.Dataset, batch_size: int, more: dict[str, Any] | None = None) -> Any:
        """What the function gives for each day, those of similar length together."""
        self.check_windows(cohort)
        signals = normalise(cohort["signals"].values)
        counts = np.isfinite(signals).sum(axis=(1, 2))
        check_whole("batch_size", batch_size, 1)

        def pack(days: np.ndarray) -> dict[str, Any]:
            packed = self.pack(take_days(signals, days))
            return packed if more is None else {**packed, **more, "day": days.astype(np.int32)}

        result = None
        for days, _, values in run_in_packs(function, self, pack, counts, batch_size):
            result = np.empty((len(signals), *values.shape[1:]), values.dtype) if result is None else result
            result[days] = values[: len(days)]
        return result


def _embed_days(model: Any, inputs: dict[str, Any]) -> Any:
    return model.day_vectors(model.pool_days(inputs))


def _embed_texts(model: Any, inputs: dict[str, Any]) -> Any:
    return model.text_vectors(inputs["tokens"])[1]


def unit(vectors: Any) -> Any:
    """Vectors ``[b, w]`` of length 1, in float32."""
    vectors = ops.cast(vectors, "float32")
    return vectors * ops.rsqrt(ops.sum(ops.square(vectors), axis=1, keepdims=True) + 1e-12)


def check_list(name: str, texts: Sequence[str]) -> list[str]:
    """The texts, of which none is empty or there twice. Raises ``ValueError``."""
    if isinstance(texts, str):
        raise ValueError(f"{name} is one text, {texts!r}; expected a list")
    texts = list(texts)
    if not texts or any(not isinstance(text, str) or not text.strip() for text in texts):
        raise ValueError(f"{name} is {texts!r}; expected texts, none of them empty")
    if twice := sorted({text for text in texts if texts.count(text) > 1}):
        raise ValueError(f"{name} holds {', '.join(map(repr, twice))} more than once; expected each once")
    return texts
