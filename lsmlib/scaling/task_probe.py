"""A downstream task against scale: a linear probe that a grid asks of every model."""

from dataclasses import dataclass

import xarray as xr

from lsmlib.evaluate.metrics import score_predictions
from lsmlib.evaluate.pooling import average_people
from lsmlib.evaluate.probes import linear_probe
from lsmlib.evaluate.tasks import find_task, label_windows
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2


@dataclass(frozen=True, eq=False)
class TaskProbe:
    """What a linear probe reads from frozen embeddings of labelled rows, people apart, for ``Grid(probes=…)``.

    Args:
        rows: labelled windows, or days for models that read whole days; best of people whom no cell learns from.
        task: a name of ``LABEL_TASKS``; where it belongs to people, their rows are averaged.
        metric: of ``score_predictions``.
        seed: of the folds.
    """

    rows: xr.Dataset
    task: str
    metric: str = "AUROC"
    seed: int = 0

    def __call__(self, model: LSM1 | LSM2, held_out: xr.Dataset) -> float:
        """The metric; ``held_out``, on which a grid takes its losses, has no labels and is not read."""
        rows = model.embed(self.rows), label_windows(self.rows, self.task), self.rows["person"].values
        found = linear_probe(*(average_people(*rows) if find_task(self.task).of == "person" else rows), self.seed)
        return float(score_predictions(found, resamples=0)["value"][self.metric])
