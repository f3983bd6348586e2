"""How fast days come out of a store, against peers and against the training step they feed.

    python benchmarks/bench_data.py            print the table
    python benchmarks/bench_data.py --write    also put it into benchmarks/README.md

Everything is measured in one run, turn by turn, so that whatever else the machine does falls on all alike. Speeds are
medians over the turns. Different inputs are compared by what they hold: minutes × signals a second.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np
import xarray as xr
import zarr

import lsmlib
from lsmlib.nn.memory import keep_freed_memory
from lsmlib.optimizer import make_optimizer

BATCH = 64
DAY, WINDOW = 1440 * 26, 300 * 26  # minutes × signals
README = Path(__file__).with_name("README.md")
STEP = "training step, LSM-1 nano"
BEGIN, END = "<!-- bench_data: begin -->", "<!-- bench_data: end -->"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=128)
    options.add_argument("--days", type=int, default=16)
    options.add_argument("--turns", type=int, default=30)
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = measure(chosen.people, chosen.days, chosen.turns, Path(folder))
    print(text)
    if chosen.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def measure(people: int, days: int, turns: int, folder: Path) -> str:
    path = folder / "cohort.zarr"
    cohort = lsmlib.simulate_cohort(people=people, days=days, seed=0)
    saving = cohort.sizes["day"] / seconds(lambda: lsmlib.save_cohort(cohort, path, progress=False))
    stored, packed = lsmlib.open_cohort(path), sum(file.stat().st_size for file in (path / "signals").rglob("*"))
    cutting = cohort.sizes["day"] / seconds(lambda: lsmlib.cut_windows(stored))
    windows = lsmlib.cut_windows(stored)
    lsmlib.save_cohort(windows, folder / "windows.zarr", progress=False)

    speed = {}
    readers = random_readers(path, cohort.sizes["day"])
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(turns):
        for name, read in readers.items():
            taken[name].append(seconds(read))
    speed |= {name: BATCH / median(times) for name, times in taken.items()}
    pipelines = {
        "`make_batches`, days from a store": (DAY, stored),
        "`make_batches`, days in memory": (DAY, cohort),
        "`make_batches`, windows from a store": (WINDOW, lsmlib.open_cohort(folder / "windows.zarr")),
        "`make_batches`, windows in memory": (WINDOW, windows),
    }
    for name, (_, source) in pipelines.items():
        # Many in a row: single batches would show how long it takes to pick up what was read ahead.
        batches = iter(lsmlib.make_batches(source, BATCH, seed=0))
        next(batches)
        speed[name] = 3 * turns * BATCH / seconds(lambda it=batches: [next(it) for _ in range(3 * turns)])
        del batches
    step = training_step(windows)
    speed[STEP] = BATCH / median(seconds(step) for _ in range(turns))

    size = {**dict.fromkeys(readers, DAY), **{name: size for name, (size, _) in pipelines.items()}, STEP: WINDOW}
    cells = {name: rows * size[name] / 1e6 for name, rows in speed.items()}
    slowest = min(cells[name] for name in pipelines)
    ours, *peers = (speed[name] for name in readers)
    return "\n".join(
        [
            f"{cohort.sizes['day']:,} simulated days, {os.cpu_count()} CPU cores, warm file cache, {turns} turns.",
            "",
            f"| {BATCH} rows at random | rows a second | 10⁶ minutes × signals a second |",
            "|---|---:|---:|",
            *(f"| {name} | {speed[name]:,.0f} | {cells[name]:,.1f} |" for name in speed),
            "",
            f"- Reading: {ours:,.0f} days a second (must: 2,000), {ours / max(peers):.1f} times the fastest peer.",
            f"- Feeding: the slowest pipeline is {slowest / cells[STEP]:.0f} times as fast as the step (must: 5).",
            f"- Saving: {saving:,.0f} days a second, {packed / cohort.sizes['day'] / 1e3:.0f} kB a day of "
            f"{DAY * 4 / 1e3:.0f}. Cutting windows: {cutting:,.0f} days a second.",
        ]
    )


def random_readers(path: Path, days: int) -> dict[str, Callable[[], object]]:
    """Ways to read the same 64 random days of a store, ours first."""
    draw = np.random.default_rng(0)
    ours = lsmlib.open_cohort(path)["signals"].variable  # what make_batches reads from
    array = zarr.open_group(path, mode="r")["signals"]
    plain = xr.open_zarr(path, consolidated=False, chunks=None)["signals"]
    blocks = plain.drop_encoding().chunk(day=64)

    def rows() -> np.ndarray:
        return draw.permutation(days)[:BATCH]

    return {
        "lsmlib (TensorStore)": lambda: ours[rows()].values,
        "zarr-python": lambda: array.oindex[np.sort(rows())],
        "xarray": lambda: plain.isel(day=rows()).values,
        "xarray with Dask, a shard a chunk": lambda: blocks.isel(day=rows()).values,
    }


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def training_step(windows: xr.Dataset) -> Callable[[], object]:
    """A step as `lsmlib.pretrain` makes it, on one batch in memory."""
    keep_freed_memory()
    model = lsmlib.LSM1("nano")
    model.compile(make_optimizer(steps=1000))
    batch = next(iter(lsmlib.make_batches(windows, BATCH, seed=0)))
    model.train_on_batch(batch)
    return lambda: model.train_on_batch(batch)


if __name__ == "__main__":
    main()
