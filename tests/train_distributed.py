"""One of the processes that tests/test_distribution.py starts: trains small models and writes down what came of it.

``python -m tests.train_distributed RESULT.json MODEL-CHOICE[,MODEL-CHOICE…] [auto | HOST:PORT COUNT INDEX]``
"""

import json
import sys
from pathlib import Path

import numpy as np

import lsmlib

STEPS, BATCH, ROWS = 20, 16, 32


def make(which):
    """A model and its windows; LSM-2's have gaps."""
    from lsmlib.masking import Mixture
    from lsmlib.models.sizes import Size
    from lsmlib.nn.transformer import Stack
    from tests.windows import small_windows

    windows = small_windows(rows=ROWS)
    size = Size(Stack(1, 32, 2, 64), Stack(1, 16, 2, 32))
    if which == "lsm1":
        return size, lambda: lsmlib.LSM1(size, minutes=60), windows
    gaps = np.random.default_rng(0).random((ROWS, 6, 26)).repeat(10, axis=1) < 0.4
    windows = windows.assign(signals=windows["signals"].where(~gaps)).drop_vars("observed")
    return size, lambda: lsmlib.LSM2(size, minutes=60, mixture=Mixture(contiguous=False)), windows


def train(which, choice, folder):
    size, build, windows = make(which)
    lsmlib.distribute(size, BATCH, choice)
    model = build()
    read = []
    if which == "lsm2":
        prepare = model.prepare

        def watch(signals, places):
            read.append(places.tolist())
            packed = prepare(signals, places)
            shapes.add(packed["values"].shape + packed["decoded"].shape)
            return packed

        shapes: set = set()
        model.prepare = watch
    joined = len(sys.argv) > 3
    history = lsmlib.pretrain(
        model, windows, steps=STEPS, batch_size=BATCH, learning_rate=3e-3, valid=windows[{"day": slice(0, 6)}],
        evaluate_every=STEPS, log_dir=folder / f"{which}-{choice}" if joined else None, progress=False,
    )  # fmt: skip
    if joined:
        model.save(folder / f"{which}-{choice}.keras")
    parts = {
        v.path: [list(v.shape), list(v.value.addressable_shards[0].data.shape)]
        for v in [*model.variables, *model.optimizer.variables]
    }
    result = {
        "loss": history["loss"], "valid": history["valid_loss"], "parts": parts,
        "says": lsmlib.describe_devices(model), "read": read,
    }  # fmt: skip
    if which == "lsm2":
        result["shapes"] = sorted(shapes)
    if (which, choice) == ("lsm2", "data"):
        result["attention"] = compile_attention()
    return result


def compile_attention():
    """What attention among stretches comes to, where each device has rows of its own."""
    import jax
    import keras

    from lsmlib.nn.attention import attention

    data = keras.distribution.distribution().get_data_layout((16, 8, 2, 4)).backend_layout
    lengths = keras.distribution.distribution().get_data_layout((16, 2)).backend_layout
    arrays = jax.ShapeDtypeStruct((16, 8, 2, 4), "float32", sharding=data)
    counts = jax.ShapeDtypeStruct((16, 2), "int32", sharding=lengths)
    program = jax.jit(lambda q, n: jax.grad(lambda x: attention(x, x, x, lengths=n).sum())(q))
    return program.lower(arrays, counts).compile().as_text()


if __name__ == "__main__":
    if len(sys.argv) > 3:
        address, *numbers = sys.argv[3:]
        lsmlib.join_processes(*([] if address == "auto" else [address, *map(int, numbers)]))
    path = Path(sys.argv[1])
    results = {}
    for run in sys.argv[2].split(","):
        results[run] = train(*run.split("-"), path.parent)
    path.write_text(json.dumps(results))
