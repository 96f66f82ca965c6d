"""One run at a time in a directory: two that write the same files would each undo what the other did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = ".lock"
"""File by which a run holds its directory; it stays there, and means nothing when no run is alive."""


class DirectoryInUseError(ValueError):
    """Another run is writing the directory. Says which, and what to do."""


@contextmanager
def exclusive(directory: Path) -> Iterator[None]:
    """Hold a directory while something is written into it; it is made where it is not there.

    The lock is the operating system's: it ends with the process, also with one that was killed.

    Raises:
        DirectoryInUseError: another process, or another part of this one, holds it.
        OSError: the directory cannot be made or written.
    """
    from filelock import FileLock, Timeout

    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise DirectoryInUseError(
            f"{directory} is being written by another run that has not ended; wait for it, or take another directory "
            "(paths.output_dir=...)"
        ) from None
    try:
        yield
    finally:
        lock.release()
