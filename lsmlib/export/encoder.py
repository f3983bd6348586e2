"""Encoders as files that other runtimes load, checked against the model before they are there."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from keras import ops

import lsmlib
from lsmlib.atomic import replace_directory
from lsmlib.checks import check_whole
from lsmlib.export.formats import FORMATS
from lsmlib.export.rows import draw_rows, embed_rows
from lsmlib.export.weights import exported_weights
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.sensorlm import SensorLM
from lsmlib.signals import SIGNALS

KINDS = LSM1, LSM2, SensorLM
TOLERANCE = 1e-4  # how far an exported encoder may be from the model, in any number of an embedding


class ExportReport(NamedTuple):
    """What was exported, and how it did when it was loaded again on this machine."""

    path: Path
    format: str
    bytes: int
    milliseconds: float  # a row of which half is missing, alone (or in a batch of the fixed size); the median of runs
    milliseconds_complete: float  # likewise, a row without a gap
    difference: float  # the largest to ``model.embed``, over nine rows with every kind of gap
    inputs: dict[str, tuple[int | None, ...]]  # name and shape; all float32; None: any number
    outputs: dict[str, tuple[int | None, ...]]


def export_encoder(
    model: Any,
    path: str | Path,
    format: str = "savedmodel",
    *,
    batch_size: int | None = None,
    tokens: int | None = None,
    tolerance: float = TOLERANCE,
) -> ExportReport:
    """Write what ``model.embed`` computes as a file that runs without this package, Keras and JAX.

    The graph takes ``signals``, float32 ``[b, t, s]`` in physical units, the 26 signals in the order of ``SIGNALS``,
    NaN where nothing was observed; and gives ``embedding``, float32 ``[b, w]``. It normalises and clips, and it deals
    with gaps: an ``LSM1``, whose ``embed`` refuses them, is given the filling of ``cut_windows`` (linear in time, the
    nearest reading at the ends, the population's mean without any, however much is missing); an ``LSM2`` and a
    ``SensorLM`` read observed tokens and no others, as ``embed`` does. What the graph does not do is to check: a value
    outside its signal's plausible range, which ``embed`` refuses, is clipped to ±5 standard deviations.

    It is made in a process of its own, in which the same layers run on TensorFlow, then loaded again by the format's
    runtime and compared with ``model.embed``. Only if they agree is anything left at ``path``.

    Attention's scores take 4 · h · n² bytes a row of n observed tokens: 224 MB for a complete day of an ``LSM2``
    ``"tiny"``. Give the graph a few rows at a time.

    Args:
        model: an ``LSM1``, an ``LSM2``, or a ``SensorLM``, of which the tower that reads days is exported.
        path: of the file, which ends in ``.tflite`` for LiteRT and ``.onnx`` for ONNX, or of SavedModel's folder. There
            must be nothing yet.
        format: ``"savedmodel"``, ``"litert"`` or ``"onnx"``.
        batch_size: rows of the input; None: any number, and with LiteRT, whose graphs are for one device's one
            wearer, 1.
        tokens: for an ``LSM2`` or a ``SensorLM``: room for so many observed tokens a row. Every row then costs as much
            as they do, and one with more gives NaN. None: a row costs what its observed tokens cost, or those of the
            fullest row in its batch.
        tolerance: the largest difference to ``model.embed`` that is accepted.

    Returns:
        Where it is, its size, how long a row takes, and how near it is to the model.

    Raises:
        ValueError: if the model cannot be exported (another kind; other signals than the 26; not computing in
            float32), there is no such format, the path has another suffix, or a number is out of range.
        FileExistsError: if there is something at ``path``.
        ImportError: if packages of the extra ``export`` are not installed.
        RuntimeError: if the export fails, or its result differs from the model's. Nothing is left at ``path``.
    """
    path = Path(path)
    batch_size = 1 if batch_size is None and format == "litert" else batch_size
    _check(model, path, format, batch_size, tokens)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.partial-", dir=path.parent))
    try:
        made, rows = folder / f"made{path.suffix}", draw_rows(model.grid, tokens)
        request = {
            "model": next(kind.__name__ for kind in KINDS if isinstance(model, kind)),
            "config": model.get_config(), "format": format, "batch_size": batch_size, "tokens": tokens,
            "name": made.name,
        }  # fmt: skip
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        np.savez(folder / "weights.npz", *(ops.convert_to_numpy(weight) for weight in exported_weights(model)))
        np.save(folder / "rows.npy", rows)
        _run_worker(folder, format)
        with np.load(folder / "answer.npz") as answer:
            embedded, (half, complete) = answer["embedding"], answer["milliseconds"]
        difference = largest_difference(embedded, embed_rows(model, rows, tokens))
        if not difference <= tolerance:
            raise RuntimeError(
                f"the {FORMATS[format].title} that was made of {model.name} differs from model.embed by "
                f"{difference:.3g}; expected {tolerance:g} at most. Nothing was left at {path}"
            )
        size = sum(file.stat().st_size for file in [made, *made.rglob("*")] if file.is_file())
        if made.is_dir():
            with replace_directory(path) as partial:
                made.rename(partial)
        else:
            made.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    inputs = {"signals": (batch_size, *rows.shape[1:])}
    outputs = {"embedding": (batch_size, embedded.shape[1])}
    return ExportReport(path, format, size, float(half), float(complete), difference, inputs, outputs)


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Between two arrays, in any place; NaN against NaN is none, NaN against a number is infinite."""
    if one.shape != other.shape or (np.isnan(one) != np.isnan(other)).any():
        return float("inf")
    return float(np.nanmax(np.abs(one - other)))


def _check(model: Any, path: Path, format: str, batch_size: int | None, tokens: int | None) -> None:
    if not isinstance(model, KINDS):
        raise ValueError(f"the model is a {type(model).__name__}; expected an LSM1, an LSM2 or a SensorLM")
    if format not in FORMATS:
        raise ValueError(f"format is {format!r}; expected {' or '.join(map(repr, FORMATS))}")
    if model.grid.signals != len(SIGNALS):
        raise ValueError(
            f"the model reads {model.grid.signals} signals; expected the {len(SIGNALS)} of lsmlib.SIGNALS, whose means "
            "and deviations go into the graph"
        )
    if model.compute_dtype != "float32":
        raise ValueError(
            f"the model computes in {model.compute_dtype}, which not every runtime can; expected float32. Make it "
            'again, twin = type(model).from_config({**model.get_config(), "dtype": "float32"}), and '
            "twin.set_weights(model.get_weights())"
        )
    if batch_size is not None:
        check_whole("batch_size", batch_size, 1)
    if tokens is not None:
        if isinstance(model, LSM1) or getattr(model, "gaps", "masked") == "filled":
            raise ValueError(f"tokens is {tokens}, but this model fills gaps and reads every token; expected None")
        check_whole("tokens", tokens, 1, model.grid.tokens)
    if path.suffix != FORMATS[format].suffix and FORMATS[format].suffix:
        raise ValueError(f"the file is {path.name!r}; expected a name that ends in {FORMATS[format].suffix}")
    if path.exists():
        raise FileExistsError(f"{path} exists; remove it, or choose another name")
    if absent := FORMATS[format].absent():
        raise ImportError(
            f"exporting to {FORMATS[format].title} needs {', '.join(absent)}, not installed here: "
            "pip install 'lsmlib[export]'"
        )


def worker_environment() -> dict[str, str]:
    """Of the process that exports: the same packages, Keras on TensorFlow, and nothing but the CPU."""
    here = str(Path(lsmlib.__file__).resolve().parents[1])
    return os.environ | {
        "KERAS_BACKEND": "tensorflow",
        "JAX_PLATFORMS": "cpu",  # an accelerator stays with the process that has it
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "PYTHONPATH": os.pathsep.join([here, *filter(None, sys.path)]),
    }


def _run_worker(folder: Path, format: str) -> None:
    command = [sys.executable, "-m", "lsmlib.export.worker", str(folder)]
    done = subprocess.run(command, env=worker_environment(), capture_output=True, text=True, errors="replace")
    if done.returncode:
        told = "\n".join(done.stderr.strip().splitlines()[-15:])
        raise RuntimeError(f"exporting to {FORMATS[format].title} failed (status {done.returncode}):\n{told}")
