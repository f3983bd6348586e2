"""Exported encoders against Keras: bytes, and milliseconds a row, one row at a time, as on a device.

    python benchmarks/bench_export.py            print the table
    python benchmarks/bench_export.py --write    also put it into benchmarks/README.md

Each model is exported to each format and loaded by that format's runtime, all in one process; ways take turns. A row is
a day or window of random numbers, complete, or with half or three quarters of its tokens missing. Keras is
``model.embed``, compiled for JAX, with its checks and its packing on the host; its bytes are those of the encoder's
weights. Times are medians over the turns.
"""

import argparse
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from side_by_side import cpu_name

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_export: begin -->", "<!-- bench_export: end -->"

TURNS = 3
ROWS = "complete", "half missing", "three quarters missing"
MUST_BYTES, MUST_MILLISECONDS = 10e6, 100.0


def models() -> dict[str, tuple[Any, tuple[int | None, ...]]]:
    """Models, and for how many tokens there is room in their graphs."""
    import lsmlib

    return {
        "LSM-1 tiny (`lsm1_tiny_simulated`)": (lsmlib.load_preset("lsm1_tiny_simulated"), (None,)),
        "LSM-2 nano (`lsm2_nano_simulated`)": (lsmlib.load_preset("lsm2_nano_simulated"), (None, 2048)),
        "LSM-2 tiny, untrained": (lsmlib.LSM2("tiny"), (None, 1024)),
    }


class Ways:
    """Ways to embed one row of a model."""

    def __init__(self, model: Any, rooms: tuple[int | None, ...], folder: Path) -> None:
        import lsmlib
        from lsmlib.export.formats import FORMATS
        from lsmlib.export.rows import as_windows, draw_rows

        tokens = model.grid.tokens
        complete, half = draw_rows(model.grid, tokens // 2)[[3, 7]]
        self.rows = dict(zip(ROWS, (complete, half, draw_rows(model.grid, tokens // 4)[7]), strict=True))
        windows = {name: as_windows(model, row[None]) for name, row in self.rows.items()}
        parameters = sum(weight.value.nbytes for weight in model.encoder.weights)
        self.sizes: dict[str, float] = {"Keras": parameters}
        self.differences: dict[str, float] = {"Keras": 0.0}
        self.run: dict[str, Callable[[str], Any]] = {"Keras": lambda row: model.embed(windows[row])}
        for room in rooms:
            # with room for fewer tokens, one format tells what that is worth
            for form in FORMATS if room is None else ("litert",):
                path = folder / f"{len([*folder.iterdir()])}{FORMATS[form].suffix}"
                report = lsmlib.export_encoder(model, path, form, batch_size=1, tokens=room)
                title = FORMATS[form].title + (f", room for {room} tokens" if room else "")
                self.sizes[title], self.differences[title] = report.bytes, report.difference
                self.run[title] = self._runner(FORMATS[form].load(path))

    def _runner(self, run: Callable[[np.ndarray], Any]) -> Callable[[str], Any]:
        return lambda row: run(self.rows[row][None])

    def measure(self) -> dict[str, dict[str, float]]:
        """Milliseconds by way and row, the median over turns."""
        times: dict[str, dict[str, list[float]]] = {way: {row: [] for row in self.rows} for way in self.run}
        ways = list(self.run)
        for turn in range(-1, TURNS):  # the first warms up
            for way in ways[turn % len(ways) :] + ways[: turn % len(ways)]:
                for row in self.rows:
                    start = perf_counter()
                    vector = self.run[way](row)
                    if turn >= 0:
                        read = np.isfinite(vector).all()  # more tokens than there is room for give NaN
                        times[way][row].append(1000 * (perf_counter() - start) if read else np.nan)
        return {way: {row: float(np.median(times[way][row])) for row in self.rows} for way in ways}


def measure() -> str:
    cores = len(os.sched_getaffinity(0))
    packages = ", ".join(f"{name} {version(name)}" for name in ("keras", "tensorflow", "ai-edge-litert", "onnxruntime"))
    lines = [
        f"{TURNS} turns, one row at a time, {cores} of {os.cpu_count()} cores of {cpu_name()}. {packages}.",
        "",
        f"| encoder | way | MB | {', ms | '.join(ROWS)}, ms | difference |",
        f"|---|---|---:|{'---:|' * len(ROWS)}---:|",
    ]
    tiny = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (model, rooms) in models().items():
            ways = Ways(model, rooms, Path(folder))
            for way, times in ways.measure().items():
                told = " | ".join("NaN" if np.isnan(times[row]) else f"{times[row]:,.1f}" for row in ROWS)
                size, difference = ways.sizes[way], ways.differences[way]
                lines.append(f"| {name} | {way} | {size / 1e6:.2f} | {told} | {difference:.0e} |")
                if "tiny" in name and way.startswith("LiteRT"):
                    tiny[f"{name}, {way}"] = size, max(filter(np.isfinite, times.values()))
    lines.append("")
    for name, (size, milliseconds) in tiny.items():
        lines.append(
            f"- {name}: {size / 1e6:.1f} MB (must: below {MUST_BYTES / 1e6:.0f}), {milliseconds:,.0f} ms for the "
            f"fullest row that it reads (must: below {MUST_MILLISECONDS:.0f})."
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
