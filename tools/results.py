"""Write data/results/README.md and its figure: what the three papers claim, beside what the notebooks came to.

    python -m tools.results            write
    python -m tools.results --check    only say whether it would change, and fail if it would

What is claimed, and which number of which notebook answers it, stands in data/results/claims.yaml. Our numbers are read
from the outputs that the committed notebooks hold, never typed: a number ``NAME`` with ``NAME_low`` and ``NAME_high``
beside it has an interval.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import yaml
from matplotlib.figure import Figure

from lsmlib import plots
from tools.expectations import read_numbers
from tools.notebooks import FOLDER, ROOT, find_sources, read

PLACE = ROOT / "data" / "results"
CLAIMS, PAGE, PICTURE = PLACE / "claims.yaml", PLACE / "README.md", PLACE / "claims.png"
FORMS = {"percent": "{:.0%}", "score": "{:.2f}", "count": "{:,.0f}", "exact": "{:.1g}"}
PAPERS = {
    "LSM-1": "[Scaling Wearable Foundation Models](https://arxiv.org/abs/2410.13638)",
    "LSM-2": "[LSM-2: Learning from Incomplete Wearable Sensor Data](https://arxiv.org/abs/2506.05321)",
    "SensorLM": "[SensorLM: Learning the Language of Wearable Sensors](https://arxiv.org/abs/2506.09108)",
}

BEGINNING = """\
# What the papers claim, and what came out here

Made by `python -m tools.results` from [claims.yaml](claims.yaml) and from the outputs that the committed notebooks
hold; edit that file, not this one. **Reported** are numbers of the papers as far as they are known to us, many of them
at second hand. **Simulated** are ours on simulated people whom no model has seen, in `PROFILE=laptop`, with weights of
at most 2.2 million parameters, trained on CPUs: they say how methods compare, never what is true of people.
**Recorded** are ours on public recordings of people. Intervals are of 95 %, by bootstrap over people. `PROFILE=smoke`
runs the same code in a minute or so and its numbers mean nothing; `accelerator` and `paper` are yet to be run.

"""

Numbers = Mapping[str, Mapping[str, float]]  # by notebook ("05"), then by name


class Claim(NamedTuple):
    """What a paper says, and where we ask the same."""

    paper: str
    claim: str
    why: str  # ours and theirs differ, or cannot be compared
    form: str = "score"  # how numbers are written
    reported: float | str = ""  # a number if one is known to us, else words
    notebook: str = ""  # where ours is, if anywhere
    simulated: str = ""  # its number on simulated people
    below: str = ""  # of which that one's shortfall is asked, as a share
    recorded: str = ""  # its number on recordings of people
    short: str = ""  # what it is called in README.md, if it stands there


def read_claims(file: Path = CLAIMS) -> list[Claim]:
    """Read the file.

    Raises:
        ValueError: it says something that is not understood.
    """
    claims = []
    for entry in yaml.safe_load(file.read_text(encoding="utf-8")):
        if unknown := sorted(set(entry) - set(Claim._fields)):
            raise ValueError(
                f"{file.name} has unknown keys: {', '.join(unknown)}; known are {', '.join(Claim._fields)}."
            )
        claim = Claim(**entry)
        if claim.paper not in PAPERS or claim.form not in FORMS:
            raise ValueError(
                f"{file.name}: paper {claim.paper!r} or form {claim.form!r} of {claim.claim!r} is not known."
            )
        if (claim.simulated or claim.recorded) and not claim.notebook:
            raise ValueError(f"{file.name}: {claim.claim!r} names a number and no notebook.")
        claims.append(claim)
    return claims


def read_all_numbers(claims: list[Claim], folder: Path = FOLDER) -> Numbers:
    """What each committed notebook that claims ask for came to."""
    asked = {claim.notebook for claim in claims}
    pairs = [source.with_suffix(".ipynb") for source in find_sources(folder=folder) if source.stem[:2] in asked]
    return {pair.stem[:2]: read_numbers(read(pair)) for pair in pairs}


def look_up(claim: Claim, name: str, numbers: Numbers) -> tuple[float, float | None, float | None]:
    """A number and its interval, if it has one.

    Raises:
        ValueError: the notebook gives no such number.
    """
    given = numbers.get(claim.notebook, {})
    if name not in given:
        have = ", ".join(given) or "nothing"
        raise ValueError(
            f"notebook {claim.notebook} gives no {name!r}, which {claim.claim!r} asks for; it gives {have}."
        )
    if claim.below and name == claim.simulated:
        return 1 - given[name] / look_up(claim, claim.below, numbers)[0], None, None
    return given[name], given.get(f"{name}_low"), given.get(f"{name}_high")


def write_number(claim: Claim, name: str, numbers: Numbers) -> str:
    """As it stands in the page: ``0.85 [0.83, 0.87]``, or a dash."""
    if not name:
        return "–"
    value, low, high = look_up(claim, name, numbers)
    form = FORMS[claim.form].format
    return form(value) if low is None or high is None else f"{form(value)} [{form(low)}, {form(high)}]"


def write_reported(claim: Claim) -> str:
    """As it stands in the page: a number, or words."""
    reported = claim.reported if isinstance(claim.reported, str) else FORMS[claim.form].format(claim.reported)
    return reported or "not known to us"


def make_page(claims: list[Claim], numbers: Numbers) -> str:
    """The whole text of the page."""
    lines = [
        *BEGINNING.splitlines(),
        "![Reported and ours, side by side](claims.png)",
    ]
    for paper, title in PAPERS.items():
        lines += [
            "",
            f"## {paper}: {title}",
            "",
            "| claim | reported | simulated | recorded | again | why they differ |",
            "|---|---:|---:|---:|---|---|",
        ]
        for claim in (claim for claim in claims if claim.paper == paper):
            ours, real = (write_number(claim, name, numbers) for name in (claim.simulated, claim.recorded))
            again = f"`make tutorial NOTEBOOK={claim.notebook}`" if claim.notebook else "–"
            lines.append(f"| {claim.claim} | {write_reported(claim)} | {ours} | {real} | {again} | {claim.why} |")
    return "\n".join(lines) + "\n"


def draw(claims: list[Claim], numbers: Numbers) -> Figure:
    """Claims with a reported number and ours: shares and scores, both from nought to one."""
    rows = [claim for claim in claims if isinstance(claim.reported, float) and claim.simulated]
    plots.set_style()
    figure, axes = plt.subplots(figsize=(9, 0.3 * len(rows) + 1.4), layout="constrained")
    for place, claim in enumerate(reversed(rows)):
        value, low, high = look_up(claim, claim.simulated, numbers)
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color="#35507f", lw=1.5)
        axes.plot(value, place, "o", color="#35507f", ms=6, label="" if place else "ours, simulated people")
        axes.plot(claim.reported, place, "|", color="black", ms=13, mew=2, label="" if place else "reported")
        if claim.recorded:
            real = look_up(claim, claim.recorded, numbers)[0]
            label = "" if "ours, recordings" in axes.get_legend_handles_labels()[1] else "ours, recordings"
            axes.plot(real, place, "D", mfc="white", color="#d1793b", ms=6, label=label)
    axes.set_yticks(range(len(rows)), [f"{claim.paper}: {claim.claim}" for claim in reversed(rows)])
    axes.set(xlabel="share, AUROC, r or recall", xlim=(-0.05, 1.02))
    axes.axvline(0, color="0.6", lw=0.8)
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure


def find_changes() -> Iterator[str]:
    """What is not as it would be written."""
    claims = read_claims()
    page = make_page(claims, read_all_numbers(claims))
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        yield f"{PAGE.relative_to(ROOT)} is not what `python -m tools.results` writes"
    if not PICTURE.exists():
        yield f"{PICTURE.relative_to(ROOT)} is missing"


def main(arguments: list[str] | None = None) -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    changes: list[Any] = list(find_changes())
    if parser.parse_args(arguments).check:
        print("\n".join(changes) or "up to date")
        return 1 if changes else 0
    claims = read_claims()
    numbers = read_all_numbers(claims)
    PAGE.write_text(make_page(claims, numbers), encoding="utf-8")
    draw(claims, numbers).savefig(PICTURE, dpi=110)
    print(f"written: {PAGE.relative_to(ROOT)}, {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
