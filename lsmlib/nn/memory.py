"""Memory that a training step gives back to the system, only to ask for it again in the next."""

import ctypes
import sys

# mallopt's parameters, as numbered in glibc's malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Have the C library keep what this process frees, for its next allocations. Call it before JAX computes anything.

    XLA on CPU asks for its temporary arrays anew in every step, often in one piece of hundreds of megabytes. By default
    glibc hands such a piece back to the kernel as soon as it is freed, and the kernel clears every page of it again
    when it is next touched. Once memory is kept, the process does not shrink below its peak any more.

    JAX starts threads when it first looks for devices. Each takes an arena of its own to allocate from, which cannot be
    taken away again and cannot hold large pieces, so then it is too late; unless the process was started with
    ``MALLOC_ARENA_MAX=1`` in its environment, as ``make`` does.

    Returns:
        Whether freed memory is kept from now on. If not, because it is too late or the C library is not glibc, nothing
        was changed.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version") or _count_arenas(library) > 1:
        return False
    settings = {ARENA_MAX: 1, MMAP_MAX: 0, TRIM_THRESHOLD: -1, TOP_PAD: 2**28}
    return all([library.mallopt(name, value) == 1 for name, value in settings.items()])


def _count_arenas(library: ctypes.CDLL) -> int:
    """How many arenas there are, from the report that malloc_info writes."""
    report, size = ctypes.c_char_p(), ctypes.c_size_t()
    library.open_memstream.restype = ctypes.c_void_p
    stream = ctypes.c_void_p(library.open_memstream(ctypes.byref(report), ctypes.byref(size)))
    library.malloc_info(0, stream)
    library.fclose(stream)
    count = (report.value or b"").count(b"<heap nr=")
    library.free(report)
    return count
