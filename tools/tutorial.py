"""Run the tutorial: every notebook, from its text, in one profile, and check the numbers that it comes to.

    python -m tools.tutorial                        all notebooks, sized for a laptop
    python -m tools.tutorial 01 --profile smoke     one notebook, sized for a test

As many run at a time as there are cores and memory for, each on its share of the cores; on an accelerator, one.
Executed copies, as .ipynb and .html, go to build/notebooks/PROFILE/. Numbers are read from those copies, not from the
run, and compared with tests/notebooks.yaml. The exit status says whether everything passed.
"""

import argparse
import itertools
import logging
import re
import signal
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import papermill
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from lsmlib.profiles import PROFILES
from tools import expectations, notebooks, side_by_side
from tools.expectations import Section
from tools.side_by_side import Report

BUILD = notebooks.ROOT / "build" / "notebooks"
WORDS = "zero one two three four five six seven eight nine ten".split()


@dataclass(frozen=True)
class Limits:
    """How long a run may take. A kernel that hangs is otherwise waited for without end."""

    cell_minutes: float = 20.0
    notebook_minutes: float = 60.0


@dataclass
class Outcome:
    """What came of one notebook."""

    name: str
    minutes: float = 0.0
    headline: str = "-"
    expected: str = "-"
    problems: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The last column of the table."""
        if self.problems:
            return "FAIL"
        return "pass" if self.expected != "-" else "ran; no range for this profile yet"


def run_notebook(
    source: Path, section: Section, profile: str, folder: Path, limits: Limits, report: Report | None = None
) -> Outcome:
    """Execute one text with the parameters of ``profile`` into ``folder`` and check its numbers; report each cell."""
    outcome = Outcome(source.stem)
    copy = folder / f"{source.stem}.ipynb"
    notebooks.write(notebooks.tidy(notebooks.read(source)), copy)
    parameters = {"PROFILE": profile, **section.parameters.get(profile, {})}
    known = papermill.inspect_notebook(str(copy))
    if unknown := sorted(set(parameters) - set(known)):
        outcome.problems.append(f"its `parameters` cell does not set {', '.join(unknown)}; it sets {', '.join(known)}")
        return outcome
    start = time.monotonic()
    try:
        _execute(copy, parameters, source.parent, limits, report)
    except PapermillExecutionError as error:
        outcome.problems.append(f"cell [{error.exec_count}] raised {error.ename}: {error.evalue}")
    except (RuntimeError, TimeoutError) as error:  # a kernel that died, did not start, or took too long
        outcome.problems.append(f"{type(error).__name__}: {str(error).strip().splitlines()[0]}")
    outcome.minutes = (time.monotonic() - start) / 60
    if not outcome.problems:
        _check_numbers(notebooks.read(copy), section, profile, outcome)
    return outcome


def _execute(copy: Path, parameters: dict[str, Any], cwd: Path, limits: Limits, report: Report | None) -> None:
    end = time.monotonic() + 60 * limits.notebook_minutes
    cells = 1 + sum(cell.cell_type == "code" for cell in notebooks.read(copy).cells)  # papermill adds the parameters
    begun = itertools.count()

    def begin_cell(cell: NotebookNode) -> int:
        """Asked for its limit before each cell, so that the limit of the whole notebook holds as well."""
        if report is not None:
            report(next(begun), cells)
        return max(1, round(min(60 * limits.cell_minutes, end - time.monotonic())))

    papermill.execute_notebook(
        copy,
        copy,
        parameters,
        kernel_name=notebooks.KERNEL,
        cwd=cwd,
        progress_bar=False,
        start_timeout=120,
        config=notebooks.CONFIG,
        timeout_func=begin_cell,
    )


def _check_numbers(executed: NotebookNode, section: Section, profile: str, outcome: Outcome) -> None:
    try:
        numbers = expectations.read_numbers(executed)
    except ValueError as error:
        outcome.problems.append(str(error))
        return
    if section.headline in numbers:
        outcome.headline = f"{section.headline} = {numbers[section.headline]:.4g}"
    if profile in section.ranges:
        low, high = section.ranges[profile][section.headline]
        outcome.expected = f"[{low:g}, {high:g}]"
        outcome.problems += expectations.compare(numbers, section.ranges[profile])


def export_html(copy: Path) -> Path:
    """Write an executed notebook as one HTML file beside it."""
    body, _ = HTMLExporter().from_notebook_node(notebooks.read(copy))
    page = copy.with_suffix(".html")
    page.write_text(body, encoding="utf-8")
    return page


def run_and_export(
    source: Path, section: Section, profile: str, folder: Path, limits: Limits, report: Report | None = None
) -> Outcome:
    """``run_notebook``, and the executed copy as HTML; nothing is said on the way."""
    logging.getLogger("papermill").setLevel(logging.ERROR)  # its news is in the display and the table
    logging.getLogger("traitlets").setLevel(logging.ERROR)  # nbconvert reminds of alternative texts for figures
    outcome = run_notebook(source, section, profile, folder, limits, report)
    export_html(folder / f"{source.stem}.ipynb")
    return outcome


def guess_minutes(source: Path) -> float:
    """How long a notebook says that it takes; one that does not say it in a word is taken to be long."""
    said = re.search(r"\*\*Time\*\*: (?:about )?(\w+) minutes", source.read_text(encoding="utf-8"))
    return WORDS.index(said[1]) if said and said[1] in WORDS else len(WORDS)


def find_sections(sources: list[Path], file: Path = expectations.FILE) -> dict[str, Section]:
    """Return the sections of ``file``, each with its notebook and each notebook with its section.

    Raises:
        ValueError: the file is not understood, or a notebook and a section do not find each other.
    """
    sections = expectations.load_sections(file)
    if lonely := sorted({source.stem for source in sources} - set(sections)):
        raise ValueError(f"{file.name} has no section for {', '.join(lonely)}.")
    folders = {source.parent for source in sources} or {notebooks.FOLDER}
    existing = {path.stem for folder in folders for path in notebooks.find_sources(folder=folder)}
    if stray := sorted(set(sections) - existing):
        raise ValueError(f"{file.name} has sections for notebooks that do not exist: {', '.join(stray)}.")
    return sections


def format_table(outcomes: list[Outcome]) -> str:
    """Lay out the outcomes as one table, then the problems, one a line."""
    rows = [("notebook", "minutes", "headline number", "expected", "result")]
    rows += [(o.name, f"{o.minutes:.1f}", o.headline, o.expected, o.verdict) for o in outcomes]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines + [f"{o.name}: {problem}" for o in outcomes for problem in o.problems])


def main(
    arguments: list[str] | None = None,
    notebook_folder: Path = notebooks.FOLDER,
    file: Path = expectations.FILE,
    build: Path = BUILD,
) -> int:
    """Run the notebooks asked for and print one table of what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebook", nargs="*", help="number or name; all where none is given")
    parser.add_argument("--profile", default="laptop", choices=list(PROFILES))
    parser.add_argument("--jobs", type=int, help="notebooks at a time; without it, what this machine bears")
    parser.add_argument("--cell-minutes", type=float, default=Limits.cell_minutes)
    parser.add_argument("--notebook-minutes", type=float, default=Limits.notebook_minutes)
    options = parser.parse_args(arguments)
    try:
        if options.jobs is not None and options.jobs < 1:
            raise ValueError(f"--jobs is {options.jobs}; expected 1 or more notebooks at a time.")
        sources = notebooks.find_sources(options.notebook, notebook_folder)
        if not sources:
            raise ValueError(f"There are no notebooks in {notebook_folder}.")
        sections = find_sections(sources, file)
    except ValueError as error:
        parser.error(str(error))
    limits = Limits(options.cell_minutes, options.notebook_minutes)
    folder = build / options.profile
    tasks = {
        source.stem: partial(run_and_export, source, sections[source.stem], options.profile, folder, limits)
        for source in sorted(sources, key=guess_minutes, reverse=True)  # a long one begun last would be waited for
    }
    try:
        found = side_by_side.run_all(
            tasks,
            options.jobs or min(side_by_side.count_jobs(), len(tasks)),
            tell=lambda outcome: f"{outcome.name}: {outcome.verdict}, {outcome.minutes:.1f} min",
            lost=lambda name, why: Outcome(name, problems=[why]),
            title=f"tutorial, {options.profile}",
        )
    except KeyboardInterrupt:
        print("\nInterrupted; every notebook was ended.", file=sys.stderr)
        return 130
    outcomes = [found[source.stem] for source in sources]
    print(f"\nExecuted copies: {folder}\n\n{format_table(outcomes)}")
    return int(any(outcome.problems for outcome in outcomes))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by others as by Ctrl-C: with all notebooks
    raise SystemExit(main())
