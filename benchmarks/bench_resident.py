"""What travels to the device at a step and what a step takes: batches from the host against rows that stay there.

    python benchmarks/bench_resident.py            print the table
    python benchmarks/bench_resident.py --write    also put it into benchmarks/README.md

256 simulated days, LSM-2 nano in batches of 16 of them, and windows cut from them, LSM-1 nano in batches of 64. Ways
take turns. Batches are first read alone, as fast as they come, then trained on: a step is one of ``model.fit``, which
makes batches beside it. On a CPU host and device are the same memory: what is gained there is work. What travels is
counted, and is the same everywhere: bytes of the arrays that are made on the host, rows and plans.
"""

import argparse
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

import jax
import keras
import numpy as np
from side_by_side import keep_memory

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_resident: begin -->", "<!-- bench_resident: end -->"

TURNS, STEPS = 7, 12
WAYS = (None, "float32", "float16", "bfloat16")


class Clock(keras.callbacks.Callback):
    """When each step was over."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.times: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.times.append(perf_counter())


def count_bytes(tree: Any) -> int:
    return sum(leaf.nbytes for leaf in jax.tree.leaves(tree) if isinstance(leaf, np.ndarray))


def sent(resident: Any, model: Any, batch: Any, size: int) -> int:
    """Bytes that go to the device for a batch: all of it, or which rows, and the plan without the values."""
    if resident is None:
        return count_bytes(batch)
    made = ("values", "target", "scored")
    plan = {name: value for name, value in batch.items() if name not in made} if isinstance(batch, dict) else {}
    return 4 * size + sum(value.nbytes for value in plan.values())


def measure() -> str:
    import lsmlib
    from lsmlib.optimizer import make_optimizer

    keep_memory()
    days = lsmlib.simulate_cohort(people=128, days=2)
    cases = {
        "LSM-1 nano": (lsmlib.LSM1("nano"), lsmlib.cut_windows(days, stride=60), 64),
        "LSM-2 nano": (lsmlib.LSM2("nano"), days, 16),
    }
    lines = [
        f"{TURNS} turns of {STEPS} steps, {jax.default_backend()}.",
        "",
        "| batches | rows on the device, MB | to the device a step, kB | reading a batch alone, ms | a step, ms |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (model, rows, size) in cases.items():
        sources, facts = {}, {}
        for way in WAYS:
            resident = None if way is None else lsmlib.DeviceRows(rows, model, way)
            prepare = getattr(model, "prepare", None) if way is None else None
            sources[way] = lsmlib.make_batches(rows, size, prepare=prepare, resident=resident)
            batches = list(islice(sources[way], STEPS))
            moved = np.mean([sent(resident, model, batch, size) for batch in batches])
            facts[way] = (0 if resident is None else resident.nbytes / 1e6, moved / 1e3)
        model.compile(make_optimizer(10_000))
        made: dict[Any, list[float]] = {way: [] for way in WAYS}
        steps: dict[Any, list[float]] = {way: [] for way in WAYS}
        for turn in range(TURNS + 1):
            for way in WAYS:
                start = perf_counter()
                jax.block_until_ready(list(islice(sources[way], STEPS)))
                seconds = (perf_counter() - start) / STEPS
                clock = Clock()
                model.fit(sources[way], steps_per_epoch=STEPS, shuffle=False, verbose=0, callbacks=[clock])
                if turn:  # the first compiles
                    made[way].append(seconds)
                    steps[way].append(float(np.median(np.diff(clock.times))))
        for way in WAYS:
            label = "from the host" if way is None else f"on the device, {way}"
            held, moved = facts[way]
            lines.append(
                f"| {name}, {size} rows, {label} | {held:,.0f} | {moved:,.1f} | {1000 * np.median(made[way]):.1f} | "
                f"{1000 * np.median(steps[way]):.0f} |"
            )
    return "\n".join(lines)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    text = measure()
    print(text)
    if chosen.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
