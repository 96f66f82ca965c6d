"""Files and folders that are there whole or not at all, whoever is killed meanwhile and however many write them."""

from __future__ import annotations

import errno
import io
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

DISK_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}
"""What the operating system says where there is no more room: on the disk, for the user, in a file."""


@contextmanager
def advice_where_full() -> Iterator[None]:
    """Say of a full disk what a command says that goes on where it stopped: nothing is lost, and what to do.

    Raises:
        OSError: the disk is full; says what to do. Others come through as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in DISK_FULL or error.filename is None:
            raise
        said = f"{error.strerror}; what is finished is whole: make room and start the same again, it goes on there"
        raise OSError(error.errno, said, error.filename) from error


class _NamedFile(io.FileIO):
    """A file whose faults say what was to be written; those of the operating system know a number alone."""

    def __init__(self, partial: Path, path: Path) -> None:
        super().__init__(partial, "wb")
        self.path = path

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from None


@contextmanager
def replacing_path(path: Path) -> Iterator[Path]:
    """A name beside ``path``, of this process alone, for what writes files by name; takes its place when all went well.

    The name has the process in it, as of two that write one name the second finds nothing left to put in its place.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file beside ``path`` that takes its place when all went well, so that no reader meets half a file.

    Raises:
        OSError: it cannot be written, as the disk is full (:data:`DISK_FULL`), say; names ``path``.
    """
    with replacing_path(path) as partial, io.BufferedWriter(_NamedFile(partial, path)) as file:
        yield file
        file.close()  # before it is put in place


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` that takes its place when all went well; ``path`` is not there yet, or is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.mkdir()
        yield partial
        os.replace(partial, path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def replace_text(path: Path, text: str) -> None:
    """Write a text file in the place of what is there."""
    with replacing(path) as file:
        file.write(text.encode())
