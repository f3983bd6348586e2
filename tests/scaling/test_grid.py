"""A grid runs each cell once, whatever happens to its process, and says beforehand what it takes."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from lsmlib.cohort import make_cohort
from lsmlib.evaluate import Interpolation, label_windows, linear_probe, score_predictions
from lsmlib.evaluate.pooling import average_people
from lsmlib.models.flops import count_weights, training_flops
from lsmlib.scaling import Grid, TaskProbe, make_cells, read_records
from lsmlib.scaling.records import describe_machine, record_path, write_record
from lsmlib.signals import HIGH, LOW, MEAN, SD
from lsmlib.windows import cut_windows
from tests.scaling.grids import SMALL, STEPS, TASKS, small_days, small_grid

OF_THE_PROCESS = ["seconds", "resumed_at"]
AT_ONCE = {"flops": 2e9, "seconds": 2.0, "resumed_at": 0, "parameters": 1, "hours": 1.0, "status": "finished"}
PROBES = {"rows": lambda model, rows: rows.sizes["day"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder and the records of a grid, of one cell, that was not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, small_grid(folder, probes=PROBES).run(progress=False)


def test_a_record_says_what_was_run(whole):
    folder, records = whole
    cells = small_grid(folder).cells
    assert records["cell"].tolist() == sorted(cell.name for cell in cells)
    first = records.set_index("cell").loc[cells[0].name]
    model, rows = cells[0].new_model(), cells[0].rows(small_days(3, 2, "learner"))
    assert first["parameters"] == count_weights(model)
    assert first["flops"] == training_flops(model, rows).total * 4 * STEPS
    assert (first["people"], first["days"], first["rows"], first["hours"]) == (2, 2, 96, 96.0)
    assert first["hours_seen"] == 4 * STEPS and first["status"] == "finished" and first["resumed_at"] == 0
    assert records["probe_rows"].tolist() == [48.0]  # two days of a held-out person, in hours
    scores = records[["train_loss", "valid_loss", "random", "interpolation", "extrapolation", "sensors"]]
    assert ((scores > 0.01) & (scores < 10)).all(axis=None)
    assert first["valid_loss"] < 3 and "jax" in first["versions"] and "cpu" in first["hardware"].lower()
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "records.parquet"), records)
    assert not any((folder / "checkpoints").iterdir()) and not list((folder / "claims").iterdir())


def test_scores_are_those_of_the_weights(whole):
    """The same training outside the grid, and the errors pooled by hand."""
    import lsmlib
    from lsmlib.evaluate import score_filling

    folder, records = whole
    grid = small_grid(folder)
    cell, train, held_out = grid.cells[0], grid.train, grid.held_out
    model = cell.new_model()
    history = lsmlib.pretrain(
        model, cell.rows(train), steps=STEPS, batch_size=4, seed=0, learning_rate=1e-3, progress=False
    )
    judged = lsmlib.cut_windows(held_out, 60)
    table = score_filling(judged, {"model": model.reconstruct}, TASKS, resamples=0, progress=False)
    expected = table[(table["signal"] == "all") & (table["metric"] == "MSE")]["value"].tolist()
    record = records.set_index("cell").loc[cell.name]
    np.testing.assert_allclose(record[["random", "interpolation", "extrapolation", "sensors"]].tolist(), expected)
    assert record["valid_loss"] == model.validation_loss(judged)
    assert record["train_loss"] == pytest.approx(np.mean(history["loss"][-2:]))


def test_what_is_finished_is_not_run_again(whole, monkeypatch, capsys):
    folder, records = whole

    def never(*arguments, **options):
        raise AssertionError("a cell was run again")

    monkeypatch.setattr("lsmlib.scaling.grid.pretrain", never)
    pd.testing.assert_frame_equal(small_grid(folder).run(), records)
    assert "finished: 1 cells" in capsys.readouterr().out


def test_a_killed_grid_goes_on_to_the_same_records(whole, tmp_path):
    one, two = small_grid(tmp_path, people=(1, 2)).cells
    write_record(tmp_path, one.as_row() | AT_ONCE | describe_machine())  # this one has ended before
    first, second, before = one.name, two.name, record_path(tmp_path, one.name).read_bytes()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-m", "tests.scaling.grids", str(tmp_path)], env=environment)
    until = time.monotonic() + 240
    while not any(step.isdigit() and int(step) >= 6 for step in _listed(tmp_path / "checkpoints" / second)):
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert not record_path(tmp_path, second).exists()
    assert (tmp_path / "claims" / f"{second}.json").exists()  # of a process that is no more
    records = small_grid(tmp_path, people=(1, 2), probes=PROBES).run(progress=False)
    assert record_path(tmp_path, first).read_bytes() == before
    resumed = records.set_index("cell")["resumed_at"]
    assert resumed[first] == 0 and 6 <= resumed[second] < STEPS
    same = [name for name in whole[1] if name not in OF_THE_PROCESS]
    of_second = records[records["cell"] == second].reset_index(drop=True)
    pd.testing.assert_frame_equal(of_second[same], whole[1][same], check_dtype=False)


def _listed(folder):
    return [path.name for path in folder.iterdir()] if folder.is_dir() else []


@pytest.fixture
def at_once(monkeypatch):
    """Cells that end at once, with little known of them."""

    def run(self, cell):
        return cell.as_row() | AT_ONCE | describe_machine()

    monkeypatch.setattr(Grid, "_run_cell", run)


def test_a_budget_is_kept(tmp_path, at_once):
    grid = small_grid(tmp_path, people=(1, 2, 3))
    plan = grid.plan(flops_per_second=1e9)
    assert plan.table["state"].tolist() == ["to run"] * 3
    np.testing.assert_allclose(plan.table["seconds"], plan.table["flops"] / 1e9)
    cost = plan.table["flops"][0]
    assert grid.plan(flops=2.5 * cost).table["state"].tolist() == ["to run", "to run", "beyond the budget"]
    in_time = grid.plan(seconds=1.5 * cost / 1e9, flops_per_second=1e9)
    assert in_time.table["state"].tolist() == ["to run", "beyond the budget", "beyond the budget"]
    text = str(in_time)
    assert "to run: 1 cells" in text and "beyond the budget: 2 cells" in text and grid.cells[0].name in text
    records = grid.run(in_time, progress=False)
    assert records["cell"].tolist() == [grid.cells[0].name]
    again = grid.plan()
    assert again.table["state"].tolist() == ["finished", "to run", "to run"]
    assert "as those of 1 cells on this hardware" in again.note
    np.testing.assert_allclose(again.table["seconds"], again.table["flops"] / 1e9)


def test_each_size_has_its_own_speed(tmp_path, at_once):
    size, other = SMALL, SMALL._replace(encoder=SMALL.encoder._replace(layers=2))
    cells = [
        cell for one in (size, other) for cell in make_cells(["LSM1"], [one], [1, 2], [2], [4], 4, [0], minutes=60)
    ]
    grid = Grid(cells, small_days(3, 2, "learner"), small_days(2, 1, "judge"), tmp_path, tasks=TASKS)
    for cell, seconds in ((cells[0], 2.0), (cells[2], 8.0)):
        write_record(tmp_path, cell.as_row() | AT_ONCE | {"seconds": seconds} | describe_machine())
    table = grid.plan().table
    assert table["state"].tolist() == ["finished", "to run", "finished", "to run"]
    np.testing.assert_allclose(table["seconds"], table["flops"] / np.repeat([1e9, 2.5e8], 2))


def test_claimed_cells_are_left_to_others(tmp_path, at_once, capsys):
    grid = small_grid(tmp_path, people=(1, 2))
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / f"{grid.cells[0].name}.json").write_text('{"host": "elsewhere", "process": 1}')
    records = grid.run()
    assert records["cell"].tolist() == [grid.cells[1].name]
    assert f"claimed by other processes, and left to them: {grid.cells[0].name}" in capsys.readouterr().out


def test_two_processes_come_to_the_records_of_one(tmp_path, whole):
    grid = small_grid(tmp_path, people=(2, 1), probes={"elsewhere": partial(say_where, tmp_path)})
    records = grid.run(progress=False, processes=2)
    assert sorted(records["probe_elsewhere"]) == [0, 1]  # one each
    losses = ["train_loss", "valid_loss", "random", "interpolation", "extrapolation", "sensors"]
    two = records[records["people"] == 2]
    np.testing.assert_array_equal(two[losses], whole[1][losses])


def say_where(folder, model, rows):
    """1 in the other process; this one waits until that has begun, too."""
    here = multiprocessing.parent_process() is None
    end = time.monotonic() + 120
    while here and time.monotonic() < end and len(list((folder / "claims").iterdir())) < 2:
        time.sleep(0.1)
    return 0.0 if here else 1.0


def test_a_process_that_fails_is_told_of(tmp_path, at_once, monkeypatch):
    class Failed(SimpleNamespace):
        exitcode = 1
        start = join = kill = lambda self: None

    monkeypatch.setattr("lsmlib.scaling.grid.get_context", lambda how: SimpleNamespace(Process=Failed))
    with pytest.raises(RuntimeError, match=r"1 of 2 processes failed, with exit status 1.*run the grid again"):
        small_grid(tmp_path).run(progress=False, processes=2)
    assert len(read_records(tmp_path)) == 1


def test_several_processes_do_not_share_an_accelerator(tmp_path, monkeypatch):
    monkeypatch.setattr("jax.default_backend", lambda: "gpu")
    with pytest.raises(ValueError, match="processes is 2, which would share one gpu"):
        small_grid(tmp_path).run(progress=False, processes=2)


def test_a_diverged_training_is_a_result(tmp_path, monkeypatch):
    def diverge(*arguments, **options):
        raise FloatingPointError("the loss is nan")

    monkeypatch.setattr("lsmlib.scaling.grid.pretrain", diverge)
    records = small_grid(tmp_path, people=(1,)).run(progress=False)
    assert records["status"].tolist() == ["diverged"] and records["valid_loss"].isna().all()
    assert read_records(tmp_path)["random"].isna().all()


def test_a_folder_is_of_one_cohort_judged_alike(whole, monkeypatch):
    folder, _ = whole
    monkeypatch.setattr("lsmlib.scaling.grid.pretrain", None)  # nothing is trained before it is said
    known = small_grid(folder)

    def grid(people=(3,), train=known.train, held_out=known.held_out, tasks=TASKS):
        cells = make_cells(["LSM1"], [SMALL], people, [2], [STEPS], 4, seeds=[0], minutes=60)
        return Grid(cells, train, held_out, folder, tasks=tasks)

    others = {
        "Cohort": grid(train=small_days(4, 2, "others")),
        "Cohort ": grid((1,), known.train.isel(day=slice(2))),  # with fewer people than that record has
        "held-out set": grid(held_out=small_days(3, 1, "judge")),
        "list of tasks": grid(tasks=[*TASKS, Interpolation(20)]),
    }
    for name, other in others.items():
        made_before = SimpleNamespace(table=pd.DataFrame({"cell": [cell.name for cell in other.cells]}))
        for way in (other.plan, partial(other.run, made_before)):
            with pytest.raises(ValueError, match=rf"2p-2d-24s.*parquet is of another {name.strip()} than this grid"):
                way()
    more = grid(train=small_days(4, 2, "learner"))  # others after the first two: those learnt from are the same
    assert more.plan(flops_per_second=1).table["state"].tolist() == ["to run"]
    with pytest.raises(ValueError, match="no cell fits the budget"):
        more.run(more.plan(flops=1, flops_per_second=1))


def test_a_probe_of_a_task_is_the_linear_probe_and_travels_to_other_processes():
    """Forty people of two sorts, told by their heart rate, which even random weights see."""
    people = np.repeat(np.arange(40), 2)
    values = MEAN + SD * np.random.default_rng(1).standard_normal((80, 1440, 26))
    values[people % 2 == 1, :, 0] += 3 * SD[0]
    dates = np.datetime64("2024-03-01") + np.arange(80) % 2
    labels = {"sex": np.where(people % 2, "female", "male")}
    days = make_cohort(
        np.clip(values, LOW, HIGH).astype(np.float32), [f"q{one:02d}" for one in people], dates, labels=labels
    )
    rows = cut_windows(days, 60)
    model = small_grid("unused").cells[0].new_model()
    probe = pickle.loads(pickle.dumps(TaskProbe(rows, "sex", seed=3)))
    pooled, sexes, names = average_people(model.embed(rows), label_windows(rows, "sex"), rows["person"].values)
    by_hand = score_predictions(linear_probe(pooled, sexes, names, 3), resamples=0)["value"]["AUROC"]
    assert probe(model, None) == by_hand and by_hand > 0.9
    with pytest.raises(ValueError, match="naps"):
        TaskProbe(rows, "naps")(model, None)


def test_bad_grids(tmp_path):
    train, held_out = small_days(2, 2, "learner"), small_days(1, 1, "judge")
    cells = make_cells(["LSM1"], [SMALL], [1], [1], [4], 4, [0], minutes=60)

    def grid(cells=cells, train=train, held_out=held_out, **options):
        return Grid(cells, train, held_out, tmp_path, **{"tasks": TASKS} | options)

    with pytest.raises(ValueError, match="is there more than once"):
        grid(cells * 2)
    with pytest.raises(ValueError, match="there is no cell"):
        grid([])
    with pytest.raises(ValueError, match="2 people are in train and in held_out, among them 'learner0'"):
        grid(held_out=train)
    with pytest.raises(ValueError, match="windows of 60, 120 minutes"):
        grid([*cells, *make_cells(["LSM1"], [SMALL], [1], [1], [4], 4, [0], minutes=120)])
    with pytest.raises(ValueError, match="tasks has none of sensors"):
        grid(tasks=TASKS[:3])
    with pytest.raises(ValueError, match="asks for 3 people, and the Cohort has 2"):
        grid(make_cells(["LSM1"], [SMALL], [3], [1], [4], 4, [0], minutes=60)).plan(flops_per_second=1)
    with pytest.raises(ValueError, match="asks for batches of 25, and has 24 rows"):
        grid(make_cells(["LSM1"], [SMALL], [1], [1], [4], 25, [0], minutes=60)).plan(flops_per_second=1)
    with pytest.raises(ValueError, match="the plan is of other cells"):
        small_grid(tmp_path).run(grid().plan(flops_per_second=1))
