"""The labels of a dialogue as flat rows, one a label, with what was promised of each: what every export begins from."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selflearn.schema import Dialogue, Goal, Label, Record, RecordError, TurnLabels
from selflearn.trust import accepted_items

YES, NO = "yes", "no"

TASKS = (
    "segmentation", "success", "domain", "intent", "slots", "transcript", "defect", "failure_point", "rephrase_target",
)  # fmt: skip
"""What the rows of a dialogue can be about: the first three of a goal, the others of a turn."""


class ExportError(ValueError):
    """An export cannot be made: says what, where, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance(Record):
    """From which score on the labels of a task, or those of one name or domain, are accepted, and what that promises.

    Attributes:
        threshold: in [0, 1]; None accepts no label of the task (nothing could be promised).
        promise: in words, for the reader of the table.
        max_items: at most so many labels of a dialogue are accepted, the best scores first; None for any number.
    """

    threshold: float | None = None
    promise: str | None = None
    max_items: int | None = None

    def _check(self) -> None:
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise RecordError("threshold", self.threshold, "a score in [0, 1], or nothing (no label is accepted)")
        if self.max_items is not None and self.max_items < 1:
            raise RecordError("max_items", self.max_items, "1 or more, or nothing (any number)")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRow(Record):
    """One label of one dialogue.

    Attributes:
        dialogue_id: with ``corpus`` and ``split`` the key of the dialogue.
        first_turn: first turn that the label is about, from 0.
        last_turn: last of them, itself included.
        task: one of :data:`TASKS`.
        label: the name: of the goal, domain, intent, slot or failure point; "yes" or "no" of success and defect. None
            for a goal without a name, for a transcript, and for a turn in which no slot was found.
        value: what a slot stands for, the transcript, or the index of the turn that says it again.
        text: characters ``[start, end)`` of the request, for a slot.
        start: of the slot in the request, in characters.
        end: one past its last character.
        source: of the label; None for a turn in which no slot was found (the record does not say who looked).
        domain: of the goal, where one is said; otherwise what the assistant took the first of the turns to be about.
        score: the probability that the label is right (of a goal, that it has exactly these turns); None without one.
        accepted: the score reaches the threshold, and is among the best of the dialogue where their number is limited;
            False where nothing could be promised; None where nothing was certified, or without a score.
        threshold: of the task, or of its labels of this name or domain; None where none was given, or none was found.
        promise: of the threshold, in words.
        model: fingerprint of the model, for its labels.
    """

    dialogue_id: str
    corpus: str
    split: str
    first_turn: int
    last_turn: int
    task: str
    label: str | None = None
    value: str | None = None
    text: str | None = None
    start: int | None = None
    end: int | None = None
    source: str | None = None
    domain: str | None = None
    score: float | None = None
    accepted: bool | None = None
    threshold: float | None = None
    promise: str | None = None
    model: str | None = None


def label_rows(
    dialogue: Dialogue, *, accept: Mapping[str, Acceptance] | None = None, model: str | None = None
) -> list[LabelRow]:
    """The labels of a dialogue: those of its goals, then those of its turns, each in order.

    Args:
        dialogue: labelled by a model, by people or by both.
        accept: threshold and promise by task, or by :func:`promise_key`; see :func:`check_acceptance`.
        model: fingerprint of the model whose labels they are.

    Example:
        >>> from selflearn import Label, Labels, Turn, TurnLabels
        >>> turns = (TurnLabels(intent=Label(value="PlayMusic", source="model", score=0.9)),)
        >>> dialogue = Dialogue(id="1", corpus="mine", split="all", turns=(Turn(request="play some jazz"),))
        >>> (row,) = label_rows(dialogue.with_labels(Labels(turns=turns)), accept={"intent": Acceptance(threshold=0.8)})
        >>> row.task, row.label, row.score, row.accepted
        ('intent', 'PlayMusic', 0.9, True)
    """
    return [LabelRow(**row) for row in table_rows(dialogue, accept=accept, model=model)]


def table_rows(
    dialogue: Dialogue, *, accept: Mapping[str, Acceptance] | None = None, model: str | None = None
) -> list[dict[str, Any]]:
    """The fields of :func:`label_rows` by name, for a table of many: the values are checked, being those of a record.

    Example:
        >>> from selflearn import Goal, Labels, Turn
        >>> dialogue = Dialogue(id="1", corpus="mine", split="all", turns=(Turn(request="play some jazz"),))
        >>> labels = Labels(goals=(Goal(start=0, end=1, name="PlayMusic"),))
        >>> dialogue = dialogue.with_labels(labels)
        >>> table_rows(dialogue) == [row.to_dict() for row in label_rows(dialogue)]
        True
    """
    empty = dict.fromkeys(LabelRow.__slots__)
    key = empty | {"dialogue_id": dialogue.id, "corpus": dialogue.corpus, "split": dialogue.split}
    rows = [key | fields for fields in _fields_of_rows(dialogue)]
    for row in rows:
        row["model"] = model if row["source"] == "model" else None
    if accept:
        _promise(rows, accept)
    return rows


EACH = {"label": "/", "domain": "@"}
"""What promises within a task may be for, and what stands before it in their keys."""

UNAUDITED = Acceptance(promise="Nothing is accepted: no label of this kind was audited.")


def promise_key(task: str, each: str | None = None, name: str | None = None) -> str:
    """The key of a promise: of a task, or of those of its labels that have a name or a domain.

    Args:
        task: one of :data:`TASKS`.
        each: one of :data:`EACH`; None for all labels of the task.
        name: of the label or the domain; None for labels without one.

    Example:
        >>> promise_key("intent", "label", "PlayMusic"), promise_key("slots", "domain", "music"), promise_key("defect")
        ('intent/PlayMusic', 'slots@music', 'defect')
    """
    return task if each is None else f"{task}{EACH[each]}{name or ''}"


def split_key(key: str) -> tuple[str, str | None, str | None]:
    """Task, what the promise is for, and the name: what :func:`promise_key` was given."""
    found = min(((key.find(mark), each) for each, mark in EACH.items() if mark in key), default=None)
    return (key, None, None) if found is None else (key[: found[0]], found[1], key[found[0] + 1 :] or None)


def key_in_words(key: str) -> str:
    """A key for people.

    Example:
        >>> key_in_words("intent/PlayMusic"), key_in_words("transcript/"), key_in_words("defect")
        ('intent: PlayMusic', 'transcript: no label', 'defect')
    """
    task, each, name = split_key(key)
    return task if each is None else f"{task}: {name or f'no {each}'}"


def check_acceptance(accept: Mapping[str, Acceptance]) -> None:
    """Refuse thresholds for tasks that no row can be about, and several kinds of promises for one task.

    Raises:
        ExportError: names the task, and the nearest known one.
    """
    kinds: dict[str, str] = {}
    for task, each, _ in map(split_key, accept):
        kind = f"each {each}" if each else "all labels"
        if kinds.setdefault(task, kind) != kind:
            raise ExportError(f"accept: {task!r} has promises for {kinds[task]} and for {kind}; expected one of them")
        if task not in TASKS:
            near = difflib.get_close_matches(task, TASKS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(TASKS)}"
            raise ExportError(f"accept: unknown task {task!r}; {hint}")


def review_key(rows: list[LabelRow]) -> tuple[bool, float]:
    """Orders dialogues for review: those with a rejected label first, and then by their least certain label.

    Returns:
        Sorts upwards: False and the lowest score of any label (1 where no label has one).
    """
    return not any(row.accepted is False for row in rows), lowest_score(rows)


def lowest_score(rows: list[LabelRow]) -> float:
    """The score of the least certain label; 1 where none has a score."""
    return min((row.score for row in rows if row.score is not None), default=1.0)


def yes_no(value: bool) -> str:
    """The answer of a question that is answered by yes or no."""
    return YES if value else NO


def success_score(goal: Goal) -> float | None:
    """Probability that what a goal says of its success is right; None where it says nothing."""
    if goal.success is None or goal.success_score is None:
        return None
    return goal.success_score if goal.success else 1 - goal.success_score


def _promise(rows: Sequence[dict[str, Any]], accept: Mapping[str, Acceptance]) -> None:
    """Write thresholds, promises, and what is accepted into the rows of a dialogue."""
    divided = {task: each for task, each, _ in map(split_key, accept) if each is not None}
    together: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        each = divided.get(row["task"])
        key = promise_key(row["task"], each, row[each] if each is not None else None)
        if each is not None or key in accept:
            together.setdefault(key, []).append(row)
    for key, of_key in together.items():
        scored = [row for row in of_key if row["score"] is not None]
        one = accept.get(key, UNAUDITED)
        for row in scored if one is UNAUDITED else of_key:
            row.update(threshold=one.threshold, promise=one.promise)
        taken = accepted_items([row["score"] for row in scored], threshold=one.threshold, max_items=one.max_items)
        for row, is_so in zip(scored, taken, strict=True):
            row["accepted"] = bool(is_so)


def _fields_of_rows(dialogue: Dialogue) -> Iterator[dict[str, Any]]:
    """Fields of each row that say what the label is, without those of the dialogue."""
    domains = _domains(dialogue)
    for goal in dialogue.labels.goals or ():
        place = {"first_turn": goal.start, "last_turn": goal.end - 1, "source": goal.source,
                 "domain": goal.domain or domains[goal.start]}  # fmt: skip
        yield {**place, "task": "segmentation", "label": goal.name, "score": goal.score}
        if goal.success is not None:
            yield {**place, "task": "success", "label": yes_no(goal.success), "score": success_score(goal)}
        if goal.domain is not None:
            yield {**place, "task": "domain", "label": goal.domain}
    for i, turn in enumerate(dialogue.labels.turns):
        for fields in _turn_fields(turn):
            yield {"first_turn": i, "last_turn": i, "domain": domains[i], **fields}


def _domains(dialogue: Dialogue) -> list[str | None]:
    """The domain of each turn: of its goal, or what the assistant took it for."""
    found = [turn.interpretations[0].domain if turn.interpretations else None for turn in dialogue.turns]
    for goal in dialogue.labels.goals or ():
        if goal.domain is not None:
            found[goal.start : goal.end] = [goal.domain] * (goal.end - goal.start)
    return found


def _turn_fields(turn: TurnLabels) -> Iterator[dict[str, Any]]:
    if turn.intent is not None:
        yield {"task": "intent", "label": turn.intent.value, **_origin(turn.intent)}
    if turn.slots == ():
        yield {"task": "slots"}
    for slot in turn.slots or ():
        yield {"task": "slots", "label": slot.name, "value": slot.value, "text": slot.text, "start": slot.start,
               "end": slot.end, "source": slot.source, "score": slot.score}  # fmt: skip
    if turn.transcript is not None:
        yield {"task": "transcript", "value": turn.transcript.value, **_origin(turn.transcript)}
    if turn.defect is not None:
        yield {"task": "defect", "label": yes_no(turn.defect.value), **_origin(turn.defect)}
    if turn.failure_point is not None:
        yield {"task": "failure_point", "label": turn.failure_point.value, **_origin(turn.failure_point)}
    if turn.rephrase_target is not None:
        target = turn.rephrase_target
        yield {"task": "rephrase_target", "value": str(target.value), **_origin(target)}


def _origin(label: Label[str] | Label[bool] | Label[int]) -> dict[str, Any]:
    return {"source": label.source, "score": label.score}
