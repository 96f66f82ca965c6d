"""Argilla: turns as records with the labels as suggestions, and the settings of the dataset that shows them.

A record is one turn: the request, on which slots are marked, the response, and the dialogue around it as a chat.
Questions are of fixed number in Argilla, so a dialogue as one record could not ask about each of its turns. Its pages
count UTF-16 units and its server characters (argilla-io/argilla#5729); so that both mean the same, an emoji of the
request becomes U+FFFD there (the chat has the emoji). The layout
is that of ``Dataset.from_disk`` of the Argilla SDK 2.8: ``.argilla/settings.json``, ``.argilla/dataset.json`` and
``records.json`` (argilla/datasets/_io/_disk.py, argilla/records/_resource.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from selflearn.inference.export.survey import Survey
from selflearn.inference.export.units import one_unit_each
from selflearn.inference.rows import NO, YES, Acceptance, LabelRow, label_rows, lowest_score, yes_no
from selflearn.schema import Dialogue

CONTEXT = 10
"""Turns before and after a turn that are shown with it."""

_TITLES = {
    "intent": "What does the person ask for in this turn?",
    "slots": "Mark the slots in the request.",
    "boundary": "Does a new goal start in this turn?",
    "success": "Where a goal ends in this turn: was it reached?",
    "defect": "Did the response fail the person?",
}


def argilla_settings(survey: Survey) -> dict[str, Any]:
    """The settings of a dataset for the kinds and names of labels that a survey found."""
    options = {"boundary": (YES, NO), "success": (YES, NO), "defect": (YES, NO), "intent": survey.intents}
    asked = [name for name in _TITLES if {"boundary": "goal", "slots": "slot"}.get(name, name) in survey.asked]
    questions = []
    for name in asked:
        if name == "slots":
            setting: dict[str, Any] = {"type": "span", "field": "request", "allow_overlapping": True}
        else:
            setting = {"type": "label_selection"}
        setting["options"] = [_option(value) for value in options.get(name, survey.slots)]
        # One question must be required; it is one that has an answer for every turn.
        required = name == next((one for one in ("intent", "defect", "boundary") if one in asked), asked[0])
        questions.append({"name": name, "title": _TITLES[name], "required": required, "settings": setting})
    return {
        "guidelines": "Each record is one turn of a dialogue. Suggestions come from a model; correct them.",
        "fields": [
            _field("request", {"type": "text", "use_markdown": False}, required=False),
            _field("response", {"type": "text", "use_markdown": False}, required=False),
            _field("dialogue", {"type": "chat", "use_markdown": False}, required=True),
        ],
        "questions": questions,
        "metadata": [
            _metadata("dialogue_id", {"type": "terms"}), _metadata("corpus", {"type": "terms"}),
            _metadata("split", {"type": "terms"}), _metadata("turn", {"type": "integer"}),
            _metadata("lowest_score", {"type": "float"}), _metadata("rejected", {"type": "integer"}),
        ],
        "vectors": [],
        "allow_extra_metadata": True,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
        "mapping": None,
    }  # fmt: skip


def argilla_dataset() -> dict[str, Any]:
    """The dataset itself, as ``dataset.json`` holds it; Argilla takes the name that is given when it is imported."""
    return {"name": "selflearn", "status": "draft", "guidelines": None, "allow_extra_metadata": True}


def argilla_records(
    dialogue: Dialogue, survey: Survey, *, accept: Mapping[str, Acceptance] | None = None, model: str | None = None
) -> Iterator[dict[str, Any]]:
    """The turns of a dialogue as records with suggestions, in order.

    Args:
        dialogue: labelled.
        survey: of all dialogues of the dataset.
        accept: threshold by task; ``metadata.rejected`` counts the labels below theirs.
        model: fingerprint; named as the agent of the suggestions.
    """
    rows = label_rows(dialogue, accept=accept, model=model)
    agent = f"selflearn:{model}" if model is not None else "selflearn"
    for i in range(len(dialogue.turns)):
        of_turn = [row for row in rows if _asked_at(row) == i]
        certainty = {"lowest_score": lowest_score(of_turn), "rejected": sum(row.accepted is False for row in of_turn)}
        suggestions = {
            name: {"value": value, "score": score, "agent": agent}
            for name, value, score in _suggestions(dialogue, i, of_turn, survey)
        }
        yield _record(dialogue, i, certainty, suggestions)


def argilla_audit_record(dialogue: Dialogue, turn: int) -> dict[str, Any]:
    """One turn as a record without suggestions, for people who label by themselves."""
    return _record(dialogue, turn, {"audit": True}, {})


def _record(dialogue: Dialogue, i: int, metadata: Mapping[str, Any], suggestions: Mapping[str, Any]) -> dict[str, Any]:
    turn = dialogue.turns[i]
    fields = {"request": one_unit_each(turn.request or ""), "response": turn.response}
    return {
        "id": "/".join((dialogue.corpus, dialogue.split, dialogue.id, str(i))),
        "fields": {**{name: text for name, text in fields.items() if text}, "dialogue": _chat(dialogue, i)},
        "metadata": {
            "dialogue_id": dialogue.id, "corpus": dialogue.corpus, "split": dialogue.split, "turn": i, **metadata,
        },
        "suggestions": dict(suggestions),
        "responses": {},
        "vectors": {},
        "status": "pending",
    }  # fmt: skip


def _asked_at(row: LabelRow) -> int:
    """The turn whose record asks about a label: of success, the last of the goal."""
    return row.last_turn if row.task == "success" else row.first_turn


def _suggestions(
    dialogue: Dialogue, turn: int, rows: list[LabelRow], survey: Survey
) -> Iterator[tuple[str, Any, float | list[float] | None]]:
    if dialogue.labels.goals is not None:
        start = next((row for row in rows if row.task == "segmentation"), None)
        yield "boundary", yes_no(start is not None), None if start is None else start.score
    for task in ("success", "intent", "defect"):
        yield from ((task, row.label, row.score) for row in rows if row.task == task and task in survey.asked)
    labels = dialogue.labels.turns[turn] if dialogue.labels.turns else None
    if "slot" in survey.asked and labels is not None and labels.slots is not None and dialogue.turns[turn].request:
        scores = [slot.score for slot in labels.slots if slot.score is not None]
        spans = [{"start": slot.start, "end": slot.end, "label": slot.name} for slot in labels.slots]
        yield "slots", spans, scores if spans and len(scores) == len(spans) else None


def _chat(dialogue: Dialogue, turn: int) -> list[dict[str, str]]:
    """The turns around a turn; roles carry their numbers, from 1."""
    chat = []
    for i in range(max(0, turn - CONTEXT), min(len(dialogue.turns), turn + CONTEXT + 1)):
        for role, text in (("person", dialogue.turns[i].request), ("assistant", dialogue.turns[i].response)):
            if text:
                chat.append({"role": f"{role} {i + 1}", "content": text})
    return chat or [{"role": "nobody", "content": "(nothing was said)"}]


def _option(value: str) -> dict[str, str | None]:
    return {"value": value, "text": value, "description": None}


def _field(name: str, settings: dict[str, Any], *, required: bool) -> dict[str, Any]:
    return {"name": name, "title": name, "required": required, "settings": settings}


def _metadata(name: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "title": name, "visible_for_annotators": True, "settings": settings}
