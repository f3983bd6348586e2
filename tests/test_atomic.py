"""Replacing a directory: real kills, at every step and at random times, and a disk that refuses."""

import errno
import multiprocessing
import os
import random
import resource
import shutil
import signal
import time
from pathlib import Path

import pytest
import xarray as xr

import lsmlib
from lsmlib.atomic import find_directory, replace_directory, replace_file
from tests.cohorts import small_cohort

# A server that has imported the package forks each child, so a child starts at once and without threads of ours.
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["lsmlib.store", "tests.cohorts"])


def kill_before(step: str, target: Path) -> None:
    """In a child: replace `target`, and be killed just before a step of it."""
    count = {"rename": 0, "rmtree": 0}

    def killing(kind, function):
        def wrapped(*arguments, **options):
            count[kind] += 1
            if f"{kind} {count[kind]}" == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return wrapped

    Path.rename = killing("rename", Path.rename)
    shutil.rmtree = killing("rmtree", shutil.rmtree)
    with replace_directory(target) as partial:
        write(partial, "new")
        if step == "writing":
            os.kill(os.getpid(), signal.SIGKILL)


def write(directory: Path, text: str) -> None:
    directory.mkdir()
    for name in ("a", "b"):
        (directory / name).write_text(text)


def read(directory: Path) -> str:
    found = find_directory(directory)
    texts = {(found / name).read_text() for name in ("a", "b")}
    assert len(texts) == 1, f"half old, half new: {texts}"
    return texts.pop()


@pytest.mark.parametrize(
    ("step", "left"),
    [("writing", "old"), ("rename 1", "old"), ("rename 2", "old"), ("rmtree 1", "new"), ("rmtree 2", "new")],
)
def test_killed_at_every_step(tmp_path, step, left):
    target = tmp_path / "target"
    write(target, "old")
    child = SERVER.Process(target=kill_before, args=(step, target))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    assert read(target) == left
    with replace_directory(target) as partial:  # the next one works, and cleans up
        write(partial, "newer")
    assert read(target) == "newer"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_failure_leaves_everything_as_it_was(tmp_path):
    target = tmp_path / "target"
    write(target, "old")
    with pytest.raises(OSError, match=r"No space left.*while writing .*target.*GB free.*nothing was changed") as error:
        with replace_directory(target) as partial:
            write(partial, "new")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert error.value.errno == errno.ENOSPC
    assert read(target) == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_another_replacement_that_is_still_running_is_left_alone(tmp_path):
    target = tmp_path / "target"
    with replace_directory(target) as first:
        write(first, "first")
        with replace_directory(target) as second:
            write(second, "second")
        assert read(target) == "second"
    assert read(target) == "first"


def save_for_ever(path: Path, ready) -> None:
    """In a child: save one Cohort, then another, over and over; the first save also imports what saving needs."""
    lsmlib.save_cohort(small_cohort(days=3, seed=2), path, progress=False)
    ready.set()
    while True:
        for seed in (1, 2):
            lsmlib.save_cohort(small_cohort(days=3, seed=seed), path, progress=False)


def test_saves_that_are_killed_at_random_times(tmp_path):
    path = tmp_path / "cohort.zarr"
    cohorts = [small_cohort(days=3, seed=seed) for seed in (1, 2)]
    lsmlib.save_cohort(cohorts[0], path)
    start = time.perf_counter()
    lsmlib.save_cohort(cohorts[0], path)
    one_save = time.perf_counter() - start
    draw, seen, kills = random.Random(0), set(), 0
    while kills < 8 or (len(seen) < 2 and kills < 60):
        ready = SERVER.Event()
        child = SERVER.Process(target=save_for_ever, args=(path, ready))
        child.start()
        ready.wait()
        time.sleep(draw.uniform(0, 4 * one_save))
        kills += 1
        child.kill()
        child.join()
        opened = lsmlib.open_cohort(path)
        seen.add(opened.attrs["seed"])
        xr.testing.assert_identical(opened, cohorts[opened.attrs["seed"] - 1])
    lsmlib.save_cohort(cohorts[0], path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cohort.zarr"]
    assert seen == {1, 2}, "the children were killed before any of them had saved"


def save_with_small_files(path: Path, answers) -> None:
    """In a child: save on a disk that takes no file above 100 kB."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        lsmlib.save_cohort(small_cohort(days=3, seed=2), path, progress=False)
    except OSError as error:
        answers.put((error.errno, str(error)))


def test_a_disk_that_refuses(tmp_path):
    path = tmp_path / "cohort.zarr"
    lsmlib.save_cohort(small_cohort(days=3, seed=1), path)
    answers = SERVER.Queue()
    child = SERVER.Process(target=save_with_small_files, args=(path, answers))
    child.start()
    number, words = answers.get(timeout=60)
    child.join()
    assert number == errno.EFBIG
    assert "cohort.zarr" in words
    assert "nothing was changed" in words
    assert lsmlib.open_cohort(path).attrs["seed"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["cohort.zarr"]


def test_a_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "deep" / "page.html"
    with replace_file(path) as partial:
        partial.write_text("old")
    with pytest.raises(ZeroDivisionError), replace_file(path) as partial:
        partial.write_text("half")
        _ = 1 / 0
    assert path.read_text() == "old"
    with pytest.raises(OSError, match=r"nothing was changed there"), replace_file(path):
        pass  # nothing was written
    with replace_file(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new" and [one.name for one in path.parent.iterdir()] == ["page.html"]
