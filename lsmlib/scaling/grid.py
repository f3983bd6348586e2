"""A grid: cells that are planned, run one after the other, and go on where they were stopped.

Its folder is all there is: ``records/`` has a file for each cell that ended, ``checkpoints/`` the trainings under way,
``claims/`` who is at work. Several processes or machines that share it run different cells.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import jax
import numpy as np
import pandas as pd
import xarray as xr
from tqdm.auto import tqdm

from lsmlib.checks import check_cohort, check_whole
from lsmlib.estimate import _duration, measure_flops
from lsmlib.evaluate.generative import filling_errors
from lsmlib.evaluate.generative_tasks import (
    Extrapolation,
    Interpolation,
    RandomImputation,
    SensorImputation,
    SignalsRemoved,
    Task,
)
from lsmlib.models.flops import SAMPLE, count_weights, training_flops
from lsmlib.models.lsm1 import LSM1
from lsmlib.models.lsm2 import LSM2
from lsmlib.scaling.cells import Cell, first_people
from lsmlib.scaling.claims import claim
from lsmlib.scaling.records import describe_machine, read_records, record_path, write_record
from lsmlib.signals import MINUTES_PER_DAY
from lsmlib.training import pretrain

KINDS = {"random": "random", "interpolation": "interpolation", "extrapolation": "extrapolation",
         "sensor": "sensors", "signals": "sensors"}  # fmt: skip
DAY_TASKS: tuple[Task, ...] = (
    RandomImputation(0.8, patch_minutes=10, patch_signals=1), Interpolation(60), Extrapolation(60), SignalsRemoved(6),
)  # fmt: skip
WINDOW_TASKS: tuple[Task, ...] = (RandomImputation(0.8), Interpolation(60), Extrapolation(60), SensorImputation("PPG"))

Probe = Callable[[LSM1 | LSM2, xr.Dataset], float]


class Plan(NamedTuple):
    """What a grid would run, and what that takes."""

    table: pd.DataFrame  # a row a cell: cell, parameters, hours, flops, seconds, state
    note: str  # where seconds come from

    def __str__(self) -> str:
        lines = (
            [self.table.to_string(index=False, float_format=lambda value: f"{value:.3g}")] if len(self.table) else []
        )
        for state, rows in self.table.groupby("state", sort=False):
            lines.append(
                f"{state}: {len(rows)} cells, {rows['flops'].sum():.3g} operations, "
                f"{_duration(float(rows['seconds'].sum()))}"
            )
        return "\n".join([*lines, self.note])


class Grid:
    """Cells on one Cohort, judged on one set of other people.

    Args:
        cells: to be run, in this order (see ``make_cells``).
        train: whole days; each cell takes the first days of the first people.
        held_out: whole days of people who are not in ``train``; the same for all cells, a few dozen days.
        folder: for all that is kept. Give the same one to go on, also on another machine; of another Cohort, other
            held-out people or other tasks, it needs another one.
        tasks: what is hidden of held-out rows; by default one of each of LSM-2's four kinds on whole days, LSM-1's on
            windows.
        probes: name → callable ``(model, held-out rows) -> float``, a column ``probe_NAME`` each.
        evaluation_seed: of what the tasks hide.

    Raises:
        ValueError: if there is no cell, one is there twice, or windows differ in length; someone is in both Cohorts; or
            cells ask for people or days that are not there.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        train: xr.Dataset,
        held_out: xr.Dataset,
        folder: str | Path,
        *,
        tasks: Sequence[Task] | None = None,
        probes: Mapping[str, Probe] | None = None,
        evaluation_seed: int = 0,
    ) -> None:
        self.cells, self.train, self.held_out, self.folder = list(cells), train, held_out, Path(folder)
        _check_cells(self.cells)
        _check_people(train, held_out)
        whole = self.cells[0].minutes == MINUTES_PER_DAY
        self.tasks = tuple(tasks) if tasks is not None else DAY_TASKS if whole else WINDOW_TASKS
        missing = sorted(set(KINDS.values()) - {KINDS[task.kind] for task in self.tasks})
        if missing:
            raise ValueError(f"tasks has none of {', '.join(missing)}; expected one or more of each kind")
        self.probes, self.evaluation_seed = dict(probes or {}), evaluation_seed

    def plan(
        self, flops: float | None = None, seconds: float | None = None, flops_per_second: float | None = None
    ) -> Plan:
        """What would be run within a budget: cells in their order, as long as they fit; finished ones cost nothing.

        Args:
            flops: the budget in operations of training, or none.
            seconds: the budget in seconds of training, or none.
            flops_per_second: how fast trainings run here; by default as fast as those that are recorded for this
                hardware, of the same size where there are any, or, without one, as fast as a large matrix product,
                which none is.

        Returns:
            A table with a row a cell, ``state`` being ``finished``, ``to run`` or ``beyond the budget``.

        Raises:
            ValueError: if a cell does not fit the Cohort, or the folder has records of another one.
        """
        self._check_folder()
        speeds, speed, note = self._speeds(flops_per_second)
        rows: list[dict[str, Any]] = []
        counted: dict[tuple[Any, ...], tuple[int, float, int]] = {}
        left = {"flops": np.inf if flops is None else flops, "seconds": np.inf if seconds is None else seconds}
        for cell in self.cells:
            key = (cell.model, cell.size_name, cell.minutes, cell.people, cell.days)
            if key not in counted:
                data = cell.rows(self.train)
                model = cell.new_model()
                per_row = training_flops(model, data.isel(day=slice(SAMPLE))).total
                counted[key] = (count_weights(model), per_row, data.sizes["day"])
            parameters, per_row, available = counted[key]
            if cell.batch_size > available:
                raise ValueError(
                    f"{cell.name} asks for batches of {cell.batch_size}, and has {available} rows to learn from; "
                    "expected at most as many. Lower batch_size, or give it more people or days"
                )
            cost = per_row * cell.batch_size * cell.steps
            time = cost / speeds.get(_kind(cell), speed)
            if record_path(self.folder, cell.name).exists():
                state = "finished"
            elif cost <= left["flops"] and time <= left["seconds"]:
                state = "to run"
                left = {"flops": left["flops"] - cost, "seconds": left["seconds"] - time}
            else:
                state = "beyond the budget"
            rows.append(
                {
                    "cell": cell.name, "parameters": parameters, "hours": available * cell.minutes / 60, "flops": cost,
                    "seconds": time, "state": state,
                }
            )  # fmt: skip
        return Plan(pd.DataFrame(rows), note)

    def run(self, plan: Plan | None = None, progress: bool = True, processes: int = 1) -> pd.DataFrame:
        """Run what is not finished yet, and return all records of the folder.

        Killed at any moment, it goes on when it is called again: cells that ended are not run again, and the one that
        was interrupted goes on from its last checkpoint. Cells that another process has claimed are left to it.

        Args:
            plan: of ``plan``, with a budget; by default all cells.
            progress: whether to print the plan and show a bar.
            processes: how many run cells side by side, each with a copy of the days. A small training keeps about one
                core busy, whatever there are. A script that asks for several has ``if __name__ == "__main__":``.

        Raises:
            ValueError: if the plan has other cells or none to run, the folder has records of another Cohort, a model
                does not fit the rows, or several processes would share an accelerator.
            MemoryError: if a step does not fit the device.
            RuntimeError: if one of several processes failed; what it says of it is printed. Cells that ended are kept.
        """
        check_whole("processes", processes, 1)
        if processes > 1 and jax.default_backend() != "cpu":
            raise ValueError(
                f"processes is {processes}, which would share one {jax.default_backend()}; expected 1. Start a process "
                "for each device, with the same folder"
            )
        plan = self.plan() if plan is None else plan
        if list(plan.table["cell"]) != [cell.name for cell in self.cells]:
            raise ValueError("the plan is of other cells; expected one of this grid's plan()")
        self._check_folder()
        if progress:
            print(plan, flush=True)
        if set(plan.table["state"]) == {"beyond the budget"}:
            raise ValueError(
                "no cell fits the budget of the plan; expected one or more. Raise it, or plan smaller cells"
            )
        wanted = [cell for cell, state in zip(self.cells, plan.table["state"], strict=True) if state == "to run"]
        elsewhere = []
        with _others(processes - 1, self, plan), tqdm(wanted, desc="cells", disable=not progress) as bar:
            for cell in bar:
                bar.set_postfix_str(cell.name)
                with claim(self.folder / "claims", cell.name) as got:
                    if not got:
                        elsewhere.append(cell.name)
                    elif not record_path(self.folder, cell.name).exists():
                        write_record(self.folder, self._run_cell(cell))
                        shutil.rmtree(self._checkpoints(cell), ignore_errors=True)
        left = [name for name in elsewhere if not record_path(self.folder, name).exists()]
        if left and progress:
            print(f"claimed by other processes, and left to them: {', '.join(left)}", flush=True)
        return read_records(self.folder)

    def _run_cell(self, cell: Cell) -> dict[str, Any]:
        rows, held_out, model = cell.rows(self.train), cell.as_read(self.held_out), cell.new_model()
        per_row = training_flops(model, rows.isel(day=slice(SAMPLE))).total
        record = cell.as_row() | {
            "parameters": count_weights(model),
            "rows": rows.sizes["day"],
            "hours": rows.sizes["day"] * cell.minutes / 60,
            "hours_seen": cell.steps * cell.batch_size * cell.minutes / 60,
            "flops": per_row * cell.batch_size * cell.steps,
            "status": "finished",
            "resumed_at": _last_step(self._checkpoints(cell)),
        }
        started = perf_counter()
        try:
            history = pretrain(
                model, rows, steps=cell.steps, batch_size=cell.batch_size, seed=cell.seed,
                learning_rate=cell.learning_rate, checkpoint_dir=self._checkpoints(cell),
                checkpoint_every=-(-cell.steps // 10), progress=False,
            )  # fmt: skip
        except FloatingPointError:  # too high a rate: that is a result of the grid, too
            history, record["status"] = {}, "diverged"
        record["seconds"] = perf_counter() - started
        losses = {name: float("nan") for name in ("train_loss", "valid_loss", *dict.fromkeys(KINDS.values()))}
        losses |= {f"probe_{name}": float("nan") for name in self.probes}
        if history:
            losses["train_loss"] = float(np.mean(history["loss"][-max(cell.steps // 10, 1) :]))
            losses["valid_loss"] = float(model.validation_loss(held_out))
            losses |= self._score(model, held_out)
            losses |= {f"probe_{name}": float(probe(model, held_out)) for name, probe in self.probes.items()}
        learnt = _digest(first_people(self.train, cell.people, cell.days))
        kept = {"tasks": self._tasks(), "held_out": _digest(self.held_out), "train": learnt}
        return record | losses | describe_machine() | kept

    def _score(self, model: LSM1 | LSM2, held_out: xr.Dataset) -> dict[str, float]:
        """MSE in sd² at the targets of held-out people: a mean over the tasks of each kind."""
        errors = filling_errors(
            held_out, {"model": model.reconstruct}, self.tasks, self.evaluation_seed, progress=False
        )
        over = ["person", "signal"]
        mse = (errors["squared_normalised"].isel(filler=0).sum(over) / errors["cells"].sum(over)).values
        kinds = np.array([KINDS[task.kind] for task in self.tasks])
        return {kind: float(mse[kinds == kind].mean()) for kind in dict.fromkeys(KINDS.values())}

    def _check_folder(self) -> None:
        """A folder is of one Cohort, and its cells are judged alike: said before anything is trained."""
        own = {"held_out": _digest(self.held_out), "tasks": self._tasks()}
        words = {"held_out": "held-out set", "tasks": "list of tasks", "train": "Cohort"}
        for path in sorted((self.folder / "records").glob("*.parquet")):
            row = pd.read_parquet(path).iloc[0].to_dict()
            if "train" in row:  # this column came later
                try:
                    own["train"] = _digest(first_people(self.train, int(row["people"]), int(row["days"])))
                except ValueError:  # this Cohort has fewer of them
                    own["train"] = ""
            for name, value in own.items():
                if name in row and row[name] != value:
                    raise ValueError(
                        f"{path} is of another {words[name]} than this grid, so their losses cannot be compared; "
                        "expected one Cohort, one held-out set and one list of tasks in a folder. Give this grid a "
                        "folder of its own"
                    )

    def _tasks(self) -> str:
        return f"{', '.join(task.name for task in self.tasks)}; seed {self.evaluation_seed}"

    def _checkpoints(self, cell: Cell) -> Path:
        return self.folder / "checkpoints" / cell.name

    def _speeds(self, given: float | None) -> tuple[dict[tuple[Any, ...], float], float, str]:
        """Operations a second of the kinds of cells that have run here, of others, and where both come from.

        By kind, because small models are mostly what is done around each step, and come to a fraction of large ones.
        """
        if given is not None:
            return {}, given, "seconds: at the speed given"
        if any((self.folder / "records").glob("*.parquet")):
            records = read_records(self.folder, mixed_versions=True)
            here = records["hardware"] == describe_machine()["hardware"]
            known = records[here & (records["resumed_at"] == 0)]
            if len(known):
                speed = known["flops"] / known["seconds"]
                speeds = speed.groupby([known[name] for name in ("model", "size", "minutes", "batch_size")]).median()
                note = f"seconds: as those of {len(known)} cells on this hardware, with compiling, without judging"
                return dict(speeds), float(speed.median()), note
        note = (
            f"seconds: at least, at the speed of one large matrix product on {jax.default_backend()}; small trainings "
            "take several times as long. Run a cell and plan again"
        )
        return {}, measure_flops(), note


@contextmanager
def _others(count: int, grid: Grid, plan: Plan) -> Iterator[None]:
    """So many other processes at the same grid, until they have nothing left to do; none outlives the block."""
    context = get_context("spawn")  # JAX has threads, which a fork would not take along
    cache = jax.config.values["jax_compilation_cache_dir"]
    others = []
    try:
        for _ in range(count):
            other = context.Process(target=_help, args=(grid, plan, cache), daemon=True)
            other.start()
            others.append(other)
        yield
        for other in others:
            other.join()
    finally:
        for other in others:
            other.kill()
    failed = [other.exitcode for other in others if other.exitcode]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {count + 1} processes failed, with exit status {failed[0]}; what was wrong is printed "
            "above. Cells that ended are kept: run the grid again, and it goes on"
        )


def _help(grid: Grid, plan: Plan, cache: str | None) -> None:
    jax.config.update("jax_compilation_cache_dir", cache)
    grid.run(plan, progress=False)


def _kind(cell: Cell) -> tuple[Any, ...]:
    return cell.model, cell.size_name, cell.minutes, cell.batch_size


def _check_cells(cells: list[Cell]) -> None:
    if not cells:
        raise ValueError("there is no cell; see make_cells")
    names = [cell.name for cell in cells]
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise ValueError(f"{double[0]} is there more than once ({len(double)} such cells); expected each once")
    if len({cell.minutes for cell in cells}) > 1:
        raise ValueError(
            f"cells have windows of {', '.join(map(str, sorted({cell.minutes for cell in cells})))} minutes, whose "
            "losses cannot be compared; expected one length. Make a grid of each"
        )


def _check_people(train: xr.Dataset, held_out: xr.Dataset) -> None:
    for cohort in (train, held_out):
        check_cohort(cohort, values=False)
        if cohort.sizes["minute"] != MINUTES_PER_DAY or "start_minute" in cohort.variables:
            raise ValueError("train and held_out are whole days; cells cut them into windows themselves")
    both = sorted(set(map(str, train["person"].values)) & set(map(str, held_out["person"].values)))
    if both:
        raise ValueError(
            f"{len(both)} people are in train and in held_out, among them {both[0]!r}; expected others. Split with "
            "lsmlib.split_people, or simulate with another seed"
        )


def _last_step(checkpoints: Path) -> int:
    steps = [int(path.name) for path in checkpoints.iterdir() if path.name.isdigit()] if checkpoints.is_dir() else []
    return max(steps, default=0)


def _digest(cohort: xr.Dataset) -> str:
    rows = "\n".join(
        f"{person} {date}" for person, date in zip(cohort["person"].values, cohort["date"].values, strict=True)
    )
    return hashlib.sha256(rows.encode()).hexdigest()[:16]
