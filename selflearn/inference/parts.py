"""Which dialogues of the input stand together in one file of the output.

A folder of several files stays one: each of its files has its own in the output, with the same name. Everything else is
cut: one file, and a corpus whose reader takes a dialogue from several files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from selflearn.corpora import ReadReport, find_corpus


@dataclass(frozen=True, slots=True)
class Part:
    """Dialogues ``[start, stop)`` of the input, for files of this name; their suffix is that of the format."""

    name: str
    start: int
    stop: int


def check_shard_size(shard_size: int) -> None:
    """Refuse parts without dialogues, before anything is read.

    Raises:
        ValueError: ``shard_size`` is below 1.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size is {shard_size}; expected 1 or more dialogues")


def parts_of(
    report: ReadReport, dialogues: int, *, corpus: str, root: str | Path, shard_size: int, **options: object
) -> list[Part]:
    """The parts of an input, in its order.

    Args:
        report: of the reading; ``files`` says how many dialogues each file has.
        dialogues: how many there are.
        corpus: reader of the input.
        root: of the input.
        shard_size: dialogues of a part, where parts are cut.
        options: of the reader.
    """
    if len(report.files) < 2:
        starts = range(0, dialogues, shard_size)
        return [Part(f"part-{i:05}", start, min(start + shard_size, dialogues)) for i, start in enumerate(starts)]
    files = find_corpus(corpus, **options).files(Path(root).expanduser(), report.split)
    parts, start = [], 0
    for name, number in zip(_names(files), report.files, strict=True):
        parts.append(Part(name, start, start + number))
        start += number
    return parts


def _names(files: Sequence[Path]) -> list[str]:
    """Names without suffix, or with it where a JSONL and a Parquet file are called the same."""
    stems = [file.stem for file in files]
    return stems if len(set(stems)) == len(stems) else [file.name for file in files]
