"""Training on several devices and hosts, through ``keras.distribution`` and ``jax.distributed``.

Rows of a batch are shared out among all devices. Weights lie whole on each (``"data"``), or each device keeps its part
of every matrix, and of what the optimizer remembers about it, and fetches the rest when it is due (``"sharded"``, as
ZeRO does in its third stage: Rajbhandari et al., 2020). Both give the numbers of one device, up to rounding.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils

from lsmlib.checks import check_whole
from lsmlib.models.sizes import Size, count_parameters
from lsmlib.nn.attention import choose_kernel

CHOICES = ("auto", "data", "sharded", "none")
DEVICES = ("cpu", "gpu", "tpu")
STATE = 16  # bytes in training of each parameter: itself, its gradient and AdamW's two moments, all float32
SHARE = 0.5  # of a device's memory that may go to these; activations need the rest


def join_processes(coordinator: str | None = None, count: int | None = None, index: int | None = None) -> None:
    """Make this process one of several that train together, before anything else is done with JAX or Keras.

    Every process then runs the same program. ``make_batches`` gives each its part of every batch.

    Args:
        coordinator: ``"host:port"`` of the first process, any free port. Without arguments, on TPU pods and Slurm, JAX
            finds out all three by itself.
        count: how many processes there are.
        index: which one this is, from 0 on.

    Raises:
        ValueError: if only some are given, one is out of range, or nothing is given and there is no such cluster.
        RuntimeError: if JAX has begun to compute, or the others do not appear.
    """
    given = (coordinator, count, index)
    if any(value is None for value in given) and any(value is not None for value in given):
        raise ValueError(f"coordinator, count and index are {given}; expected all three, or none on a known cluster")
    if coordinator is not None:
        check_whole("count", count, 1)
        check_whole("index", index, 0, (count or 1) - 1)
    try:
        jax.distributed.initialize(coordinator, count, index)
    except ValueError as error:
        raise ValueError(
            f"JAX cannot tell which processes belong together ({error}). Expected a TPU pod or Slurm, or the "
            "arguments coordinator, count and index"
        ) from error


def distribute(size: Size, batch_size: int, choice: str = "auto", device: str | None = None) -> Any:
    """Share training out among all devices of all processes. To be called before the model is made.

    Args:
        size: of the model, ``LSM1_SIZES["large"]`` for example.
        batch_size: rows of a batch, over all devices together.
        choice: ``"data"``: every device has all weights. ``"sharded"``: weights and optimizer state are split among
            the devices. ``"none"``: one device computes everything. ``"auto"``: ``"none"`` where there is one device;
            otherwise ``"data"`` if weights, gradients and optimizer state (16 bytes a parameter) take at most half of
            a device's memory, else ``"sharded"``.
        device: ``"cpu"``, ``"gpu"`` or ``"tpu"``, if it must be that kind; by default what JAX finds.

    Returns:
        What Keras now distributes by (``keras.distribution.distribution()``), or None.

    Raises:
        ValueError: if there is no such choice or kind of device, the devices are of another kind, or they cannot share
            the batch or the weights equally.
    """
    if choice not in CHOICES:
        raise ValueError(f"choice is {choice!r}; expected one of {', '.join(map(repr, CHOICES))}")
    check_whole("batch_size", batch_size, 1)
    _check_device(device)
    count = jax.device_count()
    if choice == "auto":
        fits = STATE * count_parameters(size) <= SHARE * _device_memory()
        choice = "none" if count == 1 else "data" if fits else "sharded"
    keras.distribution.set_distribution(None)
    if choice == "none" or count == 1:
        if jax.process_count() > 1:
            raise ValueError(f"choice is 'none', but {jax.process_count()} processes train together; expected another")
        return None
    if batch_size % count:
        raise ValueError(f"batch_size is {batch_size}; expected a multiple of the {count} devices")
    if choice == "data":
        chosen = keras.distribution.DataParallel(auto_shard_dataset=False)
    else:
        chosen = keras.distribution.ModelParallel(layout_map=_split(size, count), auto_shard_dataset=False)
    keras.distribution.set_distribution(chosen)
    return chosen


def describe_devices(model: keras.Model) -> str:
    """One line: on which devices the model trains, how it is shared out, and which kernel computes its attention.

    Args:
        model: an ``LSM1`` or ``LSM2``.
    """
    devices, chosen = jax.devices(), keras.distribution.distribution()
    used = devices if chosen is not None else devices[:1]
    kinds = " and ".join(sorted({f"{device.platform} ({device.device_kind})" for device in used}))
    form = {type(None): "none", keras.distribution.DataParallel: "data"}.get(type(chosen), "sharded")
    dtype = model.dtype_policy.compute_dtype
    kernels = sorted({choose_kernel(dtype, stack.width // stack.heads) for stack in model.size})
    packing = f", packing {model.packing!r}" if hasattr(model, "packing") else ""
    return (
        f"{len(used)} of {len(devices)} devices, {kinds}, in {jax.process_count()} processes; distribution {form!r}; "
        f"attention kernel {' and '.join(map(repr, kernels))} in {dtype}{packing}"
    )


def to_host(array: Any) -> np.ndarray:
    """A JAX array as numpy, wherever it lies; if parts are with other processes, all must ask for it together."""
    if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
        return keras.ops.convert_to_numpy(array)
    return multihost_utils.process_allgather(array, tiled=True)


@contextmanager
def gathered(model: keras.Model) -> Iterator[None]:
    """Meanwhile every process has all weights and optimizer state whole, in its own memory, for a file."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.variables, *(optimizer.variables if optimizer else ())]
    values = [variable.value for variable in variables]
    # Copies too: what one process alone does with an array that all share waits for the others for ever. So does a
    # variable that it makes alone under a distribution, and Keras makes some when it writes a file.
    whole = [value if value.is_fully_addressable else to_host(value) for value in values]
    chosen = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        for variable, value in zip(variables, whole, strict=True):
            variable._value = value
        yield
    finally:
        keras.distribution.set_distribution(chosen)
        for variable, value in zip(variables, values, strict=True):
            variable._value = value


def _split(size: Size, count: int) -> keras.distribution.LayoutMap:
    """Matrices split by columns, the prediction's by rows; biases, norms and single tokens are too small to split.

    Keras gives the optimizer's moments the layout of what they belong to.
    """
    for stack in size:
        if stack.width % count or stack.mlp % count:
            raise ValueError(
                f"{stack} cannot be split among {count} devices; expected a width and an mlp that are multiples of it. "
                "Take another number of devices, or choice='data'"
            )
    mesh = keras.distribution.DeviceMesh((count,), ["batch"], keras.distribution.list_devices())
    layout = keras.distribution.LayoutMap(mesh)
    layout[r".*(?<!/prediction)/kernel"] = (None, "batch")
    layout[r".*/prediction/kernel"] = ("batch", None)
    return layout


def _check_device(kind: str | None) -> None:
    """A GPU that is not used must not go unnoticed."""
    if kind not in (None, *DEVICES):
        raise ValueError(f"device is {kind!r}; expected None or one of {', '.join(map(repr, DEVICES))}")
    found = jax.default_backend()
    if kind not in (None, found):
        advice = (
            "Set JAX_PLATFORMS=cpu before Python starts"
            if kind == "cpu"
            else "Look at jax.devices(), and whether jax is installed for it: pip install 'jax[cuda12]' or 'jax[tpu]'"
        )
        raise ValueError(f"device is {kind!r}, but JAX computes on {found!r} here. {advice}")


def device_memory() -> tuple[int, int]:
    """Bytes that the first device of this process has, and those in use; CPUs share the host's, and tell no use."""
    device = jax.local_devices()[0]
    told = device.memory_stats() or {}
    if "bytes_limit" in told:
        return int(told["bytes_limit"]), int(told.get("bytes_in_use", 0))
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // jax.local_device_count(), 0


def _device_memory() -> float:
    """Bytes that one device has, the least of all processes, so that all come to the same choice."""
    limit, _ = device_memory()
    if jax.process_count() > 1:
        return float(multihost_utils.process_allgather(np.float32(limit)).min())
    return float(limit)
