"""How many complete days a second are simulated, against merely drawing as many random numbers.

    python benchmarks/bench_simulator.py            print the table
    python benchmarks/bench_simulator.py --write    also put it into benchmarks/README.md

The peer is the cheapest day conceivable: 1,440 × 26 independent normals from NumPy's generator, without people, sleep,
lags, gaps or labels. Ours and the peer take turns, so that whatever else the machine does falls on both alike. Every
turn of ours has a seed of its own, allocates its arrays anew, and ends with a checked Cohort.
"""

import argparse
import itertools
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import jax
import numpy as np

import lsmlib

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_simulator: begin -->", "<!-- bench_simulator: end -->"
BLOCK = 64  # days the peer draws at once, in an array that stays in the cache as far as it can


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=512)
    options.add_argument("--days", type=int, default=4)
    options.add_argument("--turns", type=int, default=9)
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    text = measure(chosen.people, chosen.days, chosen.turns)
    print(text)
    if chosen.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def measure(people: int, days: int, turns: int) -> str:
    jax.config.update("jax_enable_compilation_cache", False)  # else an earlier run has compiled for this one
    compiling = seconds(lambda: lsmlib.simulate_cohort(people=1, days=1, missing_mode=True))
    seeds = itertools.count(1)
    kinds: dict[str, Callable[[], object]] = {
        "lsmlib: signals, gaps, labels": lambda: lsmlib.simulate_cohort(people, days, next(seeds)),
        "the same with the reason of each gap": lambda: lsmlib.simulate_cohort(
            people, days, next(seeds), missing_mode=True
        ),
        "NumPy: normals alone, one core": lambda: draw_normals(people * days, next(seeds), cores=1),
        "NumPy: normals alone, all cores": lambda: draw_normals(people * days, next(seeds), cores=os.cpu_count() or 1),
    }
    taken: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(turns):
        for name, work in kinds.items():
            taken[name].append(seconds(work))
    best = {name: people * days / min(times) for name, times in taken.items()}
    middle = {name: people * days / median(times) for name, times in taken.items()}
    ours, _, _, floor = middle
    return "\n".join(
        [
            f"{people * days:,} days a turn, {os.cpu_count()} CPU cores, {turns} turns, compiled beforehand.",
            "",
            "| 1,440 minutes × 26 signals | days a second, best | median |",
            "|---|---:|---:|",
            *(f"| {name} | {best[name]:,.0f} | {middle[name]:,.0f} |" for name in kinds),
            "",
            f"- Simulating: {middle[ours]:,.0f} days a second (must: 1,000); a whole day costs "
            f"{middle[floor] / middle[ours]:.1f} times its random numbers alone.",
            f"- Compiling takes {compiling:.0f} s, once a machine where JAX keeps compiled programs (as in `make`).",
        ]
    )


def draw_normals(days: int, seed: int, cores: int) -> None:
    def draw(block: np.random.SeedSequence) -> None:
        np.random.default_rng(block).standard_normal((BLOCK, 1440, 26), np.float32)

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(draw, np.random.SeedSequence(seed).spawn(-(-days // BLOCK))))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
