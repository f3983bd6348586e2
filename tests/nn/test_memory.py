"""Memory is really kept: seen in how many pages the kernel clears. In processes of their own: it cannot be undone."""

import os
import platform
import subprocess
import sys

import pytest

from lsmlib.nn import memory

PROGRAM = """
import resource, sys, threading
from lsmlib.nn.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        b"x" * 80_000_000  # 19,531 pages
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "late":
    started, ended = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: (bytes(10_000_000), started.set(), ended.wait()))
    thread.start()
    started.wait()
    print(keep_freed_memory(), faults())
    ended.set()
else:
    print(faults(), keep_freed_memory(), faults() - faults(), keep_freed_memory(), faults())
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep freed memory")


def run(when: str) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, when]
    # as a process starts by itself: `make` limits the arenas
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=plain).stdout.split()


@glibc
def test_freed_memory_is_used_again():
    before, kept, _, again, after = run("early")
    assert (kept, again) == ("True", "True")
    assert int(before) > 5 * 10_000 and int(after) < 1000


@glibc
def test_too_late_is_said_and_changes_nothing():
    kept, faults = run("late")
    assert kept == "False" and int(faults) > 5 * 10_000


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    assert memory.keep_freed_memory() is False
