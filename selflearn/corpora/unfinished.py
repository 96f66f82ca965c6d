"""Folders that say of themselves that they are not finished: nobody takes half a log for a whole one."""

from __future__ import annotations

from pathlib import Path

from selflearn.corpora.corpus import CorpusError

MARK = "_UNFINISHED"
"""File that a writer leaves in its folder from its first file to its last; that of a writer that was killed stays. What
reads a folder as one table takes a name with ``_`` for no part of it."""

_WORDS = "Files are still missing here. Who writes this folder removes this file when all are there.\n"


def mark_unfinished(folder: Path) -> None:
    """Say that files of the folder are still to come; it is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text(_WORDS, "utf-8")


def mark_finished(folder: Path) -> None:
    """Say that all are there; where nothing said otherwise, nothing is touched."""
    if (folder / MARK).is_file():
        (folder / MARK).unlink()


def check_finished(folder: Path) -> None:
    """Refuse a folder that says that it is not finished.

    Raises:
        CorpusError: names the file that says so.
    """
    if (folder / MARK).is_file():
        raise CorpusError(
            f"{folder / MARK} says that files are still missing: the folder is being written, or its writer was "
            "stopped. Expected a finished folder: wait for the writer, or start the same command again, it goes on "
            "from there; a single file of the folder can be read as it is"
        )
