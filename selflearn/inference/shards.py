"""Labelling of files: records or a flat table in, labelled records and goal records out, a shard at a time.

The output folder::

    dialogues/part-00000.parquet   labelled records, in the order of the input; load_dialogues("table") reads them;
                                   named as the files of the input, where that is a folder of several
    labels/part-00000.parquet      one row a label: task, place, value, score, accepted or not, and what was promised
    goals.parquet                  goal records, one row a goal, with what is accepted and promised of it
    labelling.json                 what was labelled with what, the counts of each shard, and the seconds of each stage

A labelling that was stopped goes on after its last finished shard, when it is started again with the same output; until
it is at its end, readers refuse its dialogues.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from selflearn._replacing import advice_where_full, replace_text
from selflearn.batching.rows import DialogueRows
from selflearn.corpora import ReadReport, load_dialogues, read_report
from selflearn.corpora.lock import exclusive
from selflearn.corpora.rows import SMALL_ROWS, jsonl_writer, parquet_writer, read_rows
from selflearn.corpora.unfinished import mark_finished, mark_unfinished
from selflearn.inference.doubts import given_fields, warn_of_doubts
from selflearn.inference.goal_rows import GoalRow, goal_rows
from selflearn.inference.labeler import Labeler, LabelledDialogue
from selflearn.inference.pace import STAGES, Pace
from selflearn.inference.parts import Part, check_shard_size, parts_of
from selflearn.inference.promises import acceptance
from selflearn.inference.relabelled import relabelled_writer
from selflearn.inference.rows import LabelRow
from selflearn.schema import Record

Format = Literal["parquet", "jsonl"]
Progress = Callable[[int, int], None]

STEP = 256
"""Dialogues after which progress is told: as many as a labeler answers at a time."""


class LabellingError(ValueError):
    """The output folder cannot be used: it holds something else. Says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabellingReport:
    """What was labelled, and where it is.

    Attributes:
        counts: ``dialogues``, ``turns``, ``goals``; ``goals_reached`` and ``goals_failed`` as the model judged;
            ``truncated_texts`` (texts read in part), ``windowed_dialogues`` (read in several windows),
            ``turns_not_seen`` (beyond the longest dialogue, left without labels), ``missing_recordings`` (of a model
            that reads audio), ``not_written/TASK`` for answers that have no place in the record, and
            ``labels_accepted/TASK`` and ``labels_rejected/TASK`` of tasks that something is promised of.
        read: what the reader of the input joined, left out and did not map.
        dialogues: folder of the labelled records.
        labels: folder of the table of labels.
        goals: file of the goal records.
        pace: of the shards that were labelled and timed; None where none was.
    """

    counts: Mapping[str, int]
    read: ReadReport
    dialogues: Path
    labels: Path
    goals: Path
    pace: Pace | None = None


def label_file(
    labeler: Labeler,
    file: str | Path,
    output: str | Path,
    *,
    format: Format = "parquet",
    shard_size: int = 1000,
    corpus: str = "table",
    split: str = "all",
    cache_dir: str | Path | None = None,
    progress: Progress | None = None,
    **options: object,
) -> LabellingReport:
    """Label the dialogues of a file, and write them and their goal records.

    The input is read, and checked, to its end before anything is labelled; what it lacks that the model was trained
    with is logged as a warning (:func:`~selflearn.inference.input_doubts`). Where it lacks what the audited dialogues
    had, or where the end of a dialogue is left out, nothing is accepted (:meth:`Labeler.promising`).

    Args:
        labeler: labels.
        file: JSONL or Parquet, in record format or a flat table; or a folder of them; or, with ``corpus``, a release.
        output: folder, see above; made where it is not there.
        format: of what is written, "parquet" or "jsonl".
        shard_size: dialogues of a part, where the input is not a folder of several files: there each file is a part. A
            part is what is lost at most when the work is stopped.
        corpus: reader of the input (:func:`~selflearn.corpora.corpus_names`).
        split: of the input; "all" is every dialogue of a file.
        cache_dir: of the read dialogues; default: the cache of ``datasets``.
        progress: called with the number of dialogues done and of all dialogues: at once, from time to time in a part,
            and when one is written.
        options: of the reader, for a flat table ``columns={field: column}``.

    Raises:
        CorpusError: the input is missing, empty or damaged, or lacks a mapped column.
        RecordError: a value of the input breaks the record contract; names file, row and field.
        LabellingError: the output folder holds another labelling, or something else.
        DirectoryInUseError: another run is labelling into it.
        OSError: the disk is full (what is written is whole, and the same call goes on from there); names the file.
        TooLongError: something is too long and the labeler was made with ``on_overflow="error"``.
        ValueError: ``format`` is none of the two, or ``shard_size`` is below 1.
    """
    if format not in ("parquet", "jsonl"):
        raise ValueError(f"format is {format!r}; expected 'parquet' or 'jsonl'")
    check_shard_size(shard_size)
    where: dict[str, Any] = {"root": file, "split": split, "cache_dir": cache_dir, **options}
    rows, read = DialogueRows(load_dialogues(corpus, **where)), read_report(corpus, **where)
    warn_of_doubts(labeler, rows)
    labeler = labeler.promising(given_fields(labeler, rows), cut_off=_cuts_off(labeler, rows))
    parts = parts_of(read, len(rows), corpus=corpus, root=file, shard_size=shard_size, **options)
    cut = {"shard_size": shard_size} if len(read.files) < 2 else {"files": [part.name for part in parts]}
    settings = {"input": rows.dataset._fingerprint, "format": format, **cut}
    folder = _Folder(Path(output), _settings(labeler) | settings, labeler.names)
    folder.check()  # before a lock is put into what may be somebody's own
    with exclusive(folder.path), advice_where_full():
        folder.claim()
        if not folder.finished:
            mark_unfinished(folder.dialogues)
        _label_missing(folder, labeler, rows, parts[len(folder.shards) :], progress or (lambda done, total: None))
        folder.finish([part.name for part in parts])
    counts: Counter[str] = Counter()
    for counted in folder.shards:
        counts.update(counted)
    return LabellingReport(
        counts={name: counts[name] for name in sorted(counts, key=_by_task)}, read=read,
        dialogues=folder.dialogues, labels=folder.labels, goals=folder.goals, pace=folder.pace(),
    )  # fmt: skip


def _cuts_off(labeler: Labeler, rows: DialogueRows) -> bool:
    """Whether a dialogue has more turns than are read of it."""
    if labeler.system.on_overflow != "truncate":
        return False
    import pyarrow.compute as pc

    batches = rows.dataset.select_columns("turns").with_format("arrow").iter(batch_size=1000)
    longest = max((pc.max(pc.list_value_length(batch["turns"])).as_py() for batch in batches), default=0)
    return bool(longest > labeler.system.model.config.max_turns)


def _by_task(count: str) -> tuple[str, str]:
    """Last what is accepted and what is rejected of each task, together; all else stays in its order."""
    what, _, task = count.partition("/")
    return (task, what) if what.startswith("labels_") else ("", "")


def _label_missing(
    folder: _Folder, labeler: Labeler, rows: DialogueRows, missing: Sequence[Part], progress: Progress
) -> None:
    """Label and write the last parts; what is done counts from the first dialogue of the first part."""
    progress(missing[0].start if missing else len(rows), len(rows))
    for part in missing:
        given = rows[part.start : part.stop]
        folder.write(part.name, _told(labeler.stream(given), part.start, len(rows), progress), given, labeler)
        progress(part.stop, len(rows))


def _told(
    labelled: Iterable[LabelledDialogue], start: int, total: int, progress: Progress
) -> Iterator[LabelledDialogue]:
    """The same dialogues; tells from time to time how many are through, those before them included."""
    for number, one in enumerate(labelled):
        if number and number % STEP == 0:
            progress(start + number, total)
        yield one


def _settings(labeler: Labeler) -> dict[str, Any]:
    """What the answers of a labeler depend on."""
    system = labeler.system
    promised = {task: acceptance(certificate).to_dict() for task, certificate in labeler.promises.items()}
    found = {"model": labeler.fingerprint, "promises": promised, "on_overflow": system.on_overflow, "bf16": system.bf16}
    if system.model.recordings is not None and system.model.config.reads_audio:
        found["recordings"] = str(system.model.recordings.root)
    return found


def _changed(name: str, old: object, new: object) -> str:
    """What is not as it was; of promises, which are long, of which tasks."""
    if name != "promises" or not isinstance(old, dict) or not isinstance(new, dict):
        return f"{name} was {old}, is {new}"
    tasks = sorted(task for task in old.keys() | new.keys() if old.get(task) != new.get(task))
    return f"the promises of {', '.join(tasks)} are others: the model was certified since"


class _Folder:
    """The output of one labelling; ``shards`` holds the counts of those that are finished, ``times`` what they took."""

    def __init__(self, path: Path, settings: Mapping[str, Any], names: Mapping[str, Sequence[str]]) -> None:
        self.names = {task: list(known) for task, known in names.items()}
        self.path, self.settings, self.suffix = path.expanduser(), dict(settings), f".{settings['format']}"
        self.dialogues, self.labels = self.path / "dialogues", self.path / "labels"
        self.goals = self.path / f"goals{self.suffix}"
        self.goal_parts, self.state = self.path / "goals.parts", self.path / "labelling.json"
        self.shards: list[dict[str, int]] = []
        self.times: list[dict[str, Any]] = []
        self.finished = False

    def check(self) -> None:
        """Refuse a folder that holds something else."""
        if self.state.is_file():
            return
        taken = [self.path] if self.path.exists() and not self.path.is_dir() else []
        if self.path.is_dir():  # hidden files are ours: of a run that writes, or was killed
            taken = sorted(path for path in self.path.iterdir() if not path.name.startswith("."))
        if taken:
            raise LabellingError(f"{taken[0]} is there already and is no part of a labelling; expected a folder "
                                 "of its own for the output: give another one")  # fmt: skip

    def claim(self) -> None:
        """Make the folder ours, or go on where the same labelling stopped."""
        self.check()
        for folder in (self.path, self.dialogues, self.labels):
            for half in folder.glob(".*.partial"):  # of a run that was killed
                half.unlink()
        if not self.state.is_file():
            self._save()
            return
        try:
            found = json.loads(self.state.read_text("utf-8"))
            old, self.shards, self.finished = found["settings"], found["shards"], found["finished"]
            self.times = found.get("times", [{} for _ in self.shards])
        except (ValueError, KeyError, TypeError) as error:
            raise LabellingError(f"{self.state} cannot be read ({error}); give another output, or remove it") from error
        changed = [
            _changed(name, old.get(name), self.settings.get(name))
            for name in {**old, **self.settings}  # of recordings, say, that there were or are none
            if old.get(name) != self.settings.get(name)
        ]
        if changed:
            raise LabellingError(f"{self.path} holds another labelling ({'; '.join(changed)}); give another "
                                 "output (paths.output_dir=...), or remove it")  # fmt: skip

    def write(self, name: str, labelled: Iterable[LabelledDialogue], given: DialogueRows, labeler: Labeler) -> None:
        """Write one shard, labelled as it was given; it counts as finished when all of it is there."""
        before = dict(labeler.clock.seconds)
        with labeler.clock.stage("write"):
            counts, labels = self._write_shard(f"{name}{self.suffix}", labelled, given, labeler)
        spent = {stage: seconds - before.get(stage, 0.0) for stage, seconds in labeler.clock.seconds.items()}
        self.shards.append(dict(counts))
        self.times.append({"seconds": {stage: round(spent[stage], 6) for stage in STAGES if spent.get(stage)},
                           "labels": labels})  # fmt: skip
        self._save()

    def _write_shard(
        self, name: str, labelled: Iterable[LabelledDialogue], given: DialogueRows, labeler: Labeler
    ) -> tuple[Counter[str], int]:
        """Write it, a dialogue at a time; returns its counts and how many labels it has."""
        counts, labels = Counter(dialogues=0), 0
        with (
            relabelled_writer(self.dialogues / name, given) as write_dialogue,
            self._writer(self.labels / name, LabelRow) as write_label,
            self._writer(self.goal_parts / name, GoalRow) as write_goal,
        ):
            for item in labelled:
                _count(item, counts)
                rows = labeler.accept(item)
                for row in rows:
                    labels += any(row[name] is not None for name in ("label", "value", "score"))
                    if row["accepted"] is not None:
                        counts[f"labels_{'accepted' if row['accepted'] else 'rejected'}/{row['task']}"] += 1
                    write_label(row)
                for goal in goal_rows(item.goals, rows):
                    write_goal(goal)
                write_dialogue(item.dialogue)
        return counts, labels

    def pace(self) -> Pace | None:
        """Of all shards that were timed."""
        return Pace.of_parts(
            (times.get("seconds", {}), counts, times.get("labels", 0))
            for times, counts in zip(self.times, self.shards, strict=True)
        )

    def finish(self, names: Sequence[str]) -> None:
        """Put the goal records of all shards together, in their order."""
        if not self.finished:
            with self._writer(self.goals, GoalRow) as write:
                for row in chain.from_iterable(read_rows(self.goal_parts / f"{n}{self.suffix}") for n in names):
                    write(row.values)
            self.finished = True
            self._save()
        mark_finished(self.dialogues)
        if self.goal_parts.is_dir():
            shutil.rmtree(self.goal_parts)

    def _writer(self, path: Path, kind: type[Record]) -> AbstractContextManager[Callable[[Mapping[str, Any]], None]]:
        if self.suffix != ".parquet":
            return jsonl_writer(path)
        return parquet_writer(path, kind.features().arrow_schema, group=SMALL_ROWS)

    def _save(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        state = {
            "settings": self.settings, "names": self.names, "finished": self.finished, "shards": self.shards,
            "times": self.times,
        }  # fmt: skip
        replace_text(self.state, json.dumps(state, indent=1))


def _count(item: LabelledDialogue, counts: Counter[str]) -> None:
    turns = len(item.dialogue.turns)
    success = [record.success for record in item.goals]
    found: Sequence[tuple[str, int]] = (
        ("dialogues", 1), ("turns", turns), ("goals", len(item.goals)), ("goals_reached", success.count(True)),
        ("goals_failed", success.count(False)), ("truncated_texts", item.read.truncated_texts),
        ("windowed_dialogues", int(item.read.windows > 1)), ("turns_not_seen", turns - item.read.turns_seen),
        ("missing_recordings", item.read.missing_recordings),
        *((f"not_written/{name}", len(answers)) for name, answers in item.extra.items()),
    )  # fmt: skip
    counts.update(dict(found))
