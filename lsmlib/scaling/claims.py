"""Claims: a cell is run by one process at a time, on whichever machine that shares the folder.

A claim is a small file that appears whole or not at all: it is written under another name and linked to its own, which
fails if there is one already. Its owner touches it while it works. What is left by a process of this machine that is no
more is taken over; of another machine nobody can know, so a claim that has not been touched for long is told, with the
file to remove.
"""

import json
import os
import socket
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lsmlib.atomic import _is_running

TOUCH = 30.0  # seconds between two signs of life
STALE = 600.0  # seconds without one


@contextmanager
def claim(folder: Path, name: str) -> Iterator[bool]:
    """Try to claim a cell; whether it was got. It is given back when the block ends, however it ends.

    Args:
        folder: of claims, shared by all who work on the grid; made if it is not there.
        name: of the cell.

    Warns:
        UserWarning: if it is another's who has given no sign of life for ten minutes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    if not _take(path):
        _tell_if_stale(path)
        yield False
        return
    stop = threading.Event()
    alive = threading.Thread(target=_touch, args=(path, stop), daemon=True)
    alive.start()
    try:
        yield True
    finally:
        stop.set()
        alive.join()
        path.unlink(missing_ok=True)


def _take(path: Path) -> bool:
    ours = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    ours.write_text(json.dumps({"host": socket.gethostname(), "process": os.getpid()}))
    try:
        os.link(ours, path)
        return True
    except FileExistsError:
        return _is_dead(path) and _inherit(path, ours)
    finally:
        ours.unlink(missing_ok=True)


def _inherit(path: Path, ours: Path) -> bool:
    """Put our claim in the place of a dead one. To do so is claimed too: of two who saw it dead, the second would
    otherwise replace what the first has put there."""
    turn = path.with_name(f"{path.name}.heir")
    if not _take(turn):
        return False
    try:
        if not _is_dead(path):  # an heir before us was quicker
            return False
        ours.replace(path)
        return True
    finally:
        turn.unlink()


def _is_dead(path: Path) -> bool:
    """Whether a claim is of a process of this machine that is no more."""
    owner = _read(path)
    return owner is not None and owner["host"] == socket.gethostname() and not _is_running(int(owner["process"]))


def _read(path: Path) -> dict[str, str | int] | None:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None


def _tell_if_stale(path: Path) -> None:
    owner = _read(path)
    try:
        silent = time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return
    if owner and silent > STALE:
        warnings.warn(
            f"{path.stem} is claimed by process {owner['process']} of {owner['host']}, which has given no sign of life "
            f"for {silent / 60:.0f} minutes. If it is no more, delete {path} and run the grid again: it goes on from "
            "the last checkpoint",
            stacklevel=4,
        )


def _touch(path: Path, stop: threading.Event) -> None:
    while not stop.wait(TOUCH):
        try:
            path.touch(exist_ok=True)
        except OSError:  # a file system that is away for a moment; a claim without signs of life is only told of
            continue
