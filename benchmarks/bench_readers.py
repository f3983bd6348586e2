"""How fast, and in how much memory, an export of Apple Health becomes a Cohort, against the standard library's way.

    python benchmarks/bench_readers.py                     print the table
    python benchmarks/bench_readers.py --write             also put it into benchmarks/README.md
    python benchmarks/bench_readers.py --megabytes 2000    another size; it is written to a temporary directory

Every way reads the same file, turn by turn, each time in a process of its own. Speeds are medians over the turns, of
the reading alone: imports are done beforehand. Memory is the most a process ever held, less what it held before.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from statistics import median

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- bench_readers: begin -->", "<!-- bench_readers: end -->"
WATCH = (
    'sourceName="Anna’s Apple Watch" sourceVersion="10.3.1" device="&lt;&lt;HKDevice: 0x283d1c3c0&gt;, '
    'name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, software:10.3.1&gt;"'
)
PHONE = (
    'sourceName="Anna’s iPhone" sourceVersion="17.3.1" device="&lt;&lt;HKDevice: 0x283d1c410&gt;, '
    'name:iPhone, manufacturer:Apple Inc., model:iPhone, hardware:iPhone14,5, software:17.3.1&gt;"'
)
A_DAY = (  # type, source, unit, records a day, seconds that one lasts, least and most value
    ("ActiveEnergyBurned", WATCH, "kcal", 700, 60, 0.1, 6),
    ("BasalEnergyBurned", WATCH, "kcal", 250, 300, 4, 8),
    ("HeartRate", WATCH, "count/min", 450, 0, 48, 150),
    ("StepCount", WATCH, "count", 150, 60, 5, 120),
    ("StepCount", PHONE, "count", 100, 420, 5, 600),
    ("DistanceWalkingRunning", WATCH, "km", 200, 60, 0.001, 0.1),
    ("EnvironmentalAudioExposure", WATCH, "dBASPL", 40, 1800, 40, 80),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--megabytes", type=int, default=200)
    options.add_argument("--turns", type=int, default=3)
    options.add_argument("--write", action="store_true")
    options.add_argument("--measure", nargs=2, metavar=("WAY", "FILE"), help="read once, and print seconds and bytes")
    chosen = options.parse_args()
    if chosen.measure:
        print(json.dumps(measure_once(chosen.measure[0], Path(chosen.measure[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "export.xml")
        days = write_export(path, chosen.megabytes * 10**6)
        text = measure(path, days, chosen.turns)
    print(text)
    if chosen.write:
        before, _, rest = README.read_text().partition(BEGIN)
        README.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")


def measure(path: Path, days: int, turns: int) -> str:
    size = path.stat().st_size / 1e6
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    held: dict[str, list[float]] = {way: [] for way in WAYS}
    before: dict[str, float] = {}
    for _ in range(turns):
        for way in WAYS:
            command = [sys.executable, __file__, "--measure", way, str(path)]
            result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            seconds[way].append(result["seconds"])
            held[way].append(result["after"] - result["before"])
            before[way] = result["before"]
    speed = {way: size / median(times) for way, times in seconds.items()}
    ours, _, table = speed.values()
    return "\n".join(
        [
            f"An export of {size:,.0f} MB, {days:,} days, {os.cpu_count()} CPU cores, warm file cache, {turns} turns.",
            "",
            "| way | MB a second | MB of memory beyond the process before it | that process |",
            "|---|---:|---:|---:|",
            *(f"| {way} | {speed[way]:,.0f} | {max(held[way]):,.0f} | {before[way]:,.0f} |" for way in WAYS),
            "",
            f"- Reading: {ours:,.0f} MB a second (must: 20), {ours / table:.1f} times the way to a table, and the "
            "result is a checked Cohort.",
        ]
    )


def measure_once(way: str, path: Path) -> dict[str, float]:
    read = WAYS[way]()
    before = peak()
    start = time.perf_counter()
    read(path)
    return {"seconds": time.perf_counter() - start, "before": before, "after": peak()}


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def ours() -> Callable[[Path], object]:
    import dask.array
    import pandas
    import xarray

    import lsmlib.readers.apple_health  # all that reading imports

    assert dask.array and pandas and xarray  # noqa: S101
    return lambda path: lsmlib.readers.apple_health.read_apple_health(path, progress=False)


def iterparse() -> Callable[[Path], object]:
    from xml.etree.ElementTree import iterparse

    def read(path: Path) -> int:
        count = 0
        elements = iterparse(path, events=("start", "end"))
        _, root = next(elements)
        for event, element in elements:
            if event == "end" and element.tag == "Record":
                count += 1
                root.clear()
        return count

    return read


def iterparse_to_table() -> Callable[[Path], object]:
    from xml.etree.ElementTree import iterparse

    import pandas as pd

    wanted = {f"HKQuantityTypeIdentifier{name}" for name in ("HeartRate", "StepCount", "HeartRateVariabilitySDNN")}
    wanted |= {"HKQuantityTypeIdentifierRestingHeartRate", "HKCategoryTypeIdentifierSleepAnalysis"}

    def rows(path: Path) -> Iterator[tuple[str | None, ...]]:
        elements = iterparse(path, events=("start", "end"))
        _, root = next(elements)
        for event, element in elements:
            if event == "end" and element.tag == "Record":
                if element.get("type") in wanted:
                    yield tuple(map(element.get, ("type", "sourceName", "startDate", "endDate", "value")))
                root.clear()

    def read(path: Path) -> object:
        table = pd.DataFrame(rows(path), columns=["type", "source", "start", "end", "value"])
        for column in ("start", "end"):
            table[column] = pd.to_datetime(table[column], format="%Y-%m-%d %H:%M:%S %z", utc=True)
        table["number"] = pd.to_numeric(table["value"], errors="coerce")
        return table

    return read


WAYS: dict[str, Callable[[], Callable[[Path], object]]] = {
    "`lsmlib.read_apple_health`, to a Cohort": ours,
    "`ElementTree.iterparse`, parsing only": iterparse,
    "`ElementTree.iterparse`, to a pandas table of the same records": iterparse_to_table,
}


def write_export(path: Path, size: int) -> int:
    """Write an export of at least ``size`` bytes, the same each time; gives its days."""
    draw, day, written = Random(0), 0, 0
    first = datetime(2012, 1, 1)
    with path.open("w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record*)>\n]>\n'
        )
        file.write('<HealthData locale="en_DE">\n <ExportDate value="2026-01-01 08:00:00 +0100"/>\n')
        while written < size:
            text = "".join(records_of(first + timedelta(days=day), draw))
            file.write(text)
            written += len(text.encode())
            day += 1
        file.write("</HealthData>\n")
    return day


def records_of(midnight: datetime, draw: Random) -> Iterator[str]:
    for name, source, unit, count, lasts, low, high in A_DAY:
        for number in range(count):
            start = midnight + timedelta(seconds=86400 * number // count)
            value = round(draw.uniform(low, high), 0 if unit.startswith("count") else 3)
            text = record(f"QuantityTypeIdentifier{name}", source, start, lasts, f"{value:g}", unit)
            yield (
                text
                if name != "HeartRate"
                else text.replace("/>", ">")
                + ('  <MetadataEntry key="HKMetadataKeyHeartRateMotionContext" value="1"/>\n </Record>\n')
            )
    yield record("QuantityTypeIdentifierRestingHeartRate", WATCH, midnight, 80000, "57", "count/min")
    for hour in range(0, 24, 4):
        start = midnight + timedelta(hours=hour)
        text = record("QuantityTypeIdentifierHeartRateVariabilitySDNN", WATCH, start, 60, "41.5", "ms")
        beats = "".join(
            f'   <InstantaneousBeatsPerMinute bpm="{60 + beat % 9}" time="7:15:{beat:02d},12 AM"/>\n'
            for beat in range(58)
        )
        metadata = "  <HeartRateVariabilityMetadataList>\n" + beats + "  </HeartRateVariabilityMetadataList>\n"
        yield text.replace("/>", ">") + metadata + " </Record>\n"
    for stage in range(40):
        start = midnight + timedelta(minutes=10 * stage)
        kind = ("AsleepCore", "AsleepDeep", "AsleepREM", "Awake")[stage % 4]
        yield record("CategoryTypeIdentifierSleepAnalysis", WATCH, start, 600, f"HKCategoryValueSleepAnalysis{kind}")


def record(kind: str, source: str, start: datetime, lasts: float, value: str, unit: str = "") -> str:
    end = start + timedelta(seconds=lasts)
    units = f' unit="{unit}"' if unit else ""
    return (
        f' <Record type="HK{kind}" {source}{units} creationDate="{end} +0100" startDate="{start} +0100" '
        f'endDate="{end} +0100" value="{value}"/>\n'
    )


if __name__ == "__main__":
    main()
