"""The goal records as a table: one row a goal, with what is accepted of it and what that promises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from selflearn.schema import GoalRecord

_OF = {"segmentation": "", "success": "success_", "intent": "intent_"}
"""What of a goal is a label with a promise, and what its columns begin with."""

_CARRIED = ("accepted", "threshold", "promise")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRow(GoalRecord):
    """A goal record with what the table of labels says of its labels: see :class:`~selflearn.inference.rows.LabelRow`.

    Each promise is that of the label there: of all labels of its task, or of those of its name or domain. That of
    intents is of intents: nothing is promised of the names of goals as such, which are those of their most certain
    turns.

    Attributes:
        accepted: that the goal has exactly these turns.
        threshold: of goals.
        promise: of goals.
        success_accepted: whether it was reached.
        success_threshold: of success.
        success_promise: of success.
        intent_accepted: ``intent``, of the turn that stands for the goal.
        intent_threshold: of intents.
        intent_promise: of intents.
    """

    accepted: bool | None = None
    threshold: float | None = None
    promise: str | None = None
    success_accepted: bool | None = None
    success_threshold: float | None = None
    success_promise: str | None = None
    intent_accepted: bool | None = None
    intent_threshold: float | None = None
    intent_promise: str | None = None


def goal_rows(goals: Iterable[GoalRecord], labels: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The fields of a :class:`GoalRow` for each goal of a dialogue, by name.

    Args:
        goals: records of the dialogue.
        labels: its rows in the table of labels (:meth:`~selflearn.inference.Labeler.accept`).

    Example:
        >>> goal = GoalRecord(dialogue_id="1", corpus="mine", split="all", index=0, start=0, end=2)
        >>> said = {"task": "success", "first_turn": 0, "accepted": True, "threshold": 0.7, "promise": "kept"}
        >>> (row,) = goal_rows([goal], [said])
        >>> row["success_accepted"], row["success_promise"], row["accepted"]
        (True, 'kept', None)
    """
    said = {(row["task"], row["first_turn"]): row for row in labels if row["task"] in _OF}
    return [goal.to_dict() | _carried(goal, said) for goal in goals]


def _carried(goal: GoalRecord, said: Mapping[tuple[str, int], Mapping[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for task, begins in _OF.items():
        place = goal.start if task != "intent" else goal.turn if goal.intent is not None else None
        row = {} if place is None else said.get((task, place), {})
        found |= {f"{begins}{name}": row.get(name) for name in _CARRIED}
    return found
