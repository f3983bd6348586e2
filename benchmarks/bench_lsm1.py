"""How long a training step of LSM-1 takes on CPU, against PyTorch's masked autoencoder of the same shape.

    python benchmarks/bench_lsm1.py            print the table
    python benchmarks/bench_lsm1.py --write    also put it into benchmarks/README.md

780 tokens of 50 values, of which 80 % are hidden; encoder 128 wide, 4 layers, 4 heads; decoder 64 wide, 2 layers, 4
heads; batches of 32, float32. The peer is ViTMAE of Hugging Face's transformers with scaled_dot_product_attention, 784
tokens of 49 values, because its images are square, and AdamW with the norm of gradients clipped, as ours.

Every way is a process of its own that lives through the whole run, and they make one step each in turn, so that
whatever else the machine does falls on all alike. Ratios are medians over the rounds. A step of ours is one of
``model.fit``: the batch, the gradient, the optimizer and the loss handed to a callback.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_lsm1: begin -->", "<!-- bench_lsm1: end -->"
BATCH = 32
ENCODER, DECODER = (4, 128, 4, 512), (2, 64, 4, 256)  # layers, width, heads, hidden width at each token


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=15)
    options.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS), help=argparse.SUPPRESS)
    options.add_argument("--write", action="store_true")
    options.add_argument("--serve", metavar="WAY", help="make a step for every line that comes in")
    chosen = options.parse_args()
    if chosen.serve:
        WAYS[chosen.serve][1]()
        return
    text = measure(chosen.ways, chosen.rounds)
    print(text)
    if chosen.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def measure(ways: list[str], rounds: int) -> str:
    served = {way: Served(way) for way in ways}
    for one in served.values():  # compiled, and memory in place
        one.ask("step"), one.ask("step")
    samples: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for turn in range(rounds):
        for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
            busy = machine_seconds()
            sample = served[way].ask("step")
            sample["others"] = max(machine_seconds() - busy - sample["cpu"], 0) / sample["seconds"]
            samples[way].append(sample)
            time.sleep(0.05)  # threads that spin for a while after the work was done
    last = {way: one.ask("end") for way, one in served.items()}
    others = median(sample["others"] for way in ways for sample in samples[way])

    def ratio(way: str) -> float:
        pairs = zip(samples[way], samples[ways[0]], strict=True)
        return median(ours["seconds"] / theirs["seconds"] for ours, theirs in pairs)

    rows = []
    for way in ways:
        seconds = [sample["seconds"] for sample in samples[way]]
        processor = median(sample["cpu"] for sample in samples[way])
        rows.append(
            f"| {WAYS[way][0]} | {median(seconds):.2f} | {min(seconds):.2f} | {processor:.2f} | {ratio(way):.2f} "
            f"| {last[way]['peak']:,.0f} |"
        )
    lines = [
        f"{rounds} rounds, {os.cpu_count()} cores of {cpu_name()}, of which other processes used {others:.2f} at the "
        f"median. Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("jax", "keras", "torch", "transformers"))
        + ".",
        "",
        f"| a step of {BATCH} windows | seconds, median | least | processor seconds | ratio | peak memory, MB |",
        "|---|---:|---:|---:|---:|---:|",
        *rows,
    ]
    if "lsm1" in ways:
        share = last["lsm1"]["input"] / median(sample["seconds"] for sample in samples["lsm1"])
        lines += [
            "",
            f"- A step takes {ratio('lsm1'):.2f} times the peer's (must: 1.25).",
            f"- Making a batch takes {1000 * last['lsm1']['input']:.1f} ms, {share:.1%} of a step (must: 5 %).",
        ]
    return "\n".join(lines)


class Served:
    """A process that makes one step whenever it is asked to."""

    def __init__(self, way: str) -> None:
        command = [sys.executable, __file__, "--serve", way]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=environment | {"KERAS_BACKEND": "jax"},
        )  # fmt: skip

    def ask(self, what: str) -> dict[str, float]:
        assert self.process.stdin and self.process.stdout  # noqa: S101
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.process.args} ended; run it by hand to see why")


class End(Exception):
    """No further step is asked for."""


def answer(**numbers: float) -> None:
    print(json.dumps(numbers), flush=True)


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def machine_seconds() -> float:
    """Processor seconds that the whole machine has spent so far."""
    user, nice, system, _, _, irq, softirq, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def cpu_name() -> str:
    info = Path("/proc/cpuinfo").read_text()
    return next((line.split(":")[1].strip() for line in info.split("\n") if line.startswith("model name")), "unknown")


def serve_vitmae() -> None:
    import torch
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    (layers, width, heads, mlp), (d_layers, d_width, d_heads, d_mlp) = ENCODER, DECODER
    config = ViTMAEConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=mlp,
        decoder_hidden_size=d_width, decoder_num_hidden_layers=d_layers, decoder_num_attention_heads=d_heads,
        decoder_intermediate_size=d_mlp, image_size=28 * 7, patch_size=7, num_channels=1, mask_ratio=0.8,
        attn_implementation="sdpa",
    )  # fmt: skip
    model = ViTMAEForPreTraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=1e-4)
    images = torch.randn(BATCH, 1, 28 * 7, 28 * 7)
    for line in sys.stdin:
        if line.strip() == "end":
            answer(peak=peak())
            return
        start, processor = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        loss = model(images).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        answer(seconds=time.perf_counter() - start, cpu=time.process_time() - processor)


def serve_lsm1(prepare: Callable[[], Any] = lambda: None) -> None:
    import keras

    import lsmlib
    from lsmlib.models.sizes import Size
    from lsmlib.nn.transformer import Stack
    from lsmlib.training import make_optimizer

    prepare()

    class Turns(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if sys.stdin.readline().strip() == "end":
                raise End
            self.start, self.processor = time.perf_counter(), time.process_time()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            float(logs["loss"])
            answer(seconds=time.perf_counter() - self.start, cpu=time.process_time() - self.processor)

    # 1,300 minutes of 26 signals, padded to 30, in patches of 10 × 5: 130 × 6 tokens
    model = lsmlib.LSM1(Size(Stack(*ENCODER), Stack(*DECODER)), minutes=1300)
    windows = lsmlib.cut_windows(lsmlib.simulate_cohort(people=32, days=4), minutes=1300, max_missing=0.99)
    model.compile(make_optimizer(10_000))
    batches = lsmlib.make_batches(windows, BATCH)
    with suppress(End):
        model.fit(batches, steps_per_epoch=10_000, shuffle=False, verbose=0, callbacks=[Turns()])
    held = peak()
    iterator = iter(batches)
    next(iterator)
    start = time.process_time()
    for _ in range(50):
        next(iterator)
    answer(peak=held, input=(time.process_time() - start) / 50)


def keep_memory() -> None:
    from lsmlib.nn.memory import keep_freed_memory

    if not keep_freed_memory():
        raise RuntimeError("freed memory cannot be kept: the C library is not glibc, or JAX has started")


def split_in_two() -> None:
    import jax
    import keras

    keep_memory()
    jax.config.update("jax_num_cpu_devices", 2)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))


def undo() -> None:
    """What a model of Keras' own layers and ops would be."""
    import keras

    import lsmlib.nn.attention
    import lsmlib.nn.transformer

    lsmlib.nn.attention.choose_kernel = lambda *_: "plain"
    lsmlib.nn.transformer.LayerNorm = partial(keras.layers.LayerNormalization, epsilon=1e-6)


WAYS: dict[str, tuple[str, Callable[[], None]]] = {
    "vitmae": ("ViTMAE, PyTorch", serve_vitmae),
    "lsm1": ("**`lsmlib.LSM1`**", partial(serve_lsm1, keep_memory)),
    "two": ("the same as two devices, `DataParallel`", partial(serve_lsm1, split_in_two)),
    "kept": ("of plain attention and Keras' layer norm", partial(serve_lsm1, lambda: (keep_memory(), undo()))),
    "naive": ("that, and freed memory given back", partial(serve_lsm1, undo)),
}

if __name__ == "__main__":
    main()
