"""Memory that the process keeps."""


def keep_freed_memory() -> bool:
    """Placeholder until the measured version lands."""
    return False
