"""People's own logs as JSONL or Parquet: in our record format, or as a flat table of turns with other column names.

**Record format**: one dialogue a line or row, as ``Dialogue.to_dict()`` (documented by ``Dialogue.features()``); what
:func:`write_jsonl` and :func:`write_parquet` write. Nothing is lost either way.

**Flat table**: one row a turn, rows of a dialogue together and in order; ``columns`` maps our fields to columns:

* the dialogue: ``dialogue_id`` (needed), ``user_id``, ``device_id`` (strings or whole numbers), ``started_at`` (seconds
  since 1970-01-01 UTC), ``system_version``, ``split``; rows of a dialogue must agree, or leave them empty. A dialogue
  whose ``split`` is empty throughout is in "all" alone; elsewhere it is counted as left out.
* the turn: ``request``, ``response``, ``seconds`` (since the dialogue's start), ``status``, ``device_type``,
  ``location``, ``audio``, ``propensity``; ``categorical`` and ``numeric`` take *lists* of columns, kept by name.
* feedback: ``barge_in``, ``rephrase``, ``termination``, ``repetition``, ``answer`` (true or false), ``rating``.
* goals: ``goal_start`` (true where one starts) or ``goal_id`` (a new goal where it changes; empty goes with the goal
  before); ``goal_name``, ``goal_domain``, ``success`` on any row of the goal. With only the latter three a dialogue
  in which one of them is filled is one goal. Where all are empty throughout a dialogue it has no goal labels, nor where
  ``goal_start`` or ``goal_id`` is mapped and empty (what the others say of it is left out and counted).
* labels of the turn: ``intent``, ``slots`` (a list, or its JSON, of ``{"name", "start", "end", "value"}`` with
  character offsets into the request; empty: not labelled, ``[]``: none), ``transcript``, ``defect``.

An empty cell (null) means "not logged" or "not labelled". Nothing is cast but ids to strings: 0 and 1 are not false and
true, and NaN is an error. Columns that are not mapped are named in the read report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from selflearn.corpora._flat import FIELDS, FlatTable, flat_table
from selflearn.corpora.corpus import Corpus, CorpusError, ReadReport
from selflearn.corpora.rows import (
    CONVERT,
    SUFFIXES,
    Row,
    column_names,
    read_rows,
    shard_files,
    write_jsonl_rows,
    write_parquet_rows,
)
from selflearn.corpora.unfinished import check_finished
from selflearn.schema import Dialogue, RecordError

_TABLES = (*SUFFIXES, ".ndjson", ".csv", ".tsv", ".xlsx", ".feather", ".arrow", ".gz", ".bz2", ".xz", ".zst", ".zip")
"""Names of tables end like that, in any case."""


@dataclass(frozen=True, kw_only=True)
class Table(Corpus):
    """Reader of people's own files. The root is a file, or a folder with ``SPLIT.jsonl``, ``SPLIT.parquet`` or shards.

    The split "all" is every dialogue (of a folder without files of that name, every file). Another split is the
    dialogues that say so, in the record or in the column mapped to ``split``; where none can say so, it is the file
    named after it. Each record keeps its own split. A dialogue belongs to the file that it begins in. Other tables of a
    folder (CSV, compressed) are counted as left out. A folder with a file ``_UNFINISHED`` is refused: its writer is not
    done. Of the output of a labelling its ``dialogues`` can be read.

    Attributes:
        columns: column by field, for a flat table; None for the record format, or for a flat table whose columns are
            named as our fields.
        corpus_name: goes into the records of a flat table.
    """

    name: ClassVar[str] = "table"
    version: ClassVar[int] = 3  # 3: dialogues of which no goal is labelled have none
    splits: ClassVar[Mapping[str, str]] = {}
    source: ClassVar[str] = "Give a .jsonl or .parquet file, or a folder with SPLIT.jsonl or SPLIT.parquet"
    checks_ids: ClassVar[bool] = True

    columns: Mapping[str, Any] | None = None
    corpus_name: str = "table"

    def __post_init__(self) -> None:
        """Refuse a mapping that is none, before any file is read."""
        if self.columns is not None:
            flat_table(self.columns, self.corpus_name, "all")

    def files(self, root: Path, split: str) -> list[Path]:
        """The file, or the files of the split by name.

        Raises:
            CorpusError: there is no table of the split, nothing says which rows it has, or the folder is not finished.
        """
        found = [root] if root.is_file() else self._in_folder(root, split)
        if self.columns is not None and "split" not in self.columns:
            _check_named(found, split)  # here, as a cache knows the files by what they hold alone
        return found

    def _in_folder(self, root: Path, split: str) -> list[Path]:
        check_finished(root)
        if (root / "labelling.json").is_file():  # its goal records are a table too, of something else
            raise CorpusError(f"table: {root} is the output of a labelling; expected the folder of its dialogues, "
                              f"{root / 'dialogues'}")  # fmt: skip
        found = [*shard_files(root, split)]
        if not found and split == "all":
            found = sorted(path for path in root.iterdir() if path.suffix in SUFFIXES)
        if not found:
            held = ", ".join(sorted(path.name for path in root.iterdir())[:8]) or "nothing"
            wanted = "a .jsonl or .parquet file" if split == "all" else f"{split}.jsonl or {split}.parquet"
            advice = f"; {CONVERT}" if any(path.suffix in (".csv", ".tsv") for path in root.iterdir()) else ""
            raise CorpusError(
                f"table: {root} has no table of the split {split!r}: expected {wanted}, found {held}{advice}"
            )
        return found

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield the dialogues of the split in the order of the rows.

        Raises:
            CorpusError: there is no table of the split, it is empty, or its columns are not those that are mapped.
            RecordError: a value breaks the record contract; names file, row and column.
        """
        files = self.files(root, split)
        for path in _other_tables(root, files, split):
            report.add("dropped/other_files", where=path.name)
        rows = chain.from_iterable(read_rows(path) for path in files)
        first = next(rows, None)
        if first is None:
            raise CorpusError(f"{files[0]}: the file is empty; expected at least one dialogue")
        rows = chain([first], rows)
        if self.columns is None and "turns" in first.values and "dialogue_id" not in first.values:
            found = _records(rows)
        else:
            present = {path: names for path in files if (names := column_names(path))}
            mapping = self._mapping(first, present)
            flat = flat_table(mapping, self.corpus_name, "all" if "split" in mapping else split)
            if self.columns is not None:
                _check_columns(flat, present)
            for column in dict.fromkeys(chain.from_iterable(present.values())):
                report.add("columns_not_mapped", column not in flat.names(), where=column)
            if "split" not in mapping:
                _check_named(files, split)
            found = flat.dialogues(rows, report)
        report.files[:] = [0] * len(files)
        places = {path: place for place, path in enumerate(files)}
        for path, dialogue in found:
            if split in ("all", dialogue.split):
                report.files[places[path]] += 1
                report.add("dialogues")
                report.add("turns", len(dialogue.turns))
                yield dialogue
            elif dialogue.split == "all":  # nothing says where it belongs
                report.add("dropped/dialogues_without_a_split", where=dialogue.id)
            else:
                report.add(f"dialogues_of_other_splits/{dialogue.split}")

    def _mapping(self, first: Row, present: Mapping[Path, Sequence[str]]) -> Mapping[str, Any]:
        if self.columns is not None:
            return self.columns
        if "dialogue_id" not in first.values:
            raise CorpusError(
                f"{first.file}:{first.number}: neither our record format (no field 'turns') nor a flat table with "
                f"our names (no column 'dialogue_id'); give columns={{field: column}}. Columns here: "
                f"{', '.join(first.values)}. Fields: {', '.join(FIELDS)}"
            )
        known = {name for names in present.values() for name in names}
        return {field: field for field in FIELDS if field in known}


CORPUS = Table()


def write_jsonl(dialogues: Iterable[Dialogue], path: str | Path) -> int:
    """Write dialogues to a JSONL file, one a line, without loss; the file is replaced when all are written.

    Returns:
        How many were written.
    """
    return write_jsonl_rows((dialogue.to_dict() for dialogue in dialogues), Path(path))


def write_parquet(dialogues: Iterable[Dialogue], path: str | Path) -> int:
    """Write dialogues to a Parquet file, one a row, without loss; ``datasets`` reads it with the same features.

    Returns:
        How many were written.
    """
    return write_parquet_rows(
        (dialogue.to_dict() for dialogue in dialogues), Path(path), Dialogue.features().arrow_schema
    )


def _other_tables(root: Path, files: Sequence[Path], split: str) -> list[Path]:
    """Files of a folder that may hold more of the split, and are not read: a compressed part, a CSV file.

    One that has the name of a file that is read is what that was made of.
    """
    if root.is_file():
        return []
    begins = ("",) if split == "all" else (f"{split}.", f"{split}-")
    found = (path for path in sorted(root.iterdir()) if path.name.lower().endswith(_TABLES) and path not in files)
    made_of = tuple(f"{path.stem}." for path in files)
    return [path for path in found if path.name.startswith(begins) and not path.name.startswith((".", "_", *made_of))]


def _records(rows: Iterable[Row]) -> Iterator[tuple[Path, Dialogue]]:
    seen: set[int] = set()
    for row in rows:
        dialogue = Dialogue.from_dict(row.values, file=str(row.file), row=row.number)
        key = hash((dialogue.corpus, dialogue.split, dialogue.id))
        if key in seen:
            expected = f"an id that is used once in {dialogue.corpus} ({dialogue.split})"
            raise RecordError("id", dialogue.id, expected, file=str(row.file), row=row.number)
        seen.add(key)
        yield row.file, dialogue


def _check_columns(flat: FlatTable, present: Mapping[Path, Sequence[str]]) -> None:
    """Every column that the caller named must be in every file that has any."""
    places = [*flat.columns.items(), *((field, column) for field, names in flat.free.items() for column in names)]
    for path, names in present.items():
        for field, column in places:
            if column not in names:
                raise CorpusError(
                    f"{path}: no column {column!r}, which columns maps to the field {field!r}; "
                    f"the file has: {', '.join(names)}"
                )


def _check_named(files: Sequence[Path], split: str) -> None:
    """Without a split column every name would give the same dialogues: train and test must not be the same ones."""
    named = all(path.stem == split or path.stem.startswith(f"{split}-") for path in files)
    if split != "all" and not named:
        raise CorpusError(
            f"{files[0]}: nothing says which rows are the split {split!r}; ask for 'all', map a column to "
            f"'split', or name the file {split}{files[0].suffix}"
        )
