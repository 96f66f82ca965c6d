"""What each format writes: files of labelled dialogues in a folder, each whole or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from selflearn._replacing import replace_text, replacing, replacing_folder
from selflearn.corpora.loading import quiet_datasets
from selflearn.corpora.rows import write_jsonl_rows, write_parquet_rows
from selflearn.inference.export.argilla import (
    argilla_audit_record,
    argilla_dataset,
    argilla_records,
    argilla_settings,
)
from selflearn.inference.export.audits import Audit
from selflearn.inference.export.conll import conll_lines
from selflearn.inference.export.label_studio import (
    label_studio_audit_task,
    label_studio_config,
    label_studio_task,
)
from selflearn.inference.export.survey import Survey, survey
from selflearn.inference.rows import Acceptance, ExportError, LabelRow, check_acceptance, table_rows
from selflearn.schema import Dialogue


@dataclass(frozen=True, kw_only=True)
class Export:
    """Dialogues on their way into files.

    Attributes:
        dialogues: as they were labelled.
        prepare: what is done to each before it is written (masking), once.
        accept: threshold and promise by task.
        model: fingerprint of the model.
        names: to choose from, by task, beside those that occur.
        audit: what is drawn for an audit; None writes everything, the least certain first.
        counts: of what was written, filled by the writers.

    Raises:
        ExportError: ``accept`` names an unknown task, or gives one task several kinds of promises.
    """

    dialogues: Sequence[Dialogue]
    prepare: Callable[[Dialogue], Dialogue] = lambda dialogue: dialogue
    accept: Mapping[str, Acceptance] = field(default_factory=dict)
    model: str | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    audit: Audit | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        check_acceptance(self.accept)

    def prepared(self, order: Iterable[int] | None = None) -> Iterator[Dialogue]:
        """The dialogues as they are written, counted; ``order`` gives their indices."""
        for i in range(len(self.dialogues)) if order is None else order:
            dialogue = self.prepare(self.dialogues[i])
            self.counts.update({"dialogues": 1, "turns": len(dialogue.turns)})
            yield dialogue

    def survey(self) -> Survey:
        """Names, kinds and order of all the dialogues."""
        return survey(self.dialogues, self.accept, self.names)

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the table of labels, counted by whether they are accepted."""
        for dialogue in self.prepared():
            for row in table_rows(dialogue, accept=self.accept, model=self.model):
                self.counts["labels"] += 1
                if row["accepted"] is not None:
                    self.counts["labels_accepted" if row["accepted"] else "labels_rejected"] += 1
                yield row


def write_table_jsonl(export: Export, folder: Path) -> None:
    """``labels.jsonl``: one label a line, with the fields of :class:`LabelRow`."""
    write_jsonl_rows(export.rows(), folder / "labels.jsonl")


def write_table_parquet(export: Export, folder: Path) -> None:
    """``labels.parquet``: one label a row, with the fields of :class:`LabelRow`."""
    write_parquet_rows(export.rows(), folder / "labels.parquet", LabelRow.features().arrow_schema)


def write_datasets(export: Export, folder: Path) -> None:
    """``labels/``: the same rows, for ``datasets.load_from_disk``."""
    from datasets import Dataset

    with TemporaryDirectory() as scratch, quiet_datasets():
        file = Path(scratch) / "labels.parquet"
        write_parquet_rows(export.rows(), file, LabelRow.features().arrow_schema)
        rows = Dataset.from_parquet(str(file), features=LabelRow.features(), cache_dir=scratch)
        with replacing_folder(folder / "labels") as partial:
            rows.save_to_disk(str(partial))


def write_conll(export: Export, folder: Path) -> None:
    """``slots.conll``: see :mod:`~selflearn.inference.export.conll`.

    Raises:
        ExportError: the name of a slot cannot be a tag.
    """
    counts: Counter[str] = Counter()
    with replacing(folder / "slots.conll") as file:
        for dialogue in export.prepared():
            for line in conll_lines(dialogue, counts):
                file.write(f"{line}\n".encode())
    export.counts.update({f"conll/{name}": number for name, number in counts.items()})


def write_label_studio(export: Export, folder: Path) -> None:
    """``tasks.json`` to import, and ``config.xml``, the labelling configuration.

    Raises:
        ExportError: a name cannot be an option in Label Studio, or the audit is of more dialogues than there are.
    """
    found, audit = export.survey(), export.audit
    config = label_studio_config(found)
    tasks: Iterator[dict[str, Any]]
    if audit is not None:
        drawn = audit.dialogues(len(export.dialogues))
        tasks = (label_studio_audit_task(dialogue, found) for dialogue in export.prepared(drawn))
    else:
        tasks = (
            label_studio_task(dialogue, found, accept=export.accept, model=export.model)
            for dialogue in export.prepared(found.order)
        )
    export.counts["tasks"] = _write_json_list(tasks, folder / "tasks.json")
    replace_text(folder / "config.xml", config)


def write_argilla(export: Export, folder: Path) -> None:
    """``records.json`` with ``.argilla/settings.json`` and ``dataset.json``, for ``argilla.Dataset.from_disk``.

    Raises:
        ExportError: the audit is of more turns than there are, or nothing is labelled that a single turn can be asked
            about.
    """
    found, audit = export.survey(), export.audit
    records: Iterator[dict[str, Any]]
    if audit is not None:
        found, drawn = found.of_turns(), audit.turns(export.dialogues)
        if not found.asked:
            raise ExportError("an audit of single turns asks about intents, slots and defects, and none of them is "
                              "labelled here; expected to=label_studio, which asks about whole dialogues")  # fmt: skip
        records = (
            argilla_audit_record(dialogue, turn)
            for dialogue, turns in zip(export.prepared(drawn), drawn.values(), strict=True)
            for turn in turns
        )
    else:
        records = (
            record
            for dialogue in export.prepared(found.order)
            for record in argilla_records(dialogue, found, accept=export.accept, model=export.model)
        )
    export.counts["records"] = _write_json_list(records, folder / "records.json")
    for name, content in (("settings", argilla_settings(found)), ("dataset", argilla_dataset())):
        replace_text(folder / ".argilla" / f"{name}.json", json.dumps(content, ensure_ascii=False, indent=1))


WRITERS: Mapping[str, tuple[Callable[[Export, Path], None], tuple[str, ...]]] = {
    "jsonl": (write_table_jsonl, ("labels.jsonl",)),
    "parquet": (write_table_parquet, ("labels.parquet",)),
    "datasets": (write_datasets, ("labels",)),
    "conll": (write_conll, ("slots.conll",)),
    "label_studio": (write_label_studio, ("tasks.json", "config.xml")),
    "argilla": (write_argilla, ("records.json", ".argilla/settings.json", ".argilla/dataset.json")),
}
"""Formats: what writes them, and the files or folders that it makes."""


def _write_json_list(items: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write a JSON list, an item a line and one at a time; returns how many."""
    written = 0
    with replacing(path) as file:
        for item in items:
            line = json.dumps(item, ensure_ascii=False, allow_nan=False).encode()
            file.write((b",\n" if written else b"[\n") + line)
            written += 1
        file.write(b"\n]\n" if written else b"[]\n")
    return written
