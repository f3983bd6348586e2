"""Replace a directory, or a file, all or nothing: whenever the process is killed, the old or the new is there, whole.

A file is written beside its place and renamed, which every file system does in one step. For directories:

1. Everything is written into a hidden directory next to the target, ``.NAME.partial-HOST-PROCESS-…``.
2. The old target is renamed to ``.NAME.previous``, the new one to ``NAME``, and then the old one is deleted.

Killed during 1, the old directory is untouched. Killed between the two renames, it is ``.NAME.previous``, and
``find_directory`` finds it there. Killed later, the new one is in place. The next replacement removes what a killed one
left behind. (Linux could swap two directories in one step, but not on every file system; this works on all.)
"""

import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_directory(path: Path) -> Iterator[Path]:
    """Give a new directory's path to write into; when the block ends, it takes the place of ``path``.

    Raises:
        OSError: what went wrong, where, and how much room the disk has left. ``path`` is then as it was before.
    """
    _remove_leftovers(path)
    partial = path.with_name(f"{_owner(path)}{os.getpid()}-{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        _flush(partial)
        previous = _previous(path)
        if path.exists():
            if previous.exists():  # left by a replacement that was killed while deleting: `path` is the whole one
                shutil.rmtree(previous)
            path.rename(previous)
        partial.rename(path)
        shutil.rmtree(previous, ignore_errors=True)
    except OSError as error:
        there = next(parent for parent in path.parents if parent.exists())
        free = shutil.disk_usage(there).free / 1e9
        reason = error.strerror or str(error)
        raise OSError(
            error.errno, f"{reason}, while writing {path} ({free:.1f} GB free); nothing was changed"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a new file's path to write to; when the block ends, it takes the place of ``path``, whose folder is made.

    Raises:
        OSError: what went wrong, and where. ``path`` is then as it was before.
    """
    partial = path.with_name(f".{path.name}.partial-{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with partial.open("rb") as opened:
            os.fsync(opened.fileno())
        partial.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"{reason}, while writing {path}; nothing was changed there") from error
    finally:
        partial.unlink(missing_ok=True)


def find_directory(path: Path) -> Path | None:
    """Where the directory that belongs at ``path`` is now: there, or set aside by a replacement that was killed."""
    # `path` twice: a replacement may be between its renames at the first look and be done at the second.
    return next((place for place in (path, _previous(path), path) if place.exists()), None)


def _remove_leftovers(path: Path) -> None:
    """Remove what replacements of ``path`` left that were killed: of this machine, by a process that is no more."""
    for left in path.parent.glob(f"{_owner(path)}*"):
        if not _is_running(int(left.name.removeprefix(_owner(path)).split("-")[0])):
            shutil.rmtree(left, ignore_errors=True)


def _owner(path: Path) -> str:
    return f".{path.name}.partial-{socket.gethostname()}-"


def _previous(path: Path) -> Path:
    return path.with_name(f".{path.name}.previous")


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 asks nothing on other systems; there, leftovers are removed by hand
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _flush(directory: Path) -> None:
    """Make the disk hold every file before the renames, so that a power cut cannot leave names without contents."""
    for file in directory.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
