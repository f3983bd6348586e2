"""Which captions a model learns from: levels, wordings, and what they leave unsaid."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from lsmlib.checks import check_whole
from lsmlib.text.captions import caption_days


class CaptionMixture(NamedTuple):
    """Several captions of each day, of which training draws one whenever it comes to that day.

    The released configuration of SensorLM takes one caption of one level a day, the semantic by default; so does
    ``CaptionMixture(wordings=1)``. More levels, or several wordings of one, are ours.
    """

    levels: Sequence[str | Sequence[str]] = ("semantic",)  # one level each, or several told one after another
    wordings: int = 4  # of each of these
    leave_out: Sequence[str] = ()  # activities that no caption mentions; see ``caption_days``
    signals: Sequence[str] | None = None  # likewise
    seed: int = 0  # of the wordings

    def write(self, cohort: xr.Dataset) -> np.ndarray:
        """Write them, str ``[d, k]``: every level, then every level in other words; empty where nothing can be said.

        Raises:
            ValueError: as ``caption_days``, or if there are no levels or wordings.
        """
        check_whole("wordings", self.wordings, 1)
        if isinstance(self.levels, str) or not len(self.levels):
            raise ValueError(f"levels is {self.levels!r}; expected a list, such as ['semantic'], one caption for each")
        texts = [
            [caption.text for caption in caption_days(
                cohort, level, self.seed + wording, signals=self.signals, leave_out=self.leave_out
            )]
            for wording in range(self.wordings)
            for level in self.levels
        ]  # fmt: skip
        return np.array(texts, object).T
