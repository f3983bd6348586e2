"""Tasks in processes of their own: who runs when and where, who dies, and that an interrupt ends them all."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tools import side_by_side

FOLDER = Path(__file__).parent / "notebooks"


def stay(report, seconds=0.5):
    """Say where and when it ran."""
    begin = time.time()
    report(1, 2)
    time.sleep(seconds)
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return begin, time.time(), cores, os.getpid()


def die(report):
    report(1, 2)
    os._exit(3)


def blunder(report):
    raise KeyError("who knows")


def run(tasks, jobs):
    told = []
    results = side_by_side.run_all(
        tasks, jobs, tell=lambda result: told.append(result) or "told", lost=lambda name, why: why, title="test"
    )
    assert len(told) == len(results) and all(one in results.values() for one in told)
    return results


@pytest.mark.parametrize(
    ("cores", "jobs", "shares"),
    [
        ([0, 1], 1, [{0, 1}]),
        ([0, 1], 2, [{0}, {1}]),
        ([4, 5, 6, 7, 9], 2, [{4, 5}, {6, 7, 9}]),
        ([3, 4], 3, [{3}, {3}, {4}]),
        ([2], 3, [{2}, {2}, {2}]),
    ],
)
def test_cores_are_shared_out(cores, jobs, shares):
    assert side_by_side.share_cores(cores, jobs) == shares


def test_as_many_as_jobs_run_at_a_time_each_in_its_own_process_on_its_own_cores():
    cores = side_by_side.find_cores()
    results = run({name: stay for name in "abcde"}, 2)
    assert set(results) == set("abcde")
    begins, ends, shares, pids = zip(*results.values(), strict=True)
    assert len({*pids, os.getpid()}) == 6
    at_a_time = [sum(b <= moment < e for b, e in zip(begins, ends, strict=True)) for moment in begins]
    assert max(at_a_time) == 2
    if hasattr(os, "sched_getaffinity"):
        assert {frozenset(share) for share in shares} == {frozenset(s) for s in side_by_side.share_cores(cores, 2)}
        assert sorted(os.sched_getaffinity(0)) == cores


def test_the_first_begin_first():
    results = run({name: partial(stay, seconds=0) for name in "cab"}, 1)
    assert sorted(results, key=lambda name: results[name][0]) == list("cab")


def test_a_process_that_dies_costs_only_its_own_result(capfd):
    results = run({"a": die, "b": blunder, "c": partial(stay, seconds=0)}, 2)
    assert results["a"] == "its process ended with status 3"
    assert results["b"] == "its process ended with status 1"
    assert len(results["c"]) == 4
    assert "KeyError: 'who knows'" in capfd.readouterr().err


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_two_processes_do_not_share_an_accelerator(backend, monkeypatch):
    monkeypatch.setattr(side_by_side, "find_cores", lambda: [0, 1])
    monkeypatch.setattr(side_by_side.os, "sysconf", lambda name: 2**20, raising=False)  # a million pages of a MB
    monkeypatch.setattr(
        side_by_side.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, stdout=f"{backend}\n")
    )
    assert side_by_side.count_jobs() == (2 if backend == "cpu" else 1)


def test_little_memory_means_fewer_jobs(monkeypatch):
    monkeypatch.setattr(side_by_side, "find_cores", lambda: list(range(64)))
    monkeypatch.setattr(side_by_side.os, "sysconf", lambda name: 65536, raising=False)  # 4.3 GB
    assert side_by_side.count_jobs() == 1  # and JAX is not asked


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupt_ends_every_kernel(tmp_path):
    beats = tmp_path / "beats"
    script = (
        "from pathlib import Path; from tools import tutorial\n"
        "if __name__ == '__main__':\n"
        f"    folder, file = Path({str(FOLDER)!r}), Path({str(FOLDER.with_suffix('.yaml'))!r})\n"
        "    raise SystemExit(tutorial.main(['17', '--jobs', '1', '--profile', 'smoke'], folder, file, Path('build')))"
    )
    root = Path(side_by_side.__file__).parents[1]
    environment = os.environ | {"HEARTBEATS": str(beats), "PYTHONPATH": str(root)}
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=environment, stderr=subprocess.PIPE)
    while not beats.exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert "Interrupted" in process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    deadline = time.monotonic() + 20
    while (before := beats.stat().st_size) and time.monotonic() < deadline:
        time.sleep(1)
        if beats.stat().st_size == before:
            return
    pytest.fail("the kernel goes on after its runner was interrupted")
