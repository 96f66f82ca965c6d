"""From the folder of a labelling to the files of another tool, in one call."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from selflearn.batching.rows import DialogueRows
from selflearn.corpora import load_dialogues
from selflearn.inference.export.audits import Audit
from selflearn.inference.export.files import WRITERS, Export
from selflearn.inference.export.masking import Masker
from selflearn.inference.rows import Acceptance, ExportError
from selflearn.schema import Dialogue


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportReport:
    """What was exported, and where it is.

    Attributes:
        counts: dialogues, turns, and what the format writes or had to leave out.
        masked: number of masks by kind; empty where nothing was to be masked.
        files: files and folders that were written.
    """

    counts: Mapping[str, int]
    masked: Mapping[str, int]
    files: tuple[Path, ...]


def export_labelled(
    folder: str | Path,
    output: str | Path,
    *,
    to: str,
    accept: Mapping[str, Acceptance] | None = None,
    audit: Audit | None = None,
    masker: Masker | None = None,
    cache_dir: str | Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Export what :func:`~selflearn.inference.label_file` wrote.

    Args:
        folder: its output, finished.
        output: folder for the files; made where it is not there. Nothing in it is overwritten.
        to: format, one of :data:`~selflearn.inference.export.files.WRITERS`.
        accept: threshold and promise by task; None for those that the labelling was made with.
        audit: what is drawn for people to label by themselves; None exports everything.
        masker: masks personal data; None exports texts as they are.
        cache_dir: of the read dialogues; default: the cache of ``datasets``.
        progress: called with the number of dialogues done and of all dialogues.

    Raises:
        ExportError: unknown format or task, the folder is no finished labelling, the output is taken, a name cannot
            be written in the format, or the audit cannot be drawn.
        CorpusError: a labelled file is missing or damaged.
    """
    _check_format(to)
    found = labelled_dialogues(folder, cache_dir=cache_dir)
    return export_dialogues(
        found.dialogues, output, to=to, accept=found.accept if accept is None else accept, model=found.model,
        names=found.names, audit=audit, masker=masker, progress=progress,
    )  # fmt: skip


def export_dialogues(
    dialogues: Sequence[Dialogue],
    output: str | Path,
    *,
    to: str,
    accept: Mapping[str, Acceptance] | None = None,
    model: str | None = None,
    names: Mapping[str, Sequence[str]] | None = None,
    audit: Audit | None = None,
    masker: Masker | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Export dialogues with labels of any source; none at all give empty files.

    Args:
        dialogues: with labels.
        model: fingerprint of the model whose labels they are.
        output: see :func:`export_labelled`, also for the other arguments.
        to: format.
        accept: threshold and promise by task.
        names: of "intent" and "slots", those that reviewers may choose beside the ones that occur.
        audit: what is drawn for people to label by themselves.
        masker: masks personal data.
        progress: called with the number of dialogues done and of all dialogues.

    Raises:
        ExportError: unknown format or task, the output is taken, a name cannot be written in the format, or the audit
            cannot be drawn.
    """
    _check_format(to)
    writer, file_names = WRITERS[to]
    if audit is not None:
        audit.check(to)
    files = tuple(Path(output).expanduser() / name for name in file_names)
    taken = next((path for path in files if path.exists()), None)
    if taken is not None:
        raise ExportError(f"{taken} is there already; give another output, or remove it")
    masked: Counter[str] = Counter()
    done = 0

    def prepare(dialogue: Dialogue) -> Dialogue:
        nonlocal done
        if masker is not None:
            dialogue, counts = masker.mask(dialogue)
            masked.update(counts)
        done += 1
        if progress is not None:
            progress(done, len(dialogues) if audit is None else min(audit.number, len(dialogues)))
        return dialogue

    export = Export(
        dialogues=dialogues, prepare=prepare, accept=accept or {}, model=model, names=names or {}, audit=audit
    )
    writer(export, Path(output).expanduser())
    return ExportReport(counts=dict(export.counts), masked=dict(masked), files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFolder:
    """What a finished labelling holds.

    Attributes:
        dialogues: with the model's labels.
        model: its fingerprint.
        accept: threshold and promise by task, of those that were certified.
        names: by task, what the model chooses from.
    """

    dialogues: DialogueRows
    model: str
    accept: Mapping[str, Acceptance]
    names: Mapping[str, Sequence[str]]


def labelled_dialogues(folder: str | Path, *, cache_dir: str | Path | None = None) -> LabelledFolder:
    """Read a finished labelling.

    Raises:
        ExportError: the folder is no labelling, or is not finished.
        CorpusError: a labelled file is missing or damaged.
    """
    path = Path(folder).expanduser()
    state, parts = path / "labelling.json", path / "dialogues"
    expected = "the output folder of experiments.label, with labelling.json and dialogues/ in it"
    if not state.is_file() or not parts.is_dir():
        problem = "no such folder" if not path.exists() else f"no {state.name if parts.is_dir() else parts.name} in it"
        raise ExportError(f"{path} holds no labelled dialogues: {problem}; expected {expected}")
    try:
        found = json.loads(state.read_text("utf-8"))
        model, finished, shards = found["settings"]["model"], found["finished"], len(found["shards"])
        names = {str(task): tuple(map(str, known)) for task, known in found.get("names", {}).items()}
        accept = {task: Acceptance.from_dict(fields) for task, fields in found["settings"]["promises"].items()}
    except (ValueError, KeyError, TypeError) as error:
        raise ExportError(f"{state} cannot be read ({error!r}); expected {expected}") from error
    if not finished:
        raise ExportError(f"the labelling in {path} is not finished ({shards} parts so far); start it again with the "
                          "same output, it goes on where it stopped")  # fmt: skip
    rows = load_dialogues("table", root=parts, split="all", cache_dir=cache_dir)
    return LabelledFolder(dialogues=DialogueRows(rows), model=str(model), accept=accept, names=names)


def _check_format(to: str) -> None:
    if to not in WRITERS:
        near = difflib.get_close_matches(to, WRITERS, n=1)
        raise ExportError(f"to is {to!r}; expected one of {', '.join(WRITERS)}" + (f" ({near[0]}?)" if near else ""))
