"""Run a larger grid of scaling experiments, and write its records to data/results/scaling.parquet.

    python -m tools.scaling --plan     # what is left to run, and what that takes; runs nothing
    python -m tools.scaling            # runs it, then writes the table [--processes 2]
    python -m tools.scaling --table    # writes the table of what has ended so far

LSM-1 on windows of five hours of simulated people: every width on every number of people; on all people trainings of
other lengths, so that there are budgets at which widths can be compared; and as many days from more people. What laws
need most comes first, so a grid that stops early is of use. Interrupted, it goes on from its last checkpoint. Several
processes may run it at once, also on machines that share ``build/``: each takes other cells. Each row of the table
says on what hardware and with which versions it ran.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import lsmlib
from lsmlib.models.flops import training_flops
from lsmlib.models.sizes import nano_of_width
from lsmlib.repository import DATA
from lsmlib.scaling import Cell, Grid, make_cells, read_records, save_records

FOLDER = Path("build/scaling")
TABLE = DATA / "results" / "scaling.parquet"
SEED = 600  # of the people to learn from; the next one is that of those who judge
JUDGES = 24
WIDTHS, DAYS = (16, 32, 64), 4
PEOPLE = (10, 24, 64, 160)
BETWEEN = (4, 6, 16, 40)  # more amounts for the widest, for a law of data alone
STEPS, BATCH, LEARNING_RATE = 3000, 4, 3e-3
SHARES = (1 / 8, 1 / 4)  # of the operations of the widest: budgets that every width spends in steps of its own


def list_cells() -> list[Cell]:
    """All cells, what laws need most first."""

    def cells(
        widths: Sequence[int], people: Sequence[int], days: int = DAYS, steps: int = STEPS, seed: int = 0
    ) -> list[Cell]:
        sizes = [nano_of_width(width) for width in widths]
        return make_cells(["LSM1"], sizes, people, [days], [steps], BATCH, [seed], LEARNING_RATE, minutes=300)

    window = lsmlib.cut_windows(lsmlib.simulate_cohort(people=PEOPLE[0], days=DAYS, seed=SEED)).isel(day=slice(1))
    cost = {width: training_flops(lsmlib.LSM1(nano_of_width(width)), window).total for width in WIDTHS}
    lengths = [
        cell
        for share in SHARES
        for width in WIDTHS
        for cell in cells([width], PEOPLE[-1:], steps=round(share * STEPS * cost[WIDTHS[-1]] / cost[width]))
    ]
    square = cells(WIDTHS, PEOPLE)
    few = [people for people in PEOPLE if people * DAYS <= PEOPLE[-1]][-2:]
    breadth = {seed: cells(WIDTHS[-1:], [people * DAYS for people in few], days=1, seed=seed) for seed in (0, 1)}
    again = cells(WIDTHS, PEOPLE, seed=1)
    between = [cell for seed in (0, 1) for cell in cells(WIDTHS[-1:], BETWEEN, seed=seed)]
    return [*square, *lengths, *breadth[0], *again, *breadth[1], *between]


def make_grid() -> Grid:
    """The cells, the people they learn from and those who judge."""
    train = lsmlib.simulate_cohort(people=PEOPLE[-1], days=DAYS, seed=SEED)
    held_out = lsmlib.simulate_cohort(people=JUDGES, days=DAYS, seed=SEED + 1)
    return Grid(list_cells(), train, held_out, FOLDER)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plan", action="store_true", help="print what would be run, and run nothing")
    parser.add_argument("--table", action="store_true", help="write the table, and run nothing")
    parser.add_argument("--processes", type=int, default=1, help="how many run cells side by side, on CPUs (default: 1)")
    options = parser.parse_args()
    if options.plan:
        print(make_grid().plan())
    else:
        if not options.table:
            make_grid().run(processes=options.processes)
        save_records(read_records(FOLDER, mixed_versions=True), TABLE)
        print(f"written: {TABLE.relative_to(DATA.parent)}")
