"""The process that exports: the backend of Keras is TensorFlow here, which it cannot become in one that has another.

``python -m lsmlib.export.worker FOLDER``: the folder holds ``request.json``, ``weights.npz`` and ``rows.npy``. What is
exported is put there, loaded again as any other program would load it, and run: on the rows, and on those that are to
be timed, alone, over and over. Answers are in ``answer.npz``.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from lsmlib.export.formats import FORMATS, Run
from lsmlib.export.rows import TIMED

SECONDS = 1.0  # for each of the rows that are timed
RUNS = 3, 100  # at least, at most


def main(folder: Path) -> None:
    """Do what is asked for in the folder."""
    from lsmlib.export.graph import make_graph

    request = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    form = FORMATS[request["format"]]
    model = rebuild(request["model"], request["config"], folder / "weights.npz")
    form.write(make_graph(model, request["batch_size"], request["tokens"]), folder / request["name"])
    run = form.load(folder / request["name"])
    rows, size = np.load(folder / "rows.npy"), request["batch_size"]
    np.savez(
        folder / "answer.npz",
        embedding=run_rows(run, rows, size),
        milliseconds=[milliseconds(run, row, size or 1) for row in rows[list(TIMED)]],
    )


def rebuild(name: str, config: dict[str, Any], weights: Path) -> Any:
    """The same model, from its configuration and the weights of its encoder."""
    from lsmlib import LSM1, LSM2, SensorLM
    from lsmlib.export.weights import exported_weights

    model = {"LSM1": LSM1, "LSM2": LSM2, "SensorLM": SensorLM}[name].from_config(config)
    with np.load(weights) as values:
        for weight, value in zip(exported_weights(model), values.values(), strict=True):
            if tuple(weight.shape) != value.shape:
                raise ValueError(f"{weight.path} has shape {tuple(weight.shape)} here, {value.shape} in the model")
            weight.assign(value)
    return model


def run_rows(run: Run, rows: np.ndarray, size: int | None) -> np.ndarray:
    """Run rows, ``size`` at a time, the last of them as often as it takes to fill the batch.

    None, for graphs that take any number: the first three together, half observed, not at all, and hardly, and the
    others alone, because all would cost what the fullest costs.
    """
    groups = [[*range(3)], *([row] for row in range(3, len(rows)))]
    if size is not None:
        groups = [[min(first + i, len(rows) - 1) for i in range(size)] for first in range(0, len(rows), size)]
    return np.concatenate([run(rows[group]) for group in groups])[: len(rows)]


def milliseconds(run: Run, row: np.ndarray, size: int) -> float:
    """Of a row in a batch of so many like it, the median over runs."""
    batch = np.repeat(row[None], size, axis=0)
    run(batch)
    times: list[float] = []
    while len(times) < RUNS[0] or (sum(times) < SECONDS and len(times) < RUNS[1]):
        start = time.perf_counter()
        run(batch)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times)) / size


if __name__ == "__main__":
    main(Path(sys.argv[1]))
