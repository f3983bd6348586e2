"""Checkpoints: a training that was stopped at any moment goes on from the last of them, bit for bit as if it never was.

Orbax writes them: aside, and then renamed, while training goes on; the last few are kept, and the best. Each holds all
weights, the optimizer, the state of every random stream, and what was logged so far. The place in the data needs no
state: batches are a function of the seed and the step (``lsmlib.batches``).

With every checkpoint goes a seal, made from what was to be written, and from what is read: a file that was cut off or
changed is noticed even where it can still be decoded, and the checkpoint before is used instead.
"""

import errno
import hashlib
import json
import signal
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self, cast

import jax
import jax.numpy as jnp
import keras
import numpy as np
import orbax.checkpoint as ocp
import xarray as xr
from etils import epath
from orbax.checkpoint.checkpoint_managers import AnyPreservationPolicy, LatestN, PreservationPolicy

from lsmlib.training_logs import StepHistory

KEPT = 3  # the last so many, and the best
PACKAGES = ("lsmlib", "jax", "jaxlib", "keras", "numpy")


class Terminated(Exception):
    """The process was told to stop (SIGTERM), and has saved where it is."""


class Checkpoints(keras.callbacks.Callback):
    """Saves a training every so many steps, at every evaluation, and on SIGTERM; and takes one up again.

    Args:
        folder: local, or ``gs://…``; made if it is not there.
        run: of ``describe_run``. A folder belongs to one run.
        history: to be written, and to be filled when the run is taken up again.
        every: steps from one checkpoint to the next.

    Raises:
        OSError: if the folder cannot be written to.
    """

    def __init__(self, folder: str | Path, run: dict[str, Any], history: StepHistory, every: int) -> None:
        super().__init__()
        self.folder, self.run, self.history, self.every = _absolute(folder), run, history, every
        self.told_to_stop, self.handler = False, cast(Any, None)
        try:
            self.manager = _open(self.folder, AnyPreservationPolicy([LatestN(KEPT), _Best(history)]))
        except OSError as error:
            raise OSError(
                error.errno, f"{error.strerror or error}: checkpoints cannot be written to {self.folder}. Pass a "
                "checkpoint_dir that can be, or none",
            ) from error  # fmt: skip

    def __enter__(self) -> Self:
        """Watch for SIGTERM, if this process is alone: several must agree on a step, which Orbax sees to."""
        if threading.current_thread() is threading.main_thread() and jax.process_count() == 1:
            self.handler = signal.signal(signal.SIGTERM, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait until everything is written."""
        if self.handler is not None:
            signal.signal(signal.SIGTERM, self.handler)
        try:
            self._finish()
        except OSError:
            if kind is None:
                raise
        finally:
            self.manager.close()

    def resume(self, model: keras.Model) -> None:
        """Bring the model, its optimizer and the history to where the folder's last whole checkpoint is, if it has one.

        Raises:
            ValueError: if the folder holds another run, or no checkpoint of it can be read.
        """
        steps = sorted(self.manager.all_steps(), reverse=True)
        logs = _restore(self.manager, self.folder, model, steps, self.run, delete_broken=True)
        if logs is not None:
            self.history.logs.update(logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Save when it is time.

        Raises:
            Terminated: after a SIGTERM, once this step is saved.
            OSError: if a checkpoint could not be written.
        """
        step = self.history.step
        stop = self.told_to_stop or (jax.process_count() > 1 and self.manager.reached_preemption(step))
        evaluated = self.history.logs.get("valid_step", [])[-1:] == [step]
        if stop or evaluated or step % self.every == 0 or step == self.run["training"]["steps"]:
            self._save(step)
        if stop:
            self._finish()
            raise Terminated(f"told to stop at step {step}, which is saved in {self.folder}")

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Wait for the last one, while what is wrong can still be told."""
        self._finish()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.told_to_stop = True  # a step is under way, and cannot be saved before it ends

    def _save(self, step: int) -> None:
        logs = self.history.logs
        variables = {name: variable.value for name, variable in _variables(self.model).items()}
        # a copy: it is written while training goes on, and the history with it
        record = _as_read({"run": self.run, "history": logs, "fingerprints": _fingerprints(variables)})
        with self._told():
            self.manager.save(
                step,
                args=ocp.args.Composite(
                    variables=ocp.args.PyTreeSave(variables),
                    record=ocp.args.JsonSave(record | {"seal": _seal(record)}),
                ),
            )

    def _finish(self) -> None:
        with self._told():
            self.manager.wait_until_finished()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say what could not be written, where, and what is left; one that failed is told of by the next, too."""
        try:
            yield
        except (OSError, ValueError, RuntimeError) as error:  # TensorStore tells of a full disk as a ValueError
            whole = max(self.manager.all_steps(read=True), default=None)
            raise OSError(
                getattr(error, "errno", None) or errno.EIO,
                f"{_first_line(error)}: no checkpoint could be written to {self.folder} at step {self.history.step}. "
                f"The last whole one is of step {whole}; make room and call pretrain again, which goes on from there",
            ) from error


def load_checkpoint(model: keras.Model, folder: str | Path, *, best: bool = False) -> dict[str, list[float]]:
    """Put the weights of a training into a model, to use it or to look at it; ``pretrain`` takes it up by itself.

    Args:
        model: made as the one that was trained.
        folder: its ``checkpoint_dir``.
        best: the checkpoint with the least loss on ``valid``, instead of the last.

    Returns:
        What ``pretrain`` would have returned at that step.

    Raises:
        ValueError: if there is no such checkpoint, none is whole, or it is of another model.
    """
    place = _absolute(folder)
    if not place.is_dir():
        raise ValueError(f"there is no folder {place}; expected the checkpoint_dir of a training")
    run = {"model": _describe_model(model)}
    with _open(place) as manager:
        history = _restore(manager, place, model, sorted(manager.all_steps(), reverse=True), run)
        if best and history is not None:
            step = _best_step(history)
            history = None if step is None else _restore(manager, place, model, [step], run)
    if history is None:
        raise ValueError(
            f"{place} holds no checkpoint{' that was evaluated: pass valid to pretrain' if best else ''}; expected the "
            "checkpoint_dir of a training"
        )
    return history


def describe_run(model: keras.Model, train: xr.Dataset, **arguments: Any) -> dict[str, Any]:
    """What makes a run this run: the model, the arguments of ``pretrain``, which rows it learns from, and versions."""
    digest = hashlib.sha256()
    for name in ("person", "date", "start_minute", "caption"):
        if name in train.variables:
            digest.update("\n".join(map(str, train[name].values)).encode())
    data = {"rows": train.sizes["day"], "people and dates": digest.hexdigest()}
    versions = {package: metadata.version(package) for package in PACKAGES}
    return _as_read({"model": _describe_model(model), "training": arguments, "data": data, "versions": versions})


def _describe_model(model: keras.Model) -> dict[str, Any]:
    config = {name: _shorten(value) for name, value in model.get_config().items() if name != "name"}
    return _as_read({"class": type(model).__name__, "config": config})


def _shorten(value: Any) -> Any:
    """A whole tokenizer would not do in a message: long texts are told by their digest."""
    if isinstance(value, str) and len(value) > 200:
        return f"a text with the digest {hashlib.sha256(value.encode()).hexdigest()[:16]}"
    return value


def _as_read(value: Any) -> Any:
    """As it comes back from a file: tuples become lists."""
    return json.loads(json.dumps(value))


def _restore(
    manager: ocp.CheckpointManager,
    folder: epath.Path,
    model: keras.Model,
    steps: list[int],
    run: dict[str, Any],
    delete_broken: bool = False,
) -> dict[str, list[float]] | None:
    """Restore the first of these steps that is whole; the history, or None if there are no steps.

    Those before it, which are not whole, stand in the way of a training that goes on, and can be deleted. Without an
    optimizer in the model, the weights alone are restored.
    """
    variables = _variables(model)
    broken: list[tuple[int, Exception]] = []
    for step in steps:
        try:
            record = _read_record(manager, step)
        except Exception as error:  # a file that is cut off can fail in any way
            broken.append((step, error))
            continue
        _check_run(record["run"], run, folder)
        try:
            values = _read_variables(manager, step, variables, record)
        except Exception as error:
            broken.append((step, error))
            continue
        for name, variable in variables.items():
            variable.assign(values[name])
        for other, failure in broken:
            warnings.warn(
                f"the checkpoint of step {other} in {folder} is not whole ({_first_line(failure)}); going on from "
                f"that of step {step}",
                stacklevel=4,
            )
            if delete_broken:
                manager.delete(other)
        return record["history"]
    if broken:
        raise ValueError(
            f"none of the {len(broken)} checkpoints in {folder} is whole; the last failed with "
            f"{_first_line(broken[0][1])}. Move the folder away to begin anew"
        )
    return None


def _read_record(manager: ocp.CheckpointManager, step: int) -> dict[str, Any]:
    record = manager.restore(step, args=ocp.args.Composite(record=ocp.args.JsonRestore()))["record"]
    if record.pop("seal") != _seal(record):
        raise ValueError("what it says of itself was changed")
    return record


def _read_variables(
    manager: ocp.CheckpointManager, step: int, variables: dict[str, keras.Variable], record: dict[str, Any]
) -> dict[str, Any]:
    """Read these variables as they are laid out over devices now, whatever they were when they were saved."""
    fingerprints = record["fingerprints"]
    absent = [name for name in variables if name not in fingerprints]
    wanted = {name: variable.value for name, variable in variables.items()}
    if absent:
        raise ValueError(f"it has no {absent[0]}")
    options = ocp.args.PyTreeRestore(
        item=jax.tree.map(ocp.utils.to_shape_dtype_struct, wanted),
        restore_args=ocp.checkpoint_utils.construct_restore_args(wanted),
        partial_restore=True,
    )
    values = manager.restore(step, args=ocp.args.Composite(variables=options))["variables"]
    # Orbax ties arrays to their device, for which every program would be compiled anew; those of a new model are free
    values = {name: value if wanted[name].committed else np.asarray(value) for name, value in values.items()}
    found = _fingerprints(values)
    changed = [name for name in wanted if found[name] != fingerprints[name]]
    if changed:
        raise ValueError(f"{len(changed)} of {len(wanted)} variables were changed, among them {changed[0]}")
    return values


def _check_run(theirs: dict[str, Any], ours: dict[str, Any], folder: epath.Path) -> None:
    differ = [
        f"{part} {name} is {before!r} there and {now!r} here"
        for part in ("model", "training", "data")
        for name, before, now in _differences(theirs[part], ours.get(part, theirs[part]))
    ]
    if differ:
        raise ValueError(
            f"{folder} holds another run: {'; '.join(differ[:3])}. Pass the same arguments to go on with it, or "
            "another checkpoint_dir to begin anew"
        )
    now = ours.get("versions", theirs["versions"])
    for package, before in theirs["versions"].items():
        if now.get(package) != before:
            warnings.warn(
                f"{folder} was written with {package} {before}, and this is {now.get(package)}: training goes on, but "
                "its numbers may differ from those of an uninterrupted run",
                stacklevel=5,
            )


def _differences(theirs: Any, ours: Any, name: str = "") -> list[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        return [
            difference
            for key in sorted(theirs.keys() | ours.keys())
            for difference in _differences(theirs.get(key), ours.get(key), key)
        ]
    return [] if theirs == ours else [(name, theirs, ours)]


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    """Everything that a step changes, by its place and path: numbers keep two of the same path apart."""
    held = list(model.variables) + (list(model.optimizer.variables) if getattr(model, "optimizer", None) else [])
    return {f"{number:05d}": variable for number, variable in enumerate(held)}


def _fingerprints(values: dict[str, Any]) -> dict[str, int]:
    """A number for each array that changes with any bit of it, whatever devices its parts are on."""
    return {name: int(number) for name, number in jax.device_get(_fingerprints_of(values)).items()}


@jax.jit
def _fingerprints_of(values: dict[str, jax.Array]) -> dict[str, jax.Array]:
    def fingerprint(value: jax.Array) -> jax.Array:
        width = {1: jnp.uint8, 2: jnp.uint16, 4: jnp.uint32}[value.dtype.itemsize]
        bits = jax.lax.bitcast_convert_type(value, width).astype(jnp.uint32)
        place = jnp.uint32(0)
        for axis, size in enumerate(bits.shape):
            place = place * jnp.uint32(size) + jax.lax.broadcasted_iota(jnp.uint32, bits.shape, axis)
        # An odd factor for every place: one changed word always changes the sum, several do but once in 2³² times.
        return jnp.sum((bits + jnp.uint32(1)) * (place * jnp.uint32(2654435762) + jnp.uint32(1)), dtype=jnp.uint32)

    return {name: fingerprint(value) for name, value in values.items()}


def _seal(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(_as_read(record), sort_keys=True).encode()).hexdigest()


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"


def _absolute(folder: str | Path) -> epath.Path:
    return epath.Path(folder) if "://" in str(folder) else epath.Path(Path(folder).resolve())


def _open(folder: epath.Path, keep: PreservationPolicy | None = None) -> ocp.CheckpointManager:
    return ocp.CheckpointManager(
        folder,
        options=ocp.CheckpointManagerOptions(preservation_policy=keep),
        item_handlers={"variables": ocp.PyTreeCheckpointHandler(), "record": ocp.JsonCheckpointHandler()},
    )


class _Best(PreservationPolicy):
    """Keeps the checkpoint with the least loss on other people, by the history and not by files that may be broken."""

    def __init__(self, history: StepHistory) -> None:
        self.history = history

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> list[bool]:
        best = _best_step(self.history.logs)
        return [checkpoint.step == best for checkpoint in checkpoints]


def _best_step(history: dict[str, list[float]]) -> int | None:
    evaluated = zip(history.get("valid_loss", []), history.get("valid_step", []), strict=True)
    return int(min(evaluated)[1]) if history.get("valid_loss") else None
