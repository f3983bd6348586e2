"""Pretraining: one function from windows to a trained model, made of Keras' own parts.

The recipe is LSM-1's as reported (Narayanswamy, Liu et al., 2025): AdamW (0.9, 0.95) with decoupled weight decay of
10⁻⁴, gradients clipped to a norm of 1, a linear warm-up over the first 5 % of steps and a cosine to zero. The reported
peak learning rate, 5·10⁻³, belongs to batches of 4,096; ours is for tens to hundreds.
"""

from contextlib import ExitStack, closing
from pathlib import Path

import keras
import xarray as xr

from lsmlib.batches import make_batches
from lsmlib.checks import check_whole
from lsmlib.nn.memory import keep_freed_memory
from lsmlib.training_logs import LogFiles, ProgressBar, StepHistory, StopIfNotFinite, Validation


def make_optimizer(
    steps: int, learning_rate: float = 1e-3, warmup: float = 0.05, weight_decay: float = 1e-4, clip: float = 1.0
) -> keras.optimizers.Optimizer:
    """AdamW with the schedule and the clipping described above.

    Args:
        steps: of the whole training; the learning rate reaches zero there.
        learning_rate: at its peak.
        warmup: share of the steps in which it rises from zero.
        weight_decay: decoupled: each step takes this share times the learning rate off every matrix; biases, norms and
            learned tokens are left alone.
        clip: the largest norm of all gradients together.
    """
    rising = max(round(warmup * steps), 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - rising, 1), warmup_target=learning_rate, warmup_steps=rising
    )
    optimizer = keras.optimizers.AdamW(schedule, beta_2=0.95, weight_decay=weight_decay, global_clipnorm=clip)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta", "token"])
    return optimizer


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
    progress: bool = True,
) -> dict[str, list[float]]:
    """Train a model on windows without labels.

    It is no more than ``model.compile(make_optimizer(steps))`` and ``model.fit(make_batches(train, batch_size, seed),
    steps_per_epoch=steps, shuffle=False)`` with the callbacks below, and gives the same weights bit for bit. (For an
    ``LSM2``, ``make_batches`` is given ``prepare=model.prepare``, too.)

    Args:
        model: an ``LSM1``, an ``LSM2``, or a ``lsmlib.evaluate.SimCLR``.
        train: windows from ``cut_windows``, or days, that the model can read.
        steps: how many batches to learn from.
        batch_size: windows of a step.
        seed: of the order of windows; the model's own seed gives its weights, and its masks or views.
        learning_rate: at its peak.
        valid: windows of other people, on which the loss is taken every ``evaluate_every`` steps and at the end, always
            with the same hidden tokens or views (the model's ``validation_loss``).
        evaluate_every: steps between two evaluations; by default a tenth of ``steps``.
        log_dir: a folder for ``log.csv`` (a row a step), TensorBoard's files, and with ``valid`` a picture of example
            reconstructions at each evaluation, if the model has ``reconstruct``.
        progress: whether to show a progress bar.

    Returns:
        ``loss`` and ``learning_rate``, an entry a step; with ``valid`` also ``valid_step`` and ``valid_loss``.

    Raises:
        ValueError: if an argument is out of range or the windows do not fit the model.
        FloatingPointError: if the loss becomes infinite or NaN. The last finite weights are put back into the model,
            and saved to ``log_dir`` if there is one.
    """
    check_whole("steps", steps, 1)
    evaluate_every = max(steps // 10, 1) if evaluate_every is None else evaluate_every
    check_whole("evaluate_every", evaluate_every, 1)
    if not learning_rate > 0:
        raise ValueError(f"learning_rate is {learning_rate}; expected a number above 0, such as 1e-3")
    for windows in (train, valid):
        if windows is not None:
            model.check_windows(windows)
    batches = make_batches(train, batch_size, seed, prepare=getattr(model, "prepare", None))
    keep_freed_memory()
    model.compile(make_optimizer(steps, learning_rate))
    history = StepHistory()
    callbacks: list[keras.callbacks.Callback] = [history, StopIfNotFinite(log_dir)]
    if valid is not None:
        callbacks.append(Validation(valid, evaluate_every, history))
    with ExitStack() as opened:
        if log_dir is not None:
            callbacks.append(opened.enter_context(closing(LogFiles(log_dir, history, valid))))
        if progress:
            callbacks.append(opened.enter_context(closing(ProgressBar(steps, history))))
        model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0, callbacks=callbacks)
    return history.logs
