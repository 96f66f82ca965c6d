"""Label Studio: dialogues as tasks with the labels as predictions, and the labelling configuration that shows them.

A task is one dialogue, shown by ``Paragraphs``, each paragraph a request or a response. On it lie three layers of
regions: a *goal* is a range of paragraphs, with its success as a choice; a *turn* is the request (the response where
there is none), with intent and defect as choices; a *slot* is a span within a request. Choices belong to their region
(``perRegion``): Label Studio checks predictions against the configuration when they are imported, and that check does
not know the names that its ``Repeater`` makes, so that one control a turn could not be filled in beforehand.

Label Studio counts characters as browsers do, in UTF-16 units; offsets are turned into them and back. The formats are
those of labelstud.io/guide/predictions, labelstud.io/guide/task_format and labelstud.io/tags/paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from selflearn.inference.export.survey import Survey
from selflearn.inference.export.units import to_units
from selflearn.inference.rows import (
    NO,
    YES,
    Acceptance,
    ExportError,
    label_rows,
    lowest_score,
    success_score,
    yes_no,
)
from selflearn.schema import Dialogue, Label

PERSON, ASSISTANT, NOBODY = "person", "assistant", "nobody"
GOAL, TURN, SLOT, SUCCESS, INTENT, DEFECT = "goal", "turn", "slot", "success", "intent", "defect"
OBJECT = "dialogue"
_SHOWN = 20
"""Choices that stand side by side; more become a list to search in."""

_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """One request or response as Label Studio shows it.

    Attributes:
        author: who says it.
        text: what is said; never empty.
        turn: index of the turn.
    """

    author: str
    text: str
    turn: int


def label_studio_config(survey: Survey) -> str:
    """The labelling configuration (XML) for the kinds and names of labels that a survey found.

    Raises:
        ExportError: a name has a character that XML cannot hold.
    """
    view = ElementTree.Element("View")
    for name, title, labels in (
        (GOAL, "Goals: mark from the first to the last paragraph of each", (GOAL,) if GOAL in survey.asked else ()),
        (TURN, "Turns: select one to see or give its intent", (TURN,) if {INTENT, DEFECT} & survey.asked else ()),
        (SLOT, "Slots: mark the words", survey.slots),
    ):
        if labels:
            ElementTree.SubElement(view, "Header", value=title, size="5")
            control = ElementTree.SubElement(view, "ParagraphLabels", name=name, toName=OBJECT)
            _options(control, "Label", labels)
    for name, region, title, choices in (
        (SUCCESS, GOAL, "Was the goal reached?", (YES, NO)),
        (INTENT, TURN, "What is asked for?", survey.intents),
        (DEFECT, TURN, "Did the response fail the person?", (YES, NO)),
    ):
        if name in survey.asked:
            shown = ElementTree.SubElement(view, "View", visibleWhen="region-selected", whenTagName=region)
            ElementTree.SubElement(shown, "Header", value=title, size="5")
            control = ElementTree.SubElement(
                shown, "Choices", name=name, toName=OBJECT, choice="single", perRegion="true", whenTagName=region,
                layout="inline" if len(choices) <= _SHOWN else "select",
            )  # fmt: skip
            _options(control, "Choice", choices)
    ElementTree.SubElement(view, "Paragraphs", name=OBJECT, value=f"${OBJECT}", layout="dialogue", nameKey="author",
                           textKey="text")  # fmt: skip
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def label_studio_task(
    dialogue: Dialogue, survey: Survey, *, accept: Mapping[str, Acceptance] | None = None, model: str | None = None
) -> dict[str, Any]:
    """One dialogue as a task with a prediction, in Label Studio's import format.

    Args:
        dialogue: labelled.
        survey: of all dialogues of the project.
        accept: threshold by task; ``data.rejected`` counts the labels below theirs.
        model: fingerprint; becomes the ``model_version``.
    """
    rows = label_rows(dialogue, accept=accept, model=model)
    shown = paragraphs(dialogue)
    certainty = {"lowest_score": lowest_score(rows), "rejected": sum(row.accepted is False for row in rows)}
    result = [*_goal_regions(dialogue, shown), *_turn_regions(dialogue, shown, survey), *_slot_regions(dialogue, shown)]
    prediction = {"model_version": model or "selflearn", "score": lowest_score(rows), "result": result}
    return {"data": _data(dialogue, shown, survey) | certainty, "predictions": [prediction]}


def label_studio_audit_task(dialogue: Dialogue, survey: Survey) -> dict[str, Any]:
    """One dialogue as a task in which people label by themselves: turns are marked, and nothing is answered.

    The marks spare them to make a region of each turn; they say nothing of what the model said.

    Args:
        dialogue: labelled or not.
        survey: of all dialogues that were labelled.
    """
    shown = paragraphs(dialogue)
    marks = [
        _result(f"turn-{i}", TURN, _region(place, place, shown), TURN, None)
        for i in range(len(dialogue.turns) if {INTENT, DEFECT} & survey.asked else 0)
        for place in [_first_paragraph(shown, i)]
    ]
    prediction = {"model_version": "marks", "result": marks}
    return {"data": _data(dialogue, shown, survey) | {"audit": True}, "predictions": [prediction]}


def _data(dialogue: Dialogue, shown: Sequence[Paragraph], survey: Survey) -> dict[str, Any]:
    return {
        "dialogue_id": dialogue.id, "corpus": dialogue.corpus, "split": dialogue.split, "turns": len(dialogue.turns),
        "asked": sorted(survey.asked),
        OBJECT: [{"author": part.author, "text": part.text, "turn": part.turn} for part in shown],
    }  # fmt: skip


def paragraphs(dialogue: Dialogue) -> tuple[Paragraph, ...]:
    """Requests and responses in order, the empty ones left out; a turn of neither is one paragraph that says so."""
    shown: list[Paragraph] = []
    for i, turn in enumerate(dialogue.turns):
        said = ((PERSON, turn.request), (ASSISTANT, turn.response))
        found = [Paragraph(author=author, text=text, turn=i) for author, text in said if text]
        shown += found or [Paragraph(author=NOBODY, text="(nothing was said)", turn=i)]
    return tuple(shown)


def _options(control: ElementTree.Element, tag: str, names: Sequence[str]) -> None:
    for name in names:
        if _NOT_IN_XML.search(name) or not name.strip():
            raise ExportError(f"the name {name!r} cannot be an option in Label Studio; expected printable characters")
        ElementTree.SubElement(control, tag, value=name)


def _region(
    first: int, last: int, shown: Sequence[Paragraph], start: int = 0, end: int | None = None
) -> dict[str, Any]:
    """The value of a region from the first to the last paragraph, itself included; offsets in characters."""
    end = len(shown[last].text) if end is None else end
    texts = [part.text for part in shown[first : last + 1]]
    texts[-1] = texts[-1][:end]
    texts[0] = texts[0][start:]
    return {
        "start": str(first), "end": str(last), "startOffset": to_units(shown[first].text, start),
        "endOffset": to_units(shown[last].text, end), "text": "".join(texts),
    }  # fmt: skip


def _result(region: str, control: str, value: Mapping[str, Any], answer: str, score: float | None) -> dict[str, Any]:
    kind = "choices" if control in (SUCCESS, INTENT, DEFECT) else "paragraphlabels"
    found = {"id": region, "from_name": control, "to_name": OBJECT, "type": kind, "value": {**value, kind: [answer]}}
    return found if score is None else {**found, "score": score}


def _goal_regions(dialogue: Dialogue, shown: Sequence[Paragraph]) -> Iterator[dict[str, Any]]:
    for number, goal in enumerate(dialogue.labels.goals or ()):
        inside = [i for i, part in enumerate(shown) if goal.start <= part.turn < goal.end]
        value, region = _region(inside[0], inside[-1], shown), f"goal-{number}"
        yield _result(region, GOAL, value, GOAL, goal.score)
        if goal.success is not None:
            yield _result(region, SUCCESS, value, yes_no(goal.success), success_score(goal))


def _turn_regions(dialogue: Dialogue, shown: Sequence[Paragraph], survey: Survey) -> Iterator[dict[str, Any]]:
    for i, labels in enumerate(dialogue.labels.turns):
        place = _first_paragraph(shown, i)
        value, region = _region(place, place, shown), f"turn-{i}"
        answers: list[tuple[str, str, float | None]] = []
        if labels.intent is not None and INTENT in survey.asked:
            answers.append((INTENT, labels.intent.value, labels.intent.score))
        if labels.defect is not None:
            defect: Label[bool] = labels.defect
            answers.append((DEFECT, yes_no(defect.value), defect.score))
        if answers:
            yield _result(region, TURN, value, TURN, None)
        yield from (_result(region, control, value, answer, score) for control, answer, score in answers)


def _first_paragraph(shown: Sequence[Paragraph], turn: int) -> int:
    return next(number for number, part in enumerate(shown) if part.turn == turn)


def _slot_regions(dialogue: Dialogue, shown: Sequence[Paragraph]) -> Iterator[dict[str, Any]]:
    for i, labels in enumerate(dialogue.labels.turns):
        for number, slot in enumerate(labels.slots or ()):
            place = next(j for j, part in enumerate(shown) if part.turn == i and part.author == PERSON)
            value = _region(place, place, shown, slot.start, slot.end)
            yield _result(f"slot-{i}-{number}", SLOT, value, slot.name, slot.score)
