"""Labelled dialogues are written from the rows that were read: all but their labels is there already, as Arrow has it.

To make rows of all the turns again would take as long as to find out what their labels are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selflearn._replacing import replacing
from selflearn.batching.rows import DialogueRows
from selflearn.corpora.rows import BATCH, jsonl_writer
from selflearn.schema import Dialogue


@contextmanager
def relabelled_writer(path: Path, rows: DialogueRows) -> Iterator[Callable[[Dialogue], None]]:
    """A function that writes one dialogue after the other, and a file that appears whole, at the end.

    Args:
        path: a ``.parquet`` or a ``.jsonl`` file.
        rows: the dialogues as they were read; those that are written differ in their labels alone, are as many at the
            most, and come in the same order.

    Raises:
        ValueError: another dialogue is written where one was read.
    """
    if path.suffix == ".jsonl":
        with jsonl_writer(path) as write_row:
            yield lambda dialogue: write_row(dialogue.to_dict())
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = Dialogue.features().arrow_schema
    place, read = schema.get_field_index("labels"), rows.dataset.with_format("arrow")
    labels: list[dict[str, Any]] = []
    names: list[str] = []
    done = 0
    with replacing(path) as file, pq.ParquetWriter(file, schema) as writer:

        def flush() -> None:
            nonlocal done
            table = read[done : done + len(labels)]
            if table["id"].to_pylist() != names:
                raise ValueError(f"dialogues {names[0]!r} to {names[-1]!r} are not those that were read in their "
                                 "place; expected them one to one, in the same order")  # fmt: skip
            said = pa.array(labels, schema.field(place).type)
            writer.write_table(table.set_column(place, schema.field(place), said))
            done += len(labels)
            labels.clear()
            names.clear()

        def write(dialogue: Dialogue) -> None:
            labels.append(dialogue.labels.to_dict())
            names.append(dialogue.id)
            if len(labels) == BATCH:
                flush()

        yield write
        if labels:
            flush()
