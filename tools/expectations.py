"""``tests/notebooks.yaml``: the parameters each notebook runs with and the numbers it must come to.

Everything in the file is checked before anything runs: a typo in it is an error, never a setting that goes unused.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

from lsmlib.profiles import PROFILES
from tools.notebooks import ROOT, find_tagged

FILE = ROOT / "tests" / "notebooks.yaml"
REQUIRED_PROFILES = ("smoke", "laptop")  # the two that anybody can run

Range = tuple[float, float]


@dataclass(frozen=True)
class Section:
    """What the file says of one notebook."""

    name: str
    headline: str  # the number that the table of a run shows
    ranges: Mapping[str, Mapping[str, Range]]  # by profile, then by number: lowest and highest value that pass
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # by profile; PROFILE is always given


def load_sections(file: Path = FILE) -> dict[str, Section]:
    """Read the whole file.

    Raises:
        ValueError: the file says anything that is not understood; the message tells where and what.
    """
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return {name: _parse_section(name, entry) for name, entry in content.items()}


def _parse_section(name: str, entry: Any) -> Section:
    _check_keys(name, entry, required={"headline", "expect"}, optional={"parameters"})
    parameters = entry.get("parameters", {})
    _check_keys(f"{name}.expect", entry["expect"], required=set(REQUIRED_PROFILES), optional=set(PROFILES))
    _check_keys(f"{name}.parameters", parameters, required=set(), optional=set(PROFILES))
    ranges = {
        profile: {number: _parse_range(f"{name}.expect.{profile}.{number}", pair) for number, pair in numbers.items()}
        for profile, numbers in entry["expect"].items()
    }
    for profile, numbers in ranges.items():
        if entry["headline"] not in numbers:
            raise ValueError(f"{name}.expect.{profile} has no range for the headline number {entry['headline']!r}.")
        if "PROFILE" in parameters.get(profile, {}):
            raise ValueError(f"{name}.parameters.{profile} sets PROFILE, which the run itself sets; remove it.")
    return Section(name, entry["headline"], ranges, parameters)


def _check_keys(place: str, entry: Any, required: set[str], optional: set[str]) -> None:
    if not isinstance(entry, dict):
        raise ValueError(f"{place} must be a table of keys, not {entry!r}.")
    if missing := sorted(required - set(entry)):
        raise ValueError(f"{place} lacks {', '.join(missing)}.")
    if unknown := sorted(set(entry) - required - optional):
        known = ", ".join(sorted(required | optional))
        raise ValueError(f"{place} has unknown keys: {', '.join(unknown)}; known are {known}.")


def _parse_range(place: str, pair: Any) -> Range:
    if not (isinstance(pair, list) and len(pair) == 2 and all(_is_number(end) for end in pair) and pair[0] <= pair[1]):
        raise ValueError(f"{place} must be [lowest, highest], not {pair!r}.")
    return float(pair[0]), float(pair[1])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_numbers(notebook: NotebookNode) -> dict[str, float]:
    """Read what an executed notebook came to: the dict that its one cell tagged ``numbers`` shows.

    Raises:
        ValueError: there is no such cell, or it shows anything but a dict of finite numbers by name.
    """
    cells = find_tagged(notebook, "numbers")
    if len(cells) != 1:
        raise ValueError(f"A notebook needs exactly one cell tagged `numbers`; this one has {len(cells)}.")
    shown = [output.data.get("text/plain", "") for output in cells[0].outputs if output.output_type == "execute_result"]
    if len(shown) != 1:
        raise ValueError("The cell tagged `numbers` shows no value; its last line must be a dict.")
    try:
        numbers = ast.literal_eval(shown[0])
    except (ValueError, SyntaxError) as error:
        raise ValueError(f"The cell tagged `numbers` shows {shown[0]!r}: use plain finite floats, float(x).") from error
    if not (isinstance(numbers, dict) and all(isinstance(k, str) and _is_number(v) for k, v in numbers.items())):
        raise ValueError(f"The cell tagged `numbers` shows {shown[0]!r}, not a dict of finite numbers by name.")
    return numbers


def compare(numbers: Mapping[str, float], ranges: Mapping[str, Range]) -> list[str]:
    """Return one line for each number that is out of its range, missing, or given without a range.

    ``NAME_low`` and ``NAME_high`` are the interval of ``NAME``: they need no range and must have it between them.
    """
    ends = {f"{name}_{end}": name for name in ranges for end in ("low", "high")}
    problems = [f"{name}: expected, but the notebook does not give it" for name in ranges if name not in numbers]
    problems += [
        f"{name}: given, but there is no range for it" for name in numbers if name not in ranges and name not in ends
    ]
    for name, (low, high) in ranges.items():
        if name in numbers and not low <= numbers[name] <= high:
            problems.append(f"{name}: {numbers[name]:g} is not within [{low:g}, {high:g}]")
        lower, upper = (numbers.get(f"{name}_{end}", numbers.get(name, 0.0)) for end in ("low", "high"))
        if name in numbers and not lower <= numbers[name] <= upper:
            problems.append(f"{name}: {numbers[name]:g} is not within its own interval [{lower:g}, {upper:g}]")
    return problems
