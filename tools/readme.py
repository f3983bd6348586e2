"""The tables of README.md, made from what they are about: the notebooks, the cards of the presets, and their numbers.

Each table stands between ``<!-- NAME: begin -->`` and ``<!-- NAME: end -->``; ``make stamp`` writes what is between.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras

from lsmlib import LSM1, LSM2, SensorLM
from lsmlib.models.sizes import LSM1_SIZES, LSM2_SIZES, SENSORLM_SIZES
from lsmlib.presets import DIGESTS
from tools.notebooks import find_sources, read
from tools.results import read_all_numbers, read_claims, write_number, write_reported

TITLE = re.compile(r"^# \d\d · (.+)$", re.MULTILINE)
TIME = re.compile(r"\*\*Time\*\*: (.+?)(?: on a laptop)?[.,;]", re.DOTALL)
HARDWARE = re.compile(r"\*\*Hardware\*\*: (.+?)[.,;]", re.DOTALL)


class Model(NamedTuple):
    """A row of the table of models."""

    kind: type[keras.Model]
    reads: str
    sizes: dict
    does: str


MODELS = (
    Model(LSM1, "300 minutes × 26 signals, at most a fifth missing", LSM1_SIZES, "embed, fill in, reconstruct"),
    Model(LSM2, "a day × 26 signals, with its gaps", LSM2_SIZES, "embed, fill in, reconstruct, forecast"),
    Model(SensorLM, "a day, and words for it", SENSORLM_SIZES, "embed both, classes by name, retrieval, captions"),
)  # fmt: skip


def write_tables(text: str, root: Path, badge: Callable[[str], str]) -> str:
    """Return README's text with its tables made anew.

    Args:
        text: of README.md.
        root: of the repository.
        badge: from a notebook's name to markdown that opens it in Colab.

    Raises:
        ValueError: a table has no place in the text, or a notebook does not say how long it takes and on what.
    """
    tables = {"notebooks": list_notebooks(root, badge), "models": list_models(root), "results": list_results(root)}
    for name, rows in tables.items():
        begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise ValueError(f"README.md has no place for the table of {name}; expected {begin.strip()} and {end}.")
        text = before + begin + "\n".join(rows) + "\n" + end + after
    return text


def list_notebooks(root: Path, badge: Callable[[str], str]) -> list[str]:
    """One row a notebook, from its own first cells."""
    rows = ["| # | notebook | minutes on a laptop | hardware | |", "|---|---|---|---|---|"]
    for source in find_sources(folder=root / "notebooks"):
        text = "\n\n".join(cell.source for cell in read(source).cells[:2])
        found = {what: form.search(text) for what, form in (("title", TITLE), ("time", TIME), ("hardware", HARDWARE))}
        if lacking := [what for what, match in found.items() if match is None]:
            raise ValueError(f"the first two cells of {source.name} do not tell their {', '.join(lacking)}.")
        title, time, hardware = (" ".join(match[1].split()) for match in found.values() if match)
        time = time.removesuffix(" minutes").removesuffix(" minute")
        name = f"[{title}](notebooks/{source.stem}.ipynb)"
        rows.append(f"| {source.stem[:2]} | {name} | {time} | {hardware} | {badge(source.stem)} |")
    return rows


def list_models(root: Path) -> list[str]:
    """One row a model, with its sizes and presets."""
    order = list(DIGESTS)
    paths = sorted((root / "data/presets").glob("*.json"), key=lambda path: order.index(path.stem))
    cards = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    rows = ["| model | reads | does | million parameters | presets |", "|---|---|---|---|---|"]
    for model in MODELS:
        name = model.kind.__name__
        sizes = ", ".join(f"{size} {_count_millions(model.kind, size)}" for size in model.sizes)
        links = "<br>".join(
            f"[`{card['name']}`](data/presets/{card['name']}.json)" for card in cards if card["recipe"]["model"] == name
        )
        rows.append(f"| `lsmlib.{name}` | {model.reads} | {model.does} | {sizes} | {links} |")
    return rows


def list_results(root: Path) -> list[str]:
    """One row a claim that has a short form, with the number of the notebook that came to it (tools/results.py)."""
    claims = read_claims(root / "data/results/claims.yaml")
    numbers = read_all_numbers(claims, root / "notebooks")
    rows = ["| | reported | simulated people | recordings | notebook |", "|---|---|---|---|---|"]
    for claim in claims:
        if claim.short and claim.notebook in numbers:
            ours, real = (write_number(claim, name, numbers) for name in (claim.simulated, claim.recorded))
            rows.append(f"| {claim.short} | {write_reported(claim)} | {ours} | {real} | {claim.notebook} |")
    return rows


def _count_millions(kind: type[keras.Model], size: str) -> str:
    with keras.StatelessScope(initialize_variables=False):  # shapes alone: the largest would take five gigabytes
        count = kind(size).count_params()
    return f"{count / 1e6:.3g}" if count < 1e9 else f"{count / 1e6:.0f}"
