"""The layout that JointBERT (https://github.com/monologg/JointBERT) gives SNIPS and ATIS: one sentence a line.

A folder a split with ``seq.in`` (tokens), ``seq.out`` (BIO tags) and ``label`` (intent), line by line. A sentence is a
dialogue of one turn with a request and no response; its id is the line's number, from 1. The request is the tokens
joined with one blank, a slot's ``[start, end)`` counts characters there; a slot is a B- tag with the I- tags of the
same type that follow, and an I- tag that continues nothing starts one (counted; the releases have none). Goals are not
labelled, slots have no value beyond their text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from selflearn.corpora.corpus import Corpus, CorpusError, ReadReport
from selflearn.schema import Dialogue, Label, Labels, RecordError, Slot, Turn, TurnLabels

FILES = ("seq.in", "seq.out", "label")


@dataclass(frozen=True, kw_only=True)
class SentenceCorpus(Corpus):
    """Reader of ``SPLIT/seq.in``, ``seq.out`` and ``label``; subclasses say which corpus it is.

    Attributes:
        intent_prefix: every intent of the corpus begins with it; tells the corpora of this layout apart.
        foreign_prefix: no intent of the corpus begins with it; None for no such check.
    """

    intent_prefix: ClassVar[str] = ""
    foreign_prefix: ClassVar[str | None] = None

    def files(self, root: Path, split: str) -> list[Path]:
        """The three files of the split."""
        paths = [root / split / name for name in FILES]
        absent = [path for path in paths if not path.is_file()]
        if absent and any(root.glob("*/seq.in")):
            self.missing(f"{absent[0]} does not exist")
        if absent:
            self.not_this_corpus(root, ", ".join(f"{split}/{name}" for name in FILES))
        return paths

    def read(self, root: Path, split: str, report: ReadReport) -> Iterator[Dialogue]:
        """Yield one dialogue a line.

        Raises:
            CorpusError: a file is not there, or the files have not equally many lines, at least one.
            RecordError: a line breaks the record contract.
        """
        paths = self.files(root, split)
        columns = [_lines(path) for path in paths]
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1 or not lengths[0]:
            counts = ", ".join(f"{path.name} {n}" for path, n in zip(paths, lengths, strict=True))
            raise CorpusError(f"{paths[0].parent}: expected equally many lines, at least one, but found {counts}")
        for number, (tokens, tags, intent) in enumerate(zip(*columns, strict=True), start=1):
            if not tokens.split():
                report.add("dropped/empty_sentences", where=f"{paths[0]}:{number}")
                continue
            self._check_intent(paths[2], number, intent.strip())
            slots = _slots(tokens.split(), tags.split(), paths[1], number, report)
            report.add("dialogues")
            report.add("tokens", len(tokens.split()))
            report.add("slots", len(slots))
            labels = TurnLabels(intent=Label(value=intent.strip()), slots=slots)
            yield Dialogue(
                id=str(number),
                corpus=self.name,
                split=split,
                turns=(Turn(request=" ".join(tokens.split())),),
                labels=Labels(turns=(labels,)),
            )

    def _check_intent(self, path: Path, number: int, intent: str) -> None:
        foreign = self.foreign_prefix is not None and intent.startswith(self.foreign_prefix)
        if not intent or foreign or not intent.startswith(self.intent_prefix):
            expected = f"the name of an intent of {self.name}: is this another corpus?"
            raise RecordError("label", intent, expected, file=str(path), row=number)


def _lines(path: Path) -> list[str]:
    """Lines of a file; only line feeds end one (``splitlines`` would also break at characters inside a sentence)."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 text at byte {error.start}; get the file again") from error
    return lines[:-1] if lines[-1] == "" else lines


def _slots(tokens: Sequence[str], tags: Sequence[str], path: Path, number: int, report: ReadReport) -> tuple[Slot, ...]:
    if len(tags) != len(tokens):
        expected = f"{len(tokens)} tags, one a token of seq.in"
        raise RecordError("tags", f"{len(tags)} tags", expected, file=str(path), row=number)
    text, position = " ".join(tokens), 0
    spans: list[tuple[str, int, int]] = []
    before = "O"
    for token, tag in zip(tokens, tags, strict=True):
        if tag != "O" and tag[:2] not in ("B-", "I-"):
            raise RecordError("tags", tag, "O, B-NAME or I-NAME", file=str(path), row=number)
        if tag.startswith("I-") and before[2:] == tag[2:]:
            name, start, _ = spans.pop()
            spans.append((name, start, position + len(token)))
        elif tag != "O":
            report.add("tags_inside_without_begin", tag.startswith("I-"), where=f"{path}:{number}")
            spans.append((tag[2:], position, position + len(token)))
        before, position = tag, position + len(token) + 1
    return tuple(Slot(name=name, start=start, end=end, text=text[start:end]) for name, start, end in spans)
