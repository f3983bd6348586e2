"""Pages of the book that nobody writes: the reference, from stubs and docstrings, and the table of presets, from cards.

The reference has a page for the package itself and one for each room of it. What is public is what a stub
(``__init__.pyi``) lists, or in a room without a stub, what its module defines without a leading underscore.
"""

import ast
import importlib
import inspect
import json
import re
import types
from collections.abc import Iterator
from typing import NamedTuple

from lsmlib.presets import DIGESTS
from tools.notebooks import ROOT

PACKAGE = "lsmlib"
BESIDE = ("masking", "models.sizes", "estimate", "presets")  # modules that the package's own arguments come from
LONGEST_VALUE = 100  # characters; longer constants are named without their value
# Keras calls these itself.
PLUMBING = {"build", "get_config", "from_config", "compute_output_shape", "save_own_variables", "load_own_variables"}


class Name(NamedTuple):
    """One public name."""

    public: str  # as readers write it: lsmlib.evaluate.linear_probe
    module: str  # where it is defined: lsmlib.evaluate.probes

    @property
    def last(self) -> str:
        """Without what stands before it."""
        return self.public.rsplit(".", 1)[1]

    @property
    def value(self) -> object:
        """What it is the name of."""
        return getattr(importlib.import_module(self.module), self.last)


def make_pages() -> Iterator[tuple[str, str]]:
    """Yield each page: its place in the book, and its text."""
    seen: dict[tuple[str, int], str] = {}
    for room in ("", *list_rooms(), *BESIDE):
        yield f"api/{room or PACKAGE}.rst", make_reference(room, seen)
    yield "presets.md", make_presets()


def list_rooms() -> list[str]:
    """Return the rooms that the package's stub lists."""
    tree = ast.parse((ROOT / PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    return [
        name.name for node in tree.body if isinstance(node, ast.ImportFrom) and not node.module for name in node.names
    ]


def list_names(room: str) -> list[Name]:
    """Return the public names of a room, or of the package itself (``""``), module by module."""
    prefix = f"{PACKAGE}.{room}" if room else PACKAGE
    stub = ROOT / prefix.replace(".", "/") / "__init__.pyi"
    if stub.exists():
        tree = ast.parse(stub.read_text(encoding="utf-8"))
        listed = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
        return [Name(f"{prefix}.{n.name}", f"{prefix}.{node.module}") for node in listed for n in node.names]
    tree = ast.parse(inspect.getsource(importlib.import_module(prefix)))
    defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return [Name(f"{prefix}.{name}", prefix) for name in defined if not name.startswith("_")]


def make_reference(room: str, seen: dict[tuple[str, int], str]) -> str:
    """Return the page of a room; ``seen`` holds what pages document, by name and identity, and is added to."""
    prefix = f"{PACKAGE}.{room}" if room else PACKAGE
    parts = [_title(prefix, "="), f".. automodule:: {prefix}\n   :no-index:\n"]
    module = prefix
    for name in list_names(room):
        if name.module != module:
            module = name.module
            parts += [_title(module.removeprefix(f"{PACKAGE}."), "-"), _first_paragraphs(module)]
        known = seen.setdefault((name.last, id(name.value)), name.public)
        parts.append(f"See :py:obj:`{known}`.\n" if known != name.public else document(name))
    return "\n".join(parts)


def document(name: Name) -> str:
    """Return the directive that documents one name."""
    value = name.value
    if inspect.isfunction(inspect.unwrap(value)):  # type: ignore[arg-type]
        return f".. autofunction:: {name.public}\n"
    if isinstance(value, type):
        members = ", ".join(list_members(value))
        return f".. autoclass:: {name.public}\n" + (f"   :members: {members}\n" if members else "")
    lines = [f".. py:data:: {name.last}", f"   :module: {name.public.rpartition('.')[0]}"]
    if len(shown := repr(value)) <= LONGEST_VALUE and " at 0x" not in shown:
        lines.append(f"   :value: {shown}")
    return "\n".join([*lines, "", f"   {read_comment(name)}", ""])


def list_members(kind: type) -> list[str]:
    """Return the documented methods and properties of a class that are ours and meant for callers."""
    found: dict[str, object] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith(f"{PACKAGE}."):
            found |= vars(base)
    return [
        name
        for name, value in found.items()
        if isinstance(value, types.FunctionType | property | classmethod | staticmethod)
        and not name.startswith("_")
        and name not in PLUMBING
        and inspect.getdoc(value)
    ]


def read_comment(name: Name) -> str:
    """Return the comment at a constant: beside its definition, or in the lines above."""
    lines = inspect.getsource(importlib.import_module(name.module)).splitlines()
    defined = [place for place, line in enumerate(lines) if re.match(rf"{name.last}\b[^=]*=", line)]
    if not defined:
        raise ValueError(f"{name.module} defines no {name.last}; import it from where it is defined.")
    place = defined[0]
    beside = re.search(r"  # (.+)$", lines[place])
    above: list[str] = []
    while place and lines[place - 1].startswith("# "):
        place -= 1
        above.insert(0, lines[place][2:])
    return " ".join([*above, *([beside[1]] if beside else [])])


def _first_paragraphs(module: str) -> str:
    return f".. automodule:: {module}\n   :no-index:\n"


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"


def make_presets() -> str:
    """Return the page of trained weights, from the card beside each."""
    folder = ROOT / "data" / "presets"
    cards = [json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in DIGESTS]
    lines = [
        "# Presets",
        "",
        "Small trained weights, all of them trained on simulated people, for `lsmlib.load_preset(name)`. The loss is",
        "that on other simulated people, at the last step. `python -m tools.presets NAME` trains one again.",
        "",
        "| name | what | parameters | rows | steps × batch | loss | minutes | SHA-256 |",
        "|---|---|---:|---:|---:|---:|---:|---|",
    ]
    for card in cards:
        recipe, loss = card["recipe"], card["loss on other people"]
        lines.append(
            f"| `{card['name']}` | {card['what']} | {card['parameters']:,} | {card['windows']:,} | "
            f"{recipe['steps']:,} × {recipe['batch_size']} | {loss['loss'][-1]} | {card['minutes']} | "
            f"`{card['sha256'][:12]}…` |"
        )
    hardware = sorted({card["hardware"] for card in cards})
    return "\n".join([*lines, "", f"Trained on: {'; '.join(hardware)}. Licence: {cards[0]['licence']}.", ""])
