"""Memory that a training step gives back to the system, only to ask for it again in the next."""

import ctypes
import sys

# mallopt's parameters, as numbered in glibc's malloc.h
TRIM_THRESHOLD, TOP_PAD, MMAP_MAX, ARENA_MAX = -1, -2, -4, -8


def keep_freed_memory() -> bool:
    """Tell the C library to keep what this process frees, for its next allocations.

    XLA on CPU allocates its temporary arrays anew in every step. By default glibc hands large ones back to the kernel
    as soon as they are freed, and the kernel clears every page again when it is next touched. Afterwards, what the
    process holds never shrinks below its peak.

    Returns:
        True if the C library agreed; False where it is not glibc, and nothing was changed.
    """
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    settings = {MMAP_MAX: 0, TRIM_THRESHOLD: -1, TOP_PAD: 1 << 28, ARENA_MAX: 1}
    return all([library.mallopt(name, value) == 1 for name, value in settings.items()])
