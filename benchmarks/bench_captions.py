"""How many days a second get captions, at each level and at all three, and how many are read back.

    python benchmarks/bench_captions.py            print the table
    python benchmarks/bench_captions.py --write    also put it into benchmarks/README.md

The floor is a pandas ``agg`` of the same four statistics of the 12 fixed signals, which says nothing yet. Kinds take
turns, so that whatever else the machine does falls on all alike. Days a second of the clock tell what the run got; days
a second of processor time, what one idle core would give.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pandas as pd
import xarray as xr

import lsmlib
from lsmlib.text import GROUPS, caption_days, find_facts, parse_caption, train_tokenizer

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_captions: begin -->", "<!-- bench_captions: end -->"
FIXED = [name for group in GROUPS for name in group.always]
PANDAS_DAYS = 64  # of a slow peer a few are enough


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--people", type=int, default=256)
    options.add_argument("--days", type=int, default=4)
    options.add_argument("--turns", type=int, default=5)
    options.add_argument("--write", action="store_true")
    chosen = options.parse_args()
    text = measure(lsmlib.simulate_cohort(chosen.people, chosen.days).compute(), chosen.turns)
    print(text)
    if chosen.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def measure(cohort: xr.Dataset, turns: int) -> str:
    days = cohort.sizes["day"]
    captions = caption_days(cohort)
    texts = [caption.text for caption in captions]
    tokenizer = train_tokenizer(texts)
    kinds: dict[str, tuple[int, Callable[[], object]]] = {
        "captions, all three levels": (days, lambda: caption_days(cohort)),
        "statistical": (days, lambda: caption_days(cohort, "statistical")),
        "structural": (days, lambda: caption_days(cohort, "structural")),
        "semantic": (days, lambda: caption_days(cohort, "semantic")),
        "facts alone, all three levels": (days, lambda: find_facts(cohort)),
        "captions read back into facts": (days, lambda: [parse_caption(text) for text in texts]),
        "captions into tokens": (days, lambda: tokenizer.encode(texts)),
        "pandas: four statistics of 12 signals": (PANDAS_DAYS, lambda: describe_with_pandas(cohort)),
    }
    clock: dict[str, list[float]] = {name: [] for name in kinds}
    processor: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(turns):
        for name, (_, work) in kinds.items():
            began = time.perf_counter(), time.process_time()
            work()
            clock[name].append(time.perf_counter() - began[0])
            processor[name].append(time.process_time() - began[1])
    cores = os.cpu_count() or 1
    best = {name: many / min(clock[name]) for name, (many, _) in kinds.items()}
    middle = {name: many / median(clock[name]) for name, (many, _) in kinds.items()}
    spent = {name: many / median(processor[name]) for name, (many, _) in kinds.items()}
    whole, *_, floor = kinds
    words = sum(len(text.split()) for text in texts) / days
    sentences = sum(len(caption.sentences) for caption in captions) / days
    return "\n".join(
        [
            f"{days:,} simulated days a turn in memory, {cores} CPU cores, {turns} turns.",
            "",
            "| | days a second, best | median | days a second of processor time, median |",
            "|---|---:|---:|---:|",
            *(f"| {name} | {best[name]:,.0f} | {middle[name]:,.0f} | {spent[name]:,.0f} |" for name in kinds),
            "",
            f"- Captioning: {best[whole]:,.0f} days a second at best, {middle[whole]:,.0f} in the median (must: "
            f"1,000); {spent[whole] / spent[floor]:.1f} times as many as pandas for the same processor time.",
            f"- A caption has {sentences:.0f} sentences of {words:.0f} words in the mean, "
            f"{tokenizer.measure(texts).mean():.0f} of {tokenizer.vocabulary_size:,} tokens.",
        ]
    )


def describe_with_pandas(cohort: xr.Dataset) -> None:
    columns = [lsmlib.SIGNAL_NAMES.index(name) for name in FIXED]
    for values in cohort["signals"].values[:PANDAS_DAYS]:
        pd.DataFrame(values[:, columns]).agg(["mean", "max", "min", "std"])


if __name__ == "__main__":
    main()
