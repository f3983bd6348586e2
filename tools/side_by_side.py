"""Tasks side by side: each in a process of its own, on its own share of the cores, all on one display.

A training step of a small model keeps little more than one core busy, so two notebooks on two cores take little longer
than one. But each needs its own: threads that take turns on a core slow both down. What a process may run on is
inherited by whatever it starts, such as a kernel, and XLA and BLAS start no more threads than that.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any

from tqdm import tqdm

GIGABYTES_A_JOB = 3.5  # the largest of the tutorial's notebooks in the laptop profile

Report = Callable[[int, int], None]  # how many steps are done, and of how many
Task = Callable[[Report], Any]

_context = get_context("spawn")  # forking a process that has threads is not safe


def find_cores() -> list[int]:
    """The cores that this process may use; where the system does not tell, all."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def count_jobs() -> int:
    """How many tasks at a time: as many as there are cores and memory for, and one where JAX finds an accelerator.

    Two processes cannot share an accelerator: the first takes most of its memory.
    """
    jobs = len(find_cores())
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        gigabytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
        jobs = max(min(jobs, int(gigabytes / GIGABYTES_A_JOB)), 1)
    if jobs > 1:  # asked in another process: who asks takes the accelerator
        ask = [sys.executable, "-c", "import jax; print(jax.default_backend())"]
        backend = subprocess.run(ask, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        jobs = jobs if backend == "cpu" else 1
    return jobs


def share_cores(cores: list[int], jobs: int) -> list[set[int]]:
    """Share out cores, neighbours together; where there are more jobs than cores, some have the same one."""
    ends = [len(cores) * job // jobs for job in range(jobs + 1)]
    return [set(cores[ends[job] : ends[job + 1]] or [cores[job % len(cores)]]) for job in range(jobs)]


class _Running:
    """A task in its process, and its line of the display."""

    def __init__(self, name: str, task: Task, cores: set[int], line: int) -> None:
        self.name, self.cores, self.line = name, cores, line
        self.pipe, theirs = _context.Pipe(duplex=False)
        self.process = _context.Process(target=_work, args=(task, theirs, cores), name=name, daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.bar = tqdm(desc=name, unit="cell", position=line, leave=False, disable=None)

    def listen(self) -> tuple[Any, ...]:
        """Take a message: ``()``, or ``(result,)`` when there is one, or raise EOFError if there will be none."""
        message = self.pipe.recv()
        if len(message) == 1:
            return message
        self.bar.n, self.bar.total = message
        return ()

    def end(self) -> None:
        """Wait for the process, and free its line."""
        self.process.join()
        self.bar.close()


def _work(task: Task, pipe: Connection, cores: set[int]) -> None:
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches all processes; the first one ends the others
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    pipe.send((task(lambda done, total: pipe.send((done, total))),))


def run_all(
    tasks: Mapping[str, Task], jobs: int, tell: Callable[[Any], str], lost: Callable[[str, str], Any], title: str
) -> dict[str, Any]:
    """Run tasks in their order, some at a time, show how far each is, and tell of each that ends.

    Args:
        tasks: by name; each is called in a new process, with a function to report its steps to.
        jobs: how many at a time.
        tell: from a result to the line that is printed.
        lost: from a task's name, and what happened, to the result of one whose process died.
        title: of the display.

    Returns:
        The results by name. What ends this early, such as Ctrl-C, ends every task.
    """
    waiting, results = list(tasks), {}
    free = list(enumerate(share_cores(find_cores(), jobs), start=1))
    running: dict[Any, _Running] = {}  # by the end of its pipe
    try:
        with tqdm(total=len(tasks), desc=title, unit="notebook", disable=None) as overall:
            while waiting or running:
                while waiting and free:
                    (line, cores), name = free.pop(0), waiting.pop(0)
                    one = _Running(name, tasks[name], cores, line)
                    running[one.pipe] = one
                for pipe in wait(list(running), timeout=1):
                    one = running[pipe]
                    try:
                        found = one.listen()
                    except EOFError:
                        one.process.join()
                        found = (lost(one.name, f"its process ended with status {one.process.exitcode}"),)
                    if found:
                        (results[one.name],) = found
                        del running[pipe]
                        one.end()
                        free.append((one.line, one.cores))
                        overall.update()
                        overall.write(tell(results[one.name]))
                for bar in (overall, *(one.bar for one in running.values())):
                    bar.refresh()  # so that clocks go on
    finally:
        for one in running.values():
            one.process.terminate()  # a kernel notices within a second that who started it is gone
            one.end()
    return results
