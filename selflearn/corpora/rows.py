"""Rows of JSONL and Parquet files, one at a time and with their places; writers that leave whole files or none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from selflearn._replacing import replacing
from selflearn.corpora.corpus import CorpusError, parsed_json
from selflearn.schema import RecordError

SUFFIXES = (".jsonl", ".parquet")
CONVERT = "another table becomes one by pandas.read_csv(...).to_parquet(...), say"
BATCH = 512
"""Rows of dialogues in memory at a time, and rows of a row group."""
SMALL_ROWS = 16_384
"""The same of tables whose rows are a label or a goal: small groups of them take long to write, and to read."""


class Row(NamedTuple):
    """One row with its place: ``number`` is the line in JSONL (from 1), the row in Parquet (from 0, as in pandas)."""

    file: Path
    number: int
    values: Mapping[str, Any]


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a file by its suffix, ``.jsonl`` or ``.parquet``.

    Raises:
        CorpusError: another suffix, or the file is damaged; names file, line and column.
        RecordError: a line is not an object.
    """
    if path.suffix == ".jsonl":
        return _read_jsonl(path)
    if path.suffix == ".parquet":
        return _read_parquet(path)
    raise CorpusError(f"{path}: the suffix is {path.suffix!r}; expected {' or '.join(SUFFIXES)}: {CONVERT}")


def column_names(path: Path) -> list[str]:
    """Names of the columns of a file; for JSONL, every key that any line has."""
    if path.suffix == ".parquet":
        with _parquet(path) as file:
            return list(file.schema_arrow.names)
    names: dict[str, None] = {}
    for row in read_rows(path):
        names.update(dict.fromkeys(row.values))
    return list(names)


def write_jsonl_rows(rows: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write one JSON object a line; returns how many."""
    written = 0
    with jsonl_writer(path) as write:
        for row in rows:
            write(row)
            written += 1
    return written


@contextmanager
def jsonl_writer(path: Path) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes one row as a JSON object; the file appears whole, at the end."""
    with replacing(path) as file:

        def write(row: Mapping[str, Any]) -> None:
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n")

        yield write


def write_parquet_rows(rows: Iterable[Mapping[str, Any]], path: Path, schema: Any) -> int:
    """Write rows of a ``pyarrow`` schema; returns how many."""
    written = 0
    with parquet_writer(path, schema) as write:
        for row in rows:
            write(row)
            written += 1
    return written


@contextmanager
def parquet_writer(path: Path, schema: Any, *, group: int = BATCH) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """A function that writes one row of a ``pyarrow`` schema; the file appears whole, at the end.

    Args:
        path: of the file.
        schema: of its rows.
        group: rows in memory at a time, and of a row group.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    batch: list[Mapping[str, Any]] = []
    with replacing(path) as file, pq.ParquetWriter(file, schema) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            batch.clear()

        def write(row: Mapping[str, Any]) -> None:
            batch.append(row)
            if len(batch) == group:
                flush()

        yield write
        if batch:
            flush()


def _read_jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = parsed_json(line)
            except UnicodeDecodeError as error:
                raise CorpusError(f"{path}:{number}: not UTF-8 text at byte {error.start} of the line") from error
            except json.JSONDecodeError as error:
                raise CorpusError(
                    f"{path}:{number}: not valid JSON at column {error.colno} of {len(error.doc)}: {error.msg}; "
                    "the line is cut short or damaged"
                ) from error
            if not isinstance(values, dict):
                raise RecordError("line", values, "a JSON object", file=str(path), row=number)
            yield Row(path, number, values)


def _read_parquet(path: Path) -> Iterator[Row]:
    number = 0
    with _parquet(path) as file:
        for batch in file.iter_batches(batch_size=BATCH):
            for values in batch.to_pylist():
                yield Row(path, number, values)
                number += 1


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except (pa.ArrowInvalid, OSError) as error:  # pages that cannot be unpacked are OSErrors without a number
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise CorpusError(f"{path}: not a Parquet file, cut short or damaged: {error}") from error


def shard_files(folder: Path, split: str) -> Sequence[Path]:
    """``SPLIT.jsonl``, ``SPLIT.parquet`` and their shards ``SPLIT-*`` in a folder, by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in SUFFIXES and (path.stem == split or path.stem.startswith(f"{split}-"))
    )
