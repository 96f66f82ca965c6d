"""Labelled dialogues for the page: the most uncertain ones, packed so that ten thousand of them open at once."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from selflearn.batching.rows import DialogueRows
from selflearn.inference.audit import is_right
from selflearn.inference.rows import Acceptance, LabelRow, label_rows, review_key
from selflearn.reports.page import ReportError
from selflearn.reports.scored import GoldComparison, by_people, gold_name
from selflearn.schema import Dialogue, Labels

MOST_DIALOGUES = 10_000
"""Dialogues of a page."""

MOST_CHARACTERS = 20_000_000
"""Characters of what was said in them: a page of long dialogues holds fewer."""

TURN_FIELDS = ("request", "response", "seconds")
"""Of a turn, flat: texts as numbers of strings, -1 for none; tenths of seconds, -1 for none."""

ROW_FIELDS = ("task", "first", "last", "label", "value", "start", "end", "score", "accepted", "right", "gold",
              "promise")  # fmt: skip
"""Of a label, flat: names as numbers of strings, the promise as one of promises, the score in ten thousandths, -1 for
none; 0, 1 or -1 for what is false, true or not known."""


class DialogueCollection:
    """Takes dialogues one by one and keeps the most uncertain ones, in memory that does not grow with the log.

    Args:
        accept: threshold and promise by task.
        most: dialogues to keep.

    Attributes:
        seen: dialogues taken.
        compared: the labels beside gold ones, where gold ones were given.
    """

    def __init__(self, accept: Mapping[str, Acceptance], *, most: int = MOST_DIALOGUES) -> None:
        self.accept, self.most = accept, most
        self.seen = 0
        self.compared = GoldComparison()
        self._kept: list[tuple[float, int, _Entry]] = []  # a heap: the most certain one first

    def add(self, dialogue: Dialogue, gold: Labels | None = None) -> None:
        """Take a labelled dialogue, and what people said of it."""
        rows = [row for row in label_rows(dialogue, accept=self.accept) if row.task != "slots" or row.label]
        right = [None if gold is None else is_right(row, dialogue.labels, gold) for row in rows]
        if gold is not None:
            self.compared.add(rows, right, dialogue.labels, gold)
        nothing_rejected, lowest = review_key(rows)
        item = (-lowest - 2 * nothing_rejected, -self.seen, _Entry(dialogue, rows, right, gold))
        self.seen += 1
        if len(self._kept) < self.most:
            heapq.heappush(self._kept, item)
        elif self._kept:
            heapq.heappushpop(self._kept, item)

    def to_json(self) -> dict[str, Any]:
        """The dialogues for the page, in the order of the log: ``total``, ``items``, and the texts in them."""
        kept: list[tuple[int, _Entry]] = []
        spent = 0
        for _, place, entry in sorted(self._kept, key=lambda item: item[:2], reverse=True):
            spent += entry.characters
            if kept and spent > MOST_CHARACTERS:
                break
            kept.append((-place, entry))
        strings = _Strings()
        tasks, promises = _Strings(), _Strings()
        items = [
            [place, *entry.packed(strings, tasks, promises)] for place, entry in sorted(kept, key=lambda pair: pair[0])
        ]  # fmt: skip
        return {"total": self.seen, "strings": strings.list(), "tasks": tasks.list(), "promises": promises.list(),
                "items": items}  # fmt: skip


def collect(
    dialogues: Iterable[Dialogue], accept: Mapping[str, Acceptance], *, gold: Iterable[Dialogue] | None = None,
    most: int = MOST_DIALOGUES,
) -> DialogueCollection:  # fmt: skip
    """Take all dialogues of a labelling.

    Args:
        dialogues: labelled by a model.
        accept: threshold and promise by task.
        gold: the same dialogues in the same order with the labels that they had before; those of people are compared.
        most: dialogues to keep.

    Raises:
        ReportError: ``gold`` are other dialogues.
    """
    found = DialogueCollection(accept, most=most)
    beside = None if gold is None else iter(slim(gold))
    for dialogue in slim(dialogues):
        original = None if beside is None else next(beside, None)
        if beside is not None and (original is None or original.id != dialogue.id):
            other = "none" if original is None else f"{original.id!r}"
            raise ReportError(f"labelled dialogue {found.seen} is {dialogue.id!r} and the input has {other} there; the "
                              "input has changed since: label it into another output")  # fmt: skip
        labels = None if original is None or not by_people(original.labels) else original.labels
        found.add(dialogue, labels)
    return found


def slim(dialogues: Iterable[Dialogue]) -> Iterable[Dialogue]:
    """The dialogues with what the page shows alone: rows of a file are read in a fraction of the time."""
    if not isinstance(dialogues, DialogueRows):
        return dialogues
    rows = dialogues.dataset.select_columns(["id", "corpus", "split", "turns", "labels"])
    return (Dialogue.from_dict(row | {"turns": [_slim_turn(turn) for turn in row["turns"]]}) for row in rows)


def _slim_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of a turn, and the domain that promises may go by."""
    understood = [{"domain": reading["domain"]} for reading in (turn["interpretations"] or ())[:1]]
    return {name: turn[name] for name in TURN_FIELDS} | {"interpretations": understood}


class _Strings:
    """Each distinct text once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, text: str | None) -> int:
        return -1 if text is None else self._numbers.setdefault(text, len(self._numbers))

    def list(self) -> list[str]:
        return list(self._numbers)


class _Entry:
    """What is kept of a dialogue."""

    __slots__ = ("characters", "id", "rows", "turns")

    def __init__(
        self, dialogue: Dialogue, rows: list[LabelRow], right: list[bool | None], gold: Labels | None
    ) -> None:  # fmt: skip
        self.id = dialogue.id
        self.turns = [(turn.request, turn.response, turn.seconds) for turn in dialogue.turns]
        self.rows = [_packed(row, is_so, gold) for row, is_so in zip(rows, right, strict=True)]
        self.characters = sum(len(turn[0] or "") + len(turn[1] or "") for turn in self.turns)

    def packed(self, strings: _Strings, tasks: _Strings, promises: _Strings) -> tuple[int, list[int], list[int]]:
        """Number of the id; fields of the turns; fields of the labels."""
        turns = [
            number
            for request, response, seconds in self.turns
            for number in (strings(request), strings(response), -1 if seconds is None else round(seconds * 10))
        ]
        rows = [
            number
            for task, label, value, gold, promise, (first, last, start, end, score, accepted, right) in self.rows
            for number in (
                tasks(task), first, last, strings(label), strings(value), start, end, score, accepted, right,
                strings(gold), promises(promise),
            )
        ]  # fmt: skip
        return strings(self.id), turns, rows


_Row = tuple[str, str | None, str | None, str | None, str | None, tuple[int, int, int, int, int, int, int]]


def _packed(row: LabelRow, right: bool | None, gold: Labels | None) -> _Row:
    wanted = gold_name(row, gold) if gold is not None and right is False else None
    numbers = (
        row.first_turn, row.last_turn, -1 if row.start is None else row.start, -1 if row.end is None else row.end,
        -1 if row.score is None else round(row.score * 10_000), _flag(row.accepted), _flag(right),
    )  # fmt: skip
    return row.task, row.label, row.value, wanted, row.promise, numbers


def _flag(value: bool | None) -> int:
    return -1 if value is None else int(value)
