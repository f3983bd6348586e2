"""Pretraining: one function from windows to a trained model, made of Keras' own parts.

The recipe is LSM-1's as reported (Narayanswamy, Liu et al., 2025): AdamW (0.9, 0.95) with decoupled weight decay of
10⁻⁴, gradients clipped to a norm of 1, a linear warm-up over the first 5 % of steps and a cosine to zero. The reported
peak learning rate, 5·10⁻³, belongs to batches of 4,096; ours is for tens to hundreds.
"""

import signal
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import xarray as xr

from lsmlib.batches import make_batches
from lsmlib.checkpoints import Checkpoints, Terminated, describe_run
from lsmlib.checks import check_whole
from lsmlib.distribution import describe_devices
from lsmlib.estimate import STATE, estimate_step, measure_flops
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.models.reading import is_anything_read
from lsmlib.models.sensorlm import SensorLM
from lsmlib.nn.memory import keep_freed_memory
from lsmlib.nn.transformer import Transformer
from lsmlib.optimizer import make_optimizer
from lsmlib.resident import DeviceRows
from lsmlib.training_logs import LogFiles, ProgressBar, StepHistory, StopIfNotFinite, Validation


def pretrain(
    model: keras.Model,
    train: xr.Dataset,
    *,
    steps: int = 1000,
    batch_size: int = 64,
    seed: int = 0,
    learning_rate: float = 1e-3,
    valid: xr.Dataset | None = None,
    evaluate_every: int | None = None,
    log_dir: str | Path | None = None,
    checkpoint_dir: str | Path | None = None,
    checkpoint_every: int | None = None,
    accumulate: int = 1,
    rematerialise: bool = False,
    data_on_device: str | None = None,
    progress: bool = True,
) -> dict[str, list[float]]:
    """Train a model on windows without labels.

    It is no more than ``model.compile(lsmlib.optimizer.make_optimizer(steps))`` and ``model.fit(make_batches(train,
    batch_size, seed), steps_per_epoch=steps, shuffle=False)`` with the checks and the callbacks below, and gives the
    same weights bit for bit. (Keras' ``fit`` alone does not refuse windows with gaps: ``model.check_windows``. For an
    ``LSM2``, ``make_batches`` is given ``prepare=model.prepare``, too, and for a ``SensorLM`` also
    ``beside=model.describe(train)``, the captions.)

    Args:
        model: an ``LSM1``, an ``LSM2``, a ``SensorLM``, or a ``lsmlib.evaluate.SimCLR``.
        train: windows from ``cut_windows``, or days, that the model can read.
        steps: how many batches to learn from.
        batch_size: windows of a step.
        seed: of the order of windows; the model's own seed gives its weights, and its masks or views.
        learning_rate: at its peak.
        valid: windows of other people, on which the loss is taken every ``evaluate_every`` steps and at the end, always
            with the same hidden tokens or views (the model's ``validation_loss``).
        evaluate_every: steps between two evaluations; by default a tenth of ``steps``.
        log_dir: a folder for ``log.csv`` (a row a step), TensorBoard's files, and with ``valid`` a picture of example
            reconstructions at each evaluation, if the model has ``reconstruct`` and trains in one process.
        checkpoint_dir: a folder, local or ``gs://…``, for checkpoints. If it holds this training already, it goes on
            from there, and comes to the same weights and losses, bit for bit on the same machine. Told to stop by
            SIGTERM, it saves first.
        checkpoint_every: steps between two checkpoints, beside those at every evaluation; by default a twentieth of
            ``steps``.
        accumulate: for batches that do not fit: so many of them are read before weights change once, by the mean of
            their gradients, as with batches so many times as large and so many times fewer steps.
        rematerialise: for models that do not fit: compute each block's activations again for the gradient instead of
            keeping them, for a third more work.
        data_on_device: ``"float32"``, ``"float16"`` or ``"bfloat16"``: send all rows to the device once, as such
            numbers, and gather batches there (``lsmlib.DeviceRows``). In float32 it changes no bit of the result. For
            one process and rows that fit; by default every batch comes from the host.
        progress: whether to say beforehand where and how it computes, what memory it takes and how long at least, and
            to show a progress bar.

    Returns:
        ``loss`` and ``learning_rate``, an entry a step; with ``valid`` also ``valid_step`` and ``valid_loss``.

    Raises:
        ValueError: if an argument is out of range, the windows do not fit the model, ``checkpoint_dir`` holds another
            training, or with ``data_on_device`` the rows do not fit the device.
        FloatingPointError: if the loss becomes infinite or NaN. The last finite weights are put back into the model,
            and saved to ``log_dir`` if there is one.
        OSError: if a checkpoint cannot be written.
        MemoryError: if a step does not fit the device.
        RuntimeError: if Keras was imported with another backend than JAX.
    """
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            f"Keras computes with {keras.backend.backend()!r} in this process, and lsmlib trains on JAX. Start anew "
            'and import lsmlib before keras, or set KERAS_BACKEND to "jax" first'
        )
    check_whole("steps", steps, 1)
    evaluate_every = max(steps // 10, 1) if evaluate_every is None else evaluate_every
    check_whole("evaluate_every", evaluate_every, 1)
    checkpoint_every = max(steps // 20, 1) if checkpoint_every is None else checkpoint_every
    check_whole("checkpoint_every", checkpoint_every, 1)
    check_whole("accumulate", accumulate, 1)
    if steps % accumulate:
        raise ValueError(f"accumulate is {accumulate}; expected a divisor of the {steps} steps")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; expected a number above 0, such as 1e-3")
    for windows in (train, valid):
        if windows is not None:
            model.check_windows(windows)
    if isinstance(model, LSM2) and not is_anything_read(train, model.observed_tokens):
        whole = model.patch_missing_if == "any"
        raise ValueError(
            f"nothing in train can be learned from: no patch of {model.grid.patch_minutes} minutes is "
            f"{'complete' if whole else 'observed'} on any of its {train.sizes['day']} days. Expected some readings"
            + (' without a gap for that long, or a model with patch_missing_if="all"' if whole else "")
        )
    beside = model.describe(train) if isinstance(model, SensorLM) else None
    prepare = getattr(model, "prepare", None)
    batches = partial(make_batches, train, batch_size, seed, prepare=prepare, beside=beside)
    batches()  # whether it can, before anything is changed
    if data_on_device is not None:
        devices = jax.device_count() if keras.distribution.distribution() else 1
        resident = DeviceRows(train, model, data_on_device, leave=_step_memory(model, train, -(-batch_size // devices)))
        batches = partial(make_batches, train, batch_size, seed, beside=beside, resident=resident)
    keep_freed_memory()
    first = jax.process_index() == 0  # only one of several processes writes
    if progress and first and isinstance(model, LSM1 | LSM2):
        devices = jax.device_count() if keras.distribution.distribution() else 1
        estimate = estimate_step(model, train, -(-batch_size // devices), rematerialise)
        print(describe_devices(model))
        print(estimate.describe(steps, measure_flops(model.dtype_policy.compute_dtype)), flush=True)
    for layer in model._flatten_layers():
        if isinstance(layer, Transformer):
            layer.rematerialise = rematerialise
    model.compile(make_optimizer(steps, learning_rate, accumulate=accumulate))
    model.optimizer.build(model.trainable_variables)
    history = StepHistory()
    callbacks: list[keras.callbacks.Callback] = [history, StopIfNotFinite(history, log_dir)]
    if valid is not None:
        callbacks.append(Validation(valid, evaluate_every, steps, history))
    try:
        with ExitStack() as opened:
            if checkpoint_dir is not None:
                arguments: dict[str, Any] = {
                    "steps": steps,
                    "batch_size": batch_size,
                    "accumulate": accumulate,
                    "seed": seed,
                }
                if data_on_device not in (None, "float32"):  # other values, not only another place for them
                    arguments["data_on_device"] = data_on_device
                run = describe_run(model, train, **arguments, rate=learning_rate)
                saved = opened.enter_context(Checkpoints(checkpoint_dir, run, history, checkpoint_every))
                saved.resume(model)
            if log_dir is not None and first:
                # a picture is computed by all processes together or not at all
                examples = valid if jax.process_count() == 1 else None
                callbacks.append(opened.enter_context(closing(LogFiles(log_dir, history, examples))))
            if checkpoint_dir is not None:
                callbacks.append(saved)
            if progress and first:
                callbacks.append(opened.enter_context(closing(ProgressBar(steps, history))))
            left = steps - history.step
            if left:
                rest = batches(start_step=history.step)
                model.fit(rest, steps_per_epoch=left, shuffle=False, verbose=0, callbacks=callbacks)
    except Terminated:
        signal.raise_signal(signal.SIGTERM)  # now that all is written, what it was meant to do
        raise SystemExit(128 + signal.SIGTERM) from None
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        raise MemoryError(
            f"the device has too little memory for a step of {batch_size} rows of this model. Lower batch_size and "
            "raise accumulate, or try rematerialise=True, dtype='mixed_bfloat16' or a smaller size. "
            f"{_where(checkpoint_dir)}"
        ) from error
    return history.logs


def _step_memory(model: keras.Model, rows: xr.Dataset, batch_size: int) -> int:
    """Bytes that training needs beside its data, as far as they can be told beforehand."""
    if isinstance(model, LSM1 | LSM2):
        estimate = estimate_step(model, rows, batch_size)
        return estimate.state + estimate.activations
    return STATE * sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)


def _where(checkpoint_dir: str | Path | None) -> str:
    return "Nothing was saved" if checkpoint_dir is None else f"What was trained so far is in {checkpoint_dir}"
