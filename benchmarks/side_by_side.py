"""Ways to make a training step, side by side: a process each, which live through the whole run and take turns.

Whatever else the machine does falls on all alike. Ratios are medians over the rounds.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

README = Path(__file__).with_name("README.md")
QUIET = 0.15  # cores that other processes may use, at the median, for times to mean much


class Way(NamedTuple):
    """A way to make a step."""

    title: str
    serve: Callable[[], None]  # makes a step for every line that comes in
    keeps_memory: bool = True  # whether the process is started as `make` does, for keep_freed_memory


def run(script: str, ways: dict[str, Way], describe: Callable[["Rounds"], str], rounds: int, doc: str | None) -> None:
    """The command line of a benchmark: ``--write`` puts the table between the marks of its name in README.md."""
    options = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=rounds)
    options.add_argument("--ways", nargs="+", default=list(ways), choices=list(ways), help=argparse.SUPPRESS)
    options.add_argument("--write", action="store_true")
    options.add_argument("--serve", metavar="WAY", help="make a step for every line that comes in")
    chosen = options.parse_args()
    if chosen.serve:
        ways[chosen.serve].serve()
        return
    text = describe(Rounds(script, ways, chosen.ways, chosen.rounds))
    print(text)
    if chosen.write:
        begin, end = (f"<!-- {Path(script).stem}: {mark} -->" for mark in ("begin", "end"))
        before, _, rest = README.read_text().partition(begin)
        README.write_text(f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}")


class Rounds:
    """What was measured."""

    def __init__(self, script: str, ways: dict[str, Way], chosen: list[str], rounds: int) -> None:
        self.ways, self.chosen, self.rounds = ways, chosen, rounds
        served = {way: Served(script, way, ways[way].keeps_memory) for way in chosen}
        for one in served.values():  # compiled, and memory in place
            one.ask("step"), one.ask("step")
        self.samples: dict[str, list[dict[str, float]]] = {way: [] for way in chosen}
        for turn in range(rounds):
            for way in chosen[turn % len(chosen) :] + chosen[: turn % len(chosen)]:
                busy = machine_seconds()
                sample = served[way].ask("step")
                sample["others"] = max(machine_seconds() - busy - sample["cpu"], 0) / sample["seconds"]
                self.samples[way].append(sample)
                time.sleep(0.05)  # threads that spin for a while after the work was done
        self.last = {way: one.ask("end") for way, one in served.items()}

    def seconds(self, way: str) -> float:
        """Of a step, the median."""
        return median(sample["seconds"] for sample in self.samples[way])

    def ratio(self, way: str, to: str) -> float:
        """Of seconds, the median over rounds."""
        pairs = zip(self.samples[way], self.samples[to], strict=True)
        return median(ours["seconds"] / theirs["seconds"] for ours, theirs in pairs)

    def table(self, of: str, packages: tuple[str, ...]) -> list[str]:
        """Where it ran, and a row for each way, compared with the first one."""
        others = median(sample["others"] for way in self.chosen for sample in self.samples[way])
        lines = [
            f"{self.rounds} rounds, {os.cpu_count()} cores of {cpu_name()}, of which other processes used {others:.2f} "
            f"at the median. Python {platform.python_version()}, "
            + ", ".join(f"{name} {version(name)}" for name in packages)
            + ".",
            "",
            f"| {of} | seconds, median | least | processor seconds | ratio | peak memory, MB |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for way in self.chosen:
            least = min(sample["seconds"] for sample in self.samples[way])
            processor = median(sample["cpu"] for sample in self.samples[way])
            lines.append(
                f"| {self.ways[way].title} | {self.seconds(way):.2f} | {least:.2f} | {processor:.2f} "
                f"| {self.ratio(way, self.chosen[0]):.2f} | {self.last[way]['peak']:,.0f} |"
            )
        if others > QUIET:
            lines += [
                "",
                "Not a quiet machine: threads of a way wait for each other where they share a core, more or less.",
            ]
        return lines


class Served:
    """A process that makes one step whenever it is asked to."""

    def __init__(self, script: str, way: str, keeps_memory: bool) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
        environment |= {"KERAS_BACKEND": "jax"} | ({"MALLOC_ARENA_MAX": "1"} if keeps_memory else {})
        self.process = subprocess.Popen(
            [sys.executable, script, "--serve", way], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True, env=environment,
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


def serve(step: Callable[[], Any], **numbers: float) -> None:
    """Make a step whenever one is asked for, and say at the end how much memory was held, and other numbers."""
    for line in sys.stdin:
        if line.strip() == "end":
            answer(peak=peak(), **numbers)
            return
        start, processor = time.perf_counter(), time.process_time()
        step()
        answer(seconds=time.perf_counter() - start, cpu=time.process_time() - processor)


def serve_fit(model: Any, batches: Any, source: Any = None) -> None:
    """Serve the steps of ``model.fit``: the batch, the gradient, the optimizer, and the loss handed to a callback.

    ``source`` is what makes the batches, if not ``batches`` itself.
    """
    import keras

    class Turns(keras.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            if sys.stdin.readline().strip() == "end":
                raise End
            self.start, self.processor = time.perf_counter(), time.process_time()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            float(logs["loss"])
            answer(seconds=time.perf_counter() - self.start, cpu=time.process_time() - self.processor)

    with suppress(End):
        model.fit(batches, steps_per_epoch=10_000, shuffle=False, verbose=0, callbacks=[Turns()])
    held, iterator = peak(), iter(batches if source is None else source)
    answer(peak=held, input=seconds_of_a_batch(iterator))


def seconds_of_a_batch(batches: Iterator[Any]) -> float:
    """Processor seconds to make one."""
    next(batches)
    start = time.process_time()
    for _ in range(50):
        next(batches)
    return (time.process_time() - start) / 50


def keep_memory() -> None:
    from lsmlib.nn.memory import keep_freed_memory

    if not keep_freed_memory():
        raise RuntimeError("freed memory cannot be kept: not glibc, or started without MALLOC_ARENA_MAX=1")


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
